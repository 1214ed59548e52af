/* spill.c - see spill.h. A file without a name, in TMPDIR; writes are gathered in a buffer. */
#include "executor/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024 };

struct SpillFile {
    Ctx *ctx;
    int fd;
    int64_t nbytes;  /* written, what waits in the buffer included */
    size_t buffered;
    char *buffer;
};

static Status
io_error(Ctx *ctx, const char *what)
{
    Status code = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_IO_ERROR;
    return RAISE(ctx, code, "could not %s temporary file: %s", what, strerror(errno));
}

static int
open_temp(void)
{
    const char *dir = getenv("TMPDIR");
    if (dir == NULL || dir[0] == '\0') dir = "/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    char path[512];
    if (snprintf(path, sizeof(path), "%s/quern-XXXXXX", dir) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) unlink(path);
    return fd;
}

Status
spill_open(Ctx *ctx, SpillFile **out)
{
    SpillFile *f = mem_zalloc(ctx->mem, sizeof(*f));
    if (f == NULL) return RAISE_OOM(ctx);
    f->ctx = ctx;
    f->fd = -1;
    f->buffer = mem_alloc(ctx->mem, BUFFER_BYTES);
    if (f->buffer == NULL) {
        spill_close(f);
        return RAISE_OOM(ctx);
    }
    f->fd = open_temp();
    if (f->fd < 0) {
        Status st = io_error(ctx, "create");
        spill_close(f);
        return st;
    }
    *out = f;
    return QN_OK;
}

static Status
write_all(SpillFile *f, const char *data, size_t nbytes, int64_t offset)
{
    while (nbytes > 0) {
        ssize_t n = pwrite(f->fd, data, nbytes, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_error(f->ctx, "write to");
        data += n;
        offset += n;
        nbytes -= (size_t)n;
    }
    return QN_OK;
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
    char *to = buf;
    if (offset + (int64_t)nbytes > f->nbytes - (int64_t)f->buffered) TRY(flush(f));
    while (nbytes > 0) {
        ssize_t n = pread(f->fd, to, nbytes, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_error(f->ctx, "read from");
        if (n == 0) return RAISE(f->ctx, ERR_IO_ERROR, "could not read from temporary file: it is too short");
        to += n;
        offset += n;
        nbytes -= (size_t)n;
    }
    return QN_OK;
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
    if (ftruncate(f->fd, 0) != 0) return io_error(f->ctx, "truncate");
    return QN_OK;
}

void
spill_close(SpillFile *f)
{
    if (f == NULL) return;
    if (f->fd >= 0) close(f->fd);
    mem_free(f->ctx->mem, f->buffer, BUFFER_BYTES);
    mem_free(f->ctx->mem, f, sizeof(*f));
}
