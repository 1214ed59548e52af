/* datepart.c - kernels that take dates and times apart: extract and date_part, date_trunc, date_bin, age. */
#include "types/timetz.h"
#include "types/kernel.h"
#include "types/numvar.h"
#include <math.h>

/* Unit names come as text; the one of the row before is remembered, because it is nearly always a constant. */
typedef struct UnitArg {
    char name[64]; /* lower case */
    DateUnit unit;
    bool known;
} UnitArg;

static DateUnit
unit_of(UnitArg *u, const Str *s)
{
    char key[64];
    size_t n = s->len < sizeof(key) - 1 ? s->len : sizeof(key) - 1;
    for (size_t i = 0; i < n; i++) key[i] = ascii_lower(str_data(s)[i]);
    key[n] = '\0';
    if (u->known && strcmp(key, u->name) == 0) return u->unit;
    memcpy(u->name, key, n + 1);
    u->known = true;
    u->unit = s->len < sizeof(key) ? datetime_find_unit(key) : UNIT_NONE;
    if (u->unit == UNIT_AGO || u->unit == UNIT_IGNORE) u->unit = UNIT_NONE;
    return u->unit;
}

static Status
unknown_unit(Ctx *ctx, const UnitArg *u, const Str *s, Oid type)
{
    (void)s;
    return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "unit \"%s\" not recognized for type %s", u->name,
                 type_info(type)->sql_name);
}

static Status
unsupported_unit(Ctx *ctx, const UnitArg *u, Oid type)
{
    return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "unit \"%s\" not supported for type %s", u->name,
                 type_info(type)->sql_name);
}

/* One part: v / 10^scale, or an infinity, or NULL; a Julian day has a fraction of a day besides. */
typedef struct Part {
    enum { PART_NUMBER, PART_NULL, PART_INF, PART_MINUS_INF, PART_JULIAN } kind;
    int scale;
    int128 v;
    int64_t day_us; /* PART_JULIAN */
} Part;

static Part
part_int(int128 v, int scale)
{
    return (Part){.kind = PART_NUMBER, .scale = scale, .v = v};
}

static int64_t
century_of(int year)
{
    return year > 0 ? (year + 99) / 100 : -((99 - (int64_t)(year - 1)) / 100);
}

static int64_t
millennium_of(int year)
{
    return year > 0 ? (year + 999) / 1000 : -((999 - (int64_t)(year - 1)) / 1000);
}

static int64_t
decade_of(int year)
{
    return year >= 0 ? year / 10 : -((8 - (int64_t)(year - 1)) / 10);
}

/* Parts of a calendar date; false: the unit is none of these. */
static bool
date_part_of(DateUnit unit, int64_t days, Part *out)
{
    int y, m, d, iso;
    civil_from_days(days, &y, &m, &d);
    switch (unit) {
    case UNIT_DAY: *out = part_int(d, 0); return true;
    case UNIT_MONTH: *out = part_int(m, 0); return true;
    case UNIT_QUARTER: *out = part_int((m - 1) / 3 + 1, 0); return true;
    case UNIT_WEEK: *out = part_int(iso_week_of(y, m, d, NULL), 0); return true;
    case UNIT_YEAR: *out = part_int(y > 0 ? y : y - 1, 0); return true;
    case UNIT_DECADE: *out = part_int(decade_of(y), 0); return true;
    case UNIT_CENTURY: *out = part_int(century_of(y), 0); return true;
    case UNIT_MILLENNIUM: *out = part_int(millennium_of(y), 0); return true;
    case UNIT_ISOYEAR:
        iso_week_of(y, m, d, &iso);
        *out = part_int(iso > 0 ? iso : iso - 1, 0);
        return true;
    case UNIT_DOW: *out = part_int(weekday_of(days), 0); return true;
    case UNIT_ISODOW: *out = part_int((weekday_of(days) + 6) % 7 + 1, 0); return true;
    case UNIT_DOY: *out = part_int(days - days_from_civil(y, 1, 1) + 1, 0); return true;
    default: return false;
    }
}

static bool
time_part_of(DateUnit unit, int64_t us, Part *out)
{
    int64_t in_minute = us % USECS_PER_MINUTE;
    switch (unit) {
    case UNIT_MICROSECOND: *out = part_int(in_minute, 0); return true;
    case UNIT_MILLISECOND: *out = part_int(in_minute, 3); return true;
    case UNIT_SECOND: *out = part_int(in_minute, 6); return true;
    case UNIT_MINUTE: *out = part_int(us / USECS_PER_MINUTE % 60, 0); return true;
    case UNIT_HOUR: *out = part_int(us / USECS_PER_HOUR, 0); return true;
    default: return false;
    }
}

/* Parts that grow with time are infinite where time is; the others have no value there. */
static Part
infinite_part(DateUnit unit, bool negative)
{
    switch (unit) {
    case UNIT_YEAR:
    case UNIT_DECADE:
    case UNIT_CENTURY:
    case UNIT_MILLENNIUM:
    case UNIT_JULIAN:
    case UNIT_ISOYEAR:
    case UNIT_EPOCH: return (Part){.kind = negative ? PART_MINUS_INF : PART_INF};
    default: return (Part){.kind = PART_NULL};
    }
}

static Status
part_of_date(Ctx *ctx, const UnitArg *u, const Str *name, int32_t d, Part *out)
{
    switch (u->unit) {
    case UNIT_NONE: return unknown_unit(ctx, u, name, TYPE_DATE);
    case UNIT_MICROSECOND:
    case UNIT_MILLISECOND:
    case UNIT_SECOND:
    case UNIT_MINUTE:
    case UNIT_HOUR:
    case UNIT_TIMEZONE:
    case UNIT_TIMEZONE_HOUR:
    case UNIT_TIMEZONE_MINUTE: return unsupported_unit(ctx, u, TYPE_DATE);
    default: break;
    }
    if (!DATE_IS_FINITE(d))
        *out = infinite_part(u->unit, d < 0);
    else if (u->unit == UNIT_EPOCH)
        *out = part_int((int64_t)d * SECS_PER_DAY + UNIX_EPOCH_SECS, 0);
    else if (u->unit == UNIT_JULIAN)
        *out = part_int((int64_t)d + EPOCH_JULIAN, 0);
    else if (!date_part_of(u->unit, d, out))
        return unsupported_unit(ctx, u, TYPE_DATE);
    return QN_OK;
}

static Status
part_of_time(Ctx *ctx, const UnitArg *u, const Str *name, int64_t us, Part *out)
{
    if (u->unit == UNIT_NONE) return unknown_unit(ctx, u, name, TYPE_TIME);
    if (u->unit == UNIT_EPOCH)
        *out = part_int(us, 6);
    else if (!time_part_of(u->unit, us, out))
        return unsupported_unit(ctx, u, TYPE_TIME);
    return QN_OK;
}

/* tz NULL: timestamp. */
static Status
part_of_timestamp(Ctx *ctx, const UnitArg *u, const Str *name, int64_t t, const TimeZone *tz, Part *out)
{
    Oid type = tz != NULL ? TYPE_TIMESTAMPTZ : TYPE_TIMESTAMP;
    if (u->unit == UNIT_NONE) return unknown_unit(ctx, u, name, type);
    bool zone_unit = u->unit == UNIT_TIMEZONE || u->unit == UNIT_TIMEZONE_HOUR || u->unit == UNIT_TIMEZONE_MINUTE;
    if (zone_unit && tz == NULL) return unsupported_unit(ctx, u, type);
    if (!TIMESTAMP_IS_FINITE(t)) {
        *out = infinite_part(u->unit, t < 0);
        return QN_OK;
    }
    if (u->unit == UNIT_EPOCH) {
        *out = part_int((int128)t + UNIX_EPOCH_SECS * USECS_PER_SEC, 6);
        return QN_OK;
    }
    int32_t offset = tz != NULL ? zone_offset_at(tz, t, NULL) : 0;
    if (zone_unit) {
        int32_t v = u->unit == UNIT_TIMEZONE        ? offset
                    : u->unit == UNIT_TIMEZONE_HOUR ? offset / 3600
                                                    : offset / 60 % 60;
        *out = part_int(v, 0);
        return QN_OK;
    }
    t += offset * USECS_PER_SEC;
    int64_t days = floor_div(t, USECS_PER_DAY), us = t - days * USECS_PER_DAY;
    if (u->unit == UNIT_JULIAN)
        *out = (Part){.kind = PART_JULIAN, .v = days + EPOCH_JULIAN, .day_us = us};
    else if (!time_part_of(u->unit, us, out) && !date_part_of(u->unit, days, out))
        return unsupported_unit(ctx, u, type);
    return QN_OK;
}

static Status
part_of_interval(Ctx *ctx, const UnitArg *u, const Str *name, const Interval *iv, Part *out)
{
    int years = iv->months / 12, months = iv->months % 12;
    int64_t us = iv->us;
    switch (u->unit) {
    case UNIT_NONE: return unknown_unit(ctx, u, name, TYPE_INTERVAL);
    case UNIT_MICROSECOND: *out = part_int(us % USECS_PER_MINUTE, 0); break;
    case UNIT_MILLISECOND: *out = part_int(us % USECS_PER_MINUTE, 3); break;
    case UNIT_SECOND: *out = part_int(us % USECS_PER_MINUTE, 6); break;
    case UNIT_MINUTE: *out = part_int(us % USECS_PER_HOUR / USECS_PER_MINUTE, 0); break;
    case UNIT_HOUR: *out = part_int(us / USECS_PER_HOUR, 0); break;
    case UNIT_DAY: *out = part_int(iv->days, 0); break;
    case UNIT_MONTH: *out = part_int(months, 0); break;
    case UNIT_QUARTER: *out = part_int(months / 3 + 1, 0); break;
    case UNIT_YEAR: *out = part_int(years, 0); break;
    case UNIT_DECADE: *out = part_int(years / 10, 0); break;
    case UNIT_CENTURY: *out = part_int(years / 100, 0); break;
    case UNIT_MILLENNIUM: *out = part_int(years / 1000, 0); break;
    case UNIT_EPOCH: { /* a year of 365.25 days, a month of 30 */
        int64_t secs = ((int64_t)1461 * years + (int64_t)4 * DAYS_PER_MONTH * months + (int64_t)4 * iv->days) *
                       (SECS_PER_DAY / 4);
        *out = part_int((int128)secs * USECS_PER_SEC + us, 6);
        break;
    }
    default: return unsupported_unit(ctx, u, TYPE_INTERVAL);
    }
    return QN_OK;
}

static Status
part_of_timetz(Ctx *ctx, const UnitArg *u, const Str *name, TimeTz t, Part *out)
{
    int32_t east = -t.west;
    switch (u->unit) {
    case UNIT_NONE: return unknown_unit(ctx, u, name, TYPE_TIMETZ);
    case UNIT_EPOCH: *out = part_int(t.us + (int64_t)t.west * USECS_PER_SEC, 6); return QN_OK;
    case UNIT_TIMEZONE: *out = part_int(east, 0); return QN_OK;
    case UNIT_TIMEZONE_HOUR: *out = part_int(east / 3600, 0); return QN_OK;
    case UNIT_TIMEZONE_MINUTE: *out = part_int(east / 60 % 60, 0); return QN_OK;
    default: return time_part_of(u->unit, t.us, out) ? QN_OK : unsupported_unit(ctx, u, TYPE_TIMETZ);
    }
}

static Status
part_of_row(KernelCall *call, UnitArg *u, const TimeZone *tz, int i, Part *out)
{
    const Str *name = &ARG(call, 0, Str, i);
    unit_of(u, name);
    switch (call->args[1]->type) {
    case TYPE_DATE: return part_of_date(call->ctx, u, name, ARG(call, 1, int32_t, i), out);
    case TYPE_TIME: return part_of_time(call->ctx, u, name, ARG(call, 1, int64_t, i), out);
    case TYPE_TIMETZ: return part_of_timetz(call->ctx, u, name, timetz_unpack(&ARG(call, 1, Uuid, i)), out);
    case TYPE_TIMESTAMP: return part_of_timestamp(call->ctx, u, name, ARG(call, 1, int64_t, i), NULL, out);
    case TYPE_TIMESTAMPTZ: return part_of_timestamp(call->ctx, u, name, ARG(call, 1, int64_t, i), tz, out);
    default: {
        Interval iv = ARG(call, 1, Interval, i);
        return part_of_interval(call->ctx, u, name, &iv, out);
    }
    }
}

/* date_part: as double precision. */
static Status
date_part_kernel(KernelCall *call)
{
    static const double pow10[7] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    const TimeZone *tz = session_timezone(call->ctx);
    UnitArg u = {0};
    ROWS (call, i) {
        Part p;
        TRY(part_of_row(call, &u, tz, i, &p));
        double *out = &OUT(call, double, i);
        switch (p.kind) {
        case PART_NULL: out_set_null(call, i); break;
        case PART_INF: *out = INFINITY; break;
        case PART_MINUS_INF: *out = -INFINITY; break;
        case PART_JULIAN: *out = (double)p.v + (double)p.day_us / (double)USECS_PER_DAY; break;
        case PART_NUMBER: *out = (double)p.v / pow10[p.scale]; break;
        }
    }
    return QN_OK;
}

Status fn_timestamp_part(KernelCall *call) { return date_part_kernel(call); }
Status fn_timestamptz_part(KernelCall *call) { return date_part_kernel(call); }
Status fn_timetz_part(KernelCall *call) { return date_part_kernel(call); }
Status fn_time_part(KernelCall *call) { return date_part_kernel(call); }
Status fn_interval_part(KernelCall *call) { return date_part_kernel(call); }
Status fn_date_part_date(KernelCall *call) { return date_part_kernel(call); }

/* The Julian day and its fraction, with the digits numeric division gives. */
static Status
julian_numeric(KernelCall *call, const Part *p, Value *out)
{
    NumWork w = {call->ctx, call->arena};
    NumVar day, us, day_us, fraction, sum;
    numvar_init(&day), numvar_init(&us), numvar_init(&day_us), numvar_init(&fraction), numvar_init(&sum);
    TRY(numvar_from_i128(&w, p->v, 0, &day));
    TRY(numvar_from_i128(&w, p->day_us, 0, &us));
    TRY(numvar_from_i128(&w, USECS_PER_DAY, 0, &day_us));
    TRY(numvar_div(&w, &us, &day_us, numvar_div_scale(&us, &day_us), true, &fraction));
    TRY(numvar_add(&w, &day, &fraction, &sum));
    *out = value_null(TYPE_NUMERIC);
    out->is_null = false;
    out->phys = PHYS_STR;
    return numvar_pack(&w, &sum, &out->str);
}

static Status
part_value(KernelCall *call, const Part *p, Value *out)
{
    switch (p->kind) {
    case PART_INF: return value_in(call->ctx, call->arena, "Infinity", 8, TYPE_NUMERIC, -1, out);
    case PART_MINUS_INF: return value_in(call->ctx, call->arena, "-Infinity", 9, TYPE_NUMERIC, -1, out);
    case PART_JULIAN: return julian_numeric(call, p, out);
    default: *out = numeric_value_int(p->v, p->scale); return QN_OK;
    }
}

/* extract: as numeric. The rows of a constant field agree in scale and fit int64, so the result is integers; other
 * mixtures take the variable form. */
static Status
extract_kernel(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    UnitArg u = {0};
    int scale = -1;
    bool uniform = true;
    ROWS (call, i) {
        Part p;
        TRY(part_of_row(call, &u, tz, i, &p));
        if (p.kind == PART_NULL) {
            out_set_null(call, i);
            continue;
        }
        if (scale < 0) scale = p.scale;
        if (p.kind != PART_NUMBER || p.scale != scale || p.v != (int64_t)p.v) {
            uniform = false;
            break;
        }
        OUT(call, int64_t, i) = (int64_t)p.v;
    }
    if (uniform) {
        out_set_form(call, PHYS_I64, scale < 0 ? 0 : scale);
        return QN_OK;
    }
    out_set_form(call, PHYS_STR, 0);
    ROWS (call, k) {
        Part p;
        Value v, plain;
        TRY(part_of_row(call, &u, tz, k, &p));
        if (p.kind == PART_NULL) {
            out_set_null(call, k);
            continue;
        }
        TRY(part_value(call, &p, &v));
        TRY(numeric_value_convert(call->ctx, call->arena, &v, PHYS_STR, 0, &plain));
        OUT(call, Str, k) = plain.str;
    }
    return QN_OK;
}

Status fn_extract_date(KernelCall *call) { return extract_kernel(call); }
Status fn_extract_timetz(KernelCall *call) { return extract_kernel(call); }
Status fn_extract_time(KernelCall *call) { return extract_kernel(call); }
Status fn_extract_timestamp(KernelCall *call) { return extract_kernel(call); }
Status fn_extract_timestamptz(KernelCall *call) { return extract_kernel(call); }
Status fn_extract_interval(KernelCall *call) { return extract_kernel(call); }

/* date_trunc. */

static bool
trunc_local(DateUnit unit, int64_t t, int64_t *out, bool *wide)
{
    DateTime dt;
    *wide = true; /* the offset of the zone may change on the way down */
    switch (unit) {
    case UNIT_MICROSECOND: *wide = false; *out = t; return true;
    case UNIT_MILLISECOND: *wide = false; *out = floor_div(t, 1000) * 1000; return true;
    case UNIT_SECOND: *wide = false; *out = floor_div(t, USECS_PER_SEC) * USECS_PER_SEC; return true;
    case UNIT_MINUTE: *wide = false; *out = floor_div(t, USECS_PER_MINUTE) * USECS_PER_MINUTE; return true;
    case UNIT_HOUR: *wide = false; *out = floor_div(t, USECS_PER_HOUR) * USECS_PER_HOUR; return true;
    case UNIT_DAY: *out = floor_div(t, USECS_PER_DAY) * USECS_PER_DAY; return true;
    case UNIT_WEEK: {
        int64_t days = floor_div(t, USECS_PER_DAY);
        *out = (days - (weekday_of(days) + 6) % 7) * USECS_PER_DAY;
        return true;
    }
    default: break;
    }
    datetime_from_timestamp(t, &dt);
    dt.day = 1;
    dt.hour = dt.minute = dt.second = dt.us = 0;
    int y = dt.year;
    switch (unit) {
    case UNIT_MONTH: break;
    case UNIT_QUARTER: dt.month = (dt.month - 1) / 3 * 3 + 1; break;
    case UNIT_YEAR: dt.month = 1; break;
    case UNIT_DECADE: dt.year = y > 0 ? y / 10 * 10 : -((8 - (y - 1)) / 10) * 10, dt.month = 1; break;
    case UNIT_CENTURY: dt.year = y > 0 ? (y + 99) / 100 * 100 - 99 : -((99 - (y - 1)) / 100) * 100 + 1, dt.month = 1; break;
    case UNIT_MILLENNIUM:
        dt.year = y > 0 ? (y + 999) / 1000 * 1000 - 999 : -((999 - (y - 1)) / 1000) * 1000 + 1;
        dt.month = 1;
        break;
    default: return false;
    }
    int64_t days = days_from_civil(dt.year, dt.month, 1);
    *out = days * USECS_PER_DAY;
    return true;
}

static Status
trunc_error(Ctx *ctx, const UnitArg *u, const Str *name, Oid type)
{
    /* Fields of extract that are no lengths of time are words date_trunc does not know. */
    bool zone = u->unit == UNIT_TIMEZONE || u->unit == UNIT_TIMEZONE_HOUR || u->unit == UNIT_TIMEZONE_MINUTE;
    if (u->unit != UNIT_NONE && (u->unit < UNIT_FIRST_FIELD || zone)) return unsupported_unit(ctx, u, type);
    return unknown_unit(ctx, u, name, type);
}

Status
fn_timestamp_trunc(KernelCall *call)
{
    UnitArg u = {0};
    ROWS (call, i) {
        const Str *name = &ARG(call, 0, Str, i);
        int64_t t = ARG(call, 1, int64_t, i), r;
        bool wide;
        unit_of(&u, name);
        if (!trunc_local(u.unit, TIMESTAMP_IS_FINITE(t) ? t : 0, &r, &wide))
            return trunc_error(call->ctx, &u, name, TYPE_TIMESTAMP);
        if (TIMESTAMP_IS_FINITE(t) && !TIMESTAMP_IS_VALID(r))
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
        OUT(call, int64_t, i) = TIMESTAMP_IS_FINITE(t) ? r : t;
    }
    return QN_OK;
}

static Status
trunc_zoned(KernelCall *call, UnitArg *u, const ZoneSpec *zone, int i)
{
    const Str *name = &ARG(call, 0, Str, i);
    int64_t t = ARG(call, 1, int64_t, i), r;
    bool wide;
    unit_of(u, name);
    if (!TIMESTAMP_IS_FINITE(t)) {
        if (!trunc_local(u->unit, 0, &r, &wide)) return trunc_error(call->ctx, u, name, TYPE_TIMESTAMPTZ);
        OUT(call, int64_t, i) = t;
        return QN_OK;
    }
    int64_t offset = zone_spec_offset_at(zone, t) * USECS_PER_SEC;
    if (!trunc_local(u->unit, t + offset, &r, &wide)) return trunc_error(call->ctx, u, name, TYPE_TIMESTAMPTZ);
    if (wide) offset = zone_spec_offset_local(zone, r) * USECS_PER_SEC;
    r -= offset;
    if (!TIMESTAMP_IS_VALID(r)) return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    OUT(call, int64_t, i) = r;
    return QN_OK;
}

Status
fn_timestamptz_trunc(KernelCall *call)
{
    ZoneSpec zone = {.zone = session_timezone(call->ctx)};
    UnitArg u = {0};
    ROWS (call, i) TRY(trunc_zoned(call, &u, &zone, i));
    return QN_OK;
}

Status
fn_timestamptz_trunc_zone(KernelCall *call)
{
    UnitArg u = {0};
    ROWS (call, i) {
        const Str *name = &ARG(call, 2, Str, i);
        ZoneSpec zone;
        TRY(zone_spec_parse(call->ctx, str_data(name), name->len, &zone));
        TRY(trunc_zoned(call, &u, &zone, i));
    }
    return QN_OK;
}

Status
fn_interval_trunc(KernelCall *call)
{
    UnitArg u = {0};
    ROWS (call, i) {
        const Str *name = &ARG(call, 0, Str, i);
        Interval iv = ARG(call, 1, Interval, i);
        int64_t unit_us = 0;
        int unit_months = 0;
        switch (unit_of(&u, name)) {
        case UNIT_MICROSECOND: unit_us = 1; break;
        case UNIT_MILLISECOND: unit_us = 1000; break;
        case UNIT_SECOND: unit_us = USECS_PER_SEC; break;
        case UNIT_MINUTE: unit_us = USECS_PER_MINUTE; break;
        case UNIT_HOUR: unit_us = USECS_PER_HOUR; break;
        case UNIT_DAY: break;
        case UNIT_MONTH: unit_months = 1; break;
        case UNIT_QUARTER: unit_months = 3; break;
        case UNIT_YEAR: unit_months = 12; break;
        case UNIT_DECADE: unit_months = 120; break;
        case UNIT_CENTURY: unit_months = 1200; break;
        case UNIT_MILLENNIUM: unit_months = 12000; break;
        case UNIT_WEEK:
            return err_detail(call->ctx, unsupported_unit(call->ctx, &u, TYPE_INTERVAL),
                              "Months usually have fractional weeks.");
        default: return trunc_error(call->ctx, &u, name, TYPE_INTERVAL);
        }
        if (unit_us == 0) {
            iv.us = 0;
            if (unit_months > 0) {
                iv.days = 0;
                iv.months = iv.months / unit_months * unit_months;
            }
        } else {
            iv.us = iv.us / unit_us * unit_us;
        }
        OUT(call, Interval, i) = iv;
    }
    return QN_OK;
}

/* date_bin(stride, source, origin) */
Status
fn_timestamp_bin(KernelCall *call)
{
    ROWS (call, i) {
        Interval stride = ARG(call, 0, Interval, i);
        int64_t t = ARG(call, 1, int64_t, i), origin = ARG(call, 2, int64_t, i), us, diff;
        if (!TIMESTAMP_IS_FINITE(t)) {
            OUT(call, int64_t, i) = t;
            continue;
        }
        if (!TIMESTAMP_IS_FINITE(origin))
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "origin out of range");
        if (stride.months != 0)
            return RAISE(call->ctx, ERR_FEATURE_NOT_SUPPORTED,
                         "timestamps cannot be binned into intervals containing months or years");
        if (__builtin_mul_overflow((int64_t)stride.days, USECS_PER_DAY, &us) ||
            __builtin_add_overflow(us, stride.us, &us))
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
        if (us <= 0)
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "stride must be greater than zero");
        if (__builtin_sub_overflow(t, origin, &diff))
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
        int64_t r;
        if (__builtin_add_overflow(origin, floor_div(diff, us) * us, &r) || !TIMESTAMP_IS_VALID(r))
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
        OUT(call, int64_t, i) = r;
    }
    return QN_OK;
}

Status fn_timestamptz_bin(KernelCall *call) { return fn_timestamp_bin(call); }

/* age: the difference in years, months, days as people count it: whole months from the earlier day on. */
static Interval
age_between(int64_t a, int64_t b)
{
    bool negative = a < b;
    DateTime hi, lo;
    datetime_from_timestamp(negative ? b : a, &hi);
    datetime_from_timestamp(negative ? a : b, &lo);
    int64_t us = ((int64_t)(hi.hour - lo.hour) * 60 + (hi.minute - lo.minute)) * USECS_PER_MINUTE +
                 (int64_t)(hi.second - lo.second) * USECS_PER_SEC + (hi.us - lo.us);
    int days = hi.day - lo.day;
    int months = (hi.year - lo.year) * 12 + hi.month - lo.month;
    if (us < 0) {
        us += USECS_PER_DAY;
        days--;
    }
    while (days < 0) {
        days += days_in_month(lo.year, lo.month); /* borrow the month the count starts in */
        months--;
    }
    Interval iv = {.us = us, .days = days, .months = months};
    if (negative) iv = (Interval){.us = -us, .days = -days, .months = -months};
    return iv;
}

static Status
age_row(KernelCall *call, int i, int64_t a, int64_t b, const TimeZone *tz)
{
    if (!TIMESTAMP_IS_FINITE(a) || !TIMESTAMP_IS_FINITE(b))
        return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    if (tz != NULL) {
        a = timestamptz_to_timestamp(tz, a);
        b = timestamptz_to_timestamp(tz, b);
    }
    OUT(call, Interval, i) = age_between(a, b);
    return QN_OK;
}

Status
fn_timestamp_age(KernelCall *call)
{
    ROWS (call, i) TRY(age_row(call, i, ARG(call, 0, int64_t, i), ARG(call, 1, int64_t, i), NULL));
    return QN_OK;
}

Status
fn_timestamptz_age(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i) TRY(age_row(call, i, ARG(call, 0, int64_t, i), ARG(call, 1, int64_t, i), tz));
    return QN_OK;
}

/* age(x): since then until midnight today. */
static int64_t
today(KernelCall *call)
{
    int64_t local = timestamptz_to_timestamp(session_timezone(call->ctx), ctx_tx_start(call->ctx));
    return floor_div(local, USECS_PER_DAY) * USECS_PER_DAY;
}

Status
fn_timestamp_age_today(KernelCall *call)
{
    int64_t t = today(call);
    ROWS (call, i) TRY(age_row(call, i, t, ARG(call, 0, int64_t, i), NULL));
    return QN_OK;
}

Status
fn_timestamptz_age_today(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    int64_t t = today(call);
    ROWS (call, i)
        TRY(age_row(call, i, t, timestamptz_to_timestamp(tz, ARG(call, 0, int64_t, i)), NULL));
    return QN_OK;
}
