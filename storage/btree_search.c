/* btree_search.c - finding the way down, and scanning leaves in either direction.
 *
 * Inner pages are read optimistically: nothing is latched, and what was read counts only if the
 * page has not changed meanwhile. A page reached through a stale pointer is never wrong, only too
 * far left, and its high key says so. A scan copies what it wants of a leaf under a shared latch
 * and holds nothing between calls. */
#include "storage/btree_priv.h"

#include "storage/db.h"
#include "storage/hash.h"
#include "storage/ssi.h"

Status
btree_move_right(Ctx *ctx, Btree *bt, Descent *d, FixMode fix, const PageRef *keep, PageRef *ref)
{
    while (btree_is_right_of(btree_page(ref), bt->page_bytes, d->key, d->key_bytes, d->mode)) {
        PageRef next = PAGE_REF_NONE;
        d->moved_level = btree_page(ref)->level;
        Status st = page_fix(ctx, btree_page(ref)->right, fix, &next);
        if (keep == NULL || keep->number != ref->number) page_unfix(ref);
        *ref = next;
        TRY(st);
        TRY(btree_page_check(ctx, bt, ref));
    }
    return QN_OK;
}

/* Asks for what a lookup will read of the leaf: its head and, from where the key lies between the separators, the slots and the entry. One
 * is found by way of the other, and each would be waited for in turn. */
static void
expect_leaf(const Ctx *ctx, const LeafShape *shape, PageNo leaf, double share)
{
    const char *page = page_expect(ctx, leaf);
    __builtin_prefetch(page + 64);
    if (share < 0 || shape->nslots == 0) return;
    const uint32_t at = (uint32_t)(share * shape->nslots);
    const char *slot = page + sizeof(BtreePage) + at * sizeof(BtreeSlot);
    const char *entry = page + (shape->first_offset - at * shape->stride) % PAGE_BYTES_MAX;
    for (int i = -128; i <= 128; i += 64) __builtin_prefetch(slot + i);
    __builtin_prefetch(entry - 32);
    __builtin_prefetch(entry + 32);
}

static void
note_shape(LeafShape *shape, const BtreePage *p)
{
    if (p->nslots < 2 || shape->nslots == p->nslots) return;
    *shape = (LeafShape){p->nslots, p->slots[0].offset, (uint32_t)p->slots[0].offset - p->slots[1].offset};
}

/* The page the key leads to from a page just peeked at, and its distance: 0 when it is this one. */
static PageNo
step(const Ctx *ctx, const Btree *bt, const BtreePage *p, Descent *d, int level, bool *right_out)
{
    *right_out = btree_is_right_of(p, bt->page_bytes, d->key, d->key_bytes, d->mode);
    if (*right_out) return p->right;
    if (p->level <= level) return PAGE_NONE;
    int n = btree_search_page(p, bt->page_bytes, d->key, d->key_bytes, d->mode);
    PageNo child = btree_child(p, bt->page_bytes, n);
    if (d->shape != NULL && p->level == 1)
        expect_leaf(ctx, d->shape, child, btree_share(p, bt->page_bytes, d->key, d->key_bytes, n));
    return child;
}

Status
btree_descend(Ctx *ctx, Btree *bt, Descent *d, int level, FixMode fix, PageRef *out)
{
    PageNo at = bt->root;
    PageRef ref = PAGE_REF_NONE;
    d->moved_level = -1;
    for (unsigned steps = 0;; steps++) {
        bool right;
        if (steps > 1000) TRY(ctx_check_stop(ctx));
        if (steps > 1000000)
            return RAISE(ctx, ERR_INDEX_CORRUPTED, "index \"%s\" leads in circles",
                         bt->base.desc.name);
        TRY(page_peek(ctx, at, &ref));
        const BtreePage *p = btree_page(&ref);
        bool mine = p->page.rel == rel_root(bt->rel) && p->page.type == PAGE_BTREE;
        bool unlinked = btree_page_is_unlinked(p);
        int at_level = p->level;
        PageNo next = mine ? step(ctx, bt, p, d, level, &right) : PAGE_NONE;
        if (!page_validate(&ref) || unlinked) { /* changed while we read: again from the top */
            page_unfix(&ref);
            at = bt->root;
            continue;
        }
        if (mine && next != PAGE_NONE) {
            if (right) d->moved_level = at_level;
            page_unfix(&ref);
            at = next;
            continue;
        }
        /* Arrived, or lost. What was seen holds if the latch finds the page as it was. */
        const bool arrived = mine && at_level == level && !right;
        if (page_upgrade(&ref, fix) && arrived) {
            Status st = btree_page_check(ctx, bt, &ref);
            *out = ref;
            if (st != QN_OK) page_unfix(out);
            return st;
        }
        /* Else it cannot change under the last checks now. */
        if (ref.mode == FIX_NONE) TRY(page_fix(ctx, at, fix, &ref));
        Status st = btree_page_check(ctx, bt, &ref);
        if (st == QN_OK && btree_page_is_unlinked(btree_page(&ref))) {
            page_unfix(&ref);
            at = bt->root;
            continue;
        }
        if (st == QN_OK && btree_page(&ref)->level == level) {
            st = btree_move_right(ctx, bt, d, fix, NULL, &ref);
            if (st == QN_OK) {
                *out = ref;
                return QN_OK;
            }
        }
        int found = st == QN_OK ? btree_page(&ref)->level : -1;
        page_unfix(&ref);
        TRY(st);
        if (found < level)
            return RAISE(ctx, ERR_INDEX_CORRUPTED, "index \"%s\" has no level %d",
                         bt->base.desc.name, level);
        at = bt->root; /* the root was split meanwhile */
    }
}

/* ---- scans ---- */

typedef struct Bound {
    StrBuf key;
    SearchMode mode; /* lower: LT starts at the key, PREFIX behind it; upper: LT ends before it,
                        PREFIX behind */
    bool open;
} Bound;

typedef struct BtreeScan {
    IndexScan base; /* first */
    Btree *bt;
    Arena *arena;   /* the caller's */
    Arena *strings; /* of decoded columns */
    IndexScanSpec spec;
    KeyFormat format;
    Bound lower, upper;
    LeafShape shape;
    const StrBuf *upper_key; /* upper's, or lower's where they are the same */
    bool backward, empty, started, finished;
    PageNo next; /* forward: the leaf to read next */
    StrBuf low;  /* backward: entries below this key are to be read next */
    /* What was copied from the leaf. */
    PageNo leaf;
    Lsn leaf_lsn;
    int n, pos, served;
    IndexTid *tids;
    uint16_t *slots;
    uint32_t *offsets;   /* of key i in keys; n + 1 */
    uint32_t *key_bytes; /* without tid */
    StrBuf keys;         /* key, payload length, payload; index-only scans */
    Vector **cols;       /* one for each column of the index; NULL: not wanted */
    Vector **out_cols;   /* in the spec's order */
    const uint8_t **key_ptrs;
} BtreeScan;

static Status
scan_begin(Ctx *ctx, Arena *arena, Index *index, const IndexScanSpec *spec, IndexScan **out)
{
    BtreeScan *s;
    const size_t most = ENTRIES_MAX + 1;
    const IndexDesc *d = &index->desc;
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, BtreeScan));
    s->bt = btree_of(index);
    s->arena = arena;
    if (spec != NULL) s->spec = *spec;
    s->lower.key = strbuf_new(arena);
    s->upper.key = strbuf_new(arena);
    s->low = strbuf_new(arena);
    s->keys = strbuf_new(arena);
    size_t rows = s->bt->page_bytes / sizeof(BtreeSlot) + 1;
    if (rows > most) rows = most;
    TRY_ALLOC(ctx, s->tids, arena_alloc(arena, sizeof(IndexTid) * rows));
    TRY_ALLOC(ctx, s->slots, arena_alloc(arena, sizeof(uint16_t) * rows));
    if (s->spec.ncolumns > 0) {
        TRY_ALLOC(ctx, s->offsets, arena_alloc(arena, sizeof(uint32_t) * (rows + 1)));
        TRY_ALLOC(ctx, s->key_bytes, arena_alloc(arena, sizeof(uint32_t) * rows));
        TRY_ALLOC(ctx, s->key_ptrs, arena_alloc(arena, sizeof(uint8_t *) * rows));
        TRY_ALLOC(ctx, s->cols, ARENA_ARRAY(arena, Vector *, d->ncols));
        TRY_ALLOC(ctx, s->out_cols, ARENA_ARRAY(arena, Vector *, s->spec.ncolumns));
        for (int i = 0; i < s->spec.ncolumns; i++) {
            int c = s->spec.columns[i];
            if (s->cols[c] == NULL)
                TRY_ALLOC(ctx, s->cols[c], vec_create(arena, d->types[c], BATCH_ROWS));
            s->out_cols[i] = s->cols[c];
        }
        TRY_ALLOC(ctx, s->strings, arena_create(NULL, "index scan strings"));
    }
    s->base.ops = index->ops;
    *out = &s->base;
    return QN_OK;
}

static void
scan_end(IndexScan *scan)
{
    BtreeScan *s = (BtreeScan *)scan;
    arena_destroy(s->strings);
    s->strings = NULL;
}

/* Sets one end of the key range for column c behind the equal columns. value NULL: open, but for
 * NULLs when out_nulls. first: this is the lower end in key order. */
static Status
set_end(Ctx *ctx, const KeyColumn *c, Bound *b, bool first, const Value *value, bool inclusive,
        bool sql_lower, bool out_nulls)
{
    bool inexact = false;
    if (value != NULL) {
        TRY(key_encode_value(ctx, c, value, &b->key, &inexact));
        /* An inexact key is the value rounded down: above it begins what is above the value. */
        if (inexact) inclusive = !sql_lower;
        b->open = false;
    } else if (out_nulls && !c->not_null && c->nulls_first == first) {
        strbuf_addc(&b->key, c->nulls_first ? 0 : 2);
        inclusive = false;
        b->open = false;
    } else {
        inclusive = true;
    }
    b->mode = first == inclusive ? SEARCH_LT : SEARCH_PREFIX;
    return b->key.failed ? RAISE_OOM(ctx) : QN_OK;
}

const IndexDesc *
btree_scan_desc(const IndexScan *scan)
{
    return &((const BtreeScan *)scan)->bt->base.desc;
}

Status
btree_scan_start(Ctx *ctx, IndexScan *scan, const IndexRange *r, bool backward)
{
    BtreeScan *s = (BtreeScan *)scan;
    static const IndexRange whole;
    const IndexDesc *d = &s->bt->base.desc;
    bool inexact = false;
    if (r == NULL) r = &whole;
    s->backward = backward;
    s->started = s->finished = s->empty = false;
    s->n = s->pos = s->served = 0;
    strbuf_reset(&s->low);
    strbuf_reset(&s->lower.key);
    TRY(key_encode_values(ctx, &s->bt->base.format, r->eq, r->neq, &s->lower.key, &inexact));
    if (s->lower.key.failed) return RAISE_OOM(ctx);
    s->empty = inexact || (r->lower != NULL && r->lower->is_null) ||
               (r->upper != NULL && r->upper->is_null);
    for (int i = 0; i < r->neq; i++) s->empty |= r->eq[i].is_null && d->keys[i].not_null;
    if (s->empty) return QN_OK;
    s->lower.open = s->upper.open = s->lower.key.nbytes == 0;
    s->lower.mode = SEARCH_LT;
    s->upper.mode = SEARCH_PREFIX;
    s->upper_key = &s->lower.key;
    if (r->lower == NULL && r->upper == NULL && !r->not_null) return QN_OK;
    s->upper_key = &s->upper.key;
    strbuf_reset(&s->upper.key);
    strbuf_add(&s->upper.key, s->lower.key.data, s->lower.key.nbytes);
    const KeyColumn *c = &d->keys[r->neq];
    Bound *lo = c->desc ? &s->upper : &s->lower, *hi = c->desc ? &s->lower : &s->upper;
    TRY(set_end(ctx, c, lo, lo == &s->lower, r->lower, r->lower_inclusive, true, true));
    return set_end(ctx, c, hi, hi == &s->lower, r->upper, r->upper_inclusive, false, true);
}

/* Copies entries [from, to) of a latched leaf, in the scan's direction. */
static Status
copy_entries(Ctx *ctx, BtreeScan *s, const PageRef *ref, int from, int to)
{
    const BtreePage *p = btree_page(ref);
    s->leaf = ref->number;
    s->leaf_lsn = p->page.lsn;
    s->n = s->pos = 0;
    strbuf_reset(&s->keys);
    for (int k = from; k < to; k++) {
        int i = s->backward ? to - 1 - (k - from) : k;
        if ((p->slots[i].nbytes & SLOT_KILLED) != 0) continue;
        uint32_t n = btree_entry_bytes(p, i);
        if (p->slots[i].offset + n > s->bt->page_bytes || n + p->prefix_bytes < TID_BYTES)
            return RAISE(ctx, ERR_INDEX_CORRUPTED, "invalid entry on page %u of index \"%s\"",
                         ref->number, s->bt->base.desc.name);
        s->tids[s->n] = btree_entry_tid(p, i);
        s->slots[s->n] = (uint16_t)i;
        if (s->cols != NULL) {
            const uint8_t *extra;
            uint32_t nextra = btree_extra(p, i, &extra);
            s->offsets[s->n] = (uint32_t)s->keys.nbytes;
            s->key_bytes[s->n] = p->prefix_bytes + n - TID_BYTES;
            strbuf_add(&s->keys, (const char *)p + p->low, p->prefix_bytes);
            strbuf_add(&s->keys, (const char *)btree_entry(p, i), n);
            strbuf_add(&s->keys, (const char *)extra, nextra);
            s->offsets[s->n + 1] = (uint32_t)s->keys.nbytes;
        }
        s->n++;
    }
    return s->keys.failed ? RAISE_OOM(ctx) : QN_OK;
}

static Status
note_gap_read(Ctx *ctx, const BtreeScan *s, PageNo leaf)
{
    const IndexDesc *d = &s->bt->base.desc;
    const StrBuf *key = &s->lower.key;
    PageNo gap = leaf;
    if (d->hashed_type != INVALID_OID)
        gap = key->nbytes == 0 ? SSI_PAGE_ALL : btree_gap(s->bt, (const uint8_t *)key->data, (uint32_t)key->nbytes, leaf);
    return ssi_note_read(ctx, ctx->snapshot, d->relid, gap, SSI_SLOT_NONE);
}

/* Reads the next leaf of a forward scan. */
static Status
load_forward(Ctx *ctx, BtreeScan *s)
{
    Btree *bt = s->bt;
    PageRef ref = PAGE_REF_NONE;
    int from = 0;
    Status st = QN_OK;
    if (!s->started) {
        Descent d = {.key = (const uint8_t *)s->lower.key.data,
                     .key_bytes = (uint32_t)s->lower.key.nbytes,
                     .shape = &s->shape};
        /* A page whose high key equals the key holds none of the entries from it on: LE goes past
         * it. */
        d.mode = s->lower.mode == SEARCH_LT ? SEARCH_LE : SEARCH_PREFIX;
        if (d.key == NULL) d.key = (const uint8_t *)"";
        TRY_GOTO(btree_descend(ctx, bt, &d, 0, FIX_SHARED, &ref));
        from =
            btree_search_page(btree_page(&ref), bt->page_bytes, d.key, d.key_bytes, s->lower.mode);
        s->started = true;
    } else {
        TRY_GOTO(page_fix(ctx, s->next, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, bt, &ref));
    }
    TRY_GOTO(note_gap_read(ctx, s, ref.number));
    const BtreePage *p = btree_page(&ref);
    note_shape(&s->shape, p);
    int to = p->nslots;
    if (!s->upper.open) {
        const uint8_t *key = (const uint8_t *)s->upper_key->data;
        uint32_t nbytes = (uint32_t)s->upper_key->nbytes;
        to = btree_search_behind(p, bt->page_bytes, from, key, nbytes, s->upper.mode);
        s->finished =
            to < p->nslots || !btree_is_right_of(p, bt->page_bytes, key, nbytes, s->upper.mode);
    }
    s->next = p->right;
    if ((p->flags & BTREE_HIGH) == 0) s->finished = true;
    TRY_GOTO(copy_entries(ctx, s, &ref, from, to > from ? to : from));
done:
    page_unfix(&ref);
    return st;
}

/* Reads the next leaf of a backward scan: the one with the last entries below s->low, at first
 * below the upper bound. */
static Status
load_backward(Ctx *ctx, BtreeScan *s)
{
    Btree *bt = s->bt;
    PageRef ref = PAGE_REF_NONE;
    Descent d = {.mode = SEARCH_LT};
    Status st = QN_OK;
    if (s->started) {
        d.key = (const uint8_t *)s->low.data;
        d.key_bytes = (uint32_t)s->low.nbytes;
    } else {
        d.key = s->upper.open ? (const uint8_t *)"" : (const uint8_t *)s->upper_key->data;
        d.key_bytes = s->upper.open ? 0 : (uint32_t)s->upper_key->nbytes;
        d.mode = s->upper.open ? SEARCH_PREFIX
                               : s->upper.mode; /* everything begins with the empty key */
    }
    s->started = true;
    TRY_GOTO(btree_descend(ctx, bt, &d, 0, FIX_SHARED, &ref));
    TRY_GOTO(note_gap_read(ctx, s, ref.number));
    const BtreePage *p = btree_page(&ref);
    int to = btree_search_page(p, bt->page_bytes, d.key, d.key_bytes, d.mode), from = 0;
    if (!s->lower.open) {
        const uint8_t *key = (const uint8_t *)s->lower.key.data;
        uint32_t nbytes = (uint32_t)s->lower.key.nbytes;
        from = btree_search_page(p, bt->page_bytes, key, nbytes, s->lower.mode);
        s->finished = from > 0;
        /* Does the page begin at or before the bound? Then none to the left is wanted. */
        if (p->low_bytes != 0 &&
            key_compare((const uint8_t *)p + p->low, p->low_bytes, key, nbytes) < 0)
            s->finished = true;
    }
    if (p->low_bytes == 0) s->finished = true;
    strbuf_reset(&s->low);
    strbuf_add(&s->low, (const char *)p + p->low, p->low_bytes);
    TRY_GOTO(copy_entries(ctx, s, &ref, from, to > from ? to : from));
    if (s->low.failed) st = RAISE_OOM(ctx);
done:
    page_unfix(&ref);
    return st;
}

/* The columns asked for, of entries [pos, pos + n). */
static Status
decode_entries(Ctx *ctx, BtreeScan *s, int n)
{
    const IndexDesc *d = &s->bt->base.desc;
    Vector *keys[KEY_MAX_INDEX_COLUMNS];
    bool wanted = false;
    arena_reset(s->strings);
    for (int i = 0; i < n; i++)
        s->key_ptrs[i] = (const uint8_t *)s->keys.data + s->offsets[s->pos + i];
    for (int c = 0; c < d->nkeys; c++) {
        keys[c] = d->keys[c].reversible ? s->cols[c] : NULL;
        wanted |= keys[c] != NULL;
    }
    if (wanted)
        TRY(key_decode(ctx, &s->bt->base.format, s->key_ptrs, s->key_bytes + s->pos, n, keys,
                       s->strings));
    if (!s->bt->base.has_payload) return QN_OK;
    for (int i = 0; i < n; i++) s->key_ptrs[i] += s->key_bytes[s->pos + i] + TID_BYTES;
    return index_decode_payloads(ctx, d, s->key_ptrs, n, s->cols, s->strings);
}

static Status
scan_next(Ctx *ctx, IndexScan *scan, int max_rows, IndexBatch *out)
{
    BtreeScan *s = (BtreeScan *)scan;
    out->n = 0;
    s->pos += s->served;
    s->served = 0;
    if (s->empty) return QN_OK;
    while (s->pos >= s->n) {
        if (s->finished) return QN_OK;
        TRY(ctx_check_stop(ctx));
        TRY(s->backward ? load_backward(ctx, s) : load_forward(ctx, s));
    }
    int n = s->n - s->pos;
    if (n > max_rows) n = max_rows;
    if (n > BATCH_ROWS) n = BATCH_ROWS;
    if (s->cols != NULL) TRY(decode_entries(ctx, s, n));
    out->n = s->served = n;
    out->tids = s->tids + s->pos;
    out->cols = s->out_cols;
    return QN_OK;
}

static void
scan_kill(Ctx *ctx, IndexScan *scan, const uint64_t *dead)
{
    BtreeScan *s = (BtreeScan *)scan;
    PageRef ref = PAGE_REF_NONE;
    bool any = false;
    for (int i = 0; i < s->served && !any; i++) any = bits_get(dead, (size_t)i);
    if (!any || !page_try_fix(ctx, s->leaf, FIX_EXCLUSIVE, &ref)) return;
    BtreePage *p = btree_page(&ref);
    /* Slots are where they were only if nothing has been logged for the page since. */
    if (p->page.rel == rel_root(s->bt->rel) && p->page.type == PAGE_BTREE &&
        p->page.lsn == s->leaf_lsn)
        for (int i = 0; i < s->served; i++)
            if (bits_get(dead, (size_t)i)) {
                p->slots[s->slots[s->pos + i]].nbytes |= SLOT_KILLED;
                p->flags |= BTREE_KILLED;
            }
    page_unfix(&ref);
}

/* ---- the handle ---- */

static Status
open_tree(Ctx *ctx, Index *index)
{
    Btree *bt = btree_of(index);
    RelRun *run;
    bool found = false;
    Arena *arena;
    Status st = QN_OK;
    bt->page_bytes = db_page_bytes(ctx);
    TRY_ALLOC(ctx, arena, arena_create(NULL, "index open"));
    TRY_GOTO(rel_open(ctx, index->desc.root_page, &bt->rel));
    TRY_ALLOC_GOTO(ctx, run, ARENA_NEW(arena, RelRun));
    TRY_GOTO(rel_run_at(ctx, bt->rel, 0, run, &found));
    if (!found && !db_is_salvaged(ctx))
        st = RAISE(ctx, ERR_INDEX_CORRUPTED, "index \"%s\" has no root page", index->desc.name);
    else
        bt->root = found ? run->first : PAGE_NONE; /* the first page made: see create_tree */
done:
    arena_destroy(arena);
    if (st != QN_OK) {
        rel_close(ctx, bt->rel);
        bt->rel = NULL;
    }
    return st;
}

static void
close_tree(Ctx *ctx, Index *index)
{
    rel_close(ctx, btree_of(index)->rel);
    btree_of(index)->rel = NULL;
}

static Status
create_tree(Ctx *ctx, Oid relid, uint32_t *root_page_out)
{
    PageRef page = PAGE_REF_NONE, *pages[1] = {&page};
    Rel *rel = NULL;
    WalLog log;
    Status st;
    (void)relid;
    TRY(rel_create(ctx, REL_INDEX, 0, root_page_out));
    TRY_GOTO(rel_open(ctx, *root_page_out, &rel));
    TRY_GOTO(rel_page_new(ctx, rel, PAGE_BTREE, PAGE_NONE, &page));
    TRY_GOTO(wal_begin(ctx, pages, 1, 0, &log));
    NOFAIL_BEGIN(ctx);
    btree_page_init(btree_page(&page), db_page_bytes(ctx), 0, false, NULL, NULL, PAGE_NONE,
                    PAGE_NONE);
    log.force_image = 1;
    wal_finish(&log, WAL_BTREE_SPLIT, 0);
    NOFAIL_END(ctx);
done:
    page_unfix(&page);
    rel_close(ctx, rel);
    return st;
}

#define TREE_OPS                                                                                   \
    .handle_bytes = sizeof(Btree), .open = open_tree, .close = close_tree, .create = create_tree,  \
    .insert = btree_insert, .build_begin = btree_build_begin, .build_add = btree_build_add,        \
    .build_finish = btree_build_finish, .build_end = btree_build_end, .scan_begin = scan_begin,    \
    .scan_next = scan_next, .scan_kill = scan_kill, .scan_end = scan_end, .stats = btree_stats,    \
    .bulk_delete = btree_bulk_delete, .truncate = btree_truncate, .check = btree_check

const IndexOps btree_ops = {TREE_OPS, .kind = INDEX_BTREE, .scan_start = btree_scan_start};

const IndexOps hash_index_ops = {TREE_OPS, .kind = INDEX_HASH, .derive = hash_derive, .scan_start = hash_scan_start};
