/* rowstore.h - rows outside of batches: one after the other, each of fixed width, strings beside them.
 *
 *     row := head (head_bytes) | NULL bits | columns, each at its offset | tail (tail_bytes)
 *
 * A NULL bit set means NULL. A numeric takes 24 bytes: the value in whatever form it came, the form and the
 * scale. Strings longer than a Str holds lie in blocks of the chunk. The same layout serves hash tables, sorts, CTEs, windows.
 *
 * A RowStore keeps rows in chunks, numbered from 0. Past its memory limit full chunks go to a temporary file and come
 * back, a few at a time, when they are read; a store without limit never spills. Pointers to rows stay good while the
 * store does not spill; else until the next call that reads or appends.
 */
#ifndef EXECUTOR_ROWSTORE_H
#define EXECUTOR_ROWSTORE_H

#include "common/ctx.h"
#include "types/batch.h"

typedef struct RowCol {
    Oid type;
    uint8_t phys;    /* PHYS_STR for numeric */
    bool is_numeric;
    uint32_t offset;
} RowCol;

typedef struct RowLayout {
    int ncols;
    RowCol *cols;
    uint32_t head_bytes, nulls_offset, tail_offset, row_bytes; /* row_bytes: a multiple of 8 */
    int nvar;
    int *var_cols; /* columns that may point to bytes */
} RowLayout;

typedef struct RowStore RowStore;

/* In the arena. */
Status rowlayout_init(Ctx *ctx, Arena *arena, RowLayout *l, int ncols, const Oid *types,
                      uint32_t head_bytes, uint32_t tail_bytes);

/* mem_limit 0: none. The struct lies in the arena, rows in counted heap blocks: rowstore_free. */
Status rowstore_new(Ctx *ctx, Arena *arena, int ncols, const Oid *types, size_t mem_limit, RowStore **out);
Status rowstore_new_layout(Ctx *ctx, Arena *arena, const RowLayout *layout, size_t mem_limit, RowStore **out);
const RowLayout *rowstore_layout(const RowStore *s);
/* Selected rows of the batch; it may have more columns than the store. */
Status rowstore_append(RowStore *s, const Batch *b);
/* Rows sel[0..n) (NULL: 0..n-1) of cols[0..ncols). Head and tail are zero. rows_out (NULL: not wanted): where they are. */
Status rowstore_append_rows(RowStore *s, Vector *const *cols, const uint16_t *sel, int n, char **rows_out);
/* One more row, all zero, to be filled by rowstore_put_rows: rows sel[0..n) of cols[0..ncols) to rows[0..n). For stores that never
 * spill. NULL: no memory, and the error is raised. */
char *rowstore_alloc_row(RowStore *s);
Status rowstore_put_rows(RowStore *s, char *const *rows, Vector *const *cols, int ncols, const uint16_t *sel, int n);
/* A row of bytes as they are in another store of this layout; its strings are copied. */
Status rowstore_append_raw(RowStore *s, const char *row, char **row_out);
int64_t rowstore_count(const RowStore *s);
size_t rowstore_bytes(const RowStore *s);      /* memory taken */
int64_t rowstore_spilled(const RowStore *s);   /* bytes written to the file */
/* Up to max rows from number `from` on as FLAT vectors of out (own buffers, made large enough); strings are views into the store.
 * *n_out may be less than max before the end. */
Status rowstore_read(RowStore *s, int64_t from, int max, Batch *out, int *n_out);
/* The row of this number. */
Status rowstore_row(RowStore *s, int64_t number, char **row_out);
/* The rows [from, from + n) lie one after the other at *row_out; *n_out of them. */
Status rowstore_run(RowStore *s, int64_t from, char **row_out, int *n_out);
/* Writes everything to the file and gives the memory back (hash join partitions). */
Status rowstore_flush(RowStore *s);
/* Empty again; keeps the first chunk. */
void rowstore_reset(RowStore *s);
void rowstore_free(RowStore *s); /* NULL is fine; twice is fine */

/* Column c of n rows to rows 0..n-1 of out (FLAT, own buffers with room). A NULL row pointer gives NULL. arena: for numerics of
 * mixed form. */
Status row_gather(Ctx *ctx, Arena *arena, const RowLayout *l, int c, char *const *rows, int n, Vector *out);
/* The same to rows at[0..n) of out. */
Status row_gather_at(Ctx *ctx, Arena *arena, const RowLayout *l, int c, char *const *rows, const uint16_t *at, int n,
                     Vector *out);
/* One value; strings are views into the row. */
Value row_get(const RowLayout *l, int c, const char *row);
static inline bool
row_is_null(const RowLayout *l, int c, const char *row)
{
    return (((const uint8_t *)row)[l->nulls_offset + (uint32_t)(c >> 3)] >> (c & 7) & 1) != 0;
}

#endif
