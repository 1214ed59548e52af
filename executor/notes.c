/* notes.c - see notes.h. */
#include "executor/notes.h"
#include "executor/keys.h"
#include "executor/vecutil.h"

enum { NOTES_BYTES = 16 << 20 }; /* memory of one constraint's rows before they go to a file */

/* A partition's constraint stands for the partitioned table's, which sees to its rows as well. */
static bool
is_copy(const Relation *ref, const RelConstraint *c)
{
    for (int i = 0; c->parent_constraint != 0 && i < ref->nreferenced_by; i++)
        if (ref->referenced_by[i]->oid == c->parent_constraint) return true;
    return false;
}

static Status
own_attnums(TableNotes *n, const Relation *ref, const RelConstraint *c, const int **out)
{
    int *list;
    *out = c->ref_attnums;
    if (ref == n->rel) return QN_OK;
    TRY_ALLOC(n->ctx, list, ARENA_ARRAY(n->arena, int, c->nkeys));
    for (int k = 0; k < c->nkeys; k++) {
        const Column *col = relation_column(n->rel, ref->cols[c->ref_attnums[k] - 1].name);
        if (col == NULL) return RAISE_INTERNAL(n->ctx, "partition \"%s\" lacks a column of its parent", n->rel->name);
        list[k] = col->attnum;
    }
    *out = list;
    return QN_OK;
}

/* Of the table and of those it is a partition of. */
static Status
open_referrers(TableNotes *n)
{
    const Relation *ref = n->rel;
    for (;;) {
        Referrer *list;
        int more = n->nreferrers + ref->nreferenced_by;
        TRY_ALLOC(n->ctx, list, ARENA_ARRAY(n->arena, Referrer, more + 1));
        if (n->nreferrers > 0) memcpy(list, n->referrers, (size_t)n->nreferrers * sizeof(*list));
        n->referrers = list;
        for (int i = 0; i < ref->nreferenced_by; i++) {
            const RelConstraint *c = ref->referenced_by[i];
            if (is_copy(ref, c)) continue;
            Referrer *r = &list[n->nreferrers++];
            r->c = c;
            r->deleted = (Due){.kind = DUE_DELETED, .rel = n->rel, .c = c};
            r->updated = (Due){.kind = DUE_UPDATED, .rel = n->rel, .c = c};
            TRY(own_attnums(n, ref, c, &r->attnums));
        }
        if (relation_bound(ref) == NULL) return QN_OK;
        TRY(catalog_relation_by_oid(n->ctx, ref->parents[0]->parent_oid, &ref));
        if (ref == NULL) return QN_OK;
    }
}

Status
notes_open(TableNotes *n, Ctx *ctx, Arena *arena, const Relation *rel)
{
    bool with_tids = false;
    *n = (TableNotes){.ctx = ctx, .arena = arena, .rel = rel};
    TRY_ALLOC(ctx, n->unique, ARENA_ARRAY(arena, Due, rel->nindexes + 1));
    TRY_ALLOC(ctx, n->references, ARENA_ARRAY(arena, Due, rel->nconstraints + 1));
    for (int i = 0; i < rel->nconstraints; i++) {
        const RelConstraint *c = rel->constraints[i];
        if (c->kind == CONSTRAINT_FOREIGN) {
            n->references[i] = (Due){.kind = DUE_REFERENCE, .rel = rel, .c = c};
            n->has_references = true;
        }
        for (int k = 0; c->deferrable && k < rel->nindexes; k++)
            if (rel->indexes[k]->constraint_oid == c->oid) n->unique[k] = (Due){.kind = DUE_UNIQUE, .rel = rel, .c = c};
        with_tids |= n->has_references || c->deferrable;
    }
    TRY(open_referrers(n));
    if (!with_tids) return QN_OK;
    TRY_ALLOC(ctx, n->tid_col, vec_new(arena, TYPE_INT8));
    return vec_reserve(arena, n->tid_col, BATCH_ROWS) ? QN_OK : RAISE_OOM(ctx);
}

typedef void (*DueDo)(Due *due);

static void
reset_due(Due *due)
{
    if (due->rows != NULL && !due->is_queued) rowstore_reset(due->rows);
}

static void
close_due(Due *due)
{
    rowstore_free(due->rows);
}

static void
each_due(TableNotes *n, DueDo what)
{
    for (int i = 0; n->unique != NULL && i < n->rel->nindexes; i++) what(&n->unique[i]);
    for (int i = 0; n->references != NULL && i < n->rel->nconstraints; i++) what(&n->references[i]);
    for (int i = 0; i < n->nreferrers; i++) {
        what(&n->referrers[i].deleted);
        what(&n->referrers[i].updated);
    }
}

void
notes_reset(TableNotes *n)
{
    each_due(n, reset_due);
}

void
notes_close(TableNotes *n)
{
    each_due(n, close_due);
}

bool
notes_want_deleted(const TableNotes *n)
{
    return n->nreferrers > 0;
}

/* Notes rows sel[0..nsel) of cols[0..ncols). */
static Status
note(TableNotes *n, Due *due, Vector *const *cols, int ncols, const uint16_t *sel, int nsel)
{
    if (nsel == 0) return QN_OK;
    if (due->rows == NULL) {
        Oid *types;
        TRY_ALLOC(n->ctx, types, ARENA_ARRAY(n->arena, Oid, ncols));
        for (int i = 0; i < ncols; i++) types[i] = cols[i]->type;
        TRY(rowstore_new(n->ctx, n->arena, ncols, types, NOTES_BYTES, &due->rows));
    }
    return constraints_note(n->ctx, due, cols, sel, nsel);
}

/* ---- the referencing side ---- */

static bool
same_key(const RelConstraint *c, const Batch *old, const Batch *fresh, int row)
{
    for (int k = 0; k < c->nkeys; k++) {
        int at = c->attnums[k] - 1;
        if (!keys_equal_rows(old->cols[at], row, fresh->cols[at], row)) return false;
    }
    return true;
}

/* Without a key there is nothing to look for: any NULL, or, with MATCH FULL, nothing but NULLs (a mixture is an error, found then). */
static bool
has_key(const RelConstraint *c, Vector *const *cols, int row)
{
    int nulls = 0;
    for (int k = 0; k < c->nkeys; k++) nulls += vec_is_null(cols[k], row);
    return c->match == 'f' ? nulls < c->nkeys : nulls == 0;
}

/* old NULL: rows are new. */
static Status
note_reference(TableNotes *n, Due *due, const Batch *old, const Batch *rows)
{
    const RelConstraint *c = due->c;
    Vector *cols[KEY_MAX_INDEX_COLUMNS + 1];
    uint16_t sel[BATCH_ROWS];
    int m = 0;
    bool all = old == NULL || constraint_has_deferred(n->ctx, c);
    for (int k = 0; k < c->nkeys; k++) cols[k] = rows->cols[c->attnums[k] - 1];
    cols[c->nkeys] = n->tid_col;
    for (int r = 0; r < rows->nsel; r++) {
        int row = batch_row(rows, r);
        if (has_key(c, cols, row) && (all || !same_key(c, old, rows, row))) sel[m++] = (uint16_t)row;
    }
    return note(n, due, cols, c->nkeys + 1, sel, m);
}

static bool
is_assigned(const int *attnums, int n, const uint64_t *changed)
{
    for (int k = 0; k < n; k++)
        if (bits_get(changed, (size_t)(attnums[k] - 1))) return true;
    return false;
}

static Status
note_references(TableNotes *n, const Batch *old, const Batch *rows, const Tid *tids, const uint64_t *changed)
{
    if (!n->has_references) return QN_OK;
    for (int r = 0; r < rows->nsel; r++) ((int64_t *)n->tid_col->data)[batch_row(rows, r)] = (int64_t)tids[r];
    for (int i = 0; i < n->rel->nconstraints; i++) {
        const RelConstraint *c = n->references[i].c;
        if (c == NULL) continue;
        if (old != NULL && !is_assigned(c->attnums, c->nkeys, changed) && !constraint_has_deferred(n->ctx, c)) continue;
        TRY(note_reference(n, &n->references[i], old, rows));
    }
    return QN_OK;
}

/* ---- the referenced side ---- */

static Status
note_deleted(TableNotes *n, Referrer *r, const Batch *old)
{
    uint16_t sel[BATCH_ROWS];
    Vector *cols[KEY_MAX_INDEX_COLUMNS];
    for (int k = 0; k < r->c->nkeys; k++) cols[k] = old->cols[r->attnums[k] - 1];
    int m = keys_drop_nulls(cols, r->c->nkeys, old->sel, old->nsel, sel); /* a key with a NULL is never referenced */
    return note(n, &r->deleted, cols, r->c->nkeys, sel, m);
}

static Status
note_changed_key(TableNotes *n, Referrer *to, const Batch *old, const Batch *fresh)
{
    const RelConstraint *c = to->c;
    Vector *cols[2 * KEY_MAX_INDEX_COLUMNS];
    uint16_t sel[BATCH_ROWS];
    int m = 0;
    for (int k = 0; k < c->nkeys; k++) {
        cols[k] = old->cols[to->attnums[k] - 1];
        cols[c->nkeys + k] = fresh->cols[to->attnums[k] - 1];
    }
    int nsel = keys_drop_nulls(cols, c->nkeys, fresh->sel, fresh->nsel, sel);
    for (int r = 0; r < nsel; r++) {
        bool same = true;
        for (int k = 0; k < c->nkeys && same; k++) same = keys_equal_rows(cols[k], sel[r], cols[c->nkeys + k], sel[r]);
        sel[m] = sel[r];
        m += !same;
    }
    return note(n, &to->updated, cols, 2 * c->nkeys, sel, m);
}

/* ---- */

Status
notes_inserted(TableNotes *n, const Batch *rows, const Tid *tids)
{
    return constraints_are_on(n->ctx) ? note_references(n, NULL, rows, tids, NULL) : QN_OK;
}

Status
notes_updated(TableNotes *n, const Batch *old, const Batch *fresh, const Tid *tids, const uint64_t *changed)
{
    if (!constraints_are_on(n->ctx)) return QN_OK;
    TRY(note_references(n, old, fresh, tids, changed));
    for (int i = 0; i < n->nreferrers; i++)
        if (is_assigned(n->referrers[i].attnums, n->referrers[i].c->nkeys, changed))
            TRY(note_changed_key(n, &n->referrers[i], old, fresh));
    return QN_OK;
}

Status
notes_deleted(TableNotes *n, const Batch *old)
{
    if (!constraints_are_on(n->ctx)) return QN_OK;
    for (int i = 0; i < n->nreferrers; i++) TRY(note_deleted(n, &n->referrers[i], old));
    return QN_OK;
}

/* A row stays in the table that the statement names and in those that one is a part of: its key has changed there. Whether a table in between still has
 * it is more than is kept track of. */
static Status
note_moved(TableNotes *n, Referrer *r, const Batch *old, const Batch *fresh, const Relation *named)
{
    Ctx *ctx = n->ctx;
    const Relation *ref, *up;
    TRY(catalog_relation_by_oid(ctx, r->c->ref_rel_oid, &ref));
    for (up = ref; up != NULL && relation_bound(up) != NULL;) {
        TRY(catalog_relation_by_oid(ctx, up->parents[0]->parent_oid, &up));
        if (up == NULL || up->oid != named->oid) continue;
        Status st = RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                          "cannot move tuple across partitions when a non-root ancestor of the source partition is directly referenced in a foreign key");
        st = err_detail(ctx, st, "A foreign key points to ancestor \"%s\" but not the root ancestor \"%s\".", ref->name, named->name);
        return err_hint(ctx, st, "Consider defining the foreign key on table \"%s\".", named->name);
    }
    return note_changed_key(n, r, old, fresh);
}

Status
notes_moved(TableNotes *n, const Relation *named, const Batch *old, const Batch *fresh)
{
    Batch moved = *fresh;
    moved.sel = old->sel;
    moved.nsel = old->nsel;
    if (!constraints_are_on(n->ctx)) return QN_OK;
    for (int i = 0; i < n->nreferrers; i++) {
        Referrer *r = &n->referrers[i];
        if (r->c->ref_rel_oid == n->rel->oid) TRY(note_deleted(n, r, old)); /* for this table the row is gone */
        else TRY(note_moved(n, r, old, &moved, named));
    }
    return QN_OK;
}

Status
notes_doubtful(TableNotes *n, int index, Vector *const *cols, const uint16_t *sel, int nsel, const Tid *tids)
{
    Vector *with_tid[KEY_MAX_INDEX_COLUMNS + 1];
    int ncols = n->rel->indexes[index]->ncols;
    if (!constraints_are_on(n->ctx)) return QN_OK;
    for (int k = 0; k < ncols; k++) with_tid[k] = cols[k];
    with_tid[ncols] = n->tid_col;
    for (int r = 0; r < nsel; r++) ((int64_t *)n->tid_col->data)[sel[r]] = (int64_t)tids[r];
    return note(n, &n->unique[index], with_tid, ncols + 1, sel, nsel);
}
