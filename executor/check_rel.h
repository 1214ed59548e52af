/* check_rel.h - verifying a table: every row read, every index against the rows and the rows against every index. */
#ifndef EXECUTOR_CHECK_REL_H
#define EXECUTOR_CHECK_REL_H

#include "catalog/catalog.h"
#include "catalog/check.h"

/* Whether an error says that the file is damaged, rather than that reading failed. */
static inline bool
is_damage(Status st)
{
    return st == ERR_DATA_CORRUPTED || st == ERR_INDEX_CORRUPTED;
}

/* Reports each fault of the table's pages, rows and indexes; an error means that checking itself failed. The caller holds a lock
 * that keeps writers out. */
Status check_relation(Ctx *ctx, Arena *arena, const Relation *rel, CheckSink *sink);

#endif
