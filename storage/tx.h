/* tx.h - transactions: xids, commit, rollback, savepoints, and who sees what.
 *
 * A connection (DbConn) runs at most one transaction at a time; ctx->tx points to it. It takes xids only when it writes; it
 * may own many, ascending: a new one for each command that writes after a snapshot that must not see it, and after
 * each savepoint. Which of them count is known at the end: the commit record lists them; an xid in no commit record is aborted. Nothing is
 * undone in pages.
 *
 * In memory: the xid map gives the state of every xid from the oldest that could matter (running in slot n, committed at CSN,
 * aborted); below it all are committed but for the aborted set. tx_horizon is what pruning may rely on.
 *
 * Life of a statement, as session and tests drive it:
 *     tx_begin (if none) ... tx_command_begin: ctx->snapshot is set ... work ... tx_command_end
 *     tx_commit or tx_rollback
 *
 * Threads: a transaction belongs to its connection's thread; workers of a parallel statement read with its snapshot through
 * db_worker_attach and never write.
 */
#ifndef STORAGE_TX_H
#define STORAGE_TX_H

#include "storage/snapshot.h"
#include "storage/wal.h"

typedef enum TxIsolation { TX_READ_COMMITTED, TX_REPEATABLE_READ, TX_SERIALIZABLE } TxIsolation;

typedef struct Tx Tx;

/* 25001 inside a transaction. Takes no xid and no snapshot yet. read_only: statements that would write are refused by who runs them; temporary tables
 * may be written. */
Status tx_begin(Ctx *ctx, TxIsolation isolation, bool read_only);
/* Durable on return unless synchronous_commit is off. On an error the transaction has been rolled back, except that 58030 with
 * the detail that the outcome is unknown leaves an instance that accepts nothing more. Without a transaction: QN_OK. Locks go, hooks have run. */
Status tx_commit(Ctx *ctx);
/* Cannot fail: what could not be freed now is freed later. */
void tx_rollback(Ctx *ctx);

TxIsolation tx_isolation(const Tx *tx);
bool tx_is_read_only(const Tx *tx);
/* SET TRANSACTION. Of the isolation level: before the first snapshot; the caller sees to it. */
void tx_set_modes(Ctx *ctx, TxIsolation isolation, bool read_only);
bool tx_has_written(const Tx *tx);
Xid tx_top_xid(const Tx *tx);                      /* first xid it took, XID_NONE if none */

/* Savepoints stack; a name may occur more than once, the innermost counts. 3B001 for a name that is not there. */
Status tx_savepoint(Ctx *ctx, const char *name);
Status tx_rollback_to(Ctx *ctx, const char *name); /* the savepoint itself stays */
Status tx_release(Ctx *ctx, const char *name);

/* Starts a command: a fresh snapshot in READ COMMITTED, the transaction's own otherwise, either way with the commands before it visible.
 * Sets ctx->snapshot, which is valid, and holds the horizon, until tx_command_end or the next tx_command_begin. Commands that stay open side by side
 * (cursors) copy it with tx_snapshot_keep. */
Status tx_command_begin(Ctx *ctx);
void tx_command_end(Ctx *ctx);
/* A command that runs inside another one's evaluation, a statement of a function: it sees what has been done so far, and when it is
 * through the outer command sees what it saw before. n lies with the caller until tx_command_unnest. */
typedef struct TxNested {
    struct Snapshot *before; /* the outer ctx->snapshot */
    Snapshot outer;          /* what was in it */
    bool is_inside;          /* the outer command has the transaction's own snapshot */
    Lsn outer_mark;
} TxNested;
Status tx_command_nest(Ctx *ctx, TxNested *n);
void tx_command_unnest(Ctx *ctx, const TxNested *n);
/* A snapshot of its own, registered until dropped: cursors, catalog lookups (which see the latest commit). Memory is the caller's. At most
 * TX_KEPT_MAX a connection at a time: 54000. */
enum { TX_KEPT_MAX = 64 };
Status tx_snapshot_keep(Ctx *ctx, const Snapshot *from, Snapshot *out);
Status tx_snapshot_latest(Ctx *ctx, Snapshot *out);
void tx_snapshot_drop(Ctx *ctx, Snapshot *snap); /* twice is fine */

/* The xid this command writes with: takes one on first use. 25006 where the file is open for reading only. */
Status tx_write_xid(Ctx *ctx, Xid *xid_out);
/* The transaction's first xid, taken if it has none, for those who only want its number. */
Status tx_assign_xid(Ctx *ctx, Xid *top_out);
/* Do the transaction's statements see what a transaction that has committed did? In READ COMMITTED the next one does, and so does the first in any. */
bool tx_sees(Ctx *ctx, Xid xid);
bool tx_owns(Ctx *ctx, Xid xid); /* an xid of the running transaction, not rolled back to a savepoint */

/* The state of an xid now, without a snapshot: for writers who meet it on a row. */
typedef enum XidStatus { XID_COMMITTED, XID_ABORTED, XID_RUNNING, XID_OWN } XidStatus;
XidStatus xid_status(Ctx *ctx, Xid xid, Lsn *csn_out); /* csn_out may be NULL; 0: seen by all */

/* Waits until the transaction that owns xid has ended (or rolled that xid back). Returns at once if it has. 40P01 when that would
 * never be, 55P03 after lock_timeout, 57014. Nothing may be latched. */
Status tx_wait_for(Ctx *ctx, Xid xid);

/* What is settled for everyone: xids below xid are finished; what committed at or before csn is seen by every snapshot there is or will be. */
typedef struct TxHorizon {
    Xid xid;
    Lsn csn;
} TxHorizon;
/* Returns the next xid to be handed out. */
Xid tx_horizon(Ctx *ctx, TxHorizon *out);
/* Which commits the snapshots there are stand between; what none of them can see may go before the horizon has passed it. */
enum { TX_VIEWS_MAX = 32 };
typedef struct TxViews {
    int n;
    Lsn oldest[TX_VIEWS_MAX], newest[TX_VIEWS_MAX]; /* of one connection's marks */
    Lsn follows; /* what was ended after this may be on the way of a command from an older version to the newest */
} TxViews;
void tx_views(Ctx *ctx, TxViews *out);
/* Does nobody see a version made at CSN from (0: long ago) and ended by a commit at CSN to? Nobody ever will, if to has been published. */
bool tx_views_miss(const TxViews *v, Lsn from, Lsn to);
/* The running command may follow update chains: from what it sees to versions it does not. */
void tx_note_follow(Ctx *ctx);
/* Committed, and seen by all: a version it ended is dead to everyone. */
bool xid_settled(Ctx *ctx, const TxHorizon *h, Xid xid);

/* Frees relations whose drop is seen by all (everything: or not), and forgets xids that are settled. */
Status tx_clean(Ctx *ctx, bool everything);
/* Does no other connection hold a snapshot? */
bool tx_alone(Ctx *ctx);
/* Ranges of aborted xids that begin below xid. */
uint32_t tx_aborted_below(Ctx *ctx, Xid xid);
/* No relation has a trace of an aborted xid below this one any more: they are forgotten, unless a dropped relation may still be read. */
Status tx_forget_aborted(Ctx *ctx, Xid below);

/* Called when the transaction ends, or when a savepoint older than the call is rolled back to (committed = false):
 * after the outcome is visible to others, before locks go. May not fail. */
typedef void (*TxHook)(Ctx *ctx, void *arg, bool committed);
Status tx_on_end(Ctx *ctx, TxHook hook, void *arg);
/* Called in tx_commit before the commit record, in order of registration; may write, may fail: then the transaction rolls back.
 * Deferred constraints, catalog work. */
typedef Status (*TxBeforeCommit)(Ctx *ctx, void *arg);
Status tx_before_commit(Ctx *ctx, TxBeforeCommit hook, void *arg);

/* ---- for extent.c, db.c, recover.c, checkpoint.c ---- */

Status tx_note_created(Ctx *ctx, PageNo root, Xid xid); /* freed unless xid commits */
Status tx_note_dropped(Ctx *ctx, PageNo root);          /* freed after commit */
Status tx_redo_commit(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
void tx_describe_commit(const WalRecord *rec, StrBuf *out);
void tx_describe_mark(const WalRecord *rec, StrBuf *out);

#endif
