/* modmerge.c - MERGE: each row of the join of source and target finds its action, and runs of rows with the same one are inserted,
 * updated or deleted as by those statements, in the order the rows come. */
#include "executor/modify_priv.h"
#include "executor/vecutil.h"

Status
merge_open(ModifyState *s)
{
    ExecNode *node = &s->base;
    int n = s->plan->nactions;
    TRY_ALLOC(node->ctx, s->merge, ARENA_ARRAY(node->arena, MergeProg, n + 1));
    for (int i = 0; i < n; i++) {
        const MergeAction *a = &s->plan->actions[i];
        if (a->when != NULL) TRY(expr_compile_condition(node->exec, a->when, &node->deps, &s->merge[i].when));
        if (a->values.count > 0) TRY(expr_compile(node->exec, &a->values, &node->deps, &s->merge[i].values));
    }
    return QN_OK;
}

void
merge_close(ModifyState *s)
{
    for (int i = 0; s->merge != NULL && i < s->plan->nactions; i++) {
        expr_prog_close(s->merge[i].when);
        expr_prog_close(s->merge[i].values);
    }
}

/* The first action whose condition a row of sel[0..n) meets, by row; -1: none. */
static Status
choose(ModifyState *s, Batch *b, bool matched, uint16_t *sel, int n, int16_t *action)
{
    uint16_t *hit;
    TRY_ALLOC(s->base.ctx, hit, arena_alloc(s->tmp, (size_t)(n + 1) * sizeof(uint16_t)));
    for (int i = 0; i < s->plan->nactions && n > 0; i++) {
        int nhit = n, kept = 0;
        if (s->plan->actions[i].matched != matched) continue;
        if (s->merge[i].when != NULL)
            TRY(expr_filter(s->merge[i].when, b, NULL, sel, n, b->nrows, hit, &nhit));
        else
            memcpy(hit, sel, (size_t)n * sizeof(uint16_t));
        for (int k = 0; k < nhit; k++) action[hit[k]] = (int16_t)i;
        for (int k = 0; k < n; k++)
            if (action[sel[k]] < 0) sel[kept++] = sel[k];
        n = kept;
    }
    return QN_OK;
}

static Oid
table_of(const ModifyState *s, const Batch *b, int row)
{
    if (s->plan->oid_col < 0) return INVALID_OID;
    const Vector *v = b->cols[s->plan->oid_col];
    return vec_is_null(v, row) ? INVALID_OID : ((const uint32_t *)v->data)[vec_index(v, row)];
}

/* Rows sel[0..n) of b, all of one action and table. The new values come after the input's columns. */
static Status
act(ModifyState *s, Batch *b, int action, Oid table, const uint16_t *sel, int n)
{
    Ctx *ctx = s->base.ctx;
    const MergeAction *a = &s->plan->actions[action];
    Target *t;
    Batch *rows;
    if (a->kind == MERGE_NOTHING) return QN_OK;
    int nvalues = a->values.count;
    TRY_ALLOC(ctx, rows, batch_create(s->tmp, b->ncols + nvalues));
    memcpy(rows->cols, b->cols, (size_t)b->ncols * sizeof(Vector *));
    if (nvalues > 0) TRY(expr_run(s->merge[action].values, b, NULL, sel, n, b->nrows));
    for (int i = 0; i < nvalues; i++) rows->cols[b->ncols + i] = expr_result(s->merge[action].values, i);
    rows->nrows = b->nrows;
    rows->sel = sel;
    rows->nsel = n;
    s->change = (Change){.kind = a->kind == MERGE_INSERT ? DML_INSERT : a->kind == MERGE_UPDATE ? DML_UPDATE : DML_DELETE,
                         .ncols = nvalues, .cols = a->cols, .value_col = b->ncols};
    if (a->kind == MERGE_INSERT) return modify_insert(s, rows);
    if (table != INVALID_OID)
        TRY(target_by_oid(s, table, &t));
    else
        TRY(target_open(s, 0, &t));
    return modify_change_rows(s, t, rows);
}

static Status
act_in_runs(ModifyState *s, Batch *b, const int16_t *action, const uint16_t *sel, int n)
{
    for (int from = 0, to; from < n; from = to) {
        int a = action[sel[from]];
        Oid table = table_of(s, b, sel[from]);
        for (to = from + 1; to < n && action[sel[to]] == a && table_of(s, b, sel[to]) == table; to++) {}
        if (a >= 0) TRY(act(s, b, a, table, sel + from, to - from));
    }
    return QN_OK;
}

Status
merge_batch(ModifyState *s, Batch *b)
{
    Ctx *ctx = s->base.ctx;
    const Vector *tids = b->cols[s->plan->tid_col];
    uint16_t *all, *matched, *others;
    int16_t *action;
    int n = b->nsel, nmatched = 0, nothers = 0;
    TRY_ALLOC(ctx, all, arena_alloc(s->tmp, (size_t)(n + 1) * sizeof(uint16_t)));
    TRY_ALLOC(ctx, matched, arena_alloc(s->tmp, (size_t)(n + 1) * sizeof(uint16_t)));
    TRY_ALLOC(ctx, others, arena_alloc(s->tmp, (size_t)(n + 1) * sizeof(uint16_t)));
    TRY_ALLOC(ctx, action, arena_alloc(s->tmp, (size_t)(b->nrows + 1) * sizeof(int16_t)));
    for (int k = 0; k < n; k++) {
        uint16_t row = all[k] = (uint16_t)batch_row(b, k);
        action[row] = -1;
        if (vec_is_null(tids, row)) others[nothers++] = row;
        else matched[nmatched++] = row;
    }
    TRY(choose(s, b, true, matched, nmatched, action));
    TRY(choose(s, b, false, others, nothers, action));
    return act_in_runs(s, b, action, all, n);
}

Status
merge_unmatched(ModifyState *s, Batch *b, int row)
{
    int16_t *action;
    uint16_t at = (uint16_t)row, sel = at;
    Change change = s->change;
    TRY_ALLOC(s->base.ctx, action, arena_alloc(s->tmp, (size_t)(b->nrows + 1) * sizeof(int16_t)));
    action[row] = -1;
    TRY(choose(s, b, false, &sel, 1, action));
    Status st = action[row] >= 0 ? act(s, b, action[row], INVALID_OID, &at, 1) : QN_OK;
    s->change = change;
    return st;
}
