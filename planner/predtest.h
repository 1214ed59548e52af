/* predtest.h - whether conditions imply a predicate. */
#ifndef PLANNER_PREDTEST_H
#define PLANNER_PREDTEST_H

#include "planner/expr.h"

/* Whether rows for which all of conds are true are rows for which all of predicate is; false where that is not shown. */
bool predicate_is_implied(Ctx *ctx, Arena *arena, const ExprList *predicate, const ExprList *conds);

#endif
