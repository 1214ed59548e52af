/* instance.h - the insides of an open database, shared by db.c, pool.c, wal.c, tx.c, lock.c, extent.c, checkpoint.c and
 * recover.c. Nobody else includes it; what others may rely on is in db.h and its neighbours.
 *
 * Lock order, outermost first (README.md has the whole list): checkpoint_mutex, rels_mutex, a relation's extend mutex, page latches,
 * redo_latch, wal.write_mutex, wal.insert_mutex, xids_mutex, commit_mutex; conns_latch and lock_mutex are taken with none of the
 * last four held, and nothing but leaves (a connection's fast_latch) inside them.
 */
#ifndef STORAGE_INSTANCE_H
#define STORAGE_INSTANCE_H

#include "common/settings.h"
#include "storage/activity.h"
#include "storage/db.h"
#include "storage/extent.h"
#include "storage/file.h"
#include "storage/lock.h"
#include "storage/tablestats.h"
#include "storage/tx.h"
#include <sched.h>
#include <unistd.h>

enum {
    CONNS_MAX = 1024,
    FAST_LOCKS = 16,
    XID_CHUNK = 16384,       /* states a chunk of the xid map */
    XID_CHUNKS = 65536,      /* chunks the map's window holds: a billion xids */
    XID_MARK_STEP = 8192,    /* xids logged ahead at a time */
    OID_MARK_STEP = 1024,
    STRONG_BUCKETS = 1024,
};

#define LSN_NEVER UINT64_MAX

/* A list of 16-byte things that grows; owned by whoever holds the struct. */
typedef struct XidRanges { XidRange *items; uint32_t count, cap; } XidRanges;
typedef struct RelPendings { RelPending *items; uint32_t count, cap; } RelPendings;
Status xid_ranges_add(Ctx *ctx, XidRanges *list, Xid first, Xid last); /* merges with the last one */
void xid_ranges_free(XidRanges *list);
Status rel_pendings_add(Ctx *ctx, RelPendings *list, PageNo root, Xid xid);
void rel_pendings_free(RelPendings *list);

/* ---- xid map ---- */

typedef struct AbortedSet {
    struct AbortedSet *next; /* on the list of those to free */
    Lsn retired;
    uint32_t count, cap;     /* count is read once through the pointer's acquire */
    XidRange ranges[];       /* ascending, disjoint */
} AbortedSet;

typedef struct RetiredChunk {
    struct RetiredChunk *next;
    Lsn retired;
    void *chunk;
} RetiredChunk;

typedef _Atomic uint64_t XidState;

/* states of xids base <= x < next; below base all are committed but those in aborted. Lock-free to read by whoever has a
 * registered snapshot: chunks and sets are freed only when no snapshot is left from before they went. */
typedef struct XidMap {
    _Atomic Lsn published;       /* commits up to here are visible */
    _Atomic Xid settled;         /* min(base, first aborted) */
    _Atomic Xid base;
    _Atomic Xid next;            /* the next to hand out; changed under xids_mutex */
    _Atomic(AbortedSet *) aborted; /* NULL: empty */
    _Atomic(XidState *) *chunks; /* XID_CHUNKS, by xid / XID_CHUNK modulo */
    RetiredChunk *retired_chunks;
    AbortedSet *retired_sets;
} XidMap;

/* ---- the log ---- */

/* Syncs of the log run side by side: the next group need not wait for the one before to arrive, and the disk takes two in the time of one. A third
 * gains nothing, and makes groups smaller. */
enum { WAL_SYNCS = 2, WAL_GROUPS = 8 };
typedef struct WalSync {
    Lsn to;                  /* what it brings to the disk; 0: it is not running */
    uint32_t group;
} WalSync;

typedef struct Wal {
    File *file;              /* NULL: not there yet, or no file at all */
    File *sync_file;         /* the same file, for the second sync */
    bool in_memory;          /* records are counted, not kept */
    uint32_t crc_seed;
    Mutex insert_mutex;
    _Atomic Lsn insert_lsn;  /* end of what has been appended; changed under insert_mutex */
    Lsn prev_lsn;            /* start of the last record */
    _Atomic Lsn redo;        /* pages with an older LSN need an image; changed under insert_mutex */
    uint8_t *ring;           /* the stream's bytes from written on, at position modulo ring_bytes */
    size_t ring_bytes;
    _Atomic int64_t room;    /* limit - insert_lsn - reserved: what may still be reserved */
    Mutex write_mutex;       /* guards what follows; not held over a write or sync */
    Cond write_cond;
    bool writing;            /* somebody writes, or makes segments */
    bool has_leader;         /* somebody waits to lead the next group */
    uint32_t group;          /* number of the group that gathers */
    WalSync syncs[WAL_SYNCS];
    _Atomic uint32_t group_ended[WAL_GROUPS]; /* by number: changes when such a group has been synced, or has failed */
    _Atomic Lsn written, flushed;
    Lsn limit;               /* min(allocated, written + ring_bytes) */
    Lsn allocated;           /* segments exist up to here */
    Lsn ahead;               /* how far beyond written segments are made */
    Lsn recycle;             /* segments wholly before this are free: the durable header's redo */
    uint64_t *segments;      /* number of the segment in each slot of the file */
    uint32_t nsegments, segments_cap;
    bool dir_synced;
} Wal;

/* ---- locks ---- */

/* A lock somebody holds or waits for. */
typedef struct LockEntry {
    struct LockEntry *next;       /* in its bucket */
    LockTag tag;
    uint32_t granted[LOCK_MODE_COUNT];
    struct LockHold *holds;
    struct DbConn *waiters;       /* in order of service */
} LockEntry;

typedef struct LockHold {
    LockEntry *entry;
    struct DbConn *conn;
    struct LockHold *entry_next, *entry_prev; /* among the holds of the entry */
    struct LockHold *conn_next, *conn_prev;   /* newest first */
    uint32_t seq;        /* order of taking in the connection */
    uint32_t session;    /* advisory: times held for the session */
    LockMode mode;
    bool transaction;    /* held by the transaction */
} LockHold;

typedef struct FastLock { uint32_t oid; uint32_t seq; uint8_t mode; } FastLock;

typedef struct LockTable {
    Mutex mutex;
    LockEntry **buckets;
    uint32_t nbuckets, nentries;
    _Atomic uint32_t strong[STRONG_BUCKETS]; /* strong relation locks held or wanted, by oid */
    _Atomic int32_t xid_waiters;
    _Atomic uint32_t ntuples;                /* entries of kind LOCK_TUPLE */
    uint32_t check_stamp; /* of the last deadlock check */
} LockTable;

/* ---- transactions ---- */

typedef struct TxHookEntry { TxHook hook; void *arg; } TxHookEntry;
typedef struct TxBeforeEntry { TxBeforeCommit hook; void *arg; } TxBeforeEntry;
typedef struct RootChange { int slot; PageNo root; } RootChange;

typedef struct Savepoint {
    char *name;
    Xid boundary;           /* own xids from here on are newer */
    uint32_t lock_mark, nhooks, nbefore, ncreated, ndropped, nroots;
} Savepoint;

struct Tx {
    DbConn *conn;
    TxIsolation isolation;
    bool active, read_only, has_snapshot;
    Xid last_xid;           /* newest own xid */
    bool is_unwritten;      /* nothing bears it yet: the next command may use it */
    Xid min_write_xid;      /* a snapshot or savepoint sees the own xids below */
    XidRanges xids;         /* own, ascending, those rolled back included */
    bool any_aborted;       /* some of them were rolled back to a savepoint */
    Lsn csn;                /* end of the commit record; set under wal.insert_mutex */
    Lsn commit_start;       /* and its start */
    bool is_async;          /* it does not wait for its record to reach the disk; under commit_mutex, as what follows */
    bool csn_stored;        /* its xids have it */
    Tx *commit_next;        /* in LSN order */
    Snapshot snapshot;      /* ctx->snapshot points here */
    struct SsiTx *ssi;      /* SERIALIZABLE, from its snapshot on */
    Savepoint *savepoints;
    uint32_t nsavepoints, savepoints_cap;
    TxHookEntry *hooks;
    uint32_t nhooks, hooks_cap;
    TxBeforeEntry *before;
    uint32_t nbefore, before_cap;
    RelPendings created, dropped;
    RootChange *roots;      /* named roots changed, in order */
    uint32_t nroots, roots_cap;
    TableChange *changes;   /* rows changed, a table each */
    uint32_t nchanges, changes_cap;
};

/* See activity.h; words, since others read while the owner writes. */
enum { ACTIVITY_FREE, ACTIVITY_HELD, ACTIVITY_CLAIMED };
typedef struct Activity {
    _Atomic uint32_t hold;          /* ACTIVITY_FREE ... */
    _Atomic uint32_t state;         /* ActivityState */
    _Atomic int64_t deadline_us;    /* of being idle; 0: none */
    _Atomic uint32_t deadline_why;  /* Status */
    _Atomic uint32_t changes;       /* odd while a text is being written */
    _Atomic int64_t backend_start_us, tx_start_us, query_start_us, state_change_us;
    _Atomic uint64_t application[ACTIVITY_NAME_BYTES / 8];
    _Atomic uint64_t query[ACTIVITY_QUERY_BYTES / 8];
    uint64_t serial; /* of the statement whose text that is; the connection's own */
} Activity;

/* For a few instructions on what is next to never contended: half a mutex's price. Whoever finds it taken gives the processor away. */
typedef struct SpinLatch { _Atomic bool is_held; } SpinLatch;
static inline void
spinlatch_lock(SpinLatch *l)
{
    while (__builtin_expect(atomic_exchange_explicit(&l->is_held, true, memory_order_acquire), 0)) sched_yield();
}
static inline void spinlatch_unlock(SpinLatch *l) { atomic_store_explicit(&l->is_held, false, memory_order_release); }

/* A connection or worker: what belongs to one Ctx. */
struct DbConn {
    struct Db *db;
    Ctx *ctx;
    int slot;
    IoStats io;
    Tx tx;
    _Atomic uint32_t ntx;        /* transactions begun: the second half of pg_locks' virtual xids */
    _Atomic Xid top_xid;         /* of the running transaction, for others to see; XID_NONE: none yet */
    Activity activity;
    DbConn *leader;              /* worker: whose snapshot it reads with */
    /* Snapshots this connection holds. */
    _Atomic Lsn oldest;          /* least mark held, LSN_NEVER if none; read by others */
    _Atomic Lsn newest;          /* no mark held is greater; means nothing while oldest is LSN_NEVER */
    _Atomic Lsn follows;         /* tx_note_follow: what oldest was; LSN_NEVER: it follows no chains */
    Lsn command_mark;            /* LSN_NEVER: none */
    Lsn nested_mark;             /* of a command inside a command, which is not older; 0: none */
    Lsn kept[TX_KEPT_MAX];
    uint32_t nkept;
    /* Log scratch: payload, then images. */
    uint8_t *wal_buf;
    size_t wal_buf_bytes;
    bool wal_open;
    uint8_t *io_buf;             /* a page's private copy */
    Arena *scratch;              /* db_scratch; NULL until it is asked for */
    uint32_t find_seed;          /* spreads sessions over pages */
    /* Locks. */
    SpinLatch fast_latch;
    FastLock fast[FAST_LOCKS];
    uint32_t nfast;
    uint32_t lock_seq;
    LockHold *holds;
    LockHold *spare_holds;
    uint32_t nspare;
    /* Waiting; under lock_table.mutex. */
    Cond wait_cond;
    LockEntry *wait_entry;       /* the lock waited for */
    LockMode wait_mode;
    bool wait_granted;
    DbConn *wait_next;           /* behind it in the queue */
    Xid wait_xid;                /* the xid waited for */
    int wait_slot;               /* and its owner */
    bool waits_for_holders;      /* of a lock it does not want itself */
    uint32_t check_stamp;
    DbConn *check_from;          /* whose wait led here */
    bool check_soft;             /* because it is ahead in a queue, not because it holds a lock */
};

/* ---- relations in memory ---- */

typedef struct RelExtent {
    PageNo first;
    uint32_t npages, ordinal;
    PageNo map;
    uint16_t map_first, extent;
} RelExtent;

struct Rel {
    PageNo root;
    uint32_t opens;             /* under rels_mutex */
    Rel *next;                  /* in its hash bucket */
    RwLatch latch;              /* guards the fields below */
    RelExtent *extents;         /* by ordinal */
    uint32_t *by_page;          /* extents' positions, ordered by first page */
    uint32_t nextents, extents_cap;
    uint32_t npages;
    PageNo *maps;               /* map pages in chain order */
    uint32_t nmaps, maps_cap;
    int nzones;
    Mutex extend;               /* one extends or hands out pages at a time */
    Mutex work;                 /* see rel_work; taken before all latches */
    uint32_t next_unused;       /* pages from this ordinal on have never been used; under extend */
    PageNo *spare;              /* unlinked pages, and unused ones before next_unused: [spare_head, nspare); under extend */
    uint32_t spare_head, nspare, spare_cap;
    bool spare_unsorted;        /* the list is not ascending */
    uint32_t run_missing;       /* it has no run so long; 0: not known */
    bool dead;                  /* freed while somebody had it open */
    _Atomic uint32_t find_from; /* ordinal where looking for space goes on */
    _Atomic uint32_t best_class; /* no page is noted to have more space than this class */
};

enum { REL_BUCKETS = 256, TABLE_STATS_BUCKETS = 256 };

typedef struct TableStatsMap {
    Mutex mutex;
    TableStats *buckets[TABLE_STATS_BUCKETS];
} TableStatsMap;

/* ---- checkpoints ---- */

/* One under way; it may be worked on in steps. Under checkpoint_mutex. */
typedef struct Checkpoint {
    DbHeader header;      /* as it will be written */
    XidRanges ranges;
    RelPendings pendings;
    PageList dirty;       /* what was dirty when the redo point was chosen */
    uint32_t written;     /* of dirty */
    int64_t started_us;
} Checkpoint;

/* ---- the instance ---- */

typedef struct DropQueued { PageNo root; Lsn csn; bool busy; } DropQueued;

struct Db {
    struct Db *next;            /* in the table of open instances */
    char *path;                 /* NULL: in memory */
    char *wal_path;
    const FileOps *ops;
    File *file;
    FileId id;
    uint32_t opens;             /* connections, under the table's mutex */
    uint32_t generation;        /* process_generation() of the process that opened it */
    bool read_only, in_memory, no_threads, salvage;
    uint64_t *salvage_owned;    /* opened to be recovered: the pages that db_check found owners of, below salvage_end; NULL: not looked yet */
    PageNo salvage_end;
    _Atomic bool failed;        /* a sync failed: nothing is accepted */
    uint32_t page_bytes;
    uint8_t db_id[16];
    uint32_t crc_seed;
    Pool *pool;
    Wal wal;
    size_t wal_bytes_max;
    Arena *arena;               /* for the instance's life */

    /* Header. */
    Mutex header_mutex;
    DbHeader header;            /* as last written */
    _Atomic bool header_clean;  /* the file's header still says DB_CLEAN */
    bool header_torn;           /* one of its copies was found damaged */
    XidRanges clean_ranges;    /* the lists of the header as it was found, or last written clean */
    RelPendings clean_pendings;
    PageNo *more[2];            /* list pages of each copy */
    uint32_t nmore[2];

    RwLatch conns_latch;        /* guards conns */
    DbConn *conns[CONNS_MAX];
    int nconns;                 /* slots in use are below */

    Mutex xids_mutex;           /* xid allocation, own xid lists, aborted set, created lists */
    XidMap xids;
    Xid xid_mark;               /* xids below are logged as usable */
    Mutex commit_mutex;         /* the list of commits under way */
    Cond commit_cond;
    Tx *commit_head, *commit_tail;
    uint32_t commit_waiters;    /* on commit_cond */
    RwLatch redo_latch;         /* shared over records that belong together; a redo point needs it alone */
    RelPendings created;        /* by running transactions; under xids_mutex */
    uint32_t created_reserved;
    Mutex drops_mutex;
    DropQueued *drops;          /* committed drops not yet freed */
    _Atomic uint32_t ndrops;    /* written under drops_mutex; a glance may say whether there are any */
    uint32_t drops_cap, drops_reserved;
    _Atomic uint32_t nfinished; /* transactions with xids since the map was last trimmed */

    Mutex oid_mutex;
    uint32_t next_oid, oid_mark;

    LockTable locks;
    struct Ssi *ssi;

    Mutex rels_mutex;
    Rel *rels[REL_BUCKETS];
    TableStatsMap table_stats;
    Mutex space_mutex;          /* one allocates extents at a time */
    PageNo space_hint;          /* no page before it is free */
    PageNo space_run_hint;      /* where looking for a run starts */
    _Atomic PageNo file_pages;  /* pages the file holds, in use or not */

    Mutex checkpoint_mutex;
    Checkpoint checkpoint;
    _Atomic bool checkpoint_active;
    _Atomic int64_t checkpointed_us; /* when the last one ended, or the instance was opened */
    int64_t checkpoint_timeout_us;
    Mutex background_mutex;
    Cond wal_cond, checkpoint_cond; /* the two threads sleep on them */
    bool background_stop, checkpoint_due;
    bool checkpoints_set;       /* db_set_checkpoints has been called */
    _Atomic bool background_started;
    _Atomic bool wal_thread_idle;
    _Atomic Lsn async_lsn;      /* end of the last commit nobody waited for */
    Thread *wal_thread, *checkpoint_thread, *maintenance_thread;
    Cond maintenance_cond;
    DbMaintenance maintenance;      /* what upper layers do in the background */
    _Atomic bool maintenance_due;
    _Atomic int64_t maintenance_next_us; /* not sooner for little, where commits do the work */
    _Atomic uint32_t maintenance_stop; /* its ctx->stop */

    Mutex watch_mutex;          /* the thread that ends idle sessions, and when it looks next */
    Cond watch_cond;
    Thread *watch_thread;
    int64_t watch_next_us;
    bool watch_stop;

    Mutex shared_mutex;
    void *shared;
    void (*shared_destroy)(void *p);

    struct Recovery *recovery;  /* while the log is replayed */
    bool closing;
};

static inline Status
db_check_usable(Ctx *ctx)
{
    if (__builtin_expect(atomic_load_explicit(&ctx->db->failed, memory_order_relaxed), 0))
        return db_usable(ctx);
    return QN_OK;
}

/* A sync failed: raises 58030 for what was to be synced and marks the instance. */
Status db_fail(Ctx *ctx, Status st);
void db_start_threads(Ctx *ctx);
/* can_wait: without a thread for it, not more often than now and then. */
void db_wake_maintenance(Db *db, bool can_wait); /* there is something to do */
void db_note_async(Db *db, Lsn csn); /* a commit nobody waits for: the background flushes it soon */
/* The log has grown: a checkpoint may be due. */
void db_note_wal(Db *db);
/* A transaction has committed: where there is no thread for it, this one does a piece of the checkpoint that is due. */
void db_note_commit(Ctx *ctx);
/* Before the first page is written in place: the file no longer stands without its log. */
Status db_before_page_write(Ctx *ctx);
/* A Ctx for work of the instance's own, with a connection; for background threads, opening and closing. */
Status db_conn_attach(Ctx *ctx, Db *db);
void db_conn_detach(Ctx *ctx);

/* wal.c */
Status wal_create(Ctx *ctx, Db *db);
void wal_destroy(Db *db);
void wal_recycle(Db *db, Lsn lsn); /* nothing before lsn is needed any more */
/* The log goes on at this position. */
void wal_start_at(Db *db, Lsn lsn);
Status wal_open_file(Ctx *ctx, Db *db, bool create);
void wal_close_file(Db *db); /* twice is fine */
/* The slot of the log's file that holds the segment; UINT32_MAX: none. */
uint32_t wal_slot_of(Db *db, uint64_t number);
Status wal_write_owner(Ctx *ctx, Db *db);
Status wal_check_owner(Ctx *ctx, Db *db, int holder); /* raises 55006 */
Lsn wal_finish_with(WalLog *log, WalType type, size_t payload_bytes,
                    void (*on_insert)(void *arg, Lsn end), void *arg);
/* Makes the record [start, end) one that says nothing. False, and it stands: it is on its way to the disk's care, or a checkpoint counts on it. */
bool wal_void(Ctx *ctx, Lsn start, Lsn end);
uint32_t wal_record_crc(uint32_t seed, const WalRecordHeader *h, Lsn lsn, uint32_t body_crc);
size_t wal_image_unpack(const uint8_t *from, uint32_t nbytes, bool compressed, uint8_t *page,
                        uint32_t page_bytes, uint8_t *scratch); /* 0: damaged */

/* header.c */
Status header_read(Ctx *ctx, Db *db, bool *found_out, XidRanges *ranges, RelPendings *pendings);
/* Which copies on disk are whole; page: room for one. With header_mutex. */
Status header_verify(Ctx *ctx, uint8_t *page, bool valid_out[2]);
Status header_reserve(Ctx *ctx, uint32_t nitems); /* list pages for the copy written next */
uint32_t header_room(Db *db);                    /* items that copy has room for */
bool header_fits(Db *db, uint32_t nitems);        /* without list pages, in either copy */
Status header_write(Ctx *ctx, const DbHeader *next, const XidRanges *ranges,
                    const RelPendings *pendings);

/* checkpoint.c */
Status checkpoint_run(Ctx *ctx, bool clean);
/* Writes up to npages for the checkpoint under way, which it begins if there is none; *done_out: it is complete. Nothing if somebody else
 * is at it. */
Status checkpoint_step(Ctx *ctx, uint32_t npages, bool *done_out);
/* Whether one should begin: the log has grown to half of what it may be, or the time has come. */
bool checkpoint_is_due(Db *db);
/* Whether the one under way has written more than it needs to have by now. */
bool checkpoint_is_ahead(Db *db);
void checkpoint_drop(Db *db);

/* extent.c, extent_space.c */
Status extent_take_page(Ctx *ctx, PageNo *page_out); /* a page of nobody's, for header.c */
Status extent_give_page(Ctx *ctx, PageNo page);
/* In recovery's list of open relations: not a relation but a page taken for the header, which has it or has not. */
#define XID_LIST_PAGE ((Xid)1)
void extent_free_rels(Db *db);
PageNo extent_space_page(uint32_t page_bytes, PageNo page);
Status extent_extend_file(Ctx *ctx, PageNo end); /* the file has room for pages below end */

/* recover.c */
Status recover_note_created(Ctx *ctx, PageNo root, Xid xid);
void recover_note_freed(Ctx *ctx, PageNo root);
Status recover_run(Ctx *ctx, XidRanges *ranges, RelPendings *pendings);
Status recover_note_commit(Ctx *ctx, Xid top, Xid first, Xid last);
Status recover_note_end(Ctx *ctx, Xid top); /* top's last commit record: its xids count */
Status recover_note_drop(Ctx *ctx, PageNo root);

/* activity.c */
void activity_start(DbConn *conn);
void activity_stop_watch(Db *db);

/* xidmap.c, tx.c */
uint64_t xidmap_state(const XidMap *map, Xid xid); /* base <= xid < next, with a registered snapshot or own */
void xidmap_store(XidMap *map, Xid first, Xid last, uint64_t state);
void xidmap_commit(XidMap *map, XidRange r, Lsn csn, bool some_aborted);
Status xidmap_start(Ctx *ctx, Xid xid, uint64_t state);
Status xidmap_trim(Ctx *ctx);
void pending_remove(RelPendings *list, PageNo root);
Status tx_map_init(Ctx *ctx, Db *db);
void tx_map_free(Db *db);
/* After opening: next xid, aborted ranges (ascending), published mark. */
Status tx_map_load(Ctx *ctx, Xid next, const XidRanges *aborted, Lsn mark);
/* What a checkpoint's header says of xids and relations; called with redo_latch and wal.insert_mutex held. */
Status tx_capture(Ctx *ctx, Xid *next_out, Xid *mark_out, XidRanges *ranges, RelPendings *pendings);
void tx_conn_free(DbConn *conn);
void tx_publish_durable(Db *db); /* the log has been flushed: commits that it contains become visible */
void tx_take_snapshot(Ctx *ctx); /* of the running transaction: the latest */
Lsn tx_oldest_mark(Db *db);
bool tx_root_pending(Ctx *ctx, int slot, PageNo *root_out);
Status tx_root_change(Ctx *ctx, int slot, PageNo root);

/* tablestats.c */
void table_stats_init(Db *db);
void table_stats_free(Db *db);
void table_stats_settle(Ctx *ctx, Tx *tx, bool committed); /* the transaction has ended */

/* lock.c, deadlock.c */
Status lock_table_init(Ctx *ctx, Db *db);
void lock_table_free(Db *db);
void lock_conn_free(DbConn *conn);
void lock_wake_xid_waiters(DbConn *conn);
Status lock_wait_for_xid(Ctx *ctx, Xid xid, int slot);
void lock_serve_queue(LockEntry *e);
/* With locks.mutex: 40P01 if this connection waits for itself and no order of the queues helps. */
Status deadlock_check(Ctx *ctx);
/* Goes through those conn waits for, from a zero LockBlocker on; with locks.mutex and conns_latch. */
typedef struct LockBlocker {
    DbConn *conn;
    bool is_soft;       /* it only stands ahead in the queue */
    LockHold *hold;     /* where the walk is */
    DbConn *waiter;
    int stage;
} LockBlocker;
bool lock_next_blocker(Db *db, DbConn *conn, LockBlocker *b);

#endif
