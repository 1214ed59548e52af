/* optnode.c - physical nodes: column sets, expressions put over a node's inputs, projections and filters put on a
 * planned subtree without an extra node where the node below can compute them itself. */
#include "planner/opt.h"

/* ---- column sets ---- */

int
colset_find(const ColSet *s, ColId c)
{
    for (int i = 0; i < s->count; i++)
        if (s->items[i].rel == c.rel && s->items[i].col == c.col) return i;
    return -1;
}

bool
colset_has(const ColSet *s, ColId c)
{
    return colset_find(s, c) >= 0;
}

Status
colset_add(Ctx *ctx, Arena *arena, ColSet *s, ColId c)
{
    if (colset_has(s, c)) return QN_OK;
    return array_push(ctx, arena, s, c);
}

Status
colset_add_all(Ctx *ctx, Arena *arena, ColSet *s, const ColSet *from)
{
    for (int i = 0; i < from->count; i++) TRY(colset_add(ctx, arena, s, from->items[i]));
    return QN_OK;
}

typedef struct Collect {
    PlanState *ps;
    ColSet *out;
} Collect;

static Status query_free_columns(PlanState *ps, Query *q, ColSet *out);

static Status
collect_columns(Ctx *ctx, Expr **slot, void *arg)
{
    Collect *c = arg;
    Expr *e = *slot;
    if (e == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_ColumnRef) {
        ColumnRefExpr *ref = (ColumnRefExpr *)e;
        return colset_add(ctx, c->ps->arena, c->out, (ColId){ref->rel, ref->col});
    }
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL)
        TRY(query_free_columns(c->ps, ((SubPlanExpr *)e)->query, c->out));
    return expr_children(ctx, e, collect_columns, arg);
}

Status
colset_add_expr(PlanState *ps, ColSet *s, Expr *e)
{
    Collect c = {ps, s};
    Expr *slot = e;
    return collect_columns(ps->ctx, &slot, &c);
}

Status
colset_add_exprs(PlanState *ps, ColSet *s, const ExprList *list)
{
    for (int i = 0; i < list->count; i++) TRY(colset_add_expr(ps, s, list->items[i]));
    return QN_OK;
}

Status
colset_add_sort(PlanState *ps, ColSet *s, const SortKeyList *keys)
{
    for (int i = 0; i < keys->count; i++) TRY(colset_add_expr(ps, s, keys->items[i].expr));
    return QN_OK;
}

static Status
collect_rels(Ctx *ctx, LNode **slot, void *arg)
{
    Collect *c = arg;
    LNode *n = *slot;
    if (n == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (n->rel > 0) TRY(colset_add(ctx, c->ps->arena, c->out, (ColId){n->rel, 0}));
    if (n->tag == LOGICAL_Modify && ((LModify *)n)->excluded_rel > 0)
        TRY(colset_add(ctx, c->ps->arena, c->out, (ColId){((LModify *)n)->excluded_rel, 0}));
    return lnode_children(ctx, n, collect_rels, arg);
}

Status
colset_produced_rels(PlanState *ps, LNode *root, ColSet *out)
{
    Collect c = {ps, out};
    LNode *slot = root;
    return collect_rels(ps->ctx, &slot, &c);
}

static Status
keep_free(PlanState *ps, LNode *root, const ColSet *used, ColSet *out)
{
    ColSet made = {0};
    if (used->count == 0) return QN_OK;
    TRY(colset_produced_rels(ps, root, &made));
    for (int i = 0; i < used->count; i++)
        if (!colset_has(&made, (ColId){used->items[i].rel, 0}))
            TRY(colset_add(ps->ctx, ps->arena, out, used->items[i]));
    return QN_OK;
}

/* A WITH query belongs to where it is read. */
static Status
collect_ctes(Ctx *ctx, LNode **slot, void *arg)
{
    Collect *c = arg;
    if (*slot == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    Query *q = (*slot)->tag == LOGICAL_CteRef ? c->ps->ctes[((LCteRef *)*slot)->cte].query : NULL;
    if (q != NULL) TRY(query_free_columns(c->ps, q, c->out));
    return lnode_children(ctx, *slot, collect_ctes, arg);
}

Status
colset_free_columns(PlanState *ps, LNode *root, ColSet *out)
{
    ColSet used = {0};
    Collect c = {ps, &used};
    TRY(tree_walk_exprs(ps->ctx, root, collect_columns, &c));
    TRY(collect_ctes(ps->ctx, &root, &c));
    return keep_free(ps, root, &used, out);
}

static Status
query_free_columns(PlanState *ps, Query *q, ColSet *out)
{
    ColSet used = {0};
    Collect c = {ps, &used};
    TRY(query_walk_exprs(ps->ctx, q, collect_columns, &c));
    TRY(collect_ctes(ps->ctx, &q->root, &c));
    return keep_free(ps, q->root, &used, out);
}

/* ---- expressions ---- */

Expr *
opt_strip_relabel(Expr *e)
{
    while (e->tag == EXPR_Relabel) e = ((RelabelExpr *)e)->arg;
    return e;
}

SelKind
opt_commuted(SelKind kind)
{
    switch (kind) {
    case SEL_LT: return SEL_GT;
    case SEL_LE: return SEL_GE;
    case SEL_GT: return SEL_LT;
    case SEL_GE: return SEL_LE;
    default: return kind;
    }
}

bool
exprlist_holds(const ExprList *list, const Expr *e)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i] == e) return true;
    return false;
}

Status
opt_mark_inner(Ctx *ctx, Expr **slot, void *arg)
{
    (void)arg;
    if (*slot == NULL) return QN_OK;
    if ((*slot)->tag == EXPR_ColumnRef) ((ColumnRefExpr *)*slot)->rel = INPUT_INNER;
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, opt_mark_inner, NULL);
}

/* ---- params ---- */

Status
param_type(Opt *o, int id, Oid type)
{
    while (o->exec_types.count <= id) TRY(array_push(o->ctx, o->arena, &o->exec_types, INVALID_OID));
    o->exec_types.items[id] = type;
    return QN_OK;
}

static Status
scope_push(Opt *o, ParamScope *s, ColId c, int id)
{
    int n = s->cols.count;
    if (n >= s->ids_cap) {
        int cap = n * 2 + 8;
        int *ids = arena_realloc(o->arena, s->ids, sizeof(int) * (size_t)s->ids_cap, sizeof(int) * (size_t)cap);
        if (ids == NULL) return RAISE_OOM(o->ctx);
        s->ids = ids;
        s->ids_cap = cap;
    }
    s->ids[n] = id;
    return array_push(o->ctx, o->arena, &s->cols, c);
}

Status
param_add(Opt *o, ColId c, Oid type, int *id_out)
{
    if (o->scope == NULL) return RAISE_INTERNAL(o->ctx, "column %d of relation %d is not produced by the plan below", c.col, c.rel);
    int at = colset_find(&o->scope->cols, c);
    if (at >= 0) {
        *id_out = o->scope->ids[at];
        return QN_OK;
    }
    *id_out = o->ps->nexec_params++;
    TRY(param_type(o, *id_out, type));
    return scope_push(o, o->scope, c, *id_out);
}

/* Makes the params of from, which keep their ids, params of the current scope. */
Status
param_scope_merge(Opt *o, const ParamScope *from)
{
    for (int i = 0; i < from->cols.count; i++) {
        bool there = false;
        if (o->scope == NULL) return RAISE_INTERNAL(o->ctx, "lateral reference without an outer side");
        for (int k = 0; k < o->scope->cols.count; k++) there |= o->scope->ids[k] == from->ids[i];
        if (!there) TRY(scope_push(o, o->scope, from->cols.items[i], from->ids[i]));
    }
    return QN_OK;
}

/* ---- expressions over inputs ---- */

typedef struct Translate {
    Opt *o;
    const ColSet *in0, *in1;
} Translate;

static Status plan_subplan(Opt *o, Expr **slot, const ColSet *in0, const ColSet *in1);

static Status
translate_slot(Ctx *ctx, Expr **slot, void *arg)
{
    Translate *t = arg;
    Expr *e = *slot;
    if (e == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_ColumnRef) {
        ColumnRefExpr *ref = (ColumnRefExpr *)e;
        ColId c = {ref->rel, ref->col};
        int at = t->in0 != NULL ? colset_find(t->in0, c) : -1;
        if (at >= 0) {
            ref->rel = INPUT_OUTER;
            ref->col = at;
            return QN_OK;
        }
        at = t->in1 != NULL ? colset_find(t->in1, c) : -1;
        if (at >= 0) {
            ref->rel = INPUT_INNER;
            ref->col = at;
            return QN_OK;
        }
        int id;
        TRY(param_add(t->o, c, e->type, &id));
        ParamExpr *p = EXPR_NEW(t->o->arena, Param, e->type, e->typmod, e->loc);
        if (p == NULL) return RAISE_OOM(ctx);
        p->base.collation = e->collation;
        p->kind = PARAM_EXEC;
        p->id = id;
        *slot = &p->base;
        return QN_OK;
    }
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL) return plan_subplan(t->o, slot, t->in0, t->in1);
    return expr_children(ctx, e, translate_slot, arg);
}

Status
opt_translate(Opt *o, const Expr *e, const ColSet *in0, const ColSet *in1, Expr **out)
{
    Translate t = {o, in0, in1};
    TRY_ALLOC(o->ctx, *out, expr_copy(o->arena, e));
    return translate_slot(o->ctx, out, &t);
}

Status
opt_translate_list(Opt *o, const ExprList *list, const ColSet *in0, const ColSet *in1, ExprList *out)
{
    for (int i = 0; i < list->count; i++) {
        Expr *e;
        TRY(opt_translate(o, list->items[i], in0, in1, &e));
        TRY(array_push(o->ctx, o->arena, out, e));
    }
    return QN_OK;
}

Status
opt_translate_sort(Opt *o, const SortKeyList *keys, const ColSet *in0, SortKeyList *out)
{
    for (int i = 0; i < keys->count; i++) {
        SortKey k = keys->items[i];
        TRY(opt_translate(o, keys->items[i].expr, in0, NULL, &k.expr));
        TRY(array_push(o->ctx, o->arena, out, k));
    }
    return QN_OK;
}

/* The outer side of `left = $col` where $col is output column i of the subquery and both are of one type. */
static Expr *
hashable_side(const SubPlanExpr *s, Expr *test, int *col_out)
{
    if (test->tag != EXPR_Func) return NULL;
    FuncExpr *f = (FuncExpr *)test;
    if (f->op == NULL || f->op->sel != SEL_EQ || !f->op->can_hash || f->args.count != 2) return NULL;
    Expr *l = f->args.items[0], *r = f->args.items[1];
    if (r->tag != EXPR_Param || ((ParamExpr *)r)->kind != PARAM_EXEC || l->type != r->type) return NULL;
    for (int i = 0; i < s->ncol_params; i++) {
        if (s->col_params[i] != ((ParamExpr *)r)->id) continue;
        *col_out = i;
        return l;
    }
    return NULL;
}

static Status
try_hashed(Opt *o, SubPlanExpr *s)
{
    ExprList one = {0}, *tests = &one;
    if (s->test->tag == EXPR_Bool && ((BoolExpr *)s->test)->kind == BOOL_AND)
        tests = &((BoolExpr *)s->test)->args;
    else
        TRY(array_push(o->ctx, o->arena, &one, s->test));
    if (tests->count != s->ncol_params) return QN_OK;
    ExprList left = {0};
    for (int i = 0; i < s->ncol_params; i++) TRY(array_push(o->ctx, o->arena, &left, (Expr *)NULL));
    for (int i = 0; i < tests->count; i++) {
        int col;
        Expr *l = hashable_side(s, tests->items[i], &col);
        if (l == NULL || left.items[col] != NULL) return QN_OK;
        left.items[col] = l;
    }
    s->hashed = true;
    s->hash_left = left;
    return QN_OK;
}

/* Plans the subquery and binds its correlation to the row at hand; what needs no row becomes an init plan's param. */
static Status
plan_subplan(Opt *o, Expr **slot, const ColSet *in0, const ColSet *in1)
{
    Ctx *ctx = o->ctx;
    SubPlanExpr *s = (SubPlanExpr *)*slot;
    ParamScope scope = {.up = o->scope};
    Query *q = s->query;
    Sub sub = {0};
    struct SubPlanInfo info = {.kind = s->kind};

    for (int i = 0; i < s->ncol_params; i++) TRY(param_type(o, s->col_params[i], q->out.items[i]->type));
    o->scope = &scope;
    Status st = plan_query(o, q, s->kind == SUBPLAN_EXISTS ? 1 : 0, &sub);
    o->scope = scope.up;
    TRY(st);
    info.correlated = scope.cols.count > 0;
    info.is_init = !info.correlated && (s->kind == SUBPLAN_EXISTS || s->kind == SUBPLAN_SCALAR || s->kind == SUBPLAN_ARRAY);
    s->plan = o->subplans.count;
    if (info.is_init) {
        info.out_param = o->ps->nexec_params++;
        TRY(param_type(o, info.out_param, s->base.type));
        TRY_ALLOC(ctx, info.name, arena_printf(o->arena, "InitPlan %d (returns $%d)", ++o->ninit + o->nsub, info.out_param));
    } else {
        TRY_ALLOC(ctx, info.name, arena_printf(o->arena, "SubPlan %d", ++o->nsub + o->ninit));
    }
    TRY(array_push(ctx, o->arena, &o->subplans, sub.node));
    TRY(array_push(ctx, o->arena, &o->infos, info));
    s->query = NULL;
    if (info.is_init) {
        ParamExpr *p = EXPR_NEW(o->arena, Param, s->base.type, s->base.typmod, s->base.loc);
        if (p == NULL) return RAISE_OOM(ctx);
        p->kind = PARAM_EXEC;
        p->id = info.out_param;
        *slot = &p->base;
        return QN_OK;
    }
    Translate t = {o, in0, in1};
    TRY_ALLOC(ctx, s->param_ids, ARENA_ARRAY(o->arena, int, scope.cols.count + 1));
    for (int i = 0; i < scope.cols.count; i++) {
        ColId c = scope.cols.items[i];
        ColumnRefExpr *ref = (ColumnRefExpr *)rel_column_ref(o->ps, c.rel, c.col);
        if (ref == NULL) return RAISE_OOM(ctx);
        Expr *e = &ref->base;
        TRY(translate_slot(ctx, &e, &t));
        TRY(array_push(ctx, o->arena, &s->args, e));
        s->param_ids[i] = scope.ids[i];
    }
    if (s->test != NULL) TRY(translate_slot(ctx, &s->test, &t));
    if (s->kind == SUBPLAN_ANY && !info.correlated && s->test != NULL) TRY(try_hashed(o, s));
    return QN_OK;
}

/* ---- nodes ---- */

static const size_t node_bytes[PLAN_TAG_COUNT] = {
#define PLAN(T, name, fields) [PLAN_##T] = sizeof(T##Plan),
#include "planner/plan.def"
#undef PLAN
};

static const char *const node_names[PLAN_TAG_COUNT] = {
#define PLAN(T, name, fields) [PLAN_##T] = name,
#include "planner/plan.def"
#undef PLAN
};

const char *
plan_node_name(PlanTag tag)
{
    return tag > PLAN_NONE && tag < PLAN_TAG_COUNT ? node_names[tag] : "???";
}

PlanNode *
pnode_new(Opt *o, PlanTag tag, PlanNode *outer, PlanNode *inner)
{
    PlanNode *n = arena_zalloc(o->arena, node_bytes[tag]);
    if (n == NULL) return NULL;
    n->tag = (uint8_t)tag;
    n->outer = outer;
    n->inner = inner;
    if (outer != NULL) {
        n->startup_cost = outer->startup_cost;
        n->total_cost = outer->total_cost;
        n->rows = outer->rows;
        n->width = outer->width;
    }
    return n;
}

static Status
add_pass_target(Opt *o, PlanNode *n, int input, const PlanNode *from, int pos)
{
    const Expr *t = from->targets.items[pos];
    ColumnRefExpr *ref = EXPR_NEW(o->arena, ColumnRef, t->type, t->typmod, 0);
    if (ref == NULL) return RAISE_OOM(o->ctx);
    ref->base.collation = t->collation;
    ref->rel = input;
    ref->col = pos;
    return array_push(o->ctx, o->arena, &n->targets, &ref->base);
}

Status
pnode_pass_targets(Opt *o, PlanNode *n, const Sub *outer, const Sub *inner)
{
    for (int i = 0; i < outer->cols.count; i++) TRY(add_pass_target(o, n, INPUT_OUTER, outer->node, i));
    for (int i = 0; inner != NULL && i < inner->cols.count; i++)
        TRY(add_pass_target(o, n, INPUT_INNER, inner->node, i));
    return QN_OK;
}

/* Nodes that compute targets and conditions; the others hand their rows through. */
static bool
can_project(const PlanNode *n)
{
    switch (n->tag) {
    case PLAN_SeqScan:
    case PLAN_IndexScan:
    case PLAN_BitmapHeapScan:
    case PLAN_TidScan:
    case PLAN_CatalogScan:
    case PLAN_ValuesScan:
    case PLAN_FunctionScan:
    case PLAN_CteScan:
    case PLAN_WorkTableScan:
    case PLAN_SubqueryScan:
    case PLAN_Result:
    case PLAN_NestLoop:
    case PLAN_HashJoin:
    case PLAN_MergeJoin:
    case PLAN_Aggregate:
    case PLAN_WindowAgg: return true;
    default: return false;
    }
}

static bool
is_plain(const Expr *e)
{
    return e->tag == EXPR_ColumnRef || e->tag == EXPR_Const || e->tag == EXPR_Param;
}

/* Replaces (INPUT_OUTER, i) by targets[i] of the node that is to compute the expression itself. */
static Status
substitute_slot(Ctx *ctx, Expr **slot, void *arg)
{
    PlanNode *n = ((void **)arg)[0];
    Arena *arena = ((void **)arg)[1];
    Expr *e = *slot;
    if (e == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_ColumnRef) {
        ColumnRefExpr *ref = (ColumnRefExpr *)e;
        TRY_ALLOC(ctx, *slot, expr_copy(arena, n->targets.items[ref->col]));
        return QN_OK;
    }
    return expr_children(ctx, e, substitute_slot, arg);
}

/* Whether every column e reads from s is a plain target, so that substituting computes nothing twice. */
static bool
reads_plain(Opt *o, const Sub *s, Expr *e)
{
    ColSet used = {0};
    if (s->node->project == false) return true;
    if (e->tag == EXPR_ColumnRef) return true;
    if (colset_add_expr(o->ps, &used, e) != QN_OK) return false;
    for (int i = 0; i < used.count; i++) {
        int at = colset_find(&s->cols, used.items[i]);
        if (at >= 0 && !is_plain(s->node->targets.items[at])) return false;
    }
    return true;
}

static Status
over_node(Opt *o, const Sub *s, Expr *logical, Expr **out)
{
    void *arg[2] = {s->node, o->arena};
    TRY(opt_translate(o, logical, &s->cols, NULL, out));
    return substitute_slot(o->ctx, out, arg);
}

static int
targets_width(Opt *o, const ColSet *cols, const ExprList *targets)
{
    int w = 0;
    for (int i = 0; i < targets->count; i++) {
        const TypeInfo *t = type_info(targets->items[i]->type);
        if (cols->items[i].rel > 0 && o->ps->rels[cols->items[i].rel].node != NULL)
            w += est_width(o, cols->items[i]);
        else
            w += t != NULL && t->typlen > 0 ? t->typlen : 32;
    }
    return w;
}

static Status
wrap_result(Opt *o, Sub *s)
{
    ResultPlan *r = PNODE_NEW(o, Result, s->node, NULL);
    if (r == NULL) return RAISE_OOM(o->ctx);
    TRY(pnode_pass_targets(o, &r->base, s, NULL));
    s->node = &r->base;
    return QN_OK;
}

Status
sub_project(Opt *o, Sub *s, const ExprList *exprs, const ColId *ids)
{
    Ctx *ctx = o->ctx;
    bool direct = can_project(s->node), identity = exprs->count == s->cols.count;
    for (int i = 0; i < exprs->count && direct; i++) direct = reads_plain(o, s, exprs->items[i]);
    for (int i = 0; i < exprs->count && identity; i++) {
        const ColumnRefExpr *ref = (const ColumnRefExpr *)exprs->items[i];
        identity = ref->base.tag == EXPR_ColumnRef && colset_find(&s->cols, (ColId){ref->rel, ref->col}) == i;
    }
    if (!identity) {
        if (!direct) TRY(wrap_result(o, s));
        ExprList targets = {0};
        int ops = 0;
        for (int i = 0; i < exprs->count; i++) {
            Expr *e;
            TRY(over_node(o, s, exprs->items[i], &e));
            ops += expr_ops(e);
            TRY(array_push(ctx, o->arena, &targets, e));
        }
        s->node->targets = targets;
        s->node->project = true;
        s->node->total_cost += ops * ctx->settings->cpu_operator_cost * s->node->rows;
    }
    /* Sort order in terms of the new columns, as far as it can be told. */
    SortKeyList order = {0};
    for (int i = 0; i < s->order.count; i++) {
        SortKey k = s->order.items[i];
        bool found = false;
        for (int j = 0; j < exprs->count && !found; j++) {
            if (!expr_equal(exprs->items[j], k.expr)) continue;
            ColumnRefExpr *ref = EXPR_NEW(o->arena, ColumnRef, k.expr->type, k.expr->typmod, 0);
            if (ref == NULL) return RAISE_OOM(ctx);
            ref->base.collation = k.expr->collation;
            ref->rel = ids[j].rel;
            ref->col = ids[j].col;
            k.expr = &ref->base;
            found = true;
        }
        if (!found) break;
        TRY(array_push(ctx, o->arena, &order, k));
    }
    s->order = order;
    ColSet cols = {0};
    for (int i = 0; i < exprs->count; i++) TRY(array_push(ctx, o->arena, &cols, ids[i]));
    s->cols = cols;
    s->node->width = targets_width(o, &s->cols, &s->node->targets);
    return QN_OK;
}

Status
sub_select(Opt *o, Sub *s, const ColSet *need)
{
    ExprList exprs = {0};
    ColSet ids = {0};
    for (int i = 0; i < need->count; i++) {
        int at = colset_find(&s->cols, need->items[i]);
        if (at < 0) continue; /* comes from elsewhere */
        const Expr *t = s->node->targets.items[at];
        ColumnRefExpr *ref = EXPR_NEW(o->arena, ColumnRef, t->type, t->typmod, 0);
        if (ref == NULL) return RAISE_OOM(o->ctx);
        ref->base.collation = t->collation;
        ref->rel = need->items[i].rel;
        ref->col = need->items[i].col;
        TRY(array_push(o->ctx, o->arena, &exprs, &ref->base));
        TRY(array_push(o->ctx, o->arena, &ids, need->items[i]));
    }
    if (!can_project(s->node)) {
        /* Surplus columns cost less than a node that drops them. */
        return QN_OK;
    }
    SortKeyList order = s->order;
    TRY(sub_project(o, s, &exprs, ids.items));
    s->order = order;
    return QN_OK;
}

Status
sub_filter(Opt *o, Sub *s, const ExprList *conds, const char *alias)
{
    if (conds->count == 0) return QN_OK;
    bool direct = can_project(s->node) && s->node->tag != PLAN_WindowAgg;
    for (int i = 0; i < conds->count && direct; i++) direct = reads_plain(o, s, conds->items[i]);
    if (!direct) {
        SubqueryScanPlan *q = PNODE_NEW(o, SubqueryScan, s->node, NULL);
        if (q == NULL) return RAISE_OOM(o->ctx);
        q->alias = alias;
        TRY(pnode_pass_targets(o, &q->base, s, NULL));
        s->node = &q->base;
    }
    for (int i = 0; i < conds->count; i++) {
        Expr *e;
        TRY(over_node(o, s, conds->items[i], &e));
        TRY(array_push(o->ctx, o->arena, &s->node->filter, e));
        s->node->total_cost += expr_ops(e) * o->ctx->settings->cpu_operator_cost * s->node->rows;
    }
    s->node->rows = s->node->rows * sel_conditions(o, conds);
    if (s->node->rows < 1) s->node->rows = 1;
    return QN_OK;
}
