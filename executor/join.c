/* join.c - see join.h. */
#include "executor/join.h"

#include "executor/vecutil.h"

static Status
make_nulls(Ctx *ctx, Arena *arena, int n, const Oid *types, Batch **out)
{
    TRY_ALLOC(ctx, *out, exec_batch_new(arena, n, types));
    if (!exec_batch_reserve(*out, 1)) return RAISE_OOM(ctx);
    for (int i = 0; i < n; i++) {
        Value null = value_null(types[i]);
        vec_set_const((*out)->cols[i], &null);
    }
    return QN_OK;
}

Status
join_open(ExecNode *node, JoinSides *j, const ExprList *join_cond)
{
    Ctx *ctx = node->ctx;
    const PlanNode *outer = node->plan->outer, *inner = node->plan->inner;
    TRY_ALLOC(ctx, j->outer_types, exec_output_types(node->arena, outer, &j->nouter));
    TRY_ALLOC(ctx, j->inner_types, exec_output_types(node->arena, inner, &j->ninner));
    TRY_ALLOC(ctx, j->outer_used, ARENA_ARRAY(node->arena, bool, j->nouter + 1));
    TRY_ALLOC(ctx, j->inner_used, ARENA_ARRAY(node->arena, bool, j->ninner + 1));
    if (join_cond->count > 0) TRY(expr_compile_filter(node->exec, join_cond, &node->deps, &j->cond));
    TRY(exec_open_output(node));
    const ExprProg *progs[] = {j->cond, node->filter, node->project};
    for (int i = 0; i < 3; i++) {
        expr_mark_inputs(progs[i], INPUT_OUTER, j->outer_used, j->nouter);
        expr_mark_inputs(progs[i], INPUT_INNER, j->inner_used, j->ninner);
    }
    if (node->project == NULL) {
        memset(j->outer_used, 1, (size_t)j->nouter);
        memset(j->inner_used, 1, (size_t)j->ninner);
        TRY_ALLOC(ctx, j->concat, batch_create(node->arena, j->nouter + j->ninner));
    }
    TRY(make_nulls(ctx, node->arena, j->nouter, j->outer_types, &j->null_outer));
    return make_nulls(ctx, node->arena, j->ninner, j->inner_types, &j->null_inner);
}

void
join_close(JoinSides *j)
{
    expr_prog_close(j->cond);
}

Status
join_emit(ExecNode *node, JoinSides *j, Batch *outer, Batch *inner, Batch **out)
{
    TRY(exec_emit(node, outer, inner, out));
    if (*out == NULL || node->project != NULL) return QN_OK;
    Batch *b = j->concat;
    int n = node->plan->targets.count;
    if (n > j->nouter + j->ninner) n = j->nouter + j->ninner;
    for (int i = 0; i < n; i++) b->cols[i] = i < j->nouter ? outer->cols[i] : inner->cols[i - j->nouter];
    b->ncols = n;
    b->nrows = outer->nrows;
    b->sel = outer->sel;
    b->nsel = outer->nsel;
    *out = b;
    return QN_OK;
}
