/* btree_build.c - filling an empty tree from entries in order.
 *
 * Each level gathers entries in memory until they fill a page, which is then written once, as an
 * image, and made known to the level above. A page's number is given out when its left neighbour is
 * written, because that page must name it; the one page of the top level goes to the root. */
#include "storage/btree_priv.h"

typedef struct Level {
    Entry *items;
    int n, cap;
    uint8_t *bytes; /* keys and extras of items */
    uint32_t nbytes, bytes_cap;
    uint32_t weight; /* keys, extras and slots, prefix not taken off */
    uint8_t *low;    /* low key of the page being gathered */
    uint32_t low_bytes;
    PageNo number;      /* of that page; PAGE_NONE: the level's first one, not given out yet */
    PageNo first_child; /* inner */
} Level;

struct IndexBuild {
    Btree *bt;
    Arena *arena;
    Level levels[BTREE_LEVELS_MAX];
    int nlevels;
    uint32_t fill_bytes; /* a page is full at this many */
    uint8_t *page;       /* one page being built */
    uint8_t *key;        /* key and tid */
    uint8_t *last_key;   /* of the entry before, without tid */
    uint32_t last_key_bytes;
    IndexTid last_tid;
    bool has_last;
};

Status
btree_build_begin(Ctx *ctx, Arena *arena, Index *index, int fillfactor, IndexBuild **out)
{
    IndexBuild *b;
    Btree *bt = btree_of(index);
    if (fillfactor < 10 || fillfactor > 100) fillfactor = 90;
    TRY_ALLOC(ctx, b, ARENA_NEW(arena, IndexBuild));
    b->bt = bt;
    TRY_ALLOC(ctx, b->arena, arena_create(arena, "btree build"));
    b->fill_bytes =
        (uint32_t)((uint64_t)(bt->page_bytes - sizeof(BtreePage) - 8) * (uint32_t)fillfactor / 100);
    TRY_ALLOC(ctx, b->page, arena_alloc(b->arena, bt->page_bytes));
    TRY_ALLOC(ctx, b->key, arena_alloc(b->arena, bt->page_bytes));
    TRY_ALLOC(ctx, b->last_key, arena_alloc(b->arena, bt->page_bytes));
    *out = b;
    return QN_OK;
}

void
btree_build_end(IndexBuild *b)
{
    if (b == NULL) return;
    arena_destroy(b->arena);
    b->arena = NULL;
}

static Status
level_init(Ctx *ctx, IndexBuild *b, int level)
{
    Level *l = &b->levels[level];
    if (level >= BTREE_LEVELS_MAX) return RAISE_INTERNAL(ctx, "index is too deep");
    l->cap = (int)(b->bt->page_bytes / sizeof(BtreeSlot)) + 2;
    l->bytes_cap = 4 * b->bt->page_bytes;
    TRY_ALLOC(ctx, l->items, arena_alloc(b->arena, sizeof(Entry) * (size_t)l->cap));
    TRY_ALLOC(ctx, l->bytes, arena_alloc(b->arena, l->bytes_cap));
    TRY_ALLOC(ctx, l->low, arena_alloc(b->arena, b->bt->page_bytes));
    b->nlevels = level + 1;
    return QN_OK;
}

static Status
give_number(Ctx *ctx, IndexBuild *b, PageNo *out)
{
    PageRef ref = PAGE_REF_NONE;
    TRY(rel_page_new(ctx, b->bt->rel, PAGE_BTREE, PAGE_NONE, &ref));
    *out = ref.number;
    page_unfix(&ref);
    return QN_OK;
}

/* Writes items [0, n) of a level as page `number` with the bounds given. */
static Status
write_page(Ctx *ctx, IndexBuild *b, int level, int n, const Entry *high, PageNo right,
           PageNo number)
{
    Btree *bt = b->bt;
    Level *l = &b->levels[level];
    PageRef ref = PAGE_REF_NONE, *pages[1] = {&ref};
    Entry low = btree_entry_of(l->low, l->low_bytes, NULL, 0);
    BtreePage *p = (BtreePage *)b->page;
    WalLog log;
    Status st;
    memset(b->page, 0, bt->page_bytes);
    btree_page_init(p, bt->page_bytes, level, bt->base.has_payload, &low, high, right,
                    l->first_child);
    for (int i = 0; i < n; i++) btree_page_insert(p, bt->page_bytes, i, &l->items[i]);
    TRY_GOTO(page_fix(ctx, number, FIX_EXCLUSIVE, &ref));
    TRY_GOTO(wal_begin(ctx, pages, 1, 0, &log));
    NOFAIL_BEGIN(ctx);
    BtreePage *to = btree_page(&ref);
    to->page.flags &= (uint8_t)~PAGE_FLAG_BLANK;
    to->page.gap_begin = p->page.gap_begin;
    to->page.gap_bytes = p->page.gap_bytes;
    memcpy(ref.ptr + PAGE_BODY, b->page + PAGE_BODY, bt->page_bytes - PAGE_BODY);
    log.force_image = 1;
    wal_finish(&log, WAL_BTREE_SPLIT, 0);
    NOFAIL_END(ctx);
done:
    page_unfix(&ref);
    return st;
}

static Status level_add(Ctx *ctx, IndexBuild *b, int level, const Entry *e);

/* Writes the first n items of a level as a page and moves the others to the front of the next one,
 * whose low key is next's (cut on leaves). */
static Status
finish_page(Ctx *ctx, IndexBuild *b, int level, int n, const Entry *next)
{
    Level *l = &b->levels[level];
    Entry sep = *next;
    uint8_t room[PAGE_BYTES_MAX / 6];
    PageNo right;
    if (level == 0) sep = btree_separator(b->bt, &l->items[n - 1], next, room);
    if (l->number == PAGE_NONE) TRY(give_number(ctx, b, &l->number));
    TRY(give_number(ctx, b, &right));
    TRY(write_page(ctx, b, level, n, &sep, right, l->number));
    if (level + 1 >= b->nlevels) {
        TRY(level_init(ctx, b, level + 1));
        b->levels[level + 1].first_child = l->number;
    }
    l->number = right;
    memcpy(l->low, sep.key, sep.key_bytes);
    l->low_bytes = sep.key_bytes;
    Entry up = btree_entry_of(l->low, sep.key_bytes, (const uint8_t *)&right, sizeof(right));
    return level_add(ctx, b, level + 1, &up);
}

/* Drops the first n items, and for an inner level the one behind them, whose key went up. */
static void
shift_items(Level *l, int n)
{
    int left = l->n - n;
    if (left > 0) memmove(l->items, l->items + n, sizeof(Entry) * (size_t)left);
    l->n = left;
    l->weight = 0;
    for (int i = 0; i < left; i++)
        l->weight +=
            l->items[i].key_bytes + l->items[i].extra_bytes + (uint32_t)sizeof(BtreeSlot) + 2;
    if (left == 0) l->nbytes = 0;
}

static uint32_t
common_bytes(const uint8_t *a, uint32_t na, const uint8_t *b, uint32_t nb)
{
    uint32_t n = na < nb ? na : nb, i = 0;
    while (i < n && a[i] == b[i]) i++;
    return i;
}

static uint32_t
page_room(const IndexBuild *b)
{
    return b->bt->page_bytes - (uint32_t)sizeof(BtreePage) - 8;
}

/* What a common prefix squeezed into one page may need two without it: the first half becomes a page. */
static Status
halve_level(Ctx *ctx, IndexBuild *b, int level)
{
    Level *l = &b->levels[level];
    int n = l->n / 2;
    Entry next = l->items[n];
    TRY(finish_page(ctx, b, level, n, &next));
    if (level > 0) memcpy(&l->first_child, next.extra, sizeof(PageNo));
    shift_items(l, level > 0 ? n + 1 : n);
    return QN_OK;
}

static Status
level_add(Ctx *ctx, IndexBuild *b, int level, const Entry *e)
{
    Level *l = &b->levels[level];
    uint32_t more = e->key_bytes + e->extra_bytes;
    for (;;) {
        /* If the page ended before e, its keys would share this many bytes. */
        uint32_t prefix = common_bytes(l->low, l->low_bytes, e->key, e->key_bytes);
        uint32_t bytes = l->weight - (uint32_t)l->n * prefix + l->low_bytes + e->key_bytes;
        /* Past the fill mark with e, or no room in the buffers: the page ends here. */
        bool full = bytes + more + (uint32_t)sizeof(BtreeSlot) + 2 > b->fill_bytes ||
                    l->n + 1 >= l->cap || l->nbytes + more > l->bytes_cap;
        if (!full || l->n < 2) break;
        if (bytes > page_room(b)) { /* with e, whose key is another kind of thing, they share too little */
            TRY(halve_level(ctx, b, level));
            continue;
        }
        TRY(finish_page(ctx, b, level, l->n, e));
        shift_items(l, l->n);
        if (level > 0) { /* e's key went up; its child is the first of the next page */
            memcpy(&l->first_child, e->extra, sizeof(PageNo));
            return QN_OK;
        }
        break;
    }
    uint8_t *to = l->bytes + l->nbytes;
    memcpy(to, e->key, e->key_bytes);
    if (e->extra_bytes != 0) memcpy(to + e->key_bytes, e->extra, e->extra_bytes);
    l->items[l->n++] = btree_entry_of(to, e->key_bytes, to + e->key_bytes, e->extra_bytes);
    l->nbytes += more;
    l->weight += more + (uint32_t)sizeof(BtreeSlot) + 2;
    return QN_OK;
}

/* Is one of the key's columns NULL? */
static bool
holds_null(const KeyFormat *fmt, const uint8_t *key, uint32_t key_bytes)
{
    uint32_t at = 0;
    for (int i = 0; i < fmt->ncols && at < key_bytes; i++) {
        if (!fmt->cols[i].not_null && key[at] != 1) return true;
        at += (uint32_t)key_column_bytes(&fmt->cols[i], key + at, key_bytes - at);
    }
    return false;
}

Status
btree_build_add(Ctx *ctx, IndexBuild *b, const uint8_t *key, uint32_t key_bytes, IndexTid tid,
                const uint8_t *payload, uint32_t payload_bytes, IndexTid *dup_out)
{
    uint32_t nbytes = key_bytes + TID_BYTES + payload_bytes;
    *dup_out = 0;
    if (nbytes > btree_entry_max(b->bt->page_bytes)) {
        Status st = RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                          "index row size %u exceeds btree maximum %u for index \"%s\"", nbytes,
                          btree_entry_max(b->bt->page_bytes), b->bt->base.desc.name);
        return err_hint(ctx, st, "Values larger than 1/6 of a page cannot be indexed.");
    }
    if (b->nlevels == 0) TRY(level_init(ctx, b, 0));
    if (b->bt->base.desc.unique) {
        if (b->has_last && b->last_key_bytes == key_bytes &&
            memcmp(b->last_key, key, key_bytes) == 0 &&
            (b->bt->base.desc.nulls_not_distinct ||
             !holds_null(&b->bt->base.format, key, key_bytes)))
            *dup_out = b->last_tid;
        memcpy(b->last_key, key, key_bytes);
        b->last_key_bytes = key_bytes;
        b->last_tid = tid;
        b->has_last = true;
    }
    memcpy(b->key, key, key_bytes);
    btree_put_tid(b->key + key_bytes, tid);
    Entry e = btree_entry_of(b->key, key_bytes + TID_BYTES, payload, payload_bytes);
    const Level *l = &b->levels[0];
    if (l->n > 0 &&
        key_compare(l->items[l->n - 1].key, l->items[l->n - 1].key_bytes, e.key, e.key_bytes) >= 0)
        return RAISE_INTERNAL(ctx, "entries for index \"%s\" are out of order",
                              b->bt->base.desc.name);
    return level_add(ctx, b, 0, &e);
}

/* Bytes the level's items take as a last page, which has no prefix. */
static uint32_t
open_bytes(const Level *l)
{
    return l->weight + l->low_bytes;
}

Status
btree_build_finish(Ctx *ctx, IndexBuild *b)
{
    if (b->nlevels == 0) return QN_OK;
    for (int level = 0; level < b->nlevels; level++) {
        Level *l = &b->levels[level];
        while (open_bytes(l) > page_room(b)) TRY(halve_level(ctx, b, level));
        bool top = level == b->nlevels - 1;
        TRY(write_page(ctx, b, level, l->n, NULL, PAGE_NONE, top ? b->bt->root : l->number));
    }
    return QN_OK;
}
