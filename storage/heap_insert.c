/* heap_insert.c - the table handle, and adding rows: a page, a latch and a record at a time.
 *
 * What fills whole pages goes to new pages, each logged once as an image. The rest goes to the page
 * that took the last rows, then to one the map says has room, then to a new one. */
#include "storage/heap_priv.h"
#include "storage/ssi.h"

#include "storage/db.h"

enum { NEW_PAGES_MAX = 8 }; /* pages asked for at once when many rows come */

/* ---- the handle ---- */

static Status
describe_columns(Ctx *ctx, Heap *heap)
{
    const Layout *l = heap->layout;
    TRY_ALLOC(ctx, heap->phys, arena_alloc(heap->arena, (size_t)l->ncols + 1));
    heap->slot_bytes = HEAP_SLOT_BYTES;
    for (int c = 0; c < l->ncols; c++) {
        heap->phys[c] = l->cols[c].phys;
        heap->slot_bytes += heap_phys_bytes(l->cols[c].phys);
        heap->nvar += l->cols[c].phys == PHYS_STR;
    }
    return QN_OK;
}

Status
heap_open(Ctx *ctx, Arena *arena, const HeapDesc *desc, Heap **heap_out)
{
    Heap *heap;
    TRY_ALLOC(ctx, heap, ARENA_NEW(arena, Heap));
    heap->desc = *desc;
    heap->arena = arena;
    heap->layout = desc->layouts[desc->nlayouts - 1];
    heap->page_bytes = db_page_bytes(ctx);
    heap->value_max = heap->page_bytes / 4;
    if (!db_is_salvaged(ctx)) heap->desc.since_lsn = 0; /* maps say which pages there are */
    heap->reserve = desc->fillfactor >= 10 && desc->fillfactor < 100 ? 100 - desc->fillfactor : 0;
    for (int i = 0; desc->indexed != NULL && i < heap->layout->ncols; i++)
        heap->has_indexes |= bits_get(desc->indexed, (size_t)i);
    TRY(describe_columns(ctx, heap));
    atomic_init(&heap->target, PAGE_NONE);
    atomic_init(&heap->var_avg, (uint32_t)heap->nvar * 16);
    TRY(rel_open(ctx, desc->root_page, &heap->rel));
    Status st = table_stats_open(ctx, desc->relid, &heap->stats);
    if (st != QN_OK) {
        rel_close(ctx, heap->rel);
        return st;
    }
    heap->nzones = rel_nzones(heap->rel);
    /* Rows older than a column have its missing value, which no extent's bounds know of. */
    if (heap->nzones > desc->layouts[0]->ncols) heap->nzones = desc->layouts[0]->ncols;
    *heap_out = heap;
    return QN_OK;
}

void
heap_close(Ctx *ctx, Heap *heap)
{
    if (heap == NULL) return;
    rel_close(ctx, heap->rel);
    heap->rel = NULL;
    table_stats_close(ctx, heap->stats);
    heap->stats = NULL;
}

const HeapDesc *
heap_desc(const Heap *heap)
{
    return &heap->desc;
}

Status
heap_sizes(Ctx *ctx, Heap *heap, uint32_t *pages_out, uint32_t *overflow_out)
{
    return rel_sizes(ctx, heap->rel, pages_out, overflow_out);
}

TableStats *
heap_table_stats(const Heap *heap)
{
    return heap->stats;
}

Status
heap_create(Ctx *ctx, Oid relid, uint32_t *root_page_out)
{
    (void)relid; /* pages name their relation by its root */
    return rel_create(ctx, REL_HEAP, rel_zones_max(ctx), root_page_out);
}

Status
heap_drop(Ctx *ctx, Heap *heap)
{
    TRY(ssi_note_write_all(ctx, heap->desc.relid));
    table_stats_drop(heap->stats);
    return rel_drop(ctx, heap->desc.root_page);
}

Status
heap_truncate(Ctx *ctx, Heap *heap, uint32_t *new_root_page_out)
{
    TRY(heap_create(ctx, heap->desc.relid, new_root_page_out));
    TRY(ssi_note_write_all(ctx, heap->desc.relid));
    ssi_move_locks(ctx, heap->desc.relid, heap->desc.relid); /* rows will be elsewhere */
    atomic_store(&heap->stats->live, 0);
    atomic_store(&heap->stats->dead, 0);
    return rel_drop(ctx, heap->desc.root_page);
}

/* ---- the map's part ---- */

Status
heap_map_prepare(Ctx *ctx, Heap *heap, const PageRef *page, const HeapRows *rows, int from,
                 const int *rowids, int n, HeapMapChange *change)
{
    PageRef look = PAGE_REF_NONE;
    change->map = PAGE_REF_NONE;
    change->zones = heap_rows_zones(heap, rows, from, rowids, n, change->ranges);
    if (change->zones == 0) return QN_OK;
    TRY(rel_map_slot(ctx, heap->rel, page->number, &change->slot));
    TRY(page_fix(ctx, change->slot.map, FIX_SHARED, &look));
    bool widens = map_zone_would_widen(look.ptr, heap->page_bytes, change->slot.extent,
                                       change->zones, change->ranges);
    page_unfix(&look);
    /* Bounds only grow while rows come (VACUUM narrows them with every page of the extent latched).
     */
    if (!widens) return QN_OK;
    return page_fix(ctx, change->slot.map, FIX_EXCLUSIVE, &change->map);
}

uint8_t *
heap_map_apply(const Heap *heap, HeapMapChange *change, HeapRecord *rec, int map_at, uint8_t *out)
{
    if (change->map.ptr == NULL) return out;
    map_zone_widen(change->map.ptr, heap->page_bytes, change->slot.extent, change->zones,
                   change->ranges);
    rec->flags |= HREC_MAP;
    rec->map_at = (uint8_t)map_at;
    rec->map_index = change->slot.index;
    rec->map_extent = change->slot.extent;
    rec->zones = change->zones;
    for (uint64_t left = change->zones; left != 0; left &= left - 1) {
        memcpy(out, &change->ranges[__builtin_ctzll(left)], sizeof(ZoneRange));
        out += sizeof(ZoneRange);
    }
    return out;
}

/* ---- inserting ---- */

static Xid
base_for(Xid xid)
{
    const Xid half = (Xid)1 << 31;
    return xid > half ? xid - half : 0;
}

void
heap_learn_var(Heap *heap, const HeapRows *rows, int from)
{
    uint64_t sum = 0;
    int n = rows->n - from;
    if (rows->var_bytes == NULL || n <= 0) return;
    for (int i = from; i < rows->n; i++) sum += rows->var_bytes[i];
    uint32_t avg = (uint32_t)((sum + (uint64_t)n - 1) / (uint64_t)n);
    uint32_t old = atomic_load_explicit(&heap->var_avg, memory_order_relaxed);
    /* A few rows say little: they move the average by a part. */
    if (n < 32) avg = (uint32_t)(((uint64_t)old * 7 + avg + 7) / 8);
    atomic_store_explicit(&heap->var_avg, avg, memory_order_relaxed);
}

void
heap_format_for(Heap *heap, PageRef *page, const HeapRows *rows, int from, Xid xid)
{
    HeapPage *p = heap_page(page);
    uint32_t avg =
        rows->var_bytes != NULL ? atomic_load_explicit(&heap->var_avg, memory_order_relaxed) : 0;
    uint32_t first = rows->var_bytes != NULL ? rows->var_bytes[from] : 0;
    uint32_t capacity = heap_page_capacity(heap, avg);
    while (!heap_page_format(p, heap->page_bytes, heap->layout->id, heap->phys, heap->layout->ncols,
                             capacity, base_for(xid)) ||
           p->var_begin - p->fixed_end < first)
        capacity = capacity > 8 ? capacity - capacity / 8 : capacity - 1; /* a wide first row */
}

/* Puts rows [from, from + n) on a formatted page that has room, and logs it. init: the page was
 * blank. */
static Status
put_and_log(Ctx *ctx, Heap *heap, PageRef *page, const HeapRows *rows, int from, int n, bool init,
            bool image, Xid xid, Tid *tids_out)
{
    HeapPage *p = heap_page(page);
    HeapMapChange change;
    uint16_t slots[HEAP_SLOTS_MAX];
    uint32_t xmin;
    WalLog log;
    Status st;

    TRY_GOTO(heap_map_prepare(ctx, heap, page, rows, from, NULL, n, &change));
    if (!heap_xid_offset(p, xid, &xmin)) {
        st = RAISE_INTERNAL(ctx, "page %u cannot hold the transaction id", page->number);
        goto done;
    }
    PageRef *pages[2] = {page, &change.map};
    size_t bound = sizeof(HeapRecord) + sizeof(HeapInitRecord) + heap->layout->ncols + 8 +
                   HEAP_MAP_BYTES + heap_pack_bound(heap, rows, from, NULL, n);
    TRY_GOTO(wal_begin(ctx, pages, change.map.ptr != NULL ? 2 : 1, bound, &log));

    NOFAIL_BEGIN(ctx);
    HeapRecord rec = {.layout = p->layout, .nrows = (uint16_t)n};
    uint8_t *out = log.payload + sizeof(rec);
    log.xid = xid;
    if (image) {
        log.force_image = 1;
    } else if (init) {
        HeapInitRecord hi = {.xid_base = p->xid_base, .ncols = p->ncols, .capacity = p->capacity};
        rec.flags |= HREC_INIT;
        memcpy(out, &hi, sizeof(hi));
        memcpy(out + sizeof(hi), heap->phys, p->ncols);
        out += (sizeof(hi) + p->ncols + 7) & ~(size_t)7;
    }
    heap_page_take_slots(p, n, slots);
    heap_page_put(heap, p, rows, from, NULL, n, slots, SLOT_NORMAL, xmin);
    out = heap_map_apply(heap, &change, &rec, 1, out);
    if (!image) {
        rec.npacked = (uint32_t)heap_page_pack(p, slots, n, out);
        out += rec.npacked;
    }
    memcpy(log.payload, &rec, sizeof(rec));
    wal_finish(&log, WAL_HEAP_INSERT, (size_t)(out - log.payload));
    NOFAIL_END(ctx);
    for (int i = 0; i < n; i++) tids_out[from + i] = tid_make(page->number, slots[i]);
done:
    page_unfix(&change.map);
    return st;
}

/* Fills new pages while enough rows are left to fill them; *from moves on. */
static Status
fill_new_pages(Ctx *ctx, Heap *heap, const HeapRows *rows, int *from, Xid xid, Tid *tids_out)
{
    PageRef pages[NEW_PAGES_MAX];
    int npages = 0, at = 0;
    Status st = QN_OK;
    if (rows->n - *from <= 1) return QN_OK; /* fills none */
    memset(pages, 0, sizeof(pages));
    for (;;) {
        uint32_t avg = rows->var_bytes != NULL
                           ? atomic_load_explicit(&heap->var_avg, memory_order_relaxed)
                           : 0;
        int capacity = (int)heap_page_capacity(heap, avg), left = rows->n - *from;
        capacity -= capacity * heap->reserve / 100;
        if (left < capacity || left == 0) break;
        if (at == npages) {
            npages = left / capacity < NEW_PAGES_MAX ? left / capacity : NEW_PAGES_MAX;
            at = 0;
            TRY_GOTO(rel_pages_new(ctx, heap->rel, PAGE_HEAP, npages, pages));
        }
        heap_format_for(heap, &pages[at], rows, *from, xid);
        int n = heap_page_room(heap, heap_page(&pages[at]), rows, (RowRange){NULL, *from, left}, false, false);
        TRY_GOTO(put_and_log(ctx, heap, &pages[at], rows, *from, n, true, true, xid, tids_out));
        rel_note_space(ctx, heap->rel, pages[at].number,
                       heap_page_free_bytes(heap, heap_page(&pages[at])));
        page_unfix(&pages[at++]);
        *from += n;
    }
done:
    /* Pages that rows did not need after all stay blank: the next insert finds them. */
    for (; at < npages; at++) {
        if (pages[at].ptr == NULL) continue;
        page_header(&pages[at])->flags |= PAGE_FLAG_BLANK;
        rel_note_space(ctx, heap->rel, pages[at].number, heap->page_bytes - PAGE_BODY);
        page_unfix(&pages[at]);
    }
    return st;
}

static bool
is_own_page(const Heap *heap, const PageRef *ref)
{
    return page_header(ref)->rel == heap->desc.root_page && page_header(ref)->type == PAGE_HEAP;
}

/* Fixes a page that may have room for row `from`: exclusive. chosen: this one, if it is not PAGE_NONE. */
static Status
find_page(Ctx *ctx, Heap *heap, const HeapRows *rows, int from, bool use_target, PageNo chosen, PageRef *out)
{
    PageNo number = atomic_load_explicit(&heap->target, memory_order_relaxed);
    uint32_t need = heap->slot_bytes + (rows->var_bytes != NULL ? rows->var_bytes[from] : 0);
    *out = PAGE_REF_NONE;
    if (chosen != PAGE_NONE) return page_fix(ctx, chosen, FIX_EXCLUSIVE, out);
    if (use_target && number != PAGE_NONE && page_try_fix(ctx, number, FIX_EXCLUSIVE, out)) {
        if (is_own_page(heap, out)) return QN_OK;
        page_unfix(out); /* VACUUM has given it back */
        atomic_compare_exchange_strong(&heap->target, &number, PAGE_NONE);
    }
    TRY(rel_find_space(ctx, heap->rel, need, &number));
    if (number != PAGE_NONE) return page_fix(ctx, number, FIX_EXCLUSIVE, out);
    return rel_page_new(ctx, heap->rel, PAGE_HEAP, PAGE_NONE, out);
}

/* Puts what fits on one page; *from moves on, by 0 if the page turned out to be full. */
static Status
insert_some(Ctx *ctx, Heap *heap, const HeapRows *rows, int *from, bool use_target, PageNo chosen, Xid xid,
            Tid *tids_out)
{
    PageRef page = PAGE_REF_NONE;
    const RowRange left = {NULL, *from, rows->n - *from};
    bool fits = true;
    int n = 0;
    Status st;
    TRY_GOTO(find_page(ctx, heap, rows, *from, use_target, chosen, &page));
    TRY_GOTO(heap_page_check(ctx, heap, &page));
    bool blank = heap_page_is_blank(heap_page(&page));
    if (blank) {
        heap_format_for(heap, &page, rows, *from, xid);
    } else {
        TRY_GOTO(heap_make_xid_fit(ctx, heap, &page, xid, &fits));
        if (!fits) goto full;
        bool reuse = page_is_alone(&page);
        n = heap_page_room(heap, heap_page(&page), rows, left, reuse, false);
        if (n == 0) goto full;
        TRY_GOTO(heap_clear_visible(ctx, heap, &page));
    }
    if (blank) n = heap_page_room(heap, heap_page(&page), rows, left, false, false);
    st = put_and_log(ctx, heap, &page, rows, *from, n, blank, false, xid, tids_out);
    if (st != QN_OK) {
        if (blank) page_header(&page)->flags |= PAGE_FLAG_BLANK;
        goto done;
    }
    *from += n;
    atomic_store_explicit(&heap->target, page.number, memory_order_relaxed);
full:
    /* A page that disappointed says what it has, so that the map does not name it again. */
    if (n == 0) {
        uint32_t free_bytes = heap_page_free_bytes(heap, heap_page(&page));
        uint32_t need = heap->slot_bytes + (rows->var_bytes != NULL ? rows->var_bytes[*from] : 0);
        if (heap_page(&page)->layout != heap->layout->id) free_bytes = 0;
        rel_note_space(ctx, heap->rel, page.number, free_bytes < need ? free_bytes : 0);
        PageNo number = page.number;
        atomic_compare_exchange_strong(&heap->target, &number, PAGE_NONE);
    } else if (*from < rows->n) {
        rel_note_space(ctx, heap->rel, page.number, heap_page_free_bytes(heap, heap_page(&page)));
    }
done:
    page_unfix(&page);
    return st;
}

/* Many rows go to pages that VACUUM has left at least half empty before they get new ones. */
static Status
fill_free_pages(Ctx *ctx, Heap *heap, const HeapRows *rows, int *from, Xid xid, Tid *tids_out)
{
    enum { MANY = 32, TRIES = 8 };
    for (int tries = 0; rows->n - *from >= MANY && tries < TRIES;) {
        PageNo number;
        int before = *from;
        TRY(rel_find_space(ctx, heap->rel, heap->page_bytes / 2, &number));
        if (number == PAGE_NONE) return QN_OK;
        TRY(insert_some(ctx, heap, rows, from, false, number, xid, tids_out));
        tries += *from == before; /* the map promised too much */
    }
    return QN_OK;
}

Status
heap_insert_batch(Ctx *ctx, Heap *heap, const Batch *batch, Tid *tids_out)
{
    HeapRows rows;
    Xid xid;
    int from = 0;
    Status st;
    if (batch->nsel == 0) return QN_OK;
    TRY(tx_write_xid(ctx, &xid));
    TRY_GOTO(heap_rows_begin(ctx, heap, batch, NULL, NULL, &rows));
    heap_learn_var(heap, &rows, 0);
    TRY_GOTO(fill_free_pages(ctx, heap, &rows, &from, xid, tids_out));
    TRY_GOTO(fill_new_pages(ctx, heap, &rows, &from, xid, tids_out));
    for (bool use_target = true; from < rows.n;) {
        int before = from;
        TRY_GOTO(insert_some(ctx, heap, &rows, &from, use_target, PAGE_NONE, xid, tids_out));
        use_target = from > before; /* else the target was full: ask the map */
    }
    TRY_GOTO(ssi_note_write(ctx, heap->desc.relid, SSI_PAGE_ALL, SSI_SLOT_NONE));
    TRY_GOTO(table_stats_change(ctx, heap->stats, rows.n, 0, 0));
done:
    heap_rows_end(&rows);
    return st;
}

/* ---- redo ---- */

/* The record's head and what follows it, checked for length. */
static Status
read_head(Ctx *ctx, const WalRecord *rec, HeapRecord *head, const uint8_t **in)
{
    if (rec->payload_bytes < sizeof(*head))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    memcpy(head, rec->payload, sizeof(*head));
    *in = rec->payload + sizeof(*head);
    return QN_OK;
}

/* HREC_INIT's part: formats the page if it is to be changed. */
static Status
redo_init(Ctx *ctx, const WalRecord *rec, const HeapRecord *head, RedoPage *page,
          const uint8_t **in)
{
    HeapInitRecord hi;
    const uint8_t *end = rec->payload + rec->payload_bytes;
    if ((head->flags & HREC_INIT) == 0) return QN_OK;
    if ((size_t)(end - *in) < sizeof(hi))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    memcpy(&hi, *in, sizeof(hi));
    const uint8_t *phys = *in + sizeof(hi);
    size_t nbytes = (sizeof(hi) + hi.ncols + 7) & ~(size_t)7;
    bool ok = (size_t)(end - *in) >= nbytes;
    for (int c = 0; ok && c < hi.ncols; c++) ok = phys[c] < PHYS_COUNT;
    *in += nbytes;
    if (ok && page->apply)
        ok = heap_page_format(heap_page(&page->ref), db_page_bytes(ctx), head->layout, phys,
                              hi.ncols, hi.capacity, hi.xid_base);
    return ok ? QN_OK
              : RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the heap page it names");
}

/* HREC_MAP's part for rows that came. */
static Status
redo_zones(Ctx *ctx, const WalRecord *rec, const HeapRecord *head, RedoPage *pages,
           const uint8_t **in)
{
    ZoneRange ranges[ZONE_COLUMNS_MAX];
    const uint8_t *end = rec->payload + rec->payload_bytes;
    for (uint64_t left = head->zones; left != 0; left &= left - 1) {
        if ((size_t)(end - *in) < sizeof(ZoneRange))
            return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
        memcpy(&ranges[__builtin_ctzll(left)], *in, sizeof(ZoneRange));
        *in += sizeof(ZoneRange);
    }
    if ((head->flags & HREC_MAP) == 0) return QN_OK;
    if (head->map_at >= rec->npages)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record lacks its map page");
    if (pages[head->map_at].apply)
        map_zone_widen(pages[head->map_at].ref.ptr, db_page_bytes(ctx), head->map_extent,
                       head->zones, ranges);
    return QN_OK;
}

Status
heap_redo_rows(Ctx *ctx, const WalRecord *rec, RedoPage *pages, int page_at, HeapRecord *head,
               const uint8_t **in)
{
    uint32_t xmin;
    RedoPage *page = &pages[page_at];
    TRY(read_head(ctx, rec, head, in));
    TRY(redo_init(ctx, rec, head, page, in));
    TRY(redo_zones(ctx, rec, head, pages, in));
    if ((size_t)(rec->payload + rec->payload_bytes - *in) < head->npacked)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    if (page->apply && head->npacked != 0) {
        HeapPage *p = heap_page(&page->ref);
        if (!heap_xid_offset(p, rec->xid, &xmin))
            return RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the heap page it names");
        TRY(heap_page_unpack(ctx, p, db_page_bytes(ctx), *in, head->npacked, head->nrows, xmin));
    }
    *in += head->npacked;
    return QN_OK;
}

Status
heap_redo_insert(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    HeapRecord head;
    const uint8_t *in;
    return heap_redo_rows(ctx, rec, pages, 0, &head, &in);
}

void
heap_describe(const WalRecord *rec, StrBuf *out)
{
    HeapRecord head;
    if (rec->payload_bytes < sizeof(head)) return;
    memcpy(&head, rec->payload, sizeof(head));
    strbuf_addf(out, "rows %u layout %u flags %u zones %llx", head.nrows, head.layout, head.flags,
                (unsigned long long)head.zones);
}
