/* ssi.h - SERIALIZABLE: snapshot isolation that notices when its transactions could not have run one after the other.
 *
 * A transaction of that level leaves SIREAD locks on what it reads (rows, heap pages, leaves of indexes, relations); they block nobody and
 * outlive it for as long as somebody runs who ran beside it. A writer who meets one, and a reader who meets a version that its snapshot
 * must not see, note an edge reader -> writer. Two such edges in a row, reader -> pivot -> writer, with the last of the three the first to
 * commit, are what every anomaly contains (Cahill, Fekete, Roehm 2008); who would complete such a structure fails with 40001. False
 * alarms are possible, missed anomalies are not. Reads never wait.
 *
 * A gap in an index is the leaf it lies on: an insert goes to that leaf, and a split copies the leaf's locks. So empty results are covered.
 * A read-only transaction that no concurrent writer can harm is let go of (a safe snapshot); DEFERRABLE waits for one.
 *
 * Memory: more than a few row locks on a page become one on the page, more than a few dozen locks in a relation one on the relation; past
 * a few thousand finished transactions the oldest are merged into one.
 *
 * Order that makes it sound: a reader locks, then looks; a writer marks, then looks for locks. Whichever comes second sees the other.
 */
#ifndef STORAGE_SSI_H
#define STORAGE_SSI_H

#include "storage/tx.h"

typedef struct SsiTx SsiTx; /* what is known of a serializable transaction; may outlive it */

/* Everything below does nothing for relations of the catalog and for transactions of other levels. */

enum { SSI_SLOT_NONE = 0 };
#define SSI_PAGE_ALL UINT32_MAX

/* The statement has read, or is about to read: a relation (page SSI_PAGE_ALL), a page (slot SSI_SLOT_NONE), a row. Pages may be latched. 40001, 53200. */
Status ssi_note_read(Ctx *ctx, const Snapshot *snap, uint32_t rel, PageNo page, uint32_t slot);
/* The statement has met a row that depends on an xid its snapshot does not see. */
Status ssi_note_unseen(Ctx *ctx, const Snapshot *snap, Xid xid);
static inline bool
snapshot_is_tracked(const Snapshot *snap)
{
    return __builtin_expect(snap != NULL && snap->ssi != NULL, 0);
}

/* The transaction has written there: looks for locks on the row, its page and its relation. 40001. */
Status ssi_note_write(Ctx *ctx, uint32_t rel, PageNo page, uint32_t slot);
/* It has written everywhere: TRUNCATE, DROP. */
Status ssi_note_write_all(Ctx *ctx, uint32_t rel);

/* What is read from page `from` is now on `to` as well. Both are latched. Cannot fail: without memory the readers do. */
void ssi_page_split(Ctx *ctx, uint32_t rel, PageNo from, PageNo to);
/* Rows of `from` have moved, or an index of table `to` is gone: its locks become one a reader on `to`, which may be `from`. */
void ssi_move_locks(Ctx *ctx, uint32_t from, uint32_t to);

/* ---- for tx.c and db.c ---- */

Status ssi_init(Ctx *ctx, struct Db *db);
void ssi_free(struct Db *db);
/* Takes the transaction's snapshot and begins to follow it; with deferrable waits for one that is safe. Errors: 57014, 53200. */
Status ssi_start(Ctx *ctx);
Status ssi_before_commit(Ctx *ctx);          /* 40001. From here on it is no victim any more. */
void ssi_note_csn(Ctx *ctx, Lsn csn);        /* before its xids have it */
void ssi_end(Ctx *ctx, bool committed, bool wrote); /* after its commit is visible */

/* SIREAD locks, for pg_locks; a copy in the arena. */
typedef struct SsiLockRow {
    uint32_t rel;
    PageNo page;   /* SSI_PAGE_ALL: the relation */
    uint32_t slot; /* SSI_SLOT_NONE: the page */
    int pid;       /* 0: its transaction has ended */
    uint32_t ntx;  /* as in LockRow */
} SsiLockRow;
Status ssi_list(Ctx *ctx, Arena *arena, SsiLockRow **rows_out, int *n_out);

#endif
