/* ddl_cast.c - CREATE CAST. */
#include "catalog/definition.h"
#include "catalog/routine.h"
#include "planner/resolve.h"
#include "session/ddl.h"

/* A cast being made. */
typedef struct CastWork {
    Ddl *d;
    PlanState ps;
    Oid source, target, function;
    int nargs; /* of the function; 0: none */
} CastWork;

#define BAD_CAST(w, ...) RAISE((w)->d->ctx, ERR_INVALID_OBJECT_DEFINITION, __VA_ARGS__)

static bool
is_binary(Oid from, Oid to)
{
    return from == to || coerce_path(to, from, CAST_IMPLICIT, NULL) == CASTPATH_RELABEL;
}

static Status
check_type(CastWork *w, Oid type, const char *what)
{
    const TypeInfo *t = type_info(type);
    if (t->category == TYPCAT_PSEUDO && t->made == 0)
        return RAISE(w->d->ctx, ERR_WRONG_OBJECT_TYPE, "%s data type %s is a pseudo-type", what, type_text(&w->ps, type));
    if (type_kind(type) == TYPTYPE_DOMAIN)
        ctx_notice(w->d->ctx, "WARNING", ERR_WRONG_OBJECT_TYPE, "cast will be ignored because the %s data type is a domain", what);
    return QN_OK;
}

static Status
check_function(CastWork *w, const Oid *args, int nargs, Oid result, char kind, bool is_set)
{
    if (nargs < 1 || nargs > 3) return BAD_CAST(w, "cast function must take one to three arguments");
    if (!is_binary(w->source, args[0]))
        return BAD_CAST(w, "argument of cast function must match or be binary-coercible from source data type");
    if (nargs > 1 && args[1] != TYPE_INT4) return BAD_CAST(w, "second argument of cast function must be type %s", "integer");
    if (nargs > 2 && args[2] != TYPE_BOOL) return BAD_CAST(w, "third argument of cast function must be type %s", "boolean");
    if (!is_binary(result, w->target))
        return BAD_CAST(w, "return data type of cast function must match or be binary-coercible to target data type");
    if (kind != ROUTINE_FUNCTION) return BAD_CAST(w, "cast function must be a normal function");
    if (is_set) return BAD_CAST(w, "cast function must not return a set");
    w->nargs = nargs;
    return QN_OK;
}

static Status
find_function(CastWork *w, const Ast *func)
{
    const Routine *r;
    Oid builtin;
    TRY(ddl_find_any_routine(w->d, AST_AS(ObjectWithArgs, func), AST_OBJECT_FUNCTION, &r, &builtin));
    if (r != NULL) {
        w->function = r->fn.oid;
        return check_function(w, r->args, r->fn.nargs, r->fn.result, r->kind, r->returns_set);
    }
    const Function *fn = fn_by_oid(builtin);
    w->function = builtin;
    if (fn == NULL) return BAD_CAST(w, "cast function must be a normal function");
    return check_function(w, fn->args, fn->nargs, fn->result, ROUTINE_FUNCTION, (fn->flags & FN_SRF) != 0);
}

/* The bytes of the one have to do as the other. */
static Status
check_binary(CastWork *w)
{
    static const struct { char kind; const char *text; } never[] = {
        {TYPTYPE_COMPOSITE, "composite data types are not binary-compatible"},
        {TYPTYPE_ENUM, "enum data types are not binary-compatible"},
        {TYPTYPE_DOMAIN, "domain data types must not be marked binary-compatible"}};
    const TypeInfo *a = type_info(w->source), *b = type_info(w->target);
    if (type_base(w->source) == w->source && type_base(w->target) == w->target && (a->typlen != b->typlen || a->phys != b->phys))
        return BAD_CAST(w, "source and target data types are not physically compatible");
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (type_kind(w->source) == never[i].kind || type_kind(w->target) == never[i].kind) return BAD_CAST(w, "%s", never[i].text);
    if (a->elem_oid != 0 || b->elem_oid != 0) return BAD_CAST(w, "array data types are not binary-compatible");
    return QN_OK;
}

static int
add_need(ObjDep *deps, int n, Oid oid)
{
    const TypeInfo *t = type_info(oid);
    if (t != NULL && t->elem_oid >= OID_FIRST_USER) oid = t->elem_oid;
    if (oid >= OID_FIRST_USER) deps[n++] = (ObjDep){.ref = oid};
    return n;
}

Status
ddl_run_create_cast(Ddl *d, const CreateCastStmt *s)
{
    Ctx *ctx = d->ctx;
    CastWork w = {.d = d, .ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql}};
    Definition def = {.kind = DEF_CAST};
    const Definition **same;
    ObjDep deps[3];
    int32_t typmod;
    int n;
    TRY(resolve_type_name(&w.ps, s->source, &w.source, &typmod));
    TRY(resolve_type_name(&w.ps, s->target, &w.target, &typmod));
    TRY(check_type(&w, w.source, "source"));
    TRY(check_type(&w, w.target, "target"));
    if (s->func != NULL) TRY(find_function(&w, s->func));
    else if (!s->inout) TRY(check_binary(&w));
    if (w.source == w.target && w.nargs < 2) return BAD_CAST(&w, "source data type and target data type are the same");
    TRY(def_cast_name(ctx, d->arena, w.source, w.target, &def.name));
    TRY(ddl_lock_name(ctx, INVALID_OID, def.name));
    TRY(catalog_definitions(ctx, d->arena, INVALID_OID, def.name, DEF_CAST, &same, &n));
    if (n > 0 || cast_find(w.source, w.target) != NULL)
        return RAISE(ctx, ERR_DUPLICATE_OBJECT, "cast from type %s to type %s already exists", type_text(&w.ps, w.source),
                     type_text(&w.ps, w.target));
    char context = s->context == AST_CAST_IMPLICIT ? CAST_IMPLICIT : s->context == AST_CAST_ASSIGNMENT ? CAST_ASSIGNMENT : CAST_EXPLICIT;
    char method = s->func != NULL ? CAST_FUNCTION : s->inout ? CAST_INOUT : CAST_BINARY;
    const int64_t nums[CST_COUNT] = {w.source, w.target, w.function, context, method};
    def.nums = nums;
    def.nnums = CST_COUNT;
    def.ndeps = add_need(deps, add_need(deps, add_need(deps, 0, w.source), w.target), w.function);
    def.deps = deps;
    return ddl_put_definition(ctx, &def);
}
