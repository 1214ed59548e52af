/* numeric.h - the three forms of numeric, as other parts need to know them.
 *
 * PHYS_I64 and PHYS_I128 hold value * 10^scale, 0 <= scale <= NUMERIC_INT_SCALE_MAX; scale is the
 * display scale and the vector's (or Value's) own. PHYS_STR holds the variable form:
 *
 *     bytes 0-1   0x0000 positive, 0x4000 negative, plus the display scale (0 .. 16383);
 *                 0xC000 NaN, 0xD000 Infinity, 0xF000 -Infinity, with nothing after byte 3
 *     bytes 2-3   weight: the power of 10000 of the first digit
 *     then        digits in base 10000, two bytes each, most significant first; no zero at either
 * end, none for 0
 *
 * all in the machine's byte order and not aligned. Up to 16 decimal digits fit the inline Str. The
 * same value may be stored with different display scales and in different forms; compare with
 * numeric_cmp, hash with numeric_hash, look at digits with NumericView.
 *
 * numeric(p,s) columns are integers, and NaN cannot be one: storing it there is 0A000
 * (numeric_vec_convert); expressions carry it in the variable form.
 */
#ifndef TYPES_NUMERIC_H
#define TYPES_NUMERIC_H

#include "types/batch.h"

#define NUMERIC_INT_SCALE_MAX 38
#define NUMERIC_DSCALE_MAX 16383
#define NUMERIC_WEIGHT_MAX 32767
#define NUMERIC_BASE 10000

typedef enum NumericKind {
    NUMERIC_FINITE,
    NUMERIC_NEG_INF,
    NUMERIC_POS_INF,
    NUMERIC_NAN
} NumericKind;

/* A value of any form by its digits, canonical: equal values have equal kind, negative, weight and
 * digits. */
typedef struct NumericView {
    NumericKind kind;
    bool negative; /* false for zero */
    int dscale;
    int weight;  /* of the first digit; 0 for zero */
    int ndigits; /* base 10000, without zeros at either end; 0 for zero and what is not finite */
    const char *digits; /* two bytes each, in *room or in what the value points to */
    char room[24];
} NumericView;

void numeric_view(const Value *v, NumericView *out); /* v must outlive *out */
static inline int
numeric_view_digit(const NumericView *view, int i)
{
    int16_t d;
    memcpy(&d, view->digits + 2 * i, sizeof(d));
    return d;
}

/* The form that values of all these vectors can share without losing a display scale: an integer
 * form where all have one and their scales agree, else PHYS_STR. Vectors that are a constant NULL
 * have no say. */
void numeric_common_form(const Vector *const *vecs, int nvecs, Phys *phys_out, int16_t *scale_out);

/* Rows sel[0..n) of in (any shape and form) to the same rows of out (own buffers), FLAT in the form
 * and scale given. An integer form takes a value only if it is exact there: 0A000 for NaN, 22003
 * for infinities and what does not fit. NULL rows stay NULL. */
Status numeric_vec_convert(Ctx *ctx, Arena *arena, const Vector *in, const uint16_t *sel, int n,
                           Phys phys, int scale, Vector *out);
/* The same for one value. */
Status numeric_value_convert(Ctx *ctx, Arena *arena, const Value *in, Phys phys, int scale,
                             Value *out);
/* Rounds and checks against a typmod (22003 "numeric field overflow"); the result is in the
 * typmod's form, NaN in the variable one. typmod -1: *out = *in. */
Status numeric_value_coerce(Ctx *ctx, Arena *arena, const Value *in, int32_t typmod, Value *out);

/* Values: the narrowest integer form that holds v. */
Value numeric_value_int(int128 v, int scale);
/* Nearest double, as float8 reads the value's text; 22003 beyond its range. */
Status numeric_value_float8(Ctx *ctx, const Value *v, double *out);

#endif
