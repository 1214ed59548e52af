/* agg_interval.c - sum and avg of intervals. The three parts are summed apart and exactly, so that
 * the order does not matter and rows can be taken out again. */
#include "types/agg.h"

#include "types/datetime.h"

typedef struct IntervalSum {
    Int128 us;
    int64_t days, months, n;
} IntervalSum;

AGG_STEP(interval_add, IntervalSum, Interval,
         (s->us += x.us, s->days += x.days, s->months += x.months, s->n++))

static Status
interval_remove_one(AggCall *call, void *state)
{
    IntervalSum *s = state;
    AGG_EACH(call, Interval, s->us -= x.us; s->days -= x.days; s->months -= x.months;);
    s->n -= call->n;
    return QN_OK;
}

static Status
interval_combine(AggCall *call, void *into, const void *from)
{
    IntervalSum *a = into;
    const IntervalSum *b = from;
    (void)call;
    a->us += b->us;
    a->days += b->days;
    a->months += b->months;
    a->n += b->n;
    return QN_OK;
}

static Status
total(AggCall *call, const IntervalSum *s, Interval *out)
{
    if (s->us < INT64_MIN || s->us > INT64_MAX || s->days != (int32_t)s->days ||
        s->months != (int32_t)s->months)
        return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
    *out = (Interval){(int64_t)s->us, (int32_t)s->days, (int32_t)s->months};
    return QN_OK;
}

static Status
interval_sum_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const IntervalSum *s = state;
    Interval sum;
    (void)arena;
    *out = value_null(TYPE_INTERVAL);
    if (s->n == 0) return QN_OK;
    TRY(total(call, s, &sum));
    *out = value_interval(sum);
    return QN_OK;
}

static Status
interval_avg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const IntervalSum *s = state;
    Interval sum;
    (void)arena;
    *out = value_null(TYPE_INTERVAL);
    if (s->n == 0) return QN_OK;
    TRY(total(call, s, &sum));
    TRY(interval_scale_by(call->ctx, &sum, (double)s->n, true, &sum));
    *out = value_interval(sum);
    return QN_OK;
}

#define INTERVAL_OPS(NAME)                                                                         \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(IntervalSum),                              \
                                  .plain_state = true,                                             \
                                  .update = interval_add_update,                                   \
                                  .update_one = interval_add_update_one,                           \
                                  .remove_one = interval_remove_one,                               \
                                  .combine = interval_combine,                                     \
                                  .final = NAME##_final};

INTERVAL_OPS(interval_sum)
INTERVAL_OPS(interval_avg)
