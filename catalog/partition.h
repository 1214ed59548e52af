/* partition.h - which partition of a partitioned table a row belongs to, and what a bound says as SQL.
 *
 * A PartitionDesc is made with the relation and belongs to it. Its parts are in PostgreSQL's order: by lower bound, by smallest value, by modulus
 * and remainder, the default one last. */
#ifndef CATALOG_PARTITION_H
#define CATALOG_PARTITION_H

#include "catalog/catalog.h"

typedef struct ListValue {
    Value value;
    int part;
} ListValue;

struct PartitionDesc {
    const PartitionKey *key;
    int nparts;
    const InheritLink *const *parts;
    int default_part, null_part; /* -1: none */
    int nlist;
    const ListValue *list; /* ascending */
    int modulus;           /* the greatest; 0: none */
    const int *by_remainder; /* [modulus] -1: none */
};

/* Both of rel's. */
Status partition_descs_build(Ctx *ctx, Arena *arena, Relation *rel);
/* The table as the running transaction sees it: a partition is still there if its detaching began after the transaction's snapshot. rel
 * itself, or a copy in the arena. */
Status partition_table_as_seen(Ctx *ctx, Arena *arena, const Relation *rel, const Relation **out);
/* A copy of rel whose partitions are all of them. */
Status partition_table_whole(Ctx *ctx, Arena *arena, const Relation *rel, const Relation **out);
/* The partition of a row with these key values (of the key's types); -1: none. */
int partition_find(const PartitionDesc *d, const Value *keys);
/* Order of a row's keys and side `upper` of a bound: < 0 when the row comes before it. */
int partition_compare(const PartitionKey *key, const Value *keys, const PartitionBound *b, bool upper);
/* The same of two bounds' sides. */
int partition_compare_bounds(const PartitionKey *key, const PartitionBound *a, bool a_upper, const PartitionBound *b, bool b_upper);
/* The hash of the key values that HASH partitioning uses; false for a type that has none. */
bool partition_hash(const PartitionKey *key, const Value *keys, uint64_t *out);

/* SQL, in the arena. constraint: what rows of a partition of rel with this bound satisfy, NULL when it is nothing; *out of the
 * key "RANGE (a, b)", of the bound "FOR VALUES FROM (1) TO (10)". */
Status partition_constraint_sql(Ctx *ctx, Arena *arena, const Relation *rel, const PartitionBound *bound, const char **out);
Status partition_key_sql(Ctx *ctx, Arena *arena, const Relation *rel, const char **out);
Status partition_bound_sql(Ctx *ctx, Arena *arena, const PartitionBound *bound, const char **out);
/* The constraint of a partition with those of the tables above it. */
Status partition_full_constraint_sql(Ctx *ctx, Arena *arena, const Relation *rel, const char **out);

#endif
