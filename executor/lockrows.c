/* lockrows.c - LockRows: SELECT ... FOR UPDATE and its like. Rows that another transaction deleted meanwhile are left out; a row it
 * changed is, in READ COMMITTED, refused with 40001, not re-evaluated. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "storage/heap.h"
#include "storage/tx.h"

typedef struct LockRowsState {
    ExecNode base;
    Tid *tids, *newer;
    uint8_t *results;
    uint16_t *sel;
} LockRowsState;

static Status
lockrows_open(ExecNode *node)
{
    LockRowsState *s = (LockRowsState *)node;
    TRY_ALLOC(node->ctx, s->tids, arena_alloc(node->arena, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(node->ctx, s->newer, arena_alloc(node->arena, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(node->ctx, s->results, arena_alloc(node->arena, BATCH_ROWS));
    TRY_ALLOC(node->ctx, s->sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    return exec_open_output(node);
}

static Status
lockrows_next(ExecNode *node, Batch **out)
{
    LockRowsState *s = (LockRowsState *)node;
    const LockRowsPlan *plan = (const LockRowsPlan *)node->plan;
    Ctx *ctx = node->ctx;
    *out = NULL;
    while (*out == NULL) {
        Batch *b;
        int n = 0, m = 0;
        TRY(exec_next(node->outer, &b));
        if (b == NULL) return QN_OK;
        const Vector *v = b->cols[plan->tid_col];
        for (int k = 0; k < b->nsel; k++) {
            int i = batch_row(b, k);
            if (vec_is_null(v, i)) continue;
            s->tids[n++] = ((const int64_t *)v->data)[vec_index(v, i)];
        }
        TRY(heap_lock_rows(ctx, plan->rel->heap, s->tids, n, (HeapLockMode)plan->strength,
                           plan->wait_policy == ROW_WAIT ? HEAP_WAIT : HEAP_NOWAIT, s->results, s->newer));
        n = 0;
        for (int k = 0; k < b->nsel; k++) {
            int i = batch_row(b, k);
            if (vec_is_null(v, i)) {
                s->sel[m++] = (uint16_t)i;
                continue;
            }
            HeapResult r = (HeapResult)s->results[n++];
            if (r == HEAP_DONE || r == HEAP_SELF) {
                s->sel[m++] = (uint16_t)i;
            } else if (r == HEAP_WOULD_WAIT) {
                if (plan->wait_policy == ROW_NOWAIT)
                    return RAISE(ctx, ERR_LOCK_NOT_AVAILABLE, "could not obtain lock on row in relation \"%s\"", plan->rel->name);
            } else if (r == HEAP_MOVED || tx_isolation(ctx->tx) != TX_READ_COMMITTED) {
                return heap_conflict_error(ctx, r);
            }
        }
        if (m == 0) continue;
        b->sel = s->sel;
        b->nsel = m;
        TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

const ExecOps lockrows_ops = {.state_bytes = sizeof(LockRowsState), .open = lockrows_open, .next = lockrows_next,
                              .rescan = exec_pass_rescan};
