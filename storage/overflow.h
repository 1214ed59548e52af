/* overflow.h - values too wide for their heap page: chains of pages of the same relation.
 *
 * A value is written once, by one transaction, and never changes. Its pages are neighbours where
 * the file allows, compressed by LZ4 where that saves a page. The heap page keeps an OverflowRef.
 * Map entries of overflow pages carry MAP_OVERFLOW, so that table scans pass over them without
 * reading.
 *
 * Versions of a row that keep a value share it. Who replaces it, or deletes the row, sets its xmax; VACUUM frees it when all see that,
 * or when its xmin was rolled back. Its first page's map entry says where a value begins (MAP_VALUE_FIRST) and, as a hint, that
 * there is nothing to look for (MAP_VALUE_SETTLED).
 */
#ifndef STORAGE_OVERFLOW_H
#define STORAGE_OVERFLOW_H

#include "storage/extent.h"
#include "storage/tx.h"

typedef struct OverflowRef {
    PageNo first;
    uint32_t nbytes;       /* of the value */
    uint32_t stored_bytes; /* on pages; less than nbytes: LZ4 */
    uint32_t reserved;
} OverflowRef;
static_assert(sizeof(OverflowRef) == 16, "OverflowRef");

typedef struct OverflowPage {
    PageHeader page;
    Xid xmin;        /* who wrote the value */
    Xid xmax;        /* who ended the last version that had it; 0: none */
    PageNo next;     /* PAGE_NONE: the last one */
    uint32_t nbytes; /* on this page */
    uint8_t data[];
} OverflowPage;
static_assert(sizeof(OverflowPage) == 56, "OverflowPage");

/* Errors: 53100, 54000 (over 1 GB), 53200. No page may be latched. */
Status overflow_write(Ctx *ctx, Rel *rel, const char *data, size_t nbytes, OverflowRef *ref_out);
/* The row's last version that had the value has been ended by xid, or is about to be in the same transaction. Its heap page may be latched. */
Status overflow_end(Ctx *ctx, Rel *rel, const OverflowRef *ref, Xid xid);
/* The same for a copy of a row that ended_by has ended; writer makes the copy. */
Status overflow_end_as(Ctx *ctx, Rel *rel, const OverflowRef *ref, Xid ended_by, Xid writer);
/* VACUUM's look at the value that begins on a page: frees it if it is dead to all, forgets an end that was rolled back. */
Status overflow_vacuum(Ctx *ctx, Rel *rel, PageNo first, bool *freed_out);
/* Reads the value into out, ref->nbytes of room. XX001. Heap pages may be latched: overflow pages
 * come after them. */
Status overflow_read(Ctx *ctx, PageNo rel_root, const OverflowRef *ref, char *out);

#endif
