/* multirangefn.c - kernels of multiranges: constructors, parts, comparisons, set operations, unnest; range_agg and
 * range_intersect_agg. Where one side is a range it is looked at as a multirange of one. */
#include "types/agg.h"
#include "types/array.h"
#include "types/range.h"

/* A range or a multirange, whatever the argument is; an empty range has no items. */
static Status
arg_set(KernelCall *call, int a, int row, Multirange *out)
{
    const Str *s = &ARG(call, a, Str, row);
    Oid type = call->args[a]->type;
    if (multirange_range(type) != 0) return multirange_view(call->ctx, call->arena, s, out);
    Range *one;
    TRY_ALLOC(call->ctx, one, ARENA_NEW(call->arena, Range));
    range_view(s, one);
    *out = (Multirange){.type = range_multirange(one->type), .n = !one->empty, .items = one};
    return QN_OK;
}

static const Range *
first(const Multirange *m)
{
    return &m->items[0];
}

static const Range *
last(const Multirange *m)
{
    return &m->items[m->n - 1];
}

static Status
out_set(KernelCall *call, int row, Oid type, Range *items, int n)
{
    return multirange_from_ranges(call->ctx, call->arena, type, items, n, &OUT(call, Str, row));
}

/* ---- constructors ---- */

Status
fn_multirange_constructor0(KernelCall *call)
{
    ROWS (call, i) TRY(out_set(call, i, call->out->type, NULL, 0));
    return QN_OK;
}

Status
fn_multirange_constructor1(KernelCall *call)
{
    ROWS (call, i) {
        Range r;
        range_view(&ARG(call, 0, Str, i), &r);
        TRY(out_set(call, i, range_multirange(r.type), &r, 1));
    }
    return QN_OK;
}

Status
fn_multirange_constructor2(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView a;
        Range *items;
        array_view(&ARG(call, 0, Str, i), &a);
        if (a.ndim > 1)
            return RAISE(call->ctx, ERR_CARDINALITY_VIOLATION, "multiranges cannot be constructed from multidimensional arrays");
        TRY_ALLOC(call->ctx, items, ARENA_ARRAY(call->arena, Range, a.nelems + 1));
        for (uint32_t k = 0; k < a.nelems; k++) {
            Value v = array_element(&a, k);
            if (v.is_null)
                return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "multirange values cannot contain null members");
            range_view(&v.str, &items[k]);
        }
        TRY(out_set(call, i, call->out->type, items, (int)a.nelems));
    }
    return QN_OK;
}

/* ---- parts ---- */

#define MULTIRANGE_PART(NAME, WHICH, BOUND)                                                        \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        vec_reset(call->out, type_phys(call->out->type, -1));                                      \
        ROWS (call, i) {                                                                           \
            Multirange m = {0};                                                                    \
            if (!vec_is_null(call->args[0], i)) TRY(arg_set(call, 0, i, &m));                      \
            if (m.n > 0 && !WHICH(&m)->BOUND.infinite) {                                           \
                vec_put(call->out, i, &WHICH(&m)->BOUND.value);                                    \
                continue;                                                                          \
            }                                                                                      \
            vec_set_null(call->out, i);                                                            \
            memset((char *)call->out->data + (size_t)i * phys_width[call->out->phys], 0, phys_width[call->out->phys]); \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
MULTIRANGE_PART(multirange_lower, first, lower)
MULTIRANGE_PART(multirange_upper, last, upper)

/* ---- tests; x and y are the arguments ---- */

#define SET_TEST(NAME, EXPR)                                                                       \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            Multirange x;                                                                          \
            TRY(arg_set(call, 0, i, &x));                                                          \
            OUT(call, uint8_t, i) = (EXPR);                                                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
#define SET_TEST2(NAME, EXPR)                                                                      \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            Multirange x, y;                                                                       \
            TRY(arg_set(call, 0, i, &x));                                                          \
            TRY(arg_set(call, 1, i, &y));                                                          \
            OUT(call, uint8_t, i) = (EXPR);                                                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

SET_TEST(multirange_empty, x.n == 0)
SET_TEST(multirange_lower_inc, x.n > 0 && first(&x)->lower.inclusive)
SET_TEST(multirange_upper_inc, x.n > 0 && last(&x)->upper.inclusive)
SET_TEST(multirange_lower_inf, x.n > 0 && first(&x)->lower.infinite)
SET_TEST(multirange_upper_inf, x.n > 0 && last(&x)->upper.infinite)

static bool
set_overlaps(const Multirange *x, const Multirange *y)
{
    for (int i = 0, j = 0; i < x->n && j < y->n;) {
        if (range_overlaps(&x->items[i], &y->items[j])) return true;
        if (range_before(&x->items[i], &y->items[j])) i++;
        else j++;
    }
    return false;
}

static bool
set_contains(const Multirange *x, const Multirange *y)
{
    int i = 0;
    for (int j = 0; j < y->n; j++) {
        while (i < x->n && range_before(&x->items[i], &y->items[j])) i++;
        if (i == x->n || !range_contains(&x->items[i], &y->items[j])) return false;
    }
    return true;
}

static bool
set_before(const Multirange *x, const Multirange *y)
{
    return x->n > 0 && y->n > 0 && range_before(last(x), first(y));
}

static bool
set_adjacent(const Multirange *x, const Multirange *y)
{
    if (x->n == 0 || y->n == 0) return false;
    return range_bounds_adjacent(first(x), last(x)->upper, first(y)->lower) ||
           range_bounds_adjacent(first(x), last(y)->upper, first(x)->lower);
}

static bool
set_overleft(const Multirange *x, const Multirange *y)
{
    return x->n > 0 && y->n > 0 && range_bound_compare(first(x), &last(x)->upper, &last(y)->upper) <= 0;
}

static bool
set_overright(const Multirange *x, const Multirange *y)
{
    return x->n > 0 && y->n > 0 && range_bound_compare(first(x), &first(x)->lower, &first(y)->lower) >= 0;
}

/* PostgreSQL has a function for each mixture of the two kinds; here they are one. */
#define SET_TEST2_MIXED(RM, MR, MM, EXPR) SET_TEST2(RM, EXPR) SET_TEST2(MR, EXPR) SET_TEST2(MM, EXPR)
SET_TEST2_MIXED(range_overlaps_multirange, multirange_overlaps_range, multirange_overlaps_multirange, set_overlaps(&x, &y))
SET_TEST2_MIXED(range_contains_multirange, multirange_contains_range, multirange_contains_multirange, set_contains(&x, &y))
SET_TEST2_MIXED(range_contained_by_multirange, multirange_contained_by_range, multirange_contained_by_multirange, set_contains(&y, &x))
SET_TEST2_MIXED(range_adjacent_multirange, multirange_adjacent_range, multirange_adjacent_multirange, set_adjacent(&x, &y))
SET_TEST2_MIXED(range_before_multirange, multirange_before_range, multirange_before_multirange, set_before(&x, &y))
SET_TEST2_MIXED(range_after_multirange, multirange_after_range, multirange_after_multirange, set_before(&y, &x))
SET_TEST2_MIXED(range_overleft_multirange, multirange_overleft_range, multirange_overleft_multirange, set_overleft(&x, &y))
SET_TEST2_MIXED(range_overright_multirange, multirange_overright_range, multirange_overright_multirange, set_overright(&x, &y))

#define SET_COMPARE(NAME, T, EXPR)                                                                 \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            Value a = vec_get(call->args[0], i), b = vec_get(call->args[1], i);                    \
            int c = multirange_cmp(&a, &b);                                                        \
            OUT(call, T, i) = (EXPR);                                                              \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
SET_COMPARE(multirange_eq, uint8_t, c == 0)
SET_COMPARE(multirange_ne, uint8_t, c != 0)
SET_COMPARE(multirange_lt, uint8_t, c < 0)
SET_COMPARE(multirange_le, uint8_t, c <= 0)
SET_COMPARE(multirange_gt, uint8_t, c > 0)
SET_COMPARE(multirange_ge, uint8_t, c >= 0)
SET_COMPARE(multirange_cmp, int32_t, c)

static Status
contains_element(KernelCall *call, int set, int elem)
{
    ROWS (call, i) {
        Multirange m;
        Value v = vec_get(call->args[elem], i);
        bool found = false;
        TRY(arg_set(call, set, i, &m));
        for (int k = 0; k < m.n && !found; k++) found = range_contains_value(&m.items[k], &v);
        OUT(call, uint8_t, i) = found;
    }
    return QN_OK;
}

Status
fn_multirange_contains_elem(KernelCall *call)
{
    return contains_element(call, 0, 1);
}

Status
fn_elem_contained_by_multirange(KernelCall *call)
{
    return contains_element(call, 1, 0);
}

/* ---- sets ---- */

Status
fn_multirange_union(KernelCall *call)
{
    ROWS (call, i) {
        Multirange x, y;
        Range *items;
        TRY(arg_set(call, 0, i, &x));
        TRY(arg_set(call, 1, i, &y));
        TRY_ALLOC(call->ctx, items, ARENA_ARRAY(call->arena, Range, x.n + y.n + 1));
        memcpy(items, x.items, sizeof(Range) * (size_t)x.n);
        memcpy(items + x.n, y.items, sizeof(Range) * (size_t)y.n);
        TRY(out_set(call, i, x.type, items, x.n + y.n));
    }
    return QN_OK;
}

static Status
intersect(Ctx *ctx, Arena *arena, const Multirange *x, const Multirange *y, Range **items_out, int *n_out)
{
    Range *items;
    int n = 0;
    TRY_ALLOC(ctx, items, ARENA_ARRAY(arena, Range, x->n + y->n + 1));
    for (int i = 0, j = 0; i < x->n && j < y->n;) {
        const Range *a = &x->items[i], *b = &y->items[j];
        Range r = range_intersection(a, b);
        if (!r.empty) items[n++] = r;
        if (range_bound_compare(a, &a->upper, &b->upper) < 0) i++;
        else j++;
    }
    *items_out = items;
    *n_out = n;
    return QN_OK;
}

Status
fn_multirange_intersect(KernelCall *call)
{
    ROWS (call, i) {
        Multirange x, y;
        Range *items;
        int n;
        TRY(arg_set(call, 0, i, &x));
        TRY(arg_set(call, 1, i, &y));
        TRY(intersect(call->ctx, call->arena, &x, &y, &items, &n));
        TRY(out_set(call, i, x.type, items, n));
    }
    return QN_OK;
}

/* From each of x's ranges what y's leave of it: a piece before each that cuts it, and the rest. */
static Status
subtract(Ctx *ctx, const Multirange *x, const Multirange *y, Range *items, int *n_out)
{
    int n = 0;
    for (int i = 0; i < x->n; i++) {
        Range rest = x->items[i];
        for (int j = 0; j < y->n && !rest.empty; j++) {
            const Range *cut = &y->items[j];
            if (!range_overlaps(&rest, cut)) continue;
            if (range_bound_compare(&rest, &rest.lower, &cut->lower) < 0) {
                RangeBound end = cut->lower;
                end.inclusive = !end.inclusive;
                TRY(range_from_bounds(ctx, rest.type, rest.lower, end, &items[n++]));
            }
            RangeBound start = cut->upper;
            start.inclusive = !start.inclusive;
            if (range_bound_compare(&rest, &rest.upper, &cut->upper) > 0)
                TRY(range_from_bounds(ctx, rest.type, start, rest.upper, &rest));
            else
                rest = range_empty_of(rest.type);
        }
        items[n++] = rest;
    }
    *n_out = n;
    return QN_OK;
}

Status
fn_multirange_minus(KernelCall *call)
{
    ROWS (call, i) {
        Multirange x, y;
        Range *items;
        int n;
        TRY(arg_set(call, 0, i, &x));
        TRY(arg_set(call, 1, i, &y));
        TRY_ALLOC(call->ctx, items, ARENA_ARRAY(call->arena, Range, x.n + y.n + 1));
        TRY(subtract(call->ctx, &x, &y, items, &n));
        TRY(out_set(call, i, x.type, items, n));
    }
    return QN_OK;
}

Status
fn_range_merge_from_multirange(KernelCall *call)
{
    ROWS (call, i) {
        Multirange m;
        TRY(arg_set(call, 0, i, &m));
        Range r = m.n > 0 ? range_hull(first(&m), last(&m)) : range_empty_of(multirange_range(call->args[0]->type));
        TRY(range_pack(call->ctx, call->arena, &r, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* ---- unnest ---- */

typedef struct Unnest {
    Str str;
    Multirange m;
    int at;
} Unnest;

Status
srf_multirange_unnest_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    Unnest *u;
    (void)nargs, (void)arg_types;
    TRY_ALLOC(ctx, u, ARENA_NEW(arena, Unnest));
    if (!args[0].is_null) {
        u->str = args[0].str;
        TRY(multirange_view(ctx, arena, &u->str, &u->m));
    }
    *state_out = u;
    return QN_OK;
}

Status
srf_multirange_unnest_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Unnest *u = state;
    int n = 0;
    for (; n < BATCH_ROWS && u->at < u->m.n; n++, u->at++) TRY(range_pack(ctx, arena, &u->m.items[u->at], (Str *)out[0]->data + n));
    *n_out = n;
    return QN_OK;
}

/* ---- range_agg: ranges or multiranges are gathered as an array of ranges; the union is made at the end ---- */

typedef struct Gather {
    ArrayBuilder *builder;
    int64_t n;
} Gather;

static Oid
agg_range(const AggCall *call)
{
    Oid type = type_base(call->arg_types[0]), range = multirange_range(type);
    return range != 0 ? range : type;
}

static Status
gather_add(AggCall *call, Gather *s, const Range *r)
{
    Str str;
    if (s->builder == NULL) {
        TRY_ALLOC(call->ctx, s->builder, arena_alloc(call->arena, sizeof(ArrayBuilder)));
        *s->builder = array_builder(call->arena, agg_range(call));
    }
    TRY(range_pack(call->ctx, call->arena, r, &str));
    Value v = value_str(agg_range(call), str);
    agg_grew(call, 2 * (size_t)str.len + 8);
    return array_add(call->ctx, s->builder, &v);
}

static Status
gather_fold(AggCall *call, Gather *s, int i)
{
    const Str *str = &ARG(call, 0, Str, i);
    s->n++;
    if (multirange_range(call->args[0]->type) == 0) {
        Range r;
        range_view(str, &r);
        return gather_add(call, s, &r);
    }
    Multirange m;
    TRY(multirange_view(call->ctx, call->arena, str, &m));
    for (int k = 0; k < m.n; k++) TRY(gather_add(call, s, &m.items[k]));
    return QN_OK;
}
AGG_FOLD(gather, Gather, gather_fold)

static Status
range_agg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const Gather *s = state;
    Range *items = NULL;
    Str str, *array;
    int n = 0;
    *out = value_null(range_multirange(agg_range(call)));
    if (s->n == 0) return QN_OK;
    if (s->builder != NULL) {
        ArrayBuilder copy = *s->builder;
        ArrayView a;
        TRY_ALLOC(call->ctx, array, ARENA_NEW(arena, Str));
        copy.arena = arena;
        TRY(array_finish_1d(call->ctx, &copy, array));
        array_view(array, &a);
        TRY_ALLOC(call->ctx, items, ARENA_ARRAY(arena, Range, a.nelems + 1));
        for (uint32_t k = 0; k < a.nelems; k++) {
            Value v = array_element(&a, k);
            range_view(&v.str, &items[n++]);
        }
    }
    TRY(multirange_from_ranges(call->ctx, arena, out->type, items, n, &str));
    *out = value_str(out->type, str);
    return QN_OK;
}

const AggOps aggops_range_agg = {.state_bytes = sizeof(Gather),
                                 .update = gather_update,
                                 .update_one = gather_update_one,
                                 .final = range_agg_final};

/* ---- range_intersect_agg over multiranges ---- */

typedef struct Common {
    int64_t seen;
    char *bytes;
    int64_t nbytes;
} Common;

static Status
common_keep(AggCall *call, Common *s, const Str *v)
{
    char *copy;
    TRY_ALLOC(call->ctx, copy, arena_alloc(call->arena, v->len));
    memcpy(copy, str_data(v), v->len);
    agg_grew(call, v->len);
    *s = (Common){1, copy, v->len};
    return QN_OK;
}

static Status
common_fold(AggCall *call, Common *s, int i)
{
    Str v = ARG(call, 0, Str, i), so_far, out;
    Multirange x, y;
    Range *items;
    int n;
    if (!s->seen) return common_keep(call, s, &v);
    so_far = str_make(s->bytes, (size_t)s->nbytes);
    TRY(multirange_view(call->ctx, call->arena, &so_far, &x));
    TRY(multirange_view(call->ctx, call->arena, &v, &y));
    TRY(intersect(call->ctx, call->arena, &x, &y, &items, &n));
    TRY(multirange_from_ranges(call->ctx, call->arena, x.type, items, n, &out));
    return common_keep(call, s, &out);
}
AGG_FOLD(common, Common, common_fold)

static Status
common_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const Common *s = state;
    *out = value_null(type_base(call->arg_types[0]));
    if (!s->seen) return QN_OK;
    *out = value_str(out->type, (Str){0});
    return str_copy(call->ctx, arena, s->bytes, (size_t)s->nbytes, &out->str);
}

const AggOps aggops_multirange_intersect_agg = {.state_bytes = sizeof(Common),
                                                .update = common_update,
                                                .update_one = common_update_one,
                                                .final = common_final};
