/* tsmatch.c - whether a document, or anything that says where words are, satisfies a query.
 *
 * A phrase is matched by the places where its parts can end. A part under ! has the places where it does not (TsPlaces.negate), so
 * that phrases may be made of any operators; each combination is one merge of two lists of places.
 */
#include "types/ts.h"
#include <stdlib.h>

typedef struct Match {
    Ctx *ctx;
    Arena *arena;
    const TsQuery *q;
    TsCheck check;
    void *arg;
} Match;

enum { EMIT_BOTH = 1, EMIT_LEFT = 2, EMIT_RIGHT = 4 };

/* Places of the two sides, moved by their offsets, that are in both, only left or only right. */
static Status
merge_places(Match *m, const TsPlaces *l, const TsPlaces *r, int emit, int left_offset, int right_offset, TsPlaces *out, TsTruth *truth)
{
    uint16_t *at;
    int i = 0, j = 0, n = 0;
    TRY_ALLOC(m->ctx, at, ARENA_ARRAY(m->arena, uint16_t, l->n + r->n + 1));
    while (i < l->n || j < r->n) {
        int x = i < l->n ? l->at[i] + left_offset : INT32_MAX, y = j < r->n ? r->at[j] + right_offset : INT32_MAX;
        int place = x < y ? x : y, kind = x < y ? EMIT_LEFT : x > y ? EMIT_RIGHT : EMIT_BOTH;
        if ((emit & EMIT_RIGHT) == 0 && i >= l->n) break;
        if ((emit & EMIT_LEFT) == 0 && j >= r->n) break;
        if ((emit & kind) != 0) at[n++] = (uint16_t)place;
        i += x <= y;
        j += y <= x;
    }
    out->at = at;
    out->n = n;
    *truth = n > 0 ? TS_YES : TS_NO;
    return QN_OK;
}

static int
larger(int a, int b)
{
    return a > b ? a : b;
}

static Status phrase_match(Match *m, uint32_t i, TsPlaces *out, TsTruth *truth);

static Status
phrase_not(Match *m, uint32_t i, TsPlaces *out, TsTruth *truth)
{
    TRY(phrase_match(m, i + 1, out, truth));
    if (*truth == TS_NO) { /* holds everywhere */
        *out = (TsPlaces){.negate = true};
        *truth = TS_YES;
    } else if (*truth == TS_YES) {
        if (out->n > 0) {
            out->negate = !out->negate;
        } else if (out->negate) {
            out->negate = false;
            *truth = TS_NO;
        }
    }
    return QN_OK;
}

/* Both sides: a phrase, or & inside one. */
static Status
phrase_and(Match *m, uint32_t i, const TsItem *it, TsPlaces *out, TsTruth *truth)
{
    TsPlaces l = {0}, r = {0};
    TsTruth lt, rt;
    int left_offset, right_offset, emit;
    TRY(phrase_match(m, i + it->a, &l, &lt));
    *truth = lt;
    if (lt == TS_NO) return QN_OK;
    TRY(phrase_match(m, i + 1, &r, &rt));
    *truth = rt == TS_NO ? TS_NO : lt == TS_MAYBE || rt == TS_MAYBE ? TS_MAYBE : TS_YES;
    if (*truth != TS_YES) return QN_OK;
    if (it->kind == TS_PHRASE) {
        left_offset = (int)it->b + r.width;
        right_offset = 0;
        out->width = (int)it->b + l.width + r.width;
    } else {
        out->width = larger(l.width, r.width);
        left_offset = out->width - l.width;
        right_offset = out->width - r.width;
    }
    emit = l.negate && r.negate ? EMIT_BOTH | EMIT_LEFT | EMIT_RIGHT : l.negate ? EMIT_RIGHT : r.negate ? EMIT_LEFT : EMIT_BOTH;
    TRY(merge_places(m, &l, &r, emit, left_offset, right_offset, out, truth));
    if (l.negate && r.negate) {
        out->negate = true;
        *truth = TS_YES;
    }
    return QN_OK;
}

static Status
phrase_or(Match *m, uint32_t i, const TsItem *it, TsPlaces *out, TsTruth *truth)
{
    TsPlaces l = {0}, r = {0};
    TsTruth lt, rt;
    int emit;
    TRY(phrase_match(m, i + it->a, &l, &lt));
    TRY(phrase_match(m, i + 1, &r, &rt));
    *truth = lt == TS_NO && rt == TS_NO ? TS_NO : lt == TS_MAYBE || rt == TS_MAYBE ? TS_MAYBE : TS_YES;
    if (*truth != TS_YES) return QN_OK;
    if (lt == TS_NO) l.width = 0;
    if (rt == TS_NO) r.width = 0;
    out->width = larger(l.width, r.width);
    emit = l.negate && r.negate ? EMIT_BOTH : l.negate ? EMIT_LEFT : r.negate ? EMIT_RIGHT : EMIT_BOTH | EMIT_LEFT | EMIT_RIGHT;
    TRY(merge_places(m, &l, &r, emit, out->width - l.width, out->width - r.width, out, truth));
    if (l.negate || r.negate) {
        out->negate = true;
        *truth = TS_YES;
    }
    return QN_OK;
}

static Status
phrase_match(Match *m, uint32_t i, TsPlaces *out, TsTruth *truth)
{
    TsItem it = tsquery_item(m->q, i);
    TRY(ctx_check_depth(m->ctx));
    switch (it.kind) {
    case TS_VALUE: return m->check(m->ctx, m->arena, m->arg, i, out, truth);
    case TS_NOT: return phrase_not(m, i, out, truth);
    case TS_OR: return phrase_or(m, i, &it, out, truth);
    default: return phrase_and(m, i, &it, out, truth);
    }
}

static Status
match_item(Match *m, uint32_t i, bool *out)
{
    TsItem it = tsquery_item(m->q, i);
    TsPlaces places = {0};
    TsTruth truth;
    TRY(ctx_check_depth(m->ctx));
    switch (it.kind) {
    case TS_VALUE:
        TRY(m->check(m->ctx, m->arena, m->arg, i, NULL, &truth));
        *out = truth != TS_NO;
        return QN_OK;
    case TS_NOT:
        TRY(match_item(m, i + 1, out));
        *out = !*out;
        return QN_OK;
    case TS_PHRASE:
        TRY(phrase_match(m, i, &places, &truth));
        *out = truth == TS_YES;
        return QN_OK;
    default:
        TRY(match_item(m, i + it.a, out));
        return *out == (it.kind == TS_AND) ? match_item(m, i + 1, out) : QN_OK;
    }
}

Status
ts_match(Ctx *ctx, Arena *arena, const TsQuery *q, TsCheck check, void *arg, bool *out)
{
    Match m = {ctx, arena, q, check, arg};
    *out = false;
    return q->n > 0 ? match_item(&m, 0, out) : QN_OK;
}

/* ---- documents ---- */

typedef struct VectorArg {
    const TsVector *v;
    const TsQuery *q;
} VectorArg;

static bool
weight_fits(const TsItem *it, uint16_t pos)
{
    return it->weights == 0 || (it->weights >> ts_weight(pos) & 1) != 0;
}

/* One lexeme that the item stands for. Places go to at[*n..]. */
static TsTruth
check_lexeme(const TsLexeme *l, const TsItem *it, uint16_t *at, int *n)
{
    int before = n != NULL ? *n : 0;
    if (l->npos == 0) return at != NULL ? TS_MAYBE : TS_YES;
    if (at == NULL && it->weights == 0) return TS_YES;
    for (uint32_t k = 0; k < l->npos; k++) {
        uint16_t p = ts_u16(l->pos, k);
        if (!weight_fits(it, p)) continue;
        if (at == NULL) return TS_YES;
        at[(*n)++] = ts_place(p);
    }
    return n != NULL && *n > before ? TS_YES : TS_NO;
}

static int
compare_u16(const void *x, const void *y)
{
    return (int)*(const uint16_t *)x - (int)*(const uint16_t *)y;
}

static Status
check_vector(Ctx *ctx, Arena *arena, void *arg, uint32_t item, TsPlaces *places, TsTruth *out)
{
    const VectorArg *a = arg;
    TsItem it = tsquery_item(a->q, item);
    const char *text = a->q->text + it.a;
    uint32_t first = 0, last, room = 0;
    bool found;
    uint16_t *at = NULL;
    int n = 0;
    *out = TS_NO;
    first = tsvector_find(a->v, text, it.b, &found);
    last = first + (found ? 1 : 0);
    if (it.prefix)
        while (last < a->v->n) {
            TsLexeme l = tsvector_lexeme(a->v, last);
            if (l.nbytes < it.b || memcmp(l.text, text, it.b) != 0) break;
            last++;
        }
    if (places != NULL) {
        for (uint32_t i = first; i < last; i++) room += tsvector_lexeme(a->v, i).npos;
        TRY_ALLOC(ctx, at, ARENA_ARRAY(arena, uint16_t, room + 1));
    }
    for (uint32_t i = first; i < last; i++) {
        TsLexeme l = tsvector_lexeme(a->v, i);
        TsTruth t = check_lexeme(&l, &it, at, places != NULL ? &n : NULL);
        if (t == TS_MAYBE || (t == TS_YES && *out == TS_NO)) *out = t;
        if (*out != TS_NO && places == NULL) return QN_OK;
        if (*out == TS_MAYBE) return QN_OK;
    }
    if (places == NULL) return QN_OK;
    if (last > first + 1 && n > 1) {
        int m = 0;
        qsort(at, (size_t)n, sizeof(*at), compare_u16);
        for (int i = 0; i < n; i++)
            if (m == 0 || at[m - 1] != at[i]) at[m++] = at[i];
        n = m;
    }
    *places = (TsPlaces){.n = n, .at = at};
    return QN_OK;
}

Status
ts_match_vector(Ctx *ctx, Arena *arena, const TsVector *v, const TsQuery *q, bool *out)
{
    VectorArg a = {v, q};
    *out = false;
    return v->n == 0 && q->n == 0 ? QN_OK : ts_match(ctx, arena, q, check_vector, &a, out);
}
