/* modify.h - what INSERT, UPDATE and DELETE share: rows of a table as batches, their checks, indexes and foreign keys. */
#ifndef EXECUTOR_MODIFY_H
#define EXECUTOR_MODIFY_H

#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/rowstore.h"
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
    RowStore **fk_keys;   /* by constraint of rel: keys to be looked for at the end; NULL where it is no foreign key */
} ModTable;

Status modtable_open(ModTable *t, Ctx *ctx, Arena *arena, const Relation *rel);
void modtable_close(ModTable *t);
void modtable_reset(ModTable *t);
/* 23502 for a NULL among rows->sel in a column that may have none. */
Status modtable_check_not_null(ModTable *t, const Batch *rows);
/* 23514. checks[i] is over the new row, as outer and as inner input. */
Status modtable_check(ModTable *t, ExprProg **checks, const char *const *names, int n, Batch *rows);
/* Index entries for rows at tids (i-th selected row at tids[i]); 23505 for a duplicate. Or, with one row and clash_out: the position of the index
 * that has a duplicate, -1 if none has. */
Status modtable_index(ModTable *t, const Batch *rows, const Tid *tids, int *clash_out);
/* 23505 for row (a position in rows) and unique index i. */
Status modtable_raise_duplicate(ModTable *t, const Batch *rows, int row, int index);
/* The live row that has row's key in unique index i, 0: none. row: a position in rows. */
Status modtable_conflict(ModTable *t, const Batch *rows, int row, int index, Tid *tid_out);
/* Remembers the rows' foreign keys; modtable_check_keys looks for them when the statement's rows are all in (23503). */
Status modtable_note_keys(ModTable *t, const Batch *rows, const uint64_t *changed);
Status modtable_check_keys(ModTable *t);
/* "(1, null, abc)" for messages. */
Status modtable_row_text(ModTable *t, const Batch *rows, int row, const char **out);
/* Columns of a batch that are NULL pointers become constant NULLs in out, which has rel->ncols columns. */
Status modtable_full_row(ModTable *t, const Batch *rows, Batch *out);

#endif
