/* recheck.h - READ COMMITTED's second look: a row that another transaction has changed since the statement's snapshot is taken in its newest
 * version and run through the plan again, while the rows it was joined with stay what they were.
 *
 * A second tree of the node's input is built when the first such row comes. While it runs, scans of marked tables see one version each
 * (Exec.pins); everything else it reads as the statement does. */
#ifndef EXECUTOR_RECHECK_H
#define EXECUTOR_RECHECK_H

#include "executor/exec.h"
#include "storage/heap.h"

typedef struct Recheck {
    ExecNode *node;         /* whose input is looked at */
    const RowMark *marks;
    int nmarks;
    ExecNode *tree;         /* NULL until needed */
    ExecPin *pins;          /* by mark: what it is to see next */
    const ExecPin *outer;   /* of a Recheck around this one, while this one runs */
    int nouter;
} Recheck;

Status recheck_init(Recheck *r, ExecNode *node, const RowMark *marks, int nmarks);
void recheck_close(Recheck *r);
/* Sets pins to what row `row` of the input holds. */
void recheck_pin_row(Recheck *r, const Batch *in, int row);
/* The row as it comes out now: *out has one selected row, or is NULL. recheck_end when done with it. */
Status recheck_run(Recheck *r, Batch **out);
void recheck_end(Recheck *r);

/* Locks the newest version of the row at *tid, which is moved on to it; in isolation levels above READ COMMITTED a row that
 * has been changed is 40001. *result_out is HEAP_DONE, HEAP_GONE, HEAP_SELF or HEAP_WOULD_WAIT. */
Status recheck_lock(Ctx *ctx, Heap *heap, Tid *tid, HeapLockMode mode, HeapWait wait, HeapResult *result_out);

#endif
