/* modtable.c - see modify.h. */
#include "executor/modify.h"

#include "executor/vecutil.h"
#include "storage/tx.h"
#include <assert.h>

Status
modtable_open(ModTable *t, Ctx *ctx, Arena *arena, const Relation *rel)
{
    t->ctx = ctx;
    t->arena = arena;
    t->rel = rel;
    TRY_ALLOC(ctx, t->tmp, arena_create(arena, "modify batch"));
    TRY_ALLOC(ctx, t->conflicts, arena_alloc(arena, BATCH_ROWS * sizeof(Tid)));
    int widest = 1;
    for (int i = 0; i < rel->nindexes; i++) {
        const IndexDef *ix = rel->indexes[i];
        if (ix->ncols > widest) widest = ix->ncols;
        if (ix->predicate != NULL)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "partial indexes are not supported yet");
        for (int k = 0; k < ix->ncols; k++)
            if (ix->attnums[k] == 0)
                return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "indexes on expressions are not supported yet");
    }
    TRY_ALLOC(ctx, t->index_cols, ARENA_ARRAY(arena, Vector *, widest));
    TRY_ALLOC(ctx, t->fk_keys, ARENA_ARRAY(arena, RowStore *, rel->nconstraints + 1));
    for (int i = 0; i < rel->nconstraints; i++) {
        const RelConstraint *c = rel->constraints[i];
        if (c->kind != CONSTRAINT_FOREIGN) continue;
        Oid *types;
        TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, c->nkeys));
        for (int k = 0; k < c->nkeys; k++) types[k] = rel->cols[c->attnums[k] - 1].type;
        TRY(rowstore_new(ctx, arena, c->nkeys, types, (size_t)16 << 20, &t->fk_keys[i]));
    }
    return QN_OK;
}

void
modtable_reset(ModTable *t)
{
    for (int i = 0; t->fk_keys != NULL && i < t->rel->nconstraints; i++)
        if (t->fk_keys[i] != NULL) rowstore_reset(t->fk_keys[i]);
}

void
modtable_close(ModTable *t)
{
    for (int i = 0; t->fk_keys != NULL && i < t->rel->nconstraints; i++) rowstore_free(t->fk_keys[i]);
}

static Status
add_value(Ctx *ctx, StrBuf *b, const Value *v, bool cut)
{
    if (v->is_null) {
        strbuf_addz(b, "null");
        return QN_OK;
    }
    size_t from = b->nbytes;
    TRY(value_out(ctx, b, v));
    if (!cut || b->failed || b->nbytes - from <= 64) return QN_OK;
    size_t n = 64;
    while (n > 0 && ((unsigned char)b->data[from + n] & 0xC0) == 0x80) n--; /* no half characters */
    b->nbytes = from + n;
    strbuf_addz(b, "...");
    return QN_OK;
}

Status
modtable_row_text(ModTable *t, const Batch *rows, int row, const char **out)
{
    StrBuf b = strbuf_new(t->tmp);
    char *text;
    size_t n;
    bool first = true;
    strbuf_addc(&b, '(');
    for (int c = 0; c < t->rel->ncols; c++) {
        if (t->rel->cols[c].dropped) continue;
        if (!first) strbuf_addz(&b, ", ");
        first = false;
        Value v = rows->cols[c] != NULL ? vec_get(rows->cols[c], row) : value_null(t->rel->cols[c].type);
        v.type = t->rel->cols[c].type;
        TRY(add_value(t->ctx, &b, &v, true));
    }
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(t->ctx, &b, &text, &n));
    *out = text;
    return QN_OK;
}

static Status
failing_row(ModTable *t, const Batch *rows, int row, Status code, const char *message)
{
    const char *text;
    TRY(modtable_row_text(t, rows, row, &text));
    Status st = RAISE(t->ctx, code, "%s", message);
    return err_detail(t->ctx, st, "Failing row contains %s.", text);
}

Status
modtable_check_not_null(ModTable *t, const Batch *rows)
{
    int bad_row = -1, bad_col = -1;
    for (int c = 0; c < t->rel->ncols; c++) {
        const Column *col = &t->rel->cols[c];
        const Vector *v = rows->cols[c];
        if (!col->not_null || col->dropped || (v != NULL && v->valid == NULL)) continue;
        for (int k = 0; k < rows->nsel; k++) {
            int i = batch_row(rows, k);
            if (v != NULL && !vec_is_null(v, i)) continue;
            if (bad_row < 0 || i < bad_row) { /* the first row that fails, and its first column */
                bad_row = i;
                bad_col = c;
            }
            break;
        }
    }
    if (bad_row < 0) return QN_OK;
    char *message = arena_printf(t->tmp, "null value in column \"%s\" of relation \"%s\" violates not-null constraint",
                                 t->rel->cols[bad_col].name, t->rel->name);
    if (message == NULL) return RAISE_OOM(t->ctx);
    return failing_row(t, rows, bad_row, ERR_NOT_NULL_VIOLATION, message);
}

Status
modtable_check(ModTable *t, ExprProg **checks, const char *const *names, int n, Batch *rows)
{
    for (int i = 0; i < n; i++) {
        TRY(expr_run(checks[i], rows, rows, rows->sel, rows->nsel, rows->nrows));
        const Vector *v = expr_result(checks[i], 0);
        for (int k = 0; k < rows->nsel; k++) {
            int row = batch_row(rows, k);
            if (vec_is_null(v, row) || ((const uint8_t *)v->data)[vec_index(v, row)] != 0) continue;
            char *message = arena_printf(t->tmp, "new row for relation \"%s\" violates check constraint \"%s\"",
                                         t->rel->name, names[i]);
            if (message == NULL) return RAISE_OOM(t->ctx);
            return failing_row(t, rows, row, ERR_CHECK_VIOLATION, message);
        }
    }
    return QN_OK;
}

Status
modtable_full_row(ModTable *t, const Batch *rows, Batch *out)
{
    for (int c = 0; c < t->rel->ncols; c++) {
        if (rows->cols[c] != NULL) {
            out->cols[c] = rows->cols[c];
            continue;
        }
        Oid type = t->rel->cols[c].type;
        Value null = value_null(type);
        TRY_ALLOC(t->ctx, out->cols[c], vec_new(t->tmp, type));
        if (!vec_reserve(t->tmp, out->cols[c], 1)) return RAISE_OOM(t->ctx);
        vec_set_const(out->cols[c], &null);
    }
    out->nrows = rows->nrows;
    out->nsel = rows->nsel;
    out->sel = rows->sel;
    return QN_OK;
}

/* "(a, b)=(1, x)" of a key. */
static Status
key_text(ModTable *t, const Relation *rel, const int *attnums, Vector *const *cols, int n, int row, const char **out)
{
    StrBuf b = strbuf_new(t->tmp);
    char *text;
    size_t len;
    strbuf_addc(&b, '(');
    for (int k = 0; k < n; k++) strbuf_addf(&b, "%s%s", k > 0 ? ", " : "", rel->cols[attnums[k] - 1].name);
    strbuf_addz(&b, ")=(");
    for (int k = 0; k < n; k++) {
        if (k > 0) strbuf_addz(&b, ", ");
        Value v = vec_get(cols[k], row);
        v.type = rel->cols[attnums[k] - 1].type;
        TRY(add_value(t->ctx, &b, &v, false));
    }
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(t->ctx, &b, &text, &len));
    *out = text;
    return QN_OK;
}

static void
pick_index_cols(ModTable *t, const IndexDef *ix, const Batch *rows)
{
    for (int k = 0; k < ix->ncols; k++) t->index_cols[k] = rows->cols[ix->attnums[k] - 1];
}

Status
modtable_raise_duplicate(ModTable *t, const Batch *rows, int row, int index)
{
    const IndexDef *ix = t->rel->indexes[index];
    const char *key;
    pick_index_cols(t, ix, rows);
    TRY(key_text(t, t->rel, ix->attnums, t->index_cols, ix->nkeys, row, &key));
    Status st = RAISE(t->ctx, ERR_UNIQUE_VIOLATION, "duplicate key value violates unique constraint \"%s\"", ix->name);
    return err_detail(t->ctx, st, "Key %s already exists.", key);
}

Status
modtable_index(ModTable *t, const Batch *rows, const Tid *tids, int *clash_out)
{
    if (clash_out != NULL) *clash_out = -1;
    for (int i = 0; i < t->rel->nindexes && rows->nsel > 0; i++) {
        const IndexDef *ix = t->rel->indexes[i];
        int nconflicts = 0;
        pick_index_cols(t, ix, rows);
        TRY(index_insert_batch(t->ctx, ix->index, t->rel->heap, t->index_cols, rows->sel, rows->nsel, tids,
                               ix->unique ? INDEX_CHECK_UNIQUE : INDEX_CHECK_NONE, t->conflicts, &nconflicts));
        if (nconflicts == 0) continue;
        if (clash_out != NULL) {
            *clash_out = i;
            return QN_OK;
        }
        int k = 0;
        while (t->conflicts[k] == TID_NONE) k++;
        return modtable_raise_duplicate(t, rows, batch_row(rows, k), i);
    }
    return QN_OK;
}

Status
modtable_conflict(ModTable *t, const Batch *rows, int row, int index, Tid *tid_out)
{
    const IndexDef *ix = t->rel->indexes[index];
    uint16_t sel = (uint16_t)row;
    Tid none = TID_NONE, conflict = TID_NONE;
    int n = 0;
    pick_index_cols(t, ix, rows);
    TRY(index_insert_batch(t->ctx, ix->index, t->rel->heap, t->index_cols, &sel, 1, &none, INDEX_CHECK_ONLY, &conflict, &n));
    *tid_out = n > 0 ? conflict : TID_NONE;
    return QN_OK;
}

Status
modtable_note_keys(ModTable *t, const Batch *rows, const uint64_t *changed)
{
    Vector *cols[KEY_MAX_INDEX_COLUMNS];
    uint16_t sel[BATCH_ROWS];
    for (int i = 0; i < t->rel->nconstraints; i++) {
        const RelConstraint *c = t->rel->constraints[i];
        if (t->fk_keys[i] == NULL || !c->validated) continue;
        bool touched = changed == NULL;
        for (int k = 0; k < c->nkeys; k++) {
            cols[k] = rows->cols[c->attnums[k] - 1];
            touched = touched || bits_get(changed, (size_t)(c->attnums[k] - 1));
        }
        if (!touched) continue;
        int n = 0;
        for (int r = 0; r < rows->nsel; r++) {
            int row = batch_row(rows, r), nulls = 0;
            for (int k = 0; k < c->nkeys; k++) nulls += vec_is_null(cols[k], row);
            if (nulls == 0) sel[n++] = (uint16_t)row;
            if (nulls == 0 || nulls == c->nkeys || c->match != 'f') continue;
            Status st = RAISE(t->ctx, ERR_FOREIGN_KEY_VIOLATION,
                              "insert or update on table \"%s\" violates foreign key constraint \"%s\"", t->rel->name, c->name);
            return err_detail(t->ctx, st, "MATCH FULL does not allow mixing of null and nonnull key values.");
        }
        if (n > 0) TRY(rowstore_append_rows(t->fk_keys[i], cols, sel, n, NULL));
    }
    return QN_OK;
}

/* The key columns in the order and with the types of the referenced index; integers of another width are converted. */
static Status
fk_index_cols(ModTable *t, const RelConstraint *c, const IndexDef *ix, Batch *keys, Vector **out)
{
    for (int k = 0; k < ix->nkeys; k++) {
        int at = -1;
        for (int j = 0; j < c->nkeys; j++)
            if (c->ref_attnums[j] == ix->attnums[k]) at = j;
        if (at < 0) return RAISE_INTERNAL(t->ctx, "foreign key \"%s\" does not match its index", c->name);
        Vector *v = keys->cols[at];
        const TypeInfo *want = type_info(ix->types[k]);
        if (v->phys == want->phys || ix->types[k] == TYPE_NUMERIC) {
            out[k] = v;
            continue;
        }
        Vector *w;
        TRY_ALLOC(t->ctx, w, vec_new(t->tmp, ix->types[k]));
        if (!vec_reserve(t->tmp, w, keys->nrows)) return RAISE_OOM(t->ctx);
        for (int i = 0; i < keys->nrows; i++) {
            Value x = vec_get(v, i), y = value_null(ix->types[k]);
            StrBuf b = strbuf_new(t->tmp);
            if (!x.is_null) {
                TRY(value_out(t->ctx, &b, &x));
                TRY(value_in(t->ctx, t->tmp, b.data, b.nbytes, ix->types[k], -1, &y));
            }
            TRY(exec_vec_put(t->ctx, t->tmp, w, i, &y));
        }
        out[k] = w;
    }
    return QN_OK;
}

/* KEY SHARE on the referenced rows. *again_out: one of them has gone meanwhile, or got another key. */
static Status
lock_referenced(ModTable *t, const Relation *ref, const Tid *tids, int n, bool *again_out)
{
    uint8_t results[BATCH_ROWS];
    Tid newer[BATCH_ROWS];
    TRY(heap_lock_rows(t->ctx, ref->heap, tids, n, HEAP_LOCK_KEY_SHARE, HEAP_WAIT, results, newer));
    *again_out = false;
    for (int i = 0; i < n; i++) {
        if (results[i] != HEAP_MOVED && results[i] != HEAP_GONE) continue;
        if (tx_isolation(t->ctx->tx) != TX_READ_COMMITTED) return heap_conflict_error(t->ctx, HEAP_MOVED);
        *again_out = true;
    }
    return QN_OK;
}

static Status
check_one_key(ModTable *t, int constraint)
{
    const RelConstraint *c = t->rel->constraints[constraint];
    RowStore *rows = t->fk_keys[constraint];
    const Relation *ref;
    Vector *cols[KEY_MAX_INDEX_COLUMNS];
    Oid types[KEY_MAX_INDEX_COLUMNS];
    if (rowstore_count(rows) == 0) return QN_OK;
    if (c->ref_rel_oid == t->rel->oid) ref = t->rel;
    else TRY(catalog_relation_by_oid(t->ctx, c->ref_rel_oid, &ref));
    const IndexDef *ix = ref != NULL ? relation_index_by_oid(ref, c->index_oid) : NULL;
    if (ix == NULL) return RAISE_INTERNAL(t->ctx, "foreign key \"%s\" has no index to look in", c->name);
    for (int k = 0; k < c->nkeys; k++) types[k] = t->rel->cols[c->attnums[k] - 1].type;
    Batch *b = exec_batch_new(t->tmp, c->nkeys, types);
    if (b == NULL) return RAISE_OOM(t->ctx);
    Tid none[64] = {0};
    for (int64_t at = 0; at < rowstore_count(rows);) {
        int n, nfound = 0;
        bool again;
        TRY(ctx_check_stop(t->ctx));
        TRY(rowstore_read(rows, at, 64 < BATCH_ROWS ? 64 : BATCH_ROWS, b, &n));
        TRY(fk_index_cols(t, c, ix, b, cols));
        TRY(index_insert_batch(t->ctx, ix->index, ref->heap, cols, NULL, n, none, INDEX_CHECK_KEY, t->conflicts, &nfound));
        for (int i = 0; i < n; i++) {
            if (t->conflicts[i] != TID_NONE) continue;
            const char *key;
            TRY(key_text(t, t->rel, c->attnums, b->cols, c->nkeys, i, &key));
            Status st = RAISE(t->ctx, ERR_FOREIGN_KEY_VIOLATION,
                              "insert or update on table \"%s\" violates foreign key constraint \"%s\"", t->rel->name, c->name);
            return err_detail(t->ctx, st, "Key %s is not present in table \"%s\".", key, ref->name);
        }
        TRY(lock_referenced(t, ref, t->conflicts, n, &again));
        if (!again) at += n;
    }
    rowstore_reset(rows);
    return QN_OK;
}

Status
modtable_check_keys(ModTable *t)
{
    for (int i = 0; i < t->rel->nconstraints; i++)
        if (t->fk_keys[i] != NULL) TRY(check_one_key(t, i));
    return QN_OK;
}
