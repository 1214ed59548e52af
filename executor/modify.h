/* modify.h - what INSERT, UPDATE and DELETE share: rows of a table as batches, their checks, indexes and foreign keys. */
#ifndef EXECUTOR_MODIFY_H
#define EXECUTOR_MODIFY_H

#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/indexform.h"
#include "executor/notes.h"
#include "storage/heap.h"
#include "storage/index.h"

/* A table being changed. */
typedef struct ModTable {
    Ctx *ctx;
    Arena *arena;
    Arena *tmp;           /* of one batch of rows */
    const Relation *rel;
    Tid *conflicts;       /* scratch, one a row */
    Vector **index_cols;
    IndexForm **forms;    /* by index; NULL: its columns are the table's */
    Tid *form_tids;
} ModTable;

/* Closed after a failure, too. */
Status modtable_open(ModTable *t, Ctx *ctx, Arena *arena, const Relation *rel);
void modtable_close(ModTable *t);
/* 23502 for a NULL among rows->sel in a column that may have none. */
Status modtable_check_not_null(ModTable *t, const Batch *rows);
/* 23514; the last nview are views' check options: 44000. checks[i] is over the new row, as outer and as inner input. */
Status modtable_check(ModTable *t, ExprProg **checks, const char *const *names, int n, int nview, Batch *rows);
/* Index entries for rows at tids (i-th selected row at tids[i]); 23505 for a duplicate. Or, with one row and clash_out: the position of the index
 * that has a duplicate, -1 if none has. Where uniqueness may be deferred, rows that may be duplicates are noted instead. */
Status modtable_index(ModTable *t, TableNotes *notes, Batch *rows, const Tid *tids, int *clash_out);
/* 23505 for row (a position in rows) and unique index i. */
Status modtable_raise_duplicate(ModTable *t, Batch *rows, int row, int index);
/* The live row that has row's key in unique index i, 0: none. row: a position in rows. */
Status modtable_conflict(ModTable *t, Batch *rows, int row, int index, Tid *tid_out);
/* "(1, null, abc)" for messages. */
Status modtable_row_text(ModTable *t, const Batch *rows, int row, const char **out);
/* Columns of a batch that are NULL pointers become constant NULLs in out, which has rel->ncols columns. */
Status modtable_full_row(ModTable *t, const Batch *rows, Batch *out);

/* "(a, b)=(1, x)": the key in columns cols of a row, named as rel's attributes. */
Status modify_key_text(Ctx *ctx, Arena *arena, const Relation *rel, const int *attnums, Vector *const *cols, int n, int row,
                       const char **out);
/* The same of an index's key columns, "(lower(a))=(x)". */
Status modify_index_key_text(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *ix, Vector *const *cols, int row, const char **out);
/* 23505 for a row of the index's columns. */
Status modify_raise_duplicate(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *ix, Vector *const *cols, int row);

#endif
