/* append.c - Append: the children's rows one after the other. Merge Append: by sort key, children sorted alike. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/vecutil.h"
#include "storage/keycodec.h"

static Status
build_children(ExecNode *node, const PlanNodeList *list)
{
    TRY_ALLOC(node->ctx, node->children, ARENA_ARRAY(node->arena, ExecNode *, list->count + 1));
    node->nchildren = list->count;
    for (int i = 0; i < list->count; i++) {
        TRY(exec_build_node(node->exec, list->items[i], &node->children[i]));
        node->deps |= node->children[i]->deps;
    }
    return exec_open_output(node);
}

typedef struct AppendState {
    ExecNode base;
    int at;
    bool is_started; /* child `at` has been rescanned */
    DepSet *changed; /* by child: since it was last started */
    int64_t wanted;
} AppendState;

static Status
append_open(ExecNode *node)
{
    int n = ((const AppendPlan *)node->plan)->children.count;
    TRY_ALLOC(node->ctx, ((AppendState *)node)->changed, ARENA_ARRAY(node->arena, DepSet, n + 1));
    return build_children(node, &((const AppendPlan *)node->plan)->children);
}

static Status
append_next(ExecNode *node, Batch **out)
{
    AppendState *s = (AppendState *)node;
    *out = NULL;
    while (s->at < node->nchildren) {
        ExecNode *child = node->children[s->at];
        if (!s->is_started) {
            TRY(exec_rescan(child, s->changed[s->at]));
            s->changed[s->at] = 0;
            if (s->wanted != INT64_MAX) exec_bound(child, s->wanted);
            s->is_started = true;
        }
        Batch *b;
        TRY(exec_next(child, &b));
        if (b == NULL) {
            s->at++;
            s->is_started = false;
            continue;
        }
        TRY(exec_emit(node, b, NULL, out));
        if (*out != NULL) break;
    }
    return QN_OK;
}

static Status
append_rescan(ExecNode *node, DepSet changed)
{
    AppendState *s = (AppendState *)node;
    s->at = 0;
    s->is_started = false;
    for (int i = 0; i < node->nchildren; i++) s->changed[i] |= changed;
    s->wanted = INT64_MAX;
    return QN_OK;
}

static void
append_bound(ExecNode *node, int64_t nrows)
{
    ((AppendState *)node)->wanted = nrows;
}

const ExecOps append_ops = {.state_bytes = sizeof(AppendState), .open = append_open, .next = append_next,
                            .rescan = append_rescan, .bound = append_bound};

/* The next row of one child. */
typedef struct MergeSource {
    Batch *batch; /* NULL: at its end */
    int at;       /* position in the selection */
    ExprProg *keys;
    KeyRows rows;
} MergeSource;

typedef struct MergeAppendState {
    ExecNode base;
    KeyFormat format;
    KeyColumn *cols;
    MergeSource *sources;
    bool is_started;
    Batch *out;
    Arena *out_arena; /* strings of out: a child's batch may go before ours is taken */
    Vector **key_vecs;
} MergeAppendState;

static Status
mergeappend_open(ExecNode *node)
{
    MergeAppendState *s = (MergeAppendState *)node;
    const MergeAppendPlan *plan = (const MergeAppendPlan *)node->plan;
    Ctx *ctx = node->ctx;
    int nkeys = plan->keys.count, n;
    TRY(build_children(node, &plan->children));
    TRY_ALLOC(ctx, s->cols, ARENA_ARRAY(node->arena, KeyColumn, nkeys + 1));
    TRY_ALLOC(ctx, s->key_vecs, ARENA_ARRAY(node->arena, Vector *, nkeys + 1));
    TRY_ALLOC(ctx, s->sources, ARENA_ARRAY(node->arena, MergeSource, node->nchildren + 1));
    ExprList keys;
    keys.count = keys.cap = nkeys;
    TRY_ALLOC(ctx, keys.items, ARENA_ARRAY(node->arena, Expr *, nkeys + 1));
    for (int i = 0; i < nkeys; i++) {
        const SortKey *k = &plan->keys.items[i];
        keys.items[i] = k->expr;
        TRY(key_column_init(ctx, &s->cols[i], k->expr->type, -1, k->desc, k->nulls_first, false));
    }
    key_format_init(&s->format, s->cols, nkeys);
    for (int i = 0; i < node->nchildren; i++) {
        TRY(expr_compile(node->exec, &keys, &node->deps, &s->sources[i].keys));
        s->sources[i].rows = key_rows_new(node->arena);
    }
    Oid *types;
    TRY_ALLOC(ctx, types, exec_output_types(node->arena, plan->children.items[0], &n));
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, n, types));
    TRY_ALLOC(ctx, s->out_arena, arena_create(node->arena, "merge append"));
    return QN_OK;
}

static Status
advance(MergeAppendState *s, int i)
{
    MergeSource *src = &s->sources[i];
    if (src->batch != NULL && ++src->at < src->batch->nsel) return QN_OK;
    TRY(exec_next(s->base.children[i], &src->batch));
    src->at = 0;
    if (src->batch == NULL) return QN_OK;
    Batch *b = src->batch;
    TRY(expr_run(src->keys, b, NULL, b->sel, b->nsel, b->nrows));
    for (int k = 0; k < s->format.ncols; k++) s->key_vecs[k] = expr_result(src->keys, k);
    return key_encode(s->base.ctx, &s->format, s->key_vecs, b->sel, b->nsel, &src->rows);
}

static int
smallest(MergeAppendState *s)
{
    int best = -1;
    const uint8_t *best_key = NULL;
    uint32_t best_bytes = 0;
    for (int i = 0; i < s->base.nchildren; i++) {
        MergeSource *src = &s->sources[i];
        if (src->batch == NULL) continue;
        uint32_t nbytes;
        const uint8_t *key = key_rows_get(&src->rows, src->at, &nbytes);
        if (best >= 0 && key_compare(key, nbytes, best_key, best_bytes) >= 0) continue;
        best = i;
        best_key = key;
        best_bytes = nbytes;
    }
    return best;
}

static Status
mergeappend_next(ExecNode *node, Batch **out)
{
    MergeAppendState *s = (MergeAppendState *)node;
    Ctx *ctx = node->ctx;
    *out = NULL;
    if (!s->is_started) {
        for (int i = 0; i < node->nchildren; i++) {
            s->sources[i].batch = NULL;
            TRY(advance(s, i));
        }
        s->is_started = true;
    }
    while (*out == NULL) {
        int n = 0;
        arena_reset(s->out_arena);
        if (!exec_batch_reserve(s->out, BATCH_ROWS)) return RAISE_OOM(ctx);
        for (int i; n < BATCH_ROWS && (i = smallest(s)) >= 0; n++) {
            MergeSource *src = &s->sources[i];
            int row = batch_row(src->batch, src->at);
            for (int c = 0; c < s->out->ncols; c++) {
                Value v = vec_get(src->batch->cols[c], row);
                TRY(value_copy(ctx, s->out_arena, &v, &v));
                TRY(exec_vec_put(ctx, s->out_arena, s->out->cols[c], n, &v));
            }
            TRY(advance(s, i));
        }
        if (n == 0) return QN_OK;
        s->out->nrows = s->out->nsel = n;
        s->out->sel = NULL;
        TRY(exec_emit(node, s->out, NULL, out));
    }
    return QN_OK;
}

static Status
mergeappend_rescan(ExecNode *node, DepSet changed)
{
    MergeAppendState *s = (MergeAppendState *)node;
    s->is_started = false;
    for (int i = 0; i < node->nchildren; i++) TRY(exec_rescan(node->children[i], changed));
    return QN_OK;
}

static void
mergeappend_bound(ExecNode *node, int64_t nrows)
{
    for (int i = 0; i < node->nchildren; i++) exec_bound(node->children[i], nrows);
}

static void
mergeappend_close(ExecNode *node)
{
    MergeAppendState *s = (MergeAppendState *)node;
    for (int i = 0; s->sources != NULL && i < node->nchildren; i++) expr_prog_close(s->sources[i].keys);
}

const ExecOps mergeappend_ops = {.state_bytes = sizeof(MergeAppendState), .open = mergeappend_open,
                                 .next = mergeappend_next, .rescan = mergeappend_rescan, .close = mergeappend_close,
                                 .bound = mergeappend_bound};
