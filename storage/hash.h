/* hash.h - the hash index: rows found by equality of one column, whatever the width of its values.
 *
 * An entry is the 64-bit hash of the value and the tid, nothing else: 8 bytes of key, so that values of any width can be indexed and wide ones cost
 * no more than narrow ones. Entries are kept in the order of their hashes, in a B-link tree (btree.h): its log records, splits under
 * concurrent readers, VACUUM, bulk build and verification serve here unchanged, and a lookup touches one leaf more than a directory of
 * buckets would. A scan finds what hashes alike; the reader looks at the row. NULLs have entries that no scan finds.
 */
#ifndef STORAGE_HASH_H
#define STORAGE_HASH_H

#include "storage/index.h"

extern const IndexOps hash_index_ops;

/* IndexOps.derive and IndexOps.scan_start. */
Status hash_derive(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, Arena *arena, Vector **out);
Status hash_scan_start(Ctx *ctx, IndexScan *scan, const IndexRange *range, bool backward);

#endif
