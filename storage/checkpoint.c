/* checkpoint.c - moving the point from which recovery would start.
 *
 *   1. The redo point is chosen: the log's end at a moment when nobody appends. With it goes what the transactions were at that
 *      moment. From here on pages that change need a new image.
 *   2. Every page that was dirty then is written, and the file synced.
 *   3. The header that names the redo point is written over the older copy, and synced.
 *   4. The log before the redo point is free for reuse.
 * Writers go on during all of it. A failure before 3 leaves the old header and the old log, which suffice.
 */
#include "storage/instance.h"
#include <assert.h>

enum { CAPTURE_TRIES = 100 };

typedef struct Capture {
    DbHeader header;
    XidRanges ranges;
    RelPendings pendings;
} Capture;

/* Step 1. False in *fits_out: the header's list pages are too few, nothing was chosen. */
static Status
choose_redo(Ctx *ctx, Capture *c, uint32_t list_items, bool *fits_out)
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
run(Ctx *ctx, bool clean, Capture *c)
{
    Db *db = ctx->db;
    bool fits = false;

    if (wal_insert_lsn(ctx) == db->header.redo && atomic_load(&db->header_clean)) return QN_OK;
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
    TRY(pool_write_dirty(ctx, NULL, NULL));
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
    mutex_lock(&db->header_mutex);
    st = header_write(ctx, &c->header, &c->ranges, &c->pendings);
    mutex_unlock(&db->header_mutex);
    TRY(st);
    st = db->ops->sync(ctx, db->file);
    if (st != QN_OK) return db_fail(ctx, st);
    wal_recycle(db, c->header.redo);
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

Status
checkpoint_run(Ctx *ctx, bool clean)
{
    Db *db = ctx->db;
    Capture c = {0};
    Status st = QN_OK;

    if (db->in_memory || db->read_only) return QN_OK;
    mutex_lock(&db->checkpoint_mutex);
    st = db_check_usable(ctx);
    if (st == QN_OK) st = run(ctx, clean, &c);
    mutex_unlock(&db->checkpoint_mutex);
    xid_ranges_free(&c.ranges);
    rel_pendings_free(&c.pendings);
    return st;
}
