/* indexexpr.h - the expressions and the predicate of an index, over the columns of a rel of the statement. */
#ifndef PLANNER_INDEXEXPR_H
#define PLANNER_INDEXEXPR_H

#include "planner/logical.h"

/* Of index i of the table that the rel reads, over its columns; bound once in a statement. */
Status rel_index_exprs(PlanState *ps, const LGet *get, int i, const IndexExprs **out);
/* Of an index of a table of which the statement writes rows: row is the rel number of the new row. */
Status bind_index_exprs(PlanState *ps, const Relation *rel, int row, const IndexDef *ix, IndexExprs *out);

#endif
