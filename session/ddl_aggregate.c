/* ddl_aggregate.c - CREATE AGGREGATE. The other statements treat aggregates as the functions they are (ddl_routine.c). */
#include "catalog/routine.h"
#include "planner/resolve.h"
#include "session/ddl.h"
#include "types/agg_user.h"
#include <stdlib.h>

enum { AGG_ARGS_MAX = 99 };

/* An aggregate being made. */
typedef struct AggWork {
    Ddl *d;
    PlanState ps; /* for names of types and functions */
    const DefineStmt *stmt;
    Routine *r;
    AggParts *parts;
    const Ast *basetype, *stype, *mstype;
    const AstList *sfunc, *finalfunc, *combinefunc, *serialfunc, *deserialfunc, *msfunc, *minvfunc, *mfinalfunc, *sortop;
    char final_modify, moving_final_modify;
    bool hypothetical;
    Oid variadic; /* the type of the VARIADIC argument; 0: none */
    Oid moving_result;
} AggWork;

#define BAD_AGGREGATE(w, ...) RAISE((w)->d->ctx, ERR_INVALID_FUNCTION_DEFINITION, __VA_ARGS__)

/* ---- the definition ---- */

static Status
option_modify(AggWork *w, const DefElem *e, char *out)
{
    const char *text;
    TRY(ddl_opt_text(w->d, e, &text));
    *out = strcmp(text, "read_only") == 0 ? 'r' : strcmp(text, "shareable") == 0 ? 's' : strcmp(text, "read_write") == 0 ? 'w' : '\0';
    if (*out != '\0') return QN_OK;
    return RAISE(w->d->ctx, ERR_SYNTAX_ERROR, "parameter \"%s\" must be READ_ONLY, SHAREABLE, or READ_WRITE", e->name);
}

static Status
option_parallel(AggWork *w, const DefElem *e)
{
    const char *text;
    TRY(ddl_opt_text(w->d, e, &text));
    w->r->parallel = strcmp(text, "safe") == 0 ? 's' : strcmp(text, "restricted") == 0 ? 'r' : strcmp(text, "unsafe") == 0 ? 'u' : '\0';
    if (w->r->parallel != '\0') return QN_OK;
    return RAISE(w->d->ctx, ERR_SYNTAX_ERROR, "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE");
}

static bool
is_option(const DefElem *e, const char *name, const char *old)
{
    return strcmp(e->name, name) == 0 || (old != NULL && strcmp(e->name, old) == 0);
}

static Status
read_option(AggWork *w, const DefElem *e)
{
    AggParts *p = w->parts;
    if (is_option(e, "sfunc", "sfunc1")) return ddl_opt_names(w->d, e, &w->sfunc);
    if (is_option(e, "finalfunc", NULL)) return ddl_opt_names(w->d, e, &w->finalfunc);
    if (is_option(e, "combinefunc", NULL)) return ddl_opt_names(w->d, e, &w->combinefunc);
    if (is_option(e, "serialfunc", NULL)) return ddl_opt_names(w->d, e, &w->serialfunc);
    if (is_option(e, "deserialfunc", NULL)) return ddl_opt_names(w->d, e, &w->deserialfunc);
    if (is_option(e, "msfunc", NULL)) return ddl_opt_names(w->d, e, &w->msfunc);
    if (is_option(e, "minvfunc", NULL)) return ddl_opt_names(w->d, e, &w->minvfunc);
    if (is_option(e, "mfinalfunc", NULL)) return ddl_opt_names(w->d, e, &w->mfinalfunc);
    if (is_option(e, "sortop", NULL)) return ddl_opt_names(w->d, e, &w->sortop);
    if (is_option(e, "finalfunc_extra", NULL)) return option_bool(w->d->ctx, e, &p->final_extra);
    if (is_option(e, "mfinalfunc_extra", NULL)) return option_bool(w->d->ctx, e, &p->moving_final_extra);
    if (is_option(e, "finalfunc_modify", NULL)) return option_modify(w, e, &w->final_modify);
    if (is_option(e, "mfinalfunc_modify", NULL)) return option_modify(w, e, &w->moving_final_modify);
    if (is_option(e, "hypothetical", NULL)) return option_bool(w->d->ctx, e, &w->hypothetical);
    if (is_option(e, "sspace", NULL)) return ddl_opt_int(w->d, e, &p->state_space);
    if (is_option(e, "msspace", NULL)) return ddl_opt_int(w->d, e, &p->moving_state_space);
    if (is_option(e, "initcond", "initcond1")) return ddl_opt_text(w->d, e, &p->init);
    if (is_option(e, "minitcond", NULL)) return ddl_opt_text(w->d, e, &p->moving_init);
    if (is_option(e, "parallel", NULL)) return option_parallel(w, e);
    if (is_option(e, "basetype", NULL)) w->basetype = e->arg;
    else if (is_option(e, "stype", "stype1")) w->stype = e->arg;
    else if (is_option(e, "mstype", NULL)) w->mstype = e->arg;
    else ctx_notice(w->d->ctx, "WARNING", ERR_SYNTAX_ERROR, "aggregate attribute \"%s\" not recognized", e->name);
    return QN_OK;
}

static Status
check_options(AggWork *w)
{
    if (w->stype == NULL) return BAD_AGGREGATE(w, "aggregate stype must be specified");
    if (w->sfunc == NULL) return BAD_AGGREGATE(w, "aggregate sfunc must be specified");
    if (w->mstype != NULL) {
        if (w->msfunc == NULL) return BAD_AGGREGATE(w, "aggregate msfunc must be specified when mstype is specified");
        if (w->minvfunc == NULL) return BAD_AGGREGATE(w, "aggregate minvfunc must be specified when mstype is specified");
        return QN_OK;
    }
    const char *extra = w->msfunc != NULL ? "msfunc" : w->minvfunc != NULL ? "minvfunc" : w->mfinalfunc != NULL ? "mfinalfunc"
                        : w->parts->moving_state_space != 0 ? "msspace" : w->parts->moving_init != NULL ? "minitcond" : NULL;
    if (extra != NULL) return BAD_AGGREGATE(w, "aggregate %s must not be specified without mstype", extra);
    return QN_OK;
}

/* ---- arguments ---- */

static Status
add_param(AggWork *w, RoutineParam *params, const FunctionParameter *p)
{
    Ctx *ctx = w->d->ctx;
    RoutineParam *out = &params[w->r->nparams];
    int32_t typmod;
    if (w->r->nparams >= AGG_ARGS_MAX)
        return RAISE(ctx, ERR_TOO_MANY_ARGUMENTS, "aggregates cannot have more than %d arguments", AGG_ARGS_MAX);
    if (p->mode == AST_PARAM_OUT || p->mode == AST_PARAM_INOUT)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "aggregates cannot have output arguments");
    if (AST_AS(TypeName, p->type)->setof) return BAD_AGGREGATE(w, "aggregates cannot accept set arguments");
    if (p->default_value != NULL) return BAD_AGGREGATE(w, "only input parameters can have default values");
    TRY(resolve_type_name(&w->ps, p->type, &out->type, &typmod));
    out->name = p->name;
    out->mode = p->mode == AST_PARAM_VARIADIC ? 'v' : 'i';
    const TypeInfo *t = type_info(out->type);
    if (w->variadic != 0) return BAD_AGGREGATE(w, "VARIADIC parameter must be the last input parameter");
    if (out->mode == 'v') {
        w->variadic = out->type;
        if (t->elem_oid == 0 && out->type != TYPE_ANY && out->type != TYPE_ANYARRAY && out->type != TYPE_ANYCOMPATIBLEARRAY)
            return BAD_AGGREGATE(w, "VARIADIC parameter must be an array");
    }
    w->r->nparams++;
    return QN_OK;
}

/* Direct arguments, then those of ORDER BY; after a VARIADIC direct one they are that same argument. */
static Status
ordered_params(AggWork *w, RoutineParam *params, const AstList *ordered)
{
    w->r->agg_kind = w->hypothetical ? 'h' : 'o';
    w->parts->ndirect = (int16_t)w->r->nparams;
    if (w->variadic == 0) {
        for (int i = 0; i < ordered->count; i++) TRY(add_param(w, params, AST_AS(FunctionParameter, ordered->items[i])));
        return QN_OK;
    }
    const FunctionParameter *p = AST_AS(FunctionParameter, ordered->items[0]);
    Oid type;
    int32_t typmod;
    TRY(resolve_type_name(&w->ps, p->type, &type, &typmod));
    if (ordered->count == 1 && p->mode == AST_PARAM_VARIADIC && type == w->variadic) return QN_OK;
    return RAISE(w->d->ctx, ERR_FEATURE_NOT_SUPPORTED,
                 "an ordered-set aggregate with a VARIADIC direct argument must have one VARIADIC aggregated argument of the same data type");
}

static Status
old_style_param(AggWork *w, RoutineParam *params)
{
    const char *name;
    if (w->basetype == NULL) return BAD_AGGREGATE(w, "aggregate input type must be specified");
    TRY(ddl_opt_text(w->d, &(DefElem){.name = "basetype", .arg = (Ast *)w->basetype}, &name));
    if (strcasecmp(name, "any") == 0) return QN_OK;
    return add_param(w, params, &(FunctionParameter){.type = (Ast *)w->basetype, .mode = AST_PARAM_IN});
}

static Status
read_params(AggWork *w)
{
    RoutineParam *params;
    const AstList *args = &w->stmt->args;
    TRY_ALLOC(w->d->ctx, params, ARENA_ARRAY(w->d->arena, RoutineParam, AGG_ARGS_MAX + 1));
    w->r->params = params;
    w->r->agg_kind = 'n';
    if (w->stmt->old_style) return old_style_param(w, params);
    if (w->basetype != NULL) return BAD_AGGREGATE(w, "basetype is redundant with aggregate input type specification");
    for (int i = 0; i < args->count; i++) {
        const Ast *a = args->items[i];
        if (ast_is(a, ListNode)) TRY(ordered_params(w, params, &AST_AS(ListNode, a)->items));
        else if (!ast_is(a, A_Star)) TRY(add_param(w, params, AST_AS(FunctionParameter, a)));
    }
    if (w->hypothetical && w->r->agg_kind != 'h') return BAD_AGGREGATE(w, "only ordered-set aggregates can be hypothetical");
    return QN_OK;
}

/* ---- types ---- */

static bool
follows_from_args(const AggWork *w, Oid type)
{
    bool compatible = type_is_compatible_family(type);
    for (int i = 0; i < w->r->nparams; i++) {
        Oid t = w->r->params[i].type;
        if (!type_is_polymorphic(t) || type_is_compatible_family(t) != compatible) continue;
        if (!type_is_range_family(type) || type_is_range_family(t)) return true;
    }
    return !type_is_polymorphic(type);
}

static Status
state_type(AggWork *w, const Ast *name, const char *init, Oid *out)
{
    Ctx *ctx = w->d->ctx;
    int32_t typmod;
    Value v;
    if (!ast_is(name, TypeName)) return RAISE(ctx, ERR_SYNTAX_ERROR, "argument of stype must be a type name");
    TRY(resolve_type_name(&w->ps, name, out, &typmod));
    const TypeInfo *t = type_info(*out);
    if (t->category == TYPCAT_PSEUDO && !type_is_polymorphic(*out) && *out != TYPE_INTERNAL)
        return BAD_AGGREGATE(w, "aggregate transition data type cannot be %s", t->sql_name);
    if (!follows_from_args(w, *out)) return BAD_AGGREGATE(w, "cannot determine transition data type");
    if (init != NULL && t->category != TYPCAT_PSEUDO) TRY(value_in(ctx, w->d->arena, init, strlen(init), type_base(*out), -1, &v));
    return QN_OK;
}

/* ---- functions ---- */

static Status
signature_of(AggWork *w, const AstList *names, const Oid *types, int n, const char **out)
{
    StrBuf b = strbuf_new(w->d->arena);
    char *text;
    for (int i = 0; i < names->count; i++) strbuf_addf(&b, "%s%s", i > 0 ? "." : "", ast_str(names->items[i]));
    TRY(strbuf_finish(w->d->ctx, &b, &text, NULL));
    return function_signature(&w->ps, text, types, n, out);
}

static const char *
names_text(const AstList *names)
{
    return ast_str(names->items[names->count - 1]);
}

static bool
is_binary(Oid from, Oid to)
{
    if (from == to || to == TYPE_ANY) return true;
    if (type_is_polymorphic(from) || type_is_polymorphic(to)) return false;
    return coerce_path(to, from, CAST_IMPLICIT, NULL) == CASTPATH_RELABEL;
}

/* A function found by name that takes these types as they are. */
typedef struct Found {
    Oid oid, result;
    bool strict;
} Found;

static Status
find_function(AggWork *w, const AstList *names, const Oid *types, int n, Oid variadic, Found *out)
{
    Ctx *ctx = w->d->ctx;
    FuncMatch *m;
    const char *sig;
    const char *schema = names->count > 1 ? ast_str(names->items[names->count - 2]) : NULL;
    TRY_ALLOC(ctx, m, ARENA_NEW(w->d->arena, FuncMatch));
    /* One with VARIADIC is called with the array, never with the elements. */
    TRY(resolve_function(&w->ps, schema, names_text(names), types, n, true, NULL, 0, m));
    if (m->kind == FUNC_NONE) TRY(resolve_function(&w->ps, schema, names_text(names), types, n, false, NULL, 0, m));
    TRY(signature_of(w, names, types, n, &sig));
    if (m->kind != FUNC_NORMAL || m->nvariadic > 0 || (m->routine != NULL && m->routine->kind != ROUTINE_FUNCTION) || m->ndefaults > 0)
        return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "function %s does not exist", sig);
    if ((m->fn->flags & FN_SRF) != 0) return RAISE(ctx, ERR_DATATYPE_MISMATCH, "function %s returns a set", sig);
    if (variadic == TYPE_ANY && !((m->fn->flags & FN_VARIADIC) != 0 && m->fn->args[m->fn->nargs - 1] == TYPE_ANY))
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "function %s must accept VARIADIC ANY to be used in this aggregate", sig);
    *out = (Found){m->fn->oid, m->result, (m->fn->flags & FN_STRICT) != 0};
    if (m->routine != NULL && memcmp(types, m->declared, sizeof(Oid) * (size_t)n) != 0)
        TRY(resolve_polymorphic(&w->ps, types, m->declared, n, m->routine->fn.result, &out->result));
    for (int i = 0; i < n; i++)
        if (!is_binary(types[i], m->declared[i]))
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "function %s requires run-time type coercion", sig);
    return QN_OK;
}

static Status
check_returns(AggWork *w, const char *what, const AstList *names, Oid result, Oid want)
{
    if (result == want) return QN_OK;
    return RAISE(w->d->ctx, ERR_DATATYPE_MISMATCH, "return type of %s function %s is not %s", what, names_text(names),
                 type_text(&w->ps, want));
}

/* Step functions take the state and the aggregated arguments. */
static Status
find_step(AggWork *w, const char *what, const AstList *names, Oid state, Found *out)
{
    Oid types[AGG_ARGS_MAX + 1] = {state};
    const Routine *r = w->r;
    int n = r->nparams, skip = 0;
    if (r->agg_kind != 'n') skip = w->parts->ndirect < n ? w->parts->ndirect : n - 1;
    for (int i = skip; i < n; i++) types[i - skip + 1] = r->params[i].type;
    TRY(find_function(w, names, types, n - skip + 1, w->variadic, out));
    return check_returns(w, what, names, out->result, state);
}

static Status
check_initial(AggWork *w, const Found *step, const char *init, Oid state)
{
    if (!step->strict || init != NULL || (w->r->nparams > 0 && is_binary(w->r->params[0].type, state))) return QN_OK;
    return BAD_AGGREGATE(w, "must not omit initial value when transition function is strict and transition type is not compatible with input type");
}

static Status
find_final(AggWork *w, const AstList *names, Oid state, bool extra, Oid *fn_out, Oid *result_out)
{
    Oid types[AGG_ARGS_MAX + 1] = {state};
    Found found;
    int n = extra ? w->r->nparams : w->r->agg_kind != 'n' ? w->parts->ndirect : 0;
    *result_out = state;
    if (names == NULL) return QN_OK;
    for (int i = 0; i < n; i++) types[i + 1] = w->r->params[i].type;
    TRY(find_function(w, names, types, n + 1, extra ? w->variadic : 0, &found));
    if (extra && found.strict) return BAD_AGGREGATE(w, "final function with extra arguments must not be declared STRICT");
    *fn_out = found.oid;
    *result_out = found.result;
    return QN_OK;
}

static Status
find_combine(AggWork *w)
{
    AggParts *p = w->parts;
    Oid pair[2] = {p->state_type, p->state_type};
    Found found;
    if (w->combinefunc == NULL) return QN_OK;
    TRY(find_function(w, w->combinefunc, pair, 2, 0, &found));
    TRY(check_returns(w, "combine", w->combinefunc, found.result, p->state_type));
    if (p->state_type == TYPE_INTERNAL && found.strict)
        return BAD_AGGREGATE(w, "combine function with transition type %s must not be declared STRICT", "internal");
    p->combine = found.oid;
    return QN_OK;
}

static Status
find_serial(AggWork *w)
{
    static const Oid in[] = {TYPE_INTERNAL}, back[] = {TYPE_BYTEA, TYPE_INTERNAL};
    AggParts *p = w->parts;
    Found found;
    if (w->serialfunc != NULL) {
        TRY(find_function(w, w->serialfunc, in, 1, 0, &found));
        TRY(check_returns(w, "serialization", w->serialfunc, found.result, TYPE_BYTEA));
        p->serial = found.oid;
    }
    if (w->deserialfunc == NULL) return QN_OK;
    TRY(find_function(w, w->deserialfunc, back, 2, 0, &found));
    TRY(check_returns(w, "deserialization", w->deserialfunc, found.result, TYPE_INTERNAL));
    p->deserial = found.oid;
    return QN_OK;
}

static Status
check_serial_pair(AggWork *w)
{
    if (w->serialfunc == NULL && w->deserialfunc == NULL) return QN_OK;
    if (w->parts->state_type != TYPE_INTERNAL)
        return BAD_AGGREGATE(w, "serialization functions may be specified only when the aggregate transition data type is internal");
    if (w->serialfunc == NULL || w->deserialfunc == NULL)
        return BAD_AGGREGATE(w, "must specify both or neither of serialization and deserialization functions");
    return QN_OK;
}

static Status
find_moving(AggWork *w, Found *step_out)
{
    AggParts *p = w->parts;
    Found inverse;
    if (w->mstype == NULL) return QN_OK;
    TRY(find_step(w, "transition", w->msfunc, p->moving_state_type, step_out));
    TRY(check_initial(w, step_out, p->moving_init, p->moving_state_type));
    TRY(find_step(w, "inverse transition", w->minvfunc, p->moving_state_type, &inverse));
    if (inverse.strict != step_out->strict)
        return BAD_AGGREGATE(w, "strictness of aggregate's forward and inverse transition functions must match");
    p->moving_step = step_out->oid;
    p->moving_inverse = inverse.oid;
    return QN_OK;
}

static Status
find_sort_operator(AggWork *w)
{
    const Operator *op;
    if (w->sortop == NULL) return QN_OK;
    if (w->r->nparams != 1) return BAD_AGGREGATE(w, "sort operator can only be specified for single-argument aggregates");
    Oid type = w->r->params[0].type;
    TRY(resolve_operator(&w->ps, w->sortop->count > 1 ? ast_str(w->sortop->items[0]) : NULL, names_text(w->sortop), type, type, 0, &op));
    w->parts->sort_op = op->oid;
    return QN_OK;
}

static Status
find_functions(AggWork *w)
{
    AggParts *p = w->parts;
    Routine *r = w->r;
    Found step, moving;
    TRY(find_step(w, "transition", w->sfunc, p->state_type, &step));
    TRY(check_initial(w, &step, p->init, p->state_type));
    p->step = step.oid;
    TRY(find_moving(w, &moving));
    TRY(find_final(w, w->finalfunc, p->state_type, p->final_extra, &p->final, &r->fn.result));
    TRY(find_combine(w));
    TRY(find_serial(w));
    if (!follows_from_args(w, r->fn.result)) return BAD_AGGREGATE(w, "cannot determine result data type");
    if (r->fn.result == TYPE_INTERNAL) return BAD_AGGREGATE(w, "unsafe use of pseudo-type \"internal\"");
    if (w->mstype != NULL) {
        Oid result;
        TRY(find_final(w, w->mfinalfunc, p->moving_state_type, p->moving_final_extra, &p->moving_final, &result));
        if (result != r->fn.result)
            return RAISE(w->d->ctx, ERR_DATATYPE_MISMATCH,
                         "moving-aggregate implementation returns type %s, but plain implementation returns type %s",
                         type_text(&w->ps, result), type_text(&w->ps, r->fn.result));
    }
    return find_sort_operator(w);
}

/* ---- making it ---- */

static Status
add_need(AggWork *w, ObjDep *deps, Oid oid)
{
    const TypeInfo *t = type_info(oid);
    if (t != NULL && t->elem_oid >= OID_FIRST_USER) oid = t->elem_oid;
    if (oid < OID_FIRST_USER) return QN_OK;
    for (int i = 0; i < w->r->ndeps; i++)
        if (deps[i].ref == oid) return QN_OK;
    deps[w->r->ndeps++] = (ObjDep){.ref = oid};
    return QN_OK;
}

static Status
set_needs(AggWork *w)
{
    const AggParts *p = w->parts;
    const Oid parts[] = {p->step, p->final, p->combine, p->serial, p->deserial, p->moving_step, p->moving_inverse, p->moving_final,
                         p->state_type, p->moving_state_type};
    int n = (int)(sizeof(parts) / sizeof(parts[0]));
    ObjDep *deps;
    TRY_ALLOC(w->d->ctx, deps, ARENA_ARRAY(w->d->arena, ObjDep, n + w->r->nparams + 1));
    for (int i = 0; i < n; i++) TRY(add_need(w, deps, parts[i]));
    for (int i = 0; i < w->r->nparams; i++) TRY(add_need(w, deps, w->r->params[i].type));
    w->r->deps = deps;
    return QN_OK;
}

static const char *
kind_text(const Routine *r)
{
    if (r->kind != ROUTINE_AGGREGATE) return r->kind == ROUTINE_PROCEDURE ? "a procedure" : "an ordinary function";
    return r->agg_kind == 'n' ? "an ordinary aggregate" : r->agg_kind == 'o' ? "an ordered-set aggregate" : "a hypothetical-set aggregate";
}

static Status
check_replaced(AggWork *w, const Routine *old)
{
    Ctx *ctx = w->d->ctx;
    const Routine *r = w->r;
    if (!w->stmt->replace)
        return RAISE(ctx, ERR_DUPLICATE_FUNCTION, "function \"%s\" already exists with same argument types", r->fn.name);
    if (old->kind != ROUTINE_AGGREGATE || old->agg_kind != r->agg_kind)
        return err_detail(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot change routine kind"), "\"%s\" is %s.", r->fn.name, kind_text(old));
    if (old->fn.result != r->fn.result) return BAD_AGGREGATE(w, "cannot change return type of existing function");
    if (old->parts->ndirect != r->parts->ndirect)
        return BAD_AGGREGATE(w, "cannot change number of direct arguments of an aggregate function");
    return QN_OK;
}

Status
ddl_run_create_aggregate(Ddl *d, const DefineStmt *s)
{
    Ctx *ctx = d->ctx;
    AggWork w = {.d = d, .ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql}, .stmt = s};
    const Routine *old;
    TRY_ALLOC(ctx, w.r, ARENA_NEW(d->arena, Routine));
    TRY_ALLOC(ctx, w.parts, ARENA_NEW(d->arena, AggParts));
    Routine *r = w.r;
    r->kind = ROUTINE_AGGREGATE;
    r->volatility = 'i';
    r->parallel = 'u';
    r->cost = 1;
    r->body = "aggregate_dummy";
    r->language = language_by_oid(OID_LANGUAGE_INTERNAL);
    r->parts = w.parts;
    TRY(ddl_routine_target(d, &s->name, &r->schema_oid, &r->fn.name));
    for (int i = 0; i < s->definition.count; i++) TRY(read_option(&w, AST_AS(DefElem, s->definition.items[i])));
    TRY(check_options(&w));
    TRY(read_params(&w));
    char modify = r->agg_kind == 'n' ? 'r' : 'w';
    w.parts->final_modify = w.final_modify != 0 ? w.final_modify : modify;
    w.parts->moving_final_modify = w.moving_final_modify != 0 ? w.moving_final_modify : modify;
    TRY(state_type(&w, w.stype, w.parts->init, &w.parts->state_type));
    TRY(check_serial_pair(&w));
    if (w.mstype != NULL) TRY(state_type(&w, w.mstype, w.parts->moving_init, &w.parts->moving_state_type));
    TRY(find_functions(&w));
    TRY(set_needs(&w));
    TRY(routine_finish(ctx, d->arena, r));
    TRY(ddl_lock_name(ctx, r->schema_oid, r->fn.name));
    TRY(ddl_find_same_routine(d, r, &old));
    if (old == NULL) {
        TRY(ddl_new_oid(ctx, &r->fn.oid));
        return ddl_put_routine(ctx, r);
    }
    TRY(check_replaced(&w, old));
    r->fn.oid = old->fn.oid;
    r->comment = old->comment;
    return ddl_put_routine(ctx, r);
}
