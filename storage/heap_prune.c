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
    uint16_t ndead;
    uint16_t nunused;
    uint16_t ncleared; /* ended by a transaction that rolled back: live again */
} PrunePlan;

typedef struct Prune {
    PrunePlan n;
    uint16_t redirect[2 * HEAP_SLOTS_MAX];
    uint16_t dead[HEAP_SLOTS_MAX];
    uint16_t unused[HEAP_SLOTS_MAX];
    uint16_t cleared[HEAP_SLOTS_MAX];
} Prune;

/* Verdicts on one slot. */
enum { V_LIVE, V_ABORTED, V_ENDED, V_VISITED = 4 };

static void
judge_slots(Ctx *ctx, const HeapPage *p, const TxHorizon *h, uint8_t *verdict, Prune *out)
{
    const uint32_t *xmins = heap_xmins(p), *xmaxs = heap_xmaxs(p);
    const uint16_t *flags = heap_flags(p);
    for (int i = 0; i < p->nslots; i++) {
        verdict[i] = V_LIVE;
        if ((flags[i] & SLOT_STATE) != SLOT_NORMAL) continue;
        if (xmins[i] != 0 && xid_status(ctx, heap_xid(p, xmins[i]), NULL) == XID_ABORTED) {
            verdict[i] = V_ABORTED;
        } else if (xmaxs[i] != 0) {
            Xid xmax = heap_xid(p, xmaxs[i]);
            if (xid_settled(ctx, h, xmax))
                verdict[i] = V_ENDED;
            else if (xid_status(ctx, xmax, NULL) == XID_ABORTED)
                out->cleared[out->n.ncleared++] = (uint16_t)(i + 1);
        }
    }
}

/* The chain's next version, whatever its verdict. */
static uint32_t
next_in_chain(const HeapPage *p, uint32_t slot)
{
    uint32_t next = heap_next_slots(p)[slot - 1];
    if ((heap_flags(p)[slot - 1] & SLOT_HOT_NEXT) == 0 || next == 0 || next > p->nslots) return 0;
    if ((heap_flags(p)[next - 1] & (SLOT_STATE | SLOT_HEAP_ONLY)) != (SLOT_NORMAL | SLOT_HEAP_ONLY))
        return 0;
    return heap_xmins(p)[next - 1] == heap_xmaxs(p)[slot - 1] ? next : 0;
}

/* Plans for the chain whose root is slot root. */
static void
plan_chain(const HeapPage *p, uint32_t root, bool has_indexes, uint8_t *verdict, Prune *out)
{
    bool redirect = (heap_flags(p)[root - 1] & SLOT_STATE) == SLOT_REDIRECT;
    uint32_t first = redirect ? heap_next_slots(p)[root - 1] : root, live = 0, at = first;
    bool past_dead = true, any_dead = false;
    for (int steps = 0; at != 0 && steps <= p->nslots; steps++) {
        uint32_t next = next_in_chain(p, at);
        uint8_t v = verdict[at - 1];
        verdict[at - 1] |= V_VISITED;
        /* The head of the chain is dead up to the first live version; what was rolled back lies
         * behind it. */
        if (v == V_LIVE && live == 0) live = at, past_dead = false;
        if (v != V_LIVE) {
            any_dead |= past_dead;
            if (at != root) out->unused[out->n.nunused++] = (uint16_t)at;
        }
        at = next;
    }
    if (live == 0) {
        if (has_indexes)
            out->dead[out->n.ndead++] = (uint16_t)root;
        else
            out->unused[out->n.nunused++] = (uint16_t)root;
    } else if (any_dead && live != root) {
        out->redirect[2 * out->n.nredirect] = (uint16_t)root;
        out->redirect[2 * out->n.nredirect + 1] = (uint16_t)live;
        out->n.nredirect++;
    }
}

static void
make_plan(Ctx *ctx, const HeapPage *p, bool has_indexes, Prune *out)
{
    uint8_t verdict[HEAP_SLOTS_MAX];
    const uint16_t *flags = heap_flags(p);
    TxHorizon h;
    memset(&out->n, 0, sizeof(out->n));
    tx_horizon(ctx, &h);
    judge_slots(ctx, p, &h, verdict, out);
    for (uint32_t s = 1; s <= p->nslots; s++) {
        uint16_t state = flags[s - 1] & SLOT_STATE;
        bool root = state == SLOT_REDIRECT ||
                    (state == SLOT_NORMAL && (flags[s - 1] & SLOT_HEAP_ONLY) == 0);
        if (root) plan_chain(p, s, has_indexes, verdict, out);
    }
    for (uint32_t s = 1; s <= p->nslots; s++) {
        bool orphan =
            (flags[s - 1] & (SLOT_STATE | SLOT_HEAP_ONLY)) == (SLOT_NORMAL | SLOT_HEAP_ONLY);
        if (orphan && (verdict[s - 1] & V_VISITED) == 0 && verdict[s - 1] != V_LIVE)
            out->unused[out->n.nunused++] = (uint16_t)s;
    }
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

/* What the head of the page says, from what is on it. */
static void
recount(HeapPage *p)
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

/* Carries a plan out; also in redo. Slots have been checked against nslots. */
static void
apply_plan(HeapPage *p, uint32_t page_bytes, const Prune *plan)
{
    uint16_t *flags = heap_flags(p), *next_slots = heap_next_slots(p);
    uint32_t *xmins = heap_xmins(p), *xmaxs = heap_xmaxs(p), *next_pages = heap_next_pages(p);
    for (int i = 0; i < plan->n.ncleared; i++) {
        int s = plan->cleared[i] - 1;
        xmaxs[s] = 0;
        next_slots[s] = 0;
        next_pages[s] = 0;
        flags[s] &= (uint16_t) ~(SLOT_HOT_NEXT | SLOT_ENDED_DELETE | SLOT_ENDED_KEY);
    }
    for (int i = 0; i < plan->n.nunused; i++) {
        int s = plan->unused[i] - 1;
        flags[s] = SLOT_UNUSED;
        xmins[s] = xmaxs[s] = next_pages[s] = next_slots[s] = 0;
    }
    for (int i = 0; i < plan->n.ndead; i++) {
        int s = plan->dead[i] - 1;
        flags[s] = SLOT_DEAD;
        xmins[s] = xmaxs[s] = next_pages[s] = next_slots[s] = 0;
    }
    for (int i = 0; i < plan->n.nredirect; i++) {
        int s = plan->redirect[2 * i] - 1;
        flags[s] = SLOT_REDIRECT;
        xmins[s] = xmaxs[s] = next_pages[s] = 0;
        next_slots[s] = plan->redirect[2 * i + 1];
    }
    compact(p, page_bytes);
    recount(p);
    p->page.gap_begin = (uint16_t)p->fixed_end;
    p->page.gap_bytes = (uint16_t)(p->var_begin - p->fixed_end);
}

static uint8_t *
pack_list(uint8_t *out, const uint16_t *list, int n)
{
    memcpy(out, list, 2 * (size_t)n);
    return out + 2 * (size_t)n;
}

static Status
prune_and_log(Ctx *ctx, Heap *heap, PageRef *ref, const Prune *plan)
{
    HeapPage *p = heap_page(ref);
    PageRef *pages[1] = {ref};
    const PrunePlan *n = &plan->n;
    size_t bound = sizeof(HeapRecord) + sizeof(*n) +
                   2 * (2 * (size_t)n->nredirect + n->ndead + n->nunused + n->ncleared);
    WalLog log;
    TRY(wal_begin(ctx, pages, 1, bound, &log));
    NOFAIL_BEGIN(ctx);
    HeapRecord rec = {.layout = p->layout, .nrows = (uint16_t)(n->ndead + n->nunused)};
    uint8_t *out = log.payload;
    memcpy(out, &rec, sizeof(rec));
    memcpy(out + sizeof(rec), n, sizeof(*n));
    out += sizeof(rec) + sizeof(*n);
    out = pack_list(out, plan->redirect, 2 * n->nredirect);
    out = pack_list(out, plan->dead, n->ndead);
    out = pack_list(out, plan->unused, n->nunused);
    out = pack_list(out, plan->cleared, n->ncleared);
    apply_plan(p, heap->page_bytes, plan);
    wal_finish(&log, WAL_HEAP_PRUNE, (size_t)(out - log.payload));
    NOFAIL_END(ctx);
    rel_note_space(ctx, heap->rel, ref->number, heap_page_free_bytes(heap, p));
    return QN_OK;
}

bool
heap_page_prunable(Ctx *ctx, const HeapPage *p)
{
    TxHorizon h;
    if (heap_page_is_blank(p) || p->xmax_min == 0) return false;
    tx_horizon(ctx, &h);
    Xid xmax = heap_xid(p, p->xmax_min);
    return xid_settled(ctx, &h, xmax) || xid_status(ctx, xmax, NULL) == XID_ABORTED;
}

Status
heap_prune_page(Ctx *ctx, Heap *heap, PageRef *ref, uint32_t *removed_out)
{
    Prune *plan;
    Status st = QN_OK;
    *removed_out = 0;
    if (heap_page_is_blank(heap_page(ref)) || !page_is_alone(ref)) return QN_OK;
    Arena *arena;
    TRY_ALLOC(ctx, arena, arena_create(NULL, "heap prune"));
    TRY_ALLOC_GOTO(ctx, plan, arena_alloc(arena, sizeof(*plan)));
    make_plan(ctx, heap_page(ref), heap->has_indexes, plan);
    *removed_out = plan->n.ndead + plan->n.nunused + plan->n.nredirect;
    if (*removed_out + plan->n.ncleared > 0) TRY_GOTO(prune_and_log(ctx, heap, ref, plan));
done:
    arena_destroy(arena);
    return st;
}

/* ---- the all-visible mark ---- */

static Status
mark_visible(Ctx *ctx, Heap *heap, PageRef *ref, bool visible)
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
    return mark_visible(ctx, heap, ref, false);
}

/* Is every tuple here seen by all, and no index entry left that leads to none? */
static bool
all_can_see(Ctx *ctx, const HeapPage *p)
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

/* Prunes one page if it can be had alone. */
static Status
vacuum_page(Ctx *ctx, Heap *heap, PageNo number, uint64_t *removed)
{
    PageRef ref = PAGE_REF_NONE;
    uint32_t n;
    Status st;
    TRY_GOTO(page_fix(ctx, number, FIX_EXCLUSIVE, &ref));
    if (page_header(&ref)->type != PAGE_HEAP) goto done;
    TRY_GOTO(heap_page_check(ctx, heap, &ref));
    TRY_GOTO(heap_prune_page(ctx, heap, &ref, &n));
    *removed += n;
    if ((page_header(&ref)->flags & PAGE_FLAG_ALL_VISIBLE) == 0 &&
        all_can_see(ctx, heap_page(&ref)))
        TRY_GOTO(mark_visible(ctx, heap, &ref, true));
done:
    page_unfix(&ref);
    return st;
}

Status
heap_prune_all(Ctx *ctx, Heap *heap, uint64_t *removed_out)
{
    RelRun *run;
    Arena *arena;
    bool found = true;
    uint32_t total = rel_page_count(heap->rel);
    Status st = QN_OK;
    *removed_out = 0;
    TRY_ALLOC(ctx, arena, arena_create(NULL, "heap prune"));
    TRY_ALLOC_GOTO(ctx, run, ARENA_NEW(arena, RelRun));
    for (uint32_t at = 0; at < total; at += run->npages) {
        TRY_GOTO(rel_run_at(ctx, heap->rel, at, run, &found));
        if (!found) break;
        pool_prefetch(ctx, run->first, run->npages);
        for (uint32_t i = 0; i < run->npages; i++) {
            if ((run->entries[i] & (MAP_USED | MAP_UNLINKED | MAP_OVERFLOW)) != MAP_USED) continue;
            TRY_GOTO(ctx_check_stop(ctx));
            TRY_GOTO(vacuum_page(ctx, heap, run->first + i, removed_out));
        }
    }
done:
    arena_destroy(arena);
    return st;
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
unpack_list(const uint8_t **in, const uint8_t *end, uint16_t *list, int n, int nslots)
{
    if ((size_t)(end - *in) < 2 * (size_t)n || n > 2 * HEAP_SLOTS_MAX) return false;
    memcpy(list, *in, 2 * (size_t)n);
    *in += 2 * (size_t)n;
    for (int i = 0; i < n; i++)
        if (list[i] < 1 || list[i] > nslots) return false;
    return true;
}

Status
heap_redo_prune(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    const uint8_t *in = rec->payload + sizeof(HeapRecord), *end = rec->payload + rec->payload_bytes;
    Prune *plan;
    Arena *arena;
    Status st = QN_OK;
    if (!pages[0].apply) return QN_OK;
    if (rec->payload_bytes < sizeof(HeapRecord) + sizeof(PrunePlan))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    TRY_ALLOC(ctx, arena, arena_create(NULL, "heap redo"));
    TRY_ALLOC_GOTO(ctx, plan, arena_alloc(arena, sizeof(*plan)));
    HeapPage *p = heap_page(&pages[0].ref);
    memcpy(&plan->n, in, sizeof(plan->n));
    in += sizeof(plan->n);
    if (plan->n.nredirect > HEAP_SLOTS_MAX || plan->n.ndead > HEAP_SLOTS_MAX ||
        plan->n.nunused > HEAP_SLOTS_MAX || plan->n.ncleared > HEAP_SLOTS_MAX ||
        !unpack_list(&in, end, plan->redirect, 2 * plan->n.nredirect, p->nslots) ||
        !unpack_list(&in, end, plan->dead, plan->n.ndead, p->nslots) ||
        !unpack_list(&in, end, plan->unused, plan->n.nunused, p->nslots) ||
        !unpack_list(&in, end, plan->cleared, plan->n.ncleared, p->nslots)) {
        st = RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the heap page it names");
        goto done;
    }
    apply_plan(p, db_page_bytes(ctx), plan);
done:
    arena_destroy(arena);
    return st;
}
