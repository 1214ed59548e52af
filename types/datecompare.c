/* datecompare.c - comparisons of dates, times, timestamps and intervals, with each other where they mix. */
#include "types/date_priv.h"
#include "types/type_io.h"

COMPARE_SIX(date_, int32_t, int32_t, int32_t)
COMPARE_SIX(time_, int64_t, int64_t, int64_t)
COMPARE_SIX(timestamp_, int64_t, int64_t, int64_t)

static inline int32_t
three_way(int64_t x, int64_t y)
{
    return (x > y) - (x < y);
}
BINARY_KERNEL(date_cmp, int32_t, int32_t, int32_t, three_way(x, y))
BINARY_KERNEL(time_cmp, int64_t, int64_t, int32_t, three_way(x, y))
BINARY_KERNEL(timestamp_cmp, int64_t, int64_t, int32_t, three_way(x, y))

/* The six comparisons of A, made of x, with B, made of y; their names are LEFT_eq RIGHT and so on. */
#define SIX(KERNEL, LEFT, RIGHT, TA, TB, A, B)                                                     \
    KERNEL(LEFT##_eq##RIGHT, TA, TB, (A) == (B))                                                   \
    KERNEL(LEFT##_ne##RIGHT, TA, TB, (A) != (B))                                                   \
    KERNEL(LEFT##_lt##RIGHT, TA, TB, (A) < (B))                                                    \
    KERNEL(LEFT##_le##RIGHT, TA, TB, (A) <= (B))                                                   \
    KERNEL(LEFT##_gt##RIGHT, TA, TB, (A) > (B))                                                    \
    KERNEL(LEFT##_ge##RIGHT, TA, TB, (A) >= (B))

SIX(COMPARE_KERNEL, interval, , Interval, Interval, interval_order(x, y), 0)
BINARY_KERNEL(interval_cmp, Interval, Interval, int32_t, interval_order(x, y))

Status
fn_interval_hash(KernelCall *call)
{
    ROWS (call, i) {
        Value v = value_interval(ARG(call, 0, Interval, i));
        OUT(call, int32_t, i) = (int32_t)interval_hash(&v);
    }
    return QN_OK;
}

SIX(COMPARE_KERNEL, date, _timestamp, int32_t, int64_t, date_as_timestamp(x), y)
SIX(COMPARE_KERNEL, timestamp, _date, int64_t, int32_t, x, date_as_timestamp(y))
BINARY_KERNEL(date_cmp_timestamp, int32_t, int64_t, int32_t, three_way(date_as_timestamp(x), y))
BINARY_KERNEL(timestamp_cmp_date, int64_t, int32_t, int32_t, three_way(x, date_as_timestamp(y)))

/* Local time against timestamptz, in the session's zone. What leaves the range stays ordered. */
static inline int64_t
local_as_tz(const TimeZone *tz, int64_t t)
{
    int64_t out;
    if (timestamp_to_timestamptz(tz, t, &out)) return out;
    return t > 0 ? TIMESTAMP_INFINITY - 1 : TIMESTAMP_MINUS_INFINITY + 1;
}
#define ZONED(NAME, TA, TB, TOUT, EXPR)                                                            \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        const TimeZone *tz = session_timezone(call->ctx);                                          \
        ROWS (call, i) {                                                                           \
            const TA x = ARG(call, 0, TA, i);                                                      \
            const TB y = ARG(call, 1, TB, i);                                                      \
            OUT(call, TOUT, i) = (EXPR);                                                           \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
#define ZONED_KERNEL(NAME, TA, TB, EXPR) ZONED(NAME, TA, TB, uint8_t, EXPR)
#define ZONED_ALL(LEFT, RIGHT, TA, TB, A, B)                                                       \
    SIX(ZONED_KERNEL, LEFT, _##RIGHT, TA, TB, A, B)                                                \
    ZONED(LEFT##_cmp_##RIGHT, TA, TB, int32_t, three_way(A, B))

ZONED_ALL(date, timestamptz, int32_t, int64_t, local_as_tz(tz, date_as_timestamp(x)), y)
ZONED_ALL(timestamptz, date, int64_t, int32_t, x, local_as_tz(tz, date_as_timestamp(y)))
ZONED_ALL(timestamp, timestamptz, int64_t, int64_t, local_as_tz(tz, x), y)
ZONED_ALL(timestamptz, timestamp, int64_t, int64_t, x, local_as_tz(tz, y))

UNARY_KERNEL(date_finite, int32_t, uint8_t, DATE_IS_FINITE(x))
UNARY_KERNEL(timestamp_finite, int64_t, uint8_t, TIMESTAMP_IS_FINITE(x))
UNARY_KERNEL(interval_finite, Interval, uint8_t, ((void)x, true))
