/* numeric.c - numeric as a type: text, order, hash, and the passage between its forms. Arithmetic
 * is in numeric_ops.c and numeric_math.c, digits in numvar.c. */
#include "types/numeric.h"

#include "common/hash.h"
#include "types/float_text.h"
#include "types/numvar.h"
#include "types/type_io.h"
#include <assert.h>
#include <math.h>

static int128
int_of(const Value *v)
{
    return v->phys == PHYS_I64 ? v->i64 : v->i128;
}

Value
numeric_value_int(int128 v, int scale)
{
    Value out = {.type = TYPE_NUMERIC, .scale = (int16_t)scale};
    assert(scale >= 0 && scale <= NUMERIC_INT_SCALE_MAX);
    if (v >= INT64_MIN && v <= INT64_MAX) {
        out.phys = PHYS_I64;
        out.i64 = (int64_t)v;
    } else {
        out.phys = PHYS_I128;
        out.i128 = v;
    }
    return out;
}

/* v at scale from to scale to, rounded half away from zero; false when it does not fit. */
static bool
rescale(int128 v, int from, int to, int128 *out)
{
    if (to >= from)
        return v == 0 ? (*out = 0, true)
                      : to - from <= 38 && !num_mul_overflows(v, num_pow10_i128(to - from), out);
    if (from - to > 38) {
        *out = 0;
        return true;
    }
    int128 by = num_pow10_i128(from - to), q = v / by, rest = v % by;
    if (rest < 0) rest = -rest;
    if (rest >= by - rest) q += v < 0 ? -1 : 1;
    *out = q;
    return true;
}

static Status
raise_field_overflow(Ctx *ctx, int32_t typmod)
{
    int precision = numeric_typmod_precision(typmod), scale = numeric_typmod_scale(typmod),
        digits = precision - scale;
    Status st = RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
    return err_detail(
        ctx, st,
        "A field with precision %d, scale %d must round to an absolute value less than %s%d.",
        precision, scale, digits != 0 ? "10^" : "", digits != 0 ? digits : 1);
}

/* Decimal digits before the point of a stripped, non-zero number; negative when it starts after it.
 */
static int
whole_digits(const NumVar *v)
{
    int digits = (v->weight + 1) * 4, first = v->digits[0];
    return digits - (first < 10) - (first < 100) - (first < 1000);
}

static Status
coerce_var(NumWork *w, NumVar *v, int32_t typmod)
{
    int precision = numeric_typmod_precision(typmod), scale = numeric_typmod_scale(typmod);
    if (v->kind == NUMERIC_NAN) return QN_OK;
    if (v->kind != NUMERIC_FINITE) {
        Status st = RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
        return err_detail(w->ctx, st,
                          "A field with precision %d, scale %d cannot hold an infinite value.",
                          precision, scale);
    }
    TRY(numvar_round(w, v, scale));
    if (v->ndigits > 0 && whole_digits(v) > precision - scale)
        return raise_field_overflow(w->ctx, typmod);
    return QN_OK;
}

Status
numeric_value_coerce(Ctx *ctx, Arena *arena, const Value *in, int32_t typmod, Value *out)
{
    Phys phys = type_phys(TYPE_NUMERIC, typmod);
    if (typmod < 4) {
        *out = *in;
        return QN_OK;
    }
    int precision = numeric_typmod_precision(typmod), scale = numeric_typmod_scale(typmod);
    int128 r;
    if (in->phys != PHYS_STR && phys != PHYS_STR) {
        if (!rescale(int_of(in), in->scale, scale, &r) || r >= num_pow10_i128(precision) ||
            r <= -num_pow10_i128(precision))
            return raise_field_overflow(ctx, typmod);
    } else {
        NumWork w = {ctx, arena};
        NumVar v;
        TRY(numvar_from_value(&w, in, &v));
        TRY(coerce_var(&w, &v, typmod));
        if (phys == PHYS_STR || v.kind != NUMERIC_FINITE) {
            *out = value_str(TYPE_NUMERIC, (Str){0});
            return numvar_pack(&w, &v, &out->str);
        }
        if (!numvar_to_i128(&v, scale, &r)) return raise_field_overflow(ctx, typmod);
    }
    *out = (Value){.type = TYPE_NUMERIC, .phys = (uint8_t)phys, .scale = (int16_t)scale};
    if (phys == PHYS_I64)
        out->i64 = (int64_t)r;
    else
        out->i128 = r;
    return QN_OK;
}

/* Text. */

/* Plain decimals of up to 18 digits, as most are; false for everything else. */
static bool
parse_short(const char *p, const char *end, Value *out)
{
    bool negative = false, point = false;
    int64_t v = 0;
    int ndigits = 0, scale = 0;
    while (p < end && ascii_is_space(*p)) p++;
    while (p < end && ascii_is_space(end[-1])) end--;
    if (p < end && (*p == '-' || *p == '+')) negative = *p++ == '-';
    if (end - p > 19) return false;
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }
        if (!ascii_is_digit(*p) || ++ndigits > 18) return false;
        v = v * 10 + (*p - '0');
        scale += point;
    }
    if (ndigits == 0) return false;
    *out = numeric_value_int(negative ? -v : v, scale);
    return true;
}

Status
numeric_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
           Value *out)
{
    NumWork w = {ctx, arena};
    NumVar v;
    const char *p = text, *end = text + nbytes;
    bool ok;
    int128 u;
    (void)type;
    if (parse_short(text, end, out))
        return typmod < 0 ? QN_OK : numeric_value_coerce(ctx, arena, out, typmod, out);
    while (p < end && ascii_is_space(*p)) p++;
    TRY(numvar_from_text(&w, p, (size_t)(end - p), &v, &p, &ok));
    while (ok && p < end && ascii_is_space(*p)) p++;
    if (!ok || p != end)
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION,
                     "invalid input syntax for type numeric: \"%.*s\"", (int)nbytes, text);
    if (typmod >= 0) TRY(coerce_var(&w, &v, typmod));
    if (v.kind == NUMERIC_FINITE && v.dscale <= NUMERIC_INT_SCALE_MAX &&
        numvar_to_i128(&v, v.dscale, &u)) {
        *out = numeric_value_int(u, v.dscale);
        return numeric_value_coerce(ctx, arena, out, typmod, out);
    }
    *out = value_str(TYPE_NUMERIC, (Str){0});
    return numvar_pack(&w, &v, &out->str);
}

Status
numeric_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    char digits[48];
    if (value->phys == PHYS_STR) {
        NumWork w = {ctx, b->arena};
        NumVar v;
        TRY(numvar_from_str(&w, &value->str, &v));
        numvar_format(&v, b);
        return QN_OK;
    }
    int128 u = int_of(value);
    int scale = value->scale, n = value->phys == PHYS_I64 ? num_format_i64(value->i64, digits)
                                                          : num_format_i128(u, digits);
    const char *p = digits;
    if (*p == '-') {
        strbuf_addc(b, '-');
        p++;
        n--;
    }
    if (n > scale)
        strbuf_add(b, p, (size_t)(n - scale));
    else
        strbuf_addc(b, '0');
    if (scale == 0) return QN_OK;
    strbuf_addc(b, '.');
    for (int i = n; i < scale; i++) strbuf_addc(b, '0');
    if (n > scale)
        strbuf_add(b, p + n - scale, (size_t)scale);
    else
        strbuf_add(b, p, (size_t)n);
    return QN_OK;
}

/* Order and hash. */

static int
compare_views(const NumericView *a, const NumericView *b)
{
    int c = 0;
    if (a->kind != NUMERIC_FINITE || b->kind != NUMERIC_FINITE) {
        static const int rank[] = {
            [NUMERIC_NEG_INF] = 0, [NUMERIC_FINITE] = 1, [NUMERIC_POS_INF] = 2, [NUMERIC_NAN] = 3};
        return rank[a->kind] - rank[b->kind];
    }
    if (a->negative != b->negative) return a->negative ? -1 : 1;
    if (a->ndigits == 0 || b->ndigits == 0)
        c = (a->ndigits != 0) - (b->ndigits != 0);
    else if (a->weight != b->weight)
        c = a->weight < b->weight ? -1 : 1;
    for (int i = 0; c == 0 && (i < a->ndigits || i < b->ndigits); i++) {
        int x = i < a->ndigits ? numeric_view_digit(a, i) : 0,
            y = i < b->ndigits ? numeric_view_digit(b, i) : 0;
        c = (x > y) - (x < y);
    }
    return a->negative ? -c : c;
}

/* The value as an integer and a scale, where it is one or short enough to be read as one. */
static bool
short_int(const Value *v, int128 *out, int *scale)
{
    int64_t x;
    if (v->phys == PHYS_STR) {
        if (!numeric_str_int64(&v->str, &x, scale)) return false;
        *out = x;
        return true;
    }
    *out = int_of(v);
    *scale = v->scale;
    return true;
}

int
numeric_cmp(const Value *a, const Value *b)
{
    NumericView x, y;
    int128 u, v;
    int u_scale, v_scale;
    if (short_int(a, &u, &u_scale) && short_int(b, &v, &v_scale)) {
        bool fits = true;
        if (u_scale < v_scale) fits = rescale(u, u_scale, v_scale, &u);
        if (u_scale > v_scale) fits = rescale(v, v_scale, u_scale, &v);
        if (fits) return (u > v) - (u < v);
    }
    numeric_view(a, &x);
    numeric_view(b, &y);
    return compare_views(&x, &y);
}

uint64_t
numeric_hash(const Value *value)
{
    NumericView v;
    numeric_view(value, &v);
    uint64_t h = hash_u64((uint64_t)v.kind << 32 | (uint64_t)v.negative << 16 | (uint16_t)v.weight);
    return hash_mix(h, HASH_K1 ^ hash_bytes(v.digits, (size_t)v.ndigits * 2));
}

/* Forms. */

void
numeric_common_form(const Vector *const *vecs, int nvecs, Phys *phys_out, int16_t *scale_out)
{
    Phys phys = PHYS_NONE;
    int16_t scale = 0;
    for (int i = 0; i < nvecs; i++) {
        const Vector *v = vecs[i]->shape == VEC_DICT ? vecs[i]->dict : vecs[i];
        if (v->shape == VEC_CONST && vec_is_null(v, 0)) continue;
        if (phys == PHYS_NONE) {
            phys = v->phys;
            scale = v->scale;
        } else if (v->phys == PHYS_STR || phys == PHYS_STR || v->scale != scale) {
            phys = PHYS_STR;
        } else if (v->phys == PHYS_I128) {
            phys = PHYS_I128;
        }
    }
    *phys_out = phys == PHYS_NONE ? PHYS_STR : phys;
    *scale_out = *phys_out == PHYS_STR ? 0 : scale;
}

Status
numeric_value_convert(Ctx *ctx, Arena *arena, const Value *in, Phys phys, int scale, Value *out)
{
    NumWork w = {ctx, arena};
    NumVar v;
    int128 u;
    if (in->is_null) {
        *out = *in;
        return QN_OK;
    }
    if (phys == PHYS_STR) {
        Value r = value_str(TYPE_NUMERIC, (Str){0});
        if (in->phys == PHYS_STR) {
            *out = *in;
            return QN_OK;
        }
        TRY(numvar_pack_int(&w, int_of(in), in->scale, &r.str));
        *out = r;
        return QN_OK;
    }
    bool fits;
    if (in->phys == PHYS_STR) {
        TRY(numvar_from_str(&w, &in->str, &v));
        if (v.kind == NUMERIC_NAN)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                         "NaN is not supported in columns of type numeric(p,s)");
        fits = v.kind == NUMERIC_FINITE && numvar_to_i128(&v, scale, &u);
    } else {
        u = int_of(in);
        fits = in->scale <= scale
                   ? rescale(u, in->scale, scale, &u)
                   : in->scale - scale <= 38 && u % num_pow10_i128(in->scale - scale) == 0 &&
                         rescale(u, in->scale, scale, &u);
    }
    if (!fits || (phys == PHYS_I64 && (u < INT64_MIN || u > INT64_MAX)))
        return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
    *out = (Value){.type = TYPE_NUMERIC, .phys = (uint8_t)phys, .scale = (int16_t)scale};
    if (phys == PHYS_I64)
        out->i64 = (int64_t)u;
    else
        out->i128 = u;
    return QN_OK;
}

Status
numeric_vec_convert(Ctx *ctx, Arena *arena, const Vector *in, const uint16_t *sel, int n, Phys phys,
                    int scale, Vector *out)
{
    const Vector *src = in->shape == VEC_DICT ? in->dict : in;
    if (src->phys == phys && (phys == PHYS_STR || src->scale == scale)) {
        vec_flatten(in, sel, n, out);
        return QN_OK;
    }
    vec_reset(out, phys);
    out->scale = phys == PHYS_STR ? 0 : (int16_t)scale;
    if (phys == PHYS_STR && in->shape == VEC_FLAT && in->valid == NULL && in->phys == PHYS_I64) {
        NumWork w = {ctx, arena};
        for (int k = 0; k < n; k++) {
            int i = sel != NULL ? sel[k] : k;
            TRY(numvar_pack_int(&w, ((const int64_t *)in->data)[i], in->scale,
                                &((Str *)out->data)[i]));
        }
        return QN_OK;
    }
    for (int k = 0; k < n; k++) {
        int i = sel != NULL ? sel[k] : k;
        Value v = vec_get(in, i);
        TRY(numeric_value_convert(ctx, arena, &v, phys, scale, &v));
        vec_put(out, i, &v);
    }
    return QN_OK;
}

Status
numeric_value_float8(Ctx *ctx, const Value *value, double *out)
{
    static const double pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int128 u;
    int scale;
    if (short_int(value, &u, &scale) && scale <= 22 && u >= -((int128)1 << 53) &&
        u <= (int128)1 << 53) { /* both exact, so one division rounds once */
        *out = (double)(int64_t)u / pow10[scale];
        return QN_OK;
    }
    Arena *arena = arena_create(NULL, "numeric");
    if (arena == NULL) return RAISE_OOM(ctx);
    StrBuf b = strbuf_new(arena);
    char *text = NULL;
    size_t nbytes = 0;
    const char *end;
    Status st;
    TRY_GOTO(numeric_out(ctx, &b, value));
    TRY_GOTO(strbuf_finish(ctx, &b, &text, &nbytes));
    FloatParse r = float8_parse(text, nbytes, out, &end);
    if (r == FLOAT_NO_MEMORY) st = RAISE_OOM(ctx);
    if (r == FLOAT_RANGE)
        st = RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE,
                   "\"%s\" is out of range for type double precision", text);
done:
    arena_destroy(arena);
    return st;
}
