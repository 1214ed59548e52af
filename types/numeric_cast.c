/* numeric_cast.c - numeric rounded, measured, and converted to and from the other number types. */
#include "types/kernel.h"
#include "types/numvar.h"
#include "types/type_io.h"

#include "types/float_text.h"
#include <float.h>
#include <math.h>

FUNC_DECLARE(numeric_uplus)

static int128
load_int(const Vector *v, int i)
{
    int at = arg_at(v, i);
    return v->phys == PHYS_I64 ? ((const int64_t *)v->data)[at] : ((const int128 *)v->data)[at];
}

/* Rounding to a number of places: integers divide, digits cut. */

typedef enum RoundMode { ROUND_HALF_AWAY, ROUND_TRUNC, ROUND_FLOOR, ROUND_CEIL } RoundMode;

/* v / by for a power of ten by. */
static inline int64_t
divide_int64(int64_t v, int64_t by, RoundMode mode)
{
    int64_t q = v / by, rest = v % by;
    switch (mode) {
    case ROUND_TRUNC:
        return q;
    case ROUND_FLOOR:
        return q - (rest < 0);
    case ROUND_CEIL:
        return q + (rest > 0);
    default:
        break;
    }
    uint64_t size = rest < 0 ? 0 - (uint64_t)rest : (uint64_t)rest;
    int64_t up = size >= (uint64_t)by - size;
    return v < 0 ? q - up : q + up;
}

static inline int128
divide_int128(int128 v, int128 by, RoundMode mode)
{
    int128 q = v / by, rest = v % by;
    switch (mode) {
    case ROUND_TRUNC:
        return q;
    case ROUND_FLOOR:
        return q - (rest < 0);
    case ROUND_CEIL:
        return q + (rest > 0);
    default:
        break;
    }
    if (rest < 0) rest = -rest;
    int128 up = rest >= by - rest;
    return v < 0 ? q - up : q + up;
}

/* All rows to one number of places; false when the integer forms cannot hold that. */
static bool
round_ints(KernelCall *call, int places, RoundMode mode)
{
    const Vector *a = call->args[0];
    int scale = places > 0 ? places : 0, drop = a->scale - places;
    if (a->phys == PHYS_STR || scale > NUMERIC_INT_SCALE_MAX) return false;
    if (drop <= 0) { /* more places: zeros come in */
        int128 by = num_pow10_i128(-drop);
        bool bad = false, wide = a->phys == PHYS_I128;
        if (-drop > 18 || wide) {
            out_set_form(call, PHYS_I128, scale);
            ROWS(call, i) bad |= num_mul_overflows(load_int(a, i), by, &OUT(call, int128, i));
            return !bad;
        }
        const int64_t by64 = (int64_t)by;
        out_set_form(call, PHYS_I64, scale);
        UNARY_LOOP(call, int64_t, int64_t, ({
                       int64_t r;
                       bad |= num_mul_overflows(x, by64, &r);
                       r;
                   }));
        if (!bad) return true;
        out_set_form(call, PHYS_I128, scale);
        ROWS(call, i) OUT(call, int128, i) = load_int(a, i) * by;
        return true;
    }
    if (drop > 18 || places < -18) return false;
    const int64_t by = num_pow10_i64[drop], back = num_pow10_i64[places < 0 ? -places : 0];
    if (a->phys == PHYS_I64) {
        bool bad = false;
        out_set_form(call, PHYS_I64, scale);
        if (mode == ROUND_HALF_AWAY && back == 1) {
            UNARY_LOOP(call, int64_t, int64_t, divide_int64(x, by, ROUND_HALF_AWAY));
            return true;
        }
        UNARY_LOOP(call, int64_t, int64_t, ({
                       int64_t r;
                       bad |= num_mul_overflows(divide_int64(x, by, mode), back, &r);
                       r;
                   }));
        return !bad;
    }
    bool bad = false;
    out_set_form(call, PHYS_I128, scale);
    ROWS(call, i)
    bad |= num_mul_overflows(divide_int128(load_int(a, i), by, mode), (int128)back,
                             &OUT(call, int128, i));
    return !bad;
}

static Status
round_digits(NumWork *w, const Value *value, int places, RoundMode mode, NumVar *v)
{
    TRY(numvar_from_value(w, value, v));
    if (v->kind != NUMERIC_FINITE) return QN_OK;
    switch (mode) {
    case ROUND_HALF_AWAY:
        return numvar_round(w, v, places);
    case ROUND_TRUNC:
        numvar_trunc(v, places);
        return QN_OK;
    case ROUND_FLOOR:
        return numvar_floor(w, v);
    default:
        return numvar_ceil(w, v);
    }
}

/* places_arg: whether the second argument says how many places, else 0. */
static Status
round_rows(KernelCall *call, bool places_arg, RoundMode mode)
{
    NumWork w = {call->ctx, call->arena};
    bool constant = !places_arg || arg_is_const(call, 1);
    if (call->n == 0) return QN_OK;
    if (constant) {
        int places = places_arg ? *(const int32_t *)call->args[1]->data : 0;
        if (places >= -NUMVAR_MAX_RESULT_SCALE && round_ints(call, places, mode)) return QN_OK;
    }
    out_set_form(call, PHYS_STR, 0);
    ROWS(call, i)
    {
        NumVar v;
        int places = places_arg ? ARG(call, 1, int32_t, i) : 0;
        if (places > NUMERIC_DSCALE_MAX) places = NUMERIC_DSCALE_MAX;
        if (places < -(NUMERIC_WEIGHT_MAX + 1) * 4 - 1) places = -(NUMERIC_WEIGHT_MAX + 1) * 4 - 1;
        Value value = vec_get(call->args[0], i);
        TRY(round_digits(&w, &value, places, mode, &v));
        TRY(numvar_pack(&w, &v, &OUT(call, Str, i)));
    }
    return QN_OK;
}

static Status
round_kernel(KernelCall *call, bool places_arg, RoundMode mode)
{
    NarrowArgs room;
    KernelCall inner;
    return round_rows(numvar_narrow(call, 1, &room, &inner) ? &inner : call, places_arg, mode);
}

Status
fn_numeric_round(KernelCall *call)
{
    return round_kernel(call, true, ROUND_HALF_AWAY);
}

Status
fn_numeric_round1(KernelCall *call)
{
    return round_kernel(call, false, ROUND_HALF_AWAY);
}

Status
fn_numeric_trunc(KernelCall *call)
{
    return round_kernel(call, true, ROUND_TRUNC);
}

Status
fn_numeric_trunc1(KernelCall *call)
{
    return round_kernel(call, false, ROUND_TRUNC);
}

Status
fn_numeric_floor(KernelCall *call)
{
    return round_kernel(call, false, ROUND_FLOOR);
}

Status
fn_numeric_ceil(KernelCall *call)
{
    return round_kernel(call, false, ROUND_CEIL);
}

/* To the typmod's precision and scale. */

static bool
coerce_int64(KernelCall *call, int precision, int scale)
{
    const Vector *a = call->args[0];
    const int64_t limit = num_pow10_i64[precision];
    int drop = a->scale - scale;
    bool bad = false;
    if (drop < -18 || drop > 18) return false;
    const int64_t by = num_pow10_i64[drop < 0 ? -drop : drop];
    out_set_form(call, PHYS_I64, scale);
    if (drop == 0)
        UNARY_LOOP(call, int64_t, int64_t, (bad |= (x >= limit) | (x <= -limit), x));
    else if (drop > 0)
        UNARY_LOOP(call, int64_t, int64_t, ({
                       int64_t r = divide_int64(x, by, ROUND_HALF_AWAY);
                       bad |= (r >= limit) | (r <= -limit);
                       r;
                   }));
    else
        UNARY_LOOP(call, int64_t, int64_t, ({
                       int64_t r;
                       bad |= num_mul_overflows(x, by, &r);
                       bad |= (r >= limit) | (r <= -limit);
                       r;
                   }));
    return !bad;
}

Status
fn_numeric(KernelCall *call)
{
    int32_t typmod = call->out_typmod;
    const Vector *a = call->args[0];
    if (typmod < 4) return fn_numeric_uplus(call);
    Phys phys = type_phys(TYPE_NUMERIC, typmod);
    int scale = numeric_typmod_scale(typmod);
    NarrowArgs room;
    KernelCall inner;
    KernelCall *ints = numvar_narrow(call, 1, &room, &inner) ? &inner : call;
    if (phys == PHYS_I64 && ints->args[0]->phys == PHYS_I64 &&
        coerce_int64(ints, numeric_typmod_precision(typmod), scale))
        return QN_OK; /* else a row is too large, and the loop below finds which */
    for (bool again = true; again;) {
        again = false;
        out_set_form(call, phys, phys == PHYS_STR ? 0 : scale);
        ROWS(call, i)
        {
            Value v = vec_get(a, i), r;
            TRY(numeric_value_coerce(call->ctx, call->arena, &v, typmod, &r));
            if (phys != PHYS_STR &&
                r.phys == PHYS_STR) { /* NaN: the batch stays in the form that has it */
                phys = PHYS_STR;
                again = true;
                break;
            }
            if (phys == PHYS_STR)
                TRY(numeric_value_convert(call->ctx, call->arena, &r, PHYS_STR, 0, &r));
            vec_put(call->out, i, &r);
        }
    }
    return QN_OK;
}

/* Scales. */

Status
fn_numeric_scale(KernelCall *call)
{
    ROWS(call, i)
    {
        Value v = vec_get(call->args[0], i);
        NumericView view;
        numeric_view(&v, &view);
        OUT(call, int32_t, i) = view.dscale;
        if (view.kind != NUMERIC_FINITE) out_set_null(call, i);
    }
    return QN_OK;
}

static int
min_scale(const NumericView *v)
{
    if (v->ndigits == 0) return 0;
    int last = numeric_view_digit(v, v->ndigits - 1), scale = (v->ndigits - 1 - v->weight) * 4;
    if (scale <= 0) return 0;
    for (; last % 10 == 0; last /= 10) scale--;
    return scale;
}

Status
fn_numeric_min_scale(KernelCall *call)
{
    ROWS(call, i)
    {
        Value v = vec_get(call->args[0], i);
        NumericView view;
        numeric_view(&v, &view);
        OUT(call, int32_t, i) = min_scale(&view);
        if (view.kind != NUMERIC_FINITE) out_set_null(call, i);
    }
    return QN_OK;
}

Status
fn_numeric_trim_scale(KernelCall *call)
{
    NumWork w = {call->ctx, call->arena};
    out_set_form(call, PHYS_STR, 0);
    ROWS(call, i)
    {
        Value value = vec_get(call->args[0], i);
        NumericView view;
        NumVar v;
        numeric_view(&value, &view);
        TRY(numvar_from_value(&w, &value, &v));
        v.dscale = min_scale(&view);
        TRY(numvar_pack(&w, &v, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* From and to integers. */

#define FROM_INT(NAME, T)                                                                          \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        out_set_form(call, PHYS_I64, 0);                                                           \
        UNARY_LOOP(call, T, int64_t, x);                                                           \
        return QN_OK;                                                                              \
    }

FROM_INT(int2_numeric, int16_t)
FROM_INT(int4_numeric, int32_t)
FROM_INT(int8_numeric, int64_t)

static Status
to_int(NumWork *w, const Value *value, int64_t min, int64_t max, const char *name,
       const char *range, int64_t *out)
{
    NumVar v;
    int128 r;
    TRY(numvar_from_value(w, value, &v));
    if (v.kind != NUMERIC_FINITE)
        return RAISE(w->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot convert %s to %s",
                     v.kind == NUMERIC_NAN ? "NaN" : "infinity", name);
    TRY(numvar_round(w, &v, 0));
    if (!numvar_to_i128(&v, 0, &r) || r < min || r > max)
        return RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "%s", range);
    *out = (int64_t)r;
    return QN_OK;
}

#define TO_INT(NAME, T, MIN, MAX, TYPE_NAME, RANGE)                                                \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        NarrowArgs room;                                                                           \
        KernelCall inner;                                                                          \
        if (numvar_narrow(call, 1, &room, &inner)) call = &inner;                                  \
        const Vector *a = call->args[0];                                                           \
        if (a->phys == PHYS_I64 && a->scale <= 18) {                                               \
            const int64_t by = num_pow10_i64[a->scale];                                            \
            bool bad = false;                                                                      \
            UNARY_LOOP(call, int64_t, T, ({                                                        \
                           int64_t r = divide_int64(x, by, ROUND_HALF_AWAY);                       \
                           bad |= (r < (MIN)) | (r > (MAX));                                       \
                           r;                                                                      \
                       }));                                                                        \
            return !bad ? QN_OK : RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, RANGE);         \
        }                                                                                          \
        NumWork w = {call->ctx, call->arena};                                                      \
        ROWS(call, i)                                                                              \
        {                                                                                          \
            Value v = vec_get(a, i);                                                               \
            int64_t r = 0;                                                                         \
            TRY(to_int(&w, &v, MIN, MAX, TYPE_NAME, RANGE, &r));                                   \
            OUT(call, T, i) = (T)r;                                                                \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

TO_INT(numeric_int2, int16_t, INT16_MIN, INT16_MAX, "smallint", "smallint out of range")
TO_INT(numeric_int4, int32_t, INT32_MIN, INT32_MAX, "integer", "integer out of range")
TO_INT(numeric_int8, int64_t, INT64_MIN, INT64_MAX, "bigint", "bigint out of range")

/* From and to floats. A float comes over by its text, in as many digits as its type is sure of. */

static Status
from_float(NumWork *w, double x, int digits, Str *out)
{
    char text[FLOAT_TEXT_MAX];
    const char *end;
    NumVar v;
    bool ok;
    int n = float8_format_digits(x, digits, text);
    TRY(numvar_from_text(w, text, (size_t)n, &v, &end, &ok));
    if (v.kind == NUMERIC_FINITE && v.ndigits == 0) v.negative = false;
    return numvar_pack(w, &v, out);
}

Status
fn_float8_numeric(KernelCall *call)
{
    NumWork w = {call->ctx, call->arena};
    out_set_form(call, PHYS_STR, 0);
    ROWS(call, i) TRY(from_float(&w, ARG(call, 0, double, i), DBL_DIG, &OUT(call, Str, i)));
    return QN_OK;
}

Status
fn_float4_numeric(KernelCall *call)
{
    NumWork w = {call->ctx, call->arena};
    out_set_form(call, PHYS_STR, 0);
    ROWS(call, i) TRY(from_float(&w, (double)ARG(call, 0, float, i), FLT_DIG, &OUT(call, Str, i)));
    return QN_OK;
}

static Status
special_float(const Value *value, double *out, bool *found)
{
    NumericView view;
    *found = false;
    if (value->phys != PHYS_STR || numeric_str_int64(&value->str, &(int64_t){0}, &(int){0}))
        return QN_OK;
    numeric_view(value, &view);
    *found = view.kind != NUMERIC_FINITE;
    *out = view.kind == NUMERIC_NAN ? NAN : view.kind == NUMERIC_POS_INF ? INFINITY : -INFINITY;
    return QN_OK;
}

/* Integers up to 2^53 over a power of ten that is exact too: one division, rounded once. */
static bool
divide_to_float8(KernelCall *call)
{
    const Vector *a = call->args[0];
    bool bad = false;
    if (a->phys != PHYS_I64 || a->scale > 22) return false;
    const double by = a->scale <= 18 ? (double)num_pow10_i64[a->scale]
                                     : 1e18 * (double)num_pow10_i64[a->scale - 18];
    UNARY_LOOP(call, int64_t, double, ({
                   bad |= x > (INT64_C(1) << 53) || x < -(INT64_C(1) << 53);
                   (double)x / by;
               }));
    return !bad;
}

Status
fn_numeric_float8(KernelCall *call)
{
    NarrowArgs room;
    KernelCall inner;
    if (divide_to_float8(numvar_narrow(call, 1, &room, &inner) ? &inner : call)) return QN_OK;
    ROWS(call, i)
    {
        Value v = vec_get(call->args[0], i);
        bool special;
        TRY(special_float(&v, &OUT(call, double, i), &special));
        if (!special) TRY(numeric_value_float8(call->ctx, &v, &OUT(call, double, i)));
    }
    return QN_OK;
}

Status
fn_numeric_float4(KernelCall *call)
{
    ROWS(call, i)
    {
        Value v = vec_get(call->args[0], i), r;
        double d;
        bool special;
        TRY(special_float(&v, &d, &special));
        if (special) {
            OUT(call, float, i) = (float)d;
            continue;
        }
        StrBuf b = strbuf_new(call->arena);
        char *text;
        size_t nbytes;
        TRY(numeric_out(call->ctx, &b, &v));
        TRY(strbuf_finish(call->ctx, &b, &text, &nbytes));
        TRY(value_in(call->ctx, call->arena, text, nbytes, TYPE_FLOAT4, -1, &r));
        OUT(call, float, i) = r.f32;
    }
    return QN_OK;
}
