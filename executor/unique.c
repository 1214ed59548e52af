/* unique.c - uniqueness that may be deferred: rows whose key another row had, or might have had, when they were written. Such a row counts if it is
 * still there, and then another live row with the key is an error. */
#include "executor/constraints.h"
#include "executor/modify.h"
#include "executor/vecutil.h"
#include "storage/tx.h"

/* Is any version of the row's chain alive? Those of other transactions are settled: our entry was made by us. */
static Status
is_there(Ctx *ctx, const Relation *rel, Tid tid, bool *out)
{
    HeapLiveness state;
    Tid live;
    uint64_t wait;
    bool surely_dead;
    TRY(heap_chain_state(ctx, rel->heap, tid, false, &state, &live, &wait, &surely_dead));
    *out = state != HEAP_DEAD;
    return QN_OK;
}

static Status
check_row(Ctx *ctx, Arena *arena, const Due *due, const IndexDef *ix, Batch *b, int row)
{
    Tid tid = (Tid)((const int64_t *)b->cols[ix->ncols]->data)[row], conflict = TID_NONE;
    uint16_t sel = (uint16_t)row;
    int n = 0;
    bool there;
    TRY(ctx_check_stop(ctx));
    TRY(is_there(ctx, due->rel, tid, &there));
    if (!there) return QN_OK;
    TRY(index_insert_batch(ctx, ix->index, due->rel->heap, b->cols, &sel, 1, &tid, INDEX_CHECK_ONLY, &conflict, &n));
    return n > 0 ? modify_raise_duplicate(ctx, arena, due->rel, ix, b->cols, row) : QN_OK;
}

Status
unique_check_due(Ctx *ctx, Arena *arena, const Due *due)
{
    const IndexDef *ix = relation_index_by_oid(due->rel, due->c->index_oid);
    Oid types[KEY_MAX_INDEX_COLUMNS + 1];
    Batch *b;
    if (ix == NULL) return RAISE_INTERNAL(ctx, "constraint \"%s\" has no index", due->c->name);
    for (int k = 0; k < ix->ncols; k++) types[k] = ix->types[k];
    types[ix->ncols] = TYPE_INT8;
    TRY_ALLOC(ctx, b, exec_batch_new(arena, ix->ncols + 1, types));
    for (int64_t at = 0; at < rowstore_count(due->rows);) {
        int n;
        TRY(rowstore_read(due->rows, at, BATCH_ROWS, b, &n));
        at += n;
        for (int i = 0; i < n; i++) TRY(check_row(ctx, arena, due, ix, b, i));
    }
    return QN_OK;
}
