/* seqscan.c - Seq Scan over a table, and over a catalog relation. Extents whose minimum and maximum exclude a
 * condition are passed over; comparisons of a fixed-width column with one value are checked by the heap on its pages, and the
 * other conditions run on the rows that pass. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/scanutil.h"
#include "storage/heap.h"
#include "types/numeric.h"

enum { FIRST_ROWS = 128 };

typedef struct SeqScanState {
    ExecNode base;
    HeapScan *scan;
    const int *cols;     /* the heap's numbers */
    int *read;           /* those that conditions and targets still need once checks are made */
    int *read_at;        /* where they are among cols */
    int nread;
    Batch *wide;         /* the read ones at their places; NULL when all are read */
    ExprProg **values;   /* of the ranges */
    HeapRange *ranges;
    ExprProg **check_values;
    HeapFilter *checks;
    Vector *check_consts; /* what their values are in this run */
    HeapScanSpec spec;
    bool is_begun;
    int max_rows;
    int64_t wanted;      /* rows the parent will take; grows the first batch no further */
    const ExecPin *pin;  /* what is seen instead of the table */
    HeapFetch *pin_fetch;
    ExprProg *rest;      /* conditions that are not checks, */
    ExprProg *whole;     /* all, for rows that come by tid; NULL until needed */
    bool pin_read;
} SeqScanState;

Status
scan_heap_cols(Ctx *ctx, Arena *arena, const int *cols, int ncols, const int **out)
{
    int *heap;
    TRY_ALLOC(ctx, heap, ARENA_ARRAY(arena, int, ncols + 1));
    for (int i = 0; i < ncols; i++) {
        switch (cols[i]) {
        case SCANCOL_TID: heap[i] = HEAP_COL_CTID; break;
        case SCANCOL_XMIN: heap[i] = HEAP_COL_XMIN; break;
        case SCANCOL_XMAX: heap[i] = HEAP_COL_XMAX; break;
        case SCANCOL_TABLEOID: heap[i] = HEAP_COL_TABLEOID; break;
        default: heap[i] = cols[i];
        }
    }
    *out = heap;
    return QN_OK;
}

Status
scan_fetch_pin(ExecNode *node, const ExecPin *pin, const Relation *rel, const int *heap_cols, int ncols, HeapFetch **fetch,
               Batch **out)
{
    Tid tid = pin->tid;
    uint16_t row;
    Batch *b;
    *out = NULL;
    if (tid == TID_NONE || pin->table != rel->oid) return QN_OK;
    if (*fetch == NULL) TRY(heap_fetch_begin(node->ctx, node->arena, rel->heap, heap_cols, ncols, fetch));
    TRY(heap_fetch(node->ctx, *fetch, NULL, &tid, 1, &b, &row, NULL));
    *out = b->nrows > 0 ? b : NULL;
    return QN_OK;
}

/* Columns that only checks look at are not read. */
static Status
choose_columns(SeqScanState *s)
{
    ExecNode *node = &s->base;
    const SeqScanPlan *plan = (const SeqScanPlan *)node->plan;
    bool *used;
    TRY_ALLOC(node->ctx, used, ARENA_ARRAY(node->arena, bool, plan->ncols + 1));
    TRY_ALLOC(node->ctx, s->read, ARENA_ARRAY(node->arena, int, plan->ncols + 1));
    TRY_ALLOC(node->ctx, s->read_at, ARENA_ARRAY(node->arena, int, plan->ncols + 1));
    expr_mark_inputs(s->rest, INPUT_OUTER, used, plan->ncols);
    expr_mark_inputs(node->project, INPUT_OUTER, used, plan->ncols);
    for (int i = 0; i < plan->ncols; i++) {
        if (node->project != NULL && plan->nchecks > 0 && !used[i]) continue;
        s->read[s->nread] = s->cols[i];
        s->read_at[s->nread++] = i;
    }
    s->spec.columns = s->read;
    s->spec.ncolumns = s->nread;
    if (s->nread < plan->ncols) TRY_ALLOC(node->ctx, s->wide, batch_create(node->arena, plan->ncols));
    return QN_OK;
}

/* The scan's batch with its columns where the plan has them. */
static Batch *
widen(SeqScanState *s, Batch *b)
{
    if (s->wide == NULL) return b;
    for (int i = 0; i < s->nread; i++) s->wide->cols[s->read_at[i]] = b->cols[i];
    s->wide->nrows = b->nrows;
    s->wide->nsel = b->nsel;
    s->wide->sel = b->sel;
    return s->wide;
}

/* Compiles the checks' values, and the conditions that are left as the node's filter. */
static Status
open_checks(SeqScanState *s)
{
    ExecNode *node = &s->base;
    const SeqScanPlan *plan = (const SeqScanPlan *)node->plan;
    ExprList rest = {0};
    size_t n = (size_t)plan->nchecks + 1;
    TRY_ALLOC(node->ctx, rest.items, ARENA_ARRAY(node->arena, Expr *, node->plan->filter.count + 1));
    TRY_ALLOC(node->ctx, s->check_values, ARENA_ARRAY(node->arena, ExprProg *, n));
    TRY_ALLOC(node->ctx, s->checks, ARENA_ARRAY(node->arena, HeapFilter, n));
    TRY_ALLOC(node->ctx, s->check_consts, ARENA_ARRAY(node->arena, Vector, n));
    int at = 0;
    for (int i = 0; i < node->plan->filter.count; i++) {
        if (at == plan->nchecks || plan->checks[at].filter != i) {
            rest.items[rest.count++] = node->plan->filter.items[i];
            continue;
        }
        const ScanCheck *c = &plan->checks[at];
        TRY(expr_compile_one(node->exec, c->value, &node->deps, &s->check_values[at]));
        s->checks[at] = (HeapFilter){.column = c->col, .value_first = c->value_first, .compare = c->compare};
        at++;
    }
    s->spec.filters = s->checks;
    s->spec.nfilters = plan->nchecks;
    s->spec.is_counted = true;
    TRY(exec_open_output_with(node, &rest));
    s->rest = node->filter;
    return choose_columns(s);
}

static Status
set_checks(SeqScanState *s)
{
    for (int i = 0; i < s->spec.nfilters; i++) {
        TRY(expr_run(s->check_values[i], NULL, NULL, NULL, 1, 1));
        s->check_consts[i] = *expr_result(s->check_values[i], 0);
        s->check_consts[i].shape = VEC_CONST;
        s->checks[i].value = &s->check_consts[i];
    }
    return QN_OK;
}

/* Rows that come by tid have passed no check. */
static Status
set_filter(SeqScanState *s)
{
    ExecNode *node = &s->base;
    node->filter = s->rest;
    if (s->pin == NULL || s->spec.nfilters == 0) return QN_OK;
    if (s->whole == NULL) TRY(expr_compile_filter(node->exec, &node->plan->filter, &node->deps, &s->whole));
    node->filter = s->whole;
    return QN_OK;
}

static Status
seqscan_open(ExecNode *node)
{
    SeqScanState *s = (SeqScanState *)node;
    const SeqScanPlan *plan = (const SeqScanPlan *)node->plan;
    TRY(scan_heap_cols(node->ctx, node->arena, plan->cols, plan->ncols, &s->cols));
    TRY_ALLOC(node->ctx, s->values, ARENA_ARRAY(node->arena, ExprProg *, plan->nranges + 1));
    TRY_ALLOC(node->ctx, s->ranges, ARENA_ARRAY(node->arena, HeapRange, plan->nranges + 1));
    for (int i = 0; i < plan->nranges; i++)
        TRY(expr_compile_one(node->exec, plan->ranges[i].value, &node->deps, &s->values[i]));
    return open_checks(s);
}

/* A bound must be exactly of the column's type and form; what is not is left out, since ranges only save work. */
static bool
fit_bound(SeqScanState *s, const ScanRange *r, Value *v)
{
    const SeqScanPlan *plan = (const SeqScanPlan *)s->base.plan;
    const Column *col = &plan->rel->cols[r->col];
    if (v->is_null || v->type != col->type) return false;
    if (col->type != TYPE_NUMERIC) return true;
    Phys phys = type_phys(col->type, col->typmod);
    int scale = numeric_typmod_scale(col->typmod);
    if (phys == PHYS_STR) return false;
    if (v->phys == PHYS_I64 && phys == PHYS_I128 && v->scale == scale) {
        v->i128 = v->i64;
        v->phys = PHYS_I128;
        return true;
    }
    if (v->phys == PHYS_I64 && phys == PHYS_I64 && v->scale <= scale && scale - v->scale <= 18) {
        int64_t scaled;
        if (num_mul_overflows(v->i64, num_pow10_i64[scale - v->scale], &scaled)) return false;
        v->i64 = scaled;
        v->scale = (int16_t)scale;
        return true;
    }
    return v->phys == phys && v->scale == scale;
}

static Status
set_ranges(SeqScanState *s)
{
    const SeqScanPlan *plan = (const SeqScanPlan *)s->base.plan;
    int n = 0;
    for (int i = 0; i < plan->nranges; i++) {
        const ScanRange *r = &plan->ranges[i];
        Value v;
        TRY(expr_eval(s->values[i], &v));
        if (!fit_bound(s, r, &v)) continue;
        HeapRange *h = &s->ranges[n];
        memset(h, 0, sizeof(*h));
        h->column = r->col;
        h->has_lo = r->cmp == SEL_EQ || r->cmp == SEL_GT || r->cmp == SEL_GE;
        h->has_hi = r->cmp == SEL_EQ || r->cmp == SEL_LT || r->cmp == SEL_LE;
        h->lo = h->hi = v;
        n += h->has_lo || h->has_hi;
    }
    s->spec.ranges = s->ranges;
    s->spec.nranges = n;
    return QN_OK;
}

static Status
seqscan_rescan(ExecNode *node, DepSet changed)
{
    SeqScanState *s = (SeqScanState *)node;
    const SeqScanPlan *plan = (const SeqScanPlan *)node->plan;
    Ctx *ctx = node->ctx;
    int before = s->spec.nranges;
    (void)changed;
    s->max_rows = FIRST_ROWS < BATCH_ROWS ? FIRST_ROWS : BATCH_ROWS;
    s->wanted = INT64_MAX;
    s->pin = scan_pin(node, plan->mark);
    s->pin_read = false;
    TRY(set_filter(s));
    if (s->pin != NULL) return QN_OK;
    TRY(set_ranges(s));
    TRY(set_checks(s));
    if (s->scan != NULL && s->spec.nranges == before)
        return heap_scan_rescan(ctx, s->scan, ctx->snapshot, 0, 0);
    heap_scan_end(s->scan);
    s->scan = NULL;
    return heap_scan_begin(ctx, node->arena, plan->rel->heap, ctx->snapshot, &s->spec, &s->scan);
}

static Status
seqscan_next(ExecNode *node, Batch **out)
{
    SeqScanState *s = (SeqScanState *)node;
    *out = NULL;
    if (s->pin != NULL) {
        const SeqScanPlan *plan = (const SeqScanPlan *)node->plan;
        Batch *b;
        if (s->pin_read) return QN_OK;
        s->pin_read = true;
        TRY(scan_fetch_pin(node, s->pin, plan->rel, s->cols, plan->ncols, &s->pin_fetch, &b));
        return b != NULL ? exec_emit(node, b, NULL, out) : QN_OK;
    }
    while (*out == NULL) {
        Batch *b;
        int max = s->max_rows;
        TRY(ctx_check_stop(node->ctx));
        if (s->wanted < max) max = s->wanted > 0 ? (int)s->wanted : 1;
        TRY(heap_scan_next(node->ctx, s->scan, max, &b));
        node->instr.rows_removed_filter += heap_scan_removed(s->scan);
        if (b == NULL) return QN_OK;
        if (s->max_rows < BATCH_ROWS) s->max_rows = s->max_rows * 4 < BATCH_ROWS ? s->max_rows * 4 : BATCH_ROWS;
        TRY(exec_emit(node, widen(s, b), NULL, out));
    }
    return QN_OK;
}

static void
seqscan_release(ExecNode *node)
{
    SeqScanState *s = (SeqScanState *)node;
    heap_scan_end(s->scan); /* lets go of its pages */
    s->scan = NULL;
}

static void
seqscan_close(ExecNode *node)
{
    SeqScanState *s = (SeqScanState *)node;
    if (s->pin_fetch != NULL) heap_fetch_end(s->pin_fetch);
    for (int i = 0; s->values != NULL && i < ((const SeqScanPlan *)node->plan)->nranges; i++)
        expr_prog_close(s->values[i]);
    for (int i = 0; s->check_values != NULL && i < s->spec.nfilters; i++) expr_prog_close(s->check_values[i]);
    expr_prog_close(s->whole);
    node->filter = s->rest;
}

static void
seqscan_bound(ExecNode *node, int64_t nrows)
{
    ((SeqScanState *)node)->wanted = nrows;
}

const ExecOps seqscan_ops = {.state_bytes = sizeof(SeqScanState), .open = seqscan_open, .next = seqscan_next,
                             .rescan = seqscan_rescan, .release = seqscan_release, .close = seqscan_close,
                             .bound = seqscan_bound};

/* pg_catalog and information_schema: the catalog makes the rows. */
typedef struct CatalogScanState {
    ExecNode base;
    CatalogScan *scan;
    Arena *scan_arena; /* of one run's rows */
    Batch *batch;
    int *attrs, nattrs;
} CatalogScanState;

static Status
catalogscan_open(ExecNode *node)
{
    CatalogScanState *s = (CatalogScanState *)node;
    TRY_ALLOC(node->ctx, s->scan_arena, arena_create(node->arena, "catalog scan"));
    return exec_open_output(node);
}

static Status
catalogscan_rescan(ExecNode *node, DepSet changed)
{
    CatalogScanState *s = (CatalogScanState *)node;
    const CatalogScanPlan *plan = (const CatalogScanPlan *)node->plan;
    if (s->scan != NULL && (changed & DEP_RUN) == 0) return catalog_scan_rewind(node->ctx, s->scan);
    arena_reset(s->scan_arena);
    s->scan = NULL;
    return catalog_scan_open(node->ctx, s->scan_arena, plan->rel, plan->cols, plan->ncols, &s->scan);
}

static Status
catalogscan_next(ExecNode *node, Batch **out)
{
    CatalogScanState *s = (CatalogScanState *)node;
    *out = NULL;
    while (*out == NULL) {
        Batch *b;
        TRY(catalog_scan_next(node->ctx, s->scan, &b));
        if (b == NULL) return QN_OK;
        TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

static void
catalogscan_release(ExecNode *node)
{
    CatalogScanState *s = (CatalogScanState *)node;
    s->scan = NULL;
    if (s->scan_arena != NULL) arena_reset(s->scan_arena);
}

const ExecOps catalogscan_ops = {.state_bytes = sizeof(CatalogScanState), .open = catalogscan_open,
                                 .next = catalogscan_next, .rescan = catalogscan_rescan,
                                 .release = catalogscan_release};
