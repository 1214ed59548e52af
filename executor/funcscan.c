/* funcscan.c - set-returning functions: Function Scan (in FROM, several side by side) and ProjectSet (in a target list). A
 * call gives its rows in batches; where several run together the shorter ones are filled up with NULLs. */
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/vecutil.h"
#include <assert.h>

/* One call: a set-returning function, or an ordinary expression, which gives one row. */
typedef struct SetCall {
    const SetFunction *fn; /* NULL: an expression */
    const Function *row;   /* of the function table */
    ExprProg *args;        /* its arguments, or the expression */
    int first_arg, nargs;  /* in a shared program (ProjectSet) */
    Value *values;
    Oid *arg_types;
    Oid *col_types;
    int ncols;
    Vector **out;          /* rows of the current batch */
    int n, at;
    void *state;
    Arena *state_arena, *batch_arena;
    bool is_done;
} SetCall;

static Status
open_call(ExecNode *node, SetCall *c, const Expr *e)
{
    Ctx *ctx = node->ctx;
    const ExprList *args = NULL;
    if (e->tag == EXPR_SetFunc) {
        const SetFuncExpr *f = (const SetFuncExpr *)e;
        args = &f->args;
        c->row = f->fn;
    } else if (e->tag == EXPR_Func && (((const FuncExpr *)e)->fn->flags & FN_SRF) != 0) {
        const FuncExpr *f = (const FuncExpr *)e;
        args = &f->args;
        c->row = f->fn;
    }
    if (c->row != NULL) {
        c->fn = setfn_by_oid(c->row->oid);
        if (c->fn == NULL)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "set-returning function %s is not supported yet", c->row->name);
    }
    c->nargs = args != NULL ? args->count : 0;
    c->ncols = c->fn != NULL && c->fn->ncols > 0 ? c->fn->ncols : 1;
    TRY_ALLOC(ctx, c->values, ARENA_ARRAY(node->arena, Value, c->nargs + 1));
    TRY_ALLOC(ctx, c->arg_types, ARENA_ARRAY(node->arena, Oid, c->nargs + 1));
    for (int i = 0; i < c->nargs; i++) c->arg_types[i] = args->items[i]->type;
    TRY_ALLOC(ctx, c->col_types, ARENA_ARRAY(node->arena, Oid, c->ncols));
    TRY_ALLOC(ctx, c->out, ARENA_ARRAY(node->arena, Vector *, c->ncols));
    for (int i = 0; i < c->ncols; i++) {
        c->col_types[i] = c->fn != NULL && c->fn->col_types != NULL ? c->fn->col_types[i] : e->type;
        TRY_ALLOC(ctx, c->out[i], vec_create(node->arena, c->col_types[i], BATCH_ROWS));
    }
    TRY_ALLOC(ctx, c->state_arena, arena_create(node->arena, "set function"));
    TRY_ALLOC(ctx, c->batch_arena, arena_create(node->arena, "set rows"));
    return QN_OK;
}

/* Begins a call with its argument values. */
static Status
start_call(Ctx *ctx, SetCall *c)
{
    c->n = c->at = 0;
    c->is_done = false;
    arena_reset(c->state_arena);
    c->state = NULL;
    if (c->fn == NULL) return QN_OK;
    if ((c->row->flags & FN_STRICT) != 0) {
        for (int i = 0; i < c->nargs; i++) {
            if (!c->values[i].is_null) continue;
            c->is_done = true;
            return QN_OK;
        }
    }
    for (int i = 0; i < c->nargs; i++) TRY(value_copy(ctx, c->state_arena, &c->values[i], &c->values[i]));
    return c->fn->open(ctx, c->state_arena, c->values, c->nargs, c->arg_types, &c->state);
}

/* The next rows; c->n is 0 and c->is_done at the end. */
static Status
read_call(Ctx *ctx, SetCall *c)
{
    c->n = c->at = 0;
    if (c->is_done) return QN_OK;
    arena_reset(c->batch_arena);
    for (int i = 0; i < c->ncols; i++) vec_reset(c->out[i], type_phys(c->col_types[i], -1));
    if (c->fn == NULL) {
        Value v = c->values[0];
        v.type = c->col_types[0];
        c->is_done = true;
        c->n = 1;
        return exec_vec_put(ctx, c->batch_arena, c->out[0], 0, &v);
    }
    TRY(c->fn->next(ctx, c->state, c->batch_arena, c->out, &c->n));
    if (c->n == 0) c->is_done = true;
    return QN_OK;
}

typedef struct FunctionScanState {
    ExecNode base;
    const FunctionScanPlan *plan;
    SetCall *calls;
    int ncalls, ncols;
    Batch *out;
    Arena *out_arena;
    int64_t ordinal;
    bool is_started;
} FunctionScanState;

static Status
functionscan_open(ExecNode *node)
{
    FunctionScanState *s = (FunctionScanState *)node;
    Ctx *ctx = node->ctx;
    s->plan = (const FunctionScanPlan *)node->plan;
    s->ncalls = s->plan->calls.count;
    TRY_ALLOC(ctx, s->calls, ARENA_ARRAY(node->arena, SetCall, s->ncalls + 1));
    int n = 0;
    for (int i = 0; i < s->ncalls; i++) {
        const Expr *e = s->plan->calls.items[i];
        SetCall *c = &s->calls[i];
        TRY(open_call(node, c, e));
        if (c->fn == NULL) TRY(expr_compile_one(node->exec, e, &node->deps, &c->args));
        else
            TRY(expr_compile(node->exec,
                             e->tag == EXPR_SetFunc ? &((const SetFuncExpr *)e)->args : &((const FuncExpr *)e)->args,
                             &node->deps, &c->args));
        n += c->ncols;
    }
    Oid *types;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(node->arena, Oid, n + 2));
    s->ncols = 0;
    for (int i = 0; i < s->ncalls; i++)
        for (int k = 0; k < s->calls[i].ncols; k++) types[s->ncols++] = s->calls[i].col_types[k];
    if (s->plan->ordinality) types[s->ncols++] = TYPE_INT8;
    /* A column definition list over a function that returns records. */
    if (s->ncols != s->plan->ncols)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "column definition lists are not supported for this function yet");
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, s->ncols, types));
    TRY_ALLOC(ctx, s->out_arena, arena_create(node->arena, "function scan"));
    return exec_open_output(node);
}

static Status
start_calls(FunctionScanState *s)
{
    Ctx *ctx = s->base.ctx;
    for (int i = 0; i < s->ncalls; i++) {
        SetCall *c = &s->calls[i];
        TRY(expr_run(c->args, NULL, NULL, NULL, 1, 1));
        for (int k = 0; k < expr_count(c->args); k++) c->values[k] = vec_get(expr_result(c->args, k), 0);
        TRY(start_call(ctx, c));
    }
    s->is_started = true;
    s->ordinal = 0;
    return QN_OK;
}

static Status
put_ordinals(FunctionScanState *s, Batch *b, int n)
{
    if (!s->plan->ordinality) return QN_OK;
    Vector *v = b->cols[s->ncols - 1];
    if (!vec_reserve(s->base.arena, v, n)) return RAISE_OOM(s->base.ctx);
    vec_reset(v, PHYS_I64);
    for (int i = 0; i < n; i++) ((int64_t *)v->data)[i] = ++s->ordinal;
    return QN_OK;
}

/* Several calls side by side, row by row. */
static Status
zip(FunctionScanState *s, int *n_out)
{
    Ctx *ctx = s->base.ctx;
    int n = 0;
    arena_reset(s->out_arena);
    if (!exec_batch_reserve(s->out, BATCH_ROWS)) return RAISE_OOM(ctx);
    for (; n < BATCH_ROWS; n++) {
        bool any = false;
        for (int i = 0; i < s->ncalls; i++) {
            SetCall *c = &s->calls[i];
            if (c->at == c->n && !c->is_done) TRY(read_call(ctx, c));
            any |= c->at < c->n;
        }
        if (!any) break;
        int col = 0;
        for (int i = 0; i < s->ncalls; i++) {
            SetCall *c = &s->calls[i];
            bool has = c->at < c->n;
            for (int k = 0; k < c->ncols; k++, col++) {
                Value v = has ? vec_get(c->out[k], c->at) : value_null(c->col_types[k]);
                TRY(value_copy(ctx, s->out_arena, &v, &v));
                TRY(exec_vec_put(ctx, s->out_arena, s->out->cols[col], n, &v));
            }
            c->at += has;
        }
    }
    *n_out = n;
    return QN_OK;
}

static Status
functionscan_next(ExecNode *node, Batch **out)
{
    FunctionScanState *s = (FunctionScanState *)node;
    *out = NULL;
    if (!s->is_started) TRY(start_calls(s));
    while (*out == NULL) {
        int n;
        TRY(ctx_check_stop(node->ctx));
        if (s->ncalls == 1) {
            SetCall *c = &s->calls[0];
            TRY(read_call(node->ctx, c));
            n = c->n;
            for (int k = 0; k < c->ncols; k++) s->out->cols[k] = c->out[k];
        } else {
            TRY(zip(s, &n));
        }
        if (n == 0) return QN_OK;
        TRY(put_ordinals(s, s->out, n));
        s->out->nrows = s->out->nsel = n;
        s->out->sel = NULL;
        TRY(exec_emit(node, s->out, NULL, out));
    }
    return QN_OK;
}

static Status
functionscan_rescan(ExecNode *node, DepSet changed)
{
    (void)changed;
    ((FunctionScanState *)node)->is_started = false;
    return QN_OK;
}

static void
functionscan_close(ExecNode *node)
{
    FunctionScanState *s = (FunctionScanState *)node;
    for (int i = 0; s->calls != NULL && i < s->ncalls; i++) expr_prog_close(s->calls[i].args);
}

const ExecOps functionscan_ops = {.state_bytes = sizeof(FunctionScanState), .open = functionscan_open,
                                  .next = functionscan_next, .rescan = functionscan_rescan,
                                  .close = functionscan_close};

typedef struct ProjectSetState {
    ExecNode base;
    ExprProg *prog;     /* plain targets and all arguments */
    SetCall *calls;     /* by target; fn NULL and row NULL: a plain target */
    int *result;        /* plain targets: which result of prog */
    Batch *in;
    int in_at;
    bool row_open;
    Batch *out;
    Arena *out_arena;
} ProjectSetState;

static Status
projectset_open(ExecNode *node)
{
    ProjectSetState *s = (ProjectSetState *)node;
    Ctx *ctx = node->ctx;
    const ExprList *targets = &node->plan->targets;
    ExprList list = {0};
    Oid *types;
    int n = 0, at = 0;
    for (int i = 0; i < targets->count; i++) {
        const Expr *e = targets->items[i];
        n += e->tag == EXPR_SetFunc ? ((const SetFuncExpr *)e)->args.count : 1;
    }
    TRY_ALLOC(ctx, list.items, ARENA_ARRAY(node->arena, Expr *, n + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(node->arena, Oid, targets->count + 1));
    TRY_ALLOC(ctx, s->calls, ARENA_ARRAY(node->arena, SetCall, targets->count + 1));
    TRY_ALLOC(ctx, s->result, ARENA_ARRAY(node->arena, int, targets->count + 1));
    for (int i = 0; i < targets->count; i++) {
        Expr *e = targets->items[i];
        types[i] = e->type;
        if (e->tag != EXPR_SetFunc) {
            s->result[i] = at;
            list.items[at++] = e;
            continue;
        }
        const SetFuncExpr *f = (const SetFuncExpr *)e;
        TRY(open_call(node, &s->calls[i], e));
        s->calls[i].first_arg = at;
        for (int k = 0; k < f->args.count; k++) list.items[at++] = f->args.items[k];
    }
    list.count = list.cap = at;
    TRY(expr_compile(node->exec, &list, &node->deps, &s->prog));
    TRY_ALLOC(ctx, s->out, exec_batch_new(node->arena, targets->count, types));
    TRY_ALLOC(ctx, s->out_arena, arena_create(node->arena, "project set"));
    if (node->plan->filter.count > 0)
        TRY(expr_compile_filter(node->exec, &node->plan->filter, &node->deps, &node->filter));
    return QN_OK;
}

/* The next input row with its calls begun; s->in is NULL at the end. */
static Status
next_row(ProjectSetState *s)
{
    Ctx *ctx = s->base.ctx;
    if (s->in == NULL || ++s->in_at >= s->in->nsel) {
        TRY(exec_next(s->base.outer, &s->in));
        s->in_at = 0;
        if (s->in == NULL) return QN_OK;
        TRY(expr_run(s->prog, s->in, NULL, s->in->sel, s->in->nsel, s->in->nrows));
    }
    int row = batch_row(s->in, s->in_at);
    for (int i = 0; i < s->out->ncols; i++) {
        SetCall *c = &s->calls[i];
        if (c->row == NULL) continue;
        for (int k = 0; k < c->nargs; k++) c->values[k] = vec_get(expr_result(s->prog, c->first_arg + k), row);
        TRY(start_call(ctx, c));
    }
    s->row_open = true;
    return QN_OK;
}

/* One output row of the current input row; false when its calls are through. */
static Status
put_row(ProjectSetState *s, int at, bool *made)
{
    Ctx *ctx = s->base.ctx;
    bool any = false;
    int row = batch_row(s->in, s->in_at);
    for (int i = 0; i < s->out->ncols; i++) {
        SetCall *c = &s->calls[i];
        if (c->row == NULL) continue;
        if (c->at == c->n && !c->is_done) TRY(read_call(ctx, c));
        any |= c->at < c->n;
    }
    *made = any;
    if (!any) return QN_OK;
    for (int i = 0; i < s->out->ncols; i++) {
        SetCall *c = &s->calls[i];
        Value v;
        if (c->row == NULL) v = vec_get(expr_result(s->prog, s->result[i]), row);
        else if (c->at < c->n) v = vec_get(c->out[0], c->at++);
        else v = value_null(s->out->cols[i]->type);
        v.type = s->out->cols[i]->type;
        TRY(value_copy(ctx, s->out_arena, &v, &v));
        TRY(exec_vec_put(ctx, s->out_arena, s->out->cols[i], at, &v));
    }
    return QN_OK;
}

static Status
projectset_next(ExecNode *node, Batch **out)
{
    ProjectSetState *s = (ProjectSetState *)node;
    *out = NULL;
    while (*out == NULL) {
        int n = 0;
        arena_reset(s->out_arena);
        if (!exec_batch_reserve(s->out, BATCH_ROWS)) return RAISE_OOM(node->ctx);
        TRY(ctx_check_stop(node->ctx));
        while (n < BATCH_ROWS) {
            bool made;
            if (!s->row_open) {
                TRY(next_row(s));
                if (s->in == NULL) break;
            }
            TRY(put_row(s, n, &made));
            n += made;
            s->row_open = made;
        }
        if (n == 0) return QN_OK;
        s->out->nrows = s->out->nsel = n;
        s->out->sel = NULL;
        TRY(exec_emit(node, s->out, NULL, out));
    }
    return QN_OK;
}

static Status
projectset_rescan(ExecNode *node, DepSet changed)
{
    ProjectSetState *s = (ProjectSetState *)node;
    s->in = NULL;
    s->row_open = false;
    return exec_rescan(node->outer, changed);
}

static void
projectset_close(ExecNode *node)
{
    expr_prog_close(((ProjectSetState *)node)->prog);
}

const ExecOps projectset_ops = {.state_bytes = sizeof(ProjectSetState), .open = projectset_open,
                                .next = projectset_next, .rescan = projectset_rescan, .close = projectset_close};
