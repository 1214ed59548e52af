/* page.h - one page, as memory: its header, its checksum, and what a reference to a fixed page is.
 *
 * A PageRef is how code holds a page. It is a value on the stack, PAGE_REF_NONE when it holds nothing, filled
 * by the page_fix family of storage/pool.h and emptied by page_unfix, which may be called twice.
 */
#ifndef STORAGE_PAGE_H
#define STORAGE_PAGE_H

#include "common/ctx.h"
#include "storage/format.h"
#include <stdatomic.h>
#include <string.h>

typedef enum FixMode {
    FIX_NONE = 0,
    FIX_PIN,        /* the page stays, and values of its slots neither move nor change; reading the
                     * header or arrays that writers extend needs a latch */
    FIX_SHARED,     /* latched: bytes do not change */
    FIX_EXCLUSIVE,  /* latched for change */
    FIX_OPTIMISTIC, /* holds nothing; what was read counts only if page_validate says so */
} FixMode;

typedef struct PageRef {
    uint8_t *ptr;                /* the page's bytes, page_bytes of them */
    _Atomic uint64_t *state;     /* its state word in the pool */
    PageNo number;
    uint32_t version;            /* FIX_OPTIMISTIC: what page_validate compares */
    uint8_t mode;                /* FixMode */
    bool fresh;                  /* from page_fix_new or rel_page_new: the next record makes it anew */
} PageRef;

#define PAGE_REF_NONE ((PageRef){0})

static inline PageHeader *
page_header(const PageRef *ref)
{
    return (PageHeader *)ref->ptr;
}

/* Zeros the page and fills its header. For pages that are not described by a map, map is PAGE_NONE. */
void page_init(void *page, uint32_t page_bytes, PageType type, PageNo rel, PageNo map,
               uint16_t map_index);

/* Whether the bytes are those of this page of this database: the checksum, sane header fields, and, of an index page, entries that lie within it.
 * page_set_crc is for the private copy on its way to disk. */
uint32_t page_crc(const void *page, uint32_t page_bytes, PageNo number, uint32_t seed);
bool page_verify(const void *page, uint32_t page_bytes, PageNo number, uint32_t seed);
void page_set_crc(void *page, uint32_t page_bytes, PageNo number, uint32_t seed);

/* XX001 unless the fixed page belongs to relation rel and has this type. Not for optimistic sections. */
Status page_check_slow(Ctx *ctx, const PageRef *ref, PageNo rel, PageType type)
    __attribute__((cold));
static inline Status
page_check(Ctx *ctx, const PageRef *ref, PageNo rel, PageType type)
{
    const PageHeader *h = page_header(ref);
    if (__builtin_expect(h->rel != rel || h->type != type, 0))
        return page_check_slow(ctx, ref, rel, type);
    return QN_OK;
}

#endif
