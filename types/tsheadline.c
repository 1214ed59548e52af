/* tsheadline.c - ts_headline: the parts of a text that show why it answers a query, their words marked. */
#include "types/ts.h"
#include "types/tsheadline.h"
#include <stdlib.h>

/* ---- options ---- */

static Status
read_option_word(Ctx *ctx, Arena *arena, const char **at, const char *end, const char *stops, char **out)
{
    StrBuf b = strbuf_new(arena);
    size_t n;
    const char *p = *at;
    while (p < end && ascii_is_space(*p)) p++;
    if (p < end && (*p == '"' || *p == '\'')) {
        char quote = *p++;
        for (; p < end; p++) {
            if (*p == quote && (p + 1 == end || p[1] != quote)) break;
            if (*p == quote || (*p == '\\' && p + 1 < end)) p++;
            strbuf_addc(&b, *p);
        }
        if (p == end) return RAISE(ctx, ERR_SYNTAX_ERROR, "invalid parameter list format: \"%.*s\"", (int)(end - *at), *at);
        p++;
    } else {
        while (p < end && strchr(stops, *p) == NULL && !ascii_is_space(*p)) strbuf_addc(&b, *p++);
    }
    while (p < end && ascii_is_space(*p)) p++;
    *at = p;
    return strbuf_finish(ctx, &b, out, &n);
}

static bool
read_bool(const char *s)
{
    static const char *const yes[] = {"1", "on", "true", "t", "yes", "y"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        if (ascii_casecmp(s, yes[i]) == 0) return true;
    return false;
}

static Status
set_number(Ctx *ctx, const char *text, int *out)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || v > INT32_MAX || v < INT32_MIN)
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%s\"", "integer", text);
    *out = (int)v;
    return QN_OK;
}

static Status
set_option(Ctx *ctx, HeadlineOptions *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        int *number;
        const char **text;
    } options[] = {{"MaxWords", &o->max_words, NULL},          {"MinWords", &o->min_words, NULL},   {"ShortWord", &o->short_word, NULL},
                   {"MaxFragments", &o->max_fragments, NULL}, {"StartSel", NULL, &o->start},       {"StopSel", NULL, &o->stop},
                   {"FragmentDelimiter", NULL, &o->delimiter}};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (ascii_casecmp(options[i].name, name) != 0) continue;
        if (options[i].number != NULL) return set_number(ctx, value, options[i].number);
        if (strlen(value) > INT16_MAX)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "value for \"%s\" is too long", options[i].name);
        *options[i].text = value;
        return QN_OK;
    }
    if (ascii_casecmp(name, "HighlightAll") != 0)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized headline parameter: \"%s\"", name);
    o->all = read_bool(value);
    return QN_OK;
}

Status
headline_options(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, HeadlineOptions *o)
{
    const char *p = text, *end = text + nbytes;
    *o = (HeadlineOptions){.min_words = 15, .max_words = 35, .short_word = 3, .start = "<b>", .stop = "</b>", .delimiter = " ... "};
    while (p < end && ascii_is_space(*p)) p++;
    while (p < end) {
        char *name, *value;
        TRY(read_option_word(ctx, arena, &p, end, "=,", &name));
        if (p == end || *p != '=' || *name == '\0')
            return RAISE(ctx, ERR_SYNTAX_ERROR, "invalid parameter list format: \"%.*s\"", (int)nbytes, text);
        p++;
        TRY(read_option_word(ctx, arena, &p, end, ",", &value));
        if (p < end && *p++ != ',') return RAISE(ctx, ERR_SYNTAX_ERROR, "invalid parameter list format: \"%.*s\"", (int)nbytes, text);
        TRY(set_option(ctx, o, name, value));
    }
    if (o->all) return QN_OK;
    if (o->min_words >= o->max_words) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "MinWords should be less than MaxWords");
    if (o->min_words <= 0) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "MinWords should be positive");
    if (o->short_word < 0) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "ShortWord should be >= 0");
    if (o->max_fragments < 0) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "MaxFragments should be >= 0");
    return QN_OK;
}

/* ---- the text as words ---- */

typedef struct HlWord {
    const char *text;
    uint32_t nbytes;
    uint8_t type; /* TsToken */
    bool in, selected, replaced, skipped;
    bool repeated; /* the word before once more, for another item of the query */
    int32_t item;  /* of the query; -1: none */
    int place;
} HlWord;

typedef struct Headline {
    Ctx *ctx;
    Arena *arena, *scratch; /* scratch: of one match */
    TsQuery q;
    const HeadlineOptions *o;
    ARRAY(HlWord) words;
    int first, last; /* of words: what the query is asked about */
} Headline;

/* Marks the last word with the items that the lexeme satisfies. */
static Status
mark_items(Headline *h, int place, const char *lexeme, uint32_t nbytes)
{
    for (uint32_t i = 0; i < h->q.n; i++) {
        TsItem it = tsquery_item(&h->q, i);
        if (it.kind != TS_VALUE || it.b > nbytes || memcmp(h->q.text + it.a, lexeme, it.b) != 0) continue;
        if (it.b != nbytes && !it.prefix) continue;
        HlWord *w = &h->words.items[h->words.count - 1];
        w->place = place;
        if (w->item < 0) {
            w->item = (int32_t)i;
            continue;
        }
        HlWord again = *w;
        again.item = (int32_t)i;
        again.repeated = true;
        TRY(array_push(h->ctx, h->arena, &h->words, again));
    }
    return QN_OK;
}

static Status
read_words(Headline *h, const TsConfig *config, TsLexer *lexer, const char *text, size_t nbytes)
{
    TsParser ps = ts_parser(text, nbytes);
    TsToken type;
    const char *p;
    size_t n;
    int place = 0;
    while (ts_next_token(&ps, &type, &p, &n)) {
        const TsDict *d = ts_config_dict(config, type);
        HlWord w = {.text = p, .nbytes = (uint32_t)n, .type = (uint8_t)type, .item = -1};
        TsLexemes lexemes;
        TRY(array_push(h->ctx, h->arena, &h->words, w));
        if (d == NULL || n > TS_LEXEME_MAX) continue;
        TRY(ts_lexize(h->ctx, h->arena, lexer, d, p, n, &lexemes));
        place++;
        for (int i = 0; i < lexemes.n; i++) TRY(mark_items(h, place, str_data(&lexemes.items[i]), lexemes.items[i].len));
    }
    return QN_OK;
}

/* ---- what may be shown and where it may end ---- */

static bool
is_skipped(int type) /* given again by its parts */
{
    return type == TSTOK_URL || type == TSTOK_NUMHWORD || type == TSTOK_ASCIIHWORD || type == TSTOK_HWORD;
}

static bool
is_no_word(int type)
{
    return type == TSTOK_BLANK || type == TSTOK_TAG || is_skipped(type);
}

static bool
is_interesting(const HlWord *w)
{
    return w->item >= 0 && !w->repeated;
}

static bool
is_bad_end(const Headline *h, int i)
{
    const HlWord *w = &h->words.items[i];
    bool no_end = is_no_word(w->type) || w->type == TSTOK_SFLOAT || w->type == TSTOK_VERSION || w->type == TSTOK_FLOAT ||
                  w->type == TSTOK_INT || w->type == TSTOK_UINT || w->type == TSTOK_PROTOCOL || w->type == TSTOK_ENTITY;
    return (no_end || (int)w->nbytes <= h->o->short_word) && !is_interesting(w);
}

static void
count_word(const Headline *h, int i, int by, int *nwords, int *ninteresting)
{
    const HlWord *w = &h->words.items[i];
    if (!is_no_word(w->type)) *nwords += by;
    if (ninteresting != NULL && is_interesting(w)) *ninteresting += by;
}

/* ---- covers: the shortest stretches that satisfy the query ---- */

static Status
check_words(Ctx *ctx, Arena *arena, void *arg, uint32_t item, TsPlaces *places, TsTruth *out)
{
    const Headline *h = arg;
    uint16_t *at = NULL;
    int n = 0;
    *out = TS_NO;
    if (places != NULL) TRY_ALLOC(ctx, at, ARENA_ARRAY(arena, uint16_t, h->last - h->first + 1));
    for (int i = h->first; i <= h->last; i++) {
        const HlWord *w = &h->words.items[i];
        if (w->item != (int32_t)item) continue;
        *out = TS_YES;
        if (places == NULL) return QN_OK;
        if (n == 0 || at[n - 1] != w->place) at[n++] = (uint16_t)w->place;
    }
    if (places != NULL) *places = (TsPlaces){.n = n, .at = at};
    return QN_OK;
}

static int
next_marked(const Headline *h, int i)
{
    while (i < h->words.count && h->words.items[i].item < 0) i++;
    return i < h->words.count ? i : -1;
}

/* The next cover from *p on: *p and *q are its ends. */
static Status
next_cover(Headline *h, int max_cover, int *p, int *q, bool *found)
{
    int start = next_marked(h, *p);
    for (*found = false; start >= 0; start = next_marked(h, start + 1)) {
        for (int end = start; end >= 0 && end - start < max_cover; end = next_marked(h, end + 1)) {
            h->first = start;
            h->last = end;
            arena_reset(h->scratch);
            TRY(ts_match(h->ctx, h->scratch, &h->q, check_words, h, found));
            if (!*found) continue;
            *p = start;
            *q = end;
            return QN_OK;
        }
        TRY(ctx_check_stop(h->ctx));
    }
    return QN_OK;
}

static void
mark_fragment(Headline *h, int start, int end)
{
    for (int i = start; i <= end; i++) {
        HlWord *w = &h->words.items[i];
        if (w->item >= 0) w->selected = true;
        if (!h->o->all && w->type == TSTOK_TAG) w->replaced = true;
        if (is_skipped(w->type)) w->skipped = true;
        w->in = !w->repeated;
    }
}

/* The first words, where nothing better was found. */
static void
mark_beginning(Headline *h)
{
    int n = 0, end = -1;
    for (int i = 0; i < h->words.count && n < h->o->min_words; i++) {
        count_word(h, i, 1, &n, NULL);
        end = i;
    }
    mark_fragment(h, 0, end);
}

/* ---- one stretch ---- */

typedef struct Stretch {
    int begin, end, ninteresting;
    bool covers;
} Stretch;

/* A cover made longer, or cut, to a headline's length. */
static Stretch
fit_cover(const Headline *h, int p, int q)
{
    Stretch s = {.begin = p, .end = p};
    int n = 0, i, min = h->o->min_words, max = h->o->max_words;
    for (i = p; i <= q && n < max; i++) {
        count_word(h, i, 1, &n, &s.ninteresting);
        s.end = i;
    }
    if (n < max) {
        for (i = i - 1; i < h->words.count && n < max; i++) {
            if (i > q) count_word(h, i, 1, &n, &s.ninteresting);
            s.end = i;
            if (!is_bad_end(h, i) && n >= min) break;
        }
        if (n < min) { /* the text's end: go on to the left */
            for (i = p - 1; i >= 0; i--) {
                count_word(h, i, 1, &n, &s.ninteresting);
                if (n >= max) break;
                if (!is_bad_end(h, i) && n >= min) break;
            }
            s.begin = i >= 0 ? i : 0;
        }
    } else {
        if (i > q) i = q;
        for (; n > min && is_bad_end(h, i); i--) {
            count_word(h, i, -1, &n, &s.ninteresting);
            s.end = i - 1;
        }
    }
    s.covers = s.begin <= p && s.end >= q;
    return s;
}

static Status
mark_best(Headline *h, int max_cover)
{
    Stretch best = {.ninteresting = -1};
    int p = 0, q = 0;
    for (;; p++) {
        bool found;
        TRY(next_cover(h, max_cover, &p, &q, &found));
        if (!found) break;
        Stretch s = fit_cover(h, p, q);
        if (s.covers > best.covers || (s.covers == best.covers && s.ninteresting > best.ninteresting) ||
            (s.covers == best.covers && s.ninteresting == best.ninteresting && !is_bad_end(h, s.end) && is_bad_end(h, best.end)))
            best = s;
    }
    if (best.ninteresting < 0)
        mark_beginning(h);
    else
        mark_fragment(h, best.begin, best.end);
    return QN_OK;
}

/* ---- several fragments ---- */

typedef struct Fragment {
    int begin, end, nwords, ninteresting;
    bool chosen, excluded;
} Fragment;

/* A piece of [begin, end] of at most max_words, with words of the query at both ends. */
static Fragment
cut_fragment(const Headline *h, int begin, int end)
{
    Fragment f = {.begin = begin, .end = end};
    int i;
    for (i = begin; i <= end; i++) {
        f.begin = i;
        if (is_interesting(&h->words.items[i])) break;
    }
    for (i = f.begin; i <= f.end && f.nwords < h->o->max_words; i++) count_word(h, i, 1, &f.nwords, &f.ninteresting);
    if (f.end > i) {
        f.end = i;
        for (; i >= f.begin; i--) {
            f.end = i;
            if (is_interesting(&h->words.items[i])) break;
            count_word(h, i, -1, &f.nwords, NULL);
        }
    }
    return f;
}

/* As many words on both sides as there is room for. */
static void
stretch_fragment(const Headline *h, Fragment *f)
{
    int room = (h->o->max_words - f->nwords) / 2, n = 0, i, mark = f->begin;
    for (i = f->begin - 1; i >= 0 && n < room && !h->words.items[i].in; i--) {
        int before = f->nwords;
        count_word(h, i, 1, &f->nwords, NULL);
        n += f->nwords - before;
        mark = i;
    }
    for (i = mark; i < f->begin && is_bad_end(h, i); i++) count_word(h, i, -1, &f->nwords, NULL);
    f->begin = i;
    mark = f->end;
    for (i = f->end + 1; i < h->words.count && f->nwords < h->o->max_words && !h->words.items[i].in; i++) {
        count_word(h, i, 1, &f->nwords, NULL);
        mark = i;
    }
    for (i = mark; i > f->end && is_bad_end(h, i); i--) count_word(h, i, -1, &f->nwords, NULL);
    f->end = i;
}

static Fragment *
best_fragment(Fragment *all, int n)
{
    Fragment *best = NULL;
    for (int i = 0; i < n; i++) {
        Fragment *f = &all[i];
        if (f->chosen || f->excluded || f->ninteresting == 0) continue;
        if (best == NULL || f->ninteresting > best->ninteresting || (f->ninteresting == best->ninteresting && f->nwords < best->nwords)) best = f;
    }
    return best;
}

static Status
mark_fragments(Headline *h, int max_cover)
{
    ARRAY(Fragment) all = {0};
    int p = 0, q = 0, nmarked = 0;
    for (;; p++) {
        bool found;
        TRY(next_cover(h, max_cover, &p, &q, &found));
        if (!found) break;
        for (int begin = p; begin <= q;) {
            Fragment f = cut_fragment(h, begin, q);
            TRY(array_push(h->ctx, h->arena, &all, f));
            begin = f.end + 1;
        }
    }
    for (; nmarked < h->o->max_fragments; nmarked++) {
        Fragment *f = best_fragment(all.items, all.count);
        if (f == NULL) break;
        f->chosen = true;
        if (f->nwords < h->o->max_words) stretch_fragment(h, f);
        mark_fragment(h, f->begin, f->end);
        for (int i = 0; i < all.count; i++) {
            Fragment *g = &all.items[i];
            if (g != f && g->begin <= f->end && g->end >= f->begin) g->excluded = true;
        }
    }
    if (nmarked == 0) mark_beginning(h);
    return QN_OK;
}

/* ---- the text ---- */

static void
print_headline(const Headline *h, StrBuf *b)
{
    int nfragments = 0;
    bool inside = false;
    for (int i = 0; i < h->words.count; i++) {
        const HlWord *w = &h->words.items[i];
        if (w->repeated) continue;
        if (!w->in) {
            inside = false;
            continue;
        }
        if (!inside && nfragments++ > 0) strbuf_addz(b, h->o->delimiter);
        inside = true;
        if (w->replaced) {
            strbuf_addc(b, ' ');
        } else if (!w->skipped) {
            if (w->selected) strbuf_addz(b, h->o->start);
            strbuf_add(b, w->text, w->nbytes);
            if (w->selected) strbuf_addz(b, h->o->stop);
        }
    }
}

static int
bounded(int64_t v)
{
    return v > INT32_MAX ? INT32_MAX : (int)v;
}

Status
headline_add(Ctx *ctx, Arena *arena, StrBuf *b, const TsConfig *config, TsLexer *lexer, const char *text, size_t nbytes, const TsQuery *q,
             const HeadlineOptions *o)
{
    Headline h = {.ctx = ctx, .arena = arena, .q = *q, .o = o};
    int max_cover = bounded((int64_t)o->max_words * 10 > 100 ? (int64_t)o->max_words * 10 : 100);
    Status st;
    TRY(read_words(&h, config, lexer, text, nbytes));
    TRY_ALLOC(ctx, h.scratch, arena_create(arena, "headline"));
    if (o->all)
        mark_fragment(&h, 0, h.words.count - 1);
    else if (o->max_fragments == 0)
        TRY_GOTO(mark_best(&h, max_cover));
    else
        TRY_GOTO(mark_fragments(&h, bounded((int64_t)max_cover * o->max_fragments)));
    print_headline(&h, b);
    st = QN_OK;
done:
    arena_destroy(h.scratch);
    return st;
}
