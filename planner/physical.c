/* physical.c - from the logical tree to plan nodes: what stands above and between join blocks, and putting the
 * Plan together. One function a logical node; plan_tree says which. */
#include "planner/opt.h"
#include "planner/resolve.h"
#include <math.h>

/* What plan_tree's cases get. */
typedef struct Want {
    const ColSet *need;
    const SortKeyList *order; /* may be NULL */
    double limit_rows;        /* 0: all */
} Want;

bool
order_satisfies(const SortKeyList *have, const SortKeyList *want)
{
    if (want->count > have->count) return false;
    for (int i = 0; i < want->count; i++) {
        const SortKey *a = &have->items[i], *b = &want->items[i];
        if (a->desc != b->desc || a->nulls_first != b->nulls_first || !expr_equal(a->expr, b->expr)) return false;
    }
    return true;
}

Status
opt_sort(Opt *o, Sub *s, const SortKeyList *keys, double bound)
{
    if (order_satisfies(&s->order, keys)) return QN_OK;
    SortPlan *n = PNODE_NEW(o, Sort, s->node, NULL);
    if (n == NULL) return RAISE_OOM(o->ctx);
    Cost in = {s->node->startup_cost, s->node->total_cost}, c;
    TRY(opt_translate_sort(o, keys, &s->cols, &n->keys));
    TRY(pnode_pass_targets(o, &n->base, s, NULL));
    n->bound = bound;
    cost_sort(o->ctx->settings, &in, n->base.rows, n->base.width, bound, &c);
    n->base.startup_cost = c.startup;
    n->base.total_cost = c.total;
    s->node = &n->base;
    s->order = *keys;
    return QN_OK;
}

static Status
all_columns(Opt *o, const LNode *n, ColSet *out)
{
    for (int i = 0; i < n->ncols; i++) TRY(array_push(o->ctx, o->arena, out, ((ColId){n->rel, i})));
    return QN_OK;
}

/* Targets of a leaf node that makes the columns of n. */
static Status
own_targets(Opt *o, PlanNode *p, const LNode *n, Sub *out)
{
    *out = (Sub){.node = p};
    for (int i = 0; i < n->ncols; i++) {
        ColumnRefExpr *ref = (ColumnRefExpr *)rel_column_ref(o->ps, n->rel, i);
        if (ref == NULL) return RAISE_OOM(o->ctx);
        ref->rel = INPUT_OUTER;
        ref->col = i;
        TRY(array_push(o->ctx, o->arena, &p->targets, &ref->base));
    }
    TRY(all_columns(o, n, &out->cols));
    int w = 0;
    for (int i = 0; i < n->ncols; i++) w += est_width(o, (ColId){n->rel, i});
    p->width = w;
    return QN_OK;
}

/* ---- leaves ---- */

static Status
plan_one_row(Opt *o, Sub *out)
{
    ResultPlan *r = PNODE_NEW(o, Result, NULL, NULL);
    if (r == NULL) return RAISE_OOM(o->ctx);
    r->base.rows = 1;
    r->base.total_cost = o->ctx->settings->cpu_tuple_cost;
    *out = (Sub){.node = &r->base};
    return QN_OK;
}

static Status
plan_values(Opt *o, LValues *v, Sub *out)
{
    Ctx *ctx = o->ctx;
    ValuesScanPlan *p = PNODE_NEW(o, ValuesScan, NULL, NULL);
    if (p == NULL) return RAISE_OOM(ctx);
    p->alias = v->alias;
    p->nrows = v->nrows;
    p->ncols = v->base.ncols;
    TRY_ALLOC(ctx, p->rows, ARENA_ARRAY(o->arena, ExprList, v->nrows + 1));
    for (int i = 0; i < v->nrows; i++) TRY(opt_translate_list(o, &v->rows[i], NULL, NULL, &p->rows[i]));
    p->base.rows = v->nrows > 0 ? v->nrows : 1;
    p->base.total_cost = p->base.rows * (ctx->settings->cpu_tuple_cost + ctx->settings->cpu_operator_cost);
    return own_targets(o, &p->base, &v->base, out);
}

static double
function_rows(const LFunction *f)
{
    double rows = 1;
    for (int i = 0; i < f->calls.count; i++) {
        const Expr *e = f->calls.items[i];
        if (e->tag != EXPR_SetFunc) continue;
        const SetFuncExpr *s = (const SetFuncExpr *)e;
        const SetFunction *sf = fn_set(s->fn);
        double n = sf != NULL && sf->rows > 0 ? sf->rows : 1000;
        /* generate_series of constants says itself how many. */
        if (strcmp(s->fn->name, "generate_series") == 0 && s->args.count == 2 && s->args.items[0]->tag == EXPR_Const &&
            s->args.items[1]->tag == EXPR_Const) {
            const Value *a = &((ConstExpr *)s->args.items[0])->value, *b = &((ConstExpr *)s->args.items[1])->value;
            if (!a->is_null && !b->is_null && a->type == b->type) {
                if (a->type == TYPE_INT4) n = fmax(0, (double)b->i32 - a->i32 + 1);
                if (a->type == TYPE_INT8) n = fmax(0, (double)b->i64 - (double)a->i64 + 1);
            }
        }
        rows = fmax(rows, n);
    }
    return rows;
}

static Status
plan_function(Opt *o, LFunction *f, Sub *out)
{
    FunctionScanPlan *p = PNODE_NEW(o, FunctionScan, NULL, NULL);
    if (p == NULL) return RAISE_OOM(o->ctx);
    TRY(opt_translate_list(o, &f->calls, NULL, NULL, &p->calls));
    p->ordinality = f->ordinality;
    p->alias = f->alias;
    p->ncols = f->base.ncols;
    p->call_ncols = f->call_ncols;
    p->col_types = f->col_types;
    p->col_typmods = f->col_typmods;
    p->col_names = f->col_names;
    p->base.rows = function_rows(f);
    p->base.total_cost = p->base.rows * o->ctx->settings->cpu_tuple_cost;
    return own_targets(o, &p->base, &f->base, out);
}

/* Work tables read in the tree that are filled outside of it, as bits by number (those past 63 share one). */
typedef struct WorkTables {
    uint64_t read, filled;
} WorkTables;

static Status
find_worktables(Ctx *ctx, LNode **slot, void *arg)
{
    WorkTables *w = arg;
    const LNode *n = *slot;
    TRY(ctx_check_depth(ctx));
    if (n->tag == LOGICAL_WorkTable) w->read |= 1ull << (((const LWorkTable *)n)->worktable & 63);
    if (n->tag == LOGICAL_Recursive) w->filled |= 1ull << (((const LRecursive *)n)->worktable & 63);
    return lnode_children(ctx, *slot, find_worktables, arg);
}

/* A CTE is planned when first met, its rows shared by all who read it. */
static Status
plan_cte(Opt *o, int cte)
{
    CteInfo *info = &o->ps->ctes[cte];
    struct SubPlanInfo sp = {.is_cte = true};
    Sub sub = {0};
    if (o->cte_plan[cte] >= 0) return QN_OK;
    ParamScope *scope = &o->cte_scope[cte];
    scope->up = o->scope;
    o->scope = scope;
    Status st = plan_query(o, info->query, 0, &sub);
    o->scope = scope->up;
    TRY(st);
    sp.correlated = scope->cols.count > 0;
    WorkTables tables = {0};
    TRY(find_worktables(o->ctx, &info->query->root, &tables));
    sp.worktables = tables.read & ~tables.filled;
    sp.nparams = scope->cols.count;
    sp.params = scope->ids;
    TRY_ALLOC(o->ctx, sp.name, arena_printf(o->arena, "CTE %s", info->name));
    o->cte_plan[cte] = o->subplans.count;
    o->cte_rows[cte] = sub.node->rows;
    TRY(array_push(o->ctx, o->arena, &o->subplans, sub.node));
    return array_push(o->ctx, o->arena, &o->infos, sp);
}

static Status
plan_cte_ref(Opt *o, LCteRef *r, Sub *out)
{
    TRY(plan_cte(o, r->cte));
    TRY(param_scope_merge(o, &o->cte_scope[r->cte]));
    CteScanPlan *p = PNODE_NEW(o, CteScan, NULL, NULL);
    if (p == NULL) return RAISE_OOM(o->ctx);
    p->subplan = o->cte_plan[r->cte];
    p->alias = r->alias;
    p->cte_name = o->ps->ctes[r->cte].name;
    p->ncols = r->base.ncols;
    p->base.rows = o->cte_rows[r->cte];
    p->base.total_cost = p->base.rows * 2 * o->ctx->settings->cpu_tuple_cost;
    return own_targets(o, &p->base, &r->base, out);
}

static Status
plan_worktable(Opt *o, LWorkTable *w, Sub *out)
{
    WorkTableScanPlan *p = PNODE_NEW(o, WorkTableScan, NULL, NULL);
    if (p == NULL) return RAISE_OOM(o->ctx);
    p->worktable = w->worktable;
    p->alias = w->alias;
    p->ncols = w->base.ncols;
    p->base.rows = o->worktable_rows > 0 ? o->worktable_rows : 10;
    p->base.total_cost = p->base.rows * o->ctx->settings->cpu_tuple_cost;
    return own_targets(o, &p->base, &w->base, out);
}

/* ---- projections ---- */

/* A wanted order on a projection's columns, as one on its input; empty where that cannot be said. */
static Status
order_below(Opt *o, const SortKeyList *order, int rel, const ExprList *exprs, SortKeyList *out)
{
    for (int i = 0; order != NULL && i < order->count; i++) {
        SortKey k = order->items[i];
        const ColumnRefExpr *ref = (const ColumnRefExpr *)k.expr;
        if (k.expr->tag != EXPR_ColumnRef || ref->rel != rel || ref->col < 0 || ref->col >= exprs->count) {
            out->count = 0;
            return QN_OK;
        }
        k.expr = exprs->items[ref->col];
        TRY(array_push(o->ctx, o->arena, out, k));
    }
    return QN_OK;
}

/* The tables whose rows the tree's rows are made of. */
static Status
open_tables(Opt *o, const LNode *n, ColSet *out)
{
    TRY(ctx_check_depth(o->ctx));
    switch (n->tag) {
    case LOGICAL_Get:
        if (((const LGet *)n)->relation->systable != NULL) return QN_OK;
        return colset_add(o->ctx, o->arena, out, (ColId){n->rel, SCANCOL_TID});
    case LOGICAL_Append: return colset_add(o->ctx, o->arena, out, (ColId){n->rel, SCANCOL_TID});
    case LOGICAL_Join:
        TRY(open_tables(o, n->left, out));
        if (((const LJoin *)n)->jointype == JOIN_SEMI || ((const LJoin *)n)->jointype == JOIN_ANTI) return QN_OK;
        return open_tables(o, n->right, out);
    case LOGICAL_Project:
    case LOGICAL_Filter:
    case LOGICAL_Sort:
    case LOGICAL_Limit:
    case LOGICAL_LockRows: return open_tables(o, n->left, out);
    default: return QN_OK;
    }
}

static Status
plan_project(Opt *o, LProject *p, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    ColSet below = {0}, ids = {0}, tables = {0};
    ExprList exprs = {0};
    SortKeyList order = {0};
    TRY(open_tables(o, p->base.left, &tables));
    /* Only what is read above, in the order it is read: its own columns, and what names the rows of tables. */
    for (int i = 0; i < w->need->count; i++) {
        ColId c = w->need->items[i];
        Expr *e;
        if (c.rel == p->base.rel && c.col >= 0 && c.col < p->exprs.count) e = p->exprs.items[c.col];
        else if (c.col < 0 && colset_has(&tables, (ColId){c.rel, SCANCOL_TID})) TRY_ALLOC(ctx, e, rel_column_ref(o->ps, c.rel, c.col));
        else continue;
        TRY(array_push(ctx, o->arena, &exprs, e));
        TRY(array_push(ctx, o->arena, &ids, c));
    }
    TRY(colset_add_exprs(o->ps, &below, &exprs));
    TRY(order_below(o, w->order, p->base.rel, &p->exprs, &order));
    TRY(plan_tree(o, p->base.left, &below, order.count > 0 ? &order : NULL, w->limit_rows, out));
    return sub_project(o, out, &exprs, ids.items);
}

static Status
plan_project_set(Opt *o, LProjectSet *p, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    ColSet below = {0};
    Sub child;
    for (int i = 0; i < w->need->count; i++)
        if (w->need->items[i].rel != p->base.rel) TRY(colset_add(ctx, o->arena, &below, w->need->items[i]));
    TRY(colset_add_exprs(o->ps, &below, &p->exprs));
    TRY(plan_tree(o, p->base.left, &below, NULL, 0, &child));
    ProjectSetPlan *n = PNODE_NEW(o, ProjectSet, child.node, NULL);
    if (n == NULL) return RAISE_OOM(ctx);
    TRY(pnode_pass_targets(o, &n->base, &child, NULL));
    *out = (Sub){.node = &n->base, .cols = child.cols};
    for (int i = 0; i < p->exprs.count; i++) {
        Expr *e;
        TRY(opt_translate(o, p->exprs.items[i], &child.cols, NULL, &e));
        TRY(array_push(ctx, o->arena, &n->base.targets, e));
        TRY(array_push(ctx, o->arena, &out->cols, ((ColId){p->base.rel, i})));
    }
    n->base.project = true;
    n->base.rows = child.node->rows * 1000;
    n->base.total_cost += n->base.rows * ctx->settings->cpu_tuple_cost;
    return QN_OK;
}

/* ---- grouping ---- */

static Status
agg_specs(Opt *o, const LAggregate *a, const Sub *child, AggregatePlan *n, bool *ordered_out)
{
    Ctx *ctx = o->ctx;
    n->naggs = a->aggs.count;
    *ordered_out = false;
    TRY_ALLOC(ctx, n->aggs, ARENA_ARRAY(o->arena, AggSpec, n->naggs + 1));
    for (int i = 0; i < n->naggs; i++) {
        const AggExpr *e = (const AggExpr *)a->aggs.items[i];
        AggSpec *s = &n->aggs[i];
        s->agg = e->agg;
        s->distinct = e->distinct;
        s->star = e->star;
        s->type = e->base.type;
        s->typmod = e->base.typmod;
        TRY(opt_translate_list(o, &e->args, &child->cols, NULL, &s->args));
        TRY(opt_translate_list(o, &e->direct, &child->cols, NULL, &s->direct));
        TRY(opt_translate_sort(o, &e->order, &child->cols, &s->order));
        if (e->filter != NULL) TRY(opt_translate(o, e->filter, &child->cols, NULL, &s->filter));
        *ordered_out |= e->distinct || e->order.count > 0 || e->agg->kind != 'n';
    }
    return QN_OK;
}

static Status
keys_order(Opt *o, const ExprList *keys, SortKeyList *out)
{
    for (int i = 0; i < keys->count; i++) {
        Expr *e = keys->items[i];
        SortKey k = {.expr = e, .lt_op = op_for_type(e->type, SEL_LT)};
        TRY(array_push(o->ctx, o->arena, out, k));
    }
    return QN_OK;
}

static bool
all_sortable(const ExprList *keys)
{
    for (int i = 0; i < keys->count; i++) {
        const TypeInfo *t = type_info(keys->items[i]->type);
        if (t == NULL || t->cmp == NULL) return false;
    }
    return true;
}

/* Aggregate over child, hashed or sorted by cost. keys and what aggregates need are columns of child. */
static Status
make_aggregate(Opt *o, LAggregate *a, Sub *child, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    AggregatePlan *n = PNODE_NEW(o, Aggregate, NULL, NULL);
    bool ordered;
    if (n == NULL) return RAISE_OOM(ctx);
    double rows = child->node->rows, groups = a->keys.count > 0 ? est_groups(o, &a->keys, rows) : 1;
    SortKeyList order = {0};
    TRY(keys_order(o, &a->keys, &order));
    TRY(agg_specs(o, a, child, n, &ordered));
    n->ngroups_estimate = groups;
    n->strategy = a->keys.count == 0 && a->nsets == 0 ? AGG_PLAIN : AGG_HASHED;
    Cost in = {child->node->startup_cost, child->node->total_cost}, hashed, sorted, sort = in;
    cost_agg(ctx->settings, &in, rows, groups, a->keys.count, n->naggs, true, child->node->width, &hashed);
    if (a->nsets > 0) {
        n->sets = a->sets;
        n->set_counts = a->set_counts;
        n->nsets = a->nsets;
        groups *= a->nsets;
    } else if (a->keys.count > 0 && all_sortable(&a->keys)) {
        if (!order_satisfies(&child->order, &order)) cost_sort(ctx->settings, &in, rows, child->node->width, 0, &sort);
        cost_agg(ctx->settings, &sort, rows, groups, a->keys.count, n->naggs, false, child->node->width, &sorted);
        Cost h = hashed, s = sorted;
        if (w->order != NULL && w->order->count > 0) {
            cost_sort(ctx->settings, &hashed, groups, child->node->width, w->limit_rows, &h);
            if (!order_satisfies(&order, w->order)) cost_sort(ctx->settings, &sorted, groups, child->node->width, w->limit_rows, &s);
        }
        if (ordered || s.total < h.total) n->strategy = AGG_SORTED;
    }
    if (n->strategy == AGG_SORTED) TRY(opt_sort(o, child, &order, 0));
    n->base.outer = child->node;
    TRY(opt_translate_list(o, &a->keys, &child->cols, NULL, &n->keys));
    Cost c = hashed;
    if (n->strategy == AGG_SORTED) c = sorted;
    n->base.startup_cost = c.startup;
    n->base.total_cost = c.total;
    n->base.rows = fmax(1, rint(groups));
    TRY(own_targets(o, &n->base, &a->base, out));
    if (n->strategy == AGG_SORTED) {
        for (int i = 0; i < order.count; i++) {
            SortKey k = order.items[i];
            TRY_ALLOC(ctx, k.expr, rel_column_ref(o->ps, a->base.rel, i));
            TRY(array_push(ctx, o->arena, &out->order, k));
        }
    }
    return QN_OK;
}

static Status
plan_aggregate(Opt *o, LAggregate *a, const Want *w, Sub *out)
{
    ColSet below = {0};
    SortKeyList order = {0};
    Sub child;
    TRY(colset_add_exprs(o->ps, &below, &a->keys));
    TRY(colset_add_exprs(o->ps, &below, &a->aggs));
    if (a->nsets == 0) TRY(keys_order(o, &a->keys, &order));
    TRY(plan_tree(o, a->base.left, &below, order.count > 0 ? &order : NULL, 0, &child));
    return make_aggregate(o, a, &child, w, out);
}

static Status
plan_distinct(Opt *o, LDistinct *d, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    ColSet below = {0};
    TRY(colset_add_all(ctx, o->arena, &below, w->need));
    TRY(colset_add_exprs(o->ps, &below, &d->dist));
    TRY(plan_tree(o, d->base.left, &below, w->order, 0, out));
    double rows = out->node->rows, groups = est_groups(o, &d->dist, rows);
    bool plain = true;
    for (int i = 0; i < d->dist.count; i++) plain &= d->dist.items[i]->tag == EXPR_ColumnRef;
    SortKeyList order = {0};
    TRY(keys_order(o, &d->dist, &order));
    /* Sorted input: any order of the distinct columns makes equal rows neighbours. */
    bool grouped = out->order.count >= d->dist.count;
    for (int i = 0; i < d->dist.count && grouped; i++) {
        bool found = false;
        for (int k = 0; k < d->dist.count; k++) found |= expr_equal(out->order.items[i].expr, d->dist.items[k]);
        grouped = found;
    }
    if (d->is_on || grouped || !plain) {
        if (!d->is_on && !grouped) TRY(opt_sort(o, out, &order, 0));
        UniquePlan *u = PNODE_NEW(o, Unique, out->node, NULL);
        if (u == NULL) return RAISE_OOM(ctx);
        TRY_ALLOC(ctx, u->cols, ARENA_ARRAY(o->arena, int, d->dist.count + 1));
        for (int i = 0; i < d->dist.count; i++) {
            const ColumnRefExpr *ref = (const ColumnRefExpr *)d->dist.items[i];
            int at = ref->base.tag == EXPR_ColumnRef ? colset_find(&out->cols, (ColId){ref->rel, ref->col}) : -1;
            if (at >= 0) u->cols[u->ncols++] = at;
        }
        TRY(pnode_pass_targets(o, &u->base, out, NULL));
        u->base.rows = fmax(1, rint(groups));
        u->base.total_cost += rows * ctx->settings->cpu_operator_cost * u->ncols;
        out->node = &u->base;
        return QN_OK;
    }
    AggregatePlan *n = PNODE_NEW(o, Aggregate, out->node, NULL);
    if (n == NULL) return RAISE_OOM(ctx);
    n->strategy = AGG_HASHED;
    n->ngroups_estimate = groups;
    TRY(opt_translate_list(o, &d->dist, &out->cols, NULL, &n->keys));
    Cost in = {out->node->startup_cost, out->node->total_cost}, c;
    cost_agg(ctx->settings, &in, rows, groups, d->dist.count, 0, true, out->node->width, &c);
    n->base.startup_cost = c.startup;
    n->base.total_cost = c.total;
    n->base.rows = fmax(1, rint(groups));
    ColSet cols = {0};
    for (int i = 0; i < d->dist.count; i++) {
        const ColumnRefExpr *ref = (const ColumnRefExpr *)d->dist.items[i];
        Expr *t;
        TRY_ALLOC(ctx, t, expr_copy(o->arena, n->keys.items[i]));
        ((ColumnRefExpr *)t)->rel = INPUT_OUTER;
        ((ColumnRefExpr *)t)->col = i;
        TRY(array_push(ctx, o->arena, &n->base.targets, t));
        TRY(array_push(ctx, o->arena, &cols, ((ColId){ref->rel, ref->col})));
    }
    *out = (Sub){.node = &n->base, .cols = cols};
    return QN_OK;
}

/* ---- windows ---- */

static Status
window_order(Opt *o, const LWindow *x, SortKeyList *out)
{
    for (int i = 0; i < x->partition.count; i++) {
        bool there = false;
        for (int k = 0; k < out->count; k++) there |= expr_equal(out->items[k].expr, x->partition.items[i]);
        Expr *e = x->partition.items[i];
        if (!there) TRY(array_push(o->ctx, o->arena, out, ((SortKey){.expr = e, .lt_op = op_for_type(e->type, SEL_LT)})));
    }
    for (int i = 0; i < x->order.count; i++) TRY(array_push(o->ctx, o->arena, out, x->order.items[i]));
    return QN_OK;
}

static Status
plan_window(Opt *o, LWindow *x, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    ColSet below = {0};
    SortKeyList order = {0};
    for (int i = 0; i < w->need->count; i++)
        if (w->need->items[i].rel != x->base.rel) TRY(colset_add(ctx, o->arena, &below, w->need->items[i]));
    TRY(colset_add_exprs(o->ps, &below, &x->partition));
    TRY(colset_add_sort(o->ps, &below, &x->order));
    TRY(colset_add_exprs(o->ps, &below, &x->fns));
    if (x->frame.start_offset != NULL) TRY(colset_add_expr(o->ps, &below, x->frame.start_offset));
    if (x->frame.end_offset != NULL) TRY(colset_add_expr(o->ps, &below, x->frame.end_offset));
    TRY(window_order(o, x, &order));
    Sub child;
    TRY(plan_tree(o, x->base.left, &below, order.count > 0 ? &order : NULL, 0, &child));
    TRY(opt_sort(o, &child, &order, 0));
    WindowAggPlan *n = PNODE_NEW(o, WindowAgg, child.node, NULL);
    if (n == NULL) return RAISE_OOM(ctx);
    TRY(opt_translate_list(o, &x->partition, &child.cols, NULL, &n->partition));
    TRY(opt_translate_sort(o, &x->order, &child.cols, &n->order));
    n->frame = x->frame;
    if (x->frame.start_offset != NULL) TRY(opt_translate(o, x->frame.start_offset, &child.cols, NULL, &n->frame.start_offset));
    if (x->frame.end_offset != NULL) TRY(opt_translate(o, x->frame.end_offset, &child.cols, NULL, &n->frame.end_offset));
    n->name = x->name;
    n->nfns = x->fns.count;
    TRY_ALLOC(ctx, n->fns, ARENA_ARRAY(o->arena, WindowSpec, n->nfns + 1));
    TRY(pnode_pass_targets(o, &n->base, &child, NULL));
    *out = (Sub){.node = &n->base, .order = child.order};
    TRY(colset_add_all(ctx, o->arena, &out->cols, &child.cols));
    for (int i = 0; i < n->nfns; i++) {
        const WindowExpr *e = (const WindowExpr *)x->fns.items[i];
        WindowSpec *s = &n->fns[i];
        *s = (WindowSpec){.fn = e->fn, .agg = e->agg, .star = e->star, .ignore_nulls = e->ignore_nulls, .type = e->base.type, .typmod = e->base.typmod};
        TRY(opt_translate_list(o, &e->args, &child.cols, NULL, &s->args));
        if (e->filter != NULL) TRY(opt_translate(o, e->filter, &child.cols, NULL, &s->filter));
        ColumnRefExpr *ref = EXPR_NEW(o->arena, ColumnRef, e->base.type, e->base.typmod, 0);
        if (ref == NULL) return RAISE_OOM(ctx);
        ref->base.collation = e->base.collation;
        ref->rel = INPUT_OUTER;
        ref->col = child.cols.count + i;
        TRY(array_push(ctx, o->arena, &n->base.targets, &ref->base));
        TRY(array_push(ctx, o->arena, &out->cols, ((ColId){x->base.rel, i})));
    }
    n->base.total_cost += n->base.rows * ctx->settings->cpu_operator_cost * (n->nfns + x->partition.count + x->order.count) +
                          n->base.rows * ctx->settings->cpu_tuple_cost;
    return QN_OK;
}

/* ---- order and limit ---- */

static Status
plan_sort(Opt *o, LSort *s, const Want *w, Sub *out)
{
    ColSet below = {0};
    TRY(colset_add_all(o->ctx, o->arena, &below, w->need));
    TRY(colset_add_sort(o->ps, &below, &s->keys));
    TRY(plan_tree(o, s->base.left, &below, &s->keys, w->limit_rows, out));
    return opt_sort(o, out, &s->keys, w->limit_rows);
}

static bool
const_count(const Expr *e, double *out)
{
    if (e == NULL || e->tag != EXPR_Const) return false;
    const Value *v = &((const ConstExpr *)e)->value;
    if (v->is_null || v->phys != PHYS_I64) return false;
    *out = v->i64 > 0 ? (double)v->i64 : 0;
    return true;
}

static Status
plan_limit(Opt *o, LLimit *l, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    double limit = -1, offset = 0, rows = 0;
    if (const_count(l->limit, &limit) && (l->offset == NULL || const_count(l->offset, &offset))) rows = fmax(1, limit + offset);
    else if (l->limit != NULL && l->limit->tag != EXPR_Const) rows = 0;
    ColSet below = {0};
    SortKeyList ties = {0};
    TRY(colset_add_all(ctx, o->arena, &below, w->need));
    if (l->with_ties && l->base.left->tag == LOGICAL_Sort) {
        ties = ((LSort *)l->base.left)->keys;
        TRY(colset_add_sort(o->ps, &below, &ties));
    }
    TRY(plan_tree(o, l->base.left, &below, w->order, l->with_ties ? 0 : rows, out));
    LimitPlan *n = PNODE_NEW(o, Limit, out->node, NULL);
    if (n == NULL) return RAISE_OOM(ctx);
    if (l->limit != NULL) TRY(opt_translate(o, l->limit, NULL, NULL, &n->limit));
    if (l->offset != NULL) TRY(opt_translate(o, l->offset, NULL, NULL, &n->offset));
    n->with_ties = l->with_ties;
    TRY(opt_translate_sort(o, &ties, &out->cols, &n->ties));
    TRY(pnode_pass_targets(o, &n->base, out, NULL));
    double in = fmax(1, out->node->rows), run = out->node->total_cost - out->node->startup_cost;
    double skip = fmin(offset, in), take = limit >= 0 ? fmin(limit, in - skip) : in - skip;
    n->base.startup_cost = out->node->startup_cost + run * skip / in;
    n->base.total_cost = out->node->startup_cost + run * fmin(1, (skip + take) / in);
    n->base.rows = fmax(1, take);
    out->node = &n->base;
    return QN_OK;
}

/* A mark of each table of tids, with its columns in the input. */
static Status
make_marks(Opt *o, const ColSet *tids, const ColSet *input, RowMark **marks_out)
{
    TRY_ALLOC(o->ctx, *marks_out, ARENA_ARRAY(o->arena, RowMark, tids->count + 1));
    for (int i = 0; i < tids->count; i++) {
        int rel = tids->items[i].rel;
        const LNode *node = o->ps->rels[rel].node;
        RowMark *m = &(*marks_out)[i];
        *m = (RowMark){.mark = rel, .tid_col = colset_find(input, tids->items[i]),
                       .oid_col = colset_find(input, (ColId){rel, SCANCOL_TABLEOID}), .strength = ROW_MARK_KEEP};
        if (node->tag == LOGICAL_Get) m->rel = ((const LGet *)node)->relation;
        if (m->rel != NULL) m->oid_col = -1;
    }
    return QN_OK;
}

/* The columns that name the rows of those tables. */
static Status
add_row_names(Opt *o, const ColSet *tids, ColSet *out)
{
    for (int i = 0; i < tids->count; i++) {
        int rel = tids->items[i].rel;
        TRY(colset_add(o->ctx, o->arena, out, tids->items[i]));
        if (o->ps->rels[rel].node->tag == LOGICAL_Append)
            TRY(colset_add(o->ctx, o->arena, out, (ColId){rel, SCANCOL_TABLEOID}));
    }
    return QN_OK;
}

static Status
plan_lock_rows(Opt *o, LLockRows *l, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    ColSet below = {0}, tids = {0};
    TRY(colset_add_all(ctx, o->arena, &below, w->need));
    for (int i = 0; i < l->locked.count; i++)
        TRY(colset_add(ctx, o->arena, &tids, (ColId){l->locked.items[i].rel, SCANCOL_TID}));
    TRY(open_tables(o, l->base.left, &tids));
    TRY(add_row_names(o, &tids, &below));
    TRY(plan_tree(o, l->base.left, &below, w->order, w->limit_rows, out));
    LockRowsPlan *n = PNODE_NEW(o, LockRows, out->node, NULL);
    if (n == NULL) return RAISE_OOM(ctx);
    TRY(make_marks(o, &tids, &out->cols, &n->marks));
    n->nmarks = tids.count;
    for (int i = 0; i < l->locked.count; i++) { /* the first ones, in that order */
        n->marks[i].strength = l->locked.items[i].strength;
        n->marks[i].wait_policy = l->locked.items[i].wait_policy;
        if (n->marks[i].tid_col < 0)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "locking the rows of a subquery that is not merged into the query is not supported yet");
    }
    TRY(pnode_pass_targets(o, &n->base, out, NULL));
    out->node = &n->base;
    return QN_OK;
}

/* ---- set operations, recursion ---- */

static Status
plan_set_op(Opt *o, LSetOp *s, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    Sub first = {0};
    if (s->kind == SETOP_UNION) {
        AppendPlan *n = PNODE_NEW(o, Append, NULL, NULL);
        if (n == NULL) return RAISE_OOM(ctx);
        for (int i = 0; i < s->children.count; i++) {
            Sub sub;
            TRY(plan_outputs(o, s->children.items[i], &s->outs[i], w->order == NULL ? w->limit_rows : 0, &sub));
            TRY(array_push(ctx, o->arena, &n->children, sub.node));
            n->base.rows += sub.node->rows;
            n->base.total_cost += sub.node->total_cost;
            if (i == 0) n->base.startup_cost = sub.node->startup_cost;
            if (i == 0) n->base.width = sub.node->width;
            if (i == 0) first = sub;
        }
        n->base.total_cost += n->base.rows * ctx->settings->cpu_tuple_cost * 0.5;
        TRY(pnode_pass_targets(o, &n->base, &first, NULL));
        *out = (Sub){.node = &n->base};
        return all_columns(o, &s->base, &out->cols);
    }
    Sub l, r;
    TRY(plan_outputs(o, s->children.items[0], &s->outs[0], 0, &l));
    TRY(plan_outputs(o, s->children.items[1], &s->outs[1], 0, &r));
    SetOpPlan *n = PNODE_NEW(o, SetOp, l.node, r.node);
    if (n == NULL) return RAISE_OOM(ctx);
    n->kind = s->kind;
    n->all = s->all;
    TRY(pnode_pass_targets(o, &n->base, &l, NULL));
    n->base.startup_cost = l.node->total_cost + r.node->total_cost;
    n->base.total_cost = n->base.startup_cost + (l.node->rows + r.node->rows) * ctx->settings->cpu_operator_cost;
    n->base.rows = s->kind == SETOP_INTERSECT ? fmin(l.node->rows, r.node->rows) : l.node->rows;
    *out = (Sub){.node = &n->base};
    return all_columns(o, &s->base, &out->cols);
}

/* Tuples of the largest table in the plan that an index gives to a nested loop's inner side; 0: none. */
static double
largest_probed(const PlanNode *n)
{
    double most = 0;
    for (; n != NULL; n = n->outer) {
        const PlanNode *inner = n->tag == PLAN_NestLoop ? n->inner : NULL;
        if (inner != NULL && inner->tag == PLAN_Memoize) inner = inner->outer;
        if (inner == NULL || inner->tag != PLAN_IndexScan) continue;
        most = fmax(most, ((const IndexScanPlan *)inner)->rel->tuples);
    }
    return most;
}

/* Whether each round costs what its rows cost: the work table streams along the outer sides, past hash tables that survive. */
static bool
streams_worktable(const PlanNode *n)
{
    bool hashed = false;
    for (; n != NULL; n = n->outer) {
        switch (n->tag) {
        case PLAN_WorkTableScan: return hashed;
        case PLAN_HashJoin: hashed = true; break;
        case PLAN_NestLoop:
        case PLAN_SubqueryScan: break;
        default: return false;
        }
    }
    return false;
}

/* How many rows a recursive step meets is a guess. Where the guess leads to index probes, the step is planned for many rows as
 * well; it takes over once the probes have cost as much as its hash tables will (which is at most twice what knowing would have
 * cost). */
static Status
plan_large_step(Opt *o, LRecursive *r, const PlanNode *small, RecursiveUnionPlan *n)
{
    double probed = largest_probed(small), per_row = small->total_cost / fmax(1, o->worktable_rows);
    Sub step;
    if (probed <= o->worktable_rows) return QN_OK;
    o->worktable_rows = 2 * probed; /* more than any table has, so that tables are what is hashed */
    TRY(plan_outputs(o, r->base.right, &r->outs[1], 0, &step));
    if (!streams_worktable(step.node) || per_row <= 0) return QN_OK;
    n->large_after = step.node->startup_cost / per_row;
    return array_push(o->ctx, o->arena, &n->large, step.node);
}

static Status
plan_recursive(Opt *o, LRecursive *r, Sub *out)
{
    Ctx *ctx = o->ctx;
    Sub seed, step;
    double saved = o->worktable_rows;
    TRY(plan_outputs(o, r->base.left, &r->outs[0], 0, &seed));
    int nsubplans = o->subplans.count;
    o->worktable_rows = seed.node->rows * ctx->settings->recursive_worktable_factor;
    TRY(plan_outputs(o, r->base.right, &r->outs[1], 0, &step));
    RecursiveUnionPlan *n = PNODE_NEW(o, RecursiveUnion, seed.node, step.node);
    if (n == NULL) return RAISE_OOM(ctx);
    n->worktable = r->worktable;
    n->distinct = r->distinct;
    /* Subqueries of the step are planned once. */
    if (o->subplans.count == nsubplans) TRY(plan_large_step(o, r, step.node, n));
    o->worktable_rows = saved;
    TRY(pnode_pass_targets(o, &n->base, &seed, NULL));
    n->base.rows = seed.node->rows + 10 * step.node->rows;
    n->base.total_cost = seed.node->total_cost + 10 * step.node->total_cost + n->base.rows * ctx->settings->cpu_tuple_cost;
    *out = (Sub){.node = &n->base};
    return all_columns(o, &r->base, &out->cols);
}

/* ---- FULL JOIN ---- */

/* left = right over the two sides, as a key; false: another condition. */
static bool
full_key(Opt *o, Expr *e, const ColSet *left, const ColSet *right, Expr **l, Expr **r)
{
    if (e->tag != EXPR_Func) return false;
    FuncExpr *f = (FuncExpr *)e;
    if (f->op == NULL || f->op->sel != SEL_EQ || !f->op->can_hash || f->args.count != 2) return false;
    for (int flip = 0; flip < 2; flip++) {
        ColSet a = {0}, b = {0};
        bool ok = true;
        *l = f->args.items[flip];
        *r = f->args.items[1 - flip];
        if (colset_add_expr(o->ps, &a, *l) != QN_OK || colset_add_expr(o->ps, &b, *r) != QN_OK) return false;
        for (int i = 0; i < a.count; i++) ok &= colset_has(left, a.items[i]);
        for (int i = 0; i < b.count; i++) ok &= colset_has(right, b.items[i]);
        if (ok && a.count > 0 && b.count > 0) return true;
    }
    return false;
}

static Status
plan_full_join(Opt *o, LJoin *j, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    ColSet all = {0};
    Sub l, r;
    TRY(colset_add_all(ctx, o->arena, &all, w->need));
    TRY(colset_add_exprs(o->ps, &all, &j->conds));
    TRY(plan_tree(o, j->base.left, &all, NULL, 0, &l));
    TRY(plan_tree(o, j->base.right, &all, NULL, 0, &r));
    HashPlan *h = PNODE_NEW(o, Hash, r.node, NULL);
    if (h == NULL) return RAISE_OOM(ctx);
    TRY(pnode_pass_targets(o, &h->base, &r, NULL));
    HashJoinPlan *n = PNODE_NEW(o, HashJoin, l.node, &h->base);
    if (n == NULL) return RAISE_OOM(ctx);
    r.node = &h->base;
    n->jointype = JOIN_FULL;
    for (int i = 0; i < j->conds.count; i++) {
        Expr *a, *b, *c;
        TRY(opt_translate(o, j->conds.items[i], &l.cols, &r.cols, &c));
        if (!full_key(o, j->conds.items[i], &l.cols, &r.cols, &a, &b)) {
            TRY(array_push(ctx, o->arena, &n->join_cond, c));
            continue;
        }
        if (a->type != b->type) { /* both sides hash as one type */
            Expr *wide = opt_key_as(o, a, b->type);
            if (wide != NULL) a = wide;
            else if ((wide = opt_key_as(o, b, a->type)) != NULL) b = wide;
            else return RAISE_INTERNAL(ctx, "join keys of types %u and %u", a->type, b->type);
        }
        TRY(opt_translate(o, a, &l.cols, NULL, &a));
        TRY(opt_translate(o, b, &r.cols, NULL, &b));
        TRY(opt_mark_inner(ctx, &b, NULL));
        TRY(array_push(ctx, o->arena, &n->outer_keys, a));
        TRY(array_push(ctx, o->arena, &n->inner_keys, b));
        TRY(array_push(ctx, o->arena, &n->hash_cond, c));
    }
    PlanNode *top = &n->base;
    if (n->outer_keys.count == 0 && n->join_cond.count > 0)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions");
    if (n->outer_keys.count == 0) {
        /* ON TRUE: every row meets every row; a side without rows leaves the other's. One constant key does it. */
        ConstExpr *one = EXPR_NEW(o->arena, Const, TYPE_INT4, -1, 0);
        if (one == NULL) return RAISE_OOM(ctx);
        one->value = (Value){.type = TYPE_INT4, .phys = PHYS_I32, .i32 = 1};
        TRY(array_push(ctx, o->arena, &n->outer_keys, &one->base));
        TRY(array_push(ctx, o->arena, &n->inner_keys, &one->base));
    }
    Cost oc = {l.node->startup_cost, l.node->total_cost}, ic = {h->base.startup_cost, h->base.total_cost}, c;
    double rows = fmax(l.node->rows, r.node->rows);
    cost_hashjoin(ctx->settings, &oc, l.node->rows, l.node->width, &ic, r.node->rows, r.node->width, n->outer_keys.count, rows, n->join_cond.count, &c);
    top->startup_cost = c.startup;
    top->total_cost = c.total;
    top->rows = rows;
    TRY(pnode_pass_targets(o, top, &l, &r));
    *out = (Sub){.node = top};
    TRY(colset_add_all(ctx, o->arena, &out->cols, &l.cols));
    for (int i = 0; i < r.cols.count; i++) TRY(array_push(ctx, o->arena, &out->cols, r.cols.items[i]));
    return sub_select(o, out, w->need);
}

/* ---- tables with descendants ---- */

/* What is read of the whole, as columns of a child. */
static Status
child_columns(Opt *o, const LAppend *a, const AppendChild *child, const ColSet *need, ColSet *out)
{
    for (int i = 0; i < need->count; i++)
        if (need->items[i].rel == a->base.rel)
            TRY(array_push(o->ctx, o->arena, out, ((ColId){child->rel, append_child_column(child, need->items[i].col)})));
    return QN_OK;
}

/* Every child is ruled out: no rows. */
static Status
plan_nothing(Opt *o, const ColSet *cols, Sub *out)
{
    ResultPlan *r = PNODE_NEW(o, Result, NULL, NULL);
    Expr *no;
    if (r == NULL) return RAISE_OOM(o->ctx);
    TRY_ALLOC(o->ctx, no, make_bool_const(o->ps, false));
    TRY(array_push(o->ctx, o->arena, &r->one_time, no));
    for (int i = 0; i < cols->count; i++) {
        Oid type;
        int32_t typmod;
        Expr *e;
        rel_column(o->ps, cols->items[i].rel, cols->items[i].col, &type, &typmod, NULL);
        TRY_ALLOC(o->ctx, e, make_null_const(o->ps, type, typmod));
        TRY(array_push(o->ctx, o->arena, &r->base.targets, e));
    }
    r->base.project = true;
    *out = (Sub){.node = &r->base, .cols = *cols};
    return QN_OK;
}

/* r_1, r_2, ... for those that are read; a single one has the name to itself. */
static Status
name_children(Opt *o, const LAppend *a)
{
    for (int i = 0; i < a->nchildren; i++) {
        LGet *g = (LGet *)o->ps->rels[a->children[i].rel].node;
        g->alias = a->alias;
        if (a->nchildren > 1) TRY_ALLOC(o->ctx, g->alias, arena_printf(o->arena, "%s_%d", a->alias, i + 1));
        o->ps->rels[a->children[i].rel].alias = g->alias;
    }
    return QN_OK;
}

static Status
plan_append(Opt *o, LAppend *a, const Want *w, Sub *out)
{
    Ctx *ctx = o->ctx;
    ColSet cols = {0};
    Sub first = {0};
    for (int i = 0; i < w->need->count; i++)
        if (w->need->items[i].rel == a->base.rel) TRY(colset_add(ctx, o->arena, &cols, w->need->items[i]));
    if (a->nchildren == 0) return plan_nothing(o, &cols, out);
    TRY(name_children(o, a));
    AppendPlan *n = PNODE_NEW(o, Append, NULL, NULL);
    if (n == NULL) return RAISE_OOM(ctx);
    for (int i = 0; i < a->nchildren; i++) {
        ColSet need = {0};
        Sub sub;
        TRY(child_columns(o, a, &a->children[i], &cols, &need));
        TRY(plan_tree(o, a->children[i].node, &need, NULL, w->order == NULL ? w->limit_rows : 0, &sub));
        TRY(sub_select(o, &sub, &need));
        TRY(array_push(ctx, o->arena, &n->children, sub.node));
        n->base.rows += sub.node->rows;
        n->base.total_cost += sub.node->total_cost;
        if (i == 0) first = sub;
    }
    n->base.startup_cost = first.node->startup_cost;
    n->base.width = first.node->width;
    n->base.total_cost += n->base.rows * ctx->settings->cpu_tuple_cost * 0.5;
    if (a->nchildren == 1) n->base.total_cost = first.node->total_cost;
    TRY(pnode_pass_targets(o, &n->base, &first, NULL));
    *out = (Sub){.node = a->nchildren == 1 ? first.node : &n->base, .cols = cols};
    return QN_OK;
}

/* ---- DML ---- */

static Status
row_columns(Opt *o, int rel, int n, ColSet *out)
{
    for (int i = 0; i < n; i++) TRY(array_push(o->ctx, o->arena, out, ((ColId){rel, i})));
    return QN_OK;
}

static Status
plan_on_conflict(Opt *o, const LModify *m, const ColSet *row, OnConflict **out)
{
    OnConflict *c;
    ColSet excluded = {0};
    TRY_ALLOC(o->ctx, c, arena_memdup(o->arena, m->on_conflict, sizeof(*c)));
    TRY(row_columns(o, m->excluded_rel, m->relation->ncols, &excluded));
    c->set = (ExprList){0};
    TRY(opt_translate_list(o, &m->on_conflict->set, row, &excluded, &c->set));
    if (c->where != NULL) TRY(opt_translate(o, c->where, row, &excluded, &c->where));
    *out = c;
    return QN_OK;
}

static Status
plan_steps(Opt *o, const PartitionStep *from, int n, const ColSet *row, PartitionStep **out)
{
    TRY_ALLOC(o->ctx, *out, ARENA_ARRAY(o->arena, PartitionStep, n + 1));
    for (int i = 0; i < n; i++) {
        (*out)[i] = from[i];
        (*out)[i].keys = (ExprList){0};
        TRY(opt_translate_list(o, &from[i].keys, row, NULL, &(*out)[i].keys));
    }
    return QN_OK;
}

static Status
plan_targets(Opt *o, const LModify *m, const ColSet *new_row, ModifyPlan *n)
{
    Ctx *ctx = o->ctx;
    n->nsteps = m->nsteps;
    n->nabove = m->nabove;
    TRY(plan_steps(o, m->steps, m->nsteps, new_row, &n->steps));
    TRY(plan_steps(o, m->above, m->nabove, new_row, &n->above));
    n->ntargets = m->ntargets;
    TRY_ALLOC(ctx, n->targets, ARENA_ARRAY(o->arena, ModifyTarget, m->ntargets + 1));
    for (int i = 0; i < m->ntargets; i++) {
        const ModifyTarget *from = &m->targets[i];
        ModifyTarget *t = &n->targets[i];
        ColSet row = {0};
        *t = *from;
        t->generated = t->checks = (ExprList){0};
        TRY(row_columns(o, from->row_rel, from->rel->ncols, &row));
        TRY(opt_translate_list(o, &from->generated, &row, NULL, &t->generated));
        TRY(opt_translate_list(o, &from->checks, &row, NULL, &t->checks));
    }
    return QN_OK;
}

/* UPDATE and DELETE: tids_out has the target's rows first, then those of the tables it is joined with, whose names join the input. */
static Status
add_other_rows(Opt *o, const LModify *m, ExprList *exprs, ColSet *ids, ColSet *tids_out)
{
    ColSet names = {0};
    if (m->kind == DML_INSERT || ids->count == 0) return QN_OK;
    TRY(colset_add(o->ctx, o->arena, tids_out, ids->items[0]));
    TRY(open_tables(o, m->base.left, tids_out));
    TRY(add_row_names(o, tids_out, &names));
    for (int i = 0; i < names.count; i++) {
        Expr *ref;
        if (colset_has(ids, names.items[i])) continue;
        TRY_ALLOC(o->ctx, ref, rel_column_ref(o->ps, names.items[i].rel, names.items[i].col));
        TRY(array_push(o->ctx, o->arena, exprs, ref));
        TRY(array_push(o->ctx, o->arena, ids, names.items[i]));
    }
    return QN_OK;
}

/* MERGE: what its actions read of the input. */
static Status
add_action_columns(Opt *o, const LModify *m, ColSet *out)
{
    for (int i = 0; i < m->nactions; i++) {
        ExprList when = {&m->actions[i].when, m->actions[i].when != NULL, 1};
        TRY(colset_add_exprs(o->ps, out, &when));
        TRY(colset_add_exprs(o->ps, out, &m->actions[i].values));
    }
    return QN_OK;
}

static Status
plan_actions(Opt *o, const LModify *m, const ColSet *input, ModifyPlan *n)
{
    if (m->nactions == 0) return QN_OK;
    TRY_ALLOC(o->ctx, n->actions, arena_memdup(o->arena, m->actions, sizeof(MergeAction) * (size_t)m->nactions));
    n->nactions = m->nactions;
    for (int i = 0; i < m->nactions; i++) {
        MergeAction *a = &n->actions[i];
        ExprList when = {&m->actions[i].when, a->when != NULL, 1}, translated = {0};
        a->values = (ExprList){0};
        TRY(opt_translate_list(o, &m->actions[i].values, input, NULL, &a->values));
        TRY(opt_translate_list(o, &when, input, NULL, &translated));
        a->when = when.count > 0 ? translated.items[0] : NULL;
    }
    return QN_OK;
}

static Status
plan_modify(Opt *o, LModify *m, Sub *out)
{
    Ctx *ctx = o->ctx;
    ModifyPlan *n = PNODE_NEW(o, Modify, NULL, NULL);
    ColSet row = {0}, extra = {0}, ids = {0}, used = {0}, tids = {0};
    ExprList exprs = {0};
    Sub in;
    if (n == NULL) return RAISE_OOM(ctx);
    TRY(row_columns(o, m->base.rel, m->relation->ncols, &row));
    for (int i = 0; i < m->exprs.count; i++) {
        const ColumnRefExpr *ref = (const ColumnRefExpr *)m->exprs.items[i];
        TRY(array_push(ctx, o->arena, &exprs, m->exprs.items[i]));
        /* An expression that is no column has no identity: rel 0 is never looked for. */
        ColId id = {0, i};
        if (ref->base.tag == EXPR_ColumnRef) id = (ColId){ref->rel, ref->col};
        TRY(array_push(ctx, o->arena, &ids, id));
    }
    TRY(colset_add_exprs(o->ps, &extra, &m->returning));
    TRY(add_action_columns(o, m, &extra));
    for (int i = 0; i < extra.count; i++) {
        Expr *ref;
        if (extra.items[i].rel == m->base.rel || colset_has(&ids, extra.items[i])) continue;
        ColSet made = {0};
        TRY(colset_produced_rels(o->ps, m->base.left, &made));
        if (!colset_has(&made, (ColId){extra.items[i].rel, 0})) continue; /* correlation */
        TRY_ALLOC(ctx, ref, rel_column_ref(o->ps, extra.items[i].rel, extra.items[i].col));
        TRY(array_push(ctx, o->arena, &exprs, ref));
        TRY(array_push(ctx, o->arena, &ids, extra.items[i]));
    }
    TRY(add_other_rows(o, m, &exprs, &ids, &tids));
    TRY(colset_add_exprs(o->ps, &used, &exprs));
    TRY(plan_tree(o, m->base.left, &used, NULL, 0, &in));
    TRY(sub_project(o, &in, &exprs, ids.items));
    TRY(make_marks(o, &tids, &ids, &n->marks));
    n->nmarks = tids.count;
    n->base.outer = in.node;
    n->base.rows = in.node->rows;
    n->base.startup_cost = in.node->startup_cost;
    n->base.total_cost = in.node->total_cost;
    n->kind = m->kind;
    n->rel = m->relation;
    n->alias = m->alias;
    n->cols = m->cols;
    n->ncols = m->ncols_set;
    n->tid_col = 0;
    n->returning = m->returning.count > 0;
    n->oid_col = m->kind != DML_INSERT && m->exprs.count > (m->kind == DML_MERGE ? 1 : m->ncols_set + 1) ? 1 : -1;
    n->value_col = m->kind == DML_INSERT ? 0 : n->oid_col > 0 ? 2 : 1;
    TRY(plan_targets(o, m, &row, n));
    if (m->on_conflict != NULL) TRY(plan_on_conflict(o, m, &row, &n->on_conflict));
    TRY(plan_actions(o, m, &in.cols, n));
    TRY(array_push(ctx, o->arena, &row, ((ColId){m->base.rel, SCANCOL_TID})));
    TRY(array_push(ctx, o->arena, &row, ((ColId){m->base.rel, SCANCOL_TABLEOID})));
    TRY(opt_translate_list(o, &m->returning, &in.cols, &row, &n->base.targets));
    n->base.project = n->returning;
    *out = (Sub){.node = &n->base};
    for (int i = 0; i < m->returning.count; i++) TRY(array_push(ctx, o->arena, &out->cols, ((ColId){0, i})));
    return QN_OK;
}

/* ---- the tree ---- */

/* Nodes that make all their columns hand up those that are read, in the order they are read. */
static Status
plan_own_columns(Opt *o, LNode *n, const Want *w, Sub *out)
{
    switch (n->tag) {
    case LOGICAL_Values: TRY(plan_values(o, (LValues *)n, out)); break;
    case LOGICAL_Function: TRY(plan_function(o, (LFunction *)n, out)); break;
    case LOGICAL_CteRef: TRY(plan_cte_ref(o, (LCteRef *)n, out)); break;
    case LOGICAL_WorkTable: TRY(plan_worktable(o, (LWorkTable *)n, out)); break;
    case LOGICAL_Aggregate: TRY(plan_aggregate(o, (LAggregate *)n, w, out)); break;
    default: TRY(plan_window(o, (LWindow *)n, w, out)); break;
    }
    return sub_select(o, out, w->need);
}

Status
plan_tree(Opt *o, LNode *n, const ColSet *need, const SortKeyList *wanted, double limit_rows, Sub *out)
{
    Want w = {need, wanted, limit_rows};
    TRY(ctx_check_depth(o->ctx));
    *out = (Sub){0};
    switch (n->tag) {
    case LOGICAL_OneRow: return plan_one_row(o, out);
    case LOGICAL_Project: return plan_project(o, (LProject *)n, &w, out);
    case LOGICAL_ProjectSet: return plan_project_set(o, (LProjectSet *)n, &w, out);
    case LOGICAL_Values:
    case LOGICAL_Function:
    case LOGICAL_CteRef:
    case LOGICAL_WorkTable:
    case LOGICAL_Aggregate:
    case LOGICAL_Window: return plan_own_columns(o, n, &w, out);
    case LOGICAL_Distinct: return plan_distinct(o, (LDistinct *)n, &w, out);
    case LOGICAL_Sort: return plan_sort(o, (LSort *)n, &w, out);
    case LOGICAL_Limit: return plan_limit(o, (LLimit *)n, &w, out);
    case LOGICAL_SetOp: return plan_set_op(o, (LSetOp *)n, &w, out);
    case LOGICAL_Recursive: return plan_recursive(o, (LRecursive *)n, out);
    case LOGICAL_Append: return plan_append(o, (LAppend *)n, &w, out);
    case LOGICAL_LockRows: return plan_lock_rows(o, (LLockRows *)n, &w, out);
    case LOGICAL_Modify: return plan_modify(o, (LModify *)n, out);
    case LOGICAL_Join:
        if (((LJoin *)n)->jointype == JOIN_FULL) return plan_full_join(o, (LJoin *)n, &w, out);
        return block_plan(o, n, need, wanted, limit_rows, out);
    case LOGICAL_Get:
    case LOGICAL_Filter: return block_plan(o, n, need, wanted, limit_rows, out);
    default: return RAISE_INTERNAL(o->ctx, "unknown logical node %d", n->tag);
    }
}

Status
plan_outputs(Opt *o, LNode *root, const ExprList *outs, double limit_rows, Sub *out)
{
    Ctx *ctx = o->ctx;
    ColSet need = {0}, ids = {0};
    TRY(colset_add_exprs(o->ps, &need, outs));
    if (root->tag == LOGICAL_Modify) return plan_tree(o, root, &need, NULL, 0, out);
    TRY(plan_tree(o, root, &need, NULL, limit_rows, out));
    /* Junk after the visible columns is fine at the top and in children that are read by position. */
    bool exact = outs->count <= out->cols.count;
    for (int i = 0; i < outs->count; i++) {
        const ColumnRefExpr *ref = (const ColumnRefExpr *)outs->items[i];
        ColId id = {0, i};
        bool is_column = ref->base.tag == EXPR_ColumnRef;
        if (is_column) id = (ColId){ref->rel, ref->col};
        exact = exact && is_column && out->cols.items[i].rel == id.rel && out->cols.items[i].col == id.col;
        TRY(array_push(ctx, o->arena, &ids, id));
    }
    if (exact) return QN_OK;
    return sub_project(o, out, outs, ids.items);
}

Status
plan_query(Opt *o, Query *q, double limit_rows, Sub *out)
{
    return plan_outputs(o, q->root, &q->out, limit_rows, out);
}

/* ---- the plan ---- */

static Status
number_nodes(Opt *o, PlanNode *n, int *next)
{
    if (n == NULL) return QN_OK;
    TRY(ctx_check_depth(o->ctx));
    n->id = (*next)++;
    TRY(number_nodes(o, n->outer, next));
    TRY(number_nodes(o, n->inner, next));
    const PlanNodeList *children = plan_node_children(n);
    for (int i = 0; children != NULL && i < children->count; i++) TRY(number_nodes(o, children->items[i], next));
    return QN_OK;
}

const PlanNodeList *
plan_node_children(const PlanNode *n)
{
    switch (n->tag) {
    case PLAN_Append: return &((const AppendPlan *)n)->children;
    case PLAN_MergeAppend: return &((const MergeAppendPlan *)n)->children;
    case PLAN_BitmapAnd: return &((const BitmapAndPlan *)n)->children;
    case PLAN_BitmapOr: return &((const BitmapOrPlan *)n)->children;
    case PLAN_RecursiveUnion: return &((const RecursiveUnionPlan *)n)->large;
    default: return NULL;
    }
}

static Status
finish_plan(Opt *o, const Query *q, const Sub *root, Plan *p)
{
    PlanState *ps = o->ps;
    Ctx *ctx = o->ctx;
    p->root = root->node;
    p->subplans = o->subplans.items;
    p->nsubplans = o->subplans.count;
    p->subplan_info = o->infos.items;
    TRY(number_nodes(o, p->root, &p->nnodes));
    for (int i = 0; i < p->nsubplans; i++) TRY(number_nodes(o, p->subplans[i], &p->nnodes));
    p->ncols = q->out.count;
    p->col_names = q->out_names;
    TRY_ALLOC(ctx, p->col_types, ARENA_ARRAY(o->arena, Oid, p->ncols + 1));
    TRY_ALLOC(ctx, p->col_typmods, ARENA_ARRAY(o->arena, int32_t, p->ncols + 1));
    for (int i = 0; i < p->ncols; i++) {
        p->col_types[i] = q->out.items[i]->type;
        p->col_typmods[i] = q->out.items[i]->typmod;
    }
    p->root->target_names = q->out_names;
    p->nparams = ps->nparams;
    p->param_types = ps->param_types;
    p->nexec_params = ps->nexec_params;
    if (ps->nexec_params > 0 && o->exec_types.count < ps->nexec_params) TRY(param_type(o, ps->nexec_params - 1, INVALID_OID));
    p->exec_param_types = o->exec_types.items;
    p->deps = ps->deps.items;
    p->ndeps = ps->deps.count;
    p->has_detaching = ps->has_detaching;
    if (p->root->tag == PLAN_Modify) {
        const ModifyPlan *m = (const ModifyPlan *)p->root;
        p->is_dml = p->modifies = true;
        p->dml = m->kind;
        p->has_returning = m->returning;
    }
    for (int i = 0; i < p->nsubplans; i++) p->modifies |= p->subplans[i]->tag == PLAN_Modify;
    return QN_OK;
}

Status
physical_plan(PlanState *ps, Query *q, Plan **out)
{
    Ctx *ctx = ps->ctx;
    Opt o = {.ps = ps, .ctx = ctx, .arena = ps->arena};
    Sub root = {0};
    TRY_ALLOC(ctx, o.cte_plan, ARENA_ARRAY(ps->arena, int, ps->nctes + 1));
    TRY_ALLOC(ctx, o.cte_scope, ARENA_ARRAY(ps->arena, ParamScope, ps->nctes + 1));
    TRY_ALLOC(ctx, o.cte_rows, ARENA_ARRAY(ps->arena, double, ps->nctes + 1));
    for (int i = 0; i < ps->nctes; i++) o.cte_plan[i] = -1;
    for (int i = 0; i < ps->nctes; i++)
        if (ps->ctes[i].modifies) TRY(plan_cte(&o, i));
    TRY(plan_query(&o, q, 0, &root));
    TRY_ALLOC(ctx, *out, ARENA_NEW(ps->arena, Plan));
    return finish_plan(&o, q, &root, *out);
}
