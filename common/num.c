/* num.c - see num.h. */
#include "common/num.h"
#include <assert.h>
#include <string.h>

const int64_t num_pow10_i64[19] = {
    1LL,
    10LL,
    100LL,
    1000LL,
    10000LL,
    100000LL,
    1000000LL,
    10000000LL,
    100000000LL,
    1000000000LL,
    10000000000LL,
    100000000000LL,
    1000000000000LL,
    10000000000000LL,
    100000000000000LL,
    1000000000000000LL,
    10000000000000000LL,
    100000000000000000LL,
    1000000000000000000LL,
};

int128
num_pow10_i128(int n)
{
    assert(n >= 0 && n <= 38);
    if (n <= 18) return num_pow10_i64[n];
    if (n <= 36) return (int128)num_pow10_i64[18] * num_pow10_i64[n - 18];
    return (int128)num_pow10_i64[18] * num_pow10_i64[18] * num_pow10_i64[n - 36];
}

int
num_format_i64(int64_t v, char *out)
{
    char tmp[20];
    int n = 0, len = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        tmp[n++] = (char)('0' + u % 10);
        u /= 10;
    } while (u != 0);
    if (v < 0) out[len++] = '-';
    while (n > 0) out[len++] = tmp[--n];
    return len;
}

int
num_format_i128(int128 v, char *out)
{
    char tmp[40];
    int n = 0, len = 0;
    uint128 u = v < 0 ? 0 - (uint128)v : (uint128)v;
    do {
        tmp[n++] = (char)('0' + (int)(u % 10));
        u /= 10;
    } while (u != 0);
    if (v < 0) out[len++] = '-';
    while (n > 0) out[len++] = tmp[--n];
    return len;
}
