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

#endif
