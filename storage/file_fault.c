/* file_fault.c - see file_fault.h. */
#include "storage/file_fault.h"
#include "common/arena.h"
#include "common/thread.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512 };

/* A run of bytes as they were before a write that is not synced yet; undone sector by sector. */
typedef struct Undo {
    struct Undo *next; /* older */
    uint64_t offset, nbytes;
    uint64_t old_size; /* of the file before */
    uint8_t bytes[];
} Undo;

typedef struct Inode {
    struct Inode *next;
    uint64_t number;
    uint8_t *bytes;
    uint64_t nbytes, cap;
    Undo *undo;
    char *name;         /* NULL: unlinked */
    char *durable_name; /* as the synced directory has it; NULL: not there */
    int opens;
    int writers, readers; /* locks held by opens */
} Inode;

typedef struct FaultFile {
    File base;
    FaultFs *fs;
    Inode *inode;
    uint64_t generation; /* of fs at the open; older: the process that opened it is gone */
    bool locked, shared, read_only;
} FaultFile;

struct FaultFs {
    FileOps ops; /* first: the functions find the FaultFs by it */
    Mutex mutex;
    Inode *inodes;
    uint64_t next_number, generation;
    unsigned fail_kinds;
    int64_t fail_in;
    int fail_errno;
    int64_t fail_times;
    bool has_failed, lies;
    int64_t calls[6];
};

static FaultFs *
fs_of(const FileOps *ops)
{
    return (FaultFs *)(uintptr_t)ops;
}

/* Counts the call; the errno it is to fail with, or 0. */
static int
count(FaultFs *fs, unsigned kind)
{
    fs->calls[__builtin_ctz(kind)]++;
    if ((fs->fail_kinds & kind) == 0 || fs->fail_in < 0) return 0;
    if (fs->fail_in > 0) {
        fs->fail_in--;
        return 0;
    }
    if (fs->fail_times > 0 && --fs->fail_times == 0) fs->fail_in = -1;
    fs->has_failed = true;
    return fs->fail_errno;
}

static char *
copy_text(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = malloc(n);
    if (p != NULL) memcpy(p, s, n);
    return p;
}

static Inode *
find(FaultFs *fs, const char *path)
{
    for (Inode *i = fs->inodes; i != NULL; i = i->next)
        if (i->name != NULL && strcmp(i->name, path) == 0) return i;
    return NULL;
}

static void
drop_undo(Inode *i)
{
    while (i->undo != NULL) {
        Undo *u = i->undo;
        i->undo = u->next;
        free(u);
    }
}

static bool
resize(Inode *i, uint64_t nbytes)
{
    if (nbytes > i->cap) {
        uint64_t cap = i->cap * 2 > nbytes ? i->cap * 2 : nbytes;
        uint8_t *p = realloc(i->bytes, cap);
        if (p == NULL) return false;
        i->bytes = p;
        i->cap = cap;
    }
    if (nbytes > i->nbytes) memset(i->bytes + i->nbytes, 0, nbytes - i->nbytes);
    i->nbytes = nbytes;
    return true;
}

/* Remembers what a change of [offset, offset + nbytes) will overwrite. */
static bool
remember(Inode *i, uint64_t offset, uint64_t nbytes)
{
    uint64_t kept = offset >= i->nbytes ? 0 : i->nbytes - offset < nbytes ? i->nbytes - offset : nbytes;
    Undo *u = malloc(sizeof(*u) + nbytes);
    if (u == NULL) return false;
    u->offset = offset;
    u->nbytes = nbytes;
    u->old_size = i->nbytes;
    if (kept > 0) memcpy(u->bytes, i->bytes + offset, kept);
    memset(u->bytes + kept, 0, nbytes - kept);
    u->next = i->undo;
    i->undo = u;
    return true;
}

/* A call on an open file: the errno to fail with. Files of a process that is gone fail always. */
static int
enter(FaultFile *f, unsigned kind)
{
    mutex_lock(&f->fs->mutex);
    if (f->generation != f->fs->generation) return EIO;
    return count(f->fs, kind);
}

static Status
leave(Ctx *ctx, FaultFile *f, int errnum, const char *what)
{
    mutex_unlock(&f->fs->mutex);
    return errnum == 0 ? QN_OK : file_error(ctx, errnum, what, f->base.path);
}

static Status
fault_open(Ctx *ctx, const FileOps *ops, const char *path, unsigned flags, File **out)
{
    FaultFs *fs = fs_of(ops);
    FaultFile *f = NULL;

    *out = NULL;
    mutex_lock(&fs->mutex);
    int errnum = count(fs, FAULT_OPEN);
    Inode *i = find(fs, path);
    if (errnum == 0 && i == NULL && (flags & FILE_CREATE) == 0) errnum = ENOENT;
    if (errnum == 0 && i != NULL && (flags & FILE_EXCLUSIVE) != 0) errnum = EEXIST;
    if (errnum == 0 && i == NULL) {
        i = calloc(1, sizeof(*i));
        if (i == NULL || (i->name = copy_text(path)) == NULL) {
            errnum = ENOMEM;
            free(i);
        } else {
            i->number = ++fs->next_number;
            i->next = fs->inodes;
            fs->inodes = i;
        }
    }
    if (errnum == 0) {
        f = calloc(1, sizeof(*f));
        if (f == NULL || (f->base.path = copy_text(path)) == NULL) errnum = ENOMEM;
    }
    if (errnum == 0) {
        if ((flags & FILE_TRUNCATE) != 0 && i->nbytes > 0) {
            if (remember(i, 0, i->nbytes)) i->nbytes = 0;
            else errnum = ENOMEM;
        }
        f->base.ops = ops;
        f->fs = fs;
        f->inode = i;
        f->generation = fs->generation;
        f->read_only = (flags & FILE_READ_ONLY) != 0;
        i->opens++;
        *out = &f->base;
    } else {
        free(f);
    }
    mutex_unlock(&fs->mutex);
    return errnum == 0 ? QN_OK : file_error(ctx, errnum, "open", path);
}

static void
free_inode(FaultFs *fs, Inode *gone)
{
    for (Inode **at = &fs->inodes; *at != NULL; at = &(*at)->next) {
        if (*at != gone) continue;
        *at = gone->next;
        break;
    }
    drop_undo(gone);
    free(gone->bytes);
    free(gone->name);
    free(gone->durable_name);
    free(gone);
}

static void
fault_close(File *file)
{
    FaultFile *f = (FaultFile *)file;
    mutex_lock(&f->fs->mutex);
    if (f->generation == f->fs->generation) {
        Inode *i = f->inode;
        i->opens--;
        if (f->locked) *(f->shared ? &i->readers : &i->writers) -= 1;
        if (i->opens == 0 && i->name == NULL && i->durable_name == NULL) free_inode(f->fs, i);
    }
    mutex_unlock(&f->fs->mutex);
    free(f->base.path);
    free(f);
}

static Status
fault_read(Ctx *ctx, File *file, void *buf, size_t nbytes, uint64_t offset, size_t *got_out)
{
    FaultFile *f = (FaultFile *)file;
    int errnum = enter(f, FAULT_READ);
    *got_out = 0;
    if (errnum == 0 && offset < f->inode->nbytes) {
        uint64_t there = f->inode->nbytes - offset;
        *got_out = there < nbytes ? there : nbytes;
        memcpy(buf, f->inode->bytes + offset, *got_out);
    }
    return leave(ctx, f, errnum, "read");
}

static Status
fault_write(Ctx *ctx, File *file, const void *buf, size_t nbytes, uint64_t offset)
{
    FaultFile *f = (FaultFile *)file;
    int errnum = enter(f, FAULT_WRITE);
    Inode *i = f->inode;
    if (errnum == 0 && f->read_only) errnum = EBADF;
    if (errnum != 0 && f->generation == f->fs->generation) nbytes /= 2; /* it fails half-way */
    if ((errnum == 0 || f->generation == f->fs->generation) && nbytes > 0) {
        if (!remember(i, offset, nbytes) ||
            (offset + nbytes > i->nbytes && !resize(i, offset + nbytes))) {
            errnum = ENOMEM;
        } else {
            memcpy(i->bytes + offset, buf, nbytes);
        }
    }
    return leave(ctx, f, errnum, "write to");
}

static Status
fault_sync(Ctx *ctx, File *file)
{
    FaultFile *f = (FaultFile *)file;
    int errnum = enter(f, FAULT_SYNC);
    if (errnum == 0 && !f->fs->lies) drop_undo(f->inode);
    return leave(ctx, f, errnum, "fsync");
}

static Status
fault_size(Ctx *ctx, File *file, uint64_t *out)
{
    FaultFile *f = (FaultFile *)file;
    int errnum = enter(f, FAULT_OTHER);
    if (errnum == 0) *out = f->inode->nbytes;
    return leave(ctx, f, errnum, "stat");
}

static Status
fault_allocate(Ctx *ctx, File *file, uint64_t offset, uint64_t nbytes)
{
    FaultFile *f = (FaultFile *)file;
    int errnum = enter(f, FAULT_ALLOCATE);
    Inode *i = f->inode;
    if (errnum == 0 && offset + nbytes > i->nbytes &&
        (!remember(i, i->nbytes, 0) || !resize(i, offset + nbytes)))
        errnum = ENOMEM;
    return leave(ctx, f, errnum, "extend");
}

static Status
fault_truncate(Ctx *ctx, File *file, uint64_t nbytes)
{
    FaultFile *f = (FaultFile *)file;
    int errnum = enter(f, FAULT_OTHER);
    Inode *i = f->inode;
    if (errnum == 0) {
        uint64_t from = nbytes < i->nbytes ? nbytes : i->nbytes;
        if (!remember(i, from, i->nbytes - from) || !resize(i, nbytes)) errnum = ENOMEM;
    }
    return leave(ctx, f, errnum, "truncate");
}

static void
fault_will_read(File *file, uint64_t offset, uint64_t nbytes)
{
    (void)file, (void)offset, (void)nbytes;
}

static Status
fault_lock(Ctx *ctx, File *file, bool shared, bool *got_out, int *holder_out)
{
    FaultFile *f = (FaultFile *)file;
    int errnum = enter(f, FAULT_OTHER);
    Inode *i = f->inode;
    *holder_out = 0;
    *got_out = f->locked && f->shared == shared;
    if (errnum == 0 && !f->locked && i->writers == 0 && (shared || i->readers == 0)) {
        *(shared ? &i->readers : &i->writers) += 1;
        f->locked = true;
        f->shared = shared;
        *got_out = true;
    }
    return leave(ctx, f, errnum, "lock");
}

static Status
fault_id(Ctx *ctx, File *file, FileId *out)
{
    FaultFile *f = (FaultFile *)file;
    int errnum = enter(f, FAULT_OTHER);
    out->device = (uint64_t)(uintptr_t)f->fs;
    out->inode = f->inode->number;
    return leave(ctx, f, errnum, "stat");
}

static Status
fault_rename(Ctx *ctx, const FileOps *ops, const char *from, const char *to)
{
    FaultFs *fs = fs_of(ops);
    mutex_lock(&fs->mutex);
    int errnum = count(fs, FAULT_OTHER);
    Inode *i = find(fs, from), *over = find(fs, to);
    if (errnum == 0 && i == NULL) errnum = ENOENT;
    if (errnum == 0) {
        char *name = copy_text(to);
        if (name == NULL) {
            errnum = ENOMEM;
        } else {
            if (over != NULL) {
                free(over->name);
                over->name = NULL;
            }
            free(i->name);
            i->name = name;
        }
    }
    mutex_unlock(&fs->mutex);
    return errnum == 0 ? QN_OK : file_error(ctx, errnum, "rename", from);
}

static Status
fault_unlink(Ctx *ctx, const FileOps *ops, const char *path)
{
    FaultFs *fs = fs_of(ops);
    mutex_lock(&fs->mutex);
    int errnum = count(fs, FAULT_OTHER);
    Inode *i = find(fs, path);
    if (errnum == 0 && i != NULL) {
        free(i->name);
        i->name = NULL;
        if (i->opens == 0 && i->durable_name == NULL) free_inode(fs, i);
    }
    mutex_unlock(&fs->mutex);
    return errnum == 0 ? QN_OK : file_error(ctx, errnum, "remove", path);
}

static Status
fault_sync_dir(Ctx *ctx, const FileOps *ops, const char *path)
{
    FaultFs *fs = fs_of(ops);
    mutex_lock(&fs->mutex);
    int errnum = count(fs, FAULT_SYNC);
    if (errnum == 0) {
        for (Inode *i = fs->inodes, *next; i != NULL; i = next) { /* one directory is all there is */
            next = i->next;
            free(i->durable_name);
            i->durable_name = i->name != NULL ? copy_text(i->name) : NULL;
            if (i->opens == 0 && i->name == NULL) free_inode(fs, i);
        }
    }
    mutex_unlock(&fs->mutex);
    return errnum == 0 ? QN_OK : file_error(ctx, errnum, "fsync", path);
}

FaultFs *
fault_fs_create(void)
{
    FaultFs *fs = calloc(1, sizeof(*fs));
    if (fs == NULL) return NULL;
    fs->ops = (FileOps){
        .open = fault_open, .close = fault_close, .read = fault_read, .write = fault_write,
        .sync = fault_sync, .size = fault_size, .allocate = fault_allocate,
        .truncate = fault_truncate, .will_read = fault_will_read, .lock = fault_lock,
        .id = fault_id, .rename = fault_rename, .unlink = fault_unlink, .sync_dir = fault_sync_dir,
    };
    mutex_init(&fs->mutex);
    fs->fail_in = -1;
    return fs;
}

void
fault_fs_destroy(FaultFs *fs)
{
    if (fs == NULL) return;
    while (fs->inodes != NULL) free_inode(fs, fs->inodes);
    mutex_destroy(&fs->mutex);
    free(fs);
}

FaultFs *
fault_fs_clone(FaultFs *fs)
{
    FaultFs *copy = fault_fs_create();
    if (copy == NULL) return NULL;
    mutex_lock(&fs->mutex);
    bool ok = true;
    for (Inode *i = fs->inodes; i != NULL && ok; i = i->next) {
        if (i->name == NULL) continue;
        Inode *c = calloc(1, sizeof(*c));
        if (c != NULL) {
            c->next = copy->inodes;
            copy->inodes = c;
            c->number = ++copy->next_number;
            c->name = copy_text(i->name);
            c->durable_name = copy_text(i->name);
        }
        ok = c != NULL && c->name != NULL && c->durable_name != NULL && resize(c, i->nbytes);
        if (ok && i->nbytes > 0) memcpy(c->bytes, i->bytes, i->nbytes);
    }
    mutex_unlock(&fs->mutex);
    if (ok) return copy;
    fault_fs_destroy(copy);
    return NULL;
}

const FileOps *
fault_fs_ops(FaultFs *fs)
{
    return &fs->ops;
}

void
fault_fs_fail(FaultFs *fs, unsigned kinds, int64_t n, int errnum, int64_t times)
{
    mutex_lock(&fs->mutex);
    fs->fail_kinds = kinds;
    fs->fail_in = n;
    fs->fail_errno = errnum;
    fs->fail_times = times;
    fs->has_failed = false;
    mutex_unlock(&fs->mutex);
}

void
fault_fs_lie(FaultFs *fs, bool on)
{
    mutex_lock(&fs->mutex);
    fs->lies = on;
    mutex_unlock(&fs->mutex);
}

bool
fault_fs_has_failed(FaultFs *fs)
{
    mutex_lock(&fs->mutex);
    bool failed = fs->has_failed;
    mutex_unlock(&fs->mutex);
    return failed;
}

int64_t
fault_fs_calls(FaultFs *fs, unsigned kinds)
{
    int64_t n = 0;
    mutex_lock(&fs->mutex);
    for (int i = 0; i < 6; i++)
        if ((kinds >> i & 1) != 0) n += fs->calls[i];
    mutex_unlock(&fs->mutex);
    return n;
}

static void
forget_process(FaultFs *fs)
{
    fs->generation++;
    fs->fail_in = -1;
    for (Inode *i = fs->inodes, *next; i != NULL; i = next) {
        next = i->next;
        i->opens = i->writers = i->readers = 0;
        if (i->name == NULL && i->durable_name == NULL) free_inode(fs, i);
    }
}

void
fault_fs_kill(FaultFs *fs)
{
    mutex_lock(&fs->mutex);
    forget_process(fs);
    mutex_unlock(&fs->mutex);
}

static uint64_t
next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

/* Undoes unsynced writes from the newest to the oldest: each of their sectors stays with a chance that differs from
 * one loss to the next, so that all kept and all lost occur too. */
static void
lose_writes(Inode *i, uint64_t *random)
{
    uint64_t chance = next_random(random) % 5; /* of 4 */
    while (i->undo != NULL) {
        Undo *u = i->undo;
        i->undo = u->next;
        for (uint64_t at = 0; at < u->nbytes;) {
            uint64_t n = SECTOR - (u->offset + at) % SECTOR;
            if (n > u->nbytes - at) n = u->nbytes - at;
            if (next_random(random) % 4 >= chance && u->offset + at + n <= i->nbytes)
                memcpy(i->bytes + u->offset + at, u->bytes + at, n);
            at += n;
        }
        if (u->old_size < i->nbytes && chance == 0) (void)resize(i, u->old_size);
        free(u);
    }
}

void
fault_fs_power_loss(FaultFs *fs, uint64_t seed)
{
    mutex_lock(&fs->mutex);
    for (Inode *i = fs->inodes, *next; i != NULL; i = next) {
        next = i->next;
        lose_writes(i, &seed);
        /* A directory entry is lost or kept as a whole. */
        bool same = i->name != NULL && i->durable_name != NULL && strcmp(i->name, i->durable_name) == 0;
        if (!same && next_random(&seed) % 2 == 0) {
            free(i->name);
            i->name = i->durable_name != NULL ? copy_text(i->durable_name) : NULL;
        } else if (!same) {
            free(i->durable_name);
            i->durable_name = i->name != NULL ? copy_text(i->name) : NULL;
        }
    }
    forget_process(fs);
    mutex_unlock(&fs->mutex);
}

bool
fault_fs_flip(FaultFs *fs, const char *path, uint64_t bit)
{
    mutex_lock(&fs->mutex);
    Inode *i = find(fs, path);
    bool ok = i != NULL && bit / 8 < i->nbytes;
    if (ok) i->bytes[bit / 8] ^= (uint8_t)(1u << (bit & 7));
    mutex_unlock(&fs->mutex);
    return ok;
}

const uint8_t *
fault_fs_bytes(FaultFs *fs, const char *path, uint64_t *nbytes_out)
{
    mutex_lock(&fs->mutex);
    Inode *i = find(fs, path);
    *nbytes_out = i != NULL ? i->nbytes : 0;
    const uint8_t *bytes = i != NULL ? i->bytes : NULL;
    mutex_unlock(&fs->mutex);
    return bytes;
}

void
fault_fs_truncate(FaultFs *fs, const char *path, uint64_t nbytes)
{
    mutex_lock(&fs->mutex);
    Inode *i = find(fs, path);
    if (i != NULL) {
        drop_undo(i);
        (void)resize(i, nbytes);
    }
    mutex_unlock(&fs->mutex);
}
