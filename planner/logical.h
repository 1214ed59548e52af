/* logical.h - the algebra the binder makes, the rewrites change and the optimiser plans.
 *
 * Every producer of columns has a rel number, unique in the whole statement (subqueries included), and a
 * column anywhere above it is ColumnRef (rel, col). So a tree can be rearranged without renumbering, and a
 * reference to a rel that is not produced inside a subquery is a correlation.
 *
 * Nothing below a node may refer to columns the node's own subtree does not produce, but for lateral joins (their
 * right side may use the left's columns), and for subqueries in expressions.
 *
 * A Query is a tree and its visible output; a statement's Query holds its CTEs. Subqueries in expressions are
 * SubPlanExpr.query (a Query). All in the statement's arena; rewrites may edit in place.
 */
#ifndef PLANNER_LOGICAL_H
#define PLANNER_LOGICAL_H

#include "common/array.h"
#include "common/str.h"
#include "catalog/routine.h"
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

/* A table whose rows the name of another stands for. */
typedef struct Member {
    const Relation *rel;
    const int *map; /* by column of the named table: its position in rel, -1: dropped; NULL: the same columns */
    int up;         /* among the members: whose child this is; -1: the named table */
    const InheritLink *link; /* to it */
} Member;

typedef struct MemberList {
    Member *items;
    int count, cap;
} MemberList;

/* A rel whose rows SELECT ... FOR locks. */
typedef struct LockedRel {
    int rel, strength, wait_policy;
} LockedRel;

typedef struct AppendChild {
    LNode *node;
    int at; /* among the members */
    int rel; /* of its LGet */
    Member member;
} AppendChild;
/* The child's column that a column of the LAppend is; SCANCOL_ are the same. */
static inline int
append_child_column(const AppendChild *c, int col)
{
    return col < 0 || c->member.map == NULL ? col : c->member.map[col];
}

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

/* What is known of a statement's relations, by rel number (1-based). Types and names of columns: rel_column. */
typedef struct RelInfo {
    LNode *node; /* the producer */
    const char *alias;
    Oid oid; /* of the table or view that the statement itself names here; else 0 */
    int append_rel; /* the LAppend it is a child of, or 0 */
    struct IndexExprs **index_exprs; /* of a table, by index, as far as somebody has asked (rel_index_exprs); NULL: nobody */
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
    int nsubqueries; /* SubPlanExprs made */
    int nderived;    /* subqueries and views in FROM */
    struct QueryUses *uses; /* NULL: nobody asks */
    ARRAY(PlanDep) deps;
    bool has_detaching;              /* what is a partition depends on the transaction: the plan is for one run */
    const struct FuncEnv *env;       /* inside a function's body: its parameters; else NULL */
    ARRAY(const Aggregate *) user_aggs; /* the same of users' aggregates */
    ARRAY(const Routine *) routines; /* users' functions called, one copy each, so that equal calls are equal */
    ARRAY(Oid) inlining;             /* functions whose bodies are being put in place of their calls */
    bool keep_calls;                 /* no bodies in place of calls: the expression is to be printed */
    struct Collations *collations;   /* what does not have the default one (collate.c); NULL: nothing */
    bool in_call;                    /* the argument list of CALL: OUT parameters are in it */
} PlanState;

struct Query {
    LNode *root;
    ExprList out;           /* visible output, in order */
    const char **out_names;
};

/* A node of a tag with a fresh rel number when ncols >= 0. */
LNode *lnode_new(PlanState *ps, LogicalTag tag, int ncols);
#define LNODE_NEW(ps, T, ncols) ((L##T *)lnode_new((ps), LOGICAL_##T, (ncols)))

/* Type and name of column col of a rel; any out may be NULL. Name is NULL where there is none. */
void rel_column(const PlanState *ps, int rel, int col, Oid *type_out, int32_t *typmod_out, const char **name_out);
/* What column col of a rel is made of; NULL: it is read from a table, a function or nothing the planner sees. */
const Expr *rel_column_expr(const PlanState *ps, int rel, int col);
/* A reference to it. NULL when memory is out. */
Expr *rel_column_ref(PlanState *ps, int rel, int col);

/* Calls fn on each expression slot of the node itself. */
Status lnode_exprs(Ctx *ctx, LNode *node, ExprWalkFn fn, void *arg);
/* Calls fn on each child slot. Neither recurses. */
typedef Status (*LNodeWalkFn)(Ctx *ctx, LNode **slot, void *arg);
Status lnode_children(Ctx *ctx, LNode *node, LNodeWalkFn fn, void *arg);
/* Calls fn on each expression slot of every node of the tree, and of the output. fn goes into subqueries itself. */
Status query_walk_exprs(Ctx *ctx, Query *q, ExprWalkFn fn, void *arg);
Status tree_walk_exprs(Ctx *ctx, LNode *root, ExprWalkFn fn, void *arg);
const char *lnode_tag_name(LogicalTag tag);
/* An indented dump of a query and of its subqueries, for tests and the debugger. */
Status query_print(PlanState *ps, StrBuf *out, const Query *q);
Status expr_print(PlanState *ps, StrBuf *out, const Expr *e);

/* planner/bind.c. Names, types, operators resolved; 42P01, 42703, 42883, ... with position. */
struct Ast;
Status bind_statement(PlanState *ps, const struct Ast *stmt, Query **out);
/* planner/passes.c: the rewrites, in order. */
Status passes_run(PlanState *ps, Query *q);
/* planner/physical.c: cost-based choice; the whole Plan. */
Status physical_plan(PlanState *ps, Query *q, Plan **out);

#endif
