/* extent.c - see extent.h: relations in memory, their extents and pages, free space.
 *
 * Latches: a relation's extend mutex, then its map page, then a space map; db->space_mutex is taken before the latches of
 * map and space map by whoever allocates or frees, so that bits found free stay so.
 */
#include "storage/extent.h"
#include "storage/extent_priv.h"
#include "storage/instance.h"
#include <assert.h>
#include <stdlib.h>

/* ---- relations in memory ---- */

PageNo rel_root(const Rel *rel) { return rel->root; }
int rel_nzones(const Rel *rel) { return rel->nzones; }

int
rel_zones_max(Ctx *ctx)
{
    uint32_t n = MAP_ZONES_MAX(ctx->db->page_bytes);
    return (int)(n < ZONE_COLUMNS_MAX ? n : ZONE_COLUMNS_MAX);
}

bool
rel_work(Rel *rel, bool wait)
{
    if (!wait) return mutex_try(&rel->work);
    mutex_lock(&rel->work);
    return true;
}

void
rel_end_work(Rel *rel)
{
    mutex_unlock(&rel->work);
}

uint32_t
rel_page_count(Rel *rel)
{
    rwlatch_shared(&rel->latch);
    uint32_t n = rel->npages;
    rwlatch_unlock(&rel->latch);
    return n;
}

Status
rel_sizes(Ctx *ctx, Rel *rel, uint32_t *pages_out, uint32_t *overflow_out)
{
    uint32_t nmaps = 1;
    *overflow_out = 0;
    for (uint32_t i = 0; i < nmaps; i++) {
        PageRef ref = PAGE_REF_NONE;
        rwlatch_shared(&rel->latch);
        nmaps = rel->nmaps;
        PageNo number = rel->maps[i];
        *pages_out = rel->npages + nmaps;
        rwlatch_unlock(&rel->latch);
        TRY(page_fix(ctx, number, FIX_SHARED, &ref));
        const MapPage *map = (const MapPage *)ref.ptr;
        for (uint32_t k = 0; k < map->npages && k < MAP_PAGES(ctx->db->page_bytes); k++)
            *overflow_out += (map->entries[k] & (MAP_USED | MAP_OVERFLOW)) == (MAP_USED | MAP_OVERFLOW);
        page_unfix(&ref);
    }
    return QN_OK;
}

static void
rel_destroy(Rel *rel)
{
    rwlatch_destroy(&rel->latch);
    mutex_destroy(&rel->extend);
    mutex_destroy(&rel->work);
    mem_free(NULL, rel->extents, rel->extents_cap * sizeof(*rel->extents));
    mem_free(NULL, rel->by_page, rel->extents_cap * sizeof(*rel->by_page));
    mem_free(NULL, rel->maps, rel->maps_cap * sizeof(*rel->maps));
    mem_free(NULL, rel->spare, rel->spare_cap * sizeof(*rel->spare));
    mem_free(NULL, rel, sizeof(*rel));
}

void
extent_free_rels(Db *db)
{
    for (int i = 0; i < REL_BUCKETS; i++) {
        while (db->rels[i] != NULL) {
            Rel *rel = db->rels[i];
            db->rels[i] = rel->next;
            rel_destroy(rel);
        }
    }
}

Status
extent_grow_array(Ctx *ctx, void **items, uint32_t *cap, uint32_t need, size_t item_bytes)
{
    if (need <= *cap) return QN_OK;
    uint32_t new_cap = *cap * 2 > need ? *cap * 2 : need + 4;
    void *p = mem_realloc(NULL, *items, *cap * item_bytes, new_cap * item_bytes);
    if (p == NULL) return RAISE_OOM(ctx);
    *items = p;
    *cap = new_cap;
    return QN_OK;
}

/* Room for one more extent and map page, so that rel_note_extent cannot fail. With latch exclusive or before others see rel. */
Status
rel_reserve(Ctx *ctx, Rel *rel)
{
    uint32_t cap = rel->extents_cap;
    TRY(extent_grow_array(ctx, (void **)&rel->by_page, &cap, rel->nextents + 1, sizeof(*rel->by_page)));
    uint32_t extents_cap = rel->extents_cap;
    if (cap != extents_cap) {
        RelExtent *p = mem_realloc(NULL, rel->extents, extents_cap * sizeof(*p), cap * sizeof(*p));
        if (p == NULL) {
            /* by_page is longer than it needs to be; give the rest back so that one capacity serves both. */
            uint32_t *q = mem_realloc(NULL, rel->by_page, cap * sizeof(*q), (extents_cap != 0 ? extents_cap : 1) * sizeof(*q));
            if (q != NULL) rel->by_page = q;
            return RAISE_OOM(ctx);
        }
        rel->extents = p;
        rel->extents_cap = cap;
    }
    return extent_grow_array(ctx, (void **)&rel->maps, &rel->maps_cap, rel->nmaps + 1, sizeof(*rel->maps));
}

void
rel_note_extent(Rel *rel, const ExtentEntry *e, PageNo map, uint16_t extent)
{
    uint32_t i = rel->nextents++, at = i;
    rel->extents[i] = (RelExtent){.first = e->first, .npages = e->npages, .ordinal = rel->npages, .map = map,
                                  .map_first = e->map_first, .extent = extent};
    while (at > 0 && rel->extents[rel->by_page[at - 1]].first > e->first) {
        rel->by_page[at] = rel->by_page[at - 1];
        at--;
    }
    rel->by_page[at] = i;
    rel->npages += e->npages;
}

/* Room for n more spare pages. With rel->extend, or before others see rel. */
Status
rel_reserve_spare(Ctx *ctx, Rel *rel, uint32_t n)
{
    if (rel->spare_head > 0 && rel->nspare + n > rel->spare_cap) {
        rel->nspare -= rel->spare_head;
        memmove(rel->spare, rel->spare + rel->spare_head, rel->nspare * sizeof(*rel->spare));
        rel->spare_head = 0;
    }
    return extent_grow_array(ctx, (void **)&rel->spare, &rel->spare_cap, rel->nspare + n, sizeof(*rel->spare));
}

/* After rel_reserve_spare. */
void
rel_add_spare(Rel *rel, PageNo page)
{
    if (rel->nspare > rel->spare_head && rel->spare[rel->nspare - 1] > page) rel->spare_unsorted = true;
    rel->spare[rel->nspare++] = page;
    rel->run_missing = 0;
}

static Status
push_spare(Ctx *ctx, Rel *rel, PageNo page)
{
    TRY(rel_reserve_spare(ctx, rel, 1));
    rel_add_spare(rel, page);
    return QN_OK;
}

/* Pages from next_unused up to an ordinal, the last of them in extent e, which rel does not know yet: free, or left out by a run that
 * did not fit. */
static Status
push_skipped(Ctx *ctx, Rel *rel, const ExtentEntry *e, uint32_t ordinal)
{
    for (; rel->next_unused < ordinal; rel->next_unused++) {
        PageNo skipped = rel->next_unused >= rel->npages ? e->first + (rel->next_unused - rel->npages) : PAGE_NONE;
        for (uint32_t x = rel->nextents; skipped == PAGE_NONE && x-- > 0;)
            if (rel->extents[x].ordinal <= rel->next_unused)
                skipped = rel->extents[x].first + (rel->next_unused - rel->extents[x].ordinal);
        TRY(push_spare(ctx, rel, skipped));
    }
    return QN_OK;
}

/* What one map page says, into rel. */
static Status
rel_load_map(Ctx *ctx, Rel *rel, PageRef *ref)
{
    uint32_t page_bytes = ctx->db->page_bytes;
    const MapPage *map = (const MapPage *)ref->ptr;

    TRY(map_check(ctx, ref, rel->root));
    TRY(rel_reserve(ctx, rel));
    rel->maps[rel->nmaps++] = ref->number;
    rel->nzones = map->nzones;
    for (uint32_t i = 0; i < map->nextents; i++) {
        const ExtentEntry *e = &map_extents(ref->ptr, page_bytes)[i];
        TRY(rel_reserve(ctx, rel));
        for (uint32_t k = 0; k < e->npages; k++) {
            uint8_t entry = map->entries[e->map_first + k];
            if ((entry & (MAP_USED | MAP_UNLINKED)) == 0) continue;
            TRY(push_skipped(ctx, rel, e, rel->npages + k));
            rel->next_unused = rel->npages + k + 1;
            /* Unwritten: a crash came between taking the run and filling it. */
            if ((entry & MAP_UNLINKED) != 0 || entry == MAP_RUN_UNWRITTEN) {
                TRY(push_spare(ctx, rel, e->first + k));
            } else if ((entry & MAP_OVERFLOW) == 0) {
                uint32_t class = entry & MAP_CLASS_MASK;
                if (class > atomic_load(&rel->best_class)) atomic_store(&rel->best_class, class);
            }
        }
        rel_note_extent(rel, e, ref->number, (uint16_t)i);
    }
    return QN_OK;
}

static Status
rel_load_maps(Ctx *ctx, Rel *rel)
{
    PageRef ref = PAGE_REF_NONE;
    Status st = QN_OK;

    for (PageNo n = rel->root; n != PAGE_NONE;) {
        TRY_GOTO(page_fix(ctx, n, FIX_SHARED, &ref));
        TRY_GOTO(rel_load_map(ctx, rel, &ref));
        n = page_header(&ref)->map;
        page_unfix(&ref);
        if (rel->nmaps > atomic_load(&ctx->db->file_pages))
            TRY_GOTO(RAISE(ctx, ERR_DATA_CORRUPTED, "map pages of relation %u form a circle", rel->root));
    }
done:
    page_unfix(&ref);
    return st;
}

static Status
rel_load(Ctx *ctx, PageNo root, Rel **out)
{
    Rel *rel;

    TRY_ALLOC(ctx, rel, mem_zalloc(NULL, sizeof(*rel)));
    rel->root = root;
    rwlatch_init(&rel->latch);
    mutex_init(&rel->extend);
    mutex_init(&rel->work);
    Status st = rel_load_maps(ctx, rel);
    if (st == ERR_DATA_CORRUPTED && ctx->db->salvage) {
        err_clear(&ctx->err);
        st = rel_salvage(ctx, rel);
    }
    if (st == QN_OK) *out = rel;
    else rel_destroy(rel);
    return st;
}

Status
rel_open(Ctx *ctx, PageNo root, Rel **out)
{
    Db *db = ctx->db;
    Rel **bucket = &db->rels[root % REL_BUCKETS], *rel;
    Status st = QN_OK;

    *out = NULL;
    mutex_lock(&db->rels_mutex);
    for (rel = *bucket; rel != NULL && rel->root != root; rel = rel->next) {}
    if (rel == NULL) {
        st = rel_load(ctx, root, &rel);
        if (st == QN_OK) {
            rel->next = *bucket;
            *bucket = rel;
        }
    }
    if (st == QN_OK) {
        rel->opens++;
        *out = rel;
    }
    mutex_unlock(&db->rels_mutex);
    return st;
}

void
rel_close(Ctx *ctx, Rel *rel)
{
    if (rel == NULL) return;
    mutex_lock(&ctx->db->rels_mutex);
    bool last = --rel->opens == 0 && rel->dead;
    mutex_unlock(&ctx->db->rels_mutex);
    if (last) rel_destroy(rel);
}

/* Takes the relation out of memory: it is being freed. */
void
rel_discard(Db *db, PageNo root)
{
    mutex_lock(&db->rels_mutex);
    for (Rel **at = &db->rels[root % REL_BUCKETS]; *at != NULL; at = &(*at)->next) {
        Rel *rel = *at;
        if (rel->root != root) continue;
        *at = rel->next;
        rel->dead = true;
        if (rel->opens == 0) rel_destroy(rel);
        break;
    }
    mutex_unlock(&db->rels_mutex);
}

/* With rel->latch: the extent of a page, or of an ordinal; NULL if there is none. */
const RelExtent *
extent_of_page(const Rel *rel, PageNo page)
{
    uint32_t lo = 0, hi = rel->nextents;
    while (lo < hi) { /* the first extent that begins after page */
        uint32_t mid = lo + (hi - lo) / 2;
        if (rel->extents[rel->by_page[mid]].first <= page) lo = mid + 1;
        else hi = mid;
    }
    if (lo == 0) return NULL;
    const RelExtent *e = &rel->extents[rel->by_page[lo - 1]];
    return page < e->first + e->npages ? e : NULL;
}

static const RelExtent *
extent_of_ordinal(const Rel *rel, uint32_t ordinal)
{
    uint32_t lo = 0, hi = rel->nextents;
    if (ordinal >= rel->npages) return NULL;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (rel->extents[mid].ordinal <= ordinal) lo = mid + 1;
        else hi = mid;
    }
    return &rel->extents[lo - 1];
}

Status
rel_map_slot(Ctx *ctx, Rel *rel, PageNo page, MapSlot *out)
{
    rwlatch_shared(&rel->latch);
    const RelExtent *e = extent_of_page(rel, page);
    if (e != NULL)
        *out = (MapSlot){.map = e->map, .index = (uint16_t)(e->map_first + (page - e->first)), .extent = e->extent};
    rwlatch_unlock(&rel->latch);
    if (e == NULL)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "block %u does not belong to relation %u", page, rel->root);
    return QN_OK;
}

Status
rel_map_entry(Ctx *ctx, Rel *rel, PageNo page, uint8_t *entry_out)
{
    MapSlot slot;
    PageRef map = PAGE_REF_NONE;

    *entry_out = 0;
    TRY(rel_map_slot(ctx, rel, page, &slot));
    if (slot.map == PAGE_NONE) return QN_OK; /* salvaged: nothing is known */
    TRY(page_fix(ctx, slot.map, FIX_SHARED, &map));
    *entry_out = map_entry(map.ptr, slot.index);
    page_unfix(&map);
    return QN_OK;
}

Status
rel_run_at(Ctx *ctx, Rel *rel, uint32_t ordinal, RelRun *out, bool *found_out)
{
    uint32_t page_bytes = ctx->db->page_bytes;
    PageRef map = PAGE_REF_NONE;
    RelExtent e = {0};

    rwlatch_shared(&rel->latch);
    const RelExtent *found = extent_of_ordinal(rel, ordinal);
    if (found != NULL) e = *found;
    rwlatch_unlock(&rel->latch);
    *found_out = found != NULL;
    if (found == NULL) return QN_OK;
    out->first = e.first;
    out->npages = e.npages;
    out->ordinal = e.ordinal;
    out->map = e.map;
    out->map_index = e.map_first;
    out->extent = e.extent;
    if (e.map == PAGE_NONE) {
        rel_salvaged_run(ctx, rel, out);
        return QN_OK;
    }
    TRY(page_fix(ctx, e.map, FIX_SHARED, &map));
    out->nzones = ((const MapPage *)map.ptr)->nzones;
    out->zone_valid = map_extents(map.ptr, page_bytes)[e.extent].zone_valid;
    memcpy(out->entries, ((const MapPage *)map.ptr)->entries + e.map_first, e.npages);
    memcpy(out->zones, map_zones(map.ptr, page_bytes, e.extent), (size_t)out->nzones * sizeof(ZoneRange));
    page_unfix(&map);
    return QN_OK;
}

/* ---- records ---- */

static void
on_create_insert(void *arg, Lsn end)
{
    CreateNote *n = arg;
    (void)end;
    mutex_lock(&n->db->xids_mutex); /* has room: rel_create */
    n->db->created.items[n->db->created.count++] = (RelPending){.root = n->root, .xid = n->xid};
    n->db->created_reserved--;
    mutex_unlock(&n->db->xids_mutex);
}

static Status
reserve_created(Ctx *ctx, Db *db)
{
    mutex_lock(&db->xids_mutex);
    Status st = extent_grow_array(ctx, (void **)&db->created.items, &db->created.cap,
                           db->created.count + db->created_reserved + 1, sizeof(*db->created.items));
    if (st == QN_OK) db->created_reserved++;
    mutex_unlock(&db->xids_mutex);
    return st;
}

Status
rel_create(Ctx *ctx, RelKind kind, int nzones, PageNo *root_out)
{
    Db *db = ctx->db;
    PageRef root = PAGE_REF_NONE, space = PAGE_REF_NONE;
    PageNo number = PAGE_NONE;
    bool reserved = false;
    WalLog log;
    Xid xid;
    Status st;

    if (nzones > rel_zones_max(ctx)) nzones = rel_zones_max(ctx);
    TRY(tx_write_xid(ctx, &xid));
    mutex_lock(&db->space_mutex);
    TRY_GOTO(reserve_created(ctx, db));
    reserved = true;
    TRY_GOTO(space_find(ctx, 1, &number, &space));
    TRY_GOTO(page_fix_new(ctx, number, &root));
    TRY_GOTO(tx_note_created(ctx, number, xid));
    st = wal_begin(ctx, (PageRef *[]){&root, &space}, 2, sizeof(CreatePayload), &log);
    if (st != QN_OK) {
        ctx->tx->created.count--;
        goto done;
    }
    /* Whoever could still write here has an xid from base on. */
    CreatePayload p = {.creator = xid, .clean_below = atomic_load(&db->xids.base), .root = number, .nzones = (uint16_t)nzones, .kind = (uint8_t)kind};
    memcpy(log.payload, &p, sizeof(p));
    map_init(root.ptr, db->page_bytes, number, kind, nzones, 0, xid, p.clean_below);
    space_put_bits(space.ptr, space_bit(db->page_bytes, number), 1, true);
    log.xid = xid;
    CreateNote note = {db, number, xid};
    wal_finish_with(&log, WAL_REL_CREATE, sizeof(p), on_create_insert, &note);
    reserved = false;
    *root_out = number;

done:
    page_unfix(&root);
    page_unfix(&space);
    if (reserved) {
        mutex_lock(&db->xids_mutex);
        db->created_reserved--;
        mutex_unlock(&db->xids_mutex);
    }
    mutex_unlock(&db->space_mutex);
    return st;
}

Status
rel_drop(Ctx *ctx, PageNo root)
{
    return tx_note_dropped(ctx, root);
}

/* A map page at the end of the chain. With rel->extend. */
static Status
add_map(Ctx *ctx, Rel *rel)
{
    Db *db = ctx->db;
    PageRef last = PAGE_REF_NONE, map = PAGE_REF_NONE, space = PAGE_REF_NONE;
    PageNo number;
    WalLog log;
    Status st;

    mutex_lock(&db->space_mutex);
    rwlatch_exclusive(&rel->latch);
    st = rel_reserve(ctx, rel);
    rwlatch_unlock(&rel->latch);
    if (st != QN_OK) goto done;
    TRY_GOTO(page_fix(ctx, rel->maps[rel->nmaps - 1], FIX_EXCLUSIVE, &last));
    TRY_GOTO(map_check(ctx, &last, rel->root));
    TRY_GOTO(space_find(ctx, 1, &number, &space));
    TRY_GOTO(page_fix_new(ctx, number, &map));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&last, &map, &space}, 3, sizeof(MapPayload), &log));
    const MapPage *before = (const MapPage *)last.ptr;
    MapPayload p = {.creator = before->creator, .root = rel->root, .number = number,
                    .map_number = before->map_number + 1, .nzones = before->nzones, .kind = before->kind};
    memcpy(log.payload, &p, sizeof(p));
    map_init(map.ptr, db->page_bytes, p.root, p.kind, p.nzones, p.map_number, p.creator, XID_NONE);
    page_header(&last)->map = number;
    space_put_bits(space.ptr, space_bit(db->page_bytes, number), 1, true);
    wal_finish(&log, WAL_MAP_ADD, sizeof(p));
    rwlatch_exclusive(&rel->latch);
    rel->maps[rel->nmaps++] = number;
    rwlatch_unlock(&rel->latch);
done:
    page_unfix(&map);
    page_unfix(&last);
    page_unfix(&space);
    mutex_unlock(&db->space_mutex);
    return st;
}

/* One more extent, of at least need pages. With rel->extend. */
static Status
add_extent(Ctx *ctx, Rel *rel, uint32_t need)
{
    Db *db = ctx->db;
    PageRef map = PAGE_REF_NONE, space = PAGE_REF_NONE;
    PageNo first;
    WalLog log;
    bool retry;
    Status st;

    /* As many pages as there are, so that the number of extents grows with the logarithm until they have full size. */
    uint32_t n = rel->npages < 1 ? 1 : rel->npages < EXTENT_PAGES_MAX ? rel->npages : EXTENT_PAGES_MAX;
    if (n < need) n = need;
    do {
        retry = false;
        mutex_lock(&db->space_mutex);
        rwlatch_exclusive(&rel->latch);
        st = rel_reserve(ctx, rel);
        rwlatch_unlock(&rel->latch);
        if (st != QN_OK) goto done;
        TRY_GOTO(page_fix(ctx, rel->maps[rel->nmaps - 1], FIX_EXCLUSIVE, &map));
        TRY_GOTO(map_check(ctx, &map, rel->root));
        const MapPage *m = (const MapPage *)map.ptr;
        if (m->nextents == MAP_EXTENTS(db->page_bytes) || m->npages + n > MAP_PAGES(db->page_bytes)) {
            page_unfix(&map);
            mutex_unlock(&db->space_mutex);
            TRY(add_map(ctx, rel));
            retry = true;
        }
    } while (retry);
    TRY_GOTO(space_find(ctx, n, &first, &space));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&map, &space}, 2, sizeof(ExtentPayload), &log));
    ExtentPayload p = {.root = rel->root, .first = first, .npages = n};
    memcpy(log.payload, &p, sizeof(p));
    map_add_extent(map.ptr, db->page_bytes, first, n);
    space_put_bits(space.ptr, space_bit(db->page_bytes, first), n, true);
    wal_finish(&log, WAL_EXTENT_ADD, sizeof(p));
    uint16_t at = (uint16_t)(((const MapPage *)map.ptr)->nextents - 1);
    rwlatch_exclusive(&rel->latch);
    rel_note_extent(rel, &map_extents(map.ptr, db->page_bytes)[at], map.number, at);
    rwlatch_unlock(&rel->latch);
done:
    page_unfix(&map);
    page_unfix(&space);
    mutex_unlock(&db->space_mutex);
    return st;
}

/* Makes pages numbers first..first+n of one extent used and initialised. With rel->extend. */
static Status
make_pages(Ctx *ctx, Rel *rel, PageType type, PageNo first, int n, PageRef *pages_out)
{
    PageRef map = PAGE_REF_NONE;
    PageRef *pages[WAL_PAGES_MAX] = {&map};
    MapSlot slot;
    WalLog log;
    int fixed = 0;
    Status st;

    TRY_GOTO(rel_map_slot(ctx, rel, first, &slot));
    for (; fixed < n; fixed++) {
        pages[fixed + 1] = &pages_out[fixed];
        TRY_GOTO(page_fix_new(ctx, first + (PageNo)fixed, &pages_out[fixed]));
    }
    TRY_GOTO(page_fix(ctx, slot.map, FIX_EXCLUSIVE, &map));
    TRY_GOTO(wal_begin(ctx, pages, n + 1, sizeof(PagePayload), &log));
    PagePayload p = {.root = rel->root, .map = slot.map, .map_index = slot.index, .type = (uint8_t)type,
                     .count = (uint8_t)n};
    memcpy(log.payload, &p, sizeof(p));
    for (int i = 0; i < n; i++) {
        page_init(pages_out[i].ptr, ctx->db->page_bytes, type, rel->root, slot.map, (uint16_t)(slot.index + i));
        page_header(&pages_out[i])->flags = PAGE_FLAG_BLANK;
        ((MapPage *)map.ptr)->entries[slot.index + i] = MAP_USED;
    }
    wal_finish(&log, WAL_PAGE_NEW, sizeof(p));
done:
    page_unfix(&map);
    if (st != QN_OK)
        while (fixed-- > 0) {
            /* Nothing made them: they are as absent as before, but for the memory. */
            page_unfix(&pages_out[fixed]);
        }
    return st;
}

/* An unlinked page nobody can be on the way to, or one never used. With rel->extend. PAGE_NONE if there is none. */
static Status
take_spare(Ctx *ctx, Rel *rel, PageNo *page_out)
{
    enum { LOOK_AT = 4 }; /* spares, a call: the youngest may all be too young */
    Lsn oldest = 0;

    *page_out = PAGE_NONE;
    for (uint32_t i = rel->spare_head; i < rel->nspare && i < rel->spare_head + LOOK_AT; i++) {
        PageNo page = rel->spare[i];
        uint8_t entry;
        bool ok = true;
        TRY(rel_map_entry(ctx, rel, page, &entry));
        if ((entry & MAP_UNLINKED) != 0) {
            PageRef ref = PAGE_REF_NONE;
            if (oldest == 0) oldest = tx_oldest_mark(ctx->db);
            TRY(page_fix(ctx, page, FIX_PIN, &ref));
            ok = page_try_exclusive(&ref); /* a reader may still be on it */
            ok = ok && page_is_alone(&ref) && page_header(&ref)->lsn < oldest;
            page_unfix(&ref);
        }
        if (!ok) continue;
        for (; i > rel->spare_head; i--) rel->spare[i] = rel->spare[i - 1];
        rel->spare_head++;
        *page_out = page;
        return QN_OK;
    }
    return QN_OK;
}

Status
rel_pages_new(Ctx *ctx, Rel *rel, PageType type, int n, PageRef *pages_out)
{
    int made = 0;
    Status st = QN_OK;

    assert(n >= 1 && n <= WAL_PAGES_MAX - 2);
    mutex_lock(&rel->extend);
    if (n == 1 && rel->nspare > rel->spare_head) {
        PageNo page;
        TRY_GOTO(take_spare(ctx, rel, &page));
        if (page != PAGE_NONE) {
            st = make_pages(ctx, rel, type, page, 1, pages_out);
            if (st == QN_OK) made = 1;
            else rel->spare[--rel->spare_head] = page; /* its place is still there */
            goto done;
        }
    }
    while (made < n) {
        if (rel->next_unused == rel->npages) TRY_GOTO(add_extent(ctx, rel, 1));
        rwlatch_shared(&rel->latch);
        RelExtent e = *extent_of_ordinal(rel, rel->next_unused);
        rwlatch_unlock(&rel->latch);
        int part = (int)(e.ordinal + e.npages - rel->next_unused);
        if (part > n - made) part = n - made;
        TRY_GOTO(make_pages(ctx, rel, type, e.first + (rel->next_unused - e.ordinal), part, pages_out + made));
        rel->next_unused += (uint32_t)part;
        made += part;
    }
done:
    mutex_unlock(&rel->extend);
    if (st != QN_OK)
        while (made-- > 0) page_unfix(&pages_out[made]); /* blank pages of the relation, to be found again by VACUUM */
    return st;
}

Status
rel_page_new(Ctx *ctx, Rel *rel, PageType type, PageNo near, PageRef *page_out)
{
    (void)near; /* pages come in the order of the extents, which is near enough for what exists today */
    return rel_pages_new(ctx, rel, type, 1, page_out);
}

static int
by_number(const void *a, const void *b)
{
    PageNo x = *(const PageNo *)a, y = *(const PageNo *)b;
    return (x > y) - (x < y);
}

/* n neighbouring pages of one extent among the spare ones; they leave the list. With rel->extend. */
static bool
take_spare_run(Rel *rel, uint32_t n, PageNo *first_out)
{
    uint32_t length = 0;

    if (rel->nspare - rel->spare_head < n || (rel->run_missing != 0 && n >= rel->run_missing)) return false;
    if (rel->spare_unsorted)
        qsort(rel->spare + rel->spare_head, rel->nspare - rel->spare_head, sizeof(PageNo), by_number);
    rel->spare_unsorted = false;
    for (uint32_t i = rel->spare_head; i < rel->nspare; i++) {
        length = length > 0 && rel->spare[i] == rel->spare[i - 1] + 1 ? length + 1 : 1;
        if (length < n) continue;
        PageNo first = rel->spare[i + 1 - n];
        rwlatch_shared(&rel->latch);
        bool whole = extent_of_page(rel, first) == extent_of_page(rel, first + n - 1);
        rwlatch_unlock(&rel->latch);
        if (!whole) continue;
        memmove(rel->spare + i + 1 - n, rel->spare + i + 1, (rel->nspare - i - 1) * sizeof(PageNo));
        rel->nspare -= n;
        *first_out = first;
        return true;
    }
    rel->run_missing = n;
    return false;
}

/* n pages that were never used, all of one extent. With rel->extend; next_unused moves on when they are marked. */
static Status
find_unused_run(Ctx *ctx, Rel *rel, uint32_t n, PageNo *first_out)
{
    uint32_t left = 0;

    if (rel->next_unused < rel->npages) {
        rwlatch_shared(&rel->latch);
        const RelExtent *e = extent_of_ordinal(rel, rel->next_unused);
        left = e->ordinal + e->npages - rel->next_unused;
        rwlatch_unlock(&rel->latch);
    }
    if (left < n) {
        uint32_t end = rel->npages;
        TRY(add_extent(ctx, rel, n));
        for (; rel->next_unused < end; rel->next_unused++) {
            rwlatch_shared(&rel->latch);
            const RelExtent *e = extent_of_ordinal(rel, rel->next_unused);
            PageNo page = e->first + (rel->next_unused - e->ordinal);
            rwlatch_unlock(&rel->latch);
            TRY(push_spare(ctx, rel, page));
        }
    }
    rwlatch_shared(&rel->latch);
    const RelExtent *e = extent_of_ordinal(rel, rel->next_unused);
    *first_out = e->first + (rel->next_unused - e->ordinal);
    rwlatch_unlock(&rel->latch);
    return QN_OK;
}

Status
rel_run_new(Ctx *ctx, Rel *rel, uint32_t n, PageNo *first_out)
{
    PageRef map = PAGE_REF_NONE;
    PageNo first;
    MapSlot slot;
    WalLog log;
    Status st;

    assert(n >= 1 && n <= EXTENT_PAGES_MAX);
    mutex_lock(&rel->extend);
    bool used_before = take_spare_run(rel, n, &first);
    if (!used_before) TRY_GOTO(find_unused_run(ctx, rel, n, &first));
    TRY_GOTO(rel_map_slot(ctx, rel, first, &slot));
    TRY_GOTO(page_fix(ctx, slot.map, FIX_EXCLUSIVE, &map));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&map}, 1, sizeof(PagePayload), &log));
    PagePayload p = {.root = rel->root, .map = slot.map, .map_index = slot.index, .run = n};
    memcpy(log.payload, &p, sizeof(p));
    memset(((MapPage *)map.ptr)->entries + slot.index, MAP_RUN_UNWRITTEN, n);
    wal_finish(&log, WAL_PAGE_NEW, sizeof(p));
    if (!used_before) rel->next_unused += n;
    *first_out = first;
    used_before = false;
done:
    page_unfix(&map);
    if (used_before) /* the run was not taken after all; there is room for it */
        for (uint32_t i = 0; i < n; i++) rel_add_spare(rel, first + i);
    mutex_unlock(&rel->extend);
    return st;
}

/* ---- free space ---- */

Status
rel_find_space(Ctx *ctx, Rel *rel, uint32_t need_bytes, PageNo *page_out)
{
    uint32_t page_bytes = ctx->db->page_bytes;
    uint32_t want = (uint32_t)(((uint64_t)need_bytes * 16 + page_bytes - 1) / page_bytes);

    *page_out = PAGE_NONE;
    if (want > atomic_load_explicit(&rel->best_class, memory_order_relaxed)) return QN_OK;
    if (want == 0) want = 1;
    uint32_t npages = rel_page_count(rel), from = atomic_load(&rel->find_from), seen = 0;
    if (from >= npages) from = 0;
    while (seen < npages) {
        RelExtent e = {0};
        PageRef map = PAGE_REF_NONE;
        rwlatch_shared(&rel->latch);
        const RelExtent *found = extent_of_ordinal(rel, from);
        if (found != NULL) e = *found;
        rwlatch_unlock(&rel->latch);
        if (found == NULL) break;
        TRY(page_fix(ctx, e.map, FIX_SHARED, &map));
        const uint8_t *entries = ((const MapPage *)map.ptr)->entries + e.map_first;
        uint32_t k = from - e.ordinal;
        while (k < e.npages && !((entries[k] & (MAP_USED | MAP_OVERFLOW)) == MAP_USED && (entries[k] & MAP_CLASS_MASK) >= want)) k++;
        page_unfix(&map);
        if (k < e.npages) {
            *page_out = e.first + k;
            atomic_store(&rel->find_from, e.ordinal + k + 1);
            return QN_OK;
        }
        seen += e.npages - (from - e.ordinal);
        from = e.ordinal + e.npages;
        if (from >= npages) from = 0;
    }
    /* All were seen: nothing has that much, until a note says otherwise. */
    uint32_t best = atomic_load(&rel->best_class);
    while (best >= want && !atomic_compare_exchange_weak(&rel->best_class, &best, want - 1)) {}
    return QN_OK;
}

void
rel_note_space(Ctx *ctx, Rel *rel, PageNo page, uint32_t free_bytes)
{
    uint32_t page_bytes = ctx->db->page_bytes;
    PageRef map = PAGE_REF_NONE;
    MapSlot slot = {0};

    rwlatch_shared(&rel->latch);
    const RelExtent *e = extent_of_page(rel, page);
    if (e != NULL) slot = (MapSlot){.map = e->map, .index = (uint16_t)(e->map_first + (page - e->first))};
    rwlatch_unlock(&rel->latch);
    if (e == NULL || !page_try_fix(ctx, slot.map, FIX_EXCLUSIVE, &map)) return;
    map_set_class(map.ptr, slot.index, free_bytes, page_bytes);
    page_unfix(&map);
    uint32_t class = map_space_class(free_bytes, page_bytes), best = atomic_load(&rel->best_class);
    while (best < class && !atomic_compare_exchange_weak(&rel->best_class, &best, class)) {}
}
