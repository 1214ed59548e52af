/* heap_lock.c - SELECT ... FOR: row locks, taken in the lock table, so that no page changes.
 *
 * A locker has the row's lock, then looks at the row; a writer looks for locks with the row's page latched, then marks it. Whichever comes
 * second sees the other. Who has to wait queues up first (heap_queue_tag), so that a row is had in the order of asking; who need
 * not wait passes the queue.
 *
 * KEY SHARE passes by updates that leave the key alone: the version stays good, and those that have taken its place are locked as well,
 * so that none of them can be deleted or get another key. */
#include "storage/heap_priv.h"

/* What a row is to a locker. */
typedef struct Look {
    HeapResult result;
    Xid holder;  /* HEAP_WOULD_WAIT: the writer before us; XID_NONE: another locker */
    Tid newer;   /* HEAP_MOVED; or HEAP_DONE, the version to be locked too, TID_NONE if there is none, */
    Xid made_by; /* and who made it */
} Look;

Status
heap_queue_up(Ctx *ctx, LockTag row, LockMode mode, bool *taken_out)
{
    *taken_out = false;
    if (lock_is_held(ctx, row, LOCK_ACCESS_SHARE)) return QN_OK;
    TRY(lock_acquire(ctx, heap_queue_tag(row), mode, LOCK_WAIT, NULL));
    *taken_out = true;
    return QN_OK;
}

/* Has the version been ended by another transaction's update that left its key alone? Then out says what took its place. */
static bool
is_ended_keeping_key(Ctx *ctx, const HeapPage *p, PageNo number, uint32_t slot, Look *out)
{
    uint32_t i = slot - 1;
    uint16_t flags = heap_flags(p)[i];
    Xid xmax = heap_xid(p, heap_xmaxs(p)[i]);
    if ((flags & SLOT_STATE) != SLOT_NORMAL || xmax == XID_NONE) return false;
    if ((flags & (SLOT_ENDED_DELETE | SLOT_ENDED_KEY)) != 0 || heap_next_slots(p)[i] == 0) return false;
    XidStatus by = xid_status(ctx, xmax, NULL);
    if (by != XID_RUNNING && by != XID_COMMITTED) return false;
    PageNo page = heap_next_pages(p)[i];
    out->newer = tid_make(page != 0 ? page : number, heap_next_slots(p)[i]);
    /* Versions between may have gone (heap_prune.c): then the next one is another's, on this page. */
    out->made_by = (flags & SLOT_SKIPS) == 0 ? xmax : heap_xid(p, heap_xmins(p)[heap_next_slots(p)[i] - 1]);
    return true;
}

/* A version that no snapshot stood by has gone, and its slot leads to the one that stayed. */
static bool
is_redirected(const HeapPage *p, PageNo number, uint32_t slot, Look *out)
{
    uint32_t next = heap_next_slots(p)[slot - 1];
    if ((heap_flags(p)[slot - 1] & SLOT_STATE) != SLOT_REDIRECT || next == 0 || next > p->nslots) return false;
    out->newer = tid_make(number, next);
    out->made_by = heap_xid(p, heap_xmins(p)[next - 1]);
    return true;
}

/* A version that made_by put in the place of one that is locked: is it still there, and who made it through? */
static bool
is_of_chain(Ctx *ctx, const HeapPage *p, uint32_t slot, Xid made_by, XidStatus *by_out)
{
    if ((heap_flags(p)[slot - 1] & SLOT_STATE) != SLOT_NORMAL) return false;
    if (heap_xid(p, heap_xmins(p)[slot - 1]) != made_by) return false;
    *by_out = xid_status(ctx, made_by, NULL);
    return *by_out != XID_ABORTED;
}

/* A version whose maker still runs: if that has taken its key away again, what becomes of the row is known when it has ended. */
static void
look_at_unfinished(Ctx *ctx, const HeapPage *p, uint32_t slot, Look *out)
{
    Xid xmax = heap_xid(p, heap_xmaxs(p)[slot - 1]);
    bool ended = xmax != XID_NONE && xid_status(ctx, xmax, NULL) != XID_ABORTED;
    out->result = ended ? HEAP_WOULD_WAIT : HEAP_DONE;
    out->holder = xmax;
}

/* made_by: of a version that took the place of one that is locked; XID_NONE: the version that was asked for. */
static Status
look_at(Ctx *ctx, Heap *heap, Tid tid, HeapLockMode mode, Xid made_by, Look *out)
{
    PageRef page = PAGE_REF_NONE;
    const uint32_t slot = tid_slot(tid);
    XidStatus by = XID_COMMITTED;
    Status st;
    *out = (Look){.result = made_by != XID_NONE ? HEAP_DONE : HEAP_GONE};
    TRY_GOTO(page_fix(ctx, tid_page(tid), FIX_SHARED, &page));
    TRY_GOTO(heap_page_check(ctx, heap, &page));
    const HeapPage *p = heap_page(&page);
    if (heap_page_is_blank(p) || slot == 0 || slot > p->nslots) goto done;
    if (made_by != XID_NONE && is_redirected(p, page.number, slot, out)) goto done;
    if (made_by != XID_NONE && !is_of_chain(ctx, p, slot, made_by, &by)) goto done;
    if (mode == HEAP_LOCK_KEY_SHARE && is_ended_keeping_key(ctx, p, page.number, slot, out))
        out->result = HEAP_DONE;
    else if (by == XID_RUNNING)
        look_at_unfinished(ctx, p, slot, out);
    else
        out->result = heap_slot_writable(ctx, p, page.number, slot, &out->holder, &out->newer);
done:
    page_unfix(&page);
    return st;
}

/* Locks one version if that can be had at once, or, with queued, waits for other lockers to let go. Else the result is HEAP_WOULD_WAIT. */
static Status
try_version(Ctx *ctx, Heap *heap, Tid tid, HeapLockMode mode, Xid made_by, bool queued, Look *out)
{
    const LockTag tag = heap_row_tag(heap, tid);
    const LockMode lock = lock_row_mode((int)mode);
    const uint32_t mark = lock_mark(ctx);
    bool granted = true;
    *out = (Look){.result = HEAP_WOULD_WAIT};
    TRY(lock_acquire(ctx, tag, lock, queued ? LOCK_WAIT : LOCK_TRY, &granted));
    if (!granted) return QN_OK;
    Status st = look_at(ctx, heap, tid, mode, made_by, out);
    if ((st != QN_OK || out->result != HEAP_DONE) && lock_mark(ctx) != mark) lock_give_back(ctx, tag, lock);
    return st;
}

static Status
lock_version(Ctx *ctx, Heap *heap, Tid tid, HeapLockMode mode, HeapWait wait, Xid made_by, Look *out)
{
    const LockTag tag = heap_row_tag(heap, tid);
    bool queued = false, place = false;
    Status st;
    TRY_GOTO(try_version(ctx, heap, tid, mode, made_by, false, out));
    while (out->result == HEAP_WOULD_WAIT && wait == HEAP_WAIT) {
        if (!queued) TRY_GOTO(heap_queue_up(ctx, tag, lock_row_mode((int)mode), &place));
        queued = true;
        if (out->holder != XID_NONE) TRY_GOTO(tx_wait_for(ctx, out->holder));
        TRY_GOTO(try_version(ctx, heap, tid, mode, made_by, true, out));
    }
done:
    if (place) lock_give_back(ctx, heap_queue_tag(tag), lock_row_mode((int)mode));
    return st;
}

/* Locks the version and, behind it, those that have taken its place already. */
static Status
lock_row(Ctx *ctx, Heap *heap, Tid tid, HeapLockMode mode, HeapWait wait, Look *out)
{
    TRY(lock_version(ctx, heap, tid, mode, wait, XID_NONE, out));
    while (out->result == HEAP_DONE && out->newer != TID_NONE) {
        TRY(ctx_check_stop(ctx));
        TRY(lock_version(ctx, heap, out->newer, mode, wait, out->made_by, out));
    }
    return QN_OK;
}

Status
heap_lock_rows(Ctx *ctx, Heap *heap, const Tid *tids, int n, HeapLockMode mode, HeapWait wait,
               uint8_t *results, Tid *newer)
{
    tx_note_follow(ctx);
    for (int i = 0; i < n; i++) {
        Look look;
        TRY(lock_row(ctx, heap, tids[i], mode, wait, &look));
        results[i] = (uint8_t)look.result;
        newer[i] = look.newer;
    }
    return QN_OK;
}
