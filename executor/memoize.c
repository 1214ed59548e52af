/* memoize.c - Memoize: the inner side of a parametrised nested loop, with results kept by parameter values. Past work_mem the cache is
 * emptied and begins anew. A key's rows are entered only when all of them have been read. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/hashtable.h"
#include "executor/vecutil.h"

/* Tail of a key's row: where its result lies in the row store. */
typedef struct MemoEntry {
    int64_t from, count; /* count -1: not complete */
} MemoEntry;

typedef struct MemoizeState {
    ExecNode base;
    const MemoizePlan *plan;
    ExprProg *keys;
    Vector **key_vecs;
    DepSet key_deps;
    RowLayout layout;
    RowStore *key_rows, *rows;
    HashTable table;
    char *entry;          /* of the current key */
    bool is_hit, is_open;
    DepSet changed;       /* for the input, since it last ran */
    int64_t at;
    Batch *out;
    int64_t hits, misses, evictions, overflows;
} MemoizeState;

static Status
memoize_open(ExecNode *node)
{
    MemoizeState *s = (MemoizeState *)node;
    Ctx *ctx = node->ctx;
    s->plan = (const MemoizePlan *)node->plan;
    int n = s->plan->keys.count, ncols;
    Oid *types;
    TRY(expr_compile(node->exec, &s->plan->keys, &node->deps, &s->keys));
    for (int i = 0; i < n; i++) s->key_deps |= dep_param(s->plan->param_ids[i]);
    TRY_ALLOC(ctx, s->key_vecs, ARENA_ARRAY(node->arena, Vector *, n + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(node->arena, Oid, n + 1));
    for (int i = 0; i < n; i++) types[i] = s->plan->keys.items[i]->type;
    TRY(rowlayout_init(ctx, node->arena, &s->layout, n, types, sizeof(HashRow), sizeof(MemoEntry)));
    TRY(rowstore_new_layout(ctx, node->arena, &s->layout, 0, &s->key_rows));
    TRY(hashtable_init(ctx, node->arena, &s->table, s->key_rows, n));
    TRY_ALLOC(ctx, types, exec_output_types(node->arena, node->plan->outer, &ncols));
    TRY(rowstore_new(ctx, node->arena, ncols, types, 0, &s->rows));
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, ncols, types));
    return exec_open_output(node);
}

static void
clear(MemoizeState *s)
{
    if (s->rows == NULL) return;
    hashtable_reset(&s->table);
    rowstore_reset(s->key_rows);
    rowstore_reset(s->rows);
    s->entry = NULL;
}

static MemoEntry *
entry_of(const MemoizeState *s)
{
    return (MemoEntry *)(s->entry + s->layout.tail_offset);
}

/* Looks the current parameters up. */
static Status
look_up(MemoizeState *s)
{
    uint64_t hash;
    uint16_t fresh[2];
    int nfresh;
    size_t held = rowstore_bytes(s->rows) + rowstore_bytes(s->key_rows) + hashtable_bytes(&s->table);
    if (held > s->base.exec->work_mem) {
        s->evictions += s->table.count;
        clear(s);
    }
    TRY(expr_run(s->keys, NULL, NULL, NULL, 1, 1));
    for (int i = 0; i < expr_count(s->keys); i++) s->key_vecs[i] = expr_result(s->keys, i);
    TRY(keys_hash(s->base.ctx, s->key_vecs, s->table.nkeys, NULL, 1, &hash));
    TRY(hashtable_find(&s->table, s->key_vecs, NULL, 1, &hash, true, &s->entry, fresh, &nfresh));
    MemoEntry *e = entry_of(s);
    s->is_open = true;
    s->at = 0;
    s->is_hit = nfresh == 0 && e->count >= 0;
    if (s->is_hit) {
        s->hits++;
        return QN_OK;
    }
    s->misses++;
    e->from = rowstore_count(s->rows);
    e->count = -1;
    DepSet changed = s->changed;
    s->changed = 0;
    return exec_rescan(s->base.outer, changed);
}

static Status
memoize_next(ExecNode *node, Batch **out)
{
    MemoizeState *s = (MemoizeState *)node;
    *out = NULL;
    if (!s->is_open) TRY(look_up(s));
    while (*out == NULL) {
        Batch *b;
        if (s->is_hit) {
            MemoEntry *e = entry_of(s);
            int n = 0;
            int64_t left = e->count - s->at;
            if (left > 0) TRY(rowstore_read(s->rows, e->from + s->at, left < BATCH_ROWS ? (int)left : BATCH_ROWS, s->out, &n));
            if (n == 0) return QN_OK;
            s->at += n;
            b = s->out;
        } else {
            TRY(exec_next(node->outer, &b));
            if (b == NULL) {
                MemoEntry *e = entry_of(s);
                e->count = rowstore_count(s->rows) - e->from;
                s->is_hit = true;
                s->at = e->count;
                return QN_OK;
            }
            TRY(rowstore_append(s->rows, b));
        }
        TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

static Status
memoize_rescan(ExecNode *node, DepSet changed)
{
    MemoizeState *s = (MemoizeState *)node;
    /* Something other than the keys changed: what is kept is out of date. */
    if ((changed & node->deps & ~s->key_deps) != 0) clear(s);
    s->changed |= changed;
    s->is_open = s->is_hit = false;
    return QN_OK;
}

static void
memoize_release(ExecNode *node)
{
    clear((MemoizeState *)node);
}

static void
memoize_close(ExecNode *node)
{
    MemoizeState *s = (MemoizeState *)node;
    hashtable_free(&s->table);
    rowstore_free(s->key_rows);
    rowstore_free(s->rows);
    expr_prog_close(s->keys);
}

static void
memoize_describe(const ExecNode *node, Describe *d)
{
    const MemoizeState *s = (const MemoizeState *)node;
    if (!d->analyze) return;
    describe_int(d, "Cache Hits", NULL, s->hits);
    describe_int(d, "Cache Misses", NULL, s->misses);
    describe_int(d, "Cache Evictions", NULL, s->evictions);
    describe_int(d, "Cache Overflows", NULL, s->overflows);
}

const ExecOps memoize_ops = {.state_bytes = sizeof(MemoizeState), .open = memoize_open, .next = memoize_next,
                             .rescan = memoize_rescan, .release = memoize_release, .close = memoize_close,
                             .describe = memoize_describe};
