/* gin.h - the inverted index: from the parts of a value (elements, keys, lexemes, trigrams) to the rows that have them.
 *
 * It is a B-tree whose leaf entries are posting segments. An entry key is the index column, 1 and up, a category, and for keys proper the
 * element as its operator class encodes it; no encoding is a proper prefix of another's. A segment is an entry (entry key, tid) with up
 * to GIN_SEGMENT_BYTES of a posting list (posting.h) as its payload; the tid is the segment's last. So the segments of one key follow
 * each other in tid order without overlap, and the row (key, tid) belongs to the first segment at or after it. Leaves are parted before
 * a segment's first tid, so that every (key, tid) belongs to one leaf and all of a segment lies on it.
 *
 * Adding a row to many lists at once is dear, so new rows wait in the pending zone, entries of the same tree before all columns: key
 * GIN_PENDING, a bucket, the row and a number; payload: the row's entry keys. Past a limit, and by VACUUM, they are sorted and woven
 * into the lists leaf by leaf. Buckets are taken in turn, so that the zone's pages are used again. A search looks through the zone first:
 * what is moved meanwhile is then found twice, which is no harm, and never missed.
 *
 * Searches give tids in ascending order, found by all that the index knows; whether a row is visible, and for some operators whether
 * it really matches, is for the heap to say.
 */
#ifndef STORAGE_GIN_H
#define STORAGE_GIN_H

#include "storage/index.h"

/* The second byte of an entry key. Placeholders let searches for "every row" find those without keys. */
typedef enum GinCategory {
    GIN_KEY_NORMAL = 0,
    GIN_KEY_NULL = 1,   /* an element that is NULL */
    GIN_EMPTY_ITEM = 2, /* a value without elements */
    GIN_NULL_ITEM = 3,  /* a NULL value */
} GinCategory;

enum { GIN_PENDING = 0 }; /* the first byte of the pending zone's keys; columns are 1 and up */

extern const IndexOps gin_ops;

/* ---- searches ---- */

typedef struct GinKey {
    const uint8_t *bytes; /* an entry key; of GIN_PREFIX: what entry keys begin with */
    uint32_t nbytes;
} GinKey;

typedef enum GinNodeKind {
    GIN_KEY,     /* rows that have the key */
    GIN_PREFIX,  /* rows that have a key that begins so */
    GIN_ATLEAST, /* rows that at least `need` of the items hold for: OR is 1, AND is n */
} GinNodeKind;

/* What to look for. NOT has no node: it is every row, to be looked at again. */
typedef struct GinNode {
    GinNodeKind kind;
    GinKey key;
    int need, n;
    struct GinNode **items;
} GinNode;

typedef struct GinScan GinScan;

/* One thread's. */
Status gin_scan_begin(Ctx *ctx, Arena *arena, Index *index, GinScan **scan_out);
/* Starts a search; again and again. The query is the caller's and outlives it. */
Status gin_scan_start(Ctx *ctx, GinScan *scan, const GinNode *query);
/* Up to max tids, ascending and each once; *n_out is 0 at the end. */
Status gin_scan_next(Ctx *ctx, GinScan *scan, IndexTid *tids, int max, int *n_out);
void gin_scan_end(GinScan *scan); /* NULL is fine */
/* How many rows have the key, from the first leaf that has it: exact while that one holds all. */
Status gin_estimate(Ctx *ctx, Index *index, const GinKey *key, double *rows_out);

/* Hands every (entry key, tid) to fn, in the order of the tree; nothing is latched meanwhile. Pending rows are woven in before, if the
 * database can be written. For verification. */
typedef Status (*GinWalkFn)(void *arg, const uint8_t *key, uint32_t key_bytes, IndexTid tid);
Status gin_walk(Ctx *ctx, Index *index, GinWalkFn fn, void *arg);

/* Weaves the pending rows into the lists. Nothing to do where another session is at it, unless wait. */
Status gin_flush(Ctx *ctx, Index *index, bool wait);

#endif
