/* gin_priv.h - what the gin_*.c files share: the handle, pairs on their way into the lists, a leaf woven anew. */
#ifndef STORAGE_GIN_PRIV_H
#define STORAGE_GIN_PRIV_H

#include "storage/btree_priv.h"
#include "storage/gin.h"
#include "storage/gin_class.h"
#include "storage/posting.h"
#include "storage/ssi.h"

typedef struct Gin {
    Btree tree; /* first */
    const GinClass *classes[KEY_MAX_INDEX_COLUMNS]; /* by column; NULL: entries are made elsewhere */
    int slot_bits;
    uint32_t segment_bytes;         /* of a segment's postings, at most */
    _Atomic uint64_t pending_bytes; /* added to the zone through this handle since its last flush */
} Gin;

static inline Gin *
gin_of(Index *index)
{
    return (Gin *)index;
}

/* Entry keys may be this wide. */
static inline uint32_t
gin_key_max(uint32_t page_bytes)
{
    return page_bytes / 8;
}

/* A row that has a key. */
typedef struct GinPair {
    const uint8_t *key; /* an entry key, without tid */
    uint32_t key_bytes;
    uint64_t ord;
} GinPair;

static inline bool
gin_is_pending(const uint8_t *key)
{
    return key[0] == GIN_PENDING;
}
/* Of a leaf's entry: the entry key's bytes, and the segment's last ordinal. */
static inline uint32_t
gin_key_bytes(const Entry *e)
{
    return e->key_bytes - TID_BYTES;
}
static inline uint64_t
gin_bound(const Gin *g, const Entry *e)
{
    return posting_ord(btree_get_tid(e->key + gin_key_bytes(e)), g->slot_bits);
}
static inline bool
gin_same_key(const Entry *e, const uint8_t *key, uint32_t key_bytes)
{
    return gin_key_bytes(e) == key_bytes && memcmp(e->key, key, key_bytes) == 0;
}

/* A leaf as it is and as it will be. Made anew for each leaf, in an arena of its own. */
typedef struct GinLeaf {
    Gin *gin;
    Arena *arena;
    Parts parts;    /* as it is */
    Entry *items;   /* as it will be */
    int n, cap;
    int changes;    /* segments written anew */
    int changed_at; /* the last of them */
    bool replaced;  /* it took one's place */
    uint64_t *ords; /* of the segments at work; room for what they and the pairs hold */
    int ords_cap;
} GinLeaf;

Status gin_leaf_begin(Ctx *ctx, Gin *g, Arena *arena, const PageRef *ref, int more_items, GinLeaf *leaf);
/* The segment's ordinals, at leaf->ords + at. XX001. */
Status gin_leaf_decode(Ctx *ctx, GinLeaf *leaf, const Entry *e, int at, int *n_out);
/* Room for n ordinals; those there stay. */
Status gin_leaf_reserve(Ctx *ctx, GinLeaf *leaf, int n);
/* n ordinals of a key, from leaf->ords, as one or more segments behind the items. Where they grew at the end, segments are left full. */
Status gin_leaf_emit(Ctx *ctx, GinLeaf *leaf, const uint8_t *key, uint32_t key_bytes, int n, bool grew_at_end);
/* Puts the items in place of what the page, fixed exclusively, holds. */
Status gin_leaf_install(Ctx *ctx, GinLeaf *leaf, PageRef *ref, Split *split_out);

/* Adds pairs, in (key, ordinal) order and each once, to their lists. note_write: they are new, and readers of the lists at SERIALIZABLE
 * are to know. */
Status gin_weave(Ctx *ctx, Gin *g, const GinPair *pairs, int n, bool note_write);
/* Puts pairs in that order and takes out what comes twice; returns how many are left. */
int gin_sort_pairs(GinPair *pairs, int n);

/* Entries of the pending zone, copied. */
typedef struct GinPending {
    StrBuf entries; /* u16 key bytes, u16 payload bytes, key with tid, payload; one after the other */
    StrBuf last;    /* key of the last one: where to go on behind */
    bool more;
} GinPending;
/* Up to some 8 MB of entries behind p->last. note_read: for SERIALIZABLE. */
Status gin_pending_read(Ctx *ctx, Gin *g, GinPending *p, bool note_read);

/* The entry at *at, which moves on; false at the end. */
bool gin_pending_next(const GinPending *p, size_t *at, Entry *out);
/* The key at *at of such an entry's payload, which moves on; false at the end. */
bool gin_pending_key(const Entry *e, uint32_t *at, GinKey *out);

Status gin_insert(Ctx *ctx, Index *index, Heap *heap, const KeyRows *keys, const KeyRows *payloads,
                  const uint64_t *null_keys, const IndexTid *tids, IndexCheck check, IndexTid *conflicts,
                  int *nconflicts_out);
Status gin_build_begin(Ctx *ctx, Arena *arena, Index *index, int fillfactor, IndexBuild **out);
Status gin_build_add(Ctx *ctx, IndexBuild *build, const uint8_t *key, uint32_t key_bytes, IndexTid tid,
                     const uint8_t *payload, uint32_t payload_bytes, IndexTid *dup_out);
Status gin_build_finish(Ctx *ctx, IndexBuild *build);
void gin_build_end(IndexBuild *build);

#endif
