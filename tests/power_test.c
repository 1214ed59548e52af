/* power_test.c - loss of power under a table with an index: unsynced writes are kept, lost or torn sector by sector, and names of files
 * come back or go; a third of the time again while recovering. After each loss the table is compared with a model.
 *
 *     power_test [losses [seed]]     150 losses by default
 *
 * One session, transactions of random inserts, updates and deletes with savepoints and rollbacks, checkpoints, clean closes. Everything is in
 * memory (storage/file_fault.h), so that a loss costs milliseconds. */
#include "tests/storage_test.h"

#include "storage/file_fault.h"
#include <errno.h>
#include "storage/wal.h"

enum { IDS = 300, COLS = 3, ROOT_HEAP = 20, ROOT_INDEX = 21 };
static const Oid types[COLS] = {TYPE_INT4, TYPE_INT8, TYPE_TEXT};

typedef struct State { int64_t version[IDS]; } State; /* 0: no row */

typedef struct Conn {
    Ctx ctx;
    Arena *arena, *scratch;
    TestLayout layout;
    const Layout *layouts[1];
    uint64_t indexed;
    HeapDesc heap_desc;
    Heap *heap;
    KeyColumn key;
    Oid key_type;
    uint8_t key_phys;
    int16_t key_scale;
    IndexDesc index_desc;
    Index *index;
} Conn;

static FaultFs *fs;
static uint64_t seed;

/* False: power was lost while opening. */
static bool
conn_open(Conn *c)
{
    DbOptions o = {.file = fault_fs_ops(fs), .cache_bytes = 1 << 20, .no_threads = true};
    PageNo heap_root, index_root;

    memset(c, 0, sizeof(*c));
    Status st = db_open(&c->ctx, "p.db", &o);
    if (st == ERR_IO_ERROR || st == ERR_DISK_FULL) {
        err_clear(&c->ctx.err);
        return false;
    }
    OK(&c->ctx, st);
    c->arena = arena_create(NULL, "power");
    c->scratch = arena_create(NULL, "power scratch");
    OK(&c->ctx, db_root_get(&c->ctx, ROOT_HEAP, &heap_root));
    OK(&c->ctx, db_root_get(&c->ctx, ROOT_INDEX, &index_root));
    if (heap_root == PAGE_NONE) {
        begin(&c->ctx);
        OK(&c->ctx, heap_create(&c->ctx, 16384, &heap_root));
        OK(&c->ctx, index_create(&c->ctx, 16385, INDEX_BTREE, &index_root));
        OK(&c->ctx, db_root_set(&c->ctx, ROOT_HEAP, heap_root));
        OK(&c->ctx, db_root_set(&c->ctx, ROOT_INDEX, index_root));
        commit(&c->ctx);
    }
    make_layout(&c->layout, 1, types, COLS);
    c->layouts[0] = &c->layout.layout;
    c->indexed = 1;
    c->heap_desc = (HeapDesc){.relid = 16384, .root_page = heap_root, .name = "t", .layouts = c->layouts, .nlayouts = 1,
                              .indexed = &c->indexed};
    OK(&c->ctx, heap_open(&c->ctx, c->arena, &c->heap_desc, &c->heap));
    OK(&c->ctx, key_column_init(&c->ctx, &c->key, TYPE_INT4, -1, false, false, false));
    c->key_type = TYPE_INT4;
    c->key_phys = PHYS_I32;
    c->index_desc = (IndexDesc){.relid = 16385, .root_page = index_root, .name = "i", .kind = INDEX_BTREE, .unique = true,
                                .nkeys = 1, .ncols = 1, .keys = &c->key, .types = &c->key_type, .phys = &c->key_phys,
                                .scales = &c->key_scale};
    OK(&c->ctx, index_open(&c->ctx, c->arena, &c->index_desc, &c->index));
    return true;
}

static void
conn_close(Conn *c, bool lost)
{
    index_close(&c->ctx, c->index);
    heap_close(&c->ctx, c->heap);
    arena_destroy(c->scratch);
    arena_destroy(c->arena);
    Status st = db_close(&c->ctx);
    if (!lost) OK(&c->ctx, st);
    err_clear(&c->ctx.err);
}

static int
text_bytes(int32_t id, int64_t version)
{
    uint64_t x = (uint64_t)id * 7919 + (uint64_t)version * 104729;
    return x % 61 == 0 ? 20000 : (int)(x % 150);
}

static void
fill_text(char *to, int32_t id, int64_t version)
{
    int n = text_bytes(id, version);
    for (int i = 0; i < n; i++) to[i] = (char)('a' + (id + version * 3 + i * i) % 26);
}

/* Reads the table by scan or by index into out; aborts on a row that is wrong in itself. */
static Status
read_rows(Conn *c, bool by_index, State *out, Tid *tids)
{
    static const int columns[] = {0, 1, 2, HEAP_COL_CTID};
    static char expected[20001];
    Ctx *ctx = &c->ctx;
    HeapScan *scan = NULL;
    IndexScan *iscan = NULL;
    HeapFetch *f = NULL;
    IndexRange all = {0};
    HeapScanSpec spec = {.columns = columns, .ncolumns = 4};
    uint16_t rows[BATCH_ROWS];
    Status st = QN_OK;

    memset(out, 0, sizeof(*out));
    if (by_index) {
        TRY_GOTO(index_scan_begin(ctx, c->scratch, c->index, NULL, &iscan));
        TRY_GOTO(heap_fetch_begin(ctx, c->scratch, c->heap, columns, 4, &f));
        TRY_GOTO(index_scan_start(ctx, iscan, &all, false));
    } else {
        TRY_GOTO(heap_scan_begin(ctx, c->scratch, c->heap, ctx->snapshot, &spec, &scan));
    }
    for (;;) {
        Batch *b;
        if (by_index) {
            IndexBatch ib;
            TRY_GOTO(index_scan_next(ctx, iscan, BATCH_ROWS, &ib));
            if (ib.n == 0) break;
            TRY_GOTO(heap_fetch(ctx, f, ctx->snapshot, ib.tids, ib.n, &b, rows, NULL));
        } else {
            TRY_GOTO(heap_scan_next(ctx, scan, BATCH_ROWS, &b));
            if (b == NULL) break;
        }
        for (int i = 0; i < b->nrows; i++) {
            int32_t id = ((int32_t *)b->cols[0]->data)[i];
            int64_t version = ((int64_t *)b->cols[1]->data)[i];
            const Str *text = (Str *)b->cols[2]->data + i;
            int n = text_bytes(id, version);
            fill_text(expected, id, version);
            assert_in_range(id, 0, IDS - 1);
            assert_int_equal(out->version[id], 0);
            assert_int_equal(text->len, n);
            assert_memory_equal(str_data(text), expected, (size_t)n);
            out->version[id] = version;
            if (tids != NULL) tids[id] = ((Tid *)b->cols[3]->data)[i];
        }
    }
done:
    heap_fetch_end(f);
    index_scan_end(iscan);
    heap_scan_end(scan);
    return st;
}

/* The file's state is one of these; which. */
static void
verify(Conn *c, State *known, const State *maybe, bool has_maybe)
{
    State by_scan, by_index;
    uint64_t entries;
    begin(&c->ctx);
    OK(&c->ctx, read_rows(c, false, &by_scan, NULL));
    OK(&c->ctx, read_rows(c, true, &by_index, NULL));
    rollback(&c->ctx);
    arena_reset(c->scratch);
    assert_memory_equal(&by_scan, &by_index, sizeof(by_scan));
    if (memcmp(&by_scan, known, sizeof(by_scan)) != 0) {
        assert_true(has_maybe);
        assert_memory_equal(&by_scan, maybe, sizeof(by_scan));
        *known = by_scan;
    }
    OK(&c->ctx, index_check(&c->ctx, c->index, &entries));
    PageNo roots[2] = {c->heap_desc.root_page, c->index_desc.root_page};
    OK(&c->ctx, db_check(&c->ctx, roots, 2, NULL, NULL));
}

static Status
change_row(Conn *c, State *s, Tid *tids, int32_t id, int64_t version)
{
    Ctx *ctx = &c->ctx;
    Batch *b = batch_create_types(c->scratch, COLS, types);
    int n = text_bytes(id, version), nconflicts = 0;
    char *text = arena_alloc(c->scratch, (size_t)n + 1);
    Tid tid, newer, conflict;
    uint8_t result = HEAP_DONE;
    bool hot = false;

    if (version == 0) {
        TRY(heap_delete_batch(ctx, c->heap, &tids[id], 1, HEAP_WAIT, &result, &newer));
        assert_int_equal(result, HEAP_DONE);
        s->version[id] = 0;
        return QN_OK;
    }
    fill_text(text, id, version);
    ((int32_t *)b->cols[0]->data)[0] = id;
    ((int64_t *)b->cols[1]->data)[0] = version;
    ((Str *)b->cols[2]->data)[0] = str_make(text, (size_t)n);
    b->nrows = b->nsel = 1;
    if (s->version[id] == 0) TRY(heap_insert_batch(ctx, c->heap, b, &tid));
    else TRY(heap_update_batch(ctx, c->heap, &tids[id], b, HEAP_WAIT, false, &result, &newer, &tid, &hot));
    assert_int_equal(result, HEAP_DONE);
    if (!hot)
        TRY(index_insert_batch(ctx, c->index, c->heap, b->cols, NULL, 1, &tid, INDEX_CHECK_UNIQUE, &conflict, &nconflicts));
    assert_int_equal(nconflicts, 0);
    s->version[id] = version;
    tids[id] = tid;
    return QN_OK;
}

/* One transaction; *s is the state it would leave. */
static Status
transact(Conn *c, State *s, int64_t version)
{
    Ctx *ctx = &c->ctx;
    static Tid tids[IDS];
    State saved = *s;
    int n = 1 + pick(&seed, 12), savepoint = pick(&seed, 3) == 0 ? pick(&seed, n) : n;

    TRY(tx_begin(ctx, TX_READ_COMMITTED, false));
    TRY(tx_command_begin(ctx));
    TRY(read_rows(c, false, &saved, tids));
    for (int i = 0; i < n; i++) {
        int32_t id = pick(&seed, IDS);
        if (i == savepoint) {
            TRY(tx_savepoint(ctx, "s"));
            saved = *s;
        }
        bool remove = s->version[id] != 0 && pick(&seed, 4) == 0;
        TRY(change_row(c, s, tids, id, remove ? 0 : version));
        tx_command_end(ctx);
        TRY(tx_command_begin(ctx));
    }
    if (savepoint < n) {
        TRY(tx_rollback_to(ctx, "s"));
        *s = saved;
    }
    arena_reset(c->scratch);
    return QN_OK;
}

/* Works until the n-th write or sync fails, and power goes with it. */
static void
work_until_power_fails(Conn *c, State *known, State *maybe, bool *has_maybe)
{
    static int64_t version = 0;
    Ctx *ctx = &c->ctx;

    *has_maybe = false;
    fault_fs_fail(fs, FAULT_WRITE | FAULT_SYNC | FAULT_ALLOCATE, pick(&seed, 3) == 0 ? pick(&seed, 400) : pick(&seed, 60), EIO, true);
    for (;;) {
        State next = *known;
        Status st = transact(c, &next, ++version);
        if (st == QN_OK && pick(&seed, 6) == 0) {
            tx_rollback(ctx);
            continue;
        }
        bool committing = st == QN_OK;
        if (committing) {
            tx_command_end(ctx);
            st = tx_commit(ctx);
        }
        if (st == QN_OK) *known = next;
        if (st == QN_OK && pick(&seed, 10) == 0) st = db_checkpoint(ctx);
        else if (st == QN_OK && pick(&seed, 10) == 0) st = heap_prune_all(ctx, c->heap, &(uint64_t){0});
        else if (committing && st != QN_OK) *maybe = next, *has_maybe = true;
        if (st == QN_OK) continue;
        err_clear(&ctx->err);
        tx_rollback(ctx);
        return;
    }
}

static int losses = 150;

static void
test_table_and_index_survive_losses_of_power(void **state)
{
    (void)state;
    static State known, maybe;
    bool has_maybe = false;
    Conn *c = calloc(1, sizeof(*c));

    fs = fault_fs_create();
    assert_true(conn_open(c));
    for (int i = 0; i < losses; i++) {
        work_until_power_fails(c, &known, &maybe, &has_maybe);
        fault_fs_power_loss(fs, rnd(&seed));
        conn_close(c, true);
        while (pick(&seed, 3) == 0) {
            fault_fs_fail(fs, FAULT_WRITE | FAULT_SYNC, pick(&seed, 30), EIO, true);
            if (conn_open(c)) {
                fault_fs_power_loss(fs, rnd(&seed));
                conn_close(c, true);
            } else {
                fault_fs_power_loss(fs, rnd(&seed));
            }
        }
        fault_fs_fail(fs, 0, -1, 0, false);
        assert_true(conn_open(c));
        verify(c, &known, &maybe, has_maybe);
        if (pick(&seed, 4) == 0) {
            conn_close(c, false);
            assert_true(conn_open(c));
            verify(c, &known, NULL, false);
        }
    }
    conn_close(c, false);
    free(c);
    fault_fs_destroy(fs);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table_and_index_survive_losses_of_power)};
    if (argc > 1) losses = atoi(argv[1]);
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : test_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
