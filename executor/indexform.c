/* indexform.c - see indexform.h. */
#include "executor/indexform.h"
#include "common/bits.h"

/* A plan of nothing, for the programs to belong to. */
static Status
open_exec(IndexForm *f, Arena *arena)
{
    Ctx *ctx = f->ctx;
    Plan *plan;
    ResultPlan *root;
    TRY_ALLOC(ctx, plan, ARENA_NEW(arena, Plan));
    TRY_ALLOC(ctx, root, ARENA_NEW(arena, ResultPlan));
    root->base.tag = PLAN_Result;
    plan->root = &root->base;
    plan->nnodes = 1;
    TRY(exec_build(ctx, arena, plan, 0, &f->exec));
    return exec_start(f->exec, NULL, 0);
}

static Status
open_programs(IndexForm *f, Arena *arena)
{
    Ctx *ctx = f->ctx;
    const IndexDef *def = f->def;
    ExprList computed = {0};
    DepSet deps = 0;
    if (ctx->plan_index == NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "indexes on expressions and partial indexes need a session");
    TRY(ctx->plan_index(ctx, arena, f->rel, def, &f->exprs));
    TRY(open_exec(f, arena));
    TRY_ALLOC(ctx, f->at, ARENA_ARRAY(arena, int, def->ncols));
    TRY_ALLOC(ctx, computed.items, ARENA_ARRAY(arena, Expr *, def->ncols));
    for (int k = 0; k < def->ncols; k++) {
        f->at[k] = computed.count;
        if (f->exprs.columns[k] != NULL) computed.items[computed.count++] = f->exprs.columns[k];
    }
    if (computed.count > 0) TRY(expr_compile(f->exec, &computed, &deps, &f->columns));
    if (f->exprs.predicate.count > 0) TRY(expr_compile_filter(f->exec, &f->exprs.predicate, &deps, &f->predicate));
    TRY_ALLOC(ctx, f->room, arena_alloc(arena, BATCH_ROWS * sizeof(uint16_t)));
    return QN_OK;
}

static Status
list_attrs(IndexForm *f, Arena *arena)
{
    const IndexDef *def = f->def;
    uint64_t *seen;
    TRY_ALLOC(f->ctx, seen, arena_zalloc(arena, BITS_WORDS(f->rel->ncols + 1) * sizeof(uint64_t)));
    TRY_ALLOC(f->ctx, f->attrs, ARENA_ARRAY(arena, int, f->rel->ncols + 1));
    for (int k = 0; k < def->ncols; k++)
        if (def->attnums[k] > 0) bits_set(seen, (size_t)def->attnums[k] - 1);
    for (int k = 0; k < def->nuses; k++) bits_set(seen, (size_t)def->uses[k] - 1);
    for (int a = 0; a < f->rel->ncols; a++)
        if (bits_get(seen, (size_t)a)) f->attrs[f->nattrs++] = a;
    return QN_OK;
}

Status
indexform_open(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *def, IndexForm **out)
{
    IndexForm *f;
    TRY_ALLOC(ctx, f, ARENA_NEW(arena, IndexForm));
    *out = f;
    f->ctx = ctx;
    f->rel = rel;
    f->def = def;
    TRY_ALLOC(ctx, f->cols, ARENA_ARRAY(arena, Vector *, def->ncols));
    TRY_ALLOC(ctx, f->row, batch_create(arena, rel->ncols));
    TRY(list_attrs(f, arena));
    return index_is_plain(def) ? QN_OK : open_programs(f, arena);
}

void
indexform_close(IndexForm *f)
{
    if (f == NULL) return;
    expr_prog_close(f->columns);
    expr_prog_close(f->predicate);
    f->columns = f->predicate = NULL;
    exec_destroy(f->exec);
    f->exec = NULL;
}

Status
indexform_rows(IndexForm *f, Batch *rows)
{
    const IndexDef *def = f->def;
    f->sel = rows->sel;
    f->n = rows->nsel;
    if (f->predicate != NULL) {
        TRY(expr_filter(f->predicate, rows, NULL, f->sel, f->n, rows->nrows, f->room, &f->n));
        f->sel = f->room;
    }
    if (f->columns != NULL && f->n > 0) TRY(expr_run(f->columns, rows, NULL, f->sel, f->n, rows->nrows));
    for (int k = 0; k < def->ncols; k++)
        f->cols[k] = def->attnums[k] > 0 ? rows->cols[def->attnums[k] - 1] : expr_result(f->columns, f->at[k]);
    return QN_OK;
}

Status
indexform_fetched(IndexForm *f, const Batch *rows)
{
    for (int i = 0; i < f->nattrs; i++) f->row->cols[f->attrs[i]] = rows->cols[i];
    f->row->nrows = rows->nrows;
    f->row->nsel = rows->nsel;
    f->row->sel = rows->sel;
    return indexform_rows(f, f->row);
}
