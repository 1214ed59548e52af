/* hash_pg.h - PostgreSQL's own hash of a value with a seed: what HASH partitioning places rows by. The numbers are part of its interface
 * (satisfies_hash_partition, dumps by partition), so they are the same here. */
#ifndef TYPES_HASH_PG_H
#define TYPES_HASH_PG_H

#include "types/type.h"

#define HASH_PARTITION_SEED 0x7A5B22367996DCFDull

/* Of a value that is not NULL. False: the type has none here. */
bool hash_pg_value(const Value *v, uint64_t seed, uint64_t *out);
static inline uint64_t
hash_pg_combine(uint64_t a, uint64_t b)
{
    return a ^ (b + 0x49a0f4dd15e5a8e3ull + (a << 54) + (a >> 7));
}

#endif
