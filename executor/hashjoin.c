/* hashjoin.c - Hash Join, all join types. The inner side is built into a hash table of rows, keys first; the outer
 * side's batches probe it.
 *
 * A batch is matched in rounds: each round takes one candidate a row. The first round's output needs no copy of
 * the outer columns (a row occurs once, so the batch's own vectors serve, with a selection); later rounds,
 * which only keys with several rows need, collect pairs. Semi and anti joins only narrow the outer batch.
 *
 * Past work_mem both sides are cut by hash into partitions in temporary files, which are joined one after the other. A table
 * whose input does not depend on what changed is kept over rescans. Hash is the plan node of the build side; it
 * hands its input through. */
#include "executor/hashtable.h"
#include "executor/join.h"
#include "executor/vecutil.h"
#include <assert.h>

enum { NPARTITIONS = 32 };

const ExecOps hash_ops = {.state_bytes = sizeof(ExecNode), .open = exec_open_output, .next = exec_pass_next,
                          .rescan = exec_pass_rescan};

typedef enum HjPhase { HJ_BUILD, HJ_FETCH, HJ_MATCH, HJ_FINISH, HJ_UNMATCHED, HJ_NEXT_PART, HJ_DONE } HjPhase;

typedef struct HashJoinState {
    ExecNode base;
    JoinSides j;
    const HashJoinPlan *plan;
    ExprProg *outer_keys, *inner_keys;
    int nkeys;
    Vector **key_vecs, **build_vecs;
    bool keep_inner_nulls, keep_outer_nulls, marks; /* marks: rows of the table remember that they matched */
    int *inner_col;        /* inner column -> column of the table's rows, -1: not kept */
    RowLayout layout;
    RowStore *rows;
    HashTable table;
    bool is_built, is_spilled;
    bool is_direct;       /* direct[key - direct_lo] is the first row of a key */
    bool is_single;       /* no key has a second one */
    char **direct;
    size_t direct_cap;
    int64_t direct_lo;
    uint64_t direct_span;
    DepSet inner_deps, inner_changed;
    HjPhase phase;
    /* probing */
    Batch *probe;
    Batch outer_view;      /* the probe batch with the selection to hand up */
    Batch *inner_at;       /* inner columns at the outer rows' positions */
    Batch *pair_outer, *pair_inner;
    uint16_t *psel, *active, *idx, *pos, *keep;
    int np, nactive, round;
    uint64_t *hashes, *matched;
    char **chain, **cand, **row_at;
    int64_t unmatched_at;
    /* spilled */
    RowStore *inner_parts[NPARTITIONS], *outer_parts[NPARTITIONS];
    int part;
    int64_t part_at;
    Batch *part_batch;
    int64_t peak_bytes;
} HashJoinState;

static bool
emits_pairs(JoinType t)
{
    return t == JOIN_INNER || t == JOIN_LEFT || t == JOIN_RIGHT || t == JOIN_FULL;
}

static char *
mark_of(const HashJoinState *s, char *row)
{
    return row + s->layout.tail_offset;
}

/* Which column of the inner key list is just this inner column, -1: none. */
static int
key_of_column(const HashJoinPlan *plan, int col)
{
    for (int k = 0; k < plan->inner_keys.count; k++) {
        const ColumnRefExpr *c = (const ColumnRefExpr *)plan->inner_keys.items[k];
        if (c->base.tag == EXPR_ColumnRef && c->col == col) return k;
    }
    return -1;
}

static Status
open_table(HashJoinState *s)
{
    ExecNode *node = &s->base;
    Ctx *ctx = node->ctx;
    Oid *types;
    int n = s->nkeys;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(node->arena, Oid, n + s->j.ninner + 1));
    TRY_ALLOC(ctx, s->inner_col, ARENA_ARRAY(node->arena, int, s->j.ninner + 1));
    for (int i = 0; i < s->nkeys; i++) types[i] = s->plan->inner_keys.items[i]->type;
    for (int c = 0; c < s->j.ninner; c++) {
        s->inner_col[c] = -1;
        if (!s->j.inner_used[c]) continue;
        int key = key_of_column(s->plan, c);
        s->inner_col[c] = key >= 0 ? key : n;
        if (key < 0) types[n++] = s->j.inner_types[c];
    }
    TRY_ALLOC(ctx, s->build_vecs, ARENA_ARRAY(node->arena, Vector *, n + 1));
    TRY(rowlayout_init(ctx, node->arena, &s->layout, n, types, sizeof(HashRow), s->marks ? 8 : 0));
    TRY(rowstore_new_layout(ctx, node->arena, &s->layout, 0, &s->rows));
    return hashtable_init(ctx, node->arena, &s->table, s->rows, s->nkeys);
}

static Status
hashjoin_open(ExecNode *node)
{
    HashJoinState *s = (HashJoinState *)node;
    Ctx *ctx = node->ctx;
    Arena *arena = node->arena;
    s->plan = (const HashJoinPlan *)node->plan;
    s->nkeys = s->plan->inner_keys.count;
    JoinType t = s->plan->jointype;
    s->marks = t == JOIN_RIGHT || t == JOIN_FULL || t == JOIN_RIGHT_SEMI || t == JOIN_RIGHT_ANTI;
    /* Keys with NULLs match nothing, but an outer join's rows come out all the same. */
    s->keep_inner_nulls = s->plan->null_safe || t == JOIN_RIGHT || t == JOIN_FULL || t == JOIN_RIGHT_ANTI;
    s->keep_outer_nulls = s->plan->null_safe;
    TRY(join_open(node, &s->j, &s->plan->join_cond));
    TRY(expr_compile(node->exec, &s->plan->outer_keys, &node->deps, &s->outer_keys));
    s->inner_deps = node->inner->deps;
    /* The build side's expressions name its columns as INPUT_INNER. */
    TRY(expr_compile(node->exec, &s->plan->inner_keys, &s->inner_deps, &s->inner_keys));
    node->deps |= s->inner_deps;
    TRY_ALLOC(ctx, s->key_vecs, ARENA_ARRAY(arena, Vector *, s->nkeys + 1));
    TRY(open_table(s));
    TRY_ALLOC(ctx, s->inner_at, exec_batch_new(arena, s->j.ninner, s->j.inner_types));
    TRY_ALLOC(ctx, s->psel, arena_alloc(arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->active, arena_alloc(arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->idx, arena_alloc(arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->pos, arena_alloc(arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->keep, arena_alloc(arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, s->hashes, arena_alloc(arena, BATCH_ROWS * sizeof(uint64_t)));
    TRY_ALLOC(ctx, s->matched, arena_zalloc(arena, BITS_WORDS(BATCH_ROWS) * sizeof(uint64_t)));
    TRY_ALLOC(ctx, s->chain, arena_alloc(arena, BATCH_ROWS * sizeof(char *)));
    TRY_ALLOC(ctx, s->cand, arena_alloc(arena, BATCH_ROWS * sizeof(char *)));
    TRY_ALLOC(ctx, s->row_at, arena_alloc(arena, BATCH_ROWS * sizeof(char *)));
    return QN_OK;
}

/* A row's only key as a number. */
static inline int64_t
row_key(const HashJoinState *s, const char *row)
{
    const char *at = row + s->layout.cols[0].offset;
    switch (s->layout.cols[0].phys) {
    case PHYS_I16: return *(const int16_t *)at;
    case PHYS_I32: return *(const int32_t *)at;
    default: return *(const int64_t *)at;
    }
}

static bool
is_integer(Oid type)
{
    return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8 || type == TYPE_DATE;
}

/* Integer keys that lie close together are looked up by their distance from the smallest: no hash, no comparison. Removing this
 * changes no answer but the order of rows. *done says whether it applies. */
static Status
build_direct(HashJoinState *s, bool *done)
{
    int64_t n = rowstore_count(s->rows), lo = INT64_MAX, hi = INT64_MIN;
    *done = false;
    s->is_direct = false;
    if (s->nkeys != 1 || n == 0 || s->is_spilled || s->keep_inner_nulls || !is_integer(s->layout.cols[0].type) ||
        !is_integer(s->plan->outer_keys.items[0]->type))
        return QN_OK;
    for (int64_t i = 0; i < n;) {
        char *row;
        int len;
        TRY(rowstore_run(s->rows, i, &row, &len));
        i += len;
        for (; len > 0; len--, row += s->layout.row_bytes) {
            int64_t key = row_key(s, row);
            if (key < lo) lo = key;
            if (key > hi) hi = key;
        }
    }
    uint64_t span = (uint64_t)hi - (uint64_t)lo;
    if (span >= (uint64_t)n * 4 + 1024) return QN_OK;
    if (span + 1 > s->direct_cap) {
        mem_free(s->base.ctx->mem, s->direct, s->direct_cap * sizeof(char *));
        s->direct = NULL;
        s->direct_cap = 0;
        TRY_ALLOC(s->base.ctx, s->direct, mem_alloc(s->base.ctx->mem, (span + 1) * sizeof(char *)));
        s->direct_cap = span + 1;
    }
    memset(s->direct, 0, (span + 1) * sizeof(char *));
    bool single = true;
    for (int64_t i = n; i > 0;) { /* from the last row, so that chains are in the order of the input */
        enum { AHEAD = 32 };      /* heads on their way at once: they lie anywhere */
        char *rows[AHEAD], **heads[AHEAD];
        int m = 0;
        for (; m < AHEAD && i > 0; m++) {
            TRY(rowstore_row(s->rows, --i, &rows[m]));
            heads[m] = &s->direct[(uint64_t)row_key(s, rows[m]) - (uint64_t)lo];
            __builtin_prefetch(heads[m], 1);
        }
        for (int k = 0; k < m; k++) {
            single &= *heads[k] == NULL;
            ((HashRow *)rows[k])->next = *heads[k];
            *heads[k] = rows[k];
        }
    }
    s->direct_lo = lo;
    s->direct_span = span;
    s->is_direct = *done = true;
    s->is_single = single;
    s->table.count = n;
    return QN_OK;
}

#define DIRECT_HEADS(T)                                                                            \
    do {                                                                                           \
        const T *d_ = v->data;                                                                     \
        for (int k = 0; k < s->np; k++) {                                                          \
            uint64_t at = (uint64_t)(int64_t)d_[s->psel[k] & mask] - (uint64_t)s->direct_lo;       \
            char *row = at <= s->direct_span ? s->direct[at] : NULL;                               \
            s->chain[k] = row;                                                                     \
            s->active[s->nactive] = (uint16_t)k;                                                   \
            s->nactive += row != NULL;                                                             \
        }                                                                                          \
    } while (0)

static void
direct_heads(HashJoinState *s)
{
    const Vector *v = s->key_vecs[0];
    int mask = v->shape == VEC_CONST ? 0 : -1;
    switch (v->phys) {
    case PHYS_I16: DIRECT_HEADS(int16_t); break;
    case PHYS_I32: DIRECT_HEADS(int32_t); break;
    default: DIRECT_HEADS(int64_t);
    }
}

/* Sends the rows of the table, and what follows, to partitions. */
static Status
start_spilling(HashJoinState *s)
{
    Ctx *ctx = s->base.ctx;
    size_t limit = s->base.exec->work_mem / NPARTITIONS / 2 + 1;
    for (int p = 0; p < NPARTITIONS; p++) {
        if (s->inner_parts[p] == NULL)
            TRY(rowstore_new_layout(ctx, s->base.arena, &s->layout, limit, &s->inner_parts[p]));
        if (s->outer_parts[p] == NULL)
            TRY(rowstore_new(ctx, s->base.arena, s->j.nouter, s->j.outer_types, limit, &s->outer_parts[p]));
    }
    for (int64_t i = 0; i < rowstore_count(s->rows); i++) {
        char *row;
        TRY(rowstore_row(s->rows, i, &row));
        TRY(rowstore_append_raw(s->inner_parts[((HashRow *)row)->hash >> 32 & (NPARTITIONS - 1)], row, NULL));
    }
    rowstore_reset(s->rows);
    s->is_spilled = true;
    return QN_OK;
}

static Status
build_batch(HashJoinState *s, Batch *b)
{
    Ctx *ctx = s->base.ctx;
    TRY(expr_run(s->inner_keys, b, b, b->sel, b->nsel, b->nrows));
    for (int i = 0; i < s->nkeys; i++) s->build_vecs[i] = expr_result(s->inner_keys, i);
    for (int c = 0; c < s->j.ninner; c++)
        if (s->inner_col[c] >= s->nkeys) s->build_vecs[s->inner_col[c]] = b->cols[c];
    int n;
    if (s->keep_inner_nulls) {
        n = b->nsel;
        for (int k = 0; k < n; k++) s->psel[k] = (uint16_t)batch_row(b, k);
    } else {
        n = keys_drop_nulls(s->build_vecs, s->nkeys, b->sel, b->nsel, s->psel);
    }
    TRY(keys_hash(ctx, s->build_vecs, s->nkeys, s->psel, n, s->hashes));
    if (s->is_spilled) {
        for (int k = 0; k < n; k++) {
            char *row;
            RowStore *to = s->inner_parts[s->hashes[k] >> 32 & (NPARTITIONS - 1)];
            TRY(rowstore_append_rows(to, s->build_vecs, &s->psel[k], 1, &row));
            ((HashRow *)row)->hash = s->hashes[k];
        }
        return QN_OK;
    }
    TRY(rowstore_append_rows(s->rows, s->build_vecs, s->psel, n, s->cand));
    for (int k = 0; k < n; k++) ((HashRow *)s->cand[k])->hash = s->hashes[k];
    if (rowstore_bytes(s->rows) > s->base.exec->work_mem) return start_spilling(s);
    return QN_OK;
}

static void
drop_table(HashJoinState *s)
{
    if (s->rows != NULL) rowstore_reset(s->rows);
    hashtable_reset(&s->table);
    for (int p = 0; p < NPARTITIONS; p++) {
        rowstore_free(s->inner_parts[p]);
        rowstore_free(s->outer_parts[p]);
    }
    if (s->direct_cap > 65536) {
        mem_free(s->base.ctx->mem, s->direct, s->direct_cap * sizeof(char *));
        s->direct = NULL;
        s->direct_cap = 0;
    }
    s->is_built = s->is_spilled = s->is_direct = false;
}

static Status partition_outer(HashJoinState *s);

static Status
build(HashJoinState *s)
{
    drop_table(s);
    TRY(exec_rescan(s->base.inner, s->inner_changed));
    s->inner_changed = 0;
    for (;;) {
        Batch *b;
        TRY(exec_next(s->base.inner, &b));
        if (b == NULL) break;
        TRY(build_batch(s, b));
    }
    s->is_built = true;
    if (s->is_spilled) {
        TRY(partition_outer(s));
        s->part = -1;
        s->phase = HJ_NEXT_PART;
        return QN_OK;
    }
    bool direct;
    TRY(build_direct(s, &direct));
    if (!direct) TRY(hashtable_build(&s->table));
    int64_t held = (int64_t)(rowstore_bytes(s->rows) + hashtable_bytes(&s->table));
    if (held > s->peak_bytes) s->peak_bytes = held;
    return QN_OK;
}

/* Keys of a batch of the outer side: rows that can match to psel, their hashes. */
static Status
outer_keys(HashJoinState *s, Batch *b)
{
    TRY(expr_run(s->outer_keys, b, NULL, b->sel, b->nsel, b->nrows));
    for (int i = 0; i < s->nkeys; i++) s->key_vecs[i] = expr_result(s->outer_keys, i);
    if (s->keep_outer_nulls) {
        s->np = b->nsel;
        for (int k = 0; k < s->np; k++) s->psel[k] = (uint16_t)batch_row(b, k);
    } else {
        s->np = keys_drop_nulls(s->key_vecs, s->nkeys, b->sel, b->nsel, s->psel);
    }
    if (s->is_direct) return QN_OK;
    return keys_hash(s->base.ctx, s->key_vecs, s->nkeys, s->psel, s->np, s->hashes);
}

static Status
partition_outer(HashJoinState *s)
{
    for (;;) {
        Batch *b;
        TRY(exec_next(s->base.outer, &b));
        if (b == NULL) return QN_OK;
        TRY(outer_keys(s, b));
        int k = 0;
        for (int r = 0; r < b->nsel; r++) {
            uint16_t row = (uint16_t)batch_row(b, r);
            int p = 0; /* rows with NULL keys: any partition will do */
            if (k < s->np && s->psel[k] == row) p = (int)(s->hashes[k++] >> 32 & (NPARTITIONS - 1));
            TRY(rowstore_append_rows(s->outer_parts[p], b->cols, &row, 1, NULL));
        }
    }
}

static Status
load_partition(HashJoinState *s)
{
    RowStore *from = s->inner_parts[s->part];
    rowstore_reset(s->rows);
    hashtable_reset(&s->table);
    for (int64_t i = 0; i < rowstore_count(from); i++) {
        char *row;
        TRY(rowstore_row(from, i, &row));
        TRY(rowstore_append_raw(s->rows, row, NULL));
    }
    rowstore_free(from);
    s->part_at = 0;
    s->is_direct = false;
    return hashtable_build(&s->table);
}

static Status
fetch(HashJoinState *s)
{
    Batch *b;
    if (s->is_spilled) {
        int n;
        if (s->part_batch == NULL)
            TRY_ALLOC(s->base.ctx, s->part_batch,
                      exec_batch_new(s->base.arena, s->j.nouter, s->j.outer_types));
        TRY(rowstore_read(s->outer_parts[s->part], s->part_at, BATCH_ROWS, s->part_batch, &n));
        s->part_at += n;
        b = n > 0 ? s->part_batch : NULL;
    } else {
        TRY(exec_next(s->base.outer, &b));
    }
    s->probe = b;
    if (b == NULL) {
        JoinType t = s->plan->jointype;
        s->unmatched_at = 0;
        s->phase = t == JOIN_RIGHT || t == JOIN_FULL || t == JOIN_RIGHT_ANTI ? HJ_UNMATCHED
                   : s->is_spilled                                         ? HJ_NEXT_PART
                                                                           : HJ_DONE;
        return QN_OK;
    }
    TRY(outer_keys(s, b));
    memset(s->matched, 0, BITS_WORDS(b->nrows) * sizeof(uint64_t));
    s->nactive = 0;
    s->round = 0;
    s->phase = HJ_MATCH;
    if (s->table.count == 0) return QN_OK;
    if (s->is_direct) {
        direct_heads(s);
        return QN_OK;
    }
    if (s->table.nslots > 8192)
        for (int k = 0; k < s->np; k++) __builtin_prefetch(&s->table.slots[s->hashes[k] & s->table.mask]);
    for (int k = 0; k < s->np; k++) {
        char *row = hashtable_head(&s->table, s->hashes[k]);
        s->chain[k] = row;
        s->active[s->nactive] = (uint16_t)k;
        s->nactive += row != NULL;
    }
    if (s->table.nslots > 8192)
        for (int a = 0; a < s->nactive; a++) __builtin_prefetch(s->chain[s->active[a]]);
    return QN_OK;
}

/* One candidate for each active row; equal ones stay in idx. Rows whose chain goes on stay active. */
static int
next_candidates(HashJoinState *s)
{
    int n = 0, left = 0;
    if (s->is_direct && s->is_single) { /* rows are not looked into before their columns are wanted */
        for (int a = 0; a < s->nactive; a++) {
            int k = s->active[a];
            s->cand[k] = s->chain[k];
            s->idx[n++] = (uint16_t)k;
        }
        s->nactive = 0;
        s->round++;
        return n;
    }
    if (s->is_direct) {
        for (int a = 0; a < s->nactive; a++) {
            int k = s->active[a];
            char *row = s->chain[k];
            s->cand[k] = row;
            s->idx[n++] = (uint16_t)k;
            s->chain[k] = ((HashRow *)row)->next;
            s->active[left] = (uint16_t)k;
            left += s->chain[k] != NULL;
        }
        s->nactive = left;
        s->round++;
        return n;
    }
    for (int a = 0; a < s->nactive; a++) {
        int k = s->active[a];
        uint64_t h = s->hashes[k];
        char *row = s->chain[k];
        while (row != NULL && ((HashRow *)row)->hash != h) row = ((HashRow *)row)->next;
        if (row == NULL) continue;
        s->cand[k] = row;
        s->idx[n++] = (uint16_t)k;
        s->chain[k] = ((HashRow *)row)->next;
        s->active[left] = (uint16_t)k;
        left += s->chain[k] != NULL;
    }
    s->nactive = left;
    s->round++;
    return keys_match(&s->layout, s->key_vecs, s->nkeys, s->psel, s->cand, s->idx, n, NULL, NULL);
}

/* Columns of the table's rows to vectors: rows[i] to row at[i] (NULL: i). */
static Status
gather_inner(HashJoinState *s, char *const *rows, const uint16_t *at, int n, int nrows, Batch *to)
{
    for (int c = 0; c < s->j.ninner; c++) {
        if (s->inner_col[c] < 0) continue;
        if (!vec_reserve(s->base.arena, to->cols[c], nrows)) return RAISE_OOM(s->base.ctx);
        TRY(row_gather_at(s->base.ctx, s->base.arena, &s->layout, s->inner_col[c], rows, at, n, to->cols[c]));
    }
    to->nrows = nrows;
    return QN_OK;
}

/* Matched rows no longer need candidates: semi and anti joins. */
static void
drop_matched(HashJoinState *s)
{
    int left = 0;
    for (int a = 0; a < s->nactive; a++) {
        s->active[left] = s->active[a];
        left += !bits_get(s->matched, s->psel[s->active[a]]);
    }
    s->nactive = left;
}

/* A round over the batch's own rows. */
static Status
match_in_place(HashJoinState *s, Batch **out)
{
    JoinType t = s->plan->jointype;
    int n = next_candidates(s);
    char **rows = s->row_at;
    for (int j = 0; j < n; j++) {
        s->pos[j] = s->psel[s->idx[j]];
        rows[j] = s->cand[s->idx[j]];
    }
    if (n == 0) return QN_OK;
    bool need_inner = s->j.cond != NULL || emits_pairs(t) || t == JOIN_RIGHT_SEMI;
    if (need_inner) TRY(gather_inner(s, rows, s->pos, n, s->probe->nrows, s->inner_at));
    if (s->j.cond != NULL) {
        int m, j = 0;
        TRY(expr_filter(s->j.cond, s->probe, s->inner_at, s->pos, n, s->probe->nrows, s->keep, &m));
        s->base.instr.rows_removed_join += n - m;
        for (int i = 0; i < n && j < m; i++) {
            if (s->pos[i] != s->keep[j]) continue;
            rows[j] = rows[i];
            s->pos[j++] = s->pos[i];
        }
        n = m;
    }
    for (int j = 0; j < n; j++) bits_set(s->matched, s->pos[j]);
    if (s->marks) {
        int m = 0;
        for (int j = 0; j < n; j++) {
            char *mark = mark_of(s, rows[j]);
            bool first = *mark == 0;
            *mark = 1;
            s->pos[m] = s->pos[j];
            m += t != JOIN_RIGHT_SEMI || first;
        }
        n = m;
    }
    if (t == JOIN_SEMI || t == JOIN_ANTI) drop_matched(s);
    else if (s->plan->inner_unique && s->j.cond == NULL && !s->marks) s->nactive = s->nactive == 0 ? 0 : (drop_matched(s), s->nactive);
    if (n == 0 || !(emits_pairs(t) || t == JOIN_RIGHT_SEMI)) return QN_OK;
    s->outer_view = *s->probe;
    s->outer_view.sel = n == s->probe->nrows ? NULL : s->pos;
    s->outer_view.nsel = n;
    return join_emit(&s->base, &s->j, &s->outer_view, s->inner_at, out);
}

/* Later rounds: pairs of outer row and table row, as many as fit a batch. */
static Status
match_pairs(HashJoinState *s, Batch **out)
{
    Ctx *ctx = s->base.ctx;
    int n = 0;
    if (s->pair_outer == NULL) {
        TRY_ALLOC(ctx, s->pair_outer, exec_batch_new(s->base.arena, s->j.nouter, s->j.outer_types));
        TRY_ALLOC(ctx, s->pair_inner, exec_batch_new(s->base.arena, s->j.ninner, s->j.inner_types));
    }
    while (s->nactive > 0 && n + s->nactive <= BATCH_ROWS) {
        int m = next_candidates(s);
        for (int j = 0; j < m; j++) {
            s->pos[n] = s->psel[s->idx[j]];
            s->row_at[n++] = s->cand[s->idx[j]];
        }
    }
    if (n == 0) return QN_OK;
    for (int c = 0; c < s->j.nouter; c++) {
        if (!s->j.outer_used[c]) continue;
        if (!vec_reserve(s->base.arena, s->pair_outer->cols[c], n)) return RAISE_OOM(ctx);
        vec_gather(s->probe->cols[c], s->pos, n, s->pair_outer->cols[c]);
    }
    TRY(gather_inner(s, s->row_at, NULL, n, n, s->pair_inner));
    Batch *o = s->pair_outer;
    o->nrows = o->nsel = n;
    o->sel = NULL;
    if (s->j.cond != NULL) {
        int m;
        TRY(expr_filter(s->j.cond, o, s->pair_inner, NULL, n, n, s->keep, &m));
        s->base.instr.rows_removed_join += n - m;
        if (m == 0) return QN_OK;
        if (m < n) {
            o->sel = s->keep;
            o->nsel = m;
        }
    }
    for (int k = 0; k < o->nsel; k++) {
        int i = batch_row(o, k);
        bits_set(s->matched, s->pos[i]);
        if (s->marks) *mark_of(s, s->row_at[i]) = 1;
    }
    return join_emit(&s->base, &s->j, o, s->pair_inner, out);
}

/* What a batch's rows come to when all candidates are through. */
static Status
finish_batch(HashJoinState *s, Batch **out)
{
    JoinType t = s->plan->jointype;
    Batch *b = s->probe;
    s->phase = HJ_FETCH;
    if (t != JOIN_LEFT && t != JOIN_FULL && t != JOIN_SEMI && t != JOIN_ANTI) return QN_OK;
    bool want = t == JOIN_SEMI;
    int n = 0;
    for (int k = 0; k < b->nsel; k++) {
        int i = batch_row(b, k);
        s->pos[n] = (uint16_t)i;
        n += bits_get(s->matched, (size_t)i) == want;
    }
    if (n == 0) return QN_OK;
    s->outer_view = *b;
    if (n < b->nsel || b->sel != NULL) s->outer_view.sel = s->pos;
    s->outer_view.nsel = n;
    return join_emit(&s->base, &s->j, &s->outer_view, s->j.null_inner, out);
}

/* Rows of the table that nothing matched: right, full and right anti joins. */
static Status
emit_unmatched(HashJoinState *s, Batch **out)
{
    int n = 0;
    int64_t total = rowstore_count(s->rows);
    while (n < BATCH_ROWS && s->unmatched_at < total) {
        char *row;
        TRY(rowstore_row(s->rows, s->unmatched_at++, &row));
        if (*mark_of(s, row) == 0) s->row_at[n++] = row;
    }
    if (n == 0) {
        s->phase = s->is_spilled ? HJ_NEXT_PART : HJ_DONE;
        return QN_OK;
    }
    TRY(gather_inner(s, s->row_at, NULL, n, n, s->inner_at));
    s->outer_view = *s->j.null_outer;
    s->outer_view.nrows = s->outer_view.nsel = n;
    s->outer_view.sel = NULL;
    return join_emit(&s->base, &s->j, &s->outer_view, s->inner_at, out);
}

static Status
hashjoin_next(ExecNode *node, Batch **out)
{
    HashJoinState *s = (HashJoinState *)node;
    JoinType t = s->plan->jointype;
    *out = NULL;
    while (*out == NULL && s->phase != HJ_DONE) {
        switch (s->phase) {
        case HJ_BUILD:
            s->phase = HJ_FETCH;
            if (!s->is_built) TRY(build(s));
            if (!s->is_spilled && s->table.count == 0 && t != JOIN_LEFT && t != JOIN_ANTI && t != JOIN_FULL)
                s->phase = HJ_DONE;
            break;
        case HJ_FETCH: TRY(fetch(s)); break;
        case HJ_MATCH:
            if (s->nactive == 0) s->phase = HJ_FINISH;
            else if (s->round == 0 || !emits_pairs(t)) TRY(match_in_place(s, out));
            else TRY(match_pairs(s, out));
            break;
        case HJ_FINISH: TRY(finish_batch(s, out)); break;
        case HJ_UNMATCHED: TRY(emit_unmatched(s, out)); break;
        case HJ_NEXT_PART:
            if (++s->part == NPARTITIONS) {
                s->phase = HJ_DONE;
            } else {
                TRY(load_partition(s));
                s->phase = HJ_FETCH;
            }
            break;
        case HJ_DONE: break;
        }
    }
    return QN_OK;
}

static Status
hashjoin_rescan(ExecNode *node, DepSet changed)
{
    HashJoinState *s = (HashJoinState *)node;
    s->inner_changed |= changed;
    if (s->is_built && ((s->inner_deps & changed) != 0 || s->is_spilled)) drop_table(s);
    if (s->is_built && s->marks) {
        for (int64_t i = 0; i < rowstore_count(s->rows); i++) {
            char *row;
            TRY(rowstore_row(s->rows, i, &row));
            *mark_of(s, row) = 0;
        }
    }
    s->phase = HJ_BUILD;
    return exec_rescan(node->outer, changed);
}

static void
hashjoin_release(ExecNode *node)
{
    HashJoinState *s = (HashJoinState *)node;
    drop_table(s);
    s->phase = HJ_DONE;
}

static void
hashjoin_close(ExecNode *node)
{
    HashJoinState *s = (HashJoinState *)node;
    hashtable_free(&s->table);
    mem_free(node->ctx->mem, s->direct, s->direct_cap * sizeof(char *));
    rowstore_free(s->rows);
    expr_prog_close(s->outer_keys);
    expr_prog_close(s->inner_keys);
    join_close(&s->j);
}

static void
hashjoin_describe(const ExecNode *node, Describe *d)
{
    const HashJoinState *s = (const HashJoinState *)node;
    if (!d->analyze) return;
    describe_int(d, "Hash Buckets", NULL, (int64_t)(s->is_direct ? s->direct_span + 1 : s->table.nslots));
    describe_int(d, "Hash Batches", NULL, s->is_spilled ? NPARTITIONS : 1);
    describe_int(d, "Peak Memory Usage", "kB", (s->peak_bytes + 1023) / 1024);
}

const ExecOps hashjoin_ops = {.state_bytes = sizeof(HashJoinState), .open = hashjoin_open, .next = hashjoin_next,
                              .rescan = hashjoin_rescan, .release = hashjoin_release, .close = hashjoin_close,
                              .describe = hashjoin_describe};
