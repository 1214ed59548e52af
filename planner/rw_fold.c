/* rw_fold.c - computes what does not depend on rows: immutable functions of constants, AND/OR/NOT, CASE, COALESCE
 * and NULL tests with constant parts, lists of constants as one array. What fails to compute is left as it
 * was: it raises its error when, and only if, a row reaches it. */
#include "planner/rewrite.h"
#include "types/array.h"

/* A vector of one row. Kernels may start the null bitmap of a whole batch. */
typedef struct OneRow {
    Vector v;
    _Alignas(64) char data[64];
    uint64_t valid[BITS_WORDS(BATCH_ROWS)];
} OneRowVec;

static void
one_row(OneRowVec *o, Oid type)
{
    memset(&o->v, 0, sizeof(o->v));
    o->v.type = type;
    o->v.own_data = o->data;
    o->v.own_valid = o->valid;
    o->v.own_bytes = sizeof(o->data);
    vec_reset(&o->v, type_phys(type, -1));
}

static const Value *
const_value(const Expr *e)
{
    return e != NULL && e->tag == EXPR_Const ? &((const ConstExpr *)e)->value : NULL;
}

static bool
is_true(const Expr *e)
{
    const Value *v = const_value(e);
    return v != NULL && !v->is_null && v->b;
}

static bool
is_null_const(const Expr *e)
{
    const Value *v = const_value(e);
    return v != NULL && v->is_null;
}

static bool
is_false(const Expr *e)
{
    const Value *v = const_value(e);
    return v != NULL && !v->is_null && !v->b;
}

static Status
replace_const(PlanState *ps, Expr **slot, const Value *v)
{
    Expr *e;
    TRY_ALLOC(ps->ctx, e, make_const(ps, v, (*slot)->typmod, (*slot)->loc));
    e->type = (*slot)->type;
    ((ConstExpr *)e)->value.type = e->type;
    e->collation = (*slot)->collation;
    *slot = e;
    return QN_OK;
}

/* An error here is not the statement's: forget it. *done false: leave the call for run time. */
static Status
forgive(PlanState *ps, Status st, bool *done)
{
    *done = st == QN_OK;
    if (st == QN_OK) return QN_OK;
    if (st == ERR_OUT_OF_MEMORY || st == ERR_QUERY_CANCELED) return st;
    err_clear(&ps->ctx->err);
    return QN_OK;
}

/* fn over constants; args have no NULL where it is strict. */
static NOINLINE Status
run_kernel(PlanState *ps, const Function *fn, const Value *const *args, int n, Oid type, int32_t typmod, Value *out, bool *done)
{
    OneRowVec *rows;
    Vector *vecs[FN_MAX_ARGS];
    Oid types[FN_MAX_ARGS];
    void *state = NULL;
    *done = false;
    if (n > FN_MAX_ARGS || fn->kernel == NULL || type_phys(type, -1) == PHYS_NONE) return QN_OK;
    TRY_ALLOC(ps->ctx, rows, arena_alloc(ps->arena, sizeof(OneRowVec) * (size_t)(n + 1) + 64));
    rows = (OneRowVec *)(void *)(((uintptr_t)rows + 63) & ~(uintptr_t)63);
    for (int i = 0; i < n; i++) {
        one_row(&rows[i], args[i]->type);
        vec_set_const(&rows[i].v, args[i]);
        vecs[i] = &rows[i].v;
        types[i] = args[i]->type;
    }
    one_row(&rows[n], type);
    KernelCall call = {.ctx = ps->ctx, .arena = ps->arena, .fn = fn, .nargs = n, .args = vecs, .out = &rows[n].v, .n = 1,
                       .arg_types = types, .out_typmod = typmod, .state = &state, .state_arena = ps->arena};
    TRY(forgive(ps, fn->kernel(&call), done));
    if (!*done) return QN_OK;
    Value v = vec_get(&rows[n].v, 0);
    v.type = type;
    return value_copy(ps->ctx, ps->arena, &v, out);
}

static NOINLINE Status
fold_func(PlanState *ps, Expr **slot)
{
    FuncExpr *f = (FuncExpr *)*slot;
    const Value *args[FN_MAX_ARGS], *v;
    bool all_const = true, any_null = false, done;
    Value out;
    if (!(f->fn->flags & FN_IMMUTABLE) || f->args.count > FN_MAX_ARGS || f->variadic) return QN_OK;
    for (int i = 0; i < f->args.count; i++) {
        v = const_value(f->args.items[i]);
        if (v == NULL) all_const = false;
        else if (v->is_null) any_null = true;
        args[i] = v;
    }
    if (any_null && (f->fn->flags & FN_STRICT)) {
        out = value_null(f->base.type);
        return replace_const(ps, slot, &out);
    }
    if (!all_const || (f->fn->flags & FN_SRF)) return QN_OK;
    TRY(run_kernel(ps, f->fn, args, f->args.count, f->base.type, f->is_cast ? f->base.typmod : -1, &out, &done));
    return done ? replace_const(ps, slot, &out) : QN_OK;
}

/* ---- logic ---- */

/* x AND (y AND z) flat; constants out; nothing left: the neutral value. */
static NOINLINE Status
fold_and_or(PlanState *ps, Expr **slot)
{
    BoolExpr *b = (BoolExpr *)*slot;
    bool is_and = b->kind == BOOL_AND;
    int n = 0, total = 0;
    bool nested = false;
    for (int i = 0; i < b->args.count; i++) {
        BoolExpr *a = (BoolExpr *)b->args.items[i];
        if (a->base.tag == EXPR_Bool && a->kind == b->kind) {
            nested = true;
            total += a->args.count;
        } else {
            total++;
        }
    }
    Expr **items = b->args.items;
    if (nested) TRY_ALLOC(ps->ctx, items, ARENA_ARRAY(ps->arena, Expr *, total));
    bool null_seen = false;
    for (int i = 0; i < b->args.count; i++) {
        Expr **from = &b->args.items[i];
        int count = 1;
        BoolExpr *a = (BoolExpr *)*from;
        if (a->base.tag == EXPR_Bool && a->kind == b->kind) {
            from = a->args.items;
            count = a->args.count;
        }
        for (int k = 0; k < count; k++) {
            Expr *e = from[k];
            if (is_and ? is_false(e) : is_true(e)) {
                *slot = e;
                return QN_OK;
            }
            if (is_and ? is_true(e) : is_false(e)) continue;
            if (is_null_const(e)) { /* one NULL is enough */
                if (null_seen) continue;
                null_seen = true;
            }
            items[n++] = e;
        }
    }
    b->args = (ExprList){items, n, n};
    if (n == 0) TRY_ALLOC(ps->ctx, *slot, make_bool_const(ps, is_and));
    else if (n == 1) *slot = items[0];
    return QN_OK;
}

/* (a AND x) OR (a AND y) is a AND (x OR y). */
static NOINLINE Status
factor_or(PlanState *ps, Expr **slot)
{
    BoolExpr *b = (BoolExpr *)*slot;
    if (b->base.tag != EXPR_Bool || b->kind != BOOL_OR || b->args.count < 2 || b->args.count > 200) return QN_OK;
    BoolExpr *first = (BoolExpr *)b->args.items[0];
    Expr **terms = first->args.items;
    int nterms = first->args.count;
    Expr *single = b->args.items[0];
    if (!(first->base.tag == EXPR_Bool && first->kind == BOOL_AND)) {
        terms = &single;
        nterms = 1;
    }
    ExprList common = {0};
    for (int t = 0; t < nterms; t++) {
        bool everywhere = true, is_volatile;
        for (int i = 1; i < b->args.count && everywhere; i++) {
            BoolExpr *a = (BoolExpr *)b->args.items[i];
            everywhere = false;
            if (a->base.tag == EXPR_Bool && a->kind == BOOL_AND) {
                for (int k = 0; k < a->args.count && !everywhere; k++) everywhere = expr_equal(a->args.items[k], terms[t]);
            } else {
                everywhere = expr_equal((Expr *)a, terms[t]);
            }
        }
        if (!everywhere) continue;
        TRY(expr_volatile(ps->ctx, terms[t], &is_volatile));
        if (!is_volatile) TRY(array_push(ps->ctx, ps->arena, &common, terms[t]));
    }
    if (common.count == 0) return QN_OK;
    /* What is left of each branch; an empty one makes the OR true. */
    ExprList rest = {0};
    bool rest_true = false;
    for (int i = 0; i < b->args.count; i++) {
        BoolExpr *a = (BoolExpr *)b->args.items[i];
        Expr *one = b->args.items[i];
        bool conj = a->base.tag == EXPR_Bool && a->kind == BOOL_AND;
        Expr **items = conj ? a->args.items : &one;
        int n = conj ? a->args.count : 1;
        ExprList left = {0};
        for (int k = 0; k < n; k++) {
            bool is_common = false;
            for (int c = 0; c < common.count && !is_common; c++) is_common = expr_equal(items[k], common.items[c]);
            if (!is_common) TRY(array_push(ps->ctx, ps->arena, &left, items[k]));
        }
        if (left.count == 0) {
            rest_true = true;
            break;
        }
        Expr *branch;
        TRY(make_bool(ps, BOOL_AND, left.items, left.count, b->base.loc, &branch));
        TRY(array_push(ps->ctx, ps->arena, &rest, branch));
    }
    if (!rest_true) {
        Expr *alternatives;
        TRY(make_bool(ps, BOOL_OR, rest.items, rest.count, b->base.loc, &alternatives));
        TRY(array_push(ps->ctx, ps->arena, &common, alternatives));
    }
    return make_bool(ps, BOOL_AND, common.items, common.count, b->base.loc, slot);
}

static NOINLINE Status
fold_not(PlanState *ps, Expr **slot)
{
    Expr *arg = ((BoolExpr *)*slot)->args.items[0];
    const Value *v = const_value(arg);
    if (v != NULL) {
        if (v->is_null) *slot = arg;
        else TRY_ALLOC(ps->ctx, *slot, make_bool_const(ps, !v->b));
        return QN_OK;
    }
    if (arg->tag == EXPR_Bool && ((BoolExpr *)arg)->kind == BOOL_NOT) {
        *slot = ((BoolExpr *)arg)->args.items[0];
        return QN_OK;
    }
    if (arg->tag == EXPR_Func && ((FuncExpr *)arg)->op != NULL && ((FuncExpr *)arg)->op->negator != 0) {
        const Operator *op = op_by_oid(((FuncExpr *)arg)->op->negator);
        const Function *fn = op != NULL ? fn_by_oid(op->function) : NULL;
        if (fn != NULL) {
            ((FuncExpr *)arg)->op = op;
            ((FuncExpr *)arg)->fn = fn;
            *slot = arg;
        }
        return QN_OK;
    }
    if (arg->tag == EXPR_NullTest) { /* over rows IS NOT NULL is not the opposite of IS NULL */
        NullTestExpr *t = (NullTestExpr *)arg;
        if (type_is_row(t->arg->type)) return QN_OK;
        t->is_not = !t->is_not;
        *slot = arg;
        return QN_OK;
    }
    if (arg->tag == EXPR_ArrayOp && ((ArrayOpExpr *)arg)->op->negator != 0) {
        ArrayOpExpr *a = (ArrayOpExpr *)arg;
        const Operator *op = op_by_oid(a->op->negator);
        const Function *fn = op != NULL ? fn_by_oid(op->function) : NULL;
        if (fn == NULL) return QN_OK;
        a->op = op;
        a->fn = fn;
        a->is_all = !a->is_all;
        *slot = arg;
        return QN_OK;
    }
    if (arg->tag == EXPR_Bool) { /* De Morgan, so that conditions come apart at ANDs */
        BoolExpr *b = (BoolExpr *)arg;
        for (int i = 0; i < b->args.count; i++) {
            Expr **one;
            TRY_ALLOC(ps->ctx, one, ARENA_ARRAY(ps->arena, Expr *, 1));
            one[0] = b->args.items[i];
            TRY(make_bool(ps, BOOL_NOT, one, 1, b->base.loc, &b->args.items[i]));
            TRY(ctx_check_depth(ps->ctx));
            TRY(fold_not(ps, &b->args.items[i]));
        }
        b->kind = b->kind == BOOL_AND ? BOOL_OR : BOOL_AND;
        *slot = arg;
        return fold_and_or(ps, slot);
    }
    if (arg->tag == EXPR_BoolTest) {
        static const BoolTestKind opposite[] = {IS_NOT_TRUE, IS_TRUE, IS_NOT_FALSE, IS_FALSE, IS_NOT_UNKNOWN, IS_UNKNOWN};
        ((BoolTestExpr *)arg)->kind = opposite[((BoolTestExpr *)arg)->kind];
        *slot = arg;
    }
    return QN_OK;
}

static NOINLINE Status
fold_bool_test(PlanState *ps, Expr **slot)
{
    BoolTestExpr *t = (BoolTestExpr *)*slot;
    const Value *v = const_value(t->arg);
    if (v == NULL) return QN_OK;
    bool null = v->is_null, yes = !null && v->b, r = false;
    switch (t->kind) {
    case IS_TRUE: r = yes; break;
    case IS_NOT_TRUE: r = !yes; break;
    case IS_FALSE: r = !null && !yes; break;
    case IS_NOT_FALSE: r = null || yes; break;
    case IS_UNKNOWN: r = null; break;
    case IS_NOT_UNKNOWN: r = !null; break;
    }
    TRY_ALLOC(ps->ctx, *slot, make_bool_const(ps, r));
    return QN_OK;
}

static NOINLINE Status
fold_null_test(PlanState *ps, Expr **slot)
{
    NullTestExpr *t = (NullTestExpr *)*slot;
    const Value *v = const_value(t->arg);
    if (v != NULL && !type_is_row(t->arg->type)) TRY_ALLOC(ps->ctx, *slot, make_bool_const(ps, v->is_null != t->is_not));
    return QN_OK;
}

/* ---- conditionals ---- */

static NOINLINE Status
fold_case(PlanState *ps, Expr **slot)
{
    CaseExpr *c = (CaseExpr *)*slot;
    int n = 0;
    if (c->arg != NULL) return QN_OK;
    for (int i = 0; i < c->whens.count; i++) {
        Expr *w = c->whens.items[i];
        if (is_false(w) || is_null_const(w)) continue;
        if (is_true(w)) {
            c->otherwise = c->thens.items[i];
            break;
        }
        c->whens.items[n] = w;
        c->thens.items[n++] = c->thens.items[i];
    }
    c->whens.count = c->thens.count = n;
    if (n == 0) *slot = c->otherwise;
    (void)ps;
    return QN_OK;
}

static NOINLINE Status
fold_coalesce(PlanState *ps, Expr **slot)
{
    CoalesceExpr *c = (CoalesceExpr *)*slot;
    int n = 0;
    for (int i = 0; i < c->args.count; i++) {
        if (is_null_const(c->args.items[i])) continue;
        c->args.items[n++] = c->args.items[i];
        if (c->args.items[n - 1]->tag == EXPR_Const) break;
    }
    c->args.count = n;
    if (n == 0) {
        Value v = value_null(c->base.type);
        return replace_const(ps, slot, &v);
    }
    if (n == 1) *slot = c->args.items[0];
    return QN_OK;
}

/* ---- casts, arrays ---- */

/* Types whose text depends on no setting. */
static bool
text_is_immutable(Oid type)
{
    switch (type) {
    case TYPE_BOOL: case TYPE_INT2: case TYPE_INT4: case TYPE_INT8: case TYPE_NUMERIC: case TYPE_TEXT: case TYPE_VARCHAR:
    case TYPE_BPCHAR: case TYPE_NAME: case TYPE_UUID: case TYPE_JSON: case TYPE_OID: case TYPE_CHAR: return true;
    default: return false;
    }
}

static NOINLINE Status
fold_io(PlanState *ps, Expr **slot)
{
    CoerceIOExpr *c = (CoerceIOExpr *)*slot;
    const Value *v = const_value(c->arg);
    bool done;
    if (v == NULL) return QN_OK;
    Value out = value_null(c->base.type);
    if (v->is_null) return replace_const(ps, slot, &out);
    if (!text_is_immutable(v->type) || !text_is_immutable(c->base.type)) return QN_OK;
    StrBuf b = strbuf_new(ps->arena);
    TRY(forgive(ps, value_out(ps->ctx, &b, v), &done));
    if (!done) return QN_OK;
    TRY(forgive(ps, value_in(ps->ctx, ps->arena, b.data != NULL ? b.data : "", b.nbytes, c->base.type, -1, &out), &done));
    return done ? replace_const(ps, slot, &out) : QN_OK;
}

static NOINLINE Status
fold_array(PlanState *ps, Expr **slot)
{
    ArrayExpr *a = (ArrayExpr *)*slot;
    if (a->multi_dim) return QN_OK;
    for (int i = 0; i < a->items.count; i++)
        if (a->items.items[i]->tag != EXPR_Const) return QN_OK;
    ArrayBuilder b = array_builder(ps->arena, a->elem_type);
    for (int i = 0; i < a->items.count; i++) TRY(array_add(ps->ctx, &b, const_value(a->items.items[i])));
    Str s;
    TRY(array_finish_1d(ps->ctx, &b, &s));
    Value v = value_str(a->base.type, s);
    return replace_const(ps, slot, &v);
}

static NOINLINE Status
fold_relabel(PlanState *ps, Expr **slot)
{
    RelabelExpr *r = (RelabelExpr *)*slot;
    if (r->arg->tag == EXPR_Const) {
        Value v = *const_value(r->arg);
        return replace_const(ps, slot, &v);
    }
    return QN_OK;
}

/* ---- the walk ---- */

static Status
fold_slot(Ctx *ctx, Expr **slot, void *arg)
{
    PlanState *ps = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_Const || e->tag == EXPR_ColumnRef || e->tag == EXPR_Param) return QN_OK;
    TRY(ctx_check_depth(ctx));
    TRY(expr_children(ctx, e, fold_slot, arg));
    switch ((ExprTag)e->tag) {
    case EXPR_Func: return fold_func(ps, slot);
    case EXPR_Bool:
        if (((BoolExpr *)e)->kind == BOOL_NOT) return fold_not(ps, slot);
        TRY(fold_and_or(ps, slot));
        return factor_or(ps, slot);
    case EXPR_NullTest: return fold_null_test(ps, slot);
    case EXPR_BoolTest: return fold_bool_test(ps, slot);
    case EXPR_Case: return fold_case(ps, slot);
    case EXPR_Coalesce: return fold_coalesce(ps, slot);
    case EXPR_CoerceIO: return fold_io(ps, slot);
    case EXPR_Array: return fold_array(ps, slot);
    case EXPR_Relabel: return fold_relabel(ps, slot);
    default: return QN_OK;
    }
}

Status
fold_expr(PlanState *ps, Expr **slot)
{
    return fold_slot(ps->ctx, slot, ps);
}

/* Conditions come apart at ANDs; constant true ones go. */
static NOINLINE Status
tidy_conds(PlanState *ps, ExprList *conds)
{
    ExprList out = {0};
    bool change = false;
    for (int i = 0; i < conds->count && !change; i++) {
        const BoolExpr *b = (const BoolExpr *)conds->items[i];
        change = conds->items[i]->tag == EXPR_Const || (b->base.tag == EXPR_Bool && b->kind == BOOL_AND);
    }
    if (!change) return QN_OK;
    for (int i = 0; i < conds->count; i++) {
        BoolExpr *b = (BoolExpr *)conds->items[i];
        if (is_true(conds->items[i])) continue;
        if (is_false(conds->items[i]) || is_null_const(conds->items[i])) { /* nothing passes: no need to ask more */
            Expr **one;
            TRY_ALLOC(ps->ctx, one, ARENA_ARRAY(ps->arena, Expr *, 1));
            TRY_ALLOC(ps->ctx, one[0], make_bool_const(ps, false));
            *conds = (ExprList){one, 1, 1};
            return QN_OK;
        }
        if (b->base.tag == EXPR_Bool && b->kind == BOOL_AND) {
            for (int k = 0; k < b->args.count; k++) TRY(array_push(ps->ctx, ps->arena, &out, b->args.items[k]));
        } else {
            TRY(array_push(ps->ctx, ps->arena, &out, conds->items[i]));
        }
    }
    *conds = out;
    return QN_OK;
}

static Status
fold_tree(Ctx *ctx, LNode **slot, void *arg)
{
    PlanState *ps = arg;
    TRY(ctx_check_depth(ctx));
    TRY(lnode_exprs(ctx, *slot, fold_slot, ps));
    if ((*slot)->tag == LOGICAL_Join) TRY(tidy_conds(ps, &((LJoin *)*slot)->conds));
    if ((*slot)->tag == LOGICAL_Filter) {
        LFilter *f = (LFilter *)*slot;
        TRY(tidy_conds(ps, &f->conds));
        if (f->conds.count == 0) {
            *slot = f->base.left;
            return fold_tree(ctx, slot, arg);
        }
    }
    return lnode_children(ctx, *slot, fold_tree, arg);
}

static Status
fold_query(PlanState *ps, Query *q)
{
    TRY(fold_tree(ps->ctx, &q->root, ps));
    for (int i = 0; i < q->out.count; i++) TRY(fold_slot(ps->ctx, &q->out.items[i], ps));
    return QN_OK;
}

Status
rw_fold(PlanState *ps, Query *q)
{
    return each_query(ps, q, fold_query);
}
