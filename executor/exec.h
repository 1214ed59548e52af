/* exec.h - running a plan: a tree of nodes that hand up batches of rows.
 *
 * An Exec is one plan made runnable. exec_build makes the tree once (allocates, compiles expressions); then
 * any number of runs, each exec_start, exec_fetch until *out is NULL, exec_stop. A later run reuses
 * everything, so that a prepared statement allocates nothing when run again.
 *
 * A node's life: open (once, after its children; allocates and compiles), then for every scan of its rows
 * rescan followed by next until *out is NULL. release gives back what must not be held between
 * runs (fixed pages, temporary files, large memory); after it comes rescan or close. close ends the node and must
 * work after a failed open; memory of the exec arena needs no freeing.
 *
 * Batches: what next hands up belongs to the node and lives until its next next, rescan or release. It is never empty.
 * A caller may narrow the selection of a batch it was given, not change its vectors.
 *
 * Rescans say what changed since the last one (DepSet). A node that keeps its input's rows (Materialize, the
 * build side of a hash join, Sort) reads them again only when exec_depends(child, changed).
 *
 * Threads: an Exec is used by one thread, the one whose Ctx it was built with.
 */
#ifndef EXECUTOR_EXEC_H
#define EXECUTOR_EXEC_H

#include "common/ctx.h"
#include "common/describe.h"
#include "planner/plan.h"
#include "types/batch.h"

/* For functions with large frames: inlined, they would enlarge that of a caller that recurses into the plan. */
#define EXEC_NOINLINE __attribute__((noinline))

typedef struct Exec Exec;
typedef struct ExecNode ExecNode;
typedef struct ExprProg ExprProg;
typedef struct RowStore RowStore;

/* A set of things a subtree reads: exec params and work tables, folded into bits (so that a collision only costs
 * a rescan too many), and DEP_RUN, which every subtree has and every new run changes. */
typedef uint64_t DepSet;
#define DEP_RUN (1ull << 63)
static inline DepSet dep_param(int id) { return 1ull << (id % 48); }
static inline DepSet dep_worktable(int id) { return 1ull << (48 + id % 15); }

typedef struct ExecOps {
    size_t state_bytes; /* of the node's struct, which starts with ExecNode */
    Status (*open)(ExecNode *node);
    Status (*next)(ExecNode *node, Batch **out);
    Status (*rescan)(ExecNode *node, DepSet changed); /* rescans the children it needs itself */
    void (*release)(ExecNode *node);                  /* NULL: nothing held; children follow by themselves */
    void (*close)(ExecNode *node);                    /* NULL: holds arena memory only */
    /* The node's own run-time properties, beyond what EXPLAIN reads from the plan. NULL: none. */
    void (*describe)(const ExecNode *node, Describe *d);
    /* The parent will take at most this many rows; a hint, given after rescan and before the first next. NULL: ignored */
    void (*bound)(ExecNode *node, int64_t nrows);
} ExecOps;

/* Of a node whose expressions call functions that do something other calls may see (volatile functions of users, two calls for
 * one sequence), and of its children: rows go one at a time, so that all is done in the order in which PostgreSQL does it. */
typedef struct OneByOne {
    bool computes; /* filter and targets are computed row by row */
    bool hands;    /* rows are handed up one by one */
    Batch in, out; /* views of one row */
    uint16_t in_row, out_row;
    Batch *outer, *inner; /* being computed: those of outer from rest_at on are left */
    int rest_at;
    Batch *result; /* being handed up: those from result_at on are left */
    int result_at;
} OneByOne;

struct ExecNode {
    const ExecOps *ops;
    const PlanNode *plan;
    Exec *exec;
    Ctx *ctx;
    Arena *arena; /* the Exec's */
    ExecNode *outer, *inner;
    ExecNode **children; /* Append and its like */
    int nchildren;
    DepSet deps;       /* what this subtree reads */
    ExprProg *filter;  /* NULL: none */
    ExprProg *project; /* NULL: input columns go up as they are */
    Batch *result;     /* of exec_emit */
    uint16_t *filter_sel;
    OneByOne *one; /* NULL: whole batches */
    NodeInstr instr;
};

/* A work table of a recursive query: the rows of the last iteration. */
typedef struct WorkTable {
    RowStore *rows; /* owned by the RecursiveUnion; NULL before it started */
    uint64_t version; /* grows with each iteration */
} WorkTable;

/* A subplan or CTE of the plan. */
typedef struct SubplanState {
    ExecNode *root;  /* NULL until something refers to it */
    uint64_t run;    /* Exec.run of its value or rows; another one: out of date */
    RowStore *store; /* CTEs and uncorrelated ANY: the rows read so far, shared by all readers */
    bool is_started, is_done, is_building;
    bool has_effects;
    uint64_t version; /* cte_version when the rows were made */
    Arena *arena; /* of an init plan's value */
} SubplanState;

typedef enum ExecFlags { EXEC_INSTRUMENT = 1, EXEC_TIMING = 2 } ExecFlags;

/* READ COMMITTED's second look at a row: scans with this mark see one version of one table and nothing else. */
typedef struct ExecPin {
    int mark;  /* RowMark.mark */
    Oid table;
    int64_t tid; /* 0: no row, as under an outer join */
} ExecPin;

struct Exec {
    Ctx *ctx;
    const Plan *plan;
    Arena *arena;
    MemAccount *account; /* of the arena; blocks of hash tables and runs are counted here */
    ExecNode *root;
    ExecNode **nodes; /* by plan node id; NULL where the plan has none */
    SubplanState *subplans;
    WorkTable *worktables;
    int nworktables;
    Vector **extern_params; /* $n as CONST vectors; index n - 1 */
    Vector **exec_params;   /* by id, CONST */
    uint64_t *param_versions; /* by id: grows when the param is set */
    int *init_plan_of;      /* exec param id -> subplan that computes it, or -1 */
    int flags;
    bool is_running;
    bool is_broken; /* a node could not be opened, or memory ran out in a run: what nodes make when they first need it may be half made. No
                     * further run: whoever keeps the plan builds it anew */
    uint64_t run; /* number of the current run, from 1 */
    int64_t rows_affected; /* by Modify */
    const ExecPin *pins; /* while a Recheck runs (recheck.h) */
    int npins;
    size_t work_mem;       /* bytes one node may take before it spills */
    /* Of the expressions compiled since the node at hand began to open. */
    bool has_effects;
    uint64_t sequences; /* called on by number, as bits */
};

/* Makes plan runnable. Memory in a child of parent. flags: EXEC_INSTRUMENT counts pages and times for EXPLAIN ANALYZE
 * (EXEC_TIMING), else only rows and loops are counted. */
Status exec_build(Ctx *ctx, Arena *parent, const Plan *plan, int flags, Exec **out);
/* Begins a run with parameter values (nparams of the plan; copied, what strings point to is not). */
Status exec_start(Exec *exec, const Value *params, int nparams);
/* The next batch of the root, NULL at the end. Columns beyond plan->ncols are junk. */
Status exec_fetch(Exec *exec, Batch **out);
/* Ends a run, complete or not. */
void exec_stop(Exec *exec);
void exec_destroy(Exec *exec); /* NULL is fine; stops first */
/* The node of a plan node id, NULL if there is none. For EXPLAIN ANALYZE: its instr and ops->describe. */
static inline ExecNode *
exec_node_by_id(const Exec *exec, int id)
{
    return id >= 0 && id < exec->plan->nnodes ? exec->nodes[id] : NULL;
}
/* Properties of the node with this plan id, as EXPLAIN ANALYZE prints them after the plan's own. */
void exec_describe_node(const Exec *exec, int id, Describe *d);

/* For nodes. */
Status exec_build_node(Exec *exec, const PlanNode *plan, ExecNode **out);
/* For trees beside the Exec's own: gives back what they hold; ends them. */
void exec_release_node(ExecNode *n);
void exec_close_node(ExecNode *n);
Status exec_next(ExecNode *node, Batch **out);
Status exec_rescan(ExecNode *node, DepSet changed);
void exec_bound(ExecNode *node, int64_t nrows);
static inline bool
exec_depends(const ExecNode *node, DepSet changed)
{
    return (node->deps & changed) != 0;
}
/* Compiles plan->filter and plan->targets (unless !project) into node->filter and node->project; called by open. The
 * second takes these conditions instead of the plan's. */
Status exec_open_output(ExecNode *node);
Status exec_open_output_with(ExecNode *node, const ExprList *filter);
/* Applies filter and targets to rows of outer (and inner, same rows; may be NULL); *out is NULL if none is left. sel/n of
 * outer are used. */
Status exec_emit(ExecNode *node, Batch *outer, Batch *inner, Batch **out);
/* The subplan, built now if nothing referred to it before. */
Status exec_subplan(Exec *exec, int index, SubplanState **out);
/* Makes sure that an init plan's value is there. */
Status exec_init_param(Exec *exec, int param_id);
/* Reads one more batch of a shared subplan (CTE) into its store; sp->is_done at the end. */
Status exec_subplan_read(Exec *exec, SubplanState *sp);
/* A number that is another one once anything has changed that the CTE, a subplan, reads from outside. */
uint64_t exec_cte_version(const Exec *exec, int subplan);
/* Sets an exec param; strings are not copied. */
void exec_set_param(Exec *exec, int param_id, const Value *value);
/* What a subquery yields as one value (EXISTS, scalar: 21000 for a second row, ARRAY); root has been rescanned. The bytes lie in arena. */
Status exec_single_value(Exec *exec, ExecNode *root, SubPlanKind kind, Oid type, Arena *arena, Value *out);
/* Nodes that hand their outer's rows through filter and targets. */
Status exec_pass_next(ExecNode *node, Batch **out);
Status exec_pass_rescan(ExecNode *node, DepSet changed);
void exec_pass_bound(ExecNode *node, int64_t nrows);
/* Output types of a plan node, from its targets. */
Oid *exec_output_types(Arena *arena, const PlanNode *plan, int *n_out);
/* Number of output columns of a plan node. */
int exec_ncols(const PlanNode *plan);

#endif
