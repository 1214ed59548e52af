/* arrayfn.h - "x op ANY (array)" and "x op ALL (array)" over a batch, for the executor. */
#ifndef TYPES_ARRAYFN_H
#define TYPES_ARRAYFN_H

#include "types/array.h"
#include "types/function.h"

/* One call site. ctx, arena (of this batch) and sel_room are set anew for each run; set lives with the site. */
typedef struct ArrayOp {
    Ctx *ctx;
    Arena *arena;       /* scratch: lives as long as out */
    Arena *state_arena; /* lives as long as the call site */
    const Function *fn; /* strict, gives boolean */
    Oid collation;
    bool any;           /* ANY, else ALL */
    bool hashable;      /* "= ANY" or "<> ALL" with an operator that hashes, both sides of one type */
    ArraySet *set;      /* NULL at first; of a constant array */
    uint16_t *sel_room;
} ArrayOp;

/* Rows sel[0..n) of out (boolean, FLAT, reset): x op any/all of the row's array. x and arrays are FLAT or CONST;
 * they are not the dictionary kind. NULL as PostgreSQL: unknown unless some element decides. */
Status array_op_run(ArrayOp *op, Vector *x, const Vector *arrays, const uint16_t *sel, int n, Vector *out);

#endif
