/* ddl.c - names and the making of objects. See ddl.h. */
#include "catalog/ddl.h"
#include "catalog/catalog_priv.h"
#include "catalog/sequence.h"
#include "common/hash.h"
#include "storage/db.h"
#include "storage/index.h"
#include "storage/wal.h"
#include <stdio.h>

Status
ddl_new_oid(Ctx *ctx, Oid *oid_out)
{
    return db_next_oid(ctx, 1, oid_out);
}

Status
ddl_new_oids(Ctx *ctx, uint32_t n, Oid *first_out)
{
    return db_next_oid(ctx, n, first_out);
}

Status
ddl_new_relation_oid(Ctx *ctx, Oid *oid_out)
{
    return db_next_oid(ctx, 3, oid_out);
}

Status
ddl_target_schema(Ctx *ctx, const RangeVar *rv, Oid *schema_out, char *persistence_out)
{
    bool is_temp = rv->persistence == AST_REL_TEMP, ours;
    *persistence_out = is_temp ? 't' : rv->persistence == AST_REL_UNLOGGED ? 'u' : 'p';
    if (rv->schema == NULL && !is_temp) {
        TRY(catalog_creation_schema(ctx, schema_out));
        if (catalog_is_temp_schema(ctx, *schema_out, NULL)) *persistence_out = 't';
        return QN_OK;
    }
    if (rv->schema == NULL || strcmp(rv->schema, "pg_temp") == 0) {
        *persistence_out = 't';
        return ddl_temp_schema(ctx, schema_out);
    }
    *schema_out = catalog_schema_oid(ctx, rv->schema);
    if (catalog_is_temp_schema(ctx, *schema_out, &ours)) {
        if (!ours)
            return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION,
                         "cannot create relations in temporary schemas of other sessions");
        *persistence_out = 't';
        return QN_OK;
    }
    if (is_temp)
        return err_position(ctx,
                            RAISE(ctx, ERR_INVALID_TABLE_DEFINITION,
                                  "cannot create temporary relation in non-temporary schema"),
                            rv->loc);
    if (*schema_out == INVALID_OID)
        return err_position(
            ctx, RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", rv->schema), rv->loc);
    if (*schema_out == OID_PG_CATALOG || *schema_out == OID_INFORMATION_SCHEMA)
        return err_detail(ctx,
                          RAISE(ctx, ERR_INSUFFICIENT_PRIVILEGE, "permission denied to create \"%s.%s\"",
                                rv->schema, rv->name),
                          "System catalog modifications are currently disallowed.");
    /* Nobody drops the schema while something is being made in it. */
    return lock_acquire(ctx, (LockTag){.a = OID_PG_CATALOG, .b = *schema_out, .kind = LOCK_OBJECT},
                        LOCK_ACCESS_SHARE, LOCK_WAIT, NULL);
}

Status
ddl_lock_name(Ctx *ctx, Oid schema, const char *name)
{
    /* Two names that share a hash wait for each other, which is harmless. */
    uint64_t h = hash_bytes(name, strlen(name));
    return lock_acquire(ctx, (LockTag){.a = (uint64_t)schema << 32 | 1, .b = h, .kind = LOCK_OBJECT},
                        LOCK_EXCLUSIVE, LOCK_WAIT, NULL);
}

bool
ddl_relation_exists(Ctx *ctx, Oid schema, const char *name)
{
    CatObj *o = catalog_get_by_name(ctx, schema, name, NAMES_RELATIONS);
    bool exists = o != NULL;
    catobj_unref(o);
    return exists;
}

Status
ddl_claim_name(Ctx *ctx, Oid schema, const char *name, bool if_not_exists, bool *skip_out)
{
    *skip_out = false;
    TRY(ddl_lock_name(ctx, schema, name));
    if (!ddl_relation_exists(ctx, schema, name)) {
        if (!ddl_type_exists(ctx, schema, name)) return QN_OK;
        return err_hint(ctx, RAISE(ctx, ERR_DUPLICATE_OBJECT, "type \"%s\" already exists", name),
                        "A relation has an associated type of the same name, so you must use a name that doesn't "
                        "conflict with any existing type.");
    }
    if (!if_not_exists)
        return RAISE(ctx, ERR_DUPLICATE_TABLE, "relation \"%s\" already exists", name);
    ctx_notice(ctx, "NOTICE", ERR_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", name);
    *skip_out = true;
    return QN_OK;
}

/* name1_name2_label within 63 bytes: the longer of the two names is cut first, at a character. */
static Status
compose_name(Ctx *ctx, const char *name1, const char *name2, const char *label, const char **out)
{
    size_t n1 = strlen(name1), n2 = name2 != NULL ? strlen(name2) : 0;
    size_t overhead = (name2 != NULL ? 1 : 0) + (label != NULL ? strlen(label) + 1 : 0);
    size_t room = CATALOG_NAME_MAX - overhead;
    while (n1 + n2 > room) {
        if (n1 > n2)
            n1--;
        else
            n2--;
    }
    while (n1 > 0 && ((unsigned char)name1[n1] & 0xC0) == 0x80) n1--;
    while (n2 > 0 && ((unsigned char)name2[n2] & 0xC0) == 0x80) n2--;
    StrBuf b = strbuf_new(ctx->stmt_arena);
    strbuf_add(&b, name1, n1);
    if (name2 != NULL) {
        strbuf_addc(&b, '_');
        strbuf_add(&b, name2, n2);
    }
    if (label != NULL) strbuf_addf(&b, "_%s", label);
    char *text;
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
constraint_exists(Ctx *ctx, Oid rel_oid, const char *name, bool *out)
{
    CatObjList list;
    *out = false;
    TRY(catalog_children(ctx, ctx->stmt_arena, rel_oid, OBJ_CONSTRAINT, &list));
    for (int i = 0; i < list.count; i++)
        if (strcmp(list.items[i]->name, name) == 0) *out = true;
    catobj_list_release(&list);
    return QN_OK;
}

Status
ddl_choose_name(Ctx *ctx, Oid schema, Oid rel_oid, const char *name1, const char *name2,
                const char *label, const char **out)
{
    char numbered[32];
    for (int pass = 0;; pass++) {
        if (pass > 0) snprintf(numbered, sizeof(numbered), "%s%d", label, pass);
        TRY(compose_name(ctx, name1, name2, pass > 0 ? numbered : label, out));
        TRY(ddl_lock_name(ctx, schema, *out));
        bool taken = ddl_relation_exists(ctx, schema, *out);
        if (!taken && rel_oid != INVALID_OID) TRY(constraint_exists(ctx, rel_oid, *out, &taken));
        if (!taken) return QN_OK;
    }
}

/* ---- objects ---- */

Status
ddl_edit_relation(Ctx *ctx, Arena *arena, Oid oid, RelDef **out)
{
    CatObj *o = catalog_get(ctx, oid);
    if (o == NULL) return RAISE_INTERNAL(ctx, "relation %u is gone", oid);
    Status st = catobj_to_relation(ctx, arena, o, out);
    catobj_unref(o);
    TRY(st);
    (*out)->edited_lsn = wal_insert_lsn(ctx);
    (*out)->edited_root = (*out)->root_page;
    return QN_OK;
}

Status
ddl_put_relation(Ctx *ctx, const RelDef *def)
{
    CatObj *o;
    RelDef stored = *def;
    if (def->root_page != def->edited_root) stored.root_lsn = def->edited_lsn;
    TRY(catobj_from_relation(ctx, &stored, &o));
    return catalog_put(ctx, o);
}

Status
ddl_create_table(Ctx *ctx, RelDef *def)
{
    if (def->oid == INVALID_OID) TRY(ddl_new_relation_oid(ctx, &def->oid));
    if (def->kind == RELKIND_TABLE) {
        def->edited_lsn = wal_insert_lsn(ctx);
        TRY(heap_create(ctx, def->oid, &def->root_page));
        /* Ours alone until it is committed; the lock is what makes dropping it again simple. */
        TRY(lock_relation(ctx, def->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, def->name));
    }
    if (def->layout == 0) def->layout = 1;
    if (def->persistence == '\0') def->persistence = 'p';
    return ddl_put_relation(ctx, def);
}

Status
ddl_put_index(Ctx *ctx, Oid schema, const IndexDef *def)
{
    CatObj *o;
    TRY(catobj_from_index(ctx, def, schema, &o));
    return catalog_put(ctx, o);
}

/* An index's columns are called as the table's. */
static Status
take_column_names(Ctx *ctx, IndexDef *def)
{
    const Relation *rel;
    const char **names;
    TRY(catalog_relation_by_oid(ctx, def->rel_oid, &rel));
    TRY_ALLOC(ctx, names, ARENA_ARRAY(ctx->stmt_arena, const char *, def->ncols));
    for (int i = 0; i < def->ncols; i++) names[i] = rel->cols[def->attnums[i] - 1].name;
    def->names = names;
    return QN_OK;
}

Status
ddl_create_index(Ctx *ctx, Oid schema, IndexDef *def)
{
    if (def->oid == INVALID_OID) TRY(ddl_new_oid(ctx, &def->oid));
    if (def->names == NULL) TRY(take_column_names(ctx, def));
    if (!def->partitioned) TRY(index_create(ctx, def->oid, index_kind_find(def->method)->kind, &def->root_page));
    return ddl_put_index(ctx, schema, def);
}

Status
ddl_create_constraint(Ctx *ctx, RelConstraint *def)
{
    CatObj *o;
    if (def->oid == INVALID_OID) TRY(ddl_new_oid(ctx, &def->oid));
    TRY(catobj_from_constraint(ctx, def, &o));
    return catalog_put(ctx, o);
}

Status
ddl_put_inherit(Ctx *ctx, InheritLink *def)
{
    CatObj *o;
    if (def->oid == INVALID_OID) TRY(ddl_new_oid(ctx, &def->oid));
    TRY(catobj_from_inherit(ctx, def, &o));
    return catalog_put(ctx, o);
}

Status
ddl_put_schema(Ctx *ctx, Oid oid, const char *name)
{
    CatObj *o;
    TRY(catobj_from_schema(ctx, oid, name, &o));
    return catalog_put(ctx, o);
}

Status
ddl_create_schema(Ctx *ctx, const char *name, Oid *oid_out)
{
    TRY(ddl_new_oid(ctx, oid_out));
    return ddl_put_schema(ctx, *oid_out, name);
}

Status
ddl_all_objects(Ctx *ctx, ObjKind kind, CatObjList *out)
{
    return catalog_all(ctx, ctx->stmt_arena, kind, out);
}

Status
ddl_nextval_sql(Ctx *ctx, Oid seq_oid, const char **out)
{
    TRY_ALLOC(ctx, *out, arena_printf(ctx->stmt_arena, "nextval('%u'::regclass)", seq_oid));
    return QN_OK;
}

Status
ddl_create_sequence(Ctx *ctx, RelDef *def)
{
    if (def->oid == INVALID_OID) TRY(ddl_new_oid(ctx, &def->oid));
    TRY(sequence_slot_new(ctx, def->oid, def->sequence->start, &def->sequence->slot));
    def->kind = RELKIND_SEQUENCE;
    return ddl_create_table(ctx, def);
}

Status
ddl_put_stats(Ctx *ctx, StatsDef *def)
{
    CatObjList list;
    CatObj *o;
    TRY(catalog_children(ctx, ctx->stmt_arena, def->rel_oid, OBJ_STATS, &list));
    if (list.count > 0) def->oid = list.items[0]->oid;
    catobj_list_release(&list);
    if (def->oid == INVALID_OID) TRY(ddl_new_oid(ctx, &def->oid));
    TRY(catobj_from_stats(ctx, def, &o));
    return catalog_put(ctx, o);
}

Status
ddl_get_stats(Ctx *ctx, Arena *arena, Oid rel_oid, StatsDef **out)
{
    CatObjList list;
    Status st = QN_OK;
    *out = NULL;
    TRY(catalog_children(ctx, ctx->stmt_arena, rel_oid, OBJ_STATS, &list));
    if (list.count > 0) st = catobj_to_stats(ctx, arena, list.items[0], out);
    catobj_list_release(&list);
    return st;
}

Status
ddl_forget_stats(Ctx *ctx, Oid rel_oid)
{
    CatObjList list;
    Status st = QN_OK;
    TRY(catalog_children(ctx, ctx->stmt_arena, rel_oid, OBJ_STATS, &list));
    for (int i = 0; i < list.count && st == QN_OK; i++) st = catalog_remove(ctx, list.items[i]->oid);
    catobj_list_release(&list);
    return st;
}

static Status
oids_of(Ctx *ctx, CatObjList *list, char relkind, Oid **out, int *n_out)
{
    Oid *oids = ARENA_ARRAY(ctx->stmt_arena, Oid, list->count + 1);
    int n = 0;
    for (int i = 0; oids != NULL && i < list->count; i++)
        if (list->items[i]->relkind == relkind) oids[n++] = list->items[i]->oid;
    catobj_list_release(list);
    if (oids == NULL) return RAISE_OOM(ctx);
    *out = oids;
    *n_out = n;
    return QN_OK;
}

Status
ddl_owned_sequences(Ctx *ctx, Oid rel_oid, Oid **out, int *n_out)
{
    CatObjList list;
    TRY(catalog_children2(ctx, ctx->stmt_arena, rel_oid, OBJ_RELATION, &list));
    return oids_of(ctx, &list, RELKIND_SEQUENCE, out, n_out);
}

Status
ddl_all_tables(Ctx *ctx, Oid **out, int *n_out)
{
    CatObjList list;
    TRY(catalog_all(ctx, ctx->stmt_arena, OBJ_RELATION, &list));
    return oids_of(ctx, &list, RELKIND_TABLE, out, n_out);
}

Status
ddl_all_sequences(Ctx *ctx, Oid **out, int *n_out)
{
    CatObjList list;
    TRY(catalog_all(ctx, ctx->stmt_arena, OBJ_RELATION, &list));
    return oids_of(ctx, &list, RELKIND_SEQUENCE, out, n_out);
}
