/* heap_format.h - the bytes of a heap page: tuple versions in column order (PAX).
 *
 *     PageHeader | HeapPage fields | directory: one HeapColumn a column
 *     xmin[capacity]  xmax[capacity]  next_page[capacity]  next_slot[capacity]  flags[capacity]
 *     validity: valid_stride bytes a column, bit set: not NULL
 *     values: for each column an array[capacity], widest first, each aligned to its width
 *     gap
 *     bytes of variable width, from the end downwards
 *     HEAP_PAD unused bytes, so that 16 bytes may be read from any value
 *
 * A column of variable width has an array of VarRef into the bytes at the end. A value that is
 * elsewhere has nbytes VAR_OVERFLOW and an OverflowRef there instead (overflow.h).
 *
 * Xids are 32-bit offsets from xid_base; 0 is none, and as xmin: seen by all. A new page's base
 * lies 2^31 below its first writer, so that writers older and younger than that one fit.
 *
 * A slot's life (slots count from 1, arrays from 0):
 *
 *     UNUSED   --insert--> NORMAL
 *     NORMAL   --prune, root of a chain with a live rest--> REDIRECT
 *     NORMAL, REDIRECT   --prune, an index may point here--> DEAD
 *     NORMAL   --prune, heap only or no indexes--> UNUSED
 *     DEAD     --vacuum--> UNUSED
 */
#ifndef STORAGE_HEAP_FORMAT_H
#define STORAGE_HEAP_FORMAT_H

#include "storage/format.h"
#include <stdbool.h>

typedef struct HeapColumn {
    uint16_t values; /* offset of the array */
    uint8_t phys;    /* Phys; PHYS_NONE: a dropped column, no array */
    uint8_t flags;   /* HeapColumnFlag; set and never cleared while rows stay */
} HeapColumn;

enum HeapColumnFlag {
    HCOL_NULLS = 1,    /* some value may be NULL */
    HCOL_OVERFLOW = 2, /* some value may lie in overflow pages */
    HCOL_NAN = 4,      /* some fixed-width numeric may be NaN */
};

typedef struct HeapPage {
    PageHeader page;
    Xid xid_base;
    uint32_t layout; /* id of the layout the rows have */
    uint16_t ncols;
    uint16_t capacity;
    uint16_t nslots;             /* slots 1 .. nslots have been used */
    uint16_t nfree;              /* of those, UNUSED now */
    uint16_t nspecial;           /* of those, not NORMAL */
    uint16_t nended;             /* tuples with an xmax */
    uint32_t xmin_min, xmin_max; /* over all tuples put here since the page was last pruned */
    uint32_t var_begin;          /* bytes in use are [var_begin, page size - HEAP_PAD) */
    uint32_t var_dead;           /* of those, belonging to no slot */
    uint32_t valid;              /* offset of the validity bits */
    uint16_t valid_stride;
    uint16_t arrays;    /* offset of xmin[] */
    uint32_t fixed_end; /* where the gap begins */
    uint32_t xmax_min;  /* smallest xmax set since the page was last pruned; 0: none. Not worth
                         * pruning before  that one is settled. */
    HeapColumn cols[];
} HeapPage;
static_assert(sizeof(HeapPage) == 88, "HeapPage");

typedef struct VarRef {
    uint16_t offset;
    uint16_t nbytes;
} VarRef;
#define VAR_OVERFLOW 0xFFFF

enum {
    HEAP_PAD = 16,
    HEAP_SLOT_BYTES = 16,  /* xmin, xmax, next, flags */
    HEAP_SLOTS_MAX = 4096, /* more never fit the largest page */
};
static_assert(PAGE_BYTES_MAX / HEAP_SLOT_BYTES <= HEAP_SLOTS_MAX, "HEAP_SLOTS_MAX");

enum HeapSlotFlag {
    SLOT_UNUSED = 0,
    SLOT_NORMAL = 1,
    SLOT_REDIRECT = 2, /* next_slot is the chain's first version now */
    SLOT_DEAD = 3,
    SLOT_STATE = 3,
    SLOT_HEAP_ONLY = 4,     /* no index entry points here */
    SLOT_HOT_NEXT = 8,      /* the next version is heap only: readers from an index follow */
    SLOT_ENDED_DELETE = 16, /* how xmax ended it; neither: an update that left keys alone; both: the row left for another table */
    SLOT_ENDED_KEY = 32,
    SLOT_SKIPS = 64, /* versions between this one and the next have gone: xmin there is not xmax here */
};

/* ---- log records ----
 * Pages of a record: the heap page it is about; for HEAP_MOVE the page of the new versions behind
 * it; last, if HREC_MAP is set, the map page of the page that takes rows.
 *
 *     HEAP_INSERT  HeapRecord [HeapInitRecord phys[ncols], to 8] ranges packed rows
 *     HEAP_UPDATE  the same, then old slots, u16 each      HEAP_MOVE likewise
 *     HEAP_DELETE  HeapRecord slots
 *     HEAP_VISIBLE HeapRecord
 *     HEAP_PRUNE   HeapRecord PrunePlan, its lists of slots (heap_prune.c) */

typedef struct HeapRecord {
    uint32_t layout;
    uint16_t nrows;
    uint8_t flags;  /* HeapRecordFlag */
    uint8_t map_at; /* HREC_MAP: position among the record's pages */
    uint16_t map_index;
    uint16_t map_extent;
    uint32_t npacked; /* bytes of the packed rows */
    uint64_t zones;   /* columns whose ranges follow, one ZoneRange a bit */
} HeapRecord;
static_assert(sizeof(HeapRecord) == 24, "HeapRecord");

enum HeapRecordFlag {
    HREC_INIT = 1, /* make the page: HeapInitRecord and a byte a column follow */
    HREC_MAP = 2,  /* a map page is among the pages */
    HREC_SET_VISIBLE =
        4, /* HEAP_VISIBLE, HEAP_PRUNE: mark page and map; HEAP_VISIBLE without it: unmark */
    HREC_KEY_UPDATE = 8,
};

typedef struct HeapInitRecord {
    Xid xid_base;
    uint16_t ncols;
    uint16_t capacity;
    uint32_t reserved;
} HeapInitRecord;

#endif
