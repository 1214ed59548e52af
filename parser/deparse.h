/* deparse.h - an expression of the raw tree back to SQL: what the catalog keeps of DEFAULT, CHECK and index
 * expressions, and what it prints of them.
 *
 * The text parses to an equal tree. Operators are put in parentheses, as PostgreSQL prints them, except around the whole. */
#ifndef PARSER_DEPARSE_H
#define PARSER_DEPARSE_H

#include "parser/ast.h"

/* Called for each node before it is printed: true when it printed something in its place. For putting oids or new names where
 * relations and columns are named. */
typedef struct DeparseHook {
    Status (*print)(Ctx *ctx, void *arg, const Ast *node, StrBuf *out, bool *printed_out);
    void *arg;
} DeparseHook;

/* Appends. hook may be NULL. 0A000 for nodes that may not stand in such expressions (subqueries), 54001. */
Status deparse_expr(Ctx *ctx, const Ast *expr, const DeparseHook *hook, StrBuf *out);
Status deparse_type_name(Ctx *ctx, const TypeName *t, StrBuf *out);
/* An identifier, quoted where it has to be. */
void deparse_ident(StrBuf *out, const char *name);
/* A string literal: 'it''s'. */
void deparse_literal(StrBuf *out, const char *text);

#endif
