/* range.h - ranges over an ordered type, and multiranges: sets of ranges that neither overlap nor touch, ascending.
 *
 *     range       u32 range type | u8 flags | lower bound | upper bound (neither where empty or infinite)
 *                 a bound: its bytes as in a vector; of variable width: u32 bytes, the bytes
 *     multirange  u32 multirange type | u32 ranges | u32 end of each | the ranges
 *
 * A range over a discrete type is kept in the form [a,b), so that equal sets are equal values. Every empty range is the same.
 */
#ifndef TYPES_RANGE_H
#define TYPES_RANGE_H

#include "types/type.h"

/* What a range type is over; what a multirange is made of; the multirange over a range. 0: it is no such type. */
Oid range_subtype(Oid range);
Oid multirange_range(Oid multirange);
Oid range_multirange(Oid range);
/* Of the i-th built-in range, for the catalog; false past the last. */
bool range_builtin(int i, Oid *range_out, Oid *canonical_out, Oid *difference_out);

typedef struct RangeBound {
    Value value;
    bool infinite, inclusive, lower;
} RangeBound;

typedef struct Range {
    Oid type;
    const TypeInfo *subtype;
    bool empty;
    RangeBound lower, upper; /* not set in an empty one */
} Range;

/* The values are views on s's bytes. */
void range_view(const Str *s, Range *out);
Range range_empty_of(Oid type);
/* From two bounds: the form in which values of the type are kept. 22000 where the lower is above the upper; 22003, 22008. */
Status range_from_bounds(Ctx *ctx, Oid type, RangeBound lower, RangeBound upper, Range *out);
/* The value, in the arena. */
Status range_pack(Ctx *ctx, Arena *arena, const Range *r, Str *out);

/* Order of bounds as places on the line, inclusive or not; and of the bounds' values alone. */
int range_bound_compare(const Range *r, const RangeBound *a, const RangeBound *b);
int range_bound_value_compare(const Range *r, const RangeBound *a, const RangeBound *b);
/* Whether an upper bound ends just where a lower bound begins. */
bool range_bounds_adjacent(const Range *r, RangeBound upper, RangeBound lower);

int range_compare(const Range *a, const Range *b); /* total: empty first */
bool range_overlaps(const Range *a, const Range *b);
bool range_adjacent(const Range *a, const Range *b);
bool range_before(const Range *a, const Range *b);
bool range_contains(const Range *a, const Range *b);
bool range_contains_value(const Range *r, const Value *v);
Range range_hull(const Range *a, const Range *b); /* the smallest with both */
Range range_intersection(const Range *a, const Range *b);

typedef struct Multirange {
    Oid type;
    int n;
    const Range *items;
} Multirange;

/* In the arena; the bounds' values are views on s's bytes. */
Status multirange_view(Ctx *ctx, Arena *arena, const Str *s, Multirange *out);
/* Any ranges, in any order, overlapping or empty; items is sorted in place. */
Status multirange_from_ranges(Ctx *ctx, Arena *arena, Oid type, Range *items, int n, Str *out);

/* Text forms, order and hashes, as types.def names them. */
Status range_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out);
Status range_out(Ctx *ctx, StrBuf *b, const Value *value);
int range_cmp(const Value *a, const Value *b);
uint64_t range_hash(const Value *v);
Status multirange_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out);
Status multirange_out(Ctx *ctx, StrBuf *b, const Value *value);
int multirange_cmp(const Value *a, const Value *b);
uint64_t multirange_hash(const Value *v);

/* "[)", "(]" ...: whether each bound is inclusive. 42601, 22000 for NULL. */
Status range_parse_flags(Ctx *ctx, const Str *s, bool *lower_inclusive, bool *upper_inclusive);

#endif
