/* window.h - what window.c (partitions) and windowframe.c (frames and values) share. */
#ifndef EXECUTOR_WINDOW_H
#define EXECUTOR_WINDOW_H

#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/rowstore.h"

enum { WIN_PARTITION = 1, WIN_PEERS = 2 }; /* flags of a row: it begins one */

/* A half-open range of rows, numbers in the store. */
typedef struct WinRange {
    int64_t from, to;
} WinRange;

/* A row's frame: up to three ranges, ascending (EXCLUDE cuts pieces out). */
typedef struct WinFrame {
    WinRange ranges[3];
    int n;
} WinFrame;

/* Where a function's frames have got to; rows are asked for in ascending order within a partition. */
typedef struct WinWalk {
    int64_t row;                    /* the one `frame` was found for, -1: none */
    WinFrame frame;
    int64_t range_start, range_end; /* RANGE with offsets: where the ends were last */
    int64_t group_start, group_end; /* peers of row */
    int64_t group_at;               /* GROUPS: number of row's group */
} WinWalk;

/* Argument vectors of a stretch of rows. */
typedef struct WinBlock {
    Batch *batch;
    int64_t from, to;
} WinBlock;

/* One function of the node. */
typedef struct WinFn {
    const WindowSpec *spec;
    int first_arg, nargs, filter; /* columns of the stored rows; filter -1: none */
    /* aggregates */
    char *state;
    Arena *arena;      /* what the state points to */
    AggCall call;
    size_t grown;
    bool has_state;
    WinFrame frame;    /* what the state holds */
    Value value;       /* its result */
    Arena *value_arena;
    bool has_value;
    WinBlock blocks[2]; /* for rows added, and for rows taken out */
    WinWalk walk;
    /* numbering */
    int64_t rank, dense, peer_end;
    int64_t ntile;     /* buckets; 0: not known yet; -1: NULL */
} WinFn;

typedef struct WindowState {
    ExecNode base;
    const WindowAggPlan *plan;
    ExprProg *prog;      /* arguments, filters, order keys (kept with the rows), then partition keys */
    int nin, nkept, npartition, norder, order_col;
    Oid *kept_types;
    RowStore *stores[2], *rows;
    const RowLayout *layout;
    Vector **cols;
    uint8_t *flags;      /* one a row of the store */
    int64_t flags_cap;
    Value *last;         /* partition and order key of the last row read */
    Arena *last_arena;
    bool has_last, input_done, in_partition, skip_rest;
    int64_t part_start, part_end, at, scan_at;
    WinFn *fns;
    int nfns;
    ExprProg *run_condition;
    Batch *out, *part_out;
    Arena *out_arena;
    int nout, taken;     /* rows of out; those whose input columns are there */
    char *row_ptrs[BATCH_ROWS];
    /* frames */
    ExprProg *start_offset, *end_offset;
    Value start_value, end_value; /* offsets, of this run */
    int64_t start_rows, end_rows;
    bool has_offsets;
    KernelCall *range_call;
    Vector *range_args[2], *range_out;
    WinWalk *w;                       /* of the function at work */
    int64_t *groups;                  /* GROUPS: where each group of the partition starts */
    int64_t ngroups, groups_cap;
} WindowState;

Status winframe_open(WindowState *s);
Status winframe_begin_partition(WindowState *s);
/* Values of f for rows [from, from + n) to rows at.. of out. */
Status winframe_values(WindowState *s, WinFn *f, int64_t from, int n, Vector *out, int at);
void winframe_reset(WindowState *s);
void winframe_close(WindowState *s);

#endif
