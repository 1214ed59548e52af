/* db.c - see db.h: opening and closing, connections, the threads of an instance. */
#include "storage/db.h"
#include "common/crc32c.h"
#include "storage/instance.h"
#include "common/bits.h"
#include "storage/ssi.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    OID_FIRST = 16384,
    WAL_FLUSH_US = 100 * 1000,     /* how long a commit that nobody waits for may stay in memory */
    RETRY_US = 1000 * 1000,        /* after a checkpoint that failed */
    PACE_US = 20 * 1000,           /* how long a checkpoint that is ahead rests */
    STEP_PAGES = 64,               /* of a checkpoint between two looks */
    COMMIT_STEP_PAGES = 16,        /* what a commit writes of a checkpoint at least, where nobody else does: a quarter of a megabyte */
    CHECKPOINT_TIMEOUT_S = 300,
    ROOTS_AT_FIRST = 2,
};
#define WAL_BYTES_DEFAULT ((size_t)256 << 20)
#define CACHE_MIN_DEFAULT ((size_t)64 << 20)

/* The open instances of this process. */
static Mutex instances_mutex = MUTEX_INIT;
static Db *instances;

/* ---- connections ---- */

Status
db_conn_attach(Ctx *ctx, Db *db)
{
    DbConn *conn;
    int slot = 0;

    TRY_ALLOC(ctx, conn, mem_zalloc(NULL, sizeof(*conn)));
    rwlatch_exclusive(&db->conns_latch);
    while (slot < CONNS_MAX && db->conns[slot] != NULL) slot++;
    if (slot < CONNS_MAX) {
        conn->db = db;
        conn->ctx = ctx;
        conn->slot = slot;
        conn->command_mark = LSN_NEVER;
        activity_start(conn);
        atomic_store(&conn->oldest, LSN_NEVER);
        atomic_store(&conn->newest, LSN_NEVER);
        atomic_store(&conn->follows, LSN_NEVER);
        cond_init(&conn->wait_cond);
        db->conns[slot] = conn;
        if (slot >= db->nconns) db->nconns = slot + 1;
    }
    rwlatch_unlock(&db->conns_latch);
    if (slot == CONNS_MAX) {
        mem_free(NULL, conn, sizeof(*conn));
        return RAISE(ctx, ERR_TOO_MANY_CONNECTIONS, "too many connections");
    }
    ctx->db = db;
    ctx->conn = conn;
    ctx->pool = db->pool;
    ctx->io = &conn->io;
    ctx->tx = NULL;
    ctx->snapshot = NULL;
    return QN_OK;
}

void
db_conn_detach(Ctx *ctx)
{
    DbConn *conn = ctx->conn;
    if (conn == NULL) return;
    Db *db = conn->db;
    rwlatch_exclusive(&db->conns_latch);
    db->conns[conn->slot] = NULL;
    rwlatch_unlock(&db->conns_latch);
    lock_conn_free(conn);
    tx_conn_free(conn);
    mem_free(NULL, conn->wal_buf, conn->wal_buf_bytes);
    mem_free(NULL, conn->io_buf, db->page_bytes);
    arena_destroy(conn->scratch);
    cond_destroy(&conn->wait_cond);
    mem_free(NULL, conn, sizeof(*conn));
    ctx->db = NULL;
    ctx->conn = NULL;
    ctx->pool = NULL;
    ctx->io = NULL;
    ctx->tx = NULL;
    ctx->snapshot = NULL;
}

Status
db_scratch(Ctx *ctx, Arena **out)
{
    DbConn *conn = ctx->conn;
    if (conn->scratch == NULL) TRY_ALLOC(ctx, conn->scratch, arena_create(NULL, "scratch"));
    *out = conn->scratch;
    return QN_OK;
}

Status
db_worker_attach(Ctx *worker, Ctx *leader)
{
    TRY(db_conn_attach(worker, leader->db));
    worker->conn->leader = leader->conn;
    worker->tx = leader->tx;
    worker->snapshot = leader->snapshot;
    return QN_OK;
}

void
db_worker_detach(Ctx *worker)
{
    db_conn_detach(worker);
}

/* ---- failure ---- */

Status
db_usable(Ctx *ctx)
{
    Db *db = ctx->db;
    if (db == NULL) return RAISE(ctx, ERR_CONNECTION_DOES_NOT_EXIST, "database is not open");
    if (atomic_load_explicit(&db->failed, memory_order_relaxed)) {
        Status st = RAISE(ctx, ERR_IO_ERROR, "database \"%s\" has failed", db->path != NULL ? db->path : ":memory:");
        st = err_detail(ctx, st, "What was written to its log may not be on disk.");
        return err_hint(ctx, st, "Close all connections to it and open it again.");
    }
    if (db->generation != process_generation())
        return RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "a database cannot be used in a child process after fork()");
    return QN_OK;
}

Status
db_fail(Ctx *ctx, Status st)
{
    Db *db = ctx->db;
    atomic_store(&db->failed, true);
    mutex_lock(&db->commit_mutex);
    cond_broadcast(&db->commit_cond);
    mutex_unlock(&db->commit_mutex);
    return st;
}

/* ---- background ---- */

/* Flushes commits that nobody waited for. Sleeps without a timeout while there are none. */
static void
wal_thread(void *arg)
{
    Db *db = arg;
    Ctx ctx = {0};

    if (db_conn_attach(&ctx, db) != QN_OK) {
        err_clear(&ctx.err);
        return;
    }
    mutex_lock(&db->background_mutex);
    while (!db->background_stop) {
        Lsn wanted = atomic_load(&db->async_lsn);
        if (wanted <= atomic_load(&db->wal.flushed) || atomic_load(&db->failed)) {
            atomic_store(&db->wal_thread_idle, true);
            if (atomic_load(&db->async_lsn) == wanted) cond_wait(&db->wal_cond, &db->background_mutex);
            atomic_store(&db->wal_thread_idle, false);
            continue;
        }
        (void)cond_wait_until(&db->wal_cond, &db->background_mutex, ctx_now_us() + WAL_FLUSH_US);
        wanted = atomic_load(&db->async_lsn);
        mutex_unlock(&db->background_mutex);
        /* A failure marks the instance, and whoever comes next is told. */
        if (wal_flush(&ctx, wanted) != QN_OK) err_clear(&ctx.err);
        mutex_lock(&db->background_mutex);
    }
    mutex_unlock(&db->background_mutex);
    db_conn_detach(&ctx);
}

void
db_note_async(Db *db, Lsn csn)
{
    Lsn old = atomic_load_explicit(&db->async_lsn, memory_order_relaxed);
    while (old < csn && !atomic_compare_exchange_weak(&db->async_lsn, &old, csn)) {}
    if (!atomic_load(&db->wal_thread_idle)) return;
    mutex_lock(&db->background_mutex);
    cond_signal(&db->wal_cond);
    mutex_unlock(&db->background_mutex);
}

/* Sleeps on checkpoint_cond with background_mutex released. */
static void
checkpoint_nap(Db *db, int64_t us)
{
    if (!db->background_stop) (void)cond_wait_until(&db->checkpoint_cond, &db->background_mutex, ctx_now_us() + us);
}

/* A checkpoint from begin to end, resting while it is ahead of the log; background_mutex is held but for the work. */
static Status
checkpoint_spread(Ctx *ctx, Db *db)
{
    Status st = QN_OK;
    bool done = false;
    while (st == QN_OK && !done && !db->background_stop) {
        mutex_unlock(&db->background_mutex);
        st = checkpoint_step(ctx, STEP_PAGES, &done);
        bool ahead = st == QN_OK && !done && checkpoint_is_ahead(db);
        mutex_lock(&db->background_mutex);
        if (ahead) checkpoint_nap(db, PACE_US);
    }
    return st;
}

static void
checkpoint_thread(void *arg)
{
    Db *db = arg;
    Ctx ctx = {0};

    if (db_conn_attach(&ctx, db) != QN_OK) {
        err_clear(&ctx.err);
        return;
    }
    mutex_lock(&db->background_mutex);
    while (!db->background_stop) {
        if (!db->checkpoint_due && !checkpoint_is_due(db)) {
            checkpoint_nap(db, db->checkpoint_timeout_us);
            continue;
        }
        db->checkpoint_due = false;
        mutex_unlock(&db->background_mutex);
        Status st = tx_clean(&ctx, false);
        mutex_lock(&db->background_mutex);
        if (st == QN_OK) st = checkpoint_spread(&ctx, db);
        err_clear(&ctx.err);
        if (st != QN_OK) checkpoint_nap(db, RETRY_US);
    }
    mutex_unlock(&db->background_mutex);
    db_conn_detach(&ctx);
}

void
db_note_wal(Db *db)
{
    if (!atomic_load_explicit(&db->background_started, memory_order_relaxed) || !checkpoint_is_due(db)) return;
    mutex_lock(&db->background_mutex);
    db->checkpoint_due = true;
    cond_signal(&db->checkpoint_cond);
    mutex_unlock(&db->background_mutex);
}

void
db_note_commit(Ctx *ctx)
{
    Db *db = ctx->db;
    bool done;
    if (!db->no_threads || db->in_memory) return;
    if (!atomic_load_explicit(&db->checkpoint_active, memory_order_relaxed) && !checkpoint_is_due(db)) return;
    /* Its failure is not the transaction's; that of a sync marks the instance. */
    Ctx quiet = {.db = db, .conn = ctx->conn, .pool = ctx->pool, .io = ctx->io};
    Status st = atomic_load(&db->checkpoint_active) ? QN_OK : tx_clean(&quiet, false);
    /* As much as keeps pace with the log: what a transaction pays follows from what it wrote. */
    do {
        if (st == QN_OK) st = checkpoint_step(&quiet, COMMIT_STEP_PAGES, &done);
    } while (st == QN_OK && !done && !checkpoint_is_ahead(db));
    err_clear(&quiet.err);
}

/* ---- upper layers' work ---- */

enum {
    MAINTENANCE_REST_US = 200 * 1000, /* between looks, however often it is woken */
    MAINTENANCE_FEW_US = 1000 * 1000, /* the same for small tables where commits do the work */
};

void
db_wake_maintenance(Db *db, bool can_wait)
{
    if (atomic_load_explicit(&db->maintenance_due, memory_order_relaxed)) return;
    if (can_wait && db->maintenance_thread == NULL && ctx_now_us() < atomic_load_explicit(&db->maintenance_next_us, memory_order_relaxed)) return;
    if (atomic_exchange(&db->maintenance_due, true) || db->maintenance_thread == NULL) return;
    mutex_lock(&db->background_mutex);
    cond_signal(&db->maintenance_cond);
    mutex_unlock(&db->background_mutex);
}

static void
maintenance_thread(void *arg)
{
    Db *db = arg;
    int64_t wait_us = MAINTENANCE_REST_US;

    mutex_lock(&db->background_mutex);
    while (!db->background_stop) {
        if (wait_us > 0) {
            int64_t now = ctx_now_us(), end = now + wait_us;
            int64_t rest = wait_us < MAINTENANCE_REST_US ? end : now + MAINTENANCE_REST_US;
            for (; !db->background_stop && now < end && (now < rest || !atomic_load(&db->maintenance_due)); now = ctx_now_us())
                (void)cond_wait_until(&db->maintenance_cond, &db->background_mutex, now < rest ? rest : end);
        }
        if (db->background_stop) break;
        atomic_store(&db->maintenance_due, false);
        mutex_unlock(&db->background_mutex);
        wait_us = db->maintenance.run(db->maintenance.arg);
        mutex_lock(&db->background_mutex);
    }
    mutex_unlock(&db->background_mutex);
}

/* With background_mutex. */
static void
start_maintenance(Db *db)
{
    Ctx quiet = {0};
    if (db->no_threads || db->in_memory || db->maintenance.run == NULL || db->maintenance_thread != NULL) return;
    if (thread_create(&quiet, "quern-vacuum", maintenance_thread, db, &db->maintenance_thread) != QN_OK) err_clear(&quiet.err);
}

bool
db_set_maintenance(Ctx *ctx, const DbMaintenance *m)
{
    Db *db = ctx->db;
    mutex_lock(&db->background_mutex);
    bool first = db->maintenance.run == NULL;
    if (first) db->maintenance = *m;
    if (atomic_load(&db->background_started)) start_maintenance(db); /* making the catalog was the first write */
    mutex_unlock(&db->background_mutex);
    return first;
}

bool
db_maintenance_is_due(Ctx *ctx)
{
    Db *db = ctx->db;
    if (!db->no_threads && !db->in_memory) return false;
    return atomic_load_explicit(&db->maintenance_due, memory_order_relaxed) && db->maintenance.run != NULL;
}

void
db_maintain(Ctx *ctx)
{
    Db *db = ctx->db;
    if (!atomic_exchange(&db->maintenance_due, false)) return;
    /* More of the same at the next commit, until it says that it is through. */
    if (db->maintenance.run(db->maintenance.arg) < MAINTENANCE_REST_US) atomic_store(&db->maintenance_due, true);
    else atomic_store(&db->maintenance_next_us, ctx_now_us() + MAINTENANCE_FEW_US);
}

Status
db_internal_attach(Ctx *ctx, Db *db)
{
    TRY(db_conn_attach(ctx, db));
    ctx->stop = &db->maintenance_stop;
    return QN_OK;
}

void
db_internal_detach(Ctx *ctx)
{
    db_conn_detach(ctx);
}

/* With the first write, so that opening to read stays cheap. A thread the system does not give is done without: commits are flushed by
 * those who wait, and closing writes a checkpoint. */
void
db_start_threads(Ctx *ctx)
{
    Db *db = ctx->db;
    mutex_lock(&db->background_mutex);
    if (!atomic_load(&db->background_started)) {
        atomic_store(&db->background_started, true);
        start_maintenance(db);
        if (!db->no_threads && !db->in_memory) {
            Ctx quiet = {0};
            if (thread_create(&quiet, "quern-wal", wal_thread, db, &db->wal_thread) != QN_OK) err_clear(&quiet.err);
            if (thread_create(&quiet, "quern-checkpoint", checkpoint_thread, db, &db->checkpoint_thread) != QN_OK)
                err_clear(&quiet.err);
        }
    }
    mutex_unlock(&db->background_mutex);
}

static void
stop_threads(Db *db)
{
    activity_stop_watch(db);
    mutex_lock(&db->background_mutex);
    db->background_stop = true;
    cond_broadcast(&db->wal_cond);
    cond_broadcast(&db->checkpoint_cond);
    cond_broadcast(&db->maintenance_cond);
    atomic_store(&db->maintenance_stop, STOP_SHUTDOWN);
    mutex_unlock(&db->background_mutex);
    thread_join(db->maintenance_thread);
    db->maintenance_thread = NULL;
    if (db->maintenance.free != NULL) db->maintenance.free(db->maintenance.arg);
    db->maintenance = (DbMaintenance){0};
    thread_join(db->wal_thread);
    thread_join(db->checkpoint_thread);
    db->wal_thread = db->checkpoint_thread = NULL;
}

/* ---- making and unmaking an instance ---- */

static Status
copy_string(Ctx *ctx, const char *s, const char *suffix, char **out)
{
    size_t n = strlen(s), m = strlen(suffix);
    TRY_ALLOC(ctx, *out, mem_alloc(NULL, n + m + 1));
    memcpy(*out, s, n);
    memcpy(*out + n, suffix, m + 1);
    return QN_OK;
}

static void
free_string(char *s)
{
    if (s != NULL) mem_free(NULL, s, strlen(s) + 1);
}

static void
destroy(Db *db)
{
    if (db == NULL) return;
    if (db->shared_destroy != NULL && db->shared != NULL) db->shared_destroy(db->shared);
    extent_free_rels(db);
    pool_destroy(db->pool);
    wal_destroy(db);
    tx_map_free(db);
    lock_table_free(db);
    ssi_free(db);
    table_stats_free(db);
    file_close(db->file);
    mem_free(NULL, db->salvage_owned, BITS_WORDS(db->salvage_end) * 8);
    for (int i = 0; i < 2; i++) mem_free(NULL, db->more[i], db->nmore[i] * sizeof(PageNo));
    xid_ranges_free(&db->clean_ranges);
    rel_pendings_free(&db->clean_pendings);
    free_string(db->path);
    free_string(db->wal_path);
    rwlatch_destroy(&db->conns_latch);
    mutex_destroy(&db->header_mutex);
    mutex_destroy(&db->oid_mutex);
    mutex_destroy(&db->rels_mutex);
    mutex_destroy(&db->space_mutex);
    mutex_destroy(&db->checkpoint_mutex);
    mutex_destroy(&db->background_mutex);
    mutex_destroy(&db->shared_mutex);
    mutex_destroy(&db->watch_mutex);
    cond_destroy(&db->watch_cond);
    cond_destroy(&db->wal_cond);
    cond_destroy(&db->checkpoint_cond);
    cond_destroy(&db->maintenance_cond);
    mem_free(NULL, db, sizeof(*db));
}

static size_t
default_cache(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    size_t quarter = pages > 0 && bytes > 0 ? (size_t)pages / 4 * (size_t)bytes : 0;
    return quarter > CACHE_MIN_DEFAULT ? quarter : CACHE_MIN_DEFAULT;
}

static Status
create(Ctx *ctx, const DbOptions *o, Db **out)
{
    Db *db;

    *out = NULL;
    TRY_ALLOC(ctx, db, mem_zalloc(NULL, sizeof(*db)));
    db->ops = o->file != NULL ? o->file : &FILE_SYSTEM;
    db->generation = process_generation();
    db->read_only = o->read_only;
    db->salvage = o->salvage;
    db->no_threads = o->no_threads;
    db->wal_bytes_max = o->wal_bytes_max != 0 ? o->wal_bytes_max : WAL_BYTES_DEFAULT;
    db->checkpoint_timeout_us = (int64_t)CHECKPOINT_TIMEOUT_S * 1000000;
    atomic_store(&db->checkpointed_us, ctx_now_us());
    db->page_bytes = o->page_bytes != 0 ? o->page_bytes : PAGE_BYTES_DEFAULT;
    db->space_hint = db->space_run_hint = PAGE_NO_FIRST;
    db->next_oid = db->oid_mark = OID_FIRST;
    rwlatch_init(&db->conns_latch);
    mutex_init(&db->header_mutex);
    mutex_init(&db->oid_mutex);
    mutex_init(&db->rels_mutex);
    mutex_init(&db->space_mutex);
    mutex_init(&db->checkpoint_mutex);
    mutex_init(&db->background_mutex);
    mutex_init(&db->shared_mutex);
    mutex_init(&db->watch_mutex);
    cond_init(&db->watch_cond);
    cond_init(&db->wal_cond);
    cond_init(&db->checkpoint_cond);
    cond_init(&db->maintenance_cond);
    table_stats_init(db);
    *out = db;
    Status st = tx_map_init(ctx, db);
    Status st2 = lock_table_init(ctx, db);
    if (st2 == QN_OK) st2 = ssi_init(ctx, db);
    return st != QN_OK ? st : st2;
}

static Status
make_id(Ctx *ctx, Db *db)
{
    if (getrandom(db->db_id, sizeof(db->db_id), 0) != sizeof(db->db_id))
        return file_error(ctx, errno, "read", "random numbers");
    db->crc_seed = crc32c(0, db->db_id, sizeof(db->db_id));
    return QN_OK;
}

static Status
check_page_bytes(Ctx *ctx, uint32_t page_bytes)
{
    if (page_bytes < PAGE_BYTES_MIN || page_bytes > PAGE_BYTES_MAX || (page_bytes & (page_bytes - 1)) != 0)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid page size: %u", page_bytes);
    return QN_OK;
}

static Status
open_memory(Ctx *ctx, const DbOptions *o, Db *db)
{
    XidRanges none = {0};

    db->in_memory = true;
    TRY(check_page_bytes(ctx, db->page_bytes));
    TRY(make_id(ctx, db));
    TRY(wal_create(ctx, db));
    wal_start_at(db, WAL_SEGMENT_BODY);
    TRY(pool_create(ctx, db, db->page_bytes, o->cache_bytes != 0 ? o->cache_bytes : default_cache() * 2,
                    o->reserve_bytes, &db->pool));
    TRY(db_conn_attach(ctx, db));
    TRY(tx_map_load(ctx, XID_FIRST, &none, WAL_SEGMENT_BODY));
    return extent_bootstrap(ctx);
}

/* A new file: its pages, then both copies of the header. Nothing is synced: the first sync of the log does that (wal.c). */
static Status
make_database(Ctx *ctx, Db *db)
{
    XidRanges none = {0};
    RelPendings no_rels = {0};

    wal_start_at(db, WAL_SEGMENT_BODY);
    TRY(tx_map_load(ctx, XID_FIRST, &none, WAL_SEGMENT_BODY));
    TRY(extent_bootstrap(ctx));
    TRY(pool_write_dirty(ctx));
    DbHeader h = {.magic = DB_MAGIC, .version = FORMAT_VERSION, .page_bytes = db->page_bytes, .flags = DB_CLEAN,
                  .redo = WAL_SEGMENT_BODY, .next_xid = XID_FIRST, .xid_mark = XID_FIRST,
                  .npages = PAGE_NO_FIRST, .next_oid = OID_FIRST};
    memcpy(h.id, db->db_id, sizeof(h.id));
    for (h.counter = 1; h.counter <= 2; h.counter++) TRY(header_write(ctx, &h, &none, &no_rels));
    return QN_OK;
}

/* After a power loss the header of a file that was just made may be there and its first pages not. */
static Status
check_first_pages(Ctx *ctx, Db *db)
{
    PageRef ref = PAGE_REF_NONE;
    if (db->read_only || db->header.counter > 2 || wal_insert_lsn(ctx) != WAL_SEGMENT_BODY) return QN_OK;
    Status st = page_fix(ctx, PAGE_NO_META, FIX_SHARED, &ref);
    page_unfix(&ref);
    if (st == QN_OK) st = page_fix(ctx, PAGE_NO_SPACE, FIX_SHARED, &ref);
    page_unfix(&ref);
    if (st != ERR_DATA_CORRUPTED) return st;
    err_clear(&ctx->err);
    return make_database(ctx, db);
}

/* A loss of power may have torn the copy that was being written while nothing needed recovery: it is written again. Lists that do not
 * fit are left to the next checkpoint, which writes that copy anyhow. */
static Status
repair_header(Ctx *ctx, Db *db)
{
    if (!db->header_torn || db->read_only || !atomic_load(&db->header_clean) ||
        !header_fits(db, db->clean_ranges.count + db->clean_pendings.count))
        return QN_OK;
    DbHeader h = db->header;
    h.counter++;
    mutex_lock(&db->header_mutex);
    Status st = header_write(ctx, &h, &db->clean_ranges, &db->clean_pendings);
    mutex_unlock(&db->header_mutex);
    return st;
}

static Status
copy_lists(Ctx *ctx, Db *db, XidRanges *ranges, RelPendings *pendings)
{
    for (uint32_t i = 0; i < db->clean_ranges.count; i++)
        TRY(xid_ranges_add(ctx, ranges, db->clean_ranges.items[i].first, db->clean_ranges.items[i].last));
    for (uint32_t i = 0; i < db->clean_pendings.count; i++)
        TRY(rel_pendings_add(ctx, pendings, db->clean_pendings.items[i].root, db->clean_pendings.items[i].xid));
    return QN_OK;
}

/* The file is open and locked: everything else. */
static Status
open_file(Ctx *ctx, const DbOptions *o, Db *db)
{
    bool found;
    uint64_t nbytes;
    XidRanges ranges = {0};
    RelPendings pendings = {0};
    Status st;

    TRY(header_read(ctx, db, &found, &db->clean_ranges, &db->clean_pendings));
    if (!found && (db->read_only || o->must_exist))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "file \"%s\" is not a Quern database", db->path);
    if (!found) {
        TRY(check_page_bytes(ctx, db->page_bytes));
        TRY(make_id(ctx, db));
    }
    TRY(db->ops->size(ctx, db->file, &nbytes));
    atomic_store(&db->file_pages, (PageNo)(nbytes / db->page_bytes));
    TRY(wal_create(ctx, db));
    if (db->read_only) {
        st = wal_open_file(ctx, db, false);
        if (st == ERR_UNDEFINED_FILE) err_clear(&ctx->err);
        else TRY(st);
    } else {
        TRY(wal_open_file(ctx, db, true));
        TRY(wal_write_owner(ctx, db));
    }
    TRY(pool_create(ctx, db, db->page_bytes, o->cache_bytes != 0 ? o->cache_bytes : default_cache(),
                    o->reserve_bytes, &db->pool));
    TRY(db_conn_attach(ctx, db));
    if (!found) return make_database(ctx, db);
    TRY_GOTO(copy_lists(ctx, db, &ranges, &pendings));
    TRY_GOTO(recover_run(ctx, &ranges, &pendings));
    TRY_GOTO(check_first_pages(ctx, db));
    TRY_GOTO(repair_header(ctx, db));
done:
    xid_ranges_free(&ranges);
    rel_pendings_free(&pendings);
    return st;
}

static Db *
find_instance(const FileOps *ops, FileId id)
{
    for (Db *db = instances; db != NULL; db = db->next)
        if (db->ops == ops && db->id.device == id.device && db->id.inode == id.inode) return db;
    return NULL;
}

/* With instances_mutex. */
static Status
open_locked(Ctx *ctx, const char *path, const DbOptions *o)
{
    const FileOps *ops = o->file != NULL ? o->file : &FILE_SYSTEM;
    File *file = NULL;
    FileId id;
    Db *db = NULL;
    bool locked;
    int holder;
    Status st;

    unsigned flags = o->read_only ? FILE_READ_ONLY : o->must_exist ? 0 : FILE_CREATE;
    TRY_GOTO(ops->open(ctx, ops, path, flags, &file));
    TRY_GOTO(ops->id(ctx, file, &id));
    Db *open = find_instance(ops, id);
    if (open != NULL) {
        file_close(file);
        file = NULL;
        TRY_GOTO(ops->lock(ctx, open->file, open->read_only, &locked, &holder)); /* closing has taken our name off it */
        TRY_GOTO(db_conn_attach(ctx, open));
        st = db_usable(ctx);
        if (st == QN_OK && open->read_only && !o->read_only)
            st = RAISE(ctx, ERR_OBJECT_IN_USE, "database \"%s\" is open for reading only in this process", path);
        if (st == QN_OK) open->opens++;
        else db_conn_detach(ctx);
        goto done;
    }
    TRY_GOTO(create(ctx, o, &db));
    db->file = file;
    file = NULL;
    db->id = id;
    TRY_GOTO(copy_string(ctx, path, "", &db->path));
    TRY_GOTO(copy_string(ctx, path, "-wal", &db->wal_path));
    TRY_GOTO(ops->lock(ctx, db->file, o->read_only, &locked, &holder));
    if (!locked) TRY_GOTO(wal_check_owner(ctx, db, holder));
    TRY_GOTO(open_file(ctx, o, db));
    db->opens = 1;
    db->next = instances;
    instances = db;
    db = NULL;
done:
    file_close(file);
    if (db != NULL) { /* it did not come to be; its log, if there is one, stays */
        db_conn_detach(ctx);
        destroy(db);
    }
    return st;
}

Status
db_open(Ctx *ctx, const char *path, const DbOptions *options)
{
    DbOptions o = options != NULL ? *options : (DbOptions){0};
    Status st;

    assert(ctx->db == NULL);
    if (path[0] == '\0' || strcmp(path, ":memory:") == 0) {
        Db *db;
        st = create(ctx, &o, &db);
        if (st == QN_OK) st = open_memory(ctx, &o, db);
        if (st == QN_OK) {
            db->opens = 1;
        } else if (db != NULL) {
            db_conn_detach(ctx);
            destroy(db);
        }
        return st;
    }
    mutex_lock(&instances_mutex);
    st = open_locked(ctx, path, &o);
    mutex_unlock(&instances_mutex);
    return st;
}

/* ---- closing ---- */

/* The last connection is leaving: everything into the file, and the log away. */
static Status
finish(Ctx *ctx, Db *db)
{
    if (db->in_memory || db->read_only) return QN_OK;
    TRY(db_usable(ctx));
    TRY(tx_clean(ctx, true));
    if (wal_insert_lsn(ctx) != db->header.redo || !atomic_load(&db->header_clean))
        TRY(checkpoint_run(ctx, true));
    wal_close_file(db);
    /* Should the removal be undone by a power loss, the log's records lie before the header's position: nobody reads them. */
    return db->ops->unlink(ctx, db->ops, db->wal_path);
}

Status
db_close(Ctx *ctx)
{
    Db *db = ctx->db;
    Status st = QN_OK;

    if (db == NULL) return QN_OK;
    if (db->generation != process_generation()) { /* the parent's: its threads and locks are not ours to touch */
        ctx->db = NULL;
        ctx->conn = NULL;
        return QN_OK;
    }
    tx_rollback(ctx);
    lock_advisory_release_all(ctx);
    mutex_lock(&instances_mutex);
    bool last = --db->opens == 0;
    if (last) {
        stop_threads(db);
        st = finish(ctx, db);
        for (Db **at = &instances; *at != NULL; at = &(*at)->next) {
            if (*at != db) continue;
            *at = db->next;
            break;
        }
    }
    db_conn_detach(ctx);
    if (last) destroy(db);
    mutex_unlock(&instances_mutex);
    return st;
}

void
db_set_checkpoints(Ctx *ctx, uint64_t *wal_bytes_max, int64_t *timeout_s)
{
    Db *db = ctx->db;
    mutex_lock(&db->background_mutex);
    if (!db->checkpoints_set) {
        if (*wal_bytes_max != 0) db->wal_bytes_max = *wal_bytes_max;
        if (*timeout_s != 0) db->checkpoint_timeout_us = *timeout_s * 1000000;
        db->checkpoints_set = true;
        cond_signal(&db->checkpoint_cond); /* its thread may be sleeping by the old time */
    }
    *wal_bytes_max = db->wal_bytes_max;
    *timeout_s = db->checkpoint_timeout_us / 1000000;
    mutex_unlock(&db->background_mutex);
}

Status
db_checkpoint(Ctx *ctx)
{
    TRY(tx_clean(ctx, false));
    return checkpoint_run(ctx, false);
}

Status
db_before_page_write(Ctx *ctx)
{
    Db *db = ctx->db;
    Status st = QN_OK;

    if (!atomic_load_explicit(&db->header_clean, memory_order_relaxed)) return QN_OK;
    mutex_lock(&db->header_mutex);
    if (atomic_load(&db->header_clean)) {
        DbHeader h = db->header;
        h.counter++;
        h.flags &= ~(uint32_t)DB_CLEAN;
        /* Unsynced: it guards against a log that is taken away, not against a loss of power. Lists too long for the header stay with
         * the clean copy, which is as good for recovery. */
        if (header_fits(db, db->clean_ranges.count + db->clean_pendings.count))
            st = header_write(ctx, &h, &db->clean_ranges, &db->clean_pendings);
        else
            atomic_store(&db->header_clean, false);
    }
    mutex_unlock(&db->header_mutex);
    return st;
}

/* ---- roots, oids, facts ---- */

Status
db_root_get(Ctx *ctx, int slot, PageNo *root_out)
{
    PageRef meta = PAGE_REF_NONE;

    assert(slot >= 0 && slot < DB_ROOTS_MAX);
    if (tx_root_pending(ctx, slot, root_out)) return QN_OK;
    Status st = page_fix(ctx, PAGE_NO_META, FIX_SHARED, &meta);
    if (st == ERR_DATA_CORRUPTED && ctx->db->salvage) {
        /* Where the first relations of a new database are made; what is there says whether it is that. */
        err_clear(&ctx->err);
        *root_out = slot < ROOTS_AT_FIRST ? PAGE_NO_FIRST + (PageNo)slot : PAGE_NONE;
        return QN_OK;
    }
    TRY(st);
    st = page_check(ctx, &meta, PAGE_NONE, PAGE_META);
    *root_out = ((const MetaPage *)meta.ptr)->roots[slot];
    page_unfix(&meta);
    return st;
}

Status
db_root_set(Ctx *ctx, int slot, PageNo root)
{
    assert(slot >= 0 && slot < DB_ROOTS_MAX);
    return tx_root_change(ctx, slot, root);
}

typedef struct OidMark { Db *db; uint32_t mark; } OidMark;

static void
on_oid_insert(void *arg, Lsn end)
{
    OidMark *m = arg;
    (void)end;
    m->db->oid_mark = m->mark;
}

Status
db_next_oid(Ctx *ctx, uint32_t n, uint32_t *first_out)
{
    Db *db = ctx->db;
    Status st = QN_OK;

    mutex_lock(&db->oid_mutex);
    if (n > UINT32_MAX - OID_MARK_STEP - db->next_oid) {
        TRY_GOTO(RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "no object identifiers are left"));
    }
    if (db->next_oid + n > db->oid_mark) {
        WalLog log;
        OidMark mark = {db, db->next_oid + n + OID_MARK_STEP};
        TRY_GOTO(wal_begin(ctx, NULL, 0, sizeof(mark.mark), &log));
        memcpy(log.payload, &mark.mark, sizeof(mark.mark));
        wal_finish_with(&log, WAL_OID_MARK, sizeof(mark.mark), on_oid_insert, &mark);
    }
    *first_out = db->next_oid;
    db->next_oid += n;
done:
    mutex_unlock(&db->oid_mutex);
    return st;
}

uint32_t db_page_bytes(Ctx *ctx) { return ctx->db->page_bytes; }
bool db_is_read_only(Ctx *ctx) { return ctx->db->read_only; }
bool db_has_written(Ctx *ctx) { return atomic_load_explicit(&ctx->db->background_started, memory_order_relaxed); }
bool db_is_salvaged(Ctx *ctx) { return ctx->db->salvage; }
const FileOps *db_files(Ctx *ctx) { return ctx->db->ops; }
bool db_in_memory(Ctx *ctx) { return ctx->db->in_memory; }
const char *db_path(Ctx *ctx) { return ctx->db->path != NULL ? ctx->db->path : ":memory:"; }
int db_conn_slot(Ctx *ctx) { return ctx->conn->slot; }

uint64_t
db_file_bytes(Ctx *ctx)
{
    return (uint64_t)atomic_load(&ctx->db->file_pages) * ctx->db->page_bytes;
}

Status
db_shared(Ctx *ctx, Status (*make)(Ctx *ctx, void **out), void (*unmake)(void *p), void **out)
{
    Db *db = ctx->db;
    Status st = QN_OK;
    mutex_lock(&db->shared_mutex);
    if (db->shared == NULL) {
        st = make(ctx, &db->shared);
        if (st == QN_OK) db->shared_destroy = unmake;
        else db->shared = NULL;
    }
    *out = db->shared;
    mutex_unlock(&db->shared_mutex);
    return st;
}
