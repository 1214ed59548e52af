/* bind_cte.c - WITH: plain, recursive and data-modifying queries, SEARCH and CYCLE.
 *
 * A query of a WITH list is bound when it is first referred to, at the latest when the list has been read: so an
 * earlier one may use a later one under RECURSIVE, and a circle shows as a query that is at work already. */
#include "planner/bind_priv.h"

CteName *
find_cte(Scope *s, const char *name)
{
    for (CteName *c = s->ctes; c != NULL; c = c->next)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static Status
recursion_error(Scope *s, const char *name, const char *where, int loc)
{
    Status st = RAISE(s->ctx, ERR_INVALID_RECURSION, "recursive reference to query \"%s\" must not appear %s", name, where);
    return err_position(s->ctx, st, loc);
}

/* ---- does a recursive candidate mention itself? ---- */

typedef struct SelfSearch {
    const char *name;
    int found;
} SelfSearch;

static bool
with_defines(const Ast *with, const char *name)
{
    if (with == NULL) return false;
    const WithClause *w = AST_AS(WithClause, with);
    for (int i = 0; i < w->ctes.count; i++)
        if (strcmp(AST_AS(CommonTableExpr, w->ctes.items[i])->name, name) == 0) return true;
    return false;
}

static Status
search_self(Ctx *ctx, Ast *a, void *arg)
{
    SelfSearch *f = arg;
    if (a->tag == AST_RangeVar) {
        const RangeVar *rv = (const RangeVar *)a;
        if (rv->schema == NULL && strcmp(rv->name, f->name) == 0) f->found++;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    const Ast *with = a->tag == AST_SelectStmt ? ((const SelectStmt *)a)->with : NULL;
    if (with_defines(with, f->name)) { /* hides it, but from the queries before it and, without RECURSIVE, its own */
        const WithClause *w = AST_AS(WithClause, with);
        for (int i = 0; i < w->ctes.count && !w->recursive; i++) {
            const CommonTableExpr *c = AST_AS(CommonTableExpr, w->ctes.items[i]);
            TRY(search_self(ctx, c->query, arg));
            if (strcmp(c->name, f->name) == 0) break;
        }
        return QN_OK;
    }
    return ast_walk(ctx, a, search_self, arg);
}

static Status
mentions(Ctx *ctx, const Ast *a, const char *name, bool *out)
{
    SelfSearch f = {name, 0};
    TRY(search_self(ctx, (Ast *)a, &f));
    *out = f.found > 0;
    return QN_OK;
}

/* ---- SEARCH and CYCLE ---- */

/* ROW of the named columns of exprs. */
static Status
row_of(Scope *s, const AstList *cols, const char *const *names, const ExprList *exprs, Expr *first, const char *clause, Expr **out)
{
    RowExpr *r;
    TRY_ALLOC(s->ctx, r, EXPR_NEW(s->ps->arena, Row, TYPE_RECORD, -1, 0));
    if (first != NULL) TRY(array_push(s->ctx, s->ps->arena, &r->fields, first));
    for (int i = 0; i < cols->count; i++) {
        const char *name = ast_str(cols->items[i]);
        int at = -1;
        for (int c = 0; c < exprs->count && at < 0; c++)
            if (strcmp(names[c], name) == 0) at = c;
        if (at < 0)
            return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "%s column \"%s\" not in WITH query column list", clause, name), ast_location(cols->items[i]));
        Expr *e;
        TRY_ALLOC(s->ctx, e, expr_copy(s->ps->arena, exprs->items[at]));
        TRY(array_push(s->ctx, s->ps->arena, &r->fields, e));
    }
    *out = (Expr *)r;
    return QN_OK;
}

static Status
array_of_one(Scope *s, Expr *item, Expr **out)
{
    ArrayExpr *a;
    TRY_ALLOC(s->ctx, a, EXPR_NEW(s->ps->arena, Array, TYPE_RECORD_ARRAY, -1, 0));
    a->elem_type = TYPE_RECORD;
    TRY(array_push(s->ctx, s->ps->arena, &a->items, item));
    *out = (Expr *)a;
    return QN_OK;
}

static Status
raise_extra(Scope *s, Status code, int loc, const char *fmt, const char *a, const char *b)
{
    return err_position(s->ctx, RAISE(s->ctx, code, fmt, a, b), loc);
}

/* Columns named once, and names of new columns that are not there yet. */
static Status
check_listed(Scope *s, const AstList *cols, const char *clause)
{
    for (int i = 0; i < cols->count; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(ast_str(cols->items[i]), ast_str(cols->items[k])) == 0)
                return raise_extra(s, ERR_DUPLICATE_COLUMN, ast_location(cols->items[i]), "%s column \"%s\" specified more than once", clause,
                                   ast_str(cols->items[i]));
    return QN_OK;
}

static Status
check_fresh(Scope *s, const char *name, const char *what, const char *const *names, int n, int loc)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return raise_extra(s, ERR_SYNTAX_ERROR, loc, "%s column name \"%s\" already used in WITH query column list", what, name);
    return QN_OK;
}

/* What SEARCH and CYCLE say, before anything is made of it. */
static Status
check_extras(Scope *s, const CommonTableExpr *ast, const char *const *names, int n)
{
    static const char *const same = "%s column name and %s column name are the same";
    const CteSearchClause *search = AST_AS(CteSearchClause, ast->search);
    const CteCycleClause *cycle = AST_AS(CteCycleClause, ast->cycle);
    int loc = ast->loc;
    if (search != NULL) {
        TRY(check_listed(s, &search->columns, "search"));
        TRY(check_fresh(s, search->seq_column, "search sequence", names, n, loc));
    }
    if (cycle == NULL) return QN_OK;
    TRY(check_listed(s, &cycle->columns, "cycle"));
    TRY(check_fresh(s, cycle->mark_column, "cycle mark", names, n, loc));
    TRY(check_fresh(s, cycle->path_column, "cycle path", names, n, loc));
    if (strcmp(cycle->mark_column, cycle->path_column) == 0)
        return raise_extra(s, ERR_SYNTAX_ERROR, loc, same, "cycle mark", "cycle path");
    if (search != NULL && strcmp(search->seq_column, cycle->mark_column) == 0)
        return raise_extra(s, ERR_SYNTAX_ERROR, loc, same, "search sequence", "cycle mark");
    if (search != NULL && strcmp(search->seq_column, cycle->path_column) == 0)
        return raise_extra(s, ERR_SYNTAX_ERROR, loc, same, "search sequence", "cycle path");
    return QN_OK;
}

typedef struct Extra { /* columns that SEARCH and CYCLE add */
    const char *names[3];
    Expr *seed[3];
    int n;
    int seq, mark, path; /* which of them, -1 none */
    Expr *mark_value, *mark_default;
} Extra;

static Status
seed_extras(Scope *s, const CommonTableExpr *ast, const char *const *names, const ExprList *outs, Extra *x)
{
    const CteSearchClause *search = AST_AS(CteSearchClause, ast->search);
    const CteCycleClause *cycle = AST_AS(CteCycleClause, ast->cycle);
    PlanState *ps = s->ps;
    x->seq = x->mark = x->path = -1;
    if (search != NULL) {
        Expr *row, *zero = NULL;
        if (search->breadth_first) {
            Value v = value_i64(TYPE_INT8, 0);
            TRY_ALLOC(s->ctx, zero, make_const(ps, &v, -1, 0));
        }
        TRY(row_of(s, &search->columns, names, outs, zero, "search", &row));
        if (!search->breadth_first) TRY(array_of_one(s, row, &row));
        x->seq = x->n;
        x->names[x->n] = search->seq_column;
        x->seed[x->n++] = row;
    }
    if (cycle == NULL) return QN_OK;
    Expr *row, *pair[2];
    Oid type;
    if (cycle->mark_value != NULL) {
        TRY(bind_expr(s, cycle->mark_value, &pair[0]));
        TRY(bind_expr(s, cycle->mark_default, &pair[1]));
    } else {
        TRY_ALLOC(s->ctx, pair[0], make_bool_const(ps, true));
        TRY_ALLOC(s->ctx, pair[1], make_bool_const(ps, false));
    }
    TRY(select_common_type(ps, pair, 2, "CYCLE", &type, NULL));
    TRY(coerce_to_common(ps, &pair[0], type, "CYCLE/SET/TO"));
    TRY(coerce_to_common(ps, &pair[1], type, "CYCLE/SET/DEFAULT"));
    x->mark_value = pair[0];
    x->mark_default = pair[1];
    x->mark = x->n;
    x->names[x->n] = cycle->mark_column;
    TRY_ALLOC(s->ctx, x->seed[x->n], expr_copy(ps->arena, pair[1]));
    x->n++;
    TRY(row_of(s, &cycle->columns, names, outs, NULL, "cycle", &row));
    TRY(array_of_one(s, row, &row));
    x->path = x->n;
    x->names[x->n] = cycle->path_column;
    x->seed[x->n++] = row;
    return QN_OK;
}

/* The work table, where no Project or Aggregate hides its columns from root. */
static LWorkTable *
visible_worktable(LNode *root, int worktable)
{
    while (root != NULL) {
        switch ((LogicalTag)root->tag) {
        case LOGICAL_WorkTable: return ((LWorkTable *)root)->worktable == worktable ? (LWorkTable *)root : NULL;
        case LOGICAL_Filter:
        case LOGICAL_Sort:
        case LOGICAL_Limit:
        case LOGICAL_ProjectSet:
        case LOGICAL_Window: root = root->left; break;
        case LOGICAL_Join: {
            LWorkTable *t = visible_worktable(root->left, worktable);
            if (t != NULL) return t;
            root = root->right;
            break;
        }
        default: return NULL;
        }
    }
    return NULL;
}

static Status
step_extras(Scope *s, const CommonTableExpr *ast, const char *const *names, int ncols, int worktable, Query *step, const Extra *x)
{
    PlanState *ps = s->ps;
    const CteSearchClause *search = AST_AS(CteSearchClause, ast->search);
    const CteCycleClause *cycle = AST_AS(CteCycleClause, ast->cycle);
    LWorkTable *w = visible_worktable(step->root, worktable);
    if (w == NULL) return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"%s\" must be at the top level of its right-hand SELECT", ast->name);
    w->base.ncols = ncols + x->n;
    ExprList base = step->out;
    base.count = ncols;
    ExprList outs = {0};
    for (int i = 0; i < ncols; i++) TRY(array_push(s->ctx, ps->arena, &outs, step->out.items[i]));
    if (search != NULL) {
        Expr *prev, *row, *depth = NULL;
        TRY_ALLOC(s->ctx, prev, rel_column_ref(ps, w->base.rel, ncols + x->seq));
        if (search->breadth_first) {
            FieldExpr *f;
            Value one = value_i64(TYPE_INT8, 1);
            Expr *inc;
            TRY_ALLOC(s->ctx, f, EXPR_NEW(ps->arena, Field, TYPE_INT8, -1, 0));
            f->arg = prev;
            TRY_ALLOC(s->ctx, inc, make_const(ps, &one, -1, 0));
            TRY(make_op(ps, NULL, "+", (Expr *)f, inc, 0, &depth));
        }
        TRY(row_of(s, &search->columns, names, &base, depth, "search", &row));
        if (!search->breadth_first) TRY(make_op(ps, NULL, "||", prev, row, 0, &row));
        TRY(array_push(s->ctx, ps->arena, &outs, row));
    }
    if (cycle != NULL) {
        Expr *mark, *path, *row, *again, *longer, *go_on;
        TRY_ALLOC(s->ctx, mark, rel_column_ref(ps, w->base.rel, ncols + x->mark));
        TRY_ALLOC(s->ctx, path, rel_column_ref(ps, w->base.rel, ncols + x->path));
        TRY(row_of(s, &cycle->columns, names, &base, NULL, "cycle", &row));
        ArrayOpExpr *any;
        const Operator *eq = find_operator("=", TYPE_RECORD, TYPE_RECORD);
        if (eq == NULL || fn_by_oid(eq->function) == NULL)
            return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "CYCLE is not supported yet: rows cannot be compared");
        TRY_ALLOC(s->ctx, any, EXPR_NEW(ps->arena, ArrayOp, TYPE_BOOL, -1, 0));
        any->op = eq;
        any->fn = fn_by_oid(eq->function);
        any->left = row;
        any->array = path;
        CaseExpr *c;
        TRY_ALLOC(s->ctx, c, EXPR_NEW(ps->arena, Case, x->mark_value->type, -1, 0));
        TRY(array_push(s->ctx, ps->arena, &c->whens, (Expr *)any));
        TRY_ALLOC(s->ctx, again, expr_copy(ps->arena, x->mark_value));
        TRY(array_push(s->ctx, ps->arena, &c->thens, again));
        TRY_ALLOC(s->ctx, c->otherwise, expr_copy(ps->arena, x->mark_default));
        TRY(array_push(s->ctx, ps->arena, &outs, (Expr *)c));
        TRY_ALLOC(s->ctx, row, expr_copy(ps->arena, row));
        TRY_ALLOC(s->ctx, path, expr_copy(ps->arena, path));
        TRY(make_op(ps, NULL, "||", path, row, 0, &longer));
        TRY(array_push(s->ctx, ps->arena, &outs, longer));
        TRY_ALLOC(s->ctx, again, expr_copy(ps->arena, x->mark_value));
        TRY(make_op(ps, NULL, "<>", mark, again, 0, &go_on));
        ExprList conds = {0};
        TRY(array_push(s->ctx, ps->arena, &conds, go_on));
        TRY(add_filter(s, &step->root, &conds));
    }
    step->out = outs;
    return QN_OK;
}

/* ---- recursive queries ---- */

static Status
find_own_agg(Ctx *ctx, LNode **slot, void *arg)
{
    if ((*slot)->tag == LOGICAL_Aggregate && ((LAggregate *)*slot)->aggs.count > 0) *(Expr **)arg = ((LAggregate *)*slot)->aggs.items[0];
    if ((*slot)->tag == LOGICAL_Project && ((LProject *)*slot)->is_subquery) return QN_OK;
    TRY(ctx_check_depth(ctx));
    return lnode_children(ctx, *slot, find_own_agg, arg);
}

static Status
unify_recursive(Scope *s, CteName *c, Query *seed, Query *step)
{
    PlanState *ps = s->ps;
    if (seed->out.count != step->out.count)
        return RAISE(s->ctx, ERR_SYNTAX_ERROR, "each UNION query must have the same number of columns");
    for (int i = 0; i < seed->out.count; i++) {
        Expr *pair[2] = {seed->out.items[i], step->out.items[i]};
        Oid type;
        TRY(select_common_type(ps, pair, 2, "UNION", &type, NULL));
        int32_t typmod = select_common_typmod(pair, 2, type);
        if (type != pair[0]->type || typmod != pair[0]->typmod) {
            const char *seed_type, *whole_type;
            TRY(type_format(s->ctx, ps->arena, pair[0]->type, pair[0]->typmod, &seed_type));
            TRY(type_format(s->ctx, ps->arena, type, type == pair[0]->type ? typmod : -1, &whole_type));
            Status st = RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "recursive query \"%s\" column %d has type %s in non-recursive term but type %s overall",
                              c->name, i + 1, seed_type, whole_type);
            st = err_hint(s->ctx, st, "Cast the output of the non-recursive term to the correct type.");
            return err_position(s->ctx, st, expr_location(pair[0]));
        }
        TRY(coerce_to_common(ps, &step->out.items[i], type, "UNION"));
    }
    return QN_OK;
}

/* Only the rows' own clauses may follow a recursive UNION. */
static Status
check_recursive_form(Scope *s, const SelectStmt *stmt)
{
    const char *what = NULL;
    if (stmt->order_by.count > 0) what = "ORDER BY";
    else if (stmt->offset != NULL) what = "OFFSET";
    else if (stmt->limit != NULL) what = "LIMIT";
    else if (stmt->locking.count > 0) what = "FOR UPDATE/SHARE";
    if (what == NULL) return QN_OK;
    return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s in a recursive query is not implemented", what);
}

static Status
column_names(Scope *s, const CommonTableExpr *ast, const Query *q, const char *const *extra, int nextra, const char ***out)
{
    int n = q->out.count;
    const char **names;
    if (ast->columns.count > n) {
        Status st = RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "WITH query \"%s\" has %d columns available but %d columns specified", ast->name, n, ast->columns.count);
        return err_position(s->ctx, st, ast->loc);
    }
    TRY_ALLOC(s->ctx, names, ARENA_ARRAY(s->ps->arena, const char *, n + nextra + 1));
    for (int i = 0; i < n; i++) names[i] = i < ast->columns.count ? ast_str(ast->columns.items[i]) : q->out_names[i];
    for (int i = 0; i < nextra; i++) names[n + i] = extra[i];
    *out = names;
    return QN_OK;
}

static NOINLINE Status
bind_recursive(Scope *s, CteName *c, const SelectStmt *stmt, Query **out)
{
    PlanState *ps = s->ps;
    const CommonTableExpr *ast = c->ast;
    int n = stmt->setop_args.count;
    const char *saved = s->b->rec_forbidden;
    Query *seed, *step, *q;
    Scope *inner;
    Extra *x;

    TRY(check_recursive_form(s, stmt));
    if (ast->search != NULL || ast->cycle != NULL)
        for (int i = 0; i < n; i++)
            if (n > 2 || AST_AS(SelectStmt, stmt->setop_args.items[i])->setop != AST_SETOP_NONE)
                return RAISE(s->ctx, n > 2 || i == 0 ? ERR_FEATURE_NOT_SUPPORTED : ERR_SYNTAX_ERROR, "with a SEARCH or CYCLE clause, the %s side of the UNION must be a SELECT",
                             n > 2 || i == 0 ? "left" : "right");
    TRY(scope_new(s->b, s, &inner)); /* WITH inside the UNION itself */
    inner->level = s->level;
    if (stmt->with != NULL) TRY(bind_with(inner, AST_AS(WithClause, stmt->with)));
    c->why_forbidden = "within its non-recursive term";
    if (n > 2) {
        SelectStmt *left;
        TRY_ALLOC(s->ctx, left, arena_memdup(ps->arena, stmt, sizeof(SelectStmt)));
        left->setop_args.count = n - 1;
        left->with = NULL;
        TRY(bind_select(inner, left, false, &seed));
    } else {
        TRY(bind_select(inner, AST_AS(SelectStmt, stmt->setop_args.items[0]), false, &seed));
    }
    TRY_ALLOC(s->ctx, x, ARENA_NEW(ps->arena, Extra));
    int ncols = seed->out.count;
    TRY(column_names(s, ast, seed, NULL, 0, &c->out_names));
    TRY(check_extras(s, ast, c->out_names, ncols));
    TRY(seed_extras(s, ast, c->out_names, &seed->out, x));
    c->nhidden = x->n;

    /* The seed's columns are what the step sees of the last rows. */
    LRecursive *r;
    TRY_ALLOC(s->ctx, r, LNODE_NEW(ps, Recursive, ncols + x->n));
    TRY(rel_set_level(s, r->base.rel));
    r->worktable = ps->nworktables++;
    r->distinct = !stmt->setop_all;
    r->alias = c->name;
    TRY_ALLOC(s->ctx, r->outs, ARENA_ARRAY(ps->arena, ExprList, 2));
    for (int i = 0; i < ncols; i++) TRY(array_push(s->ctx, ps->arena, &r->outs[0], seed->out.items[i]));
    for (int i = 0; i < x->n; i++) TRY(array_push(s->ctx, ps->arena, &r->outs[0], x->seed[i]));
    TRY(column_names(s, ast, seed, x->names, x->n, &c->out_names));
    c->worktable = r->worktable;
    c->recursive_rel = r->base.rel;
    c->why_forbidden = NULL;
    s->b->rec_forbidden = NULL;
    TRY(bind_select(inner, AST_AS(SelectStmt, stmt->setop_args.items[n - 1]), true, &step));
    s->b->rec_forbidden = saved;
    Expr *agg = NULL;
    if (c->self_refs > 0) TRY(find_own_agg(s->ctx, &step->root, &agg));
    if (agg != NULL)
        return err_position(s->ctx, RAISE(s->ctx, ERR_INVALID_RECURSION, "aggregate functions are not allowed in a recursive query's recursive term"), agg->loc);
    TRY(unify_recursive(s, c, seed, step));
    for (int i = 0; i < ncols && r->distinct; i++) {
        const Operator *eq = find_operator("=", type_base(seed->out.items[i]->type), type_base(seed->out.items[i]->type));
        if (eq == NULL || eq->can_hash) continue;
        return err_detail(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "could not implement recursive UNION"),
                          "All column datatypes must be hashable.");
    }
    if (x->n > 0) TRY(step_extras(s, ast, c->out_names, ncols, r->worktable, step, x));
    r->base.left = seed->root;
    r->base.right = step->root;
    r->outs[1] = step->out;
    TRY(collate_check_recursion(s, c->name, &r->outs[0], &r->outs[1]));

    TRY_ALLOC(s->ctx, q, ARENA_NEW(ps->arena, Query));
    q->root = (LNode *)r;
    q->out_names = c->out_names;
    for (int i = 0; i < r->base.ncols; i++) {
        Expr *e;
        TRY_ALLOC(s->ctx, e, rel_column_ref(ps, r->base.rel, i));
        ((ColumnRefExpr *)e)->name = c->out_names[i];
        TRY(array_push(s->ctx, ps->arena, &q->out, e));
    }
    *out = q;
    return QN_OK;
}

/* ---- the list ---- */

static NOINLINE Status
bind_cte_query(CteName *c)
{
    Scope *s = c->scope;
    PlanState *ps = s->ps;
    const CommonTableExpr *ast = c->ast;
    CteInfo *info = &ps->ctes[c->cte];
    Query *q;
    bool recursive = false;
    CteName *saved_names = s->ctes;

    CteName *outer = s->b->cte_at_work;
    c->bound = true; /* at work: info->query is still NULL */
    s->b->cte_at_work = c;
    s->ctes = (CteName *)c->visible;
    if (ast->query->tag == AST_SelectStmt && c->why_forbidden != NULL) TRY(mentions(s->ctx, ast->query, c->name, &recursive));
    if (recursive) {
        const SelectStmt *stmt = AST_AS(SelectStmt, ast->query);
        if (stmt->setop != AST_SETOP_UNION) {
            Status st = RAISE(s->ctx, ERR_INVALID_RECURSION, "recursive query \"%s\" does not have the form non-recursive-term UNION [ALL] recursive-term", c->name);
            return err_position(s->ctx, st, ast->loc);
        }
        TRY(bind_recursive(s, c, stmt, &q));
    } else {
        if (ast->search != NULL || ast->cycle != NULL) {
            Status st = RAISE(s->ctx, ERR_SYNTAX_ERROR, "WITH query is not recursive");
            return err_position(s->ctx, st, ast->loc);
        }
        if (ast->query->tag != AST_SelectStmt && s->level > 0) {
            Status st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "WITH clause containing a data-modifying statement must be at the top level");
            return err_position(s->ctx, st, ast->loc);
        }
        TRY(bind_query(s, ast->query, false, &q));
        TRY(column_names(s, ast, q, NULL, 0, &c->out_names));
        q->out_names = c->out_names;
    }
    s->ctes = saved_names;
    s->b->cte_at_work = outer;
    info = &ps->ctes[c->cte]; /* the array may have moved */
    info->query = q;
    info->recursive = recursive;
    info->modifies = ast->query->tag != AST_SelectStmt;
    return QN_OK;
}

Status
bind_with(Scope *s, const WithClause *w)
{
    CteName *outer = s->ctes;
    CteName **names;
    TRY_ALLOC(s->ctx, names, ARENA_ARRAY(s->ps->arena, CteName *, w->ctes.count));
    for (int i = 0; i < w->ctes.count; i++) {
        const CommonTableExpr *ast = AST_AS(CommonTableExpr, w->ctes.items[i]);
        CteName *c;
        for (int j = 0; j < i; j++)
            if (strcmp(names[j]->name, ast->name) == 0) {
                Status st = RAISE(s->ctx, ERR_DUPLICATE_ALIAS, "WITH query name \"%s\" specified more than once", ast->name);
                return err_position(s->ctx, st, ast->loc);
            }
        TRY_ALLOC(s->ctx, c, ARENA_NEW(s->ps->arena, CteName));
        c->name = ast->name;
        c->ast = ast;
        c->scope = s;
        c->cte = s->ps->nctes;
        c->worktable = -1;
        if (w->recursive) c->why_forbidden = "within its non-recursive term";
        if (!array_grow(s->ps->arena, (void **)&s->ps->ctes, &s->ps->ctes_cap, s->ps->nctes, 1, sizeof(CteInfo))) return RAISE_OOM(s->ctx);
        s->ps->ctes[s->ps->nctes++] = (CteInfo){
            .name = ast->name, .materialized = ast->materialized == AST_CTE_ALWAYS ? 1 : ast->materialized == AST_CTE_NEVER ? 0 : -1};
        names[i] = c;
        c->next = s->ctes;
        c->visible = w->recursive ? NULL : s->ctes; /* recursive: set below, to the whole list */
        s->ctes = c;
    }
    CteName *all = s->ctes;
    for (int i = 0; i < w->ctes.count; i++) {
        if (w->recursive) names[i]->visible = all;
        else if (i == 0) names[i]->visible = outer;
    }
    for (int i = 0; i < w->ctes.count; i++)
        if (!names[i]->bound) TRY(bind_cte_query(names[i]));
    return QN_OK;
}

/* ---- references ---- */

static Status
new_cte_item(Scope *s, LNode *node, const CteName *c, const RangeVar *rv, int ncols, NsItem **out)
{
    NsItem *item;
    const Alias *alias = AST_AS(Alias, rv->alias);
    TRY_ALLOC(s->ctx, item, ARENA_NEW(s->ps->arena, NsItem));
    item->name = alias != NULL ? alias->name : c->name;
    item->rel = node->rel;
    item->ncols = ncols;
    item->names = c->out_names;
    item->rel_visible = item->cols_visible = item->lateral_ok = true;
    item->from_cte = true;
    s->ps->rels[node->rel].alias = item->name;
    TRY(rel_set_level(s, node->rel));
    TRY(ns_push(s, &s->all, item));
    *out = item;
    return QN_OK;
}

static Status
recursive_reference(Scope *s, CteName *c, const RangeVar *rv, LNode **out, NsItem **item_out)
{
    LWorkTable *w;
    const CteName *at_work = s->b->cte_at_work;
    bool mutual = at_work != NULL && at_work != c && at_work->scope == c->scope;
    if (c->why_forbidden != NULL && c->worktable < 0 && !mutual) return recursion_error(s, c->name, c->why_forbidden, rv->loc);
    if (c->worktable < 0)
        return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "mutual recursion between WITH items is not implemented");
    if (s->b->rec_forbidden != NULL) return recursion_error(s, c->name, s->b->rec_forbidden, rv->loc);
    if (c->self_refs++ > 0) return recursion_error(s, c->name, "more than once", rv->loc);
    int ncols = s->ps->rels[c->recursive_rel].node->ncols;
    TRY_ALLOC(s->ctx, w, LNODE_NEW(s->ps, WorkTable, ncols));
    w->worktable = c->worktable;
    w->recursive_rel = c->recursive_rel;
    w->alias = rv->alias != NULL ? AST_AS(Alias, rv->alias)->name : c->name;
    *out = (LNode *)w;
    TRY(new_cte_item(s, *out, c, rv, ncols, item_out));
    (*item_out)->nhidden = c->nhidden;
    return QN_OK;
}

NOINLINE Status
bind_cte_ref(Scope *s, CteName *c, const RangeVar *rv, LNode **out, NsItem **item_out)
{
    PlanState *ps = s->ps;
    if (!c->bound) TRY(bind_cte_query(c));
    if (ps->ctes[c->cte].query == NULL) return recursive_reference(s, c, rv, out, item_out);
    CteInfo *info = &ps->ctes[c->cte];
    if (info->query->out.count == 0 && info->modifies) {
        Status st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "WITH query \"%s\" does not have a RETURNING clause", c->name);
        return err_position(s->ctx, st, rv->loc);
    }
    /* NOT MATERIALIZED and used again: bound once more in this place. */
    bool is_volatile = true;
    if (info->materialized == 0 && info->nrefs > 0 && !info->recursive && !info->modifies)
        TRY(query_is_volatile(s->ctx, info->query, &is_volatile));
    if (!is_volatile) {
        Query *q;
        CteName *saved = c->scope->ctes;
        c->scope->ctes = (CteName *)c->visible;
        int items = c->scope->items.count;
        c->scope->items.count = 0; /* FROM of the defining query is not in sight of its WITH list */
        TRY(bind_query(c->scope, c->ast->query, false, &q));
        c->scope->items.count = items;
        c->scope->ctes = saved;
        q->out_names = c->out_names;
        TRY(subquery_item(s, q, NULL, rv->alias != NULL ? AST_AS(Alias, rv->alias)->name : c->name, out, item_out));
        (*item_out)->has_alias = rv->alias != NULL;
        return QN_OK;
    }
    LCteRef *r;
    TRY_ALLOC(s->ctx, r, LNODE_NEW(ps, CteRef, info->query->out.count));
    r->cte = c->cte;
    r->alias = rv->alias != NULL ? AST_AS(Alias, rv->alias)->name : c->name;
    info->nrefs++;
    *out = (LNode *)r;
    return new_cte_item(s, *out, c, rv, info->query->out.count, item_out);
}
