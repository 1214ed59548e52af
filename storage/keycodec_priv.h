/* keycodec_priv.h - what the files of the key codec share: widths, marks, class bytes, and the calls
 * from one file to another. */
#ifndef STORAGE_KEYCODEC_PRIV_H
#define STORAGE_KEYCODEC_PRIV_H

#include "storage/keycodec.h"
#include "types/numeric.h"

#define US_PER_DAY ((int128)86400000000)
#define NUM64_NAN INT64_MAX
#define NUM64_ABOVE (INT64_MAX - 1) /* a bound past every finite value */
#define SIGN128 ((uint128)1 << 127)

static const uint8_t key_enc_width[KEY_FIXED_COUNT] = {
    [KEY_BOOL] = 1, [KEY_I16] = 2,       [KEY_I32] = 4,   [KEY_U32] = 4,
    [KEY_I64] = 8,  [KEY_I128] = 16,     [KEY_NUM64] = 8, [KEY_F32] = 4,
    [KEY_F64] = 8,  [KEY_INTERVAL] = 16, [KEY_UUID] = 16,
};

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

enum { JSONB_KEY_STRING = 2, JSONB_KEY_NUMBER = 3, JSONB_KEY_ARRAY = 6, JSONB_KEY_OBJECT = 7 };

static inline uint8_t
key_null_mark(const KeyColumn *c)
{
    return c->nulls_first ? 0 : 2;
}

static inline uint64_t
key_f64_bits(double f)
{
    uint64_t u;
    f = f == 0 ? 0 : f;
    memcpy(&u, &f, 8);
    if (f != f) u = 0x7FF8000000000000ull;
    return u ^ ((uint64_t)((int64_t)u >> 63) | 0x8000000000000000ull);
}

static inline int128
key_interval_total(const Interval *v)
{
    return ((int128)v->months * 30 + v->days) * US_PER_DAY + v->us;
}

static inline void
key_put_u128(uint8_t *p, uint128 k)
{
    uint64_t hi = __builtin_bswap64((uint64_t)(k >> 64)), lo = __builtin_bswap64((uint64_t)k);
    memcpy(p, &hi, 8);
    memcpy(p + 8, &lo, 8);
}

static inline uint128
key_get_u128(const uint8_t *p)
{
    uint64_t hi, lo;
    memcpy(&hi, p, 8);
    memcpy(&lo, p + 8, 8);
    return (uint128)__builtin_bswap64(hi) << 64 | __builtin_bswap64(lo);
}

static inline uint32_t
key_bpchar_bytes(const Str *s)
{
    const char *p = str_data(s);
    uint32_t n = s->len;
    while (n > 0 && p[n - 1] == ' ') n--;
    return n;
}

/* Where a row's bytes go: a fixed stride, or a cursor a row that moves on. */
typedef struct KeyDest {
    uint8_t *base;
    size_t stride;     /* cursors == NULL */
    uint32_t *cursors; /* offsets from base */
} KeyDest;

/* The KeyEnc of a type's values of any typmod, -1 where they have no order. */
int key_type_encoding(Oid type);
/* The value bytes of a fixed-width column, without null bytes. */
Status key_write_fixed(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
                       const KeyDest *d);
/* One value that is not NULL, without null byte, appended. */
Status key_put_value(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b, bool *inexact);
/* The form of any numeric, appended: of unscaled / 10^scale, or of a value in variable form. */
void key_put_numeric_int(StrBuf *b, int128 v, int scale);
Status key_put_numeric_str(Ctx *ctx, StrBuf *b, const Value *v);
/* A numeric of any form at the column's scale, rounded toward minus infinity; without inexact it
 * must be representable. */
Status key_numeric_floor(Ctx *ctx, const KeyColumn *c, const Value *v, int128 *out, bool *inexact);
/* The value as an integer and the smallest scale that holds it; false where 128 bits are too few. */
bool key_view_to_int(const NumericView *nv, int128 *out, int *scale_out);

#endif
