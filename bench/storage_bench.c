/* storage_bench.c - what the storage layer does a second, without SQL above it: bulk and single
 * inserts, scans of fixed and variable columns, index build and inserts, point lookups, key
 * encoding. It measures the layer, so unlike the other programs here it includes the layer's
 * headers.
 *
 *     build/release/bench/storage_bench [rows [path]]     path: a file; default in memory
 */
#include "storage/db.h"
#include "storage/heap.h"
#include "storage/index.h"
#include "storage/tx.h"
#include "storage/vacuum.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static Ctx ctx;

#define OK(expr)                                                                                   \
    do {                                                                                           \
        Status ok_ = (expr);                                                                       \
        if (ok_ != QN_OK) {                                                                        \
            fprintf(stderr, "%s: %s\n", #expr, ctx.err.message);                                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static clockid_t clock_used = CLOCK_THREAD_CPUTIME_ID; /* with a file: wall time */

static double
now(void)
{
    struct timespec t;
    clock_gettime(clock_used, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
report(const char *what, double n, double seconds, const char *unit)
{
    printf("%-44s %8.3f s  %10.2f M %s/s  %8.1f ns each\n", what, seconds, n / seconds / 1e6, unit,
           seconds / n * 1e9);
    fflush(stdout);
}

static uint64_t rng = 42;
static uint64_t
rnd(void)
{
    uint64_t z = (rng += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

enum { COLS = 7 };
static const Oid types[COLS] = {TYPE_INT4, TYPE_INT4, TYPE_INT4, TYPE_INT4,
                                TYPE_INT8, TYPE_TEXT, TYPE_TEXT};
static int ncols; /* 5: the integers; 7: and two strings */

static void
begin(void)
{
    OK(tx_begin(&ctx, TX_READ_COMMITTED, false));
    OK(tx_command_begin(&ctx));
}

static void
commit(void)
{
    tx_command_end(&ctx);
    OK(tx_commit(&ctx));
}

static void
fill(Batch *b, int64_t first, int n)
{
    static const char *const words[] = {"AIR", "TRUCK", "MAIL", "a comment of some thirty bytes",
                                        "another comment, fully regular"};
    for (int i = 0; i < n; i++) {
        ((int32_t *)b->cols[0]->data)[i] = (int32_t)((first + i) * 7919 % 100000007);
        ((int32_t *)b->cols[1]->data)[i] = (int32_t)(first + i);
        ((int32_t *)b->cols[2]->data)[i] = (int32_t)(rnd() % 1000);
        ((int32_t *)b->cols[3]->data)[i] = (int32_t)rnd();
        ((int64_t *)b->cols[4]->data)[i] = (int64_t)rnd();
        if (ncols < COLS) continue;
        const char *w = words[rnd() % 3], *c = words[3 + rnd() % 2];
        ((Str *)b->cols[5]->data)[i] = str_make(w, strlen(w));
        ((Str *)b->cols[6]->data)[i] = str_make(c, strlen(c));
    }
    b->nrows = b->nsel = n;
}

static int64_t
scan(Heap *heap, const int *columns, int n, int64_t *sum_out)
{
    HeapScanSpec spec = {.columns = columns, .ncolumns = n};
    Arena *arena = arena_create(NULL, "scan");
    HeapScan *s;
    Batch *b;
    int64_t rows = 0, sum = 0;
    OK(heap_scan_begin(&ctx, arena, heap, ctx.snapshot, &spec, &s));
    for (;;) {
        OK(heap_scan_next(&ctx, s, BATCH_ROWS, &b));
        if (b == NULL) break;
        rows += b->nrows;
        if (b->cols[0]->phys == PHYS_I32)
            for (int i = 0; i < b->nrows; i++) sum += ((int32_t *)b->cols[0]->data)[i];
    }
    heap_scan_end(s);
    arena_destroy(arena);
    *sum_out = sum;
    return rows;
}

static void
time_scan(const char *what, Heap *heap, const int *columns, int n)
{
    int64_t sum, rows = 0;
    double best = 1e9;
    for (int k = 0; k < 3; k++) {
        begin();
        double t = now();
        rows = scan(heap, columns, n, &sum);
        t = now() - t;
        commit();
        if (t < best) best = t;
    }
    report(what, (double)rows * n, best, "values");
}

static Heap *
bench_heap(Arena *arena, Layout *layout, int64_t rows)
{
    static const Layout *layouts[1];
    static uint64_t indexed = 1;
    uint32_t root, pages;
    Heap *heap;
    Batch *b = batch_create_types(arena, ncols, types);
    Tid *tids = malloc(sizeof(Tid) * BATCH_ROWS);
    layouts[0] = layout;
    begin();
    OK(heap_create(&ctx, 16384, &root));
    HeapDesc desc = {.relid = 16384,
                     .root_page = root,
                     .name = "t",
                     .layouts = layouts,
                     .nlayouts = 1,
                     .indexed = &indexed};
    OK(heap_open(&ctx, arena, &desc, &heap));
    double spent = 0;
    for (int64_t at = 0; at < rows; at += BATCH_ROWS) {
        int n = rows - at < BATCH_ROWS ? (int)(rows - at) : BATCH_ROWS;
        fill(b, at, n);
        double t = now();
        OK(heap_insert_batch(&ctx, heap, b, tids));
        spent += now() - t;
    }
    double t = now();
    commit();
    report("insert_batch, one transaction", (double)rows, spent + now() - t, "rows");
    OK(heap_page_count(&ctx, heap, &pages));
    printf("    %u pages, %.1f rows a page\n", pages, (double)rows / pages);
    free(tids);
    return heap;
}

static void
bench_scans(Heap *heap)
{
    static const int a[] = {0}, five[] = {0, 1, 2, 3, 4}, str[] = {5}, wide[] = {6};
    time_scan("scan 1 int4 column", heap, a, 1);
    time_scan("scan 5 integer columns", heap, five, 5);
    if (ncols == COLS) {
        time_scan("scan short strings (inline)", heap, str, 1);
        time_scan("scan 30-byte strings (pointing into pages)", heap, wide, 1);
    }
    begin();
    double t = now();
    OK(vacuum_heap(&ctx, heap, NULL, 0, &(VacuumOptions){.freeze_age = UINT64_MAX, .memory_bytes = 1 << 20}, NULL));
    commit();
    printf("    prune, all pages marked all-visible: %.3f s\n", now() - t);
    time_scan("scan 5 integer columns, all-visible", heap, five, 5);
}

typedef struct KeyTid {
    uint8_t key[4];
    Tid tid;
} KeyTid;

static int
compare_key_tids(const void *a, const void *b)
{
    return memcmp(((const KeyTid *)a)->key, ((const KeyTid *)b)->key, 4);
}

static Index *
make_index(Arena *arena, bool unique)
{
    static KeyColumn key;
    static const uint8_t phys[1] = {PHYS_I32};
    static const int16_t scales[1];
    uint32_t root;
    Index *index;
    OK(key_column_init(&ctx, &key, TYPE_INT4, -1, false, false, true));
    begin();
    OK(index_create(&ctx, 16385, INDEX_BTREE, &root));
    commit();
    IndexDesc desc = {.relid = 16385,
                      .root_page = root,
                      .name = "i",
                      .kind = INDEX_BTREE,
                      .unique = unique,
                      .nkeys = 1,
                      .ncols = 1,
                      .keys = &key,
                      .types = types,
                      .phys = phys,
                      .scales = scales};
    OK(index_open(&ctx, arena, &desc, &index));
    return index;
}

static Index *
bench_build(Arena *arena, Heap *heap, int64_t rows)
{
    static const int columns[] = {0, HEAP_COL_CTID};
    HeapScanSpec spec = {.columns = columns, .ncolumns = 2};
    KeyTid *run = malloc(sizeof(KeyTid) * (size_t)rows);
    Index *index = make_index(arena, true);
    HeapScan *s;
    Batch *b;
    int64_t n = 0;
    IndexBuild *build;
    IndexTid dup;
    IndexStats stats;
    begin();
    double t = now();
    OK(heap_scan_begin(&ctx, arena, heap, ctx.snapshot, &spec, &s));
    for (;;) {
        OK(heap_scan_next(&ctx, s, BATCH_ROWS, &b));
        if (b == NULL) break;
        OK(key_encode_fixed(&ctx, &index->format, b->cols, NULL, b->nrows, run[n].key,
                            sizeof(KeyTid)));
        for (int i = 0; i < b->nrows; i++) run[n + i].tid = ((Tid *)b->cols[1]->data)[i];
        n += b->nrows;
    }
    heap_scan_end(s);
    report("encode keys of the table (scan included)", (double)n, now() - t, "rows");
    qsort(run, (size_t)n, sizeof(KeyTid), compare_key_tids);
    t = now();
    OK(index_build_begin(&ctx, arena, index, 0, &build));
    for (int64_t i = 0; i < n; i++)
        OK(index_build_add(&ctx, index, build, run[i].key, 4, run[i].tid, NULL, 0, &dup));
    OK(index_build_finish(&ctx, index, build));
    index_build_end(index, build);
    report("index build from sorted entries", (double)n, now() - t, "entries");
    commit();
    free(run);
    OK(index_stats(&ctx, index, &stats));
    printf("    %u pages, %u leaves, height %d, about %.0f entries\n", stats.pages,
           stats.leaf_pages, stats.height, stats.entries);
    return index;
}

static void
bench_lookups(Arena *arena, Heap *heap, Index *index, int64_t rows)
{
    enum { LOOKUPS = 1000000 };
    static const int columns[] = {0, 1, 2, 3, 4};
    IndexScan *s;
    HeapFetch *f;
    IndexBatch ib;
    Batch *b;
    uint16_t at[BATCH_ROWS];
    int64_t found = 0;
    OK(index_scan_begin(&ctx, arena, index, NULL, &s));
    OK(heap_fetch_begin(&ctx, arena, heap, columns, 5, &f));
    for (int round = 0; round < 2; round++) {
        begin();
        double t = now();
        for (int i = 0; i < LOOKUPS; i++) {
            int64_t key = (int64_t)(rnd() % (uint64_t)rows) * 7919 % 100000007;
            Value v = {.type = TYPE_INT4, .phys = PHYS_I32, .i32 = (int32_t)key};
            IndexRange r = {.neq = 1, .eq = &v};
            OK(index_scan_start(&ctx, s, &r, false));
            OK(index_scan_next(&ctx, s, BATCH_ROWS, &ib));
            if (round == 0) {
                found += ib.n;
                continue;
            }
            OK(heap_fetch(&ctx, f, ctx.snapshot, ib.tids, ib.n, &b, at, NULL));
            found += b->nrows;
        }
        report(round == 0 ? "point lookup, index only" : "point lookup and fetch of 5 columns",
               LOOKUPS, now() - t, "rows");
        commit();
    }
    if (found != 2 * LOOKUPS) printf("    WRONG: found %lld\n", (long long)found);
    heap_fetch_end(f);
    index_scan_end(s);
}

static void
bench_index_inserts(Arena *arena)
{
    enum { N = 1000000 };
    for (int random = 0; random < 2; random++) {
        Index *index = make_index(arena, false);
        Vector *v = vec_create(arena, TYPE_INT4, BATCH_ROWS);
        Tid tids[BATCH_ROWS];
        double spent = 0;
        begin();
        for (int at = 0; at < N; at += BATCH_ROWS) {
            for (int i = 0; i < BATCH_ROWS; i++) {
                ((int32_t *)v->data)[i] = random ? (int32_t)rnd() : at + i;
                tids[i] = tid_make((uint32_t)(at + i) / 100 + 1, (uint32_t)(at + i) % 100 + 1);
            }
            double t = now();
            OK(index_insert_batch(&ctx, index, NULL, &v, NULL, BATCH_ROWS, tids, INDEX_CHECK_NONE,
                                  NULL, NULL));
            spent += now() - t;
        }
        commit();
        report(random ? "index insert, random keys" : "index insert, ascending keys", N, spent,
               "entries");
        index_close(&ctx, index);
    }
}

static void
bench_single_rows(Arena *arena, Heap *heap)
{
    enum { N = 300000 };
    Batch *b = batch_create_types(arena, ncols, types);
    Tid *tids = malloc(sizeof(Tid) * N), newer, new_tid;
    bool hot;
    uint8_t result;
    begin();
    double t = now();
    for (int i = 0; i < N; i++) {
        fill(b, 200000000 + i, 1);
        OK(heap_insert_batch(&ctx, heap, b, &tids[i]));
    }
    report("insert, one row a call", N, now() - t, "rows");
    commit();
    begin();
    t = now();
    for (int i = 0; i < N; i++) {
        fill(b, 200000000 + i, 1);
        OK(heap_update_batch(&ctx, heap, &tids[i], b, HEAP_WAIT, false, NULL, &result, &newer, &new_tid,
                             &hot));
    }
    report("update, one row a call", N, now() - t, "rows");
    commit();
    free(tids);
}

static void
bench_keys(Arena *arena)
{
    enum { N = 2000 };
    KeyColumn keys[2];
    KeyFormat fmt;
    Batch *b = batch_create_types(arena, COLS, types);
    Vector *two[2];
    uint8_t *out = malloc(32 * BATCH_ROWS);
    uint64_t *hashes = malloc(sizeof(uint64_t) * BATCH_ROWS);
    ncols = COLS;
    fill(b, 0, BATCH_ROWS);
    OK(key_column_init(&ctx, &keys[0], TYPE_INT4, -1, false, false, true));
    OK(key_column_init(&ctx, &keys[1], TYPE_INT8, -1, true, false, false));
    key_format_init(&fmt, keys, 2);
    two[0] = b->cols[0];
    two[1] = b->cols[4];
    double t = now();
    for (int k = 0; k < N; k++) OK(key_encode_fixed(&ctx, &fmt, two, NULL, BATCH_ROWS, out, 16));
    report("encode (int4, int8 desc)", (double)N * BATCH_ROWS, now() - t, "keys");
    OK(key_column_init(&ctx, &keys[0], TYPE_TEXT, -1, false, false, false));
    two[0] = b->cols[6];
    key_format_init(&fmt, keys, 2);
    KeyRows rows = key_rows_new(arena);
    t = now();
    for (int k = 0; k < N; k++) OK(key_encode(&ctx, &fmt, two, NULL, BATCH_ROWS, &rows));
    report("encode (text of 30 bytes, int8 desc)", (double)N * BATCH_ROWS, now() - t, "keys");
    t = now();
    for (int k = 0; k < N; k++) OK(key_hash(&ctx, b->cols, 1, NULL, BATCH_ROWS, hashes));
    report("hash int4", (double)N * BATCH_ROWS, now() - t, "keys");
    t = now();
    for (int k = 0; k < N; k++) OK(key_hash(&ctx, &b->cols[6], 1, NULL, BATCH_ROWS, hashes));
    report("hash text of 30 bytes", (double)N * BATCH_ROWS, now() - t, "keys");
    free(out);
    free(hashes);
}

int
main(int argc, char **argv)
{
    int64_t rows = argc > 1 ? atoll(argv[1]) : 2000000;
    const char *path = argc > 2 ? argv[2] : ":memory:";
    DbOptions options = {.cache_bytes = (size_t)4 << 30};
    LayoutColumn cols[COLS] = {0};
    if (argc > 2) {
        unlink(path);
        clock_used = CLOCK_MONOTONIC;
    }
    OK(db_open(&ctx, path, &options));
    for (int i = 0; i < COLS; i++)
        cols[i] = (LayoutColumn){
            .type = types[i], .typmod = -1, .phys = (uint8_t)type_phys(types[i], -1)};
    Arena *arena = arena_create(NULL, "bench");
    for (ncols = getenv("BENCH_WIDE") != NULL ? COLS : 5; ncols <= COLS; ncols += 2) {
        Layout layout = {.id = 1, .ncols = ncols, .cols = cols};
        printf("-- %lld rows of %d columns, %s\n", (long long)rows, ncols, path);
        Heap *heap = bench_heap(arena, &layout, rows);
        bench_scans(heap);
        if (ncols == 5) {
            Index *index = bench_build(arena, heap, rows);
            bench_lookups(arena, heap, index, rows);
            index_close(&ctx, index);
            bench_index_inserts(arena);
        }
        bench_single_rows(arena, heap);
        heap_close(&ctx, heap);
    }
    bench_keys(arena);
    arena_destroy(arena);
    OK(db_close(&ctx));
    if (argc > 2) unlink(path);
    return 0;
}
