/* modify.c - INSERT, UPDATE, DELETE, MERGE (modmerge.c) with RETURNING and ON CONFLICT. All rows are changed before the first is handed up.
 *
 * A batch of input becomes a batch of whole table rows (for UPDATE: the old rows, fetched by tid, with the assigned columns replaced), is
 * checked, written a page at a time, then entered into the indexes. Where the named table stands for several, the rows of a batch
 * are taken table by table (modtarget.c). A row that another transaction changed meanwhile is, in READ COMMITTED, locked in its newest
 * version and looked at again (recheck.h). */
#include "executor/modify_priv.h"

#include "executor/vecutil.h"
#include "storage/tx.h"

static Status
open_on_conflict(ModifyState *s)
{
    const OnConflict *oc = s->plan->on_conflict;
    ExecNode *node = &s->base;
    if (oc == NULL || oc->action != ONCONFLICT_UPDATE) return QN_OK;
    TRY(expr_compile(node->exec, &oc->set, &node->deps, &s->conflict_set));
    if (oc->where != NULL) TRY(expr_compile_one(node->exec, oc->where, &node->deps, &s->conflict_where));
    return QN_OK;
}

static Status
alloc_scratch(ModifyState *s)
{
    Ctx *ctx = s->base.ctx;
    Arena *a = s->base.arena;
    TRY_ALLOC(ctx, s->tmp, arena_create(a, "modify input"));
    TRY_ALLOC(ctx, s->targets, ARENA_ARRAY(a, Target, s->plan->ntargets + 1));
    TRY_ALLOC(ctx, s->tids, arena_alloc(a, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(ctx, s->newer, arena_alloc(a, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(ctx, s->new_tids, arena_alloc(a, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(ctx, s->results, arena_alloc(a, BATCH_ROWS));
    TRY_ALLOC(ctx, s->hot, arena_alloc(a, BATCH_ROWS * sizeof(bool)));
    TRY_ALLOC(ctx, s->rows_out, arena_alloc(a, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->sel, arena_alloc(a, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->of_table, arena_alloc(a, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->rest, arena_alloc(a, BATCH_ROWS * sizeof(uint16_t)));
    return QN_OK;
}

static Status
find_system_column(Ctx *ctx, Expr **slot, void *arg)
{
    ModifyState *s = arg;
    const ColumnRefExpr *c = (const ColumnRefExpr *)*slot;
    if (c->base.tag != EXPR_ColumnRef) {
        TRY(ctx_check_depth(ctx));
        return expr_children(ctx, *slot, find_system_column, arg);
    }
    s->returns_system |= c->rel == INPUT_INNER && c->col >= s->plan->rel->ncols;
    return QN_OK;
}

static Status
modify_open(ExecNode *node)
{
    ModifyState *s = (ModifyState *)node;
    Ctx *ctx = node->ctx;
    s->plan = (const ModifyPlan *)node->plan;
    s->change = (Change){s->plan->kind, s->plan->ncols, s->plan->cols, s->plan->value_col};
    if (s->plan->kind == DML_MERGE) TRY(merge_open(s));
    TRY(alloc_scratch(s));
    TRY(open_on_conflict(s));
    TRY(recheck_init(&s->recheck, node, s->plan->marks, s->plan->nmarks));
    TRY(router_open(s));
    if (!s->plan->returning) return QN_OK;
    int n;
    Oid *types;
    TRY(expr_compile(node->exec, &node->plan->targets, &node->deps, &s->returning));
    for (int i = 0; i < node->plan->targets.count; i++) {
        Expr *e = node->plan->targets.items[i];
        TRY(find_system_column(ctx, &e, s));
    }
    TRY_ALLOC(ctx, types, exec_output_types(node->arena, node->plan, &n));
    TRY(rowstore_new(ctx, node->arena, n, types, node->exec->work_mem, &s->returned));
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, n, types));
    return QN_OK;
}

/* Only the statement's own rows count, not those of its WITH queries. */
static void
count_rows(ModifyState *s, int n)
{
    if (s->base.exec->root == &s->base) s->base.exec->rows_affected += n;
}

Status
modify_insert_rows(ModifyState *s, Target *t, Batch *in, int *clash_out)
{
    TRY(heap_insert_batch(s->base.ctx, t->rel->heap, t->row, s->new_tids));
    TRY(modtable_index(&t->table, &t->notes, t->full, s->new_tids, clash_out));
    if (clash_out != NULL && *clash_out >= 0) return heap_undo_insert(s->base.ctx, t->rel->heap, s->new_tids[0]);
    TRY(notes_inserted(&t->notes, t->full, s->new_tids));
    count_rows(s, t->row->nsel);
    return target_return(s, t, in, t->full, s->new_tids);
}

/* Rows of t, complete: what they must satisfy. Those of a table that is named itself must belong to it. */
static Status
check_new_rows(ModifyState *s, Target *t)
{
    TRY(target_check(t, t->full));
    return s->plan->nsteps == 0 && s->plan->nabove > 0 && t->rel == s->plan->rel ? router_check(s, t->full) : QN_OK;
}

/* An INSERT's input into one table. */
static Status
insert_batch(ModifyState *s, Target *t, Batch *b)
{
    const OnConflict *oc = s->plan->on_conflict;
    const int *map = t->plan->map;
    arena_reset(t->table.tmp);
    for (int c = 0; c < t->rel->ncols; c++) t->row->cols[c] = NULL;
    const Change *c = &s->change;
    for (int i = 0; i < c->ncols; i++) t->row->cols[map != NULL ? map[c->cols[i]] : c->cols[i]] = b->cols[c->value_col + i];
    t->row->nrows = b->nrows;
    t->row->nsel = b->nsel;
    t->row->sel = b->sel;
    TRY(target_complete(s, t, t->generated));
    TRY(check_new_rows(s, t));
    if (oc != NULL && oc->action != ONCONFLICT_NONE) return modify_insert_on_conflict(s, t, b);
    return modify_insert_rows(s, t, b, NULL);
}

/* The input as rows of the statement's table, which has none of its own. */
static Status
named_rows(ModifyState *s, Batch *b, Batch **out)
{
    Ctx *ctx = s->base.ctx;
    ModTable t = {.ctx = ctx, .tmp = s->tmp, .rel = s->plan->rel};
    Batch *row;
    TRY_ALLOC(ctx, row, batch_create(s->tmp, s->plan->rel->ncols));
    for (int i = 0; i < s->change.ncols; i++) row->cols[s->change.cols[i]] = b->cols[s->change.value_col + i];
    row->nrows = b->nrows;
    row->nsel = b->nsel;
    row->sel = b->sel;
    TRY_ALLOC(ctx, *out, batch_create(s->tmp, s->plan->rel->ncols));
    return modtable_full_row(&t, row, *out);
}

/* Each row into its partition. Neighbours that go the same way go together; without RETURNING, all that do. */
static Status
insert_routed(ModifyState *s, Batch *b)
{
    Batch *rows;
    const int32_t *target;
    int nrest = b->nsel;
    TRY(named_rows(s, b, &rows));
    TRY(router_check(s, rows));
    TRY(router_find(s, rows, &target));
    for (int k = 0; k < nrest; k++) s->rest[k] = (uint16_t)batch_row(b, k);
    while (nrest > 0) {
        int to = target[s->rest[0]], n = 0, kept = 0;
        bool apart = false;
        Target *t;
        for (int k = 0; k < nrest; k++) {
            uint16_t row = s->rest[k];
            apart = apart || (s->returning != NULL && target[row] != to);
            if (target[row] == to && !apart) s->of_table[n++] = row;
            else s->rest[kept++] = row;
        }
        nrest = kept;
        Batch mine = *b;
        mine.sel = s->of_table;
        mine.nsel = n;
        TRY(target_open(s, to, &t));
        TRY(insert_batch(s, t, &mine));
    }
    return QN_OK;
}

/* A row that another transaction has moved on, in READ COMMITTED: where, and what it was joined with. */
typedef struct MovedRow {
    Tid newer;
    ExecPin *pins;
} MovedRow;

/* Changes the newest version of the row, if it still meets the conditions. */
static Status
change_moved(ModifyState *s, Target *t, const MovedRow *m)
{
    Ctx *ctx = s->base.ctx;
    const bool exclusive = s->change.kind == DML_DELETE || t->key_update;
    HeapResult result;
    Tid tid = m->newer;
    Batch *b;
    TRY(recheck_lock(ctx, t->rel->heap, &tid, exclusive ? HEAP_LOCK_UPDATE : HEAP_LOCK_NO_KEY_UPDATE, HEAP_WAIT, &result));
    if (result != HEAP_DONE) return QN_OK;
    memcpy(s->recheck.pins, m->pins, (size_t)s->plan->nmarks * sizeof(ExecPin));
    s->recheck.pins[0].tid = tid;
    s->recheck.pins[0].table = t->rel->oid;
    TRY(recheck_run(&s->recheck, &b));
    Change change = s->change; /* MERGE chooses anew */
    if (b != NULL) TRY(s->plan->kind == DML_MERGE ? merge_batch(s, b) : modify_change_rows(s, t, b));
    s->change = change;
    recheck_end(&s->recheck);
    return QN_OK;
}

static Status
raise_second_time(ModifyState *s)
{
    Status st = RAISE(s->base.ctx, ERR_CARDINALITY_VIOLATION, "MERGE command cannot affect row a second time");
    return err_hint(s->base.ctx, st, "Ensure that not more than one source row matches any one target row.");
}

/* Rows whose match another transaction has deleted are not matched. */
static Status
merge_gone(ModifyState *s, Batch *in, int n)
{
    uint8_t *results;
    TRY_ALLOC(s->base.ctx, results, arena_memdup(s->tmp, s->results, (size_t)n + 1));
    for (int k = 0; k < n; k++)
        if (results[k] == HEAP_GONE) TRY(merge_unmatched(s, in, batch_row(in, k)));
    memcpy(s->results, results, (size_t)n);
    return QN_OK;
}

/* What to do with rows that could not be changed: the k-th result is that of the k-th selected row of in. Those to look at
 * again are taken one by one, after the others. */
static Status
handle_results(ModifyState *s, Target *t, Batch *in, int n)
{
    Ctx *ctx = s->base.ctx;
    int nmoved = 0;
    MovedRow *moved;
    for (int k = 0; k < n; k++) {
        HeapResult r = (HeapResult)s->results[k];
        if (r == HEAP_SELF && s->plan->kind == DML_MERGE) return raise_second_time(s);
        if (r == HEAP_DONE || r == HEAP_SELF) continue;
        if (tx_isolation(ctx->tx) != TX_READ_COMMITTED) return heap_conflict_error(ctx, r);
        if (r == HEAP_LEFT) return heap_left_error(ctx, s->plan->kind == DML_MERGE ? "merged" : s->change.kind == DML_DELETE ? "deleted" : "updated");
        nmoved += r == HEAP_MOVED;
    }
    if (s->plan->kind == DML_MERGE) TRY(merge_gone(s, in, n));
    if (nmoved == 0) return QN_OK;
    TRY_ALLOC(ctx, moved, ARENA_ARRAY(s->tmp, MovedRow, nmoved));
    for (int k = 0, m = 0; k < n; k++) {
        if (s->results[k] != HEAP_MOVED) continue;
        recheck_pin_row(&s->recheck, in, batch_row(in, k));
        moved[m].newer = s->newer[k];
        TRY_ALLOC(ctx, moved[m].pins, arena_memdup(s->tmp, s->recheck.pins, (size_t)s->plan->nmarks * sizeof(ExecPin)));
        m++;
    }
    for (int m = 0; m < nmoved; m++) TRY(change_moved(s, t, &moved[m]));
    return QN_OK;
}

Status
modify_update_rows(ModifyState *s, Target *t, Batch *in, Batch *old, const Tid *tids, bool is_conflict)
{
    Ctx *ctx = s->base.ctx;
    Batch *full = t->full;
    int n = t->row->nsel;
    TRY(target_complete(s, t, is_conflict ? t->conflict_generated : t->generated));
    TRY(check_new_rows(s, t));
    TRY(heap_update_batch(ctx, t->rel->heap, tids, t->row, HEAP_WAIT, t->key_update, t->assigned, s->results, s->newer, s->new_tids,
                          s->hot));
    uint16_t done[BATCH_ROWS], cold[BATCH_ROWS];
    Tid cold_tids[BATCH_ROWS], done_tids[BATCH_ROWS];
    int ndone = 0, ncold = 0;
    for (int k = 0; k < n; k++) {
        if (s->results[k] != HEAP_DONE) continue;
        done_tids[ndone] = s->new_tids[k];
        done[ndone++] = (uint16_t)k;
        if (s->hot[k]) continue;
        cold_tids[ncold] = s->new_tids[k];
        cold[ncold++] = (uint16_t)k;
    }
    full->sel = cold;
    full->nsel = ncold;
    if (ncold > 0) TRY(modtable_index(&t->table, &t->notes, full, cold_tids, NULL));
    full->sel = done;
    full->nsel = ndone;
    if (ndone > 0) TRY(notes_updated(&t->notes, old, full, done_tids, t->assigned));
    count_rows(s, ndone);
    TRY(target_return(s, t, in, full, done_tids));
    full->sel = NULL;
    if (is_conflict) return QN_OK; /* the row was locked before */
    return handle_results(s, t, in, n);
}

/* Fetches the old rows of the batch: row j of *old is the selected row rows_out[j] of b. */
static Status
fetch_old(ModifyState *s, Target *t, Batch *b, Batch **old)
{
    const Vector *v = b->cols[s->plan->tid_col];
    for (int k = 0; k < b->nsel; k++) s->tids[k] = ((const int64_t *)v->data)[vec_index(v, batch_row(b, k))];
    TRY(target_open_fetch(s, t));
    return heap_fetch(s->base.ctx, t->fetch, NULL, s->tids, b->nsel, old, s->rows_out, NULL);
}

/* Rows at[0..n) of a batch as a batch of their own. */
static Status
pick_rows(ModifyState *s, const Batch *b, const uint16_t *at, int n, Batch **out)
{
    Ctx *ctx = s->base.ctx;
    TRY_ALLOC(ctx, *out, batch_create(s->tmp, b->ncols));
    for (int c = 0; c < b->ncols; c++) {
        Vector *v;
        if (b->cols[c] == NULL) continue;
        TRY_ALLOC(ctx, v, vec_new(s->tmp, b->cols[c]->type));
        if (!vec_reserve(s->tmp, v, n)) return RAISE_OOM(ctx);
        vec_gather(b->cols[c], at, n, v);
        (*out)->cols[c] = v;
    }
    (*out)->nrows = (*out)->nsel = n;
    return QN_OK;
}

/* Input columns that RETURNING may read, in the row space of the fetched rows. */
static Status
gather_input(ModifyState *s, Batch *b, int n, Batch **out)
{
    uint16_t at[BATCH_ROWS];
    bool same = b->sel == NULL && n == b->nrows;
    for (int j = 0; j < n; j++) {
        at[j] = (uint16_t)batch_row(b, s->rows_out[j]);
        same &= at[j] == j;
    }
    *out = b;
    if (same) return QN_OK;
    return pick_rows(s, b, at, n, out);
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

/* New rows (of the statement's table) whose old versions in t have gone: into the tables they belong to now. */
static Status
insert_moved(ModifyState *s, Batch *in, Batch *rows, const int32_t *to, const uint16_t *done, int ndone)
{
    for (int k = 0; k < ndone; k++) {
        uint16_t row = done[k];
        Target *t;
        TRY(target_open(s, to[row], &t));
        const int *map = t->plan->map;
        for (int c = 0; c < t->rel->ncols; c++) t->row->cols[c] = NULL;
        for (int c = 0; c < s->plan->rel->ncols; c++)
            if (!s->plan->rel->cols[c].dropped) t->row->cols[map != NULL ? map[c] : c] = rows->cols[c];
        t->row->nrows = rows->nrows;
        t->row->nsel = 1;
        t->row->sel = &row;
        TRY(target_complete(s, t, t->generated));
        TRY(target_check(t, t->full));
        TRY(modify_insert_rows(s, t, in, NULL));
    }
    return QN_OK;
}

/* Rows of the statement's table as rows of t, as far as t has their columns from it. */
static Status
as_rows_of(ModifyState *s, const Target *t, const Batch *rows, Batch **out)
{
    const int *map = t->plan->map;
    TRY_ALLOC(s->base.ctx, *out, batch_create(s->tmp, t->rel->ncols));
    for (int c = 0; c < s->plan->rel->ncols; c++)
        if (!s->plan->rel->cols[c].dropped) (*out)->cols[map != NULL ? map[c] : c] = rows->cols[c];
    (*out)->nrows = (*out)->nsel = rows->nrows;
    return QN_OK;
}

/* Rows at[0..n) leave t: the old versions are deleted, the new ones inserted elsewhere. */
static Status
move_rows(ModifyState *s, Target *t, Batch *in, Batch *old, Batch *rows, const int32_t *target, const uint16_t *at, int n)
{
    Ctx *ctx = s->base.ctx;
    Batch *moved_in, *moved_old, *moved, *as_own;
    Tid tids[BATCH_ROWS];
    uint16_t done[BATCH_ROWS];
    int32_t to[BATCH_ROWS];
    int ndone = 0;
    TRY(pick_rows(s, in, at, n, &moved_in));
    TRY(pick_rows(s, old, at, n, &moved_old));
    TRY(pick_rows(s, rows, at, n, &moved));
    for (int k = 0; k < n; k++) {
        tids[k] = s->tids[at[k]];
        to[k] = target[at[k]];
    }
    TRY(heap_leave_batch(ctx, t->rel->heap, tids, n, HEAP_WAIT, s->results, s->newer));
    for (int k = 0; k < n; k++)
        if (s->results[k] == HEAP_DONE) done[ndone++] = (uint16_t)k;
    if (ndone > 0) {
        moved_old->sel = done;
        moved_old->nsel = ndone;
        TRY(as_rows_of(s, t, moved, &as_own));
        TRY(notes_moved(&t->notes, s->plan->rel, moved_old, as_own));
        TRY(insert_moved(s, moved_in, moved, to, done, ndone));
    }
    return handle_results(s, t, moved_in, n);
}

/* t->row holds new rows beside old, some of which may belong to other partitions. */
static Status
update_routed(ModifyState *s, Target *t, Batch *in, Batch *old)
{
    int n = t->row->nsel, nstay = 0, nmove = 0;
    uint16_t stay[BATCH_ROWS], move[BATCH_ROWS];
    const int32_t *target;
    int own = (int)(t - s->targets);
    Batch *rows;
    TRY(target_complete(s, t, t->generated));
    TRY(target_view(s, t, t->full, &rows));
    TRY(router_check(s, rows));
    TRY(router_find(s, rows, &target));
    for (int k = 0; k < n; k++) {
        if (target[k] == own) stay[nstay++] = (uint16_t)k;
        else move[nmove++] = (uint16_t)k;
    }
    if (nmove == 0) return modify_update_rows(s, t, in, old, s->tids, false);
    Batch *kept, *stay_in, *stay_old;
    Tid tids[BATCH_ROWS];
    TRY(pick_rows(s, t->row, stay, nstay, &kept));
    TRY(pick_rows(s, in, stay, nstay, &stay_in));
    TRY(pick_rows(s, old, stay, nstay, &stay_old));
    for (int k = 0; k < nstay; k++) tids[k] = s->tids[stay[k]];
    TRY(move_rows(s, t, in, old, rows, target, move, nmove));
    if (nstay == 0) return QN_OK;
    memcpy(t->row->cols, kept->cols, (size_t)t->rel->ncols * sizeof(Vector *));
    t->row->nrows = t->row->nsel = nstay;
    t->row->sel = NULL;
    return modify_update_rows(s, t, stay_in, stay_old, tids, false);
}

/* The selected rows of b are t's, each once. */
static Status
update_batch(ModifyState *s, Target *t, Batch *b)
{
    const int *map = t->plan->map;
    Batch *old, *in;
    TRY(fetch_old(s, t, b, &old));
    int n = old->nrows;
    if (n == 0) return QN_OK;
    TRY(gather_input(s, b, n, &in));
    for (int j = 0; j < n; j++) s->tids[j] = s->tids[s->rows_out[j]];
    for (int c = 0; c < t->rel->ncols; c++) t->row->cols[c] = t->rel->cols[c].dropped ? NULL : old->cols[c];
    const Change *change = &s->change;
    for (int i = 0; i < change->ncols; i++)
        t->row->cols[map != NULL ? map[change->cols[i]] : change->cols[i]] = in->cols[change->value_col + i];
    t->row->nrows = t->row->nsel = n;
    t->row->sel = NULL;
    if (s->plan->nsteps > 0) return update_routed(s, t, in, old);
    return modify_update_rows(s, t, in, old, s->tids, false);
}

static Status
delete_batch(ModifyState *s, Target *t, Batch *b)
{
    Ctx *ctx = s->base.ctx;
    Batch *old = NULL, *in = b;
    bool need_old = s->returning != NULL || notes_want_deleted(&t->notes);
    int n = b->nsel;
    if (need_old) {
        TRY(fetch_old(s, t, b, &old));
        n = old->nrows;
        TRY(gather_input(s, b, n, &in));
        for (int j = 0; j < n; j++) s->tids[j] = s->tids[s->rows_out[j]];
    } else {
        const Vector *v = b->cols[s->plan->tid_col];
        for (int k = 0; k < n; k++) s->tids[k] = ((const int64_t *)v->data)[vec_index(v, batch_row(b, k))];
    }
    TRY(heap_delete_batch(ctx, t->rel->heap, s->tids, n, HEAP_WAIT, s->results, s->newer));
    uint16_t done[BATCH_ROWS];
    Tid done_tids[BATCH_ROWS];
    int ndone = 0;
    for (int k = 0; k < n; k++) {
        if (s->results[k] != HEAP_DONE) continue;
        done_tids[ndone] = s->tids[k];
        done[ndone++] = (uint16_t)k;
    }
    count_rows(s, ndone);
    if (need_old && ndone > 0) {
        Batch gone = *old;
        gone.sel = done;
        gone.nsel = ndone;
        TRY(notes_deleted(&t->notes, &gone));
        TRY(target_return(s, t, in, &gone, done_tids));
    }
    return handle_results(s, t, in, n);
}

EXEC_NOINLINE Status
modify_change_rows(ModifyState *s, Target *t, Batch *b)
{
    arena_reset(t->table.tmp);
    int nrows = b->nsel;
    if (drop_repeats(s, b) < nrows && s->plan->kind == DML_MERGE) return raise_second_time(s);
    return s->change.kind == DML_UPDATE ? update_batch(s, t, b) : delete_batch(s, t, b);
}

/* Table by table, in the order their first rows come. */
static Status
change_by_table(ModifyState *s, Batch *b)
{
    const Vector *v = b->cols[s->plan->oid_col];
    const uint32_t *oids = v->data;
    int nrest = b->nsel;
    for (int k = 0; k < nrest; k++) s->rest[k] = (uint16_t)batch_row(b, k);
    while (nrest > 0) {
        Oid oid = oids[vec_index(v, s->rest[0])];
        int n = 0, kept = 0;
        Target *t;
        for (int k = 0; k < nrest; k++) {
            uint16_t row = s->rest[k];
            if (oids[vec_index(v, row)] == oid) s->of_table[n++] = row;
            else s->rest[kept++] = row;
        }
        nrest = kept;
        Batch mine = *b;
        mine.sel = s->of_table;
        mine.nsel = n;
        TRY(target_by_oid(s, oid, &t));
        TRY(modify_change_rows(s, t, &mine));
    }
    return QN_OK;
}

Status
modify_insert(ModifyState *s, Batch *b)
{
    Target *t;
    if (s->plan->nsteps > 0) return insert_routed(s, b);
    TRY(target_open(s, 0, &t));
    return insert_batch(s, t, b);
}

static Status
change_batch(ModifyState *s, Batch *b)
{
    Target *t;
    switch (s->plan->kind) {
    case DML_INSERT: return modify_insert(s, b);
    case DML_UPDATE:
    case DML_DELETE:
        drop_null_tids(s, b);
        if (b->nsel == 0) return QN_OK;
        if (s->plan->oid_col >= 0) return change_by_table(s, b);
        TRY(target_open(s, 0, &t));
        return modify_change_rows(s, t, b);
    case DML_MERGE: return merge_batch(s, b);
    }
    return QN_OK;
}

static Status
run_all(ModifyState *s)
{
    for (;;) {
        Batch *b;
        TRY(exec_next(s->base.outer, &b));
        if (b == NULL) break;
        arena_reset(s->tmp);
        TRY(change_batch(s, b));
    }
    return QN_OK;
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
    for (int i = 0; s->targets != NULL && i < s->plan->ntargets; i++) target_reset(&s->targets[i]);
    s->is_done = false;
    return exec_rescan(node->outer, changed);
}

static void
modify_release(ExecNode *node)
{
    ModifyState *s = (ModifyState *)node;
    if (s->returned != NULL) rowstore_reset(s->returned);
    for (int i = 0; s->targets != NULL && i < s->plan->ntargets; i++) target_reset(&s->targets[i]);
}

static void
modify_close(ExecNode *node)
{
    ModifyState *s = (ModifyState *)node;
    rowstore_free(s->returned);
    merge_close(s);
    router_close(s->router);
    for (int i = 0; s->targets != NULL && i < s->plan->ntargets; i++) target_close(&s->targets[i]);
    expr_prog_close(s->returning);
    expr_prog_close(s->conflict_where);
    expr_prog_close(s->conflict_set);
    recheck_close(&s->recheck);
}

const ExecOps modify_ops = {.state_bytes = sizeof(ModifyState), .open = modify_open, .next = modify_next,
                            .rescan = modify_rescan, .release = modify_release, .close = modify_close};
