/* agg_user.c - see agg_user.h. */
#include "types/agg_user.h"

#include "types/agg.h"

static const AggParts parts[] = {
#define AGGPART(...) {__VA_ARGS__},
#include "types/aggparts.def"
#undef AGGPART
};
enum { NPARTS = sizeof(parts) / sizeof(parts[0]) };

const AggParts *
agg_parts(Oid builtin)
{
    for (int i = 0; i < NPARTS; i++)
        if (parts[i].agg == builtin) return &parts[i];
    return NULL;
}

const Aggregate *
agg_made_of(Oid step, Oid final)
{
    for (int i = 0; i < NPARTS; i++)
        if (parts[i].step == step && parts[i].final == final) return agg_by_oid(parts[i].agg);
    return NULL;
}

/* ---- states ---- */

typedef struct UserState {
    int64_t nvalues; /* values in it, for frames that move */
    int64_t cap;     /* of bytes */
    char *bytes;     /* of a string that is longer than a Str */
    bool has_value;  /* false: no value yet, the first one is the state */
    char value[sizeof(Value)]; /* a Value, which states are not aligned for */
} UserState;

/* What a call site keeps. */
typedef struct UserSite {
    KernelCall call;
    Arena *scratch;       /* of one call */
    Vector *state, *out, **args, **args_final; /* of final: its arguments, then its result */
    void *kept, *kept_inverse, *kept_final; /* KernelCall.state of each function */
    uint16_t row;
} UserSite;

static const UserAgg *
user_of(const AggCall *call)
{
    return (const UserAgg *)(const void *)call->agg;
}

static Status
one_row(Ctx *ctx, Arena *arena, Oid type, Vector **out)
{
    TRY_ALLOC(ctx, *out, vec_new(arena, type_base(type)));
    return vec_reserve(arena, *out, 1) ? QN_OK : RAISE_OOM(ctx);
}

static Status
site_of(AggCall *call, UserSite **out)
{
    const UserAgg *u = user_of(call);
    UserSite *s = call->site;
    *out = s;
    if (s != NULL) return QN_OK;
    Arena *arena = call->site_arena;
    TRY_ALLOC(call->ctx, s, ARENA_NEW(arena, UserSite));
    TRY_ALLOC(call->ctx, s->scratch, arena_create(arena, "aggregate step"));
    TRY_ALLOC(call->ctx, s->out, vec_create(arena, type_base(u->state_type), BATCH_ROWS));
    TRY_ALLOC(call->ctx, s->args, ARENA_ARRAY(arena, Vector *, u->agg.nargs + 2));
    TRY_ALLOC(call->ctx, s->args_final, ARENA_ARRAY(arena, Vector *, u->nfinal + 2));
    for (int i = 0; i < u->nfinal; i++) TRY(one_row(call->ctx, arena, u->final_types[i], &s->args_final[i]));
    TRY(one_row(call->ctx, arena, u->agg.result, &s->args_final[u->nfinal]));
    TRY(one_row(call->ctx, arena, u->state_type, &s->state));
    s->call = (KernelCall){.ctx = call->ctx, .arena = s->scratch, .n = 1, .out_typmod = -1, .collation = call->collation,
                           .state_arena = arena};
    call->site = *out = s;
    return QN_OK;
}

static Status
keep(AggCall *call, UserState *s, const Value *v)
{
    Value copy = *v;
    if (!v->is_null && v->phys == PHYS_STR && v->str.len > STR_INLINE_MAX) {
        if (s->cap < v->str.len) {
            int64_t cap = (int64_t)bits_next_pow2(v->str.len);
            TRY_ALLOC(call->ctx, s->bytes, arena_alloc(call->arena, (size_t)cap));
            s->cap = cap;
            agg_grew(call, (size_t)cap);
        }
        memmove(s->bytes, v->str.ptr, v->str.len);
        copy.str = str_make(s->bytes, v->str.len);
    }
    memcpy(s->value, &copy, sizeof(copy));
    return QN_OK;
}

static Status
start(AggCall *call, UserState *s)
{
    const UserAgg *u = user_of(call);
    s->nvalues = 0;
    s->has_value = !u->init.is_null;
    return keep(call, s, &u->init);
}

static Status
user_init(AggCall *call, void *state)
{
    return start(call, state);
}

/* Row i through step or inverse. *out lies in the scratch arena. */
static Status
run_step(AggCall *call, UserSite *site, const Function *fn, void **kept, const UserState *s, int i, Value *out)
{
    const UserAgg *u = user_of(call);
    KernelCall *k = &site->call;
    Value now;
    memcpy(&now, s->value, sizeof(now));
    vec_set_const(site->state, &now);
    vec_reset(site->out, type_phys(site->out->type, -1));
    site->args[0] = site->state;
    for (int a = 0; a < call->nargs; a++) site->args[a + 1] = call->args[a];
    site->row = (uint16_t)i;
    k->fn = fn;
    k->nargs = 1 + call->nargs;
    k->args = site->args;
    k->arg_types = u->step_types;
    k->out = site->out;
    k->sel = &site->row;
    k->state = kept;
    TRY(fn->kernel(k));
    *out = vec_get(site->out, i);
    return QN_OK;
}

static Status
step_row(AggCall *call, UserSite *site, UserState *s, int i)
{
    const UserAgg *u = user_of(call);
    Value now, next;
    s->nvalues++;
    if ((u->step->flags & FN_STRICT) != 0) {
        memcpy(&now, s->value, sizeof(now));
        if (!s->has_value) { /* the first value is the state */
            s->has_value = true;
            next = vec_get(call->args[0], i);
            return keep(call, s, &next);
        }
        if (now.is_null) return QN_OK; /* stays so */
    }
    s->has_value = true;
    TRY(run_step(call, site, u->step, &site->kept, s, i, &next));
    if (next.is_null && u->inverse != NULL)
        return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "moving-aggregate transition function must not return null");
    TRY(keep(call, s, &next));
    arena_reset(site->scratch);
    return QN_OK;
}

static Status
user_update(AggCall *call, char **states, size_t offset)
{
    UserSite *site;
    TRY(site_of(call, &site));
    ROWS (call, i) TRY(step_row(call, site, AGG_STATE(UserState, states, offset, i), i));
    return QN_OK;
}

static Status
user_update_one(AggCall *call, void *state)
{
    UserSite *site;
    TRY(site_of(call, &site));
    ROWS (call, i) TRY(step_row(call, site, state, i));
    return QN_OK;
}

static Status
user_remove_one(AggCall *call, void *state)
{
    const UserAgg *u = user_of(call);
    UserState *s = state;
    UserSite *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        Value now, next;
        memcpy(&now, s->value, sizeof(now));
        if (s->nvalues <= 1) { /* nothing is left */
            TRY(start(call, s));
            continue;
        }
        if (now.is_null && (u->inverse->flags & FN_STRICT) != 0)
            return RAISE(call->ctx, ERR_INTERNAL_ERROR, "aggregate transition value is NULL before inverse transition");
        TRY(run_step(call, site, u->inverse, &site->kept_inverse, s, i, &next));
        if (next.is_null) {
            call->must_restart = true;
            return QN_OK;
        }
        s->nvalues--;
        TRY(keep(call, s, &next));
        arena_reset(site->scratch);
    }
    return QN_OK;
}

static Status
user_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const UserAgg *u = user_of(call);
    UserSite *site;
    Value now;
    memcpy(&now, ((const UserState *)state)->value, sizeof(now));
    if (u->final == NULL) return value_copy(call->ctx, arena, &now, out);
    TRY(site_of(call, &site));
    KernelCall *k = &site->call;
    bool any_null = now.is_null;
    int ndirect = u->agg.kind == 'n' ? 0 : call->nargs;
    vec_set_const(site->args_final[0], &now);
    for (int i = 1; i < u->nfinal; i++) {
        Value v = i <= ndirect ? vec_get(call->args[i - 1], 0) : value_null(type_base(u->final_types[i]));
        vec_set_const(site->args_final[i], &v);
        any_null |= v.is_null;
    }
    *out = value_null(u->agg.result);
    if (any_null && (u->final->flags & FN_STRICT) != 0) return QN_OK;
    Vector *to = site->args_final[u->nfinal];
    vec_reset(to, type_phys(to->type, -1));
    k->fn = u->final;
    k->nargs = u->nfinal;
    k->args = site->args_final;
    k->arg_types = u->final_types;
    k->out = to;
    k->sel = NULL;
    k->state = &site->kept_final;
    TRY(u->final->kernel(k));
    Value v = vec_get(to, 0);
    TRY(value_copy(call->ctx, arena, &v, out));
    arena_reset(site->scratch);
    return QN_OK;
}

void
useragg_finish(UserAgg *u)
{
    u->agg.state_bytes = sizeof(UserState);
    u->agg.init = user_init;
    u->agg.update = user_update;
    u->agg.update_one = user_update_one;
    u->agg.remove_one = u->inverse != NULL ? user_remove_one : NULL;
    u->agg.final = user_final;
    if ((u->step->flags & FN_STRICT) != 0) u->agg.flags |= FN_STRICT;
}

bool
agg_same_steps(const Aggregate *a, const Aggregate *b)
{
    if (a->update != user_update) return true;
    const UserAgg *x = (const UserAgg *)(const void *)a, *y = (const UserAgg *)(const void *)b;
    if (x->step != y->step || x->state_type != y->state_type || x->init.is_null != y->init.is_null) return false;
    if (x->init.is_null) return true;
    const TypeInfo *t = type_info(type_base(x->state_type));
    return t->cmp != NULL && t->cmp(&x->init, &y->init) == 0;
}
