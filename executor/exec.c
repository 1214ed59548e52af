/* exec.c - building the tree of nodes, running it, and what every node gets by the way; see exec.h. */
#include "executor/exec.h"
#include "storage/pool.h"

#include "common/settings.h"
#include "executor/expr.h"
#include "executor/rowstore.h"
#include "executor/vecutil.h"
#include "types/array.h"
#include <assert.h>
#include <time.h>

#define NODE(T, ops) extern const ExecOps ops;
#include "executor/nodes.def"
#undef NODE

static const ExecOps *const node_ops[PLAN_TAG_COUNT] = {
#define NODE(T, ops) [PLAN_##T] = &ops,
#include "executor/nodes.def"
#undef NODE
};

/* Which subplan computes an exec param, by id. */
static Status
find_init_plans(Exec *e)
{
    const Plan *plan = e->plan;
    TRY_ALLOC(e->ctx, e->init_plan_of, ARENA_ARRAY(e->arena, int, plan->nexec_params + 1));
    for (int i = 0; i < plan->nexec_params; i++) e->init_plan_of[i] = -1;
    for (int i = 0; i < plan->nsubplans; i++) {
        const struct SubPlanInfo *info = &plan->subplan_info[i];
        if (info->is_init && info->out_param >= 0 && info->out_param < plan->nexec_params)
            e->init_plan_of[info->out_param] = i;
    }
    return QN_OK;
}

static Status
make_params(Exec *e, int n, const Oid *types, Vector ***out)
{
    TRY_ALLOC(e->ctx, *out, ARENA_ARRAY(e->arena, Vector *, n + 1));
    for (int i = 0; i < n; i++) {
        Vector *v;
        TRY_ALLOC(e->ctx, v, vec_new(e->arena, types[i]));
        if (!vec_reserve(e->arena, v, 1)) return RAISE_OOM(e->ctx);
        Value null = value_null(types[i]);
        vec_set_const(v, &null);
        (*out)[i] = v;
    }
    return QN_OK;
}

/* The highest number of a work table in the plan, found by walking it. */
static int
count_worktables(const PlanNode *p)
{
    int n = 0;
    while (p != NULL) {
        int here = 0;
        if (p->tag == PLAN_RecursiveUnion) here = ((const RecursiveUnionPlan *)p)->worktable + 1;
        if (p->tag == PLAN_WorkTableScan) here = ((const WorkTableScanPlan *)p)->worktable + 1;
        if (here > n) n = here;
        const PlanNodeList *kids = p->tag == PLAN_Append        ? &((const AppendPlan *)p)->children
                                   : p->tag == PLAN_MergeAppend ? &((const MergeAppendPlan *)p)->children
                                                                : NULL;
        for (int i = 0; kids != NULL && i < kids->count; i++) {
            int m = count_worktables(kids->items[i]);
            if (m > n) n = m;
        }
        if (p->inner != NULL) {
            int m = count_worktables(p->inner);
            if (m > n) n = m;
        }
        p = p->outer;
    }
    return n;
}

static Status
build(Exec *e)
{
    const Plan *plan = e->plan;
    TRY_ALLOC(e->ctx, e->nodes, ARENA_ARRAY(e->arena, ExecNode *, plan->nnodes + 1));
    TRY_ALLOC(e->ctx, e->subplans, ARENA_ARRAY(e->arena, SubplanState, plan->nsubplans + 1));
    TRY(find_init_plans(e));
    TRY(make_params(e, plan->nparams, plan->param_types, &e->extern_params));
    TRY(make_params(e, plan->nexec_params, plan->exec_param_types, &e->exec_params));
    TRY_ALLOC(e->ctx, e->param_versions, ARENA_ARRAY(e->arena, uint64_t, plan->nexec_params + 1));
    int n = count_worktables(plan->root);
    for (int i = 0; i < plan->nsubplans; i++) {
        int m = count_worktables(plan->subplans[i]);
        if (m > n) n = m;
    }
    e->nworktables = n;
    TRY_ALLOC(e->ctx, e->worktables, ARENA_ARRAY(e->arena, WorkTable, n + 1));
    TRY(exec_build_node(e, plan->root, &e->root));
    /* Data-modifying CTEs run whether something reads them or not. */
    for (int i = 0; i < plan->nsubplans; i++) {
        SubplanState *sp;
        if (plan->subplan_info[i].is_cte && plan->subplans[i] != NULL) TRY(exec_subplan(e, i, &sp));
    }
    return QN_OK;
}

Status
exec_build(Ctx *ctx, Arena *parent, const Plan *plan, int flags, Exec **out)
{
    Arena *arena = arena_create(parent, "exec");
    if (arena == NULL) return RAISE_OOM(ctx);
    Exec *e = ARENA_NEW(arena, Exec);
    if (e == NULL) {
        arena_destroy(arena);
        return RAISE_OOM(ctx);
    }
    e->ctx = ctx;
    e->plan = plan;
    e->arena = arena;
    e->account = ctx->mem;
    e->flags = flags;
    e->work_mem = ctx->settings != NULL ? (size_t)ctx->settings->work_mem * 1024 : (size_t)64 << 20;
    Status st = build(e);
    if (st != QN_OK) {
        exec_destroy(e);
        e = NULL;
    }
    *out = e;
    return st;
}

static Status
refuse(Ctx *ctx, const PlanNode *plan)
{
    return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "plan node %d is not supported yet", plan->tag);
}

static Status
go_one_by_one(ExecNode *n, bool computes)
{
    if (n->one == NULL) TRY_ALLOC(n->ctx, n->one, ARENA_NEW(n->arena, OneByOne));
    if (computes) n->one->computes = true;
    else n->one->hands = true;
    return QN_OK;
}

/* Opens the node, whose children are, and finds out whether it must go row by row. */
static Status
open_node(Exec *exec, ExecNode *n)
{
    bool below = exec->has_effects;
    uint64_t sequences = exec->sequences;
    exec->has_effects = false;
    exec->sequences = 0;
    TRY(n->ops->open(n));
    if (exec->has_effects) {
        TRY(go_one_by_one(n, true));
        if (n->outer != NULL) TRY(go_one_by_one(n->outer, false));
        if (n->inner != NULL) TRY(go_one_by_one(n->inner, false));
    }
    exec->has_effects |= below;
    exec->sequences = sequences;
    return QN_OK;
}

static Status
build_node(Exec *exec, const PlanNode *plan, ExecNode **out)
{
    Ctx *ctx = exec->ctx;
    TRY(ctx_check_depth(ctx));
    const ExecOps *ops = plan->tag < PLAN_TAG_COUNT ? node_ops[plan->tag] : NULL;
    if (ops == NULL) return refuse(ctx, plan);
    ExecNode *n;
    TRY_ALLOC(ctx, n, arena_zalloc(exec->arena, ops->state_bytes));
    n->ops = ops;
    n->plan = plan;
    n->exec = exec;
    n->ctx = ctx;
    n->arena = exec->arena;
    n->deps = DEP_RUN;
    *out = n; /* before the children: close must find them when one of them fails */
    if (plan->id >= 0 && plan->id < exec->plan->nnodes) exec->nodes[plan->id] = n;
    if (plan->outer != NULL) {
        TRY(exec_build_node(exec, plan->outer, &n->outer));
        n->deps |= n->outer->deps;
    }
    if (plan->inner != NULL) {
        TRY(exec_build_node(exec, plan->inner, &n->inner));
        n->deps |= n->inner->deps;
    }
    return open_node(exec, n);
}

Status
exec_build_node(Exec *exec, const PlanNode *plan, ExecNode **out)
{
    Status st = build_node(exec, plan, out);
    if (st != QN_OK) exec->is_broken = true;
    return st;
}

Status
exec_subplan(Exec *exec, int index, SubplanState **out)
{
    SubplanState *sp = &exec->subplans[index];
    if (sp->root == NULL) {
        if (sp->is_building) return RAISE_INTERNAL(exec->ctx, "subplan %d refers to itself", index);
        sp->is_building = true;
        ExecNode *root = NULL;
        bool before = exec->has_effects;
        exec->has_effects = false;
        Status st = exec_build_node(exec, exec->plan->subplans[index], &root);
        sp->root = root;
        sp->has_effects = exec->has_effects;
        exec->has_effects = before;
        sp->is_building = false;
        TRY(st);
    }
    *out = sp;
    return QN_OK;
}

static Status
set_param(Ctx *ctx, Vector *v, const Value *value)
{
    Value copy = *value;
    Oid type = v->type;
    (void)ctx;
    copy.type = type;
    vec_set_const(v, &copy);
    v->type = type;
    return QN_OK;
}

void
exec_set_param(Exec *exec, int param_id, const Value *value)
{
    (void)set_param(exec->ctx, exec->exec_params[param_id], value); /* cannot fail */
    exec->param_versions[param_id]++;
}

uint64_t
exec_cte_version(const Exec *exec, int subplan)
{
    const struct SubPlanInfo *info = &exec->plan->subplan_info[subplan];
    uint64_t sum = 0;
    for (int i = 0; i < info->nparams; i++) sum += exec->param_versions[info->params[i]];
    for (int i = 0; info->worktables != 0 && i < exec->nworktables; i++)
        if ((info->worktables >> (i & 63) & 1) != 0) sum += exec->worktables[i].version;
    return sum;
}

static Status
note_end(Exec *e, Status st)
{
    if (st == ERR_OUT_OF_MEMORY) e->is_broken = true;
    return st;
}

Status
exec_start(Exec *e, const Value *params, int nparams)
{
    if (e->is_running) exec_stop(e);
    if (e->is_broken) return RAISE_INTERNAL(e->ctx, "a broken plan is run");
    if (nparams < e->plan->nparams)
        return RAISE(e->ctx, ERR_UNDEFINED_PARAMETER, "there is no parameter $%d", nparams + 1);
    for (int i = 0; i < e->plan->nparams; i++) TRY(set_param(e->ctx, e->extern_params[i], &params[i]));
    e->run++;
    e->is_running = true;
    e->rows_affected = 0;
    for (int i = 0; i < e->nworktables; i++) e->worktables[i].rows = NULL;
    for (int i = 0; i < e->plan->nsubplans; i++) {
        e->subplans[i].is_started = e->subplans[i].is_done = false;
        if (e->subplans[i].store != NULL) rowstore_reset(e->subplans[i].store);
    }
    return note_end(e, exec_rescan(e->root, DEP_RUN));
}

/* Data-modifying CTEs that nobody read to the end are run to their end, the last one first: one that reads another pulls
 * that one, and where two change the same row PostgreSQL lets the last one win. */
static Status
finish_ctes(Exec *e)
{
    for (int i = e->plan->nsubplans - 1; i >= 0; i--) {
        SubplanState *sp = &e->subplans[i];
        if (!e->plan->subplan_info[i].is_cte || sp->root == NULL || sp->root->plan->tag != PLAN_Modify)
            continue;
        while (!sp->is_done) TRY(exec_subplan_read(e, sp));
    }
    return QN_OK;
}

Status
exec_fetch(Exec *e, Batch **out)
{
    *out = NULL;
    if (!e->is_running) return QN_OK;
    Status st = exec_next(e->root, out);
    if (st == QN_OK && *out == NULL) st = finish_ctes(e);
    return note_end(e, st);
}

static void
for_children(ExecNode *n, void (*fn)(ExecNode *))
{
    if (n->outer != NULL) fn(n->outer);
    if (n->inner != NULL) fn(n->inner);
    for (int i = 0; i < n->nchildren; i++)
        if (n->children[i] != NULL) fn(n->children[i]);
}

void
exec_release_node(ExecNode *n)
{
    if (n->ops->release != NULL) n->ops->release(n);
    for_children(n, exec_release_node);
}

void
exec_close_node(ExecNode *n)
{
    if (n->ops->release != NULL) n->ops->release(n);
    if (n->ops->close != NULL) n->ops->close(n);
    expr_prog_close(n->filter);
    expr_prog_close(n->project);
    for_children(n, exec_close_node);
}

void
exec_stop(Exec *e)
{
    if (!e->is_running) return;
    e->is_running = false;
    if (e->root != NULL) exec_release_node(e->root);
    for (int i = 0; i < e->plan->nsubplans; i++) {
        if (e->subplans[i].root != NULL) exec_release_node(e->subplans[i].root);
        if (e->subplans[i].store != NULL) rowstore_reset(e->subplans[i].store);
    }
}

void
exec_destroy(Exec *e)
{
    if (e == NULL) return;
    if (e->root != NULL) exec_close_node(e->root);
    for (int i = 0; e->subplans != NULL && i < e->plan->nsubplans; i++) {
        if (e->subplans[i].root != NULL) exec_close_node(e->subplans[i].root);
        rowstore_free(e->subplans[i].store);
    }
    arena_destroy(e->arena);
}

static Status
emit(ExecNode *node, Batch *outer, Batch *inner, Batch **out)
{
    Ctx *ctx = node->ctx;
    const uint16_t *sel = outer->sel;
    int n = outer->nsel;
    *out = NULL;
    if (node->filter != NULL) {
        if (node->filter_sel == NULL)
            TRY_ALLOC(ctx, node->filter_sel, arena_alloc(node->arena, BATCH_ROWS * sizeof(uint16_t)));
        int kept;
        TRY(expr_filter(node->filter, outer, inner, sel, n, outer->nrows, node->filter_sel, &kept));
        node->instr.rows_removed_filter += n - kept;
        if (kept == 0) return QN_OK;
        if (kept < n) {
            sel = node->filter_sel;
            n = kept;
        }
    }
    if (node->project == NULL) {
        outer->sel = sel;
        outer->nsel = n;
        *out = outer;
        return QN_OK;
    }
    TRY(expr_run(node->project, outer, inner, sel, n, outer->nrows));
    Batch *b = node->result;
    for (int i = 0; i < b->ncols; i++) b->cols[i] = expr_result(node->project, i);
    b->nrows = outer->nrows;
    b->sel = sel;
    b->nsel = n;
    *out = b;
    return QN_OK;
}

static int64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Times and pages of one call into a node, for EXPLAIN ANALYZE. */
typedef struct Meter {
    int64_t from_ns;
    IoStats io;
} Meter;

static void
meter_start(const ExecNode *node, Meter *m)
{
    m->from_ns = (node->exec->flags & EXEC_TIMING) != 0 ? now_ns() : 0;
    m->io = node->ctx->io != NULL ? *node->ctx->io : (IoStats){0};
}

static void
meter_stop(ExecNode *node, const Meter *m)
{
    NodeInstr *i = &node->instr;
    if ((node->exec->flags & EXEC_TIMING) != 0) {
        int64_t took = now_ns() - m->from_ns;
        i->total_ns += took;
        if (!i->is_running) i->startup_ns += took;
    }
    if (node->ctx->io == NULL) return;
    const IoStats *now = node->ctx->io;
    i->buffers.shared_hit += (int64_t)(now->hit - m->io.hit);
    i->buffers.shared_read += (int64_t)(now->read - m->io.read);
    i->buffers.shared_dirtied += (int64_t)(now->dirtied - m->io.dirtied);
    i->buffers.shared_written += (int64_t)(now->written - m->io.written);
}

/* *view is the one row of b at selected position k. */
static void
view_row(const Batch *b, int k, Batch *view, uint16_t *row)
{
    *row = (uint16_t)batch_row(b, k);
    *view = *b;
    view->sel = row;
    view->nsel = 1;
}

/* Computes rows of the input at hand up to one that passes. */
static Status
compute_one(ExecNode *node, Batch **out)
{
    OneByOne *one = node->one;
    *out = NULL;
    while (*out == NULL && one->outer != NULL) {
        view_row(one->outer, one->rest_at, &one->in, &one->in_row);
        Batch *inner = one->inner;
        if (++one->rest_at == one->outer->nsel) one->outer = NULL;
        TRY(emit(node, &one->in, inner, out));
    }
    return QN_OK;
}

static EXEC_NOINLINE Status
next_one(ExecNode *node, Batch **out)
{
    OneByOne *one = node->one;
    if (one->result == NULL) {
        TRY(compute_one(node, out));
        if (*out == NULL) TRY(node->ops->next(node, out));
        if (*out == NULL || !one->hands || (*out)->nsel == 1) return QN_OK;
        one->result = *out;
        one->result_at = 0;
    }
    view_row(one->result, one->result_at, &one->out, &one->out_row);
    if (++one->result_at == one->result->nsel) one->result = NULL;
    *out = &one->out;
    return QN_OK;
}

static inline Status
next_plain(ExecNode *node, Batch **out)
{
    return __builtin_expect(node->one != NULL, 0) ? next_one(node, out) : node->ops->next(node, out);
}

static Status
next_metered(ExecNode *node, Batch **out)
{
    Meter m;
    meter_start(node, &m);
    Status st = next_plain(node, out);
    meter_stop(node, &m);
    node->instr.is_running = true;
    return st;
}

Status
exec_next(ExecNode *node, Batch **out)
{
    Ctx *ctx = node->ctx;
    TRY(ctx_check_stop(ctx));
    TRY(ctx_check_depth(ctx));
    if (__builtin_expect((node->exec->flags & EXEC_INSTRUMENT) != 0, 0)) TRY(next_metered(node, out));
    else TRY(next_plain(node, out));
    if (*out != NULL) {
        assert((*out)->nsel > 0);
#ifndef NDEBUG
        batch_verify(*out);
#endif
        node->instr.rows += (*out)->nsel;
    }
    return QN_OK;
}

Status
exec_rescan(ExecNode *node, DepSet changed)
{
    TRY(ctx_check_depth(node->ctx));
    node->instr.loops++;
    node->instr.is_running = false;
    if (node->one != NULL) node->one->outer = node->one->result = NULL;
    if (__builtin_expect((node->exec->flags & EXEC_INSTRUMENT) == 0, 1)) return node->ops->rescan(node, changed);
    Meter m;
    meter_start(node, &m);
    Status st = node->ops->rescan(node, changed);
    meter_stop(node, &m);
    return st;
}

void
exec_bound(ExecNode *node, int64_t nrows)
{
    if (node->ops->bound != NULL && node->filter == NULL) node->ops->bound(node, nrows);
}

int
exec_ncols(const PlanNode *plan)
{
    return plan->targets.count;
}

Oid *
exec_output_types(Arena *arena, const PlanNode *plan, int *n_out)
{
    Oid *types = ARENA_ARRAY(arena, Oid, plan->targets.count + 1);
    if (types == NULL) return NULL;
    for (int i = 0; i < plan->targets.count; i++) types[i] = plan->targets.items[i]->type;
    *n_out = plan->targets.count;
    return types;
}

Status
exec_open_output(ExecNode *node)
{
    return exec_open_output_with(node, &node->plan->filter);
}

Status
exec_open_output_with(ExecNode *node, const ExprList *filter)
{
    const PlanNode *plan = node->plan;
    if (filter->count > 0) TRY(expr_compile_filter(node->exec, filter, &node->deps, &node->filter));
    if (plan->project) {
        TRY(expr_compile(node->exec, &plan->targets, &node->deps, &node->project));
        TRY_ALLOC(node->ctx, node->result, batch_create(node->arena, plan->targets.count));
    }
    return QN_OK;
}

Status
exec_emit(ExecNode *node, Batch *outer, Batch *inner, Batch **out)
{
    OneByOne *one = node->one;
    if (__builtin_expect(one == NULL, 1) || !one->computes || outer->nsel <= 1 || (inner != NULL && node->project == NULL)) return emit(node, outer, inner, out);
    one->outer = outer;
    one->inner = inner;
    one->rest_at = 0;
    return compute_one(node, out);
}

/* ARRAY(SELECT ...): the values as one array; arrays as one of one more dimension. */
static Status
gather_array(Exec *exec, ExecNode *root, Oid type, Arena *arena, Value *out)
{
    Ctx *ctx = exec->ctx;
    ArrayBuilder ab = array_builder(arena, type_info(type)->elem_oid);
    ArrayStack stack = {0};
    Batch *b;
    for (;;) {
        TRY(exec_next(root, &b));
        if (b == NULL) break;
        bool of_arrays = b->cols[0]->type == type;
        for (int k = 0; k < b->nsel; k++) {
            Value v = vec_get(b->cols[0], batch_row(b, k));
            ArrayView a;
            if (of_arrays) {
                if (!v.is_null) array_view(&v.str, &a);
                TRY(array_stack_add(ctx, arena, &stack, v.is_null ? NULL : &a));
                continue;
            }
            v.type = ab.elem;
            TRY(array_add(ctx, &ab, &v));
        }
    }
    out->is_null = false;
    out->phys = PHYS_STR;
    return stack.n > 0 ? array_stack_finish(ctx, &stack, arena, &out->str) : array_finish_1d(ctx, &ab, &out->str);
}

Status
exec_single_value(Exec *exec, ExecNode *root, SubPlanKind kind, Oid type, Arena *arena, Value *out)
{
    Ctx *ctx = exec->ctx;
    Batch *b;
    *out = value_null(type);
    if (kind == SUBPLAN_EXISTS) {
        exec_bound(root, 1);
        TRY(exec_next(root, &b));
        out->type = TYPE_BOOL;
        out->is_null = false;
        out->phys = PHYS_BOOL;
        out->b = b != NULL;
        return QN_OK;
    }
    if (kind == SUBPLAN_ARRAY) return gather_array(exec, root, type, arena, out);
    exec_bound(root, 2);
    TRY(exec_next(root, &b));
    if (b == NULL) return QN_OK;
    if (b->nsel == 1) {
        Value v = vec_get(b->cols[0], batch_row(b, 0));
        TRY(value_copy(ctx, arena, &v, out));
        TRY(exec_next(root, &b));
        if (b == NULL) return QN_OK;
    }
    return RAISE(ctx, ERR_CARDINALITY_VIOLATION,
                 "more than one row returned by a subquery used as an expression");
}

Status
exec_init_param(Exec *exec, int param_id)
{
    SubplanState *sp;
    int index = exec->init_plan_of[param_id];
    TRY(exec_subplan(exec, index, &sp));
    if (sp->run == exec->run) return QN_OK;
    if (sp->arena == NULL) TRY_ALLOC(exec->ctx, sp->arena, arena_create(exec->arena, "init plan"));
    else arena_reset(sp->arena);
    Value v;
    TRY(exec_rescan(sp->root, DEP_RUN));
    TRY(exec_single_value(exec, sp->root, exec->plan->subplan_info[index].kind,
                          exec->exec_params[param_id]->type, sp->arena, &v));
    exec_set_param(exec, param_id, &v);
    sp->run = exec->run;
    return QN_OK;
}

Status
exec_subplan_read(Exec *exec, SubplanState *sp)
{
    if (sp->store == NULL) {
        int n;
        Oid *types = exec_output_types(exec->arena, sp->root->plan, &n);
        if (types == NULL) return RAISE_OOM(exec->ctx);
        TRY(rowstore_new(exec->ctx, exec->arena, n, types, exec->work_mem, &sp->store));
    }
    if (!sp->is_started) {
        rowstore_reset(sp->store);
        TRY(exec_rescan(sp->root, DEP_RUN));
        sp->is_started = true;
        sp->is_done = false;
        sp->version = exec_cte_version(exec, (int)(sp - exec->subplans));
    }
    Batch *b;
    TRY(exec_next(sp->root, &b));
    if (b == NULL) {
        sp->is_done = true;
        return QN_OK;
    }
    return rowstore_append(sp->store, b);
}

void
exec_describe_node(const Exec *exec, int id, Describe *d)
{
    const ExecNode *n = exec_node_by_id(exec, id);
    if (n != NULL && n->ops->describe != NULL) n->ops->describe(n, d);
}

Status
exec_pass_next(ExecNode *node, Batch **out)
{
    *out = NULL;
    while (*out == NULL) {
        Batch *b;
        TRY(exec_next(node->outer, &b));
        if (b == NULL) return QN_OK;
        TRY(exec_emit(node, b, NULL, out));
    }
    return QN_OK;
}

Status
exec_pass_rescan(ExecNode *node, DepSet changed)
{
    return exec_rescan(node->outer, changed);
}

void
exec_pass_bound(ExecNode *node, int64_t nrows)
{
    exec_bound(node->outer, nrows);
}
