/* passes.c - the rewrites of the logical algebra, in order. Read this first: each pass says in a line what it
 * needs and what it leaves; none changes what a query answers. */
#include "planner/rewrite.h"

typedef struct Pass {
    const char *name;
    Status (*run)(PlanState *ps, Query *q);
} Pass;

static const Pass passes[] = {
    {NULL, NULL},
};

Status
passes_run(PlanState *ps, Query *q)
{
    for (const Pass *p = passes; p->name != NULL; p++) TRY(p->run(ps, q));
    return QN_OK;
}
