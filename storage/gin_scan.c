/* gin_scan.c - searches: a tree of ascending streams of rows, each of which can be asked for its first row at or after another.
 *
 * A stream of one key holds the segments of one leaf, copied, and goes down the tree again for the next: what it skips is never
 * decoded. Streams join by one rule, "at least k of n": the k-th smallest of the rows they stand at is the first that can
 * qualify, so all seek to it. */
#include "storage/gin_priv.h"

#include "common/bits.h"
#include <stdlib.h>

#define ORD_END UINT64_MAX

typedef struct Stream {
    const GinNode *node;
    uint64_t at;          /* the ordinal it stands at, ORD_END: no more */
    int leaf;             /* GIN_KEY, GIN_PREFIX: its number among the query's */
    uint64_t *ords;       /* decoded: of a segment, or all of a prefix */
    int pos, nords, ords_cap;
    StrBuf segments;      /* of one leaf: ordinal of the end, u32 bytes, the bytes */
    size_t next_segment;
    bool last_leaf;       /* the key has no segments beyond */
    bool loaded;          /* GIN_PREFIX: its rows are there */
    struct Stream **items; /* GIN_ATLEAST */
    uint64_t *order;      /* room for their ordinals */
} Stream;

struct GinScan {
    Gin *gin;
    Arena *arena;         /* of one search */
    Stream *root;
    int nleaves;
    uint8_t *key;         /* a page */
    uint64_t *pending;    /* rows of the pending zone that match, ascending */
    int npending, pending_at, pending_cap;
};

/* ---- one key ---- */

static Status
add_ords(Ctx *ctx, Arena *arena, uint64_t **ords, int *cap, int n, int more)
{
    if (n + more <= *cap) return QN_OK;
    uint64_t *p;
    int want = (int)bits_next_pow2((size_t)n + (size_t)more + 512);
    TRY_ALLOC(ctx, p, ARENA_ARRAY(arena, uint64_t, want));
    if (n > 0) memcpy(p, *ords, sizeof(uint64_t) * (size_t)n);
    *ords = p;
    *cap = want;
    return QN_OK;
}

static Status
decode(Ctx *ctx, GinScan *s, Stream *t, const uint8_t *bytes, uint32_t nbytes)
{
    TRY(add_ords(ctx, s->arena, &t->ords, &t->ords_cap, t->nords, (int)nbytes));
    int n = posting_decode(bytes, nbytes, t->ords + t->nords, (int)nbytes);
    if (n < 0)
        return RAISE(ctx, ERR_INDEX_CORRUPTED, "invalid posting list in index \"%s\"", s->gin->tree.base.desc.name);
    t->nords += n;
    return QN_OK;
}

/* Copies the key's segments of a latched leaf from slot pos on; true when the key may go on to the right. */
static bool
copy_segments(GinScan *s, Stream *t, const BtreePage *p, int pos)
{
    const GinKey *key = &t->node->key;
    for (; pos < p->nslots; pos++) {
        const uint8_t *extra;
        uint32_t nkey = btree_full_key(p, pos, s->key), nbytes = btree_extra(p, pos, &extra);
        Entry e = btree_entry_of(s->key, nkey, extra, nbytes);
        if (!gin_same_key(&e, key->bytes, key->nbytes)) return false;
        uint64_t bound = gin_bound(s->gin, &e);
        strbuf_add(&t->segments, (const char *)&bound, sizeof(bound));
        strbuf_add(&t->segments, (const char *)&nbytes, sizeof(nbytes));
        strbuf_add(&t->segments, (const char *)extra, nbytes);
    }
    if ((p->flags & BTREE_HIGH) == 0) return false;
    memcpy(s->key, key->bytes, key->nbytes);
    memset(s->key + key->nbytes, 0xFF, TID_BYTES);
    return key_compare((const uint8_t *)p + p->high, p->high_bytes, s->key, key->nbytes + TID_BYTES) <= 0;
}

/* The segments that end at ord or later, of the first leaf that has any. */
static Status
load_segments(Ctx *ctx, GinScan *s, Stream *t, uint64_t ord)
{
    Btree *bt = &s->gin->tree;
    const GinKey *key = &t->node->key;
    PageRef ref = PAGE_REF_NONE;
    uint8_t from[PAGE_BYTES_MAX / 6];
    Descent d = {.key = from, .key_bytes = key->nbytes + TID_BYTES, .mode = SEARCH_LE};
    Status st;
    t->segments.nbytes = t->next_segment = 0;
    memcpy(from, key->bytes, key->nbytes);
    btree_put_tid(from + key->nbytes, posting_tid(ord, s->gin->slot_bits));
    TRY(btree_descend(ctx, bt, &d, 0, FIX_SHARED, &ref));
    int pos = btree_search_page(btree_page(&ref), bt->page_bytes, from, d.key_bytes, SEARCH_LT);
    for (;;) {
        TRY_GOTO(ssi_note_read(ctx, ctx->snapshot, bt->base.desc.relid, ref.number, SSI_SLOT_NONE));
        t->last_leaf = !copy_segments(s, t, btree_page(&ref), pos);
        if (t->last_leaf || t->segments.nbytes != 0) break;
        PageNo right = btree_page(&ref)->right;
        page_unfix(&ref);
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, bt, &ref));
        pos = 0;
    }
    st = t->segments.failed ? RAISE_OOM(ctx) : QN_OK;
done:
    page_unfix(&ref);
    return st;
}

/* Decodes the next copied segment that ends at ord or later; false when there is none. */
static Status
next_segment(Ctx *ctx, GinScan *s, Stream *t, uint64_t ord, bool *found)
{
    uint64_t bound;
    uint32_t nbytes;
    *found = false;
    while (!*found && t->next_segment < t->segments.nbytes) {
        const uint8_t *p = (const uint8_t *)t->segments.data + t->next_segment;
        memcpy(&bound, p, sizeof(bound));
        memcpy(&nbytes, p + sizeof(bound), sizeof(nbytes));
        t->next_segment += sizeof(bound) + sizeof(nbytes) + nbytes;
        *found = bound >= ord;
        t->pos = t->nords = 0;
        if (*found) TRY(decode(ctx, s, t, p + sizeof(bound) + sizeof(nbytes), nbytes));
    }
    return QN_OK;
}

/* Moves pos to the first decoded ordinal at or after ord; there is one. Short steps are usual. */
static void
advance(Stream *t, uint64_t ord)
{
    int step = 1, lo = t->pos;
    while (lo + step < t->nords && t->ords[lo + step] < ord) {
        lo += step;
        step *= 2;
    }
    int hi = lo + step < t->nords ? lo + step : t->nords - 1;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (t->ords[mid] < ord) lo = mid + 1;
        else hi = mid;
    }
    t->pos = lo;
    t->at = t->ords[lo];
}

static Status
seek_key(Ctx *ctx, GinScan *s, Stream *t, uint64_t ord)
{
    bool found;
    if (t->node->key.nbytes > gin_key_max(s->gin->tree.page_bytes)) { /* no row has it */
        t->at = ORD_END;
        return QN_OK;
    }
    while (t->nords == 0 || t->ords[t->nords - 1] < ord) {
        TRY(next_segment(ctx, s, t, ord, &found));
        if (found) continue;
        t->nords = 0;
        t->at = ORD_END;
        if (t->last_leaf) return QN_OK;
        TRY(ctx_check_stop(ctx));
        TRY(load_segments(ctx, s, t, ord));
        if (t->segments.nbytes == 0) return QN_OK;
    }
    advance(t, ord);
    return QN_OK;
}

/* ---- all keys that begin alike ---- */

static int
compare_ords(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

static int
sort_ords(uint64_t *ords, int n)
{
    int to = 0;
    if (n > 1) qsort(ords, (size_t)n, sizeof(uint64_t), compare_ords);
    for (int i = 0; i < n; i++)
        if (to == 0 || ords[to - 1] != ords[i]) ords[to++] = ords[i];
    return to;
}

/* Adds the rows of a latched leaf's entries that begin so; true when more may follow to the right. */
static Status
add_leaf(Ctx *ctx, GinScan *s, Stream *t, const BtreePage *p, int pos, bool *more_out)
{
    const GinKey *key = &t->node->key;
    *more_out = false;
    for (; pos < p->nslots; pos++) {
        const uint8_t *extra;
        uint32_t nkey = btree_full_key(p, pos, s->key), nbytes = btree_extra(p, pos, &extra);
        if (nkey - TID_BYTES < key->nbytes || memcmp(s->key, key->bytes, key->nbytes) != 0) return QN_OK;
        TRY(decode(ctx, s, t, extra, nbytes));
    }
    uint32_t n = p->high_bytes < key->nbytes ? p->high_bytes : key->nbytes;
    *more_out = (p->flags & BTREE_HIGH) != 0 && memcmp((const uint8_t *)p + p->high, key->bytes, n) <= 0;
    return QN_OK;
}

static Status
load_prefix(Ctx *ctx, GinScan *s, Stream *t)
{
    Btree *bt = &s->gin->tree;
    const GinKey *key = &t->node->key;
    PageRef ref = PAGE_REF_NONE;
    Descent d = {.key = key->bytes, .key_bytes = key->nbytes, .mode = SEARCH_LE};
    int sort_at = 1 << 20;
    bool more;
    Status st;
    TRY(btree_descend(ctx, bt, &d, 0, FIX_SHARED, &ref));
    int pos = btree_search_page(btree_page(&ref), bt->page_bytes, key->bytes, key->nbytes, SEARCH_LT);
    for (;;) {
        TRY_GOTO(ssi_note_read(ctx, ctx->snapshot, bt->base.desc.relid, ref.number, SSI_SLOT_NONE));
        TRY_GOTO(add_leaf(ctx, s, t, btree_page(&ref), pos, &more));
        if (!more) break;
        PageNo right = btree_page(&ref)->right;
        page_unfix(&ref);
        TRY_GOTO(ctx_check_stop(ctx));
        if (t->nords > sort_at) { /* a row may have many of the keys: memory is for rows */
            t->nords = sort_ords(t->ords, t->nords);
            if (t->nords > sort_at / 2) sort_at = 2 * t->nords;
        }
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, bt, &ref));
        pos = 0;
    }
    t->nords = sort_ords(t->ords, t->nords);
done:
    page_unfix(&ref);
    return st;
}

/* ---- streams ---- */

static Status seek(Ctx *ctx, GinScan *s, Stream *t, uint64_t ord);

static Status
seek_atleast(Ctx *ctx, GinScan *s, Stream *t, uint64_t ord)
{
    const int n = t->node->n, need = t->node->need;
    t->at = ORD_END;
    if (need > n) return QN_OK;
    for (;;) {
        for (int i = 0; i < n; i++) {
            if (t->items[i]->at < ord) TRY(seek(ctx, s, t->items[i], ord));
            /* Their smallest ones, in order. */
            int k = i;
            for (; k > 0 && t->order[k - 1] > t->items[i]->at; k--) t->order[k] = t->order[k - 1];
            t->order[k] = t->items[i]->at;
        }
        uint64_t least = t->order[need - 1];
        int have = 0;
        for (int i = 0; i < n; i++) have += t->order[i] == least;
        if (least == ORD_END || have >= need) {
            t->at = least;
            return QN_OK;
        }
        ord = least; /* before it fewer than need can be */
    }
}

static Status
seek(Ctx *ctx, GinScan *s, Stream *t, uint64_t ord)
{
    if (t->node->kind == GIN_KEY) return seek_key(ctx, s, t, ord);
    if (t->node->kind == GIN_ATLEAST) return seek_atleast(ctx, s, t, ord);
    if (!t->loaded) TRY(load_prefix(ctx, s, t));
    t->loaded = true;
    t->at = ORD_END;
    if (t->nords > 0 && t->ords[t->nords - 1] >= ord) advance(t, ord);
    return QN_OK;
}

static Status
make_stream(Ctx *ctx, GinScan *s, const GinNode *node, Stream **out)
{
    Stream *t;
    TRY(ctx_check_depth(ctx));
    TRY_ALLOC(ctx, t, ARENA_NEW(s->arena, Stream));
    t->node = node;
    t->segments = strbuf_new(s->arena);
    *out = t;
    if (node->kind != GIN_ATLEAST) {
        t->leaf = s->nleaves++;
        return QN_OK;
    }
    TRY_ALLOC(ctx, t->items, ARENA_ARRAY(s->arena, Stream *, node->n + 1));
    TRY_ALLOC(ctx, t->order, ARENA_ARRAY(s->arena, uint64_t, node->n + 1));
    for (int i = 0; i < node->n; i++) TRY(make_stream(ctx, s, node->items[i], &t->items[i]));
    return QN_OK;
}

/* ---- the pending zone ---- */

static void
note_key(const Stream *t, const GinKey *key, bool *seen)
{
    const GinNode *node = t->node;
    if (node->kind == GIN_ATLEAST)
        for (int i = 0; i < node->n; i++) note_key(t->items[i], key, seen);
    else if (key->nbytes >= node->key.nbytes && (node->kind == GIN_PREFIX || key->nbytes == node->key.nbytes) &&
             memcmp(key->bytes, node->key.bytes, node->key.nbytes) == 0)
        seen[t->leaf] = true;
}

static bool
matches(const Stream *t, const bool *seen)
{
    int have = 0;
    if (t->node->kind != GIN_ATLEAST) return seen[t->leaf];
    for (int i = 0; i < t->node->n && have < t->node->need; i++) have += matches(t->items[i], seen);
    return have >= t->node->need;
}

/* The row at hand is complete: keep it if it matches. */
static Status
end_row(Ctx *ctx, GinScan *s, IndexTid tid, bool *seen)
{
    if (tid != 0 && matches(s->root, seen)) {
        TRY(add_ords(ctx, s->arena, &s->pending, &s->pending_cap, s->npending, 1));
        s->pending[s->npending++] = posting_ord(tid, s->gin->slot_bits);
    }
    memset(seen, 0, (size_t)s->nleaves);
    return QN_OK;
}

static Status
search_pending(Ctx *ctx, GinScan *s)
{
    GinPending p = {.entries = strbuf_new(s->arena), .last = strbuf_new(s->arena), .more = true};
    IndexTid row = 0;
    bool *seen;
    GinKey key;
    Entry e;
    TRY_ALLOC(ctx, seen, arena_zalloc(s->arena, (size_t)s->nleaves + 1));
    while (p.more) {
        TRY(gin_pending_read(ctx, s->gin, &p, true));
        for (size_t at = 0; gin_pending_next(&p, &at, &e);) {
            IndexTid tid = btree_get_tid(e.key + e.key_bytes - TID_BYTES);
            if (tid != row) TRY(end_row(ctx, s, row, seen));
            row = tid;
            for (uint32_t in = 0; gin_pending_key(&e, &in, &key);) note_key(s->root, &key, seen);
        }
    }
    TRY(end_row(ctx, s, row, seen));
    s->npending = sort_ords(s->pending, s->npending);
    return QN_OK;
}

/* ---- the scan ---- */

Status
gin_scan_begin(Ctx *ctx, Arena *arena, Index *index, GinScan **scan_out)
{
    GinScan *s;
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, GinScan));
    s->gin = gin_of(index);
    TRY_ALLOC(ctx, s->key, arena_alloc(arena, PAGE_BYTES_MAX));
    TRY_ALLOC(ctx, s->arena, arena_create(arena, "gin scan"));
    *scan_out = s;
    return QN_OK;
}

void
gin_scan_end(GinScan *s)
{
    if (s == NULL) return;
    arena_destroy(s->arena);
    s->arena = NULL;
}

Status
gin_scan_start(Ctx *ctx, GinScan *s, const GinNode *query)
{
    arena_reset(s->arena);
    s->pending = NULL;
    s->npending = s->pending_at = s->pending_cap = s->nleaves = 0;
    TRY(make_stream(ctx, s, query, &s->root));
    TRY(search_pending(ctx, s)); /* before any list: see gin.h */
    return seek(ctx, s, s->root, 1); /* no row has ordinal 0, where new streams stand */
}

Status
gin_scan_next(Ctx *ctx, GinScan *s, IndexTid *tids, int max, int *n_out)
{
    int n = 0;
    while (n < max) {
        uint64_t listed = s->root->at, waiting = s->pending_at < s->npending ? s->pending[s->pending_at] : ORD_END;
        uint64_t ord = listed < waiting ? listed : waiting;
        if (ord == ORD_END) break;
        tids[n++] = posting_tid(ord, s->gin->slot_bits);
        s->pending_at += waiting == ord;
        if (listed == ord) TRY(seek(ctx, s, s->root, ord + 1));
    }
    *n_out = n;
    return ctx_check_stop(ctx);
}

/* Rows of the first leaf's segments, and as many to each stretch of the heap as there beyond it. */
Status
gin_estimate(Ctx *ctx, Index *index, const GinKey *key, double *rows_out)
{
    Gin *g = gin_of(index);
    Btree *bt = &g->tree;
    PageRef ref = PAGE_REF_NONE;
    GinNode node = {.kind = GIN_KEY, .key = *key};
    GinScan *s;
    Arena *arena;
    Status st;
    *rows_out = 0;
    if (key->nbytes > gin_key_max(bt->page_bytes)) return QN_OK;
    TRY_ALLOC(ctx, arena, arena_create(NULL, "gin estimate"));
    TRY_GOTO(gin_scan_begin(ctx, arena, index, &s));
    Stream t = {.node = &node, .segments = strbuf_new(s->arena)};
    TRY_GOTO(load_segments(ctx, s, &t, 0));
    uint64_t first = 0, last = 0;
    for (bool found = true; found;) {
        TRY_GOTO(next_segment(ctx, s, &t, 0, &found));
        if (!found) break;
        if (*rows_out == 0) first = t.ords[0];
        last = t.ords[t.nords - 1];
        *rows_out += t.nords;
    }
    if (*rows_out == 0 || t.last_leaf) goto done;
    /* The last entry before all greater keys is the list's end. */
    Descent d = {.key = key->bytes, .key_bytes = key->nbytes, .mode = SEARCH_PREFIX};
    TRY_GOTO(btree_descend(ctx, bt, &d, 0, FIX_SHARED, &ref));
    int pos = btree_search_page(btree_page(&ref), bt->page_bytes, key->bytes, key->nbytes, SEARCH_PREFIX);
    if (pos > 0 && last > first) {
        uint64_t end = posting_ord(btree_entry_tid(btree_page(&ref), pos - 1), g->slot_bits);
        if (end > last) *rows_out *= (double)(end - first) / (double)(last - first);
    }
done:
    page_unfix(&ref);
    arena_destroy(arena);
    return st;
}
