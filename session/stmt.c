/* stmt.c - preparing, running and ending statements. See stmt.h for states and memory. */
#include "session/stmt.h"
#include "executor/constraints.h"
#include "storage/activity.h"
#include "parser/parse.h"
#include "session/utility.h"
#include "storage/lock.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- kinds ---- */

bool
ast_is_plannable(const Ast *ast)
{
    switch (ast->tag) {
    case AST_SelectStmt: {
        /* SELECT INTO is CREATE TABLE AS; the clause is on the leftmost SELECT. */
        const SelectStmt *q = AST_AS(SelectStmt, ast);
        while (q->setop != AST_SETOP_NONE) q = AST_AS(SelectStmt, q->setop_args.items[0]);
        return q->into == NULL;
    }
    case AST_InsertStmt:
    case AST_UpdateStmt:
    case AST_DeleteStmt:
    case AST_MergeStmt: return true;
    default: return false;
    }
}

bool
ast_with_modifies(const Ast *query)
{
    if (!ast_is(query, SelectStmt) || AST_AS(SelectStmt, query)->with == NULL) return false;
    const AstList *ctes = &AST_AS(WithClause, AST_AS(SelectStmt, query)->with)->ctes;
    for (int i = 0; i < ctes->count; i++)
        if (!ast_is(AST_AS(CommonTableExpr, ctes->items[i])->query, SelectStmt)) return true;
    return false;
}

const char *
ast_command_name(const Ast *ast)
{
    switch (ast->tag) {
    case AST_SelectStmt: return "SELECT";
    case AST_InsertStmt: return "INSERT";
    case AST_UpdateStmt: return "UPDATE";
    case AST_DeleteStmt: return "DELETE";
    case AST_MergeStmt: return "MERGE";
    default: return utility_command_name(ast);
    }
}

/* ---- making and freeing ---- */

static Status
stmt_new(Session *s, Stmt **out)
{
    Ctx *ctx = &s->ctx;
    Stmt *stmt;
    TRY_ALLOC(ctx, stmt, mem_zalloc(NULL, sizeof(*stmt)));
    stmt->s = s;
    stmt->serial = ++s->last_serial;
    stmt->affected = -1;
    stmt->next = s->stmts;
    if (s->stmts != NULL) s->stmts->prev = stmt;
    s->stmts = stmt;
    *out = stmt;
    TRY_ALLOC(ctx, stmt->arena, arena_create(s->arena, "statement"));
    TRY_ALLOC(ctx, stmt->plan_arena, arena_create(stmt->arena, "plan"));
    TRY_ALLOC(ctx, stmt->run_arena, arena_create(stmt->arena, "run"));
    TRY_ALLOC(ctx, stmt->text_arena, arena_create(stmt->arena, "text"));
    return QN_OK;
}

static void
drop_plan(Stmt *stmt)
{
    exec_destroy(stmt->exec);
    stmt->exec = NULL;
    stmt->plan = NULL;
    relpins_release(&stmt->s->ctx, &stmt->pins);
    if (stmt->plan_arena != NULL) arena_reset(stmt->plan_arena);
}

static void end_run(Stmt *stmt);

void
stmt_destroy(Stmt *stmt)
{
    if (stmt == NULL) return;
    Session *s = stmt->s;
    end_run(stmt);
    drop_plan(stmt);
    if (stmt->prev != NULL)
        stmt->prev->next = stmt->next;
    else
        s->stmts = stmt->next;
    if (stmt->next != NULL) stmt->next->prev = stmt->prev;
    for (int i = 0; i < stmt->nparams; i++) free(stmt->params[i].buf);
    free(stmt->params);
    arena_destroy(stmt->arena);
    mem_free(NULL, stmt, sizeof(*stmt));
}

/* Those bound stay. */
Status
stmt_params(Stmt *stmt, int n)
{
    if (n <= stmt->nparams) return QN_OK;
    StmtParam *p = mem_should_fail() ? NULL : realloc(stmt->params, (size_t)n * sizeof(*p));
    if (p == NULL) return RAISE_OOM(&stmt->s->ctx);
    memset(p + stmt->nparams, 0, (size_t)(n - stmt->nparams) * sizeof(*p));
    stmt->params = p;
    for (int i = stmt->nparams; i < n; i++) p[i].value = value_null(INVALID_OID);
    stmt->nparams = n;
    return QN_OK;
}

bool
stmt_bind_in_place(Stmt *stmt, int i, const Value *v)
{
    StmtParam *p = &stmt->params[i - 1];
    if (!v->is_null && v->phys == PHYS_STR && v->str.len > STR_INLINE_MAX) return false;
    p->value = *v;
    p->is_bound = true;
    return true;
}

Status
stmt_bind(Stmt *stmt, int i, const Value *v)
{
    StmtParam *p = &stmt->params[i - 1];
    if (stmt_bind_in_place(stmt, i, v)) return QN_OK;
    p->value = *v;
    p->is_bound = true;
    if (v->str.len > p->cap) {
        char *buf = mem_should_fail() ? NULL : realloc(p->buf, v->str.len);
        if (buf == NULL) {
            p->value = value_null(v->type);
            return RAISE_OOM(&stmt->s->ctx);
        }
        p->buf = buf;
        p->cap = v->str.len;
    }
    memcpy(p->buf, v->str.ptr, v->str.len);
    p->value.str = str_make(p->buf, v->str.len);
    return QN_OK;
}

/* ---- planning ---- */

/* With the search_path it was written for, if it has one of its own. */
static Status
plan_nested(Stmt *stmt, Plan **out)
{
    Ctx *ctx = &stmt->s->ctx;
    const struct Settings *before = ctx->settings;
    Settings *settings;
    if (stmt->search_path != NULL) {
        TRY_ALLOC(ctx, settings, arena_memdup(stmt->plan_arena, before, sizeof(*settings)));
        settings->search_path = stmt->search_path;
        ctx->settings = settings;
    }
    Status st = plan_body_statement(ctx, stmt->plan_arena, stmt->sql, stmt->ast, stmt->env, out);
    ctx->settings = before;
    return st;
}

static Status
make_plan(Stmt *stmt)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    int old_ncols = stmt->plan != NULL ? stmt->plan->ncols : -1;
    Oid *old_types = NULL;
    if (old_ncols > 0 && stmt->fixed_result) {
        TRY_ALLOC(ctx, old_types,
                  arena_memdup(stmt->run_arena, stmt->plan->col_types, (size_t)old_ncols * sizeof(Oid)));
    }
    drop_plan(stmt);

    Arena *before = ctx->stmt_arena;
    RelPins *pins = catalog_pins_use(ctx, &stmt->pins);
    ctx->stmt_arena = stmt->plan_arena;
    uint64_t generation = catalog_generation(ctx);
    Plan *plan = NULL;
    Status st = stmt->env != NULL ? plan_nested(stmt, &plan)
                                  : plan_statement(ctx, stmt->plan_arena, stmt->sql, stmt->ast, stmt->declared,
                                                   stmt->ndeclared, &plan);
    ctx->stmt_arena = before;
    catalog_pins_use(ctx, pins);
    TRY(st);
    if (old_types != NULL && (plan->ncols != old_ncols ||
                              memcmp(plan->col_types, old_types, (size_t)old_ncols * sizeof(Oid)) != 0))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
    stmt->plan = plan;
    stmt->generation = generation;
    stmt->settings_generation = s->settings_generation;
    return stmt_params(stmt, plan->nparams);
}

Status
stmt_plan(Stmt *stmt)
{
    Session *s = stmt->s;
    if (stmt->is_utility || stmt->plan != NULL) return QN_OK;
    TRY(session_check_block(s));
    /* Sizes are read from pages, which only a transaction's snapshot keeps from being freed meanwhile. */
    bool own_tx = s->ctx.tx == NULL;
    if (own_tx) {
        TRY(tx_begin(&s->ctx, TX_READ_COMMITTED, true));
        Status st = tx_command_begin(&s->ctx);
        if (st != QN_OK) {
            tx_rollback(&s->ctx);
            return st;
        }
    }
    Status st = make_plan(stmt);
    if (own_tx) {
        tx_command_end(&s->ctx);
        tx_rollback(&s->ctx);
    }
    return st;
}

Status
stmt_plan_nested(Stmt *stmt)
{
    return stmt->is_utility || stmt->plan != NULL ? QN_OK : make_plan(stmt);
}

Status
session_plan_query(Ctx *ctx, const char *sql, size_t nbytes, void **plan_out)
{
    /* Where the running statement's memory is: the plan is used within its run. */
    Arena *arena = ctx->stmt_arena;
    size_t consumed;
    char *copy;
    Ast *ast;
    Plan *plan;
    TRY_ALLOC(ctx, copy, arena_strndup(arena, sql, nbytes));
    TRY(parse_sql(ctx, arena, copy, nbytes, &ast, &consumed));
    TRY(plan_statement(ctx, arena, copy, ast, NULL, 0, &plan));
    *plan_out = plan;
    return QN_OK;
}

Status
session_plan_index(Ctx *ctx, Arena *arena, const void *rel, const void *index, void *out)
{
    return plan_index_exprs(ctx, arena, rel, index, out);
}

Status
stmt_prepare(Session *s, const char *sql, size_t nbytes, Stmt **out, size_t *consumed_out)
{
    Ctx *ctx = &s->ctx;
    Stmt *stmt = NULL;
    Status st;
    Arena *before = ctx->stmt_arena;
    *out = NULL;
    *consumed_out = nbytes;
    TRY_GOTO(stmt_new(s, &stmt));
    ctx->stmt_arena = stmt->plan_arena;
    TRY_GOTO(parse_sql(ctx, stmt->arena, sql, nbytes, &stmt->ast, consumed_out));
    if (stmt->ast == NULL) {
        ctx->stmt_arena = before;
        stmt_destroy(stmt);
        return QN_OK;
    }
    stmt->sql_bytes = *consumed_out;
    TRY_ALLOC_GOTO(ctx, stmt->sql, arena_strndup(stmt->arena, sql, stmt->sql_bytes));
    stmt->is_utility = !ast_is_plannable(stmt->ast);
    if (stmt->is_utility) TRY_GOTO(utility_describe(stmt));
    ctx->stmt_arena = before;
    *out = stmt;
    return QN_OK;
done:
    ctx->stmt_arena = before;
    stmt_destroy(stmt);
    return st;
}

Status
stmt_from_ast(Session *s, const char *sql, const Ast *ast, const Oid *types, int ntypes, Stmt **out)
{
    Ctx *ctx = &s->ctx;
    Stmt *stmt = NULL;
    Status st;
    *out = NULL;
    TRY_GOTO(stmt_new(s, &stmt));
    stmt->sql_bytes = strlen(sql);
    TRY_ALLOC_GOTO(ctx, stmt->sql, arena_strdup(stmt->arena, sql));
    TRY_GOTO(ast_copy(ctx, stmt->arena, ast, &stmt->ast));
    if (ntypes > 0)
        TRY_ALLOC_GOTO(ctx, stmt->declared,
                       arena_memdup(stmt->arena, types, (size_t)ntypes * sizeof(Oid)));
    stmt->ndeclared = ntypes;
    stmt->is_utility = !ast_is_plannable(stmt->ast);
    *out = stmt;
    return QN_OK;
done:
    stmt_destroy(stmt);
    return st;
}

/* ---- a run ---- */

/* The context as this statement needs it, for the length of one call. */
typedef struct Frame {
    Arena *stmt_arena;
    struct Snapshot *snapshot;
    RelPins *pins;
    Stmt *running;
    int64_t deadline_us, stmt_start_us;
} Frame;

static Frame
frame_enter(Stmt *stmt)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    Frame f = {.stmt_arena = ctx->stmt_arena, .snapshot = ctx->snapshot, .running = s->running,
               .deadline_us = ctx->deadline_us, .stmt_start_us = ctx->stmt_start_us};
    f.pins = catalog_pins_use(ctx, &stmt->pins);
    ctx->stmt_arena = stmt->run_arena;
    if (stmt->has_snap) ctx->snapshot = &stmt->snap;
    else if (stmt->has_command) ctx->snapshot = stmt->command_snapshot;
    if (!stmt->is_cursor) { /* those of the FETCH count */
        ctx->deadline_us = stmt->deadline_us;
        ctx->stmt_start_us = stmt->start_us;
    }
    s->running = stmt;
    s->depth++;
    return f;
}

static void
frame_leave(Stmt *stmt, const Frame *f)
{
    Ctx *ctx = &stmt->s->ctx;
    ctx->stmt_arena = f->stmt_arena;
    ctx->snapshot = f->snapshot;
    ctx->deadline_us = f->deadline_us;
    ctx->stmt_start_us = f->stmt_start_us;
    catalog_pins_use(ctx, f->pins);
    stmt->s->running = f->running;
    stmt->s->depth--;
}

/* Gives back what a run holds. */
static void
end_run(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    if (stmt->at_end != NULL && stmt->exec != NULL) stmt->at_end(stmt, stmt->at_end_arg);
    if (stmt->exec != NULL) exec_stop(stmt->exec);
    if (stmt->has_snap) tx_snapshot_drop(ctx, &stmt->snap);
    if (stmt->has_nest) tx_command_unnest(ctx, &stmt->nest);
    stmt->has_nest = false;
    if (stmt->has_command && ctx->tx != NULL) tx_command_end(ctx);
    stmt->has_snap = stmt->has_command = false;
    stmt->batch = NULL;
    stmt->nheld = stmt->next_held = 0;
    stmt->inner = NULL;
    stmt->state = STMT_IDLE;
}

/* "SELECT FOR UPDATE". */
static const char *
locking_name(const Ast *ast)
{
    static const char *const names[] = {"SELECT FOR KEY SHARE", "SELECT FOR SHARE", "SELECT FOR NO KEY UPDATE",
                                        "SELECT FOR UPDATE"};
    const AstList *locking = ast_is(ast, SelectStmt) ? &AST_AS(SelectStmt, ast)->locking : NULL;
    if (locking == NULL || locking->count == 0) return names[3]; /* inside a subquery */
    return names[AST_AS(LockingClause, locking->items[0])->strength];
}

/* Temporary tables may be written in read-only transactions. */
static Status
read_only_check(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    const Plan *plan = stmt->plan;
    bool writes = false;
    if (!tx_is_read_only(ctx->tx)) return QN_OK;
    for (int i = 0; i < plan->ndeps && !writes; i++) {
        const Relation *rel;
        if (plan->deps[i].lock_mode != LOCK_ROW_SHARE && plan->deps[i].lock_mode != LOCK_ROW_EXCLUSIVE) continue;
        TRY(catalog_relation_by_oid(ctx, plan->deps[i].oid, &rel));
        writes = rel == NULL || rel->persistence != 't';
    }
    if (!writes) return QN_OK;
    return RAISE(ctx, ERR_READ_ONLY_SQL_TRANSACTION, "cannot execute %s in a read-only transaction",
                 plan->modifies ? ast_command_name(stmt->ast) : locking_name(stmt->ast));
}

static Status
lock_deps(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    const Plan *plan = stmt->plan;
    for (int i = 0; i < plan->ndeps; i++)
        if (plan->deps[i].lock_mode != LOCK_NONE && plan->deps[i].oid >= OID_FIRST_USER)
            TRY(lock_relation(ctx, plan->deps[i].oid, (LockMode)plan->deps[i].lock_mode, LOCK_WAIT, NULL));
    return QN_OK;
}

Status
stmt_plan_held(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    TRY(stmt_plan(stmt));
    if (ctx->tx == NULL) return QN_OK;
    TRY(lock_deps(stmt));
    TRY(tx_command_begin(ctx));
    tx_command_end(ctx);
    return QN_OK;
}

static bool
deps_hold(Stmt *stmt)
{
    const Plan *plan = stmt->plan;
    for (int i = 0; i < plan->ndeps; i++)
        if (catalog_relation_version(&stmt->s->ctx, plan->deps[i].oid) != plan->deps[i].version)
            return false;
    return true;
}

/* A plan that is right under the locks now held. */
static Status
ready_plan(Stmt *stmt)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    for (;;) {
        if (stmt->plan == NULL || stmt->settings_generation != s->settings_generation || stmt->plan->has_detaching)
            TRY(make_plan(stmt));
        TRY(lock_deps(stmt));
        uint64_t generation = catalog_generation(ctx);
        if (generation == stmt->generation) break;
        if (deps_hold(stmt)) {
            stmt->generation = generation;
            break;
        }
        TRY(make_plan(stmt));
    }
    if (stmt->exec != NULL && stmt->exec->is_broken) {
        exec_destroy(stmt->exec);
        stmt->exec = NULL;
    }
    if (stmt->exec == NULL) TRY(exec_build(ctx, stmt->plan_arena, stmt->plan, stmt->exec_flags, &stmt->exec));
    return QN_OK;
}

static Status
convert_args(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    int n = stmt->plan->nparams;
    if (n == 0) return QN_OK;
    TRY_ALLOC(ctx, stmt->args, arena_alloc(stmt->run_arena, (size_t)n * sizeof(Value)));
    for (int i = 0; i < n; i++)
        if (!stmt->params[i].is_bound) return RAISE(ctx, ERR_UNDEFINED_PARAMETER, "there is no parameter $%d", i + 1);
    for (int i = 0; i < n; i++)
        TRY(value_convert(ctx, stmt->run_arena, &stmt->params[i].value, stmt->plan->param_types[i], -1,
                          &stmt->args[i]));
    return QN_OK;
}

const char *
stmt_tag(Stmt *stmt)
{
    if (stmt->tag_is_due)
        snprintf(stmt->tag, sizeof(stmt->tag), stmt->ast->tag == AST_InsertStmt ? "%s 0 %lld" : "%s %lld",
                 ast_command_name(stmt->ast), (long long)stmt->affected);
    stmt->tag_is_due = false;
    return stmt->tag;
}

/* A copy of the selected rows that outlives the executor's next call. */
static Status
hold_batch(Stmt *stmt, const Batch *b)
{
    Ctx *ctx = &stmt->s->ctx;
    Arena *arena = stmt->run_arena;
    int ncols = stmt->plan->ncols;
    Batch *copy;
    TRY_ALLOC(ctx, copy, batch_create(arena, ncols));
    for (int c = 0; c < ncols; c++) {
        Vector *v;
        TRY_ALLOC(ctx, v, vec_create(arena, b->cols[c]->type, b->nsel));
        for (int i = 0; i < b->nsel; i++) {
            int row = batch_row(b, i);
            Value from = vec_get(b->cols[c], row), to;
            if (i == 0) vec_reset(v, (Phys)b->cols[c]->phys);
            v->scale = b->cols[c]->scale;
            if (from.is_null) {
                vec_set_null(v, i);
                if (v->phys == PHYS_STR) ((Str *)v->data)[i] = str_make("", 0);
                continue;
            }
            TRY(value_copy(ctx, arena, &from, &to));
            vec_put(v, i, &to);
        }
        copy->cols[c] = v;
    }
    copy->nrows = copy->nsel = b->nsel;
    if (stmt->nheld == stmt->held_cap) {
        int cap = stmt->held_cap != 0 ? stmt->held_cap * 2 : 8;
        Batch **p;
        TRY_ALLOC(ctx, p, arena_realloc(arena, stmt->held, (size_t)stmt->held_cap * sizeof(*p),
                                        (size_t)cap * sizeof(*p)));
        stmt->held = p;
        stmt->held_cap = cap;
    }
    stmt->held[stmt->nheld++] = copy;
    return QN_OK;
}

/* Statements that change something do all of it at once; their rows are kept. */
static Status
fetch_all(Stmt *stmt)
{
    Batch *b;
    stmt->held = NULL;
    stmt->nheld = stmt->held_cap = stmt->next_held = 0;
    int64_t nrows = 0;
    for (;;) {
        TRY(exec_fetch(stmt->exec, &b));
        if (b == NULL) break;
        nrows += b->nsel;
        TRY(hold_batch(stmt, b));
    }
    stmt->affected = stmt->plan->is_dml ? stmt->exec->rows_affected : nrows;
    return QN_OK;
}

static Status
begin_command(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    if (stmt->sees_caller && stmt->plan->modifies)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not allowed in a non-volatile function",
                     ast_command_name(stmt->ast));
    if (stmt->sees_caller) return QN_OK;
    if (stmt->is_nested) {
        TRY(tx_command_nest(ctx, &stmt->nest));
        stmt->has_nest = true;
        return QN_OK;
    }
    TRY(tx_command_begin(ctx));
    stmt->has_command = true;
    stmt->command_snapshot = ctx->snapshot;
    return QN_OK;
}

/* And then constraints look at what was written. */
static Status
run_dml(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    int from = constraints_begin_statement(ctx);
    Status st = fetch_all(stmt);
    if (st == QN_OK) return constraints_end_statement(ctx, from);
    constraints_drop_statement(ctx, from);
    return st;
}

static Status
start_plan(Stmt *stmt)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    TRY(ready_plan(stmt));
    TRY(read_only_check(stmt));
    TRY(convert_args(stmt));
    TRY(begin_command(stmt));
    s->has_queried = true;
    if (!stmt->is_nested && !stmt->plan->modifies && !stmt->is_exclusive) {
        /* Other statements may run before this one has given all its rows. */
        TRY(tx_snapshot_keep(ctx, ctx->snapshot, &stmt->snap));
        stmt->has_snap = true;
        tx_command_end(ctx);
        stmt->has_command = false;
        ctx->snapshot = &stmt->snap;
    }
    TRY(exec_start(stmt->exec, stmt->args, stmt->plan->nparams));
    return stmt->plan->modifies ? run_dml(stmt) : QN_OK;
}

static void
note_start(Stmt *stmt)
{
    Session *s = stmt->s;
    arena_reset(stmt->run_arena);
    arena_reset(stmt->text_arena);
    stmt->texts = NULL;
    stmt->ntexts = 0;
    stmt->nrows = 0;
    stmt->result.nrows = 0;
    stmt->next_result = 0;
    stmt->inner = NULL;
    if (stmt->is_nested) {
        stmt->start_us = s->ctx.stmt_start_us;
        stmt->deadline_us = s->ctx.deadline_us;
        return;
    }
    stmt->start_us = session_wall_us();
    stmt->deadline_us = 0;
    if (s->settings.statement_timeout > 0)
        stmt->deadline_us = ctx_now_us() + (int64_t)s->settings.statement_timeout * 1000;
    else if (s->progress != NULL)
        stmt->deadline_us = INT64_MAX;
    if (s->progress != NULL) s->progress_next_us = ctx_now_us() + 100000;
    if (s->depth == 0) s->ctx.work_done = s->ctx.work_total = 0;
    /* An interrupt that came while nothing ran is void. */
    if (s->depth == 0) {
        if (atomic_load_explicit(&s->stop, memory_order_relaxed) != 0) atomic_fetch_and(&s->stop, STOP_SHUTDOWN);
        activity_query(&s->ctx, stmt->serial, stmt->sql, stmt->sql_bytes, stmt->start_us);
    }
}

/* The run is over: gives back, and settles the transaction. */
static Status
finish(Stmt *stmt, bool ok)
{
    Session *s = stmt->s;
    if (ok && !stmt->is_utility) {
        if (!stmt->plan->modifies) stmt->affected = stmt->nrows;
        stmt->tag_is_due = true;
    }
    end_run(stmt);
    if (s->depth > 1 || stmt->is_nested || stmt->is_cursor) return QN_OK; /* inside another statement, whose business it is */
    return session_end_statement(s, ok);
}

static Status
start(Stmt *stmt)
{
    Session *s = stmt->s;
    if (stmt->is_utility) return utility_run(stmt);
    if (s->depth == 1 && !stmt->is_nested) TRY(session_begin_statement(s));
    return start_plan(stmt);
}

/* To the next row of what has started; batch NULL: there is none. */
static Status
advance(Stmt *stmt)
{
    if (stmt->batch != NULL && ++stmt->row < stmt->batch->nsel) return QN_OK;
    stmt->row = 0;
    stmt->batch = NULL;
    if (stmt->is_utility) return QN_OK;
    if (stmt->plan->modifies) {
        if (stmt->next_held < stmt->nheld) stmt->batch = stmt->held[stmt->next_held++];
        return QN_OK;
    }
    if (!stmt->is_nested && stmt->s->ctx.tx == NULL) {
        /* Detached: its transaction has ended, its snapshot has not. */
        TRY(tx_begin(&stmt->s->ctx, TX_READ_COMMITTED, true));
    }
    return exec_fetch(stmt->exec, &stmt->batch);
}

static Status
step_running(Stmt *stmt, bool *has_row_out)
{
    *has_row_out = false;
    if (stmt->inner != NULL) {
        TRY(stmt_step(stmt->inner, has_row_out));
        if (!*has_row_out) {
            stmt->affected = stmt->inner->affected;
            memcpy(stmt->tag, stmt_tag(stmt->inner), sizeof(stmt->tag));
        }
        return QN_OK;
    }
    if (stmt->is_utility) {
        *has_row_out = stmt->next_result < stmt->result.nrows;
        stmt->next_result += *has_row_out;
        return QN_OK;
    }
    TRY(advance(stmt));
    *has_row_out = stmt->batch != NULL;
    stmt->nrows += *has_row_out;
    return QN_OK;
}

Status
stmt_step(Stmt *stmt, bool *has_row_out)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    Status st = QN_OK;
    *has_row_out = false;
    if (stmt->state == STMT_DEAD) {
        stmt->state = STMT_IDLE;
        return stmt->dead == ERR_INVALID_CURSOR_NAME
                   ? RAISE(ctx, ERR_INVALID_CURSOR_NAME, "the statement's transaction has been committed")
                   : RAISE(ctx, ERR_INVALID_CURSOR_STATE,
                           "the statement's transaction has been rolled back");
    }
    bool is_new = stmt->state == STMT_IDLE;
    if (is_new) note_start(stmt);
    Frame f = frame_enter(stmt);
    if (!is_new && s->block == BLOCK_FAILED) {
        st = session_check_block(s);
    } else if (is_new) {
        st = start(stmt);
        if (st == QN_OK) stmt->state = STMT_RUNNING;
    }
    if (st == QN_OK) {
        arena_reset(stmt->text_arena);
        stmt->texts = NULL;
        st = step_running(stmt, has_row_out);
    }
    if (st != QN_OK || !*has_row_out) {
        Status end = finish(stmt, st == QN_OK);
        if (st == QN_OK) st = end;
    }
    frame_leave(stmt, &f);
    return st;
}

bool
stmt_step_within(Stmt *stmt)
{
    const Session *s = stmt->s;
    if (stmt->batch == NULL || stmt->row + 1 >= stmt->batch->nsel || stmt->inner != NULL) return false;
    if (stmt->deadline_us != 0 || s->block == BLOCK_FAILED || s->depth > 0) return false;
    if (atomic_load_explicit(&s->stop, memory_order_relaxed) != 0) return false;
    stmt->row++;
    stmt->nrows++;
    arena_reset(stmt->text_arena);
    stmt->texts = NULL;
    return true;
}

Status
stmt_reset(Stmt *stmt)
{
    if (stmt->state != STMT_RUNNING) {
        stmt->state = STMT_IDLE;
        return QN_OK;
    }
    Frame f = frame_enter(stmt);
    if (stmt->inner != NULL) (void)stmt_reset(stmt->inner);
    Status st = finish(stmt, true);
    frame_leave(stmt, &f);
    return st;
}

Status
stmt_open(Stmt *stmt)
{
    note_start(stmt);
    Frame f = frame_enter(stmt);
    Status st = start_plan(stmt);
    if (st == QN_OK)
        stmt->state = STMT_RUNNING;
    else
        end_run(stmt);
    frame_leave(stmt, &f);
    return st;
}

void
stmt_stop(Stmt *stmt)
{
    if (stmt->state != STMT_RUNNING) return;
    Frame f = frame_enter(stmt);
    end_run(stmt);
    frame_leave(stmt, &f);
}

Status
stmt_run(Stmt *stmt, Status (*row)(Stmt *stmt, void *arg), void *arg)
{
    bool has_row;
    for (;;) {
        TRY(stmt_step(stmt, &has_row));
        if (!has_row) return QN_OK;
        Status st = row != NULL ? row(stmt, arg) : QN_OK;
        if (st != QN_OK) {
            Frame f = frame_enter(stmt);
            Status end = finish(stmt, false);
            (void)end; /* the first error counts */
            frame_leave(stmt, &f);
            return st;
        }
    }
}

Status
stmt_detach_all(Session *s)
{
    /* Each open statement has kept its snapshot since it started; nothing more is needed. */
    (void)s;
    return QN_OK;
}

void
stmt_end_all(Session *s, Status code)
{
    for (Stmt *p = s->stmts; p != NULL; p = p->next) {
        if (p->state != STMT_RUNNING || p == s->running || p->is_cursor) continue;
        end_run(p);
        p->state = STMT_DEAD;
        p->dead = code;
    }
}

/* ---- rows ---- */

static const Stmt *
source(const Stmt *stmt)
{
    return stmt->inner != NULL ? stmt->inner : stmt;
}

const Vector *
stmt_cell(const Stmt *stmt, int c, int *row_out)
{
    if (stmt->batch == NULL || stmt->inner != NULL || c < 0 || c >= stmt->plan->ncols) return NULL;
    const Vector *v = stmt->batch->cols[c];
    *row_out = batch_row(stmt->batch, stmt->row);
    return v->shape == VEC_FLAT && (v->valid == NULL || bits_get(v->valid, (size_t)*row_out)) ? v : NULL;
}

bool
stmt_value(const Stmt *stmt, int c, Value *out)
{
    stmt = source(stmt);
    if (stmt->state != STMT_RUNNING || c < 0 || c >= stmt_column_count(stmt)) return false;
    if (stmt->is_utility) {
        if (stmt->next_result == 0) return false;
        *out = stmt->result.rows[stmt->next_result - 1][c];
        return true;
    }
    if (stmt->batch == NULL) return false;
    *out = vec_get(stmt->batch->cols[c], batch_row(stmt->batch, stmt->row));
    return true;
}

int
stmt_column_count(const Stmt *stmt)
{
    stmt = source(stmt);
    if (stmt->is_utility) return stmt->result.ncols;
    return stmt->plan != NULL ? stmt->plan->ncols : 0;
}

const char *
stmt_column_name(const Stmt *stmt, int c)
{
    stmt = source(stmt);
    if (c < 0 || c >= stmt_column_count(stmt)) return NULL;
    return stmt->is_utility ? stmt->result.names[c] : stmt->plan->col_names[c];
}

Oid
stmt_column_type(const Stmt *stmt, int c, int32_t *typmod_out)
{
    stmt = source(stmt);
    *typmod_out = -1;
    if (c < 0 || c >= stmt_column_count(stmt)) return INVALID_OID;
    if (stmt->is_utility) return stmt->result.types[c];
    *typmod_out = stmt->plan->col_typmods[c];
    return stmt->plan->col_types[c];
}
