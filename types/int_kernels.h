/* int_kernels.h - the loops of checked integer arithmetic. Private to int.c and int_cross.c. */
#ifndef TYPES_INT_KERNELS_H
#define TYPES_INT_KERNELS_H

#include "types/kernel.h"

#define RANGE_INT2 "smallint out of range"
#define RANGE_INT4 "integer out of range"
#define RANGE_INT8 "bigint out of range"

#define THREE_WAY (x > y) - (x < y)

static inline Status
int_raise_range(Ctx *ctx, const char *what)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "%s", what);
}

static inline Status
int_raise_zero_division(Ctx *ctx)
{
    return RAISE(ctx, ERR_DIVISION_BY_ZERO, "division by zero");
}

/* Addition, subtraction, multiplication. Up to 32 bits the sum is made in the next wider type and
 * compared with its truncation. */
#define CHECKED(NAME, TA, TB, TR, WIDE, OP, RANGE)                                                 \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        WIDE bad = 0;                                                                              \
        BINARY_LOOP(call, TA, TB, TR, ({                                                           \
                        const WIDE wide = (WIDE)x OP(WIDE) y;                                      \
                        bad |= wide ^ (TR)wide;                                                    \
                        (TR) wide;                                                                 \
                    }));                                                                           \
        return bad == 0 ? QN_OK : int_raise_range(call->ctx, RANGE);                               \
    }

/* 64 bits: the sum overflows when both operands' signs differ from its own; the product goes by the
 * flag. */
#define ADD_INT8                                                                                   \
    ({                                                                                             \
        const uint64_t sum = (uint64_t)(int64_t)x + (uint64_t)(int64_t)y;                          \
        bad |= ((uint64_t)(int64_t)x ^ sum) & ((uint64_t)(int64_t)y ^ sum);                        \
        (int64_t) sum;                                                                             \
    })
#define SUB_INT8                                                                                   \
    ({                                                                                             \
        const uint64_t diff = (uint64_t)(int64_t)x - (uint64_t)(int64_t)y;                         \
        bad |= ((uint64_t)(int64_t)x ^ (uint64_t)(int64_t)y) & ((uint64_t)(int64_t)x ^ diff);      \
        (int64_t) diff;                                                                            \
    })
#define MUL_INT8                                                                                   \
    ({                                                                                             \
        int64_t product;                                                                           \
        bad |= (uint64_t)__builtin_mul_overflow((int64_t)x, (int64_t)y, &product) << 63;           \
        product;                                                                                   \
    })
#define CHECKED_INT8(NAME, TA, TB, EXPR)                                                           \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        uint64_t bad = 0;                                                                          \
        BINARY_LOOP(call, TA, TB, int64_t, EXPR);                                                  \
        return bad >> 63 == 0 ? QN_OK : int_raise_range(call->ctx, RANGE_INT8);                    \
    }

/* Division. 32 bits and less go through double, whose quotient truncates to the exact one and which
 * has a SIMD divide; a zero divisor is replaced and remembered. When something went wrong a second
 * look finds the first row that did. */
#define FIND_DIVISION_ERROR(TA, TB, MIN, RANGE)                                                    \
    ROWS(call, i)                                                                                  \
    {                                                                                              \
        const int64_t from = ARG(call, 0, TA, i), by = ARG(call, 1, TB, i);                        \
        if (by == 0) return int_raise_zero_division(call->ctx);                                    \
        if (by == -1 && from == (MIN)) return int_raise_range(call->ctx, RANGE);                   \
    }

#define DIVIDE_SMALL(NAME, TA, TB, TR, MIN, RANGE)                                                 \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        int32_t bad = 0;                                                                           \
        BINARY_LOOP(call, TA, TB, TR, ({                                                           \
                        const int32_t from = x, by = y, zero = by == 0;                            \
                        const int32_t over = (from == (MIN)) & (by == -1);                         \
                        bad |= zero | over;                                                        \
                        (int32_t)((double)(from + over) / (double)(by + zero));                    \
                    }));                                                                           \
        if (bad != 0) FIND_DIVISION_ERROR(TA, TB, MIN, RANGE)                                      \
        return QN_OK;                                                                              \
    }

#define DIVIDE_INT8(NAME, TA, TB)                                                                  \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        int bad = 0;                                                                               \
        BINARY_LOOP(call, TA, TB, int64_t, ({                                                      \
                        const int64_t from = x, by = y;                                            \
                        const int wrong = (by == 0) | ((by == -1) & (from == INT64_MIN));          \
                        bad |= wrong;                                                              \
                        wrong ? 0 : from / by;                                                     \
                    }));                                                                           \
        if (bad != 0) FIND_DIVISION_ERROR(TA, TB, INT64_MIN, RANGE_INT8)                           \
        return QN_OK;                                                                              \
    }

#endif
