/* modify_priv.h - a Modify node at work, and the tables it writes. Private to modify.c, modtarget.c and onconflict.c. */
#ifndef EXECUTOR_MODIFY_PRIV_H
#define EXECUTOR_MODIFY_PRIV_H

#include "executor/modify.h"
#include "executor/recheck.h"

/* One table that is written; opened when its first row comes. */
typedef struct Target {
    const ModifyTarget *plan;
    const Relation *rel;
    bool is_open;
    ModTable table;
    TableNotes notes;      /* rows that constraints look at later */
    ExprProg **checks;
    /* The generated columns of rows that are inserted, and of rows that ON CONFLICT updates: their results are alive at one time. */
    ExprProg *generated, *conflict_generated;
    Batch *row, *full;     /* new rows by attribute; the same without NULL pointers */
    HeapFetch *fetch;      /* all columns, by tid */
    uint64_t *assigned;    /* attributes that UPDATE sets */
    bool key_update;
} Target;

typedef struct Router Router;

/* What is being done to rows: that of the plan, or of MERGE's action at hand. value_col: where the new values begin in the input. */
typedef struct Change {
    DmlKind kind;
    int ncols;
    const int *cols;
    int value_col;
} Change;

typedef struct MergeProg { /* an action's expressions */
    ExprProg *when, *values;
} MergeProg;

typedef struct ModifyState {
    ExecNode base;
    const ModifyPlan *plan;
    Change change;
    MergeProg *merge;
    Target *targets;
    int last_target;       /* rows of a batch mostly belong to the table of the one before */
    Router *router;        /* NULL: rows stay in the table they are for */
    ExprProg *returning;
    bool returns_system;   /* RETURNING reads ctid or tableoid */
    ExprProg *conflict_where, *conflict_set;
    Arena *tmp;            /* of one batch of input */
    Tid *tids, *newer, *new_tids;
    uint8_t *results;
    bool *hot;
    uint16_t *rows_out, *sel, *of_table, *rest;
    RowStore *returned;
    Batch *out;
    int64_t at;
    bool is_done;
    Recheck recheck;
} ModifyState;

/* modtarget.c */
Status target_open(ModifyState *s, int i, Target **out);
Status target_by_oid(ModifyState *s, Oid oid, Target **out);
Status target_open_fetch(ModifyState *s, Target *t);
void target_reset(Target *t);
void target_close(Target *t);
/* Computes the generated columns of t->row and makes t->full out of it. */
Status target_complete(ModifyState *s, Target *t, ExprProg *generated);
/* Everything a new row must satisfy before it is written. */
Status target_check(Target *t, Batch *rows);
/* Rows of t as rows of the statement's table. */
Status target_view(ModifyState *s, const Target *t, const Batch *rows, Batch **out);
/* RETURNING over input rows and stored rows (same positions, stored's selection); tids[i] is the i-th selected row's. */
Status target_return(ModifyState *s, Target *t, Batch *in, Batch *stored, const Tid *tids);

/* modroute.c. Rows are rows of the statement's table. */
Status router_open(ModifyState *s);
void router_close(Router *r); /* NULL is fine */
/* By row (a position in rows): its target. 23514 for a row without a partition. Valid until the next call. */
Status router_find(ModifyState *s, Batch *rows, const int32_t **target_out);
/* The statement's table is a partition: its rows belong to it, else 23514. */
Status router_check(ModifyState *s, Batch *rows);

/* modmerge.c: MERGE */
Status merge_open(ModifyState *s);
void merge_close(ModifyState *s);
Status merge_batch(ModifyState *s, Batch *b);
/* A row whose match has gone meanwhile. */
Status merge_unmatched(ModifyState *s, Batch *b, int row);

/* modify.c */
/* UPDATE or DELETE, by s->change, of b's rows, all of them t's. */
Status modify_change_rows(ModifyState *s, Target *t, Batch *b);
Status modify_insert(ModifyState *s, Batch *b);
/* Writes the selected rows of t->row and t->full, checked already. clash_out (one row): -1, or the position of a unique index that has its key
 * by now; then nothing was written. NULL: that is 23505. */
Status modify_insert_rows(ModifyState *s, Target *t, Batch *in, int *clash_out);
/* t->row holds the new rows beside old (same positions, all of them selected); tids are the old versions'. */
Status modify_update_rows(ModifyState *s, Target *t, Batch *in, Batch *old, const Tid *tids, bool is_conflict);

/* onconflict.c: t->row and t->full hold the proposed rows. */
Status modify_insert_on_conflict(ModifyState *s, Target *t, Batch *in);

#endif
