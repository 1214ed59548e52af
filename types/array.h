/* array.h - array values: one flat run of bytes, whatever the element type.
 *
 *     u32 element type | u8 dimensions | u8 flags | u16 0 | u32 elements
 *     i32 length[dimensions] | i32 lower bound[dimensions]
 *     null bits (flags & ARRAY_NULLS; bit set: NULL; rounded up to 4 bytes)
 *     fixed width:    the values, one after the other; NULL slots are zero
 *     variable width: u32 end offset of each element, then the bytes
 *
 * No dimension: the empty array, 12 bytes, so that it fits into a Str. Nothing is aligned: a value may lie
 * anywhere in a page. Elements are in their type's default form (numeric: the variable one).
 */
#ifndef TYPES_ARRAY_H
#define TYPES_ARRAY_H

#include "types/type.h"

enum {
    ARRAY_DIMS_MAX = 6,
    ARRAY_NULLS = 1,
    ARRAY_HEAD_BYTES = 12,
    ARRAY_ELEMS_MAX = 0x07FFFFFF /* 54000 past it */
};

/* A parsed header; points into the value. */
typedef struct ArrayView ArrayView;
struct ArrayView {
    Oid elem;
    uint8_t phys; /* Phys of the elements */
    uint8_t width; /* bytes of an element, 0 for PHYS_STR */
    int ndim;
    uint32_t nelems;
    int32_t dims[ARRAY_DIMS_MAX], lbounds[ARRAY_DIMS_MAX];
    const uint8_t *nulls; /* NULL: no element is NULL */
    const char *ends;     /* u32 each; PHYS_STR only */
    const char *data;
};

/* s must stay where it is while the view is used. */
void array_view(const Str *s, ArrayView *out);
static inline bool
array_is_null(const ArrayView *a, uint32_t i)
{
    return a->nulls != NULL && (a->nulls[i >> 3] >> (i & 7) & 1) != 0;
}
/* Element i in storage order; its bytes are a view on the array's. */
Value array_element(const ArrayView *a, uint32_t i);

/* Building: add elements in storage order, then finish with the shape. What was added is copied. */
typedef struct ArrayBuilder {
    Arena *arena;
    Oid elem;
    uint8_t phys, width;
    uint32_t nelems;
    bool has_nulls;
    StrBuf data, ends, nulls;
} ArrayBuilder;

ArrayBuilder array_builder(Arena *arena, Oid elem);
Status array_add(Ctx *ctx, ArrayBuilder *b, const Value *v); /* may be NULL; of the element type */
Status array_add_null(Ctx *ctx, ArrayBuilder *b);
/* Every element of a, as it is. */
Status array_add_all(Ctx *ctx, ArrayBuilder *b, const ArrayView *a, uint32_t from, uint32_t n);
/* The value, in the builder's arena. lbounds NULL: all 1. With ndim 0 or no elements: the empty array. */
Status array_finish(Ctx *ctx, ArrayBuilder *b, int ndim, const int32_t *dims, const int32_t *lbounds,
                    Str *out);
/* One dimension, lower bound 1. */
Status array_finish_1d(Ctx *ctx, ArrayBuilder *b, Str *out);
Str array_empty(Oid elem);

/* Arrays of equal shape put into one of one more dimension. Zero is empty; the builder lives in the arena of the first call. */
typedef struct ArrayStack {
    ArrayBuilder builder;
    int64_t n; /* arrays so far */
    int ndim;  /* of each */
    int32_t dims[ARRAY_DIMS_MAX], lbounds[ARRAY_DIMS_MAX];
} ArrayStack;
/* 22004 for a NULL (a is NULL), 2202E for an empty array or another shape. */
Status array_stack_add(Ctx *ctx, Arena *arena, ArrayStack *s, const ArrayView *a);
Status array_stack_finish(Ctx *ctx, const ArrayStack *s, Arena *arena, Str *out); /* n > 0 */

/* A numeric in integer form becomes the variable form (in the arena); anything else is itself. */
Status value_default_form(Ctx *ctx, Arena *arena, const Value *v, Value *out);

/* PostgreSQL's order and equality of elements and of arrays: NULLs are equal and last. */
int array_compare(const ArrayView *a, const ArrayView *b);
int array_compare_elements(const ArrayView *a, uint32_t i, const ArrayView *b, uint32_t j);
bool array_equal(const ArrayView *a, const ArrayView *b);

/* Subscripts, for the executor. A result NULL: outside the array, wrong number of subscripts.
 * a slice keeps ndim; has_lower/has_upper false: open end. 1-based bounds of the result. */
bool array_get(const ArrayView *a, int nsubs, const int32_t *subs, Value *out);
Status array_slice(Ctx *ctx, Arena *arena, const ArrayView *a, int nsubs, const int32_t *lower,
                   const bool *has_lower, const int32_t *upper, const bool *has_upper, Str *out);
/* Assignment a[subs] = v (old NULL or empty: a new array); gaps are filled with NULL in one dimension. 2202E. */
Status array_set(Ctx *ctx, Arena *arena, const ArrayView *old, Oid elem, int nsubs, const int32_t *subs,
                 const Value *v, Str *out);
/* Assignment a[l:u] = source array. */
Status array_set_slice(Ctx *ctx, Arena *arena, const ArrayView *old, Oid elem, int nsubs,
                       const int32_t *lower, const bool *has_lower, const int32_t *upper,
                       const bool *has_upper, const ArrayView *src, Str *out);

/* Reads and prints PostgreSQL's text form. */
Status array_parse(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid elem, int32_t typmod,
                   Str *out);
Status array_add_text(Ctx *ctx, StrBuf *b, const ArrayView *a);

/* The array as a set, for "x = ANY (constant array)": made once, probed per row. */
typedef struct ArraySet ArraySet;
Status array_set_build(Ctx *ctx, Arena *arena, const ArrayView *a, ArraySet **out);
bool array_set_has(const ArraySet *set, const Value *v); /* v not NULL, of the element type */
bool array_set_has_null(const ArraySet *set);            /* the array held a NULL */

#endif
