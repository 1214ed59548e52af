/* numvar.h - numbers of any length for numeric: the arithmetic behind its variable form. Private to
 * numeric*.c.
 *
 * A NumVar is a decimal in base 10000 with a display scale; digits may have zeros at either end
 * until numvar_strip. Small ones live inside the struct, larger ones in the arena of the NumWork;
 * nothing is freed. A NumVar must not be copied by assignment (numvar_copy). Results may be stored
 * over operands.
 *
 * These functions know finite numbers only; NaN and infinities are the callers' business.
 */
#ifndef TYPES_NUMVAR_H
#define TYPES_NUMVAR_H

#include "types/function.h"
#include "types/numeric.h"

#define NUMVAR_SMALL 40

typedef struct NumVar {
    int16_t *digits; /* most significant first; value = sum digits[i] * 10000^(weight - i) */
    int ndigits, cap;
    int weight;
    int dscale; /* decimal places shown; digits beyond them are zero once rounded */
    NumericKind kind;
    bool negative;
    int16_t small[NUMVAR_SMALL];
} NumVar;

typedef struct NumWork {
    Ctx *ctx;
    Arena *arena; /* digits of large numbers */
} NumWork;

#define NUMVAR_MAX_DISPLAY_SCALE 1000
#define NUMVAR_MIN_SIG_DIGITS 16
#define NUMVAR_MAX_RESULT_SCALE 2000

static inline void
numvar_init(NumVar *v) /* zero */
{
    v->digits = v->small;
    v->ndigits = 0;
    v->cap = NUMVAR_SMALL;
    v->weight = 0;
    v->dscale = 0;
    v->kind = NUMERIC_FINITE;
    v->negative = false;
}
/* Room for n digits; what was there is lost. */
Status numvar_reserve(NumWork *w, NumVar *v, int n);
Status numvar_copy(NumWork *w, const NumVar *a, NumVar *out);
void numvar_strip(NumVar *v); /* zeros off both ends; zero gets weight 0 and no sign */
static inline bool
numvar_is_zero(const NumVar *v)
{
    return v->ndigits == 0;
} /* of a stripped one */
static inline bool /* of a stripped one */
numvar_is_integer(const NumVar *v)
{
    return v->ndigits <= v->weight + 1 || v->ndigits == 0;
}

Status numvar_from_i128(NumWork *w, int128 v, int scale, NumVar *out);
Status numvar_from_text(NumWork *w, const char *text, size_t nbytes, NumVar *out,
                        const char **end_out, bool *ok_out);
Status numvar_from_value(NumWork *w, const Value *v, NumVar *out);
Status numvar_from_str(NumWork *w, const Str *s, NumVar *out);
/* v * 10^scale if it is an integer that fits; else false. v is stripped. */
bool numvar_to_i128(const NumVar *v, int scale, int128 *out);
double numvar_to_double(const NumVar *v); /* approximate: a few units in the last place */
/* To the variable form; 22003 "value overflows numeric format". */
Status numvar_pack(NumWork *w, const NumVar *v, Str *out);
/* Text with dscale decimal places. */
void numvar_format(const NumVar *v, StrBuf *b);

int numvar_cmp_abs(const NumVar *a, const NumVar *b);
int numvar_cmp(const NumVar *a, const NumVar *b);
Status numvar_add(NumWork *w, const NumVar *a, const NumVar *b, NumVar *out);
Status numvar_sub(NumWork *w, const NumVar *a, const NumVar *b, NumVar *out);
/* Rounded to rscale; exact where rscale is not less than the operands' dscales together. */
Status numvar_mul(NumWork *w, const NumVar *a, const NumVar *b, int rscale, NumVar *out);
/* Rounded, or cut off, at rscale; b is not zero. */
Status numvar_div(NumWork *w, const NumVar *a, const NumVar *b, int rscale, bool round,
                  NumVar *out);
Status numvar_mod(NumWork *w, const NumVar *a, const NumVar *b, NumVar *out);
Status numvar_sqrt(NumWork *w, const NumVar *a, int rscale, NumVar *out);
/* In place, half away from zero or towards zero; rscale may be negative; sets dscale to rscale, at
 * least 0. */
Status numvar_round(NumWork *w, NumVar *v, int rscale);
void numvar_trunc(NumVar *v, int rscale);
Status numvar_floor(NumWork *w, NumVar *v);
Status numvar_ceil(NumWork *w, NumVar *v);
int numvar_div_scale(const NumVar *a, const NumVar *b); /* places PostgreSQL gives a quotient */

/* Of a short one (up to four digits, so that it lies inside the Str): its value as an integer at
 * its own display scale. False for what is longer, does not fit, or is not finite. */
static inline bool
numeric_str_int64(const Str *s, int64_t *out, int *dscale)
{
    uint16_t head;
    int16_t weight, digit[4];
    memcpy(&head, s->inl, 2);
    memcpy(&weight, s->inl + 2, 2);
    if (s->len < 4 || s->len > STR_INLINE_MAX || head >= 0x8000) return false;
    memcpy(digit, s->inl + 4, 8);
    int n = (int)(s->len - 4) / 2;
    int64_t v = 0;
    for (int i = 0; i < n; i++) v = v * NUMERIC_BASE + digit[i];
    *dscale = head & 0x3FFF;
    int shift = 4 * (weight - n + 1) + *dscale; /* from the last digit's place to the scale's */
    if (n == 0) shift = 0;
    if (shift > 18 || shift < -3) return false;
    if (shift < 0)
        v /= num_pow10_i64[-shift]; /* zeros, past the display scale */
    else if (num_mul_overflows(v, num_pow10_i64[shift], &v))
        return false;
    *out = (head & 0x4000) != 0 ? -v : v;
    return true;
}

/* Room for arguments in variable form seen as integers of one scale. */
typedef struct NarrowArgs {
    Vector vecs[2];
    Vector *args[FN_MAX_ARGS];
    int64_t data[2][BATCH_ROWS];
} NarrowArgs;

/* Those of the call's first nargs (up to 2) arguments that are in variable form, as 64-bit
 * integers, where every value is short and a column's display scales agree: then the rest goes as
 * fast as for numeric(p,s). False: they do not, or none was in variable form. *inner is the call
 * with the arguments exchanged. */
bool numvar_narrow(const KernelCall *call, int nargs, NarrowArgs *room, KernelCall *inner);
bool numvar_narrow_vector(const Vector *v, const uint16_t *sel, int n, int64_t *data, Vector *out);
/* The variable form of v / 10^scale. */
Status numvar_pack_int(NumWork *w, int128 v, int scale, Str *out);

/* numeric_math.c. Scales and errors are PostgreSQL's. */
Status numvar_exp(NumWork *w, const NumVar *x, int rscale, NumVar *out);
Status numvar_ln(NumWork *w, const NumVar *x, int rscale, NumVar *out);
/* Runs a function of one or two numerics of any form over the rows; its scratch is freed row by
 * row. */
Status numvar_map(KernelCall *call, Status (*of)(NumWork *w, const NumVar *args, NumVar *out));

#endif
