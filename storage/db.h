/* db.h - an open database: one instance a file in this process, any number of connections.
 *
 * Opening the same file again (same device and inode) attaches to the instance that is open. One process holds the file for
 * writing; several may hold it read-only when none writes. The last connection to close writes a
 * checkpoint, removes the log and frees everything.
 *
 * A connection is a Ctx that db_open has filled: ctx->db, ctx->conn, ctx->pool, ctx->io. It is used by one thread at a time. A worker
 * thread of a statement has its own Ctx and attaches with db_worker_attach.
 *
 * Once a sync of the log has failed, nobody knows what is on disk: the instance has failed, every call raises 58030, and only
 * closing all connections and opening again (which recovers) helps. After fork() the child's calls fail with 55000.
 */
#ifndef STORAGE_DB_H
#define STORAGE_DB_H

#include "storage/format.h"
#include "storage/pool.h"

typedef struct Db Db;
typedef struct DbConn DbConn;
struct FileOps;

/* All zero: the defaults. Only the first connection's options count; page_bytes only when the file is made. */
typedef struct DbOptions {
    uint32_t page_bytes;        /* 8192 ... 65536, a power of two; 0: 16384 */
    size_t cache_bytes;         /* memory for pages; 0: a quarter of the machine's, at least 64 MiB */
    size_t reserve_bytes;       /* addresses for the file; 0: 1 TiB */
    size_t wal_bytes_max;       /* checkpoints keep the log about as long as this at most; 0: 256 MiB */
    bool read_only;
    bool must_exist;            /* 58P01 rather than making the file */
    bool salvage;               /* with read_only: a log that was not replayed is passed over, as are pages that cannot be read where
                                 * their readers ask db_is_salvaged */
    bool no_threads;            /* no background work: those who commit write checkpoints, a piece each */
    const struct FileOps *file; /* NULL: the system's files (storage/file.h) */
} DbOptions;

/* path ":memory:" or "": a database without a file, this connection's alone. Errors: 58P01, 42501, 55006 (another process has it; its pid and host
 * are named), XX001 (not a database, or damaged), 0A000 (a newer format), 54000 (reservation), 58030, 53100, 53200. */
Status db_open(Ctx *ctx, const char *path, const DbOptions *options);
/* Rolls back what is running, lets go of everything; the last one out closes the instance. The error, if any, is that of the final
 * checkpoint: the connection is closed all the same, and the log stays to be recovered from. */
Status db_close(Ctx *ctx);
/* A thread that works for leader's statement: same transaction's snapshot, its own counters. */
Status db_worker_attach(Ctx *worker, Ctx *leader);
void db_worker_detach(Ctx *worker);

/* Raises 58030 or 55000 if the instance has failed or this is a fork()'s child. Every statement starts with it. */
Status db_usable(Ctx *ctx);

/* Work of upper layers in the background, with connections of its own (db_internal_attach). run is called by a thread of the instance, or,
 * where there are none, by who asks db_maintenance_is_due after a commit and may do it; it does a part of what is to be done, and
 * says how long to wait before the next: 0 at once. free is called when the last connection closes. */
typedef struct DbMaintenance {
    int64_t (*run)(void *arg); /* microseconds */
    void (*free)(void *arg);
    void *arg;
} DbMaintenance;
/* Counts only the first time. Says whether it did. */
bool db_set_maintenance(Ctx *ctx, const DbMaintenance *m);
bool db_maintenance_is_due(Ctx *ctx); /* and no thread sees to it */
void db_maintain(Ctx *ctx);           /* runs it once */
/* A connection that keeps nothing open: for work of the instance's own. */
Status db_internal_attach(Ctx *ctx, Db *db);
void db_internal_detach(Ctx *ctx);

/* Everything changed up to now into the database file, so that recovery starts from here. */
Status db_checkpoint(Ctx *ctx);
/* A copy of the database as of some moment during the call, one file, made while others read and write. 58P02 if path exists; nothing is left of
 * it on an error. Not for databases in memory. ctx->work_done and work_total say how far it is. backup.c. */
Status db_backup(Ctx *ctx, const char *path);
/* How long the log may get, and how old its beginning (0: as it is). The first call counts; what holds is given back. Call it before the first
 * write. */
void db_set_checkpoints(Ctx *ctx, uint64_t *wal_bytes_max, int64_t *timeout_s);

/* Cuts free pages off the end of the file. extent_free.c. */
Status db_trim_file(Ctx *ctx);

/* Named roots, so that the catalog finds its relations. Setting is part of the running transaction: others see it when it has
 * committed. Slots are below DB_ROOTS_MAX and named by the catalog. PAGE_NONE: not set. */
Status db_root_get(Ctx *ctx, int slot, PageNo *root_out);
Status db_root_set(Ctx *ctx, int slot, PageNo root);
/* The next object ids, n in a row from the one returned; from 16384 on, never given twice. */
Status db_next_oid(Ctx *ctx, uint32_t n, uint32_t *first_out);

/* The connection's scratch arena, for one call of this layer, which resets it. 53200. */
Status db_scratch(Ctx *ctx, struct Arena **out);

uint32_t db_page_bytes(Ctx *ctx);
bool db_is_read_only(Ctx *ctx);
/* Has any transaction written since the database was opened? Until then readers leave the file as it is. */
bool db_has_written(Ctx *ctx);
bool db_is_salvaged(Ctx *ctx);
bool db_in_memory(Ctx *ctx);
const struct FileOps *db_files(Ctx *ctx); /* those it was opened with */
/* 58P02 if there is a file of this name. */
Status db_refuse_existing(Ctx *ctx, const char *path);
const char *db_path(Ctx *ctx);
enum { DATABASE_OID = 5 };              /* the one database's, as pg_database shows it */
int db_conn_slot(Ctx *ctx);             /* number of this connection in the instance, from 0 */

uint64_t db_file_bytes(Ctx *ctx);

/* What upper layers keep for the instance and all its connections share (the catalog). Created by the first connection that asks;
 * create runs once, under a mutex; destroy when the instance closes. */
Status db_shared(Ctx *ctx, Status (*create)(Ctx *ctx, void **out), void (*destroy)(void *p), void **out);

/* Verifies header, meta page, space maps and every relation whose root the caller gives, those on their way in or out included: pages
 * owned by none or by two, chains, entries, page headers, and the checksum of each page as it is on disk. Reports each fault (root: of the
 * relation, or PAGE_NONE; report may be NULL), and raises XX001 with the first if there was one. Pages are not given or taken while it
 * looks at who owns them; nobody may write to the relations meanwhile. check.c. */
typedef void (*DbReport)(void *arg, PageNo root, PageNo page, const char *text);
Status db_check(Ctx *ctx, const PageNo *roots, int nroots, DbReport report, void *arg);

#endif
