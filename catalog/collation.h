/* collation.h - collations by name. All there are order by bytes: the built-in ones, and those made of them (definition.h). */
#ifndef CATALOG_COLLATION_H
#define CATALOG_COLLATION_H

#include "catalog/catalog.h"

#define OID_COLLATION_DEFAULT 100u

/* A row of pg_collation that is always there. */
typedef struct Collation {
    Oid oid;
    const char *name;
    char provider;
    int encoding;
    const char *locale; /* collcollate and collctype */
} Collation;

const Collation *collation_at(int i); /* NULL past the last */
const Collation *collation_by_oid(Oid oid);
Oid collation_builtin(const char *name); /* 0: none */
/* Whether a locale's name is that of byte order. */
bool collation_is_bytes(const char *locale);
/* By name, in a schema or along the path; 0: there is none. */
Status catalog_find_collation(Ctx *ctx, Arena *arena, const char *schema, const char *name, Oid *out);
/* The name to print, with its schema where the path does not find it; NULL for an oid that is none. */
Status catalog_collation_name(Ctx *ctx, Arena *arena, Oid oid, const char **out);

#endif
