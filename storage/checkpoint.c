/* checkpoint.c - moving the point from which recovery would start.
 *
 *   1. The redo point is chosen: the log's end at a moment when nobody appends. With it goes what the transactions were at that
 *      moment. From here on pages that change need a new image.
 *   2. Every page that was dirty then is written, and the file synced.
 *   3. The header that names the redo point is written over the older copy, and synced.
 *   4. The log before the redo point is free for reuse.
 * Writers go on during all of it. A failure before 3 leaves the old header and the old log, which suffice.
 *
 * It is done in steps: by the instance's thread, which spreads the writing over the time until the next one would be due; where there are
 * no threads, by those who commit, a few pages each; by whoever asks for it (CHECKPOINT, closing), all at once.
 */
#include "common/sched.h"
#include "storage/instance.h"
#include <assert.h>

enum { CAPTURE_TRIES = 100 };

bool
checkpoint_is_due(Db *db)
{
    Lsn log = atomic_load(&db->wal.insert_lsn) - atomic_load(&db->wal.redo);
    /* Half, because the other half fills while the pages are written. */
    if (atomic_load(&db->checkpoint_active)) return false;
    if (log > db->wal_bytes_max / 2) return true;
    return log > 0 && ctx_now_us() - atomic_load(&db->checkpointed_us) >= db->checkpoint_timeout_us;
}

/* It should be done when the log behind its redo point has grown by a quarter of what it may be, or half the time has gone by. */
bool
checkpoint_is_ahead(Db *db)
{
    const Checkpoint *c = &db->checkpoint;
    mutex_lock(&db->checkpoint_mutex);
    double written = c->dirty.n > 0 ? (double)c->written / c->dirty.n : 1;
    double log = (double)(atomic_load(&db->wal.insert_lsn) - c->header.redo) / ((double)db->wal_bytes_max / 4 + 1);
    double elapsed = (double)(ctx_now_us() - c->started_us) / ((double)db->checkpoint_timeout_us / 2 + 1);
    bool active = atomic_load(&db->checkpoint_active);
    mutex_unlock(&db->checkpoint_mutex);
    return active && written > log && written > elapsed;
}

void
checkpoint_drop(Db *db)
{
    Checkpoint *c = &db->checkpoint;
    xid_ranges_free(&c->ranges);
    rel_pendings_free(&c->pendings);
    page_list_free(&c->dirty);
    *c = (Checkpoint){0};
    atomic_store(&db->checkpoint_active, false);
}

/* Step 1. False in *fits_out: the header's list pages are too few, nothing was chosen. */
static Status
choose_redo(Ctx *ctx, Checkpoint *c, uint32_t list_items, bool *fits_out)
{
    Db *db = ctx->db;
    Wal *w = &db->wal;
    Status st;

    c->ranges.count = 0;
    c->pendings.count = 0;
    rwlatch_exclusive(&db->redo_latch);
    mutex_lock(&w->insert_mutex);
    st = tx_capture(ctx, &c->header.next_xid, &c->header.xid_mark, &c->ranges, &c->pendings);
    *fits_out = c->ranges.count + c->pendings.count <= list_items;
    if (st == QN_OK && *fits_out) {
        c->header.redo = atomic_load_explicit(&w->insert_lsn, memory_order_relaxed);
        atomic_store_explicit(&w->redo, c->header.redo, memory_order_release);
        c->header.next_oid = db->oid_mark; /* changed with insert_mutex held: db_next_oid */
    }
    mutex_unlock(&w->insert_mutex);
    rwlatch_unlock(&db->redo_latch);
    return st;
}

static Status
start(Ctx *ctx)
{
    Db *db = ctx->db;
    Checkpoint *c = &db->checkpoint;
    bool fits = false;

    /* A header that needs its log is written only when the log is on disk under its name, which the first flush sees to. */
    TRY(wal_flush(ctx, wal_insert_lsn(ctx)));
    /* Which copy is written next must not change once its list pages are there. */
    TRY(db_before_page_write(ctx));
    c->header = db->header;
    for (int i = 0; !fits; i++) {
        TRY(choose_redo(ctx, c, header_room(db), &fits));
        if (fits) break;
        if (i == CAPTURE_TRIES) return RAISE_INTERNAL(ctx, "the database header's lists keep growing");
        TRY(header_reserve(ctx, c->ranges.count + c->pendings.count + 256));
    }
    sched_point("checkpoint: redo point chosen");
    TRY(pool_dirty_pages(ctx, &c->dirty));
    c->written = 0;
    c->started_us = ctx_now_us();
    atomic_store(&db->checkpoint_active, true);
    return QN_OK;
}

static Status
write_some(Ctx *ctx, uint32_t npages)
{
    Checkpoint *c = &ctx->db->checkpoint;
    uint32_t n = c->dirty.n - c->written < npages ? c->dirty.n - c->written : npages;
    sched_point("checkpoint: pages");
    if (n == 0) return QN_OK;
    TRY(pool_write_pages(ctx, c->dirty.pages + c->written, n));
    c->written += n;
    return QN_OK;
}

/* Steps 2, as to the sync, to 4. */
static Status
complete(Ctx *ctx, bool clean)
{
    Db *db = ctx->db;
    Checkpoint *c = &db->checkpoint;

    /* The redo point itself must be in the log for good: recovery reads from it. */
    TRY(wal_flush(ctx, c->header.redo));
    Status st = db->ops->sync(ctx, db->file);
    if (st != QN_OK) return db_fail(ctx, st);
    c->header.counter = db->header.counter + 1;
    c->header.npages = atomic_load(&db->file_pages);
    c->header.flags = clean ? DB_CLEAN : 0;
    if (clean) {
        c->header.xid_mark = c->header.next_xid;
        c->header.next_oid = db->next_oid;
    }
    sched_point("checkpoint: pages synced");
    mutex_lock(&db->header_mutex);
    st = header_write(ctx, &c->header, &c->ranges, &c->pendings);
    mutex_unlock(&db->header_mutex);
    TRY(st);
    st = db->ops->sync(ctx, db->file);
    if (st != QN_OK) return db_fail(ctx, st);
    sched_point("checkpoint: header synced");
    wal_recycle(db, c->header.redo);
    atomic_store(&db->checkpointed_us, ctx_now_us());
    if (clean && header_fits(db, c->ranges.count + c->pendings.count)) {
        /* The file is about to be left alone with its header: both copies should be good for opening it. */
        c->header.counter++;
        TRY(header_write(ctx, &c->header, &c->ranges, &c->pendings));
    }
    if (clean) { /* what db_before_page_write writes once more when work goes on after all, as it does after recovery */
        XidRanges ranges = db->clean_ranges;
        RelPendings pendings = db->clean_pendings;
        db->clean_ranges = c->ranges;
        db->clean_pendings = c->pendings;
        c->ranges = ranges;
        c->pendings = pendings;
    }
    return QN_OK;
}

/* With checkpoint_mutex: does npages' worth, and what comes after the last page. */
static Status
advance(Ctx *ctx, uint32_t npages, bool clean, bool *done_out)
{
    Db *db = ctx->db;
    Checkpoint *c = &db->checkpoint;
    Status st = db_check_usable(ctx);

    *done_out = false;
    if (st == QN_OK && !atomic_load(&db->checkpoint_active)) {
        *done_out = wal_insert_lsn(ctx) == db->header.redo && atomic_load(&db->header_clean);
        if (*done_out) return QN_OK;
        st = start(ctx);
    }
    if (st == QN_OK) st = write_some(ctx, npages);
    if (st == QN_OK && c->written < c->dirty.n) return QN_OK;
    if (st == QN_OK) st = complete(ctx, clean);
    checkpoint_drop(db);
    *done_out = st == QN_OK;
    return st;
}

Status
checkpoint_run(Ctx *ctx, bool clean)
{
    Db *db = ctx->db;
    Status st = QN_OK;
    bool done;

    if (db->in_memory || db->read_only) return QN_OK;
    mutex_lock(&db->checkpoint_mutex);
    /* One that began earlier has an earlier redo point. */
    if (atomic_load(&db->checkpoint_active)) st = advance(ctx, UINT32_MAX, false, &done);
    if (st == QN_OK) st = advance(ctx, UINT32_MAX, clean, &done);
    mutex_unlock(&db->checkpoint_mutex);
    return st;
}

Status
checkpoint_step(Ctx *ctx, uint32_t npages, bool *done_out)
{
    Db *db = ctx->db;
    *done_out = true;
    if (db->in_memory || db->read_only || !mutex_try(&db->checkpoint_mutex)) return QN_OK;
    Status st = advance(ctx, npages, false, done_out);
    mutex_unlock(&db->checkpoint_mutex);
    return st;
}
