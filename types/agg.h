/* agg.h - the loops that aggregates are made of. Private to agg_*.c.
 *
 * An aggregate is a state and a step. AGG_STEP makes update (a state a row) and update_one (all
 * rows to one state, kept in registers) from one step, so that both give the same answer. */
#ifndef TYPES_AGG_H
#define TYPES_AGG_H

#include "types/kernel.h"

/* States are 8-byte aligned; without this the compiler would take 16 for granted. */
typedef int128 Int128 __attribute__((aligned(8)));

/* The statements given for every row i, with x its first argument. */
#define AGG_EACH(call, TA, ...)                                                                    \
    do {                                                                                           \
        const TA *restrict a_ = (call)->args[0]->data;                                             \
        const uint16_t *restrict sel_ = (call)->sel;                                               \
        const int n_ = (call)->n;                                                                  \
        if (sel_ == NULL && (call)->args[0]->shape != VEC_CONST) {                                 \
            for (int i = 0; i < n_; i++) {                                                         \
                const TA x = a_[i];                                                                \
                __VA_ARGS__                                                                        \
            }                                                                                      \
        } else {                                                                                   \
            const int ma_ = (call)->args[0]->shape == VEC_CONST ? 0 : -1;                          \
            for (int k_ = 0; k_ < n_; k_++) {                                                      \
                const int i = sel_ != NULL ? sel_[k_] : k_;                                        \
                const TA x = a_[i & ma_];                                                          \
                (void)i;                                                                           \
                __VA_ARGS__                                                                        \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#define AGG_STATE(T, states, offset, i) ((T *)(void *)((states)[i] + (offset)))

/* NAME_update and NAME_update_one; the step uses s (STATE *) and x (TA). */
#define AGG_STEP(NAME, STATE, TA, ...)                                                             \
    static Status NAME##_update(AggCall *call, char **states, size_t offset)                       \
    {                                                                                              \
        AGG_EACH(call, TA, {                                                                       \
            STATE *s = AGG_STATE(STATE, states, offset, i);                                        \
            __VA_ARGS__;                                                                           \
        });                                                                                        \
        return QN_OK;                                                                              \
    }                                                                                              \
    KERNEL_CLONES static Status NAME##_update_one(AggCall *call, void *state)                      \
    {                                                                                              \
        STATE local = *(STATE *)state, *s = &local;                                                \
        AGG_EACH(call, TA, __VA_ARGS__;);                                                          \
        *(STATE *)state = local;                                                                   \
        return QN_OK;                                                                              \
    }

/* From STATE_fold(call, state, value): for aggregates whose row's work dominates. */
#define AGG_FOLD(NAME, STATE, FOLD)                                                                \
    static Status NAME##_update(AggCall *call, char **states, size_t offset)                       \
    {                                                                                              \
        ROWS(call, i) TRY(FOLD(call, AGG_STATE(STATE, states, offset, i), i));                     \
        return QN_OK;                                                                              \
    }                                                                                              \
    static Status NAME##_update_one(AggCall *call, void *state)                                    \
    {                                                                                              \
        ROWS(call, i) TRY(FOLD(call, (STATE *)state, i));                                          \
        return QN_OK;                                                                              \
    }

/* sum / n as numeric, NULL for no rows (agg_num.c). */
Status agg_int_average(AggCall *call, int64_t sum, int64_t n, Arena *arena, Value *out);

static inline void
agg_grew(AggCall *call, size_t nbytes)
{
    if (call->grown_bytes != NULL) *call->grown_bytes += nbytes;
}

#endif
