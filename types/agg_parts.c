/* agg_parts.c - the functions PostgreSQL's aggregates are made of, as CREATE AGGREGATE may name them: a step takes a state and
 * a value and gives the next state, a final function makes the result of it. The built-in aggregates do not use them. */
#include "types/agg.h"
#include "types/array.h"
#include "types/datetime.h"

/* Those whose state is internal have nothing to be called with. */
Status
fn_agg_part(KernelCall *call)
{
    return RAISE(call->ctx, ERR_INTERNAL_ERROR, "aggregate function called in non-aggregate context");
}

Status
fn_internal_only(KernelCall *call)
{
    return RAISE(call->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot accept a value of type %s", "internal");
}

/* ---- the greater and the smaller ---- */

static Status
better(KernelCall *call, int sign)
{
    const TypeInfo *t = type_info(type_base(call->arg_types[0]));
    if (t == NULL || t->cmp == NULL)
        return RAISE(call->ctx, ERR_UNDEFINED_FUNCTION, "could not identify a comparison function for type %s",
                     t != NULL ? t->sql_name : "?");
    ROWS (call, i) {
        Value a = vec_get(call->args[0], i), b = vec_get(call->args[1], i);
        vec_put(call->out, i, t->cmp(&a, &b) * sign > 0 ? &a : &b);
    }
    return QN_OK;
}

Status fn_any_larger(KernelCall *call) { return better(call, 1); }
Status fn_any_smaller(KernelCall *call) { return better(call, -1); }

/* ---- counts and sums of integers ---- */

static Status
add_to_count(KernelCall *call, int64_t by)
{
    ROWS (call, i)
        if (num_add_overflows(ARG(call, 0, int64_t, i), by, &OUT(call, int64_t, i)))
            return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
    return QN_OK;
}

Status fn_int8inc(KernelCall *call) { return add_to_count(call, 1); }
Status fn_int8dec(KernelCall *call) { return add_to_count(call, -1); }

static int64_t
small_int(const KernelCall *call, int arg, int row)
{
    return call->args[arg]->phys == PHYS_I16 ? ARG(call, arg, int16_t, row) : ARG(call, arg, int32_t, row);
}

/* Not strict: NULL is the state before the first value. */
static Status
add_to_sum(KernelCall *call)
{
    ROWS (call, i) {
        bool fresh = vec_is_null(call->args[0], i), skip = vec_is_null(call->args[1], i);
        if (fresh && skip) {
            out_set_null(call, i);
            continue;
        }
        OUT(call, int64_t, i) = (fresh ? 0 : ARG(call, 0, int64_t, i)) + (skip ? 0 : small_int(call, 1, i));
    }
    return QN_OK;
}

Status fn_int2_sum(KernelCall *call) { return add_to_sum(call); }
Status fn_int4_sum(KernelCall *call) { return add_to_sum(call); }

typedef struct CountSum { /* as in the arrays, and as agg_num.c's IntSum the other way round */
    int64_t n, sum;
} CountSum;

static Status
read_count(KernelCall *call, int arg, int row, CountSum *out)
{
    ArrayView a;
    array_view(&ARG(call, arg, Str, row), &a);
    if (a.ndim != 1 || a.nelems != 2 || a.nulls != NULL)
        return RAISE(call->ctx, ERR_INTERNAL_ERROR, "expected 2-element int8 array");
    *out = (CountSum){array_element(&a, 0).i64, array_element(&a, 1).i64};
    return QN_OK;
}

static Status
write_count(KernelCall *call, int row, CountSum s)
{
    ArrayBuilder b = array_builder(call->arena, TYPE_INT8);
    Value n = value_i64(TYPE_INT8, s.n), sum = value_i64(TYPE_INT8, s.sum);
    TRY(array_add(call->ctx, &b, &n));
    TRY(array_add(call->ctx, &b, &sum));
    return array_finish_1d(call->ctx, &b, &OUT(call, Str, row));
}

static Status
count_value(KernelCall *call, int64_t by)
{
    ROWS (call, i) {
        CountSum s;
        TRY(read_count(call, 0, i, &s));
        s.n += by;
        s.sum += by * small_int(call, 1, i);
        TRY(write_count(call, i, s));
    }
    return QN_OK;
}

Status fn_int2_avg_accum(KernelCall *call) { return count_value(call, 1); }
Status fn_int4_avg_accum(KernelCall *call) { return count_value(call, 1); }
Status fn_int2_avg_accum_inv(KernelCall *call) { return count_value(call, -1); }
Status fn_int4_avg_accum_inv(KernelCall *call) { return count_value(call, -1); }

Status
fn_int4_avg_combine(KernelCall *call)
{
    ROWS (call, i) {
        CountSum a, b;
        TRY(read_count(call, 0, i, &a));
        TRY(read_count(call, 1, i, &b));
        TRY(write_count(call, i, (CountSum){a.n + b.n, a.sum + b.sum}));
    }
    return QN_OK;
}

Status
fn_int2int4_sum(KernelCall *call)
{
    ROWS (call, i) {
        CountSum s;
        TRY(read_count(call, 0, i, &s));
        if (s.n == 0) out_set_null(call, i);
        else OUT(call, int64_t, i) = s.sum;
    }
    return QN_OK;
}

Status
fn_int8_avg(KernelCall *call)
{
    AggCall agg = {.ctx = call->ctx, .arena = call->arena};
    out_set_form(call, PHYS_STR, 0);
    ROWS (call, i) {
        CountSum s;
        Value v;
        TRY(read_count(call, 0, i, &s));
        TRY(agg_int_average(&agg, s.sum, s.n, call->arena, &v));
        TRY(value_default_form(call->ctx, call->arena, &v, &v));
        if (v.is_null) out_set_null(call, i);
        else vec_put(call->out, i, &v);
    }
    return QN_OK;
}

/* ---- intervals: the sum, and the count as one of no length but microseconds ---- */

typedef struct IntervalState {
    Interval sum;
    int64_t n;
} IntervalState;

static Status
read_interval(KernelCall *call, int arg, int row, IntervalState *out)
{
    ArrayView a;
    array_view(&ARG(call, arg, Str, row), &a);
    if (a.ndim != 1 || a.nelems != 2 || a.nulls != NULL)
        return RAISE(call->ctx, ERR_INTERNAL_ERROR, "expected 2-element interval array");
    *out = (IntervalState){array_element(&a, 0).interval, array_element(&a, 1).interval.us};
    return QN_OK;
}

static Status
write_interval(KernelCall *call, int row, const IntervalState *s)
{
    ArrayBuilder b = array_builder(call->arena, TYPE_INTERVAL);
    Value sum = value_interval(s->sum), n = value_interval((Interval){.us = s->n});
    TRY(array_add(call->ctx, &b, &sum));
    TRY(array_add(call->ctx, &b, &n));
    return array_finish_1d(call->ctx, &b, &OUT(call, Str, row));
}

static Status
add_interval(KernelCall *call, IntervalState *s, const Interval *iv, int64_t n, bool inverse)
{
    Interval *a = &s->sum;
    bool bad = inverse ? __builtin_sub_overflow(a->us, iv->us, &a->us) || __builtin_sub_overflow(a->days, iv->days, &a->days) ||
                             __builtin_sub_overflow(a->months, iv->months, &a->months)
                       : __builtin_add_overflow(a->us, iv->us, &a->us) || __builtin_add_overflow(a->days, iv->days, &a->days) ||
                             __builtin_add_overflow(a->months, iv->months, &a->months);
    if (bad) return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
    s->n += inverse ? -n : n;
    return QN_OK;
}

static Status
count_interval(KernelCall *call, bool inverse)
{
    ROWS (call, i) {
        IntervalState s;
        TRY(read_interval(call, 0, i, &s));
        TRY(add_interval(call, &s, &ARG(call, 1, Interval, i), 1, inverse));
        TRY(write_interval(call, i, &s));
    }
    return QN_OK;
}

Status fn_interval_accum(KernelCall *call) { return count_interval(call, false); }
Status fn_interval_accum_inv(KernelCall *call) { return count_interval(call, true); }

Status
fn_interval_combine(KernelCall *call)
{
    ROWS (call, i) {
        IntervalState a, b;
        TRY(read_interval(call, 0, i, &a));
        TRY(read_interval(call, 1, i, &b));
        TRY(add_interval(call, &a, &b.sum, b.n, false));
        TRY(write_interval(call, i, &a));
    }
    return QN_OK;
}

Status
fn_interval_avg(KernelCall *call)
{
    ROWS (call, i) {
        IntervalState s;
        TRY(read_interval(call, 0, i, &s));
        if (s.n == 0) out_set_null(call, i);
        else TRY(interval_scale_by(call->ctx, &s.sum, (double)s.n, true, &OUT(call, Interval, i)));
    }
    return QN_OK;
}
