/* onconflict.c - INSERT ... ON CONFLICT: row by row, since a row may conflict with the one before it. */
#include "executor/modify_priv.h"

#include "executor/vecutil.h"
#include "storage/tx.h"

/* A conflicting live row for row `row`, over the arbiters. */
static Status
find_conflict(ModifyState *s, Target *t, int row, Tid *tid_out)
{
    const OnConflict *oc = s->plan->on_conflict;
    *tid_out = TID_NONE;
    if (oc->narbiters > 0) {
        for (int i = 0; i < oc->narbiters && *tid_out == TID_NONE; i++)
            TRY(modtable_conflict(&t->table, t->full, row, t->plan->arbiters != NULL ? t->plan->arbiters[i] : oc->arbiters[i], tid_out));
        return QN_OK;
    }
    for (int i = 0; i < t->rel->nindexes && *tid_out == TID_NONE; i++)
        if (t->rel->indexes[i]->unique) TRY(modtable_conflict(&t->table, t->full, row, i, tid_out));
    return QN_OK;
}

/* Row `row` of the proposed ones, alone, as a row of the statement's table. */
static Status
one_proposed(ModifyState *s, Target *t, int row, Batch **out)
{
    Ctx *ctx = s->base.ctx;
    uint16_t at = (uint16_t)row;
    Batch *all;
    TRY(target_view(s, t, t->full, &all));
    for (int c = 0; c < s->plan->rel->ncols; c++) {
        Vector *v;
        TRY_ALLOC(ctx, v, vec_new(s->tmp, s->plan->rel->cols[c].type));
        if (!vec_reserve(s->tmp, v, 1)) return RAISE_OOM(ctx);
        vec_gather(all->cols[c], &at, 1, v);
        all->cols[c] = v;
    }
    all->nrows = all->nsel = 1;
    all->sel = NULL;
    *out = all;
    return QN_OK;
}

/* DO UPDATE does not move a row to another partition. */
static Status
check_stays(ModifyState *s, Target *t)
{
    Batch *rows;
    const int32_t *target;
    TRY(target_complete(s, t, t->conflict_generated));
    TRY(target_view(s, t, t->full, &rows));
    TRY(router_find(s, rows, &target));
    if (target[0] == (int)(t - s->targets)) return QN_OK;
    return err_detail(s->base.ctx, RAISE(s->base.ctx, ERR_FEATURE_NOT_SUPPORTED, "invalid ON UPDATE specification"),
                      "The result tuple would appear in a different partition than the original tuple.");
}

/* The existing row (the only one of old) becomes what SET says, beside row `row` of the proposed ones. */
static Status
set_existing(ModifyState *s, Target *t, Batch *in, int row, Batch *old, Tid tid)
{
    const OnConflict *oc = s->plan->on_conflict;
    const int *map = t->plan->map;
    Batch *existing, *excluded;
    TRY(one_proposed(s, t, row, &excluded));
    TRY(target_view(s, t, old, &existing));
    if (s->conflict_where != NULL) {
        TRY(expr_run(s->conflict_where, existing, excluded, NULL, 1, 1));
        Value v = vec_get(expr_result(s->conflict_where, 0), 0);
        if (v.is_null || !v.b) return QN_OK;
    }
    TRY(expr_run(s->conflict_set, existing, excluded, NULL, 1, 1));
    for (int c = 0; c < t->rel->ncols; c++) t->row->cols[c] = t->rel->cols[c].dropped ? NULL : old->cols[c];
    for (int i = 0; i < oc->set.count; i++)
        t->row->cols[map != NULL ? map[oc->set_cols[i]] : oc->set_cols[i]] = expr_result(s->conflict_set, i);
    t->row->nrows = t->row->nsel = 1;
    t->row->sel = NULL;
    if (s->plan->nsteps > 0) TRY(check_stays(s, t));
    return modify_update_rows(s, t, in, old, &tid, true);
}

/* ON CONFLICT DO UPDATE of the existing row with the proposed one (position `row` of t->row). */
static Status
update_conflicting(ModifyState *s, Target *t, Batch *in, int row, Tid tid, bool *again)
{
    Ctx *ctx = s->base.ctx;
    Batch *old;
    uint8_t result;
    Tid newer;
    *again = false;
    TRY(target_open_fetch(s, t));
    TRY(heap_lock_rows(ctx, t->rel->heap, &tid, 1, t->key_update ? HEAP_LOCK_UPDATE : HEAP_LOCK_NO_KEY_UPDATE, HEAP_WAIT,
                       &result, &newer));
    if (result == HEAP_SELF) {
        Status st = RAISE(ctx, ERR_CARDINALITY_VIOLATION, "ON CONFLICT DO UPDATE command cannot affect row a second time");
        return err_hint(ctx, st, "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
    }
    if (result != HEAP_DONE) {
        if (tx_isolation(ctx->tx) != TX_READ_COMMITTED) return heap_conflict_error(ctx, (HeapResult)result);
        if (result == HEAP_LEFT) return heap_left_error(ctx, "updated");
        *again = true; /* gone or moved: look for the conflict again */
        return QN_OK;
    }
    TRY(heap_fetch(ctx, t->fetch, NULL, &tid, 1, &old, s->rows_out, NULL));
    if (old->nrows == 0) {
        *again = true;
        return QN_OK;
    }
    Vector **keep;
    TRY_ALLOC(ctx, keep, ARENA_ARRAY(s->tmp, Vector *, t->rel->ncols + 1));
    memcpy(keep, t->row->cols, (size_t)t->rel->ncols * sizeof(Vector *));
    Batch saved = *t->row;
    Status st = set_existing(s, t, in, row, old, tid);
    memcpy(t->row->cols, keep, (size_t)t->rel->ncols * sizeof(Vector *));
    t->row->nrows = saved.nrows;
    t->row->nsel = saved.nsel;
    t->row->sel = saved.sel;
    TRY(st);
    return modtable_full_row(&t->table, t->row, t->full);
}

/* Above READ COMMITTED a row that the snapshot does not see must not decide what happens. */
static Status
check_seen(ModifyState *s, Target *t, Tid tid)
{
    Ctx *ctx = s->base.ctx;
    bool unseen = false;
    if (tx_isolation(ctx->tx) == TX_READ_COMMITTED) return QN_OK;
    TRY(heap_row_is_unseen(ctx, t->rel->heap, tid, &unseen));
    return unseen ? heap_conflict_error(ctx, HEAP_MOVED) : QN_OK;
}

static bool
is_arbiter(const OnConflict *oc, int index)
{
    for (int i = 0; i < oc->narbiters; i++)
        if (oc->arbiters[i] == index) return true;
    return oc->narbiters == 0;
}

/* Inserts row `row` of the proposed ones. *again_out: another transaction has come first since the conflict was looked for. */
static Status
insert_proposed(ModifyState *s, Target *t, Batch *in, uint16_t row, bool *again_out)
{
    const Batch all = *t->row;
    int clash;
    t->row->sel = t->full->sel = &row;
    t->row->nsel = t->full->nsel = 1;
    TRY(modify_insert_rows(s, t, in, &clash));
    *again_out = clash >= 0 && is_arbiter(s->plan->on_conflict, clash);
    if (clash >= 0 && !*again_out) TRY(modtable_raise_duplicate(&t->table, t->full, row, clash));
    t->row->sel = t->full->sel = all.sel;
    t->row->nsel = t->full->nsel = all.nsel;
    return QN_OK;
}

Status
modify_insert_on_conflict(ModifyState *s, Target *t, Batch *in)
{
    const Batch all = *t->row;
    for (int k = 0; k < all.nsel; k++) {
        uint16_t row = (uint16_t)batch_row(&all, k);
        for (bool again = true; again;) {
            Tid tid;
            again = false;
            TRY(ctx_check_stop(s->base.ctx));
            TRY(find_conflict(s, t, row, &tid));
            if (tid == TID_NONE) {
                TRY(insert_proposed(s, t, in, row, &again));
                continue;
            }
            TRY(check_seen(s, t, tid));
            if (s->plan->on_conflict->action == ONCONFLICT_UPDATE) TRY(update_conflicting(s, t, in, row, tid, &again));
        }
    }
    return QN_OK;
}
