/* float.c - real and double precision: text, order, arithmetic, casts among the number types.
 *
 * NaN equals NaN and is larger than every other number, so that floats have a total order.
 * Arithmetic follows IEEE 754, except that overflow to infinity, underflow to zero and division by
 * zero are errors: loops collect a flag and only when it is set is the batch looked at again. */
#include "types/kernel.h"
#include "types/type_io.h"

#include "common/hash.h"
#include "common/settings.h"
#include "types/float_text.h"
#include <float.h>
#include <math.h>

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

/* Text. */

static Status
float_in(Ctx *ctx, const char *text, size_t nbytes, bool single, double *out)
{
    const char *p = text, *end = text + nbytes, *stop;
    const char *name = single ? "real" : "double precision";
    FloatParse r;
    float f = 0;
    while (p < end && ascii_is_space(*p)) p++;
    if (single) {
        r = float4_parse(p, (size_t)(end - p), &f, &stop);
        *out = f;
    } else {
        r = float8_parse(p, (size_t)(end - p), out, &stop);
    }
    if (r == FLOAT_NO_MEMORY) return RAISE_OOM(ctx);
    if (r == FLOAT_RANGE)
        return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "\"%.*s\" is out of range for type %s",
                     (int)(stop - p), p, name);
    if (r == FLOAT_OK)
        while (stop < end && ascii_is_space(*stop)) stop++;
    if (r == FLOAT_MALFORMED || stop != end)
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION,
                     "invalid input syntax for type %s: \"%.*s\"", name, (int)nbytes, text);
    return QN_OK;
}

Status
float8_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
          Value *out)
{
    double v;
    (void)arena, (void)typmod;
    TRY(float_in(ctx, text, nbytes, false, &v));
    *out = (Value){.type = type, .phys = PHYS_F64, .f64 = v};
    return QN_OK;
}

Status
float4_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
          Value *out)
{
    double v;
    (void)arena, (void)typmod;
    TRY(float_in(ctx, text, nbytes, true, &v));
    *out = (Value){.type = type, .phys = PHYS_F32, .f32 = (float)v};
    return QN_OK;
}

static int
extra_digits(const Ctx *ctx)
{
    return ctx->settings != NULL ? ctx->settings->extra_float_digits : 1;
}

Status
float8_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    char text[FLOAT_TEXT_MAX];
    int extra = extra_digits(ctx);
    int n = extra > 0 ? float8_format(v->f64, text)
                      : float8_format_digits(v->f64, DBL_DIG + extra, text);
    strbuf_add(b, text, (size_t)n);
    return QN_OK;
}

Status
float4_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    char text[FLOAT_TEXT_MAX];
    int extra = extra_digits(ctx);
    int n = extra > 0 ? float4_format(v->f32, text)
                      : float8_format_digits((double)v->f32, FLT_DIG + extra, text);
    strbuf_add(b, text, (size_t)n);
    return QN_OK;
}

/* Order. */

#define FLOAT_EQ ((x == y) | ((x != x) & (y != y)))
#define FLOAT_NE (!FLOAT_EQ)
#define FLOAT_LT ((x < y) | ((y != y) & (x == x)))
#define FLOAT_LE ((x <= y) | (y != y))
#define FLOAT_GT ((x > y) | ((x != x) & (y == y)))
#define FLOAT_GE ((x >= y) | (x != x))

static int
compare(double x, double y)
{
    return FLOAT_GT - FLOAT_LT;
}

int
float8_cmp(const Value *a, const Value *b)
{
    return compare(a->f64, b->f64);
}

int
float4_cmp(const Value *a, const Value *b)
{
    return compare((double)a->f32, (double)b->f32);
}

/* real and double precision hash alike; both zeros are one value, and so are all NaNs. */
static uint64_t
hash_double(double v)
{
    uint64_t bits;
    if (v == 0) v = 0;
    if (isnan(v)) v = NAN;
    memcpy(&bits, &v, sizeof(bits));
    return hash_u64(bits);
}

uint64_t
float8_hash(const Value *v)
{
    return hash_double(v->f64);
}

uint64_t
float4_hash(const Value *v)
{
    return hash_double((double)v->f32);
}

#define FLOAT_SIX(PREFIX, TA, TB)                                                                  \
    COMPARE_KERNEL(PREFIX##eq, TA, TB, FLOAT_EQ)                                                   \
    COMPARE_KERNEL(PREFIX##ne, TA, TB, FLOAT_NE)                                                   \
    COMPARE_KERNEL(PREFIX##lt, TA, TB, FLOAT_LT)                                                   \
    COMPARE_KERNEL(PREFIX##le, TA, TB, FLOAT_LE)                                                   \
    COMPARE_KERNEL(PREFIX##gt, TA, TB, FLOAT_GT)                                                   \
    COMPARE_KERNEL(PREFIX##ge, TA, TB, FLOAT_GE)

FLOAT_SIX(float8, double, double)
FLOAT_SIX(float4, float, float)
FLOAT_SIX(float48, float, double)
FLOAT_SIX(float84, double, float)

BINARY_KERNEL(btfloat8cmp, double, double, int32_t, FLOAT_GT - FLOAT_LT)
BINARY_KERNEL(btfloat4cmp, float, float, int32_t, FLOAT_GT - FLOAT_LT)
BINARY_KERNEL(btfloat48cmp, float, double, int32_t, FLOAT_GT - FLOAT_LT)
BINARY_KERNEL(btfloat84cmp, double, float, int32_t, FLOAT_GT - FLOAT_LT)
BINARY_KERNEL(float8larger, double, double, double, FLOAT_GT ? x : y)
BINARY_KERNEL(float4larger, float, float, float, FLOAT_GT ? x : y)
BINARY_KERNEL(float8smaller, double, double, double, FLOAT_LT ? x : y)
BINARY_KERNEL(float4smaller, float, float, float, FLOAT_LT ? x : y)

/* Arithmetic. fault is set for rows that may be errors: an infinite result of finite operands, a
 * zero product or quotient of operands that are not, a zero divisor. */

#define INFINITE(v) (fabs((double)(v)) > DBL_MAX)

#define FLOAT_ARITH(NAME, TA, TB, TR, OP, FAULT, CHECK)                                            \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        int fault = 0;                                                                             \
        BINARY_LOOP(call, TA, TB, TR, ({                                                           \
                        const TR r = (TR)x OP(TR) y;                                               \
                        fault |= FAULT;                                                            \
                        r;                                                                         \
                    }));                                                                           \
        if (__builtin_expect(fault == 0, 1)) return QN_OK;                                         \
        ROWS(call, i)                                                                              \
        TRY(CHECK(call->ctx, (double)ARG(call, 0, TA, i), (double)ARG(call, 1, TB, i),             \
                  (double)OUT(call, TR, i)));                                                      \
        return QN_OK;                                                                              \
    }

static Status
check_sum(Ctx *ctx, double x, double y, double r)
{
    return isinf(r) && !isinf(x) && !isinf(y) ? raise_overflow(ctx) : QN_OK;
}

static Status
check_product(Ctx *ctx, double x, double y, double r)
{
    if (isinf(r) && !isinf(x) && !isinf(y)) return raise_overflow(ctx);
    if (r == 0 && x != 0 && y != 0) return raise_underflow(ctx);
    return QN_OK;
}

static Status
check_quotient(Ctx *ctx, double x, double y, double r)
{
    if (y == 0 && !isnan(x)) return RAISE(ctx, ERR_DIVISION_BY_ZERO, "division by zero");
    if (isinf(r) && !isinf(x)) return raise_overflow(ctx);
    if (r == 0 && x != 0 && !isinf(y)) return raise_underflow(ctx);
    return QN_OK;
}

#define SUM_FAULT INFINITE(r)
#define PRODUCT_FAULT (INFINITE(r) | ((r == 0) & (x != 0) & (y != 0)))
#define QUOTIENT_FAULT ((y == 0) | INFINITE(r) | ((r == 0) & (x != 0)))

#define FLOAT_FOUR(PREFIX, TA, TB, TR)                                                             \
    FLOAT_ARITH(PREFIX##pl, TA, TB, TR, +, SUM_FAULT, check_sum)                                   \
    FLOAT_ARITH(PREFIX##mi, TA, TB, TR, -, SUM_FAULT, check_sum)                                   \
    FLOAT_ARITH(PREFIX##mul, TA, TB, TR, *, PRODUCT_FAULT, check_product)                          \
    FLOAT_ARITH(PREFIX##div, TA, TB, TR, /, QUOTIENT_FAULT, check_quotient)

FLOAT_FOUR(float8, double, double, double)
FLOAT_FOUR(float4, float, float, float)
FLOAT_FOUR(float48, float, double, double)
FLOAT_FOUR(float84, double, float, double)

UNARY_KERNEL(float8abs, double, double, fabs(x))
UNARY_KERNEL(float4abs, float, float, fabsf(x))
UNARY_KERNEL(float8um, double, double, -x)
UNARY_KERNEL(float4um, float, float, -x)
UNARY_KERNEL(float8up, double, double, x)
UNARY_KERNEL(float4up, float, float, x)

/* Casts. */

UNARY_KERNEL(i2tod, int16_t, double, x)
UNARY_KERNEL(i4tod, int32_t, double, x)
UNARY_KERNEL(i8tod, int64_t, double, x)
UNARY_KERNEL(i2tof, int16_t, float, x)
UNARY_KERNEL(i4tof, int32_t, float, x)
UNARY_KERNEL(i8tof, int64_t, float, x)
UNARY_KERNEL(ftod, float, double, x)

/* Double to real by the caller's bounds: an out-of-range operand turns infinite or zero. */
Status
fn_dtof(KernelCall *call)
{
    int fault = 0;
    UNARY_LOOP(call, double, float, ({
                   const float r = (float)x;
                   fault |= (fabsf(r) > FLT_MAX) | ((r == 0) & (x != 0));
                   r;
               }));
    if (fault == 0) return QN_OK;
    ROWS(call, i)
    {
        double x = ARG(call, 0, double, i);
        float r = OUT(call, float, i);
        if (isinf(r) && !isinf(x)) return raise_overflow(call->ctx);
        if (r == 0 && x != 0) return raise_underflow(call->ctx);
    }
    return QN_OK;
}

/* To integers: to nearest, ties to even; what does not fit, NaN included, is an error. LIMIT is the
 * power of two just past the largest value; the bounds are those of the rounded number. */
#define FLOAT_TO_INT(NAME, TA, TR, RINT, LIMIT, RANGE)                                             \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        int bad = 0;                                                                               \
        UNARY_LOOP(call, TA, TR, ({                                                                \
                       const TA r = RINT(x);                                                       \
                       const int fits = (r >= -(TA)(LIMIT)) & (r < (TA)(LIMIT));                   \
                       bad |= !fits;                                                               \
                       (TR)(fits ? r : 0);                                                         \
                   }));                                                                            \
        return bad == 0 ? QN_OK : RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, RANGE);         \
    }

FLOAT_TO_INT(dtoi2, double, int16_t, rint, 32768.0, "smallint out of range")
FLOAT_TO_INT(dtoi4, double, int32_t, rint, 2147483648.0, "integer out of range")
FLOAT_TO_INT(dtoi8, double, int64_t, rint, 9223372036854775808.0, "bigint out of range")
FLOAT_TO_INT(ftoi2, float, int16_t, rintf, 32768.0, "smallint out of range")
FLOAT_TO_INT(ftoi4, float, int32_t, rintf, 2147483648.0, "integer out of range")
FLOAT_TO_INT(ftoi8, float, int64_t, rintf, 9223372036854775808.0, "bigint out of range")
