/* flips.c - storage that lies: single bits of the file flipped, and syncs that do nothing before the power goes.
 *
 * A flipped bit in a page in use is found by quern_check, which names the page, or the file does not open. Whatever reads the database gives the right
 * answer or an error that says it is damaged, and recovery brings only rows that were there. */
#include "session/session.h"
#include "storage/format.h"
#include "tests/torture/torture.h"

enum { READS_MAX = 8, RECOVER_EVERY = 20 };
static const char file_name[] = "torture.db";

static const char setup[] =
    "CREATE TABLE a (id int PRIMARY KEY, t text NOT NULL, n numeric(12,2), j jsonb, CHECK (id >= 0));"
    "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a, body text);"
    "CREATE INDEX b_a ON b (a) INCLUDE (id); CREATE INDEX a_t ON a (t DESC);"
    "CREATE TABLE p (id int, day date) PARTITION BY RANGE (day);"
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-06-01'); CREATE TABLE p2 PARTITION OF p DEFAULT;"
    "CREATE INDEX p_day ON p (day); CREATE SEQUENCE s; CREATE VIEW v AS SELECT a, count(*) FROM b GROUP BY a;"
    "INSERT INTO a SELECT g, md5(g::text), g * 1.5, jsonb_build_object('k', g) FROM generate_series(1, 2000) g;"
    "INSERT INTO b SELECT g, g, (SELECT string_agg(md5((g * h)::text), '') FROM generate_series(1, CASE WHEN g % 100 = 0 THEN 900 ELSE 3 END) h) "
    "FROM generate_series(1, 1500) g;"
    "INSERT INTO p SELECT g, date '2024-01-01' + g FROM generate_series(0, 300) g;"
    "DELETE FROM b WHERE id % 7 = 0; UPDATE a SET n = n + 1 WHERE id % 5 = 0; SELECT nextval('s')";

/* Everything, by tables and by indexes. */
static const char *const reads[READS_MAX] = {
    "SELECT md5(string_agg(a::text, ',' ORDER BY id)) FROM a",
    "SELECT md5(string_agg(b::text, ',' ORDER BY id)) FROM b",
    "SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM p",
    "SET enable_seqscan = off; SELECT count(*), min(t), max(t) FROM a WHERE t >= '0'",
    "SET enable_seqscan = off; SELECT count(*), sum(id) FROM b WHERE a > 0",
    "SET enable_seqscan = off; SELECT count(*), max(n) FROM a WHERE id BETWEEN 10 AND 1990",
    "SELECT sum(count), count(*) FROM v",
    "SELECT count(*) FROM a WHERE t LIKE 'a%' AND n > 100",
};

/* Rows by which a recovered database is judged: none may be there that the first has not. */
static const char *const row_lists[] = {"SELECT md5(x::text) FROM a x", "SELECT md5(x::text) FROM b x", "SELECT md5(x::text) FROM p x"};
enum { LISTS = sizeof(row_lists) / sizeof(row_lists[0]) };

typedef struct Texts { char (*items)[33]; int n, cap; } Texts;

typedef struct Good {
    FaultFs *files;
    uint64_t reads[READS_MAX];
    Texts rows[LISTS];
    uint32_t page_bytes;
    PageNo *used; /* pages in use */
    int nused;
} Good;

static bool
is_damage_state(const char *state)
{
    return strcmp(state, "XX001") == 0 || strcmp(state, "XX002") == 0 || is_system_error(state);
}

typedef enum OpenHow { WRITING, READING, SALVAGING } OpenHow;

/* NULL: it does not open, and says that it is damaged. */
static quern *
try_open(FaultFs *fs, const char *path, uint32_t page_bytes, OpenHow how)
{
    quern_config config;
    quern_config_init(&config);
    config.no_background = 1;
    config.page_size = page_bytes;
    config.salvage = how == SALVAGING;
    config.read_only = how == READING;
    Session *s;
    Status st = session_open(path, &config, fault_fs_ops(fs), &s);
    if (st == QN_OK) return (quern *)s;
    if (!is_damage_state(status_sqlstate(st))) die("opening: %s: %s", status_sqlstate(st), quern_errmsg((quern *)s));
    (void)!(session_close(s) == QN_OK);
    return NULL;
}

static int
hash_values(void *arg, int n, const char **values, const char **names)
{
    uint64_t *h = arg;
    (void)names;
    for (int i = 0; i < n; i++)
        for (const char *p = values[i] != NULL ? values[i] : "\001";; p++) {
            *h = (*h ^ (unsigned char)*p) * 0x100000001B3ull;
            if (*p == '\0') break;
        }
    return 0;
}

static int
keep_text(void *arg, int n, const char **values, const char **names)
{
    Texts *t = arg;
    (void)n, (void)names;
    if (t->n == t->cap) {
        t->cap = t->cap != 0 ? t->cap * 2 : 1024;
        t->items = realloc(t->items, (size_t)t->cap * sizeof(*t->items));
        if (t->items == NULL) abort();
    }
    snprintf(t->items[t->n++], sizeof(*t->items), "%s", values[0]);
    return 0;
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int
find_row(void *arg, int n, const char **values, const char **names)
{
    const Texts *t = arg;
    (void)n, (void)names;
    if (bsearch(values[0], t->items, (size_t)t->n, sizeof(*t->items), compare_texts) == NULL) die("recovery made a row that was not there");
    return 0;
}

/* The pages of a relation that its map says hold something. What is free may hold anything. */
static void
add_used(Good *g, const uint8_t *bytes, PageNo map_page)
{
    const MapPage *m = (const MapPage *)(const void *)(bytes + (size_t)map_page * g->page_bytes);
    const ExtentEntry *extents = (const ExtentEntry *)(const void *)(m->entries + MAP_PAGES(g->page_bytes));
    g->used[g->nused++] = map_page;
    for (uint32_t i = 0; i < m->nextents; i++)
        for (uint32_t k = 0; k < extents[i].npages; k++)
            if ((m->entries[extents[i].map_first + k] & MAP_USED) != 0) g->used[g->nused++] = extents[i].first + k;
}

static void
find_used(Good *g)
{
    uint64_t nbytes;
    const uint8_t *bytes = fault_fs_bytes(g->files, file_name, &nbytes);
    uint32_t npages = (uint32_t)(nbytes / g->page_bytes);
    g->used = malloc(npages * sizeof(*g->used));
    for (PageNo p = 0; p < PAGE_NO_FIRST; p++) g->used[g->nused++] = p;
    for (PageNo p = PAGE_NO_FIRST; p < npages; p++)
        if (((const PageHeader *)(const void *)(bytes + (size_t)p * g->page_bytes))->type == PAGE_MAP) add_used(g, bytes, p);
}

static void
make_good(Good *g, uint32_t page_bytes)
{
    *g = (Good){.files = fault_fs_create(), .page_bytes = page_bytes};
    quern *db = g->files != NULL ? try_open(g->files, file_name, page_bytes, WRITING) : NULL;
    if (db == NULL) die("no database to begin with");
    must(db, setup);
    must(db, "VACUUM");
    must(db, "ANALYZE");
    for (int i = 0; i < READS_MAX; i++)
        if (quern_exec(db, reads[i], hash_values, &g->reads[i]) != QUERN_OK) die("%s: %s", reads[i], quern_errmsg(db));
    for (int i = 0; i < LISTS; i++) {
        if (quern_exec(db, row_lists[i], keep_text, &g->rows[i]) != QUERN_OK) die("%s: %s", row_lists[i], quern_errmsg(db));
        qsort(g->rows[i].items, (size_t)g->rows[i].n, sizeof(*g->rows[i].items), compare_texts);
    }
    if (quern_close(db) != QUERN_OK) die("closing fails");
    find_used(g);
}

static void
free_good(Good *g)
{
    for (int i = 0; i < LISTS; i++) free(g->rows[i].items);
    free(g->used);
    fault_fs_destroy(g->files);
}

typedef struct Looked { PageNo page; int faults; bool is_named; } Looked;

static int
look_at_fault(void *arg, int n, const char **values, const char **names)
{
    Looked *l = arg;
    (void)n, (void)names;
    l->faults++;
    l->is_named |= values[0] != NULL && values[1] != NULL && (PageNo)atoll(values[1]) == l->page;
    return 0;
}

static void
read_all(quern *db, const Good *g)
{
    for (int i = 0; i < READS_MAX; i++) {
        uint64_t h = 0;
        if (quern_exec(db, reads[i], hash_values, &h) == QUERN_OK) {
            if (h != g->reads[i]) die("a wrong answer: %s", reads[i]);
        } else if (!is_damage_state(quern_sqlstate(db))) {
            die("%s: %s: %s", reads[i], quern_sqlstate(db), quern_errmsg(db));
        } else {
            tally.flips_refused++;
        }
    }
}

static void
count_loss(void *arg, const char *object, int64_t page, const char *text)
{
    (void)object, (void)page, (void)text;
    *(int *)arg += 1;
}

/* Foreign keys may have lost the rows they refer to; pages are in order. */
static int
expect_no_page(void *arg, int n, const char **values, const char **names)
{
    (void)arg, (void)n, (void)names;
    if (values[1] != NULL) die("of what was recovered, page %s of %s: %s", values[1], values[0], values[2]);
    return 0;
}

/* What is left goes into a new file, which is whole and has no other rows. */
static void
recover(FaultFs *fs, const Good *g)
{
    int losses = 0;
    quern *db = try_open(fs, file_name, g->page_bytes, SALVAGING);
    if (db == NULL) return;
    if (quern_recover(db, "new.db", count_loss, &losses) != QUERN_OK) {
        if (!is_damage_state(quern_sqlstate(db))) die("recovery: %s: %s", quern_sqlstate(db), quern_errmsg(db));
        quern_close(db);
        return;
    }
    quern_close(db);
    db = try_open(fs, "new.db", g->page_bytes, WRITING);
    if (db == NULL) die("what was recovered does not open");
    if (quern_exec(db, "SELECT * FROM quern_check()", expect_no_page, NULL) != QUERN_OK) die("quern_check: %s", quern_errmsg(db));
    for (int i = 0; i < LISTS; i++)
        if (quern_exec(db, row_lists[i], find_row, (void *)(uintptr_t)&g->rows[i]) != QUERN_OK && strcmp(quern_sqlstate(db), "42P01") != 0)
            die("%s: %s", row_lists[i], quern_errmsg(db));
    quern_close(db);
    tally.recovered++;
}

static void
one_flip(const Good *g, uint64_t *seed)
{
    PageNo page = g->used[pick(seed, g->nused)];
    uint64_t bit = (uint64_t)page * g->page_bytes * 8 + (uint64_t)pick(seed, (int)g->page_bytes * 8);
    FaultFs *fs = fault_fs_clone(g->files);
    if (fs == NULL) abort();
    doing("bit %llu of page %u flipped, pages of %u", (unsigned long long)bit, page, g->page_bytes);
    if (!fault_fs_flip(fs, file_name, bit)) die("no such bit");
    OpenHow how = pick(seed, 2) == 0 ? READING : WRITING;
    quern *db = try_open(fs, file_name, g->page_bytes, how);
    if (db != NULL) {
        Looked l = {.page = page};
        bool ok = quern_exec(db, "SELECT * FROM quern_check()", look_at_fault, &l) == QUERN_OK;
        if (!ok && !is_damage_state(quern_sqlstate(db))) die("quern_check: %s: %s", quern_sqlstate(db), quern_errmsg(db));
        bool is_healed = how == WRITING && page < PAGE_NO_META; /* one of the two headers: opening has written it anew */
        if (ok && l.faults == 0 && !is_healed) die("quern_check does not find it");
        if (ok && !l.is_named && page >= PAGE_NO_META) die("quern_check does not name the page");
        read_all(db, g);
        quern_close(db);
    } else {
        tally.flips_refused++;
    }
    if (pick(seed, RECOVER_EVERY) == 0) recover(fs, g);
    fault_fs_destroy(fs);
    tally.flips++;
}

void
flips_step(uint64_t *seed, int flips)
{
    Good g;
    doing("before bits are flipped");
    make_good(&g, pick(seed, 2) == 0 ? PAGE_BYTES_MIN : 16384);
    for (int i = 0; i < flips; i++) one_flip(&g, seed);
    free_good(&g);
}

/* ---- syncs that lie ---- */

/* After it, the database may be any mixture of old and new pages; what is damaged is known by its checksum, and nothing crashes, hangs or
 * calls it an internal error. */
static void
one_lie(FaultFs *base, uint64_t *seed)
{
    static const char *const work[] = {
        "UPDATE a SET n = n + 1 WHERE id % 3 = 0", "INSERT INTO a SELECT g, md5(g::text), 0, NULL FROM generate_series(3000, 3400) g", "DELETE FROM b WHERE id % 5 = 0",
        "CREATE TABLE c AS SELECT * FROM a", "CREATE INDEX a_n ON a (n)", "DROP INDEX a_t", "CHECKPOINT", "VACUUM", "UPDATE b SET body = body || 'x'", "TRUNCATE p2"};
    enum { WORKS = sizeof(work) / sizeof(work[0]) };
    FaultFs *fs = fault_fs_clone(base);
    if (fs == NULL) abort();
    doing("a sync that lies");
    quern *db = try_open(fs, file_name, PAGE_BYTES_MIN, WRITING);
    if (db == NULL) die("the database does not open");
    fault_fs_lie(fs, true);
    for (int n = 1 + pick(seed, 12); n > 0; n--) (void)quern_exec(db, work[pick(seed, WORKS)], NULL, NULL);
    fault_fs_power_loss(fs, rnd(seed));
    quern_close(db);
    fault_fs_lie(fs, false);
    db = try_open(fs, file_name, PAGE_BYTES_MIN, WRITING);
    uint64_t h = 0;
    for (int i = 0; db != NULL && i < READS_MAX + WORKS + 1; i++) {
        const char *sql = i == 0 ? "SELECT * FROM quern_check()" : i <= READS_MAX ? reads[i - 1] : work[i - READS_MAX - 1];
        if (quern_exec(db, sql, hash_values, &h) == QUERN_OK) continue;
        if (strcmp(quern_sqlstate(db), "XX000") == 0) die("%s: %s", sql, quern_errmsg(db));
        tally.flips_refused += is_damage_state(quern_sqlstate(db));
    }
    quern_close(db);
    fault_fs_destroy(fs);
    tally.lies++;
}

void
lies_step(uint64_t *seed, int lies)
{
    Good g;
    doing("before syncs lie");
    make_good(&g, PAGE_BYTES_MIN);
    for (int i = 0; i < lies; i++) one_lie(g.files, seed);
    free_good(&g);
}
