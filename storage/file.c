/* file.c - see file.h. */
#include "storage/file.h"
#include "common/arena.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct SysFile {
    File base;
    int fd;
} SysFile;

static int
fd_of(const File *f)
{
    return ((const SysFile *)f)->fd;
}

Status
file_error(Ctx *ctx, int errnum, const char *what, const char *path)
{
    Status code = ERR_IO_ERROR;
    char text[128];

    switch (errnum) {
    case ENOENT: case ENOTDIR: code = ERR_UNDEFINED_FILE; break;
    case EACCES: case EPERM: case EROFS: code = ERR_INSUFFICIENT_PRIVILEGE; break;
    case ENOSPC: case EDQUOT: case EFBIG: code = ERR_DISK_FULL; break;
    case EMFILE: case ENFILE: code = ERR_INSUFFICIENT_RESOURCES; break;
    case ENOMEM: code = ERR_OUT_OF_MEMORY; break;
    }
    const char *reason = strerror_r(errnum, text, sizeof(text)); /* GNU's: may not use text */
    return RAISE(ctx, code, "could not %s file \"%s\": %s", what, path, reason);
}

static Status
sys_open(Ctx *ctx, const FileOps *ops, const char *path, unsigned flags, File **out)
{
    int how = O_CLOEXEC | ((flags & FILE_READ_ONLY) != 0 ? O_RDONLY : O_RDWR);
    SysFile *f;

    *out = NULL;
    if ((flags & FILE_CREATE) != 0) how |= O_CREAT;
    if ((flags & FILE_EXCLUSIVE) != 0) how |= O_EXCL;
    if ((flags & FILE_TRUNCATE) != 0) how |= O_TRUNC;
    TRY_ALLOC(ctx, f, mem_zalloc(NULL, sizeof(*f)));
    f->base.ops = ops;
    f->base.path = mem_alloc(NULL, strlen(path) + 1);
    if (f->base.path == NULL) {
        mem_free(NULL, f, sizeof(*f));
        return RAISE_OOM(ctx);
    }
    memcpy(f->base.path, path, strlen(path) + 1);
    do f->fd = open(path, how, 0666); while (f->fd < 0 && errno == EINTR);
    int errnum = errno;
    struct stat st;
    if (f->fd >= 0 && (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        /* A directory opens for reading, a FIFO or device for anything: none can hold pages. */
        errnum = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        close(f->fd);
        f->fd = -1;
    }
    if (f->fd < 0) {
        Status st2 = file_error(ctx, errnum, "open", path);
        mem_free(NULL, f->base.path, strlen(path) + 1);
        mem_free(NULL, f, sizeof(*f));
        return st2;
    }
    *out = &f->base;
    return QN_OK;
}

static void
sys_close(File *f)
{
    close(fd_of(f));
    mem_free(NULL, f->path, strlen(f->path) + 1);
    mem_free(NULL, f, sizeof(SysFile));
}

static Status
sys_read(Ctx *ctx, File *f, void *buf, size_t nbytes, uint64_t offset, size_t *got_out)
{
    size_t got = 0;
    while (got < nbytes) {
        ssize_t n = pread(fd_of(f), (char *)buf + got, nbytes - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return file_error(ctx, errno, "read", f->path);
        if (n == 0) break;
        got += (size_t)n;
    }
    *got_out = got;
    return QN_OK;
}

static Status
sys_write(Ctx *ctx, File *f, const void *buf, size_t nbytes, uint64_t offset)
{
    while (nbytes > 0) {
        ssize_t n = pwrite(fd_of(f), buf, nbytes, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return file_error(ctx, n < 0 ? errno : ENOSPC, "write to", f->path);
        buf = (const char *)buf + n;
        nbytes -= (size_t)n;
        offset += (uint64_t)n;
    }
    return QN_OK;
}

static Status
sys_sync(Ctx *ctx, File *f)
{
    int rc;
    do rc = fdatasync(fd_of(f)); while (rc != 0 && errno == EINTR);
    if (rc != 0) return file_error(ctx, errno, "fsync", f->path);
    return QN_OK;
}

static Status
sys_size(Ctx *ctx, File *f, uint64_t *out)
{
    struct stat st;
    if (fstat(fd_of(f), &st) != 0) return file_error(ctx, errno, "stat", f->path);
    *out = (uint64_t)st.st_size;
    return QN_OK;
}

static Status
sys_allocate(Ctx *ctx, File *f, uint64_t offset, uint64_t nbytes)
{
    int rc;
    do rc = posix_fallocate(fd_of(f), (off_t)offset, (off_t)nbytes); while (rc == EINTR);
    /* A file system that cannot reserve tells at the write instead. */
    if (rc != 0 && rc != EOPNOTSUPP && rc != EINVAL) return file_error(ctx, rc, "extend", f->path);
    return QN_OK;
}

static Status
sys_truncate(Ctx *ctx, File *f, uint64_t nbytes)
{
    int rc;
    do rc = ftruncate(fd_of(f), (off_t)nbytes); while (rc != 0 && errno == EINTR);
    if (rc != 0) return file_error(ctx, errno, "truncate", f->path);
    return QN_OK;
}

static void
sys_will_read(File *f, uint64_t offset, uint64_t nbytes)
{
    (void)posix_fadvise(fd_of(f), (off_t)offset, (off_t)nbytes, POSIX_FADV_WILLNEED);
}

/* The lock is an open-file-description lock on the first byte: it belongs to this open of the file, so neither another thread's close of the
 * same file nor fork() can drop it, unlike a plain POSIX lock. Such a lock does not tell whose it is, so a plain one on the second byte
 * goes with it, for no other purpose; closing another descriptor of the file drops that one, and whoever did takes it again. */
static Status
sys_lock(Ctx *ctx, File *f, bool shared, bool *got_out, int *holder_out)
{
    short type = shared ? F_RDLCK : F_WRLCK;
    struct flock own = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    struct flock sign = {.l_type = type, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
    int rc;

    *holder_out = 0;
    do rc = fcntl(fd_of(f), F_OFD_SETLK, &own); while (rc != 0 && errno == EINTR);
    *got_out = rc == 0;
    if (rc != 0 && errno != EAGAIN && errno != EACCES) return file_error(ctx, errno, "lock", f->path);
    if (*got_out) {
        (void)fcntl(fd_of(f), F_SETLK, &sign);
    } else {
        sign.l_type = F_WRLCK; /* anybody's is in its way */
        if (fcntl(fd_of(f), F_GETLK, &sign) == 0 && sign.l_type != F_UNLCK) *holder_out = (int)sign.l_pid;
    }
    return QN_OK;
}

static Status
sys_id(Ctx *ctx, File *f, FileId *out)
{
    struct stat st;
    if (fstat(fd_of(f), &st) != 0) return file_error(ctx, errno, "stat", f->path);
    out->device = (uint64_t)st.st_dev;
    out->inode = (uint64_t)st.st_ino;
    return QN_OK;
}

static Status
sys_rename(Ctx *ctx, const FileOps *ops, const char *from, const char *to)
{
    (void)ops;
    if (rename(from, to) != 0) return file_error(ctx, errno, "rename", from);
    return QN_OK;
}

static Status
sys_unlink(Ctx *ctx, const FileOps *ops, const char *path)
{
    (void)ops;
    if (unlink(path) != 0 && errno != ENOENT) return file_error(ctx, errno, "remove", path);
    return QN_OK;
}

static Status
sys_sync_dir(Ctx *ctx, const FileOps *ops, const char *path)
{
    (void)ops;
    const char *slash = strrchr(path, '/');
    size_t nbytes = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *dir;

    TRY_ALLOC(ctx, dir, mem_alloc(NULL, nbytes + 1));
    memcpy(dir, slash == NULL ? "." : path, nbytes);
    dir[nbytes] = '\0';
    Status st = QN_OK;
    int fd, rc = 0;
    do fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY); while (fd < 0 && errno == EINTR);
    if (fd >= 0) {
        do rc = fsync(fd); while (rc != 0 && errno == EINTR);
        /* Some file systems cannot sync a directory, and say so with EINVAL. */
        if (rc != 0 && errno != EINVAL) st = file_error(ctx, errno, "fsync", dir);
        close(fd);
    } else if (errno != EACCES) {
        st = file_error(ctx, errno, "open", dir);
    }
    mem_free(NULL, dir, nbytes + 1);
    return st;
}

const FileOps FILE_SYSTEM = {
    .open = sys_open, .close = sys_close, .read = sys_read, .write = sys_write, .sync = sys_sync,
    .size = sys_size, .allocate = sys_allocate, .truncate = sys_truncate,
    .will_read = sys_will_read, .lock = sys_lock, .id = sys_id, .rename = sys_rename,
    .unlink = sys_unlink, .sync_dir = sys_sync_dir,
};
