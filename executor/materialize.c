/* materialize.c - nodes that read kept rows: Materialize (its input's, again and again), CTE Scan, WorkTable Scan. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/rowstore.h"
#include "executor/vecutil.h"

typedef struct MaterializeState {
    ExecNode base;
    RowStore *store;
    Batch *out;
    int64_t at;
    bool is_done; /* the input has been read to its end */
    DepSet changed;
    bool is_started;
} MaterializeState;

static Status
materialize_open(ExecNode *node)
{
    MaterializeState *s = (MaterializeState *)node;
    Oid *types;
    int n;
    TRY_ALLOC(node->ctx, types, exec_output_types(node->arena, node->plan->outer, &n));
    TRY(rowstore_new(node->ctx, node->arena, n, types, node->exec->work_mem, &s->store));
    TRY_ALLOC(node->ctx, s->out, exec_batch_new(node->arena, n, types));
    return exec_open_output(node);
}

static Status
materialize_next(ExecNode *node, Batch **out)
{
    MaterializeState *s = (MaterializeState *)node;
    *out = NULL;
    while (*out == NULL) {
        Batch *b;
        int n;
        if (s->at < rowstore_count(s->store)) {
            TRY(rowstore_read(s->store, s->at, BATCH_ROWS, s->out, &n));
            s->at += n;
            b = s->out;
        } else {
            if (s->is_done) return QN_OK;
            if (!s->is_started) {
                TRY(exec_rescan(node->outer, s->changed));
                s->changed = 0;
                s->is_started = true;
            }
            TRY(exec_next(node->outer, &b));
            if (b == NULL) {
                s->is_done = true;
                return QN_OK;
            }
            TRY(rowstore_append(s->store, b));
            s->at = rowstore_count(s->store);
        }
        TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

static Status
materialize_rescan(ExecNode *node, DepSet changed)
{
    MaterializeState *s = (MaterializeState *)node;
    s->changed |= changed;
    s->at = 0;
    if (!exec_depends(node, changed)) return QN_OK;
    rowstore_reset(s->store);
    s->is_done = s->is_started = false;
    return QN_OK;
}

static void
materialize_release(ExecNode *node)
{
    MaterializeState *s = (MaterializeState *)node;
    if (s->store != NULL) rowstore_reset(s->store);
}

static void
materialize_close(ExecNode *node)
{
    rowstore_free(((MaterializeState *)node)->store);
}

const ExecOps materialize_ops = {.state_bytes = sizeof(MaterializeState), .open = materialize_open,
                                 .next = materialize_next, .rescan = materialize_rescan,
                                 .release = materialize_release, .close = materialize_close};

typedef struct CteScanState {
    ExecNode base;
    SubplanState *sp;
    Batch *out;
    int64_t at;
} CteScanState;

static Status
ctescan_open(ExecNode *node)
{
    CteScanState *s = (CteScanState *)node;
    int index = ((const CteScanPlan *)node->plan)->subplan, n;
    Oid *types;
    TRY(exec_subplan(node->exec, index, &s->sp));
    node->deps |= s->sp->root->deps;
    TRY_ALLOC(node->ctx, types, exec_output_types(node->arena, s->sp->root->plan, &n));
    TRY_ALLOC(node->ctx, s->out, exec_batch_new(node->arena, n, types));
    return exec_open_output(node);
}

static Status
ctescan_next(ExecNode *node, Batch **out)
{
    CteScanState *s = (CteScanState *)node;
    *out = NULL;
    /* The first reader that begins after what the query reads has changed has it run again. */
    if (s->at == 0 && s->sp->version != exec_cte_version(node->exec, ((const CteScanPlan *)node->plan)->subplan)) s->sp->is_started = false;
    while (*out == NULL) {
        if (s->sp->is_started && s->at < rowstore_count(s->sp->store)) {
            int n;
            TRY(rowstore_read(s->sp->store, s->at, BATCH_ROWS, s->out, &n));
            s->at += n;
            TRY(exec_emit(node, s->out, NULL, out));
            continue;
        }
        if (s->sp->is_started && s->sp->is_done) return QN_OK;
        TRY(exec_subplan_read(node->exec, s->sp));
    }
    return QN_OK;
}

static Status
ctescan_rescan(ExecNode *node, DepSet changed)
{
    (void)changed;
    ((CteScanState *)node)->at = 0;
    return QN_OK;
}

const ExecOps ctescan_ops = {.state_bytes = sizeof(CteScanState), .open = ctescan_open, .next = ctescan_next,
                             .rescan = ctescan_rescan};

typedef struct WorkTableScanState {
    ExecNode base;
    WorkTable *table;
    Batch *out;
    int64_t at;
} WorkTableScanState;

static Status
worktablescan_open(ExecNode *node)
{
    WorkTableScanState *s = (WorkTableScanState *)node;
    const WorkTableScanPlan *plan = (const WorkTableScanPlan *)node->plan;
    s->table = &node->exec->worktables[plan->worktable];
    node->deps |= dep_worktable(plan->worktable);
    return exec_open_output(node);
}

static Status
worktablescan_next(ExecNode *node, Batch **out)
{
    WorkTableScanState *s = (WorkTableScanState *)node;
    RowStore *rows = s->table->rows;
    *out = NULL;
    if (rows == NULL) return QN_OK;
    if (s->out == NULL) {
        const RowLayout *l = rowstore_layout(rows);
        Oid *types;
        TRY_ALLOC(node->ctx, types, ARENA_ARRAY(node->arena, Oid, l->ncols + 1));
        for (int i = 0; i < l->ncols; i++) types[i] = l->cols[i].type;
        TRY_ALLOC(node->ctx, s->out, exec_batch_new(node->arena, l->ncols, types));
    }
    while (*out == NULL && s->at < rowstore_count(rows)) {
        int n;
        TRY(rowstore_read(rows, s->at, BATCH_ROWS, s->out, &n));
        s->at += n;
        TRY(exec_emit(node, s->out, NULL, out));
    }
    return QN_OK;
}

static Status
worktablescan_rescan(ExecNode *node, DepSet changed)
{
    (void)changed;
    ((WorkTableScanState *)node)->at = 0;
    return QN_OK;
}

const ExecOps worktablescan_ops = {.state_bytes = sizeof(WorkTableScanState), .open = worktablescan_open,
                                   .next = worktablescan_next, .rescan = worktablescan_rescan};
