/* memory.c - every allocation of every kind of statement fails, once and for good: the answer is 53200 or the right one, the session works on,
 * nothing has changed, and when the session is closed all its memory has been given back. */
#include "common/arena.h"
#include "common/hash.h"
#include "session/session.h"
#include "tests/torture/torture.h"

/* A statement, and what makes good its effect (NULL: it has none). Several separated by semicolons are one transaction. */
typedef struct Kind { const char *sql, *undo; } Kind;

static const Kind kinds[] = {
    {"SELECT 1", NULL},
    {"SELECT * FROM account WHERE id = 5", NULL},
    {"SELECT owner, count(*), sum(amount), string_agg(note, ',' ORDER BY id), array_agg(id) FROM account GROUP BY owner HAVING count(*) > 1", NULL},
    {"SELECT a.id, i.body FROM account a JOIN item i ON i.account = a.id ORDER BY i.body DESC, a.id LIMIT 7 OFFSET 2", NULL},
    {"SELECT a.id FROM account a LEFT JOIN item i ON i.account = a.id AND i.id > 10 WHERE i.id IS NULL", NULL},
    {"SELECT id, row_number() OVER w, sum(amount) OVER w, lag(amount, 2) OVER w FROM account WINDOW w AS (PARTITION BY owner ORDER BY amount)", NULL},
    {"SELECT DISTINCT owner FROM account UNION SELECT id FROM item EXCEPT SELECT 3 INTERSECT SELECT 4", NULL},
    {"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 300) SELECT sum(n) FROM r", NULL},
    {"SELECT id FROM account a WHERE amount > (SELECT avg(amount) FROM account b WHERE b.owner = a.owner) AND EXISTS (SELECT FROM item i WHERE i.account = a.id)", NULL},
    {"SELECT count(*) FROM account a, LATERAL (SELECT body FROM item WHERE account = a.id LIMIT 1) x, unnest(ARRAY[1, 2, 3]) u", NULL},
    {"SELECT DISTINCT ON (owner) owner, id FROM account ORDER BY owner, id DESC FOR UPDATE", NULL},
    {"SELECT id FROM account ORDER BY note FOR UPDATE SKIP LOCKED", NULL},
    {"SELECT coalesce(note, 'x') || upper(note), substr(note, 2, 3), note LIKE 'a%b%', note ~ '^[a-f]+', amount::numeric / 7, to_timestamp(id * 1e6), to_char(amount, '999D9') FROM account", NULL},
    {"VALUES (1, 'a'), (2, NULL)", NULL},
    {"WITH RECURSIVE r(id, depth) AS (SELECT id, 0 FROM account WHERE id < 4 UNION ALL SELECT a.id, r.depth + 1 FROM r JOIN account a ON a.owner = r.id % 7 "
     "WHERE r.depth < 3) SELECT count(*), max(depth) FROM r", NULL},
    {"SELECT id, CASE WHEN id > 30 THEN (SELECT max(body) FROM item WHERE account = a.id) ELSE (SELECT min(note) FROM account b WHERE b.owner = a.id) END "
     "FROM account a ORDER BY id", NULL},
    {"SELECT owner, ARRAY(SELECT i.id FROM item i WHERE i.account = a.owner ORDER BY 1), percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) FROM account a "
     "GROUP BY GROUPING SETS ((owner), ())", NULL},
    {"SELECT id FROM account WHERE id IN (SELECT account FROM item) AND owner <> ALL (SELECT id FROM item WHERE id > 15) FOR NO KEY UPDATE", NULL},
    {"INSERT INTO account SELECT g, 1, g, md5(g::text) FROM generate_series(200, 260) g RETURNING id, note", "DELETE FROM account WHERE id >= 200"},
    {"INSERT INTO item VALUES (300, 1, (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 900) g))", "DELETE FROM item WHERE id = 300"},
    {"INSERT INTO account VALUES (1, 2, 3, 'x') ON CONFLICT (id) DO UPDATE SET note = excluded.note", NULL},
    {"INSERT INTO account VALUES (1, 2, 3, 'x') ON CONFLICT DO NOTHING", NULL},
    {"UPDATE account SET amount = amount + 1, owner = owner % 5 WHERE id % 3 = 0 RETURNING *", NULL},
    {"UPDATE item SET body = body || account.note FROM account WHERE account.id = item.account AND item.id < 10", NULL},
    {"DELETE FROM account WHERE id BETWEEN 20 AND 25", "INSERT INTO account SELECT g, 1, 1, 'back' FROM generate_series(20, 25) g ON CONFLICT DO NOTHING"},
    {"MERGE INTO account t USING (VALUES (1, 5), (500, 6)) v(id, n) ON t.id = v.id WHEN MATCHED THEN UPDATE SET amount = n WHEN NOT MATCHED THEN INSERT VALUES (v.id, 1, n, '')",
     "DELETE FROM account WHERE id = 500"},
    {"CREATE TABLE fresh (id serial PRIMARY KEY, a int UNIQUE DEFAULT 7 CHECK (a > 0), b text NOT NULL, c int REFERENCES account)", "DROP TABLE IF EXISTS fresh"},
    {"CREATE TABLE copy AS SELECT * FROM account", "DROP TABLE IF EXISTS copy"},
    {"CREATE INDEX fresh_index ON account (note DESC, amount) INCLUDE (owner)", "DROP INDEX IF EXISTS fresh_index"},
    {"CREATE MATERIALIZED VIEW fresh_view AS SELECT owner, count(*) FROM account GROUP BY owner", "DROP MATERIALIZED VIEW IF EXISTS fresh_view"},
    {"CREATE TABLE fresh (a int, b int DEFAULT 3) PARTITION BY RANGE (a); CREATE TABLE fresh1 PARTITION OF fresh FOR VALUES FROM (0) TO (10); "
     "CREATE TABLE fresh2 PARTITION OF fresh DEFAULT; CREATE INDEX ON fresh (b); INSERT INTO fresh SELECT g FROM generate_series(5, 15) g; "
     "UPDATE fresh SET a = a - 5; ALTER TABLE fresh DETACH PARTITION fresh2",
     "DROP TABLE IF EXISTS fresh, fresh2"},
    {"CREATE TABLE fresh () INHERITS (account); ALTER TABLE account ALTER COLUMN amount TYPE numeric; UPDATE account SET amount = 1.5 WHERE id = 3",
     "DROP TABLE IF EXISTS fresh; ALTER TABLE account ALTER COLUMN amount TYPE bigint"},
    {"VACUUM FULL account", NULL},
    {"CLUSTER account USING account_pkey", NULL},
    {"CREATE VIEW fresh_view AS SELECT owner, count(*) FROM account GROUP BY owner", "DROP VIEW IF EXISTS fresh_view"},
    {"CREATE SEQUENCE fresh_seq", "DROP SEQUENCE IF EXISTS fresh_seq"},
    {"CREATE SCHEMA fresh_schema", "DROP SCHEMA IF EXISTS fresh_schema"},
    {"CREATE DOMAIN fresh_domain AS int CHECK (VALUE > 0)", "DROP DOMAIN IF EXISTS fresh_domain"},
    {"CREATE TYPE fresh_type AS ENUM ('a', 'b')", "DROP TYPE IF EXISTS fresh_type"},
    {"CREATE FUNCTION fresh_function(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1'", "DROP FUNCTION IF EXISTS fresh_function"},
    {"ALTER TABLE account ADD COLUMN fresh int DEFAULT 4", "ALTER TABLE account DROP COLUMN IF EXISTS fresh"},
    {"ALTER TABLE item ADD CONSTRAINT fresh CHECK (id >= 0)", "ALTER TABLE item DROP CONSTRAINT IF EXISTS fresh"},
    {"ALTER TABLE item ALTER COLUMN body SET DEFAULT 'x'", NULL},
    {"ALTER TABLE item RENAME COLUMN body TO text", "ALTER TABLE item RENAME COLUMN text TO body"},
    {"COMMENT ON TABLE item IS 'things'", NULL},
    {"BEGIN; SAVEPOINT a; UPDATE account SET amount = 0; ROLLBACK TO a; SAVEPOINT b; DELETE FROM item WHERE id = 3; RELEASE b; ROLLBACK", NULL},
    {"DROP TABLE item", "CREATE TABLE IF NOT EXISTS item (id int PRIMARY KEY, account int, body text)"},
    {"TRUNCATE item", NULL},
    {"VACUUM", NULL},
    {"ANALYZE", NULL},
    {"CHECKPOINT", NULL},
    {"EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM account a JOIN item i ON i.account = a.id", NULL},
    {"EXPLAIN (FORMAT JSON) SELECT * FROM account ORDER BY note", NULL},
    {"PREPARE p(int) AS SELECT * FROM account WHERE id = $1; EXECUTE p(3); DEALLOCATE p", "DEALLOCATE ALL"},
    {"BEGIN; DECLARE c CURSOR FOR SELECT * FROM account; FETCH 3 FROM c; CLOSE c; COMMIT", NULL},
    {"BEGIN; LOCK TABLE account IN EXCLUSIVE MODE; COMMIT", NULL},
    {"COPY account TO STDOUT (FORMAT csv, HEADER)", NULL},
    {"COPY item FROM STDIN", "DELETE FROM item WHERE id = 900"},
    {"SET work_mem = '1MB'", "RESET work_mem"},
    {"SHOW ALL", NULL},
    {"SELECT set_config('search_path', 'public', true), nextval('counter'), currval('counter')", NULL},
    {"SELECT relname, pg_get_indexdef(oid) FROM pg_class WHERE relkind = 'i'", NULL},
    {"SELECT * FROM information_schema.columns WHERE table_schema = 'public'", NULL},
    {"SELECT * FROM quern_check()", NULL},
    {"GRANT SELECT ON account TO PUBLIC", NULL},
    {"DISCARD PLANS", NULL},
};

static int
take_text(void *arg, const char *data, size_t n)
{
    (void)arg, (void)data, (void)n;
    return 0;
}

static int
give_text(void *arg, char *buf, size_t cap, size_t *n)
{
    static const char line[] = "900\t1\tcopied\n";
    int *given = arg;
    *n = *given == 0 && cap > sizeof(line) ? sizeof(line) - 1 : 0;
    memcpy(buf, line, *n);
    *given += 1;
    return 0;
}

/* What a run gave: the number of rows and a hash of their text. */
typedef struct Answer {
    long rows;
    uint64_t hash;
    bool is_partial; /* a value had no text for want of memory */
} Answer;

/* Runs a prepared statement to its end and makes it ready for another run. */
static int
step_through(quern_stmt *stmt, Answer *a)
{
    int code;
    for (*a = (Answer){0}; (code = quern_step(stmt)) == QUERN_ROW; a->rows++)
        for (int c = 0; c < quern_column_count(stmt); c++) {
            const char *text = quern_column_text(stmt, c);
            a->is_partial |= text == NULL && !quern_column_is_null(stmt, c);
            a->hash = hash_u64(a->hash + (text != NULL ? hash_bytes(text, strlen(text)) : 1));
        }
    quern_reset(stmt);
    return code == QUERN_DONE ? QUERN_OK : code;
}

/* Runs the statement as a prepared one where it is one, else as it stands. */
static int
run(quern *db, const Kind *k, bool prepared, int *given)
{
    quern_stmt *stmt;
    Answer a;
    *given = 0;
    if (!prepared) return quern_exec(db, k->sql, NULL, NULL);
    int code = quern_prepare(db, k->sql, -1, &stmt, NULL);
    if (code != QUERN_OK) return code;
    code = step_through(stmt, &a);
    quern_finalize(stmt);
    return code;
}

static uint64_t
digest(quern *db)
{
    uint64_t h;
    if (!digest_of(db, &h)) die("the database cannot be read: %s", quern_errmsg(db));
    return h;
}

/* Fails allocation 0, 1, ... of a statement until it ends well without having met the failure. Now and then the whole database is looked at:
 * what failed has changed nothing. */
static void
fail_each(quern *db, const Kind *k, bool prepared, bool sticky, int *given)
{
    enum { LOOK_EVERY = 64 };
    uint64_t held = digest(db);
    for (int64_t n = 0;; n++) {
        doing("allocation %lld%s fails in: %s", (long long)n, sticky ? " and all after it" : "", k->sql);
        mem_fail_after(n, sticky);
        int code = run(db, k, prepared, given);
        bool failed = mem_has_failed();
        mem_fail_after(-1, false);
        if (code != QUERN_OK && strcmp(quern_sqlstate(db), "53200") != 0)
            die("%s: %s", quern_sqlstate(db), quern_errmsg(db));
        if (quern_transaction_status(db) != 'I') must(db, "ROLLBACK");
        /* What a session keeps outside of transactions may be there after a failure, too. */
        if (k->undo != NULL && (code == QUERN_OK || strcmp(k->undo, "DEALLOCATE ALL") == 0)) must(db, k->undo);
        if (code == QUERN_OK) held = digest(db);
        else if (n % LOOK_EVERY == 0 && digest(db) != held) die("it failed and has changed the database");
        if (!failed) return;
        tally.memory++;
        if (n > 100000) die("no end of allocations");
    }
}

static void
expect_answer(const Answer *a, const Answer *want)
{
    if (a->rows != want->rows) die("%ld rows, not %ld", a->rows, want->rows);
    if (a->hash != want->hash) die("the rows are others");
}

/* One prepared statement fails at its n-th allocation and then runs again. Whatever ends well gives the right rows: what of its plan is built
 * when it is first needed, and was not, is no part of the second run. */
static void
fail_and_repeat(quern *db, const Kind *k)
{
    quern_stmt *stmt;
    Answer want, a;
    if (quern_prepare(db, k->sql, -1, &stmt, NULL) != QUERN_OK || step_through(stmt, &want) != QUERN_OK) die("%s", quern_errmsg(db));
    quern_finalize(stmt);
    for (int64_t n = 0;; n++) {
        doing("a second run, after allocation %lld failed in: %s", (long long)n, k->sql);
        if (quern_prepare(db, k->sql, -1, &stmt, NULL) != QUERN_OK) die("%s", quern_errmsg(db));
        mem_fail_after(n, false);
        int code = step_through(stmt, &a);
        bool failed = mem_has_failed();
        mem_fail_after(-1, false);
        if (code != QUERN_OK && strcmp(quern_sqlstate(db), "53200") != 0) die("%s: %s", quern_sqlstate(db), quern_errmsg(db));
        if (code == QUERN_OK && !a.is_partial) expect_answer(&a, &want);
        if (step_through(stmt, &a) != QUERN_OK) die("%s: %s", quern_sqlstate(db), quern_errmsg(db));
        expect_answer(&a, &want);
        quern_finalize(stmt);
        if (!failed) return;
        tally.memory++;
    }
}

static quern *
open_filled(FaultFs *fs)
{
    quern_config config;
    Session *s;
    quern_config_init(&config);
    config.no_background = 1;
    Status st = session_open("memory.db", &config, fault_fs_ops(fs), &s);
    if (st != QN_OK) die("opening: %s", status_sqlstate(st));
    script_setup((quern *)s);
    must((quern *)s, "CREATE SEQUENCE counter");
    return (quern *)s;
}

/* Its answer is the same every time. */
static bool
is_stable_query(const char *sql)
{
    return (strncmp(sql, "SELECT", 6) == 0 || strncmp(sql, "WITH", 4) == 0) && strstr(sql, "nextval") == NULL;
}

static void
one_kind(const Kind *k)
{
    int64_t before = mem_live_blocks();
    int given;
    FaultFs *fs = fault_fs_create();
    if (fs == NULL) abort();
    doing("memory: %s", k->sql);
    quern *db = open_filled(fs);
    quern_copy_sink(db, take_text, NULL);
    quern_copy_source(db, give_text, &given);
    bool works = run(db, k, false, &given) == QUERN_OK;
    if (!works && strcmp(quern_sqlstate(db), "0A000") != 0) die("%s: %s", quern_sqlstate(db), quern_errmsg(db));
    if (works) {
        if (k->undo != NULL) must(db, k->undo);
        fail_each(db, k, false, false, &given);
        fail_each(db, k, false, true, &given);
        if (strchr(k->sql, ';') == NULL) fail_each(db, k, true, false, &given);
        if (is_stable_query(k->sql)) fail_and_repeat(db, k);
        doing("after failing allocations in: %s", k->sql);
        check_clean(db);
    }
    if (quern_close(db) != QUERN_OK) die("closing fails");
    fault_fs_destroy(fs);
    if (mem_live_blocks() != before) die("%lld blocks are not given back", (long long)(mem_live_blocks() - before));
    if (getenv("TORTURE_SHOW") != NULL) printf("%s\n", k->sql);
}

/* Opening, on a new file and on one that needs recovery. */
static void
open_each(void)
{
    quern_config config;
    Session *s;
    FaultFs *base = fault_fs_create();
    int64_t before = mem_live_blocks();
    quern_config_init(&config);
    config.no_background = 1;
    quern *db = open_filled(base);
    fault_fs_kill(base);
    quern_close(db);
    for (int64_t n = 0;; n++) {
        doing("allocation %lld fails while opening", (long long)n);
        FaultFs *fs = fault_fs_clone(base);
        mem_fail_after(n, false);
        Status st = session_open("memory.db", &config, fault_fs_ops(fs), &s);
        bool failed = mem_has_failed();
        mem_fail_after(-1, false);
        if (st != QN_OK && st != ERR_OUT_OF_MEMORY) die("%s", status_sqlstate(st));
        if (st == QN_OK) check_clean((quern *)s);
        if (s != NULL) (void)!(session_close(s) == QN_OK);
        fault_fs_destroy(fs);
        if (!failed) break;
        tally.memory++;
    }
    fault_fs_destroy(base);
    if (mem_live_blocks() != before) die("%lld blocks are not given back", (long long)(mem_live_blocks() - before));
}

/* is_tight: every allocation from an arena is one that fails, not only those that need another block. */
void
memory_step(uint64_t *seed, bool is_tight)
{
    (void)seed;
    mem_fail_tightly(is_tight);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) one_kind(&kinds[i]);
    open_each();
    mem_fail_tightly(false);
}
