/* bind_routine.c - users' functions: the arguments of a call, bodies put in place of calls, and what a body's statements may
 * name and must give. */
#include "planner/bind_priv.h"
#include "common/settings.h"
#include "parser/parse.h"
#include "planner/planner.h"
#include "planner/rewrite.h"
#include "types/record.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- the arguments of a call ---- */

/* Inputs left out get their defaults; every argument goes to its place. types are the declared ones, in place. */
static Status
place_arguments(Scope *s, const FuncMatch *m, Expr ***args, Oid **types, int *nargs)
{
    const Routine *r = m->routine;
    int n = *nargs, total = n + m->ndefaults;
    Expr **placed;
    Oid *declared;
    TRY_ALLOC(s->ctx, placed, ARENA_ARRAY(s->ps->arena, Expr *, total + 1));
    TRY_ALLOC(s->ctx, declared, ARENA_ARRAY(s->ps->arena, Oid, total + 1));
    for (int i = 0; i < n; i++) {
        int at = m->numbers != NULL ? m->numbers[i] : i;
        placed[at] = (*args)[i];
        declared[at] = m->declared[i];
    }
    for (int i = 0; i < total && m->ndefaults > 0; i++) {
        if (placed[i] != NULL) continue;
        const RoutineParam *p = &r->params[s->ps->in_call ? i : routine_input_param(r, i)];
        bool in_call = s->ps->in_call;
        s->ps->in_call = false;
        TRY(bind_stored(s, p->default_sql, NULL, CLAUSE_NONE, &placed[i]));
        s->ps->in_call = in_call;
        if (!type_is_polymorphic(p->type)) TRY(coerce_type(s->ps, placed[i], p->type, -1, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, &placed[i]));
        declared[i] = p->type;
    }
    *args = placed;
    *types = declared;
    *nargs = total;
    return QN_OK;
}

/* One copy a statement of each function as it is called, so that equal calls are equal. */
static Status
intern_routine(Scope *s, const Routine *r, const Routine **out)
{
    PlanState *ps = s->ps;
    for (int i = 0; i < ps->routines.count; i++) {
        const Routine *known = ps->routines.items[i];
        if (known->fn.oid == r->fn.oid && known->fn.result == r->fn.result &&
            memcmp(known->args, r->args, sizeof(Oid) * (size_t)r->fn.nargs) == 0) {
            *out = known;
            return QN_OK;
        }
    }
    *out = r;
    return array_push(s->ctx, ps->arena, &ps->routines, r);
}

/* actual and declared run in parallel, polymorphic ones still in declared. */
static Status
settle_types(Scope *s, FuncMatch *m, const Oid *actual, Oid *declared, int n)
{
    const Routine *r = m->routine;
    bool polymorphic = type_is_polymorphic(r->fn.result);
    Oid *cols, *scratch, *inputs;
    for (int i = 0; i < n; i++) polymorphic |= type_is_polymorphic(declared[i]);
    for (int i = 0; i < r->ncols; i++) polymorphic |= type_is_polymorphic(r->col_types[i]);
    m->result = r->fn.result;
    if (!polymorphic) return QN_OK;
    TRY_ALLOC(s->ctx, cols, ARENA_ARRAY(s->ps->arena, Oid, r->ncols + 1));
    TRY_ALLOC(s->ctx, scratch, ARENA_ARRAY(s->ps->arena, Oid, n + 1));
    for (int i = 0; i < r->ncols; i++) {
        memcpy(scratch, declared, sizeof(Oid) * (size_t)n);
        TRY(resolve_polymorphic(s->ps, actual, scratch, n, r->col_types[i], &cols[i]));
    }
    TRY(resolve_polymorphic(s->ps, actual, declared, n, r->fn.result, &m->result));
    /* What the body sees: the variadic ones as an array. */
    TRY_ALLOC(s->ctx, inputs, ARENA_ARRAY(s->ps->arena, Oid, r->fn.nargs + 1));
    for (int i = 0; i < r->fn.nargs; i++) inputs[i] = i < n ? declared[i] : r->args[i];
    if (m->nvariadic > 0) {
        const TypeInfo *t = type_info(declared[n - 1]);
        m->variadic_elem = declared[n - 1];
        inputs[r->fn.nargs - 1] = t != NULL ? t->array_oid : 0;
    }
    return routine_specialise(s->ctx, s->ps->arena, r, inputs, cols, m->result, &m->routine);
}

Status
routine_for_types(Scope *s, Oid oid, const Oid *actual, int n, const Function **out)
{
    FuncMatch m = {.kind = FUNC_NORMAL};
    Oid *declared;
    *out = fn_by_oid(oid);
    if (oid < OID_FIRST_USER) return QN_OK;
    TRY(catalog_routine(s->ctx, s->ps->arena, oid, &m.routine));
    if (m.routine == NULL || m.routine->fn.nargs != n)
        return RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "function with OID %u does not exist", oid);
    TRY(add_object_dep(s, oid, m.routine->version, 0));
    TRY_ALLOC(s->ctx, declared, ARENA_ARRAY(s->ps->arena, Oid, n + 1));
    for (int i = 0; i < n; i++) declared[i] = m.routine->args[i];
    TRY(settle_types(s, &m, actual, declared, n));
    TRY(intern_routine(s, m.routine, &m.routine));
    *out = &m.routine->fn;
    return QN_OK;
}

Status
plan_routine(PlanState *ps, Oid user, Oid fn, const Oid *types, int n, const Function **out)
{
    Binder b = {.ctx = ps->ctx, .ps = ps};
    Scope *s;
    TRY(scope_new(&b, NULL, &s));
    if (user >= OID_FIRST_USER) TRY(plan_needs_type(ps, user, catalog_relation_version(ps->ctx, user)));
    return routine_for_types(s, fn, types, n, out);
}

Status
routine_arguments(Scope *s, FuncMatch *m, Expr ***args, int *nargs)
{
    Oid *actual, *declared;
    TRY(add_object_dep(s, m->routine->fn.oid, m->routine->version, 0));
    TRY(place_arguments(s, m, args, &declared, nargs));
    TRY_ALLOC(s->ctx, actual, ARENA_ARRAY(s->ps->arena, Oid, *nargs + 1));
    for (int i = 0; i < *nargs; i++) actual[i] = (*args)[i]->type;
    TRY(settle_types(s, m, actual, declared, *nargs));
    TRY(intern_routine(s, m->routine, &m->routine));
    m->fn = &m->routine->fn;
    TRY(coerce_arguments(s->ps, *args, *nargs, declared));
    return gather_variadic(s, m, *args, nargs);
}

/* ---- rows ---- */

/* The function an expression calls, NULL if it is no call. */
static const Function *
called_function(const Expr *e)
{
    return e->tag == EXPR_SetFunc ? ((const SetFuncExpr *)e)->fn : e->tag == EXPR_Func ? ((const FuncExpr *)e)->fn : NULL;
}

static Status
shape_of(PlanState *ps, int n, const char *const *names, const Oid *types, TypeShape *out)
{
    *out = (TypeShape){.n = n};
    TRY_ALLOC(ps->ctx, out->names, arena_memdup(ps->arena, names, sizeof(char *) * (size_t)n));
    TRY_ALLOC(ps->ctx, out->types, arena_memdup(ps->arena, types, sizeof(Oid) * (size_t)n));
    TRY_ALLOC(ps->ctx, out->typmods, ARENA_ARRAY(ps->arena, int32_t, n));
    for (int i = 0; i < n; i++) out->typmods[i] = -1;
    return QN_OK;
}

static Status
row_expr_shape(PlanState *ps, const RowExpr *r, TypeShape *out)
{
    int n = r->fields.count;
    TRY_ALLOC(ps->ctx, out->names, ARENA_ARRAY(ps->arena, const char *, n + 1));
    TRY_ALLOC(ps->ctx, out->types, ARENA_ARRAY(ps->arena, Oid, n + 1));
    TRY_ALLOC(ps->ctx, out->typmods, ARENA_ARRAY(ps->arena, int32_t, n + 1));
    for (int i = 0; i < n; i++) {
        out->types[i] = r->fields.items[i]->type;
        out->typmods[i] = r->fields.items[i]->typmod;
        if (r->names != NULL) out->names[i] = r->names[i];
        else TRY_ALLOC(ps->ctx, out->names[i], arena_printf(ps->arena, "f%d", i + 1));
    }
    out->n = n;
    return QN_OK;
}

Status
expr_shape(PlanState *ps, const Expr *e, TypeShape *out)
{
    const Function *fn = called_function(e);
    const Routine *r = routine_of(fn);
    const SetFunction *set = fn != NULL && r == NULL && e->tag == EXPR_SetFunc ? fn_set(fn) : NULL;
    *out = (TypeShape){0};
    while (e->tag == EXPR_ColumnRef && e->type == TYPE_RECORD) { /* what a derived table made it of */
        const Expr *made = rel_column_expr(ps, ((const ColumnRefExpr *)e)->rel, ((const ColumnRefExpr *)e)->col);
        if (made == NULL) return QN_OK;
        if (made->tag != EXPR_ColumnRef) return expr_shape(ps, made, out);
        e = made;
    }
    if (e->tag == EXPR_Row && e->type == TYPE_RECORD) return row_expr_shape(ps, (const RowExpr *)e, out);
    if (r != NULL && r->ncols > 0 && r->col_fields == NULL) return shape_of(ps, r->ncols, r->col_names, r->col_types, out);
    if (set != NULL && set->ncols > 1 && set->col_names != NULL && set->col_types != NULL)
        return shape_of(ps, set->ncols, set->col_names, set->col_types, out);
    if (e->type == TYPE_RECORD || !type_is_row(e->type)) return QN_OK;
    TRY(record_shape(ps->ctx, ps->arena, type_base(e->type), out));
    Oid rel = catalog_type_relation(ps->ctx, type_base(e->type));
    return rel != INVALID_OID ? plan_needs_type(ps, rel, catalog_relation_version(ps->ctx, rel)) : QN_OK;
}

/* ---- what a body may name ---- */

Status
bind_env_param(Scope *s, int number, int loc, Expr **out)
{
    const FuncEnv *env = s->ps->env;
    ParamExpr *e;
    if (number > env->nparams)
        return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_PARAMETER, "there is no parameter $%d", number), loc);
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, Param, env->param_types[number - 1], -1, loc));
    e->kind = PARAM_EXTERN;
    e->id = number;
    *out = (Expr *)e;
    return QN_OK;
}

static Status
find_env_name(Scope *s, const char *name, int loc, Expr **out)
{
    const FuncEnv *env = s->ps->env;
    *out = NULL;
    for (int i = 0; i < env->nparams; i++)
        if (env->param_names[i] != NULL && strcmp(env->param_names[i], name) == 0) return bind_env_param(s, i + 1, loc, out);
    return QN_OK;
}

Status
bind_env_name(Scope *s, const ColumnRef *c, Expr **out)
{
    const FuncEnv *env = s->ps->env;
    int n = c->fields.count;
    const char *name = ast_str(c->fields.items[n - 1]);
    *out = NULL;
    if (n > 3) return QN_OK;
    bool named = n >= 2 && env->name != NULL && strcmp(ast_str(c->fields.items[0]), env->name) == 0;
    if (n < 3 && (n == 1 || named)) TRY(find_env_name(s, name, c->loc, out));
    if (*out != NULL || n == 1 || (n == 3 && !named)) return QN_OK;
    /* A field of a parameter: p.f or f.p.f */
    Expr *row;
    TRY(find_env_name(s, ast_str(c->fields.items[n - 2]), c->loc, &row));
    return row != NULL ? bind_field(s, row, name, c->loc, out) : QN_OK;
}

/* ---- what a body must give ---- */

static Status
raise_result(PlanState *ps, const char *detail, ...) __attribute__((format(printf, 2, 3)));

static Status
raise_result(PlanState *ps, const char *detail, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, detail);
    vsnprintf(text, sizeof(text), detail, ap);
    va_end(ap);
    Status st = RAISE(ps->ctx, ERR_INVALID_FUNCTION_DEFINITION, "return type mismatch in function declared to return %s",
                      type_text(ps, ps->env->result));
    return err_detail(ps->ctx, st, "%s", text);
}

/* Output i as a value of the type. of_row: it is a column of several. */
static Status
coerce_result(PlanState *ps, Query *q, int i, Oid type, int32_t typmod, bool of_row)
{
    Expr *e = q->out.items[i], *to;
    LModify *m = q->root->tag == LOGICAL_Modify ? (LModify *)q->root : NULL;
    TRY(coerce_to_target(ps, e, type, typmod, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, &to));
    if (to == NULL && of_row)
        return raise_result(ps, "Final statement returns %s instead of %s at column %d.", type_text(ps, e->type),
                            type_text(ps, type), i + 1);
    if (to == NULL) return raise_result(ps, "Actual return type is %s.", type_text(ps, e->type));
    q->out.items[i] = to;
    if (m != NULL) m->returning.items[i] = to;
    return QN_OK;
}

Status
bind_body_result(PlanState *ps, Query *q, const Ast *stmt)
{
    const FuncEnv *env = ps->env;
    if (!env->is_result || env->result == TYPE_VOID) return QN_OK;
    if (!ast_is(stmt, SelectStmt) && q->out.count == 0)
        return raise_result(ps, "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.");
    if (env->ncols == 0 && env->result == TYPE_RECORD) return QN_OK;
    if (env->ncols == 0) {
        if (q->out.count != 1) return raise_result(ps, "Final statement must return exactly one column.");
        return coerce_result(ps, q, 0, env->result, -1, false);
    }
    if (q->out.count == 1 && env->result == TYPE_RECORD && env->ncols > 1 && type_is_row(q->out.items[0]->type))
        return QN_OK; /* the whole row, whose fields are looked at when it comes */
    if (q->out.count == 1 && env->result != TYPE_RECORD && type_is_row(env->result) &&
        (type_base(q->out.items[0]->type) == type_base(env->result) || q->out.items[0]->tag == EXPR_Row))
        return coerce_result(ps, q, 0, env->result, -1, false); /* the whole row as one value */
    if (q->out.count < env->ncols) return raise_result(ps, "Final statement returns too few columns.");
    if (q->out.count > env->ncols) return raise_result(ps, "Final statement returns too many columns.");
    for (int i = 0; i < env->ncols; i++) TRY(coerce_result(ps, q, i, env->col_types[i], env->col_typmods != NULL ? env->col_typmods[i] : -1, true));
    return QN_OK;
}

Status
plan_body_statement(Ctx *ctx, Arena *arena, const char *sql, const Ast *stmt, const FuncEnv *env, Plan **out)
{
    PlanState *ps;
    Query *q;
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    ps->env = env;
    ps->nparams = env->nparams;
    TRY_ALLOC(ctx, ps->param_types, arena_memdup(arena, env->param_types, sizeof(Oid) * (size_t)(env->nparams + 1)));
    TRY(bind_statement(ps, stmt, &q));
    TRY(bind_body_result(ps, q, stmt));
    TRY(passes_run(ps, q));
    return physical_plan(ps, q, out);
}

/* ---- bodies in place of calls ---- */

typedef struct Inlining { /* a body at work */
    Scope *s, *root;
    FuncEnv env;
    const FuncEnv *saved_env;
    const struct Settings *saved_settings;
} Inlining;

static bool
is_inlining(const PlanState *ps, Oid oid)
{
    for (int i = 0; i < ps->inlining.count; i++)
        if (ps->inlining.items[i] == oid) return true;
    return false;
}

/* The only statement of the body if it is a SELECT, else NULL. */
static Status
parse_only_select(Scope *s, const Routine *r, const SelectStmt **out)
{
    AstList list;
    *out = NULL;
    TRY(parse_routine_body(s->ctx, s->ps->arena, r->body, r->is_atomic, &list));
    if (list.count != 1 || !ast_is(list.items[0], SelectStmt)) return QN_OK;
    const SelectStmt *q = AST_AS(SelectStmt, list.items[0]);
    if (q->with == NULL && q->into == NULL && q->locking.count == 0) *out = q;
    return QN_OK;
}

static Status
inlining_begin(Scope *s, const Routine *r, Inlining *in)
{
    Ctx *ctx = s->ctx;
    PlanState *ps = s->ps;
    const char **names;
    *in = (Inlining){.s = s, .saved_env = ps->env, .saved_settings = ctx->settings};
    TRY_ALLOC(ctx, names, ARENA_ARRAY(ps->arena, const char *, r->fn.nargs + 1));
    for (int i = 0; i < r->fn.nargs; i++) names[i] = r->params[routine_input_param(r, i)].name;
    in->env = (FuncEnv){.name = r->fn.name, .nparams = r->fn.nargs, .param_names = names, .param_types = r->args,
                        .is_result = true, .result = r->fn.result, .ncols = r->ncols, .col_types = r->col_types,
                       .col_typmods = r->col_typmods};
    TRY(scope_new(s->b, NULL, &in->root));
    in->root->level = s->level; /* what the body makes lies deeper than any scope in sight here */
    TRY(array_push(ctx, ps->arena, &ps->inlining, r->fn.oid));
    if (r->is_atomic && r->path != NULL && ctx->settings != NULL) {
        struct Settings *settings;
        TRY_ALLOC(ctx, settings, arena_memdup(ps->arena, ctx->settings, sizeof(struct Settings)));
        settings->search_path = r->path;
        ctx->settings = settings;
    }
    ps->env = &in->env;
    return QN_OK;
}

static Status
inlining_end(Inlining *in, const Routine *r, Status st)
{
    Ctx *ctx = in->s->ctx;
    in->s->ps->env = in->saved_env;
    in->s->ps->inlining.count--;
    ctx->settings = in->saved_settings;
    if (st == QN_OK) return QN_OK;
    ctx->err.position = 0; /* it is not in the user's text */
    return err_context(ctx, st, "SQL function \"%s\" during inlining", r->fn.name);
}

/* What a body does with its parameters, and what it is made of. */
typedef struct BodyUse {
    int *uses; /* by parameter */
    bool is_strict;
    bool has_stable, has_volatile;
} BodyUse;

static Status
note_use(Ctx *ctx, Expr **slot, void *arg)
{
    BodyUse *u = arg;
    Expr *e = *slot;
    switch (e->tag) {
    case EXPR_Param: u->uses[((ParamExpr *)e)->id - 1]++; return QN_OK;
    case EXPR_Const:
    case EXPR_Relabel:
    case EXPR_CoerceIO: break;
    case EXPR_Func: {
        uint32_t flags = ((FuncExpr *)e)->fn->flags;
        if ((flags & FN_STRICT) == 0) u->is_strict = false;
        if ((flags & (FN_STABLE | FN_IMMUTABLE)) == 0) u->has_volatile = true;
        if ((flags & FN_STABLE) != 0) u->has_stable = true;
        break;
    }
    default: u->is_strict = false; break;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, e, note_use, arg);
}

typedef struct Substitution {
    PlanState *ps;
    Expr **args;
} Substitution;

/* Parameters of the body become the arguments; what comes in is not looked at again. */
static Status
substitute(Ctx *ctx, Expr **slot, void *arg)
{
    Substitution *sub = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_Param && ((ParamExpr *)e)->kind == PARAM_EXTERN) {
        TRY_ALLOC(ctx, *slot, expr_copy(sub->ps->arena, sub->args[((ParamExpr *)e)->id - 1]));
        return QN_OK;
    }
    if (e->tag == EXPR_Const || e->tag == EXPR_ColumnRef) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL)
        TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, substitute, arg));
    return expr_children(ctx, e, substitute, arg);
}

static Status
count_calls(Ctx *ctx, Expr **slot, void *arg)
{
    int *n = arg;
    if ((*slot)->tag != EXPR_Const && (*slot)->tag != EXPR_ColumnRef && (*slot)->tag != EXPR_Param) (*n)++;
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, count_calls, arg);
}

/* An argument that the body uses several times is computed as often: only what costs little may be. */
enum { INLINE_ARG_CALLS_MAX = 10 };

static Status
may_repeat(Ctx *ctx, Expr *arg, bool *out)
{
    bool found;
    int ncalls = 0;
    *out = false;
    TRY(expr_volatile(ctx, arg, &found));
    if (!found) TRY(expr_has_subplan(ctx, arg, &found));
    if (found) return QN_OK;
    TRY(count_calls(ctx, &arg, &ncalls));
    *out = ncalls <= INLINE_ARG_CALLS_MAX;
    return QN_OK;
}

/* Whether the body, bound as e, may stand in the call's place. */
static Status
body_fits(Scope *s, const Routine *r, Expr *e, Expr **args, bool *out)
{
    BodyUse use = {.is_strict = true};
    bool has_subplan;
    *out = false;
    TRY_ALLOC(s->ctx, use.uses, ARENA_ARRAY(s->ps->arena, int, r->fn.nargs + 1));
    TRY(expr_has_subplan(s->ctx, e, &has_subplan));
    if (has_subplan) return QN_OK;
    TRY(note_use(s->ctx, &e, &use));
    if (r->volatility == 'i' && (use.has_stable || use.has_volatile)) return QN_OK;
    if (r->volatility == 's' && use.has_volatile) return QN_OK;
    if (r->strict && !use.is_strict) return QN_OK;
    for (int i = 0; i < r->fn.nargs; i++) {
        bool ok = true;
        if (use.uses[i] == 0 && r->strict) return QN_OK;
        if (use.uses[i] > 1) TRY(may_repeat(s->ctx, args[i], &ok));
        if (!ok) return QN_OK;
    }
    *out = true;
    return QN_OK;
}

static bool
is_plain_target(const SelectStmt *q)
{
    return q->setop == AST_SETOP_NONE && q->values.count == 0 && q->from.count == 0 && q->where == NULL &&
           q->group_by.count == 0 && q->having == NULL && !q->distinct && q->windows.count == 0 && q->order_by.count == 0 &&
           q->limit == NULL && q->offset == NULL && q->targets.count == 1;
}

static bool
may_inline(const PlanState *ps, const Routine *r)
{
    return !ps->keep_calls && r->language->is_inlined && r->kind == ROUTINE_FUNCTION && !r->security_definer && r->nconfig == 0 &&
           !is_inlining(ps, r->fn.oid);
}

static Status
bind_target(Inlining *in, const Routine *r, const Ast *value, Expr **out)
{
    Scope *root = in->root;
    Expr *e;
    TRY(bind_expr_in(root, value, CLAUSE_SELECT, &e));
    if (root->has_aggs || root->has_windows || root->has_srfs) return QN_OK;
    TRY(resolve_unknown(root, &e));
    TRY(coerce_to_target(root->ps, e, r->fn.result, -1, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, out));
    return QN_OK;
}

Status
inline_routine(Scope *s, const FuncMatch *m, Expr **args, int nargs, int loc, Expr **out)
{
    const Routine *r = m->routine;
    const SelectStmt *q;
    const TypeInfo *t = type_info(r->fn.result);
    Inlining in;
    Expr *e = NULL;
    bool fits;
    *out = NULL;
    if (!may_inline(s->ps, r) || r->ncols > 0 || t == NULL || t->category == TYPCAT_PSEUDO || nargs != r->fn.nargs)
        return QN_OK;
    TRY(ctx_check_depth(s->ctx));
    if (parse_only_select(s, r, &q) != QN_OK) { /* the call will say so when it is made */
        err_clear(&s->ctx->err);
        return QN_OK;
    }
    if (q == NULL || !is_plain_target(q)) return QN_OK;
    const ResTarget *target = AST_AS(ResTarget, q->targets.items[0]);
    if (ast_is(target->value, A_Star)) return QN_OK;
    TRY(inlining_begin(s, r, &in));
    TRY(inlining_end(&in, r, bind_target(&in, r, target->value, &e)));
    if (e == NULL) return QN_OK;
    TRY(body_fits(s, r, e, args, &fits));
    if (!fits) return QN_OK;
    Substitution sub = {.ps = s->ps, .args = args};
    TRY(substitute(s->ctx, &e, &sub));
    if (e->typmod != -1) { /* a function's result has no length of its own */
        RelabelExpr *rel;
        TRY_ALLOC(s->ctx, rel, EXPR_NEW(s->ps->arena, Relabel, e->type, -1, loc));
        rel->arg = e;
        rel->coerce = COERCE_IMPLICIT;
        rel->base.collation = e->collation;
        e = (Expr *)rel;
    }
    *out = e;
    return QN_OK;
}

Status
inline_set_routine(Scope *s, const SetFuncExpr *call, Query **out)
{
    const Routine *r = routine_of(call->fn);
    const SelectStmt *select;
    Inlining in;
    Query *q;
    *out = NULL;
    if (r == NULL || !may_inline(s->ps, r) || r->strict || r->volatility == 'v' || r->fn.result == TYPE_VOID ||
        (r->fn.result == TYPE_RECORD && r->ncols == 0))
        return QN_OK;
    for (int i = 0; i < call->args.count; i++) {
        bool found;
        TRY(expr_volatile(s->ctx, call->args.items[i], &found));
        if (!found) TRY(expr_has_subplan(s->ctx, call->args.items[i], &found));
        if (found) return QN_OK;
    }
    if (parse_only_select(s, r, &select) != QN_OK) {
        err_clear(&s->ctx->err);
        return QN_OK;
    }
    if (select == NULL) return QN_OK;
    TRY(inlining_begin(s, r, &in));
    Status st = bind_select(in.root, select, false, &q);
    if (st == QN_OK) st = bind_body_result(s->ps, q, (const Ast *)select);
    TRY(inlining_end(&in, r, st));
    if (r->ncols > 0 && q->out.count != r->ncols) return QN_OK; /* a whole row as one value: it is taken apart at run time */
    Substitution sub = {.ps = s->ps, .args = call->args.items};
    TRY(query_walk_exprs(s->ctx, q, substitute, &sub));
    *out = q;
    return QN_OK;
}

/* ---- CALL ---- */

Status
plan_call(Ctx *ctx, Arena *arena, const char *sql, const Ast *call, const FuncEnv *env, const Routine **procedure_out,
          Plan **args_out)
{
    PlanState *ps;
    Binder b = {.ctx = ctx};
    Scope *s;
    Query *q;
    Expr *e;
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    ps->in_call = true;
    ps->env = env;
    if (env != NULL) {
        ps->nparams = env->nparams;
        TRY_ALLOC(ctx, ps->param_types, arena_memdup(arena, env->param_types, sizeof(Oid) * (size_t)(env->nparams + 1)));
    }
    b.ps = ps;
    TRY(scope_new(&b, NULL, &s));
    TRY(bind_expr_in(s, call, CLAUSE_CALL, &e));
    if (e->tag != EXPR_Func || routine_of(((FuncExpr *)e)->fn) == NULL)
        return RAISE_INTERNAL(ctx, "CALL of what is no procedure");
    *procedure_out = routine_of(((FuncExpr *)e)->fn);
    TRY_ALLOC(ctx, q, ARENA_NEW(arena, Query));
    TRY_ALLOC(ctx, q->root, lnode_new(ps, LOGICAL_OneRow, -1));
    q->out = ((FuncExpr *)e)->args;
    TRY_ALLOC(ctx, q->out_names, ARENA_ARRAY(arena, const char *, q->out.count + 1));
    for (int i = 0; i < q->out.count; i++) {
        q->out_names[i] = "?column?";
        /* What stands for an OUT parameter is not computed. */
        if (i < (*procedure_out)->nparams && (*procedure_out)->params[i].mode == 'o')
            TRY_ALLOC(ctx, q->out.items[i], make_null_const(ps, q->out.items[i]->type, -1));
    }
    TRY(passes_run(ps, q));
    return physical_plan(ps, q, args_out);
}
