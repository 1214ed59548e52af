/* window.c - WindowAgg: functions over partitions of input sorted by partition and order keys.
 *
 * Rows of whole partitions are kept in a row store: the input's columns, then the functions' arguments and filters and the order
 * key. Beside each row are two flags, whether it begins a partition and whether it begins a group of peers. When a partition is complete
 * its rows are handed up, a segment at a time, with each function's values for the segment. windowframe.c finds the frames and
 * aggregates over them. The store begins anew, with the rows of the partition not complete yet, when most of it is used up. */
#include "executor/window.h"

#include "executor/keys.h"
#include "executor/vecutil.h"
#include <assert.h>

static Status
collect_kept(WindowState *s, ExprList *list)
{
    const WindowAggPlan *plan = s->plan;
    int n = plan->order.count + plan->partition.count;
    for (int i = 0; i < plan->nfns; i++) n += plan->fns[i].args.count + 1;
    TRY_ALLOC(s->base.ctx, list->items, ARENA_ARRAY(s->base.arena, Expr *, n + 1));
    list->count = 0;
    list->cap = n;
    for (int i = 0; i < plan->nfns; i++) {
        const WindowSpec *spec = &plan->fns[i];
        WinFn *f = &s->fns[i];
        f->spec = spec;
        f->first_arg = s->nin + list->count;
        f->nargs = spec->args.count;
        for (int k = 0; k < spec->args.count; k++) list->items[list->count++] = spec->args.items[k];
        f->filter = -1;
        if (spec->filter != NULL) {
            f->filter = s->nin + list->count;
            list->items[list->count++] = spec->filter;
        }
    }
    s->order_col = s->nin + list->count;
    for (int i = 0; i < plan->order.count; i++) list->items[list->count++] = plan->order.items[i].expr;
    s->nkept = list->count;
    for (int i = 0; i < plan->partition.count; i++) list->items[list->count++] = plan->partition.items[i];
    return QN_OK;
}

static Status
window_open(ExecNode *node)
{
    WindowState *s = (WindowState *)node;
    Ctx *ctx = node->ctx;
    ExprList list;
    Oid *in_types, *types;
    s->plan = (const WindowAggPlan *)node->plan;
    s->nfns = s->plan->nfns;
    TRY_ALLOC(ctx, s->fns, ARENA_ARRAY(node->arena, WinFn, s->nfns + 1));
    TRY_ALLOC(ctx, in_types, exec_output_types(node->arena, node->plan->outer, &s->nin));
    TRY(collect_kept(s, &list));
    TRY(expr_compile(node->exec, &list, &node->deps, &s->prog));
    s->npartition = s->plan->partition.count;
    s->norder = s->plan->order.count;
    int n = s->nin + s->nkept;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(node->arena, Oid, n + s->nfns + 1));
    memcpy(types, in_types, (size_t)s->nin * sizeof(Oid));
    for (int i = 0; i < s->nkept; i++) types[s->nin + i] = list.items[i]->type;
    for (int i = 0; i < 2; i++) TRY(rowstore_new(ctx, node->arena, n, types, node->exec->work_mem, &s->stores[i]));
    s->rows = s->stores[0];
    s->layout = rowstore_layout(s->rows);
    TRY_ALLOC(ctx, s->kept_types, arena_memdup(node->arena, types, (size_t)(n + 1) * sizeof(Oid)));
    TRY_ALLOC(ctx, s->cols, ARENA_ARRAY(node->arena, Vector *, n + 1));
    for (int i = 0; i < s->nfns; i++) types[s->nin + i] = s->plan->fns[i].type;
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, s->nin + s->nfns, types));
    TRY_ALLOC(ctx, s->part_out, exec_batch_new(node->arena, s->nin, types));
    TRY_ALLOC(ctx, s->out_arena, arena_create(node->arena, "window results"));
    TRY_ALLOC(ctx, s->last, ARENA_ARRAY(node->arena, Value, s->npartition + s->norder + 1));
    TRY_ALLOC(ctx, s->last_arena, arena_create(node->arena, "window key"));
    TRY(winframe_open(s));
    if (s->plan->run_condition.count > 0)
        TRY(expr_compile_filter(node->exec, &s->plan->run_condition, &node->deps, &s->run_condition));
    return exec_open_output(node);
}

/* Room for flags of n more rows. */
static Status
grow_flags(WindowState *s, int64_t n)
{
    if (n <= s->flags_cap) return QN_OK;
    int64_t cap = s->flags_cap != 0 ? s->flags_cap : 4096;
    while (cap < n) cap *= 2;
    uint8_t *p = mem_realloc(s->base.ctx->mem, s->flags, (size_t)s->flags_cap, (size_t)cap);
    if (p == NULL) return RAISE_OOM(s->base.ctx);
    s->flags = p;
    s->flags_cap = cap;
    return QN_OK;
}

/* Whether key columns first..first+n-1 of the program differ between rows a and b of the batch; a < 0: the last row of the batch before. */
static bool
keys_differ(WindowState *s, int first, int n, int last_at, int a, int b)
{
    for (int i = 0; i < n; i++) {
        const Vector *v = expr_result(s->prog, first + i);
        if (a >= 0) {
            if (!keys_equal_rows(v, a, v, b)) return true;
        } else {
            Value x = vec_get(v, b);
            if (!keys_equal_values(&x, &s->last[last_at + i])) return true;
        }
    }
    return false;
}

static Status
mark_rows(WindowState *s, Batch *b)
{
    int64_t at = rowstore_count(s->rows);
    int prev = -1, order = s->order_col - s->nin;
    TRY(grow_flags(s, at + b->nsel));
    for (int k = 0; k < b->nsel; k++) {
        int i = batch_row(b, k);
        bool first = prev < 0 && !s->has_last;
        bool part = first || keys_differ(s, s->nkept, s->npartition, 0, prev, i);
        bool peer = part || keys_differ(s, order, s->norder, s->npartition, prev, i);
        s->flags[at + k] = (uint8_t)((part ? WIN_PARTITION : 0) | (peer ? WIN_PEERS : 0));
        prev = i;
    }
    arena_reset(s->last_arena);
    for (int i = 0; i < s->npartition + s->norder; i++) {
        int at_col = i < s->npartition ? s->nkept + i : order + i - s->npartition;
        Value v = vec_get(expr_result(s->prog, at_col), prev);
        TRY(value_copy(s->base.ctx, s->last_arena, &v, &s->last[i]));
    }
    s->has_last = true;
    return QN_OK;
}

static Status take_rows(WindowState *s, int n);

static Status
read_batch(WindowState *s)
{
    Batch *b;
    TRY(take_rows(s, s->nout)); /* appending may send rows to the file */
    TRY(exec_next(s->base.outer, &b));
    if (b == NULL) {
        s->input_done = true;
        return QN_OK;
    }
    TRY(expr_run(s->prog, b, NULL, b->sel, b->nsel, b->nrows));
    TRY(mark_rows(s, b));
    for (int i = 0; i < s->nin; i++) s->cols[i] = b->cols[i];
    for (int i = 0; i < s->nkept; i++) s->cols[s->nin + i] = expr_result(s->prog, i);
    return rowstore_append_rows(s->rows, s->cols, b->sel, b->nsel, NULL);
}

/* Drops the rows of partitions that are through, once they are the larger part. */
static Status
compact(WindowState *s)
{
    int64_t n = rowstore_count(s->rows), rest = n - s->part_end;
    if (s->part_end < 4 * BATCH_ROWS || rest > s->part_end) return QN_OK;
    RowStore *to = s->rows == s->stores[0] ? s->stores[1] : s->stores[0];
    rowstore_reset(to);
    for (int64_t i = s->part_end; i < n; i++) {
        char *row;
        TRY(rowstore_row(s->rows, i, &row));
        TRY(rowstore_append_raw(to, row, NULL));
    }
    memmove(s->flags, s->flags + s->part_end, (size_t)rest);
    rowstore_reset(s->rows);
    s->rows = to;
    s->scan_at -= s->part_end;
    s->part_start = s->part_end = s->at = 0;
    return QN_OK;
}

/* The next partition, whole: [part_start, part_end). False at the end of the input. */
static Status
next_partition(WindowState *s, bool *found)
{
    s->part_start = s->part_end;
    if (s->scan_at <= s->part_start) s->scan_at = s->part_start + 1;
    for (;;) {
        int64_t n = rowstore_count(s->rows);
        while (s->scan_at < n && (s->flags[s->scan_at] & WIN_PARTITION) == 0) s->scan_at++;
        if (s->scan_at < n || s->input_done) break;
        TRY(read_batch(s));
    }
    int64_t n = rowstore_count(s->rows);
    s->part_end = s->scan_at < n ? s->scan_at : n;
    s->at = s->part_start;
    *found = s->part_end > s->part_start;
    if (*found) {
        s->in_partition = true;
        s->skip_rest = false;
        TRY(winframe_begin_partition(s));
    }
    return QN_OK;
}

/* Columns of rows [from, to) of the batch, one value at a time with copies: once the store has spilled, rows come and go. */
static EXEC_NOINLINE Status
take_copies(WindowState *s, int from, int to)
{
    Ctx *ctx = s->base.ctx;
    for (int c = 0; c < s->nin; c++) {
        for (int k = from; k < to; k++) {
            Value x = row_get(s->layout, c, s->row_ptrs[k]);
            TRY(value_copy(ctx, s->out_arena, &x, &x));
            TRY(exec_vec_put(ctx, s->out_arena, s->out->cols[c], k, &x));
        }
    }
    s->taken = to;
    return QN_OK;
}

/* The input's columns of the batch's rows up to n, as far as they are not there yet. */
static Status
take_rows(WindowState *s, int n)
{
    Ctx *ctx = s->base.ctx;
    int from = s->taken;
    if (from == n) return QN_OK;
    if (rowstore_spilled(s->rows) > 0) return take_copies(s, from, n);
    Batch *to = from == 0 ? s->out : s->part_out;
    if (!exec_batch_reserve(to, n - from)) return RAISE_OOM(ctx);
    for (int c = 0; c < s->nin; c++) {
        TRY(row_gather(ctx, s->out_arena, s->layout, c, s->row_ptrs + from, n - from, to->cols[c]));
        if (from > 0) TRY(exec_vec_append(ctx, s->out_arena, s->out->cols[c], from, to->cols[c], NULL, n - from));
    }
    s->taken = n;
    return QN_OK;
}

/* Rows [s->at, s->at + m) to rows n.. of out: the functions' values; the input's columns follow in take_rows. */
static EXEC_NOINLINE Status
add_segment(WindowState *s, int n, int m)
{
    char **rows = s->row_ptrs + n;
    for (int k = 0; k < m;) {
        char *base;
        int len, from = k;
        TRY(rowstore_run(s->rows, s->at + k, &base, &len));
        for (int i = 0; i < len && k < m; i++) rows[k++] = base + (size_t)i * s->layout->row_bytes;
        if (rowstore_spilled(s->rows) > 0) TRY(take_copies(s, n + from, n + k));
    }
    for (int i = 0; i < s->nfns; i++) TRY(winframe_values(s, &s->fns[i], s->at, m, s->out->cols[s->nin + i], n));
    s->at += m;
    return QN_OK;
}

/* Rows of the segment that the run condition refuses end their partition. */
static EXEC_NOINLINE Status
apply_run_condition(WindowState *s, int from, int n, int *kept)
{
    uint16_t sel[BATCH_ROWS], pass[BATCH_ROWS];
    for (int k = 0; k < n - from; k++) sel[k] = (uint16_t)(from + k);
    TRY(expr_filter(s->run_condition, s->out, NULL, sel, n - from, n, pass, kept));
    if (*kept < n - from) s->skip_rest = true;
    return QN_OK;
}

static Status
window_next(ExecNode *node, Batch **out)
{
    WindowState *s = (WindowState *)node;
    *out = NULL;
    while (*out == NULL) {
        int n = 0;
        TRY(ctx_check_stop(node->ctx));
        arena_reset(s->out_arena);
        s->nout = s->taken = 0;
        if (!exec_batch_reserve(s->out, BATCH_ROWS)) return RAISE_OOM(node->ctx);
        if (!s->in_partition) TRY(compact(s));
        while (n < BATCH_ROWS) {
            if (!s->in_partition) {
                bool found;
                TRY(next_partition(s, &found));
                if (!found) break;
            }
            int64_t left = s->part_end - s->at;
            int m = left < BATCH_ROWS - n ? (int)left : BATCH_ROWS - n;
            TRY(add_segment(s, n, m));
            if (s->run_condition != NULL) {
                int kept;
                TRY(take_rows(s, n + m));
                TRY(apply_run_condition(s, n, n + m, &kept));
                m = kept; /* the condition holds for a prefix */
                s->taken = n + m;
            }
            n += m;
            s->nout = n;
            if (s->at == s->part_end || s->skip_rest) s->in_partition = false;
        }
        if (n == 0) return QN_OK;
        TRY(take_rows(s, n));
        s->out->nrows = s->out->nsel = n;
        s->out->sel = NULL;
        TRY(exec_emit(node, s->out, NULL, out));
    }
    return QN_OK;
}

static void
window_release(ExecNode *node)
{
    WindowState *s = (WindowState *)node;
    for (int i = 0; i < 2; i++)
        if (s->stores[i] != NULL) rowstore_reset(s->stores[i]);
    winframe_reset(s);
    s->part_start = s->part_end = s->at = s->scan_at = 0;
    s->has_last = s->in_partition = false;
    s->nout = s->taken = 0;
    s->input_done = true;
}

static Status
window_rescan(ExecNode *node, DepSet changed)
{
    WindowState *s = (WindowState *)node;
    window_release(node);
    s->input_done = false;
    return exec_rescan(node->outer, changed);
}

static void
window_close(ExecNode *node)
{
    WindowState *s = (WindowState *)node;
    winframe_close(s);
    for (int i = 0; i < 2; i++) rowstore_free(s->stores[i]);
    mem_free(node->ctx->mem, s->flags, (size_t)s->flags_cap);
    expr_prog_close(s->prog);
    expr_prog_close(s->run_condition);
}

const ExecOps windowagg_ops = {.state_bytes = sizeof(WindowState), .open = window_open, .next = window_next,
                               .rescan = window_rescan, .release = window_release, .close = window_close};
