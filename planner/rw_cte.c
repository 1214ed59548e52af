/* rw_cte.c - a WITH query read once (or marked NOT MATERIALIZED) becomes a derived table where it is read, unless it
 * is recursive, modifies data, locks rows or has volatile functions. One nobody reads is dropped. */
#include "planner/rewrite.h"

static Status
find_locks(Ctx *ctx, LNode **slot, void *arg)
{
    if ((*slot)->tag == LOGICAL_LockRows) *(bool *)arg = true;
    TRY(ctx_check_depth(ctx));
    return lnode_children(ctx, *slot, find_locks, arg);
}

static Status
find_any_volatile(Ctx *ctx, Expr **slot, void *arg)
{
    bool found;
    if (*(bool *)arg) return QN_OK;
    TRY(expr_volatile(ctx, *slot, &found));
    if (found && (*slot)->tag != EXPR_SetFunc) *(bool *)arg = true;
    return QN_OK;
}

static Status
can_inline(PlanState *ps, const CteInfo *c, bool *out)
{
    bool no = false;
    *out = false;
    if (c->query == NULL || c->recursive || c->modifies || c->materialized == 1 || c->nrefs != 1) return QN_OK;
    TRY(find_locks(ps->ctx, &c->query->root, &no));
    if (!no) TRY(query_walk_exprs(ps->ctx, c->query, find_any_volatile, &no));
    *out = !no;
    return QN_OK;
}

static Status
inline_tree(Ctx *ctx, LNode **slot, void *arg)
{
    PlanState *ps = arg;
    TRY(ctx_check_depth(ctx));
    TRY(lnode_children(ctx, *slot, inline_tree, arg));
    if ((*slot)->tag != LOGICAL_CteRef) return QN_OK;
    LCteRef *r = (LCteRef *)*slot;
    CteInfo *c = &ps->ctes[r->cte];
    bool yes;
    TRY(can_inline(ps, c, &yes));
    if (!yes) return QN_OK;
    TRY(inline_tree(ctx, &c->query->root, arg)); /* it may begin with another one */
    LProject *p;
    TRY_ALLOC(ctx, p, (LProject *)lnode_new(ps, LOGICAL_Project, -1));
    p->base.rel = r->base.rel; /* columns keep their names */
    p->base.ncols = r->base.ncols;
    p->exprs = c->query->out;
    p->names = c->query->out_names;
    p->alias = r->alias;
    p->is_subquery = true;
    p->base.left = c->query->root;
    ps->rels[p->base.rel].node = (LNode *)p;
    ps->nderived++;
    *slot = (LNode *)p;
    c->query = NULL;
    return QN_OK;
}

static Status
inline_query(PlanState *ps, Query *q)
{
    return inline_tree(ps->ctx, &q->root, ps);
}

Status
rw_cte(PlanState *ps, Query *q)
{
    if (ps->nctes == 0) return QN_OK;
    for (int i = 0; i < ps->nctes; i++)
        if (ps->ctes[i].nrefs == 0 && !ps->ctes[i].modifies) ps->ctes[i].query = NULL;
    return each_query(ps, q, inline_query);
}
