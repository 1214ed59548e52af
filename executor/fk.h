/* fk.h - the referenced side of foreign keys: what happens to rows that point at keys a statement deleted or changed.
 *
 * The old keys are kept while the statement runs; at its end fk_run checks (NO ACTION, RESTRICT: 23503) or changes the
 * referencing rows (CASCADE, SET NULL, SET DEFAULT) with SQL statements planned through ctx->plan_query, in a command of their
 * own, so that they see what the statement did. */
#ifndef EXECUTOR_FK_H
#define EXECUTOR_FK_H

#include "catalog/catalog.h"
#include "executor/exec.h"
#include "executor/rowstore.h"
#include "storage/snapshot.h"

typedef struct FkPending {
    RowStore *deleted; /* old keys */
    RowStore *updated; /* old keys, then new keys */
} FkPending;

typedef struct FkActions {
    Ctx *ctx;
    Arena *arena;
    const Relation *rel;
    FkPending *pending; /* by rel->referenced_by */
    Snapshot kept;      /* the statement's own, while ctx->snapshot points here */
    bool has_kept;
} FkActions;

Status fk_open(FkActions *f, Ctx *ctx, Arena *arena, const Relation *rel);
bool fk_wants_rows(const FkActions *f); /* deleted rows must be told */
Status fk_note_delete(FkActions *f, const Batch *old);
/* fresh's selected rows replaced the same rows of old; changed: attributes that were assigned. */
Status fk_note_update(FkActions *f, const Batch *old, const Batch *fresh, const uint64_t *changed);
Status fk_run(FkActions *f);
void fk_reset(FkActions *f);
void fk_close(FkActions *f);

#endif
