/* logical.c - nodes of the logical algebra: making them, their columns, their children and expressions, a dump. */
#include "planner/logical.h"
#include <inttypes.h>

static const char *const node_names[LOGICAL_TAG_COUNT] = {
    [LOGICAL_NONE] = "None",
#define LOGICAL(T, fields) [LOGICAL_##T] = #T,
#include "planner/logical.def"
#undef LOGICAL
};

const char *
lnode_tag_name(LogicalTag tag)
{
    return node_names[tag];
}

LNode *
lnode_new(PlanState *ps, LogicalTag tag, int ncols)
{
    static const uint16_t bytes[LOGICAL_TAG_COUNT] = {
#define LOGICAL(T, fields) [LOGICAL_##T] = sizeof(L##T),
#include "planner/logical.def"
#undef LOGICAL
    };
    LNode *n = arena_zalloc(ps->arena, bytes[tag]);
    if (n == NULL) return NULL;
    n->tag = (uint8_t)tag;
    if (ncols < 0) return n;
    /* rels[0] is not used: 0 means no rel. */
    if (!array_grow(ps->arena, (void **)&ps->rels, &ps->rels_cap, ps->nrels + 1, 1, sizeof(RelInfo)))
        return NULL;
    ps->rels[++ps->nrels] = (RelInfo){.node = n};
    n->rel = ps->nrels;
    n->ncols = ncols;
    return n;
}

static void
expr_type_out(const Expr *e, Oid *type_out, int32_t *typmod_out, const char **name_out)
{
    if (type_out != NULL) *type_out = e->type;
    if (typmod_out != NULL) *typmod_out = e->typmod;
    if (name_out != NULL) *name_out = e->tag == EXPR_ColumnRef ? ((const ColumnRefExpr *)e)->name : NULL;
}

const Expr *
rel_column_expr(const PlanState *ps, int rel, int col)
{
    const LNode *n = ps->rels[rel].node;
    if (n == NULL || col < 0) return NULL;
    switch ((LogicalTag)n->tag) {
    case LOGICAL_Values: return ((const LValues *)n)->rows[0].items[col];
    case LOGICAL_Project: return ((const LProject *)n)->exprs.items[col];
    case LOGICAL_ProjectSet: return ((const LProjectSet *)n)->exprs.items[col];
    case LOGICAL_Window: return ((const LWindow *)n)->fns.items[col];
    case LOGICAL_SetOp: return ((const LSetOp *)n)->outs[0].items[col];
    case LOGICAL_Recursive: return ((const LRecursive *)n)->outs[0].items[col];
    case LOGICAL_WorkTable: return rel_column_expr(ps, ((const LWorkTable *)n)->recursive_rel, col);
    case LOGICAL_CteRef: {
        const Query *q = ps->ctes[((const LCteRef *)n)->cte].query;
        return q != NULL ? q->out.items[col] : NULL;
    }
    case LOGICAL_Aggregate: {
        const LAggregate *a = (const LAggregate *)n;
        if (col < a->keys.count) return a->keys.items[col];
        return col < a->keys.count + a->aggs.count ? a->aggs.items[col - a->keys.count] : NULL;
    }
    default: return NULL;
    }
}

void
rel_column(const PlanState *ps, int rel, int col, Oid *type_out, int32_t *typmod_out, const char **name_out)
{
    static const struct { Oid type; const char *name; } syscols[] = {
        {TYPE_TID, "ctid"}, {TYPE_XID, "xmin"}, {TYPE_XID, "xmax"}, {TYPE_OID, "tableoid"}};
    LNode *n = ps->rels[rel].node;
    const Relation *r = NULL;
    const Expr *e = rel_column_expr(ps, rel, col);
    const char *const *names = NULL;

    switch ((LogicalTag)n->tag) {
    case LOGICAL_Get: r = ((LGet *)n)->relation; break;
    case LOGICAL_Append: r = ((LAppend *)n)->relation; break;
    case LOGICAL_Modify: r = ((LModify *)n)->relation; break;
    case LOGICAL_Project: names = (const char *const *)((LProject *)n)->names; break;
    case LOGICAL_SetOp: names = (const char *const *)((LSetOp *)n)->names; break;
    case LOGICAL_WorkTable: rel_column(ps, ((LWorkTable *)n)->recursive_rel, col, type_out, typmod_out, name_out); return;
    case LOGICAL_CteRef: names = ps->ctes[((LCteRef *)n)->cte].query->out_names; break;
    case LOGICAL_Function: {
        LFunction *f = (LFunction *)n;
        if (type_out != NULL) *type_out = f->col_types[col];
        if (typmod_out != NULL) *typmod_out = f->col_typmods[col];
        if (name_out != NULL) *name_out = f->col_names[col];
        return;
    }
    default: break;
    }
    if (r != NULL) {
        if (col < 0) {
            if (type_out != NULL) *type_out = syscols[-col - 1].type;
            if (typmod_out != NULL) *typmod_out = -1;
            if (name_out != NULL) *name_out = syscols[-col - 1].name;
            return;
        }
        if (type_out != NULL) *type_out = r->cols[col].type;
        if (typmod_out != NULL) *typmod_out = r->cols[col].typmod;
        if (name_out != NULL) *name_out = r->cols[col].name;
        return;
    }
    if (e != NULL) {
        expr_type_out(e, type_out, typmod_out, name_out);
    } else { /* the set's number of grouping sets */
        if (type_out != NULL) *type_out = TYPE_INT4;
        if (typmod_out != NULL) *typmod_out = -1;
        if (name_out != NULL) *name_out = NULL;
    }
    if (name_out != NULL && names != NULL) *name_out = names[col];
}

Expr *
rel_column_ref(PlanState *ps, int rel, int col)
{
    Oid type;
    int32_t typmod;
    const char *name;
    rel_column(ps, rel, col, &type, &typmod, &name);
    ColumnRefExpr *c = EXPR_NEW(ps->arena, ColumnRef, type, typmod, 0);
    if (c == NULL) return NULL;
    c->rel = rel;
    c->col = col;
    c->name = name;
    return (Expr *)c;
}

static Status
walk_exprs(Ctx *ctx, ExprList *list, ExprWalkFn fn, void *arg)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i] != NULL) TRY(fn(ctx, &list->items[i], arg));
    return QN_OK;
}

static Status
walk_keys(Ctx *ctx, SortKeyList *list, ExprWalkFn fn, void *arg)
{
    for (int i = 0; i < list->count; i++) TRY(fn(ctx, &list->items[i].expr, arg));
    return QN_OK;
}

static Status
walk_slot(Ctx *ctx, Expr **slot, ExprWalkFn fn, void *arg)
{
    return *slot != NULL ? fn(ctx, slot, arg) : QN_OK;
}

Status
lnode_exprs(Ctx *ctx, LNode *node, ExprWalkFn fn, void *arg)
{
    switch ((LogicalTag)node->tag) {
    case LOGICAL_Values: {
        LValues *v = (LValues *)node;
        for (int i = 0; i < v->nrows; i++) TRY(walk_exprs(ctx, &v->rows[i], fn, arg));
        return QN_OK;
    }
    case LOGICAL_Function: return walk_exprs(ctx, &((LFunction *)node)->calls, fn, arg);
    case LOGICAL_Project: return walk_exprs(ctx, &((LProject *)node)->exprs, fn, arg);
    case LOGICAL_ProjectSet: return walk_exprs(ctx, &((LProjectSet *)node)->exprs, fn, arg);
    case LOGICAL_Filter: return walk_exprs(ctx, &((LFilter *)node)->conds, fn, arg);
    case LOGICAL_Join: return walk_exprs(ctx, &((LJoin *)node)->conds, fn, arg);
    case LOGICAL_Aggregate:
        TRY(walk_exprs(ctx, &((LAggregate *)node)->keys, fn, arg));
        return walk_exprs(ctx, &((LAggregate *)node)->aggs, fn, arg);
    case LOGICAL_Window: {
        LWindow *w = (LWindow *)node;
        TRY(walk_exprs(ctx, &w->partition, fn, arg));
        TRY(walk_keys(ctx, &w->order, fn, arg));
        TRY(walk_slot(ctx, &w->frame.start_offset, fn, arg));
        TRY(walk_slot(ctx, &w->frame.end_offset, fn, arg));
        return walk_exprs(ctx, &w->fns, fn, arg);
    }
    case LOGICAL_Distinct: return walk_exprs(ctx, &((LDistinct *)node)->dist, fn, arg);
    case LOGICAL_Sort: return walk_keys(ctx, &((LSort *)node)->keys, fn, arg);
    case LOGICAL_Limit:
        TRY(walk_slot(ctx, &((LLimit *)node)->limit, fn, arg));
        return walk_slot(ctx, &((LLimit *)node)->offset, fn, arg);
    case LOGICAL_SetOp: {
        LSetOp *s = (LSetOp *)node;
        for (int i = 0; i < s->children.count; i++) TRY(walk_exprs(ctx, &s->outs[i], fn, arg));
        return QN_OK;
    }
    case LOGICAL_Recursive:
        TRY(walk_exprs(ctx, &((LRecursive *)node)->outs[0], fn, arg));
        return walk_exprs(ctx, &((LRecursive *)node)->outs[1], fn, arg);
    case LOGICAL_Modify: {
        LModify *m = (LModify *)node;
        TRY(walk_exprs(ctx, &m->exprs, fn, arg));
        TRY(walk_exprs(ctx, &m->returning, fn, arg));
        for (int i = 0; i < m->nactions; i++) {
            if (m->actions[i].when != NULL) TRY(fn(ctx, &m->actions[i].when, arg));
            TRY(walk_exprs(ctx, &m->actions[i].values, fn, arg));
        }
        for (int i = 0; i < m->ntargets; i++) {
            TRY(walk_exprs(ctx, &m->targets[i].generated, fn, arg));
            TRY(walk_exprs(ctx, &m->targets[i].checks, fn, arg));
        }
        for (int i = 0; i < m->nsteps; i++) TRY(walk_exprs(ctx, &m->steps[i].keys, fn, arg));
        for (int i = 0; i < m->nabove; i++) TRY(walk_exprs(ctx, &m->above[i].keys, fn, arg));
        if (m->on_conflict == NULL) return QN_OK;
        TRY(walk_exprs(ctx, &m->on_conflict->set, fn, arg));
        return walk_slot(ctx, &m->on_conflict->where, fn, arg);
    }
    default: return QN_OK;
    }
}

Status
lnode_children(Ctx *ctx, LNode *node, LNodeWalkFn fn, void *arg)
{
    if (node->left != NULL) TRY(fn(ctx, &node->left, arg));
    if (node->right != NULL) TRY(fn(ctx, &node->right, arg));
    if (node->tag == LOGICAL_SetOp) {
        LSetOp *s = (LSetOp *)node;
        for (int i = 0; i < s->children.count; i++) TRY(fn(ctx, &s->children.items[i], arg));
    }
    if (node->tag == LOGICAL_Append) {
        LAppend *a = (LAppend *)node;
        for (int i = 0; i < a->nchildren; i++) TRY(fn(ctx, &a->children[i].node, arg));
    }
    return QN_OK;
}

typedef struct TreeWalk {
    ExprWalkFn fn;
    void *arg;
} TreeWalk;

static Status
walk_subtree(Ctx *ctx, LNode **slot, void *arg)
{
    TreeWalk *w = arg;
    LNode *n = *slot;
    TRY(ctx_check_depth(ctx));
    TRY(lnode_exprs(ctx, n, w->fn, w->arg));
    return lnode_children(ctx, n, walk_subtree, arg);
}

Status
tree_walk_exprs(Ctx *ctx, LNode *root, ExprWalkFn fn, void *arg)
{
    TreeWalk w = {fn, arg};
    return walk_subtree(ctx, &root, &w);
}

Status
query_walk_exprs(Ctx *ctx, Query *q, ExprWalkFn fn, void *arg)
{
    TRY(tree_walk_exprs(ctx, q->root, fn, arg));
    return walk_exprs(ctx, &q->out, fn, arg);
}

/* ---- the dump ---- */

typedef struct Printer {
    PlanState *ps;
    StrBuf *out;
    int depth;
} Printer;

static Status print_expr(Printer *p, const Expr *e);
static Status print_query(Printer *p, const Query *q);

static Status
print_list(Printer *p, const ExprList *list, const char *sep)
{
    for (int i = 0; i < list->count; i++) {
        if (i > 0) strbuf_addz(p->out, sep);
        TRY(print_expr(p, list->items[i]));
    }
    return QN_OK;
}

static Status
print_sort(Printer *p, const SortKeyList *keys)
{
    for (int i = 0; i < keys->count; i++) {
        if (i > 0) strbuf_addz(p->out, ", ");
        TRY(print_expr(p, keys->items[i].expr));
        if (keys->items[i].desc) strbuf_addz(p->out, " desc");
        if (keys->items[i].nulls_first != keys->items[i].desc)
            strbuf_addz(p->out, keys->items[i].nulls_first ? " nulls first" : " nulls last");
    }
    return QN_OK;
}

static const char *
type_name(Oid type)
{
    const TypeInfo *t = type_info(type);
    return t != NULL ? t->name : "?";
}

static Status
print_call(Printer *p, const char *name, const ExprList *args)
{
    strbuf_addz(p->out, name);
    strbuf_addc(p->out, '(');
    TRY(print_list(p, args, ", "));
    strbuf_addc(p->out, ')');
    return QN_OK;
}

static Status
print_subplan(Printer *p, const SubPlanExpr *s)
{
    static const char *const kinds[] = {"EXISTS", "SCALAR", "ANY", "ALL", "ARRAY", "ROWCMP"};
    strbuf_addf(p->out, "%s(", kinds[s->kind]);
    if (s->test != NULL) {
        TRY(print_expr(p, s->test));
        strbuf_addz(p->out, ", ");
    }
    if (s->query != NULL) {
        p->depth += 2;
        strbuf_addc(p->out, '\n');
        TRY(print_query(p, s->query));
        p->depth -= 2;
    }
    strbuf_addc(p->out, ')');
    return QN_OK;
}

static Status
print_agg(Printer *p, const AggExpr *a)
{
    strbuf_addf(p->out, "%s(%s%s", a->agg->name, a->distinct ? "distinct " : "", a->star ? "*" : "");
    TRY(print_list(p, &a->args, ", "));
    if (a->order.count != 0) {
        strbuf_addz(p->out, " order by ");
        TRY(print_sort(p, &a->order));
    }
    strbuf_addc(p->out, ')');
    if (a->direct.count != 0) {
        strbuf_addz(p->out, " direct(");
        TRY(print_list(p, &a->direct, ", "));
        strbuf_addc(p->out, ')');
    }
    if (a->filter != NULL) {
        strbuf_addz(p->out, " filter ");
        TRY(print_expr(p, a->filter));
    }
    return QN_OK;
}

static Status
print_case(Printer *p, const CaseExpr *c)
{
    strbuf_addz(p->out, "case");
    if (c->arg != NULL) {
        strbuf_addc(p->out, ' ');
        TRY(print_expr(p, c->arg));
    }
    for (int i = 0; i < c->whens.count; i++) {
        strbuf_addz(p->out, " when ");
        TRY(print_expr(p, c->whens.items[i]));
        strbuf_addz(p->out, " then ");
        TRY(print_expr(p, c->thens.items[i]));
    }
    strbuf_addz(p->out, " else ");
    TRY(print_expr(p, c->otherwise));
    strbuf_addz(p->out, " end");
    return QN_OK;
}

static Status
print_const(Printer *p, const ConstExpr *c)
{
    const TypeInfo *t = type_info(c->base.type);
    if (c->value.is_null) {
        strbuf_addf(p->out, "NULL:%s", type_name(c->base.type));
        return QN_OK;
    }
    bool plain = c->base.type == TYPE_INT4 || c->base.type == TYPE_BOOL;
    if (!plain) strbuf_addc(p->out, '\'');
    if (t != NULL && t->out != NULL) TRY(t->out(p->ps->ctx, p->out, &c->value));
    if (!plain) strbuf_addf(p->out, "':%s", type_name(c->base.type));
    return QN_OK;
}

static Status
print_op(Printer *p, const char *op, const Expr *l, const char *mid, const Expr *r, const char *end)
{
    strbuf_addc(p->out, '(');
    if (l != NULL) TRY(print_expr(p, l));
    strbuf_addf(p->out, l != NULL ? " %s%s" : "%s%s", op, mid);
    if (l != NULL) strbuf_addc(p->out, ' ');
    TRY(print_expr(p, r));
    strbuf_addf(p->out, "%s)", end);
    return QN_OK;
}

static Status
print_expr(Printer *p, const Expr *e)
{
    TRY(ctx_check_depth(p->ps->ctx));
    if (e == NULL) {
        strbuf_addz(p->out, "-");
        return QN_OK;
    }
    switch ((ExprTag)e->tag) {
    case EXPR_Const: return print_const(p, (const ConstExpr *)e);
    case EXPR_ColumnRef: {
        const ColumnRefExpr *c = (const ColumnRefExpr *)e;
        strbuf_addf(p->out, "%d.%s", c->rel, c->name != NULL ? c->name : "");
        if (c->name == NULL) strbuf_addf(p->out, "%d", c->col);
        return QN_OK;
    }
    case EXPR_Param: {
        const ParamExpr *a = (const ParamExpr *)e;
        strbuf_addf(p->out, "%s%d:%s", a->kind == PARAM_EXTERN ? "$" : "@", a->id, type_name(e->type));
        return QN_OK;
    }
    case EXPR_Func: {
        const FuncExpr *f = (const FuncExpr *)e;
        if (f->op != NULL && f->args.count == 2)
            return print_op(p, f->op->name, f->args.items[0], "", f->args.items[1], "");
        if (f->op != NULL) return print_op(p, f->op->name, NULL, "", f->args.items[0], "");
        if (f->is_cast && f->args.count == 1) {
            TRY(print_expr(p, f->args.items[0]));
            strbuf_addf(p->out, "::%s", type_name(e->type));
            return QN_OK;
        }
        return print_call(p, f->fn->name, &f->args);
    }
    case EXPR_Bool: {
        const BoolExpr *b = (const BoolExpr *)e;
        strbuf_addz(p->out, b->kind == BOOL_NOT ? "(not " : "(");
        TRY(print_list(p, &b->args, b->kind == BOOL_AND ? " and " : " or "));
        strbuf_addc(p->out, ')');
        return QN_OK;
    }
    case EXPR_NullTest:
        TRY(print_expr(p, ((const NullTestExpr *)e)->arg));
        strbuf_addz(p->out, ((const NullTestExpr *)e)->is_not ? " is not null" : " is null");
        return QN_OK;
    case EXPR_BoolTest: {
        static const char *const tests[] = {"true", "not true", "false", "not false", "unknown", "not unknown"};
        TRY(print_expr(p, ((const BoolTestExpr *)e)->arg));
        strbuf_addf(p->out, " is %s", tests[((const BoolTestExpr *)e)->kind]);
        return QN_OK;
    }
    case EXPR_Distinct: {
        const DistinctExpr *d = (const DistinctExpr *)e;
        return print_op(p, d->is_not ? "is not distinct from" : "is distinct from", d->left, "", d->right, "");
    }
    case EXPR_NullIf: return print_op(p, "nullif", ((const NullIfExpr *)e)->left, "", ((const NullIfExpr *)e)->right, "");
    case EXPR_Case: return print_case(p, (const CaseExpr *)e);
    case EXPR_CaseTest: strbuf_addz(p->out, "test"); return QN_OK;
    case EXPR_Coalesce: return print_call(p, "coalesce", &((const CoalesceExpr *)e)->args);
    case EXPR_MinMax:
        return print_call(p, ((const MinMaxExpr *)e)->greatest ? "greatest" : "least", &((const MinMaxExpr *)e)->args);
    case EXPR_ArrayOp: {
        const ArrayOpExpr *a = (const ArrayOpExpr *)e;
        return print_op(p, a->op->name, a->left, a->is_all ? " all(" : " any(", a->array, ")");
    }
    case EXPR_Array: return print_call(p, "array", &((const ArrayExpr *)e)->items);
    case EXPR_Subscript: {
        const SubscriptExpr *s = (const SubscriptExpr *)e;
        TRY(print_expr(p, s->base_expr));
        strbuf_addc(p->out, '[');
        if (s->is_slice) {
            TRY(print_list(p, &s->lowers, ", "));
            strbuf_addc(p->out, ':');
        }
        TRY(print_list(p, &s->uppers, ", "));
        strbuf_addc(p->out, ']');
        return QN_OK;
    }
    case EXPR_Row: return print_call(p, "row", &((const RowExpr *)e)->fields);
    case EXPR_Field:
        TRY(print_expr(p, ((const FieldExpr *)e)->arg));
        strbuf_addf(p->out, ".f%d", ((const FieldExpr *)e)->field);
        return QN_OK;
    case EXPR_RowCompare: {
        static const char *const ops[] = {"?", "=", "<>", "<", "<=", ">", ">="};
        const RowCompareExpr *r = (const RowCompareExpr *)e;
        TRY(print_call(p, "row", &r->left));
        strbuf_addf(p->out, " %s ", ops[r->cmp]);
        return print_call(p, "row", &r->right);
    }
    case EXPR_Relabel:
        TRY(print_expr(p, ((const RelabelExpr *)e)->arg));
        strbuf_addf(p->out, "::%s", type_name(e->type));
        return QN_OK;
    case EXPR_CoerceIO:
        TRY(print_expr(p, ((const CoerceIOExpr *)e)->arg));
        strbuf_addf(p->out, "::io:%s", type_name(e->type));
        return QN_OK;
    case EXPR_CoerceToDomain:
        TRY(print_expr(p, ((const CoerceToDomainExpr *)e)->arg));
        strbuf_addf(p->out, "::%s", ((const CoerceToDomainExpr *)e)->domain_name);
        return QN_OK;
    case EXPR_DomainValue: strbuf_addz(p->out, "VALUE"); return QN_OK;
    case EXPR_ArrayCoerce:
        TRY(print_expr(p, ((const ArrayCoerceExpr *)e)->arg));
        strbuf_addf(p->out, "::%s", type_name(e->type));
        return QN_OK;
    case EXPR_SubPlan: return print_subplan(p, (const SubPlanExpr *)e);
    case EXPR_Agg: return print_agg(p, (const AggExpr *)e);
    case EXPR_Window: {
        const WindowExpr *w = (const WindowExpr *)e;
        TRY(print_call(p, w->fn != NULL ? w->fn->name : w->agg->name, &w->args));
        if (w->filter != NULL) {
            strbuf_addz(p->out, " filter ");
            TRY(print_expr(p, w->filter));
        }
        return QN_OK;
    }
    case EXPR_Grouping: return print_call(p, "grouping", &((const GroupingExpr *)e)->args);
    case EXPR_SetFunc: return print_call(p, ((const SetFuncExpr *)e)->fn->name, &((const SetFuncExpr *)e)->args);
    case EXPR_Default: strbuf_addz(p->out, "default"); return QN_OK;
    default: strbuf_addz(p->out, "?"); return QN_OK;
    }
}

static void
print_indent(Printer *p)
{
    for (int i = 0; i < p->depth; i++) strbuf_addz(p->out, "  ");
}

static void
print_frame(Printer *p, const WindowFrame *f)
{
    static const char *const modes[] = {"range", "rows", "groups"};
    static const char *const bounds[] = {"unbounded preceding", "preceding", "current row", "following",
                                         "unbounded following"};
    if (!f->is_default) strbuf_addf(p->out, " %s %s..%s", modes[f->mode], bounds[f->start], bounds[f->end]);
}

/* What the node says of itself, on its line. */
static Status
print_node_line(Printer *p, LNode *n)
{
    static const char *const joins[] = {"inner", "left", "right", "full", "semi", "anti", "rsemi", "ranti"};
    static const char *const setops[] = {"union", "intersect", "except"};
    static const char *const dml[] = {"insert", "update", "delete", "merge"};
    switch ((LogicalTag)n->tag) {
    case LOGICAL_Get: strbuf_addf(p->out, " %s", ((LGet *)n)->relation->name); return QN_OK;
    case LOGICAL_Append: strbuf_addf(p->out, " %s", ((LAppend *)n)->relation->name); return QN_OK;
    case LOGICAL_Values: {
        LValues *v = (LValues *)n;
        for (int i = 0; i < v->nrows; i++) TRY(print_call(p, " ", &v->rows[i]));
        return QN_OK;
    }
    case LOGICAL_Function: strbuf_addc(p->out, ' '); return print_list(p, &((LFunction *)n)->calls, ", ");
    case LOGICAL_CteRef: strbuf_addf(p->out, " %s", p->ps->ctes[((LCteRef *)n)->cte].name); return QN_OK;
    case LOGICAL_WorkTable: strbuf_addf(p->out, " %d", ((LWorkTable *)n)->worktable); return QN_OK;
    case LOGICAL_Project: strbuf_addc(p->out, ' '); return print_list(p, &((LProject *)n)->exprs, ", ");
    case LOGICAL_ProjectSet: strbuf_addc(p->out, ' '); return print_list(p, &((LProjectSet *)n)->exprs, ", ");
    case LOGICAL_Filter: strbuf_addc(p->out, ' '); return print_list(p, &((LFilter *)n)->conds, " and ");
    case LOGICAL_Join:
        strbuf_addf(p->out, " %s%s ", joins[((LJoin *)n)->jointype], ((LJoin *)n)->lateral ? " lateral" : "");
        return print_list(p, &((LJoin *)n)->conds, " and ");
    case LOGICAL_Aggregate: {
        LAggregate *a = (LAggregate *)n;
        strbuf_addz(p->out, " by (");
        TRY(print_list(p, &a->keys, ", "));
        strbuf_addz(p->out, ") ");
        if (a->nsets != 0) strbuf_addf(p->out, "sets %d ", a->nsets);
        return print_list(p, &a->aggs, ", ");
    }
    case LOGICAL_Window: {
        LWindow *w = (LWindow *)n;
        strbuf_addz(p->out, " partition (");
        TRY(print_list(p, &w->partition, ", "));
        strbuf_addz(p->out, ") order (");
        TRY(print_sort(p, &w->order));
        strbuf_addc(p->out, ')');
        print_frame(p, &w->frame);
        strbuf_addc(p->out, ' ');
        return print_list(p, &w->fns, ", ");
    }
    case LOGICAL_Distinct: strbuf_addz(p->out, ((LDistinct *)n)->is_on ? " on " : " "); return print_list(p, &((LDistinct *)n)->dist, ", ");
    case LOGICAL_Sort: strbuf_addc(p->out, ' '); return print_sort(p, &((LSort *)n)->keys);
    case LOGICAL_Limit:
        strbuf_addc(p->out, ' ');
        TRY(print_expr(p, ((LLimit *)n)->limit));
        strbuf_addz(p->out, " offset ");
        return print_expr(p, ((LLimit *)n)->offset);
    case LOGICAL_SetOp: {
        LSetOp *s = (LSetOp *)n;
        strbuf_addf(p->out, " %s%s", setops[s->kind], s->all ? " all" : "");
        for (int i = 0; i < s->children.count; i++) TRY(print_call(p, " ", &s->outs[i]));
        return QN_OK;
    }
    case LOGICAL_Recursive: {
        LRecursive *r = (LRecursive *)n;
        strbuf_addz(p->out, r->distinct ? " distinct" : "");
        TRY(print_call(p, " ", &r->outs[0]));
        return print_call(p, " ", &r->outs[1]);
    }
    case LOGICAL_Modify: {
        LModify *m = (LModify *)n;
        strbuf_addf(p->out, " %s %s ", dml[m->kind], m->relation->name);
        TRY(print_list(p, &m->exprs, ", "));
        for (int i = 0; i < m->ntargets; i++)
            if (m->targets[i].checks.count != 0) TRY(print_call(p, " check", &m->targets[i].checks));
        if (m->on_conflict != NULL) {
            strbuf_addz(p->out, m->on_conflict->action == ONCONFLICT_NOTHING ? " conflict nothing" : " conflict set ");
            TRY(print_list(p, &m->on_conflict->set, ", "));
            if (m->on_conflict->where != NULL) {
                strbuf_addz(p->out, " where ");
                TRY(print_expr(p, m->on_conflict->where));
            }
        }
        return QN_OK;
    }
    default: return QN_OK;
    }
}

static Status print_child(Ctx *ctx, LNode **slot, void *arg);

static Status
print_node(Printer *p, LNode *n)
{
    TRY(ctx_check_depth(p->ps->ctx));
    print_indent(p);
    strbuf_addz(p->out, node_names[n->tag]);
    if (n->rel != 0) strbuf_addf(p->out, "#%d", n->rel);
    TRY(print_node_line(p, n));
    strbuf_addc(p->out, '\n');
    p->depth++;
    TRY(lnode_children(p->ps->ctx, n, print_child, p));
    p->depth--;
    return QN_OK;
}

static Status
print_child(Ctx *ctx, LNode **slot, void *arg)
{
    (void)ctx;
    return print_node(arg, *slot);
}

static Status
print_query(Printer *p, const Query *q)
{
    print_indent(p);
    strbuf_addz(p->out, "out: ");
    TRY(print_list(p, &q->out, ", "));
    strbuf_addc(p->out, '\n');
    return print_node(p, q->root);
}

Status
query_print(PlanState *ps, StrBuf *out, const Query *q)
{
    Printer p = {ps, out, 0};
    return print_query(&p, q);
}

Status
expr_print(PlanState *ps, StrBuf *out, const Expr *e)
{
    Printer p = {ps, out, 0};
    return print_expr(&p, e);
}
