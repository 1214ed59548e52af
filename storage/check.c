/* check.c - db_check: does every page of the file belong to exactly one owner, is each what its owner's map says, and is what is on
 * disk what was written?
 *
 * Ownership is drawn up from the roots, map page by map page, in a bitmap of the file, and compared with the space maps. That part runs
 * under space_mutex, so that no page changes hands. Contents of heap and index pages are their own modules' to check. */
#include "common/bits.h"
#include "storage/extent_priv.h"
#include "storage/instance.h"
#include <stdarg.h>
#include <stdio.h>

typedef struct Check {
    Ctx *ctx;
    DbReport report;
    void *arg;
    uint64_t *owned;     /* pages that have an owner */
    uint8_t *raw;        /* a page as it is on disk */
    PageNo npages;
    uint64_t faults;
    PageNo first_page;
    char first[160];
} Check;

static void __attribute__((format(printf, 4, 5)))
fault(Check *c, PageNo root, PageNo page, const char *fmt, ...)
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
    if (c->report != NULL) c->report(c->arg, root, page, text);
}

static void
own(Check *c, PageNo page, PageNo root)
{
    if (page >= c->npages) fault(c, root, page, "the page lies beyond the end of the file");
    else if (bits_get(c->owned, page)) fault(c, root, page, "the page has another owner as well");
    else bits_set(c->owned, page);
}

/* Damage found while reading is a fault like others; anything else ends the check. */
static Status
fix_or_note(Check *c, PageNo root, PageNo page, PageRef *out)
{
    Ctx *ctx = c->ctx;
    Status st = page_fix(ctx, page, FIX_SHARED, out);
    if (st != ERR_DATA_CORRUPTED) return st;
    fault(c, root, page, "%s", ctx->err.message);
    err_clear(&ctx->err);
    return QN_OK;
}

/* ---- what is on disk ---- */

static bool
is_zeros(const uint8_t *p, size_t nbytes)
{
    return p[0] == 0 && memcmp(p, p + 1, nbytes - 1) == 0;
}

/* Reads the page past the pool, which may hold it since before it was damaged. may_be_empty: nothing need have been written there yet. */
static Status
check_disk(Check *c, PageNo root, PageNo page, bool may_be_empty)
{
    enum { TRIES = 3 };
    Ctx *ctx = c->ctx;
    Db *db = ctx->db;
    size_t got;

    if (db->file == NULL || page >= c->npages) return QN_OK;
    for (int i = 0; i < TRIES; i++) {
        /* Newer bytes are in memory, or on their way: what is on disk does not count. */
        if (pool_is_unwritten(ctx, page)) return QN_OK;
        TRY(db->ops->read(ctx, db->file, c->raw, db->page_bytes, (uint64_t)page * db->page_bytes, &got));
        memset(c->raw + got, 0, db->page_bytes - got);
        if (page_verify(c->raw, db->page_bytes, page, db->crc_seed)) return QN_OK;
        if (may_be_empty && is_zeros(c->raw, db->page_bytes)) return QN_OK;
    }
    fault(c, root, page, "the page on disk does not match its checksum");
    return QN_OK;
}

/* ---- who owns what ---- */

/* The pages of an extent against its map's entries. */
static Status
check_extent(Check *c, PageNo root, PageNo map, const ExtentEntry *e, const uint8_t *entries)
{
    Ctx *ctx = c->ctx;
    if (extent_space_page(ctx->db->page_bytes, e->first) !=
        extent_space_page(ctx->db->page_bytes, e->first + e->npages - 1))
        fault(c, root, map, "extent at %u crosses from one space map to the next", e->first);
    for (uint32_t i = 0; i < e->npages; i++) {
        PageNo n = e->first + i;
        PageRef page = PAGE_REF_NONE;
        own(c, n, root);
        TRY(ctx_check_stop(ctx));
        /* Pages of runs are made by records of their own, which a crash may have prevented; whoever holds a value checks its pages. */
        bool is_used = (entries[i] & (MAP_USED | MAP_OVERFLOW)) == MAP_USED;
        /* What lies in a page that holds nothing counts for nothing: a crash may have left it torn. */
        if ((entries[i] & MAP_USED) != 0) TRY(check_disk(c, root, n, !is_used));
        if (!is_used || n >= c->npages) continue;
        TRY(fix_or_note(c, root, n, &page));
        if (page.mode == FIX_NONE) continue;
        const PageHeader *h = page_header(&page);
        if (h->rel != root)
            fault(c, root, n, "page says it belongs to relation %u, not %u", h->rel, root);
        else if (h->map != map || h->map_index != e->map_first + i)
            fault(c, root, n, "page says its entry is %u of map %u, not %u of %u", h->map_index, h->map,
                  e->map_first + i, map);
        else if (((h->flags & PAGE_FLAG_ALL_VISIBLE) != 0) != ((entries[i] & MAP_ALL_VISIBLE) != 0))
            fault(c, root, n, "page and map disagree on whether all of it is visible");
        page_unfix(&page);
    }
    return QN_OK;
}

static Status
check_rel(Check *c, PageNo root)
{
    Ctx *ctx = c->ctx;
    uint32_t page_bytes = ctx->db->page_bytes, number = 0;
    uint8_t *copy;
    Status st = QN_OK;

    TRY_ALLOC(ctx, copy, mem_alloc(NULL, page_bytes));
    for (PageNo at = root; at != PAGE_NONE && number <= c->npages; number++) {
        PageRef map = PAGE_REF_NONE;
        own(c, at, root);
        TRY_GOTO(check_disk(c, root, at, false));
        TRY_GOTO(fix_or_note(c, root, at, &map));
        if (map.mode == FIX_NONE) break;
        st = map_check(ctx, &map, root);
        memcpy(copy, map.ptr, page_bytes); /* latches are not held over the pages below */
        page_unfix(&map);
        if (st == ERR_DATA_CORRUPTED) {
            fault(c, root, at, "%s", ctx->err.message);
            err_clear(&ctx->err);
            st = QN_OK;
            break;
        }
        TRY_GOTO(st);
        const MapPage *m = (const MapPage *)copy;
        if (m->map_number != number) fault(c, root, at, "map page %u says it is number %u", number, m->map_number);
        for (uint32_t i = 0; i < m->nextents; i++) {
            const ExtentEntry *e = &map_extents(copy, page_bytes)[i];
            TRY_GOTO(check_extent(c, root, at, e, m->entries + e->map_first));
        }
        at = m->page.map;
    }
    if (number > c->npages) fault(c, root, root, "map pages form a circle");
done:
    mem_free(NULL, copy, page_bytes);
    return st;
}

/* What the space maps call used must be owned, and the other way round. */
static Status
check_space(Check *c)
{
    Ctx *ctx = c->ctx;
    PageNo covered = SPACE_PAGES(ctx->db->page_bytes);

    for (PageNo base = 0; base < c->npages; base += covered) {
        PageRef space = PAGE_REF_NONE;
        PageNo number = extent_space_page(ctx->db->page_bytes, base);
        if (extent_space_missing(ctx, number)) {
            for (PageNo n = base + 1; n < c->npages && n < base + covered; n++)
                if (bits_get(c->owned, n)) fault(c, PAGE_NONE, n, "page belongs to a relation and has no space map");
            continue;
        }
        TRY(check_disk(c, PAGE_NONE, number, false));
        TRY(fix_or_note(c, PAGE_NONE, number, &space));
        if (space.mode == FIX_NONE) continue;
        const uint64_t *bits = ((const SpacePage *)space.ptr)->bits;
        for (PageNo n = base; n < c->npages && n < base + covered; n++) {
            bool used = bits_get(bits, n - base), owned = bits_get(c->owned, n);
            if (used && !owned) fault(c, PAGE_NONE, n, "page is in use and belongs to nothing");
            if (!used && owned) fault(c, PAGE_NONE, n, "page belongs to a relation and is marked free");
        }
        page_unfix(&space);
    }
    return QN_OK;
}

/* The header's two copies; the one that is not the newest may be torn since the write that failed, and is then written next. */
static Status
check_header(Check *c)
{
    Db *db = c->ctx->db;
    bool valid[2];
    if (db->file == NULL) return QN_OK;
    mutex_lock(&db->header_mutex);
    Status st = header_verify(c->ctx, c->raw, valid);
    uint64_t counter = db->header.counter;
    mutex_unlock(&db->header_mutex);
    TRY(st);
    for (int i = 0; i < 2; i++)
        if (!valid[i]) fault(c, PAGE_NONE, (PageNo)i, "copy %d of the database header is damaged%s", i + 1,
                             (counter & 1) == (uint64_t)i ? "" : ", which the next checkpoint repairs");
    for (int i = 0; i < 2; i++)
        for (uint32_t k = 0; k < db->nmore[i]; k++) own(c, db->more[i][k], PAGE_NONE);
    return QN_OK;
}

/* Relations made by transactions that are still running, and dropped ones whose pages some snapshot may still read. */
static Status
check_pending(Check *c)
{
    Db *db = c->ctx->db;
    Status st = QN_OK;
    mutex_lock(&db->drops_mutex);
    for (uint32_t i = 0; i < db->ndrops && st == QN_OK; i++) st = check_rel(c, db->drops[i].root);
    mutex_unlock(&db->drops_mutex);
    for (uint32_t i = 0; st == QN_OK; i++) {
        mutex_lock(&db->xids_mutex);
        PageNo root = i < db->created.count ? db->created.items[i].root : PAGE_NONE;
        mutex_unlock(&db->xids_mutex);
        if (root == PAGE_NONE) break;
        /* The running transaction's own may be among the roots given. */
        if (root < c->npages && !bits_get(c->owned, root)) st = check_rel(c, root);
    }
    return st;
}

static Status
check_all(Check *c, const PageNo *roots, int nroots)
{
    Db *db = c->ctx->db;
    PageNo covered = SPACE_PAGES(db->page_bytes);
    for (PageNo n = 0; n < PAGE_NO_FIRST && n < c->npages; n++) bits_set(c->owned, n);
    for (PageNo n = covered; n < c->npages; n += covered) bits_set(c->owned, n);
    TRY(check_header(c));
    TRY(check_disk(c, PAGE_NONE, PAGE_NO_META, false));
    for (int i = 0; i < nroots; i++) TRY(check_rel(c, roots[i]));
    TRY(check_pending(c));
    return check_space(c);
}

Status
db_check(Ctx *ctx, const PageNo *roots, int nroots, DbReport report, void *arg)
{
    Db *db = ctx->db;
    Check c = {.ctx = ctx, .report = report, .arg = arg};
    Status st = QN_OK;

    TRY(db_check_usable(ctx));
    TRY_ALLOC(ctx, c.raw, mem_alloc(NULL, db->page_bytes));
    mutex_lock(&db->space_mutex);
    c.npages = atomic_load(&db->file_pages);
    TRY_ALLOC_GOTO(ctx, c.owned, mem_zalloc(NULL, BITS_WORDS(c.npages) * 8));
    TRY_GOTO(check_all(&c, roots, nroots));
    if (c.faults > 0) {
        st = RAISE(ctx, ERR_DATA_CORRUPTED, "database \"%s\" is damaged: block %u: %s", db_path(ctx), c.first_page, c.first);
        st = err_detail(ctx, st, "%llu faults were found.", (unsigned long long)c.faults);
    }
done:
    mutex_unlock(&db->space_mutex);
    if (db->salvage && db->salvage_owned == NULL) {
        db->salvage_owned = c.owned;
        db->salvage_end = c.npages;
    } else {
        mem_free(NULL, c.owned, BITS_WORDS(c.npages) * 8);
    }
    mem_free(NULL, c.raw, db->page_bytes);
    return st;
}
