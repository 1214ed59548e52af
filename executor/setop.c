/* setop.c - Unique: adjacent equal rows once. SetOp: INTERSECT and EXCEPT, ALL or not, by counting equal rows of both sides in a
 * hash table; a row comes out in the order its first equal came in. */
#include "executor/exec.h"
#include "executor/hashtable.h"
#include "executor/vecutil.h"

typedef struct UniqueState {
    ExecNode base;
    Value *last;
    Arena *last_arena;
    bool has_last;
    uint16_t *sel;
} UniqueState;

static Status
unique_open(ExecNode *node)
{
    UniqueState *s = (UniqueState *)node;
    const UniquePlan *plan = (const UniquePlan *)node->plan;
    TRY_ALLOC(node->ctx, s->last, ARENA_ARRAY(node->arena, Value, plan->ncols + 1));
    TRY_ALLOC(node->ctx, s->last_arena, arena_create(node->arena, "unique"));
    TRY_ALLOC(node->ctx, s->sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    return exec_open_output(node);
}

static bool
equals_last(UniqueState *s, const UniquePlan *plan, Batch *b, int row)
{
    for (int c = 0; c < plan->ncols; c++) {
        Value v = vec_get(b->cols[plan->cols[c]], row);
        if (!keys_equal_values(&v, &s->last[c])) return false;
    }
    return true;
}

static bool
equal_rows(const UniquePlan *plan, Batch *b, int x, int y)
{
    for (int c = 0; c < plan->ncols; c++)
        if (!keys_equal_rows(b->cols[plan->cols[c]], x, b->cols[plan->cols[c]], y)) return false;
    return true;
}

static Status
unique_next(ExecNode *node, Batch **out)
{
    UniqueState *s = (UniqueState *)node;
    const UniquePlan *plan = (const UniquePlan *)node->plan;
    *out = NULL;
    while (*out == NULL) {
        Batch *b;
        TRY(exec_next(node->outer, &b));
        if (b == NULL) return QN_OK;
        int n = 0, prev = -1;
        for (int k = 0; k < b->nsel; k++) {
            int i = batch_row(b, k);
            bool same = prev >= 0 ? equal_rows(plan, b, prev, i) : s->has_last && equals_last(s, plan, b, i);
            if (!same) s->sel[n++] = (uint16_t)i;
            prev = i;
        }
        arena_reset(s->last_arena);
        for (int c = 0; c < plan->ncols; c++) {
            Value v = vec_get(b->cols[plan->cols[c]], prev);
            TRY(value_copy(node->ctx, s->last_arena, &v, &s->last[c]));
        }
        s->has_last = true;
        if (n == 0) continue;
        if (n < b->nsel) {
            b->sel = s->sel;
            b->nsel = n;
        }
        TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

static Status
unique_rescan(ExecNode *node, DepSet changed)
{
    ((UniqueState *)node)->has_last = false;
    return exec_rescan(node->outer, changed);
}

const ExecOps unique_ops = {.state_bytes = sizeof(UniqueState), .open = unique_open, .next = unique_next,
                            .rescan = unique_rescan};

typedef struct Counts {
    int64_t left, right;
} Counts;

typedef struct SetOpState {
    ExecNode base;
    const SetOpPlan *plan;
    RowStore *rows;
    RowLayout layout;
    HashTable table;
    bool is_read;
    int64_t at, left; /* row being handed up, copies of it to come; -1: not looked at */
    Batch *out;
    uint64_t *hashes;
    char **found, **out_rows;
} SetOpState;

static Status
setop_open(ExecNode *node)
{
    SetOpState *s = (SetOpState *)node;
    Ctx *ctx = node->ctx;
    Oid *types;
    int n;
    s->plan = (const SetOpPlan *)node->plan;
    TRY_ALLOC(ctx, types, exec_output_types(node->arena, node->plan->outer, &n));
    TRY(rowlayout_init(ctx, node->arena, &s->layout, n, types, sizeof(HashRow), sizeof(Counts)));
    TRY(rowstore_new_layout(ctx, node->arena, &s->layout, 0, &s->rows));
    TRY(hashtable_init(ctx, node->arena, &s->table, s->rows, n));
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, n, types));
    TRY_ALLOC(ctx, s->hashes, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint64_t)));
    TRY_ALLOC(ctx, s->found, arena_alloc(node->arena, BATCH_ROWS * sizeof(char *)));
    TRY_ALLOC(ctx, s->out_rows, arena_alloc(node->arena, BATCH_ROWS * sizeof(char *)));
    return exec_open_output(node);
}

static Status
count_rows(SetOpState *s, ExecNode *child, bool is_left)
{
    for (;;) {
        Batch *b;
        TRY(exec_next(child, &b));
        if (b == NULL) return QN_OK;
        TRY(keys_hash(s->base.ctx, b->cols, s->layout.ncols, b->sel, b->nsel, s->hashes));
        bool insert = is_left || s->plan->kind == SETOP_UNION; /* rows only on the right never come out */
        TRY(hashtable_find(&s->table, b->cols, b->sel, b->nsel, s->hashes, insert, s->found, NULL, NULL));
        for (int k = 0; k < b->nsel; k++) {
            if (s->found[k] == NULL) continue;
            Counts *c = (Counts *)(s->found[k] + s->layout.tail_offset);
            if (is_left) c->left++;
            else c->right++;
        }
    }
}

static int64_t
copies(const SetOpState *s, const Counts *c)
{
    int64_t n = 0;
    switch (s->plan->kind) {
    case SETOP_UNION: return s->plan->all ? c->left + c->right : 1;
    case SETOP_INTERSECT: n = c->left < c->right ? c->left : c->right; break;
    case SETOP_EXCEPT: n = s->plan->all ? c->left - c->right : c->right == 0; break;
    }
    if (n < 0) n = 0;
    return s->plan->all ? n : n > 0;
}

static Status
setop_next(ExecNode *node, Batch **out)
{
    SetOpState *s = (SetOpState *)node;
    *out = NULL;
    if (!s->is_read) {
        TRY(count_rows(s, node->outer, true));
        TRY(count_rows(s, node->inner, false));
        s->is_read = true;
        s->at = 0;
        s->left = -1;
    }
    while (*out == NULL) {
        char **rows = s->out_rows; /* not on the stack: set operations nest deeply */
        int n = 0;
        while (n < BATCH_ROWS && s->at < rowstore_count(s->rows)) {
            char *row;
            TRY(rowstore_row(s->rows, s->at, &row));
            if (s->left < 0) s->left = copies(s, (const Counts *)(row + s->layout.tail_offset));
            while (s->left > 0 && n < BATCH_ROWS) {
                rows[n++] = row;
                s->left--;
            }
            if (s->left > 0) break;
            s->at++;
            s->left = -1;
        }
        if (n == 0) return QN_OK;
        if (!exec_batch_reserve(s->out, n)) return RAISE_OOM(node->ctx);
        for (int c = 0; c < s->layout.ncols; c++)
            TRY(row_gather(node->ctx, node->arena, &s->layout, c, rows, n, s->out->cols[c]));
        s->out->nrows = s->out->nsel = n;
        s->out->sel = NULL;
        TRY(exec_emit(node, s->out, NULL, out));
    }
    return QN_OK;
}

static void
setop_release(ExecNode *node)
{
    SetOpState *s = (SetOpState *)node;
    if (s->rows == NULL) return;
    hashtable_reset(&s->table);
    rowstore_reset(s->rows);
    s->is_read = false;
}

static Status
setop_rescan(ExecNode *node, DepSet changed)
{
    setop_release(node);
    TRY(exec_rescan(node->outer, changed));
    return exec_rescan(node->inner, changed);
}

static void
setop_close(ExecNode *node)
{
    SetOpState *s = (SetOpState *)node;
    hashtable_free(&s->table);
    rowstore_free(s->rows);
}

const ExecOps setop_ops = {.state_bytes = sizeof(SetOpState), .open = setop_open, .next = setop_next,
                           .rescan = setop_rescan, .release = setop_release, .close = setop_close};
