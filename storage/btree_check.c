/* btree_check.c - verifying a tree, and measuring it. */
#include "storage/btree_priv.h"

typedef struct Check {
    Btree *bt;
    uint8_t *key, *last_key, *low; /* a page each */
    uint32_t last_bytes, low_bytes;
    bool has_last;
    uint64_t entries;
} Check;

static Status
fault(Ctx *ctx, const Check *c, PageNo page, const char *what)
{
    return RAISE(ctx, ERR_INDEX_CORRUPTED, "index \"%s\", page %u: %s", c->bt->base.desc.name, page,
                 what);
}

/* Order within the page and across the level, and that entries lie between the page's bounds. */
static Status
check_entries(Ctx *ctx, Check *c, const PageRef *ref)
{
    const BtreePage *p = btree_page(ref);
    const uint8_t *base = (const uint8_t *)p;
    for (int i = 0; i < p->nslots; i++) {
        uint32_t n = btree_entry_bytes(p, i);
        if ((uint32_t)p->slots[i].offset + n > c->bt->page_bytes ||
            p->slots[i].offset < p->data_begin)
            return fault(ctx, c, ref->number, "entry outside the page");
        n = btree_full_key(p, i, c->key);
        if (key_compare(c->key, n, base + p->low, p->low_bytes) < 0)
            return fault(ctx, c, ref->number, "entry below the low key");
        if ((p->flags & BTREE_HIGH) != 0 &&
            key_compare(c->key, n, base + p->high, p->high_bytes) >= 0)
            return fault(ctx, c, ref->number, "entry not below the high key");
        if (c->has_last && key_compare(c->last_key, c->last_bytes, c->key, n) >= 0)
            return fault(ctx, c, ref->number, "entries out of order");
        memcpy(c->last_key, c->key, n);
        c->last_bytes = n;
        c->has_last = true;
        if (btree_search_page(p, c->bt->page_bytes, c->key, n, SEARCH_LT) != i)
            return fault(ctx, c, ref->number, "search does not find an entry");
    }
    return QN_OK;
}

/* A child's low key is the separator before it, its level one less. */
static Status
check_children(Ctx *ctx, Check *c, const PageRef *ref)
{
    const BtreePage *p = btree_page(ref);
    for (int i = 0; i <= p->nslots; i++) {
        PageRef child = PAGE_REF_NONE;
        uint32_t n = p->low_bytes;
        const char *what = NULL;
        if (i == 0)
            memcpy(c->key, (const uint8_t *)p + p->low, n);
        else
            n = btree_full_key(p, i - 1, c->key);
        TRY(page_fix(ctx, btree_child(p, c->bt->page_bytes, i), FIX_SHARED, &child));
        Status st = btree_page_check(ctx, c->bt, &child);
        const BtreePage *q = btree_page(&child);
        if (st == QN_OK && q->level + 1 != p->level) what = "child on the wrong level";
        if (st == QN_OK && key_compare((const uint8_t *)q + q->low, q->low_bytes, c->key, n) != 0)
            what = "child's low key is not the separator";
        page_unfix(&child);
        TRY(st);
        if (what != NULL) return fault(ctx, c, ref->number, what);
    }
    return QN_OK;
}

/* Every page of a level, from the left. */
static Status
check_level(Ctx *ctx, Check *c, int level)
{
    PageRef ref = PAGE_REF_NONE;
    Descent d = {.key = (const uint8_t *)"", .mode = SEARCH_LE};
    Status st;
    c->has_last = false;
    c->low_bytes = 0;
    TRY_GOTO(btree_descend(ctx, c->bt, &d, level, FIX_SHARED, &ref));
    for (;;) {
        const BtreePage *p = btree_page(&ref);
        if (p->level != level) TRY_GOTO(fault(ctx, c, ref.number, "page on the wrong level"));
        if (key_compare((const uint8_t *)p + p->low, p->low_bytes, c->low, c->low_bytes) != 0)
            TRY_GOTO(fault(ctx, c, ref.number, "low key is not the left neighbour's high key"));
        TRY_GOTO(check_entries(ctx, c, &ref));
        if (level > 0) TRY_GOTO(check_children(ctx, c, &ref));
        if (level == 0) c->entries += p->nslots;
        if ((p->flags & BTREE_HIGH) == 0) break;
        memcpy(c->low, (const uint8_t *)p + p->high, p->high_bytes);
        c->low_bytes = p->high_bytes;
        PageNo right = p->right;
        page_unfix(&ref);
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, c->bt, &ref));
    }
    if (btree_page(&ref)->right != PAGE_NONE)
        st = fault(ctx, c, ref.number, "last page of a level has a neighbour");
done:
    page_unfix(&ref);
    return st;
}

static Status
root_level(Ctx *ctx, Btree *bt, int *out)
{
    PageRef ref = PAGE_REF_NONE;
    TRY(page_fix(ctx, bt->root, FIX_SHARED, &ref));
    Status st = btree_page_check(ctx, bt, &ref);
    *out = btree_page(&ref)->level;
    page_unfix(&ref);
    return st;
}

Status
btree_check(Ctx *ctx, Index *index, uint64_t *entries_out)
{
    Check c = {.bt = btree_of(index)};
    Arena *arena;
    int level;
    Status st;
    TRY_ALLOC(ctx, arena, arena_create(NULL, "btree check"));
    TRY_ALLOC_GOTO(ctx, c.key, arena_alloc(arena, 2 * (size_t)c.bt->page_bytes));
    TRY_ALLOC_GOTO(ctx, c.last_key, arena_alloc(arena, 2 * (size_t)c.bt->page_bytes));
    TRY_ALLOC_GOTO(ctx, c.low, arena_alloc(arena, c.bt->page_bytes));
    TRY_GOTO(root_level(ctx, c.bt, &level));
    for (; level >= 0; level--) TRY_GOTO(check_level(ctx, &c, level));
    if (entries_out != NULL) *entries_out = c.entries;
done:
    arena_destroy(arena);
    return st;
}

/* Leaves, counted on the level above them, and entries of the leaves first met. */
Status
btree_stats(Ctx *ctx, Index *index, IndexStats *out)
{
    enum { LOOK_AT = 8 };
    Btree *bt = btree_of(index);
    PageRef ref = PAGE_REF_NONE;
    Descent d = {.key = (const uint8_t *)"", .mode = SEARCH_LE};
    PageNo leaves[LOOK_AT];
    int nlooked = 0;
    double entries = 0;
    Status st;
    memset(out, 0, sizeof(*out));
    uint32_t overflow;
    out->pages = rel_page_count(bt->rel);
    TRY(rel_sizes(ctx, bt->rel, &out->file_pages, &overflow));
    TRY(root_level(ctx, bt, &out->height));
    TRY_GOTO(btree_descend(ctx, bt, &d, out->height > 0 ? 1 : 0, FIX_SHARED, &ref));
    if (out->height == 0) {
        out->leaf_pages = 1;
        out->entries = btree_page(&ref)->nslots;
        goto done;
    }
    for (;;) {
        const BtreePage *p = btree_page(&ref);
        for (int i = 0; i <= p->nslots && nlooked < LOOK_AT; i += p->nslots / LOOK_AT + 1)
            leaves[nlooked++] = btree_child(p, bt->page_bytes, i);
        out->leaf_pages += p->nslots + 1u;
        PageNo right = p->right;
        if ((p->flags & BTREE_HIGH) == 0) break;
        page_unfix(&ref);
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, bt, &ref));
    }
    page_unfix(&ref);
    for (int i = 0; i < nlooked; i++) {
        TRY_GOTO(page_fix(ctx, leaves[i], FIX_SHARED, &ref));
        entries += btree_page(&ref)->nslots;
        page_unfix(&ref);
    }
    out->entries = nlooked != 0 ? entries / nlooked * out->leaf_pages : 0;
done:
    page_unfix(&ref);
    return st;
}
