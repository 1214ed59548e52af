/* explain.h - a plan as PostgreSQL's EXPLAIN prints it: TEXT, JSON, YAML, XML.
 *
 * Each node is described once, as properties with PostgreSQL's keys; the formats are printers of those. What happened at
 * run time comes through ExplainRun, which session fills from the executor.
 */
#ifndef PLANNER_EXPLAIN_H
#define PLANNER_EXPLAIN_H

#include "common/describe.h"
#include "common/str.h"
#include "planner/plan.h"

typedef enum ExplainFormat { EXPLAIN_TEXT, EXPLAIN_JSON, EXPLAIN_YAML, EXPLAIN_XML } ExplainFormat;

typedef struct ExplainOptions {
    bool analyze, verbose, costs, buffers, timing, summary;
    ExplainFormat format;
} ExplainOptions;

/* What the run of a plan left behind; NULL without ANALYZE. */
typedef struct ExplainRun {
    void *arg;
    const NodeInstr *(*instr)(void *arg, int node_id); /* NULL: never built */
    void (*describe)(void *arg, int node_id, Describe *d);
    double execution_ms;
} ExplainRun;

/* The text, without a newline at the end, in the arena. */
Status explain_plan(Ctx *ctx, Arena *arena, const Plan *plan, const ExplainOptions *options, const ExplainRun *run,
                    char **text_out, size_t *nbytes_out);

/* explain_expr.c */
typedef struct ExplainParam { /* where the value of an exec param comes from */
    const PlanNode *node;     /* NULL: an init plan */
    const Expr *value;        /* over the node's inputs */
} ExplainParam;

typedef struct ExplainNames {
    Ctx *ctx;
    Arena *arena;
    const Plan *plan;
    bool several;          /* more than one relation */
    bool qualify;          /* more than one relation, or VERBOSE: columns with their table's name */
    ExplainParam *params;  /* by exec param id */
} ExplainNames;

Status explain_names_init(Ctx *ctx, Arena *arena, const Plan *plan, bool verbose, ExplainNames *out);
/* Where an expression of a node stands, that is what its columns mean. */
typedef enum ExplainPlace {
    PLACE_OUTPUT, /* targets and filter: a scan's columns, Aggregate's and WindowAgg's own output, else the inputs */
    PLACE_INPUT   /* keys and arguments: the inputs' output */
} ExplainPlace;
Status explain_expr(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const Expr *e);
/* As a key: a column bare, anything else in parentheses. */
Status explain_key(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const Expr *e);
bool explain_is_scan(const PlanNode *node); /* reads a relation, function or row store */
/* The subplans that expressions of the node hold. */
Status explain_node_subplans(ExplainNames *n, const PlanNode *node, int **ids_out, int *count_out);

#endif
