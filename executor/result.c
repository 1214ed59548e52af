/* result.c - Result: one row of expressions, or its input's rows, unless a constant condition says none. Subquery Scan: its
 * input's rows under another name. */
#include "executor/exec.h"
#include "executor/expr.h"

typedef struct ResultState {
    ExecNode base;
    ExprProg *one_time; /* NULL: none */
    Batch *row;         /* one row without columns */
    bool checked, is_done;
} ResultState;

static Status
result_open(ExecNode *node)
{
    ResultState *s = (ResultState *)node;
    const ResultPlan *plan = (const ResultPlan *)node->plan;
    if (plan->one_time.count > 0)
        TRY(expr_compile_filter(node->exec, &plan->one_time, &node->deps, &s->one_time));
    TRY_ALLOC(node->ctx, s->row, batch_create(node->arena, 0));
    return exec_open_output(node);
}

static Status
result_next(ExecNode *node, Batch **out)
{
    ResultState *s = (ResultState *)node;
    *out = NULL;
    if (s->is_done) return QN_OK;
    if (!s->checked && s->one_time != NULL) {
        uint16_t sel[1];
        int n;
        TRY(expr_filter(s->one_time, NULL, NULL, NULL, 1, 1, sel, &n));
        if (n == 0) {
            s->is_done = true;
            return QN_OK;
        }
    }
    s->checked = true;
    if (node->outer != NULL) return exec_pass_next(node, out);
    s->is_done = true;
    s->row->nrows = s->row->nsel = 1;
    s->row->sel = NULL;
    return exec_emit(node, s->row, NULL, out);
}

static Status
result_rescan(ExecNode *node, DepSet changed)
{
    ResultState *s = (ResultState *)node;
    s->is_done = s->checked = false;
    return node->outer != NULL ? exec_rescan(node->outer, changed) : QN_OK;
}

static void
result_close(ExecNode *node)
{
    expr_prog_close(((ResultState *)node)->one_time);
}

static void
result_bound(ExecNode *node, int64_t nrows)
{
    if (node->outer != NULL) exec_bound(node->outer, nrows);
}

const ExecOps result_ops = {.state_bytes = sizeof(ResultState), .open = result_open, .next = result_next,
                            .rescan = result_rescan, .close = result_close, .bound = result_bound};

const ExecOps subqueryscan_ops = {.state_bytes = sizeof(ExecNode), .open = exec_open_output, .next = exec_pass_next,
                                  .rescan = exec_pass_rescan, .bound = exec_pass_bound};
