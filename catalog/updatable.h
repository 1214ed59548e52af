/* updatable.h - which views INSERT, UPDATE and DELETE can write through: those over one table, a row for a row. Told from the view's text
 * alone, so that the binder and information_schema ask the same question. */
#ifndef CATALOG_UPDATABLE_H
#define CATALOG_UPDATABLE_H

#include "catalog/catalog.h"
#include "parser/ast.h"

typedef struct ViewForm {
    const char *why_not;       /* PostgreSQL's detail; NULL: rows can be written */
    const SelectStmt *query;
    const RangeVar *from;      /* what it reads: a table or a view */
    int ncols;
    const char **base_names;   /* by column: the column of `from` it is; NULL: an expression, not to be written */
    const char **col_why_not;  /* of those: PostgreSQL's detail */
} ViewForm;

Status view_form(Ctx *ctx, Arena *arena, const Relation *view, ViewForm *out);
/* Down to the table: false, why_not in *form_out, as soon as one of the views on the way is not of that form. */
Status view_is_updatable(Ctx *ctx, Arena *arena, const Relation *rel, bool *out);
Status view_column_is_updatable(Ctx *ctx, Arena *arena, const Relation *rel, int col, bool *out);

#endif
