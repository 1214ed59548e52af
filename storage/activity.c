/* activity.c - see activity.h. */
#include "storage/activity.h"
#include "common/str.h"
#include "storage/instance.h"
#include <time.h>

enum { CLAIM_POLL_NS = 100 * 1000 };

/* timestamptz, to a few milliseconds: no system call. */
static int64_t
coarse_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    return ((int64_t)ts.tv_sec - 946684800) * 1000000 + ts.tv_nsec / 1000;
}

/* ---- holding and claiming ---- */

void
activity_hold(Ctx *ctx)
{
    Activity *a = &ctx->conn->activity;
    for (;;) {
        uint32_t free = ACTIVITY_FREE;
        if (atomic_compare_exchange_weak_explicit(&a->hold, &free, ACTIVITY_HELD, memory_order_acquire,
                                                  memory_order_relaxed))
            return;
        if (free != ACTIVITY_FREE) nanosleep(&(struct timespec){.tv_nsec = CLAIM_POLL_NS}, NULL);
    }
}

static void watch_until(Ctx *ctx, int64_t deadline_us);

void
activity_free(Ctx *ctx, int64_t deadline_us, Status why)
{
    Activity *a = &ctx->conn->activity;
    atomic_store_explicit(&a->deadline_us, deadline_us, memory_order_relaxed);
    if (deadline_us != 0) atomic_store_explicit(&a->deadline_why, (uint32_t)why, memory_order_relaxed);
    atomic_store_explicit(&a->hold, ACTIVITY_FREE, memory_order_release);
    if (deadline_us != 0) watch_until(ctx, deadline_us);
}

static bool
claim(DbConn *conn)
{
    uint32_t free = ACTIVITY_FREE;
    return atomic_compare_exchange_strong(&conn->activity.hold, &free, ACTIVITY_CLAIMED);
}

/* The claimed connection's session ends what it has open. */
static void
end_claimed(DbConn *conn, Status why)
{
    atomic_store(&conn->activity.deadline_us, 0);
    conn->ctx->end_session(conn->ctx, why);
    atomic_store_explicit(&conn->activity.hold, ACTIVITY_FREE, memory_order_release);
}

/* ---- the watch: a thread that ends sessions whose time is over ---- */

/* Claims the first that is due; else says when the next one will be. */
static DbConn *
claim_due(Db *db, int64_t now, int64_t *next_out)
{
    DbConn *found = NULL;
    *next_out = INT64_MAX;
    rwlatch_shared(&db->conns_latch);
    for (int i = 0; i < db->nconns && found == NULL; i++) {
        DbConn *conn = db->conns[i];
        int64_t deadline = conn != NULL ? atomic_load(&conn->activity.deadline_us) : 0;
        if (deadline == 0) continue;
        if (deadline > now) {
            if (deadline < *next_out) *next_out = deadline;
            continue;
        }
        if (!claim(conn)) continue; /* at work again: it sets a new one */
        deadline = atomic_load(&conn->activity.deadline_us);
        if (deadline != 0 && deadline <= now)
            found = conn;
        else
            atomic_store_explicit(&conn->activity.hold, ACTIVITY_FREE, memory_order_release);
    }
    rwlatch_unlock(&db->conns_latch);
    return found;
}

static void
watch_thread(void *arg)
{
    Db *db = arg;
    mutex_lock(&db->watch_mutex);
    while (!db->watch_stop) {
        int64_t next;
        db->watch_next_us = INT64_MAX;
        mutex_unlock(&db->watch_mutex);
        DbConn *conn = claim_due(db, ctx_now_us(), &next);
        /* A claimed connection stays: closing it waits for the claim's end. */
        if (conn != NULL) end_claimed(conn, (Status)atomic_load(&conn->activity.deadline_why));
        mutex_lock(&db->watch_mutex);
        if (conn != NULL) continue;
        if (next < db->watch_next_us) db->watch_next_us = next;
        if (!db->watch_stop) (void)cond_wait_until(&db->watch_cond, &db->watch_mutex, db->watch_next_us);
    }
    mutex_unlock(&db->watch_mutex);
}

/* The watch looks no later than this. Without a thread the session's own next call does. */
static void
watch_until(Ctx *ctx, int64_t deadline_us)
{
    Db *db = ctx->db;
    if (db->no_threads) return;
    mutex_lock(&db->watch_mutex);
    if (db->watch_thread == NULL && !db->watch_stop) {
        Ctx quiet = {0};
        db->watch_next_us = deadline_us;
        if (thread_create(&quiet, "quern-watch", watch_thread, db, &db->watch_thread) != QN_OK) err_clear(&quiet.err);
    } else if (deadline_us < db->watch_next_us) {
        db->watch_next_us = deadline_us;
        cond_signal(&db->watch_cond);
    }
    mutex_unlock(&db->watch_mutex);
}

void
activity_stop_watch(Db *db)
{
    mutex_lock(&db->watch_mutex);
    db->watch_stop = true;
    cond_signal(&db->watch_cond);
    mutex_unlock(&db->watch_mutex);
    thread_join(db->watch_thread);
    db->watch_thread = NULL;
}

/* ---- noting ---- */

/* A text as words, ended by a zero byte. */
static void
store_text(_Atomic uint64_t *words, size_t nwords, const char *text, size_t nbytes)
{
    size_t max = nwords * 8 - 1;
    if (nbytes > max) {
        nbytes = max;
        while (nbytes > 0 && ((unsigned char)text[nbytes] & 0xC0) == 0x80) nbytes--; /* no half characters */
    }
    for (size_t at = 0, w = 0; at <= nbytes; at += 8, w++) {
        uint64_t word = 0;
        memcpy(&word, text + at, nbytes - at < 8 ? nbytes - at : 8);
        atomic_store_explicit(&words[w], word, memory_order_relaxed);
    }
}

static void
begin_write(Activity *a)
{
    atomic_fetch_add_explicit(&a->changes, 1, memory_order_acquire);
}

static void
end_write(Activity *a)
{
    atomic_fetch_add_explicit(&a->changes, 1, memory_order_release);
}

void
activity_query(Ctx *ctx, uint64_t serial, const char *sql, size_t nbytes, int64_t start_us)
{
    Activity *a = &ctx->conn->activity;
    if (a->serial != serial) {
        begin_write(a);
        store_text(a->query, ACTIVITY_QUERY_BYTES / 8, sql, nbytes);
        end_write(a);
        a->serial = serial;
    }
    atomic_store_explicit(&a->query_start_us, start_us, memory_order_relaxed);
    atomic_store_explicit(&a->state_change_us, start_us, memory_order_relaxed);
    atomic_store_explicit(&a->state, ACTIVITY_ACTIVE, memory_order_relaxed);
}

void
activity_state(Ctx *ctx, ActivityState state, int64_t tx_start_us)
{
    Activity *a = &ctx->conn->activity;
    atomic_store_explicit(&a->tx_start_us, tx_start_us, memory_order_relaxed);
    if (atomic_load_explicit(&a->state, memory_order_relaxed) == (uint32_t)state) return;
    atomic_store_explicit(&a->state, (uint32_t)state, memory_order_relaxed);
    atomic_store_explicit(&a->state_change_us, coarse_now(), memory_order_relaxed);
}

void
activity_application(Ctx *ctx, const char *name)
{
    Activity *a = &ctx->conn->activity;
    begin_write(a);
    store_text(a->application, ACTIVITY_NAME_BYTES / 8, name, strlen(name));
    end_write(a);
}

void
activity_start(DbConn *conn)
{
    atomic_store(&conn->activity.backend_start_us, coarse_now());
}

/* ---- reading ---- */

static void
load_text(const Activity *a, const _Atomic uint64_t *words, size_t nwords, char *out)
{
    for (int tries = 0; tries < 100; tries++) {
        uint32_t before = atomic_load_explicit(&a->changes, memory_order_acquire);
        for (size_t w = 0; w < nwords; w++) {
            uint64_t word = atomic_load_explicit(&words[w], memory_order_relaxed);
            memcpy(out + w * 8, &word, 8);
        }
        out[nwords * 8 - 1] = '\0';
        atomic_thread_fence(memory_order_acquire);
        if ((before & 1) == 0 && atomic_load_explicit(&a->changes, memory_order_relaxed) == before) return;
    }
    out[0] = '\0'; /* it never stood still: nothing is better than a mixture */
}

static void
read_conn(DbConn *conn, ActivityRow *r)
{
    Activity *a = &conn->activity;
    r->pid = conn->slot + 1;
    r->is_session = conn->ctx->session != NULL;
    r->state = (ActivityState)atomic_load(&a->state);
    load_text(a, a->query, ACTIVITY_QUERY_BYTES / 8, r->query);
    load_text(a, a->application, ACTIVITY_NAME_BYTES / 8, r->application);
    r->backend_start_us = atomic_load(&a->backend_start_us);
    r->tx_start_us = atomic_load(&a->tx_start_us);
    r->query_start_us = atomic_load(&a->query_start_us);
    r->state_change_us = atomic_load(&a->state_change_us);
    r->xid = atomic_load(&conn->top_xid);
    r->waits = conn->wait_entry != NULL || conn->wait_xid != XID_NONE || conn->waits_for_holders;
    r->wait_kind = conn->wait_entry != NULL ? conn->wait_entry->tag.kind : LOCK_TRANSACTION;
}

Status
activity_list(Ctx *ctx, Arena *arena, ActivityRow **rows_out, int *n_out)
{
    Db *db = ctx->db;
    ActivityRow *rows = NULL;
    int n = 0;
    mutex_lock(&db->locks.mutex);
    rwlatch_shared(&db->conns_latch);
    rows = ARENA_ARRAY(arena, ActivityRow, db->nconns);
    for (int i = 0; i < db->nconns && rows != NULL; i++)
        if (db->conns[i] != NULL) read_conn(db->conns[i], &rows[n++]);
    rwlatch_unlock(&db->conns_latch);
    mutex_unlock(&db->locks.mutex);
    *rows_out = rows;
    *n_out = n;
    return rows != NULL ? QN_OK : RAISE_OOM(ctx);
}

/* ---- telling ---- */

/* The session's connection, with conns_latch held. */
static DbConn *
find_session(Db *db, int pid)
{
    DbConn *conn = pid >= 1 && pid <= db->nconns ? db->conns[pid - 1] : NULL;
    return conn != NULL && conn->ctx->session != NULL ? conn : NULL;
}

bool
activity_cancel(Ctx *ctx, int pid)
{
    Db *db = ctx->db;
    rwlatch_shared(&db->conns_latch);
    DbConn *conn = find_session(db, pid);
    if (conn != NULL) atomic_fetch_or(conn->ctx->stop, STOP_CANCEL);
    rwlatch_unlock(&db->conns_latch);
    return conn != NULL;
}

bool
activity_terminate(Ctx *ctx, int pid)
{
    Db *db = ctx->db;
    rwlatch_shared(&db->conns_latch);
    DbConn *conn = find_session(db, pid);
    bool claimed = conn != NULL && claim(conn);
    if (conn != NULL) atomic_fetch_or(conn->ctx->stop, STOP_SHUTDOWN);
    rwlatch_unlock(&db->conns_latch);
    if (claimed) end_claimed(conn, ERR_ADMIN_SHUTDOWN);
    return conn != NULL;
}
