/* xidmap.c - the state of every xid: visibility, the aborted set, what is settled for all.
 *
 * States of xids from base on are words in chunks, read without a latch. Trimming moves base over what every snapshot there is sees
 * alike; aborted xids among that go to the aborted set, which is replaced as a whole. Chunks and sets that went are freed when every
 * snapshot registered now is from after they went: see register_latest in tx.c for why none is missed.
 */
#include "storage/instance.h"
#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static XidState *
chunk_of(const XidMap *map, Xid xid)
{
    return atomic_load_explicit(&map->chunks[xid / XID_CHUNK % XID_CHUNKS], memory_order_acquire);
}

uint64_t
xidmap_state(const XidMap *map, Xid xid)
{
    XidState *chunk = chunk_of(map, xid);
    return chunk != NULL ? atomic_load_explicit(&chunk[xid % XID_CHUNK], memory_order_acquire)
                         : XID_STATE_ABORTED;
}

void
xidmap_store(XidMap *map, Xid first, Xid last, uint64_t state)
{
    for (Xid x = first; x <= last; x++)
        atomic_store_explicit(&chunk_of(map, x)[x % XID_CHUNK], state, memory_order_release);
}

void
xidmap_commit(XidMap *map, XidRange r, Lsn csn, bool some_aborted)
{
    if (!some_aborted) {
        xidmap_store(map, r.first, r.last, csn);
        return;
    }
    for (Xid x = r.first; x <= r.last; x++)
        if (xidmap_state(map, x) != XID_STATE_ABORTED) xidmap_store(map, x, x, csn);
}

/* With xids_mutex: xid is next, and starts in this state. */
Status
xidmap_start(Ctx *ctx, Xid xid, uint64_t state)
{
    XidMap *map = &ctx->db->xids;
    _Atomic(XidState *) *at = &map->chunks[xid / XID_CHUNK % XID_CHUNKS];

    if (xid - atomic_load(&map->base) >= (Xid)XID_CHUNK * (XID_CHUNKS - 2)) {
        Status st = RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "too many transactions since the oldest that is still open");
        return err_hint(ctx, st, "Close old transactions and cursors.");
    }
    if (atomic_load_explicit(at, memory_order_relaxed) == NULL) {
        XidState *chunk;
        TRY_ALLOC(ctx, chunk, mem_zalloc(NULL, XID_CHUNK * sizeof(XidState)));
        atomic_store_explicit(at, chunk, memory_order_release);
    }
    xidmap_store(map, xid, xid, state);
    atomic_store(&map->next, xid + 1);
    return QN_OK;
}

static bool
set_has(const AbortedSet *set, Xid xid)
{
    if (set == NULL) return false;
    uint32_t lo = 0, hi = set->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (set->ranges[mid].last < xid) lo = mid + 1;
        else hi = mid;
    }
    return lo < set->count && set->ranges[lo].first <= xid;
}

bool
xid_visible_slow(const Snapshot *snap, Xid xid)
{
    const XidMap *map = snap->map;
    if (xid < atomic_load_explicit(&map->base, memory_order_acquire))
        return !set_has(atomic_load_explicit(&map->aborted, memory_order_acquire), xid);
    if (xid >= atomic_load_explicit(&map->next, memory_order_acquire)) return false;
    uint64_t s = xidmap_state(map, xid);
    if ((s & XID_STATE_RUNNING) != 0) return s == snap->own && xid < snap->cmd_xid;
    return s <= snap->mark; /* aborted is greater than any mark */
}

uint64_t
xid_unseen_state(const Snapshot *snap, Xid xid)
{
    const XidMap *map = snap->map;
    if (xid < atomic_load_explicit(&map->base, memory_order_acquire) ||
        xid >= atomic_load_explicit(&map->next, memory_order_acquire))
        return 0;
    uint64_t s = xidmap_state(map, xid);
    if (s == snap->own || s == XID_STATE_ABORTED || s <= snap->mark) return 0;
    return s;
}

XidStatus
xid_status(Ctx *ctx, Xid xid, Lsn *csn_out)
{
    XidMap *map = &ctx->db->xids;
    Snapshot held = {0};
    XidStatus status;

    if (csn_out != NULL) *csn_out = 0;
    if (xid < atomic_load_explicit(&map->settled, memory_order_acquire)) return XID_COMMITTED;
    /* A registered snapshot keeps the chunks in place; most callers have one. */
    bool registered = ctx->conn->leader != NULL ||
                      atomic_load_explicit(&ctx->conn->oldest, memory_order_relaxed) != LSN_NEVER;
    if (!registered) (void)!(tx_snapshot_latest(ctx, &held) == QN_OK); /* has room: none is kept */
    if (xid < atomic_load_explicit(&map->base, memory_order_acquire)) {
        status = set_has(atomic_load_explicit(&map->aborted, memory_order_acquire), xid) ? XID_ABORTED
                                                                                         : XID_COMMITTED;
    } else if (xid >= atomic_load_explicit(&map->next, memory_order_acquire)) {
        status = XID_ABORTED;
    } else {
        uint64_t s = xidmap_state(map, xid);
        if ((s & XID_STATE_RUNNING) != 0) {
            status = ctx->tx != NULL && s == (XID_STATE_RUNNING | (uint64_t)ctx->tx->conn->slot) ? XID_OWN
                                                                                              : XID_RUNNING;
        } else if (s == XID_STATE_ABORTED) {
            status = XID_ABORTED;
        } else if (s > atomic_load(&map->published)) {
            /* Its commit is on the way to being visible: until it is, it counts as running. */
            status = XID_RUNNING;
        } else {
            status = XID_COMMITTED;
            if (csn_out != NULL) *csn_out = s;
        }
    }
    if (!registered) tx_snapshot_drop(ctx, &held);
    return status;
}

bool
tx_owns(Ctx *ctx, Xid xid)
{
    Tx *tx = ctx->tx;
    if (tx == NULL || tx->last_xid == 0 || xid < tx->xids.items[0].first || xid > tx->last_xid) return false;
    return xidmap_state(&ctx->db->xids, xid) == (XID_STATE_RUNNING | (uint64_t)tx->conn->slot);
}

static Status
wait_for(Ctx *ctx, Xid xid)
{
    XidMap *map = &ctx->db->xids;
    for (;;) {
        if (xid_status(ctx, xid, NULL) != XID_RUNNING) return QN_OK;
        uint64_t s = xidmap_state(map, xid);
        if ((s & XID_STATE_RUNNING) != 0) {
            TRY(lock_wait_for_xid(ctx, xid, (int)(s & 0xFFFFFFFF)));
        } else {
            TRY(ctx_check_stop(ctx)); /* committed, and about to be published */
            TRY(db_check_usable(ctx));
            sched_yield();
        }
    }
}

Status
tx_wait_for(Ctx *ctx, Xid xid)
{
    Snapshot held = {0};
    /* Keeps the xid's chunk in place for as long as its state is looked at. */
    if (atomic_load_explicit(&ctx->conn->oldest, memory_order_relaxed) == LSN_NEVER)
        TRY(tx_snapshot_latest(ctx, &held));
    Status st = wait_for(ctx, xid);
    tx_snapshot_drop(ctx, &held);
    return st;
}

/* ---- horizons and trimming ---- */

Lsn
tx_oldest_mark(Db *db)
{
    /* The published mark first: see register_latest. */
    Lsn oldest = atomic_load(&db->xids.published);
    rwlatch_shared(&db->conns_latch);
    for (int i = 0; i < db->nconns; i++) {
        if (db->conns[i] == NULL) continue;
        Lsn mark = atomic_load(&db->conns[i]->oldest);
        if (mark < oldest) oldest = mark;
    }
    rwlatch_unlock(&db->conns_latch);
    return oldest;
}

bool
tx_alone(Ctx *ctx)
{
    Db *db = ctx->db;
    bool alone = true;
    rwlatch_shared(&db->conns_latch);
    for (int i = 0; i < db->nconns; i++)
        if (db->conns[i] != NULL && db->conns[i] != ctx->conn && atomic_load(&db->conns[i]->oldest) != LSN_NEVER)
            alone = false;
    rwlatch_unlock(&db->conns_latch);
    return alone;
}

void
tx_views(Ctx *ctx, TxViews *out)
{
    Db *db = ctx->db;
    out->n = 0;
    out->follows = LSN_NEVER;
    rwlatch_shared(&db->conns_latch);
    for (int i = 0; i < db->nconns; i++) {
        DbConn *conn = db->conns[i];
        if (conn == NULL) continue;
        Lsn oldest = atomic_load(&conn->oldest), newest = atomic_load(&conn->newest);
        Lsn follows = atomic_load(&conn->follows);
        if (oldest == LSN_NEVER) continue;
        if (follows < out->follows) out->follows = follows;
        if (out->n == TX_VIEWS_MAX) {
            out->follows = 0; /* more than are worth looking at: everything stays */
            break;
        }
        out->oldest[out->n] = oldest;
        out->newest[out->n++] = newest;
    }
    rwlatch_unlock(&db->conns_latch);
}

bool
tx_views_miss(const TxViews *v, Lsn from, Lsn to)
{
    if (to > v->follows) return false;
    for (int i = 0; i < v->n; i++)
        if (from <= v->newest[i] && to > v->oldest[i]) return false;
    return true;
}

Xid
tx_horizon(Ctx *ctx, TxHorizon *out)
{
    out->csn = tx_oldest_mark(ctx->db);
    out->xid = atomic_load(&ctx->db->xids.base);
    return atomic_load(&ctx->db->xids.next);
}

bool
xid_settled(Ctx *ctx, const TxHorizon *h, Xid xid)
{
    Lsn csn;
    if (xid < atomic_load_explicit(&ctx->db->xids.settled, memory_order_acquire)) return true;
    return xid_status(ctx, xid, &csn) == XID_COMMITTED && csn <= h->csn;
}

static void
update_settled(XidMap *map)
{
    AbortedSet *set = atomic_load(&map->aborted);
    Xid base = atomic_load(&map->base);
    Xid settled = set != NULL && set->count > 0 && set->ranges[0].first < base ? set->ranges[0].first : base;
    atomic_store(&map->settled, settled);
}

static void
retire_set(XidMap *map, AbortedSet *set)
{
    if (set == NULL) return;
    set->retired = atomic_load(&map->published);
    set->next = map->retired_sets;
    map->retired_sets = set;
}

/* Replaces the set by itself and more ranges, which are younger. */
static Status
extend_set(Ctx *ctx, XidMap *map, const XidRanges *more)
{
    AbortedSet *old = atomic_load(&map->aborted), *set;
    uint32_t n = old != NULL ? old->count : 0, cap = n + more->count;

    TRY_ALLOC(ctx, set, mem_alloc(NULL, sizeof(*set) + cap * sizeof(XidRange)));
    *set = (AbortedSet){.count = n, .cap = cap};
    if (n > 0) memcpy(set->ranges, old->ranges, n * sizeof(XidRange));
    for (uint32_t i = 0; i < more->count; i++) {
        XidRange r = more->items[i];
        if (set->count > 0 && set->ranges[set->count - 1].last + 1 == r.first)
            set->ranges[set->count - 1].last = r.last;
        else
            set->ranges[set->count++] = r;
    }
    atomic_store(&map->aborted, set);
    retire_set(map, old);
    return QN_OK;
}

uint32_t
tx_aborted_below(Ctx *ctx, Xid xid)
{
    uint32_t n = 0;
    XidMap *map = &ctx->db->xids;
    mutex_lock(&ctx->db->xids_mutex); /* the set is replaced under it */
    AbortedSet *set = atomic_load(&map->aborted);
    while (set != NULL && n < set->count && set->ranges[n].first < xid) n++;
    mutex_unlock(&ctx->db->xids_mutex);
    return n;
}

Status
tx_forget_aborted(Ctx *ctx, Xid below)
{
    Db *db = ctx->db;
    XidMap *map = &db->xids;
    AbortedSet *set = NULL;
    Status st = QN_OK;

    mutex_lock(&db->drops_mutex);
    bool dropped = db->ndrops > 0;
    mutex_unlock(&db->drops_mutex);
    if (dropped) return QN_OK;
    mutex_lock(&db->xids_mutex);
    AbortedSet *old = atomic_load(&map->aborted);
    if (old == NULL || old->count == 0 || old->ranges[0].first >= below) goto done;
    TRY_ALLOC_GOTO(ctx, set, mem_alloc(NULL, sizeof(*set) + old->count * sizeof(XidRange)));
    *set = (AbortedSet){.cap = old->count};
    for (uint32_t i = 0; i < old->count; i++) {
        XidRange r = old->ranges[i];
        if (r.last < below) continue;
        if (r.first < below) r.first = below;
        set->ranges[set->count++] = r;
    }
    atomic_store(&map->aborted, set);
    retire_set(map, old);
    update_settled(map);
done:
    mutex_unlock(&db->xids_mutex);
    return st;
}

static size_t
set_bytes(const AbortedSet *set)
{
    return sizeof(*set) + set->cap * sizeof(XidRange);
}

/* Frees what went before the oldest snapshot was taken. */
static void
free_retired(XidMap *map, Lsn oldest, bool nobody)
{
    for (AbortedSet **at = &map->retired_sets; *at != NULL;) {
        AbortedSet *set = *at;
        if (!nobody && set->retired >= oldest) {
            at = &set->next;
            continue;
        }
        *at = set->next;
        mem_free(NULL, set, set_bytes(set));
    }
    for (RetiredChunk **at = &map->retired_chunks; *at != NULL;) {
        RetiredChunk *r = *at;
        if (!nobody && r->retired >= oldest) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        mem_free(NULL, r->chunk, XID_CHUNK * sizeof(XidState));
        mem_free(NULL, r, sizeof(*r));
    }
}

/* Takes the chunks of [from, to) that lie wholly before to out of the map. What memory is missing for stays until the next time around
 * the window, when it is used again as it is. */
static void
retire_chunks(XidMap *map, Xid from, Xid to)
{
    for (Xid c = from / XID_CHUNK; c < to / XID_CHUNK; c++) {
        RetiredChunk *r = mem_alloc(NULL, sizeof(*r));
        if (r == NULL) return;
        r->chunk = atomic_exchange(&map->chunks[c % XID_CHUNKS], NULL);
        r->retired = atomic_load(&map->published);
        r->next = map->retired_chunks;
        map->retired_chunks = r;
        if (r->chunk == NULL) {
            map->retired_chunks = r->next;
            mem_free(NULL, r, sizeof(*r));
        }
    }
}

Status
xidmap_trim(Ctx *ctx)
{
    Db *db = ctx->db;
    XidMap *map = &db->xids;
    XidRanges aborted = {0};
    Lsn oldest = tx_oldest_mark(db);
    Status st = QN_OK;

    if (!mutex_try(&db->xids_mutex)) return QN_OK; /* somebody else trims, or takes an xid: next time */
    Xid base = atomic_load(&map->base), next = atomic_load(&map->next), x = base;
    for (; x < next; x++) {
        uint64_t s = xidmap_state(map, x);
        if (s == XID_STATE_ABORTED) {
            TRY_GOTO(xid_ranges_add(ctx, &aborted, x, x));
        } else if (s > oldest) {
            break; /* running, or not seen by all */
        }
    }
    if (aborted.count > 0) TRY_GOTO(extend_set(ctx, map, &aborted));
    atomic_store(&map->base, x);
    update_settled(map);
    retire_chunks(map, base, x);
    /* A look after base was stored: who is not registered by now will see the new base. */
    free_retired(map, tx_oldest_mark(db), false);
done:
    mutex_unlock(&db->xids_mutex);
    xid_ranges_free(&aborted);
    return st;
}

/* ---- instance ---- */

Status
tx_map_init(Ctx *ctx, Db *db)
{
    XidMap *map = &db->xids;
    mutex_init(&db->xids_mutex);
    mutex_init(&db->commit_mutex);
    mutex_init(&db->drops_mutex);
    cond_init(&db->commit_cond);
    rwlatch_init(&db->redo_latch);
    TRY_ALLOC(ctx, map->chunks, mem_zalloc(NULL, XID_CHUNKS * sizeof(*map->chunks)));
    return QN_OK;
}

void
tx_map_free(Db *db)
{
    XidMap *map = &db->xids;
    free_retired(map, 0, true);
    AbortedSet *set = atomic_load(&map->aborted);
    if (set != NULL) mem_free(NULL, set, set_bytes(set));
    if (map->chunks != NULL) {
        Xid base = atomic_load(&map->base), next = atomic_load(&map->next);
        for (Xid c = base / XID_CHUNK; c <= next / XID_CHUNK; c++)
            mem_free(NULL, atomic_exchange(&map->chunks[c % XID_CHUNKS], NULL), XID_CHUNK * sizeof(XidState));
        mem_free(NULL, (void *)map->chunks, XID_CHUNKS * sizeof(*map->chunks));
    }
    rel_pendings_free(&db->created);
    mem_free(NULL, db->drops, db->drops_cap * sizeof(*db->drops));
    mutex_destroy(&db->xids_mutex);
    mutex_destroy(&db->commit_mutex);
    mutex_destroy(&db->drops_mutex);
    cond_destroy(&db->commit_cond);
    rwlatch_destroy(&db->redo_latch);
}

Status
tx_map_load(Ctx *ctx, Xid next, const XidRanges *aborted, Lsn mark)
{
    XidMap *map = &ctx->db->xids;
    atomic_store(&map->published, mark);
    atomic_store(&map->next, next);
    atomic_store(&map->base, next);
    ctx->db->xid_mark = next;
    if (aborted->count > 0) TRY(extend_set(ctx, map, aborted));
    update_settled(map);
    return QN_OK;
}

void
pending_remove(RelPendings *list, PageNo root)
{
    /* A relation made and dropped by one transaction is there twice. */
    for (uint32_t i = 0; i < list->count;) {
        if (list->items[i].root == root) list->items[i] = list->items[--list->count];
        else i++;
    }
}

Status
tx_capture(Ctx *ctx, Xid *next_out, Xid *mark_out, XidRanges *ranges, RelPendings *pendings)
{
    Db *db = ctx->db;
    XidMap *map = &db->xids;
    uint64_t committing[CONNS_MAX / 64] = {0}; /* slots whose commit record is in the log already */
    Status st = QN_OK;

    mutex_lock(&db->xids_mutex);
    mutex_lock(&db->commit_mutex);
    for (Tx *t = db->commit_head; t != NULL; t = t->commit_next)
        committing[t->conn->slot / 64] |= 1ull << (t->conn->slot % 64);
    *next_out = atomic_load(&map->next);
    *mark_out = db->xid_mark;
    AbortedSet *set = atomic_load(&map->aborted);
    for (uint32_t i = 0; set != NULL && i < set->count; i++)
        TRY_GOTO(xid_ranges_add(ctx, ranges, set->ranges[i].first, set->ranges[i].last));
    for (Xid x = atomic_load(&map->base); x < *next_out; x++) {
        uint64_t s = xidmap_state(map, x);
        if (s == XID_STATE_ABORTED) {
            TRY_GOTO(xid_ranges_add(ctx, ranges, x, x));
        } else if ((s & XID_STATE_RUNNING) != 0) {
            uint32_t slot = (uint32_t)s;
            if ((committing[slot / 64] >> (slot % 64) & 1) == 0) TRY_GOTO(xid_ranges_add(ctx, ranges, x, x));
        }
    }
    for (uint32_t i = 0; i < db->created.count; i++)
        TRY_GOTO(rel_pendings_add(ctx, pendings, db->created.items[i].root, db->created.items[i].xid));
    mutex_lock(&db->drops_mutex);
    for (uint32_t i = 0; i < db->ndrops && st == QN_OK; i++)
        st = rel_pendings_add(ctx, pendings, db->drops[i].root, XID_NONE);
    mutex_unlock(&db->drops_mutex);
done:
    mutex_unlock(&db->commit_mutex);
    mutex_unlock(&db->xids_mutex);
    return st;
}
