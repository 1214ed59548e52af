/* tsvector.c - see ts.h: documents, their text form, order, and how they are laid out. */
#include "types/ts.h"
#include "common/hash.h"
#include "types/type_io.h"
#include <stdlib.h>

TsVector
tsvector_view(const Str *s)
{
    const char *p = str_data(s);
    TsVector v = {0};
    memcpy(&v.n, p, 4);
    v.ends = p + 4;
    v.data = v.ends + (size_t)v.n * 4;
    return v;
}

static uint32_t
end_of(const TsVector *v, uint32_t i)
{
    uint32_t e;
    memcpy(&e, v->ends + (size_t)i * 4, 4);
    return e;
}

TsLexeme
tsvector_lexeme(const TsVector *v, uint32_t i)
{
    const char *p = v->data + (i == 0 ? 0 : end_of(v, i - 1));
    TsLexeme l = {.text = p + 4, .nbytes = ts_u16(p, 0), .npos = ts_u16(p, 1)};
    l.pos = l.text + l.nbytes;
    return l;
}

int
ts_compare_text(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c != 0 ? c : (na > nb) - (na < nb);
}

uint32_t
tsvector_find(const TsVector *v, const char *text, size_t nbytes, bool *found_out)
{
    uint32_t low = 0, high = v->n;
    *found_out = false;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        TsLexeme l = tsvector_lexeme(v, mid);
        int c = ts_compare_text(l.text, l.nbytes, text, nbytes);
        if (c == 0) *found_out = true;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ---- making one ---- */

static int
compare_words(const void *x, const void *y)
{
    const TsWord *a = x, *b = y;
    return ts_compare_text(a->text, a->nbytes, b->text, b->nbytes);
}

static int
compare_places(const void *x, const void *y)
{
    uint16_t a = *(const uint16_t *)x, b = *(const uint16_t *)y;
    if (ts_place(a) != ts_place(b)) return (int)ts_place(a) - (int)ts_place(b);
    return ts_weight(b) - ts_weight(a); /* the heaviest first: it stays */
}

/* Sorts positions and keeps each place once, at its greatest weight. */
static uint32_t
unique_places(uint16_t *pos, uint32_t n)
{
    uint32_t m = 0;
    if (n == 0) return 0;
    qsort(pos, n, sizeof(*pos), compare_places);
    for (uint32_t i = 0; i < n && m < TS_POSITIONS_MAX; i++) {
        if (m > 0 && ts_place(pos[m - 1]) == ts_place(pos[i])) continue;
        if (m > 0 && ts_place(pos[m - 1]) == TS_POSITION_MAX) break;
        pos[m++] = pos[i];
    }
    return m;
}

static void
add_record(StrBuf *b, const char *text, uint32_t nbytes, const uint16_t *pos, uint32_t npos)
{
    uint16_t head[2] = {(uint16_t)nbytes, (uint16_t)npos};
    strbuf_add(b, (const char *)head, sizeof(head));
    strbuf_add(b, text, nbytes);
    if (npos > 0) strbuf_add(b, (const char *)pos, (size_t)npos * 2);
}

Status
tsvector_make(Ctx *ctx, Arena *arena, TsWord *words, int n, Str *out)
{
    StrBuf data = strbuf_new(arena), whole = strbuf_new(arena);
    uint32_t count = 0, *ends;
    char *bytes;
    size_t nbytes;
    if (n > 0) qsort(words, (size_t)n, sizeof(*words), compare_words);
    TRY_ALLOC(ctx, ends, ARENA_ARRAY(arena, uint32_t, n + 1));
    for (int i = 0, j; i < n; i = j) {
        uint32_t npos = 0, at = 0;
        uint16_t *pos = NULL;
        for (j = i; j < n && compare_words(&words[i], &words[j]) == 0; j++) npos += words[j].npos;
        if (npos > 0) {
            TRY_ALLOC(ctx, pos, ARENA_ARRAY(arena, uint16_t, npos));
            for (int k = i; k < j; k++) {
                if (words[k].npos > 0) memcpy(pos + at, words[k].pos, (size_t)words[k].npos * 2);
                at += words[k].npos;
            }
            npos = unique_places(pos, npos);
        }
        add_record(&data, words[i].text, words[i].nbytes, pos, npos);
        ends[count++] = (uint32_t)data.nbytes;
    }
    if (data.nbytes - (size_t)count * 4 > TS_TEXT_MAX)
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "string is too long for tsvector (%zu bytes, max %d bytes)", data.nbytes - (size_t)count * 4,
                     TS_TEXT_MAX);
    strbuf_add(&whole, (const char *)&count, 4);
    strbuf_add(&whole, (const char *)ends, (size_t)count * 4);
    if (data.nbytes > 0) strbuf_add(&whole, data.data, data.nbytes);
    if (data.failed) return RAISE_OOM(ctx);
    TRY(strbuf_finish(ctx, &whole, &bytes, &nbytes));
    *out = str_make(bytes, nbytes);
    return QN_OK;
}

/* ---- text ---- */

static Status
raise_syntax(Ctx *ctx, const TsReader *r)
{
    return RAISE(ctx, ERR_SYNTAX_ERROR, "syntax error in %s: \"%.*s\"", r->is_query ? "tsquery" : "tsvector", (int)r->nall, r->all);
}

/* "12A,3": r->at is past the colon. */
static Status
read_positions(Ctx *ctx, Arena *arena, TsReader *r, TsWord *w)
{
    ARRAY(uint16_t) list = {0};
    for (;;) {
        int place = 0, weight = 0;
        if (r->at == r->end || !ascii_is_digit(*r->at)) return raise_syntax(ctx, r);
        for (; r->at < r->end && ascii_is_digit(*r->at); r->at++)
            if (place <= TS_POSITION_MAX) place = place * 10 + (*r->at - '0');
        if (place == 0)
            return RAISE(ctx, ERR_SYNTAX_ERROR, "wrong position info in tsvector: \"%.*s\"", (int)r->nall, r->all);
        for (bool more = true; more && r->at < r->end;) {
            char c = ascii_upper(*r->at);
            if (ascii_is_digit(c)) { /* digits after a weight say nothing */
                r->at++;
                continue;
            }
            int got = c == 'A' || c == '*' ? 3 : c == 'B' ? 2 : c == 'C' ? 1 : c == 'D' ? 0 : -1;
            more = got >= 0;
            if (!more) break;
            if (weight != 0) return raise_syntax(ctx, r);
            weight = got;
            r->at++;
        }
        TRY(array_push(ctx, arena, &list, ts_pos(place, weight)));
        if (r->at == r->end || ascii_is_space(*r->at)) break;
        if (*r->at != ',') return raise_syntax(ctx, r);
        r->at++;
    }
    w->pos = list.items;
    w->npos = (uint32_t)list.count;
    return QN_OK;
}

/* After a backslash: one character as it is. */
static Status
read_escaped(Ctx *ctx, TsReader *r, StrBuf *b)
{
    r->at++;
    if (r->at == r->end)
        return RAISE(ctx, ERR_SYNTAX_ERROR, "there is no escaped character: \"%.*s\"", (int)r->nall, r->all);
    int n = utf8_char_bytes((unsigned char)*r->at);
    if (n > r->end - r->at) n = (int)(r->end - r->at);
    strbuf_add(b, r->at, (size_t)n);
    r->at += n;
    return QN_OK;
}

static Status
read_quoted(Ctx *ctx, TsReader *r, StrBuf *b)
{
    for (r->at++; r->at < r->end;) {
        if (*r->at == '\\') {
            TRY(read_escaped(ctx, r, b));
        } else if (*r->at != '\'') {
            strbuf_addc(b, *r->at++);
        } else if (r->at + 1 < r->end && r->at[1] == '\'') {
            strbuf_addc(b, '\'');
            r->at += 2;
        } else {
            r->at++;
            return QN_OK;
        }
    }
    return raise_syntax(ctx, r);
}

static Status
read_plain(Ctx *ctx, TsReader *r, StrBuf *b)
{
    const char *start = r->at;
    while (r->at < r->end) {
        char c = *r->at;
        if (c == '\\' && !r->is_web) {
            TRY(read_escaped(ctx, r, b));
            continue;
        }
        if (ascii_is_space(c) || (r->is_query && ts_is_operator(c)) || (r->is_web && c == '"')) break;
        if (c == ':' && !(r->is_web && r->at == start)) break;
        strbuf_addc(b, c);
        r->at++;
    }
    return QN_OK;
}

Status
ts_read_word(Ctx *ctx, Arena *arena, TsReader *r, TsWord *out, bool *found_out)
{
    StrBuf b = strbuf_new(arena);
    char *text;
    size_t nbytes;
    *found_out = false;
    while (r->at < r->end && ascii_is_space(*r->at)) r->at++;
    if (r->at == r->end) return QN_OK;
    if (*r->at == '\'' && !r->is_web)
        TRY(read_quoted(ctx, r, &b));
    else
        TRY(read_plain(ctx, r, &b));
    if (b.nbytes == 0) return raise_syntax(ctx, r);
    TRY(strbuf_finish(ctx, &b, &text, &nbytes));
    *out = (TsWord){.text = text, .nbytes = (uint32_t)nbytes};
    *found_out = true;
    if (!r->is_query && r->at < r->end && *r->at == ':') {
        r->at++;
        TRY(read_positions(ctx, arena, r, out));
    }
    return QN_OK;
}

Status
tsvector_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    TsReader r = {.at = text, .end = text + nbytes, .all = text, .nall = nbytes};
    TsWords words = {0};
    (void)typmod;
    for (;;) {
        TsWord w;
        bool found;
        TRY(ts_read_word(ctx, arena, &r, &w, &found));
        if (!found) break;
        if (w.nbytes > TS_LEXEME_MAX)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "word is too long (%u bytes, max %d bytes)", w.nbytes, TS_LEXEME_MAX);
        TRY(array_push(ctx, arena, &words, w));
    }
    *out = value_str(type, str_make("", 0));
    return tsvector_make(ctx, arena, words.items, words.count, &out->str);
}

Status
tsvector_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    TsVector v = tsvector_view(&value->str);
    (void)ctx;
    for (uint32_t i = 0; i < v.n; i++) {
        TsLexeme l = tsvector_lexeme(&v, i);
        strbuf_addz(b, i > 0 ? " '" : "'");
        for (uint32_t k = 0; k < l.nbytes; k++) {
            if (l.text[k] == '\'' || l.text[k] == '\\') strbuf_addc(b, l.text[k]);
            strbuf_addc(b, l.text[k]);
        }
        strbuf_addc(b, '\'');
        for (uint32_t k = 0; k < l.npos; k++) {
            uint16_t p = ts_u16(l.pos, k);
            strbuf_addf(b, "%c%d", k > 0 ? ',' : ':', ts_place(p));
            if (ts_weight(p) > 0) strbuf_addc(b, "DCBA"[ts_weight(p)]);
        }
    }
    return QN_OK;
}

/* ---- order ---- */

/* The bytes PostgreSQL keeps the document in: what it orders documents by first. */
static uint32_t
varsize(const TsVector *v)
{
    uint32_t text = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        TsLexeme l = tsvector_lexeme(v, i);
        text += l.nbytes;
        if (l.npos > 0) text = ((text + 1) & ~1u) + 2 + 2 * l.npos;
    }
    return 8 + 4 * v->n + text;
}

static int
compare_lexemes(const TsLexeme *a, const TsLexeme *b)
{
    if ((a->npos > 0) != (b->npos > 0)) return a->npos > 0 ? -1 : 1;
    int c = ts_compare_text(a->text, a->nbytes, b->text, b->nbytes);
    if (c != 0) return c;
    if (a->npos != b->npos) return a->npos > b->npos ? -1 : 1;
    for (uint32_t k = 0; k < a->npos; k++) {
        uint16_t x = ts_u16(a->pos, k), y = ts_u16(b->pos, k);
        if (ts_place(x) != ts_place(y)) return ts_place(x) > ts_place(y) ? -1 : 1;
        if (x != y) return x > y ? -1 : 1;
    }
    return 0;
}

int
tsvector_cmp(const Value *a, const Value *b)
{
    TsVector x = tsvector_view(&a->str), y = tsvector_view(&b->str);
    uint32_t nx = varsize(&x), ny = varsize(&y);
    if (nx != ny) return nx < ny ? -1 : 1;
    if (x.n != y.n) return x.n < y.n ? -1 : 1;
    for (uint32_t i = 0; i < x.n; i++) {
        TsLexeme l = tsvector_lexeme(&x, i), m = tsvector_lexeme(&y, i);
        int c = compare_lexemes(&l, &m);
        if (c != 0) return c;
    }
    return 0;
}

uint64_t
tsvector_hash(const Value *v)
{
    return hash_bytes(str_data(&v->str), v->str.len); /* equal documents have equal bytes */
}

static void
add_be32(StrBuf *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    strbuf_add(b, (const char *)&v, 4);
}

static void
add_be16(StrBuf *b, uint16_t v)
{
    v = __builtin_bswap16(v);
    strbuf_add(b, (const char *)&v, 2);
}

/* As tsvector_cmp compares; lexemes hold no zero byte, so one ends each. */
void
tsvector_key(const Value *value, StrBuf *b)
{
    TsVector v = tsvector_view(&value->str);
    add_be32(b, varsize(&v));
    add_be32(b, v.n);
    for (uint32_t i = 0; i < v.n; i++) {
        TsLexeme l = tsvector_lexeme(&v, i);
        strbuf_addc(b, l.npos > 0 ? 0 : 1);
        strbuf_add(b, l.text, l.nbytes);
        strbuf_addc(b, 0);
        add_be16(b, (uint16_t)~l.npos);
        for (uint32_t k = 0; k < l.npos; k++) {
            uint16_t p = ts_u16(l.pos, k);
            add_be16(b, (uint16_t)~ts_place(p));
            strbuf_addc(b, (char)(3 - ts_weight(p)));
        }
    }
}
