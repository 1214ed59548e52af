/* date_priv.h - what the kernels of dates and times share. */
#ifndef TYPES_DATE_PRIV_H
#define TYPES_DATE_PRIV_H

#include "types/datetime.h"
#include "types/kernel.h"

/* ---- errors ---- */

static inline Status
timestamp_range(Ctx *ctx)
{
    return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
}
static inline Status
interval_range(Ctx *ctx)
{
    return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
}
static inline Status
date_range(Ctx *ctx)
{
    return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date out of range");
}

/* ---- values ---- */

static inline int
interval_order(Interval x, Interval y)
{
    int128 a = interval_span(&x), b = interval_span(&y);
    return (a > b) - (a < b);
}

/* A date as a timestamp to compare with: beyond the timestamps' range it is just larger than every finite one. */
static inline int64_t
date_as_timestamp(int32_t d)
{
    if (d == DATE_INFINITY) return TIMESTAMP_INFINITY;
    if (d == DATE_MINUS_INFINITY) return TIMESTAMP_MINUS_INFINITY;
    if (d >= TIMESTAMP_END / USECS_PER_DAY) return TIMESTAMP_INFINITY - 1;
    return (int64_t)d * USECS_PER_DAY;
}

/* The time of day us after (or before) midnight. */
static inline int64_t
wrap_day(int64_t us)
{
    us %= USECS_PER_DAY;
    return us < 0 ? us + USECS_PER_DAY : us;
}

static inline Status
local_to_tz(Ctx *ctx, const TimeZone *tz, int64_t t, int64_t *out)
{
    return timestamp_to_timestamptz(tz, t, out) ? QN_OK : timestamp_range(ctx);
}

#endif
