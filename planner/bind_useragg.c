/* bind_useragg.c - a call of a user's aggregate: its parts, settled for the types of the arguments, as the Aggregate that plans
 * and the executor see (types/agg_user.h). */
#include "planner/bind_priv.h"
#include "types/agg_user.h"

/* One aggregate at work. */
typedef struct Making {
    Scope *s;
    const Routine *r;
    const AggParts *parts;
    const Oid *args; /* [nargs] types of its arguments, variadic ones gathered */
    int nargs;
    bool moving;
} Making;

static Oid
elem_declared(Oid array)
{
    const TypeInfo *t = type_info(type_base(array));
    return array == TYPE_ANY ? TYPE_ANY
           : array == TYPE_ANYARRAY ? TYPE_ANYELEMENT
           : array == TYPE_ANYCOMPATIBLEARRAY ? TYPE_ANYCOMPATIBLE
                                              : t->elem_oid;
}

/* A type of the state: polymorphic ones follow from the arguments. */
static Status
state_type(Making *mk, const FuncMatch *m, const Oid *actual, int nargs, Oid declared_state, Oid *out)
{
    PlanState *ps = mk->s->ps;
    const Routine *r = mk->r;
    Oid *declared;
    *out = declared_state;
    if (!type_is_polymorphic(declared_state)) return QN_OK;
    TRY_ALLOC(ps->ctx, declared, ARENA_ARRAY(ps->arena, Oid, nargs + 1));
    for (int i = 0; i < nargs; i++)
        declared[i] = i < nargs - m->nvariadic ? r->args[i] : elem_declared(r->args[r->fn.nargs - 1]);
    return resolve_polymorphic(ps, actual, declared, nargs, declared_state, out);
}

/* What the aggregate's functions are called with: the arguments coerced, "any" as they come. */
static Status
argument_types(Making *mk, const FuncMatch *m, const Oid *actual, int nargs)
{
    PlanState *ps = mk->s->ps;
    Oid *types;
    int n = m->nvariadic > 0 ? nargs - m->nvariadic + 1 : nargs;
    TRY_ALLOC(ps->ctx, types, ARENA_ARRAY(ps->arena, Oid, n + 1));
    for (int i = 0; i < n; i++) {
        types[i] = m->declared[i] != TYPE_ANY ? m->declared[i] : actual[i] != TYPE_UNKNOWN ? actual[i] : TYPE_TEXT;
        if (m->nvariadic > 0 && i == n - 1) types[i] = type_info(m->variadic_elem)->array_oid;
    }
    mk->args = types;
    mk->nargs = n;
    return QN_OK;
}

/* A function called with the state and arguments [from, from + n). */
static Status
part(Making *mk, Oid oid, Oid state, int from, int n, const Oid **types_out, const Function **out)
{
    PlanState *ps = mk->s->ps;
    Oid *types;
    TRY_ALLOC(ps->ctx, types, ARENA_ARRAY(ps->arena, Oid, n + 2));
    types[0] = state;
    for (int i = 0; i < n; i++) types[i + 1] = mk->args[from + i];
    TRY(routine_for_types(mk->s, oid, types, n + 1, out));
    if (*out == NULL || (*out)->kernel == NULL)
        return RAISE(ps->ctx, ERR_FEATURE_NOT_SUPPORTED, "function %u cannot be a part of an aggregate", oid);
    *types_out = types;
    return QN_OK;
}

static Status
make_parts(Making *mk, UserAgg *u, Oid state)
{
    PlanState *ps = mk->s->ps;
    const AggParts *p = mk->parts;
    int ndirect = mk->r->agg_kind == 'n' ? 0 : p->ndirect;
    const char *init = mk->moving ? p->moving_init : p->init;
    Oid final = mk->moving ? p->moving_final : p->final;
    const Oid *types;
    u->final_extra = mk->moving ? p->moving_final_extra : p->final_extra;
    u->state_type = state;
    u->agg.nargs = (int16_t)(mk->nargs - ndirect);
    TRY(part(mk, mk->moving ? p->moving_step : p->step, state, ndirect, mk->nargs - ndirect, &u->step_types, &u->step));
    if (mk->moving) TRY(part(mk, p->moving_inverse, state, ndirect, mk->nargs - ndirect, &types, &u->inverse));
    if (final != 0) {
        int n = u->final_extra ? mk->nargs : ndirect;
        TRY(part(mk, final, state, 0, n, &u->final_types, &u->final));
        u->nfinal = n + 1;
    }
    u->init = value_null(type_base(state));
    if (init != NULL) TRY(value_in(ps->ctx, ps->arena, init, strlen(init), type_base(state), -1, &u->init));
    useragg_finish(u);
    return QN_OK;
}

/* One made of parts with an internal state is the built-in aggregate of these parts under another name. */
static Status
make_internal(Making *mk, UserAgg *u)
{
    const Aggregate *base = agg_made_of(mk->parts->step, mk->parts->final);
    if (base == NULL)
        return RAISE(mk->s->ctx, ERR_FEATURE_NOT_SUPPORTED, "aggregate \"%s\" has an internal state of no built-in aggregate", mk->r->fn.name);
    Aggregate named = u->agg;
    u->agg = *base;
    u->agg.oid = named.oid;
    u->agg.name = named.name;
    u->agg.result = named.result;
    return QN_OK;
}

/* A moving one is for frames whose start moves, of arguments that give the same each time. */
static bool
wants_moving(const AggParts *p, const FuncCall *f)
{
    if (p->moving_inverse == 0 || f->over == NULL) return false;
    if (p->moving_final_modify == 'r' && p->final_modify != 'r') return true;
    const WindowDef *d = AST_AS(WindowDef, f->over);
    return d->name != NULL || (d->mode != AST_FRAME_DEFAULT && d->start != AST_BOUND_UNBOUNDED_PRECEDING);
}

Status
bind_user_aggregate(Scope *s, const FuncCall *f, FuncMatch *m, const Oid *actual, int nargs)
{
    PlanState *ps = s->ps;
    const Routine *r = m->routine;
    Making mk = {.s = s, .r = r, .parts = r->parts, .moving = wants_moving(r->parts, f)};
    UserAgg *u;
    Oid state;
    TRY(add_object_dep(s, r->fn.oid, r->version, 0));
    for (int i = 0; i < ps->user_aggs.count; i++) { /* equal calls are equal */
        const UserAgg *known = (const UserAgg *)(const void *)ps->user_aggs.items[i];
        bool same = known->agg.oid == r->fn.oid && known->agg.result == m->result && (known->inverse != NULL) == mk.moving;
        TRY(argument_types(&mk, m, actual, nargs));
        for (int k = 0; same && k < mk.nargs && k < FN_MAX_ARGS; k++) same = known->agg.args[k] == mk.args[k];
        if (!same) continue;
        m->agg = &known->agg;
        return QN_OK;
    }
    TRY_ALLOC(s->ctx, u, ARENA_NEW(ps->arena, UserAgg));
    TRY(argument_types(&mk, m, actual, nargs));
    u->agg.oid = r->fn.oid;
    u->agg.name = r->fn.name;
    u->agg.result = m->result;
    u->agg.kind = r->agg_kind;
    TRY(state_type(&mk, m, actual, nargs, mk.moving ? r->parts->moving_state_type : r->parts->state_type, &state));
    TRY(state == TYPE_INTERNAL ? make_internal(&mk, u) : make_parts(&mk, u, state));
    for (int i = 0; i < mk.nargs && i < FN_MAX_ARGS; i++) u->agg.args[i] = mk.args[i];
    m->agg = &u->agg;
    return array_push(s->ctx, ps->arena, &ps->user_aggs, &u->agg);
}
