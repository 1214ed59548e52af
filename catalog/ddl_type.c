/* ddl_type.c - the rows that make and change types. See ddl.h. */
#include "catalog/ddl.h"
#include "catalog/catalog_priv.h"

bool
ddl_type_exists(Ctx *ctx, Oid schema, const char *name)
{
    CatObj *o = catalog_get_by_name(ctx, schema, name, NAMES_TYPES);
    bool exists = o != NULL;
    catobj_unref(o);
    return exists;
}

Status
ddl_claim_type_name(Ctx *ctx, Oid schema, const char *name)
{
    TRY(ddl_lock_name(ctx, schema, name));
    CatObj *o = catalog_get_by_name(ctx, schema, name, NAMES_RELATIONS);
    bool row_type = o != NULL && o->kind == OBJ_RELATION && o->relkind != RELKIND_SEQUENCE;
    catobj_unref(o);
    if (!row_type && !ddl_type_exists(ctx, schema, name)) return QN_OK;
    return RAISE(ctx, ERR_DUPLICATE_OBJECT, "type \"%s\" already exists", name);
}

Status
ddl_put_type(Ctx *ctx, const TypeDef *def)
{
    CatObj *o;
    TRY(catobj_from_type(ctx, def, &o));
    return catalog_put(ctx, o);
}

Status
ddl_edit_type(Ctx *ctx, Arena *arena, Oid oid, TypeDef **out)
{
    CatObj *o = catalog_get(ctx, oid);
    if (o == NULL || o->kind != OBJ_TYPE) {
        catobj_unref(o);
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type with OID %u does not exist", oid);
    }
    Status st = catobj_to_type(ctx, arena, o, out);
    catobj_unref(o);
    return st;
}

Status
ddl_lock_type(Ctx *ctx, Oid oid)
{
    return lock_acquire(ctx, (LockTag){.a = OID_PG_CATALOG, .b = oid, .kind = LOCK_OBJECT}, LOCK_ACCESS_EXCLUSIVE,
                        LOCK_WAIT, NULL);
}

bool
ddl_type_uses(Ctx *ctx, Oid type, Oid other)
{
    const UserType *t;
    if (type == other) return true;
    if (type < OID_FIRST_USER) return false;
    const TypeInfo *info = type_info(type);
    if (info == NULL) return false;
    if (info->made == TYPTYPE_RANGE || info->made == TYPTYPE_MULTIRANGE) return ddl_type_uses(ctx, info->subtype_oid, other);
    if (info->elem_oid != 0) return ddl_type_uses(ctx, info->elem_oid, other);
    Oid rel_oid = catalog_type_relation(ctx, type);
    if (rel_oid != INVALID_OID) {
        CatObj *o = catalog_get(ctx, rel_oid);
        RelDef *def;
        Status st = o != NULL ? catobj_to_relation(ctx, ctx->stmt_arena, o, &def) : QN_OK;
        bool found = false;
        for (int i = 0; o != NULL && st == QN_OK && !found && i < def->ncols; i++)
            found = !def->cols[i].col.dropped && ddl_type_uses(ctx, def->cols[i].col.type, other);
        catobj_unref(o);
        return found;
    }
    if (catalog_user_type(ctx, type, &t) != QN_OK || t == NULL) return false;
    return t->base != INVALID_OID && ddl_type_uses(ctx, t->base, other);
}

Status
ddl_refuse_row_type_columns(Ctx *ctx, Oid rel_oid, const char *name, bool is_type)
{
    CatObjList all;
    Status st = QN_OK;
    TRY(catalog_all(ctx, ctx->stmt_arena, OBJ_RELATION, &all));
    for (int i = 0; st == QN_OK && i < all.count; i++) {
        RelDef *def;
        if (all.items[i]->relkind != RELKIND_TABLE) continue;
        st = catobj_to_relation(ctx, ctx->stmt_arena, all.items[i], &def);
        for (int c = 0; st == QN_OK && c < def->ncols; c++)
            if (!def->cols[c].col.dropped && ddl_type_uses(ctx, def->cols[c].col.type, rel_oid + 1))
                st = is_type ? RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot alter type \"%s\" because column \"%s.%s\" uses it",
                                     name, def->name, def->cols[c].col.name)
                             : RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                                     "cannot alter table \"%s\" because column \"%s.%s\" uses its row type", name, def->name,
                                     def->cols[c].col.name);
    }
    catobj_list_release(&all);
    return st;
}

Status
ddl_objects_under(Ctx *ctx, Oid parent, ObjKind kind, CatObjList *out)
{
    return catalog_children(ctx, ctx->stmt_arena, parent, kind, out);
}
