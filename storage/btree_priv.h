/* btree_priv.h - what the btree_*.c files share: the page, work on its bytes, the descent. */
#ifndef STORAGE_BTREE_PRIV_H
#define STORAGE_BTREE_PRIV_H

#include "common/hash.h"
#include "storage/btree.h"
#include "storage/extent.h"
#include "storage/heap.h"

/* A page of the tree:
 *
 *     BtreePage | slots[nslots] | gap | entries and fences, from the end downwards
 *
 * An entry is the part of its key behind the page's prefix, then the child's number (inner pages)
 * or the payload with its length in front (leaves of indexes that have one). A key is the encoded
 * columns and, 6 bytes big-endian, the tid; separators of inner pages are cut to what tells their
 * neighbours apart. All keys k of a page satisfy low <= k < high; the first prefix_bytes of both,
 * and so of every k, are the same. Entries may have more in common than the fences, above all where
 * a fence is open, as on the root and on the page that ascending keys are added to: their heads
 * begin behind that. */
typedef struct BtreeSlot {
    uint32_t head; /* the entry's first four bytes behind what all share, as a number, zeros behind the end */
    uint16_t offset;
    uint16_t nbytes; /* of the key's part; SLOT_KILLED */
} BtreeSlot;

enum { SLOT_KILLED = 0x8000, SLOT_BYTES = 0x7FFF }; /* a hint: leads to tuples dead to all */

typedef struct BtreePage {
    PageHeader page;
    uint8_t level; /* 0: leaf */
    uint8_t flags; /* BtreeFlag */
    uint16_t nslots;
    uint32_t data_begin; /* lowest used byte of the entries */
    uint32_t data_dead;  /* bytes among them that no slot refers to */
    PageNo right;        /* PAGE_NONE: the last of its level */
    PageNo first_child;  /* inner: keys below slot 0's */
    uint16_t prefix_bytes;
    uint16_t low, low_bytes; /* the low key; 0 bytes: open */
    uint16_t high, high_bytes;
    uint16_t shared_bytes; /* behind the prefix, the same in every entry; shrinks, and grows when the page is built anew */
    /* Copies, so that most searches read nothing but this head and slots: */
    uint32_t high_head;     /* of the high key, behind the prefix */
    uint8_t prefix_head[8]; /* the prefix's first bytes */
    uint32_t reserved;
    uint8_t shared[8]; /* those bytes: no more are counted */
    BtreeSlot slots[];
} BtreePage;
static_assert(sizeof(BtreePage) == 88, "BtreePage");

enum BtreeFlag {
    BTREE_PAYLOAD = 1, /* entries have one */
    BTREE_HIGH = 2,    /* there is a high key; else the page is the last of its level */
    BTREE_KILLED = 4,  /* a hint: some slot is killed */
};

enum { TID_BYTES = 6, BTREE_LEVELS_MAX = 32, ENTRIES_MAX = PAGE_BYTES_MAX / sizeof(BtreeSlot) }; /* an entry may be no more than its slot */

/* Entries wider than this are refused. */
static inline uint32_t
btree_entry_max(uint32_t page_bytes)
{
    return page_bytes / 6;
}

struct Btree;
struct Entry;
typedef struct Btree {
    Index base; /* first */
    Rel *rel;
    PageNo root;
    uint32_t page_bytes;
    /* Where neighbours a, b of a leaf may be parted, for kinds with a rule of their own (NULL: btree_separator_bytes): the bytes
     * of a separator, into room for a key. */
    uint32_t (*separator)(const struct Btree *bt, const struct Entry *a, const struct Entry *b, uint8_t *out);
} Btree;

static inline Btree *
btree_of(Index *index)
{
    return (Btree *)index;
}
static inline BtreePage *
btree_page(const PageRef *ref)
{
    return (BtreePage *)ref->ptr;
}
static inline void
btree_put_tid(uint8_t *p, IndexTid tid)
{
    uint64_t be = __builtin_bswap64((uint64_t)tid << 16);
    memcpy(p, &be, TID_BYTES);
}
static inline IndexTid
btree_get_tid(const uint8_t *p)
{
    uint64_t be = 0;
    memcpy(&be, p, TID_BYTES);
    return (IndexTid)(__builtin_bswap64(be) >> 16);
}

/* How a search takes entries that equal the key, or begin with it. */
typedef enum SearchMode {
    SEARCH_LT,     /* counts entries below the key */
    SEARCH_LE,     /* and those equal */
    SEARCH_PREFIX, /* and those that begin with it: the position behind them all */
} SearchMode;

/* One entry outside of a page. */
typedef struct Entry {
    const uint8_t *key; /* whole, with tid; or a separator */
    uint32_t key_bytes;
    const uint8_t *extra; /* child number, or payload */
    uint32_t extra_bytes;
} Entry;

/* ---- a page's bytes (btree_page.c) ---- */

/* Number of entries that precede the key in that mode. Safe on bytes that a writer is changing. */
int btree_search_page(const BtreePage *p, uint32_t page_bytes, const uint8_t *key,
                      uint32_t key_bytes, SearchMode mode);
/* The same where it is known to be from or more, and likely not much more. */
int btree_search_behind(const BtreePage *p, uint32_t page_bytes, int from, const uint8_t *key, uint32_t key_bytes,
                        SearchMode mode);
/* Must a search for the key go on to the right? Safe likewise. */
bool btree_is_right_of(const BtreePage *p, uint32_t page_bytes, const uint8_t *key,
                       uint32_t key_bytes, SearchMode mode);
/* How far between the separators around child n the key lies, from 0 to 1; below 0: they do not tell. */
double btree_share(const BtreePage *p, uint32_t page_bytes, const uint8_t *key, uint32_t key_bytes, int n);
/* Child behind the first n separators; safe likewise. */
PageNo btree_child(const BtreePage *p, uint32_t page_bytes, int n);
/* Key of slot i, whole, into out (room for a page); returns its bytes. */
uint32_t btree_full_key(const BtreePage *p, int i, uint8_t *out);
static inline const uint8_t *
btree_entry(const BtreePage *p, int i)
{
    return (const uint8_t *)p + p->slots[i].offset;
}
static inline uint32_t
btree_entry_bytes(const BtreePage *p, int i)
{
    return p->slots[i].nbytes & SLOT_BYTES;
}
/* Among many equal keys the page's prefix may reach into the tid. */
static inline IndexTid
btree_entry_tid(const BtreePage *p, int i)
{
    uint32_t n = btree_entry_bytes(p, i);
    if (__builtin_expect(n >= TID_BYTES, 1))
        return btree_get_tid(btree_entry(p, i) + n - TID_BYTES);
    uint8_t tid[TID_BYTES];
    memcpy(tid, (const uint8_t *)p + p->low + p->prefix_bytes - (TID_BYTES - n), TID_BYTES - n);
    memcpy(tid + TID_BYTES - n, btree_entry(p, i), n);
    return btree_get_tid(tid);
}
/* What follows the key: child number or payload. */
uint32_t btree_extra(const BtreePage *p, int i, const uint8_t **out);
static inline Entry
btree_entry_of(const uint8_t *key, uint32_t key_bytes, const void *extra, uint32_t extra_bytes)
{
    return (Entry){key, key_bytes, extra, extra_bytes};
}
/* Makes an empty page; keeps the PageHeader but BLANK. */
void btree_page_init(BtreePage *p, uint32_t page_bytes, int level, bool payload, const Entry *low,
                     const Entry *high, PageNo right, PageNo first_child);
/* Bytes that more entries may take, and what one takes of them. */
uint32_t btree_page_room(const BtreePage *p);
uint32_t btree_page_needs(const BtreePage *p, uint32_t key_bytes, uint32_t extra_bytes);
static inline bool
btree_page_fits(const BtreePage *p, uint32_t key_bytes, uint32_t extra_bytes)
{
    return btree_page_needs(p, key_bytes, extra_bytes) <= btree_page_room(p);
}
/* Adds an entry that fits as slot pos. key is whole. */
void btree_page_insert(BtreePage *p, uint32_t page_bytes, int pos, const Entry *e);
/* Takes out slots, ascending. */
void btree_page_remove(BtreePage *p, uint32_t page_bytes, const uint16_t *slots, int n);
/* XX001 unless the page belongs to the tree and its structure makes sense. */
Status btree_page_check(Ctx *ctx, const Btree *bt, const PageRef *ref);
/* Shortest separator s with a < s <= b, two entries of a leaf; its bytes are b's first. */
static inline uint32_t
btree_separator_bytes(const Entry *a, const Entry *b)
{
    uint32_t n = a->key_bytes < b->key_bytes ? a->key_bytes : b->key_bytes, i = 0;
    while (i < n && a->key[i] == b->key[i]) i++;
    return i + 1 < b->key_bytes ? i + 1 : b->key_bytes;
}
/* The separator of two neighbours of a leaf; room: for b's key. */
static inline Entry
btree_separator(const Btree *bt, const Entry *a, const Entry *b, uint8_t *room)
{
    Entry sep = *b;
    if (bt->separator != NULL) {
        sep.key_bytes = bt->separator(bt, a, b, room);
        sep.key = room;
    } else {
        sep.key_bytes = btree_separator_bytes(a, b);
    }
    return sep;
}

/* What SERIALIZABLE notes as read or written where a key lies: its leaf (ssi.h); of a hash index, which is asked for single values only, the value's
 * hash as if it were a page's number. */
static inline PageNo
btree_gap(const Btree *bt, const uint8_t *key, uint32_t key_bytes, PageNo leaf)
{
    return bt->base.desc.hashed_type == INVALID_OID ? leaf : (PageNo)(hash_bytes(key, key_bytes) & INT32_MAX);
}

/* ---- the descent (btree_search.c) ---- */

/* Fixes the page of that level where the key belongs. moved: pages passed by going right on the
 * way, that a parent does not know yet (an interrupted split): see btree_finish_splits. */
/* How the leaf read last was filled: most of an index are alike. nslots 0: none was read. */
typedef struct LeafShape {
    int nslots;
    uint32_t first_offset, stride; /* of slot 0's entry; from one slot's to the next's, downwards */
} LeafShape;

typedef struct Descent {
    const uint8_t *key;
    uint32_t key_bytes;
    SearchMode mode; /* LE: where the key goes; PREFIX: behind all that begin with it; LT: what
                        precedes it */
    int moved_level; /* -1: none */
    const LeafShape *shape; /* what the leaf will look like, NULL: no idea */
} Descent;
Status btree_descend(Ctx *ctx, Btree *bt, Descent *d, int level, FixMode fix, PageRef *out);
/* Goes right from a latched page to where the key belongs, letting go of the pages passed but
 * `keep`. */
Status btree_move_right(Ctx *ctx, Btree *bt, Descent *d, FixMode fix, const PageRef *keep,
                        PageRef *ref);

/* ---- changes ----
 *
 * An insert that finds its leaf full splits it: the upper half moves to a new page, in one record;
 * then the new page is made known one level up, by an insert of its own. Between the two (or after
 * a crash) searches reach the page by going right; an insert that had to do so looks whether the
 * parent knows, and tells it. */

/* A split to be made known one level up. */
typedef struct Split {
    uint8_t *key; /* separator, in the arena */
    uint32_t key_bytes;
    PageNo right;
    int level; /* of the pages that were split; -1: nothing was split */
} Split;
/* Adds the entry to a page fixed exclusively, where it belongs; splits it if it is full. Does not
 * let go of ref. */
Status btree_add(Ctx *ctx, Btree *bt, Arena **arena, PageRef *ref, const Entry *e,
                 Split *split_out);
/* Puts the entry at slot pos of a page fixed exclusively where it fits, in place of the one there or before it; logs it. */
Status btree_put(Ctx *ctx, Btree *bt, PageRef *ref, int pos, const Entry *e, bool replace);
/* After a descent that moved right: makes splits on the way known whose makers have not. */
Status btree_mend_level(Ctx *ctx, Btree *bt, Arena **arena, const Descent *d);
/* Makes splits known to the levels above. Nothing is latched. */
Status btree_finish_split(Ctx *ctx, Btree *bt, Arena **arena, Split *split);
/* Splits a full page while adding e at slot pos (btree_split.c). */
Status btree_split(Ctx *ctx, Btree *bt, Arena *arena, PageRef *ref, int pos, const Entry *e,
                   Split *split_out);
/* Takes slots out of a page fixed exclusively, and logs it. */
Status btree_remove_slots(Ctx *ctx, Btree *bt, PageRef *ref, const uint16_t *slots, int n);
Status btree_scratch(Ctx *ctx, Arena **arena);

/* ---- pages taken apart and built anew (btree_split.c) ---- */

typedef struct Parts {
    Entry *items; /* all entries in order */
    int n;
    Entry low, high;
    bool has_high, payload;
    int level;
    PageNo right, first_child;
} Parts;

/* The entries of a page, copied to the arena, with e at slot pos (NULL: none). */
Status btree_take_apart(Ctx *ctx, Btree *bt, Arena *arena, const BtreePage *p, int pos, const Entry *e,
                        Parts *out);
/* The page's entries go to two: [0, at) stay, or where it is the root go to a new page like the others. sep: what parts them, of a
 * leaf btree_separator's, else items[at], which goes up. */
Status btree_split_parts(Ctx *ctx, Btree *bt, Arena *arena, PageRef *ref, Parts *parts, int at, const Entry *sep,
                         Split *split_out);
/* Builds a page of entries [from, to) aside, in a page's worth of zeros. high NULL: the last of its level. */
void btree_build_page(uint8_t *page, const Btree *bt, const Parts *parts, int from, int to,
                      const Entry *low, const Entry *high, PageNo right, PageNo first_child);
/* Puts it in place; the page keeps its PageHeader but for flags and gap. */
void btree_install(const Btree *bt, PageRef *ref, const uint8_t *from);
static inline uint32_t
btree_weight(const Parts *parts, const Entry *e)
{
    return e->key_bytes + e->extra_bytes + (uint32_t)sizeof(BtreeSlot) + (parts->payload ? 2 : 0);
}

/* ---- merging (btree_merge.c) ---- */

/* Empties pages that hold little into their left neighbours, on all levels, and gives them back. */
Status btree_shrink(Ctx *ctx, Btree *bt, uint64_t *freed_out);
static inline bool
btree_page_is_unlinked(const BtreePage *p)
{
    return (p->page.flags & PAGE_FLAG_UNLINKED) != 0;
}

/* Index operations, gathered in btree_search.c's tables: the hash index is a tree of hashes. */
Status btree_scan_start(Ctx *ctx, IndexScan *scan, const IndexRange *range, bool backward);
const IndexDesc *btree_scan_desc(const IndexScan *scan);
Status btree_insert(Ctx *ctx, Index *index, Heap *heap, const KeyRows *keys,
                    const KeyRows *payloads, const uint64_t *null_keys, const IndexTid *tids,
                    IndexCheck check, IndexTid *conflicts, int *nconflicts_out);
Status btree_build_begin(Ctx *ctx, Arena *arena, Index *index, int fillfactor, IndexBuild **out);
Status btree_build_add(Ctx *ctx, IndexBuild *build, const uint8_t *key, uint32_t key_bytes,
                       IndexTid tid, const uint8_t *payload, uint32_t payload_bytes,
                       IndexTid *dup_out);
Status btree_build_finish(Ctx *ctx, IndexBuild *build);
void btree_build_end(IndexBuild *build);
Status btree_bulk_delete(Ctx *ctx, Index *index, IndexTidIsDead is_dead, void *arg,
                         uint64_t *removed_out);
Status btree_truncate(Ctx *ctx, Index *index, uint32_t *npages_out);
Status btree_check(Ctx *ctx, Index *index, uint64_t *entries_out);
Status btree_stats(Ctx *ctx, Index *index, IndexStats *out);

#endif
