/* recheck.c - see recheck.h. */
#include "executor/recheck.h"

#include "storage/tx.h"

Status
recheck_init(Recheck *r, ExecNode *node, const RowMark *marks, int nmarks)
{
    *r = (Recheck){.node = node, .marks = marks, .nmarks = nmarks};
    TRY_ALLOC(node->ctx, r->pins, ARENA_ARRAY(node->arena, ExecPin, nmarks + 1));
    return QN_OK;
}

void
recheck_close(Recheck *r)
{
    if (r->tree != NULL) exec_close_node(r->tree);
    r->tree = NULL;
}

void
recheck_pin_row(Recheck *r, const Batch *in, int row)
{
    for (int i = 0; i < r->nmarks; i++) {
        const RowMark *m = &r->marks[i];
        const Vector *tids = m->tid_col >= 0 ? in->cols[m->tid_col] : NULL;
        const Vector *oids = m->oid_col >= 0 ? in->cols[m->oid_col] : NULL;
        ExecPin *p = &r->pins[i];
        *p = (ExecPin){.mark = m->mark, .table = m->rel != NULL ? m->rel->oid : 0};
        if (tids == NULL || vec_is_null(tids, row)) continue;
        p->tid = ((const int64_t *)tids->data)[vec_index(tids, row)];
        if (oids != NULL && !vec_is_null(oids, row)) p->table = ((const Oid *)oids->data)[vec_index(oids, row)];
    }
}

static Status
build_tree(Recheck *r)
{
    Exec *e = r->node->exec;
    /* The same plan node ids: instrumentation stays with the first tree. */
    ExecNode **nodes = e->nodes, **scratch;
    if (r->tree != NULL) return QN_OK;
    TRY_ALLOC(r->node->ctx, scratch, ARENA_ARRAY(r->node->arena, ExecNode *, e->plan->nnodes + 1));
    e->nodes = scratch;
    Status st = exec_build_node(e, r->node->plan->outer, &r->tree);
    e->nodes = nodes;
    return st;
}

static void
leave(Recheck *r)
{
    r->node->exec->pins = r->outer;
    r->node->exec->npins = r->nouter;
}

Status
recheck_run(Recheck *r, Batch **out)
{
    Exec *e = r->node->exec;
    *out = NULL;
    TRY(build_tree(r));
    r->outer = e->pins;
    r->nouter = e->npins;
    e->pins = r->pins;
    e->npins = r->nmarks;
    Status st = exec_rescan(r->tree, DEP_RUN);
    if (st == QN_OK) st = exec_next(r->tree, out);
    leave(r);
    /* One row has been looked at: the first match counts. */
    return st == QN_OK && *out != NULL ? batch_keep(r->node->ctx, *out, 0, 1) : st;
}

void
recheck_end(Recheck *r)
{
    if (r->tree != NULL) exec_release_node(r->tree);
}

Status
recheck_lock(Ctx *ctx, Heap *heap, Tid *tid, HeapLockMode mode, HeapWait wait, HeapResult *result_out)
{
    for (;;) {
        uint8_t result;
        Tid newer;
        TRY(ctx_check_stop(ctx));
        TRY(heap_lock_rows(ctx, heap, tid, 1, mode, wait, &result, &newer));
        *result_out = (HeapResult)result;
        bool changed = result == HEAP_MOVED || result == HEAP_GONE || result == HEAP_LEFT;
        if (changed && tx_isolation(ctx->tx) != TX_READ_COMMITTED) return heap_conflict_error(ctx, HEAP_MOVED);
        if (result == HEAP_LEFT) return heap_left_error(ctx, "locked");
        if (result != HEAP_MOVED) return QN_OK;
        *tid = newer;
    }
}
