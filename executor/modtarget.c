/* modtarget.c - one table that a Modify writes: its checks, generated columns, and its rows as those of the table the statement names. */
#include "executor/modify_priv.h"

#include "executor/vecutil.h"
#include <assert.h>

static void
set_assigned(const ModifyState *s, Target *t)
{
    const ModifyPlan *plan = s->plan;
    const int *map = t->plan->map;
    const OnConflict *oc = plan->on_conflict;
    if (plan->kind == DML_UPDATE || plan->kind == DML_MERGE)
        for (int i = 0; i < plan->ncols; i++) bits_set(t->assigned, (size_t)(map != NULL ? map[plan->cols[i]] : plan->cols[i]));
    if (oc != NULL && oc->action == ONCONFLICT_UPDATE)
        for (int i = 0; i < oc->set.count; i++) bits_set(t->assigned, (size_t)(map != NULL ? map[oc->set_cols[i]] : oc->set_cols[i]));
    if (plan->kind != DML_DELETE)
        for (int i = 0; i < t->plan->generated.count; i++) bits_set(t->assigned, (size_t)t->plan->generated_cols[i]);
    for (int i = 0; i < t->rel->nindexes; i++)
        for (int k = 0; t->rel->indexes[i]->unique && index_is_plain(t->rel->indexes[i]) && k < t->rel->indexes[i]->nkeys; k++)
            t->key_update |= bits_get(t->assigned, (size_t)(t->rel->indexes[i]->attnums[k] - 1));
}

Status
target_open(ModifyState *s, int i, Target **out)
{
    ExecNode *node = &s->base;
    Ctx *ctx = node->ctx;
    Target *t = &s->targets[i];
    *out = t;
    if (t->is_open) return QN_OK;
    t->is_open = true; /* what is open of it is closed with the node */
    t->plan = &s->plan->targets[i];
    t->rel = t->plan->rel;
    const ModifyTarget *p = t->plan;
    int ncols = t->rel->ncols;
    TRY(modtable_open(&t->table, ctx, node->arena, t->rel));
    TRY_ALLOC(ctx, t->row, batch_create(node->arena, ncols));
    TRY_ALLOC(ctx, t->full, batch_create(node->arena, ncols));
    TRY_ALLOC(ctx, t->assigned, arena_zalloc(node->arena, BITS_WORDS(ncols + 1) * sizeof(uint64_t)));
    TRY_ALLOC(ctx, t->checks, ARENA_ARRAY(node->arena, ExprProg *, p->checks.count + 1));
    for (int k = 0; k < p->checks.count; k++) TRY(expr_compile_one(node->exec, p->checks.items[k], &node->deps, &t->checks[k]));
    if (p->generated.count > 0) {
        TRY(expr_compile(node->exec, &p->generated, &node->deps, &t->generated));
        if (s->plan->on_conflict != NULL) TRY(expr_compile(node->exec, &p->generated, &node->deps, &t->conflict_generated));
    }
    set_assigned(s, t);
    return notes_open(&t->notes, ctx, node->arena, t->rel);
}

Status
target_by_oid(ModifyState *s, Oid oid, Target **out)
{
    if (s->plan->targets[s->last_target].rel->oid != oid)
        for (int i = 0; i < s->plan->ntargets; i++)
            if (s->plan->targets[i].rel->oid == oid) s->last_target = i;
    assert(s->plan->targets[s->last_target].rel->oid == oid);
    return target_open(s, s->last_target, out);
}

Status
target_open_fetch(ModifyState *s, Target *t)
{
    int *cols;
    if (t->fetch != NULL) return QN_OK;
    TRY_ALLOC(s->base.ctx, cols, ARENA_ARRAY(s->base.arena, int, t->rel->ncols + 1));
    for (int i = 0; i < t->rel->ncols; i++) cols[i] = i;
    return heap_fetch_begin(s->base.ctx, s->base.arena, t->rel->heap, cols, t->rel->ncols, &t->fetch);
}

void
target_reset(Target *t)
{
    if (!t->is_open) return;
    notes_reset(&t->notes);
}

void
target_close(Target *t)
{
    if (!t->is_open) return;
    if (t->fetch != NULL) heap_fetch_end(t->fetch);
    notes_close(&t->notes);
    modtable_close(&t->table);
    for (int i = 0; t->checks != NULL && i < t->plan->checks.count; i++) expr_prog_close(t->checks[i]);
    expr_prog_close(t->generated);
    expr_prog_close(t->conflict_generated);
}

Status
target_complete(ModifyState *s, Target *t, ExprProg *generated)
{
    Batch *row = t->row;
    (void)s;
    TRY(modtable_full_row(&t->table, row, t->full));
    if (generated == NULL) return QN_OK;
    TRY(expr_run(generated, t->full, t->full, row->sel, row->nsel, row->nrows));
    for (int i = 0; i < t->plan->generated.count; i++)
        row->cols[t->plan->generated_cols[i]] = t->full->cols[t->plan->generated_cols[i]] = expr_result(generated, i);
    return QN_OK;
}

Status
target_check(Target *t, Batch *rows)
{
    TRY(modtable_check_not_null(&t->table, rows));
    if (t->plan->checks.count == 0) return QN_OK;
    return modtable_check(&t->table, t->checks, t->plan->check_names, t->plan->checks.count, t->plan->nview_checks, rows);
}

Status
target_view(ModifyState *s, const Target *t, const Batch *rows, Batch **out)
{
    Ctx *ctx = s->base.ctx;
    const Relation *named = s->plan->rel;
    Batch *view;
    TRY_ALLOC(ctx, view, batch_create(s->tmp, named->ncols + 2));
    for (int c = 0; c < named->ncols; c++) {
        int at = t->plan->map != NULL ? t->plan->map[c] : c;
        Vector *v = at >= 0 ? rows->cols[at] : NULL;
        if (v == NULL) {
            Value null = value_null(named->cols[c].type);
            TRY_ALLOC(ctx, v, vec_new(s->tmp, null.type));
            if (!vec_reserve(s->tmp, v, 1)) return RAISE_OOM(ctx);
            vec_set_const(v, &null);
        }
        view->cols[c] = v;
    }
    view->nrows = rows->nrows;
    view->nsel = rows->nsel;
    view->sel = rows->sel;
    *out = view;
    return QN_OK;
}

/* The columns after a row's own: ctid and tableoid. */
static Status
system_columns(ModifyState *s, const Target *t, Batch *view, const Tid *tids)
{
    Ctx *ctx = s->base.ctx;
    Vector **cols = view->cols + s->plan->rel->ncols;
    Value oid = {.type = TYPE_OID, .phys = PHYS_I32, .i32 = (int32_t)t->rel->oid};
    TRY_ALLOC(ctx, cols[0], vec_new(s->tmp, TYPE_TID));
    TRY_ALLOC(ctx, cols[1], vec_new(s->tmp, TYPE_OID));
    if (!vec_reserve(s->tmp, cols[0], view->nrows) || !vec_reserve(s->tmp, cols[1], 1)) return RAISE_OOM(ctx);
    vec_set_const(cols[1], &oid);
    for (int k = 0; k < view->nsel; k++) ((int64_t *)cols[0]->data)[batch_row(view, k)] = tids[k];
    return QN_OK;
}

Status
target_return(ModifyState *s, Target *t, Batch *in, Batch *stored, const Tid *tids)
{
    Batch *view;
    if (s->returning == NULL || stored->nsel == 0) return QN_OK;
    TRY(target_view(s, t, stored, &view));
    if (s->returns_system) TRY(system_columns(s, t, view, tids));
    TRY(expr_run(s->returning, in, view, stored->sel, stored->nsel, stored->nrows));
    Vector *cols[64], **c = cols;
    int n = expr_count(s->returning);
    if (n > 64) TRY_ALLOC(s->base.ctx, c, ARENA_ARRAY(s->tmp, Vector *, n));
    for (int i = 0; i < n; i++) c[i] = expr_result(s->returning, i);
    return rowstore_append_rows(s->returned, c, stored->sel, stored->nsel, NULL);
}
