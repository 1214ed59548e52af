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

Status
join_pairs_open(ExecNode *node, const JoinSides *j, JoinPairs *p)
{
    Ctx *ctx = node->ctx;
    TRY_ALLOC(ctx, p->pos, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, p->outer, exec_batch_new(node->arena, j->nouter, j->outer_types));
    TRY_ALLOC(ctx, p->inner, exec_batch_new(node->arena, j->ninner, j->inner_types));
    TRY_ALLOC(ctx, p->arena, arena_create(node->arena, "join pairs"));
    return QN_OK;
}

Status
join_pairs_add(ExecNode *node, JoinSides *j, JoinPairs *p, int row, Batch *inner, const uint16_t *sel, int n)
{
    for (int c = 0; c < j->ninner; c++) {
        if (!j->inner_used[c]) continue;
        if (!vec_reserve(node->arena, p->inner->cols[c], p->n + n)) return RAISE_OOM(node->ctx);
        TRY(exec_vec_append(node->ctx, p->arena, p->inner->cols[c], p->n, (inner != NULL ? inner : j->null_inner)->cols[c],
                            sel, n));
    }
    for (int k = 0; k < n; k++) p->pos[p->n + k] = (uint16_t)row;
    p->n += n;
    return QN_OK;
}

Status
join_pairs_emit(ExecNode *node, JoinSides *j, JoinPairs *p, Batch *outer, Batch **out)
{
    int n = p->n;
    Batch *o = p->outer;
    p->n = 0;
    for (int c = 0; c < j->nouter; c++) {
        if (!j->outer_used[c]) continue;
        if (!vec_reserve(node->arena, o->cols[c], n)) return RAISE_OOM(node->ctx);
        vec_gather(outer->cols[c], p->pos, n, o->cols[c]);
    }
    o->nrows = o->nsel = p->inner->nrows = n;
    o->sel = NULL;
    return join_emit(node, j, o, p->inner, out);
}

Status
join_row_new(ExecNode *node, int ncols, Batch **out)
{
    TRY_ALLOC(node->ctx, *out, batch_create(node->arena, ncols));
    for (int c = 0; c < ncols; c++) TRY_ALLOC(node->ctx, (*out)->cols[c], ARENA_NEW(node->arena, Vector));
    return QN_OK;
}

void
join_row_set(const Batch *from, int row, const bool *used, Batch *to)
{
    static const uint64_t none = 0;
    for (int c = 0; c < to->ncols; c++) {
        if (!used[c]) continue;
        const Vector *v = from->cols[c], *src = v->shape == VEC_DICT ? v->dict : v;
        Vector *d = to->cols[c];
        *d = *src;
        d->shape = VEC_CONST;
        d->data = (char *)src->data + (size_t)vec_index(v, row) * phys_width[src->phys];
        d->valid = vec_is_null(v, row) ? (uint64_t *)(uintptr_t)&none : NULL;
    }
}
