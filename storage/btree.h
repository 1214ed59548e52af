/* btree.h - the ordered index: a B-link tree of encoded keys.
 *
 * An entry is (key bytes, tid, payload); entries are ordered by (key bytes, tid), so that every
 * entry is different and equal keys are in heap order. The root's page number never changes: when
 * the root is full its content moves down to two new pages. Each page has a high key (its entries
 * are below it) and a link to its right neighbour; a search that finds its key at or past the high
 * key goes right, so a split needs no more than the latch of the page it splits. A page also has
 * its low key; what low and high key have in common is not stored in its entries (prefix
 * truncation). A slot holds the first four bytes that follow, so that most comparisons of a search
 * touch the slot array only.
 *
 * Latches: left to right on a level, children before parents; an index page before a heap page.
 * Backward scans take no left links: they search for the entries below the low key.
 */
#ifndef STORAGE_BTREE_H
#define STORAGE_BTREE_H

#include "storage/index.h"

/* Entries (key, tid, payload) may take up to a sixth of a page, so that at least four always fit.
 */
extern const IndexOps btree_ops;

/* Whether the entries of a page just read lie within it. What a sum that was made good cannot show is asked once, not by every search. */
bool btree_layout_is_valid(const void *page, uint32_t page_bytes);

#endif
