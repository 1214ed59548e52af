/* file.h - the one table of functions through which the database's files are touched.
 *
 * FILE_SYSTEM is the system's files with plain pread, pwrite and fdatasync. Tests put storage/file_fault.h beneath instead; another
 * page store could follow. Reads and writes are whole: interrupted and short calls are repeated, and a read
 * says how many bytes there were before the end of the file.
 *
 * Errors: 58P01 no such file, 42501 not permitted, 53100 no room, 58030 anything else, with PostgreSQL's texts.
 */
#ifndef STORAGE_FILE_H
#define STORAGE_FILE_H

#include "common/ctx.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct FileOps FileOps;

/* The common head of every implementation's files. */
typedef struct File {
    const FileOps *ops;
    char *path; /* for messages; owned */
} File;

enum FileFlag { FILE_READ_ONLY = 1, FILE_CREATE = 2, FILE_EXCLUSIVE = 4, FILE_TRUNCATE = 8 };

typedef struct FileId { uint64_t device, inode; } FileId;

struct FileOps {
    Status (*open)(Ctx *ctx, const FileOps *ops, const char *path, unsigned flags, File **out);
    void (*close)(File *f); /* NULL is fine */
    Status (*read)(Ctx *ctx, File *f, void *buf, size_t nbytes, uint64_t offset, size_t *got_out);
    Status (*write)(Ctx *ctx, File *f, const void *buf, size_t nbytes, uint64_t offset);
    Status (*sync)(Ctx *ctx, File *f); /* data, and what is needed to find it */
    Status (*size)(Ctx *ctx, File *f, uint64_t *out);
    /* Room for the range, so that writing it later does not run out of it; extends the file. */
    Status (*allocate)(Ctx *ctx, File *f, uint64_t offset, uint64_t nbytes);
    Status (*truncate)(Ctx *ctx, File *f, uint64_t nbytes);
    void (*will_read)(File *f, uint64_t offset, uint64_t nbytes); /* a hint */
    /* Takes the file for this process: shared for reading, else alone. *got_out says whether; if not, *holder_out is the process that has it, or 0.
     * Taking what it has already changes nothing. */
    Status (*lock)(Ctx *ctx, File *f, bool shared, bool *got_out, int *holder_out);
    Status (*id)(Ctx *ctx, File *f, FileId *out);
    Status (*rename)(Ctx *ctx, const FileOps *ops, const char *from, const char *to);
    Status (*unlink)(Ctx *ctx, const FileOps *ops, const char *path); /* no file: QN_OK */
    Status (*sync_dir)(Ctx *ctx, const FileOps *ops, const char *path); /* the directory path is in */
};

extern const FileOps FILE_SYSTEM;

static inline void
file_close(File *f)
{
    if (f != NULL) f->ops->close(f);
}

/* The Status of an errno, and an error "could not WHAT file "PATH": strerror" in the slot. */
Status file_error(Ctx *ctx, int errnum, const char *what, const char *path);

#endif
