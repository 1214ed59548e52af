/* modtable.c - see modify.h. */
#include "executor/modify.h"

#include "catalog/define.h"
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
    TRY_ALLOC(ctx, t->forms, ARENA_ARRAY(arena, IndexForm *, rel->nindexes + 1));
    TRY_ALLOC(ctx, t->form_tids, arena_alloc(arena, BATCH_ROWS * sizeof(Tid)));
    int widest = 1;
    for (int i = 0; i < rel->nindexes; i++) {
        if (rel->indexes[i]->ncols > widest) widest = rel->indexes[i]->ncols;
        if (!index_is_plain(rel->indexes[i])) TRY(indexform_open(ctx, arena, rel, rel->indexes[i], &t->forms[i]));
    }
    TRY_ALLOC(ctx, t->index_cols, ARENA_ARRAY(arena, Vector *, widest));
    return QN_OK;
}

void
modtable_close(ModTable *t)
{
    for (int i = 0; t->forms != NULL && i < t->rel->nindexes; i++) indexform_close(t->forms[i]);
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
modtable_check(ModTable *t, ExprProg **checks, const char *const *names, int n, int nview, Batch *rows)
{
    for (int i = 0; i < n; i++) {
        TRY(expr_run(checks[i], rows, rows, rows->sel, rows->nsel, rows->nrows));
        const Vector *v = expr_result(checks[i], 0);
        for (int k = 0; k < rows->nsel; k++) {
            int row = batch_row(rows, k);
            if (vec_is_null(v, row) || ((const uint8_t *)v->data)[vec_index(v, row)] != 0) continue;
            bool of_view = i >= n - nview;
            char *message = of_view ? arena_printf(t->tmp, "new row violates check option for view \"%s\"", names[i])
                                    : arena_printf(t->tmp, "new row for relation \"%s\" violates check constraint \"%s\"",
                                                   t->rel->name, names[i]);
            if (message == NULL) return RAISE_OOM(t->ctx);
            return failing_row(t, rows, row, of_view ? ERR_WITH_CHECK_OPTION_VIOLATION : ERR_CHECK_VIOLATION, message);
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

/* "=(1, x)" behind the names; values that are no column's own say their type themselves. */
static Status
add_key_values(Ctx *ctx, StrBuf *b, const Oid *types, Vector *const *cols, int n, int row)
{
    strbuf_addz(b, "=(");
    for (int k = 0; k < n; k++) {
        if (k > 0) strbuf_addz(b, ", ");
        Value v = vec_get(cols[k], row);
        v.type = types[k];
        TRY(add_value(ctx, b, &v, false));
    }
    strbuf_addc(b, ')');
    return QN_OK;
}

Status
modify_key_text(Ctx *ctx, Arena *arena, const Relation *rel, const int *attnums, Vector *const *cols, int n, int row, const char **out)
{
    StrBuf b = strbuf_new(arena);
    Oid types[KEY_MAX_INDEX_COLUMNS];
    char *text;
    strbuf_addc(&b, '(');
    for (int k = 0; k < n; k++) {
        strbuf_addf(&b, "%s%s", k > 0 ? ", " : "", rel->cols[attnums[k] - 1].name);
        types[k] = rel->cols[attnums[k] - 1].type;
    }
    strbuf_addc(&b, ')');
    TRY(add_key_values(ctx, &b, types, cols, n, row));
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

Status
modify_index_key_text(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *ix, Vector *const *cols, int row, const char **out)
{
    StrBuf b = strbuf_new(arena);
    char *text;
    define_key_columns(&b, rel, ix);
    TRY(add_key_values(ctx, &b, ix->types, cols, ix->nkeys, row));
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

Status
modify_raise_duplicate(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *ix, Vector *const *cols, int row)
{
    const char *key;
    TRY(modify_index_key_text(ctx, arena, rel, ix, cols, row, &key));
    Status st = RAISE(ctx, ERR_UNIQUE_VIOLATION, "duplicate key value violates unique constraint \"%s\"", ix->name);
    return err_detail(ctx, st, "Key %s already exists.", key);
}

/* What an index has of a batch of rows. */
typedef struct Entries {
    Vector *const *cols;
    const uint16_t *sel;
    int n;
    const Tid *tids; /* of the selected rows; NULL where none were given */
} Entries;

static inline int
entry_row(const Entries *e, int i)
{
    return e->sel != NULL ? e->sel[i] : i;
}

/* The tids of the rows that are left of the batch's. */
static const Tid *
left_tids(ModTable *t, const Batch *rows, const IndexForm *f, const Tid *tids)
{
    if (f->n == rows->nsel || tids == NULL) return tids;
    for (int i = 0, k = 0; i < f->n; k++)
        if (batch_row(rows, k) == indexform_row(f, i)) t->form_tids[i++] = tids[k];
    return t->form_tids;
}

static Status
pick_entries(ModTable *t, int index, Batch *rows, const Tid *tids, Entries *out)
{
    const IndexDef *ix = t->rel->indexes[index];
    IndexForm *f = t->forms[index];
    if (f == NULL) {
        for (int k = 0; k < ix->ncols; k++) t->index_cols[k] = rows->cols[ix->attnums[k] - 1];
        *out = (Entries){t->index_cols, rows->sel, rows->nsel, tids};
        return QN_OK;
    }
    TRY(indexform_rows(f, rows));
    *out = (Entries){f->cols, f->sel, f->n, left_tids(t, rows, f, tids)};
    return QN_OK;
}

Status
modtable_raise_duplicate(ModTable *t, Batch *rows, int row, int index)
{
    Entries e;
    TRY(pick_entries(t, index, rows, NULL, &e));
    return modify_raise_duplicate(t->ctx, t->tmp, t->rel, t->rel->indexes[index], e.cols, row);
}

/* Rows whose key was taken, or may be, when they got their entries in an index that leaves the decision to later. */
static Status
note_doubtful(ModTable *t, TableNotes *notes, int index, const Entries *e)
{
    uint16_t sel[BATCH_ROWS];
    Tid of[BATCH_ROWS];
    int n = 0;
    for (int k = 0; k < e->n; k++) {
        if (t->conflicts[k] == TID_NONE) continue;
        of[n] = e->tids[k];
        sel[n++] = (uint16_t)entry_row(e, k);
    }
    return notes_doubtful(notes, index, e->cols, sel, n, of);
}

Status
modtable_index(ModTable *t, TableNotes *notes, Batch *rows, const Tid *tids, int *clash_out)
{
    if (clash_out != NULL) *clash_out = -1;
    for (int i = 0; i < t->rel->nindexes && rows->nsel > 0; i++) {
        const IndexDef *ix = t->rel->indexes[i];
        Entries e;
        int nconflicts = 0;
        IndexCheck check = !ix->unique ? INDEX_CHECK_NONE : ix->deferrable ? INDEX_CHECK_LATER : INDEX_CHECK_UNIQUE;
        TRY(pick_entries(t, i, rows, tids, &e));
        if (e.n == 0) continue;
        TRY(index_insert_batch(t->ctx, ix->index, t->rel->heap, e.cols, e.sel, e.n, e.tids, check, t->conflicts, &nconflicts));
        if (nconflicts == 0) continue;
        if (check == INDEX_CHECK_LATER) {
            TRY(note_doubtful(t, notes, i, &e));
            continue;
        }
        if (clash_out != NULL) {
            *clash_out = i;
            return QN_OK;
        }
        int k = 0;
        while (t->conflicts[k] == TID_NONE) k++;
        return modify_raise_duplicate(t->ctx, t->tmp, t->rel, ix, e.cols, entry_row(&e, k));
    }
    return QN_OK;
}

Status
modtable_conflict(ModTable *t, Batch *rows, int row, int index, Tid *tid_out)
{
    const IndexDef *ix = t->rel->indexes[index];
    uint16_t sel = (uint16_t)row;
    Tid none = TID_NONE, conflict = TID_NONE;
    Batch one = *rows;
    Entries e;
    int n = 0;
    *tid_out = TID_NONE;
    if (ix->deferrable)
        return RAISE(t->ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters");
    one.sel = &sel;
    one.nsel = 1;
    TRY(pick_entries(t, index, &one, &none, &e));
    if (e.n == 0) return QN_OK; /* outside of its predicate */
    TRY(index_insert_batch(t->ctx, ix->index, t->rel->heap, e.cols, e.sel, 1, &none, INDEX_CHECK_ONLY, &conflict, &n));
    if (n > 0) *tid_out = conflict;
    return QN_OK;
}
