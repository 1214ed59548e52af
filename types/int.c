/* int.c - smallint, integer and bigint: text, order, arithmetic checked for overflow, bits, casts
 * among them.
 *
 * Checked arithmetic computes every row and ORs what went wrong into one word that is looked at
 * after the loop: no branch a row, so the loops stay SIMD. */
#include "types/int_kernels.h"
#include "types/type_io.h"

#include "common/hash.h"

/* Text. */

/* Decimal with blanks around it and a sign, between min and max. */
static Status
parse_int(Ctx *ctx, const char *text, size_t nbytes, Oid type, int64_t min, int64_t max,
          int64_t *out)
{
    const char *p = text, *end = text + nbytes;
    bool negative = false, overflow = false;
    int64_t v = 0; /* kept negative: its range is the larger one */
    while (p < end && ascii_is_space(*p)) p++;
    if (p < end && (*p == '-' || *p == '+')) negative = *p++ == '-';
    if (p == end || !ascii_is_digit(*p)) goto malformed;
    for (; p < end && ascii_is_digit(*p); p++)
        overflow |= __builtin_mul_overflow(v, (int64_t)10, &v) ||
                    __builtin_sub_overflow(v, (int64_t)(*p - '0'), &v);
    while (p < end && ascii_is_space(*p)) p++;
    if (p != end) goto malformed;
    if (!negative) overflow |= __builtin_sub_overflow((int64_t)0, v, &v);
    if (overflow || v < min || v > max)
        return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE,
                     "value \"%.*s\" is out of range for type %s", (int)nbytes, text,
                     type_info(type)->sql_name);
    *out = v;
    return QN_OK;
malformed:
    return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"",
                 type_info(type)->sql_name, (int)nbytes, text);
}

Status
int2_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
        Value *out)
{
    int64_t v;
    (void)arena, (void)typmod;
    TRY(parse_int(ctx, text, nbytes, TYPE_INT2, INT16_MIN, INT16_MAX, &v));
    *out = (Value){.type = type, .phys = PHYS_I16, .i16 = (int16_t)v};
    return QN_OK;
}

Status
int4_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
        Value *out)
{
    int64_t v;
    (void)arena, (void)typmod;
    TRY(parse_int(ctx, text, nbytes, TYPE_INT4, INT32_MIN, INT32_MAX, &v));
    *out = (Value){.type = type, .phys = PHYS_I32, .i32 = (int32_t)v};
    return QN_OK;
}

Status
int8_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
        Value *out)
{
    int64_t v;
    (void)arena, (void)typmod;
    TRY(parse_int(ctx, text, nbytes, TYPE_INT8, INT64_MIN, INT64_MAX, &v));
    *out = (Value){.type = type, .phys = PHYS_I64, .i64 = v};
    return QN_OK;
}

static Status
add_int(StrBuf *b, int64_t v)
{
    char text[40];
    strbuf_add(b, text, (size_t)num_format_i64(v, text));
    return QN_OK;
}

Status
int2_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    (void)ctx;
    return add_int(b, v->i16);
}

Status
int4_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    (void)ctx;
    return add_int(b, v->i32);
}

Status
int8_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    (void)ctx;
    return add_int(b, v->i64);
}

int
int2_cmp(const Value *a, const Value *b)
{
    return (a->i16 > b->i16) - (a->i16 < b->i16);
}

int
int4_cmp(const Value *a, const Value *b)
{
    return (a->i32 > b->i32) - (a->i32 < b->i32);
}

int
int8_cmp(const Value *a, const Value *b)
{
    return (a->i64 > b->i64) - (a->i64 < b->i64);
}

/* Integers of every width hash by value, so that a join of int4 to int8 may hash either side as it
 * is. */
uint64_t
int2_hash(const Value *v)
{
    return hash_u64((uint64_t)(int64_t)v->i16);
}

uint64_t
int4_hash(const Value *v)
{
    return hash_u64((uint64_t)(int64_t)v->i32);
}

uint64_t
int8_hash(const Value *v)
{
    return hash_u64((uint64_t)v->i64);
}

/* Comparison, within and across widths. */

COMPARE_SIX(int2, int16_t, int16_t, int16_t)
COMPARE_SIX(int4, int32_t, int32_t, int32_t)
COMPARE_SIX(int8, int64_t, int64_t, int64_t)

BINARY_KERNEL(btint2cmp, int16_t, int16_t, int32_t, THREE_WAY)
BINARY_KERNEL(btint4cmp, int32_t, int32_t, int32_t, THREE_WAY)
BINARY_KERNEL(btint8cmp, int64_t, int64_t, int32_t, THREE_WAY)

BINARY_KERNEL(int2larger, int16_t, int16_t, int16_t, x > y ? x : y)
BINARY_KERNEL(int4larger, int32_t, int32_t, int32_t, x > y ? x : y)
BINARY_KERNEL(int8larger, int64_t, int64_t, int64_t, x > y ? x : y)
BINARY_KERNEL(int2smaller, int16_t, int16_t, int16_t, x < y ? x : y)
BINARY_KERNEL(int4smaller, int32_t, int32_t, int32_t, x < y ? x : y)
BINARY_KERNEL(int8smaller, int64_t, int64_t, int64_t, x < y ? x : y)

/* Addition, subtraction, multiplication. */

CHECKED(int2pl, int16_t, int16_t, int16_t, int32_t, +, RANGE_INT2)
CHECKED(int2mi, int16_t, int16_t, int16_t, int32_t, -, RANGE_INT2)
CHECKED(int2mul, int16_t, int16_t, int16_t, int32_t, *, RANGE_INT2)
CHECKED(int4pl, int32_t, int32_t, int32_t, int64_t, +, RANGE_INT4)
CHECKED(int4mi, int32_t, int32_t, int32_t, int64_t, -, RANGE_INT4)
CHECKED(int4mul, int32_t, int32_t, int32_t, int64_t, *, RANGE_INT4)

CHECKED_INT8(int8pl, int64_t, int64_t, ADD_INT8)
CHECKED_INT8(int8mi, int64_t, int64_t, SUB_INT8)
CHECKED_INT8(int8mul, int64_t, int64_t, MUL_INT8)

/* Division. */

DIVIDE_SMALL(int2div, int16_t, int16_t, int16_t, INT16_MIN, RANGE_INT2)
DIVIDE_SMALL(int4div, int32_t, int32_t, int32_t, INT32_MIN, RANGE_INT4)

DIVIDE_INT8(int8div, int64_t, int64_t)

/* The remainder by -1 is 0 whatever the dividend, the smallest included. */
#define MODULO(NAME, T)                                                                            \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        int bad = 0;                                                                               \
        BINARY_LOOP(call, T, T, T, ({                                                              \
                        bad |= y == 0;                                                             \
                        ((y == 0) | (y == -1)) ? 0 : x % y;                                        \
                    }));                                                                           \
        return bad == 0 ? QN_OK : int_raise_zero_division(call->ctx);                              \
    }

MODULO(int2mod, int16_t)
MODULO(int8mod, int64_t)

Status
fn_int4mod(KernelCall *call)
{
    int32_t bad = 0;
    BINARY_LOOP(call, int32_t, int32_t, int32_t, ({
                    const int32_t zero = y == 0;
                    const int32_t by =
                        y + zero + 2 * (y == -1); /* 1 for 0, and for -1: the same remainder */
                    bad |= zero;
                    x - (int32_t)((double)x / (double)by) * by;
                }));
    return bad == 0 ? QN_OK : int_raise_zero_division(call->ctx);
}

/* Signs. */

#define NEGATE(NAME, T, MIN, RANGE, EXPR)                                                          \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        T bad = 0;                                                                                 \
        UNARY_LOOP(call, T, T, ({                                                                  \
                       bad |= x == (MIN);                                                          \
                       EXPR;                                                                       \
                   }));                                                                            \
        return bad == 0 ? QN_OK : int_raise_range(call->ctx, RANGE);                               \
    }

NEGATE(int2um, int16_t, INT16_MIN, RANGE_INT2, (uint16_t)0 - (uint16_t)x)
NEGATE(int4um, int32_t, INT32_MIN, RANGE_INT4, 0 - (uint32_t)x)
NEGATE(int8um, int64_t, INT64_MIN, RANGE_INT8, 0 - (uint64_t)x)
NEGATE(int2abs, int16_t, INT16_MIN, RANGE_INT2, x < 0 ? (uint16_t)0 - (uint16_t)x : (uint16_t)x)
NEGATE(int4abs, int32_t, INT32_MIN, RANGE_INT4, x < 0 ? 0 - (uint32_t)x : (uint32_t)x)
NEGATE(int8abs, int64_t, INT64_MIN, RANGE_INT8, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)

UNARY_KERNEL(int2up, int16_t, int16_t, x)
UNARY_KERNEL(int4up, int32_t, int32_t, x)
UNARY_KERNEL(int8up, int64_t, int64_t, x)

/* Bits. A shift counts modulo the width of int or bigint, as the hardware PostgreSQL runs on does.
 */

#define BIT_KERNELS(PREFIX, T, U, MASK)                                                            \
    BINARY_KERNEL(PREFIX##and, T, T, T, x &y)                                                      \
    BINARY_KERNEL(PREFIX## or, T, T, T, x | y)                                                     \
    BINARY_KERNEL(PREFIX## xor, T, T, T, x ^ y)                                                    \
    UNARY_KERNEL(PREFIX##not, T, T, ~x)                                                            \
    BINARY_KERNEL(PREFIX##shl, T, int32_t, T, (U)x << (y & MASK))                                  \
    BINARY_KERNEL(PREFIX##shr, T, int32_t, T, x >> (y & MASK))

BIT_KERNELS(int2, int16_t, uint32_t, 31)
BIT_KERNELS(int4, int32_t, uint32_t, 31)
BIT_KERNELS(int8, int64_t, uint64_t, 63)

/* Greatest common divisor and least common multiple. */

static uint64_t
gcd_u64(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static uint64_t
magnitude(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

#define GCD_LCM(PREFIX, T, MAX, RANGE)                                                             \
    Status fn_##PREFIX##gcd(KernelCall *call)                                                      \
    {                                                                                              \
        ROWS(call, i)                                                                              \
        {                                                                                          \
            uint64_t g = gcd_u64(magnitude(ARG(call, 0, T, i)), magnitude(ARG(call, 1, T, i)));    \
            if (g > (uint64_t)(MAX)) return int_raise_range(call->ctx, RANGE);                     \
            OUT(call, T, i) = (T)g;                                                                \
        }                                                                                          \
        return QN_OK;                                                                              \
    }                                                                                              \
    Status fn_##PREFIX##lcm(KernelCall *call)                                                      \
    {                                                                                              \
        ROWS(call, i)                                                                              \
        {                                                                                          \
            uint64_t a = magnitude(ARG(call, 0, T, i)), b = magnitude(ARG(call, 1, T, i)), m = 0;  \
            if (a != 0 && b != 0 &&                                                                \
                (__builtin_mul_overflow(a / gcd_u64(a, b), b, &m) || m > (uint64_t)(MAX)))         \
                return int_raise_range(call->ctx, RANGE);                                          \
            OUT(call, T, i) = (T)m;                                                                \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

GCD_LCM(int4, int32_t, INT32_MAX, RANGE_INT4)
GCD_LCM(int8, int64_t, INT64_MAX, RANGE_INT8)

/* Casts. */

UNARY_KERNEL(i2toi4, int16_t, int32_t, x)
UNARY_KERNEL(int28, int16_t, int64_t, x)
UNARY_KERNEL(int48, int32_t, int64_t, x)
UNARY_KERNEL(oidtoi8, uint32_t, int64_t, x)

#define NARROW(NAME, TA, TR, RANGE)                                                                \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        TA bad = 0;                                                                                \
        UNARY_LOOP(call, TA, TR, ({                                                                \
                       bad |= x ^ (TA)(TR)x;                                                       \
                       (TR) x;                                                                     \
                   }));                                                                            \
        return bad == 0 ? QN_OK : int_raise_range(call->ctx, RANGE);                               \
    }

NARROW(i4toi2, int32_t, int16_t, RANGE_INT2)
NARROW(int84, int64_t, int32_t, RANGE_INT4)
NARROW(int82, int64_t, int16_t, RANGE_INT2)
NARROW(i8tooid, int64_t, uint32_t, "OID out of range")
