/* path.c - schemas and search_path. */
#include "catalog/catalog_priv.h"
#include "catalog/ddl.h"
#include "common/settings.h"
#include <stdlib.h>

Oid
catalog_schema_oid(Ctx *ctx, const char *name)
{
    if (strcmp(name, "pg_catalog") == 0) return OID_PG_CATALOG;
    if (strcmp(name, "information_schema") == 0) return OID_INFORMATION_SCHEMA;
    if (strcmp(name, "pg_temp") == 0) return catalog_temp_schema(ctx);
    CatObj *o = catalog_get_by_name(ctx, INVALID_OID, name, NAMES_SCHEMAS);
    if (o == NULL) return INVALID_OID;
    Oid oid = o->oid;
    catobj_unref(o);
    return oid;
}

const char *
catalog_schema_name(Ctx *ctx, Oid oid)
{
    if (oid == OID_PG_CATALOG) return "pg_catalog";
    if (oid == OID_INFORMATION_SCHEMA) return "information_schema";
    CatObj *o = catalog_get(ctx, oid);
    if (o == NULL) return NULL;
    const char *name = o->kind == OBJ_SCHEMA ? arena_strdup(ctx->stmt_arena, o->name) : NULL;
    catobj_unref(o);
    return name;
}

/* Takes the next name of a list like `"$user", public`: quotes undone, other names in lower case. False at the end and at
 * what is no name (SET has checked the text). */
static bool
next_name(const char **p, char *name, size_t cap)
{
    const char *s = *p;
    size_t n = 0;
    while (ascii_is_space(*s) || *s == ',') s++;
    if (*s == '\0') return false;
    if (*s == '"') {
        for (s++; *s != '\0'; s++) {
            if (*s == '"' && *++s != '"') break;
            if (n + 1 < cap) name[n++] = *s;
        }
    } else {
        for (; *s != '\0' && *s != ',' && !ascii_is_space(*s); s++)
            if (n + 1 < cap) name[n++] = ascii_lower(*s);
    }
    name[n] = '\0';
    *p = s;
    return true;
}

static Status
path_add(Ctx *ctx, Catalog *c, Oid oid)
{
    if (c->npath == c->path_cap) {
        int cap = c->path_cap != 0 ? c->path_cap * 2 : 8;
        Oid *p = mem_should_fail() ? NULL : realloc(c->path, (size_t)cap * sizeof(Oid));
        if (p == NULL) return RAISE_OOM(ctx);
        c->path = p;
        c->path_cap = cap;
    }
    c->path[c->npath++] = oid;
    return QN_OK;
}

Status
catalog_path_refresh(Ctx *ctx)
{
    Catalog *c = ctx->catalog;
    const char *text = ctx->settings->search_path;
    uint64_t generation = catalog_generation(ctx);
    if (c->path_text != NULL && c->path_generation == generation && strcmp(c->path_text, text) == 0)
        return QN_OK;

    char *copy = mem_should_fail() ? NULL : strdup(text);
    if (copy == NULL) return RAISE_OOM(ctx);
    free(c->path_text);
    c->path_text = NULL;
    c->npath = 0;
    c->path_has_pg_catalog = false;
    c->path_temp = catalog_temp_schema(ctx);
    bool names_temp_first = false, is_first = true;
    char name[CATALOG_NAME_MAX + 2];
    const char *p = copy;
    Status st = QN_OK;
    while (st == QN_OK && next_name(&p, name, sizeof(name))) {
        Oid oid = catalog_schema_oid(ctx, strcmp(name, "$user") == 0 ? CATALOG_ROLE_NAME : name);
        if (oid == OID_PG_CATALOG) c->path_has_pg_catalog = true;
        if (is_first) names_temp_first = strcmp(name, "pg_temp") == 0;
        is_first = false;
        if (oid == c->path_temp) c->path_temp = INVALID_OID; /* searched where it is named */
        if (oid != INVALID_OID) st = path_add(ctx, c, oid);
    }
    if (st != QN_OK) {
        free(copy);
        return st;
    }
    c->path_text = copy;
    c->path_makes_temp = names_temp_first;
    c->path_generation = generation;
    return QN_OK;
}

Status
catalog_search_path(Ctx *ctx, Arena *arena, bool implicit, Oid **schemas_out, int *n_out)
{
    Catalog *c = ctx->catalog;
    Oid *list;
    int n = 0;
    if (c != NULL) TRY(catalog_path_refresh(ctx));
    TRY_ALLOC(ctx, list, ARENA_ARRAY(arena, Oid, (c != NULL ? c->npath : 0) + 2));
    *schemas_out = list;
    if (c == NULL) { /* what is built in */
        if (implicit) list[n++] = OID_PG_CATALOG;
        *n_out = n;
        return QN_OK;
    }
    if (implicit && c->path_temp != INVALID_OID) list[n++] = c->path_temp;
    if (implicit && !c->path_has_pg_catalog) list[n++] = OID_PG_CATALOG;
    for (int i = 0; i < c->npath; i++) list[n++] = c->path[i];
    *n_out = n;
    return QN_OK;
}

Status
catalog_creation_schema(Ctx *ctx, Oid *schema_out)
{
    TRY(catalog_path_refresh(ctx));
    if (ctx->catalog->path_makes_temp) return ddl_temp_schema(ctx, schema_out);
    if (ctx->catalog->npath == 0)
        return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "no schema has been selected to create in");
    *schema_out = ctx->catalog->path[0];
    return QN_OK;
}
