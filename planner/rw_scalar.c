/* rw_scalar.c - a correlated aggregate becomes a grouped derived table that is joined once:
 *
 *     SELECT ... FROM t WHERE t.x > (SELECT avg(s.x) FROM s WHERE s.k = t.k AND p)
 *     SELECT ... FROM t LEFT JOIN (SELECT k, avg(x) AS a FROM s WHERE p GROUP BY k) g ON g.k = t.k WHERE t.x > g.a
 *
 * For a row of t without a partner every aggregate is NULL, as over no rows, but for count, which is 0. Only equalities
 * can become the grouping key. Where an index leads with the key the subquery is left as it is: probing it for each
 * outer row reads little, and grouping all of s may not be worth it for the few rows a LIMIT asks for. */
#include "planner/rewrite.h"
#include "types/agg_user.h"

typedef struct Correlation {
    FuncExpr *eq;
    int inner; /* which argument is the subquery's */
} Correlation;

typedef struct Scalar {
    PlanState *ps;
    LNode **left; /* the tree the expression is over */
    SubPlanExpr *sub;
    LAggregate *agg;
    ARRAY(Correlation) keys;
    ExprList stay;
    RelBits inner;
} Scalar;

static bool
index_leads_with(PlanState *ps, const Expr *e)
{
    if (e->tag == EXPR_Relabel) e = ((const RelabelExpr *)e)->arg;
    if (e->tag != EXPR_ColumnRef) return false;
    const ColumnRefExpr *c = (const ColumnRefExpr *)e;
    const LNode *n = ps->rels[c->rel].node;
    if (n->tag != LOGICAL_Get) return false;
    const Relation *r = ((const LGet *)n)->relation;
    for (int i = 0; i < r->nindexes; i++)
        if (r->indexes[i]->nkeys > 0 && r->indexes[i]->attnums[0] == c->col + 1) return true;
    return false;
}

/* One condition of the subquery's WHERE: uncorrelated, or an equality of an inner and an outer side. */
static Status
sort_out(Scalar *w, Expr *c, bool *ok)
{
    PlanState *ps = w->ps;
    RelBits used, a, b;
    bool sub, vol;
    TRY(relbits_new(ps, &used));
    TRY(rels_used(ps, c, &used));
    TRY(expr_volatile(ps->ctx, c, &vol));
    *ok = !vol;
    if (vol) return QN_OK;
    if (relbits_subset(&used, &w->inner)) return array_push(ps->ctx, ps->arena, &w->stay, c);
    TRY(expr_has_subplan(ps->ctx, c, &sub));
    FuncExpr *f = (FuncExpr *)c;
    *ok = !sub && f->base.tag == EXPR_Func && f->op != NULL && f->op->sel == SEL_EQ && f->op->can_hash && f->args.count == 2;
    if (!*ok) return QN_OK;
    TRY(relbits_new(ps, &a));
    TRY(relbits_new(ps, &b));
    TRY(rels_used(ps, f->args.items[0], &a));
    TRY(rels_used(ps, f->args.items[1], &b));
    Correlation k = {f, 0};
    if (!relbits_empty(&a) && relbits_subset(&a, &w->inner) && !relbits_overlap(&b, &w->inner)) k.inner = 0;
    else if (!relbits_empty(&b) && relbits_subset(&b, &w->inner) && !relbits_overlap(&a, &w->inner)) k.inner = 1;
    else *ok = false;
    if (*ok && index_leads_with(ps, f->args.items[k.inner])) *ok = false;
    return *ok ? array_push(ps->ctx, ps->arena, &w->keys, k) : QN_OK;
}

/* Whether all the rest of the subquery knows nothing of the outer query, and the keys' other sides are the tree's. */
static Status
check_rest(Scalar *w, LNode *below, bool *ok)
{
    PlanState *ps = w->ps;
    RelBits free_rels, used, left;
    *ok = false;
    TRY(relbits_new(ps, &free_rels));
    TRY(rels_free(ps, below, &free_rels));
    if (!relbits_empty(&free_rels)) return QN_OK;
    for (int i = 0; i < w->agg->aggs.count; i++) {
        bool sub;
        if (agg_is_user(((const AggExpr *)w->agg->aggs.items[i])->agg)) return QN_OK; /* of no rows it may be anything */
        TRY(relbits_new(ps, &used));
        TRY(rels_used(ps, w->agg->aggs.items[i], &used));
        TRY(expr_has_subplan(ps->ctx, w->agg->aggs.items[i], &sub));
        if (sub || !relbits_subset(&used, &w->inner)) return QN_OK;
    }
    TRY(relbits_new(ps, &left));
    TRY(rels_produced(ps, *w->left, &left));
    for (int i = 0; i < w->keys.count; i++) {
        TRY(relbits_new(ps, &used));
        TRY(rels_used(ps, w->keys.items[i].eq->args.items[1 - w->keys.items[i].inner], &used));
        if (relbits_empty(&used) || !relbits_subset(&used, &left)) return QN_OK;
    }
    *ok = true;
    return QN_OK;
}

static bool
is_count(const Expr *e)
{
    const char *name = ((const AggExpr *)e)->agg->name;
    return strcmp(name, "count") == 0 || strcmp(name, "regr_count") == 0;
}

/* The Aggregate gets the keys, its columns move up by as many, and the subquery's result is an expression over them. */
static Status
regroup(Scalar *w, Expr **slot)
{
    PlanState *ps = w->ps;
    LAggregate *g = w->agg;
    LJoin *join;
    int nkeys = w->keys.count, naggs = g->aggs.count;
    ColumnMap map;
    Expr *out;

    TRY_ALLOC(ps->ctx, join, LNODE_NEW(ps, Join, -1));
    join->jointype = JOIN_LEFT;
    for (int i = 0; i < nkeys; i++) {
        Correlation *k = &w->keys.items[i];
        TRY(array_push(ps->ctx, ps->arena, &g->keys, k->eq->args.items[k->inner]));
    }
    g->base.ncols = nkeys + naggs;
    for (int i = 0; i < nkeys; i++) {
        Correlation *k = &w->keys.items[i];
        TRY_ALLOC(ps->ctx, k->eq->args.items[k->inner], rel_column_ref(ps, g->base.rel, i));
        TRY(array_push(ps->ctx, ps->arena, &join->conds, (Expr *)k->eq));
    }
    join->base.left = *w->left;
    join->base.right = (LNode *)g;
    *w->left = (LNode *)join;

    Expr **cols; /* what column i of the Aggregate was */
    TRY_ALLOC(ps->ctx, cols, ARENA_ARRAY(ps->arena, Expr *, naggs + 1));
    for (int i = 0; i < naggs; i++) {
        TRY_ALLOC(ps->ctx, cols[i], rel_column_ref(ps, g->base.rel, nkeys + i));
        if (!is_count(g->aggs.items[i])) continue;
        CoalesceExpr *c;
        Expr *zero;
        Value v = value_i64(TYPE_INT8, 0);
        TRY_ALLOC(ps->ctx, c, EXPR_NEW(ps->arena, Coalesce, cols[i]->type, -1, 0));
        TRY_ALLOC(ps->ctx, zero, make_const(ps, &v, -1, 0));
        TRY(array_push(ps->ctx, ps->arena, &c->args, cols[i]));
        TRY(array_push(ps->ctx, ps->arena, &c->args, zero));
        cols[i] = (Expr *)c;
    }
    /* Not column_map_expr: what replaces a column refers to the same rel. */
    TRY(column_map_new(ps, &map));
    map.once = true;
    map.map[g->base.rel] = cols;
    TRY_ALLOC(ps->ctx, out, expr_copy(ps->arena, ((Query *)w->sub->query)->out.items[0]));
    TRY(column_map_expr(ps->ctx, &out, &map));
    *slot = out;
    return QN_OK;
}

static NOINLINE Status
try_scalar(PlanState *ps, LNode **left, Expr **slot)
{
    SubPlanExpr *sub = (SubPlanExpr *)*slot;
    Query *q = sub->query;
    Scalar w = {.ps = ps, .left = left, .sub = sub};
    bool ok, vol;
    if (sub->kind != SUBPLAN_SCALAR || q->root->tag != LOGICAL_Aggregate) return QN_OK;
    w.agg = (LAggregate *)q->root;
    if (w.agg->keys.count > 0 || w.agg->nsets > 0 || w.agg->base.left->tag != LOGICAL_Filter) return QN_OK;
    TRY(expr_volatile(ps->ctx, q->out.items[0], &vol));
    if (vol) return QN_OK;
    LFilter *f = (LFilter *)w.agg->base.left;
    TRY(relbits_new(ps, &w.inner));
    TRY(rels_produced(ps, f->base.left, &w.inner));
    for (int i = 0; i < f->conds.count; i++) {
        TRY(sort_out(&w, f->conds.items[i], &ok));
        if (!ok) return QN_OK;
    }
    if (w.keys.count == 0) return QN_OK; /* uncorrelated: run once */
    RelBits out_rels, known; /* the result may only be made of the aggregates */
    TRY(relbits_new(ps, &out_rels));
    TRY(relbits_new(ps, &known));
    relbits_add(&known, w.agg->base.rel);
    TRY(rels_used(ps, q->out.items[0], &out_rels));
    if (!relbits_subset(&out_rels, &known)) return QN_OK;
    TRY(expr_has_subplan(ps->ctx, q->out.items[0], &ok));
    if (ok) return QN_OK;
    LFilter rest = *f;
    rest.conds = w.stay;
    TRY(check_rest(&w, (LNode *)&rest, &ok));
    if (!ok) return QN_OK;
    f->conds = w.stay;
    if (w.stay.count == 0) w.agg->base.left = f->base.left;
    return regroup(&w, slot);
}

typedef struct ScalarWalk {
    PlanState *ps;
    LNode **left;
} ScalarWalk;

/* Only where the subquery would be run in any case: not inside CASE, AND, OR, COALESCE. */
static Status
walk_scalar(Ctx *ctx, Expr **slot, void *arg)
{
    ScalarWalk *w = arg;
    switch ((ExprTag)(*slot)->tag) {
    case EXPR_SubPlan: return try_scalar(w->ps, w->left, slot);
    case EXPR_Func:
    case EXPR_Relabel:
    case EXPR_CoerceIO:
        TRY(ctx_check_depth(ctx));
        return expr_children(ctx, *slot, walk_scalar, arg);
    default: return QN_OK;
    }
}

static bool
can_join_here(const LNode *n)
{
    return n->tag == LOGICAL_Get || n->tag == LOGICAL_Append || n->tag == LOGICAL_Join || n->tag == LOGICAL_Filter;
}

static Status
scalar_tree(Ctx *ctx, LNode **slot, void *arg)
{
    PlanState *ps = arg;
    TRY(ctx_check_depth(ctx));
    TRY(lnode_children(ctx, *slot, scalar_tree, arg));
    LNode *n = *slot;
    ScalarWalk w = {ps, &n->left};
    if (n->tag == LOGICAL_Filter && can_join_here(n->left)) {
        LFilter *f = (LFilter *)n;
        for (int i = 0; i < f->conds.count; i++) TRY(walk_scalar(ctx, &f->conds.items[i], &w));
    } else if (n->tag == LOGICAL_Project && can_join_here(n->left)) {
        LProject *p = (LProject *)n;
        for (int i = 0; i < p->exprs.count; i++) TRY(walk_scalar(ctx, &p->exprs.items[i], &w));
    }
    return QN_OK;
}

static Status
scalar_query(PlanState *ps, Query *q)
{
    TRY(scalar_tree(ps->ctx, &q->root, ps));
    ScalarWalk w = {ps, &q->root};
    for (int i = 0; i < q->out.count && can_join_here(q->root); i++) TRY(walk_scalar(ps->ctx, &q->out.items[i], &w));
    return QN_OK;
}

Status
rw_scalar(PlanState *ps, Query *q)
{
    if (ps->nsubqueries == 0) return QN_OK;
    return each_query(ps, q, scalar_query);
}
