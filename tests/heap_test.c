/* heap_test.c - tables against a model: random inserts, updates, deletes, commits and rollbacks,
 * scans and fetches, after a crash as well. */
#include "tests/storage_test.h"

#include "storage/vacuum.h"
#include <pthread.h>

enum { COLS = 6 };
static const Oid types[COLS] = {TYPE_INT4, TYPE_TEXT, TYPE_NUMERIC,
                                TYPE_BOOL, TYPE_INT8, TYPE_TEXT};
static uint64_t seed;

typedef struct Row {
    int32_t id;             /* never NULL */
    int text_len, wide_len; /* -1: NULL; text is a function of id and version */
    int version;
    bool num_null, live;
    Tid tid, root; /* newest version; first of its HOT chain */
} Row;

typedef struct Table {
    Ctx ctx;
    Arena *arena;
    char path[512];
    TestLayout layout;
    const Layout *layouts[1];
    uint64_t indexed[1];
    HeapDesc desc;
    Heap *heap;
    Row *rows;
    int nrows, cap;
} Table;

static void
open_table(Table *t, const char *path, uint32_t root)
{
    DbOptions options = {.cache_bytes = 64 << 20, .no_threads = true};
    OK(&t->ctx, db_open(&t->ctx, path, &options));
    snprintf(t->path, sizeof(t->path), "%s", path);
    t->arena = arena_create(NULL, "table");
    make_layout(&t->layout, 1, types, COLS);
    t->layouts[0] = &t->layout.layout;
    t->indexed[0] = 1;
    begin(&t->ctx);
    if (root == 0) {
        OK(&t->ctx, heap_create(&t->ctx, 16384, &root));
        OK(&t->ctx, db_root_set(&t->ctx, 9, root));
    }
    commit(&t->ctx);
    t->desc = (HeapDesc){.relid = 16384,
                         .root_page = root,
                         .name = "t",
                         .layouts = t->layouts,
                         .nlayouts = 1,
                         .indexed = t->indexed};
    OK(&t->ctx, heap_open(&t->ctx, t->arena, &t->desc, &t->heap));
}

static void
close_table(Table *t)
{
    heap_close(&t->ctx, t->heap);
    arena_destroy(t->arena);
    OK(&t->ctx, db_close(&t->ctx));
}

static char *
text_of(Arena *a, int id, int version, int len, char salt)
{
    char *p = arena_alloc(a, (size_t)len + 1);
    uint64_t s = (uint64_t)id * 1000003 + (uint64_t)version * 7919 + (uint64_t)salt;
    for (int i = 0; i < len; i++) p[i] = (char)('a' + (i < 64 || salt == 'w' ? rnd(&s) % 26 : 0));
    return p;
}

static Batch *
make_batch(Arena *a, const Row *rows, int n)
{
    Batch *b = batch_create(a, COLS);
    for (int c = 0; c < COLS; c++) {
        b->cols[c] = vec_create(a, types[c], n);
        if (types[c] == TYPE_NUMERIC) {
            vec_reset(b->cols[c], PHYS_I64);
            b->cols[c]->scale = 2;
        }
    }
    for (int i = 0; i < n; i++) {
        const Row *r = &rows[i];
        ((int32_t *)b->cols[0]->data)[i] = r->id;
        ((int64_t *)b->cols[2]->data)[i] = r->id * 100 + r->version;
        ((uint8_t *)b->cols[3]->data)[i] = r->version & 1;
        ((int64_t *)b->cols[4]->data)[i] = r->version;
        for (int k = 0; k < 2; k++) {
            int len = k == 0 ? r->text_len : r->wide_len;
            Str *s = (Str *)b->cols[k == 0 ? 1 : 5]->data + i;
            *s = len < 0 ? str_make("", 0)
                         : str_make(text_of(a, r->id, r->version, len, k == 0 ? 't' : 'w'),
                                    (size_t)len);
            if (len < 0) vec_set_null(b->cols[k == 0 ? 1 : 5], i);
        }
        if (r->num_null) vec_set_null(b->cols[2], i);
    }
    b->nrows = b->nsel = n;
    return b;
}

static void
check_row(const Batch *b, int i, const Row *r)
{
    Arena *a = arena_create(NULL, "check");
    Value v = vec_get(b->cols[0], i);
    assert_int_equal(v.i32, r->id);
    v = vec_get(b->cols[4], i);
    assert_int_equal(v.i64, r->version);
    v = vec_get(b->cols[2], i);
    assert_int_equal(v.is_null, r->num_null);
    if (!v.is_null) assert_int_equal(v.i64, r->id * 100 + r->version);
    v = vec_get(b->cols[3], i);
    assert_int_equal(v.b, r->version & 1);
    for (int k = 0; k < 2; k++) {
        int len = k == 0 ? r->text_len : r->wide_len;
        v = vec_get(b->cols[k == 0 ? 1 : 5], i);
        assert_int_equal(v.is_null, len < 0);
        if (len < 0) continue;
        assert_int_equal(v.str.len, len);
        assert_memory_equal(str_data(&v.str),
                            text_of(a, r->id, r->version, len, k == 0 ? 't' : 'w'), (size_t)len);
    }
    arena_destroy(a);
}

static const int all_columns[] = {0, 1, 2, 3, 4, 5, HEAP_COL_CTID};

/* Every row of the model, no other, is what a scan shows. */
static void
check_scan(Table *t)
{
    HeapScanSpec spec = {.columns = all_columns, .ncolumns = 7};
    HeapScan *scan;
    Batch *b;
    int seen = 0, live = 0;
    Arena *a = arena_create(NULL, "scan");
    char *found = arena_zalloc(a, (size_t)t->cap + 1);
    OK(&t->ctx, heap_scan_begin(&t->ctx, a, t->heap, t->ctx.snapshot, &spec, &scan));
    for (;;) {
        OK(&t->ctx, heap_scan_next(&t->ctx, scan, 1 + pick(&seed, BATCH_ROWS), &b));
        if (b == NULL) break;
        for (int i = 0; i < b->nrows; i++) {
            int id = ((int32_t *)b->cols[0]->data)[i];
            assert_in_range(id, 0, t->nrows - 1);
            assert_true(t->rows[id].live);
            assert_false(found[id]);
            found[id] = 1;
            check_row(b, i, &t->rows[id]);
            assert_int_equal(((Tid *)b->cols[6]->data)[i], t->rows[id].tid);
            seen++;
        }
    }
    heap_scan_end(scan);
    for (int i = 0; i < t->nrows; i++) live += t->rows[i].live;
    assert_int_equal(seen, live);
    arena_destroy(a);
}

static void
check_fetch(Table *t)
{
    Arena *a = arena_create(NULL, "fetch");
    HeapFetch *f;
    Tid tids[300];
    int ids[300], n = 0;
    uint16_t rows_out[300];
    Batch *b;
    for (int k = 0; k < 300 && t->nrows > 0 && n < BATCH_ROWS; k++) {
        int id = pick(&seed, t->nrows);
        if (!t->rows[id].live) continue;
        ids[n] = id;
        tids[n++] = t->rows[id].root;
    }
    OK(&t->ctx, heap_fetch_begin(&t->ctx, a, t->heap, all_columns, 7, &f));
    OK(&t->ctx, heap_fetch(&t->ctx, f, t->ctx.snapshot, tids, n, &b, rows_out, NULL));
    assert_int_equal(b->nrows, n);
    for (int i = 0; i < n; i++) {
        assert_int_equal(rows_out[i], i);
        check_row(b, i, &t->rows[ids[i]]);
    }
    heap_fetch_end(f);
    arena_destroy(a);
}

static void
random_row(Row *r, int id)
{
    *r = (Row){.id = id, .live = true};
    r->text_len = pick(&seed, 8) == 0 ? -1 : pick(&seed, 30);
    r->wide_len = pick(&seed, 3) != 0    ? -1
                  : pick(&seed, 20) == 0 ? pick(&seed, 60000)
                                         : pick(&seed, 200);
    r->num_null = pick(&seed, 10) == 0;
}

static void
insert_rows(Table *t, int n)
{
    Arena *a = arena_create(NULL, "insert");
    Tid tids[BATCH_ROWS];
    if (t->nrows + n > t->cap) {
        t->cap = (t->nrows + n) * 2;
        t->rows = realloc(t->rows, sizeof(Row) * (size_t)t->cap);
    }
    for (int i = 0; i < n; i++) random_row(&t->rows[t->nrows + i], t->nrows + i);
    OK(&t->ctx, heap_insert_batch(&t->ctx, t->heap, make_batch(a, t->rows + t->nrows, n), tids));
    for (int i = 0; i < n; i++) t->rows[t->nrows + i].tid = t->rows[t->nrows + i].root = tids[i];
    t->nrows += n;
    arena_destroy(a);
}

/* n distinct live rows by ascending tid, or fewer. */
static int
choose_rows(Table *t, int n, int *ids)
{
    int k = 0;
    int at = t->nrows > 0 ? pick(&seed, t->nrows) : 0;
    for (int i = at; i < t->nrows && k < n; i += 1 + pick(&seed, 4))
        if (t->rows[i].live) ids[k++] = i;
    return k;
}

static void
delete_rows(Table *t, int n)
{
    int ids[BATCH_ROWS];
    Tid tids[BATCH_ROWS], newer[BATCH_ROWS];
    uint8_t results[BATCH_ROWS];
    n = choose_rows(t, n, ids);
    for (int i = 0; i < n; i++) tids[i] = t->rows[ids[i]].tid;
    OK(&t->ctx, heap_delete_batch(&t->ctx, t->heap, tids, n, HEAP_WAIT, results, newer));
    for (int i = 0; i < n; i++) {
        assert_int_equal(results[i], HEAP_DONE);
        t->rows[ids[i]].live = false;
    }
}

static void
update_rows(Table *t, int n)
{
    int ids[BATCH_ROWS];
    Tid tids[BATCH_ROWS], newer[BATCH_ROWS], new_tids[BATCH_ROWS];
    bool hot[BATCH_ROWS];
    uint8_t results[BATCH_ROWS];
    Row next[BATCH_ROWS];
    Arena *a = arena_create(NULL, "update");
    n = choose_rows(t, n, ids);
    for (int i = 0; i < n; i++) {
        Row *r = &t->rows[ids[i]];
        tids[i] = r->tid;
        random_row(&next[i], r->id);
        next[i].version = r->version + 1;
        next[i].root = r->root;
    }
    if (n > 0)
        OK(&t->ctx, heap_update_batch(&t->ctx, t->heap, tids, make_batch(a, next, n), HEAP_WAIT,
                                      false, NULL, results, newer, new_tids, hot));
    for (int i = 0; i < n; i++) {
        assert_int_equal(results[i], HEAP_DONE);
        next[i].tid = new_tids[i];
        if (!hot[i]) next[i].root = new_tids[i];
        if (hot[i]) assert_int_equal(tid_page(new_tids[i]), tid_page(tids[i]));
        t->rows[ids[i]] = next[i];
    }
    arena_destroy(a);
}

/* Random transactions; a rolled-back one leaves the model as it was. */
static void
random_work(Table *t, int ntx)
{
    for (int i = 0; i < ntx; i++) {
        int before_n = t->nrows;
        Row *before = malloc(sizeof(Row) * (size_t)(t->nrows + 1));
        if (t->nrows > 0) memcpy(before, t->rows, sizeof(Row) * (size_t)t->nrows);
        begin(&t->ctx);
        for (int k = 1 + pick(&seed, 3); k > 0; k--) {
            int n = pick(&seed, 4) == 0 ? 1 + pick(&seed, BATCH_ROWS < 500 ? BATCH_ROWS : 500)
                                        : 1 + pick(&seed, BATCH_ROWS < 8 ? BATCH_ROWS : 8);
            switch (pick(&seed, 5)) {
            case 0:
            case 1:
                insert_rows(t, n);
                break;
            case 2:
                delete_rows(t, n / 2);
                break;
            default:
                update_rows(t, n);
                break;
            }
            next_command(&t->ctx);
        }
        if (pick(&seed, 10) == 0) {
            check_scan(t);
            check_fetch(t);
        }
        if (pick(&seed, 4) == 0) {
            rollback(&t->ctx);
            if (before_n > 0) memcpy(t->rows, before, sizeof(Row) * (size_t)before_n);
            t->nrows = before_n;
        } else {
            commit(&t->ctx);
        }
        free(before);
        if (pick(&seed, 20) == 0) {
            VacuumOptions o = {.freeze_age = pick(&seed, 2) == 0 ? 0 : UINT64_MAX, .memory_bytes = 1 << 16};
            begin(&t->ctx);
            OK(&t->ctx, vacuum_heap(&t->ctx, t->heap, NULL, 0, &o, NULL));
            commit(&t->ctx);
        }
    }
    begin(&t->ctx);
    check_scan(t);
    check_fetch(t);
    commit(&t->ctx);
}

static void
test_random_work_agrees_with_the_model(void **state)
{
    (void)state;
    Table t = {0};
    open_table(&t, ":memory:", 0);
    random_work(&t, 120);
    close_table(&t);
    free(t.rows);
}

static void
test_a_crash_loses_nothing_committed(void **state)
{
    (void)state;
    char path[512], copy[512];
    temp_path(path, sizeof(path), "heap");
    temp_path(copy, sizeof(copy), "heap_copy");
    remove_db(path);
    remove_db(copy);
    Table t = {0};
    open_table(&t, path, 0);
    uint32_t root = t.desc.root_page;
    for (int round = 0; round < 6; round++) {
        random_work(&t, 15);
        if (round == 2) OK(&t.ctx, db_checkpoint(&t.ctx));
        begin(&t.ctx); /* what is not committed must not show */
        insert_rows(&t, BATCH_ROWS < 20 ? BATCH_ROWS : 20);
        t.nrows -= BATCH_ROWS < 20 ? BATCH_ROWS : 20;
        copy_db(path, copy);
        Table u = {.rows = t.rows, .nrows = t.nrows, .cap = t.cap};
        open_table(&u, copy, root);
        begin(&u.ctx);
        check_scan(&u);
        check_fetch(&u);
        commit(&u.ctx);
        close_table(&u);
        remove_db(copy);
        rollback(&t.ctx);
    }
    close_table(&t);
    memset(&t.ctx, 0, sizeof(t.ctx));
    open_table(&t, path, root);
    begin(&t.ctx);
    check_scan(&t);
    commit(&t.ctx);
    close_table(&t);
    remove_db(path);
    free(t.rows);
}

/* The same row again and again: its dead versions make room for the next. */
static void
test_updates_of_one_row_reuse_its_page(void **state)
{
    (void)state;
    Table t = {0};
    uint32_t pages;
    open_table(&t, ":memory:", 0);
    begin(&t.ctx);
    insert_rows(&t, 1);
    commit(&t.ctx);
    for (int i = 0; i < 3000; i++) {
        begin(&t.ctx);
        t.rows[0].wide_len = -1;
        Row next = t.rows[0];
        Arena *a = arena_create(NULL, "update");
        Tid newer, tid;
        uint8_t result;
        bool hot;
        next.version++;
        next.text_len = 20;
        OK(&t.ctx, heap_update_batch(&t.ctx, t.heap, &t.rows[0].tid, make_batch(a, &next, 1),
                                     HEAP_WAIT, false, NULL, &result, &newer, &tid, &hot));
        assert_int_equal(result, HEAP_DONE);
        assert_true(hot);
        next.tid = tid;
        t.rows[0] = next;
        arena_destroy(a);
        commit(&t.ctx);
    }
    OK(&t.ctx, heap_page_count(&t.ctx, t.heap, &pages));
    assert_in_range(pages, 1, 8);
    begin(&t.ctx);
    check_scan(&t);
    check_fetch(&t);
    commit(&t.ctx);
    close_table(&t);
    free(t.rows);
}

/* NaN in a fixed-width numeric column comes back, in variable form, by scan and by tid. */
static void
test_nan_in_a_fixed_width_numeric_comes_back(void **state)
{
    (void)state;
    static const int columns[] = {2};
    Table t = {0};
    Tid tids[3];
    open_table(&t, ":memory:", 0);
    Arena *a = arena_create(NULL, "nan");
    Row rows[3];
    for (int i = 0; i < 3; i++) rows[i] = (Row){.id = i, .text_len = 3, .wide_len = -1};
    Batch *b = make_batch(a, rows, 3), *out;
    Value nan, v;
    OK(&t.ctx, value_in(&t.ctx, a, "NaN", 3, TYPE_NUMERIC, -1, &nan));
    OK(&t.ctx, value_in(&t.ctx, a, "1e30", 4, TYPE_NUMERIC, -1, &v));
    begin(&t.ctx);
    OK(&t.ctx, heap_insert_batch(&t.ctx, t.heap, b, tids));
    vec_reset(b->cols[2], PHYS_STR);
    for (int i = 0; i < 3; i++) vec_put(b->cols[2], i, &nan);
    OK(&t.ctx, heap_insert_batch(&t.ctx, t.heap, b, tids));
    next_command(&t.ctx);
    HeapScanSpec spec = {.columns = columns, .ncolumns = 1};
    HeapScan *scan;
    HeapFetch *f;
    uint16_t at[3];
    int found = 0, others = 0;
    OK(&t.ctx, heap_scan_begin(&t.ctx, a, t.heap, t.ctx.snapshot, &spec, &scan));
    OK(&t.ctx, heap_fetch_begin(&t.ctx, a, t.heap, columns, 1, &f));
    for (;;) {
        OK(&t.ctx, heap_scan_next(&t.ctx, scan, BATCH_ROWS, &out));
        if (out == NULL) break;
        for (int i = 0; i < out->nrows; i++) {
            v = vec_get(out->cols[0], i);
            if (type_info(TYPE_NUMERIC)->cmp(&v, &nan) == 0)
                found++;
            else
                others++;
        }
    }
    assert_int_equal(found, 3);
    assert_int_equal(others, 3);
    heap_scan_end(scan);
    OK(&t.ctx, heap_fetch(&t.ctx, f, t.ctx.snapshot, tids, 3, &out, at, NULL));
    assert_int_equal(out->nrows, 3);
    v = vec_get(out->cols[0], 2);
    assert_int_equal(type_info(TYPE_NUMERIC)->cmp(&v, &nan), 0);
    heap_fetch_end(f);
    /* What cannot be stored is an error, not a wrong value. */
    OK(&t.ctx, value_in(&t.ctx, a, "1e30", 4, TYPE_NUMERIC, -1, &v));
    vec_reset(b->cols[2], (Phys)v.phys);
    b->cols[2]->scale = v.scale;
    for (int i = 0; i < 3; i++) vec_put(b->cols[2], i, &v);
    assert_int_not_equal(heap_insert_batch(&t.ctx, t.heap, b, tids), QN_OK);
    err_clear(&t.ctx.err);
    rollback(&t.ctx);
    arena_destroy(a);
    close_table(&t);
}

static void
test_extent_bounds_skip_only_what_cannot_match(void **state)
{
    (void)state;
    Table t = {0};
    open_table(&t, ":memory:", 0);
    begin(&t.ctx);
    for (int i = 0; i < 40; i++) insert_rows(&t, BATCH_ROWS < 500 ? BATCH_ROWS : 500);
    commit(&t.ctx);
    begin(&t.ctx);
    for (int k = 0; k < 30; k++) {
        int lo = pick(&seed, t.nrows), hi = lo + pick(&seed, 300), in_range = 0;
        HeapRange range = {.column = 0,
                           .has_lo = true,
                           .has_hi = true,
                           .lo = {.type = TYPE_INT4, .phys = PHYS_I32, .i32 = lo},
                           .hi = {.type = TYPE_INT4, .phys = PHYS_I32, .i32 = hi}};
        static const int columns[] = {0};
        HeapScanSpec spec = {.columns = columns, .ncolumns = 1, .ranges = &range, .nranges = 1};
        HeapScan *scan;
        Batch *b;
        Arena *a = arena_create(NULL, "scan");
        OK(&t.ctx, heap_scan_begin(&t.ctx, a, t.heap, t.ctx.snapshot, &spec, &scan));
        for (;;) {
            OK(&t.ctx, heap_scan_next(&t.ctx, scan, BATCH_ROWS, &b));
            if (b == NULL) break;
            for (int i = 0; i < b->nrows; i++) {
                int id = ((int32_t *)b->cols[0]->data)[i];
                in_range += id >= lo && id <= hi;
            }
        }
        heap_scan_end(scan);
        arena_destroy(a);
        assert_int_equal(in_range, (hi < t.nrows ? hi : t.nrows - 1) - lo + 1);
    }
    HeapStats stats;
    OK(&t.ctx, heap_stats(&t.ctx, t.heap, &stats));
    assert_true(stats.rows > t.nrows * 0.5 && stats.rows < t.nrows * 2.0);
    commit(&t.ctx);
    close_table(&t);
    free(t.rows);
}

/* ---- several connections ---- */

typedef struct Other {
    Table *main;
    Table t;
    uint8_t result;
    Tid newer;
} Other;

static void *
delete_in_thread(void *arg)
{
    Other *o = arg;
    begin(&o->t.ctx);
    OK(&o->t.ctx, heap_delete_batch(&o->t.ctx, o->t.heap, &o->main->rows[0].tid, 1, HEAP_WAIT,
                                    &o->result, &o->newer));
    commit(&o->t.ctx);
    return NULL;
}

static void
test_a_writer_waits_and_is_told_of_the_newer_version(void **state)
{
    (void)state;
    char path[512];
    temp_path(path, sizeof(path), "heap_wait");
    remove_db(path);
    Table t = {0};
    open_table(&t, path, 0);
    begin(&t.ctx);
    insert_rows(&t, 3);
    commit(&t.ctx);
    for (int round = 0; round < 3; round++) {
        Other o = {.main = &t};
        pthread_t thread;
        open_table(&o.t, path, t.desc.root_page);
        Table before = t;
        Row rows[3];
        memcpy(rows, t.rows, sizeof(rows));
        before.rows = rows;
        o.main = &before;
        begin(&t.ctx);
        Arena *a = arena_create(NULL, "update");
        Row next = t.rows[0];
        Tid newer, tid = 0;
        uint8_t result;
        bool hot;
        next.version++;
        if (round < 2)
            OK(&t.ctx, heap_update_batch(&t.ctx, t.heap, &t.rows[0].tid, make_batch(a, &next, 1),
                                         HEAP_WAIT, false, NULL, &result, &newer, &tid, &hot));
        else
            OK(&t.ctx,
               heap_delete_batch(&t.ctx, t.heap, &t.rows[0].tid, 1, HEAP_WAIT, &result, &newer));
        pthread_create(&thread, NULL, delete_in_thread, &o);
        usleep(30000);
        if (round == 0) {
            rollback(&t.ctx);
            pthread_join(thread, NULL);
            assert_int_equal(o.result, HEAP_DONE);
            begin(&t.ctx);
            insert_rows(&t, 1);
            commit(&t.ctx);
            t.rows[0] = t.rows[3];
        } else {
            commit(&t.ctx);
            pthread_join(thread, NULL);
            assert_int_equal(o.result, round == 1 ? HEAP_MOVED : HEAP_GONE);
            if (round == 1) assert_int_equal(o.newer, tid);
            t.rows[0].tid = tid;
        }
        arena_destroy(a);
        close_table(&o.t);
    }
    close_table(&t);
    remove_db(path);
    free(t.rows);
}

/* A row lock keeps writers away, but not those whose change it allows. */
static void
test_a_writer_waits_for_a_row_lock(void **state)
{
    (void)state;
    char path[512];
    temp_path(path, sizeof(path), "heap_lock");
    remove_db(path);
    Table t = {0};
    Tid newer;
    uint8_t result;
    pthread_t thread;
    open_table(&t, path, 0);
    begin(&t.ctx);
    insert_rows(&t, 3);
    commit(&t.ctx);
    Other o = {.main = &t};
    open_table(&o.t, path, t.desc.root_page);
    begin(&t.ctx);
    OK(&t.ctx, heap_lock_rows(&t.ctx, t.heap, &t.rows[0].tid, 1, HEAP_LOCK_KEY_SHARE, HEAP_WAIT,
                              &result, &newer));
    assert_int_equal(result, HEAP_DONE);
    begin(&o.t.ctx);
    Arena *a = arena_create(NULL, "update");
    Tid tid;
    bool hot;
    OK(&o.t.ctx,
       heap_delete_batch(&o.t.ctx, o.t.heap, &t.rows[0].tid, 1, HEAP_NOWAIT, &o.result, &o.newer));
    assert_int_equal(o.result, HEAP_WOULD_WAIT);
    OK(&o.t.ctx, heap_update_batch(&o.t.ctx, o.t.heap, &t.rows[0].tid, make_batch(a, &t.rows[0], 1),
                                   HEAP_NOWAIT, false, NULL, &o.result, &o.newer, &tid, &hot));
    assert_int_equal(o.result, HEAP_DONE);
    commit(&o.t.ctx);
    arena_destroy(a);
    t.rows[0].tid =
        tid; /* the lock holds for the version that took the place of the one it was taken on */
    begin(&o.t.ctx);
    OK(&o.t.ctx, heap_delete_batch(&o.t.ctx, o.t.heap, &tid, 1, HEAP_NOWAIT, &o.result, &o.newer));
    assert_int_equal(o.result, HEAP_WOULD_WAIT);
    rollback(&o.t.ctx);
    pthread_create(&thread, NULL, delete_in_thread, &o);
    usleep(30000);
    commit(&t.ctx);
    pthread_join(thread, NULL);
    assert_int_equal(o.result, HEAP_DONE);
    close_table(&o.t);
    close_table(&t);
    remove_db(path);
    free(t.rows);
}

typedef struct Worker {
    const char *path;
    uint32_t root;
    uint64_t seed;
    int nth;
    _Atomic int *stop;
} Worker;

/* Adds 1 to one row and takes 1 from another, in one transaction: the sum stays. Rows: (id, ...,
 * balance). */
static void *
transfer(void *arg)
{
    Worker *w = arg;
    Table t = {0};
    Arena *a = arena_create(NULL, "worker");
    HeapScan *scan;
    Batch *b;
    HeapScanSpec spec = {.columns = all_columns, .ncolumns = 7};
    open_table(&t, w->path, w->root);
    OK(&t.ctx, heap_scan_begin(&t.ctx, a, t.heap, NULL, &spec, &scan));
    for (int i = 0; i < 60; i++) {
        int from = pick(&w->seed, 40), to = pick(&w->seed, 40);
        Tid tids[2] = {0}, newer[2], new_tids[2];
        Row rows[2];
        uint8_t results[2];
        bool hot[2];
        int64_t sum = 0;
        int n = 0, count = 0;
        if (from == to) continue;
        begin(&t.ctx);
        OK(&t.ctx, heap_scan_rescan(&t.ctx, scan, t.ctx.snapshot, 0, 0));
        for (;;) {
            OK(&t.ctx, heap_scan_next(&t.ctx, scan, BATCH_ROWS, &b));
            if (b == NULL) break;
            for (int k = 0; k < b->nrows; k++) {
                int id = ((int32_t *)b->cols[0]->data)[k];
                int64_t balance = ((int64_t *)b->cols[4]->data)[k];
                sum += balance;
                count++;
                if (id != from && id != to) continue;
                rows[n] = (Row){.id = id,
                                .text_len = pick(&w->seed, 40),
                                .wide_len = -1,
                                .version = (int)balance + (id == to ? 1 : -1)};
                tids[n++] = ((Tid *)b->cols[6]->data)[k];
            }
        }
        assert_int_equal(count, 40);
        assert_int_equal(sum, 40 * 1000);
        assert_int_equal(n, 2);
        Arena *scratch = arena_create(NULL, "update");
        Status st = heap_update_batch(&t.ctx, t.heap, tids, make_batch(scratch, rows, 2), HEAP_WAIT,
                                      false, NULL, results, newer, new_tids, hot);
        arena_destroy(scratch);
        if (st != QN_OK) { /* a deadlock's victim */
            assert_int_equal(st, ERR_T_R_DEADLOCK_DETECTED);
            err_clear(&t.ctx.err);
            rollback(&t.ctx);
        } else if (results[0] == HEAP_DONE && results[1] == HEAP_DONE) {
            commit(&t.ctx);
        } else {
            rollback(&t.ctx);
        }
    }
    heap_scan_end(scan);
    arena_destroy(a);
    close_table(&t);
    return NULL;
}

static void
test_concurrent_transfers_keep_the_sum(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    char path[512];
    pthread_t threads[THREADS];
    Worker workers[THREADS];
    temp_path(path, sizeof(path), "heap_sum");
    remove_db(path);
    Table t = {0};
    open_table(&t, path, 0);
    Arena *a = arena_create(NULL, "rows");
    Row rows[40];
    Tid tids[40];
    for (int i = 0; i < 40; i++)
        rows[i] = (Row){.id = i, .text_len = 5, .wide_len = -1, .version = 1000};
    begin(&t.ctx);
    for (int i = 0; i < 40; i++)
        OK(&t.ctx, heap_insert_batch(&t.ctx, t.heap, make_batch(a, rows + i, 1), tids));
    commit(&t.ctx);
    for (int i = 0; i < THREADS; i++) {
        workers[i] =
            (Worker){.path = path, .root = t.desc.root_page, .seed = seed + (uint64_t)i, .nth = i};
        pthread_create(&threads[i], NULL, transfer, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    arena_destroy(a);
    close_table(&t);
    remove_db(path);
}

/* ---- layouts ---- */

static void
test_rows_of_older_layouts_show_the_missing_value(void **state)
{
    (void)state;
    Table t = {0};
    TestLayout wider;
    Oid more[COLS + 2];
    open_table(&t, ":memory:", 0);
    begin(&t.ctx);
    for (int i = 0; i < 50; i++) insert_rows(&t, 1);
    commit(&t.ctx);
    memcpy(more, types, sizeof(types));
    more[COLS] = TYPE_INT4;
    more[COLS + 1] = TYPE_TEXT;
    make_layout(&wider, 2, more, COLS + 2);
    wider.cols[COLS].has_missing = true;
    wider.cols[COLS].missing = (Value){.type = TYPE_INT4, .phys = PHYS_I32, .i32 = 77};
    wider.cols[1].phys = PHYS_NONE; /* dropped */
    const Layout *layouts[2] = {&t.layout.layout, &wider.layout};
    HeapDesc desc = t.desc;
    Heap *heap;
    desc.layouts = layouts;
    desc.nlayouts = 2;
    OK(&t.ctx, heap_open(&t.ctx, t.arena, &desc, &heap));
    Arena *a = arena_create(NULL, "rows");
    Batch *narrow = make_batch(a, t.rows, BATCH_ROWS < 10 ? BATCH_ROWS : 10),
          *b = batch_create(a, COLS + 2);
    Tid tids[10];
    const int m = BATCH_ROWS < 10 ? BATCH_ROWS : 10;
    memcpy(b->cols, narrow->cols, sizeof(Vector *) * COLS);
    b->cols[1] = NULL;
    b->cols[COLS] = vec_create(a, TYPE_INT4, 10);
    b->cols[COLS + 1] = NULL;
    for (int i = 0; i < m; i++) ((int32_t *)b->cols[COLS]->data)[i] = i;
    b->nrows = b->nsel = m;
    begin(&t.ctx);
    OK(&t.ctx, heap_insert_batch(&t.ctx, heap, b, tids));
    next_command(&t.ctx);
    static const int columns[] = {0, COLS, COLS + 1};
    HeapScanSpec spec = {.columns = columns, .ncolumns = 3};
    HeapScan *scan;
    Batch *got;
    int old = 0, new = 0;
    OK(&t.ctx, heap_scan_begin(&t.ctx, a, heap, t.ctx.snapshot, &spec, &scan));
    for (;;) {
        OK(&t.ctx, heap_scan_next(&t.ctx, scan, BATCH_ROWS, &got));
        if (got == NULL) break;
        for (int i = 0; i < got->nrows; i++) {
            assert_true(vec_is_null(got->cols[2], i));
            int32_t v = ((int32_t *)got->cols[1]->data)[i];
            if (v == 77)
                old++;
            else
                new += v >= 0 && v < 10;
        }
    }
    heap_scan_end(scan);
    assert_int_equal(old, 50);
    assert_int_equal(new, m);
    commit(&t.ctx);
    heap_close(&t.ctx, heap);
    arena_destroy(a);
    close_table(&t);
    free(t.rows);
}

int
main(void)
{
    seed = test_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_work_agrees_with_the_model),
        cmocka_unit_test(test_a_crash_loses_nothing_committed),
        cmocka_unit_test(test_updates_of_one_row_reuse_its_page),
        cmocka_unit_test(test_nan_in_a_fixed_width_numeric_comes_back),
        cmocka_unit_test(test_extent_bounds_skip_only_what_cannot_match),
        cmocka_unit_test(test_a_writer_waits_and_is_told_of_the_newer_version),
        cmocka_unit_test(test_a_writer_waits_for_a_row_lock),
        cmocka_unit_test(test_concurrent_transfers_keep_the_sum),
        cmocka_unit_test(test_rows_of_older_layouts_show_the_missing_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
