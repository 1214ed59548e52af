/* bind_select.c - one SELECT: its clauses bound in PostgreSQL's order (so that the same error comes first), then
 * the tree from FROM up: Filter, Aggregate, Filter, Window, ProjectSet, Project, Distinct, Sort, Limit. */
#include "planner/bind_priv.h"
#include "planner/plan.h"

/* ---- the select list ---- */

static Status
add_target(SelectState *st, Expr *e, const char *name, bool junk)
{
    Target t = {e, name, junk};
    return array_push(st->scope->ctx, st->scope->ps->arena, &st->targets, t);
}

static Status
expand_item(SelectState *st, const NsItem *item, int loc)
{
    for (int i = 0; i < item->ncols - item->nhidden; i++) {
        Expr *e;
        if (item_column_dropped(item, i)) continue;
        TRY(item_column(st->scope, item, i, loc, &e));
        TRY(add_target(st, e, item_column_name(item, i), false));
    }
    return QN_OK;
}

static NOINLINE Status
expand_star(SelectState *st, const ColumnRef *c)
{
    Scope *s = st->scope;
    if (c->fields.count == 1) {
        NsList seen = {0};
        for (int i = 0; i < s->items.count; i++) {
            NsItem *item = s->items.items[i];
            if (!item->cols_visible || item->lateral_only) continue;
            TRY(ns_push(s, &seen, item));
            TRY(expand_item(st, item, c->loc));
        }
        TRY(note_star(s, c->loc, seen.items, seen.count));
        if (seen.count == 0) return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "SELECT * with no tables specified is not valid"), c->loc);
        return QN_OK;
    }
    int n = c->fields.count;
    const char *table = ast_str(c->fields.items[n - 2]), *schema = n > 2 ? ast_str(c->fields.items[n - 3]) : NULL;
    NsItem *item;
    TRY(scope_find_item(s, schema, table, c->loc, &item, NULL));
    if (item == NULL) return raise_missing_table(s, schema, table, c->loc);
    TRY(note_star(s, c->loc, &item, 1));
    return expand_item(st, item, c->loc);
}

/* (expr).* */
static NOINLINE Status
expand_record(SelectState *st, const A_Indirection *a)
{
    Scope *s = st->scope;
    A_Indirection inner = *a;
    Expr *e;
    inner.path.count--;
    TRY(bind_expr(s, inner.path.count > 0 ? (const Ast *)&inner : a->arg, &e));
    TypeShape shape = {0};
    if (e->tag != EXPR_Row) TRY(expr_shape(s->ps, e, &shape));
    for (int i = 0; i < shape.n; i++) {
        Expr *arg, *f;
        if (shape.names[i] == NULL) continue;
        TRY_ALLOC(s->ctx, arg, expr_copy(s->ps->arena, e));
        TRY(field_of(s, arg, &shape, i, a->loc, &f));
        TRY(add_target(st, f, shape.names[i], false));
    }
    if (shape.n > 0) return QN_OK;
    if (e->tag != EXPR_Row)
        return err_position(s->ctx, RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "record type has not been registered"), a->loc);
    RowExpr *r = (RowExpr *)e;
    for (int i = 0; i < r->fields.count; i++) {
        char *name;
        if (r->names != NULL && r->names[i] == NULL) continue; /* dropped */
        TRY_ALLOC(s->ctx, name, r->names != NULL ? arena_strdup(s->ps->arena, r->names[i]) : arena_printf(s->ps->arena, "f%d", i + 1));
        TRY(add_target(st, r->fields.items[i], name, false));
    }
    return QN_OK;
}

Status
bind_targets(SelectState *st, const AstList *targets, Clause clause)
{
    Scope *s = st->scope;
    Clause saved = s->clause;
    s->clause = clause;
    if (!array_reserve(s->ps->arena, &st->targets, targets->count)) return RAISE_OOM(s->ctx);
    for (int i = 0; i < targets->count; i++) {
        const ResTarget *t = AST_AS(ResTarget, targets->items[i]);
        const Ast *v = t->value;
        Expr *e;
        if (ast_is(v, ColumnRef)) {
            const ColumnRef *c = (const ColumnRef *)v;
            if (ast_is(c->fields.items[c->fields.count - 1], A_Star)) {
                TRY(expand_star(st, c));
                continue;
            }
        } else if (ast_is(v, A_Indirection)) {
            const A_Indirection *ind = (const A_Indirection *)v;
            if (ast_is(ind->path.items[ind->path.count - 1], A_Star)) {
                TRY(expand_record(st, ind));
                continue;
            }
        }
        TRY(bind_expr(s, v, &e));
        TRY(add_target(st, e, t->name != NULL ? t->name : figure_column_name(v), false));
    }
    s->clause = saved;
    return QN_OK;
}

/* ---- ORDER BY, GROUP BY, DISTINCT ON: which target is meant ---- */

static Status
target_by_position(SelectState *st, const A_Const *c, Clause clause, int *out)
{
    Scope *s = st->scope;
    if (c->kind != AST_CONST_INT)
        return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "non-integer constant in %s", clause_name(clause)), c->loc);
    int64_t pos = 0;
    for (int i = 0; i < st->targets.count; i++)
        if (!st->targets.items[i].junk && ++pos == c->ival) {
            *out = i;
            return QN_OK;
        }
    Status status = RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "%s position %lld is not in select list", clause_name(clause), (long long)c->ival);
    return err_position(s->ctx, status, c->loc);
}

/* An output column of this name: -1 if there is none. */
static Status
target_by_name(SelectState *st, const char *name, Clause clause, int loc, int *out)
{
    *out = -1;
    for (int i = 0; i < st->targets.count; i++) {
        const Target *t = &st->targets.items[i];
        if (t->junk || t->name == NULL || strcmp(t->name, name) != 0) continue;
        if (*out >= 0 && !expr_equal(st->targets.items[*out].expr, t->expr)) {
            Status status = RAISE(st->scope->ctx, ERR_AMBIGUOUS_COLUMN, "%s \"%s\" is ambiguous", clause_name(clause), name);
            return err_position(st->scope->ctx, status, loc);
        }
        if (*out < 0) *out = i;
    }
    return QN_OK;
}

Status
find_target(SelectState *st, const Ast *a, Clause clause, int *target_out)
{
    Scope *s = st->scope;
    Expr *e;
    if (ast_is(a, A_Const)) return target_by_position(st, (const A_Const *)a, clause, target_out);
    if (ast_is(a, ColumnRef) && ((const ColumnRef *)a)->fields.count == 1 && ast_is(((const ColumnRef *)a)->fields.items[0], StringNode)) {
        const char *name = ast_str(((const ColumnRef *)a)->fields.items[0]);
        bool is_column = false;
        if (clause == CLAUSE_GROUP_BY) { /* SQL says: a column of FROM goes before an output name */
            TRY(bind_column_name(s, name, ((const ColumnRef *)a)->loc, true, &e));
            is_column = e != NULL;
        }
        if (!is_column) {
            TRY(target_by_name(st, name, clause, ((const ColumnRef *)a)->loc, target_out));
            if (*target_out >= 0) return QN_OK;
        }
    }
    TRY(bind_expr_in(s, a, clause, &e));
    for (int i = 0; i < st->targets.count; i++)
        if (expr_equal(st->targets.items[i].expr, e)) {
            *target_out = i;
            return QN_OK;
        }
    *target_out = st->targets.count;
    return add_target(st, e, NULL, true);
}

/* Direction and operator of a sort key; *slot may be given the type text. */
Status
sort_item_make(Scope *s, Expr **slot, const SortBy *sb, SortItem *out)
{
    TRY(resolve_unknown(s, slot));
    out->desc = sb->dir == AST_SORT_DESC;
    Status st;
    if (sb->dir == AST_SORT_USING) {
        const Operator *op;
        TRY(resolve_operator(s->ps, NULL, sb->using_op, (*slot)->type, (*slot)->type, sb->loc, &op));
        if (op->sel != SEL_LT && op->sel != SEL_GT) {
            st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "operator %s is not a valid ordering operator", sb->using_op);
            st = err_hint(s->ctx, st, "Ordering operators must be \"<\" or \">\" members of btree operator families.");
            return err_position(s->ctx, st, sb->loc);
        }
        out->desc = op->sel == SEL_GT;
        out->lt_op = op->oid;
    } else {
        out->lt_op = ordering_op((*slot)->type, out->desc);
        if (out->lt_op == 0) {
            st = RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "could not identify an ordering operator for type %s", type_text(s->ps, (*slot)->type));
            st = err_hint(s->ctx, st, "Use an explicit ordering operator or modify the query.");
            return err_position(s->ctx, st, expr_location(*slot));
        }
    }
    out->nulls_first = sb->nulls == AST_NULLS_DEFAULT ? out->desc : sb->nulls == AST_NULLS_FIRST;
    return QN_OK;
}

static Status
bind_order_by(SelectState *st, const AstList *order_by)
{
    Scope *s = st->scope;
    for (int i = 0; i < order_by->count; i++) {
        const SortBy *sb = AST_AS(SortBy, order_by->items[i]);
        SortItem item;
        int target;
        TRY(find_target(st, sb->expr, CLAUSE_ORDER_BY, &target));
        TRY(sort_item_make(s, &st->targets.items[target].expr, sb, &item));
        item.target = target;
        bool dup = false;
        for (int j = 0; j < st->sort.count; j++) dup |= st->sort.items[j].target == target;
        if (!dup) TRY(array_push(s->ctx, s->ps->arena, &st->sort, item));
    }
    return QN_OK;
}

/* ---- DISTINCT ---- */

static Status
bind_distinct_on(SelectState *st)
{
    Scope *s = st->scope;
    const AstList *on = &st->stmt->distinct_on;
    for (int i = 0; i < on->count; i++) {
        int target;
        TRY(find_target(st, on->items[i], CLAUSE_DISTINCT_ON, &target));
        bool dup = false;
        for (int j = 0; j < st->distinct_on.count; j++) dup |= st->distinct_on.items[j] == target;
        if (!dup) TRY(array_push(s->ctx, s->ps->arena, &st->distinct_on, target));
    }
    /* ORDER BY must begin with them, in any order. */
    int matched = 0;
    bool skipped = false;
    for (int i = 0; i < st->sort.count; i++) {
        bool is_on = false;
        for (int j = 0; j < st->distinct_on.count; j++) is_on |= st->distinct_on.items[j] == st->sort.items[i].target;
        if (!is_on) skipped = true;
        else if (!skipped) matched++;
        else skipped = true, matched = -1000000;
    }
    if (matched < 0 || (matched < st->distinct_on.count && matched < st->sort.count)) {
        Status status = RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
        return err_position(s->ctx, status, ast_location(on->items[0]));
    }
    for (int j = 0; j < st->distinct_on.count; j++) {
        bool sorted = false;
        int target = st->distinct_on.items[j];
        for (int i = 0; i < st->sort.count; i++) sorted |= st->sort.items[i].target == target;
        if (sorted) continue;
        SortBy plain = {.base = {AST_SortBy}};
        SortItem item;
        TRY(sort_item_make(s, &st->targets.items[target].expr, &plain, &item));
        item.target = target;
        TRY(array_push(s->ctx, s->ps->arena, &st->sort, item));
    }
    return QN_OK;
}

static Status
check_distinct(SelectState *st)
{
    Scope *s = st->scope;
    for (int i = 0; i < st->targets.count; i++) {
        Target *t = &st->targets.items[i];
        bool sorted = false;
        for (int k = 0; k < st->sort.count && t->junk; k++) sorted |= st->sort.items[k].target == i;
        if (t->junk && !sorted) continue; /* GROUP BY's */
        if (t->junk) {
            Status status = RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
            return err_position(s->ctx, status, expr_location(t->expr));
        }
        TRY(resolve_unknown(s, &t->expr));
        if (ordering_op(t->expr->type, false) == 0 && op_for_type(t->expr->type, SEL_EQ) == 0)
            return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "could not identify an equality operator for type %s", type_text(s->ps, t->expr->type)), expr_location(t->expr));
    }
    return QN_OK;
}

/* ---- LIMIT ---- */

static Status
find_own_column(Ctx *ctx, Expr **slot, void *arg)
{
    void **search = arg;
    Scope *s = search[0];
    if ((*slot)->tag == EXPR_ColumnRef && s->b->rel_level[((ColumnRefExpr *)*slot)->rel] == s->level) {
        search[1] = *slot;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, find_own_column, arg);
}

static Status
bind_limit(Scope *s, const Ast *a, Clause clause, Expr **out)
{
    *out = NULL;
    if (a == NULL) return QN_OK;
    TRY(bind_expr_in(s, a, clause, out));
    TRY(coerce_to_bigint(s->ps, out, clause_name(clause)));
    void *search[2] = {s, NULL};
    TRY(find_own_column(s->ctx, out, search));
    if (search[1] != NULL)
        return err_position(s->ctx, RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "argument of %s must not contain variables", clause_name(clause)),
                            ((Expr *)search[1])->loc);
    if ((*out)->tag == EXPR_Const && ((ConstExpr *)*out)->value.is_null) *out = NULL;
    return QN_OK;
}

/* ---- set-returning functions in the select list ---- */

typedef struct SrfWork {
    Scope *s;
    LProjectSet *node;
    bool found; /* inside the expression at hand */
} SrfWork;

static Status
has_srf(Ctx *ctx, Expr **slot, void *arg)
{
    if ((*slot)->tag == EXPR_SetFunc) {
        *(bool *)arg = true;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, has_srf, arg);
}

/* Innermost ones first: a call whose arguments hold none moves to the node. */
static Status
take_srfs(Ctx *ctx, Expr **slot, void *arg)
{
    SrfWork *w = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_SetFunc) {
        bool inner = false;
        TRY(expr_children(ctx, e, has_srf, &inner));
        if (!inner) {
            ColumnRefExpr *c;
            int i = 0; /* equal stable calls run once: they would run in step anyway */
            while (i < w->node->exprs.count && (!expr_equal(w->node->exprs.items[i], e) || !(((SetFuncExpr *)e)->fn->flags & FN_IMMUTABLE))) i++;
            if (i == w->node->exprs.count) TRY(array_push(ctx, w->s->ps->arena, &w->node->exprs, e));
            w->node->base.ncols = w->node->exprs.count;
            TRY_ALLOC(ctx, c, EXPR_NEW(w->s->ps->arena, ColumnRef, e->type, e->typmod, e->loc));
            c->rel = w->node->base.rel;
            c->col = i;
            c->name = ((SetFuncExpr *)e)->fn->name;
            *slot = (Expr *)c;
            return QN_OK;
        }
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, e, take_srfs, arg);
}

/* only: NULL, or which targets to look at. */
static Status
plan_srfs_of(SelectState *st, const int *only, int n)
{
    Scope *s = st->scope;
    if (only == NULL) n = st->targets.count;
    for (;;) {
        SrfWork w = {.s = s};
        bool any = false;
        for (int i = 0; i < n && !any; i++) TRY(has_srf(s->ctx, &st->targets.items[only != NULL ? only[i] : i].expr, &any));
        if (!any) return QN_OK;
        TRY_ALLOC(s->ctx, w.node, LNODE_NEW(s->ps, ProjectSet, 0));
        TRY(rel_set_level(s, w.node->base.rel));
        w.node->base.left = st->root;
        st->root = (LNode *)w.node;
        for (int i = 0; i < n; i++) TRY(take_srfs(s->ctx, &st->targets.items[only != NULL ? only[i] : i].expr, &w));
    }
}

Status
plan_srfs(SelectState *st)
{
    return plan_srfs_of(st, NULL, 0);
}

/* ---- the tree ---- */

Status
add_filter(Scope *s, LNode **root, const ExprList *conds)
{
    if (conds->count == 0) return QN_OK;
    LFilter *f;
    TRY_ALLOC(s->ctx, f, LNODE_NEW(s->ps, Filter, -1));
    f->conds = *conds;
    f->base.left = *root;
    *root = (LNode *)f;
    return QN_OK;
}

static bool
target_is_needed(const SelectState *st, int target)
{
    if (!st->targets.items[target].junk) return true;
    for (int i = 0; i < st->sort.count; i++)
        if (st->sort.items[i].target == target) return true;
    for (int i = 0; i < st->distinct_on.count; i++)
        if (st->distinct_on.items[i] == target) return true;
    return false; /* it was GROUP BY's */
}

/* The targets, hidden ones that something above needs too, become columns of a Project; then they are references to it. */
static Status
project_targets(SelectState *st)
{
    Scope *s = st->scope;
    LProject *p;
    int n = st->targets.count;
    TRY_ALLOC(s->ctx, p, LNODE_NEW(s->ps, Project, n));
    TRY(rel_set_level(s, p->base.rel));
    TRY_ALLOC(s->ctx, p->exprs.items, ARENA_ARRAY(s->ps->arena, Expr *, n + 1));
    TRY_ALLOC(s->ctx, p->names, ARENA_ARRAY(s->ps->arena, const char *, n + 1));
    p->base.left = st->root;
    st->root = (LNode *)p;
    for (int i = 0; i < n; i++) {
        if (!target_is_needed(st, i)) continue;
        int col = p->exprs.count++;
        p->exprs.items[col] = st->targets.items[i].expr;
        p->names[col] = st->targets.items[i].name;
        TRY_ALLOC(s->ctx, st->targets.items[i].expr, rel_column_ref(s->ps, p->base.rel, col));
        st->targets.items[i].expr->loc = p->exprs.items[col]->loc;
    }
    p->base.ncols = p->exprs.cap = p->exprs.count;
    return QN_OK;
}

static Status
add_sort(SelectState *st)
{
    Scope *s = st->scope;
    LSort *n;
    TRY_ALLOC(s->ctx, n, LNODE_NEW(s->ps, Sort, -1));
    for (int i = 0; i < st->sort.count; i++) {
        const SortItem *it = &st->sort.items[i];
        SortKey key = {NULL, it->desc, it->nulls_first, it->lt_op};
        TRY_ALLOC(s->ctx, key.expr, expr_copy(s->ps->arena, st->targets.items[it->target].expr));
        TRY(array_push(s->ctx, s->ps->arena, &n->keys, key));
    }
    n->base.left = st->root;
    st->root = (LNode *)n;
    return QN_OK;
}

static Status
add_distinct(SelectState *st)
{
    Scope *s = st->scope;
    LDistinct *d;
    TRY_ALLOC(s->ctx, d, LNODE_NEW(s->ps, Distinct, -1));
    d->is_on = st->distinct_on.count > 0;
    int n = d->is_on ? st->distinct_on.count : st->targets.count;
    for (int i = 0; i < n; i++) {
        Expr *e;
        if (!d->is_on && st->targets.items[i].junk) continue;
        TRY_ALLOC(s->ctx, e, expr_copy(s->ps->arena, st->targets.items[d->is_on ? st->distinct_on.items[i] : i].expr));
        TRY(array_push(s->ctx, s->ps->arena, &d->dist, e));
    }
    d->base.left = st->root;
    st->root = (LNode *)d;
    return QN_OK;
}

/* ---- FOR UPDATE ---- */

static const char *
lock_clause_name(AstLockStrength strength)
{
    static const char *const names[] = {"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"};
    return names[strength];
}

_Static_assert((int)AST_LOCK_BLOCK == ROW_WAIT && (int)AST_LOCK_SKIP == ROW_SKIP_LOCKED &&
                   (int)AST_LOCK_NOWAIT == ROW_NOWAIT, "lock_item hands the parser's word on as the plan's");

/* A table named by several clauses gets the strongest lock and the least patience of them. */
static Status
lock_table(SelectState *st, LLockRows *n, const LockingClause *l, int rel, const Relation *relation)
{
    Scope *s = st->scope;
    LockedRel lock = {rel, (int)l->strength, (int)l->wait};
    if (relation->systable != NULL) return QN_OK;
    for (int i = 0; i < n->locked.count; i++) {
        LockedRel *have = &n->locked.items[i];
        if (have->rel != lock.rel) continue;
        if (lock.strength > have->strength) have->strength = lock.strength;
        if (lock.wait_policy > have->wait_policy) have->wait_policy = lock.wait_policy;
        return QN_OK;
    }
    TRY(array_push(s->ctx, s->ps->arena, &n->locked, lock));
    return add_dep(s, relation, LOCK_ROW_SHARE_MODE);
}

/* The tables of a FROM item: itself, or those of a subquery or view. */
static Status
lock_tables(SelectState *st, LLockRows *n, const LockingClause *l, LNode *node)
{
    Ctx *ctx = st->scope->ctx;
    const char *bad = NULL;
    if (node == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    switch (node->tag) {
    case LOGICAL_Get: return lock_table(st, n, l, node->rel, ((LGet *)node)->relation);
    case LOGICAL_Append: return lock_table(st, n, l, node->rel, ((LAppend *)node)->relation);
    case LOGICAL_Project:
    case LOGICAL_Filter:
    case LOGICAL_Sort:
    case LOGICAL_Limit:
    case LOGICAL_LockRows: return lock_tables(st, n, l, node->left);
    case LOGICAL_Join:
        TRY(lock_tables(st, n, l, node->left));
        return lock_tables(st, n, l, node->right);
    case LOGICAL_Aggregate: bad = "GROUP BY clause"; break;
    case LOGICAL_Distinct: bad = "DISTINCT clause"; break;
    case LOGICAL_Window: bad = "window functions"; break;
    case LOGICAL_SetOp: bad = "UNION/INTERSECT/EXCEPT"; break;
    default: return QN_OK;
    }
    return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not allowed with %s", lock_clause_name(l->strength), bad);
}

/* What a clause that names the item may not be applied to; NULL: it may. */
static const char *
unlockable(const Scope *s, const NsItem *item)
{
    const LNode *node = item->rel > 0 && item->exprs == NULL ? s->ps->rels[item->rel].node : NULL;
    if (node == NULL) return "a join";
    switch (node->tag) {
    case LOGICAL_Function: return "a function";
    case LOGICAL_CteRef: return "a WITH query";
    default: return NULL;
    }
}

static Status
add_locks(SelectState *st)
{
    Scope *s = st->scope;
    LLockRows *n;
    if (st->stmt->locking.count == 0) return QN_OK;
    TRY_ALLOC(s->ctx, n, LNODE_NEW(s->ps, LockRows, -1));
    for (int i = 0; i < st->stmt->locking.count; i++) {
        const LockingClause *l = AST_AS(LockingClause, st->stmt->locking.items[i]);
        const char *name = lock_clause_name(l->strength), *bad = NULL;
        if (st->stmt->distinct) bad = "DISTINCT clause";
        else if (st->stmt->group_by.count > 0) bad = "GROUP BY clause";
        else if (st->stmt->having != NULL) bad = "HAVING clause";
        else if (s->has_aggs) bad = "aggregate functions";
        else if (s->has_windows) bad = "window functions";
        else if (s->has_srfs) bad = "set-returning functions in the target list";
        if (bad != NULL) return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not allowed with %s", name, bad);
        for (int r = 0; r < (l->rels.count > 0 ? l->rels.count : 1); r++) {
            const RangeVar *rv = l->rels.count > 0 ? AST_AS(RangeVar, l->rels.items[r]) : NULL;
            bool found = rv == NULL;
            for (int k = 0; k < s->all.count; k++) {
                const NsItem *item = s->all.items[k];
                if (rv != NULL && (item->name == NULL || strcmp(item->name, rv->name) != 0)) continue;
                const char *what = unlockable(s, item);
                found = true;
                if (what == NULL)
                    TRY(lock_tables(st, n, l, s->ps->rels[item->rel].node));
                else if (rv != NULL)
                    return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s cannot be applied to %s", name, what), rv->loc);
            }
            if (!found)
                return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_TABLE, "relation \"%s\" in %s clause not found in FROM clause", rv->name, name), rv->loc);
        }
    }
    if (n->locked.count == 0) return QN_OK;
    n->base.left = st->root;
    st->root = (LNode *)n;
    return QN_OK;
}

/* ---- all of it ---- */

/* A sort key that is computed: it and the output share one computation below the sort. */
static Status
sort_needs_project(SelectState *st, bool *out)
{
    *out = false;
    for (int i = 0; i < st->sort.count && !*out; i++) {
        const Expr *e = st->targets.items[st->sort.items[i].target].expr;
        if (e->tag != EXPR_ColumnRef && e->tag != EXPR_Const) *out = true;
    }
    return QN_OK;
}

static Status
sort_has_srf(SelectState *st, bool *out)
{
    *out = false;
    for (int i = 0; i < st->sort.count && !*out; i++)
        TRY(has_srf(st->scope->ctx, &st->targets.items[st->sort.items[i].target].expr, out));
    return QN_OK;
}

static NOINLINE Status
build_tree(SelectState *st)
{
    Scope *s = st->scope;
    const SelectStmt *stmt = st->stmt;
    bool grouped = s->has_aggs || stmt->group_by.count > 0 || st->having != NULL, project, srf_in_sort;

    TRY(add_filter(s, &st->root, &st->where));
    if (grouped) {
        if (s->has_srfs && st->group.count > 0) TRY(plan_srfs_of(st, st->group.items, st->group.count));
        TRY(plan_aggregation(st));
        if (st->having != NULL) {
            ExprList conds = {0};
            if (st->having->tag == EXPR_Bool && ((BoolExpr *)st->having)->kind == BOOL_AND) conds = ((BoolExpr *)st->having)->args;
            else TRY(array_push(s->ctx, s->ps->arena, &conds, st->having));
            TRY(add_filter(s, &st->root, &conds));
        }
    }
    if (s->has_windows) TRY(plan_windows(st));
    bool sorted = false;
    if (s->has_srfs) {
        TRY(sort_has_srf(st, &srf_in_sort));
        if (st->sort.count > 0 && !srf_in_sort && !stmt->distinct) { /* the sort comes first, as in PostgreSQL */
            TRY(add_sort(st));
            sorted = true;
        }
        TRY(plan_srfs(st));
    }
    TRY(sort_needs_project(st, &project));
    if (stmt->distinct || (project && !sorted)) TRY(project_targets(st));
    if (stmt->distinct && st->distinct_on.count == 0) TRY(add_distinct(st));
    if (st->sort.count > 0 && !sorted) TRY(add_sort(st));
    if (st->distinct_on.count > 0) TRY(add_distinct(st));
    if (stmt->locking.count > 0) TRY(add_locks(st));
    if (st->limit != NULL || st->offset != NULL) {
        LLimit *l;
        TRY_ALLOC(s->ctx, l, LNODE_NEW(s->ps, Limit, -1));
        l->limit = st->limit;
        l->offset = st->offset;
        l->with_ties = stmt->limit_kind == AST_LIMIT_WITH_TIES;
        l->base.left = st->root;
        st->root = (LNode *)l;
    }
    return QN_OK;
}

/* Everything after WHERE; WHERE and the select list are bound by bind_select itself, because subqueries nest through
 * them. */
static NOINLINE Status
bind_clauses(SelectState *st, bool keep_unknown)
{
    Scope *s = st->scope;
    const SelectStmt *stmt = st->stmt;

    if (stmt->having != NULL) {
        TRY(bind_expr_in(s, stmt->having, CLAUSE_HAVING, &st->having));
        TRY(coerce_to_boolean(s->ps, &st->having, "HAVING"));
    }
    if (stmt->order_by.count > 0) TRY(bind_order_by(st, &stmt->order_by));
    if (stmt->group_by.count > 0) TRY(bind_group_by(st));
    if (stmt->distinct_on.count > 0) TRY(bind_distinct_on(st));
    TRY(bind_limit(s, stmt->offset, CLAUSE_OFFSET, &st->offset));
    TRY(bind_limit(s, stmt->limit, CLAUSE_LIMIT, &st->limit));
    if (stmt->limit_kind == AST_LIMIT_WITH_TIES && stmt->order_by.count == 0)
        return RAISE(s->ctx, ERR_SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause");
    if (stmt->distinct && stmt->distinct_on.count == 0) TRY(check_distinct(st));
    if (!keep_unknown)
        for (int i = 0; i < st->targets.count; i++)
            if (st->targets.items[i].expr->type == TYPE_UNKNOWN) TRY(resolve_unknown(s, &st->targets.items[i].expr));
    return QN_OK;
}

static NOINLINE Status
finish_select(SelectState *st, Query **out)
{
    Scope *s = st->scope;
    Query *q;
    int n = 0;
    TRY_ALLOC(s->ctx, q, ARENA_NEW(s->ps->arena, Query));
    TRY_ALLOC(s->ctx, q->out.items, arena_alloc(s->ps->arena, sizeof(Expr *) * (size_t)(st->targets.count + 1)));
    TRY_ALLOC(s->ctx, q->out_names, arena_alloc(s->ps->arena, sizeof(char *) * (size_t)(st->targets.count + 1)));
    for (int i = 0; i < st->targets.count; i++) {
        const Target *t = &st->targets.items[i];
        if (t->junk) continue;
        q->out.items[n] = t->expr;
        q->out_names[n++] = t->name;
    }
    q->out.count = q->out.cap = n;
    q->root = st->root;
    *out = q;
    return QN_OK;
}

Status
bind_select(Scope *parent, const SelectStmt *stmt, bool keep_unknown, Query **out)
{
    SelectState *st;
    Scope *s;
    TRY(ctx_check_depth(parent->ctx));
    TRY(scope_new(parent->b, parent, &s));
    if (stmt->with != NULL) TRY(bind_with(s, AST_AS(WithClause, stmt->with)));
    if (stmt->setop != AST_SETOP_NONE) return bind_setop(s, stmt, out);
    if (stmt->values.count > 0) return bind_values(s, stmt, keep_unknown, out);
    TRY_ALLOC(parent->ctx, st, ARENA_NEW(parent->ps->arena, SelectState));
    st->scope = s;
    st->stmt = stmt;
    TRY(bind_from(s, &stmt->from, &st->root));
    if (stmt->into != NULL) return RAISE(s->ctx, ERR_SYNTAX_ERROR, "SELECT ... INTO is not allowed here");
    if (stmt->windows.count > 0) TRY(bind_window_clause(s, &stmt->windows));
    TRY(bind_targets(st, &stmt->targets, CLAUSE_SELECT));
    TRY(bind_condition(s, stmt->where, CLAUSE_WHERE, "WHERE", &st->where));
    TRY(bind_clauses(st, keep_unknown));
    TRY(collate_check_select(st));
    TRY(build_tree(st));
    return finish_select(st, out);
}
