/* storage_fault_test.c - every allocation of heap and index work fails once: each time an error or
 * success, never a crash; no page stays held, and after a rollback the table is what it was. */
#include "tests/storage_test.h"

enum { COLS = 3 };
static const Oid types[COLS] = {TYPE_INT4, TYPE_TEXT, TYPE_NUMERIC};

typedef struct Fixture {
    Ctx ctx;
    Arena *arena;
    TestLayout layout;
    const Layout *layouts[1];
    uint64_t indexed;
    Heap *heap;
    KeyColumn keys[2];
    uint8_t phys[2];
    int16_t scales[2];
    Index *index;
    Batch *batch;
    Tid tids[3];
} Fixture;

static const int ROWS = 3;

static Batch *
rows_of(Arena *a, int version)
{
    Batch *b = batch_create_types(a, COLS, types);
    vec_reset(b->cols[2], PHYS_I64);
    b->cols[2]->scale = 2;
    for (int i = 0; i < ROWS; i++) {
        int n = i == 2 ? 30000 : 40;
        char *p = arena_alloc(a, (size_t)n);
        memset(p, 'a' + version % 26, (size_t)n);
        for (int k = 0; k < n; k += 3) p[k] = (char)('a' + (k * 7 + version) % 25);
        ((int32_t *)b->cols[0]->data)[i] = i + version * ROWS;
        ((Str *)b->cols[1]->data)[i] = str_make(p, (size_t)n);
        ((int64_t *)b->cols[2]->data)[i] = i;
    }
    b->nrows = b->nsel = ROWS;
    return b;
}

static Status
work(Fixture *f, Arena *a, Batch *first, Batch *second)
{
    Ctx *ctx = &f->ctx;
    static const int columns[] = {0, 1, 2, HEAP_COL_CTID};
    HeapScanSpec spec = {.columns = columns, .ncolumns = 4};
    HeapScan *scan = NULL;
    HeapFetch *fetch = NULL;
    IndexScan *is = NULL;
    IndexBatch ib;
    Batch *b;
    Tid tids[3], newer[3], new_tids[3], conflicts[3];
    uint8_t results[3];
    bool hot[3];
    uint16_t rows[3];
    int nconflicts, seen = 0;
    Value key = {.type = TYPE_INT4, .phys = PHYS_I32, .i32 = 1};
    IndexRange r = {.lower = &key, .lower_inclusive = true};
    IndexScanSpec ispec = {.columns = columns, .ncolumns = 1};
    Status st;
    TRY_GOTO(heap_insert_batch(ctx, f->heap, first, tids));
    TRY_GOTO(index_insert_batch(ctx, f->index, f->heap, first->cols, NULL, ROWS, tids,
                                INDEX_CHECK_UNIQUE, conflicts, &nconflicts));
    tx_command_end(ctx);
    TRY_GOTO(tx_command_begin(ctx));
    TRY_GOTO(heap_update_batch(ctx, f->heap, tids, second, HEAP_WAIT, true, NULL, results, newer,
                               new_tids, hot));
    TRY_GOTO(index_insert_batch(ctx, f->index, f->heap, second->cols, NULL, ROWS, new_tids,
                                INDEX_CHECK_UNIQUE, conflicts, &nconflicts));
    tx_command_end(ctx);
    TRY_GOTO(tx_command_begin(ctx));
    TRY_GOTO(heap_scan_begin(ctx, a, f->heap, ctx->snapshot, &spec, &scan));
    for (;;) {
        TRY_GOTO(heap_scan_next(ctx, scan, BATCH_ROWS, &b));
        if (b == NULL) break;
        seen += b->nrows;
    }
    assert_int_equal(seen, ROWS);
    TRY_GOTO(index_scan_begin(ctx, a, f->index, &ispec, &is));
    TRY_GOTO(heap_fetch_begin(ctx, a, f->heap, columns, 4, &fetch));
    TRY_GOTO(index_scan_start(ctx, is, &r, true));
    TRY_GOTO(index_scan_next(ctx, is, 3, &ib));
    TRY_GOTO(heap_fetch(ctx, fetch, ctx->snapshot, ib.tids, ib.n, &b, rows, NULL));
    TRY_GOTO(heap_delete_batch(ctx, f->heap, new_tids, 1, HEAP_WAIT, results, newer));
done:
    heap_scan_end(scan);
    heap_fetch_end(fetch);
    index_scan_end(is);
    return st;
}

static void
test_every_allocation_may_fail(void **state)
{
    (void)state;
    Fixture f = {0};
    DbOptions options = {.cache_bytes = 16 << 20, .no_threads = true};
    uint32_t heap_root, index_root;
    OK(&f.ctx, db_open(&f.ctx, ":memory:", &options));
    f.arena = arena_create(NULL, "test");
    make_layout(&f.layout, 1, types, COLS);
    f.layouts[0] = &f.layout.layout;
    f.indexed = 1;
    begin(&f.ctx);
    OK(&f.ctx, heap_create(&f.ctx, 16384, &heap_root));
    OK(&f.ctx, index_create(&f.ctx, 16385, INDEX_BTREE, &index_root));
    commit(&f.ctx);
    HeapDesc hd = {.relid = 16384,
                   .root_page = heap_root,
                   .name = "t",
                   .layouts = f.layouts,
                   .nlayouts = 1,
                   .indexed = &f.indexed};
    OK(&f.ctx, heap_open(&f.ctx, f.arena, &hd, &f.heap));
    OK(&f.ctx, key_column_init(&f.ctx, &f.keys[0], TYPE_INT4, -1, false, false, false));
    f.phys[0] = PHYS_I32;
    IndexDesc id = {.relid = 16385,
                    .root_page = index_root,
                    .name = "i",
                    .kind = INDEX_BTREE,
                    .unique = true,
                    .nkeys = 1,
                    .ncols = 1,
                    .keys = f.keys,
                    .types = types,
                    .phys = f.phys,
                    .scales = f.scales};
    OK(&f.ctx, index_open(&f.ctx, f.arena, &id, &f.index));
    int failures = 0;
    for (int n = 0;; n++) {
        Arena *a = arena_create(NULL, "rows");
        Batch *first = rows_of(a, 2 * n), *second = rows_of(a, 2 * n + 1);
        begin(&f.ctx);
        int64_t blocks = mem_live_blocks();
        mem_fail_after(n, false);
        Status st = work(&f, a, first, second);
        mem_fail_after(-1, false);
        (void)blocks;
        assert_int_equal(f.ctx.nofail, 0);
        if (st != QN_OK) {
            assert_int_equal(st, ERR_OUT_OF_MEMORY);
            failures++;
        }
        err_clear(&f.ctx.err);
        rollback(&f.ctx);
        arena_destroy(a);
        if (st == QN_OK) break;
        assert_true(n < 5000);
    }
    assert_true(failures > 5);
    uint64_t entries;
    OK(&f.ctx, index_check(&f.ctx, f.index, &entries));
    static const int columns[] = {0};
    HeapScanSpec spec = {.columns = columns, .ncolumns = 1};
    HeapScan *scan;
    Batch *b;
    begin(&f.ctx);
    OK(&f.ctx, heap_scan_begin(&f.ctx, f.arena, f.heap, f.ctx.snapshot, &spec, &scan));
    OK(&f.ctx, heap_scan_next(&f.ctx, scan, BATCH_ROWS, &b));
    assert_null(b);
    heap_scan_end(scan);
    commit(&f.ctx);
    assert_int_equal(pool_held(f.ctx.pool), 0);
    index_close(&f.ctx, f.index);
    heap_close(&f.ctx, f.heap);
    arena_destroy(f.arena);
    OK(&f.ctx, db_close(&f.ctx));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
