/* mergejoin.c - Merge Join: both sides sorted by the keys. The inner rows of one key are kept; each outer row of that key meets them all.
 * Rows whose key holds a NULL match nothing. */
#include "executor/join.h"
#include "executor/keys.h"
#include "executor/rowstore.h"
#include "executor/vecutil.h"

/* One side, row by row. */
typedef struct MergeSide {
    ExecNode *node;
    ExprProg *prog;
    Batch *batch; /* NULL: not read yet, or at its end */
    int at;
    bool is_done;
} MergeSide;

typedef struct MergeJoinState {
    ExecNode base;
    JoinSides j;
    const MergeJoinPlan *plan;
    int nkeys;
    MergeSide outer, inner;
    RowStore *group;      /* inner rows of one key, and whether each matched (tail) */
    RowLayout layout;
    Value *group_key;
    Arena *key_arena;
    bool has_group;
    Batch *group_batch;   /* rows of the group read back */
    int64_t group_at;     /* rows of the group the outer row has met; -1: not begun */
    bool matched;
    bool go_on;           /* the outer side is to advance, once no pairs refer to its batch */
    JoinPairs pairs;
    Batch *outer_row;
    int64_t unmatched_at; /* right, full: rows of the group being looked at; -1: none */
    bool flushing_group;
    uint16_t *sel;
    Batch *view;
} MergeJoinState;

static Status
compile_keys(ExecNode *node, const SortKeyList *keys, ExprProg **out)
{
    ExprList list = {.count = keys->count, .cap = keys->count};
    TRY_ALLOC(node->ctx, list.items, ARENA_ARRAY(node->arena, Expr *, keys->count + 1));
    for (int i = 0; i < keys->count; i++) list.items[i] = keys->items[i].expr;
    return expr_compile(node->exec, &list, &node->deps, out);
}

static Status
mergejoin_open(ExecNode *node)
{
    MergeJoinState *s = (MergeJoinState *)node;
    Ctx *ctx = node->ctx;
    s->plan = (const MergeJoinPlan *)node->plan;
    s->nkeys = s->plan->outer_keys.count;
    TRY(join_open(node, &s->j, &s->plan->join_cond));
    TRY(compile_keys(node, &s->plan->outer_keys, &s->outer.prog));
    TRY(compile_keys(node, &s->plan->inner_keys, &s->inner.prog));
    s->outer.node = node->outer;
    s->inner.node = node->inner;
    TRY(rowlayout_init(ctx, node->arena, &s->layout, s->j.ninner, s->j.inner_types, 0, 8));
    TRY(rowstore_new_layout(ctx, node->arena, &s->layout, 0, &s->group));
    TRY_ALLOC(ctx, s->group_key, ARENA_ARRAY(node->arena, Value, s->nkeys + 1));
    TRY_ALLOC(ctx, s->key_arena, arena_create(node->arena, "merge key"));
    TRY_ALLOC(ctx, s->group_batch, exec_batch_new(node->arena, s->j.ninner, s->j.inner_types));
    TRY_ALLOC(ctx, s->sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY(join_row_new(node, s->j.nouter, &s->outer_row));
    return join_pairs_open(node, &s->j, &s->pairs);
}

/* The next row of a side; fresh batches have their keys computed. */
static Status
advance(MergeSide *m, bool is_inner)
{
    if (m->batch != NULL && ++m->at < m->batch->nsel) return QN_OK;
    TRY(exec_next(m->node, &m->batch));
    m->at = 0;
    if (m->batch == NULL) {
        m->is_done = true;
        return QN_OK;
    }
    Batch *b = m->batch;
    return expr_run(m->prog, is_inner ? NULL : b, is_inner ? b : NULL, b->sel, b->nsel, b->nrows);
}

static Value
key_value(const MergeSide *m, int i)
{
    return vec_get(expr_result(m->prog, i), batch_row(m->batch, m->at));
}

static bool
has_null_key(const MergeJoinState *s, const MergeSide *m)
{
    for (int i = 0; i < s->nkeys; i++)
        if (vec_is_null(expr_result(m->prog, i), batch_row(m->batch, m->at))) return true;
    return false;
}

static int
compare_values(const Value *a, const Value *b)
{
    if (a->phys != b->phys && a->type != TYPE_NUMERIC) {
        if (a->phys == PHYS_F32 || a->phys == PHYS_F64) {
            double x = a->phys == PHYS_F32 ? (double)a->f32 : a->f64, y = b->phys == PHYS_F32 ? (double)b->f32 : b->f64;
            return (x > y) - (x < y);
        }
        int64_t x = a->phys == PHYS_I16 ? a->i16 : a->phys == PHYS_I32 ? a->i32 : a->i64;
        int64_t y = b->phys == PHYS_I16 ? b->i16 : b->phys == PHYS_I32 ? b->i32 : b->i64;
        return (x > y) - (x < y);
    }
    const TypeInfo *t = type_info(a->type);
    return t != NULL && t->cmp != NULL ? t->cmp(a, b) : 0;
}

/* The side's key against the group's (or, with none, another side's), in sort order. */
static int
compare_key(const MergeJoinState *s, const MergeSide *m, const Value *key, const MergeSide *other)
{
    for (int i = 0; i < s->nkeys; i++) {
        const SortKey *k = &s->plan->outer_keys.items[i];
        Value a = key_value(m, i), b = key != NULL ? key[i] : key_value(other, i);
        int c = a.is_null || b.is_null ? (a.is_null == b.is_null ? 0 : (a.is_null == k->nulls_first ? -1 : 1)) : compare_values(&a, &b);
        if (!a.is_null && !b.is_null && k->desc) c = -c;
        if (c != 0) return c;
    }
    return 0;
}

static bool
keeps_inner(JoinType t)
{
    return t == JOIN_RIGHT || t == JOIN_FULL || t == JOIN_RIGHT_ANTI;
}

/* Adds the inner side's current row to the group. */
static Status
add_to_group(MergeJoinState *s)
{
    uint16_t row = (uint16_t)batch_row(s->inner.batch, s->inner.at);
    return rowstore_append_rows(s->group, s->inner.batch->cols, &row, 1, NULL);
}

static Status
set_group_key(MergeJoinState *s)
{
    arena_reset(s->key_arena);
    for (int i = 0; i < s->nkeys; i++) {
        Value v = key_value(&s->inner, i);
        TRY(value_copy(s->base.ctx, s->key_arena, &v, &s->group_key[i]));
    }
    return QN_OK;
}

/* Reads the group whose key is the inner side's current one. Rows with NULL keys make groups of their own that match nothing. */
static Status
read_group(MergeJoinState *s)
{
    rowstore_reset(s->group);
    s->has_group = true;
    TRY(set_group_key(s));
    do {
        TRY(add_to_group(s));
        TRY(advance(&s->inner, true));
    } while (!s->inner.is_done && compare_key(s, &s->inner, s->group_key, NULL) == 0);
    return QN_OK;
}

/* The outer row against some more of the group. */
static Status
meet(MergeJoinState *s)
{
    JoinType t = s->plan->jointype;
    int row = batch_row(s->outer.batch, s->outer.at), n, m;
    int room = BATCH_ROWS - s->pairs.n;
    TRY(rowstore_read(s->group, s->group_at, room, s->group_batch, &n));
    Batch *b = s->group_batch;
    const uint16_t *sel = NULL;
    m = n;
    if (s->j.cond != NULL) {
        join_row_set(s->outer.batch, row, s->j.outer_used, s->outer_row);
        TRY(expr_filter(s->j.cond, s->outer_row, b, NULL, n, n, s->sel, &m));
        s->base.instr.rows_removed_join += n - m;
        sel = s->sel;
    }
    for (int k = 0; k < m && (keeps_inner(t) || t == JOIN_RIGHT_SEMI); k++) {
        char *p;
        TRY(rowstore_row(s->group, s->group_at + exec_row(sel, k), &p));
        p[s->layout.tail_offset] = 1;
    }
    s->group_at += n;
    if (m > 0) s->matched = true;
    if (m == 0 || t == JOIN_SEMI || t == JOIN_ANTI || t == JOIN_RIGHT_ANTI) return QN_OK;
    return join_pairs_add(&s->base, &s->j, &s->pairs, row, b, sel, m);
}

static Status
end_outer_row(MergeJoinState *s)
{
    JoinType t = s->plan->jointype;
    uint16_t zero = 0;
    bool alone = (t == JOIN_LEFT || t == JOIN_FULL || t == JOIN_ANTI) && !s->matched;
    if (alone || (t == JOIN_SEMI && s->matched))
        TRY(join_pairs_add(&s->base, &s->j, &s->pairs, batch_row(s->outer.batch, s->outer.at), NULL, &zero, 1));
    s->group_at = -1;
    s->matched = false;
    return QN_OK;
}

/* Rows of the group, which is through, that nothing matched. */
static EXEC_NOINLINE Status
flush_group(MergeJoinState *s, Batch **out)
{
    char *rows[BATCH_ROWS];
    int n = 0;
    while (n < BATCH_ROWS && s->unmatched_at < rowstore_count(s->group)) {
        char *p;
        TRY(rowstore_row(s->group, s->unmatched_at++, &p));
        if (p[s->layout.tail_offset] == 0) rows[n++] = p;
    }
    if (n == 0) {
        s->flushing_group = s->has_group = false;
        return QN_OK;
    }
    if (!exec_batch_reserve(s->group_batch, n)) return RAISE_OOM(s->base.ctx);
    for (int c = 0; c < s->j.ninner; c++)
        TRY(row_gather(s->base.ctx, s->base.arena, &s->layout, c, rows, n, s->group_batch->cols[c]));
    s->group_batch->nrows = n;
    Batch view = *s->j.null_outer;
    view.nrows = view.nsel = n;
    view.sel = NULL;
    if (s->view == NULL) TRY_ALLOC(s->base.ctx, s->view, ARENA_NEW(s->base.arena, Batch));
    *s->view = view;
    return join_emit(&s->base, &s->j, s->view, s->group_batch, out);
}

static void
leave_group(MergeJoinState *s)
{
    if (keeps_inner(s->plan->jointype)) {
        s->flushing_group = true;
        s->unmatched_at = 0;
    } else {
        s->has_group = false;
    }
}

static Status
step(MergeJoinState *s, bool *finished)
{
    JoinType t = s->plan->jointype;
    bool need_outer = t == JOIN_LEFT || t == JOIN_FULL || t == JOIN_ANTI;
    *finished = false;
    if (s->outer.is_done) {
        if (s->has_group) {
            leave_group(s);
            return QN_OK;
        }
        if (s->inner.is_done || !keeps_inner(t)) {
            *finished = true;
            return QN_OK;
        }
        return read_group(s);
    }
    if (s->group_at >= 0) { /* the outer row is meeting the group */
        bool stop = s->matched && (t == JOIN_SEMI || t == JOIN_ANTI || (s->plan->inner_unique && t != JOIN_RIGHT && t != JOIN_FULL));
        if (!stop && s->group_at < rowstore_count(s->group)) return meet(s);
        s->go_on = true;
        return end_outer_row(s);
    }
    bool null_key = has_null_key(s, &s->outer);
    if (s->has_group && !null_key) {
        int c = compare_key(s, &s->outer, s->group_key, NULL);
        if (c == 0) {
            s->group_at = 0;
            return QN_OK;
        }
        if (c > 0) {
            leave_group(s);
            return QN_OK;
        }
    }
    if (!s->has_group && !null_key && !s->inner.is_done) {
        if (keeps_inner(t) || compare_key(s, &s->inner, NULL, &s->outer) >= 0) {
            if (has_null_key(s, &s->inner) && !keeps_inner(t)) return advance(&s->inner, true);
            return read_group(s);
        }
        return advance(&s->inner, true);
    }
    if (!s->has_group && s->inner.is_done && !need_outer && !null_key) {
        *finished = true; /* nothing can match any more */
        return QN_OK;
    }
    s->go_on = true;
    return end_outer_row(s);
}

static Status
mergejoin_next(ExecNode *node, Batch **out)
{
    MergeJoinState *s = (MergeJoinState *)node;
    *out = NULL;
    if (s->outer.batch == NULL && !s->outer.is_done) {
        TRY(advance(&s->outer, false));
        TRY(advance(&s->inner, true));
    }
    while (*out == NULL) {
        bool last = s->outer.batch != NULL && s->outer.at == s->outer.batch->nsel - 1, finished;
        if (s->pairs.n == 0) arena_reset(s->pairs.arena);
        if (s->pairs.n > 0 && (s->flushing_group || s->pairs.n == BATCH_ROWS || (s->go_on && last))) {
            TRY(join_pairs_emit(node, &s->j, &s->pairs, s->outer.batch, out));
        } else if (s->flushing_group) {
            TRY(flush_group(s, out));
        } else if (s->go_on) {
            s->go_on = false;
            TRY(advance(&s->outer, false));
        } else {
            TRY(step(s, &finished));
            if (!finished) continue;
            if (s->pairs.n == 0) return QN_OK;
            TRY(join_pairs_emit(node, &s->j, &s->pairs, s->outer.batch, out));
        }
    }
    return QN_OK;
}

static Status
mergejoin_rescan(ExecNode *node, DepSet changed)
{
    MergeJoinState *s = (MergeJoinState *)node;
    s->outer.batch = s->inner.batch = NULL;
    s->outer.is_done = s->inner.is_done = s->has_group = s->flushing_group = s->matched = s->go_on = false;
    s->group_at = -1;
    s->pairs.n = 0;
    rowstore_reset(s->group);
    TRY(exec_rescan(node->outer, changed));
    return exec_rescan(node->inner, changed);
}

static void
mergejoin_release(ExecNode *node)
{
    MergeJoinState *s = (MergeJoinState *)node;
    if (s->group != NULL) rowstore_reset(s->group);
}

static void
mergejoin_close(ExecNode *node)
{
    MergeJoinState *s = (MergeJoinState *)node;
    rowstore_free(s->group);
    expr_prog_close(s->outer.prog);
    expr_prog_close(s->inner.prog);
    join_close(&s->j);
}

const ExecOps mergejoin_ops = {.state_bytes = sizeof(MergeJoinState), .open = mergejoin_open, .next = mergejoin_next,
                               .rescan = mergejoin_rescan, .release = mergejoin_release, .close = mergejoin_close};
