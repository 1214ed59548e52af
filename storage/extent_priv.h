/* extent_priv.h - where the parts of map pages and space maps lie; for extent.c, extent_free.c and check.c. */
#ifndef STORAGE_EXTENT_PRIV_H
#define STORAGE_EXTENT_PRIV_H

#include "storage/instance.h"

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

/* ---- records ---- */

/* EXTENT_ADD, EXTENT_FREE, REL_FREE */
typedef struct ExtentPayload {
    PageNo root, first;
    uint32_t npages;
} ExtentPayload;

typedef struct PagePayload {
    PageNo root, map;
    uint16_t map_index; /* of the first page; the others follow */
    uint8_t type;
    uint8_t count;      /* of pages made; 0: run marks entries only */
    uint32_t run;       /* entries marked used without their pages being made */
} PagePayload;

typedef struct CreateNote { Db *db; PageNo root; Xid xid; } CreateNote;

Status extent_bad_record(Ctx *ctx, const WalRecord *rec);
/* The payload, if it and the number of pages have the size they must have. */
#define REDO_PAYLOAD(ctx, rec, p, min_pages)                                                       \
    do {                                                                                           \
        if ((rec)->payload_bytes != sizeof(*(p)) || (rec)->npages < (min_pages))                   \
            return extent_bad_record((ctx), (rec));                                                \
        memcpy((p), (rec)->payload, sizeof(*(p)));                                                 \
    } while (0)

/* Sets or clears the bits of n pages from bit first on. */
void space_put_bits(void *space, uint32_t first, uint32_t n, bool used);
/* Pages from first on are free now: allocation looks there. With space_mutex. */
void extent_note_freed(Db *db, PageNo first);
void map_pop_extent(void *map, uint32_t page_bytes);
Status extent_grow_array(Ctx *ctx, void **items, uint32_t *cap, uint32_t need, size_t item_bytes);
/* Room for n more spare pages, and adding one. With rel->extend. */
Status rel_reserve_spare(Ctx *ctx, Rel *rel, uint32_t n);
void rel_add_spare(Rel *rel, PageNo page);
/* Takes the relation out of memory: it is being freed. */
void rel_discard(Db *db, PageNo root);
/* With rel->latch: the extent of a page, NULL if there is none. */
const RelExtent *extent_of_page(const Rel *rel, PageNo page);

/* Whether a space map has not been made yet: the file may be longer than what is in use, and reads as zeros there. */
bool extent_space_missing(Ctx *ctx, PageNo number);

/* XX001 unless a map page's counts and extents hold together: bytes from disk are checked before they are believed. */
Status map_check(Ctx *ctx, const PageRef *ref, PageNo root);

#endif
