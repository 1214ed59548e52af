/* explain_expr.c - expressions of plan nodes back to SQL, in the words and parentheses of PostgreSQL's ruleutils. A column of an
 * inner node is traced down to the table column or expression it comes from. */
#include "planner/explain.h"
#include "common/array.h"
#include "parser/deparse.h"

/* ---- finding expressions ---- */

typedef Status (*NodeExprFn)(ExplainNames *n, const PlanNode *node, const Expr *e, void *arg);

static Status
each_in(ExplainNames *n, const PlanNode *node, const ExprList *list, NodeExprFn fn, void *arg)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i] != NULL) TRY(fn(n, node, list->items[i], arg));
    return QN_OK;
}

static Status
each_expr(ExplainNames *n, const PlanNode *node, NodeExprFn fn, void *arg)
{
    TRY(each_in(n, node, &node->targets, fn, arg));
    TRY(each_in(n, node, &node->filter, fn, arg));
    switch (node->tag) {
    case PLAN_NestLoop: TRY(each_in(n, node, &((const NestLoopPlan *)node)->join_cond, fn, arg)); break;
    case PLAN_HashJoin: TRY(each_in(n, node, &((const HashJoinPlan *)node)->join_cond, fn, arg)); break;
    case PLAN_MergeJoin: TRY(each_in(n, node, &((const MergeJoinPlan *)node)->join_cond, fn, arg)); break;
    case PLAN_Result: TRY(each_in(n, node, &((const ResultPlan *)node)->one_time, fn, arg)); break;
    case PLAN_FunctionScan: TRY(each_in(n, node, &((const FunctionScanPlan *)node)->calls, fn, arg)); break;
    case PLAN_Aggregate: {
        const AggregatePlan *a = (const AggregatePlan *)node;
        TRY(each_in(n, node, &a->keys, fn, arg));
        for (int i = 0; i < a->naggs; i++) {
            TRY(each_in(n, node, &a->aggs[i].args, fn, arg));
            if (a->aggs[i].filter != NULL) TRY(fn(n, node, a->aggs[i].filter, arg));
        }
        break;
    }
    default: break;
    }
    return QN_OK;
}

typedef struct WalkArg {
    ExplainNames *n;
    const PlanNode *node;
    Status (*on_subplan)(ExplainNames *n, const PlanNode *node, const SubPlanExpr *s, void *arg);
    void *arg;
} WalkArg;

static Status
walk_slot(Ctx *ctx, Expr **slot, void *arg)
{
    WalkArg *w = arg;
    if (*slot == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    if ((*slot)->tag == EXPR_SubPlan) TRY(w->on_subplan(w->n, w->node, (const SubPlanExpr *)*slot, w->arg));
    return expr_children(ctx, *slot, walk_slot, arg);
}

static Status
walk_expr(ExplainNames *n, const PlanNode *node, const Expr *e, void *arg)
{
    WalkArg *w = arg;
    Expr *slot = (Expr *)e;
    w->node = node;
    return walk_slot(n->ctx, &slot, w);
}

typedef struct IdList {
    int *items;
    int count, cap;
} IdList;

static Status
note_subplan(ExplainNames *n, const PlanNode *node, const SubPlanExpr *s, void *arg)
{
    IdList *ids = arg;
    (void)node;
    for (int i = 0; i < ids->count; i++)
        if (ids->items[i] == s->plan) return QN_OK;
    return array_push(n->ctx, n->arena, ids, s->plan);
}

Status
explain_node_subplans(ExplainNames *n, const PlanNode *node, int **ids_out, int *count_out)
{
    IdList ids = {0};
    WalkArg w = {n, node, note_subplan, &ids};
    TRY(each_expr(n, node, walk_expr, &w));
    *ids_out = ids.items;
    *count_out = ids.count;
    return QN_OK;
}

static Status
note_params(ExplainNames *n, const PlanNode *node, const SubPlanExpr *s, void *arg)
{
    (void)arg;
    for (int i = 0; i < s->args.count; i++) n->params[s->param_ids[i]] = (ExplainParam){node, s->args.items[i]};
    return QN_OK;
}

bool
explain_is_scan(const PlanNode *node)
{
    switch (node->tag) {
    case PLAN_SeqScan:
    case PLAN_IndexScan:
    case PLAN_BitmapHeapScan:
    case PLAN_TidScan:
    case PLAN_CatalogScan:
    case PLAN_ValuesScan:
    case PLAN_FunctionScan:
    case PLAN_CteScan:
    case PLAN_WorkTableScan: return true;
    default: return false;
    }
}

static Status
survey(ExplainNames *n, const PlanNode *node, int *nrels)
{
    if (node == NULL) return QN_OK;
    TRY(ctx_check_depth(n->ctx));
    WalkArg w = {n, node, note_params, NULL};
    if (explain_is_scan(node) || node->tag == PLAN_SubqueryScan) (*nrels)++;
    TRY(each_expr(n, node, walk_expr, &w));
    if (node->tag == PLAN_NestLoop) {
        const NestLoopPlan *j = (const NestLoopPlan *)node;
        for (int i = 0; i < j->nparams; i++) n->params[j->params[i].id] = (ExplainParam){node, j->params[i].value};
    }
    TRY(survey(n, node->outer, nrels));
    TRY(survey(n, node->inner, nrels));
    const PlanNodeList *children = plan_node_children(node);
    for (int i = 0; children != NULL && i < children->count; i++) TRY(survey(n, children->items[i], nrels));
    return QN_OK;
}

Status
explain_names_init(Ctx *ctx, Arena *arena, const Plan *plan, bool verbose, ExplainNames *out)
{
    int nrels = 0;
    *out = (ExplainNames){.ctx = ctx, .arena = arena, .plan = plan};
    TRY_ALLOC(ctx, out->params, ARENA_ARRAY(arena, ExplainParam, plan->nexec_params + 1));
    TRY(survey(out, plan->root, &nrels));
    for (int i = 0; i < plan->nsubplans; i++) TRY(survey(out, plan->subplans[i], &nrels));
    out->several = nrels > 1;
    out->qualify = verbose || out->several;
    return QN_OK;
}

/* ---- columns ---- */

static const char *
scan_alias(const PlanNode *node)
{
    switch (node->tag) {
    case PLAN_SeqScan: return ((const SeqScanPlan *)node)->alias;
    case PLAN_IndexScan: return ((const IndexScanPlan *)node)->alias;
    case PLAN_BitmapHeapScan: return ((const BitmapHeapScanPlan *)node)->alias;
    case PLAN_BitmapIndexScan: return ((const BitmapIndexScanPlan *)node)->alias;
    case PLAN_TidScan: return ((const TidScanPlan *)node)->alias;
    case PLAN_CatalogScan: return ((const CatalogScanPlan *)node)->alias;
    case PLAN_ValuesScan: return ((const ValuesScanPlan *)node)->alias;
    case PLAN_FunctionScan: return ((const FunctionScanPlan *)node)->alias;
    case PLAN_CteScan: return ((const CteScanPlan *)node)->alias;
    case PLAN_WorkTableScan: return ((const WorkTableScanPlan *)node)->alias;
    default: return NULL;
    }
}

static void
scan_table(const PlanNode *node, const Relation **rel, const int **cols)
{
    *rel = NULL;
    *cols = NULL;
    switch (node->tag) {
    case PLAN_SeqScan: *rel = ((const SeqScanPlan *)node)->rel, *cols = ((const SeqScanPlan *)node)->cols; break;
    case PLAN_IndexScan: *rel = ((const IndexScanPlan *)node)->rel, *cols = ((const IndexScanPlan *)node)->cols; break;
    case PLAN_BitmapHeapScan: *rel = ((const BitmapHeapScanPlan *)node)->rel, *cols = ((const BitmapHeapScanPlan *)node)->cols; break;
    case PLAN_BitmapIndexScan: *rel = ((const BitmapIndexScanPlan *)node)->rel, *cols = ((const BitmapIndexScanPlan *)node)->cols; break;
    case PLAN_TidScan: *rel = ((const TidScanPlan *)node)->rel, *cols = ((const TidScanPlan *)node)->cols; break;
    case PLAN_CatalogScan: *rel = ((const CatalogScanPlan *)node)->rel, *cols = ((const CatalogScanPlan *)node)->cols; break;
    default: break;
    }
}

static const char *
system_column(int col)
{
    switch (col) {
    case SCANCOL_TID: return "ctid";
    case SCANCOL_XMIN: return "xmin";
    case SCANCOL_XMAX: return "xmax";
    default: return "tableoid";
    }
}

static void
put_scan_column(ExplainNames *n, StrBuf *out, const PlanNode *node, const ColumnRefExpr *ref)
{
    const Relation *rel;
    const int *cols;
    const char *name = ref->name, *alias = scan_alias(node);
    scan_table(node, &rel, &cols);
    if (rel != NULL) name = cols[ref->col] >= 0 ? rel->cols[cols[ref->col]].name : system_column(cols[ref->col]);
    if (n->qualify && alias != NULL) {
        deparse_ident(out, alias);
        strbuf_addc(out, '.');
    }
    if (name != NULL) deparse_ident(out, name);
    else strbuf_addf(out, "column%d", ref->col + 1);
}

static Status put_aggregate(ExplainNames *n, StrBuf *out, const PlanNode *node, const AggSpec *s);
static Status put_window(ExplainNames *n, StrBuf *out, const PlanNode *node, const WindowSpec *s);

/* Output column i of node. parens: an expression is put in parentheses. */
static Status
put_output(ExplainNames *n, StrBuf *out, const PlanNode *node, int i, const char *name)
{
    TRY(ctx_check_depth(n->ctx));
    if (node == NULL || i < 0 || i >= node->targets.count) {
        deparse_ident(out, name != NULL ? name : "?column?");
        return QN_OK;
    }
    const Expr *t = node->targets.items[i];
    if (t->tag == EXPR_ColumnRef && ((const ColumnRefExpr *)t)->name == NULL && name != NULL && explain_is_scan(node)) {
        ColumnRefExpr named = *(const ColumnRefExpr *)t;
        named.name = name;
        put_scan_column(n, out, node, &named);
        return QN_OK;
    }
    return explain_key(n, out, node, PLACE_OUTPUT, t);
}

static Status
put_column(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const ColumnRefExpr *ref)
{
    if (node == NULL) {
        deparse_ident(out, ref->name != NULL ? ref->name : "?column?");
        return QN_OK;
    }
    if (explain_is_scan(node)) {
        put_scan_column(n, out, node, ref);
        return QN_OK;
    }
    if (place == PLACE_OUTPUT && node->tag == PLAN_Aggregate) {
        const AggregatePlan *a = (const AggregatePlan *)node;
        if (ref->col < a->keys.count) return explain_expr(n, out, node, PLACE_INPUT, a->keys.items[ref->col]);
        if (ref->col - a->keys.count < a->naggs) return put_aggregate(n, out, node, &a->aggs[ref->col - a->keys.count]);
        strbuf_addz(out, "GROUPING()");
        return QN_OK;
    }
    if (place == PLACE_OUTPUT && node->tag == PLAN_WindowAgg) {
        const WindowAggPlan *w = (const WindowAggPlan *)node;
        int nin = node->outer->targets.count;
        if (ref->col >= nin && ref->col - nin < w->nfns) return put_window(n, out, node, &w->fns[ref->col - nin]);
    }
    if (node->tag == PLAN_Modify && ref->rel == INPUT_INNER) {
        const ModifyPlan *m = (const ModifyPlan *)node;
        if (n->qualify && m->alias != NULL) strbuf_addf(out, "%s.", m->alias);
        deparse_ident(out, ref->col < m->rel->ncols ? m->rel->cols[ref->col].name : ref->col == m->rel->ncols ? "ctid" : "tableoid");
        return QN_OK;
    }
    const PlanNode *child = ref->rel == INPUT_INNER ? node->inner : node->outer;
    const PlanNodeList *children = plan_node_children(node);
    if (child == NULL && children != NULL && children->count > 0) child = children->items[0];
    return put_output(n, out, child, ref->col, ref->name);
}

/* ---- the rest ---- */

static Status
put_list(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const ExprList *list)
{
    for (int i = 0; i < list->count; i++) {
        if (i > 0) strbuf_addz(out, ", ");
        TRY(explain_expr(n, out, node, place, list->items[i]));
    }
    return QN_OK;
}

static Status
put_type(ExplainNames *n, StrBuf *out, Oid type, int32_t typmod)
{
    const char *text;
    TRY(type_format(n->ctx, n->arena, type, typmod, &text));
    strbuf_addz(out, text);
    return QN_OK;
}

/* As PostgreSQL labels constants: bare where reading it back gives the type, '...'::type otherwise. */
static Status
put_const(ExplainNames *n, StrBuf *out, const ConstExpr *c)
{
    const Value *v = &c->value;
    if (v->is_null) {
        strbuf_addz(out, "NULL");
        if (c->base.type == TYPE_UNKNOWN) return QN_OK;
        strbuf_addz(out, "::");
        return put_type(n, out, c->base.type, c->base.typmod);
    }
    StrBuf text = strbuf_new(n->arena);
    char *s;
    size_t nbytes;
    TRY(value_out(n->ctx, &text, v));
    TRY(strbuf_finish(n->ctx, &text, &s, &nbytes));
    if (v->type == TYPE_BOOL) {
        strbuf_addz(out, v->b ? "true" : "false");
        return QN_OK;
    }
    bool digits = s[0] != '-' && strspn(s, "0123456789.") == nbytes;
    if ((v->type == TYPE_INT4 || v->type == TYPE_NUMERIC) && digits) {
        bool decimal = strchr(s, '.') != NULL;
        strbuf_addz(out, s);
        if (v->type == TYPE_INT4 || decimal) return QN_OK;
    } else {
        deparse_literal(out, s);
        if (v->type == TYPE_UNKNOWN) return QN_OK;
    }
    strbuf_addz(out, "::");
    return put_type(n, out, v->type, c->base.typmod);
}

static Status
put_call(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const FuncExpr *f)
{
    if (f->op != NULL && f->args.count == 2) {
        strbuf_addc(out, '(');
        TRY(explain_expr(n, out, node, place, f->args.items[0]));
        strbuf_addf(out, " %s ", f->op->name);
        TRY(explain_expr(n, out, node, place, f->args.items[1]));
        strbuf_addc(out, ')');
        return QN_OK;
    }
    if (f->op != NULL && f->args.count == 1) {
        strbuf_addf(out, "(%s ", f->op->name);
        TRY(explain_expr(n, out, node, place, f->args.items[0]));
        strbuf_addc(out, ')');
        return QN_OK;
    }
    if (f->is_cast && f->args.count > 0) {
        if (f->coerce == COERCE_IMPLICIT) return explain_expr(n, out, node, place, f->args.items[0]);
        strbuf_addc(out, '(');
        TRY(explain_expr(n, out, node, place, f->args.items[0]));
        strbuf_addz(out, ")::");
        return put_type(n, out, f->base.type, f->base.typmod);
    }
    deparse_ident(out, f->fn->name);
    strbuf_addc(out, '(');
    for (int i = 0; i < f->args.count; i++) {
        if (i > 0) strbuf_addz(out, ", ");
        if (f->variadic && i == f->args.count - 1) strbuf_addz(out, "VARIADIC ");
        TRY(explain_expr(n, out, node, place, f->args.items[i]));
    }
    strbuf_addc(out, ')');
    return QN_OK;
}

static Status
put_sort(ExplainNames *n, StrBuf *out, const PlanNode *node, const SortKeyList *keys)
{
    for (int i = 0; i < keys->count; i++) {
        const SortKey *k = &keys->items[i];
        if (i > 0) strbuf_addz(out, ", ");
        TRY(explain_expr(n, out, node, PLACE_INPUT, k->expr));
        if (k->desc) strbuf_addz(out, " DESC");
        if (k->nulls_first != k->desc) strbuf_addz(out, k->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
    return QN_OK;
}

static Status
put_aggregate(ExplainNames *n, StrBuf *out, const PlanNode *node, const AggSpec *s)
{
    deparse_ident(out, s->agg->name);
    strbuf_addc(out, '(');
    if (s->distinct) strbuf_addz(out, "DISTINCT ");
    if (s->star) strbuf_addc(out, '*');
    TRY(put_list(n, out, node, PLACE_INPUT, s->agg->kind == 'n' ? &s->args : &s->direct));
    if (s->agg->kind != 'n') {
        strbuf_addz(out, ") WITHIN GROUP (ORDER BY ");
        TRY(put_sort(n, out, node, &s->order));
    } else if (s->order.count > 0) {
        strbuf_addz(out, " ORDER BY ");
        TRY(put_sort(n, out, node, &s->order));
    }
    strbuf_addc(out, ')');
    if (s->filter == NULL) return QN_OK;
    strbuf_addz(out, " FILTER (WHERE ");
    TRY(explain_expr(n, out, node, PLACE_INPUT, s->filter));
    strbuf_addc(out, ')');
    return QN_OK;
}

static Status
put_window(ExplainNames *n, StrBuf *out, const PlanNode *node, const WindowSpec *s)
{
    deparse_ident(out, s->fn != NULL ? s->fn->name : s->agg->name);
    strbuf_addc(out, '(');
    if (s->star) strbuf_addc(out, '*');
    TRY(put_list(n, out, node, PLACE_INPUT, &s->args));
    strbuf_addc(out, ')');
    if (s->filter != NULL) {
        strbuf_addz(out, " FILTER (WHERE ");
        TRY(explain_expr(n, out, node, PLACE_INPUT, s->filter));
        strbuf_addc(out, ')');
    }
    strbuf_addz(out, " OVER (?)");
    return QN_OK;
}

static Status
put_param(ExplainNames *n, StrBuf *out, const ParamExpr *p)
{
    if (p->kind == PARAM_EXTERN) {
        strbuf_addf(out, "$%d", p->id);
        return QN_OK;
    }
    const ExplainParam *from = &n->params[p->id];
    if (from->node == NULL) {
        strbuf_addf(out, "$%d", p->id);
        return QN_OK;
    }
    /* It comes from another relation: say which. */
    bool qualify = n->qualify;
    n->qualify = true;
    Status st = explain_expr(n, out, from->node, from->node->tag == PLAN_NestLoop ? PLACE_INPUT : PLACE_OUTPUT, from->value);
    n->qualify = qualify;
    return st;
}

static Status
put_bool(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const BoolExpr *b)
{
    if (b->kind == BOOL_NOT) {
        strbuf_addz(out, "(NOT ");
        TRY(explain_expr(n, out, node, place, b->args.items[0]));
        strbuf_addc(out, ')');
        return QN_OK;
    }
    strbuf_addc(out, '(');
    for (int i = 0; i < b->args.count; i++) {
        if (i > 0) strbuf_addz(out, b->kind == BOOL_AND ? " AND " : " OR ");
        TRY(explain_expr(n, out, node, place, b->args.items[i]));
    }
    strbuf_addc(out, ')');
    return QN_OK;
}

static Status
put_case(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const CaseExpr *c)
{
    strbuf_addz(out, "CASE");
    if (c->arg != NULL) {
        strbuf_addc(out, ' ');
        TRY(explain_expr(n, out, node, place, c->arg));
    }
    for (int i = 0; i < c->whens.count; i++) {
        const Expr *when = c->whens.items[i];
        /* A simple CASE compares CaseTest with the value written. */
        if (c->arg != NULL && when->tag == EXPR_Func && ((const FuncExpr *)when)->args.count == 2)
            when = ((const FuncExpr *)when)->args.items[1];
        strbuf_addz(out, " WHEN ");
        TRY(explain_expr(n, out, node, place, when));
        strbuf_addz(out, " THEN ");
        TRY(explain_expr(n, out, node, place, c->thens.items[i]));
    }
    strbuf_addz(out, " ELSE ");
    if (c->otherwise != NULL) TRY(explain_expr(n, out, node, place, c->otherwise));
    else strbuf_addz(out, "NULL");
    strbuf_addz(out, " END");
    return QN_OK;
}

static Status
put_function(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const char *name, const ExprList *args)
{
    strbuf_addz(out, name);
    strbuf_addc(out, '(');
    TRY(put_list(n, out, node, place, args));
    strbuf_addc(out, ')');
    return QN_OK;
}

static Status
put_test(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const Expr *arg, const char *test)
{
    strbuf_addc(out, '(');
    TRY(explain_expr(n, out, node, place, arg));
    strbuf_addf(out, " %s)", test);
    return QN_OK;
}

static Status
put_binary(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const Expr *l, const char *op, const Expr *r)
{
    strbuf_addc(out, '(');
    TRY(explain_expr(n, out, node, place, l));
    strbuf_addf(out, " %s ", op);
    TRY(explain_expr(n, out, node, place, r));
    strbuf_addc(out, ')');
    return QN_OK;
}

static Status
put_subscript(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const SubscriptExpr *s)
{
    TRY(explain_expr(n, out, node, place, s->base_expr));
    for (int i = 0; i < s->uppers.count; i++) {
        strbuf_addc(out, '[');
        if (s->is_slice && i < s->lowers.count && s->lowers.items[i] != NULL) TRY(explain_expr(n, out, node, place, s->lowers.items[i]));
        if (s->is_slice) strbuf_addc(out, ':');
        if (s->uppers.items[i] != NULL) TRY(explain_expr(n, out, node, place, s->uppers.items[i]));
        strbuf_addc(out, ']');
    }
    return QN_OK;
}

static Status
put_coercion(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const Expr *arg, const Expr *e, CoerceKind kind)
{
    if (kind == COERCE_IMPLICIT && e->tag != EXPR_Relabel) return explain_expr(n, out, node, place, arg);
    strbuf_addc(out, '(');
    TRY(explain_expr(n, out, node, place, arg));
    strbuf_addz(out, ")::");
    return put_type(n, out, e->type, e->typmod);
}

static const char *const bool_tests[] = {"IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS UNKNOWN", "IS NOT UNKNOWN"};

Status
explain_expr(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const Expr *e)
{
    TRY(ctx_check_depth(n->ctx));
    switch (e->tag) {
    case EXPR_Const: return put_const(n, out, (const ConstExpr *)e);
    case EXPR_ColumnRef: return put_column(n, out, node, place, (const ColumnRefExpr *)e);
    case EXPR_Param: return put_param(n, out, (const ParamExpr *)e);
    case EXPR_Func: return put_call(n, out, node, place, (const FuncExpr *)e);
    case EXPR_SetFunc: return put_function(n, out, node, place, ((const SetFuncExpr *)e)->fn->name, &((const SetFuncExpr *)e)->args);
    case EXPR_Bool: return put_bool(n, out, node, place, (const BoolExpr *)e);
    case EXPR_NullTest:
        return put_test(n, out, node, place, ((const NullTestExpr *)e)->arg, ((const NullTestExpr *)e)->is_not ? "IS NOT NULL" : "IS NULL");
    case EXPR_BoolTest: return put_test(n, out, node, place, ((const BoolTestExpr *)e)->arg, bool_tests[((const BoolTestExpr *)e)->kind]);
    case EXPR_Distinct: {
        const DistinctExpr *d = (const DistinctExpr *)e;
        return put_binary(n, out, node, place, d->left, d->is_not ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM", d->right);
    }
    case EXPR_NullIf: {
        ExprList args = {.items = (Expr *[]){((const NullIfExpr *)e)->left, ((const NullIfExpr *)e)->right}, .count = 2};
        return put_function(n, out, node, place, "NULLIF", &args);
    }
    case EXPR_Case: return put_case(n, out, node, place, (const CaseExpr *)e);
    case EXPR_CaseTest: strbuf_addz(out, "CASE_TEST_EXPR"); return QN_OK;
    case EXPR_Coalesce: return put_function(n, out, node, place, "COALESCE", &((const CoalesceExpr *)e)->args);
    case EXPR_MinMax:
        return put_function(n, out, node, place, ((const MinMaxExpr *)e)->greatest ? "GREATEST" : "LEAST", &((const MinMaxExpr *)e)->args);
    case EXPR_ArrayOp: {
        const ArrayOpExpr *a = (const ArrayOpExpr *)e;
        strbuf_addc(out, '(');
        TRY(explain_expr(n, out, node, place, a->left));
        strbuf_addf(out, " %s %s (", a->op != NULL ? a->op->name : "=", a->is_all ? "ALL" : "ANY");
        TRY(explain_expr(n, out, node, place, a->array));
        strbuf_addz(out, "))");
        return QN_OK;
    }
    case EXPR_Array: {
        strbuf_addz(out, "ARRAY[");
        TRY(put_list(n, out, node, place, &((const ArrayExpr *)e)->items));
        strbuf_addc(out, ']');
        return QN_OK;
    }
    case EXPR_Subscript: return put_subscript(n, out, node, place, (const SubscriptExpr *)e);
    case EXPR_Row: return put_function(n, out, node, place, "ROW", &((const RowExpr *)e)->fields);
    case EXPR_Field: {
        strbuf_addc(out, '(');
        TRY(explain_expr(n, out, node, place, ((const FieldExpr *)e)->arg));
        strbuf_addf(out, ").%s", ((const FieldExpr *)e)->name != NULL ? ((const FieldExpr *)e)->name : "f");
        return QN_OK;
    }
    case EXPR_RowCompare: {
        static const char *const ops[] = {[SEL_LT] = "<", [SEL_LE] = "<=", [SEL_GT] = ">", [SEL_GE] = ">="};
        const RowCompareExpr *r = (const RowCompareExpr *)e;
        strbuf_addc(out, '(');
        TRY(put_function(n, out, node, place, "ROW", &r->left));
        strbuf_addf(out, " %s ", ops[r->cmp]);
        TRY(put_function(n, out, node, place, "ROW", &r->right));
        strbuf_addc(out, ')');
        return QN_OK;
    }
    case EXPR_Relabel: return put_coercion(n, out, node, place, ((const RelabelExpr *)e)->arg, e, ((const RelabelExpr *)e)->coerce);
    case EXPR_CoerceIO: return put_coercion(n, out, node, place, ((const CoerceIOExpr *)e)->arg, e, ((const CoerceIOExpr *)e)->coerce);
    case EXPR_CoerceToDomain: return put_coercion(n, out, node, place, ((const CoerceToDomainExpr *)e)->arg, e, ((const CoerceToDomainExpr *)e)->coerce);
    case EXPR_DomainValue: strbuf_addz(out, "VALUE"); return QN_OK;
    case EXPR_ArrayCoerce: return put_coercion(n, out, node, place, ((const ArrayCoerceExpr *)e)->arg, e, ((const ArrayCoerceExpr *)e)->coerce);
    case EXPR_SubPlan: {
        const SubPlanExpr *s = (const SubPlanExpr *)e;
        const char *name = s->plan >= 0 && s->plan < n->plan->nsubplans ? n->plan->subplan_info[s->plan].name : "SubPlan";
        strbuf_addf(out, s->hashed ? "(hashed %s)" : "(%s)", name);
        return QN_OK;
    }
    default: return RAISE_INTERNAL(n->ctx, "cannot print expression node %d", e->tag);
    }
}

Status
explain_key(ExplainNames *n, StrBuf *out, const PlanNode *node, ExplainPlace place, const Expr *e)
{
    if (e->tag == EXPR_Const || e->tag == EXPR_Param) return explain_expr(n, out, node, place, e);
    if (e->tag != EXPR_ColumnRef) {
        strbuf_addc(out, '(');
        TRY(explain_expr(n, out, node, place, e));
        strbuf_addc(out, ')');
        return QN_OK;
    }
    const ColumnRefExpr *ref = (const ColumnRefExpr *)e;
    bool own = node != NULL && place == PLACE_OUTPUT &&
               ((node->tag == PLAN_Aggregate && (ref->col >= ((const AggregatePlan *)node)->keys.count ||
                                                 ((const AggregatePlan *)node)->keys.items[ref->col]->tag != EXPR_ColumnRef)) ||
                (node->tag == PLAN_WindowAgg && ref->col >= node->outer->targets.count));
    if (own) strbuf_addc(out, '(');
    TRY(explain_expr(n, out, node, place, e));
    if (own) strbuf_addc(out, ')');
    return QN_OK;
}
