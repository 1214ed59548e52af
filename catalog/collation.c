/* collation.c - see collation.h. */
#include "catalog/collation.h"
#include "catalog/definition.h"
#include "parser/deparse.h"

enum { ANY_ENCODING = -1, UTF8 = 6 };

static const Collation collations[] = {
    {OID_COLLATION_DEFAULT, "default", 'd', ANY_ENCODING, NULL},
    {950, "C", 'c', ANY_ENCODING, "C"},
    {951, "POSIX", 'c', ANY_ENCODING, "POSIX"},
    {962, "ucs_basic", 'c', UTF8, "C"},
    {12540, "C.utf8", 'c', UTF8, "C.utf8"},
    {12541, "C.UTF-8", 'c', UTF8, "C.UTF-8"},
};
enum { NCOLLATIONS = sizeof(collations) / sizeof(collations[0]) };

const Collation *
collation_at(int i)
{
    return i < NCOLLATIONS ? &collations[i] : NULL;
}

const Collation *
collation_by_oid(Oid oid)
{
    for (int i = 0; i < NCOLLATIONS; i++)
        if (collations[i].oid == oid) return &collations[i];
    return NULL;
}

Oid
collation_builtin(const char *name)
{
    for (int i = 0; i < NCOLLATIONS; i++)
        if (strcmp(collations[i].name, name) == 0) return collations[i].oid;
    return INVALID_OID;
}

bool
collation_is_bytes(const char *locale)
{
    static const char *const names[] = {"C", "POSIX", "C.UTF-8", "C.utf8"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], locale) == 0) return true;
    return false;
}

Status
catalog_find_collation(Ctx *ctx, Arena *arena, const char *schema, const char *name, Oid *out)
{
    Oid *path, one;
    int npath = 1;
    *out = INVALID_OID;
    if (schema == NULL) {
        TRY(catalog_search_path(ctx, arena, true, &path, &npath));
    } else {
        one = catalog_schema_oid(ctx, schema);
        path = &one;
    }
    for (int i = 0; i < npath && *out == INVALID_OID; i++) {
        const Definition **list;
        int n = 0;
        if (path[i] == OID_PG_CATALOG) *out = collation_builtin(name);
        else if (catalog_has_definitions(ctx, DEF_COLLATION))
            TRY(catalog_definitions(ctx, arena, path[i], name, DEF_COLLATION, &list, &n));
        if (n > 0) *out = list[0]->oid;
    }
    return QN_OK;
}

Status
catalog_collation_name(Ctx *ctx, Arena *arena, Oid oid, const char **out)
{
    const Collation *c = collation_by_oid(oid);
    const Definition *def = NULL;
    const char *schema = NULL;
    StrBuf b = strbuf_new(arena);
    char *text;
    Oid found;
    if (c == NULL) TRY(catalog_definition(ctx, arena, oid, &def));
    *out = NULL;
    if (c == NULL && (def == NULL || def->kind != DEF_COLLATION)) return QN_OK;
    const char *name = c != NULL ? c->name : def->name;
    TRY(catalog_find_collation(ctx, arena, NULL, name, &found));
    if (found != oid) schema = c != NULL ? "pg_catalog" : catalog_schema_name(ctx, def->schema_oid);
    if (schema != NULL) {
        deparse_ident(&b, schema);
        strbuf_addc(&b, '.');
    }
    deparse_ident(&b, name);
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}
