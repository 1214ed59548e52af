/* join.h - what the join nodes share: the two sides as batches in one row space, and handing their rows up. */
#ifndef EXECUTOR_JOIN_H
#define EXECUTOR_JOIN_H

#include "executor/exec.h"
#include "executor/expr.h"

typedef struct JoinSides {
    int nouter, ninner;
    Oid *outer_types, *inner_types;
    bool *outer_used, *inner_used; /* columns that the join condition, filter or targets read */
    ExprProg *cond;                /* join_cond; NULL: none */
    Batch *null_outer, *null_inner; /* CONST NULLs */
    Batch *concat;                 /* where the node has no targets of its own */
} JoinSides;

/* Compiles join_cond, filter and targets. */
Status join_open(ExecNode *node, JoinSides *j, const ExprList *join_cond);
void join_close(JoinSides *j);
/* Rows of outer (its selection) with the same rows of inner through filter and targets. */
Status join_emit(ExecNode *node, JoinSides *j, Batch *outer, Batch *inner, Batch **out);

/* Pairs of a row of the current outer batch and a copied inner row, handed up when a batch is full. */
typedef struct JoinPairs {
    uint16_t *pos; /* outer rows */
    int n;
    Batch *outer, *inner;
    Arena *arena;  /* strings of inner */
} JoinPairs;

Status join_pairs_open(ExecNode *node, const JoinSides *j, JoinPairs *p);
/* Adds outer row `row` with rows sel[0..n) of inner (NULL: one row of NULLs); n at most what fits: BATCH_ROWS - p->n. */
Status join_pairs_add(ExecNode *node, JoinSides *j, JoinPairs *p, int row, Batch *inner, const uint16_t *sel, int n);
/* Hands up what is there, over the outer batch it refers to; empty afterwards. */
Status join_pairs_emit(ExecNode *node, JoinSides *j, JoinPairs *p, Batch *outer, Batch **out);
/* The row of a batch as CONST columns of to (columns that are used; made by batch_create with Vector structs). */
Status join_row_new(ExecNode *node, int ncols, Batch **out);
void join_row_set(const Batch *from, int row, const bool *used, Batch *to);

#endif
