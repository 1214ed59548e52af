/* extent_priv.h - where the parts of map pages and space maps lie; for extent*.c and check.c. */
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

typedef struct CreatePayload {
    Xid creator, clean_below;
    PageNo root;
    uint16_t nzones;
    uint8_t kind, reserved;
} CreatePayload;

typedef struct MapPayload {
    Xid creator;
    PageNo root, number;
    uint32_t map_number;
    uint16_t nzones;
    uint8_t kind, reserved;
} MapPayload;

typedef struct SpacePayload { PageNo page; uint32_t used; } SpacePayload;

typedef struct CreateNote { Db *db; PageNo root; Xid xid; } CreateNote;

Status extent_bad_record(Ctx *ctx, const WalRecord *rec);
/* The payload, if it and the number of pages have the size they must have. */
#define REDO_PAYLOAD(ctx, rec, p, min_pages)                                                       \
    do {                                                                                           \
        if ((rec)->payload_bytes != sizeof(*(p)) || (rec)->npages < (min_pages))                   \
            return extent_bad_record((ctx), (rec));                                                \
        memcpy((p), (rec)->payload, sizeof(*(p)));                                                 \
    } while (0)

/* n neighbouring free pages, the file long enough for them. space_out is left latched exclusively, so that the caller sets the bits in its record; with
 * space_mutex. Runs never cross from one map to the next: a map's first bit is its own page.
 * 53100, 54000. */
Status space_find(Ctx *ctx, uint32_t n, PageNo *first_out, PageRef *space_out);
/* Sets or clears the bits of n pages from bit first on. */
void space_put_bits(void *space, uint32_t first, uint32_t n, bool used);
/* Pages from first on are free now: allocation looks there. With space_mutex. */
void extent_note_freed(Db *db, PageNo first);
void map_init(void *page, uint32_t page_bytes, PageNo root, RelKind kind, int nzones, uint32_t map_number,
              Xid creator, Xid clean_below);
void map_add_extent(void *page, uint32_t page_bytes, PageNo first, uint32_t npages);
void map_pop_extent(void *map, uint32_t page_bytes);
/* The class, 0 to MAP_CLASS_MASK, of a page with so many bytes free. */
uint8_t map_space_class(uint32_t free_bytes, uint32_t page_bytes);
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

/* Room for one more extent and one more map; adding an extent. With rel->extend, or before others see rel. */
Status rel_reserve(Ctx *ctx, Rel *rel);
void rel_note_extent(Rel *rel, const ExtentEntry *e, PageNo map, uint16_t extent);
/* In a file opened to be recovered, where a map page is damaged: adds the pages that say they are the relation's and that no map lists, as extents
 * without a map (PAGE_NONE). What is in such an extent is found out from its pages. */
Status rel_salvage(Ctx *ctx, Rel *rel);
void rel_salvaged_run(Ctx *ctx, const Rel *rel, RelRun *run);

/* XX001 unless a map page's counts and extents hold together: bytes from disk are checked before they are believed. */
Status map_check(Ctx *ctx, const PageRef *ref, PageNo root);

#endif
