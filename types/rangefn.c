/* rangefn.c - kernels of ranges: constructors, parts, comparisons and set operations; range_intersect_agg. */
#include "types/agg.h"
#include "types/range.h"

static Range
arg_range(const KernelCall *call, int a, int row)
{
    Range r;
    range_view(&ARG(call, a, Str, row), &r);
    return r;
}

static Status
out_range(KernelCall *call, int row, const Range *r)
{
    return range_pack(call->ctx, call->arena, r, &OUT(call, Str, row));
}

/* ---- constructors: which range comes out is the type of out ---- */

static Status
construct(KernelCall *call, int i, bool lower_inclusive, bool upper_inclusive)
{
    RangeBound lower = {.value = vec_get(call->args[0], i), .inclusive = lower_inclusive, .lower = true};
    RangeBound upper = {.value = vec_get(call->args[1], i), .inclusive = upper_inclusive};
    Range r;
    lower.infinite = lower.value.is_null;
    upper.infinite = upper.value.is_null;
    TRY(range_from_bounds(call->ctx, call->out->type, lower, upper, &r));
    return out_range(call, i, &r);
}

Status
fn_range_constructor2(KernelCall *call)
{
    ROWS (call, i) TRY(construct(call, i, true, false));
    return QN_OK;
}

Status
fn_range_constructor3(KernelCall *call)
{
    ROWS (call, i) {
        bool lower, upper;
        if (vec_is_null(call->args[2], i))
            return RAISE(call->ctx, ERR_DATA_EXCEPTION, "range constructor flags argument must not be null");
        TRY(range_parse_flags(call->ctx, &ARG(call, 2, Str, i), &lower, &upper));
        TRY(construct(call, i, lower, upper));
    }
    return QN_OK;
}

/* ---- parts ---- */

#define RANGE_PART(NAME, BOUND)                                                                    \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        vec_reset(call->out, type_phys(call->out->type, -1));                                      \
        ROWS (call, i) {                                                                           \
            Range r = vec_is_null(call->args[0], i) ? range_empty_of(TYPE_INT4RANGE) : arg_range(call, 0, i); \
            if (r.empty || r.BOUND.infinite) vec_set_null(call->out, i);                           \
            if (r.empty || r.BOUND.infinite) memset((char *)call->out->data + (size_t)i * phys_width[call->out->phys], 0, phys_width[call->out->phys]); \
            else vec_put(call->out, i, &r.BOUND.value);                                            \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
RANGE_PART(range_lower, lower)
RANGE_PART(range_upper, upper)

/* Of one range x, and of two, x and y. */
#define RANGE_TEST(NAME, EXPR)                                                                     \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            Range x = arg_range(call, 0, i);                                                       \
            OUT(call, uint8_t, i) = (EXPR);                                                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
#define RANGE_TEST2(NAME, T, EXPR)                                                                 \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            Range x = arg_range(call, 0, i), y = arg_range(call, 1, i);                            \
            OUT(call, T, i) = (EXPR);                                                              \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

RANGE_TEST(range_empty, x.empty)
RANGE_TEST(range_lower_inc, !x.empty && x.lower.inclusive)
RANGE_TEST(range_upper_inc, !x.empty && x.upper.inclusive)
RANGE_TEST(range_lower_inf, !x.empty && x.lower.infinite)
RANGE_TEST(range_upper_inf, !x.empty && x.upper.infinite)

RANGE_TEST2(range_eq, uint8_t, range_compare(&x, &y) == 0)
RANGE_TEST2(range_ne, uint8_t, range_compare(&x, &y) != 0)
RANGE_TEST2(range_lt, uint8_t, range_compare(&x, &y) < 0)
RANGE_TEST2(range_le, uint8_t, range_compare(&x, &y) <= 0)
RANGE_TEST2(range_gt, uint8_t, range_compare(&x, &y) > 0)
RANGE_TEST2(range_ge, uint8_t, range_compare(&x, &y) >= 0)
RANGE_TEST2(range_cmp, int32_t, range_compare(&x, &y))
RANGE_TEST2(range_overlaps, uint8_t, range_overlaps(&x, &y))
RANGE_TEST2(range_contains, uint8_t, range_contains(&x, &y))
RANGE_TEST2(range_contained_by, uint8_t, range_contains(&y, &x))
RANGE_TEST2(range_adjacent, uint8_t, range_adjacent(&x, &y))
RANGE_TEST2(range_before, uint8_t, range_before(&x, &y))
RANGE_TEST2(range_after, uint8_t, range_before(&y, &x))
RANGE_TEST2(range_overleft, uint8_t, !x.empty && !y.empty && range_bound_compare(&x, &x.upper, &y.upper) <= 0)
RANGE_TEST2(range_overright, uint8_t, !x.empty && !y.empty && range_bound_compare(&x, &x.lower, &y.lower) >= 0)

Status
fn_range_contains_elem(KernelCall *call)
{
    ROWS (call, i) {
        Range r = arg_range(call, 0, i);
        Value v = vec_get(call->args[1], i);
        OUT(call, uint8_t, i) = range_contains_value(&r, &v);
    }
    return QN_OK;
}

Status
fn_elem_contained_by_range(KernelCall *call)
{
    ROWS (call, i) {
        Range r = arg_range(call, 1, i);
        Value v = vec_get(call->args[0], i);
        OUT(call, uint8_t, i) = range_contains_value(&r, &v);
    }
    return QN_OK;
}

/* ---- sets ---- */

Status
fn_range_union(KernelCall *call)
{
    ROWS (call, i) {
        Range x = arg_range(call, 0, i), y = arg_range(call, 1, i);
        if (!x.empty && !y.empty && !range_overlaps(&x, &y) && !range_adjacent(&x, &y))
            return RAISE(call->ctx, ERR_DATA_EXCEPTION, "result of range union would not be contiguous");
        Range r = range_hull(&x, &y);
        TRY(out_range(call, i, &r));
    }
    return QN_OK;
}

Status
fn_range_merge(KernelCall *call)
{
    ROWS (call, i) {
        Range x = arg_range(call, 0, i), y = arg_range(call, 1, i);
        Range r = range_hull(&x, &y);
        TRY(out_range(call, i, &r));
    }
    return QN_OK;
}

Status
fn_range_intersect(KernelCall *call)
{
    ROWS (call, i) {
        Range x = arg_range(call, 0, i), y = arg_range(call, 1, i);
        Range r = range_intersection(&x, &y);
        TRY(out_range(call, i, &r));
    }
    return QN_OK;
}

static Status
subtract(Ctx *ctx, const Range *x, const Range *y, Range *out)
{
    *out = *x;
    if (!range_overlaps(x, y)) return QN_OK;
    bool left = range_bound_compare(x, &x->lower, &y->lower) < 0, right = range_bound_compare(x, &x->upper, &y->upper) > 0;
    if (left && right) return RAISE(ctx, ERR_DATA_EXCEPTION, "result of range difference would not be contiguous");
    RangeBound cut = left ? y->lower : y->upper;
    cut.inclusive = !cut.inclusive;
    if (left) return range_from_bounds(ctx, x->type, x->lower, cut, out);
    if (right) return range_from_bounds(ctx, x->type, cut, x->upper, out);
    *out = range_empty_of(x->type);
    return QN_OK;
}

Status
fn_range_minus(KernelCall *call)
{
    ROWS (call, i) {
        Range x = arg_range(call, 0, i), y = arg_range(call, 1, i), r;
        TRY(subtract(call->ctx, &x, &y, &r));
        TRY(out_range(call, i, &r));
    }
    return QN_OK;
}

/* What int4range_canonical and its like do: values are in that form already. */
#define RANGE_SAME(NAME)                                                                           \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) OUT(call, Str, i) = ARG(call, 0, Str, i);                                   \
        return QN_OK;                                                                              \
    }
RANGE_SAME(int4range_canonical)
RANGE_SAME(int8range_canonical)
RANGE_SAME(daterange_canonical)

/* ---- how far apart two values are ---- */

#define SUBDIFF(NAME, T, SCALE)                                                                    \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) OUT(call, double, i) = ((double)ARG(call, 0, T, i) - (double)ARG(call, 1, T, i)) / (SCALE); \
        return QN_OK;                                                                              \
    }
SUBDIFF(int4range_subdiff, int32_t, 1)
SUBDIFF(int8range_subdiff, int64_t, 1)
SUBDIFF(daterange_subdiff, int32_t, 1)
SUBDIFF(tsrange_subdiff, int64_t, 1000000.0)
SUBDIFF(tstzrange_subdiff, int64_t, 1000000.0)

/* ---- range_intersect_agg: the intersection so far, as a value in the states' arena ---- */

typedef struct Intersect {
    int64_t seen;
    char *bytes;
    int64_t nbytes;
} Intersect;

static Status
intersect_keep(AggCall *call, Intersect *s, const Str *v)
{
    char *copy;
    TRY_ALLOC(call->ctx, copy, arena_alloc(call->arena, v->len));
    memcpy(copy, str_data(v), v->len);
    agg_grew(call, v->len);
    *s = (Intersect){1, copy, v->len};
    return QN_OK;
}

static Status
intersect_fold(AggCall *call, Intersect *s, int i)
{
    Str v = ARG(call, 0, Str, i), so_far, out;
    Range x, y;
    if (!s->seen) return intersect_keep(call, s, &v);
    so_far = str_make(s->bytes, (size_t)s->nbytes);
    range_view(&so_far, &x);
    range_view(&v, &y);
    Range r = range_intersection(&x, &y);
    TRY(range_pack(call->ctx, call->arena, &r, &out));
    return intersect_keep(call, s, &out);
}
AGG_FOLD(intersect, Intersect, intersect_fold)

static Status
intersect_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const Intersect *s = state;
    *out = value_null(type_base(call->arg_types[0]));
    if (!s->seen) return QN_OK;
    *out = value_str(out->type, (Str){0});
    return str_copy(call->ctx, arena, s->bytes, (size_t)s->nbytes, &out->str);
}

const AggOps aggops_range_intersect_agg = {.state_bytes = sizeof(Intersect),
                                           .update = intersect_update,
                                           .update_one = intersect_update_one,
                                           .final = intersect_final};
