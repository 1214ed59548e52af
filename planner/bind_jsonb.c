/* bind_jsonb.c - subscripts of jsonb: doc['a'][1] is a path of keys and element numbers. */
#include "planner/bind_priv.h"

enum { FN_EXTRACT_PATH = 3217, FN_ASSIGN = 9001 };

/* Text, or an integer as text. */
static Status
bind_index(Scope *s, const A_Indices *ix, bool *is_number_out, Expr **out)
{
    PlanState *ps = s->ps;
    Expr *e;
    if (ix->is_slice)
        return err_position(s->ctx, RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "jsonb subscript does not support slices"), ix->loc);
    TRY(bind_expr(s, ix->upper, &e));
    Oid type = e->type, int4 = TYPE_INT4, text = TYPE_TEXT;
    bool number = type != TYPE_UNKNOWN && coerce_possible(1, &type, &int4, CAST_IMPLICIT);
    bool string = coerce_possible(1, &type, &text, CAST_IMPLICIT);
    if (number == string) {
        Status st = RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "subscript type %s is not supported", type_text(ps, type));
        st = err_hint(s->ctx, st, number ? "jsonb subscript must be coercible to only one type, integer or text."
                                         : "jsonb subscript must be coercible to either integer or text.");
        return err_position(s->ctx, st, expr_location(e));
    }
    *is_number_out = number;
    if (number) TRY(coerce_type(ps, e, TYPE_INT4, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &e));
    return coerce_type(ps, e, TYPE_TEXT, -1, CAST_EXPLICIT, COERCE_IMPLICIT, -1, out);
}

/* An array of text; *is_array_out: the first subscript is a number. */
static Status
bind_path(Scope *s, Ast *const *subs, int n, bool *is_array_out, Expr **out)
{
    ArrayExpr *path;
    TRY_ALLOC(s->ctx, path, EXPR_NEW(s->ps->arena, Array, TYPE_TEXT_ARRAY, -1, 0));
    path->elem_type = TYPE_TEXT;
    for (int i = 0; i < n; i++) {
        Expr *e;
        bool number;
        TRY(bind_index(s, AST_AS(A_Indices, subs[i]), &number, &e));
        if (i == 0) *is_array_out = number;
        TRY(array_push(s->ctx, s->ps->arena, &path->items, e));
    }
    *out = (Expr *)path;
    return QN_OK;
}

Status
bind_jsonb_subscripts(Scope *s, Expr *arg, Ast *const *subs, int n, Expr **out)
{
    Expr **args;
    FuncExpr *f;
    TRY_ALLOC(s->ctx, args, ARENA_ARRAY(s->ps->arena, Expr *, 2));
    bool array;
    args[0] = arg;
    TRY(bind_path(s, subs, n, &array, &args[1]));
    TRY(make_func(s->ps, fn_by_oid(FN_EXTRACT_PATH), args, 2, TYPE_JSONB, arg->loc, &f));
    *out = (Expr *)f;
    return QN_OK;
}

Status
bind_jsonb_assignment(Scope *s, Expr *base, Ast *const *subs, int n, Expr *value, Expr **out)
{
    Expr **args;
    FuncExpr *f;
    bool array;
    TRY_ALLOC(s->ctx, args, ARENA_ARRAY(s->ps->arena, Expr *, 4));
    args[0] = base;
    TRY(bind_path(s, subs, n, &array, &args[1]));
    *out = value;
    if (value == NULL) return QN_OK; /* only the type is asked for */
    args[2] = value;
    TRY_ALLOC(s->ctx, args[3], make_bool_const(s->ps, array));
    TRY(make_func(s->ps, fn_by_oid(FN_ASSIGN), args, 4, TYPE_JSONB, 0, &f));
    *out = (Expr *)f;
    return QN_OK;
}
