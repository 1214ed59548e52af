/* aggregate.c - Aggregate: without keys or over input sorted by them (runs of equal keys, one group at a time), and by
 * hashing (any order, grouping sets; groups that do not fit into work_mem wait as rows in temporary files). */
#include "executor/agg.h"
#include "executor/vecutil.h"
#include <assert.h>

enum { NPARTITIONS = 32, MAX_LEVELS = 6, TINY_CODES = 65536 };

/* One grouping set while hashing. */
typedef struct AggSet {
    int nkeys;
    int *keys;             /* positions among the node's keys */
    Vector **key_vecs;
    RowStore *groups;      /* keys, direct arguments, states */
    RowLayout layout;
    HashTable table;
    RowStore **partitions; /* rows of groups there was no room for, by hash; NULL: none yet */
    char **tiny;           /* keys of one or two one-byte strings: group by those bytes; NULL: not used */
} AggSet;

/* Rows put aside: to be grouped later, one level of hash bits on. */
typedef struct Pending {
    RowStore *rows;
    int set, level;
    struct Pending *next;
} Pending;

typedef enum AggPhase { AGG_READ, AGG_WRITE, AGG_DONE } AggPhase;

typedef struct AggState {
    ExecNode base;
    AggCommon c;
    bool hashed;
    AggPhase phase;
    Arena *state_arena;
    /* runs */
    char *states;
    bool has_group;
    Value *group_keys, *group_direct;
    Arena *group_arena;
    Batch *input;      /* the batch being cut into runs */
    int input_at;
    bool *is_new;
    /* hash */
    AggSet *sets;
    int nsets, set;    /* set: the one being filled or written */
    int64_t written;
    bool spilling;
    bool needs_numbers; /* some aggregate sorts or has DISTINCT */
    int level;
    Pending *pending;
    Batch *replay;
    char **groups;     /* by row position */
    int64_t *numbers;
    int64_t peak_bytes, spilled_bytes;
    int npartitions;
} AggState;

static Status
open_set(AggState *s, AggSet *set, const int *keys, int nkeys)
{
    ExecNode *node = &s->base;
    AggCommon *c = &s->c;
    Ctx *ctx = node->ctx;
    Oid *types;
    set->nkeys = nkeys;
    TRY_ALLOC(ctx, set->keys, ARENA_ARRAY(node->arena, int, nkeys + 1));
    TRY_ALLOC(ctx, set->key_vecs, ARENA_ARRAY(node->arena, Vector *, nkeys + c->ndirect + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(node->arena, Oid, nkeys + c->ndirect + 1));
    for (int i = 0; i < nkeys; i++) {
        set->keys[i] = keys != NULL ? keys[i] : i;
        types[i] = c->in_types[set->keys[i]];
    }
    for (int i = 0; i < c->ndirect; i++) types[nkeys + i] = c->in_types[c->nkeys + i];
    TRY(rowlayout_init(ctx, node->arena, &set->layout, nkeys + c->ndirect, types, sizeof(HashRow),
                       16 + c->state_bytes));
    TRY(rowstore_new_layout(ctx, node->arena, &set->layout, 0, &set->groups));
    return hashtable_init(ctx, node->arena, &set->table, set->groups, nkeys);
}

static Status
agg_open(ExecNode *node)
{
    AggState *s = (AggState *)node;
    const AggregatePlan *plan = (const AggregatePlan *)node->plan;
    Ctx *ctx = node->ctx;
    TRY(agg_common_open(&s->c, node));
    TRY_ALLOC(ctx, s->state_arena, arena_create(node->arena, "aggregate states"));
    s->hashed = plan->nsets > 0 || (plan->strategy != AGG_PLAIN && plan->strategy != AGG_SORTED && plan->keys.count > 0);
    if (!s->hashed) {
        TRY_ALLOC(ctx, s->states, arena_zalloc(node->arena, s->c.state_bytes + 16));
        TRY_ALLOC(ctx, s->group_keys, ARENA_ARRAY(node->arena, Value, s->c.nkeys + 1));
        TRY_ALLOC(ctx, s->group_direct, ARENA_ARRAY(node->arena, Value, s->c.ndirect + 1));
        TRY_ALLOC(ctx, s->group_arena, arena_create(node->arena, "group"));
        TRY_ALLOC(ctx, s->is_new, arena_alloc(node->arena, BATCH_ROWS * sizeof(bool)));
        return QN_OK;
    }
    for (int i = 0; i < s->c.nfns; i++) s->needs_numbers |= s->c.fns[i].hash_distinct || s->c.fns[i].sorter != NULL;
    s->nsets = plan->nsets > 0 ? plan->nsets : 1;
    TRY_ALLOC(ctx, s->sets, ARENA_ARRAY(node->arena, AggSet, s->nsets));
    TRY_ALLOC(ctx, s->groups, arena_alloc(node->arena, BATCH_ROWS * sizeof(char *)));
    TRY_ALLOC(ctx, s->numbers, arena_alloc(node->arena, BATCH_ROWS * sizeof(int64_t)));
    for (int i = 0; i < s->nsets; i++) {
        if (plan->nsets > 0) TRY(open_set(s, &s->sets[i], plan->sets[i], plan->set_counts[i]));
        else TRY(open_set(s, &s->sets[i], NULL, plan->keys.count));
    }
    return QN_OK;
}

/* ---- runs ---- */

static Status
find_only_group(void *arg, int64_t number, char **states_out)
{
    (void)number;
    *states_out = ((AggState *)arg)->states;
    return QN_OK;
}

static Status
start_group(AggState *s, int row)
{
    Ctx *ctx = s->base.ctx;
    arena_reset(s->group_arena);
    for (int i = 0; i < s->c.nkeys + s->c.ndirect && row >= 0; i++) {
        Value v = vec_get(s->c.in[i], row);
        Value *to = i < s->c.nkeys ? &s->group_keys[i] : &s->group_direct[i - s->c.nkeys];
        TRY(value_copy(ctx, s->group_arena, &v, to));
    }
    for (int i = 0; i < s->c.ndirect && row < 0; i++) s->group_direct[i] = value_null(s->c.in_types[s->c.nkeys + i]);
    arena_reset(s->state_arena);
    s->has_group = true;
    return agg_init_states(&s->c, s->states, s->state_arena);
}

/* The group's row of output. */
static Status
end_group(AggState *s, int out_row)
{
    AggCommon *c = &s->c;
    Ctx *ctx = s->base.ctx;
    TRY(agg_feed_sorted(c, find_only_group, s, s->state_arena));
    for (int i = 0; i < c->nkeys; i++) {
        Value v;
        TRY(value_copy(ctx, c->out_arena, &s->group_keys[i], &v));
        TRY(exec_vec_put(ctx, c->out_arena, c->out->cols[i], out_row, &v));
    }
    TRY(agg_results(c, s->states, s->group_direct, out_row, s->state_arena));
    for (int i = 0; i < c->nfns; i++) {
        AggFn *f = &c->fns[i];
        if (!f->hash_distinct) continue;
        hashtable_reset(&f->distinct);
        rowstore_reset(f->distinct_rows);
    }
    s->has_group = false;
    return QN_OK;
}

/* Marks the rows of the batch that begin a group. */
static void
find_runs(AggState *s, Batch *b)
{
    int prev = -1;
    for (int k = 0; k < b->nsel; k++) {
        int i = batch_row(b, k);
        bool same = true;
        for (int c = 0; c < s->c.nkeys && same; c++) {
            if (prev >= 0) {
                same = keys_equal_rows(s->c.in[c], prev, s->c.in[c], i);
            } else {
                Value v = vec_get(s->c.in[c], i);
                same = s->has_group && keys_equal_values(&v, &s->group_keys[c]);
            }
        }
        s->is_new[k] = !same || (prev < 0 && !s->has_group);
        prev = i;
    }
}

/* Selected rows [from, to) of the batch go to the group. Its own frame: plans nest, and this one is large. */
static EXEC_NOINLINE Status
feed_run(AggState *s, Batch *b, int from, int to)
{
    uint16_t run[BATCH_ROWS];
    for (int k = from; k < to; k++) run[k - from] = (uint16_t)batch_row(b, k);
    return agg_feed(&s->c, run, to - from, b->nrows, NULL, NULL, s->states, s->state_arena);
}

static Status
next_by_runs(AggState *s, int *nout)
{
    AggCommon *c = &s->c;
    int n = 0;
    while (s->phase == AGG_READ && n < BATCH_ROWS) {
        if (s->input == NULL) {
            TRY(exec_next(s->base.outer, &s->input));
            if (s->input == NULL) {
                s->phase = AGG_DONE;
                if (!s->has_group && c->nkeys == 0) TRY(start_group(s, -1));
                if (s->has_group) TRY(end_group(s, n++));
                break;
            }
            TRY(agg_inputs(c, s->input));
            if (c->nkeys > 0) find_runs(s, s->input);
            s->input_at = 0;
        }
        Batch *b = s->input;
        if (c->nkeys == 0) {
            if (!s->has_group) TRY(start_group(s, batch_row(b, 0)));
            TRY(agg_feed(c, b->sel, b->nsel, b->nrows, NULL, NULL, s->states, s->state_arena));
            s->input = NULL;
            continue;
        }
        int from = s->input_at;
        if (s->is_new[from]) {
            if (s->has_group) TRY(end_group(s, n++));
            TRY(start_group(s, batch_row(b, from)));
            s->is_new[from] = false;
        }
        int to = from + 1;
        while (to < b->nsel && !s->is_new[to]) to++;
        TRY(feed_run(s, b, from, to));
        s->input_at = to;
        if (to == b->nsel) s->input = NULL;
    }
    *nout = n;
    return QN_OK;
}

/* ---- hash ---- */

static Status
put_aside(AggState *s, AggSet *set, const uint16_t *rows, const uint64_t *hashes, int n)
{
    AggCommon *c = &s->c;
    Ctx *ctx = s->base.ctx;
    if (set->partitions == NULL) {
        TRY_ALLOC(ctx, set->partitions, ARENA_ARRAY(s->base.arena, RowStore *, NPARTITIONS));
        for (int p = 0; p < NPARTITIONS; p++) {
            /* A small limit: partitions live in the file. */
            TRY(rowstore_new(ctx, s->base.arena, c->nin, c->in_types, s->base.exec->work_mem / NPARTITIONS / 4 + 1,
                             &set->partitions[p]));
        }
        s->npartitions += NPARTITIONS;
    }
    int shift = 58 - 5 * s->level;
    for (int k = 0; k < n; k++) {
        RowStore *to = set->partitions[hashes[k] >> (shift > 0 ? shift : 0) & (NPARTITIONS - 1)];
        TRY(rowstore_append_rows(to, c->in, &rows[k], 1, NULL));
    }
    return QN_OK;
}

static size_t
hash_bytes_held(const AggState *s, const AggSet *set)
{
    size_t n = rowstore_bytes(set->groups) + hashtable_bytes(&set->table) + arena_bytes(s->state_arena) + s->c.grown;
    for (int i = 0; i < s->c.nfns; i++)
        if (s->c.fns[i].hash_distinct)
            n += rowstore_bytes(s->c.fns[i].distinct_rows) + hashtable_bytes(&s->c.fns[i].distinct);
    return n;
}

/* Whether the keys are one or two flat string columns without NULLs; then a row whose strings have one byte each is found by these
 * bytes, without hashing. Removing this changes no answer. */
static bool
keys_may_be_tiny(const AggSet *set)
{
    if (set->nkeys < 1 || set->nkeys > 2) return false;
    for (int i = 0; i < set->nkeys; i++) {
        const Vector *v = set->key_vecs[i];
        if (v->shape != VEC_FLAT || v->phys != PHYS_STR || v->valid != NULL || v->type == TYPE_NUMERIC) return false;
    }
    return true;
}

static inline uint32_t
tiny_code(const Str *a, const Str *b, uint32_t *bad)
{
    *bad |= (a->len ^ 1) | (b->len ^ 1);
    return (uint32_t)(uint8_t)a->inl[0] << 8 | (uint8_t)b->inl[0];
}

/* All rows of the batch by their bytes; false when some group is not known yet or a key is longer. */
static bool
group_tiny(AggState *s, AggSet *set, const uint16_t *sel, int n)
{
    const Str *a = set->key_vecs[0]->data, *b = set->key_vecs[set->nkeys - 1]->data;
    uint32_t bad = 0, skip = set->layout.tail_offset + 16;
    bool unknown = false;
    for (int k = 0; k < n; k++) {
        int i = exec_row(sel, k);
        char *row = set->tiny[tiny_code(&a[i], &b[i], &bad)];
        unknown |= row == NULL;
        s->groups[i] = (char *)((uintptr_t)row + skip);
    }
    return bad == 0 && !unknown;
}

static Status
learn_tiny(AggState *s, AggSet *set, const uint16_t *sel, int n)
{
    if (set->tiny == NULL) {
        if (n < BATCH_ROWS / 4) return QN_OK; /* not worth the table */
        TRY_ALLOC(s->base.ctx, set->tiny, mem_zalloc(s->base.ctx->mem, TINY_CODES * sizeof(char *)));
    }
    const Str *a = set->key_vecs[0]->data, *b = set->key_vecs[set->nkeys - 1]->data;
    for (int k = 0; k < n; k++) {
        int i = exec_row(sel, k);
        uint32_t bad = 0, code = tiny_code(&a[i], &b[i], &bad);
        if (bad == 0) set->tiny[code] = s->c.found[k];
    }
    return QN_OK;
}

/* Groups one batch's rows (already in c.in) into the set. */
static EXEC_NOINLINE Status
group_rows(AggState *s, AggSet *set, const uint16_t *sel, int n, int nrows)
{
    AggCommon *c = &s->c;
    uint16_t fresh[BATCH_ROWS + 1], left[BATCH_ROWS], aside[BATCH_ROWS];
    int nfresh = 0, nkept = 0, naside = 0;
    for (int i = 0; i < set->nkeys; i++) set->key_vecs[i] = c->in[set->keys[i]];
    bool tiny = !s->spilling && !s->needs_numbers && keys_may_be_tiny(set);
    if (tiny && set->tiny != NULL && group_tiny(s, set, sel, n))
        return agg_feed(c, sel, n, nrows, s->groups, NULL, NULL, s->state_arena);
    TRY(keys_hash(s->base.ctx, set->key_vecs, set->nkeys, sel, n, c->hashes));
    TRY(hashtable_find(&set->table, set->key_vecs, sel, n, c->hashes, !s->spilling, c->found, fresh, &nfresh));
    uint32_t tail = set->layout.tail_offset;
    int64_t number = rowstore_count(set->groups) - nfresh;
    for (int j = 0; j < nfresh; j++) {
        char *row = c->found[fresh[j]];
        *(int64_t *)(row + tail) = number++;
        TRY(agg_init_states(c, row + tail + 16, s->state_arena));
        if (c->ndirect > 0) {
            uint16_t pos = (uint16_t)exec_row(sel, fresh[j]);
            for (int i = 0; i < c->ndirect; i++) set->key_vecs[set->nkeys + i] = c->in[c->nkeys + i];
            TRY(rowstore_put_rows(set->groups, &row, set->key_vecs, set->nkeys + c->ndirect, &pos, 1));
        }
    }
    if (tiny) TRY(learn_tiny(s, set, sel, n));
    if (!s->spilling) {
        for (int k = 0; k < n; k++) {
            int i = exec_row(sel, k);
            s->groups[i] = c->found[k] + tail + 16;
            s->numbers[i] = *(int64_t *)(c->found[k] + tail);
        }
    } else {
        for (int k = 0; k < n; k++) {
            int i = exec_row(sel, k);
            if (c->found[k] == NULL) {
                c->hashes[naside] = c->hashes[k];
                aside[naside++] = (uint16_t)i;
                continue;
            }
            left[nkept++] = (uint16_t)i;
            s->groups[i] = c->found[k] + tail + 16;
            s->numbers[i] = *(int64_t *)(c->found[k] + tail);
        }
        if (naside > 0) TRY(put_aside(s, set, aside, c->hashes, naside));
        sel = left;
        n = nkept;
    }
    if (n > 0) TRY(agg_feed(c, sel, n, nrows, s->groups, s->numbers, NULL, s->state_arena));
    if (s->spilling) return QN_OK;
    size_t held = hash_bytes_held(s, set);
    if ((int64_t)held > s->peak_bytes) s->peak_bytes = (int64_t)held;
    if (held > s->base.exec->work_mem && s->level < MAX_LEVELS) s->spilling = true;
    return QN_OK;
}

static Status
find_numbered_group(void *arg, int64_t number, char **states_out)
{
    AggState *s = arg;
    AggSet *set = &s->sets[s->set];
    char *row;
    TRY(rowstore_row(set->groups, number, &row));
    *states_out = row + set->layout.tail_offset + 16;
    return QN_OK;
}

/* The rows set aside wait their turn. */
static Status
queue_partitions(AggState *s, AggSet *set)
{
    for (int p = 0; set->partitions != NULL && p < NPARTITIONS; p++) {
        RowStore *rows = set->partitions[p];
        if (rowstore_count(rows) == 0) {
            rowstore_free(rows);
            continue;
        }
        Pending *pend;
        TRY_ALLOC(s->base.ctx, pend, ARENA_NEW(s->base.arena, Pending));
        s->spilled_bytes += rowstore_spilled(rows);
        pend->rows = rows;
        pend->set = (int)(set - s->sets);
        pend->level = s->level + 1;
        pend->next = s->pending;
        s->pending = pend;
        set->partitions[p] = NULL;
    }
    set->partitions = NULL;
    return QN_OK;
}

static void
clear_set(AggState *s, AggSet *set)
{
    hashtable_reset(&set->table);
    rowstore_reset(set->groups);
    mem_free(s->base.ctx->mem, set->tiny, TINY_CODES * sizeof(char *));
    set->tiny = NULL;
}

/* Reads all input into every set. Several sets share the memory of one. */
static Status
read_input(AggState *s)
{
    AggCommon *c = &s->c;
    for (;;) {
        Batch *b;
        TRY(exec_next(s->base.outer, &b));
        if (b == NULL) break;
        TRY(agg_inputs(c, b));
        if (s->nsets == 1) {
            TRY(group_rows(s, &s->sets[0], b->sel, b->nsel, b->nrows));
            continue;
        }
        /* With several sets the rows are kept, and each set reads them: states of one set at a time. */
        if (s->replay == NULL) TRY_ALLOC(s->base.ctx, s->replay, exec_batch_new(s->base.arena, c->nin, c->in_types));
        if (s->pending == NULL) {
            TRY_ALLOC(s->base.ctx, s->pending, ARENA_NEW(s->base.arena, Pending));
            TRY(rowstore_new(s->base.ctx, s->base.arena, c->nin, c->in_types, s->base.exec->work_mem, &s->pending->rows));
            s->pending->set = -1;
        }
        TRY(rowstore_append_rows(s->pending->rows, c->in, b->sel, b->nsel, NULL));
    }
    return QN_OK;
}

static EXEC_NOINLINE Status
replay_rows(AggState *s, RowStore *rows, AggSet *set)
{
    AggCommon *c = &s->c;
    if (s->replay == NULL) TRY_ALLOC(s->base.ctx, s->replay, exec_batch_new(s->base.arena, c->nin, c->in_types));
    for (int64_t at = 0; rows != NULL && at < rowstore_count(rows);) {
        int n;
        TRY(ctx_check_stop(s->base.ctx));
        TRY(rowstore_read(rows, at, BATCH_ROWS, s->replay, &n));
        at += n;
        memcpy(c->in, s->replay->cols, (size_t)c->nin * sizeof(Vector *));
        TRY(group_rows(s, set, NULL, n, n));
    }
    return QN_OK;
}

/* What is to be grouped next: a set over the kept input, or a partition. False: nothing. */
static Status
begin_next(AggState *s, bool *more)
{
    Pending *shared = NULL;
    *more = true;
    s->spilling = false;
    s->written = 0;
    agg_common_reset(&s->c);
    arena_reset(s->state_arena);
    if (s->pending != NULL && s->pending->set >= 0) {
        Pending *p = s->pending;
        s->pending = p->next;
        s->set = p->set;
        s->level = p->level;
        Status st = replay_rows(s, p->rows, &s->sets[s->set]);
        rowstore_free(p->rows);
        TRY(st);
        return queue_partitions(s, &s->sets[s->set]);
    }
    if (s->nsets == 1 || s->set + 1 >= s->nsets) {
        *more = false;
        return QN_OK;
    }
    shared = s->pending;
    s->set++;
    s->level = 0;
    TRY(replay_rows(s, shared != NULL ? shared->rows : NULL, &s->sets[s->set]));
    return queue_partitions(s, &s->sets[s->set]);
}

/* An empty grouping set has a group even without rows. */
static Status
ensure_group(AggState *s, AggSet *set)
{
    if (set->nkeys > 0 || rowstore_count(set->groups) > 0) return QN_OK;
    char *row = rowstore_alloc_row(set->groups);
    if (row == NULL) return s->base.ctx->err.code;
    for (int i = 0; i < s->c.ndirect; i++)
        row[set->layout.nulls_offset + (uint32_t)((set->nkeys + i) >> 3)] |= (char)(1 << ((set->nkeys + i) & 7));
    return agg_init_states(&s->c, row + set->layout.tail_offset + 16, s->state_arena);
}

static EXEC_NOINLINE Status
write_groups(AggState *s, int *nout)
{
    AggCommon *c = &s->c;
    AggSet *set = &s->sets[s->set];
    Ctx *ctx = s->base.ctx;
    char *base, *rows[BATCH_ROWS];
    int n;
    TRY(rowstore_run(set->groups, s->written, &base, &n));
    if (n > BATCH_ROWS) n = BATCH_ROWS;
    *nout = n;
    if (n == 0) return QN_OK;
    s->written += n;
    for (int i = 0; i < n; i++) rows[i] = base + (size_t)i * set->layout.row_bytes;
    for (int i = 0; i < c->nkeys; i++) {
        Value null = value_null(c->in_types[i]);
        vec_set_const(c->out->cols[i], &null);
    }
    for (int i = 0; i < set->nkeys; i++)
        TRY(row_gather(ctx, c->out_arena, &set->layout, i, rows, n, c->out->cols[set->keys[i]]));
    for (int i = 0; i < n; i++) {
        Value direct[32];
        for (int j = 0; j < c->ndirect && j < 32; j++) direct[j] = row_get(&set->layout, set->nkeys + j, rows[i]);
        TRY(agg_results(c, rows[i] + set->layout.tail_offset + 16, direct, i, s->state_arena));
    }
    if (c->plan->nsets > 0) {
        Value v = value_i32(TYPE_INT4, s->set);
        vec_set_const(c->out->cols[c->nkeys + c->nfns], &v);
    }
    return QN_OK;
}

static Status
next_by_hash(AggState *s, int *nout)
{
    *nout = 0;
    if (s->phase == AGG_READ) {
        TRY(read_input(s));
        if (s->nsets == 1) {
            s->set = 0;
            TRY(queue_partitions(s, &s->sets[0]));
        } else {
            bool more;
            s->set = -1;
            TRY(begin_next(s, &more));
        }
        TRY(ensure_group(s, &s->sets[s->set]));
        TRY(agg_feed_sorted(&s->c, find_numbered_group, s, s->state_arena));
        s->phase = AGG_WRITE;
    }
    while (s->phase == AGG_WRITE) {
        TRY(write_groups(s, nout));
        if (*nout > 0) return QN_OK;
        bool more;
        clear_set(s, &s->sets[s->set]);
        int set = s->set;
        TRY(begin_next(s, &more));
        if (!more) {
            s->phase = AGG_DONE;
            return QN_OK;
        }
        if (s->set != set) TRY(ensure_group(s, &s->sets[s->set]));
        TRY(agg_feed_sorted(&s->c, find_numbered_group, s, s->state_arena));
    }
    return QN_OK;
}

static Status
agg_next(ExecNode *node, Batch **out)
{
    AggState *s = (AggState *)node;
    Batch *b = s->c.out;
    *out = NULL;
    while (*out == NULL && s->phase != AGG_DONE) {
        int n = 0;
        arena_reset(s->c.out_arena);
        int room = s->c.nkeys == 0 && !s->hashed ? 1 : BATCH_ROWS;
        if (!exec_batch_reserve(b, room)) return RAISE_OOM(node->ctx);
        if (s->hashed) TRY(next_by_hash(s, &n));
        else TRY(next_by_runs(s, &n));
        if (n == 0) continue;
        b->nrows = b->nsel = n;
        b->sel = NULL;
        TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

static void
drop_pending(AggState *s)
{
    for (Pending *p = s->pending; p != NULL; p = p->next) rowstore_free(p->rows);
    s->pending = NULL;
    for (int i = 0; i < s->nsets && s->sets != NULL; i++) {
        AggSet *set = &s->sets[i];
        for (int p = 0; set->partitions != NULL && p < NPARTITIONS; p++) rowstore_free(set->partitions[p]);
        set->partitions = NULL;
    }
}

static void
agg_release(ExecNode *node)
{
    AggState *s = (AggState *)node;
    drop_pending(s);
    if (s->c.fns != NULL) agg_common_reset(&s->c);
    for (int i = 0; i < s->nsets && s->sets != NULL; i++)
        if (s->sets[i].groups != NULL) clear_set(s, &s->sets[i]);
    if (s->state_arena != NULL) arena_reset(s->state_arena);
    s->phase = AGG_DONE;
}

static Status
agg_rescan(ExecNode *node, DepSet changed)
{
    AggState *s = (AggState *)node;
    if (s->hashed && s->nsets == 1 && s->phase != AGG_READ && (changed & DEP_RUN) == 0 &&
        !exec_depends(node, changed) && s->level == 0 && s->pending == NULL && rowstore_count(s->sets[0].groups) > 0) {
        s->written = 0; /* the groups are still there */
        s->phase = AGG_WRITE;
        return QN_OK;
    }
    agg_release(node);
    s->phase = AGG_READ;
    s->has_group = s->spilling = false;
    s->input = NULL;
    s->level = s->set = 0;
    s->written = 0;
    return exec_rescan(node->outer, changed);
}

static void
agg_close(ExecNode *node)
{
    AggState *s = (AggState *)node;
    drop_pending(s);
    for (int i = 0; i < s->nsets && s->sets != NULL; i++) {
        hashtable_free(&s->sets[i].table);
        rowstore_free(s->sets[i].groups);
        mem_free(node->ctx->mem, s->sets[i].tiny, TINY_CODES * sizeof(char *));
        s->sets[i].tiny = NULL;
    }
    agg_common_close(&s->c);
}

static void
agg_describe(const ExecNode *node, Describe *d)
{
    const AggState *s = (const AggState *)node;
    if (!d->analyze || !s->hashed) return;
    describe_int(d, "HashAgg Batches", NULL, 1 + s->npartitions);
    describe_int(d, "Peak Memory Usage", "kB", (s->peak_bytes + 1023) / 1024);
    describe_int(d, "Disk Usage", "kB", (s->spilled_bytes + 1023) / 1024);
}

const ExecOps aggregate_ops = {.state_bytes = sizeof(AggState), .open = agg_open, .next = agg_next,
                               .rescan = agg_rescan, .release = agg_release, .close = agg_close,
                               .describe = agg_describe};
