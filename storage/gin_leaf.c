/* gin_leaf.c - posting segments put into the leaves they belong to.
 *
 * A leaf is taken apart once for all pairs that go to it; what comes of it is one changed entry, logged as such, or the whole leaf as an
 * image, or two. */
#include "storage/gin_priv.h"

#include "common/bits.h"
#include "storage/wal.h"

Status
gin_leaf_begin(Ctx *ctx, Gin *g, Arena *arena, const PageRef *ref, int more_items, GinLeaf *leaf)
{
    *leaf = (GinLeaf){.gin = g, .arena = arena};
    TRY(btree_take_apart(ctx, &g->tree, arena, btree_page(ref), -1, NULL, &leaf->parts));
    leaf->parts.payload = true;
    leaf->cap = leaf->parts.n + more_items;
    TRY_ALLOC(ctx, leaf->items, ARENA_ARRAY(arena, Entry, leaf->cap + 1));
    return QN_OK;
}

Status
gin_leaf_reserve(Ctx *ctx, GinLeaf *leaf, int n)
{
    uint64_t *ords;
    if (n <= leaf->ords_cap) return QN_OK;
    int cap = (int)bits_next_pow2((size_t)n + 1024);
    TRY_ALLOC(ctx, ords, ARENA_ARRAY(leaf->arena, uint64_t, cap));
    if (leaf->ords_cap > 0) memcpy(ords, leaf->ords, sizeof(uint64_t) * (size_t)leaf->ords_cap);
    leaf->ords = ords;
    leaf->ords_cap = cap;
    return QN_OK;
}

Status
gin_leaf_decode(Ctx *ctx, GinLeaf *leaf, const Entry *e, int at, int *n_out)
{
    TRY(gin_leaf_reserve(ctx, leaf, at + (int)e->extra_bytes)); /* a byte each at least */
    *n_out = posting_decode(e->extra, e->extra_bytes, leaf->ords + at, (int)e->extra_bytes);
    if (*n_out < 0)
        return RAISE(ctx, ERR_INDEX_CORRUPTED, "invalid posting list in index \"%s\"",
                     leaf->gin->tree.base.desc.name);
    return QN_OK;
}

/* One segment of the first of n ordinals; returns how many it took. */
static Status
emit_segment(Ctx *ctx, GinLeaf *leaf, const uint8_t *key, uint32_t key_bytes, const uint64_t *ords, int n, int *taken)
{
    const Gin *g = leaf->gin;
    uint32_t max = btree_entry_max(g->tree.page_bytes) - key_bytes - TID_BYTES, nbytes;
    uint8_t *bytes;
    if (max > g->segment_bytes) max = g->segment_bytes;
    if (leaf->n == leaf->cap) return RAISE_INTERNAL(ctx, "a leaf of an inverted index has too many segments");
    TRY_ALLOC(ctx, bytes, arena_alloc(leaf->arena, key_bytes + TID_BYTES + max));
    *taken = posting_encode(ords, n, bytes + key_bytes + TID_BYTES, max, &nbytes);
    memcpy(bytes, key, key_bytes);
    btree_put_tid(bytes + key_bytes, posting_tid(ords[*taken - 1], g->slot_bits));
    leaf->items[leaf->n++] =
        btree_entry_of(bytes, key_bytes + TID_BYTES, bytes + key_bytes + TID_BYTES, nbytes);
    return QN_OK;
}

Status
gin_leaf_emit(Ctx *ctx, GinLeaf *leaf, const uint8_t *key, uint32_t key_bytes, int n, bool grew_at_end)
{
    const int from = leaf->n;
    int parts = 0, taken;
    for (int i = 0; i < n; i += taken, parts++)
        TRY(emit_segment(ctx, leaf, key, key_bytes, leaf->ords + i, n - i, &taken));
    leaf->changes += parts;
    leaf->changed_at = from;
    if (parts < 2 || grew_at_end) return QN_OK;
    /* Even ones have room for more in each. */
    leaf->n = from;
    int each = (n + parts - 1) / parts;
    for (int i = 0; i < n; i += taken)
        TRY(emit_segment(ctx, leaf, key, key_bytes, leaf->ords + i, n - i < each ? n - i : each, &taken));
    return QN_OK;
}

/* Bytes the item takes on the page. */
static uint32_t
stored(const Entry *e, uint32_t prefix)
{
    return e->key_bytes - prefix + e->extra_bytes + 2 + (uint32_t)sizeof(BtreeSlot);
}

static Status
install_image(Ctx *ctx, GinLeaf *leaf, PageRef *ref)
{
    const Btree *bt = &leaf->gin->tree;
    const Parts *p = &leaf->parts;
    PageRef *pages[1] = {ref};
    uint8_t *built;
    WalLog log;
    TRY_ALLOC(ctx, built, arena_zalloc(leaf->arena, bt->page_bytes));
    Parts now = *p;
    now.items = leaf->items;
    now.n = leaf->n;
    btree_build_page(built, bt, &now, 0, now.n, &p->low, p->has_high ? &p->high : NULL, p->right, p->first_child);
    TRY(wal_begin(ctx, pages, 1, 0, &log));
    NOFAIL_BEGIN(ctx);
    btree_install(bt, ref, built);
    log.force_image = 1;
    wal_finish(&log, WAL_BTREE_SPLIT, 0);
    NOFAIL_END(ctx);
    return QN_OK;
}

static Status
split_leaf(Ctx *ctx, GinLeaf *leaf, PageRef *ref, uint32_t total, uint32_t prefix, Split *split_out)
{
    Btree *bt = &leaf->gin->tree;
    uint8_t room[PAGE_BYTES_MAX / 6];
    Parts now = leaf->parts;
    uint32_t sum = 0;
    int at = 0;
    now.items = leaf->items;
    now.n = leaf->n;
    while (at < now.n - 1 && sum + stored(&now.items[at], prefix) <= total / 2)
        sum += stored(&now.items[at++], prefix);
    if (at < 1) at = 1;
    Entry sep = btree_separator(bt, &now.items[at - 1], &now.items[at], room);
    return btree_split_parts(ctx, bt, leaf->arena, ref, &now, at, &sep, split_out);
}

Status
gin_leaf_install(Ctx *ctx, GinLeaf *leaf, PageRef *ref, Split *split_out)
{
    Btree *bt = &leaf->gin->tree;
    const BtreePage *p = btree_page(ref);
    const uint32_t prefix = p->prefix_bytes;
    uint32_t total = 0;
    split_out->level = -1;
    for (int i = 0; i < leaf->n; i++) total += stored(&leaf->items[i], prefix);
    if (total + sizeof(BtreePage) + 8 + p->low_bytes + p->high_bytes > bt->page_bytes)
        return split_leaf(ctx, leaf, ref, total, prefix, split_out);
    if (leaf->changes == 1 && leaf->n == leaf->parts.n + !leaf->replaced)
        return btree_put(ctx, bt, ref, leaf->changed_at, &leaf->items[leaf->changed_at], leaf->replaced);
    return install_image(ctx, leaf, ref);
}

/* ---- pairs into leaves ---- */

/* The pairs that go to one leaf, and where they are put in. */
typedef struct Weave {
    GinLeaf leaf;
    const GinPair *pairs;
    int n, at;       /* pairs in all, and woven */
    bool note_write; /* for SERIALIZABLE: these rows are the transaction's */
    int next;        /* of the leaf's old items */
    uint32_t total;  /* bytes its items take by now */
    uint32_t limit;  /* they must fit two pages: about this many and one item more */
    bool is_full;
    uint8_t full[PAGE_BYTES_MAX / 8 + TID_BYTES]; /* the pair's key and tid */
} Weave;

static uint32_t
full_key(Weave *w, const GinPair *pair)
{
    memcpy(w->full, pair->key, pair->key_bytes);
    btree_put_tid(w->full + pair->key_bytes, posting_tid(pair->ord, w->leaf.gin->slot_bits));
    return pair->key_bytes + TID_BYTES;
}

static bool
is_on_leaf(Weave *w, const GinPair *pair)
{
    const Parts *p = &w->leaf.parts;
    uint32_t nbytes = full_key(w, pair);
    return !p->has_high || key_compare(w->full, nbytes, p->high.key, p->high.key_bytes) < 0;
}

/* Merges the pairs of pair's key up to bound that belong to the leaf with the n ordinals at hand. */
static Status
merge_pairs(Ctx *ctx, Weave *w, int n, uint64_t bound, int *n_out, bool *at_end_out)
{
    GinLeaf *leaf = &w->leaf;
    const GinPair *first = &w->pairs[w->at];
    const uint32_t per = POSTING_VARINT_MAX + first->key_bytes / 64; /* at most, new segments' keys included */
    int m = 0;
    for (; w->at + m < w->n; m++) {
        const GinPair *pair = &w->pairs[w->at + m];
        if (pair->ord > bound || pair->key_bytes != first->key_bytes ||
            memcmp(pair->key, first->key, first->key_bytes) != 0 || !is_on_leaf(w, pair))
            break;
        /* The rest comes when the leaf has been split: it belongs to the segments that are made here. */
        w->is_full = m > 0 && w->total + first->key_bytes + per * (uint32_t)m >= w->limit;
        if (w->is_full) break;
    }
    TRY(gin_leaf_reserve(ctx, leaf, n + m));
    uint64_t *ords = leaf->ords;
    *at_end_out = n == 0 || first->ord > ords[n - 1];
    /* From the end, into the room behind. */
    int i = n - 1, k = n + m;
    for (int j = m - 1; j >= 0; j--) {
        uint64_t ord = w->pairs[w->at + j].ord;
        while (i >= 0 && ords[i] > ord) ords[--k] = ords[i--];
        if (i >= 0 && ords[i] == ord) i--;
        ords[--k] = ord;
    }
    int kept = i + 1;
    memmove(ords + kept, ords + k, sizeof(uint64_t) * (size_t)(n + m - k));
    *n_out = kept + n + m - k;
    w->at += m;
    return QN_OK;
}

/* The pair at hand, and those that go the same way, into the segment they belong to: the first one of the key at or after
 * it, else the last before it unless that is full, else a new one. */
static Status
weave_segment(Ctx *ctx, Weave *w)
{
    GinLeaf *leaf = &w->leaf;
    const GinPair *pair = &w->pairs[w->at];
    uint32_t nbytes = full_key(w, pair);
    const Parts *p = &leaf->parts;
    const Entry *old = NULL;
    uint64_t bound = UINT64_MAX;
    bool at_end;
    int n = 0;
    while (w->next < p->n && key_compare(p->items[w->next].key, p->items[w->next].key_bytes, w->full, nbytes) < 0)
        leaf->items[leaf->n++] = p->items[w->next++];
    if (w->next < p->n && gin_same_key(&p->items[w->next], pair->key, pair->key_bytes)) {
        old = &p->items[w->next++];
        bound = gin_bound(leaf->gin, old);
    } else if (leaf->n > 0 && gin_same_key(&leaf->items[leaf->n - 1], pair->key, pair->key_bytes) &&
               leaf->items[leaf->n - 1].extra_bytes < leaf->gin->segment_bytes * 7 / 8) {
        old = &leaf->items[--leaf->n];
    }
    if (old != NULL) {
        TRY(gin_leaf_decode(ctx, leaf, old, 0, &n));
        w->total -= stored(old, 0);
    }
    TRY(merge_pairs(ctx, w, n, bound, &n, &at_end));
    leaf->replaced = old != NULL;
    int from = leaf->n;
    TRY(gin_leaf_emit(ctx, leaf, pair->key, pair->key_bytes, n, at_end));
    for (int i = from; i < leaf->n; i++) w->total += stored(&leaf->items[i], 0);
    return QN_OK;
}

static Status
weave_leaf(Ctx *ctx, Weave *w, PageRef *ref, Split *split_out)
{
    enum { PAIRS_A_LEAF = 4096 };
    GinLeaf *leaf = &w->leaf;
    Gin *g = leaf->gin;
    Arena *arena = leaf->arena;
    if (w->note_write) TRY(ssi_note_write(ctx, g->tree.base.desc.relid, ref->number, SSI_SLOT_NONE));
    int most = w->n - w->at < PAIRS_A_LEAF ? w->n - w->at : PAIRS_A_LEAF, start = w->at;
    TRY(gin_leaf_begin(ctx, g, arena, ref, 5 * most + 8, leaf));
    w->is_full = false;
    w->next = 0;
    w->total = 0;
    for (int i = 0; i < leaf->parts.n; i++) w->total += stored(&leaf->parts.items[i], 0);
    /* Without the prefix the items may take more than a page by now; with it they fit. */
    w->limit = (w->total > g->tree.page_bytes ? w->total : g->tree.page_bytes) + g->tree.page_bytes / 8;
    do
        TRY(weave_segment(ctx, w));
    while (w->at < w->n && w->at - start < most && !w->is_full && w->total < w->limit &&
           is_on_leaf(w, &w->pairs[w->at]));
    while (w->next < leaf->parts.n) leaf->items[leaf->n++] = leaf->parts.items[w->next++];
    return gin_leaf_install(ctx, leaf, ref, split_out);
}

Status
gin_weave(Ctx *ctx, Gin *g, const GinPair *pairs, int n, bool note_write)
{
    Btree *bt = &g->tree;
    Arena *arena = NULL, *splits = NULL;
    Weave *w;
    Status st = QN_OK;
    TRY(btree_scratch(ctx, &arena));
    TRY_ALLOC_GOTO(ctx, w, arena_alloc(arena, sizeof(*w)));
    *w = (Weave){.pairs = pairs, .n = n, .note_write = note_write};
    w->leaf.gin = g;
    TRY_ALLOC_GOTO(ctx, splits, arena_create(arena, "gin leaf"));
    while (w->at < n) {
        PageRef ref = PAGE_REF_NONE;
        Split split = {.level = -1};
        Descent d = {.key = w->full, .mode = SEARCH_LE};
        TRY_GOTO(ctx_check_stop(ctx));
        arena_reset(splits);
        w->leaf.arena = splits;
        int first = w->at;
        d.key_bytes = full_key(w, &pairs[first]);
        TRY_GOTO(btree_descend(ctx, bt, &d, 0, FIX_EXCLUSIVE, &ref));
        st = weave_leaf(ctx, w, &ref, &split);
        page_unfix(&ref);
        TRY_GOTO(st);
        TRY_GOTO(btree_finish_split(ctx, bt, &splits, &split));
        if (d.moved_level >= 0) {
            full_key(w, &pairs[first]);
            TRY_GOTO(btree_mend_level(ctx, bt, &splits, &d));
        }
    }
done:
    arena_destroy(arena);
    return st;
}
