/* lock_view.c - the lock table as others see it: pg_locks, pg_blocking_pids. */
#include "storage/activity.h"
#include "storage/instance.h"

/* ---- pg_locks ---- */

typedef struct LockRows {
    Arena *arena;
    LockRow *rows;
    int n, cap;
} LockRows;

static bool
add_row(LockRows *out, LockRow row)
{
    if (out->n == out->cap) {
        int cap = out->cap != 0 ? out->cap * 2 : 64;
        LockRow *p = arena_realloc(out->arena, out->rows, (size_t)out->cap * sizeof(*p), (size_t)cap * sizeof(*p));
        if (p == NULL) return false;
        out->rows = p;
        out->cap = cap;
    }
    out->rows[out->n++] = row;
    return true;
}

/* What a connection holds without the table. */
static bool
add_conn_rows(LockRows *out, DbConn *conn)
{
    LockRow r = {.granted = true, .pid = conn->slot + 1, .ntx = conn->ntx};
    bool ok = true;
    spinlatch_lock(&conn->fast_latch);
    for (uint32_t k = 0; k < conn->nfast && ok; k++) {
        r.tag = (LockTag){.a = conn->fast[k].oid, .kind = LOCK_RELATION};
        r.mode = (LockMode)conn->fast[k].mode;
        r.fast_path = true;
        ok = add_row(out, r);
    }
    spinlatch_unlock(&conn->fast_latch);
    Xid xid = atomic_load_explicit(&conn->top_xid, memory_order_relaxed);
    r.mode = LOCK_EXCLUSIVE;
    if (ok && atomic_load_explicit(&conn->activity.tx_start_us, memory_order_relaxed) != 0) {
        r.tag = (LockTag){.a = (uint64_t)r.pid, .b = r.ntx, .kind = LOCK_VIRTUALXID};
        r.fast_path = true;
        ok = add_row(out, r);
    }
    if (ok && xid != XID_NONE) {
        r.tag = (LockTag){.a = xid, .kind = LOCK_TRANSACTION};
        r.fast_path = false;
        ok = add_row(out, r);
    }
    if (ok && conn->wait_xid != XID_NONE) {
        r.tag = (LockTag){.a = conn->wait_xid, .kind = LOCK_TRANSACTION};
        r.mode = LOCK_SHARE;
        r.fast_path = r.granted = false;
        ok = add_row(out, r);
    }
    return ok;
}

static bool
add_entry_rows(LockRows *out, const LockEntry *e)
{
    bool ok = true;
    for (LockHold *h = e->holds; h != NULL && ok; h = h->entry_next)
        ok = add_row(out, (LockRow){.tag = e->tag, .mode = h->mode, .granted = true, .pid = h->conn->slot + 1,
                                    .ntx = h->conn->ntx});
    for (DbConn *w = e->waiters; w != NULL && ok; w = w->wait_next)
        ok = add_row(out, (LockRow){.tag = e->tag, .mode = w->wait_mode, .pid = w->slot + 1, .ntx = w->ntx});
    return ok;
}

Status
lock_list(Ctx *ctx, Arena *arena, LockRow **rows_out, int *n_out)
{
    Db *db = ctx->db;
    LockTable *t = &db->locks;
    LockRows out = {.arena = arena};
    bool ok = true;

    mutex_lock(&t->mutex);
    rwlatch_shared(&db->conns_latch);
    for (int i = 0; i < db->nconns && ok; i++)
        if (db->conns[i] != NULL) ok = add_conn_rows(&out, db->conns[i]);
    rwlatch_unlock(&db->conns_latch);
    for (uint32_t b = 0; b < t->nbuckets && ok; b++)
        for (LockEntry *e = t->buckets[b]; e != NULL && ok; e = e->next) ok = add_entry_rows(&out, e);
    mutex_unlock(&t->mutex);
    *rows_out = out.rows;
    *n_out = out.n;
    return ok ? QN_OK : RAISE_OOM(ctx);
}

/* ---- pg_blocking_pids ---- */

typedef struct Blockers {
    Arena *arena;
    int *pids;
    int n, cap;
} Blockers;

static bool
add_blocker(Blockers *out, const DbConn *conn)
{
    int pid = conn->slot + 1;
    for (int i = 0; i < out->n; i++)
        if (out->pids[i] == pid) return true;
    if (out->n == out->cap) {
        int cap = out->cap != 0 ? out->cap * 2 : 8;
        int *p = arena_realloc(out->arena, out->pids, (size_t)out->cap * sizeof(*p), (size_t)cap * sizeof(*p));
        if (p == NULL) return false;
        out->pids = p;
        out->cap = cap;
    }
    out->pids[out->n++] = pid;
    return true;
}

Status
lock_blockers(Ctx *ctx, Arena *arena, int pid, int **pids_out, int *n_out)
{
    Db *db = ctx->db;
    Blockers out = {.arena = arena};
    bool ok = true;
    mutex_lock(&db->locks.mutex);
    rwlatch_shared(&db->conns_latch);
    DbConn *conn = pid >= 1 && pid <= db->nconns ? db->conns[pid - 1] : NULL;
    LockBlocker b = {0};
    while (conn != NULL && ok && lock_next_blocker(db, conn, &b)) ok = add_blocker(&out, b.conn);
    rwlatch_unlock(&db->conns_latch);
    mutex_unlock(&db->locks.mutex);
    *pids_out = out.pids;
    *n_out = out.n;
    return ok ? QN_OK : RAISE_OOM(ctx);
}
