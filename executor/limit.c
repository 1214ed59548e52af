/* limit.c - LIMIT, OFFSET, FETCH ... WITH TIES: hands up input rows [offset, offset + limit) and then stops asking. It
 * narrows its input's selections and copies no value. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/keys.h"

typedef struct LimitState {
    ExecNode base;
    ExprProg *limit, *offset; /* NULL: none */
    ExprProg *ties;           /* WITH TIES: the sort keys */
    Value *last;              /* of the last row within the limit */
    Arena *last_arena;
    int64_t begin, end;       /* the window, in input row numbers */
    int64_t seen;
    bool is_ready, in_ties, is_done;
} LimitState;

static Status
limit_open(ExecNode *node)
{
    LimitState *s = (LimitState *)node;
    const LimitPlan *plan = (const LimitPlan *)node->plan;
    if (plan->limit != NULL) TRY(expr_compile_one(node->exec, plan->limit, &node->deps, &s->limit));
    if (plan->offset != NULL) TRY(expr_compile_one(node->exec, plan->offset, &node->deps, &s->offset));
    if (plan->with_ties) {
        ExprList keys;
        keys.count = keys.cap = plan->ties.count;
        TRY_ALLOC(node->ctx, keys.items, ARENA_ARRAY(node->arena, Expr *, keys.count + 1));
        for (int i = 0; i < keys.count; i++) keys.items[i] = plan->ties.items[i].expr;
        TRY(expr_compile(node->exec, &keys, &node->deps, &s->ties));
        TRY_ALLOC(node->ctx, s->last, ARENA_ARRAY(node->arena, Value, keys.count + 1));
        TRY_ALLOC(node->ctx, s->last_arena, arena_create(node->arena, "ties"));
    }
    return exec_open_output(node);
}

static int64_t
to_int64(const Value *v)
{
    return v->phys == PHYS_I64 ? v->i64 : v->phys == PHYS_I32 ? v->i32 : v->i16;
}

static Status
compute_window(LimitState *s)
{
    Ctx *ctx = s->base.ctx;
    const LimitPlan *plan = (const LimitPlan *)s->base.plan;
    Value v;
    s->begin = 0;
    s->end = INT64_MAX;
    if (s->offset != NULL) {
        TRY(expr_eval(s->offset, &v));
        if (!v.is_null) s->begin = to_int64(&v);
        if (s->begin < 0)
            return RAISE(ctx, ERR_INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE, "OFFSET must not be negative");
    }
    if (s->limit != NULL) {
        TRY(expr_eval(s->limit, &v));
        if (v.is_null && plan->with_ties)
            return RAISE(ctx, ERR_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                         "row count cannot be null in FETCH FIRST ... WITH TIES clause");
        if (!v.is_null) {
            int64_t n = to_int64(&v);
            if (n < 0) return RAISE(ctx, ERR_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, "LIMIT must not be negative");
            if (num_add_overflows(s->begin, n, &s->end)) s->end = INT64_MAX;
            if (n == 0) s->end = 0; /* OFFSET rows need not be read for nothing */
        }
    }
    if (s->end != INT64_MAX && !plan->with_ties) exec_bound(s->base.outer, s->end);
    s->is_ready = true;
    return QN_OK;
}

/* Remembers the keys of row i of b. */
static Status
remember_last(LimitState *s, Batch *b, int i)
{
    TRY(expr_run(s->ties, b, NULL, b->sel, b->nsel, b->nrows));
    arena_reset(s->last_arena);
    for (int c = 0; c < expr_count(s->ties); c++) {
        Value v = vec_get(expr_result(s->ties, c), i);
        TRY(value_copy(s->base.ctx, s->last_arena, &v, &s->last[c]));
    }
    return QN_OK;
}

/* How many rows of b from the from-th on have the last row's keys. */
static Status
count_ties(LimitState *s, Batch *b, int from, int *n_out)
{
    TRY(expr_run(s->ties, b, NULL, b->sel, b->nsel, b->nrows));
    int k = from;
    for (; k < b->nsel; k++) {
        bool same = true;
        for (int c = 0; same && c < expr_count(s->ties); c++) {
            Value v = vec_get(expr_result(s->ties, c), batch_row(b, k));
            same = keys_equal_values(&v, &s->last[c]);
        }
        if (!same) break;
    }
    *n_out = k - from;
    return QN_OK;
}

static Status
limit_next(ExecNode *node, Batch **out)
{
    LimitState *s = (LimitState *)node;
    *out = NULL;
    if (!s->is_ready) TRY(compute_window(s));
    while (!s->is_done) {
        Batch *b;
        if (s->end == 0 || (s->seen >= s->end && !s->in_ties)) break;
        TRY(exec_next(node->outer, &b));
        if (b == NULL) break;
        int64_t from = s->seen, to = from + b->nsel;
        s->seen = to;
        if (s->in_ties) {
            int n;
            TRY(count_ties(s, b, 0, &n));
            s->is_done = n < b->nsel;
            if (n == 0) break;
            TRY(batch_keep(node->ctx, b, 0, n));
            return exec_emit(node, b, NULL, out);
        }
        if (to <= s->begin) continue;
        int first = (int)(from < s->begin ? s->begin - from : 0);
        int last = (int)(to < s->end ? b->nsel : s->end - from);
        if (s->ties != NULL && to >= s->end) {
            int n;
            s->in_ties = true;
            TRY(remember_last(s, b, batch_row(b, last - 1)));
            TRY(count_ties(s, b, last, &n));
            s->is_done = last + n < b->nsel;
            last += n;
        }
        TRY(batch_keep(node->ctx, b, first, last - first));
        return exec_emit(node, b, NULL, out);
    }
    s->is_done = true;
    return QN_OK;
}

static Status
limit_rescan(ExecNode *node, DepSet changed)
{
    LimitState *s = (LimitState *)node;
    s->seen = 0;
    s->is_ready = s->in_ties = s->is_done = false;
    return exec_rescan(node->outer, changed);
}

static void
limit_close(ExecNode *node)
{
    LimitState *s = (LimitState *)node;
    expr_prog_close(s->limit);
    expr_prog_close(s->offset);
    expr_prog_close(s->ties);
}

const ExecOps limit_ops = {.state_bytes = sizeof(LimitState), .open = limit_open, .next = limit_next,
                           .rescan = limit_rescan, .close = limit_close};
