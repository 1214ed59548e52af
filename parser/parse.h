/* parse.h - SQL text to a raw syntax tree, one statement a call. */
#ifndef PARSER_PARSE_H
#define PARSER_PARSE_H

#include "parser/ast.h"

/* Parses the first statement of sql[0 .. nbytes), up to and including its ';'. The tree is made in arena.
 * *stmt_out is NULL for an empty statement; *consumed_out is how many bytes were read, so that the next
 * call starts at sql + *consumed_out. Positions count from the start of sql given to this call.
 * Errors: 42601 and the lexer's 22xxx codes with position, 54001 nested too deeply, 53200. */
Status parse_sql(Ctx *ctx, Arena *arena, const char *sql, size_t nbytes, Ast **stmt_out,
                 size_t *consumed_out);
/* The statements of an SQL function's body: text between quotes, or (is_atomic) RETURN ... or BEGIN ATOMIC ... END. RETURN x comes as
 * SELECT x. */
Status parse_routine_body(Ctx *ctx, Arena *arena, const char *body, bool is_atomic, AstList *out);

#endif
