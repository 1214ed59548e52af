/* sort.c - Sort (and Incremental Sort, which sorts whole): its input's rows in key order. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/sorter.h"
#include "executor/vecutil.h"

typedef struct SortState {
    ExecNode base;
    ExprProg *keys;
    Sorter *sorter;
    Vector **key_vecs;
    Batch *out;
    int64_t bound;
    int max_rows;
    bool is_sorted;
} SortState;

static Status
sort_open(ExecNode *node)
{
    SortState *s = (SortState *)node;
    const SortKeyList *list = &((const SortPlan *)node->plan)->keys;
    Ctx *ctx = node->ctx;
    ExprList exprs;
    SorterKey *keys;
    Oid *types;
    int ncols;
    exprs.count = exprs.cap = list->count;
    TRY_ALLOC(ctx, exprs.items, ARENA_ARRAY(node->arena, Expr *, list->count + 1));
    TRY_ALLOC(ctx, keys, ARENA_ARRAY(node->arena, SorterKey, list->count + 1));
    TRY_ALLOC(ctx, s->key_vecs, ARENA_ARRAY(node->arena, Vector *, list->count + 1));
    for (int i = 0; i < list->count; i++) {
        exprs.items[i] = list->items[i].expr;
        keys[i] = (SorterKey){list->items[i].expr->type, list->items[i].expr->typmod, list->items[i].desc,
                              list->items[i].nulls_first};
    }
    TRY(expr_compile(node->exec, &exprs, &node->deps, &s->keys));
    TRY_ALLOC(ctx, types, exec_output_types(node->arena, node->plan->outer, &ncols));
    TRY(sorter_new(ctx, node->arena, list->count, keys, ncols, types, node->exec->work_mem, &s->sorter));
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, ncols, types));
    return exec_open_output(node);
}

static Status
fill(SortState *s)
{
    ExecNode *node = &s->base;
    sorter_reset(s->sorter);
    sorter_bound(s->sorter, s->bound);
    for (;;) {
        Batch *b;
        TRY(exec_next(node->outer, &b));
        if (b == NULL) break;
        TRY(expr_run(s->keys, b, NULL, b->sel, b->nsel, b->nrows));
        for (int i = 0; i < expr_count(s->keys); i++) s->key_vecs[i] = expr_result(s->keys, i);
        TRY(sorter_add(s->sorter, s->key_vecs, b->cols, b->sel, b->nsel));
    }
    TRY(sorter_finish(s->sorter));
    s->is_sorted = true;
    return QN_OK;
}

static Status
sort_next(ExecNode *node, Batch **out)
{
    SortState *s = (SortState *)node;
    *out = NULL;
    if (!s->is_sorted) TRY(fill(s));
    while (*out == NULL) {
        int n;
        TRY(sorter_next(s->sorter, s->max_rows, s->out, &n));
        if (n == 0) return QN_OK;
        if (s->max_rows < BATCH_ROWS) s->max_rows = s->max_rows * 8 < BATCH_ROWS ? s->max_rows * 8 : BATCH_ROWS;
        TRY(exec_emit(node, s->out, NULL, out));
    }
    return QN_OK;
}

static Status
sort_rescan(ExecNode *node, DepSet changed)
{
    SortState *s = (SortState *)node;
    s->max_rows = BATCH_ROWS < 256 ? BATCH_ROWS : 256;
    bool was_bounded = s->bound != 0;
    s->bound = 0;
    if (s->is_sorted && !exec_depends(node, changed) && !was_bounded) return sorter_rewind(s->sorter);
    s->is_sorted = false;
    return exec_rescan(node->outer, changed);
}

static void
sort_release(ExecNode *node)
{
    SortState *s = (SortState *)node;
    if (s->sorter != NULL) sorter_reset(s->sorter);
    s->is_sorted = false;
}

static void
sort_close(ExecNode *node)
{
    SortState *s = (SortState *)node;
    sorter_free(s->sorter);
    expr_prog_close(s->keys);
}

static void
sort_bound(ExecNode *node, int64_t nrows)
{
    SortState *s = (SortState *)node;
    if (!s->is_sorted) s->bound = nrows;
}

static void
sort_describe(const ExecNode *node, Describe *d)
{
    const SortState *s = (const SortState *)node;
    if (!d->analyze || s->sorter == NULL) return;
    SorterStats st = sorter_stats(s->sorter);
    describe_str(d, "Sort Method", st.method);
    describe_int(d, "Sort Space Used", "kB", st.kb);
    describe_str(d, "Sort Space Type", st.on_disk ? "Disk" : "Memory");
}

const ExecOps sort_ops = {.state_bytes = sizeof(SortState), .open = sort_open, .next = sort_next,
                          .rescan = sort_rescan, .release = sort_release, .close = sort_close,
                          .describe = sort_describe, .bound = sort_bound};
