/* constraints.h - what constraints have yet to look at: rows of a running statement, and those deferred to the end of the transaction.
 *
 * While a statement writes, each constraint that is not decided row by row (foreign keys on either side, uniqueness that may be deferred)
 * notes rows in a Due. When the statement's rows are all in, constraints_end_statement goes through the Dues in the order they got
 * their first row; what a foreign key's action writes in turn is noted behind them, so cascades need no recursion. A constraint that is deferred
 * just then has its rows noted in the transaction instead, and constraints_at_commit goes through those.
 *
 * SET CONSTRAINTS and notes are undone with savepoints: constraints_savepoint gives a mark to go back to. All state is in ctx->constraints, made when
 * first needed.
 */
#ifndef EXECUTOR_CONSTRAINTS_H
#define EXECUTOR_CONSTRAINTS_H

#include "catalog/catalog.h"
#include "executor/rowstore.h"

typedef enum DueKind {
    DUE_UNIQUE,     /* the index's columns, then the row's tid */
    DUE_REFERENCE,  /* the referencing columns, then the row's tid */
    DUE_DELETED,    /* the referenced columns */
    DUE_UPDATED     /* the referenced columns as they were, then as they are */
} DueKind;

/* Rows that one constraint has yet to look at. */
typedef struct Due {
    DueKind kind;
    const Relation *rel;    /* the table that was written */
    const RelConstraint *c;
    RowStore *rows;
    bool is_queued;
} Due;

/* Whether the constraint is deferred now. */
bool constraint_is_deferred(Ctx *ctx, const RelConstraint *c);
/* Whether rows noted before wait for it: then every row that is changed is noted too, even where the key stays. */
bool constraint_has_deferred(Ctx *ctx, const RelConstraint *c);
/* Whether foreign keys and deferrable constraints are looked at: not with session_replication_role = replica. */
bool constraints_are_on(const Ctx *ctx);
/* Notes rows sel[0..n) of cols: in the Due, or in the transaction. */
Status constraints_note(Ctx *ctx, Due *due, Vector *const *cols, const uint16_t *sel, int n);

/* For session. from: what constraints_begin_statement gave, since statements run inside others. */
int constraints_begin_statement(Ctx *ctx);
Status constraints_end_statement(Ctx *ctx, int from); /* 23503, 23505, and what actions raise */
void constraints_drop_statement(Ctx *ctx, int from);  /* of one that failed, before its nodes go */
Status constraints_at_commit(Ctx *ctx);
void constraints_forget(Ctx *ctx); /* at the end of a transaction */
void constraints_free(Ctx *ctx);   /* of the session */

typedef struct ConstraintMark {
    int nwaiting, nset;
} ConstraintMark;
/* depth: which of the open savepoints, counted from 1. */
ConstraintMark constraints_savepoint(Ctx *ctx, int depth);
void constraints_rollback(Ctx *ctx, ConstraintMark mark, int depth); /* the savepoint stays */
void constraints_release(Ctx *ctx, int depth);

/* SET CONSTRAINTS: c NULL: ALL. What is made immediate is checked at once. */
Status constraints_set(Ctx *ctx, const RelConstraint *c, bool deferred);
/* Whether rows of the table wait to be looked at: it cannot be altered then (55006). */
bool constraints_wait_for(Ctx *ctx, Oid rel_oid);

/* Where keys of a referenced table are: itself, or its partitions, each with its part of the index. Locked ROW SHARE. */
typedef struct FkTarget {
    const Relation *rel;
    const IndexDef *ix;
} FkTarget;
Status fk_targets(Ctx *ctx, Arena *arena, const Relation *ref, Oid index_oid, FkTarget **out, int *n_out);

/* Plans of foreign keys' actions, kept for a statement (fk.c). */
typedef struct FkActions FkActions;
FkActions *fk_actions_new(Ctx *ctx); /* NULL: no memory */
void fk_actions_free(FkActions *a);  /* NULL is fine */

/* Look at the rows of a Due, which may grow meanwhile. deferred: the statement that noted them is long over. For constraints.c. */
Status unique_check_due(Ctx *ctx, Arena *arena, const Due *due);
Status fk_check_due(Ctx *ctx, Arena *arena, const Due *due, bool deferred);
Status fk_run_due(Ctx *ctx, Arena *arena, const Due *due, FkActions *actions);

#endif
