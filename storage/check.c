/* check.c - db_check: does every page of the file belong to exactly one owner, and is each what its owner's map says?
 *
 * Ownership is drawn up from the roots, map page by map page, in a bitmap of the file, and compared with the space maps at the
 * end. Contents of heap and index pages are their own modules' to check (heap and index check functions). */
#include "common/bits.h"
#include "storage/extent_priv.h"
#include "storage/instance.h"
#include <stdarg.h>
#include <stdio.h>

typedef struct Check {
    DbReport report;
    void *arg;
    uint64_t *owned;     /* pages that have an owner */
    PageNo npages;
    uint64_t faults;
    PageNo first_page;
    char first[160];
} Check;

static void __attribute__((format(printf, 3, 4)))
fault(Check *c, PageNo page, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (c->faults++ == 0) {
        c->first_page = page;
        memcpy(c->first, text, sizeof(text));
    }
    if (c->report != NULL) c->report(c->arg, page, text);
}

static void
own(Check *c, PageNo page, PageNo root)
{
    if (page >= c->npages) fault(c, page, "relation %u owns a page beyond the end of the file", root);
    else if (bits_get(c->owned, page)) fault(c, page, "relation %u owns a page that another owns as well", root);
    else bits_set(c->owned, page);
}

/* Damage found while reading is a fault like others; anything else ends the check. */
static Status
fix_or_note(Ctx *ctx, Check *c, PageNo page, PageRef *out)
{
    Status st = page_fix(ctx, page, FIX_SHARED, out);
    if (st != ERR_DATA_CORRUPTED) return st;
    fault(c, page, "%s", ctx->err.message);
    err_clear(&ctx->err);
    return QN_OK;
}

/* The pages of an extent against its map's entries. */
static Status
check_extent(Ctx *ctx, Check *c, PageNo root, PageNo map, const ExtentEntry *e, const uint8_t *entries)
{
    if (extent_space_page(ctx->db->page_bytes, e->first) !=
        extent_space_page(ctx->db->page_bytes, e->first + e->npages - 1))
        fault(c, map, "extent at %u crosses from one space map to the next", e->first);
    for (uint32_t i = 0; i < e->npages; i++) {
        PageNo n = e->first + i;
        PageRef page = PAGE_REF_NONE;
        own(c, n, root);
        TRY(ctx_check_stop(ctx));
        /* Pages of runs are made by records of their own, which a crash may have prevented; whoever holds a value checks its pages. */
        if ((entries[i] & (MAP_USED | MAP_OVERFLOW)) != MAP_USED || n >= c->npages) continue;
        TRY(fix_or_note(ctx, c, n, &page));
        if (page.mode == FIX_NONE) continue;
        const PageHeader *h = page_header(&page);
        if (h->rel != root)
            fault(c, n, "page says it belongs to relation %u, not %u", h->rel, root);
        else if (h->map != map || h->map_index != e->map_first + i)
            fault(c, n, "page says its entry is %u of map %u, not %u of %u", h->map_index, h->map,
                  e->map_first + i, map);
        else if (((h->flags & PAGE_FLAG_ALL_VISIBLE) != 0) != ((entries[i] & MAP_ALL_VISIBLE) != 0))
            fault(c, n, "page and map disagree on whether all of it is visible");
        page_unfix(&page);
    }
    return QN_OK;
}

static Status
check_rel(Ctx *ctx, Check *c, PageNo root)
{
    uint32_t page_bytes = ctx->db->page_bytes, number = 0;
    uint8_t *copy;
    Status st = QN_OK;

    TRY_ALLOC(ctx, copy, mem_alloc(NULL, page_bytes));
    for (PageNo at = root; at != PAGE_NONE && number <= c->npages; number++) {
        PageRef map = PAGE_REF_NONE;
        own(c, at, root);
        TRY_GOTO(fix_or_note(ctx, c, at, &map));
        if (map.mode == FIX_NONE) break;
        st = map_check(ctx, &map, root);
        memcpy(copy, map.ptr, page_bytes); /* latches are not held over the pages below */
        page_unfix(&map);
        if (st == ERR_DATA_CORRUPTED) {
            fault(c, at, "%s", ctx->err.message);
            err_clear(&ctx->err);
            st = QN_OK;
            break;
        }
        TRY_GOTO(st);
        const MapPage *m = (const MapPage *)copy;
        if (m->map_number != number) fault(c, at, "map page %u of relation %u says it is number %u", number, root, m->map_number);
        for (uint32_t i = 0; i < m->nextents; i++) {
            const ExtentEntry *e = &map_extents(copy, page_bytes)[i];
            TRY_GOTO(check_extent(ctx, c, root, at, e, m->entries + e->map_first));
        }
        at = m->page.map;
    }
    if (number > c->npages) fault(c, root, "map pages form a circle");
done:
    mem_free(NULL, copy, page_bytes);
    return st;
}

/* What the space maps call used must be owned, and the other way round. */
static Status
check_space(Ctx *ctx, Check *c)
{
    PageNo covered = SPACE_PAGES(ctx->db->page_bytes);

    for (PageNo base = 0; base < c->npages; base += covered) {
        PageRef space = PAGE_REF_NONE;
        PageNo number = extent_space_page(ctx->db->page_bytes, base);
        if (extent_space_missing(ctx, number)) {
            for (PageNo n = base + 1; n < c->npages && n < base + covered; n++)
                if (bits_get(c->owned, n)) fault(c, n, "page belongs to a relation and has no space map");
            continue;
        }
        TRY(fix_or_note(ctx, c, number, &space));
        if (space.mode == FIX_NONE) continue;
        const uint64_t *bits = ((const SpacePage *)space.ptr)->bits;
        for (PageNo n = base; n < c->npages && n < base + covered; n++) {
            bool used = bits_get(bits, n - base), owned = bits_get(c->owned, n);
            if (used && !owned) fault(c, n, "page is in use and belongs to nothing");
            if (!used && owned) fault(c, n, "page belongs to a relation and is marked free");
        }
        page_unfix(&space);
    }
    return QN_OK;
}

Status
db_check(Ctx *ctx, const PageNo *roots, int nroots, DbReport report, void *arg)
{
    Db *db = ctx->db;
    Check c = {.report = report, .arg = arg, .npages = atomic_load(&db->file_pages)};
    PageNo covered = SPACE_PAGES(db->page_bytes);
    Status st = QN_OK;

    TRY(db_check_usable(ctx));
    TRY_ALLOC(ctx, c.owned, mem_zalloc(NULL, BITS_WORDS(c.npages) * 8));
    for (PageNo n = 0; n < PAGE_NO_FIRST && n < c.npages; n++) bits_set(c.owned, n);
    for (PageNo n = covered; n < c.npages; n += covered) bits_set(c.owned, n);
    for (int i = 0; i < 2; i++)
        for (uint32_t k = 0; k < db->nmore[i]; k++) own(&c, db->more[i][k], PAGE_NONE);
    for (int i = 0; i < nroots; i++) TRY_GOTO(check_rel(ctx, &c, roots[i]));
    /* Dropped relations whose pages some snapshot may still read. */
    mutex_lock(&db->drops_mutex);
    for (uint32_t i = 0; i < db->ndrops && st == QN_OK; i++) st = check_rel(ctx, &c, db->drops[i].root);
    mutex_unlock(&db->drops_mutex);
    TRY_GOTO(st);
    TRY_GOTO(check_space(ctx, &c));
    if (c.faults > 0) {
        st = RAISE(ctx, ERR_DATA_CORRUPTED, "database \"%s\" is damaged: block %u: %s", db_path(ctx), c.first_page, c.first);
        st = err_detail(ctx, st, "%llu faults were found.", (unsigned long long)c.faults);
    }
done:
    mem_free(NULL, c.owned, BITS_WORDS(c.npages) * 8);
    return st;
}
