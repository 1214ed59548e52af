/* posting.h - ascending lists of tids as few bytes: the segments of GIN's posting lists.
 *
 * A tid counts as its page number times a power of two plus its slot ("ordinal"), so that rows of one page, and of neighbouring ones,
 * lie close together. A segment is its first ordinal and then the differences, as varints of seven bits a byte, the low ones first.
 */
#ifndef STORAGE_POSTING_H
#define STORAGE_POSTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bits that hold every slot number of a heap page: a row takes at least eight bytes of it. */
static inline int
posting_slot_bits(uint32_t page_bytes)
{
    return __builtin_ctz(page_bytes) - 3;
}
static inline uint64_t
posting_ord(int64_t tid, int slot_bits)
{
    return (uint64_t)tid >> 16 << slot_bits | ((uint64_t)tid & 0xFFFF);
}
static inline int64_t
posting_tid(uint64_t ord, int slot_bits)
{
    return (int64_t)(ord >> slot_bits << 16 | (ord & ((1u << slot_bits) - 1)));
}

enum { POSTING_VARINT_MAX = 7 }; /* bytes of one ordinal of at most 48 bits */

/* As many of the n ascending ordinals as fit max bytes; *nbytes_out of them were written. Returns how many: at least one where max >=
 * POSTING_VARINT_MAX. */
int posting_encode(const uint64_t *ords, int n, uint8_t *out, uint32_t max, uint32_t *nbytes_out);
/* The ordinals of a segment; -1 when the bytes are none, or hold more than max. */
int posting_decode(const uint8_t *p, uint32_t nbytes, uint64_t *ords, int max);
/* The first ordinal alone; false when there is none. */
bool posting_first(const uint8_t *p, uint32_t nbytes, uint64_t *ord_out);

#endif
