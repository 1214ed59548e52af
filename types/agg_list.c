/* agg_list.c - aggregates that keep their input: string_agg, array_agg, and the ordered-set
 * aggregates, which are fed in order. */
#include "types/agg.h"

#include "types/array.h"
#include "types/datetime.h"
#include <math.h>

/* string_agg(value, delimiter): NULL values are skipped; a delimiter goes before each value but the
 * first. */

typedef struct TextState {
    char *bytes;
    int64_t nbytes, cap, n;
} TextState;

static Status
text_append(AggCall *call, TextState *s, const char *data, size_t nbytes)
{
    int64_t need = s->nbytes + (int64_t)nbytes;
    if (need > INT32_MAX)
        return RAISE(call->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "string too long for string_agg");
    if (need > s->cap) {
        size_t cap = bits_next_pow2((uint64_t)(need < 64 ? 64 : need));
        TRY_ALLOC(call->ctx, s->bytes, arena_realloc(call->arena, s->bytes, (size_t)s->cap, cap));
        agg_grew(call, cap - (size_t)s->cap);
        s->cap = (int64_t)cap;
    }
    if (nbytes > 0) memcpy(s->bytes + s->nbytes, data, nbytes);
    s->nbytes = need;
    return QN_OK;
}

static Status
text_fold(AggCall *call, TextState *s, int i)
{
    if (vec_is_null(call->args[0], i)) return QN_OK;
    if (s->n++ > 0 && !vec_is_null(call->args[1], i)) {
        const Str *delimiter = &ARG(call, 1, Str, i);
        TRY(text_append(call, s, str_data(delimiter), delimiter->len));
    }
    const Str *x = &ARG(call, 0, Str, i);
    return text_append(call, s, str_data(x), x->len);
}
AGG_FOLD(text, TextState, text_fold)

static Status
text_result(AggCall *call, const TextState *s, Arena *arena, Oid type, Value *out)
{
    *out = value_null(type);
    if (s->n == 0) return QN_OK;
    *out = value_str(type, (Str){0});
    return str_copy(call->ctx, arena, s->bytes, (size_t)s->nbytes, &out->str);
}

static Status
string_agg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return text_result(call, state, arena, TYPE_TEXT, out);
}

static Status
bytea_agg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return text_result(call, state, arena, TYPE_BYTEA, out);
}

static Status
text_serialise(AggCall *call, const void *state, StrBuf *b)
{
    const TextState *s = state;
    strbuf_add(b, (const char *)&s->n, sizeof(s->n));
    strbuf_add(b, s->bytes, (size_t)s->nbytes);
    return b->failed ? RAISE_OOM(call->ctx) : QN_OK;
}

static Status
text_deserialise(AggCall *call, const char *data, size_t nbytes, void *state)
{
    TextState *s = state;
    assert(nbytes >= sizeof(s->n));
    memset(s, 0, sizeof(*s));
    memcpy(&s->n, data, sizeof(s->n));
    return text_append(call, s, data + sizeof(s->n), nbytes - sizeof(s->n));
}

#define TEXT_OPS(NAME)                                                                             \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(TextState),                                \
                                  .update = text_update,                                           \
                                  .update_one = text_update_one,                                   \
                                  .final = NAME##_final,                                           \
                                  .serialise = text_serialise,                                     \
                                  .deserialise = text_deserialise};
TEXT_OPS(string_agg)
TEXT_OPS(bytea_agg)

/* array_agg: of values into one dimension, of arrays into one more than theirs. */

typedef struct ArrayState {
    ArrayBuilder *builder; /* NULL before the first row */
    int64_t n;             /* rows */
} ArrayState;

static Status
array_start(AggCall *call, ArrayState *s, Oid elem)
{
    TRY_ALLOC(call->ctx, s->builder, arena_alloc(call->arena, sizeof(ArrayBuilder)));
    *s->builder = array_builder(call->arena, elem);
    agg_grew(call, sizeof(ArrayBuilder));
    return QN_OK;
}

static size_t
builder_bytes(const ArrayBuilder *b)
{
    return b->data.cap + b->ends.cap + b->nulls.cap;
}

static Status
array_fold(AggCall *call, ArrayState *s, int i)
{
    Value v = vec_get(call->args[0], i);
    if (s->builder == NULL) TRY(array_start(call, s, call->arg_types[0]));
    size_t before = builder_bytes(s->builder);
    TRY(array_add(call->ctx, s->builder, &v));
    agg_grew(call, builder_bytes(s->builder) - before);
    s->n++;
    return QN_OK;
}
AGG_FOLD(array, ArrayState, array_fold)

static Status
array_agg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const ArrayState *s = state;
    const TypeInfo *elem = type_info(call->arg_types[0]);
    Str str;
    *out = value_null(elem != NULL ? elem->array_oid : TYPE_ANYARRAY);
    if (s->builder == NULL) return QN_OK;
    ArrayBuilder copy = *s->builder;
    copy.arena = arena;
    TRY(array_finish_1d(call->ctx, &copy, &str));
    *out = value_str(out->type, str);
    return QN_OK;
}

typedef struct StackState {
    ArrayStack *stack; /* NULL before the first row */
    int64_t unused;
} StackState;

static Status
subarray_fold(AggCall *call, StackState *s, int i)
{
    ArrayView a;
    bool null = vec_is_null(call->args[0], i);
    if (!null) array_view(&ARG(call, 0, Str, i), &a);
    if (s->stack == NULL) {
        TRY_ALLOC(call->ctx, s->stack, ARENA_NEW(call->arena, ArrayStack));
        agg_grew(call, sizeof(ArrayStack));
    }
    size_t before = builder_bytes(&s->stack->builder);
    TRY(array_stack_add(call->ctx, call->arena, s->stack, null ? NULL : &a));
    agg_grew(call, builder_bytes(&s->stack->builder) - before);
    return QN_OK;
}
AGG_FOLD(subarray, StackState, subarray_fold)

static Status
array_agg_array_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const StackState *s = state;
    Str str;
    *out = value_null(call->arg_types[0]);
    if (s->stack == NULL) return QN_OK;
    TRY(array_stack_finish(call->ctx, s->stack, arena, &str));
    *out = value_str(out->type, str);
    return QN_OK;
}

const AggOps aggops_array_agg = {.state_bytes = sizeof(ArrayState),
                                 .update = array_update,
                                 .update_one = array_update_one,
                                 .final = array_agg_final};
const AggOps aggops_array_agg_array = {.state_bytes = sizeof(StackState),
                                       .update = subarray_update,
                                       .update_one = subarray_update_one,
                                       .final = array_agg_array_final};

/* Ordered sets: the values in the ORDER BY's order. */

typedef struct ValueList {
    Value *items; /* in the states' arena, strings copied */
    int64_t n, cap;
} ValueList;

static Status
list_fold(AggCall *call, ValueList *s, int i)
{
    Value v = vec_get(call->args[0], i);
    if (s->n == s->cap) {
        int64_t cap = s->cap == 0 ? 8 : 2 * s->cap;
        TRY_ALLOC(call->ctx, s->items,
                  arena_realloc(call->arena, s->items, (size_t)s->cap * sizeof(Value),
                                (size_t)cap * sizeof(Value)));
        agg_grew(call, (size_t)(cap - s->cap) * sizeof(Value));
        s->cap = cap;
    }
    TRY(value_copy(call->ctx, call->arena, &v, &s->items[s->n]));
    if (v.phys == PHYS_STR && v.str.len > STR_INLINE_MAX) agg_grew(call, v.str.len);
    s->n++;
    return QN_OK;
}
AGG_FOLD(list, ValueList, list_fold)

static Status
check_fraction(Ctx *ctx, double p)
{
    if (isnan(p) || p < 0 || p > 1)
        return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE,
                     "percentile value %g is not between 0 and 1", p);
    return QN_OK;
}

/* Between the two rows around p * (n - 1), by their distance. */
static Status
continuous(AggCall *call, const ValueList *s, double p, Value *out)
{
    TRY(check_fraction(call->ctx, p));
    double at = p * (double)(s->n - 1);
    int64_t low = (int64_t)floor(at), high = (int64_t)ceil(at);
    double a = s->items[low].f64, b = s->items[high].f64;
    *out = (Value){.type = TYPE_FLOAT8,
                   .phys = PHYS_F64,
                   .f64 = low == high ? a : a + (at - (double)low) * (b - a)};
    return QN_OK;
}

/* The same with intervals: low + part * (high - low), part by part. */
static Status
continuous_interval(AggCall *call, const ValueList *s, double p, Value *out)
{
    TRY(check_fraction(call->ctx, p));
    double at = p * (double)(s->n - 1);
    int64_t low = (int64_t)floor(at), high = (int64_t)ceil(at);
    Interval a = s->items[low].interval, b = s->items[high].interval, d;
    *out = value_interval(a);
    if (low == high) return QN_OK;
    if (__builtin_sub_overflow(b.us, a.us, &d.us) ||
        __builtin_sub_overflow(b.days, a.days, &d.days) ||
        __builtin_sub_overflow(b.months, a.months, &d.months))
        return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
    TRY(interval_scale_by(call->ctx, &d, at - (double)low, false, &d));
    *out = value_interval(
        (Interval){a.us + d.us, a.days + d.days, a.months + d.months}); /* between the two */
    return QN_OK;
}

/* The first row whose share of the rows reaches p. */
static Status
discrete(AggCall *call, const ValueList *s, double p, Value *out)
{
    TRY(check_fraction(call->ctx, p));
    int64_t row = (int64_t)ceil(p * (double)s->n);
    *out = s->items[row < 1 ? 0 : row - 1];
    return QN_OK;
}

typedef Status (*Percentile)(AggCall *call, const ValueList *s, double p, Value *out);

static Status
percentile(AggCall *call, const ValueList *s, Arena *arena, Percentile of, Value *out)
{
    Value v;
    bool null = call->nargs == 0 || vec_is_null(call->args[0], 0);
    *out = value_null(call->arg_types[0]);
    if (!null) TRY(check_fraction(call->ctx, ARG(call, 0, double, 0)));
    if (null || s->n == 0) return QN_OK;
    TRY(of(call, s, ARG(call, 0, double, 0), &v));
    return value_copy(call->ctx, arena, &v, out);
}

/* An array of fractions gives an array of results of its shape, NULL for NULL. */
static Status
percentiles(AggCall *call, const ValueList *s, Arena *arena, Percentile of, Oid elem, Value *out)
{
    ArrayView fractions;
    Str str;
    const TypeInfo *t = type_info(elem);
    *out = value_null(t != NULL ? t->array_oid : TYPE_ANYARRAY);
    if (call->nargs == 0 || vec_is_null(call->args[0], 0) || s->n == 0) return QN_OK;
    array_view(&ARG(call, 0, Str, 0), &fractions);
    ArrayBuilder b = array_builder(arena, elem);
    for (uint32_t i = 0; i < fractions.nelems; i++) {
        Value v;
        if (array_is_null(&fractions, i)) {
            TRY(array_add_null(call->ctx, &b));
            continue;
        }
        TRY(of(call, s, array_element(&fractions, i).f64, &v));
        TRY(array_add(call->ctx, &b, &v));
    }
    TRY(array_finish(call->ctx, &b, fractions.ndim, fractions.dims, fractions.lbounds, &str));
    *out = value_str(out->type, str);
    return QN_OK;
}

static Status
percentile_cont_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return percentile(call, state, arena, continuous, out);
}

static Status
percentile_cont_interval_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return percentile(call, state, arena, continuous_interval, out);
}

static Status
percentile_cont_interval_multi_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return percentiles(call, state, arena, continuous_interval, TYPE_INTERVAL, out);
}

static Status
percentile_disc_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return percentile(call, state, arena, discrete, out);
}

static Status
percentile_cont_multi_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return percentiles(call, state, arena, continuous, TYPE_FLOAT8, out);
}

static Status
percentile_disc_multi_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return percentiles(call, state, arena, discrete, call->arg_types[0], out);
}

/* The most frequent value, the first in order where several are. */
static Status
mode_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const ValueList *s = state;
    int64_t best = 0, best_count = 0, start = 0;
    *out = value_null(call->arg_types[0]);
    if (s->n == 0) return QN_OK;
    const TypeInfo *t = type_info(s->items[0].type);
    for (int64_t i = 1; i <= s->n; i++) {
        if (i < s->n && t->cmp(&s->items[i], &s->items[start]) == 0) continue;
        if (i - start > best_count) {
            best = start;
            best_count = i - start;
        }
        start = i;
    }
    return value_copy(call->ctx, arena, &s->items[best], out);
}

#define LIST_OPS(NAME)                                                                             \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(ValueList),                                \
                                  .update = list_update,                                           \
                                  .update_one = list_update_one,                                   \
                                  .final = NAME##_final};

LIST_OPS(percentile_cont)
LIST_OPS(percentile_cont_interval)
LIST_OPS(percentile_cont_interval_multi)
LIST_OPS(percentile_disc)
LIST_OPS(percentile_cont_multi)
LIST_OPS(percentile_disc_multi)
LIST_OPS(mode)

/* Hypothetical sets: where a row of the direct arguments would stand among those aggregated. */

/* Each row's values one after the other; n counts values. */
static Status
rows_fold(AggCall *call, ValueList *s, int i)
{
    for (int a = 0; a < call->nargs; a++) {
        AggCall one = *call;
        one.args = &call->args[a];
        TRY(list_fold(&one, s, i));
    }
    return QN_OK;
}
AGG_FOLD(rows, ValueList, rows_fold)

static int
compare_in_order(const Value *a, const Value *b, const AggOrder *order)
{
    if (a->is_null || b->is_null) {
        int c = (int)a->is_null - (int)b->is_null; /* NULL is last */
        return order->nulls_first ? -c : c;
    }
    int c = type_info(a->type)->cmp(a, b);
    return order->desc ? -c : c;
}

static int
compare_rows(const AggCall *call, const Value *a, const Value *b)
{
    int c = 0;
    for (int k = 0; k < call->nargs && c == 0; k++)
        c = compare_in_order(&a[k], &b[k], &call->order[k]);
    return c;
}

/* Counts the rows that come before the hypothetical one, those equal to it, and how many different
 * ones come before. */
static Status
stand(AggCall *call, const ValueList *s, int64_t *nrows, int64_t *before, int64_t *equal,
      int64_t *distinct)
{
    Value row[FN_MAX_ARGS];
    int width = call->nargs;
    *nrows = *before = *equal = *distinct = 0;
    if (width == 0 || width > FN_MAX_ARGS)
        return RAISE_INTERNAL(call->ctx, "hypothetical row of %d columns", width);
    for (int k = 0; k < width; k++) row[k] = vec_get(call->args[k], 0);
    *nrows = s->n / width;
    for (int64_t r = 0; r < *nrows; r++) {
        const Value *at = s->items + r * width;
        int c = compare_rows(call, at, row);
        if (c > 0) break;
        if (c == 0) {
            ++*equal;
            continue;
        }
        ++*before;
        if (r == 0 || compare_rows(call, at - width, at) != 0) ++*distinct;
    }
    return QN_OK;
}

#define HYPOTHETICAL(NAME, RESULT)                                                                 \
    static Status NAME##_final(AggCall *call, const void *state, Arena *arena, Value *out)         \
    {                                                                                              \
        int64_t nrows, before, equal, distinct;                                                    \
        (void)arena;                                                                               \
        TRY(stand(call, state, &nrows, &before, &equal, &distinct));                               \
        *out = RESULT;                                                                             \
        return QN_OK;                                                                              \
    }                                                                                              \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(ValueList),                                \
                                  .update = rows_update,                                           \
                                  .update_one = rows_update_one,                                   \
                                  .final = NAME##_final};

static Value
share(double part, double whole)
{
    return (Value){.type = TYPE_FLOAT8, .phys = PHYS_F64, .f64 = whole > 0 ? part / whole : 0};
}

HYPOTHETICAL(hypothetical_rank, value_i64(TYPE_INT8, before + 1))
HYPOTHETICAL(hypothetical_dense_rank, value_i64(TYPE_INT8, distinct + 1))
HYPOTHETICAL(hypothetical_percent_rank, share((double)before, (double)nrows))
HYPOTHETICAL(hypothetical_cume_dist, share((double)(before + equal + 1), (double)(nrows + 1)))
