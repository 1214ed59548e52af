/* notes.h - what the constraints of a table are told of the rows a Modify writes; they look at them later (constraints.h). */
#ifndef EXECUTOR_NOTES_H
#define EXECUTOR_NOTES_H

#include "executor/constraints.h"
#include "storage/heap.h"
#include "storage/keycodec.h"

/* A foreign key that points at the table, or at a partitioned table it is part of. */
typedef struct Referrer {
    const RelConstraint *c;
    const int *attnums; /* the referenced columns as the table's own */
    Due deleted, updated;
} Referrer;

typedef struct TableNotes {
    Ctx *ctx;
    Arena *arena;
    const Relation *rel;
    Due *unique;              /* by index of rel; c NULL where uniqueness is decided row by row */
    Due *references;          /* by constraint of rel; c NULL for what is no foreign key */
    Referrer *referrers;
    int nreferrers;
    bool has_references;
    Vector *tid_col;          /* scratch: tids in the row space of a batch */
} TableNotes;

Status notes_open(TableNotes *n, Ctx *ctx, Arena *arena, const Relation *rel);
void notes_reset(TableNotes *n); /* what is queued stays */
void notes_close(TableNotes *n);
/* Whether notes_deleted wants the rows that go. */
bool notes_want_deleted(const TableNotes *n);
/* Rows (their selected ones, i-th at tids[i]) have been written. */
Status notes_inserted(TableNotes *n, const Batch *rows, const Tid *tids);
/* fresh's selected rows have replaced the same rows of old; changed: attributes that were assigned. */
Status notes_updated(TableNotes *n, const Batch *old, const Batch *fresh, const Tid *tids, const uint64_t *changed);
Status notes_deleted(TableNotes *n, const Batch *old);
/* old's selected rows have become the same rows of fresh, which are in another partition of the table the statement names now. */
Status notes_moved(TableNotes *n, const Relation *named, const Batch *old, const Batch *fresh);
/* Entries of rows sel[0..nsel) of the index's columns were made although others may have the key; tids by row. */
Status notes_doubtful(TableNotes *n, int index, Vector *const *cols, const uint16_t *sel, int nsel, const Tid *tids);

#endif
