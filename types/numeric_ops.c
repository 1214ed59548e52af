/* numeric_ops.c - numeric arithmetic and comparison over batches.
 *
 * Each operation tries the forms from fast to general: int64 with one scale (a SIMD loop, overflow
 * looked at once a batch), int128, and digits. The result's display scale is PostgreSQL's in each,
 * so the form never shows. A constant is brought to the column's scale once. */
#include "types/kernel.h"
#include "types/numvar.h"
#include "types/type_io.h"

#include <assert.h>

/* Operands as integers of one scale. */
typedef struct IntPair {
    Vector a, b; /* shallow copies; a constant may point to rescaled below */
    int64_t rescaled[2];
    int scale;
} IntPair;

static bool
rescale_const(Vector *v, int scale, int64_t *room)
{
    int64_t x;
    if (v->shape != VEC_CONST || vec_is_null(v, 0) || scale < v->scale || scale - v->scale > 18)
        return false;
    memcpy(&x, v->data, sizeof(x));
    if (num_mul_overflows(x, num_pow10_i64[scale - v->scale], room)) return false;
    v->data = room;
    v->scale = (int16_t)scale;
    return true;
}

/* True when both are int64 and have, or a constant could be given, the other's scale. */
static bool
pair_int64(const Vector *a, const Vector *b, IntPair *out)
{
    if (a->phys != PHYS_I64 || b->phys != PHYS_I64) return false;
    out->a = *a;
    out->b = *b;
    if (a->scale != b->scale && !rescale_const(&out->a, b->scale, &out->rescaled[0]) &&
        !rescale_const(&out->b, a->scale, &out->rescaled[1]))
        return false;
    out->scale = out->a.scale;
    return true;
}

static int128
load_int(const Vector *v, int i)
{
    int at = arg_at(v, i);
    return v->phys == PHYS_I64 ? ((const int64_t *)v->data)[at] : ((const int128 *)v->data)[at];
}

static bool
both_int(const KernelCall *call)
{
    return call->args[0]->phys != PHYS_STR && call->args[1]->phys != PHYS_STR;
}

static bool
both_int64(const KernelCall *call)
{
    return call->args[0]->phys == PHYS_I64 && call->args[1]->phys == PHYS_I64;
}

static int
larger_scale(const KernelCall *call)
{
    int a = call->args[0]->scale, b = call->args[1]->scale;
    return a > b ? a : b;
}

/* Two integers to one, with scales; false where 127 bits are too few. */
typedef bool (*SmallOp)(int64_t x, int x_scale, int64_t y, int y_scale, int128 *out, int *scale);

static bool
load_small(const Vector *v, int i, int64_t *out, int *scale)
{
    if (v->phys == PHYS_STR)
        return numeric_str_int64(&((const Str *)v->data)[arg_at(v, i)], out, scale);
    if (v->phys != PHYS_I64) return false;
    *out = ((const int64_t *)v->data)[arg_at(v, i)];
    *scale = v->scale;
    return true;
}

/* The general form: each row by its digits, scratch included in the batch's arena; short operands
 * by small where there is one. */
static Status
by_rows(KernelCall *call, Status (*of)(NumWork *w, const NumVar *args, NumVar *out), SmallOp small)
{
    NumWork w = {call->ctx, call->arena};
    NumVar args[2], r;
    out_set_form(call, PHYS_STR, 0);
    ROWS(call, i)
    {
        int64_t x, y;
        int x_scale, y_scale, scale;
        int128 u;
        if (small != NULL && load_small(call->args[0], i, &x, &x_scale) &&
            load_small(call->args[1], i, &y, &y_scale) &&
            small(x, x_scale, y, y_scale, &u, &scale)) {
            TRY(numvar_pack_int(&w, u, scale, &OUT(call, Str, i)));
            continue;
        }
        numvar_init(&r);
        for (int a = 0; a < call->nargs && a < 2; a++) {
            Value v = vec_get(call->args[a], i);
            TRY(numvar_from_value(&w, &v, &args[a]));
        }
        TRY(of(&w, args, &r));
        TRY(numvar_pack(&w, &r, &OUT(call, Str, i)));
    }
    return QN_OK;
}

static Status
by_digits(KernelCall *call, Status (*of)(NumWork *w, const NumVar *args, NumVar *out))
{
    return by_rows(call, of, NULL);
}

static bool
add_small(int64_t x, int x_scale, int64_t y, int y_scale, int128 *out, int *scale)
{
    *scale = x_scale > y_scale ? x_scale : y_scale;
    if (*scale - x_scale > 18 || *scale - y_scale > 18) return false;
    *out =
        (int128)x * num_pow10_i64[*scale - x_scale] + (int128)y * num_pow10_i64[*scale - y_scale];
    return true;
}

static bool
sub_small(int64_t x, int x_scale, int64_t y, int y_scale, int128 *out, int *scale)
{
    return y != INT64_MIN && add_small(x, x_scale, -y, y_scale, out, scale);
}

static bool
mul_small(int64_t x, int x_scale, int64_t y, int y_scale, int128 *out, int *scale)
{
    *scale = x_scale + y_scale;
    *out = (int128)x * y;
    return *scale <= NUMERIC_DSCALE_MAX;
}

static void
set_kind(NumVar *v, NumericKind kind)
{
    v->kind = kind;
    v->negative = kind == NUMERIC_NEG_INF;
}

static bool
is_finite(const NumVar *v)
{
    return v->kind == NUMERIC_FINITE;
}

/* Sum and difference. */

static Status
sum_of(NumWork *w, const NumVar *a, const NumVar *b, bool subtract, NumVar *out)
{
    if (is_finite(a) && is_finite(b))
        return subtract ? numvar_sub(w, a, b, out) : numvar_add(w, a, b, out);
    NumericKind second = !subtract || is_finite(b)    ? b->kind
                         : b->kind == NUMERIC_POS_INF ? NUMERIC_NEG_INF
                         : b->kind == NUMERIC_NEG_INF ? NUMERIC_POS_INF
                                                      : NUMERIC_NAN;
    if (is_finite(a))
        set_kind(out, second);
    else if (is_finite(b) || a->kind == second)
        set_kind(out, a->kind);
    else
        set_kind(out, NUMERIC_NAN);
    return QN_OK;
}

static Status
add_of(NumWork *w, const NumVar *args, NumVar *out)
{
    return sum_of(w, &args[0], &args[1], false, out);
}

static Status
sub_of(NumWork *w, const NumVar *args, NumVar *out)
{
    return sum_of(w, &args[0], &args[1], true, out);
}

/* int64 operands of different scales, or whose sum needs more: 127 bits hold it as long as the
 * factor is within 10^18. Returns whether every result fits int64; the rows are stored in that
 * width or, wide, in 128 bits. */
static bool
sum_scaled(KernelCall *call, bool subtract, bool wide)
{
    const Vector *a = call->args[0], *b = call->args[1];
    int scale = larger_scale(call);
    int128 fa = num_pow10_i128(scale - a->scale), fb = num_pow10_i128(scale - b->scale);
    bool bad = false;
    if (subtract) fb = -fb;
    ROWS(call, i)
    {
        int128 r = load_int(a, i) * fa + load_int(b, i) * fb;
        if (wide) {
            OUT(call, int128, i) = r;
        } else {
            OUT(call, int64_t, i) = (int64_t)r;
            bad |= r != (int64_t)r;
        }
    }
    return !bad;
}

/* Operands of which one is int128: every step may overflow. */
static bool
sum_int128(KernelCall *call, bool subtract)
{
    const Vector *a = call->args[0], *b = call->args[1];
    int scale = larger_scale(call);
    int128 fa = num_pow10_i128(scale - a->scale), fb = num_pow10_i128(scale - b->scale);
    bool bad = false;
    ROWS(call, i)
    {
        int128 x, y;
        bad |= num_mul_overflows(load_int(a, i), fa, &x);
        bad |= num_mul_overflows(load_int(b, i), fb, &y);
        bad |= subtract ? num_sub_overflows(x, y, &x) : num_add_overflows(x, y, &x);
        OUT(call, int128, i) = x;
    }
    return !bad;
}

KERNEL_CLONES static bool
add_int64(KernelCall *call)
{
    uint64_t bad = 0;
    BINARY_LOOP(call, int64_t, int64_t, int64_t, ({
                    const uint64_t sum = (uint64_t)x + (uint64_t)y;
                    bad |= ((uint64_t)x ^ sum) & ((uint64_t)y ^ sum);
                    sum;
                }));
    return bad >> 63 == 0;
}

KERNEL_CLONES static bool
sub_int64(KernelCall *call)
{
    uint64_t bad = 0;
    BINARY_LOOP(call, int64_t, int64_t, int64_t, ({
                    const uint64_t diff = (uint64_t)x - (uint64_t)y;
                    bad |= ((uint64_t)x ^ (uint64_t)y) & ((uint64_t)x ^ diff);
                    diff;
                }));
    return bad >> 63 == 0;
}

KERNEL_CLONES static bool
mul_int64(KernelCall *call)
{
    bool bad = false;
    BINARY_LOOP(call, int64_t, int64_t, int64_t, ({
                    int64_t product;
                    bad |= num_mul_overflows(x, y, &product);
                    product;
                }));
    return !bad;
}

static bool
with_pair(KernelCall *call, IntPair *pair, bool (*loop)(KernelCall *call))
{
    Vector *args[2] = {&pair->a, &pair->b};
    KernelCall inner = *call;
    inner.args = args;
    return loop(&inner);
}

static Status
sum(KernelCall *call, bool subtract)
{
    IntPair pair;
    int scale = larger_scale(call);
    if (!both_int(call))
        return by_rows(call, subtract ? sub_of : add_of, subtract ? sub_small : add_small);
    if (pair_int64(call->args[0], call->args[1], &pair)) {
        out_set_form(call, PHYS_I64, pair.scale);
        if (with_pair(call, &pair, subtract ? sub_int64 : add_int64)) return QN_OK;
    }
    if (both_int64(call) && scale - call->args[0]->scale <= 18 &&
        scale - call->args[1]->scale <= 18) {
        out_set_form(call, PHYS_I64, scale);
        if (sum_scaled(call, subtract, false)) return QN_OK;
        out_set_form(call, PHYS_I128, scale);
        (void)sum_scaled(call, subtract, true); /* always fits */
        return QN_OK;
    }
    out_set_form(call, PHYS_I128, scale);
    if (sum_int128(call, subtract)) return QN_OK;
    return by_rows(call, subtract ? sub_of : add_of, subtract ? sub_small : add_small);
}

static Status
add(KernelCall *call)
{
    return sum(call, false);
}

static Status
subtract(KernelCall *call)
{
    return sum(call, true);
}

static Status
inc_of(NumWork *w, const NumVar *args, NumVar *out)
{
    NumVar one;
    if (!is_finite(args)) return numvar_copy(w, args, out);
    numvar_init(&one);
    TRY(numvar_from_i128(w, 1, 0, &one));
    return numvar_add(w, args, &one, out);
}

Status
fn_numeric_inc(KernelCall *call)
{
    return by_digits(call, inc_of);
}

/* Product. */

static int
sign_of(const NumVar *v)
{
    return v->negative ? -1 : is_finite(v) && v->ndigits == 0 ? 0 : 1;
}

static Status
mul_of(NumWork *w, const NumVar *args, NumVar *out)
{
    const NumVar *a = &args[0], *b = &args[1];
    if (is_finite(a) && is_finite(b)) {
        int scale = a->dscale + b->dscale;
        return numvar_mul(w, a, b, scale < NUMERIC_DSCALE_MAX ? scale : NUMERIC_DSCALE_MAX, out);
    }
    int sign = sign_of(a) * sign_of(b);
    if (a->kind == NUMERIC_NAN || b->kind == NUMERIC_NAN || sign == 0)
        set_kind(out, NUMERIC_NAN);
    else
        set_kind(out, sign > 0 ? NUMERIC_POS_INF : NUMERIC_NEG_INF);
    return QN_OK;
}

static Status
multiply(KernelCall *call)
{
    int scale = call->args[0]->scale + call->args[1]->scale;
    if (!both_int(call) || scale > NUMERIC_INT_SCALE_MAX) return by_rows(call, mul_of, mul_small);
    if (both_int64(call)) {
        out_set_form(call, PHYS_I64, scale);
        if (mul_int64(call)) return QN_OK;
    }
    out_set_form(call, PHYS_I128, scale);
    bool bad = false;
    ROWS(call, i)
    bad |= num_mul_overflows(load_int(call->args[0], i), load_int(call->args[1], i),
                             &OUT(call, int128, i));
    return !bad ? QN_OK : by_rows(call, mul_of, mul_small);
}

/* Quotient. The number of places depends on the operands' leading digits in base 10000 and so on
 * the row. */

static Status
raise_zero_division(Ctx *ctx)
{
    return RAISE(ctx, ERR_DIVISION_BY_ZERO, "division by zero");
}

static Status
div_of(NumWork *w, const NumVar *args, NumVar *out)
{
    const NumVar *a = &args[0], *b = &args[1];
    if (a->kind == NUMERIC_NAN || b->kind == NUMERIC_NAN) {
        set_kind(out, NUMERIC_NAN);
        return QN_OK;
    }
    if (is_finite(b) && b->ndigits == 0) return raise_zero_division(w->ctx);
    if (!is_finite(a)) {
        if (!is_finite(b))
            set_kind(out, NUMERIC_NAN);
        else
            set_kind(out, a->negative == b->negative ? NUMERIC_POS_INF : NUMERIC_NEG_INF);
        return QN_OK;
    }
    if (!is_finite(b)) return QN_OK; /* zero */
    return numvar_div(w, a, b, numvar_div_scale(a, b), true, out);
}

static int
count_digits(uint64_t v)
{
    if (v == 0) return 0;
    int n = (64 - __builtin_clzll(v)) * 1233 >> 12; /* log10(2) */
    return n + (n > 18 ? v >= 10000000000000000000u : v >= (uint64_t)num_pow10_i64[n]);
}

/* Weight and value of the first digit in base 10000 of v / 10^scale. */
static void
leading_digit(uint64_t v, int scale, int *weight, int *digit)
{
    if (v == 0) {
        *weight = *digit = 0;
        return;
    }
    int exponent = count_digits(v) - 1 - scale;
    *weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
    int shift =
        scale + 4 * *weight; /* between -3 and 18: the digit starts at the number's first decimal */
    *digit = (int)(shift >= 0 ? v / (uint64_t)num_pow10_i64[shift]
                              : v * (uint64_t)num_pow10_i64[-shift]);
}

/* x / y at PostgreSQL's scale, which goes to *rscale; false when 127 bits are too few. y is not 0.
 */
static bool
divide_int64(int64_t x, int x_scale, int64_t y, int y_scale, int128 *out, int *rscale)
{
    uint64_t u = x < 0 ? 0 - (uint64_t)x : (uint64_t)x, v = y < 0 ? 0 - (uint64_t)y : (uint64_t)y;
    int weight_u, weight_v, digit_u, digit_v;
    leading_digit(u, x_scale, &weight_u, &digit_u);
    leading_digit(v, y_scale, &weight_v, &digit_v);
    int weight = weight_u - weight_v - (digit_u <= digit_v);
    int scale = NUMVAR_MIN_SIG_DIGITS - weight * 4;
    if (scale < x_scale) scale = x_scale;
    if (scale < y_scale) scale = y_scale;
    if (scale < 0) scale = 0;
    *rscale = scale;
    int shift = scale - x_scale + y_scale; /* not negative */
    int128 n;
    if (scale > NUMERIC_INT_SCALE_MAX || shift > 38) return false;
    if (num_mul_overflows((int128)u, num_pow10_i128(shift), &n)) return false;
    uint128 q = (uint128)n / v, rest = (uint128)n % v;
    q += rest >= v - rest;
    *out = (x < 0) != (y < 0) ? -(int128)q : (int128)q;
    return true;
}

static bool
divide_small(int64_t x, int x_scale, int64_t y, int y_scale, int128 *out, int *scale)
{
    return y != 0 && divide_int64(x, x_scale, y, y_scale, out, scale);
}

/* Quotients as int128, each with its own scale in scales[]. False: some row needs more. */
static bool
divide_rows(KernelCall *call, int16_t *scales, bool *uniform, Status *st)
{
    const Vector *a = call->args[0], *b = call->args[1];
    int first = -1;
    *uniform = true;
    ROWS(call, i)
    {
        int64_t y = (int64_t)load_int(b, i);
        int rscale;
        if (y == 0) {
            *st = raise_zero_division(call->ctx);
            return true;
        }
        if (!divide_int64((int64_t)load_int(a, i), a->scale, y, b->scale, &OUT(call, int128, i),
                          &rscale))
            return false;
        if (first < 0) first = rscale;
        *uniform &= rscale == first;
        scales[i] = (int16_t)rscale;
    }
    out_set_form(call, PHYS_I128, first < 0 ? 0 : first);
    return true;
}

static Status
divide(KernelCall *call)
{
    int16_t scales[BATCH_ROWS];
    bool uniform;
    Status st = QN_OK;
    if (!both_int64(call) || !divide_rows(call, scales, &uniform, &st))
        return by_rows(call, div_of, divide_small);
    if (st != QN_OK || uniform) return st;
    NumWork w = {call->ctx, call->arena};
    ROWS(call, i) /* in place: either form takes 16 bytes */
    {
        int128 q = OUT(call, int128, i);
        TRY(numvar_pack_int(&w, q, scales[i], &OUT(call, Str, i)));
    }
    out_set_form(call, PHYS_STR, 0);
    return QN_OK;
}

static Status
div_trunc_of(NumWork *w, const NumVar *args, NumVar *out)
{
    const NumVar *a = &args[0], *b = &args[1];
    if (!is_finite(a) || !is_finite(b) || b->ndigits == 0) return div_of(w, args, out);
    return numvar_div(w, a, b, 0, false, out);
}

static Status
mod_of(NumWork *w, const NumVar *args, NumVar *out)
{
    const NumVar *a = &args[0], *b = &args[1];
    if (a->kind == NUMERIC_NAN || b->kind == NUMERIC_NAN) {
        set_kind(out, NUMERIC_NAN);
        return QN_OK;
    }
    if (is_finite(b) && b->ndigits == 0) return raise_zero_division(w->ctx);
    if (!is_finite(a)) {
        set_kind(out, NUMERIC_NAN);
        return QN_OK;
    }
    if (!is_finite(b)) return numvar_copy(w, a, out);
    return numvar_mod(w, a, b, out);
}

static Status
divide_whole(KernelCall *call)
{
    IntPair pair;
    if (!pair_int64(call->args[0], call->args[1], &pair)) return by_digits(call, div_trunc_of);
    out_set_form(call, PHYS_I64, 0);
    ROWS(call, i)
    {
        int64_t x = (int64_t)load_int(&pair.a, i), y = (int64_t)load_int(&pair.b, i);
        if (y == 0) return raise_zero_division(call->ctx);
        if (y == -1 && x == INT64_MIN) return by_digits(call, div_trunc_of);
        OUT(call, int64_t, i) = x / y;
    }
    return QN_OK;
}

static Status
remainder_of(KernelCall *call)
{
    IntPair pair;
    if (!pair_int64(call->args[0], call->args[1], &pair)) return by_digits(call, mod_of);
    out_set_form(call, PHYS_I64, pair.scale);
    ROWS(call, i)
    {
        int64_t x = (int64_t)load_int(&pair.a, i), y = (int64_t)load_int(&pair.b, i);
        if (y == 0) return raise_zero_division(call->ctx);
        OUT(call, int64_t, i) = y == -1 ? 0 : x % y;
    }
    return QN_OK;
}

/* Columns of short values in variable form are seen as integers first. */
static Status
narrowed(KernelCall *call, Status (*kernel)(KernelCall *call))
{
    NarrowArgs room;
    KernelCall inner;
    return kernel(numvar_narrow(call, 2, &room, &inner) ? &inner : call);
}

#define NARROWED(NAME, KERNEL)                                                                     \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        return narrowed(call, KERNEL);                                                             \
    }

NARROWED(numeric_add, add)
NARROWED(numeric_sub, subtract)
NARROWED(numeric_mul, multiply)
NARROWED(numeric_div, divide)
NARROWED(numeric_div_trunc, divide_whole)
NARROWED(numeric_mod, remainder_of)

static Status
gcd_of(NumWork *w, const NumVar *args, NumVar *out)
{
    NumVar a, b, r;
    int dscale = args[0].dscale > args[1].dscale ? args[0].dscale : args[1].dscale;
    if (!is_finite(&args[0]) || !is_finite(&args[1])) {
        set_kind(out, NUMERIC_NAN);
        return QN_OK;
    }
    numvar_init(&a);
    numvar_init(&b);
    numvar_init(&r);
    TRY(numvar_copy(w, &args[0], &a));
    TRY(numvar_copy(w, &args[1], &b));
    a.negative = b.negative = false;
    while (b.ndigits > 0) {
        TRY(ctx_check_stop(w->ctx));
        TRY(numvar_mod(w, &a, &b, &r));
        TRY(numvar_copy(w, &b, &a));
        TRY(numvar_copy(w, &r, &b));
    }
    a.dscale = dscale;
    return numvar_copy(w, &a, out);
}

static Status
lcm_of(NumWork *w, const NumVar *args, NumVar *out)
{
    NumVar g;
    int dscale = args[0].dscale > args[1].dscale ? args[0].dscale : args[1].dscale;
    numvar_init(&g);
    TRY(gcd_of(w, args, &g));
    if (!is_finite(&g)) return numvar_copy(w, &g, out);
    if (args[0].ndigits > 0 && args[1].ndigits > 0) {
        TRY(numvar_div(w, &args[0], &g, 0, false, &g));
        TRY(numvar_mul(w, &g, &args[1], args[1].dscale, out));
        out->negative = false;
    }
    out->dscale = dscale;
    return QN_OK;
}

Status
fn_numeric_gcd(KernelCall *call)
{
    return numvar_map(call, gcd_of);
}

Status
fn_numeric_lcm(KernelCall *call)
{
    return numvar_map(call, lcm_of);
}

/* Signs. */

static Status
abs_of(NumWork *w, const NumVar *args, NumVar *out)
{
    TRY(numvar_copy(w, args, out));
    out->negative = false;
    if (out->kind == NUMERIC_NEG_INF) out->kind = NUMERIC_POS_INF;
    return QN_OK;
}

static Status
minus_of(NumWork *w, const NumVar *args, NumVar *out)
{
    TRY(numvar_copy(w, args, out));
    if (out->kind == NUMERIC_NEG_INF || out->kind == NUMERIC_POS_INF)
        set_kind(out, out->kind == NUMERIC_NEG_INF ? NUMERIC_POS_INF : NUMERIC_NEG_INF);
    else if (out->ndigits > 0)
        out->negative = !out->negative;
    return QN_OK;
}

static Status
sign_value_of(NumWork *w, const NumVar *args, NumVar *out)
{
    if (args->kind == NUMERIC_NAN) {
        set_kind(out, NUMERIC_NAN);
        return QN_OK;
    }
    return numvar_from_i128(w, sign_of(args), 0, out);
}

#define SIGN_KERNEL(NAME, OF, EXPR)                                                                \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        if (call->args[0]->phys == PHYS_I64) {                                                     \
            int bad = 0;                                                                           \
            out_set_form(call, PHYS_I64, call->args[0]->scale);                                    \
            UNARY_LOOP(call, int64_t, int64_t, ({                                                  \
                           bad |= x == INT64_MIN;                                                  \
                           EXPR;                                                                   \
                       }));                                                                        \
            if (bad == 0) return QN_OK;                                                            \
        }                                                                                          \
        return by_digits(call, OF);                                                                \
    }

SIGN_KERNEL(numeric_abs, abs_of, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)
SIGN_KERNEL(numeric_uminus, minus_of, 0 - (uint64_t)x)

Status
fn_numeric_sign(KernelCall *call)
{
    if (call->args[0]->phys != PHYS_I64) return by_digits(call, sign_value_of);
    out_set_form(call, PHYS_I64, 0);
    UNARY_LOOP(call, int64_t, int64_t, (x > 0) - (x < 0));
    return QN_OK;
}

Status
fn_numeric_uplus(KernelCall *call)
{
    const Vector *a = call->args[0];
    out_set_form(call, (Phys)a->phys, a->scale);
    if (a->phys == PHYS_I64)
        UNARY_LOOP(call, int64_t, int64_t, x);
    else
        UNARY_LOOP(call, Uuid, Uuid, x); /* 16 bytes, whatever they hold */
    return QN_OK;
}

/* The larger or smaller of two keeps its own display scale, so unlike scales go by digits. */
static Status
larger_of(NumWork *w, const NumVar *args, NumVar *out)
{
    return numvar_copy(w, &args[numvar_cmp(&args[0], &args[1]) > 0 ? 0 : 1], out);
}

static Status
smaller_of(NumWork *w, const NumVar *args, NumVar *out)
{
    return numvar_copy(w, &args[numvar_cmp(&args[0], &args[1]) < 0 ? 0 : 1], out);
}

Status
fn_numeric_larger(KernelCall *call)
{
    return by_digits(call, larger_of);
}

Status
fn_numeric_smaller(KernelCall *call)
{
    return by_digits(call, smaller_of);
}

/* Comparison. */

/* Rows i of two vectors of any form. int64 operands within 10^18 of each other's scale go by
 * 128-bit products. */
typedef struct RowPair {
    const Vector *a, *b;
    bool scaled;
    int128 factor_a, factor_b;
} RowPair;

static RowPair
row_pair(const Vector *a, const Vector *b)
{
    RowPair p = {.a = a, .b = b, .scaled = a->phys == PHYS_I64 && b->phys == PHYS_I64};
    int scale = a->scale > b->scale ? a->scale : b->scale;
    if (scale - a->scale > 18 || scale - b->scale > 18) p.scaled = false;
    if (p.scaled) {
        p.factor_a = num_pow10_i64[scale - a->scale];
        p.factor_b = num_pow10_i64[scale - b->scale];
    }
    return p;
}

static int
compare_row(const RowPair *p, int i)
{
    if (p->scaled) {
        int128 x = load_int(p->a, i) * p->factor_a, y = load_int(p->b, i) * p->factor_b;
        return (x > y) - (x < y);
    }
    if (vec_is_null(p->a, i) || vec_is_null(p->b, i)) return 0; /* rows nobody asked for */
    Value x = vec_get(p->a, i), y = vec_get(p->b, i);
    return numeric_cmp(&x, &y);
}

/* Columns in variable form as integers, where they can be; else as they are. */
static void
narrow_pair(const Vector **a, const Vector **b, const uint16_t *sel, int n, NarrowArgs *room)
{
    if ((*a)->phys != PHYS_STR && (*b)->phys != PHYS_STR) return;
    if ((*a)->phys == PHYS_STR) {
        if (!numvar_narrow_vector(*a, sel, n, room->data[0], &room->vecs[0])) return;
        *a = &room->vecs[0];
    }
    if ((*b)->phys == PHYS_STR) {
        if (!numvar_narrow_vector(*b, sel, n, room->data[1], &room->vecs[1])) return;
        *b = &room->vecs[1];
    }
}

#define NUMERIC_COMPARE(NAME, INT8_NAME, OP)                                                       \
    FUNC_DECLARE(INT8_NAME)                                                                        \
    SEL_DECLARE(INT8_NAME)                                                                         \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        IntPair pair;                                                                              \
        NarrowArgs room;                                                                           \
        const Vector *a = call->args[0], *b = call->args[1];                                       \
        narrow_pair(&a, &b, call->sel, call->n, &room);                                            \
        if (pair_int64(a, b, &pair)) {                                                             \
            Vector *args[2] = {&pair.a, &pair.b};                                                  \
            KernelCall inner = *call;                                                              \
            inner.args = args;                                                                     \
            return fn_##INT8_NAME(&inner);                                                         \
        }                                                                                          \
        RowPair rows = row_pair(a, b);                                                             \
        ROWS(call, i) OUT(call, uint8_t, i) = compare_row(&rows, i) OP 0;                          \
        return QN_OK;                                                                              \
    }                                                                                              \
    int sel_##NAME(const Vector *a, const Vector *b, const uint16_t *sel, int n, uint16_t *out)    \
    {                                                                                              \
        IntPair pair;                                                                              \
        NarrowArgs room;                                                                           \
        narrow_pair(&a, &b, sel, n, &room);                                                        \
        if (pair_int64(a, b, &pair)) return sel_##INT8_NAME(&pair.a, &pair.b, sel, n, out);        \
        RowPair rows = row_pair(a, b);                                                             \
        int m = 0;                                                                                 \
        for (int k = 0; k < n; k++) {                                                              \
            int i = sel != NULL ? sel[k] : k;                                                      \
            bool ok = !vec_is_null(a, i) && !vec_is_null(b, i) && compare_row(&rows, i) OP 0;      \
            out[m] = (uint16_t)i;                                                                  \
            m += ok;                                                                               \
        }                                                                                          \
        return m;                                                                                  \
    }

NUMERIC_COMPARE(numeric_eq, int8eq, ==)
NUMERIC_COMPARE(numeric_ne, int8ne, !=)
NUMERIC_COMPARE(numeric_lt, int8lt, <)
NUMERIC_COMPARE(numeric_le, int8le, <=)
NUMERIC_COMPARE(numeric_gt, int8gt, >)
NUMERIC_COMPARE(numeric_ge, int8ge, >=)

Status
fn_numeric_cmp(KernelCall *call)
{
    RowPair rows = row_pair(call->args[0], call->args[1]);
    ROWS(call, i)
    {
        int c = compare_row(&rows, i);
        OUT(call, int32_t, i) = (c > 0) - (c < 0);
    }
    return QN_OK;
}

Status
fn_width_bucket_numeric(KernelCall *call)
{
    NumWork w = {call->ctx, call->arena};
    ROWS(call, i)
    {
        NumVar v[3], count; /* operand, low, high */
        int32_t n = ARG(call, 3, int32_t, i);
        int128 bucket = 0;
        for (int a = 0; a < 3; a++) {
            Value value = vec_get(call->args[a], i);
            TRY(numvar_from_value(&w, &value, &v[a]));
        }
        if (n <= 0)
            return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                         "count must be greater than zero");
        if (v[0].kind == NUMERIC_NAN || v[1].kind == NUMERIC_NAN || v[2].kind == NUMERIC_NAN)
            return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                         "operand, lower bound, and upper bound cannot be NaN");
        if (!is_finite(&v[1]) || !is_finite(&v[2]))
            return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                         "lower and upper bounds must be finite");
        int order = numvar_cmp(&v[1], &v[2]);
        if (order == 0)
            return RAISE(call->ctx, ERR_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
                         "lower bound cannot equal upper bound");
        if (numvar_cmp(&v[0], &v[1]) * order > 0) {
            bucket = 0;
        } else if (numvar_cmp(&v[0], &v[2]) * order <= 0) {
            bucket = (int128)n + 1;
        } else { /* (operand - low) * count / (high - low), whole part; both differences have one
                    sign */
            numvar_init(&count);
            TRY(numvar_from_i128(&w, n, 0, &count));
            TRY(numvar_sub(&w, &v[0], &v[1], &v[0]));
            TRY(numvar_sub(&w, &v[2], &v[1], &v[2]));
            TRY(numvar_mul(&w, &v[0], &count, v[0].dscale, &v[0]));
            TRY(numvar_div(&w, &v[0], &v[2], 0, false, &v[0]));
            (void)numvar_to_i128(&v[0], 0, &bucket); /* below n */
            bucket++;
        }
        if (bucket > INT32_MAX)
            return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        OUT(call, int32_t, i) = (int32_t)bucket;
    }
    return QN_OK;
}
