/* transaction.c - transaction blocks: BEGIN to COMMIT, savepoints, and the transactions of single statements. See session.h for
 * the states. */
#include "common/str.h"
#include "session/ddl.h"
#include "session/session.h"
#include "session/stmt.h"
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

static Status
begin(Session *s, TxIsolation isolation, bool read_only)
{
    TRY(tx_begin(&s->ctx, isolation, read_only));
    s->isolation = isolation;
    s->read_only = read_only;
    s->ctx.tx_start_us = s->ctx.stmt_start_us != 0 ? s->ctx.stmt_start_us : session_wall_us();
    return QN_OK;
}

static TxIsolation
default_isolation(const Session *s)
{
    /* Options of the setting: read committed, repeatable read, serializable, read uncommitted. */
    switch (s->settings.default_transaction_isolation) {
    case 1: return TX_REPEATABLE_READ;
    case 2: return TX_SERIALIZABLE;
    default: return TX_READ_COMMITTED;
    }
}

static void
clear_savepoints(Session *s, int keep)
{
    while (s->nsavepoints > keep) free(s->savepoints[--s->nsavepoints].name);
}

/* The transaction is over: what belonged to it goes. */
static void
after_end(Session *s, bool committed)
{
    clear_savepoints(s, 0);
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
    Status st = ddl_at_commit(&s->ctx);
    if (st == QN_OK)
        st = tx_commit(&s->ctx);
    else
        tx_rollback(&s->ctx);
    s->ctx.stmt_arena = before;
    arena_reset(s->commit_arena);
    after_end(s, st == QN_OK);
    return st;
}

static void
rollback(Session *s)
{
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
    if (s->ctx.tx == NULL) TRY(begin(s, default_isolation(s), s->settings.default_transaction_read_only));
    return QN_OK;
}

Status
session_end_statement(Session *s, bool ok)
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
        stmt_end_all(s, ERR_INVALID_CURSOR_STATE);
        if (s->nsavepoints == 0) rollback(s);
        return QN_OK;
    case BLOCK_IMPLICIT: /* quern_exec ends it */
    case BLOCK_FAILED: return QN_OK;
    }
    return QN_OK;
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

typedef struct Modes {
    bool has_isolation, has_read_only;
    TxIsolation isolation;
    bool read_only;
} Modes;

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
read_modes(Session *s, const AstList *list, Modes *out)
{
    memset(out, 0, sizeof(*out));
    for (int i = 0; i < list->count; i++) {
        const DefElem *d = AST_AS(DefElem, list->items[i]);
        const char *text = mode_text(d);
        if (strcmp(d->name, "transaction_isolation") == 0) {
            out->has_isolation = true;
            if (ascii_casecmp(text, "serializable") == 0)
                out->isolation = TX_SERIALIZABLE;
            else if (ascii_casecmp(text, "repeatable read") == 0)
                out->isolation = TX_REPEATABLE_READ;
            else if (ascii_casecmp(text, "read committed") == 0 ||
                     ascii_casecmp(text, "read uncommitted") == 0)
                out->isolation = TX_READ_COMMITTED;
            else
                return RAISE(&s->ctx, ERR_INVALID_PARAMETER_VALUE,
                             "invalid value for parameter \"transaction_isolation\": \"%s\"", text);
        } else if (strcmp(d->name, "transaction_read_only") == 0) {
            out->has_read_only = true;
            out->read_only = strcmp(text, "on") == 0 || strcmp(text, "true") == 0;
        }
        /* DEFERRABLE means something for serializable read-only transactions only. */
    }
    return QN_OK;
}

Status
session_set_isolation(Session *s, const AstList *list, bool as_default)
{
    static const char *const names[] = {[TX_READ_COMMITTED] = "read committed",
                                        [TX_REPEATABLE_READ] = "repeatable read",
                                        [TX_SERIALIZABLE] = "serializable"};
    Ctx *ctx = &s->ctx;
    Modes m;
    TRY(read_modes(s, list, &m));
    if (as_default) {
        if (m.has_isolation)
            TRY(settings_set(s, "default_transaction_isolation", names[m.isolation], false));
        if (m.has_read_only)
            TRY(settings_set(s, "default_transaction_read_only", m.read_only ? "on" : "off", false));
        return QN_OK;
    }
    if (s->block == BLOCK_NONE) {
        ctx_notice(ctx, "WARNING", ERR_NO_ACTIVE_SQL_TRANSACTION,
                   "SET TRANSACTION can only be used in transaction blocks");
        return QN_OK;
    }
    if (m.has_isolation && m.isolation != tx_isolation(ctx->tx)) {
        if (s->nsavepoints > 0)
            return RAISE(ctx, ERR_ACTIVE_SQL_TRANSACTION,
                         "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
        if (s->has_queried)
            return RAISE(ctx, ERR_ACTIVE_SQL_TRANSACTION,
                         "SET TRANSACTION ISOLATION LEVEL must be called before any query");
        /* Nothing has happened in it: the same as having begun it so. */
        bool read_only = tx_is_read_only(ctx->tx);
        TRY(tx_commit(ctx));
        TRY(tx_begin(ctx, m.isolation, read_only));
    }
    if (!m.has_read_only) return QN_OK;
    if (!m.read_only && tx_is_read_only(ctx->tx)) {
        if (s->nsavepoints > 0)
            return RAISE(ctx, ERR_ACTIVE_SQL_TRANSACTION,
                         "cannot set transaction read-write mode inside a read-only transaction");
        if (s->has_queried)
            return RAISE(ctx, ERR_ACTIVE_SQL_TRANSACTION,
                         "transaction read-write mode must be set before any query");
    }
    return tx_set_read_only(ctx, m.read_only);
}

/* ---- statements ---- */

static Status
do_begin(Session *s, const TransactionStmt *t)
{
    Ctx *ctx = &s->ctx;
    Modes m;
    TRY(read_modes(s, &t->modes, &m));
    if (s->block == BLOCK_OPEN) {
        ctx_notice(ctx, "WARNING", ERR_ACTIVE_SQL_TRANSACTION,
                   "there is already a transaction in progress");
        return QN_OK;
    }
    TxIsolation isolation = m.has_isolation ? m.isolation : default_isolation(s);
    bool read_only = m.has_read_only ? m.read_only : s->settings.default_transaction_read_only;
    if (s->block == BLOCK_NONE && ctx->tx != NULL) {
        TRY(stmt_detach_all(s));
        TRY(commit(s));
    }
    /* In quern_exec's implicit block the statements before belong to it. */
    if (ctx->tx == NULL) TRY(begin(s, isolation, read_only));
    s->has_queried = false;
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
chain(Session *s, const TransactionStmt *t, TxIsolation isolation, bool read_only)
{
    if (!t->chain) return QN_OK;
    TRY(begin(s, isolation, read_only));
    s->has_queried = false;
    s->block = BLOCK_OPEN;
    return QN_OK;
}

static Status
do_end(Session *s, const TransactionStmt *t, bool committing, const char **tag_out)
{
    if (t->chain) TRY(session_require_block(s, committing ? "COMMIT AND CHAIN" : "ROLLBACK AND CHAIN"));
    TxIsolation isolation = s->isolation;
    bool read_only = s->read_only;
    if (s->ctx.tx != NULL) {
        isolation = tx_isolation(s->ctx.tx);
        read_only = tx_is_read_only(s->ctx.tx);
    }
    if (s->block == BLOCK_FAILED) committing = false;
    *tag_out = committing ? "COMMIT" : "ROLLBACK";
    TRY(end_block(s, committing));
    return chain(s, t, isolation, read_only);
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
    s->savepoints[s->nsavepoints++] = (SavepointMark){.name = copy, .settings_mark = s->nundo};
    return QN_OK;
}

static Status
do_rollback_to(Session *s, const char *name)
{
    TRY(session_require_block(s, "ROLLBACK TO SAVEPOINT"));
    int i = find_savepoint(s, name);
    if (i < 0) return no_savepoint(s, name);
    stmt_end_all(s, ERR_INVALID_CURSOR_STATE);
    TRY(tx_rollback_to(&s->ctx, name));
    settings_at_rollback(s, s->savepoints[i].settings_mark);
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
    clear_savepoints(s, i);
    return QN_OK;
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
    case AST_TRANS_PREPARE:
    case AST_TRANS_COMMIT_PREPARED:
    case AST_TRANS_ROLLBACK_PREPARED: break;
    }
    return RAISE(&s->ctx, ERR_FEATURE_NOT_SUPPORTED, "prepared transactions are not supported yet");
}
