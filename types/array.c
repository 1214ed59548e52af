/* array.c - see array.h: the flat form, its builder, text form, order, subscripts. */
#include "types/array.h"
#include "types/numeric.h"
#include "common/hash.h"
#include "common/bits.h"
#include <stdio.h>

static uint32_t
get_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static Phys
elem_phys(Oid elem)
{
    return type_phys(elem, -1);
}

void
array_view(const Str *s, ArrayView *out)
{
    const char *p = str_data(s);
    memset(out, 0, sizeof(*out));
    out->elem = get_u32(p);
    out->ndim = (uint8_t)p[4];
    uint8_t flags = (uint8_t)p[5];
    out->nelems = get_u32(p + 8);
    out->phys = (uint8_t)elem_phys(out->elem);
    out->width = out->phys == PHYS_STR ? 0 : phys_width[out->phys];
    p += ARRAY_HEAD_BYTES;
    if (out->ndim == 0) return;
    size_t n = (size_t)out->ndim * 4;
    memcpy(out->dims, p, n);
    memcpy(out->lbounds, p + n, n);
    p += 2 * n;
    if (flags & ARRAY_NULLS) {
        out->nulls = (const uint8_t *)p;
        p += (out->nelems + 31) / 32 * 4;
    }
    if (out->phys == PHYS_STR) {
        out->ends = p;
        p += (size_t)out->nelems * 4;
    }
    out->data = p;
}

Value
array_element(const ArrayView *a, uint32_t i)
{
    Value v = value_null(a->elem);
    if (array_is_null(a, i)) return v;
    v.is_null = false;
    v.phys = a->phys;
    if (a->phys == PHYS_STR) {
        uint32_t from = i == 0 ? 0 : get_u32(a->ends + (size_t)(i - 1) * 4);
        v.str = str_make(a->data + from, get_u32(a->ends + (size_t)i * 4) - from);
    } else {
        memcpy(&v.i128, a->data + (size_t)i * a->width, a->width);
    }
    return v;
}

ArrayBuilder
array_builder(Arena *arena, Oid elem)
{
    ArrayBuilder b = {.arena = arena, .elem = type_base(elem)};
    b.phys = (uint8_t)elem_phys(b.elem);
    b.width = b.phys == PHYS_STR ? 0 : phys_width[b.phys];
    b.data = b.ends = b.nulls = strbuf_new(arena);
    return b;
}

static Status
note_null(Ctx *ctx, ArrayBuilder *b, bool is_null)
{
    if (b->nelems >= ARRAY_ELEMS_MAX)
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                     ARRAY_ELEMS_MAX);
    if (is_null || b->has_nulls) {
        size_t need = b->nelems / 8 + 1;
        while (b->nulls.nbytes < need && !b->nulls.failed) strbuf_addc(&b->nulls, 0);
        if (b->nulls.failed) return RAISE_OOM(ctx);
        if (is_null) b->nulls.data[b->nelems / 8] |= (char)(1 << (b->nelems & 7));
        b->has_nulls = true;
    }
    b->nelems++;
    return QN_OK;
}

Status
array_add_null(Ctx *ctx, ArrayBuilder *b)
{
    static const char zeros[16];
    TRY(note_null(ctx, b, true));
    if (b->phys == PHYS_STR) {
        uint32_t end = (uint32_t)b->data.nbytes;
        strbuf_add(&b->ends, (const char *)&end, 4);
    } else {
        strbuf_add(&b->data, zeros, b->width);
    }
    return b->data.failed || b->ends.failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
array_add(Ctx *ctx, ArrayBuilder *b, const Value *v)
{
    Value plain;
    if (v->is_null) return array_add_null(ctx, b);
    if (v->phys != b->phys) {
        TRY(value_default_form(ctx, b->arena, v, &plain));
        v = &plain;
    }
    TRY(note_null(ctx, b, false));
    if (b->phys == PHYS_STR) {
        if (b->data.nbytes + v->str.len > 0x3FFFFFFF)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                         0x3FFFFFFF);
        strbuf_add(&b->data, str_data(&v->str), v->str.len);
        uint32_t end = (uint32_t)b->data.nbytes;
        strbuf_add(&b->ends, (const char *)&end, 4);
    } else {
        strbuf_add(&b->data, (const char *)&v->i128, b->width);
    }
    return b->data.failed || b->ends.failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
array_add_all(Ctx *ctx, ArrayBuilder *b, const ArrayView *a, uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i < from + n; i++) {
        Value v = array_element(a, i);
        TRY(array_add(ctx, b, &v));
    }
    return QN_OK;
}

Str
array_empty(Oid elem)
{
    char head[ARRAY_HEAD_BYTES] = {0};
    memcpy(head, &elem, 4);
    return str_make(head, sizeof(head));
}

Status
array_finish(Ctx *ctx, ArrayBuilder *b, int ndim, const int32_t *dims, const int32_t *lbounds, Str *out)
{
    if (ndim == 0 || b->nelems == 0) {
        *out = array_empty(b->elem);
        return QN_OK;
    }
    size_t null_bytes = b->has_nulls ? (b->nelems + 31) / 32 * 4 : 0;
    size_t dim_bytes = (size_t)ndim * 4;
    size_t nbytes = ARRAY_HEAD_BYTES + 2 * dim_bytes + null_bytes + b->ends.nbytes + b->data.nbytes;
    char *p, *buf;
    TRY_ALLOC(ctx, buf, arena_zalloc(b->arena, nbytes + 1));
    p = buf;
    memcpy(p, &b->elem, 4);
    p[4] = (char)ndim;
    p[5] = b->has_nulls ? ARRAY_NULLS : 0;
    memcpy(p + 8, &b->nelems, 4);
    p += ARRAY_HEAD_BYTES;
    memcpy(p, dims, dim_bytes);
    p += dim_bytes;
    for (int i = 0; i < ndim; i++) {
        int32_t lower = lbounds != NULL ? lbounds[i] : 1;
        memcpy(p + (size_t)i * 4, &lower, 4);
    }
    p += dim_bytes;
    if (b->has_nulls) memcpy(p, b->nulls.data, b->nulls.nbytes);
    p += null_bytes;
    if (b->ends.nbytes != 0) memcpy(p, b->ends.data, b->ends.nbytes);
    p += b->ends.nbytes;
    if (b->data.nbytes != 0) memcpy(p, b->data.data, b->data.nbytes);
    *out = str_make(buf, nbytes);
    return QN_OK;
}

Status
array_finish_1d(Ctx *ctx, ArrayBuilder *b, Str *out)
{
    int32_t n = (int32_t)b->nelems;
    return array_finish(ctx, b, n > 0, &n, NULL, out);
}

/* Order. */

static int
compare_values(const TypeInfo *t, const Value *x, const Value *y)
{
    if (t != NULL && t->cmp != NULL) return t->cmp(x, y);
    return str_cmp(&x->str, &y->str);
}

int
array_compare_elements(const ArrayView *a, uint32_t i, const ArrayView *b, uint32_t j)
{
    bool na = array_is_null(a, i), nb = array_is_null(b, j);
    if (na || nb) return (int)na - (int)nb;
    Value x = array_element(a, i), y = array_element(b, j);
    return compare_values(type_info(a->elem), &x, &y);
}

int
array_compare(const ArrayView *a, const ArrayView *b)
{
    uint32_t n = a->nelems < b->nelems ? a->nelems : b->nelems;
    for (uint32_t i = 0; i < n; i++) {
        int c = array_compare_elements(a, i, b, i);
        if (c != 0) return c < 0 ? -1 : 1;
    }
    if (a->nelems != b->nelems) return a->nelems < b->nelems ? -1 : 1;
    if (a->ndim != b->ndim) return a->ndim < b->ndim ? -1 : 1;
    for (int i = 0; i < a->ndim; i++)
        if (a->dims[i] != b->dims[i]) return a->dims[i] < b->dims[i] ? -1 : 1;
    for (int i = 0; i < a->ndim; i++)
        if (a->lbounds[i] != b->lbounds[i]) return a->lbounds[i] < b->lbounds[i] ? -1 : 1;
    return 0;
}

bool
array_equal(const ArrayView *a, const ArrayView *b)
{
    if (a->nelems != b->nelems || a->ndim != b->ndim) return false;
    return array_compare(a, b) == 0;
}

int
array_cmp(const Value *a, const Value *b)
{
    ArrayView x, y;
    array_view(&a->str, &x);
    array_view(&b->str, &y);
    return array_compare(&x, &y);
}

uint64_t
array_hash(const Value *v)
{
    ArrayView a;
    array_view(&v->str, &a);
    const TypeInfo *t = type_info(a.elem);
    uint64_t h = hash_u64(a.nelems);
    for (uint32_t i = 0; i < a.nelems; i++) {
        Value e = array_element(&a, i);
        uint64_t x = e.is_null             ? HASH_NULL
                     : t != NULL && t->hash != NULL ? t->hash(&e)
                                           : hash_bytes(str_data(&e.str), e.str.len);
        h = hash_combine(h, x);
    }
    return h;
}

/* Subscripts. */

/* Storage position of the element at subs; false: outside. */
static bool
position_of(const ArrayView *a, const int32_t *subs, uint32_t *at)
{
    uint64_t pos = 0;
    for (int i = 0; i < a->ndim; i++) {
        int64_t off = (int64_t)subs[i] - a->lbounds[i];
        if (off < 0 || off >= a->dims[i]) return false;
        pos = pos * (uint64_t)a->dims[i] + (uint64_t)off;
    }
    *at = (uint32_t)pos;
    return true;
}

bool
array_get(const ArrayView *a, int nsubs, const int32_t *subs, Value *out)
{
    uint32_t at;
    if (nsubs != a->ndim || a->ndim == 0 || !position_of(a, subs, &at)) {
        *out = value_null(a->elem);
        return false;
    }
    *out = array_element(a, at);
    return true;
}

/* Walks the positions of a box [lower, upper] of a: calls for each run of the last dimension. */
typedef struct Box {
    int ndim;
    int32_t at[ARRAY_DIMS_MAX], lower[ARRAY_DIMS_MAX], upper[ARRAY_DIMS_MAX];
} Box;

static bool
box_next_row(Box *box) /* steps all but the last dimension */
{
    for (int i = box->ndim - 2; i >= 0; i--) {
        if (box->at[i] < box->upper[i]) {
            box->at[i]++;
            return true;
        }
        box->at[i] = box->lower[i];
    }
    return false;
}

Status
array_slice(Ctx *ctx, Arena *arena, const ArrayView *a, int nsubs, const int32_t *lower,
            const bool *has_lower, const int32_t *upper, const bool *has_upper, Str *out)
{
    Box box = {.ndim = a->ndim};
    int32_t dims[ARRAY_DIMS_MAX];
    *out = array_empty(a->elem);
    if (a->ndim == 0 || nsubs > a->ndim) return QN_OK;
    for (int i = 0; i < a->ndim; i++) {
        int32_t lo = a->lbounds[i], hi = a->lbounds[i] + a->dims[i] - 1;
        if (i < nsubs && has_lower[i] && lower[i] > lo) lo = lower[i];
        if (i < nsubs && has_upper[i] && upper[i] < hi) hi = upper[i];
        if (lo > hi) return QN_OK;
        box.at[i] = box.lower[i] = lo;
        box.upper[i] = hi;
        dims[i] = hi - lo + 1;
    }
    ArrayBuilder b = array_builder(arena, a->elem);
    int last = a->ndim - 1;
    do {
        uint32_t at = 0;
        (void)position_of(a, box.at, &at); /* inside by construction */
        TRY(array_add_all(ctx, &b, a, at, (uint32_t)dims[last]));
    } while (box_next_row(&box));
    return array_finish(ctx, &b, a->ndim, dims, NULL, out);
}

static Status
raise_subscript(Ctx *ctx, const char *text)
{
    return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "%s", text);
}

/* The new extent of a one-dimensional array that is to hold [lower, upper] too. */
static Status
grow_1d(Ctx *ctx, const ArrayView *old, int64_t lower, int64_t upper, int64_t *from, int64_t *n)
{
    *from = lower;
    int64_t end = upper;
    if (old != NULL && old->ndim > 0) {
        int64_t old_end = (int64_t)old->lbounds[0] + old->dims[0] - 1;
        if (old->lbounds[0] < *from) *from = old->lbounds[0];
        if (old_end > end) end = old_end;
    }
    *n = end - *from + 1;
    if (*n > ARRAY_ELEMS_MAX)
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                     ARRAY_ELEMS_MAX);
    return QN_OK;
}

Status
array_set(Ctx *ctx, Arena *arena, const ArrayView *old, Oid elem, int nsubs, const int32_t *subs,
          const Value *v, Str *out)
{
    ArrayBuilder b = array_builder(arena, elem);
    if (old == NULL || old->ndim == 0) {
        int32_t dims[ARRAY_DIMS_MAX];
        for (int i = 0; i < nsubs; i++) dims[i] = 1;
        TRY(array_add(ctx, &b, v));
        return array_finish(ctx, &b, nsubs, dims, subs, out);
    }
    if (nsubs != old->ndim) return raise_subscript(ctx, "wrong number of array subscripts");
    if (nsubs == 1) {
        int64_t from, n;
        TRY(grow_1d(ctx, old, subs[0], subs[0], &from, &n));
        for (int64_t i = from; i < from + n; i++) {
            int64_t off = i - old->lbounds[0];
            if (i == subs[0]) {
                TRY(array_add(ctx, &b, v));
            } else if (off >= 0 && off < old->dims[0]) {
                TRY(array_add_all(ctx, &b, old, (uint32_t)off, 1));
            } else {
                TRY(array_add_null(ctx, &b));
            }
        }
        int32_t dim = (int32_t)n, lower = (int32_t)from;
        return array_finish(ctx, &b, 1, &dim, &lower, out);
    }
    uint32_t at;
    if (!position_of(old, subs, &at)) return raise_subscript(ctx, "array subscript out of range");
    TRY(array_add_all(ctx, &b, old, 0, at));
    TRY(array_add(ctx, &b, v));
    TRY(array_add_all(ctx, &b, old, at + 1, old->nelems - at - 1));
    return array_finish(ctx, &b, old->ndim, old->dims, old->lbounds, out);
}

Status
array_set_slice(Ctx *ctx, Arena *arena, const ArrayView *old, Oid elem, int nsubs, const int32_t *lower,
                const bool *has_lower, const int32_t *upper, const bool *has_upper, const ArrayView *src,
                Str *out)
{
    ArrayBuilder b = array_builder(arena, elem);
    bool fresh = old == NULL || old->ndim == 0;
    if (!fresh && (old->ndim < nsubs)) return raise_subscript(ctx, "wrong number of array subscripts");
    int ndim = fresh ? nsubs : old->ndim;
    int64_t lo[ARRAY_DIMS_MAX], hi[ARRAY_DIMS_MAX], want = 1;
    for (int i = 0; i < ndim; i++) {
        bool given_lo = i < nsubs && has_lower[i], given_hi = i < nsubs && has_upper[i];
        if (fresh && (!given_lo || !given_hi))
            return err_detail(ctx, raise_subscript(ctx, "array slice subscript must provide both boundaries"),
                              "When assigning to a slice of an empty array value, slice boundaries must be "
                              "fully specified.");
        lo[i] = given_lo ? lower[i] : old->lbounds[i];
        hi[i] = given_hi ? upper[i] : (int64_t)old->lbounds[i] + old->dims[i] - 1;
        if (lo[i] > hi[i]) {
            return raise_subscript(ctx, "upper bound cannot be less than lower bound");
        }
        if (!fresh && ndim > 1 && (lo[i] < old->lbounds[i] || hi[i] >= (int64_t)old->lbounds[i] + old->dims[i]))
            return raise_subscript(ctx, "array subscript out of range");
        want *= hi[i] - lo[i] + 1;
        if (want > ARRAY_ELEMS_MAX)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                         ARRAY_ELEMS_MAX);
    }
    if ((int64_t)src->nelems < want) return raise_subscript(ctx, "source array too small");
    if (fresh) {
        int32_t dims[ARRAY_DIMS_MAX], bounds[ARRAY_DIMS_MAX];
        for (int i = 0; i < ndim; i++) dims[i] = (int32_t)(hi[i] - lo[i] + 1), bounds[i] = (int32_t)lo[i];
        TRY(array_add_all(ctx, &b, src, 0, (uint32_t)want));
        return array_finish(ctx, &b, ndim, dims, bounds, out);
    }
    if (ndim == 1) {
        int64_t from, n;
        TRY(grow_1d(ctx, old, lo[0], hi[0], &from, &n));
        for (int64_t i = from; i < from + n; i++) {
            int64_t off = i - old->lbounds[0];
            if (i >= lo[0] && i <= hi[0]) {
                TRY(array_add_all(ctx, &b, src, (uint32_t)(i - lo[0]), 1));
            } else if (off >= 0 && off < old->dims[0]) {
                TRY(array_add_all(ctx, &b, old, (uint32_t)off, 1));
            } else {
                TRY(array_add_null(ctx, &b));
            }
        }
        int32_t dim = (int32_t)n, bound = (int32_t)from;
        return array_finish(ctx, &b, 1, &dim, &bound, out);
    }
    uint32_t taken = 0;
    for (uint32_t at = 0; at < old->nelems; at++) {
        uint32_t rest = at;
        bool inside = true;
        for (int i = ndim - 1; i >= 0; i--) {
            int64_t sub = old->lbounds[i] + (int64_t)(rest % (uint32_t)old->dims[i]);
            rest /= (uint32_t)old->dims[i];
            inside &= sub >= lo[i] && sub <= hi[i];
        }
        TRY(array_add_all(ctx, &b, inside ? src : old, inside ? taken++ : at, 1));
    }
    return array_finish(ctx, &b, ndim, old->dims, old->lbounds, out);
}

Status
array_stack_add(Ctx *ctx, Arena *arena, ArrayStack *s, const ArrayView *a)
{
    if (a == NULL) return RAISE(ctx, ERR_NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays");
    if (s->n == 0) {
        if (a->ndim == 0) return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "cannot accumulate empty arrays");
        if (a->ndim + 1 > ARRAY_DIMS_MAX)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                         a->ndim + 1, ARRAY_DIMS_MAX);
        s->builder = array_builder(arena, a->elem);
        s->ndim = a->ndim;
        memcpy(s->dims, a->dims, sizeof(a->dims));
        memcpy(s->lbounds, a->lbounds, sizeof(a->lbounds));
    }
    size_t n = (size_t)a->ndim * sizeof(int32_t);
    if (a->ndim != s->ndim || memcmp(a->dims, s->dims, n) != 0 || memcmp(a->lbounds, s->lbounds, n) != 0)
        return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "cannot accumulate arrays of different dimensionality");
    s->n++;
    return array_add_all(ctx, &s->builder, a, 0, a->nelems);
}

Status
array_stack_finish(Ctx *ctx, const ArrayStack *s, Arena *arena, Str *out)
{
    int32_t dims[ARRAY_DIMS_MAX] = {(int32_t)s->n}, lbounds[ARRAY_DIMS_MAX] = {1};
    memcpy(dims + 1, s->dims, (size_t)s->ndim * sizeof(int32_t));
    memcpy(lbounds + 1, s->lbounds, (size_t)s->ndim * sizeof(int32_t));
    ArrayBuilder copy = s->builder;
    copy.arena = arena;
    return array_finish(ctx, &copy, s->ndim + 1, dims, lbounds, out);
}

/* Sets: open addressing over element numbers. */
struct ArraySet {
    const TypeInfo *type;
    uint32_t mask, nvalues;
    bool has_null;
    uint32_t *slots; /* value number plus 1 */
    Value *values;
    uint64_t *hashes;
};

static uint64_t
hash_value(const TypeInfo *t, const Value *v)
{
    return t != NULL && t->hash != NULL ? t->hash(v) : hash_bytes(str_data(&v->str), v->str.len);
}

static uint32_t *
set_slot(const ArraySet *set, const Value *v, uint64_t h)
{
    uint32_t at = (uint32_t)h & set->mask;
    for (; set->slots[at] != 0; at = (at + 1) & set->mask) {
        uint32_t i = set->slots[at] - 1;
        if (set->hashes[i] == h && compare_values(set->type, &set->values[i], v) == 0) break;
    }
    return &set->slots[at];
}

Status
array_set_build(Ctx *ctx, Arena *arena, const ArrayView *a, ArraySet **out)
{
    ArraySet *set;
    TRY_ALLOC(ctx, set, ARENA_NEW(arena, ArraySet));
    set->type = type_info(a->elem);
    set->mask = (uint32_t)bits_next_pow2((uint64_t)a->nelems * 2 + 2) - 1;
    TRY_ALLOC(ctx, set->slots, ARENA_ARRAY(arena, uint32_t, set->mask + 1));
    TRY_ALLOC(ctx, set->values, ARENA_ARRAY(arena, Value, a->nelems + 1));
    TRY_ALLOC(ctx, set->hashes, ARENA_ARRAY(arena, uint64_t, a->nelems + 1));
    for (uint32_t i = 0; i < a->nelems; i++) {
        Value v = array_element(a, i);
        if (v.is_null) {
            set->has_null = true;
            continue;
        }
        uint64_t h = hash_value(set->type, &v);
        uint32_t *slot = set_slot(set, &v, h);
        if (*slot != 0) continue;
        TRY(value_copy(ctx, arena, &v, &set->values[set->nvalues]));
        set->hashes[set->nvalues++] = h;
        *slot = set->nvalues;
    }
    *out = set;
    return QN_OK;
}

bool
array_set_has(const ArraySet *set, const Value *v)
{
    return *set_slot(set, v, hash_value(set->type, v)) != 0;
}

bool
array_set_has_null(const ArraySet *set)
{
    return set->has_null;
}

/* Text form: output. */

static bool
needs_quotes(const char *s, size_t nbytes)
{
    if (nbytes == 0 || (nbytes == 4 && ascii_ncasecmp(s, "null", 4) == 0)) return true;
    for (size_t i = 0; i < nbytes; i++)
        if (s[i] == '"' || s[i] == '\\' || s[i] == '{' || s[i] == '}' || s[i] == ',' || ascii_is_space(s[i]))
            return true;
    return false;
}

/* Puts quotes and backslashes into what was appended from `from` on. */
static void
quote_tail(StrBuf *b, size_t from)
{
    size_t n = b->nbytes - from, extra = 2;
    if (b->failed || !needs_quotes(b->data + from, n)) return;
    for (size_t i = 0; i < n; i++) extra += b->data[from + i] == '"' || b->data[from + i] == '\\';
    if (!strbuf_reserve(b, extra)) return;
    char *q = b->data + b->nbytes + extra;
    b->nbytes += extra;
    *q = '\0';
    *--q = '"';
    for (size_t i = n; i-- > 0;) { /* from the end, so that nothing is overwritten */
        char c = b->data[from + i];
        *--q = c;
        if (c == '"' || c == '\\') *--q = '\\';
    }
    *--q = '"';
}

Status
array_add_text(Ctx *ctx, StrBuf *b, const ArrayView *a)
{
    const TypeInfo *t = type_info(a->elem);
    int32_t left[ARRAY_DIMS_MAX];
    bool odd = false;
    if (a->ndim == 0) {
        strbuf_add(b, "{}", 2);
        return b->failed ? RAISE_OOM(ctx) : QN_OK;
    }
    if (t == NULL) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type with OID %u does not exist", a->elem);
    for (int i = 0; i < a->ndim; i++) odd |= a->lbounds[i] != 1;
    if (odd) {
        for (int i = 0; i < a->ndim; i++)
            strbuf_addf(b, "[%d:%d]", a->lbounds[i], a->lbounds[i] + a->dims[i] - 1);
        strbuf_addc(b, '=');
    }
    for (int i = 0; i < a->ndim; i++) {
        left[i] = a->dims[i];
        strbuf_addc(b, '{');
    }
    for (uint32_t i = 0; i < a->nelems; i++) {
        Value v = array_element(a, i);
        if (v.is_null) {
            strbuf_add(b, "NULL", 4);
        } else {
            size_t from = b->nbytes;
            TRY(t->out(ctx, b, &v));
            quote_tail(b, from);
        }
        int d = a->ndim - 1;
        while (d >= 0 && --left[d] == 0) {
            strbuf_addc(b, '}');
            left[d] = a->dims[d];
            d--;
        }
        if (d >= 0) {
            strbuf_addc(b, ',');
            for (int j = d + 1; j < a->ndim; j++) strbuf_addc(b, '{');
        }
    }
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
array_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    ArrayView a;
    array_view(&value->str, &a);
    return array_add_text(ctx, b, &a);
}

/* Text form: input. */

typedef struct ArrayText {
    Ctx *ctx;
    Arena *arena;
    const char *text;
    size_t nbytes;
    const char *p, *end;
    int ndim;                           /* -1 until the first element or innermost close */
    int32_t dims[ARRAY_DIMS_MAX];       /* -1: not known yet */
    int32_t count[ARRAY_DIMS_MAX];      /* elements so far at each open level */
    int32_t lbounds[ARRAY_DIMS_MAX];
} ArrayText;

static Status
malformed(ArrayText *a, const char *detail)
{
    return err_detail(a->ctx, RAISE(a->ctx, ERR_INVALID_TEXT_REPRESENTATION,
                                    "malformed array literal: \"%.*s\"", (int)a->nbytes, a->text),
                      "%s", detail);
}

static Status
unexpected_char(ArrayText *a, char c)
{
    char detail[64];
    snprintf(detail, sizeof(detail), "Unexpected \"%c\" character.", c);
    return malformed(a, detail);
}

static void
skip_space(ArrayText *a)
{
    while (a->p < a->end && ascii_is_space(*a->p)) a->p++;
}

static bool
parse_bound(ArrayText *a, int32_t *out)
{
    int64_t v = 0;
    bool negative = false;
    if (a->p < a->end && (*a->p == '-' || *a->p == '+')) negative = *a->p++ == '-';
    if (a->p == a->end || !ascii_is_digit(*a->p)) return false;
    for (; a->p < a->end && ascii_is_digit(*a->p); a->p++) {
        v = v * 10 + (*a->p - '0');
        if (v > INT32_MAX) v = INT32_MAX;
    }
    *out = (int32_t)(negative ? -v : v);
    return true;
}

/* [lower:upper]...= before the braces; *n_out is 0 where there is none. */
static Status
parse_bounds(ArrayText *a, int *n_out, int32_t *dims)
{
    int n = 0;
    for (;;) {
        int32_t upper;
        skip_space(a);
        if (a->p == a->end || *a->p != '[') break;
        a->p++;
        if (n == ARRAY_DIMS_MAX)
            return RAISE(a->ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                         "number of array dimensions (%d) exceeds the maximum allowed (%d)", n + 1,
                         ARRAY_DIMS_MAX);
        if (!parse_bound(a, &upper))
            return malformed(a, "\"[\" must introduce explicitly-specified array dimensions.");
        a->lbounds[n] = 1;
        if (a->p < a->end && *a->p == ':') {
            a->lbounds[n] = upper;
            a->p++;
            if (!parse_bound(a, &upper)) return malformed(a, "Missing array dimension value.");
        }
        if (a->p == a->end || *a->p != ']') return malformed(a, "Missing \"]\" after array dimensions.");
        a->p++;
        if (upper < a->lbounds[n])
            return raise_subscript(a->ctx, "upper bound cannot be less than lower bound");
        int64_t len = (int64_t)upper - a->lbounds[n] + 1;
        if (len > ARRAY_ELEMS_MAX)
            return RAISE(a->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                         ARRAY_ELEMS_MAX);
        dims[n++] = (int32_t)len;
    }
    *n_out = n;
    if (n == 0) return QN_OK;
    if (a->p == a->end || *a->p != '=') return malformed(a, "Missing \"=\" after array dimensions.");
    a->p++;
    skip_space(a);
    return QN_OK;
}

/* One element's text into buf; *is_null for the bare word NULL. */
static Status
parse_item(ArrayText *a, StrBuf *buf, bool *is_null)
{
    size_t keep = 0; /* bytes up to the last that is not trailing space */
    buf->nbytes = 0;
    *is_null = false;
    if (*a->p == '"') {
        for (a->p++;; a->p++) {
            if (a->p == a->end) return malformed(a, "Unexpected end of input.");
            if (*a->p == '"') break;
            if (*a->p == '\\' && ++a->p == a->end) return malformed(a, "Unexpected end of input.");
            strbuf_addc(buf, *a->p);
        }
        a->p++;
        skip_space(a);
        if (a->p < a->end && *a->p == '"') return malformed(a, "Unexpected array element.");
        if (a->p < a->end && *a->p != ',' && *a->p != '}') {
            if (*a->p == '{') return unexpected_char(a, '{');
            return malformed(a, "Unexpected array element.");
        }
        return buf->failed ? RAISE_OOM(a->ctx) : QN_OK;
    }
    bool escaped = false;
    for (; a->p < a->end && *a->p != ',' && *a->p != '}'; a->p++) {
        if (*a->p == '"') return malformed(a, "Unexpected array element.");
        if (*a->p == '{') return unexpected_char(a, '{');
        if (*a->p == '\\') {
            if (++a->p == a->end) return malformed(a, "Unexpected end of input.");
            strbuf_addc(buf, *a->p);
            escaped = true;
            keep = buf->nbytes;
        } else {
            strbuf_addc(buf, *a->p);
            if (!ascii_is_space(*a->p)) keep = buf->nbytes;
        }
    }
    if (a->p == a->end) return malformed(a, "Unexpected end of input.");
    if (buf->failed) return RAISE_OOM(a->ctx);
    buf->nbytes = keep;
    *is_null = !escaped && keep == 4 && ascii_ncasecmp(buf->data, "null", 4) == 0;
    return QN_OK;
}

static const char mismatch[] = "Multidimensional arrays must have sub-arrays with matching dimensions.";

static Status
parse_items(ArrayText *a, ArrayBuilder *b, const TypeInfo *t, int32_t typmod)
{
    StrBuf buf = strbuf_new(a->arena);
    int depth = 0;
    bool after_value = false, after_comma = false;
    do {
        skip_space(a);
        if (a->p == a->end) return malformed(a, "Unexpected end of input.");
        char c = *a->p;
        if (c == '{') {
            if (after_value) return unexpected_char(a, c);
            if (depth == ARRAY_DIMS_MAX)
                return RAISE(a->ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                             "number of array dimensions (%d) exceeds the maximum allowed (%d)", depth + 1,
                             ARRAY_DIMS_MAX);
            if (a->ndim >= 0 && depth >= a->ndim) return unexpected_char(a, c);
            a->count[depth++] = 0;
            after_comma = false;
            a->p++;
        } else if (c == '}') {
            if (after_comma || (!after_value && depth > 1)) return unexpected_char(a, c);
            if (a->ndim < 0) a->ndim = depth;
            int level = depth - 1;
            if (a->dims[level] < 0)
                a->dims[level] = a->count[level];
            else if (a->dims[level] != a->count[level])
                return malformed(a, mismatch);
            if (a->count[level] == 0 && depth < a->ndim) return malformed(a, mismatch);
            depth--;
            if (depth > 0) a->count[depth - 1]++;
            after_value = true;
            a->p++;
        } else if (c == ',') {
            if (!after_value) return unexpected_char(a, c);
            after_value = false;
            after_comma = true;
            a->p++;
        } else {
            bool is_null;
            Value v;
            if (after_value) return malformed(a, "Unexpected array element.");
            if (a->ndim < 0) a->ndim = depth;
            if (depth != a->ndim) return malformed(a, "Unexpected array element.");
            TRY(parse_item(a, &buf, &is_null));
            if (is_null) {
                TRY(array_add_null(a->ctx, b));
            } else {
                TRY(t->in(a->ctx, a->arena, buf.data != NULL ? buf.data : "", buf.nbytes, t->oid, typmod, &v));
                TRY(array_add(a->ctx, b, &v));
            }
            a->count[depth - 1]++;
            after_value = true;
            after_comma = false;
        }
    } while (depth > 0);
    return QN_OK;
}

Status
array_parse(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid elem, int32_t typmod, Str *out)
{
    ArrayText a = {.ctx = ctx, .arena = arena, .text = text, .nbytes = nbytes, .p = text,
                   .end = text + nbytes, .ndim = -1};
    const TypeInfo *t = type_info(elem);
    int32_t dims[ARRAY_DIMS_MAX];
    int ngiven = 0;
    if (t == NULL) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type with OID %u does not exist", elem);
    for (int i = 0; i < ARRAY_DIMS_MAX; i++) a.dims[i] = -1;
    TRY(parse_bounds(&a, &ngiven, dims));
    if (a.p == a.end || *a.p != '{')
        return malformed(&a, ngiven > 0 ? "Array contents must start with \"{\"."
                                        : "Array value must start with \"{\" or dimension information.");
    ArrayBuilder b = array_builder(arena, elem);
    TRY(parse_items(&a, &b, t, typmod));
    skip_space(&a);
    if (a.p != a.end) return malformed(&a, "Junk after closing right brace.");
    if (ngiven > 0) {
        bool same = ngiven == a.ndim;
        for (int i = 0; same && i < ngiven; i++) same = dims[i] == a.dims[i];
        if (!same) return malformed(&a, "Specified array dimensions do not match array contents.");
    }
    return array_finish(ctx, &b, a.ndim, a.dims, ngiven > 0 ? a.lbounds : NULL, out);
}

Status
array_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    Str s;
    const TypeInfo *t = type_info(type);
    TRY(array_parse(ctx, arena, text, nbytes, t->elem_oid, typmod, &s));
    *out = value_str(type, s);
    return QN_OK;
}

Status
value_default_form(Ctx *ctx, Arena *arena, const Value *v, Value *out)
{
    *out = *v;
    out->type = type_base(v->type);
    if (v->is_null || out->type != TYPE_NUMERIC || v->phys == PHYS_STR) return QN_OK;
    return numeric_value_convert(ctx, arena, v, PHYS_STR, v->scale, out);
}
