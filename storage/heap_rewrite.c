/* heap_rewrite.c - see heap_rewrite.h. Versions are gathered up to a batch, read by tid and put on the page at hand, which is latched
 * until it is full and logged once, as an image. Min/max of the extents are drawn up when all rows are there. */
#include "storage/heap_rewrite.h"
#include "common/array.h"
#include "storage/db.h"
#include "storage/heap_priv.h"

struct HeapRewrite {
    Arena *arena;
    Heap *from, *to;
    HeapFetch *fetch; /* of the columns that are not dropped */
    int *columns;
    Batch *full;      /* those columns where the heap has them */
    TxHorizon horizon;
    Xid xid; /* ours: pages are laid out around it */
    /* Gathered, and not yet put. */
    int n;
    Tid tids[BATCH_ROWS];
    Xid xmins[BATCH_ROWS], xmaxs[BATCH_ROWS];
    uint16_t rows[BATCH_ROWS];
    PageRef page; /* being filled: exclusive, not logged */
    HeapRows put;
    Tid *recent;
    int nrecent, recent_cap;
    HeapRewriteReport report;
};

Status
heap_rewrite_begin(Ctx *ctx, Arena *arena, Heap *from, Heap *to, HeapRewrite **out)
{
    HeapRewrite *rw;
    int ncolumns = 0;
    const int ncols = from->layout->ncols;
    TRY_ALLOC(ctx, rw, ARENA_NEW(arena, HeapRewrite));
    TRY_ALLOC(ctx, rw->columns, ARENA_ARRAY(arena, int, ncols + 1));
    TRY_ALLOC(ctx, rw->full, batch_create(arena, ncols));
    for (int c = 0; c < ncols; c++)
        if (from->phys[c] != PHYS_NONE) rw->columns[ncolumns++] = c;
    rw->arena = arena;
    rw->from = from;
    rw->to = to;
    TRY(tx_clean(ctx, false));
    TRY(tx_write_xid(ctx, &rw->xid));
    tx_horizon(ctx, &rw->horizon);
    TRY(heap_fetch_begin(ctx, arena, from, rw->columns, ncolumns, &rw->fetch));
    *out = rw;
    return QN_OK;
}

void
heap_rewrite_end(HeapRewrite *rw)
{
    if (rw == NULL) return;
    page_unfix(&rw->page);
    heap_fetch_end(rw->fetch);
    rw->fetch = NULL;
}

const HeapRewriteReport *
heap_rewrite_report(const HeapRewrite *rw)
{
    return &rw->report;
}

void
heap_rewrite_recent(const HeapRewrite *rw, const Tid **tids_out, int *n_out)
{
    *tids_out = rw->recent;
    *n_out = rw->nrecent;
}

/* ---- putting ---- */

static Status
close_page(Ctx *ctx, HeapRewrite *rw)
{
    PageRef *pages[1] = {&rw->page};
    if (rw->page.ptr == NULL) return QN_OK;
    heap_page_recount(heap_page(&rw->page));
    Status st = wal_log_images(ctx, pages, 1);
    if (st == QN_OK)
        rel_note_space(ctx, rw->to->rel, rw->page.number, heap_page_free_bytes(rw->to, heap_page(&rw->page)));
    page_unfix(&rw->page);
    return st;
}

static Status
open_page(Ctx *ctx, HeapRewrite *rw, int from)
{
    TRY(close_page(ctx, rw));
    TRY(rel_page_new(ctx, rw->to->rel, PAGE_HEAP, PAGE_NONE, &rw->page));
    heap_format_for(rw->to, &rw->page, &rw->put, from, rw->xid);
    return QN_OK;
}

/* The xids of row i, which the slot has got; and what a row that has been ended takes along. */
static Status
set_xids(Ctx *ctx, HeapRewrite *rw, int i, uint16_t slot, Tid tid)
{
    HeapPage *p = heap_page(&rw->page);
    uint32_t xmin = 0, xmax = 0;
    int id = rw->rows[i];
    if ((rw->xmins[id] != XID_NONE && !heap_xid_offset(p, rw->xmins[id], &xmin)) ||
        (rw->xmaxs[id] != XID_NONE && !heap_xid_offset(p, rw->xmaxs[id], &xmax)))
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "a snapshot holds transaction ids too old for relation \"%s\" to be rewritten",
                     rw->from->desc.name);
    heap_xmins(p)[slot - 1] = xmin;
    if (xmax == 0) {
        rw->report.live++;
        return QN_OK;
    }
    heap_slot_end(p, slot, xmax, SLOT_ENDED_DELETE, PAGE_NONE, 0);
    rw->report.recent++;
    if (!array_grow(rw->arena, (void **)&rw->recent, &rw->recent_cap, rw->nrecent, 1, sizeof(Tid))) return RAISE_OOM(ctx);
    rw->recent[rw->nrecent++] = tid;
    for (int c = 0; c < rw->put.ncols; c++)
        if (heap_row_is_out(&rw->put, c, i))
            TRY(overflow_end_as(ctx, rw->to->rel, &rw->put.overflow[c][i], rw->xmaxs[id], rw->xid));
    return QN_OK;
}

static Status
put_rows(Ctx *ctx, HeapRewrite *rw)
{
    uint16_t slots[HEAP_SLOTS_MAX];
    for (int from = 0; from < rw->put.n;) {
        int n = rw->page.ptr != NULL ? heap_page_room(rw->to, heap_page(&rw->page), &rw->put, (RowRange){NULL, from, rw->put.n - from}, false, false) : 0;
        if (n == 0) {
            TRY(open_page(ctx, rw, from));
            continue;
        }
        HeapPage *p = heap_page(&rw->page);
        heap_page_take_slots(p, n, slots);
        heap_page_put(rw->to, p, &rw->put, from, NULL, n, slots, SLOT_NORMAL, 0);
        for (int i = 0; i < n; i++)
            TRY(set_xids(ctx, rw, from + i, slots[i], tid_make(rw->page.number, slots[i])));
        from += n;
    }
    return QN_OK;
}

static Status
flush(Ctx *ctx, HeapRewrite *rw)
{
    Batch *b;
    Status st;
    if (rw->n == 0) return QN_OK;
    TRY(heap_fetch(ctx, rw->fetch, NULL, rw->tids, rw->n, &b, rw->rows, NULL));
    rw->n = 0;
    for (int i = 0; i < b->ncols; i++) rw->full->cols[rw->columns[i]] = b->cols[i];
    rw->full->nrows = rw->full->nsel = b->nrows;
    TRY_GOTO(heap_rows_begin(ctx, rw->to, rw->full, NULL, NULL, &rw->put));
    heap_learn_var(rw->to, &rw->put, 0);
    TRY_GOTO(put_rows(ctx, rw));
done:
    heap_rows_end(&rw->put);
    return st;
}

/* ---- gathering ---- */

/* A version of the latched page, unless nobody can see it. */
static void
gather(Ctx *ctx, HeapRewrite *rw, const HeapPage *p, PageNo number, uint32_t slot)
{
    Xid xmin = heap_xid(p, heap_xmins(p)[slot - 1]), xmax = heap_xid(p, heap_xmaxs(p)[slot - 1]);
    XidStatus made = xmin != XID_NONE ? xid_status(ctx, xmin, NULL) : XID_COMMITTED;
    XidStatus ended = xmax != XID_NONE ? xid_status(ctx, xmax, NULL) : XID_ABORTED;
    if (made == XID_ABORTED || (xmax != XID_NONE && xid_settled(ctx, &rw->horizon, xmax)) || ended == XID_OWN) {
        rw->report.dead++;
        return;
    }
    if (xmin != XID_NONE && xid_settled(ctx, &rw->horizon, xmin)) xmin = XID_NONE;
    rw->tids[rw->n] = tid_make(number, slot);
    rw->xmins[rw->n] = xmin;
    rw->xmaxs[rw->n++] = ended == XID_ABORTED ? XID_NONE : xmax;
}

Status
heap_rewrite_chains(Ctx *ctx, HeapRewrite *rw, const Tid *tids, int n)
{
    for (int i = 0; i < n; i++) {
        PageRef ref = PAGE_REF_NONE;
        Tid at = tids[i];
        TRY(page_fix(ctx, tid_page(at), FIX_SHARED, &ref));
        Status st = heap_page_check(ctx, rw->from, &ref);
        const HeapPage *p = heap_page(&ref);
        uint32_t slot = st == QN_OK ? heap_chain_first(p, tid_slot(at)) : 0;
        for (uint32_t steps = 0; st == QN_OK && slot != 0 && steps <= p->nslots; steps++) {
            gather(ctx, rw, p, ref.number, slot);
            slot = heap_chain_next(p, slot);
            if (rw->n < BATCH_ROWS) continue;
            page_unfix(&ref); /* nothing changes the page meanwhile: nobody else may use the table */
            st = flush(ctx, rw);
            if (st == QN_OK) st = page_fix(ctx, tid_page(at), FIX_SHARED, &ref);
            p = heap_page(&ref);
        }
        page_unfix(&ref);
        TRY(st);
    }
    return QN_OK;
}

static Status
gather_page(Ctx *ctx, HeapRewrite *rw, PageNo number)
{
    PageRef ref = PAGE_REF_NONE;
    uint32_t slot = 1, nslots = 1;
    while (slot <= nslots) {
        TRY(page_fix(ctx, number, FIX_SHARED, &ref));
        Status st = heap_page_check(ctx, rw->from, &ref);
        const HeapPage *p = heap_page(&ref);
        nslots = st == QN_OK && !heap_page_is_blank(p) ? p->nslots : 0;
        for (; slot <= nslots && rw->n < BATCH_ROWS; slot++)
            if ((heap_flags(p)[slot - 1] & SLOT_STATE) == SLOT_NORMAL) gather(ctx, rw, p, number, slot);
        page_unfix(&ref);
        TRY(st);
        if (rw->n == BATCH_ROWS) TRY(flush(ctx, rw));
    }
    return QN_OK;
}

/* Calls visit for each extent of a relation. */
static Status
each_run(Ctx *ctx, Rel *rel, Status (*visit)(Ctx *ctx, HeapRewrite *rw, const RelRun *run), HeapRewrite *rw)
{
    RelRun *run;
    uint32_t total = rel_page_count(rel);
    Status st = QN_OK;
    TRY_ALLOC(ctx, run, mem_alloc(NULL, sizeof(*run)));
    for (uint32_t at = 0; at < total; at = run->ordinal + run->npages) {
        bool found;
        TRY_GOTO(rel_run_at(ctx, rel, at, run, &found));
        if (!found) break;
        TRY_GOTO(visit(ctx, rw, run));
        ctx->work_done += run->npages;
    }
done:
    mem_free(NULL, run, sizeof(*run));
    return st;
}

static Status
gather_run(Ctx *ctx, HeapRewrite *rw, const RelRun *run)
{
    pool_prefetch(ctx, run->first, run->npages);
    for (uint32_t i = 0; i < run->npages; i++) {
        if ((run->entries[i] & (MAP_USED | MAP_OVERFLOW)) != MAP_USED) continue;
        TRY(ctx_check_stop(ctx));
        TRY(gather_page(ctx, rw, run->first + i));
    }
    return QN_OK;
}

static Status
bound_run(Ctx *ctx, HeapRewrite *rw, const RelRun *run)
{
    return heap_narrow_zones(ctx, rw->to, run);
}

Status
heap_rewrite_all(Ctx *ctx, HeapRewrite *rw)
{
    return each_run(ctx, rw->from->rel, gather_run, rw);
}

Status
heap_rewrite_finish(Ctx *ctx, HeapRewrite *rw)
{
    TRY(flush(ctx, rw));
    TRY(close_page(ctx, rw));
    TRY(each_run(ctx, rw->to->rel, bound_run, rw));
    TableStats *s = rw->to->stats;
    atomic_store(&s->live, (int64_t)rw->report.live);
    atomic_store(&s->dead, (int64_t)rw->report.recent);
    atomic_store(&s->live_known, 1);
    atomic_store(&s->inserted_since, 0);
    return QN_OK;
}
