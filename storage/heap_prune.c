/* heap_prune.c - taking dead versions off a page, and marking pages whose tuples all can see.
 *
 * A version is dead when it was rolled back, or when the transaction that ended it is seen by
 * everyone. Of a HOT chain the dead head goes: its first slot, to which indexes point, becomes a
 * REDIRECT to the first version that lives, or DEAD if none does. Pruning moves bytes of variable
 * width together, so the page must be alone: latched exclusively, and fixed by nobody else. */
#include "storage/heap_priv.h"

#include "storage/db.h"

/* What is to be done to a page; also the record's payload: this head, then the lists in this order.
 */
typedef struct PrunePlan {
    uint16_t nredirect; /* pairs: from, to */
    uint16_t nrelinked; /* pairs: a version, the one that follows it now */
    uint16_t ndead;
    uint16_t nunused;
    uint16_t ncleared; /* ended by a transaction that rolled back: live again */
    uint16_t compact;  /* bytes of tuples that go are to be closed up: the page is alone */
    uint32_t reserved;
    Xid freeze_below; /* all see the xids below: they become 0; 0: none */
    Xid xid_base;     /* the page's from then on */
} PrunePlan;
static_assert(sizeof(PrunePlan) == 32, "PrunePlan");

typedef struct Prune {
    PrunePlan n;
    uint16_t redirect[2 * HEAP_SLOTS_MAX];
    uint16_t relinked[2 * HEAP_SLOTS_MAX];
    uint16_t dead[HEAP_SLOTS_MAX];
    uint16_t unused[HEAP_SLOTS_MAX];
    uint16_t cleared[HEAP_SLOTS_MAX];
    /* While it is made: */
    uint32_t nversions; /* that go */
    int nsettled; /* versions that need no VACUUM any more; a slot left DEAD does */
    uint8_t verdict[HEAP_SLOTS_MAX];
    uint16_t chain[HEAP_SLOTS_MAX];
} Prune;

/* Verdicts on one slot. V_BETWEEN: no snapshot is old enough to see it or young enough not to see what ended it. */
enum { V_LIVE, V_ABORTED, V_ENDED, V_BETWEEN, V_VERDICT = 3, V_VISITED = 4 };

/* Looks at the snapshots there are once a page, and only where some version might lie between two. */
typedef struct Judge {
    TxHorizon horizon;
    TxViews views;
    bool has_views;
} Judge;

static uint8_t
judge_end(Ctx *ctx, Judge *j, const HeapPage *p, uint32_t xmin, uint32_t xmax, bool *aborted_out)
{
    Lsn from = 0, to;
    Xid xid = heap_xid(p, xmax);
    *aborted_out = false;
    if (xid_settled(ctx, &j->horizon, xid)) return V_ENDED;
    XidStatus ended = xid_status(ctx, xid, &to);
    *aborted_out = ended == XID_ABORTED;
    if (ended != XID_COMMITTED) return V_LIVE;
    if (xmin != 0 && xid_status(ctx, heap_xid(p, xmin), &from) != XID_COMMITTED) return V_LIVE;
    if (!j->has_views) tx_views(ctx, &j->views);
    j->has_views = true;
    return tx_views_miss(&j->views, from, to) ? V_BETWEEN : V_LIVE;
}

static void
judge_slots(Ctx *ctx, const HeapPage *p, Judge *j, Prune *out)
{
    const uint32_t *xmins = heap_xmins(p), *xmaxs = heap_xmaxs(p);
    const uint16_t *flags = heap_flags(p);
    for (int i = 0; i < p->nslots; i++) {
        out->verdict[i] = V_LIVE;
        if ((flags[i] & SLOT_STATE) != SLOT_NORMAL) continue;
        if (xmins[i] != 0 && xid_status(ctx, heap_xid(p, xmins[i]), NULL) == XID_ABORTED) {
            out->verdict[i] = V_ABORTED;
        } else if (xmaxs[i] != 0) {
            bool aborted;
            out->verdict[i] = judge_end(ctx, j, p, xmins[i], xmaxs[i], &aborted);
            if (aborted) out->cleared[out->n.ncleared++] = (uint16_t)(i + 1);
        }
    }
}

/* The chain from slot `first` on, whatever the verdicts; returns its length. */
static int
collect_chain(const HeapPage *p, uint32_t first, Prune *out)
{
    int n = 0;
    for (uint32_t at = first; at != 0 && n < p->nslots; at = heap_chain_next(p, at)) {
        out->chain[n++] = (uint16_t)at;
        out->verdict[at - 1] |= V_VISITED;
    }
    return n;
}

static void
add_pair(uint16_t *pairs, uint16_t *n, uint32_t from, uint32_t to)
{
    pairs[2 * *n] = (uint16_t)from;
    pairs[2 * *n + 1] = (uint16_t)to;
    (*n)++;
}

/* Plans for the chain whose root is slot root. What stays of it keeps its order; a version before a gap is linked to the one behind. */
static void
plan_chain(const HeapPage *p, uint32_t root, bool has_indexes, Prune *out)
{
    bool redirect = (heap_flags(p)[root - 1] & SLOT_STATE) == SLOT_REDIRECT;
    int n = collect_chain(p, redirect ? heap_next_slots(p)[root - 1] : root, out), last = n - 1;
    uint32_t kept = 0, first = 0;
    bool gap = false;
    /* What lies between two snapshots goes only if the way on from it stays on the page: older versions elsewhere lead here. */
    while (last >= 0 && (out->verdict[out->chain[last] - 1] & V_VERDICT) == V_ABORTED) last--;
    for (int i = 0; i < n; i++) {
        uint32_t at = out->chain[i];
        uint8_t v = out->verdict[at - 1] & V_VERDICT;
        if (v == V_LIVE || (v == V_BETWEEN && i == last)) {
            if (first == 0) first = at;
            if (gap && kept != 0) add_pair(out->relinked, &out->n.nrelinked, kept, at);
            kept = at;
            gap = false;
            continue;
        }
        gap |= v != V_ABORTED;
        out->nsettled++;
        out->nversions++;
        if (at != root) out->unused[out->n.nunused++] = (uint16_t)at;
    }
    out->nsettled -= first == 0 && has_indexes;
    if (first == 0 && has_indexes)
        out->dead[out->n.ndead++] = (uint16_t)root;
    else if (first == 0)
        out->unused[out->n.nunused++] = (uint16_t)root;
    else if (first != root && (!redirect || heap_next_slots(p)[root - 1] != first))
        add_pair(out->redirect, &out->n.nredirect, root, first);
}

/* Xids that need not be told apart any more go, if one of them is older than max_age; all of them are below limit and, as the plan
 * takes away what was rolled back and what ended, committed xmins of tuples that stay. */
static void
plan_freeze(const HeapPage *p, Xid limit, Xid next, uint64_t max_age, Prune *out)
{
    const Xid half = (Xid)1 << 31;
    Xid oldest = XID_NONE;
    for (int i = 0; i < p->nslots; i++) {
        if ((heap_flags(p)[i] & SLOT_STATE) != SLOT_NORMAL || (out->verdict[i] & V_VERDICT) != V_LIVE) continue;
        Xid xid = heap_xid(p, heap_xmins(p)[i]);
        if (xid != XID_NONE && xid < limit && (oldest == XID_NONE || xid < oldest)) oldest = xid;
    }
    bool far = next > p->xid_base + half + half / 2; /* soon no new xid fits the page */
    if (!far && (oldest == XID_NONE || next - oldest < max_age)) return;
    out->n.freeze_below = limit;
    out->n.xid_base = next > half ? next - half : 0;
    if (out->n.xid_base >= limit) out->n.xid_base = limit - 1;
}

static void
make_plan(Ctx *ctx, const HeapPage *p, bool has_indexes, uint64_t freeze_age, Prune *out)
{
    const uint16_t *flags = heap_flags(p);
    Judge j = {0};
    memset(&out->n, 0, sizeof(out->n));
    out->nsettled = 0;
    out->nversions = 0;
    Xid next = tx_horizon(ctx, &j.horizon);
    judge_slots(ctx, p, &j, out);
    for (uint32_t s = 1; s <= p->nslots; s++) {
        uint16_t state = flags[s - 1] & SLOT_STATE;
        bool root = state == SLOT_REDIRECT ||
                    (state == SLOT_NORMAL && (flags[s - 1] & SLOT_HEAP_ONLY) == 0);
        if (root) plan_chain(p, s, has_indexes, out);
    }
    for (uint32_t s = 1; s <= p->nslots; s++) {
        bool orphan =
            (flags[s - 1] & (SLOT_STATE | SLOT_HEAP_ONLY)) == (SLOT_NORMAL | SLOT_HEAP_ONLY);
        uint8_t v = out->verdict[s - 1];
        if (!orphan || (v != V_ABORTED && v != V_ENDED)) continue;
        out->unused[out->n.nunused++] = (uint16_t)s;
        out->nsettled++;
        out->nversions++;
    }
    out->n.compact = 1;
    if (freeze_age != UINT64_MAX) plan_freeze(p, j.horizon.xid, next, freeze_age, out);
}

/* Whether all that tuples refer to lies behind the arrays and fits there together: what is not so was never written by us, and
 * whoever reads such a value says that the page is damaged. */
static bool
refs_fit(const HeapPage *p, uint32_t end)
{
    uint32_t room = end - p->fixed_end;
    for (int c = 0; c < p->ncols; c++) {
        if (p->cols[c].phys != PHYS_STR) continue;
        const VarRef *refs = heap_values(p, c);
        for (int i = 0; i < p->nslots; i++) {
            uint32_t nbytes = refs[i].nbytes == VAR_OVERFLOW ? sizeof(OverflowRef) : refs[i].nbytes;
            if ((heap_flags(p)[i] & SLOT_STATE) != SLOT_NORMAL || nbytes == 0) continue;
            if (refs[i].offset < p->fixed_end || refs[i].offset + nbytes > end || nbytes > room) return false;
            room -= nbytes;
        }
    }
    return true;
}

/* Moves what tuples refer to together at the end of the page. */
static void
compact(HeapPage *p, uint32_t page_bytes)
{
    uint8_t bytes[PAGE_BYTES_MAX];
    const uint16_t *flags = heap_flags(p);
    uint32_t end = page_bytes - HEAP_PAD, at = end;
    for (int c = 0; c < p->ncols; c++) {
        if (p->cols[c].phys != PHYS_STR) continue;
        VarRef *refs = heap_values(p, c);
        for (int i = 0; i < p->nslots; i++) {
            uint32_t nbytes = refs[i].nbytes == VAR_OVERFLOW ? sizeof(OverflowRef) : refs[i].nbytes;
            if ((flags[i] & SLOT_STATE) != SLOT_NORMAL) {
                refs[i] = (VarRef){0, 0};
                continue;
            }
            if (nbytes == 0) continue;
            at -= nbytes;
            memcpy(bytes + at, (const uint8_t *)p + refs[i].offset, nbytes);
            refs[i].offset = (uint16_t)at;
        }
    }
    memcpy((uint8_t *)p + at, bytes + at, end - at);
    p->var_begin = at;
    p->var_dead = 0;
}

void
heap_page_recount(HeapPage *p)
{
    const uint16_t *flags = heap_flags(p);
    const uint32_t *xmins = heap_xmins(p), *xmaxs = heap_xmaxs(p);
    while (p->nslots > 0 && (flags[p->nslots - 1] & SLOT_STATE) == SLOT_UNUSED) p->nslots--;
    p->nfree = p->nspecial = p->nended = 0;
    p->xmin_min = p->xmin_max = p->xmax_min = 0;
    bool any = false;
    for (int i = 0; i < p->nslots; i++) {
        uint16_t state = flags[i] & SLOT_STATE;
        p->nspecial += state != SLOT_NORMAL;
        p->nfree += state == SLOT_UNUSED;
        if (state != SLOT_NORMAL) continue;
        p->nended += xmaxs[i] != 0;
        if (xmaxs[i] != 0 && (p->xmax_min == 0 || xmaxs[i] < p->xmax_min)) p->xmax_min = xmaxs[i];
        if (!any || xmins[i] < p->xmin_min) p->xmin_min = xmins[i];
        if (xmins[i] > p->xmin_max) p->xmin_max = xmins[i];
        any = true;
    }
    if (!any)
        for (int c = 0; c < p->ncols; c++) p->cols[c].flags = 0;
}

static void
freeze(HeapPage *p, Xid below, Xid base)
{
    uint32_t *xmins = heap_xmins(p), *xmaxs = heap_xmaxs(p);
    for (int i = 0; i < p->nslots; i++) {
        if ((heap_flags(p)[i] & SLOT_STATE) != SLOT_NORMAL) continue;
        Xid xmin = heap_xid(p, xmins[i]), xmax = heap_xid(p, xmaxs[i]);
        xmins[i] = xmin < below ? 0 : (uint32_t)(xmin - base);
        xmaxs[i] = xmax == XID_NONE ? 0 : (uint32_t)(xmax - base);
    }
    p->xid_base = base;
}

static void
empty_slot(HeapPage *p, int s, uint16_t state)
{
    heap_flags(p)[s] = state;
    heap_xmins(p)[s] = heap_xmaxs(p)[s] = heap_next_pages(p)[s] = heap_next_slots(p)[s] = 0;
}

/* Carries a plan out; also in redo. Slots have been checked against nslots. */
static void
apply_plan(HeapPage *p, uint32_t page_bytes, const Prune *plan)
{
    uint16_t *flags = heap_flags(p), *next_slots = heap_next_slots(p);
    for (int i = 0; i < plan->n.ncleared; i++) {
        int s = plan->cleared[i] - 1;
        heap_xmaxs(p)[s] = 0;
        next_slots[s] = 0;
        heap_next_pages(p)[s] = 0;
        flags[s] &= (uint16_t) ~(SLOT_HOT_NEXT | SLOT_SKIPS | SLOT_ENDED_DELETE | SLOT_ENDED_KEY);
    }
    for (int i = 0; i < plan->n.nunused; i++) empty_slot(p, plan->unused[i] - 1, SLOT_UNUSED);
    for (int i = 0; i < plan->n.ndead; i++) empty_slot(p, plan->dead[i] - 1, SLOT_DEAD);
    for (int i = 0; i < plan->n.nredirect; i++) {
        int s = plan->redirect[2 * i] - 1;
        empty_slot(p, s, SLOT_REDIRECT);
        next_slots[s] = plan->redirect[2 * i + 1];
    }
    for (int i = 0; i < plan->n.nrelinked; i++) {
        int s = plan->relinked[2 * i] - 1;
        next_slots[s] = plan->relinked[2 * i + 1];
        flags[s] |= SLOT_SKIPS;
    }
    if (plan->n.freeze_below != XID_NONE) freeze(p, plan->n.freeze_below, plan->n.xid_base);
    if (plan->n.compact && refs_fit(p, page_bytes - HEAP_PAD)) compact(p, page_bytes);
    heap_page_recount(p);
    p->page.gap_begin = (uint16_t)p->fixed_end;
    p->page.gap_bytes = (uint16_t)(p->var_begin - p->fixed_end);
}

/* The lists of a plan in the order of the record. */
#define PRUNE_LISTS(plan)                                                                          \
    {                                                                                              \
        {(plan)->redirect, 2 * (plan)->n.nredirect}, {(plan)->relinked, 2 * (plan)->n.nrelinked},  \
            {(plan)->dead, (plan)->n.ndead}, {(plan)->unused, (plan)->n.nunused},                  \
        {                                                                                          \
            (plan)->cleared, (plan)->n.ncleared                                                    \
        }                                                                                          \
    }
enum { NLISTS = 5 };
typedef struct SlotList {
    uint16_t *slots;
    int n;
} SlotList;

static Status
prune_and_log(Ctx *ctx, Heap *heap, PageRef *ref, Prune *plan)
{
    HeapPage *p = heap_page(ref);
    PageRef *pages[1] = {ref};
    SlotList lists[NLISTS] = PRUNE_LISTS(plan);
    size_t bound = sizeof(HeapRecord) + sizeof(plan->n);
    WalLog log;
    for (int i = 0; i < NLISTS; i++) bound += 2 * (size_t)lists[i].n;
    TRY(wal_begin(ctx, pages, 1, bound, &log));
    NOFAIL_BEGIN(ctx);
    HeapRecord rec = {.layout = p->layout, .nrows = (uint16_t)(plan->n.ndead + plan->n.nunused)};
    uint8_t *out = log.payload;
    memcpy(out, &rec, sizeof(rec));
    memcpy(out + sizeof(rec), &plan->n, sizeof(plan->n));
    out += sizeof(rec) + sizeof(plan->n);
    for (int i = 0; i < NLISTS; i++) {
        memcpy(out, lists[i].slots, 2 * (size_t)lists[i].n);
        out += 2 * (size_t)lists[i].n;
    }
    apply_plan(p, heap->page_bytes, plan);
    wal_finish(&log, WAL_HEAP_PRUNE, (size_t)(out - log.payload));
    NOFAIL_END(ctx);
    rel_note_space(ctx, heap->rel, ref->number, heap_page_free_bytes(heap, p));
    return QN_OK;
}

/* A page is gone through as a whole, whatever it gives: that pays for a part of its tuples, not for one. Updates of single rows took three times as
 * long where each pruned after the one before; where the page is full meanwhile, new versions go elsewhere and leave it room. */
static bool
has_many_ended(const HeapPage *p)
{
    return p->nended * 16u >= p->nslots;
}

bool
heap_page_prunable(Ctx *ctx, const HeapPage *p)
{
    TxHorizon h;
    if (heap_page_is_blank(p) || p->xmax_min == 0 || !has_many_ended(p)) return false;
    tx_horizon(ctx, &h);
    Xid xmax = heap_xid(p, p->xmax_min);
    if (xid_settled(ctx, &h, xmax) || xid_status(ctx, xmax, NULL) == XID_ABORTED) return true;
    /* A snapshot holds the horizon: what was ended since may lie between it and the others. Looking at every slot to find out pays
     * only where many have ended. */
    return p->nended >= 8 && p->nended > p->nslots / 4;
}

Status
heap_prune_page_as(Ctx *ctx, Heap *heap, PageRef *ref, bool has_indexes, uint64_t freeze_age, HeapPruned *out)
{
    Prune *plan;
    Status st = QN_OK;
    *out = (HeapPruned){0};
    if (heap_page_is_blank(heap_page(ref)) || !page_is_alone(ref)) return QN_OK;
    TRY_ALLOC(ctx, plan, mem_alloc(NULL, sizeof(*plan)));
    make_plan(ctx, heap_page(ref), has_indexes, freeze_age, plan);
    const PrunePlan n = plan->n;
    if (n.ndead + n.nunused + n.nredirect + n.ncleared > 0 || n.freeze_below != XID_NONE)
        st = prune_and_log(ctx, heap, ref, plan);
    if (st == QN_OK) *out = (HeapPruned){.versions = plan->nversions, .settled = plan->nsettled};
    mem_free(NULL, plan, sizeof(*plan));
    if (out->settled != 0) stats_settle_dead(heap->stats, out->settled);
    return st;
}

Status
heap_prune_page(Ctx *ctx, Heap *heap, PageRef *ref)
{
    HeapPruned pruned;
    return heap_prune_page_as(ctx, heap, ref, heap->has_indexes, UINT64_MAX, &pruned);
}

/* Less than a tenth of slots or bytes left, or no more than the reserve for new versions. */
static bool
is_short_of_room(const Heap *heap, const HeapPage *p)
{
    uint32_t per_cent = heap->reserve > 10 ? (uint32_t)heap->reserve : 10, slots = (uint32_t)(p->capacity - p->nslots + p->nfree);
    if (slots * 100 <= p->capacity * per_cent) return true;
    return heap->nvar > 0 && (p->var_begin - p->fixed_end) * 100 <= (heap->page_bytes - p->fixed_end) * per_cent;
}

/* Would that make room on a page that is short of it? At a glance: what ended first is seen by all, or was rolled back. */
static bool
wants_pruning(Ctx *ctx, const Heap *heap, const HeapPage *p)
{
    TxHorizon h;
    Lsn csn;
    if (heap_page_is_blank(p) || p->xmax_min == 0 || !has_many_ended(p) || !is_short_of_room(heap, p)) return false;
    switch (xid_status(ctx, heap_xid(p, p->xmax_min), &csn)) {
    case XID_ABORTED:
        return true;
    case XID_COMMITTED:
        tx_horizon(ctx, &h);
        return csn <= h.csn;
    default:
        return false;
    }
}

bool
heap_prune_in_passing(Ctx *ctx, Heap *heap, PageRef *ref)
{
    if (!db_has_written(ctx) || !wants_pruning(ctx, heap, heap_page(ref))) return false;
    page_unlatch(ref);
    if (page_try_exclusive(ref)) {
        Status st = heap_page_check(ctx, heap, ref);
        if (st == QN_OK) st = heap_prune_page(ctx, heap, ref);
        if (st != QN_OK) err_clear(&ctx->err); /* who only reads needs no room in log or memory */
        page_unlatch(ref);
    }
    page_latch(ref, FIX_SHARED);
    return true;
}

Status
heap_make_xid_fit(Ctx *ctx, Heap *heap, PageRef *ref, Xid xid, bool *fits_out)
{
    HeapPruned pruned;
    uint32_t offset;
    *fits_out = heap_xid_offset(heap_page(ref), xid, &offset);
    if (__builtin_expect(*fits_out, 1)) return QN_OK;
    TRY(heap_prune_page_as(ctx, heap, ref, heap->has_indexes, 0, &pruned));
    *fits_out = heap_xid_offset(heap_page(ref), xid, &offset);
    return QN_OK;
}

Status
heap_free_dead(Ctx *ctx, Heap *heap, PageRef *ref, const uint16_t *slots, int n)
{
    Prune *plan;
    TRY_ALLOC(ctx, plan, mem_alloc(NULL, sizeof(*plan)));
    memset(&plan->n, 0, sizeof(plan->n));
    for (int i = 0; i < n; i++)
        if (slots[i] <= heap_page(ref)->nslots &&
            (heap_flags(heap_page(ref))[slots[i] - 1] & SLOT_STATE) == SLOT_DEAD)
            plan->unused[plan->n.nunused++] = slots[i];
    Status st = plan->n.nunused > 0 ? prune_and_log(ctx, heap, ref, plan) : QN_OK;
    mem_free(NULL, plan, sizeof(*plan));
    return st;
}

/* ---- the all-visible mark ---- */

Status
heap_mark_visible(Ctx *ctx, Heap *heap, PageRef *ref, bool visible)
{
    PageRef map = PAGE_REF_NONE;
    PageRef *pages[2] = {ref, &map};
    HeapPage *p = heap_page(ref);
    MapSlot slot;
    WalLog log;
    Status st;
    TRY_GOTO(rel_map_slot(ctx, heap->rel, ref->number, &slot));
    TRY_GOTO(page_fix(ctx, slot.map, FIX_EXCLUSIVE, &map));
    TRY_GOTO(wal_begin(ctx, pages, 2, sizeof(HeapRecord), &log));
    NOFAIL_BEGIN(ctx);
    HeapRecord rec = {.layout = p->layout,
                      .flags = (uint8_t)(HREC_MAP | (visible ? HREC_SET_VISIBLE : 0)),
                      .map_at = 1,
                      .map_index = slot.index,
                      .map_extent = slot.extent};
    memcpy(log.payload, &rec, sizeof(rec));
    p->page.flags =
        (uint8_t)((p->page.flags & ~PAGE_FLAG_ALL_VISIBLE) | (visible ? PAGE_FLAG_ALL_VISIBLE : 0));
    map_set_visible(map.ptr, slot.index, visible);
    wal_finish(&log, WAL_HEAP_VISIBLE, sizeof(rec));
    NOFAIL_END(ctx);
done:
    page_unfix(&map);
    return st;
}

Status
heap_clear_visible(Ctx *ctx, Heap *heap, PageRef *ref)
{
    if ((page_header(ref)->flags & PAGE_FLAG_ALL_VISIBLE) == 0) return QN_OK;
    return heap_mark_visible(ctx, heap, ref, false);
}

/* Is every tuple here seen by all, and no index entry left that leads to none? */
bool
heap_page_all_can_see(Ctx *ctx, const HeapPage *p)
{
    TxHorizon h;
    if (heap_page_is_blank(p) || p->nended != 0) return false;
    tx_horizon(ctx, &h);
    uint32_t last = 0;
    for (int i = 0; i < p->nslots; i++) {
        uint16_t state = heap_flags(p)[i] & SLOT_STATE;
        uint32_t xmin = heap_xmins(p)[i];
        if (state == SLOT_DEAD) return false;
        if (state != SLOT_NORMAL || xmin == last || xmin == 0) continue;
        if (!xid_settled(ctx, &h, heap_xid(p, xmin))) return false;
        last = xmin;
    }
    return true;
}

/* ---- redo ---- */

Status
heap_redo_visible(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    HeapRecord head;
    if (rec->payload_bytes < sizeof(head) || rec->npages < 2)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    memcpy(&head, rec->payload, sizeof(head));
    bool visible = (head.flags & HREC_SET_VISIBLE) != 0;
    PageHeader *h = page_header(&pages[0].ref);
    if (pages[0].apply)
        h->flags =
            (uint8_t)((h->flags & ~PAGE_FLAG_ALL_VISIBLE) | (visible ? PAGE_FLAG_ALL_VISIBLE : 0));
    if (pages[1].apply) map_set_visible(pages[1].ref.ptr, head.map_index, visible);
    return QN_OK;
}

static bool
unpack_list(const uint8_t **in, const uint8_t *end, SlotList list, int nslots)
{
    const size_t nbytes = 2 * (size_t)list.n;
    if ((size_t)(end - *in) < nbytes || list.n > 2 * HEAP_SLOTS_MAX) return false;
    memcpy(list.slots, *in, nbytes);
    *in += nbytes;
    for (int i = 0; i < list.n; i++)
        if (list.slots[i] < 1 || list.slots[i] > nslots) return false;
    return true;
}

static bool
counts_fit(const PrunePlan *n)
{
    return n->nredirect <= HEAP_SLOTS_MAX && n->nrelinked <= HEAP_SLOTS_MAX && n->ndead <= HEAP_SLOTS_MAX &&
           n->nunused <= HEAP_SLOTS_MAX && n->ncleared <= HEAP_SLOTS_MAX;
}

Status
heap_redo_prune(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    const uint8_t *in = rec->payload + sizeof(HeapRecord), *end = rec->payload + rec->payload_bytes;
    Prune *plan;
    if (!pages[0].apply) return QN_OK;
    if (rec->payload_bytes < sizeof(HeapRecord) + sizeof(PrunePlan))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    TRY_ALLOC(ctx, plan, mem_alloc(NULL, sizeof(*plan)));
    HeapPage *p = heap_page(&pages[0].ref);
    memcpy(&plan->n, in, sizeof(plan->n));
    in += sizeof(plan->n);
    SlotList lists[NLISTS] = PRUNE_LISTS(plan);
    bool ok = counts_fit(&plan->n);
    for (int i = 0; ok && i < NLISTS; i++) ok = unpack_list(&in, end, lists[i], p->nslots);
    if (ok) apply_plan(p, db_page_bytes(ctx), plan);
    mem_free(NULL, plan, sizeof(*plan));
    return ok ? QN_OK
              : RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the heap page it names");
}
