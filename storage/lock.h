/* lock.h - locks: what a transaction holds to its end, with PostgreSQL's modes, queues and deadlock rules.
 *
 * One table in memory for relations, advisory keys and rows; no lock outlives the process, so taking one dirties no page. Weak
 * relation modes (up to ROW EXCLUSIVE) are noted in the connection's own slots and touch nothing shared unless somebody holds or wants
 * a strong mode on that relation; whoever takes a strong mode collects them into the table first.
 *
 * A lock once granted is held until the transaction ends (or the savepoint before it is rolled back to), and taking
 * it again is counted, not queued. Waiters are served in order, except that a request compatible with everyone who waits passes, and
 * one that its owner's other locks would deadlock with goes first.
 *
 * After deadlock_timeout a waiter looks for a circle it is part of. Where one exists only because somebody stands ahead in a queue, the queue
 * is put into an order without it; else the one who looked is the victim.
 *
 * Waiting polls for interrupts every few milliseconds. Errors: 40P01 with PostgreSQL's detail, 55P03 after lock_timeout or when nowait
 * cannot be had, 57014, 53200. No page may be latched when a wait is possible.
 */
#ifndef STORAGE_LOCK_H
#define STORAGE_LOCK_H

#include "common/ctx.h"
#include <stdint.h>

typedef enum LockMode { /* PostgreSQL's, in its order */
    LOCK_NONE,
    LOCK_ACCESS_SHARE,           /* SELECT */
    LOCK_ROW_SHARE,              /* SELECT ... FOR UPDATE */
    LOCK_ROW_EXCLUSIVE,          /* INSERT, UPDATE, DELETE */
    LOCK_SHARE_UPDATE_EXCLUSIVE, /* VACUUM, ANALYZE */
    LOCK_SHARE,                  /* CREATE INDEX */
    LOCK_SHARE_ROW_EXCLUSIVE,
    LOCK_EXCLUSIVE,
    LOCK_ACCESS_EXCLUSIVE,       /* DROP, ALTER, TRUNCATE */
    LOCK_MODE_COUNT
} LockMode;
const char *lock_mode_name(LockMode mode); /* "AccessShareLock", as pg_locks shows it */
bool lock_modes_conflict(LockMode a, LockMode b);

typedef enum LockKind {
    LOCK_RELATION, /* a: oid */
    LOCK_OBJECT,   /* a: class oid, b: oid. Names being created, schemas being dropped. */
    LOCK_TUPLE,    /* a: relation oid, b: tid. Modes: see lock_row_mode. Passes those who wait for it: */
    LOCK_ROW_QUEUE, /* the same, for the place in the queue of those who wait for a row (heap_lock.c) */
    LOCK_ADVISORY, /* a: the application's key, or two of 32 bits; b: 1 or 2, which of the two forms */
    /* Shown by lock_list, never in the table: every transaction holds its own xids. */
    LOCK_TRANSACTION, /* a: xid */
    LOCK_VIRTUALXID,  /* a: pid, b: number of the transaction in its session */
} LockKind;

typedef struct LockTag {
    uint64_t a, b;
    LockKind kind;
} LockTag;

typedef enum LockWait { LOCK_WAIT, LOCK_NOWAIT, LOCK_TRY } LockWait; /* NOWAIT raises 55P03, TRY only says so */

static inline LockTag
lock_relation_tag(uint32_t oid)
{
    return (LockTag){.kind = LOCK_RELATION, .a = oid};
}
/* Takes the lock for the running transaction. With LOCK_TRY granted_out says whether; else it may be NULL. */
Status lock_acquire(Ctx *ctx, LockTag tag, LockMode mode, LockWait wait, bool *granted_out);
/* The same for a relation; name is for 55P03's message. */
Status lock_relation(Ctx *ctx, uint32_t oid, LockMode mode, LockWait wait, const char *name);
/* Waits until those have ended who now hold the lock in a mode that conflicts with this one. Takes nothing, and holds nobody up. */
Status lock_wait_for_holders(Ctx *ctx, LockTag tag, LockMode mode);
/* Gives back a lock taken a moment ago, before it could matter to anybody but those who queue. Not held: nothing. */
void lock_give_back(Ctx *ctx, LockTag tag, LockMode mode);
bool lock_is_held(Ctx *ctx, LockTag tag, LockMode at_least);
/* Does another connection hold a lock on the row that mode conflicts with? For writers, who mark the row itself and take
 * no lock: asked with the row's page latched, which a locker looks at after it has its lock. Cheap while nobody locks rows. */
bool lock_row_is_taken(Ctx *ctx, LockTag tag, LockMode mode);
/* Other connections' locks on a row hold for its next version as well: what an update owes those whose locks allow it.
 * Called with the version's page latched. 53200. */
Status lock_row_follow(Ctx *ctx, LockTag from, LockTag to);

/* Row locks by the four modes of SELECT ... FOR: 0 KEY SHARE, 1 SHARE, 2 NO KEY UPDATE, 3 UPDATE, as LockModes whose
 * conflicts are the same as PostgreSQL's. */
static inline LockMode
lock_row_mode(int strength)
{
    static const uint8_t modes[4] = {LOCK_ACCESS_SHARE, LOCK_ROW_SHARE, LOCK_EXCLUSIVE,
                                     LOCK_ACCESS_EXCLUSIVE};
    return (LockMode)modes[strength];
}

/* Advisory locks: session locks are counted and survive transactions. False: not held (a WARNING in SQL). */
Status lock_advisory(Ctx *ctx, LockTag tag, bool shared, bool session, LockWait wait, bool *granted_out);
bool lock_advisory_release(Ctx *ctx, LockTag tag, bool shared);
void lock_advisory_release_all(Ctx *ctx);

/* ---- for tx.c ---- */
uint32_t lock_mark(Ctx *ctx);                        /* locks held now; for savepoints */
void lock_release_after(Ctx *ctx, uint32_t mark);    /* those taken since */
void lock_release_all(Ctx *ctx);                     /* of the transaction */

/* What pg_locks shows; a copy in the arena. */
typedef struct LockRow {
    LockTag tag;
    LockMode mode;
    bool granted, fast_path;
    int pid;
    uint32_t ntx;            /* number of the holder's transaction in its session */
} LockRow;
Status lock_list(Ctx *ctx, Arena *arena, LockRow **rows_out, int *n_out);

#endif
