/* gin.c - see gin.h: the handle, VACUUM, the check. */
#include "storage/gin_priv.h"

#include "common/bits.h"
#include "storage/db.h"

enum { SEGMENTS_A_PAGE = 12 }; /* a longer segment costs more to change, a shorter one more in keys */

/* Between two segments of one key it is the later's first tid: every (key, tid) then has one leaf to be on. */
static uint32_t
separator(const Btree *bt, const Entry *a, const Entry *b, uint8_t *out)
{
    const Gin *g = (const Gin *)bt;
    uint32_t nkey = gin_key_bytes(b);
    uint64_t first;
    memcpy(out, b->key, b->key_bytes);
    if (gin_is_pending(b->key) || !gin_same_key(a, b->key, nkey)) return btree_separator_bytes(a, b);
    if (posting_first(b->extra, b->extra_bytes, &first)) btree_put_tid(out + nkey, posting_tid(first, g->slot_bits));
    return b->key_bytes;
}

static Status
gin_open(Ctx *ctx, Index *index)
{
    Gin *g = gin_of(index);
    TRY(btree_ops.open(ctx, index));
    index->has_payload = true;
    for (int i = 0; index->desc.opclasses != NULL && i < index->desc.nkeys; i++) {
        g->classes[i] = gin_class_find(index->desc.opclasses[i]);
        if (g->classes[i] == NULL)
            return RAISE(ctx, ERR_DATA_CORRUPTED, "index \"%s\" has an unknown operator class", index->desc.name);
    }
    g->tree.separator = separator;
    g->slot_bits = posting_slot_bits(g->tree.page_bytes);
    g->segment_bytes = g->tree.page_bytes / SEGMENTS_A_PAGE;
    return QN_OK;
}

/* ---- rows to entries ---- */

/* A row's keys behind those of the rows before. */
static Status
add_row(Ctx *ctx, GinKeys *keys, int row, KeyRows *out, StrBuf *bytes, uint32_t **rows)
{
    int more = keys->ends.count;
    if (out->n + more > out->rows_cap) {
        int cap = (int)bits_next_pow2((size_t)out->n + (size_t)more + 64);
        TRY_ALLOC(ctx, *rows, arena_realloc(out->arena, *rows, sizeof(uint32_t) * (size_t)out->n, sizeof(uint32_t) * (size_t)cap));
        TRY_ALLOC(ctx, out->offsets, arena_realloc(out->arena, out->offsets, sizeof(uint32_t) * ((size_t)out->n + 1),
                                                   sizeof(uint32_t) * ((size_t)cap + 1)));
        out->rows_cap = cap;
    }
    for (int i = 0; i < more; i++) {
        (*rows)[out->n] = (uint32_t)row;
        out->offsets[out->n++] = (uint32_t)bytes->nbytes + (i > 0 ? keys->ends.items[i - 1] : 0);
    }
    strbuf_add(bytes, keys->bytes.data, keys->bytes.nbytes);
    if (bytes->failed) return RAISE_OOM(ctx);
    out->offsets[out->n] = (uint32_t)bytes->nbytes;
    return bytes->nbytes <= INT32_MAX ? QN_OK
                                      : RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "index entries of a batch exceed 2 GB");
}

static Status
gin_split(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, KeyRows *out, uint32_t **rows_out)
{
    const Gin *g = (const Gin *)index;
    StrBuf bytes = strbuf_new(out->arena);
    *rows_out = NULL;
    *out = key_rows_new(out->arena);
    GinKeys keys = gin_keys(out->arena, 1);
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < index->desc.nkeys; c++) {
            gin_keys_reset(&keys);
            keys.column = (uint8_t)(c + 1);
            Value v = vec_get(cols[c], sel != NULL ? sel[i] : i);
            TRY(gin_extract(ctx, g->classes[c], &keys, &v));
            TRY(add_row(ctx, &keys, i, out, &bytes, rows_out));
        }
    }
    out->data = (uint8_t *)bytes.data;
    return QN_OK;
}

/* ---- VACUUM ---- */

/* The leaf's items without dead tids; whether any were there. */
static Status
drop_dead(Ctx *ctx, GinLeaf *leaf, IndexTidIsDead is_dead, void *arg, uint64_t *removed)
{
    const int slot_bits = leaf->gin->slot_bits;
    for (int i = 0; i < leaf->parts.n; i++) {
        const Entry *e = &leaf->parts.items[i];
        int n, k = 0;
        if (gin_is_pending(e->key)) {
            leaf->items[leaf->n++] = *e;
            continue;
        }
        TRY(gin_leaf_decode(ctx, leaf, e, 0, &n));
        for (int j = 0; j < n; j++)
            if (!is_dead(arg, posting_tid(leaf->ords[j], slot_bits))) leaf->ords[k++] = leaf->ords[j];
        if (k == n) {
            leaf->items[leaf->n++] = *e;
            continue;
        }
        *removed += (uint64_t)(n - k);
        TRY(gin_leaf_emit(ctx, leaf, e->key, gin_key_bytes(e), k, true));
        leaf->replaced = true;
    }
    return QN_OK;
}

/* Leaves are looked at under a shared latch; one with nothing to take out is left alone. */
static Status
vacuum_leaf(Ctx *ctx, Gin *g, Arena *arena, PageRef *ref, IndexTidIsDead is_dead, void *arg, uint64_t *removed)
{
    GinLeaf leaf;
    Split split;
    PageNo number = ref->number;
    uint64_t n = 0;
    TRY(gin_leaf_begin(ctx, g, arena, ref, 0, &leaf));
    TRY(drop_dead(ctx, &leaf, is_dead, arg, &n));
    if (n == 0) return QN_OK;
    page_unfix(ref);
    TRY(page_fix(ctx, number, FIX_EXCLUSIVE, ref));
    TRY(btree_page_check(ctx, &g->tree, ref));
    TRY(gin_leaf_begin(ctx, g, arena, ref, 0, &leaf));
    TRY(drop_dead(ctx, &leaf, is_dead, arg, removed));
    return gin_leaf_install(ctx, &leaf, ref, &split); /* it holds less than before */
}

static Status
gin_bulk_delete(Ctx *ctx, Index *index, IndexTidIsDead is_dead, void *arg, uint64_t *removed_out)
{
    Gin *g = gin_of(index);
    Btree *bt = &g->tree;
    PageRef ref = PAGE_REF_NONE;
    Descent d = {.key = (const uint8_t *)"", .mode = SEARCH_LE};
    Arena *arena = NULL;
    bool sparse = false;
    uint64_t freed;
    Status st;
    *removed_out = 0;
    TRY(gin_flush(ctx, index, true));
    TRY(btree_scratch(ctx, &arena));
    TRY_GOTO(btree_descend(ctx, bt, &d, 0, FIX_SHARED, &ref));
    for (;;) {
        arena_reset(arena);
        TRY_GOTO(vacuum_leaf(ctx, g, arena, &ref, is_dead, arg, removed_out));
        const BtreePage *p = btree_page(&ref);
        PageNo right = p->right;
        sparse |= bt->page_bytes - p->data_begin - p->data_dead < bt->page_bytes / 3;
        if ((p->flags & BTREE_HIGH) == 0) break;
        page_unfix(&ref);
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, bt, &ref));
    }
    page_unfix(&ref);
    if (sparse) TRY_GOTO(btree_shrink(ctx, bt, &freed));
done:
    page_unfix(&ref);
    arena_destroy(arena);
    return st;
}

/* ---- check ---- */

static Status
fault(Ctx *ctx, const Gin *g, PageNo page, const char *what)
{
    return RAISE(ctx, ERR_INDEX_CORRUPTED, "index \"%s\", page %u: %s", g->tree.base.desc.name, page, what);
}

/* Segments of the leaf: whole, ascending, within their bounds and behind the one before. */
static Status
check_leaf(Ctx *ctx, GinLeaf *leaf, PageNo page, uint64_t *entries)
{
    const Gin *g = leaf->gin;
    const Parts *p = &leaf->parts;
    for (int i = 0; i < p->n; i++) {
        const Entry *e = &p->items[i];
        int n;
        if (gin_is_pending(e->key)) continue;
        TRY(gin_leaf_decode(ctx, leaf, e, 0, &n));
        if (leaf->ords[n - 1] > gin_bound(g, e)) return fault(ctx, g, page, "a posting list goes past its end");
        if (i > 0 && gin_same_key(&p->items[i - 1], e->key, gin_key_bytes(e)) &&
            leaf->ords[0] <= gin_bound(g, &p->items[i - 1]))
            return fault(ctx, g, page, "posting lists overlap");
        if (i == 0 && p->low.key_bytes == e->key_bytes && gin_same_key(&p->low, e->key, gin_key_bytes(e)) &&
            leaf->ords[0] < gin_bound(g, &p->low))
            return fault(ctx, g, page, "a posting list begins before its page");
        *entries += (uint64_t)n;
    }
    return QN_OK;
}

static Status
gin_check(Ctx *ctx, Index *index, uint64_t *entries_out)
{
    Gin *g = gin_of(index);
    PageRef ref = PAGE_REF_NONE;
    Descent d = {.key = (const uint8_t *)"", .mode = SEARCH_LE};
    Arena *arena = NULL;
    uint64_t entries = 0;
    Status st;
    TRY(btree_check(ctx, index, NULL));
    TRY(btree_scratch(ctx, &arena));
    TRY_GOTO(btree_descend(ctx, &g->tree, &d, 0, FIX_SHARED, &ref));
    for (;;) {
        GinLeaf leaf;
        arena_reset(arena);
        TRY_GOTO(gin_leaf_begin(ctx, g, arena, &ref, 0, &leaf));
        TRY_GOTO(check_leaf(ctx, &leaf, ref.number, &entries));
        PageNo right = btree_page(&ref)->right;
        if ((btree_page(&ref)->flags & BTREE_HIGH) == 0) break;
        page_unfix(&ref);
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, &g->tree, &ref));
    }
    if (entries_out != NULL) *entries_out = entries;
done:
    page_unfix(&ref);
    arena_destroy(arena);
    return st;
}

/* ---- every entry ---- */

static Status
walk_leaf(Ctx *ctx, GinLeaf *leaf, GinWalkFn fn, void *arg)
{
    for (int i = 0; i < leaf->parts.n; i++) {
        const Entry *e = &leaf->parts.items[i];
        GinKey key;
        int n;
        if (gin_is_pending(e->key)) {
            IndexTid tid = btree_get_tid(e->key + gin_key_bytes(e));
            for (uint32_t at = 0; gin_pending_key(e, &at, &key);) TRY(fn(arg, key.bytes, key.nbytes, tid));
            continue;
        }
        TRY(gin_leaf_decode(ctx, leaf, e, 0, &n));
        for (int j = 0; j < n; j++) TRY(fn(arg, e->key, gin_key_bytes(e), posting_tid(leaf->ords[j], leaf->gin->slot_bits)));
    }
    return QN_OK;
}

Status
gin_walk(Ctx *ctx, Index *index, GinWalkFn fn, void *arg)
{
    Gin *g = gin_of(index);
    PageRef ref = PAGE_REF_NONE;
    Descent d = {.key = (const uint8_t *)"", .mode = SEARCH_LE};
    Arena *arena = NULL;
    Status st;
    if (!db_is_read_only(ctx)) TRY(gin_flush(ctx, index, true));
    TRY(btree_scratch(ctx, &arena));
    TRY_GOTO(btree_descend(ctx, &g->tree, &d, 0, FIX_SHARED, &ref));
    for (bool more = true; more;) {
        GinLeaf leaf;
        arena_reset(arena);
        TRY_GOTO(gin_leaf_begin(ctx, g, arena, &ref, 0, &leaf));
        page_unfix(&ref);
        TRY_GOTO(walk_leaf(ctx, &leaf, fn, arg));
        TRY_GOTO(ctx_check_stop(ctx));
        more = leaf.parts.has_high;
        if (!more) break;
        TRY_GOTO(page_fix(ctx, leaf.parts.right, FIX_SHARED, &ref));
        TRY_GOTO(btree_page_check(ctx, &g->tree, &ref));
    }
done:
    page_unfix(&ref);
    arena_destroy(arena);
    return st;
}

/* ---- the kind ---- */

static void
gin_close(Ctx *ctx, Index *index)
{
    btree_ops.close(ctx, index);
}

static Status
gin_create(Ctx *ctx, Oid relid, uint32_t *root_page_out)
{
    return btree_ops.create(ctx, relid, root_page_out);
}

const IndexOps gin_ops = {
    .kind = INDEX_GIN,
    .handle_bytes = sizeof(Gin),
    .split = gin_split,
    .open = gin_open,
    .close = gin_close,
    .create = gin_create,
    .insert = gin_insert,
    .build_begin = gin_build_begin,
    .build_add = gin_build_add,
    .build_finish = gin_build_finish,
    .build_end = gin_build_end,
    .stats = btree_stats,
    .bulk_delete = gin_bulk_delete,
    .truncate = btree_truncate,
    .check = gin_check,
};
