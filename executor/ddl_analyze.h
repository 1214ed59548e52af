/* ddl_analyze.h - ANALYZE: statistics of a table from a sample of its rows. */
#ifndef EXECUTOR_DDL_ANALYZE_H
#define EXECUTOR_DDL_ANALYZE_H

#include "catalog/ddl.h"

/* Samples what ctx->snapshot sees and fills everything but the object's oid. The result lies in the arena. */
Status analyze_relation(Ctx *ctx, Arena *arena, const Relation *rel, StatsDef **out);

#endif
