/* heap_priv.h - what the heap_*.c files share: the handle, work on the bytes of a page, visibility.
 */
#ifndef STORAGE_HEAP_PRIV_H
#define STORAGE_HEAP_PRIV_H

#include "storage/extent.h"
#include "storage/heap.h"
#include "storage/heap_format.h"
#include "storage/lock.h"
#include "storage/overflow.h"
#include "storage/snapshot.h"
#include "storage/tablestats.h"
#include "storage/tx.h"

struct Heap {
    HeapDesc desc;
    Rel *rel;
    TableStats *stats;
    Arena *arena;
    const Layout *layout; /* the current one */
    uint8_t *phys;        /* of its columns */
    uint32_t page_bytes;
    uint32_t slot_bytes;      /* fixed bytes a row takes, validity left out */
    int nvar;                 /* columns of variable width */
    uint32_t value_max;       /* wider values go to overflow pages */
    int nzones;               /* columns whose min/max extents keep: those of the first layout */
    _Atomic uint32_t target;  /* page that took the last rows; a hint */
    _Atomic uint32_t var_avg; /* variable bytes a row, as last seen; a hint */
    bool has_indexes;
    int reserve; /* per cent of a page that is kept for new versions of its rows */
};

/* ---- a page's bytes (heap_page.c). The page is latched. ---- */

static inline HeapPage *
heap_page(const PageRef *ref)
{
    return (HeapPage *)ref->ptr;
}
static inline uint32_t *
heap_xmins(const HeapPage *p)
{
    return (uint32_t *)((uint8_t *)p + p->arrays);
}
static inline uint32_t *
heap_xmaxs(const HeapPage *p)
{
    return heap_xmins(p) + p->capacity;
}
static inline uint32_t *
heap_next_pages(const HeapPage *p)
{
    return heap_xmins(p) + 2 * (size_t)p->capacity;
}
static inline uint16_t *
heap_next_slots(const HeapPage *p)
{
    return (uint16_t *)(heap_xmins(p) + 3 * (size_t)p->capacity);
}
static inline uint16_t *
heap_flags(const HeapPage *p)
{
    return heap_next_slots(p) + p->capacity;
}
static inline uint8_t *
heap_valid(const HeapPage *p, int col)
{
    return (uint8_t *)p + p->valid + (size_t)p->valid_stride * (size_t)col;
}
static inline void *
heap_values(const HeapPage *p, int col)
{
    return (uint8_t *)p + p->cols[col].values;
}
static inline bool
heap_valid_get(const uint8_t *valid, uint32_t i)
{
    return valid[i >> 3] >> (i & 7) & 1;
}
static inline void
heap_valid_put(uint8_t *valid, uint32_t i, bool v)
{
    valid[i >> 3] = (uint8_t)((valid[i >> 3] & ~(1u << (i & 7))) | (uint32_t)v << (i & 7));
}
static inline Xid
heap_xid(const HeapPage *p, uint32_t offset)
{
    return offset != 0 ? p->xid_base + offset : XID_NONE;
}
/* False: the xid is too far from the page's base. */
static inline bool
heap_xid_offset(const HeapPage *p, Xid xid, uint32_t *out)
{
    if (xid <= p->xid_base || xid - p->xid_base > UINT32_MAX) return false;
    *out = (uint32_t)(xid - p->xid_base);
    return true;
}
static inline bool
heap_page_is_blank(const HeapPage *p)
{
    return (p->page.flags & PAGE_FLAG_BLANK) != 0;
}
/* Bytes of one stored value of this form; a VarRef for variable width. */
static inline uint32_t
heap_phys_bytes(uint8_t phys)
{
    return phys == PHYS_STR ? sizeof(VarRef) : phys == PHYS_NONE ? 0 : phys_width[phys];
}

/* Rows on their way in: vectors of the heap's columns in the forms the page stores, and what goes
 * out of line. */
typedef struct HeapRows {
    int n;
    int ncols;
    const uint16_t *sel;    /* row i is vector row sel[i]; NULL: i */
    Vector *const *cols;    /* NULL: the column is NULL in every row */
    uint32_t *var_bytes;    /* of row i, on the page; NULL where no column varies */
    OverflowRef **overflow; /* [col][i], first 0: on the page; NULL, or NULL for a column: none */
    Arena *arena;           /* scratch; NULL until needed */
    const Tid *old;         /* update: the versions the rows come from; NULL: an insert */
    const uint64_t *changed; /* columns that may differ from theirs; NULL: all */
    uint32_t var_space[BATCH_ROWS];
} HeapRows;

/* Brings a batch into stored form; writes overflow values, but those that old versions have already (old, changed; both may be NULL).
 * 54000. Ended by heap_rows_end, after an error too. */
Status heap_rows_begin(Ctx *ctx, Heap *heap, const Batch *batch, const Tid *old, const uint64_t *changed,
                       HeapRows *out);
static inline bool
heap_row_is_out(const HeapRows *rows, int col, int i)
{
    return rows->overflow != NULL && rows->overflow[col] != NULL &&
           rows->overflow[col][i].first != PAGE_NONE;
}
/* The reference in column col of a slot; false: the value is on the page, or NULL. */
bool heap_slot_overflow(const HeapPage *p, uint32_t slot, int col, OverflowRef *out);
void heap_rows_end(HeapRows *rows);

/* Capacity of a new page for rows with var_avg variable bytes; at least 1. */
uint32_t heap_page_capacity(const Heap *heap, uint32_t var_avg);
/* Lays out a page and makes it empty. False: that many slots do not fit. Keeps the PageHeader but
 * BLANK. */
bool heap_page_format(HeapPage *p, uint32_t page_bytes, uint32_t layout, const uint8_t *phys,
                      int ncols, uint32_t capacity, Xid xid_base);
/* XX001 unless the page is a heap page of this heap whose directory makes sense. A BLANK page
 * passes. */
Status heap_page_check(Ctx *ctx, const Heap *heap, const PageRef *ref);
/* Which rows: ids[0..n), or n from `from` on where ids is NULL. */
typedef struct RowRange {
    const int *ids;
    int from, n;
} RowRange;
/* How many of them fit. reuse: UNUSED slots may be taken (the page is alone). own: new versions of the page's own rows, which may fill it
 * whole; others leave the reserve. */
int heap_page_room(const Heap *heap, const HeapPage *p, const HeapRows *rows, RowRange range, bool reuse, bool own);
/* Picks n slots and marks them as used (nslots, nfree); their tuples are put next. */
void heap_page_take_slots(HeapPage *p, int n, uint16_t *slots);
/* Stores rows rowids[i] (NULL: from + i) in slots[i]. Cannot fail: room was asked for. */
void heap_page_put(const Heap *heap, HeapPage *p, const HeapRows *rows, int from, const int *rowids,
                   int n, const uint16_t *slots, uint16_t flags, uint32_t xmin);
/* The rows of slots as a record's bytes, and back. pack returns the bytes written. */
size_t heap_page_pack(const HeapPage *p, const uint16_t *slots, int n, uint8_t *out);
size_t heap_pack_bound(const Heap *heap, const HeapRows *rows, int from, const int *rowids, int n);
Status heap_page_unpack(Ctx *ctx, HeapPage *p, uint32_t page_bytes, const uint8_t *in,
                        size_t nbytes, int n, uint32_t xmin);
/* Sets xmax and what follows it. */
void heap_slot_end(HeapPage *p, uint16_t slot, uint32_t xmax, uint16_t how, PageNo next_page,
                   uint16_t next_slot);
/* Slots and bytes free for rows from elsewhere. */
uint32_t heap_page_free_bytes(const Heap *heap, const HeapPage *p);
/* Does row i of rows equal the stored tuple in the columns of the bitmap? False when in doubt. */
bool heap_row_equals(const Heap *heap, const HeapPage *p, uint16_t slot, const HeapRows *rows,
                     int row, const uint64_t *columns);

/* ---- min/max of extents (heap_zones.c) ---- */
bool heap_zone_of_value(const LayoutColumn *c, const Value *v, int64_t *out);
bool heap_column_has_zone(const LayoutColumn *c);
/* Ranges of rows' zone columns; returns the bitmap of columns. */
uint64_t heap_rows_zones(const Heap *heap, const HeapRows *rows, int from, const int *rowids, int n,
                         ZoneRange *ranges);

/* Draws up an extent's bounds anew from its pages, if all can be latched at once. run is a copy no older than the last change of
 * its tuples by the caller. */
Status heap_narrow_zones(Ctx *ctx, Heap *heap, const RelRun *run);

/* The map page's part in a record that adds rows to a page: bounds that grow. */
typedef struct HeapMapChange {
    PageRef map; /* fixed exclusively when the bounds grow, else empty */
    MapSlot slot;
    uint64_t zones;
    ZoneRange ranges[ZONE_COLUMNS_MAX];
} HeapMapChange;
/* Sets zones and ranges from rows and fixes the map page if its bounds must grow. The heap page is
 * latched. */
Status heap_map_prepare(Ctx *ctx, Heap *heap, const PageRef *page, const HeapRows *rows, int from,
                        const int *rowids, int n, HeapMapChange *change);
/* In the no-fail section: widens, fills in rec, appends the ranges at out and returns what follows.
 */
uint8_t *heap_map_apply(const Heap *heap, HeapMapChange *change, HeapRecord *rec, int map_at,
                        uint8_t *out);
enum { HEAP_MAP_BYTES = ZONE_COLUMNS_MAX * ZONE_BYTES };

/* Takes the all-visible mark off a page that is latched exclusively, and off its map entry: before
 * its first change. */
Status heap_clear_visible(Ctx *ctx, Heap *heap, PageRef *ref);

/* Makes a blank page ready for rows from `from` on: the first of them fits. */
void heap_format_for(Heap *heap, PageRef *page, const HeapRows *rows, int from, Xid xid);
/* Remembers how wide rows are, for the capacity of the next pages. */
void heap_learn_var(Heap *heap, const HeapRows *rows, int from);

/* ---- reading (heap_page.c, heap_scan.c) ---- */

/* Where heap_read_column puts strings. */
typedef struct HeapStrings {
    Arena *arena; /* overflow values, and copies */
    bool copy;    /* false: strings point into the page, and pinned is set when one does */
    bool pinned;
} HeapStrings;
/* Reads column col (or HEAP_COL_) of slots to rows at .. at + n of out, FLAT. dense: slots are
 * slots[0], slots[0] + 1, ... */
Status heap_read_column(Ctx *ctx, const Heap *heap, const PageRef *ref, int col,
                        const uint16_t *slots, int n, bool dense, Vector *out, int at,
                        HeapStrings *strings);
/* Does the page hold NaN in one of these columns? */
bool heap_page_has_nan(const HeapPage *p, const int *columns, int ncolumns);
/* The vectors a scan of these columns fills, with room for nrows. */
Status heap_make_vectors(Ctx *ctx, Arena *arena, const Heap *heap, const int *columns, int ncolumns,
                         int nrows, Vector **out);
/* To the start of a batch: own buffers, forms of the layout, no NULLs. nan: fixed-width numerics in
 * variable form. */
void heap_reset_vectors(const Heap *heap, const int *columns, int ncolumns, Vector **vecs,
                        bool nan);

/* ---- conditions checked on the page (heap_filter.c) ---- */

typedef struct HeapFilterRun {
    const Heap *heap;
    const HeapFilter *filters;
    int nfilters;
    Arena *arena;   /* the scan's */
    Arena *strings; /* of the batch at hand */
    Vector *column; /* a column that had to be read; NULL until needed */
} HeapFilterRun;
/* Keeps those of n slots that pass every filter. *all, in and out: the slots are 1..n, and the array
 * was not written. The page is latched. */
Status heap_filter_slots(Ctx *ctx, HeapFilterRun *run, const PageRef *ref, uint16_t *slots, int *n,
                         bool *all);
/* Asks for the lines that filters will read at next, a page laid out like this one most likely. */
void heap_filter_prefetch(const HeapFilterRun *run, const HeapPage *like, const void *next);

/* The same for the values that slots have in columns. */
void heap_prefetch_rows(const HeapPage *p, const int *columns, int ncolumns, const uint16_t *slots, int n);

/* ---- redo ---- */

/* The common part of records that put rows on pages[page_at]; *in is what follows it. */
Status heap_redo_rows(Ctx *ctx, const WalRecord *rec, RedoPage *pages, int page_at,
                      HeapRecord *head, const uint8_t **in);

/* ---- visibility (heap_visible.c) ---- */

/* The slots visible to the snapshot, ascending; returns their number. *all_out: they are 1..n, and
 * slots was not written. */
int heap_visible_slots(const HeapPage *p, const Snapshot *snap, uint16_t *slots, bool *all_out);
bool heap_slot_visible(const HeapPage *p, const Snapshot *snap, uint32_t slot);
/* First tuple of the chain an index entry names, 0 if there is none. */
uint32_t heap_chain_first(const HeapPage *p, uint32_t slot);
/* The next version of a HOT chain, 0 at its end. */
uint32_t heap_chain_next(const HeapPage *p, uint32_t slot);
/* roots[s], 1 <= s <= nslots: the slot that index entries of version s name. */
void heap_chain_roots(const HeapPage *p, uint16_t *roots);
/* The chain's version visible to the snapshot (snap NULL: the tuple at slot itself), 0 if none. */
uint16_t heap_chain_visible(const HeapPage *p, const Snapshot *snap, uint32_t slot);
static inline LockTag
heap_row_tag(const Heap *heap, Tid tid)
{
    return (LockTag){.kind = LOCK_TUPLE, .a = heap->desc.relid, .b = (uint64_t)tid};
}
/* Those who wait for a row hold this meanwhile, in the mode they want it in. */
static inline LockTag
heap_queue_tag(LockTag row)
{
    row.kind = LOCK_ROW_QUEUE;
    return row;
}
/* Takes the place in the queue, but for those who have a lock on the row: they would wait for those who wait for them.
 * *taken_out says that it is to be given back. */
Status heap_queue_up(Ctx *ctx, LockTag row, LockMode mode, bool *taken_out);
/* SERIALIZABLE: every row of the latched page was looked at, or every version of a chain up to the visible one. 40001. */
Status heap_note_page_read(Ctx *ctx, const HeapPage *p, const Snapshot *snap);
Status heap_note_chain_read(Ctx *ctx, const Heap *heap, const HeapPage *p, PageNo page, const Snapshot *snap,
                            uint32_t slot);
/* Is every version of the chain dead to everyone? */
bool heap_chain_is_dead(Ctx *ctx, const HeapPage *p, const TxHorizon *h, uint32_t slot);
/* May slot be updated by ctx's command? *wait_out: HEAP_WOULD_WAIT, on this xid. newer_out:
 * HEAP_MOVED. */
HeapResult heap_slot_writable(Ctx *ctx, const HeapPage *p, PageNo number, uint32_t slot,
                              Xid *wait_out, Tid *newer_out);

/* ---- pruning (heap_prune.c) ---- */

typedef struct HeapPruned {
    uint32_t versions; /* taken away */
    int settled;       /* of those, what leaves no slot for VACUUM to free; less than 0 if more slots came to wait for it */
} HeapPruned;

/* Takes dead versions off a page that is latched exclusively, if it is alone and there is anything
 * to gain; logs it. */
Status heap_prune_page(Ctx *ctx, Heap *heap, PageRef *ref);
/* The same for VACUUM: xids that all see and that are older than freeze_age (UINT64_MAX: none) are taken off the page as well. */
Status heap_prune_page_as(Ctx *ctx, Heap *heap, PageRef *ref, bool has_indexes, uint64_t freeze_age,
                          HeapPruned *out);
/* By readers on their way, with the page latched shared: where room is short and something may go, and the page can be had alone at once.
 * True: the page was let go of and latched again, and is to be checked anew. */
bool heap_prune_in_passing(Ctx *ctx, Heap *heap, PageRef *ref);
/* Can the page hold the xid? If it is too far from the page's base, xids that all see are taken off, when the page is alone. */
Status heap_make_xid_fit(Ctx *ctx, Heap *heap, PageRef *ref, Xid xid, bool *fits_out);
/* Whether that might free something, at a glance. */
bool heap_page_prunable(Ctx *ctx, const HeapPage *p);
/* DEAD slots that no index entry names any more become UNUSED. Others among slots are passed over. The page is latched exclusively. */
Status heap_free_dead(Ctx *ctx, Heap *heap, PageRef *ref, const uint16_t *slots, int n);
/* What the head of the page says, from what is on it. */
void heap_page_recount(HeapPage *p);
/* Sets or takes off the all-visible mark of page and map. */
Status heap_mark_visible(Ctx *ctx, Heap *heap, PageRef *ref, bool visible);
/* Is every tuple here seen by all, and no index entry left that leads to none? */
bool heap_page_all_can_see(Ctx *ctx, const HeapPage *p);

#endif
