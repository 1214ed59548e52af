/* spill.c - see spill.h. A file without a name, in TMPDIR; writes are gathered in a buffer. */
#include "executor/spill.h"
#include "common/settings.h"
#include "storage/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024, NAMES_MAX = 8 };

struct SpillFile {
    Ctx *ctx;
    File *file;
    int64_t nbytes;  /* written, what waits in the buffer included */
    int64_t counted; /* of them, against temp_file_limit */
    size_t buffered;
    char *buffer;
};

/* Makes a file and takes its name away at once, so that it goes with the process. */
static Status
open_temp(Ctx *ctx, SpillFile *f)
{
    const FileOps *ops = &FILE_SYSTEM;
    const char *dir = getenv("TMPDIR");
    char path[512];
    Status st = QN_OK;
    if (dir == NULL || dir[0] == '\0') dir = "/tmp";
    for (int i = 0; i < NAMES_MAX; i++) {
        int n = snprintf(path, sizeof(path), "%s/quern-%d-%llx-%d", dir, (int)getpid(), (unsigned long long)(uintptr_t)f, i);
        if (n >= (int)sizeof(path)) return RAISE(ctx, ERR_IO_ERROR, "could not create temporary file: the path is too long");
        err_clear(&ctx->err);
        st = ops->open(ctx, ops, path, FILE_CREATE | FILE_EXCLUSIVE, &f->file);
        if (st == QN_OK) return ops->unlink(ctx, ops, path);
        if (st != ERR_IO_ERROR) return st; /* else the name may be one that a crash has left */
    }
    return st;
}

Status
spill_open(Ctx *ctx, SpillFile **out)
{
    SpillFile *f = mem_zalloc(ctx->mem, sizeof(*f));
    if (f == NULL) return RAISE_OOM(ctx);
    f->ctx = ctx;
    f->buffer = mem_alloc(ctx->mem, BUFFER_BYTES);
    Status st = f->buffer != NULL ? open_temp(ctx, f) : RAISE_OOM(ctx);
    if (st != QN_OK) {
        spill_close(f);
        return st;
    }
    *out = f;
    return QN_OK;
}

/* Room the session's files take, as far as they are on disk. */
static Status
count(SpillFile *f, int64_t nbytes)
{
    Ctx *ctx = f->ctx;
    int limit_kb = ctx->settings != NULL ? ctx->settings->temp_file_limit : -1;
    if (nbytes <= f->counted) return QN_OK;
    if (limit_kb >= 0 && ctx->temp_bytes + (nbytes - f->counted) > (int64_t)limit_kb * 1024)
        return RAISE(ctx, ERR_CONFIGURATION_LIMIT_EXCEEDED, "temporary file size exceeds temp_file_limit (%dkB)", limit_kb);
    ctx->temp_bytes += nbytes - f->counted;
    f->counted = nbytes;
    return QN_OK;
}

static Status
write_all(SpillFile *f, const char *data, size_t nbytes, int64_t offset)
{
    TRY(count(f, offset + (int64_t)nbytes));
    return f->file->ops->write(f->ctx, f->file, data, nbytes, (uint64_t)offset);
}

static Status
flush(SpillFile *f)
{
    size_t n = f->buffered;
    f->buffered = 0;
    return write_all(f, f->buffer, n, f->nbytes - (int64_t)n);
}

Status
spill_write(SpillFile *f, const void *data, size_t nbytes, int64_t *offset_out)
{
    if (offset_out != NULL) *offset_out = f->nbytes;
    if (f->buffered + nbytes > BUFFER_BYTES) TRY(flush(f));
    if (nbytes > BUFFER_BYTES / 2) {
        if (f->buffered > 0) TRY(flush(f));
        TRY(write_all(f, data, nbytes, f->nbytes));
    } else {
        memcpy(f->buffer + f->buffered, data, nbytes);
        f->buffered += nbytes;
    }
    f->nbytes += (int64_t)nbytes;
    return QN_OK;
}

Status
spill_read(SpillFile *f, int64_t offset, void *buf, size_t nbytes)
{
    size_t got;
    if (offset + (int64_t)nbytes > f->nbytes - (int64_t)f->buffered) TRY(flush(f));
    TRY(f->file->ops->read(f->ctx, f->file, buf, nbytes, (uint64_t)offset, &got));
    if (got == nbytes) return QN_OK;
    return RAISE(f->ctx, ERR_IO_ERROR, "could not read from temporary file: it is too short");
}

int64_t
spill_bytes(const SpillFile *f)
{
    return f->nbytes;
}

Status
spill_truncate(SpillFile *f)
{
    f->buffered = 0;
    f->nbytes = 0;
    f->ctx->temp_bytes -= f->counted;
    f->counted = 0;
    return f->file->ops->truncate(f->ctx, f->file, 0);
}

void
spill_close(SpillFile *f)
{
    if (f == NULL) return;
    f->ctx->temp_bytes -= f->counted;
    file_close(f->file);
    mem_free(f->ctx->mem, f->buffer, BUFFER_BYTES);
    mem_free(f->ctx->mem, f, sizeof(*f));
}
