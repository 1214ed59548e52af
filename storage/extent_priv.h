/* extent_priv.h - where the parts of map pages and space maps lie; for extent.c and check.c. */
#ifndef STORAGE_EXTENT_PRIV_H
#define STORAGE_EXTENT_PRIV_H

#include "storage/extent.h"

static inline uint32_t
space_bit(uint32_t page_bytes, PageNo page)
{
    return page % SPACE_PAGES(page_bytes);
}

static inline ExtentEntry *
map_extents(void *map, uint32_t page_bytes)
{
    return (ExtentEntry *)((uint8_t *)map + sizeof(MapPage) + MAP_PAGES(page_bytes));
}

static inline ZoneRange *
map_zones(void *map, uint32_t page_bytes, uint16_t extent)
{
    ZoneRange *zones = (ZoneRange *)(map_extents(map, page_bytes) + MAP_EXTENTS(page_bytes));
    return zones + (size_t)extent * ((MapPage *)map)->nzones;
}

/* Whether a space map has not been made yet: the file may be longer than what is in use, and reads as zeros there. */
bool extent_space_missing(Ctx *ctx, PageNo number);

/* XX001 unless a map page's counts and extents hold together: bytes from disk are checked before they are believed. */
Status map_check(Ctx *ctx, const PageRef *ref, PageNo root);

#endif
