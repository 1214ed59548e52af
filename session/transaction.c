/* transaction.c - transaction blocks: BEGIN to COMMIT, savepoints, and the transactions of single statements. See session.h for
 * the states. */
#include "common/str.h"
#include "executor/constraints.h"
#include "session/cursor.h"
#include "session/ddl.h"
#include "session/session.h"
#include "session/stmt.h"
#include "storage/activity.h"
#include <stdlib.h>
#include <time.h>

int64_t
session_wall_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    /* PostgreSQL's timestamps count from 2000-01-01. */
    return ((int64_t)ts.tv_sec - 946684800) * 1000000 + ts.tv_nsec / 1000;
}

/* Options of the settings, in their order: serializable, repeatable read, read committed, read uncommitted. */
static TxIsolation
isolation_level(int option)
{
    return option == 0 ? TX_SERIALIZABLE : option == 1 ? TX_REPEATABLE_READ : TX_READ_COMMITTED;
}

static TxModes
current_modes(const Session *s)
{
    return (TxModes){s->settings.transaction_isolation, s->settings.transaction_read_only,
                     s->settings.transaction_deferrable};
}

static Status
begin(Session *s, TxModes modes)
{
    TRY(tx_begin(&s->ctx, isolation_level(modes.isolation), modes.read_only));
    s->settings.transaction_isolation = modes.isolation;
    s->settings.transaction_read_only = modes.read_only;
    s->settings.transaction_deferrable = modes.deferrable;
    s->has_queried = false;
    s->ctx.tx_start_us = s->ctx.stmt_start_us != 0 ? s->ctx.stmt_start_us : session_wall_us();
    return QN_OK;
}

static TxModes
default_modes(const Session *s)
{
    return (TxModes){s->settings.default_transaction_isolation, s->settings.default_transaction_read_only,
                     s->settings.default_transaction_deferrable};
}

static void
clear_savepoints(Session *s, int keep)
{
    while (s->nsavepoints > keep) free(s->savepoints[--s->nsavepoints].name);
}

/* For pg_stat_activity: what the session is between statements. */
static void
note_state(Session *s)
{
    ActivityState state = s->block == BLOCK_OPEN ? ACTIVITY_IN_TX : s->block == BLOCK_FAILED ? ACTIVITY_FAILED_TX
                                                                                         : ACTIVITY_IDLE;
    activity_state(&s->ctx, state, s->ctx.tx_start_us);
}

/* The transaction is over: what belonged to it goes. */
static void
after_end(Session *s, bool committed)
{
    clear_savepoints(s, 0);
    constraints_forget(&s->ctx);
    if (committed)
        settings_at_commit(s);
    else
        settings_at_rollback(s, 0);
    s->ctx.tx_start_us = 0;
}

static Status
commit(Session *s)
{
    /* Hooks allocate; the statement's arena may be gone. */
    Arena *before = s->ctx.stmt_arena;
    s->ctx.stmt_arena = s->commit_arena;
    /* What hooks write was allowed when it was asked for (ANALYZE in a read-only transaction). */
    if (s->ctx.tx != NULL && tx_is_read_only(s->ctx.tx)) tx_set_modes(&s->ctx, tx_isolation(s->ctx.tx), false);
    Status st = cursors_before_commit(s);
    if (st == QN_OK) st = constraints_at_commit(&s->ctx);
    if (st == QN_OK) st = ddl_at_commit(&s->ctx);
    if (st == QN_OK) {
        st = tx_commit(&s->ctx);
    } else {
        cursors_after_rollback(s);
        tx_rollback(&s->ctx);
    }
    s->ctx.stmt_arena = before;
    arena_reset(s->commit_arena);
    after_end(s, st == QN_OK);
    return st;
}

static void
rollback(Session *s)
{
    cursors_after_rollback(s);
    if (s->ctx.tx != NULL) tx_rollback(&s->ctx);
    after_end(s, false);
}

Status
session_check_block(Session *s)
{
    if (s->block == BLOCK_FAILED)
        return RAISE(&s->ctx, ERR_IN_FAILED_SQL_TRANSACTION,
                     "current transaction is aborted, commands ignored until end of transaction block");
    return QN_OK;
}

Status
session_begin_statement(Session *s)
{
    TRY(session_check_block(s));
    if (s->block == BLOCK_NONE && s->ctx.tx != NULL) {
        /* Statements that are still open read on from their own snapshots; this one gets a transaction of its own. */
        TRY(stmt_detach_all(s));
        TRY(commit(s));
    }
    if (s->ctx.tx == NULL) TRY(begin(s, default_modes(s)));
    return QN_OK;
}

Status
session_next_transaction(Session *s)
{
    TRY(commit(s));
    return begin(s, default_modes(s));
}

static Status
end_statement(Session *s, bool ok)
{
    switch (s->block) {
    case BLOCK_NONE:
        if (s->ctx.tx == NULL) return QN_OK;
        if (ok) return commit(s);
        rollback(s);
        return QN_OK;
    case BLOCK_OPEN:
        if (ok) return QN_OK;
        s->block = BLOCK_FAILED;
        s->modes = current_modes(s);
        stmt_end_all(s, ERR_INVALID_CURSOR_STATE);
        if (s->nsavepoints == 0) rollback(s);
        return QN_OK;
    case BLOCK_IMPLICIT: /* quern_exec ends it */
    case BLOCK_FAILED: return QN_OK;
    }
    return QN_OK;
}

Status
session_end_statement(Session *s, bool ok)
{
    Status st = end_statement(s, ok);
    note_state(s);
    return st;
}

Status
session_end_implicit(Session *s, bool ok)
{
    if (s->block != BLOCK_IMPLICIT) return QN_OK;
    s->block = BLOCK_NONE;
    stmt_end_all(s, ok ? ERR_INVALID_CURSOR_NAME : ERR_INVALID_CURSOR_STATE);
    if (ok && s->ctx.tx != NULL) return commit(s);
    if (!ok) rollback(s);
    return QN_OK;
}

void
session_abandon(Session *s)
{
    stmt_end_all(s, ERR_INVALID_CURSOR_STATE);
    if (s->ctx.tx != NULL) rollback(s);
    s->block = BLOCK_NONE;
}

Status
session_prevent_block(Session *s, const char *what)
{
    if (s->block != BLOCK_NONE)
        return RAISE(&s->ctx, ERR_ACTIVE_SQL_TRANSACTION, "%s cannot run inside a transaction block",
                     what);
    return QN_OK;
}

Status
session_require_block(Session *s, const char *what)
{
    if (s->block == BLOCK_NONE || s->block == BLOCK_IMPLICIT)
        return RAISE(&s->ctx, ERR_NO_ACTIVE_SQL_TRANSACTION,
                     "%s can only be used in transaction blocks", what);
    return QN_OK;
}

/* ---- modes ---- */

static const char *
mode_text(const DefElem *d)
{
    if (ast_is(d->arg, A_Const)) {
        const A_Const *c = AST_AS(A_Const, d->arg);
        if (c->kind == AST_CONST_STRING) return c->str;
        return c->ival != 0 ? "on" : "off";
    }
    return ast_is(d->arg, StringNode) ? ast_str(d->arg) : "";
}

static Status
set_modes(Session *s, const AstList *list, bool as_default)
{
    for (int i = 0; i < list->count; i++) {
        const DefElem *d = AST_AS(DefElem, list->items[i]);
        const char *name = d->name;
        if (as_default)
            TRY_ALLOC(&s->ctx, name, arena_printf(s->ctx.stmt_arena, "default_%s", d->name));
        TRY(settings_set(s, name, mode_text(d), !as_default));
    }
    return QN_OK;
}

Status
session_set_modes(Session *s, const AstList *list, bool as_default)
{
    if (!as_default && s->block == BLOCK_NONE)
        ctx_notice(&s->ctx, "WARNING", ERR_NO_ACTIVE_SQL_TRANSACTION,
                   "SET TRANSACTION can only be used in transaction blocks");
    return set_modes(s, list, as_default);
}

static Status
too_late(Session *s, const char *message)
{
    return RAISE(&s->ctx, ERR_ACTIVE_SQL_TRANSACTION, "%s", message);
}

Status
session_check_mode(Session *s, const SettingInfo *info, SettingValue value)
{
    const Settings *now = &s->settings;
    bool in_sub = s->nsavepoints > 0;
    if (s->ctx.tx == NULL || (!s->has_queried && !in_sub)) return QN_OK;
    if (strcmp(info->name, "transaction_isolation") == 0) {
        if (value.i == now->transaction_isolation) return QN_OK;
        return too_late(s, s->has_queried ? "SET TRANSACTION ISOLATION LEVEL must be called before any query"
                                          : "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
    }
    if (strcmp(info->name, "transaction_read_only") == 0) {
        if (value.b || !now->transaction_read_only) return QN_OK;
        return too_late(s, in_sub ? "cannot set transaction read-write mode inside a read-only transaction"
                                  : "transaction read-write mode must be set before any query");
    }
    return too_late(s, in_sub ? "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction"
                              : "SET TRANSACTION [NOT] DEFERRABLE must be called before any query");
}

void
session_apply_modes(Session *s)
{
    if (s->ctx.tx == NULL) return;
    tx_set_modes(&s->ctx, isolation_level(s->settings.transaction_isolation), s->settings.transaction_read_only);
}

/* ---- statements ---- */

static Status
do_begin(Session *s, const TransactionStmt *t)
{
    Ctx *ctx = &s->ctx;
    if (s->block == BLOCK_OPEN) {
        ctx_notice(ctx, "WARNING", ERR_ACTIVE_SQL_TRANSACTION,
                   "there is already a transaction in progress");
        return set_modes(s, &t->modes, false);
    }
    if (s->block == BLOCK_NONE && ctx->tx != NULL) {
        TRY(stmt_detach_all(s));
        TRY(commit(s));
    }
    /* In quern_exec's implicit block the statements before belong to it. */
    if (ctx->tx == NULL) TRY(begin(s, default_modes(s)));
    TRY(set_modes(s, &t->modes, false));
    s->block = BLOCK_OPEN;
    return QN_OK;
}

static Status
end_block(Session *s, bool committing)
{
    Ctx *ctx = &s->ctx;
    Status st = QN_OK;
    if (s->block == BLOCK_NONE || s->block == BLOCK_IMPLICIT)
        ctx_notice(ctx, "WARNING", ERR_NO_ACTIVE_SQL_TRANSACTION,
                   "there is no transaction in progress");
    bool was_none = s->block == BLOCK_NONE;
    s->block = s->block == BLOCK_IMPLICIT ? BLOCK_IMPLICIT : BLOCK_NONE;
    if (was_none) return QN_OK;
    stmt_end_all(s, committing ? ERR_INVALID_CURSOR_NAME : ERR_INVALID_CURSOR_STATE);
    if (committing && ctx->tx != NULL)
        st = commit(s);
    else
        rollback(s);
    return st;
}

static Status
do_end(Session *s, const TransactionStmt *t, bool committing, const char **tag_out)
{
    if (t->chain) TRY(session_require_block(s, committing ? "COMMIT AND CHAIN" : "ROLLBACK AND CHAIN"));
    TxModes modes = s->block == BLOCK_FAILED ? s->modes : current_modes(s);
    if (s->block == BLOCK_FAILED) committing = false;
    *tag_out = committing ? "COMMIT" : "ROLLBACK";
    TRY(end_block(s, committing));
    if (!t->chain) return QN_OK;
    TRY(begin(s, modes));
    s->block = BLOCK_OPEN;
    return QN_OK;
}

static int
find_savepoint(const Session *s, const char *name)
{
    for (int i = s->nsavepoints - 1; i >= 0; i--)
        if (strcmp(s->savepoints[i].name, name) == 0) return i;
    return -1;
}

static Status
no_savepoint(Session *s, const char *name)
{
    return RAISE(&s->ctx, ERR_S_E_INVALID_SPECIFICATION, "savepoint \"%s\" does not exist", name);
}

static Status
do_savepoint(Session *s, const char *name)
{
    Ctx *ctx = &s->ctx;
    TRY(session_require_block(s, "SAVEPOINT"));
    TRY(session_check_block(s));
    if (s->nsavepoints == s->savepoints_cap) {
        int cap = s->savepoints_cap != 0 ? s->savepoints_cap * 2 : 8;
        SavepointMark *p = mem_should_fail() ? NULL
                                             : realloc(s->savepoints, (size_t)cap * sizeof(*p));
        if (p == NULL) return RAISE_OOM(ctx);
        s->savepoints = p;
        s->savepoints_cap = cap;
    }
    char *copy = mem_should_fail() ? NULL : strdup(name);
    if (copy == NULL) return RAISE_OOM(ctx);
    Status st = tx_savepoint(ctx, name);
    if (st != QN_OK) {
        free(copy);
        return st;
    }
    s->savepoints[s->nsavepoints] = (SavepointMark){
        .name = copy, .settings_mark = s->nundo, .constraints = constraints_savepoint(ctx, s->nsavepoints + 1)};
    s->nsavepoints++;
    return QN_OK;
}

static Status
do_rollback_to(Session *s, const char *name)
{
    TRY(session_require_block(s, "ROLLBACK TO SAVEPOINT"));
    int i = find_savepoint(s, name);
    if (i < 0) return no_savepoint(s, name);
    stmt_end_all(s, ERR_INVALID_CURSOR_STATE);
    cursors_rollback_to(s, i);
    TRY(tx_rollback_to(&s->ctx, name));
    settings_at_rollback(s, s->savepoints[i].settings_mark);
    constraints_rollback(&s->ctx, s->savepoints[i].constraints, i + 1);
    clear_savepoints(s, i + 1);
    s->block = BLOCK_OPEN;
    return QN_OK;
}

static Status
do_release(Session *s, const char *name)
{
    TRY(session_require_block(s, "RELEASE SAVEPOINT"));
    TRY(session_check_block(s));
    int i = find_savepoint(s, name);
    if (i < 0) return no_savepoint(s, name);
    TRY(tx_release(&s->ctx, name));
    constraints_release(&s->ctx, i + 1);
    clear_savepoints(s, i);
    cursors_release(s, i);
    return QN_OK;
}

/* max_prepared_transactions is 0: there are none, and there cannot be any. */
static Status
do_prepare(Session *s, const char **tag_out)
{
    *tag_out = "PREPARE TRANSACTION";
    if (s->block != BLOCK_OPEN)
        return do_end(s, &(TransactionStmt){.kind = AST_TRANS_ROLLBACK}, false, tag_out);
    return err_hint(&s->ctx,
                    RAISE(&s->ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "prepared transactions are disabled"),
                    "Set max_prepared_transactions to a nonzero value.");
}

static Status
no_prepared(Session *s, const char *what, const char *gid)
{
    TRY(session_prevent_block(s, what));
    return RAISE(&s->ctx, ERR_UNDEFINED_OBJECT, "prepared transaction with identifier \"%s\" does not exist", gid);
}

Status
session_transaction(Session *s, const TransactionStmt *t, const char **tag_out)
{
    switch (t->kind) {
    case AST_TRANS_BEGIN:
    case AST_TRANS_START:
        *tag_out = t->kind == AST_TRANS_BEGIN ? "BEGIN" : "START TRANSACTION";
        TRY(session_check_block(s));
        return do_begin(s, t);
    case AST_TRANS_COMMIT: return do_end(s, t, true, tag_out);
    case AST_TRANS_ROLLBACK: return do_end(s, t, false, tag_out);
    case AST_TRANS_SAVEPOINT: *tag_out = "SAVEPOINT"; return do_savepoint(s, t->savepoint);
    case AST_TRANS_RELEASE: *tag_out = "RELEASE"; return do_release(s, t->savepoint);
    case AST_TRANS_ROLLBACK_TO: *tag_out = "ROLLBACK"; return do_rollback_to(s, t->savepoint);
    case AST_TRANS_PREPARE: return do_prepare(s, tag_out);
    case AST_TRANS_COMMIT_PREPARED: return no_prepared(s, "COMMIT PREPARED", t->gid);
    case AST_TRANS_ROLLBACK_PREPARED: return no_prepared(s, "ROLLBACK PREPARED", t->gid);
    }
    return RAISE_INTERNAL(&s->ctx, "unknown kind of transaction statement %d", (int)t->kind);
}
