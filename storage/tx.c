/* tx.c - see tx.h. The xid map and the aborted set are in xidmap.c.
 *
 * A commit in steps, and what each is for:
 *   1. the commit record is appended; in the same breath (insert_mutex) the transaction joins the list of commits in LSN order
 *   2. the log is flushed, unless synchronous_commit is off
 *   3. its xids get their CSN in the map: nobody sees them yet, every snapshot's mark is older
 *   4. the published mark advances over all commits at the head of the list that are this far; who has synced a group does 3 and 4 for all of
 *      it, so that those who wake up find everything done
 *   5. once the mark has passed it: hooks, locks, waiters
 * A crash before 2 has ended may keep or lose it, after 2 it is there.
 */
#include "storage/tx.h"
#include "common/sched.h"
#include "storage/instance.h"
#include "storage/ssi.h"
#include <assert.h>
#include <stdlib.h>
#include <time.h>

enum {
    RANGES_A_RECORD = 8192,  /* more own xid ranges than that take several records */
    CLEAN_EVERY = 256,       /* finished transactions between trims of the xid map */
};

/* Payload of WAL_COMMIT: this, nranges XidRange, ndrops PageNo, nroots CommitRoot. */
typedef struct CommitPayload {
    Xid top;
    int64_t time_us;         /* wall clock */
    uint32_t nranges, ndrops, nroots;
    uint32_t partial;        /* 1: more of top's ranges follow, and nothing counts until the last record */
} CommitPayload;
typedef struct CommitRoot { uint32_t slot; PageNo root; } CommitRoot;

#define GROW(ctx, items, count, cap)                                                               \
    ((count) < (cap) ? QN_OK : grow((ctx), (void **)&(items), &(cap), sizeof(*(items))))

static Status
grow(Ctx *ctx, void **items, uint32_t *cap, size_t item_bytes)
{
    uint32_t new_cap = *cap != 0 ? *cap * 2 : 8;
    void *p = mem_realloc(NULL, *items, *cap * item_bytes, new_cap * item_bytes);
    if (p == NULL) return RAISE_OOM(ctx);
    *items = p;
    *cap = new_cap;
    return QN_OK;
}

Status
xid_ranges_add(Ctx *ctx, XidRanges *list, Xid first, Xid last)
{
    if (list->count > 0 && list->items[list->count - 1].last + 1 == first) {
        list->items[list->count - 1].last = last;
        return QN_OK;
    }
    TRY(GROW(ctx, list->items, list->count, list->cap));
    list->items[list->count++] = (XidRange){first, last};
    return QN_OK;
}

void
xid_ranges_free(XidRanges *list)
{
    mem_free(NULL, list->items, list->cap * sizeof(*list->items));
    *list = (XidRanges){0};
}

Status
rel_pendings_add(Ctx *ctx, RelPendings *list, PageNo root, Xid xid)
{
    TRY(GROW(ctx, list->items, list->count, list->cap));
    list->items[list->count++] = (RelPending){.root = root, .xid = xid};
    return QN_OK;
}

void
rel_pendings_free(RelPendings *list)
{
    mem_free(NULL, list->items, list->cap * sizeof(*list->items));
    *list = (RelPendings){0};
}

/* ---- begin, own xids ---- */

Status
tx_begin(Ctx *ctx, TxIsolation isolation, bool read_only)
{
    DbConn *conn = ctx->conn;
    Tx *tx = &conn->tx;

    TRY(db_check_usable(ctx));
    if (tx->active)
        return RAISE(ctx, ERR_ACTIVE_SQL_TRANSACTION, "there is already a transaction in progress");
    tx->conn = conn;
    tx->isolation = isolation;
    tx->read_only = read_only;
    tx->active = true;
    tx->ssi = NULL;
    tx->has_snapshot = tx->any_aborted = false;
    tx->last_xid = 0;
    tx->is_unwritten = false;
    tx->min_write_xid = 1;
    tx->csn = 0;
    tx->nroots = 0;
    ctx->tx = tx;
    return QN_OK;
}

TxIsolation tx_isolation(const Tx *tx) { return tx->isolation; }
bool tx_is_read_only(const Tx *tx) { return tx->read_only; }
bool tx_has_written(const Tx *tx) { return tx->last_xid != 0; }
Xid tx_top_xid(const Tx *tx) { return tx->xids.count > 0 ? tx->xids.items[0].first : XID_NONE; }

void
tx_set_modes(Ctx *ctx, TxIsolation isolation, bool read_only)
{
    Tx *tx = ctx->tx;
    if (isolation != tx->isolation) tx->has_snapshot = false; /* the next command takes one, of the new level's kind */
    tx->isolation = isolation;
    tx->read_only = read_only;
}

/* Xids below mark may be used once this is in the log. */
static Status
log_xid_mark(Ctx *ctx, Xid mark)
{
    WalLog log;
    TRY(wal_begin(ctx, NULL, 0, sizeof(mark), &log));
    memcpy(log.payload, &mark, sizeof(mark));
    wal_finish(&log, WAL_XID_MARK, sizeof(mark));
    return QN_OK;
}

static Status
take_xid(Ctx *ctx, Tx *tx)
{
    Db *db = ctx->db;
    Xid xid;

    if (db->read_only)
        return RAISE(ctx, ERR_READ_ONLY_SQL_TRANSACTION, "cannot write: the database is open for reading only");
    if (__builtin_expect(!db->background_started, 0)) db_start_threads(ctx);
    /* Room for the range first, so that an xid taken is an xid owned. */
    TRY(GROW(ctx, tx->xids.items, tx->xids.count, tx->xids.cap));
    for (;;) {
        mutex_lock(&db->xids_mutex);
        xid = atomic_load_explicit(&db->xids.next, memory_order_relaxed);
        Xid mark = db->xid_mark;
        if (xid < mark) break;
        mutex_unlock(&db->xids_mutex);
        /* The log's mutex comes before ours, so the mark is logged without it. Two at once log twice. */
        TRY(log_xid_mark(ctx, xid + XID_MARK_STEP));
        mutex_lock(&db->xids_mutex);
        if (db->xid_mark < xid + XID_MARK_STEP) db->xid_mark = xid + XID_MARK_STEP;
        mutex_unlock(&db->xids_mutex);
    }
    Status st = xidmap_start(ctx, xid, XID_STATE_RUNNING | (uint64_t)tx->conn->slot);
    mutex_unlock(&db->xids_mutex);
    TRY(st);
    tx->last_xid = xid;
    if (tx->xids.count == 0) atomic_store_explicit(&tx->conn->top_xid, xid, memory_order_relaxed);
    return xid_ranges_add(ctx, &tx->xids, xid, xid);
}

Status
tx_write_xid(Ctx *ctx, Xid *xid_out)
{
    Tx *tx = ctx->tx;
    if (tx == NULL) return RAISE_INTERNAL(ctx, "write outside a transaction");
    if (tx->isolation == TX_READ_COMMITTED) tx_note_follow(ctx);
    if (__builtin_expect(tx->last_xid < tx->min_write_xid, 0)) TRY(take_xid(ctx, tx));
    tx->is_unwritten = false;
    *xid_out = tx->last_xid;
    return QN_OK;
}

Status
tx_assign_xid(Ctx *ctx, Xid *top_out)
{
    Tx *tx = ctx->tx;
    if (tx == NULL) return RAISE_INTERNAL(ctx, "xid outside a transaction");
    if (tx->last_xid == 0) {
        TRY(take_xid(ctx, tx));
        tx->is_unwritten = true;
    }
    *top_out = tx_top_xid(tx);
    return QN_OK;
}

/* ---- snapshots ---- */

static void
publish_oldest(DbConn *conn)
{
    Lsn least = conn->command_mark, greatest = least != LSN_NEVER ? least : 0;
    for (uint32_t i = 0; i < conn->nkept; i++) {
        if (conn->kept[i] < least) least = conn->kept[i];
        if (conn->kept[i] > greatest) greatest = conn->kept[i];
    }
    if (conn->nested_mark > greatest) greatest = conn->nested_mark;
    /* Neither reaches back further than what is registered, so who sees this late only holds back more. */
    atomic_store_explicit(&conn->oldest, least, memory_order_release);
    atomic_store_explicit(&conn->newest, greatest, memory_order_release);
}

/* Registers a mark that is the published one at a moment after others can see the registration: whoever trims the xid map
 * reads the published mark first and registrations after, and so cannot miss both. */
static Lsn
register_latest(DbConn *conn, Lsn *slot)
{
    XidMap *map = &conn->db->xids;
    /* Newest: any mark from here on, for tx_views, until publish_oldest says which. */
    if (atomic_load_explicit(&conn->oldest, memory_order_relaxed) != LSN_NEVER) {
        atomic_store(&conn->newest, LSN_NEVER);
        return *slot = atomic_load(&map->published); /* an older mark is registered: nothing can be missed */
    }
    atomic_store_explicit(&conn->newest, LSN_NEVER, memory_order_relaxed); /* seen by whoever sees oldest */
    for (;;) {
        Lsn mark = atomic_load(&map->published);
        *slot = mark;
        atomic_store(&conn->oldest, mark);
        if (atomic_load(&map->published) == mark) return mark;
    }
}

void
tx_take_snapshot(Ctx *ctx)
{
    DbConn *conn = ctx->conn;
    XidMap *map = &ctx->db->xids;
    Snapshot *snap = &ctx->tx->snapshot;
    snap->mark = register_latest(conn, &conn->command_mark);
    publish_oldest(conn);
    snap->settled = atomic_load(&map->settled);
    snap->map = map;
    snap->own = XID_STATE_RUNNING | (uint64_t)conn->slot;
}

/* Whatever was written so far is seen; what is written from now on takes an xid that is not. */
static void
see_own(Tx *tx)
{
    Snapshot *snap = &tx->snapshot;
    snap->cmd_xid = tx->last_xid + !tx->is_unwritten;
    if (tx->min_write_xid < snap->cmd_xid) tx->min_write_xid = snap->cmd_xid;
}

void
tx_note_follow(Ctx *ctx)
{
    DbConn *conn = ctx->conn;
    Lsn oldest = atomic_load_explicit(&conn->oldest, memory_order_relaxed);
    if (oldest < atomic_load_explicit(&conn->follows, memory_order_relaxed)) atomic_store(&conn->follows, oldest);
}

static void
forget_follow(DbConn *conn)
{
    if (atomic_load_explicit(&conn->follows, memory_order_relaxed) != LSN_NEVER)
        atomic_store(&conn->follows, LSN_NEVER);
}

bool
tx_sees(Ctx *ctx, Xid xid)
{
    const Tx *tx = ctx->tx;
    return tx == NULL || tx->isolation == TX_READ_COMMITTED || !tx->has_snapshot || xid_visible(&tx->snapshot, xid);
}

Status
tx_command_begin(Ctx *ctx)
{
    Tx *tx = ctx->tx;
    Snapshot *snap = &tx->snapshot;

    if (tx == NULL) return RAISE_INTERNAL(ctx, "command outside a transaction");
    TRY(db_check_usable(ctx));
    forget_follow(ctx->conn);
    if (tx->isolation == TX_READ_COMMITTED || !tx->has_snapshot) {
        if (tx->isolation == TX_SERIALIZABLE) TRY(ssi_start(ctx));
        else tx_take_snapshot(ctx);
        snap->ssi = tx->ssi;
        tx->has_snapshot = true;
    }
    see_own(tx);
    ctx->snapshot = snap;
    return QN_OK;
}

void
tx_command_end(Ctx *ctx)
{
    Tx *tx = ctx->tx;
    ctx->snapshot = NULL;
    forget_follow(ctx->conn);
    if (tx == NULL || tx->isolation != TX_READ_COMMITTED) return;
    ctx->conn->command_mark = LSN_NEVER;
    publish_oldest(ctx->conn);
}

Status
tx_command_nest(Ctx *ctx, TxNested *n)
{
    Tx *tx = ctx->tx;
    n->before = ctx->snapshot;
    n->is_inside = tx != NULL && ctx->snapshot == &tx->snapshot;
    if (!n->is_inside) return tx_command_begin(ctx);
    n->outer = tx->snapshot;
    n->outer_mark = ctx->conn->nested_mark;
    if (tx->isolation == TX_READ_COMMITTED) {
        /* The outer mark, which is not newer, stays registered for both; nothing from there on may go. */
        atomic_store(&ctx->conn->newest, LSN_NEVER);
        tx->snapshot.mark = ctx->conn->nested_mark = atomic_load(&ctx->db->xids.published);
        tx->snapshot.settled = atomic_load(&ctx->db->xids.settled);
    }
    see_own(tx);
    return QN_OK;
}

void
tx_command_unnest(Ctx *ctx, const TxNested *n)
{
    if (n->is_inside) {
        ctx->tx->snapshot = n->outer;
        ctx->conn->nested_mark = n->outer_mark;
        publish_oldest(ctx->conn);
    } else {
        tx_command_end(ctx);
    }
    ctx->snapshot = n->before;
}

Status
tx_snapshot_keep(Ctx *ctx, const Snapshot *from, Snapshot *out)
{
    DbConn *conn = ctx->conn;
    if (conn->nkept == TX_KEPT_MAX)
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "too many snapshots are held");
    /* from is registered, so its mark is not older than what is kept for it. */
    conn->kept[conn->nkept++] = from->mark;
    *out = *from;
    publish_oldest(conn);
    return QN_OK;
}

Status
tx_snapshot_latest(Ctx *ctx, Snapshot *out)
{
    DbConn *conn = ctx->conn;
    if (conn->nkept == TX_KEPT_MAX)
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "too many snapshots are held");
    Lsn mark = register_latest(conn, &conn->kept[conn->nkept]);
    conn->nkept++;
    publish_oldest(conn);
    *out = (Snapshot){.mark = mark, .settled = atomic_load(&ctx->db->xids.settled),
                      .cmd_xid = UINT64_MAX, /* all of its own */
                      .own = XID_STATE_RUNNING | (uint64_t)conn->slot, .map = &ctx->db->xids};
    return QN_OK;
}

void
tx_snapshot_drop(Ctx *ctx, Snapshot *snap)
{
    DbConn *conn = ctx->conn;
    if (snap->map == NULL) return;
    for (uint32_t i = 0; i < conn->nkept; i++) {
        if (conn->kept[i] != snap->mark) continue;
        conn->kept[i] = conn->kept[--conn->nkept];
        break;
    }
    publish_oldest(conn);
    *snap = (Snapshot){0};
}

/* ---- savepoints ---- */

Status
tx_savepoint(Ctx *ctx, const char *name)
{
    Tx *tx = ctx->tx;
    TRY(GROW(ctx, tx->savepoints, tx->nsavepoints, tx->savepoints_cap));
    Savepoint *s = &tx->savepoints[tx->nsavepoints];
    size_t nbytes = strlen(name) + 1;
    TRY_ALLOC(ctx, s->name, mem_alloc(NULL, nbytes));
    memcpy(s->name, name, nbytes);
    s->boundary = tx->last_xid + 1;
    s->lock_mark = lock_mark(ctx);
    s->nhooks = tx->nhooks;
    s->nbefore = tx->nbefore;
    s->ncreated = tx->created.count;
    s->ndropped = tx->dropped.count;
    s->nroots = tx->nroots;
    tx->nsavepoints++;
    if (tx->min_write_xid < s->boundary) tx->min_write_xid = s->boundary;
    return QN_OK;
}

static Status
find_savepoint(Ctx *ctx, const char *name, uint32_t *at_out)
{
    Tx *tx = ctx->tx;
    for (uint32_t i = tx->nsavepoints; i-- > 0;) {
        if (strcmp(tx->savepoints[i].name, name) != 0) continue;
        *at_out = i;
        return QN_OK;
    }
    return RAISE(ctx, ERR_S_E_INVALID_SPECIFICATION, "savepoint \"%s\" does not exist", name);
}

static void
pop_savepoints(Tx *tx, uint32_t n)
{
    while (tx->nsavepoints > n) {
        char *name = tx->savepoints[--tx->nsavepoints].name;
        mem_free(NULL, name, strlen(name) + 1);
    }
}

Status
tx_release(Ctx *ctx, const char *name)
{
    uint32_t at = 0;
    TRY(find_savepoint(ctx, name, &at));
    pop_savepoints(ctx->tx, at);
    return QN_OK;
}

/* Own xids from first on become aborted. */
static void
abort_xids(Ctx *ctx, Tx *tx, Xid first)
{
    for (uint32_t i = 0; i < tx->xids.count; i++) {
        XidRange r = tx->xids.items[i];
        if (r.last < first) continue;
        xidmap_store(&ctx->db->xids, r.first < first ? first : r.first, r.last, XID_STATE_ABORTED);
    }
}

/* Frees relations made by what has been rolled back. What fails is left to the instance, which tries again. */
static void
free_created(Ctx *ctx, Tx *tx, uint32_t from)
{
    while (tx->created.count > from) {
        PageNo root = tx->created.items[--tx->created.count].root;
        Ctx quiet = {.db = ctx->db, .conn = ctx->conn, .pool = ctx->pool, .io = ctx->io};
        if (rel_free(&quiet, root) != QN_OK) err_clear(&quiet.err);
    }
}

static void
run_hooks(Ctx *ctx, Tx *tx, uint32_t from, bool committed)
{
    /* Newest first when undoing, in order otherwise. */
    if (committed) {
        for (uint32_t i = from; i < tx->nhooks; i++) tx->hooks[i].hook(ctx, tx->hooks[i].arg, true);
        tx->nhooks = from;
        return;
    }
    while (tx->nhooks > from) {
        TxHookEntry h = tx->hooks[--tx->nhooks];
        h.hook(ctx, h.arg, false);
    }
}

Status
tx_rollback_to(Ctx *ctx, const char *name)
{
    Tx *tx = ctx->tx;
    uint32_t at = 0;

    TRY(find_savepoint(ctx, name, &at));
    pop_savepoints(tx, at + 1);
    Savepoint *s = &tx->savepoints[at];
    if (tx->last_xid >= s->boundary) {
        abort_xids(ctx, tx, s->boundary);
        tx->any_aborted = true;
        tx->min_write_xid = tx->last_xid + 1;
    }
    run_hooks(ctx, tx, s->nhooks, false);
    tx->nbefore = s->nbefore;
    tx->dropped.count = s->ndropped;
    tx->nroots = s->nroots;
    free_created(ctx, tx, s->ncreated);
    lock_release_after(ctx, s->lock_mark);
    lock_wake_xid_waiters(ctx->conn);
    return QN_OK;
}

/* ---- what the end has to do ---- */

Status
tx_on_end(Ctx *ctx, TxHook hook, void *arg)
{
    Tx *tx = ctx->tx;
    TRY(GROW(ctx, tx->hooks, tx->nhooks, tx->hooks_cap));
    tx->hooks[tx->nhooks++] = (TxHookEntry){hook, arg};
    return QN_OK;
}

Status
tx_before_commit(Ctx *ctx, TxBeforeCommit hook, void *arg)
{
    Tx *tx = ctx->tx;
    TRY(GROW(ctx, tx->before, tx->nbefore, tx->before_cap));
    tx->before[tx->nbefore++] = (TxBeforeEntry){hook, arg};
    return QN_OK;
}

Status
tx_note_created(Ctx *ctx, PageNo root, Xid xid)
{
    return rel_pendings_add(ctx, &ctx->tx->created, root, xid);
}

Status
tx_note_dropped(Ctx *ctx, PageNo root)
{
    Xid xid;
    TRY(tx_write_xid(ctx, &xid));
    return rel_pendings_add(ctx, &ctx->tx->dropped, root, xid);
}

bool
tx_root_pending(Ctx *ctx, int slot, PageNo *root_out)
{
    Tx *tx = ctx->tx;
    if (tx == NULL) return false;
    for (uint32_t i = tx->nroots; i-- > 0;) {
        if (tx->roots[i].slot != slot) continue;
        *root_out = tx->roots[i].root;
        return true;
    }
    return false;
}

Status
tx_root_change(Ctx *ctx, int slot, PageNo root)
{
    Xid xid;
    Tx *tx = ctx->tx;
    if (tx == NULL) return RAISE_INTERNAL(ctx, "root set outside a transaction");
    TRY(tx_write_xid(ctx, &xid));
    TRY(GROW(ctx, tx->roots, tx->nroots, tx->roots_cap));
    tx->roots[tx->nroots++] = (RootChange){slot, root};
    return QN_OK;
}

/* Everything of the transaction goes but what its connection keeps for the next. */
static void
finish(Ctx *ctx, Tx *tx, bool committed)
{
    DbConn *conn = tx->conn;
    Db *db = ctx->db;
    bool wrote = tx->last_xid != 0, dropped = committed && tx->dropped.count > 0;

    ctx->snapshot = NULL;
    conn->command_mark = LSN_NEVER;
    conn->nested_mark = 0;
    forget_follow(conn);
    publish_oldest(conn);
    ssi_end(ctx, committed, wrote);
    run_hooks(ctx, tx, 0, committed);
    table_stats_settle(ctx, tx, committed);
    pop_savepoints(tx, 0);
    if (committed && tx->created.count > 0) {
        mutex_lock(&db->xids_mutex);
        for (uint32_t i = 0; i < tx->created.count; i++) pending_remove(&db->created, tx->created.items[i].root);
        mutex_unlock(&db->xids_mutex);
        tx->created.count = 0;
    }
    free_created(ctx, tx, 0);
    tx->dropped.count = 0;
    tx->nbefore = 0;
    tx->nroots = 0;
    if (tx->xids.cap > 64) xid_ranges_free(&tx->xids);
    tx->xids.count = 0;
    tx->last_xid = 0;
    tx->active = false;
    atomic_store_explicit(&conn->top_xid, XID_NONE, memory_order_relaxed);
    ctx->tx = NULL;
    lock_release_all(ctx);
    if (!wrote) return;
    lock_wake_xid_waiters(conn);
    if (atomic_fetch_add_explicit(&db->nfinished, 1, memory_order_relaxed) + 1 >= CLEAN_EVERY || dropped) {
        Ctx quiet = {.db = db, .conn = conn, .pool = ctx->pool, .io = ctx->io};
        if (tx_clean(&quiet, false) != QN_OK) err_clear(&quiet.err);
    }
}

void
tx_rollback(Ctx *ctx)
{
    Tx *tx = ctx->tx;
    if (tx == NULL) return;
    if (tx->last_xid != 0) abort_xids(ctx, tx, 0);
    finish(ctx, tx, false);
}

/* ---- commit ---- */

/* The own xids that count: all, or those not rolled back to a savepoint. */
static Status
committed_ranges(Ctx *ctx, Tx *tx, XidRanges *out)
{
    for (uint32_t i = 0; i < tx->xids.count; i++) {
        XidRange r = tx->xids.items[i];
        if (!tx->any_aborted) {
            TRY(xid_ranges_add(ctx, out, r.first, r.last));
            continue;
        }
        for (Xid x = r.first; x <= r.last; x++)
            if (xidmap_state(&ctx->db->xids, x) != XID_STATE_ABORTED)
                TRY(xid_ranges_add(ctx, out, x, x));
    }
    return QN_OK;
}

static bool
commits_synchronously(const Ctx *ctx)
{
    enum { OFF = 1 }; /* row of settings.def */
    return ctx->settings == NULL || ctx->settings->synchronous_commit != OFF;
}

/* With insert_mutex held, right after the record was appended: order of LSN is order in the list, and a checkpoint's capture, which
 * holds the mutex too, sees record, list and drops together. */
static void
on_commit_insert(void *arg, Lsn end)
{
    Tx *tx = arg;
    Db *db = tx->conn->db;

    mutex_lock(&db->commit_mutex);
    tx->csn = end;
    tx->commit_start = db->wal.prev_lsn;
    tx->is_async = !commits_synchronously(tx->conn->ctx);
    tx->csn_stored = false;
    tx->commit_next = NULL;
    if (db->commit_tail != NULL) db->commit_tail->commit_next = tx;
    else db->commit_head = tx;
    db->commit_tail = tx;
    mutex_unlock(&db->commit_mutex);
    if (tx->dropped.count == 0) return;
    mutex_lock(&db->drops_mutex); /* has room: reserve_drops */
    for (uint32_t i = 0; i < tx->dropped.count; i++)
        db->drops[db->ndrops++] = (DropQueued){.root = tx->dropped.items[i].root, .csn = end};
    db->drops_reserved -= tx->dropped.count;
    mutex_unlock(&db->drops_mutex);
}

static Status
reserve_drops(Ctx *ctx, Db *db, uint32_t n)
{
    Status st = QN_OK;
    mutex_lock(&db->drops_mutex);
    while (st == QN_OK && db->ndrops + db->drops_reserved + n > db->drops_cap)
        st = grow(ctx, (void **)&db->drops, &db->drops_cap, sizeof(*db->drops));
    if (st == QN_OK) db->drops_reserved += n;
    mutex_unlock(&db->drops_mutex);
    return st;
}

static Status
log_commit_part(Ctx *ctx, Tx *tx, const XidRange *ranges, uint32_t n)
{
    WalLog log;
    CommitPayload head = {.top = tx_top_xid(tx), .nranges = n, .partial = 1};

    TRY(wal_begin(ctx, NULL, 0, sizeof(head) + n * sizeof(*ranges), &log));
    memcpy(log.payload, &head, sizeof(head));
    memcpy(log.payload + sizeof(head), ranges, n * sizeof(*ranges));
    log.xid = head.top;
    wal_finish(&log, WAL_COMMIT, sizeof(head) + n * sizeof(*ranges));
    return QN_OK;
}

static int64_t
wall_clock_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Appends the commit record, or records. After it succeeds the transaction has a CSN. */
static Status
log_commit(Ctx *ctx, Tx *tx)
{
    Db *db = ctx->db;
    XidRanges ranges = {0};
    PageRef meta = PAGE_REF_NONE;
    WalLog log;
    bool latched = false;
    uint32_t first = 0, reserved = 0;
    Status st;

    TRY_GOTO(committed_ranges(ctx, tx, &ranges));
    if (tx->dropped.count > 0) {
        TRY_GOTO(reserve_drops(ctx, db, tx->dropped.count));
        reserved = tx->dropped.count;
    }
    if (ranges.count > RANGES_A_RECORD) {
        /* A redo point between the parts would lose those before it. */
        rwlatch_shared(&db->redo_latch);
        latched = true;
        for (; ranges.count - first > RANGES_A_RECORD; first += RANGES_A_RECORD)
            TRY_GOTO(log_commit_part(ctx, tx, ranges.items + first, RANGES_A_RECORD));
    }
    CommitPayload head = {.top = tx_top_xid(tx), .time_us = wall_clock_us(),
                          .nranges = ranges.count - first, .ndrops = tx->dropped.count,
                          .nroots = tx->nroots};
    size_t nbytes = sizeof(head) + head.nranges * sizeof(XidRange) + head.ndrops * sizeof(PageNo) +
                    head.nroots * sizeof(CommitRoot);
    if (tx->nroots > 0) TRY_GOTO(page_fix(ctx, PAGE_NO_META, FIX_EXCLUSIVE, &meta));
    PageRef *pages[1] = {&meta};
    TRY_GOTO(wal_begin(ctx, pages, tx->nroots > 0 ? 1 : 0, nbytes, &log));
    uint8_t *at = log.payload;
    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    if (head.nranges > 0) memcpy(at, ranges.items + first, head.nranges * sizeof(XidRange));
    at += head.nranges * sizeof(XidRange);
    for (uint32_t i = 0; i < head.ndrops; i++, at += sizeof(PageNo))
        memcpy(at, &tx->dropped.items[i].root, sizeof(PageNo));
    for (uint32_t i = 0; i < tx->nroots; i++, at += sizeof(CommitRoot)) {
        CommitRoot change = {(uint32_t)tx->roots[i].slot, tx->roots[i].root};
        memcpy(at, &change, sizeof(change));
        ((MetaPage *)meta.ptr)->roots[change.slot] = change.root;
    }
    log.xid = head.top;
    wal_finish_with(&log, WAL_COMMIT, nbytes, on_commit_insert, tx);
    reserved = 0;

done:
    page_unfix(&meta);
    if (latched) rwlatch_unlock(&db->redo_latch);
    if (reserved > 0) {
        mutex_lock(&db->drops_mutex);
        db->drops_reserved -= reserved;
        mutex_unlock(&db->drops_mutex);
    }
    xid_ranges_free(&ranges);
    return st;
}

/* May others make this commit visible? SERIALIZABLE has to note its CSN before that, which is its owner's. With commit_mutex. */
static bool
is_publishable(const Db *db, const Tx *tx)
{
    if (tx->csn_stored) return true;
    return tx->ssi == NULL && (tx->is_async || tx->csn <= atomic_load_explicit(&db->wal.flushed, memory_order_acquire));
}

static void
store_csn(Db *db, Tx *tx)
{
    for (uint32_t i = 0; i < tx->xids.count; i++) xidmap_commit(&db->xids, tx->xids.items[i], tx->csn, tx->any_aborted);
    tx->csn_stored = true;
}

/* With commit_mutex: the commits up to the first that has to wait become visible. Their transactions may be gone as soon as the mark has
 * passed them. */
static void
advance_published(Db *db)
{
    Lsn mark = 0;
    while (db->commit_head != NULL && is_publishable(db, db->commit_head)) {
        Tx *tx = db->commit_head;
        if (!tx->csn_stored) store_csn(db, tx);
        mark = tx->csn;
        db->commit_head = tx->commit_next;
    }
    if (db->commit_head == NULL) db->commit_tail = NULL;
    if (mark == 0) return;
    atomic_store(&db->xids.published, mark);
    if (db->commit_waiters > 0) cond_broadcast(&db->commit_cond);
}

void
tx_publish_durable(Db *db)
{
    mutex_lock(&db->commit_mutex);
    advance_published(db);
    mutex_unlock(&db->commit_mutex);
}

/* Takes the transaction out of the list of commits: it is none, or the instance has failed. */
static void
leave_commits(Db *db, Tx *tx)
{
    mutex_lock(&db->commit_mutex);
    Tx *before = NULL;
    for (Tx **at = &db->commit_head; *at != NULL; before = *at, at = &(*at)->commit_next) {
        if (*at != tx) continue;
        *at = tx->commit_next;
        if (db->commit_tail == tx) db->commit_tail = before;
        break;
    }
    advance_published(db); /* those behind it no longer wait for it */
    mutex_unlock(&db->commit_mutex);
}

/* Makes the commit visible, in LSN order among all, and waits until it is. Whoever synced it has mostly done so already. */
static Status
publish(Ctx *ctx, Tx *tx)
{
    Db *db = ctx->db;
    Status st = QN_OK;
    const Lsn csn = tx->csn;

    if (atomic_load(&db->xids.published) >= csn) return QN_OK;
    mutex_lock(&db->commit_mutex);
    if (atomic_load(&db->xids.published) < csn) {
        store_csn(db, tx);
        advance_published(db);
    }
    db->commit_waiters++;
    while (atomic_load(&db->xids.published) < csn && st == QN_OK) {
        if (atomic_load(&db->failed)) st = db_usable(ctx);
        else cond_wait_until(&db->commit_cond, &db->commit_mutex, ctx_now_us() + 100 * 1000);
    }
    db->commit_waiters--;
    mutex_unlock(&db->commit_mutex);
    return st;
}

static Status
outcome_unknown(Ctx *ctx, Tx *tx, Status st)
{
    leave_commits(ctx->db, tx);
    abort_xids(ctx, tx, 0);
    finish(ctx, tx, false);
    return err_detail(ctx, st, "It is unknown whether the transaction has been committed.");
}

/* Writing the commit record failed, syncing it did not: it can be taken back, and the instance goes on. Only a crash before the log is written
 * again may find it there after all. */
static Status
take_back(Ctx *ctx, Tx *tx, Status st)
{
    Db *db = ctx->db;
    /* Roots have changed in the meta page already; that happens once in the life of a database. */
    if (tx->nroots > 0 || atomic_load(&db->failed) || !wal_void(ctx, tx->commit_start, tx->csn))
        return outcome_unknown(ctx, tx, db_fail(ctx, st));
    mutex_lock(&db->drops_mutex);
    for (uint32_t i = 0; tx->dropped.count > 0 && i < db->ndrops;) {
        if (db->drops[i].csn == tx->csn) db->drops[i] = db->drops[--db->ndrops];
        else i++;
    }
    mutex_unlock(&db->drops_mutex);
    leave_commits(db, tx);
    tx_rollback(ctx);
    return st;
}

Status
tx_commit(Ctx *ctx)
{
    Tx *tx = ctx->tx;
    Db *db = ctx->db;
    Status st = QN_OK;

    if (tx == NULL) return QN_OK;
    for (uint32_t i = 0; i < tx->nbefore && st == QN_OK; i++) st = tx->before[i].hook(ctx, tx->before[i].arg);
    if (st == QN_OK) st = ssi_before_commit(ctx);
    if (st == QN_OK && tx->last_xid != 0) st = log_commit(ctx, tx);
    if (st != QN_OK) {
        tx_rollback(ctx);
        return st;
    }
    if (tx->last_xid == 0) {
        finish(ctx, tx, true);
        return QN_OK;
    }
    if (commits_synchronously(ctx)) {
        sched_point("commit: logged");
        st = wal_flush(ctx, tx->csn);
        sched_point("commit: flushed");
        if (st != QN_OK) return take_back(ctx, tx, st);
    } else {
        db_note_async(db, tx->csn);
    }
    ssi_note_csn(ctx, tx->csn);
    sched_point("commit: noted");
    st = publish(ctx, tx);
    if (st != QN_OK) return outcome_unknown(ctx, tx, st);
    finish(ctx, tx, true);
    db_note_commit(ctx);
    return QN_OK;
}

Status
tx_redo_commit(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    CommitPayload head;

    if (rec->payload_bytes < sizeof(head)) return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid commit record");
    memcpy(&head, rec->payload, sizeof(head));
    uint64_t need = sizeof(head) + (uint64_t)head.nranges * sizeof(XidRange) +
                    (uint64_t)head.ndrops * sizeof(PageNo) + (uint64_t)head.nroots * sizeof(CommitRoot);
    if (need != rec->payload_bytes) return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid commit record");
    const uint8_t *at = rec->payload + sizeof(head);
    for (uint32_t i = 0; i < head.nranges; i++, at += sizeof(XidRange)) {
        XidRange r;
        memcpy(&r, at, sizeof(r));
        TRY(recover_note_commit(ctx, head.top, r.first, r.last));
    }
    if (head.partial != 0) return QN_OK;
    TRY(recover_note_end(ctx, head.top));
    for (uint32_t i = 0; i < head.ndrops; i++, at += sizeof(PageNo)) {
        PageNo root;
        memcpy(&root, at, sizeof(root));
        TRY(recover_note_drop(ctx, root));
    }
    for (uint32_t i = 0; i < head.nroots && rec->npages > 0 && pages[0].apply; i++, at += sizeof(CommitRoot)) {
        CommitRoot change;
        memcpy(&change, at, sizeof(change));
        if (change.slot >= DB_ROOTS_MAX) return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid commit record");
        ((MetaPage *)pages[0].ref.ptr)->roots[change.slot] = change.root;
    }
    return QN_OK;
}

void
tx_describe_commit(const WalRecord *rec, StrBuf *out)
{
    CommitPayload head;
    if (rec->payload_bytes < sizeof(head)) return;
    memcpy(&head, rec->payload, sizeof(head));
    strbuf_addf(out, "xid %llu, %u xid ranges, %u drops, %u roots%s", (unsigned long long)head.top,
                head.nranges, head.ndrops, head.nroots, head.partial != 0 ? ", more follows" : "");
}

void
tx_describe_mark(const WalRecord *rec, StrBuf *out)
{
    Xid mark;
    if (rec->payload_bytes != sizeof(mark)) return;
    memcpy(&mark, rec->payload, sizeof(mark));
    strbuf_addf(out, "xids below %llu", (unsigned long long)mark);
}

/* ---- the rest ---- */

void
tx_conn_free(DbConn *conn)
{
    Tx *tx = &conn->tx;
    pop_savepoints(tx, 0);
    mem_free(NULL, tx->savepoints, tx->savepoints_cap * sizeof(*tx->savepoints));
    mem_free(NULL, tx->hooks, tx->hooks_cap * sizeof(*tx->hooks));
    mem_free(NULL, tx->before, tx->before_cap * sizeof(*tx->before));
    mem_free(NULL, tx->roots, tx->roots_cap * sizeof(*tx->roots));
    mem_free(NULL, tx->changes, tx->changes_cap * sizeof(*tx->changes));
    xid_ranges_free(&tx->xids);
    rel_pendings_free(&tx->created);
    rel_pendings_free(&tx->dropped);
}

/* Frees the dropped relations that no snapshot can see. */
static Status
free_drops(Ctx *ctx, bool everything)
{
    Db *db = ctx->db;
    for (;;) {
        PageNo root = PAGE_NONE;
        Lsn oldest = tx_oldest_mark(db);
        mutex_lock(&db->drops_mutex);
        for (uint32_t i = 0; i < db->ndrops && root == PAGE_NONE; i++) {
            DropQueued *d = &db->drops[i];
            if (d->busy || (!everything && d->csn > oldest)) continue;
            d->busy = true; /* rel_free takes it off the list with its last record */
            root = d->root;
        }
        mutex_unlock(&db->drops_mutex);
        if (root == PAGE_NONE) return QN_OK;
        Status st = rel_free(ctx, root);
        if (st != QN_OK) {
            mutex_lock(&db->drops_mutex);
            for (uint32_t i = 0; i < db->ndrops; i++)
                if (db->drops[i].root == root) db->drops[i].busy = false;
            mutex_unlock(&db->drops_mutex);
            return st;
        }
    }
}

Status
tx_clean(Ctx *ctx, bool everything)
{
    Db *db = ctx->db;
    atomic_store_explicit(&db->nfinished, 0, memory_order_relaxed);
    TRY(xidmap_trim(ctx));
    if (!db->read_only && db->ndrops > 0) TRY(free_drops(ctx, everything));
    return QN_OK;
}
