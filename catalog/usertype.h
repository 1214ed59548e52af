/* usertype.h - text forms of the types made in a database, and lookups the catalog's own files share. Private to catalog/. */
#ifndef CATALOG_USERTYPE_H
#define CATALOG_USERTYPE_H

#include "catalog/catalog_priv.h"

/* Kinds of relations whose rows have a type. */
bool catalog_has_row_type(char relkind);
/* An object of the map while it is being loaded, with a reference. */
CatObj *catalog_loading_get(const CatalogShared *s, Oid oid);
/* The type of a name in one schema, arrays (_name) too. */
Oid catalog_type_in_schema(Ctx *ctx, Oid schema, const char *name);

/* 55P04 for a label that this transaction added to a type that was there before: an abort would leave values without a label. */
Status enum_check_label(Ctx *ctx, const UserType *t, const EnumLabel *l);
/* The label that a value stands for; NULL if there is none. */
const EnumLabel *enum_label(const UserType *t, int64_t key);
Status enum_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out);
Status enum_out(Ctx *ctx, StrBuf *b, const Value *value);

#endif
