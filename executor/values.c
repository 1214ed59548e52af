/* values.c - Values Scan: rows of expressions. Constants and parameters are stored directly; only what computes has a program. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/vecutil.h"

typedef struct ValuesState {
    ExecNode base;
    ExprProg **progs; /* [row * ncols + col]; NULL: a constant or $n */
    Batch *batch;
    int at;
} ValuesState;

static Status
values_open(ExecNode *node)
{
    ValuesState *s = (ValuesState *)node;
    const ValuesScanPlan *plan = (const ValuesScanPlan *)node->plan;
    Ctx *ctx = node->ctx;
    Oid *types;
    TRY_ALLOC(ctx, s->progs, ARENA_ARRAY(node->arena, ExprProg *, (size_t)plan->nrows * plan->ncols + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(node->arena, Oid, plan->ncols + 1));
    for (int r = 0; r < plan->nrows; r++) {
        for (int c = 0; c < plan->ncols; c++) {
            const Expr *e = plan->rows[r].items[c];
            if (r == 0) types[c] = e->type;
            if (e->tag == EXPR_Const || (e->tag == EXPR_Param && ((const ParamExpr *)e)->kind == PARAM_EXTERN))
                continue;
            TRY(expr_compile_one(node->exec, e, &node->deps, &s->progs[r * plan->ncols + c]));
        }
    }
    TRY_ALLOC(ctx, s->batch, exec_batch_new(node->arena, plan->ncols, types));
    return exec_open_output(node);
}

static Status
fill_row(ValuesState *s, int r, int at)
{
    const ValuesScanPlan *plan = (const ValuesScanPlan *)s->base.plan;
    for (int c = 0; c < plan->ncols; c++) {
        const Expr *e = plan->rows[r].items[c];
        ExprProg *prog = s->progs[r * plan->ncols + c];
        Value v;
        if (prog != NULL) TRY(expr_eval(prog, &v));
        else if (e->tag == EXPR_Const) v = ((const ConstExpr *)e)->value;
        else v = vec_get(s->base.exec->extern_params[((const ParamExpr *)e)->id - 1], 0);
        v.type = s->batch->cols[c]->type;
        TRY(exec_vec_put(s->base.ctx, s->base.arena, s->batch->cols[c], at, &v));
    }
    return QN_OK;
}

static Status
values_next(ExecNode *node, Batch **out)
{
    ValuesState *s = (ValuesState *)node;
    const ValuesScanPlan *plan = (const ValuesScanPlan *)node->plan;
    *out = NULL;
    while (*out == NULL && s->at < plan->nrows) {
        int n = plan->nrows - s->at < BATCH_ROWS ? plan->nrows - s->at : BATCH_ROWS;
        if (node->one != NULL) n = 1;
        if (!exec_batch_reserve(s->batch, n)) return RAISE_OOM(node->ctx);
        for (int i = 0; i < n; i++) TRY(fill_row(s, s->at + i, i));
        s->at += n;
        s->batch->nrows = s->batch->nsel = n;
        s->batch->sel = NULL;
        TRY(exec_emit(node, s->batch, NULL, out));
    }
    return QN_OK;
}

static Status
values_rescan(ExecNode *node, DepSet changed)
{
    (void)changed;
    ((ValuesState *)node)->at = 0;
    return QN_OK;
}

static void
values_close(ExecNode *node)
{
    ValuesState *s = (ValuesState *)node;
    const ValuesScanPlan *plan = (const ValuesScanPlan *)node->plan;
    for (int i = 0; s->progs != NULL && i < plan->nrows * plan->ncols; i++) expr_prog_close(s->progs[i]);
}

const ExecOps values_ops = {.state_bytes = sizeof(ValuesState), .open = values_open, .next = values_next,
                            .rescan = values_rescan, .close = values_close};
