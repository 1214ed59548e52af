/* rw_unnest.c - subqueries in conditions become joins where NULLs allow it:
 *
 *     WHERE EXISTS (SELECT ... FROM s WHERE s.k = t.k AND p)      t SEMI JOIN (s WHERE p) ON s.k = t.k
 *     WHERE NOT EXISTS (...)                                      t ANTI JOIN
 *     WHERE x IN (SELECT y FROM s)                                t SEMI JOIN s ON x = y
 *
 * NOT IN stays a subquery: it is NULL, not true, when a y is NULL. What refers to the outer query may stand only in the
 * WHERE of the subquery's own level; anything else stays a subquery, run once for each outer row. */
#include "planner/rewrite.h"


/* Takes apart what does not matter to whether rows exist, and moves conditions that use outer rels to *conds. */
static NOINLINE Status
open_subquery(PlanState *ps, LNode *root, bool exists, LNode **right_out, ExprList *conds, bool *ok)
{
    *ok = false;
    for (bool more = exists; more;) {
        switch ((LogicalTag)root->tag) {
        case LOGICAL_Sort: root = root->left; break;
        case LOGICAL_Distinct: root = root->left; break;
        case LOGICAL_Project: root = root->left; break;
        case LOGICAL_Limit: {
            const LLimit *l = (const LLimit *)root;
            const ConstExpr *n = (const ConstExpr *)l->limit;
            if (l->offset != NULL || n == NULL || n->base.tag != EXPR_Const || n->value.is_null || n->value.i64 <= 0) return QN_OK;
            root = root->left;
            break;
        }
        default: more = false; break;
        }
    }
    RelBits made, free_rels;
    TRY(relbits_new(ps, &made));
    TRY(rels_produced(ps, root, &made));
    if (root->tag == LOGICAL_Filter) {
        LFilter *f = (LFilter *)root;
        ExprList stay = {0};
        for (int i = 0; i < f->conds.count; i++) {
            RelBits used;
            Expr *c = f->conds.items[i];
            bool sub, vol;
            TRY(relbits_new(ps, &used));
            TRY(rels_used(ps, c, &used));
            TRY(expr_has_subplan(ps->ctx, c, &sub));
            TRY(expr_volatile(ps->ctx, c, &vol));
            if (vol) return QN_OK;
            bool correlated = !relbits_subset(&used, &made);
            if (correlated && sub) { /* its own rels are no outer ones */
                RelBits inner_free;
                TRY(relbits_new(ps, &inner_free));
                LFilter one = *f;
                one.conds = (ExprList){&c, 1, 1};
                TRY(rels_free(ps, (LNode *)&one, &inner_free));
                correlated = !relbits_empty(&inner_free);
            }
            TRY(array_push(ps->ctx, ps->arena, correlated ? conds : &stay, c));
        }
        if (stay.count == 0) {
            root = root->left;
        } else {
            LFilter *rest;
            TRY_ALLOC(ps->ctx, rest, LNODE_NEW(ps, Filter, -1));
            rest->conds = stay;
            rest->base.left = root->left;
            root = (LNode *)rest;
        }
    }
    TRY(relbits_new(ps, &free_rels));
    TRY(rels_free(ps, root, &free_rels));
    if (!relbits_empty(&free_rels)) return QN_OK;
    *right_out = root;
    *ok = true;
    return QN_OK;
}

/* Parameters that stand for the subquery's columns become the columns. */
typedef struct ParamMap {
    PlanState *ps;
    const SubPlanExpr *sub;
    const Query *q;
} ParamMap;

static Status
replace_params(Ctx *ctx, Expr **slot, void *arg)
{
    ParamMap *m = arg;
    if ((*slot)->tag == EXPR_Param && ((ParamExpr *)*slot)->kind == PARAM_EXEC)
        for (int i = 0; i < m->sub->ncol_params; i++)
            if (((ParamExpr *)*slot)->id == m->sub->col_params[i]) {
                TRY_ALLOC(ctx, *slot, expr_copy(m->ps->arena, m->q->out.items[i]));
                return QN_OK;
            }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, replace_params, arg);
}

static Status
add_join(PlanState *ps, LNode **slot, JoinType type, LNode *right, const ExprList *conds)
{
    LJoin *j;
    TRY_ALLOC(ps->ctx, j, LNODE_NEW(ps, Join, -1));
    j->jointype = type;
    j->conds = *conds;
    j->base.left = *slot;
    j->base.right = right;
    *slot = (LNode *)j;
    return QN_OK;
}

static NOINLINE Status
unnest_exists(PlanState *ps, LNode **left, SubPlanExpr *sub, bool is_not, bool *done)
{
    Query *q = sub->query;
    ExprList conds = {0};
    LNode *right;
    RelBits made, used;
    *done = false;
    TRY(open_subquery(ps, q->root, true, &right, &conds, done));
    if (!*done || conds.count == 0) { /* uncorrelated: asked once, as an init plan */
        *done = false;
        return QN_OK;
    }
    /* All outer columns must come from this query's own FROM, and some must. */
    TRY(relbits_new(ps, &made));
    TRY(rels_produced(ps, *left, &made));
    TRY(relbits_new(ps, &used));
    for (int i = 0; i < conds.count; i++) TRY(rels_used(ps, conds.items[i], &used));
    if (!relbits_overlap(&used, &made)) {
        *done = false;
        return QN_OK;
    }
    return add_join(ps, left, is_not ? JOIN_ANTI : JOIN_SEMI, right, &conds);
}

static NOINLINE Status
unnest_any(PlanState *ps, LNode **left, SubPlanExpr *sub, bool *done)
{
    Query *q = sub->query;
    ExprList conds = {0};
    LNode *right;
    RelBits made, used;
    bool bad;
    *done = false;
    for (int i = 0; i < q->out.count; i++) {
        TRY(expr_volatile(ps->ctx, q->out.items[i], &bad));
        if (bad) return QN_OK;
    }
    TRY(expr_volatile(ps->ctx, sub->test, &bad));
    if (bad) return QN_OK;
    TRY(relbits_new(ps, &made));
    TRY(relbits_new(ps, &used));
    TRY(rels_produced(ps, *left, &made));
    TRY(rels_used(ps, sub->test, &used));
    if (!relbits_overlap(&used, &made)) return QN_OK; /* 5 IN (SELECT ...) */
    TRY(open_subquery(ps, q->root, false, &right, &conds, done));
    if (!*done) return QN_OK;
    Expr *test = sub->test;
    ParamMap m = {ps, sub, q};
    TRY(replace_params(ps->ctx, &test, &m));
    if (test->tag == EXPR_Bool && ((BoolExpr *)test)->kind == BOOL_AND)
        for (int i = 0; i < ((BoolExpr *)test)->args.count; i++) TRY(array_push(ps->ctx, ps->arena, &conds, ((BoolExpr *)test)->args.items[i]));
    else
        TRY(array_push(ps->ctx, ps->arena, &conds, test));
    return add_join(ps, left, JOIN_SEMI, right, &conds);
}

static NOINLINE Status
unnest_filter(PlanState *ps, LFilter *f)
{
    ExprList stay = {0};
    for (int i = 0; i < f->conds.count; i++) {
        Expr *c = f->conds.items[i];
        bool is_not = c->tag == EXPR_Bool && ((BoolExpr *)c)->kind == BOOL_NOT, done = false;
        SubPlanExpr *sub = (SubPlanExpr *)(is_not ? ((BoolExpr *)c)->args.items[0] : c);
        if (sub->base.tag == EXPR_SubPlan) {
            if (sub->kind == SUBPLAN_EXISTS) TRY(unnest_exists(ps, &f->base.left, sub, is_not, &done));
            else if (sub->kind == SUBPLAN_ANY && !is_not) TRY(unnest_any(ps, &f->base.left, sub, &done));
        }
        if (!done) TRY(array_push(ps->ctx, ps->arena, &stay, c));
    }
    f->conds = stay;
    return QN_OK;
}

/* Conditions of an inner join that hold subqueries are as good above it. */
static NOINLINE Status
lift_join_conds(PlanState *ps, LNode **slot)
{
    LJoin *j = (LJoin *)*slot;
    ExprList lift = {0}, stay = {0};
    for (int i = 0; i < j->conds.count; i++) {
        bool has;
        TRY(expr_has_subplan(ps->ctx, j->conds.items[i], &has));
        TRY(array_push(ps->ctx, ps->arena, has ? &lift : &stay, j->conds.items[i]));
    }
    if (lift.count == 0) return QN_OK;
    LFilter *f;
    j->conds = stay;
    TRY_ALLOC(ps->ctx, f, LNODE_NEW(ps, Filter, -1));
    f->conds = lift;
    f->base.left = (LNode *)j;
    *slot = (LNode *)f;
    return QN_OK;
}

static Status
unnest_tree(Ctx *ctx, LNode **slot, void *arg)
{
    PlanState *ps = arg;
    TRY(ctx_check_depth(ctx));
    TRY(lnode_children(ctx, *slot, unnest_tree, arg));
    if ((*slot)->tag == LOGICAL_Join && ((LJoin *)*slot)->jointype == JOIN_INNER) TRY(lift_join_conds(ps, slot));
    if ((*slot)->tag != LOGICAL_Filter) return QN_OK;
    LFilter *f = (LFilter *)*slot;
    TRY(unnest_filter(ps, f));
    if (f->conds.count == 0) *slot = f->base.left;
    return QN_OK;
}

static Status
unnest_query(PlanState *ps, Query *q)
{
    return unnest_tree(ps->ctx, &q->root, ps);
}

Status
rw_unnest(PlanState *ps, Query *q)
{
    if (ps->nsubqueries == 0) return QN_OK;
    return each_query(ps, q, unnest_query);
}

/* ---- LATERAL ---- */

/* JOIN LATERAL (SELECT ... FROM s WHERE s.k = t.k): the condition is the join's, and the join is an ordinary one. */
static Status
free_lateral(Ctx *ctx, LNode **slot, void *arg)
{
    PlanState *ps = arg;
    TRY(ctx_check_depth(ctx));
    TRY(lnode_children(ctx, *slot, free_lateral, arg));
    LJoin *j = (LJoin *)*slot;
    if (j->base.tag != LOGICAL_Join || !j->lateral || (j->jointype != JOIN_INNER && j->jointype != JOIN_LEFT)) return QN_OK;
    RelBits left, used, free_rels;
    TRY(relbits_new(ps, &left));
    TRY(rels_produced(ps, j->base.left, &left));
    if (j->base.right->tag == LOGICAL_Filter) {
        LFilter *f = (LFilter *)j->base.right;
        ExprList stay = {0};
        for (int i = 0; i < f->conds.count; i++) {
            bool vol;
            TRY(relbits_new(ps, &used));
            TRY(rels_used(ps, f->conds.items[i], &used));
            TRY(expr_volatile(ctx, f->conds.items[i], &vol));
            TRY(array_push(ctx, ps->arena, relbits_overlap(&used, &left) && !vol ? &j->conds : &stay, f->conds.items[i]));
        }
        f->conds = stay;
        if (stay.count == 0) j->base.right = f->base.left;
    }
    TRY(relbits_new(ps, &free_rels));
    TRY(rels_free(ps, j->base.right, &free_rels));
    j->lateral = relbits_overlap(&free_rels, &left);
    return QN_OK;
}

static Status
lateral_query(PlanState *ps, Query *q)
{
    return free_lateral(ps->ctx, &q->root, ps);
}

Status
rw_lateral(PlanState *ps, Query *q)
{
    return each_query(ps, q, lateral_query);
}
