/* tsdict.c - configurations and dictionaries: which words of a document count, and in what form. */
#include "types/ts.h"
#include "common/settings.h"
#include "types/textfn.h"
#include "types/type_io.h"
#include <libstemmer.h>
#include <stdlib.h>

#define STOPWORDS(language, ...) static const char *const stop_##language[] = {__VA_ARGS__};
#include "types/stopwords.def"
#undef STOPWORDS

static const struct {
    const char *language;
    const char *const *words;
    int n;
} stop_lists[] = {
#define STOPWORDS(language, ...) {#language, stop_##language, (int)(sizeof(stop_##language) / sizeof(char *))},
#include "types/stopwords.def"
#undef STOPWORDS
};

/* Row 0 is simple; then in the order of tsconfigs.def. */
enum { DICT_simple,
#define TSCONFIG(config, dict, language, stops, ascii) DICT_##language,
#include "types/tsconfigs.def"
#undef TSCONFIG
       DICT_korean, /* of our own */
       DICT_COUNT };

static const TsDict dicts[DICT_COUNT] = {
    {3765, "simple", NULL, false, false},
#define TSCONFIG(config, dict, language, stops, ascii) {dict, #language "_stem", #language, stops, false},
#include "types/tsconfigs.def"
#undef TSCONFIG
    {13701, "korean_pairs", NULL, false, true},
};

static const TsConfig configs[DICT_COUNT] = {
    {3748, "simple", &dicts[0], &dicts[0], &dicts[0]},
#define TSCONFIG(config, dict, language, stops, ascii) {config, #language, &dicts[DICT_##ascii], &dicts[DICT_##language], &dicts[0]},
#include "types/tsconfigs.def"
#undef TSCONFIG
    {13702, "korean", &dicts[DICT_english], &dicts[DICT_korean], &dicts[DICT_korean]},
};

const TsConfig *
ts_config_at(int i)
{
    return i < DICT_COUNT ? &configs[i] : NULL;
}

const TsDict *
ts_dict_at(int i)
{
    return i < DICT_COUNT ? &dicts[i] : NULL;
}

const TsConfig *
ts_config_by_oid(Oid oid)
{
    for (int i = 0; i < DICT_COUNT; i++)
        if (configs[i].oid == oid) return &configs[i];
    return NULL;
}

const TsDict *
ts_dict_by_oid(Oid oid)
{
    for (int i = 0; i < DICT_COUNT; i++)
        if (dicts[i].oid == oid) return &dicts[i];
    return NULL;
}

const TsDict *
ts_config_dict(const TsConfig *c, TsToken type)
{
    switch (type) {
    case TSTOK_ASCIIWORD:
    case TSTOK_HWORD_ASCIIPART:
    case TSTOK_ASCIIHWORD: return c->ascii;
    case TSTOK_WORD:
    case TSTOK_HWORD_PART:
    case TSTOK_HWORD: return c->word;
    case TSTOK_BLANK:
    case TSTOK_TAG:
    case TSTOK_PROTOCOL:
    case TSTOK_ENTITY: return NULL;
    default: return c->other;
    }
}

/* ---- names ---- */

/* The last part of a name, folded; pg_catalog is the one schema there is. NULL: another schema's. */
static Status
plain_name(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, char **out)
{
    StrBuf b = strbuf_new(arena);
    const char *p = text, *end = text + nbytes;
    char *name;
    size_t n;
    if (nbytes > 11 && ascii_ncasecmp(p, "pg_catalog.", 11) == 0) p += 11;
    for (bool quoted = false; p < end; p++) {
        if (*p == '"') {
            quoted = !quoted;
            continue;
        }
        strbuf_addc(&b, quoted ? *p : ascii_lower(*p));
    }
    TRY(strbuf_finish(ctx, &b, &name, &n));
    *out = name;
    return QN_OK;
}

static bool
read_oid(const char *text, size_t nbytes, Oid *out)
{
    uint64_t v = 0;
    if (nbytes == 1 && text[0] == '-') {
        *out = 0;
        return true;
    }
    if (nbytes == 0 || nbytes > 10) return false;
    for (size_t i = 0; i < nbytes; i++) {
        if (!ascii_is_digit(text[i])) return false;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    *out = (Oid)v;
    return v <= UINT32_MAX;
}

/* The i-th object of a kind; NULL: none. */
typedef const char *(*ObjectAt)(int i, Oid *oid);

static const char *
config_at(int i, Oid *oid)
{
    *oid = i < DICT_COUNT ? configs[i].oid : 0;
    return i < DICT_COUNT ? configs[i].name : NULL;
}

static const char *
dict_at(int i, Oid *oid)
{
    *oid = i < DICT_COUNT ? dicts[i].oid : 0;
    return i < DICT_COUNT ? dicts[i].name : NULL;
}

/* An oid, or a name; what says of which kind. */
static Status
object_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, ObjectAt at, const char *what, Value *out)
{
    char *name;
    const char *have;
    Oid oid;
    if (read_oid(text, nbytes, &oid)) {
        out->i32 = (int32_t)oid;
        return QN_OK;
    }
    TRY(plain_name(ctx, arena, text, nbytes, &name));
    for (int i = 0; (have = at(i, &oid)) != NULL; i++)
        if (strcmp(have, name) == 0) {
            out->i32 = (int32_t)oid;
            return QN_OK;
        }
    return RAISE(ctx, ERR_UNDEFINED_OBJECT, "text search %s \"%.*s\" does not exist", what, (int)nbytes, text);
}

static void
object_out(StrBuf *b, Oid value, ObjectAt at)
{
    const char *name;
    Oid oid;
    for (int i = 0; (name = at(i, &oid)) != NULL; i++)
        if (oid == value) {
            strbuf_addz(b, name);
            return;
        }
    if (value == 0)
        strbuf_addc(b, '-');
    else
        strbuf_addf(b, "%u", value);
}

Status
regconfig_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)typmod;
    *out = value_i32(type, 0);
    return object_in(ctx, arena, text, nbytes, config_at, "configuration", out);
}

Status
regconfig_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    (void)ctx;
    object_out(b, (Oid)value->i32, config_at);
    return QN_OK;
}

Status
regdictionary_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)typmod;
    *out = value_i32(type, 0);
    return object_in(ctx, arena, text, nbytes, dict_at, "dictionary", out);
}

Status
regdictionary_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    (void)ctx;
    object_out(b, (Oid)value->i32, dict_at);
    return QN_OK;
}

Status
ts_config_find(Ctx *ctx, Oid oid, const TsConfig **out)
{
    *out = ts_config_by_oid(oid);
    if (*out == NULL) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "cache lookup failed for text search configuration %u", oid);
    return QN_OK;
}

Status
ts_config_current(Ctx *ctx, const TsConfig **out)
{
    const char *name = ctx->settings != NULL ? ctx->settings->default_text_search_config : "english";
    Value v;
    TRY(regconfig_in(ctx, ctx->stmt_arena, name, strlen(name), TYPE_REGCONFIG, -1, &v));
    return ts_config_find(ctx, (Oid)v.i32, out);
}

/* ---- dictionaries ---- */

static int
compare_stop(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

static bool
is_stop_word(const TsDict *d, const char *word)
{
    for (size_t i = 0; d->has_stopwords && i < sizeof(stop_lists) / sizeof(stop_lists[0]); i++)
        if (strcmp(stop_lists[i].language, d->language) == 0)
            return bsearch(word, stop_lists[i].words, (size_t)stop_lists[i].n, sizeof(char *), compare_stop) != NULL;
    return false;
}

static Status
find_stemmer(Ctx *ctx, TsLexer *l, const TsDict *d, struct sb_stemmer **out)
{
    size_t n = sizeof(l->dicts) / sizeof(l->dicts[0]), i = 0;
    while (i < n - 1 && l->dicts[i] != NULL && l->dicts[i] != d) i++;
    if (l->dicts[i] != d) {
        if (l->stemmers[i] != NULL) sb_stemmer_delete(l->stemmers[i]);
        l->dicts[i] = d;
        l->stemmers[i] = mem_should_fail() ? NULL : sb_stemmer_new(d->language, "UTF_8");
        if (l->stemmers[i] == NULL) {
            l->dicts[i] = NULL;
            return RAISE_OOM(ctx);
        }
    }
    *out = l->stemmers[i];
    return QN_OK;
}

void
ts_lexer_end(TsLexer *l)
{
    for (size_t i = 0; i < sizeof(l->dicts) / sizeof(l->dicts[0]); i++)
        if (l->stemmers[i] != NULL) sb_stemmer_delete(l->stemmers[i]);
    *l = (TsLexer){0};
}

enum { STEM_MAX = 1000 }; /* longer ones are no words of any language */

static Status
one_lexeme(Ctx *ctx, Arena *arena, Str lexeme, TsLexemes *out)
{
    Str *items;
    TRY_ALLOC(ctx, items, arena_memdup(arena, &lexeme, sizeof(lexeme)));
    *out = (TsLexemes){items, lexeme.len > 0};
    return QN_OK;
}

Status
ts_lexize(Ctx *ctx, Arena *arena, TsLexer *l, const TsDict *d, const char *text, size_t nbytes, TsLexemes *out)
{
    struct sb_stemmer *stemmer;
    Str lower;
    char *word;
    *out = (TsLexemes){NULL, 0};
    TRY(text_lower(ctx, arena, text, nbytes, &lower));
    if (d->is_korean) return ts_korean_lexemes(ctx, arena, &lower, out);
    if (d->language == NULL || lower.len > STEM_MAX) return one_lexeme(ctx, arena, lower, out);
    TRY_ALLOC(ctx, word, arena_strndup(arena, str_data(&lower), lower.len));
    if (is_stop_word(d, word)) return QN_OK;
    TRY(find_stemmer(ctx, l, d, &stemmer));
    const sb_symbol *stem = sb_stemmer_stem(stemmer, (const sb_symbol *)word, (int)lower.len);
    if (stem == NULL) return RAISE_OOM(ctx);
    TRY(str_copy(ctx, arena, (const char *)stem, (size_t)sb_stemmer_length(stemmer), &lower));
    return one_lexeme(ctx, arena, lower, out);
}

/* ---- documents ---- */

Status
ts_document_add(Ctx *ctx, Arena *arena, TsDocument *doc, const char *text, size_t nbytes)
{
    TsParser ps = ts_parser(text, nbytes);
    TsToken type;
    const char *p;
    size_t n;
    uint32_t work = 0;
    while (ts_next_token(&ps, &type, &p, &n)) {
        const TsDict *d = ts_config_dict(doc->config, type);
        TsLexemes lexemes;
        uint16_t *pos;
        if ((++work & 1023) == 0) TRY(ctx_check_stop(ctx));
        if (d == NULL) continue;
        if (n > TS_LEXEME_MAX) {
            ctx_notice(ctx, "NOTICE", ERR_PROGRAM_LIMIT_EXCEEDED, "word is too long to be indexed");
            continue;
        }
        TRY(ts_lexize(ctx, arena, doc->lexer, d, p, n, &lexemes));
        doc->place++;
        for (int i = 0; i < lexemes.n; i++) {
            TRY_ALLOC(ctx, pos, arena_alloc(arena, sizeof(*pos)));
            *pos = ts_pos(doc->place, 0);
            TsWord w = {str_data(&lexemes.items[i]), lexemes.items[i].len, 1, pos};
            TRY(array_push(ctx, arena, &doc->words, w));
        }
    }
    return QN_OK;
}
