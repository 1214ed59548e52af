/* btree_split.c - making room: a full page becomes two, a full root becomes an inner page over two.
 *
 * Both halves are built aside, from the entries of the page and the new one, so that each gets the
 * longest prefix its bounds allow; then the bytes are put in place and logged as images. A page
 * whose newest entry is its last of the level (ascending keys) is left full. */
#include "storage/btree_priv.h"
#include "storage/ssi.h"

Status
btree_take_apart(Ctx *ctx, Btree *bt, Arena *arena, const BtreePage *p, int pos, const Entry *e,
                 Parts *out)
{
    uint8_t *bytes;
    int k = 0;
    size_t room = (size_t)p->nslots * p->prefix_bytes + bt->page_bytes;
    TRY_ALLOC(ctx, out->items, ARENA_ARRAY(arena, Entry, p->nslots + 1));
    TRY_ALLOC(ctx, bytes, arena_alloc(arena, room));
    for (int i = 0; i <= p->nslots; i++) {
        if (i == pos && e != NULL) out->items[k++] = *e;
        if (i == p->nslots) break;
        const uint8_t *extra;
        uint32_t nkey = btree_full_key(p, i, bytes), nextra = btree_extra(p, i, &extra);
        memcpy(bytes + nkey, extra, nextra);
        out->items[k++] = btree_entry_of(bytes, nkey, bytes + nkey, nextra);
        bytes += nkey + nextra;
    }
    out->n = k;
    TRY_ALLOC(ctx, bytes, arena_alloc(arena, (size_t)p->low_bytes + p->high_bytes + 1));
    memcpy(bytes, (const uint8_t *)p + p->low, p->low_bytes);
    memcpy(bytes + p->low_bytes, (const uint8_t *)p + p->high, p->high_bytes);
    out->low = btree_entry_of(bytes, p->low_bytes, NULL, 0);
    out->high = btree_entry_of(bytes + p->low_bytes, p->high_bytes, NULL, 0);
    out->has_high = (p->flags & BTREE_HIGH) != 0;
    out->level = p->level;
    out->payload = (p->flags & BTREE_PAYLOAD) != 0;
    out->right = p->right;
    out->first_child = p->first_child;
    return QN_OK;
}

/* Do entries [0, at) fit one page, between the page's low key and the entry after them? Taken as if
 * no prefix were shared. */
static bool
left_fits(const Btree *bt, const Parts *parts, int at)
{
    uint64_t bytes = sizeof(BtreePage) + 8 + parts->low.key_bytes + parts->items[at].key_bytes;
    for (int i = 0; i < at; i++) bytes += btree_weight(parts, &parts->items[i]);
    return bytes <= bt->page_bytes;
}

/* Entries [0, at) stay left. At least one on each side; an inner split sends its middle key up. */
static int
choose(const Btree *bt, const Parts *parts, int pos)
{
    uint64_t total = 0, sum = 0;
    int inner = parts->level > 0, at;
    if (!parts->has_high && pos == parts->n - 1) { /* ascending keys */
        at = parts->n - 1 - inner;
        while (at > parts->n / 2 && !left_fits(bt, parts, at))
            at--; /* it gets a high key, which takes room */
        return at;
    }
    for (int i = 0; i < parts->n; i++) total += btree_weight(parts, &parts->items[i]);
    for (at = 0; at < parts->n - 1 && sum + btree_weight(parts, &parts->items[at]) <= total / 2; at++)
        sum += btree_weight(parts, &parts->items[at]);
    if (at < 1) at = 1;
    if (at > parts->n - 1 - inner) at = parts->n - 1 - inner;
    return at;
}

void
btree_build_page(uint8_t *page, const Btree *bt, const Parts *parts, int from, int to,
                 const Entry *low, const Entry *high, PageNo right, PageNo first_child)
{
    BtreePage *p = (BtreePage *)page;
    btree_page_init(p, bt->page_bytes, parts->level, parts->payload, low, high, right, first_child);
    for (int i = from; i < to; i++)
        btree_page_insert(p, bt->page_bytes, i - from, &parts->items[i]);
}

void
btree_install(const Btree *bt, PageRef *ref, const uint8_t *from)
{
    const BtreePage *b = (const BtreePage *)from;
    BtreePage *p = btree_page(ref);
    p->page.flags &= (uint8_t)~PAGE_FLAG_BLANK;
    p->page.gap_begin = b->page.gap_begin;
    p->page.gap_bytes = b->page.gap_bytes;
    memcpy(ref->ptr + PAGE_BODY, from + PAGE_BODY, bt->page_bytes - PAGE_BODY);
}

/* The root: both halves go to new pages, and it becomes their parent. */
static Status
split_root(Ctx *ctx, Btree *bt, Arena *arena, PageRef *root, Parts *parts, int at, const Entry *sep,
           PageNo right_child)
{
    PageRef fresh[2] = {PAGE_REF_NONE, PAGE_REF_NONE}, *pages[3] = {root, &fresh[0], &fresh[1]};
    const int inner = parts->level > 0;
    uint8_t *built[3];
    WalLog log;
    Status st;
    for (int i = 0; i < 3; i++) TRY_ALLOC_GOTO(ctx, built[i], arena_zalloc(arena, bt->page_bytes));
    TRY_GOTO(rel_pages_new(ctx, bt->rel, PAGE_BTREE, 2, fresh));
    btree_build_page(built[1], bt, parts, 0, at, NULL, sep, fresh[1].number, parts->first_child);
    btree_build_page(built[2], bt, parts, at + inner, parts->n, sep, NULL, PAGE_NONE, right_child);
    Entry e =
        btree_entry_of(sep->key, sep->key_bytes, (const uint8_t *)&fresh[1].number, sizeof(PageNo));
    btree_page_init((BtreePage *)built[0], bt->page_bytes, parts->level + 1, false, NULL, NULL,
                    PAGE_NONE, fresh[0].number);
    btree_page_insert((BtreePage *)built[0], bt->page_bytes, 0, &e);
    TRY_GOTO(wal_begin(ctx, pages, 3, 0, &log));
    NOFAIL_BEGIN(ctx);
    for (int i = 0; i < 3; i++) btree_install(bt, pages[i], built[i]);
    log.force_image = 7;
    wal_finish(&log, WAL_BTREE_SPLIT, 0);
    NOFAIL_END(ctx);
    for (int i = 0; i < 2; i++) ssi_page_split(ctx, bt->base.desc.relid, root->number, fresh[i].number);
done:
    page_unfix(&fresh[0]);
    page_unfix(&fresh[1]);
    return st;
}

static Status
split_page(Ctx *ctx, Btree *bt, Arena *arena, PageRef *left, Parts *parts, int at, const Entry *sep,
           PageNo right_child, PageNo *right_out)
{
    PageRef right = PAGE_REF_NONE, *pages[2] = {left, &right};
    const int inner = parts->level > 0;
    uint8_t *built[2];
    WalLog log;
    Status st;
    for (int i = 0; i < 2; i++) TRY_ALLOC_GOTO(ctx, built[i], arena_zalloc(arena, bt->page_bytes));
    TRY_GOTO(rel_page_new(ctx, bt->rel, PAGE_BTREE, left->number, &right));
    btree_build_page(built[0], bt, parts, 0, at, &parts->low, sep, right.number, parts->first_child);
    btree_build_page(built[1], bt, parts, at + inner, parts->n, sep, parts->has_high ? &parts->high : NULL,
          parts->right, right_child);
    TRY_GOTO(wal_begin(ctx, pages, 2, 0, &log));
    NOFAIL_BEGIN(ctx);
    for (int i = 0; i < 2; i++) btree_install(bt, pages[i], built[i]);
    log.force_image = 3;
    wal_finish(&log, WAL_BTREE_SPLIT, 0);
    NOFAIL_END(ctx);
    ssi_page_split(ctx, bt->base.desc.relid, left->number, right.number);
    *right_out = right.number;
done:
    page_unfix(&right);
    return st;
}

Status
btree_split_parts(Ctx *ctx, Btree *bt, Arena *arena, PageRef *ref, Parts *parts, int at, const Entry *sep,
                  Split *split_out)
{
    PageNo right_child = PAGE_NONE;
    uint8_t *key;
    if (parts->level > 0) memcpy(&right_child, parts->items[at].extra, sizeof(right_child));
    if (ref->number == bt->root) return split_root(ctx, bt, arena, ref, parts, at, sep, right_child);
    TRY_ALLOC(ctx, key, arena_memdup(arena, sep->key, sep->key_bytes));
    TRY(split_page(ctx, bt, arena, ref, parts, at, sep, right_child, &split_out->right));
    split_out->key = key;
    split_out->key_bytes = sep->key_bytes;
    split_out->level = parts->level;
    return QN_OK;
}

Status
btree_split(Ctx *ctx, Btree *bt, Arena *arena, PageRef *ref, int pos, const Entry *e,
            Split *split_out)
{
    Parts parts;
    TRY(btree_take_apart(ctx, bt, arena, btree_page(ref), pos, e, &parts));
    int at = choose(bt, &parts, pos);
    Entry sep = parts.items[at];
    uint8_t room[PAGE_BYTES_MAX / 6];
    if (parts.level == 0) sep = btree_separator(bt, &parts.items[at - 1], &parts.items[at], room);
    return btree_split_parts(ctx, bt, arena, ref, &parts, at, &sep, split_out);
}
