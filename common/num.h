/* num.h - checked integer arithmetic and 128-bit integers. */
#ifndef COMMON_NUM_H
#define COMMON_NUM_H

#include <stdbool.h>
#include <stdint.h>

typedef __int128 int128;
typedef unsigned __int128 uint128;

#define INT128_MAX ((int128)(((uint128)1 << 127) - 1))
#define INT128_MIN (-INT128_MAX - 1)

#define num_add_overflows(a, b, out) __builtin_add_overflow((a), (b), (out))
#define num_sub_overflows(a, b, out) __builtin_sub_overflow((a), (b), (out))
#define num_mul_overflows(a, b, out) __builtin_mul_overflow((a), (b), (out))

/* 10^0 .. 10^18 */
extern const int64_t num_pow10_i64[19];
/* 10^0 .. 10^38 */
int128 num_pow10_i128(int n);

/* Writes v in decimal, returns the number of bytes; out has room for 40. Not NUL-terminated. */
int num_format_i64(int64_t v, char *out);
int num_format_i128(int128 v, char *out);

#endif
