/* series.c - generate_series of integers and numeric. */
#include "types/numvar.h"
#include "types/type_io.h"

static Status
raise_zero_step(Ctx *ctx)
{
    return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "step size cannot equal zero");
}

/* Integers. */

typedef struct IntSeries {
    int64_t next, stop, step;
    bool done;
} IntSeries;

static Status
int_series_open(Ctx *ctx, Arena *arena, int64_t start, int64_t stop, int64_t step, bool null,
                void **state_out)
{
    IntSeries *s;
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, IntSeries));
    *state_out = s;
    s->done = null;
    if (null) return QN_OK;
    if (step == 0) return raise_zero_step(ctx);
    *s = (IntSeries){start, stop, step, step > 0 ? start > stop : start < stop};
    return QN_OK;
}

/* Terms left, up to limit; the next one after them goes to the state. */
static int
take(IntSeries *s, int limit, int64_t *first)
{
    if (s->done) return 0;
    uint64_t distance =
        s->step > 0 ? (uint64_t)s->stop - (uint64_t)s->next : (uint64_t)s->next - (uint64_t)s->stop;
    uint64_t size = s->step > 0 ? (uint64_t)s->step : 0 - (uint64_t)s->step;
    uint64_t more = distance / size; /* terms after the next one */
    *first = s->next;
    if (more < (uint64_t)limit) {
        s->done = true;
        return (int)more + 1;
    }
    s->next = (int64_t)((uint64_t)s->next + (uint64_t)s->step * (uint64_t)limit);
    return limit;
}

#define INT_SERIES(SRC, T, FIELD)                                                                  \
    Status srf_##SRC##_open(Ctx *ctx, Arena *arena, const Value *args, int nargs,                  \
                            const Oid *arg_types, void **state_out)                                \
    {                                                                                              \
        bool null = args[0].is_null || args[1].is_null || (nargs > 2 && args[2].is_null);          \
        (void)arg_types;                                                                           \
        return int_series_open(ctx, arena, args[0].FIELD, args[1].FIELD,                           \
                               nargs > 2 ? args[2].FIELD : 1, null, state_out);                    \
    }                                                                                              \
    Status srf_##SRC##_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)         \
    {                                                                                              \
        IntSeries *s = state;                                                                      \
        T *v = out[0]->data;                                                                       \
        int64_t first = 0;                                                                         \
        int n = take(s, BATCH_ROWS, &first);                                                       \
        (void)ctx, (void)arena;                                                                    \
        for (int i = 0; i < n; i++) v[i] = (T)((uint64_t)first + (uint64_t)i * (uint64_t)s->step); \
        *n_out = n;                                                                                \
        return QN_OK;                                                                              \
    }

INT_SERIES(generate_series_int4, int32_t, i32)
INT_SERIES(generate_series_step_int4, int32_t, i32)
INT_SERIES(generate_series_int8, int64_t, i64)
INT_SERIES(generate_series_step_int8, int64_t, i64)

/* numeric. Where every term has one scale and all fits, the terms are 64-bit integers. */

typedef struct NumericSeries {
    bool ints, done;
    int scale;
    IntSeries series;
    NumVar next, stop, step;
    Arena *arena; /* of their digits */
} NumericSeries;

static Status
check_bound(Ctx *ctx, const NumVar *v, const char *what)
{
    if (v->kind == NUMERIC_FINITE) return QN_OK;
    return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "%s cannot be %s", what,
                 v->kind == NUMERIC_NAN ? "NaN" : "infinity");
}

static bool
to_int64(const NumVar *v, int scale, int64_t *out)
{
    int128 u;
    if (!numvar_to_i128(v, scale, &u) || u < INT64_MIN || u > INT64_MAX) return false;
    *out = (int64_t)u;
    return true;
}

static Status
numeric_series_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, void **state_out)
{
    NumericSeries *s;
    NumWork w = {ctx, arena};
    int64_t start, stop, step;
    Value one = numeric_value_int(1, 0);
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, NumericSeries));
    *state_out = s;
    s->arena = arena;
    for (int i = 0; i < nargs; i++) s->done |= args[i].is_null;
    if (s->done) return QN_OK;
    TRY(numvar_from_value(&w, &args[0], &s->next));
    TRY(numvar_from_value(&w, &args[1], &s->stop));
    TRY(numvar_from_value(&w, nargs > 2 ? &args[2] : &one, &s->step));
    TRY(check_bound(ctx, &s->next, "start value"));
    TRY(check_bound(ctx, &s->stop, "stop value"));
    TRY(check_bound(ctx, &s->step, "step size"));
    if (numvar_is_zero(&s->step)) return raise_zero_step(ctx);
    s->scale = s->next.dscale;
    if (s->scale >= s->step.dscale && s->scale <= NUMERIC_INT_SCALE_MAX &&
        s->stop.dscale <= s->scale && to_int64(&s->next, s->scale, &start) &&
        to_int64(&s->stop, s->scale, &stop) && to_int64(&s->step, s->scale, &step)) {
        void *ints;
        s->ints = true;
        TRY(int_series_open(ctx, arena, start, stop, step, false, &ints));
        s->series = *(IntSeries *)ints;
    }
    return QN_OK;
}

static Status
numeric_series_next(Ctx *ctx, NumericSeries *s, Arena *arena, Vector *out, int *n_out)
{
    NumWork batch = {ctx, arena}, keep = {ctx, s->arena};
    int n = 0;
    if (s->ints) {
        int64_t first = 0, *v;
        vec_reset(out, PHYS_I64);
        out->scale = (int16_t)s->scale;
        v = out->data;
        *n_out = take(&s->series, BATCH_ROWS, &first);
        for (int i = 0; i < *n_out; i++)
            v[i] = (int64_t)((uint64_t)first + (uint64_t)i * (uint64_t)s->series.step);
        return QN_OK;
    }
    vec_reset(out, PHYS_STR);
    for (; n < BATCH_ROWS && !s->done; n++) {
        int c = numvar_cmp(&s->next, &s->stop);
        if (s->step.negative ? c < 0 : c > 0) {
            s->done = true;
            break;
        }
        TRY(numvar_pack(&batch, &s->next, &((Str *)out->data)[n]));
        TRY(numvar_add(&keep, &s->next, &s->step, &s->next));
    }
    *n_out = n;
    return QN_OK;
}

#define NUMERIC_SERIES(SRC)                                                                        \
    Status srf_##SRC##_open(Ctx *ctx, Arena *arena, const Value *args, int nargs,                  \
                            const Oid *arg_types, void **state_out)                                \
    {                                                                                              \
        (void)arg_types;                                                                           \
        return numeric_series_open(ctx, arena, args, nargs, state_out);                            \
    }                                                                                              \
    Status srf_##SRC##_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)         \
    {                                                                                              \
        return numeric_series_next(ctx, state, arena, out[0], n_out);                              \
    }

NUMERIC_SERIES(generate_series_numeric)
NUMERIC_SERIES(generate_series_step_numeric)
