/* header.c - the database header: two copies, written in turn, and the lists that belong to each.
 *
 * The lists (16-byte items: xid ranges, then open relations) start behind the header and go on in the copy's own list pages, which are
 * written and synced before the header that counts on them. They are not logged: a copy that was not finished does not count.
 */
#include "common/crc32c.h"
#include "storage/instance.h"
#include <assert.h>
#include <stdlib.h>

static_assert(sizeof(XidRange) == 16 && sizeof(RelPending) == 16, "items of the header's lists");
enum { ITEM = 16, LISTS_MAX = 1 << 20 };

static uint32_t
items_in_header(uint32_t page_bytes)
{
    return (page_bytes - (uint32_t)sizeof(DbHeader)) / ITEM;
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

/* Collects the items of a valid copy: what is in page, then its list pages, whose numbers go to db->more[copy]. */
static Status
read_items(Ctx *ctx, Db *db, int copy, const uint8_t *page, XidRanges *ranges, RelPendings *pendings)
{
    const DbHeader *h = (const DbHeader *)page;
    uint32_t page_bytes = h->page_bytes, total = h->nranges + h->npending, done = 0;
    uint8_t *list = NULL;
    PageNo next = h->more;
    const uint8_t *items = page + sizeof(*h);
    uint32_t n = items_in_header(page_bytes);
    Status st = QN_OK;

    TRY_ALLOC(ctx, list, mem_alloc(NULL, page_bytes));
    for (;;) {
        for (uint32_t i = 0; i < n && done < total; i++, done++) {
            if (ranges == NULL) continue;
            if (done < h->nranges) {
                XidRange r;
                memcpy(&r, items + (size_t)i * ITEM, ITEM);
                TRY_GOTO(xid_ranges_add(ctx, ranges, r.first, r.last));
            } else {
                RelPending p;
                memcpy(&p, items + (size_t)i * ITEM, ITEM);
                TRY_GOTO(rel_pendings_add(ctx, pendings, p.root, p.xid));
            }
        }
        if (next == PAGE_NONE) break;
        size_t got;
        TRY_GOTO(db->ops->read(ctx, db->file, list, page_bytes, (uint64_t)next * page_bytes, &got));
        if (got != page_bytes || !page_verify(list, page_bytes, next, db->crc_seed) ||
            ((PageHeader *)list)->type != PAGE_LIST || db->nmore[copy] > LISTS_MAX) {
            if (ranges != NULL && done < total)
                TRY_GOTO(RAISE(ctx, ERR_DATA_CORRUPTED, "invalid page in block %u: it should continue the database header", next));
            break; /* nothing of it is needed; the page may have been lost with the power */
        }
        PageNo *more = mem_realloc(NULL, db->more[copy], db->nmore[copy] * sizeof(PageNo),
                                   (db->nmore[copy] + 1) * sizeof(PageNo));
        if (more == NULL) TRY_GOTO(RAISE_OOM(ctx));
        db->more[copy] = more;
        more[db->nmore[copy]++] = next;
        items = list + PAGE_BODY;
        n = items_in_list(page_bytes);
        next = ((PageHeader *)list)->map;
    }
    if (ranges != NULL && done != total)
        TRY_GOTO(RAISE(ctx, ERR_DATA_CORRUPTED, "the database header is cut short"));
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
    TRY_GOTO(read_items(ctx, db, best, copies[best], ranges, pendings));
    if (valid[1 - best]) TRY_GOTO(read_items(ctx, db, 1 - best, copies[1 - best], NULL, NULL));
    *found_out = true;
done:
    for (int i = 0; i < 2; i++) mem_free(NULL, copies[i], PAGE_BYTES_MAX);
    return st;
}

/* ---- writing ---- */

bool
header_fits(Db *db, uint32_t nitems)
{
    return nitems <= items_in_header(db->page_bytes);
}

/* List pages for the copy that is written next, as many as n items need. They stay the copy's. */
Status
header_reserve(Ctx *ctx, uint32_t nitems)
{
    Db *db = ctx->db;
    int copy = (int)((db->header.counter + 1) & 1);
    uint32_t in_header = items_in_header(db->page_bytes), in_list = items_in_list(db->page_bytes);
    uint32_t need = nitems <= in_header ? 0 : (nitems - in_header + in_list - 1) / in_list;

    while (db->nmore[copy] < need) {
        PageNo *more = mem_realloc(NULL, db->more[copy], db->nmore[copy] * sizeof(PageNo),
                                   (db->nmore[copy] + 1) * sizeof(PageNo));
        if (more == NULL) return RAISE_OOM(ctx);
        db->more[copy] = more;
        TRY(extent_take_page(ctx, &more[db->nmore[copy]]));
        db->nmore[copy]++;
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
    for (; put < total && put < items_in_header(page_bytes); put++)
        memcpy(page + sizeof(*h) + (size_t)put * ITEM, item_at(ranges, pendings, put), ITEM);
    /* All the copy's list pages are written and named, needed or not, so that none is ever lost. */
    h->more = db->nmore[copy] > 0 ? db->more[copy][0] : PAGE_NONE;
    bool overflows = put < total;
    if (db->nmore[copy] > 0) TRY_ALLOC_GOTO(ctx, list, mem_alloc(NULL, page_bytes));
    for (uint32_t k = 0; k < db->nmore[copy]; k++) {
        uint32_t in_list = items_in_list(page_bytes);
        page_init(list, page_bytes, PAGE_LIST, PAGE_NONE, PAGE_NONE, 0);
        for (uint32_t i = 0; i < in_list && put < total; i++, put++)
            memcpy(list + PAGE_BODY + (size_t)i * ITEM, item_at(ranges, pendings, put), ITEM);
        ((PageHeader *)list)->map = k + 1 < db->nmore[copy] ? db->more[copy][k + 1] : PAGE_NONE;
        ((PageHeader *)list)->lsn = next->redo;
        page_set_crc(list, page_bytes, db->more[copy][k], db->crc_seed);
        TRY_GOTO(db->ops->write(ctx, db->file, list, page_bytes, (uint64_t)db->more[copy][k] * page_bytes));
    }
    assert(put == total);
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
