/* scanutil.h - what table scans share. */
#ifndef EXECUTOR_SCANUTIL_H
#define EXECUTOR_SCANUTIL_H

#include "executor/exec.h"

/* A plan's scan columns as the heap numbers them. */
Status scan_heap_cols(Ctx *ctx, Arena *arena, const int *cols, int ncols, const int **out);

#endif
