/* int_cross.c - comparison and arithmetic of integers of different widths. The binder casts
 * constants, so these run on two columns; they are compiled for the baseline processor only, which
 * halves their size. */
#define KERNEL_NO_CLONES
#include "types/int_kernels.h"

COMPARE_SIX(int24, int16_t, int32_t, int32_t)
COMPARE_SIX(int42, int32_t, int16_t, int32_t)
COMPARE_SIX(int28, int16_t, int64_t, int64_t)
COMPARE_SIX(int82, int64_t, int16_t, int64_t)
COMPARE_SIX(int48, int32_t, int64_t, int64_t)
COMPARE_SIX(int84, int64_t, int32_t, int64_t)

BINARY_KERNEL(btint24cmp, int16_t, int32_t, int32_t, THREE_WAY)
BINARY_KERNEL(btint42cmp, int32_t, int16_t, int32_t, THREE_WAY)
BINARY_KERNEL(btint28cmp, int16_t, int64_t, int32_t, THREE_WAY)
BINARY_KERNEL(btint82cmp, int64_t, int16_t, int32_t, THREE_WAY)
BINARY_KERNEL(btint48cmp, int32_t, int64_t, int32_t, THREE_WAY)
BINARY_KERNEL(btint84cmp, int64_t, int32_t, int32_t, THREE_WAY)

CHECKED(int24pl, int16_t, int32_t, int32_t, int64_t, +, RANGE_INT4)
CHECKED(int24mi, int16_t, int32_t, int32_t, int64_t, -, RANGE_INT4)
CHECKED(int24mul, int16_t, int32_t, int32_t, int64_t, *, RANGE_INT4)
CHECKED(int42pl, int32_t, int16_t, int32_t, int64_t, +, RANGE_INT4)
CHECKED(int42mi, int32_t, int16_t, int32_t, int64_t, -, RANGE_INT4)
CHECKED(int42mul, int32_t, int16_t, int32_t, int64_t, *, RANGE_INT4)
CHECKED_INT8(int84pl, int64_t, int32_t, ADD_INT8)
CHECKED_INT8(int84mi, int64_t, int32_t, SUB_INT8)
CHECKED_INT8(int84mul, int64_t, int32_t, MUL_INT8)
CHECKED_INT8(int48pl, int32_t, int64_t, ADD_INT8)
CHECKED_INT8(int48mi, int32_t, int64_t, SUB_INT8)
CHECKED_INT8(int48mul, int32_t, int64_t, MUL_INT8)
CHECKED_INT8(int82pl, int64_t, int16_t, ADD_INT8)
CHECKED_INT8(int82mi, int64_t, int16_t, SUB_INT8)
CHECKED_INT8(int82mul, int64_t, int16_t, MUL_INT8)
CHECKED_INT8(int28pl, int16_t, int64_t, ADD_INT8)
CHECKED_INT8(int28mi, int16_t, int64_t, SUB_INT8)
CHECKED_INT8(int28mul, int16_t, int64_t, MUL_INT8)

DIVIDE_SMALL(int42div, int32_t, int16_t, int32_t, INT32_MIN, RANGE_INT4)
DIVIDE_SMALL(int24div, int16_t, int32_t, int32_t, INT32_MIN, RANGE_INT4)
DIVIDE_INT8(int84div, int64_t, int32_t)
DIVIDE_INT8(int48div, int32_t, int64_t)
DIVIDE_INT8(int82div, int64_t, int16_t)
DIVIDE_INT8(int28div, int16_t, int64_t)
