/* rw_pushdown.c - conditions move to where their columns come from: through joins, derived tables, grouping, windows, set
 * operations. On the way, outer joins whose NULL-extended rows no condition above would let pass become inner ones,
 * and a RIGHT join becomes a LEFT one with its sides exchanged. */
#include "planner/rewrite.h"


static Status push(PlanState *ps, LNode **slot, ExprList *conds, const RelBits *nonnull);

/* ---- which rels cannot be NULL where a condition is true ---- */

/* Rels of which some column being NULL makes e NULL (or, with top, false). */
static Status
strict_rels(PlanState *ps, const Expr *e, bool top, RelBits *out)
{
    TRY(ctx_check_depth(ps->ctx));
    switch ((ExprTag)e->tag) {
    case EXPR_ColumnRef: relbits_add(out, ((const ColumnRefExpr *)e)->rel); return QN_OK;
    case EXPR_Func: {
        const FuncExpr *f = (const FuncExpr *)e;
        if (!(f->fn->flags & FN_STRICT)) return QN_OK;
        for (int i = 0; i < f->args.count; i++) TRY(strict_rels(ps, f->args.items[i], false, out));
        return QN_OK;
    }
    case EXPR_Relabel: return strict_rels(ps, ((const RelabelExpr *)e)->arg, top, out);
    case EXPR_CoerceIO: return strict_rels(ps, ((const CoerceIOExpr *)e)->arg, false, out);
    case EXPR_ArrayOp: {
        const ArrayOpExpr *a = (const ArrayOpExpr *)e;
        /* an empty array gives false, not NULL, for ANY: as good at the top; for ALL it gives true */
        if (a->is_all || !(a->fn->flags & FN_STRICT) || !top) return QN_OK;
        return strict_rels(ps, a->left, false, out);
    }
    case EXPR_NullTest:
        if (!top || !((const NullTestExpr *)e)->is_not || type_is_row(((const NullTestExpr *)e)->arg->type)) return QN_OK;
        return strict_rels(ps, ((const NullTestExpr *)e)->arg, false, out);
    case EXPR_BoolTest: {
        const BoolTestExpr *t = (const BoolTestExpr *)e;
        if (!top || (t->kind != IS_TRUE && t->kind != IS_FALSE && t->kind != IS_NOT_UNKNOWN)) return QN_OK;
        return strict_rels(ps, t->arg, t->kind == IS_TRUE, out);
    }
    case EXPR_RowCompare: return QN_OK;
    case EXPR_Bool: {
        const BoolExpr *b = (const BoolExpr *)e;
        if (b->kind == BOOL_NOT) return strict_rels(ps, b->args.items[0], false, out);
        if (b->kind == BOOL_AND && top) {
            for (int i = 0; i < b->args.count; i++) TRY(strict_rels(ps, b->args.items[i], true, out));
            return QN_OK;
        }
        RelBits all, one; /* OR (and an AND inside an expression): what every branch needs */
        if (b->args.count > 64) return QN_OK;
        TRY(relbits_new(ps, &all));
        TRY(relbits_new(ps, &one));
        for (int i = 0; i < b->args.count; i++) {
            memset(one.words, 0, sizeof(uint64_t) * (size_t)one.nwords);
            TRY(strict_rels(ps, b->args.items[i], top, &one));
            for (int w = 0; w < all.nwords; w++) all.words[w] = i == 0 ? one.words[w] : all.words[w] & one.words[w];
        }
        for (int w = 0; w < out->nwords && w < all.nwords; w++) out->words[w] |= all.words[w];
        return QN_OK;
    }
    default: return QN_OK;
    }
}

static Status
strict_of_list(PlanState *ps, const ExprList *conds, RelBits *out)
{
    for (int i = 0; i < conds->count; i++) TRY(strict_rels(ps, conds->items[i], true, out));
    return QN_OK;
}

static Status
bits_copy(PlanState *ps, const RelBits *a, RelBits *out)
{
    TRY(relbits_new(ps, out));
    if (a != NULL) memcpy(out->words, a->words, sizeof(uint64_t) * (size_t)(a->nwords < out->nwords ? a->nwords : out->nwords));
    return QN_OK;
}

/* ---- helpers ---- */

static Status
wrap(PlanState *ps, LNode **slot, const ExprList *conds)
{
    if (conds->count == 0) return QN_OK;
    LFilter *f;
    TRY_ALLOC(ps->ctx, f, LNODE_NEW(ps, Filter, -1));
    f->conds = *conds;
    f->base.left = *slot;
    *slot = (LNode *)f;
    return QN_OK;
}

static Status
append(PlanState *ps, ExprList *to, const ExprList *from)
{
    for (int i = 0; i < from->count; i++) TRY(array_push(ps->ctx, ps->arena, to, from->items[i]));
    return QN_OK;
}

static Status
push_child(Ctx *ctx, LNode **slot, void *arg)
{
    ExprList none = {0};
    (void)ctx;
    return push(arg, slot, &none, NULL);
}

/* Conditions stay above this node; its children are looked at on their own. */
static Status
stop_here(PlanState *ps, LNode **slot, const ExprList *conds)
{
    TRY(lnode_children(ps->ctx, *slot, push_child, ps));
    return wrap(ps, slot, conds);
}

/* Where a condition may go in a join: bit 1 left, bit 2 right, 4: it has columns of neither, 8: it must stay, 16: it has
 * columns from outside the join too. */
static Status
sides_of(PlanState *ps, Expr *c, const RelBits *left, const RelBits *right, int *out)
{
    RelBits used;
    bool vol;
    TRY(relbits_new(ps, &used));
    TRY(rels_used(ps, c, &used));
    *out = (relbits_overlap(&used, left) ? 1 : 0) | (relbits_overlap(&used, right) ? 2 : 0);
    if (*out == 0) *out = 4;
    TRY(expr_volatile(ps->ctx, c, &vol));
    if (vol) *out |= 8;
    for (int i = 0; i < used.nwords; i++)
        if (used.words[i] & ~(left->words[i] | right->words[i])) {
            *out |= 16;
            break;
        }
    return QN_OK;
}

/* ---- joins ---- */

static void
swap_sides(LNode *n)
{
    LNode *l = n->left;
    n->left = n->right;
    n->right = l;
}

static Status
reduce_outer(PlanState *ps, LJoin *j, const RelBits *left, const RelBits *right, const RelBits *nonnull)
{
    bool left_needed = relbits_overlap(nonnull, left), right_needed = relbits_overlap(nonnull, right);
    (void)ps;
    switch (j->jointype) {
    case JOIN_LEFT:
        if (right_needed) j->jointype = JOIN_INNER;
        break;
    case JOIN_RIGHT:
        if (left_needed) j->jointype = JOIN_INNER;
        break;
    case JOIN_FULL:
        if (left_needed && right_needed) j->jointype = JOIN_INNER;
        else if (left_needed) j->jointype = JOIN_LEFT;
        else if (right_needed) j->jointype = JOIN_RIGHT;
        break;
    default: break;
    }
    return QN_OK;
}

/* x = y and x = 5 give y = 5, where y comes from something the optimiser cannot see into. */
static Status
derive_constants(PlanState *ps, ExprList *conds)
{
    int n = conds->count;
    if (n < 2 || n > 100) return QN_OK;
    for (int i = 0; i < n; i++) {
        const FuncExpr *eq = (const FuncExpr *)conds->items[i];
        if (eq->base.tag != EXPR_Func || eq->op == NULL || eq->op->sel != SEL_EQ || eq->args.count != 2) continue;
        const Expr *col = eq->args.items[0], *val = eq->args.items[1];
        if (val->tag == EXPR_ColumnRef && col->tag == EXPR_Const) col = eq->args.items[1], val = eq->args.items[0];
        if (col->tag != EXPR_ColumnRef || val->tag != EXPR_Const) continue;
        for (int k = 0; k < n; k++) {
            const FuncExpr *join = (const FuncExpr *)conds->items[k];
            if (k == i || join->base.tag != EXPR_Func || join->op != eq->op || join->args.count != 2 || join->op->left != join->op->right) continue;
            const Expr *a = join->args.items[0], *b = join->args.items[1];
            if (a->tag != EXPR_ColumnRef || b->tag != EXPR_ColumnRef) continue;
            const Expr *other = expr_equal(a, col) ? b : expr_equal(b, col) ? a : NULL;
            if (other == NULL || ps->rels[((const ColumnRefExpr *)other)->rel].node->tag == LOGICAL_Get) continue;
            Expr **args, *made;
            FuncExpr *f;
            TRY_ALLOC(ps->ctx, args, ARENA_ARRAY(ps->arena, Expr *, 2));
            TRY_ALLOC(ps->ctx, args[0], expr_copy(ps->arena, other));
            TRY_ALLOC(ps->ctx, args[1], expr_copy(ps->arena, val));
            TRY(make_func(ps, eq->fn, args, 2, TYPE_BOOL, 0, &f));
            f->op = eq->op;
            made = (Expr *)f;
            bool there = false;
            for (int x = 0; x < conds->count && !there; x++) there = expr_equal(conds->items[x], made);
            if (!there) TRY(array_push(ps->ctx, ps->arena, conds, made));
        }
    }
    return QN_OK;
}

typedef struct JoinPush {
    RelBits left, right, nonnull, nonnull_left, nonnull_right;
    ExprList to_left, to_right, on, above;
} JoinPush;

static Status
split_conds(PlanState *ps, LJoin *j, ExprList *conds, JoinPush *w)
{
    JoinType t = j->jointype;
    if (t == JOIN_INNER) { /* ON and WHERE are the same */
        ExprList all = {0};
        TRY(append(ps, &all, &j->conds));
        TRY(append(ps, &all, conds));
        TRY(derive_constants(ps, &all));
        for (int i = 0; i < all.count; i++) {
            int sides;
            TRY(sides_of(ps, all.items[i], &w->left, &w->right, &sides));
            sides &= ~16;
            ExprList *to = sides & 8 || sides == 4 ? &w->above : sides == 1 ? &w->to_left : sides == 2 ? &w->to_right : &w->on;
            TRY(array_push(ps->ctx, ps->arena, to, all.items[i]));
        }
        return QN_OK;
    }
    bool left_kept = t == JOIN_LEFT || t == JOIN_SEMI || t == JOIN_ANTI;
    for (int i = 0; i < conds->count; i++) {
        int sides;
        TRY(sides_of(ps, conds->items[i], &w->left, &w->right, &sides));
        ExprList *to = left_kept && (sides & ~16) == 1 ? &w->to_left : &w->above;
        TRY(array_push(ps->ctx, ps->arena, to, conds->items[i]));
    }
    for (int i = 0; i < j->conds.count; i++) {
        int sides;
        TRY(sides_of(ps, j->conds.items[i], &w->left, &w->right, &sides));
        /* A condition on the far side with columns from outside stays ON: below it would no longer be this join's. */
        bool right = sides == 2 && left_kept, left = (sides & ~16) == 1 && t == JOIN_SEMI;
        TRY(array_push(ps->ctx, ps->arena, right ? &w->to_right : left ? &w->to_left : &w->on, j->conds.items[i]));
    }
    return QN_OK;
}

static NOINLINE Status
push_join(PlanState *ps, LNode **slot, ExprList *conds, const RelBits *above)
{
    LJoin *j = (LJoin *)*slot;
    JoinPush *w;
    TRY_ALLOC(ps->ctx, w, ARENA_NEW(ps->arena, JoinPush));
    TRY(relbits_new(ps, &w->left));
    TRY(relbits_new(ps, &w->right));
    TRY(rels_produced(ps, j->base.left, &w->left));
    TRY(rels_produced(ps, j->base.right, &w->right));
    TRY(bits_copy(ps, above, &w->nonnull));
    TRY(strict_of_list(ps, conds, &w->nonnull));
    TRY(reduce_outer(ps, j, &w->left, &w->right, &w->nonnull));
    if (j->jointype == JOIN_RIGHT && !j->lateral) {
        RelBits l = w->left;
        j->jointype = JOIN_LEFT;
        swap_sides(&j->base);
        w->left = w->right;
        w->right = l;
    }
    /* What holds for the join's result holds for a side that is not NULL-extended; ON holds for the other one. */
    TRY(bits_copy(ps, &w->nonnull, &w->nonnull_left));
    TRY(bits_copy(ps, j->jointype == JOIN_INNER ? &w->nonnull : NULL, &w->nonnull_right));
    if (j->jointype == JOIN_INNER || j->jointype == JOIN_SEMI) TRY(strict_of_list(ps, &j->conds, &w->nonnull_left));
    if (j->jointype != JOIN_FULL && j->jointype != JOIN_RIGHT) TRY(strict_of_list(ps, &j->conds, &w->nonnull_right));
    if (j->jointype == JOIN_FULL || j->jointype == JOIN_RIGHT) memset(w->nonnull_left.words, 0, sizeof(uint64_t) * (size_t)w->nonnull_left.nwords);
    TRY(split_conds(ps, j, conds, w));
    j->conds = w->on;
    TRY(push(ps, &j->base.left, &w->to_left, &w->nonnull_left));
    TRY(push(ps, &j->base.right, &w->to_right, &w->nonnull_right));
    return wrap(ps, slot, &w->above);
}

/* ---- nodes that make columns of their own ---- */

typedef struct ColumnTest {
    int rel;
    const bool *allowed; /* by column of rel; NULL: none */
    bool ok;
    bool others_ok; /* columns of other rels: allowed */
    const ExprList *among; /* others must be one of these */
} ColumnTest;

static Status
test_columns(Ctx *ctx, Expr **slot, void *arg)
{
    ColumnTest *t = arg;
    Expr *e = *slot;
    if (!t->ok || e->tag == EXPR_Const || e->tag == EXPR_Param) return QN_OK;
    if (e->tag == EXPR_ColumnRef) {
        ColumnRefExpr *c = (ColumnRefExpr *)e;
        if (c->rel == t->rel) {
            t->ok = t->allowed != NULL && t->allowed[c->col];
        } else if (t->among != NULL) {
            bool found = false;
            for (int i = 0; i < t->among->count && !found; i++) found = expr_equal(t->among->items[i], e);
            t->ok = found;
        } else {
            t->ok = t->others_ok;
        }
        return QN_OK;
    }
    if (e->tag == EXPR_SubPlan) {
        t->ok = false; /* stays where it was written */
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, e, test_columns, arg);
}

/* Parts conds by whether they pass; those that pass are rewritten by map (or NULL). */
static Status
take_passing(PlanState *ps, const ExprList *conds, ColumnTest t, Expr **map, ExprList *pass, ExprList *stay)
{
    ColumnMap m = {0};
    RelBits used;
    if (conds->count == 0) return QN_OK;
    if (map != NULL) {
        TRY(column_map_new(ps, &m));
        m.map[t.rel] = map;
    }
    TRY(relbits_new(ps, &used));
    for (int i = 0; i < conds->count; i++) {
        Expr *c = conds->items[i];
        bool vol;
        t.ok = true;
        TRY(test_columns(ps->ctx, &c, &t));
        TRY(expr_volatile(ps->ctx, c, &vol));
        memset(used.words, 0, sizeof(uint64_t) * (size_t)used.nwords);
        TRY(rels_used(ps, c, &used));
        if (!t.ok || vol || relbits_empty(&used)) {
            TRY(array_push(ps->ctx, ps->arena, stay, c));
            continue;
        }
        if (map != NULL) {
            TRY_ALLOC(ps->ctx, c, expr_copy(ps->arena, c));
            TRY(column_map_expr(ps->ctx, &c, &m));
        }
        TRY(array_push(ps->ctx, ps->arena, pass, c));
    }
    return QN_OK;
}

static NOINLINE Status
push_project(PlanState *ps, LNode **slot, const ExprList *conds)
{
    LProject *p = (LProject *)*slot;
    bool *ok;
    ExprList pass = {0}, stay = {0};
    TRY_ALLOC(ps->ctx, ok, ARENA_ARRAY(ps->arena, bool, p->exprs.count + 1));
    for (int i = 0; i < p->exprs.count && conds->count > 0; i++) {
        bool vol, sub;
        TRY(expr_volatile(ps->ctx, p->exprs.items[i], &vol));
        TRY(expr_has_subplan(ps->ctx, p->exprs.items[i], &sub));
        ok[i] = !vol && !sub;
    }
    ColumnTest t = {.rel = p->base.rel, .allowed = ok, .others_ok = true};
    TRY(take_passing(ps, conds, t, p->exprs.items, &pass, &stay));
    TRY(push(ps, &p->base.left, &pass, NULL));
    return wrap(ps, slot, &stay);
}

static NOINLINE Status
push_aggregate(PlanState *ps, LNode **slot, const ExprList *conds)
{
    LAggregate *a = (LAggregate *)*slot;
    bool *ok;
    ExprList pass = {0}, stay = {0};
    TRY_ALLOC(ps->ctx, ok, ARENA_ARRAY(ps->arena, bool, a->base.ncols + 1));
    for (int i = 0; i < a->keys.count; i++) {
        bool vol, sub;
        TRY(expr_volatile(ps->ctx, a->keys.items[i], &vol));
        TRY(expr_has_subplan(ps->ctx, a->keys.items[i], &sub));
        ok[i] = !vol && !sub;
        for (int k = 0; k < a->nsets && ok[i]; k++) { /* a column left out of a set is NULL there */
            bool in_set = false;
            for (int x = 0; x < a->set_counts[k]; x++) in_set |= a->sets[k][x] == i;
            ok[i] = in_set;
        }
    }
    ColumnTest t = {.rel = a->base.rel, .allowed = ok, .others_ok = true};
    if (a->keys.count == 0) stay = *conds; /* its one row comes whether rows do or not */
    else TRY(take_passing(ps, conds, t, a->keys.items, &pass, &stay));
    TRY(push(ps, &a->base.left, &pass, NULL));
    return wrap(ps, slot, &stay);
}

static NOINLINE Status
push_window(PlanState *ps, LNode **slot, const ExprList *conds)
{
    LWindow *w = (LWindow *)*slot;
    ExprList pass = {0}, stay = {0};
    ColumnTest t = {.rel = w->base.rel, .among = &w->partition};
    TRY(take_passing(ps, conds, t, NULL, &pass, &stay));
    TRY(push(ps, &w->base.left, &pass, NULL));
    return wrap(ps, slot, &stay);
}

static NOINLINE Status
push_setop(PlanState *ps, LNode **slot, const ExprList *conds)
{
    LSetOp *s = (LSetOp *)*slot;
    ExprList stay = {0}, pass = {0};
    bool *ok;
    TRY_ALLOC(ps->ctx, ok, ARENA_ARRAY(ps->arena, bool, s->base.ncols + 1));
    for (int i = 0; i < s->base.ncols && conds->count > 0; i++) {
        ok[i] = true;
        for (int k = 0; k < s->children.count && ok[i]; k++) {
            bool vol, sub;
            TRY(expr_volatile(ps->ctx, s->outs[k].items[i], &vol));
            TRY(expr_has_subplan(ps->ctx, s->outs[k].items[i], &sub));
            ok[i] = !vol && !sub;
        }
    }
    ColumnTest t = {.rel = s->base.rel, .allowed = ok, .others_ok = true};
    TRY(take_passing(ps, conds, t, NULL, &pass, &stay));
    ColumnMap m = {0};
    if (pass.count > 0) TRY(column_map_new(ps, &m));
    for (int k = 0; k < s->children.count; k++) {
        ExprList mine = {0};
        for (int i = 0; i < pass.count; i++) {
            Expr *c;
            m.map[s->base.rel] = s->outs[k].items;
            TRY_ALLOC(ps->ctx, c, expr_copy(ps->arena, pass.items[i]));
            TRY(column_map_expr(ps->ctx, &c, &m));
            TRY(fold_expr(ps, &c));
            TRY(array_push(ps->ctx, ps->arena, &mine, c));
        }
        TRY(push(ps, &s->children.items[k], &mine, NULL));
    }
    return wrap(ps, slot, &stay);
}

static NOINLINE Status
push_distinct(PlanState *ps, LNode **slot, const ExprList *conds)
{
    LDistinct *d = (LDistinct *)*slot;
    ExprList pass = {0}, stay = {0};
    ColumnTest t = {.rel = -1, .among = &d->dist};
    TRY(take_passing(ps, conds, t, NULL, &pass, &stay));
    TRY(push(ps, &d->base.left, &pass, NULL));
    return wrap(ps, slot, &stay);
}

static NOINLINE Status
push_project_set(PlanState *ps, LNode **slot, const ExprList *conds)
{
    ExprList pass = {0}, stay = {0};
    ColumnTest t = {.rel = (*slot)->rel, .others_ok = true};
    TRY(take_passing(ps, conds, t, NULL, &pass, &stay));
    TRY(push(ps, &(*slot)->left, &pass, NULL));
    return wrap(ps, slot, &stay);
}

/* Conditions over a table itself: a column that cannot be NULL is not asked whether it is. */
static NOINLINE Status
wrap_get(PlanState *ps, LNode **slot, const ExprList *conds)
{
    const LGet *g = (const LGet *)*slot;
    ExprList keep = {0};
    for (int i = 0; i < conds->count; i++) {
        const NullTestExpr *t = (const NullTestExpr *)conds->items[i];
        const ColumnRefExpr *c = t->base.tag == EXPR_NullTest ? (const ColumnRefExpr *)t->arg : NULL;
        if (c != NULL && c->base.tag == EXPR_ColumnRef && c->rel == g->base.rel && c->col >= 0 && g->relation->cols[c->col].not_null) {
            if (t->is_not) continue;
            keep.count = 0;
            Expr *no;
            TRY_ALLOC(ps->ctx, no, make_bool_const(ps, false));
            TRY(array_push(ps->ctx, ps->arena, &keep, no));
            break;
        }
        TRY(array_push(ps->ctx, ps->arena, &keep, conds->items[i]));
    }
    return wrap(ps, slot, &keep);
}

/* Each child checks the conditions on its own columns. */
static NOINLINE Status
push_append(PlanState *ps, LNode **slot, const ExprList *conds)
{
    enum { NSYSTEM = 4 };
    LAppend *a = (LAppend *)*slot;
    ExprList pass = {0}, stay = {0};
    Expr **columns;
    ColumnMap m;
    for (int i = 0; i < conds->count; i++) {
        bool vol, sub;
        TRY(expr_volatile(ps->ctx, conds->items[i], &vol));
        TRY(expr_has_subplan(ps->ctx, conds->items[i], &sub));
        TRY(array_push(ps->ctx, ps->arena, vol || sub ? &stay : &pass, conds->items[i]));
    }
    TRY(rw_prune_append(ps, a, &pass));
    TRY(column_map_new(ps, &m));
    m.once = true;
    TRY_ALLOC(ps->ctx, columns, ARENA_ARRAY(ps->arena, Expr *, NSYSTEM + a->base.ncols));
    columns += NSYSTEM;
    m.map[a->base.rel] = columns;
    for (int k = 0; k < a->nchildren; k++) {
        AppendChild *child = &a->children[k];
        ExprList mine = {0};
        for (int c = -NSYSTEM; c < a->base.ncols; c++) {
            int col = append_child_column(child, c);
            columns[c] = NULL;
            if (col != -1 || c < 0) TRY_ALLOC(ps->ctx, columns[c], rel_column_ref(ps, child->rel, col));
        }
        for (int i = 0; i < pass.count; i++) {
            Expr *e;
            TRY_ALLOC(ps->ctx, e, expr_copy(ps->arena, pass.items[i]));
            TRY(column_map_expr(ps->ctx, &e, &m));
            TRY(array_push(ps->ctx, ps->arena, &mine, e));
        }
        TRY(push(ps, &child->node, &mine, NULL));
    }
    return wrap(ps, slot, &stay);
}

static Status
push(PlanState *ps, LNode **slot, ExprList *conds, const RelBits *nonnull)
{
    TRY(ctx_check_depth(ps->ctx));
    switch ((LogicalTag)(*slot)->tag) {
    case LOGICAL_Get: return conds->count > 0 ? wrap_get(ps, slot, conds) : QN_OK;
    case LOGICAL_Values:
    case LOGICAL_OneRow:
    case LOGICAL_Function:
    case LOGICAL_CteRef:
    case LOGICAL_WorkTable: return wrap(ps, slot, conds);
    case LOGICAL_Filter: {
        LFilter *f = (LFilter *)*slot;
        if (conds->count == 0 && f->base.left->tag == LOGICAL_Get) { /* it is there already */
            bool tests = false;
            for (int i = 0; i < f->conds.count; i++) tests |= f->conds.items[i]->tag == EXPR_NullTest;
            if (!tests) return QN_OK;
        }
        ExprList all = {0};
        TRY(append(ps, &all, &f->conds));
        TRY(append(ps, &all, conds));
        *slot = f->base.left;
        return push(ps, slot, &all, nonnull);
    }
    case LOGICAL_Join: return push_join(ps, slot, conds, nonnull);
    case LOGICAL_Project: return push_project(ps, slot, conds);
    case LOGICAL_Aggregate: return push_aggregate(ps, slot, conds);
    case LOGICAL_Window: return push_window(ps, slot, conds);
    case LOGICAL_SetOp: return push_setop(ps, slot, conds);
    case LOGICAL_Append: return push_append(ps, slot, conds);
    case LOGICAL_Distinct: return push_distinct(ps, slot, conds);
    case LOGICAL_ProjectSet: return push_project_set(ps, slot, conds);
    case LOGICAL_Sort: return push(ps, &(*slot)->left, conds, nonnull);
    default: return stop_here(ps, slot, conds);
    }
}

static Status
push_query(PlanState *ps, Query *q)
{
    ExprList none = {0};
    return push(ps, &q->root, &none, NULL);
}

Status
rw_pushdown(PlanState *ps, Query *q)
{
    return each_query(ps, q, push_query);
}
