/* numeric_math.c - roots, powers, exponentials, logarithms and factorials of numeric. Each picks
 * the number of decimal places as PostgreSQL does (about 16 significant digits, and no fewer places
 * than its arguments show) and computes with about ten guard digits, so that the rounding at the
 * end is right. */
#include "types/kernel.h"
#include "types/numvar.h"

#include <math.h>
#include <stdlib.h>

#define GUARD_DIGITS 10
#define LOG10_E 0.434294481903252
#define LOG10_2 0.301029995663981

static Status
raise_overflow(Ctx *ctx)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
}

static int
at_least(int v, int min)
{
    return v > min ? v : min;
}

/* The display scale of a result: at least the arguments' and 0, at most the limit. */
static int
result_scale(int rscale, int dscale)
{
    rscale = at_least(at_least(rscale, dscale), 0);
    return rscale < NUMVAR_MAX_DISPLAY_SCALE ? rscale : NUMVAR_MAX_DISPLAY_SCALE;
}

static Status
set_int(NumWork *w, NumVar *v, int x)
{
    numvar_init(v);
    return numvar_from_i128(w, x, 0, v);
}

/* e^x for |x| by halving it below 0.01, the power series, and squaring back; e^-x is the
 * reciprocal. */
Status
numvar_exp(NumWork *w, const NumVar *x, int rscale, NumVar *out)
{
    double v = fabs(numvar_to_double(x));
    NumVar y, term, sum, n;
    bool negative = x->negative;
    int halvings = 0;
    if (v >= NUMVAR_MAX_RESULT_SCALE * 3) {
        if (!negative) return raise_overflow(w->ctx);
        TRY(set_int(w, &sum, 0));
        sum.dscale = rscale;
        return numvar_copy(w, &sum, out);
    }
    int weight10 = (int)(v * LOG10_E);
    for (; v > 0.01; v /= 2) halvings++;
    int digits = at_least(negative ? rscale - weight10 : rscale + weight10, 0) + GUARD_DIGITS +
                 (int)(halvings * LOG10_2);
    numvar_init(&y);
    numvar_init(&term);
    TRY(set_int(w, &n, 1 << halvings));
    TRY(numvar_div(w, x, &n, at_least(digits + weight10, x->dscale), true, &y));
    y.negative = false;
    TRY(set_int(w, &sum, 1));
    TRY(set_int(w, &term, 1));
    for (int i = 1; !numvar_is_zero(&term); i++) {
        TRY(set_int(w, &n, i));
        TRY(numvar_mul(w, &term, &y, digits + 4, &term));
        TRY(numvar_div(w, &term, &n, digits + 4, true, &term));
        TRY(numvar_add(w, &sum, &term, &sum));
    }
    for (; halvings > 0; halvings--)
        TRY(numvar_mul(w, &sum, &sum, at_least(digits + 4 - sum.weight * 8, 0), &sum));
    if (negative) {
        TRY(set_int(w, &n, 1));
        return numvar_div(w, &n, &sum, rscale, true, out);
    }
    TRY(numvar_round(w, &sum, rscale));
    return numvar_copy(w, &sum, out);
}

/* ln x by taking square roots down to about 1 and 2 * artanh((x - 1) / (x + 1)); x below 0.9 by its
 * reciprocal. */
Status
numvar_ln(NumWork *w, const NumVar *x, int rscale, NumVar *out)
{
    NumVar y, limit, one, z, square, power, sum, n;
    NumVar *vars[] = {&y, &z, &square, &power, &sum, &n};
    int doublings = 1, digits = rscale + GUARD_DIGITS;
    bool negate = false;
    for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) numvar_init(vars[i]);
    TRY(set_int(w, &one, 1));
    numvar_init(&limit);
    TRY(numvar_from_i128(w, 9, 1, &limit));
    /* Square roots to come: |ln x| <= 2.3 * 4 * (|weight| + 1), halved until below 0.1. */
    for (int bound = 100 * (abs(x->weight) + 1); bound > 0; bound /= 2) digits++;
    TRY(numvar_copy(w, x, &y));
    if (numvar_cmp(x, &limit) < 0) {
        negate = true;
        TRY(numvar_div(w, &one, x, at_least(digits + (x->weight + 1) * 4, 0), true, &y));
    }
    TRY(numvar_from_i128(w, 11, 1, &limit));
    while (numvar_cmp(&y, &limit) > 0) {
        TRY(numvar_sqrt(w, &y, digits, &y));
        doublings++;
    }
    TRY(numvar_sub(w, &y, &one, &z));
    TRY(numvar_add(w, &y, &one, &sum));
    TRY(numvar_div(w, &z, &sum, digits, true, &z));
    TRY(numvar_mul(w, &z, &z, digits, &square));
    TRY(numvar_copy(w, &z, &sum));
    TRY(numvar_copy(w, &z, &power));
    for (int i = 3; !numvar_is_zero(&power); i += 2) {
        TRY(numvar_mul(w, &power, &square, digits, &power));
        TRY(set_int(w, &n, i));
        TRY(numvar_div(w, &power, &n, digits, true, &z));
        TRY(numvar_add(w, &sum, &z, &sum));
    }
    TRY(numvar_from_i128(w, (int128)1 << doublings, 0, &n));
    TRY(numvar_mul(w, &sum, &n, rscale, &sum));
    if (negate && sum.ndigits > 0) sum.negative = !sum.negative;
    sum.dscale = at_least(rscale, 0);
    return numvar_copy(w, &sum, out);
}

/* The power of ten of ln x, roughly; 0 where x has no logarithm. */
static Status
ln_weight(NumWork *w, const NumVar *x, int *out)
{
    NumVar low, high, d;
    numvar_init(&low);
    numvar_init(&high);
    numvar_init(&d);
    *out = 0;
    if (x->ndigits == 0 || x->negative) return QN_OK;
    TRY(numvar_from_i128(w, 9, 1, &low));
    TRY(numvar_from_i128(w, 11, 1, &high));
    if (numvar_cmp(x, &low) >= 0 && numvar_cmp(x, &high) <= 0) { /* ln(1 + d) is about d */
        TRY(set_int(w, &low, 1));
        TRY(numvar_sub(w, x, &low, &d));
        if (d.ndigits > 0) *out = d.weight * 4 + (int)log10(d.digits[0]);
        return QN_OK;
    }
    int digits = x->digits[0], weight10 = x->weight * 4;
    if (x->ndigits > 1) {
        digits = digits * NUMERIC_BASE + x->digits[1];
        weight10 -= 4;
    }
    *out = (int)log10(fabs(log((double)digits) + weight10 * 2.302585092994046));
    return QN_OK;
}

static Status
check_logarithm(Ctx *ctx, const NumVar *x)
{
    if (x->kind == NUMERIC_NAN) return QN_OK;
    if (x->negative)
        return RAISE(ctx, ERR_INVALID_ARGUMENT_FOR_LOG,
                     "cannot take logarithm of a negative number");
    if (x->kind == NUMERIC_FINITE && x->ndigits == 0)
        return RAISE(ctx, ERR_INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero");
    return QN_OK;
}

static void
set_kind(NumVar *v, NumericKind kind)
{
    numvar_init(v);
    v->kind = kind;
    v->negative = kind == NUMERIC_NEG_INF;
}

static Status
sqrt_of(NumWork *w, const NumVar *x, NumVar *out)
{
    if (x->kind != NUMERIC_NAN && x->negative)
        return RAISE(w->ctx, ERR_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "cannot take square root of a negative number");
    if (x->kind != NUMERIC_FINITE) return numvar_copy(w, x, out);
    int weight = (x->weight + 1) * 4 / 2 - 1; /* of the root, in decimal digits */
    return numvar_sqrt(w, x, result_scale(NUMVAR_MIN_SIG_DIGITS - weight, x->dscale), out);
}

static Status
exp_of(NumWork *w, const NumVar *x, NumVar *out)
{
    if (x->kind == NUMERIC_NEG_INF) return set_int(w, out, 0);
    if (x->kind != NUMERIC_FINITE) return numvar_copy(w, x, out);
    double v = numvar_to_double(x) * LOG10_E;
    if (v > NUMVAR_MAX_RESULT_SCALE) v = NUMVAR_MAX_RESULT_SCALE;
    if (v < -NUMVAR_MAX_RESULT_SCALE) v = -NUMVAR_MAX_RESULT_SCALE;
    return numvar_exp(w, x, result_scale(NUMVAR_MIN_SIG_DIGITS - (int)v, x->dscale), out);
}

static Status
ln_of(NumWork *w, const NumVar *x, NumVar *out)
{
    int weight;
    TRY(check_logarithm(w->ctx, x));
    if (x->kind != NUMERIC_FINITE) return numvar_copy(w, x, out);
    TRY(ln_weight(w, x, &weight));
    return numvar_ln(w, x, result_scale(NUMVAR_MIN_SIG_DIGITS - weight, x->dscale), out);
}

static Status
log_of(NumWork *w, const NumVar *args, NumVar *out)
{
    const NumVar *base = &args[0], *x = &args[1];
    NumVar ln_base, ln_x;
    int base_weight, x_weight;
    if (base->kind == NUMERIC_NAN || x->kind == NUMERIC_NAN) {
        set_kind(out, NUMERIC_NAN);
        return QN_OK;
    }
    bool special = base->kind != NUMERIC_FINITE || x->kind != NUMERIC_FINITE;
    if (special && (base->negative || x->negative))
        return RAISE(w->ctx, ERR_INVALID_ARGUMENT_FOR_LOG,
                     "cannot take logarithm of a negative number");
    TRY(check_logarithm(w->ctx, base));
    TRY(check_logarithm(w->ctx, x));
    if (base->kind == NUMERIC_POS_INF) {
        if (x->kind == NUMERIC_POS_INF)
            set_kind(out, NUMERIC_NAN);
        else
            numvar_init(out);
        return QN_OK;
    }
    if (x->kind == NUMERIC_POS_INF) {
        set_kind(out, NUMERIC_POS_INF);
        return QN_OK;
    }
    TRY(ln_weight(w, base, &base_weight));
    TRY(ln_weight(w, x, &x_weight));
    int weight = x_weight - base_weight;
    int rscale = result_scale(NUMVAR_MIN_SIG_DIGITS - weight, at_least(base->dscale, x->dscale));
    numvar_init(&ln_base);
    numvar_init(&ln_x);
    TRY(numvar_ln(w, base, at_least(rscale + weight - base_weight + GUARD_DIGITS, 0), &ln_base));
    TRY(numvar_ln(w, x, at_least(rscale + weight - x_weight + GUARD_DIGITS, 0), &ln_x));
    if (numvar_is_zero(&ln_base)) return RAISE(w->ctx, ERR_DIVISION_BY_ZERO, "division by zero");
    return numvar_div(w, &ln_x, &ln_base, rscale, true, out);
}

/* base^n by squaring, with as many digits as the result will show. */
static Status
power_int(NumWork *w, const NumVar *base, int n, int exp_dscale, NumVar *out)
{
    double f = 0; /* decimal weight of the result */
    if (base->ndigits != 0) {
        double lead = base->digits[0];
        int p = base->weight * 4;
        for (int i = 1; i < base->ndigits && i * 4 < 16; i++, p -= 4)
            lead = lead * NUMERIC_BASE + base->digits[i];
        f = (log10(lead) + p) * n;
    }
    int rscale = result_scale(NUMVAR_MIN_SIG_DIGITS, at_least(base->dscale, exp_dscale));
    if (f > (NUMERIC_WEIGHT_MAX + 1.0) * 4) return raise_overflow(w->ctx);
    if (f + 1 < -rscale) {
        numvar_init(out);
        out->dscale = rscale;
        return QN_OK;
    }
    NumVar product, square, one;
    TRY(set_int(w, &one, 1));
    if (n == 0) {
        one.dscale = rscale;
        return numvar_copy(w, &one, out);
    }
    if (base->ndigits == 0) {
        if (n < 0) return RAISE(w->ctx, ERR_DIVISION_BY_ZERO, "division by zero");
        numvar_init(out);
        out->dscale = rscale;
        return QN_OK;
    }
    if (n == -1) return numvar_div(w, &one, base, rscale, true, out);
    int digits = at_least(1 + rscale + (int)f, 1) + (int)log(fabs((double)n)) + GUARD_DIGITS;
    unsigned left = n < 0 ? 0 - (unsigned)n : (unsigned)n;
    numvar_init(&square);
    TRY(set_int(w, &product, 1));
    TRY(numvar_copy(w, base, &square));
    for (;;) {
        if (left & 1) {
            int exact = product.dscale + square.dscale;
            int scale = at_least(digits - (product.weight + square.weight) * 4, 0);
            TRY(numvar_mul(w, &product, &square, scale < exact ? scale : exact, &product));
        }
        left >>= 1;
        if (left == 0) break;
        int scale = at_least(digits - square.weight * 8, 0);
        TRY(numvar_mul(w, &square, &square, scale < 2 * square.dscale ? scale : 2 * square.dscale,
                       &square));
        if (square.weight > NUMERIC_WEIGHT_MAX || product.weight > NUMERIC_WEIGHT_MAX) {
            if (n > 0) return raise_overflow(w->ctx);
            numvar_init(out);
            out->dscale = rscale;
            return QN_OK;
        }
    }
    if (n < 0) {
        if (product.ndigits == 0) return raise_overflow(w->ctx);
        return numvar_div(w, &one, &product, rscale, true, out);
    }
    TRY(numvar_round(w, &product, rscale));
    product.dscale = rscale;
    return numvar_copy(w, &product, out);
}

static Status
power_finite(NumWork *w, const NumVar *base, const NumVar *exp, NumVar *out)
{
    int128 n;
    NumVar positive, ln_base, product;
    int weight;
    if (numvar_is_integer(exp) && numvar_to_i128(exp, 0, &n) && n >= INT32_MIN && n <= INT32_MAX)
        return power_int(w, base, (int)n, exp->dscale, out);
    if (base->ndigits == 0) {
        numvar_init(out);
        out->dscale = NUMVAR_MIN_SIG_DIGITS;
        return QN_OK;
    }
    bool odd = exp->ndigits > 0 && exp->ndigits == exp->weight + 1 &&
               (exp->digits[exp->ndigits - 1] & 1) != 0;
    numvar_init(&positive);
    numvar_init(&ln_base);
    numvar_init(&product);
    TRY(numvar_copy(w, base, &positive));
    positive.negative = false;
    TRY(ln_weight(w, &positive, &weight));
    int scale = at_least(8 - weight, 0); /* about 8 digits, to learn the result's size */
    TRY(numvar_ln(w, &positive, scale, &ln_base));
    TRY(numvar_mul(w, &ln_base, exp, scale, &product));
    double v = numvar_to_double(&product);
    if (fabs(v) > NUMVAR_MAX_RESULT_SCALE * 3.01) {
        if (v > 0) return raise_overflow(w->ctx);
        numvar_init(out);
        out->dscale = NUMVAR_MAX_DISPLAY_SCALE;
        return QN_OK;
    }
    v *= LOG10_E;
    int rscale = result_scale(NUMVAR_MIN_SIG_DIGITS - (int)v, at_least(base->dscale, exp->dscale));
    int digits = at_least(rscale + (int)v, 0);
    scale = at_least(digits - weight + 8, 0) + at_least(exp->weight * 4, 0);
    TRY(numvar_ln(w, &positive, scale, &ln_base));
    TRY(numvar_mul(w, &ln_base, exp, scale, &product));
    TRY(numvar_exp(w, &product, rscale, out));
    if (base->negative && odd && out->ndigits > 0) out->negative = true;
    return QN_OK;
}

static int
sign_of(const NumVar *v)
{
    return v->negative ? -1 : v->kind == NUMERIC_FINITE && v->ndigits == 0 ? 0 : 1;
}

static bool
is_one(const NumVar *v, bool negative)
{
    return v->kind == NUMERIC_FINITE && v->ndigits == 1 && v->weight == 0 && v->digits[0] == 1 &&
           v->negative == negative;
}

static Status
power_of(NumWork *w, const NumVar *args, NumVar *out)
{
    const NumVar *base = &args[0], *exp = &args[1];
    if (base->kind == NUMERIC_NAN || exp->kind == NUMERIC_NAN) {
        bool one = base->kind == NUMERIC_NAN ? exp->kind == NUMERIC_FINITE && exp->ndigits == 0
                                             : is_one(base, false);
        if (one) return set_int(w, out, 1);
        set_kind(out, NUMERIC_NAN);
        return QN_OK;
    }
    int base_sign = sign_of(base), exp_sign = sign_of(exp);
    if (base_sign == 0 && exp_sign < 0)
        return RAISE(w->ctx, ERR_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "zero raised to a negative power is undefined");
    if (base_sign < 0 && exp->kind == NUMERIC_FINITE && !numvar_is_integer(exp))
        return RAISE(w->ctx, ERR_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "a negative number raised to a non-integer power yields a complex result");
    if (base->kind == NUMERIC_FINITE && exp->kind == NUMERIC_FINITE)
        return power_finite(w, base, exp, out);
    if (is_one(base, false) || exp_sign == 0) return set_int(w, out, 1);
    if (base_sign == 0) return set_int(w, out, 0);
    if (exp->kind != NUMERIC_FINITE) {
        if (is_one(base, true)) return set_int(w, out, 1);
        bool large = base->kind != NUMERIC_FINITE || base->weight > 0 ||
                     (base->weight == 0 && base->digits[0] >= 1);
        if (large != (exp_sign > 0)) return set_int(w, out, 0);
        set_kind(out, NUMERIC_POS_INF);
        return QN_OK;
    }
    if (exp_sign < 0) return set_int(w, out, 0);
    bool odd = exp->ndigits == exp->weight + 1 && (exp->digits[exp->ndigits - 1] & 1) != 0;
    set_kind(out, base_sign < 0 && odd ? NUMERIC_NEG_INF : NUMERIC_POS_INF);
    return QN_OK;
}

/* Kernels: a value at a time. Scratch digits go to an arena of their own, emptied after each row.
 */

Status
numvar_map(KernelCall *call, Status (*of)(NumWork *w, const NumVar *args, NumVar *out))
{
    NumWork w = {call->ctx, arena_create(call->arena, "numeric")}, keep = {call->ctx, call->arena};
    NumVar args[2], r;
    Status st = QN_OK;
    if (w.arena == NULL) return RAISE_OOM(call->ctx);
    assert(call->nargs <= 2);
    out_set_form(call, PHYS_STR, 0);
    ROWS(call, i)
    {
        numvar_init(&r);
        for (int a = 0; a < call->nargs; a++) {
            Value v = vec_get(call->args[a], i);
            TRY_GOTO(numvar_from_value(&w, &v, &args[a]));
        }
        TRY_GOTO(of(&w, args, &r));
        TRY_GOTO(numvar_pack(&keep, &r, &OUT(call, Str, i)));
        arena_reset(w.arena);
    }
done:
    arena_destroy(w.arena);
    return st;
}

static Status
log10_of(NumWork *w, const NumVar *x, NumVar *out)
{
    NumVar args[2];
    TRY(set_int(w, &args[0], 10));
    numvar_init(&args[1]);
    TRY(numvar_copy(w, x, &args[1]));
    return log_of(w, args, out);
}

#define NUMERIC_KERNEL(NAME, OF)                                                                   \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        return numvar_map(call, OF);                                                               \
    }

NUMERIC_KERNEL(numeric_sqrt, sqrt_of)
NUMERIC_KERNEL(numeric_exp, exp_of)
NUMERIC_KERNEL(numeric_ln, ln_of)
NUMERIC_KERNEL(numeric_log10, log10_of)
NUMERIC_KERNEL(numeric_log, log_of)
NUMERIC_KERNEL(numeric_power, power_of)

/* n! by small factors in one buffer of its final size. */
static Status
factorial(NumWork *w, int n, NumVar *out)
{
    int sign, cap = (int)(lgamma_r(n + 1.0, &sign) / (4 * log(10.0))) + 3, ndigits = 1;
    numvar_init(out);
    TRY(numvar_reserve(w, out, cap));
    memset(out->digits, 0, (size_t)cap * sizeof(int16_t));
    out->digits[cap - 1] = 1;
    for (int k = 2; k <= n;) {
        uint64_t factor = (uint64_t)k++, carry = 0;
        while (k <= n && factor < 100000000) factor *= (uint64_t)k++; /* several at once */
        for (int i = cap - 1; i >= cap - ndigits || carry != 0; i--) {
            carry += (uint64_t)out->digits[i] * factor;
            out->digits[i] = (int16_t)(carry % NUMERIC_BASE);
            carry /= NUMERIC_BASE;
            if (i < cap - ndigits) ndigits++;
        }
        TRY(ctx_check_stop(w->ctx));
    }
    out->ndigits = cap;
    out->weight = cap - 1;
    numvar_strip(out);
    return QN_OK;
}

Status
fn_numeric_fac(KernelCall *call)
{
    NumWork w = {call->ctx, call->arena};
    out_set_form(call, PHYS_STR, 0);
    ROWS(call, i)
    {
        int64_t n = ARG(call, 0, int64_t, i);
        NumVar r;
        if (n < 0)
            return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE,
                         "factorial of a negative number is undefined");
        if (n > 32177) return raise_overflow(call->ctx);
        TRY(factorial(&w, (int)n, &r));
        TRY(numvar_pack(&w, &r, &OUT(call, Str, i)));
    }
    return QN_OK;
}
