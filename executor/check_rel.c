/* check_rel.c - see check_rel.h.
 *
 * Index and rows are compared without holding either in memory: each (key, tid) of a visible row adds its hash to one of BUCKETS sums,
 * each entry that leads to a visible row takes its own away. Sums that are not zero afterwards name the hashes to look at
 * in a second pass, which keeps only those. */
#include "executor/check_rel.h"
#include "common/array.h"
#include "common/hash.h"
#include "executor/indexform.h"
#include "storage/gin.h"
#include "storage/heap.h"
#include "storage/index.h"
#include "storage/tx.h"
#include <stdlib.h>

enum { BUCKETS = 4096, ODD_MAX = 10000 };

typedef struct Odd { uint64_t hash; Tid tid; bool of_row; } Odd;

typedef struct RelCheck {
    Ctx *ctx;
    Arena *arena;       /* of the table */
    const Relation *rel;
    CheckSink *sink;
    Snapshot snap;
    /* the index at hand */
    const IndexDef *def;
    Arena *index_arena; /* emptied for each index */
    Arena *batch;       /* of it: entries where a row has several */
    IndexForm *form;
    KeyRows keys, payloads;
    uint64_t *sums;     /* BUCKETS */
    bool is_second;     /* pass: what hashes to a sum that is not zero is collected */
    Odd *odd;
    int nodd;
    uint8_t *last_key;  /* of the entry before, if its row is visible and no part is NULL */
    uint32_t last_bytes, last_cap;
    bool has_last;
} RelCheck;

/* ---- reading rows ---- */

/* Hands every batch of visible rows to see, a page at a time, so that a damaged page costs only its own rows. */
static Status
each_row_batch(RelCheck *c, Arena *arena, const int *columns, int ncolumns, bool report,
               Status (*see)(RelCheck *c, const Batch *b))
{
    Ctx *ctx = c->ctx;
    HeapScan *scan = NULL;
    HeapScanSpec spec = {.columns = columns, .ncolumns = ncolumns};
    uint32_t npages;
    Batch *b;
    Status st;

    TRY(heap_page_count(ctx, c->rel->heap, &npages));
    TRY_GOTO(heap_scan_begin(ctx, arena, c->rel->heap, &c->snap, &spec, &scan));
    for (uint32_t page = 0; page < npages; page++) {
        TRY_GOTO(heap_scan_rescan(ctx, scan, &c->snap, page, page + 1));
        for (;;) {
            TRY_GOTO(ctx_check_stop(ctx));
            st = heap_scan_next(ctx, scan, BATCH_ROWS, &b);
            if (is_damage(st)) {
                if (report) TRY_GOTO(check_report_error(ctx, c->sink, c->rel->name));
                else err_clear(&ctx->err);
                break;
            }
            if (st != QN_OK) goto done;
            if (b == NULL) break;
            if (see != NULL) TRY_GOTO(see(c, b));
        }
    }
    st = QN_OK;
done:
    heap_scan_end(scan);
    return st;
}

static Status
read_all(RelCheck *c)
{
    Ctx *ctx = c->ctx;
    int *columns, n = 0;
    TRY_ALLOC(ctx, columns, ARENA_ARRAY(c->arena, int, c->rel->ncols + 1));
    for (int i = 0; i < c->rel->ncols; i++)
        if (!c->rel->cols[i].dropped) columns[n++] = i;
    return each_row_batch(c, c->arena, columns, n, true, NULL);
}

/* ---- sums ---- */

static void
account(RelCheck *c, int i, Tid tid, bool of_row)
{
    uint32_t nkey, npayload = 0;
    const uint8_t *key = key_rows_get(&c->keys, i, &nkey);
    const uint8_t *payload = c->payloads.n > 0 ? key_rows_get(&c->payloads, i, &npayload) : NULL;
    uint64_t h = hash_combine(hash_bytes(key, nkey), hash_u64((uint64_t)tid));
    if (payload != NULL) h = hash_combine(h, hash_bytes(payload, npayload));
    uint64_t *sum = &c->sums[h % BUCKETS];
    if (!c->is_second) *sum += of_row ? h : -h;
    else if (*sum != 0 && c->nodd < ODD_MAX) c->odd[c->nodd++] = (Odd){h, tid, of_row};
}

/* Of an index in which a row has any number of entries. */
static Status
add_split_rows(RelCheck *c, const Tid *tids)
{
    const IndexForm *f = c->form;
    uint32_t *rows;
    arena_reset(c->batch);
    c->keys = key_rows_new(c->batch);
    TRY(index_split_rows(c->ctx, c->def->index, f->cols, f->sel, f->n, &c->keys, &rows));
    for (int i = 0; i < c->keys.n; i++) account(c, i, tids[indexform_row(f, (int)rows[i])], true);
    return QN_OK;
}

static Status
add_rows(RelCheck *c, const Batch *b)
{
    const IndexForm *f = c->form;
    TRY(indexform_fetched(c->form, b));
    if (f->n == 0) return QN_OK;
    if (index_splits_rows(c->def->index)) return add_split_rows(c, b->cols[f->nattrs]->data);
    TRY(index_form_entries(c->ctx, c->def->index, f->cols, f->sel, f->n, &c->keys, &c->payloads, NULL));
    const Tid *tids = b->cols[f->nattrs]->data;
    for (int i = 0; i < f->n; i++) account(c, i, tids[indexform_row(f, i)], true);
    return QN_OK;
}

/* Entries of one index batch whose rows are visible, at positions rows[0..n) of it. */
static Status
see_entries(RelCheck *c, const IndexBatch *ib, const uint16_t *rows, int n)
{
    Ctx *ctx = c->ctx;
    uint64_t nulls[BATCH_ROWS / 64 + 1];
    TRY(index_form_scanned(ctx, c->def->index, ib->cols, rows, n, &c->keys, &c->payloads, nulls));
    for (int i = 0; i < n; i++) {
        uint32_t nbytes;
        const uint8_t *key = key_rows_get(&c->keys, i, &nbytes);
        bool comparable = c->def->unique && (c->def->nulls_not_distinct || (nulls[i / 64] >> (i % 64) & 1) == 0);
        if (!c->is_second && comparable && c->has_last && nbytes == c->last_bytes && memcmp(key, c->last_key, nbytes) == 0)
            TRY(check_report(ctx, c->sink, c->def->name, tid_page(ib->tids[rows[i]]),
                             "the key of row (%u,%u) is there twice", tid_page(ib->tids[rows[i]]), tid_slot(ib->tids[rows[i]])));
        if (nbytes > c->last_cap) {
            TRY_ALLOC(ctx, c->last_key, arena_alloc(c->index_arena, 2 * (size_t)nbytes));
            c->last_cap = 2 * nbytes;
        }
        if (nbytes > 0) memcpy(c->last_key, key, nbytes);
        c->last_bytes = nbytes;
        c->has_last = comparable;
        account(c, i, ib->tids[rows[i]], false);
    }
    return QN_OK;
}

/* Reads the index from end to end, fetching the row of each entry. */
static Status
read_entries(RelCheck *c)
{
    Ctx *ctx = c->ctx;
    static const int no_columns[] = {HEAP_COL_CTID};
    IndexScan *scan = NULL;
    HeapFetch *fetch = NULL;
    IndexRange all = {0};
    IndexBatch ib;
    uint16_t rows[BATCH_ROWS];
    Batch *b;
    int *columns;
    Status st;

    c->has_last = false;
    TRY_ALLOC(ctx, columns, ARENA_ARRAY(c->index_arena, int, c->def->ncols));
    for (int i = 0; i < c->def->ncols; i++) columns[i] = i;
    IndexScanSpec spec = {.columns = columns, .ncolumns = c->def->ncols};
    TRY_GOTO(index_scan_begin(ctx, c->index_arena, c->def->index, &spec, &scan));
    TRY_GOTO(heap_fetch_begin(ctx, c->index_arena, c->rel->heap, no_columns, 1, &fetch));
    TRY_GOTO(index_scan_start(ctx, scan, &all, false));
    for (;;) {
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(index_scan_next(ctx, scan, BATCH_ROWS, &ib));
        if (ib.n == 0) break;
        TRY_GOTO(heap_fetch(ctx, fetch, &c->snap, ib.tids, ib.n, &b, rows, NULL));
        TRY_GOTO(see_entries(c, &ib, rows, b->nrows));
    }
done:
    heap_fetch_end(fetch);
    index_scan_end(scan);
    return st;
}

/* The same of an index in which a row has any number of entries, a batch of them at a time. */
typedef struct SplitWalk {
    RelCheck *c;
    HeapFetch *fetch;
    StrBuf bytes;
    Tid tids[BATCH_ROWS];
} SplitWalk;

static Status
see_split_entries(SplitWalk *w)
{
    RelCheck *c = w->c;
    uint16_t rows[BATCH_ROWS];
    Batch *b;
    if (c->keys.n == 0) return QN_OK;
    if (w->bytes.failed) return RAISE_OOM(c->ctx);
    c->keys.data = (uint8_t *)w->bytes.data;
    TRY(heap_fetch(c->ctx, w->fetch, &c->snap, w->tids, c->keys.n, &b, rows, NULL));
    for (int i = 0; i < b->nrows; i++) account(c, rows[i], w->tids[rows[i]], false);
    c->keys.n = 0;
    strbuf_reset(&w->bytes);
    return QN_OK;
}

static Status
add_split_entry(void *arg, const uint8_t *key, uint32_t key_bytes, IndexTid tid)
{
    SplitWalk *w = arg;
    KeyRows *keys = &w->c->keys;
    w->tids[keys->n] = tid;
    keys->offsets[keys->n++] = (uint32_t)w->bytes.nbytes;
    strbuf_add(&w->bytes, (const char *)key, key_bytes);
    keys->offsets[keys->n] = (uint32_t)w->bytes.nbytes;
    return keys->n == BATCH_ROWS ? see_split_entries(w) : QN_OK;
}

static Status
read_split_entries(RelCheck *c)
{
    static const int no_columns[] = {HEAP_COL_CTID};
    Ctx *ctx = c->ctx;
    SplitWalk *w;
    Status st;
    arena_reset(c->batch);
    TRY_ALLOC(ctx, w, ARENA_NEW(c->batch, SplitWalk));
    w->c = c;
    w->bytes = strbuf_new(c->batch);
    c->keys = key_rows_new(c->batch);
    TRY_ALLOC(ctx, c->keys.offsets, ARENA_ARRAY(c->batch, uint32_t, BATCH_ROWS + 1));
    TRY_GOTO(heap_fetch_begin(ctx, c->batch, c->rel->heap, no_columns, 1, &w->fetch));
    TRY_GOTO(gin_walk(ctx, c->def->index, add_split_entry, w));
    st = see_split_entries(w);
done:
    if (w->fetch != NULL) heap_fetch_end(w->fetch);
    return st;
}

static Status
read_index(RelCheck *c)
{
    return index_splits_rows(c->def->index) ? read_split_entries(c) : read_entries(c);
}

static int
compare_odd(const void *a, const void *b)
{
    const Odd *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (int)x->of_row - (int)y->of_row;
}

/* What the second pass kept and has no partner on the other side. */
static Status
report_odd(RelCheck *c)
{
    qsort(c->odd, (size_t)c->nodd, sizeof(*c->odd), compare_odd);
    for (int i = 0; i < c->nodd; i++) {
        const Odd *o = &c->odd[i];
        if (i + 1 < c->nodd && o[1].hash == o->hash && o[1].of_row != o->of_row) {
            i++;
            continue;
        }
        TRY(check_report(c->ctx, c->sink, c->def->name, tid_page(o->tid),
                         o->of_row ? "row (%u,%u) of table \"%s\" has no entry"
                                   : "the entry for (%u,%u) is not the key of that row of table \"%s\"",
                         tid_page(o->tid), tid_slot(o->tid), c->rel->name));
    }
    return QN_OK;
}

static Status
compare_index(RelCheck *c, const int *columns)
{
    Ctx *ctx = c->ctx;
    bool differ = false;
    TRY_ALLOC(ctx, c->batch, arena_create(c->index_arena, "index entries"));
    c->keys = key_rows_new(c->index_arena);
    c->payloads = key_rows_new(c->index_arena);
    c->last_key = NULL;
    c->last_cap = 0;
    c->is_second = false;
    c->nodd = 0;
    TRY_ALLOC(ctx, c->sums, ARENA_ARRAY(c->index_arena, uint64_t, BUCKETS));
    TRY(each_row_batch(c, c->index_arena, columns, c->form->nattrs + 1, false, add_rows));
    TRY(read_index(c));
    for (int i = 0; i < BUCKETS; i++) differ |= c->sums[i] != 0;
    if (!differ) return QN_OK;
    c->is_second = true;
    TRY_ALLOC(ctx, c->odd, ARENA_ARRAY(c->index_arena, Odd, ODD_MAX));
    TRY(each_row_batch(c, c->index_arena, columns, c->form->nattrs + 1, false, add_rows));
    TRY(read_index(c));
    return report_odd(c);
}

static Status
check_index(RelCheck *c)
{
    Ctx *ctx = c->ctx;
    uint64_t entries;
    int *columns;
    TRY(index_check(ctx, c->def->index, &entries));
    if (!c->def->valid) return QN_OK;
    Status st = indexform_open(ctx, c->index_arena, c->rel, c->def, &c->form);
    if (st == QN_OK) {
        int n = c->form->nattrs;
        TRY_ALLOC_GOTO(ctx, columns, ARENA_ARRAY(c->index_arena, int, n + 1));
        for (int i = 0; i < n; i++) columns[i] = c->form->attrs[i];
        columns[n] = HEAP_COL_ROOT;
        st = compare_index(c, columns);
    }
done:
    indexform_close(c->form);
    c->form = NULL;
    return st;
}

Status
check_relation(Ctx *ctx, Arena *arena, const Relation *rel, CheckSink *sink)
{
    RelCheck c = {.ctx = ctx, .rel = rel, .sink = sink};
    Status st;

    TRY_ALLOC(ctx, c.arena, arena_create(arena, "table check"));
    TRY_GOTO(tx_snapshot_latest(ctx, &c.snap));
    TRY_ALLOC_GOTO(ctx, c.index_arena, arena_create(c.arena, "index check"));
    TRY_GOTO(read_all(&c));
    for (int i = 0; i < rel->nindexes; i++) {
        c.def = rel->indexes[i];
        st = check_index(&c);
        if (is_damage(st)) st = check_report_error(ctx, sink, c.def->name);
        if (st != QN_OK) goto done;
        arena_reset(c.index_arena);
    }
done:
    tx_snapshot_drop(ctx, &c.snap);
    arena_destroy(c.arena);
    return st;
}
