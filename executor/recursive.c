/* recursive.c - Recursive Union: the seed's rows, then the step's over the rows of the round before, until a round gives none. With
 * UNION rows seen before are dropped. Rows go up as they come and are kept for the next round beside. The step is rescanned
 * with only the work table changed, so that hash tables over everything else survive. Where the plan has a step for many rows, it
 * takes over, for good, when enough have come. */
#include "executor/exec.h"
#include "executor/hashtable.h"
#include "executor/vecutil.h"

typedef struct RecursiveState {
    ExecNode base;
    const RecursiveUnionPlan *plan;
    RowStore *now, *next;
    RowStore *seen;
    HashTable table;
    bool in_step, is_done;
    DepSet inner_changed;
    uint64_t *hashes;
    char **found;
    uint16_t *fresh;
    uint16_t *sel;
    int64_t nstepped;  /* rows that have gone into the step */
    ExecNode *step;    /* the one in use */
} RecursiveState;

static Status
recursive_open(ExecNode *node)
{
    RecursiveState *s = (RecursiveState *)node;
    Ctx *ctx = node->ctx;
    Oid *types;
    int n;
    s->plan = (const RecursiveUnionPlan *)node->plan;
    TRY_ALLOC(ctx, types, exec_output_types(node->arena, node->plan->outer, &n));
    TRY(rowstore_new(ctx, node->arena, n, types, node->exec->work_mem, &s->now));
    TRY(rowstore_new(ctx, node->arena, n, types, node->exec->work_mem, &s->next));
    if (!s->plan->distinct) return exec_open_output(node);
    RowLayout l;
    TRY(rowlayout_init(ctx, node->arena, &l, n, types, sizeof(HashRow), 0));
    TRY(rowstore_new_layout(ctx, node->arena, &l, 0, &s->seen));
    TRY(hashtable_init(ctx, node->arena, &s->table, s->seen, n));
    TRY_ALLOC(ctx, s->hashes, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint64_t)));
    TRY_ALLOC(ctx, s->found, arena_alloc(node->arena, BATCH_ROWS * sizeof(char *)));
    TRY_ALLOC(ctx, s->fresh, arena_alloc(node->arena, (BATCH_ROWS + 1) * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    return exec_open_output(node);
}

/* Leaves the batch's rows that are new. */
static Status
drop_seen(RecursiveState *s, Batch *b)
{
    int nfresh, ncols = rowstore_layout(s->seen)->ncols;
    TRY(keys_hash(s->base.ctx, b->cols, ncols, b->sel, b->nsel, s->hashes));
    TRY(hashtable_find(&s->table, b->cols, b->sel, b->nsel, s->hashes, true, s->found, s->fresh, &nfresh));
    uint64_t is_fresh[BITS_WORDS(BATCH_ROWS)] = {0};
    int n = 0;
    for (int j = 0; j < nfresh; j++) bits_set(is_fresh, s->fresh[j]);
    for (int k = 0; k < b->nsel; k++)
        if (bits_get(is_fresh, (size_t)k)) s->sel[n++] = (uint16_t)batch_row(b, k);
    b->sel = s->sel;
    b->nsel = n;
    return QN_OK;
}

/* From the next round on the step is the one for many rows. */
static Status
enlarge(RecursiveState *s)
{
    ExecNode *node = &s->base;
    if (node->children == NULL) {
        TRY_ALLOC(node->ctx, node->children, ARENA_ARRAY(node->arena, ExecNode *, 1));
        node->nchildren = 1;
        TRY(exec_build_node(node->exec, s->plan->large.items[0], &node->children[0]));
    }
    s->step = node->children[0];
    return QN_OK;
}

static Status
next_round(RecursiveState *s)
{
    ExecNode *node = &s->base;
    RowStore *t = s->now;
    s->now = s->next;
    s->next = t;
    rowstore_reset(s->next);
    if (rowstore_count(s->now) == 0) {
        s->is_done = true;
        return QN_OK;
    }
    s->in_step = true;
    s->nstepped += rowstore_count(s->now);
    DepSet changed = s->inner_changed | dep_worktable(s->plan->worktable);
    s->inner_changed = 0;
    if (s->plan->large.count > 0 && s->step == node->inner && (double)s->nstepped > s->plan->large_after) {
        TRY(enlarge(s));
        changed |= DEP_RUN;
    }
    node->exec->worktables[s->plan->worktable].rows = s->now;
    node->exec->worktables[s->plan->worktable].version++;
    return exec_rescan(s->step, changed);
}

static Status
recursive_next(ExecNode *node, Batch **out)
{
    RecursiveState *s = (RecursiveState *)node;
    *out = NULL;
    while (*out == NULL && !s->is_done) {
        Batch *b;
        TRY(exec_next(s->in_step ? s->step : node->outer, &b));
        if (b == NULL) {
            TRY(next_round(s));
            continue;
        }
        if (s->plan->distinct) {
            TRY(drop_seen(s, b));
            if (b->nsel == 0) continue;
        }
        TRY(rowstore_append(s->next, b));
        TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

static void
clear(RecursiveState *s)
{
    if (s->now != NULL) rowstore_reset(s->now);
    if (s->next != NULL) rowstore_reset(s->next);
    if (s->seen != NULL) {
        hashtable_reset(&s->table);
        rowstore_reset(s->seen);
    }
}

static Status
recursive_rescan(ExecNode *node, DepSet changed)
{
    RecursiveState *s = (RecursiveState *)node;
    clear(s);
    s->inner_changed |= changed;
    s->in_step = s->is_done = false;
    s->nstepped = 0;
    s->step = node->inner;
    return exec_rescan(node->outer, changed);
}

static void
recursive_release(ExecNode *node)
{
    clear((RecursiveState *)node);
}

static void
recursive_close(ExecNode *node)
{
    RecursiveState *s = (RecursiveState *)node;
    rowstore_free(s->now);
    rowstore_free(s->next);
    hashtable_free(&s->table);
    rowstore_free(s->seen);
}

const ExecOps recursiveunion_ops = {.state_bytes = sizeof(RecursiveState), .open = recursive_open,
                                    .next = recursive_next, .rescan = recursive_rescan,
                                    .release = recursive_release, .close = recursive_close};
