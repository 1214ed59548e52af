/* indexscan.c - Index Scan and Index Only Scan. Bounds are computed at each rescan: equalities, then at most one range; `= ANY
 * (array)` makes one range an element, in key order. Tids come in batches and are fetched from the heap together; an index-only scan
 * takes the columns from the entries and looks at the heap where a page is not all-visible. */
#include "common/array.h"
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/scanutil.h"
#include "executor/vecutil.h"
#include "storage/heap.h"
#include "storage/index.h"
#include "types/array.h"
#include "types/numeric.h"
#include <assert.h>

enum { FIRST_ROWS = 16 };

/* Values of one key column's equality: one, or those of an array. */
typedef struct EqValues {
    Value *items;
    int count, cap, at;
} EqValues;

typedef struct IndexScanState {
    ExecNode base;
    const IndexScanPlan *plan;
    const int *cols;
    ExprProg **values;  /* of the bounds */
    IndexScan *scan;
    HeapFetch *fetch;
    IndexScanSpec spec;
    int *from_index;    /* index-only: column of out -> position in the spec's columns */
    EqValues *eqs;      /* by key column */
    Value *eq;          /* the combination being scanned */
    int neq;
    Value lower, upper;
    IndexRange range;
    bool nothing, is_started, more; /* more: combinations are left */
    int max_rows;
    int64_t wanted;
    Arena *value_arena; /* of array elements; NULL until one is there */
    Batch *out;         /* index-only */
    uint16_t *sel, *rows;
    uint64_t *dead;
    Tid *check;         /* index-only: tids to look at in the heap */
    const ExecPin *pin; /* what is seen instead of the table */
    HeapFetch *pin_fetch;
    ExprProg *index_cond; /* over the fetched columns, for that; NULL until needed */
} IndexScanState;

static Status
open_index_only(IndexScanState *s)
{
    ExecNode *node = &s->base;
    const IndexDef *ix = s->plan->index;
    Ctx *ctx = node->ctx;
    int *columns, n = 0;
    Oid *types;
    TRY_ALLOC(ctx, columns, ARENA_ARRAY(node->arena, int, s->plan->nread + 1));
    TRY_ALLOC(ctx, s->from_index, ARENA_ARRAY(node->arena, int, s->plan->nread + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(node->arena, Oid, s->plan->nread + 1));
    for (int i = 0; i < s->plan->nread; i++) {
        s->from_index[i] = -1;
        types[i] = s->plan->cols[i] >= 0 ? s->plan->rel->cols[s->plan->cols[i]].type : TYPE_INT8;
        for (int k = 0; k < ix->ncols && s->from_index[i] < 0; k++) {
            if (ix->attnums[k] != s->plan->cols[i] + 1) continue;
            columns[n] = k;
            s->from_index[i] = n++;
        }
        if (s->from_index[i] < 0) return RAISE_INTERNAL(ctx, "column %d is not in index \"%s\"", s->plan->cols[i], ix->name);
    }
    s->spec.columns = columns;
    s->spec.ncolumns = n;
    TRY_ALLOC(ctx, s->out, batch_create(node->arena, s->plan->nread));
    TRY_ALLOC(ctx, s->check, arena_alloc(node->arena, BATCH_ROWS * sizeof(Tid)));
    return QN_OK;
}

static Status
indexscan_open(ExecNode *node)
{
    IndexScanState *s = (IndexScanState *)node;
    Ctx *ctx = node->ctx;
    s->plan = (const IndexScanPlan *)node->plan;
    int nkeys = s->plan->index->nkeys;
    TRY(scan_heap_cols(ctx, node->arena, s->plan->cols, s->plan->ncols, &s->cols));
    TRY_ALLOC(ctx, s->values, ARENA_ARRAY(node->arena, ExprProg *, s->plan->nbounds + 1));
    for (int i = 0; i < s->plan->nbounds; i++)
        if (s->plan->bounds[i].value != NULL)
            TRY(expr_compile_one(node->exec, s->plan->bounds[i].value, &node->deps, &s->values[i]));
    TRY_ALLOC(ctx, s->eqs, ARENA_ARRAY(node->arena, EqValues, nkeys + 1));
    TRY_ALLOC(ctx, s->eq, ARENA_ARRAY(node->arena, Value, nkeys + 1));
    TRY_ALLOC(ctx, s->sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->rows, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->dead, arena_alloc(node->arena, BITS_WORDS(BATCH_ROWS) * sizeof(uint64_t)));
    if (s->plan->index_only) TRY(open_index_only(s));
    return exec_open_output(node);
}

typedef enum Fit { FIT_EXACT, FIT_BELOW, FIT_ABOVE } Fit; /* below, above: outside of what the column can hold */

/* The value as the key column's type. Integers of other widths compare by value. */
static Status
fit_value(IndexScanState *s, int key, Value *v, Fit *fit)
{
    Oid type = s->plan->index->types[key];
    *fit = FIT_EXACT;
    if (v->is_null || v->type == type) {
        v->type = type;
        return QN_OK;
    }
    const TypeInfo *t = type_info(type);
    bool from_int = v->type == TYPE_INT2 || v->type == TYPE_INT4 || v->type == TYPE_INT8;
    if (from_int && (type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8)) {
        int64_t x = v->phys == PHYS_I16 ? v->i16 : v->phys == PHYS_I32 ? v->i32 : v->i64;
        int64_t lo = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
        int64_t hi = type == TYPE_INT2 ? INT16_MAX : type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
        if (x < lo || x > hi) {
            *fit = x < lo ? FIT_BELOW : FIT_ABOVE;
            return QN_OK;
        }
        v->phys = t->phys;
        v->type = type;
        if (type == TYPE_INT2) v->i16 = (int16_t)x;
        else if (type == TYPE_INT4) v->i32 = (int32_t)x;
        else v->i64 = x;
        return QN_OK;
    }
    if (v->type == TYPE_FLOAT4 && type == TYPE_FLOAT8) {
        double d = (double)v->f32;
        v->f64 = d;
        v->phys = PHYS_F64;
        v->type = type;
        return QN_OK;
    }
    if (t != NULL && t->phys == v->phys) { /* varchar, text and the like: the same bytes */
        v->type = type;
        return QN_OK;
    }
    return RAISE_INTERNAL(s->base.ctx, "a value of type %u does not fit the index on type %u", v->type, type);
}

static Status
add_eq(IndexScanState *s, int key, const Value *v)
{
    EqValues *e = &s->eqs[key];
    if (!array_grow(s->base.arena, (void **)&e->items, &e->cap, e->count, 1, sizeof(Value)))
        return RAISE_OOM(s->base.ctx);
    e->items[e->count++] = *v;
    return QN_OK;
}

/* Ascending in key order and without repeats; few elements: insertion sort. */
static void
order_eq(IndexScanState *s, int key)
{
    EqValues *e = &s->eqs[key];
    const TypeInfo *t = type_info(s->plan->index->types[key]);
    bool down = s->plan->index->desc[key] != s->plan->backward;
    for (int i = 1; i < e->count; i++) {
        Value x = e->items[i];
        int j = i;
        for (; j > 0; j--) {
            int c = t->cmp(&x, &e->items[j - 1]);
            if (down ? c <= 0 : c >= 0) break;
            e->items[j] = e->items[j - 1];
        }
        e->items[j] = x;
    }
    int n = 0;
    for (int i = 0; i < e->count; i++)
        if (n == 0 || t->cmp(&e->items[i], &e->items[n - 1]) != 0) e->items[n++] = e->items[i];
    e->count = n;
}

static Status
set_array_bound(IndexScanState *s, int key, const Value *v)
{
    if (v->is_null) return QN_OK;
    ArrayView a;
    Value copy;
    if (s->value_arena == NULL) TRY_ALLOC(s->base.ctx, s->value_arena, arena_create(s->base.arena, "bounds"));
    TRY(value_copy(s->base.ctx, s->value_arena, v, &copy));
    array_view(&copy.str, &a);
    for (uint32_t i = 0; i < a.nelems; i++) {
        Value x = array_element(&a, i);
        Fit fit;
        if (x.is_null) continue;
        TRY(fit_value(s, key, &x, &fit));
        if (fit != FIT_EXACT) continue;
        if (x.phys == PHYS_STR) { /* short ones lie in the view, which goes away */
            TRY(value_copy(s->base.ctx, s->value_arena, &x, &x));
        }
        TRY(add_eq(s, key, &x));
    }
    order_eq(s, key);
    return QN_OK;
}

static Status
set_bound(IndexScanState *s, const IndexBound *b, ExprProg *prog, bool *is_eq)
{
    Value v = value_null(s->plan->index->types[b->key]);
    *is_eq = false;
    if (b->is_null_test) {
        *is_eq = true;
        return add_eq(s, b->key, &v);
    }
    if (b->is_not_null) {
        s->range.not_null = true;
        return QN_OK;
    }
    TRY(expr_eval(prog, &v));
    if (b->is_array) {
        *is_eq = true;
        return set_array_bound(s, b->key, &v);
    }
    if (v.is_null) {
        s->nothing = true; /* no comparison with NULL is true */
        *is_eq = b->cmp == SEL_EQ;
        return QN_OK;
    }
    Fit fit;
    TRY(fit_value(s, b->key, &v, &fit));
    switch (b->cmp) {
    case SEL_EQ:
        *is_eq = true;
        if (fit != FIT_EXACT) s->nothing = true;
        else return add_eq(s, b->key, &v);
        break;
    case SEL_LT:
    case SEL_LE:
        if (fit == FIT_BELOW) s->nothing = true;
        if (fit == FIT_ABOVE) s->range.not_null = true;
        if (fit != FIT_EXACT) break;
        if (s->range.upper != NULL) { /* two upper bounds: the lower one counts */
            int c = type_info(v.type)->cmp(&v, &s->upper);
            if (c > 0 || (c == 0 && b->cmp == SEL_LE)) break;
        }
        s->upper = v;
        s->range.upper = &s->upper;
        s->range.upper_inclusive = b->cmp == SEL_LE;
        break;
    case SEL_GT:
    case SEL_GE:
        if (fit == FIT_ABOVE) s->nothing = true;
        if (fit == FIT_BELOW) s->range.not_null = true;
        if (fit != FIT_EXACT) break;
        if (s->range.lower != NULL) {
            int c = type_info(v.type)->cmp(&v, &s->lower);
            if (c < 0 || (c == 0 && b->cmp == SEL_GE)) break;
        }
        s->lower = v;
        s->range.lower = &s->lower;
        s->range.lower_inclusive = b->cmp == SEL_GE;
        break;
    default: break;
    }
    return QN_OK;
}

static Status
compute_bounds(IndexScanState *s)
{
    int nkeys = s->plan->index->nkeys;
    memset(&s->range, 0, sizeof(s->range));
    s->nothing = false;
    for (int k = 0; k < nkeys; k++) s->eqs[k].count = s->eqs[k].at = 0;
    if (s->value_arena != NULL) arena_reset(s->value_arena);
    s->neq = 0;
    for (int i = 0; i < s->plan->nbounds; i++) {
        bool is_eq;
        const IndexBound *b = &s->plan->bounds[i];
        TRY(set_bound(s, b, s->values[i], &is_eq));
        if (is_eq && b->key + 1 > s->neq) s->neq = b->key + 1;
    }
    for (int k = 0; k < s->neq; k++) {
        if (s->eqs[k].count == 0) s->nothing = true;
        else s->eq[k] = s->eqs[k].items[0];
    }
    s->range.neq = s->neq;
    s->range.eq = s->eq;
    s->is_started = false;
    s->more = !s->nothing;
    return QN_OK;
}

/* The next combination of equalities, the last key column fastest; false after the last. */
static bool
next_combination(IndexScanState *s)
{
    for (int k = s->neq - 1; k >= 0; k--) {
        EqValues *e = &s->eqs[k];
        if (++e->at < e->count) {
            s->eq[k] = e->items[e->at];
            return true;
        }
        e->at = 0;
        s->eq[k] = e->items[0];
    }
    return false;
}

static Status
indexscan_rescan(ExecNode *node, DepSet changed)
{
    IndexScanState *s = (IndexScanState *)node;
    (void)changed;
    s->max_rows = FIRST_ROWS < BATCH_ROWS ? FIRST_ROWS : BATCH_ROWS;
    s->wanted = INT64_MAX;
    s->pin = scan_pin(node, s->plan->mark);
    s->more = true;
    return s->pin != NULL ? QN_OK : compute_bounds(s);
}

static Status
begin(IndexScanState *s)
{
    ExecNode *node = &s->base;
    Ctx *ctx = node->ctx;
    if (s->scan == NULL)
        TRY(index_scan_begin(ctx, node->arena, s->plan->index->index, &s->spec, &s->scan));
    if (s->fetch == NULL) {
        int ncols = s->plan->index_only ? 0 : s->plan->nread;
        TRY(heap_fetch_begin(ctx, node->arena, s->plan->rel->heap, s->cols, ncols, &s->fetch));
    }
    s->is_started = true;
    index_count(s->plan->index->index, 1, 0, 0);
    return index_scan_start(ctx, s->scan, &s->range, s->plan->backward);
}

/* Index-only: which entries' rows are visible. Pages that are all-visible need no look. */
static Status
visible_entries(IndexScanState *s, const IndexBatch *ib, int *n_out)
{
    Ctx *ctx = s->base.ctx;
    int ncheck = 0, n = 0;
    uint64_t visible[BITS_WORDS(BATCH_ROWS)] = {0};
    uint16_t at[BATCH_ROWS];
    TRY(heap_note_pages_read(ctx, s->plan->rel->heap, ctx->snapshot, ib->tids, ib->n));
    for (int i = 0; i < ib->n; i++) {
        if (heap_page_is_all_visible(ctx, s->plan->rel->heap, tid_page(ib->tids[i]))) {
            bits_set(visible, (size_t)i);
            continue;
        }
        at[ncheck] = (uint16_t)i;
        s->check[ncheck++] = ib->tids[i];
    }
    if (ncheck > 0) {
        Batch *b;
        TRY(heap_fetch(ctx, s->fetch, ctx->snapshot, s->check, ncheck, &b, s->rows, NULL));
        for (int j = 0; j < b->nrows; j++) bits_set(visible, at[s->rows[j]]);
        s->base.instr.heap_fetches += ncheck;
        index_count(s->plan->index->index, 0, 0, b->nrows);
    }
    for (int i = 0; i < ib->n; i++)
        if (bits_get(visible, (size_t)i)) s->sel[n++] = (uint16_t)i;
    *n_out = n;
    return QN_OK;
}

/* Selects the rows for which the index condition holds. */
static Status
check_index_cond(IndexScanState *s, Batch *b)
{
    ExecNode *node = &s->base;
    int n;
    if (s->index_cond == NULL) TRY(expr_compile_filter(node->exec, &s->plan->index_cond, &node->deps, &s->index_cond));
    TRY(expr_filter(s->index_cond, b, NULL, b->sel, b->nsel, b->nrows, s->sel, &n));
    if (n < b->nsel) b->sel = s->sel;
    b->nsel = n;
    return QN_OK;
}

static Status
next_batch(IndexScanState *s, const IndexBatch *ib, Batch **out)
{
    Ctx *ctx = s->base.ctx;
    *out = NULL;
    if (s->plan->index_only) {
        int n;
        index_count(s->plan->index->index, 0, ib->n, 0);
        TRY(visible_entries(s, ib, &n));
        if (n == 0) return QN_OK;
        for (int c = 0; c < s->plan->nread; c++) s->out->cols[c] = ib->cols[s->from_index[c]];
        s->out->nrows = ib->n;
        s->out->nsel = n;
        s->out->sel = n == ib->n ? NULL : s->sel;
        *out = s->out;
        return QN_OK;
    }
    Batch *b;
    TRY(heap_fetch(ctx, s->fetch, ctx->snapshot, ib->tids, ib->n, &b, s->rows, s->dead));
    index_count(s->plan->index->index, 0, ib->n, b->nrows);
    if (b->nrows < ib->n) index_scan_kill(ctx, s->scan, s->dead);
    if (b->nrows > 0 && s->plan->is_lossy) {
        TRY(check_index_cond(s, b));
        if (b->nsel < b->nrows) s->base.instr.rows_removed_recheck += b->nrows - b->nsel;
    }
    if (b->nsel > 0) *out = b;
    return QN_OK;
}

/* The one version, if the index condition holds for it as well. */
static Status
next_pinned(IndexScanState *s, Batch **out)
{
    ExecNode *node = &s->base;
    Batch *b;
    s->more = false;
    TRY(scan_fetch_pin(node, s->pin, s->plan->rel, s->cols, s->plan->ncols, &s->pin_fetch, &b));
    if (b == NULL) return QN_OK;
    TRY(check_index_cond(s, b));
    return b->nsel > 0 ? exec_emit(node, b, NULL, out) : QN_OK;
}

static Status
indexscan_next(ExecNode *node, Batch **out)
{
    IndexScanState *s = (IndexScanState *)node;
    *out = NULL;
    if (s->pin != NULL) return s->more ? next_pinned(s, out) : QN_OK;
    while (*out == NULL && s->more) {
        IndexBatch ib;
        Batch *b;
        if (!s->is_started) TRY(begin(s));
        TRY(ctx_check_stop(node->ctx));
        int max = s->max_rows;
        if (s->wanted < max) max = (int)s->wanted;
        TRY(index_scan_next(node->ctx, s->scan, max, &ib));
        if (ib.n == 0) {
            s->more = next_combination(s);
            s->is_started = false;
            continue;
        }
        if (s->max_rows < BATCH_ROWS) s->max_rows = s->max_rows * 4 < BATCH_ROWS ? s->max_rows * 4 : BATCH_ROWS;
        TRY(next_batch(s, &ib, &b));
        if (b != NULL) TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

static void
indexscan_close(ExecNode *node)
{
    IndexScanState *s = (IndexScanState *)node;
    index_scan_end(s->scan);
    if (s->fetch != NULL) heap_fetch_end(s->fetch);
    if (s->pin_fetch != NULL) heap_fetch_end(s->pin_fetch);
    expr_prog_close(s->index_cond);
    for (int i = 0; s->values != NULL && i < s->plan->nbounds; i++) expr_prog_close(s->values[i]);
}

static void
indexscan_bound(ExecNode *node, int64_t nrows)
{
    ((IndexScanState *)node)->wanted = nrows > 0 ? nrows : 1;
}

static void
indexscan_describe(const ExecNode *node, Describe *d)
{
    const IndexScanState *s = (const IndexScanState *)node;
    if (d->analyze && s->plan->index_only) describe_int(d, "Heap Fetches", NULL, node->instr.heap_fetches);
}

const ExecOps indexscan_ops = {.state_bytes = sizeof(IndexScanState), .open = indexscan_open, .next = indexscan_next,
                               .rescan = indexscan_rescan, .close = indexscan_close, .bound = indexscan_bound,
                               .describe = indexscan_describe};
