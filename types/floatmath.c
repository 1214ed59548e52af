/* floatmath.c - mathematical functions of double precision: rounding, roots, powers, logarithms,
 * trigonometry in radians and degrees, random numbers. Limits and errors are PostgreSQL's. */
#include "types/kernel.h"

#include <math.h>

#define DEGREE (0.0174532925199432957692) /* in radians */

static Status
raise_overflow(Ctx *ctx)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
}

static Status
raise_underflow(Ctx *ctx)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow");
}

static Status
raise_input_range(Ctx *ctx)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range");
}

UNARY_KERNEL(dround, double, double, rint(x))
UNARY_KERNEL(dceil, double, double, ceil(x))
UNARY_KERNEL(dfloor, double, double, floor(x))
UNARY_KERNEL(dtrunc, double, double, trunc(x))
UNARY_KERNEL(dsign, double, double, (x > 0) - (x < 0))
UNARY_KERNEL(dcbrt, double, double, cbrt(x))
UNARY_KERNEL(datan, double, double, atan(x))
UNARY_KERNEL(dasinh, double, double, asinh(x))
UNARY_KERNEL(dtanh, double, double, tanh(x))
UNARY_KERNEL(dsinh, double, double, sinh(x))
UNARY_KERNEL(dcosh, double, double, cosh(x))
BINARY_KERNEL(datan2, double, double, double, atan2(x, y))

/* Kernels that look at each row: CHECK may return an error before r is computed. */
#define CHECKED_UNARY(NAME, CHECK, EXPR)                                                           \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS(call, i)                                                                              \
        {                                                                                          \
            const double x = ARG(call, 0, double, i);                                              \
            CHECK;                                                                                 \
            OUT(call, double, i) = (EXPR);                                                         \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

#define NOT_INFINITE                                                                               \
    if (isinf(x)) return raise_input_range(call->ctx)
#define WITHIN_ONE                                                                                 \
    if (x < -1 || x > 1) return raise_input_range(call->ctx)
#define AT_LEAST_ONE                                                                               \
    if (x < 1) return raise_input_range(call->ctx)

CHECKED_UNARY(dsin, NOT_INFINITE, sin(x))
CHECKED_UNARY(dcos, NOT_INFINITE, cos(x))
CHECKED_UNARY(dtan, NOT_INFINITE, tan(x))
CHECKED_UNARY(dcot, NOT_INFINITE, 1.0 / tan(x))
CHECKED_UNARY(dasin, WITHIN_ONE, asin(x))
CHECKED_UNARY(dacos, WITHIN_ONE, acos(x))
CHECKED_UNARY(dacosh, AT_LEAST_ONE, acosh(x))
CHECKED_UNARY(datanh, WITHIN_ONE, x == 1 ? INFINITY : x == -1 ? -INFINITY : atanh(x))

Status
fn_dsqrt(KernelCall *call)
{
    int bad = 0;
    UNARY_LOOP(call, double, double, ({
                   bad |= x < 0;
                   sqrt(x);
               }));
    if (bad == 0) return QN_OK;
    return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                 "cannot take square root of a negative number");
}

static Status
check_logarithm(Ctx *ctx, double x)
{
    if (x == 0) return RAISE(ctx, ERR_INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero");
    if (x < 0)
        return RAISE(ctx, ERR_INVALID_ARGUMENT_FOR_LOG,
                     "cannot take logarithm of a negative number");
    return QN_OK;
}

CHECKED_UNARY(dlog1, TRY(check_logarithm(call->ctx, x)), log(x))
CHECKED_UNARY(dlog10, TRY(check_logarithm(call->ctx, x)), log10(x))

Status
fn_dexp(KernelCall *call)
{
    ROWS(call, i)
    {
        double x = ARG(call, 0, double, i), r = exp(x);
        if (isinf(r) && !isinf(x)) return raise_overflow(call->ctx);
        if (r == 0 && !isinf(x)) return raise_underflow(call->ctx);
        OUT(call, double, i) = r;
    }
    return QN_OK;
}

static Status
power(Ctx *ctx, double x, double y, double *out)
{
    if (x == 0 && y < 0)
        return RAISE(ctx, ERR_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "zero raised to a negative power is undefined");
    if (x < 0 && isfinite(y) && floor(y) != y)
        return RAISE(ctx, ERR_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "a negative number raised to a non-integer power yields a complex result");
    double r = pow(x, y); /* C99's special cases are the standard's, NaN and infinities included */
    if (isfinite(x) && isfinite(y)) {
        if (isinf(r)) return raise_overflow(ctx);
        if (r == 0 && x != 0) return raise_underflow(ctx);
    }
    *out = r;
    return QN_OK;
}

Status
fn_dpow(KernelCall *call)
{
    ROWS(call, i)
    TRY(power(call->ctx, ARG(call, 0, double, i), ARG(call, 1, double, i), &OUT(call, double, i)));
    return QN_OK;
}

Status
fn_degrees(KernelCall *call)
{
    ROWS(call, i)
    {
        double x = ARG(call, 0, double, i), r = x / DEGREE;
        if (isinf(r) && !isinf(x)) return raise_overflow(call->ctx);
        OUT(call, double, i) = r;
    }
    return QN_OK;
}

Status
fn_radians(KernelCall *call)
{
    ROWS(call, i)
    {
        double x = ARG(call, 0, double, i), r = x * DEGREE;
        if (r == 0 && x != 0) return raise_underflow(call->ctx);
        OUT(call, double, i) = r;
    }
    return QN_OK;
}

Status
fn_dpi(KernelCall *call)
{
    ROWS(call, i) OUT(call, double, i) = M_PI;
    return QN_OK;
}

/* Degrees: each function is scaled so that it is exact at the multiples of 30 and 45 degrees where
 * its value is a simple number, which converting to radians would miss. The reference values are
 * computed by the same library calls at run time (volatile keeps the compiler from folding them
 * with other rounding). */

static volatile const double thirty = 30.0, sixty = 60.0, half = 0.5, one = 1.0;

static double
sine_to_30(double x)
{
    return sin(x * DEGREE) / sin(thirty * DEGREE) / 2.0;
}

static double
cosine_to_60(double x)
{
    return 1.0 - (1.0 - cos(x * DEGREE)) / (1.0 - cos(sixty * DEGREE)) / 2.0;
}

static double
sine_quadrant(double x)
{
    return x <= 30.0 ? sine_to_30(x) : cosine_to_60(90.0 - x);
}

static double
cosine_quadrant(double x)
{
    return x <= 60.0 ? cosine_to_60(x) : sine_to_30(90.0 - x);
}

static double
arcsine_quadrant(double x)
{
    return x <= 0.5 ? asin(x) / asin(half) * 30.0 : 90.0 - acos(x) / acos(half) * 60.0;
}

static double
arccosine_quadrant(double x)
{
    return x <= 0.5 ? 90.0 - asin(x) / asin(half) * 30.0 : acos(x) / acos(half) * 60.0;
}

/* x folded into 0..90. Each of the three foldings may turn the result's sign. */
static double
fold(double x, bool minus_turns, bool reflex_turns, bool obtuse_turns, double *sign)
{
    *sign = 1;
    x = fmod(x, 360.0);
    if (x < 0) {
        x = -x;
        if (minus_turns) *sign = -*sign;
    }
    if (x > 180.0) {
        x = 360.0 - x;
        if (reflex_turns) *sign = -*sign;
    }
    if (x > 90.0) {
        x = 180.0 - x;
        if (obtuse_turns) *sign = -*sign;
    }
    return x;
}

static double
sine_degrees(double x)
{
    double sign;
    x = fold(x, true, true, false, &sign);
    return sign * sine_quadrant(x);
}

static double
cosine_degrees(double x)
{
    double sign;
    x = fold(x, false, false, true, &sign);
    return sign * cosine_quadrant(x);
}

static double
tangent_degrees(double x)
{
    double sign;
    x = fold(x, true, true, true, &sign);
    double r = sign * (sine_quadrant(x) / cosine_quadrant(x) /
                       (sine_quadrant(45.0) / cosine_quadrant(45.0)));
    return r == 0 ? 0 : r; /* no minus zero */
}

static double
cotangent_degrees(double x)
{
    double sign;
    x = fold(x, true, true, true, &sign);
    double r = sign * (cosine_quadrant(x) / sine_quadrant(x) /
                       (cosine_quadrant(45.0) / sine_quadrant(45.0)));
    return r == 0 ? 0 : r;
}

CHECKED_UNARY(dsind, NOT_INFINITE, sine_degrees(x))
CHECKED_UNARY(dcosd, NOT_INFINITE, cosine_degrees(x))
CHECKED_UNARY(dtand, NOT_INFINITE, tangent_degrees(x))
CHECKED_UNARY(dcotd, NOT_INFINITE, cotangent_degrees(x))
CHECKED_UNARY(dasind, WITHIN_ONE, x >= 0 ? arcsine_quadrant(x) : -arcsine_quadrant(-x))
CHECKED_UNARY(dacosd, WITHIN_ONE, x >= 0 ? arccosine_quadrant(x) : 90.0 + arcsine_quadrant(-x))
UNARY_KERNEL(datand, double, double, atan(x) / atan(one) * 45.0)
BINARY_KERNEL(datan2d, double, double, double, atan2(x, y) / atan(one) * 45.0)

Status
fn_width_bucket_float8(KernelCall *call)
{
    ROWS(call, i)
    {
        double x = ARG(call, 0, double, i), low = ARG(call, 1, double, i),
               high = ARG(call, 2, double, i);
        int32_t count = ARG(call, 3, int32_t, i), r = 0;
        bool ascending = low < high;
        if (count <= 0)
            return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                         "count must be greater than zero");
        if (isnan(x) || isnan(low) || isnan(high))
            return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                         "operand, lower bound, and upper bound cannot be NaN");
        if (isinf(low) || isinf(high))
            return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                         "lower and upper bounds must be finite");
        if (low == high)
            return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                         "lower bound cannot equal upper bound");
        if (ascending ? x < low : x > low) {
            r = 0;
        } else if (ascending ? x >= high : x <= high) {
            if (__builtin_add_overflow(count, 1, &r))
                return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        } else {
            double width = ascending ? high - low : low - high,
                   from = ascending ? x - low : low - x;
            if (isinf(
                    width)) { /* bounds so far apart that their distance overflows: halves do not */
                width = ascending ? high / 2 - low / 2 : low / 2 - high / 2;
                from = ascending ? x / 2 - low / 2 : low / 2 - x / 2;
            }
            r = (int32_t)((double)count * (from / width));
            if (r >= count) r = count - 1; /* the quotient may round up to 1 */
            r++;
        }
        OUT(call, int32_t, i) = r;
    }
    return QN_OK;
}

/* Random numbers: xoroshiro128** (Blackman, Vigna), seeded by splitmix64; the state is the
 * session's, so setseed(x) gives the sequence PostgreSQL gives. */

static uint64_t
rotate(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

static void
seed_random(uint64_t state[2], uint64_t seed)
{
    for (int i = 0; i < 2; i++) {
        uint64_t z = seed += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        state[i] = z ^ (z >> 31);
    }
}

static uint64_t
next_random(uint64_t state[2])
{
    uint64_t s0 = state[0], s1 = state[1] ^ s0, r = rotate(s0 * 5, 7) * 9;
    state[0] = rotate(s0, 24) ^ s1 ^ (s1 << 16);
    state[1] = rotate(s1, 37);
    return r;
}

Status
fn_drandom(KernelCall *call)
{
    uint64_t *state = call->ctx->random;
    if (state[0] == 0 && state[1] == 0)
        seed_random(state, (uint64_t)ctx_now_us() ^ (uint64_t)(uintptr_t)state);
    ROWS(call, i) OUT(call, double, i) = ldexp((double)(next_random(state) >> 12), -52);
    return QN_OK;
}

Status
fn_setseed(KernelCall *call)
{
    ROWS(call, i)
    {
        double seed = ARG(call, 0, double, i);
        if (isnan(seed) || seed < -1 || seed > 1)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                         "setseed parameter %g is out of allowed range [-1,1]", seed);
        seed_random(call->ctx->random,
                    (uint64_t)(int64_t)((double)(((uint64_t)1 << 52) - 1) * seed));
    }
    return QN_OK;
}
