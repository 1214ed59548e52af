/* btree_delete.c - taking entries out: those VACUUM names, and those searches have found dead. */
#include "storage/btree_priv.h"

Status
btree_remove_slots(Ctx *ctx, Btree *bt, PageRef *ref, const uint16_t *slots, int n)
{
    PageRef *pages[1] = {ref};
    BtreePage *p = btree_page(ref);
    WalLog log;
    if (n == 0) return QN_OK;
    TRY(wal_begin(ctx, pages, 1, 2 * (size_t)n, &log));
    NOFAIL_BEGIN(ctx);
    memcpy(log.payload, slots, 2 * (size_t)n);
    btree_page_remove(p, bt->page_bytes, slots, n);
    p->flags &= (uint8_t)~BTREE_KILLED;
    wal_finish(&log, WAL_BTREE_DELETE, 2 * (size_t)n);
    NOFAIL_END(ctx);
    return QN_OK;
}

Status
btree_redo_delete(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    uint16_t slots[ENTRIES_MAX];
    uint32_t n = rec->payload_bytes / 2;
    if (!pages[0].apply) return QN_OK;
    BtreePage *p = btree_page(&pages[0].ref);
    bool ok = n <= p->nslots && n <= ENTRIES_MAX;
    if (ok) memcpy(slots, rec->payload, 2 * (size_t)n);
    for (uint32_t i = 0; ok && i < n; i++)
        ok = slots[i] < p->nslots && (i == 0 || slots[i] > slots[i - 1]);
    if (!ok)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the index page it names");
    btree_page_remove(p, ((const PoolHot *)ctx->pool)->page_bytes, slots, (int)n);
    p->flags &= (uint8_t)~BTREE_KILLED;
    return QN_OK;
}

/* Slots of a latched leaf whose tids are dead, ascending. */
static int
find_dead(const BtreePage *p, IndexTidIsDead is_dead, void *arg, uint16_t *slots)
{
    int n = 0;
    for (int i = 0; i < p->nslots; i++)
        if (is_dead(arg, btree_entry_tid(p, i))) slots[n++] = (uint16_t)i;
    return n;
}

/* Leaves are looked at under a shared latch; one with nothing to take out is left alone. */
Status
btree_bulk_delete(Ctx *ctx, Index *index, IndexTidIsDead is_dead, void *arg, uint64_t *removed_out)
{
    Btree *bt = btree_of(index);
    PageRef ref = PAGE_REF_NONE;
    Descent d = {.key = (const uint8_t *)"", .mode = SEARCH_LE};
    uint16_t slots[ENTRIES_MAX];
    uint64_t freed;
    bool sparse = false;
    Status st;
    *removed_out = 0;
    TRY_GOTO(btree_descend(ctx, bt, &d, 0, FIX_SHARED, &ref));
    for (;;) {
        int n = find_dead(btree_page(&ref), is_dead, arg, slots);
        if (n > 0) {
            PageNo number = ref.number;
            page_unfix(&ref);
            TRY_GOTO(page_fix(ctx, number, FIX_EXCLUSIVE, &ref));
            TRY_GOTO(btree_page_check(ctx, bt, &ref));
            n = find_dead(btree_page(&ref), is_dead, arg, slots);
            TRY_GOTO(btree_remove_slots(ctx, bt, &ref, slots, n));
            *removed_out += (uint64_t)n;
        }
        const BtreePage *p = btree_page(&ref);
        uint32_t used = bt->page_bytes - p->data_begin - p->data_dead + p->nslots * (uint32_t)sizeof(BtreeSlot);
        sparse |= used < bt->page_bytes / 3;
        PageNo right = p->right;
        if ((p->flags & BTREE_HIGH) == 0) break;
        page_unfix(&ref); /* splits between here and there move entries right only, where we have
                             yet to come; merges only VACUUM makes */
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, bt, &ref));
    }
    page_unfix(&ref);
    if (sparse) TRY_GOTO(btree_shrink(ctx, bt, &freed));
done:
    page_unfix(&ref);
    return st;
}
