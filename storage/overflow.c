/* overflow.c - values on pages of their own: written once, as neighbours, by one record a run of
 * pages. */
#include "storage/overflow.h"

#include "storage/db.h"
#include "storage/tx.h"
#include <lz4.h>

enum {
    RUN_PAGES = WAL_PAGES_MAX - 1, /* of one record; the last page is the map */
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

/* n pages from `first` on, all described by one map page; data continues on page `after`. */
static Status
write_run(Ctx *ctx, Rel *rel, PageNo first, int n, PageNo after, Xid xid, const char *data,
          size_t nbytes)
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
        ((MapPage *)map.ptr)->entries[slots[i].index] |= MAP_OVERFLOW;
        memcpy(log.payload + 2 * i, &slots[i].index, 2);
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
                          last ? after : runs[nruns] + at + (PageNo)k, xid, data + offset,
                          nbytes - offset));
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

/* The pages themselves come as images; the map entries are marked. */
Status
overflow_redo_new(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    int n = rec->npages - 1;
    if (n < 0 || rec->payload_bytes < 2 * (size_t)n)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    if (!pages[n].apply) return QN_OK;
    MapPage *map = (MapPage *)pages[n].ref.ptr;
    for (int i = 0; i < n; i++) {
        uint16_t index;
        memcpy(&index, rec->payload + 2 * i, 2);
        if (index >= MAP_PAGES(db_page_bytes(ctx)))
            return RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit its map page");
        map->entries[index] |= MAP_OVERFLOW;
    }
    return QN_OK;
}

void
overflow_describe(const WalRecord *rec, StrBuf *out)
{
    strbuf_addf(out, "pages %d", rec->npages - 1);
}
