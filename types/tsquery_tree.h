/* tsquery_tree.h - what tsquery.c and tsrewrite.c share. */
#ifndef TYPES_TSQUERY_TREE_H
#define TYPES_TSQUERY_TREE_H

#include "types/ts.h"

uint32_t ts_word_crc(const char *p, size_t n);
/* PostgreSQL's order of a query's values. */
int ts_compare_values(const char *a, uint32_t na, const char *b, uint32_t nb);

#endif
