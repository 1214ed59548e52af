/* wal.c - see wal.h. Recovery, which reads the log, is in recover.c.
 *
 * Appending copies a record into a ring in memory under insert_mutex; whoever needs room or durability becomes the writer, one at
 * a time, writes the ring's new part to the segments and syncs. Room is what makes wal_finish unable to fail:
 *
 *     written <= insert_lsn <= insert_lsn + reserved <= limit = min(allocated, written + ring_bytes)
 *
 * room is limit - insert_lsn - reserved, kept as one atomic number: wal_begin takes from it, wal_finish gives back what the record did not need,
 * the writer adds what limit grows by. Segments up to allocated exist, so that a full disk is met in wal_begin.
 */
#include "storage/wal.h"
#include "common/crc32c.h"
#include "common/sched.h"
#include "storage/instance.h"
#include <assert.h>
#include <lz4.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    RING_BYTES = 4 << 20,   /* holds the largest record of the largest page three times */
    RECORD_ALIGN = 8,
    IMAGE_MIN_GAIN = 8,     /* an image is compressed if that saves 1/8 */
    REFS_ROOM = (WAL_PAGES_MAX * sizeof(WalPageRef) + 15) & ~15u, /* before the payload, which is aligned to 16 */
};

static_assert((RING_BYTES & (RING_BYTES - 1)) == 0, "positions in the ring are taken by a mask");

#define ALIGN_RECORD(n) (((n) + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1))

#define WALREC(name, redo, describe)                                                               \
    Status redo(Ctx *ctx, const WalRecord *rec, RedoPage *pages);                                  \
    void describe(const WalRecord *rec, StrBuf *out);
#include "storage/walrec.def"
#undef WALREC

const WalOps wal_ops[WAL_TYPE_COUNT] = {
    [WAL_NONE] = {"NONE", wal_redo_nothing, wal_describe_nothing},
#define WALREC(name, redo, describe) [WAL_##name] = {#name, redo, describe},
#include "storage/walrec.def"
#undef WALREC
};

Status
wal_redo_nothing(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    (void)ctx, (void)rec, (void)pages;
    return QN_OK;
}

void
wal_describe_nothing(const WalRecord *rec, StrBuf *out)
{
    (void)rec, (void)out;
}

/* ---- making and unmaking ---- */

Status
wal_create(Ctx *ctx, Db *db)
{
    Wal *w = &db->wal;

    w->in_memory = db->in_memory;
    w->crc_seed = db->crc_seed;
    mutex_init(&w->insert_mutex);
    mutex_init(&w->write_mutex);
    cond_init(&w->write_cond);
    if (!w->in_memory && !db->read_only) {
        w->ring_bytes = RING_BYTES;
        TRY_ALLOC(ctx, w->ring, mem_alloc(NULL, w->ring_bytes));
    }
    return QN_OK;
}

void
wal_destroy(Db *db)
{
    Wal *w = &db->wal;
    wal_close_file(db);
    mem_free(NULL, w->ring, w->ring_bytes);
    mem_free(NULL, w->segments, w->segments_cap * sizeof(*w->segments));
    mutex_destroy(&w->insert_mutex);
    mutex_destroy(&w->write_mutex);
    cond_destroy(&w->write_cond);
}

void
wal_start_at(Db *db, Lsn lsn)
{
    Wal *w = &db->wal;
    atomic_store(&w->insert_lsn, lsn);
    atomic_store(&w->written, lsn);
    atomic_store(&w->flushed, lsn);
    atomic_store(&w->redo, lsn);
    atomic_store(&w->room, 0);
    w->prev_lsn = 0;
    w->limit = w->allocated = lsn;
    w->ahead = 0;
    w->recycle = lsn;
}

/* ---- segments ---- */

static uint64_t
slot_offset(uint32_t slot)
{
    return WAL_BLOCK + (uint64_t)slot * WAL_SEGMENT;
}

/* The slot that holds this segment; UINT32_MAX if none does. */
static uint32_t
find_slot(const Wal *w, uint64_t number)
{
    for (uint32_t i = 0; i < w->nsegments; i++)
        if (w->segments[i] == number) return i;
    return UINT32_MAX;
}

static Status
write_segment_header(Ctx *ctx, Db *db, uint32_t slot, uint64_t number)
{
    WalSegmentHeader h = {.magic = WAL_MAGIC, .number = number};
    memcpy(h.db_id, db->db_id, sizeof(h.db_id));
    h.crc = crc32c(0, &h, offsetof(WalSegmentHeader, crc));
    return db->ops->write(ctx, db->wal.file, &h, sizeof(h), slot_offset(slot));
}

/* A segment at the end of the file, filled with zeros: writing over what is there costs no metadata at each sync. */
static Status
append_segment(Ctx *ctx, Db *db, uint32_t *slot_out)
{
    Wal *w = &db->wal;
    enum { CHUNK = 128 * 1024 };
    uint8_t *zeros;
    Status st = QN_OK;

    if (w->nsegments == w->segments_cap) {
        uint32_t cap = w->segments_cap != 0 ? w->segments_cap * 2 : 16;
        uint64_t *p = mem_realloc(NULL, w->segments, w->segments_cap * sizeof(*p), cap * sizeof(*p));
        if (p == NULL) return RAISE_OOM(ctx);
        w->segments = p;
        w->segments_cap = cap;
    }
    TRY_ALLOC(ctx, zeros, mem_zalloc(NULL, CHUNK));
    for (uint32_t at = 0; at < WAL_SEGMENT && st == QN_OK; at += CHUNK)
        st = db->ops->write(ctx, w->file, zeros, CHUNK, slot_offset(w->nsegments) + at);
    mem_free(NULL, zeros, CHUNK);
    TRY(st);
    *slot_out = w->nsegments++;
    w->segments[*slot_out] = 0;
    return QN_OK;
}

/* One more segment behind allocated: an old one that nothing needs, or a new one. By the writer. */
static Status
add_segment(Ctx *ctx, Db *db)
{
    Wal *w = &db->wal;
    uint64_t number = w->allocated / WAL_SEGMENT_BODY;
    uint64_t keep = (w->recycle - 1) / WAL_SEGMENT_BODY; /* recovery looks for the byte before, see recover.c */
    uint32_t slot = find_slot(w, number);

    if (slot != UINT32_MAX) { /* recovery ended in it, and its rest is zeros */
        w->allocated = (number + 1) * WAL_SEGMENT_BODY;
        return QN_OK;
    }
    for (uint32_t i = 0; i < w->nsegments && slot == UINT32_MAX; i++)
        if (w->segments[i] < keep) slot = i;
    if (slot == UINT32_MAX) TRY(append_segment(ctx, db, &slot));
    sched_point("log: a segment");
    /* Until its header is written the slot holds neither: a failure must not leave the old number. */
    w->segments[slot] = 0;
    TRY(write_segment_header(ctx, db, slot, number));
    w->segments[slot] = number;
    w->allocated = (number + 1) * WAL_SEGMENT_BODY;
    return QN_OK;
}

/* What can be reserved grows with written and allocated. By the writer. */
static void
grow_limit(Wal *w)
{
    Lsn written = atomic_load(&w->written);
    Lsn limit = w->allocated < written + w->ring_bytes ? w->allocated : written + w->ring_bytes;
    if (limit <= w->limit) return;
    atomic_fetch_add(&w->room, (int64_t)(limit - w->limit));
    w->limit = limit;
}

/* Grows allocated towards written + ahead and limit with it. An error leaves things as they are: those who
 * find no room see it. By the writer. */
static Status
add_segments(Ctx *ctx, Db *db)
{
    Wal *w = &db->wal;
    Status st = QN_OK;

    while (w->allocated < atomic_load(&w->written) + w->ahead && st == QN_OK) st = add_segment(ctx, db);
    grow_limit(w);
    return st;
}

/* ---- the log's file ---- */

/* holder: the process that has the file, as far as the system tells; else the one that the log names. */
Status
wal_check_owner(Ctx *ctx, Db *db, int holder)
{
    File *f;
    WalOwner owner = {0};
    size_t got = 0;
    Ctx quiet = {.db = db};
    Status st;

    if (db->ops->open(&quiet, db->ops, db->wal_path, FILE_READ_ONLY, &f) == QN_OK) {
        if (db->ops->read(&quiet, f, &owner, sizeof(owner), 0, &got) != QN_OK) got = 0;
        file_close(f);
    }
    err_clear(&quiet.err);
    bool named = got == sizeof(owner) && owner.magic == WAL_MAGIC && owner.crc == crc32c(0, &owner, offsetof(WalOwner, crc));
    st = RAISE(ctx, ERR_OBJECT_IN_USE, "database \"%s\" is in use by another process", db->path);
    if (named && (holder == 0 || holder == (int)owner.pid))
        st = err_detail(ctx, st, "The process is %u on host \"%.63s\".", owner.pid, owner.host);
    else if (holder != 0)
        st = err_detail(ctx, st, "The process is %d.", holder);
    return st;
}

Status
wal_open_file(Ctx *ctx, Db *db, bool create)
{
    Wal *w = &db->wal;

    if (w->file != NULL) return QN_OK;
    TRY(db->ops->open(ctx, db->ops, db->wal_path, create ? FILE_CREATE : 0, &w->file));
    return QN_OK;
}

void
wal_close_file(Db *db)
{
    Wal *w = &db->wal;
    file_close(w->file);
    file_close(w->sync_file);
    w->file = w->sync_file = NULL;
}

Status
wal_write_owner(Ctx *ctx, Db *db)
{
    uint8_t block[WAL_BLOCK] = {0};
    WalOwner owner = {.magic = WAL_MAGIC, .version = FORMAT_VERSION, .pid = (uint32_t)getpid()};

    memcpy(owner.db_id, db->db_id, sizeof(owner.db_id));
    if (gethostname(owner.host, sizeof(owner.host) - 1) != 0) owner.host[0] = '\0';
    owner.crc = crc32c(0, &owner, offsetof(WalOwner, crc));
    memcpy(block, &owner, sizeof(owner));
    return db->ops->write(ctx, db->wal.file, block, sizeof(block), 0);
}

/* ---- writing ---- */

static Status
write_stream(Ctx *ctx, Db *db, Lsn from, Lsn to)
{
    Wal *w = &db->wal;
    while (from < to) {
        uint64_t number = from / WAL_SEGMENT_BODY, at = from % WAL_SEGMENT_BODY;
        size_t ring_at = from % w->ring_bytes, n = to - from;
        uint32_t slot = find_slot(w, number);
        if (n > WAL_SEGMENT_BODY - at) n = WAL_SEGMENT_BODY - at;
        if (n > w->ring_bytes - ring_at) n = w->ring_bytes - ring_at;
        assert(slot != UINT32_MAX);
        TRY(db->ops->write(ctx, w->file, w->ring + ring_at, n, slot_offset(slot) + WAL_BLOCK + at));
        from += n;
    }
    return QN_OK;
}

/* Waits until this thread is the writer. */
static void
become_writer(Wal *w)
{
    mutex_lock(&w->write_mutex);
    while (w->writing) cond_wait(&w->write_cond, &w->write_mutex);
    w->writing = true;
    mutex_unlock(&w->write_mutex);
}

static void
end_writer(Db *db)
{
    Wal *w = &db->wal;
    mutex_lock(&w->write_mutex);
    w->writing = false;
    cond_broadcast(&w->write_cond);
    mutex_unlock(&w->write_mutex);
    db_note_wal(db);
}

/* As the writer: everything up to `to`, which has been appended, goes to the file. */
static Status
write_out(Ctx *ctx, Db *db, Lsn to)
{
    Wal *w = &db->wal;
    Lsn from = atomic_load(&w->written);

    TRY(db_check_usable(ctx));
    if (to <= from) return QN_OK;
    TRY(write_stream(ctx, db, from, to));
    atomic_store(&w->written, to);
    grow_limit(w);
    return QN_OK;
}

/* ---- syncing ---- */

/* What has been written is brought to the disk by this sync. The first one, which is alone, makes good for all that opening and creating
 * left out: until then nothing was promised. Each of those that may run side by side has a handle of its own, since the system
 * tells of a failed write once a handle. */
static Status
sync_log(Ctx *ctx, Db *db, int slot)
{
    Wal *w = &db->wal;
    Status st = QN_OK;

    sched_point("log: written");
    if (!w->dir_synced) st = db->ops->sync(ctx, db->file);
    if (st == QN_OK) st = db->ops->sync(ctx, slot == 0 ? w->file : w->sync_file);
    if (st == QN_OK && !w->dir_synced) st = db->ops->sync_dir(ctx, db->ops, db->wal_path);
    return st == QN_OK ? QN_OK : db_fail(ctx, st);
}

/* A sync that may begin now; -1: none. With write_mutex. */
static int
free_sync(const Wal *w)
{
    bool busy[WAL_SYNCS];
    for (int i = 0; i < WAL_SYNCS; i++) busy[i] = w->syncs[i].to != 0;
    if (!w->dir_synced) return busy[0] || busy[1] ? -1 : 0;
    return !busy[0] ? 0 : busy[1] || w->sync_file == NULL ? -1 : 1;
}

/* Takes a group to the disk: those who have gathered while every sync was busy, and whoever has appended by the time it is written. With
 * write_mutex, which is given up meanwhile. */
static Status
lead_group(Ctx *ctx, Db *db, uint32_t *group_out)
{
    Wal *w = &db->wal;
    int slot;
    Status st;

    w->has_leader = true;
    while (w->writing || (slot = free_sync(w)) < 0) cond_wait(&w->write_cond, &w->write_mutex);
    w->has_leader = false;
    w->writing = true;
    WalSync *sync = &w->syncs[slot];
    *group_out = sync->group = w->group++;
    sync->to = atomic_load_explicit(&w->insert_lsn, memory_order_acquire);
    mutex_unlock(&w->write_mutex);

    st = write_out(ctx, db, sync->to);

    mutex_lock(&w->write_mutex);
    w->writing = false;
    cond_broadcast(&w->write_cond);
    mutex_unlock(&w->write_mutex);

    if (st == QN_OK) st = sync_log(ctx, db, slot);

    mutex_lock(&w->write_mutex);
    if (st == QN_OK) {
        if (!w->dir_synced) w->dir_synced = true; /* the other sync reads it */
        /* What lies before was written before, so this sync has taken it along. */
        if (atomic_load(&w->flushed) < sync->to) atomic_store(&w->flushed, sync->to);
    }
    sync->to = 0;
    cond_broadcast(&w->write_cond);
    return st;
}

/* Those who wait for the group look again. */
static void
wake_group(Wal *w, uint32_t group)
{
    _Atomic uint32_t *word = &w->group_ended[group % WAL_GROUPS];
    atomic_fetch_add(word, 1);
    thread_wake_word(word);
}

/* The group that will have brought the log to the disk up to lsn, if somebody leads it. With write_mutex. */
static bool
find_group(const Wal *w, Lsn lsn, uint32_t *group_out)
{
    for (int i = 0; i < WAL_SYNCS; i++) {
        *group_out = w->syncs[i].group;
        if (w->syncs[i].to >= lsn) return true;
    }
    *group_out = w->group;
    return w->has_leader;
}

/* Segments for later, and the second sync's handle; whoever finds no room reports why, and one sync will do. */
static void
prepare_more(Ctx *ctx, Db *db)
{
    Wal *w = &db->wal;
    Ctx quiet = {.db = db, .conn = ctx->conn};
    File *file = NULL;
    become_writer(w);
    (void)!(add_segments(&quiet, db) == QN_OK);
    if (w->sync_file == NULL) (void)!(db->ops->open(&quiet, db->ops, db->wal_path, 0, &file) == QN_OK);
    err_clear(&quiet.err);
    mutex_lock(&w->write_mutex);
    if (file != NULL) w->sync_file = file;
    mutex_unlock(&w->write_mutex);
    end_writer(db);
}

Status
wal_flush(Ctx *ctx, Lsn lsn)
{
    Db *db = ctx->db;
    Wal *w = &db->wal;

    if (w->in_memory) return QN_OK;
    while (atomic_load_explicit(&w->flushed, memory_order_acquire) < lsn) {
        uint32_t group;
        TRY(db_check_usable(ctx));
        mutex_lock(&w->write_mutex);
        if (atomic_load(&w->flushed) >= lsn) {
            mutex_unlock(&w->write_mutex);
            break;
        }
        if (find_group(w, lsn, &group)) {
            _Atomic uint32_t *word = &w->group_ended[group % WAL_GROUPS];
            uint32_t before = atomic_load(word);
            mutex_unlock(&w->write_mutex);
            if (!atomic_load(&db->failed)) thread_wait_word(word, before);
            continue;
        }
        Status st = lead_group(ctx, db, &group);
        bool lacks = w->sync_file == NULL || w->allocated < atomic_load(&w->written) + w->ahead;
        mutex_unlock(&w->write_mutex);
        if (st == QN_OK) tx_publish_durable(db);
        wake_group(w, group);
        if (st == QN_OK && lacks) prepare_more(ctx, db);
        else db_note_wal(db);
        TRY(st);
    }
    return QN_OK;
}

uint32_t
wal_slot_of(Db *db, uint64_t number)
{
    become_writer(&db->wal);
    uint32_t slot = find_slot(&db->wal, number);
    end_writer(db);
    return slot;
}

void
wal_recycle(Db *db, Lsn lsn)
{
    Wal *w = &db->wal;
    become_writer(w);
    w->recycle = lsn;
    end_writer(db);
}

Lsn
wal_flushed_lsn(Ctx *ctx)
{
    Wal *w = &ctx->db->wal;
    return atomic_load_explicit(w->in_memory ? &w->insert_lsn : &w->flushed, memory_order_acquire);
}

Lsn
wal_insert_lsn(Ctx *ctx)
{
    return atomic_load_explicit(&ctx->db->wal.insert_lsn, memory_order_acquire);
}

/* wal_begin found no room for need bytes: makes some. */
static Status
make_room(Ctx *ctx, Db *db, int64_t need)
{
    Wal *w = &db->wal;
    Status st = QN_OK;

    while (atomic_load(&w->room) < need && st == QN_OK) {
        become_writer(w);
        if (atomic_load(&w->room) < need) {
            st = write_out(ctx, db, atomic_load_explicit(&w->insert_lsn, memory_order_acquire));
            if (st == QN_OK) {
                /* A database that writes more is given more room ahead, so that a small one stays small. */
                if (w->ahead < w->ring_bytes) w->ahead += WAL_SEGMENT_BODY;
                st = add_segments(ctx, db);
                /* Others' reservations may be in the way; they are given back soon. */
                if (st == QN_OK && w->ahead >= w->ring_bytes && atomic_load(&w->room) < need) thread_pause();
            }
        }
        end_writer(db);
    }
    return st;
}

/* ---- records ---- */

static Status
need_scratch(Ctx *ctx, DbConn *conn, size_t nbytes)
{
    if (conn->wal_buf_bytes >= nbytes) return QN_OK;
    size_t want = nbytes + nbytes / 2;
    uint8_t *p = mem_realloc(NULL, conn->wal_buf, conn->wal_buf_bytes, want);
    if (p == NULL) return RAISE_OOM(ctx);
    conn->wal_buf = p;
    conn->wal_buf_bytes = want;
    return QN_OK;
}

Status
wal_begin(Ctx *ctx, PageRef *const *pages, int npages, size_t payload_max, WalLog *log)
{
    Db *db = ctx->db;
    Wal *w = &db->wal;
    DbConn *conn = ctx->conn;
    size_t payload_room = (payload_max + 15) & ~(size_t)15;

    assert(npages <= WAL_PAGES_MAX && !conn->wal_open);
    *log = (WalLog){.ctx = ctx, .payload_max = payload_max, .npages = npages};
    TRY(db_check_usable(ctx));
    if (db->read_only)
        return RAISE(ctx, ERR_READ_ONLY_SQL_TRANSACTION, "cannot write: the database is open for reading only");
    if (payload_max > WAL_PAYLOAD_MAX)
        return RAISE_INTERNAL(ctx, "log record of %zu bytes is too long", payload_max);
    /* Images are made beside the payload, with one page more to join the two sides of a gap. */
    size_t images = w->in_memory ? 0 : (size_t)(npages + 1) * db->page_bytes;
    TRY(need_scratch(ctx, conn, REFS_ROOM + payload_room + images));
    log->payload = conn->wal_buf + REFS_ROOM;
    if (!w->in_memory) {
        int64_t need = (int64_t)ALIGN_RECORD(sizeof(WalRecordHeader) + payload_max +
                                             (size_t)npages * (sizeof(WalPageRef) + db->page_bytes));
        while (atomic_fetch_sub(&w->room, need) < need) {
            atomic_fetch_add(&w->room, need);
            TRY(make_room(ctx, db, need));
        }
        log->reserved = (size_t)need;
    }
    for (int i = 0; i < npages; i++) {
        assert(pages[i]->mode == FIX_EXCLUSIVE);
        log->pages[i] = pages[i];
        pool_mark_dirty(ctx, pages[i]);
    }
    conn->wal_open = true;
    NOFAIL_BEGIN(ctx);
    return QN_OK;
}

void
wal_cancel(WalLog *log)
{
    if (log->reserved != 0) atomic_fetch_add(&log->ctx->db->wal.room, (int64_t)log->reserved);
    log->reserved = 0;
    log->ctx->conn->wal_open = false;
    NOFAIL_END(log->ctx);
}

/* The page without its gap, compressed if that pays, at to; scratch holds a page. */
static uint32_t
pack_image(const uint8_t *page, uint32_t page_bytes, uint8_t *to, uint8_t *scratch, uint32_t *flags_out)
{
    const PageHeader *h = (const PageHeader *)page;
    uint32_t head = h->gap_bytes != 0 ? h->gap_begin : page_bytes;
    uint32_t tail = h->gap_bytes != 0 ? head + h->gap_bytes : page_bytes;
    uint32_t nbytes = head + (page_bytes - tail);
    const uint8_t *from = page;

    if (h->gap_bytes != 0) {
        memcpy(scratch, page, head);
        memcpy(scratch + head, page + tail, page_bytes - tail);
        from = scratch;
    }
    *flags_out = WAL_PAGE_IMAGE;
    int packed = LZ4_compress_default((const char *)from, (char *)to, (int)nbytes,
                                      (int)(nbytes - nbytes / IMAGE_MIN_GAIN));
    if (packed > 0) {
        *flags_out |= WAL_PAGE_LZ4;
        return (uint32_t)packed;
    }
    memcpy(to, from, nbytes);
    return nbytes;
}

size_t
wal_image_unpack(const uint8_t *from, uint32_t nbytes, bool compressed, uint8_t *page,
                 uint32_t page_bytes, uint8_t *scratch)
{
    if (compressed) {
        int n = LZ4_decompress_safe((const char *)from, (char *)scratch, (int)nbytes, (int)page_bytes);
        if (n < (int)sizeof(PageHeader)) return 0;
        from = scratch;
        nbytes = (uint32_t)n;
    }
    PageHeader h;
    if (nbytes < sizeof(h) || nbytes > page_bytes) return 0;
    memcpy(&h, from, sizeof(h));
    if (nbytes + h.gap_bytes != page_bytes || (h.gap_bytes != 0 && h.gap_begin > nbytes)) return 0;
    uint32_t head = h.gap_bytes != 0 ? h.gap_begin : nbytes;
    memcpy(page, from, head);
    memset(page + head, 0, h.gap_bytes);
    memcpy(page + head + h.gap_bytes, from + head, nbytes - head);
    return page_bytes;
}

uint32_t
wal_record_crc(uint32_t seed, const WalRecordHeader *h, Lsn lsn, uint32_t body_crc)
{
    enum { TAIL = sizeof(*h) - offsetof(WalRecordHeader, prev) };
    uint8_t bytes[TAIL + sizeof(h->nbytes) + sizeof(lsn)];
    memcpy(bytes, &h->prev, TAIL);
    memcpy(bytes + TAIL, &h->nbytes, sizeof(h->nbytes));
    memcpy(bytes + TAIL + sizeof(h->nbytes), &lsn, sizeof(lsn));
    return crc32c(body_crc ^ seed, bytes, sizeof(bytes));
}

typedef struct Piece { const void *data; size_t nbytes; } Piece;

static void
ring_put(Wal *w, Lsn at, const void *data, size_t nbytes)
{
    size_t from = at & (w->ring_bytes - 1), first = w->ring_bytes - from;
    if (__builtin_expect(first >= nbytes, 1)) {
        memcpy(w->ring + from, data, nbytes);
        return;
    }
    memcpy(w->ring + from, data, first);
    memcpy(w->ring, (const uint8_t *)data + first, nbytes - first);
}

/* What a record consists of, before it has a place. Neighbours in memory are one piece: a record without images is no more than that, since
 * references to pages are kept right before the payload. */
typedef struct Draft {
    WalRecordHeader header;
    Piece pieces[2 * WAL_PAGES_MAX + 1];
    int npieces;
    int nimages;
    uint32_t imaged;  /* bit i: page i has its image */
    uint32_t body_crc;
} Draft;

static bool
needs_image(const WalLog *log, int i, Lsn redo)
{
    const PageRef *page = log->pages[i];
    if ((log->force_image >> i & 1) != 0) return true;
    return !page->fresh && page_header(page)->lsn <= redo;
}

static void
add_piece(Draft *d, const void *data, size_t nbytes)
{
    Piece *last = d->npieces > 0 ? &d->pieces[d->npieces - 1] : NULL;
    if (last != NULL && (const uint8_t *)last->data + last->nbytes == data) last->nbytes += nbytes;
    else d->pieces[d->npieces++] = (Piece){data, nbytes};
    d->header.nbytes += (uint32_t)nbytes;
}

static void
draft_record(const WalLog *log, WalType type, size_t payload_bytes, Lsn redo, Draft *d)
{
    uint32_t page_bytes = log->ctx->db->page_bytes;
    size_t used = (log->payload_max + 15) & ~(size_t)15;
    uint8_t *scratch = log->payload + used;
    uint8_t *image = scratch + page_bytes;
    WalPageRef *refs = (WalPageRef *)log->payload - log->npages;

    d->header = (WalRecordHeader){.nbytes = sizeof(WalRecordHeader), .xid = log->xid, .type = (uint8_t)type,
                                  .npages = (uint8_t)log->npages, .payload_bytes = (uint32_t)payload_bytes};
    d->npieces = d->nimages = 0;
    d->imaged = 0;
    for (int i = 0; i < log->npages; i++) {
        const PageRef *page = log->pages[i];
        WalPageRef *ref = &refs[i];
        *ref = (WalPageRef){.page = page->number};
        add_piece(d, ref, sizeof(*ref));
        if (needs_image(log, i, redo)) {
            uint32_t flags, nbytes = pack_image(page->ptr, page_bytes, image, scratch, &flags);
            ref->flags = flags | nbytes << 8;
            add_piece(d, image, nbytes);
            d->imaged |= 1u << i;
            d->nimages++;
            image += nbytes;
        } else if (page->fresh) {
            ref->flags = WAL_PAGE_INIT;
        }
    }
    if (payload_bytes > 0) add_piece(d, log->payload, payload_bytes);
    d->body_crc = 0;
    for (int i = 0; i < d->npieces; i++)
        d->body_crc = crc32c(d->body_crc, d->pieces[i].data, d->pieces[i].nbytes);
}

/* With insert_mutex held: the record's bytes into the ring. */
static Lsn
append(Wal *w, Draft *d)
{
    static const uint8_t zeros[RECORD_ALIGN];
    Lsn lsn = atomic_load_explicit(&w->insert_lsn, memory_order_relaxed);
    size_t total = d->header.nbytes, padded = ALIGN_RECORD(total);

    d->header.prev = w->prev_lsn;
    d->header.crc = wal_record_crc(w->crc_seed, &d->header, lsn, d->body_crc);
    Lsn at = lsn;
    ring_put(w, at, &d->header, sizeof(d->header));
    at += sizeof(d->header);
    for (int i = 0; i < d->npieces; i++) {
        ring_put(w, at, d->pieces[i].data, d->pieces[i].nbytes);
        at += d->pieces[i].nbytes;
    }
    if (padded > total) ring_put(w, at, zeros, padded - total);
    w->prev_lsn = lsn;
    atomic_store_explicit(&w->insert_lsn, lsn + padded, memory_order_release);
    return lsn + padded;
}

static void
ring_get(const Wal *w, Lsn at, void *to, size_t nbytes)
{
    size_t from = at % w->ring_bytes, first = w->ring_bytes - from;
    if (first > nbytes) first = nbytes;
    memcpy(to, w->ring + from, first);
    memcpy((uint8_t *)to + first, w->ring, nbytes - first);
}

/* As long as no write of it has succeeded the record is in the ring, and whatever part of it reached the file will be written over. */
bool
wal_void(Ctx *ctx, Lsn start, Lsn end)
{
    Wal *w = &ctx->db->wal;
    become_writer(w);
    mutex_lock(&w->insert_mutex);
    bool ok = atomic_load(&w->written) <= start && atomic_load(&w->redo) < end && !atomic_load(&ctx->db->failed);
    if (ok) {
        WalRecordHeader h;
        uint32_t body_crc = 0;
        uint8_t byte;
        ring_get(w, start, &h, sizeof(h));
        for (Lsn at = start + sizeof(h); at < start + h.nbytes; at++) {
            ring_get(w, at, &byte, 1);
            body_crc = crc32c(body_crc, &byte, 1);
        }
        h.type = WAL_VOID;
        h.crc = wal_record_crc(w->crc_seed, &h, start, body_crc);
        ring_put(w, start, &h, sizeof(h));
    }
    mutex_unlock(&w->insert_mutex);
    end_writer(ctx->db);
    return ok;
}

Lsn
wal_finish_with(WalLog *log, WalType type, size_t payload_bytes,
                void (*on_insert)(void *arg, Lsn end), void *arg)
{
    Ctx *ctx = log->ctx;
    Wal *w = &ctx->db->wal;
    Lsn end;

    assert(payload_bytes <= log->payload_max);
    if (w->in_memory) {
        mutex_lock(&w->insert_mutex);
        end = atomic_load_explicit(&w->insert_lsn, memory_order_relaxed) + RECORD_ALIGN;
        atomic_store_explicit(&w->insert_lsn, end, memory_order_release);
        if (on_insert != NULL) on_insert(arg, end);
        mutex_unlock(&w->insert_mutex);
    } else {
        Draft d;
        for (;;) {
            Lsn redo = atomic_load_explicit(&w->redo, memory_order_acquire);
            draft_record(log, type, payload_bytes, redo, &d);
            mutex_lock(&w->insert_mutex);
            if (atomic_load_explicit(&w->redo, memory_order_relaxed) == redo) break;
            /* A checkpoint began: pages may need images now that did not. */
            mutex_unlock(&w->insert_mutex);
        }
        end = append(w, &d);
        if (on_insert != NULL) on_insert(arg, end);
        mutex_unlock(&w->insert_mutex);
        size_t used = ALIGN_RECORD(d.header.nbytes);
        assert(used <= log->reserved);
        atomic_fetch_add(&w->room, (int64_t)(log->reserved - used));
        ctx->io->wal_records++;
        ctx->io->wal_images += (uint64_t)d.nimages;
        ctx->io->wal_bytes += used;
    }
    for (int i = 0; i < log->npages; i++) {
        page_header(log->pages[i])->lsn = end;
        log->pages[i]->fresh = false;
    }
    log->reserved = 0;
    ctx->conn->wal_open = false;
    NOFAIL_END(ctx);
    return end;
}

Lsn
wal_finish(WalLog *log, WalType type, size_t payload_bytes)
{
    return wal_finish_with(log, type, payload_bytes, NULL, NULL);
}

Status
wal_log_images(Ctx *ctx, PageRef *const *pages, int npages)
{
    WalLog log;
    TRY(wal_begin(ctx, pages, npages, 0, &log));
    log.force_image = (1u << npages) - 1;
    wal_finish(&log, WAL_IMAGES, 0);
    return QN_OK;
}
