/* heap_rewrite.h - a table's rows into a new heap, as VACUUM FULL and CLUSTER do: what nobody can see stays behind, what somebody may
 * still see comes along with the xids it has, so that older snapshots read the new heap as they did the old one.
 *
 * Nobody else may use either heap (ACCESS EXCLUSIVE); the new one belongs to the running transaction.
 */
#ifndef STORAGE_HEAP_REWRITE_H
#define STORAGE_HEAP_REWRITE_H

#include "storage/heap.h"

typedef struct HeapRewrite HeapRewrite;

typedef struct HeapRewriteReport {
    uint64_t live;   /* versions that came along and nothing has ended */
    uint64_t recent; /* those that only older snapshots see */
    uint64_t dead;   /* those that stayed behind */
} HeapRewriteReport;

/* In the arena. 53200. */
Status heap_rewrite_begin(Ctx *ctx, Arena *arena, Heap *from, Heap *to, HeapRewrite **out);
/* Every version of the chains that index entries for these tids name, in this order. */
Status heap_rewrite_chains(Ctx *ctx, HeapRewrite *rw, const Tid *tids, int n);
/* Every version there is, in the order of pages. */
Status heap_rewrite_all(Ctx *ctx, HeapRewrite *rw);
Status heap_rewrite_finish(Ctx *ctx, HeapRewrite *rw);
const HeapRewriteReport *heap_rewrite_report(const HeapRewrite *rw);
/* Where the recent ones are now: no live row, so an index build does not see them, and they need entries of their own. */
void heap_rewrite_recent(const HeapRewrite *rw, const Tid **tids_out, int *n_out);
void heap_rewrite_end(HeapRewrite *rw); /* NULL is fine */

#endif
