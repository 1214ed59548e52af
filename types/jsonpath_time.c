/* jsonpath_time.c - dates and times in SQL/JSON paths: what .datetime() makes of strings, their order, and their text. */
#include "common/settings.h"
#include "types/datetime.h"
#include "types/jsonpath_exec.h"

static TemplateTime
time_of(JsonbItem it)
{
    TemplateTime t;
    memcpy(&t, it.p, sizeof(t));
    return t;
}

/* The formats tried where no template is given. */
static const char *const iso_formats[] = {
    "yyyy-mm-dd",
    "HH24:MI:SS.USTZH:TZM", "HH24:MI:SS.USTZH", "HH24:MI:SSTZH:TZM", "HH24:MI:SSTZH", "HH24:MI:SS.US", "HH24:MI:SS",
    "yyyy-mm-dd HH24:MI:SS.USTZH:TZM", "yyyy-mm-dd HH24:MI:SS.USTZH", "yyyy-mm-dd HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd HH24:MI:SSTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH:TZM", "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH", "yyyy-mm-dd\"T\"HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH",
    "yyyy-mm-dd HH24:MI:SS.US", "yyyy-mm-dd HH24:MI:SS", "yyyy-mm-dd\"T\"HH24:MI:SS.US", "yyyy-mm-dd\"T\"HH24:MI:SS",
};

Status
jsonpath_read_time(Ctx *ctx, Arena *arena, JsonbItem it, const char *template, size_t nbytes, JsonbItem *out)
{
    TemplateTime *t;
    TRY_ALLOC(ctx, t, ARENA_NEW(arena, TemplateTime));
    *out = (JsonbItem){.kind = JSONB_DATETIME, .nbytes = sizeof(*t), .p = (const char *)t};
    if (template != NULL) return datetime_read_template(ctx, arena, it.p, it.nbytes, template, nbytes, t);
    for (size_t i = 0; i < sizeof(iso_formats) / sizeof(iso_formats[0]); i++) {
        Status st = datetime_read_template(ctx, arena, it.p, it.nbytes, iso_formats[i], strlen(iso_formats[i]), t);
        if (st == QN_OK || st == ERR_OUT_OF_MEMORY) return st;
        err_clear(&ctx->err);
    }
    return err_hint(ctx,
                    RAISE(ctx, ERR_INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
                          "datetime format is not recognized: \"%.*s\"", (int)it.nbytes, it.p),
                    "Use a datetime template argument to specify the input data format.");
}

const char *
jsonpath_time_type(JsonbItem it)
{
    static const char *const names[] = {"date", "time without time zone", "time with time zone",
                                        "timestamp without time zone", "timestamp with time zone"};
    return names[time_of(it).kind];
}

static Status
raise_zone(Ctx *ctx, const char *from, const char *to)
{
    return err_hint(ctx,
                    RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot convert value from %s to %s without time zone usage",
                          from, to),
                    "Use *_tz() function for time zone support.");
}

static int
compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* The instant of a date or timestamp without zone, in the session's. */
static Status
to_instant(Ctx *ctx, bool use_zone, const TemplateTime *t, int64_t *out)
{
    int64_t local = t->kind == TEMPLATE_DATE ? t->v * USECS_PER_DAY : t->v;
    if (t->kind == TEMPLATE_TIMESTAMPTZ) {
        *out = t->v;
        return QN_OK;
    }
    if (!use_zone) return raise_zone(ctx, t->kind == TEMPLATE_DATE ? "date" : "timestamp", "timestamptz");
    if (!timestamp_to_timestamptz(session_timezone(ctx), local, out))
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    return QN_OK;
}

/* A time's zone: its own, or the session's of today. */
static Status
time_zone_of(Ctx *ctx, bool use_zone, const TemplateTime *t, int32_t *zone)
{
    *zone = t->zone;
    if (t->kind == TEMPLATE_TIMETZ) return QN_OK;
    if (!use_zone) return raise_zone(ctx, "time", "timetz");
    *zone = zone_offset_at(session_timezone(ctx), ctx_tx_start(ctx), NULL);
    return QN_OK;
}

Status
jsonpath_compare_times(Ctx *ctx, bool use_zone, JsonbItem a, JsonbItem b, int *c, bool *ok)
{
    TemplateTime s = time_of(a), t = time_of(b);
    bool s_time = s.kind == TEMPLATE_TIME || s.kind == TEMPLATE_TIMETZ;
    bool t_time = t.kind == TEMPLATE_TIME || t.kind == TEMPLATE_TIMETZ;
    *ok = s_time == t_time;
    if (!*ok) return QN_OK;
    if (s_time && (s.kind == TEMPLATE_TIMETZ || t.kind == TEMPLATE_TIMETZ)) {
        int32_t sz, tz;
        TRY(time_zone_of(ctx, use_zone, &s, &sz));
        TRY(time_zone_of(ctx, use_zone, &t, &tz));
        *c = compare_i64(s.v - sz * USECS_PER_SEC, t.v - tz * USECS_PER_SEC);
        if (*c == 0) *c = compare_i64(tz, sz);
    } else if (s.kind == TEMPLATE_TIMESTAMPTZ || t.kind == TEMPLATE_TIMESTAMPTZ) {
        int64_t u, v;
        TRY(to_instant(ctx, use_zone, &s, &u));
        TRY(to_instant(ctx, use_zone, &t, &v));
        *c = compare_i64(u, v);
    } else {
        *c = compare_i64(s.kind == TEMPLATE_DATE ? s.v * USECS_PER_DAY : s.v, t.kind == TEMPLATE_DATE ? t.v * USECS_PER_DAY : t.v);
    }
    return QN_OK;
}

static void
add_zone(StrBuf *b, int32_t zone)
{
    int32_t at = zone < 0 ? -zone : zone;
    strbuf_addf(b, "%c%02d:%02d", zone < 0 ? '-' : '+', at / 3600, at / 60 % 60);
    if (at % 60 != 0) strbuf_addf(b, ":%02d", at % 60);
}

Status
jsonpath_push(JsonbBuilder *b, JsonbItem it)
{
    if (it.kind != JSONB_DATETIME) return jsonb_push(b, it);
    TemplateTime t = time_of(it);
    StrBuf text = strbuf_new(b->arena);
    switch (t.kind) {
    case TEMPLATE_DATE: date_add_text(&text, (int32_t)t.v, DATESTYLE_ISO, DATEORDER_MDY); break;
    case TEMPLATE_TIME:
    case TEMPLATE_TIMETZ: time_add_text(&text, t.v); break;
    case TEMPLATE_TIMESTAMP: timestamp_add_text(&text, t.v, DATESTYLE_ISO, DATEORDER_MDY, true); break;
    default: timestamp_add_text(&text, t.v + t.zone * USECS_PER_SEC, DATESTYLE_ISO, DATEORDER_MDY, true); break;
    }
    if (t.kind == TEMPLATE_TIMETZ || t.kind == TEMPLATE_TIMESTAMPTZ) add_zone(&text, t.zone);
    if (text.failed) return RAISE_OOM(b->ctx);
    return jsonb_push_text(b, text.data, text.nbytes);
}
