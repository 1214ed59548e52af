/* overflow.h - values too wide for their heap page: chains of pages of the same relation.
 *
 * A value is written once, by one transaction, and never changes. Its pages are neighbours where
 * the file allows, compressed by LZ4 where that saves a page. The heap page keeps an OverflowRef.
 * Map entries of overflow pages carry MAP_OVERFLOW, so that table scans pass over them without
 * reading.
 *
 * What a transaction wrote and rolled back is found by VACUUM through the xmin of the pages.
 */
#ifndef STORAGE_OVERFLOW_H
#define STORAGE_OVERFLOW_H

#include "storage/extent.h"

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
/* Reads the value into out, ref->nbytes of room. XX001. Heap pages may be latched: overflow pages
 * come after them. */
Status overflow_read(Ctx *ctx, PageNo rel_root, const OverflowRef *ref, char *out);

#endif
