/* header.c - the database header: two copies, written in turn, and the lists that belong to each.
 *
 * The lists (16-byte items: xid ranges, then open relations) start behind the header and go on in the copy's own list pages, which are
 * written and synced before the header that counts on them. They are not logged: a copy that was not finished does not count. Taking a
 * list page is logged; recovery gives back those that no header names.
 */
#include "common/crc32c.h"
#include "storage/instance.h"
#include <assert.h>
#include <stdlib.h>

static_assert(sizeof(XidRange) == 16 && sizeof(RelPending) == 16, "items of the header's lists");
enum { ITEM = 16 };

/* Where the items start, after the numbers of nlists list pages. */
static uint32_t
items_at(uint32_t nlists)
{
    return ((uint32_t)sizeof(DbHeader) + nlists * (uint32_t)sizeof(PageNo) + ITEM - 1) / ITEM * ITEM;
}

static uint32_t
items_in_header(uint32_t page_bytes, uint32_t nlists)
{
    return (page_bytes - items_at(nlists)) / ITEM;
}

static uint32_t
items_in_list(uint32_t page_bytes)
{
    return (page_bytes - PAGE_BODY) / ITEM;
}

static uint32_t
header_crc(uint8_t *page, uint32_t page_bytes)
{
    DbHeader *h = (DbHeader *)page;
    uint32_t was = h->crc, crc;
    h->crc = 0;
    crc = crc32c(0, page, page_bytes);
    h->crc = was;
    return crc;
}

static bool
size_is_valid(uint32_t page_bytes)
{
    return page_bytes >= PAGE_BYTES_MIN && page_bytes <= PAGE_BYTES_MAX && (page_bytes & (page_bytes - 1)) == 0;
}

/* ---- reading ---- */

/* Reads the header page at offset if a valid one of that page size is there. */
static Status
read_copy(Ctx *ctx, Db *db, uint64_t offset, uint32_t page_bytes, uint8_t *page, bool *valid_out)
{
    const DbHeader *h = (const DbHeader *)page;
    size_t got;
    TRY(db->ops->read(ctx, db->file, page, page_bytes, offset, &got));
    *valid_out = got == page_bytes && h->magic == DB_MAGIC && h->page_bytes == page_bytes &&
                 h->crc == header_crc(page, page_bytes);
    return QN_OK;
}

static Status
add_list_page(Ctx *ctx, Db *db, int copy, PageNo page)
{
    PageNo *more = mem_realloc(NULL, db->more[copy], db->nmore[copy] * sizeof(PageNo),
                               (db->nmore[copy] + 1) * sizeof(PageNo));
    if (more == NULL) return RAISE_OOM(ctx);
    db->more[copy] = more;
    more[db->nmore[copy]++] = page;
    return QN_OK;
}

static Status
add_item(Ctx *ctx, const uint8_t *item, bool is_range, XidRanges *ranges, RelPendings *pendings)
{
    XidRange r;
    RelPending p;
    if (is_range) {
        memcpy(&r, item, ITEM);
        return xid_ranges_add(ctx, ranges, r.first, r.last);
    }
    memcpy(&p, item, ITEM);
    return rel_pendings_add(ctx, pendings, p.root, p.xid);
}

/* Collects what the copy that counts says: the list pages of both copies, and its own items. */
static Status
read_items(Ctx *ctx, Db *db, int copy, const uint8_t *page, XidRanges *ranges, RelPendings *pendings)
{
    const DbHeader *h = (const DbHeader *)page;
    uint32_t page_bytes = h->page_bytes, total = h->nranges + h->npending, done = 0;
    uint32_t nlists = h->nlists[0] + h->nlists[1];
    uint8_t *list = NULL;
    Status st = QN_OK;

    if (h->nlists[0] > page_bytes || h->nlists[1] > page_bytes || items_at(nlists) > page_bytes)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "the database header is invalid");
    for (uint32_t i = 0; i < nlists; i++) {
        PageNo n;
        memcpy(&n, page + sizeof(*h) + i * sizeof(n), sizeof(n));
        TRY(add_list_page(ctx, db, i < h->nlists[0] ? 0 : 1, n));
    }
    for (uint32_t i = 0; i < items_in_header(page_bytes, nlists) && done < total; i++, done++)
        TRY(add_item(ctx, page + items_at(nlists) + (size_t)i * ITEM, done < h->nranges, ranges, pendings));
    if (done == total) return QN_OK;
    TRY_ALLOC(ctx, list, mem_alloc(NULL, page_bytes));
    for (uint32_t k = 0; k < db->nmore[copy] && done < total; k++) {
        PageNo n = db->more[copy][k];
        size_t got;
        TRY_GOTO(db->ops->read(ctx, db->file, list, page_bytes, (uint64_t)n * page_bytes, &got));
        if (got != page_bytes || !page_verify(list, page_bytes, n, db->crc_seed) ||
            ((PageHeader *)list)->type != PAGE_LIST)
            TRY_GOTO(RAISE(ctx, ERR_DATA_CORRUPTED, "invalid page in block %u: it should continue the database header", n));
        for (uint32_t i = 0; i < items_in_list(page_bytes) && done < total; i++, done++)
            TRY_GOTO(add_item(ctx, list + PAGE_BODY + (size_t)i * ITEM, done < h->nranges, ranges, pendings));
    }
    if (done != total) TRY_GOTO(RAISE(ctx, ERR_DATA_CORRUPTED, "the database header is cut short"));
done:
    mem_free(NULL, list, page_bytes);
    return st;
}

static Status
no_database(Ctx *ctx, Db *db, bool damaged)
{
    Status st = RAISE(ctx, ERR_DATA_CORRUPTED, "file \"%s\" is not a Quern database", db->path);
    if (damaged) st = err_detail(ctx, st, "Neither copy of its header is valid.");
    return st;
}

Status
header_read(Ctx *ctx, Db *db, bool *found_out, XidRanges *ranges, RelPendings *pendings)
{
    uint8_t *copies[2] = {NULL, NULL};
    bool valid[2] = {false, false};
    uint64_t nbytes;
    size_t got;
    Status st;

    *found_out = false;
    TRY(db->ops->size(ctx, db->file, &nbytes));
    if (nbytes == 0) return QN_OK;
    for (int i = 0; i < 2; i++) TRY_ALLOC_GOTO(ctx, copies[i], mem_zalloc(NULL, PAGE_BYTES_MAX));
    DbHeader first = {0};
    TRY_GOTO(db->ops->read(ctx, db->file, &first, sizeof(first), 0, &got));
    uint32_t page_bytes = size_is_valid(first.page_bytes) ? first.page_bytes : 0;
    if (page_bytes != 0) TRY_GOTO(read_copy(ctx, db, 0, page_bytes, copies[0], &valid[0]));
    /* The second copy's place depends on the page size: if the first is lost, each size is tried. */
    for (uint32_t size = PAGE_BYTES_MIN; size <= PAGE_BYTES_MAX && !valid[1]; size *= 2) {
        if (valid[0] && size != page_bytes) continue;
        TRY_GOTO(read_copy(ctx, db, size, size, copies[1], &valid[1]));
    }
    if (!valid[0] && !valid[1]) {
        /* A file whose making was cut short: no commit in it has been acknowledged, since that syncs the header. */
        bool young = got < sizeof(first) || first.magic == 0 || (first.magic == DB_MAGIC && first.counter <= 2);
        bool zeros = true;
        for (size_t i = 0; i < got && zeros; i++) zeros = ((uint8_t *)&first)[i] == 0;
        if (nbytes <= (uint64_t)PAGE_NO_FIRST * PAGE_BYTES_MAX && young && (zeros || first.magic == DB_MAGIC))
            goto done;
        TRY_GOTO(no_database(ctx, db, first.magic == DB_MAGIC));
    }
    int best = valid[0] && valid[1]
                   ? ((DbHeader *)copies[1])->counter > ((DbHeader *)copies[0])->counter
                   : valid[1];
    const DbHeader *h = (const DbHeader *)copies[best];
    if (h->version != FORMAT_VERSION)
        TRY_GOTO(RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "database \"%s\" has format %u, which this version does not read",
                       db->path, h->version));
    db->header = *h;
    db->page_bytes = h->page_bytes;
    memcpy(db->db_id, h->id, sizeof(db->db_id));
    db->crc_seed = crc32c(0, db->db_id, sizeof(db->db_id));
    db->header_clean = (h->flags & DB_CLEAN) != 0;
    db->header_torn = !valid[0] || !valid[1];
    TRY_GOTO(read_items(ctx, db, best, copies[best], ranges, pendings));
    *found_out = true;
done:
    for (int i = 0; i < 2; i++) mem_free(NULL, copies[i], PAGE_BYTES_MAX);
    return st;
}

Status
header_verify(Ctx *ctx, uint8_t *page, bool valid_out[2])
{
    Db *db = ctx->db;
    for (int i = 0; i < 2; i++)
        TRY(read_copy(ctx, db, (uint64_t)i * db->page_bytes, db->page_bytes, page, &valid_out[i]));
    return QN_OK;
}

/* ---- writing ---- */

/* Items that the copy written next has room for. */
uint32_t
header_room(Db *db)
{
    int copy = (int)((db->header.counter + 1) & 1);
    return items_in_header(db->page_bytes, db->nmore[0] + db->nmore[1]) +
           db->nmore[copy] * items_in_list(db->page_bytes);
}

bool
header_fits(Db *db, uint32_t nitems)
{
    return nitems <= items_in_header(db->page_bytes, db->nmore[0] + db->nmore[1]);
}

/* List pages for the copy that is written next, as many as n items need. They stay the copy's. */
Status
header_reserve(Ctx *ctx, uint32_t nitems)
{
    Db *db = ctx->db;
    int copy = (int)((db->header.counter + 1) & 1);

    while (header_room(db) < nitems) {
        PageNo page;
        if (items_in_header(db->page_bytes, db->nmore[0] + db->nmore[1]) < 8)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "too many aborted transactions are remembered");
        TRY(add_list_page(ctx, db, copy, PAGE_NONE));
        Status st = extent_take_page(ctx, &page);
        if (st != QN_OK) {
            db->nmore[copy]--;
            return st;
        }
        db->more[copy][db->nmore[copy] - 1] = page;
    }
    return QN_OK;
}

static const void *
item_at(const XidRanges *ranges, const RelPendings *pendings, uint32_t i)
{
    return i < ranges->count ? (const void *)&ranges->items[i] : (const void *)&pendings->items[i - ranges->count];
}

Status
header_write(Ctx *ctx, const DbHeader *next, const XidRanges *ranges, const RelPendings *pendings)
{
    Db *db = ctx->db;
    uint32_t page_bytes = db->page_bytes, total = ranges->count + pendings->count, put = 0;
    int copy = (int)(next->counter & 1);
    uint8_t *page, *list = NULL;
    Status st = QN_OK;

    TRY_ALLOC(ctx, page, mem_zalloc(NULL, page_bytes));
    DbHeader *h = (DbHeader *)page;
    *h = *next;
    h->nranges = ranges->count;
    h->npending = pendings->count;
    uint8_t *at = page + sizeof(*h);
    for (int i = 0; i < 2; i++) {
        h->nlists[i] = db->nmore[i];
        if (db->nmore[i] > 0) memcpy(at, db->more[i], db->nmore[i] * sizeof(PageNo));
        at += db->nmore[i] * sizeof(PageNo);
    }
    uint32_t nlists = db->nmore[0] + db->nmore[1];
    for (; put < total && put < items_in_header(page_bytes, nlists); put++)
        memcpy(page + items_at(nlists) + (size_t)put * ITEM, item_at(ranges, pendings, put), ITEM);
    bool overflows = put < total;
    if (overflows) TRY_ALLOC_GOTO(ctx, list, mem_alloc(NULL, page_bytes));
    for (uint32_t k = 0; put < total; k++) {
        assert(k < db->nmore[copy]);
        PageNo n = db->more[copy][k];
        page_init(list, page_bytes, PAGE_LIST, PAGE_NONE, PAGE_NONE, 0);
        for (uint32_t i = 0; i < items_in_list(page_bytes) && put < total; i++, put++)
            memcpy(list + PAGE_BODY + (size_t)i * ITEM, item_at(ranges, pendings, put), ITEM);
        ((PageHeader *)list)->lsn = next->redo;
        page_set_crc(list, page_bytes, n, db->crc_seed);
        TRY_GOTO(db->ops->write(ctx, db->file, list, page_bytes, (uint64_t)n * page_bytes));
    }
    if (overflows) TRY_GOTO(db->ops->sync(ctx, db->file));
    h->crc = header_crc(page, page_bytes);
    TRY_GOTO(db->ops->write(ctx, db->file, page, page_bytes, (uint64_t)copy * page_bytes));
    db->header = *h;
    db->header_clean = (h->flags & DB_CLEAN) != 0;
done:
    mem_free(NULL, list, page_bytes);
    mem_free(NULL, page, page_bytes);
    return st;
}
