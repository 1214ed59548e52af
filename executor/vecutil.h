/* vecutil.h - what nodes do with vectors beyond types/batch.h: vectors that grow, values of mixed numeric forms,
 * selections. */
#ifndef EXECUTOR_VECUTIL_H
#define EXECUTOR_VECUTIL_H

#include "types/batch.h"

static inline int
exec_vec_cap(const Vector *v)
{
    int w = phys_width[type_phys(v->type, -1)];
    return w == 0 ? BATCH_ROWS : (int)(v->own_bytes / (uint32_t)w);
}
/* A batch of such vectors; exec_batch_reserve before filling. */
Batch *exec_batch_new(Arena *arena, int ncols, const Oid *types);
bool exec_batch_reserve(Batch *b, int nrows);

/* Stores value at row of v, where rows 0..row-1 are filled (FLAT, own buffers). A numeric of another form or scale than the
 * rows before turns the whole vector to variable form; strings made so lie in arena. */
Status exec_vec_put(Ctx *ctx, Arena *arena, Vector *v, int row, const Value *value);
/* The numeric in variable form. */
Status exec_numeric_to_str(Ctx *ctx, Arena *arena, Value *v);
/* Rows sel[0..n) of v, FLAT with own buffers, to variable form. */
Status exec_numeric_vec_to_str(Ctx *ctx, Arena *arena, Vector *v, const uint16_t *sel, int n);
/* Copies rows sel[0..n) of src (FLAT or CONST) to the same rows of dst (FLAT, own buffers, reset before the first
 * move). *filled: some value has been moved to dst, so that its form is settled; numerics of another form then turn the
 * whole of dst (nrows rows) to variable form. */
Status exec_vec_move(Ctx *ctx, Arena *arena, Vector *dst, const Vector *src, const uint16_t *sel, int n,
                     bool *filled, int nrows);
/* Rows sel[0..n) of src (any shape) to rows at.. of dst (FLAT, own buffers, room for at + n); strings are copied to the arena. With
 * at == 0 dst starts afresh. */
Status exec_vec_append(Ctx *ctx, Arena *arena, Vector *dst, int at, const Vector *src, const uint16_t *sel, int n);
/* out = a \ b, both ascending; returns the count. */
int exec_sel_minus(const uint16_t *a, int na, const uint16_t *b, int nb, uint16_t *out);
int exec_sel_merge(const uint16_t *a, int na, const uint16_t *b, int nb, uint16_t *out);

/* Row k of a selection that may be NULL. */
static inline int
exec_row(const uint16_t *sel, int k)
{
    return sel != NULL ? sel[k] : k;
}

#endif
