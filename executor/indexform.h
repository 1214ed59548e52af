/* indexform.h - the columns an index has of rows of its table: attributes as they are, expressions computed; rows outside of its predicate left out. */
#ifndef EXECUTOR_INDEXFORM_H
#define EXECUTOR_INDEXFORM_H

#include "executor/expr.h"

typedef struct IndexForm {
    Ctx *ctx;
    const Relation *rel;
    const IndexDef *def;
    int *attrs; /* attributes it reads, 0-based, nattrs of them, without repeats */
    int nattrs;
    /* Of the rows at hand: */
    Vector **cols;       /* [def->ncols] */
    const uint16_t *sel; /* rows that have an entry; NULL: 0..n-1 */
    int n;
    /* Where something is computed; else NULL: */
    IndexExprs exprs;
    Exec *exec;
    ExprProg *columns, *predicate;
    int *at;        /* [ncols] position among the computed columns */
    Batch *row;     /* by attribute */
    uint16_t *room; /* of sel */
} IndexForm;

/* Asks ctx->plan_index for what is to be computed. Memory in the arena; ended by indexform_close. */
Status indexform_open(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *def, IndexForm **out);
void indexform_close(IndexForm *f); /* NULL is fine */
/* The selected rows, whose columns are the table's by attribute. The result lives as long as they and until the next call. */
Status indexform_rows(IndexForm *f, Batch *rows);
/* The same of rows that have attribute attrs[i] as column i. */
Status indexform_fetched(IndexForm *f, const Batch *rows);
static inline int
indexform_row(const IndexForm *f, int i)
{
    return f->sel != NULL ? f->sel[i] : i;
}

#endif
