/* heap.h - tables: pages of tuple versions in column order, found by scan or by tid.
 *
 * A tuple version is (page, slot). It is visible to a snapshot if its xmin committed before the
 * snapshot and its xmax did not. Nothing is overwritten: UPDATE adds a version and sets xmax on the
 * old one; pruning on the way past and VACUUM take dead ones away. Where no indexed column changed
 * and the page has room, the new version stays on the page and index entries keep pointing at the
 * first one of the chain (HOT).
 *
 * Columns are attribute positions from 0, dropped ones included. A page names the layout its rows
 * were written with; columns a row's layout does not have yet read as the layout's missing value.
 *
 * Forms: a column numeric(p<=18,s) is PHYS_I64 at scale s, numeric(p<=38,s) PHYS_I128. Its NaN is
 * stored as the smallest integer; a scan that meets one hands the column up in variable form
 * (PHYS_STR) for that batch.
 *
 * Invariants: a page's LSN is at least that of the last record that changed it; while a page is
 * fixed, values of existing slots neither move nor change; a slot that an index points to is reused
 * only after the index entry is gone.
 *
 * Threads: every function may be called by any thread, each with its own Ctx; one HeapScan or
 * HeapFetch is used by one thread. None is entered or left with a page latched; a HeapScan keeps
 * the pages of its current batch fixed (not latched) between calls.
 */
#ifndef STORAGE_HEAP_H
#define STORAGE_HEAP_H

#include "common/ctx.h"
#include "types/batch.h"
#include "types/function.h"

typedef struct Heap Heap;           /* one open table; owned by the relation cache */
typedef struct HeapScan HeapScan;   /* owned by the caller; ended by heap_scan_end */
typedef struct HeapFetch HeapFetch; /* likewise */
typedef struct Snapshot Snapshot;

/* A tuple version's address: page << 16 | slot, slots from 1. The value of the SQL type tid as
 * well, so that a ctid vector is an array of these. */
typedef int64_t Tid;
#define TID_NONE ((Tid)0)
static inline Tid
tid_make(uint32_t page, uint32_t slot)
{
    return (Tid)page << 16 | slot;
}
static inline uint32_t
tid_page(Tid t)
{
    return (uint32_t)(t >> 16);
}
static inline uint32_t
tid_slot(Tid t)
{
    return (uint32_t)t & 0xFFFF;
}

/* System columns, as column numbers in a scan's list (PostgreSQL's attribute numbers). */
enum {
    HEAP_COL_CTID = -1, /* tid */
    HEAP_COL_XMIN = -2, /* xid, low 32 bits */
    HEAP_COL_CMIN = -3, /* always 0: commands are told apart by xid */
    HEAP_COL_XMAX = -4, /* xid, 0 while no transaction has ended the version */
    HEAP_COL_CMAX = -5,
    HEAP_COL_TABLEOID = -6, /* oid */
    HEAP_COL_ROOT =
        -7, /* tid: where an index entry for the version has to point, its HOT chain's first slot */
};

typedef struct LayoutColumn {
    Oid type;
    int32_t typmod;
    uint8_t
        phys; /* type_phys(type, typmod); PHYS_NONE: dropped before this layout, takes no room */
    int16_t scale; /* numeric in integer form */
    bool has_missing;
    Value missing; /* what rows of layouts without this column show; is_null where none was given */
} LayoutColumn;

/* One version of a table's columns. ADD and DROP COLUMN make a new one; a type change rewrites the
 * table. */
typedef struct Layout {
    uint32_t id; /* 1, 2, ...; greater is newer */
    int ncols;
    const LayoutColumn *cols;
} Layout;

/* What the catalog knows of a table. Everything pointed to must outlive the handle. */
typedef struct HeapDesc {
    Oid relid;
    uint32_t root_page;           /* from heap_create */
    const char *name;             /* for messages */
    const Layout *const *layouts; /* ascending by id; the last one is current */
    int nlayouts;
    /* Columns any index (or index expression or predicate) depends on; an update that leaves them
     * alone can be HOT. Bit = column; NULL: none. */
    const uint64_t *indexed;
    /* Columns of unique indexes that foreign keys may point to: an update that leaves their values alone passes by KEY SHARE locks.
     * NULL: none. */
    const uint64_t *keys;
    /* Per cent of a page that rows from elsewhere fill; the rest is for new versions of those on it. 0: 100. */
    int fillfactor;
    /* No page of the table is older: in a damaged file, pages that are say they are its own because they were another table's. */
    uint64_t since_lsn;
} HeapDesc;

/* A handle in the arena. Nothing is read yet. 53200. */
Status heap_open(Ctx *ctx, Arena *arena, const HeapDesc *desc, Heap **heap_out);
void heap_close(Ctx *ctx, Heap *heap); /* before the arena goes; NULL is fine */
const HeapDesc *heap_desc(const Heap *heap);
struct TableStats *heap_table_stats(const Heap *heap); /* tablestats.h; lives as long as the handle */

/* Makes an empty table in the running transaction and gives its root page; rollback frees it. */
Status heap_create(Ctx *ctx, Oid relid, uint32_t *root_page_out);
/* Frees the table's pages when the transaction has committed and no older snapshot remains. */
Status heap_drop(Ctx *ctx, Heap *heap);
/* A new, empty root for the catalog to store; the old pages go as in heap_drop. */
Status heap_truncate(Ctx *ctx, Heap *heap, uint32_t *new_root_page_out);

/* Adds the selected rows of rows and logs them, a page a record. rows->cols[c] is attribute c of
 * the current layout; a NULL pointer means all NULL. tids_out[i] belongs to the i-th selected row.
 * Errors: 54000 row too big, 53100 disk full. */
Status heap_insert_batch(Ctx *ctx, Heap *heap, const Batch *rows, Tid *tids_out);

/* What became of one row of an update or delete. Only HEAP_DONE changed anything. */
typedef enum HeapResult {
    HEAP_DONE,
    HEAP_GONE,      /* deleted by another transaction that committed */
    HEAP_MOVED,     /* updated by another one that committed: newer[i] is the next version's tid */
    HEAP_LEFT,      /* and this one has put the row into another table: heap_leave_batch */
    HEAP_SELF,      /* this command, or one it started, has changed the row already */
    HEAP_WOULD_WAIT /* nowait, and a running transaction holds the row */
} HeapResult;

typedef enum HeapLockMode {
    HEAP_LOCK_KEY_SHARE,
    HEAP_LOCK_SHARE,
    HEAP_LOCK_NO_KEY_UPDATE,
    HEAP_LOCK_UPDATE
} HeapLockMode;
typedef enum HeapWait { HEAP_WAIT, HEAP_NOWAIT } HeapWait;

/* Ends versions tids[0..n). Waits for running transactions that hold a row. newer[i] is set where
 * results[i] is HEAP_MOVED. READ COMMITTED re-evaluates the newer version (heap_fetch, then again);
 * REPEATABLE READ raises heap_conflict_error. Errors: 40P01, 55P03, 57014 from waits. */
Status heap_delete_batch(Ctx *ctx, Heap *heap, const Tid *tids, int n, HeapWait wait,
                         uint8_t *results, Tid *newer);
/* The same for rows that are inserted into another table, a partition: others must not take them for deleted. */
Status heap_leave_batch(Ctx *ctx, Heap *heap, const Tid *tids, int n, HeapWait wait, uint8_t *results, Tid *newer);
/* Puts row i of rows (the i-th selected; whole rows, as in heap_insert_batch) in place of tids[i].
 * new_tids[i] is the new version; hot[i] says that indexes need no entry for it. key_update: some
 * column of desc.keys is assigned; what counts is whether its value changes. changed (NULL: all): bits of columns that may differ
 * from the old row's; a wide value of the others is shared rather than written again. */
Status heap_update_batch(Ctx *ctx, Heap *heap, const Tid *tids, const Batch *rows, HeapWait wait,
                         bool key_update, const uint64_t *changed, uint8_t *results, Tid *newer,
                         Tid *new_tids, bool *hot);
/* Takes a row lock on each version, as SELECT ... FOR mode; results as above. */
Status heap_lock_rows(Ctx *ctx, Heap *heap, const Tid *tids, int n, HeapLockMode mode,
                      HeapWait wait, uint8_t *results, Tid *newer);
/* 40001 with PostgreSQL's text for HEAP_GONE, HEAP_MOVED, HEAP_LEFT under REPEATABLE READ. */
Status heap_conflict_error(Ctx *ctx, HeapResult result);
/* 40001 for HEAP_LEFT where the others would be looked at again. done: "updated", "deleted", "locked". */
Status heap_left_error(Ctx *ctx, const char *done);

/* A condition on a fixed-width column that lets a scan pass over extents whose minimum and maximum
 * exclude it. It filters nothing itself. Bounds are inclusive and of the column's type. */
typedef struct HeapRange {
    int column;
    bool has_lo, has_hi;
    Value lo, hi;
} HeapRange;

/* A condition that a scan checks on the values where they lie, so that the other columns are read
 * only for rows that pass: compare(column, value), or compare(value, column). */
typedef struct HeapFilter {
    int column; /* of fixed width */
    bool value_first;
    SelKernel compare;
    const Vector *value; /* CONST; set before each run, unchanged during it */
} HeapFilter;

typedef struct HeapScanSpec {
    const int *columns; /* batch column i is table column columns[i]; HEAP_COL_ numbers too */
    int ncolumns;
    const HeapRange *ranges; /* all must hold */
    int nranges;
    const HeapFilter *filters; /* rows that fail one are left out */
    int nfilters;
    bool is_counted; /* as a sequential scan, with the visible rows it meets */
    /* Data pages [first_page, end_page) in the order of heap_page_count; both 0: all there are when
     * the scan starts. Parallel scans hand out such ranges as morsels. */
    uint32_t first_page, end_page;
} HeapScanSpec;

/* Opens a scan in the arena; the spec's arrays must outlive it. */
Status heap_scan_begin(Ctx *ctx, Arena *arena, Heap *heap, const Snapshot *snap,
                       const HeapScanSpec *spec, HeapScan **scan_out);
/* Up to max_rows (at most BATCH_ROWS) visible rows in table order, FLAT and dense (a column a page
 * lacks may be CONST); *out is NULL at the end. Fixed-width values are copied, strings point into
 * pages that stay fixed; all is valid until the next call on the scan. */
Status heap_scan_next(Ctx *ctx, HeapScan *scan, int max_rows, Batch **out);
/* Rows that filters left out since the last call of this function. */
int64_t heap_scan_removed(HeapScan *scan);
/* From the start again, with this snapshot and this range of pages (both 0: all). Allocates
 * nothing. */
Status heap_scan_rescan(Ctx *ctx, HeapScan *scan, const Snapshot *snap, uint32_t first_page,
                        uint32_t end_page);
void heap_scan_end(HeapScan *scan); /* NULL is fine; twice is fine */

/* Rows by tid, for index scans and re-evaluation. */
Status heap_fetch_begin(Ctx *ctx, Arena *arena, Heap *heap, const int *columns, int ncolumns,
                        HeapFetch **fetch_out);
/* The visible version of each chain that starts at tids[0..n), n <= BATCH_ROWS, in that order;
 * rows_out[j] is the position in tids of the batch's row j. dead (NULL: not wanted): bit i set when
 * every version of chain i is dead to all, so that the index may drop its entry. Everything in the
 * batch is copied; no page stays fixed. snap NULL: the very version at the tid, whoever sees it.
 * The batch is the fetch's own and empty (nrows 0) when nothing is visible; repeated calls allocate
 * nothing but strings. */
Status heap_fetch(Ctx *ctx, HeapFetch *fetch, const Snapshot *snap, const Tid *tids, int n,
                  Batch **out, uint16_t *rows_out, uint64_t *dead);
void heap_fetch_end(HeapFetch *fetch);

/* An index-only scan takes rows of these pages without looking at them: said before heap_page_is_all_visible is asked, for
 * SERIALIZABLE. 40001. */
Status heap_note_pages_read(Ctx *ctx, Heap *heap, const Snapshot *snap, const Tid *tids, int n);
/* Can an index-only scan take a tid's page without looking? O(1). */
bool heap_page_is_all_visible(Ctx *ctx, Heap *heap, uint32_t page);

/* The state of the chain that starts at a tid, for unique checks: looked at now, not in a snapshot.
 */
typedef enum HeapLiveness { HEAP_DEAD, HEAP_LIVE, HEAP_UNDECIDED } HeapLiveness;
/* key_only: an update under way that leaves the key alone decides nothing; the version is live. HEAP_UNDECIDED: *wait_xid_out is running and must end first. HEAP_LIVE: *tid_out is the live
 * version. surely_dead: dead to every snapshot. */
Status heap_chain_state(Ctx *ctx, Heap *heap, Tid tid, bool key_only, HeapLiveness *state_out, Tid *tid_out,
                        uint64_t *wait_xid_out, bool *surely_dead_out);

/* Was the version made by a transaction that the running statement's snapshot does not see? */
Status heap_row_is_unseen(Ctx *ctx, Heap *heap, Tid tid, bool *unseen_out);
/* Takes back a row that this command has inserted: nobody will see it. Its index entries stay, and lead nowhere. */
Status heap_undo_insert(Ctx *ctx, Heap *heap, Tid tid);

typedef struct HeapStats {
    uint32_t pages; /* data pages */
    uint32_t all_visible_pages;
    double rows; /* live rows, estimated from a few pages */
} HeapStats;
Status heap_stats(Ctx *ctx, Heap *heap, HeapStats *out);
/* Pages of the file that the table has, and those of them that hold parts of wide values. */
Status heap_sizes(Ctx *ctx, Heap *heap, uint32_t *pages_out, uint32_t *overflow_out);
/* Data pages of the table now; page ordinals run from 0. */
Status heap_page_count(Ctx *ctx, Heap *heap, uint32_t *pages_out);

/* About nrows rows of randomly chosen pages, whole pages where the table is larger, as batches
 * copied to the arena, in table order. stats_out->rows is the estimate that follows from the
 * sample. */
typedef struct HeapSample {
    Batch **batches;
    int nbatches;
    int64_t nrows;
    HeapStats stats;
} HeapSample;
Status heap_sample(Ctx *ctx, Arena *arena, Heap *heap, const Snapshot *snap, const int *columns,
                   int ncolumns, int64_t nrows, uint64_t seed, HeapSample *out);

#endif
