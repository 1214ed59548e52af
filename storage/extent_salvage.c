/* extent_salvage.c - a relation whose map is damaged, in a file opened to be recovered: its pages are those that say they are its own. */
#include "common/bits.h"
#include "storage/extent_priv.h"

/* Pages that maps list, from the last db_check. */
static bool
has_owner(const Db *db, PageNo page)
{
    return db->salvage_owned != NULL && page < db->salvage_end && bits_get(db->salvage_owned, page);
}

/* Free pages may still say what they once were. */
static bool
is_in_use(Ctx *ctx, PageNo page)
{
    const uint32_t page_bytes = ctx->db->page_bytes;
    PageRef space = PAGE_REF_NONE;
    bool used = true;
    Status st = page_fix(ctx, extent_space_page(page_bytes, page), FIX_SHARED, &space);
    if (st == QN_OK) st = page_check(ctx, &space, PAGE_NONE, PAGE_SPACE);
    if (st == QN_OK) used = bits_get(((const SpacePage *)space.ptr)->bits, page % SPACE_PAGES(page_bytes));
    else err_clear(&ctx->err); /* nobody knows */
    page_unfix(&space);
    return used;
}

/* The type of a page that says it is the relation's; PAGE_UNUSED: it does not, or cannot be read. */
static uint8_t
type_of_page(Ctx *ctx, PageNo root, PageNo number)
{
    PageRef page = PAGE_REF_NONE;
    uint8_t type = PAGE_UNUSED;
    if (page_fix(ctx, number, FIX_SHARED, &page) != QN_OK) {
        err_clear(&ctx->err);
        return PAGE_UNUSED;
    }
    const PageHeader *h = page_header(&page);
    if (h->rel == root && h->type >= PAGE_HEAP && h->type != PAGE_LIST) type = h->type;
    page_unfix(&page);
    return type;
}

Status
rel_salvage(Ctx *ctx, Rel *rel)
{
    const PageNo end = atomic_load(&ctx->db->file_pages);
    ExtentEntry run = {0};
    for (PageNo n = PAGE_NO_FIRST; n < end; n++) {
        TRY(ctx_check_stop(ctx));
        if (has_owner(ctx->db, n) || extent_of_page(rel, n) != NULL || type_of_page(ctx, rel->root, n) == PAGE_UNUSED || !is_in_use(ctx, n)) continue;
        if (run.npages > 0 && (run.first + run.npages != n || run.npages == EXTENT_PAGES_MAX)) {
            TRY(rel_reserve(ctx, rel));
            rel_note_extent(rel, &run, PAGE_NONE, 0);
            run.npages = 0;
        }
        if (run.npages++ == 0) run.first = n;
    }
    if (run.npages == 0) return QN_OK;
    TRY(rel_reserve(ctx, rel));
    rel_note_extent(rel, &run, PAGE_NONE, 0);
    return QN_OK;
}

void
rel_salvaged_run(Ctx *ctx, const Rel *rel, RelRun *run)
{
    for (uint32_t i = 0; i < run->npages; i++) {
        uint8_t type = type_of_page(ctx, rel->root, run->first + i);
        run->entries[i] = type == PAGE_UNUSED ? 0 : type == PAGE_OVERFLOW ? MAP_USED | MAP_OVERFLOW : MAP_USED;
    }
    run->nzones = 0;
    run->zone_valid = 0;
}
