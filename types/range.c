/* range.c - range values: which type is over which, their bytes, order, sets, text. See range.h. */
#include "types/range.h"
#include "common/hash.h"
#include "types/array.h"
#include "types/datetime.h"

/* ---- which is over which ---- */

static const struct {
    Oid range, subtype, multirange, canonical, difference;
} builtin[] = {
#define RANGE(range, subtype, multirange, canonical, difference)                                   \
    {TYPE_##range, TYPE_##subtype, TYPE_##multirange, canonical, difference},
#include "types/ranges.def"
#undef RANGE
};
#define NBUILTIN ((int)(sizeof(builtin) / sizeof(builtin[0])))

bool
range_builtin(int i, Oid *range_out, Oid *canonical_out, Oid *difference_out)
{
    if (i >= NBUILTIN) return false;
    *range_out = builtin[i].range;
    *canonical_out = builtin[i].canonical;
    *difference_out = builtin[i].difference;
    return true;
}

Oid
range_subtype(Oid range)
{
    for (int i = 0; i < NBUILTIN; i++)
        if (builtin[i].range == range) return builtin[i].subtype;
    const TypeInfo *t = type_info(range);
    return t != NULL && t->made == TYPTYPE_RANGE ? t->subtype_oid : 0;
}

Oid
multirange_range(Oid multirange)
{
    for (int i = 0; i < NBUILTIN; i++)
        if (builtin[i].multirange == multirange) return builtin[i].range;
    const TypeInfo *t = type_info(multirange);
    return t != NULL && t->made == TYPTYPE_MULTIRANGE ? t->subtype_oid : 0;
}

Oid
range_multirange(Oid range)
{
    for (int i = 0; i < NBUILTIN; i++)
        if (builtin[i].range == range) return builtin[i].multirange;
    const TypeInfo *t = type_info(range);
    return t != NULL && t->made == TYPTYPE_RANGE ? range + 2 : 0; /* made together: range, its array, multirange, its array */
}

/* ---- bytes ---- */

enum { RANGE_EMPTY = 1, RANGE_LOWER_INC = 2, RANGE_UPPER_INC = 4, RANGE_LOWER_INF = 8, RANGE_UPPER_INF = 16, RANGE_HEAD = 5 };

static const char *
bound_view(const char *p, const Range *r, RangeBound *b)
{
    uint32_t n;
    b->value = value_null(r->subtype->oid);
    if (b->infinite) return p;
    b->value.is_null = false;
    b->value.phys = r->subtype->phys;
    if (r->subtype->phys != PHYS_STR) {
        memcpy(&b->value.i128, p, phys_width[r->subtype->phys]);
        return p + phys_width[r->subtype->phys];
    }
    memcpy(&n, p, 4);
    b->value.str = str_make(p + 4, n);
    return p + 4 + n;
}

Range
range_empty_of(Oid type)
{
    return (Range){.type = type, .subtype = type_info(type_base(range_subtype(type))), .empty = true};
}

void
range_view(const Str *s, Range *out)
{
    const char *p = str_data(s);
    Oid type;
    memcpy(&type, p, 4);
    uint8_t flags = (uint8_t)p[4];
    *out = range_empty_of(type);
    if (flags & RANGE_EMPTY) return;
    out->empty = false;
    out->lower = (RangeBound){.infinite = (flags & RANGE_LOWER_INF) != 0, .inclusive = (flags & RANGE_LOWER_INC) != 0, .lower = true};
    out->upper = (RangeBound){.infinite = (flags & RANGE_UPPER_INF) != 0, .inclusive = (flags & RANGE_UPPER_INC) != 0};
    p = bound_view(p + RANGE_HEAD, out, &out->lower);
    bound_view(p, out, &out->upper);
}

static Status
pack_bound(Ctx *ctx, StrBuf *b, const RangeBound *bound)
{
    Value v;
    if (bound->infinite) return QN_OK;
    TRY(value_default_form(ctx, b->arena, &bound->value, &v));
    if (v.phys == PHYS_STR) {
        strbuf_add(b, (const char *)&v.str.len, 4);
        strbuf_add(b, str_data(&v.str), v.str.len);
    } else {
        strbuf_add(b, (const char *)&v.i128, phys_width[v.phys]);
    }
    return QN_OK;
}

Status
range_pack(Ctx *ctx, Arena *arena, const Range *r, Str *out)
{
    StrBuf b = strbuf_new(arena);
    char *text;
    size_t nbytes;
    uint8_t flags = RANGE_EMPTY;
    if (!r->empty)
        flags = (uint8_t)((r->lower.inclusive ? RANGE_LOWER_INC : 0) | (r->upper.inclusive ? RANGE_UPPER_INC : 0) |
                          (r->lower.infinite ? RANGE_LOWER_INF : 0) | (r->upper.infinite ? RANGE_UPPER_INF : 0));
    strbuf_add(&b, (const char *)&r->type, 4);
    strbuf_addc(&b, (char)flags);
    if (!r->empty) {
        TRY(pack_bound(ctx, &b, &r->lower));
        TRY(pack_bound(ctx, &b, &r->upper));
    }
    TRY(strbuf_finish(ctx, &b, &text, &nbytes));
    *out = str_make(text, nbytes);
    return QN_OK;
}

/* ---- bounds ---- */

int
range_bound_value_compare(const Range *r, const RangeBound *a, const RangeBound *b)
{
    if (a->infinite || b->infinite) {
        int x = !a->infinite ? 0 : a->lower ? -1 : 1, y = !b->infinite ? 0 : b->lower ? -1 : 1;
        return (x > y) - (x < y);
    }
    return r->subtype->cmp(&a->value, &b->value);
}

int
range_bound_compare(const Range *r, const RangeBound *a, const RangeBound *b)
{
    int c = range_bound_value_compare(r, a, b);
    if (c != 0 || a->infinite || b->infinite) return c;
    /* Exclusive bounds lie a little inside of their value. */
    int x = a->inclusive ? 0 : a->lower ? 1 : -1, y = b->inclusive ? 0 : b->lower ? 1 : -1;
    return (x > y) - (x < y);
}

/* A discrete bound with its inclusiveness changed, one step further on. Infinite dates have no neighbours. */
static Status
step_bound(Ctx *ctx, RangeBound *b, bool inclusive)
{
    Value *v = &b->value;
    b->inclusive = inclusive;
    switch (v->type) {
    case TYPE_INT4:
        if (num_add_overflows(v->i32, 1, &v->i32)) return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        return QN_OK;
    case TYPE_INT8:
        if (num_add_overflows(v->i64, (int64_t)1, &v->i64)) return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
        return QN_OK;
    default:
        if (v->i32 >= DATE_END - 1) return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date out of range");
        v->i32++;
        return QN_OK;
    }
}

static bool
is_steppable(const RangeBound *b)
{
    if (b->infinite) return false;
    return b->value.type != TYPE_DATE || (b->value.i32 != INT32_MIN && b->value.i32 != INT32_MAX);
}

static bool
is_discrete(Oid type)
{
    return type == TYPE_INT4RANGE || type == TYPE_INT8RANGE || type == TYPE_DATERANGE;
}

static bool
is_empty(const Range *r)
{
    int c = range_bound_value_compare(r, &r->lower, &r->upper);
    return c == 0 && !(r->lower.inclusive && r->upper.inclusive);
}

Status
range_from_bounds(Ctx *ctx, Oid type, RangeBound lower, RangeBound upper, Range *out)
{
    *out = range_empty_of(type);
    out->empty = false;
    out->lower = lower;
    out->upper = upper;
    out->lower.lower = true;
    out->upper.lower = false;
    if (lower.infinite) out->lower.inclusive = false;
    if (upper.infinite) out->upper.inclusive = false;
    if (range_bound_value_compare(out, &out->lower, &out->upper) > 0)
        return RAISE(ctx, ERR_DATA_EXCEPTION, "range lower bound must be less than or equal to range upper bound");
    out->empty = is_empty(out);
    if (out->empty || !is_discrete(type)) return QN_OK;
    if (is_steppable(&out->lower) && !out->lower.inclusive) TRY(step_bound(ctx, &out->lower, true));
    if (is_steppable(&out->upper) && out->upper.inclusive) TRY(step_bound(ctx, &out->upper, false));
    out->empty = range_bound_value_compare(out, &out->lower, &out->upper) > 0 || is_empty(out);
    return QN_OK;
}

bool
range_bounds_adjacent(const Range *r, RangeBound upper, RangeBound lower)
{
    /* Discrete ranges are in one form, so a gap between two values is a gap. */
    return range_bound_value_compare(r, &upper, &lower) == 0 && !upper.infinite && !lower.infinite &&
           upper.inclusive != lower.inclusive;
}

/* ---- sets ---- */

int
range_compare(const Range *a, const Range *b)
{
    if (a->empty || b->empty) return (int)b->empty - (int)a->empty;
    int c = range_bound_compare(a, &a->lower, &b->lower);
    return c != 0 ? c : range_bound_compare(a, &a->upper, &b->upper);
}

bool
range_overlaps(const Range *a, const Range *b)
{
    if (a->empty || b->empty) return false;
    return range_bound_compare(a, &a->lower, &b->upper) <= 0 && range_bound_compare(a, &b->lower, &a->upper) <= 0;
}

bool
range_before(const Range *a, const Range *b)
{
    return !a->empty && !b->empty && range_bound_compare(a, &a->upper, &b->lower) < 0;
}

bool
range_adjacent(const Range *a, const Range *b)
{
    if (a->empty || b->empty) return false;
    return range_bounds_adjacent(a, a->upper, b->lower) || range_bounds_adjacent(a, b->upper, a->lower);
}

bool
range_contains(const Range *a, const Range *b)
{
    if (b->empty) return true;
    if (a->empty) return false;
    return range_bound_compare(a, &a->lower, &b->lower) <= 0 && range_bound_compare(a, &a->upper, &b->upper) >= 0;
}

bool
range_contains_value(const Range *r, const Value *v)
{
    if (r->empty) return false;
    if (!r->lower.infinite) {
        int c = r->subtype->cmp(&r->lower.value, v);
        if (c > 0 || (c == 0 && !r->lower.inclusive)) return false;
    }
    if (!r->upper.infinite) {
        int c = r->subtype->cmp(&r->upper.value, v);
        if (c < 0 || (c == 0 && !r->upper.inclusive)) return false;
    }
    return true;
}

Range
range_hull(const Range *a, const Range *b)
{
    if (a->empty) return *b;
    if (b->empty) return *a;
    Range r = *a;
    if (range_bound_compare(a, &b->lower, &a->lower) < 0) r.lower = b->lower;
    if (range_bound_compare(a, &b->upper, &a->upper) > 0) r.upper = b->upper;
    return r;
}

Range
range_intersection(const Range *a, const Range *b)
{
    if (!range_overlaps(a, b)) return range_empty_of(a->type);
    Range r = *a;
    if (range_bound_compare(a, &b->lower, &a->lower) > 0) r.lower = b->lower;
    if (range_bound_compare(a, &b->upper, &a->upper) < 0) r.upper = b->upper;
    return r;
}

int
range_cmp(const Value *a, const Value *b)
{
    Range x, y;
    range_view(&a->str, &x);
    range_view(&b->str, &y);
    return range_compare(&x, &y);
}

static uint64_t
hash_bound(const Range *r, const RangeBound *b)
{
    if (b->infinite) return HASH_NULL;
    return r->subtype->hash != NULL ? r->subtype->hash(&b->value) : hash_bytes(str_data(&b->value.str), b->value.str.len);
}

uint64_t
range_hash(const Value *v)
{
    Range r;
    range_view(&v->str, &r);
    if (r.empty) return hash_u64(RANGE_EMPTY);
    uint64_t flags = (uint64_t)r.lower.inclusive << 1 | (uint64_t)r.upper.inclusive << 2 | (uint64_t)r.lower.infinite << 3 |
                     (uint64_t)r.upper.infinite << 4;
    return hash_combine(hash_combine(hash_u64(flags), hash_bound(&r, &r.lower)), hash_bound(&r, &r.upper));
}

/* ---- text ---- */

typedef struct RangeText {
    Ctx *ctx;
    const char *text, *p, *end;
} RangeText;

static Status
malformed(RangeText *t, const char *detail)
{
    Status st = RAISE(t->ctx, ERR_INVALID_TEXT_REPRESENTATION, "malformed range literal: \"%.*s\"", (int)(t->end - t->text), t->text);
    return err_detail(t->ctx, st, "%s", detail);
}

static void
skip_space(RangeText *t)
{
    while (t->p < t->end && ascii_is_space(*t->p)) t->p++;
}

/* A bound's text up to the comma or bracket after it; *infinite_out where there is none. */
static Status
read_bound(RangeText *t, StrBuf *out, bool *infinite_out)
{
    bool quoted = false;
    out->nbytes = 0;
    *infinite_out = t->p < t->end && (*t->p == ',' || *t->p == ')' || *t->p == ']');
    if (*infinite_out) return QN_OK;
    for (; t->p < t->end && (quoted || (*t->p != ',' && *t->p != ')' && *t->p != ']')); t->p++) {
        char c = *t->p;
        if (c == '\\') {
            if (++t->p == t->end) return malformed(t, "Unexpected end of input.");
            strbuf_addc(out, *t->p);
        } else if (c == '"' && quoted && t->p + 1 < t->end && t->p[1] == '"') {
            strbuf_addc(out, *++t->p);
        } else if (c == '"') {
            quoted = !quoted;
        } else {
            strbuf_addc(out, c);
        }
    }
    if (t->p == t->end) return malformed(t, "Unexpected end of input.");
    return strbuf_reserve(out, 0) ? QN_OK : RAISE_OOM(t->ctx);
}

static Status
read_value(RangeText *t, Arena *arena, const Range *r, int32_t typmod, RangeBound *b)
{
    StrBuf buf = strbuf_new(arena);
    TRY(read_bound(t, &buf, &b->infinite));
    b->value = value_null(r->subtype->oid);
    return b->infinite ? QN_OK : value_in(t->ctx, arena, buf.data, buf.nbytes, r->subtype->oid, typmod, &b->value);
}

/* Both bounds and what is around them. */
static Status
read_range(RangeText *t, Arena *arena, Range *r, int32_t typmod)
{
    RangeBound lower = {.lower = true}, upper = {0};
    skip_space(t);
    if (t->end - t->p >= 5 && ascii_ncasecmp(t->p, "empty", 5) == 0) {
        t->p += 5;
        skip_space(t);
        return t->p == t->end ? QN_OK : malformed(t, "Junk after \"empty\" key word.");
    }
    if (t->p == t->end || (*t->p != '[' && *t->p != '(')) return malformed(t, "Missing left parenthesis or bracket.");
    lower.inclusive = *t->p++ == '[';
    TRY(read_value(t, arena, r, typmod, &lower));
    if (*t->p != ',') return malformed(t, "Missing comma after lower bound.");
    t->p++;
    TRY(read_value(t, arena, r, typmod, &upper));
    if (*t->p == ',') return malformed(t, "Too many commas.");
    upper.inclusive = *t->p++ == ']';
    skip_space(t);
    if (t->p != t->end) return malformed(t, "Junk after right parenthesis or bracket.");
    return range_from_bounds(t->ctx, r->type, lower, upper, r);
}

Status
range_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    RangeText t = {.ctx = ctx, .text = text, .p = text, .end = text + nbytes};
    Range r = range_empty_of(type);
    Str s;
    TRY(ctx_check_depth(ctx));
    TRY(read_range(&t, arena, &r, typmod));
    TRY(range_pack(ctx, arena, &r, &s));
    *out = value_str(type, s);
    return QN_OK;
}

static bool
needs_quotes(const char *s, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        if (strchr("\"\\()[],", s[i]) != NULL || ascii_is_space(s[i])) return true;
    return nbytes == 0;
}

static Status
add_bound(Ctx *ctx, StrBuf *b, const RangeBound *bound)
{
    StrBuf text = strbuf_new(b->arena);
    if (bound->infinite) return QN_OK;
    TRY(value_out(ctx, &text, &bound->value));
    if (!strbuf_reserve(&text, 0)) return RAISE_OOM(ctx);
    bool quote = needs_quotes(text.data, text.nbytes);
    if (quote) strbuf_addc(b, '"');
    for (size_t i = 0; i < text.nbytes; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') strbuf_addc(b, text.data[i]);
        strbuf_addc(b, text.data[i]);
    }
    if (quote) strbuf_addc(b, '"');
    return QN_OK;
}

Status
range_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    Range r;
    TRY(ctx_check_depth(ctx));
    range_view(&value->str, &r);
    if (r.empty) {
        strbuf_addz(b, "empty");
        return QN_OK;
    }
    strbuf_addc(b, r.lower.inclusive ? '[' : '(');
    TRY(add_bound(ctx, b, &r.lower));
    strbuf_addc(b, ',');
    TRY(add_bound(ctx, b, &r.upper));
    strbuf_addc(b, r.upper.inclusive ? ']' : ')');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
range_parse_flags(Ctx *ctx, const Str *s, bool *lower_inclusive, bool *upper_inclusive)
{
    const char *p = str_data(s);
    bool ok = s->len == 2 && (p[0] == '[' || p[0] == '(') && (p[1] == ']' || p[1] == ')');
    if (!ok)
        return err_hint(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "invalid range bound flags"),
                        "Valid values are \"[]\", \"[)\", \"(]\", and \"()\".");
    *lower_inclusive = p[0] == '[';
    *upper_inclusive = p[1] == ']';
    return QN_OK;
}
