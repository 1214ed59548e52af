/* rw_merge.c - takes out Projects that only rename, and derived tables that compute little: whoever refers to
 * their columns refers to what those are made of. Under the NULL-extended side of an outer join only plain columns
 * may go this way: (SELECT 1 AS x) becomes NULL there, the constant 1 would not. */
#include "planner/rewrite.h"

enum { MERGE_NODES_MAX = 64 }; /* size up to which an expression is computed once more at each use */

typedef struct Merge {
    PlanState *ps;
    ColumnMap map;
    bool nullable;
    bool any;
} Merge;

typedef struct Weight {
    Merge *m;
    int nodes;
} Weight;

/* Size of an expression once the columns in it are replaced. */
static Status
add_weight(Ctx *ctx, Expr **slot, void *arg)
{
    Weight *w = arg;
    Expr *e = *slot;
    if (++w->nodes > MERGE_NODES_MAX) return QN_OK;
    if (e->tag == EXPR_ColumnRef) {
        ColumnRefExpr *c = (ColumnRefExpr *)e;
        if (c->rel < w->m->map.nmap && w->m->map.map[c->rel] != NULL) return add_weight(ctx, &w->m->map.map[c->rel][c->col], arg);
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, e, add_weight, arg);
}

static bool
computes_cheaply(LogicalTag below)
{
    switch (below) {
    case LOGICAL_Get:
    case LOGICAL_Append:
    case LOGICAL_OneRow:
    case LOGICAL_Values:
    case LOGICAL_Function:
    case LOGICAL_CteRef:
    case LOGICAL_WorkTable:
    case LOGICAL_Filter:
    case LOGICAL_Join:
    case LOGICAL_Project: return true;
    default: return false;
    }
}

static Status
can_merge(Merge *m, LProject *p, bool *out)
{
    RelBits made = {0};
    *out = false;
    for (int i = 0; i < p->exprs.count; i++) {
        Expr *e = p->exprs.items[i];
        bool bad;
        if (e->tag == EXPR_ColumnRef) {
            if (!m->nullable) continue;
            if (made.words == NULL) {
                TRY(relbits_new(m->ps, &made));
                TRY(rels_produced(m->ps, p->base.left, &made));
            }
            if (!relbits_has(&made, ((ColumnRefExpr *)e)->rel)) return QN_OK;
            continue;
        }
        if (m->nullable) return QN_OK;
        if (e->tag == EXPR_Const) continue;
        if (!p->is_subquery || !computes_cheaply(p->base.left->tag)) return QN_OK;
        TRY(expr_volatile(m->ps->ctx, e, &bad));
        if (bad) return QN_OK;
        TRY(expr_has_subplan(m->ps->ctx, e, &bad));
        if (bad) return QN_OK;
        Weight w = {m, 0};
        TRY(add_weight(m->ps->ctx, &e, &w));
        if (w.nodes > MERGE_NODES_MAX) return QN_OK;
    }
    *out = true;
    return QN_OK;
}

static Status
merge_tree(Ctx *ctx, LNode **slot, void *arg)
{
    Merge *m = arg;
    LNode *n = *slot;
    TRY(ctx_check_depth(ctx));
    if (n->tag == LOGICAL_Join) {
        JoinType t = ((LJoin *)n)->jointype;
        bool saved = m->nullable;
        m->nullable = saved || t == JOIN_RIGHT || t == JOIN_FULL;
        TRY(merge_tree(ctx, &n->left, m));
        m->nullable = saved || t == JOIN_LEFT || t == JOIN_FULL;
        TRY(merge_tree(ctx, &n->right, m));
        m->nullable = saved;
        LJoin *j = (LJoin *)n; /* a join with the row of SELECT without FROM is no join */
        if (j->jointype == JOIN_INNER && j->conds.count == 0) {
            if (n->left->tag == LOGICAL_OneRow) *slot = n->right;
            else if (n->right->tag == LOGICAL_OneRow) *slot = n->left;
        }
        return QN_OK;
    }
    bool saved = m->nullable;
    /* What lies below a node that makes rows of its own is not NULL-extended column by column. */
    if (n->tag == LOGICAL_Aggregate || n->tag == LOGICAL_SetOp || n->tag == LOGICAL_Recursive || n->tag == LOGICAL_Modify) m->nullable = false;
    TRY(lnode_children(ctx, n, merge_tree, m));
    m->nullable = saved;
    if (n->tag != LOGICAL_Project) return QN_OK;
    LProject *p = (LProject *)n;
    bool yes;
    TRY(can_merge(m, p, &yes));
    if (!yes) return QN_OK;
    TRY_ALLOC(ctx, m->map.map[p->base.rel], p->exprs.items != NULL ? p->exprs.items : ARENA_ARRAY(m->ps->arena, Expr *, 1));
    m->any = true;
    *slot = p->base.left;
    return QN_OK;
}

static Status
collect_merges(Ctx *ctx, Expr **slot, void *arg)
{
    Merge *m = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_Const || e->tag == EXPR_ColumnRef || e->tag == EXPR_Param) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) {
        Query *q = ((SubPlanExpr *)e)->query;
        bool saved = m->nullable;
        m->nullable = false;
        TRY(query_walk_exprs(ctx, q, collect_merges, m));
        TRY(merge_tree(ctx, &q->root, m));
        m->nullable = saved;
    }
    return expr_children(ctx, e, collect_merges, m);
}

static Status
merge_query(Merge *m, Query *q)
{
    m->nullable = false;
    if (m->ps->nsubqueries > 0) TRY(query_walk_exprs(m->ps->ctx, q, collect_merges, m));
    return merge_tree(m->ps->ctx, &q->root, m);
}

Status
rw_merge(PlanState *ps, Query *q)
{
    Merge m = {.ps = ps};
    TRY(column_map_new(ps, &m.map));
    for (int i = 0; i < ps->nctes; i++)
        if (ps->ctes[i].query != NULL) TRY(merge_query(&m, ps->ctes[i].query));
    TRY(merge_query(&m, q));
    if (!m.any) return QN_OK;
    for (int i = 0; i < ps->nctes; i++)
        if (ps->ctes[i].query != NULL) TRY(query_walk_exprs(ps->ctx, ps->ctes[i].query, column_map_expr, &m.map));
    return query_walk_exprs(ps->ctx, q, column_map_expr, &m.map);
}
