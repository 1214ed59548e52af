/* extent_space.c - which pages of the file are in use: space maps, the file's length, single pages taken and given back. */
#include "storage/extent_priv.h"

enum { FILE_GROWTH_MAX = 8 << 20 }; /* bytes the file is extended by at once, beyond what is needed */

PageNo
extent_space_page(uint32_t page_bytes, PageNo page)
{
    PageNo covered = SPACE_PAGES(page_bytes);
    return page < covered ? PAGE_NO_SPACE : page / covered * covered;
}

void
space_put_bits(void *space, uint32_t first, uint32_t n, bool used)
{
    uint64_t *bits = ((SpacePage *)space)->bits;
    for (uint32_t i = first; i < first + n; i++) {
        if (used) bits[i / 64] |= 1ull << (i % 64);
        else bits[i / 64] &= ~(1ull << (i % 64));
    }
}

/* The first of n neighbouring clear bits at or after from; nbits if there are none. */
static uint32_t
find_clear(const uint64_t *bits, uint32_t nbits, uint32_t from, uint32_t n)
{
    uint32_t run = 0;
    for (uint32_t i = from; i < nbits;) {
        if (i % 64 == 0 && bits[i / 64] == UINT64_MAX) {
            run = 0;
            i += 64;
            continue;
        }
        run = (bits[i / 64] >> (i % 64) & 1) != 0 ? 0 : run + 1;
        i++;
        if (run == n) return i - n;
    }
    return nbits;
}

/* The file gets as long as end pages, and some more when it is large: asking the system each time would cost more than the pages. */
Status
extent_extend_file(Ctx *ctx, PageNo end)
{
    Db *db = ctx->db;
    PageNo have = atomic_load(&db->file_pages);

    if (end <= have) return QN_OK;
    if (end > ((PoolHot *)db->pool)->limit) {
        Status st = RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "database is full: it has reached the address range for it");
        return err_hint(ctx, st, "Increase \"reserve_size\".");
    }
    if (db->file != NULL) {
        PageNo more = have / 8 < FILE_GROWTH_MAX / db->page_bytes ? have / 8 : FILE_GROWTH_MAX / db->page_bytes;
        if (end + more <= ((PoolHot *)db->pool)->limit) end += more;
        TRY(db->ops->allocate(ctx, db->file, (uint64_t)have * db->page_bytes,
                              (uint64_t)(end - have) * db->page_bytes));
    }
    atomic_store(&db->file_pages, end);
    return QN_OK;
}

/* Makes the space map that is page number, with its own bit set. */
static Status
add_space_map(Ctx *ctx, PageNo number)
{
    PageRef page = PAGE_REF_NONE;
    WalLog log;
    Status st;

    TRY_GOTO(extent_extend_file(ctx, number + 1));
    TRY_GOTO(page_fix_new(ctx, number, &page));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&page}, 1, 0, &log));
    page_init(page.ptr, ctx->db->page_bytes, PAGE_SPACE, PAGE_NONE, PAGE_NONE, 0);
    space_put_bits(page.ptr, 0, 1, true);
    wal_finish(&log, WAL_SPACE_MAP, 0);
done:
    page_unfix(&page);
    return st;
}

bool
extent_space_missing(Ctx *ctx, PageNo number)
{
    Db *db = ctx->db;
    Ctx quiet = {.db = db};
    uint64_t word[64];
    bool zeros = true;

    if (number == PAGE_NO_SPACE) return false;
    if (number >= atomic_load(&db->file_pages)) return true;
    uint64_t state = atomic_load(&((PoolHot *)db->pool)->states[number]);
    if ((state & (POOL_RESIDENT | POOL_EXCLUSIVE)) != 0 || db->file == NULL) return (state & POOL_RESIDENT) == 0;
    for (uint32_t at = 0; at < db->page_bytes && zeros; at += sizeof(word)) {
        size_t got = 0;
        memset(word, 0, sizeof(word));
        if (db->ops->read(&quiet, db->file, word, sizeof(word), (uint64_t)number * db->page_bytes + at, &got) != QN_OK)
            zeros = false; /* whoever fixes the page will say why */
        for (size_t i = 0; i < 64 && zeros; i++) zeros = word[i] == 0;
    }
    err_clear(&quiet.err);
    return zeros;
}

Status
space_find(Ctx *ctx, uint32_t n, PageNo *first_out, PageRef *space_out)
{
    Db *db = ctx->db;
    PageNo covered = SPACE_PAGES(db->page_bytes);
    PageNo from = n == 1 ? db->space_hint : db->space_run_hint;

    for (PageNo k = from / covered;; k++, from = k * covered) {
        PageNo number = k == 0 ? PAGE_NO_SPACE : k * covered;
        if (extent_space_missing(ctx, number)) TRY(add_space_map(ctx, number));
        TRY(page_fix(ctx, number, FIX_EXCLUSIVE, space_out));
        Status st = page_check(ctx, space_out, PAGE_NONE, PAGE_SPACE);
        if (st != QN_OK) {
            page_unfix(space_out);
            return st;
        }
        const uint64_t *bits = ((const SpacePage *)space_out->ptr)->bits;
        uint32_t at = find_clear(bits, covered, from % covered, n);
        if (at < covered) {
            *first_out = k * covered + at;
            st = extent_extend_file(ctx, *first_out + n);
            if (st != QN_OK) page_unfix(space_out);
            else if (n == 1) db->space_hint = *first_out + 1;
            else db->space_run_hint = *first_out + n;
            return st;
        }
        page_unfix(space_out);
    }
}

void
extent_note_freed(Db *db, PageNo first)
{
    if (first < db->space_hint) db->space_hint = first;
    if (first < db->space_run_hint) db->space_run_hint = first;
}

/* SPACE_MAP, unless it makes a new map: one page taken or given back. */

Status
extent_take_page(Ctx *ctx, PageNo *page_out)
{
    PageRef space = PAGE_REF_NONE;
    WalLog log;
    Status st;

    mutex_lock(&ctx->db->space_mutex);
    TRY_GOTO(space_find(ctx, 1, page_out, &space));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&space}, 1, sizeof(SpacePayload), &log));
    SpacePayload p = {.page = *page_out, .used = 1};
    memcpy(log.payload, &p, sizeof(p));
    space_put_bits(space.ptr, space_bit(ctx->db->page_bytes, *page_out), 1, true);
    wal_finish(&log, WAL_SPACE_MAP, sizeof(p));
done:
    page_unfix(&space);
    mutex_unlock(&ctx->db->space_mutex);
    return st;
}

Status
extent_give_page(Ctx *ctx, PageNo page)
{
    uint32_t page_bytes = ctx->db->page_bytes;
    PageRef space = PAGE_REF_NONE;
    WalLog log;
    Status st;

    mutex_lock(&ctx->db->space_mutex);
    TRY_GOTO(page_fix(ctx, extent_space_page(page_bytes, page), FIX_EXCLUSIVE, &space));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&space}, 1, sizeof(SpacePayload), &log));
    SpacePayload p = {.page = page, .used = 0};
    memcpy(log.payload, &p, sizeof(p));
    space_put_bits(space.ptr, space_bit(page_bytes, page), 1, false);
    wal_finish(&log, WAL_SPACE_MAP, sizeof(p));
    extent_note_freed(ctx->db, page);
done:
    page_unfix(&space);
    mutex_unlock(&ctx->db->space_mutex);
    return st;
}

Status
extent_bootstrap(Ctx *ctx)
{
    Db *db = ctx->db;
    PageRef meta = PAGE_REF_NONE, space = PAGE_REF_NONE;
    Status st;

    TRY_GOTO(extent_extend_file(ctx, PAGE_NO_FIRST));
    TRY_GOTO(page_fix_new(ctx, PAGE_NO_META, &meta));
    TRY_GOTO(page_fix_new(ctx, PAGE_NO_SPACE, &space));
    page_init(meta.ptr, db->page_bytes, PAGE_META, PAGE_NONE, PAGE_NONE, 0);
    page_init(space.ptr, db->page_bytes, PAGE_SPACE, PAGE_NONE, PAGE_NONE, 0);
    space_put_bits(space.ptr, 0, PAGE_NO_FIRST, true);
    /* As if a record had made them just before the log's first position. */
    page_header(&meta)->lsn = page_header(&space)->lsn = wal_insert_lsn(ctx);
    meta.fresh = space.fresh = false;
    pool_mark_dirty(ctx, &meta);
    pool_mark_dirty(ctx, &space);
done:
    page_unfix(&meta);
    page_unfix(&space);
    return st;
}
