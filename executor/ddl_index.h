/* ddl_index.h - filling a new index from its table. */
#ifndef EXECUTOR_DDL_INDEX_H
#define EXECUTOR_DDL_INDEX_H

#include "catalog/catalog.h"

/* Scans the rows that ctx->snapshot sees, sorts their keys and builds the (empty) index. The caller holds a lock that keeps
 * writers out. 23505 with the key. *rows_out: entries made. */
Status index_fill(Ctx *ctx, const Relation *rel, const IndexDef *def, int64_t *rows_out);

#endif
