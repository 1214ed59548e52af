/* index.c - what all kinds of index share: dispatch, and the form of keys and payloads.
 *
 * Payload, for each column that has one (key columns whose key does not give the value back, then
 * INCLUDE columns): 0 for NULL, else 1 and the value: its bytes, or u32 length and bytes. */
#include "storage/index.h"

#include "storage/btree.h"
#include "storage/db.h"
#include "storage/extent.h"
#include "storage/gin.h"
#include "storage/hash.h"
#include "storage/ssi.h"
#include "storage/tablestats.h"

static const IndexKindInfo kinds[INDEX_KIND_COUNT] = {
#define INDEX_KIND(sym, oid, name, ops, ordered, unique, multicolumn, include, returns, nulls, by_op)                                 \
    [INDEX_##sym] = {INDEX_##sym, oid, name, &ops, ordered, unique, multicolumn, include, returns, nulls, by_op},
#include "storage/indexkinds.def"
#undef INDEX_KIND
};

const IndexKindInfo *
index_kind_info(IndexKind kind)
{
    return &kinds[kind];
}

const IndexKindInfo *
index_kind_find(const char *name)
{
    for (int i = 0; i < INDEX_KIND_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    return NULL;
}

Status
index_open(Ctx *ctx, Arena *arena, const IndexDesc *desc, Index **index_out)
{
    Index *index;
    if (desc->kind >= INDEX_KIND_COUNT)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     "access method of index \"%s\" is not supported yet", desc->name);
    const IndexOps *ops = kinds[desc->kind].ops;
    TRY_ALLOC(ctx, index, arena_zalloc(arena, ops->handle_bytes));
    index->ops = ops;
    index->desc = *desc;
    index->has_payload = index_has_payload(desc);
    key_format_init(&index->format, desc->keys, desc->nkeys);
    TRY(table_stats_open(ctx, desc->relid, &index->stats));
    Status st = ops->open(ctx, index);
    if (st != QN_OK) {
        table_stats_close(ctx, index->stats);
        return st;
    }
    *index_out = index;
    return QN_OK;
}

void
index_close(Ctx *ctx, Index *index)
{
    if (index == NULL) return;
    index->ops->close(ctx, index);
    table_stats_close(ctx, index->stats);
}

TableStats *
index_table_stats(const Index *index)
{
    return index->stats;
}

void
index_count(Index *index, int64_t scans, int64_t entries, int64_t rows)
{
    TableStats *s = index->stats;
    if (scans != 0) stats_add(&s->index_scans, scans);
    if (entries != 0) stats_add(&s->index_entries, entries);
    if (rows != 0) stats_add(&s->index_rows, rows);
}

const IndexDesc *
index_desc(const Index *index)
{
    return &index->desc;
}

Status
index_create(Ctx *ctx, Oid relid, IndexKind kind, uint32_t *root_page_out)
{
    if (kind >= INDEX_KIND_COUNT)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "access method is not supported yet");
    return kinds[kind].ops->create(ctx, relid, root_page_out);
}

Status
index_drop(Ctx *ctx, Index *index, Oid table)
{
    ssi_move_locks(ctx, index->desc.relid, table);
    return rel_drop(ctx, index->desc.root_page);
}

/* ---- payloads ---- */

static inline bool
has_payload(const IndexDesc *d, int col)
{
    return col >= d->nkeys || !d->keys[col].reversible;
}

static Status
add_payload(Ctx *ctx, const IndexDesc *d, int col, const Value *v, StrBuf *b)
{
    const uint8_t phys = d->phys[col];
    char byte = v->is_null ? 0 : 1;
    strbuf_addc(b, byte);
    if (v->is_null) return QN_OK;
    if (d->types[col] == TYPE_NUMERIC &&
        (v->phys != phys || (phys != PHYS_STR && v->scale != d->scales[col]))) {
        Value copy = *v;
        if (phys == PHYS_STR) {
            TRY(key_numeric_str(ctx, b->arena, v->phys == PHYS_I64 ? v->i64 : v->i128, v->scale,
                                false, &copy.str));
        } else {
            int128 u;
            bool nan;
            TRY(key_numeric_to_scale(ctx, v, phys == PHYS_I128, d->scales[col], &u, &nan));
            if (phys == PHYS_I128)
                copy.i128 = nan ? INT128_MIN : u;
            else
                copy.i64 = nan ? INT64_MIN : (int64_t)u;
        }
        copy.phys = phys;
        copy.scale = d->scales[col];
        b->nbytes--;
        return add_payload(ctx, d, col, &copy, b);
    }
    if (phys == PHYS_STR) {
        strbuf_add(b, (const char *)&v->str.len, sizeof(v->str.len));
        strbuf_add(b, str_data(&v->str), v->str.len);
    } else {
        strbuf_add(b, (const char *)&v->b, phys_width[phys]);
    }
    return QN_OK;
}

/* Payloads of all rows into out, through its scratch buffer. */
static Status
form_payloads(Ctx *ctx, const IndexDesc *d, Vector *const *cols, const uint16_t *sel, int n,
              KeyRows *out)
{
    if (out->offsets == NULL || n > out->rows_cap) {
        TRY_ALLOC(ctx, out->offsets, arena_alloc(out->arena, sizeof(uint32_t) * ((size_t)n + 1)));
        TRY_ALLOC(ctx, out->cursors, arena_alloc(out->arena, sizeof(uint32_t) * ((size_t)n + 1)));
        out->starts = NULL;
        out->rows_cap = n;
    }
    StrBuf *b = &out->scratch;
    b->arena = out->arena;
    strbuf_reset(b);
    out->n = n;
    for (int i = 0; i < n; i++) {
        out->offsets[i] = (uint32_t)b->nbytes;
        for (int c = 0; c < d->ncols; c++) {
            if (!has_payload(d, c)) continue;
            Value v = vec_get(cols[c], sel != NULL ? sel[i] : i);
            TRY(add_payload(ctx, d, c, &v, b));
        }
    }
    out->offsets[n] = (uint32_t)b->nbytes;
    if (b->failed) return RAISE_OOM(ctx);
    out->data = (uint8_t *)b->data;
    out->data_cap = 0; /* the scratch buffer's */
    return QN_OK;
}

Status
index_form_entries(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n,
                   KeyRows *keys, KeyRows *payloads, uint64_t *null_keys)
{
    Vector *derived[KEY_MAX_INDEX_COLUMNS];
    Arena *arena;
    if (index->ops->derive == NULL) return index_form_scanned(ctx, index, cols, sel, n, keys, payloads, null_keys);
    TRY_ALLOC(ctx, arena, arena_create(NULL, "index columns"));
    Status st = index->ops->derive(ctx, index, cols, sel, n, arena, derived);
    if (st == QN_OK) st = index_form_scanned(ctx, index, derived, sel, n, keys, payloads, null_keys);
    arena_destroy(arena);
    return st;
}

Status
index_form_scanned(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, KeyRows *keys,
                   KeyRows *payloads, uint64_t *null_keys)
{
    const IndexDesc *d = &index->desc;
    TRY(key_encode(ctx, &index->format, cols, sel, n, keys));
    if (index->has_payload && payloads != NULL) TRY(form_payloads(ctx, d, cols, sel, n, payloads));
    if (null_keys == NULL) return QN_OK;
    bits_fill(null_keys, (size_t)n, false);
    for (int c = 0; c < d->nkeys; c++) {
        if (cols[c]->valid == NULL) continue;
        for (int i = 0; i < n; i++)
            if (vec_is_null(cols[c], sel != NULL ? sel[i] : i)) bits_set(null_keys, (size_t)i);
    }
    return QN_OK;
}

/* Reads one value at *p; returns false when it is NULL. */
static bool
read_payload(const IndexDesc *d, int col, const uint8_t **p, Value *out)
{
    const uint8_t phys = d->phys[col];
    memset(out, 0, sizeof(*out));
    out->type = d->types[col];
    out->phys = phys;
    out->scale = d->scales[col];
    if (*(*p)++ == 0) return false;
    if (phys == PHYS_STR) {
        uint32_t nbytes;
        memcpy(&nbytes, *p, sizeof(nbytes));
        out->str = str_make((const char *)*p + sizeof(nbytes), nbytes);
        *p += sizeof(nbytes) + nbytes;
    } else {
        memcpy(&out->b, *p, phys_width[phys]);
        *p += phys_width[phys];
    }
    return true;
}

static bool
is_nan(const Value *v)
{
    return v->type == TYPE_NUMERIC && ((v->phys == PHYS_I64 && v->i64 == INT64_MIN) ||
                                       (v->phys == PHYS_I128 && v->i128 == INT128_MIN));
}

Status
index_decode_payloads(Ctx *ctx, const IndexDesc *d, const uint8_t *const *payloads, int n,
                      Vector **cols, Arena *arena)
{
    const uint8_t *at[BATCH_ROWS];
    Value v;
    memcpy(at, payloads, sizeof(at[0]) * (size_t)n);
    for (int c = 0; c < d->ncols; c++) {
        if (!has_payload(d, c)) continue;
        bool nan = false;
        for (int i = 0; i < n && cols[c] != NULL; i++) {
            const uint8_t *p = at[i];
            nan |= read_payload(d, c, &p, &v) && is_nan(&v);
        }
        if (cols[c] != NULL) {
            vec_reset(cols[c], nan ? PHYS_STR : (Phys)d->phys[c]);
            cols[c]->scale = nan ? 0 : d->scales[c];
        }
        for (int i = 0; i < n; i++) {
            bool there = read_payload(d, c, &at[i], &v);
            if (cols[c] == NULL) continue;
            if (!there) {
                vec_set_null(cols[c], i);
                if (cols[c]->phys == PHYS_STR) memset((Str *)cols[c]->data + i, 0, sizeof(Str));
                continue;
            }
            if (nan && v.phys != PHYS_STR) {
                int128 u = v.phys == PHYS_I64 ? v.i64 : v.i128;
                TRY(key_numeric_str(ctx, arena, u, v.scale, is_nan(&v), &v.str));
            }
            memcpy((char *)cols[c]->data + phys_width[cols[c]->phys] * (size_t)i, &v.b,
                   phys_width[cols[c]->phys]);
        }
    }
    return QN_OK;
}

/* ---- dispatch ---- */

bool
index_splits_rows(const Index *index)
{
    return index->ops->split != NULL;
}

Status
index_split_rows(Ctx *ctx, const Index *index, Vector *const *cols, const uint16_t *sel, int n, KeyRows *keys,
                 uint32_t **rows_out)
{
    return index->ops->split(ctx, index, cols, sel, n, keys, rows_out);
}

/* As index_insert_batch, where a row may have any number of entries. */
static Status
insert_split(Ctx *ctx, Index *index, Vector *const *cols, const uint16_t *sel, int n, const IndexTid *tids)
{
    Arena *arena;
    IndexTid *of_entries;
    uint32_t *rows;
    Status st;
    TRY_ALLOC(ctx, arena, arena_create(NULL, "index entries"));
    KeyRows keys = key_rows_new(arena);
    TRY_GOTO(index_split_rows(ctx, index, cols, sel, n, &keys, &rows));
    TRY_ALLOC_GOTO(ctx, of_entries, ARENA_ARRAY(arena, IndexTid, keys.n + 1));
    for (int i = 0; i < keys.n; i++) of_entries[i] = tids[rows[i]];
    st = index->ops->insert(ctx, index, NULL, &keys, NULL, NULL, of_entries, INDEX_CHECK_NONE, NULL, NULL);
done:
    arena_destroy(arena);
    return st;
}

Status
index_insert_batch(Ctx *ctx, Index *index, Heap *heap, Vector *const *cols, const uint16_t *sel,
                   int n, const IndexTid *tids, IndexCheck check, IndexTid *conflicts,
                   int *nconflicts_out)
{
    uint64_t null_keys[BITS_WORDS(BATCH_ROWS)];
    int total = 0;
    Arena *arena;
    Status st = QN_OK;
    if (index_splits_rows(index) && check == INDEX_CHECK_NONE) return insert_split(ctx, index, cols, sel, n, tids);
    TRY(db_scratch(ctx, &arena));
    KeyRows keys = key_rows_new(arena), payloads = key_rows_new(arena);
    for (int from = 0; from < n; from += BATCH_ROWS) {
        int m = n - from < BATCH_ROWS ? n - from : BATCH_ROWS, k = 0;
        TRY_GOTO(index_form_entries(ctx, index, cols, sel != NULL ? sel + from : NULL, m, &keys,
                                    &payloads, null_keys));
        TRY_GOTO(index->ops->insert(ctx, index, heap, &keys, index->has_payload ? &payloads : NULL,
                                    null_keys, tids != NULL ? tids + from : NULL, check,
                                    conflicts != NULL ? conflicts + from : NULL, &k));
        total += k;
    }
    if (nconflicts_out != NULL) *nconflicts_out = total;
done:
    arena_reset(arena);
    return st;
}

Status
index_build_begin(Ctx *ctx, Arena *arena, Index *index, int fillfactor, IndexBuild **build_out)
{
    return index->ops->build_begin(ctx, arena, index, fillfactor, build_out);
}

Status
index_build_add(Ctx *ctx, Index *index, IndexBuild *build, const uint8_t *key, uint32_t key_bytes,
                IndexTid tid, const uint8_t *payload, uint32_t payload_bytes, IndexTid *dup_out)
{
    return index->ops->build_add(ctx, build, key, key_bytes, tid, payload, payload_bytes, dup_out);
}

Status
index_build_finish(Ctx *ctx, Index *index, IndexBuild *build)
{
    return index->ops->build_finish(ctx, build);
}

void
index_build_end(Index *index, IndexBuild *build)
{
    index->ops->build_end(build);
}

Status
index_scan_begin(Ctx *ctx, Arena *arena, Index *index, const IndexScanSpec *spec,
                 IndexScan **scan_out)
{
    return index->ops->scan_begin(ctx, arena, index, spec, scan_out);
}

Status
index_stats(Ctx *ctx, Index *index, IndexStats *out)
{
    return index->ops->stats(ctx, index, out);
}

Status
index_bulk_delete(Ctx *ctx, Index *index, IndexTidIsDead is_dead, void *arg, uint64_t *removed_out)
{
    return index->ops->bulk_delete(ctx, index, is_dead, arg, removed_out);
}

Status
index_truncate(Ctx *ctx, Index *index, uint32_t *npages_out)
{
    return index->ops->truncate(ctx, index, npages_out);
}

Status
index_check(Ctx *ctx, Index *index, uint64_t *entries_out)
{
    return index->ops->check(ctx, index, entries_out);
}
