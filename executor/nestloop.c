/* nestloop.c - Nested Loop: for each outer row the inner side is started again, with the row's values in exec params. The join
 * condition runs over whole inner batches, the outer row as constants; few rows at a time are gathered into batches. */
#include "executor/join.h"
#include "executor/vecutil.h"

enum { DIRECT_ROWS = BATCH_ROWS / 4 }; /* from so many matches on an inner batch is handed up as it is */

typedef struct NestLoopState {
    ExecNode base;
    JoinSides j;
    const NestLoopPlan *plan;
    ExprProg *params;    /* values of plan->params over the outer batch; NULL: none */
    DepSet param_deps, inner_changed;
    Batch *outer;        /* NULL: fetch the next one */
    int at;              /* selected row the inner side runs for, -1: none yet */
    bool has_row, matched, outer_done;
    Batch *outer_row;    /* it, as CONST columns */
    Batch *view;         /* the outer row spread over an inner batch */
    JoinPairs pairs;
    Batch *rest;         /* matches of an inner batch that did not fit */
    const uint16_t *rest_sel;
    int rest_n;
    uint16_t *sel, *kept;
    int nkept;           /* semi, anti: outer rows to hand up */
} NestLoopState;

static Status
nestloop_open(ExecNode *node)
{
    NestLoopState *s = (NestLoopState *)node;
    Ctx *ctx = node->ctx;
    s->plan = (const NestLoopPlan *)node->plan;
    JoinType t = s->plan->jointype;
    if (t != JOIN_INNER && t != JOIN_LEFT && t != JOIN_SEMI && t != JOIN_ANTI)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "nested loop cannot run this join type");
    TRY(join_open(node, &s->j, &s->plan->join_cond));
    if (s->plan->nparams > 0) {
        ExprList list = {.count = s->plan->nparams, .cap = s->plan->nparams};
        TRY_ALLOC(ctx, list.items, ARENA_ARRAY(node->arena, Expr *, list.count));
        for (int i = 0; i < list.count; i++) {
            list.items[i] = s->plan->params[i].value;
            s->param_deps |= dep_param(s->plan->params[i].id);
        }
        TRY(expr_compile(node->exec, &list, &node->deps, &s->params));
    }
    TRY(join_pairs_open(node, &s->j, &s->pairs));
    TRY(join_row_new(node, s->j.nouter, &s->outer_row));
    TRY_ALLOC(ctx, s->view, batch_create(node->arena, s->j.nouter));
    TRY_ALLOC(ctx, s->sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->kept, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    return QN_OK;
}

/* Starts the inner side for the outer row at s->at. */
static Status
start_row(NestLoopState *s)
{
    ExecNode *node = &s->base;
    int row = batch_row(s->outer, s->at);
    for (int i = 0; i < s->plan->nparams; i++) {
        Value v = vec_get(expr_result(s->params, i), row);
        exec_set_param(node->exec, s->plan->params[i].id, &v);
    }
    join_row_set(s->outer, row, s->j.outer_used, s->outer_row);
    s->matched = false;
    s->has_row = true;
    TRY(exec_rescan(node->inner, s->inner_changed | s->param_deps));
    s->inner_changed = 0;
    JoinType t = s->plan->jointype;
    if (s->j.cond == NULL && (t == JOIN_SEMI || t == JOIN_ANTI || s->plan->inner_unique)) exec_bound(node->inner, 1);
    return QN_OK;
}

/* Rows of an inner batch that go with the outer row. */
static Status
match(NestLoopState *s, Batch *b, const uint16_t **sel, int *n)
{
    *sel = b->sel;
    *n = b->nsel;
    if (s->j.cond == NULL) return QN_OK;
    int m;
    TRY(expr_filter(s->j.cond, s->outer_row, b, b->sel, b->nsel, b->nrows, s->sel, &m));
    s->base.instr.rows_removed_join += *n - m;
    if (m < *n) *sel = s->sel;
    *n = m;
    return QN_OK;
}

/* One inner batch, with the outer row beside it, without a copy. */
static Status
emit_direct(NestLoopState *s, Batch *b, const uint16_t *sel, int n, Batch **out)
{
    Batch *v = s->view;
    for (int c = 0; c < v->ncols; c++) v->cols[c] = s->outer_row->cols[c];
    v->nrows = b->nrows;
    v->sel = sel;
    v->nsel = n;
    return join_emit(&s->base, &s->j, v, b, out);
}

static EXEC_NOINLINE Status
add_rest(NestLoopState *s)
{
    int room = BATCH_ROWS - s->pairs.n, n = s->rest_n < room ? s->rest_n : room;
    uint16_t dense[BATCH_ROWS];
    const uint16_t *sel = s->rest_sel;
    if (sel == NULL) { /* the tail of a dense batch */
        int from = s->rest->nrows - s->rest_n;
        for (int k = 0; k < n; k++) dense[k] = (uint16_t)(from + k);
        sel = dense;
    }
    TRY(join_pairs_add(&s->base, &s->j, &s->pairs, batch_row(s->outer, s->at), s->rest, sel, n));
    s->rest_n -= n;
    if (s->rest_sel != NULL) s->rest_sel += n;
    return QN_OK;
}

/* The inner side is through with the outer row. */
static Status
end_row(NestLoopState *s)
{
    JoinType t = s->plan->jointype;
    int row = batch_row(s->outer, s->at);
    s->has_row = false;
    if (t == JOIN_LEFT && !s->matched) {
        uint16_t zero = 0;
        return join_pairs_add(&s->base, &s->j, &s->pairs, row, NULL, &zero, 1);
    }
    if ((t == JOIN_SEMI && s->matched) || (t == JOIN_ANTI && !s->matched)) s->kept[s->nkept++] = (uint16_t)row;
    return QN_OK;
}

/* Hands up what the outer batch came to. */
static Status
flush(NestLoopState *s, Batch **out)
{
    if (s->pairs.n > 0) return join_pairs_emit(&s->base, &s->j, &s->pairs, s->outer, out);
    if (s->nkept == 0) return QN_OK;
    *s->view = (Batch){.arena = s->view->arena, .ncols = s->view->ncols, .cols = s->view->cols};
    for (int c = 0; c < s->view->ncols; c++) s->view->cols[c] = s->outer->cols[c];
    s->view->nrows = s->outer->nrows;
    s->view->sel = s->nkept == s->outer->nrows ? NULL : s->kept;
    s->view->nsel = s->nkept;
    s->nkept = 0;
    return join_emit(&s->base, &s->j, s->view, s->j.null_inner, out);
}

static Status
next_outer(NestLoopState *s)
{
    arena_reset(s->pairs.arena);
    TRY(exec_next(s->base.outer, &s->outer));
    if (s->outer == NULL) {
        s->outer_done = true;
        return QN_OK;
    }
    s->at = -1;
    s->has_row = false;
    if (s->params != NULL)
        TRY(expr_run(s->params, s->outer, NULL, s->outer->sel, s->outer->nsel, s->outer->nrows));
    return QN_OK;
}

static Status
inner_batch(NestLoopState *s, Batch **out)
{
    JoinType t = s->plan->jointype;
    Batch *b;
    const uint16_t *sel;
    int n;
    TRY(exec_next(s->base.inner, &b));
    if (b == NULL) return end_row(s);
    TRY(match(s, b, &sel, &n));
    if (n == 0) return QN_OK;
    s->matched = true;
    if (t == JOIN_SEMI || t == JOIN_ANTI) return end_row(s);
    if (n >= DIRECT_ROWS && s->pairs.n == 0) return emit_direct(s, b, sel, n, out);
    s->rest = b;
    s->rest_sel = sel;
    s->rest_n = n;
    TRY(add_rest(s));
    if (s->plan->inner_unique && s->rest_n == 0) return end_row(s);
    return QN_OK;
}

static Status
nestloop_next(ExecNode *node, Batch **out)
{
    NestLoopState *s = (NestLoopState *)node;
    *out = NULL;
    while (*out == NULL) {
        if (s->pairs.n == BATCH_ROWS) {
            TRY(join_pairs_emit(node, &s->j, &s->pairs, s->outer, out));
            continue;
        }
        if (s->rest_n > 0) {
            TRY(add_rest(s));
            continue;
        }
        if (s->pairs.n == 0 && s->has_row) arena_reset(s->pairs.arena);
        if (s->has_row) {
            TRY(inner_batch(s, out));
            continue;
        }
        if (s->outer != NULL && ++s->at < s->outer->nsel) {
            TRY(ctx_check_stop(node->ctx));
            TRY(start_row(s));
            continue;
        }
        if (s->outer != NULL) {
            s->at = s->outer->nsel;
            if (s->pairs.n > 0 || s->nkept > 0) {
                TRY(flush(s, out));
                continue;
            }
        }
        if (s->outer_done) return QN_OK;
        TRY(next_outer(s));
    }
    return QN_OK;
}

static Status
nestloop_rescan(ExecNode *node, DepSet changed)
{
    NestLoopState *s = (NestLoopState *)node;
    s->inner_changed |= changed;
    s->outer = NULL;
    s->outer_done = s->has_row = false;
    s->rest_n = s->nkept = 0;
    s->pairs.n = 0;
    return exec_rescan(node->outer, changed);
}

static void
nestloop_close(ExecNode *node)
{
    NestLoopState *s = (NestLoopState *)node;
    expr_prog_close(s->params);
    join_close(&s->j);
}

const ExecOps nestloop_ops = {.state_bytes = sizeof(NestLoopState), .open = nestloop_open, .next = nestloop_next,
                              .rescan = nestloop_rescan, .close = nestloop_close};
