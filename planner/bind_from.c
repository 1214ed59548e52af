/* bind_from.c - FROM: tables, views, subqueries, functions, joins, and the names they bring in. */
#include "planner/bind_priv.h"
#include "planner/bind_viewdml.h"
#include "common/settings.h"
#include "parser/parse.h"

/* ---- items ---- */

Status
new_item(Scope *s, LNode *node, const char *name, int ncols, const char *const *names, NsItem **out)
{
    NsItem *item;
    TRY_ALLOC(s->ctx, item, ARENA_NEW(s->ps->arena, NsItem));
    item->name = name;
    item->ncols = ncols;
    item->names = names;
    item->rel_visible = item->cols_visible = true;
    item->lateral_ok = true;
    if (node != NULL) {
        item->rel = node->rel;
        s->ps->rels[node->rel].alias = name;
        TRY(rel_set_level(s, node->rel));
    }
    TRY(ns_push(s, &s->all, item));
    *out = item;
    return QN_OK;
}

/* Column names given with the alias replace the first ones. */
Status
apply_alias_columns(Scope *s, const Alias *alias, NsItem *item)
{
    if (alias == NULL) return QN_OK;
    item->has_alias = true;
    if (alias->columns.count == 0) return QN_OK;
    const char **names;
    int next = 0;
    TRY_ALLOC(s->ctx, names, ARENA_ARRAY(s->ps->arena, const char *, item->ncols + 1));
    for (int i = 0; i < item->ncols; i++) {
        names[i] = item_column_name(item, i);
        if (item_column_dropped(item, i) || next >= alias->columns.count) continue;
        names[i] = ast_str(alias->columns.items[next++]);
    }
    if (next < alias->columns.count)
        return RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "table \"%s\" has %d columns available but %d columns specified",
                     item->name, next, alias->columns.count);
    /* A view's list may hold a name that a column added later has too: that column did not exist for the view. */
    for (int i = item->ncols - 1; i >= 0 && (s->b->view_depth > 0 || s->ps->uses != NULL); i--)
        for (int k = 0; k < alias->columns.count && i >= alias->columns.count; k++)
            if (strcmp(names[i], ast_str(alias->columns.items[k])) == 0) names[i] = "";
    item->names = names;
    return QN_OK;
}

Status
subquery_item(Scope *s, Query *q, const Alias *alias, const char *name, LNode **out, NsItem **item_out)
{
    LProject *p;
    TRY_ALLOC(s->ctx, p, LNODE_NEW(s->ps, Project, q->out.count));
    p->exprs = q->out;
    p->names = q->out_names;
    p->alias = name;
    p->is_subquery = true;
    s->ps->nderived++;
    p->base.left = q->root;
    *out = (LNode *)p;
    TRY(new_item(s, *out, name, q->out.count, q->out_names, item_out));
    TRY(collate_note_outputs(s, (*out)->rel, (const ExprList *const[]){&q->out}, 1, NULL));
    return apply_alias_columns(s, alias, *item_out);
}

/* ---- tables and views ---- */

/* For uses.c: not what a view names, in its turn. */
static void
note_named(Scope *s, const NsItem *item, const Relation *r)
{
    if (s->b->view_depth == 0) s->ps->rels[item->rel].oid = r->oid;
}

/* only: ONLY t, its own rows. */
Status
bind_table(Scope *s, const Relation *r, const Alias *alias, bool only, int lock_mode, LNode **out, NsItem **item_out)
{
    const char *name = alias != NULL ? alias->name : r->name;
    if (r->kind == RELKIND_PARTITIONED || (r->nchildren > 0 && !only)) {
        TRY(bind_append(s, r, name, only, lock_mode, out));
    } else {
        LGet *g;
        TRY_ALLOC(s->ctx, g, LNODE_NEW(s->ps, Get, r->ncols));
        g->relation = r;
        g->alias = name;
        *out = (LNode *)g;
    }
    TRY(new_item(s, *out, name, r->ncols, NULL, item_out));
    (*item_out)->relation = r;
    TRY(collate_note_relation(s, (*out)->rel, r));
    note_named(s, *item_out, r);
    return apply_alias_columns(s, alias, *item_out);
}

/* The view's text, bound where none of the caller's names are in sight. */
static NOINLINE Status
bind_view_query(Scope *s, const Relation *r, Query **out)
{
    Ctx *ctx = s->ctx;
    Scope *root;
    Ast *stmt;
    size_t consumed;
    struct Settings *settings = NULL;
    const struct Settings *saved = ctx->settings;
    const char *saved_forbidden = s->b->rec_forbidden;

    TRY(ctx_check_depth(ctx));
    if (s->b->view_depth > 200)
        return RAISE(ctx, ERR_STATEMENT_TOO_COMPLEX, "views are nested too deeply at \"%s\"", r->name);
    TRY(parse_sql(ctx, s->ps->arena, r->view_sql, strlen(r->view_sql), &stmt, &consumed));
    if (!ast_is(stmt, SelectStmt)) return RAISE(ctx, ERR_DATA_CORRUPTED, "view \"%s\" holds no query", r->name);
    TRY(scope_new(s->b, NULL, &root));
    root->level = s->level; /* its own rels lie deeper than any scope in sight here */
    if (saved != NULL && r->view_path != NULL) {
        TRY_ALLOC(ctx, settings, arena_memdup(s->ps->arena, saved, sizeof(struct Settings)));
        settings->search_path = r->view_path;
        ctx->settings = settings;
    }
    s->b->rec_forbidden = NULL;
    s->b->view_depth++;
    Status st = bind_select(root, AST_AS(SelectStmt, stmt), false, out);
    s->b->view_depth--;
    s->b->rec_forbidden = saved_forbidden;
    ctx->settings = saved;
    if (st != QN_OK) ctx->err.position = 0; /* it is not in the user's text */
    return st;
}

static NOINLINE Status
bind_view(Scope *s, const Relation *r, const Alias *alias, LNode **out, NsItem **item_out)
{
    Query *q;
    const char **names;
    TRY(bind_view_query(s, r, &q));
    if (q->out.count != r->ncols)
        return RAISE(s->ctx, ERR_DATA_CORRUPTED, "view \"%s\" has %d columns but its query %d", r->name, r->ncols, q->out.count);
    TRY_ALLOC(s->ctx, names, ARENA_ARRAY(s->ps->arena, const char *, r->ncols + 1));
    for (int i = 0; i < r->ncols; i++) {
        names[i] = r->cols[i].name;
        Expr *e;
        TRY(coerce_to_target(s->ps, q->out.items[i], r->cols[i].type, r->cols[i].typmod, CAST_EXPLICIT, COERCE_IMPLICIT, -1, &e));
        if (e != NULL) q->out.items[i] = e;
    }
    q->out_names = names;
    TRY(subquery_item(s, q, alias, alias != NULL ? alias->name : r->name, out, item_out));
    note_named(s, *item_out, r);
    return QN_OK;
}

static NOINLINE Status
bind_range_var(Scope *s, const RangeVar *rv, LNode **out, NsItem **item_out)
{
    const Relation *r;
    const Alias *alias = AST_AS(Alias, rv->alias);
    if (rv->schema == NULL) {
        CteName *cte = find_cte(s, rv->name);
        if (cte != NULL) {
            TRY(bind_cte_ref(s, cte, rv, out, item_out));
            return apply_alias_columns(s, alias, *item_out);
        }
    }
    TRY(open_relation(s, rv, LOCK_ACCESS_SHARE_MODE, &r));
    if (r->unpopulated) {
        Status st = RAISE(s->ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "materialized view \"%s\" has not been populated", r->name);
        return err_hint(s->ctx, st, "Use the REFRESH MATERIALIZED VIEW command.");
    }
    if (r->kind == RELKIND_VIEW && r->view_sql != NULL) return bind_view(s, r, alias, out, item_out);
    return bind_table(s, r, alias, rv->only, LOCK_ACCESS_SHARE_MODE, out, item_out);
}

Status
bind_target_relation(Scope *s, const RangeVar *rv, int lock_mode, LNode **out, NsItem **item_out, ViewTarget **view_out)
{
    const Relation *r;
    *view_out = NULL;
    TRY(open_relation(s, rv, lock_mode, &r));
    if (r->kind == RELKIND_VIEW && r->view_sql != NULL) {
        TRY_ALLOC(s->ctx, *view_out, ARENA_NEW(s->ps->arena, ViewTarget));
        return bind_view_target(s, r, AST_AS(Alias, rv->alias), lock_mode, s->clause, *view_out, out, item_out);
    }
    if (r->kind == RELKIND_MATVIEW) return RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "cannot change materialized view \"%s\"", r->name);
    if (r->kind == RELKIND_SEQUENCE) return RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "cannot change sequence \"%s\"", r->name);
    if (r->systable != NULL) return RAISE(s->ctx, ERR_INSUFFICIENT_PRIVILEGE, "permission denied: \"%s\" is a system catalog", r->name);
    return bind_table(s, r, AST_AS(Alias, rv->alias), rv->only || (s->clause == CLAUSE_INSERT && r->partitions == NULL), lock_mode, out, item_out);
}

/* ---- subqueries ---- */

static NOINLINE Status
bind_subselect(Scope *s, const RangeSubselect *r, LNode **out, NsItem **item_out)
{
    Query *q;
    const Alias *alias = AST_AS(Alias, r->alias);
    if (alias == NULL) {
        bool values = AST_AS(SelectStmt, r->select)->values.count > 0;
        Status st = RAISE(s->ctx, ERR_SYNTAX_ERROR, values ? "VALUES in FROM must have an alias" : "subquery in FROM must have an alias");
        st = err_hint(s->ctx, st, values ? "For example, FROM (VALUES ...) [AS] foo." : "For example, FROM (SELECT ...) [AS] foo.");
        return err_position(s->ctx, st, r->loc);
    }
    bool saved = s->lateral_active;
    Clause clause = s->clause;
    s->lateral_active = r->lateral;
    s->clause = CLAUSE_FROM_SUBQUERY;
    TRY(bind_select(s, AST_AS(SelectStmt, r->select), false, &q));
    s->lateral_active = saved;
    s->clause = clause;
    return subquery_item(s, q, alias, alias->name, out, item_out);
}

/* ---- functions ---- */

typedef struct FuncColumns {
    Oid *types;
    int32_t *typmods;
    const char **names;
    int n, cap;
} FuncColumns;

static Status
add_func_column(Scope *s, FuncColumns *c, const char *name, Oid type, int32_t typmod)
{
    if (c->n == c->cap) {
        int cap = c->cap != 0 ? c->cap * 2 : 4;
        Oid *types;
        int32_t *typmods;
        const char **names;
        TRY_ALLOC(s->ctx, types, ARENA_ARRAY(s->ps->arena, Oid, cap));
        TRY_ALLOC(s->ctx, typmods, ARENA_ARRAY(s->ps->arena, int32_t, cap));
        TRY_ALLOC(s->ctx, names, ARENA_ARRAY(s->ps->arena, const char *, cap));
        if (c->n > 0) {
            memcpy(types, c->types, sizeof(Oid) * (size_t)c->n);
            memcpy(typmods, c->typmods, sizeof(int32_t) * (size_t)c->n);
            memcpy(names, c->names, sizeof(char *) * (size_t)c->n);
        }
        *c = (FuncColumns){types, typmods, names, c->n, cap};
    }
    c->types[c->n] = type;
    c->typmods[c->n] = typmod;
    c->names[c->n++] = name;
    return QN_OK;
}

/* Columns named by a definition list: AS f (a int, b text). A function in SQL is made to give just these. */
static Status
defined_columns(Scope *s, Expr *e, const AstList *coldefs, FuncColumns *c)
{
    int first = c->n;
    for (int i = 0; i < coldefs->count; i++) {
        const ColumnDef *d = AST_AS(ColumnDef, coldefs->items[i]);
        Oid type;
        int32_t typmod;
        TRY(resolve_type_name(s->ps, d->type, &type, &typmod));
        TRY(add_func_column(s, c, d->name, type, typmod));
    }
    const Function **fn = e->tag == EXPR_SetFunc ? &((SetFuncExpr *)e)->fn : e->tag == EXPR_Func ? &((FuncExpr *)e)->fn : NULL;
    const Routine *r = fn != NULL ? routine_of(*fn) : NULL;
    if (r == NULL) return QN_OK;
    TRY(routine_with_columns(s->ctx, s->ps->arena, r, coldefs->count, c->names + first, c->types + first, &r));
    *fn = &r->fn;
    return QN_OK;
}

static Status
raise_definition_list(Scope *s, const Ast *ast, const char *why)
{
    return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "a column definition list is %s", why), ast_location(ast));
}

static Status
func_columns_of(Scope *s, const Ast *ast, Expr *e, const AstList *coldefs, const char *scalar_name, FuncColumns *c)
{
    const Function *fn = e->tag == EXPR_SetFunc ? ((SetFuncExpr *)e)->fn : e->tag == EXPR_Func ? ((FuncExpr *)e)->fn : NULL;
    const Routine *r = routine_of(fn);
    const SetFunction *set = e->tag == EXPR_SetFunc && r == NULL ? fn_set(fn) : NULL;
    TypeShape shape = {0};
    if (set != NULL && set->ncols == 1 && set->col_types != NULL) {
        if (coldefs->count > 0) return raise_definition_list(s, ast, "redundant for a function with OUT parameters");
        return add_func_column(s, c, set->col_names[0], set->col_types[0], -1); /* whatever the alias */
    }
    TRY(expr_shape(s->ps, e, &shape));
    if (shape.n > 0) {
        if (coldefs->count > 0)
            return raise_definition_list(s, ast, e->type == TYPE_RECORD ? "redundant for a function with OUT parameters"
                                                                        : "redundant for a function returning a named composite type");
        for (int i = 0; i < shape.n; i++)
            if (shape.names[i] != NULL) TRY(add_func_column(s, c, shape.names[i], shape.types[i], shape.typmods[i]));
        return QN_OK;
    }
    if (r != NULL && routine_result_name(r) != NULL) scalar_name = routine_result_name(r);
    if (e->type == TYPE_RECORD && coldefs->count == 0)
        return raise_definition_list(s, ast, "required for functions returning \"record\"");
    if (e->type == TYPE_RECORD) return defined_columns(s, e, coldefs, c);
    if (coldefs->count > 0) return raise_definition_list(s, ast, "only allowed for functions returning \"record\"");
    return add_func_column(s, c, scalar_name, e->type, e->typmod);
}

static Status
bind_from_call(Scope *s, const Ast *func, const AstList *coldefs, const char *alias_name, LFunction *f, FuncColumns *c)
{
    Expr *e;
    const Ast *saved = s->top_srf;
    s->top_srf = func;
    TRY(bind_expr_in(s, func, CLAUSE_FROM_FUNCTION, &e));
    s->top_srf = saved;
    TRY(resolve_unknown(s, &e));
    int before = c->n, *counts;
    TRY(array_push(s->ctx, s->ps->arena, &f->calls, e));
    TRY(func_columns_of(s, func, e, coldefs, alias_name != NULL ? alias_name : figure_column_name(func), c));
    TRY_ALLOC(s->ctx, counts, ARENA_ARRAY(s->ps->arena, int, f->calls.count));
    if (f->calls.count > 1) memcpy(counts, f->call_ncols, sizeof(int) * (size_t)(f->calls.count - 1));
    counts[f->calls.count - 1] = c->n - before;
    f->call_ncols = counts;
    return QN_OK;
}

/* A function of a simple query is that query. *out NULL: it is not. */
static Status
bind_inlined_function(Scope *s, const RangeFunction *rf, const LFunction *f, const FuncColumns *c, const char *name, LNode **out,
                      NsItem **item_out)
{
    Query *q = NULL;
    *out = NULL;
    if (f->calls.count != 1 || rf->ordinality || f->calls.items[0]->tag != EXPR_SetFunc) return QN_OK;
    TRY(inline_set_routine(s, (const SetFuncExpr *)f->calls.items[0], &q));
    if (q == NULL) return QN_OK;
    q->out_names = c->names;
    TRY(subquery_item(s, q, AST_AS(Alias, rf->alias), name, out, item_out));
    (*item_out)->scalar_function = c->n == 1;
    return QN_OK;
}

/* unnest(a, b, ...) in FROM means ROWS FROM (unnest(a), unnest(b), ...). */
static Status
bind_multi_unnest(Scope *s, const FuncCall *call, LFunction *f, FuncColumns *c)
{
    AstList none = {0};
    for (int i = 0; i < call->args.count; i++) {
        FuncCall *one;
        TRY_ALLOC(s->ctx, one, arena_memdup(s->ps->arena, call, sizeof(FuncCall)));
        one->args = (AstList){&call->args.items[i], 1, 1};
        TRY(bind_from_call(s, (Ast *)one, &none, NULL, f, c));
    }
    return QN_OK;
}

static NOINLINE Status
bind_range_function(Scope *s, const RangeFunction *rf, LNode **out, NsItem **item_out)
{
    const Alias *alias = AST_AS(Alias, rf->alias);
    LFunction *f;
    FuncColumns c = {0};
    bool saved = s->lateral_active, srfs = s->has_srfs;
    const char *name = NULL;

    TRY_ALLOC(s->ctx, f, LNODE_NEW(s->ps, Function, 0));
    s->lateral_active = true;
    for (int i = 0; i < rf->functions.count; i++) {
        const RangeFunctionItem *it = AST_AS(RangeFunctionItem, rf->functions.items[i]);
        const char *figured = figure_column_name(it->func);
        if (name == NULL) name = figured;
        if (ast_is(it->func, FuncCall) && strcmp(figured, "unnest") == 0 && ((const FuncCall *)it->func)->args.count > 1) {
            TRY(bind_multi_unnest(s, (const FuncCall *)it->func, f, &c));
            continue;
        }
        const AstList *defs = it->coldefs.count > 0 ? &it->coldefs : &rf->coldefs;
        TRY(bind_from_call(s, it->func, defs, alias != NULL && rf->functions.count == 1 ? alias->name : NULL, f, &c));
    }
    const char *shown = alias != NULL ? alias->name : name;
    Status st = bind_inlined_function(s, rf, f, &c, shown, out, item_out);
    s->lateral_active = saved;
    s->has_srfs = srfs;
    if (st != QN_OK || *out != NULL) return st;
    bool scalar = c.n == 1 && !rf->ordinality;
    if (rf->ordinality) {
        f->ordinality = true;
        TRY(add_func_column(s, &c, "ordinality", TYPE_INT8, -1));
    }
    name = shown;
    f->alias = name;
    f->col_types = c.types;
    f->col_typmods = c.typmods;
    f->col_names = c.names;
    f->base.ncols = c.n;
    *out = (LNode *)f;
    TRY(new_item(s, *out, name, c.n, c.names, item_out));
    (*item_out)->scalar_function = scalar;
    return apply_alias_columns(s, alias, *item_out);
}

/* ---- joins ---- */

Status
ns_check_conflicts(Scope *s, const NsList *a, const NsList *b)
{
    for (int i = 0; i < a->count; i++)
        for (int j = 0; j < b->count; j++) {
            const NsItem *x = a->items[i], *y = b->items[j];
            if (!x->rel_visible || !y->rel_visible || x->name == NULL || y->name == NULL || strcmp(x->name, y->name) != 0) continue;
            if (x->relation != NULL && y->relation != NULL && !x->has_alias && !y->has_alias && x->relation->oid != y->relation->oid) continue;
            return RAISE(s->ctx, ERR_DUPLICATE_ALIAS, "table name \"%s\" specified more than once", x->name);
        }
    return QN_OK;
}

static void
set_lateral(NsList *ns, bool lateral_only, bool lateral_ok)
{
    for (int i = 0; i < ns->count; i++) {
        ns->items[i]->lateral_only = lateral_only;
        ns->items[i]->lateral_ok = lateral_ok;
    }
}

/* A visible column of one side of a join, by name. */
static Status
side_column(Scope *s, const NsList *ns, const char *name, const char *side, Expr **out)
{
    *out = NULL;
    for (int i = 0; i < ns->count; i++) {
        int matches;
        const NsItem *item = ns->items[i];
        if (!item->cols_visible) continue;
        int col = item_find_column(item, name, &matches);
        if (matches == 0 || col < 0) continue;
        if (*out != NULL || matches > 1)
            return RAISE(s->ctx, ERR_AMBIGUOUS_COLUMN, "common column name \"%s\" appears more than once in %s table", name, side);
        TRY(item_column(s, item, col, 0, out));
    }
    return QN_OK;
}

static bool
in_names(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static Status
natural_columns(Scope *s, const NsList *l, const NsList *r, const char ***names_out, int *n_out)
{
    ARRAY(const char *) names = {0};
    for (int i = 0; i < l->count; i++) {
        const NsItem *item = l->items[i];
        if (!item->cols_visible) continue;
        for (int c = 0; c < item->ncols; c++) {
            bool there = false;
            if (item_column_dropped(item, c)) continue;
            const char *name = item_column_name(item, c);
            for (int j = 0; j < r->count && !there; j++) {
                int matches = 0;
                if (r->items[j]->cols_visible && item_find_column(r->items[j], name, &matches) >= 0) there = matches > 0;
            }
            if (there && !in_names(names.items, names.count, name)) TRY(array_push(s->ctx, s->ps->arena, &names, name));
        }
    }
    *names_out = names.items;
    *n_out = names.count;
    return QN_OK;
}

typedef struct JoinColumns {
    ARRAY(const char *) names;
    ARRAY(Expr *) exprs;
    int nmerged;
} JoinColumns;

static Status
add_join_column(Scope *s, JoinColumns *j, const char *name, Expr *e)
{
    TRY(array_push(s->ctx, s->ps->arena, &j->names, name));
    return array_push(s->ctx, s->ps->arena, &j->exprs, e);
}

static Status
add_rest(Scope *s, JoinColumns *j, const NsList *ns)
{
    for (int i = 0; i < ns->count; i++) {
        const NsItem *item = ns->items[i];
        if (!item->cols_visible) continue;
        for (int c = 0; c < item->ncols; c++) {
            Expr *e;
            if (item_column_dropped(item, c) || in_names(j->names.items, j->nmerged, item_column_name(item, c))) continue;
            TRY(item_column(s, item, c, 0, &e));
            TRY(add_join_column(s, j, item_column_name(item, c), e));
        }
    }
    return QN_OK;
}

/* One USING column: its condition, and what the merged column is. */
static Status
merge_column(Scope *s, LJoin *join, const char *name, Expr *l, Expr *r, JoinColumns *j)
{
    PlanState *ps = s->ps;
    Expr *cond, *lc, *rc, *pair[2] = {l, r}, *merged;
    Oid type;
    TRY_ALLOC(s->ctx, lc, expr_copy(ps->arena, l));
    TRY_ALLOC(s->ctx, rc, expr_copy(ps->arena, r));
    TRY(make_op(ps, NULL, "=", lc, rc, 0, &cond));
    TRY(coerce_to_boolean(ps, &cond, "JOIN/USING"));
    TRY(array_push(s->ctx, ps->arena, &join->conds, cond));
    TRY(select_common_type(ps, pair, 2, "JOIN/USING", &type, NULL));
    TRY(coerce_to_common(ps, &l, type, "JOIN/USING"));
    TRY(coerce_to_common(ps, &r, type, "JOIN/USING"));
    switch (join->jointype) {
    case JOIN_INNER: merged = l->tag == EXPR_ColumnRef || r->tag != EXPR_ColumnRef ? l : r; break;
    case JOIN_RIGHT: merged = r; break;
    case JOIN_FULL: {
        CoalesceExpr *c;
        TRY_ALLOC(s->ctx, c, EXPR_NEW(ps->arena, Coalesce, type, l->typmod == r->typmod ? l->typmod : -1, 0));
        TRY(array_push(s->ctx, ps->arena, &c->args, l));
        TRY(array_push(s->ctx, ps->arena, &c->args, r));
        merged = (Expr *)c;
        break;
    }
    default: merged = l; break;
    }
    return add_join_column(s, j, name, merged);
}

static NOINLINE Status
bind_using(Scope *s, const JoinExpr *je, LJoin *join, const NsList *l, const NsList *r, JoinColumns *j)
{
    const char **names;
    int n;
    if (je->natural) {
        TRY(natural_columns(s, l, r, &names, &n));
    } else {
        n = je->using_columns.count;
        TRY_ALLOC(s->ctx, names, ARENA_ARRAY(s->ps->arena, const char *, n + 1));
        for (int i = 0; i < n; i++) {
            names[i] = ast_str(je->using_columns.items[i]);
            if (in_names(names, i, names[i]))
                return RAISE(s->ctx, ERR_DUPLICATE_COLUMN, "column name \"%s\" appears more than once in USING clause", names[i]);
        }
    }
    for (int i = 0; i < n; i++) {
        Expr *le, *re;
        TRY(side_column(s, l, names[i], "left", &le));
        if (le == NULL) return RAISE(s->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" specified in USING clause does not exist in left table", names[i]);
        TRY(side_column(s, r, names[i], "right", &re));
        if (re == NULL) return RAISE(s->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" specified in USING clause does not exist in right table", names[i]);
        TRY(merge_column(s, join, names[i], le, re, j));
    }
    j->nmerged = n;
    return QN_OK;
}

/* What the join brings into sight: with USING or an alias an item of its own, else the two sides'. */
static NOINLINE Status
join_namespace(Scope *s, const JoinExpr *je, NsList *l, NsList *r, JoinColumns *j, NsList *ns)
{
    bool uses = je->natural || je->using_columns.count > 0;
    const Alias *alias = AST_AS(Alias, je->alias);
    if (uses || alias != NULL) {
        NsItem *item;
        TRY(add_rest(s, j, l));
        TRY(add_rest(s, j, r));
        TRY(new_item(s, NULL, alias != NULL ? alias->name : NULL, j->names.count, j->names.items, &item));
        item->exprs = j->exprs.items;
        item->rel_visible = alias != NULL;
        TRY(apply_alias_columns(s, alias, item));
        for (int i = 0; i < l->count; i++) l->items[i]->cols_visible = false;
        for (int i = 0; i < r->count; i++) r->items[i]->cols_visible = false;
        TRY(ns_push(s, ns, item));
        if (je->using_alias != NULL) {
            NsItem *merged;
            TRY(new_item(s, NULL, AST_AS(Alias, je->using_alias)->name, j->nmerged, j->names.items, &merged));
            merged->exprs = j->exprs.items;
            merged->cols_visible = false;
            merged->has_alias = true;
            TRY(ns_push(s, ns, merged));
        }
        if (alias != NULL) return QN_OK; /* the sides are hidden behind it */
    }
    for (int i = 0; i < l->count; i++) TRY(ns_push(s, ns, l->items[i]));
    for (int i = 0; i < r->count; i++) TRY(ns_push(s, ns, r->items[i]));
    return QN_OK;
}

typedef struct JoinWork { /* in the arena, so that nested joins cost little stack */
    NsList l, r, both, saved;
    JoinColumns cols;
    LJoin *join;
    const char *forbidden;
    bool lateral_used, clause_saved;
} JoinWork;

static NOINLINE Status
join_sides(Scope *s, const JoinExpr *je, JoinWork *w)
{
    static const JoinType types[] = {JOIN_INNER, JOIN_LEFT, JOIN_FULL, JOIN_RIGHT};
    TRY_ALLOC(s->ctx, w->join, LNODE_NEW(s->ps, Join, -1));
    w->join->jointype = types[je->kind];
    w->forbidden = s->b->rec_forbidden;
    if (je->kind == AST_JOIN_RIGHT || je->kind == AST_JOIN_FULL) s->b->rec_forbidden = "within an outer join";
    TRY(bind_from_item(s, je->left, &w->join->base.left, &w->l));
    s->b->rec_forbidden = w->forbidden;

    /* The left side's names are in sight of LATERAL items on the right. */
    set_lateral(&w->l, true, je->kind == AST_JOIN_INNER || je->kind == AST_JOIN_LEFT);
    int count = s->items.count;
    for (int i = 0; i < w->l.count; i++) TRY(ns_push(s, &s->items, w->l.items[i]));
    bool used = s->lateral_used;
    s->lateral_used = false;
    if (je->kind == AST_JOIN_LEFT || je->kind == AST_JOIN_FULL) s->b->rec_forbidden = "within an outer join";
    TRY(bind_from_item(s, je->right, &w->join->base.right, &w->r));
    s->b->rec_forbidden = w->forbidden;
    w->join->lateral = s->lateral_used;
    s->lateral_used |= used;
    s->items.count = count;
    return ns_check_conflicts(s, &w->l, &w->r);
}

static NOINLINE Status
join_condition(Scope *s, const JoinExpr *je, JoinWork *w)
{
    if (je->on == NULL) return QN_OK;
    w->saved = s->items;
    s->items = w->both;
    set_lateral(&w->both, false, true);
    TRY(bind_condition(s, je->on, CLAUSE_JOIN_ON, "JOIN/ON", &w->join->conds));
    s->items = w->saved;
    return QN_OK;
}

static NOINLINE Status
bind_join(Scope *s, const JoinExpr *je, LNode **out, NsList *ns)
{
    JoinWork *w;
    TRY_ALLOC(s->ctx, w, ARENA_NEW(s->ps->arena, JoinWork));
    TRY(join_sides(s, je, w));
    *out = (LNode *)w->join;
    if (je->natural || je->using_columns.count > 0) TRY(bind_using(s, je, w->join, &w->l, &w->r, &w->cols));
    for (int i = 0; i < w->l.count; i++) TRY(ns_push(s, &w->both, w->l.items[i]));
    for (int i = 0; i < w->r.count; i++) TRY(ns_push(s, &w->both, w->r.items[i]));
    TRY(join_condition(s, je, w));
    for (int i = 0; i < w->l.count; i++) w->l.items[i]->nullable |= je->kind == AST_JOIN_RIGHT || je->kind == AST_JOIN_FULL;
    for (int i = 0; i < w->r.count; i++) w->r.items[i]->nullable |= je->kind == AST_JOIN_LEFT || je->kind == AST_JOIN_FULL;
    return join_namespace(s, je, &w->l, &w->r, &w->cols, ns);
}

/* ---- dispatch ---- */

Status
bind_from_item(Scope *s, const Ast *a, LNode **out, NsList *ns)
{
    NsItem *item;
    TRY(ctx_check_depth(s->ctx));
    switch (a->tag) {
    case AST_RangeVar: TRY(bind_range_var(s, (const RangeVar *)a, out, &item)); break;
    case AST_RangeSubselect: TRY(bind_subselect(s, (const RangeSubselect *)a, out, &item)); break;
    case AST_RangeFunction: TRY(bind_range_function(s, (const RangeFunction *)a, out, &item)); break;
    case AST_JoinExpr: return bind_join(s, (const JoinExpr *)a, out, ns);
    case AST_RangeTableSample: return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "TABLESAMPLE is not supported yet");
    default: return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s in FROM is not supported yet", ast_tag_name(a->tag));
    }
    return ns_push(s, ns, item);
}

/* Items one after the other, each seeing those before it when LATERAL. */
Status
bind_from(Scope *s, const AstList *from, LNode **root)
{
    for (int i = 0; i < from->count; i++) {
        NsList ns = {0};
        LNode *node;
        s->lateral_used = false;
        TRY(bind_from_item(s, from->items[i], &node, &ns));
        if (s->items.count > 0) TRY(ns_check_conflicts(s, &s->items, &ns));
        set_lateral(&ns, true, true);
        for (int j = 0; j < ns.count; j++) TRY(ns_push(s, &s->items, ns.items[j]));
        if (*root == NULL) {
            *root = node;
            continue;
        }
        LJoin *join;
        TRY_ALLOC(s->ctx, join, LNODE_NEW(s->ps, Join, -1));
        join->jointype = JOIN_INNER;
        join->lateral = s->lateral_used;
        join->base.left = *root;
        join->base.right = node;
        *root = (LNode *)join;
    }
    set_lateral(&s->items, false, true);
    s->lateral_used = false;
    if (*root == NULL) TRY_ALLOC(s->ctx, *root, lnode_new(s->ps, LOGICAL_OneRow, -1));
    return QN_OK;
}
