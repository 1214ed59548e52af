/* bits.h - bitmaps of 64-bit words (bit i is bit i%64 of word i/64) and small bit tricks. */
#ifndef COMMON_BITS_H
#define COMMON_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BITS_WORDS(n) (((size_t)(n) + 63) / 64)

static inline bool bits_get(const uint64_t *b, size_t i) { return b[i >> 6] >> (i & 63) & 1; }
static inline void bits_set(uint64_t *b, size_t i) { b[i >> 6] |= 1ull << (i & 63); }
static inline void bits_clear(uint64_t *b, size_t i) { b[i >> 6] &= ~(1ull << (i & 63)); }
static inline void
bits_put(uint64_t *b, size_t i, bool v)
{
    b[i >> 6] = (b[i >> 6] & ~(1ull << (i & 63))) | (uint64_t)v << (i & 63);
}
static inline void
bits_fill(uint64_t *b, size_t n, bool v)
{
    memset(b, v ? 0xFF : 0, BITS_WORDS(n) * 8);
}
static inline size_t
bits_count(const uint64_t *b, size_t n)
{
    size_t c = 0, i = 0;
    for (; i + 64 <= n; i += 64) c += (size_t)__builtin_popcountll(b[i >> 6]);
    if (i < n) c += (size_t)__builtin_popcountll(b[i >> 6] & ((1ull << (n - i)) - 1));
    return c;
}
static inline uint64_t
bits_next_pow2(uint64_t v)
{
    return v <= 1 ? 1 : 1ull << (64 - __builtin_clzll(v - 1));
}

#endif
