/* page.c - see page.h. */
#include "storage/page.h"
#include "common/crc32c.h"
#include "storage/btree.h"

void
page_init(void *page, uint32_t page_bytes, PageType type, PageNo rel, PageNo map, uint16_t map_index)
{
    PageHeader *h = page;
    memset(page, 0, page_bytes);
    h->type = (uint8_t)type;
    h->rel = rel;
    h->map = map;
    h->map_index = map_index;
}

uint32_t
page_crc(const void *page, uint32_t page_bytes, PageNo number, uint32_t seed)
{
    const uint8_t *p = page;
    uint32_t crc = crc32c(seed ^ number, p, offsetof(PageHeader, crc));
    return crc32c(crc, p + offsetof(PageHeader, rel), page_bytes - offsetof(PageHeader, rel));
}

bool
page_verify(const void *page, uint32_t page_bytes, PageNo number, uint32_t seed)
{
    const PageHeader *h = page;
    if (h->lsn == 0 || h->type == PAGE_UNUSED || h->type >= PAGE_TYPE_COUNT) return false;
    if ((uint32_t)h->gap_begin + h->gap_bytes > page_bytes) return false;
    if (h->crc != page_crc(page, page_bytes, number, seed)) return false;
    return h->type != PAGE_BTREE || btree_layout_is_valid(page, page_bytes);
}

void
page_set_crc(void *page, uint32_t page_bytes, PageNo number, uint32_t seed)
{
    ((PageHeader *)page)->crc = page_crc(page, page_bytes, number, seed);
}

Status
page_check_slow(Ctx *ctx, const PageRef *ref, PageNo rel, PageType type)
{
    const PageHeader *h = page_header(ref);
    return RAISE(ctx, ERR_DATA_CORRUPTED,
                 "invalid page in block %u of relation %u: it belongs to relation %u and has type %d, not %d",
                 ref->number, rel, h->rel, h->type, (int)type);
}
