/* scanutil.h - what table scans share. */
#ifndef EXECUTOR_SCANUTIL_H
#define EXECUTOR_SCANUTIL_H

#include "executor/exec.h"

/* A plan's scan columns as the heap numbers them. */
Status scan_heap_cols(Ctx *ctx, Arena *arena, const int *cols, int ncols, const int **out);

/* READ COMMITTED re-evaluation: a scan of a Modify's target that gives the rows' tids sees one version only, or, of another target of
 * the same statement, nothing. */
typedef enum ScanRecheck { RECHECK_OFF, RECHECK_VERSION, RECHECK_NOTHING } ScanRecheck;
static inline ScanRecheck
scan_recheck(const ExecNode *node, const Relation *rel, const int *cols, int ncols)
{
    const Exec *e = node->exec;
    if (__builtin_expect(e->recheck_rel == NULL, 1)) return RECHECK_OFF;
    bool gives_tid = false, is_target = e->recheck_rel == rel;
    for (int i = 0; i < ncols; i++) gives_tid |= cols[i] == SCANCOL_TID;
    for (int i = 0; i < e->recheck_of->ntargets && !is_target; i++) is_target = e->recheck_of->targets[i].rel == rel;
    if (!gives_tid || !is_target) return RECHECK_OFF;
    return e->recheck_rel == rel ? RECHECK_VERSION : RECHECK_NOTHING;
}
/* That version as a batch of the scan's columns; *out is NULL when it is not there. */
struct HeapFetch;
Status scan_fetch_recheck(ExecNode *node, const Relation *rel, const int *heap_cols, int ncols, struct HeapFetch **fetch,
                          Batch **out);

#endif
