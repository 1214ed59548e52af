/* planner.c - from a parsed statement to a plan: bind, rewrite, choose. */
#include "planner/planner.h"
#include "planner/bind_priv.h"
#include "planner/rewrite.h"

Status
plan_statement(Ctx *ctx, Arena *arena, const char *sql, const Ast *stmt, const Oid *param_types, int nparams, Plan **out)
{
    PlanState *ps;
    Query *q;
    int64_t start_us = ctx_now_us();
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    if (nparams > 0) {
        TRY_ALLOC(ctx, ps->param_types, arena_memdup(arena, param_types, sizeof(Oid) * (size_t)nparams));
        ps->nparams = nparams;
    }
    TRY(bind_statement(ps, stmt, &q));
    TRY(passes_run(ps, q));
    TRY(physical_plan(ps, q, out));
    (*out)->plan_time_ms = (double)(ctx_now_us() - start_us) / 1000.0;
    return QN_OK;
}

Status
plan_select_as(Ctx *ctx, Arena *arena, const char *sql, const Ast *select, const Oid *types, const int32_t *typmods, Plan **out)
{
    PlanState *ps;
    Query *q;
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    TRY(bind_statement(ps, select, &q));
    for (int i = 0; i < q->out.count; i++) {
        Expr *e = q->out.items[i];
        TRY(coerce_to_target(ps, e, types[i], typmods[i], CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, &q->out.items[i]));
        if (q->out.items[i] != NULL) continue;
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "expression is of type %s but type %s is needed", type_text(ps, e->type), type_text(ps, types[i]));
    }
    TRY(passes_run(ps, q));
    return physical_plan(ps, q, out);
}

/* Argument i as a value of the parameter's type. */
static Status
bind_argument(Scope *s, const Ast *arg, int i, Oid type, Expr **out)
{
    PlanState *ps = s->ps;
    Expr *e;
    TRY(bind_expr_in(s, arg, CLAUSE_EXECUTE, &e));
    TRY(coerce_to_target(ps, e, type, -1, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, out));
    if (*out != NULL) return QN_OK;
    Status st = RAISE(ps->ctx, ERR_DATATYPE_MISMATCH, "parameter $%d of type %s cannot be coerced to the expected type %s", i + 1,
                      type_text(ps, e->type), type_text(ps, type));
    return err_hint(ps->ctx, err_position(ps->ctx, st, e->loc), "You will need to rewrite or cast the expression.");
}

Status
plan_arguments(Ctx *ctx, Arena *arena, const char *sql, const AstList *args, const Oid *types, Plan **out)
{
    PlanState *ps;
    Binder b = {.ctx = ctx};
    Scope *s;
    Query *q;
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    b.ps = ps;
    TRY(scope_new(&b, NULL, &s));
    TRY_ALLOC(ctx, q, ARENA_NEW(arena, Query));
    TRY_ALLOC(ctx, q->root, lnode_new(ps, LOGICAL_OneRow, -1));
    TRY_ALLOC(ctx, q->out_names, ARENA_ARRAY(arena, const char *, args->count + 1));
    for (int i = 0; i < args->count; i++) {
        Expr *e;
        TRY(bind_argument(s, args->items[i], i, types[i], &e));
        TRY(array_push(ctx, arena, &q->out, e));
        q->out_names[i] = "?column?";
    }
    TRY(passes_run(ps, q));
    return physical_plan(ps, q, out);
}

Status
scope_of_row(Binder *b, Arena *arena, const char *sql, const Relation *rel, Scope **out)
{
    Ctx *ctx = b->ctx;
    PlanState *ps;
    NsItem *item;
    LGet *get;
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    b->ps = ps;
    TRY(scope_new(b, NULL, out));
    if (rel == NULL) return QN_OK;
    /* Relation number INPUT_OUTER is the row itself. */
    TRY_ALLOC(ctx, ps->rels, ARENA_NEW(arena, RelInfo));
    TRY_ALLOC(ctx, get, ARENA_NEW(arena, LGet));
    get->base.tag = LOGICAL_Get;
    get->relation = rel;
    ps->rels[INPUT_OUTER].node = &get->base;
    ps->rels_cap = 1;
    TRY_ALLOC(ctx, item, ARENA_NEW(arena, NsItem));
    item->name = rel->name;
    item->relation = rel;
    item->rel = INPUT_OUTER;
    item->ncols = rel->ncols;
    item->rel_visible = item->cols_visible = item->lateral_ok = true;
    TRY(rel_set_level(*out, item->rel));
    TRY(ns_push(*out, &(*out)->items, item));
    return ns_push(*out, &(*out)->all, item);
}

Status
plan_expression(Ctx *ctx, Arena *arena, const char *sql, const Ast *expr, const Relation *rel, Oid type, int32_t typmod, Expr **out)
{
    Binder b = {.ctx = ctx};
    Scope *s;
    TRY(scope_of_row(&b, arena, sql, rel, &s));
    PlanState *ps = b.ps;
    TRY(bind_expr_in(s, expr, rel != NULL ? CLAUSE_CHECK : CLAUSE_DEFAULT, out));
    if (type == 0) {
        TRY(resolve_unknown(s, out));
        return fold_expr(ps, out);
    }
    Expr *e = *out;
    TRY(coerce_to_target(ps, e, type, typmod, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, out));
    if (*out != NULL) return fold_expr(ps, out);
    Status st = RAISE(ctx, ERR_DATATYPE_MISMATCH, "expression is of type %s but type %s is needed", type_text(ps, e->type), type_text(ps, type));
    st = err_hint(ctx, st, "You will need to rewrite or cast the expression.");
    return err_position(ctx, st, expr_location(e));
}
