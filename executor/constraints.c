/* constraints.c - see constraints.h. */
#include "executor/constraints.h"
#include "catalog/define.h"
#include "common/array.h"
#include "common/settings.h"
#include "storage/tx.h"

/* Rows deferred for one constraint since some savepoint. */
typedef struct Waiting {
    DueKind kind;
    Oid rel_oid, constraint_oid;
    RowStore *rows;
    int checked_depth; /* -1: not yet; else looked at while that many savepoints were open */
} Waiting;

/* One SET CONSTRAINTS; the last that speaks of a constraint counts. */
typedef struct SetEntry {
    Oid constraint_oid; /* 0: ALL */
    bool deferred;
} SetEntry;

struct ConstraintQueue {
    Arena *arena;       /* the transaction's rows, and this */
    Arena *checks;      /* of one Due being looked at, of the outermost statement */
    bool is_looking;
    ARRAY(Due *) due;   /* of running statements, first come first */
    ARRAY(Waiting) waiting;
    int sealed;         /* entries below are older than the last savepoint: no more rows go there */
    int nsavepoints;
    ARRAY(SetEntry) set;
};

enum { WAITING_BYTES = 16 << 20 }; /* memory of a deferred constraint's rows before they go to a file */

static Status
queue_of(Ctx *ctx, struct ConstraintQueue **out)
{
    if (ctx->constraints == NULL) {
        Arena *arena;
        struct ConstraintQueue *q;
        TRY_ALLOC(ctx, arena, arena_create(NULL, "constraints"));
        q = ARENA_NEW(arena, struct ConstraintQueue);
        if (q != NULL) q->checks = arena_create(NULL, "constraint checks");
        if (q == NULL || q->checks == NULL) {
            arena_destroy(arena);
            return RAISE_OOM(ctx);
        }
        q->arena = arena;
        ctx->constraints = q;
    }
    *out = ctx->constraints;
    return QN_OK;
}

/* ---- SET CONSTRAINTS ---- */

bool
constraint_is_deferred(Ctx *ctx, const RelConstraint *c)
{
    const struct ConstraintQueue *q = ctx->constraints;
    if (!c->deferrable) return false;
    for (int i = q != NULL ? q->set.count : 0; i > 0; i--)
        if (q->set.items[i - 1].constraint_oid == 0 || q->set.items[i - 1].constraint_oid == c->oid) return q->set.items[i - 1].deferred;
    return c->initially_deferred;
}

bool
constraint_has_deferred(Ctx *ctx, const RelConstraint *c)
{
    const struct ConstraintQueue *q = ctx->constraints;
    for (int i = 0; c->deferrable && q != NULL && i < q->waiting.count; i++)
        if (q->waiting.items[i].constraint_oid == c->oid) return true;
    return false;
}

bool
constraints_wait_for(Ctx *ctx, Oid rel_oid)
{
    const struct ConstraintQueue *q = ctx->constraints;
    for (int i = 0; q != NULL && i < q->waiting.count; i++)
        if (q->waiting.items[i].rel_oid == rel_oid && q->waiting.items[i].checked_depth < 0) return true;
    return false;
}

bool
constraints_are_on(const Ctx *ctx)
{
    return ctx->settings == NULL || ctx->settings->session_replication_role != 1;
}

/* ---- noting ---- */

static Status
new_waiting(Ctx *ctx, struct ConstraintQueue *q, const Due *due, Waiting **out)
{
    const RowLayout *l = rowstore_layout(due->rows);
    Waiting w = {.kind = due->kind, .rel_oid = due->rel->oid, .constraint_oid = due->c->oid, .checked_depth = -1};
    Oid *types;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(q->arena, Oid, l->ncols));
    for (int i = 0; i < l->ncols; i++) types[i] = l->cols[i].type;
    TRY(rowstore_new(ctx, q->arena, l->ncols, types, WAITING_BYTES, &w.rows));
    TRY(array_push(ctx, q->arena, &q->waiting, w));
    *out = &q->waiting.items[q->waiting.count - 1];
    return QN_OK;
}

static Status
note_waiting(Ctx *ctx, const Due *due, Vector *const *cols, const uint16_t *sel, int n)
{
    struct ConstraintQueue *q;
    Waiting *w = NULL;
    TRY(queue_of(ctx, &q));
    for (int i = q->sealed; i < q->waiting.count && w == NULL; i++)
        if (q->waiting.items[i].kind == due->kind && q->waiting.items[i].constraint_oid == due->c->oid && q->waiting.items[i].checked_depth < 0)
            w = &q->waiting.items[i];
    if (w == NULL) TRY(new_waiting(ctx, q, due, &w));
    return rowstore_append_rows(w->rows, cols, sel, n, NULL);
}

/* Actions are never put off, and RESTRICT means now. */
static bool
may_wait(const Due *due)
{
    if (due->kind == DUE_DELETED) return due->c->on_delete == FK_NO_ACTION;
    return due->kind != DUE_UPDATED || due->c->on_update == FK_NO_ACTION;
}

Status
constraints_note(Ctx *ctx, Due *due, Vector *const *cols, const uint16_t *sel, int n)
{
    struct ConstraintQueue *q;
    if (n == 0) return QN_OK;
    if (may_wait(due) && constraint_is_deferred(ctx, due->c)) return note_waiting(ctx, due, cols, sel, n);
    if (!due->is_queued) {
        TRY(queue_of(ctx, &q));
        TRY(array_push(ctx, q->arena, &q->due, due));
        due->is_queued = true;
    }
    return rowstore_append_rows(due->rows, cols, sel, n, NULL);
}

/* ---- looking ---- */

static Status
look_at(Ctx *ctx, Arena *arena, const Due *due, bool deferred, FkActions **actions)
{
    switch (due->kind) {
    case DUE_UNIQUE: return unique_check_due(ctx, arena, due);
    case DUE_REFERENCE: return fk_check_due(ctx, arena, due, deferred);
    case DUE_DELETED:
    case DUE_UPDATED:
        if (*actions == NULL) TRY_ALLOC(ctx, *actions, fk_actions_new(ctx));
        return fk_run_due(ctx, arena, due, *actions);
    }
    return RAISE_INTERNAL(ctx, "unknown kind of check %d", (int)due->kind);
}

/* An arena to look at rows in. What an action calls may run statements of its own meanwhile: those get another. */
static Status
begin_look(Ctx *ctx, struct ConstraintQueue *q, Arena **out)
{
    *out = q->checks;
    if (q->is_looking) TRY_ALLOC(ctx, *out, arena_create(NULL, "constraint checks"));
    q->is_looking = true;
    return QN_OK;
}

static void
end_look(struct ConstraintQueue *q, Arena *arena)
{
    if (arena != q->checks) {
        arena_destroy(arena);
        return;
    }
    arena_reset(arena);
    q->is_looking = false;
}

int
constraints_begin_statement(Ctx *ctx)
{
    return ctx->constraints != NULL ? ctx->constraints->due.count : 0;
}

void
constraints_drop_statement(Ctx *ctx, int from)
{
    struct ConstraintQueue *q = ctx->constraints;
    for (int i = from; q != NULL && i < q->due.count; i++) q->due.items[i]->is_queued = false;
    if (q != NULL && q->due.count > from) q->due.count = from;
}

Status
constraints_end_statement(Ctx *ctx, int from)
{
    struct ConstraintQueue *q = ctx->constraints;
    FkActions *actions = NULL;
    Arena *arena;
    Status st = QN_OK;
    if (q == NULL || q->due.count == from) return QN_OK;
    TRY(begin_look(ctx, q, &arena));
    for (int i = from; i < q->due.count; i++) {
        Due *due = q->due.items[i];
        TRY_GOTO(look_at(ctx, arena, due, false, &actions));
        rowstore_reset(due->rows);
        due->is_queued = false;
        arena_reset(arena);
    }
done:
    constraints_drop_statement(ctx, from);
    fk_actions_free(actions);
    end_look(q, arena);
    return st;
}

/* ---- deferred ---- */

static const RelConstraint *
find_constraint(const RelConstraint *const *list, int n, Oid oid)
{
    for (int i = 0; i < n; i++)
        if (list[i]->oid == oid) return list[i];
    return NULL;
}

/* NULL c: table or constraint have gone since. */
static Status
due_of(Ctx *ctx, const Waiting *w, Due *due)
{
    *due = (Due){.kind = w->kind, .rows = w->rows};
    TRY(catalog_relation_by_oid(ctx, w->rel_oid, &due->rel));
    if (due->rel == NULL) return QN_OK;
    due->c = find_constraint(due->rel->constraints, due->rel->nconstraints, w->constraint_oid);
    if (due->c == NULL) due->c = find_constraint(due->rel->referenced_by, due->rel->nreferenced_by, w->constraint_oid);
    if (due->c == NULL) TRY(define_find_constraint(ctx, ctx->constraints->arena, w->constraint_oid, &due->c)); /* of a parent */
    return QN_OK;
}

/* What waits and is not deferred any more, or all of it. */
static Status
check_waiting(Ctx *ctx, bool all)
{
    struct ConstraintQueue *q = ctx->constraints;
    FkActions *actions = NULL;
    Arena *arena;
    Status st = QN_OK;
    if (q == NULL || q->waiting.count == 0) return QN_OK;
    TRY(begin_look(ctx, q, &arena));
    TRY_GOTO(tx_command_begin(ctx)); /* sees all that was written */
    for (int i = 0; i < q->waiting.count; i++) {
        Due due;
        if (q->waiting.items[i].checked_depth >= 0) continue;
        TRY_GOTO(due_of(ctx, &q->waiting.items[i], &due));
        if (due.c != NULL && !all && constraint_is_deferred(ctx, due.c)) continue;
        if (due.c != NULL) TRY_GOTO(look_at(ctx, arena, &due, true, &actions));
        q->waiting.items[i].checked_depth = q->nsavepoints;
        if (q->nsavepoints == 0) rowstore_reset(due.rows);
        arena_reset(arena);
    }
done:
    fk_actions_free(actions);
    end_look(q, arena);
    return st;
}

Status
constraints_at_commit(Ctx *ctx)
{
    Status st = check_waiting(ctx, true);
    if (ctx->tx != NULL) tx_command_end(ctx);
    return st;
}

Status
constraints_set(Ctx *ctx, const RelConstraint *c, bool deferred)
{
    struct ConstraintQueue *q;
    TRY(queue_of(ctx, &q));
    SetEntry entry = {c != NULL ? c->oid : 0, deferred};
    TRY(array_push(ctx, q->arena, &q->set, entry));
    return deferred ? QN_OK : check_waiting(ctx, false);
}

void
constraints_forget(Ctx *ctx)
{
    struct ConstraintQueue *q = ctx->constraints;
    if (q == NULL) return;
    bool worn = q->waiting.count > 0 || q->set.count > 0;
    for (int i = 0; i < q->waiting.count; i++) rowstore_free(q->waiting.items[i].rows);
    q->waiting.count = q->set.count = q->due.count = q->sealed = q->nsavepoints = 0;
    if (worn) constraints_free(ctx); /* what was deferred lies in its arena */
}

void
constraints_free(Ctx *ctx)
{
    struct ConstraintQueue *q = ctx->constraints;
    if (q == NULL) return;
    ctx->constraints = NULL;
    arena_destroy(q->checks);
    arena_destroy(q->arena);
}

/* ---- savepoints ---- */

ConstraintMark
constraints_savepoint(Ctx *ctx, int depth)
{
    struct ConstraintQueue *q = ctx->constraints;
    if (q == NULL) return (ConstraintMark){0}; /* whatever comes is newer */
    q->nsavepoints = depth;
    q->sealed = q->waiting.count;
    return (ConstraintMark){q->waiting.count, q->set.count};
}

void
constraints_rollback(Ctx *ctx, ConstraintMark mark, int depth)
{
    struct ConstraintQueue *q = ctx->constraints;
    if (q == NULL) return;
    while (q->waiting.count > mark.nwaiting) rowstore_free(q->waiting.items[--q->waiting.count].rows);
    for (int i = 0; i < q->waiting.count; i++)
        if (q->waiting.items[i].checked_depth >= depth) q->waiting.items[i].checked_depth = -1;
    if (q->set.count > mark.nset) q->set.count = mark.nset;
    q->sealed = q->waiting.count;
    q->nsavepoints = depth;
}

void
constraints_release(Ctx *ctx, int depth)
{
    struct ConstraintQueue *q = ctx->constraints;
    if (q == NULL) return;
    for (int i = 0; i < q->waiting.count; i++)
        if (q->waiting.items[i].checked_depth >= depth) q->waiting.items[i].checked_depth = depth - 1;
    if (q->nsavepoints >= depth) q->nsavepoints = depth - 1;
}
