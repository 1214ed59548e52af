/* set_constraints.c - SET CONSTRAINTS: names to constraints. */
#include "catalog/define.h"
#include "executor/constraints.h"
#include "session/utility.h"

/* The constraints a name means: those of the first schema of the path that has any. */
static Status
find_named(Ctx *ctx, Arena *arena, const RangeVar *name, const RelConstraint ***out, int *n_out)
{
    Oid *schemas, one;
    int n = 1;
    *n_out = 0;
    if (name->schema != NULL) {
        one = catalog_schema_oid(ctx, name->schema);
        if (one == INVALID_OID) return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name->schema);
        schemas = &one;
    } else {
        TRY(catalog_search_path(ctx, arena, true, &schemas, &n));
    }
    for (int i = 0; i < n && *n_out == 0; i++)
        TRY(define_constraints_named(ctx, arena, schemas[i], name->name, out, n_out));
    if (*n_out == 0) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" does not exist", name->name);
    return QN_OK;
}

static Status
set_named(Ctx *ctx, Arena *arena, const RangeVar *name, bool deferred)
{
    const RelConstraint **list;
    int n;
    bool any = false;
    TRY(find_named(ctx, arena, name, &list, &n));
    for (int i = 0; i < n; i++) {
        if (!list[i]->deferrable) continue;
        any = true;
        TRY(constraints_set(ctx, list[i], deferred));
    }
    if (!any) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "constraint \"%s\" is not deferrable", name->name);
    return QN_OK;
}

Status
utility_set_constraints(Stmt *stmt, const ConstraintsSetStmt *c)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    if (s->block == BLOCK_NONE)
        ctx_notice(ctx, "WARNING", ERR_NO_ACTIVE_SQL_TRANSACTION, "SET CONSTRAINTS can only be used in transaction blocks");
    if (c->constraints.count == 0) return constraints_set(ctx, NULL, c->deferred);
    for (int i = 0; i < c->constraints.count; i++)
        TRY(set_named(ctx, stmt->run_arena, AST_AS(RangeVar, c->constraints.items[i]), c->deferred));
    return QN_OK;
}
