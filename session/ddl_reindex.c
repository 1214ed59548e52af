/* ddl_reindex.c - REINDEX: indexes built anew, one of them, those of a table, of a schema or of the database.
 *
 * A table is closed to others while its indexes are exchanged, CONCURRENTLY or not: who has looked an index up must not meet its pages again
 * when they have gone. CONCURRENTLY keeps PostgreSQL's rules of where it may stand. */
#include "common/array.h"
#include "session/ddl.h"
#include <strings.h>

typedef struct Reindex {
    Ddl *d;
    bool verbose, concurrently;
} Reindex;

static Status
read_options(Reindex *r, const AstList *params)
{
    Ctx *ctx = r->d->ctx;
    for (int i = 0; i < params->count; i++) {
        const DefElem *o = AST_AS(DefElem, params->items[i]);
        if (strcmp(o->name, "verbose") == 0) {
            TRY(option_bool(ctx, o, &r->verbose));
        } else if (strcmp(o->name, "concurrently") == 0) {
            TRY(option_bool(ctx, o, &r->concurrently));
        } else if (strcmp(o->name, "tablespace") == 0) {
            const char *name = option_text(o);
            if (name == NULL || strcmp(name, "pg_default") != 0)
                return RAISE(ctx, ERR_UNDEFINED_OBJECT, "tablespace \"%s\" does not exist", name != NULL ? name : "");
        } else {
            return err_position(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "unrecognized REINDEX option \"%s\"", o->name), o->loc);
        }
    }
    return QN_OK;
}

/* ---- doing ---- */

/* The table, locked, as it is now; NULL: it has gone, or has nothing to build. */
static Status
lock_table(Reindex *r, Oid oid, const Relation **out)
{
    TRY(lock_relation(r->d->ctx, oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL));
    TRY(catalog_relation_by_oid(r->d->ctx, oid, out));
    if (*out != NULL && (*out)->heap == NULL) *out = NULL;
    return QN_OK;
}

/* index 0: all of the table's. */
static Status
rebuild(Reindex *r, Oid table, Oid index)
{
    Ddl *d = r->d;
    Ctx *ctx = d->ctx;
    const Relation *rel;
    TRY(lock_table(r, table, &rel));
    if (rel == NULL) return QN_OK;
    TRY(ddl_check_not_in_use(ctx, rel, index != INVALID_OID ? "REINDEX INDEX" : "REINDEX TABLE"));
    for (int i = 0; i < rel->nindexes; i++)
        if (index == INVALID_OID || rel->indexes[i]->oid == index) TRY(ddl_empty_index(ctx, rel, rel->indexes[i]));
    TRY(catalog_relation_by_oid(ctx, table, &rel));
    for (int i = 0; i < rel->nindexes; i++) {
        if (index != INVALID_OID && rel->indexes[i]->oid != index) continue;
        TRY(ddl_build_index(d, rel, rel->indexes[i]->oid));
        if (r->verbose) ctx_notice(ctx, "INFO", QN_OK, "index \"%s\" was reindexed", rel->indexes[i]->name);
        TRY(catalog_relation_by_oid(ctx, table, &rel));
    }
    return QN_OK;
}

typedef struct Work {
    Oid table, index;
} Work;

typedef ARRAY(Work) WorkList;

/* Each in a transaction of its own. */
static Status
rebuild_all(Reindex *r, const WorkList *list)
{
    for (int i = 0; i < list->count; i++) {
        TRY(session_next_transaction(r->d->s));
        TRY(rebuild(r, list->items[i].table, list->items[i].index));
    }
    return list->count > 0 ? session_next_transaction(r->d->s) : QN_OK;
}

/* The leaves below a partitioned table; index: those of their indexes that stand for it. */
static Status
add_partitions(Reindex *r, const Relation *rel, Oid index, WorkList *out)
{
    Ddl *d = r->d;
    const Relation **parts;
    int n;
    TRY(ctx_check_depth(d->ctx));
    TRY(ddl_children(d, rel, false, &parts, &n));
    for (int i = 0; i < n; i++) {
        Work w = {.table = parts[i]->oid};
        for (int k = 0; index != INVALID_OID && k < parts[i]->nindexes; k++)
            if (parts[i]->indexes[k]->parent_index == index) w.index = parts[i]->indexes[k]->oid;
        if (index != INVALID_OID && w.index == INVALID_OID) continue;
        if (parts[i]->kind == RELKIND_PARTITIONED) TRY(add_partitions(r, parts[i], w.index, out));
        else TRY(array_push(d->ctx, d->arena, out, w));
    }
    return QN_OK;
}

static Status
reindex_partitioned(Reindex *r, const Relation *rel, Oid index)
{
    WorkList list = {0};
    TRY(session_prevent_block(r->d->s, index != INVALID_OID ? "REINDEX INDEX" : "REINDEX TABLE"));
    TRY(add_partitions(r, rel, index, &list));
    return rebuild_all(r, &list);
}

/* ---- what is named ---- */

static Status
reindex_index(Reindex *r, const RangeVar *rv)
{
    Ctx *ctx = r->d->ctx;
    const Relation *index, *table;
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, 0, &index));
    if (relation_base_kind(index) != RELKIND_INDEX) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not an index", index->name);
    if (index->kind == RELKIND_INDEX) return rebuild(r, index->indexes[0]->rel_oid, index->oid);
    TRY(catalog_relation_by_oid(ctx, index->indexes[0]->rel_oid, &table));
    return reindex_partitioned(r, table, index->oid);
}

static Status
reindex_table(Reindex *r, const RangeVar *rv)
{
    Ctx *ctx = r->d->ctx;
    const Relation *rel;
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, 0, &rel));
    if (relation_base_kind(rel) != RELKIND_TABLE && rel->kind != RELKIND_MATVIEW)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a table or materialized view", rel->name);
    if (rel->systable != NULL) {
        if (r->concurrently) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot reindex system catalogs concurrently");
        return QN_OK; /* made of rows in memory */
    }
    if (rel->kind == RELKIND_PARTITIONED) return reindex_partitioned(r, rel, INVALID_OID);
    if (rel->nindexes > 0) return rebuild(r, rel->oid, INVALID_OID);
    ctx_notice(ctx, "NOTICE", QN_OK, r->concurrently ? "table \"%s\" has no indexes that can be reindexed concurrently" : "table \"%s\" has no indexes to reindex",
               rel->name);
    return QN_OK;
}

/* All tables of a schema (0: of the database). */
static Status
reindex_many(Reindex *r, Oid schema)
{
    Ddl *d = r->d;
    Oid *tables;
    int n;
    WorkList list = {0};
    TRY(ddl_all_tables(d->ctx, &tables, &n));
    for (int i = 0; i < n; i++) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(d->ctx, tables[i], &rel));
        if (rel == NULL || rel->heap == NULL || rel->nindexes == 0) continue;
        if (schema != INVALID_OID && rel->schema_oid != schema) continue;
        TRY(array_push(d->ctx, d->arena, &list, ((Work){.table = rel->oid})));
    }
    return rebuild_all(r, &list);
}

static Status
reindex_schema(Reindex *r, const char *name)
{
    Ctx *ctx = r->d->ctx;
    Oid schema = catalog_schema_oid(ctx, name);
    if (schema == INVALID_OID) return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    if (schema != OID_PG_CATALOG) return reindex_many(r, schema);
    if (r->concurrently) ctx_notice(ctx, "WARNING", QN_OK, "cannot reindex system catalogs concurrently, skipping all");
    return QN_OK;
}

static Status
reindex_database(Reindex *r, const char *name, bool system)
{
    Ctx *ctx = r->d->ctx;
    const char *own;
    if (system && r->concurrently) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot reindex system catalogs concurrently");
    TRY(catalog_database_name(ctx, r->d->arena, &own));
    if (name != NULL && strcmp(name, own) != 0)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "can only reindex the currently open database");
    return system ? QN_OK : reindex_many(r, INVALID_OID);
}

Status
ddl_run_reindex(Ddl *d, const ReindexStmt *s)
{
    Reindex r = {.d = d};
    TRY(read_options(&r, &s->params));
    if (r.concurrently) TRY(session_prevent_block(d->s, "REINDEX CONCURRENTLY"));
    switch (s->kind) {
    case AST_REINDEX_INDEX: return reindex_index(&r, AST_AS(RangeVar, s->rel));
    case AST_REINDEX_TABLE: return reindex_table(&r, AST_AS(RangeVar, s->rel));
    case AST_REINDEX_SCHEMA:
        TRY(session_prevent_block(d->s, "REINDEX SCHEMA"));
        return reindex_schema(&r, s->name);
    case AST_REINDEX_SYSTEM:
        TRY(session_prevent_block(d->s, "REINDEX SYSTEM"));
        return reindex_database(&r, s->name, true);
    default:
        TRY(session_prevent_block(d->s, "REINDEX DATABASE"));
        return reindex_database(&r, s->name, false);
    }
}
