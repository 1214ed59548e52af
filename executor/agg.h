/* agg.h - what grouping by runs and by hash (aggregate.c) share: the aggregates' inputs, states and results.
 *
 * All keys, arguments, direct arguments, sort keys and filters of an Aggregate node are one expression program; its results
 * are `in`, a vector each, and what spills is exactly these vectors. DISTINCT is a hash set of (group, arguments) where the
 * order of the rows cannot matter, else a sort; ORDER BY and ordered sets sort (group, keys) and feed the rows afterwards. */
#ifndef EXECUTOR_AGG_H
#define EXECUTOR_AGG_H

#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/hashtable.h"
#include "executor/sorter.h"

/* One aggregate of the node. */
typedef struct AggFn {
    const AggSpec *spec;
    const Aggregate *agg;
    int first_arg, nargs; /* positions in `in` */
    int first_direct;
    int first_order, norder;
    int filter;           /* position in `in`, -1: none */
    uint32_t offset;      /* of the state in a group's tail */
    bool shares;          /* an earlier function keeps the same state (sum and avg of one column) */
    AggCall call;
    Vector **direct;      /* CONST, for final */
    bool hash_distinct;
    HashTable distinct;
    RowStore *distinct_rows;
    Sorter *sorter;       /* DISTINCT or ORDER BY by sorting: rows (group number, args), by (group number, keys) */
    Batch *sorted;        /* what comes back from it */
    Value *last;          /* arguments of the row before, for DISTINCT */
    Arena *last_arena;
    bool skip_equal;      /* DISTINCT by sorting */
} AggFn;

typedef struct AggCommon {
    ExecNode *node;
    const AggregatePlan *plan;
    ExprProg *prog;
    int nin, nkeys, ndirect;
    Oid *in_types;
    Vector **in;
    AggFn *fns;
    int nfns;
    uint32_t state_bytes; /* of all states of a group, 16-byte aligned */
    size_t grown;         /* taken by states beside their own bytes */
    Vector *group_vec;    /* group numbers of a batch, for DISTINCT and sorting */
    uint16_t *sel;        /* scratch selections */
    uint64_t *hashes;
    char **found;
    Batch *out;           /* keys, aggregates, set number */
    Arena *out_arena;     /* strings of out */
} AggCommon;

Status agg_common_open(AggCommon *a, ExecNode *node);
void agg_common_close(AggCommon *a);
void agg_common_reset(AggCommon *a); /* DISTINCT sets and sorters are empty */
/* Computes the inputs of a batch's rows. */
Status agg_inputs(AggCommon *a, Batch *b);
/* Fresh states. state_arena: where they put what they point to. */
Status agg_init_states(AggCommon *a, char *states, Arena *state_arena);
/* Feeds rows sel[0..n) of `in` (nrows in the vectors). By group: row i goes to groups[i] (position-indexed, the start of the group's
 * states) and, for DISTINCT and sorting, belongs to group number numbers[i]; or all to one: groups == NULL. */
Status agg_feed(AggCommon *a, const uint16_t *sel, int n, int nrows, char **groups, const int64_t *numbers,
                char *one, Arena *state_arena);
/* Feeds what waits in sorters. find gives a group's states by number. */
typedef Status (*AggFindGroup)(void *arg, int64_t number, char **states_out);
Status agg_feed_sorted(AggCommon *a, AggFindGroup find, void *arg, Arena *state_arena);
/* Results of one group to row `row` of out; direct (NULL: none): its direct arguments. */
Status agg_results(AggCommon *a, const char *states, const Value *direct, int row, Arena *state_arena);

#endif
