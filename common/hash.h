/* hash.h - 64-bit hashing for hash tables, bloom filters and partitioning in memory. Values are not
 * stable across versions and never reach the disk.
 *
 * The mixing step is the 64x64->128 multiply fold that wyhash and rapidhash use. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_K0 0x9E3779B97F4A7C15ull
#define HASH_K1 0xD6E8FEB86659FD93ull
#define HASH_NULL 0xA0761D6478BD642Full /* the hash of SQL NULL as a grouping value */

static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
    __uint128_t m = (__uint128_t)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
hash_u64(uint64_t v)
{
    return hash_mix(v ^ HASH_K0, HASH_K1);
}

/* Folds the hash of one more column into h. Not commutative. */
static inline uint64_t
hash_combine(uint64_t h, uint64_t v)
{
    return hash_mix(h ^ HASH_K1, v ^ HASH_K0);
}

static inline uint64_t
hash_bytes(const void *data, size_t nbytes)
{
    const unsigned char *p = data;
    uint64_t h = HASH_K1 ^ nbytes, a = 0, b = 0;
    size_t left = nbytes;
    while (left > 16) {
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);
        h = hash_mix(a ^ HASH_K0, b ^ h);
        p += 16;
        left -= 16;
    }
    if (left >= 8) {
        memcpy(&a, p, 8);
        memcpy(&b, p + left - 8, 8);
    } else if (left >= 4) {
        uint32_t x, y;
        memcpy(&x, p, 4);
        memcpy(&y, p + left - 4, 4);
        a = x, b = y;
    } else if (left > 0) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[left >> 1] << 8 | p[left - 1];
        b = 0;
    } else {
        a = b = 0;
    }
    return hash_mix(hash_mix(a ^ HASH_K0, b ^ h), HASH_K1 ^ nbytes);
}

#endif
