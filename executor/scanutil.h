/* scanutil.h - what table scans share. */
#ifndef EXECUTOR_SCANUTIL_H
#define EXECUTOR_SCANUTIL_H

#include "executor/exec.h"

/* A plan's scan columns as the heap numbers them. */
Status scan_heap_cols(Ctx *ctx, Arena *arena, const int *cols, int ncols, const int **out);

/* What a scan with this mark is to see instead of its table; NULL: the table. */
static inline const ExecPin *
scan_pin(const ExecNode *node, int mark)
{
    const Exec *e = node->exec;
    for (int i = 0; i < e->npins; i++)
        if (e->pins[i].mark == mark) return &e->pins[i];
    return NULL;
}
/* That version as a batch of the scan's columns; *out is NULL when it is another table's, or none. */
struct HeapFetch;
Status scan_fetch_pin(ExecNode *node, const ExecPin *pin, const Relation *rel, const int *heap_cols, int ncols,
                      struct HeapFetch **fetch, Batch **out);

#endif
