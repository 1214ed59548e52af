/* lockrows.c - LockRows: SELECT ... FOR UPDATE and its like. A row is handed up when its tables' rows are locked. In READ COMMITTED one
 * that another transaction has changed meanwhile is looked at again (recheck.h), one that is gone is left out; above it both are 40001.
 * No more rows are locked than the parent wants. */
#include "executor/expr.h"
#include "executor/recheck.h"
#include "executor/vecutil.h"

typedef struct LockRowsState {
    ExecNode base;
    const LockRowsPlan *plan;
    Recheck recheck;
    Batch *in;          /* the input's batch at hand; NULL: none */
    Batch rows;         /* those of it that are handed up */
    int at;             /* its next selected row */
    Batch *changed;     /* a row that came out anew, to be handed up next */
    int64_t wanted;
    uint16_t *sel;
} LockRowsState;

static Status
lockrows_open(ExecNode *node)
{
    LockRowsState *s = (LockRowsState *)node;
    s->plan = (const LockRowsPlan *)node->plan;
    TRY_ALLOC(node->ctx, s->sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY(recheck_init(&s->recheck, node, s->plan->marks, s->plan->nmarks));
    return exec_open_output(node);
}

static Status
lockrows_rescan(ExecNode *node, DepSet changed)
{
    LockRowsState *s = (LockRowsState *)node;
    s->in = s->changed = NULL;
    s->wanted = INT64_MAX;
    return exec_rescan(node->outer, changed);
}

/* The table of a pinned row. */
static Status
pinned_heap(LockRowsState *s, const RowMark *m, const ExecPin *pin, const Relation **out)
{
    *out = m->rel;
    if (m->rel != NULL) return QN_OK;
    TRY(catalog_relation_by_oid(s->base.ctx, pin->table, out));
    return *out != NULL ? QN_OK : RAISE_INTERNAL(s->base.ctx, "relation %u is gone", pin->table);
}

/* Locks the rows that make up one row of the input. *keep_out: it is to be handed up, *changed_out: after another look. */
static Status
lock_row(LockRowsState *s, int row, bool *keep_out, bool *changed_out)
{
    Ctx *ctx = s->base.ctx;
    *keep_out = true;
    *changed_out = false;
    recheck_pin_row(&s->recheck, s->in, row);
    for (int i = 0; i < s->plan->nmarks; i++) {
        const RowMark *m = &s->plan->marks[i];
        ExecPin *pin = &s->recheck.pins[i];
        const Relation *rel;
        HeapResult result;
        Tid tid = pin->tid;
        if (m->strength == ROW_MARK_KEEP || tid == TID_NONE) continue;
        TRY(pinned_heap(s, m, pin, &rel));
        TRY(recheck_lock(ctx, rel->heap, &tid, (HeapLockMode)m->strength,
                         m->wait_policy == ROW_WAIT ? HEAP_WAIT : HEAP_NOWAIT, &result));
        if (result == HEAP_WOULD_WAIT && m->wait_policy == ROW_NOWAIT)
            return RAISE(ctx, ERR_LOCK_NOT_AVAILABLE, "could not obtain lock on row in relation \"%s\"", rel->name);
        *keep_out = result == HEAP_DONE;
        if (!*keep_out) return QN_OK;
        *changed_out |= tid != pin->tid;
        pin->tid = tid;
    }
    return QN_OK;
}

/* Rows of the batch at hand, up to one that has changed. */
static Status
next_rows(LockRowsState *s, Batch **out)
{
    int n = 0;
    while (s->at < s->in->nsel && s->changed == NULL && n < s->wanted) {
        int row = batch_row(s->in, s->at++);
        bool keep, changed;
        TRY(lock_row(s, row, &keep, &changed));
        if (keep && changed) TRY(recheck_run(&s->recheck, &s->changed));
        else if (keep) s->sel[n++] = (uint16_t)row;
    }
    *out = NULL;
    if (n == 0) return QN_OK;
    s->rows = *s->in;
    s->rows.sel = s->sel;
    s->rows.nsel = n;
    return exec_emit(&s->base, &s->rows, NULL, out);
}

static Status
lockrows_next(ExecNode *node, Batch **out)
{
    LockRowsState *s = (LockRowsState *)node;
    *out = NULL;
    while (*out == NULL) {
        if (s->changed != NULL) {
            Batch *b = s->changed;
            s->changed = NULL;
            TRY(exec_emit(node, b, NULL, out));
            continue;
        }
        if (s->in == NULL || s->at >= s->in->nsel) {
            recheck_end(&s->recheck);
            TRY(exec_next(node->outer, &s->in));
            s->at = 0;
            if (s->in == NULL) return QN_OK;
        }
        TRY(next_rows(s, out));
    }
    s->wanted -= s->wanted != INT64_MAX ? (*out)->nsel : 0;
    if (s->wanted < 1) s->wanted = 1; /* asked for all the same */
    return QN_OK;
}

static void
lockrows_bound(ExecNode *node, int64_t nrows)
{
    LockRowsState *s = (LockRowsState *)node;
    s->wanted = nrows > 0 ? nrows : 1; /* the input must give more: some may be gone, or skipped */
}

static void
lockrows_release(ExecNode *node)
{
    LockRowsState *s = (LockRowsState *)node;
    s->in = s->changed = NULL;
    recheck_end(&s->recheck);
}

static void
lockrows_close(ExecNode *node)
{
    recheck_close(&((LockRowsState *)node)->recheck);
}

const ExecOps lockrows_ops = {.state_bytes = sizeof(LockRowsState), .open = lockrows_open, .next = lockrows_next,
                              .rescan = lockrows_rescan, .release = lockrows_release, .close = lockrows_close,
                              .bound = lockrows_bound};
