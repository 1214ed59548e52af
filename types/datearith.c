/* datearith.c - kernels of dates and times: comparisons, arithmetic, casts, construction, the clock. */
#include "common/settings.h"
#include "types/datetime.h"
#include "types/kernel.h"
#include "types/type_io.h"
#include <math.h>

/* Comparisons. */

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

static inline int
interval_order(Interval x, Interval y)
{
    int128 a = interval_span(&x), b = interval_span(&y);
    return (a > b) - (a < b);
}
COMPARE_KERNEL(interval_eq, Interval, Interval, interval_order(x, y) == 0)
COMPARE_KERNEL(interval_ne, Interval, Interval, interval_order(x, y) != 0)
COMPARE_KERNEL(interval_lt, Interval, Interval, interval_order(x, y) < 0)
COMPARE_KERNEL(interval_le, Interval, Interval, interval_order(x, y) <= 0)
COMPARE_KERNEL(interval_gt, Interval, Interval, interval_order(x, y) > 0)
COMPARE_KERNEL(interval_ge, Interval, Interval, interval_order(x, y) >= 0)
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

/* A date against a timestamp: beyond the timestamps' range it is just larger than every finite one. */
static inline int64_t
date_as_timestamp(int32_t d)
{
    if (d == DATE_INFINITY) return TIMESTAMP_INFINITY;
    if (d == DATE_MINUS_INFINITY) return TIMESTAMP_MINUS_INFINITY;
    if (d >= TIMESTAMP_END / USECS_PER_DAY) return TIMESTAMP_INFINITY - 1;
    return (int64_t)d * USECS_PER_DAY;
}
COMPARE_KERNEL(date_eq_timestamp, int32_t, int64_t, date_as_timestamp(x) == y)
COMPARE_KERNEL(date_ne_timestamp, int32_t, int64_t, date_as_timestamp(x) != y)
COMPARE_KERNEL(date_lt_timestamp, int32_t, int64_t, date_as_timestamp(x) < y)
COMPARE_KERNEL(date_le_timestamp, int32_t, int64_t, date_as_timestamp(x) <= y)
COMPARE_KERNEL(date_gt_timestamp, int32_t, int64_t, date_as_timestamp(x) > y)
COMPARE_KERNEL(date_ge_timestamp, int32_t, int64_t, date_as_timestamp(x) >= y)
COMPARE_KERNEL(timestamp_eq_date, int64_t, int32_t, x == date_as_timestamp(y))
COMPARE_KERNEL(timestamp_ne_date, int64_t, int32_t, x != date_as_timestamp(y))
COMPARE_KERNEL(timestamp_lt_date, int64_t, int32_t, x < date_as_timestamp(y))
COMPARE_KERNEL(timestamp_le_date, int64_t, int32_t, x <= date_as_timestamp(y))
COMPARE_KERNEL(timestamp_gt_date, int64_t, int32_t, x > date_as_timestamp(y))
COMPARE_KERNEL(timestamp_ge_date, int64_t, int32_t, x >= date_as_timestamp(y))
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
#define ZONED_KERNEL(NAME, TA, TB, EXPR)                                                           \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        const TimeZone *tz = session_timezone(call->ctx);                                          \
        ROWS (call, i) {                                                                           \
            const TA x = ARG(call, 0, TA, i);                                                      \
            const TB y = ARG(call, 1, TB, i);                                                      \
            OUT(call, uint8_t, i) = (EXPR);                                                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
#define ZONED_SIX(LEFT, RIGHT, TA, TB, A, B)                                                       \
    ZONED_KERNEL(LEFT##_eq_##RIGHT, TA, TB, (A) == (B))                                            \
    ZONED_KERNEL(LEFT##_ne_##RIGHT, TA, TB, (A) != (B))                                            \
    ZONED_KERNEL(LEFT##_lt_##RIGHT, TA, TB, (A) < (B))                                             \
    ZONED_KERNEL(LEFT##_le_##RIGHT, TA, TB, (A) <= (B))                                            \
    ZONED_KERNEL(LEFT##_gt_##RIGHT, TA, TB, (A) > (B))                                             \
    ZONED_KERNEL(LEFT##_ge_##RIGHT, TA, TB, (A) >= (B))
ZONED_SIX(date, timestamptz, int32_t, int64_t, local_as_tz(tz, date_as_timestamp(x)), y)
ZONED_SIX(timestamptz, date, int64_t, int32_t, x, local_as_tz(tz, date_as_timestamp(y)))
ZONED_SIX(timestamp, timestamptz, int64_t, int64_t, local_as_tz(tz, x), y)
ZONED_SIX(timestamptz, timestamp, int64_t, int64_t, x, local_as_tz(tz, y))

#define ZONED_CMP(NAME, TA, TB, A, B)                                                              \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        const TimeZone *tz = session_timezone(call->ctx);                                          \
        ROWS (call, i) {                                                                           \
            const TA x = ARG(call, 0, TA, i);                                                      \
            const TB y = ARG(call, 1, TB, i);                                                      \
            OUT(call, int32_t, i) = three_way((A), (B));                                           \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
ZONED_CMP(date_cmp_timestamptz, int32_t, int64_t, local_as_tz(tz, date_as_timestamp(x)), y)
ZONED_CMP(timestamptz_cmp_date, int64_t, int32_t, x, local_as_tz(tz, date_as_timestamp(y)))
ZONED_CMP(timestamp_cmp_timestamptz, int64_t, int64_t, local_as_tz(tz, x), y)
ZONED_CMP(timestamptz_cmp_timestamp, int64_t, int64_t, x, local_as_tz(tz, y))

/* Finiteness. */
UNARY_KERNEL(date_finite, int32_t, uint8_t, DATE_IS_FINITE(x))
UNARY_KERNEL(timestamp_finite, int64_t, uint8_t, TIMESTAMP_IS_FINITE(x))
UNARY_KERNEL(interval_finite, Interval, uint8_t, ((void)x, true))

/* Errors. */

static Status
timestamp_range(Ctx *ctx)
{
    return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
}
static Status
interval_range(Ctx *ctx)
{
    return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
}
static Status
date_range(Ctx *ctx)
{
    return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date out of range");
}

/* Arithmetic on one value. */

/* The local time t with iv's months and days added. */
static bool
add_months_days(int64_t t, const Interval *iv, int64_t *out)
{
    DateTime dt;
    *out = t;
    if (iv->months != 0) {
        datetime_from_timestamp(*out, &dt);
        int64_t months = (int64_t)dt.year * 12 + dt.month - 1 + iv->months;
        int64_t year = floor_div(months, 12);
        if (year > 300000 || year < -10000) return false;
        dt.year = (int)year;
        dt.month = (int)(months - year * 12) + 1;
        int last = days_in_month(dt.year, dt.month);
        if (dt.day > last) dt.day = last;
        if (!datetime_to_timestamp(&dt, out)) return false;
    }
    if (iv->days != 0) {
        /* The days alone may be more than 64 bits of microseconds. */
        int128 us = (int128)*out + (int128)iv->days * USECS_PER_DAY;
        *out = (int64_t)us;
        if (us != *out || !TIMESTAMP_IS_VALID(*out)) return false;
    }
    return true;
}

Status
timestamp_add_interval(Ctx *ctx, int64_t t, const Interval *iv, int64_t *out)
{
    *out = t;
    if (!TIMESTAMP_IS_FINITE(t)) return QN_OK;
    if (!add_months_days(t, iv, out) || __builtin_add_overflow(*out, iv->us, out) || !TIMESTAMP_IS_VALID(*out))
        return timestamp_range(ctx);
    return QN_OK;
}

Status
timestamptz_add_interval(Ctx *ctx, const TimeZone *tz, int64_t t, const Interval *iv, int64_t *out)
{
    *out = t;
    if (!TIMESTAMP_IS_FINITE(t)) return QN_OK;
    /* Months and days one after the other, each in local time: the offset may change between. */
    if (iv->months != 0) {
        Interval part = {.months = iv->months};
        if (!add_months_days(timestamptz_to_timestamp(tz, *out), &part, out) ||
            !timestamp_to_timestamptz(tz, *out, out))
            return timestamp_range(ctx);
    }
    if (iv->days != 0) {
        Interval part = {.days = iv->days};
        if (!add_months_days(timestamptz_to_timestamp(tz, *out), &part, out) ||
            !timestamp_to_timestamptz(tz, *out, out))
            return timestamp_range(ctx);
    }
    if (__builtin_add_overflow(*out, iv->us, out) || !TIMESTAMP_IS_VALID(*out)) return timestamp_range(ctx);
    return QN_OK;
}

Status
interval_negate(Ctx *ctx, const Interval *iv, Interval *out)
{
    if (iv->us == INT64_MIN || iv->days == INT32_MIN || iv->months == INT32_MIN) return interval_range(ctx);
    *out = (Interval){.us = -iv->us, .days = -iv->days, .months = -iv->months};
    return QN_OK;
}

Status
date_to_timestamp(Ctx *ctx, int32_t d, int64_t *out)
{
    *out = date_as_timestamp(d);
    if (DATE_IS_FINITE(d) && !TIMESTAMP_IS_VALID(*out))
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date out of range for timestamp");
    return QN_OK;
}

/* Kernels: date. */

static Status
date_add(Ctx *ctx, int32_t d, int32_t days, bool minus, int32_t *out)
{
    *out = d;
    if (!DATE_IS_FINITE(d)) return QN_OK;
    int64_t r = minus ? (int64_t)d - days : (int64_t)d + days;
    if (!DATE_IS_VALID(r)) return date_range(ctx);
    *out = (int32_t)r;
    return QN_OK;
}

Status
fn_date_pli(KernelCall *call)
{
    ROWS (call, i)
        TRY(date_add(call->ctx, ARG(call, 0, int32_t, i), ARG(call, 1, int32_t, i), false,
                     &OUT(call, int32_t, i)));
    return QN_OK;
}

Status
fn_integer_pl_date(KernelCall *call)
{
    ROWS (call, i)
        TRY(date_add(call->ctx, ARG(call, 1, int32_t, i), ARG(call, 0, int32_t, i), false,
                     &OUT(call, int32_t, i)));
    return QN_OK;
}

Status
fn_date_mii(KernelCall *call)
{
    ROWS (call, i)
        TRY(date_add(call->ctx, ARG(call, 0, int32_t, i), ARG(call, 1, int32_t, i), true,
                     &OUT(call, int32_t, i)));
    return QN_OK;
}

Status
fn_date_mi(KernelCall *call)
{
    ROWS (call, i) {
        int32_t a = ARG(call, 0, int32_t, i), b = ARG(call, 1, int32_t, i);
        if (!DATE_IS_FINITE(a) || !DATE_IS_FINITE(b))
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "cannot subtract infinite dates");
        OUT(call, int32_t, i) = a - b;
    }
    return QN_OK;
}

/* Arguments of the kernels below: A timestamp-like, an interval, which may come first or be subtracted. */
typedef enum Base { BASE_DATE, BASE_TIMESTAMP, BASE_TIMESTAMPTZ } Base;

static Status
plus_interval(KernelCall *call, Base base, int base_arg, bool minus)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i) {
        Interval iv = ARG(call, 1 - base_arg, Interval, i);
        int64_t t;
        if (minus) TRY(interval_negate(call->ctx, &iv, &iv));
        if (base == BASE_DATE)
            TRY(date_to_timestamp(call->ctx, ARG(call, base_arg, int32_t, i), &t));
        else
            t = ARG(call, base_arg, int64_t, i);
        if (base == BASE_TIMESTAMPTZ)
            TRY(timestamptz_add_interval(call->ctx, tz, t, &iv, &OUT(call, int64_t, i)));
        else
            TRY(timestamp_add_interval(call->ctx, t, &iv, &OUT(call, int64_t, i)));
    }
    return QN_OK;
}

Status fn_date_pl_interval(KernelCall *call) { return plus_interval(call, BASE_DATE, 0, false); }
Status fn_date_mi_interval(KernelCall *call) { return plus_interval(call, BASE_DATE, 0, true); }
Status fn_interval_pl_date(KernelCall *call) { return plus_interval(call, BASE_DATE, 1, false); }
Status fn_timestamp_pl_interval(KernelCall *call) { return plus_interval(call, BASE_TIMESTAMP, 0, false); }
Status fn_timestamp_mi_interval(KernelCall *call) { return plus_interval(call, BASE_TIMESTAMP, 0, true); }
Status fn_interval_pl_timestamp(KernelCall *call) { return plus_interval(call, BASE_TIMESTAMP, 1, false); }
Status fn_timestamptz_pl_interval(KernelCall *call) { return plus_interval(call, BASE_TIMESTAMPTZ, 0, false); }
Status fn_timestamptz_mi_interval(KernelCall *call) { return plus_interval(call, BASE_TIMESTAMPTZ, 0, true); }
Status fn_interval_pl_timestamptz(KernelCall *call) { return plus_interval(call, BASE_TIMESTAMPTZ, 1, false); }

static Status
date_plus_time(KernelCall *call, int date_arg)
{
    ROWS (call, i) {
        int64_t t;
        TRY(date_to_timestamp(call->ctx, ARG(call, date_arg, int32_t, i), &t));
        if (TIMESTAMP_IS_FINITE(t)) {
            t += ARG(call, 1 - date_arg, int64_t, i);
            if (!TIMESTAMP_IS_VALID(t)) return timestamp_range(call->ctx);
        }
        OUT(call, int64_t, i) = t;
    }
    return QN_OK;
}

Status fn_datetime_timestamp(KernelCall *call) { return date_plus_time(call, 0); }
Status fn_timedate_pl(KernelCall *call) { return date_plus_time(call, 1); }

/* timestamptz(date, time) */
Status
fn_datetime_timestamptz(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    TRY(date_plus_time(call, 0));
    ROWS (call, i) {
        int64_t *t = &OUT(call, int64_t, i);
        if (!timestamp_to_timestamptz(tz, *t, t)) return timestamp_range(call->ctx);
    }
    return QN_OK;
}

Status
fn_timestamp_mi(KernelCall *call)
{
    ROWS (call, i) {
        int64_t a = ARG(call, 0, int64_t, i), b = ARG(call, 1, int64_t, i), us;
        if (!TIMESTAMP_IS_FINITE(a) || !TIMESTAMP_IS_FINITE(b))
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps");
        if (__builtin_sub_overflow(a, b, &us)) return interval_range(call->ctx);
        /* As justify_hours: whole days are days. */
        OUT(call, Interval, i) = (Interval){.us = us % USECS_PER_DAY, .days = (int32_t)(us / USECS_PER_DAY)};
    }
    return QN_OK;
}

/* Kernels: time. */

static int64_t
wrap_day(int64_t us)
{
    us %= USECS_PER_DAY;
    return us < 0 ? us + USECS_PER_DAY : us;
}

static Status
time_plus(KernelCall *call, int time_arg, int sign)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 1 - time_arg, Interval, i);
        OUT(call, int64_t, i) = wrap_day(ARG(call, time_arg, int64_t, i) + sign * (iv.us % USECS_PER_DAY));
    }
    return QN_OK;
}

Status fn_time_pl_interval(KernelCall *call) { return time_plus(call, 0, 1); }
Status fn_time_mi_interval(KernelCall *call) { return time_plus(call, 0, -1); }
Status fn_interval_pl_time(KernelCall *call) { return time_plus(call, 1, 1); }
BINARY_KERNEL(time_mi_time, int64_t, int64_t, Interval, ((Interval){.us = x - y}))

/* Kernels: interval. */

Status
fn_interval_um(KernelCall *call)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 0, Interval, i);
        TRY(interval_negate(call->ctx, &iv, &OUT(call, Interval, i)));
    }
    return QN_OK;
}

Status
fn_interval_pl(KernelCall *call)
{
    ROWS (call, i) {
        Interval a = ARG(call, 0, Interval, i), b = ARG(call, 1, Interval, i);
        if (__builtin_add_overflow(a.us, b.us, &a.us) || __builtin_add_overflow(a.days, b.days, &a.days) ||
            __builtin_add_overflow(a.months, b.months, &a.months))
            return interval_range(call->ctx);
        OUT(call, Interval, i) = a;
    }
    return QN_OK;
}

Status
fn_interval_mi(KernelCall *call)
{
    ROWS (call, i) {
        Interval a = ARG(call, 0, Interval, i), b = ARG(call, 1, Interval, i);
        if (__builtin_sub_overflow(a.us, b.us, &a.us) || __builtin_sub_overflow(a.days, b.days, &a.days) ||
            __builtin_sub_overflow(a.months, b.months, &a.months))
            return interval_range(call->ctx);
        OUT(call, Interval, i) = a;
    }
    return QN_OK;
}

static double
round_us(double seconds)
{
    return rint(seconds * 1e6) / 1e6;
}

static bool
fits_i32(double v)
{
    return v >= INT32_MIN && v <= INT32_MAX;
}

/* What is left of months goes to days of 30, what is left of days to time. */
Status
interval_scale_by(Ctx *ctx, const Interval *iv, double factor, bool divide, Interval *out)
{
#define APPLY(part) (divide ? (double)(part) / factor : (double)(part) * factor)
    double months = APPLY(iv->months), days = APPLY(iv->days);
    if (isnan(months) || !fits_i32(months) || isnan(days) || !fits_i32(days)) return interval_range(ctx);
    out->months = (int32_t)months;
    out->days = (int32_t)days;
    double month_rest = round_us((months - out->months) * DAYS_PER_MONTH);
    double secs = round_us((days - out->days + month_rest - (int)month_rest) * SECS_PER_DAY);
    if (fabs(secs) >= SECS_PER_DAY) {
        if (__builtin_add_overflow(out->days, (int32_t)(secs / SECS_PER_DAY), &out->days))
            return interval_range(ctx);
        secs -= (int)(secs / SECS_PER_DAY) * (double)SECS_PER_DAY;
    }
    if (__builtin_add_overflow(out->days, (int32_t)month_rest, &out->days)) return interval_range(ctx);
    double us = rint(APPLY(iv->us) + secs * 1e6);
    if (isnan(us) || us < -9223372036854775808.0 || us >= 9223372036854775808.0) return interval_range(ctx);
    out->us = (int64_t)us;
    return QN_OK;
#undef APPLY
}

static Status
interval_times(KernelCall *call, int interval_arg)
{
    ROWS (call, i) {
        Interval iv = ARG(call, interval_arg, Interval, i);
        TRY(interval_scale_by(call->ctx, &iv, ARG(call, 1 - interval_arg, double, i), false,
                              &OUT(call, Interval, i)));
    }
    return QN_OK;
}

Status fn_interval_mul(KernelCall *call) { return interval_times(call, 0); }
Status fn_mul_d_interval(KernelCall *call) { return interval_times(call, 1); }

Status
fn_interval_div(KernelCall *call)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 0, Interval, i);
        double by = ARG(call, 1, double, i);
        if (by == 0) return RAISE(call->ctx, ERR_DIVISION_BY_ZERO, "division by zero");
        TRY(interval_scale_by(call->ctx, &iv, by, true, &OUT(call, Interval, i)));
    }
    return QN_OK;
}

/* Moves whole units up and makes the signs agree where they can. */
static bool
hours_to_days(Interval *iv)
{
    int64_t days = iv->us / USECS_PER_DAY;
    iv->us -= days * USECS_PER_DAY;
    if (__builtin_add_overflow(iv->days, days, &iv->days)) return false;
    if (iv->days > 0 && iv->us < 0) {
        iv->us += USECS_PER_DAY;
        iv->days--;
    } else if (iv->days < 0 && iv->us > 0) {
        iv->us -= USECS_PER_DAY;
        iv->days++;
    }
    return true;
}

static bool
days_to_months(Interval *iv)
{
    int32_t months = iv->days / DAYS_PER_MONTH;
    iv->days -= months * DAYS_PER_MONTH;
    if (__builtin_add_overflow(iv->months, months, &iv->months)) return false;
    if (iv->months > 0 && iv->days < 0) {
        iv->days += DAYS_PER_MONTH;
        iv->months--;
    } else if (iv->months < 0 && iv->days > 0) {
        iv->days -= DAYS_PER_MONTH;
        iv->months++;
    }
    return true;
}

Status
fn_interval_justify_hours(KernelCall *call)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 0, Interval, i);
        if (!hours_to_days(&iv)) return interval_range(call->ctx);
        OUT(call, Interval, i) = iv;
    }
    return QN_OK;
}

Status
fn_interval_justify_days(KernelCall *call)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 0, Interval, i);
        if (!days_to_months(&iv)) return interval_range(call->ctx);
        OUT(call, Interval, i) = iv;
    }
    return QN_OK;
}

Status
fn_interval_justify_interval(KernelCall *call)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 0, Interval, i);
        int64_t days = iv.us / USECS_PER_DAY;
        int32_t months;
        /* Days first lose whole months, so that adding the hours' days cannot overflow. */
        if ((iv.days > 0 && iv.us > 0) || (iv.days < 0 && iv.us < 0)) {
            months = iv.days / DAYS_PER_MONTH;
            iv.days -= months * DAYS_PER_MONTH;
            if (__builtin_add_overflow(iv.months, months, &iv.months)) return interval_range(call->ctx);
        }
        iv.us -= days * USECS_PER_DAY;
        if (__builtin_add_overflow(iv.days, days, &iv.days)) return interval_range(call->ctx);
        months = iv.days / DAYS_PER_MONTH;
        iv.days -= months * DAYS_PER_MONTH;
        if (__builtin_add_overflow(iv.months, months, &iv.months)) return interval_range(call->ctx);
        if (iv.months > 0 && (iv.days < 0 || (iv.days == 0 && iv.us < 0))) {
            iv.days += DAYS_PER_MONTH;
            iv.months--;
        } else if (iv.months < 0 && (iv.days > 0 || (iv.days == 0 && iv.us > 0))) {
            iv.days -= DAYS_PER_MONTH;
            iv.months++;
        }
        if (iv.days > 0 && iv.us < 0) {
            iv.us += USECS_PER_DAY;
            iv.days--;
        } else if (iv.days < 0 && iv.us > 0) {
            iv.us -= USECS_PER_DAY;
            iv.days++;
        }
        OUT(call, Interval, i) = iv;
    }
    return QN_OK;
}

/* Casts. */

Status
fn_date_timestamp(KernelCall *call)
{
    ROWS (call, i) TRY(date_to_timestamp(call->ctx, ARG(call, 0, int32_t, i), &OUT(call, int64_t, i)));
    return QN_OK;
}

static Status
local_to_tz(Ctx *ctx, const TimeZone *tz, int64_t t, int64_t *out)
{
    return timestamp_to_timestamptz(tz, t, out) ? QN_OK : timestamp_range(ctx);
}

Status
fn_date_timestamptz(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i) {
        int64_t t;
        TRY(date_to_timestamp(call->ctx, ARG(call, 0, int32_t, i), &t));
        TRY(local_to_tz(call->ctx, tz, t, &OUT(call, int64_t, i)));
    }
    return QN_OK;
}

static int32_t
date_of(int64_t t)
{
    if (t == TIMESTAMP_INFINITY) return DATE_INFINITY;
    if (t == TIMESTAMP_MINUS_INFINITY) return DATE_MINUS_INFINITY;
    return (int32_t)floor_div(t, USECS_PER_DAY);
}

UNARY_KERNEL(timestamp_date, int64_t, int32_t, date_of(x))

Status
fn_timestamptz_date(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i)
        OUT(call, int32_t, i) = date_of(timestamptz_to_timestamp(tz, ARG(call, 0, int64_t, i)));
    return QN_OK;
}

static Status
time_of_kernel(KernelCall *call, const TimeZone *tz)
{
    ROWS (call, i) {
        int64_t t = ARG(call, 0, int64_t, i);
        if (!TIMESTAMP_IS_FINITE(t)) {
            out_set_null(call, i);
            continue;
        }
        if (tz != NULL) t = timestamptz_to_timestamp(tz, t);
        OUT(call, int64_t, i) = t - floor_div(t, USECS_PER_DAY) * USECS_PER_DAY;
    }
    return QN_OK;
}

Status fn_timestamp_time(KernelCall *call) { return time_of_kernel(call, NULL); }
Status fn_timestamptz_time(KernelCall *call) { return time_of_kernel(call, session_timezone(call->ctx)); }

Status
fn_timestamp_timestamptz(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i) TRY(local_to_tz(call->ctx, tz, ARG(call, 0, int64_t, i), &OUT(call, int64_t, i)));
    return QN_OK;
}

Status
fn_timestamptz_timestamp(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i) OUT(call, int64_t, i) = timestamptz_to_timestamp(tz, ARG(call, 0, int64_t, i));
    return QN_OK;
}

UNARY_KERNEL(time_interval, int64_t, Interval, ((Interval){.us = x}))
UNARY_KERNEL(interval_time, Interval, int64_t, wrap_day(x.us))

/* Length coercions: (value, typmod). */
static int32_t
typmod_arg(const KernelCall *call, int row)
{
    return call->nargs > 1 ? ARG(call, 1, int32_t, row) : call->out_typmod;
}

Status
fn_time_scale(KernelCall *call)
{
    ROWS (call, i) OUT(call, int64_t, i) = time_round(ARG(call, 0, int64_t, i), typmod_arg(call, i));
    return QN_OK;
}

Status
fn_timestamp_scale(KernelCall *call)
{
    ROWS (call, i) {
        int64_t t = ARG(call, 0, int64_t, i);
        TRY(timestamp_round(call->ctx, &t, typmod_arg(call, i)));
        OUT(call, int64_t, i) = t;
    }
    return QN_OK;
}

Status fn_timestamptz_scale(KernelCall *call) { return fn_timestamp_scale(call); }

Status
fn_interval_scale(KernelCall *call)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 0, Interval, i);
        TRY(interval_fit_typmod(call->ctx, &iv, typmod_arg(call, i)));
        OUT(call, Interval, i) = iv;
    }
    return QN_OK;
}

/* Construction. */

static Status
make_date(Ctx *ctx, int year, int month, int day, int64_t *days)
{
    int y = year < 0 ? year + 1 : year; /* -1 is 1 BC; there is no year 0 */
    if (year == 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(y, month))
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date field value out of range: %d-%02d-%02d", year, month, day);
    *days = days_from_civil(y, month, day);
    if (!DATE_IS_VALID(*days))
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date out of range: %d-%02d-%02d", year, month, day);
    return QN_OK;
}

static Status
make_time(Ctx *ctx, int hour, int minute, double second, int64_t *us)
{
    bool ok = hour >= 0 && minute >= 0 && minute < 60 && hour <= 24 && !isnan(second) && second >= 0 &&
              second <= 60;
    if (ok) {
        *us = ((int64_t)hour * 60 + minute) * USECS_PER_MINUTE + (int64_t)rint(second * 1e6);
        ok = *us <= USECS_PER_DAY;
    }
    if (!ok)
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "time field value out of range: %d:%02d:%02g", hour, minute, second);
    return QN_OK;
}

Status
fn_make_date(KernelCall *call)
{
    ROWS (call, i) {
        int64_t days = 0;
        TRY(make_date(call->ctx, ARG(call, 0, int32_t, i), ARG(call, 1, int32_t, i), ARG(call, 2, int32_t, i), &days));
        OUT(call, int32_t, i) = (int32_t)days;
    }
    return QN_OK;
}

Status
fn_make_time(KernelCall *call)
{
    ROWS (call, i)
        TRY(make_time(call->ctx, ARG(call, 0, int32_t, i), ARG(call, 1, int32_t, i), ARG(call, 2, double, i),
                      &OUT(call, int64_t, i)));
    return QN_OK;
}

static Status
make_timestamp_row(KernelCall *call, int i, int64_t *out)
{
    int64_t days = 0, us = 0;
    int year = ARG(call, 0, int32_t, i), month = ARG(call, 1, int32_t, i), day = ARG(call, 2, int32_t, i);
    int hour = ARG(call, 3, int32_t, i), minute = ARG(call, 4, int32_t, i);
    double second = ARG(call, 5, double, i);
    TRY(make_date(call->ctx, year, month, day, &days));
    TRY(make_time(call->ctx, hour, minute, second, &us));
    if (__builtin_mul_overflow(days, USECS_PER_DAY, out) || __builtin_add_overflow(*out, us, out) ||
        !TIMESTAMP_IS_VALID(*out))
        return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range: %d-%02d-%02d %d:%02d:%02g", year,
                     month, day, hour, minute, second);
    return QN_OK;
}

Status
fn_make_timestamp(KernelCall *call)
{
    ROWS (call, i) TRY(make_timestamp_row(call, i, &OUT(call, int64_t, i)));
    return QN_OK;
}

Status
fn_make_timestamptz(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i) {
        int64_t t;
        TRY(make_timestamp_row(call, i, &t));
        TRY(local_to_tz(call->ctx, tz, t, &OUT(call, int64_t, i)));
    }
    return QN_OK;
}

/* make_timestamptz takes a signed offset besides, with the sign of date input (POSIX has the other one). */
static Status
zone_argument(Ctx *ctx, const Str *name, ZoneSpec *spec)
{
    const char *p = str_data(name), *end = p + name->len;
    if (p < end && (*p == '+' || *p == '-') && end - p <= 9) {
        int part[3] = {0, 0, 0}, n = 0, sign = *p == '-' ? -1 : 1;
        bool ok = true;
        for (p++; p < end && n < 3; n++) {
            int v = 0, digits = 0;
            for (; p < end && ascii_is_digit(*p); p++, digits++) v = v * 10 + (*p - '0');
            ok = ok && digits > 0 && digits <= 4;
            if (n == 0 && digits > 2) part[1] = v % 100, v /= 100;
            part[n] = v;
            if (p < end && *p++ != ':') ok = false;
        }
        if (ok && p == end && part[0] <= 15 && part[1] < 60 && part[2] < 60) {
            *spec = (ZoneSpec){.offset = sign * (part[0] * 3600 + part[1] * 60 + part[2])};
            return QN_OK;
        }
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid input syntax for type %s: \"%.*s\"",
                     "numeric time zone", (int)name->len, str_data(name));
    }
    return zone_spec_parse(ctx, str_data(name), name->len, spec);
}

Status
fn_make_timestamptz_at_timezone(KernelCall *call)
{
    ROWS (call, i) {
        ZoneSpec spec;
        int64_t t;
        TRY(make_timestamp_row(call, i, &t));
        TRY(zone_argument(call->ctx, &ARG(call, 6, Str, i), &spec));
        t -= zone_spec_offset_local(&spec, t) * USECS_PER_SEC;
        if (!TIMESTAMP_IS_VALID(t)) return timestamp_range(call->ctx);
        OUT(call, int64_t, i) = t;
    }
    return QN_OK;
}

/* (years, months, weeks, days, hours, mins, secs), trailing ones may be left out. */
Status
fn_make_interval(KernelCall *call)
{
    ROWS (call, i) {
        int64_t part[6] = {0};
        double secs = 0;
        Interval iv;
        for (int a = 0; a < 6 && a < call->nargs; a++) part[a] = ARG(call, a, int32_t, i);
        if (call->nargs > 6) secs = ARG(call, 6, double, i);
        int64_t months = part[0] * 12 + part[1], days = part[2] * 7 + part[3];
        if (isinf(secs) || isnan(secs) || months > INT32_MAX || months < INT32_MIN || days > INT32_MAX ||
            days < INT32_MIN || fabs(secs) > 9e12)
            return interval_range(call->ctx);
        iv.months = (int32_t)months;
        iv.days = (int32_t)days;
        iv.us = (part[4] * 60 + part[5]) * USECS_PER_MINUTE + (int64_t)rint(secs * 1e6);
        OUT(call, Interval, i) = iv;
    }
    return QN_OK;
}

Status
fn_float8_timestamptz(KernelCall *call)
{
    ROWS (call, i) {
        double s = ARG(call, 0, double, i);
        if (isnan(s)) return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp cannot be NaN");
        if (isinf(s)) {
            OUT(call, int64_t, i) = s > 0 ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY;
            continue;
        }
        double us = (s - (double)UNIX_EPOCH_SECS) * 1e6;
        if (s < -210866803200.0 || s >= 9224318016000.0)
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%g\"", s);
        us = rint(us);
        if (us < (double)TIMESTAMP_MIN || us >= (double)TIMESTAMP_END)
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%g\"", s);
        OUT(call, int64_t, i) = (int64_t)us;
    }
    return QN_OK;
}

/* AT TIME ZONE: (zone, value). */

static Status
at_zone(KernelCall *call, bool to_local)
{
    bool same = arg_is_const(call, 0);
    ZoneSpec spec = {0};
    bool have = false;
    ROWS (call, i) {
        int64_t t = ARG(call, 1, int64_t, i);
        const Str *name = &ARG(call, 0, Str, i);
        if (!have || !same) TRY(zone_spec_parse(call->ctx, str_data(name), name->len, &spec));
        have = true;
        if (TIMESTAMP_IS_FINITE(t)) {
            int64_t offset = to_local ? zone_spec_offset_at(&spec, t) : zone_spec_offset_local(&spec, t);
            t += (to_local ? offset : -offset) * USECS_PER_SEC;
            if (!TIMESTAMP_IS_VALID(t)) return timestamp_range(call->ctx);
        }
        OUT(call, int64_t, i) = t;
    }
    return QN_OK;
}

Status fn_timestamp_zone(KernelCall *call) { return at_zone(call, false); }
Status fn_timestamptz_zone(KernelCall *call) { return at_zone(call, true); }

static Status
at_interval_zone(KernelCall *call, bool to_local)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 0, Interval, i);
        int64_t t = ARG(call, 1, int64_t, i);
        if (iv.months != 0 || iv.days != 0) {
            StrBuf b = strbuf_new(call->arena);
            interval_add_text(&b, &iv, call->ctx->settings != NULL ? call->ctx->settings->interval_style : 0);
            if (b.failed) return RAISE_OOM(call->ctx);
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                         "interval time zone \"%s\" must not include months or days", b.data);
        }
        if (TIMESTAMP_IS_FINITE(t)) {
            int64_t offset = iv.us / USECS_PER_SEC * USECS_PER_SEC;
            if (to_local ? __builtin_add_overflow(t, offset, &t) : __builtin_sub_overflow(t, offset, &t))
                return timestamp_range(call->ctx);
            if (!TIMESTAMP_IS_VALID(t)) return timestamp_range(call->ctx);
        }
        OUT(call, int64_t, i) = t;
    }
    return QN_OK;
}

Status fn_timestamp_izone(KernelCall *call) { return at_interval_zone(call, false); }
Status fn_timestamptz_izone(KernelCall *call) { return at_interval_zone(call, true); }

/* The clock. */

static Status
give_time(KernelCall *call, int64_t t)
{
    ROWS (call, i) OUT(call, int64_t, i) = t;
    return QN_OK;
}

Status fn_now(KernelCall *call) { return give_time(call, ctx_tx_start(call->ctx)); }
Status fn_statement_timestamp(KernelCall *call) { return give_time(call, ctx_stmt_start(call->ctx)); }

Status
fn_clock_timestamp(KernelCall *call)
{
    ROWS (call, i) OUT(call, int64_t, i) = clock_timestamptz();
    return QN_OK;
}

/* OVERLAPS: (start, end or length) twice. The ends of a period may be given in either order, and a NULL in one
 * place does not always hide the answer. */

typedef struct Period {
    bool known[2];
    int64_t at[2];
} Period;

static Status
period_of(KernelCall *call, int a, int i, Period *p)
{
    const TimeZone *tz = session_timezone(call->ctx);
    p->known[0] = !vec_is_null(call->args[a], i);
    p->known[1] = !vec_is_null(call->args[a + 1], i);
    p->at[0] = p->known[0] ? ARG(call, a, int64_t, i) : 0;
    p->at[1] = 0;
    if (!p->known[1]) return QN_OK;
    if (call->fn->args[a + 1] != TYPE_INTERVAL) {
        p->at[1] = ARG(call, a + 1, int64_t, i);
        return QN_OK;
    }
    Interval iv = ARG(call, a + 1, Interval, i);
    if (!p->known[0]) { /* no end without a start */
        p->known[1] = false;
        return QN_OK;
    }
    if (call->fn->args[a] == TYPE_TIMESTAMPTZ) return timestamptz_add_interval(call->ctx, tz, p->at[0], &iv, &p->at[1]);
    if (call->fn->args[a] == TYPE_TIMESTAMP) return timestamp_add_interval(call->ctx, p->at[0], &iv, &p->at[1]);
    p->at[1] = wrap_day(p->at[0] + iv.us % USECS_PER_DAY);
    return QN_OK;
}

/* The known end first, then the earlier one first. */
static void
put_in_order(Period *p)
{
    if (!p->known[0] || (p->known[1] && p->at[0] > p->at[1])) {
        Period q = {{p->known[1], p->known[0]}, {p->at[1], p->at[0]}};
        *p = q;
    }
}

/* 1 yes, 0 no, -1 unknown. */
static int
overlap(Period a, Period b)
{
    put_in_order(&a);
    put_in_order(&b);
    if (!a.known[0] || !b.known[0]) return -1;
    if (a.at[0] == b.at[0]) return a.known[1] && b.known[1] ? 1 : -1;
    if (a.at[0] < b.at[0]) {
        Period t = a;
        a = b;
        b = t;
    }
    if (!b.known[1]) return -1;   /* b starts first; does it last until a starts? */
    if (a.at[0] < b.at[1]) return 1;
    return a.known[1] ? 0 : -1;
}

Status
fn_overlaps_any(KernelCall *call)
{
    ROWS (call, i) {
        Period a, b;
        TRY(period_of(call, 0, i, &a));
        TRY(period_of(call, 2, i, &b));
        int r = overlap(a, b);
        if (r < 0)
            out_set_null(call, i);
        else
            OUT(call, uint8_t, i) = (uint8_t)r;
    }
    return QN_OK;
}

/* generate_series over timestamps. */

typedef struct Series {
    int64_t at, stop;
    Interval step;
    bool down, zoned, done;
} Series;

static Status
series_open(Ctx *ctx, Arena *arena, const Value *args, bool zoned, void **state_out)
{
    static const Interval zero;
    Series *s;
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, Series));
    s->at = args[0].i64;
    s->stop = args[1].i64;
    s->step = args[2].interval;
    s->zoned = zoned;
    int sign = interval_order(s->step, zero);
    if (sign == 0) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "step size cannot equal zero");
    s->down = sign < 0;
    *state_out = s;
    return QN_OK;
}

Status
srf_generate_series_timestamp_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types,
                                   void **state_out)
{
    (void)nargs, (void)arg_types;
    return series_open(ctx, arena, args, false, state_out);
}

Status
srf_generate_series_timestamptz_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types,
                                     void **state_out)
{
    (void)nargs, (void)arg_types;
    return series_open(ctx, arena, args, true, state_out);
}

Status
srf_generate_series_timestamp_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Series *s = state;
    int64_t *rows = out[0]->data;
    int n = 0;
    (void)arena;
    while (n < BATCH_ROWS && !s->done && (s->down ? s->at >= s->stop : s->at <= s->stop)) {
        rows[n++] = s->at;
        if (!TIMESTAMP_IS_FINITE(s->at)) { /* adding to it would go on for ever */
            if (n == BATCH_ROWS) break;
            continue;
        }
        if (s->zoned)
            TRY(timestamptz_add_interval(ctx, session_timezone(ctx), s->at, &s->step, &s->at));
        else
            TRY(timestamp_add_interval(ctx, s->at, &s->step, &s->at));
    }
    *n_out = n;
    return QN_OK;
}

Status
srf_generate_series_timestamptz_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    return srf_generate_series_timestamp_next(ctx, state, arena, out, n_out);
}
