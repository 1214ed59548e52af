/* tsdoc.c - kernels that make documents and queries out of text and JSON. */
#include "types/json.h"
#include "types/jsonb.h"
#include "types/kernel.h"
#include "types/ts.h"
#include "types/type_io.h"

/* Which configuration a call uses: its first argument's, or the session's. */
static Status
config_of(KernelCall *call, int row, bool by_id, const TsConfig **out)
{
    if (!by_id) return ts_config_current(call->ctx, out);
    return ts_config_find(call->ctx, (Oid)ARG(call, 0, int32_t, row), out);
}

typedef Status (*MakeRow)(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at);

/* Runs make on every row, with a lexer that serves them all; at: the argument after the configuration. */
static Status
each_row(KernelCall *call, bool by_id, MakeRow make)
{
    TsLexer lexer = {0};
    Status st = QN_OK;
    ROWS(call, i) {
        const TsConfig *config;
        st = config_of(call, i, by_id, &config);
        if (st == QN_OK) st = make(call, i, config, &lexer, by_id ? 1 : 0);
        if (st != QN_OK) break;
    }
    ts_lexer_end(&lexer);
    return st;
}

#define BY_ID_AND_DEFAULT(NAME, MAKE)                                                              \
    Status fn_##NAME(KernelCall *call) { return each_row(call, false, MAKE); }                     \
    Status fn_##NAME##_byid(KernelCall *call) { return each_row(call, true, MAKE); }

/* ---- documents ---- */

static Status
finish_document(KernelCall *call, int row, TsDocument *d)
{
    return tsvector_make(call->ctx, call->arena, d->words.items, d->words.count, &OUT(call, Str, row));
}

static Status
document_of_text(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    TsDocument d = {.config = config, .lexer = lexer};
    Str s = ARG(call, at, Str, row);
    TRY(ts_document_add(call->ctx, call->arena, &d, str_data(&s), s.len));
    return finish_document(call, row, &d);
}
BY_ID_AND_DEFAULT(to_tsvector, document_of_text)

enum { TAKE_STRINGS = 1, TAKE_NUMBERS = 2, TAKE_BOOLEANS = 4, TAKE_KEYS = 8, TAKE_ALL = 15 };

/* A piece of a JSON document; a gap after it keeps phrases from going on in the next. */
static Status
add_piece(KernelCall *call, TsDocument *d, const char *text, size_t nbytes)
{
    int before = d->words.count;
    TRY(ts_document_add(call->ctx, call->arena, d, text, nbytes));
    if (d->words.count > before) d->place++;
    return QN_OK;
}

static Status
add_json_string(KernelCall *call, TsDocument *d, const char *p, const char *end)
{
    StrBuf b = strbuf_new(call->arena);
    char *text;
    size_t n;
    TRY(json_unescape(call->ctx, &b, p, end));
    TRY(strbuf_finish(call->ctx, &b, &text, &n));
    return add_piece(call, d, text, n);
}

static Status
add_json(KernelCall *call, TsDocument *d, const char *p, const char *end, int take)
{
    TRY(ctx_check_depth(call->ctx));
    if (*p == '"') return (take & TAKE_STRINGS) != 0 ? add_json_string(call, d, p, end) : QN_OK;
    if (*p == 't' || *p == 'f') return (take & TAKE_BOOLEANS) != 0 ? add_piece(call, d, p, (size_t)(end - p)) : QN_OK;
    if (*p == 'n') return QN_OK;
    if (*p != '{' && *p != '[') return (take & TAKE_NUMBERS) != 0 ? add_piece(call, d, p, (size_t)(end - p)) : QN_OK;
    JsonIter it = json_iter(p, end);
    while (json_next(&it)) {
        if (it.is_object && (take & TAKE_KEYS) != 0) TRY(add_json_string(call, d, it.key, it.key_end));
        TRY(add_json(call, d, it.value, it.value_end, take));
    }
    return QN_OK;
}

static Status
add_jsonb(KernelCall *call, TsDocument *d, JsonbItem it, int take)
{
    TRY(ctx_check_depth(call->ctx));
    switch (it.kind) {
    case JSONB_STRING: return (take & TAKE_STRINGS) != 0 ? add_piece(call, d, it.p, it.nbytes) : QN_OK;
    case JSONB_TRUE: return (take & TAKE_BOOLEANS) != 0 ? add_piece(call, d, "true", 4) : QN_OK;
    case JSONB_FALSE: return (take & TAKE_BOOLEANS) != 0 ? add_piece(call, d, "false", 5) : QN_OK;
    case JSONB_NUMBER: {
        StrBuf b = strbuf_new(call->arena);
        Value v = jsonb_number(it);
        if ((take & TAKE_NUMBERS) == 0) return QN_OK;
        TRY(value_out(call->ctx, &b, &v));
        if (b.failed) return RAISE_OOM(call->ctx);
        return add_piece(call, d, b.data, b.nbytes);
    }
    case JSONB_ARRAY:
        for (uint32_t i = 0; i < jsonb_count(it); i++) TRY(add_jsonb(call, d, jsonb_element(it, i), take));
        return QN_OK;
    case JSONB_OBJECT:
        for (uint32_t i = 0; i < jsonb_count(it); i++) {
            uint32_t n;
            const char *key = jsonb_key(it, i, &n);
            if ((take & TAKE_KEYS) != 0) TRY(add_piece(call, d, key, n));
            TRY(add_jsonb(call, d, jsonb_member(it, i), take));
        }
        return QN_OK;
    default: return QN_OK;
    }
}

static Status
document_of(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at, int take, bool binary)
{
    TsDocument d = {.config = config, .lexer = lexer};
    const Str *s = &((const Str *)call->args[at]->data)[arg_at(call->args[at], row)];
    const char *p = str_data(s), *end = p + s->len;
    if (binary) {
        TRY(add_jsonb(call, &d, jsonb_root(s), take));
    } else {
        p = json_space(p, end);
        TRY(add_json(call, &d, p, json_skip_value(p, end), take));
    }
    return finish_document(call, row, &d);
}

static Status
document_of_jsonb_strings(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    return document_of(call, row, config, lexer, at, TAKE_STRINGS, true);
}
BY_ID_AND_DEFAULT(jsonb_string_to_tsvector, document_of_jsonb_strings)

static Status
document_of_json_strings(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    return document_of(call, row, config, lexer, at, TAKE_STRINGS, false);
}
BY_ID_AND_DEFAULT(json_string_to_tsvector, document_of_json_strings)

static Status
raise_filter(Ctx *ctx)
{
    return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "wrong flag type, only arrays and scalars are allowed");
}

static Status
take_of_flag(Ctx *ctx, JsonbItem it, int *take)
{
    static const struct {
        const char *name;
        int take;
    } flags[] = {{"all", TAKE_ALL}, {"key", TAKE_KEYS}, {"string", TAKE_STRINGS}, {"numeric", TAKE_NUMBERS}, {"boolean", TAKE_BOOLEANS}};
    if (it.kind != JSONB_STRING)
        return err_hint(ctx, RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "flag array element is not a string"),
                        "Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\".");
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (strlen(flags[i].name) == it.nbytes && ascii_ncasecmp(flags[i].name, it.p, it.nbytes) == 0) {
            *take |= flags[i].take;
            return QN_OK;
        }
    return err_hint(ctx, RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "wrong flag in flag array: \"%.*s\"", (int)it.nbytes, it.p),
                    "Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\".");
}

/* '["string", "numeric"]' */
static Status
take_of_filter(Ctx *ctx, const Str *filter, int *take)
{
    JsonbItem it = jsonb_root(filter);
    *take = 0;
    if (it.kind == JSONB_OBJECT) return raise_filter(ctx);
    if (it.kind != JSONB_ARRAY) return take_of_flag(ctx, it, take);
    for (uint32_t i = 0; i < jsonb_count(it); i++) TRY(take_of_flag(ctx, jsonb_element(it, i), take));
    return QN_OK;
}

static Status
document_of_filtered(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at, bool binary)
{
    const Str *filter = &((const Str *)call->args[at + 1]->data)[arg_at(call->args[at + 1], row)];
    int take;
    TRY(take_of_filter(call->ctx, filter, &take));
    return document_of(call, row, config, lexer, at, take, binary);
}

static Status
document_of_jsonb(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    return document_of_filtered(call, row, config, lexer, at, true);
}
BY_ID_AND_DEFAULT(jsonb_to_tsvector, document_of_jsonb)

static Status
document_of_json(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    return document_of_filtered(call, row, config, lexer, at, false);
}
BY_ID_AND_DEFAULT(json_to_tsvector, document_of_json)

/* ---- queries ---- */

typedef struct QueryMaker {
    const TsConfig *config;
    TsLexer *lexer;
    TsKind joins; /* the lexemes of one word */
} QueryMaker;

static Status
add_part(Ctx *ctx, Arena *arena, const QueryMaker *m, TsNode **all, TsNode *part)
{
    if (*all == NULL) {
        *all = part;
        return QN_OK;
    }
    return ts_node(ctx, arena, m->joins, *all, part, m->joins == TS_PHRASE ? 1 : 0, all);
}

static Status
value_node(Ctx *ctx, Arena *arena, const TsWord *w, int weights, bool prefix, TsNode **out)
{
    TRY(ts_node(ctx, arena, TS_VALUE, NULL, NULL, 0, out));
    (*out)->text = w->text;
    (*out)->nbytes = w->nbytes;
    (*out)->weights = (uint8_t)weights;
    (*out)->prefix = prefix;
    return QN_OK;
}

/* A word of the query's text goes through the parser and may become several lexemes, or none (a stop word). Those of one place must all
 * be found. */
static Status
value_by_config(Ctx *ctx, Arena *arena, void *arg, const TsWord *word, int weights, bool prefix, TsNode **out)
{
    QueryMaker *m = arg;
    TsDocument d = {.config = m->config, .lexer = m->lexer};
    int place = 0;
    *out = NULL;
    TRY(ts_document_add(ctx, arena, &d, word->text, word->nbytes));
    for (int i = 0, next; i < d.words.count; i = next) {
        int at = ts_place(d.words.items[i].pos[0]);
        TsNode *all, *n;
        for (; place > 0 && place + 1 < at; place++) { /* stop words between */
            TRY(ts_node(ctx, arena, (TsKind)TS_STOP, NULL, NULL, 0, &n));
            TRY(add_part(ctx, arena, m, out, n));
        }
        place = at;
        TRY(value_node(ctx, arena, &d.words.items[i], weights, prefix, &all));
        for (next = i + 1; next < d.words.count && ts_place(d.words.items[next].pos[0]) == at; next++) {
            TRY(value_node(ctx, arena, &d.words.items[next], weights, prefix, &n));
            TRY(ts_node(ctx, arena, TS_AND, all, n, 0, &all));
        }
        TRY(add_part(ctx, arena, m, out, all));
    }
    return *out == NULL ? ts_node(ctx, arena, (TsKind)TS_STOP, NULL, NULL, 0, out) : QN_OK;
}

static Status
query_of_text(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at, TsSyntax syntax, TsKind joins)
{
    QueryMaker m = {config, lexer, joins};
    Str s = ARG(call, at, Str, row);
    TsNode *root;
    char *text; /* nodes point into it */
    TRY_ALLOC(call->ctx, text, arena_strndup(call->arena, str_data(&s), s.len));
    TRY(tsquery_parse(call->ctx, call->arena, text, s.len, syntax, value_by_config, &m, &root));
    if (root == NULL)
        ctx_notice(call->ctx, "NOTICE", QN_OK, "text-search query doesn't contain lexemes: \"%s\"", text);
    TRY(ts_clean(call->ctx, &root));
    return tsquery_pack(call->ctx, call->arena, root, &OUT(call, Str, row));
}

static Status
full_query(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    return query_of_text(call, row, config, lexer, at, TS_SYNTAX_FULL, TS_PHRASE);
}
BY_ID_AND_DEFAULT(to_tsquery, full_query)

static Status
plain_query(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    return query_of_text(call, row, config, lexer, at, TS_SYNTAX_PLAIN, TS_AND);
}
BY_ID_AND_DEFAULT(plainto_tsquery, plain_query)

static Status
phrase_query(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    return query_of_text(call, row, config, lexer, at, TS_SYNTAX_PLAIN, TS_PHRASE);
}
BY_ID_AND_DEFAULT(phraseto_tsquery, phrase_query)

static Status
web_query(KernelCall *call, int row, const TsConfig *config, TsLexer *lexer, int at)
{
    return query_of_text(call, row, config, lexer, at, TS_SYNTAX_WEB, TS_PHRASE);
}
BY_ID_AND_DEFAULT(websearch_to_tsquery, web_query)

Status
fn_get_current_ts_config(KernelCall *call)
{
    const TsConfig *c;
    TRY(ts_config_current(call->ctx, &c));
    ROWS(call, i) OUT(call, int32_t, i) = (int32_t)c->oid;
    return QN_OK;
}

/* ---- text @@ ---- */

static Status
match_text(KernelCall *call, bool text_query)
{
    const TsConfig *config;
    TsLexer lexer = {0};
    Status st = ts_config_current(call->ctx, &config);
    ROWS(call, i) {
        TsDocument d = {.config = config, .lexer = &lexer};
        Str s = ARG(call, 0, Str, i), t = ARG(call, 1, Str, i), document;
        bool yes = false;
        if (st == QN_OK) st = ts_document_add(call->ctx, call->arena, &d, str_data(&s), s.len);
        if (st == QN_OK) st = tsvector_make(call->ctx, call->arena, d.words.items, d.words.count, &document);
        if (st == QN_OK && text_query) {
            QueryMaker m = {config, &lexer, TS_AND};
            TsNode *root;
            char *text = arena_strndup(call->arena, str_data(&t), t.len);
            st = text != NULL ? tsquery_parse(call->ctx, call->arena, text, t.len, TS_SYNTAX_PLAIN, value_by_config, &m, &root) : RAISE_OOM(call->ctx);
            if (st == QN_OK) st = ts_clean(call->ctx, &root);
            if (st == QN_OK) st = tsquery_pack(call->ctx, call->arena, root, &t);
        }
        if (st == QN_OK) {
            TsVector v = tsvector_view(&document);
            TsQuery q = tsquery_view(&t);
            st = ts_match_vector(call->ctx, call->arena, &v, &q, &yes);
        }
        if (st != QN_OK) break;
        OUT(call, uint8_t, i) = yes;
    }
    ts_lexer_end(&lexer);
    return st;
}

Status
fn_ts_match_tt(KernelCall *call)
{
    return match_text(call, true);
}

Status
fn_ts_match_tq(KernelCall *call)
{
    return match_text(call, false);
}
