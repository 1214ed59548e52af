/* windowframe.c - the frame of each row, and the functions' values over it.
 *
 * Frames of ascending rows only move forward, so their ends are found by walking. An aggregate keeps the state of the frame
 * before: rows are added when the frame grew at its end, taken out (remove_one) when it lost rows at its start; where an aggregate
 * cannot take rows out, or EXCLUDE cuts the frame, the frame is aggregated anew. Equal frames share their value. */
#include "executor/window.h"

#include "executor/keys.h"
#include "executor/vecutil.h"
#include "types/agg_user.h"
#include <assert.h>

static bool
has_offset(FrameBound b)
{
    return b == BOUND_PRECEDING || b == BOUND_FOLLOWING;
}

static Status
open_agg(WindowState *s, WinFn *f)
{
    Ctx *ctx = s->base.ctx;
    Arena *arena = s->base.arena;
    const Aggregate *agg = f->spec->agg;
    Oid *types;
    TRY_ALLOC(ctx, f->state, arena_zalloc(arena, agg->state_bytes + 16));
    TRY_ALLOC(ctx, f->arena, arena_create(arena, "window state"));
    TRY_ALLOC(ctx, f->value_arena, arena_create(arena, "window value"));
    TRY_ALLOC(ctx, f->call.args, ARENA_ARRAY(arena, Vector *, f->nargs + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, f->nargs + 2));
    for (int i = 0; i < f->nargs; i++) types[i] = f->spec->args.items[i]->type;
    if (f->filter >= 0) types[f->nargs] = TYPE_BOOL;
    for (int i = 0; i < 2; i++)
        TRY_ALLOC(ctx, f->blocks[i].batch, exec_batch_new(arena, f->nargs + (f->filter >= 0), types));
    f->call.ctx = ctx;
    f->call.arena = f->arena;
    f->call.nargs = f->nargs;
    f->call.arg_types = types;
    f->call.arg_typmod = f->nargs > 0 ? f->spec->args.items[0]->typmod : -1;
    f->call.collation = f->nargs > 0 ? f->spec->args.items[0]->collation : INVALID_OID;
    f->call.account = ctx->mem;
    f->call.agg = agg;
    f->call.site_arena = arena;
    f->call.grown_bytes = &f->grown;
    return QN_OK;
}

static Status
open_range(WindowState *s)
{
    Ctx *ctx = s->base.ctx;
    const WindowFrame *fr = &s->plan->frame;
    Arena *arena = s->base.arena;
    if (s->norder != 1 || fr->range_add == NULL || fr->range_sub == NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "RANGE with offset PRECEDING/FOLLOWING is not supported for this column type");
    TRY_ALLOC(ctx, s->range_call, ARENA_NEW(arena, KernelCall));
    TRY_ALLOC(ctx, s->range_call->state, ARENA_NEW(arena, void *));
    TRY_ALLOC(ctx, s->range_args[0], vec_new(arena, s->kept_types[s->order_col]));
    const Expr *off = fr->start_offset != NULL ? fr->start_offset : fr->end_offset;
    TRY_ALLOC(ctx, s->range_args[1], vec_new(arena, off->type));
    TRY_ALLOC(ctx, s->range_out, vec_new(arena, fr->range_add->result));
    if (!vec_reserve(arena, s->range_args[0], 1) || !vec_reserve(arena, s->range_args[1], 1) ||
        !vec_reserve(arena, s->range_out, 1))
        return RAISE_OOM(ctx);
    Oid *types;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, 2));
    types[0] = s->range_args[0]->type;
    types[1] = off->type;
    s->range_call->ctx = ctx;
    s->range_call->nargs = 2;
    s->range_call->args = s->range_args;
    s->range_call->out = s->range_out;
    s->range_call->n = 1;
    s->range_call->arg_types = types;
    s->range_call->out_typmod = -1;
    s->range_call->state_arena = arena;
    return QN_OK;
}

Status
winframe_open(WindowState *s)
{
    const WindowFrame *fr = &s->plan->frame;
    ExecNode *node = &s->base;
    for (int i = 0; i < s->nfns; i++) {
        if (s->fns[i].spec->ignore_nulls)
            return RAISE(node->ctx, ERR_FEATURE_NOT_SUPPORTED, "IGNORE NULLS is not supported");
        if (s->fns[i].spec->agg != NULL) TRY(open_agg(s, &s->fns[i]));
    }
    if (fr->start_offset != NULL) TRY(expr_compile_one(node->exec, fr->start_offset, &node->deps, &s->start_offset));
    if (fr->end_offset != NULL) TRY(expr_compile_one(node->exec, fr->end_offset, &node->deps, &s->end_offset));
    if (fr->mode == FRAME_RANGE && (has_offset(fr->start) || has_offset(fr->end))) TRY(open_range(s));
    return QN_OK;
}

static void
drop_blocks(WinFn *f)
{
    for (int i = 0; i < 2; i++) f->blocks[i].from = f->blocks[i].to = 0;
}

void
winframe_reset(WindowState *s)
{
    s->has_offsets = false;
    for (int i = 0; i < s->nfns && s->fns != NULL; i++) {
        WinFn *f = &s->fns[i];
        if (f->arena != NULL) arena_reset(f->arena);
        if (f->value_arena != NULL) arena_reset(f->value_arena);
        f->has_state = f->has_value = false;
        drop_blocks(f);
    }
}

void
winframe_close(WindowState *s)
{
    expr_prog_close(s->start_offset);
    expr_prog_close(s->end_offset);
    mem_free(s->base.ctx->mem, s->groups, (size_t)s->groups_cap * sizeof(int64_t));
}

static int64_t
as_int64(const Value *v)
{
    return v->phys == PHYS_I64 ? v->i64 : v->phys == PHYS_I32 ? v->i32 : v->i16;
}

static bool
is_negative(const Value *v)
{
    switch (v->phys) {
    case PHYS_I16: return v->i16 < 0;
    case PHYS_I32: return v->i32 < 0;
    case PHYS_I64: return v->i64 < 0;
    case PHYS_I128: return v->i128 < 0;
    case PHYS_F32: return v->f32 < 0;
    case PHYS_F64: return v->f64 < 0;
    case PHYS_INTERVAL: {
        Value zero = value_null(TYPE_INTERVAL);
        zero.is_null = false;
        zero.phys = PHYS_INTERVAL;
        return type_info(TYPE_INTERVAL)->cmp(v, &zero) < 0;
    }
    case PHYS_STR: {
        Value zero = value_i64(TYPE_NUMERIC, 0);
        return v->type == TYPE_NUMERIC && type_info(TYPE_NUMERIC)->cmp(v, &zero) < 0;
    }
    default: return false;
    }
}

static Status
one_offset(WindowState *s, ExprProg *prog, const char *which, Value *value, int64_t *rows)
{
    Ctx *ctx = s->base.ctx;
    if (prog == NULL) return QN_OK;
    TRY(expr_eval(prog, value));
    if (value->is_null) return RAISE(ctx, ERR_NULL_VALUE_NOT_ALLOWED, "frame %s offset must not be null", which);
    bool range = s->plan->frame.mode == FRAME_RANGE;
    if (is_negative(value)) {
        if (range)
            return RAISE(ctx, ERR_INVALID_PRECEDING_OR_FOLLOWING_SIZE, "invalid preceding or following size in window function");
        return RAISE(ctx, ERR_INVALID_PRECEDING_OR_FOLLOWING_SIZE, "frame %s offset must not be negative", which);
    }
    if (!range) {
        *rows = as_int64(value);
        if (*rows > INT64_MAX / 4) *rows = INT64_MAX / 4;
    }
    return QN_OK;
}

Status
winframe_begin_partition(WindowState *s)
{
    if (!s->has_offsets) {
        TRY(one_offset(s, s->start_offset, "starting", &s->start_value, &s->start_rows));
        TRY(one_offset(s, s->end_offset, "ending", &s->end_value, &s->end_rows));
        s->has_offsets = true;
    }
    for (int i = 0; i < s->nfns; i++) {
        WinFn *f = &s->fns[i];
        f->has_state = f->has_value = false;
        drop_blocks(f);
        f->rank = f->dense = 0;
        f->peer_end = s->part_start;
        f->ntile = 0;
        f->walk = (WinWalk){.row = -1, .range_start = s->part_start, .range_end = s->part_start,
                            .group_start = s->part_start, .group_end = s->part_start};
    }
    if (s->plan->frame.mode != FRAME_GROUPS) return QN_OK;
    s->ngroups = 0;
    for (int64_t i = s->part_start; i < s->part_end; i++) {
        if ((s->flags[i] & WIN_PEERS) == 0) continue;
        if (s->ngroups == s->groups_cap) {
            int64_t cap = s->groups_cap != 0 ? s->groups_cap * 2 : 64;
            int64_t *p = mem_realloc(s->base.ctx->mem, s->groups, (size_t)s->groups_cap * sizeof(int64_t),
                                     (size_t)cap * sizeof(int64_t));
            if (p == NULL) return RAISE_OOM(s->base.ctx);
            s->groups = p;
            s->groups_cap = cap;
        }
        s->groups[s->ngroups++] = i;
    }
    return QN_OK;
}

/* The order key of a row. */
static Status
order_value(WindowState *s, int64_t row, Value *out)
{
    char *p;
    TRY(rowstore_row(s->rows, row, &p));
    *out = row_get(s->layout, s->order_col, p);
    return QN_OK;
}

/* base plus or minus the offset; false: past the type's range, no bound on that side. */
static Status
shifted(WindowState *s, const Value *base, const Value *offset, bool add, Value *out, bool *in_range)
{
    const WindowFrame *fr = &s->plan->frame;
    KernelCall *call = s->range_call;
    Value b = *base, o = *offset;
    *in_range = true;
    vec_set_const(s->range_args[0], &b);
    vec_set_const(s->range_args[1], &o);
    vec_reset(s->range_out, type_phys(s->range_out->type, -1));
    call->fn = add ? fr->range_add : fr->range_sub;
    call->sel = NULL;
    call->arena = s->out_arena;
    Status st = call->fn->kernel(call);
    if (st == ERR_NUMERIC_VALUE_OUT_OF_RANGE || st == ERR_DATETIME_FIELD_OVERFLOW) {
        err_clear(&s->base.ctx->err);
        *in_range = false;
        return QN_OK;
    }
    TRY(st);
    *out = vec_get(s->range_out, 0);
    return QN_OK;
}

/* RANGE: the first row not before (is_start), or the first row past, base -/+ offset. Walks on from `at`. */
static Status
walk_range(WindowState *s, int64_t row, const Value *offset, bool preceding, bool is_start, int64_t *at)
{
    bool desc = s->plan->order.items[0].desc, in_range;
    Value base, bound;
    TRY(order_value(s, row, &base));
    if (base.is_null) { /* NULLs are in range of NULLs only */
        *at = is_start ? s->w->group_start : s->w->group_end;
        return QN_OK;
    }
    TRY(shifted(s, &base, offset, preceding == desc, &bound, &in_range));
    const TypeInfo *t = type_info(s->kept_types[s->order_col]);
    if (bound.type != s->kept_types[s->order_col]) { /* date +/- interval is a timestamp */
        t = type_info(TYPE_TIMESTAMP);
    }
    int64_t i = *at < s->part_start ? s->part_start : *at;
    uint64_t work = 0;
    for (; i < s->part_end; i++) {
        Value v;
        TRY(ctx_count_work(s->base.ctx, &work, 64));
        TRY(order_value(s, i, &v));
        if (v.is_null) { /* NULLs lie at one end of the partition and are outside */
            if (s->plan->order.items[0].nulls_first) continue;
            break;
        }
        if (!in_range) {
            /* Before every value, or after every value. */
            if (preceding) break;
            continue;
        }
        if (v.type == TYPE_DATE && t->oid == TYPE_TIMESTAMP) {
            v.i64 = (int64_t)v.i32 * 86400000000LL;
            v.phys = PHYS_I64;
            v.type = TYPE_TIMESTAMP;
        }
        int c = t->cmp(&v, &bound);
        if (desc) c = -c;
        if (is_start ? c >= 0 : c > 0) break;
    }
    *at = i;
    return QN_OK;
}

/* The peers of a row. Rows come in ascending order. */
static void
find_peers(WindowState *s, int64_t row)
{
    if (row < s->w->group_end && row >= s->w->group_start && s->w->group_end > s->w->group_start) return;
    s->w->group_start = row;
    while ((s->flags[s->w->group_start] & WIN_PEERS) == 0) s->w->group_start--;
    s->w->group_end = row + 1;
    while (s->w->group_end < s->part_end && (s->flags[s->w->group_end] & WIN_PEERS) == 0) s->w->group_end++;
}

static int64_t
clamp(const WindowState *s, int64_t row)
{
    return row < s->part_start ? s->part_start : row > s->part_end ? s->part_end : row;
}

/* Where group number g of the partition starts; past the last: the partition's end. */
static int64_t
group_begin(const WindowState *s, int64_t g)
{
    return g < 0 ? s->part_start : g >= s->ngroups ? s->part_end : s->groups[g];
}

static Status
frame_start(WindowState *s, int64_t row, int64_t *out)
{
    const WindowFrame *fr = &s->plan->frame;
    bool before = fr->start == BOUND_PRECEDING;
    switch (fr->start) {
    case BOUND_UNBOUNDED_PRECEDING: *out = s->part_start; return QN_OK;
    case BOUND_UNBOUNDED_FOLLOWING: *out = s->part_end; return QN_OK;
    case BOUND_CURRENT_ROW: *out = fr->mode == FRAME_ROWS ? row : s->w->group_start; return QN_OK;
    case BOUND_PRECEDING:
    case BOUND_FOLLOWING: break;
    }
    int64_t off = before ? -s->start_rows : s->start_rows;
    if (fr->mode == FRAME_ROWS) *out = clamp(s, row + off);
    else if (fr->mode == FRAME_GROUPS) *out = group_begin(s, s->w->group_at + off);
    else {
        TRY(walk_range(s, row, &s->start_value, before, true, &s->w->range_start));
        *out = s->w->range_start;
    }
    return QN_OK;
}

static Status
frame_end(WindowState *s, int64_t row, int64_t *out)
{
    const WindowFrame *fr = &s->plan->frame;
    bool before = fr->end == BOUND_PRECEDING;
    switch (fr->end) {
    case BOUND_UNBOUNDED_PRECEDING: *out = s->part_start; return QN_OK;
    case BOUND_UNBOUNDED_FOLLOWING: *out = s->part_end; return QN_OK;
    case BOUND_CURRENT_ROW: *out = fr->mode == FRAME_ROWS ? row + 1 : s->w->group_end; return QN_OK;
    case BOUND_PRECEDING:
    case BOUND_FOLLOWING: break;
    }
    int64_t off = before ? -s->end_rows : s->end_rows;
    if (fr->mode == FRAME_ROWS) *out = clamp(s, row + off + 1);
    else if (fr->mode == FRAME_GROUPS) *out = s->w->group_at + off < 0 ? s->part_start : group_begin(s, s->w->group_at + off + 1);
    else {
        TRY(walk_range(s, row, &s->end_value, before, false, &s->w->range_end));
        *out = s->w->range_end;
    }
    return QN_OK;
}

static void
add_range(WinFrame *f, int64_t from, int64_t to)
{
    if (from < to) f->ranges[f->n++] = (WinRange){from, to};
}

static int64_t
min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The frame of a row; asked for in ascending order within a partition, by each function in turn. */
static Status
find_frame(WindowState *s, int64_t row)
{
    if (row == s->w->row) return QN_OK;
    const WindowFrame *fr = &s->plan->frame;
    int64_t from, to;
    find_peers(s, row);
    if (fr->mode == FRAME_GROUPS)
        while (s->w->group_at + 1 < s->ngroups && s->groups[s->w->group_at + 1] <= row) s->w->group_at++;
    TRY(frame_start(s, row, &from));
    TRY(frame_end(s, row, &to));
    s->w->row = row;
    s->w->frame.n = 0;
    if (from >= to) return QN_OK;
    int64_t gs = s->w->group_start, ge = s->w->group_end;
    switch (fr->exclude) {
    case EXCLUDE_NONE: add_range(&s->w->frame, from, to); break;
    case EXCLUDE_CURRENT_ROW:
        add_range(&s->w->frame, from, min64(to, row));
        add_range(&s->w->frame, max64(from, row + 1), to);
        break;
    case EXCLUDE_GROUP:
        add_range(&s->w->frame, from, min64(to, gs));
        add_range(&s->w->frame, max64(from, ge), to);
        break;
    case EXCLUDE_TIES:
        add_range(&s->w->frame, from, min64(to, gs));
        add_range(&s->w->frame, max64(from, row), min64(to, row + 1));
        add_range(&s->w->frame, max64(from, ge), to);
        break;
    }
    return QN_OK;
}

/* ---- aggregates ---- */

/* Makes the block hold row `from` and those after it. */
static Status
load_block(WindowState *s, WinFn *f, WinBlock *b, int64_t from)
{
    if (from >= b->from && from < b->to) return QN_OK;
    int64_t end = s->part_end - from > BATCH_ROWS ? from + BATCH_ROWS : s->part_end;
    char *base, *rows[BATCH_ROWS];
    int n;
    TRY(rowstore_run(s->rows, from, &base, &n));
    if (n > end - from) n = (int)(end - from);
    for (int i = 0; i < n; i++) rows[i] = base + (size_t)i * s->layout->row_bytes;
    if (!exec_batch_reserve(b->batch, n)) return RAISE_OOM(s->base.ctx);
    for (int c = 0; c < f->nargs; c++)
        TRY(row_gather(s->base.ctx, s->out_arena, s->layout, f->first_arg + c, rows, n, b->batch->cols[c]));
    if (f->filter >= 0)
        TRY(row_gather(s->base.ctx, s->out_arena, s->layout, f->filter, rows, n, b->batch->cols[f->nargs]));
    b->from = from;
    b->to = from + n;
    return QN_OK;
}

/* Adds rows [from, to) to the state, or takes them out. */
static Status
feed(WindowState *s, WinFn *f, int64_t from, int64_t to, bool remove)
{
    const Aggregate *agg = f->spec->agg;
    WinBlock *b = &f->blocks[remove];
    uint16_t sel[BATCH_ROWS];
    while (from < to) {
        TRY(ctx_check_stop(s->base.ctx));
        TRY(load_block(s, f, b, from));
        int64_t end = to < b->to ? to : b->to;
        int n = 0;
        const Vector *filter = f->filter >= 0 ? b->batch->cols[f->nargs] : NULL;
        for (int64_t r = from; r < end; r++) {
            int i = (int)(r - b->from);
            bool ok = filter == NULL || (!vec_is_null(filter, i) && ((const uint8_t *)filter->data)[i] != 0);
            if ((agg->flags & FN_STRICT) != 0)
                for (int c = 0; c < f->nargs; c++) ok &= !vec_is_null(b->batch->cols[c], i);
            sel[n] = (uint16_t)i;
            n += ok;
        }
        from = end;
        if (n == 0) continue;
        for (int c = 0; c < f->nargs; c++) f->call.args[c] = b->batch->cols[c];
        f->call.sel = sel;
        f->call.n = n;
        if (remove) TRY(agg->remove_one(&f->call, f->state));
        if (f->call.must_restart) return QN_OK;
        if (!remove) TRY(agg->update_one(&f->call, f->state));
    }
    return QN_OK;
}

static Status
restart(WindowState *s, WinFn *f)
{
    const Aggregate *agg = f->spec->agg;
    arena_reset(f->arena);
    f->grown = 0;
    f->call.must_restart = false;
    memset(f->state, 0, agg->state_bytes);
    f->frame.n = 0;
    f->has_state = true;
    (void)s;
    return agg->init != NULL ? agg->init(&f->call, f->state) : QN_OK;
}

static bool
same_frame(const WinFrame *a, const WinFrame *b)
{
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->ranges[i].from != b->ranges[i].from || a->ranges[i].to != b->ranges[i].to) return false;
    return true;
}

/* Brings the state from the frame it holds to the current one. */
static Status
move_state(WindowState *s, WinFn *f)
{
    const WinFrame *now = &s->w->frame, *was = &f->frame;
    const Aggregate *agg = f->spec->agg;
    if (f->has_state && now->n == 1 && was->n == 1 && now->ranges[0].from < was->ranges[0].to &&
        now->ranges[0].from >= was->ranges[0].from && now->ranges[0].to >= was->ranges[0].to) {
        WinRange a = was->ranges[0], b = now->ranges[0];
        int64_t lost = b.from - a.from;
        /* Which functions of a user's are called can be seen: as PostgreSQL would. */
        if (lost == 0 || (agg->remove_one != NULL && (lost < b.to - b.from || agg_is_user(agg)))) {
            if (lost > 0) TRY(feed(s, f, a.from, b.from, true));
            if (!f->call.must_restart) {
                TRY(feed(s, f, a.to, b.to, false));
                f->frame = *now;
                return QN_OK;
            }
        }
    }
    TRY(restart(s, f));
    for (int i = 0; i < now->n; i++) TRY(feed(s, f, now->ranges[i].from, now->ranges[i].to, false));
    f->frame = *now;
    return QN_OK;
}

static Status
agg_value(WindowState *s, WinFn *f, int64_t row, Value *out)
{
    Ctx *ctx = s->base.ctx;
    TRY(find_frame(s, row));
    if (!f->has_value || !same_frame(&f->frame, &s->w->frame)) {
        TRY(move_state(s, f));
        arena_reset(f->value_arena);
        TRY(f->spec->agg->final(&f->call, f->state, f->value_arena, &f->value));
        f->value.type = f->spec->type;
        f->has_value = true;
    }
    return value_copy(ctx, s->out_arena, &f->value, out);
}

/* ---- the functions that are no aggregates ---- */

/* Column c of a row; its bytes are copied once the store has spilled. */
static Status
stored_value(WindowState *s, int64_t row, int c, Value *out)
{
    char *p;
    TRY(rowstore_row(s->rows, row, &p));
    *out = row_get(s->layout, c, p);
    return rowstore_spilled(s->rows) > 0 ? value_copy(s->base.ctx, s->out_arena, out, out) : QN_OK;
}

/* The n-th row of the frame (0-based), from its end if back; -1: there is none. */
static int64_t
frame_nth(const WinFrame *f, int64_t n, bool back)
{
    for (int k = 0; k < f->n; k++) {
        const WinRange *r = &f->ranges[back ? f->n - 1 - k : k];
        int64_t len = r->to - r->from;
        if (n < len) return back ? r->to - 1 - n : r->from + n;
        n -= len;
    }
    return -1;
}

static void
set_int8(const WinFn *f, Value *out, int64_t v)
{
    *out = f->spec->type == TYPE_INT4 ? value_i32(TYPE_INT4, (int32_t)v) : value_i64(TYPE_INT8, v);
}

static void
set_float8(Value *out, double d)
{
    *out = value_null(TYPE_FLOAT8);
    out->is_null = false;
    out->phys = PHYS_F64;
    out->f64 = d;
}

static Status
offset_value(WindowState *s, WinFn *f, int64_t row, bool lead, Value *out)
{
    int64_t off = 1;
    if (f->nargs >= 2) {
        Value v;
        TRY(stored_value(s, row, f->first_arg + 1, &v));
        if (v.is_null) {
            *out = value_null(f->spec->type);
            return QN_OK;
        }
        off = as_int64(&v);
    }
    int64_t at = lead ? row + off : row - off;
    if (at >= s->part_start && at < s->part_end) return stored_value(s, at, f->first_arg, out);
    if (f->nargs >= 3) return stored_value(s, row, f->first_arg + 2, out);
    *out = value_null(f->spec->type);
    return QN_OK;
}

static Status
ntile_value(WindowState *s, WinFn *f, int64_t row, Value *out)
{
    if (f->ntile == 0) {
        Value v;
        TRY(stored_value(s, s->part_start, f->first_arg, &v));
        f->ntile = v.is_null ? -1 : as_int64(&v);
        if (!v.is_null && f->ntile <= 0)
            return RAISE(s->base.ctx, ERR_INVALID_ARGUMENT_FOR_NTILE, "argument of ntile must be greater than zero");
    }
    if (f->ntile < 0) {
        *out = value_null(f->spec->type);
        return QN_OK;
    }
    int64_t n = s->part_end - s->part_start, small = n / f->ntile, larger = n % f->ntile, i = row - s->part_start;
    int64_t bucket = i < larger * (small + 1) ? i / (small + 1) : larger + (i - larger * (small + 1)) / (small > 0 ? small : 1);
    set_int8(f, out, bucket + 1);
    return QN_OK;
}

static Status
nth_value(WindowState *s, WinFn *f, int64_t row, Value *out)
{
    Value n;
    TRY(stored_value(s, row, f->first_arg + 1, &n));
    *out = value_null(f->spec->type);
    if (n.is_null) return QN_OK;
    int64_t k = as_int64(&n);
    if (k <= 0)
        return RAISE(s->base.ctx, ERR_INVALID_ARGUMENT_FOR_NTH_VALUE, "argument of nth_value must be greater than zero");
    TRY(find_frame(s, row));
    int64_t at = frame_nth(&s->w->frame, k - 1, false);
    return at < 0 ? QN_OK : stored_value(s, at, f->first_arg, out);
}

/* Ranks advance row by row. */
static void
step_ranks(WindowState *s, WinFn *f, int64_t row)
{
    if ((s->flags[row] & WIN_PEERS) == 0) return;
    f->rank = row - s->part_start + 1;
    f->dense++;
    f->peer_end = row + 1;
    if (f->spec->fn->kind != WINFN_CUME_DIST) return;
    while (f->peer_end < s->part_end && (s->flags[f->peer_end] & WIN_PEERS) == 0) f->peer_end++;
}

static Status
window_value(WindowState *s, WinFn *f, int64_t row, Value *out)
{
    int64_t total = s->part_end - s->part_start;
    switch (f->spec->fn->kind) {
    case WINFN_ROW_NUMBER: set_int8(f, out, row - s->part_start + 1); return QN_OK;
    case WINFN_RANK:
        step_ranks(s, f, row);
        set_int8(f, out, f->rank);
        return QN_OK;
    case WINFN_DENSE_RANK:
        step_ranks(s, f, row);
        set_int8(f, out, f->dense);
        return QN_OK;
    case WINFN_PERCENT_RANK:
        step_ranks(s, f, row);
        set_float8(out, total <= 1 ? 0.0 : (double)(f->rank - 1) / (double)(total - 1));
        return QN_OK;
    case WINFN_CUME_DIST:
        step_ranks(s, f, row);
        set_float8(out, (double)(f->peer_end - s->part_start) / (double)total);
        return QN_OK;
    case WINFN_NTILE: return ntile_value(s, f, row, out);
    case WINFN_LAG: return offset_value(s, f, row, false, out);
    case WINFN_LEAD: return offset_value(s, f, row, true, out);
    case WINFN_FIRST_VALUE:
    case WINFN_LAST_VALUE: {
        TRY(find_frame(s, row));
        int64_t at = frame_nth(&s->w->frame, 0, f->spec->fn->kind == WINFN_LAST_VALUE);
        if (at >= 0) return stored_value(s, at, f->first_arg, out);
        *out = value_null(f->spec->type);
        return QN_OK;
    }
    case WINFN_NTH_VALUE: return nth_value(s, f, row, out);
    }
    return QN_OK;
}

Status
winframe_values(WindowState *s, WinFn *f, int64_t from, int n, Vector *out, int at)
{
    Ctx *ctx = s->base.ctx;
    drop_blocks(f); /* views may have gone with the batch before */
    s->w = &f->walk;
    if (f->spec->fn != NULL && f->spec->fn->kind == WINFN_ROW_NUMBER && out->phys == PHYS_I64) {
        if (at == 0) vec_reset(out, PHYS_I64);
        int64_t *d = (int64_t *)out->data + at;
        for (int i = 0; i < n; i++) d[i] = from + i - s->part_start + 1;
        return QN_OK;
    }
    for (int i = 0; i < n; i++) {
        Value v;
        if (f->spec->agg != NULL) TRY(agg_value(s, f, from + i, &v));
        else TRY(window_value(s, f, from + i, &v));
        v.type = out->type;
        TRY(exec_vec_put(ctx, s->out_arena, out, at + i, &v));
    }
    return QN_OK;
}
