/* agg_minmax.c - min and max of every ordered type; bool_and, bool_or, bit_and, bit_or, bit_xor. */
#include "types/agg.h"

#include "types/numeric.h"
#include "types/type_io.h"

/* Fixed-width types: a value and whether there was one. update_one reduces the batch first, which
 * is a SIMD loop for integers. */
#define MINMAX(NAME, T, TYPE, PHYS, FIELD, BETTER)                                                 \
    typedef struct NAME##_best {                                                                   \
        T value;                                                                                   \
        int64_t seen;                                                                              \
    } NAME##_best;                                                                                 \
    static Status NAME##_update(AggCall *call, char **states, size_t offset)                       \
    {                                                                                              \
        AGG_EACH(call, T, {                                                                        \
            NAME##_best *s = AGG_STATE(NAME##_best, states, offset, i);                            \
            const T y = s->value;                                                                  \
            s->value = !s->seen || (BETTER) ? x : y;                                               \
            s->seen = 1;                                                                           \
        });                                                                                        \
        return QN_OK;                                                                              \
    }                                                                                              \
    KERNEL_CLONES static Status NAME##_update_one(AggCall *call, void *state)                      \
    {                                                                                              \
        NAME##_best *s = state;                                                                    \
        if (call->n == 0) return QN_OK;                                                            \
        T y = s->seen ? s->value : ARG(call, 0, T, call->sel != NULL ? call->sel[0] : 0);          \
        AGG_EACH(call, T, y = (BETTER) ? x : y;);                                                  \
        s->value = y;                                                                              \
        s->seen = 1;                                                                               \
        return QN_OK;                                                                              \
    }                                                                                              \
    static Status NAME##_combine(AggCall *call, void *into, const void *from)                      \
    {                                                                                              \
        NAME##_best *a = into;                                                                     \
        const NAME##_best *b = from;                                                               \
        const T x = b->value, y = a->value;                                                        \
        (void)call;                                                                                \
        if (b->seen && (!a->seen || (BETTER))) *a = *b;                                            \
        return QN_OK;                                                                              \
    }                                                                                              \
    static Status NAME##_final(AggCall *call, const void *state, Arena *arena, Value *out)         \
    {                                                                                              \
        const NAME##_best *s = state;                                                              \
        (void)call, (void)arena;                                                                   \
        *out = value_null(TYPE);                                                                   \
        if (s->seen) *out = (Value){.type = TYPE, .phys = PHYS, .FIELD = s->value};                \
        return QN_OK;                                                                              \
    }                                                                                              \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(NAME##_best),                              \
                                  .plain_state = true,                                             \
                                  .update = NAME##_update,                                         \
                                  .update_one = NAME##_update_one,                                 \
                                  .combine = NAME##_combine,                                       \
                                  .final = NAME##_final};

#define MINMAX_BOTH(PREFIX, T, TYPE, PHYS, FIELD)                                                  \
    MINMAX(PREFIX##_min, T, TYPE, PHYS, FIELD, x < y)                                              \
    MINMAX(PREFIX##_max, T, TYPE, PHYS, FIELD, x > y)

MINMAX_BOTH(int2, int16_t, TYPE_INT2, PHYS_I16, i16)
MINMAX_BOTH(int4, int32_t, TYPE_INT4, PHYS_I32, i32)
MINMAX_BOTH(int8, int64_t, TYPE_INT8, PHYS_I64, i64)
MINMAX_BOTH(oid, uint32_t, TYPE_OID, PHYS_I32, i32)
MINMAX_BOTH(tid, int64_t, TYPE_TID, PHYS_I64, i64)
MINMAX_BOTH(date, int32_t, TYPE_DATE, PHYS_I32, i32)
MINMAX_BOTH(time, int64_t, TYPE_TIME, PHYS_I64, i64)
MINMAX_BOTH(timestamp, int64_t, TYPE_TIMESTAMP, PHYS_I64, i64)
MINMAX_BOTH(timestamptz, int64_t, TYPE_TIMESTAMPTZ, PHYS_I64, i64)

/* NaN is larger than every number. */
MINMAX(float4_min, float, TYPE_FLOAT4, PHYS_F32, f32, (x < y) | ((y != y) & (x == x)))
MINMAX(float4_max, float, TYPE_FLOAT4, PHYS_F32, f32, (x > y) | ((x != x) & (y == y)))
MINMAX(float8_min, double, TYPE_FLOAT8, PHYS_F64, f64, (x < y) | ((y != y) & (x == x)))
MINMAX(float8_max, double, TYPE_FLOAT8, PHYS_F64, f64, (x > y) | ((x != x) & (y == y)))

/* Everything else: the value itself, its bytes copied to a buffer that grows in the states' arena.
 */
typedef struct Best {
    int64_t seen;
    char value[sizeof(Value)]; /* a Value, which states are not aligned for */
    char *bytes;
    int64_t cap;
} Best;

static Status
best_set(AggCall *call, Best *s, const Value *v)
{
    Value copy = *v;
    if (v->phys == PHYS_STR && v->str.len > STR_INLINE_MAX) {
        if (s->cap < v->str.len) {
            int64_t cap = v->str.len < 32 ? 32 : (int64_t)bits_next_pow2(v->str.len);
            TRY_ALLOC(call->ctx, s->bytes, arena_alloc(call->arena, (size_t)cap));
            s->cap = cap;
            agg_grew(call, (size_t)cap);
        }
        memcpy(s->bytes, v->str.ptr, v->str.len);
        copy.str = str_make(s->bytes, v->str.len);
    }
    memcpy(s->value, &copy, sizeof(copy));
    s->seen = 1;
    return QN_OK;
}

static Status
best_offer(AggCall *call, Best *s, const Value *v, int sign)
{
    Value old;
    if (s->seen) {
        memcpy(&old, s->value, sizeof(old));
        if (type_info(v->type)->cmp(v, &old) * sign <= 0) return QN_OK;
    }
    return best_set(call, s, v);
}

static Status
best_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const Best *s = state;
    Value v;
    if (!s->seen) {
        *out = value_null(call->arg_types != NULL ? call->arg_types[0] : TYPE_TEXT);
        return QN_OK;
    }
    memcpy(&v, s->value, sizeof(v));
    return value_copy(call->ctx, arena, &v, out);
}

static Status
best_serialise(AggCall *call, const void *state, StrBuf *b)
{
    const Best *s = state;
    Value v;
    memcpy(&v, s->value, sizeof(v));
    strbuf_add(b, state, sizeof(Best));
    if (s->seen && v.phys == PHYS_STR) strbuf_add(b, str_data(&v.str), v.str.len);
    return b->failed ? RAISE_OOM(call->ctx) : QN_OK;
}

static Status
best_deserialise(AggCall *call, const char *data, size_t nbytes, void *state)
{
    Best *s = state;
    Value v;
    assert(nbytes >= sizeof(Best));
    memcpy(s, data, sizeof(Best));
    s->bytes = NULL;
    s->cap = 0;
    memcpy(&v, s->value, sizeof(v));
    if (!s->seen || v.phys != PHYS_STR) return QN_OK;
    v.str = str_make(data + sizeof(Best), nbytes - sizeof(Best));
    return best_set(call, s, &v);
}

#define BEST(NAME, SIGN)                                                                           \
    static Status NAME##_fold(AggCall *call, Best *s, int i)                                       \
    {                                                                                              \
        Value v = vec_get(call->args[0], i);                                                       \
        return best_offer(call, s, &v, SIGN);                                                      \
    }                                                                                              \
    AGG_FOLD(NAME, Best, NAME##_fold)                                                              \
    static Status NAME##_combine(AggCall *call, void *into, const void *from)                      \
    {                                                                                              \
        const Best *b = from;                                                                      \
        Value v;                                                                                   \
        if (!b->seen) return QN_OK;                                                                \
        memcpy(&v, b->value, sizeof(v));                                                           \
        return best_offer(call, into, &v, SIGN);                                                   \
    }                                                                                              \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(Best),                                     \
                                  .update = NAME##_update,                                         \
                                  .update_one = NAME##_update_one,                                 \
                                  .combine = NAME##_combine,                                       \
                                  .final = best_final,                                             \
                                  .serialise = best_serialise,                                     \
                                  .deserialise = best_deserialise};

BEST(any_min, -1)
BEST(any_max, 1)

/* numeric: a batch of int64 is reduced first. The first of equal values stays, with its display
 * scale, as PostgreSQL's numeric_smaller would leave it. */
static Status
numeric_reduce(AggCall *call, Best *s, int sign)
{
    const Vector *a = call->args[0];
    const int64_t *v = a->data;
    int64_t best = v[0];
    if (sign > 0)
        for (int i = 1; i < call->n; i++) best = v[i] > best ? v[i] : best;
    else
        for (int i = 1; i < call->n; i++) best = v[i] < best ? v[i] : best;
    Value value = numeric_value_int(best, a->scale);
    return best_offer(call, s, &value, sign);
}

#define NUMERIC_BEST(NAME, ANY, SIGN)                                                              \
    static Status NAME##_update_one(AggCall *call, void *state)                                    \
    {                                                                                              \
        const Vector *a = call->args[0];                                                           \
        if (a->phys == PHYS_I64 && a->shape == VEC_FLAT && call->sel == NULL && call->n > 0)       \
            return numeric_reduce(call, state, SIGN);                                              \
        return ANY##_update_one(call, state);                                                      \
    }                                                                                              \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(Best),                                     \
                                  .update = ANY##_update,                                          \
                                  .update_one = NAME##_update_one,                                 \
                                  .combine = ANY##_combine,                                        \
                                  .final = best_final,                                             \
                                  .serialise = best_serialise,                                     \
                                  .deserialise = best_deserialise};

NUMERIC_BEST(numeric_min, any_min, -1)
NUMERIC_BEST(numeric_max, any_max, 1)

/* Text goes by its bytes, most comparisons deciding on the first four. */
#define TEXT_BEST(NAME, ANY, BETTER)                                                               \
    static Status NAME##_fold(AggCall *call, Best *s, int i)                                       \
    {                                                                                              \
        const Str *x = &ARG(call, 0, Str, i);                                                      \
        if (s->seen) {                                                                             \
            Value old;                                                                             \
            memcpy(&old, s->value, sizeof(old));                                                   \
            const int c = str_cmp(x, &old.str);                                                    \
            if (!(BETTER)) return QN_OK;                                                           \
        }                                                                                          \
        Value v = value_str(TYPE_TEXT, *x);                                                        \
        return best_set(call, s, &v);                                                              \
    }                                                                                              \
    AGG_FOLD(NAME, Best, NAME##_fold)                                                              \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(Best),                                     \
                                  .update = NAME##_update,                                         \
                                  .update_one = NAME##_update_one,                                 \
                                  .combine = ANY##_combine,                                        \
                                  .final = best_final,                                             \
                                  .serialise = best_serialise,                                     \
                                  .deserialise = best_deserialise};

TEXT_BEST(text_min, any_min, c < 0)
TEXT_BEST(text_max, any_max, c > 0)

/* bool_and and bool_or count, so that rows can be taken out again. */
typedef struct BoolCount {
    int64_t n, ntrue;
} BoolCount;

AGG_STEP(bool_count, BoolCount, uint8_t, (s->n++, s->ntrue += x))

static Status
bool_count_remove_one(AggCall *call, void *state)
{
    BoolCount *s = state;
    AGG_EACH(call, uint8_t, s->ntrue -= x;);
    s->n -= call->n;
    return QN_OK;
}

static Status
bool_count_combine(AggCall *call, void *into, const void *from)
{
    (void)call;
    ((BoolCount *)into)->n += ((const BoolCount *)from)->n;
    ((BoolCount *)into)->ntrue += ((const BoolCount *)from)->ntrue;
    return QN_OK;
}

#define BOOL_AGG(NAME, EXPR)                                                                       \
    static Status NAME##_final(AggCall *call, const void *state, Arena *arena, Value *out)         \
    {                                                                                              \
        const BoolCount *s = state;                                                                \
        (void)call, (void)arena;                                                                   \
        *out = value_null(TYPE_BOOL);                                                              \
        if (s->n > 0) *out = (Value){.type = TYPE_BOOL, .phys = PHYS_BOOL, .b = (EXPR)};           \
        return QN_OK;                                                                              \
    }                                                                                              \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(BoolCount),                                \
                                  .plain_state = true,                                             \
                                  .update = bool_count_update,                                     \
                                  .update_one = bool_count_update_one,                             \
                                  .remove_one = bool_count_remove_one,                             \
                                  .combine = bool_count_combine,                                   \
                                  .final = NAME##_final};

BOOL_AGG(bool_and, s->ntrue == s->n)
BOOL_AGG(bool_or, s->ntrue > 0)

/* Bits. */
#define BIT_AGG(NAME, T, TYPE, PHYS, FIELD, OP, START)                                             \
    typedef struct NAME##_bits {                                                                   \
        int64_t value, n;                                                                          \
    } NAME##_bits;                                                                                 \
    static Status NAME##_init(AggCall *call, void *state)                                          \
    {                                                                                              \
        (void)call;                                                                                \
        ((NAME##_bits *)state)->value = (START);                                                   \
        return QN_OK;                                                                              \
    }                                                                                              \
    AGG_STEP(NAME, NAME##_bits, T, (s->value OP x, s->n++))                                        \
    static Status NAME##_combine(AggCall *call, void *into, const void *from)                      \
    {                                                                                              \
        (void)call;                                                                                \
        ((NAME##_bits *)into)->value OP((const NAME##_bits *)from)->value;                         \
        ((NAME##_bits *)into)->n += ((const NAME##_bits *)from)->n;                                \
        return QN_OK;                                                                              \
    }                                                                                              \
    static Status NAME##_final(AggCall *call, const void *state, Arena *arena, Value *out)         \
    {                                                                                              \
        const NAME##_bits *s = state;                                                              \
        (void)call, (void)arena;                                                                   \
        *out = value_null(TYPE);                                                                   \
        if (s->n > 0) *out = (Value){.type = TYPE, .phys = PHYS, .FIELD = (T)s->value};            \
        return QN_OK;                                                                              \
    }                                                                                              \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(NAME##_bits),                              \
                                  .plain_state = true,                                             \
                                  .init = NAME##_init,                                             \
                                  .update = NAME##_update,                                         \
                                  .update_one = NAME##_update_one,                                 \
                                  .combine = NAME##_combine,                                       \
                                  .final = NAME##_final};

#define BIT_AGGS(PREFIX, T, TYPE, PHYS, FIELD)                                                     \
    BIT_AGG(PREFIX##_bit_and, T, TYPE, PHYS, FIELD, &=, -1)                                        \
    BIT_AGG(PREFIX##_bit_or, T, TYPE, PHYS, FIELD, |=, 0)                                          \
    BIT_AGG(PREFIX##_bit_xor, T, TYPE, PHYS, FIELD, ^=, 0)

BIT_AGGS(int2, int16_t, TYPE_INT2, PHYS_I16, i16)
BIT_AGGS(int4, int32_t, TYPE_INT4, PHYS_I32, i32)
BIT_AGGS(int8, int64_t, TYPE_INT8, PHYS_I64, i64)
