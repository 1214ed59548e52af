/* predtest.c - whether conditions that are true make a predicate true: what lets a partial index answer a query.
 *
 * A sound test and not a complete one: false means "not shown". Conditions and predicate are over the same columns,
 * folded, the predicate immutable. AND and OR are taken apart; = ANY (constant array) is the OR of its elements. */
#include "planner/predtest.h"
#include "planner/opt.h"
#include "types/array.h"

enum { ELEMENTS_MAX = 100 }; /* longer arrays are taken as a whole */

typedef struct Prover {
    Ctx *ctx;
    Arena *arena;
} Prover;

/* ---- single conditions ---- */

/* Whether e is NULL wherever x is; with allow_false, or at least not true. */
static bool
is_strict_for(const Expr *e, const Expr *x, bool allow_false)
{
    const Expr *bare = opt_strip_relabel((Expr *)e);
    if (expr_equal(bare, x)) return true;
    switch (bare->tag) {
    case EXPR_Func: {
        const FuncExpr *f = (const FuncExpr *)bare;
        if ((f->fn->flags & FN_STRICT) == 0) return false;
        for (int i = 0; i < f->args.count; i++)
            if (is_strict_for(f->args.items[i], x, false)) return true;
        return false;
    }
    case EXPR_CoerceIO: return is_strict_for(((const CoerceIOExpr *)bare)->arg, x, false);
    case EXPR_ArrayOp: {
        const ArrayOpExpr *a = (const ArrayOpExpr *)bare;
        return allow_false && !a->is_all && (a->fn->flags & FN_STRICT) != 0 && is_strict_for(a->left, x, false);
    }
    case EXPR_NullTest: return allow_false && ((const NullTestExpr *)bare)->is_not && is_strict_for(((const NullTestExpr *)bare)->arg, x, false);
    default: return false;
    }
}

typedef struct Comparison {
    Expr *left, *right;
    SelKind kind;
} Comparison;

static bool
as_comparison(const Expr *e, Comparison *out)
{
    const FuncExpr *f = (const FuncExpr *)e;
    if (e->tag != EXPR_Func || f->op == NULL || f->args.count != 2) return false;
    *out = (Comparison){opt_strip_relabel(f->args.items[0]), opt_strip_relabel(f->args.items[1]), f->op->sel};
    return out->kind == SEL_EQ || out->kind == SEL_NE || (out->kind >= SEL_LT && out->kind <= SEL_GE);
}

static void
commute(Comparison *c)
{
    Expr *t = c->left;
    c->left = c->right;
    c->right = t;
    c->kind = opt_commuted(c->kind);
}

static bool
as_int(const Value *v, int64_t *out)
{
    if (v->phys == PHYS_I16 && v->type == TYPE_INT2) *out = v->i16;
    else if (v->phys == PHYS_I32 && v->type == TYPE_INT4) *out = v->i32;
    else if (v->phys == PHYS_I64 && v->type == TYPE_INT8) *out = v->i64;
    else return false;
    return true;
}

static bool
compare_constants(const Value *a, const Value *b, int *cmp_out)
{
    int64_t x, y;
    if (a->is_null || b->is_null) return false;
    if (as_int(a, &x) && as_int(b, &y)) {
        *cmp_out = (x > y) - (x < y);
        return true;
    }
    const TypeInfo *s = type_info(a->type), *t = type_info(b->type);
    if (s == NULL || t == NULL || s->cmp == NULL || (a->type != b->type && s->cmp != t->cmp)) return false;
    *cmp_out = s->cmp(a, b);
    return true;
}

/* x `have` a makes x `want` b true, where cmp is a's comparison with b. */
static bool
comparison_follows(SelKind have, SelKind want, int cmp)
{
    switch (have) {
    case SEL_EQ:
        return want == SEL_EQ ? cmp == 0 : want == SEL_NE ? cmp != 0 : want == SEL_LT ? cmp < 0 : want == SEL_LE ? cmp <= 0
               : want == SEL_GT ? cmp > 0 : cmp >= 0;
    case SEL_LT: return (want == SEL_LT || want == SEL_LE || want == SEL_NE) && cmp <= 0;
    case SEL_LE: return want == SEL_LE ? cmp <= 0 : (want == SEL_LT || want == SEL_NE) && cmp < 0;
    case SEL_GT: return (want == SEL_GT || want == SEL_GE || want == SEL_NE) && cmp >= 0;
    case SEL_GE: return want == SEL_GE ? cmp >= 0 : (want == SEL_GT || want == SEL_NE) && cmp > 0;
    case SEL_NE: return want == SEL_NE && cmp == 0;
    default: return false;
    }
}

static bool
comparison_implies(const Expr *cond, const Expr *pred)
{
    Comparison a, b;
    int cmp;
    if (!as_comparison(cond, &a) || !as_comparison(pred, &b)) return false;
    if (a.left->tag == EXPR_Const) commute(&a);
    if (b.left->tag == EXPR_Const) commute(&b);
    if (a.right->tag == EXPR_Const && b.right->tag == EXPR_Const)
        return expr_equal(a.left, b.left) &&
               compare_constants(&((ConstExpr *)a.right)->value, &((ConstExpr *)b.right)->value, &cmp) &&
               comparison_follows(a.kind, b.kind, cmp);
    /* The same two sides: one operator gives the other. */
    if (expr_equal(a.left, b.right) && expr_equal(a.right, b.left)) commute(&a);
    return expr_equal(a.left, b.left) && expr_equal(a.right, b.right) && comparison_follows(a.kind, b.kind, 0);
}

static bool
simple_implies(const Expr *cond, const Expr *pred)
{
    if (expr_equal(cond, pred)) return true;
    if (pred->tag == EXPR_NullTest && ((const NullTestExpr *)pred)->is_not)
        return is_strict_for(cond, opt_strip_relabel(((const NullTestExpr *)pred)->arg), true);
    return comparison_implies(cond, pred);
}

/* ---- AND and OR ---- */

typedef enum Shape { SHAPE_ATOM, SHAPE_AND, SHAPE_OR } Shape;

/* x op ANY/ALL (array) as its comparisons; false where it stays one condition. */
static bool
open_array(Prover *p, const ArrayOpExpr *a, ExprList *out)
{
    ArrayView view;
    if (a->op == NULL) return false;
    if (a->array->tag == EXPR_Array) {
        const ExprList *items = &((const ArrayExpr *)a->array)->items;
        if (items->count > ELEMENTS_MAX || ((const ArrayExpr *)a->array)->multi_dim) return false;
        for (int i = 0; i < items->count; i++) {
            FuncExpr *f = EXPR_NEW(p->arena, Func, TYPE_BOOL, -1, 0);
            if (f == NULL || array_push(p->ctx, p->arena, &f->args, a->left) != QN_OK ||
                array_push(p->ctx, p->arena, &f->args, items->items[i]) != QN_OK ||
                array_push(p->ctx, p->arena, out, &f->base) != QN_OK)
                return false;
            f->fn = a->fn;
            f->op = a->op;
        }
        return out->count > 0;
    }
    if (a->array->tag != EXPR_Const || ((const ConstExpr *)a->array)->value.is_null) return false;
    array_view(&((const ConstExpr *)a->array)->value.str, &view);
    if (view.nelems == 0 || view.nelems > ELEMENTS_MAX) return false;
    for (uint32_t i = 0; i < view.nelems; i++) {
        Value v = array_element(&view, i);
        FuncExpr *f = EXPR_NEW(p->arena, Func, TYPE_BOOL, -1, 0);
        ConstExpr *c = EXPR_NEW(p->arena, Const, v.type, -1, 0);
        if (f == NULL || c == NULL || value_copy(p->ctx, p->arena, &v, &c->value) != QN_OK ||
            array_push(p->ctx, p->arena, &f->args, a->left) != QN_OK ||
            array_push(p->ctx, p->arena, &f->args, &c->base) != QN_OK || array_push(p->ctx, p->arena, out, &f->base) != QN_OK)
            return false;
        f->fn = a->fn;
        f->op = a->op;
    }
    return true;
}

static Shape
shape_of(Prover *p, const Expr *e, ExprList *parts)
{
    *parts = (ExprList){0};
    if (e->tag == EXPR_Bool && ((const BoolExpr *)e)->kind != BOOL_NOT) {
        *parts = ((const BoolExpr *)e)->args;
        return ((const BoolExpr *)e)->kind == BOOL_AND ? SHAPE_AND : SHAPE_OR;
    }
    if (e->tag == EXPR_ArrayOp && open_array(p, (const ArrayOpExpr *)e, parts))
        return ((const ArrayOpExpr *)e)->is_all ? SHAPE_AND : SHAPE_OR;
    return SHAPE_ATOM;
}

static bool
implies(Prover *p, const Expr *cond, const Expr *pred)
{
    ExprList c, q;
    if (expr_equal(cond, pred)) return true;
    if (ctx_check_depth(p->ctx) != QN_OK) {
        err_clear(&p->ctx->err);
        return false;
    }
    Shape cs = shape_of(p, cond, &c), qs = shape_of(p, pred, &q);
    if (qs == SHAPE_AND) {
        for (int i = 0; i < q.count; i++)
            if (!implies(p, cond, q.items[i])) return false;
        return true;
    }
    if (cs == SHAPE_OR) { /* whichever of them is true */
        for (int i = 0; i < c.count; i++)
            if (!implies(p, c.items[i], pred)) return false;
        return true;
    }
    if (qs == SHAPE_OR)
        for (int i = 0; i < q.count; i++)
            if (implies(p, cond, q.items[i])) return true;
    if (cs == SHAPE_AND) {
        for (int i = 0; i < c.count; i++)
            if (implies(p, c.items[i], pred)) return true;
        return false;
    }
    return qs == SHAPE_ATOM && simple_implies(cond, pred);
}

static bool
one_is_implied(Prover *p, const Expr *pred, const ExprList *conds)
{
    ExprList q;
    for (int i = 0; i < conds->count; i++)
        if (implies(p, conds->items[i], pred)) return true;
    Shape shape = shape_of(p, pred, &q);
    if (shape != SHAPE_AND) return false;
    for (int i = 0; i < q.count; i++)
        if (!one_is_implied(p, q.items[i], conds)) return false;
    return true;
}

bool
predicate_is_implied(Ctx *ctx, Arena *arena, const ExprList *predicate, const ExprList *conds)
{
    Prover p = {ctx, arena};
    for (int i = 0; i < predicate->count; i++)
        if (!one_is_implied(&p, predicate->items[i], conds)) return false;
    return true;
}
