/* recover.c - after a crash: what the log says, done again.
 *
 * Two passes over the log from the header's redo point. The first finds where it ends and, since what was read may be in the system's cache
 * only, writes it again as it is and syncs it: pages written from here on rest on it. Whatever lies behind the end is wiped out, so that
 * the log can go on there and none of it is ever taken for a record that follows. The second applies each record to the pages that
 * are older than it. Both read through one window of bounded size. At the end every xid that the log does not say committed is
 * aborted, relations that belong to nobody are freed, and a checkpoint makes the result stand without the log. What this
 * logs is replayed like the rest should it be cut short.
 */
#include "common/crc32c.h"
#include "storage/instance.h"
#include <assert.h>
#include <stdlib.h>

enum { WINDOW_MIN = 4 << 20, SALVAGE_XIDS = 1 << 20 };

typedef struct Part { Xid top, first, last; } Part; /* of a commit whose last record is still to come */

typedef struct Recovery {
    XidRanges *open;          /* xids not known to have committed, ascending and disjoint */
    RelPendings *pendings;
    Xid mark;                 /* xids below may have been used */
    uint32_t oid;
    Part *parts;
    uint32_t nparts, parts_cap;
    /* The window: stream bytes [from, to). */
    uint8_t *window;
    size_t window_bytes;
    Lsn from, to;
    uint8_t *scratch;         /* a page */
} Recovery;

/* ---- xids and relations, as redo functions report them ---- */

/* Takes first..last out of the open ranges. */
static Status
close_xids(Ctx *ctx, XidRanges *open, Xid first, Xid last)
{
    uint32_t lo = 0, hi = open->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (open->items[mid].last < first) lo = mid + 1;
        else hi = mid;
    }
    while (lo < open->count && open->items[lo].first <= last) {
        XidRange r = open->items[lo];
        if (r.first < first && r.last > last) { /* a hole in the middle */
            TRY(xid_ranges_add(ctx, open, UINT64_MAX, UINT64_MAX)); /* makes room at the end */
            memmove(&open->items[lo + 1], &open->items[lo], (open->count - 1 - lo) * sizeof(r));
            open->items[lo].last = first - 1;
            open->items[lo + 1].first = last + 1;
            return QN_OK;
        }
        if (r.first < first) {
            open->items[lo++].last = first - 1;
        } else if (r.last > last) {
            open->items[lo].first = last + 1;
            return QN_OK;
        } else {
            memmove(&open->items[lo], &open->items[lo + 1], (open->count - 1 - lo) * sizeof(r));
            open->count--;
        }
    }
    return QN_OK;
}

Status
recover_note_commit(Ctx *ctx, Xid top, Xid first, Xid last)
{
    Recovery *r = ctx->db->recovery;
    if (r->nparts == r->parts_cap) {
        uint32_t cap = r->parts_cap != 0 ? r->parts_cap * 2 : 64;
        Part *p = mem_realloc(NULL, r->parts, r->parts_cap * sizeof(*p), cap * sizeof(*p));
        if (p == NULL) return RAISE_OOM(ctx);
        r->parts = p;
        r->parts_cap = cap;
    }
    r->parts[r->nparts++] = (Part){top, first, last};
    return QN_OK;
}

Status
recover_note_end(Ctx *ctx, Xid top)
{
    Recovery *r = ctx->db->recovery;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->nparts; i++) {
        Part p = r->parts[i];
        if (p.top != top) r->parts[kept++] = p;
        else TRY(close_xids(ctx, r->open, p.first, p.last));
    }
    r->nparts = kept;
    return QN_OK;
}

Status
recover_note_drop(Ctx *ctx, PageNo root)
{
    return rel_pendings_add(ctx, ctx->db->recovery->pendings, root, XID_NONE);
}

Status
recover_note_created(Ctx *ctx, PageNo root, Xid xid)
{
    return rel_pendings_add(ctx, ctx->db->recovery->pendings, root, xid);
}

void
recover_note_freed(Ctx *ctx, PageNo root)
{
    pending_remove(ctx->db->recovery->pendings, root);
}

/* ---- reading the stream ---- */

/* The segment numbers of the slots of the log's file. */
static Status
read_segments(Ctx *ctx, Db *db)
{
    Wal *w = &db->wal;
    uint64_t nbytes;

    TRY(db->ops->size(ctx, w->file, &nbytes));
    uint64_t n = nbytes > WAL_BLOCK ? (nbytes - WAL_BLOCK) / WAL_SEGMENT : 0;
    if (n == 0) return QN_OK;
    mem_free(NULL, w->segments, w->segments_cap * sizeof(*w->segments));
    w->segments_cap = 0;
    TRY_ALLOC(ctx, w->segments, mem_zalloc(NULL, n * sizeof(*w->segments)));
    w->segments_cap = w->nsegments = (uint32_t)n;
    for (uint32_t i = 0; i < w->nsegments; i++) {
        WalSegmentHeader h;
        size_t got;
        TRY(db->ops->read(ctx, w->file, &h, sizeof(h), WAL_BLOCK + (uint64_t)i * WAL_SEGMENT, &got));
        bool ok = got == sizeof(h) && h.magic == WAL_MAGIC &&
                  h.crc == crc32c(0, &h, offsetof(WalSegmentHeader, crc)) &&
                  memcmp(h.db_id, db->db_id, sizeof(h.db_id)) == 0;
        w->segments[i] = ok ? h.number : 0;
    }
    return QN_OK;
}

/* The file offset of a stream position, and how many bytes follow it in its segment; 0: that segment is not there. */
static uint64_t
offset_of(const Wal *w, Lsn lsn, size_t *left_out)
{
    uint64_t number = lsn / WAL_SEGMENT_BODY, at = lsn % WAL_SEGMENT_BODY;
    for (uint32_t i = 0; i < w->nsegments; i++) {
        if (w->segments[i] != number) continue;
        *left_out = WAL_SEGMENT_BODY - at;
        return WAL_BLOCK + (uint64_t)i * WAL_SEGMENT + WAL_BLOCK + at;
    }
    return 0;
}

/* Moves the window so that it starts at lsn and is as full as the log allows. */
static Status
fill_window(Ctx *ctx, Recovery *r, Lsn lsn)
{
    Wal *w = &ctx->db->wal;
    size_t have = 0;

    if (lsn >= r->from && lsn < r->to) {
        have = r->to - lsn;
        memmove(r->window, r->window + (lsn - r->from), have);
    }
    r->from = lsn;
    r->to = lsn + have;
    while (have < r->window_bytes) {
        size_t left = 0, got;
        uint64_t offset = offset_of(w, r->to, &left);
        if (offset == 0) break;
        if (left > r->window_bytes - have) left = r->window_bytes - have;
        TRY(ctx->db->ops->read(ctx, w->file, r->window + have, left, offset, &got));
        have += got;
        r->to += got;
        if (got < left) break;
    }
    return QN_OK;
}

/* The record at lsn, if there is a valid one; *header_out points into the window. */
static Status
read_record(Ctx *ctx, Recovery *r, Lsn lsn, Lsn prev, bool first, const WalRecordHeader **header_out)
{
    Db *db = ctx->db;
    const WalRecordHeader *h;

    *header_out = NULL;
    if (lsn < r->from || lsn + sizeof(*h) > r->to) TRY(fill_window(ctx, r, lsn));
    if (lsn + sizeof(*h) > r->to) return QN_OK;
    h = (const WalRecordHeader *)(r->window + (lsn - r->from));
    size_t most = sizeof(*h) + WAL_PAYLOAD_MAX + (size_t)WAL_PAGES_MAX * (sizeof(WalPageRef) + db->page_bytes);
    if (h->nbytes < sizeof(*h) || h->nbytes > most) return QN_OK;
    if (lsn + h->nbytes > r->to) {
        TRY(fill_window(ctx, r, lsn));
        h = (const WalRecordHeader *)r->window;
        if (lsn + sizeof(*h) > r->to || lsn + h->nbytes > r->to) return QN_OK;
    }
    uint32_t body = crc32c(0, (const uint8_t *)h + sizeof(*h), h->nbytes - sizeof(*h));
    if (wal_record_crc(db->wal.crc_seed, h, lsn, body) != h->crc) return QN_OK;
    if (!first && h->prev != prev) return QN_OK;
    *header_out = h;
    return QN_OK;
}

static Lsn
record_end(Lsn lsn, const WalRecordHeader *h)
{
    return lsn + ((h->nbytes + 7) & ~7u);
}

/* ---- pass one ---- */

/* Writes the stream's bytes [from, to) of the window back to where they were read. */
static Status
rewrite(Ctx *ctx, Recovery *r, Lsn from, Lsn to)
{
    Wal *w = &ctx->db->wal;
    while (from < to) {
        size_t left = 0;
        uint64_t offset = offset_of(w, from, &left);
        if (left > to - from) left = to - from;
        TRY(ctx->db->ops->write(ctx, w->file, r->window + (from - r->from), left, offset));
        from += left;
    }
    return QN_OK;
}

/* Wipes out what lies behind the end: the rest of its segment, and the numbers of later ones. */
static Status
wipe_tail(Ctx *ctx, Lsn end)
{
    Db *db = ctx->db;
    Wal *w = &db->wal;
    enum { CHUNK = 64 * 1024 };
    static const WalSegmentHeader nothing;
    uint8_t *zeros;
    size_t left = 0;
    Status st = QN_OK;

    TRY_ALLOC(ctx, zeros, mem_zalloc(NULL, CHUNK));
    for (uint32_t i = 0; i < w->nsegments && st == QN_OK; i++) {
        if (w->segments[i] <= end / WAL_SEGMENT_BODY) continue;
        st = db->ops->write(ctx, w->file, &nothing, sizeof(nothing), WAL_BLOCK + (uint64_t)i * WAL_SEGMENT);
        w->segments[i] = 0;
    }
    uint64_t offset = offset_of(w, end, &left);
    while (st == QN_OK && offset != 0 && left > 0) {
        size_t n = left < CHUNK ? left : CHUNK;
        st = db->ops->write(ctx, w->file, zeros, n, offset);
        offset += n;
        left -= n;
    }
    mem_free(NULL, zeros, CHUNK);
    return st;
}

/* *prev_out: start of the last record. */
static Status
find_end(Ctx *ctx, Recovery *r, Lsn redo, Lsn *end_out, Lsn *prev_out)
{
    Db *db = ctx->db;
    const WalRecordHeader *h;
    Lsn at = redo, prev = 0;

    for (bool first = true;; first = false) {
        TRY(read_record(ctx, r, at, prev, first, &h));
        if (h == NULL) break;
        Lsn end = record_end(at, h);
        if (db->read_only) { /* one is enough to know that opening is refused */
            *end_out = end;
            return QN_OK;
        }
        TRY(rewrite(ctx, r, at, end < r->to ? end : r->to));
        prev = at;
        at = end;
        TRY(ctx_check_stop(ctx));
    }
    *end_out = at;
    *prev_out = prev;
    if (db->read_only || db->wal.nsegments == 0) return QN_OK;
    TRY(wipe_tail(ctx, at));
    Status st = db->ops->sync(ctx, db->wal.file);
    if (st != QN_OK) return db_fail(ctx, st);
    return QN_OK;
}

/* ---- pass two ---- */

static Status
invalid_record(Ctx *ctx, Lsn lsn)
{
    return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid log record at %llu", (unsigned long long)lsn);
}

/* Fixes a record's page and brings it to where redo can start. image: its bytes, if it has any. */
static Status
prepare_page(Ctx *ctx, Recovery *r, const WalPageRef *ref, const uint8_t *image, Lsn end, RedoPage *out)
{
    Db *db = ctx->db;
    PageNo pages = atomic_load(&db->file_pages);

    if (ref->page < PAGE_NO_META) return invalid_record(ctx, end);
    if (ref->page >= pages) TRY(extent_extend_file(ctx, ref->page + 1));
    out->apply = out->init = false;
    if ((ref->flags & (WAL_PAGE_IMAGE | WAL_PAGE_INIT)) == 0) {
        TRY(page_fix(ctx, ref->page, FIX_EXCLUSIVE, &out->ref));
        out->apply = page_header(&out->ref)->lsn < end;
        if (out->apply) pool_mark_dirty(ctx, &out->ref);
        return QN_OK;
    }
    TRY(page_fix_new(ctx, ref->page, &out->ref));
    out->ref.fresh = false;
    pool_mark_dirty(ctx, &out->ref);
    if ((ref->flags & WAL_PAGE_INIT) != 0) {
        out->apply = out->init = true;
    } else {
        if (wal_image_unpack(image, ref->flags >> 8, (ref->flags & WAL_PAGE_LZ4) != 0, out->ref.ptr,
                             db->page_bytes, r->scratch) == 0)
            return invalid_record(ctx, end);
        page_header(&out->ref)->lsn = end;
    }
    return QN_OK;
}

static Status
note_mark(Ctx *ctx, const WalRecord *rec)
{
    Recovery *r = ctx->db->recovery;
    if (rec->type == WAL_XID_MARK && rec->payload_bytes == sizeof(Xid)) {
        Xid mark;
        memcpy(&mark, rec->payload, sizeof(mark));
        if (mark > r->mark) {
            TRY(xid_ranges_add(ctx, r->open, r->mark, mark - 1));
            r->mark = mark;
        }
    } else if (rec->type == WAL_OID_MARK && rec->payload_bytes == sizeof(uint32_t)) {
        memcpy(&r->oid, rec->payload, sizeof(r->oid));
    }
    return QN_OK;
}

static Status
apply_record(Ctx *ctx, Recovery *r, Lsn lsn, const WalRecordHeader *h)
{
    WalRecord rec = {.lsn = lsn, .end = record_end(lsn, h), .xid = h->xid, .type = (WalType)h->type,
                     .npages = h->npages, .payload_bytes = h->payload_bytes};
    RedoPage pages[WAL_PAGES_MAX];
    const uint8_t *at = (const uint8_t *)h + sizeof(*h), *stop = (const uint8_t *)h + h->nbytes;
    int fixed = 0;
    Status st = QN_OK;

    memset(pages, 0, sizeof(pages));
    if (h->type == WAL_NONE || h->type >= WAL_TYPE_COUNT || h->npages > WAL_PAGES_MAX) return invalid_record(ctx, lsn);
    for (; fixed < h->npages; fixed++) {
        WalPageRef ref;
        if ((size_t)(stop - at) < sizeof(ref)) TRY_GOTO(invalid_record(ctx, lsn));
        memcpy(&ref, at, sizeof(ref));
        at += sizeof(ref);
        uint32_t image_bytes = (ref.flags & WAL_PAGE_IMAGE) != 0 ? ref.flags >> 8 : 0;
        if ((size_t)(stop - at) < image_bytes) TRY_GOTO(invalid_record(ctx, lsn));
        st = prepare_page(ctx, r, &ref, at, rec.end, &pages[fixed]);
        if (st != QN_OK) {
            fixed++; /* it may be fixed already */
            goto done;
        }
        at += image_bytes;
    }
    if ((size_t)(stop - at) != h->payload_bytes) TRY_GOTO(invalid_record(ctx, lsn));
    rec.payload = at;
    TRY_GOTO(note_mark(ctx, &rec));
    TRY_GOTO(wal_ops[rec.type].redo(ctx, &rec, pages));
    for (int i = 0; i < fixed; i++)
        if (pages[i].apply) page_header(&pages[i].ref)->lsn = rec.end;
done:
    while (fixed-- > 0) page_unfix(&pages[fixed].ref);
    return st;
}

static Status
replay(Ctx *ctx, Recovery *r, Lsn redo, Lsn end)
{
    const WalRecordHeader *h;
    Lsn prev = 0;

    ctx->work_total = (int64_t)(end - redo);
    for (Lsn at = redo; at < end;) {
        TRY(read_record(ctx, r, at, prev, at == redo, &h));
        if (h == NULL) return invalid_record(ctx, at);
        Status st = apply_record(ctx, r, at, h);
        if (st != QN_OK) return err_context(ctx, st, "replay of log record at %llu", (unsigned long long)at);
        prev = at;
        at = record_end(at, h);
        ctx->work_done = (int64_t)(at - redo);
        TRY(ctx_check_stop(ctx));
    }
    return QN_OK;
}

/* ---- */

static bool
range_has(const XidRanges *ranges, Xid xid)
{
    for (uint32_t i = 0; i < ranges->count; i++)
        if (xid >= ranges->items[i].first && xid <= ranges->items[i].last) return true;
    return false;
}

static bool
header_owns(const Db *db, PageNo page)
{
    for (int i = 0; i < 2; i++)
        for (uint32_t k = 0; k < db->nmore[i]; k++)
            if (db->more[i][k] == page) return true;
    return false;
}

/* Relations whose creator did not commit, and those dropped by one that did; pages taken for a header that was not written. */
static Status
free_pendings(Ctx *ctx, const XidRanges *aborted, RelPendings *pendings)
{
    for (uint32_t i = 0; i < pendings->count; i++) {
        RelPending p = pendings->items[i];
        if (p.xid == XID_LIST_PAGE) {
            if (!header_owns(ctx->db, p.root)) TRY(extent_give_page(ctx, p.root));
        } else if (p.xid == XID_NONE || range_has(aborted, p.xid)) {
            TRY(rel_free(ctx, p.root));
        }
    }
    return QN_OK;
}

static Status
log_is_missing(Ctx *ctx)
{
    Status st = RAISE(ctx, ERR_DATA_CORRUPTED, "the log of database \"%s\" is missing", ctx->db->path);
    return err_hint(ctx, st, "It was last used by a process that did not close it. Put \"%s\" back beside it.",
                    ctx->db->wal_path);
}

static Status
needs_recovery(Ctx *ctx)
{
    Status st = RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "database \"%s\" was not closed and cannot be opened for reading only", ctx->db->path);
    return err_hint(ctx, st, "Open it for writing once, so that its log is replayed.");
}

static Status
recover(Ctx *ctx, Recovery *r, bool *replayed_out)
{
    Db *db = ctx->db;
    Lsn redo = db->header.redo, end = redo, prev = 0;
    size_t left;

    TRY_ALLOC(ctx, r->scratch, mem_alloc(NULL, db->page_bytes));
    r->window_bytes = WINDOW_MIN;
    TRY_ALLOC(ctx, r->window, mem_alloc(NULL, r->window_bytes));
    if (db->wal.file != NULL) TRY(read_segments(ctx, db));
    /* If not the segment of redo but that of the byte before is there, the log just ended with a segment. */
    if (!db->header_clean && !db->salvage && offset_of(&db->wal, redo, &left) == 0 && offset_of(&db->wal, redo - 1, &left) == 0)
        return log_is_missing(ctx);
    TRY(find_end(ctx, r, redo, &end, &prev));
    *replayed_out = end > redo || !db->header_clean;
    if (*replayed_out && db->read_only) {
        if (!db->salvage) return needs_recovery(ctx);
        /* What the log says is passed over: its transactions, whose xids may be on pages, count as aborted. */
        TRY(xid_ranges_add(ctx, r->open, r->mark, r->mark + SALVAGE_XIDS - 1));
        r->mark += SALVAGE_XIDS;
        *replayed_out = false;
        wal_start_at(db, end);
        return QN_OK;
    }
    wal_start_at(db, end);
    db->wal.prev_lsn = prev;
    db->wal.recycle = redo;
    return replay(ctx, r, redo, end);
}

Status
recover_run(Ctx *ctx, XidRanges *ranges, RelPendings *pendings)
{
    Db *db = ctx->db;
    Recovery r = {.open = ranges, .pendings = pendings, .mark = db->header.xid_mark,
                  .oid = db->header.next_oid};
    bool replayed = false;
    Status st;

    /* Between next_xid and the mark any may have been used since the redo point. */
    if (db->header.next_xid < r.mark) TRY(xid_ranges_add(ctx, ranges, db->header.next_xid, r.mark - 1));
    db->recovery = &r;
    st = recover(ctx, &r, &replayed);
    db->recovery = NULL;
    mem_free(NULL, r.window, r.window_bytes);
    mem_free(NULL, r.scratch, db->page_bytes);
    mem_free(NULL, r.parts, r.parts_cap * sizeof(*r.parts));
    TRY(st);
    db->next_oid = db->oid_mark = r.oid;
    /* What never ran needs no memory among the aborted, but may not be used either: the next xid is the mark. */
    TRY(tx_map_load(ctx, r.mark, ranges, wal_insert_lsn(ctx)));
    if (pendings->count > 0) TRY(free_pendings(ctx, ranges, pendings));
    if (replayed) TRY(checkpoint_run(ctx, true)); /* nobody writes yet, so the file stands alone again */
    return QN_OK;
}
