/* opt.h - what the files of the optimiser share: column sets, planned subtrees, join blocks, paths.
 *
 * The logical tree is planned from the top: plan_tree(node, need) asks for a subtree that produces at least the
 * columns of need and answers with a Sub, physical nodes plus the logical identity of each output column. Runs of
 * inner, outer and semi joins are one JoinBlock, whose order is searched over cheap Path structs
 * (joinorder.c); only the winner becomes PlanNodes (physical.c).
 *
 * Columns a subtree needs from outside (correlation, lateral, the outer side of a nested loop) are exec params,
 * gathered in a ParamScope: one for each inner side and each subquery, so that no two runs share a slot.
 */
#ifndef PLANNER_OPT_H
#define PLANNER_OPT_H

#include "common/settings.h"
#include "planner/logical.h"

/* A column by its logical identity. */
typedef struct ColId {
    int rel, col;
} ColId;

typedef struct ColSet {
    ColId *items;
    int count, cap;
} ColSet;

bool colset_has(const ColSet *s, ColId c);
int colset_find(const ColSet *s, ColId c); /* -1 */
Status colset_add(Ctx *ctx, Arena *arena, ColSet *s, ColId c);
Status colset_add_all(Ctx *ctx, Arena *arena, ColSet *s, const ColSet *from);
/* Every ColumnRef of e, those that subqueries inside it take from outside included. */
Status colset_add_expr(PlanState *ps, ColSet *s, Expr *e);
Status colset_add_exprs(PlanState *ps, ColSet *s, const ExprList *list);
Status colset_add_sort(PlanState *ps, ColSet *s, const SortKeyList *keys);
/* Columns a tree refers to without producing them. */
Status colset_free_columns(PlanState *ps, LNode *root, ColSet *out);
Status colset_produced_rels(PlanState *ps, LNode *root, ColSet *out); /* (rel, 0) entries */

/* The exec params of one inner side or subquery. */
typedef struct ParamScope {
    struct ParamScope *up;
    ColSet cols; /* parallel: */
    int *ids;
    int ids_cap;
} ParamScope;

/* A planned subtree. */
typedef struct Sub {
    PlanNode *node;
    ColSet cols;       /* identity of each output position; rel 0 where it has none */
    SortKeyList order; /* over logical columns; how the output is known to be sorted */
} Sub;

/* Leaves of a join block as bits. */
typedef uint64_t RelSet;
#define BLOCK_MAX_LEAVES 60

typedef enum PathKind { PATH_LEAF_SUB, PATH_SEQ, PATH_INDEX, PATH_BITMAP, PATH_NESTLOOP, PATH_HASH, PATH_MERGE,
                        PATH_SORT, PATH_MATERIAL } PathKind;

typedef struct Path {
    PathKind kind;
    double startup, total, rows;
    int width;
    RelSet rels;
    RelSet params;     /* leaves whose columns it takes as params */
    SortKeyList order;
    struct Path *outer, *inner;
    /* PATH_SEQ, PATH_INDEX, PATH_BITMAP, PATH_LEAF_SUB */
    struct Leaf *leaf;
    const IndexDef *index;
    IndexBound *bounds; /* values over logical columns */
    int nbounds;
    ExprList index_cond;
    ExprList filter; /* conditions checked here */
    bool backward, index_only;
    double selectivity; /* index: share of the table fetched */
    double bitmap_cost, bitmap_rows; /* PATH_BITMAP: of the index scan */
    /* joins */
    JoinType jointype;
    ExprList left_keys, right_keys; /* equality keys: outer's and inner's expressions */
    ExprList key_conds;             /* the conditions they come from */
    ExprList join_conds;            /* the rest of ON */
    SortKeyList left_sort, right_sort; /* merge */
    bool inner_unique, swapped;
} Path;

typedef struct PathList {
    Path **items;
    int count, cap;
} PathList;

/* One input of a join block. */
typedef struct Leaf {
    LNode *node;       /* LGet, or anything planned on its own */
    int bit;
    RelSet lateral;    /* leaves it refers to */
    ExprList conds;    /* conditions on it alone */
    ColSet rels;       /* (rel, 0) of every rel produced inside */
    double rows;       /* after conds */
    double raw_rows;   /* before */
    int width;
    Sub sub;           /* not LGet: planned, with: */
    ParamScope scope;  /* the columns it takes from outside */
} Leaf;

/* One condition of a block. */
typedef struct Cond {
    Expr *expr;
    RelSet rels;       /* leaves it refers to */
    RelSet required;   /* leaves that must be joined before it can be checked */
    Expr *left, *right; /* left = right with operands on disjoint leaves; NULL otherwise */
    const Operator *op;
    RelSet left_rels, right_rels;
    int ec;            /* equivalence class, -1 */
    bool derived;
    double sel;
    int special;       /* ON of this special join, -1: inner */
} Cond;

/* A join that is not inner: its ON conditions are block conditions with special set. */
typedef struct SpecialJoin {
    JoinType type; /* JOIN_LEFT, JOIN_SEMI, JOIN_ANTI */
    RelSet syn_left, syn_right;
    RelSet min_left, min_right;
    bool strict; /* ON cannot be true for NULL left columns */
} SpecialJoin;

typedef struct JoinRel {
    RelSet rels;
    double rows;
    int width;
    PathList paths;
    Path *cheapest; /* unparametrised, by total */
} JoinRel;

typedef struct JoinBlock {
    PlanState *ps;
    struct Opt *opt;
    ARRAY(Leaf *) leaves;
    ARRAY(Cond *) conds;
    ARRAY(SpecialJoin *) specials;
    ExprList consts;      /* conditions without columns of the block */
    int in_special;       /* while flattening: inside the right side of so many joins that are not inner */
    const ColSet *need;
    const SortKeyList *wanted; /* an order that would help above, may be NULL */
    double limit_rows; /* rows that will be read at most, 0: all */
    int necs;
} JoinBlock;

/* State of one physical_plan call. */
typedef struct Opt {
    PlanState *ps;
    Ctx *ctx;
    Arena *arena;
    ParamScope *scope;
    ARRAY(PlanNode *) subplans;
    ARRAY(struct SubPlanInfo) infos;
    ARRAY(Oid) exec_types;
    int *cte_plan;        /* by cte: subplan index, -1 not planned yet */
    double *cte_rows;     /* estimates of those planned */
    ParamScope *cte_scope; /* what those planned take from outside: every reader needs it set */
    double worktable_rows;
    int ninit, nsub;      /* for EXPLAIN's numbers */
} Opt;

/* physical.c. limit_rows: rows that will be read at most, 0: all. Output columns come in the order of need where that costs
 * nothing; wanted is an order that would save a sort, or NULL. */
Status plan_tree(Opt *o, LNode *n, const ColSet *need, const SortKeyList *wanted, double limit_rows, Sub *out);
Status opt_sort(Opt *o, Sub *s, const SortKeyList *keys, double bound);
bool order_satisfies(const SortKeyList *have, const SortKeyList *want);

/* optnode.c: small things about expressions. */
Expr *opt_strip_relabel(Expr *e);
SelKind opt_commuted(SelKind kind); /* of `b op a` for `a op b` */
bool exprlist_holds(const ExprList *list, const Expr *e); /* this very node */
Status opt_mark_inner(Ctx *ctx, Expr **slot, void *arg); /* an ExprWalkFn: columns say INPUT_INNER */

/* optnode.c: physical nodes and what stands on them. */
PlanNode *pnode_new(Opt *o, PlanTag tag, PlanNode *outer, PlanNode *inner);
#define PNODE_NEW(o, T, outer, inner) ((T##Plan *)pnode_new((o), PLAN_##T, (outer), (inner)))
/* Logical expression to one over the inputs; in1 may be NULL. What neither has is an exec param of o->scope. */
Status opt_translate(Opt *o, const Expr *e, const ColSet *in0, const ColSet *in1, Expr **out);
Status opt_translate_list(Opt *o, const ExprList *list, const ColSet *in0, const ColSet *in1, ExprList *out);
Status opt_translate_sort(Opt *o, const SortKeyList *keys, const ColSet *in0, SortKeyList *out);
/* Targets that hand through the natural output columns cols (of outer and inner). */
Status pnode_pass_targets(Opt *o, PlanNode *n, const Sub *outer, const Sub *inner);
/* Keeps of s only the columns of need, in its order. */
Status sub_select(Opt *o, Sub *s, const ColSet *need);
/* Computes exprs (logical) over s; ids[i] is the identity of the i-th. */
Status sub_project(Opt *o, Sub *s, const ExprList *exprs, const ColId *ids);
/* Checks conditions on the rows of s. */
Status sub_filter(Opt *o, Sub *s, const ExprList *conds, const char *alias);
Status param_add(Opt *o, ColId c, Oid type, int *id_out);
Status param_scope_merge(Opt *o, const ParamScope *from);
Status param_type(Opt *o, int id, Oid type);
Status plan_query(Opt *o, Query *q, double limit_rows, Sub *out);
/* Exactly these expressions, in order. */
Status plan_outputs(Opt *o, LNode *root, const ExprList *outs, double limit_rows, Sub *out);

/* joinorder.c */
Status block_plan(Opt *o, LNode *root, const ColSet *need, const SortKeyList *wanted, double limit_rows, Sub *out);

/* paths.c */
Status leaf_paths(JoinBlock *b, Leaf *leaf, PathList *out);
/* A join key as another type by an implicit cast; NULL: there is none, or memory is out. */
Expr *opt_key_as(Opt *o, Expr *e, Oid type);
Status path_build(JoinBlock *b, Path *p, const ColSet *need, Sub *out);

/* cost.c: PostgreSQL's model in its parameters; all take and give cost units. */
typedef struct Cost {
    double startup, total;
} Cost;
void cost_seqscan(const Settings *s, double pages, double tuples, int nquals, Cost *out);
/* height: levels above an ordered index's leaves; -1: a hash index, which PostgreSQL's model finds a bucket of for nothing */
void cost_index(const Settings *s, double heap_pages, double heap_tuples, double index_pages, int height, double sel,
                double correlation, int nquals, int nindex_quals, bool index_only, double all_visible, double loops, Cost *out);
/* An index that answers nquals conditions by operators, and reading the rows it finds in the table's order. */
void cost_bitmap_index(const Settings *s, double heap_tuples, double index_pages, int nquals, double sel, Cost *out);
void cost_bitmap_heap(const Settings *s, const Cost *bitmap, double heap_pages, double heap_tuples, double sel, int nquals, Cost *out);
void cost_sort(const Settings *s, const Cost *in, double rows, int width, double bound, Cost *out);
void cost_agg(const Settings *s, const Cost *in, double rows, double groups, int nkeys, int naggs, bool hashed, int width, Cost *out);
void cost_nestloop(const Settings *s, const Cost *outer, double outer_rows, const Cost *inner, const Cost *rescan, double inner_rows,
                   double out_rows, int nquals, bool semi, Cost *out);
void cost_hashjoin(const Settings *s, const Cost *outer, double outer_rows, int outer_width, const Cost *inner, double inner_rows,
                   int inner_width, int nkeys, double out_rows, int nquals, Cost *out);
void cost_mergejoin(const Settings *s, const Cost *outer, double outer_rows, const Cost *inner, double inner_rows, int nkeys,
                    double out_rows, int nquals, Cost *out);

/* stats.c */
double sel_condition(Opt *o, Expr *cond);                /* of one condition over base relations */
double sel_conditions(Opt *o, const ExprList *conds);    /* of an AND list */
double sel_join_eq(Opt *o, Expr *left, Expr *right, double left_rows, double right_rows);
double est_ndistinct(Opt *o, Expr *e, double rows);      /* distinct values of e among rows */
double est_groups(Opt *o, const ExprList *keys, double rows);
int est_width(Opt *o, ColId c);
double est_correlation(Opt *o, const Relation *rel, int attno);
int expr_ops(const Expr *e); /* operators and calls in it, for cpu_operator_cost */

#endif
