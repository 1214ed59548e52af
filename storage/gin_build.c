/* gin_build.c - filling an empty index: entries in (key, tid) order are gathered into segments, which the B-tree's build takes. */
#include "storage/gin_priv.h"

typedef struct GinBuild {
    Gin *gin;
    IndexBuild *tree;
    Arena *arena;
    uint8_t *key;
    uint32_t key_bytes; /* 0: none yet */
    uint64_t *ords;     /* of the key, not given on yet */
    int n;
    uint8_t *bytes;     /* a segment */
} GinBuild;

/* As many as a segment can hold at a byte each, so that what is given on fills it. */
static int
ords_max(const Gin *g)
{
    return (int)g->segment_bytes + 1;
}

Status
gin_build_begin(Ctx *ctx, Arena *arena, Index *index, int fillfactor, IndexBuild **out)
{
    Gin *g = gin_of(index);
    GinBuild *b;
    TRY_ALLOC(ctx, b, ARENA_NEW(arena, GinBuild));
    b->gin = g;
    TRY_ALLOC(ctx, b->arena, arena_create(arena, "gin build"));
    TRY_ALLOC(ctx, b->key, arena_alloc(b->arena, g->tree.page_bytes));
    TRY_ALLOC(ctx, b->bytes, arena_alloc(b->arena, g->tree.page_bytes));
    TRY_ALLOC(ctx, b->ords, ARENA_ARRAY(b->arena, uint64_t, ords_max(g)));
    TRY(btree_build_begin(ctx, b->arena, index, fillfactor, &b->tree));
    *out = (IndexBuild *)b;
    return QN_OK;
}

/* Gives the first of the gathered rows on as a segment. */
static Status
give_segment(Ctx *ctx, GinBuild *b)
{
    const Gin *g = b->gin;
    uint32_t max = btree_entry_max(g->tree.page_bytes) - b->key_bytes - TID_BYTES, nbytes;
    IndexTid dup;
    if (max > g->segment_bytes) max = g->segment_bytes;
    int taken = posting_encode(b->ords, b->n, b->bytes, max, &nbytes);
    TRY(btree_build_add(ctx, b->tree, b->key, b->key_bytes, posting_tid(b->ords[taken - 1], g->slot_bits), b->bytes,
                        nbytes, &dup));
    b->n -= taken;
    memmove(b->ords, b->ords + taken, sizeof(uint64_t) * (size_t)b->n);
    return QN_OK;
}

Status
gin_build_add(Ctx *ctx, IndexBuild *build, const uint8_t *key, uint32_t key_bytes, IndexTid tid,
              const uint8_t *payload, uint32_t payload_bytes, IndexTid *dup_out)
{
    GinBuild *b = (GinBuild *)build;
    uint64_t ord = posting_ord(tid, b->gin->slot_bits);
    (void)payload, (void)payload_bytes;
    *dup_out = 0;
    if (key_bytes != b->key_bytes || memcmp(key, b->key, key_bytes) != 0) {
        if (key_bytes > gin_key_max(b->gin->tree.page_bytes))
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "index row size %u exceeds maximum %u for index \"%s\"", key_bytes,
                         gin_key_max(b->gin->tree.page_bytes), b->gin->tree.base.desc.name);
        while (b->n > 0) TRY(give_segment(ctx, b));
        memcpy(b->key, key, key_bytes);
        b->key_bytes = key_bytes;
    }
    if (b->n > 0 && b->ords[b->n - 1] == ord) return QN_OK; /* a value may have a part twice */
    b->ords[b->n++] = ord;
    return b->n == ords_max(b->gin) ? give_segment(ctx, b) : QN_OK;
}

Status
gin_build_finish(Ctx *ctx, IndexBuild *build)
{
    GinBuild *b = (GinBuild *)build;
    while (b->n > 0) TRY(give_segment(ctx, b));
    return btree_build_finish(ctx, b->tree);
}

void
gin_build_end(IndexBuild *build)
{
    GinBuild *b = (GinBuild *)build;
    if (b == NULL || b->arena == NULL) return;
    btree_build_end(b->tree);
    arena_destroy(b->arena);
    b->arena = NULL;
}
