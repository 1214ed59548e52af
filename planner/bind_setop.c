/* bind_setop.c - UNION, INTERSECT, EXCEPT, and VALUES: types of their columns, and what may follow them. */
#include "planner/bind_priv.h"

/* ORDER BY and LIMIT over columns whose names are all there is. */
static NOINLINE Status
finish_columns(Scope *s, const SelectStmt *stmt, LNode *root, const char **names, int n, const char *what, Query **out)
{
    SelectState *st;
    Query *q;
    TRY_ALLOC(s->ctx, q, ARENA_NEW(s->ps->arena, Query));
    TRY_ALLOC(s->ctx, q->out.items, ARENA_ARRAY(s->ps->arena, Expr *, n + 1));
    for (int i = 0; i < n; i++) {
        TRY_ALLOC(s->ctx, q->out.items[i], rel_column_ref(s->ps, root->rel, i));
        if (names[i] != NULL) ((ColumnRefExpr *)q->out.items[i])->name = names[i];
    }
    q->out.count = q->out.cap = n;
    q->out_names = names;
    q->root = root;
    *out = q;
    if (stmt->locking.count > 0)
        return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "FOR UPDATE is not allowed with %s", what);
    if (stmt->order_by.count == 0 && stmt->limit == NULL && stmt->offset == NULL) return QN_OK;

    TRY_ALLOC(s->ctx, st, ARENA_NEW(s->ps->arena, SelectState));
    st->scope = s;
    st->stmt = stmt;
    NsItem *item;
    TRY_ALLOC(s->ctx, item, ARENA_NEW(s->ps->arena, NsItem));
    item->rel = root->rel;
    item->ncols = n;
    item->names = names;
    item->cols_visible = true;
    TRY(ns_push(s, &s->items, item));
    for (int i = 0; i < n; i++) {
        Target t = {q->out.items[i], names[i], false};
        TRY(array_push(s->ctx, s->ps->arena, &st->targets, t));
    }
    LSort *sort = NULL;
    if (stmt->order_by.count > 0) TRY_ALLOC(s->ctx, sort, LNODE_NEW(s->ps, Sort, -1));
    for (int i = 0; i < stmt->order_by.count; i++) {
        const SortBy *sb = AST_AS(SortBy, stmt->order_by.items[i]);
        SortItem it;
        int target;
        TRY(find_target(st, sb->expr, CLAUSE_ORDER_BY, &target));
        if (st->targets.items[target].junk) {
            Status status = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
            status = err_detail(s->ctx, status, "Only result column names can be used, not expressions or functions.");
            status = err_hint(s->ctx, status, "Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
            return err_position(s->ctx, status, expr_location(st->targets.items[target].expr));
        }
        TRY(sort_item_make(s, &st->targets.items[target].expr, sb, &it));
        SortKey key = {NULL, it.desc, it.nulls_first, it.lt_op};
        TRY_ALLOC(s->ctx, key.expr, expr_copy(s->ps->arena, st->targets.items[target].expr));
        TRY(collate_check_sort(s, st->targets.items[target].expr));
        TRY(array_push(s->ctx, s->ps->arena, &sort->keys, key));
    }
    if (sort != NULL) {
        sort->base.left = q->root;
        q->root = (LNode *)sort;
    }
    if (stmt->limit == NULL && stmt->offset == NULL) return QN_OK;
    LLimit *l;
    TRY_ALLOC(s->ctx, l, LNODE_NEW(s->ps, Limit, -1));
    l->with_ties = stmt->limit_kind == AST_LIMIT_WITH_TIES;
    s->items.count = 0; /* no columns in LIMIT */
    if (stmt->offset != NULL) {
        TRY(bind_expr_in(s, stmt->offset, CLAUSE_OFFSET, &l->offset));
        TRY(coerce_to_bigint(s->ps, &l->offset, "OFFSET"));
        if (l->offset->tag == EXPR_Const && ((ConstExpr *)l->offset)->value.is_null) l->offset = NULL;
    }
    if (stmt->limit != NULL) {
        TRY(bind_expr_in(s, stmt->limit, CLAUSE_LIMIT, &l->limit));
        TRY(coerce_to_bigint(s->ps, &l->limit, "LIMIT"));
        if (l->limit->tag == EXPR_Const && ((ConstExpr *)l->limit)->value.is_null) l->limit = NULL;
    }
    l->base.left = q->root;
    q->root = (LNode *)l;
    return QN_OK;
}

/* ---- VALUES ---- */

Status
bind_values(Scope *s, const SelectStmt *stmt, bool keep_unknown, Query **out)
{
    PlanState *ps = s->ps;
    int nrows = stmt->values.count, ncols = AST_AS(ListNode, stmt->values.items[0])->items.count;
    LValues *v;
    Expr **column;
    const char **names;

    TRY_ALLOC(s->ctx, v, LNODE_NEW(ps, Values, ncols));
    TRY(rel_set_level(s, v->base.rel));
    TRY_ALLOC(s->ctx, v->rows, ARENA_ARRAY(ps->arena, ExprList, nrows));
    v->nrows = nrows;
    Clause saved = s->clause;
    s->clause = CLAUSE_VALUES;
    for (int r = 0; r < nrows; r++) {
        const ListNode *row = AST_AS(ListNode, stmt->values.items[r]);
        if (row->items.count != ncols)
            return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "VALUES lists must all be the same length"), ast_location(row->items.items[0]));
        TRY_ALLOC(s->ctx, v->rows[r].items, ARENA_ARRAY(ps->arena, Expr *, ncols + 1));
        v->rows[r].count = v->rows[r].cap = ncols;
        for (int c = 0; c < ncols; c++) TRY(bind_expr(s, row->items.items[c], &v->rows[r].items[c]));
    }
    s->clause = saved;
    TRY_ALLOC(s->ctx, column, arena_alloc(ps->arena, sizeof(Expr *) * (size_t)nrows));
    TRY_ALLOC(s->ctx, names, ARENA_ARRAY(ps->arena, const char *, ncols + 1));
    for (int c = 0; c < ncols; c++) {
        Oid type;
        for (int r = 0; r < nrows; r++) column[r] = v->rows[r].items[c];
        if (!keep_unknown || nrows > 1) {
            TRY(select_common_type(ps, column, nrows, "VALUES", &type, NULL));
            for (int r = 0; r < nrows; r++) TRY(coerce_to_common(ps, &v->rows[r].items[c], type, "VALUES"));
        }
        TRY_ALLOC(s->ctx, names[c], arena_printf(ps->arena, "column%d", c + 1));
    }
    if (ps->collations != NULL) {
        const ExprList **rows;
        TRY_ALLOC(s->ctx, rows, ARENA_ARRAY(ps->arena, const ExprList *, nrows + 1));
        for (int r = 0; r < nrows; r++) rows[r] = &v->rows[r];
        TRY(collate_note_outputs(s, v->base.rel, rows, nrows, NULL));
    }
    return finish_columns(s, stmt, (LNode *)v, names, ncols, "VALUES", out);
}

/* ---- set operations ---- */

static const char *const op_names[] = {"?", "UNION", "INTERSECT", "EXCEPT"};

static Status
bind_children(Scope *s, const SelectStmt *stmt, const char *op, Query **children)
{
    for (int i = 0; i < stmt->setop_args.count; i++) {
        const SelectStmt *arg = AST_AS(SelectStmt, stmt->setop_args.items[i]);
        const char *saved = s->b->rec_forbidden;
        if (stmt->setop == AST_SETOP_EXCEPT && i > 0) s->b->rec_forbidden = "within EXCEPT";
        if (stmt->setop == AST_SETOP_INTERSECT) s->b->rec_forbidden = "within INTERSECT";
        TRY(bind_select(s, arg, true, &children[i]));
        s->b->rec_forbidden = saved;
        if (children[i]->out.count != children[0]->out.count) {
            Status st = RAISE(s->ctx, ERR_SYNTAX_ERROR, "each %s query must have the same number of columns", op);
            int loc = arg->targets.count > 0 ? ast_location(arg->targets.items[0]) : ast_location((const Ast *)arg);
            return err_position(s->ctx, st, loc);
        }
    }
    return QN_OK;
}

/* The type of column c, pair by pair from the left; every child is coerced to the last one. */
static Status
unify_column(Scope *s, Query **children, int n, int c, const char *op, bool needs_equality)
{
    PlanState *ps = s->ps;
    Expr *pair[2] = {children[0]->out.items[c], NULL}, placeholder;
    Oid type = pair[0]->type;
    for (int i = 1; i < n; i++) {
        pair[1] = children[i]->out.items[c];
        TRY(select_common_type(ps, pair, 2, op, &type, NULL));
        if (type == TYPE_UNKNOWN) type = TYPE_TEXT;
        placeholder = *pair[0];
        placeholder.type = type;
        pair[0] = &placeholder;
    }
    for (int i = 0; i < n; i++) TRY(coerce_to_common(ps, &children[i]->out.items[c], type, op));
    if (needs_equality && ordering_op(type, false) == 0 && op_for_type(type, SEL_EQ) == 0) {
        Status st = RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "could not identify an equality operator for type %s", type_text(ps, type));
        return err_position(s->ctx, st, expr_location(children[0]->out.items[c]));
    }
    return QN_OK;
}

static Status
add_setop(Scope *s, SetOpKind kind, bool all, Query **children, int n, const char **names, LNode **out)
{
    PlanState *ps = s->ps;
    LSetOp *o;
    int ncols = children[0]->out.count;
    TRY_ALLOC(s->ctx, o, LNODE_NEW(ps, SetOp, ncols));
    TRY(rel_set_level(s, o->base.rel));
    o->kind = kind;
    o->all = all || kind == SETOP_UNION;
    o->names = names;
    TRY_ALLOC(s->ctx, o->outs, ARENA_ARRAY(ps->arena, ExprList, n));
    for (int i = 0; i < n; i++) {
        TRY(array_push(s->ctx, ps->arena, &o->children, children[i]->root));
        o->outs[i] = children[i]->out;
    }
    *out = (LNode *)o;
    return QN_OK;
}

static Status
refs_to(Scope *s, const LNode *node, ExprList *out)
{
    *out = (ExprList){0};
    for (int c = 0; c < node->ncols; c++) {
        Expr *e;
        TRY_ALLOC(s->ctx, e, rel_column_ref(s->ps, node->rel, c));
        TRY(array_push(s->ctx, s->ps->arena, out, e));
    }
    return QN_OK;
}

NOINLINE Status
bind_setop(Scope *s, const SelectStmt *stmt, Query **out)
{
    PlanState *ps = s->ps;
    int n = stmt->setop_args.count;
    const char *op = op_names[stmt->setop];
    Query **children;
    LNode *root;

    TRY_ALLOC(s->ctx, children, ARENA_ARRAY(ps->arena, Query *, n));
    TRY(bind_children(s, stmt, op, children));
    bool distinct = !stmt->setop_all || stmt->setop != AST_SETOP_UNION;
    for (int c = 0; c < children[0]->out.count; c++) TRY(unify_column(s, children, n, c, op, distinct));
    const char **names = children[0]->out_names;
    if (stmt->setop == AST_SETOP_UNION) {
        TRY(add_setop(s, SETOP_UNION, true, children, n, names, &root));
    } else {
        SetOpKind kind = stmt->setop == AST_SETOP_INTERSECT ? SETOP_INTERSECT : SETOP_EXCEPT;
        Query left = *children[0];
        root = NULL;
        for (int i = 1; i < n; i++) {
            Query *pair[2] = {&left, children[i]};
            TRY(add_setop(s, kind, stmt->setop_all, pair, 2, names, &root));
            left.root = root;
            if (i + 1 < n) TRY(refs_to(s, root, &left.out));
        }
    }
    if (ps->collations != NULL) {
        const ExprList **outs;
        TRY_ALLOC(s->ctx, outs, ARENA_ARRAY(ps->arena, const ExprList *, n + 1));
        for (int i = 0; i < n; i++) outs[i] = &children[i]->out;
        TRY(collate_note_outputs(s, root->rel, outs, n, distinct ? op : NULL));
    }
    TRY(finish_columns(s, stmt, root, names, children[0]->out.count, "UNION/INTERSECT/EXCEPT", out));
    if (stmt->setop == AST_SETOP_UNION && !stmt->setop_all) { /* below Sort and Limit, right over the rows */
        LDistinct *d;
        TRY_ALLOC(s->ctx, d, LNODE_NEW(ps, Distinct, -1));
        TRY(refs_to(s, root, &d->dist));
        d->base.left = root;
        LNode **slot = &(*out)->root;
        while (*slot != root) slot = &(*slot)->left;
        *slot = (LNode *)d;
    }
    return QN_OK;
}
