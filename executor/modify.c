/* modify.c - INSERT, UPDATE, DELETE with RETURNING and ON CONFLICT. All rows are changed before the first is handed up.
 *
 * A batch of input becomes a batch of whole table rows (for UPDATE: the old rows, fetched by tid, with the assigned columns replaced), is
 * checked, written a page at a time, then entered into the indexes. A row that another transaction changed meanwhile is, in READ
 * COMMITTED, looked up in its newest version and run through the plan again by a second tree of the input's nodes whose scan of the table sees
 * only that version. */
#include "executor/modify.h"

#include "executor/fk.h"
#include "executor/vecutil.h"
#include "storage/tx.h"
#include <assert.h>

typedef struct ModifyState {
    ExecNode base;
    const ModifyPlan *plan;
    const Relation *rel;
    ModTable table;
    FkActions fk;          /* foreign keys that point here */
    ExprProg **checks;
    ExprProg *returning;
    ExprProg *conflict_where, *conflict_set;
    Batch *row, *full;     /* new rows by attribute; the same without NULL pointers */
    Batch *old_view;       /* rows of old */
    HeapFetch *fetch;      /* all columns, by tid */
    int *all_cols;
    uint64_t *assigned;    /* attributes that UPDATE sets */
    bool key_update;
    Vector **gathered;     /* assigned values in the row space of the fetched rows */
    Tid *tids, *newer, *new_tids;
    uint8_t *results;
    bool *hot;
    uint16_t *rows_out, *sel;
    RowStore *returned;
    Batch *out;
    int64_t at;
    bool is_done;
    ExecNode *recheck;     /* second tree of the input; NULL until a conflict */
} ModifyState;

static Status
open_on_conflict(ModifyState *s)
{
    const OnConflict *oc = s->plan->on_conflict;
    ExecNode *node = &s->base;
    if (oc == NULL || oc->action != ONCONFLICT_UPDATE) return QN_OK;
    TRY(expr_compile(node->exec, &oc->set, &node->deps, &s->conflict_set));
    if (oc->where != NULL) TRY(expr_compile_one(node->exec, oc->where, &node->deps, &s->conflict_where));
    for (int i = 0; i < oc->set.count; i++) bits_set(s->assigned, (size_t)oc->set_cols[i]);
    return QN_OK;
}

static Status
alloc_scratch(ModifyState *s)
{
    Ctx *ctx = s->base.ctx;
    Arena *a = s->base.arena;
    int ncols = s->rel->ncols;
    TRY_ALLOC(ctx, s->row, batch_create(a, ncols));
    TRY_ALLOC(ctx, s->full, batch_create(a, ncols));
    TRY_ALLOC(ctx, s->old_view, batch_create(a, ncols));
    TRY_ALLOC(ctx, s->all_cols, ARENA_ARRAY(a, int, ncols + 1));
    for (int i = 0; i < ncols; i++) s->all_cols[i] = i;
    TRY_ALLOC(ctx, s->assigned, arena_zalloc(a, BITS_WORDS(ncols + 1) * sizeof(uint64_t)));
    TRY_ALLOC(ctx, s->gathered, ARENA_ARRAY(a, Vector *, ncols + 1));
    TRY_ALLOC(ctx, s->tids, arena_alloc(a, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(ctx, s->newer, arena_alloc(a, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(ctx, s->new_tids, arena_alloc(a, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(ctx, s->results, arena_alloc(a, BATCH_ROWS));
    TRY_ALLOC(ctx, s->hot, arena_alloc(a, BATCH_ROWS * sizeof(bool)));
    TRY_ALLOC(ctx, s->rows_out, arena_alloc(a, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->sel, arena_alloc(a, BATCH_ROWS * sizeof(uint16_t)));
    return QN_OK;
}

static Status
modify_open(ExecNode *node)
{
    ModifyState *s = (ModifyState *)node;
    Ctx *ctx = node->ctx;
    s->plan = (const ModifyPlan *)node->plan;
    s->rel = s->plan->rel;
    TRY(modtable_open(&s->table, ctx, node->arena, s->rel));
    TRY(alloc_scratch(s));
    TRY_ALLOC(ctx, s->checks, ARENA_ARRAY(node->arena, ExprProg *, s->plan->checks.count + 1));
    for (int i = 0; i < s->plan->checks.count; i++)
        TRY(expr_compile_one(node->exec, s->plan->checks.items[i], &node->deps, &s->checks[i]));
    if (s->plan->kind == DML_UPDATE)
        for (int i = 0; i < s->plan->ncols; i++) bits_set(s->assigned, (size_t)s->plan->cols[i]);
    TRY(open_on_conflict(s));
    for (int i = 0; i < s->rel->nindexes; i++)
        for (int k = 0; s->rel->indexes[i]->unique && k < s->rel->indexes[i]->nkeys; k++)
            s->key_update |= bits_get(s->assigned, (size_t)(s->rel->indexes[i]->attnums[k] - 1));
    TRY(fk_open(&s->fk, ctx, node->arena, s->rel));
    if (!s->plan->returning) return QN_OK;
    int n;
    Oid *types;
    TRY(expr_compile(node->exec, &node->plan->targets, &node->deps, &s->returning));
    TRY_ALLOC(ctx, types, exec_output_types(node->arena, node->plan, &n));
    TRY(rowstore_new(ctx, node->arena, n, types, node->exec->work_mem, &s->returned));
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, n, types));
    return QN_OK;
}

static Status
open_fetch(ModifyState *s)
{
    if (s->fetch != NULL) return QN_OK;
    return heap_fetch_begin(s->base.ctx, s->base.arena, s->rel->heap, s->all_cols, s->rel->ncols, &s->fetch);
}

/* RETURNING over input rows and stored rows (same positions, stored's selection). */
static Status
add_returned(ModifyState *s, Batch *in, Batch *stored)
{
    if (s->returning == NULL || stored->nsel == 0) return QN_OK;
    TRY(modtable_full_row(&s->table, stored, s->full));
    TRY(expr_run(s->returning, in, s->full, stored->sel, stored->nsel, stored->nrows));
    Vector *cols[64], **c = cols;
    int n = expr_count(s->returning);
    if (n > 64) TRY_ALLOC(s->base.ctx, c, ARENA_ARRAY(s->table.tmp, Vector *, n));
    for (int i = 0; i < n; i++) c[i] = expr_result(s->returning, i);
    return rowstore_append_rows(s->returned, c, stored->sel, stored->nsel, NULL);
}

/* Everything a new row must satisfy before it is written. */
static Status
check_rows(ModifyState *s, Batch *rows)
{
    TRY(modtable_check_not_null(&s->table, rows));
    if (s->plan->checks.count == 0) return QN_OK;
    return modtable_check(&s->table, s->checks, s->plan->check_names, s->plan->checks.count, rows);
}

/* Writes the selected rows of s->row. */
static Status
insert_rows(ModifyState *s, Batch *in)
{
    Ctx *ctx = s->base.ctx;
    Batch *rows = s->row;
    TRY(modtable_full_row(&s->table, rows, s->full));
    TRY(check_rows(s, s->full));
    TRY(heap_insert_batch(ctx, s->rel->heap, rows, s->new_tids));
    TRY(modtable_index(&s->table, s->full, s->new_tids));
    TRY(modtable_note_keys(&s->table, s->full, NULL));
    s->base.exec->rows_affected += rows->nsel;
    return add_returned(s, in, rows);
}

/* Forms the table rows of an INSERT's input. */
static void
form_insert_rows(ModifyState *s, Batch *b)
{
    for (int c = 0; c < s->rel->ncols; c++) s->row->cols[c] = NULL;
    for (int i = 0; i < s->plan->ncols; i++) s->row->cols[s->plan->cols[i]] = b->cols[i];
    s->row->nrows = b->nrows;
    s->row->nsel = b->nsel;
    s->row->sel = b->sel;
}

static Status update_fetched(ModifyState *s, Batch *in, Batch *old, const Tid *tids, bool is_conflict);

/* ON CONFLICT DO UPDATE of the existing row with the proposed one (position `row` of s->row). */
static Status
update_conflicting(ModifyState *s, Batch *in, int row, Tid tid, bool *again)
{
    const OnConflict *oc = s->plan->on_conflict;
    Ctx *ctx = s->base.ctx;
    Batch *old;
    uint8_t result;
    Tid newer;
    *again = false;
    TRY(open_fetch(s));
    TRY(heap_lock_rows(ctx, s->rel->heap, &tid, 1, s->key_update ? HEAP_LOCK_UPDATE : HEAP_LOCK_NO_KEY_UPDATE, HEAP_WAIT,
                       &result, &newer));
    if (result == HEAP_SELF) {
        Status st = RAISE(ctx, ERR_CARDINALITY_VIOLATION, "ON CONFLICT DO UPDATE command cannot affect row a second time");
        return err_hint(ctx, st, "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
    }
    if (result != HEAP_DONE) {
        if (tx_isolation(ctx->tx) != TX_READ_COMMITTED) return heap_conflict_error(ctx, (HeapResult)result);
        *again = true; /* gone or moved: look for the conflict again */
        return QN_OK;
    }
    TRY(heap_fetch(ctx, s->fetch, NULL, &tid, 1, &old, s->rows_out, NULL));
    if (old->nrows == 0) {
        *again = true;
        return QN_OK;
    }
    /* The proposed row beside the existing one: one row each. */
    uint16_t at = (uint16_t)row;
    Batch *excluded = batch_create(s->table.tmp, s->rel->ncols);
    if (excluded == NULL) return RAISE_OOM(ctx);
    for (int c = 0; c < s->rel->ncols; c++) {
        Vector *v;
        TRY_ALLOC(ctx, v, exec_vec_new(s->table.tmp, s->rel->cols[c].type));
        if (!exec_vec_reserve(s->table.tmp, v, 1)) return RAISE_OOM(ctx);
        vec_gather(s->full->cols[c], &at, 1, v);
        excluded->cols[c] = v;
    }
    excluded->nrows = excluded->nsel = 1;
    if (s->conflict_where != NULL) {
        TRY(expr_run(s->conflict_where, old, excluded, NULL, 1, 1));
        Value v = vec_get(expr_result(s->conflict_where, 0), 0);
        if (v.is_null || !v.b) return QN_OK;
    }
    TRY(expr_run(s->conflict_set, old, excluded, NULL, 1, 1));
    Vector **keep;
    TRY_ALLOC(ctx, keep, ARENA_ARRAY(s->table.tmp, Vector *, s->rel->ncols + 1));
    memcpy(keep, s->row->cols, (size_t)s->rel->ncols * sizeof(Vector *));
    Batch saved = *s->row;
    for (int c = 0; c < s->rel->ncols; c++) s->row->cols[c] = s->rel->cols[c].dropped ? NULL : old->cols[c];
    for (int i = 0; i < oc->set.count; i++) s->row->cols[oc->set_cols[i]] = expr_result(s->conflict_set, i);
    s->row->nrows = s->row->nsel = 1;
    s->row->sel = NULL;
    Status st = update_fetched(s, in, old, &tid, true);
    memcpy(s->row->cols, keep, (size_t)s->rel->ncols * sizeof(Vector *));
    s->row->nrows = saved.nrows;
    s->row->nsel = saved.nsel;
    s->row->sel = saved.sel;
    return st;
}

/* A conflicting live row for row `row`, over the arbiters. */
static Status
find_conflict(ModifyState *s, int row, Tid *tid_out)
{
    const OnConflict *oc = s->plan->on_conflict;
    *tid_out = TID_NONE;
    if (oc->narbiters > 0) {
        for (int i = 0; i < oc->narbiters && *tid_out == TID_NONE; i++)
            TRY(modtable_conflict(&s->table, s->full, row, oc->arbiters[i], tid_out));
        return QN_OK;
    }
    for (int i = 0; i < s->rel->nindexes && *tid_out == TID_NONE; i++)
        if (s->rel->indexes[i]->unique) TRY(modtable_conflict(&s->table, s->full, row, i, tid_out));
    return QN_OK;
}

/* Row by row: a row may conflict with the one before it. */
static Status
insert_on_conflict(ModifyState *s, Batch *in)
{
    Batch all = *s->row;
    TRY(modtable_full_row(&s->table, s->row, s->full));
    TRY(check_rows(s, s->full));
    for (int k = 0; k < all.nsel; k++) {
        uint16_t row = (uint16_t)batch_row(&all, k);
        Tid tid;
        bool again = true;
        while (again) {
            again = false;
            TRY(ctx_check_stop(s->base.ctx));
            *s->full = (Batch){.ncols = s->full->ncols, .cols = s->full->cols, .arena = s->full->arena};
            TRY(modtable_full_row(&s->table, s->row, s->full));
            TRY(find_conflict(s, row, &tid));
            if (tid != TID_NONE && s->plan->on_conflict->action == ONCONFLICT_UPDATE)
                TRY(update_conflicting(s, in, row, tid, &again));
        }
        if (tid != TID_NONE) continue;
        s->row->sel = &row;
        s->row->nsel = 1;
        TRY(insert_rows(s, in));
        s->row->sel = all.sel;
        s->row->nsel = all.nsel;
    }
    return QN_OK;
}

static Status recheck_row(ModifyState *s, Tid tid);

/* What to do with rows that could not be changed. Rows to look at again are rechecked one by one. */
static Status
handle_results(ModifyState *s, const Tid *tids, int n)
{
    Ctx *ctx = s->base.ctx;
    for (int i = 0; i < n; i++) {
        HeapResult r = (HeapResult)s->results[i];
        if (r == HEAP_DONE || r == HEAP_SELF) continue;
        if (tx_isolation(ctx->tx) != TX_READ_COMMITTED) return heap_conflict_error(ctx, r);
    }
    int nmoved = 0;
    Tid moved[BATCH_ROWS];
    for (int i = 0; i < n; i++)
        if (s->results[i] == HEAP_MOVED) moved[nmoved++] = s->newer[i];
    (void)tids;
    for (int i = 0; i < nmoved; i++) TRY(recheck_row(s, moved[i]));
    return QN_OK;
}

/* s->row holds the new rows beside old (same positions, all of them selected); tids are the old versions'. */
static Status
update_fetched(ModifyState *s, Batch *in, Batch *old, const Tid *tids, bool is_conflict)
{
    Ctx *ctx = s->base.ctx;
    Batch *rows = s->row;
    int n = rows->nsel;
    Batch *full = batch_create(s->table.tmp, s->rel->ncols);
    if (full == NULL) return RAISE_OOM(ctx);
    TRY(modtable_full_row(&s->table, rows, full));
    TRY(check_rows(s, full));
    TRY(heap_update_batch(ctx, s->rel->heap, tids, rows, HEAP_WAIT, s->key_update, s->results, s->newer, s->new_tids, s->hot));
    uint16_t done[BATCH_ROWS], cold[BATCH_ROWS];
    Tid cold_tids[BATCH_ROWS];
    int ndone = 0, ncold = 0;
    for (int k = 0; k < n; k++) {
        if (s->results[k] != HEAP_DONE) continue;
        done[ndone++] = (uint16_t)k;
        if (s->hot[k]) continue;
        cold_tids[ncold] = s->new_tids[k];
        cold[ncold++] = (uint16_t)k;
    }
    full->sel = cold;
    full->nsel = ncold;
    if (ncold > 0) TRY(modtable_index(&s->table, full, cold_tids));
    full->sel = done;
    full->nsel = ndone;
    if (ndone > 0) {
        TRY(modtable_note_keys(&s->table, full, s->assigned));
        TRY(fk_note_update(&s->fk, old, full, s->assigned));
    }
    s->base.exec->rows_affected += ndone;
    Batch stored = *full;
    if (s->returning != NULL && ndone > 0) TRY(add_returned(s, in, &stored));
    if (is_conflict) return QN_OK; /* the row was locked before */
    return handle_results(s, tids, n);
}

/* Fetches the old rows of the batch: row j of *old is the selected row rows_out[j] of b. */
static Status
fetch_old(ModifyState *s, Batch *b, Batch **old)
{
    const Vector *v = b->cols[s->plan->tid_col];
    for (int k = 0; k < b->nsel; k++) s->tids[k] = ((const int64_t *)v->data)[vec_index(v, batch_row(b, k))];
    TRY(open_fetch(s));
    return heap_fetch(s->base.ctx, s->fetch, NULL, s->tids, b->nsel, old, s->rows_out, NULL);
}

/* Input columns that RETURNING may read, in the row space of the fetched rows. */
static Status
gather_input(ModifyState *s, Batch *b, int n, Batch **out)
{
    Ctx *ctx = s->base.ctx;
    uint16_t at[BATCH_ROWS];
    Batch *in;
    bool same = b->sel == NULL && n == b->nrows;
    for (int j = 0; j < n; j++) {
        at[j] = (uint16_t)batch_row(b, s->rows_out[j]);
        same &= at[j] == j;
    }
    *out = b;
    if (same) return QN_OK;
    TRY_ALLOC(ctx, in, batch_create(s->table.tmp, b->ncols));
    for (int c = 0; c < b->ncols; c++) {
        Vector *v;
        TRY_ALLOC(ctx, v, exec_vec_new(s->table.tmp, b->cols[c]->type));
        if (!exec_vec_reserve(s->table.tmp, v, n)) return RAISE_OOM(ctx);
        vec_gather(b->cols[c], at, n, v);
        in->cols[c] = v;
    }
    in->nrows = in->nsel = n;
    *out = in;
    return QN_OK;
}

/* A tid that occurs twice in a batch counts once: the first row wins. */
static int
drop_repeats(ModifyState *s, Batch *b)
{
    const Vector *v = b->cols[s->plan->tid_col];
    const int64_t *tids = v->data;
    bool ascending = true;
    for (int k = 1; k < b->nsel && ascending; k++)
        ascending = tids[vec_index(v, batch_row(b, k))] > tids[vec_index(v, batch_row(b, k - 1))];
    if (ascending) return b->nsel;
    enum { SLOTS = 2 * BATCH_ROWS };
    uint16_t slots[SLOTS];
    memset(slots, 0xFF, sizeof(slots));
    int n = 0;
    for (int k = 0; k < b->nsel; k++) {
        int row = batch_row(b, k);
        int64_t tid = tids[vec_index(v, row)];
        size_t h = ((uint64_t)tid * 0x9E3779B97F4A7C15ull >> 32) % SLOTS;
        while (slots[h] != 0xFFFF && tids[vec_index(v, slots[h])] != tid) h = (h + 1) % SLOTS;
        if (slots[h] != 0xFFFF) continue;
        slots[h] = (uint16_t)row;
        s->sel[n++] = (uint16_t)row;
    }
    b->sel = s->sel;
    b->nsel = n;
    return n;
}

/* Rows without a tid come from outer joins and change nothing. */
static void
drop_null_tids(ModifyState *s, Batch *b)
{
    const Vector *v = b->cols[s->plan->tid_col];
    if (v->valid == NULL) return;
    int n = 0;
    for (int k = 0; k < b->nsel; k++) {
        int row = batch_row(b, k);
        if (!vec_is_null(v, row)) s->sel[n++] = (uint16_t)row;
    }
    b->sel = s->sel;
    b->nsel = n;
}

static Status
update_batch(ModifyState *s, Batch *b)
{
    Batch *old, *in;
    drop_null_tids(s, b);
    if (b->nsel == 0 || drop_repeats(s, b) == 0) return QN_OK;
    TRY(fetch_old(s, b, &old));
    int n = old->nrows;
    if (n == 0) return QN_OK;
    TRY(gather_input(s, b, n, &in));
    for (int j = 0; j < n; j++) s->tids[j] = s->tids[s->rows_out[j]];
    for (int c = 0; c < s->rel->ncols; c++) s->row->cols[c] = s->rel->cols[c].dropped ? NULL : old->cols[c];
    for (int i = 0; i < s->plan->ncols; i++) s->row->cols[s->plan->cols[i]] = in->cols[s->plan->tid_col + 1 + i];
    s->row->nrows = s->row->nsel = n;
    s->row->sel = NULL;
    return update_fetched(s, in, old, s->tids, false);
}

static Status
delete_batch(ModifyState *s, Batch *b)
{
    Ctx *ctx = s->base.ctx;
    Batch *old = NULL, *in = b;
    drop_null_tids(s, b);
    if (b->nsel == 0 || drop_repeats(s, b) == 0) return QN_OK;
    bool need_old = s->returning != NULL || fk_wants_rows(&s->fk);
    int n = b->nsel;
    if (need_old) {
        TRY(fetch_old(s, b, &old));
        n = old->nrows;
        TRY(gather_input(s, b, n, &in));
        for (int j = 0; j < n; j++) s->tids[j] = s->tids[s->rows_out[j]];
    } else {
        const Vector *v = b->cols[s->plan->tid_col];
        for (int k = 0; k < n; k++) s->tids[k] = ((const int64_t *)v->data)[vec_index(v, batch_row(b, k))];
    }
    TRY(heap_delete_batch(ctx, s->rel->heap, s->tids, n, HEAP_WAIT, s->results, s->newer));
    uint16_t done[BATCH_ROWS];
    int ndone = 0;
    for (int k = 0; k < n; k++)
        if (s->results[k] == HEAP_DONE) done[ndone++] = (uint16_t)k;
    s->base.exec->rows_affected += ndone;
    if (need_old && ndone > 0) {
        Batch gone = *old;
        gone.sel = done;
        gone.nsel = ndone;
        TRY(fk_note_delete(&s->fk, &gone));
        TRY(add_returned(s, in, &gone));
    }
    return handle_results(s, s->tids, n);
}

static EXEC_NOINLINE Status
change_batch(ModifyState *s, Batch *b)
{
    switch (s->plan->kind) {
    case DML_INSERT:
        form_insert_rows(s, b);
        if (s->plan->on_conflict != NULL && s->plan->on_conflict->action != ONCONFLICT_NONE) return insert_on_conflict(s, b);
        return insert_rows(s, b);
    case DML_UPDATE: return update_batch(s, b);
    case DML_DELETE: return delete_batch(s, b);
    case DML_MERGE: break;
    }
    return RAISE(s->base.ctx, ERR_FEATURE_NOT_SUPPORTED, "MERGE is not supported yet");
}

/* READ COMMITTED: the row's newest version through the plan again. */
static Status
recheck_row(ModifyState *s, Tid tid)
{
    ExecNode *node = &s->base;
    Exec *e = node->exec;
    if (s->recheck == NULL) {
        /* The same plan node ids: instrumentation stays with the first tree. */
        ExecNode **nodes = e->nodes, **scratch;
        TRY_ALLOC(node->ctx, scratch, ARENA_ARRAY(node->arena, ExecNode *, e->plan->nnodes + 1));
        e->nodes = scratch;
        Status st = exec_build_node(e, node->plan->outer, &s->recheck);
        e->nodes = nodes;
        TRY(st);
    }
    const Relation *saved_rel = e->recheck_rel;
    int64_t saved_tid = e->recheck_tid;
    e->recheck_rel = s->rel;
    e->recheck_tid = tid;
    Status st = exec_rescan(s->recheck, DEP_RUN);
    while (st == QN_OK) {
        Batch *b;
        st = exec_next(s->recheck, &b);
        if (st != QN_OK || b == NULL) break;
        e->recheck_rel = saved_rel; /* a further conflict sets its own */
        st = change_batch(s, b);
        e->recheck_rel = s->rel;
        e->recheck_tid = tid;
        break; /* one row of the table: the first match counts */
    }
    e->recheck_rel = saved_rel;
    e->recheck_tid = saved_tid;
    return st;
}

static Status
run_all(ModifyState *s)
{
    for (;;) {
        Batch *b;
        TRY(exec_next(s->base.outer, &b));
        if (b == NULL) break;
        arena_reset(s->table.tmp);
        TRY(change_batch(s, b));
    }
    TRY(modtable_check_keys(&s->table));
    return fk_run(&s->fk);
}

static Status
modify_next(ExecNode *node, Batch **out)
{
    ModifyState *s = (ModifyState *)node;
    *out = NULL;
    if (!s->is_done) {
        TRY(run_all(s));
        s->is_done = true;
        s->at = 0;
    }
    if (s->returned == NULL) return QN_OK;
    int n;
    TRY(rowstore_read(s->returned, s->at, BATCH_ROWS, s->out, &n));
    s->at += n;
    if (n > 0) *out = s->out;
    return QN_OK;
}

static Status
modify_rescan(ExecNode *node, DepSet changed)
{
    ModifyState *s = (ModifyState *)node;
    if ((changed & DEP_RUN) == 0 && s->is_done) { /* changes are made once; its rows can be read again */
        s->at = 0;
        return QN_OK;
    }
    if (s->returned != NULL) rowstore_reset(s->returned);
    modtable_reset(&s->table);
    fk_reset(&s->fk);
    s->is_done = false;
    return exec_rescan(node->outer, changed);
}

static void
close_tree(ExecNode *n)
{
    if (n->ops->release != NULL) n->ops->release(n);
    if (n->ops->close != NULL) n->ops->close(n);
    expr_prog_close(n->filter);
    expr_prog_close(n->project);
    if (n->outer != NULL) close_tree(n->outer);
    if (n->inner != NULL) close_tree(n->inner);
    for (int i = 0; i < n->nchildren; i++)
        if (n->children[i] != NULL) close_tree(n->children[i]);
}

static void
modify_release(ExecNode *node)
{
    ModifyState *s = (ModifyState *)node;
    if (s->returned != NULL) rowstore_reset(s->returned);
    modtable_reset(&s->table);
    fk_reset(&s->fk);
}

static void
modify_close(ExecNode *node)
{
    ModifyState *s = (ModifyState *)node;
    if (s->fetch != NULL) heap_fetch_end(s->fetch);
    rowstore_free(s->returned);
    modtable_close(&s->table);
    fk_close(&s->fk);
    for (int i = 0; s->checks != NULL && i < s->plan->checks.count; i++) expr_prog_close(s->checks[i]);
    expr_prog_close(s->returning);
    expr_prog_close(s->conflict_where);
    expr_prog_close(s->conflict_set);
    if (s->recheck != NULL) close_tree(s->recheck);
}

const ExecOps modify_ops = {.state_bytes = sizeof(ModifyState), .open = modify_open, .next = modify_next,
                            .rescan = modify_rescan, .release = modify_release, .close = modify_close};
