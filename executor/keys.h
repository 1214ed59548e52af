/* keys.h - hashing and equality of key columns, for joins, grouping and set operations.
 *
 * Equality is the type's: -0 = 0, NaN = NaN, char(n) without trailing blanks, numerics by value. Integers of different
 * widths compare by value, real with double precision too. NULLs count as equal here; a join drops its rows with NULL keys first. */
#ifndef EXECUTOR_KEYS_H
#define EXECUTOR_KEYS_H

#include "executor/rowstore.h"

/* hashes[k] of the k-th of rows sel[0..n). 42883 for a type that cannot be hashed. */
Status keys_hash(Ctx *ctx, Vector *const *cols, int ncols, const uint16_t *sel, int n, uint64_t *hashes);
/* Rows of sel[0..n) with no NULL among the columns, to out (may be sel itself); returns how many. */
int keys_drop_nulls(Vector *const *cols, int ncols, const uint16_t *sel, int n, uint16_t *out);
/* Compares row sel[k] of cols with columns 0..ncols-1 of cand[k], for each k in idx[0..n). Equal ones stay in idx (the count is
 * returned), the others' k are appended to miss[*nmiss] (NULL: not wanted). */
int keys_match(const RowLayout *l, Vector *const *cols, int ncols, const uint16_t *sel, char *const *cand,
               uint16_t *idx, int n, uint16_t *miss, int *nmiss);
/* Whether rows a and b of two vectors of one type are equal (NULL equals NULL). */
bool keys_equal_rows(const Vector *a, int ra, const Vector *b, int rb);
bool keys_equal_values(const Value *a, const Value *b);
/* Whether values of the type can be hashed. */
bool keys_hashable(Oid type);

#endif
