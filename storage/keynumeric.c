/* keynumeric.c - numerics in keys: by their digits, at a column's scale, and as bytes. */
#include "storage/keycodec_priv.h"

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
bool
key_view_to_int(const NumericView *nv, int128 *out, int *scale_out)
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
/* A numeric of any form at the column's scale. Without inexact it must be representable. */
Status
key_numeric_floor(Ctx *ctx, const KeyColumn *c, const Value *v, int128 *out, bool *inexact)
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
    TRY(key_numeric_floor(ctx, &c, v, out, NULL));
    *nan_out = *out == (wide ? INT128_MAX : (int128)NUM64_NAN);
    return QN_OK;
}

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

void
key_put_numeric_int(StrBuf *b, int128 v, int scale)
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

Status
key_put_numeric_str(Ctx *ctx, StrBuf *b, const Value *v)
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
