/* btree_page.c - work on the bytes of a B-tree page. Nothing here latches or logs. */
#include "storage/btree_priv.h"

static inline uint32_t
be_head(const uint8_t *p, uint32_t nbytes, uint8_t pad)
{
    uint8_t b[4] = {pad, pad, pad, pad};
    uint32_t v;
    if (__builtin_expect(nbytes >= 4, 1)) {
        memcpy(&v, p, 4);
    } else {
        for (uint32_t i = 0; i < nbytes; i++) b[i] = p[i];
        memcpy(&v, b, 4);
    }
    return __builtin_bswap32(v);
}

/* Offset and length of something on the page, cut to lie within it. */
static inline const uint8_t *
clamped(const BtreePage *p, uint32_t page_bytes, uint32_t offset, uint32_t *nbytes)
{
    if (__builtin_expect(offset + *nbytes > page_bytes, 0)) {
        *nbytes = 0;
        return (const uint8_t *)p;
    }
    return (const uint8_t *)p + offset;
}

/* Is entry e one of those that precede key k in this mode? */
static inline bool
precedes(const uint8_t *e, uint32_t ne, const uint8_t *k, uint32_t nk, SearchMode mode)
{
    uint32_t n = ne < nk ? ne : nk;
    int c = memcmp(e, k, n);
    if (c != 0) return c < 0;
    if (ne < nk) return true;
    if (ne > nk) return mode == SEARCH_PREFIX;
    return mode != SEARCH_LT;
}

static inline int
slots_on(const BtreePage *p, uint32_t page_bytes)
{
    uint32_t most = (page_bytes - (uint32_t)sizeof(BtreePage)) / (uint32_t)sizeof(BtreeSlot);
    return p->nslots <= most ? p->nslots : (int)most;
}

/* key's relation to the first n of these bytes, as far as it reaches. */
static inline int
compare_head(const uint8_t *key, uint32_t key_bytes, const uint8_t head[8], uint32_t n)
{
    if (n == 0) return 0;
    if (__builtin_expect(key_bytes >= 8, 1)) {
        uint64_t a, b;
        memcpy(&a, key, 8);
        memcpy(&b, head, 8);
        a = __builtin_bswap64(a) >> (64 - 8 * n);
        b = __builtin_bswap64(b) >> (64 - 8 * n);
        return (a > b) - (a < b);
    }
    for (uint32_t i = 0; i < n && i < key_bytes; i++)
        if (key[i] != head[i]) return key[i] < head[i] ? -1 : 1;
    return 0;
}

/* The key's relation to the page's prefix, over the bytes both have. */
static inline int
compare_prefix(const BtreePage *p, uint32_t page_bytes, const uint8_t *key, uint32_t key_bytes)
{
    uint32_t np = p->prefix_bytes, n = key_bytes < np ? key_bytes : np;
    if (__builtin_expect(np <= sizeof(p->prefix_head), 1)) return compare_head(key, key_bytes, p->prefix_head, np);
    const uint8_t *prefix = clamped(p, page_bytes, p->low, &np);
    return memcmp(key, prefix, n < np ? n : np);
}

/* A key as entries are compared with it: behind what they share, with its head. */
typedef struct Probe {
    const uint8_t *key;
    uint32_t key_bytes;
    uint32_t skipped; /* bytes of an entry that are not looked at */
    uint32_t head;    /* padded so that equal heads decide a short key */
    SearchMode mode;
} Probe;

static inline Probe
make_probe(const uint8_t *key, uint32_t key_bytes, uint32_t prefix_bytes, uint32_t skipped, SearchMode mode)
{
    const uint32_t n = prefix_bytes + skipped;
    Probe b = {key + n, key_bytes - n, skipped, 0, mode};
    b.head = be_head(b.key, b.key_bytes, mode == SEARCH_PREFIX ? 0xFF : 0);
    return b;
}

/* Does an entry of that head and length precede the probe? -1: its bytes must say. Heads are padded
 * with zeros, so with equal heads a short probe is a prefix of the entry, or the entry one of the
 * probe. */
static inline int
precedes_by_head(uint32_t head, uint32_t nbytes, const Probe *b)
{
    if (head != b->head) return head < b->head;
    if (b->key_bytes > 4) return -1;
    if (b->mode == SEARCH_PREFIX || nbytes < b->key_bytes) return 1;
    return b->mode == SEARCH_LE && nbytes == b->key_bytes;
}

static inline bool
slot_precedes(const BtreePage *p, uint32_t page_bytes, int i, const Probe *b)
{
    const BtreeSlot *s = &p->slots[i];
    uint32_t ne = s->nbytes & SLOT_BYTES;
    if (__builtin_expect(ne < b->skipped, 0)) return false; /* a writer is at work */
    int before = precedes_by_head(s->head, ne - b->skipped, b);
    if (__builtin_expect(before >= 0, 1)) return before != 0;
    const uint8_t *e = clamped(p, page_bytes, s->offset, &ne);
    return ne >= b->skipped && precedes(e + b->skipped, ne - b->skipped, b->key, b->key_bytes, b->mode);
}

/* Whether one answer holds for all entries: 0, or their number, in *n_out. Else the probe is made. */
static inline bool
begin_search(const BtreePage *p, uint32_t page_bytes, const uint8_t *key, uint32_t key_bytes, SearchMode mode,
             Probe *b, int *n_out)
{
    uint32_t shared = p->shared_bytes <= sizeof(p->shared) ? p->shared_bytes : sizeof(p->shared);
    uint32_t most = p->prefix_bytes + shared;
    *n_out = slots_on(p, page_bytes);
    int c = compare_prefix(p, page_bytes, key, key_bytes);
    if (c == 0 && key_bytes > p->prefix_bytes)
        c = compare_head(key + p->prefix_bytes, key_bytes - p->prefix_bytes, p->shared, shared);
    if (c == 0 && key_bytes >= most) {
        *b = make_probe(key, key_bytes, p->prefix_bytes, shared, mode);
        return false;
    }
    if (c < 0 || (c == 0 && mode != SEARCH_PREFIX)) *n_out = 0;
    return true;
}

/* How many of n heads are below this one. Which half goes on is computed, not jumped to: it is as good as random. */
static inline int
heads_below(const BtreeSlot *slots, int n, uint32_t head)
{
    const BtreeSlot *at = slots;
    while (n > 1) {
        int half = n >> 1;
        at += at[half - 1].head < head ? half : 0;
        n -= half;
    }
    return (int)(at - slots) + (n == 1 && at->head < head);
}

static inline void
prefetch_slots(const BtreeSlot *from, const BtreeSlot *to)
{
    const char *end = (const char *)to + 63; /* the line of the last */
    for (const char *at = (const char *)from; at < end; at += 64) __builtin_prefetch(at);
}

/* The same where the steps would wait for memory, one after the other. Heads of numbers, uuids and hashes lie evenly, so the place is guessed from
 * the first head and the last, and what is around it asked for at once: two waits instead of ten. A guess too far off has cost one, and shows
 * which side to search, the steps' lines asked for beforehand. last: a head none is above. */
static int
heads_below_far(const BtreeSlot *slots, int n, uint32_t head, uint32_t last)
{
    enum { AROUND = 14, WINDOW = 128 };
    const uint32_t first = slots[0].head;
    if (head <= first) return 0;
    const double share = last > first ? (double)(head - first) / (double)(last - first) : 0;
    int guess = share < 1 ? (int)(share * n) : n;
    int from = guess > AROUND ? guess - AROUND : 0, to = guess + AROUND < n ? guess + AROUND : n;
    prefetch_slots(slots + (from > 0 ? from - 1 : 0), slots + to + 1);
    bool low = from == 0 || slots[from - 1].head < head, high = to == n || slots[to].head >= head;
    if (__builtin_expect(low && high, 1)) return from + heads_below(slots + from, to - from, head);
    if (low) {
        from = to;
        to = n;
    } else {
        to = from;
        from = 0;
    }
    for (int i = 1; i < 8; i++) __builtin_prefetch(&slots[from + (to - from) * i / 8]);
    for (int half; to - from > WINDOW;) {
        half = (to - from) / 2;
        if (slots[from + half - 1].head < head) from += half;
        else to = from + half;
    }
    prefetch_slots(slots + from, slots + to);
    return from + heads_below(slots + from, to - from, head);
}

/* From a position up to which all entries precede the probe, to the first that does not: in steps that double, then back. */
static int
gallop(const BtreePage *p, uint32_t page_bytes, int from, int nslots, const Probe *b)
{
    int step = 1;
    while (from + step <= nslots && slot_precedes(p, page_bytes, from + step - 1, b)) {
        from += step;
        step *= 2;
    }
    for (step /= 2; step > 0; step /= 2)
        if (from + step <= nslots && slot_precedes(p, page_bytes, from + step - 1, b)) from += step;
    return from;
}

enum { NEAR_SLOTS = 32 }; /* in few enough lines */

int
btree_search_page(const BtreePage *p, uint32_t page_bytes, const uint8_t *key, uint32_t key_bytes,
                  SearchMode mode)
{
    Probe b;
    int n;
    if (begin_search(p, page_bytes, key, key_bytes, mode, &b, &n)) return n;
    /* Ascending keys go behind everything there is, down the right edge of the tree. */
    if ((p->flags & BTREE_HIGH) == 0 && n > 0 && slot_precedes(p, page_bytes, n - 1, &b)) return n;
    if (n <= NEAR_SLOTS) return gallop(p, page_bytes, heads_below(p->slots, n, b.head), n, &b);
    /* The high key's head is in the page's own, and comparable where the entries share nothing more. */
    bool bounded = (p->flags & BTREE_HIGH) != 0 && b.skipped == 0;
    const uint32_t last = bounded ? p->high_head : p->slots[n - 1].head;
    return gallop(p, page_bytes, heads_below_far(p->slots, n, b.head, last), n, &b);
}

int
btree_search_behind(const BtreePage *p, uint32_t page_bytes, int from, const uint8_t *key, uint32_t key_bytes,
                    SearchMode mode)
{
    Probe b;
    int n;
    if (begin_search(p, page_bytes, key, key_bytes, mode, &b, &n)) return n;
    return gallop(p, page_bytes, from, n, &b);
}

double
btree_share(const BtreePage *p, uint32_t page_bytes, const uint8_t *key, uint32_t key_bytes, int n)
{
    const uint32_t most = p->prefix_bytes + p->shared_bytes;
    if (n == 0 || n >= slots_on(p, page_bytes) || key_bytes <= most) return -1;
    const uint32_t head = be_head(key + most, key_bytes - most, 0), low = p->slots[n - 1].head, high = p->slots[n].head;
    return head < low || head > high || low == high ? -1 : (double)(head - low) / (double)(high - low);
}

bool
btree_is_right_of(const BtreePage *p, uint32_t page_bytes, const uint8_t *key, uint32_t key_bytes,
                  SearchMode mode)
{
    if ((p->flags & BTREE_HIGH) == 0) return false;
    int c = compare_prefix(p, page_bytes, key, key_bytes);
    if (c != 0) return c > 0;
    /* LT looks for what precedes the key, which a high key equal to it still bounds. */
    if (key_bytes < p->prefix_bytes) return mode == SEARCH_PREFIX;
    const Probe b = make_probe(key, key_bytes, p->prefix_bytes, 0, mode);
    int before = precedes_by_head(p->high_head, (uint32_t)p->high_bytes - p->prefix_bytes, &b);
    if (before >= 0) return before != 0;
    uint32_t n = p->high_bytes;
    const uint8_t *high = clamped(p, page_bytes, p->high, &n);
    return precedes(high, n, key, key_bytes, mode);
}

uint32_t
btree_extra(const BtreePage *p, int i, const uint8_t **out)
{
    const uint8_t *e = btree_entry(p, i) + btree_entry_bytes(p, i);
    uint16_t nbytes;
    *out = e;
    if (p->level > 0) return sizeof(PageNo);
    if ((p->flags & BTREE_PAYLOAD) == 0) return 0;
    memcpy(&nbytes, e, sizeof(nbytes));
    *out = e + sizeof(nbytes);
    return nbytes;
}

PageNo
btree_child(const BtreePage *p, uint32_t page_bytes, int n)
{
    PageNo child;
    if (n == 0) return p->first_child;
    uint32_t nbytes = (p->slots[n - 1].nbytes & SLOT_BYTES) + (uint32_t)sizeof(child);
    const uint8_t *e = clamped(p, page_bytes, p->slots[n - 1].offset, &nbytes);
    if (nbytes < sizeof(child)) return PAGE_NONE;
    memcpy(&child, e + nbytes - sizeof(child), sizeof(child));
    return child;
}

uint32_t
btree_full_key(const BtreePage *p, int i, uint8_t *out)
{
    uint32_t n = btree_entry_bytes(p, i);
    memcpy(out, (const uint8_t *)p + p->low, p->prefix_bytes);
    memcpy(out + p->prefix_bytes, btree_entry(p, i), n);
    return p->prefix_bytes + n;
}

static void
note_gap(BtreePage *p)
{
    uint32_t begin = (uint32_t)sizeof(BtreePage) + p->nslots * (uint32_t)sizeof(BtreeSlot);
    p->page.gap_begin = (uint16_t)begin;
    p->page.gap_bytes = (uint16_t)(p->data_begin - begin);
}

static uint16_t
put_bytes(BtreePage *p, const void *data, uint32_t nbytes)
{
    p->data_begin -= nbytes;
    memcpy((uint8_t *)p + p->data_begin, data, nbytes);
    return (uint16_t)p->data_begin;
}

void
btree_page_init(BtreePage *p, uint32_t page_bytes, int level, bool payload, const Entry *low,
                const Entry *high, PageNo right, PageNo first_child)
{
    p->page.flags &= (uint8_t)~PAGE_FLAG_BLANK;
    p->level = (uint8_t)level;
    p->flags = payload && level == 0 ? BTREE_PAYLOAD : 0;
    p->nslots = 0;
    /* The last bytes stay free: offsets are 16 bits, and the largest page has 65536. */
    p->data_begin = page_bytes - 8;
    p->data_dead = 0;
    p->right = right;
    p->first_child = first_child;
    p->prefix_bytes = p->low = p->low_bytes = p->high = p->high_bytes = p->shared_bytes = 0;
    p->high_head = p->reserved = 0;
    memset(p->prefix_head, 0, sizeof(p->prefix_head));
    memset(p->shared, 0, sizeof(p->shared));
    if (low != NULL && low->key_bytes != 0) {
        p->low_bytes = (uint16_t)low->key_bytes;
        p->low = put_bytes(p, low->key, low->key_bytes);
    }
    if (high != NULL) {
        p->flags |= BTREE_HIGH;
        p->high_bytes = (uint16_t)high->key_bytes;
        p->high = put_bytes(p, high->key, high->key_bytes);
        while (p->prefix_bytes < p->low_bytes && p->prefix_bytes < high->key_bytes &&
               low->key[p->prefix_bytes] == high->key[p->prefix_bytes])
            p->prefix_bytes++;
        p->high_head = be_head(high->key + p->prefix_bytes, high->key_bytes - p->prefix_bytes, 0);
        for (uint32_t i = 0; i < p->prefix_bytes && i < sizeof(p->prefix_head); i++)
            p->prefix_head[i] = low->key[i];
    }
    note_gap(p);
}

static uint32_t
stored_bytes(const BtreePage *p, uint32_t key_bytes, uint32_t extra_bytes)
{
    return key_bytes - p->prefix_bytes + extra_bytes + (p->flags & BTREE_PAYLOAD ? 2u : 0u);
}

uint32_t
btree_page_room(const BtreePage *p)
{
    return p->data_begin + p->data_dead - (uint32_t)sizeof(BtreePage) - p->nslots * (uint32_t)sizeof(BtreeSlot);
}

uint32_t
btree_page_needs(const BtreePage *p, uint32_t key_bytes, uint32_t extra_bytes)
{
    return (uint32_t)sizeof(BtreeSlot) + stored_bytes(p, key_bytes, extra_bytes);
}

/* Moves what slots and fences refer to together at the end. */
static void
compact(BtreePage *p, uint32_t page_bytes)
{
    uint8_t bytes[PAGE_BYTES_MAX];
    uint32_t end = page_bytes - 8, at = end;
#define MOVE(offset, nbytes)                                                                       \
    do {                                                                                           \
        at -= (nbytes);                                                                            \
        memcpy(bytes + at, (const uint8_t *)p + (offset), (nbytes));                               \
        (offset) = (uint16_t)at;                                                                   \
    } while (0)
    if (p->low_bytes != 0) MOVE(p->low, p->low_bytes);
    if (p->high_bytes != 0) MOVE(p->high, p->high_bytes);
    for (int i = 0; i < p->nslots; i++) {
        const uint8_t *extra;
        uint32_t n = btree_entry_bytes(p, i) + btree_extra(p, i, &extra) +
                     (p->flags & BTREE_PAYLOAD ? 2u : 0u);
        MOVE(p->slots[i].offset, n);
    }
#undef MOVE
    memcpy((uint8_t *)p + at, bytes + at, end - at);
    p->data_begin = at;
    p->data_dead = 0;
}

/* What all entries share, once one of these bytes is among them; heads that begin further on now are made again. */
static void
share_with(BtreePage *p, const uint8_t *key, uint32_t key_bytes)
{
    uint32_t n = 0, most = p->nslots > 0 ? p->shared_bytes : sizeof(p->shared);
    if (most > key_bytes) most = key_bytes;
    if (p->nslots == 0) {
        memcpy(p->shared, key, most);
        n = most;
    }
    while (n < most && p->shared[n] == key[n]) n++;
    if (p->nslots > 0 && n == p->shared_bytes) return;
    p->shared_bytes = (uint16_t)n;
    for (int i = 0; i < p->nslots; i++)
        p->slots[i].head = be_head(btree_entry(p, i) + n, btree_entry_bytes(p, i) - n, 0);
}

void
btree_page_insert(BtreePage *p, uint32_t page_bytes, int pos, const Entry *e)
{
    const uint32_t np = p->prefix_bytes, nkey = e->key_bytes - np;
    uint32_t nbytes = stored_bytes(p, e->key_bytes, e->extra_bytes);
    uint32_t begin = (uint32_t)sizeof(BtreePage) + (p->nslots + 1u) * (uint32_t)sizeof(BtreeSlot);
    if (begin + nbytes > p->data_begin) compact(p, page_bytes);
    assert(begin + nbytes <= p->data_begin);
    p->data_begin -= nbytes;
    uint8_t *to = (uint8_t *)p + p->data_begin;
    memcpy(to, e->key + np, nkey);
    if (p->flags & BTREE_PAYLOAD) {
        uint16_t n = (uint16_t)e->extra_bytes;
        memcpy(to + nkey, &n, 2);
        memcpy(to + nkey + 2, e->extra, e->extra_bytes);
    } else if (e->extra_bytes != 0) {
        memcpy(to + nkey, e->extra, e->extra_bytes);
    }
    share_with(p, to, nkey);
    memmove(&p->slots[pos + 1], &p->slots[pos], sizeof(BtreeSlot) * (size_t)(p->nslots - pos));
    p->slots[pos] = (BtreeSlot){be_head(to + p->shared_bytes, nkey - p->shared_bytes, 0),
                                (uint16_t)p->data_begin, (uint16_t)nkey};
    p->nslots++;
    note_gap(p);
}

void
btree_page_remove(BtreePage *p, uint32_t page_bytes, const uint16_t *slots, int n)
{
    int to = 0, k = 0;
    (void)page_bytes;
    for (int i = 0; i < p->nslots; i++) {
        if (k < n && slots[k] == i) {
            const uint8_t *extra;
            p->data_dead += btree_entry_bytes(p, i) + btree_extra(p, i, &extra) +
                            (p->flags & BTREE_PAYLOAD ? 2u : 0u);
            k++;
            continue;
        }
        p->slots[to++] = p->slots[i];
    }
    p->nslots = (uint16_t)to;
    note_gap(p);
}

bool
btree_layout_is_valid(const void *page, uint32_t page_bytes)
{
    const BtreePage *p = page;
    uint64_t begin = sizeof(BtreePage) + (uint64_t)p->nslots * sizeof(BtreeSlot), used = 0;
    if (p->data_begin == 0) return p->nslots == 0; /* taken and not filled yet */
    if (p->data_begin > page_bytes - 8 || begin > p->data_begin || p->level >= BTREE_LEVELS_MAX) return false;
    if ((uint32_t)p->low + p->low_bytes > page_bytes || (uint32_t)p->high + p->high_bytes > page_bytes) return false;
    if (p->prefix_bytes > p->low_bytes || ((p->flags & BTREE_HIGH) != 0 && p->prefix_bytes > p->high_bytes)) return false;
    for (int i = 0; i < p->nslots; i++) {
        uint32_t n = btree_entry_bytes(p, i), offset = p->slots[i].offset;
        uint32_t extra = p->level > 0 ? sizeof(PageNo) : (p->flags & BTREE_PAYLOAD) != 0 ? sizeof(uint16_t) : 0;
        if (offset < p->data_begin || offset + n + extra > page_bytes) return false;
        if (p->level == 0 && p->prefix_bytes + n < TID_BYTES) return false;
        const uint8_t *at;
        if (p->level == 0) extra += btree_extra(p, i, &at);
        if (offset + n + extra > page_bytes) return false;
        used += n + extra;
    }
    return used <= page_bytes;
}

Status
btree_page_check(Ctx *ctx, const Btree *bt, const PageRef *ref)
{
    const BtreePage *p = btree_page(ref);
    TRY(page_check(ctx, ref, rel_root(bt->rel), PAGE_BTREE));
    uint32_t begin = (uint32_t)sizeof(BtreePage) + p->nslots * (uint32_t)sizeof(BtreeSlot);
    bool ok = p->data_begin <= bt->page_bytes - 8 && begin <= p->data_begin &&
              p->level < BTREE_LEVELS_MAX && (uint32_t)p->low + p->low_bytes <= bt->page_bytes &&
              (uint32_t)p->high + p->high_bytes <= bt->page_bytes &&
              p->prefix_bytes <= p->low_bytes;
    if (!ok)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid page %u of index \"%s\"", ref->number,
                     bt->base.desc.name);
    return QN_OK;
}
