/* extent_redo.c - records of relations and their pages, replayed and described. */
#include "storage/extent_priv.h"

Status
extent_bad_record(Ctx *ctx, const WalRecord *rec)
{
    return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid log record of type %s at %llu", wal_ops[rec->type].name,
                 (unsigned long long)rec->lsn);
}

Status
extent_redo_create(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    CreatePayload p;
    uint32_t page_bytes = ctx->db->page_bytes;
    REDO_PAYLOAD(ctx, rec, &p, 2);
    if (p.nzones > MAP_ZONES_MAX(page_bytes)) return extent_bad_record(ctx, rec);
    if (pages[0].apply)
        map_init(pages[0].ref.ptr, page_bytes, p.root, (RelKind)p.kind, p.nzones, 0, p.creator, p.clean_below);
    if (pages[1].apply) space_put_bits(pages[1].ref.ptr, space_bit(page_bytes, p.root), 1, true);
    return recover_note_created(ctx, p.root, p.creator);
}

Status
extent_redo_add(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    ExtentPayload p;
    uint32_t page_bytes = ctx->db->page_bytes;
    REDO_PAYLOAD(ctx, rec, &p, 2);
    if (pages[0].apply) {
        const MapPage *m = (const MapPage *)pages[0].ref.ptr;
        if (p.npages > EXTENT_PAGES_MAX || m->nextents >= MAP_EXTENTS(page_bytes) ||
            m->npages + p.npages > MAP_PAGES(page_bytes))
            return extent_bad_record(ctx, rec);
        map_add_extent(pages[0].ref.ptr, page_bytes, p.first, p.npages);
    }
    if (pages[1].apply) space_put_bits(pages[1].ref.ptr, space_bit(page_bytes, p.first), p.npages, true);
    /* The file may have lost what it was extended by. */
    return p.first + p.npages <= ((PoolHot *)ctx->pool)->limit ? extent_extend_file(ctx, p.first + p.npages)
                                                             : extent_bad_record(ctx, rec);
}

Status
extent_redo_map_add(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    MapPayload p;
    uint32_t page_bytes = ctx->db->page_bytes;
    REDO_PAYLOAD(ctx, rec, &p, 3);
    if (p.nzones > MAP_ZONES_MAX(page_bytes)) return extent_bad_record(ctx, rec);
    if (pages[0].apply) page_header(&pages[0].ref)->map = p.number;
    if (pages[1].apply)
        map_init(pages[1].ref.ptr, page_bytes, p.root, (RelKind)p.kind, p.nzones, p.map_number, p.creator, XID_NONE);
    if (pages[2].apply) space_put_bits(pages[2].ref.ptr, space_bit(page_bytes, p.number), 1, true);
    return QN_OK;
}

Status
extent_redo_page_new(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    PagePayload p;
    uint32_t page_bytes = ctx->db->page_bytes;
    REDO_PAYLOAD(ctx, rec, &p, 1);
    uint32_t n = p.count + p.run;
    if (rec->npages != p.count + 1 || p.map_index + n > MAP_PAGES(page_bytes)) return extent_bad_record(ctx, rec);
    if (pages[0].apply)
        memset(((MapPage *)pages[0].ref.ptr)->entries + p.map_index,
               p.run != 0 ? MAP_RUN_UNWRITTEN : MAP_USED, n);
    for (int i = 0; i < p.count; i++) {
        if (!pages[i + 1].apply) continue;
        page_init(pages[i + 1].ref.ptr, page_bytes, (PageType)p.type, p.root, p.map, (uint16_t)(p.map_index + i));
        page_header(&pages[i + 1].ref)->flags = PAGE_FLAG_BLANK;
    }
    return QN_OK;
}

Status
extent_redo_space(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    SpacePayload p;
    if (rec->npages != 1) return extent_bad_record(ctx, rec);
    if (rec->payload_bytes == 0) {
        if (!pages[0].apply) return QN_OK;
        page_init(pages[0].ref.ptr, ctx->db->page_bytes, PAGE_SPACE, PAGE_NONE, PAGE_NONE, 0);
        space_put_bits(pages[0].ref.ptr, 0, 1, true);
        return QN_OK;
    }
    REDO_PAYLOAD(ctx, rec, &p, 1);
    if (pages[0].apply) space_put_bits(pages[0].ref.ptr, space_bit(ctx->db->page_bytes, p.page), 1, p.used != 0);
    if (p.used != 0) return recover_note_created(ctx, p.page, XID_LIST_PAGE);
    recover_note_freed(ctx, p.page);
    return QN_OK;
}

void
extent_describe(const WalRecord *rec, StrBuf *out)
{
    if (rec->type == WAL_REL_CREATE && rec->payload_bytes == sizeof(CreatePayload)) {
        CreatePayload p;
        memcpy(&p, rec->payload, sizeof(p));
        strbuf_addf(out, "relation %u by %llu", p.root, (unsigned long long)p.creator);
    } else if ((rec->type == WAL_PAGE_NEW) &&
               rec->payload_bytes == sizeof(PagePayload)) {
        PagePayload p;
        memcpy(&p, rec->payload, sizeof(p));
        strbuf_addf(out, "relation %u, map %u entry %u, %u pages of type %u", p.root, p.map, p.map_index,
                    p.count + p.run, p.type);
    } else if (rec->payload_bytes == sizeof(ExtentPayload)) {
        ExtentPayload p;
        memcpy(&p, rec->payload, sizeof(p));
        strbuf_addf(out, "relation %u, pages %u to %u", p.root, p.first, p.first + p.npages - 1);
    }
}
