/* extent_map.c - the parts of a map page: entries, zones, extents. */
#include "storage/extent_priv.h"

uint8_t
map_entry(const void *map_page, uint16_t index)
{
    return ((const MapPage *)map_page)->entries[index];
}

void
map_set_visible(void *map_page, uint16_t index, bool visible)
{
    uint8_t *e = &((MapPage *)map_page)->entries[index];
    *e = (uint8_t)(visible ? *e | MAP_ALL_VISIBLE : *e & ~MAP_ALL_VISIBLE);
}

uint8_t
map_space_class(uint32_t free_bytes, uint32_t page_bytes)
{
    uint32_t c = (uint32_t)((uint64_t)free_bytes * 16 / page_bytes);
    return (uint8_t)(c > MAP_CLASS_MASK ? MAP_CLASS_MASK : c);
}

void
map_set_class(void *map_page, uint16_t index, uint32_t free_bytes, uint32_t page_bytes)
{
    uint8_t *e = &((MapPage *)map_page)->entries[index];
    *e = (uint8_t)((*e & ~MAP_CLASS_MASK) | map_space_class(free_bytes, page_bytes));
}

bool
map_zone_would_widen(const void *map_page, uint32_t page_bytes, uint16_t extent, uint64_t columns,
                     const ZoneRange *ranges)
{
    void *map = (void *)(uintptr_t)map_page;
    const ZoneRange *zones = map_zones(map, page_bytes, extent);
    for (columns &= map_extents(map, page_bytes)[extent].zone_valid; columns != 0; columns &= columns - 1) {
        int c = __builtin_ctzll(columns);
        if (ranges[c].min <= ranges[c].max && (ranges[c].min < zones[c].min || ranges[c].max > zones[c].max))
            return true;
    }
    return false;
}

void
map_zone_widen(void *map_page, uint32_t page_bytes, uint16_t extent, uint64_t columns,
               const ZoneRange *ranges)
{
    ZoneRange *zones = map_zones(map_page, page_bytes, extent);
    for (columns &= map_extents(map_page, page_bytes)[extent].zone_valid; columns != 0; columns &= columns - 1) {
        int c = __builtin_ctzll(columns);
        if (ranges[c].min > ranges[c].max) continue;
        if (ranges[c].min < zones[c].min) zones[c].min = ranges[c].min;
        if (ranges[c].max > zones[c].max) zones[c].max = ranges[c].max;
    }
}

void
map_zone_clear(void *map_page, uint32_t page_bytes, uint16_t extent, uint64_t columns)
{
    map_extents(map_page, page_bytes)[extent].zone_valid &= ~columns;
}

void
map_zone_set(void *map_page, uint32_t page_bytes, uint16_t extent, uint64_t columns,
             const ZoneRange *ranges)
{
    ZoneRange *zones = map_zones(map_page, page_bytes, extent);
    int nzones = ((const MapPage *)map_page)->nzones;
    if (nzones < 64) columns &= (1ull << nzones) - 1;
    map_extents(map_page, page_bytes)[extent].zone_valid |= columns;
    for (; columns != 0; columns &= columns - 1) {
        int c = __builtin_ctzll(columns);
        zones[c] = ranges[c];
    }
}

void
map_init(void *page, uint32_t page_bytes, PageNo root, RelKind kind, int nzones, uint32_t map_number,
         Xid creator, Xid clean_below)
{
    MapPage *map = page;
    page_init(page, page_bytes, PAGE_MAP, root, PAGE_NONE, 0);
    map->nzones = (uint16_t)nzones;
    map->kind = (uint8_t)kind;
    map->map_number = map_number;
    map->creator = creator;
    map->clean_below = clean_below;
}

void
map_add_extent(void *page, uint32_t page_bytes, PageNo first, uint32_t npages)
{
    MapPage *map = page;
    uint16_t i = (uint16_t)map->nextents++;
    int nzones = map->nzones;
    map_extents(page, page_bytes)[i] =
        (ExtentEntry){.first = first, .npages = (uint16_t)npages, .map_first = (uint16_t)map->npages,
                      .zone_valid = nzones >= 64 ? UINT64_MAX : (1ull << nzones) - 1};
    ZoneRange *zones = map_zones(page, page_bytes, i);
    for (int c = 0; c < nzones; c++) zones[c] = (ZoneRange){INT64_MAX, INT64_MIN};
    memset(map->entries + map->npages, 0, npages);
    map->npages += npages;
}

void
map_pop_extent(void *page, uint32_t page_bytes)
{
    MapPage *map = page;
    map->npages -= map_extents(page, page_bytes)[--map->nextents].npages;
}

Status
map_check(Ctx *ctx, const PageRef *ref, PageNo root)
{
    uint32_t page_bytes = ctx->db->page_bytes;
    const MapPage *map = (const MapPage *)ref->ptr;

    TRY(page_check(ctx, ref, root, PAGE_MAP));
    bool ok = map->nextents <= MAP_EXTENTS(page_bytes) && map->npages <= MAP_PAGES(page_bytes) &&
              map->nzones <= MAP_ZONES_MAX(page_bytes) && map->nzones <= ZONE_COLUMNS_MAX;
    uint32_t npages = 0;
    for (uint32_t i = 0; ok && i < map->nextents; i++) {
        ExtentEntry e = map_extents(ref->ptr, page_bytes)[i];
        ok = e.map_first == npages && e.npages >= 1 && e.npages <= EXTENT_PAGES_MAX && e.first >= PAGE_NO_FIRST &&
             (uint64_t)e.first + e.npages <= ((PoolHot *)ctx->pool)->limit;
        npages += e.npages;
    }
    if (!ok || npages != map->npages)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid map page in block %u of relation %u", ref->number, root);
    return QN_OK;
}
