/* tsheadlinefn.c - kernels of ts_headline: of texts, and of the strings of JSON documents. */
#include "types/json.h"
#include "types/jsonb.h"
#include "types/kernel.h"
#include "types/tsheadline.h"

typedef struct Call {
    KernelCall *call;
    const TsConfig *config;
    TsLexer lexer;
    TsQuery q;
    HeadlineOptions o;
} Call;

static Status
add_headline(Call *c, StrBuf *b, const char *text, size_t nbytes)
{
    return headline_add(c->call->ctx, c->call->arena, b, c->config, &c->lexer, text, nbytes, &c->q, &c->o);
}

static Status
headline_of_text(Call *c, const Str *s, Str *out)
{
    StrBuf b = strbuf_new(c->call->arena);
    char *text;
    size_t n;
    TRY(add_headline(c, &b, str_data(s), s->len));
    TRY(strbuf_finish(c->call->ctx, &b, &text, &n));
    *out = str_make(text, n);
    return QN_OK;
}

/* A JSON text with its strings, but not its keys, made headlines. */
static Status
add_json(Call *c, StrBuf *b, const char *p, const char *end)
{
    Ctx *ctx = c->call->ctx;
    bool first = true;
    TRY(ctx_check_depth(ctx));
    if (*p == '"') {
        StrBuf plain = strbuf_new(c->call->arena), line = strbuf_new(c->call->arena);
        TRY(json_unescape(ctx, &plain, p, end));
        TRY(add_headline(c, &line, plain.nbytes > 0 ? plain.data : "", plain.nbytes));
        if (plain.failed || line.failed) return RAISE_OOM(ctx);
        json_add_string(b, line.nbytes > 0 ? line.data : "", line.nbytes);
        return QN_OK;
    }
    if (*p != '{' && *p != '[') {
        strbuf_add(b, p, (size_t)(end - p));
        return QN_OK;
    }
    JsonIter it = json_iter(p, end);
    strbuf_addc(b, *p);
    while (json_next(&it)) {
        if (!first) strbuf_addc(b, ',');
        first = false;
        if (it.is_object) {
            strbuf_add(b, it.key, (size_t)(it.key_end - it.key));
            strbuf_addc(b, ':');
        }
        TRY(add_json(c, b, it.value, it.value_end));
    }
    strbuf_addc(b, *p == '{' ? '}' : ']');
    return QN_OK;
}

static Status
headline_of_json(Call *c, const Str *s, Str *out)
{
    StrBuf b = strbuf_new(c->call->arena);
    const char *p = str_data(s), *end = p + s->len;
    char *text;
    size_t n;
    p = json_space(p, end);
    TRY(add_json(c, &b, p, json_skip_value(p, end)));
    TRY(strbuf_finish(c->call->ctx, &b, &text, &n));
    *out = str_make(text, n);
    return QN_OK;
}

static Status
headline_of_jsonb(Call *c, const Str *s, Str *out)
{
    StrBuf text = strbuf_new(c->call->arena);
    Value v = value_str(TYPE_JSONB, *s), made;
    Str json;
    TRY(value_out(c->call->ctx, &text, &v));
    if (text.failed) return RAISE_OOM(c->call->ctx);
    v.str = str_make(text.data, text.nbytes);
    TRY(headline_of_json(c, &v.str, &json));
    TRY(value_in(c->call->ctx, c->call->arena, str_data(&json), json.len, TYPE_JSONB, -1, &made));
    *out = made.str;
    return QN_OK;
}

static Status
make_row(Call *c, int row, bool by_id, bool has_options, Status (*make)(Call *c, const Str *s, Str *out))
{
    KernelCall *call = c->call;
    int at = by_id ? 1 : 0;
    Str options = str_make("", 0);
    if (by_id)
        TRY(ts_config_find(call->ctx, (Oid)ARG(call, 0, int32_t, row), &c->config));
    else
        TRY(ts_config_current(call->ctx, &c->config));
    if (has_options) options = ((const Str *)call->args[at + 2]->data)[arg_at(call->args[at + 2], row)];
    TRY(headline_options(call->ctx, call->arena, str_data(&options), options.len, &c->o));
    c->q = tsquery_view(&((const Str *)call->args[at + 1]->data)[arg_at(call->args[at + 1], row)]);
    return make(c, &((const Str *)call->args[at]->data)[arg_at(call->args[at], row)], &OUT(call, Str, row));
}

static Status
headline_rows(KernelCall *call, bool by_id, bool has_options, Status (*make)(Call *c, const Str *s, Str *out))
{
    Call c = {.call = call};
    Status st = QN_OK;
    ROWS(call, i)
        if (st == QN_OK) st = make_row(&c, i, by_id, has_options, make);
    ts_lexer_end(&c.lexer);
    return st;
}

#define HEADLINE_KERNELS(NAME, MAKE)                                                               \
    Status fn_##NAME(KernelCall *call) { return headline_rows(call, false, false, MAKE); }         \
    Status fn_##NAME##_opt(KernelCall *call) { return headline_rows(call, false, true, MAKE); }    \
    Status fn_##NAME##_byid(KernelCall *call) { return headline_rows(call, true, false, MAKE); }   \
    Status fn_##NAME##_byid_opt(KernelCall *call) { return headline_rows(call, true, true, MAKE); }
HEADLINE_KERNELS(ts_headline, headline_of_text)
HEADLINE_KERNELS(ts_headline_json, headline_of_json)
HEADLINE_KERNELS(ts_headline_jsonb, headline_of_jsonb)
