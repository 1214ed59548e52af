/* expr.c - compiling bound expressions to programs; see expr.h. Running them is expr_run.c. */
#include "executor/expr_priv.h"

#include "catalog/routine.h"
#include "common/array.h"
#include <assert.h>

#define GROW(p, items, count, cap, T)                                                              \
    ((count) < (cap) ||                                                                            \
     array_grow((p)->arena, (void **)&(items), &(cap), (count), 1, sizeof(T)))

Status
expr_prog_new(Exec *exec, ExprProg **out)
{
    Ctx *ctx = exec->ctx;
    ExprProg *p;
    TRY_ALLOC(ctx, p, ARENA_NEW(exec->arena, ExprProg));
    p->exec = exec;
    p->ctx = ctx;
    p->arena = exec->arena;
    p->case_test_reg = p->domain_reg = -1;
    p->filter_slot = -1;
    int slot;
    TRY(expr_new_slot(p, &slot)); /* slot 0: the rows asked for */
    *out = p;
    return QN_OK;
}

static Status
add_reg(ExprProg *p, Vector *v, bool owned, int *reg_out)
{
    int cap = p->regs_cap;
    if (!GROW(p, p->regs, p->nregs, p->regs_cap, Vector *)) return RAISE_OOM(p->ctx);
    if (cap != p->regs_cap) {
        bool *owned_new;
        TRY_ALLOC(p->ctx, owned_new, arena_zalloc(p->arena, (size_t)p->regs_cap));
        if (p->nregs > 0) memcpy(owned_new, p->reg_owned, (size_t)p->nregs);
        p->reg_owned = owned_new;
        TRY_ALLOC(p->ctx, p->reg_filled, arena_zalloc(p->arena, (size_t)p->regs_cap));
    }
    p->regs[p->nregs] = v;
    p->reg_owned[p->nregs] = owned;
    *reg_out = p->nregs++;
    return QN_OK;
}

Status
expr_new_reg(ExprProg *p, Oid type, int *reg_out)
{
    Vector *v;
    TRY_ALLOC(p->ctx, v, vec_new(p->arena, type_base(type)));
    return add_reg(p, v, true, reg_out);
}

Status
expr_new_slot(ExprProg *p, int *slot_out)
{
    if (!GROW(p, p->slots, p->nslots, p->slots_cap, Slot)) return RAISE_OOM(p->ctx);
    memset(&p->slots[p->nslots], 0, sizeof(Slot));
    *slot_out = p->nslots++;
    return QN_OK;
}

Status
expr_emit_step(ExprProg *p, StepOp op, int slot, int dst, const int *args, int nargs, Step **out)
{
    if (!GROW(p, p->steps, p->nsteps, p->steps_cap, Step)) return RAISE_OOM(p->ctx);
    Step *s = &p->steps[p->nsteps++];
    memset(s, 0, sizeof(*s));
    s->op = (uint8_t)op;
    s->slot = (int16_t)slot;
    s->slot2 = s->slot_out = -1;
    s->dst = dst;
    s->nargs = nargs;
    if (nargs > 0) TRY_ALLOC(p->ctx, s->args, arena_memdup(p->arena, args, (size_t)nargs * sizeof(int)));
    *out = s;
    return QN_OK;
}

static Status
load_column(ExprProg *p, int rel, int col, int *reg_out)
{
    for (int i = 0; i < p->nloads; i++) {
        if (p->loads[i].rel == rel && p->loads[i].col == col) {
            *reg_out = p->loads[i].reg;
            return QN_OK;
        }
    }
    if (!GROW(p, p->loads, p->nloads, p->loads_cap, Load)) return RAISE_OOM(p->ctx);
    TRY(add_reg(p, NULL, false, reg_out));
    p->loads[p->nloads++] = (Load){.reg = *reg_out, .rel = rel, .col = col};
    return QN_OK;
}

static Status
const_reg(ExprProg *p, const Value *value, Oid type, int *reg_out)
{
    Vector *v;
    TRY_ALLOC(p->ctx, v, vec_new(p->arena, type));
    if (!vec_reserve(p->arena, v, 1)) return RAISE_OOM(p->ctx);
    Value copy = *value;
    if (copy.is_null) copy.type = type;
    vec_set_const(v, &copy);
    v->type = type_base(type);
    return add_reg(p, v, false, reg_out);
}

/* Sets up the call of fn with these argument expressions. */
static Status
make_call(ExprProg *p, Step *s, const Function *fn, const Oid *arg_types, int nargs, Oid result,
          int32_t typmod, Oid collation)
{
    KernelCall *call;
    (void)result;
    if (fn->kernel == NULL)
        return RAISE(p->ctx, ERR_FEATURE_NOT_SUPPORTED, "function %s cannot be called here", fn->name);
    TRY_ALLOC(p->ctx, call, ARENA_NEW(p->arena, KernelCall));
    TRY_ALLOC(p->ctx, call->args, ARENA_ARRAY(p->arena, Vector *, nargs + 1));
    TRY_ALLOC(p->ctx, call->arg_types,
              arena_memdup(p->arena, arg_types, (size_t)(nargs > 0 ? nargs : 1) * sizeof(Oid)));
    TRY_ALLOC(p->ctx, call->state, ARENA_NEW(p->arena, void *));
    call->ctx = p->ctx;
    call->fn = fn;
    call->nargs = nargs;
    call->out_typmod = typmod;
    call->collation = collation;
    call->state_arena = p->arena;
    s->call = call;
    s->fn = fn;
    s->kernel = fn->kernel;
    return QN_OK;
}

static Status
compile_args(ExprProg *p, const ExprList *list, int slot, int **regs_out, Oid **types_out)
{
    int *regs;
    Oid *types;
    TRY_ALLOC(p->ctx, regs, ARENA_ARRAY(p->arena, int, list->count + 1));
    TRY_ALLOC(p->ctx, types, ARENA_ARRAY(p->arena, Oid, list->count + 1));
    for (int i = 0; i < list->count; i++) {
        TRY(expr_compile_value(p, list->items[i], slot, &regs[i]));
        types[i] = list->items[i]->type;
    }
    *regs_out = regs;
    *types_out = types;
    return QN_OK;
}

/* Notes calls that may see what others do: volatile functions of users, and two for the same sequence. */
static void
note_effects(Exec *exec, const FuncExpr *e)
{
    if ((e->fn->flags & (FN_IMMUTABLE | FN_STABLE)) != 0) return;
    if (routine_of(e->fn) != NULL) {
        exec->has_effects = true;
        return;
    }
    if (strcmp(e->fn->src, "lastval") != 0 && (e->fn->nargs == 0 || e->fn->args[0] != TYPE_REGCLASS)) return;
    const ConstExpr *c = e->args.count > 0 ? (const ConstExpr *)e->args.items[0] : NULL;
    uint64_t bits = c != NULL && c->base.tag == EXPR_Const && !c->value.is_null ? 1ull << (uint32_t)c->value.i32 % 64 : UINT64_MAX;
    exec->has_effects |= (exec->sequences & bits) != 0;
    exec->sequences |= bits;
}

static Status
compile_func(ExprProg *p, const FuncExpr *e, int slot, int *reg_out)
{
    int *regs;
    Oid *types;
    Step *s;
    note_effects(p->exec, e);
    TRY(compile_args(p, &e->args, slot, &regs, &types));
    TRY(expr_new_reg(p, e->base.type, reg_out));
    TRY(expr_emit_step(p, STEP_CALL, slot, *reg_out, regs, e->args.count, &s));
    s->expr = &e->base;
    TRY(make_call(p, s, e->fn, types, e->args.count, e->base.type, e->base.typmod,
                  e->base.collation));
    s->kernel = fn_kernel(e->fn, e->variadic);
    return QN_OK;
}

static Status
compile_bool(ExprProg *p, const BoolExpr *e, int slot, int *reg_out)
{
    Step *s;
    int arg;
    if (e->kind == BOOL_NOT) {
        TRY(expr_compile_value(p, e->args.items[0], slot, &arg));
        TRY(expr_new_reg(p, TYPE_BOOL, reg_out));
        return expr_emit_step(p, STEP_NOT, slot, *reg_out, &arg, 1, &s);
    }
    int dst, cur = slot;
    TRY(expr_new_reg(p, TYPE_BOOL, &dst));
    for (int i = 0; i < e->args.count; i++) {
        int next;
        TRY(expr_compile_value(p, e->args.items[i], cur, &arg));
        TRY(expr_new_slot(p, &next));
        TRY(expr_emit_step(p, STEP_BOOL_ACC, cur, dst, &arg, 1, &s));
        s->flag = e->kind == BOOL_OR;
        s->fresh = i == 0;
        s->slot_out = (int16_t)next;
        cur = next;
    }
    *reg_out = dst;
    return QN_OK;
}

static Status
compile_case(ExprProg *p, const CaseExpr *e, int slot, int *reg_out)
{
    int dst, cur = slot, saved = p->case_test_reg, arg;
    Step *s;
    TRY(expr_new_reg(p, e->base.type, &dst));
    if (e->arg != NULL) TRY(expr_compile_value(p, e->arg, slot, &arg));
    for (int i = 0; i < e->whens.count; i++) {
        int hit, rest;
        if (e->arg != NULL) p->case_test_reg = arg;
        TRY(expr_compile_slot(p, e->whens.items[i], cur, &hit));
        p->case_test_reg = saved;
        TRY(expr_new_slot(p, &rest));
        TRY(expr_emit_step(p, STEP_SEL_MINUS, cur, -1, NULL, 0, &s));
        s->slot2 = (int16_t)hit;
        s->slot_out = (int16_t)rest;
        int value;
        TRY(expr_compile_value(p, e->thens.items[i], hit, &value));
        TRY(expr_emit_step(p, STEP_MOVE, hit, dst, &value, 1, &s));
        s->fresh = i == 0;
        cur = rest;
    }
    int value;
    if (e->otherwise != NULL) {
        TRY(expr_compile_value(p, e->otherwise, cur, &value));
    } else {
        Value null = value_null(e->base.type);
        TRY(const_reg(p, &null, e->base.type, &value));
    }
    TRY(expr_emit_step(p, STEP_MOVE, cur, dst, &value, 1, &s));
    *reg_out = dst;
    return QN_OK;
}

static Status
compile_coalesce(ExprProg *p, const CoalesceExpr *e, int slot, int *reg_out)
{
    int dst, cur = slot;
    Step *s;
    TRY(expr_new_reg(p, e->base.type, &dst));
    for (int i = 0; i < e->args.count; i++) {
        int value;
        TRY(expr_compile_value(p, e->args.items[i], cur, &value));
        if (i == e->args.count - 1) {
            TRY(expr_emit_step(p, STEP_MOVE, cur, dst, &value, 1, &s));
            s->fresh = i == 0;
            break;
        }
        int rest;
        TRY(expr_new_slot(p, &rest));
        TRY(expr_emit_step(p, STEP_MOVE_SET, cur, dst, &value, 1, &s));
        s->fresh = i == 0;
        s->slot_out = (int16_t)rest;
        cur = rest;
    }
    *reg_out = dst;
    return QN_OK;
}

/* IS DISTINCT FROM and NULLIF: two arguments and an equality. */
static Status
compile_equality(ExprProg *p, StepOp op, const Expr *e, const Function *fn, const Expr *left,
                 const Expr *right, bool flag, int slot, int *reg_out)
{
    int args[2];
    Step *s;
    Oid types[2] = {left->type, right->type};
    TRY(expr_compile_value(p, left, slot, &args[0]));
    TRY(expr_compile_value(p, right, slot, &args[1]));
    TRY(expr_new_reg(p, e->type, reg_out));
    TRY(expr_emit_step(p, op, slot, *reg_out, args, 2, &s));
    s->flag = flag;
    TRY(expr_new_slot(p, &s->id)); /* room for the rows where neither is NULL */
    Vector *eq;
    TRY_ALLOC(p->ctx, eq, vec_new(p->arena, TYPE_BOOL));
    int eq_reg;
    TRY(add_reg(p, eq, true, &eq_reg));
    s->slot2 = (int16_t)eq_reg;
    return make_call(p, s, fn, types, 2, TYPE_BOOL, -1, e->collation);
}

static Status
compile_param(ExprProg *p, const ParamExpr *e, int slot, int *reg_out)
{
    if (e->kind == PARAM_EXTERN) {
        if (e->id < 1 || e->id > p->exec->plan->nparams)
            return RAISE(p->ctx, ERR_UNDEFINED_PARAMETER, "there is no parameter $%d", e->id);
        return add_reg(p, p->exec->extern_params[e->id - 1], false, reg_out);
    }
    for (int i = 0; i < p->nparam_map; i++)
        if (p->param_map[i] == e->id) return load_column(p, INPUT_INNER, i, reg_out);
    int sub = p->exec->init_plan_of[e->id];
    if (sub >= 0) {
        Step *s;
        SubplanState *sp;
        TRY(exec_subplan(p->exec, sub, &sp));
        TRY(expr_emit_step(p, STEP_INIT_PARAM, slot, -1, NULL, 0, &s));
        s->id = e->id;
        p->deps |= sp->root->deps;
    } else {
        p->deps |= dep_param(e->id);
    }
    return add_reg(p, p->exec->exec_params[e->id], false, reg_out);
}

static Status
compile_rowcompare(ExprProg *p, const RowCompareExpr *e, int slot, int *reg_out)
{
    int n = e->left.count, *regs, *all;
    Oid *types;
    Step *s;
    TRY_ALLOC(p->ctx, all, ARENA_ARRAY(p->arena, int, 2 * n + 1));
    TRY(compile_args(p, &e->left, slot, &regs, &types));
    memcpy(all, regs, (size_t)n * sizeof(int));
    TRY(compile_args(p, &e->right, slot, &regs, &types));
    memcpy(all + n, regs, (size_t)n * sizeof(int));
    TRY(expr_new_reg(p, TYPE_BOOL, reg_out));
    TRY(expr_emit_step(p, STEP_ROWCMP, slot, *reg_out, all, 2 * n, &s));
    s->id = (int)e->cmp;
    return QN_OK;
}

/* For each dimension lower and upper (-1: left out). */
static Status
compile_bounds(ExprProg *p, const ExprList *lowers, const ExprList *uppers, int slot, int *regs)
{
    for (int i = 0; i < uppers->count; i++) {
        const Expr *lo = i < lowers->count ? lowers->items[i] : NULL, *hi = uppers->items[i];
        regs[2 * i] = regs[2 * i + 1] = -1;
        if (lo != NULL) TRY(expr_compile_value(p, lo, slot, &regs[2 * i]));
        if (hi != NULL) TRY(expr_compile_value(p, hi, slot, &regs[2 * i + 1]));
    }
    return QN_OK;
}

static Status
compile_array_set(ExprProg *p, const ArraySetExpr *e, int slot, int *reg_out)
{
    int n = e->uppers.count, *regs;
    Step *s;
    TRY_ALLOC(p->ctx, regs, ARENA_ARRAY(p->arena, int, 2 * n + 2));
    TRY(expr_compile_value(p, e->base_expr, slot, &regs[0]));
    TRY(expr_compile_value(p, e->value, slot, &regs[1]));
    TRY(compile_bounds(p, &e->lowers, &e->uppers, slot, regs + 2));
    TRY(expr_new_reg(p, e->base.type, reg_out));
    TRY(expr_emit_step(p, STEP_ARRAY_SET, slot, *reg_out, regs, 2 * n + 2, &s));
    s->flag = e->is_slice;
    s->expr = &e->base;
    return QN_OK;
}

static Status
compile_field_set(ExprProg *p, const FieldSetExpr *e, int slot, int *reg_out)
{
    int regs[2];
    Step *s;
    TRY(expr_compile_value(p, e->arg, slot, &regs[0]));
    TRY(expr_compile_value(p, e->value, slot, &regs[1]));
    TRY(expr_new_reg(p, e->base.type, reg_out));
    TRY(expr_emit_step(p, STEP_FIELD_SET, slot, *reg_out, regs, 2, &s));
    s->id = e->field;
    s->expr = &e->base;
    return QN_OK;
}

static Status
compile_subscript(ExprProg *p, const SubscriptExpr *e, int slot, int *reg_out)
{
    /* Arguments: the array, then its bounds. */
    int n = e->uppers.count, *regs;
    Step *s;
    TRY_ALLOC(p->ctx, regs, ARENA_ARRAY(p->arena, int, 2 * n + 1));
    TRY(expr_compile_value(p, e->base_expr, slot, &regs[0]));
    TRY(compile_bounds(p, &e->lowers, &e->uppers, slot, regs + 1));
    TRY(expr_new_reg(p, e->base.type, reg_out));
    TRY(expr_emit_step(p, STEP_SUBSCRIPT, slot, *reg_out, regs, 2 * n + 1, &s));
    s->flag = e->is_slice;
    s->expr = &e->base;
    return QN_OK;
}

static Status
compile_list_step(ExprProg *p, StepOp op, const Expr *e, const ExprList *args, int slot, int *reg_out)
{
    int *regs;
    Oid *types;
    Step *s;
    TRY(compile_args(p, args, slot, &regs, &types));
    TRY(expr_new_reg(p, e->type, reg_out));
    TRY(expr_emit_step(p, op, slot, *reg_out, regs, args->count, &s));
    s->expr = e;
    return QN_OK;
}

/* The fields, then what tells whether there is a row. */
static Status
compile_row(ExprProg *p, const RowExpr *e, int slot, int *reg_out)
{
    ExprList args = {0};
    if (e->present == NULL) return compile_list_step(p, STEP_ROW, &e->base, &e->fields, slot, reg_out);
    for (int i = 0; i < e->fields.count; i++) TRY(array_push(p->ctx, p->arena, &args, e->fields.items[i]));
    TRY(array_push(p->ctx, p->arena, &args, e->present));
    return compile_list_step(p, STEP_ROW, &e->base, &args, slot, reg_out);
}

static Status
compile_unary_step(ExprProg *p, StepOp op, const Expr *e, const Expr *arg, int id, bool flag, int slot,
                   int *reg_out)
{
    int reg;
    Step *s;
    TRY(expr_compile_value(p, arg, slot, &reg));
    TRY(expr_new_reg(p, e->type, reg_out));
    TRY(expr_emit_step(p, op, slot, *reg_out, &reg, 1, &s));
    s->id = id;
    s->flag = flag;
    s->expr = e;
    return QN_OK;
}

/* The value passes through; steps beside it raise. */
static Status
compile_domain(ExprProg *p, const CoerceToDomainExpr *e, int slot, int *reg_out)
{
    Step *s;
    int saved = p->domain_reg;
    TRY(expr_compile_value(p, e->arg, slot, reg_out));
    if (e->not_null) {
        TRY(expr_emit_step(p, STEP_DOMAIN_NULL, slot, -1, reg_out, 1, &s));
        s->expr = &e->base;
    }
    for (int i = 0; i < e->checks.count; i++) {
        int check;
        p->domain_reg = *reg_out;
        TRY(expr_compile_value(p, e->checks.items[i], slot, &check));
        p->domain_reg = saved;
        TRY(expr_emit_step(p, STEP_DOMAIN_CHECK, slot, -1, &check, 1, &s));
        s->expr = &e->base;
        s->id = i;
    }
    return QN_OK;
}

static Status
compile_array_op(ExprProg *p, const ArrayOpExpr *e, int slot, int *reg_out)
{
    int args[2];
    Step *s;
    const TypeInfo *at = type_info(type_base(e->array->type));
    Oid elem = at != NULL && at->elem_oid != 0 ? at->elem_oid : e->left->type;
    Oid types[2] = {e->left->type, elem};
    TRY(expr_compile_value(p, e->left, slot, &args[0]));
    TRY(expr_compile_value(p, e->array, slot, &args[1]));
    TRY(expr_new_reg(p, TYPE_BOOL, reg_out));
    int scratch;
    TRY(expr_new_reg(p, TYPE_BOOL, &scratch));
    int rest;
    TRY(expr_new_slot(p, &rest));
    TRY(expr_emit_step(p, STEP_ARRAY_OP, slot, *reg_out, args, 2, &s));
    s->flag = e->is_all;
    s->expr = &e->base;
    s->id = scratch;
    s->slot2 = (int16_t)rest;
    return make_call(p, s, e->fn, types, 2, TYPE_BOOL, -1, e->base.collation);
}

static Status
compile_node(ExprProg *p, const Expr *e, int slot, int *reg_out)
{
    Step *s;
    switch ((ExprTag)e->tag) {
    case EXPR_Const: return const_reg(p, &((const ConstExpr *)e)->value, e->type, reg_out);
    case EXPR_ColumnRef: {
        const ColumnRefExpr *c = (const ColumnRefExpr *)e;
        return load_column(p, c->rel, c->col, reg_out);
    }
    case EXPR_Param: return compile_param(p, (const ParamExpr *)e, slot, reg_out);
    case EXPR_Func: return compile_func(p, (const FuncExpr *)e, slot, reg_out);
    case EXPR_Bool: return compile_bool(p, (const BoolExpr *)e, slot, reg_out);
    case EXPR_NullTest: {
        const NullTestExpr *n = (const NullTestExpr *)e;
        return compile_unary_step(p, STEP_NULLTEST, e, n->arg, 0, n->is_not, slot, reg_out);
    }
    case EXPR_BoolTest: {
        const BoolTestExpr *n = (const BoolTestExpr *)e;
        return compile_unary_step(p, STEP_BOOLTEST, e, n->arg, (int)n->kind, false, slot, reg_out);
    }
    case EXPR_Distinct: {
        const DistinctExpr *d = (const DistinctExpr *)e;
        return compile_equality(p, STEP_DISTINCT, e, d->fn, d->left, d->right, d->is_not, slot, reg_out);
    }
    case EXPR_NullIf: {
        const NullIfExpr *d = (const NullIfExpr *)e;
        return compile_equality(p, STEP_NULLIF, e, d->fn, d->left, d->right, false, slot, reg_out);
    }
    case EXPR_Case: return compile_case(p, (const CaseExpr *)e, slot, reg_out);
    case EXPR_CaseTest:
        if (p->case_test_reg < 0) return RAISE_INTERNAL(p->ctx, "CaseTest outside of CASE");
        *reg_out = p->case_test_reg;
        return QN_OK;
    case EXPR_CoerceToDomain: return compile_domain(p, (const CoerceToDomainExpr *)e, slot, reg_out);
    case EXPR_DomainValue:
        if (p->domain_reg < 0) return RAISE_INTERNAL(p->ctx, "VALUE outside of a domain's check");
        *reg_out = p->domain_reg;
        return QN_OK;
    case EXPR_Coalesce: return compile_coalesce(p, (const CoalesceExpr *)e, slot, reg_out);
    case EXPR_MinMax: {
        const MinMaxExpr *m = (const MinMaxExpr *)e;
        TRY(compile_list_step(p, STEP_MINMAX, e, &m->args, slot, reg_out));
        p->steps[p->nsteps - 1].flag = m->greatest;
        return QN_OK;
    }
    case EXPR_ArrayOp: return compile_array_op(p, (const ArrayOpExpr *)e, slot, reg_out);
    case EXPR_Array: return compile_list_step(p, STEP_ARRAY, e, &((const ArrayExpr *)e)->items, slot, reg_out);
    case EXPR_Subscript: return compile_subscript(p, (const SubscriptExpr *)e, slot, reg_out);
    case EXPR_ArraySet: return compile_array_set(p, (const ArraySetExpr *)e, slot, reg_out);
    case EXPR_FieldSet: return compile_field_set(p, (const FieldSetExpr *)e, slot, reg_out);
    case EXPR_Row: return compile_row(p, (const RowExpr *)e, slot, reg_out);
    case EXPR_Field: {
        const FieldExpr *f = (const FieldExpr *)e;
        return compile_unary_step(p, STEP_FIELD, e, f->arg, f->field, false, slot, reg_out);
    }
    case EXPR_RowCompare: return compile_rowcompare(p, (const RowCompareExpr *)e, slot, reg_out);
    case EXPR_Relabel: {
        int arg;
        Vector *v;
        TRY(expr_compile_value(p, ((const RelabelExpr *)e)->arg, slot, &arg));
        TRY_ALLOC(p->ctx, v, vec_new(p->arena, e->type));
        TRY(add_reg(p, v, false, reg_out));
        TRY(expr_emit_step(p, STEP_RELABEL, slot, *reg_out, &arg, 1, &s));
        s->expr = e;
        return QN_OK;
    }
    case EXPR_CoerceIO:
        return compile_unary_step(p, STEP_COERCE_IO, e, ((const CoerceIOExpr *)e)->arg, 0, false, slot, reg_out);
    case EXPR_ArrayCoerce: {
        const ArrayCoerceExpr *a = (const ArrayCoerceExpr *)e;
        TRY(compile_unary_step(p, STEP_ARRAY_COERCE, e, a->arg, 0, false, slot, reg_out));
        /* The element's conversion is a program of its own over a column of elements. */
        ExprProg *elem;
        int step = p->nsteps - 1;
        TRY(expr_prog_new(p->exec, &elem));
        TRY(load_column(elem, INPUT_OUTER, 0, &elem->case_test_reg));
        TRY_ALLOC(p->ctx, elem->results, ARENA_NEW(p->arena, int));
        elem->nresults = 1;
        TRY(expr_compile_value(elem, a->elem, 0, &elem->results[0]));
        p->deps |= elem->deps;
        p->steps[step].state = elem;
        return QN_OK;
    }
    case EXPR_SubPlan: return expr_compile_subplan(p, (const SubPlanExpr *)e, slot, reg_out);
    case EXPR_Agg:
    case EXPR_Window:
    case EXPR_Grouping:
    case EXPR_SetFunc:
    case EXPR_Default:
    case EXPR_NONE:
    case EXPR_TAG_COUNT: break;
    }
    return RAISE_INTERNAL(p->ctx, "expression node %d in a plan", e->tag);
}

/* The same call computed before for at least these rows. Only deterministic single calls are looked for; arguments are
 * registers by then, so that a chain of calls is found link by link. */
static bool
find_same_call(ExprProg *p, const FuncExpr *e, const int *args, int slot, int *reg_out)
{
    for (int i = p->nsteps - 1; i >= 0; i--) {
        const Step *s = &p->steps[i];
        if (s->op != STEP_CALL || s->fn != e->fn || s->nargs != e->args.count) continue;
        if (s->kernel != fn_kernel(e->fn, e->variadic)) continue;
        if ((s->slot != 0 && s->slot != slot) || s->call->out_typmod != e->base.typmod) continue;
        if (s->expr->type != e->base.type) continue;
        if (s->nargs > 0 && memcmp(s->args, args, (size_t)s->nargs * sizeof(int)) != 0) continue;
        *reg_out = s->dst;
        return true;
    }
    return false;
}

/* Whether two constants' registers hold the same; lets calls with literal arguments be shared. */
static int
same_const(ExprProg *p, const ConstExpr *e)
{
    if (e->value.phys == PHYS_STR || e->value.is_null) return -1;
    for (int i = 0; i < p->ncse; i++) {
        const ConstExpr *c = (const ConstExpr *)p->cse[i].expr;
        if (c->base.type == e->base.type && c->value.phys == e->value.phys && !c->value.is_null &&
            c->value.scale == e->value.scale &&
            memcmp(&c->value.i128, &e->value.i128, sizeof(e->value.i128)) == 0)
            return p->cse[i].reg;
    }
    return -1;
}

Status
expr_compile_value(ExprProg *p, const Expr *e, int slot, int *reg_out)
{
    TRY(ctx_check_depth(p->ctx));
    if (e->tag == EXPR_Const) {
        int same = same_const(p, (const ConstExpr *)e);
        if (same >= 0) {
            *reg_out = same;
            return QN_OK;
        }
        TRY(compile_node(p, e, slot, reg_out));
        if (!GROW(p, p->cse, p->ncse, p->cse_cap, CseEntry)) return RAISE_OOM(p->ctx);
        p->cse[p->ncse++] = (CseEntry){e, slot, *reg_out};
        return QN_OK;
    }
    if (e->tag == EXPR_Func && (((const FuncExpr *)e)->fn->flags & (FN_IMMUTABLE | FN_STABLE)) != 0) {
        const FuncExpr *f = (const FuncExpr *)e;
        int *regs;
        Oid *types;
        Step *s;
        TRY(compile_args(p, &f->args, slot, &regs, &types));
        if (find_same_call(p, f, regs, slot, reg_out)) return QN_OK;
        TRY(expr_new_reg(p, e->type, reg_out));
        TRY(expr_emit_step(p, STEP_CALL, slot, *reg_out, regs, f->args.count, &s));
        s->expr = e;
        TRY(make_call(p, s, f->fn, types, f->args.count, e->type, e->typmod, e->collation));
        s->kernel = fn_kernel(f->fn, f->variadic);
        return QN_OK;
    }
    return compile_node(p, e, slot, reg_out);
}

/* Rows of slot for which e is true. */
Status
expr_compile_slot(ExprProg *p, const Expr *e, int slot, int *slot_out)
{
    Step *s;
    int arg;
    TRY(ctx_check_depth(p->ctx));
    if (e->tag == EXPR_Bool) {
        const BoolExpr *b = (const BoolExpr *)e;
        if (b->kind == BOOL_AND) {
            int cur = slot;
            for (int i = 0; i < b->args.count; i++) TRY(expr_compile_slot(p, b->args.items[i], cur, &cur));
            *slot_out = cur;
            return QN_OK;
        }
        if (b->kind == BOOL_OR) {
            int rest = slot, all = -1;
            for (int i = 0; i < b->args.count; i++) {
                int hit, merged, left;
                TRY(expr_compile_slot(p, b->args.items[i], rest, &hit));
                if (all < 0) {
                    all = hit;
                } else {
                    TRY(expr_new_slot(p, &merged));
                    TRY(expr_emit_step(p, STEP_SEL_MERGE, all, -1, NULL, 0, &s));
                    s->slot2 = (int16_t)hit;
                    s->slot_out = (int16_t)merged;
                    all = merged;
                }
                if (i == b->args.count - 1) break;
                TRY(expr_new_slot(p, &left));
                TRY(expr_emit_step(p, STEP_SEL_MINUS, rest, -1, NULL, 0, &s));
                s->slot2 = (int16_t)hit;
                s->slot_out = (int16_t)left;
                rest = left;
            }
            *slot_out = all;
            return QN_OK;
        }
        TRY(expr_compile_value(p, b->args.items[0], slot, &arg));
        TRY(expr_new_slot(p, slot_out));
        TRY(expr_emit_step(p, STEP_SEL_BOOL, slot, -1, &arg, 1, &s));
        s->flag = true;
        s->slot_out = (int16_t)*slot_out;
        return QN_OK;
    }
    if (e->tag == EXPR_Const) {
        const Value *v = &((const ConstExpr *)e)->value;
        if (!v->is_null && v->b) {
            *slot_out = slot;
            return QN_OK;
        }
        TRY(expr_new_slot(p, slot_out));
        TRY(expr_emit_step(p, STEP_SEL_NONE, slot, -1, NULL, 0, &s));
        s->slot_out = (int16_t)*slot_out;
        return QN_OK;
    }
    if (e->tag == EXPR_Func) {
        const FuncExpr *f = (const FuncExpr *)e;
        SelKernel k = f->args.count == 2 ? fn_sel_kernel(f->fn) : NULL;
        if (k != NULL) {
            int args[2];
            TRY(expr_compile_value(p, f->args.items[0], slot, &args[0]));
            TRY(expr_compile_value(p, f->args.items[1], slot, &args[1]));
            TRY(expr_new_slot(p, slot_out));
            TRY(expr_emit_step(p, STEP_SEL, slot, -1, args, 2, &s));
            s->sel_fn = k;
            s->slot_out = (int16_t)*slot_out;
            return QN_OK;
        }
    }
    if (e->tag == EXPR_NullTest) {
        const NullTestExpr *n = (const NullTestExpr *)e;
        if (!type_is_row(n->arg->type)) {
            TRY(expr_compile_value(p, n->arg, slot, &arg));
            TRY(expr_new_slot(p, slot_out));
            TRY(expr_emit_step(p, STEP_SEL_NULL, slot, -1, &arg, 1, &s));
            s->flag = n->is_not;
            s->slot_out = (int16_t)*slot_out;
            return QN_OK;
        }
    }
    TRY(expr_compile_value(p, e, slot, &arg));
    TRY(expr_new_slot(p, slot_out));
    TRY(expr_emit_step(p, STEP_SEL_BOOL, slot, -1, &arg, 1, &s));
    s->slot_out = (int16_t)*slot_out;
    return QN_OK;
}

Status
expr_compile(Exec *exec, const ExprList *list, DepSet *deps, ExprProg **out)
{
    ExprProg *p;
    TRY(expr_prog_new(exec, &p));
    *out = p; /* before compiling, so that close finds what a failed one holds */
    TRY_ALLOC(exec->ctx, p->results, ARENA_ARRAY(p->arena, int, list->count + 1));
    for (int i = 0; i < list->count; i++) {
        TRY(expr_compile_value(p, list->items[i], 0, &p->results[i]));
        p->nresults = i + 1;
    }
    *deps |= p->deps;
    return QN_OK;
}

Status
expr_compile_one(Exec *exec, const Expr *e, DepSet *deps, ExprProg **out)
{
    ExprList list = {.items = (Expr **)&e, .count = 1, .cap = 1};
    return expr_compile(exec, &list, deps, out);
}

Status
expr_finish_filter(ExprProg *p, const ExprList *conds)
{
    int cur = 0;
    for (int i = 0; i < conds->count; i++) TRY(expr_compile_slot(p, conds->items[i], cur, &cur));
    p->filter_slot = cur;
    return QN_OK;
}

Status
expr_compile_filter(Exec *exec, const ExprList *conds, DepSet *deps, ExprProg **out)
{
    ExprProg *p;
    TRY(expr_prog_new(exec, &p));
    *out = p;
    TRY(expr_finish_filter(p, conds));
    *deps |= p->deps;
    return QN_OK;
}

Status
expr_compile_condition(Exec *exec, const Expr *cond, DepSet *deps, ExprProg **out)
{
    ExprList list = {.items = (Expr **)&cond, .count = 1, .cap = 1};
    return expr_compile_filter(exec, &list, deps, out);
}

void
expr_prog_close(ExprProg *p)
{
    if (p == NULL) return;
    for (int i = 0; i < p->nsteps; i++)
        if (p->steps[i].op == STEP_SUBPLAN) expr_close_subplan(&p->steps[i]);
}

bool
expr_same_result(const ExprProg *p, int i, int j)
{
    return p->results[i] == p->results[j];
}

void
expr_mark_inputs(const ExprProg *p, int rel, bool *used, int n)
{
    for (int i = 0; p != NULL && i < p->nloads; i++)
        if (p->loads[i].rel == rel && p->loads[i].col < n) used[p->loads[i].col] = true;
}
