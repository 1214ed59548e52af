/* rewrite.h - what the rewrites of the logical algebra share. */
#ifndef PLANNER_REWRITE_H
#define PLANNER_REWRITE_H

#include "planner/resolve.h"

/* A set of rels, by number; bits in the statement's arena. */
typedef struct RelSetBits {
    uint64_t *words;
    int nwords;
} RelBits;

Status relbits_new(PlanState *ps, RelBits *out);
static inline bool
relbits_has(const RelBits *b, int rel)
{
    return rel >> 6 < b->nwords && (b->words[rel >> 6] >> (rel & 63) & 1) != 0;
}
static inline void
relbits_add(RelBits *b, int rel)
{
    if (rel >> 6 < b->nwords) b->words[rel >> 6] |= 1ull << (rel & 63);
}
bool relbits_overlap(const RelBits *a, const RelBits *b);
bool relbits_subset(const RelBits *a, const RelBits *b);
bool relbits_empty(const RelBits *a);
/* Rels the expression's columns belong to, those of its subqueries included. */
Status rels_used(PlanState *ps, Expr *e, RelBits *out);
/* Rels made anywhere in the tree. */
Status rels_produced(PlanState *ps, LNode *root, RelBits *out);
/* Rels the tree uses but does not make: it is correlated. */
Status rels_free(PlanState *ps, LNode *root, RelBits *out);

/* Replaces columns of rels: map[rel] (NULL: stays) is an array of expressions, copied in. Goes into subqueries. */
typedef struct ColumnMap {
    PlanState *ps;
    Expr ***map;  /* by rel */
    int nmap;
    bool once;    /* what replaces a column is not looked at again */
} ColumnMap;
Status column_map_new(PlanState *ps, ColumnMap *out);
Status column_map_expr(Ctx *ctx, Expr **slot, void *map); /* an ExprWalkFn */

Status expr_has_subplan(Ctx *ctx, Expr *e, bool *out);
Status expr_volatile(Ctx *ctx, Expr *e, bool *out); /* or returns a set */

/* Calls fn on the query, on those of WITH and on every subquery in expressions. */
Status each_query(PlanState *ps, Query *q, Status (*fn)(PlanState *ps, Query *q));

/* The passes, see passes.c. */
Status rw_cte(PlanState *ps, Query *q);
Status rw_fold(PlanState *ps, Query *q);
Status rw_unnest(PlanState *ps, Query *q);
Status rw_scalar(PlanState *ps, Query *q);
Status rw_lateral(PlanState *ps, Query *q);
Status rw_merge(PlanState *ps, Query *q);
Status rw_pushdown(PlanState *ps, Query *q);
/* Of a partitioned table only what may hold rows that meet the conditions, which are over its columns. */
Status rw_prune_append(PlanState *ps, LAppend *a, const ExprList *conds);
Status fold_expr(PlanState *ps, Expr **slot);

#endif
