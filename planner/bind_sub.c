/* bind_sub.c - subqueries in expressions: EXISTS, scalar, ARRAY, ANY, ALL, row comparison. */
#include "planner/bind_priv.h"

static Status
check_place(Scope *s, int loc)
{
    const char *where = NULL;
    switch (s->clause) {
    case CLAUSE_CHECK: where = "check constraint"; break;
    case CLAUSE_DEFAULT: where = "DEFAULT expression"; break;
    case CLAUSE_EXECUTE: where = "EXECUTE parameter"; break;
    case CLAUSE_GENERATED: where = "column generation expression"; break;
    case CLAUSE_INDEX_EXPR: where = "index expression"; break;
    case CLAUSE_INDEX_PREDICATE: where = "index predicate"; break;
    default: return QN_OK;
    }
    return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot use subquery in %s", where), loc);
}

/* The subquery's columns as parameters that each of its rows sets. */
static Status
column_params(Scope *s, SubPlanExpr *e, const Query *q, Expr ***out)
{
    int n = q->out.count;
    TRY_ALLOC(s->ctx, e->col_params, ARENA_ARRAY(s->ps->arena, int, n + 1));
    TRY_ALLOC(s->ctx, *out, ARENA_ARRAY(s->ps->arena, Expr *, n + 1));
    e->ncol_params = n;
    for (int i = 0; i < n; i++) {
        ParamExpr *p;
        const Expr *col = q->out.items[i];
        TRY_ALLOC(s->ctx, p, EXPR_NEW(s->ps->arena, Param, col->type, col->typmod, 0));
        p->kind = PARAM_EXEC;
        p->id = s->ps->nexec_params++;
        e->col_params[i] = p->id;
        (*out)[i] = (Expr *)p;
    }
    return QN_OK;
}

/* left op columns, for ANY, ALL and row comparison. */
static NOINLINE Status
bind_test(Scope *s, const SubLink *l, SubPlanExpr *e, const Query *q)
{
    Expr *left, **params = NULL, **lefts = NULL;
    const char *op = l->op != NULL ? l->op : "=";
    int n = 1;
    TRY(bind_expr(s, l->test, &left));
    lefts = &left;
    bool row = left->tag == EXPR_Row && ast_is(l->test, A_RowExpr); /* a whole row is one value */
    if (row) {
        lefts = ((RowExpr *)left)->fields.items;
        n = ((RowExpr *)left)->fields.count;
    }
    if (q->out.count != n) {
        Status st = RAISE(s->ctx, ERR_SYNTAX_ERROR, q->out.count < n ? "subquery has too few columns" : "subquery has too many columns");
        return err_position(s->ctx, st, l->loc);
    }
    TRY(column_params(s, e, q, &params));
    if (n == 1 && !row) {
        TRY(make_op(s->ps, l->op_schema.count > 0 ? ast_str(l->op_schema.items[l->op_schema.count - 1]) : NULL, op, left, params[0], l->loc, &e->test));
        if (e->test->type == TYPE_BOOL) return QN_OK;
        Status st = RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "row comparison operator must yield type boolean, not type %s", type_text(s->ps, e->test->type));
        return err_position(s->ctx, st, l->loc);
    }
    return make_row_comparison(s, op, lefts, params, n, l->loc, &e->test);
}

static NOINLINE Status
finish_sublink(Scope *s, const SubLink *l, Query *q, Expr **out)
{
    SubPlanExpr *e;
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, SubPlan, TYPE_BOOL, -1, l->loc));
    e->query = q;
    e->plan = -1;
    s->ps->nsubqueries++;
    *out = (Expr *)e;
    switch (l->kind) {
    case AST_SUBLINK_EXISTS: e->kind = SUBPLAN_EXISTS; return QN_OK;
    case AST_SUBLINK_EXPR:
        if (l->test != NULL) {
            e->kind = SUBPLAN_ROWCMP;
            return bind_test(s, l, e, q);
        }
        e->kind = SUBPLAN_SCALAR;
        break;
    case AST_SUBLINK_ARRAY: e->kind = SUBPLAN_ARRAY; break;
    case AST_SUBLINK_ANY: e->kind = SUBPLAN_ANY; return bind_test(s, l, e, q);
    case AST_SUBLINK_ALL: e->kind = SUBPLAN_ALL; return bind_test(s, l, e, q);
    }
    if (q->out.count != 1)
        return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "subquery must return only one column"), l->loc);
    e->base.type = q->out.items[0]->type;
    e->base.typmod = q->out.items[0]->typmod;
    if (e->kind == SUBPLAN_ARRAY) {
        const TypeInfo *t = type_info(e->base.type);
        Oid array = t == NULL ? 0 : t->array_oid != 0 ? t->array_oid : t->elem_oid != 0 ? t->oid : 0;
        if (array == 0)
            return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_OBJECT, "could not find array type for data type %s", type_text(s->ps, e->base.type)), l->loc);
        e->base.type = array;
    }
    return QN_OK;
}

NOINLINE Status
bind_sublink(Scope *s, const SubLink *l, Expr **out)
{
    Query *q;
    const char *saved = s->b->rec_forbidden;
    TRY(check_place(s, l->loc));
    s->b->rec_forbidden = "within a subquery";
    TRY(bind_select(s, AST_AS(SelectStmt, l->select), false, &q));
    s->b->rec_forbidden = saved;
    return finish_sublink(s, l, q, out);
}
