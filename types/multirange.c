/* multirange.c - multirange values: their bytes, one form for equal sets, order, text. See range.h. */
#include "common/hash.h"
#include "types/range.h"
#include <stdlib.h>

enum { MULTIRANGE_HEAD = 8 };

static uint32_t
get_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* Range i of a multirange, without memory: a view on its bytes. */
static void
item_view(const Str *s, int i, Range *out)
{
    const char *p = str_data(s), *ends = p + MULTIRANGE_HEAD, *data = ends + (size_t)get_u32(p + 4) * 4;
    uint32_t from = i == 0 ? 0 : get_u32(ends + (size_t)(i - 1) * 4), end = get_u32(ends + (size_t)i * 4);
    /* Through a pointer, so that bounds point to the multirange's own bytes, not into a short view. */
    Str item = {.len = end - from};
    Range r;
    if (item.len > STR_INLINE_MAX) {
        item.ptr = data + from;
        range_view(&item, &r);
    } else {
        item = str_make(data + from, item.len);
        range_view(&item, &r);
        /* A short range's bounds are fixed-width copies, or strings short enough to be inline. */
    }
    *out = r;
}

static int
item_count(const Str *s)
{
    return (int)get_u32(str_data(s) + 4);
}

Status
multirange_view(Ctx *ctx, Arena *arena, const Str *s, Multirange *out)
{
    Range *items;
    memcpy(&out->type, str_data(s), 4);
    out->n = item_count(s);
    TRY_ALLOC(ctx, items, ARENA_ARRAY(arena, Range, out->n + 1));
    for (int i = 0; i < out->n; i++) item_view(s, i, &items[i]);
    out->items = items;
    return QN_OK;
}

static int
by_bounds(const void *a, const void *b)
{
    return range_compare(a, b);
}

/* Sorted, without empty ones; those that overlap or touch are one. Returns how many are left. */
static int
join_ranges(Range *items, int n)
{
    int kept = 0;
    if (n > 1) qsort(items, (size_t)n, sizeof(Range), by_bounds);
    for (int i = 0; i < n; i++) {
        if (items[i].empty) continue;
        Range *last = kept > 0 ? &items[kept - 1] : NULL;
        if (last != NULL && (range_overlaps(last, &items[i]) || range_adjacent(last, &items[i])))
            *last = range_hull(last, &items[i]);
        else
            items[kept++] = items[i];
    }
    return kept;
}

Status
multirange_from_ranges(Ctx *ctx, Arena *arena, Oid type, Range *items, int n, Str *out)
{
    StrBuf b = strbuf_new(arena), data = strbuf_new(arena);
    char *text;
    size_t nbytes;
    n = join_ranges(items, n);
    uint32_t count = (uint32_t)n;
    strbuf_add(&b, (const char *)&type, 4);
    strbuf_add(&b, (const char *)&count, 4);
    for (int i = 0; i < n; i++) {
        Str s;
        TRY(range_pack(ctx, arena, &items[i], &s));
        strbuf_add(&data, str_data(&s), s.len);
        uint32_t end = (uint32_t)data.nbytes;
        strbuf_add(&b, (const char *)&end, 4);
    }
    if (data.failed) return RAISE_OOM(ctx);
    if (data.nbytes > 0) strbuf_add(&b, data.data, data.nbytes);
    TRY(strbuf_finish(ctx, &b, &text, &nbytes));
    *out = str_make(text, nbytes);
    return QN_OK;
}

int
multirange_cmp(const Value *a, const Value *b)
{
    int na = item_count(&a->str), nb = item_count(&b->str);
    for (int i = 0; i < na && i < nb; i++) {
        Range x, y;
        item_view(&a->str, i, &x);
        item_view(&b->str, i, &y);
        int c = range_bound_compare(&x, &x.lower, &y.lower);
        if (c == 0) c = range_bound_compare(&x, &x.upper, &y.upper);
        if (c != 0) return c;
    }
    return (na > nb) - (na < nb);
}

uint64_t
multirange_hash(const Value *v)
{
    uint64_t h = hash_u64((uint64_t)item_count(&v->str));
    const char *p = str_data(&v->str), *ends = p + MULTIRANGE_HEAD, *data = ends + (size_t)get_u32(p + 4) * 4;
    for (int i = 0; i < item_count(&v->str); i++) {
        uint32_t from = i == 0 ? 0 : get_u32(ends + (size_t)(i - 1) * 4), end = get_u32(ends + (size_t)i * 4);
        Value item = value_str(multirange_range(v->type), str_make(data + from, end - from));
        h = hash_combine(h, range_hash(&item));
    }
    return h;
}

/* ---- text ---- */

Status
multirange_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    Oid type = multirange_range(value->type);
    const char *p = str_data(&value->str), *ends = p + MULTIRANGE_HEAD, *data = ends + (size_t)get_u32(p + 4) * 4;
    strbuf_addc(b, '{');
    for (int i = 0; i < item_count(&value->str); i++) {
        uint32_t from = i == 0 ? 0 : get_u32(ends + (size_t)(i - 1) * 4), end = get_u32(ends + (size_t)i * 4);
        Value item = value_str(type, str_make(data + from, end - from));
        if (i > 0) strbuf_addc(b, ',');
        TRY(range_out(ctx, b, &item));
    }
    strbuf_addc(b, '}');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

typedef struct MultiText {
    Ctx *ctx;
    const char *text, *p, *end;
} MultiText;

static Status
malformed(MultiText *t, const char *detail)
{
    Status st = RAISE(t->ctx, ERR_INVALID_TEXT_REPRESENTATION, "malformed multirange literal: \"%.*s\"", (int)(t->end - t->text), t->text);
    return err_detail(t->ctx, st, "%s", detail);
}

static void
skip_space(MultiText *t)
{
    while (t->p < t->end && ascii_is_space(*t->p)) t->p++;
}

/* The text of one range, from its bracket to the one that closes it. */
static Status
find_range(MultiText *t, const char **from_out)
{
    bool quoted = false;
    *from_out = t->p++;
    for (;; t->p++) {
        if (t->p >= t->end) return malformed(t, "Unexpected end of input.");
        if (*t->p == '\\') t->p++;
        else if (*t->p == '"' && quoted && t->p + 1 < t->end && t->p[1] == '"') t->p++;
        else if (*t->p == '"') quoted = !quoted;
        else if (!quoted && (*t->p == ']' || *t->p == ')')) break;
    }
    t->p++;
    return QN_OK;
}

static Status
add_range(MultiText *t, Arena *arena, Oid range, const char *from, int32_t typmod, Range **items, int *n, int *cap)
{
    Value *v;
    if (*n == *cap) {
        int more = *cap > 0 ? *cap * 2 : 8;
        TRY_ALLOC(t->ctx, *items, arena_realloc(arena, *items, sizeof(Range) * (size_t)*cap, sizeof(Range) * (size_t)more));
        *cap = more;
    }
    TRY_ALLOC(t->ctx, v, ARENA_NEW(arena, Value)); /* bounds point into it */
    TRY(range_in(t->ctx, arena, from, (size_t)(t->p - from), range, typmod, v));
    range_view(&v->str, &(*items)[(*n)++]);
    return QN_OK;
}

Status
multirange_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    MultiText t = {.ctx = ctx, .text = text, .p = text, .end = text + nbytes};
    Oid range = multirange_range(type);
    Range *items = NULL;
    int n = 0, cap = 0;
    bool first = true;
    Str s;
    skip_space(&t);
    if (t.p == t.end || *t.p != '{') return malformed(&t, "Missing left brace.");
    for (t.p++;; first = false) {
        const char *from;
        skip_space(&t);
        if (t.p == t.end) return malformed(&t, "Unexpected end of input.");
        if (*t.p == '}' && first) break;
        if (t.end - t.p >= 5 && ascii_ncasecmp(t.p, "empty", 5) == 0) {
            t.p += 5;
        } else if (*t.p == '[' || *t.p == '(') {
            TRY(find_range(&t, &from));
            TRY(add_range(&t, arena, range, from, typmod, &items, &n, &cap));
        } else {
            return malformed(&t, "Expected range start.");
        }
        skip_space(&t);
        if (t.p == t.end) return malformed(&t, "Unexpected end of input.");
        if (*t.p == '}') break;
        if (*t.p++ != ',') return malformed(&t, "Expected comma or end of multirange.");
    }
    t.p++;
    skip_space(&t);
    if (t.p != t.end) return malformed(&t, "Junk after closing right brace.");
    TRY(multirange_from_ranges(ctx, arena, type, items, n, &s));
    *out = value_str(type, s);
    return QN_OK;
}
