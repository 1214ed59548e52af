/* uses.c - what a query refers to, each with where it says so: the dependencies of a view, and what has to change in its text when
 * something it names gets another name. */
#include "parser/deparse.h"
#include "planner/bind_priv.h"
#include "planner/planner.h"

typedef struct Collector {
    PlanState *ps;
    QueryUses *out;
} Collector;

static Status
add_use(Collector *c, Oid oid, int attnum, int loc)
{
    return array_push(c->ps->ctx, c->ps->arena, &c->out->uses, ((ColumnUse){.oid = oid, .attnum = attnum, .loc = loc}));
}

static Status
see_expr(Ctx *ctx, Expr **slot, void *arg)
{
    Collector *c = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_Const || e->tag == EXPR_Param) return QN_OK;
    if (e->tag == EXPR_ColumnRef) {
        const ColumnRefExpr *ref = (const ColumnRefExpr *)e;
        Oid oid = ref->rel > 0 ? c->ps->rels[ref->rel].oid : INVALID_OID;
        return oid != INVALID_OID && ref->col >= 0 ? add_use(c, oid, ref->col + 1, e->loc) : QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, see_expr, arg));
    return expr_children(ctx, e, see_expr, arg);
}

Status
plan_uses(Ctx *ctx, Arena *arena, const char *sql, const Ast *stmt, QueryUses *out)
{
    PlanState *ps;
    Query *q;
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    ps->uses = out;
    *out = (QueryUses){0};
    TRY(bind_statement(ps, stmt, &q));
    Collector c = {ps, out};
    for (int i = 0; i < ps->deps.count; i++) /* functions: nothing of theirs is locked */
        if (ps->deps.items[i].lock_mode == 0 && !ps->deps.items[i].is_indirect) TRY(add_use(&c, ps->deps.items[i].oid, 0, 0));
    for (int i = 1; i <= ps->nrels; i++)
        if (ps->rels[i].oid != INVALID_OID) TRY(add_use(&c, ps->rels[i].oid, 0, 0));
    TRY(query_walk_exprs(ctx, q, see_expr, &c));
    for (int i = 0; i < ps->nctes; i++)
        if (ps->ctes[i].query != NULL) TRY(query_walk_exprs(ctx, ps->ctes[i].query, see_expr, &c));
    return QN_OK;
}

/* "t.a, t.b": what a star stands for. */
Status
note_star(Scope *s, int loc, NsItem *const *items, int n)
{
    StrBuf b = strbuf_new(s->ps->arena);
    StarUse use = {.loc = loc};
    char *text;
    bool first = true;
    if (s->ps->uses == NULL || s->b->view_depth > 0) return QN_OK;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < items[i]->ncols - items[i]->nhidden; k++) {
            if (item_column_dropped(items[i], k)) continue;
            if (!first) strbuf_addz(&b, ", ");
            first = false;
            if (items[i]->name != NULL) {
                deparse_ident(&b, items[i]->name);
                strbuf_addc(&b, '.');
            }
            deparse_ident(&b, item_column_name(items[i], k));
        }
    TRY(strbuf_finish(s->ctx, &b, &text, NULL));
    use.text = text;
    return array_push(s->ctx, s->ps->arena, &s->ps->uses->stars, use);
}

/* An object that the query is right only as long as it is there. */
Status
note_need(Scope *s, Oid oid)
{
    ColumnUse use = {.oid = oid};
    if (s->ps->uses == NULL || s->b->view_depth > 0) return QN_OK;
    return array_push(s->ctx, s->ps->arena, &s->ps->uses->uses, use);
}
