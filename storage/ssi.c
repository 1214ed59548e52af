/* ssi.c - serializable transactions and the edges between them. See ssi.h; the rules are those of Ports and Grittner, *Serializable
 * Snapshot Isolation in PostgreSQL* (VLDB 2012), victims included.
 *
 * A structure reader -> pivot -> last is dangerous only if last is the first of the three to commit. So nothing happens until somebody has
 * prepared to commit; from then on whoever adds the edge that completes one fails, or dooms the pivot.
 *
 * "Before" is told by numbers: last_seq goes up when a commit begins (prepare_seq) and when a transaction has ended (commit_seq, after its
 * commit is visible); snapshot_seq is its value when the snapshot was taken. Two ran beside each other unless one's commit_seq is at or
 * below the other's snapshot_seq. */
#include "common/hash.h"
#include "storage/ssi_priv.h"
#include <assert.h>

static Status
fail(Ctx *ctx, const char *reason)
{
    Status st = RAISE(ctx, ERR_T_R_SERIALIZATION_FAILURE,
                      "could not serialize access due to read/write dependencies among transactions");
    st = err_detail(ctx, st, "Reason code: Canceled on %s.", reason);
    return err_hint(ctx, st, "The transaction might succeed if retried.");
}

/* ---- edges ---- */

static bool
edge_exists(const SsiTx *reader, const SsiTx *writer)
{
    for (const SsiEdge *e = reader->out[EDGE_RW]; e != NULL; e = e->out_next)
        if (e->writer == writer) return true;
    return false;
}

static Status
add_edge(Ctx *ctx, SsiEdgeKind kind, SsiTx *reader, SsiTx *writer)
{
    SsiEdge *e;
    TRY_ALLOC(ctx, e, mem_alloc(NULL, sizeof(*e)));
    *e = (SsiEdge){.reader = reader, .writer = writer, .out_next = reader->out[kind],
                   .out_at = &reader->out[kind], .in_next = writer->in[kind], .in_at = &writer->in[kind]};
    if (e->out_next != NULL) e->out_next->out_at = &e->out_next;
    if (e->in_next != NULL) e->in_next->in_at = &e->in_next;
    *e->out_at = *e->in_at = e;
    return QN_OK;
}

static void
drop_edge(SsiEdge *e)
{
    *e->out_at = e->out_next;
    if (e->out_next != NULL) e->out_next->out_at = e->out_at;
    *e->in_at = e->in_next;
    if (e->in_next != NULL) e->in_next->in_at = e->in_at;
    mem_free(NULL, e, sizeof(*e));
}

static void
drop_edges(SsiTx *t, SsiEdgeKind kind)
{
    while (t->out[kind] != NULL) drop_edge(t->out[kind]);
    while (t->in[kind] != NULL) drop_edge(t->in[kind]);
}

/* Does reader -> writer end a structure whose pivot is the writer, and whose last has committed first? */
static bool
makes_pivot_of_writer(const SsiTx *reader, const SsiTx *writer)
{
    if (ssi_has(writer, SSI_SUMMARY_OUT)) return true;
    if (ssi_has(writer, SSI_COMMITTED) && ssi_has(writer, SSI_CONFLICT_OUT)) return true;
    for (const SsiEdge *e = writer->out[EDGE_RW]; e != NULL; e = e->out_next) {
        const SsiTx *last = e->writer;
        if (!ssi_has(last, SSI_PREPARED)) continue;
        if (ssi_has(reader, SSI_COMMITTED) && last->prepare_seq > reader->commit_seq) continue;
        if (ssi_has(writer, SSI_COMMITTED) && last->prepare_seq > writer->commit_seq) continue;
        if (ssi_has(reader, SSI_READ_ONLY) && last->prepare_seq > reader->snapshot_seq) continue;
        return true;
    }
    return false;
}

/* The same with the reader as pivot and the writer, about to commit or committed, as last. */
static bool
makes_pivot_of_reader(const SsiTx *reader, const SsiTx *writer)
{
    if (!ssi_has(writer, SSI_PREPARED) || ssi_has(reader, SSI_READ_ONLY)) return false;
    if (ssi_has(reader, SSI_SUMMARY_IN)) return true;
    for (const SsiEdge *e = reader->in[EDGE_RW]; e != NULL; e = e->in_next) {
        const SsiTx *first = e->reader;
        if (ssi_has(first, SSI_DOOMED)) continue;
        if (ssi_has(first, SSI_COMMITTED) && first->commit_seq < writer->prepare_seq) continue;
        if (ssi_has(first, SSI_READ_ONLY) && first->snapshot_seq < writer->prepare_seq) continue;
        return true;
    }
    return false;
}

/* Notes reader -> writer, one of whom is me. If that completes a dangerous structure the pivot goes: at once if it is me, at its
 * next step if it is another; if it can no longer, I do. */
static Status
note_edge(Ctx *ctx, Ssi *s, SsiTx *reader, SsiTx *writer, const SsiTx *me)
{
    if (makes_pivot_of_writer(reader, writer) || makes_pivot_of_reader(reader, writer)) {
        if (writer == me) return fail(ctx, "identification as a pivot, during write");
        if (ssi_has(writer, SSI_PREPARED)) return fail(ctx, "conflict out to pivot, during read");
        writer->flags |= SSI_DOOMED;
    }
    if (reader == &s->old) {
        writer->flags |= SSI_SUMMARY_IN;
        return QN_OK;
    }
    return add_edge(ctx, EDGE_RW, reader, writer);
}

/* ---- lists ---- */

static void
append(SsiTx **head, SsiTx **tail, SsiTx *t)
{
    t->next = NULL;
    t->prev = *tail;
    if (*tail != NULL) (*tail)->next = t;
    else *head = t;
    *tail = t;
}

static void
take_out(SsiTx **head, SsiTx **tail, SsiTx *t)
{
    if (t->prev != NULL) t->prev->next = t->next;
    else *head = t->next;
    if (t->next != NULL) t->next->prev = t->prev;
    else *tail = t->prev;
}

static SsiTx **
csn_bucket(Ssi *s, Lsn csn)
{
    return &s->by_csn[hash_u64(csn) % SSI_CSN_BUCKETS];
}

/* Off every list but those of active and finished, and freed. */
static void
free_tx(Ssi *s, SsiTx *t)
{
    for (int kind = 0; kind < EDGE_KINDS; kind++) drop_edges(t, (SsiEdgeKind)kind);
    ssi_lock_release_all(s, t);
    if (t->csn != 0) {
        SsiTx **at = csn_bucket(s, t->csn);
        while (*at != t) at = &(*at)->csn_next;
        *at = t->csn_next;
    }
    mem_free(NULL, t, sizeof(*t));
}

static void
leave_active(Ssi *s, SsiTx *t)
{
    take_out(&s->active, &s->active_tail, t);
    s->running[t->slot] = NULL;
    t->slot = -1;
    if (!ssi_has(t, SSI_DECLARED_RO)) s->nwriters--;
}

static void
forget_finished(Ssi *s, SsiTx *t)
{
    take_out(&s->finished, &s->finished_tail, t);
    s->nfinished--;
    free_tx(s, t);
}

/* What is left of the oldest finished transaction is that somebody like it was: its locks go to s->old, its edges become flags. */
static void
merge_oldest(Ssi *s)
{
    SsiTx *t = s->finished;
    for (SsiEdge *e = t->out[EDGE_RW]; e != NULL; e = e->out_next) e->writer->flags |= SSI_SUMMARY_IN;
    for (SsiEdge *e = t->in[EDGE_RW]; e != NULL; e = e->in_next) e->reader->flags |= SSI_SUMMARY_OUT;
    ssi_lock_merge(s, t);
    if (t->csn > s->old_csn) s->old_csn = t->csn;
    forget_finished(s, t);
}

/* Forgets those that ended before everyone who runs began. */
static void
clean(Ssi *s)
{
    uint64_t oldest = s->active != NULL ? s->active->snapshot_seq : UINT64_MAX;
    while (s->finished != NULL && s->finished->commit_seq <= oldest) forget_finished(s, s->finished);
    if (s->old.locks != NULL) ssi_lock_forget_old(s, oldest);
    /* Whoever writes from now on began after all of them: only their edges out still matter, to those who read. */
    for (SsiTx *t = s->nwriters == 0 ? s->finished : NULL, *next; t != NULL; t = next) {
        next = t->next;
        ssi_lock_release_all(s, t);
        if (ssi_has(t, SSI_READ_ONLY)) forget_finished(s, t);
    }
    while (s->nfinished > SSI_FINISHED_MAX) merge_oldest(s);
}

/* ---- beginning ---- */

/* A read-only transaction turned out to be safe: it goes on as REPEATABLE READ, and holds back nothing. */
static void
set_safe(Ssi *s, SsiTx *t)
{
    t->flags |= SSI_SAFE;
    leave_active(s, t);
    drop_edges(t, EDGE_RW);
    ssi_lock_release_all(s, t);
    cond_broadcast(&s->safe_cond);
}

/* Who might make a read-only transaction's snapshot unsafe. */
static Status
note_unsafe_writers(Ctx *ctx, Ssi *s, SsiTx *t)
{
    for (SsiTx *w = s->active; w != NULL; w = w->next)
        if (!ssi_has(w, SSI_READ_ONLY | SSI_DOOMED)) TRY(add_edge(ctx, EDGE_UNSAFE, t, w));
    if (t->out[EDGE_UNSAFE] == NULL) set_safe(s, t);
    return QN_OK;
}

static Status
wait_until_known(Ctx *ctx, Ssi *s, const SsiTx *t)
{
    enum { POLL_US = 2000 };
    while (!ssi_has(t, SSI_SAFE | SSI_UNSAFE)) {
        cond_wait_until(&s->safe_cond, &s->mutex, ctx_now_us() + POLL_US);
        TRY(ctx_check_stop(ctx));
        TRY(db_check_usable(ctx));
    }
    return QN_OK;
}

static bool
is_deferrable(const Ctx *ctx)
{
    return ctx->settings != NULL && ctx->settings->transaction_deferrable && ctx->tx->read_only;
}

/* With the mutex: one snapshot, and who runs beside it. */
static Status
begin(Ctx *ctx, Ssi *s, SsiTx *t)
{
    const Tx *tx = ctx->tx;
    tx_take_snapshot(ctx);
    t->snapshot_seq = s->last_seq;
    t->slot = ctx->conn->slot;
    t->ntx = ctx->conn->ntx;
    t->flags = tx->read_only ? SSI_READ_ONLY | SSI_DECLARED_RO : 0;
    append(&s->active, &s->active_tail, t);
    s->running[t->slot] = t;
    if (!tx->read_only) {
        s->nwriters++;
        return QN_OK;
    }
    TRY(note_unsafe_writers(ctx, s, t));
    return is_deferrable(ctx) ? wait_until_known(ctx, s, t) : QN_OK;
}

Status
ssi_start(Ctx *ctx)
{
    Ssi *s = ctx->db->ssi;
    Tx *tx = ctx->tx;
    SsiTx *t;
    Status st;
    TRY_ALLOC(ctx, t, mem_zalloc(NULL, sizeof(*t)));
    mutex_lock(&s->mutex);
    for (;;) {
        st = begin(ctx, s, t);
        if (st == QN_OK && !(is_deferrable(ctx) && ssi_has(t, SSI_UNSAFE))) break;
        if (!ssi_has(t, SSI_SAFE)) leave_active(s, t);
        drop_edges(t, EDGE_UNSAFE);
        if (st != QN_OK) break;
    }
    if (st == QN_OK) tx->ssi = t;
    else free_tx(s, t);
    mutex_unlock(&s->mutex);
    return st;
}

/* ---- reading and writing ---- */

/* Is what is read with the snapshot read by the running transaction? A statement that is open for longer than its transaction keeps the
 * snapshot. */
static bool
reads_for_tx(const Ctx *ctx, const Snapshot *snap)
{
    return snapshot_is_tracked(snap) && ctx->tx != NULL && ctx->tx->ssi == snap->ssi;
}

/* Is the transaction still to be watched? Raises if it is to fail. */
static Status
check_me(Ctx *ctx, const SsiTx *me, const char *when, bool *watched_out)
{
    *watched_out = !ssi_has(me, SSI_SAFE);
    return ssi_has(me, SSI_DOOMED) ? fail(ctx, when) : QN_OK;
}

Status
ssi_note_read(Ctx *ctx, const Snapshot *snap, uint32_t rel, PageNo page, uint32_t slot)
{
    Ssi *s = ctx->db->ssi;
    bool watched;
    if (!reads_for_tx(ctx, snap) || rel < SSI_FIRST_USER_OID) return QN_OK;
    mutex_lock(&s->mutex);
    Status st = check_me(ctx, snap->ssi, "identification as a pivot, during conflict out checking", &watched);
    if (st == QN_OK && watched) st = ssi_lock_add(ctx, s, snap->ssi, (SsiTag){rel, page, slot});
    mutex_unlock(&s->mutex);
    return st;
}

/* The transaction that state, of an xid a snapshot does not see, belongs to; NULL if it is not serializable, or has been merged. */
static SsiTx *
find_writer(Ssi *s, uint64_t state)
{
    if ((state & XID_STATE_RUNNING) != 0) return s->running[state & 0xFFFFFFFF];
    SsiTx *t = *csn_bucket(s, state);
    while (t != NULL && t->csn != state) t = t->csn_next;
    return t;
}

static Status
note_unseen(Ctx *ctx, Ssi *s, const Snapshot *snap, uint64_t state)
{
    SsiTx *me = snap->ssi, *w = find_writer(s, state);
    if (w == NULL) {
        bool merged = (state & XID_STATE_RUNNING) == 0 && state <= s->old_csn;
        return merged ? fail(ctx, "conflict out to old pivot") : QN_OK;
    }
    if (w == me || ssi_has(w, SSI_DOOMED)) return QN_OK;
    if (ssi_has(w, SSI_SUMMARY_OUT)) {
        if (ssi_has(w, SSI_PREPARED)) return fail(ctx, "conflict out to old pivot");
        w->flags |= SSI_DOOMED;
        return QN_OK;
    }
    /* One that only reads comes first in the order, unless the writer has an edge to what the reader has seen. */
    if (ssi_has(me, SSI_READ_ONLY) && ssi_has(w, SSI_COMMITTED) &&
        (!ssi_has(w, SSI_CONFLICT_OUT) || me->snapshot_seq < w->earliest_out))
        return QN_OK;
    return edge_exists(me, w) ? QN_OK : note_edge(ctx, s, me, w, me);
}

Status
ssi_note_unseen(Ctx *ctx, const Snapshot *snap, Xid xid)
{
    Ssi *s = ctx->db->ssi;
    bool watched;
    if (!reads_for_tx(ctx, snap)) return QN_OK;
    mutex_lock(&s->mutex);
    Status st = check_me(ctx, snap->ssi, "identification as a pivot, during conflict out checking", &watched);
    if (st == QN_OK && watched) {
        uint64_t state = xid_unseen_state(snap, xid); /* under the mutex: running means that the connection's entry is its own */
        if (state != 0) st = note_unseen(ctx, s, snap, state);
    }
    mutex_unlock(&s->mutex);
    return st;
}

/* Edges from everyone who has read the target and ran beside me. */
static Status
note_readers(Ctx *ctx, Ssi *s, SsiTx *me, const SsiTarget *target)
{
    for (const SsiLock *l = target != NULL ? target->locks : NULL; l != NULL; l = l->target_next) {
        SsiTx *reader = l->tx;
        if (reader == me || ssi_has(reader, SSI_DOOMED)) continue;
        uint64_t ended = reader == &s->old ? l->commit_seq : reader->commit_seq;
        if (ssi_has(reader, SSI_COMMITTED) && ended <= me->snapshot_seq) continue;
        if (reader == &s->old ? ssi_has(me, SSI_SUMMARY_IN) : edge_exists(reader, me)) continue;
        TRY(note_edge(ctx, s, reader, me, me));
    }
    return QN_OK;
}

static Status
note_write(Ctx *ctx, Ssi *s, SsiTx *me, SsiTag tag)
{
    bool watched;
    TRY(check_me(ctx, me, "identification as a pivot, during conflict in checking", &watched));
    if (tag.slot != SSI_SLOT_NONE) TRY(note_readers(ctx, s, me, ssi_target_find(s, tag)));
    tag.slot = SSI_SLOT_NONE;
    if (tag.page != SSI_PAGE_ALL) TRY(note_readers(ctx, s, me, ssi_target_find(s, tag)));
    tag.page = SSI_PAGE_ALL;
    return note_readers(ctx, s, me, ssi_target_find(s, tag));
}

Status
ssi_note_write(Ctx *ctx, uint32_t rel, PageNo page, uint32_t slot)
{
    Ssi *s = ctx->db->ssi;
    if (ctx->tx == NULL || ctx->tx->ssi == NULL || rel < SSI_FIRST_USER_OID) return QN_OK;
    mutex_lock(&s->mutex);
    Status st = note_write(ctx, s, ctx->tx->ssi, (SsiTag){rel, page, slot});
    mutex_unlock(&s->mutex);
    return st;
}

Status
ssi_note_write_all(Ctx *ctx, uint32_t rel)
{
    Ssi *s = ctx->db->ssi;
    Status st = QN_OK;
    if (ctx->tx == NULL || ctx->tx->ssi == NULL || rel < SSI_FIRST_USER_OID) return QN_OK;
    mutex_lock(&s->mutex);
    for (uint32_t i = 0; i < s->nbuckets && st == QN_OK; i++)
        for (const SsiTarget *t = s->buckets[i]; t != NULL && st == QN_OK; t = t->next)
            if (t->tag.rel == rel) st = note_readers(ctx, s, ctx->tx->ssi, t);
    mutex_unlock(&s->mutex);
    return st;
}

/* ---- ending ---- */

/* I am about to be the first to commit: pivots between somebody and me that still run must not. */
static Status
doom_pivots(Ctx *ctx, SsiTx *me)
{
    for (const SsiEdge *near = me->in[EDGE_RW]; near != NULL; near = near->in_next) {
        SsiTx *pivot = near->reader;
        if (ssi_has(pivot, SSI_COMMITTED | SSI_DOOMED)) continue;
        for (const SsiEdge *far = pivot->in[EDGE_RW]; far != NULL; far = far->in_next) {
            const SsiTx *first = far->reader;
            if (first != me && ssi_has(first, SSI_COMMITTED | SSI_READ_ONLY | SSI_DOOMED)) continue;
            if (ssi_has(pivot, SSI_PREPARED)) return fail(ctx, "commit attempt with conflict in from prepared pivot");
            pivot->flags |= SSI_DOOMED;
            break;
        }
    }
    return QN_OK;
}

Status
ssi_before_commit(Ctx *ctx)
{
    Ssi *s = ctx->db->ssi;
    SsiTx *me = ctx->tx->ssi;
    bool watched;
    if (me == NULL) return QN_OK;
    mutex_lock(&s->mutex);
    Status st = check_me(ctx, me, "identification as a pivot, during commit attempt", &watched);
    if (st == QN_OK && watched) st = doom_pivots(ctx, me);
    if (st == QN_OK) {
        me->prepare_seq = ++s->last_seq;
        me->flags |= SSI_PREPARED;
    }
    mutex_unlock(&s->mutex);
    return st;
}

void
ssi_note_csn(Ctx *ctx, Lsn csn)
{
    Ssi *s = ctx->db->ssi;
    SsiTx *me = ctx->tx->ssi;
    if (me == NULL) return;
    mutex_lock(&s->mutex);
    SsiTx **at = csn_bucket(s, csn);
    me->csn = csn;
    me->csn_next = *at;
    *at = me;
    mutex_unlock(&s->mutex);
}

/* Of a committed transaction's edges those stay that could still be part of a structure. */
static void
settle_edges(SsiTx *t)
{
    for (SsiEdge *e = t->out[EDGE_RW], *next; e != NULL; e = next) {
        SsiTx *w = e->writer;
        next = e->out_next;
        if (!ssi_has(t, SSI_READ_ONLY) && ssi_has(w, SSI_COMMITTED)) {
            if (!ssi_has(t, SSI_CONFLICT_OUT) || w->prepare_seq < t->earliest_out) t->earliest_out = w->prepare_seq;
            t->flags |= SSI_CONFLICT_OUT;
        }
        if (ssi_has(w, SSI_COMMITTED)) drop_edge(e);
    }
    if (ssi_has(t, SSI_SUMMARY_OUT) && !ssi_has(t, SSI_READ_ONLY)) {
        t->earliest_out = 0;
        t->flags |= SSI_CONFLICT_OUT;
    }
    for (SsiEdge *e = t->in[EDGE_RW], *next; e != NULL; e = next) {
        next = e->in_next;
        if (ssi_has(e->reader, SSI_COMMITTED | SSI_READ_ONLY)) drop_edge(e);
    }
}

/* Tells the read-only transactions that waited to know what the writer t would do. */
static void
settle_readers(Ssi *s, SsiTx *t, bool committed)
{
    while (t->in[EDGE_UNSAFE] != NULL) {
        SsiTx *reader = t->in[EDGE_UNSAFE]->reader;
        drop_edge(t->in[EDGE_UNSAFE]);
        if (committed && ssi_has(t, SSI_CONFLICT_OUT) && t->earliest_out <= reader->snapshot_seq) {
            reader->flags |= SSI_UNSAFE;
            while (reader->out[EDGE_UNSAFE] != NULL) drop_edge(reader->out[EDGE_UNSAFE]);
            cond_broadcast(&s->safe_cond);
        } else if (reader->out[EDGE_UNSAFE] == NULL) {
            set_safe(s, reader);
        }
    }
}

void
ssi_end(Ctx *ctx, bool committed, bool wrote)
{
    Ssi *s = ctx->db->ssi;
    SsiTx *t = ctx->tx->ssi;
    if (t == NULL) return;
    ctx->tx->ssi = NULL;
    mutex_lock(&s->mutex);
    if (!ssi_has(t, SSI_SAFE)) leave_active(s, t);
    while (t->out[EDGE_UNSAFE] != NULL) drop_edge(t->out[EDGE_UNSAFE]);
    if (committed) {
        t->commit_seq = ++s->last_seq;
        t->flags |= SSI_COMMITTED | (wrote ? 0 : SSI_READ_ONLY);
        settle_edges(t);
    }
    settle_readers(s, t, committed);
    if (committed && !ssi_has(t, SSI_SAFE)) {
        append(&s->finished, &s->finished_tail, t);
        s->nfinished++;
    } else {
        free_tx(s, t);
    }
    clean(s);
    mutex_unlock(&s->mutex);
}

/* ---- the instance ---- */

Status
ssi_init(Ctx *ctx, Db *db)
{
    TRY_ALLOC(ctx, db->ssi, mem_zalloc(NULL, sizeof(Ssi)));
    mutex_init(&db->ssi->mutex);
    cond_init(&db->ssi->safe_cond);
    db->ssi->old.flags = SSI_PREPARED | SSI_COMMITTED;
    return ssi_locks_init(ctx, db->ssi);
}

void
ssi_free(Db *db)
{
    Ssi *s = db->ssi;
    if (s == NULL) return;
    while (s->finished != NULL) forget_finished(s, s->finished);
    assert(s->active == NULL);
    ssi_locks_free(s);
    cond_destroy(&s->safe_cond);
    mutex_destroy(&s->mutex);
    mem_free(NULL, s, sizeof(*s));
    db->ssi = NULL;
}

/* ---- pg_locks ---- */

Status
ssi_list(Ctx *ctx, Arena *arena, SsiLockRow **rows_out, int *n_out)
{
    Ssi *s = ctx->db->ssi;
    int n = 0;
    mutex_lock(&s->mutex);
    for (uint32_t i = 0; i < s->nbuckets; i++)
        for (const SsiTarget *t = s->buckets[i]; t != NULL; t = t->next)
            for (const SsiLock *l = t->locks; l != NULL; l = l->target_next) n++;
    *n_out = n;
    *rows_out = ARENA_ARRAY(arena, SsiLockRow, n + 1);
    n = 0;
    for (uint32_t i = 0; i < s->nbuckets && *rows_out != NULL; i++)
        for (const SsiTarget *t = s->buckets[i]; t != NULL; t = t->next)
            for (const SsiLock *l = t->locks; l != NULL; l = l->target_next)
                (*rows_out)[n++] = (SsiLockRow){t->tag.rel, t->tag.page, t->tag.slot, l->tx == &s->old ? 0 : l->tx->slot + 1, l->tx->ntx};
    mutex_unlock(&s->mutex);
    return *rows_out != NULL ? QN_OK : RAISE_OOM(ctx);
}
