/* datearith.c - kernels of dates and times: arithmetic, casts, length coercions. */
#include "types/date_priv.h"
#include "types/type_io.h"
#include <math.h>

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
