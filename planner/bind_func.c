/* bind_func.c - function calls: plain, set-returning, casts in call form; aggregates and window functions
 * are handed on to their files. */
#include "planner/bind_priv.h"
#include "catalog/collation.h"

/* foo(integer, b => text), with the schema it was given. */
static Status
call_signature(Scope *s, const FuncCall *f, const Oid *types, int nargs, const char *const *names, int nnamed, const char **out)
{
    StrBuf b = strbuf_new(s->ps->arena);
    char *text;
    for (int i = 0; i < f->name.count; i++) strbuf_addf(&b, "%s%s", i > 0 ? "." : "", ast_str(f->name.items[i]));
    strbuf_addc(&b, '(');
    for (int i = 0; i < nargs; i++) {
        if (i > 0) strbuf_addz(&b, ", ");
        if (i >= nargs - nnamed) strbuf_addf(&b, "%s => ", names[i - (nargs - nnamed)]);
        strbuf_addz(&b, type_text(s->ps, types[i]));
    }
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(s->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
raise_no_function(Scope *s, const FuncCall *f, const Oid *types, int nargs, const char *const *names, int nnamed, bool multiple)
{
    const char *sig, *what = s->ps->in_call ? "procedure" : "function";
    Status st;
    TRY(call_signature(s, f, types, nargs, names, nnamed, &sig));
    if (multiple) {
        st = RAISE(s->ctx, ERR_AMBIGUOUS_FUNCTION, "%s %s is not unique", what, sig);
        st = err_hint(s->ctx, st, "Could not choose a best candidate %s. You might need to add explicit type casts.", what);
    } else {
        st = RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "%s %s does not exist", what, sig);
        st = err_hint(s->ctx, st, "No %s matches the given name and argument types. You might need to add explicit type casts.", what);
    }
    return err_position(s->ctx, st, f->loc);
}

static Status
raise_routine_kind(Scope *s, const FuncCall *f, const Oid *types, int nargs, bool is_procedure)
{
    const char *sig;
    TRY(call_signature(s, f, types, nargs, NULL, 0, &sig));
    Status st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, is_procedure ? "%s is a procedure" : "%s is not a procedure", sig);
    st = err_hint(s->ctx, st, is_procedure ? "To call a procedure, use CALL." : "To call a function, use SELECT.");
    return err_position(s->ctx, st, f->loc);
}

static Status
check_routine_kind(Scope *s, const FuncCall *f, const FuncMatch *m, const Oid *types, int nargs)
{
    bool is_procedure = m->routine->kind == ROUTINE_PROCEDURE;
    return is_procedure == s->ps->in_call ? QN_OK : raise_routine_kind(s, f, types, nargs, is_procedure);
}

/* Trailing arguments of a variadic function become one array. */
Status
gather_variadic(Scope *s, const FuncMatch *m, Expr **args, int *nargs)
{
    if (m->nvariadic == 0) return QN_OK;
    int first = *nargs - m->nvariadic;
    const TypeInfo *t = type_info(m->variadic_elem);
    ArrayExpr *a;
    TRY_ALLOC(s->ctx, a, EXPR_NEW(s->ps->arena, Array, t != NULL ? t->array_oid : 0, -1, args[first]->loc));
    TRY_ALLOC(s->ctx, a->items.items, arena_memdup(s->ps->arena, args + first, sizeof(Expr *) * (size_t)m->nvariadic));
    a->items.count = a->items.cap = m->nvariadic;
    a->elem_type = m->variadic_elem;
    args[first] = (Expr *)a;
    *nargs = first + 1;
    return QN_OK;
}

static Status
check_srf_place(Scope *s, const char *name, int loc)
{
    Status st;
    (void)name;
    if (s->srf_here) return QN_OK;
    if (s->no_srf != NULL) {
        st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "set-returning functions are not allowed in %s", s->no_srf);
        st = err_hint(s->ctx, st, "You might be able to move the set-returning function into a LATERAL FROM item.");
        return err_position(s->ctx, st, loc);
    }
    switch (s->clause) {
    case CLAUSE_SELECT:
    case CLAUSE_GROUP_BY:
    case CLAUSE_ORDER_BY:
    case CLAUSE_DISTINCT_ON:
    case CLAUSE_INSERT:
    case CLAUSE_NONE: return QN_OK;
    case CLAUSE_JOIN_ON: st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "set-returning functions are not allowed in JOIN conditions"); break;
    case CLAUSE_FROM_FUNCTION: st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "set-returning functions must appear at top level of FROM"); break;
    case CLAUSE_PARTITION:
    case CLAUSE_WINDOW_ORDER:
    case CLAUSE_FRAME_RANGE:
    case CLAUSE_FRAME_ROWS:
    case CLAUSE_FRAME_GROUPS: st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "set-returning functions are not allowed in window definitions"); break;
    default: st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "set-returning functions are not allowed in %s", clause_name(s->clause)); break;
    }
    return err_position(s->ctx, st, loc);
}

/* Puts named arguments in their places, and the values of the function's row where none was given. */
static Status
place_builtin(Scope *s, FuncMatch *m, Expr ***args, int *nargs)
{
    const FnArgs *row = fn_args(m->fn->oid);
    int total = *nargs + m->ndefaults;
    Expr **placed;
    Oid declared[FN_MAX_ARGS];
    if (row == NULL || (m->numbers == NULL && m->ndefaults == 0)) return QN_OK;
    TRY_ALLOC(s->ctx, placed, ARENA_ARRAY(s->ps->arena, Expr *, total + 1));
    for (int i = 0; i < *nargs; i++) {
        int at = m->numbers != NULL ? m->numbers[i] : i;
        placed[at] = (*args)[i];
        declared[at] = m->declared[i];
    }
    for (int i = 0; i < total; i++) {
        if (placed[i] != NULL) continue;
        const char *text = row->defaults[i - (total - m->fn->ndefaults)];
        Value v;
        declared[i] = m->fn->args[i];
        TRY(value_in(s->ctx, s->ps->arena, text, strlen(text), declared[i], -1, &v));
        TRY_ALLOC(s->ctx, placed[i], make_const(s->ps, &v, -1, 0));
    }
    memcpy(m->declared, declared, sizeof(Oid) * (size_t)total);
    *args = placed;
    *nargs = total;
    return QN_OK;
}

enum { COLLATION_FOR = 3162 }; /* pg_collation_for: a matter of the expression, not of its value */

static NOINLINE Status
bind_collation_for(Scope *s, Expr *arg, int loc, Expr **out)
{
    Oid oid;
    const char *name = NULL;
    Value v = value_null(TYPE_TEXT);
    if (arg->type != TYPE_UNKNOWN && !type_is_collatable(arg->type))
        return err_position(s->ctx, RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "collations are not supported by type %s", type_text(s->ps, arg->type)), loc);
    TRY(collate_of(s, arg, &oid));
    if (oid != INVALID_OID && arg->type != TYPE_UNKNOWN) TRY(catalog_collation_name(s->ctx, s->ps->arena, oid, &name));
    if (name != NULL) v = value_str(TYPE_TEXT, str_make(name, strlen(name)));
    TRY_ALLOC(s->ctx, *out, make_const(s->ps, &v, -1, loc));
    return QN_OK;
}

/* The call of a plain function, arguments coerced. */
static Status
make_call(Scope *s, FuncMatch *m, Expr **args, int nargs, bool variadic, bool sql_syntax, int loc, Expr **out)
{
    const Function *fn = m->fn;
    if (fn->oid == COLLATION_FOR) return bind_collation_for(s, args[0], loc, out);
    if (m->routine != NULL) {
        TRY(routine_arguments(s, m, &args, &nargs));
        fn = m->fn;
    } else {
        TRY(place_builtin(s, m, &args, &nargs));
        TRY(coerce_arguments(s->ps, args, nargs, m->declared));
        TRY(gather_variadic(s, m, args, &nargs));
    }
    for (int i = 0; i < nargs; i++) /* "any" takes literals as text */
        if (args[i]->type == TYPE_UNKNOWN) TRY(resolve_unknown(s, &args[i]));
    if (variadic && nargs > 0 && m->declared[nargs - 1] == TYPE_ANY && type_category(args[nargs - 1]->type) != TYPCAT_ARRAY)
        return err_position(s->ctx, RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "VARIADIC argument must be an array"), args[nargs - 1]->loc);
    if (fn->flags & FN_SRF) {
        SetFuncExpr *f;
        TRY(check_srf_place(s, fn->name, loc));
        TRY_ALLOC(s->ctx, f, EXPR_NEW(s->ps->arena, SetFunc, m->result, -1, loc));
        f->fn = fn;
        f->args = (ExprList){args, nargs, nargs};
        f->variadic = variadic;
        s->has_srfs = true;
        *out = (Expr *)f;
        return QN_OK;
    }
    if (m->routine != NULL && !s->srf_here) {
        TRY(inline_routine(s, m, args, nargs, loc, out));
        if (*out != NULL) return QN_OK;
    }
    FuncExpr *f;
    TRY(make_func(s->ps, fn, args, nargs, m->result, loc, &f));
    f->variadic = variadic;
    f->coerce = sql_syntax ? COERCE_SQL_SYNTAX : COERCE_EXPLICIT;
    *out = (Expr *)f;
    return QN_OK;
}

/* What only aggregates take was given to a plain function. */
static Status
check_plain_call(Scope *s, const FuncCall *f, const char *name)
{
    Status st = QN_OK;
    if (f->agg_star) st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "%s(*) specified, but %s is not an aggregate function", name, name);
    else if (f->agg_distinct) st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "DISTINCT specified, but %s is not an aggregate function", name);
    else if (f->agg_within_group) st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "WITHIN GROUP specified, but %s is not an aggregate function", name);
    else if (f->agg_order.count > 0) st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "ORDER BY specified, but %s is not an aggregate function", name);
    else if (f->agg_filter != NULL) st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "FILTER specified, but %s is not an aggregate function", name);
    else if (f->over != NULL) st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "OVER specified, but %s is not a window function nor an aggregate function", name);
    return st == QN_OK ? QN_OK : err_position(s->ctx, st, f->loc);
}

/* names: of the arguments given by name, which come last. */
static Status
bind_args(Scope *s, const FuncCall *f, Expr **args, const char **names, int *nnamed_out)
{
    int n = 0, nnamed = 0;
    for (int i = 0; i < f->args.count; i++) {
        const Ast *a = f->args.items[i];
        if (ast_is(a, NamedArgExpr)) {
            const NamedArgExpr *na = (const NamedArgExpr *)a;
            for (int k = 0; k < nnamed; k++)
                if (strcmp(names[k], na->name) == 0)
                    return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "argument name \"%s\" used more than once", na->name), na->loc);
            names[nnamed++] = na->name;
            a = na->arg;
        } else if (nnamed > 0) {
            return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "positional argument cannot follow named argument"), ast_location(a));
        }
        TRY(bind_expr(s, a, &args[n++]));
    }
    *nnamed_out = nnamed;
    if (f->agg_within_group) /* the ordered arguments follow the direct ones */
        for (int i = 0; i < f->agg_order.count; i++)
            TRY(bind_expr(s, AST_AS(SortBy, f->agg_order.items[i])->expr, &args[n++]));
    return QN_OK;
}

/* By what the name turned out to be. */
static NOINLINE Status
finish_call(Scope *s, const FuncCall *f, const char *name, FuncMatch *m, Expr **args, int nargs, const Oid *types,
            const char *const *names, int nnamed, Expr **out)
{
    if (s->ps->in_call && m->routine == NULL && m->kind != FUNC_NONE && m->kind != FUNC_MULTIPLE)
        return raise_routine_kind(s, f, types, nargs, false);
    switch (m->kind) {
    case FUNC_NORMAL:
        TRY(check_plain_call(s, f, name));
        if (m->routine != NULL) TRY(check_routine_kind(s, f, m, types, nargs));
        return make_call(s, m, args, nargs, f->variadic, f->sql_syntax, f->loc, out);
    case FUNC_COERCION:
        TRY(check_plain_call(s, f, name));
        TRY(coerce_to_target(s->ps, args[0], m->cast_type, -1, CAST_EXPLICIT, COERCE_EXPLICIT, f->loc, out));
        if (*out != NULL) return QN_OK;
        break;
    case FUNC_AGG:
        if (s->ps->in_call) return raise_routine_kind(s, f, types, nargs, false);
        if (m->routine != NULL) TRY(bind_user_aggregate(s, f, m, types, nargs));
        if (f->over != NULL) {
            TRY(coerce_arguments(s->ps, args, nargs, m->declared));
            TRY(gather_variadic(s, m, args, &nargs));
            return bind_window_call(s, f, m, args, nargs, out);
        }
        TRY(coerce_arguments(s->ps, args, nargs, m->declared));
        TRY(gather_variadic(s, m, args, &nargs));
        return bind_aggregate(s, f, m, args, nargs, out);
    case FUNC_WINDOW:
        if (f->over == NULL)
            return err_position(s->ctx, RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "window function %s requires an OVER clause", name), f->loc);
        if (f->agg_within_group)
            return err_position(s->ctx, RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "window function %s cannot have WITHIN GROUP", name), f->loc);
        TRY(coerce_arguments(s->ps, args, nargs, m->declared));
        return bind_window_call(s, f, m, args, nargs, out);
    default: break;
    }
    if (nargs == 1 && nnamed == 0 && m->kind == FUNC_NONE && f->name.count == 1 && type_is_row(args[0]->type)) {
        TRY(bind_row_field(s, args[0], name, f->loc, out)); /* f(t) may be t.f */
        if (*out != NULL) return check_plain_call(s, f, name);
    }
    return raise_no_function(s, f, types, nargs, names, nnamed, m->kind == FUNC_MULTIPLE);
}

NOINLINE Status
bind_func_call(Scope *s, const FuncCall *f, Expr **out)
{
    PlanState *ps = s->ps;
    const char *name = ast_str(f->name.items[f->name.count - 1]);
    const char *schema = f->name.count > 1 ? ast_str(f->name.items[f->name.count - 2]) : NULL;
    int nargs = f->args.count + (f->agg_within_group ? f->agg_order.count : 0);
    Expr **args;
    Oid *types;
    FuncMatch *m;
    bool srfs = s->has_srfs;

    TRY_ALLOC(s->ctx, args, ARENA_ARRAY(ps->arena, Expr *, nargs + 1));
    bool in_call = ps->in_call; /* calls among the arguments are ordinary ones */
    ps->in_call = false;
    s->has_srfs = false;
    int nnamed = 0;
    const char **names;
    TRY_ALLOC(s->ctx, names, ARENA_ARRAY(ps->arena, const char *, f->args.count + 1));
    TRY(bind_args(s, f, args, names, &nnamed));
    ps->in_call = in_call;
    bool args_have_srf = s->has_srfs;
    s->has_srfs |= srfs;
    TRY_ALLOC(s->ctx, types, arena_alloc(ps->arena, sizeof(Oid) * (size_t)(nargs + 1)));
    for (int i = 0; i < nargs; i++) types[i] = args[i]->type;
    TRY_ALLOC(s->ctx, m, arena_alloc(ps->arena, sizeof(FuncMatch)));
    Status st = resolve_function(ps, schema, name, types, nargs, f->variadic, names, nnamed, m);
    if (st != QN_OK) return err_position(s->ctx, st, f->loc);
    if (args_have_srf && (m->kind == FUNC_AGG || m->kind == FUNC_WINDOW) && f->over == NULL) {
        st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "aggregate function calls cannot contain set-returning function calls");
        st = err_hint(s->ctx, st, "You might be able to move the set-returning function into a LATERAL FROM item.");
        return err_position(s->ctx, st, f->loc);
    }
    s->srf_here = s->top_srf == (const Ast *)f;
    st = finish_call(s, f, name, m, args, nargs, types, names, nnamed, out);
    s->srf_here = false;
    return st;
}

Status
bind_column_function(Scope *s, const char *name, Expr *arg, int loc, Expr **out)
{
    Expr **args;
    FuncMatch *m;
    *out = NULL;
    TRY_ALLOC(s->ctx, args, ARENA_ARRAY(s->ps->arena, Expr *, 1));
    TRY_ALLOC(s->ctx, m, arena_alloc(s->ps->arena, sizeof(FuncMatch)));
    args[0] = arg;
    TRY(resolve_function(s->ps, NULL, name, &arg->type, 1, false, NULL, 0, m));
    if (m->kind == FUNC_NORMAL) return make_call(s, m, args, 1, false, false, loc, out);
    return QN_OK;
}
