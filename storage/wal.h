/* wal.h - the write-ahead log: what is to survive is said here first.
 *
 * A change to pages is one record, written so:
 *
 *     latch the pages exclusively; find out everything that can fail
 *     TRY_GOTO(wal_begin(ctx, (PageRef *[]){&leaf, &map}, 2, payload_max, &log));
 *     change the pages; fill log.payload          -- nothing here can fail; RAISE asserts
 *     wal_finish(&log, WAL_HEAP_INSERT, payload_bytes);
 *     unfix the pages
 *
 * wal_begin reserves room in the log for the payload and for images of all the pages, and marks the pages dirty before
 * the record exists: a checkpoint that starts in between waits for their latches and so writes them. wal_finish decides which pages
 * need an image (first change since the last checkpoint's redo point), appends the record and sets the pages' LSN. Redo finds the pages by
 * their position in the array; a fresh page (page_fix_new, rel_page_new) is made anew by redo and needs no image.
 *
 * LSNs only grow, over closing and opening too. A record is durable once wal_flush has returned for its end. In an instance
 * without a file records are not kept; LSNs advance all the same.
 *
 * Threads: any. The log's mutex is taken after page latches and held for a copy, never over a write or sync.
 */
#ifndef STORAGE_WAL_H
#define STORAGE_WAL_H

#include "common/str.h"
#include "storage/page.h"

typedef enum WalType {
    WAL_NONE,
#define WALREC(name, redo, describe) WAL_##name,
#include "storage/walrec.def"
#undef WALREC
    WAL_TYPE_COUNT
} WalType;

typedef struct WalLog {
    Ctx *ctx;
    uint8_t *payload;      /* room for payload_max bytes, aligned to 16; to be filled */
    size_t payload_max;
    Xid xid;               /* who writes; XID_NONE unless set between begin and finish */
    int npages;
    PageRef *pages[WAL_PAGES_MAX];
    uint32_t force_image;  /* bit i: log page i's image whatever its LSN (pages filled in bulk) */
    size_t reserved;       /* bytes of the log's room held; 0: not begun */
} WalLog;

/* Errors: 53100 no room on disk, 58030, 53200; and 58030 for ever once a sync has failed. */
Status wal_begin(Ctx *ctx, PageRef *const *pages, int npages, size_t payload_max, WalLog *log);
/* Appends the record and returns its end, which is the pages' LSN now. Cannot fail. */
Lsn wal_finish(WalLog *log, WalType type, size_t payload_bytes);
/* Instead of wal_finish, when nothing was changed after all. */
void wal_cancel(WalLog *log);
/* One record with the images of pages filled without logging (bulk load, index build), up to WAL_PAGES_MAX of them. */
Status wal_log_images(Ctx *ctx, PageRef *const *pages, int npages);

/* Waits until the log is on disk up to lsn; whoever comes first syncs for all. 58030 when that fails, then the instance
 * accepts nothing any more. */
Status wal_flush(Ctx *ctx, Lsn lsn);
Lsn wal_insert_lsn(Ctx *ctx); /* end of the last record appended */
Lsn wal_flushed_lsn(Ctx *ctx); /* what survives a crash ends here; without a file, the same */

/* ---- redo ---- */

typedef struct WalRecord {
    Lsn lsn, end;
    Xid xid;
    WalType type;
    int npages;
    const uint8_t *payload;
    uint32_t payload_bytes;
} WalRecord;

typedef struct RedoPage {
    PageRef ref;   /* fixed exclusively */
    bool apply;    /* the page is older than the record: change it. False: it has the change already */
    bool init;     /* make it anew; its bytes are zeros */
} RedoPage;

/* A row of walrec.def. redo changes those pages whose apply is set, exactly as the code that logged the record did; page
 * LSN and dirtiness are its caller's business. Bytes of the record are as trustworthy as our own memory once the checksum held, but redo raises
 * XX001 rather than write outside a page. */
typedef struct WalOps {
    const char *name;
    Status (*redo)(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
    void (*describe)(const WalRecord *rec, StrBuf *out);
} WalOps;
extern const WalOps wal_ops[WAL_TYPE_COUNT];
Status wal_redo_nothing(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
void wal_describe_nothing(const WalRecord *rec, StrBuf *out);

/* Redo of the modules above, for the table. */
Status heap_redo_insert(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status heap_redo_update(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status heap_redo_move(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status heap_redo_delete(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status heap_redo_prune(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status heap_redo_visible(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
void heap_describe(const WalRecord *rec, StrBuf *out);
Status heap_redo_zones(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status overflow_redo_end(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status overflow_redo_new(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
void overflow_describe(const WalRecord *rec, StrBuf *out);
Status btree_redo_insert(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status btree_redo_merge(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
Status btree_redo_delete(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
void btree_describe(const WalRecord *rec, StrBuf *out);

#endif
