/* bitmapscan.c - Bitmap Index Scan and Bitmap Heap Scan.
 *
 * A bitmap is a stream: its nodes hand up batches of one column, the tids of rows that may match, ascending and each once. So memory does not
 * grow with what is found, nothing has to become lossy, and the table's pages are read in their order. A bitmap may hold too many
 * rows; bitmap_is_exact says whether it does not, once it has been started. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/scanutil.h"
#include "executor/vecutil.h"
#include "storage/gin_class.h"
#include "storage/heap.h"

/* ---- Bitmap Index Scan ---- */

typedef struct BitmapIndexState {
    ExecNode base;
    const BitmapIndexScanPlan *plan;
    ExprProg **values;           /* of the bounds */
    const GinClass **classes;
    GinScan *scan;
    Arena *query_arena;
    bool is_exact, is_started;
    Batch *out;
} BitmapIndexState;

static Status
bitmapindex_open(ExecNode *node)
{
    BitmapIndexState *s = (BitmapIndexState *)node;
    static const Oid tid_type[] = {TYPE_INT8};
    Ctx *ctx = node->ctx;
    s->plan = (const BitmapIndexScanPlan *)node->plan;
    const IndexDesc *desc = index_desc(s->plan->index->index);
    TRY_ALLOC(ctx, s->values, ARENA_ARRAY(node->arena, ExprProg *, s->plan->nbounds + 1));
    TRY_ALLOC(ctx, s->classes, ARENA_ARRAY(node->arena, const GinClass *, s->plan->nbounds + 1));
    for (int i = 0; i < s->plan->nbounds; i++) {
        const IndexBound *b = &s->plan->bounds[i];
        TRY(expr_compile_one(node->exec, b->value, &node->deps, &s->values[i]));
        s->classes[i] = gin_class_find(desc->opclasses[b->key]);
        if (s->classes[i] == NULL) return RAISE_INTERNAL(ctx, "index \"%s\" has no operator class", desc->name);
    }
    TRY_ALLOC(ctx, s->query_arena, arena_create(node->arena, "bitmap query"));
    TRY_ALLOC(ctx, s->out, batch_create_types(node->arena, 1, tid_type));
    return QN_OK;
}

static Status
bitmapindex_rescan(ExecNode *node, DepSet changed)
{
    (void)changed;
    ((BitmapIndexState *)node)->is_started = false;
    return QN_OK;
}

/* The conditions' keys, all of which a row must have. */
static Status
make_query(BitmapIndexState *s, GinNode **out)
{
    Ctx *ctx = s->base.ctx;
    s->is_exact = true;
    TRY_ALLOC(ctx, *out, ARENA_NEW(s->query_arena, GinNode));
    **out = (GinNode){.kind = GIN_ATLEAST, .need = s->plan->nbounds};
    TRY_ALLOC(ctx, (*out)->items, ARENA_ARRAY(s->query_arena, GinNode *, s->plan->nbounds));
    for (int i = 0; i < s->plan->nbounds; i++) {
        const IndexBound *b = &s->plan->bounds[i];
        GinKeys keys = gin_keys(s->query_arena, b->key + 1);
        Value v;
        bool recheck;
        TRY(expr_eval(s->values[i], &v));
        TRY(value_copy(ctx, s->query_arena, &v, &v)); /* a short string lies in the value itself */
        TRY(gin_query(ctx, s->classes[i], &keys, b->op, &v, &(*out)->items[(*out)->n++], &recheck));
        s->is_exact &= !recheck;
    }
    return QN_OK;
}

static Status
start(BitmapIndexState *s)
{
    Index *index = s->plan->index->index;
    GinNode *query;
    arena_reset(s->query_arena);
    TRY(make_query(s, &query));
    if (s->scan == NULL) TRY(gin_scan_begin(s->base.ctx, s->base.arena, index, &s->scan));
    s->is_started = true;
    index_count(index, 1, 0, 0);
    return gin_scan_start(s->base.ctx, s->scan, query);
}

static Status
bitmapindex_next(ExecNode *node, Batch **out)
{
    BitmapIndexState *s = (BitmapIndexState *)node;
    int n;
    *out = NULL;
    if (!s->is_started) TRY(start(s));
    Vector *tids = s->out->cols[0];
    vec_reset(tids, PHYS_I64);
    TRY(gin_scan_next(node->ctx, s->scan, tids->data, BATCH_ROWS, &n));
    if (n == 0) return QN_OK;
    index_count(s->plan->index->index, 0, n, 0);
    s->out->nrows = s->out->nsel = n;
    s->out->sel = NULL;
    *out = s->out;
    return QN_OK;
}

static void
bitmapindex_close(ExecNode *node)
{
    BitmapIndexState *s = (BitmapIndexState *)node;
    gin_scan_end(s->scan);
    for (int i = 0; s->values != NULL && i < s->plan->nbounds; i++) expr_prog_close(s->values[i]);
}

const ExecOps bitmapindexscan_ops = {.state_bytes = sizeof(BitmapIndexState), .open = bitmapindex_open,
                                     .next = bitmapindex_next, .rescan = bitmapindex_rescan, .close = bitmapindex_close};

/* Whether every row of the bitmap meets its conditions. The first batch has been asked for. */
static bool
bitmap_is_exact(const ExecNode *node)
{
    return ((const BitmapIndexState *)node)->is_exact;
}

/* ---- Bitmap Heap Scan ---- */

typedef struct BitmapHeapState {
    ExecNode base;
    const BitmapHeapScanPlan *plan;
    const int *cols;
    HeapFetch *fetch;
    ExprProg *recheck;
    const ExecPin *pin; /* what is seen instead of the table */
    bool pin_read;
    uint16_t *rows, *sel;
    uint32_t last_page;
} BitmapHeapState;

static Status
bitmapheap_open(ExecNode *node)
{
    BitmapHeapState *s = (BitmapHeapState *)node;
    s->plan = (const BitmapHeapScanPlan *)node->plan;
    TRY(scan_heap_cols(node->ctx, node->arena, s->plan->cols, s->plan->ncols, &s->cols));
    TRY_ALLOC(node->ctx, s->rows, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(node->ctx, s->sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY(expr_compile_filter(node->exec, &s->plan->recheck, &node->deps, &s->recheck));
    return exec_open_output(node);
}

static Status
bitmapheap_rescan(ExecNode *node, DepSet changed)
{
    BitmapHeapState *s = (BitmapHeapState *)node;
    s->pin = scan_pin(node, s->plan->mark);
    s->pin_read = false;
    s->last_page = 0;
    return s->pin != NULL ? QN_OK : exec_rescan(node->outer, changed);
}

/* Rows of b that meet the bitmap's conditions, and then the node's. */
static Status
give_rows(BitmapHeapState *s, Batch *b, bool check, Batch **out)
{
    ExecNode *node = &s->base;
    int n;
    *out = NULL;
    if (check && s->recheck != NULL) {
        TRY(expr_filter(s->recheck, b, NULL, b->sel, b->nsel, b->nrows, s->sel, &n));
        node->instr.rows_removed_recheck += b->nsel - n;
        if (n == 0) return QN_OK;
        b->sel = s->sel;
        b->nsel = n;
    }
    return exec_emit(node, b, NULL, out);
}

static void
count_pages(BitmapHeapState *s, const Tid *tids, int n)
{
    for (int i = 0; i < n; i++) {
        s->base.instr.heap_fetches += tid_page(tids[i]) != s->last_page;
        s->last_page = tid_page(tids[i]);
    }
}

static Status
bitmapheap_next(ExecNode *node, Batch **out)
{
    BitmapHeapState *s = (BitmapHeapState *)node;
    Ctx *ctx = node->ctx;
    const Relation *rel = s->plan->rel;
    Batch *tids, *b;
    *out = NULL;
    if (s->pin != NULL) {
        if (s->pin_read) return QN_OK;
        s->pin_read = true;
        TRY(scan_fetch_pin(node, s->pin, rel, s->cols, s->plan->ncols, &s->fetch, &b));
        return b != NULL ? give_rows(s, b, true, out) : QN_OK;
    }
    if (s->fetch == NULL) TRY(heap_fetch_begin(ctx, node->arena, rel->heap, s->cols, s->plan->ncols, &s->fetch));
    while (*out == NULL) {
        TRY(ctx_check_stop(ctx));
        TRY(exec_next(node->outer, &tids));
        if (tids == NULL) return QN_OK;
        const Tid *list = tids->cols[0]->data;
        count_pages(s, list, tids->nrows);
        TRY(heap_fetch(ctx, s->fetch, ctx->snapshot, list, tids->nrows, &b, s->rows, NULL));
        if (b->nrows > 0) TRY(give_rows(s, b, !bitmap_is_exact(node->outer), out));
    }
    return QN_OK;
}

static void
bitmapheap_close(ExecNode *node)
{
    BitmapHeapState *s = (BitmapHeapState *)node;
    if (s->fetch != NULL) heap_fetch_end(s->fetch);
    expr_prog_close(s->recheck);
}

const ExecOps bitmapheapscan_ops = {.state_bytes = sizeof(BitmapHeapState), .open = bitmapheap_open,
                                    .next = bitmapheap_next, .rescan = bitmapheap_rescan, .close = bitmapheap_close};
