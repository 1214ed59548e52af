/* logical.h - the algebra the binder makes, the rewrites change and the optimiser plans.
 *
 * Every producer of columns has a rel number, unique in the whole statement (subqueries included), and a
 * column anywhere above it is ColumnRef (rel, col). So a tree can be rearranged without renumbering, and a
 * reference to a rel that is not produced inside a subquery is a correlation.
 *
 * A Query is a tree and its visible output; a statement's Query holds its CTEs. Subqueries in expressions are
 * SubPlanExpr.query (a Query). All in the statement's arena; rewrites may edit in place.
 */
#ifndef PLANNER_LOGICAL_H
#define PLANNER_LOGICAL_H

#include "common/array.h"
#include "planner/plan.h"

typedef enum LogicalTag {
    LOGICAL_NONE,
#define LOGICAL(T, fields) LOGICAL_##T,
#include "planner/logical.def"
#undef LOGICAL
    LOGICAL_TAG_COUNT
} LogicalTag;

typedef struct LNode {
    uint8_t tag;
    int rel;   /* 0: produces no columns of its own */
    int ncols; /* with rel: columns produced */
    struct LNode *left, *right;
} LNode;

typedef struct LNodeList {
    LNode **items;
    int count, cap;
} LNodeList;

#define L_VAL(type, f) type f;
#define LOGICAL(T, fields)                                                                         \
    typedef struct L##T {                                                                          \
        LNode base;                                                                                \
        fields                                                                                     \
    } L##T;
#include "planner/logical.def"
#undef LOGICAL
#undef L_VAL

typedef struct Query Query;

typedef struct CteInfo {
    const char *name;
    Query *query;
    int nrefs;
    int materialized; /* 1 MATERIALIZED, 0 NOT MATERIALIZED, -1 not said: inlined when referenced once and safe */
    bool recursive;   /* query->root holds an LRecursive */
    bool modifies;    /* data-modifying: runs whether read or not */
} CteInfo;

/* What is known of a statement's relations, by rel number (1-based). */
typedef struct RelInfo {
    LNode *node; /* the producer */
    const char *alias;
    const Oid *col_types;
    const int32_t *col_typmods;
    const char *const *col_names;
} RelInfo;

/* One a statement; shared by its Queries. */
typedef struct PlanState {
    Ctx *ctx;
    Arena *arena;
    const char *sql;
    RelInfo *rels; /* rels[1..nrels] */
    int nrels, rels_cap;
    CteInfo *ctes; /* CteRef.cte indexes it */
    int nctes, ctes_cap;
    int nworktables;
    int nparams; /* $n seen */
    Oid *param_types;
    int nexec_params;
    ARRAY(PlanDep) deps;
} PlanState;

struct Query {
    LNode *root;
    ExprList out;           /* visible output, in order */
    const char **out_names;
};

/* A node of a tag with a fresh rel number when ncols >= 0. */
LNode *lnode_new(PlanState *ps, LogicalTag tag, int ncols);
#define LNODE_NEW(ps, T, ncols) ((L##T *)lnode_new((ps), LOGICAL_##T, (ncols)))

/* planner/bind.c. Names, types, operators resolved; 42P01, 42703, 42883, ... with position. */
struct Ast;
Status bind_statement(PlanState *ps, const struct Ast *stmt, Query **out);
/* planner/passes.c: the rewrites, in order. */
Status passes_run(PlanState *ps, Query *q);
/* planner/physical.c: cost-based choice; the whole Plan. */
Status physical_plan(PlanState *ps, Query *q, Plan **out);

#endif
