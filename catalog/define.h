/* define.h - objects as the SQL that makes them: pg_get_indexdef and its sisters. Texts lie in the arena. */
#ifndef CATALOG_DEFINE_H
#define CATALOG_DEFINE_H

#include "catalog/catalog.h"

/* CREATE UNIQUE INDEX i ON s.t USING btree (a, b DESC) */
Status define_index(Ctx *ctx, Arena *arena, const Relation *index, const char **out);
/* Column i of an index as it stands there: a, lower(a), ((a + 1)). */
void define_index_column(StrBuf *b, const Relation *table, const IndexDef *ix, int i);
/* "(a, lower(b))": the key, as errors name it. */
void define_key_columns(StrBuf *b, const Relation *table, const IndexDef *ix);
/* PRIMARY KEY (a), CHECK ((a > 0)), FOREIGN KEY (a) REFERENCES t(b) ON DELETE CASCADE */
Status define_constraint(Ctx *ctx, Arena *arena, const RelConstraint *c, const char **out);
/* A stored expression with current names in the place of oids. */
Status define_expr(Ctx *ctx, Arena *arena, const char *sql, const char **out);
/* The manual's sentence about a built-in function, aggregate or window function; NULL: it is none. */
const char *define_builtin_doc(Oid oid);
/* A default for a value of a type: a literal alone says its type, as in 'x'::text. */
Status define_default(Ctx *ctx, Arena *arena, const char *sql, Oid type, const char **out);
/* A relation's name, with its schema where the bare name does not find it. */
Status define_name(Ctx *ctx, Arena *arena, Oid oid, const char **out);
/* Constraints of this name on tables of the schema. */
Status define_constraints_named(Ctx *ctx, Arena *arena, Oid schema, const char *name, const RelConstraint ***out, int *n_out);
/* The constraint of an oid; *out NULL: none. */
Status define_find_constraint(Ctx *ctx, Arena *arena, Oid oid, const RelConstraint **out);

#endif
