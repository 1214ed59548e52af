/* money.c - money: cents as int64, printed as $1,234.56. The locale is not asked: amounts have two decimals. */
#include "types/agg.h"
#include "types/numeric.h"
#include <math.h>

static Status
bad_syntax(Ctx *ctx, const char *text, size_t nbytes)
{
    return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"", "money", (int)nbytes, text);
}

static Status
too_large(Ctx *ctx, const char *text, size_t nbytes)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value \"%.*s\" is out of range for type %s", (int)nbytes, text, "money");
}

typedef struct MoneyText {
    const char *p, *end;
    bool negative;
} MoneyText;

static void
skip_space(MoneyText *t)
{
    while (t->p < t->end && ascii_is_space(*t->p)) t->p++;
}

static bool
skip_char(MoneyText *t, char c)
{
    if (t->p == t->end || *t->p != c) return false;
    t->p++;
    return true;
}

/* Blanks, a dollar sign and the sign, in PostgreSQL's order. */
static void
read_head(MoneyText *t)
{
    skip_space(t);
    skip_char(t, '$');
    skip_space(t);
    if (skip_char(t, '-') || skip_char(t, '(')) t->negative = true;
    else skip_char(t, '+');
    skip_space(t);
    skip_char(t, '$');
    skip_space(t);
}

/* Minus the amount: so that the least value can be read. False: too large. */
static bool
read_digits(MoneyText *t, int64_t *out)
{
    int64_t v = 0;
    int decimals = -1; /* digits behind the point; -1 before it */
    for (; t->p < t->end; t->p++) {
        if (ascii_is_digit(*t->p) && decimals < 2) {
            if (num_mul_overflows(v, (int64_t)10, &v) || num_sub_overflows(v, (int64_t)(*t->p - '0'), &v)) return false;
            if (decimals >= 0) decimals++;
        } else if (*t->p == '.' && decimals < 0) {
            decimals = 0;
        } else if (*t->p != ',') {
            break;
        }
    }
    if (t->p < t->end && *t->p >= '5' && *t->p <= '9' && num_sub_overflows(v, (int64_t)1, &v)) return false;
    for (int i = decimals < 0 ? 0 : decimals; i < 2; i++)
        if (num_mul_overflows(v, (int64_t)10, &v)) return false;
    *out = v;
    return true;
}

Status
money_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    MoneyText t = {.p = text, .end = text + nbytes};
    int64_t v;
    (void)arena, (void)typmod;
    read_head(&t);
    if (!read_digits(&t, &v)) return too_large(ctx, text, nbytes);
    for (; t.p < t.end; t.p++) {
        if (*t.p == '-') t.negative = true;
        else if (!ascii_is_digit(*t.p) && !ascii_is_space(*t.p) && *t.p != ')' && *t.p != '+' && *t.p != '$')
            return bad_syntax(ctx, text, nbytes);
    }
    if (!t.negative && num_sub_overflows((int64_t)0, v, &v)) return too_large(ctx, text, nbytes);
    *out = value_i64(type, v);
    return QN_OK;
}

Status
money_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    uint64_t v = value->i64 < 0 ? 0 - (uint64_t)value->i64 : (uint64_t)value->i64;
    char digits[32], text[48];
    int n = 0, at = 0;
    for (uint64_t whole = v / 100; whole > 0 || n == 0; whole /= 10) digits[n++] = (char)('0' + whole % 10);
    for (int i = n - 1; i >= 0; i--) {
        text[at++] = digits[i];
        if (i % 3 == 0 && i > 0) text[at++] = ',';
    }
    strbuf_addf(b, "%s$%.*s.%02d", value->i64 < 0 ? "-" : "", at, text, (int)(v % 100));
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* ---- arithmetic ---- */

static Status
out_of_range(Ctx *ctx)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "money out of range");
}

/* OVERFLOWS puts the result in *out. */
#define CASH_ARITH(NAME, TX, TY, OVERFLOWS)                                                        \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            TX x = ARG(call, 0, TX, i);                                                            \
            TY y = ARG(call, 1, TY, i);                                                            \
            int64_t *out = &OUT(call, int64_t, i);                                                 \
            if (OVERFLOWS) return out_of_range(call->ctx);                                         \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

/* Rounded to the cent; true: 64 bits cannot hold it. */
static bool
round_overflows(double v, int64_t *out)
{
    v = rint(v);
    if (!(v >= -9223372036854775808.0 && v < 9223372036854775808.0)) return true;
    *out = (int64_t)v;
    return false;
}

CASH_ARITH(cash_pl, int64_t, int64_t, num_add_overflows(x, y, out))
CASH_ARITH(cash_mi, int64_t, int64_t, num_sub_overflows(x, y, out))
CASH_ARITH(cash_mul_int8, int64_t, int64_t, num_mul_overflows(x, y, out))
CASH_ARITH(cash_mul_int4, int64_t, int32_t, num_mul_overflows(x, (int64_t)y, out))
CASH_ARITH(cash_mul_int2, int64_t, int16_t, num_mul_overflows(x, (int64_t)y, out))
CASH_ARITH(int8_mul_cash, int64_t, int64_t, num_mul_overflows(x, y, out))
CASH_ARITH(int4_mul_cash, int32_t, int64_t, num_mul_overflows((int64_t)x, y, out))
CASH_ARITH(int2_mul_cash, int16_t, int64_t, num_mul_overflows((int64_t)x, y, out))
CASH_ARITH(cash_mul_flt8, int64_t, double, round_overflows((double)x *y, out))
CASH_ARITH(cash_mul_flt4, int64_t, float, round_overflows((double)x *(double)y, out))
CASH_ARITH(flt8_mul_cash, double, int64_t, round_overflows(x *(double)y, out))
CASH_ARITH(flt4_mul_cash, float, int64_t, round_overflows((double)x *(double)y, out))
BINARY_KERNEL(cashlarger, int64_t, int64_t, int64_t, x > y ? x : y)
BINARY_KERNEL(cashsmaller, int64_t, int64_t, int64_t, x < y ? x : y)

#define CASH_DIVIDE(NAME, T, TR, OVERFLOWS)                                                        \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            int64_t x = ARG(call, 0, int64_t, i);                                                  \
            T y = ARG(call, 1, T, i);                                                              \
            TR *out = &OUT(call, TR, i);                                                           \
            if (y == 0) return RAISE(call->ctx, ERR_DIVISION_BY_ZERO, "division by zero");         \
            if (OVERFLOWS) return out_of_range(call->ctx);                                         \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

static bool
divide_overflows(int64_t x, int64_t y, int64_t *out)
{
    if (y == -1) return num_sub_overflows((int64_t)0, x, out);
    *out = x / y;
    return false;
}

CASH_DIVIDE(cash_div_int8, int64_t, int64_t, divide_overflows(x, y, out))
CASH_DIVIDE(cash_div_int4, int32_t, int64_t, divide_overflows(x, y, out))
CASH_DIVIDE(cash_div_int2, int16_t, int64_t, divide_overflows(x, y, out))
CASH_DIVIDE(cash_div_flt8, double, int64_t, round_overflows((double)x / y, out))
CASH_DIVIDE(cash_div_flt4, float, int64_t, round_overflows((double)x / (double)y, out))
CASH_DIVIDE(cash_div_cash, int64_t, double, (*out = (double)x / (double)y, false))

/* ---- conversions ---- */

static Status
from_integer(KernelCall *call, int i, int64_t v)
{
    if (num_mul_overflows(v, (int64_t)100, &OUT(call, int64_t, i)))
        return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
    return QN_OK;
}

Status
fn_int4_cash(KernelCall *call)
{
    ROWS (call, i) TRY(from_integer(call, i, ARG(call, 0, int32_t, i)));
    return QN_OK;
}

Status
fn_int8_cash(KernelCall *call)
{
    ROWS (call, i) TRY(from_integer(call, i, ARG(call, 0, int64_t, i)));
    return QN_OK;
}

Status
fn_cash_numeric(KernelCall *call)
{
    out_set_form(call, PHYS_I64, 2);
    ROWS (call, i) OUT(call, int64_t, i) = ARG(call, 0, int64_t, i);
    return QN_OK;
}

Status
fn_numeric_cash(KernelCall *call)
{
    ROWS (call, i) {
        Value v = vec_get(call->args[0], i), cents;
        NumericView view;
        numeric_view(&v, &view);
        if (view.kind != NUMERIC_FINITE)
            return RAISE(call->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot convert %s to bigint", view.kind == NUMERIC_NAN ? "NaN" : "infinity");
        TRY(numeric_value_coerce(call->ctx, call->arena, &v, numeric_typmod(38, 2), &cents));
        if (cents.i128 > INT64_MAX || cents.i128 < INT64_MIN)
            return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
        OUT(call, int64_t, i) = (int64_t)cents.i128;
    }
    return QN_OK;
}

/* ---- in words ---- */

static void
add_words(StrBuf *b, int n) /* 0 .. 999 */
{
    static const char *const small[] = {
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
    static const char *const tens[] = {"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
    int rest = n % 100;
    if (n > 99) {
        strbuf_addf(b, "%s hundred", small[n / 100]);
        if (rest == 0) return;
        strbuf_addz(b, rest < 20 && !(rest % 10 == 0 && rest > 10) ? " and " : " ");
    }
    if (rest <= 20) strbuf_addz(b, small[rest]);
    else if (rest % 10 == 0) strbuf_addz(b, tens[rest / 10]);
    else strbuf_addf(b, "%s %s", tens[rest / 10], small[rest % 10]);
}

Status
fn_cash_words(KernelCall *call)
{
    static const char *const scales[] = {"quadrillion", "trillion", "billion", "million", "thousand"};
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        int64_t v = ARG(call, 0, int64_t, i);
        uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, unit = UINT64_C(100000000000000000);
        char *text;
        size_t nbytes;
        if (v < 0) strbuf_addz(&b, "minus ");
        size_t start = b.nbytes;
        for (int s = 0; s < 5; s++, unit /= 1000) {
            int n = (int)(left / unit % 1000);
            if (n == 0) continue;
            add_words(&b, n);
            strbuf_addf(&b, " %s ", scales[s]);
        }
        int ones = (int)(left / 100 % 1000), cents = (int)(left % 100);
        if (ones > 0 || b.nbytes == start) add_words(&b, ones);
        strbuf_addz(&b, left / 100 == 1 ? " dollar and " : " dollars and ");
        add_words(&b, cents);
        strbuf_addz(&b, cents == 1 ? " cent" : " cents");
        TRY(strbuf_finish(call->ctx, &b, &text, &nbytes));
        text[0] = ascii_upper(text[0]);
        OUT(call, Str, i) = str_make(text, nbytes);
    }
    return QN_OK;
}

/* ---- sum ---- */

typedef struct MoneySum {
    int64_t seen, sum;
} MoneySum;

static Status
money_sum_fold(AggCall *call, MoneySum *s, int i)
{
    s->seen = 1;
    return num_add_overflows(s->sum, ARG(call, 0, int64_t, i), &s->sum) ? out_of_range(call->ctx) : QN_OK;
}
AGG_FOLD(money_sum, MoneySum, money_sum_fold)

static Status
money_sum_combine(AggCall *call, void *into, const void *from)
{
    MoneySum *a = into;
    const MoneySum *b = from;
    a->seen |= b->seen;
    return num_add_overflows(a->sum, b->sum, &a->sum) ? out_of_range(call->ctx) : QN_OK;
}

static Status
money_sum_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const MoneySum *s = state;
    (void)call, (void)arena;
    *out = s->seen ? value_i64(TYPE_MONEY, s->sum) : value_null(TYPE_MONEY);
    return QN_OK;
}

const AggOps aggops_money_sum = {.state_bytes = sizeof(MoneySum),
                                 .plain_state = true,
                                 .update = money_sum_update,
                                 .update_one = money_sum_update_one,
                                 .combine = money_sum_combine,
                                 .final = money_sum_final};
