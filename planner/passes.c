/* passes.c - the rewrites of the logical algebra, in order. Read this first: each pass says in a line what it
 * needs and what it leaves; none changes what a query answers. */
#include "planner/rewrite.h"

typedef struct Pass {
    const char *name;
    Status (*run)(PlanState *ps, Query *q);
    bool derived_only; /* has something to do only where there are derived tables */
} Pass;

static const Pass passes[] = {
    {"cte", rw_cte, false},          /* WITH queries read once become derived tables */
    {"fold", rw_fold, false},        /* constants computed, conditions apart at ANDs */
    {"unnest", rw_unnest, false},    /* EXISTS and IN in WHERE become joins */
    {"scalar", rw_scalar, false},    /* correlated aggregates become joins with a grouping */
    {"merge", rw_merge, true},       /* derived tables that compute little disappear */
    {"lateral", rw_lateral, true},   /* LATERAL that only filters by the left side is an ordinary join */
    {"fold again", rw_fold, true},   /* constants that came in from them */
    {"pushdown", rw_pushdown, false}, /* conditions to where their columns come from; outer joins that need not be */
    {NULL, NULL, false},
};

Status
passes_run(PlanState *ps, Query *q)
{
    for (const Pass *p = passes; p->name != NULL; p++)
        if (!p->derived_only || ps->nderived > 0) TRY(p->run(ps, q));
    return QN_OK;
}
