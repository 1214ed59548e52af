/* keycodec.c - tuples as memcmp-ordered bytes, and back; hashes that agree with equality. The
 * encodings are described in keycodec.h.
 *
 * Work goes column at a time. A column of fixed width is written by one loop over its array; a
 * column of varying width is measured first (what is dear to measure, numerics and arrays, is
 * encoded into a scratch buffer at that time), then all columns are written behind each other at a
 * cursor a row. */
#include "storage/keycodec.h"

#include "common/bits.h"
#include "types/array.h"
#include "types/jsonb.h"
#include "types/numeric.h"
#include "types/range.h"
#include "types/record.h"

#define US_PER_DAY ((int128)86400000000)
#define NUM64_NAN INT64_MAX
#define NUM64_ABOVE (INT64_MAX - 1) /* a bound past every finite value */

static const uint8_t enc_width[KEY_FIXED_COUNT] = {
    [KEY_BOOL] = 1, [KEY_I16] = 2,       [KEY_I32] = 4,   [KEY_U32] = 4,
    [KEY_I64] = 8,  [KEY_I128] = 16,     [KEY_NUM64] = 8, [KEY_F32] = 4,
    [KEY_F64] = 8,  [KEY_INTERVAL] = 16, [KEY_UUID] = 16,
};

/* ---- numeric by its digits ---- */

static inline int
view_digit(const NumericView *nv, int i)
{
    return i < nv->ndigits ? numeric_view_digit(nv, i) : 0;
}

/* floor(value * 10^scale); *exact_out: nothing was cut off. A value past 128 bits gives an
 * infinity. */
static NumericKind
view_floor_at_scale(const NumericView *nv, int scale, int128 *out, bool *exact_out)
{
    int128 u = 0;
    *exact_out = true;
    if (nv->kind != NUMERIC_FINITE) return nv->kind;
    if (nv->ndigits == 0) {
        *out = 0;
        return NUMERIC_FINITE;
    }
    /* After scaling, the last decimal of digit i counts 10^e. The first digit is not 0, so a large
     * value overflows after a few steps. */
    int last = nv->weight + (scale + 3) / 4;
    if (last < nv->ndigits - 1) last = nv->ndigits - 1;
    for (int i = 0; i <= last; i++) {
        static const int pow10[4] = {1, 10, 100, 1000};
        int e = 4 * (nv->weight - i) + scale, d = view_digit(nv, i), take = e < 0 ? 4 + e : 4;
        if (take <= 0) {
            *exact_out &= d == 0;
            continue;
        }
        if (e < 0) {
            *exact_out &= d % pow10[-e] == 0;
            d /= pow10[-e];
        }
        if (num_mul_overflows(u, num_pow10_i128(take), &u) || num_add_overflows(u, (int128)d, &u))
            return nv->negative ? NUMERIC_NEG_INF : NUMERIC_POS_INF;
    }
    *out = nv->negative ? -u - !*exact_out : u;
    return NUMERIC_FINITE;
}

/* The value as an integer and the smallest scale that holds it; false where 128 bits are too few.
 */
static bool
view_to_int(const NumericView *nv, int128 *out, int *scale_out)
{
    int n = nv->ndigits, scale;
    bool exact;
    scale = 4 * (n - 1 - nv->weight);
    if (n == 0 || scale < 0) scale = 0;
    if (scale > 38 + 4) return false;
    if (n > 0 && scale > 0)
        for (int d = view_digit(nv, n - 1); d % 10 == 0; d /= 10) scale--;
    if (view_floor_at_scale(nv, scale, out, &exact) != NUMERIC_FINITE || !exact) return false;
    *scale_out = scale;
    return true;
}

Status
key_numeric_str(Ctx *ctx, Arena *arena, int128 u, int scale, bool nan, Str *out)
{
    static const uint16_t nan_bytes[2] = {0xC000, 0};
    if (nan) {
        *out = str_make((const char *)nan_bytes, sizeof(nan_bytes));
        return QN_OK;
    }
    Value v = {.type = TYPE_NUMERIC, .phys = PHYS_I128, .scale = (int16_t)scale, .i128 = u},
          converted;
    TRY(numeric_value_convert(ctx, arena, &v, PHYS_STR, scale, &converted));
    *out = converted.str;
    return QN_OK;
}

/* ---- formats ---- */

static int
type_encoding(Oid type)
{
    type = type_base(type);
    const TypeInfo *t = type_info(type);
    if (t == NULL) return -1;
    if (t->made == TYPTYPE_COMPOSITE) return KEY_RECORD;
    if (t->category == TYPCAT_RANGE) return type_kind(type) == TYPTYPE_RANGE ? KEY_RANGE : KEY_MULTIRANGE;
    switch (type) {
    case TYPE_BOOL:
        return KEY_BOOL;
    case TYPE_INT2:
        return KEY_I16;
    case TYPE_INT4:
    case TYPE_DATE:
        return KEY_I32;
    case TYPE_FLOAT4:
        return KEY_F32;
    case TYPE_FLOAT8:
        return KEY_F64;
    case TYPE_INTERVAL:
        return KEY_INTERVAL;
    case TYPE_UUID:
    case TYPE_TIMETZ:
        return KEY_UUID;
    case TYPE_BPCHAR:
        return KEY_BPCHAR;
    case TYPE_BYTEA:
        return KEY_BYTEA;
    case TYPE_NUMERIC:
        return KEY_NUMERIC;
    case TYPE_RECORD:
        return KEY_RECORD;
    case TYPE_JSONB:
        return KEY_JSONB;
    case TYPE_JSON:
    case TYPE_JSONPATH:
        return -1;
    default:
        break;
    }
    if (t->elem_oid != 0) return type_encoding(t->elem_oid) < 0 ? -1 : KEY_ARRAY;
    if (type_key(type) != NULL) return KEY_OWN;
    switch (t->phys) {
    case PHYS_I32:
        return KEY_U32; /* oid and its aliases, xid */
    case PHYS_I64:
        return KEY_I64;
    case PHYS_STR:
        return KEY_TEXT;
    default:
        return -1;
    }
}

bool
key_type_is_orderable(Oid type)
{
    return type_encoding(type) >= 0;
}

bool
key_type_is_hashable(Oid type)
{
    return type_encoding(type) >= 0;
}

Status
key_column_init(Ctx *ctx, KeyColumn *c, Oid type, int32_t typmod, bool desc, bool nulls_first,
                bool not_null)
{
    type = type_base_typmod(type, &typmod);
    int enc = type_encoding(type);
    const TypeInfo *t = type_info(type);
    if (enc < 0)
        return RAISE(ctx, ERR_UNDEFINED_FUNCTION,
                     "could not identify an ordering operator for type %s",
                     t != NULL ? t->sql_name : "???");
    *c = (KeyColumn){.type = type,
                     .enc = (uint8_t)enc,
                     .desc = desc,
                     .nulls_first = nulls_first,
                     .not_null = not_null,
                     .reversible = t->reversible_key};
    if (enc == KEY_NUMERIC && typmod >= 0) {
        Phys phys = type_phys(type, typmod);
        if (phys == PHYS_I64) c->enc = KEY_NUM64;
        if (phys == PHYS_I128) c->enc = KEY_I128;
        if (phys != PHYS_STR) {
            c->scale = (int16_t)numeric_typmod_scale(typmod);
            c->reversible = true;
        }
    }
    return QN_OK;
}

void
key_format_init(KeyFormat *fmt, const KeyColumn *cols, int ncols)
{
    *fmt = (KeyFormat){.ncols = ncols, .cols = cols, .reversible = true};
    bool fixed = true;
    for (int i = 0; i < ncols; i++) {
        if (cols[i].enc < KEY_FIXED_COUNT)
            fmt->fixed_bytes += enc_width[cols[i].enc] + !cols[i].not_null;
        else
            fixed = false;
        fmt->reversible &= cols[i].reversible;
    }
    if (!fixed) fmt->fixed_bytes = 0;
}

static inline uint8_t
null_mark(const KeyColumn *c)
{
    return c->nulls_first ? 0 : 2;
}

/* ---- fixed-width values ---- */

static inline uint32_t
f32_bits(float f)
{
    uint32_t u;
    f = f == 0 ? 0 : f;
    memcpy(&u, &f, 4);
    if (f != f) u = 0x7FC00000;
    return u ^ ((uint32_t)((int32_t)u >> 31) | 0x80000000u);
}

static inline uint64_t
f64_bits(double f)
{
    uint64_t u;
    f = f == 0 ? 0 : f;
    memcpy(&u, &f, 8);
    if (f != f) u = 0x7FF8000000000000ull;
    return u ^ ((uint64_t)((int64_t)u >> 63) | 0x8000000000000000ull);
}

static inline int128
interval_total(const Interval *v)
{
    return ((int128)v->months * 30 + v->days) * US_PER_DAY + v->us;
}

static inline void
put_u128(uint8_t *p, uint128 k)
{
    uint64_t hi = __builtin_bswap64((uint64_t)(k >> 64)), lo = __builtin_bswap64((uint64_t)k);
    memcpy(p, &hi, 8);
    memcpy(p + 8, &lo, 8);
}

static inline uint128
get_u128(const uint8_t *p)
{
    uint64_t hi, lo;
    memcpy(&hi, p, 8);
    memcpy(&lo, p + 8, 8);
    return (uint128)__builtin_bswap64(hi) << 64 | __builtin_bswap64(lo);
}

#define SIGN128 ((uint128)1 << 127)

/* Where a row's bytes go: a fixed stride, or a cursor a row that moves on. */
typedef struct KeyDest {
    uint8_t *base;
    size_t stride;     /* cursors == NULL */
    uint32_t *cursors; /* offsets from base */
} KeyDest;

static inline uint8_t *
dest_row(const KeyDest *d, int i)
{
    return d->base + (d->cursors != NULL ? d->cursors[i] : (size_t)i * d->stride);
}

/* Writes the column's value bytes for each row; the flat, unselected, strided case is a loop of its
 * own so that it compiles to a tight one. K: unsigned key type, X: key of the value at src[ix]. */
#define WRITE_FIXED(T, K, X, STORE)                                                                \
    do {                                                                                           \
        const T *src = v->data;                                                                    \
        const K flip = c->desc ? (K) ~(K)0 : 0;                                                    \
        if (v->shape == VEC_DICT) src = v->dict->data;                                             \
        if (v->shape == VEC_FLAT && sel == NULL && d->cursors == NULL) {                           \
            uint8_t *p = d->base;                                                                  \
            for (int i = 0; i < n; i++, p += d->stride) {                                          \
                const T *s = &src[i];                                                              \
                K k = (K)((X) ^ flip);                                                             \
                STORE(p, k);                                                                       \
            }                                                                                      \
        } else {                                                                                   \
            for (int i = 0; i < n; i++) {                                                          \
                const T *s = &src[vec_index(v, sel != NULL ? sel[i] : i)];                         \
                K k = (K)((X) ^ flip);                                                             \
                uint8_t *p = dest_row(d, i);                                                       \
                STORE(p, k);                                                                       \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#define STORE8(p, k) (*(p) = (k))
#define STORE16(p, k) (k = __builtin_bswap16(k), memcpy((p), &k, 2))
#define STORE32(p, k) (k = __builtin_bswap32(k), memcpy((p), &k, 4))
#define STORE64(p, k) (k = __builtin_bswap64(k), memcpy((p), &k, 8))
#define STORE128(p, k) put_u128((p), (k))

static inline uint128
uuid_key(const Uuid *u)
{
    return get_u128(u->bytes);
}

/* A numeric of any form at the column's scale. Without inexact it must be representable. */
static Status
numeric_to_scale(Ctx *ctx, const KeyColumn *c, const Value *v, int128 *out, bool *inexact)
{
    bool wide = c->enc == KEY_I128;
    const int128 nan = wide ? INT128_MAX : NUM64_NAN;
    const int128 above = wide ? INT128_MAX - 1 : NUM64_ABOVE;
    const int128 below = wide ? INT128_MIN : INT64_MIN;
    int128 u;
    bool exact = true;
    NumericKind cls = NUMERIC_FINITE;

    if (v->phys == PHYS_STR) {
        NumericView nv;
        numeric_view(v, &nv);
        cls = view_floor_at_scale(&nv, c->scale, &u, &exact);
    } else {
        u = v->phys == PHYS_I64 ? v->i64 : v->i128;
        int up = c->scale - v->scale;
        if (up > 38) {
            exact = u == 0;
            if (u != 0) cls = u > 0 ? NUMERIC_POS_INF : NUMERIC_NEG_INF;
        } else if (up > 0) {
            if (num_mul_overflows(u, num_pow10_i128(up), &u))
                cls = (v->phys == PHYS_I64 ? v->i64 > 0 : v->i128 > 0) ? NUMERIC_POS_INF
                                                                       : NUMERIC_NEG_INF;
        } else if (up < 0) {
            int128 p = -up > 38 ? 0 : num_pow10_i128(-up);
            int128 q = p == 0 ? (u < 0 ? -1 : 0) : u / p, r = p == 0 ? u : u % p;
            if (p != 0 && r < 0) q--;
            exact = r == 0;
            u = q;
        }
    }
    if (cls == NUMERIC_NAN) {
        *out = nan;
        return QN_OK;
    }
    if (cls == NUMERIC_FINITE && u < above && u > below) {
        *out = u;
    } else {
        exact = false;
        *out = cls == NUMERIC_POS_INF || (cls == NUMERIC_FINITE && u > 0) ? above : below;
    }
    if (!exact) {
        if (inexact == NULL) return RAISE_INTERNAL(ctx, "numeric key does not fit its column");
        *inexact = true;
    }
    return QN_OK;
}

Status
key_numeric_to_scale(Ctx *ctx, const Value *v, bool wide, int scale, int128 *out, bool *nan_out)
{
    KeyColumn c = {.enc = wide ? KEY_I128 : KEY_NUM64, .scale = (int16_t)scale};
    TRY(numeric_to_scale(ctx, &c, v, out, NULL));
    *nan_out = *out == (wide ? INT128_MAX : (int128)NUM64_NAN);
    return QN_OK;
}

static Status
write_numeric_fixed(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
                    const KeyDest *d)
{
    bool wide = c->enc == KEY_I128;
    if (!wide && v->phys == PHYS_I64 && v->scale == c->scale) {
        WRITE_FIXED(int64_t, uint64_t, (uint64_t)*s ^ (1ull << 63), STORE64);
        return QN_OK;
    }
    if (wide && v->phys == PHYS_I128 && v->scale == c->scale) {
        WRITE_FIXED(int128, uint128, (uint128)*s ^ SIGN128, STORE128);
        return QN_OK;
    }
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        if (vec_is_null(v, row)) continue;
        Value val = vec_get(v, row);
        int128 u;
        TRY(numeric_to_scale(ctx, c, &val, &u, NULL));
        uint8_t *p = dest_row(d, i);
        if (wide) {
            put_u128(p, ((uint128)u ^ SIGN128) ^ (c->desc ? ~(uint128)0 : 0));
        } else {
            uint64_t k = ((uint64_t)(int64_t)u ^ (1ull << 63)) ^ (c->desc ? ~0ull : 0);
            STORE64(p, k);
        }
    }
    return QN_OK;
}

static Status
write_fixed(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
            const KeyDest *d)
{
    switch ((KeyEnc)c->enc) {
    case KEY_BOOL:
        WRITE_FIXED(uint8_t, uint8_t, *s, STORE8);
        break;
    case KEY_I16:
        WRITE_FIXED(uint16_t, uint16_t, *s ^ 0x8000, STORE16);
        break;
    case KEY_I32:
        WRITE_FIXED(uint32_t, uint32_t, *s ^ 0x80000000u, STORE32);
        break;
    case KEY_U32:
        WRITE_FIXED(uint32_t, uint32_t, *s, STORE32);
        break;
    case KEY_I64:
        WRITE_FIXED(uint64_t, uint64_t, *s ^ (1ull << 63), STORE64);
        break;
    case KEY_F32:
        WRITE_FIXED(float, uint32_t, f32_bits(*s), STORE32);
        break;
    case KEY_F64:
        WRITE_FIXED(double, uint64_t, f64_bits(*s), STORE64);
        break;
    case KEY_INTERVAL:
        WRITE_FIXED(Interval, uint128, (uint128)interval_total(s) ^ SIGN128, STORE128);
        break;
    case KEY_UUID:
        WRITE_FIXED(Uuid, uint128, uuid_key(s), STORE128);
        break;
    case KEY_NUM64:
    case KEY_I128:
        return write_numeric_fixed(ctx, c, v, sel, n, d);
    default:
        return RAISE_INTERNAL(ctx, "key column is not of fixed width");
    }
    return QN_OK;
}

/* The null bytes of a column, and zeros for the values of NULL rows when they have a width. */
static void
write_nulls(const KeyColumn *c, const Vector *v, const uint16_t *sel, int n, const KeyDest *d,
            int width)
{
    const uint8_t mark = null_mark(c);
    if (v->valid == NULL) {
        for (int i = 0; i < n; i++) *dest_row(d, i) = 1;
        return;
    }
    for (int i = 0; i < n; i++) {
        uint8_t *p = dest_row(d, i);
        if (vec_is_null(v, sel != NULL ? sel[i] : i)) {
            p[0] = mark;
            memset(p + 1, 0, (size_t)width);
        } else {
            p[0] = 1;
        }
    }
}

/* A fixed column with its null byte; moves cursors on. */
static Status
write_fixed_column(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
                   KeyDest *d)
{
    int width = enc_width[c->enc];
    if (c->not_null) {
        TRY(write_fixed(ctx, c, v, sel, n, d));
    } else {
        d->base++;
        TRY(write_fixed(ctx, c, v, sel, n, d));
        d->base--;
        write_nulls(c, v, sel, n, d, width); /* after the values: NULL slots hold anything */
    }
    if (d->cursors != NULL) {
        uint32_t step = (uint32_t)(width + !c->not_null);
        for (int i = 0; i < n; i++) d->cursors[i] += step;
    }
    return QN_OK;
}

Status
key_encode_fixed(Ctx *ctx, const KeyFormat *fmt, Vector *const *cols, const uint16_t *sel, int n,
                 uint8_t *out, size_t stride)
{
    KeyDest d = {.base = out, .stride = stride};
    for (int i = 0; i < fmt->ncols; i++) {
        const KeyColumn *c = &fmt->cols[i];
        TRY(write_fixed_column(ctx, c, cols[i], sel, n, &d));
        d.base += enc_width[c->enc] + !c->not_null;
    }
    return QN_OK;
}

/* ---- values of varying width ---- */

/* Class bytes of numeric. A positive value's byte is NUM_POS plus its exponent of 100 while that is
 * small; a negative value is the complement of its absolute value's bytes. */
enum {
    NUM_NEG_INF = 0x08,
    NUM_ZERO = 0x80,
    NUM_POS = 0xC0,
    NUM_POS_INF = 0xF0,
    NUM_NAN = 0xF8,
    NUM_EXP_SMALL = 30
};

/* value = 0.d0 d1 d2 ... * 100^exponent, digits of base 100; d0 != 0 and the last one != 0. */
static void
put_numeric(StrBuf *b, bool negative, int exponent, const uint8_t *digits, int ndigits)
{
    size_t start = b->nbytes;
    if (!strbuf_reserve(b, (size_t)ndigits + 8)) return;
    uint8_t *p = (uint8_t *)b->data + start;
    if (exponent > NUM_EXP_SMALL || exponent < -NUM_EXP_SMALL) {
        uint32_t e = __builtin_bswap32((uint32_t)exponent ^ 0x80000000u);
        *p++ = exponent > 0 ? NUM_POS + NUM_EXP_SMALL + 1 : NUM_POS - NUM_EXP_SMALL - 1;
        memcpy(p, &e, 4);
        p += 4;
    } else {
        *p++ = (uint8_t)(NUM_POS + exponent);
    }
    for (int i = 0; i < ndigits; i++) *p++ = (uint8_t)(digits[i] + 1);
    *p++ = 0;
    b->nbytes = (size_t)(p - (uint8_t *)b->data);
    if (negative)
        for (size_t i = start; i < b->nbytes; i++) b->data[i] = (char)~b->data[i];
}

static void
put_numeric_int(StrBuf *b, int128 v, int scale)
{
    if (v == 0) {
        strbuf_addc(b, (char)NUM_ZERO);
        return;
    }
    uint8_t digits[24];
    int first = (int)sizeof(digits), exponent;
    bool negative = v < 0;
    uint128 u = negative ? -(uint128)v : (uint128)v;
    /* Digit pairs count from the decimal point: with an odd scale the last pair takes one digit. */
    if (scale & 1) {
        digits[--first] = (uint8_t)(u % 10 * 10);
        u /= 10;
    }
    while (u > UINT64_MAX) {
        digits[--first] = (uint8_t)(u % 100);
        u /= 100;
    }
    for (uint64_t w = (uint64_t)u; w != 0; w /= 100) digits[--first] = (uint8_t)(w % 100);
    int last = (int)sizeof(digits);
    exponent = last - first - (scale + 1) / 2;
    while (digits[first] == 0) first++, exponent--;
    while (digits[last - 1] == 0) last--;
    put_numeric(b, negative, exponent, digits + first, last - first);
}

static Status
put_numeric_str(Ctx *ctx, StrBuf *b, const Value *v)
{
    NumericView nv;
    numeric_view(v, &nv);
    switch (nv.kind) {
    case NUMERIC_NAN:
        strbuf_addc(b, (char)NUM_NAN);
        return QN_OK;
    case NUMERIC_POS_INF:
        strbuf_addc(b, (char)NUM_POS_INF);
        return QN_OK;
    case NUMERIC_NEG_INF:
        strbuf_addc(b, (char)NUM_NEG_INF);
        return QN_OK;
    case NUMERIC_FINITE:
        break;
    }
    uint8_t small[128], *digits = small;
    int n = 2 * nv.ndigits;
    if (n > (int)sizeof(small)) TRY_ALLOC(ctx, digits, arena_alloc(b->arena, (size_t)n));
    for (int i = 0; i < nv.ndigits; i++) {
        uint32_t d = (uint32_t)view_digit(&nv, i);
        digits[2 * i] = (uint8_t)(d / 100);
        digits[2 * i + 1] = (uint8_t)(d % 100);
    }
    int first = 0, exponent = 2 * (nv.weight + 1);
    while (first < n && digits[first] == 0) first++, exponent--;
    while (n > first && digits[n - 1] == 0) n--;
    if (n == first)
        strbuf_addc(b, (char)NUM_ZERO);
    else
        put_numeric(b, nv.negative, exponent, digits + first, n - first);
    return QN_OK;
}

static void
put_bytea(StrBuf *b, const char *p, size_t nbytes)
{
    const char *end = p + nbytes, *z;
    while ((z = memchr(p, 0, (size_t)(end - p))) != NULL) {
        strbuf_add(b, p, (size_t)(z - p));
        strbuf_add(b, "\x00\xFF", 2);
        p = z + 1;
    }
    strbuf_add(b, p, (size_t)(end - p));
    strbuf_add(b, "\x00\x00", 2);
}

static inline uint32_t
bpchar_bytes(const Str *s)
{
    const char *p = str_data(s);
    uint32_t n = s->len;
    while (n > 0 && p[n - 1] == ' ') n--;
    return n;
}

static void
put_u32(StrBuf *b, uint32_t k)
{
    k = __builtin_bswap32(k);
    strbuf_add(b, (const char *)&k, 4);
}

static Status put_value(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b, bool *inexact);

/* One element of an array or field of a record. */
static Status
put_element(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b)
{
    strbuf_addc(b, v->is_null ? 3 : 2);
    return v->is_null ? QN_OK : put_value(ctx, c, v, b, NULL);
}

/* Elements first, then what tells apart arrays of equal elements: dimensions and lower bounds. */
static Status
put_array(Ctx *ctx, const Str *s, StrBuf *b)
{
    ArrayView a;
    KeyColumn c;
    array_view(s, &a);
    if (a.nelems != 0) TRY(key_column_init(ctx, &c, a.elem, -1, false, false, true));
    for (uint32_t i = 0; i < a.nelems; i++) {
        Value v = array_element(&a, i);
        TRY(put_element(ctx, &c, &v, b));
    }
    strbuf_addc(b, 1);
    strbuf_addc(b, (char)a.ndim);
    for (int i = 0; i < a.ndim; i++) put_u32(b, (uint32_t)a.dims[i] ^ 0x80000000u);
    for (int i = 0; i < a.ndim; i++) put_u32(b, (uint32_t)a.lbounds[i] ^ 0x80000000u);
    return QN_OK;
}

static Status
put_record(Ctx *ctx, const Str *s, StrBuf *b)
{
    TRY(ctx_check_depth(ctx));
    for (int i = 0; i < record_count(s); i++) {
        Value v = record_field(s, i);
        KeyColumn c;
        TRY(key_column_init(ctx, &c, v.type, -1, false, false, true));
        TRY(put_element(ctx, &c, &v, b));
    }
    strbuf_addc(b, 1);
    return QN_OK;
}

enum { JSONB_KEY_STRING = 2, JSONB_KEY_NUMBER = 3, JSONB_KEY_ARRAY = 6, JSONB_KEY_OBJECT = 7 };

static Status
put_jsonb(Ctx *ctx, JsonbItem it, StrBuf *b)
{
    static const char marks[] = {[JSONB_NULL] = 1,  [JSONB_STRING] = JSONB_KEY_STRING,
                                 [JSONB_NUMBER] = JSONB_KEY_NUMBER,
                                 [JSONB_FALSE] = 4, [JSONB_TRUE] = 5,
                                 [JSONB_ARRAY] = JSONB_KEY_ARRAY,
                                 [JSONB_OBJECT] = JSONB_KEY_OBJECT};
    strbuf_addc(b, marks[it.kind]);
    if (it.kind == JSONB_STRING) {
        strbuf_add(b, it.p, it.nbytes);
        strbuf_addc(b, 0);
    } else if (it.kind == JSONB_NUMBER) {
        Value v = jsonb_number(it);
        return put_numeric_str(ctx, b, &v);
    } else if (jsonb_is_container(it)) {
        uint32_t n = jsonb_count(it);
        put_u32(b, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t key_bytes;
            if (it.kind == JSONB_ARRAY) {
                TRY(put_jsonb(ctx, jsonb_element(it, i), b));
                continue;
            }
            const char *key = jsonb_key(it, i, &key_bytes);
            strbuf_addc(b, JSONB_KEY_STRING);
            strbuf_add(b, key, key_bytes);
            strbuf_addc(b, 0);
            TRY(put_jsonb(ctx, jsonb_member(it, i), b));
        }
    }
    return QN_OK;
}

/* A bound: what has none comes before (lower) or after (upper) every value; then the value, then inclusive before exclusive of lower
 * bounds and after of upper ones. */
static Status
put_bound(Ctx *ctx, const RangeBound *bound, StrBuf *b)
{
    KeyColumn c;
    strbuf_addc(b, (char)(!bound->infinite ? 1 : bound->lower ? 0 : 2));
    if (bound->infinite) return QN_OK;
    TRY(key_column_init(ctx, &c, bound->value.type, -1, false, false, true));
    TRY(put_value(ctx, &c, &bound->value, b, NULL));
    strbuf_addc(b, bound->inclusive != bound->lower);
    return QN_OK;
}

static Status
put_range(Ctx *ctx, const Range *r, StrBuf *b)
{
    TRY(ctx_check_depth(ctx));
    strbuf_addc(b, !r->empty);
    if (r->empty) return QN_OK;
    TRY(put_bound(ctx, &r->lower, b));
    return put_bound(ctx, &r->upper, b);
}

static Status
put_multirange(Ctx *ctx, const Str *s, StrBuf *b)
{
    Multirange m;
    TRY(multirange_view(ctx, b->arena, s, &m));
    for (int i = 0; i < m.n; i++) {
        strbuf_addc(b, 2);
        TRY(put_range(ctx, &m.items[i], b));
    }
    strbuf_addc(b, 1);
    return QN_OK;
}

/* Records, ranges and multiranges, and types with keys of their own: made of values of other types, so their bytes are put between bytea's marks and have an end
 * that can be found without knowing what is in them. */
static Status
put_nested(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b)
{
    StrBuf inner = strbuf_new(b->arena);
    Range r;
    if (c->enc == KEY_RECORD) {
        TRY(put_record(ctx, &v->str, &inner));
    } else if (c->enc == KEY_RANGE) {
        range_view(&v->str, &r);
        TRY(put_range(ctx, &r, &inner));
    } else if (c->enc == KEY_OWN) {
        type_key(c->type)(v, &inner);
    } else {
        TRY(put_multirange(ctx, &v->str, &inner));
    }
    if (inner.failed) return RAISE_OOM(ctx);
    for (size_t i = 0; i < inner.nbytes; i++) {
        strbuf_addc(b, inner.data[i]);
        if (inner.data[i] == 0) strbuf_addc(b, (char)0xFF);
    }
    strbuf_add(b, "\0\0", 2);
    return QN_OK;
}

/* The value's bytes, ascending, without null byte. */
static Status
put_ascending(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b, bool *inexact)
{
    if (c->enc < KEY_FIXED_COUNT) {
        uint8_t bytes[16];
        KeyColumn asc = *c;
        Value copy = *v;
        asc.desc = false;
        asc.not_null = true;
        if (c->enc == KEY_NUM64 || c->enc == KEY_I128) {
            int128 u;
            TRY(numeric_to_scale(ctx, c, v, &u, inexact));
            copy.phys = c->enc == KEY_NUM64 ? PHYS_I64 : PHYS_I128;
            copy.scale = c->scale;
            if (c->enc == KEY_NUM64)
                copy.i64 = (int64_t)u;
            else
                copy.i128 = u;
        }
        Vector vec = {.type = v->type,
                      .phys = copy.phys,
                      .shape = VEC_CONST,
                      .scale = copy.scale,
                      .data = &copy.b};
        KeyDest d = {.base = bytes, .stride = 16};
        TRY(write_fixed(ctx, &asc, &vec, NULL, 1, &d));
        strbuf_add(b, (const char *)bytes, enc_width[c->enc]);
        return QN_OK;
    }
    switch ((KeyEnc)c->enc) {
    case KEY_TEXT:
        strbuf_add(b, str_data(&v->str), v->str.len);
        strbuf_addc(b, 0);
        return QN_OK;
    case KEY_BPCHAR:
        strbuf_add(b, str_data(&v->str), bpchar_bytes(&v->str));
        strbuf_addc(b, 0);
        return QN_OK;
    case KEY_BYTEA:
        put_bytea(b, str_data(&v->str), v->str.len);
        return QN_OK;
    case KEY_NUMERIC:
        if (v->phys == PHYS_STR) return put_numeric_str(ctx, b, v);
        put_numeric_int(b, v->phys == PHYS_I64 ? v->i64 : v->i128, v->scale);
        return QN_OK;
    case KEY_ARRAY:
        return put_array(ctx, &v->str, b);
    case KEY_RECORD:
    case KEY_RANGE:
    case KEY_MULTIRANGE:
    case KEY_OWN:
        return put_nested(ctx, c, v, b);
    case KEY_JSONB: {
        JsonbItem root = jsonb_root(&v->str);
        if (root.kind != JSONB_ARRAY || jsonb_count(root) != 0) return put_jsonb(ctx, root, b);
        strbuf_addc(b, 0);
        return QN_OK;
    }
    default:
        return RAISE_INTERNAL(ctx, "key column of no known encoding");
    }
}

static Status
put_value(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b, bool *inexact)
{
    size_t start = b->nbytes;
    TRY(put_ascending(ctx, c, v, b, inexact));
    if (c->desc && !b->failed)
        for (size_t i = start; i < b->nbytes; i++) b->data[i] = (char)~b->data[i];
    return QN_OK;
}

Status
key_encode_value(Ctx *ctx, const KeyColumn *c, const Value *value, StrBuf *out, bool *inexact_out)
{
    static const char zeros[16];
    if (value->is_null) {
        if (c->not_null) return RAISE_INTERNAL(ctx, "NULL in a key column that has none");
        strbuf_addc(out, (char)null_mark(c));
        if (c->enc < KEY_FIXED_COUNT) strbuf_add(out, zeros, enc_width[c->enc]);
    } else {
        if (!c->not_null) strbuf_addc(out, 1);
        TRY(put_value(ctx, c, value, out, inexact_out));
    }
    return out->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
key_encode_values(Ctx *ctx, const KeyFormat *fmt, const Value *values, int nvalues, StrBuf *out,
                  bool *inexact_out)
{
    for (int i = 0; i < nvalues; i++)
        TRY(key_encode_value(ctx, &fmt->cols[i], &values[i], out, inexact_out));
    return QN_OK;
}

/* ---- many rows ---- */

static inline const Str *
str_values(const Vector *v)
{
    return v->shape == VEC_DICT ? v->dict->data : v->data;
}

/* Adds the column's length, null byte included, to lens. Numerics, arrays and bytea are encoded
 * into scratch, where row i's bytes start at starts[i]. */
static Status
measure_column(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
               uint32_t *lens, StrBuf *scratch, uint32_t *starts)
{
    const uint32_t mark = !c->not_null;
    if (c->enc < KEY_FIXED_COUNT) {
        for (int i = 0; i < n; i++) lens[i] += mark + enc_width[c->enc];
        return QN_OK;
    }
    if (c->enc == KEY_TEXT || c->enc == KEY_BPCHAR) {
        const Str *src = str_values(v);
        for (int i = 0; i < n; i++) {
            int row = sel != NULL ? sel[i] : i;
            lens[i] += mark;
            if (v->valid != NULL && vec_is_null(v, row)) continue;
            const Str *s = &src[vec_index(v, row)];
            lens[i] += (c->enc == KEY_TEXT ? s->len : bpchar_bytes(s)) + 1;
        }
        return QN_OK;
    }
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        starts[i] = (uint32_t)scratch->nbytes;
        lens[i] += mark;
        if (vec_is_null(v, row)) continue;
        Value val = vec_get(v, row);
        TRY(put_value(ctx, c, &val, scratch, NULL));
        if (scratch->failed) return RAISE_OOM(ctx);
        if (scratch->nbytes > INT32_MAX)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "sort keys of a batch exceed 2 GB");
        lens[i] += (uint32_t)scratch->nbytes - starts[i];
    }
    starts[n] = (uint32_t)scratch->nbytes;
    return QN_OK;
}

static void
write_text_column(const KeyColumn *c, const Vector *v, const uint16_t *sel, int n, KeyDest *d)
{
    const Str *src = str_values(v);
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        uint8_t *p = dest_row(d, i), *start = p;
        if (v->valid != NULL && vec_is_null(v, row)) {
            *p++ = null_mark(c);
        } else {
            const Str *s = &src[vec_index(v, row)];
            uint32_t nbytes = c->enc == KEY_TEXT ? s->len : bpchar_bytes(s);
            if (!c->not_null) *p++ = 1;
            memcpy(p, str_data(s), nbytes);
            p[nbytes] = 0;
            if (c->desc)
                for (uint32_t k = 0; k <= nbytes; k++) p[k] = (uint8_t)~p[k];
            p += nbytes + 1;
        }
        d->cursors[i] += (uint32_t)(p - start);
    }
}

static void
write_scratch_column(const KeyColumn *c, const Vector *v, const uint16_t *sel, int n, KeyDest *d,
                     const char *scratch, const uint32_t *starts)
{
    for (int i = 0; i < n; i++) {
        uint8_t *p = dest_row(d, i);
        uint32_t nbytes = starts[i + 1] - starts[i];
        bool null = vec_is_null(v, sel != NULL ? sel[i] : i);
        if (!c->not_null) {
            *p++ = null ? null_mark(c) : 1;
            d->cursors[i]++;
        }
        if (nbytes != 0) memcpy(p, scratch + starts[i], nbytes);
        d->cursors[i] += nbytes;
    }
}

static Status
rows_reserve(Ctx *ctx, KeyRows *r, int n)
{
    if (r->offsets != NULL && n <= r->rows_cap) return QN_OK;
    int cap = n < 16 ? 16 : n;
    TRY_ALLOC(ctx, r->offsets, arena_alloc(r->arena, sizeof(uint32_t) * ((size_t)cap + 1)));
    TRY_ALLOC(ctx, r->cursors, arena_alloc(r->arena, sizeof(uint32_t) * (size_t)cap));
    r->rows_cap = cap;
    r->starts = NULL;
    return QN_OK;
}

static Status
rows_reserve_data(Ctx *ctx, KeyRows *r, size_t nbytes)
{
    if (nbytes <= r->data_cap) return QN_OK;
    size_t cap = bits_next_pow2(nbytes < 256 ? 256 : nbytes);
    TRY_ALLOC(ctx, r->data, arena_alloc(r->arena, cap));
    r->data_cap = cap;
    return QN_OK;
}

static int
count_scratch_columns(const KeyFormat *fmt)
{
    int k = 0;
    for (int i = 0; i < fmt->ncols; i++) k += fmt->cols[i].enc >= KEY_BYTEA;
    return k;
}

Status
key_encode(Ctx *ctx, const KeyFormat *fmt, Vector *const *cols, const uint16_t *sel, int n,
           KeyRows *out)
{
    TRY(rows_reserve(ctx, out, n));
    out->n = n;
    if (fmt->fixed_bytes != 0) {
        uint32_t w = (uint32_t)fmt->fixed_bytes;
        TRY(rows_reserve_data(ctx, out, (size_t)n * w));
        for (int i = 0; i <= n; i++) out->offsets[i] = (uint32_t)i * w;
        return key_encode_fixed(ctx, fmt, cols, sel, n, out->data, w);
    }
    int nscratch = count_scratch_columns(fmt), k = 0;
    size_t per = (size_t)out->rows_cap + 1;
    if (nscratch > 0 && (out->starts == NULL || out->nstarts < nscratch)) {
        TRY_ALLOC(ctx, out->starts,
                  arena_alloc(out->arena, sizeof(uint32_t) * per * (size_t)nscratch));
        out->nstarts = nscratch;
    }
    out->scratch.arena = out->arena;
    out->scratch.nbytes = 0;
    out->scratch.failed = false;
    uint32_t *lens = out->cursors;
    memset(lens, 0, sizeof(uint32_t) * (size_t)n);
    for (int i = 0; i < fmt->ncols; i++) {
        uint32_t *starts = fmt->cols[i].enc >= KEY_BYTEA ? out->starts + per * (size_t)k++ : NULL;
        TRY(measure_column(ctx, &fmt->cols[i], cols[i], sel, n, lens, &out->scratch, starts));
    }
    uint64_t total = 0;
    for (int i = 0; i < n; i++) {
        uint32_t bytes = lens[i];
        out->offsets[i] = (uint32_t)total;
        out->cursors[i] = (uint32_t)total;
        total += bytes;
        if (total > INT32_MAX)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "sort keys of a batch exceed 2 GB");
    }
    out->offsets[n] = (uint32_t)total;
    TRY(rows_reserve_data(ctx, out, (size_t)total));
    KeyDest d = {.base = out->data, .cursors = out->cursors};
    k = 0;
    for (int i = 0; i < fmt->ncols; i++) {
        const KeyColumn *c = &fmt->cols[i];
        if (c->enc < KEY_FIXED_COUNT)
            TRY(write_fixed_column(ctx, c, cols[i], sel, n, &d));
        else if (c->enc == KEY_TEXT || c->enc == KEY_BPCHAR)
            write_text_column(c, cols[i], sel, n, &d);
        else
            write_scratch_column(c, cols[i], sel, n, &d, out->scratch.data,
                                 out->starts + per * (size_t)k++);
    }
    return QN_OK;
}

/* ---- decoding ---- */

/* Bytes of an ascending-or-complemented value at p, 0 when it does not end before limit. */
static size_t
value_bytes(const KeyColumn *c, const uint8_t *p, size_t limit)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    size_t i = 0;
    if (c->enc < KEY_FIXED_COUNT) return enc_width[c->enc] <= limit ? enc_width[c->enc] : 0;
    switch ((KeyEnc)c->enc) {
    case KEY_TEXT:
    case KEY_BPCHAR: {
        const uint8_t *z = memchr(p, flip, limit);
        return z != NULL ? (size_t)(z - p) + 1 : 0;
    }
    case KEY_BYTEA:
    case KEY_RECORD:
    case KEY_RANGE:
    case KEY_MULTIRANGE:
    case KEY_OWN:
        for (; i + 2 <= limit; i++)
            if ((p[i] ^ flip) == 0) {
                if ((p[i + 1] ^ flip) == 0) return i + 2;
                i++;
            }
        return 0;
    case KEY_NUMERIC: {
        if (limit == 0) return 0;
        uint8_t cls = p[0] ^ flip, end = flip;
        if (cls == NUM_ZERO || cls == NUM_NAN || cls == NUM_POS_INF || cls == NUM_NEG_INF) return 1;
        if (cls < NUM_ZERO) {
            cls = (uint8_t)~cls;
            end = (uint8_t)~end;
        }
        i = cls > NUM_POS + NUM_EXP_SMALL || cls < NUM_POS - NUM_EXP_SMALL ? 5 : 1;
        for (; i < limit; i++)
            if (p[i] == end) return i + 1;
        return 0;
    }
    default:
        return 0; /* arrays: see array_bytes */
    }
}

/* Parts follow each other and a container says how many there are (keys count as well), so that one
 * number holds what is still to come. */
static size_t
jsonb_bytes(const KeyColumn *c, const uint8_t *p, size_t limit)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    KeyColumn scalar = {.desc = c->desc};
    size_t i = 0;
    for (uint64_t parts = 1; parts > 0; parts--) {
        if (i >= limit) return 0;
        uint8_t mark = p[i++] ^ flip;
        if (mark == JSONB_KEY_STRING || mark == JSONB_KEY_NUMBER) {
            scalar.enc = mark == JSONB_KEY_STRING ? KEY_TEXT : KEY_NUMERIC;
            size_t w = value_bytes(&scalar, p + i, limit - i);
            if (w == 0) return 0;
            i += w;
        } else if (mark == JSONB_KEY_ARRAY || mark == JSONB_KEY_OBJECT) {
            uint32_t n;
            if (limit - i < 4) return 0;
            memcpy(&n, p + i, 4);
            n = __builtin_bswap32(n) ^ (c->desc ? UINT32_MAX : 0);
            parts += (uint64_t)n * (mark == JSONB_KEY_OBJECT ? 2 : 1);
            i += 4;
        }
    }
    return i;
}

static KeyColumn
element_column(const KeyColumn *c)
{
    Oid elem = type_info(c->type)->elem_oid;
    return (KeyColumn){
        .type = elem, .enc = (uint8_t)type_encoding(elem), .desc = c->desc, .not_null = true};
}

static size_t
array_bytes(const KeyColumn *c, const uint8_t *p, size_t limit)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    KeyColumn e = element_column(c);
    size_t i = 0;
    while (i < limit && (p[i] ^ flip) != 1) {
        uint8_t mark = p[i++] ^ flip;
        if (mark == 3) continue;
        size_t w = mark != 2               ? 0
                   : e.enc == KEY_JSONB ? jsonb_bytes(&e, p + i, limit - i)
                   : e.enc != KEY_ARRAY ? value_bytes(&e, p + i, limit - i)
                                        : 0;
        if (w == 0) return 0;
        i += w;
    }
    if (i + 2 > limit) return 0;
    size_t ndim = p[i + 1] ^ flip;
    return i + 2 + 8 * ndim <= limit ? i + 2 + 8 * ndim : 0;
}

size_t
key_column_bytes(const KeyColumn *c, const uint8_t *key, size_t limit)
{
    size_t mark = 0;
    if (!c->not_null) {
        if (limit == 0) return 0;
        mark = 1;
        if (key[0] != 1) {
            size_t w = 1 + (c->enc < KEY_FIXED_COUNT ? enc_width[c->enc] : 0);
            return w <= limit ? w : 0;
        }
    }
    size_t w = c->enc == KEY_ARRAY   ? array_bytes(c, key + mark, limit - mark)
               : c->enc == KEY_JSONB ? jsonb_bytes(c, key + mark, limit - mark)
                                     : value_bytes(c, key + mark, limit - mark);
    return w == 0 ? 0 : w + mark;
}

/* Stores the fixed-width value at p into row of out. */
static void
get_fixed(const KeyColumn *c, const uint8_t *p, Vector *out, int row)
{
    uint64_t flip = c->desc ? ~0ull : 0;
    uint16_t k16;
    uint32_t k32;
    uint64_t k64;
    uint128 k128;
    switch ((KeyEnc)c->enc) {
    case KEY_BOOL:
        ((uint8_t *)out->data)[row] = (uint8_t)((*p ^ flip) & 1);
        break;
    case KEY_I16:
        memcpy(&k16, p, 2);
        ((uint16_t *)out->data)[row] = (uint16_t)((__builtin_bswap16(k16) ^ flip) ^ 0x8000);
        break;
    case KEY_I32:
    case KEY_U32:
        memcpy(&k32, p, 4);
        k32 = __builtin_bswap32(k32) ^ (uint32_t)flip;
        ((uint32_t *)out->data)[row] = c->enc == KEY_I32 ? k32 ^ 0x80000000u : k32;
        break;
    case KEY_I64:
    case KEY_NUM64:
        memcpy(&k64, p, 8);
        ((uint64_t *)out->data)[row] = (__builtin_bswap64(k64) ^ flip) ^ (1ull << 63);
        break;
    case KEY_I128:
    case KEY_UUID:
        k128 = get_u128(p) ^ (c->desc ? ~(uint128)0 : 0);
        if (c->enc == KEY_I128)
            ((uint128 *)out->data)[row] = k128 ^ SIGN128;
        else
            put_u128(((Uuid *)out->data)[row].bytes, k128);
        break;
    case KEY_F32:
        memcpy(&k32, p, 4);
        k32 = __builtin_bswap32(k32) ^ (uint32_t)flip;
        k32 ^= (k32 & 0x80000000u) ? 0x80000000u : ~0u;
        memcpy((float *)out->data + row, &k32, 4);
        break;
    case KEY_F64:
        memcpy(&k64, p, 8);
        k64 = __builtin_bswap64(k64) ^ flip;
        k64 ^= (k64 >> 63) ? 1ull << 63 : ~0ull;
        memcpy((double *)out->data + row, &k64, 8);
        break;
    default:
        break;
    }
}

static Status
get_string(Ctx *ctx, const KeyColumn *c, const uint8_t *p, size_t nbytes, Arena *arena, Str *out)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    char small[STR_INLINE_MAX], *dst = small;
    size_t n = 0, end = nbytes - (c->enc == KEY_BYTEA ? 2 : 1);
    if (end > STR_INLINE_MAX) TRY_ALLOC(ctx, dst, arena_alloc(arena, end));
    for (size_t i = 0; i < end; i++) {
        dst[n++] = (char)(p[i] ^ flip);
        if (c->enc == KEY_BYTEA && dst[n - 1] == 0) i++;
    }
    *out = str_make(dst, n);
    return QN_OK;
}

static Status decode_row(Ctx *ctx, const KeyColumn *c, const uint8_t *p, size_t nbytes, int row,
                         Vector *out, Arena *arena);

/* p holds a whole array (array_bytes found its end). */
static Status
get_array(Ctx *ctx, const KeyColumn *c, const uint8_t *p, size_t nbytes, Arena *arena, Str *out)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    const uint32_t flip32 = c->desc ? ~0u : 0;
    KeyColumn e = element_column(c);
    ArrayBuilder b = array_builder(arena, e.type);
    int32_t shape[2 * ARRAY_DIMS_MAX];
    size_t i = 0;
    while ((p[i] ^ flip) != 1) {
        if ((p[i++] ^ flip) == 3) {
            TRY(array_add_null(ctx, &b));
            continue;
        }
        size_t w = value_bytes(&e, p + i, nbytes - i);
        uint8_t room[16] __attribute__((aligned(16)));
        Vector one = {.type = e.type, .phys = type_info(e.type)->phys, .data = room};
        TRY(decode_row(ctx, &e, p + i, w, 0, &one, arena));
        Value v = vec_get(&one, 0);
        TRY(array_add(ctx, &b, &v));
        i += w;
    }
    int ndim = p[i + 1] ^ flip;
    if (ndim > ARRAY_DIMS_MAX)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "index entry holds no valid key");
    for (int k = 0; k < 2 * ndim; k++) {
        uint32_t u;
        memcpy(&u, p + i + 2 + 4 * k, 4);
        shape[k] = (int32_t)((__builtin_bswap32(u) ^ flip32) ^ 0x80000000u);
    }
    return array_finish(ctx, &b, ndim, shape, shape + ndim, out);
}

static Status
decode_row(Ctx *ctx, const KeyColumn *c, const uint8_t *p, size_t nbytes, int row, Vector *out,
           Arena *arena)
{
    if (!c->not_null) {
        if (p[0] != 1) {
            vec_set_null(out, row);
            if (out->phys == PHYS_STR) memset((Str *)out->data + row, 0, sizeof(Str));
            return QN_OK;
        }
        p++, nbytes--;
    }
    if (c->enc < KEY_FIXED_COUNT) {
        if ((c->enc == KEY_NUM64 || c->enc == KEY_I128) && out->phys == PHYS_STR) {
            /* A NaN turned this vector into variable form. */
            Vector one = {.phys = c->enc == KEY_NUM64 ? PHYS_I64 : PHYS_I128};
            int128 u;
            one.data = &u;
            get_fixed(c, p, &one, 0);
            if (c->enc == KEY_NUM64) u = (int64_t)u;
            return key_numeric_str(ctx, arena, u, c->scale,
                                   c->enc == KEY_NUM64 ? u == NUM64_NAN : u == INT128_MAX,
                                   (Str *)out->data + row);
        }
        get_fixed(c, p, out, row);
        return QN_OK;
    }
    if (c->enc == KEY_ARRAY) return get_array(ctx, c, p, nbytes, arena, (Str *)out->data + row);
    return get_string(ctx, c, p, nbytes, arena, (Str *)out->data + row);
}

static Phys
decoded_form(const KeyColumn *c)
{
    if (c->enc == KEY_NUM64) return PHYS_I64;
    if (c->enc == KEY_I128) return PHYS_I128;
    return type_info(c->type)->phys;
}

/* Is the numeric at p, null byte included, NaN? */
static bool
is_nan_key(const KeyColumn *c, const uint8_t *p, size_t nbytes)
{
    if (c->enc != KEY_NUM64 && c->enc != KEY_I128) return false;
    size_t mark = !c->not_null;
    uint8_t nan = c->desc ? 0 : 0xFF;
    if (mark && p[0] != 1) return false;
    for (size_t i = mark; i < nbytes; i++)
        if (p[i] != nan) return false;
    return true;
}

Status
key_decode(Ctx *ctx, const KeyFormat *fmt, const uint8_t *const *keys, const uint32_t *nbytes,
           int n, Vector **out, Arena *arena)
{
    uint32_t at[BATCH_ROWS], next[BATCH_ROWS];
    for (int from = 0; from < n; from += BATCH_ROWS) {
        int m = n - from < BATCH_ROWS ? n - from : BATCH_ROWS;
        memset(at, 0, sizeof(at[0]) * (size_t)m);
        for (int col = 0; col < fmt->ncols; col++) {
            const KeyColumn *c = &fmt->cols[col];
            Vector *v = out[col];
            bool nan = false;
            for (int i = 0; i < m; i++) {
                const uint8_t *p = keys[from + i] + at[i];
                size_t w = key_column_bytes(c, p, nbytes[from + i] - at[i]);
                if (w == 0) return RAISE(ctx, ERR_DATA_CORRUPTED, "index entry holds no valid key");
                next[i] = at[i] + (uint32_t)w;
                nan |= v != NULL && is_nan_key(c, p, w);
            }
            if (v != NULL && from == 0) {
                vec_reset(v, nan ? PHYS_STR : decoded_form(c));
                v->scale = c->scale;
            }
            if (v != NULL)
                for (int i = 0; i < m; i++)
                    TRY(decode_row(ctx, c, keys[from + i] + at[i], next[i] - at[i], from + i, v,
                                   arena));
            memcpy(at, next, sizeof(at[0]) * (size_t)m);
        }
    }
    return QN_OK;
}

/* ---- hashes ---- */

static inline uint64_t
hash_double(double d)
{
    return hash_u64(f64_bits(d) ^ HASH_K0);
}

/* Values whose digits fit a double's mantissa hash as the quotient: correctly rounded, it is the
 * same for every scale. Others are first brought to their smallest scale; a value that has a small
 * form thus reaches it from every form. */
static uint64_t
hash_numeric_int(int128 v, int scale)
{
    const int128 limit = (int128)1 << 53;
    if (v >= limit || v <= -limit || scale > 22) {
        while (scale > 0 && v % 10 == 0) v /= 10, scale--;
        if (v >= limit || v <= -limit || scale > 22)
            return hash_mix((uint64_t)v ^ HASH_K0,
                            (uint64_t)(v >> 64) ^ HASH_K1 ^ (uint64_t)scale << 32);
    }
    static const double pow10[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return hash_double((double)(int64_t)v / pow10[scale]);
}

/* Hash of the ascending key bytes: arrays, and numerics past 128 bits. */
static Status
hash_by_key(Ctx *ctx, const Value *v, StrBuf *scratch, uint64_t *out)
{
    KeyColumn c;
    scratch->nbytes = 0;
    TRY(key_column_init(ctx, &c, v->type, -1, false, false, true));
    TRY(put_value(ctx, &c, v, scratch, NULL));
    if (scratch->failed) return RAISE_OOM(ctx);
    *out = hash_bytes(scratch->data, scratch->nbytes);
    return QN_OK;
}

static Status
hash_numeric_str(Ctx *ctx, const Value *v, StrBuf *scratch, uint64_t *out)
{
    NumericView nv;
    int128 u;
    int scale;
    numeric_view(v, &nv);
    if (nv.kind == NUMERIC_FINITE && view_to_int(&nv, &u, &scale)) {
        *out = hash_numeric_int(u, scale);
        return QN_OK;
    }
    return hash_by_key(ctx, v, scratch, out);
}

static uint64_t
hash_bpchar(const Str *s)
{
    return hash_bytes(str_data(s), bpchar_bytes(s));
}

/* Applies X to each row's value; first column sets, later ones combine. */
#define HASH_LOOP(T, X)                                                                            \
    do {                                                                                           \
        const T *src = v->shape == VEC_DICT ? v->dict->data : v->data;                             \
        if (first && v->shape == VEC_FLAT && sel == NULL) {                                        \
            for (int i = 0; i < n; i++) {                                                          \
                const T *s = &src[i];                                                              \
                hashes[i] = (X);                                                                   \
            }                                                                                      \
        } else {                                                                                   \
            for (int i = 0; i < n; i++) {                                                          \
                const T *s = &src[vec_index(v, sel != NULL ? sel[i] : i)];                         \
                uint64_t h = (X);                                                                  \
                hashes[i] = first ? h : hash_combine(hashes[i], h);                                \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static Status
hash_values_slowly(Ctx *ctx, const Vector *v, const uint16_t *sel, int n, bool first,
                   uint64_t *hashes)
{
    Arena *arena = NULL;
    StrBuf scratch = {0};
    Status st = QN_OK;
    TRY_ALLOC(ctx, arena, arena_create(NULL, "hash keys"));
    scratch.arena = arena;
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        uint64_t h = 0;
        if (!vec_is_null(v, row)) {
            Value val = vec_get(v, row);
            TRY_GOTO(val.type == TYPE_NUMERIC ? hash_numeric_str(ctx, &val, &scratch, &h)
                                              : hash_by_key(ctx, &val, &scratch, &h));
        }
        hashes[i] = first ? h : hash_combine(hashes[i], h);
    }
done:
    arena_destroy(arena);
    return st;
}

static Status
hash_column(Ctx *ctx, const Vector *v, const uint16_t *sel, int n, bool first, uint64_t *hashes)
{
    if (v->type == TYPE_NUMERIC && v->phys != PHYS_STR) {
        int scale = v->scale;
        if (v->phys == PHYS_I64)
            HASH_LOOP(int64_t, hash_numeric_int(*s, scale));
        else
            HASH_LOOP(int128, hash_numeric_int(*s, scale));
        return QN_OK;
    }
    switch (type_encoding(v->type)) {
    case KEY_BOOL:
        HASH_LOOP(uint8_t, hash_u64(*s));
        break;
    case KEY_I16:
        HASH_LOOP(int16_t, hash_u64((uint64_t)(int64_t)*s));
        break;
    case KEY_I32:
        HASH_LOOP(int32_t, hash_u64((uint64_t)(int64_t)*s));
        break;
    case KEY_U32:
        HASH_LOOP(uint32_t, hash_u64(*s));
        break;
    case KEY_I64:
        HASH_LOOP(uint64_t, hash_u64(*s));
        break;
    case KEY_F32:
        HASH_LOOP(float, hash_double(*s));
        break;
    case KEY_F64:
        HASH_LOOP(double, hash_double(*s));
        break;
    case KEY_INTERVAL:
        HASH_LOOP(Interval, hash_numeric_int(interval_total(s), 0));
        break;
    case KEY_UUID:
        HASH_LOOP(Uuid, hash_bytes(s, 16));
        break;
    case KEY_TEXT:
    case KEY_BYTEA:
        HASH_LOOP(Str, hash_bytes(str_data(s), s->len));
        break;
    case KEY_BPCHAR:
        HASH_LOOP(Str, hash_bpchar(s));
        break;
    case KEY_JSONB:
        HASH_LOOP(Str, jsonb_hash_item(jsonb_root(s)));
        break;
    case KEY_NUMERIC:
    case KEY_ARRAY:
    case KEY_RECORD:
    case KEY_RANGE:
    case KEY_MULTIRANGE:
    case KEY_OWN:
        return hash_values_slowly(ctx, v, sel, n, first, hashes);
    default: {
        const TypeInfo *t = type_info(v->type);
        return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "could not identify a hash function for type %s",
                     t != NULL ? t->sql_name : "???");
    }
    }
    return QN_OK;
}

Status
key_hash(Ctx *ctx, Vector *const *cols, int ncols, const uint16_t *sel, int n, uint64_t *hashes)
{
    if (ncols == 0) memset(hashes, 0, sizeof(uint64_t) * (size_t)n);
    for (int col = 0; col < ncols; col++) {
        const Vector *v = cols[col];
        if (v->valid == NULL) {
            TRY(hash_column(ctx, v, sel, n, col == 0, hashes));
            continue;
        }
        /* NULL slots hold anything, so what the loop made of them is replaced. */
        uint64_t before[BATCH_ROWS];
        for (int from = 0; from < n; from += BATCH_ROWS) {
            int m = n - from < BATCH_ROWS ? n - from : BATCH_ROWS;
            uint16_t own[BATCH_ROWS];
            const uint16_t *s = sel != NULL ? sel + from : NULL;
            if (s == NULL && from > 0) {
                for (int i = 0; i < m; i++) own[i] = (uint16_t)(from + i);
                s = own;
            }
            if (col > 0) memcpy(before, hashes + from, sizeof(uint64_t) * (size_t)m);
            TRY(hash_column(ctx, v, s, m, col == 0, hashes + from));
            for (int i = 0; i < m; i++)
                if (vec_is_null(v, s != NULL ? s[i] : i))
                    hashes[from + i] = col == 0 ? HASH_NULL : hash_combine(before[i], HASH_NULL);
        }
    }
    return QN_OK;
}

Status
key_hash_value(Ctx *ctx, const Value *v, uint64_t *hash_out)
{
    if (v->is_null) {
        *hash_out = HASH_NULL;
        return QN_OK;
    }
    Value copy = *v;
    Vector vec = {
        .type = v->type, .phys = v->phys, .shape = VEC_CONST, .scale = v->scale, .data = &copy.b};
    return hash_column(ctx, &vec, NULL, 1, true, hash_out);
}
