/* timetz.c - time with time zone: form, text, arithmetic and casts. See timetz.h; extract is in datepart.c. */
#include "types/timetz.h"
#include "types/kernel.h"

Uuid
timetz_pack(TimeTz t)
{
    Uuid u = {{0}};
    uint64_t utc = __builtin_bswap64((uint64_t)(t.us + (int64_t)t.west * USECS_PER_SEC) ^ UINT64_C(1) << 63);
    uint32_t west = __builtin_bswap32((uint32_t)t.west ^ 0x80000000u);
    memcpy(u.bytes, &utc, 8);
    memcpy(u.bytes + 8, &west, 4);
    return u;
}

TimeTz
timetz_unpack(const Uuid *u)
{
    uint64_t utc;
    uint32_t west;
    memcpy(&utc, u->bytes, 8);
    memcpy(&west, u->bytes + 8, 4);
    TimeTz t = {.west = (int32_t)(__builtin_bswap32(west) ^ 0x80000000u)};
    t.us = (int64_t)(__builtin_bswap64(utc) ^ UINT64_C(1) << 63) - (int64_t)t.west * USECS_PER_SEC;
    return t;
}

Status
timetz_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    TimeTz t;
    (void)arena;
    TRY(timetz_parse(ctx, text, nbytes, typmod, &t));
    *out = value_null(type);
    out->is_null = false;
    out->phys = PHYS_UUID;
    out->uuid = timetz_pack(t);
    return QN_OK;
}

Status
timetz_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    TimeTz t = timetz_unpack(&value->uuid);
    int east = -t.west, abs = east < 0 ? -east : east;
    time_add_text(b, t.us);
    strbuf_addf(b, "%c%02d", east < 0 ? '-' : '+', abs / 3600);
    if (abs % 3600 != 0) strbuf_addf(b, ":%02d", abs / 60 % 60);
    if (abs % 60 != 0) strbuf_addf(b, ":%02d", abs % 60);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* ---- arithmetic ---- */

static TimeTz
arg(const KernelCall *call, int a, int i)
{
    return timetz_unpack(&ARG(call, a, Uuid, i));
}

static int64_t
wrap_day(int64_t us)
{
    us %= USECS_PER_DAY;
    return us < 0 ? us + USECS_PER_DAY : us;
}

static TimeTz
plus(TimeTz t, int64_t us)
{
    t.us = wrap_day(t.us + us % USECS_PER_DAY);
    return t;
}

BINARY_KERNEL(timetz_pl_interval, Uuid, Interval, Uuid, timetz_pack(plus(timetz_unpack(&x), y.us)))
BINARY_KERNEL(timetz_mi_interval, Uuid, Interval, Uuid, timetz_pack(plus(timetz_unpack(&x), -(y.us % USECS_PER_DAY))))
BINARY_KERNEL(interval_pl_timetz, Interval, Uuid, Uuid, timetz_pack(plus(timetz_unpack(&y), x.us)))
BINARY_KERNEL(timetz_larger, Uuid, Uuid, Uuid, memcmp(&x, &y, sizeof(x)) > 0 ? x : y)
BINARY_KERNEL(timetz_smaller, Uuid, Uuid, Uuid, memcmp(&x, &y, sizeof(x)) < 0 ? x : y)

/* A day and a time with its zone: an instant. */
static Status
join_date(KernelCall *call, int i, int32_t date, TimeTz t)
{
    int64_t *out = &OUT(call, int64_t, i);
    if (!DATE_IS_FINITE(date)) {
        *out = date < 0 ? TIMESTAMP_MINUS_INFINITY : TIMESTAMP_INFINITY;
        return QN_OK;
    }
    int128 v = (int128)date * USECS_PER_DAY + t.us + (int64_t)t.west * USECS_PER_SEC;
    if (!TIMESTAMP_IS_VALID(v)) return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    *out = (int64_t)v;
    return QN_OK;
}

Status
fn_datetimetz_timestamptz(KernelCall *call)
{
    ROWS (call, i) TRY(join_date(call, i, ARG(call, 0, int32_t, i), arg(call, 1, i)));
    return QN_OK;
}

Status
fn_timetzdate_pl(KernelCall *call)
{
    ROWS (call, i) TRY(join_date(call, i, ARG(call, 1, int32_t, i), arg(call, 0, i)));
    return QN_OK;
}

/* ---- zones and casts ---- */

/* The same moment at another offset (seconds east). */
static TimeTz
shifted(TimeTz t, int32_t east)
{
    t.us = wrap_day(t.us + ((int64_t)t.west + east) * USECS_PER_SEC);
    t.west = -east;
    return t;
}

Status
fn_timetz_zone(KernelCall *call)
{
    ROWS (call, i) {
        const Str *name = &ARG(call, 0, Str, i);
        ZoneSpec spec;
        TRY(zone_spec_parse(call->ctx, str_data(name), name->len, &spec));
        /* A zone's offset is that of the transaction's moment. */
        OUT(call, Uuid, i) = timetz_pack(shifted(arg(call, 1, i), zone_spec_offset_at(&spec, ctx_tx_start(call->ctx))));
    }
    return QN_OK;
}

Status
fn_timetz_izone(KernelCall *call)
{
    ROWS (call, i) {
        Interval iv = ARG(call, 0, Interval, i);
        if (iv.months != 0 || iv.days != 0)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "interval time zone must not include months or days");
        OUT(call, Uuid, i) = timetz_pack(shifted(arg(call, 1, i), (int32_t)(iv.us / USECS_PER_SEC)));
    }
    return QN_OK;
}

Status
fn_timetz_time(KernelCall *call)
{
    ROWS (call, i) OUT(call, int64_t, i) = arg(call, 0, i).us;
    return QN_OK;
}

Status
fn_time_timetz(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i) {
        TimeTz t = {.us = ARG(call, 0, int64_t, i), .west = -zone_offset_at(tz, ctx_tx_start(call->ctx), NULL)};
        OUT(call, Uuid, i) = timetz_pack(t);
    }
    return QN_OK;
}

Status
fn_timestamptz_timetz(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    ROWS (call, i) {
        int64_t v = ARG(call, 0, int64_t, i);
        if (!TIMESTAMP_IS_FINITE(v)) {
            vec_set_null(call->out, i);
            memset(&OUT(call, Uuid, i), 0, sizeof(Uuid));
            continue;
        }
        int32_t east = zone_offset_at(tz, v, NULL);
        int64_t local = v + (int64_t)east * USECS_PER_SEC;
        TimeTz t = {.us = local - floor_div(local, USECS_PER_DAY) * USECS_PER_DAY, .west = -east};
        OUT(call, Uuid, i) = timetz_pack(t);
    }
    return QN_OK;
}

Status
fn_timetz_scale(KernelCall *call)
{
    ROWS (call, i) {
        TimeTz t = arg(call, 0, i);
        t.us = time_round(t.us, ARG(call, 1, int32_t, i));
        OUT(call, Uuid, i) = timetz_pack(t);
    }
    return QN_OK;
}
