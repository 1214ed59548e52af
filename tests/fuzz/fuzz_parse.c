/* fuzz_parse.c - lexer and parser over any bytes: a tree or an error, and the tree prints. */
#include "parser/parse.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    char here, *sql = malloc(nbytes + 1); /* of its exact size, so that reading past it is seen */
    Ctx ctx = {.stack_base = &here, .stack_limit = 4 << 20};
    Arena *arena = arena_create(NULL, "fuzz");
    size_t consumed;
    Ast *stmt;
    memcpy(sql, data, nbytes);
    sql[nbytes] = '\0';
    ctx.stmt_arena = arena;
    for (size_t at = 0; at < nbytes; at += consumed) {
        if (parse_sql(&ctx, arena, sql + at, nbytes - at, &stmt, &consumed) != QN_OK || consumed == 0) break;
        Ast *copy;
        bool equal = true;
        if (stmt != NULL && (ast_copy(&ctx, arena, stmt, &copy) != QN_OK || ast_equal(&ctx, stmt, copy, &equal) != QN_OK || !equal)) abort();
    }
    err_clear(&ctx.err);
    arena_destroy(arena);
    free(sql);
    return 0;
}
