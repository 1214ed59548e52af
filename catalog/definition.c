/* definition.c - see definition.h. */
#include "catalog/definition.h"
#include "catalog/catalog_priv.h"
#include "catalog/ddl.h"
#include <stdio.h>

/* ---- looking up ---- */

static Status
unpack(Ctx *ctx, Arena *arena, const CatObj *o, Definition **out)
{
    TRY(catobj_to_definition(ctx, arena, o, out));
    (*out)->version = catalog_relation_version(ctx, o->oid);
    return QN_OK;
}

/* Those of a kind; releases the list. */
static Status
unpack_kind(Ctx *ctx, Arena *arena, CatObjList *list, char kind, const Definition ***out, int *n_out)
{
    Status st = QN_OK;
    int n = 0;
    const Definition **defs = ARENA_ARRAY(arena, const Definition *, list->count + 1);
    if (defs == NULL) st = RAISE_OOM(ctx);
    for (int i = 0; st == QN_OK && i < list->count; i++) {
        Definition *d;
        if (list->items[i]->relkind != kind) continue;
        st = unpack(ctx, arena, list->items[i], &d);
        defs[n++] = d;
    }
    *out = defs;
    *n_out = n;
    catobj_list_release(list);
    return st;
}

Status
catalog_definitions(Ctx *ctx, Arena *arena, Oid schema, const char *name, char kind, const Definition ***out, int *n_out)
{
    CatObjList list;
    *n_out = 0;
    TRY(catalog_all_of_name(ctx, arena, schema, name, OBJ_DEFINED, &list));
    return list.count > 0 ? unpack_kind(ctx, arena, &list, kind, out, n_out) : QN_OK;
}

Status
catalog_all_definitions(Ctx *ctx, Arena *arena, char kind, const Definition ***out, int *n_out)
{
    CatObjList list;
    TRY(catalog_all(ctx, arena, OBJ_DEFINED, &list));
    return unpack_kind(ctx, arena, &list, kind, out, n_out);
}

Status
catalog_definitions_under(Ctx *ctx, Arena *arena, Oid parent, char kind, const Definition ***out, int *n_out)
{
    CatObjList list;
    TRY(catalog_children(ctx, arena, parent, OBJ_DEFINED, &list));
    return unpack_kind(ctx, arena, &list, kind, out, n_out);
}

Status
catalog_definition(Ctx *ctx, Arena *arena, Oid oid, const Definition **out)
{
    CatObj *o = oid >= OID_FIRST_USER ? catalog_get(ctx, oid) : NULL;
    Definition *d = NULL;
    Status st = o != NULL && o->kind == OBJ_DEFINED ? unpack(ctx, arena, o, &d) : QN_OK;
    catobj_unref(o);
    *out = d;
    return st;
}

Status
ddl_put_definition(Ctx *ctx, Definition *d)
{
    CatObj *o;
    if (d->oid == INVALID_OID) TRY(ddl_new_oid(ctx, &d->oid));
    TRY(catobj_from_definition(ctx, d, &o));
    return catalog_put(ctx, o);
}

/* ---- comments ---- */

static void
comment_name(char *buf, size_t nbytes, Oid class_oid, Oid oid, int subid)
{
    snprintf(buf, nbytes, "%u.%u.%d", class_oid, oid, subid);
}

static Status
find_comment(Ctx *ctx, Arena *arena, Oid class_oid, Oid oid, int subid, const Definition **out)
{
    const Definition **list;
    char name[48];
    int n;
    *out = NULL;
    if (!catalog_has_definitions(ctx, DEF_COMMENT)) return QN_OK;
    comment_name(name, sizeof(name), class_oid, oid, subid);
    TRY(catalog_definitions(ctx, arena, INVALID_OID, name, DEF_COMMENT, &list, &n));
    if (n > 0) *out = list[0];
    return QN_OK;
}

Status
catalog_comment(Ctx *ctx, Arena *arena, Oid class_oid, Oid oid, int subid, const char **out)
{
    const Definition *d;
    TRY(find_comment(ctx, arena, class_oid, oid, subid, &d));
    *out = d != NULL ? d->texts[0] : NULL;
    return QN_OK;
}

Status
ddl_put_comment(Ctx *ctx, Oid class_oid, Oid oid, int subid, const char *text)
{
    const Definition *old;
    const int64_t nums[CMT_COUNT] = {class_oid, oid, subid};
    char name[48];
    TRY(find_comment(ctx, ctx->stmt_arena, class_oid, oid, subid, &old));
    if (text == NULL || text[0] == '\0') return old != NULL ? catalog_remove(ctx, old->oid) : QN_OK;
    comment_name(name, sizeof(name), class_oid, oid, subid);
    Definition d = {.oid = old != NULL ? old->oid : INVALID_OID, .kind = DEF_COMMENT, .name = name, .nnums = CMT_COUNT,
                    .nums = nums, .ntexts = 1, .texts = &text};
    return ddl_put_definition(ctx, &d);
}

/* ---- operators and casts ---- */

/* A session's copy, made anew when anything in the catalog has changed. */
typedef struct CastCache {
    CastSet set;
    uint64_t generation;
    Arena *root, *arena; /* of the cache itself; of what is in it */
} CastCache;

static Status
load_casts(Ctx *ctx, CastCache *c)
{
    const Definition **list;
    Cast *items;
    int n;
    arena_reset(c->arena);
    c->set = (CastSet){0};
    TRY(catalog_all_definitions(ctx, c->arena, DEF_CAST, &list, &n));
    TRY_ALLOC(ctx, items, ARENA_ARRAY(c->arena, Cast, n + 1));
    for (int i = 0; i < n; i++) {
        const int64_t *v = list[i]->nums;
        items[i] = (Cast){(Oid)v[CST_SOURCE], (Oid)v[CST_TARGET], (Oid)v[CST_FUNCTION], (uint8_t)v[CST_CONTEXT], (uint8_t)v[CST_METHOD]};
    }
    c->set = (CastSet){n, items};
    return QN_OK;
}

const CastSet *
catalog_casts(Ctx *ctx)
{
    Catalog *catalog = ctx->catalog;
    CastCache *c = catalog->cast_cache;
    if (!catalog_has_definitions(ctx, DEF_CAST)) return NULL;
    uint64_t generation = catalog_generation(ctx);
    if (c == NULL) {
        Arena *arena = arena_create(NULL, "casts");
        c = arena != NULL ? ARENA_NEW(arena, CastCache) : NULL;
        Arena *items = c != NULL ? arena_create(arena, "casts") : NULL;
        if (items == NULL) {
            arena_destroy(arena);
            return NULL;
        }
        *c = (CastCache){.root = arena, .arena = items};
        catalog->cast_cache = c;
    }
    if (c->generation == generation) return &c->set;
    if (load_casts(ctx, c) != QN_OK) { /* out of memory: what needs a cast says that there is none */
        err_clear(&ctx->err);
        return NULL;
    }
    c->generation = generation;
    return &c->set;
}

void
cast_cache_free(CastCache *c)
{
    if (c != NULL) arena_destroy(c->root);
}

Status
def_cast_name(Ctx *ctx, Arena *arena, Oid source, Oid target, const char **out)
{
    TRY_ALLOC(ctx, *out, arena_printf(arena, "%u>%u", source, target));
    return QN_OK;
}

Status
def_operator(Ctx *ctx, Arena *arena, const Definition *d, const Operator **out)
{
    Operator *op;
    TRY_ALLOC(ctx, op, ARENA_NEW(arena, Operator));
    *op = (Operator){.oid = d->oid, .name = d->name, .left = (Oid)d->nums[OPR_LEFT], .right = (Oid)d->nums[OPR_RIGHT],
                     .result = (Oid)d->nums[OPR_RESULT], .function = (Oid)d->nums[OPR_FUNCTION], .sel = SEL_NONE};
    *out = op;
    return QN_OK;
}

static const struct {
    Oid oid;
    const char *name;
} methods[] = {{403, "btree"}, {405, "hash"}, {783, "gist"}, {2742, "gin"}, {4000, "spgist"}, {3580, "brin"}};

Oid
def_method_oid(const char *name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i].name, name) == 0) return methods[i].oid;
    return INVALID_OID;
}

const char *
def_method_name(Oid oid)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (methods[i].oid == oid) return methods[i].name;
    return "?";
}

Oid
def_class(char kind)
{
    switch (kind) {
    case DEF_OPERATOR: return CLASS_OPERATOR;
    case DEF_OPCLASS: return CLASS_OPCLASS;
    case DEF_OPFAMILY: return CLASS_OPFAMILY;
    case DEF_COLLATION: return CLASS_COLLATION;
    case DEF_STATISTICS: return CLASS_STATISTICS;
    case DEF_CAST: return CLASS_CAST;
    default: return INVALID_OID;
    }
}

/* ---- describing ---- */

static Status
add_type(Ctx *ctx, Arena *arena, StrBuf *b, int64_t oid)
{
    const char *text = "NONE";
    if (oid != 0) TRY(type_format(ctx, arena, (Oid)oid, -1, &text));
    strbuf_addz(b, text);
    return QN_OK;
}

static bool
on_path(Ctx *ctx, Oid schema)
{
    Oid *path;
    int n;
    if (catalog_search_path(ctx, ctx->stmt_arena, true, &path, &n) != QN_OK) return false;
    for (int i = 0; i < n; i++)
        if (path[i] == schema) return true;
    return false;
}

static const char *
kind_word(char kind)
{
    switch (kind) {
    case DEF_OPERATOR: return "operator";
    case DEF_COLLATION: return "collation";
    case DEF_OPFAMILY: return "operator family";
    case DEF_OPCLASS: return "operator class";
    default: return "statistics object";
    }
}

Status
def_describe(Ctx *ctx, Arena *arena, const Definition *d, const char **out)
{
    StrBuf b = strbuf_new(arena);
    char *text;
    const char *schema = catalog_schema_name(ctx, d->schema_oid);
    if (d->kind == DEF_CAST) {
        strbuf_addz(&b, "cast from ");
        TRY(add_type(ctx, arena, &b, d->nums[CST_SOURCE]));
        strbuf_addz(&b, " to ");
        TRY(add_type(ctx, arena, &b, d->nums[CST_TARGET]));
    } else {
        strbuf_addf(&b, "%s ", kind_word(d->kind));
        if (schema != NULL && !on_path(ctx, d->schema_oid)) strbuf_addf(&b, "%s.", schema);
        strbuf_addz(&b, d->name);
    }
    if (d->kind == DEF_OPERATOR) {
        strbuf_addc(&b, '(');
        TRY(add_type(ctx, arena, &b, d->nums[OPR_LEFT]));
        strbuf_addc(&b, ',');
        TRY(add_type(ctx, arena, &b, d->nums[OPR_RIGHT]));
        strbuf_addc(&b, ')');
    } else if (d->kind == DEF_OPCLASS || d->kind == DEF_OPFAMILY) {
        strbuf_addf(&b, " for access method %s", def_method_name((Oid)d->nums[0]));
    }
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}
