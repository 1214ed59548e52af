/* sys_types.c - generators of pg_type, pg_enum and pg_range: the built-in rows, the stored types, and the row types of relations. */
#include "catalog/systable.h"
#include "catalog/usertype.h"
#include "types/range.h"

/* What pg_type says of a type beyond its TypeInfo. */
typedef struct TypeRow {
    Oid oid, schema, relation, elem, array, base;
    const char *name;
    char kind, category;
    int typlen;
    bool preferred, defined, not_null;
    int32_t typmod;
    Oid collation;
    const char *default_sql;
    bool is_array;
} TypeRow;

static Status
type_row(SysRows *r, const TypeRow *t)
{
    bool by_value = t->typlen > 0 && t->typlen <= 8;
    TRY(sys_row(r));
    sys_oid(r, t->oid);
    sys_text(r, t->name);
    sys_oid(r, t->schema);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_int2(r, t->typlen);
    sys_bool(r, by_value);
    sys_char(r, t->kind);
    sys_char(r, t->category);
    sys_bool(r, t->preferred);
    sys_bool(r, t->defined);
    sys_char(r, ',');
    sys_oid(r, t->relation);
    sys_oid(r, t->is_array ? 6179 : 0); /* array_subscript_handler */
    sys_oid(r, t->elem);
    sys_oid(r, t->array);
    for (int k = 0; k < 7; k++) sys_oid(r, 0);
    sys_char(r, t->typlen == 1 ? 'c' : t->typlen == 2 ? 's' : t->typlen == 8 ? 'd' : 'i');
    sys_char(r, t->typlen < 0 ? 'x' : 'p');
    sys_bool(r, t->not_null);
    sys_oid(r, t->base);
    sys_int4(r, t->typmod);
    sys_int4(r, 0);
    sys_oid(r, t->collation);
    sys_skip(r, 1);
    if (t->default_sql != NULL) sys_text(r, t->default_sql);
    else sys_skip(r, 1);
    sys_skip(r, 1);
    return QN_OK;
}

static bool
has_collation(const TypeInfo *t)
{
    if (t->elem_oid != 0 && t->category == TYPCAT_ARRAY) t = type_info(t->elem_oid);
    return t->category == TYPCAT_STRING;
}

static Status
built_in(SysRows *r)
{
    for (int i = 0; i < type_count(); i++) {
        const TypeInfo *t = type_at(i);
        TypeRow row = {.oid = t->oid, .schema = OID_PG_CATALOG, .elem = t->elem_oid, .array = t->array_oid, .name = t->name,
                       .kind = type_kind(t->oid), .category = t->category, .typlen = t->typlen, .preferred = t->preferred,
                       .defined = true, .typmod = -1, .collation = has_collation(t) ? 100 : 0,
                       .is_array = t->elem_oid != 0};
        TRY(type_row(r, &row));
    }
    return QN_OK;
}

/* A type and the array over it, which has the next oid. */
static Status
pair(Ctx *ctx, SysRows *r, TypeRow *t)
{
    char *array_name;
    t->array = t->oid + 1;
    TRY(type_row(r, t));
    TRY_ALLOC(ctx, array_name, arena_printf(sys_arena(r), "_%s", t->name));
    TypeRow array = {.oid = t->oid + 1, .schema = t->schema, .elem = t->oid, .name = array_name, .kind = TYPTYPE_BASE,
                     .category = TYPCAT_ARRAY, .typlen = -1, .defined = true, .typmod = -1, .collation = t->collation, .is_array = true};
    return type_row(r, &array);
}

static Status
stored(Ctx *ctx, SysRows *r)
{
    const UserType *const *types;
    int n;
    TRY(catalog_all_user_types(ctx, sys_arena(r), &types, &n));
    for (int i = 0; i < n; i++) {
        const UserType *u = types[i];
        TRY(catalog_type_load(ctx, u->oid));
        const TypeInfo *t = type_info(u->oid);
        TypeRow row = {.oid = u->oid, .schema = u->schema_oid, .name = u->name, .kind = u->kind,
                       .category = t != NULL ? t->category : TYPCAT_PSEUDO, .typlen = t != NULL ? t->typlen : 4, .defined = t != NULL,
                       .not_null = u->not_null, .base = u->kind == TYPTYPE_DOMAIN ? u->base : 0, .typmod = u->typmod,
                       .collation = u->collation, .default_sql = u->default_sql};
        if (t == NULL) TRY(type_row(r, &row)); /* a shell has no array */
        else TRY(pair(ctx, r, &row));
    }
    return QN_OK;
}

static Status
of_rows(Ctx *ctx, SysRows *r)
{
    CatObjList list;
    Status st = QN_OK;
    TRY(catalog_all(ctx, sys_arena(r), OBJ_RELATION, &list));
    for (int i = 0; i < list.count && st == QN_OK; i++) {
        const CatObj *o = list.items[i];
        if (!catalog_has_row_type(o->relkind)) continue;
        TypeRow row = {.oid = o->oid + 1, .schema = o->schema, .relation = o->oid, .name = o->name, .kind = TYPTYPE_COMPOSITE,
                       .category = TYPCAT_COMPOSITE, .typlen = -1, .defined = true, .typmod = -1};
        st = pair(ctx, r, &row);
    }
    catobj_list_release(&list);
    return st;
}

Status
sys_pg_type(Ctx *ctx, SysRows *r)
{
    TRY(built_in(r));
    TRY(stored(ctx, r));
    return of_rows(ctx, r);
}

Status
sys_pg_enum(Ctx *ctx, SysRows *r)
{
    const UserType *const *types;
    int n;
    TRY(catalog_all_user_types(ctx, sys_arena(r), &types, &n));
    for (int i = 0; i < n; i++)
        for (int k = 0; k < types[i]->nlabels; k++) {
            const EnumLabel *l = &types[i]->labels[k];
            TRY(sys_row(r));
            sys_oid(r, l->oid);
            sys_oid(r, types[i]->oid);
            sys_float4(r, l->sort);
            sys_text(r, l->name);
        }
    return QN_OK;
}

static Status
range_row(SysRows *r, Oid range, Oid subtype, Oid multirange, Oid collation, Oid canonical, Oid subdiff)
{
    TRY(sys_row(r));
    sys_oid(r, range);
    sys_oid(r, subtype);
    sys_oid(r, multirange);
    sys_oid(r, collation);
    sys_oid(r, 0);
    sys_oid(r, canonical);
    sys_oid(r, subdiff);
    return QN_OK;
}

Status
sys_pg_range(Ctx *ctx, SysRows *r)
{
    Oid range, canonical, subdiff;
    const UserType *const *types;
    int n;
    for (int i = 0; range_builtin(i, &range, &canonical, &subdiff); i++)
        TRY(range_row(r, range, range_subtype(range), range_multirange(range), 0, canonical, subdiff));
    TRY(catalog_all_user_types(ctx, sys_arena(r), &types, &n));
    for (int i = 0; i < n; i++)
        if (types[i]->kind == TYPTYPE_RANGE)
            TRY(range_row(r, types[i]->oid, types[i]->base, types[i]->oid + 2, types[i]->collation, types[i]->canonical, types[i]->subdiff));
    return QN_OK;
}
