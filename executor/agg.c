/* agg.c - see agg.h. */
#include "executor/agg.h"

#include "executor/vecutil.h"
#include "types/agg_user.h"
#include <assert.h>

/* Aggregates whose result does not depend on the order of their input rows, exactly. */
static bool
ignores_order(const Aggregate *agg, const AggSpec *spec)
{
    if (agg_is_user(agg)) return false;
    static const char *const names[] = {"count", "min", "max", "bool_and", "bool_or", "every", "bit_and", "bit_or"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(agg->name, names[i]) == 0) return true;
    if (strcmp(agg->name, "sum") != 0 && strcmp(agg->name, "avg") != 0) return false;
    Oid t = spec->args.count > 0 ? spec->args.items[0]->type : INVALID_OID;
    return t == TYPE_INT2 || t == TYPE_INT4 || t == TYPE_INT8 || t == TYPE_NUMERIC;
}

static Status
add_inputs(ExprList *list, const ExprList *more, int *at)
{
    for (int i = 0; i < more->count; i++) list->items[(*at)++] = more->items[i];
    list->count = *at;
    return QN_OK;
}

static Status
collect_inputs(AggCommon *a, ExprList *list)
{
    const AggregatePlan *plan = a->plan;
    int n = plan->keys.count, at = 0;
    for (int i = 0; i < plan->naggs; i++) {
        const AggSpec *s = &plan->aggs[i];
        n += s->args.count + s->direct.count + s->order.count + 1;
    }
    TRY_ALLOC(a->node->ctx, list->items, ARENA_ARRAY(a->node->arena, Expr *, n + 1));
    list->cap = n;
    list->count = 0;
    TRY(add_inputs(list, &plan->keys, &at));
    for (int i = 0; i < plan->naggs; i++) { /* direct arguments follow the keys: both are kept with the group */
        a->fns[i].first_direct = at;
        TRY(add_inputs(list, &plan->aggs[i].direct, &at));
    }
    a->ndirect = at - a->nkeys;
    for (int i = 0; i < plan->naggs; i++) {
        const AggSpec *s = &plan->aggs[i];
        AggFn *f = &a->fns[i];
        f->first_arg = at;
        f->nargs = s->args.count;
        TRY(add_inputs(list, &s->args, &at));
        f->first_order = at;
        f->norder = s->order.count;
        for (int k = 0; k < s->order.count; k++) list->items[at++] = s->order.items[k].expr;
        f->filter = -1;
        if (s->filter != NULL) {
            f->filter = at;
            list->items[at++] = s->filter;
        }
        list->count = at;
    }
    return QN_OK;
}

static Status
open_distinct(AggCommon *a, AggFn *f)
{
    Ctx *ctx = a->node->ctx;
    Arena *arena = a->node->arena;
    Oid *types;
    RowLayout l;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, f->nargs + 1));
    types[0] = TYPE_INT8;
    for (int i = 0; i < f->nargs; i++) types[i + 1] = a->in_types[f->first_arg + i];
    TRY(rowlayout_init(ctx, arena, &l, f->nargs + 1, types, sizeof(HashRow), 0));
    TRY(rowstore_new_layout(ctx, arena, &l, 0, &f->distinct_rows));
    return hashtable_init(ctx, arena, &f->distinct, f->distinct_rows, f->nargs + 1);
}

static Status
open_sorter(AggCommon *a, AggFn *f)
{
    Ctx *ctx = a->node->ctx;
    Arena *arena = a->node->arena;
    const AggSpec *spec = f->spec;
    int nkeys = 1 + f->norder + (spec->distinct ? f->nargs : 0);
    SorterKey *keys;
    Oid *types;
    TRY_ALLOC(ctx, keys, ARENA_ARRAY(arena, SorterKey, nkeys));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, f->nargs + 1));
    keys[0] = (SorterKey){TYPE_INT8, -1, false, false};
    for (int i = 0; i < f->norder; i++)
        keys[1 + i] = (SorterKey){a->in_types[f->first_order + i], -1, spec->order.items[i].desc,
                                  spec->order.items[i].nulls_first};
    for (int i = 0; spec->distinct && i < f->nargs; i++)
        keys[1 + f->norder + i] = (SorterKey){a->in_types[f->first_arg + i], -1, false, false};
    types[0] = TYPE_INT8;
    for (int i = 0; i < f->nargs; i++) types[i + 1] = a->in_types[f->first_arg + i];
    TRY(sorter_new(ctx, arena, nkeys, keys, f->nargs + 1, types, a->node->exec->work_mem, &f->sorter));
    TRY_ALLOC(ctx, f->sorted, exec_batch_new(arena, f->nargs + 1, types));
    f->skip_equal = spec->distinct;
    if (!f->skip_equal) return QN_OK;
    TRY_ALLOC(ctx, f->last, ARENA_ARRAY(arena, Value, f->nargs + 1));
    TRY_ALLOC(ctx, f->last_arena, arena_create(arena, "distinct"));
    return QN_OK;
}

/* An earlier function whose state is the same for the same rows, NULL: none. */
static AggFn *
find_shared(AggCommon *a, const AggFn *f)
{
    const Aggregate *x = f->agg;
    if (f->spec->distinct || f->norder > 0 || x->kind != 'n') return NULL;
    for (AggFn *o = a->fns; o < f; o++) {
        const Aggregate *y = o->agg;
        bool same = !o->spec->distinct && o->norder == 0 && o->nargs == f->nargs && x->update == y->update &&
                    x->update_one == y->update_one && x->init == y->init && x->state_bytes == y->state_bytes &&
                    x->update != NULL && (x->flags & FN_STRICT) == (y->flags & FN_STRICT) &&
                    (o->filter < 0) == (f->filter < 0) && agg_same_steps(x, y);
        if (same && f->filter >= 0) same = expr_same_result(a->prog, o->filter, f->filter);
        for (int i = 0; same && i < f->nargs; i++)
            same = expr_same_result(a->prog, o->first_arg + i, f->first_arg + i);
        if (same) return o->shares ? NULL : o;
    }
    return NULL;
}

static Status
open_fn(AggCommon *a, AggFn *f, const AggSpec *spec)
{
    Ctx *ctx = a->node->ctx;
    Arena *arena = a->node->arena;
    Oid *types;
    f->spec = spec;
    f->agg = spec->agg;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, f->nargs + 1));
    for (int i = 0; i < f->nargs; i++) types[i] = a->in_types[f->first_arg + i];
    TRY_ALLOC(ctx, f->call.args, ARENA_ARRAY(arena, Vector *, f->nargs + spec->direct.count + 1));
    TRY_ALLOC(ctx, f->direct, ARENA_ARRAY(arena, Vector *, spec->direct.count + 1));
    for (int i = 0; i < spec->direct.count; i++) {
        TRY_ALLOC(ctx, f->direct[i], vec_new(arena, a->in_types[f->first_direct + i]));
        if (!vec_reserve(arena, f->direct[i], 1)) return RAISE_OOM(ctx);
    }
    f->call.ctx = ctx;
    f->call.nargs = f->nargs;
    f->call.arg_types = types;
    f->call.arg_typmod = f->nargs > 0 ? spec->args.items[0]->typmod : -1;
    f->call.collation = f->nargs > 0 ? spec->args.items[0]->collation : INVALID_OID;
    f->call.account = ctx->mem;
    f->call.agg = f->agg;
    f->call.site_arena = arena;
    f->call.grown_bytes = &a->grown;
    AggFn *shared = find_shared(a, f);
    if (shared != NULL) {
        f->shares = true;
        f->offset = shared->offset;
        return QN_OK;
    }
    f->offset = a->state_bytes;
    a->state_bytes += (uint32_t)(f->agg->state_bytes + 15) & ~15u;
    if (f->agg->kind == 'h') {
        AggOrder *order;
        TRY_ALLOC(ctx, order, ARENA_ARRAY(arena, AggOrder, spec->order.count + 1));
        for (int i = 0; i < spec->order.count; i++)
            order[i] = (AggOrder){spec->order.items[i].desc, spec->order.items[i].nulls_first};
        f->call.order = order;
    }
    if (f->norder > 0 || f->agg->kind != 'n') return open_sorter(a, f);
    if (!spec->distinct || f->nargs == 0) return QN_OK;
    bool hashable = ignores_order(f->agg, spec);
    for (int i = 0; i < f->nargs; i++) hashable &= keys_hashable(types[i]);
    f->hash_distinct = hashable;
    return hashable ? open_distinct(a, f) : open_sorter(a, f);
}

Status
agg_common_open(AggCommon *a, ExecNode *node)
{
    const AggregatePlan *plan = (const AggregatePlan *)node->plan;
    Ctx *ctx = node->ctx;
    Arena *arena = node->arena;
    ExprList list;
    a->node = node;
    a->plan = plan;
    a->nkeys = plan->keys.count;
    a->nfns = plan->naggs;
    TRY_ALLOC(ctx, a->fns, ARENA_ARRAY(arena, AggFn, plan->naggs + 1));
    TRY(collect_inputs(a, &list));
    TRY(expr_compile(node->exec, &list, &node->deps, &a->prog));
    a->nin = list.count;
    TRY_ALLOC(ctx, a->in, ARENA_ARRAY(arena, Vector *, a->nin + 1));
    TRY_ALLOC(ctx, a->in_types, ARENA_ARRAY(arena, Oid, a->nin + 1));
    for (int i = 0; i < a->nin; i++) a->in_types[i] = list.items[i]->type;
    bool numbered = false; /* some function sees its rows by group */
    for (int i = 0; i < plan->naggs; i++) {
        TRY(open_fn(a, &a->fns[i], &plan->aggs[i]));
        numbered |= a->fns[i].hash_distinct || a->fns[i].sorter != NULL;
    }
    TRY_ALLOC(ctx, a->sel, arena_alloc(arena, BATCH_ROWS * sizeof(uint16_t)));
    if (numbered) TRY_ALLOC(ctx, a->group_vec, vec_create(arena, TYPE_INT8, BATCH_ROWS));
    if (numbered || a->nkeys > 0 || plan->nsets > 0) {
        TRY_ALLOC(ctx, a->hashes, arena_alloc(arena, BATCH_ROWS * sizeof(uint64_t)));
        TRY_ALLOC(ctx, a->found, arena_alloc(arena, BATCH_ROWS * sizeof(char *)));
    }
    int nout = a->nkeys + a->nfns + (plan->nsets > 0);
    Oid *types;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, nout + 1));
    for (int i = 0; i < a->nkeys; i++) types[i] = a->in_types[i];
    for (int i = 0; i < a->nfns; i++) types[a->nkeys + i] = plan->aggs[i].type;
    if (plan->nsets > 0) types[nout - 1] = TYPE_INT4;
    TRY_ALLOC(ctx, a->out, exec_batch_new(arena, nout, types));
    TRY_ALLOC(ctx, a->out_arena, arena_create(arena, "aggregate results"));
    return exec_open_output(node);
}

void
agg_common_reset(AggCommon *a)
{
    for (int i = 0; i < a->nfns; i++) {
        AggFn *f = &a->fns[i];
        if (f->hash_distinct && f->distinct_rows != NULL) {
            hashtable_reset(&f->distinct);
            rowstore_reset(f->distinct_rows);
        }
        if (f->sorter != NULL) sorter_reset(f->sorter);
    }
    a->grown = 0;
}

void
agg_common_close(AggCommon *a)
{
    for (int i = 0; a->fns != NULL && i < a->nfns; i++) {
        hashtable_free(&a->fns[i].distinct);
        rowstore_free(a->fns[i].distinct_rows);
        sorter_free(a->fns[i].sorter);
    }
    expr_prog_close(a->prog);
}

Status
agg_inputs(AggCommon *a, Batch *b)
{
    TRY(expr_run(a->prog, b, NULL, b->sel, b->nsel, b->nrows));
    for (int i = 0; i < a->nin; i++) a->in[i] = expr_result(a->prog, i);
    return QN_OK;
}

Status
agg_init_states(AggCommon *a, char *states, Arena *state_arena)
{
    memset(states, 0, a->state_bytes);
    for (int i = 0; i < a->nfns; i++) {
        AggFn *f = &a->fns[i];
        if (f->agg->init == NULL || f->shares) continue;
        f->call.arena = state_arena;
        TRY(f->agg->init(&f->call, states + f->offset));
    }
    return QN_OK;
}

/* Rows that pass the filter and, for strict aggregates, have no NULL: *sel_io, *n_io. */
static void
choose_rows(AggCommon *a, const AggFn *f, const uint16_t **sel_io, int *n_io)
{
    const uint16_t *sel = *sel_io;
    int n = *n_io;
    if (f->filter >= 0) {
        const Vector *v = a->in[f->filter];
        int m = 0;
        for (int k = 0; k < n; k++) {
            int i = exec_row(sel, k);
            a->sel[m] = (uint16_t)i;
            m += !vec_is_null(v, i) && ((const uint8_t *)v->data)[vec_index(v, i)] != 0;
        }
        if (m < n) sel = a->sel;
        n = m;
    }
    if ((f->agg->flags & FN_STRICT) != 0) {
        bool nulls = false;
        for (int j = 0; j < f->nargs; j++) nulls |= a->in[f->first_arg + j]->valid != NULL;
        if (nulls) {
            int m = keys_drop_nulls(a->in + f->first_arg, f->nargs, sel, n, a->sel);
            if (m < n) sel = a->sel;
            n = m;
        }
    }
    *sel_io = sel;
    *n_io = n;
}

static void
set_group_numbers(AggCommon *a, const uint16_t *sel, int n, const int64_t *numbers)
{
    vec_reset(a->group_vec, PHYS_I64);
    int64_t *d = a->group_vec->data;
    for (int k = 0; k < n; k++) {
        int i = exec_row(sel, k);
        d[i] = numbers != NULL ? numbers[i] : 0;
    }
}

/* Leaves the rows whose (group, arguments) have not been seen. */
static Status
drop_seen(AggCommon *a, AggFn *f, const uint16_t **sel_io, int *n_io)
{
    Vector *cols[FN_MAX_ARGS + 1];
    uint16_t fresh[BATCH_ROWS + 1];
    int nfresh;
    cols[0] = a->group_vec;
    for (int j = 0; j < f->nargs; j++) cols[j + 1] = a->in[f->first_arg + j];
    TRY(keys_hash(a->node->ctx, cols, f->nargs + 1, *sel_io, *n_io, a->hashes));
    TRY(hashtable_find(&f->distinct, cols, *sel_io, *n_io, a->hashes, true, a->found, fresh, &nfresh));
    /* Rows are handed on in their order. */
    uint64_t is_fresh[BITS_WORDS(BATCH_ROWS)] = {0};
    for (int j = 0; j < nfresh; j++) bits_set(is_fresh, fresh[j]);
    int m = 0;
    for (int k = 0; k < *n_io; k++) {
        a->sel[m] = (uint16_t)exec_row(*sel_io, k);
        m += bits_get(is_fresh, (size_t)k);
    }
    *sel_io = a->sel;
    *n_io = m;
    return QN_OK;
}

static Status
add_to_sorter(AggCommon *a, AggFn *f, const uint16_t *sel, int n)
{
    int nkeys = 0, ncols = 0;
    Vector *keys[2 * FN_MAX_ARGS + 33], *cols[FN_MAX_ARGS + 1];
    if (f->norder > FN_MAX_ARGS + 30)
        return RAISE(a->node->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "too many sort keys in an aggregate");
    keys[nkeys++] = a->group_vec;
    for (int i = 0; i < f->norder; i++) keys[nkeys++] = a->in[f->first_order + i];
    for (int i = 0; f->spec->distinct && i < f->nargs; i++) keys[nkeys++] = a->in[f->first_arg + i];
    cols[ncols++] = a->group_vec;
    for (int i = 0; i < f->nargs; i++) cols[ncols++] = a->in[f->first_arg + i];
    return sorter_add(f->sorter, keys, cols, sel, n);
}

Status
agg_feed(AggCommon *a, const uint16_t *sel, int n, int nrows, char **groups, const int64_t *numbers,
         char *one, Arena *state_arena)
{
    (void)nrows;
    for (int i = 0; i < a->nfns; i++) {
        AggFn *f = &a->fns[i];
        const uint16_t *rows = sel;
        int m = n;
        if (f->shares) continue;
        choose_rows(a, f, &rows, &m);
        if (m == 0) continue;
        if (f->hash_distinct || f->sorter != NULL) set_group_numbers(a, rows, m, numbers);
        if (f->sorter != NULL) {
            TRY(add_to_sorter(a, f, rows, m));
            continue;
        }
        if (f->hash_distinct) {
            TRY(drop_seen(a, f, &rows, &m));
            if (m == 0) continue;
        }
        for (int j = 0; j < f->nargs; j++) f->call.args[j] = a->in[f->first_arg + j];
        f->call.nargs = f->nargs;
        f->call.arena = state_arena;
        f->call.sel = rows;
        f->call.n = m;
        if (groups != NULL) TRY(f->agg->update(&f->call, groups, f->offset));
        else TRY(f->agg->update_one(&f->call, one + f->offset));
    }
    return QN_OK;
}

/* Whether row i repeats the arguments of the row before it. */
static Status
is_repeat(AggCommon *a, AggFn *f, int i, bool *out)
{
    bool same = true;
    for (int j = 0; j < f->nargs && same; j++) {
        Value v = vec_get(f->sorted->cols[j + 1], i);
        same = keys_equal_values(&v, &f->last[j]);
    }
    *out = same;
    if (same) return QN_OK;
    arena_reset(f->last_arena);
    for (int j = 0; j < f->nargs; j++) {
        Value v = vec_get(f->sorted->cols[j + 1], i);
        TRY(value_copy(a->node->ctx, f->last_arena, &v, &f->last[j]));
    }
    return QN_OK;
}

static Status
feed_fn_sorted(AggCommon *a, AggFn *f, AggFindGroup find, void *arg, Arena *state_arena)
{
    uint16_t sel[BATCH_ROWS];
    int64_t group = -1;
    char *states = NULL;
    TRY(sorter_finish(f->sorter));
    for (;;) {
        int n;
        TRY(sorter_next(f->sorter, BATCH_ROWS, f->sorted, &n));
        if (n == 0) break;
        const int64_t *numbers = f->sorted->cols[0]->data;
        for (int j = 0; j < f->nargs; j++) f->call.args[j] = f->sorted->cols[j + 1];
        f->call.nargs = f->nargs;
        f->call.arena = state_arena;
        for (int i = 0; i < n;) {
            bool fresh = numbers[i] != group;
            if (fresh) {
                group = numbers[i];
                TRY(find(arg, group, &states));
            }
            int m = 0;
            for (; i < n && numbers[i] == group; i++) {
                bool repeat = false;
                if (f->skip_equal) {
                    TRY(is_repeat(a, f, i, &repeat));
                    repeat &= !fresh;
                }
                fresh = false;
                if (!repeat) sel[m++] = (uint16_t)i;
            }
            f->call.sel = sel;
            f->call.n = m;
            if (m > 0) TRY(f->agg->update_one(&f->call, states + f->offset));
        }
    }
    sorter_reset(f->sorter);
    return QN_OK;
}

Status
agg_feed_sorted(AggCommon *a, AggFindGroup find, void *arg, Arena *state_arena)
{
    for (int i = 0; i < a->nfns; i++)
        if (a->fns[i].sorter != NULL && sorter_count(a->fns[i].sorter) > 0)
            TRY(feed_fn_sorted(a, &a->fns[i], find, arg, state_arena));
    return QN_OK;
}

Status
agg_results(AggCommon *a, const char *states, const Value *direct, int row, Arena *state_arena)
{
    for (int i = 0; i < a->nfns; i++) {
        AggFn *f = &a->fns[i];
        Value v;
        f->call.arena = state_arena;
        if (f->spec->direct.count > 0) {
            for (int j = 0; j < f->spec->direct.count; j++) {
                vec_set_const(f->direct[j], &direct[f->first_direct - a->nkeys + j]);
                f->call.args[j] = f->direct[j];
            }
            f->call.nargs = f->spec->direct.count;
        }
        TRY(f->agg->final(&f->call, states + f->offset, a->out_arena, &v));
        f->call.nargs = f->nargs;
        v.type = f->spec->type;
        TRY(exec_vec_put(a->node->ctx, a->out_arena, a->out->cols[a->nkeys + i], row, &v));
    }
    return QN_OK;
}
