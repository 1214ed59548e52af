/* bind_agg.c - aggregates: binding a call, GROUP BY with its sets, and turning what stands above the grouping into
 * references to the Aggregate node's columns. */
#include "planner/bind_priv.h"

#define MAX_GROUPING_SETS 4096

/* ---- one call ---- */

typedef struct LevelSearch {
    Binder *b;
    int level;     /* of the scope the call stands in */
    int deepest;   /* of its columns, -1 none */
    bool has_agg;
    int window_loc; /* of a window function of this level, 0 none */
    int agg_level, agg_loc; /* of the deepest aggregate */
} LevelSearch;

static Status
find_levels(Ctx *ctx, Expr **slot, void *arg)
{
    LevelSearch *l = arg;
    Expr *e = *slot;
    switch ((ExprTag)e->tag) {
    case EXPR_ColumnRef: {
        int level = l->b->rel_level[((ColumnRefExpr *)e)->rel];
        if (level <= l->level && level > l->deepest) l->deepest = level;
        return QN_OK;
    }
    case EXPR_Agg: {
        int level = ((AggExpr *)e)->level;
        if (level <= l->level) {
            l->has_agg = true;
            if (level > l->agg_level) {
                l->agg_level = level;
                l->agg_loc = e->loc;
            }
            if (level > l->deepest) l->deepest = level;
        }
        break;
    }
    case EXPR_Window: l->window_loc = e->loc > 0 ? e->loc : 1; break;
    case EXPR_SubPlan:
        TRY(ctx_check_depth(ctx));
        if (((SubPlanExpr *)e)->query != NULL) {
            int window = l->window_loc; /* a subquery's own window functions do not count */
            TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, find_levels, arg));
            l->window_loc = window;
        }
        break;
    default: break;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, e, find_levels, arg);
}

static Status
agg_not_allowed(Scope *at, const char *what, int loc)
{
    Status st;
    switch (at->clause) {
    case CLAUSE_NONE:
    case CLAUSE_SELECT:
    case CLAUSE_HAVING:
    case CLAUSE_PARTITION:
    case CLAUSE_WINDOW_ORDER:
    case CLAUSE_ORDER_BY:
    case CLAUSE_DISTINCT_ON: return QN_OK;
    case CLAUSE_JOIN_ON: st = RAISE(at->ctx, ERR_GROUPING_ERROR, "%s are not allowed in JOIN conditions", what); break;
    case CLAUSE_FROM_FUNCTION: st = RAISE(at->ctx, ERR_GROUPING_ERROR, "%s are not allowed in functions in FROM", what); break;
    default: st = RAISE(at->ctx, ERR_GROUPING_ERROR, "%s are not allowed in %s", what, clause_name(at->clause)); break;
    }
    return err_position(at->ctx, st, loc);
}

static Status
bind_agg_order(Scope *s, const FuncCall *f, AggExpr *a)
{
    const Expr *stray = NULL; /* a key that is no argument */
    for (int i = 0; i < f->agg_order.count; i++) {
        const SortBy *sb = AST_AS(SortBy, f->agg_order.items[i]);
        SortItem item;
        SortKey key;
        Expr *e;
        if (f->agg_within_group) {
            if (i >= a->args.count) break;
            e = a->args.items[i];
        } else {
            TRY(bind_expr(s, sb->expr, &e));
        }
        TRY(sort_item_make(s, &e, sb, &item));
        bool is_arg = f->agg_within_group;
        for (int j = 0; j < a->args.count && !is_arg; j++) { /* as an argument, where it is one: coerced as that */
            const Expr *arg = a->args.items[j];
            if (arg->tag == EXPR_Relabel && ((const RelabelExpr *)arg)->coerce == COERCE_IMPLICIT) arg = ((const RelabelExpr *)arg)->arg;
            if (!expr_equal(arg, e)) continue;
            is_arg = true;
            if (arg != a->args.items[j]) TRY_ALLOC(s->ctx, e, expr_copy(s->ps->arena, a->args.items[j]));
        }
        if (!is_arg && stray == NULL) stray = e;
        key = (SortKey){e, item.desc, item.nulls_first, item.lt_op};
        TRY(array_push(s->ctx, s->ps->arena, &a->order, key));
    }
    if (!a->distinct || stray == NULL) return QN_OK;
    Status st = RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list");
    return err_position(s->ctx, st, expr_location(stray));
}

static Status
check_agg_kind(Scope *s, const FuncCall *f, const Aggregate *agg, int nargs)
{
    Status st;
    if (agg->kind == 'n') {
        if (f->agg_within_group) {
            st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", agg->name);
            return err_position(s->ctx, st, f->loc);
        }
        if (nargs == 0 && !f->agg_star) {
            st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "%s(*) must be used to call a parameterless aggregate function", agg->name);
            return err_position(s->ctx, st, f->loc);
        }
        return QN_OK;
    }
    const char *kind = agg->kind == 'o' ? "ordered-set" : "hypothetical-set";
    if (!f->agg_within_group) {
        st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "WITHIN GROUP is required for ordered-set aggregate %s", agg->name);
        return err_position(s->ctx, st, f->loc);
    }
    (void)kind;
    return QN_OK;
}

Status
bind_aggregate(Scope *s, const FuncCall *f, FuncMatch *m, Expr **args, int nargs, Expr **out)
{
    const Aggregate *agg = m->agg;
    AggExpr *a;
    TRY(check_agg_kind(s, f, agg, nargs));
    TRY_ALLOC(s->ctx, a, EXPR_NEW(s->ps->arena, Agg, m->result, -1, f->loc));
    a->agg = agg;
    a->star = f->agg_star;
    a->distinct = f->agg_distinct;
    int ndirect = agg->kind == 'n' ? 0 : nargs - f->agg_order.count;
    if (ndirect < 0) ndirect = 0;
    if (agg->kind == 'h') /* each direct argument is compared with an ordered one: common types */
        for (int i = 0; i < ndirect && ndirect + i < nargs; i++) {
            Expr *pair[2] = {args[ndirect + i], args[i]};
            Oid type;
            TRY(select_common_type(s->ps, pair, 2, "WITHIN GROUP", &type, NULL));
            TRY(coerce_to_common(s->ps, &args[i], type, "WITHIN GROUP"));
            TRY(coerce_to_common(s->ps, &args[ndirect + i], type, "WITHIN GROUP"));
        }
    for (int i = 0; i < nargs; i++)
        if (args[i]->type == TYPE_UNKNOWN) TRY(resolve_unknown(s, &args[i]));
    a->direct = (ExprList){args, ndirect, ndirect};
    a->args = (ExprList){args + ndirect, nargs - ndirect, nargs - ndirect};
    TRY(bind_agg_order(s, f, a));
    if (a->distinct)
        for (int i = 0; i < a->args.count; i++)
            if (ordering_op(a->args.items[i]->type, false) == 0) {
                Status st = RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "could not identify an ordering operator for type %s", type_text(s->ps, a->args.items[i]->type));
                st = err_detail(s->ctx, st, "Aggregates with DISTINCT must be able to sort their inputs.");
                return err_position(s->ctx, st, expr_location(a->args.items[i]));
            }
    if (f->agg_filter != NULL) {
        TRY(bind_expr_in(s, f->agg_filter, CLAUSE_FILTER, &a->filter));
        TRY(coerce_to_boolean(s->ps, &a->filter, "FILTER"));
    }

    /* The call belongs to the innermost query whose columns it uses. */
    LevelSearch l = {.b = s->b, .level = s->level, .deepest = -1, .agg_level = -1};
    for (int i = 0; i < a->args.count; i++) TRY(find_levels(s->ctx, &a->args.items[i], &l));
    for (int i = 0; i < a->order.count; i++) TRY(find_levels(s->ctx, &a->order.items[i].expr, &l));
    if (a->filter != NULL) TRY(find_levels(s->ctx, &a->filter, &l));
    a->level = l.deepest >= 0 ? l.deepest : s->level;
    for (int i = 0; i < a->direct.count; i++) {
        LevelSearch direct = {.b = s->b, .level = s->level, .deepest = -1, .agg_level = -1};
        TRY(find_levels(s->ctx, &a->direct.items[i], &direct));
        if (direct.deepest > a->level)
            return err_position(s->ctx,
                                RAISE(s->ctx, ERR_GROUPING_ERROR,
                                      "outer-level aggregate cannot contain a lower-level variable in its direct arguments"),
                                expr_location(a->direct.items[i]));
        TRY(find_levels(s->ctx, &a->direct.items[i], &l));
    }
    if (l.has_agg && l.agg_level == a->level)
        return err_position(s->ctx, RAISE(s->ctx, ERR_GROUPING_ERROR, "aggregate function calls cannot be nested"), l.agg_loc);
    if (l.window_loc != 0)
        return err_position(s->ctx, RAISE(s->ctx, ERR_GROUPING_ERROR, "aggregate function calls cannot contain window function calls"), l.window_loc);
    Scope *at = s;
    while (at->level > a->level) at = at->parent;
    TRY(agg_not_allowed(at, "aggregate functions", f->loc));
    at->has_aggs = true;
    *out = (Expr *)a;
    return QN_OK;
}

Status
bind_grouping(Scope *s, const GroupingFunc *g, Expr **out)
{
    GroupingExpr *e;
    if (g->args.count > 31)
        return err_position(s->ctx, RAISE(s->ctx, ERR_TOO_MANY_ARGUMENTS, "GROUPING must have fewer than 32 arguments"), g->loc);
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, Grouping, TYPE_INT4, -1, g->loc));
    for (int i = 0; i < g->args.count; i++) {
        Expr *a;
        TRY(bind_expr(s, g->args.items[i], &a));
        TRY(array_push(s->ctx, s->ps->arena, &e->args, a));
    }
    LevelSearch l = {.b = s->b, .level = s->level, .deepest = -1, .agg_level = -1};
    for (int i = 0; i < e->args.count; i++) TRY(find_levels(s->ctx, &e->args.items[i], &l));
    e->level = l.deepest >= 0 ? l.deepest : s->level;
    Scope *at = s;
    while (at->level > e->level) at = at->parent;
    TRY(agg_not_allowed(at, "grouping operations", g->loc));
    at->has_aggs = true;
    *out = (Expr *)e;
    return QN_OK;
}

/* ---- GROUP BY ---- */

typedef struct IntList {
    int *items;
    int count, cap;
} IntList;

typedef struct SetList {
    IntList *items;
    int count, cap;
} SetList;

static Status
set_add(SelectState *st, IntList *set, int pos)
{
    for (int i = 0; i < set->count; i++)
        if (set->items[i] == pos) return QN_OK;
    return array_push(st->scope->ctx, st->scope->ps->arena, set, pos);
}

static Status
set_union(SelectState *st, IntList *into, const IntList *from)
{
    for (int i = 0; i < from->count; i++) TRY(set_add(st, into, from->items[i]));
    return QN_OK;
}

/* An output column that GROUP BY means by its number or name may be no aggregate. */
static Status
check_group_expr(Scope *s, Expr **e)
{
    LevelSearch l = {.b = s->b, .level = s->level, .deepest = -1, .agg_level = -1};
    TRY(find_levels(s->ctx, e, &l));
    if (l.has_agg && l.agg_level == s->level)
        return err_position(s->ctx, RAISE(s->ctx, ERR_GROUPING_ERROR, "aggregate functions are not allowed in GROUP BY"), l.agg_loc);
    if (l.window_loc != 0)
        return err_position(s->ctx, RAISE(s->ctx, ERR_WINDOWING_ERROR, "window functions are not allowed in GROUP BY"), l.window_loc);
    return QN_OK;
}

static Status
group_expr(SelectState *st, const Ast *a, IntList *set)
{
    Scope *s = st->scope;
    int target, pos = -1;
    if (ast_is(a, A_RowExpr) && !((const A_RowExpr *)a)->explicit_row) {
        const A_RowExpr *r = (const A_RowExpr *)a;
        for (int i = 0; i < r->args.count; i++) TRY(group_expr(st, r->args.items[i], set));
        return QN_OK;
    }
    TRY(find_target(st, a, CLAUSE_GROUP_BY, &target));
    for (int i = 0; i < st->group.count; i++)
        if (st->group.items[i] == target) pos = i;
    if (pos < 0) {
        Expr **e = &st->targets.items[target].expr;
        TRY(resolve_unknown(s, e));
        TRY(check_group_expr(s, e));
        if (op_for_type((*e)->type, SEL_EQ) == 0 && ordering_op((*e)->type, false) == 0) {
            Status status = RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "could not identify an equality operator for type %s", type_text(s->ps, (*e)->type));
            return err_position(s->ctx, status, ast_location(a));
        }
        pos = st->group.count;
        TRY(array_push(s->ctx, s->ps->arena, &st->group, target));
    }
    return set_add(st, set, pos);
}

static Status
push_set(SelectState *st, SetList *list, const IntList *set)
{
    if (list->count >= MAX_GROUPING_SETS)
        return RAISE(st->scope->ctx, ERR_STATEMENT_TOO_COMPLEX, "too many grouping sets present (maximum %d)", MAX_GROUPING_SETS);
    return array_push(st->scope->ctx, st->scope->ps->arena, list, *set);
}

/* The grouping sets one item of GROUP BY stands for. */
static Status
expand_item(SelectState *st, const Ast *a, SetList *out)
{
    Scope *s = st->scope;
    TRY(ctx_check_depth(s->ctx));
    if (!ast_is(a, GroupingSet)) {
        IntList set = {0};
        TRY(group_expr(st, a, &set));
        return push_set(st, out, &set);
    }
    const GroupingSet *g = (const GroupingSet *)a;
    int n = g->content.count;
    if (g->kind == AST_GROUPING_EMPTY) {
        IntList set = {0};
        return push_set(st, out, &set);
    }
    if (g->kind == AST_GROUPING_SETS) {
        for (int i = 0; i < n; i++) TRY(expand_item(st, g->content.items[i], out));
        return QN_OK;
    }
    IntList *elems;
    TRY_ALLOC(s->ctx, elems, ARENA_ARRAY(s->ps->arena, IntList, n + 1));
    for (int i = 0; i < n; i++) TRY(group_expr(st, g->content.items[i], &elems[i]));
    if (g->kind == AST_GROUPING_ROLLUP) {
        for (int len = n; len >= 0; len--) {
            IntList set = {0};
            for (int i = 0; i < len; i++) TRY(set_union(st, &set, &elems[i]));
            TRY(push_set(st, out, &set));
        }
        return QN_OK;
    }
    if (n > 12) return err_position(s->ctx, RAISE(s->ctx, ERR_TOO_MANY_COLUMNS, "CUBE is limited to 12 elements"), g->loc);
    for (int mask = (1 << n) - 1; mask >= 0; mask--) {
        IntList set = {0};
        for (int i = 0; i < n; i++)
            if (mask >> (n - 1 - i) & 1) TRY(set_union(st, &set, &elems[i]));
        TRY(push_set(st, out, &set));
    }
    return QN_OK;
}

static bool
same_set(const IntList *a, const IntList *b)
{
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++) {
        bool found = false;
        for (int j = 0; j < b->count && !found; j++) found = a->items[i] == b->items[j];
        if (!found) return false;
    }
    return true;
}

Status
bind_group_by(SelectState *st)
{
    Scope *s = st->scope;
    const AstList *items = &st->stmt->group_by;
    bool any_sets = false;
    SetList sets = {0};
    IntList empty = {0};
    Clause saved = s->clause;

    for (int i = 0; i < items->count; i++) any_sets |= ast_is(items->items[i], GroupingSet);
    s->clause = CLAUSE_GROUP_BY;
    if (!any_sets) {
        IntList all = {0};
        for (int i = 0; i < items->count; i++) TRY(group_expr(st, items->items[i], &all));
        s->clause = saved;
        return QN_OK;
    }
    TRY(push_set(st, &sets, &empty));
    for (int i = 0; i < items->count; i++) { /* the cross product */
        SetList more = {0}, product = {0};
        TRY(expand_item(st, items->items[i], &more));
        for (int x = 0; x < sets.count; x++)
            for (int y = 0; y < more.count; y++) {
                IntList set = {0};
                TRY(set_union(st, &set, &sets.items[x]));
                TRY(set_union(st, &set, &more.items[y]));
                TRY(push_set(st, &product, &set));
            }
        sets = product;
    }
    s->clause = saved;
    if (st->stmt->group_distinct) {
        int kept = 0;
        for (int i = 0; i < sets.count; i++) {
            bool dup = false;
            for (int j = 0; j < kept && !dup; j++) dup = same_set(&sets.items[i], &sets.items[j]);
            if (!dup) sets.items[kept++] = sets.items[i];
        }
        sets.count = kept;
    }
    if (sets.count == 1 && sets.items[0].count == st->group.count) return QN_OK; /* a plain GROUP BY after all */
    TRY_ALLOC(s->ctx, st->sets, ARENA_ARRAY(s->ps->arena, int *, sets.count));
    TRY_ALLOC(s->ctx, st->set_counts, ARENA_ARRAY(s->ps->arena, int, sets.count));
    st->nsets = sets.count;
    for (int i = 0; i < sets.count; i++) {
        st->sets[i] = sets.items[i].items;
        st->set_counts[i] = sets.items[i].count;
    }
    return QN_OK;
}

/* ---- the Aggregate node ---- */

typedef struct AggWork {
    SelectState *st;
    Scope *s;
    LAggregate *agg;
    ARRAY(ColumnRefExpr *) agg_refs; /* col counts from the first aggregate until all keys are known */
    bool in_subquery;
} AggWork;

static NOINLINE Status
key_ref(AggWork *w, int key, const Expr *of, Expr **out)
{
    const Expr *k = w->agg->keys.items[key];
    ColumnRefExpr *c;
    TRY_ALLOC(w->s->ctx, c, EXPR_NEW(w->s->ps->arena, ColumnRef, k->type, k->typmod, of->loc));
    c->rel = w->agg->base.rel;
    c->col = key;
    if (k->tag == EXPR_ColumnRef) c->name = ((const ColumnRefExpr *)k)->name;
    *out = (Expr *)c;
    return QN_OK;
}

/* Whether the keys hold the whole primary key of the column's table: then they decide the column. */
static NOINLINE bool
primary_key_is_grouped(AggWork *w, const ColumnRefExpr *c)
{
    const LNode *n = w->s->ps->rels[c->rel].node;
    if (w->agg->nsets > 0 || n->tag != LOGICAL_Get || c->col < 0) return false;
    const IndexDef *pk = ((const LGet *)n)->relation->primary;
    if (pk == NULL || pk->deferrable) return false;
    for (int i = 0; i < pk->nkeys; i++) {
        bool found = false;
        for (int k = 0; k < w->agg->keys.count && !found; k++) {
            const ColumnRefExpr *key = (const ColumnRefExpr *)w->agg->keys.items[k];
            found = key->base.tag == EXPR_ColumnRef && key->rel == c->rel && key->col == pk->attnums[i] - 1;
        }
        if (!found) return false;
    }
    return true;
}

static NOINLINE Status
raise_ungrouped(AggWork *w, const ColumnRefExpr *c)
{
    const char *alias = w->s->ps->rels[c->rel].alias, *name = c->name != NULL ? c->name : "?";
    Status st;
    if (w->in_subquery)
        st = RAISE(w->s->ctx, ERR_GROUPING_ERROR, "subquery uses ungrouped column \"%s.%s\" from outer query", alias != NULL ? alias : "?", name);
    else
        st = RAISE(w->s->ctx, ERR_GROUPING_ERROR, "column \"%s.%s\" must appear in the GROUP BY clause or be used in an aggregate function",
                   alias != NULL ? alias : "?", name);
    return err_position(w->s->ctx, st, c->base.loc);
}

static Status replace_grouped(Ctx *ctx, Expr **slot, void *arg);

static NOINLINE Status
add_agg(AggWork *w, AggExpr *a, Expr **slot)
{
    ExprList *aggs = &w->agg->aggs;
    int i = 0;
    bool is_volatile;
    while (i < aggs->count && !expr_equal(aggs->items[i], (Expr *)a)) i++;
    for (int d = 0; d < a->direct.count; d++) { /* computed once a group: only grouped columns; here it is only asked */
        Expr *direct;
        TRY_ALLOC(w->s->ctx, direct, expr_copy(w->s->ps->arena, a->direct.items[d]));
        TRY(replace_grouped(w->s->ctx, &direct, w));
    }
    TRY(expr_is_volatile(w->s->ctx, (Expr *)a, &is_volatile));
    if (i == aggs->count || is_volatile) {
        i = aggs->count;
        TRY(array_push(w->s->ctx, w->s->ps->arena, aggs, (Expr *)a));
    }
    ColumnRefExpr *c;
    TRY_ALLOC(w->s->ctx, c, EXPR_NEW(w->s->ps->arena, ColumnRef, a->base.type, a->base.typmod, a->base.loc));
    c->rel = w->agg->base.rel;
    c->col = i;
    c->name = a->agg->name;
    TRY(array_push(w->s->ctx, w->s->ps->arena, &w->agg_refs, c));
    *slot = (Expr *)c;
    return QN_OK;
}

/* GROUPING(...) is a number for each set: picked by the set's number. */
static NOINLINE Status
grouping_value(AggWork *w, GroupingExpr *g, Expr **slot)
{
    PlanState *ps = w->s->ps;
    int keys[32];
    for (int i = 0; i < g->args.count; i++) {
        keys[i] = -1;
        for (int k = 0; k < w->st->group.count; k++)
            if (expr_equal(g->args.items[i], w->agg->keys.items[k])) keys[i] = k;
        if (keys[i] < 0)
            return err_position(w->s->ctx, RAISE(w->s->ctx, ERR_GROUPING_ERROR, "arguments to GROUPING must be grouping expressions of the associated query level"),
                                g->args.items[i]->loc);
    }
    if (w->agg->nsets == 0) {
        TRY_ALLOC(w->s->ctx, *slot, make_int_const(ps, 0));
        return QN_OK;
    }
    CaseExpr *c;
    ColumnRefExpr *set;
    TRY_ALLOC(w->s->ctx, c, EXPR_NEW(ps->arena, Case, TYPE_INT4, -1, g->base.loc));
    TRY_ALLOC(w->s->ctx, set, EXPR_NEW(ps->arena, ColumnRef, TYPE_INT4, -1, 0));
    set->rel = w->agg->base.rel;
    set->col = INT32_MAX; /* the column after the last aggregate */
    TRY(array_push(w->s->ctx, ps->arena, &w->agg_refs, set));
    c->arg = (Expr *)set;
    for (int i = 0; i < w->agg->nsets; i++) {
        int32_t value = 0;
        for (int a = 0; a < g->args.count; a++) {
            bool in_set = false;
            for (int k = 0; k < w->agg->set_counts[i]; k++) in_set |= w->agg->sets[i][k] == keys[a];
            value = value << 1 | !in_set;
        }
        Expr *test, *num, *cond, *result;
        TRY_ALLOC(w->s->ctx, result, make_int_const(ps, value));
        if (i == w->agg->nsets - 1) {
            c->otherwise = result;
            break;
        }
        TRY_ALLOC(w->s->ctx, test, (Expr *)EXPR_NEW(ps->arena, CaseTest, TYPE_INT4, -1, 0));
        TRY_ALLOC(w->s->ctx, num, make_int_const(ps, i));
        TRY(make_op(ps, NULL, "=", test, num, 0, &cond));
        TRY(array_push(w->s->ctx, ps->arena, &c->whens, cond));
        TRY(array_push(w->s->ctx, ps->arena, &c->thens, result));
    }
    if (c->whens.count == 0) *slot = c->otherwise;
    else *slot = (Expr *)c;
    return QN_OK;
}

static NOINLINE Status
ungrouped_column(AggWork *w, ColumnRefExpr *c, Expr **slot)
{
    Expr *key;
    if (w->s->b->rel_level[c->rel] != w->s->level || c->rel == w->agg->base.rel) return QN_OK;
    if (!primary_key_is_grouped(w, c)) return raise_ungrouped(w, c);
    TRY(note_need(w->s, ((const LGet *)w->s->ps->rels[c->rel].node)->relation->primary->constraint_oid));
    TRY_ALLOC(w->s->ctx, key, expr_copy(w->s->ps->arena, *slot));
    TRY(array_push(w->s->ctx, w->s->ps->arena, &w->agg->keys, key));
    return key_ref(w, w->agg->keys.count - 1, *slot, slot);
}

static Status
replace_grouped(Ctx *ctx, Expr **slot, void *arg)
{
    AggWork *w = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_Const || e->tag == EXPR_Param) return QN_OK;
    if (e->tag == EXPR_Agg && ((AggExpr *)e)->level == w->s->level) return add_agg(w, (AggExpr *)e, slot);
    if (e->tag == EXPR_Grouping && ((GroupingExpr *)e)->level == w->s->level) return grouping_value(w, (GroupingExpr *)e, slot);
    for (int k = 0; k < w->agg->keys.count; k++)
        if (expr_equal(e, w->agg->keys.items[k])) return key_ref(w, k, e, slot);
    if (e->tag == EXPR_ColumnRef) return ungrouped_column(w, (ColumnRefExpr *)e, slot);
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) {
        bool saved = w->in_subquery;
        w->in_subquery = true;
        TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, replace_grouped, w));
        w->in_subquery = saved;
    }
    return expr_children(ctx, e, replace_grouped, w);
}

Status
plan_aggregation(SelectState *st)
{
    Scope *s = st->scope;
    AggWork w = {.st = st, .s = s};

    TRY_ALLOC(s->ctx, w.agg, LNODE_NEW(s->ps, Aggregate, 0));
    TRY(rel_set_level(s, w.agg->base.rel));
    w.agg->base.left = st->root;
    w.agg->sets = st->sets;
    w.agg->set_counts = st->set_counts;
    w.agg->nsets = st->nsets;
    for (int i = 0; i < st->group.count; i++) {
        Expr *key;
        TRY_ALLOC(s->ctx, key, expr_copy(s->ps->arena, st->targets.items[st->group.items[i]].expr));
        TRY(array_push(s->ctx, s->ps->arena, &w.agg->keys, key));
    }
    for (int i = 0; i < st->targets.count; i++) {
        int key = -1; /* a target that is grouped by is that key, even where it is a constant or equal to another one */
        for (int k = 0; k < st->group.count; k++)
            if (st->group.items[k] == i) key = k;
        Expr **slot = &st->targets.items[i].expr;
        if (key >= 0) TRY(key_ref(&w, key, *slot, slot));
        else TRY(replace_grouped(s->ctx, slot, &w));
    }
    if (st->having != NULL) TRY(replace_grouped(s->ctx, &st->having, &w));
    for (int i = 0; i < s->windows.count; i++) {
        Window *win = &s->windows.items[i];
        for (int j = 0; j < win->partition.count; j++) TRY(replace_grouped(s->ctx, &win->partition.items[j], &w));
        for (int j = 0; j < win->order.count; j++) TRY(replace_grouped(s->ctx, &win->order.items[j].expr, &w));
    }
    int nkeys = w.agg->keys.count, total = nkeys + w.agg->aggs.count;
    for (int i = 0; i < w.agg_refs.count; i++) {
        ColumnRefExpr *c = w.agg_refs.items[i];
        c->col = c->col == INT32_MAX ? total : nkeys + c->col;
    }
    w.agg->base.ncols = total + (st->nsets > 0 ? 1 : 0);
    st->root = (LNode *)w.agg;
    return QN_OK;
}
