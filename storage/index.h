/* index.h - what every kind of index can do: insert, scan by key range, bulk build, sizes, VACUUM, verification.
 *
 * A kind is a row of indexkinds.def (what it can do at all) and a table of functions, IndexOps. The functions below go through that table; nobody
 * else asks what kind an index is, but CREATE INDEX, pg_am and the planner, which ask for its properties (index_kind_info). A new
 * kind is a row, an IndexOps and its file. What a kind makes of a row's columns before they become keys is its derive.
 *
 * An index maps key columns, encoded by keycodec, to tids. Entries are found in key order and,
 * among equal keys, in tid order. An entry may lead to a dead version: the heap decides visibility.
 * Columns whose key does not give the value back, and INCLUDE columns, are kept as payload beside
 * the key.
 *
 * The planner includes this header for sizes and costs and nothing else of storage.
 *
 * Threads: an Index handle is shared; an IndexScan belongs to one thread. No function is entered or
 * left with a page latched or fixed.
 */
#ifndef STORAGE_INDEX_H
#define STORAGE_INDEX_H

#include "storage/keycodec.h"

typedef struct Heap Heap;
typedef struct Index Index;         /* one open index; owned by the relation cache */
typedef struct IndexScan IndexScan; /* owned by the caller; ended by index_scan_end */
typedef struct IndexBuild IndexBuild;
typedef struct IndexOps IndexOps;
typedef int64_t IndexTid; /* heap.h's Tid */

typedef enum IndexKind {
#define INDEX_KIND(sym, oid, name, ops, ordered, unique, multicolumn, include, returns, nulls, by_op) INDEX_##sym,
#include "storage/indexkinds.def"
#undef INDEX_KIND
    INDEX_KIND_COUNT
} IndexKind;

/* A row of indexkinds.def. */
typedef struct IndexKindInfo {
    IndexKind kind;
    Oid oid;
    const char *name;
    const IndexOps *ops;
    bool is_ordered, can_unique, can_multicolumn, can_include, can_return, finds_nulls, is_by_operator;
} IndexKindInfo;
const IndexKindInfo *index_kind_info(IndexKind kind);
const IndexKindInfo *index_kind_find(const char *name); /* NULL: none of ours */

/* What the catalog knows of an index. Everything pointed to must outlive the handle. */
typedef struct IndexDesc {
    Oid relid;
    uint32_t root_page; /* from index_create; never changes */
    const char *name;
    IndexKind kind;
    bool unique;
    bool nulls_not_distinct; /* unique: NULLs count as equal */
    bool no_pending;         /* INDEX_GIN: rows go to their lists at once */
    uint32_t pending_limit;  /* bytes of new rows that wait; 0: the usual */
    int nkeys;               /* key columns */
    int ncols;               /* with INCLUDE columns */
    const KeyColumn *keys;   /* nkeys */
    const Oid *types;        /* ncols; type and form of each column */
    const uint8_t *phys;
    const int16_t *scales;
    Oid hashed_type; /* INDEX_HASH: of the column; keys, types and the like say how its hash is kept */
    const Oid *opclasses; /* INDEX_GIN: rows of opclasses.def, a key column each */
} IndexDesc;

typedef enum IndexCheck {
    INDEX_CHECK_NONE,   /* insert, duplicates allowed */
    INDEX_CHECK_UNIQUE, /* insert unless a live row has the key */
    INDEX_CHECK_LATER,  /* insert, and say whether another row has the key or may have it: it is looked at later */
    INDEX_CHECK_ONLY,   /* only look: ON CONFLICT before the row exists */
    INDEX_CHECK_KEY     /* only look whether the key is there: foreign keys. Updates that leave it alone are not waited for */
} IndexCheck;

#define INDEX_TID_RUNNING INT64_MAX /* of INDEX_CHECK_LATER: a writer whose end is open has the key */

typedef struct IndexStats {
    uint32_t pages;
    uint32_t file_pages; /* with those of its map */
    uint32_t leaf_pages;
    int height;     /* levels above the leaves: 0 where the root is a leaf */
    double entries; /* estimated */
} IndexStats;

/* A handle in the arena. 0A000 for a kind still to come. */
Status index_open(Ctx *ctx, Arena *arena, const IndexDesc *desc, Index **index_out);
void index_close(Ctx *ctx, Index *index); /* before the arena goes; NULL is fine */
const IndexDesc *index_desc(const Index *index);
struct TableStats *index_table_stats(const Index *index);
/* For pg_stat_*: scans begun, entries they gave, rows of the table that were visible by these. */
void index_count(Index *index, int64_t scans, int64_t entries, int64_t rows);
/* Makes an empty index in the running transaction. */
Status index_create(Ctx *ctx, Oid relid, IndexKind kind, uint32_t *root_page_out);
/* Pages go when the commit is seen by all. table: its oid, for what SERIALIZABLE readers have read of the index. */
Status index_drop(Ctx *ctx, Index *index, Oid table);

/* Adds rows sel[0..n) of cols[0..ncols), i-th to tids[i]. With INDEX_CHECK_UNIQUE and _ONLY
 * conflicts[i] is the tid of the live row in the way, or 0, and *nconflicts_out their number: what
 * conflicts is not inserted, and the caller raises 23505 or does ON CONFLICT. (_ONLY passes over the entry of tids[i]
 * itself; tids may be NULL. _LATER gives conflicts too, for a running writer INDEX_TID_RUNNING, inserts and waits for nobody.) Waits for running
 * writers of the same key; heap is the table. Rows with a NULL key column never conflict (unless
 * nulls_not_distinct). Errors: 54000 key too wide, waits. */
Status index_insert_batch(Ctx *ctx, Index *index, Heap *heap, Vector *const *cols,
                          const uint16_t *sel, int n, const IndexTid *tids, IndexCheck check,
                          IndexTid *conflicts, int *nconflicts_out);

/* Bulk build of an empty index. Entries come in ascending order of (key, tid): the executor encodes
 * them with index_form_entries and sorts on the bytes. Pages are filled to fillfactor per cent (0:
 * 90) and logged once. */
Status index_build_begin(Ctx *ctx, Arena *arena, Index *index, int fillfactor,
                         IndexBuild **build_out);
/* payload NULL or empty where the index has none. dup_out: the tid before this one where a unique
 * index meets a key without NULLs twice, else 0: the caller, who gives live rows, raises 23505. */
Status index_build_add(Ctx *ctx, Index *index, IndexBuild *build, const uint8_t *key,
                       uint32_t key_bytes, IndexTid tid, const uint8_t *payload,
                       uint32_t payload_bytes, IndexTid *dup_out);
Status index_build_finish(Ctx *ctx, Index *index, IndexBuild *build);
void index_build_end(Index *index,
                     IndexBuild *build); /* releases what is held; after finish or an error */
/* Keys and payloads of rows as index entries hold them, one a row. null_keys (NULL: not wanted): bit i set
 * when row i has a NULL among its key columns. */
Status index_form_entries(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel,
                          int n, KeyRows *keys, KeyRows *payloads, uint64_t *null_keys);
/* Entries of an index of which a row may have any number: entry k is of the rows_out[k]-th of the n rows. In the arena of keys. */
Status index_split_rows(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, KeyRows *keys,
                        uint32_t **rows_out);
bool index_splits_rows(const Index *index);
/* The same of columns that a scan of the index gave. */
Status index_form_scanned(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, KeyRows *keys,
                          KeyRows *payloads, uint64_t *null_keys);
/* For index kinds: decodes payloads (pointers to n of them) into the vectors of the columns they
 * hold; cols[c] NULL: not wanted. */
Status index_decode_payloads(Ctx *ctx, const IndexDesc *desc, const uint8_t *const *payloads, int n,
                             Vector **cols, Arena *arena);
static inline bool
index_has_payload(const IndexDesc *d)
{
    if (d->ncols > d->nkeys) return true;
    for (int i = 0; i < d->nkeys; i++)
        if (!d->keys[i].reversible) return true;
    return false;
}

/* The part of an index a scan walks: columns 0..neq-1 equal eq[i], and column neq within [lower,
 * upper]. SQL order of the type: DESC columns are the index's business. A NULL in eq means IS NULL.
 * With a lower or upper bound the column's NULLs are outside; not_null alone (IS NOT NULL) leaves
 * them out as well. All zero: the whole index. */
typedef struct IndexRange {
    int neq;
    const Value *eq;
    const Value *lower, *upper; /* NULL: open; a NULL value: nothing matches */
    bool lower_inclusive, upper_inclusive;
    bool not_null;
} IndexRange;

/* What one call gives: tids in key order and, if asked for, the columns. Valid until the next call.
 */
typedef struct IndexBatch {
    int n;
    const IndexTid *tids;
    Vector **cols; /* one for each of the spec's columns, FLAT */
} IndexBatch;

typedef struct IndexScanSpec {
    const int *columns; /* index columns to give back (index-only scans), 0..ncols-1; NULL: none */
    int ncolumns;
} IndexScanSpec;

Status index_scan_begin(Ctx *ctx, Arena *arena, Index *index, const IndexScanSpec *spec,
                        IndexScan **scan_out);
/* Positions the scan; again and again for nested loops and prepared lookups, without allocating.
 * The range is copied. */
static inline Status index_scan_start(Ctx *ctx, IndexScan *scan, const IndexRange *range,
                                      bool backward);
/* Up to max_rows (at most BATCH_ROWS) entries; out->n is 0 at the end. */
static inline Status index_scan_next(Ctx *ctx, IndexScan *scan, int max_rows, IndexBatch *out);
/* Says which tids of the last batch were dead to all (heap_fetch's bits): later scans pass over the
 * entries. A hint; never fails. */
static inline void index_scan_kill(Ctx *ctx, IndexScan *scan, const uint64_t *dead);
static inline void index_scan_end(IndexScan *scan); /* NULL is fine */

Status index_stats(Ctx *ctx, Index *index, IndexStats *out);
/* Takes out entries whose tid the callback calls dead: VACUUM. */
typedef bool (*IndexTidIsDead)(void *arg, IndexTid tid);
Status index_bulk_delete(Ctx *ctx, Index *index, IndexTidIsDead is_dead, void *arg,
                         uint64_t *removed_out);
/* Gives empty extents at the index's end back. Nobody else may use it or hold a snapshot from before. */
Status index_truncate(Ctx *ctx, Index *index, uint32_t *npages_out);
/* Verifies structure: order, bounds, links, levels. XX002 with page and what is wrong. */
Status index_check(Ctx *ctx, Index *index, uint64_t *entries_out);

/* One row a kind; index_*() above dispatch through it. */
struct IndexOps {
    IndexKind kind;
    size_t handle_bytes; /* of the kind's own handle, which starts with Index */
    /* What takes the place of the rows' columns in keys: out[0..nkeys), by row, in the arena. NULL: the columns themselves. */
    Status (*derive)(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, Arena *arena, Vector **out);
    /* index_split_rows; NULL: a row has one entry. */
    Status (*split)(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, KeyRows *keys,
                    uint32_t **rows_out);
    Status (*open)(Ctx *ctx, Index *index);
    void (*close)(Ctx *ctx, Index *index);
    Status (*create)(Ctx *ctx, Oid relid, uint32_t *root_page_out);
    Status (*insert)(Ctx *ctx, Index *index, Heap *heap, const KeyRows *keys,
                     const KeyRows *payloads, const uint64_t *null_keys, const IndexTid *tids,
                     IndexCheck check, IndexTid *conflicts, int *nconflicts_out);
    Status (*build_begin)(Ctx *ctx, Arena *arena, Index *index, int fillfactor, IndexBuild **out);
    Status (*build_add)(Ctx *ctx, IndexBuild *build, const uint8_t *key, uint32_t key_bytes,
                        IndexTid tid, const uint8_t *payload, uint32_t payload_bytes,
                        IndexTid *dup_out);
    Status (*build_finish)(Ctx *ctx, IndexBuild *build);
    void (*build_end)(IndexBuild *build);
    Status (*scan_begin)(Ctx *ctx, Arena *arena, Index *index, const IndexScanSpec *spec,
                         IndexScan **out);
    Status (*scan_start)(Ctx *ctx, IndexScan *scan, const IndexRange *range, bool backward);
    Status (*scan_next)(Ctx *ctx, IndexScan *scan, int max_rows, IndexBatch *out);
    void (*scan_kill)(Ctx *ctx, IndexScan *scan, const uint64_t *dead);
    void (*scan_end)(IndexScan *scan);
    Status (*stats)(Ctx *ctx, Index *index, IndexStats *out);
    Status (*bulk_delete)(Ctx *ctx, Index *index, IndexTidIsDead is_dead, void *arg,
                          uint64_t *removed_out);
    Status (*truncate)(Ctx *ctx, Index *index, uint32_t *npages_out);
    Status (*check)(Ctx *ctx, Index *index, uint64_t *entries_out);
};

/* Common head of every kind's handles. */
struct Index {
    const IndexOps *ops;
    IndexDesc desc;
    KeyFormat format;
    bool has_payload;
    struct TableStats *stats; /* tablestats.h; lives as long as the handle */
};

/* Common head of every kind's scans. */
struct IndexScan {
    const IndexOps *ops;
};

static inline Status
index_scan_start(Ctx *ctx, IndexScan *scan, const IndexRange *range, bool backward)
{
    return scan->ops->scan_start(ctx, scan, range, backward);
}
static inline Status
index_scan_next(Ctx *ctx, IndexScan *scan, int max_rows, IndexBatch *out)
{
    return scan->ops->scan_next(ctx, scan, max_rows, out);
}
static inline void
index_scan_kill(Ctx *ctx, IndexScan *scan, const uint64_t *dead)
{
    scan->ops->scan_kill(ctx, scan, dead);
}
static inline void
index_scan_end(IndexScan *scan)
{
    if (scan != NULL) scan->ops->scan_end(scan);
}

#endif
