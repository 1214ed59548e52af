/* datetime.c - see datetime.h: the calendar, zones, output, rounding, and in/out of the types. */
#include "types/datetime.h"
#include "common/hash.h"
#include "common/settings.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char *const month_names[12] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
const char *const weekday_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};

/* The era method: years start on 1 March, so that the leap day is the last of its year. */
int64_t
days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 730425;
}

void
civil_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 730425;
    int64_t era = floor_div(z, 146097);
    int doe = (int)(z - era * 146097);
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

int
days_in_month(int year, int month)
{
    static const int8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

int64_t
iso_week_start(int iso_year, int week)
{
    int64_t jan4 = days_from_civil(iso_year, 1, 4); /* always in week 1 */
    return jan4 - (weekday_of(jan4) + 6) % 7 + (int64_t)(week - 1) * 7;
}

int
iso_week_of(int year, int month, int day, int *iso_year_out)
{
    int64_t days = days_from_civil(year, month, day);
    int64_t start = iso_week_start(year, 1), next = iso_week_start(year + 1, 1);
    int iso_year = year;
    if (days < start)
        start = iso_week_start(--iso_year, 1);
    else if (days >= next)
        start = next, iso_year++;
    if (iso_year_out != NULL) *iso_year_out = iso_year;
    return (int)((days - start) / 7) + 1;
}

void
datetime_from_timestamp(int64_t us, DateTime *out)
{
    int64_t days = floor_div(us, USECS_PER_DAY);
    int64_t rest = us - days * USECS_PER_DAY;
    civil_from_days(days, &out->year, &out->month, &out->day);
    out->hour = (int)(rest / USECS_PER_HOUR);
    rest %= USECS_PER_HOUR;
    out->minute = (int)(rest / USECS_PER_MINUTE);
    rest %= USECS_PER_MINUTE;
    out->second = (int)(rest / USECS_PER_SEC);
    out->us = (int)(rest % USECS_PER_SEC);
}

bool
datetime_to_timestamp(const DateTime *dt, int64_t *out)
{
    int64_t days = days_from_civil(dt->year, dt->month, dt->day);
    int64_t time = ((int64_t)dt->hour * 60 + dt->minute) * USECS_PER_MINUTE +
                   (int64_t)dt->second * USECS_PER_SEC + dt->us;
    int64_t t;
    if (__builtin_mul_overflow(days, USECS_PER_DAY, &t) || __builtin_add_overflow(t, time, &t))
        return false;
    *out = t;
    return TIMESTAMP_IS_VALID(t);
}

const TimeZone *
session_timezone(Ctx *ctx)
{
    const TimeZone *tz = ctx->settings != NULL ? ctx->settings->timezone_info : NULL;
    return tz != NULL ? tz : timezone_utc;
}

int32_t
zone_offset_at(const TimeZone *tz, int64_t timestamptz, const char **abbrev_out)
{
    return timezone_offset_at(tz, floor_div(timestamptz, USECS_PER_SEC) + UNIX_EPOCH_SECS, abbrev_out,
                              NULL);
}

bool
timestamp_to_timestamptz(const TimeZone *tz, int64_t timestamp, int64_t *out)
{
    *out = timestamp;
    if (!TIMESTAMP_IS_FINITE(timestamp)) return true;
    int32_t offset =
        timezone_offset_local(tz, floor_div(timestamp, USECS_PER_SEC) + UNIX_EPOCH_SECS);
    return !__builtin_sub_overflow(timestamp, (int64_t)offset * USECS_PER_SEC, out) &&
           TIMESTAMP_IS_VALID(*out);
}

int64_t
timestamptz_to_timestamp(const TimeZone *tz, int64_t timestamptz)
{
    if (!TIMESTAMP_IS_FINITE(timestamptz)) return timestamptz;
    return timestamptz + (int64_t)zone_offset_at(tz, timestamptz, NULL) * USECS_PER_SEC;
}

Status
zone_spec_parse(Ctx *ctx, const char *name, size_t nbytes, ZoneSpec *out)
{
    bool dst;
    *out = (ZoneSpec){0};
    if (timezone_abbrev(ctx, name, nbytes, &out->offset, &dst, &out->zone)) {
        if (out->zone != NULL) {
            out->abbrev = name;
            out->abbrev_bytes = nbytes;
        }
        return QN_OK;
    }
    TRY(timezone_find(ctx, name, nbytes, &out->zone));
    if (out->zone == NULL)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized", (int)nbytes,
                     name);
    return QN_OK;
}

int32_t
zone_spec_offset_local(const ZoneSpec *spec, int64_t timestamp)
{
    if (spec->zone == NULL) return spec->offset;
    int64_t local = floor_div(timestamp, USECS_PER_SEC) + UNIX_EPOCH_SECS;
    int32_t offset = timezone_offset_local(spec->zone, local);
    bool dst;
    if (spec->abbrev != NULL)
        (void)timezone_abbrev_in(spec->zone, spec->abbrev, spec->abbrev_bytes, local - offset, &offset,
                                 &dst); /* false leaves the zone's own offset */
    return offset;
}

int32_t
zone_spec_offset_at(const ZoneSpec *spec, int64_t timestamptz)
{
    if (spec->zone == NULL) return spec->offset;
    int32_t offset = zone_offset_at(spec->zone, timestamptz, NULL);
    bool dst;
    if (spec->abbrev != NULL)
        (void)timezone_abbrev_in(spec->zone, spec->abbrev, spec->abbrev_bytes,
                                 floor_div(timestamptz, USECS_PER_SEC) + UNIX_EPOCH_SECS, &offset, &dst);
    return offset;
}

int64_t
clock_timestamptz(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ((int64_t)ts.tv_sec - UNIX_EPOCH_SECS) * USECS_PER_SEC + ts.tv_nsec / 1000;
}

int64_t
ctx_tx_start(Ctx *ctx)
{
    return ctx->tx_start_us != 0 ? ctx->tx_start_us : clock_timestamptz();
}

int64_t
ctx_stmt_start(Ctx *ctx)
{
    return ctx->stmt_start_us != 0 ? ctx->stmt_start_us : clock_timestamptz();
}

/* Output. */

/* v in at least width digits. */
static char *
put_int(char *q, int64_t v, int width)
{
    char buf[20];
    int n = 0;
    do {
        buf[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    while (n < width) buf[n++] = '0';
    while (n > 0) *q++ = buf[--n];
    return q;
}

/* ss[.ffffff], trailing zeros of the fraction dropped. */
static char *
put_seconds(char *q, int second, int us, int width)
{
    q = put_int(q, second, width);
    if (us != 0) {
        *q++ = '.';
        q = put_int(q, us, 6);
        while (q[-1] == '0') q--;
    }
    return q;
}

static char *
put_date(char *q, int year, int month, int day, int style, int order)
{
    int shown = year > 0 ? year : 1 - year;
    char sep = style == DATESTYLE_SQL ? '/' : style == DATESTYLE_GERMAN ? '.' : '-';
    if (style == DATESTYLE_ISO) {
        q = put_int(q, shown, 4);
        *q++ = '-';
        q = put_int(q, month, 2);
        *q++ = '-';
        return put_int(q, day, 2);
    }
    bool day_first = style == DATESTYLE_GERMAN || order == DATEORDER_DMY;
    q = put_int(q, day_first ? day : month, 2);
    *q++ = sep;
    q = put_int(q, day_first ? month : day, 2);
    *q++ = sep;
    return put_int(q, shown, 4);
}

static char *
put_bc(char *q, int year)
{
    if (year > 0) return q;
    memcpy(q, " BC", 3);
    return q + 3;
}

static char *
put_offset(char *q, int32_t offset, bool with_minutes)
{
    int32_t a = offset < 0 ? -offset : offset;
    *q++ = offset < 0 ? '-' : '+';
    q = put_int(q, a / 3600, 2);
    if (a % 3600 != 0 || with_minutes) {
        *q++ = ':';
        q = put_int(q, a / 60 % 60, 2);
    }
    if (a % 60 != 0) {
        *q++ = ':';
        q = put_int(q, a % 60, 2);
    }
    return q;
}

static char *
put_time(char *q, int hour, int minute, int second, int us)
{
    q = put_int(q, hour, 2);
    *q++ = ':';
    q = put_int(q, minute, 2);
    *q++ = ':';
    return put_seconds(q, second, us, 2);
}

void
date_add_text(StrBuf *b, int32_t date, int style, int order)
{
    char buf[40], *q = buf;
    int y, m, d;
    if (!DATE_IS_FINITE(date)) {
        strbuf_addz(b, date == DATE_INFINITY ? "infinity" : "-infinity");
        return;
    }
    civil_from_days(date, &y, &m, &d);
    q = put_date(q, y, m, d, style, order);
    q = put_bc(q, y);
    strbuf_add(b, buf, (size_t)(q - buf));
}

void
time_add_text(StrBuf *b, int64_t us)
{
    char buf[40];
    char *q = put_time(buf, (int)(us / USECS_PER_HOUR), (int)(us / USECS_PER_MINUTE % 60),
                       (int)(us / USECS_PER_SEC % 60), (int)(us % USECS_PER_SEC));
    strbuf_add(b, buf, (size_t)(q - buf));
}

/* zone: NULL for timestamp. abbrev: what SQL, Postgres and German styles show of the zone. */
static void
add_timestamp(StrBuf *b, int64_t local, const int32_t *offset, const char *abbrev, int style, int order,
              bool iso_t)
{
    char buf[128], *q = buf;
    DateTime dt;
    datetime_from_timestamp(local, &dt);
    if (iso_t) style = DATESTYLE_ISO;
    if (style == DATESTYLE_POSTGRES) {
        int64_t days = floor_div(local, USECS_PER_DAY);
        memcpy(q, weekday_names[weekday_of(days)], 3);
        q[3] = ' ';
        q += 4;
        if (order == DATEORDER_DMY) {
            q = put_int(q, dt.day, 2);
            *q++ = ' ';
        }
        memcpy(q, month_names[dt.month - 1], 3);
        q[3] = ' ';
        q += 4;
        if (order != DATEORDER_DMY) {
            q = put_int(q, dt.day, 2);
            *q++ = ' ';
        }
        q = put_time(q, dt.hour, dt.minute, dt.second, dt.us);
        *q++ = ' ';
        q = put_int(q, dt.year > 0 ? dt.year : 1 - dt.year, 4);
    } else {
        q = put_date(q, dt.year, dt.month, dt.day, style, order);
        *q++ = iso_t ? 'T' : ' ';
        q = put_time(q, dt.hour, dt.minute, dt.second, dt.us);
    }
    if (offset != NULL) {
        if (style == DATESTYLE_ISO) {
            q = put_offset(q, *offset, iso_t);
        } else {
            size_t n = strlen(abbrev);
            *q++ = ' ';
            memcpy(q, abbrev, n);
            q += n;
        }
    }
    q = put_bc(q, dt.year);
    strbuf_add(b, buf, (size_t)(q - buf));
}

void
timestamp_add_text(StrBuf *b, int64_t t, int style, int order, bool iso_t)
{
    if (!TIMESTAMP_IS_FINITE(t))
        strbuf_addz(b, t == TIMESTAMP_INFINITY ? "infinity" : "-infinity");
    else
        add_timestamp(b, t, NULL, NULL, style, order, iso_t);
}

void
timestamptz_add_text(StrBuf *b, const TimeZone *tz, int64_t t, int style, int order, bool iso_t)
{
    if (!TIMESTAMP_IS_FINITE(t)) {
        strbuf_addz(b, t == TIMESTAMP_INFINITY ? "infinity" : "-infinity");
        return;
    }
    const char *abbrev;
    int32_t offset = zone_offset_at(tz, t, &abbrev);
    add_timestamp(b, t + offset * USECS_PER_SEC, &offset, abbrev, style, order, iso_t);
}

/* Rounding. */

static const int64_t scale_of_precision[7] = {1000000, 100000, 10000, 1000, 100, 10, 1};

int64_t
time_round(int64_t us, int32_t typmod)
{
    if (typmod < 0 || typmod >= 6) return us;
    int64_t scale = scale_of_precision[typmod];
    return us >= 0 ? (us + scale / 2) / scale * scale : -((-us + scale / 2) / scale * scale);
}

Status
timestamp_round(Ctx *ctx, int64_t *us, int32_t typmod)
{
    (void)ctx;
    if (TIMESTAMP_IS_FINITE(*us)) *us = time_round(*us, typmod);
    return QN_OK;
}

/* In and out. */

static int
style_of(Ctx *ctx)
{
    return ctx->settings != NULL ? ctx->settings->date_style : DATESTYLE_ISO;
}

static int
order_of(Ctx *ctx)
{
    return ctx->settings != NULL ? ctx->settings->date_order : DATEORDER_MDY;
}

Status
date_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    int32_t d;
    (void)arena, (void)typmod;
    TRY(date_parse(ctx, text, nbytes, &d));
    *out = value_i32(type, d);
    return QN_OK;
}

Status
date_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    date_add_text(b, value->i32, style_of(ctx), order_of(ctx));
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
time_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    int64_t t;
    (void)arena;
    TRY(time_parse(ctx, text, nbytes, typmod, &t));
    *out = value_i64(type, t);
    return QN_OK;
}

Status
time_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    time_add_text(b, value->i64);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
timestamp_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
             Value *out)
{
    int64_t t;
    (void)arena;
    TRY(timestamp_parse(ctx, text, nbytes, typmod, &t));
    *out = value_i64(type, t);
    return QN_OK;
}

Status
timestamp_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    timestamp_add_text(b, value->i64, style_of(ctx), order_of(ctx), false);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
timestamptz_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
               Value *out)
{
    int64_t t;
    (void)arena;
    TRY(timestamptz_parse(ctx, text, nbytes, typmod, &t));
    *out = value_i64(type, t);
    return QN_OK;
}

Status
timestamptz_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    timestamptz_add_text(b, session_timezone(ctx), value->i64, style_of(ctx), order_of(ctx), false);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}
