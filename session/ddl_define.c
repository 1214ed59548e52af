/* ddl_define.c - what the CREATE statements with a parenthesised definition share: reading its values. */
#include "session/ddl.h"

Status
ddl_opt_text(Ddl *d, const DefElem *e, const char **out)
{
    const char *text = option_text(e);
    *out = text;
    if (text != NULL) return QN_OK;
    if (e->arg == NULL) return RAISE(d->ctx, ERR_SYNTAX_ERROR, "%s requires a parameter", e->name);
    if (ast_is(e->arg, A_Const)) {
        TRY_ALLOC(d->ctx, *out, arena_printf(d->arena, "%lld", (long long)AST_AS(A_Const, e->arg)->ival));
        return QN_OK;
    }
    const AstList *names = &AST_AS(ListNode, e->arg)->items;
    *out = ast_str(names->items[names->count - 1]);
    return QN_OK;
}

Status
ddl_opt_names(Ddl *d, const DefElem *e, const AstList **out)
{
    const Ast *a = e->arg;
    AstList *one;
    if (a == NULL) return RAISE(d->ctx, ERR_SYNTAX_ERROR, "%s requires a parameter", e->name);
    if (ast_is(a, TypeName)) {
        *out = &AST_AS(TypeName, a)->names;
        return QN_OK;
    }
    if (ast_is(a, ListNode)) {
        *out = &AST_AS(ListNode, a)->items;
        return QN_OK;
    }
    TRY_ALLOC(d->ctx, one, ARENA_NEW(d->arena, AstList));
    *out = one;
    return array_push(d->ctx, d->arena, one, e->arg);
}

Status
ddl_opt_int(Ddl *d, const DefElem *e, int32_t *out)
{
    if (e->arg == NULL || !ast_is(e->arg, A_Const) || AST_AS(A_Const, e->arg)->kind != AST_CONST_INT)
        return RAISE(d->ctx, ERR_SYNTAX_ERROR, "%s requires an integer value", e->name);
    *out = (int32_t)AST_AS(A_Const, e->arg)->ival;
    return QN_OK;
}
