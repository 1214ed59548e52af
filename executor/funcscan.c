/* funcscan.c - set-returning functions: Function Scan (in FROM, several side by side) and ProjectSet (in a target list). A
 * call gives its rows in batches; where several run together the shorter ones are filled up with NULLs. */
#include "catalog/routine.h"
#include "executor/exec.h"
#include "executor/expr.h"
#include "executor/vecutil.h"
#include "types/record.h"
#include <assert.h>

/* One call: a set-returning function, or an ordinary expression, which gives one row. */
typedef struct SetCall {
    const SetFunction *fn; /* NULL: an expression */
    const Function *row;   /* of the function table */
    ExprProg *args;        /* its arguments, or the expression */
    int first_arg, nargs;  /* in a shared program (ProjectSet) */
    Value *values;
    Oid *arg_types;
    const Oid *col_types;  /* what the query expects; with as_record: of the fields */
    const char *const *col_names;
    const int32_t *col_typmods; /* NULL: not known */
    int ncols;
    bool as_record;        /* a row is one value (ProjectSet) */
    bool is_row;           /* its value is a row whose fields are the columns */
    Oid row_type;          /* of that row */
    int *fields;           /* which field each column is */
    Vector *rows;          /* of a set function that gives such rows */
    Vector **out;          /* rows of the current batch */
    const Oid *out_types;  /* of out's vectors */
    int nout;
    int n, at;
    void *state;
    Arena *arena; /* the node's */
    Arena *state_arena, *batch_arena;
    bool is_done;
} SetCall;

static Status
make_vectors(Ctx *ctx, Arena *arena, SetCall *c)
{
    if (c->nout == c->ncols && memcmp(c->out_types, c->col_types, sizeof(Oid) * (size_t)c->ncols) == 0) return QN_OK;
    TRY_ALLOC(ctx, c->out_types, arena_memdup(arena, c->col_types, sizeof(Oid) * (size_t)c->ncols));
    TRY_ALLOC(ctx, c->out, ARENA_ARRAY(arena, Vector *, c->ncols));
    for (int i = 0; i < c->ncols; i++) TRY_ALLOC(ctx, c->out[i], vec_create(arena, type_base(c->col_types[i]), BATCH_ROWS));
    c->nout = c->ncols;
    return QN_OK;
}

/* Where the columns are in the values of a composite type. */
static Status
open_rows(Ctx *ctx, Arena *arena, SetCall *c)
{
    TypeShape shape;
    int n = 0;
    if (c->fn != NULL) TRY_ALLOC(ctx, c->rows, vec_create(arena, c->row_type, BATCH_ROWS));
    if (c->row_type == TYPE_RECORD) return QN_OK;
    TRY(record_shape(ctx, arena, type_base(c->row_type), &shape));
    TRY_ALLOC(ctx, c->fields, ARENA_ARRAY(arena, int, shape.n + 1));
    for (int i = 0; i < shape.n && n < c->ncols; i++)
        if (shape.names[i] != NULL) c->fields[n++] = i;
    return QN_OK;
}

/* ncols, col_types: what the query expects of the call; 0 in a target list, where a row is one value. In FROM functions
 * of one row are run as sets too where they can be. */
static Status
open_call(ExecNode *node, SetCall *c, const Expr *e, int ncols, const Oid *col_types)
{
    Ctx *ctx = node->ctx;
    const ExprList *args = NULL;
    if (e->tag == EXPR_SetFunc) {
        const SetFuncExpr *f = (const SetFuncExpr *)e;
        args = &f->args;
        c->row = f->fn;
    } else if (e->tag == EXPR_Func && ncols > 0 && fn_set(((const FuncExpr *)e)->fn) != NULL) {
        const FuncExpr *f = (const FuncExpr *)e;
        args = &f->args;
        c->row = f->fn;
    }
    if (c->row != NULL) {
        c->fn = fn_set(c->row);
        if (c->fn == NULL)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "set-returning function %s is not supported yet", c->row->name);
    }
    if (routine_of(c->row) != NULL && (c->row->flags & (FN_IMMUTABLE | FN_STABLE)) == 0) node->exec->has_effects = true;
    c->arena = node->arena;
    c->nargs = args != NULL ? args->count : 0;
    TRY_ALLOC(ctx, c->values, ARENA_ARRAY(node->arena, Value, c->nargs + 1));
    TRY_ALLOC(ctx, c->arg_types, ARENA_ARRAY(node->arena, Oid, c->nargs + 1));
    for (int i = 0; i < c->nargs; i++) c->arg_types[i] = args->items[i]->type;
    c->ncols = ncols;
    c->col_types = col_types;
    c->row_type = e->type;
    c->is_row = ncols > 0 && type_is_row(e->type) && (c->fn == NULL || (c->fn->start == NULL && c->fn->col_types == NULL));
    if (ncols == 0) {
        bool has_fields = c->fn != NULL && c->fn->ncols > 0 && c->fn->col_types != NULL;
        c->as_record = c->fn != NULL && (has_fields ? c->fn->ncols > 1 : c->fn->start != NULL) && type_is_row(e->type);
        c->ncols = has_fields ? c->fn->ncols : 1;
        c->col_types = has_fields ? c->fn->col_types : &e->type;
    }
    TRY(make_vectors(ctx, node->arena, c));
    if (c->is_row) TRY(open_rows(ctx, node->arena, c));
    TRY_ALLOC(ctx, c->state_arena, arena_create(node->arena, "set function"));
    TRY_ALLOC(ctx, c->batch_arena, arena_create(node->arena, "set rows"));
    return QN_OK;
}

static void
end_call(SetCall *c)
{
    if (c->state != NULL && c->fn != NULL && c->fn->end != NULL) c->fn->end(c->state);
    c->state = NULL;
}

/* What a row really has against what the query says: of functions that return record. */
static Status
check_row_type(Ctx *ctx, const SetCall *c, int ncols, const Oid *types)
{
    Status st;
    if (ncols != c->ncols) {
        st = RAISE(ctx, ERR_DATATYPE_MISMATCH, "function return row and query-specified return row do not match");
        return err_detail(ctx, st, ncols == 1 ? "Returned row contains %d attribute, but query expects %d."
                                              : "Returned row contains %d attributes, but query expects %d.",
                          ncols, c->ncols);
    }
    for (int i = 0; i < ncols; i++) {
        const char *is, *wanted;
        const Cast *cast = cast_find(types[i], c->col_types[i]);
        if (type_base(types[i]) == type_base(c->col_types[i]) || (cast != NULL && cast->method == CAST_BINARY)) continue;
        TRY(type_format(ctx, ctx->stmt_arena, types[i], -1, &is));
        TRY(type_format(ctx, ctx->stmt_arena, c->col_types[i], -1, &wanted));
        st = RAISE(ctx, ERR_DATATYPE_MISMATCH, "function return row and query-specified return row do not match");
        return err_detail(ctx, st, "Returned type %s at ordinal position %d, but query expects %s.", is, i + 1, wanted);
    }
    return QN_OK;
}

static Status
start_user_call(Ctx *ctx, SetCall *c)
{
    SetCallArgs call = {.fn = c->row, .args = c->values, .nargs = c->nargs, .arg_types = c->arg_types,
                        .ncols = c->ncols, .col_types = c->col_types, .col_names = c->col_names,
                        .col_typmods = c->col_typmods};
    TRY(c->fn->start(ctx, c->state_arena, &call, &c->state));
    if (!c->as_record) return check_row_type(ctx, c, call.ncols, call.col_types);
    c->ncols = call.ncols;
    c->col_types = call.col_types;
    c->col_names = call.col_names;
    return make_vectors(ctx, c->arena, c);
}

/* Begins a call with its argument values. */
static Status
start_call(Ctx *ctx, SetCall *c)
{
    c->n = c->at = 0;
    c->is_done = false;
    end_call(c);
    arena_reset(c->state_arena);
    if (c->fn == NULL) return QN_OK;
    if ((c->row->flags & (FN_STRICT | FN_SRF)) == (FN_STRICT | FN_SRF)) {
        for (int i = 0; i < c->nargs; i++) {
            if (!c->values[i].is_null) continue;
            c->is_done = true;
            return QN_OK;
        }
    }
    for (int i = 0; i < c->nargs; i++) TRY(value_copy(ctx, c->state_arena, &c->values[i], &c->values[i]));
    if (c->fn->start != NULL) return start_user_call(ctx, c);
    return c->fn->open(ctx, c->state_arena, c->values, c->nargs, c->arg_types, &c->state);
}

/* Row `at` of the columns from the fields of a row value. */
static Status
put_fields(Ctx *ctx, SetCall *c, const Value *v, int at)
{
    int n = v->is_null ? c->ncols : record_count(&v->str);
    if (c->fields == NULL && !v->is_null) { /* a record says itself what is in it */
        Oid *types;
        TRY_ALLOC(ctx, types, ARENA_ARRAY(c->batch_arena, Oid, n + 1));
        for (int i = 0; i < n; i++) types[i] = record_field(&v->str, i).type;
        TRY(check_row_type(ctx, c, n, types));
    }
    for (int i = 0; i < c->ncols; i++) {
        int field = c->fields != NULL ? c->fields[i] : i;
        Value f = v->is_null || field >= n ? value_null(c->col_types[i]) : record_field(&v->str, field);
        f.type = c->out[i]->type;
        TRY(exec_vec_put(ctx, c->batch_arena, c->out[i], at, &f));
    }
    return QN_OK;
}

/* The one row of an expression: itself, or its fields. */
static Status
read_expression(Ctx *ctx, SetCall *c)
{
    Value v = c->values[0];
    c->is_done = true;
    c->n = 1;
    if (c->is_row) return put_fields(ctx, c, &v, 0);
    v.type = c->out[0]->type;
    return exec_vec_put(ctx, c->batch_arena, c->out[0], 0, &v);
}

/* Of a function that gives rows as values, in FROM. */
static Status
read_row_values(Ctx *ctx, SetCall *c)
{
    vec_reset(c->rows, PHYS_STR);
    TRY(c->fn->next(ctx, c->state, c->batch_arena, &c->rows, &c->n));
    for (int i = 0; i < c->n; i++) {
        Value v = vec_get(c->rows, i);
        TRY(put_fields(ctx, c, &v, i));
    }
    if (c->n == 0) c->is_done = true;
    return QN_OK;
}

/* The next rows; c->n is 0 and c->is_done at the end. */
static Status
read_call(Ctx *ctx, SetCall *c)
{
    c->n = c->at = 0;
    if (c->is_done) return QN_OK;
    arena_reset(c->batch_arena);
    for (int i = 0; i < c->ncols; i++) vec_reset(c->out[i], type_phys(c->col_types[i], -1));
    if (c->fn == NULL) return read_expression(ctx, c);
    if (c->is_row) return read_row_values(ctx, c);
    TRY(c->fn->next(ctx, c->state, c->batch_arena, c->out, &c->n));
    if (c->n == 0) c->is_done = true;
    return QN_OK;
}

/* Row `at` of the batch as one value. */
static Status
row_value(Ctx *ctx, SetCall *c, Arena *arena, Value *out)
{
    Value *fields;
    if (!c->as_record) {
        *out = vec_get(c->out[0], c->at);
        return QN_OK;
    }
    TRY_ALLOC(ctx, fields, ARENA_ARRAY(arena, Value, c->ncols + 1));
    for (int i = 0; i < c->ncols; i++) fields[i] = vec_get(c->out[i], c->at);
    const Routine *r = routine_of(c->row);
    if (r != NULL && r->ncols > 0) return routine_row(ctx, arena, r, fields, out);
    *out = value_null(type_base(c->row_type));
    out->is_null = false;
    out->phys = PHYS_STR;
    if (out->type != TYPE_RECORD) return composite_make(ctx, arena, out->type, fields, &out->str);
    const char *const *names = c->fn->ncols > 0 ? c->fn->col_names : c->col_names;
    return names != NULL ? record_make_named(ctx, arena, fields, names, c->ncols, &out->str)
                         : record_make(ctx, arena, fields, c->ncols, &out->str);
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
        TRY(open_call(node, c, e, s->plan->call_ncols[i], s->plan->col_types + n));
        c->col_names = s->plan->col_names + n;
        c->col_typmods = s->plan->col_typmods + n;
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
        for (int k = 0; k < s->calls[i].ncols; k++) types[s->ncols++] = type_base(s->calls[i].col_types[k]);
    if (s->plan->ordinality) types[s->ncols++] = TYPE_INT8;
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
    for (int i = 0; s->calls != NULL && i < s->ncalls; i++) {
        end_call(&s->calls[i]);
        expr_prog_close(s->calls[i].args);
    }
}

static void
functionscan_release(ExecNode *node)
{
    FunctionScanState *s = (FunctionScanState *)node;
    for (int i = 0; s->calls != NULL && i < s->ncalls; i++) end_call(&s->calls[i]);
}

const ExecOps functionscan_ops = {.state_bytes = sizeof(FunctionScanState), .open = functionscan_open,
                                  .next = functionscan_next, .rescan = functionscan_rescan,
                                  .release = functionscan_release, .close = functionscan_close};

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
        types[i] = type_base(e->type);
        if (e->tag != EXPR_SetFunc) {
            s->result[i] = at;
            list.items[at++] = e;
            continue;
        }
        const SetFuncExpr *f = (const SetFuncExpr *)e;
        TRY(open_call(node, &s->calls[i], e, 0, NULL));
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
        else if (c->at < c->n) {
            TRY(row_value(ctx, c, s->out_arena, &v));
            c->at++;
        } else v = value_null(s->out->cols[i]->type);
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
projectset_release(ExecNode *node)
{
    ProjectSetState *s = (ProjectSetState *)node;
    for (int i = 0; s->calls != NULL && i < node->plan->targets.count; i++) end_call(&s->calls[i]);
}

static void
projectset_close(ExecNode *node)
{
    projectset_release(node);
    expr_prog_close(((ProjectSetState *)node)->prog);
}

const ExecOps projectset_ops = {.state_bytes = sizeof(ProjectSetState), .open = projectset_open,
                                .next = projectset_next, .rescan = projectset_rescan, .release = projectset_release,
                                .close = projectset_close};
