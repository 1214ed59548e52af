/* agg_float.c - aggregates of floats: sums in input order, and the moments of one and two variables
 * by Youngs and Cramer's updating formulas, as PostgreSQL computes them, so that results agree to
 * the last bit. The order matters, so nothing is taken out again. */
#include "types/agg.h"

#include <math.h>

static Status
raise_overflow(Ctx *ctx)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
}

static Value
value_f64(double v)
{
    return (Value){.type = TYPE_FLOAT8, .phys = PHYS_F64, .f64 = v};
}

/* sum. The first value is the first sum: a lone -0 stays one. */

typedef struct FloatSum {
    double sum;
    int64_t n;
    int64_t fault; /* a finite sum and value made an infinity */
} FloatSum;

typedef struct RealSum {
    float sum;
    int32_t fault;
    int64_t n;
} RealSum;

#define SUM_STEP(T)                                                                                \
    {                                                                                              \
        const T before = s->sum, after = before + x;                                               \
        s->fault |= isinf(after) & !isinf(before) & !isinf(x);                                     \
        s->sum = s->n++ == 0 ? x : after;                                                          \
    }

AGG_STEP(float8_add, FloatSum, double, SUM_STEP(double))
AGG_STEP(float4_add, RealSum, float, SUM_STEP(float))

/* The plain sum in order; only one that is not finite is gone through again for the fault. */
#define SUM_ONE(NAME, STATE, T, STEPS)                                                             \
    static Status NAME##_update_one(AggCall *call, void *state)                                    \
    {                                                                                              \
        STATE *s = state;                                                                          \
        const T *v = call->args[0]->data;                                                          \
        if (call->sel != NULL || call->args[0]->shape == VEC_CONST || call->n == 0)                \
            return STEPS##_update_one(call, state);                                                \
        T sum = s->n == 0 ? v[0] : s->sum + v[0];                                                  \
        for (int i = 1; i < call->n; i++) sum += v[i];                                             \
        if (!isfinite(sum)) return STEPS##_update_one(call, state);                                \
        s->sum = sum;                                                                              \
        s->n += call->n;                                                                           \
        return QN_OK;                                                                              \
    }

SUM_ONE(float8_sum, FloatSum, double, float8_add)
SUM_ONE(float4_sum, RealSum, float, float4_add)

static Status
float8_sum_combine(AggCall *call, void *into, const void *from)
{
    FloatSum *a = into;
    const FloatSum *b = from;
    (void)call;
    if (b->n == 0) return QN_OK;
    if (a->n == 0) {
        *a = *b;
        return QN_OK;
    }
    a->fault |= b->fault | (isinf(a->sum + b->sum) && !isinf(a->sum) && !isinf(b->sum));
    a->sum += b->sum;
    a->n += b->n;
    return QN_OK;
}

static Status
float4_sum_combine(AggCall *call, void *into, const void *from)
{
    RealSum *a = into;
    const RealSum *b = from;
    (void)call;
    if (b->n == 0) return QN_OK;
    if (a->n == 0) {
        *a = *b;
        return QN_OK;
    }
    a->fault |= b->fault | (isinf(a->sum + b->sum) && !isinf(a->sum) && !isinf(b->sum));
    a->sum += b->sum;
    a->n += b->n;
    return QN_OK;
}

static Status
float8_sum_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const FloatSum *s = state;
    (void)arena;
    if (s->fault != 0) return raise_overflow(call->ctx);
    *out = s->n > 0 ? value_f64(s->sum) : value_null(TYPE_FLOAT8);
    return QN_OK;
}

static Status
float4_sum_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const RealSum *s = state;
    (void)arena;
    if (s->fault != 0) return raise_overflow(call->ctx);
    *out = value_null(TYPE_FLOAT4);
    if (s->n > 0) *out = (Value){.type = TYPE_FLOAT4, .phys = PHYS_F32, .f32 = s->sum};
    return QN_OK;
}

const AggOps aggops_float8_sum = {.state_bytes = sizeof(FloatSum),
                                  .plain_state = true,
                                  .update = float8_add_update,
                                  .update_one = float8_sum_update_one,
                                  .combine = float8_sum_combine,
                                  .inexact_combine = true,
                                  .final = float8_sum_final};
const AggOps aggops_float4_sum = {.state_bytes = sizeof(RealSum),
                                  .plain_state = true,
                                  .update = float4_add_update,
                                  .update_one = float4_sum_update_one,
                                  .combine = float4_sum_combine,
                                  .inexact_combine = true,
                                  .final = float4_sum_final};

/* avg, variance, stddev: n, sum of x, sum of squared differences from the mean. PostgreSQL's arrays of states have these numbers in
 * this order, those of Moments2 too (float_accum.c). */

typedef struct Moments {
    double n, sx, sxx;
    int64_t fault;
} Moments;

static inline void
add_moment(Moments *s, double x)
{
    const double before = s->n, sx = s->sx;
    s->n += 1.0;
    s->sx += x;
    if (before > 0.0) {
        const double d = x * s->n - s->sx;
        s->sxx += d * d / (s->n * before);
        if (__builtin_expect(isinf(s->sx) || isinf(s->sxx), 0)) {
            if (!isinf(sx) && !isinf(x)) s->fault = 1;
            s->sxx = NAN;
        }
    } else if (!isfinite(x)) {
        s->sxx = NAN;
    }
}

AGG_STEP(float8_moments, Moments, double, add_moment(s, x))
AGG_STEP(float4_moments, Moments, float, add_moment(s, (double)x))

static Status
moments_combine(AggCall *call, void *into, const void *from)
{
    Moments *a = into;
    const Moments *b = from;
    (void)call;
    if (b->n == 0) return QN_OK;
    if (a->n == 0) {
        *a = *b;
        return QN_OK;
    }
    double n = a->n + b->n, d = a->sx / a->n - b->sx / b->n;
    a->sxx = a->sxx + b->sxx + a->n * b->n * d * d / n;
    a->fault |= b->fault | (isinf(a->sx + b->sx) && !isinf(a->sx) && !isinf(b->sx));
    a->sx += b->sx;
    a->n = n;
    return QN_OK;
}

/* NULL up to few rows; else the expression. */
#define MOMENT_FINAL(NAME, FEW, EXPR)                                                              \
    static Status NAME##_final(AggCall *call, const void *state, Arena *arena, Value *out)         \
    {                                                                                              \
        const Moments *s = state;                                                                  \
        (void)arena;                                                                               \
        if (s->fault != 0) return raise_overflow(call->ctx);                                       \
        *out = s->n <= (FEW) ? value_null(TYPE_FLOAT8) : value_f64(EXPR);                          \
        return QN_OK;                                                                              \
    }

MOMENT_FINAL(avg, 0.0, s->sx / s->n)
MOMENT_FINAL(var_pop, 0.0, s->sxx / s->n)
MOMENT_FINAL(var_samp, 1.0, s->sxx / (s->n - 1.0))
MOMENT_FINAL(stddev_pop, 0.0, sqrt(s->sxx / s->n))
MOMENT_FINAL(stddev_samp, 1.0, sqrt(s->sxx / (s->n - 1.0)))

#define MOMENT_OPS(PREFIX, NAME)                                                                   \
    const AggOps aggops_##PREFIX##_##NAME = {.state_bytes = sizeof(Moments),                       \
                                             .plain_state = true,                                  \
                                             .update = PREFIX##_moments_update,                    \
                                             .update_one = PREFIX##_moments_update_one,            \
                                             .combine = moments_combine,                           \
                                             .inexact_combine = true,                              \
                                             .final = NAME##_final};

MOMENT_OPS(float8, avg)
MOMENT_OPS(float8, var_pop)
MOMENT_OPS(float8, var_samp)
MOMENT_OPS(float8, stddev_pop)
MOMENT_OPS(float8, stddev_samp)
MOMENT_OPS(float4, avg)
MOMENT_OPS(float4, var_pop)
MOMENT_OPS(float4, var_samp)
MOMENT_OPS(float4, stddev_pop)
MOMENT_OPS(float4, stddev_samp)

/* Two variables: f(Y, X). */

typedef struct Moments2 {
    double n, sx, sxx, sy, syy, sxy;
    int64_t fault;
} Moments2;

static void
add_moment2(Moments2 *s, double y, double x)
{
    const Moments2 old = *s;
    s->n += 1.0;
    s->sx += x;
    s->sy += y;
    if (old.n > 0.0) {
        const double dx = x * s->n - s->sx, dy = y * s->n - s->sy, scale = 1.0 / (s->n * old.n);
        s->sxx += dx * dx * scale;
        s->syy += dy * dy * scale;
        s->sxy += dx * dy * scale;
        if (isinf(s->sx) || isinf(s->sxx) || isinf(s->sy) || isinf(s->syy) || isinf(s->sxy)) {
            bool x_finite = !isinf(old.sx) && !isinf(x), y_finite = !isinf(old.sy) && !isinf(y);
            if (((isinf(s->sx) || isinf(s->sxx)) && x_finite) ||
                ((isinf(s->sy) || isinf(s->syy)) && y_finite) ||
                (isinf(s->sxy) && x_finite && y_finite))
                s->fault = 1;
            if (isinf(s->sxx)) s->sxx = NAN;
            if (isinf(s->syy)) s->syy = NAN;
            if (isinf(s->sxy)) s->sxy = NAN;
        }
        return;
    }
    if (!isfinite(x)) s->sxx = s->sxy = NAN;
    if (!isfinite(y)) s->syy = s->sxy = NAN;
}

static Status
pair_fold(AggCall *call, Moments2 *s, int i)
{
    add_moment2(s, ARG(call, 0, double, i), ARG(call, 1, double, i));
    return QN_OK;
}
AGG_FOLD(pair, Moments2, pair_fold)

static Status
pair_combine(AggCall *call, void *into, const void *from)
{
    Moments2 *a = into;
    const Moments2 *b = from;
    (void)call;
    if (b->n == 0) return QN_OK;
    if (a->n == 0) {
        *a = *b;
        return QN_OK;
    }
    double n = a->n + b->n, dx = a->sx / a->n - b->sx / b->n, dy = a->sy / a->n - b->sy / b->n;
    a->sxx = a->sxx + b->sxx + a->n * b->n * dx * dx / n;
    a->syy = a->syy + b->syy + a->n * b->n * dy * dy / n;
    a->sxy = a->sxy + b->sxy + a->n * b->n * dx * dy / n;
    a->sx += b->sx;
    a->sy += b->sy;
    a->n = n;
    a->fault |= b->fault;
    return QN_OK;
}

#define PAIR(NAME, IS_NULL, EXPR)                                                                  \
    static Status NAME##_final(AggCall *call, const void *state, Arena *arena, Value *out)         \
    {                                                                                              \
        const Moments2 *s = state;                                                                 \
        (void)arena;                                                                               \
        if (s->fault != 0) return raise_overflow(call->ctx);                                       \
        *out = (IS_NULL) ? value_null(TYPE_FLOAT8) : value_f64(EXPR);                              \
        return QN_OK;                                                                              \
    }                                                                                              \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(Moments2),                                 \
                                  .plain_state = true,                                             \
                                  .update = pair_update,                                           \
                                  .update_one = pair_update_one,                                   \
                                  .combine = pair_combine,                                         \
                                  .inexact_combine = true,                                         \
                                  .final = NAME##_final};

PAIR(regr_sxx, s->n < 1.0, s->sxx)
PAIR(regr_syy, s->n < 1.0, s->syy)
PAIR(regr_sxy, s->n < 1.0, s->sxy)
PAIR(regr_avgx, s->n < 1.0, s->sx / s->n)
PAIR(regr_avgy, s->n < 1.0, s->sy / s->n)
PAIR(covar_pop, s->n < 1.0, s->sxy / s->n)
PAIR(covar_samp, s->n < 2.0, s->sxy / (s->n - 1.0))
PAIR(corr, s->n < 1.0 || s->sxx == 0 || s->syy == 0, s->sxy / sqrt(s->sxx * s->syy))
PAIR(regr_r2, s->n < 1.0 || s->sxx == 0, s->syy == 0 ? 1.0 : (s->sxy * s->sxy) / (s->sxx * s->syy))
PAIR(regr_slope, s->n < 1.0 || s->sxx == 0, s->sxy / s->sxx)
PAIR(regr_intercept, s->n < 1.0 || s->sxx == 0, (s->sy - s->sx * s->sxy / s->sxx) / s->n)
