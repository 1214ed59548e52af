/* overflow.c - values on pages of their own: written once, as neighbours, by one record a run of
 * pages. */
#include "storage/overflow.h"

#include "storage/db.h"
#include "storage/tx.h"
#include <lz4.h>

enum {
    RUN_PAGES = WAL_PAGES_MAX - 1, /* of one record; the last page is the map */
    FIRST_BIT = 0x8000,            /* of a map index in OVERFLOW_NEW: the value begins there */
    VALUE_BYTES_MAX = 1 << 30,
};

static uint32_t
page_room(Ctx *ctx)
{
    return db_page_bytes(ctx) - (uint32_t)sizeof(OverflowPage);
}

/* Fills one page of a run; it is new and fixed exclusively. */
static void
fill_page(Ctx *ctx, Rel *rel, PageRef *page, const MapSlot *slot, PageNo next, Xid xid,
          const char *data, uint32_t nbytes)
{
    uint32_t page_bytes = db_page_bytes(ctx);
    page_init(page->ptr, page_bytes, PAGE_OVERFLOW, rel_root(rel), slot->map, slot->index);
    OverflowPage *p = (OverflowPage *)page->ptr;
    p->xmin = xid;
    p->next = next;
    p->nbytes = nbytes;
    memcpy(p->data, data, nbytes);
    p->page.gap_begin = (uint16_t)(sizeof(*p) + nbytes);
    p->page.gap_bytes = (uint16_t)(page_bytes - sizeof(*p) - nbytes);
}

static void
mark_written(void *map, uint16_t index)
{
    bool first = (index & FIRST_BIT) != 0;
    ((MapPage *)map)->entries[index & ~FIRST_BIT] =
        (uint8_t)(MAP_USED | MAP_OVERFLOW | (first ? MAP_VALUE_FIRST : 0));
}

/* n pages from `first` on, all described by one map page; data continues on page `after`. begins: the value does, here. */
static Status
write_run(Ctx *ctx, Rel *rel, PageNo first, int n, PageNo after, bool begins, Xid xid,
          const char *data, size_t nbytes)
{
    PageRef pages[RUN_PAGES], map = PAGE_REF_NONE, *list[RUN_PAGES + 1];
    MapSlot slots[RUN_PAGES];
    WalLog log;
    Status st;
    memset(pages, 0, sizeof(pages));
    for (int i = 0; i < n; i++) {
        TRY_GOTO(page_fix_new(ctx, first + (PageNo)i, &pages[i]));
        TRY_GOTO(rel_map_slot(ctx, rel, pages[i].number, &slots[i]));
        list[i] = &pages[i];
    }
    TRY_GOTO(page_fix(ctx, slots[0].map, FIX_EXCLUSIVE, &map));
    list[n] = &map;
    TRY_GOTO(wal_begin(ctx, list, n + 1, 2 * (size_t)n, &log));
    NOFAIL_BEGIN(ctx);
    log.xid = xid;
    for (int i = 0; i < n; i++) {
        uint32_t part = nbytes < page_room(ctx) ? (uint32_t)nbytes : page_room(ctx);
        PageNo next = i + 1 < n ? first + (PageNo)i + 1 : after;
        fill_page(ctx, rel, &pages[i], &slots[i], next, xid, data, part);
        data += part;
        nbytes -= part;
        log.force_image |= 1u << i;
        uint16_t index = (uint16_t)(slots[i].index | (begins && i == 0 ? FIRST_BIT : 0));
        mark_written(map.ptr, index);
        memcpy(log.payload + 2 * i, &index, 2);
    }
    wal_finish(&log, WAL_OVERFLOW_NEW, 2 * (size_t)n);
    NOFAIL_END(ctx);
done:
    page_unfix(&map);
    for (int i = 0; i < n; i++) page_unfix(&pages[i]);
    return st;
}

/* Pages of a run that share a map page, at most what one record takes. */
static Status
run_length(Ctx *ctx, Rel *rel, PageNo first, uint32_t left, int *n_out)
{
    MapSlot a, b;
    TRY(rel_map_slot(ctx, rel, first, &a));
    for (*n_out = 1; *n_out < RUN_PAGES && (uint32_t)*n_out < left; (*n_out)++) {
        TRY(rel_map_slot(ctx, rel, first + (PageNo)*n_out, &b));
        if (b.map != a.map) break;
    }
    return QN_OK;
}

/* Writes stored bytes from their last run to the first, so that each page can name the next. */
static Status
write_stored(Ctx *ctx, Arena *arena, Rel *rel, Xid xid, const char *data, size_t nbytes,
             PageNo *first_out)
{
    const size_t room = page_room(ctx);
    uint32_t npages = nbytes == 0 ? 1 : (uint32_t)((nbytes + room - 1) / room), nruns = 0;
    const uint32_t most = EXTENT_PAGES_MAX;
    PageNo *runs, after = PAGE_NONE;
    TRY_ALLOC(ctx, runs, ARENA_ARRAY(arena, PageNo, npages / most + 1));
    for (uint32_t done = 0; done < npages; done += most, nruns++)
        TRY(rel_run_new(ctx, rel, npages - done < most ? npages - done : most, &runs[nruns]));
    while (nruns-- > 0) {
        uint32_t from = nruns * most, n = npages - from < most ? npages - from : most;
        /* Within a run pages name their neighbours, so its parts may be written in order. */
        for (uint32_t at = 0; at < n;) {
            int k;
            TRY(run_length(ctx, rel, runs[nruns] + at, n - at, &k));
            bool last = at + (uint32_t)k == n;
            size_t offset = (size_t)(from + at) * room;
            TRY(write_run(ctx, rel, runs[nruns] + at, k,
                          last ? after : runs[nruns] + at + (PageNo)k, offset == 0, xid,
                          data + offset, nbytes - offset));
            at += (uint32_t)k;
        }
        after = runs[nruns];
    }
    *first_out = after;
    return QN_OK;
}

Status
overflow_write(Ctx *ctx, Rel *rel, const char *data, size_t nbytes, OverflowRef *ref_out)
{
    const size_t room = page_room(ctx);
    Arena *arena;
    Xid xid;
    Status st = QN_OK;
    char *packed;
    if (nbytes > VALUE_BYTES_MAX)
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                     "value of %zu bytes exceeds the limit of 1 GB", nbytes);
    TRY(tx_write_xid(ctx, &xid));
    *ref_out = (OverflowRef){.nbytes = (uint32_t)nbytes, .stored_bytes = (uint32_t)nbytes};
    TRY_ALLOC(ctx, arena, arena_create(NULL, "overflow"));
    if (nbytes > room) {
        /* Worth it only where it saves a page: the compressor stops when it does not. */
        size_t most = ((nbytes + room - 1) / room - 1) * room;
        TRY_ALLOC_GOTO(ctx, packed, arena_alloc(arena, most));
        int n = LZ4_compress_default(data, packed, (int)nbytes, (int)most);
        if (n > 0) {
            data = packed;
            ref_out->stored_bytes = (uint32_t)n;
        }
    }
    TRY_GOTO(write_stored(ctx, arena, rel, xid, data, ref_out->stored_bytes, &ref_out->first));
done:
    arena_destroy(arena);
    return st;
}

static Status
damaged(Ctx *ctx, PageNo page)
{
    return RAISE(ctx, ERR_DATA_CORRUPTED,
                 "overflow page %u holds no part of the value that leads to it", page);
}

static Status
read_stored(Ctx *ctx, PageNo rel_root, const OverflowRef *ref, char *out)
{
    PageNo at = ref->first;
    for (uint32_t left = ref->stored_bytes; left > 0;) {
        PageRef page = PAGE_REF_NONE;
        TRY(page_fix(ctx, at, FIX_SHARED, &page));
        const OverflowPage *p = (const OverflowPage *)page.ptr;
        Status st = page_check(ctx, &page, rel_root, PAGE_OVERFLOW);
        if (st == QN_OK && (p->nbytes == 0 || p->nbytes > left || p->nbytes > page_room(ctx)))
            st = damaged(ctx, at);
        if (st == QN_OK) {
            memcpy(out, p->data, p->nbytes);
            out += p->nbytes;
            left -= p->nbytes;
            at = p->next;
        }
        page_unfix(&page);
        TRY(st);
    }
    return QN_OK;
}

Status
overflow_read(Ctx *ctx, PageNo rel_root, const OverflowRef *ref, char *out)
{
    Arena *arena;
    char *packed;
    Status st = QN_OK;
    if (ref->stored_bytes == ref->nbytes) return read_stored(ctx, rel_root, ref, out);
    TRY_ALLOC(ctx, arena, arena_create(NULL, "overflow"));
    TRY_ALLOC_GOTO(ctx, packed, arena_alloc(arena, ref->stored_bytes));
    TRY_GOTO(read_stored(ctx, rel_root, ref, packed));
    if (LZ4_decompress_safe(packed, out, (int)ref->stored_bytes, (int)ref->nbytes) !=
        (int)ref->nbytes)
        st = damaged(ctx, ref->first);
done:
    arena_destroy(arena);
    return st;
}

/* ---- a value's end ---- */

/* OVERFLOW_END */
typedef struct EndRecord {
    Xid xmax;
    uint16_t map_index;
    uint16_t reserved[3];
} EndRecord;

/* Sets a value's xmax, and takes away the hint that there is none. page is latched exclusively. */
static Status
set_xmax(Ctx *ctx, Rel *rel, PageRef *page, Xid xmax, Xid writer)
{
    PageRef map = PAGE_REF_NONE, *pages[2] = {page, &map};
    MapSlot slot;
    WalLog log;
    Status st;
    TRY_GOTO(rel_map_slot(ctx, rel, page->number, &slot));
    TRY_GOTO(page_fix(ctx, slot.map, FIX_EXCLUSIVE, &map));
    TRY_GOTO(wal_begin(ctx, pages, 2, sizeof(EndRecord), &log));
    NOFAIL_BEGIN(ctx);
    EndRecord rec = {.xmax = xmax, .map_index = slot.index};
    log.xid = writer;
    memcpy(log.payload, &rec, sizeof(rec));
    ((OverflowPage *)page->ptr)->xmax = xmax;
    ((MapPage *)map.ptr)->entries[slot.index] &= (uint8_t)~MAP_VALUE_SETTLED;
    wal_finish(&log, WAL_OVERFLOW_END, sizeof(rec));
    NOFAIL_END(ctx);
done:
    page_unfix(&map);
    return st;
}

Status
overflow_redo_end(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    EndRecord r;
    if (rec->payload_bytes != sizeof(r) || rec->npages != 2)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    memcpy(&r, rec->payload, sizeof(r));
    if (r.map_index >= MAP_PAGES(db_page_bytes(ctx)))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit its map page");
    if (pages[0].apply) ((OverflowPage *)pages[0].ref.ptr)->xmax = r.xmax;
    if (pages[1].apply)
        ((MapPage *)pages[1].ref.ptr)->entries[r.map_index] &= (uint8_t)~MAP_VALUE_SETTLED;
    return QN_OK;
}

Status
overflow_end(Ctx *ctx, Rel *rel, const OverflowRef *ref, Xid xid)
{
    return overflow_end_as(ctx, rel, ref, xid, xid);
}

Status
overflow_end_as(Ctx *ctx, Rel *rel, const OverflowRef *ref, Xid ended_by, Xid writer)
{
    PageRef page = PAGE_REF_NONE;
    Status st;
    TRY_GOTO(page_fix(ctx, ref->first, FIX_EXCLUSIVE, &page));
    TRY_GOTO(page_check(ctx, &page, rel_root(rel), PAGE_OVERFLOW));
    TRY_GOTO(set_xmax(ctx, rel, &page, ended_by, writer));
done:
    page_unfix(&page);
    return st;
}

/* A value's pages, as far as they are its: a crash may have come between freeing its parts. */
typedef struct Parts {
    PageNo *pages;
    MapSlot *slots;
    uint32_t n, cap;
} Parts;

static Status
add_part(Ctx *ctx, Rel *rel, Parts *parts, PageNo page)
{
    if (parts->n == parts->cap) {
        uint32_t cap = parts->cap != 0 ? parts->cap * 2 : 16;
        PageNo *p = mem_realloc(NULL, parts->pages, parts->cap * sizeof(*p), cap * sizeof(*p));
        if (p == NULL) return RAISE_OOM(ctx);
        parts->pages = p;
        MapSlot *s = mem_realloc(NULL, parts->slots, parts->cap * sizeof(*s), cap * sizeof(*s));
        if (s == NULL) { /* the shorter capacity holds for both */
            PageNo *q = mem_realloc(NULL, p, cap * sizeof(*q), (parts->cap != 0 ? parts->cap : 1) * sizeof(*q));
            if (q != NULL) parts->pages = q;
            return RAISE_OOM(ctx);
        }
        parts->slots = s;
        parts->cap = cap;
    }
    TRY(rel_map_slot(ctx, rel, page, &parts->slots[parts->n]));
    parts->pages[parts->n++] = page;
    return QN_OK;
}

static Status
collect_parts(Ctx *ctx, Rel *rel, PageNo first, Parts *parts)
{
    Xid xmin = XID_NONE;
    for (PageNo at = first; at != PAGE_NONE;) {
        PageRef page = PAGE_REF_NONE;
        uint8_t entry;
        TRY(rel_map_entry(ctx, rel, at, &entry));
        if (at != first && entry != (MAP_USED | MAP_OVERFLOW)) break;
        TRY(page_fix(ctx, at, FIX_SHARED, &page));
        const OverflowPage *p = (const OverflowPage *)page.ptr;
        Status st = page_check(ctx, &page, rel_root(rel), PAGE_OVERFLOW);
        PageNo next = p->next;
        if (at == first) xmin = p->xmin;
        bool mine = p->xmin == xmin;
        page_unfix(&page);
        TRY(st);
        if (!mine) break;
        TRY(add_part(ctx, rel, parts, at));
        at = next;
    }
    return QN_OK;
}

/* From the end, so that the first page, by which the value is found, goes last. */
static Status
free_value(Ctx *ctx, Rel *rel, PageNo first)
{
    enum { AT_ONCE = 1024 };
    Parts parts = {0};
    uint16_t indexes[AT_ONCE];
    Status st;
    TRY_GOTO(collect_parts(ctx, rel, first, &parts));
    for (uint32_t end = parts.n; end > 0;) {
        uint32_t from = end - 1, n = 1;
        while (from > 0 && n < AT_ONCE && parts.slots[from - 1].map == parts.slots[end - 1].map) from--, n++;
        for (uint32_t i = 0; i < n; i++) indexes[i] = parts.slots[from + i].index;
        TRY_GOTO(rel_pages_free(ctx, rel, parts.pages + from, indexes, n, parts.slots[from].map));
        end = from;
    }
done:
    mem_free(NULL, parts.pages, parts.cap * sizeof(*parts.pages));
    mem_free(NULL, parts.slots, parts.cap * sizeof(*parts.slots));
    return st;
}

/* A hint: not logged, and done without if the map page is busy. */
static void
note_settled(Ctx *ctx, Rel *rel, PageNo page)
{
    PageRef map = PAGE_REF_NONE;
    MapSlot slot;
    if (rel_map_slot(ctx, rel, page, &slot) != QN_OK) {
        err_clear(&ctx->err);
        return;
    }
    if (!page_try_fix(ctx, slot.map, FIX_EXCLUSIVE, &map)) return;
    ((MapPage *)map.ptr)->entries[slot.index] |= MAP_VALUE_SETTLED;
    page_unfix(&map);
}

Status
overflow_vacuum(Ctx *ctx, Rel *rel, PageNo first, bool *freed_out)
{
    PageRef page = PAGE_REF_NONE;
    TxHorizon h;
    Status st;
    *freed_out = false;
    TRY_GOTO(page_fix(ctx, first, FIX_EXCLUSIVE, &page));
    TRY_GOTO(page_check(ctx, &page, rel_root(rel), PAGE_OVERFLOW));
    tx_horizon(ctx, &h);
    const OverflowPage *p = (const OverflowPage *)page.ptr;
    if (xid_status(ctx, p->xmin, NULL) == XID_ABORTED || (p->xmax != XID_NONE && xid_settled(ctx, &h, p->xmax))) {
        page_unfix(&page); /* nobody leads here any more: it does not change */
        *freed_out = true;
        return free_value(ctx, rel, first);
    }
    if (p->xmax != XID_NONE && xid_status(ctx, p->xmax, NULL) == XID_ABORTED)
        TRY_GOTO(set_xmax(ctx, rel, &page, XID_NONE, XID_NONE));
    if (p->xmax == XID_NONE && xid_settled(ctx, &h, p->xmin)) note_settled(ctx, rel, first);
done:
    page_unfix(&page);
    return st;
}

/* ---- redo ---- */

/* The pages themselves come as images; the map entries are marked. */
Status
overflow_redo_new(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    int n = rec->npages - 1;
    if (n < 0 || rec->payload_bytes < 2 * (size_t)n)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    if (!pages[n].apply) return QN_OK;
    void *map = pages[n].ref.ptr;
    for (int i = 0; i < n; i++) {
        uint16_t index;
        memcpy(&index, rec->payload + 2 * i, 2);
        if ((index & ~FIRST_BIT) >= (int)MAP_PAGES(db_page_bytes(ctx)))
            return RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit its map page");
        mark_written(map, index);
    }
    return QN_OK;
}

void
overflow_describe(const WalRecord *rec, StrBuf *out)
{
    strbuf_addf(out, "pages %d", rec->npages - 1);
}
