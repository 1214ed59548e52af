/* extent_free.c - giving pages back: of a tree or list to its relation, of a relation to the file, of the file to the system.
 *
 * Extents of a relation that lives go back from its end only, because ordinals never change; a page in the middle is used again by
 * the relation itself. Latches as in extent.c.
 */
#include "storage/extent_priv.h"
#include <assert.h>

/* ---- a relation nobody can see ---- */

static void
on_free_insert(void *arg, Lsn end)
{
    CreateNote *n = arg;
    Db *db = n->db;
    (void)end;
    mutex_lock(&db->xids_mutex);
    pending_remove(&db->created, n->root);
    mutex_unlock(&db->xids_mutex);
    mutex_lock(&db->drops_mutex);
    for (uint32_t i = 0; i < db->ndrops; i++) {
        if (db->drops[i].root != n->root) continue;
        db->drops[i] = db->drops[--db->ndrops];
        break;
    }
    mutex_unlock(&db->drops_mutex);
}

/* The last extent of a map page goes back to the file. */
static Status
free_last_extent(Ctx *ctx, PageNo root, PageRef *map)
{
    Db *db = ctx->db;
    PageRef space = PAGE_REF_NONE;
    WalLog log;
    Status st;

    ExtentEntry e = map_extents(map->ptr, db->page_bytes)[((const MapPage *)map->ptr)->nextents - 1];
    TRY_GOTO(page_fix(ctx, extent_space_page(db->page_bytes, e.first), FIX_EXCLUSIVE, &space));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){map, &space}, 2, sizeof(ExtentPayload), &log));
    ExtentPayload p = {.root = root, .first = e.first, .npages = e.npages};
    memcpy(log.payload, &p, sizeof(p));
    map_pop_extent(map->ptr, db->page_bytes);
    space_put_bits(space.ptr, space_bit(db->page_bytes, e.first), e.npages, false);
    wal_finish(&log, WAL_EXTENT_FREE, sizeof(p));
    /* Before anyone can take the pages. */
    pool_forget(ctx, e.first, e.npages);
    extent_note_freed(db, e.first);
done:
    page_unfix(&space);
    return st;
}

/* An empty map page goes back; before is the one that leads to it, NULL for the root, whose going ends the relation. */
static Status
free_map(Ctx *ctx, PageNo root, PageRef *before, PageNo number)
{
    Db *db = ctx->db;
    PageRef space = PAGE_REF_NONE;
    WalLog log;
    Status st;

    TRY_GOTO(page_fix(ctx, extent_space_page(db->page_bytes, number), FIX_EXCLUSIVE, &space));
    PageRef *pages[2] = {&space, before};
    TRY_GOTO(wal_begin(ctx, pages, before != NULL ? 2 : 1, sizeof(ExtentPayload), &log));
    ExtentPayload p = {.root = root, .first = number, .npages = 1};
    memcpy(log.payload, &p, sizeof(p));
    space_put_bits(space.ptr, space_bit(db->page_bytes, number), 1, false);
    if (before != NULL) page_header(before)->map = PAGE_NONE;
    CreateNote note = {db, root, XID_NONE};
    wal_finish_with(&log, WAL_REL_FREE, sizeof(p), before == NULL ? on_free_insert : NULL, &note);
    pool_forget(ctx, number, 1);
    extent_note_freed(db, number);
done:
    page_unfix(&space);
    return st;
}

Status
rel_free(Ctx *ctx, PageNo root)
{
    Db *db = ctx->db;
    PageRef map = PAGE_REF_NONE, before = PAGE_REF_NONE;
    PageNo *chain = NULL;
    uint32_t n = 0, cap = 0;
    Status st = QN_OK;

    rel_discard(db, root);
    mutex_lock(&db->space_mutex);
    for (PageNo at = root; at != PAGE_NONE;) {
        TRY_GOTO(page_fix(ctx, at, FIX_SHARED, &map));
        TRY_GOTO(map_check(ctx, &map, root));
        TRY_GOTO(extent_grow_array(ctx, (void **)&chain, &cap, n + 1, sizeof(*chain)));
        chain[n++] = at;
        at = page_header(&map)->map;
        page_unfix(&map);
        if (n > atomic_load(&db->file_pages))
            TRY_GOTO(RAISE(ctx, ERR_DATA_CORRUPTED, "map pages of relation %u form a circle", root));
    }
    while (n-- > 0) {
        TRY_GOTO(page_fix(ctx, chain[n], FIX_EXCLUSIVE, &map));
        while (((const MapPage *)map.ptr)->nextents > 0) TRY_GOTO(free_last_extent(ctx, root, &map));
        page_unfix(&map);
        if (n > 0) TRY_GOTO(page_fix(ctx, chain[n - 1], FIX_EXCLUSIVE, &before));
        TRY_GOTO(free_map(ctx, root, n > 0 ? &before : NULL, chain[n]));
        page_unfix(&before);
    }
done:
    page_unfix(&map);
    page_unfix(&before);
    mutex_unlock(&db->space_mutex);
    mem_free(NULL, chain, cap * sizeof(*chain));
    return st;
}

/* ---- single pages ---- */

Status
rel_unlink_begin(Ctx *ctx, Rel *rel, PageNo page, RelUnlink *u)
{
    Status st;

    *u = (RelUnlink){.page = page};
    mutex_lock(&rel->extend);
    u->rel = rel;
    TRY_GOTO(rel_reserve_spare(ctx, rel, 1));
    TRY_GOTO(rel_map_slot(ctx, rel, page, &u->slot));
    TRY_GOTO(page_fix(ctx, u->slot.map, FIX_EXCLUSIVE, &u->map));
    return QN_OK;
done:
    rel_unlink_end(u);
    return st;
}

void
rel_unlink_apply(RelUnlink *u, PageRef *page)
{
    map_set_unlinked(u->map.ptr, u->slot.index, page);
    rel_add_spare(u->rel, u->page);
}

void
rel_unlink_end(RelUnlink *u)
{
    page_unfix(&u->map);
    if (u->rel != NULL) mutex_unlock(&u->rel->extend);
    u->rel = NULL;
}

void
map_set_unlinked(void *map_page, uint16_t index, PageRef *page)
{
    if (map_page != NULL) ((MapPage *)map_page)->entries[index] = MAP_UNLINKED;
    if (page != NULL) page_header(page)->flags |= PAGE_FLAG_UNLINKED;
}

/* PAGES_FREE: this, then the entries' indexes. */
typedef struct FreePayload { PageNo root; uint32_t count; } FreePayload;

Status
rel_pages_free(Ctx *ctx, Rel *rel, const PageNo *pages, const uint16_t *indexes, uint32_t n, PageNo map_page)
{
    PageRef map = PAGE_REF_NONE;
    WalLog log;
    Status st;

    mutex_lock(&rel->extend);
    TRY_GOTO(rel_reserve_spare(ctx, rel, n));
    TRY_GOTO(page_fix(ctx, map_page, FIX_EXCLUSIVE, &map));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&map}, 1, sizeof(FreePayload) + 2 * (size_t)n, &log));
    NOFAIL_BEGIN(ctx);
    FreePayload p = {.root = rel->root, .count = n};
    memcpy(log.payload, &p, sizeof(p));
    memcpy(log.payload + sizeof(p), indexes, 2 * (size_t)n);
    for (uint32_t i = 0; i < n; i++) ((MapPage *)map.ptr)->entries[indexes[i]] = 0;
    wal_finish(&log, WAL_PAGES_FREE, sizeof(p) + 2 * (size_t)n);
    NOFAIL_END(ctx);
    for (uint32_t i = 0; i < n; i++) {
        pool_forget(ctx, pages[i], 1); /* before anyone can take it */
        rel_add_spare(rel, pages[i]);
    }
done:
    page_unfix(&map);
    mutex_unlock(&rel->extend);
    return st;
}

/* ---- the end of a relation ---- */

/* Does the last extent hold anything? With rel->extend. */
static Status
last_is_empty(Ctx *ctx, Rel *rel, RelPageIsEmpty is_empty, bool *empty_out)
{
    const RelExtent e = rel->extents[rel->nextents - 1];
    uint8_t entries[EXTENT_PAGES_MAX];
    PageRef ref = PAGE_REF_NONE;

    TRY(page_fix(ctx, e.map, FIX_SHARED, &ref));
    memcpy(entries, ((const MapPage *)ref.ptr)->entries + e.map_first, e.npages);
    page_unfix(&ref);
    *empty_out = true;
    for (uint32_t i = 0; i < e.npages && *empty_out; i++) {
        if ((entries[i] & MAP_USED) == 0 || entries[i] == MAP_RUN_UNWRITTEN) continue;
        *empty_out = (entries[i] & MAP_OVERFLOW) == 0;
        if (!*empty_out) break;
        TRY(ctx_check_stop(ctx));
        TRY(page_fix(ctx, e.first + i, FIX_SHARED, &ref));
        *empty_out = is_empty(ref.ptr);
        page_unfix(&ref);
    }
    return QN_OK;
}

Status
rel_end_is_empty(Ctx *ctx, Rel *rel, RelPageIsEmpty is_empty, bool *empty_out)
{
    Status st = QN_OK;
    *empty_out = false;
    mutex_lock(&rel->extend);
    if (rel->nextents > 0) st = last_is_empty(ctx, rel, is_empty, empty_out);
    mutex_unlock(&rel->extend);
    return st;
}

/* The last extent has gone: the relation in memory forgets it. */
static void
forget_last(Rel *rel)
{
    rwlatch_exclusive(&rel->latch);
    uint32_t at = rel->nextents - 1, kept = rel->spare_head;
    const RelExtent e = rel->extents[at];
    for (uint32_t i = 0, to = 0; i < rel->nextents; i++)
        if (rel->by_page[i] != at) rel->by_page[to++] = rel->by_page[i];
    rel->nextents--;
    rel->npages -= e.npages;
    rwlatch_unlock(&rel->latch);
    if (rel->next_unused > rel->npages) rel->next_unused = rel->npages;
    for (uint32_t i = rel->spare_head; i < rel->nspare; i++)
        if (rel->spare[i] < e.first || rel->spare[i] >= e.first + e.npages) rel->spare[kept++] = rel->spare[i];
    rel->nspare = kept;
}

Status
rel_truncate_end(Ctx *ctx, Rel *rel, RelPageIsEmpty is_empty, uint32_t *npages_out)
{
    Db *db = ctx->db;
    PageRef map = PAGE_REF_NONE;
    Status st = QN_OK;

    *npages_out = 0;
    mutex_lock(&rel->extend);
    while (rel->nextents > 0) {
        const RelExtent e = rel->extents[rel->nextents - 1];
        bool empty;
        TRY_GOTO(last_is_empty(ctx, rel, is_empty, &empty));
        if (!empty) break;
        mutex_lock(&db->space_mutex);
        st = page_fix(ctx, e.map, FIX_EXCLUSIVE, &map);
        if (st == QN_OK) st = free_last_extent(ctx, rel->root, &map);
        page_unfix(&map);
        mutex_unlock(&db->space_mutex);
        TRY_GOTO(st);
        forget_last(rel);
        *npages_out += e.npages;
    }
done:
    mutex_unlock(&rel->extend);
    return st;
}

/* ---- the end of the file ---- */

/* The first page behind the last one in use, looked for downwards from end. A space map that says nothing but itself is not in use. */
static Status
find_file_end(Ctx *ctx, PageNo end, PageNo *end_out)
{
    while (end > PAGE_NO_FIRST) {
        PageRef space = PAGE_REF_NONE;
        PageNo number = extent_space_page(ctx->db->page_bytes, end - 1), base = number == PAGE_NO_SPACE ? 0 : number;
        PageNo last = base;
        if (!extent_space_missing(ctx, number)) {
            TRY(page_fix(ctx, number, FIX_SHARED, &space));
            const uint64_t *bits = ((const SpacePage *)space.ptr)->bits;
            for (PageNo n = end - base; n-- > 1 && last == base;)
                if ((bits[n / 64] >> (n % 64) & 1) != 0) last = base + n;
            page_unfix(&space);
        }
        end = last > base ? last + 1 : base;
        if (last > base || base == 0) break;
    }
    *end_out = end > PAGE_NO_FIRST ? end : PAGE_NO_FIRST;
    return QN_OK;
}

Status
db_trim_file(Ctx *ctx)
{
    enum { WORTH_PAGES = 8 };
    Db *db = ctx->db;
    PageNo end = 0;
    Status st;

    mutex_lock(&db->space_mutex);
    PageNo have = atomic_load(&db->file_pages);
    TRY_GOTO(find_file_end(ctx, have, &end));
    if (end + WORTH_PAGES > have) goto done;
    /* That the pages are free must not be forgotten once they are gone. */
    TRY_GOTO(wal_flush(ctx, wal_insert_lsn(ctx)));
    pool_forget(ctx, end, have - end);
    atomic_store(&db->file_pages, end);
    if (db->space_hint > end) db->space_hint = end;
    if (db->space_run_hint > end) db->space_run_hint = end;
    if (db->file != NULL) st = db->ops->truncate(ctx, db->file, (uint64_t)end * db->page_bytes);
done:
    mutex_unlock(&db->space_mutex);
    return st;
}

/* ---- what VACUUM has seen to ---- */

typedef struct CleanPayload { PageNo root, reserved; Xid clean_below; } CleanPayload;

Status
rel_clean_below(Ctx *ctx, Rel *rel, Xid *out)
{
    PageRef map = PAGE_REF_NONE;
    TRY(page_fix(ctx, rel->root, FIX_SHARED, &map));
    *out = ((const MapPage *)map.ptr)->clean_below;
    page_unfix(&map);
    return QN_OK;
}

Status
rel_set_clean(Ctx *ctx, Rel *rel, Xid clean_below)
{
    PageRef map = PAGE_REF_NONE;
    WalLog log;
    Status st;

    TRY_GOTO(page_fix(ctx, rel->root, FIX_EXCLUSIVE, &map));
    if (((const MapPage *)map.ptr)->clean_below >= clean_below) goto done;
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&map}, 1, sizeof(CleanPayload), &log));
    CleanPayload p = {.root = rel->root, .clean_below = clean_below};
    memcpy(log.payload, &p, sizeof(p));
    ((MapPage *)map.ptr)->clean_below = clean_below;
    wal_finish(&log, WAL_REL_CLEAN, sizeof(p));
done:
    page_unfix(&map);
    return st;
}

/* ---- redo ---- */

Status
extent_redo_free(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    ExtentPayload p;
    uint32_t page_bytes = ctx->db->page_bytes;
    REDO_PAYLOAD(ctx, rec, &p, 2);
    if (pages[0].apply) {
        if (((const MapPage *)pages[0].ref.ptr)->nextents == 0) return extent_bad_record(ctx, rec);
        map_pop_extent(pages[0].ref.ptr, page_bytes);
    }
    if (pages[1].apply) space_put_bits(pages[1].ref.ptr, space_bit(page_bytes, p.first), p.npages, false);
    pool_forget(ctx, p.first, p.npages);
    return QN_OK;
}

Status
extent_redo_rel_free(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    ExtentPayload p;
    REDO_PAYLOAD(ctx, rec, &p, 1);
    if (pages[0].apply) space_put_bits(pages[0].ref.ptr, space_bit(ctx->db->page_bytes, p.first), 1, false);
    if (rec->npages > 1 && pages[1].apply) page_header(&pages[1].ref)->map = PAGE_NONE;
    pool_forget(ctx, p.first, 1);
    if (p.first == p.root) recover_note_freed(ctx, p.root);
    return QN_OK;
}

Status
extent_redo_pages_free(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    FreePayload p;
    if (rec->payload_bytes < sizeof(p) || rec->npages != 1) return extent_bad_record(ctx, rec);
    memcpy(&p, rec->payload, sizeof(p));
    if (rec->payload_bytes != sizeof(p) + 2 * (uint64_t)p.count) return extent_bad_record(ctx, rec);
    for (uint32_t i = 0; i < p.count && pages[0].apply; i++) {
        uint16_t index;
        memcpy(&index, rec->payload + sizeof(p) + 2 * (size_t)i, 2);
        if (index >= MAP_PAGES(ctx->db->page_bytes)) return extent_bad_record(ctx, rec);
        ((MapPage *)pages[0].ref.ptr)->entries[index] = 0;
    }
    return QN_OK;
}

Status
extent_redo_clean(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    CleanPayload p;
    REDO_PAYLOAD(ctx, rec, &p, 1);
    if (pages[0].apply) ((MapPage *)pages[0].ref.ptr)->clean_below = p.clean_below;
    return QN_OK;
}
