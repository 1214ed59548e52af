/* extent.h - which pages a relation owns, and what is known of each without reading it.
 *
 * A relation is its root page number, which is its first map page. Map pages (format.h) list the relation's extents, runs of
 * neighbouring pages that grow from one page to EXTENT_PAGES_MAX, with a byte a page (free-space class, all-visible, used) and min/max
 * of up to nzones columns an extent.
 *
 * Rel is the relation's map in memory, shared by all sessions, so that page ordinals, the map of a page and the next extent are found
 * without reading. Ordinals number the pages of a relation in extent order from 0, used or not; they never change.
 *
 * What is logged and what is a hint: MAP_USED, MAP_UNLINKED, MAP_ALL_VISIBLE and zones are logged, the latter two by the caller, as part of
 * its own record: it fixes the map page after its data page, lists it in wal_begin and calls the map_* functions below between begin and
 * finish, and again in redo. Free-space classes are hints: a page asked for by class may turn out fuller, and
 * then the caller says so and asks again.
 *
 * A relation made by a transaction that rolls back, and one dropped by a transaction that commits, are freed by the transaction
 * manager (for the latter when no older snapshot remains), after a crash by recovery.
 */
#ifndef STORAGE_EXTENT_H
#define STORAGE_EXTENT_H

#include "storage/pool.h"
#include "storage/wal.h"

typedef enum RelKind { REL_HEAP = 1, REL_INDEX = 2, REL_OTHER = 3 } RelKind;

typedef struct Rel Rel;

/* Makes a relation of one map page and no other, in the running transaction. nzones: columns that get min/max, cut to what
 * rel_zones_max says. 25006 in a read-only transaction, 53100, 54000. */
Status rel_create(Ctx *ctx, RelKind kind, int nzones, PageNo *root_out);
int rel_zones_max(Ctx *ctx);
/* Queues the relation: its pages are freed once the transaction has committed and nobody can see it. */
Status rel_drop(Ctx *ctx, PageNo root);

/* The shared handle, counted; every open is paired with a close. XX001 if root is no relation. */
Status rel_open(Ctx *ctx, PageNo root, Rel **out);
void rel_close(Ctx *ctx, Rel *rel); /* NULL is fine */
PageNo rel_root(const Rel *rel);
int rel_nzones(const Rel *rel);
uint32_t rel_page_count(Rel *rel); /* pages of all extents: ordinals are below it */
/* Work on the relation as a whole that only one may do at a time, such as moving an inverted index's pending rows; with nothing
 * latched. Whether the caller has it now: always, if it waits. */
bool rel_work(Rel *rel, bool wait);
void rel_end_work(Rel *rel);
/* Every page it has of the file, its map's too; of these overflow pages that hold part of a value. */
Status rel_sizes(Ctx *ctx, Rel *rel, uint32_t *pages_out, uint32_t *overflow_out);

/* Where the map describes a page. */
typedef struct MapSlot {
    PageNo map;
    uint16_t index;  /* of the page's entry */
    uint16_t extent; /* of its extent in that map page */
} MapSlot;
/* XX001 if the page is not of this relation. Does no I/O. */
Status rel_map_slot(Ctx *ctx, Rel *rel, PageNo page, MapSlot *out);
/* The map entry of a page as it is now, without latch: MAP_ALL_VISIBLE for index-only scans. */
Status rel_map_entry(Ctx *ctx, Rel *rel, PageNo page, uint8_t *entry_out);

/* Gives a page nobody uses: an unlinked one past its horizon, an unused one of the last extents, or one of a new extent. It is fixed
 * exclusively, initialised with type and PAGE_FLAG_BLANK, and that much is logged: the caller's first record clears the
 * flag. page_out->fresh is false: redo of later records finds the page there. near (or PAGE_NONE): the extent it should come from, if it can.
 * 53100, 54000 (the file is full). */
Status rel_page_new(Ctx *ctx, Rel *rel, PageType type, PageNo near, PageRef *page_out);
/* n pages at once (n <= WAL_PAGES_MAX - 2) with one record, consecutive where possible: bulk load. */
Status rel_pages_new(Ctx *ctx, Rel *rel, PageType type, int n, PageRef *pages_out);
/* n consecutive pages (n <= EXTENT_PAGES_MAX), marked MAP_OVERFLOW and logged, but neither fixed nor initialised: the caller fills
 * them through page_fix_new and logs images. For values stored as one run. */
Status rel_run_new(Ctx *ctx, Rel *rel, uint32_t n, PageNo *first_out);
/* Giving back a page that no link leads to any more, as part of the caller's record: begin, with the page fixed exclusively; u.map among
 * the record's pages; apply between wal_begin and wal_finish; end, always. The page keeps its bytes, but for PAGE_FLAG_UNLINKED, until no
 * snapshot is left that was taken before, so readers on their way to it still find them. */
typedef struct RelUnlink {
    Rel *rel;
    PageNo page;
    PageRef map;
    MapSlot slot;
} RelUnlink;
Status rel_unlink_begin(Ctx *ctx, Rel *rel, PageNo page, RelUnlink *u);
void rel_unlink_apply(RelUnlink *u, PageRef *page);
void rel_unlink_end(RelUnlink *u); /* twice is fine */
/* Gives back pages that nobody can be on the way to, all described by one map page, and forgets what is on them. */
Status rel_pages_free(Ctx *ctx, Rel *rel, const PageNo *pages, const uint16_t *indexes, uint32_t n, PageNo map_page);
/* Gives the extents at the relation's end that hold nothing back to the file. Nobody else may use the relation, nor hold a snapshot
 * from before. is_empty judges a used page. */
typedef bool (*RelPageIsEmpty)(const void *page);
/* Whether that would give back anything. */
Status rel_end_is_empty(Ctx *ctx, Rel *rel, RelPageIsEmpty is_empty, bool *empty_out);
Status rel_truncate_end(Ctx *ctx, Rel *rel, RelPageIsEmpty is_empty, uint32_t *npages_out);
/* No trace of an aborted xid below it is left in the relation. Only grows. */
Status rel_clean_below(Ctx *ctx, Rel *rel, Xid *out);
Status rel_set_clean(Ctx *ctx, Rel *rel, Xid clean_below);

/* A used page with at least need_bytes free according to the map, not fixed; PAGE_NONE if there is none. Different sessions
 * are led to different pages. */
Status rel_find_space(Ctx *ctx, Rel *rel, uint32_t need_bytes, PageNo *page_out);
/* Notes how many bytes the page has free now. A hint: tried, not waited for, not logged. The page may be latched. */
void rel_note_space(Ctx *ctx, Rel *rel, PageNo page, uint32_t free_bytes);

/* An extent as a scan sees it; a copy. */
typedef struct RelRun {
    PageNo first;
    uint32_t npages;
    uint32_t ordinal;    /* of first */
    PageNo map;
    uint16_t map_index;  /* of first */
    uint16_t extent;
    int nzones;
    uint64_t zone_valid;
    uint8_t entries[EXTENT_PAGES_MAX];      /* MapEntry of each page */
    ZoneRange zones[ZONE_COLUMNS_MAX];
} RelRun;
/* The extent that holds the page of this ordinal; found_out false past the end. Scans go on at ordinal + npages of the run. */
Status rel_run_at(Ctx *ctx, Rel *rel, uint32_t ordinal, RelRun *out, bool *found_out);

/* ---- on the bytes of a map page that is fixed exclusively, between wal_begin and wal_finish, or in redo ---- */

void map_set_visible(void *map_page, uint16_t index, bool visible);
/* Either may be NULL: redo of a page that has the change already. */
void map_set_unlinked(void *map_page, uint16_t index, PageRef *page);
uint8_t map_entry(const void *map_page, uint16_t index);
void map_set_class(void *map_page, uint16_t index, uint32_t free_bytes, uint32_t page_bytes);
/* Widens zone c of the extent by ranges[c] for each bit c of columns; ranges with min > max change nothing. */
void map_zone_widen(void *map_page, uint32_t page_bytes, uint16_t extent, uint64_t columns,
                    const ZoneRange *ranges);
/* Whether that would change a byte; may be asked with a shared latch, or with none when the answer is only a guess. */
bool map_zone_would_widen(const void *map_page, uint32_t page_bytes, uint16_t extent, uint64_t columns,
                          const ZoneRange *ranges);
/* Takes the bounds of these columns away (a value that has no order), or sets them anew (VACUUM). */
void map_zone_clear(void *map_page, uint32_t page_bytes, uint16_t extent, uint64_t columns);
void map_zone_set(void *map_page, uint32_t page_bytes, uint16_t extent, uint64_t columns,
                  const ZoneRange *ranges);

/* ---- for tx.c, recover.c, db.c, check.c ---- */

/* Frees all pages of a relation nobody can see any more. Can be repeated after a crash half-way. */
Status rel_free(Ctx *ctx, PageNo root);
/* Makes meta page and first space map of a new file. */
Status extent_bootstrap(Ctx *ctx);
Status extent_redo_create(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status extent_redo_add(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status extent_redo_map_add(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status extent_redo_free(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status extent_redo_rel_free(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status extent_redo_page_new(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status extent_redo_pages_free(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status extent_redo_clean(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status extent_redo_space(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
void extent_describe(const WalRecord *rec, StrBuf *out);

#endif
