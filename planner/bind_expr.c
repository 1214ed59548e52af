/* bind_expr.c - expressions: raw syntax to typed expressions. bind_expr only dispatches, so that its frame stays
 * small: a nesting level of the user's costs a few hundred bytes of stack. */
#include "planner/bind_priv.h"
#include "catalog/collation.h"
#include "common/num.h"
#include <stdio.h>

static const char *const clause_names[CLAUSE_COUNT] = {
    [CLAUSE_NONE] = "expression", [CLAUSE_SELECT] = "SELECT", [CLAUSE_JOIN_ON] = "JOIN/ON",
    [CLAUSE_FROM_FUNCTION] = "function in FROM", [CLAUSE_WHERE] = "WHERE", [CLAUSE_HAVING] = "HAVING",
    [CLAUSE_FILTER] = "FILTER", [CLAUSE_PARTITION] = "window PARTITION BY", [CLAUSE_WINDOW_ORDER] = "window ORDER BY",
    [CLAUSE_FRAME_RANGE] = "window RANGE", [CLAUSE_FRAME_ROWS] = "window ROWS", [CLAUSE_FRAME_GROUPS] = "window GROUPS",
    [CLAUSE_INSERT] = "VALUES", [CLAUSE_UPDATE] = "UPDATE", [CLAUSE_GROUP_BY] = "GROUP BY", [CLAUSE_ORDER_BY] = "ORDER BY",
    [CLAUSE_DISTINCT_ON] = "DISTINCT ON", [CLAUSE_LIMIT] = "LIMIT", [CLAUSE_OFFSET] = "OFFSET",
    [CLAUSE_RETURNING] = "RETURNING", [CLAUSE_VALUES] = "VALUES", [CLAUSE_CHECK] = "check constraints",
    [CLAUSE_DEFAULT] = "DEFAULT expressions", [CLAUSE_GENERATED] = "column generation expressions",
    [CLAUSE_INDEX_EXPR] = "index expressions", [CLAUSE_INDEX_PREDICATE] = "index predicates", [CLAUSE_FROM_SUBQUERY] = "FROM clause of their own query level",
    [CLAUSE_CALL] = "CALL arguments", [CLAUSE_EXECUTE] = "EXECUTE parameters", [CLAUSE_DELETE] = "DELETE",
    [CLAUSE_MERGE_WHEN] = "MERGE WHEN conditions"};

const char *
clause_name(Clause c)
{
    return clause_names[c];
}

Status
bind_expr_in(Scope *s, const Ast *a, Clause clause, Expr **out)
{
    Clause saved = s->clause;
    s->clause = clause;
    Status st = bind_expr(s, a, out);
    s->clause = saved;
    return st;
}

/* A literal nobody gave a type is text. */
Status
resolve_unknown(Scope *s, Expr **slot)
{
    if ((*slot)->type != TYPE_UNKNOWN) return QN_OK;
    return coerce_type(s->ps, *slot, TYPE_TEXT, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, slot);
}

/* ---- constants ---- */

static Status
bind_number(Scope *s, const char *digits, bool negative, int loc, Expr **out)
{
    /* An integer that fits 64 bits together with its sign. */
    int64_t n = 0;
    const char *p = digits;
    bool fits = *p != '\0';
    for (; *p != '\0' && fits; p++) {
        if (!ascii_is_digit(*p)) fits = false;
        else if (num_mul_overflows(n, 10, &n) || num_sub_overflows(n, *p - '0', &n)) fits = false;
    }
    if (fits && !negative && num_sub_overflows((int64_t)0, n, &n)) fits = false;
    if (fits) {
        Value v = n >= INT32_MIN && n <= INT32_MAX ? value_i32(TYPE_INT4, (int32_t)n) : value_i64(TYPE_INT8, n);
        TRY_ALLOC(s->ctx, *out, make_const(s->ps, &v, -1, loc));
        return QN_OK;
    }
    size_t nbytes = strlen(digits);
    char *text;
    TRY_ALLOC(s->ctx, text, arena_alloc(s->ps->arena, nbytes + 2));
    text[0] = '-';
    memcpy(text + 1, digits, nbytes + 1);
    Value v;
    Status st = value_in(s->ctx, s->ps->arena, negative ? text : digits, nbytes + negative, TYPE_NUMERIC, -1, &v);
    if (st != QN_OK) return err_position(s->ctx, st, loc);
    TRY_ALLOC(s->ctx, *out, make_const(s->ps, &v, -1, loc));
    return QN_OK;
}

static NOINLINE Status
bind_const(Scope *s, const A_Const *c, bool negative, Expr **out)
{
    Value v;
    switch (c->kind) {
    case AST_CONST_NULL: v = value_null(TYPE_UNKNOWN); break;
    case AST_CONST_BOOL:
        v = value_null(TYPE_BOOL);
        v.is_null = false;
        v.phys = PHYS_BOOL;
        v.b = c->ival != 0;
        break;
    case AST_CONST_INT: {
        int64_t n = negative ? -c->ival : c->ival;
        v = n >= INT32_MIN && n <= INT32_MAX ? value_i32(TYPE_INT4, (int32_t)n) : value_i64(TYPE_INT8, n);
        break;
    }
    case AST_CONST_NUMERIC: return bind_number(s, c->str, negative, c->loc, out);
    case AST_CONST_BITS: {
        Status st = value_in(s->ctx, s->ps->arena, c->str, strlen(c->str), TYPE_BIT, -1, &v);
        if (st != QN_OK) return err_position(s->ctx, st, c->loc);
        break;
    }
    case AST_CONST_STRING: v = value_str(TYPE_UNKNOWN, str_make(c->str, strlen(c->str))); break;
    default: return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "bit string constants are not supported yet"), c->loc);
    }
    TRY_ALLOC(s->ctx, *out, make_const(s->ps, &v, -1, c->loc));
    return QN_OK;
}

static NOINLINE Status
bind_param(Scope *s, const ParamRef *p, Expr **out)
{
    PlanState *ps = s->ps;
    if (p->number <= 0 || p->number > 65535 || s->clause == CLAUSE_EXECUTE)
        return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_PARAMETER, "there is no parameter $%d", p->number), p->loc);
    if (ps->env != NULL) return bind_env_param(s, p->number, p->loc, out);
    if (p->number > ps->nparams) {
        Oid *types;
        TRY_ALLOC(s->ctx, types, ARENA_ARRAY(ps->arena, Oid, p->number));
        if (ps->nparams > 0) memcpy(types, ps->param_types, sizeof(Oid) * (size_t)ps->nparams);
        ps->param_types = types;
        ps->nparams = p->number;
    }
    Oid type = ps->param_types[p->number - 1];
    if (type == 0) type = ps->param_types[p->number - 1] = TYPE_UNKNOWN;
    ParamExpr *e;
    TRY_ALLOC(s->ctx, e, EXPR_NEW(ps->arena, Param, type, -1, p->loc));
    e->kind = PARAM_EXTERN;
    e->id = p->number;
    *out = (Expr *)e;
    return QN_OK;
}

/* ---- columns ---- */

/* What is NULL where an outer join found no row of the item: a table's ctid, a column made for it in a derived table. */
static Status
row_presence(Scope *s, const NsItem *item, Expr **out)
{
    PlanState *ps = s->ps;
    LNode *node = item->rel > 0 ? ps->rels[item->rel].node : NULL;
    *out = NULL;
    if (!item->nullable || item->exprs != NULL || node == NULL) return QN_OK;
    if (node->tag == LOGICAL_Project) {
        LProject *p = (LProject *)node;
        int n = p->exprs.count;
        const char **names;
        Expr *mark;
        TRY_ALLOC(s->ctx, names, ARENA_ARRAY(ps->arena, const char *, n + 1));
        memcpy(names, p->names, (size_t)n * sizeof(*names));
        TRY_ALLOC(s->ctx, mark, make_bool_const(ps, true));
        ExprList exprs = {0}; /* the query's own list stays as it is */
        for (int i = 0; i < n; i++) TRY(array_push(s->ctx, ps->arena, &exprs, p->exprs.items[i]));
        TRY(array_push(s->ctx, ps->arena, &exprs, mark));
        p->exprs = exprs;
        p->names = names;
        p->base.ncols = n + 1;
        TRY_ALLOC(s->ctx, *out, rel_column_ref(ps, item->rel, n));
        return QN_OK;
    }
    if ((node->tag != LOGICAL_Get && node->tag != LOGICAL_Append) || item->relation == NULL || item->relation->oid < OID_FIRST_USER) return QN_OK;
    TRY_ALLOC(s->ctx, *out, rel_column_ref(ps, item->rel, SCANCOL_TID));
    return QN_OK;
}

Status
bind_whole_row(Scope *s, const NsItem *item, int loc, Expr **out)
{
    RowExpr *r;
    int n = 0;
    TRY_ALLOC(s->ctx, r, EXPR_NEW(s->ps->arena, Row, TYPE_RECORD, -1, loc));
    TRY_ALLOC(s->ctx, r->fields.items, ARENA_ARRAY(s->ps->arena, Expr *, item->ncols + 1));
    TRY_ALLOC(s->ctx, r->names, ARENA_ARRAY(s->ps->arena, const char *, item->ncols + 1));
    if (item->relation != NULL && catalog_row_type(item->relation) != INVALID_OID) {
        r->base.type = catalog_row_type(item->relation);
        TRY(catalog_type_load(s->ctx, r->base.type));
    }
    for (int i = 0; i < item->ncols; i++) {
        if (item_column_dropped(item, i)) { /* values of a relation's row type have a field for it */
            if (r->base.type == TYPE_RECORD) continue;
            TRY_ALLOC(s->ctx, r->fields.items[n], make_null_const(s->ps, TYPE_INT4, -1));
            r->names[n++] = NULL;
            continue;
        }
        TRY(item_column(s, item, i, loc, &r->fields.items[n]));
        r->names[n++] = item_column_name(item, i);
    }
    r->fields.count = r->fields.cap = n;
    TRY(row_presence(s, item, &r->present));
    *out = (Expr *)r;
    return QN_OK;
}

static Status
bind_item_reference(Scope *s, NsItem *item, int loc, Expr **out)
{
    if (item->scalar_function) return item_column(s, item, 0, loc, out);
    return bind_whole_row(s, item, loc, out);
}

static Status
column_not_allowed(Scope *s, int loc)
{
    return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot use column reference in DEFAULT expression"), loc);
}

static NOINLINE Status
bind_qualified_column(Scope *s, const ColumnRef *c, Expr **out)
{
    int n = c->fields.count;
    const char *name = ast_str(c->fields.items[n - 1]), *table = ast_str(c->fields.items[n - 2]);
    const char *schema = n > 2 ? ast_str(c->fields.items[n - 3]) : NULL;
    NsItem *item;
    int matches;

    if (n > 4) return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "improper qualified name (too many dotted names)"), c->loc);
    TRY(scope_find_item(s, schema, table, c->loc, &item, NULL));
    if (item == NULL && s->ps->env != NULL) {
        TRY(bind_env_name(s, c, out));
        if (*out != NULL) return QN_OK;
    }
    if (item == NULL) return raise_missing_table(s, schema, table, c->loc);
    int col = item_find_column(item, name, &matches);
    if (matches > 1) return err_position(s->ctx, RAISE(s->ctx, ERR_AMBIGUOUS_COLUMN, "column reference \"%s\" is ambiguous", name), c->loc);
    if (matches == 1) return item_column(s, item, col, c->loc, out);

    /* t.f may be f(t). */
    Expr *row;
    TRY(bind_item_reference(s, item, c->loc, &row));
    TRY(bind_column_function(s, name, row, c->loc, out));
    if (*out != NULL) return QN_OK;
    return raise_missing_column(s, table, name, c->loc);
}

NOINLINE Status
bind_column_ref(Scope *s, const ColumnRef *c, Expr **out)
{
    if (ast_is(c->fields.items[c->fields.count - 1], A_Star)) {
        if (c->fields.count == 1)
            return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "row expansion via \"*\" is not supported here"), c->loc);
        NsItem *item;
        const char *table = ast_str(c->fields.items[c->fields.count - 2]);
        TRY(scope_find_item(s, NULL, table, c->loc, &item, NULL));
        if (item == NULL) return raise_missing_table(s, NULL, table, c->loc);
        return bind_whole_row(s, item, c->loc, out);
    }
    if (s->clause == CLAUSE_DEFAULT) return column_not_allowed(s, c->loc);
    if (c->fields.count > 1) return bind_qualified_column(s, c, out);
    const char *name = ast_str(c->fields.items[0]);
    TRY(bind_column_name(s, name, c->loc, false, out));
    if (*out != NULL) return QN_OK;
    NsItem *item;
    TRY(scope_find_item(s, NULL, name, c->loc, &item, NULL));
    if (item != NULL) return bind_item_reference(s, item, c->loc, out);
    if (s->domain_value != NULL && strcmp(name, "value") == 0) {
        TRY_ALLOC(s->ctx, *out, expr_copy(s->ps->arena, s->domain_value));
        return QN_OK;
    }
    if (s->ps->env != NULL) {
        TRY(bind_env_name(s, c, out));
        if (*out != NULL) return QN_OK;
    }
    return raise_missing_column(s, NULL, name, c->loc);
}

/* ---- operators ---- */

static const char *
list_schema(const AstList *schema)
{
    return schema->count > 0 ? ast_str(schema->items[schema->count - 1]) : NULL;
}

Oid
ordering_op(Oid type, bool desc)
{
    SelKind kind = desc ? SEL_GT : SEL_LT;
    Oid op = op_for_type(type, kind);
    const TypeInfo *t = type_info(type);
    if (op == 0 && t != NULL && t->elem_oid != 0 && op_for_type(t->elem_oid, kind) != 0) op = op_for_type(TYPE_ANYARRAY, kind);
    return op;
}

static NOINLINE Status
bind_row_or_op(Scope *s, const A_Expr *e, const char *op, Expr **out)
{
    if (e->left != NULL && ast_is(e->left, A_RowExpr) && ast_is(e->right, A_RowExpr)) {
        Expr *l, *r;
        TRY(bind_expr(s, e->left, &l));
        TRY(bind_expr(s, e->right, &r));
        RowExpr *lr = (RowExpr *)l, *rr = (RowExpr *)r;
        if (lr->fields.count != rr->fields.count)
            return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "unequal number of entries in row expressions"), e->loc);
        return make_row_comparison(s, op, lr->fields.items, rr->fields.items, lr->fields.count, e->loc, out);
    }
    /* (a, b) = (SELECT x, y ...) */
    if (e->left != NULL && ast_is(e->left, A_RowExpr) && ast_is(e->right, SubLink) &&
        AST_AS(SubLink, e->right)->kind == AST_SUBLINK_EXPR) {
        SubLink *l;
        TRY_ALLOC(s->ctx, l, arena_memdup(s->ps->arena, e->right, sizeof(SubLink)));
        l->test = e->left;
        l->op = op;
        l->loc = e->loc;
        return bind_sublink(s, l, out);
    }
    return QN_OK;
}

static NOINLINE Status
bind_op(Scope *s, const A_Expr *e, Expr **out)
{
    Expr *l = NULL, *r;
    if (e->left == NULL && ast_is(e->right, A_Const) && e->op[1] == '\0' && e->op_schema.count == 0) {
        const A_Const *c = (const A_Const *)e->right;
        if ((c->kind == AST_CONST_INT || c->kind == AST_CONST_NUMERIC) && e->op[0] == '-') {
            TRY(bind_const(s, c, true, out));
            (*out)->loc = e->loc;
            return QN_OK;
        }
    }
    if (e->left != NULL && ast_is(e->left, A_RowExpr)) {
        *out = NULL;
        TRY(bind_row_or_op(s, e, e->op, out));
        if (*out != NULL) return QN_OK;
    }
    if (e->left != NULL) TRY(bind_expr(s, e->left, &l));
    TRY(bind_expr(s, e->right, &r));
    return make_op(s->ps, list_schema(&e->op_schema), e->op, l, r, e->loc, out);
}

Status
make_row_comparison(Scope *s, const char *op, Expr **l, Expr **r, int n, int loc, Expr **out)
{
    bool is_eq = strcmp(op, "=") == 0, is_ne = strcmp(op, "<>") == 0 || strcmp(op, "!=") == 0;
    SelKind cmp = is_eq ? SEL_EQ : is_ne ? SEL_NE : strcmp(op, "<") == 0 ? SEL_LT : strcmp(op, "<=") == 0 ? SEL_LE
                : strcmp(op, ">") == 0 ? SEL_GT : strcmp(op, ">=") == 0 ? SEL_GE : SEL_NONE;
    Expr **conds;
    if (n == 0) return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot compare rows of zero length"), loc);
    TRY_ALLOC(s->ctx, conds, ARENA_ARRAY(s->ps->arena, Expr *, n));
    for (int i = 0; i < n; i++) {
        TRY(make_op(s->ps, NULL, op, l[i], r[i], loc, &conds[i]));
        if (conds[i]->type != TYPE_BOOL) {
            Status st = RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "row comparison operator must yield type boolean, not type %s", type_text(s->ps, conds[i]->type));
            return err_position(s->ctx, st, loc);
        }
    }
    if (n == 1 || is_eq || is_ne) return make_bool(s->ps, is_ne ? BOOL_OR : BOOL_AND, conds, n, loc, out);
    if (cmp == SEL_NONE) {
        Status st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "could not determine interpretation of row comparison operator %s", op);
        st = err_hint(s->ctx, st, "Row comparison operators must be associated with btree operator families.");
        return err_position(s->ctx, st, loc);
    }
    RowCompareExpr *rc;
    TRY_ALLOC(s->ctx, rc, EXPR_NEW(s->ps->arena, RowCompare, TYPE_BOOL, -1, loc));
    TRY_ALLOC(s->ctx, rc->left.items, ARENA_ARRAY(s->ps->arena, Expr *, n));
    TRY_ALLOC(s->ctx, rc->right.items, ARENA_ARRAY(s->ps->arena, Expr *, n));
    rc->cmp = cmp;
    for (int i = 0; i < n; i++) {
        FuncExpr *f = (FuncExpr *)conds[i];
        rc->left.items[i] = f->args.items[0];
        rc->right.items[i] = f->args.items[1];
    }
    rc->left.count = rc->left.cap = rc->right.count = rc->right.cap = n;
    *out = (Expr *)rc;
    return QN_OK;
}

static Status
make_distinct(Scope *s, Expr *l, Expr *r, bool is_not, int loc, Expr **out)
{
    Expr *eq;
    TRY(make_op(s->ps, NULL, "=", l, r, loc, &eq));
    FuncExpr *f = (FuncExpr *)eq;
    if (eq->type != TYPE_BOOL)
        return err_position(s->ctx, RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "IS DISTINCT FROM requires = operator to yield boolean"), loc);
    DistinctExpr *d;
    TRY_ALLOC(s->ctx, d, EXPR_NEW(s->ps->arena, Distinct, TYPE_BOOL, -1, loc));
    d->fn = f->fn;
    d->op = f->op;
    d->left = f->args.items[0];
    d->right = f->args.items[1];
    d->is_not = is_not;
    *out = (Expr *)d;
    return QN_OK;
}

static bool
is_null_literal(const Ast *a)
{
    return ast_is(a, A_Const) && ((const A_Const *)a)->kind == AST_CONST_NULL;
}

static NOINLINE Status
bind_distinct(Scope *s, const A_Expr *e, Expr **out)
{
    bool is_not = e->kind == AST_EXPR_NOT_DISTINCT;
    Expr *l, *r;
    if (is_null_literal(e->left) || is_null_literal(e->right)) {
        NullTestExpr *t;
        TRY(bind_expr(s, is_null_literal(e->right) ? e->left : e->right, &l));
        TRY_ALLOC(s->ctx, t, EXPR_NEW(s->ps->arena, NullTest, TYPE_BOOL, -1, e->loc));
        t->arg = l;
        t->is_not = !is_not;
        *out = (Expr *)t;
        return QN_OK;
    }
    TRY(bind_expr(s, e->left, &l));
    TRY(bind_expr(s, e->right, &r));
    if (!ast_is(e->left, A_RowExpr) || !ast_is(e->right, A_RowExpr)) return make_distinct(s, l, r, is_not, e->loc, out);

    RowExpr *lr = (RowExpr *)l, *rr = (RowExpr *)r;
    int n = lr->fields.count;
    if (n != rr->fields.count)
        return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "unequal number of entries in row expressions"), e->loc);
    Expr **conds;
    if (n == 0) {
        TRY_ALLOC(s->ctx, *out, make_bool_const(s->ps, is_not));
        return QN_OK;
    }
    TRY_ALLOC(s->ctx, conds, ARENA_ARRAY(s->ps->arena, Expr *, n));
    for (int i = 0; i < n; i++) TRY(make_distinct(s, lr->fields.items[i], rr->fields.items[i], is_not, e->loc, &conds[i]));
    return make_bool(s->ps, is_not ? BOOL_AND : BOOL_OR, conds, n, e->loc, out);
}

static NOINLINE Status
bind_nullif(Scope *s, const A_Expr *e, Expr **out)
{
    Expr *l, *r, *eq;
    TRY(bind_expr(s, e->left, &l));
    TRY(bind_expr(s, e->right, &r));
    TRY(make_op(s->ps, NULL, "=", l, r, e->loc, &eq));
    FuncExpr *f = (FuncExpr *)eq;
    if (eq->type != TYPE_BOOL)
        return err_position(s->ctx, RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "NULLIF requires = operator to yield boolean"), e->loc);
    NullIfExpr *n;
    TRY_ALLOC(s->ctx, n, EXPR_NEW(s->ps->arena, NullIf, f->args.items[0]->type, f->args.items[0]->typmod, e->loc));
    n->fn = f->fn;
    n->op = f->op;
    n->left = f->args.items[0];
    n->right = f->args.items[1];
    *out = (Expr *)n;
    return QN_OK;
}

/* left op ANY/ALL (array); array is an expression of array type, or a literal. */
static Status
make_array_op(Scope *s, const char *schema, const char *name, bool is_all, Expr *l, Expr *array, int loc, Expr **out)
{
    PlanState *ps = s->ps;
    const TypeInfo *at = type_info(array->type);
    Oid elem = array->type == TYPE_UNKNOWN ? TYPE_UNKNOWN : at != NULL ? at->elem_oid : 0;
    const Operator *op;
    if (elem == 0)
        return err_position(s->ctx, RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires array on right side"), loc);
    TRY(resolve_operator(ps, schema, name, l->type, elem, loc, &op));
    Oid declared[2] = {op->left, op->right}, actual[2] = {l->type, elem}, result;
    TRY(resolve_polymorphic(ps, actual, declared, 2, op->result, &result));
    if (result != TYPE_BOOL)
        return err_position(s->ctx, RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires operator to yield boolean"), loc);
    const TypeInfo *dt = type_info(declared[1]);
    Oid array_type = dt != NULL ? dt->array_oid : 0;
    if (array_type == 0) {
        Status st = RAISE(s->ctx, ERR_UNDEFINED_OBJECT, "could not find array type for data type %s", type_text(ps, declared[1]));
        return err_position(s->ctx, st, loc);
    }
    ArrayOpExpr *a;
    TRY_ALLOC(s->ctx, a, EXPR_NEW(ps->arena, ArrayOp, TYPE_BOOL, -1, loc));
    a->op = op;
    a->fn = fn_by_oid(op->function);
    a->is_all = is_all;
    if (a->fn == NULL) return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "operator %s is not supported yet", name), loc);
    TRY(coerce_type(ps, l, declared[0], -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &a->left));
    if (array->tag == EXPR_Array && !((ArrayExpr *)array)->multi_dim) { /* item by item */
        ArrayExpr *items = (ArrayExpr *)array;
        for (int i = 0; i < items->items.count; i++)
            TRY(coerce_type(ps, items->items.items[i], declared[1], -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &items->items.items[i]));
        items->elem_type = declared[1];
        items->base.type = array_type;
    } else {
        TRY(coerce_type(ps, array, array_type, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &array));
    }
    a->array = array;
    *out = (Expr *)a;
    return QN_OK;
}

static NOINLINE Status
bind_op_any_all(Scope *s, const A_Expr *e, Expr **out)
{
    Expr *l, *r;
    TRY(bind_expr(s, e->left, &l));
    TRY(bind_expr(s, e->right, &r));
    return make_array_op(s, list_schema(&e->op_schema), e->op, e->kind == AST_EXPR_OP_ALL, l, r, e->loc, out);
}

/* ---- IN and BETWEEN ---- */

typedef struct VarSearch {
    Scope *s;
    bool found;
} VarSearch;

static Status
find_local_var(Ctx *ctx, Expr **slot, void *arg)
{
    VarSearch *v = arg;
    if (v->found) return QN_OK;
    if ((*slot)->tag == EXPR_ColumnRef) {
        if (v->s->b->rel_level[((ColumnRefExpr *)*slot)->rel] == v->s->level) v->found = true;
        return QN_OK;
    }
    if ((*slot)->tag == EXPR_SubPlan || (*slot)->tag == EXPR_Agg || (*slot)->tag == EXPR_SetFunc) v->found = true;
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, find_local_var, arg);
}

static Status
in_item_op(Scope *s, const A_Expr *e, Expr *l, Expr *r, bool rows, Expr **out)
{
    TRY_ALLOC(s->ctx, l, expr_copy(s->ps->arena, l));
    if (!rows) return make_op(s->ps, NULL, e->op, l, r, e->loc, out);
    RowExpr *lr = (RowExpr *)l, *rr = (RowExpr *)r;
    if (r->tag != EXPR_Row || lr->fields.count != rr->fields.count)
        return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "unequal number of entries in row expressions"), e->loc);
    return make_row_comparison(s, e->op, lr->fields.items, rr->fields.items, lr->fields.count, e->loc, out);
}

static NOINLINE Status
bind_in(Scope *s, const A_Expr *e, Expr **out)
{
    PlanState *ps = s->ps;
    const AstList *list = &AST_AS(ListNode, e->right)->items;
    bool use_or = strcmp(e->op, "=") == 0, rows;
    Expr *l, **consts, *array_op = NULL;
    ExprList conds = {0};
    int nconsts = 0;

    TRY(bind_expr(s, e->left, &l));
    rows = ast_is(e->left, A_RowExpr);
    /* Values without columns first, for one = ANY (array); left leads for the common type. */
    TRY_ALLOC(s->ctx, consts, ARENA_ARRAY(ps->arena, Expr *, list->count + 1));
    Expr **all, **vars;
    TRY_ALLOC(s->ctx, all, ARENA_ARRAY(ps->arena, Expr *, list->count + 1));
    TRY_ALLOC(s->ctx, vars, ARENA_ARRAY(ps->arena, Expr *, list->count + 1));
    int nvars = 0;
    consts[0] = l;
    for (int i = 0; i < list->count; i++) {
        VarSearch v = {s, false};
        TRY(bind_expr(s, list->items[i], &all[i]));
        if (all[i]->tag != EXPR_Const) TRY(find_local_var(s->ctx, &all[i], &v));
        if (v.found) vars[nvars++] = all[i];
        else consts[++nconsts] = all[i];
    }
    Oid common = 0, array_type = 0;
    if (nconsts > 1 && !rows) {
        TRY(select_common_type(ps, consts, nconsts + 1, NULL, &common, NULL));
        const TypeInfo *t = type_info(common);
        if (common != 0 && common != TYPE_RECORD && t != NULL) array_type = t->array_oid;
        for (int i = 0; i <= nconsts && array_type != 0; i++)
            if (consts[i]->type != common && !coerce_possible(1, &consts[i]->type, &common, CAST_IMPLICIT)) array_type = 0;
    }
    if (array_type != 0) {
        ArrayExpr *a;
        TRY_ALLOC(s->ctx, a, EXPR_NEW(ps->arena, Array, array_type, -1, 0));
        a->elem_type = common;
        a->items = (ExprList){consts + 1, nconsts, nconsts};
        for (int i = 1; i <= nconsts; i++)
            if (consts[i]->type != common) TRY(coerce_type(ps, consts[i], common, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &consts[i]));
        Expr *left = l;
        if (nvars > 0) TRY_ALLOC(s->ctx, left, expr_copy(ps->arena, l));
        TRY(make_array_op(s, NULL, e->op, !use_or, left, (Expr *)a, e->loc, &array_op));
        TRY(array_push(s->ctx, ps->arena, &conds, array_op));
    } else {
        vars = all;
        nvars = list->count;
    }
    for (int i = 0; i < nvars; i++) {
        Expr *c;
        TRY(in_item_op(s, e, l, vars[i], rows, &c));
        TRY(coerce_to_boolean(ps, &c, "IN"));
        TRY(array_push(s->ctx, ps->arena, &conds, c));
    }
    return make_bool(ps, use_or ? BOOL_OR : BOOL_AND, conds.items, conds.count, e->loc, out);
}

static Status
between_pair(Scope *s, const A_Expr *e, const char *lo_op, const char *hi_op, BoolKind kind, const Ast *lo, const Ast *hi, Expr **out)
{
    Expr *l, *r, **conds;
    TRY_ALLOC(s->ctx, conds, ARENA_ARRAY(s->ps->arena, Expr *, 2));
    TRY(bind_expr(s, e->left, &l));
    TRY(bind_expr(s, lo, &r));
    TRY(make_op(s->ps, NULL, lo_op, l, r, e->loc, &conds[0]));
    TRY(bind_expr(s, e->left, &l));
    TRY(bind_expr(s, hi, &r));
    TRY(make_op(s->ps, NULL, hi_op, l, r, e->loc, &conds[1]));
    TRY(coerce_to_boolean(s->ps, &conds[0], kind == BOOL_AND ? "AND" : "OR"));
    TRY(coerce_to_boolean(s->ps, &conds[1], kind == BOOL_AND ? "AND" : "OR"));
    return make_bool(s->ps, kind, conds, 2, e->loc, out);
}

static NOINLINE Status
bind_between(Scope *s, const A_Expr *e, Expr **out)
{
    const AstList *b = &AST_AS(ListNode, e->right)->items;
    const Ast *lo = b->items[0], *hi = b->items[1];
    Expr **pair;
    switch (e->kind) {
    case AST_EXPR_BETWEEN: return between_pair(s, e, ">=", "<=", BOOL_AND, lo, hi, out);
    case AST_EXPR_NOT_BETWEEN: return between_pair(s, e, "<", ">", BOOL_OR, lo, hi, out);
    default: break;
    }
    bool sym = e->kind == AST_EXPR_BETWEEN_SYM;
    TRY_ALLOC(s->ctx, pair, ARENA_ARRAY(s->ps->arena, Expr *, 2));
    TRY(between_pair(s, e, sym ? ">=" : "<", sym ? "<=" : ">", sym ? BOOL_AND : BOOL_OR, lo, hi, &pair[0]));
    TRY(between_pair(s, e, sym ? ">=" : "<", sym ? "<=" : ">", sym ? BOOL_AND : BOOL_OR, hi, lo, &pair[1]));
    return make_bool(s->ps, sym ? BOOL_OR : BOOL_AND, pair, 2, e->loc, out);
}

static Status
bind_a_expr(Scope *s, const A_Expr *e, Expr **out)
{
    switch (e->kind) {
    case AST_EXPR_OP_ANY:
    case AST_EXPR_OP_ALL: return bind_op_any_all(s, e, out);
    case AST_EXPR_DISTINCT:
    case AST_EXPR_NOT_DISTINCT: return bind_distinct(s, e, out);
    case AST_EXPR_NULLIF: return bind_nullif(s, e, out);
    case AST_EXPR_IN: return bind_in(s, e, out);
    case AST_EXPR_BETWEEN:
    case AST_EXPR_NOT_BETWEEN:
    case AST_EXPR_BETWEEN_SYM:
    case AST_EXPR_NOT_BETWEEN_SYM: return bind_between(s, e, out);
    default: return bind_op(s, e, out);
    }
}

/* ---- AND, OR, NOT, || ---- */

static NOINLINE Status
bind_bool(Scope *s, const A_BoolExpr *b, Expr **out)
{
    static const char *const names[] = {"AND", "OR", "NOT"};
    Expr **args;
    TRY_ALLOC(s->ctx, args, ARENA_ARRAY(s->ps->arena, Expr *, b->args.count));
    for (int i = 0; i < b->args.count; i++) {
        TRY(bind_expr(s, b->args.items[i], &args[i]));
        TRY(coerce_to_boolean(s->ps, &args[i], names[b->op]));
    }
    return make_bool(s->ps, (BoolKind)b->op, args, b->args.count, b->loc, out);
}

/* Joining texts is associative: a long chain becomes a balanced tree, whose depth is the logarithm. */
static Status
concat_balanced(Scope *s, const FuncExpr *model, Expr **items, int n, Expr **out)
{
    if (n == 1) {
        *out = items[0];
        return QN_OK;
    }
    Expr **args;
    FuncExpr *f;
    TRY_ALLOC(s->ctx, args, ARENA_ARRAY(s->ps->arena, Expr *, 2));
    TRY(concat_balanced(s, model, items, n / 2, &args[0]));
    TRY(concat_balanced(s, model, items + n / 2, n - n / 2, &args[1]));
    TRY(make_func(s->ps, model->fn, args, 2, model->base.type, model->base.loc, &f));
    f->op = model->op;
    *out = (Expr *)f;
    return QN_OK;
}

static NOINLINE Status
bind_concat(Scope *s, const ConcatExpr *c, Expr **out)
{
    enum { LEFT_DEEP = 16 }; /* shorter chains keep the shape they were written in */
    Expr *acc, *r, **items;
    const FuncExpr *model = NULL;
    int n = 0;
    TRY_ALLOC(s->ctx, items, ARENA_ARRAY(s->ps->arena, Expr *, c->args.count));
    TRY(bind_expr(s, c->args.items[0], &acc));
    for (int i = 1; i < c->args.count; i++) {
        int loc = c->locs != NULL ? c->locs[i - 1] : c->loc;
        TRY(bind_expr(s, c->args.items[i], &r));
        TRY(make_op(s->ps, NULL, "||", acc, r, loc, &acc));
        FuncExpr *f = (FuncExpr *)acc;
        if (c->args.count <= LEFT_DEEP || f->op == NULL || f->op->left != TYPE_TEXT || f->op->right != TYPE_TEXT) {
            if (n > 0) { /* the chain of texts ends here */
                Expr *joined;
                TRY(concat_balanced(s, model, items, n, &joined));
                f->args.items[0] = joined;
                n = 0;
            }
            continue;
        }
        if (n == 0) items[n++] = f->args.items[0];
        items[n++] = f->args.items[1];
        model = f;
        /* acc only carries type and operator while items collect the operands */
    }
    if (n > 0) return concat_balanced(s, model, items, n, out);
    *out = acc;
    return QN_OK;
}

/* ---- conditionals ---- */

static NOINLINE Status
bind_case(Scope *s, const A_CaseExpr *c, Expr **out)
{
    PlanState *ps = s->ps;
    int n = c->whens.count;
    CaseExpr *e;
    Expr **results;
    const char *saved = s->no_srf;
    s->no_srf = "CASE";
    TRY_ALLOC(s->ctx, e, EXPR_NEW(ps->arena, Case, 0, -1, c->loc));
    TRY_ALLOC(s->ctx, e->whens.items, ARENA_ARRAY(ps->arena, Expr *, n));
    TRY_ALLOC(s->ctx, results, ARENA_ARRAY(ps->arena, Expr *, n + 1));
    if (c->arg != NULL) {
        TRY(bind_expr(s, c->arg, &e->arg));
        TRY(resolve_unknown(s, &e->arg));
    }
    for (int i = 0; i < n; i++) {
        const CaseWhen *w = AST_AS(CaseWhen, c->whens.items[i]);
        Expr *cond;
        TRY(bind_expr(s, w->condition, &cond));
        if (e->arg != NULL) {
            Expr *test;
            TRY_ALLOC(s->ctx, test, (Expr *)EXPR_NEW(ps->arena, CaseTest, e->arg->type, e->arg->typmod, 0));
            TRY(make_op(ps, NULL, "=", test, cond, w->loc, &cond));
        }
        TRY(coerce_to_boolean(ps, &cond, "CASE/WHEN"));
        e->whens.items[i] = cond;
        TRY(bind_expr(s, w->result, &results[i + 1]));
    }
    if (c->else_result != NULL) TRY(bind_expr(s, c->else_result, &results[0]));
    else TRY_ALLOC(s->ctx, results[0], make_null_const(ps, TYPE_UNKNOWN, -1));
    s->no_srf = saved;

    /* ELSE counts first when the common type is chosen. */
    TRY(select_common_type(ps, results, n + 1, "CASE", &e->base.type, NULL));
    TRY(coerce_to_common(ps, &results[0], e->base.type, "CASE/ELSE"));
    for (int i = 1; i <= n; i++) TRY(coerce_to_common(ps, &results[i], e->base.type, "CASE/WHEN"));
    e->base.typmod = select_common_typmod(results, n + 1, e->base.type);
    e->whens.count = e->whens.cap = n;
    e->thens = (ExprList){results + 1, n, n};
    e->otherwise = results[0];
    *out = (Expr *)e;
    return QN_OK;
}

static NOINLINE Status
bind_arg_list(Scope *s, const AstList *list, const char *construct, ExprList *out, Oid *type_out, int32_t *typmod_out)
{
    PlanState *ps = s->ps;
    TRY_ALLOC(s->ctx, out->items, ARENA_ARRAY(ps->arena, Expr *, list->count));
    out->count = out->cap = list->count;
    for (int i = 0; i < list->count; i++) TRY(bind_expr(s, list->items[i], &out->items[i]));
    TRY(select_common_type(ps, out->items, out->count, construct, type_out, NULL));
    for (int i = 0; i < list->count; i++) TRY(coerce_to_common(ps, &out->items[i], *type_out, construct));
    *typmod_out = select_common_typmod(out->items, out->count, *type_out);
    return QN_OK;
}

static NOINLINE Status
bind_coalesce(Scope *s, const A_CoalesceExpr *c, Expr **out)
{
    CoalesceExpr *e;
    const char *saved = s->no_srf;
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, Coalesce, 0, -1, c->loc));
    s->no_srf = "COALESCE";
    TRY(bind_arg_list(s, &c->args, "COALESCE", &e->args, &e->base.type, &e->base.typmod));
    s->no_srf = saved;
    *out = (Expr *)e;
    return QN_OK;
}

static NOINLINE Status
bind_minmax(Scope *s, const A_MinMaxExpr *m, Expr **out)
{
    const char *name = m->is_least ? "LEAST" : "GREATEST";
    MinMaxExpr *e;
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, MinMax, 0, -1, m->loc));
    e->greatest = !m->is_least;
    TRY(bind_arg_list(s, &m->args, name, &e->args, &e->base.type, &e->base.typmod));
    if (ordering_op(e->base.type, false) == 0) {
        Status st = RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "could not identify a comparison function for type %s", type_text(s->ps, e->base.type));
        return err_position(s->ctx, st, m->loc);
    }
    *out = (Expr *)e;
    return QN_OK;
}

static NOINLINE Status
bind_null_test(Scope *s, const NullTest *t, Expr **out)
{
    NullTestExpr *e;
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, NullTest, TYPE_BOOL, -1, t->loc));
    e->is_not = t->kind == AST_NULL_TEST_IS_NOT;
    TRY(bind_expr(s, t->arg, &e->arg));
    TRY(resolve_unknown(s, &e->arg));
    *out = (Expr *)e;
    return QN_OK;
}

static NOINLINE Status
bind_bool_test(Scope *s, const BooleanTest *t, Expr **out)
{
    static const char *const names[] = {"IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS UNKNOWN", "IS NOT UNKNOWN"};
    BoolTestExpr *e;
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, BoolTest, TYPE_BOOL, -1, t->loc));
    e->kind = (BoolTestKind)t->kind;
    TRY(bind_expr(s, t->arg, &e->arg));
    TRY(coerce_to_boolean(s->ps, &e->arg, names[t->kind]));
    *out = (Expr *)e;
    return QN_OK;
}

/* ---- arrays, rows, fields, subscripts ---- */

/* type 0: inferred from the items. Inner ARRAYs and [..] of an ARRAY are its next dimension. */
static NOINLINE Status
bind_array(Scope *s, const A_ArrayExpr *a, Oid type, int32_t typmod, Expr **out)
{
    PlanState *ps = s->ps;
    int n = a->elements.count;
    ArrayExpr *e;
    TRY(ctx_check_depth(s->ctx));
    TRY_ALLOC(s->ctx, e, EXPR_NEW(ps->arena, Array, 0, -1, a->loc));
    TRY_ALLOC(s->ctx, e->items.items, ARENA_ARRAY(ps->arena, Expr *, n + 1));
    const TypeInfo *want = type != 0 ? type_info(type) : NULL;
    for (int i = 0; i < n; i++) {
        const Ast *item = a->elements.items[i];
        if (ast_is(item, A_ArrayExpr)) {
            TRY(bind_array(s, AST_AS(A_ArrayExpr, item), type, typmod, &e->items.items[i]));
            e->multi_dim = true;
        } else {
            TRY(bind_expr(s, item, &e->items.items[i]));
            const TypeInfo *t = type_info(e->items.items[i]->type);
            if (t != NULL && t->elem_oid != 0 && t->array_oid == 0) e->multi_dim = true;
        }
    }
    e->items.count = e->items.cap = n;
    Oid elem, item_type;
    if (type != 0) {
        elem = want->elem_oid;
        item_type = e->multi_dim ? type : elem;
    } else {
        if (n == 0) {
            Status st = RAISE(s->ctx, ERR_INDETERMINATE_DATATYPE, "cannot determine type of empty array");
            st = err_hint(s->ctx, st, "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
            return err_position(s->ctx, st, a->loc);
        }
        TRY(select_common_type(ps, e->items.items, n, "ARRAY", &item_type, NULL));
        const TypeInfo *t = type_info(item_type);
        if (e->multi_dim) {
            type = item_type;
            elem = t != NULL ? t->elem_oid : 0;
            if (elem == 0) return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_OBJECT, "could not find element type for data type %s", type_text(ps, item_type)), a->loc);
        } else {
            type = t != NULL ? t->array_oid : 0;
            elem = item_type;
            if (type == 0) return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_OBJECT, "could not find array type for data type %s", type_text(ps, item_type)), a->loc);
        }
        typmod = -1;
    }
    for (int i = 0; i < n; i++) {
        Expr *item = e->items.items[i], *conv;
        if (want != NULL) {
            TRY(coerce_to_target(ps, item, item_type, typmod, CAST_EXPLICIT, COERCE_EXPLICIT, -1, &conv));
            if (conv == NULL) {
                Status st = RAISE(s->ctx, ERR_CANNOT_COERCE, "cannot cast type %s to %s", type_text(ps, item->type), type_text(ps, item_type));
                return err_position(s->ctx, st, item->loc);
            }
            e->items.items[i] = conv;
        } else {
            TRY(coerce_to_common(ps, &e->items.items[i], item_type, "ARRAY"));
        }
    }
    e->base.type = type;
    e->base.typmod = want != NULL ? typmod : -1;
    e->elem_type = elem;
    *out = (Expr *)e;
    return QN_OK;
}

static NOINLINE Status
bind_row(Scope *s, const A_RowExpr *r, Expr **out)
{
    RowExpr *e;
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, Row, TYPE_RECORD, -1, r->loc));
    for (int i = 0; i < r->args.count; i++) {
        Expr *f;
        const Ast *a = r->args.items[i];
        if (ast_is(a, ColumnRef)) { /* ROW(t.*) takes the columns apart */
            const ColumnRef *c = (const ColumnRef *)a;
            if (ast_is(c->fields.items[c->fields.count - 1], A_Star) && c->fields.count > 1) {
                TRY(bind_column_ref(s, c, &f));
                RowExpr *inner = (RowExpr *)f;
                for (int j = 0; j < inner->fields.count; j++)
                    TRY(array_push(s->ctx, s->ps->arena, &e->fields, inner->fields.items[j]));
                continue;
            }
        }
        TRY(bind_expr(s, a, &f));
        TRY(array_push(s->ctx, s->ps->arena, &e->fields, f));
    }
    *out = (Expr *)e;
    return QN_OK;
}

/* Field i of a row of this shape. */
Status
field_of(Scope *s, Expr *arg, const TypeShape *shape, int i, int loc, Expr **out)
{
    FieldExpr *f;
    TRY_ALLOC(s->ctx, f, EXPR_NEW(s->ps->arena, Field, shape->types[i], shape->typmods[i], loc));
    f->arg = arg;
    f->field = i;
    f->name = shape->names[i];
    *out = (Expr *)f;
    return QN_OK;
}

Status
bind_row_field(Scope *s, Expr *arg, const char *name, int loc, Expr **out)
{
    *out = NULL;
    if (arg->tag == EXPR_Row) {
        RowExpr *r = (RowExpr *)arg;
        for (int i = 0; i < r->fields.count; i++) {
            char fallback[16];
            const char *n = r->names != NULL ? r->names[i] : fallback;
            if (r->names == NULL) snprintf(fallback, sizeof(fallback), "f%d", i + 1);
            if (n == NULL || strcmp(n, name) != 0) continue;
            *out = r->fields.items[i];
            return QN_OK;
        }
    }
    TypeShape shape;
    TRY(expr_shape(s->ps, arg, &shape));
    for (int i = 0; i < shape.n; i++)
        if (shape.names[i] != NULL && strcmp(shape.names[i], name) == 0) return field_of(s, arg, &shape, i, loc, out);
    return QN_OK;
}

Status
bind_field(Scope *s, Expr *arg, const char *name, int loc, Expr **out)
{
    TRY(bind_row_field(s, arg, name, loc, out));
    if (*out != NULL) return QN_OK;
    TRY(bind_column_function(s, name, arg, loc, out));
    if (*out != NULL) return QN_OK;
    Status st;
    if (type_is_row(arg->type) && arg->type != TYPE_RECORD)
        st = RAISE(s->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" not found in data type %s", name, type_text(s->ps, arg->type));
    else if (arg->type == TYPE_RECORD)
        st = RAISE(s->ctx, ERR_UNDEFINED_COLUMN, "could not identify column \"%s\" in record data type", name);
    else
        st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "column notation .%s applied to type %s, which is not a composite type", name,
                   type_text(s->ps, arg->type));
    return err_position(s->ctx, st, loc);
}

static Status
bind_index(Scope *s, const Ast *a, Expr **out)
{
    *out = NULL;
    if (a == NULL) return QN_OK;
    Expr *e;
    TRY(bind_expr(s, a, &e));
    Oid type = e->type;
    TRY(coerce_to_target(s->ps, e, TYPE_INT4, -1, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, out));
    if (*out != NULL) return QN_OK;
    (void)type;
    return err_position(s->ctx, RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "array subscript must have type integer"), expr_location(e));
}

Status
bind_subscripts(Scope *s, Expr *arg, Ast *const *subs, int n, Expr **out)
{
    PlanState *ps = s->ps;
    if (type_base(arg->type) == TYPE_JSONB) return bind_jsonb_subscripts(s, arg, subs, n, out);
    const TypeInfo *t = type_info(type_base(arg->type));
    if (t == NULL || t->elem_oid == 0) {
        Status st = RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "cannot subscript type %s because it does not support subscripting", type_text(ps, arg->type));
        return err_position(s->ctx, st, arg->loc);
    }
    SubscriptExpr *e;
    TRY_ALLOC(s->ctx, e, EXPR_NEW(ps->arena, Subscript, 0, arg->typmod, arg->loc));
    e->base_expr = arg;
    for (int i = 0; i < n; i++) e->is_slice |= AST_AS(A_Indices, subs[i])->is_slice;
    for (int i = 0; i < n; i++) {
        const A_Indices *ix = AST_AS(A_Indices, subs[i]);
        Expr *lo = NULL, *hi;
        TRY(bind_index(s, ix->upper, &hi));
        if (e->is_slice) {
            if (ix->is_slice) TRY(bind_index(s, ix->lower, &lo));
            else TRY_ALLOC(s->ctx, lo, make_int_const(ps, 1)); /* a[x] beside slices means a[1:x] */
            TRY(array_push(s->ctx, ps->arena, &e->lowers, lo));
        }
        TRY(array_push(s->ctx, ps->arena, &e->uppers, hi));
    }
    e->base.type = e->is_slice ? type_base(arg->type) : t->elem_oid;
    *out = (Expr *)e;
    return QN_OK;
}

static NOINLINE Status
bind_indirection(Scope *s, const A_Indirection *a, Expr **out)
{
    Expr *e;
    TRY(bind_expr(s, a->arg, &e));
    for (int i = 0; i < a->path.count;) {
        const Ast *p = a->path.items[i];
        if (ast_is(p, A_Indices)) {
            int n = 0;
            while (i + n < a->path.count && ast_is(a->path.items[i + n], A_Indices)) n++;
            TRY(bind_subscripts(s, e, &a->path.items[i], n, &e));
            i += n;
            continue;
        }
        if (ast_is(p, A_Star))
            return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "row expansion via \"*\" is not supported here"), ast_location(p));
        TRY(bind_field(s, e, ast_str(p), a->loc != 0 ? a->loc : e->loc, &e));
        i++;
    }
    *out = e;
    return QN_OK;
}

/* ---- casts ---- */

static NOINLINE Status
bind_cast(Scope *s, const TypeCast *c, Expr **out)
{
    PlanState *ps = s->ps;
    Oid type;
    int32_t typmod;
    Expr *e;
    TRY(resolve_type_name(ps, c->type, &type, &typmod));
    const TypeInfo *t = type_info(type);
    if (ast_is(c->arg, A_ArrayExpr) && t != NULL && t->elem_oid != 0) {
        TRY(bind_array(s, AST_AS(A_ArrayExpr, c->arg), type, typmod, out));
        return QN_OK;
    }
    TRY(bind_expr(s, c->arg, &e));
    int loc = c->loc != 0 ? c->loc : e->loc;
    TRY(coerce_to_target(ps, e, type, typmod, CAST_EXPLICIT, COERCE_EXPLICIT, loc, out));
    if (*out == NULL) {
        Status st = RAISE(s->ctx, ERR_CANNOT_COERCE, "cannot cast type %s to %s", type_text(ps, e->type), type_text(ps, type));
        return err_position(s->ctx, st, loc);
    }
    return QN_OK;
}

static NOINLINE Status
bind_collate(Scope *s, const CollateClause *c, Expr **out)
{
    const char *name = ast_str(c->name.items[c->name.count - 1]);
    Expr *e;
    Oid oid;
    TRY(bind_expr(s, c->arg, &e));
    if (e->type == TYPE_UNKNOWN) TRY(resolve_unknown(s, &e));
    if (!type_is_collatable(e->type)) {
        Status st = RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "collations are not supported by type %s", type_text(s->ps, e->type));
        return err_position(s->ctx, st, c->loc);
    }
    TRY(catalog_find_collation(s->ctx, s->ps->arena, c->name.count > 1 ? ast_str(c->name.items[c->name.count - 2]) : NULL, name, &oid));
    if (oid != INVALID_OID) {
        *out = e;
        return collate_note(s, e, oid, c->loc);
    }
    return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_OBJECT, "collation \"%s\" for encoding \"UTF8\" does not exist", name), c->loc);
}

/* ---- CURRENT_DATE and its kind ---- */

static Status
call_by_name(Scope *s, const char *name, int loc, Expr **out)
{
    int n;
    const Function *const *fns = fn_by_name(name, &n);
    const Function *fn = NULL;
    for (int i = 0; fns != NULL && i < n; i++)
        if (fns[i]->nargs == 0) fn = fns[i];
    if (fn == NULL) return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not supported yet", name), loc);
    FuncExpr *f;
    TRY(make_func(s->ps, fn, NULL, 0, fn->result, loc, &f));
    *out = (Expr *)f;
    return QN_OK;
}

static NOINLINE Status
bind_sql_value(Scope *s, const SqlValueFunction *v, Expr **out)
{
    static const struct { const char *fn; Oid via, type; } table[] = {
        [AST_SQLVALUE_CURRENT_DATE] = {"now", 0, TYPE_DATE},
        [AST_SQLVALUE_CURRENT_TIME] = {"now", 0, TYPE_TIMETZ},
        [AST_SQLVALUE_CURRENT_TIMESTAMP] = {"now", 0, TYPE_TIMESTAMPTZ},
        [AST_SQLVALUE_LOCALTIME] = {"now", TYPE_TIMESTAMP, TYPE_TIME},
        [AST_SQLVALUE_LOCALTIMESTAMP] = {"now", 0, TYPE_TIMESTAMP},
        [AST_SQLVALUE_CURRENT_ROLE] = {"current_user", 0, TYPE_NAME},
        [AST_SQLVALUE_CURRENT_USER] = {"current_user", 0, TYPE_NAME},
        [AST_SQLVALUE_USER] = {"current_user", 0, TYPE_NAME},
        [AST_SQLVALUE_SESSION_USER] = {"session_user", 0, TYPE_NAME},
        [AST_SQLVALUE_CURRENT_CATALOG] = {"current_database", 0, TYPE_NAME},
        [AST_SQLVALUE_CURRENT_SCHEMA] = {"current_schema", 0, TYPE_NAME},
    };
    if (table[v->op].fn == NULL)
        return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "time with time zone is not supported yet"), v->loc);
    Expr *e;
    int32_t typmod = v->precision > 6 ? 6 : v->precision;
    TRY(call_by_name(s, table[v->op].fn, v->loc, &e));
    if (table[v->op].via != 0) {
        TRY(coerce_to_target(s->ps, e, table[v->op].via, -1, CAST_EXPLICIT, COERCE_SQL_SYNTAX, v->loc, &e));
    }
    if (e != NULL) TRY(coerce_to_target(s->ps, e, table[v->op].type, typmod, CAST_EXPLICIT, COERCE_SQL_SYNTAX, v->loc, &e));
    if (e == NULL) return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "this time value is not supported yet"), v->loc);
    *out = e;
    return QN_OK;
}

/* ---- the dispatch ---- */

Status
bind_expr(Scope *s, const Ast *a, Expr **out)
{
    TRY(ctx_check_depth(s->ctx));
    switch (a->tag) {
    case AST_A_Const: return bind_const(s, (const A_Const *)a, false, out);
    case AST_ColumnRef: return bind_column_ref(s, (const ColumnRef *)a, out);
    case AST_ParamRef: return bind_param(s, (const ParamRef *)a, out);
    case AST_A_Expr: return bind_a_expr(s, (const A_Expr *)a, out);
    case AST_ConcatExpr: return bind_concat(s, (const ConcatExpr *)a, out);
    case AST_A_BoolExpr: return bind_bool(s, (const A_BoolExpr *)a, out);
    case AST_FuncCall: return bind_func_call(s, (const FuncCall *)a, out);
    case AST_A_Indirection: return bind_indirection(s, (const A_Indirection *)a, out);
    case AST_A_ArrayExpr: return bind_array(s, (const A_ArrayExpr *)a, 0, -1, out);
    case AST_A_RowExpr: return bind_row(s, (const A_RowExpr *)a, out);
    case AST_TypeCast: return bind_cast(s, (const TypeCast *)a, out);
    case AST_CollateClause: return bind_collate(s, (const CollateClause *)a, out);
    case AST_SubLink: return bind_sublink(s, (const SubLink *)a, out);
    case AST_A_CaseExpr: return bind_case(s, (const A_CaseExpr *)a, out);
    case AST_A_CoalesceExpr: return bind_coalesce(s, (const A_CoalesceExpr *)a, out);
    case AST_A_MinMaxExpr: return bind_minmax(s, (const A_MinMaxExpr *)a, out);
    case AST_NullTest: return bind_null_test(s, (const NullTest *)a, out);
    case AST_BooleanTest: return bind_bool_test(s, (const BooleanTest *)a, out);
    case AST_SqlValueFunction: return bind_sql_value(s, (const SqlValueFunction *)a, out);
    case AST_GroupingFunc: return bind_grouping(s, (const GroupingFunc *)a, out);
    case AST_NamedArgExpr:
        return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "named arguments are not supported yet"), ast_location(a));
    case AST_SetToDefault:
        return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "DEFAULT is not allowed in this context"), ((const SetToDefault *)a)->loc);
    case AST_XmlExpr:
        return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "unsupported XML feature"), ((const XmlExpr *)a)->loc);
    default:
        return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not supported here", ast_tag_name(a->tag)), ast_location(a));
    }
}

Status
bind_condition(Scope *s, const Ast *a, Clause clause, const char *construct, ExprList *conds)
{
    Expr *e;
    if (a == NULL) return QN_OK;
    TRY(bind_expr_in(s, a, clause, &e));
    TRY(coerce_to_boolean(s->ps, &e, construct));
    if (e->tag == EXPR_Bool && ((BoolExpr *)e)->kind == BOOL_AND && conds->count == 0) {
        *conds = ((BoolExpr *)e)->args;
        return QN_OK;
    }
    return array_push(s->ctx, s->ps->arena, conds, e);
}

/* ---- names of output columns ---- */

typedef struct Figured {
    const char *name;
    int strength; /* 0 nothing, 1 a default, 2 a good name */
} Figured;

static Figured
figure(const Ast *a)
{
    static const char *const value_names[] = {
        [AST_SQLVALUE_CURRENT_DATE] = "current_date", [AST_SQLVALUE_CURRENT_TIME] = "current_time",
        [AST_SQLVALUE_CURRENT_TIMESTAMP] = "current_timestamp", [AST_SQLVALUE_LOCALTIME] = "localtime",
        [AST_SQLVALUE_LOCALTIMESTAMP] = "localtimestamp", [AST_SQLVALUE_CURRENT_ROLE] = "current_role",
        [AST_SQLVALUE_CURRENT_USER] = "current_user", [AST_SQLVALUE_USER] = "user",
        [AST_SQLVALUE_SESSION_USER] = "session_user", [AST_SQLVALUE_CURRENT_CATALOG] = "current_catalog",
        [AST_SQLVALUE_CURRENT_SCHEMA] = "current_schema"};
    Figured f = {NULL, 0};
    for (int depth = 0; a != NULL; depth++) {
        switch (a->tag) {
        case AST_ColumnRef: {
            const AstList *l = &((const ColumnRef *)a)->fields;
            for (int i = l->count - 1; i >= 0; i--)
                if (ast_is(l->items[i], StringNode)) return (Figured){ast_str(l->items[i]), 2};
            return f;
        }
        case AST_A_Indirection: {
            const A_Indirection *ind = (const A_Indirection *)a;
            for (int i = ind->path.count - 1; i >= 0; i--)
                if (ast_is(ind->path.items[i], StringNode)) return (Figured){ast_str(ind->path.items[i]), 2};
            a = ind->arg;
            continue;
        }
        case AST_FuncCall: {
            const AstList *l = &((const FuncCall *)a)->name;
            return (Figured){ast_str(l->items[l->count - 1]), 2};
        }
        case AST_A_Expr:
            if (((const A_Expr *)a)->kind == AST_EXPR_NULLIF) return (Figured){"nullif", 2};
            return f;
        case AST_TypeCast: {
            const TypeCast *c = (const TypeCast *)a;
            if (depth < 200) {
                Figured inner = figure(c->arg);
                if (inner.strength > 1) return inner;
            }
            const AstList *l = &AST_AS(TypeName, c->type)->names;
            return (Figured){ast_str(l->items[l->count - 1]), 1};
        }
        case AST_CollateClause: a = ((const CollateClause *)a)->arg; continue;
        case AST_GroupingFunc: return (Figured){"grouping", 2};
        case AST_SubLink: {
            const SubLink *l = (const SubLink *)a;
            if (l->kind == AST_SUBLINK_EXISTS) return (Figured){"exists", 2};
            if (l->kind == AST_SUBLINK_ARRAY) return (Figured){"array", 2};
            if (l->kind != AST_SUBLINK_EXPR) return f;
            const SelectStmt *q = AST_AS(SelectStmt, l->select);
            while (q->setop != AST_SETOP_NONE) q = AST_AS(SelectStmt, q->setop_args.items[0]);
            if (q->values.count > 0) return (Figured){"column1", 2};
            if (q->targets.count == 0) return f;
            const ResTarget *t = AST_AS(ResTarget, q->targets.items[0]);
            if (t->name != NULL) return (Figured){t->name, 2};
            Figured inner = figure(t->value);
            return inner.name != NULL ? (Figured){inner.name, 2} : (Figured){"?column?", 2};
        }
        case AST_A_CaseExpr: {
            Figured inner = depth < 200 && ((const A_CaseExpr *)a)->else_result != NULL
                                ? figure(((const A_CaseExpr *)a)->else_result) : f;
            return inner.strength > 1 ? inner : (Figured){"case", 1};
        }
        case AST_A_ArrayExpr: return (Figured){"array", 2};
        case AST_A_RowExpr: return (Figured){"row", 2};
        case AST_A_CoalesceExpr: return (Figured){"coalesce", 2};
        case AST_A_MinMaxExpr: return (Figured){((const A_MinMaxExpr *)a)->is_least ? "least" : "greatest", 2};
        case AST_SqlValueFunction: return (Figured){value_names[((const SqlValueFunction *)a)->op], 2};
        default: return f;
        }
    }
    return f;
}

const char *
plan_column_name(const Ast *expr, const char *dflt)
{
    Figured f = figure(expr);
    return f.name != NULL ? f.name : dflt;
}

const char *
figure_column_name(const Ast *a)
{
    return plan_column_name(a, "?column?");
}

/* ---- volatility ---- */

static Status
find_volatile(Ctx *ctx, Expr **slot, void *arg)
{
    bool *found = arg;
    Expr *e = *slot;
    if (*found) return QN_OK;
    const Function *fn = e->tag == EXPR_Func ? ((FuncExpr *)e)->fn : e->tag == EXPR_SetFunc ? ((SetFuncExpr *)e)->fn : NULL;
    if (fn != NULL && !(fn->flags & (FN_IMMUTABLE | FN_STABLE))) {
        *found = true;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, find_volatile, arg));
    return expr_children(ctx, e, find_volatile, arg);
}

Status
expr_is_volatile(Ctx *ctx, Expr *e, bool *out)
{
    *out = false;
    return find_volatile(ctx, &e, out);
}

Status
query_is_volatile(Ctx *ctx, Query *q, bool *out)
{
    *out = false;
    return query_walk_exprs(ctx, q, find_volatile, out);
}
