/* parse_body.c - the body of an SQL function: statements in a string, RETURN, or BEGIN ATOMIC ... END. */
#include "parser/parse.h"
#include "common/array.h"
#include "common/str.h"

/* RETURN x is SELECT x. */
static Status
return_select(Ctx *ctx, Arena *arena, Ast *stmt, Ast **out)
{
    SelectStmt *q;
    ResTarget *t;
    *out = stmt;
    if (!ast_is(stmt, ReturnStmt)) return QN_OK;
    TRY_ALLOC(ctx, q, AST_NEW(arena, SelectStmt));
    TRY_ALLOC(ctx, t, AST_NEW(arena, ResTarget));
    t->value = AST_AS(ReturnStmt, stmt)->value;
    *out = &q->base;
    return ast_list_push(ctx, arena, &q->targets, &t->base);
}

/* The grammar knows such a body as the end of CREATE FUNCTION only. */
static Status
parse_atomic(Ctx *ctx, Arena *arena, const char *body, AstList *out)
{
    char *sql;
    Ast *stmt, *item;
    size_t consumed;
    TRY_ALLOC(ctx, sql, arena_printf(arena, "CREATE FUNCTION f() LANGUAGE sql %s", body));
    TRY(parse_sql(ctx, arena, sql, strlen(sql), &stmt, &consumed));
    Ast *b = AST_AS(CreateFunctionStmt, stmt)->sql_body;
    if (!ast_is(b, ListNode)) {
        TRY(return_select(ctx, arena, b, &item));
        return ast_list_push(ctx, arena, out, item);
    }
    const AstList *list = &AST_AS(ListNode, b)->items;
    for (int i = 0; i < list->count; i++) {
        TRY(return_select(ctx, arena, list->items[i], &item));
        TRY(ast_list_push(ctx, arena, out, item));
    }
    return QN_OK;
}

Status
parse_routine_body(Ctx *ctx, Arena *arena, const char *body, bool is_atomic, AstList *out)
{
    size_t nbytes = strlen(body), at = 0;
    *out = (AstList){0};
    if (is_atomic) return parse_atomic(ctx, arena, body, out);
    while (at < nbytes) {
        Ast *stmt;
        size_t consumed;
        TRY(parse_sql(ctx, arena, body + at, nbytes - at, &stmt, &consumed));
        if (stmt != NULL) TRY(ast_list_push(ctx, arena, out, stmt));
        at += consumed;
    }
    return QN_OK;
}
