/* gin_test.c - inverted indexes against a model: rows through the pending zone and straight into the lists, bulk builds, searches of every
 * shape, VACUUM, crashes, and several writers at once. */
#include "tests/storage_test.h"

#include "storage/gin.h"
#include <pthread.h>

static uint64_t seed;

enum { KEYS = 200, ROWS = 30000, KEYS_A_ROW = 12 };

typedef struct Fixture {
    Ctx ctx;
    Arena *arena;
    IndexDesc desc;
    Index *index;
    uint32_t root;
    uint8_t (*has)[KEYS]; /* row, key */
    bool *there;          /* the row is */
} Fixture;

static Tid
tid_of(int row)
{
    return tid_make(100 + (uint32_t)row / 97, (uint32_t)row % 97 + 1);
}
static int
row_of(Tid tid)
{
    return (int)((tid_page(tid) - 100) * 97 + tid_slot(tid) - 1);
}

/* Entry key k of column 1: short ones, and some of many bytes; key 0 is in every row. */
static GinKey
entry_key(Arena *a, int k)
{
    uint32_t n = k % 10 == 7 ? 200 + (uint32_t)k * 5 : 8;
    uint8_t *p = arena_zalloc(a, n);
    p[0] = 1;
    p[1] = GIN_KEY_NORMAL;
    p[2] = (uint8_t)('a' + k % 4); /* what prefixes go by */
    p[3] = (uint8_t)(k >> 8);
    p[4] = (uint8_t)k;
    for (uint32_t i = 5; i + 1 < n; i++) p[i] = (uint8_t)(k + 1);
    return (GinKey){p, n};
}

static void
fixture_open(Fixture *f, const char *path, bool no_pending)
{
    DbOptions db = {.cache_bytes = 64 << 20, .no_threads = true};
    OK(&f->ctx, db_open(&f->ctx, path, &db));
    f->arena = arena_create(NULL, "gin test");
    begin(&f->ctx);
    if (f->root == 0) OK(&f->ctx, index_create(&f->ctx, 16385, INDEX_GIN, &f->root));
    commit(&f->ctx);
    f->desc = (IndexDesc){.relid = 16385, .root_page = f->root, .name = "g", .kind = INDEX_GIN,
                          .no_pending = no_pending, .pending_limit = 100000};
    OK(&f->ctx, index_open(&f->ctx, f->arena, &f->desc, &f->index));
    if (f->has == NULL) {
        f->has = calloc(ROWS, sizeof(*f->has));
        f->there = calloc(ROWS, sizeof(*f->there));
    }
}

static void
fixture_close(Fixture *f)
{
    index_close(&f->ctx, f->index);
    arena_destroy(f->arena);
    OK(&f->ctx, db_close(&f->ctx));
}

static void
fixture_free(Fixture *f)
{
    free(f->has);
    free(f->there);
}

/* Few keys are frequent, most are rare. */
static void
choose_keys(uint8_t *has)
{
    has[0] = 1;
    for (int i = 0; i < KEYS_A_ROW; i++) {
        int span = 1 << (1 + pick(&seed, 8));
        has[pick(&seed, span < KEYS ? span : KEYS)] = 1;
    }
}

static void
add_entry(KeyRows *keys, StrBuf *bytes, GinKey key)
{
    keys->offsets[keys->n++] = (uint32_t)bytes->nbytes;
    strbuf_add(bytes, (const char *)key.bytes, key.nbytes);
    keys->offsets[keys->n] = (uint32_t)bytes->nbytes;
    keys->data = (uint8_t *)bytes->data;
}

static void
insert_rows(Fixture *f, int from, int to)
{
    Arena *a = arena_create(NULL, "rows");
    KeyRows keys = key_rows_new(a);
    StrBuf bytes = strbuf_new(a);
    Tid *tids = arena_alloc(a, sizeof(Tid) * KEYS * (size_t)(to - from + 1));
    keys.offsets = arena_alloc(a, sizeof(uint32_t) * (KEYS * (size_t)(to - from + 1) + 1));
    for (int row = from; row < to; row++) {
        memset(f->has[row], 0, KEYS);
        choose_keys(f->has[row]);
        f->there[row] = true;
        for (int k = 0; k < KEYS; k++) {
            if (!f->has[row][k]) continue;
            tids[keys.n] = tid_of(row);
            add_entry(&keys, &bytes, entry_key(a, k));
        }
    }
    OK(&f->ctx, f->index->ops->insert(&f->ctx, f->index, NULL, &keys, NULL, NULL, tids, INDEX_CHECK_NONE, NULL, NULL));
    arena_destroy(a);
}

/* ---- queries ---- */

static GinNode *
random_query(Arena *a, int depth)
{
    GinNode *q = arena_zalloc(a, sizeof(*q));
    int kind = pick(&seed, depth > 2 ? 8 : 12);
    if (kind < 7) {
        int span = 1 << (1 + pick(&seed, 8));
        q->kind = GIN_KEY;
        q->key = entry_key(a, pick(&seed, span < KEYS ? span : KEYS));
    } else if (kind == 7) {
        static const uint8_t prefixes[4][3] = {{1, 0, 'a'}, {1, 0, 'b'}, {1, 0, 'c'}, {1, 0, 'z'}};
        q->kind = GIN_PREFIX;
        q->key = (GinKey){prefixes[pick(&seed, 4)], 3};
    } else {
        q->kind = GIN_ATLEAST;
        q->n = 1 + pick(&seed, 4);
        q->need = 1 + pick(&seed, q->n);
        q->items = arena_alloc(a, sizeof(GinNode *) * (size_t)q->n);
        for (int i = 0; i < q->n; i++) q->items[i] = random_query(a, depth + 1);
    }
    return q;
}

static bool
holds(const GinNode *q, const uint8_t *has)
{
    int have = 0;
    if (q->kind == GIN_KEY) return has[q->key.bytes[3] << 8 | q->key.bytes[4]];
    if (q->kind == GIN_PREFIX) {
        for (int k = 0; k < KEYS; k++)
            if (has[k] && 'a' + k % 4 == q->key.bytes[2]) return true;
        return false;
    }
    for (int i = 0; i < q->n; i++) have += holds(q->items[i], has);
    return have >= q->need;
}

static void
check_queries(Fixture *f, int n)
{
    Arena *a = arena_create(NULL, "queries");
    GinScan *scan;
    Tid tids[300];
    begin(&f->ctx);
    OK(&f->ctx, gin_scan_begin(&f->ctx, a, f->index, &scan));
    for (int i = 0; i < n; i++) {
        GinNode *q = random_query(a, 0);
        int row = 0, got;
        OK(&f->ctx, gin_scan_start(&f->ctx, scan, q));
        for (;;) {
            OK(&f->ctx, gin_scan_next(&f->ctx, scan, tids, 1 + pick(&seed, 300), &got));
            if (got == 0) break;
            for (int k = 0; k < got; k++, row++) {
                while (row < ROWS && !(f->there[row] && holds(q, f->has[row]))) row++;
                assert_int_equal(row, row_of(tids[k]));
            }
        }
        for (; row < ROWS; row++) assert_false(f->there[row] && holds(q, f->has[row]));
    }
    gin_scan_end(scan);
    commit(&f->ctx);
    arena_destroy(a);
}

static void
check_index(Fixture *f)
{
    uint64_t entries, want = 0;
    OK(&f->ctx, gin_flush(&f->ctx, f->index, true));
    OK(&f->ctx, index_check(&f->ctx, f->index, &entries));
    for (int row = 0; row < ROWS; row++)
        for (int k = 0; k < KEYS; k++) want += f->there[row] && f->has[row][k];
    assert_int_equal(entries, want);
}

/* ---- tests ---- */

static void
rows_are_found(bool no_pending)
{
    Fixture f = {0};
    fixture_open(&f, ":memory:", no_pending);
    check_queries(&f, 5);
    int at = 0;
    for (int round = 0; round < 40 && at < ROWS; round++) {
        int n = 1 + pick(&seed, round % 8 == 7 ? 3000 : 60);
        if (at + n > ROWS) n = ROWS - at;
        begin(&f.ctx);
        insert_rows(&f, at, at + n);
        commit(&f.ctx);
        at += n;
        if (round % 4 == 0) check_queries(&f, 12);
    }
    check_index(&f);
    check_queries(&f, 40);
    fixture_close(&f);
    fixture_free(&f);
}

static void
test_rows_are_found_through_the_pending_zone(void **state)
{
    (void)state;
    rows_are_found(false);
}

static void
test_rows_are_found_in_their_lists(void **state)
{
    (void)state;
    rows_are_found(true);
}

static bool
is_dead(void *arg, IndexTid tid)
{
    return !((Fixture *)arg)->there[row_of(tid)];
}

static void
test_vacuum_takes_dead_rows_out_and_their_tids_come_again(void **state)
{
    (void)state;
    Fixture f = {0};
    fixture_open(&f, ":memory:", false);
    begin(&f.ctx);
    insert_rows(&f, 0, 6000);
    commit(&f.ctx);
    for (int round = 0; round < 6; round++) {
        uint64_t removed, want = 0;
        int percent = round == 4 ? 100 : 10 + pick(&seed, 60);
        for (int row = 0; row < 6000; row++)
            if (f.there[row] && pick(&seed, 100) < percent) {
                for (int k = 0; k < KEYS; k++) want += f.has[row][k];
                f.there[row] = false;
            }
        begin(&f.ctx);
        OK(&f.ctx, index_bulk_delete(&f.ctx, f.index, is_dead, &f, &removed));
        commit(&f.ctx);
        assert_int_equal(removed, want);
        check_index(&f);
        check_queries(&f, 15);
        for (int row = 0; row < 6000; row++) {
            if (f.there[row] || pick(&seed, 3) != 0) continue;
            begin(&f.ctx);
            insert_rows(&f, row, row + 1);
            commit(&f.ctx);
        }
        check_queries(&f, 15);
    }
    check_index(&f);
    fixture_close(&f);
    fixture_free(&f);
}

static void
test_a_bulk_build_is_the_same_index(void **state)
{
    (void)state;
    Fixture f = {0};
    fixture_open(&f, ":memory:", true);
    Arena *a = arena_create(NULL, "build");
    IndexBuild *build;
    for (int row = 0; row < 20000; row++) {
        choose_keys(f.has[row]);
        f.there[row] = true;
    }
    begin(&f.ctx);
    OK(&f.ctx, index_build_begin(&f.ctx, a, f.index, 0, &build));
    /* In the order of the keys' bytes. */
    for (int group = 0; group < 4; group++)
        for (int k = group; k < KEYS; k += 4) {
            GinKey key = entry_key(a, k);
            Tid dup;
            for (int row = 0; row < 20000; row++)
                if (f.has[row][k])
                    OK(&f.ctx, index_build_add(&f.ctx, f.index, build, key.bytes, key.nbytes, tid_of(row), NULL, 0, &dup));
        }
    OK(&f.ctx, index_build_finish(&f.ctx, f.index, build));
    index_build_end(f.index, build);
    commit(&f.ctx);
    arena_destroy(a);
    check_index(&f);
    check_queries(&f, 30);
    begin(&f.ctx);
    insert_rows(&f, 20000, 23000);
    commit(&f.ctx);
    check_index(&f);
    check_queries(&f, 30);
    for (int k = 0; k < 3; k++) {
        double rows, want = 0;
        Arena *e = arena_create(NULL, "key");
        GinKey key = entry_key(e, k);
        for (int row = 0; row < ROWS; row++) want += f.there[row] && f.has[row][k];
        OK(&f.ctx, gin_estimate(&f.ctx, f.index, &key, &rows));
        assert_true(rows > want / 2 && rows < want * 2);
        arena_destroy(e);
    }
    fixture_close(&f);
    fixture_free(&f);
}

static void
test_a_crash_loses_no_row(void **state)
{
    (void)state;
    char path[512], copy[520];
    temp_path(path, sizeof(path), "gin");
    snprintf(copy, sizeof(copy), "%s.copy", path);
    for (int round = 0; round < 4; round++) {
        Fixture f = {0}, g = {0};
        remove_db(path);
        remove_db(copy);
        fixture_open(&f, path, round & 1);
        for (int i = 0; i < 20; i++) {
            Xid xid;
            begin(&f.ctx);
            OK(&f.ctx, tx_write_xid(&f.ctx, &xid)); /* as the row's table would, so that the commit is a record */
            insert_rows(&f, i * 150, i * 150 + 150);
            commit(&f.ctx);
            if (i == 10 && round > 1) OK(&f.ctx, db_checkpoint(&f.ctx));
        }
        copy_db(path, copy);
        g.root = f.root;
        g.has = f.has;
        g.there = f.there;
        fixture_open(&g, copy, round & 1);
        check_queries(&g, 10);
        check_index(&g);
        check_queries(&g, 10);
        fixture_close(&g);
        fixture_close(&f);
        fixture_free(&f);
    }
    remove_db(path);
    remove_db(copy);
}

/* ---- several writers ---- */

enum { WRITERS = 4, ROWS_A_WRITER = 2500 };

typedef struct Writer {
    Fixture *shared;
    uint32_t number;
    uint64_t seed;
    const char *path;
} Writer;

static void *
writer_main(void *arg)
{
    Writer *w = arg;
    Fixture *f = w->shared;
    Ctx ctx = {0};
    DbOptions db = {.cache_bytes = 64 << 20, .no_threads = true};
    OK(&ctx, db_open(&ctx, w->path, &db));
    for (int i = 0; i < ROWS_A_WRITER; i++) {
        int row = i * WRITERS + (int)w->number; /* interleaved with the others' */
        Arena *a = arena_create(NULL, "rows");
        KeyRows keys = key_rows_new(a);
        StrBuf bytes = strbuf_new(a);
        Tid tids[KEYS];
        keys.offsets = arena_alloc(a, sizeof(uint32_t) * (KEYS + 1));
        for (int k = 0; k < KEYS; k++)
            if (f->has[row][k]) {
                tids[keys.n] = tid_of(row);
                add_entry(&keys, &bytes, entry_key(a, k));
            }
        begin(&ctx);
        OK(&ctx, gin_ops.insert(&ctx, f->index, NULL, &keys, NULL, NULL, tids, INDEX_CHECK_NONE, NULL, NULL));
        commit(&ctx);
        arena_destroy(a);
    }
    OK(&ctx, db_close(&ctx));
    return NULL;
}

static void
several_writers(bool no_pending)
{
    char path[512];
    Fixture f = {0};
    Writer writers[WRITERS];
    pthread_t threads[WRITERS];
    temp_path(path, sizeof(path), "gin_writers");
    remove_db(path);
    fixture_open(&f, path, no_pending);
    for (int row = 0; row < WRITERS * ROWS_A_WRITER; row++) {
        choose_keys(f.has[row]);
        f.there[row] = true;
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (Writer){.shared = &f, .number = i, .path = path};
        pthread_create(&threads[i], NULL, writer_main, &writers[i]);
    }
    for (int i = 0; i < 20; i++) OK(&f.ctx, gin_flush(&f.ctx, f.index, i & 1));
    for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
    check_index(&f);
    check_queries(&f, 20);
    fixture_close(&f);
    fixture_free(&f);
    remove_db(path);
}

static void
test_several_writers_share_the_pending_zone(void **state)
{
    (void)state;
    several_writers(false);
}

static void
test_several_writers_share_the_lists(void **state)
{
    (void)state;
    several_writers(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_found_through_the_pending_zone),
        cmocka_unit_test(test_rows_are_found_in_their_lists),
        cmocka_unit_test(test_vacuum_takes_dead_rows_out_and_their_tids_come_again),
        cmocka_unit_test(test_a_bulk_build_is_the_same_index),
        cmocka_unit_test(test_a_crash_loses_no_row),
        cmocka_unit_test(test_several_writers_share_the_pending_zone),
        cmocka_unit_test(test_several_writers_share_the_lists),
    };
    seed = test_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
