/* usertype.c - types made in the database: looking them up, and telling type_info of them.
 *
 * Oids say what belongs together: a stored type's array has the next oid; the rows of relation r have type r + 1, and the
 * array over that is r + 2. So one lookup by oid finds what an oid is part of, and nothing of it is stored twice. */
#include "catalog/catalog_priv.h"
#include "catalog/usertype.h"
#include "parser/deparse.h"
#include "types/array.h"
#include "types/range.h"
#include "types/record.h"
#include "types/type_io.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- what an oid is ---- */

bool
catalog_has_row_type(char relkind)
{
    return relkind == RELKIND_TABLE || relkind == RELKIND_VIEW || relkind == RELKIND_COMPOSITE || relkind == 'm' ||
           relkind == 'f' || relkind == 'p';
}

typedef enum Part { PART_NONE, PART_TYPE, PART_TYPE_ARRAY, PART_ROW, PART_ROW_ARRAY } Part;

/* How objects are reached: as a session sees them, or straight from the map while it is being made. */
typedef struct Source {
    Ctx *ctx;
    const CatalogShared *loading; /* NULL: through ctx */
    TypeSet *types;
} Source;

static CatObj *
source_get(const Source *s, Oid oid)
{
    return s->loading != NULL ? catalog_loading_get(s->loading, oid) : catalog_get(s->ctx, oid);
}

/* The object that a type's oid belongs to, with a reference, and which of its types it is. */
static CatObj *
find_owner(const Source *s, Oid type, Part *part_out)
{
    static const struct { Oid step; bool of_type; Part part; } places[] = {
        {0, true, PART_TYPE}, {1, true, PART_TYPE_ARRAY}, {1, false, PART_ROW}, {2, false, PART_ROW_ARRAY}};
    *part_out = PART_NONE;
    if (type < OID_FIRST_USER) return NULL;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        CatObj *o = source_get(s, type - places[i].step);
        bool fits = o != NULL && (places[i].of_type ? o->kind == OBJ_TYPE
                                                    : o->kind == OBJ_RELATION && catalog_has_row_type(o->relkind));
        if (fits) {
            *part_out = places[i].part;
            return o;
        }
        catobj_unref(o);
    }
    return NULL;
}

Oid
catalog_row_type(const Relation *rel)
{
    return rel->oid >= OID_FIRST_USER && catalog_has_row_type(rel->kind) ? rel->oid + 1 : INVALID_OID;
}

Oid
catalog_type_relation(Ctx *ctx, Oid type)
{
    Part part;
    if (ctx->catalog == NULL) return INVALID_OID;
    CatObj *o = find_owner(&(Source){.ctx = ctx}, type, &part);
    Oid rel = part == PART_ROW ? o->oid : INVALID_OID;
    catobj_unref(o);
    return rel;
}

/* ---- names ---- */

/* The type of a name in one schema. */
static Oid
type_in_schema(Ctx *ctx, Oid schema, const char *name)
{
    CatObj *o = catalog_get_by_name(ctx, schema, name, NAMES_TYPES);
    Oid oid = o != NULL ? o->oid : INVALID_OID;
    catobj_unref(o);
    if (oid != INVALID_OID) return oid;
    o = catalog_get_by_name(ctx, schema, name, NAMES_RELATIONS);
    if (o != NULL && o->kind == OBJ_RELATION && catalog_has_row_type(o->relkind)) oid = o->oid + 1;
    catobj_unref(o);
    return oid;
}

Oid
catalog_type_in_schema(Ctx *ctx, Oid schema, const char *name)
{
    if (schema == OID_PG_CATALOG || schema == OID_INFORMATION_SCHEMA) {
        const TypeInfo *t = schema == OID_PG_CATALOG ? type_by_name(name) : NULL;
        return t != NULL ? t->oid : INVALID_OID;
    }
    Oid oid = type_in_schema(ctx, schema, name);
    if (oid == INVALID_OID && name[0] == '_') {
        oid = type_in_schema(ctx, schema, name + 1);
        if (oid != INVALID_OID) oid++;
    }
    return oid;
}

Oid
catalog_type_by_name(Ctx *ctx, const char *schema, const char *name)
{
    Oid oid = INVALID_OID;
    if (schema != NULL) {
        Oid s = catalog_schema_oid(ctx, schema);
        oid = s != INVALID_OID ? catalog_type_in_schema(ctx, s, name) : INVALID_OID;
    } else if (ctx->catalog == NULL || catalog_path_refresh(ctx) != QN_OK) {
        return catalog_type_in_schema(ctx, OID_PG_CATALOG, name);
    } else {
        Catalog *c = ctx->catalog;
        if (c->path_temp != INVALID_OID) oid = catalog_type_in_schema(ctx, c->path_temp, name);
        if (oid == INVALID_OID && !c->path_has_pg_catalog) oid = catalog_type_in_schema(ctx, OID_PG_CATALOG, name);
        for (int i = 0; i < c->npath && oid == INVALID_OID; i++) oid = catalog_type_in_schema(ctx, c->path[i], name);
    }
    if (oid != INVALID_OID && catalog_type_load(ctx, oid) != QN_OK) return INVALID_OID;
    return oid;
}

bool
catalog_type_is_visible(Ctx *ctx, Oid oid)
{
    Part part;
    if (oid < OID_FIRST_USER) return true;
    CatObj *o = find_owner(&(Source){.ctx = ctx}, oid, &part);
    if (o == NULL) return false;
    Oid found = catalog_type_by_name(ctx, NULL, o->name);
    bool is_array = part == PART_TYPE_ARRAY || part == PART_ROW_ARRAY;
    catobj_unref(o);
    return found == (is_array ? oid - 1 : oid);
}

/* TypeInfo.format: the name as it is now, qualified where the path does not find it. */
static Status
format_made(Ctx *ctx, const TypeInfo *t, StrBuf *b)
{
    Part part;
    CatObj *o = ctx->catalog != NULL ? find_owner(&(Source){.ctx = ctx}, t->oid, &part) : NULL;
    if (o == NULL) {
        strbuf_addz(b, "???");
        return QN_OK;
    }
    if (!catalog_type_is_visible(ctx, t->oid)) {
        const char *schema = catalog_schema_name(ctx, o->schema);
        deparse_ident(b, schema != NULL ? schema : "?");
        strbuf_addc(b, '.');
    }
    deparse_ident(b, o->name);
    if (t->elem_oid != 0) strbuf_addz(b, "[]");
    catobj_unref(o);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* TypeInfo.shape of a row type. */
static Status
row_shape(Ctx *ctx, Arena *arena, const TypeInfo *t, TypeShape *out)
{
    CatObj *o = catalog_get(ctx, t->oid - 1);
    RelDef *def;
    if (o == NULL)
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type with OID %u does not exist", t->oid);
    Status st = catobj_to_relation(ctx, arena, o, &def);
    catobj_unref(o);
    TRY(st);
    out->n = def->ncols;
    TRY_ALLOC(ctx, out->names, ARENA_ARRAY(arena, const char *, def->ncols + 1));
    TRY_ALLOC(ctx, out->types, ARENA_ARRAY(arena, Oid, def->ncols + 1));
    TRY_ALLOC(ctx, out->typmods, ARENA_ARRAY(arena, int32_t, def->ncols + 1));
    for (int i = 0; i < def->ncols; i++) {
        out->names[i] = def->cols[i].col.dropped ? NULL : def->cols[i].col.name;
        out->types[i] = def->cols[i].col.type;
        out->typmods[i] = def->cols[i].col.typmod;
    }
    return QN_OK;
}

/* ---- telling type_info ---- */

static Status load(const Source *s, Oid type, int depth);

static Status
put_array(const Source *s, const TypeInfo *elem)
{
    TypeInfo t = {.oid = elem->array_oid, .phys = PHYS_STR, .category = TYPCAT_ARRAY, .typlen = -1,
                  .elem_oid = elem->oid, .reversible_key = elem->reversible_key, .in = array_in, .out = array_out,
                  .cmp = elem->cmp != NULL ? array_cmp : NULL, .hash = elem->hash != NULL ? array_hash : NULL,
                  .made = TYPTYPE_BASE, .format = format_made};
    char name[80];
    snprintf(name, sizeof(name), "_%s", elem->name);
    t.name = name;
    char sql_name[80];
    snprintf(sql_name, sizeof(sql_name), "%s[]", elem->name);
    t.sql_name = sql_name;
    return type_set_put(s->ctx, s->types, &t);
}

static Status
put_pair(const Source *s, TypeInfo *t)
{
    t->sql_name = t->name;
    t->array_oid = t->oid + 1;
    t->format = format_made;
    TRY(type_set_put(s->ctx, s->types, t));
    return put_array(s, t);
}

static Status
load_domain(const Source *s, const CatObj *o, const TypeDef *def, int depth)
{
    int32_t typmod = def->typmod;
    TRY(load(s, def->base, depth + 1));
    Oid base = type_base_typmod(def->base, &typmod);
    const TypeInfo *b = type_info(base);
    if (b == NULL) return RAISE(s->ctx, ERR_DATA_CORRUPTED, "type \"%s\" is over type %u, which is not there", o->name, base);
    TypeInfo t = *b;
    t.oid = o->oid;
    t.name = o->name;
    t.preferred = false;
    t.elem_oid = 0; /* what an array is, its domain is not */
    t.made = TYPTYPE_DOMAIN;
    t.base_oid = base;
    t.base_typmod = typmod;
    t.shape = NULL;
    return put_pair(s, &t);
}

static Status
load_row(const Source *s, const CatObj *o)
{
    TypeInfo t = {.oid = o->oid + 1, .name = o->name, .phys = PHYS_STR, .category = TYPCAT_COMPOSITE, .typlen = -1,
                  .in = composite_in, .out = composite_out, .cmp = record_cmp, .hash = record_hash,
                  .made = TYPTYPE_COMPOSITE, .shape = row_shape};
    return put_pair(s, &t);
}

static Status
load_range(const Source *s, TypeInfo *t, Oid over, char kind)
{
    bool multi = kind == TYPTYPE_MULTIRANGE;
    t->phys = PHYS_STR;
    t->category = TYPCAT_RANGE;
    t->typlen = -1;
    t->reversible_key = false;
    t->in = multi ? multirange_in : range_in;
    t->out = multi ? multirange_out : range_out;
    t->cmp = multi ? multirange_cmp : range_cmp;
    t->hash = multi ? multirange_hash : range_hash;
    t->subtype_oid = over;
    t->made = kind;
    return put_pair(s, t);
}

static Status
load_stored(const Source *s, const CatObj *o, int depth)
{
    TypeInfo t = {.oid = o->oid, .name = o->name, .reversible_key = true};
    TypeDef *def;
    Arena *arena = arena_create(NULL, "a type");
    if (arena == NULL) return RAISE_OOM(s->ctx);
    Status st = catobj_to_type(s->ctx, arena, o, &def);
    if (st != QN_OK) goto done;
    switch (o->relkind) {
    case TYPTYPE_ENUM:
        t.phys = PHYS_I64;
        t.category = TYPCAT_ENUM;
        t.typlen = 4;
        t.in = enum_in, t.out = enum_out, t.cmp = int8_cmp, t.hash = int8_hash;
        t.made = TYPTYPE_ENUM;
        st = put_pair(s, &t);
        break;
    case TYPTYPE_DOMAIN: st = load_domain(s, o, def, depth); break;
    case TYPTYPE_RANGE:
        st = load(s, def->base, depth + 1);
        if (st == QN_OK) st = load_range(s, &t, def->base, TYPTYPE_RANGE);
        break;
    case TYPTYPE_MULTIRANGE:
        st = load(s, def->base, depth + 1);
        if (st == QN_OK) st = load_range(s, &t, def->base, TYPTYPE_MULTIRANGE);
        break;
    default: break; /* a shell has no values */
    }
done:
    arena_destroy(arena);
    return st;
}

static Status
load(const Source *s, Oid type, int depth)
{
    Part part;
    if (type < OID_FIRST_USER) return QN_OK;
    if (depth > 1000) return RAISE(s->ctx, ERR_STATEMENT_TOO_COMPLEX, "types are nested too deeply");
    CatObj *o = find_owner(s, type, &part);
    Status st = QN_OK;
    if (part == PART_TYPE || part == PART_TYPE_ARRAY) st = load_stored(s, o, depth);
    else if (part == PART_ROW || part == PART_ROW_ARRAY) st = load_row(s, o);
    catobj_unref(o);
    return st;
}

Status
catalog_type_load(Ctx *ctx, Oid oid)
{
    if (oid < OID_FIRST_USER || ctx->catalog == NULL) return QN_OK;
    return load(&(Source){.ctx = ctx, .types = ctx->catalog->shared->types}, oid, 0);
}

Status
usertype_load_all(Ctx *ctx, CatalogShared *shared)
{
    Source s = {.ctx = ctx, .loading = shared, .types = shared->types};
    Status st = QN_OK;
    type_set_use(shared->types);
    for (uint32_t i = 0; i < shared->nbuckets && st == QN_OK; i++)
        for (CatSlot *slot = shared->by_oid[i]; slot != NULL && st == QN_OK; slot = slot->next_oid) {
            const CatObj *o = slot->obj;
            if (o->kind == OBJ_TYPE) st = load_stored(&s, o, 0);
            if (o->kind == OBJ_RELATION && catalog_has_row_type(o->relkind)) st = load_row(&s, o);
        }
    return st;
}

/* ---- unpacked, kept a session ---- */

/* Entries are checked against the object they were made from whenever the catalog has changed since. What is replaced may still be in
 * use by the statement at hand, so it goes when the session ends or the list grows. */
typedef struct TypeEntry {
    CatObj *obj; /* one reference */
    UserType *type;
    uint64_t generation; /* when it was last known to be true */
} TypeEntry;

struct TypeCache {
    Arena *arena;
    ARRAY(TypeEntry) entries;
    ARRAY(UserType *) retired;
};

void
usertype_cache_free(Catalog *c)
{
    struct TypeCache *cache = c->type_cache;
    if (cache == NULL) return;
    for (int i = 0; i < cache->entries.count; i++) {
        catobj_unref(cache->entries.items[i].obj);
        arena_destroy(cache->entries.items[i].type->arena);
    }
    for (int i = 0; i < cache->retired.count; i++) arena_destroy(cache->retired.items[i]->arena);
    arena_destroy(cache->arena);
    c->type_cache = NULL;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp((*(RelConstraint *const *)a)->name, (*(RelConstraint *const *)b)->name);
}

static Status
add_constraints(Ctx *ctx, UserType *t)
{
    CatObjList list;
    RelConstraint **items;
    Status st = QN_OK;
    int n = 0;
    TRY(catalog_children(ctx, t->arena, t->oid, OBJ_CONSTRAINT, &list));
    items = ARENA_ARRAY(t->arena, RelConstraint *, list.count + 1);
    if (items == NULL) st = RAISE_OOM(ctx);
    for (int i = 0; i < list.count && st == QN_OK; i++) st = catobj_to_constraint(ctx, t->arena, list.items[i], &items[n++]);
    catobj_list_release(&list);
    TRY(st);
    if (n > 1) qsort(items, (size_t)n, sizeof(items[0]), by_name);
    t->constraints = (const RelConstraint *const *)items;
    t->nconstraints = n;
    return QN_OK;
}

static Status
fill_type(Ctx *ctx, Arena *arena, const CatObj *o, UserType *t)
{
    TypeDef *def;
    TRY(catobj_to_type(ctx, arena, o, &def));
    t->oid = o->oid;
    t->version = catalog_relation_version(ctx, o->oid);
    t->name = def->name;
    t->schema_oid = o->schema;
    const char *schema = catalog_schema_name(ctx, o->schema);
    TRY_ALLOC(ctx, t->schema, arena_strdup(arena, schema != NULL ? schema : ""));
    t->kind = def->kind;
    t->nlabels = def->nlabels;
    t->labels = def->labels;
    t->base = def->base;
    t->typmod = def->typmod;
    t->collation = def->collation;
    t->not_null = def->not_null;
    t->default_sql = def->default_sql;
    t->subdiff = def->subdiff;
    t->canonical = def->canonical;
    t->comment = def->comment;
    t->arena = arena;
    return t->kind == TYPTYPE_DOMAIN ? add_constraints(ctx, t) : QN_OK;
}

static Status
build_type(Ctx *ctx, const CatObj *o, UserType **out)
{
    Arena *arena = arena_create(NULL, "a type");
    if (arena == NULL) return RAISE_OOM(ctx);
    UserType *t = ARENA_NEW(arena, UserType);
    Status st = t != NULL ? fill_type(ctx, arena, o, t) : RAISE_OOM(ctx);
    if (st != QN_OK) arena_destroy(arena);
    *out = t;
    return st;
}

static Status
cache_of(Ctx *ctx, struct TypeCache **out)
{
    Catalog *c = ctx->catalog;
    if (c->type_cache == NULL) {
        Arena *arena = arena_create(NULL, "types of a session");
        if (arena == NULL) return RAISE_OOM(ctx);
        c->type_cache = ARENA_NEW(arena, struct TypeCache);
        if (c->type_cache == NULL) {
            arena_destroy(arena);
            return RAISE_OOM(ctx);
        }
        c->type_cache->arena = arena;
    }
    *out = c->type_cache;
    return QN_OK;
}

/* Looks again. The reference to o is taken over. */
static Status
refresh(Ctx *ctx, struct TypeCache *cache, TypeEntry *e, CatObj *o, uint64_t generation)
{
    UserType *t;
    uint64_t version = catalog_relation_version(ctx, o->oid); /* moves with its constraints, too */
    if (o == e->obj && e->type->version == version) {
        catobj_unref(o);
        e->generation = generation;
        return QN_OK;
    }
    Status st = build_type(ctx, o, &t);
    if (st == QN_OK) st = array_push(ctx, cache->arena, &cache->retired, e->type);
    if (st != QN_OK) {
        catobj_unref(o);
        return st;
    }
    catobj_unref(e->obj);
    *e = (TypeEntry){.obj = o, .type = t, .generation = generation};
    return QN_OK;
}

Status
catalog_user_type(Ctx *ctx, Oid oid, const UserType **out)
{
    struct TypeCache *cache;
    *out = NULL;
    if (oid < OID_FIRST_USER || ctx->catalog == NULL) return QN_OK;
    TRY(cache_of(ctx, &cache));
    uint64_t generation = catalog_generation(ctx);
    TypeEntry *e = NULL;
    for (int i = 0; i < cache->entries.count && e == NULL; i++)
        if (cache->entries.items[i].obj->oid == oid) e = &cache->entries.items[i];
    if (e == NULL || e->generation != generation) {
        CatObj *o = catalog_get(ctx, oid);
        if (o == NULL || o->kind != OBJ_TYPE) {
            catobj_unref(o);
            return QN_OK;
        }
        if (e != NULL) {
            TRY(refresh(ctx, cache, e, o, generation));
        } else {
            TypeEntry fresh = {.obj = o, .generation = generation};
            Status st = build_type(ctx, o, &fresh.type);
            if (st == QN_OK) {
                st = array_push(ctx, cache->arena, &cache->entries, fresh);
                if (st != QN_OK) arena_destroy(fresh.type->arena);
            }
            if (st != QN_OK) {
                catobj_unref(o);
                return st;
            }
            e = &cache->entries.items[cache->entries.count - 1];
        }
    }
    *out = e->type;
    return QN_OK;
}

Status
catalog_all_user_types(Ctx *ctx, Arena *arena, const UserType *const **out, int *n_out)
{
    CatObjList list;
    Status st = QN_OK;
    int n = 0;
    TRY(catalog_all(ctx, arena, OBJ_TYPE, &list));
    const UserType **items = ARENA_ARRAY(arena, const UserType *, list.count + 1);
    if (items == NULL) st = RAISE_OOM(ctx);
    for (int i = 0; i < list.count && st == QN_OK; i++) {
        UserType *t = ARENA_NEW(arena, UserType);
        st = t != NULL ? fill_type(ctx, arena, list.items[i], t) : RAISE_OOM(ctx);
        items[n++] = t;
    }
    catobj_list_release(&list);
    *out = items;
    *n_out = n;
    return st;
}

/* ---- enum values ---- */

Status
enum_check_label(Ctx *ctx, const UserType *t, const EnumLabel *l)
{
    CatObj *before = catalog_get_before(ctx, t->oid);
    TypeDef *def;
    bool known = false;
    if (before == NULL) return QN_OK;
    Status st = catobj_to_type(ctx, ctx->stmt_arena, before, &def);
    catobj_unref(before);
    TRY(st);
    for (int i = 0; i < def->nlabels && !known; i++) known = def->labels[i].oid == l->oid;
    if (known) return QN_OK;
    return err_hint(ctx,
                    RAISE(ctx, ERR_UNSAFE_NEW_ENUM_VALUE_USAGE, "unsafe use of new value \"%s\" of enum type %s", l->name, t->name),
                    "New enum values must be committed before they can be used.");
}

Status
enum_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    const UserType *t;
    (void)arena, (void)typmod;
    TRY(catalog_user_type(ctx, type, &t));
    for (int i = 0; t != NULL && i < t->nlabels; i++)
        if (strlen(t->labels[i].name) == nbytes && memcmp(t->labels[i].name, text, nbytes) == 0) {
            *out = value_i64(type, t->labels[i].key);
            return enum_check_label(ctx, t, &t->labels[i]);
        }
    const char *name;
    TRY(type_format(ctx, ctx->stmt_arena, type, -1, &name));
    return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input value for enum %s: \"%.*s\"", name, (int)nbytes,
                 text);
}

const EnumLabel *
enum_label(const UserType *t, int64_t key)
{
    int lo = 0, hi = t->nlabels - 1;
    while (lo <= hi) {
        int mid = (lo + hi) / 2;
        if (t->labels[mid].key == key) return &t->labels[mid];
        if (t->labels[mid].key < key) lo = mid + 1;
        else hi = mid - 1;
    }
    return NULL;
}

Status
enum_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    const UserType *t;
    TRY(catalog_user_type(ctx, value->type, &t));
    const EnumLabel *l = t != NULL ? enum_label(t, value->i64) : NULL;
    if (l == NULL)
        return RAISE(ctx, ERR_INVALID_BINARY_REPRESENTATION, "invalid internal value for enum: %lld", (long long)value->i64);
    strbuf_addz(b, l->name);
    return QN_OK;
}
