/* scanutil.h - what table scans share. */
#ifndef EXECUTOR_SCANUTIL_H
#define EXECUTOR_SCANUTIL_H

#include "executor/exec.h"

/* A plan's scan columns as the heap numbers them. */
Status scan_heap_cols(Ctx *ctx, Arena *arena, const int *cols, int ncols, const int **out);

/* Whether a scan of rel that gives the rows' tids is to see one version only (READ COMMITTED re-evaluation). */
static inline bool
scan_is_recheck(const ExecNode *node, const Relation *rel, const int *cols, int ncols)
{
    if (__builtin_expect(node->exec->recheck_rel != rel, 1)) return false;
    for (int i = 0; i < ncols; i++)
        if (cols[i] == SCANCOL_TID) return true;
    return false;
}
/* That version as a batch of the scan's columns; *out is NULL when it is not there. */
struct HeapFetch;
Status scan_fetch_recheck(ExecNode *node, const Relation *rel, const int *heap_cols, int ncols, struct HeapFetch **fetch,
                          Batch **out);

#endif
