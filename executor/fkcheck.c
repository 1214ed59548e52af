/* fkcheck.c - the referencing side of foreign keys: is there a row with the key? It is locked against losing the key (KEY SHARE) to the end of the
 * transaction. */
#include "common/array.h"
#include "executor/constraints.h"
#include "executor/keys.h"
#include "executor/modify.h"
#include "executor/vecutil.h"
#include "storage/lock.h"
#include "storage/tx.h"

typedef struct FkCheck {
    Ctx *ctx;
    Arena *arena, *tmp;       /* of the whole, of a batch */
    const Relation *rel, *ref;
    const RelConstraint *c;
    const IndexDef *ix;       /* of ref */
    FkTarget *targets;
    int ntargets;
    Vector *cols[KEY_MAX_INDEX_COLUMNS]; /* keys as the index has them */
    bool *is_other;           /* by row: no value of the index's type is equal to it */
    Tid *found;               /* by row of the selection asked */
    uint16_t *sel;
    HeapFetch *fetch;         /* deferred: rows as they are now */
} FkCheck;

static Status
raise(FkCheck *f, const char *format, const char *key)
{
    Status st = RAISE(f->ctx, ERR_FOREIGN_KEY_VIOLATION, "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
                      f->rel->name, f->c->name);
    return key == NULL ? err_detail(f->ctx, st, "%s", format) : err_detail(f->ctx, st, format, key, f->ref->name);
}

/* ---- keys as the index has them ---- */

static bool
is_int(Phys phys)
{
    return phys == PHYS_I16 || phys == PHYS_I32 || phys == PHYS_I64;
}

/* Integers by value. */
static void
convert_int(const Value *from, Phys phys, Value *to, bool *is_other)
{
    int64_t v = from->phys == PHYS_I16 ? from->i16 : from->phys == PHYS_I32 ? from->i32 : from->i64;
    to->is_null = false;
    to->phys = (uint8_t)phys;
    if (phys == PHYS_I64) to->i64 = v;
    else if (phys == PHYS_I32) to->i32 = (int32_t)v;
    else to->i16 = (int16_t)v;
    *is_other = phys == PHYS_I32 ? v != (int32_t)v : phys == PHYS_I16 && v != (int16_t)v;
}

/* A value of another type as the index's type, by text and back: what does not come back as it was has no equal there. */
static Status
convert_text(FkCheck *f, const Value *from, Oid type, Value *to, bool *is_other)
{
    Ctx *ctx = f->ctx;
    StrBuf b = strbuf_new(f->tmp), again = strbuf_new(f->tmp);
    Value back;
    TRY(value_out(ctx, &b, from));
    if (b.failed) return RAISE_OOM(ctx);
    *is_other = true;
    Status st = value_in(ctx, f->tmp, b.data, b.nbytes, type, -1, to);
    if (st == QN_OK) st = value_out(ctx, &again, to);
    if (st == QN_OK) st = value_in(ctx, f->tmp, again.data, again.nbytes, from->type, -1, &back);
    if (st == ERR_OUT_OF_MEMORY) return st;
    if (st != QN_OK) {
        err_clear(&ctx->err); /* out of its range */
        *to = value_null(type);
        return QN_OK;
    }
    *is_other = !keys_equal_values(&back, from);
    return QN_OK;
}

static Status
convert_column(FkCheck *f, Vector *v, Oid type, int nrows, Vector **out)
{
    Vector *w;
    Phys have = (Phys)type_info(v->type)->phys, want = (Phys)type_info(type)->phys;
    *out = v;
    if (v->type == type || (have == PHYS_STR && want == PHYS_STR && type != TYPE_NUMERIC)) return QN_OK;
    /* numeric takes integers of 64 bits as they are */
    bool by_value = is_int(have) && (is_int(want) || type == TYPE_NUMERIC);
    TRY_ALLOC(f->ctx, w, vec_new(f->tmp, type));
    if (!vec_reserve(f->tmp, w, nrows)) return RAISE_OOM(f->ctx);
    for (int i = 0; i < nrows; i++) {
        Value x = vec_get(v, i), y = value_null(type);
        bool is_other = false;
        x.type = v->type;
        if (!x.is_null && by_value) convert_int(&x, type == TYPE_NUMERIC ? PHYS_I64 : want, &y, &is_other);
        else if (!x.is_null) TRY(convert_text(f, &x, type, &y, &is_other));
        f->is_other[i] |= is_other;
        TRY(exec_vec_put(f->ctx, f->tmp, w, i, &y));
    }
    *out = w;
    return QN_OK;
}

static Status
index_columns(FkCheck *f, Vector *const *keys, int nrows)
{
    const RelConstraint *c = f->c;
    memset(f->is_other, 0, BATCH_ROWS * sizeof(bool));
    for (int k = 0; k < f->ix->nkeys; k++) {
        int at = -1;
        for (int j = 0; j < c->nkeys; j++)
            if (c->ref_attnums[j] == f->ix->attnums[k]) at = j;
        if (at < 0) return RAISE_INTERNAL(f->ctx, "foreign key \"%s\" does not match its index", c->name);
        TRY(convert_column(f, keys[at], f->ix->types[k], nrows, &f->cols[k]));
    }
    return QN_OK;
}

/* ---- looking ---- */

/* Does the transaction's snapshot see a row with the key in this table? */
static Status
sees_key(FkCheck *f, const FkTarget *t, const Value *key, bool *out)
{
    Ctx *ctx = f->ctx;
    IndexScan *scan = NULL;
    HeapFetch *fetch = NULL;
    IndexScanSpec spec = {0};
    IndexRange range = {.neq = t->ix->nkeys, .eq = key};
    uint16_t rows_out[BATCH_ROWS];
    int column = 0;
    Status st;
    TRY_GOTO(index_scan_begin(ctx, f->tmp, t->ix->index, &spec, &scan));
    TRY_GOTO(heap_fetch_begin(ctx, f->tmp, t->rel->heap, &column, 1, &fetch));
    TRY_GOTO(index_scan_start(ctx, scan, &range, false));
    for (*out = false; !*out;) {
        IndexBatch found;
        Batch *rows;
        TRY_GOTO(index_scan_next(ctx, scan, BATCH_ROWS, &found));
        if (found.n == 0) break;
        TRY_GOTO(heap_fetch(ctx, fetch, ctx->snapshot, found.tids, found.n, &rows, rows_out, NULL));
        *out = rows->nrows > 0;
    }
done:
    if (fetch != NULL) heap_fetch_end(fetch);
    index_scan_end(scan);
    return st;
}

static Status
row_key_is_seen(FkCheck *f, const FkTarget *t, int row, bool *out)
{
    Value values[KEY_MAX_INDEX_COLUMNS];
    for (int k = 0; k < f->ix->nkeys; k++) values[k] = vec_get(f->cols[k], row);
    return sees_key(f, t, values, out);
}

/* Above READ COMMITTED a key that only others see does not count, as in PostgreSQL: but in partitioned tables. */
static Status
counts(FkCheck *f, const FkTarget *t, int row, Tid found, bool *out)
{
    bool unseen = false;
    *out = true;
    if (tx_isolation(f->ctx->tx) == TX_READ_COMMITTED || f->ref->kind == RELKIND_PARTITIONED) return QN_OK;
    TRY(heap_row_is_unseen(f->ctx, t->rel->heap, found, &unseen));
    return unseen ? row_key_is_seen(f, t, row, out) : QN_OK; /* a newer version of a row it sees */
}

/* Above READ COMMITTED a row that is there for the transaction and has gone for everybody else is no violation but a conflict. */
static Status
not_present(FkCheck *f, Vector *const *keys, int row)
{
    const char *key;
    bool seen = false;
    if (tx_isolation(f->ctx->tx) != TX_READ_COMMITTED && !f->is_other[row])
        for (int i = 0; i < f->ntargets && !seen; i++) TRY(row_key_is_seen(f, &f->targets[i], row, &seen));
    if (seen) return heap_conflict_error(f->ctx, HEAP_GONE);
    TRY(modify_key_text(f->ctx, f->tmp, f->rel, f->c->attnums, keys, f->c->nkeys, row, &key));
    return raise(f, "Key %s is not present in table \"%s\".", key);
}

/* Rows of sel (n of them) that have a whole key stay in it. 23503 for half a key where the constraint says MATCH FULL. */
static Status
drop_partial(FkCheck *f, Vector *const *keys, uint16_t *sel, int *n)
{
    int m = 0;
    for (int r = 0; r < *n; r++) {
        int nulls = 0;
        for (int k = 0; k < f->c->nkeys; k++) nulls += vec_is_null(keys[k], sel[r]);
        if (nulls > 0 && nulls < f->c->nkeys && f->c->match == 'f')
            return raise(f, "MATCH FULL does not allow mixing of null and nonnull key values.", NULL);
        if (nulls == 0) sel[m++] = sel[r];
    }
    *n = m;
    return QN_OK;
}

/* Locks the rows found. A row that somebody has taken away or moved meanwhile is looked for again: those keys stay in sel. */
static Status
lock_found(FkCheck *f, const FkTarget *t, uint16_t *sel, int *n)
{
    uint8_t results[BATCH_ROWS];
    Tid newer[BATCH_ROWS];
    int again = 0;
    TRY(heap_lock_rows(f->ctx, t->rel->heap, f->found, *n, HEAP_LOCK_KEY_SHARE, HEAP_WAIT, results, newer));
    for (int r = 0; r < *n; r++) {
        HeapResult result = (HeapResult)results[r];
        if (result == HEAP_DONE || result == HEAP_SELF) continue;
        if (tx_isolation(f->ctx->tx) != TX_READ_COMMITTED) return heap_conflict_error(f->ctx, result);
        if (result == HEAP_LEFT) return heap_left_error(f->ctx, "locked");
        sel[again++] = sel[r];
    }
    *n = again;
    return QN_OK;
}

/* Rows of sel whose keys the table does not have stay in it. */
static Status
look_in(FkCheck *f, const FkTarget *t, uint16_t *sel, int *n)
{
    uint16_t missing[BATCH_ROWS];
    int nmissing = 0;
    while (*n > 0) {
        int nfound = 0, m = 0;
        TRY(ctx_check_stop(f->ctx));
        memset(f->found, 0, (size_t)*n * sizeof(Tid));
        TRY(index_insert_batch(f->ctx, t->ix->index, t->rel->heap, f->cols, sel, *n, NULL, INDEX_CHECK_KEY, f->found, &nfound));
        index_count(t->ix->index, *n, nfound, nfound);
        for (int r = 0; r < *n; r++) {
            bool is_there = f->found[r] != TID_NONE;
            if (is_there) TRY(counts(f, t, sel[r], f->found[r], &is_there));
            if (!is_there) {
                missing[nmissing++] = sel[r];
                continue;
            }
            f->found[m] = f->found[r];
            sel[m++] = sel[r];
        }
        *n = m;
        if (m > 0) TRY(lock_found(f, t, sel, n));
    }
    memcpy(sel, missing, (size_t)nmissing * sizeof(*sel));
    *n = nmissing;
    return QN_OK;
}

/* Rows sel[0..n) of the key columns must be there. */
static Status
check_keys(FkCheck *f, Vector *const *keys, int nrows, uint16_t *sel, int n)
{
    TRY(drop_partial(f, keys, sel, &n));
    TRY(index_columns(f, keys, nrows));
    for (int r = 0; r < n; r++)
        if (f->is_other[sel[r]]) return not_present(f, keys, sel[r]);
    for (int i = 0; i < f->ntargets && n > 0; i++) TRY(look_in(f, &f->targets[i], sel, &n));
    return n > 0 ? not_present(f, keys, sel[0]) : QN_OK;
}

/* Rows noted in statements before: those that are still there, as they are now. */
static Status
check_current(FkCheck *f, const Vector *tids, int n)
{
    uint16_t rows_out[BATCH_ROWS];
    Batch *now;
    if (f->fetch == NULL) {
        int *attrs;
        TRY_ALLOC(f->ctx, attrs, ARENA_ARRAY(f->arena, int, f->c->nkeys));
        for (int k = 0; k < f->c->nkeys; k++) attrs[k] = f->c->attnums[k] - 1;
        TRY(heap_fetch_begin(f->ctx, f->arena, f->rel->heap, attrs, f->c->nkeys, &f->fetch));
    }
    TRY(heap_fetch(f->ctx, f->fetch, f->ctx->snapshot, (const Tid *)tids->data, n, &now, rows_out, NULL));
    for (int i = 0; i < now->nrows; i++) f->sel[i] = (uint16_t)i;
    return check_keys(f, now->cols, now->nrows, f->sel, now->nrows);
}

/* The partition's part of a partitioned index. */
static const IndexDef *
index_part(const Relation *part, Oid index_oid)
{
    for (int i = 0; i < part->nindexes; i++)
        if (part->indexes[i]->parent_index == index_oid) return part->indexes[i];
    return NULL;
}

Status
fk_targets(Ctx *ctx, Arena *arena, const Relation *ref, Oid index_oid, FkTarget **out, int *n_out)
{
    ARRAY(FkTarget) list = {0};
    FkTarget root = {ref, relation_index_by_oid(ref, index_oid)};
    int n = 0;
    TRY(array_push(ctx, arena, &list, root));
    for (int i = 0; i < list.count; i++) {
        const FkTarget t = list.items[i];
        if (t.ix == NULL) return RAISE_INTERNAL(ctx, "foreign key has no index to look in on \"%s\"", t.rel->name);
        if (t.rel->kind != RELKIND_PARTITIONED) {
            list.items[n++] = t;
            continue;
        }
        for (int k = 0; k < t.rel->nchildren; k++) {
            FkTarget part;
            Oid oid = t.rel->children[k]->child_oid;
            uint64_t detach = t.rel->children[k]->detach_xid;
            if (detach != 0 && tx_sees(ctx, detach)) continue;
            TRY(lock_relation(ctx, oid, LOCK_ROW_SHARE, LOCK_WAIT, NULL));
            TRY(catalog_relation_by_oid(ctx, oid, &part.rel));
            if (part.rel == NULL) continue;
            part.ix = index_part(part.rel, t.ix->oid);
            TRY(array_push(ctx, arena, &list, part));
        }
    }
    *out = list.items;
    *n_out = n;
    return QN_OK;
}

static Status
open_referenced(FkCheck *f)
{
    Ctx *ctx = f->ctx;
    TRY(lock_relation(ctx, f->c->ref_rel_oid, LOCK_ROW_SHARE, LOCK_WAIT, NULL));
    if (f->c->ref_rel_oid == f->rel->oid) f->ref = f->rel;
    else TRY(catalog_relation_by_oid(ctx, f->c->ref_rel_oid, &f->ref));
    f->ix = f->ref != NULL ? relation_index_by_oid(f->ref, f->c->index_oid) : NULL;
    if (f->ix == NULL) return RAISE_INTERNAL(ctx, "foreign key \"%s\" has no index to look in", f->c->name);
    return fk_targets(ctx, f->arena, f->ref, f->c->index_oid, &f->targets, &f->ntargets);
}

Status
fk_check_due(Ctx *ctx, Arena *arena, const Due *due, bool deferred)
{
    FkCheck f = {.ctx = ctx, .arena = arena, .rel = due->rel, .c = due->c};
    const int nkeys = due->c->nkeys;
    Oid types[KEY_MAX_INDEX_COLUMNS + 1];
    Batch *b;
    Status st = QN_OK;
    for (int k = 0; k < nkeys; k++) types[k] = due->rel->cols[due->c->attnums[k] - 1].type;
    types[nkeys] = TYPE_INT8;
    TRY(open_referenced(&f));
    TRY_ALLOC(ctx, f.tmp, arena_create(arena, "keys"));
    TRY_ALLOC(ctx, f.is_other, arena_alloc(arena, BATCH_ROWS * sizeof(bool)));
    TRY_ALLOC(ctx, f.found, arena_alloc(arena, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(ctx, f.sel, arena_alloc(arena, BATCH_ROWS * sizeof(uint16_t)));
    TRY_ALLOC(ctx, b, exec_batch_new(arena, nkeys + 1, types));
    for (int64_t at = 0; at < rowstore_count(due->rows);) {
        int n;
        TRY_GOTO(rowstore_read(due->rows, at, BATCH_ROWS, b, &n));
        at += n;
        arena_reset(f.tmp);
        for (int i = 0; i < n; i++) f.sel[i] = (uint16_t)i;
        TRY_GOTO(deferred ? check_current(&f, b->cols[nkeys], n) : check_keys(&f, b->cols, n, f.sel, n));
    }
done:
    if (f.fetch != NULL) heap_fetch_end(f.fetch);
    return st;
}
