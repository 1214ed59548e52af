/* ddl_routine.c - CREATE, ALTER, DROP of functions and procedures, and CALL. */
#include "catalog/routine.h"
#include "parser/deparse.h"
#include "parser/parse.h"
#include "planner/resolve.h"
#include "session/ddl.h"
#include "session/sqlfunc.h"
#include "types/record.h"
#include <stdio.h>
#include <stdlib.h>

/* A routine being made or changed. */
typedef struct RoutineWork {
    Ddl *d;
    PlanState ps; /* for names of types */
    Routine *r;
    const CreateFunctionStmt *stmt;
    Oid required; /* result type that OUT parameters ask for; 0: none */
    const AstList *as;
    const char *language;
    bool has_cost, has_rows;
    ARRAY(const char *) config;
} RoutineWork;

#define BAD_DEFINITION(w, ...) RAISE((w)->d->ctx, ERR_INVALID_FUNCTION_DEFINITION, __VA_ARGS__)

/* ---- names ---- */

static Status
split_routine_name(Ddl *d, const AstList *names, const char **schema_out, const char **name_out)
{
    if (names->count > 2)
        return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "cross-database references are not implemented: %s.%s.%s",
                     ast_str(names->items[0]), ast_str(names->items[1]), ast_str(names->items[2]));
    *name_out = ast_str(names->items[names->count - 1]);
    *schema_out = names->count > 1 ? ast_str(names->items[0]) : NULL;
    return QN_OK;
}

static Status
target_schema(Ddl *d, const char *schema, Oid *out)
{
    if (schema == NULL) return catalog_creation_schema(d->ctx, out);
    *out = catalog_schema_oid(d->ctx, schema);
    if (*out == INVALID_OID)
        return strcmp(schema, "pg_temp") == 0
                   ? ddl_temp_schema(d->ctx, out)
                   : RAISE(d->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
    if (*out == OID_PG_CATALOG || *out == OID_INFORMATION_SCHEMA)
        return RAISE(d->ctx, ERR_INSUFFICIENT_PRIVILEGE, "permission denied for schema %s", schema);
    return QN_OK;
}

static Status
raise_hint_drop(RoutineWork *w, const Routine *old, Status st)
{
    const char *sig;
    TRY(ddl_describe(w->d->ctx, &(DropTarget){.kind = OBJ_ROUTINE, .oid = old->fn.oid}, &sig));
    return err_hint(w->d->ctx, st, "Use DROP %s %s first.", old->kind == ROUTINE_PROCEDURE ? "PROCEDURE" : "FUNCTION",
                    strchr(sig, ' ') + 1);
}

/* ---- parameters ---- */

static bool
is_input_mode(char mode)
{
    return mode == 'i' || mode == 'b' || mode == 'v';
}

static char
mode_letter(AstParamMode mode)
{
    switch (mode) {
    case AST_PARAM_OUT: return 'o';
    case AST_PARAM_INOUT: return 'b';
    case AST_PARAM_VARIADIC: return 'v';
    case AST_PARAM_TABLE: return 't';
    default: return 'i';
    }
}

static Status
check_param_type(RoutineWork *w, const FunctionParameter *p, const RoutineParam *out)
{
    const TypeInfo *t = type_info(out->type);
    bool is_sql = w->language != NULL && strcmp(w->language, "sql") == 0;
    if (AST_AS(TypeName, p->type)->setof)
        return BAD_DEFINITION(w, w->stmt->is_procedure ? "procedures cannot accept set arguments"
                                                       : "functions cannot accept set arguments");
    if (out->mode == 'v' && t->elem_oid == 0 && out->type != TYPE_ANY && out->type != TYPE_ANYARRAY &&
        out->type != TYPE_ANYCOMPATIBLEARRAY)
        return BAD_DEFINITION(w, "VARIADIC parameter must be an array");
    if (!is_sql || t->category != TYPCAT_PSEUDO || type_is_polymorphic(out->type) || out->type == TYPE_RECORD)
        return QN_OK;
    return is_input_mode(out->mode) ? BAD_DEFINITION(w, "SQL functions cannot have arguments of type %s", t->sql_name)
                                    : BAD_DEFINITION(w, "SQL functions cannot return type %s", t->sql_name);
}

/* An input and an output may share a name where both are pure: f(a int) RETURNS TABLE (a int) is refused all the same by name
 * resolution in the body, not here. */
static Status
check_param_name(RoutineWork *w, const RoutineParam *params, int n, const RoutineParam *p)
{
    for (int i = 0; p->name != NULL && i < n; i++) {
        bool pure_in = p->mode == 'i' || p->mode == 'v', pure_out = p->mode == 'o' || p->mode == 't';
        char other = params[i].mode;
        if (params[i].name == NULL || strcmp(params[i].name, p->name) != 0) continue;
        if ((pure_in && (other == 'o' || other == 't')) || (pure_out && (other == 'i' || other == 'v'))) continue;
        return BAD_DEFINITION(w, "parameter name \"%s\" used more than once", p->name);
    }
    return QN_OK;
}

static Status
param_default(RoutineWork *w, const FunctionParameter *p, RoutineParam *out, bool *seen)
{
    Ddl *d = w->d;
    Expr *e;
    bool is_input = is_input_mode(out->mode);
    if (p->default_value == NULL) {
        if (*seen && is_input && out->mode != 'v')
            return BAD_DEFINITION(w, "input parameters after one with a default value must also have defaults");
        if (*seen && w->stmt->is_procedure && out->mode == 'o')
            return BAD_DEFINITION(w, "procedure OUT parameters cannot appear after one with a default value");
        return QN_OK;
    }
    if (!is_input) return BAD_DEFINITION(w, "only input parameters can have default values");
    *seen = true;
    if (type_is_polymorphic(out->type)) {
        TRY(plan_expression(d->ctx, d->arena, d->sql, p->default_value, NULL, 0, -1, &e));
    } else {
        Status st = plan_expression(d->ctx, d->arena, d->sql, p->default_value, NULL, out->type, -1, &e);
        TRY(st);
    }
    return ddl_expr_text(d, p->default_value, &out->default_sql);
}

static Status
read_params(RoutineWork *w)
{
    Ddl *d = w->d;
    const AstList *list = &w->stmt->params;
    RoutineParam *params;
    bool seen_default = false, seen_variadic = false;
    int nout = 0;
    Oid out_type = 0;
    TRY_ALLOC(d->ctx, params, ARENA_ARRAY(d->arena, RoutineParam, list->count + 1));
    for (int i = 0; i < list->count; i++) {
        const FunctionParameter *p = AST_AS(FunctionParameter, list->items[i]);
        RoutineParam *out = &params[i];
        int32_t typmod;
        out->name = p->name != NULL && p->name[0] != '\0' ? p->name : NULL;
        out->mode = mode_letter(p->mode);
        TRY(resolve_type_name(&w->ps, p->type, &out->type, &typmod));
        TRY(check_param_type(w, p, out));
        if (seen_variadic && (is_input_mode(out->mode) || w->stmt->is_procedure))
            return BAD_DEFINITION(w, w->stmt->is_procedure ? "VARIADIC parameter must be the last parameter"
                                                           : "VARIADIC parameter must be the last input parameter");
        seen_variadic |= out->mode == 'v';
        if (out->mode == 'o' || out->mode == 'b' || out->mode == 't') {
            nout++;
            out_type = out->type;
        }
        TRY(check_param_name(w, params, i, out));
        TRY(param_default(w, p, out, &seen_default));
    }
    w->r->params = params;
    w->r->nparams = list->count;
    if (nout > 0) w->required = w->stmt->is_procedure || nout > 1 ? TYPE_RECORD : out_type;
    return QN_OK;
}

/* ---- the result ---- */

/* Whether a polymorphic type follows from the inputs. */
static bool
follows_from_inputs(const Routine *r, Oid type)
{
    bool compatible = type_is_compatible_family(type), range = type_is_range_family(type);
    for (int i = 0; i < r->nparams; i++) {
        Oid t = r->params[i].type;
        if (!is_input_mode(r->params[i].mode) || !type_is_polymorphic(t)) continue;
        if (type_is_compatible_family(t) != compatible) continue;
        if (!range || type_is_range_family(t)) return true;
    }
    return false;
}

static Status
check_polymorphic(RoutineWork *w, Oid type)
{
    if (!type_is_polymorphic(type) || follows_from_inputs(w->r, type)) return QN_OK;
    bool compatible = type_is_compatible_family(type), range = type_is_range_family(type);
    Status st = BAD_DEFINITION(w, "cannot determine result data type");
    return err_detail(
        w->d->ctx, st, "A result of type %s requires at least one input of type %s.", type_info(type)->sql_name,
        range && compatible ? "anycompatiblerange or anycompatiblemultirange"
        : range             ? "anyrange or anymultirange"
        : compatible ? "anycompatible, anycompatiblearray, anycompatiblenonarray, anycompatiblerange, or anycompatiblemultirange"
                     : "anyelement, anyarray, anynonarray, anyenum, anyrange, or anymultirange");
}

static Status
read_result(RoutineWork *w)
{
    Routine *r = w->r;
    const CreateFunctionStmt *s = w->stmt;
    int32_t typmod;
    if (s->is_procedure) {
        r->fn.result = w->required != 0 ? TYPE_RECORD : TYPE_VOID;
    } else if (s->return_type != NULL) {
        TRY(resolve_type_name(&w->ps, s->return_type, &r->fn.result, &typmod));
        r->returns_set = AST_AS(TypeName, s->return_type)->setof;
        if (w->required != 0 && r->fn.result != w->required)
            return BAD_DEFINITION(w, "function result type must be %s because of OUT parameters",
                                  type_text(&w->ps, w->required));
    } else if (w->required != 0) {
        r->fn.result = w->required;
    } else {
        return BAD_DEFINITION(w, "function result type must be specified");
    }
    const TypeInfo *t = type_info(r->fn.result);
    if (strcmp(w->language, "sql") == 0 && t->category == TYPCAT_PSEUDO && r->fn.result != TYPE_VOID &&
        r->fn.result != TYPE_RECORD && !type_is_polymorphic(r->fn.result))
        return BAD_DEFINITION(w, "SQL functions cannot return type %s", t->sql_name);
    TRY(check_polymorphic(w, r->fn.result));
    for (int i = 0; i < r->nparams; i++)
        if (!is_input_mode(r->params[i].mode)) TRY(check_polymorphic(w, r->params[i].type));
    return QN_OK;
}

/* ---- options ---- */

static Status
number_option(RoutineWork *w, const DefElem *e, double *out)
{
    const A_Const *c = AST_AS(A_Const, e->arg);
    *out = c->kind == AST_CONST_INT ? (double)c->ival : strtod(c->str, NULL);
    if (*out > 0) return QN_OK;
    return RAISE(w->d->ctx, ERR_INVALID_PARAMETER_VALUE, "%s must be positive",
                 strcmp(e->name, "cost") == 0 ? "COST" : "ROWS");
}

static Status
config_option(RoutineWork *w, const VariableSetStmt *set)
{
    Ddl *d = w->d;
    const char *value;
    int kept = 0;
    for (int i = 0; i + 1 < w->config.count; i += 2) {
        if (set->kind == AST_VAR_RESET_ALL || strcmp(w->config.items[i], set->name) == 0) continue;
        w->config.items[kept++] = w->config.items[i];
        w->config.items[kept++] = w->config.items[i + 1];
    }
    w->config.count = kept;
    if (set->kind == AST_VAR_RESET_ALL || set->kind == AST_VAR_RESET || set->kind == AST_VAR_SET_DEFAULT) return QN_OK;
    if (set->kind == AST_VAR_SET_CURRENT)
        TRY(settings_show(d->s, d->arena, set->name, false, &value));
    else
        TRY(settings_text(d->s, set, &value));
    TRY(array_push(d->ctx, d->arena, &w->config, set->name));
    return array_push(d->ctx, d->arena, &w->config, value);
}

/* Options that CREATE and ALTER share. */
static Status
common_option(RoutineWork *w, const DefElem *e)
{
    Routine *r = w->r;
    const char *text = e->arg != NULL && ast_is(e->arg, StringNode) ? ast_str(e->arg) : NULL;
    if (w->stmt != NULL && w->stmt->is_procedure &&
        (strcmp(e->name, "strict") == 0 || strcmp(e->name, "volatility") == 0 || strcmp(e->name, "leakproof") == 0 ||
         strcmp(e->name, "cost") == 0 || strcmp(e->name, "rows") == 0 || strcmp(e->name, "parallel") == 0 ||
         strcmp(e->name, "support") == 0 || strcmp(e->name, "window") == 0))
        return err_position(w->d->ctx, BAD_DEFINITION(w, "invalid attribute in procedure definition"), e->loc);
    if (strcmp(e->name, "volatility") == 0) {
        r->volatility = ascii_lower(text[0]);
    } else if (strcmp(e->name, "strict") == 0) {
        r->strict = AST_AS(A_Const, e->arg)->ival != 0;
    } else if (strcmp(e->name, "security") == 0) {
        r->security_definer = AST_AS(A_Const, e->arg)->ival != 0;
    } else if (strcmp(e->name, "leakproof") == 0) {
        r->leakproof = AST_AS(A_Const, e->arg)->ival != 0;
    } else if (strcmp(e->name, "cost") == 0) {
        w->has_cost = true;
        return number_option(w, e, &r->cost);
    } else if (strcmp(e->name, "rows") == 0) {
        w->has_rows = true;
        return number_option(w, e, &r->rows);
    } else if (strcmp(e->name, "parallel") == 0) {
        r->parallel = strcmp(text, "safe") == 0 ? 's' : strcmp(text, "unsafe") == 0 ? 'u' : strcmp(text, "restricted") == 0 ? 'r' : 0;
        if (r->parallel == 0)
            return RAISE(w->d->ctx, ERR_SYNTAX_ERROR,
                         "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE");
    } else if (strcmp(e->name, "set") == 0) {
        return config_option(w, AST_AS(VariableSetStmt, e->arg));
    } else if (strcmp(e->name, "support") == 0) {
        return RAISE(w->d->ctx, ERR_FEATURE_NOT_SUPPORTED, "support functions are not supported");
    } else if (strcmp(e->name, "transform") == 0) {
        return RAISE(w->d->ctx, ERR_FEATURE_NOT_SUPPORTED, "transforms are not supported");
    } else if (strcmp(e->name, "window") == 0) {
        return RAISE(w->d->ctx, ERR_FEATURE_NOT_SUPPORTED, "window functions of users are not supported");
    }
    return QN_OK;
}

static Status
check_repeats(RoutineWork *w, const AstList *options)
{
    for (int i = 0; i < options->count; i++) {
        const DefElem *a = AST_AS(DefElem, options->items[i]);
        for (int k = 0; k < i && strcmp(a->name, "set") != 0; k++)
            if (strcmp(a->name, AST_AS(DefElem, options->items[k])->name) == 0)
                return err_position(w->d->ctx, RAISE(w->d->ctx, ERR_SYNTAX_ERROR, "conflicting or redundant options"),
                                    a->loc);
    }
    return QN_OK;
}

/* What must be known before the parameters are read. */
static Status
read_language(RoutineWork *w)
{
    const AstList *options = &w->stmt->options;
    TRY(check_repeats(w, options));
    for (int i = 0; i < options->count; i++) {
        const DefElem *e = AST_AS(DefElem, options->items[i]);
        if (strcmp(e->name, "language") == 0) w->language = ast_str(e->arg);
        if (strcmp(e->name, "as") == 0) w->as = &AST_AS(ListNode, e->arg)->items;
    }
    if (w->language == NULL && w->stmt->sql_body != NULL) w->language = "sql";
    return w->language != NULL ? QN_OK : BAD_DEFINITION(w, "no language specified");
}

/* After parameters and result: what is wrong with those is so in any language. */
static Status
find_language(RoutineWork *w)
{
    w->r->language = language_by_name(w->language);
    if (w->r->language == NULL)
        return RAISE(w->d->ctx, ERR_UNDEFINED_OBJECT, "language \"%s\" does not exist", w->language);
    return QN_OK;
}

/* RETURN and BEGIN ATOMIC come last: their text is the rest of the statement. */
static Status
atomic_text(RoutineWork *w, const Ast *body, const char **out)
{
    Ddl *d = w->d;
    int loc = ast_is(body, ListNode) ? AST_AS(ListNode, body)->loc : AST_AS(ReturnStmt, body)->loc;
    const char *from = d->sql + loc - 1, *end = from + strlen(from);
    while (end > from && (ascii_is_space(end[-1]) || end[-1] == ';')) end--;
    TRY_ALLOC(d->ctx, *out, arena_strndup(d->arena, from, (size_t)(end - from)));
    return QN_OK;
}

static Status
read_body(RoutineWork *w)
{
    Routine *r = w->r;
    const Ast *body = w->stmt->sql_body;
    if (body != NULL && w->as != NULL) return BAD_DEFINITION(w, "duplicate function body specified");
    if (body == NULL && w->as == NULL) return BAD_DEFINITION(w, "no function body specified");
    if (body == NULL) {
        if (w->as->count > 1 && strcmp(w->language, "c") != 0)
            return BAD_DEFINITION(w, "only one AS item needed for language \"%s\"", w->language);
        r->body = ast_str(w->as->items[0]);
        return QN_OK;
    }
    if (strcmp(w->language, "sql") != 0)
        return BAD_DEFINITION(w, "inline SQL function body only valid for language SQL");
    for (int i = 0; i < r->nparams; i++)
        if (is_input_mode(r->params[i].mode) && type_is_polymorphic(r->params[i].type))
            return BAD_DEFINITION(w, "SQL function with unquoted function body cannot have polymorphic arguments");
    r->is_atomic = true;
    r->path = w->d->ctx->settings->search_path;
    return atomic_text(w, body, &r->body);
}

/* ---- what it needs ---- */

typedef struct Deps {
    ARRAY(ObjDep) items;
} Deps;

static Status
add_need(Ddl *d, Deps *deps, Oid oid)
{
    if (oid < OID_FIRST_USER) return QN_OK;
    for (int i = 0; i < deps->items.count; i++)
        if (deps->items.items[i].ref == oid) return QN_OK;
    return array_push(d->ctx, d->arena, &deps->items, ((ObjDep){.ref = oid}));
}

/* The names of an unquoted body were found when it was made: what they mean may not be dropped from under it. */
static Status
add_body_needs(RoutineWork *w, Deps *deps)
{
    Ddl *d = w->d;
    Routine *r = w->r;
    AstList list;
    const char **names;
    TRY(parse_routine_body(d->ctx, d->arena, r->body, true, &list));
    TRY_ALLOC(d->ctx, names, ARENA_ARRAY(d->arena, const char *, r->fn.nargs + 1));
    for (int i = 0; i < r->fn.nargs; i++) names[i] = r->params[routine_input_param(r, i)].name;
    FuncEnv env = {.name = r->fn.name, .nparams = r->fn.nargs, .param_names = names, .param_types = r->args};
    for (int i = 0; i < list.count; i++) {
        Plan *plan;
        if (!ast_is_plannable(list.items[i]))
            return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not yet supported in unquoted SQL function body",
                         ast_command_name(list.items[i]));
        TRY(plan_body_statement(d->ctx, d->arena, r->body, list.items[i], &env, &plan));
        for (int k = 0; k < plan->ndeps; k++)
            if (!plan->deps[k].is_indirect) TRY(add_need(d, deps, plan->deps[k].oid));
    }
    return QN_OK;
}

static Status
set_needs(RoutineWork *w)
{
    Deps deps = {0};
    Routine *r = w->r;
    TRY(add_need(w->d, &deps, r->fn.result));
    for (int i = 0; i < r->nparams; i++) TRY(add_need(w->d, &deps, r->params[i].type));
    if (r->is_atomic) TRY(add_body_needs(w, &deps));
    r->deps = deps.items.items;
    r->ndeps = deps.items.count;
    return QN_OK;
}

/* ---- OR REPLACE ---- */

static const char *
kind_word(char kind)
{
    return kind == ROUTINE_PROCEDURE ? "procedure" : "function";
}

static Status
check_replaced_params(RoutineWork *w, const Routine *old)
{
    const Routine *r = w->r;
    for (int i = 0; i < r->fn.nargs; i++) {
        const RoutineParam *a = &old->params[routine_input_param(old, i)], *b = &r->params[routine_input_param(r, i)];
        if (a->name != NULL && (b->name == NULL || strcmp(a->name, b->name) != 0))
            return raise_hint_drop(w, old, BAD_DEFINITION(w, "cannot change name of input parameter \"%s\"", a->name));
    }
    for (int i = 0; i < r->fn.nargs; i++)
        if (old->params[routine_input_param(old, i)].default_sql != NULL &&
            r->params[routine_input_param(r, i)].default_sql == NULL)
            return raise_hint_drop(w, old, BAD_DEFINITION(w, "cannot remove parameter defaults from existing function"));
    return QN_OK;
}

static Status
check_replaced(RoutineWork *w, const Routine *old)
{
    Ctx *ctx = w->d->ctx;
    const Routine *r = w->r;
    if (!w->stmt->replace)
        return RAISE(ctx, ERR_DUPLICATE_FUNCTION, "%s \"%s\" already exists with same argument types", "function", r->fn.name);
    if (old->kind != r->kind)
        return err_detail(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot change routine kind"), "\"%s\" is a %s.",
                          old->fn.name, kind_word(old->kind));
    if (old->fn.result != r->fn.result || old->returns_set != r->returns_set)
        return raise_hint_drop(w, old, old->kind == ROUTINE_PROCEDURE
                                           ? BAD_DEFINITION(w, "cannot change whether a procedure has output parameters")
                                           : BAD_DEFINITION(w, "cannot change return type of existing function"));
    bool same = old->ncols == r->ncols;
    for (int i = 0; same && i < r->ncols; i++)
        same = old->col_types[i] == r->col_types[i] && strcmp(old->col_names[i], r->col_names[i]) == 0;
    if (!same)
        return raise_hint_drop(w, old,
                               err_detail(ctx, BAD_DEFINITION(w, "cannot change return type of existing function"),
                                          "Row type defined by OUT parameters is different."));
    return check_replaced_params(w, old);
}

Status
ddl_routine_target(Ddl *d, const AstList *names, Oid *schema_out, const char **name_out)
{
    const char *schema;
    TRY(split_routine_name(d, names, &schema, name_out));
    return target_schema(d, schema, schema_out);
}

Status
ddl_find_same_routine(Ddl *d, const Routine *r, const Routine **out)
{
    const Routine **list;
    int n;
    *out = NULL;
    TRY(catalog_routines(d->ctx, d->arena, r->schema_oid, r->fn.name, &list, &n));
    for (int i = 0; i < n; i++)
        if (list[i]->fn.nargs == r->fn.nargs &&
            memcmp(list[i]->args, r->args, sizeof(Oid) * (size_t)r->fn.nargs) == 0)
            *out = list[i];
    return QN_OK;
}

/* ---- CREATE ---- */

static Status
settle_numbers(RoutineWork *w)
{
    Routine *r = w->r;
    if (w->has_rows && !r->returns_set)
        return RAISE(w->d->ctx, ERR_INVALID_PARAMETER_VALUE,
                     "ROWS is not applicable when function does not return a set");
    if (!w->has_cost) r->cost = r->language->oid == OID_LANGUAGE_INTERNAL || strcmp(r->language->name, "c") == 0 ? 1 : 100;
    if (!w->has_rows) r->rows = r->returns_set ? 1000 : 0;
    return QN_OK;
}

Status
ddl_run_create_routine(Ddl *d, const CreateFunctionStmt *s)
{
    Ctx *ctx = d->ctx;
    RoutineWork w = {.d = d, .ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql}, .stmt = s};
    const Routine *old;
    TRY_ALLOC(ctx, w.r, ARENA_NEW(d->arena, Routine));
    Routine *r = w.r;
    r->kind = s->is_procedure ? ROUTINE_PROCEDURE : ROUTINE_FUNCTION;
    r->volatility = 'v';
    r->parallel = 'u';
    TRY(ddl_routine_target(d, &s->name, &r->schema_oid, &r->fn.name));
    TRY(read_language(&w));
    for (int i = 0; i < s->options.count; i++) TRY(common_option(&w, AST_AS(DefElem, s->options.items[i])));
    r->config = w.config.items;
    r->nconfig = w.config.count;
    TRY(read_params(&w));
    TRY(read_result(&w));
    TRY(find_language(&w));
    TRY(read_body(&w));
    TRY(settle_numbers(&w));
    TRY(routine_finish(ctx, d->arena, r));
    TRY(ddl_lock_name(ctx, r->schema_oid, r->fn.name));
    TRY(ddl_find_same_routine(d, r, &old));
    if (old != NULL) {
        TRY(check_replaced(&w, old));
        r->fn.oid = old->fn.oid;
        r->comment = old->comment;
    } else {
        TRY(ddl_new_oid(ctx, &r->fn.oid));
    }
    /* There while its body is looked at: it may call itself. */
    TRY(ddl_put_routine(ctx, r));
    TRY(set_needs(&w));
    if (r->ndeps > 0) TRY(ddl_put_routine(ctx, r));
    if (!ctx->settings->check_function_bodies && r->language->is_inlined) return QN_OK;
    return r->language->validate != NULL ? r->language->validate(ctx, r) : QN_OK;
}

/* ---- finding one by name and arguments ---- */

static const char *
object_kind_word(AstObjectKind kind)
{
    return kind == AST_OBJECT_PROCEDURE ? "procedure" : kind == AST_OBJECT_ROUTINE ? "routine"
           : kind == AST_OBJECT_AGGREGATE ? "aggregate" : "function";
}

Status
ddl_named_type(Ddl *d, const Ast *name, bool missing_ok, Oid *out, bool *gone_out)
{
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    int32_t typmod;
    *gone_out = false;
    Status st = resolve_type_name(&ps, name, out, &typmod);
    if (st == QN_OK || !missing_ok || (st != ERR_UNDEFINED_OBJECT && st != ERR_INVALID_SCHEMA_NAME)) return st;
    ctx_notice(d->ctx, "NOTICE", QN_OK, "%s, skipping", d->ctx->err.message);
    err_clear(&d->ctx->err);
    *gone_out = true;
    return QN_OK;
}

static Status
argument_types(Ddl *d, const ObjectWithArgs *o, bool missing_ok, Oid *types, int *n_out, bool *gone_out)
{
    *gone_out = false;
    *n_out = 0;
    for (int i = 0; i < o->args.count; i++) {
        TRY(ddl_named_type(d, o->args.items[i], missing_ok, &types[i], gone_out));
        if (*gone_out) return QN_OK;
    }
    *n_out = o->args.count;
    return QN_OK;
}

static Status
wrong_kind(Ddl *d, const char *sig, AstObjectKind kind)
{
    return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, kind == AST_OBJECT_AGGREGATE ? "function %s is not an aggregate" : "%s is not a %s",
                 sig, object_kind_word(kind));
}

static Status
routine_text(Ddl *d, const ObjectWithArgs *o, const Oid *types, int n, const char **out)
{
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    StrBuf b = strbuf_new(d->arena);
    char *text;
    for (int i = 0; i < o->name.count; i++) strbuf_addf(&b, "%s%s", i > 0 ? "." : "", ast_str(o->name.items[i]));
    if (n >= 0) {
        strbuf_addc(&b, '(');
        for (int i = 0; i < n; i++) strbuf_addf(&b, "%s%s", i > 0 ? ", " : "", type_text(&ps, types[i]));
        if (n == 0 && o->params.count > 0) strbuf_addc(&b, '*');
        strbuf_addc(&b, ')');
    }
    TRY(strbuf_finish(d->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static bool
kind_fits(const Routine *r, AstObjectKind kind)
{
    if ((kind == AST_OBJECT_AGGREGATE) != (r->kind == ROUTINE_AGGREGATE)) return kind == AST_OBJECT_ROUTINE;
    return kind == AST_OBJECT_AGGREGATE || kind == AST_OBJECT_ROUTINE || (kind == AST_OBJECT_PROCEDURE) == (r->kind == ROUTINE_PROCEDURE);
}

/* The built-in function or aggregate of the name and types (n -1: any), which cannot be changed; 0: none. */
static Oid
builtin_routine(const char *schema, const char *name, const Oid *types, int n)
{
    int count;
    if (schema != NULL && strcmp(schema, "pg_catalog") != 0) return INVALID_OID;
    const Function *const *fns = fn_by_name(name, &count);
    for (int i = 0; i < count; i++)
        if (n < 0 || (fns[i]->nargs == n && memcmp(fns[i]->args, types, sizeof(Oid) * (size_t)n) == 0)) return fns[i]->oid;
    const Aggregate *const *aggs = agg_by_name(name, &count);
    for (int i = 0; aggs != NULL && i < count; i++)
        if (n < 0 || (aggs[i]->nargs == n && memcmp(aggs[i]->args, types, sizeof(Oid) * (size_t)n) == 0)) return aggs[i]->oid;
    return INVALID_OID;
}

/* The schemas a name is looked for in; *n_out 0: the one named is not there. */
static Status
name_path(Ddl *d, const char *schema, Oid **path_out, int *n_out)
{
    if (schema == NULL) return catalog_search_path(d->ctx, d->arena, false, path_out, n_out);
    TRY_ALLOC(d->ctx, *path_out, ARENA_ARRAY(d->arena, Oid, 1));
    (*path_out)[0] = catalog_schema_oid(d->ctx, schema);
    *n_out = (*path_out)[0] != INVALID_OID;
    return QN_OK;
}

/* By name alone, of the kind asked for; the first schema of the path that has any counts. */
static Status
find_by_name(Ddl *d, const ObjectWithArgs *o, AstObjectKind kind, const Oid *path, int npath, const char *name,
             const Routine **out)
{
    const char *text;
    int matches = 0;
    *out = NULL;
    for (int i = 0; i < npath && matches == 0; i++) {
        const Routine **list;
        int n;
        TRY(catalog_routines(d->ctx, d->arena, path[i], name, &list, &n));
        for (int k = 0; k < n; k++) {
            if (!kind_fits(list[k], kind)) continue;
            matches++;
            *out = list[k];
        }
    }
    if (matches <= 1) return QN_OK;
    TRY(routine_text(d, o, NULL, -1, &text));
    Status st = RAISE(d->ctx, ERR_AMBIGUOUS_FUNCTION, "%s name \"%s\" is not unique", object_kind_word(kind), text);
    return err_hint(d->ctx, st, "Specify the argument list to select the %s unambiguously.", object_kind_word(kind));
}

/* The procedure whose parameters, OUT ones included, are these. */
static Status
find_by_params(Ddl *d, const Oid *path, int npath, const char *name, const Oid *types, int n, const Routine **out)
{
    for (int i = 0; i < npath; i++) {
        const Routine **list;
        int count;
        TRY(catalog_routines(d->ctx, d->arena, path[i], name, &list, &count));
        for (int k = 0; k < count; k++) {
            bool same = list[k]->kind == ROUTINE_PROCEDURE && list[k]->nparams == n;
            for (int p = 0; same && p < n; p++) same = list[k]->params[p].type == types[p];
            if (!same) continue;
            *out = list[k];
            return QN_OK;
        }
    }
    return QN_OK;
}

static Status
find_by_types(Ddl *d, const Oid *path, int npath, const char *name, const Oid *types, int n, const Routine **out)
{
    *out = NULL;
    for (int i = 0; i < npath && *out == NULL; i++) {
        const Routine **list;
        int count;
        TRY(catalog_routines(d->ctx, d->arena, path[i], name, &list, &count));
        for (int k = 0; k < count; k++)
            if (list[k]->fn.nargs == n && memcmp(list[k]->args, types, sizeof(Oid) * (size_t)n) == 0) *out = list[k];
    }
    return QN_OK;
}

/* Whether it says which of its arguments are IN or OUT. */
static bool
names_modes(const ObjectWithArgs *o)
{
    for (int i = 0; i < o->params.count; i++)
        if (ast_is(o->params.items[i], FunctionParameter) &&
            AST_AS(FunctionParameter, o->params.items[i])->mode != AST_PARAM_DEFAULT)
            return true;
    return false;
}

/* builtin_out NULL: built-in ones are an error. */
static Status
find_routine(Ddl *d, const ObjectWithArgs *o, AstObjectKind kind, bool missing_ok, const Routine **out, Oid *builtin_out)
{
    Ctx *ctx = d->ctx;
    const char *schema, *name, *text;
    Oid *types, *path;
    int n = -1, npath;
    bool gone;
    *out = NULL;
    TRY(split_routine_name(d, &o->name, &schema, &name));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(d->arena, Oid, o->args.count + 1));
    TRY(name_path(d, schema, &path, &npath));
    if (schema != NULL && npath == 0) {
        if (!missing_ok) return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
        ctx_notice(ctx, "NOTICE", QN_OK, "schema \"%s\" does not exist, skipping", schema);
        return QN_OK;
    }
    if (o->args_unspecified) {
        TRY(find_by_name(d, o, kind, path, npath, name, out));
    } else {
        TRY(argument_types(d, o, missing_ok, types, &n, &gone));
        if (gone) return QN_OK;
        TRY(find_by_types(d, path, npath, name, types, n, out));
        const Routine *other = NULL;
        if ((kind == AST_OBJECT_PROCEDURE || kind == AST_OBJECT_ROUTINE) && !names_modes(o))
            TRY(find_by_params(d, path, npath, name, types, n, &other));
        if (*out != NULL && other != NULL && other->fn.oid != (*out)->fn.oid) {
            TRY(routine_text(d, o, NULL, -1, &text));
            return RAISE(ctx, ERR_AMBIGUOUS_FUNCTION, "%s name \"%s\" is not unique", object_kind_word(kind), text);
        }
        if (*out == NULL) *out = other;
    }
    TRY(routine_text(d, o, types, n, &text));
    if (*out != NULL) return kind_fits(*out, kind) ? QN_OK : wrong_kind(d, text, kind);
    Oid builtin = builtin_routine(schema, name, types, n);
    if (builtin != INVALID_OID && builtin_out != NULL) {
        *builtin_out = builtin;
        return QN_OK;
    }
    if (n >= 0 && builtin != INVALID_OID)
        return RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST,
                     "cannot drop function %s because it is required by the database system", text);
    if (missing_ok) {
        ctx_notice(ctx, "NOTICE", QN_OK, "%s %s%s does not exist, skipping", object_kind_word(kind), text, n < 0 ? "()" : "");
        return QN_OK;
    }
    return n < 0 ? RAISE(ctx, ERR_UNDEFINED_FUNCTION, "could not find a %s named \"%s\"", object_kind_word(kind), text)
                 : RAISE(ctx, ERR_UNDEFINED_FUNCTION, "%s %s does not exist",
                         kind == AST_OBJECT_ROUTINE ? "routine" : object_kind_word(kind), text);
}

Status
ddl_find_routine(Ddl *d, const ObjectWithArgs *o, AstObjectKind kind, bool missing_ok, const Routine **out)
{
    return find_routine(d, o, kind, missing_ok, out, NULL);
}

Status
ddl_find_any_routine(Ddl *d, const ObjectWithArgs *o, AstObjectKind kind, const Routine **out, Oid *builtin_out)
{
    *builtin_out = INVALID_OID;
    return find_routine(d, o, kind, false, out, builtin_out);
}

Status
ddl_drop_routines(Ddl *d, const DropStmt *s)
{
    DropTarget *targets;
    int n = 0;
    TRY_ALLOC(d->ctx, targets, ARENA_ARRAY(d->arena, DropTarget, s->objects.count));
    for (int i = 0; i < s->objects.count; i++) {
        const Routine *r;
        TRY(ddl_find_routine(d, AST_AS(ObjectWithArgs, s->objects.items[i]), s->kind, s->missing_ok, &r));
        if (r != NULL) targets[n++] = (DropTarget){.kind = OBJ_ROUTINE, .oid = r->fn.oid};
    }
    return n > 0 ? ddl_drop(d->ctx, targets, n, s->behavior == AST_DROP_CASCADE) : QN_OK;
}

/* ---- ALTER ---- */

static Status
edit_routine(Ddl *d, const Routine *found, Routine **out)
{
    const Routine *r;
    TRY(ddl_lock_name(d->ctx, found->schema_oid, found->fn.name));
    TRY(catalog_routine(d->ctx, d->arena, found->fn.oid, &r));
    if (r == NULL) return RAISE_INTERNAL(d->ctx, "routine %u is gone", found->fn.oid);
    *out = (Routine *)r; /* ours: it was unpacked for this statement */
    return QN_OK;
}

Status
ddl_run_alter_routine(Ddl *d, const AlterFunctionStmt *s)
{
    RoutineWork w = {.d = d, .ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql}};
    CreateFunctionStmt as_procedure = {.is_procedure = true};
    const Routine *found;
    TRY(ddl_find_routine(d, AST_AS(ObjectWithArgs, s->func), s->kind, false, &found));
    TRY(edit_routine(d, found, &w.r));
    if (found->kind == ROUTINE_PROCEDURE) w.stmt = &as_procedure;
    TRY(check_repeats(&w, &s->actions));
    for (int i = 0; i < w.r->nconfig; i++) TRY(array_push(d->ctx, d->arena, &w.config, w.r->config[i]));
    for (int i = 0; i < s->actions.count; i++) TRY(common_option(&w, AST_AS(DefElem, s->actions.items[i])));
    if (w.has_rows && !w.r->returns_set)
        return RAISE(d->ctx, ERR_INVALID_PARAMETER_VALUE, "ROWS is not applicable when function does not return a set");
    w.r->config = w.config.items;
    w.r->nconfig = w.config.count;
    return ddl_put_routine(d->ctx, w.r);
}

/* Under its new name or in its new schema there must be none like it. */
static Status
move_routine(Ddl *d, Routine *r)
{
    const Routine *other;
    const char *sig, *schema = catalog_schema_name(d->ctx, r->schema_oid);
    TRY(ddl_lock_name(d->ctx, r->schema_oid, r->fn.name));
    TRY(ddl_find_same_routine(d, r, &other));
    if (other != NULL) {
        PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
        TRY(function_signature(&ps, r->fn.name, r->args, r->fn.nargs, &sig));
        return RAISE(d->ctx, ERR_DUPLICATE_FUNCTION, "function %s already exists in schema \"%s\"", sig, schema);
    }
    return ddl_put_routine(d->ctx, r);
}

Status
ddl_rename_routine(Ddl *d, const RenameStmt *s)
{
    const Routine *found;
    Routine *r;
    TRY(ddl_find_routine(d, AST_AS(ObjectWithArgs, s->object), s->kind, s->missing_ok, &found));
    if (found == NULL) return QN_OK;
    TRY(edit_routine(d, found, &r));
    r->fn.name = s->newname;
    return move_routine(d, r);
}

Status
ddl_routine_schema(Ddl *d, const AlterObjectSchemaStmt *s)
{
    const Routine *found;
    Routine *r;
    Oid schema;
    TRY(ddl_find_routine(d, AST_AS(ObjectWithArgs, s->object), s->kind, s->missing_ok, &found));
    if (found == NULL) return QN_OK;
    TRY(target_schema(d, s->new_schema, &schema));
    TRY(edit_routine(d, found, &r));
    if (r->schema_oid == schema) return QN_OK;
    r->schema_oid = schema;
    return move_routine(d, r);
}

/* ---- CALL ---- */

Status
ddl_describe_call(Stmt *stmt, const CallStmt *c)
{
    Ctx *ctx = &stmt->s->ctx;
    const Routine *r;
    Plan *plan;
    RelPins pins = {0}, *before = catalog_pins_use(ctx, &pins);
    Status st = plan_call(ctx, stmt->plan_arena, stmt->sql, c->func, stmt->env, &r, &plan);
    if (st == QN_OK && r->ncols > 0) st = utility_columns(stmt, r->ncols, r->col_names, r->col_types);
    if (st != QN_OK && st != ERR_OUT_OF_MEMORY) { /* running it will say so */
        err_clear(&ctx->err);
        st = QN_OK;
    }
    catalog_pins_use(ctx, before);
    relpins_release(ctx, &pins);
    return st;
}

/* The arguments' values, in the order of the procedure's parameters. */
static Status
call_arguments(Ddl *d, Plan *plan, Value *values)
{
    Ctx *ctx = d->ctx;
    Exec *exec;
    Batch *b;
    Value *params;
    int nparams = d->stmt->env != NULL ? d->stmt->nparams : 0; /* those of the body it stands in */
    TRY_ALLOC(ctx, params, ARENA_ARRAY(d->arena, Value, nparams + 1));
    for (int i = 0; i < nparams; i++) params[i] = d->stmt->params[i].value;
    TRY(exec_build(ctx, d->arena, plan, 0, &exec));
    Status st = exec_start(exec, params, nparams);
    if (st == QN_OK) st = exec_fetch(exec, &b);
    for (int i = 0; st == QN_OK && i < plan->ncols; i++) {
        Value v = vec_get(b->cols[i], batch_row(b, 0));
        st = value_copy(ctx, d->arena, &v, &values[i]);
    }
    exec_destroy(exec);
    return st;
}

Status
ddl_check_call(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    const Routine *r;
    Plan *plan;
    if (!ast_is(stmt->ast, CallStmt)) return QN_OK;
    TRY(plan_call(ctx, ctx->stmt_arena, stmt->sql, AST_AS(CallStmt, stmt->ast)->func, stmt->env, &r, &plan));
    return r->ncols == 0 ? QN_OK
                         : RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "calling procedures with output arguments is not supported in SQL functions");
}

Status
ddl_run_call(Ddl *d, const CallStmt *c)
{
    Ctx *ctx = d->ctx;
    const Routine *r;
    Plan *plan;
    Value *given, *inputs, row;
    int n = 0;
    TRY(plan_call(ctx, d->arena, d->sql, c->func, d->stmt->env, &r, &plan));
    TRY_ALLOC(ctx, given, ARENA_ARRAY(d->arena, Value, plan->ncols + 1));
    TRY_ALLOC(ctx, inputs, ARENA_ARRAY(d->arena, Value, plan->ncols + 1));
    TRY(call_arguments(d, plan, given));
    for (int i = 0; i < r->nparams && i < plan->ncols; i++)
        if (is_input_mode(r->params[i].mode)) inputs[n++] = given[i];
    TRY(sqlfunc_call(d->s, r, d->arena, inputs, &row));
    if (r->ncols == 0) return QN_OK;
    if (d->stmt->result.ncols != r->ncols) TRY(utility_columns(d->stmt, r->ncols, r->col_names, r->col_types));
    Value *fields;
    TRY_ALLOC(ctx, fields, ARENA_ARRAY(d->arena, Value, r->ncols));
    for (int i = 0; i < r->ncols; i++) fields[i] = row.is_null ? value_null(r->col_types[i]) : record_field(&row.str, i);
    return utility_emit_values(d->stmt, fields);
}
