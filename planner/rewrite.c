/* rewrite.c - sets of rels, substitution of columns, walks: what the rewrites share. */
#include "planner/rewrite.h"

Status
relbits_new(PlanState *ps, RelBits *out)
{
    out->nwords = ps->nrels / 64 + 1;
    TRY_ALLOC(ps->ctx, out->words, ARENA_ARRAY(ps->arena, uint64_t, out->nwords));
    return QN_OK;
}

bool
relbits_overlap(const RelBits *a, const RelBits *b)
{
    for (int i = 0; i < a->nwords && i < b->nwords; i++)
        if (a->words[i] & b->words[i]) return true;
    return false;
}

bool
relbits_subset(const RelBits *a, const RelBits *b)
{
    for (int i = 0; i < a->nwords; i++)
        if (a->words[i] & ~(i < b->nwords ? b->words[i] : 0)) return false;
    return true;
}

bool
relbits_empty(const RelBits *a)
{
    for (int i = 0; i < a->nwords; i++)
        if (a->words[i] != 0) return false;
    return true;
}

static Status
add_used(Ctx *ctx, Expr **slot, void *arg)
{
    Expr *e = *slot;
    if (e->tag == EXPR_ColumnRef) {
        relbits_add(arg, ((ColumnRefExpr *)e)->rel);
        return QN_OK;
    }
    if (e->tag == EXPR_Const || e->tag == EXPR_Param) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, add_used, arg));
    return expr_children(ctx, e, add_used, arg);
}

Status
rels_used(PlanState *ps, Expr *e, RelBits *out)
{
    return add_used(ps->ctx, &e, out);
}

static Status
add_produced(Ctx *ctx, LNode **slot, void *arg)
{
    if ((*slot)->rel != 0) relbits_add(arg, (*slot)->rel);
    if ((*slot)->tag == LOGICAL_Modify && ((LModify *)*slot)->excluded_rel != 0) relbits_add(arg, ((LModify *)*slot)->excluded_rel);
    TRY(ctx_check_depth(ctx));
    return lnode_children(ctx, *slot, add_produced, arg);
}

Status
rels_produced(PlanState *ps, LNode *root, RelBits *out)
{
    return add_produced(ps->ctx, &root, out);
}

/* Subqueries in expressions make rels of their own, which are not free either. */
static Status
add_produced_inside(Ctx *ctx, Expr **slot, void *arg)
{
    Expr *e = *slot;
    if (e->tag == EXPR_Const || e->tag == EXPR_Param || e->tag == EXPR_ColumnRef) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) {
        Query *q = ((SubPlanExpr *)e)->query;
        TRY(add_produced(ctx, &q->root, arg));
        TRY(query_walk_exprs(ctx, q, add_produced_inside, arg));
    }
    return expr_children(ctx, e, add_produced_inside, arg);
}

typedef struct FreeRels {
    PlanState *ps;
    RelBits *made, *used;
} FreeRels;

/* A WITH query belongs to where it is read. */
static Status
add_ctes(Ctx *ctx, LNode **slot, void *arg)
{
    FreeRels *f = arg;
    TRY(ctx_check_depth(ctx));
    Query *q = (*slot)->tag == LOGICAL_CteRef ? f->ps->ctes[((LCteRef *)*slot)->cte].query : NULL;
    if (q != NULL) {
        TRY(add_produced(ctx, &q->root, f->made));
        TRY(query_walk_exprs(ctx, q, add_produced_inside, f->made));
        TRY(query_walk_exprs(ctx, q, add_used, f->used));
        TRY(add_ctes(ctx, &q->root, arg));
    }
    return lnode_children(ctx, *slot, add_ctes, arg);
}

Status
rels_free(PlanState *ps, LNode *root, RelBits *out)
{
    RelBits made;
    TRY(relbits_new(ps, &made));
    TRY(rels_produced(ps, root, &made));
    TRY(tree_walk_exprs(ps->ctx, root, add_produced_inside, &made));
    TRY(tree_walk_exprs(ps->ctx, root, add_used, out));
    TRY(add_ctes(ps->ctx, &root, &(FreeRels){ps, &made, out}));
    for (int i = 0; i < out->nwords && i < made.nwords; i++) out->words[i] &= ~made.words[i];
    return QN_OK;
}

/* ---- substitution ---- */

Status
column_map_new(PlanState *ps, ColumnMap *out)
{
    out->ps = ps;
    out->nmap = ps->nrels + 1;
    out->once = false;
    TRY_ALLOC(ps->ctx, out->map, ARENA_ARRAY(ps->arena, Expr **, out->nmap));
    return QN_OK;
}

Status
column_map_expr(Ctx *ctx, Expr **slot, void *arg)
{
    ColumnMap *m = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_Const || e->tag == EXPR_Param) return QN_OK;
    if (e->tag == EXPR_ColumnRef) {
        ColumnRefExpr *c = (ColumnRefExpr *)e;
        if (c->rel >= m->nmap || m->map[c->rel] == NULL) return QN_OK;
        Expr *to = m->map[c->rel][c->col];
        TRY_ALLOC(ctx, to, expr_copy(m->ps->arena, to));
        *slot = to;
        if (m->once) return QN_OK;
        TRY(ctx_check_depth(ctx));
        return column_map_expr(ctx, slot, arg); /* what it is made of may be replaced as well */
    }
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, column_map_expr, arg));
    return expr_children(ctx, e, column_map_expr, arg);
}

/* ---- questions ---- */

static Status
find_subplan(Ctx *ctx, Expr **slot, void *arg)
{
    if ((*slot)->tag == EXPR_SubPlan) {
        *(bool *)arg = true;
        return QN_OK;
    }
    if ((*slot)->tag == EXPR_Const || (*slot)->tag == EXPR_ColumnRef) return QN_OK;
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, find_subplan, arg);
}

Status
expr_has_subplan(Ctx *ctx, Expr *e, bool *out)
{
    *out = false;
    return find_subplan(ctx, &e, out);
}

static Status
find_volatile(Ctx *ctx, Expr **slot, void *arg)
{
    Expr *e = *slot;
    bool *found = arg;
    if (*found || e->tag == EXPR_Const || e->tag == EXPR_ColumnRef || e->tag == EXPR_Param) return QN_OK;
    if (e->tag == EXPR_SetFunc || (e->tag == EXPR_Func && !(((FuncExpr *)e)->fn->flags & (FN_IMMUTABLE | FN_STABLE)))) {
        *found = true;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, find_volatile, arg));
    return expr_children(ctx, e, find_volatile, arg);
}

Status
expr_volatile(Ctx *ctx, Expr *e, bool *out)
{
    *out = false;
    return find_volatile(ctx, &e, out);
}

/* ---- every query of the statement ---- */

typedef struct QueryWalk {
    PlanState *ps;
    ARRAY(Query *) queries;
} QueryWalk;

static Status
collect_queries(Ctx *ctx, Expr **slot, void *arg)
{
    QueryWalk *w = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_Const || e->tag == EXPR_ColumnRef || e->tag == EXPR_Param) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) {
        Query *q = ((SubPlanExpr *)e)->query;
        TRY(query_walk_exprs(ctx, q, collect_queries, arg)); /* inner ones first */
        for (int i = 0; i < w->queries.count; i++)
            if (w->queries.items[i] == q) return expr_children(ctx, e, collect_queries, arg);
        TRY(array_push(ctx, w->ps->arena, &w->queries, q));
    }
    return expr_children(ctx, e, collect_queries, arg);
}

Status
each_query(PlanState *ps, Query *q, Status (*fn)(PlanState *ps, Query *q))
{
    QueryWalk w = {.ps = ps};
    if (ps->nsubqueries == 0 && ps->nctes == 0) return fn(ps, q);
    for (int i = 0; i < ps->nctes; i++) {
        if (ps->ctes[i].query == NULL) continue;
        TRY(query_walk_exprs(ps->ctx, ps->ctes[i].query, collect_queries, &w));
        TRY(array_push(ps->ctx, ps->arena, &w.queries, ps->ctes[i].query));
    }
    TRY(query_walk_exprs(ps->ctx, q, collect_queries, &w));
    TRY(array_push(ps->ctx, ps->arena, &w.queries, q));
    for (int i = 0; i < w.queries.count; i++) TRY(fn(ps, w.queries.items[i]));
    return QN_OK;
}
