/* hash.c - see hash.h. */
#include "storage/hash.h"
#include "storage/btree_priv.h"

static int64_t
hash_of(const IndexDesc *d, const Value *v)
{
    return (int64_t)type_info(d->hashed_type)->hash(v);
}

Status
hash_derive(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, Arena *arena, Vector **out)
{
    Vector *h;
    int last = -1;
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        if (row > last) last = row;
    }
    TRY_ALLOC(ctx, h, vec_new(arena, TYPE_INT8));
    if (!vec_reserve(arena, h, last + 1)) return RAISE_OOM(ctx);
    vec_reset(h, PHYS_I64);
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        Value v = vec_get(cols[0], row);
        if (v.is_null) vec_set_null(h, row);
        else ((int64_t *)h->data)[row] = hash_of(&index->desc, &v);
    }
    out[0] = h;
    return QN_OK;
}

Status
hash_scan_start(Ctx *ctx, IndexScan *scan, const IndexRange *range, bool backward)
{
    const IndexDesc *d = btree_scan_desc(scan);
    if (range == NULL || range->neq == 0) return btree_scan_start(ctx, scan, range, backward);
    Value hash = {.type = TYPE_INT8, .phys = PHYS_I64, .is_null = range->eq[0].is_null};
    if (!hash.is_null) hash.i64 = hash_of(d, &range->eq[0]);
    IndexRange r = {.neq = 1, .eq = &hash};
    return btree_scan_start(ctx, scan, &r, backward);
}
