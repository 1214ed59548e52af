/* gin_pending.c - new rows: straight into the lists, or into the pending zone, and from there into the lists.
 *
 * Only one at a time flushes an index. VACUUM flushes before it takes dead rows out, and waits for its turn: a session that had read a
 * row's keys from the zone, and wove them in after VACUUM had passed and the row's tid had come to another row, would give that one
 * keys it has not. */
#include "storage/gin_priv.h"

#include <stdlib.h>

/* A pending entry's key: GIN_PENDING, the bucket, the row's tid and the number among its entries, big-endian; then the tid as in every
 * key. Buckets follow heap pages, so that rows added together lie together. */
enum { PENDING_KEY_BYTES = 2 + TID_BYTES + 2, READ_BYTES = 8 << 20, DEFAULT_LIMIT_BYTES = 4 << 20 };

/* ---- pairs in order ---- */

static int
compare_pairs(const void *x, const void *y)
{
    const GinPair *a = x, *b = y;
    int c = key_compare(a->key, a->key_bytes, b->key, b->key_bytes);
    return c != 0 ? c : (a->ord > b->ord) - (a->ord < b->ord);
}

int
gin_sort_pairs(GinPair *pairs, int n)
{
    int to = 0;
    if (n > 1) qsort(pairs, (size_t)n, sizeof(GinPair), compare_pairs);
    for (int i = 0; i < n; i++)
        if (i == 0 || compare_pairs(&pairs[to - 1], &pairs[i]) != 0) pairs[to++] = pairs[i];
    return to;
}

/* ---- insert ---- */

static Status
check_width(Ctx *ctx, const Gin *g, uint32_t nbytes)
{
    uint32_t max = gin_key_max(g->tree.page_bytes);
    if (nbytes <= max) return QN_OK;
    return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "index row size %u exceeds maximum %u for index \"%s\"", nbytes, max,
                 g->tree.base.desc.name);
}

static Status
insert_now(Ctx *ctx, Gin *g, const KeyRows *keys, const IndexTid *tids)
{
    Arena *arena = NULL;
    GinPair *pairs;
    Status st;
    TRY(btree_scratch(ctx, &arena));
    TRY_ALLOC_GOTO(ctx, pairs, ARENA_ARRAY(arena, GinPair, keys->n));
    for (int i = 0; i < keys->n; i++) {
        pairs[i].key = key_rows_get(keys, i, &pairs[i].key_bytes);
        pairs[i].ord = posting_ord(tids[i], g->slot_bits);
    }
    st = gin_weave(ctx, g, pairs, gin_sort_pairs(pairs, keys->n), true);
done:
    arena_destroy(arena);
    return st;
}

/* Pending entries on their way into the tree. */
typedef struct Waiting {
    KeyRows keys, payloads;
    StrBuf key_bytes, payload_bytes;
    IndexTid *tids;
    int n;
} Waiting;

static Status
waiting_init(Ctx *ctx, Arena *arena, int most, Waiting *w)
{
    *w = (Waiting){.key_bytes = strbuf_new(arena), .payload_bytes = strbuf_new(arena)};
    TRY_ALLOC(ctx, w->keys.offsets, ARENA_ARRAY(arena, uint32_t, most + 1));
    TRY_ALLOC(ctx, w->payloads.offsets, ARENA_ARRAY(arena, uint32_t, most + 1));
    TRY_ALLOC(ctx, w->tids, ARENA_ARRAY(arena, IndexTid, most));
    return QN_OK;
}

/* Entries [from, to) of one row, as few pending entries as hold their keys. */
static void
add_waiting(const Gin *g, Waiting *w, const KeyRows *keys, int from, int to, IndexTid tid)
{
    const uint32_t room = btree_entry_max(g->tree.page_bytes) - PENDING_KEY_BYTES - TID_BYTES;
    for (uint16_t part = 0; from < to; part++) {
        uint8_t head[PENDING_KEY_BYTES] = {GIN_PENDING, (uint8_t)(tid >> 16)};
        uint32_t used = 0, nbytes;
        for (; from < to; from++) {
            const uint8_t *key = key_rows_get(keys, from, &nbytes);
            uint16_t n = (uint16_t)nbytes;
            if (used + 2 + nbytes > room) break;
            strbuf_add(&w->payload_bytes, (const char *)&n, 2);
            strbuf_add(&w->payload_bytes, (const char *)key, nbytes);
            used += 2 + nbytes;
        }
        btree_put_tid(head + 2, tid);
        head[2 + TID_BYTES] = (uint8_t)(part >> 8);
        head[3 + TID_BYTES] = (uint8_t)part;
        strbuf_add(&w->key_bytes, (const char *)head, sizeof(head));
        w->tids[w->n++] = tid;
        w->keys.offsets[w->n] = (uint32_t)w->key_bytes.nbytes;
        w->payloads.offsets[w->n] = (uint32_t)w->payload_bytes.nbytes;
    }
}

static Status
insert_pending(Ctx *ctx, Gin *g, const KeyRows *keys, const IndexTid *tids)
{
    Arena *arena = NULL;
    Waiting w;
    Status st;
    TRY(btree_scratch(ctx, &arena));
    TRY_GOTO(waiting_init(ctx, arena, keys->n, &w));
    for (int i = 0, to; i < keys->n; i = to) {
        for (to = i + 1; to < keys->n && tids[to] == tids[i]; to++) {}
        add_waiting(g, &w, keys, i, to, tids[i]);
    }
    if (w.key_bytes.failed || w.payload_bytes.failed) TRY_GOTO(RAISE_OOM(ctx));
    w.keys.n = w.payloads.n = w.n;
    w.keys.data = (uint8_t *)w.key_bytes.data;
    w.payloads.data = (uint8_t *)w.payload_bytes.data;
    TRY_GOTO(btree_insert(ctx, &g->tree.base, NULL, &w.keys, &w.payloads, NULL, w.tids, INDEX_CHECK_NONE, NULL, NULL));
    atomic_fetch_add(&g->pending_bytes, w.key_bytes.nbytes + w.payload_bytes.nbytes);
done:
    arena_destroy(arena);
    return st;
}

Status
gin_insert(Ctx *ctx, Index *index, Heap *heap, const KeyRows *keys, const KeyRows *payloads,
           const uint64_t *null_keys, const IndexTid *tids, IndexCheck check, IndexTid *conflicts,
           int *nconflicts_out)
{
    Gin *g = gin_of(index);
    (void)heap, (void)payloads, (void)null_keys, (void)conflicts, (void)nconflicts_out;
    if (check != INDEX_CHECK_NONE) return RAISE_INTERNAL(ctx, "an inverted index cannot check keys");
    for (int i = 0; i < keys->n; i++) TRY(check_width(ctx, g, keys->offsets[i + 1] - keys->offsets[i]));
    if (keys->n == 0) return QN_OK;
    if (index->desc.no_pending) return insert_now(ctx, g, keys, tids);
    TRY(insert_pending(ctx, g, keys, tids));
    uint64_t limit = index->desc.pending_limit != 0 ? index->desc.pending_limit : DEFAULT_LIMIT_BYTES;
    return atomic_load(&g->pending_bytes) > limit ? gin_flush(ctx, index, false) : QN_OK;
}

/* ---- reading the zone ---- */

/* Entries of a latched leaf from slot pos on; false when the zone ends on it. */
static bool
copy_pending(GinPending *p, const BtreePage *page, int pos)
{
    uint8_t key[PAGE_BYTES_MAX];
    for (int i = pos; i < page->nslots; i++) {
        const uint8_t *extra;
        uint16_t head[2] = {(uint16_t)btree_full_key(page, i, key), (uint16_t)btree_extra(page, i, &extra)};
        if (!gin_is_pending(key)) return false;
        strbuf_add(&p->entries, (const char *)head, sizeof(head));
        strbuf_add(&p->entries, (const char *)key, head[0]);
        strbuf_add(&p->entries, (const char *)extra, head[1]);
        p->last.nbytes = 0;
        strbuf_add(&p->last, (const char *)key, head[0]);
    }
    static const uint8_t end[] = {GIN_PENDING + 1};
    return (page->flags & BTREE_HIGH) != 0 &&
           key_compare((const uint8_t *)page + page->high, page->high_bytes, end, sizeof(end)) < 0;
}

Status
gin_pending_read(Ctx *ctx, Gin *g, GinPending *p, bool note_read)
{
    static const uint8_t begin[] = {GIN_PENDING};
    Btree *bt = &g->tree;
    PageRef ref = PAGE_REF_NONE;
    bool go_on = p->last.nbytes != 0;
    Descent d = {.key = go_on ? (const uint8_t *)p->last.data : begin,
                 .key_bytes = go_on ? (uint32_t)p->last.nbytes : (uint32_t)sizeof(begin), .mode = SEARCH_LE};
    Status st;
    p->entries.nbytes = 0;
    TRY(btree_descend(ctx, bt, &d, 0, FIX_SHARED, &ref));
    int pos = btree_search_page(btree_page(&ref), bt->page_bytes, d.key, d.key_bytes, SEARCH_LE);
    for (;;) {
        if (note_read) TRY_GOTO(ssi_note_read(ctx, ctx->snapshot, bt->base.desc.relid, ref.number, SSI_SLOT_NONE));
        p->more = copy_pending(p, btree_page(&ref), pos);
        if (!p->more || p->entries.nbytes >= READ_BYTES) break;
        PageNo right = btree_page(&ref)->right;
        page_unfix(&ref);
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, bt, &ref));
        pos = 0;
    }
    st = p->entries.failed || p->last.failed ? RAISE_OOM(ctx) : QN_OK;
done:
    page_unfix(&ref);
    return st;
}

bool
gin_pending_next(const GinPending *p, size_t *at, Entry *out)
{
    uint16_t head[2];
    if (*at >= p->entries.nbytes) return false;
    const uint8_t *b = (const uint8_t *)p->entries.data + *at;
    memcpy(head, b, sizeof(head));
    *out = btree_entry_of(b + sizeof(head), head[0], b + sizeof(head) + head[0], head[1]);
    *at += sizeof(head) + head[0] + head[1];
    return true;
}

bool
gin_pending_key(const Entry *e, uint32_t *at, GinKey *out)
{
    uint16_t n;
    if (*at + 2 > e->extra_bytes) return false;
    memcpy(&n, e->extra + *at, 2);
    if (*at + 2 + n > e->extra_bytes) return false;
    *out = (GinKey){e->extra + *at + 2, n};
    *at += 2u + n;
    return true;
}

/* ---- flush ---- */

static Status
weave_pending(Ctx *ctx, Gin *g, Arena *arena, const GinPending *p)
{
    GinPair *pairs;
    GinKey key;
    Entry e;
    int n = 0, k = 0;
    for (size_t at = 0; gin_pending_next(p, &at, &e);)
        for (uint32_t in = 0; gin_pending_key(&e, &in, &key);) n++;
    TRY_ALLOC(ctx, pairs, ARENA_ARRAY(arena, GinPair, n + 1));
    for (size_t at = 0; gin_pending_next(p, &at, &e);)
        for (uint32_t in = 0; gin_pending_key(&e, &in, &key);)
            pairs[k++] = (GinPair){key.bytes, key.nbytes,
                                   posting_ord(btree_get_tid(e.key + e.key_bytes - TID_BYTES), g->slot_bits)};
    return gin_weave(ctx, g, pairs, gin_sort_pairs(pairs, k), false);
}

/* Takes the entries that were read out of the zone, a leaf at a time. */
static Status
remove_pending(Ctx *ctx, Gin *g, const GinPending *p)
{
    Btree *bt = &g->tree;
    uint16_t slots[ENTRIES_MAX];
    uint8_t key[PAGE_BYTES_MAX];
    size_t at = 0;
    Entry e;
    bool have = gin_pending_next(p, &at, &e);
    while (have) {
        PageRef ref = PAGE_REF_NONE;
        Descent d = {.key = e.key, .key_bytes = e.key_bytes, .mode = SEARCH_LE};
        int n = 0;
        TRY(ctx_check_stop(ctx));
        TRY(btree_descend(ctx, bt, &d, 0, FIX_EXCLUSIVE, &ref));
        const BtreePage *page = btree_page(&ref);
        int i = btree_search_page(page, bt->page_bytes, e.key, e.key_bytes, SEARCH_LT);
        while (have && i < page->nslots) {
            int c = key_compare(key, btree_full_key(page, i, key), e.key, e.key_bytes);
            if (c == 0) slots[n++] = (uint16_t)i;
            if (c <= 0) i++;
            if (c >= 0) have = gin_pending_next(p, &at, &e);
        }
        /* What is not on its leaf has been taken out by another. */
        while (have && !btree_is_right_of(page, bt->page_bytes, e.key, e.key_bytes, SEARCH_LE))
            have = gin_pending_next(p, &at, &e);
        Status st = btree_remove_slots(ctx, bt, &ref, slots, n);
        page_unfix(&ref);
        TRY(st);
    }
    return QN_OK;
}

Status
gin_flush(Ctx *ctx, Index *index, bool wait)
{
    Gin *g = gin_of(index);
    Arena *arena = NULL, *batch;
    Status st;
    if (!rel_work(g->tree.rel, wait)) return QN_OK;
    atomic_store(&g->pending_bytes, 0);
    TRY_ALLOC_GOTO(ctx, arena, arena_create(NULL, "gin flush"));
    TRY_ALLOC_GOTO(ctx, batch, arena_create(arena, "gin pending"));
    GinPending p = {.entries = strbuf_new(arena), .last = strbuf_new(arena), .more = true};
    while (p.more) {
        arena_reset(batch);
        TRY_GOTO(gin_pending_read(ctx, g, &p, false));
        TRY_GOTO(weave_pending(ctx, g, batch, &p));
        TRY_GOTO(remove_pending(ctx, g, &p));
    }
    st = QN_OK;
done:
    arena_destroy(arena);
    rel_end_work(g->tree.rel);
    return st;
}
