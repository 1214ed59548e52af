/* lock.c - see lock.h. One hash table under one mutex; weak relation locks stay out of it in the connections' fast slots.
 *
 * Fast path: a weak mode is noted in the connection under its own fast_latch if the relation's bucket of strong counts is zero. Whoever wants a strong mode
 * first raises the count, then goes through all connections, under their fast_latch, and moves what it finds into the table: a weak locker
 * either sees the count or is found.
 *
 * A granted lock is a LockHold, on the list of its entry and of its connection. A waiter is its connection: it waits for one lock at a time.
 */
#include "storage/lock.h"
#include "common/hash.h"
#include "storage/instance.h"
#include <assert.h>
#include <stdlib.h>

enum {
    BUCKETS_FIRST = 256,
    SPARE_HOLDS = 32,
    POLL_US = 2 * 1000,            /* how late an interrupt may be noticed in a wait */
};

#define BIT(mode) (1u << (mode))

/* PostgreSQL's table of conflicts. */
static const uint16_t conflicts[LOCK_MODE_COUNT] = {
    [LOCK_ACCESS_SHARE] = BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_ROW_SHARE] = BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_ROW_EXCLUSIVE] = BIT(LOCK_SHARE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) |
                           BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_SHARE_UPDATE_EXCLUSIVE] = BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | BIT(LOCK_SHARE) |
                                    BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) |
                                    BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_SHARE] = BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) |
                   BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_SHARE_ROW_EXCLUSIVE] = BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) |
                                 BIT(LOCK_SHARE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) |
                                 BIT(LOCK_ACCESS_EXCLUSIVE),
    [LOCK_EXCLUSIVE] = 0xFFFF & ~(BIT(LOCK_NONE) | BIT(LOCK_ACCESS_SHARE)),
    [LOCK_ACCESS_EXCLUSIVE] = 0xFFFF & ~BIT(LOCK_NONE),
};

const char *
lock_mode_name(LockMode mode)
{
    static const char *const names[LOCK_MODE_COUNT] = {
        "INVALID", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
        "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"};
    return names[mode];
}

bool
lock_modes_conflict(LockMode a, LockMode b)
{
    return (conflicts[a] >> b & 1) != 0;
}

/* ---- the table ---- */

static uint64_t
tag_hash(LockTag tag)
{
    return hash_combine(hash_combine(hash_u64(tag.a), tag.b), tag.kind);
}

static bool
tag_equal(LockTag a, LockTag b)
{
    return a.a == b.a && a.b == b.b && a.kind == b.kind;
}

static LockEntry *
find_entry(LockTable *t, LockTag tag)
{
    LockEntry *e = t->buckets[tag_hash(tag) & (t->nbuckets - 1)];
    while (e != NULL && !tag_equal(e->tag, tag)) e = e->next;
    return e;
}

/* Twice the buckets; without memory the chains just get longer. */
static void
grow_table(LockTable *t)
{
    uint32_t n = t->nbuckets * 2;
    LockEntry **buckets = mem_zalloc(NULL, n * sizeof(*buckets));
    if (buckets == NULL) return;
    for (uint32_t i = 0; i < t->nbuckets; i++) {
        for (LockEntry *e = t->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            LockEntry **at = &buckets[tag_hash(e->tag) & (n - 1)];
            e->next = *at;
            *at = e;
        }
    }
    mem_free(NULL, t->buckets, t->nbuckets * sizeof(*buckets));
    t->buckets = buckets;
    t->nbuckets = n;
}

static LockEntry *
get_entry(LockTable *t, LockTag tag)
{
    LockEntry *e = find_entry(t, tag);
    if (e != NULL) return e;
    if (t->nentries > t->nbuckets) grow_table(t);
    e = mem_zalloc(NULL, sizeof(*e));
    if (e == NULL) return NULL;
    e->tag = tag;
    LockEntry **at = &t->buckets[tag_hash(tag) & (t->nbuckets - 1)];
    e->next = *at;
    *at = e;
    t->nentries++;
    if (tag.kind == LOCK_TUPLE) atomic_fetch_add_explicit(&t->ntuples, 1, memory_order_relaxed);
    return e;
}

static void
drop_entry_if_idle(LockTable *t, LockEntry *gone)
{
    if (gone->holds != NULL || gone->waiters != NULL) return;
    LockEntry **at = &t->buckets[tag_hash(gone->tag) & (t->nbuckets - 1)];
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    t->nentries--;
    if (gone->tag.kind == LOCK_TUPLE) atomic_fetch_sub_explicit(&t->ntuples, 1, memory_order_relaxed);
    mem_free(NULL, gone, sizeof(*gone));
}

/* ---- holds ---- */

/* Makes sure a hold can be had without failing. */
static Status
reserve_hold(Ctx *ctx, DbConn *conn)
{
    LockHold *h;
    if (conn->spare_holds != NULL) return QN_OK;
    TRY_ALLOC(ctx, h, mem_zalloc(NULL, sizeof(*h)));
    h->conn_next = NULL;
    conn->spare_holds = h;
    conn->nspare = 1;
    return QN_OK;
}

static LockHold *
take_spare(DbConn *conn)
{
    LockHold *h = conn->spare_holds;
    conn->spare_holds = h->conn_next;
    conn->nspare--;
    *h = (LockHold){0};
    return h;
}

static void
give_spare(DbConn *conn, LockHold *h)
{
    if (conn->nspare >= SPARE_HOLDS) {
        mem_free(NULL, h, sizeof(*h));
        return;
    }
    h->conn_next = conn->spare_holds;
    conn->spare_holds = h;
    conn->nspare++;
}

static LockHold *
find_hold(const LockEntry *e, const DbConn *conn, LockMode mode)
{
    for (LockHold *h = e->holds; h != NULL; h = h->entry_next)
        if (h->conn == conn && h->mode == mode) return h;
    return NULL;
}

static LockHold *
add_hold(LockEntry *e, DbConn *conn, LockHold *h, LockMode mode, uint32_t seq)
{
    h->entry = e;
    h->conn = conn;
    h->mode = mode;
    h->seq = seq;
    h->entry_prev = NULL;
    h->entry_next = e->holds;
    if (e->holds != NULL) e->holds->entry_prev = h;
    e->holds = h;
    h->conn_prev = NULL;
    h->conn_next = conn->holds;
    if (conn->holds != NULL) conn->holds->conn_prev = h;
    conn->holds = h;
    e->granted[mode]++;
    return h;
}

/* Modes others hold. */
static uint32_t
held_by_others(const LockEntry *e, const DbConn *conn)
{
    uint32_t mask = 0;
    for (const LockHold *h = e->holds; h != NULL; h = h->entry_next)
        if (h->conn != conn) mask |= BIT(h->mode);
    return mask;
}

/* Modes granted to anyone, without looking at who: cheap first test. */
static uint32_t
granted_mask(const LockEntry *e)
{
    uint32_t mask = 0;
    for (int m = 1; m < LOCK_MODE_COUNT; m++)
        if (e->granted[m] != 0) mask |= BIT(m);
    return mask;
}

static bool
can_grant(const LockEntry *e, const DbConn *conn, LockMode mode)
{
    if ((granted_mask(e) & conflicts[mode]) == 0) return true;
    return (held_by_others(e, conn) & conflicts[mode]) == 0;
}

/* ---- queues ---- */

/* After a hold or waiter has gone: grants whoever can be, in order; a waiter who cannot holds back those behind who conflict
 * with it. */
void
lock_serve_queue(LockEntry *e)
{
    uint32_t ahead = 0;
    for (DbConn **at = &e->waiters; *at != NULL;) {
        DbConn *w = *at;
        if ((ahead & conflicts[w->wait_mode]) == 0 && can_grant(e, w, w->wait_mode)) {
            *at = w->wait_next;
            w->wait_entry = NULL;
            w->wait_granted = true;
            LockHold *h = find_hold(e, w, w->wait_mode);
            if (h == NULL) h = add_hold(e, w, take_spare(w), w->wait_mode, ++w->lock_seq);
            cond_signal(&w->wait_cond);
        } else {
            ahead |= BIT(w->wait_mode);
            at = &w->wait_next;
        }
    }
}

static void
leave_queue(LockTable *t, DbConn *conn)
{
    LockEntry *e = conn->wait_entry;
    if (e == NULL) return;
    DbConn **at = &e->waiters;
    while (*at != conn) at = &(*at)->wait_next;
    *at = conn->wait_next;
    conn->wait_entry = NULL;
    lock_serve_queue(e);
    drop_entry_if_idle(t, e);
}

/* Where the connection belongs in the queue: at the end, but before the first waiter whom its own holds on this lock are in the way
 * of, since that one waits for us and we would wait for it. */
static void
join_queue(LockEntry *e, DbConn *conn, LockMode mode)
{
    uint32_t mine = 0;
    for (const LockHold *h = e->holds; h != NULL; h = h->entry_next)
        if (h->conn == conn) mine |= BIT(h->mode);
    DbConn **at = &e->waiters;
    while (*at != NULL && (conflicts[(*at)->wait_mode] & mine) == 0) at = &(*at)->wait_next;
    conn->wait_next = *at;
    *at = conn;
    conn->wait_entry = e;
    conn->wait_mode = mode;
    conn->wait_granted = false;
}

/* Whether anyone who waits ahead would be passed unfairly. */
static bool
may_pass_queue(const LockEntry *e, const DbConn *conn, LockMode mode)
{
    uint32_t mine = 0;
    for (const LockHold *h = e->holds; h != NULL; h = h->entry_next)
        if (h->conn == conn) mine |= BIT(h->mode);
    if (e->tag.kind == LOCK_TUPLE) return true;
    for (const DbConn *w = e->waiters; w != NULL; w = w->wait_next) {
        if ((conflicts[w->wait_mode] & mine) != 0) return true; /* it waits for us anyway */
        if ((conflicts[mode] >> w->wait_mode & 1) != 0) return false;
    }
    return true;
}

/* ---- waiting ---- */

static int64_t
lock_deadline(const Ctx *ctx)
{
    int ms = ctx->settings != NULL ? ctx->settings->lock_timeout : 0;
    return ms > 0 ? ctx_now_us() + (int64_t)ms * 1000 : 0;
}

static int64_t
deadlock_wait_us(const Ctx *ctx)
{
    return (int64_t)(ctx->settings != NULL ? ctx->settings->deadlock_timeout : 1000) * 1000;
}

/* With the table's mutex: sleeps once, with what a waiter has to look at. */
static Status
wait_step(Ctx *ctx, LockTable *t, int64_t deadline, int64_t *next_check)
{
    int64_t now = ctx_now_us();

    cond_wait_until(&ctx->conn->wait_cond, &t->mutex, now + POLL_US);
    TRY(ctx_check_stop(ctx));
    TRY(db_check_usable(ctx));
    now = ctx_now_us();
    if (deadline != 0 && now >= deadline)
        return RAISE(ctx, ERR_LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
    if (now >= *next_check) {
        *next_check = now + deadlock_wait_us(ctx);
        TRY(deadlock_check(ctx));
    }
    return QN_OK;
}

static Status
wait_for_grant(Ctx *ctx, LockTable *t, LockEntry *e, LockMode mode)
{
    DbConn *conn = ctx->conn;
    int64_t deadline = lock_deadline(ctx), next_check = ctx_now_us() + deadlock_wait_us(ctx);
    Status st = QN_OK;

    join_queue(e, conn, mode);
    while (!conn->wait_granted && st == QN_OK) st = wait_step(ctx, t, deadline, &next_check);
    if (conn->wait_granted) { /* also when an error came too late: the caller has the lock */
        if (st == QN_OK) return QN_OK;
        return st;
    }
    leave_queue(t, conn);
    return st;
}

Status
lock_wait_for_xid(Ctx *ctx, Xid xid, int slot)
{
    Db *db = ctx->db;
    LockTable *t = &db->locks;
    DbConn *conn = ctx->conn;
    int64_t deadline = lock_deadline(ctx), next_check = ctx_now_us() + deadlock_wait_us(ctx);
    Status st = QN_OK;

    mutex_lock(&t->mutex);
    atomic_fetch_add(&t->xid_waiters, 1);
    conn->wait_xid = xid;
    conn->wait_slot = slot;
    /* The owner stores its xids' states before it looks for waiters, and we look at the state after being counted. */
    while (st == QN_OK && xidmap_state(&db->xids, xid) == (XID_STATE_RUNNING | (uint64_t)slot))
        st = wait_step(ctx, t, deadline, &next_check);
    conn->wait_xid = XID_NONE;
    atomic_fetch_sub(&t->xid_waiters, 1);
    mutex_unlock(&t->mutex);
    return st;
}

/* Does one of the transactions hold it still? rows: what lock_list gave. */
static bool
is_still_held(const DbConn *conn, const LockRow *first, int nfirst, const LockRow *rows, int n, LockTag tag, LockMode mode)
{
    for (int i = 0; i < n; i++) {
        const LockRow *r = &rows[i];
        bool counts = r->granted && r->pid != conn->slot + 1 && tag_equal(r->tag, tag) && lock_modes_conflict(r->mode, mode);
        for (int k = 0; k < nfirst && counts; k++)
            if (first[k].pid == r->pid && first[k].ntx == r->ntx && first[k].granted && tag_equal(first[k].tag, tag)) return true;
    }
    return false;
}

Status
lock_wait_for_holders(Ctx *ctx, LockTag tag, LockMode mode)
{
    LockTable *t = &ctx->db->locks;
    DbConn *conn = ctx->conn;
    int64_t deadline = lock_deadline(ctx), next_check = ctx_now_us() + deadlock_wait_us(ctx);
    Arena *arena = arena_create(ctx->stmt_arena, "holders"), *now = arena_create(arena, "now");
    LockRow *first, *rows;
    int nfirst, n;
    Status st = arena == NULL || now == NULL ? RAISE_OOM(ctx) : lock_list(ctx, arena, &first, &nfirst);
    while (st == QN_OK) {
        arena_reset(now);
        st = lock_list(ctx, now, &rows, &n);
        if (st != QN_OK || !is_still_held(conn, first, nfirst, rows, n, tag, mode)) break;
        mutex_lock(&t->mutex);
        conn->waits_for_holders = true;
        st = wait_step(ctx, t, deadline, &next_check);
        conn->waits_for_holders = false;
        mutex_unlock(&t->mutex);
    }
    arena_destroy(arena);
    return st;
}

void
lock_wake_xid_waiters(DbConn *conn)
{
    Db *db = conn->db;
    if (atomic_load(&db->locks.xid_waiters) == 0) return;
    mutex_lock(&db->locks.mutex);
    rwlatch_shared(&db->conns_latch);
    for (int i = 0; i < db->nconns; i++) {
        DbConn *w = db->conns[i];
        if (w != NULL && w->wait_xid != XID_NONE && w->wait_slot == conn->slot) cond_signal(&w->wait_cond);
    }
    rwlatch_unlock(&db->conns_latch);
    mutex_unlock(&db->locks.mutex);
}

/* ---- fast path ---- */

static bool
is_weak(LockTag tag, LockMode mode)
{
    return tag.kind == LOCK_RELATION && mode <= LOCK_ROW_EXCLUSIVE;
}

static _Atomic uint32_t *
strong_count(LockTable *t, uint64_t oid)
{
    return &t->strong[hash_u64(oid) % STRONG_BUCKETS];
}

/* Notes a weak lock in the connection. False if it has to go to the table. */
static bool
fast_acquire(Ctx *ctx, uint32_t oid, LockMode mode)
{
    DbConn *conn = ctx->conn;
    bool got = false;

    /* Only this thread adds to the slots; a strong locker may take some away. */
    spinlatch_lock(&conn->fast_latch);
    for (uint32_t i = 0; i < conn->nfast && !got; i++)
        got = conn->fast[i].oid == oid && conn->fast[i].mode == mode;
    if (!got && conn->nfast < FAST_LOCKS && atomic_load(strong_count(&ctx->db->locks, oid)) == 0) {
        conn->fast[conn->nfast++] = (FastLock){oid, ++conn->lock_seq, (uint8_t)mode};
        got = true;
    }
    spinlatch_unlock(&conn->fast_latch);
    return got;
}

/* With the table's mutex: moves what connections hold of this relation in their slots into the table. */
static Status
collect_fast(Ctx *ctx, LockTable *t, LockTag tag)
{
    Db *db = ctx->db;
    Status st = QN_OK;

    rwlatch_shared(&db->conns_latch);
    for (int i = 0; i < db->nconns && st == QN_OK; i++) {
        DbConn *conn = db->conns[i];
        if (conn == NULL) continue;
        spinlatch_lock(&conn->fast_latch);
        for (uint32_t k = 0; k < conn->nfast && st == QN_OK;) {
            FastLock f = conn->fast[k];
            if (f.oid != tag.a) {
                k++;
                continue;
            }
            LockEntry *e = get_entry(t, tag);
            LockHold *h = e != NULL ? mem_zalloc(NULL, sizeof(*h)) : NULL;
            if (h == NULL) {
                if (e != NULL) drop_entry_if_idle(t, e);
                st = RAISE_OOM(ctx);
                break;
            }
            h->transaction = true;
            add_hold(e, conn, h, (LockMode)f.mode, f.seq);
            conn->fast[k] = conn->fast[--conn->nfast];
        }
        spinlatch_unlock(&conn->fast_latch);
    }
    rwlatch_unlock(&db->conns_latch);
    return st;
}

/* ---- taking ---- */

static Status
not_available(Ctx *ctx, LockTag tag, const char *name)
{
    switch (tag.kind) {
    case LOCK_RELATION:
        if (name != NULL)
            return RAISE(ctx, ERR_LOCK_NOT_AVAILABLE, "could not obtain lock on relation \"%s\"", name);
        return RAISE(ctx, ERR_LOCK_NOT_AVAILABLE, "could not obtain lock on relation with OID %u",
                     (unsigned)tag.a);
    case LOCK_TUPLE:
    case LOCK_ROW_QUEUE:
        if (name != NULL)
            return RAISE(ctx, ERR_LOCK_NOT_AVAILABLE, "could not obtain lock on row in relation \"%s\"", name);
        return RAISE(ctx, ERR_LOCK_NOT_AVAILABLE, "could not obtain lock on row in relation with OID %u",
                     (unsigned)tag.a);
    default: return RAISE(ctx, ERR_LOCK_NOT_AVAILABLE, "could not obtain lock");
    }
}

/* Takes the lock in the table. session: as an advisory session lock, counted. */
static Status
acquire(Ctx *ctx, LockTag tag, LockMode mode, LockWait wait, bool session, const char *name,
        bool *granted_out)
{
    LockTable *t = &ctx->db->locks;
    DbConn *conn = ctx->conn;
    bool strong = tag.kind == LOCK_RELATION && !is_weak(tag, mode), granted = false, held = false;
    LockEntry *e = NULL;
    Status st;

    mutex_lock(&t->mutex);
    TRY_GOTO(reserve_hold(ctx, conn));
    TRY_ALLOC_GOTO(ctx, e, get_entry(t, tag));
    LockHold *h = find_hold(e, conn, mode);
    held = h != NULL;
    if (!held && strong) {
        /* For as long as the hold lives. */
        atomic_fetch_add(strong_count(t, tag.a), 1);
        st = collect_fast(ctx, t, tag);
        if (st != QN_OK) {
            atomic_fetch_sub(strong_count(t, tag.a), 1);
            goto done;
        }
    }
    if (held) {
        granted = true;
    } else if (can_grant(e, conn, mode) && may_pass_queue(e, conn, mode)) {
        h = add_hold(e, conn, take_spare(conn), mode, ++conn->lock_seq);
        granted = true;
    } else if (wait == LOCK_WAIT) {
        st = wait_for_grant(ctx, t, e, mode);
        granted = conn->wait_granted;
        conn->wait_granted = false;
        if (granted) h = find_hold(e, conn, mode);
        else e = NULL; /* leave_queue may have freed it */
    } else if (wait == LOCK_NOWAIT) {
        st = not_available(ctx, tag, name);
    }
    if (granted && session) h->session++;
    if (granted && !session) h->transaction = true;
    if (!granted && strong && !held) atomic_fetch_sub(strong_count(t, tag.a), 1);
done:
    if (e != NULL) drop_entry_if_idle(t, e);
    mutex_unlock(&t->mutex);
    if (granted_out != NULL) *granted_out = granted;
    return st;
}

static Status
acquire_named(Ctx *ctx, LockTag tag, LockMode mode, LockWait wait, const char *name, bool *granted_out)
{
    if (is_weak(tag, mode) && fast_acquire(ctx, (uint32_t)tag.a, mode)) {
        if (granted_out != NULL) *granted_out = true;
        return QN_OK;
    }
    return acquire(ctx, tag, mode, wait, false, name, granted_out);
}

Status
lock_acquire(Ctx *ctx, LockTag tag, LockMode mode, LockWait wait, bool *granted_out)
{
    return acquire_named(ctx, tag, mode, wait, NULL, granted_out);
}

Status
lock_relation(Ctx *ctx, uint32_t oid, LockMode mode, LockWait wait, const char *name)
{
    LockTag tag = {.a = oid, .kind = LOCK_RELATION};
    return acquire_named(ctx, tag, mode, wait, name, NULL);
}

bool
lock_row_is_taken(Ctx *ctx, LockTag tag, LockMode mode)
{
    LockTable *t = &ctx->db->locks;
    bool taken = false;

    if (atomic_load_explicit(&t->ntuples, memory_order_relaxed) == 0) return false;
    mutex_lock(&t->mutex);
    LockEntry *e = find_entry(t, tag);
    for (LockHold *h = e != NULL ? e->holds : NULL; h != NULL && !taken; h = h->entry_next)
        taken = h->conn != ctx->conn && lock_modes_conflict(h->mode, mode);
    mutex_unlock(&t->mutex);
    return taken;
}

Status
lock_row_follow(Ctx *ctx, LockTag from, LockTag to)
{
    LockTable *t = &ctx->db->locks;
    LockEntry *e, *next = NULL;
    Status st = QN_OK;

    if (atomic_load_explicit(&t->ntuples, memory_order_relaxed) == 0) return QN_OK;
    mutex_lock(&t->mutex);
    e = find_entry(t, from);
    for (LockHold *h = e != NULL ? e->holds : NULL; h != NULL; h = h->entry_next) {
        LockHold *more;
        if (h->conn == ctx->conn || !h->transaction) continue;
        TRY_ALLOC_GOTO(ctx, next, get_entry(t, to));
        if (find_hold(next, h->conn, h->mode) != NULL) continue;
        TRY_ALLOC_GOTO(ctx, more, mem_zalloc(NULL, sizeof(*more)));
        /* With the old lock's number, so that it goes when that goes. */
        add_hold(next, h->conn, more, h->mode, h->seq)->transaction = true;
    }
done:
    if (next != NULL) drop_entry_if_idle(t, next);
    mutex_unlock(&t->mutex);
    return st;
}

bool
lock_is_held(Ctx *ctx, LockTag tag, LockMode at_least)
{
    DbConn *conn = ctx->conn;
    bool held = false;

    spinlatch_lock(&conn->fast_latch);
    for (uint32_t i = 0; i < conn->nfast; i++)
        held |= tag.kind == LOCK_RELATION && conn->fast[i].oid == tag.a && conn->fast[i].mode >= at_least;
    spinlatch_unlock(&conn->fast_latch);
    if (held) return true;
    mutex_lock(&ctx->db->locks.mutex);
    LockEntry *e = find_entry(&ctx->db->locks, tag);
    for (LockHold *h = e != NULL ? e->holds : NULL; h != NULL; h = h->entry_next)
        held |= h->conn == conn && h->mode >= at_least;
    mutex_unlock(&ctx->db->locks.mutex);
    return held;
}

/* ---- letting go ---- */

/* With the table's mutex: the hold goes, and whoever waited for it may be served. */
static void
drop_hold(LockTable *t, LockHold *h)
{
    LockEntry *e = h->entry;
    DbConn *conn = h->conn;

    if (e->tag.kind == LOCK_RELATION && !is_weak(e->tag, h->mode))
        atomic_fetch_sub(strong_count(t, e->tag.a), 1);
    e->granted[h->mode]--;
    if (h->entry_prev != NULL) h->entry_prev->entry_next = h->entry_next;
    else e->holds = h->entry_next;
    if (h->entry_next != NULL) h->entry_next->entry_prev = h->entry_prev;
    if (h->conn_prev != NULL) h->conn_prev->conn_next = h->conn_next;
    else conn->holds = h->conn_next;
    if (h->conn_next != NULL) h->conn_next->conn_prev = h->conn_prev;
    give_spare(conn, h);
    if (e->waiters != NULL) lock_serve_queue(e);
    drop_entry_if_idle(t, e);
}

void
lock_give_back(Ctx *ctx, LockTag tag, LockMode mode)
{
    LockTable *t = &ctx->db->locks;
    mutex_lock(&t->mutex);
    LockEntry *e = find_entry(t, tag);
    LockHold *h = e != NULL ? find_hold(e, ctx->conn, mode) : NULL;
    if (h != NULL && h->session == 0) drop_hold(t, h);
    mutex_unlock(&t->mutex);
}

uint32_t
lock_mark(Ctx *ctx)
{
    return ctx->conn->lock_seq;
}

/* Transaction locks taken after mark. */
static void
release(Ctx *ctx, uint32_t mark)
{
    LockTable *t = &ctx->db->locks;
    DbConn *conn = ctx->conn;

    spinlatch_lock(&conn->fast_latch);
    for (uint32_t i = 0; i < conn->nfast;) {
        if (conn->fast[i].seq > mark) conn->fast[i] = conn->fast[--conn->nfast];
        else i++;
    }
    /* A strong locker adds to our holds what it finds in our slots, under fast_latch: now it finds nothing any more, and what it
     * added before is seen. */
    bool none = conn->holds == NULL;
    spinlatch_unlock(&conn->fast_latch);
    if (none) return;
    mutex_lock(&t->mutex);
    for (LockHold *h = conn->holds, *next; h != NULL; h = next) {
        next = h->conn_next;
        if (!h->transaction || h->seq <= mark) continue;
        h->transaction = false;
        if (h->session == 0) drop_hold(t, h);
    }
    mutex_unlock(&t->mutex);
}

void
lock_release_after(Ctx *ctx, uint32_t mark)
{
    release(ctx, mark);
}

void
lock_release_all(Ctx *ctx)
{
    release(ctx, 0);
}

/* ---- advisory ---- */

Status
lock_advisory(Ctx *ctx, LockTag tag, bool shared, bool session, LockWait wait, bool *granted_out)
{
    return acquire(ctx, tag, shared ? LOCK_SHARE : LOCK_EXCLUSIVE, wait, session, NULL, granted_out);
}

bool
lock_advisory_release(Ctx *ctx, LockTag tag, bool shared)
{
    LockTable *t = &ctx->db->locks;
    bool held = false;

    mutex_lock(&t->mutex);
    LockEntry *e = find_entry(t, tag);
    LockHold *h = e != NULL ? find_hold(e, ctx->conn, shared ? LOCK_SHARE : LOCK_EXCLUSIVE) : NULL;
    if (h != NULL && h->session > 0) {
        held = true;
        if (--h->session == 0 && !h->transaction) drop_hold(t, h);
    }
    mutex_unlock(&t->mutex);
    return held;
}

void
lock_advisory_release_all(Ctx *ctx)
{
    LockTable *t = &ctx->db->locks;
    mutex_lock(&t->mutex);
    for (LockHold *h = ctx->conn->holds, *next; h != NULL; h = next) {
        next = h->conn_next;
        h->session = 0;
        if (!h->transaction) drop_hold(t, h);
    }
    mutex_unlock(&t->mutex);
}

/* ---- the instance ---- */

Status
lock_table_init(Ctx *ctx, Db *db)
{
    LockTable *t = &db->locks;
    mutex_init(&t->mutex);
    TRY_ALLOC(ctx, t->buckets, mem_zalloc(NULL, BUCKETS_FIRST * sizeof(*t->buckets)));
    t->nbuckets = BUCKETS_FIRST;
    return QN_OK;
}

void
lock_table_free(Db *db)
{
    LockTable *t = &db->locks;
    assert(t->nentries == 0);
    mem_free(NULL, t->buckets, t->nbuckets * sizeof(*t->buckets));
    mutex_destroy(&t->mutex);
}

void
lock_conn_free(DbConn *conn)
{
    while (conn->spare_holds != NULL) {
        LockHold *h = conn->spare_holds;
        conn->spare_holds = h->conn_next;
        mem_free(NULL, h, sizeof(*h));
    }
}
