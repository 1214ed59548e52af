/* tsrank.c - ts_rank and ts_rank_cd: how well a document answers a query. Formulas and the widths they are computed in are PostgreSQL's. */
#include "types/array.h"
#include "types/kernel.h"
#include "types/ts.h"
#include <math.h>
#include <stdlib.h>

enum { /* what a rank is divided by */
    BY_LOG_LENGTH = 1, BY_LENGTH = 2, BY_EXTENT_DISTANCE = 4, BY_UNIQUE = 8, BY_LOG_UNIQUE = 16, BY_ITSELF = 32
};

typedef struct Rank {
    Ctx *ctx;
    Arena *arena;
    TsVector v;
    TsQuery q;
    float weights[4]; /* D to A */
    int method;
} Rank;

/* Words of the document that an item stands for: from *first, *n_out of them. */
static void
find_words(const Rank *r, uint32_t item, uint32_t *first, uint32_t *n_out)
{
    TsItem it = tsquery_item(&r->q, item);
    const char *text = r->q.text + it.a;
    bool found;
    uint32_t last;
    *first = tsvector_find(&r->v, text, it.b, &found);
    last = *first + (found ? 1 : 0);
    while (it.prefix && last < r->v.n) {
        TsLexeme l = tsvector_lexeme(&r->v, last);
        if (l.nbytes < it.b || memcmp(l.text, text, it.b) != 0) break;
        last++;
    }
    *n_out = last - *first;
}

static int
document_length(const TsVector *v)
{
    int n = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t npos = tsvector_lexeme(v, i).npos;
        n += npos > 0 ? (int)npos : 1;
    }
    return n;
}

/* The query's values, each word once, in the order of words. */
typedef struct Values {
    uint32_t *items;
    int n;
} Values;

static Status
unique_values(Rank *r, Values *out)
{
    TRY_ALLOC(r->ctx, out->items, ARENA_ARRAY(r->arena, uint32_t, r->q.n + 1));
    out->n = 0;
    for (uint32_t i = 0; i < r->q.n; i++) {
        TsItem it = tsquery_item(&r->q, i);
        int at = 0, c = 1;
        if (it.kind != TS_VALUE) continue;
        for (; at < out->n; at++) {
            TsItem other = tsquery_item(&r->q, out->items[at]);
            c = ts_compare_text(r->q.text + it.a, it.b, r->q.text + other.a, other.b);
            if (c <= 0) break;
        }
        if (at < out->n && c == 0) continue;
        memmove(out->items + at + 1, out->items + at, sizeof(uint32_t) * (size_t)(out->n - at));
        out->items[at] = i;
        out->n++;
    }
    return QN_OK;
}

static const uint16_t no_position = TS_POSITION_MAX;

/* A word's positions; one without has a place far away. */
static TsLexeme
positions_of(const Rank *r, uint32_t word)
{
    TsLexeme l = tsvector_lexeme(&r->v, word);
    if (l.npos == 0) {
        l.npos = 1;
        l.pos = (const char *)&no_position;
    }
    return l;
}

static float
weight_at(const Rank *r, const TsLexeme *l, uint32_t k)
{
    return r->weights[ts_weight(ts_u16(l->pos, k))];
}

static float
closeness(int distance)
{
    if (distance > 100) return 1e-30f;
    return (float)(1.0 / (1.005 + 0.05 * exp((double)((float)distance) / 1.5 - 2)));
}

static float
rank_or(Rank *r, const Values *values)
{
    float res = 0;
    for (int i = 0; i < values->n; i++) {
        uint32_t first, n;
        find_words(r, values->items[i], &first, &n);
        for (uint32_t w = first; w < first + n; w++) {
            TsLexeme l = positions_of(r, w);
            float sum = 0, best = -1;
            int best_at = 0;
            for (uint32_t j = 0; j < l.npos; j++) {
                float weight = weight_at(r, &l, j);
                sum = sum + weight / (float)((j + 1) * (j + 1));
                if (weight > best) {
                    best = weight;
                    best_at = (int)j;
                }
            }
            /* The sum over 1/i^2 goes to pi^2/6; the heaviest place counts as if it were the first. */
            res = (float)(res + (double)(best + sum - best / (float)((best_at + 1) * (best_at + 1))) / 1.64493406685);
        }
    }
    return values->n > 0 ? res / (float)values->n : res;
}

/* Two words at all their places. */
static void
add_pairs(Rank *r, const TsLexeme *a, bool a_far, const TsLexeme *b, bool b_far, float *res)
{
    for (uint32_t i = 0; i < a->npos; i++)
        for (uint32_t j = 0; j < b->npos; j++) {
            int distance = abs((int)ts_place(ts_u16(a->pos, i)) - (int)ts_place(ts_u16(b->pos, j)));
            if (distance == 0 && !a_far && !b_far) continue;
            if (distance == 0) distance = TS_POSITION_MAX + 1;
            float w = (float)sqrt((double)(weight_at(r, a, i) * weight_at(r, b, j) * closeness(distance)));
            *res = *res < 0 ? w : (float)(1.0 - (1.0 - *res) * (1.0 - w));
        }
}

static Status
rank_and(Rank *r, const Values *values, float *out)
{
    TsLexeme *seen;
    bool *have, *far;
    float res = -1;
    *out = rank_or(r, values);
    if (values->n < 2) return QN_OK;
    TRY_ALLOC(r->ctx, seen, ARENA_ARRAY(r->arena, TsLexeme, values->n));
    TRY_ALLOC(r->ctx, have, ARENA_ARRAY(r->arena, bool, values->n));
    TRY_ALLOC(r->ctx, far, ARENA_ARRAY(r->arena, bool, values->n));
    for (int i = 0; i < values->n; i++) {
        uint32_t first, n;
        find_words(r, values->items[i], &first, &n);
        for (uint32_t w = first; w < first + n; w++) {
            seen[i] = positions_of(r, w);
            far[i] = seen[i].pos == (const char *)&no_position;
            have[i] = true;
            for (int k = 0; k < i; k++)
                if (have[k]) add_pairs(r, &seen[i], far[i], &seen[k], far[k], &res);
        }
    }
    *out = res;
    return QN_OK;
}

static Status
rank(Rank *r, float *out)
{
    Values values;
    float res;
    *out = 0;
    if (r->v.n == 0 || r->q.n == 0) return QN_OK;
    TRY(unique_values(r, &values));
    TsItem top = tsquery_item(&r->q, 0);
    if (top.kind == TS_AND || top.kind == TS_PHRASE)
        TRY(rank_and(r, &values, &res));
    else
        res = rank_or(r, &values);
    if (res < 0) res = 1e-20f;
    if ((r->method & BY_LOG_LENGTH) != 0) res = (float)(res / (log((double)(document_length(&r->v) + 1)) / log(2.0)));
    if ((r->method & BY_LENGTH) != 0) res /= (float)document_length(&r->v);
    if ((r->method & BY_UNIQUE) != 0) res /= (float)r->v.n;
    if ((r->method & BY_LOG_UNIQUE) != 0) res = (float)(res / (log((double)(r->v.n + 1)) / log(2.0)));
    if ((r->method & BY_ITSELF) != 0) res /= (res + 1);
    *out = res;
    return QN_OK;
}

/* ---- cover density ---- */

/* A place of the document where a word of the query is. Those of one place and word count as one. */
typedef struct Spot {
    uint16_t pos;
    uint32_t word;
    uint32_t item;
} Spot;

typedef struct Cover {
    Rank *r;
    Arena *scratch; /* of one match */
    Spot *spots;
    int nspots;
    int first, last; /* of spots: what the query is asked about */
} Cover;

static int
compare_spots(const void *x, const void *y)
{
    const Spot *a = x, *b = y;
    if (ts_place(a->pos) != ts_place(b->pos)) return (int)ts_place(a->pos) - (int)ts_place(b->pos);
    if (ts_weight(a->pos) != ts_weight(b->pos)) return ts_weight(a->pos) - ts_weight(b->pos);
    if (a->word != b->word) return a->word < b->word ? -1 : 1;
    return (a->item > b->item) - (a->item < b->item);
}

static Status
check_spots(Ctx *ctx, Arena *arena, void *arg, uint32_t item, TsPlaces *places, TsTruth *out)
{
    const Cover *c = arg;
    uint16_t *at = NULL;
    int n = 0;
    *out = TS_NO;
    if (places != NULL) TRY_ALLOC(ctx, at, ARENA_ARRAY(arena, uint16_t, c->last - c->first + 1));
    for (int i = c->first; i <= c->last; i++) {
        if (c->spots[i].item != item) continue;
        *out = TS_YES;
        if (places == NULL) return QN_OK;
        uint16_t place = ts_place(c->spots[i].pos);
        if (n == 0 || at[n - 1] != place) at[n++] = place;
    }
    if (places != NULL) *places = (TsPlaces){.n = n, .at = at};
    return QN_OK;
}

static Status
collect_spots(Rank *r, Cover *c)
{
    ARRAY(Spot) list = {0};
    for (uint32_t i = 0; i < r->q.n; i++) {
        TsItem it = tsquery_item(&r->q, i);
        uint32_t first, n;
        if (it.kind != TS_VALUE) continue;
        find_words(r, i, &first, &n);
        for (uint32_t w = first; w < first + n; w++) {
            TsLexeme l = tsvector_lexeme(&r->v, w);
            for (uint32_t k = 0; k < l.npos; k++) {
                uint16_t pos = ts_u16(l.pos, k);
                if (it.weights != 0 && (it.weights >> ts_weight(pos) & 1) == 0) continue;
                Spot s = {pos, w, i};
                TRY(array_push(r->ctx, r->arena, &list, s));
            }
        }
    }
    if (list.count > 0) qsort(list.items, (size_t)list.count, sizeof(Spot), compare_spots);
    c->spots = list.items;
    c->nspots = list.count;
    return QN_OK;
}

static bool
same_spot(const Spot *a, const Spot *b)
{
    return a->pos == b->pos && a->word == b->word;
}

/* Past the spots that are one with spot i. */
static int
spot_end(const Cover *c, int i)
{
    int j = i + 1;
    while (j < c->nspots && same_spot(&c->spots[i], &c->spots[j])) j++;
    return j;
}

static int
spot_start(const Cover *c, int i)
{
    while (i > 0 && same_spot(&c->spots[i], &c->spots[i - 1])) i--;
    return i;
}

typedef struct Extent {
    int begin, end; /* of spots; the spots that are one with them included */
    int next;       /* where the next one is looked for */
} Extent;

static Status
matches(Cover *c, bool *yes)
{
    arena_reset(c->scratch);
    return ts_match(c->r->ctx, c->scratch, &c->r->q, check_spots, c, yes);
}

/* The next part of the document that satisfies the query and none inside which does: the end is found going forward, then the beginning
 * going back. */
static Status
next_extent(Cover *c, Extent *e, bool *found)
{
    for (*found = false; e->next < c->nspots;) {
        bool yes = false;
        int i = e->next, at;
        c->first = e->next;
        for (; i < c->nspots && !yes; i = spot_end(c, i)) {
            c->last = spot_end(c, i) - 1;
            TRY(matches(c, &yes));
            if (yes) break;
        }
        if (!yes) return QN_OK;
        e->end = c->last;
        yes = false;
        for (at = spot_start(c, c->last); at >= e->next; at = spot_start(c, at - 1)) {
            c->first = at;
            TRY(matches(c, &yes));
            if (yes || at == 0) break;
        }
        if (yes) {
            e->begin = at;
            e->next = spot_end(c, at);
            *found = true;
            return QN_OK;
        }
        e->next = spot_end(c, e->next);
    }
    return QN_OK;
}

/* Sums over the spots of an extent; *n_out counts them. */
static double
inverse_weights(const Cover *c, const Extent *e, int *n_out)
{
    double sum = 0;
    int n = 0;
    for (int i = e->begin; i <= e->end; i = spot_end(c, i), n++) sum += 1.0 / (double)c->r->weights[ts_weight(c->spots[i].pos)];
    *n_out = n;
    return sum;
}

static Status
rank_cd(Rank *r, float *out)
{
    Cover c = {.r = r};
    Extent e = {0};
    double total = 0, distances = 0, before = 0;
    int nextents = 0;
    bool found;
    Status st;
    *out = 0;
    if (r->v.n == 0 || r->q.n == 0) return QN_OK;
    TRY(collect_spots(r, &c));
    TRY_ALLOC(r->ctx, c.scratch, arena_create(r->arena, "rank"));
    for (;;) {
        int n;
        TRY_GOTO(ctx_check_stop(r->ctx));
        TRY_GOTO(next_extent(&c, &e, &found));
        if (!found) break;
        double inverse = inverse_weights(&c, &e, &n);
        int from = ts_place(c.spots[e.begin].pos), to = ts_place(c.spots[e.end].pos), noise = to - from - (n - 1);
        /* Places end at a limit: past it the other words are taken to be half as many. */
        if (noise < 0) noise = (n - 1) / 2;
        total += (double)n / inverse / (double)(1 + noise);
        double middle = (double)(to + from) / 2.0;
        if (nextents > 0 && middle > before) distances += 1.0 / (middle - before);
        before = middle;
        nextents++;
    }
    if ((r->method & BY_LOG_LENGTH) != 0) total /= log((double)(document_length(&r->v) + 1));
    if ((r->method & BY_LENGTH) != 0) total /= (double)document_length(&r->v);
    if ((r->method & BY_EXTENT_DISTANCE) != 0 && nextents > 0 && distances > 0) total /= (double)nextents / distances;
    if ((r->method & BY_UNIQUE) != 0) total /= (double)r->v.n;
    if ((r->method & BY_LOG_UNIQUE) != 0) total /= log((double)(r->v.n + 1)) / log(2.0);
    if ((r->method & BY_ITSELF) != 0) total /= total + 1;
    *out = (float)total;
    st = QN_OK;
done:
    arena_destroy(c.scratch);
    return st;
}

/* ---- kernels ---- */

static const float default_weights[4] = {0.1f, 0.2f, 0.4f, 1.0f};

static Status
read_weights(Ctx *ctx, const Str *array, float *out)
{
    ArrayView a;
    array_view(array, &a);
    if (a.ndim != 1) return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "array of weight must be one-dimensional");
    if (a.nelems < 4) return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "array of weight is too short");
    if (a.nulls != NULL) return RAISE(ctx, ERR_NULL_VALUE_NOT_ALLOWED, "array of weight must not contain nulls");
    for (uint32_t i = 0; i < 4; i++) {
        float w = array_element(&a, i).f32;
        out[i] = w >= 0 ? w : default_weights[i];
        if (out[i] > 1.0f) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "weight out of range");
    }
    return QN_OK;
}

static Status
rank_rows(KernelCall *call, bool has_weights, bool has_method, Status (*fn)(Rank *r, float *out))
{
    int at = has_weights ? 1 : 0;
    ROWS(call, i) {
        Rank r = {.ctx = call->ctx, .arena = call->arena};
        r.v = tsvector_view(&((const Str *)call->args[at]->data)[arg_at(call->args[at], i)]);
        r.q = tsquery_view(&((const Str *)call->args[at + 1]->data)[arg_at(call->args[at + 1], i)]);
        memcpy(r.weights, default_weights, sizeof(r.weights));
        if (has_weights) TRY(read_weights(call->ctx, &ARG(call, 0, Str, i), r.weights));
        if (has_method) r.method = ARG(call, at + 2, int32_t, i);
        TRY(fn(&r, &OUT(call, float, i)));
    }
    return QN_OK;
}

Status fn_ts_rank_wttf(KernelCall *call) { return rank_rows(call, true, true, rank); }
Status fn_ts_rank_wtt(KernelCall *call) { return rank_rows(call, true, false, rank); }
Status fn_ts_rank_ttf(KernelCall *call) { return rank_rows(call, false, true, rank); }
Status fn_ts_rank_tt(KernelCall *call) { return rank_rows(call, false, false, rank); }
Status fn_ts_rankcd_wttf(KernelCall *call) { return rank_rows(call, true, true, rank_cd); }
Status fn_ts_rankcd_wtt(KernelCall *call) { return rank_rows(call, true, false, rank_cd); }
Status fn_ts_rankcd_ttf(KernelCall *call) { return rank_rows(call, false, true, rank_cd); }
Status fn_ts_rankcd_tt(KernelCall *call) { return rank_rows(call, false, false, rank_cd); }
