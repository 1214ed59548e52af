/* temp.c - the session's own schema: temporary tables, views and sequences.
 *
 * A session's temporary objects live in the schema pg_temp_N, N being its connection's number; inside the session it is
 * pg_temp too. The schema is made when first something is put in it, and dropped with all it holds when the session ends.
 * What a process that died left behind is dropped by the next one that opens the file for writing. */
#include "catalog/catalog_priv.h"
#include "catalog/ddl.h"
#include "storage/db.h"
#include "storage/tx.h"
#include <stdio.h>

#define TEMP_PREFIX "pg_temp_"

static void
temp_name(Ctx *ctx, char name[24])
{
    snprintf(name, 24, TEMP_PREFIX "%d", db_conn_slot(ctx) + 1);
}

Oid
catalog_temp_schema(Ctx *ctx)
{
    char name[24];
    temp_name(ctx, name);
    CatObj *o = catalog_get_by_name(ctx, INVALID_OID, name, true);
    Oid oid = o != NULL ? o->oid : INVALID_OID;
    catobj_unref(o);
    return oid;
}

Status
ddl_temp_schema(Ctx *ctx, Oid *schema_out)
{
    char name[24];
    *schema_out = catalog_temp_schema(ctx);
    if (*schema_out != INVALID_OID) return QN_OK;
    temp_name(ctx, name);
    return ddl_create_schema(ctx, name, schema_out);
}

bool
catalog_is_temp_schema(Ctx *ctx, Oid schema, bool *ours_out)
{
    CatObj *o = schema != INVALID_OID ? catalog_get(ctx, schema) : NULL;
    bool is_temp = o != NULL && o->kind == OBJ_SCHEMA && strncmp(o->name, TEMP_PREFIX, 8) == 0;
    catobj_unref(o);
    if (ours_out != NULL) *ours_out = is_temp && schema == catalog_temp_schema(ctx);
    return is_temp;
}

bool
catalog_is_other_temp(Ctx *ctx, const Relation *rel)
{
    return rel->persistence == 't' && rel->schema_oid != catalog_temp_schema(ctx);
}

/* ---- ON COMMIT ---- */

Status
ddl_note_on_commit(Ctx *ctx, Oid rel_oid, bool drop)
{
    Catalog *c = ctx->catalog;
    if (c->temp_arena == NULL) TRY_ALLOC(ctx, c->temp_arena, arena_create(NULL, "temporary tables"));
    return array_push(ctx, c->temp_arena, &c->on_commit, ((OnCommit){.rel_oid = rel_oid, .drop = drop}));
}

Status
ddl_on_commit(Ctx *ctx, Status (*empty)(Ctx *ctx, const Oid *tables, int n))
{
    Catalog *c = ctx->catalog;
    Oid *tables;
    DropTarget *drops;
    int n = 0, ndrops = 0, kept = 0;
    if (c->on_commit.count == 0) return QN_OK;
    TRY_ALLOC(ctx, tables, ARENA_ARRAY(ctx->stmt_arena, Oid, c->on_commit.count));
    TRY_ALLOC(ctx, drops, ARENA_ARRAY(ctx->stmt_arena, DropTarget, c->on_commit.count));
    for (int i = 0; i < c->on_commit.count; i++) {
        OnCommit item = c->on_commit.items[i];
        CatObj *o = catalog_get(ctx, item.rel_oid);
        if (o == NULL) continue; /* dropped, or never committed */
        catobj_unref(o);
        if (item.drop)
            drops[ndrops++] = (DropTarget){.kind = OBJ_RELATION, .oid = item.rel_oid};
        else
            tables[n++] = item.rel_oid;
        c->on_commit.items[kept++] = item;
    }
    c->on_commit.count = kept;
    if (n > 0) TRY(empty(ctx, tables, n));
    return ndrops > 0 ? ddl_drop_quietly(ctx, drops, ndrops) : QN_OK;
}

/* ---- the end ---- */

Status
ddl_drop_temp(Ctx *ctx)
{
    Oid schema = catalog_temp_schema(ctx);
    if (schema == INVALID_OID) return QN_OK;
    return ddl_drop_quietly(ctx, &(DropTarget){.kind = OBJ_SCHEMA, .oid = schema}, 1);
}

/* In a transaction of its own. */
static Status
drop_stale(Ctx *ctx)
{
    CatObjList list;
    Status st = QN_OK;
    TRY(tx_command_begin(ctx));
    TRY(catalog_all(ctx, ctx->stmt_arena, OBJ_SCHEMA, &list));
    for (int i = 0; st == QN_OK && i < list.count; i++)
        if (strncmp(list.items[i]->name, TEMP_PREFIX, 8) == 0)
            st = ddl_drop_quietly(ctx, &(DropTarget){.kind = OBJ_SCHEMA, .oid = list.items[i]->oid}, 1);
    catobj_list_release(&list);
    tx_command_end(ctx);
    return st;
}

Status
catalog_drop_stale_temp(Ctx *ctx)
{
    Catalog *c = ctx->catalog;
    bool any = false;
    for (uint32_t i = 0; i < c->shared->nbuckets && !any; i++)
        for (const CatSlot *slot = c->shared->by_oid[i]; slot != NULL; slot = slot->next_oid)
            any |= slot->obj->kind == OBJ_SCHEMA && strncmp(slot->obj->name, TEMP_PREFIX, 8) == 0;
    if (!any || db_is_read_only(ctx)) return QN_OK;

    Arena *before = ctx->stmt_arena, *scratch = arena_create(NULL, "stale temporary tables");
    RelPins pins = {0}, *pins_before = catalog_pins_use(ctx, &pins);
    if (scratch == NULL) return RAISE_OOM(ctx);
    ctx->stmt_arena = scratch;
    Status st = tx_begin(ctx, TX_READ_COMMITTED, false);
    if (st == QN_OK) st = drop_stale(ctx);
    if (st == QN_OK) st = tx_commit(ctx);
    if (st != QN_OK && ctx->tx != NULL) tx_rollback(ctx);
    relpins_release(ctx, &pins);
    catalog_pins_use(ctx, pins_before);
    ctx->stmt_arena = before;
    arena_destroy(scratch);
    return st;
}
