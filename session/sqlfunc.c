/* sqlfunc.c - LANGUAGE sql: functions whose body is statements.
 *
 * A body in use is a Body: its statements prepared, for one version of the function and one choice of polymorphic types. Bodies are
 * kept with the session and used again by later calls, whatever statement makes them; one that is running (is_busy) is not
 * entered again, so that recursion takes another.
 *
 * The statements run inside the calling one: they leave its transaction alone. A volatile function's see what was done so far, those of
 * others what the caller sees. */
#include "session/sqlfunc.h"
#include "catalog/routine.h"
#include "executor/rowstore.h"
#include "executor/vecutil.h"
#include "parser/parse.h"
#include "session/stmt.h"
#include "session/utility.h"
#include "types/kernel.h"
#include "types/record.h"
#include "types/array.h"

struct Body {
    Body *next;
    Arena *arena;
    const Routine *routine;
    FuncEnv env, result_env; /* of the statements before the last, and of the last */
    Stmt **stmts;
    int nstmts;
    bool is_busy;
};

/* ---- making ---- */

static void
body_free(Body *b)
{
    for (int i = 0; i < b->nstmts; i++) stmt_destroy(b->stmts[i]);
    arena_destroy(b->arena);
}

void
sqlfunc_forget_all(Session *s)
{
    while (s->bodies != NULL) {
        Body *next = s->bodies->next;
        body_free(s->bodies);
        s->bodies = next;
    }
}

static bool
same_types(const Routine *a, const Routine *b)
{
    return a->fn.oid == b->fn.oid && a->fn.nargs == b->fn.nargs && a->fn.result == b->fn.result &&
           memcmp(a->args, b->args, sizeof(Oid) * (size_t)a->fn.nargs) == 0 && a->ncols == b->ncols &&
           (a->ncols == 0 || memcmp(a->col_types, b->col_types, sizeof(Oid) * (size_t)a->ncols) == 0);
}

/* What the call's plan holds goes with the plan: a copy that stays, with the call's types. */
static Status
copy_routine(Ctx *ctx, Arena *arena, const Routine *r, const Routine **out)
{
    const Routine *plain;
    const char **names;
    TRY(catalog_routine(ctx, arena, r->fn.oid, &plain));
    if (plain == NULL)
        return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "function with OID %u does not exist", r->fn.oid);
    TRY(routine_specialise(ctx, arena, plain, r->args, r->col_types, r->fn.result, &plain));
    *out = plain;
    if (plain->ncols == r->ncols) return QN_OK;
    TRY_ALLOC(ctx, names, ARENA_ARRAY(arena, const char *, r->ncols + 1));
    for (int i = 0; i < r->ncols; i++) TRY_ALLOC(ctx, names[i], arena_strdup(arena, r->col_names[i]));
    return routine_with_columns(ctx, arena, plain, r->ncols, names, r->col_types, out);
}

static Status
set_env(Ctx *ctx, Body *b)
{
    const Routine *r = b->routine;
    const char **names;
    TRY_ALLOC(ctx, names, ARENA_ARRAY(b->arena, const char *, r->fn.nargs + 1));
    for (int i = 0; i < r->fn.nargs; i++) names[i] = r->params[routine_input_param(r, i)].name;
    b->env = (FuncEnv){.name = r->fn.name, .nparams = r->fn.nargs, .param_names = names, .param_types = r->args,
                       .result = r->fn.result, .ncols = r->ncols, .col_types = r->col_types,
                       .col_typmods = r->col_typmods};
    b->result_env = b->env;
    b->result_env.is_result = true;
    return QN_OK;
}

static const char *
transaction_command_name(const TransactionStmt *t)
{
    switch (t->kind) {
    case AST_TRANS_BEGIN: return "BEGIN";
    case AST_TRANS_START: return "START TRANSACTION";
    case AST_TRANS_COMMIT: return "COMMIT";
    case AST_TRANS_SAVEPOINT: return "SAVEPOINT";
    case AST_TRANS_RELEASE: return "RELEASE";
    default: return "ROLLBACK";
    }
}

static Status
add_statement(Session *s, Body *b, const Ast *ast, bool is_last)
{
    Ctx *ctx = &s->ctx;
    Stmt *stmt;
    if (ast->tag == AST_TransactionStmt)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not allowed in an SQL function",
                     transaction_command_name(AST_AS(TransactionStmt, ast)));
    TRY(stmt_from_ast(s, b->routine->body, ast, NULL, 0, &stmt));
    stmt->is_exclusive = stmt->is_nested = true;
    stmt->sees_caller = b->routine->volatility != 'v';
    stmt->env = is_last ? &b->result_env : &b->env;
    stmt->search_path = b->routine->is_atomic ? b->routine->path : NULL;
    b->stmts[b->nstmts++] = stmt;
    if (stmt->is_utility && stmt->sees_caller)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not allowed in a non-volatile function",
                     ast_command_name(ast));
    if (is_last && stmt->is_utility && b->routine->fn.result != TYPE_VOID && b->routine->kind == ROUTINE_FUNCTION)
        return err_detail(ctx, RAISE(ctx, ERR_INVALID_FUNCTION_DEFINITION,
                                     "return type mismatch in function declared to return %s", b->env.name),
                          "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.");
    return QN_OK;
}

static Status
body_make(Session *s, const Routine *r, Body **out)
{
    Ctx *ctx = &s->ctx;
    AstList list;
    Body *b = NULL;
    Status st;
    Arena *arena = arena_create_account(NULL, "function", &s->mem);
    if (arena == NULL) return RAISE_OOM(ctx);
    TRY_ALLOC_GOTO(ctx, b, ARENA_NEW(arena, Body));
    b->arena = arena;
    TRY_GOTO(copy_routine(ctx, arena, r, &b->routine));
    TRY_GOTO(set_env(ctx, b));
    TRY_GOTO(parse_routine_body(ctx, arena, b->routine->body, b->routine->is_atomic, &list));
    TRY_ALLOC_GOTO(ctx, b->stmts, ARENA_ARRAY(arena, Stmt *, list.count + 1));
    for (int i = 0; i < list.count; i++) TRY_GOTO(add_statement(s, b, list.items[i], i == list.count - 1));
    *out = b;
    return QN_OK;
done:
    if (b != NULL)
        body_free(b);
    else
        arena_destroy(arena);
    return st;
}

/* One that is free, with its plans from before, or a new one. */
static Status
body_take(Session *s, const Routine *r, Body **out)
{
    Body **p = &s->bodies;
    uint64_t version = catalog_relation_version(&s->ctx, r->fn.oid);
    while (*p != NULL) {
        Body *b = *p;
        if (!b->is_busy && b->routine->fn.oid == r->fn.oid && b->routine->version != version) {
            *p = b->next;
            body_free(b);
            continue;
        }
        if (!b->is_busy && same_types(b->routine, r)) {
            b->is_busy = true;
            *out = b;
            return QN_OK;
        }
        p = &b->next;
    }
    TRY(body_make(s, r, out));
    (*out)->is_busy = true;
    (*out)->next = s->bodies;
    s->bodies = *out;
    return QN_OK;
}

/* ---- running ---- */

/* SET clauses of the function hold while it runs. */
static Status
apply_config(Session *s, const Routine *r)
{
    for (int i = 0; i + 1 < r->nconfig; i += 2) TRY(settings_set(s, r->config[i], r->config[i + 1], true));
    return QN_OK;
}

static Status
bind_arguments(Stmt *stmt, const Value *args, int nargs)
{
    TRY(stmt->is_utility ? stmt_params(stmt, nargs) : stmt_plan_nested(stmt));
    for (int i = 0; i < nargs; i++) TRY(stmt_bind(stmt, i + 1, &args[i]));
    return QN_OK;
}

/* Runs the statements; take (NULL: nobody wants them) gets the rows of the last one, and says when it has enough. */
static Status
run_statements(Body *b, const Value *args, Status (*take)(Stmt *stmt, void *arg, bool *enough_out), void *arg)
{
    Session *s = b->nstmts > 0 ? b->stmts[0]->s : NULL;
    for (int i = 0; i < b->nstmts; i++) {
        Stmt *stmt = b->stmts[i];
        bool has_row = true, enough = false;
        Status st = bind_arguments(stmt, args, b->routine->fn.nargs);
        while (st == QN_OK && has_row && !enough) {
            st = stmt_step(stmt, &has_row);
            if (st == QN_OK && has_row && i == b->nstmts - 1 && take != NULL) st = take(stmt, arg, &enough);
        }
        if (st == QN_OK && has_row) st = stmt_reset(stmt);
        if (st != QN_OK) {
            stmt_stop(stmt);
            s->ctx.err.position = 0; /* it is in the body */
            return err_context(&s->ctx, st, "SQL function \"%s\" statement %d", b->routine->fn.name, i + 1);
        }
    }
    return QN_OK;
}

static Status
run_body(Session *s, Body *b, const Value *args, Status (*take)(Stmt *stmt, void *arg, bool *enough_out), void *arg)
{
    int mark = s->nundo;
    TRY(ctx_check_depth(&s->ctx));
    Status st = apply_config(s, b->routine);
    if (st == QN_OK) st = run_statements(b, args, take, arg);
    if (b->routine->nconfig > 0) settings_at_rollback(s, mark);
    return st;
}

/* ---- one value a call ---- */

typedef struct OneValue {
    Ctx *ctx;
    Arena *arena;
    const Routine *routine;
    Value value;
} OneValue;

/* One column that is the whole composite value, not one attribute of it. */
static bool
gives_whole_row(const Stmt *stmt, const Routine *r)
{
    return r->ncols > 0 && !stmt->is_utility && stmt->plan->ncols == 1 && type_is_row(stmt->plan->col_types[0]) &&
           ((r->fn.result == TYPE_RECORD && r->ncols > 1) || type_base(stmt->plan->col_types[0]) == type_base(r->fn.result));
}

/* A record's fields must be what the OUT parameters say. */
static Status
check_record(Ctx *ctx, const Routine *r, const Value *v)
{
    if (r->fn.result != TYPE_RECORD || r->ncols == 0 || v->is_null) return QN_OK;
    int n = record_count(&v->str);
    bool same = n == r->ncols;
    for (int i = 0; same && i < n; i++) same = record_field(&v->str, i).type == type_base(r->col_types[i]);
    if (same) return QN_OK;
    return RAISE(ctx, ERR_DATATYPE_MISMATCH, "function return row and query-specified return row do not match");
}

/* The row of the statement as the function's value. */
static Status
take_value(Stmt *stmt, void *arg, bool *enough_out)
{
    OneValue *o = arg;
    const Routine *r = o->routine;
    int n = stmt_column_count(stmt);
    Value *fields;
    *enough_out = !stmt->is_utility && !stmt->plan->modifies;
    if (!o->value.is_null || r->fn.result == TYPE_VOID) return QN_OK;
    if ((r->ncols == 0 && r->fn.result != TYPE_RECORD) || gives_whole_row(stmt, r)) {
        Value v;
        if (!stmt_value(stmt, 0, &v)) return QN_OK;
        TRY(check_record(o->ctx, r, &v));
        v.type = type_base(r->fn.result);
        TRY(value_default_form(o->ctx, o->arena, &v, &v));
        return value_copy(o->ctx, o->arena, &v, &o->value);
    }
    TRY_ALLOC(o->ctx, fields, ARENA_ARRAY(o->arena, Value, n + 1));
    for (int i = 0; i < n; i++)
        if (!stmt_value(stmt, i, &fields[i])) fields[i] = value_null(TYPE_TEXT);
    if (r->ncols > 0) return routine_row(o->ctx, o->arena, r, fields, &o->value);
    o->value.is_null = false;
    o->value.phys = PHYS_STR;
    return record_make(o->ctx, o->arena, fields, n, &o->value.str);
}

static Status
call_once(Session *s, const Routine *r, Arena *arena, const Value *args, Value *out)
{
    Body *b;
    OneValue one = {.ctx = &s->ctx, .arena = arena, .value = value_null(r->fn.result)};
    TRY(body_take(s, r, &b));
    one.routine = b->routine;
    Status st = run_body(s, b, args, take_value, &one);
    b->is_busy = false;
    *out = one.value;
    return st;
}

Status
fn_sql_routine(KernelCall *call)
{
    const Routine *r = routine_of(call->fn);
    Value *args;
    TRY_ALLOC(call->ctx, args, ARENA_ARRAY(call->arena, Value, call->nargs + 1));
    ROWS(call, i) {
        Value v;
        for (int k = 0; k < call->nargs; k++) args[k] = vec_get(call->args[k], i);
        TRY(ctx_check_stop(call->ctx));
        TRY(call_once(session_of(call->ctx), r, call->arena, args, &v));
        if (v.is_null)
            out_set_null(call, i);
        else
            vec_put(call->out, i, &v);
    }
    return QN_OK;
}

Status
sqlfunc_call(Session *s, const Routine *r, Arena *arena, const Value *args, Value *out)
{
    return call_once(s, r, arena, args, out);
}

/* ---- sets ---- */

/* The rows of one call: all of them, made at its start. */
typedef struct RowSet {
    Ctx *ctx;
    const Routine *routine;
    RowStore *store;
    Arena *arena;
    int ncols;
    Oid *types;
    Batch *one; /* room for a row */
    int64_t at;
} RowSet;

static Status
set_store(RowSet *set, const Oid *types, int ncols)
{
    Ctx *ctx = set->ctx;
    set->ncols = ncols;
    TRY_ALLOC(ctx, set->types, arena_alloc(set->arena, sizeof(Oid) * (size_t)(ncols + 1)));
    if (ncols > 0) memcpy(set->types, types, sizeof(Oid) * (size_t)ncols);
    return rowstore_new(ctx, set->arena, ncols, set->types, (size_t)ctx->settings->work_mem * 1024, &set->store);
}

/* A row that came as one composite value: its attributes. */
static Status
take_record(Stmt *stmt, RowSet *set)
{
    const Routine *r = set->routine;
    Value v;
    if (!stmt_value(stmt, 0, &v)) return QN_OK;
    TRY(check_record(set->ctx, r, &v));
    if (set->one == NULL) TRY_ALLOC(set->ctx, set->one, exec_batch_new(set->arena, set->ncols, set->types));
    if (!exec_batch_reserve(set->one, 1)) return RAISE_OOM(set->ctx);
    for (int i = 0; i < set->ncols; i++) {
        int field = r->col_fields != NULL ? r->col_fields[i] : i;
        Value f = v.is_null || field >= record_count(&v.str) ? value_null(set->types[i]) : record_field(&v.str, field);
        TRY(exec_vec_put(set->ctx, set->arena, set->one->cols[i], 0, &f));
    }
    set->one->nrows = set->one->nsel = 1;
    return rowstore_append(set->store, set->one);
}

/* The statement's batch as it lies there, from the row at hand on. */
static Status
take_rows(Stmt *stmt, void *arg, bool *enough_out)
{
    RowSet *set = arg;
    Batch *b = stmt->batch, rest = *b;
    *enough_out = false;
    if (set->store == NULL) {
        Oid *types;
        TRY_ALLOC(set->ctx, types, ARENA_ARRAY(set->arena, Oid, stmt->plan->ncols + 1));
        for (int i = 0; i < stmt->plan->ncols; i++) types[i] = stmt->plan->col_types[i];
        TRY(set_store(set, types, stmt->plan->ncols));
    }
    if (gives_whole_row(stmt, set->routine)) return take_record(stmt, set);
    if (stmt->row > 0) return RAISE_INTERNAL(set->ctx, "rows of a function are taken by batches");
    rest.ncols = set->ncols;
    TRY(rowstore_append(set->store, &rest));
    stmt->row = b->nsel - 1;
    return QN_OK;
}

static void
rows_end(void *state)
{
    RowSet *set = state;
    rowstore_free(set->store);
    set->store = NULL;
}

static Status
rows_start(Ctx *ctx, Arena *arena, SetCallArgs *call, void **state_out)
{
    Session *s = session_of(ctx);
    const Routine *r = routine_of(call->fn);
    RowSet *set;
    Body *b;
    TRY_ALLOC(ctx, set, ARENA_NEW(arena, RowSet));
    set->ctx = ctx;
    set->arena = arena;
    *state_out = set;
    TRY(body_take(s, r, &b));
    set->routine = b->routine;
    Status st = QN_OK;
    bool is_void = r->fn.result == TYPE_VOID;
    if (r->ncols > 0)
        st = set_store(set, r->col_types, r->ncols);
    else if (r->fn.result != TYPE_RECORD)
        st = set_store(set, &r->fn.result, 1);
    if (st == QN_OK) st = run_body(s, b, call->args, is_void ? NULL : take_rows, set);
    b->is_busy = false;
    TRY(st);
    if (set->store == NULL) TRY(set_store(set, call->col_types, call->ncols));
    call->ncols = set->ncols;
    call->col_types = set->types;
    return QN_OK;
}

static Status
rows_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    RowSet *set = state;
    Batch batch = {.ncols = set->ncols, .cols = out, .arena = arena};
    (void)ctx;
    TRY(rowstore_read(set->store, set->at, BATCH_ROWS, &batch, n_out));
    set->at += *n_out;
    return QN_OK;
}

const SetFunction sql_routine_rows = {.start = rows_start, .next = rows_next, .end = rows_end, .rows = 1000};

/* ---- CREATE FUNCTION ---- */

static Status
check_body(Session *s, const Routine *r, Body **out)
{
    Ctx *ctx = &s->ctx;
    bool is_last_result = r->fn.result != TYPE_VOID && r->kind == ROUTINE_FUNCTION;
    TRY(body_make(s, r, out));
    Body *b = *out;
    for (int i = 0; i < b->nstmts; i++)
        TRY(b->stmts[i]->is_utility ? ddl_check_call(b->stmts[i]) : stmt_plan_nested(b->stmts[i]));
    if (b->nstmts == 0 && is_last_result) {
        const char *type;
        TRY(type_format(ctx, ctx->stmt_arena, r->fn.result, -1, &type));
        return err_detail(ctx, RAISE(ctx, ERR_INVALID_FUNCTION_DEFINITION,
                                     "return type mismatch in function declared to return %s", type),
                          "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.");
    }
    return QN_OK;
}

Status
language_sql_validate(Ctx *ctx, const Routine *r)
{
    AstList list;
    Body *b = NULL;
    bool polymorphic = false;
    for (int i = 0; i < r->fn.nargs; i++) polymorphic |= type_info(r->args[i])->category == TYPCAT_PSEUDO;
    Status st = QN_OK;
    if (polymorphic) /* its types are known when it is called */
        st = parse_routine_body(ctx, ctx->stmt_arena, r->body, r->is_atomic, &list);
    else
        st = check_body(session_of(ctx), r, &b);
    if (b != NULL) body_free(b);
    if (st == QN_OK) return QN_OK;
    ctx->err.position = 0;
    return err_context(ctx, st, "SQL function \"%s\"", r->fn.name);
}

/* A C function's code lies in a library of the application's; there is no loading of such. */
Status
language_c_validate(Ctx *ctx, const Routine *r)
{
    return RAISE(ctx, ERR_UNDEFINED_FILE, "could not access file \"%s\": No such file or directory", r->body);
}

Status
language_internal_validate(Ctx *ctx, const Routine *r)
{
    for (int i = 0; i < fn_count(); i++)
        if (fn_at(i)->kernel != NULL && strcmp(fn_at(i)->src, r->body) == 0) return QN_OK;
    return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "there is no built-in function named \"%s\"", r->body);
}
