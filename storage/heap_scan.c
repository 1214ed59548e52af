/* heap_scan.c - tables read in page order, or row by row through tids.
 *
 * A scan latches one page at a time, shared: it finds the visible slots that pass its filters,
 * copies the fixed-width columns asked for behind what the batch holds already, and makes views on strings. Pages whose
 * strings are pointed to stay fixed (not latched) until the next call. Filling a batch from several
 * pages costs a copy of 4 to 16 bytes a value and saves the executor above its cost a batch. */
#include "common/array.h"
#include "storage/heap_priv.h"
#include "storage/ssi.h"

enum {
    SCAN_PINS_MAX = 64, /* pages of strings a batch may hold fixed; more end the batch */
    /* A batch that few rows pass into is handed up after this many times the rows it may hold: who
     * needs one row only must not wait for a full one. */
    SCAN_LOOK_AHEAD = 16,
    STOP_CHECK_PAGES = 64,
};

/* Fixed while npos < nslots. */
typedef struct ScanPage {
    PageRef ref;
    int npos, nslots;      /* slots[npos .. nslots) are still to be read */
    const uint16_t *slots; /* found, or where all count, the numbers from 1 */
    bool nan;
    uint16_t *found; /* room for HEAP_SLOTS_MAX */
} ScanPage;

struct HeapScan {
    Heap *heap;
    Arena *arena;   /* the caller's */
    Arena *strings; /* overflow values and numerics of the batch at hand; NULL until needed */
    HeapScanSpec spec;
    const Snapshot *snap;
    Batch *batch;
    uint32_t next, end; /* page ordinals */
    RelRun run;         /* the extent next is in; npages 0: none yet */
    bool run_skipped;   /* its bounds exclude every row */
    HeapFilterRun filter;
    int64_t removed; /* by filters, not yet told */
    int64_t met;     /* visible rows handed up or removed, not yet counted */
    int64_t looked;  /* rows looked at for the batch at hand */
    ScanPage *page;  /* the one at hand */
    ScanPage *ahead; /* with filters: the one after it, filtered already */
    PageRef pins[SCAN_PINS_MAX];
    int npins;
    int nnumbers;      /* of numbers, as many as are set */
    uint16_t *numbers; /* 1, 2, ...; NULL until needed */
    ScanPage pages[2];
};

static Status
make_batch(Ctx *ctx, Arena *arena, const Heap *heap, const int *columns, int ncolumns, int nrows,
           Batch **out)
{
    TRY_ALLOC(ctx, *out, batch_create(arena, ncolumns));
    return heap_make_vectors(ctx, arena, heap, columns, ncolumns, nrows, (*out)->cols);
}

Status
heap_scan_begin(Ctx *ctx, Arena *arena, Heap *heap, const Snapshot *snap, const HeapScanSpec *spec,
                HeapScan **scan_out)
{
    HeapScan *scan;
    TRY_ALLOC(ctx, scan, ARENA_NEW(arena, HeapScan));
    scan->heap = heap;
    scan->arena = arena;
    scan->spec = *spec;
    scan->page = &scan->pages[0];
    scan->ahead = &scan->pages[1];
    for (int i = 0; i < 2; i++)
        TRY_ALLOC(ctx, scan->pages[i].found, arena_alloc(arena, HEAP_SLOTS_MAX * sizeof(uint16_t)));
    scan->filter = (HeapFilterRun){
        .heap = heap, .filters = spec->filters, .nfilters = spec->nfilters, .arena = arena};
    TRY(make_batch(ctx, arena, heap, spec->columns, spec->ncolumns, BATCH_ROWS, &scan->batch));
    TRY(heap_scan_rescan(ctx, scan, snap, spec->first_page, spec->end_page));
    *scan_out = scan;
    return QN_OK;
}

static void
let_go(HeapScan *scan)
{
    for (int i = 0; i < 2; i++) {
        page_unfix(&scan->pages[i].ref);
        scan->pages[i].npos = scan->pages[i].nslots = 0;
    }
    while (scan->npins > 0) page_unfix(&scan->pins[--scan->npins]);
}

Status
heap_scan_rescan(Ctx *ctx, HeapScan *scan, const Snapshot *snap, uint32_t first_page,
                 uint32_t end_page)
{
    let_go(scan);
    scan->snap = snap;
    scan->next = first_page;
    scan->end = end_page;
    if (first_page == 0 && end_page == 0) scan->end = rel_page_count(scan->heap->rel);
    scan->run.npages = 0;
    if (scan->spec.is_counted) stats_add(&scan->heap->stats->seq_scans, 1);
    return ssi_note_read(ctx, snap, scan->heap->desc.relid, SSI_PAGE_ALL, SSI_SLOT_NONE);
}

void
heap_scan_end(HeapScan *scan)
{
    if (scan == NULL) return;
    let_go(scan);
    arena_destroy(scan->strings);
    scan->strings = NULL;
}

/* Do the extent's bounds rule out every row of it? */
static bool
run_is_excluded(const HeapScan *scan)
{
    const RelRun *run = &scan->run;
    for (int i = 0; i < scan->spec.nranges; i++) {
        const HeapRange *r = &scan->spec.ranges[i];
        int64_t lo, hi;
        if (r->column >= scan->heap->nzones || r->column >= run->nzones) continue;
        const LayoutColumn *c = &scan->heap->layout->cols[r->column];
        if ((run->zone_valid >> r->column & 1) == 0 || !heap_column_has_zone(c)) continue;
        const ZoneRange *z = &run->zones[r->column];
        if (r->has_lo && heap_zone_of_value(c, &r->lo, &lo) && z->max < lo) return true;
        if (r->has_hi && heap_zone_of_value(c, &r->hi, &hi) && z->min > hi) return true;
        if ((r->has_lo || r->has_hi) && z->min > z->max) return true; /* nothing but NULLs */
    }
    return false;
}

/* Moves on to the extent of ordinal scan->next; *found_out false at the end of the table. */
static Status
next_run(Ctx *ctx, HeapScan *scan, bool *found_out)
{
    RelRun *run = &scan->run;
    *found_out = true;
    if (run->npages != 0 && scan->next - run->ordinal < run->npages) return QN_OK;
    TRY(rel_run_at(ctx, scan->heap->rel, scan->next, run, found_out));
    if (!*found_out) return QN_OK;
    scan->run_skipped = run_is_excluded(scan);
    if (!scan->run_skipped) {
        uint32_t at = scan->next - run->ordinal, n = run->npages - at;
        if (scan->end - scan->next < n) n = scan->end - scan->next;
        pool_prefetch(ctx, run->first + at, n);
    }
    return QN_OK;
}

/* Slots 1..n, all of them. */
static Status
number_slots(Ctx *ctx, HeapScan *scan, int n)
{
    if (scan->numbers == NULL)
        TRY_ALLOC(ctx, scan->numbers, ARENA_ARRAY(scan->arena, uint16_t, HEAP_SLOTS_MAX));
    for (; scan->nnumbers < n; scan->nnumbers++)
        scan->numbers[scan->nnumbers] = (uint16_t)(scan->nnumbers + 1);
    return QN_OK;
}

/* Which slots of a page, latched, are to be read. */
static Status
find_slots(Ctx *ctx, HeapScan *scan, ScanPage *page)
{
    const HeapPage *p = heap_page(&page->ref);
    bool all;
    int n = heap_visible_slots(p, scan->snap, page->found, &all);
    if (scan->filter.nfilters > 0 && n > 0) {
        uint32_t at = scan->next - scan->run.ordinal;
        int visible = n;
        if (at < scan->run.npages)
            heap_filter_prefetch(&scan->filter, p, page_address(ctx, scan->run.first + at));
        TRY(heap_filter_slots(ctx, &scan->filter, &page->ref, page->found, &n, &all));
        scan->removed += visible - n;
        scan->met += visible - n;
        scan->looked += visible;
    }
    page->slots = page->found;
    if (all) {
        TRY(number_slots(ctx, scan, n));
        page->slots = scan->numbers;
    }
    page->npos = 0;
    page->nslots = n;
    page->nan = n > 0 && heap_page_has_nan(p, scan->spec.columns, scan->spec.ncolumns);
    return QN_OK;
}

/* Takes the next data page, latched shared if it has rows for us; *found_out false at the end. */
static Status
take_page(Ctx *ctx, HeapScan *scan, ScanPage *page, bool *found_out)
{
    while (scan->next < scan->end) {
        if (scan->next % STOP_CHECK_PAGES == 0) TRY(ctx_check_stop(ctx));
        TRY(next_run(ctx, scan, found_out));
        if (!*found_out) return QN_OK;
        if (scan->run_skipped) {
            scan->next = scan->run.ordinal + scan->run.npages;
            continue;
        }
        uint32_t at = scan->next - scan->run.ordinal;
        uint8_t entry = scan->run.entries[at];
        scan->next++;
        ctx->work_done++;
        if ((entry & (MAP_USED | MAP_UNLINKED | MAP_OVERFLOW)) != MAP_USED) continue;
        TRY(page_fix(ctx, scan->run.first + at, FIX_SHARED, &page->ref));
        if (page_header(&page->ref)->type == PAGE_OVERFLOW || page_header(&page->ref)->lsn < scan->heap->desc.since_lsn) {
            /* became one after the run was copied, or is another table's of a damaged file */
            page_unfix(&page->ref);
            continue;
        }
        Status st = heap_page_check(ctx, scan->heap, &page->ref);
        if (st == QN_OK && heap_page(&page->ref)->nended != 0 && heap_prune_in_passing(ctx, scan->heap, &page->ref))
            st = heap_page_check(ctx, scan->heap, &page->ref);
        if (st == QN_OK && snapshot_is_tracked(scan->snap))
            st = heap_note_page_read(ctx, heap_page(&page->ref), scan->snap);
        if (st == QN_OK) st = find_slots(ctx, scan, page);
        if (st != QN_OK || page->nslots == 0) page_unfix(&page->ref);
        return st;
    }
    *found_out = false;
    return QN_OK;
}

/* Filters the page after the one at hand and asks for the values that will be read of it, so that they are on
 * their way while the one at hand is read. Two latches are never held at once. */
static Status
look_ahead(Ctx *ctx, HeapScan *scan, bool *found_out)
{
    ScanPage *page = scan->ahead;
    TRY(take_page(ctx, scan, page, found_out));
    if (page->nslots == 0) return QN_OK;
    heap_prefetch_rows(heap_page(&page->ref), scan->spec.columns, scan->spec.ncolumns, page->slots,
                       page->nslots);
    page_unlatch(&page->ref);
    return QN_OK;
}

/* Moves on to the next page that has rows for us, latched; scan->page->nslots is 0 at the end. */
static Status
next_page(Ctx *ctx, HeapScan *scan)
{
    bool found = true;
    scan->page->npos = scan->page->nslots = 0;
    while (found && scan->page->nslots == 0) {
        if (scan->filter.nfilters == 0) {
            TRY(take_page(ctx, scan, scan->page, &found));
            continue;
        }
        ScanPage *done = scan->page;
        scan->page = scan->ahead;
        scan->ahead = done;
        TRY(look_ahead(ctx, scan, &found));
        if (scan->page->nslots > 0) page_latch(&scan->page->ref, FIX_SHARED);
    }
    return QN_OK;
}

/* Copies n rows of the page at hand behind the batch's rows. The page is latched. */
static Status
take_rows(Ctx *ctx, HeapScan *scan, int n, bool *pinned_out)
{
    Batch *b = scan->batch;
    HeapStrings strings = {.arena = scan->strings};
    const uint16_t *slots = scan->page->slots + scan->page->npos;
    bool dense = slots[n - 1] - slots[0] == n - 1;
    for (int i = 0; i < scan->spec.ncolumns; i++)
        TRY(heap_read_column(ctx, scan->heap, &scan->page->ref, scan->spec.columns[i], slots, n, dense,
                             b->cols[i], b->nrows, &strings));
    b->nrows += n;
    scan->page->npos += n;
    *pinned_out = strings.pinned;
    return QN_OK;
}

/* Done with the page at hand for now: keeps it fixed if rows are left, or strings point into it. */
static void
leave_page(HeapScan *scan, bool pinned)
{
    bool more = scan->page->npos < scan->page->nslots;
    if (!more && !pinned) {
        page_unfix(&scan->page->ref);
        return;
    }
    page_unlatch(&scan->page->ref);
    if (!more) {
        scan->pins[scan->npins++] = scan->page->ref;
        scan->page->ref = PAGE_REF_NONE;
    }
}

static Status
fill_batch(Ctx *ctx, HeapScan *scan, int max_rows)
{
    Batch *b = scan->batch;
    scan->looked = 0;
    while (b->nrows < max_rows && scan->npins < SCAN_PINS_MAX) {
        bool pinned = false;
        if (b->nrows > 0 && scan->looked >= (int64_t)SCAN_LOOK_AHEAD * max_rows) break;
        ScanPage *page = scan->page;
        if (page->npos < page->nslots && page->ref.mode == FIX_PIN) {
            page_latch(&page->ref, FIX_SHARED);
        } else {
            TRY(next_page(ctx, scan));
            page = scan->page;
        }
        if (page->nslots == 0) break;
        /* A page with NaN makes a batch of its own, its numerics in variable form. */
        if (page->nan && b->nrows > 0) {
            page_unlatch(&page->ref);
            break;
        }
        if (b->nrows == 0)
            heap_reset_vectors(scan->heap, scan->spec.columns, scan->spec.ncolumns, b->cols,
                               page->nan);
        int n = page->nslots - page->npos;
        if (n > max_rows - b->nrows) n = max_rows - b->nrows;
        TRY(take_rows(ctx, scan, n, &pinned));
        leave_page(scan, pinned);
        if (page->nan) break;
    }
    return QN_OK;
}

Status
heap_scan_next(Ctx *ctx, HeapScan *scan, int max_rows, Batch **out)
{
    Batch *b = scan->batch;
    *out = NULL;
    while (scan->npins > 0) page_unfix(&scan->pins[--scan->npins]);
    TRY(ctx_check_stop(ctx));
    if (scan->strings == NULL)
        TRY_ALLOC(ctx, scan->strings, arena_create(scan->arena, "heap scan strings"));
    else
        arena_reset(scan->strings);
    if (max_rows > BATCH_ROWS) max_rows = BATCH_ROWS;
    scan->filter.strings = scan->strings;
    b->nrows = 0;
    Status st = fill_batch(ctx, scan, max_rows);
    if (scan->spec.is_counted) stats_add(&scan->heap->stats->seq_rows, scan->met + b->nrows);
    scan->met = 0;
    if (st != QN_OK) {
        let_go(scan);
        return st;
    }
    if (b->nrows == 0) return QN_OK;
    b->nsel = b->nrows;
    b->sel = NULL;
    *out = b;
    return QN_OK;
}

int64_t
heap_scan_removed(HeapScan *scan)
{
    int64_t n = scan->removed;
    scan->removed = 0;
    return n;
}

/* ---- rows by tid ---- */

/* values 0: not on the page. Of columns of variable width also where the first slot's bytes are, and how far it is from one slot's to the
 * next's on average; 0: not known. */
typedef struct ColumnPlace {
    uint16_t values, width;
    float var_first, var_step;
} ColumnPlace;

struct HeapFetch {
    Heap *heap;
    Arena *arena; /* the caller's */
    const int *columns;
    int ncolumns;
    Batch *batch;
    int room; /* rows */
    Arena *strings;
    /* Where things lay on a page read before: most of a table are laid out alike. capacity 0: none yet. */
    uint32_t layout;
    uint16_t capacity, arrays;
    ColumnPlace *places; /* by position in columns */
};

Status
heap_fetch_begin(Ctx *ctx, Arena *arena, Heap *heap, const int *columns, int ncolumns,
                 HeapFetch **fetch_out)
{
    HeapFetch *f;
    TRY_ALLOC(ctx, f, ARENA_NEW(arena, HeapFetch));
    f->heap = heap;
    f->arena = arena;
    f->columns = columns;
    f->ncolumns = ncolumns;
    TRY(make_batch(ctx, arena, heap, columns, ncolumns, 1, &f->batch));
    TRY_ALLOC(ctx, f->strings, arena_create(arena, "heap fetch strings"));
    TRY_ALLOC(ctx, f->places, ARENA_ARRAY(arena, ColumnPlace, ncolumns + 1));
    *fetch_out = f;
    return QN_OK;
}

void
heap_fetch_end(HeapFetch *fetch)
{
    if (fetch == NULL) return;
    arena_destroy(fetch->strings);
    fetch->strings = NULL;
}

static ColumnPlace
column_place(const HeapPage *p, int col)
{
    if (col < 0 || col >= p->ncols) return (ColumnPlace){0};
    ColumnPlace at = {.values = p->cols[col].values, .width = (uint16_t)heap_phys_bytes(p->cols[col].phys)};
    if (p->cols[col].phys != PHYS_STR || p->nslots < 2) return at;
    const VarRef *refs = heap_values(p, col), first = refs[0], last = refs[p->nslots - 1];
    if (first.offset == 0 || last.offset == 0) return at;
    at.var_first = first.offset;
    at.var_step = ((float)last.offset - (float)first.offset) / (float)(p->nslots - 1);
    return at;
}

static void
note_layout(HeapFetch *f, const HeapPage *p)
{
    if (p->capacity == f->capacity && p->arrays == f->arrays && p->layout == f->layout) return;
    f->layout = p->layout;
    f->capacity = p->capacity;
    f->arrays = p->arrays;
    for (int i = 0; i < f->ncolumns; i++) f->places[i] = column_place(p, f->columns[i]);
}

/* Asks for the lines of a tuple all at once, before its page has been looked at: they are where they would be on the page noted. Each would
 * be waited for in turn otherwise. A wrong guess costs nothing but the asking. */
static void
prefetch_tuple(const Ctx *ctx, const HeapFetch *f, Tid tid)
{
    const char *page = page_expect(ctx, tid_page(tid));
    const size_t slot = tid_slot(tid) - 1u, arrays = f->arrays;
    for (size_t at = 64; at < sizeof(HeapPage) + (size_t)f->heap->layout->ncols * sizeof(HeapColumn); at += 64)
        __builtin_prefetch(page + at);
    if (f->capacity == 0) return;
    __builtin_prefetch(page + arrays + 4 * slot);                    /* xmin */
    __builtin_prefetch(page + arrays + 4 * (f->capacity + slot));    /* xmax */
    __builtin_prefetch(page + arrays + 14 * f->capacity + 2 * slot); /* flags */
    for (int i = 0; i < f->ncolumns; i++) {
        const ColumnPlace *at = &f->places[i];
        if (at->values == 0) continue;
        __builtin_prefetch(page + at->values + at->width * slot);
        float var = at->var_first + at->var_step * (float)slot;
        if (!(var > 32 && var < PAGE_BYTES_MAX)) continue;
        __builtin_prefetch(page + (size_t)var - 32);
        __builtin_prefetch(page + (size_t)var + 32);
    }
}

/* The visible ones of n tids on one page: their rows go behind the batch's. */
static Status
fetch_page(Ctx *ctx, HeapFetch *f, const Snapshot *snap, const Tid *tids, int n, int first,
           uint16_t *rows_out, uint64_t *dead, bool *nan)
{
    PageRef ref = PAGE_REF_NONE;
    Batch *b = f->batch;
    HeapStrings strings = {.arena = f->strings, .copy = true};
    uint16_t slots[BATCH_ROWS];
    int nslots = 0;
    Status st;
    prefetch_tuple(ctx, f, tids[0]);
    TRY_GOTO(page_fix(ctx, tid_page(tids[0]), FIX_SHARED, &ref));
    TRY_GOTO(page_check(ctx, &ref, f->heap->desc.root_page, PAGE_HEAP));
    const HeapPage *p = heap_page(&ref);
    if (p->nended != 0 && snap != NULL && heap_prune_in_passing(ctx, f->heap, &ref))
        TRY_GOTO(page_check(ctx, &ref, f->heap->desc.root_page, PAGE_HEAP));
    note_layout(f, p);
    for (int i = 0; i < n; i++) {
        uint16_t slot = heap_chain_visible(p, snap, tid_slot(tids[i]));
        if (snapshot_is_tracked(snap))
            TRY_GOTO(heap_note_chain_read(ctx, f->heap, p, ref.number, snap, tid_slot(tids[i])));
        if (slot != 0) {
            slots[nslots] = slot;
            rows_out[b->nrows + nslots++] = (uint16_t)(first + i);
        } else if (dead != NULL) {
            TxHorizon h;
            tx_horizon(ctx, &h);
            if (heap_chain_is_dead(ctx, p, &h, tid_slot(tids[i])))
                bits_set(dead, (size_t)(first + i));
        }
    }
    /* A page with NaN makes the whole batch take numerics in variable form: the caller starts
     * again. */
    if (nslots > 0 && !*nan && heap_page_has_nan(p, f->columns, f->ncolumns)) {
        *nan = true;
        goto done;
    }
    for (int i = 0; i < f->ncolumns && nslots > 0; i++)
        TRY_GOTO(heap_read_column(ctx, f->heap, &ref, f->columns[i], slots, nslots, false, b->cols[i], b->nrows,
                                  &strings));
    b->nrows += nslots;
done:
    page_unfix(&ref);
    return st;
}

Status
heap_fetch(Ctx *ctx, HeapFetch *f, const Snapshot *snap, const Tid *tids, int n, Batch **out,
           uint16_t *rows_out, uint64_t *dead)
{
    Batch *b = f->batch;
    if (n > f->room) {
        for (int i = 0; i < f->ncolumns; i++)
            if (!vec_reserve(f->arena, b->cols[i], n)) return RAISE_OOM(ctx);
        f->room = n;
    }
    for (bool nan = false, again = true; again;) {
        const bool variable = nan;
        arena_reset(f->strings);
        heap_reset_vectors(f->heap, f->columns, f->ncolumns, b->cols, nan);
        b->nrows = 0;
        if (dead != NULL) memset(dead, 0, BITS_WORDS(n) * sizeof(uint64_t));
        for (int i = 0, k; i < n && nan == variable; i = k) {
            for (k = i + 1; k < n && tid_page(tids[k]) == tid_page(tids[i]);) k++;
            TRY(fetch_page(ctx, f, snap, tids + i, k - i, i, rows_out, dead, &nan));
        }
        again = nan != variable;
    }
    b->nsel = b->nrows;
    b->sel = NULL;
    *out = b;
    return QN_OK;
}

Status
heap_note_pages_read(Ctx *ctx, Heap *heap, const Snapshot *snap, const Tid *tids, int n)
{
    if (!snapshot_is_tracked(snap)) return QN_OK;
    for (int i = 0; i < n; i++)
        if (i == 0 || tid_page(tids[i]) != tid_page(tids[i - 1]))
            TRY(ssi_note_read(ctx, snap, heap->desc.relid, tid_page(tids[i]), SSI_SLOT_NONE));
    return QN_OK;
}

bool
heap_page_is_all_visible(Ctx *ctx, Heap *heap, uint32_t page)
{
    uint8_t entry;
    if (rel_map_entry(ctx, heap->rel, page, &entry) != QN_OK) {
        err_clear(&ctx->err);
        return false;
    }
    return (entry & MAP_ALL_VISIBLE) != 0;
}

/* ---- sizes and samples ---- */

Status
heap_page_count(Ctx *ctx, Heap *heap, uint32_t *pages_out)
{
    (void)ctx;
    *pages_out = rel_page_count(heap->rel);
    return QN_OK;
}

static bool
is_data_page(uint8_t entry)
{
    return (entry & (MAP_USED | MAP_UNLINKED | MAP_OVERFLOW)) == MAP_USED;
}

/* Tuples on the page that nothing has ended. */
static Status
live_on_page(Ctx *ctx, PageNo number, double *rows)
{
    PageRef ref = PAGE_REF_NONE;
    TRY(page_fix(ctx, number, FIX_SHARED, &ref));
    const HeapPage *p = heap_page(&ref);
    if (p->page.type == PAGE_HEAP && !heap_page_is_blank(p))
        *rows += p->nslots - p->nspecial - p->nended;
    page_unfix(&ref);
    return QN_OK;
}

Status
heap_stats(Ctx *ctx, Heap *heap, HeapStats *out)
{
    enum { LOOK_AT = 12 };
    RelRun *run;
    bool found = true;
    uint32_t total = rel_page_count(heap->rel), looked = 0, step;
    double rows = 0;
    Arena *arena;
    Status st = QN_OK;
    memset(out, 0, sizeof(*out));
    TRY_ALLOC(ctx, arena, arena_create(NULL, "heap statistics"));
    TRY_ALLOC_GOTO(ctx, run, ARENA_NEW(arena, RelRun));
    step = total / LOOK_AT + 1;
    for (uint32_t at = 0; at < total; at += run->npages) {
        TRY_GOTO(rel_run_at(ctx, heap->rel, at, run, &found));
        if (!found) break;
        for (uint32_t i = 0; i < run->npages; i++) {
            if (!is_data_page(run->entries[i])) continue;
            out->pages++;
            out->all_visible_pages += (run->entries[i] & MAP_ALL_VISIBLE) != 0;
            if (out->pages % step == 1 || step == 1) {
                TRY_GOTO(live_on_page(ctx, run->first + i, &rows));
                looked++;
            }
        }
    }
    out->rows = looked != 0 ? rows / looked * out->pages : 0;
done:
    arena_destroy(arena);
    return st;
}

static uint64_t
next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

static Status
copy_batch(Ctx *ctx, Arena *arena, const Batch *from, Batch **out)
{
    Batch *b;
    TRY_ALLOC(ctx, b, batch_create(arena, from->ncols));
    for (int c = 0; c < from->ncols; c++) {
        Vector *v;
        TRY_ALLOC(ctx, v, vec_create(arena, from->cols[c]->type, from->nrows));
        vec_flatten(from->cols[c], NULL, from->nrows, v);
        if (v->phys == PHYS_STR)
            for (int i = 0; i < from->nrows; i++) {
                Str *s = (Str *)v->data + i;
                if (s->len > STR_INLINE_MAX)
                    TRY_ALLOC(ctx, s->ptr, arena_memdup(arena, s->ptr, s->len));
            }
        b->cols[c] = v;
    }
    b->nrows = b->nsel = from->nrows;
    *out = b;
    return QN_OK;
}

static Status
keep_batch(Ctx *ctx, Arena *arena, const Batch *b, HeapSample *out, int *cap)
{
    if (!array_grow(arena, (void **)&out->batches, cap, out->nbatches, 1, sizeof(Batch *)))
        return RAISE_OOM(ctx);
    TRY(copy_batch(ctx, arena, b, &out->batches[out->nbatches]));
    out->nbatches++;
    out->nrows += b->nrows;
    return QN_OK;
}

Status
heap_sample(Ctx *ctx, Arena *arena, Heap *heap, const Snapshot *snap, const int *columns,
            int ncolumns, int64_t nrows, uint64_t seed, HeapSample *out)
{
    HeapScanSpec spec = {.columns = columns, .ncolumns = ncolumns};
    HeapScan *scan = NULL;
    Batch *b;
    int cap = 0;
    Status st;
    memset(out, 0, sizeof(*out));
    TRY(heap_stats(ctx, heap, &out->stats));
    uint32_t total = rel_page_count(heap->rel), read = 0;
    double per_page = out->stats.pages != 0 ? out->stats.rows / out->stats.pages : 0;
    /* As many pages as hold the rows, but no fewer than a share that spreads the sample over the
     * table. */
    double want = per_page > 1 ? (double)nrows / per_page : (double)nrows;
    uint32_t need = want >= total ? total : (uint32_t)want + 1;
    TRY_GOTO(heap_scan_begin(ctx, arena, heap, snap, &spec, &scan));
    if (need >= total) {
        for (;;) {
            TRY_GOTO(heap_scan_next(ctx, scan, BATCH_ROWS, &b));
            if (b == NULL) break;
            TRY_GOTO(keep_batch(ctx, arena, b, out, &cap));
        }
        out->stats.rows = (double)out->nrows;
        goto done;
    }
    /* Knuth's selection: each of the pages left is taken with probability wanted / left. */
    for (uint32_t at = 0, left = total, wanted = need; wanted > 0 && left > 0; at++, left--) {
        if (next_random(&seed) % left >= wanted) continue;
        wanted--;
        read++;
        TRY_GOTO(heap_scan_rescan(ctx, scan, snap, at, at + 1));
        for (;;) {
            TRY_GOTO(heap_scan_next(ctx, scan, BATCH_ROWS, &b));
            if (b == NULL) break;
            TRY_GOTO(keep_batch(ctx, arena, b, out, &cap));
        }
    }
    out->stats.rows = read != 0 ? (double)out->nrows / read * total : 0;
done:
    heap_scan_end(scan);
    return st;
}
