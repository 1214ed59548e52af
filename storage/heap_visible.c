/* heap_visible.c - who sees which tuple version. Works on a latched page; latches and waits for
 * nothing.
 *
 * Most pages were written by one transaction long ago and nothing on them has ended:
 * heap_visible_slots settles those with one comparison a page. Elsewhere the last xid's answer is
 * remembered, because neighbours were mostly written by the same transaction. */
#include "storage/heap_priv.h"
#include "storage/ssi.h"

typedef struct XidMemo {
    uint32_t offset; /* 0: nothing remembered */
    bool visible;
} XidMemo;

static inline bool
offset_visible(const HeapPage *p, const Snapshot *snap, uint32_t offset, XidMemo *memo)
{
    if (offset == memo->offset) return memo->visible;
    memo->offset = offset;
    memo->visible = xid_visible(snap, heap_xid(p, offset));
    return memo->visible;
}

int
heap_visible_slots(const HeapPage *p, const Snapshot *snap, uint16_t *slots, bool *all_out)
{
    int n = 0;
    *all_out = false;
    if (heap_page_is_blank(p)) return 0;
    if (p->nspecial == 0 && ((p->page.flags & PAGE_FLAG_ALL_VISIBLE) != 0 ||
                             (p->nended == 0 && (heap_xid(p, p->xmin_max) < snap->settled ||
                                                 (p->xmin_min == p->xmin_max &&
                                                  xid_visible(snap, heap_xid(p, p->xmin_max))))))) {
        *all_out = true;
        return p->nslots;
    }
    const uint32_t *xmins = heap_xmins(p), *xmaxs = heap_xmaxs(p);
    const uint16_t *flags = heap_flags(p);
    XidMemo min = {0}, max = {0};
    for (int i = 0; i < p->nslots; i++) {
        if ((flags[i] & SLOT_STATE) != SLOT_NORMAL) continue;
        if (xmins[i] != 0 && !offset_visible(p, snap, xmins[i], &min)) continue;
        if (xmaxs[i] != 0 && offset_visible(p, snap, xmaxs[i], &max)) continue;
        slots[n++] = (uint16_t)(i + 1);
    }
    return n;
}

bool
heap_slot_visible(const HeapPage *p, const Snapshot *snap, uint32_t slot)
{
    uint32_t i = slot - 1, xmin, xmax;
    if ((heap_flags(p)[i] & SLOT_STATE) != SLOT_NORMAL) return false;
    xmin = heap_xmins(p)[i];
    xmax = heap_xmaxs(p)[i];
    return (xmin == 0 || xid_visible(snap, heap_xid(p, xmin))) &&
           (xmax == 0 || !xid_visible(snap, heap_xid(p, xmax)));
}

/* The version found must have been made by whoever ended this one: the slot of an update that was rolled back may have been used
 * again. Where versions between have gone (SLOT_SKIPS), the one that ended this one has committed. */
uint32_t
heap_chain_next(const HeapPage *p, uint32_t slot)
{
    uint32_t i = slot - 1, next = heap_next_slots(p)[i];
    uint16_t flags = heap_flags(p)[i];
    if ((flags & SLOT_HOT_NEXT) == 0 || next == 0 || next > p->nslots) return 0;
    if ((heap_flags(p)[next - 1] & (SLOT_STATE | SLOT_HEAP_ONLY)) != (SLOT_NORMAL | SLOT_HEAP_ONLY))
        return 0;
    return (flags & SLOT_SKIPS) != 0 || heap_xmins(p)[next - 1] == heap_xmaxs(p)[i] ? next : 0;
}

/* First tuple of the chain an index entry names, 0 if there is none. */
uint32_t
heap_chain_first(const HeapPage *p, uint32_t slot)
{
    if (heap_page_is_blank(p) || slot == 0 || slot > p->nslots) return 0;
    uint16_t flags = heap_flags(p)[slot - 1];
    if ((flags & SLOT_STATE) == SLOT_NORMAL) return slot;
    if ((flags & SLOT_STATE) != SLOT_REDIRECT) return 0;
    slot = heap_next_slots(p)[slot - 1];
    if (slot == 0 || slot > p->nslots) return 0;
    return (heap_flags(p)[slot - 1] & SLOT_STATE) == SLOT_NORMAL ? slot : 0;
}

void
heap_chain_roots(const HeapPage *p, uint16_t *roots)
{
    for (uint32_t s = 1; s <= p->nslots; s++) roots[s] = (uint16_t)s;
    for (uint32_t root = 1; root <= p->nslots; root++) {
        if ((heap_flags(p)[root - 1] & SLOT_HEAP_ONLY) != 0) continue;
        uint32_t at = heap_chain_first(p, root);
        for (uint32_t steps = 0; at != 0 && steps <= p->nslots; steps++, at = heap_chain_next(p, at))
            roots[at] = (uint16_t)root;
    }
}

uint16_t
heap_chain_visible(const HeapPage *p, const Snapshot *snap, uint32_t slot)
{
    slot = heap_chain_first(p, slot);
    if (snap == NULL) return (uint16_t)slot;
    for (int steps = 0; slot != 0 && steps <= p->nslots; steps++, slot = heap_chain_next(p, slot))
        if (heap_slot_visible(p, snap, slot)) return (uint16_t)slot;
    return 0;
}

/* ---- what a serializable transaction has looked at ---- */

/* The xid the snapshot's answer about the version hangs on: of who made it, or ended it, unseen. */
static Xid
unseen_xid(const HeapPage *p, const Snapshot *snap, uint32_t slot)
{
    uint32_t i = slot - 1;
    if ((heap_flags(p)[i] & SLOT_STATE) != SLOT_NORMAL) return XID_NONE;
    Xid xmin = heap_xid(p, heap_xmins(p)[i]), xmax = heap_xid(p, heap_xmaxs(p)[i]);
    if (xmin != XID_NONE && !xid_visible(snap, xmin)) return xmin;
    return xmax != XID_NONE && !xid_visible(snap, xmax) ? xmax : XID_NONE;
}

Status
heap_note_page_read(Ctx *ctx, const HeapPage *p, const Snapshot *snap)
{
    Xid last = XID_NONE;
    if (heap_page_is_blank(p) || (p->page.flags & PAGE_FLAG_ALL_VISIBLE) != 0) return QN_OK;
    for (uint32_t slot = 1; slot <= p->nslots; slot++) {
        Xid xid = unseen_xid(p, snap, slot);
        if (xid == XID_NONE || xid == last) continue;
        TRY(ssi_note_unseen(ctx, snap, xid));
        last = xid;
    }
    return QN_OK;
}

Status
heap_note_chain_read(Ctx *ctx, const Heap *heap, const HeapPage *p, PageNo page, const Snapshot *snap, uint32_t slot)
{
    slot = heap_chain_first(p, slot);
    for (int steps = 0; slot != 0 && steps <= p->nslots; steps++, slot = heap_chain_next(p, slot)) {
        Xid xid = unseen_xid(p, snap, slot);
        bool visible = heap_slot_visible(p, snap, slot);
        if (visible) TRY(ssi_note_read(ctx, snap, heap->desc.relid, page, slot));
        if (xid != XID_NONE) TRY(ssi_note_unseen(ctx, snap, xid));
        if (visible) break;
    }
    return QN_OK;
}

/* Dead to everyone: rolled back, or ended by a transaction that all see. */
static bool
slot_is_dead(Ctx *ctx, const HeapPage *p, const TxHorizon *h, uint32_t slot)
{
    uint32_t xmin = heap_xmins(p)[slot - 1], xmax = heap_xmaxs(p)[slot - 1];
    if (xmax != 0 && xid_settled(ctx, h, heap_xid(p, xmax))) return true;
    return xmin != 0 && xid_status(ctx, heap_xid(p, xmin), NULL) == XID_ABORTED;
}

/* May a hint rest on what the horizon calls settled? Not while a commit below it could still be
 * lost in a crash: hints reach the disk without a record that comes after the commit's. */
static bool
is_durable(Ctx *ctx, const TxHorizon *h)
{
    return h->csn <= wal_flushed_lsn(ctx);
}

bool
heap_chain_is_dead(Ctx *ctx, const HeapPage *p, const TxHorizon *h, uint32_t slot)
{
    slot = heap_chain_first(p, slot);
    for (int steps = 0; slot != 0 && steps <= p->nslots; steps++, slot = heap_chain_next(p, slot))
        if (!slot_is_dead(ctx, p, h, slot)) return false;
    return is_durable(ctx, h);
}

HeapResult
heap_slot_writable(Ctx *ctx, const HeapPage *p, PageNo number, uint32_t slot, Xid *wait_out,
                   Tid *newer_out)
{
    const Xid cmd_xid = ctx->snapshot != NULL ? ctx->snapshot->cmd_xid : 0;
    if (heap_page_is_blank(p) || slot == 0 || slot > p->nslots) return HEAP_GONE;
    uint32_t i = slot - 1;
    uint16_t flags = heap_flags(p)[i];
    if ((flags & SLOT_STATE) == SLOT_REDIRECT) { /* no snapshot stands between it and the version that stayed */
        *newer_out = tid_make(number, heap_next_slots(p)[i]);
        return HEAP_MOVED;
    }
    if ((flags & SLOT_STATE) != SLOT_NORMAL) return HEAP_GONE;
    Xid xmin = heap_xid(p, heap_xmins(p)[i]), xmax = heap_xid(p, heap_xmaxs(p)[i]);
    if (xmin != XID_NONE) {
        XidStatus made = xid_status(ctx, xmin, NULL);
        if (made == XID_OWN && xmin >= cmd_xid) return HEAP_SELF;
        if (made == XID_ABORTED || made == XID_RUNNING) return HEAP_GONE;
    }
    if (xmax == XID_NONE) return HEAP_DONE;
    switch (xid_status(ctx, xmax, NULL)) {
    case XID_ABORTED:
        return HEAP_DONE;
    case XID_RUNNING:
        *wait_out = xmax;
        return HEAP_WOULD_WAIT;
    case XID_OWN:
        if (xmax >= cmd_xid) return HEAP_SELF;
        break;
    case XID_COMMITTED:
        break;
    }
    if ((flags & (SLOT_ENDED_DELETE | SLOT_ENDED_KEY)) == (SLOT_ENDED_DELETE | SLOT_ENDED_KEY)) return HEAP_LEFT;
    if ((flags & SLOT_ENDED_DELETE) != 0 || heap_next_slots(p)[i] == 0) return HEAP_GONE;
    PageNo page = heap_next_pages(p)[i];
    *newer_out = tid_make(page != 0 ? page : number, heap_next_slots(p)[i]);
    return HEAP_MOVED;
}

/* What one version means to a unique check. */
static HeapLiveness
liveness(Ctx *ctx, const HeapPage *p, const TxHorizon *h, uint32_t slot, bool key_only, Xid *wait_out,
         bool *surely_dead)
{
    Xid xmin = heap_xid(p, heap_xmins(p)[slot - 1]), xmax = heap_xid(p, heap_xmaxs(p)[slot - 1]);
    *surely_dead = false;
    if (xmin != XID_NONE) {
        switch (xid_status(ctx, xmin, NULL)) {
        case XID_ABORTED:
            *surely_dead = true;
            return HEAP_DEAD;
        case XID_RUNNING:
            *wait_out = xmin;
            return HEAP_UNDECIDED;
        default:
            break;
        }
    }
    if (xmax == XID_NONE) return HEAP_LIVE;
    switch (xid_status(ctx, xmax, NULL)) {
    case XID_ABORTED:
        return HEAP_LIVE;
    case XID_RUNNING:
        if (key_only && (heap_flags(p)[slot - 1] & (SLOT_ENDED_DELETE | SLOT_ENDED_KEY)) == 0) return HEAP_LIVE;
        *wait_out = xmax;
        return HEAP_UNDECIDED;
    case XID_OWN:
        return HEAP_DEAD;
    default:
        break;
    }
    *surely_dead = xid_settled(ctx, h, xmax);
    return HEAP_DEAD;
}

Status
heap_chain_state(Ctx *ctx, Heap *heap, Tid tid, bool key_only, HeapLiveness *state_out, Tid *tid_out,
                 uint64_t *wait_xid_out, bool *surely_dead_out)
{
    PageRef ref = PAGE_REF_NONE;
    TxHorizon h;
    Status st;
    tx_note_follow(ctx); /* the live version is the caller's to lock */
    tx_horizon(ctx, &h);
    TRY_GOTO(page_fix(ctx, tid_page(tid), FIX_SHARED, &ref));
    TRY_GOTO(heap_page_check(ctx, heap, &ref));
    const HeapPage *p = heap_page(&ref);
    uint32_t slot = heap_chain_first(p, tid_slot(tid));
    *state_out = HEAP_DEAD;
    *surely_dead_out = is_durable(ctx, &h);
    for (int steps = 0; slot != 0 && steps <= p->nslots; steps++, slot = heap_chain_next(p, slot)) {
        bool surely;
        *state_out = liveness(ctx, p, &h, slot, key_only, wait_xid_out, &surely);
        *tid_out = tid_make(ref.number, slot);
        *surely_dead_out &= surely;
        if (*state_out != HEAP_DEAD) break;
    }
done:
    page_unfix(&ref);
    return st;
}

Status
heap_row_is_unseen(Ctx *ctx, Heap *heap, Tid tid, bool *unseen_out)
{
    PageRef ref = PAGE_REF_NONE;
    const uint32_t slot = tid_slot(tid);
    Status st;
    *unseen_out = false;
    TRY_GOTO(page_fix(ctx, tid_page(tid), FIX_SHARED, &ref));
    TRY_GOTO(heap_page_check(ctx, heap, &ref));
    const HeapPage *p = heap_page(&ref);
    if (heap_page_is_blank(p) || slot == 0 || slot > p->nslots) goto done;
    Xid xmin = heap_xid(p, heap_xmins(p)[slot - 1]);
    *unseen_out = xmin != XID_NONE && xid_unseen_state(ctx->snapshot, xmin) != 0;
done:
    page_unfix(&ref);
    return st;
}
