/* batch.h - rows on their way through the executor: column vectors and batches of them.
 *
 * A vector holds up to BATCH_ROWS values of one type in one of three shapes:
 *   FLAT   data[i] is row i's value
 *   CONST  data[0] is every row's value (valid bit 0 its validity)
 *   DICT   codes[i] is the position of row i's value in dict, a FLAT vector of up to dict_count values;
 *          NULLs are marked in the DICT vector's own valid bits (dict itself has none); the codes
 *          of NULL rows are in range too, and dict->data is never empty
 * Validity is a bitmap, bit set: not NULL; a NULL pointer: no row is NULL. Slots of NULL rows hold
 * unspecified bytes, except that a Str slot is always safe to read (length and pointer valid or zero).
 *
 * A batch is columns of equal length and an optional selection: ascending row positions that count.
 * What a batch and its strings point to lives until the next call of the node that gave it.
 * Never is an empty batch (nsel == 0) handed up.
 */
#ifndef TYPES_BATCH_H
#define TYPES_BATCH_H

#include "common/bits.h"
#include "types/type.h"

#ifndef BATCH_ROWS
#define BATCH_ROWS 2048
#endif

typedef enum VecShape { VEC_FLAT, VEC_CONST, VEC_DICT } VecShape;

typedef struct Vector {
    Oid type;
    uint8_t phys;  /* Phys of data */
    uint8_t shape; /* VecShape */
    int16_t scale; /* numeric in integer form */
    void *data;    /* FLAT: values; CONST: one value */
    uint64_t *valid;
    uint32_t *codes;     /* DICT */
    struct Vector *dict; /* DICT */
    int dict_count;      /* DICT: values in dict */
    /* Where this vector's owner may write; a vector that points elsewhere (zero-copy) keeps them, and
     * vec_reset points back. */
    void *own_data;
    uint64_t *own_valid;
    uint32_t own_bytes; /* bytes of own_data */
} Vector;

typedef struct Batch {
    int nrows;           /* rows in the vectors */
    int nsel;            /* rows that count */
    const uint16_t *sel; /* their positions, ascending; NULL: all, and nsel == nrows */
    int ncols;
    Vector **cols;
    uint16_t *own_sel; /* buffer of BATCH_ROWS for batch_select; NULL until needed */
    Arena *arena;      /* the batch's arena: own_sel and owned vectors come from it */
} Batch;

/* A vector with room for nrows values of the type's form (numeric: PHYS_STR's 16 bytes, enough for every
 * form). NULL when memory is out. */
Vector *vec_create(Arena *arena, Oid type, int nrows);
/* A vector without room, and room for nrows values at least (rounded up; never less than it had; zeroed; what it holds is
 * kept). NULL and false when memory is out. */
Vector *vec_new(Arena *arena, Oid type);
bool vec_reserve(Arena *arena, Vector *v, int nrows);
void vec_init(Vector *v, Oid type, Phys phys, void *data, uint64_t *valid);
/* Back to FLAT, own buffers, no NULLs, form phys. */
void vec_reset(Vector *v, Phys phys);
/* CONST from a value; strings are not copied. */
void vec_set_const(Vector *v, const Value *value);
/* Row i as a Value; strings are views on the vector's. */
Value vec_get(const Vector *v, int row);
/* Stores a value of the vector's type and form at row i of a FLAT vector (numeric: same form and scale;
 * see numeric_vec_unify). Strings are not copied. */
void vec_put(Vector *v, int row, const Value *value);
static inline bool
vec_is_null(const Vector *v, int row)
{
    return v->valid != NULL && !bits_get(v->valid, v->shape == VEC_CONST ? 0 : (size_t)row);
}
/* Marks row NULL in a vector with own_valid; starts the bitmap (all set) on the first call. */
static inline void
vec_set_null(Vector *v, int row)
{
    if (v->valid == NULL) {
        v->valid = v->own_valid;
        bits_fill(v->valid, BATCH_ROWS, true);
    }
    bits_clear(v->valid, (size_t)row);
}
/* Position of row i's value in v->data (FLAT, CONST) or v->dict->data (DICT). */
static inline uint32_t
vec_index(const Vector *v, int row)
{
    return v->shape == VEC_FLAT ? (uint32_t)row : v->shape == VEC_CONST ? 0 : v->codes[row];
}
/* Writes v, row for row, as FLAT into out (same type; out's own buffers, form follows v). sel/n: only these rows. */
void vec_flatten(const Vector *v, const uint16_t *sel, int n, Vector *out);
/* Gathers rows sel[0..n) of v (any shape) to rows 0..n-1 of out, FLAT. Strings are views, not copied. */
void vec_gather(const Vector *v, const uint16_t *sel, int n, Vector *out);

Batch *batch_create(Arena *arena, int ncols); /* cols[] all NULL; NULL when memory is out */
/* A batch with one owned vector a column. */
Batch *batch_create_types(Arena *arena, int ncols, const Oid *types);
/* Keeps n of the selected rows, from the from-th on. */
Status batch_keep(Ctx *ctx, Batch *b, int from, int n);
/* Row position of the i-th selected row. */
static inline int
batch_row(const Batch *b, int i)
{
    return b->sel != NULL ? b->sel[i] : i;
}
/* Debug: selection ascending and in range, shapes and strings sound. */
void batch_verify(const Batch *b);

#endif
