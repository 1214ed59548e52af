/* backup.c - db_backup: a copy of a database in use.
 *
 * The pages are copied as they are on disk while others write, and then the log from the redo point on: what a crash would leave. The
 * copy is opened once, which replays that log, and closed, which leaves one file. As in a crash it does not matter that pages are copied at
 * different times, or torn: every page that has been written since the redo point has its image in the log. No checkpoint runs meanwhile,
 * so that the redo point and the log behind it stay; writers do not wait for one.
 *
 * It is made under another name and gets its own when it is whole. */
#include "storage/instance.h"
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 1 << 20 };

typedef struct Backup {
    Ctx *ctx;
    File *to, *to_wal;
    char *path, *wal_path;   /* while it is being made */
    uint8_t *header;         /* pages 0 and 1 as they were at the redo point */
    uint8_t *chunk;
    Lsn redo;
} Backup;

static Status
name_with(Ctx *ctx, const char *path, const char *suffix, char **out)
{
    size_t n = strlen(path) + strlen(suffix) + 1;
    TRY_ALLOC(ctx, *out, mem_alloc(NULL, n));
    snprintf(*out, n, "%s%s", path, suffix);
    return QN_OK;
}

static void
free_name(char *name)
{
    if (name != NULL) mem_free(NULL, name, strlen(name) + 1);
}

/* With checkpoint_mutex: the header names the redo point, and goes on doing so. */
static Status
read_header(Backup *b)
{
    Db *db = b->ctx->db;
    size_t got;
    mutex_lock(&db->header_mutex);
    Status st = db->ops->read(b->ctx, db->file, b->header, 2 * (size_t)db->page_bytes, 0, &got);
    b->redo = db->header.redo;
    mutex_unlock(&db->header_mutex);
    if (st == QN_OK && got < 2 * (size_t)db->page_bytes)
        return RAISE(b->ctx, ERR_IO_ERROR, "could not read file \"%s\": it is too short", db->path);
    return st;
}

static Status
copy_pages(Backup *b)
{
    Ctx *ctx = b->ctx;
    Db *db = ctx->db;
    uint64_t from = 2 * (uint64_t)db->page_bytes, end = (uint64_t)atomic_load(&db->file_pages) * db->page_bytes;
    ctx->work_total = (int64_t)end;
    while (from < end) {
        size_t n = end - from < CHUNK_BYTES ? (size_t)(end - from) : CHUNK_BYTES, got;
        TRY(db->ops->read(ctx, db->file, b->chunk, n, from, &got));
        memset(b->chunk + got, 0, n - got); /* allocated and not written yet: the log makes it */
        TRY(db->ops->write(ctx, b->to, b->chunk, n, from));
        from += n;
        ctx->work_done = (int64_t)from;
        TRY(ctx_check_stop(ctx));
    }
    return db->ops->write(ctx, b->to, b->header, 2 * (size_t)db->page_bytes, 0);
}

static Status
copy_segment(Backup *b, uint32_t from_slot, uint32_t to_slot)
{
    Ctx *ctx = b->ctx;
    Db *db = ctx->db;
    for (uint64_t at = 0; at < WAL_SEGMENT; at += CHUNK_BYTES) {
        size_t got;
        TRY(db->ops->read(ctx, db->wal.file, b->chunk, CHUNK_BYTES, WAL_BLOCK + (uint64_t)from_slot * WAL_SEGMENT + at, &got));
        memset(b->chunk + got, 0, CHUNK_BYTES - got);
        TRY(db->ops->write(ctx, b->to_wal, b->chunk, CHUNK_BYTES, WAL_BLOCK + (uint64_t)to_slot * WAL_SEGMENT + at));
    }
    return ctx_check_stop(ctx);
}

/* The segments from the redo point to the log's end as it is now. Those that are there stay where they are: none is free for reuse before
 * the next checkpoint. */
static Status
copy_log(Backup *b)
{
    Ctx *ctx = b->ctx;
    Db *db = ctx->db;
    Lsn end = wal_insert_lsn(ctx);
    uint32_t to = 0;

    if (db->wal.file == NULL) return QN_OK;
    TRY(wal_flush(ctx, end));
    for (uint64_t number = (b->redo - 1) / WAL_SEGMENT_BODY; number <= end / WAL_SEGMENT_BODY; number++) {
        uint32_t slot = wal_slot_of(db, number);
        if (slot != UINT32_MAX) TRY(copy_segment(b, slot, to++));
    }
    return QN_OK;
}

/* Everything the copy needs, on disk under its temporary name. */
static Status
copy_all(Backup *b)
{
    Ctx *ctx = b->ctx;
    Db *db = ctx->db;
    Status st;

    TRY(checkpoint_run(ctx, false));
    mutex_lock(&db->checkpoint_mutex);
    TRY_GOTO(read_header(b));
    TRY_GOTO(copy_pages(b));
    TRY_GOTO(copy_log(b));
    TRY_GOTO(db->ops->sync(ctx, b->to));
    TRY_GOTO(db->ops->sync(ctx, b->to_wal));
done:
    mutex_unlock(&db->checkpoint_mutex);
    return st;
}

/* Replays the log that was copied, so that the file stands alone. */
static Status
finish_copy(Backup *b)
{
    Ctx sub = {.stop = b->ctx->stop};
    DbOptions o = {.file = b->ctx->db->ops, .must_exist = true, .no_threads = true, .cache_bytes = (size_t)32 << 20};
    Status st = db_open(&sub, b->path, &o);
    if (st == QN_OK) st = db_close(&sub);
    if (st != QN_OK) err_move(&b->ctx->err, &sub.err);
    return st;
}

Status
db_refuse_existing(Ctx *ctx, const char *path)
{
    const FileOps *ops = ctx->db->ops;
    Ctx quiet = {.db = ctx->db};
    File *there;
    Status st = ops->open(&quiet, ops, path, FILE_READ_ONLY, &there);
    if (st == QN_OK) file_close(there);
    err_clear(&quiet.err);
    return st == ERR_UNDEFINED_FILE ? QN_OK : RAISE(ctx, ERR_DUPLICATE_FILE, "file \"%s\" already exists", path);
}

static Status
backup(Backup *b, const char *path)
{
    Ctx *ctx = b->ctx;
    Db *db = ctx->db;
    Status st;

    TRY(db_refuse_existing(ctx, path));
    TRY(name_with(ctx, path, ".part", &b->path));
    TRY(name_with(ctx, b->path, "-wal", &b->wal_path));
    TRY_ALLOC(ctx, b->chunk, mem_alloc(NULL, CHUNK_BYTES));
    TRY_ALLOC(ctx, b->header, mem_alloc(NULL, 2 * (size_t)db->page_bytes));
    TRY(db->ops->open(ctx, db->ops, b->path, FILE_CREATE | FILE_TRUNCATE, &b->to));
    TRY_GOTO(db->ops->open(ctx, db->ops, b->wal_path, FILE_CREATE | FILE_TRUNCATE, &b->to_wal));
    TRY_GOTO(copy_all(b));
    file_close(b->to);
    file_close(b->to_wal);
    b->to = b->to_wal = NULL;
    TRY_GOTO(finish_copy(b));
    TRY_GOTO(db->ops->rename(ctx, db->ops, b->path, path));
    TRY_GOTO(db->ops->sync_dir(ctx, db->ops, path));
    return QN_OK;
done: /* nothing of it stays */
    {
        Ctx quiet = {.db = db};
        (void)!(db->ops->unlink(&quiet, db->ops, b->path) == QN_OK);
        (void)!(db->ops->unlink(&quiet, db->ops, b->wal_path) == QN_OK);
        err_clear(&quiet.err);
    }
    return st;
}

Status
db_backup(Ctx *ctx, const char *path)
{
    Backup b = {.ctx = ctx};
    TRY(db_check_usable(ctx));
    Status st = backup(&b, path);
    file_close(b.to);
    file_close(b.to_wal);
    free_name(b.path);
    free_name(b.wal_path);
    mem_free(NULL, b.chunk, CHUNK_BYTES);
    mem_free(NULL, b.header, 2 * (size_t)ctx->db->page_bytes);
    return st;
}
