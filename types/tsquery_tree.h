/* tsquery_tree.h - what tsquery.c, tsrewrite.c and those who rewrite by a table share. */
#ifndef TYPES_TSQUERY_TREE_H
#define TYPES_TSQUERY_TREE_H

#include "types/ts.h"

uint32_t ts_word_crc(const char *p, size_t n);
/* PostgreSQL's order of a query's values. */
int ts_compare_values(const char *a, uint32_t na, const char *b, uint32_t nb);
/* The query with another one in the place of target; an empty one takes it out. In the arena. */
Status ts_rewrite(Ctx *ctx, Arena *arena, const Str *query, const Str *target, const Str *with, Str *out);

#endif
