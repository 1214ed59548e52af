/* reloptions.h - storage parameters of a table or index: WITH (...), ALTER ... SET (...). Those of PostgreSQL are known; what they
 * mean is for whoever asks.
 *
 * They are kept as one text, name=value a line, in the order they were given.
 */
#ifndef CATALOG_RELOPTIONS_H
#define CATALOG_RELOPTIONS_H

#include "catalog/catalog.h"
#include "parser/ast.h"

/* The options after SET (or RESET) of a list of DefElem; before and *out NULL: none. 22023 with PostgreSQL's texts. */
Status reloptions_change(Ctx *ctx, Arena *arena, const char *before, const AstList *list, bool reset, const char **out);

/* As text[]'s elements: the k-th, NULL behind the last. */
const char *reloption_at(const char *options, int k, size_t *n_out);

bool reloption_bool(const Relation *rel, const char *name, bool dflt);
/* The same of an index's, or of any. */
bool reloption_bool_in(const char *options, const char *name, bool dflt);
double reloption_number_in(const char *options, const char *name, double dflt);
double reloption_number(const Relation *rel, const char *name, double dflt);

#endif
