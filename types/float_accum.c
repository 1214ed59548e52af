/* float_accum.c - the steps of PostgreSQL's float aggregates as functions over their states, arrays of float8: count, sum and
 * sum of squared deviations (Youngs and Cramer), and for pairs those of x and y and of the products. */
#include "types/array.h"
#include "types/agg.h"
#include <math.h>

enum { PLAIN_STATE = 3, PAIR_STATE = 6 };

static Status
read_state(KernelCall *call, int arg, int row, int n, double *out)
{
    ArrayView a;
    array_view(&ARG(call, arg, Str, row), &a);
    if (a.ndim != 1 || (int)a.nelems != n || a.nulls != NULL)
        return RAISE(call->ctx, ERR_INTERNAL_ERROR, "%s: expected %d-element float8 array", call->fn->name, n);
    for (int i = 0; i < n; i++) out[i] = array_element(&a, (uint32_t)i).f64;
    return QN_OK;
}

static Status
write_state(KernelCall *call, int row, int n, const double *state)
{
    ArrayBuilder b = array_builder(call->arena, TYPE_FLOAT8);
    for (int i = 0; i < n; i++) {
        Value v = {.type = TYPE_FLOAT8, .phys = PHYS_F64, .f64 = state[i]};
        TRY(array_add(call->ctx, &b, &v));
    }
    return array_finish_1d(call->ctx, &b, &OUT(call, Str, row));
}

static Status
overflow(Ctx *ctx)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
}

/* One variable of a state, its sum at sx and its deviations at sxx, takes x as its n-th value. */
static Status
add_value(Ctx *ctx, double n, double x, double *sx, double *sxx)
{
    double before = *sx;
    *sx += x;
    if (n <= 1) {
        if (!isfinite(x)) *sxx = NAN;
        return QN_OK;
    }
    double d = x * n - *sx;
    *sxx += d * d / (n * (n - 1));
    if (!isinf(*sx) && !isinf(*sxx)) return QN_OK;
    if (!isinf(before) && !isinf(x)) return overflow(ctx);
    *sxx = NAN;
    return QN_OK;
}

static Status
accum_rows(KernelCall *call)
{
    bool is_real = call->args[1]->phys == PHYS_F32;
    ROWS (call, i) {
        double s[PLAIN_STATE], x = is_real ? (double)ARG(call, 1, float, i) : ARG(call, 1, double, i);
        TRY(read_state(call, 0, i, PLAIN_STATE, s));
        s[0] += 1;
        TRY(add_value(call->ctx, s[0], x, &s[1], &s[2]));
        TRY(write_state(call, i, PLAIN_STATE, s));
    }
    return QN_OK;
}

Status fn_float8_accum(KernelCall *call) { return accum_rows(call); }
Status fn_float4_accum(KernelCall *call) { return accum_rows(call); }

Status
fn_float8_regr_accum(KernelCall *call)
{
    ROWS (call, i) {
        double s[PAIR_STATE], y = ARG(call, 1, double, i), x = ARG(call, 2, double, i);
        TRY(read_state(call, 0, i, PAIR_STATE, s));
        double n = s[0] += 1;
        TRY(add_value(call->ctx, n, x, &s[1], &s[2]));
        TRY(add_value(call->ctx, n, y, &s[3], &s[4]));
        if (n > 1)
            s[5] += (x * n - s[1]) * (y * n - s[3]) / (n * (n - 1));
        else if (!isfinite(x) || !isfinite(y))
            s[5] = NAN;
        if (isinf(s[5])) return overflow(call->ctx);
        TRY(write_state(call, i, PAIR_STATE, s));
    }
    return QN_OK;
}

static Status
combine_rows(KernelCall *call, int nstate)
{
    ROWS (call, i) {
        double a[PAIR_STATE], b[PAIR_STATE], s[PAIR_STATE];
        TRY(read_state(call, 0, i, nstate, a));
        TRY(read_state(call, 1, i, nstate, b));
        double n = a[0] + b[0];
        if (a[0] == 0 || b[0] == 0) {
            TRY(write_state(call, i, nstate, a[0] == 0 ? b : a));
            continue;
        }
        s[0] = n;
        double d[2] = {0, 0};
        for (int v = 0; v < nstate / 3; v++) {
            int at = 1 + 2 * v;
            d[v] = a[at] / a[0] - b[at] / b[0];
            s[at] = a[at] + b[at];
            s[at + 1] = a[at + 1] + b[at + 1] + a[0] * b[0] * d[v] * d[v] / n;
            if ((isinf(s[at]) && !isinf(a[at]) && !isinf(b[at])) || (isinf(s[at + 1]) && !isinf(a[at + 1]) && !isinf(b[at + 1])))
                return overflow(call->ctx);
        }
        if (nstate == PAIR_STATE) s[5] = a[5] + b[5] + a[0] * b[0] * d[0] * d[1] / n;
        TRY(write_state(call, i, nstate, s));
    }
    return QN_OK;
}

Status fn_float8_combine(KernelCall *call) { return combine_rows(call, PLAIN_STATE); }
Status fn_float8_regr_combine(KernelCall *call) { return combine_rows(call, PAIR_STATE); }

/* Results of a state: the aggregates' own final functions, whose states begin with the same numbers (agg_float.c). */
static Status
finals(KernelCall *call, const AggOps *ops, int nstate)
{
    AggCall agg = {.ctx = call->ctx, .arena = call->arena};
    ROWS (call, i) {
        double s[PAIR_STATE + 2] = {0};
        Value v;
        TRY(read_state(call, 0, i, nstate, s));
        TRY(ops->final(&agg, s, call->arena, &v));
        if (v.is_null) out_set_null(call, i);
        else vec_put(call->out, i, &v);
    }
    return QN_OK;
}

#define STATE_FINAL(NAME, OPS, NSTATE)                                                             \
    extern const AggOps aggops_##OPS;                                                              \
    Status fn_##NAME(KernelCall *call) { return finals(call, &aggops_##OPS, NSTATE); }

STATE_FINAL(float8_avg, float8_avg, PLAIN_STATE)
STATE_FINAL(float8_var_pop, float8_var_pop, PLAIN_STATE)
STATE_FINAL(float8_var_samp, float8_var_samp, PLAIN_STATE)
STATE_FINAL(float8_stddev_pop, float8_stddev_pop, PLAIN_STATE)
STATE_FINAL(float8_stddev_samp, float8_stddev_samp, PLAIN_STATE)
STATE_FINAL(float8_regr_sxx, regr_sxx, PAIR_STATE)
STATE_FINAL(float8_regr_syy, regr_syy, PAIR_STATE)
STATE_FINAL(float8_regr_sxy, regr_sxy, PAIR_STATE)
STATE_FINAL(float8_regr_avgx, regr_avgx, PAIR_STATE)
STATE_FINAL(float8_regr_avgy, regr_avgy, PAIR_STATE)
STATE_FINAL(float8_regr_r2, regr_r2, PAIR_STATE)
STATE_FINAL(float8_regr_slope, regr_slope, PAIR_STATE)
STATE_FINAL(float8_regr_intercept, regr_intercept, PAIR_STATE)
STATE_FINAL(float8_covar_pop, covar_pop, PAIR_STATE)
STATE_FINAL(float8_covar_samp, covar_samp, PAIR_STATE)
STATE_FINAL(float8_corr, corr, PAIR_STATE)
