/* sorter.h - rows in key order: what Sort, ordered aggregates and index builds share.
 *
 * Keys are keycodec's bytes. Rows are collected in a RowStore beside an array of (first sixteen key bytes, row); the array is sorted by radix,
 * then runs of equal heads by the rest of the key. Past the memory limit sorted runs go to a temporary file and are merged while
 * reading. Equal keys keep the order of the input. With a bound only the first rows are kept (top-N).
 */
#ifndef EXECUTOR_SORTER_H
#define EXECUTOR_SORTER_H

#include "executor/rowstore.h"
#include "storage/keycodec.h"

typedef struct Sorter Sorter;

typedef struct SorterKey {
    Oid type;
    int32_t typmod; /* numeric(p,s) keys are shorter; -1: any precision */
    bool desc, nulls_first;
} SorterKey;

/* Rows of ncols columns of these types, ordered by nkeys key vectors given beside them. */
Status sorter_new(Ctx *ctx, Arena *arena, int nkeys, const SorterKey *keys, int ncols, const Oid *types,
                  size_t mem_limit, Sorter **out);
/* Only the first nrows are wanted; before the first row. 0: all. */
void sorter_bound(Sorter *s, int64_t nrows);
Status sorter_add(Sorter *s, Vector *const *keys, Vector *const *cols, const uint16_t *sel, int n);
/* All rows are in. */
Status sorter_finish(Sorter *s);
/* Up to max rows; out has one vector a column with own buffers. *n_out is 0 at the end. Strings live until the next call. */
Status sorter_next(Sorter *s, int max, Batch *out, int *n_out);
/* Reads from the first row again. */
Status sorter_rewind(Sorter *s);
int64_t sorter_count(const Sorter *s);
void sorter_reset(Sorter *s); /* empty; for new rows */
void sorter_free(Sorter *s);  /* NULL is fine */

typedef struct SorterStats {
    const char *method; /* PostgreSQL's: "quicksort", "top-N heapsort", "external merge" */
    bool on_disk;
    int64_t kb;
} SorterStats;
SorterStats sorter_stats(const Sorter *s);

#endif
