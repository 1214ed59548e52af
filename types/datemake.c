/* datemake.c - dates and times from their parts and from the clock, AT TIME ZONE, OVERLAPS, generate_series. */
#include "common/settings.h"
#include "types/date_priv.h"
#include "types/type_io.h"
#include <math.h>

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
