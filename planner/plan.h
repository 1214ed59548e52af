/* plan.h - physical plans: what the planner hands to the executor.
 *
 * A Plan is a tree of PlanNodes (plan.def), its subplans and what EXPLAIN and the session need. Const from
 * here on: it can be run again and again, and by several executions one after the other. All in one
 * arena, owned by the statement.
 *
 * Every node has a target list: its output columns as expressions over its inputs (ColumnRef.rel is INPUT_OUTER or
 * INPUT_INNER; for scans col is the position in the scan's fetched columns), and a filter, a list of conditions ANDed.
 * A node whose targets are exactly its outer input's (or scan's) columns in order has project == false.
 */
#ifndef PLANNER_PLAN_H
#define PLANNER_PLAN_H

#include "catalog/catalog.h"
#include "planner/expr.h"

/* LockRows.wait_policy: what a row that another transaction holds does to the statement. The order is AstLockWait's. */
typedef enum RowWait { ROW_WAIT, ROW_SKIP_LOCKED, ROW_NOWAIT } RowWait;

/* A table among those a statement reads whose rows it locks, changes or, when another of its tables' rows has changed meanwhile, looks at again
 * (READ COMMITTED). mark is what the table's scans carry; tid_col and, where the name stands for several tables, oid_col (else -1) are
 * columns of the node's input. */
typedef struct RowMark {
    int mark, tid_col, oid_col;
    const Relation *rel; /* NULL with oid_col: the table is that of the row */
    int strength;        /* of LockRows' locks, HeapLockMode; ROW_MARK_KEEP: read only */
    int wait_policy;
} RowMark;
enum { ROW_MARK_KEEP = -1 };

typedef enum PlanTag {
    PLAN_NONE,
#define PLAN(T, name, fields) PLAN_##T,
#include "planner/plan.def"
#undef PLAN
    PLAN_TAG_COUNT
} PlanTag;

typedef struct PlanNode {
    uint8_t tag; /* PlanTag */
    bool project; /* targets must be computed; false: input columns are handed up as they are */
    ExprList targets;
    const char **target_names; /* for the root; may be NULL below */
    ExprList filter;           /* scans: on fetched columns; joins: other conditions after the join's own */
    struct PlanNode *outer, *inner;
    double startup_cost, total_cost, rows;
    int width;
    int id; /* preorder number, index of its instrumentation */
} PlanNode;

typedef struct PlanNodeList {
    PlanNode **items;
    int count, cap;
} PlanNodeList;

/* Values of a scan's cols[] that are no attributes. */
enum { SCANCOL_TID = -1, SCANCOL_XMIN = -2, SCANCOL_XMAX = -3, SCANCOL_TABLEOID = -4 };

typedef enum JoinType { JOIN_INNER, JOIN_LEFT, JOIN_RIGHT, JOIN_FULL, JOIN_SEMI, JOIN_ANTI,
                        JOIN_RIGHT_SEMI, JOIN_RIGHT_ANTI } JoinType;
typedef enum AggStrategy { AGG_PLAIN, AGG_SORTED, AGG_HASHED, AGG_MIXED } AggStrategy;
typedef enum SetOpKind { SETOP_UNION, SETOP_INTERSECT, SETOP_EXCEPT } SetOpKind;
typedef enum DmlKind { DML_INSERT, DML_UPDATE, DML_DELETE, DML_MERGE } DmlKind;
typedef enum OnConflictAction { ONCONFLICT_NONE, ONCONFLICT_NOTHING, ONCONFLICT_UPDATE } OnConflictAction;

/* One aggregate of an Agg node; args, filter and order are over the node's outer input. */
typedef struct AggSpec {
    const Aggregate *agg;
    ExprList args;
    ExprList direct;
    SortKeyList order; /* ORDER BY inside the call; expressions over the input */
    Expr *filter;
    bool distinct, star;
    Oid type;
    int32_t typmod;
} AggSpec;

typedef enum FrameMode { FRAME_RANGE, FRAME_ROWS, FRAME_GROUPS } FrameMode;
typedef enum FrameBound { BOUND_UNBOUNDED_PRECEDING, BOUND_PRECEDING, BOUND_CURRENT_ROW, BOUND_FOLLOWING,
                          BOUND_UNBOUNDED_FOLLOWING } FrameBound;
typedef enum FrameExclude { EXCLUDE_NONE, EXCLUDE_CURRENT_ROW, EXCLUDE_GROUP, EXCLUDE_TIES } FrameExclude;

typedef struct WindowFrame {
    FrameMode mode;
    FrameBound start, end;
    Expr *start_offset, *end_offset; /* constants within the query (no columns); NULL where not needed */
    /* RANGE with offsets: in_range(value, base, offset, sub, less) is value + or - offset by these functions. */
    const Function *range_add, *range_sub; /* on (order column, offset): base +/- offset */
    FrameExclude exclude;
    bool is_default; /* the frame was not written: for EXPLAIN and deparse */
} WindowFrame;

/* One window function call of a WindowAgg node. */
typedef struct WindowSpec {
    const WindowFn *fn;   /* or */
    const Aggregate *agg;
    ExprList args;
    Expr *filter;
    bool star, ignore_nulls;
    Oid type;
    int32_t typmod;
} WindowSpec;

/* How one key column of an index is bounded. Equality prefixes first, then at most one range. The values are
 * expressions without columns of the scanned table: constants, params, and, below a nested loop, PARAM_EXEC. */
typedef struct IndexBound {
    int key;      /* position in the index key */
    SelKind cmp;  /* SEL_EQ, SEL_LT ... ; SEL_NONE with is_null_test */
    Expr *value;
    bool is_array;     /* key = ANY(value) */
    bool is_null_test; /* key IS NULL */
    bool is_not_null;  /* key IS NOT NULL */
    Oid op;            /* key op value, of an access method that answers operators (GIN); cmp is SEL_NONE */
} IndexBound;

/* A column condition a sequential scan can check against extents' min/max. */
typedef struct ScanRange {
    int col; /* attribute position, 0-based */
    SelKind cmp;
    Expr *value; /* const or param */
} ScanRange;

/* A condition of a sequential scan's filter that compares a fixed-width column with a value free of the scan's columns: it is
 * checked on the pages' arrays. */
typedef struct ScanCheck {
    int filter; /* which condition it is */
    int col;    /* attribute position, 0-based */
    bool value_first;
    SelKernel compare;
    Expr *value;
} ScanCheck;

/* A value of the outer row that the inner side of a nested loop reads as PARAM_EXEC id. */
typedef struct NestParam {
    Expr *value;
    int id;
} NestParam;

typedef struct OnConflict {
    OnConflictAction action;
    int *arbiters; /* positions in Relation.indexes; narbiters 0 with DO NOTHING: any */
    int narbiters;
    ExprList set;   /* new values, one a column of the relation, over INPUT_OUTER (existing row) and INPUT_INNER (excluded) */
    int *set_cols;  /* attribute positions, parallel to set */
    Expr *where;
} OnConflict;

/* One table that a Modify writes. Expressions are over its new row, (INPUT_OUTER, attribute of rel). */
typedef struct ModifyTarget {
    const Relation *rel;
    const int *map;     /* by column of ModifyPlan.rel: position in rel, -1: dropped; NULL: the same columns */
    int row_rel;        /* before planning: the rel number of the new row */
    ExprList generated; /* values of GENERATED columns; none reads another */
    int *generated_cols;
    ExprList checks;    /* CHECK constraints by name, after generated columns are there */
    const char **check_names;
    const int *arbiters; /* ON CONFLICT: positions in rel->indexes of OnConflict.arbiters; NULL: those themselves */
    int nview_checks;   /* the last of checks: WITH CHECK OPTION of views of these names */
} ModifyTarget;

/* What an index computes of a row of its table, (INPUT_OUTER, attribute): ctx->plan_index. */
typedef struct IndexExprs {
    Expr **columns;     /* [ncols]; NULL: an attribute as it is */
    ExprList predicate; /* ANDed; rows for which it is not true have no entry */
} IndexExprs;

/* One WHEN of MERGE. when and values are over the input row (INPUT_OUTER). */
typedef enum MergeKind { MERGE_NOTHING, MERGE_INSERT, MERGE_UPDATE, MERGE_DELETE } MergeKind;
typedef struct MergeAction {
    MergeKind kind;
    bool matched;
    Expr *when;      /* NULL: always */
    int *cols;       /* attributes of ModifyPlan.rel that get a value */
    ExprList values; /* as many */
} MergeAction;

/* One partitioned table on a row's way to its partition. */
typedef struct PartitionStep {
    const Relation *rel;
    ExprList keys;   /* its partition key, over a row of ModifyPlan.rel (INPUT_OUTER) */
    const int *next; /* by partition (PartitionDesc.parts): a target, or ~ (bitwise not) of a further step */
    int part;        /* ModifyPlan.above: the partition the row must belong to */
} PartitionStep;

#define P_VAL(type, f) type f;
#define PLAN(T, name, fields)                                                                      \
    typedef struct T##Plan {                                                                       \
        PlanNode base;                                                                             \
        fields                                                                                     \
    } T##Plan;
#include "planner/plan.def"
#undef PLAN
#undef P_VAL

/* What a plan depends on, relations and functions: rebuilt when a version differs after locking. */
typedef struct PlanDep {
    Oid oid;
    uint64_t version;
    int lock_mode; /* storage/lock.h LockMode taken before each run */
    bool is_indirect; /* named by a view or function that the statement names, not by itself */
} PlanDep;

typedef struct Plan {
    PlanNode *root;
    PlanNode **subplans; /* SubPlanExpr.plan, CteScan.subplan index here */
    int nsubplans;
    struct SubPlanInfo {
        bool correlated;  /* depends on exec params set by an enclosing row: rescanned */
        /* CTEs: what they read that is set outside of them, exec params and work tables (bits by number). */
        const int *params;
        int nparams;
        uint64_t worktables;
        bool is_cte;      /* run once into a shared row store read by CteScan nodes */
        bool is_init;     /* uncorrelated scalar, EXISTS or ARRAY: evaluated once, at its first use; value in out_param */
        SubPlanKind kind; /* of init plans: SUBPLAN_SCALAR, SUBPLAN_EXISTS (a boolean param), SUBPLAN_ARRAY */
        int out_param;
        const char *name; /* EXPLAIN: "CTE x", "InitPlan 1 (returns $0)", "SubPlan 2" */
    } *subplan_info;
    int nexec_params;
    Oid *exec_param_types;
    int nnodes;      /* ids run from 0 */
    int ncols;       /* visible output columns of the root (junk columns follow them) */
    Oid *col_types;
    int32_t *col_typmods;
    const char **col_names;
    int nparams;     /* $n */
    Oid *param_types;
    PlanDep *deps;
    int ndeps;
    bool is_dml, has_returning, modifies;
    bool has_detaching; /* a partition is being detached, and is one only for some transactions: good for one run */
    DmlKind dml;     /* of the root statement, for the command tag */
    double plan_time_ms;
} Plan;

const char *plan_node_name(PlanTag tag); /* EXPLAIN's name: "Seq Scan" */
/* Children beyond outer and inner (Append and its like); NULL: none. */
const PlanNodeList *plan_node_children(const PlanNode *n);

#endif
