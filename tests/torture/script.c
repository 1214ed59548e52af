/* script.c - transactions from a seed, how they must end, and what a database holds. See torture.h. */
#include "tests/torture/torture.h"
#include <stdarg.h>

enum { ROWS = 120 };

/* ---- making statements ---- */

static void __attribute__((format(printf, 2, 3)))
add(Transaction *t, const char *fmt, ...)
{
    va_list ap;
    char *sql = NULL;
    if (t->n == STATEMENTS_MAX) return;
    va_start(ap, fmt);
    if (vasprintf(&sql, fmt, ap) < 0) abort();
    va_end(ap);
    t->statements[t->n++].sql = sql;
}

/* An expression for a text: short, long, or so long that it goes to overflow pages; not to be compressed away. */
static const char *
body(uint64_t *s, char *buf, size_t cap)
{
    int kind = pick(s, 12), n = pick(s, 1000000);
    if (kind == 0) snprintf(buf, cap, "(SELECT string_agg(md5((g * %d)::text), '') FROM generate_series(1, %d) g)", n, 400 + pick(s, 900));
    else if (kind < 3) snprintf(buf, cap, "repeat(md5('%d'), %d)", n, 20 + pick(s, 60));
    else snprintf(buf, cap, "md5('%d')", n);
    return buf;
}

static void
add_change(Transaction *t, uint64_t *s)
{
    char b[200];
    int id = pick(s, ROWS), other = pick(s, ROWS), n = pick(s, 1000);
    switch (pick(s, 14)) {
    case 0: case 1:
        add(t, "INSERT INTO account VALUES (%d, %d, %d, %s) ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, note = excluded.note",
            id, n % 7, n, body(s, b, sizeof(b)));
        break;
    case 2:
        add(t, "INSERT INTO account SELECT g, g %% 7, %d, 'many' FROM generate_series(%d, %d) g ON CONFLICT DO NOTHING", n, id, id + pick(s, 60));
        break;
    case 3: case 4: add(t, "UPDATE account SET amount = amount + %d WHERE owner = %d", n, n % 7); break;
    case 5: add(t, "UPDATE account SET owner = owner + 1, note = %s WHERE id = %d", body(s, b, sizeof(b)), id); break;
    case 6: add(t, "UPDATE account SET amount = amount - 1 WHERE id BETWEEN %d AND %d", id, id + 5); break;
    case 7: add(t, "DELETE FROM account WHERE id = %d", id); break;
    case 8: add(t, "DELETE FROM account WHERE owner = %d AND id > %d", n % 9, id); break;
    case 9: case 10:
        add(t, "INSERT INTO item SELECT %d, min(id), %s FROM account WHERE id >= %d HAVING min(id) IS NOT NULL ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            other, body(s, b, sizeof(b)), id);
        break;
    case 11: add(t, "DELETE FROM item WHERE id BETWEEN %d AND %d", other, other + 3); break;
    case 12: add(t, "INSERT INTO item VALUES (%d, %d, 'no such account')", other, 100000 + n); break; /* 23503 */
    default: add(t, "INSERT INTO account VALUES (%d, 1, -1, 'negative')", id); break;                   /* 23505 or 23514 */
    }
}

/* A table in parts of a hundred ids each, some of them missing or on their own. */
static void
add_partitions(Transaction *t, uint64_t *s)
{
    int n = pick(s, 3), id = pick(s, 300);
    switch (pick(s, 8)) {
    case 0: add(t, "CREATE TABLE whole (id int PRIMARY KEY, a int, b text) PARTITION BY RANGE (id)"); break;
    case 1: case 2: add(t, "CREATE TABLE part%d PARTITION OF whole FOR VALUES FROM (%d) TO (%d)", n, n * 100, n * 100 + 100); break;
    case 3: case 4:
        add(t, "INSERT INTO whole SELECT g, %d, md5(g::text) FROM generate_series(%d, %d) g ON CONFLICT DO NOTHING", n, id, id + pick(s, 40));
        break;
    case 5: add(t, "UPDATE whole SET id = (id + 100) %% 300, a = a + 1 WHERE id = %d", id); break;
    case 6: add(t, "ALTER TABLE whole DETACH PARTITION part%d", n); break;
    default: add(t, "ALTER TABLE whole ATTACH PARTITION part%d FOR VALUES FROM (%d) TO (%d)", n, n * 100, n * 100 + 100); break;
    }
}

static void
add_index(Transaction *t, uint64_t *s)
{
    switch (pick(s, 6)) {
    case 0: add(t, "CREATE INDEX IF NOT EXISTS account_part ON account (note) WHERE amount > 50"); break;
    case 1: add(t, "CREATE INDEX IF NOT EXISTS account_expr ON account (lower(note), (amount %% 7))"); break;
    case 2: add(t, "CREATE UNIQUE INDEX IF NOT EXISTS account_some ON account (owner) WHERE id < 3"); break;
    case 3: add(t, "DROP INDEX IF EXISTS account_part"); break;
    case 4: add(t, "DROP INDEX IF EXISTS account_expr"); break;
    default: add(t, "DROP INDEX IF EXISTS account_some"); break;
    }
}

static void
add_rewrite(Transaction *t, uint64_t *s)
{
    switch (pick(s, 6)) {
    case 0: add(t, "VACUUM FULL account"); break;
    case 1: add(t, "CLUSTER account USING account_pkey"); break;
    case 2: add(t, "REINDEX TABLE item"); break;
    case 3: add(t, "CREATE MATERIALIZED VIEW kept AS SELECT owner AS id, sum(amount) AS total FROM account GROUP BY owner"); break;
    case 4: add(t, "REFRESH MATERIALIZED VIEW kept"); break;
    default: add(t, "ALTER TABLE item ALTER COLUMN body TYPE %s", pick(s, 2) == 0 ? "varchar" : "text"); break;
    }
}

static void
add_definition(Transaction *t, uint64_t *s)
{
    int n = pick(s, 4);
    switch (pick(s, 16)) {
    case 13: add_partitions(t, s); break;
    case 14: add_index(t, s); break;
    case 15: add_rewrite(t, s); break;
    case 0: case 1: add(t, "CREATE TABLE extra%d (id int PRIMARY KEY, a int DEFAULT %d, b text)", n, pick(s, 100)); break;
    case 2: add(t, "INSERT INTO extra%d (id, b) SELECT g, 'row ' || g FROM generate_series(%d, %d) g ON CONFLICT DO NOTHING", n, pick(s, 200), 200 + pick(s, 200)); break;
    case 3: add(t, "DROP TABLE IF EXISTS extra%d", n); break;
    case 4: add(t, "CREATE INDEX IF NOT EXISTS account_amount ON account (amount, owner)"); break;
    case 5: add(t, "DROP INDEX IF EXISTS account_amount"); break;
    case 6: add(t, "CREATE UNIQUE INDEX IF NOT EXISTS item_account ON item (account, id)"); break;
    case 7: add(t, "ALTER TABLE extra%d ADD COLUMN c%d int DEFAULT %d", n, pick(s, 3), pick(s, 1000)); break;
    case 8: add(t, "ALTER TABLE extra%d DROP COLUMN IF EXISTS c%d", n, pick(s, 3)); break;
    case 9: add(t, "TRUNCATE extra%d", n); break;
    case 10: add(t, "CREATE VIEW view%d AS SELECT owner, sum(amount) FROM account GROUP BY owner", n); break;
    case 11: add(t, "DROP VIEW IF EXISTS view%d", n); break;
    default: add(t, "CREATE SEQUENCE IF NOT EXISTS counter%d START %d", n, 1 + pick(s, 50)); break;
    }
}

static void
add_block(Transaction *t, uint64_t *s)
{
    int n = 1 + pick(s, 5), savepoint = pick(s, 3) == 0 ? pick(s, n) : n;
    add(t, pick(s, 4) == 0 ? "BEGIN ISOLATION LEVEL REPEATABLE READ" : "BEGIN");
    for (int i = 0; i < n; i++) {
        if (i == savepoint) add(t, "SAVEPOINT s");
        if (pick(s, 6) == 0) add_definition(t, s);
        else add_change(t, s);
    }
    if (savepoint < n) add(t, pick(s, 3) == 0 ? "RELEASE s" : "ROLLBACK TO s");
    add(t, pick(s, 6) == 0 ? "ROLLBACK" : "COMMIT");
}

static void
make_transaction(Transaction *t, uint64_t *s)
{
    switch (pick(s, 12)) {
    case 0: add(t, "CHECKPOINT"); break;
    case 1: add(t, pick(s, 2) == 0 ? "VACUUM" : "VACUUM account"); break;
    case 2: add(t, "ANALYZE"); break;
    case 3: case 4: add_definition(t, s); break;
    case 5: case 6: add_change(t, s); break;
    default: add_block(t, s); break;
    }
}

void
script_setup(quern *db)
{
    must(db, "CREATE TABLE account (id int PRIMARY KEY, owner int NOT NULL, amount bigint CHECK (amount > -1000000 AND note <> 'negative'), note text)");
    must(db, "CREATE INDEX account_owner ON account (owner)");
    must(db, "CREATE TABLE item (id int PRIMARY KEY, account int NOT NULL REFERENCES account ON DELETE CASCADE, body text)");
    must(db, "CREATE INDEX item_body ON item (account) INCLUDE (id)");
    must(db, "INSERT INTO account SELECT g, g % 7, g * 10, md5(g::text) FROM generate_series(0, 79) g");
    must(db, "INSERT INTO item SELECT g, g % 80, repeat(md5(g::text), g) FROM generate_series(0, 39) g");
}

void
script_make(Script *s, quern *mirror, uint64_t seed, int n)
{
    memset(s, 0, sizeof(*s));
    if (!digest_of(mirror, &s->before)) die("the mirror cannot be read");
    for (s->n = 0; s->n < n; s->n++) {
        Transaction *t = &s->transactions[s->n];
        make_transaction(t, &seed);
        for (int i = 0; i < t->n; i++) {
            int code = quern_exec(mirror, t->statements[i].sql, NULL, NULL);
            snprintf(t->statements[i].state, sizeof(t->statements[i].state), "%s", code == QUERN_OK ? "00000" : quern_sqlstate(mirror));
            if (code != QUERN_OK && (quern_sqlstate(mirror)[0] == 'X' || is_system_error(quern_sqlstate(mirror))))
                die("on the mirror: %s: %s: %s", t->statements[i].sql, quern_sqlstate(mirror), quern_errmsg(mirror));
        }
        if (!digest_of(mirror, &t->digest)) die("the mirror cannot be read");
    }
}

void
script_free(Script *s)
{
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < s->transactions[i].n; k++) free(s->transactions[i].statements[k].sql);
    s->n = 0;
}

/* ---- running them ---- */

bool
is_system_error(const char *state)
{
    return strncmp(state, "58", 2) == 0 || strncmp(state, "53", 2) == 0;
}

Outcome
transaction_run(quern *db, const Transaction *t)
{
    for (int i = 0; i < t->n; i++) {
        const Statement *st = &t->statements[i];
        int code = quern_exec(db, st->sql, NULL, NULL);
        const char *state = code == QUERN_OK ? "00000" : quern_sqlstate(db);
        if (strcmp(state, st->state) == 0) continue;
        if (!is_system_error(state))
            die("%s: %s (%s), not %s", st->sql, state, code != QUERN_OK ? quern_errmsg(db) : "", st->state);
        bool commits = i == t->n - 1 && strcmp(st->sql, "ROLLBACK") != 0;
        if (quern_transaction_status(db) != 'I') (void)quern_exec(db, "ROLLBACK", NULL, NULL);
        return commits ? RUN_UNCERTAIN : RUN_FAILED;
    }
    return RUN_DONE;
}

/* ---- what a database holds ---- */

static int
hash_row(void *arg, int n, const char **values, const char **names)
{
    uint64_t *h = arg;
    for (int i = 0; i < n; i++) {
        const char *texts[] = {names[i], values[i] != NULL ? values[i] : "\001NULL"};
        for (int k = 0; k < 2; k++)
            for (const char *p = texts[k];; p++) {
                *h = (*h ^ (unsigned char)*p) * 0x100000001B3ull;
                if (*p == '\0') break;
            }
    }
    return 0;
}

typedef struct Names { char *items[64]; int n; } Names;

static int
keep_name(void *arg, int n, const char **values, const char **names)
{
    Names *list = arg;
    (void)n, (void)names;
    if (list->n < 64) list->items[list->n++] = strdup(values[0]);
    return 0;
}

bool
digest_of(quern *db, uint64_t *out)
{
    Names tables = {.n = 0};
    uint64_t h = 0xCBF29CE484222325ull;
    bool ok = quern_exec(db, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", keep_name, &tables) == QUERN_OK;
    for (int i = 0; i < tables.n; i++) {
        char sql[200];
        snprintf(sql, sizeof(sql), "SELECT '%s', * FROM %s ORDER BY id", tables.items[i], tables.items[i]);
        ok = ok && quern_exec(db, sql, hash_row, &h) == QUERN_OK;
        free(tables.items[i]);
    }
    if (ok && quern_exec(db, "SELECT * FROM kept ORDER BY id", hash_row, &h) != QUERN_OK && strcmp(quern_sqlstate(db), "42P01") != 0) ok = false;
    ok = ok && quern_exec(db, "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1", hash_row, &h) == QUERN_OK;
    ok = ok && quern_exec(db, "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1", hash_row, &h) == QUERN_OK;
    ok = ok && quern_exec(db, "SELECT sequencename, start_value FROM pg_sequences ORDER BY 1", hash_row, &h) == QUERN_OK;
    if (!ok && !is_system_error(quern_sqlstate(db))) die("reading the database: %s: %s", quern_sqlstate(db), quern_errmsg(db));
    *out = h;
    return ok;
}

static int
show_fault(void *arg, int n, const char **values, const char **names)
{
    (void)n, (void)names;
    fprintf(stderr, "quern_check: %s, page %s: %s\n", values[0], values[1] != NULL ? values[1] : "?", values[2]);
    *(int *)arg += 1;
    return 0;
}

void
check_clean(quern *db)
{
    int faults = 0;
    if (quern_exec(db, "SELECT * FROM quern_check()", show_fault, &faults) != QUERN_OK)
        die("quern_check: %s: %s", quern_sqlstate(db), quern_errmsg(db));
    if (faults > 0) die("quern_check finds %d faults", faults);
    tally.verified++;
}

void
must(quern *db, const char *sql)
{
    if (quern_exec(db, sql, NULL, NULL) != QUERN_OK) die("%s: %s: %s", sql, quern_sqlstate(db), quern_errmsg(db));
}

static int
take_number(void *arg, int n, const char **values, const char **names)
{
    (void)n, (void)names;
    *(long long *)arg = values[0] != NULL ? atoll(values[0]) : 0;
    return 0;
}

long long
ask(quern *db, const char *sql)
{
    long long v = 0;
    if (quern_exec(db, sql, take_number, &v) != QUERN_OK) die("%s: %s: %s", sql, quern_sqlstate(db), quern_errmsg(db));
    return v;
}
