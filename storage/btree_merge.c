/* btree_merge.c - pages that hold little are emptied into their left neighbours and given back.
 *
 * Parent, left page A and right page L are latched, in this order; one record takes L's entry out of the parent, gives A the entries and
 * the bounds of both, and unlinks L. Only neighbours under one parent are merged, so that the parent's part is one
 * entry less; first children of their parents come under one parent when the level above has been merged.
 *
 * L keeps its bytes until no snapshot from before is left. A scan that has read A and is on its way to L finds there what it has
 * not seen yet; what came to A's new part since is of no concern to its snapshot. A descent that arrives at L starts again.
 * Whoever makes a split known checks that the page is still linked: it may have been made known by another and merged. */
#include "storage/btree_priv.h"
#include "storage/db.h"
#include "storage/ssi.h"

/* BTREE_MERGE. Pages: A (as an image), parent, L, L's map page. */
typedef struct MergeRecord {
    uint16_t slot;      /* of L in the parent */
    uint16_t map_index; /* of L */
} MergeRecord;

/* Room left free in a merged page, so that it is not split again at once. */
static uint32_t
merged_max(const Btree *bt)
{
    return bt->page_bytes / 8 * 7;
}

static uint32_t
used_bytes(const Btree *bt, const BtreePage *p)
{
    return bt->page_bytes - p->data_begin - p->data_dead + p->nslots * (uint32_t)(sizeof(BtreeSlot) + p->prefix_bytes);
}

/* At a glance, and safe on bytes a writer is changing: worth latching? */
static bool
may_merge(const Btree *bt, const BtreePage *a, const BtreePage *l)
{
    uint32_t na = bt->page_bytes - a->data_begin - a->data_dead + a->nslots * (uint32_t)sizeof(BtreeSlot);
    uint32_t nl = bt->page_bytes - l->data_begin - l->data_dead + l->nslots * (uint32_t)sizeof(BtreeSlot);
    return l->nslots == 0 || (nl < bt->page_bytes / 3 && na + nl < merged_max(bt));
}

/* The entries of both, in A's order; those of an inner L begin with its first child. */
static Status
join_parts(Ctx *ctx, Btree *bt, Arena *arena, const BtreePage *a, const BtreePage *l, Parts *out, bool *fits_out)
{
    Parts left, right;
    uint64_t bytes = sizeof(BtreePage) + 16;
    int inner = l->level > 0;
    TRY(btree_take_apart(ctx, bt, arena, a, -1, NULL, &left));
    TRY(btree_take_apart(ctx, bt, arena, l, -1, NULL, &right));
    *out = left;
    TRY_ALLOC(ctx, out->items, ARENA_ARRAY(arena, Entry, left.n + right.n + inner + 1));
    out->n = 0;
    for (int i = 0; i < left.n; i++) out->items[out->n++] = left.items[i];
    if (inner) {
        PageNo *child;
        TRY_ALLOC(ctx, child, arena_memdup(arena, &right.first_child, sizeof(right.first_child)));
        out->items[out->n++] =
            btree_entry_of(right.low.key, right.low.key_bytes, (const uint8_t *)child, sizeof(*child));
    }
    for (int i = 0; i < right.n; i++) out->items[out->n++] = right.items[i];
    out->payload = left.payload || right.payload;
    out->high = right.high;
    out->has_high = right.has_high;
    out->right = right.right;
    bytes += out->low.key_bytes + out->high.key_bytes;
    for (int i = 0; i < out->n; i++) bytes += btree_weight(out, &out->items[i]);
    *fits_out = bytes <= merged_max(bt);
    return QN_OK;
}

static Status
merge_and_log(Ctx *ctx, Btree *bt, PageRef *parent, int slot, PageRef *a, PageRef *l, const uint8_t *built)
{
    RelUnlink u;
    uint16_t at = (uint16_t)slot;
    WalLog log;
    Status st;
    TRY(rel_unlink_begin(ctx, bt->rel, l->number, &u));
    PageRef *pages[4] = {a, parent, l, &u.map};
    TRY_GOTO(wal_begin(ctx, pages, 4, sizeof(MergeRecord), &log));
    NOFAIL_BEGIN(ctx);
    MergeRecord rec = {.slot = at, .map_index = u.slot.index};
    memcpy(log.payload, &rec, sizeof(rec));
    btree_install(bt, a, built);
    btree_page_remove(btree_page(parent), bt->page_bytes, &at, 1);
    rel_unlink_apply(&u, l);
    log.force_image = 1;
    wal_finish(&log, WAL_BTREE_MERGE, sizeof(rec));
    NOFAIL_END(ctx);
    ssi_page_split(ctx, bt->base.desc.relid, l->number, a->number);
done:
    rel_unlink_end(&u);
    return st;
}

/* Merges the child of slot `slot` of a parent that is latched exclusively into the child before it, if both are neighbours and fit. */
static Status
merge_child(Ctx *ctx, Btree *bt, Arena *arena, PageRef *parent, int slot, bool *merged_out)
{
    PageRef a = PAGE_REF_NONE, l = PAGE_REF_NONE;
    PageNo left = btree_child(btree_page(parent), bt->page_bytes, slot);
    PageNo right = btree_child(btree_page(parent), bt->page_bytes, slot + 1);
    uint8_t *built;
    Parts parts;
    bool fits;
    Status st;
    *merged_out = false;
    TRY_GOTO(page_fix(ctx, left, FIX_EXCLUSIVE, &a));
    TRY_GOTO(btree_page_check(ctx, bt, &a));
    if (btree_page(&a)->right != right) goto done; /* a split that the parent does not know yet */
    TRY_GOTO(page_fix(ctx, right, FIX_EXCLUSIVE, &l));
    TRY_GOTO(btree_page_check(ctx, bt, &l));
    const BtreePage *pa = btree_page(&a), *pl = btree_page(&l);
    if (pl->nslots > 0 && used_bytes(bt, pa) + used_bytes(bt, pl) > merged_max(bt)) goto done;
    TRY_GOTO(join_parts(ctx, bt, arena, pa, pl, &parts, &fits));
    if (!fits) goto done;
    TRY_ALLOC_GOTO(ctx, built, arena_zalloc(arena, bt->page_bytes));
    btree_build_page(built, bt, &parts, 0, parts.n, &parts.low, parts.has_high ? &parts.high : NULL, parts.right,
                     parts.first_child);
    TRY_GOTO(merge_and_log(ctx, bt, parent, slot, &a, &l, built));
    *merged_out = true;
done:
    page_unfix(&l);
    page_unfix(&a);
    return st;
}

/* Does it look as if the child of slot `slot` could go into the one before? Nothing is latched for long. */
static Status
looks_mergeable(Ctx *ctx, Btree *bt, PageNo left, PageNo right, bool *out)
{
    PageRef a = PAGE_REF_NONE, l = PAGE_REF_NONE;
    Status st;
    *out = false;
    TRY_GOTO(page_fix(ctx, left, FIX_SHARED, &a));
    TRY_GOTO(btree_page_check(ctx, bt, &a));
    if (btree_page(&a)->right != right) goto done;
    TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &l));
    TRY_GOTO(btree_page_check(ctx, bt, &l));
    *out = may_merge(bt, btree_page(&a), btree_page(&l));
done:
    page_unfix(&l);
    page_unfix(&a);
    return st;
}

/* Goes through the children of one parent, from the last to the first, and finds the page right of it. */
static Status
shrink_parent(Ctx *ctx, Btree *bt, PageNo number, PageNo *right_out, uint64_t *freed)
{
    PageRef parent = PAGE_REF_NONE;
    Arena *arena;
    Status st;
    TRY_ALLOC(ctx, arena, arena_create(NULL, "btree merge"));
    TRY_GOTO(page_fix(ctx, number, FIX_SHARED, &parent));
    TRY_GOTO(btree_page_check(ctx, bt, &parent));
    for (int slot = btree_page(&parent)->nslots; slot-- > 0;) {
        bool worth = false, merged = false;
        if (slot >= btree_page(&parent)->nslots) continue;
        PageNo left = btree_child(btree_page(&parent), bt->page_bytes, slot);
        PageNo right = btree_child(btree_page(&parent), bt->page_bytes, slot + 1);
        page_unfix(&parent);
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(looks_mergeable(ctx, bt, left, right, &worth));
        TRY_GOTO(page_fix(ctx, number, worth ? FIX_EXCLUSIVE : FIX_SHARED, &parent));
        TRY_GOTO(btree_page_check(ctx, bt, &parent));
        /* Only VACUUM takes children out; others may have come before this one since. */
        if (worth && slot < btree_page(&parent)->nslots)
            TRY_GOTO(merge_child(ctx, bt, arena, &parent, slot, &merged));
        *freed += merged;
        arena_reset(arena);
        if (!worth) continue;
        page_unfix(&parent);
        TRY_GOTO(page_fix(ctx, number, FIX_SHARED, &parent));
    }
    *right_out = (btree_page(&parent)->flags & BTREE_HIGH) != 0 ? btree_page(&parent)->right : PAGE_NONE;
done:
    page_unfix(&parent);
    arena_destroy(arena);
    return st;
}

Status
btree_shrink(Ctx *ctx, Btree *bt, uint64_t *freed_out)
{
    PageRef ref = PAGE_REF_NONE;
    *freed_out = 0;
    TRY(page_fix(ctx, bt->root, FIX_SHARED, &ref));
    int height = btree_page(&ref)->level;
    page_unfix(&ref);
    for (int level = 1; level <= height; level++) {
        Descent d = {.key = (const uint8_t *)"", .mode = SEARCH_LE};
        TRY(btree_descend(ctx, bt, &d, level, FIX_SHARED, &ref));
        PageNo at = ref.number;
        page_unfix(&ref);
        while (at != PAGE_NONE) TRY(shrink_parent(ctx, bt, at, &at, freed_out));
    }
    return QN_OK;
}

/* What is in the tree is in use, however little it holds. */
static bool
is_empty(const void *page)
{
    (void)page;
    return false;
}

Status
btree_truncate(Ctx *ctx, Index *index, uint32_t *npages_out)
{
    return rel_truncate_end(ctx, btree_of(index)->rel, is_empty, npages_out);
}

Status
btree_redo_merge(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    MergeRecord r;
    if (rec->payload_bytes != sizeof(r) || rec->npages != 4)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    memcpy(&r, rec->payload, sizeof(r));
    uint32_t page_bytes = db_page_bytes(ctx);
    if (r.map_index >= MAP_PAGES(page_bytes) ||
        (pages[1].apply && r.slot >= btree_page(&pages[1].ref)->nslots))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the index page it names");
    if (pages[1].apply) btree_page_remove(btree_page(&pages[1].ref), page_bytes, &r.slot, 1);
    map_set_unlinked(pages[3].apply ? pages[3].ref.ptr : NULL, r.map_index, pages[2].apply ? &pages[2].ref : NULL);
    return QN_OK;
}
