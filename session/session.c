/* session.c - opening and closing a connection, and handing errors to its owner. See session.h. */
#include "session/session.h"
#include "common/str.h"
#include "session/appender.h"
#include "session/autovacuum.h"
#include "session/cursor.h"
#include "session/ddl.h"
#include "session/sqlfunc.h"
#include "session/stmt.h"
#include "storage/activity.h"
#include "storage/lock.h"
#include "session/utility.h"
#include "storage/db.h"
#include "storage/lock.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

/* What is left to library code below the deepest recursion over user input, and how much is used at most. */
enum { STACK_RESERVE = 96 * 1024, STACK_MAX = 7 * 1024 * 1024 };

/* The lowest address of this thread's stack that may be used; found once a thread, because asking reads /proc. */
static const char *
stack_end(void)
{
    static _Thread_local const char *end;
    if (end != NULL) return end;
    const char *here = __builtin_frame_address(0);
    struct rlimit r;
    size_t limit = 512 * 1024;
    if (getrlimit(RLIMIT_STACK, &r) == 0)
        limit = r.rlim_cur == RLIM_INFINITY || r.rlim_cur > STACK_MAX ? STACK_MAX : (size_t)r.rlim_cur;
    pthread_attr_t attr;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        void *base;
        size_t size;
        if (pthread_attr_getstack(&attr, &base, &size) == 0 && size != 0) {
            size_t left = (size_t)(here - (char *)base);
            if (left < limit) limit = left;
        }
        pthread_attr_destroy(&attr);
    }
    end = here - limit + (limit > 2 * STACK_RESERVE ? STACK_RESERVE : limit / 2);
    return end;
}

static void
note_stack(Ctx *ctx, const char *base)
{
    const char *end = stack_end();
    ctx->stack_base = base;
    ctx->stack_limit = base > end ? (size_t)(base - end) : 1;
}

void
session_note_stack(Session *s)
{
    note_stack(&s->ctx, __builtin_frame_address(0));
}

/* ---- calls, and sessions that others end ---- */

static bool
has_open_runs(const Session *s)
{
    for (const Stmt *p = s->stmts; p != NULL; p = p->next)
        if (p->state == STMT_RUNNING) return true;
    return false;
}

/* What the session holds goes; what the application holds of it (statements, texts) stays until it closes. */
static void
end_session(Session *s, Status why)
{
    session_abandon(s);
    lock_advisory_release_all(&s->ctx);
    s->ended = why;
}

/* ctx->end_session. Rows the application may be reading are not pulled away from under it: then its next call ends the session. */
static void
end_claimed(Ctx *ctx, Status why)
{
    Session *s = session_of(ctx);
    if (s->is_open && s->ended == QN_OK && !has_open_runs(s)) end_session(s, why);
}

static Status
raise_ended(Session *s)
{
    switch (s->ended) {
    case ERR_IDLE_IN_TRANSACTION_SESSION_TIMEOUT:
        return RAISE(&s->ctx, s->ended, "terminating connection due to idle-in-transaction timeout");
    case ERR_IDLE_SESSION_TIMEOUT:
        return RAISE(&s->ctx, s->ended, "terminating connection due to idle-session timeout");
    default: return RAISE(&s->ctx, s->ended, "terminating connection due to administrator command");
    }
}

/* When the watch is to end the session if no call comes before; 0: never. */
static int64_t
idle_deadline(const Session *s, Status *why_out)
{
    bool in_block = s->block != BLOCK_NONE;
    int ms = in_block ? s->settings.idle_in_transaction_session_timeout : s->settings.idle_session_timeout;
    *why_out = in_block ? ERR_IDLE_IN_TRANSACTION_SESSION_TIMEOUT : ERR_IDLE_SESSION_TIMEOUT;
    if (ms <= 0 || s->ended != QN_OK || has_open_runs(s)) return 0;
    return ctx_now_us() + (int64_t)ms * 1000;
}

Status
session_enter(Session *s, const void *stack_base)
{
    Ctx *ctx = &s->ctx;
    bool outermost = s->entered++ == 0;
    if (!s->is_usable) {
        err_clear(&ctx->err);
        return RAISE(ctx, ERR_CONNECTION_DOES_NOT_EXIST, "the database could not be opened");
    }
    if (outermost) activity_hold(ctx);
    err_clear(&ctx->err);
    note_stack(ctx, stack_base);
    catalog_use_types(ctx);
    if (s->idle_until_us != 0 && ctx_now_us() >= s->idle_until_us && s->ended == QN_OK)
        end_session(s, s->idle_why); /* the watch was late, or there is none */
    s->idle_until_us = 0;
    if (__builtin_expect(s->ended != QN_OK, 0)) return raise_ended(s);
    return db_usable(ctx);
}

void
session_leave(Session **at)
{
    Session *s = *at;
    if (--s->entered > 0 || !s->is_usable) return;
    if (__builtin_expect(s->ctx.tx == NULL && db_maintenance_is_due(&s->ctx), 0)) autovacuum_at_commit(s);
    bool told = (atomic_load_explicit(&s->stop, memory_order_relaxed) & STOP_SHUTDOWN) != 0;
    if (__builtin_expect(told && s->ended == QN_OK && !has_open_runs(s), 0)) end_session(s, ERR_ADMIN_SHUTDOWN);
    if (s->settings.idle_in_transaction_session_timeout > 0 || s->settings.idle_session_timeout > 0)
        s->idle_until_us = idle_deadline(s, &s->idle_why);
    activity_free(&s->ctx, s->idle_until_us, s->idle_why);
}

/* ---- opening and closing ---- */

static Status
open_storage(Session *s, const char *path, const quern_config *config, const struct FileOps *files)
{
    DbOptions options = {.page_bytes = config->page_size,
                         .cache_bytes = config->cache_size,
                         .read_only = config->read_only != 0 || config->salvage != 0,
                         .must_exist = config->must_exist != 0 || config->salvage != 0,
                         .salvage = config->salvage != 0,
                         .no_threads = config->no_background != 0,
                         .file = files};
    TRY(db_open(&s->ctx, path, &options));
    s->is_open = true;
    return catalog_attach(&s->ctx);
}

/* "name=value;name=value" of quern_config.settings. */
static Status
apply_settings(Session *s, const char *list)
{
    Ctx *ctx = &s->ctx;
    int n_given = 0;
    for (const char *p = list; p != NULL && *p != '\0'; p++) n_given += *p == '=';
    TRY_ALLOC(ctx, s->given, ARENA_ARRAY(s->arena, const char *, 2 * n_given + 1));
    while (list != NULL && *list != '\0') {
        size_t n = strcspn(list, ";"), eq = strcspn(list, "=");
        if (eq < n) {
            char *name, *value;
            TRY_ALLOC(ctx, name, arena_strndup(s->arena, list, eq));
            TRY_ALLOC(ctx, value, arena_strndup(s->arena, list + eq + 1, n - eq - 1));
            TRY(settings_set(s, name, value, false));
            s->given[2 * s->ngiven] = name;
            s->given[2 * s->ngiven++ + 1] = value;
        } else if (n > 0) {
            return RAISE(ctx, ERR_SYNTAX_ERROR, "settings are given as name=value");
        }
        list += n;
        if (*list == ';') list++;
    }
    settings_at_commit(s);
    return QN_OK;
}

/* Settings of the instance count when the connection is the first; shown are those in force. */
static void
apply_instance_settings(Session *s)
{
    uint64_t wal_bytes = (uint64_t)s->settings.max_wal_size << 20;
    int64_t timeout_s = s->settings.checkpoint_timeout;
    db_set_checkpoints(&s->ctx, &wal_bytes, &timeout_s);
    s->settings.max_wal_size = (int)(wal_bytes >> 20);
    s->settings.checkpoint_timeout = (int)timeout_s;
    s->settings.shared_buffers = (int)(pool_bytes(&s->ctx) / 8192);
}

/* A session without a database. */
static Status
make_session(Session **out)
{
    Session *s = mem_zalloc(NULL, sizeof(*s));
    *out = s;
    if (s == NULL) return ERR_OUT_OF_MEMORY;
    Ctx *ctx = &s->ctx;
    ctx->session = (struct Session *)s;
    ctx->settings = &s->settings;
    ctx->stop = &s->stop;
    ctx->mem = &s->mem;
    ctx->notice = session_notice;
    ctx->check_domain = session_check_domain;
    ctx->end_session = end_claimed;
    ctx->tick = session_tick;
    ctx->plan_query = session_plan_query;
    ctx->plan_index = session_plan_index;
    note_stack(ctx, __builtin_frame_address(0));
    settings_init(&s->settings);
    TRY_ALLOC(ctx, s->arena, arena_create_account(NULL, "session", &s->mem));
    TRY_ALLOC(ctx, s->commit_arena, arena_create(s->arena, "commit"));
    ctx->stmt_arena = s->arena;
    TRY(settings_session_init(s));
    return QN_OK;
}

Status
session_open(const char *path, const quern_config *config, const struct FileOps *files, Session **out)
{
    TRY(make_session(out));
    Session *s = *out;
    Ctx *ctx = &s->ctx;
    s->progress = config->progress;
    s->progress_arg = config->progress_arg;
    if (s->progress != NULL) ctx->deadline_us = INT64_MAX; /* for the sake of the tick */
    Status opened = open_storage(s, path, config, files);
    ctx->deadline_us = 0;
    TRY(opened);
    catalog_pins_use(ctx, &s->no_pins);
    s->is_opening = true;
    Status st = apply_settings(s, config->settings);
    s->is_opening = false;
    apply_instance_settings(s);
    if (st == QN_OK) st = autovacuum_attach(s);
    s->is_usable = st == QN_OK;
    return st;
}

Status
session_open_internal(Db *db, const Settings *like, Session **out)
{
    TRY(make_session(out));
    Session *s = *out;
    Ctx *ctx = &s->ctx;
    /* Strings belong to the other session: the few settings that count here are numbers. */
    s->settings.maintenance_work_mem = like->maintenance_work_mem;
    s->settings.autovacuum_work_mem = like->autovacuum_work_mem;
    s->settings.vacuum_freeze_min_age = like->vacuum_freeze_min_age;
    s->settings.default_statistics_target = like->default_statistics_target;
    TRY(db_internal_attach(ctx, db));
    s->is_open = true;
    TRY(catalog_attach(ctx));
    catalog_pins_use(ctx, &s->no_pins);
    s->is_usable = true;
    return QN_OK;
}

void
session_close_internal(Session *s)
{
    Ctx *ctx = &s->ctx;
    domain_forget_all(s);
    if (s->is_open) {
        if (ctx->tx != NULL) tx_rollback(ctx);
        catalog_detach(ctx);
        relpins_release(ctx, &s->no_pins);
        db_internal_detach(ctx);
    }
    settings_session_free(s);
    arena_destroy(s->arena);
    mem_free(NULL, s, sizeof(*s));
}

/* What cannot be dropped now is dropped when the file is opened next. */
static void
drop_temporary(Session *s)
{
    Ctx *ctx = &s->ctx;
    if (ctx->catalog == NULL || catalog_temp_schema(ctx) == INVALID_OID) return;
    Status st = tx_begin(ctx, TX_READ_COMMITTED, false);
    if (st == QN_OK) st = tx_command_begin(ctx);
    if (st == QN_OK) st = ddl_drop_temp(ctx);
    if (st == QN_OK) tx_command_end(ctx);
    if (st == QN_OK) st = tx_commit(ctx);
    if (st != QN_OK && ctx->tx != NULL) tx_rollback(ctx);
    err_clear(&ctx->err);
}

Status
session_close(Session *s)
{
    Ctx *ctx = &s->ctx;
    Status st = QN_OK;
    if (s->is_open) activity_hold(ctx); /* for good */
    err_clear(&ctx->err);
    /* Names and appenders own statements: they go first. */
    prepared_forget_all(s);
    while (s->appenders != NULL) appender_destroy(s->appenders);
    (void)cursor_close(s, NULL);
    sqlfunc_forget_all(s);
    domain_forget_all(s);
    while (s->stmts != NULL) stmt_destroy(s->stmts);
    if (s->is_open) {
        if (ctx->tx != NULL) tx_rollback(ctx);
        err_clear(&ctx->err);
        ctx->stmt_arena = s->arena;
        drop_temporary(s);
        catalog_detach(ctx);
        relpins_release(ctx, &s->no_pins);
        st = db_close(ctx);
    }
    constraints_free(ctx);
    err_clear(&ctx->err);
    err_clear(&s->err);
    settings_session_free(s);
    for (int i = 0; i < s->nsavepoints; i++) free(s->savepoints[i].name);
    free(s->savepoints);
    arena_destroy(s->arena);
    mem_free(NULL, s, sizeof(*s));
    return st;
}

int
session_fail(Session *s, Status st, const char *sql, size_t sql_bytes)
{
    Ctx *ctx = &s->ctx;
    if (ctx->err.code == QN_OK) (void)RAISE_INTERNAL(ctx, "error %d without a message", (int)st);
    s->err_position = 0;
    int pos = ctx->err.position;
    if (sql != NULL && pos > 0 && (size_t)pos <= sql_bytes + 1)
        s->err_position = (int)utf8_count(sql, (size_t)pos - 1) + 1;
    err_move(&s->err, &ctx->err);
    return (int)s->err.code;
}
