/* agg_num.c - count, and exact sums: sum, avg, variance and standard deviation of integers and
 * numeric.
 *
 * Sums are exact whatever the order, so partial ones combine and rows can be taken out again. They
 * run in int64 or int128 and move to digits when that overflows. */
#include "types/agg.h"
#include "types/numvar.h"

/* count(*) and count(x). */

typedef struct Count {
    int64_t n;
} Count;

static Status
count_update(AggCall *call, char **states, size_t offset)
{
    ROWS(call, i) AGG_STATE(Count, states, offset, i)->n++;
    return QN_OK;
}

static Status
count_update_one(AggCall *call, void *state)
{
    ((Count *)state)->n += call->n;
    return QN_OK;
}

static Status
count_remove_one(AggCall *call, void *state)
{
    ((Count *)state)->n -= call->n;
    return QN_OK;
}

static Status
count_combine(AggCall *call, void *into, const void *from)
{
    (void)call;
    ((Count *)into)->n += ((const Count *)from)->n;
    return QN_OK;
}

static Status
count_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    (void)call, (void)arena;
    *out = value_i64(TYPE_INT8, ((const Count *)state)->n);
    return QN_OK;
}

const AggOps aggops_count = {.state_bytes = sizeof(Count),
                             .plain_state = true,
                             .update = count_update,
                             .update_one = count_update_one,
                             .remove_one = count_remove_one,
                             .combine = count_combine,
                             .final = count_final};

/* Quotients and results. */

static Status
numeric_result(AggCall *call, Arena *arena, const NumVar *v, Value *out)
{
    NumWork w = {call->ctx, arena};
    int128 u;
    if (v->kind == NUMERIC_FINITE && v->dscale <= NUMERIC_INT_SCALE_MAX &&
        numvar_to_i128(v, v->dscale, &u)) {
        *out = numeric_value_int(u, v->dscale);
        return QN_OK;
    }
    *out = value_str(TYPE_NUMERIC, (Str){0});
    return numvar_pack(&w, v, &out->str);
}

static Status
average(AggCall *call, Arena *arena, const NumVar *total, int64_t n, Value *out)
{
    NumWork w = {call->ctx, arena};
    NumVar count, r;
    numvar_init(&count);
    numvar_init(&r);
    TRY(numvar_from_i128(&w, n, 0, &count));
    TRY(numvar_div(&w, total, &count, numvar_div_scale(total, &count), true, &r));
    return numeric_result(call, arena, &r, out);
}

/* sum and avg of smallint and integer: 64 bits hold 2^32 rows of the largest. */

typedef struct IntSum {
    int64_t sum, n;
} IntSum;

AGG_STEP(int2_sum, IntSum, int16_t, (s->sum += x, s->n++))
AGG_STEP(int4_sum, IntSum, int32_t, (s->sum += x, s->n++))

static Status
int2_sum_remove_one(AggCall *call, void *state)
{
    IntSum *s = state;
    AGG_EACH(call, int16_t, s->sum -= x;);
    s->n -= call->n;
    return QN_OK;
}

static Status
int4_sum_remove_one(AggCall *call, void *state)
{
    IntSum *s = state;
    AGG_EACH(call, int32_t, s->sum -= x;);
    s->n -= call->n;
    return QN_OK;
}

static Status
int_sum_combine(AggCall *call, void *into, const void *from)
{
    IntSum *a = into;
    const IntSum *b = from;
    (void)call;
    a->sum += b->sum;
    a->n += b->n;
    return QN_OK;
}

static Status
int_sum_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const IntSum *s = state;
    (void)call, (void)arena;
    *out = s->n > 0 ? value_i64(TYPE_INT8, s->sum) : value_null(TYPE_INT8);
    return QN_OK;
}

Status
agg_int_average(AggCall *call, int64_t sum, int64_t n, Arena *arena, Value *out)
{
    NumWork w = {call->ctx, arena};
    NumVar total;
    *out = value_null(TYPE_NUMERIC);
    if (n == 0) return QN_OK;
    numvar_init(&total);
    TRY(numvar_from_i128(&w, sum, 0, &total));
    return average(call, arena, &total, n, out);
}

static Status
int_avg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const IntSum *s = state;
    return agg_int_average(call, s->sum, s->n, arena, out);
}

#define INT_SUM_OPS(NAME, STEP, FINAL)                                                             \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(IntSum),                                   \
                                  .plain_state = true,                                             \
                                  .update = STEP##_update,                                         \
                                  .update_one = STEP##_update_one,                                 \
                                  .remove_one = STEP##_remove_one,                                 \
                                  .combine = int_sum_combine,                                      \
                                  .final = FINAL};

INT_SUM_OPS(int2_sum, int2_sum, int_sum_final)
INT_SUM_OPS(int4_sum, int4_sum, int_sum_final)
INT_SUM_OPS(int2_avg, int2_sum, int_avg_final)
INT_SUM_OPS(int4_avg, int4_sum, int_avg_final)

/* sum and avg of bigint: 128 bits. */

typedef struct BigintSum {
    Int128 sum;
    int64_t n;
} BigintSum;

AGG_STEP(int8_row, BigintSum, int64_t, (s->sum += x, s->n++))

/* The sum of a batch in halves of 32 bits, each of which 64 bits hold, so that the loop is SIMD. */
KERNEL_CLONES static int128
sum_int64(const int64_t *v, int n)
{
    uint64_t low = 0;
    int64_t high = 0;
    for (int i = 0; i < n; i++) {
        low += (uint32_t)v[i];
        high += v[i] >> 32;
    }
    return (int128)high * ((int64_t)1 << 32) + low;
}

static Status
int8_sum_update_one(AggCall *call, void *state)
{
    BigintSum *s = state;
    if (call->sel != NULL || call->args[0]->shape == VEC_CONST)
        return int8_row_update_one(call, state);
    s->sum += sum_int64(call->args[0]->data, call->n);
    s->n += call->n;
    return QN_OK;
}

static Status
int8_sum_remove_one(AggCall *call, void *state)
{
    BigintSum *s = state;
    AGG_EACH(call, int64_t, s->sum -= x;);
    s->n -= call->n;
    return QN_OK;
}

static Status
int8_sum_combine(AggCall *call, void *into, const void *from)
{
    BigintSum *a = into;
    const BigintSum *b = from;
    (void)call;
    a->sum += b->sum;
    a->n += b->n;
    return QN_OK;
}

static Status
int8_sum_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const BigintSum *s = state;
    (void)call, (void)arena;
    *out = s->n > 0 ? numeric_value_int(s->sum, 0) : value_null(TYPE_NUMERIC);
    return QN_OK;
}

static Status
int8_avg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const BigintSum *s = state;
    NumWork w = {call->ctx, arena};
    NumVar total;
    *out = value_null(TYPE_NUMERIC);
    if (s->n == 0) return QN_OK;
    numvar_init(&total);
    TRY(numvar_from_i128(&w, s->sum, 0, &total));
    return average(call, arena, &total, s->n, out);
}

#define BIGINT_SUM_OPS(NAME, FINAL)                                                                \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(BigintSum),                                \
                                  .plain_state = true,                                             \
                                  .update = int8_row_update,                                       \
                                  .update_one = int8_sum_update_one,                               \
                                  .remove_one = int8_sum_remove_one,                               \
                                  .combine = int8_sum_combine,                                     \
                                  .final = FINAL};

BIGINT_SUM_OPS(int8_sum, int8_sum_final)
BIGINT_SUM_OPS(int8_avg, int8_avg_final)

/* A sum of any size: v / 10^scale, plus big where there is one. */

typedef struct NumSum {
    Int128 v;
    NumVar *big; /* in the states' arena */
    int64_t scale;
} NumSum;

static Status
add_big(AggCall *call, NumWork *scratch, NumSum *s, const NumVar *x)
{
    NumWork keep = {call->ctx, call->arena};
    NumVar total;
    if (s->big == NULL) {
        TRY_ALLOC(call->ctx, s->big, arena_alloc(call->arena, sizeof(NumVar)));
        numvar_init(s->big);
        agg_grew(call, sizeof(NumVar));
    }
    int cap = s->big->cap;
    numvar_init(&total);
    TRY(numvar_add(scratch, s->big, x, &total));
    TRY(numvar_copy(&keep, &total, s->big));
    if (s->big->cap > cap) agg_grew(call, (size_t)s->big->cap * sizeof(int16_t));
    return QN_OK;
}

static Status
flush(AggCall *call, NumWork *scratch, NumSum *s)
{
    NumVar v;
    numvar_init(&v);
    TRY(numvar_from_i128(scratch, s->v, (int)s->scale, &v));
    s->v = 0;
    return add_big(call, scratch, s, &v);
}

static Status
add_slow(AggCall *call, NumWork *scratch, NumSum *s, int128 x, int scale)
{
    NumVar v;
    int128 scaled;
    if (scale > s->scale) { /* the sum takes the larger scale, or leaves for digits */
        if (scale - s->scale > 38 ||
            num_mul_overflows((int128)s->v, num_pow10_i128(scale - (int)s->scale), &scaled)) {
            TRY(flush(call, scratch, s));
            scaled = 0;
        }
        s->v = scaled;
        s->scale = scale;
    } else if (scale < s->scale) {
        if (s->scale - scale > 38 ||
            num_mul_overflows(x, num_pow10_i128((int)s->scale - scale), &scaled)) {
            numvar_init(&v);
            TRY(numvar_from_i128(scratch, x, scale, &v));
            return add_big(call, scratch, s, &v);
        }
        x = scaled;
    }
    if (num_add_overflows((int128)s->v, x, &scaled)) {
        TRY(flush(call, scratch, s));
        scaled = x;
    }
    s->v = scaled;
    return QN_OK;
}

static inline Status
add_int(AggCall *call, NumWork *scratch, NumSum *s, int128 x, int scale)
{
    int128 sum;
    if (scale == s->scale && !num_add_overflows((int128)s->v, x, &sum)) {
        s->v = sum;
        return QN_OK;
    }
    return add_slow(call, scratch, s, x, scale);
}

static Status
add_var(AggCall *call, NumWork *scratch, NumSum *s, const NumVar *x)
{
    int128 u;
    if (x->dscale <= NUMERIC_INT_SCALE_MAX && numvar_to_i128(x, x->dscale, &u))
        return add_int(call, scratch, s, u, x->dscale);
    return add_big(call, scratch, s, x);
}

static Status
total_of(NumWork *w, const NumSum *s, NumVar *out)
{
    numvar_init(out);
    TRY(numvar_from_i128(w, s->v, (int)s->scale, out));
    return s->big != NULL ? numvar_add(w, out, s->big, out) : QN_OK;
}

static Status
combine_sums(AggCall *call, NumWork *scratch, NumSum *into, const NumSum *from)
{
    TRY(add_int(call, scratch, into, from->v, (int)from->scale));
    return from->big != NULL ? add_big(call, scratch, into, from->big) : QN_OK;
}

/* numeric, and the squares of integers: sums of x and x^2, and how many were not finite. */

typedef struct NumStats {
    NumSum x, xx;
    int64_t n; /* finite ones */
    int64_t nnan, npos, nneg;
} NumStats;

static int64_t
rows_of(const NumStats *s)
{
    return s->n + s->nnan + s->npos + s->nneg;
}

static Status
add_finite(AggCall *call, NumWork *scratch, NumStats *s, int128 x, int scale, bool squares)
{
    int128 xx;
    NumVar v;
    s->n++;
    TRY(add_int(call, scratch, &s->x, x, scale));
    if (!squares) return QN_OK;
    if (!num_mul_overflows(x, x, &xx)) return add_int(call, scratch, &s->xx, xx, 2 * scale);
    numvar_init(&v);
    TRY(numvar_from_i128(scratch, x, scale, &v));
    TRY(numvar_mul(scratch, &v, &v, 2 * scale, &v));
    return add_big(call, scratch, &s->xx, &v);
}

static Status
add_str(AggCall *call, NumWork *scratch, NumStats *s, const Str *str, bool squares)
{
    NumVar v;
    int128 u;
    int64_t x;
    int scale;
    if (numeric_str_int64(str, &x, &scale)) return add_finite(call, scratch, s, x, scale, squares);
    TRY(numvar_from_str(scratch, str, &v));
    switch (v.kind) {
    case NUMERIC_NAN:
        s->nnan++;
        return QN_OK;
    case NUMERIC_POS_INF:
        s->npos++;
        return QN_OK;
    case NUMERIC_NEG_INF:
        s->nneg++;
        return QN_OK;
    default:
        break;
    }
    if (v.dscale <= NUMERIC_INT_SCALE_MAX && numvar_to_i128(&v, v.dscale, &u))
        return add_finite(call, scratch, s, u, v.dscale, squares);
    s->n++;
    TRY(add_var(call, scratch, &s->x, &v));
    if (!squares) return QN_OK;
    TRY(numvar_mul(scratch, &v, &v, 2 * v.dscale, &v));
    return add_big(call, scratch, &s->xx, &v);
}

/* Rows to states[i] + offset, or all to one. Scratch lives for the batch. */
static Status
feed_numeric(AggCall *call, char **states, size_t offset, NumStats *one, bool squares)
{
    const Vector *a = call->args[0];
    NumWork scratch = {call->ctx, NULL};
    Status st = QN_OK;
    TRY_ALLOC(call->ctx, scratch.arena, arena_create(call->arena, "numeric sum"));
#define STATE_OF(i) (one != NULL ? one : AGG_STATE(NumStats, states, offset, i))
    if (a->phys == PHYS_I64) {
        ROWS(call, i)
        TRY_GOTO(add_finite(call, &scratch, STATE_OF(i), ((const int64_t *)a->data)[arg_at(a, i)],
                            a->scale, squares));
    } else if (a->phys == PHYS_I128) {
        ROWS(call, i)
        TRY_GOTO(add_finite(call, &scratch, STATE_OF(i), ((const int128 *)a->data)[arg_at(a, i)],
                            a->scale, squares));
    } else {
        ROWS(call, i)
        TRY_GOTO(
            add_str(call, &scratch, STATE_OF(i), &((const Str *)a->data)[arg_at(a, i)], squares));
    }
#undef STATE_OF
done:
    arena_destroy(scratch.arena);
    return st;
}

static Status
num_sum_update(AggCall *call, char **states, size_t offset)
{
    return feed_numeric(call, states, offset, NULL, false);
}

static Status
num_sum_update_one(AggCall *call, void *state)
{
    NumStats *s = state;
    const Vector *a = call->args[0];
    int64_t data[BATCH_ROWS];
    Vector narrow;
    if (a->phys == PHYS_STR && a->shape == VEC_FLAT && call->sel == NULL &&
        numvar_narrow_vector(a, NULL, call->n, data, &narrow))
        a = &narrow;
    if (a->phys == PHYS_I64 && a->shape == VEC_FLAT && call->sel == NULL && call->n > 0) {
        NumWork scratch = {call->ctx, call->arena};
        s->n += call->n;
        return add_int(call, &scratch, &s->x, sum_int64(a->data, call->n), a->scale);
    }
    return feed_numeric(call, NULL, 0, s, false);
}

static Status
num_stats_update(AggCall *call, char **states, size_t offset)
{
    return feed_numeric(call, states, offset, NULL, true);
}

static Status
num_stats_update_one(AggCall *call, void *state)
{
    return feed_numeric(call, NULL, 0, state, true);
}

static Status
num_stats_combine(AggCall *call, void *into, const void *from)
{
    NumStats *a = into;
    const NumStats *b = from;
    NumWork scratch = {call->ctx, call->arena};
    a->n += b->n;
    a->nnan += b->nnan;
    a->npos += b->npos;
    a->nneg += b->nneg;
    TRY(combine_sums(call, &scratch, &a->x, &b->x));
    return combine_sums(call, &scratch, &a->xx, &b->xx);
}

/* NaN or an infinity where there was one among the inputs; false: all were finite. */
static bool
special_sum(const NumStats *s, NumVar *out)
{
    numvar_init(out);
    if (s->nnan > 0 || (s->npos > 0 && s->nneg > 0))
        out->kind = NUMERIC_NAN;
    else if (s->npos > 0)
        out->kind = NUMERIC_POS_INF;
    else if (s->nneg > 0)
        out->kind = NUMERIC_NEG_INF;
    return out->kind != NUMERIC_FINITE;
}

static Status
num_sum_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const NumStats *s = state;
    NumWork w = {call->ctx, arena};
    NumVar total;
    *out = value_null(TYPE_NUMERIC);
    if (rows_of(s) == 0) return QN_OK;
    if (!special_sum(s, &total)) TRY(total_of(&w, &s->x, &total));
    return numeric_result(call, arena, &total, out);
}

static Status
num_avg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const NumStats *s = state;
    NumWork w = {call->ctx, arena};
    NumVar total;
    *out = value_null(TYPE_NUMERIC);
    if (rows_of(s) == 0) return QN_OK;
    if (special_sum(s, &total)) return numeric_result(call, arena, &total, out);
    TRY(total_of(&w, &s->x, &total));
    return average(call, arena, &total, s->n, out);
}

/* (n * sum(x^2) - sum(x)^2) / (n * (n - 1) or n^2), and its root. */
static Status
spread(AggCall *call, const NumStats *s, Arena *arena, bool sample, bool root, Value *out)
{
    NumWork w = {call->ctx, arena};
    NumVar n, below, x, xx, r;
    *out = value_null(TYPE_NUMERIC);
    if (rows_of(s) <= (sample ? 1 : 0)) return QN_OK;
    numvar_init(&r);
    if (s->nnan + s->npos + s->nneg > 0) {
        r.kind = NUMERIC_NAN;
        return numeric_result(call, arena, &r, out);
    }
    numvar_init(&n);
    numvar_init(&below);
    TRY(numvar_from_i128(&w, s->n, 0, &n));
    TRY(numvar_from_i128(&w, sample ? s->n - 1 : s->n, 0, &below));
    TRY(total_of(&w, &s->x, &x));
    TRY(total_of(&w, &s->xx, &xx));
    int rscale = 2 * x.dscale;
    TRY(numvar_mul(&w, &x, &x, rscale, &x));
    TRY(numvar_mul(&w, &n, &xx, rscale, &xx));
    TRY(numvar_sub(&w, &xx, &x, &xx));
    if (xx.ndigits == 0 || xx.negative)
        return numeric_result(call, arena, &r, out); /* 0, whatever rounding left */
    TRY(numvar_mul(&w, &n, &below, 0, &n));
    rscale = numvar_div_scale(&xx, &n);
    TRY(numvar_div(&w, &xx, &n, rscale, true, &r));
    if (root) TRY(numvar_sqrt(&w, &r, rscale, &r));
    return numeric_result(call, arena, &r, out);
}

/* A state to bytes: the plain part, then each sum's digits as a packed numeric where it has some.
 */
static Status
num_stats_serialise(AggCall *call, const void *state, StrBuf *b)
{
    const NumStats *s = state;
    NumWork w = {call->ctx, b->arena};
    const NumSum *sums[2] = {&s->x, &s->xx};
    strbuf_add(b, state, sizeof(NumStats));
    for (int i = 0; i < 2; i++) {
        Str packed;
        if (sums[i]->big == NULL) continue;
        TRY(numvar_pack(&w, sums[i]->big, &packed));
        strbuf_add(b, (const char *)&packed.len, sizeof(packed.len));
        strbuf_add(b, str_data(&packed), packed.len);
    }
    return b->failed ? RAISE_OOM(call->ctx) : QN_OK;
}

static Status
num_stats_deserialise(AggCall *call, const char *data, size_t nbytes, void *state)
{
    NumStats *s = state;
    NumWork keep = {call->ctx, call->arena};
    NumSum *sums[2] = {&s->x, &s->xx};
    const char *p = data + sizeof(NumStats), *end = data + nbytes;
    assert(nbytes >= sizeof(NumStats));
    memcpy(s, data, sizeof(NumStats));
    for (int i = 0; i < 2; i++) {
        uint32_t len;
        if (sums[i]->big == NULL) continue; /* the old address, only looked at for being one */
        assert((size_t)(end - p) >= sizeof(len));
        memcpy(&len, p, sizeof(len));
        p += sizeof(len);
        assert((size_t)(end - p) >= len);
        Str packed = str_make(p, len);
        TRY_ALLOC(call->ctx, sums[i]->big, arena_alloc(call->arena, sizeof(NumVar)));
        TRY(numvar_from_str(&keep, &packed, sums[i]->big));
        agg_grew(call, sizeof(NumVar));
        p += len;
    }
    (void)end;
    return QN_OK;
}

#define NUM_STATS_OPS(NAME, STEP, FINAL)                                                           \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(NumStats),                                 \
                                  .update = STEP##_update,                                         \
                                  .update_one = STEP##_update_one,                                 \
                                  .combine = num_stats_combine,                                    \
                                  .final = FINAL,                                                  \
                                  .serialise = num_stats_serialise,                                \
                                  .deserialise = num_stats_deserialise};

NUM_STATS_OPS(numeric_sum, num_sum, num_sum_final)
NUM_STATS_OPS(numeric_avg, num_sum, num_avg_final)

/* Squares of integers by the same state. */

#define INT_STATS(NAME, T)                                                                         \
    static Status NAME##_fold(AggCall *call, NumStats *s, int i)                                   \
    {                                                                                              \
        NumWork scratch = {call->ctx, call->arena};                                                \
        return add_finite(call, &scratch, s, ARG(call, 0, T, i), 0, true);                         \
    }                                                                                              \
    AGG_FOLD(NAME, NumStats, NAME##_fold)

INT_STATS(int2_stats, int16_t)
INT_STATS(int4_stats, int32_t)
INT_STATS(int8_stats, int64_t)

#define SPREAD_FINAL(NAME, SAMPLE, ROOT)                                                           \
    static Status NAME##_final(AggCall *call, const void *state, Arena *arena, Value *out)         \
    {                                                                                              \
        return spread(call, state, arena, SAMPLE, ROOT, out);                                      \
    }

SPREAD_FINAL(var_pop, false, false)
SPREAD_FINAL(var_samp, true, false)
SPREAD_FINAL(stddev_pop, false, true)
SPREAD_FINAL(stddev_samp, true, true)

#define SPREAD_OPS(PREFIX, STEP)                                                                   \
    NUM_STATS_OPS(PREFIX##_var_pop, STEP, var_pop_final)                                           \
    NUM_STATS_OPS(PREFIX##_var_samp, STEP, var_samp_final)                                         \
    NUM_STATS_OPS(PREFIX##_stddev_pop, STEP, stddev_pop_final)                                     \
    NUM_STATS_OPS(PREFIX##_stddev_samp, STEP, stddev_samp_final)

SPREAD_OPS(int2, int2_stats)
SPREAD_OPS(int4, int4_stats)
SPREAD_OPS(int8, int8_stats)
SPREAD_OPS(numeric, num_stats)
