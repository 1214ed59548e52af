/* vacuum.h - taking out of a table what nobody can see any more, and out of its indexes what leads there.
 *
 * Two visits to the heap with one to each index between them: the first prunes every page that is not all-visible and gathers slots
 * left DEAD; the indexes lose their entries for these; the second makes the slots free to use. When the memory for
 * tids is full the last two happen at once, and the first goes on after them. Overflow values that are
 * dead are freed on the way, min/max of extents that lost rows are drawn up anew, and at the end the relation notes below which xid no
 * trace of an aborted transaction is left in it.
 *
 * The work can be done in steps, between which nothing is held but memory: whoever lets go of the table's lock in between asks
 * vacuum_is_current before the next step.
 *
 * Threads: one vacuum a table at a time (the caller holds SHARE UPDATE EXCLUSIVE while it steps); readers and writers go on.
 */
#ifndef STORAGE_VACUUM_H
#define STORAGE_VACUUM_H

#include "storage/heap.h"
#include "storage/index.h"

typedef struct Vacuum Vacuum;

typedef struct VacuumOptions {
    uint64_t freeze_age;   /* xids at least as old, which all see, are taken off tuples; UINT64_MAX: never */
    size_t memory_bytes;   /* for tids of dead slots */
    bool skip_indexes;     /* leave DEAD slots and index entries */
    bool every_page;       /* all-visible ones too */
    double rows_a_page;    /* as last counted, for pages passed over; 0: not known */
} VacuumOptions;

/* What was done, for VERBOSE. */
typedef struct VacuumReport {
    uint32_t pages, scanned, skipped; /* skipped: somebody held the page */
    uint32_t index_passes;
    uint64_t pruned;          /* versions taken away */
    uint64_t dead_freed;      /* slots that index entries had led to */
    uint64_t dead_left;
    uint64_t entries_removed; /* from all indexes */
    uint64_t values_freed;    /* overflow values */
    double rows;              /* live tuples there are, those of pages passed over estimated */
} VacuumReport;

/* The indexes' handles must outlive it; pages as of now are what is visited. 53200. */
Status vacuum_begin(Ctx *ctx, Heap *heap, Index *const *indexes, int nindexes, const VacuumOptions *options,
                    Vacuum **out);
/* False: another vacuum of the table has begun since, and what this one has gathered is not to be believed. */
bool vacuum_is_current(const Vacuum *v);
/* Does about npages pages' worth of work; an index is gone through in one step. */
Status vacuum_step(Ctx *ctx, Vacuum *v, uint32_t npages, bool *done_out);
const VacuumReport *vacuum_report(const Vacuum *v);
void vacuum_end(Ctx *ctx, Vacuum *v); /* NULL is fine */

/* All of it at once. report_out may be NULL. */
Status vacuum_heap(Ctx *ctx, Heap *heap, Index *const *indexes, int nindexes, const VacuumOptions *options,
                   VacuumReport *report_out);
/* Is there anything for vacuum_truncate to do? A guess. */
bool vacuum_can_truncate(Ctx *ctx, Heap *heap);
/* Gives empty extents at the end of the table and its indexes back. Nobody else may use it (ACCESS EXCLUSIVE); does nothing while
 * somebody holds a snapshot from before. */
Status vacuum_truncate(Ctx *ctx, Heap *heap, Index *const *indexes, int nindexes, uint32_t *npages_out);
/* Forgets aborted xids of which no relation has a trace; roots are those of all tables there are. */
Status vacuum_forget_aborted(Ctx *ctx, const uint32_t *roots, int nroots);
/* Are there aborted xids that readers must be told of, and how many ranges of them? */
uint32_t vacuum_aborted_ranges(Ctx *ctx);
/* May this table hold traces of them? */
Status vacuum_has_aborted(Ctx *ctx, Heap *heap, bool *out);

#endif
