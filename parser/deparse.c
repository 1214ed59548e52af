/* deparse.c - see deparse.h. */
#include "parser/deparse.h"
#include "parser/keyword.h"

typedef struct Printer {
    Ctx *ctx;
    StrBuf *out;
    const DeparseHook *hook;
} Printer;

static Status print(Printer *p, const Ast *node);

void
deparse_literal(StrBuf *out, const char *text)
{
    if (strchr(text, '\\') != NULL) strbuf_addc(out, 'E');
    strbuf_addc(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') strbuf_addc(out, *text);
        strbuf_addc(out, *text);
    }
    strbuf_addc(out, '\'');
}

/* Keywords that are no plain names, so that every name prints in a form that stands anywhere. */
static bool
is_keyword(const char *name)
{
    const Keyword *k = keyword_find(name, strlen(name));
    return k != NULL && k->class != KEYWORD_UNRESERVED;
}

static bool
is_plain(const char *name)
{
    if (!((*name >= 'a' && *name <= 'z') || *name == '_')) return false;
    for (const char *c = name; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || ascii_is_digit(*c) || *c == '_')) return false;
    return true;
}

void
deparse_ident(StrBuf *out, const char *name)
{
    if (is_plain(name) && !is_keyword(name)) {
        strbuf_addz(out, name);
        return;
    }
    strbuf_addc(out, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"') strbuf_addc(out, '"');
        strbuf_addc(out, *name);
    }
    strbuf_addc(out, '"');
}

static void
text(Printer *p, const char *s)
{
    strbuf_addz(p->out, s);
}

static Status
list(Printer *p, const AstList *items, const char *separator)
{
    for (int i = 0; i < items->count; i++) {
        if (i > 0) text(p, separator);
        TRY(print(p, items->items[i]));
    }
    return QN_OK;
}

static void
name_list(Printer *p, const AstList *names)
{
    for (int i = 0; i < names->count; i++) {
        if (i > 0) text(p, ".");
        if (ast_is(names->items[i], A_Star))
            text(p, "*");
        else
            deparse_ident(p->out, ast_str(names->items[i]));
    }
}

static Status
refuse(Printer *p, const Ast *node)
{
    return RAISE(p->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s in a stored expression is not supported yet",
                 ast_tag_name(node->tag));
}

static Status
constant(Printer *p, const A_Const *c)
{
    switch (c->kind) {
    case AST_CONST_NULL: text(p, "NULL"); break;
    case AST_CONST_BOOL: text(p, c->ival != 0 ? "true" : "false"); break;
    case AST_CONST_INT: strbuf_addf(p->out, "%lld", (long long)c->ival); break;
    case AST_CONST_NUMERIC: text(p, c->str); break;
    case AST_CONST_STRING: deparse_literal(p->out, c->str); break;
    case AST_CONST_BITS: strbuf_addf(p->out, "%c'%s'", c->str[0], c->str + 1); break;
    }
    return QN_OK;
}

static void
operator_name(Printer *p, const A_Expr *e)
{
    if (e->op_schema.count == 0) {
        text(p, e->op);
        return;
    }
    text(p, "OPERATOR(");
    name_list(p, &e->op_schema);
    strbuf_addf(p->out, ".%s)", e->op);
}

static Status
between(Printer *p, const A_Expr *e, const char *word)
{
    const ListNode *bounds = AST_AS(ListNode, e->right);
    TRY(print(p, e->left));
    strbuf_addf(p->out, " %s ", word);
    TRY(print(p, bounds->items.items[0]));
    text(p, " AND ");
    return print(p, bounds->items.items[1]);
}

static Status
infix(Printer *p, const Ast *left, const char *word, const Ast *right)
{
    TRY(print(p, left));
    strbuf_addf(p->out, " %s ", word);
    return print(p, right);
}

/* LIKE and SIMILAR: the right side may carry the escape in a call of like_escape or the like, which is a call as any. */
static Status
like(Printer *p, const A_Expr *e)
{
    bool negated = e->op != NULL && e->op[0] == '!';
    const char *word = e->kind == AST_EXPR_LIKE    ? (negated ? "NOT LIKE" : "LIKE")
                       : e->kind == AST_EXPR_ILIKE ? (negated ? "NOT ILIKE" : "ILIKE")
                                                   : NULL;
    if (word != NULL) return infix(p, e->left, word, e->right);
    TRY(print(p, e->left)); /* SIMILAR TO: ~ similar_to_escape(...) */
    strbuf_addf(p->out, " %s ", e->op);
    return print(p, e->right);
}

static Status
expression(Printer *p, const A_Expr *e)
{
    static const char *const between_words[] = {"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC",
                                                "NOT BETWEEN SYMMETRIC"};
    switch (e->kind) {
    case AST_EXPR_OP:
        if (e->left != NULL) {
            TRY(print(p, e->left));
            text(p, " ");
        }
        operator_name(p, e);
        text(p, " ");
        return print(p, e->right);
    case AST_EXPR_OP_ANY:
    case AST_EXPR_OP_ALL:
        TRY(print(p, e->left));
        text(p, " ");
        operator_name(p, e);
        text(p, e->kind == AST_EXPR_OP_ANY ? " ANY (" : " ALL (");
        TRY(print(p, e->right));
        text(p, ")");
        return QN_OK;
    case AST_EXPR_DISTINCT: return infix(p, e->left, "IS DISTINCT FROM", e->right);
    case AST_EXPR_NOT_DISTINCT: return infix(p, e->left, "IS NOT DISTINCT FROM", e->right);
    case AST_EXPR_NULLIF:
        text(p, "NULLIF(");
        TRY(print(p, e->left));
        text(p, ", ");
        TRY(print(p, e->right));
        text(p, ")");
        return QN_OK;
    case AST_EXPR_IN:
        TRY(print(p, e->left));
        text(p, strcmp(e->op, "=") == 0 ? " IN (" : " NOT IN (");
        TRY(list(p, &AST_AS(ListNode, e->right)->items, ", "));
        text(p, ")");
        return QN_OK;
    case AST_EXPR_LIKE:
    case AST_EXPR_ILIKE:
    case AST_EXPR_SIMILAR: return like(p, e);
    case AST_EXPR_BETWEEN:
    case AST_EXPR_NOT_BETWEEN:
    case AST_EXPR_BETWEEN_SYM:
    case AST_EXPR_NOT_BETWEEN_SYM: return between(p, e, between_words[e->kind - AST_EXPR_BETWEEN]);
    }
    return refuse(p, &e->base);
}

static Status
boolean(Printer *p, const A_BoolExpr *e)
{
    if (e->op != AST_BOOL_NOT) return list(p, &e->args, e->op == AST_BOOL_AND ? " AND " : " OR ");
    text(p, "NOT ");
    return print(p, e->args.items[0]);
}

static Status
call(Printer *p, const FuncCall *f)
{
    if (f->over != NULL || f->agg_filter != NULL || f->agg_order.count > 0) return refuse(p, &f->base);
    name_list(p, &f->name);
    text(p, "(");
    if (f->agg_star) text(p, "*");
    if (f->agg_distinct) text(p, "DISTINCT ");
    for (int i = 0; i < f->args.count; i++) {
        if (i > 0) text(p, ", ");
        if (f->variadic && i == f->args.count - 1) text(p, "VARIADIC ");
        TRY(print(p, f->args.items[i]));
    }
    text(p, ")");
    return QN_OK;
}

static Status
indirection(Printer *p, const A_Indirection *a)
{
    text(p, "(");
    TRY(print(p, a->arg));
    text(p, ")");
    for (int i = 0; i < a->path.count; i++) {
        const Ast *step = a->path.items[i];
        if (ast_is(step, StringNode)) {
            text(p, ".");
            deparse_ident(p->out, ast_str(step));
        } else if (ast_is(step, A_Indices)) {
            const A_Indices *ix = AST_AS(A_Indices, step);
            text(p, "[");
            if (ix->lower != NULL) TRY(print(p, ix->lower));
            if (ix->is_slice) text(p, ":");
            if (ix->upper != NULL) TRY(print(p, ix->upper));
            text(p, "]");
        } else {
            text(p, ".*");
        }
    }
    return QN_OK;
}

static Status
case_expr(Printer *p, const A_CaseExpr *c)
{
    text(p, "CASE");
    if (c->arg != NULL) {
        text(p, " ");
        TRY(print(p, c->arg));
    }
    for (int i = 0; i < c->whens.count; i++) {
        const CaseWhen *w = AST_AS(CaseWhen, c->whens.items[i]);
        text(p, " WHEN ");
        TRY(print(p, w->condition));
        text(p, " THEN ");
        TRY(print(p, w->result));
    }
    if (c->else_result != NULL) {
        text(p, " ELSE ");
        TRY(print(p, c->else_result));
    }
    text(p, " END");
    return QN_OK;
}

static Status
in_parens(Printer *p, const char *word, const AstList *args)
{
    text(p, word);
    TRY(list(p, args, ", "));
    text(p, strchr(word, '[') != NULL ? "]" : ")");
    return QN_OK;
}

static Status
value_function(Printer *p, const SqlValueFunction *v)
{
    static const char *const words[] = {
        [AST_SQLVALUE_CURRENT_DATE] = "CURRENT_DATE",
        [AST_SQLVALUE_CURRENT_TIME] = "CURRENT_TIME",
        [AST_SQLVALUE_CURRENT_TIMESTAMP] = "CURRENT_TIMESTAMP",
        [AST_SQLVALUE_LOCALTIME] = "LOCALTIME",
        [AST_SQLVALUE_LOCALTIMESTAMP] = "LOCALTIMESTAMP",
        [AST_SQLVALUE_CURRENT_ROLE] = "CURRENT_ROLE",
        [AST_SQLVALUE_CURRENT_USER] = "CURRENT_USER",
        [AST_SQLVALUE_USER] = "USER",
        [AST_SQLVALUE_SESSION_USER] = "SESSION_USER",
        [AST_SQLVALUE_CURRENT_CATALOG] = "CURRENT_CATALOG",
        [AST_SQLVALUE_CURRENT_SCHEMA] = "CURRENT_SCHEMA"};
    text(p, words[v->op]);
    if (v->precision >= 0) strbuf_addf(p->out, "(%d)", v->precision);
    return QN_OK;
}

static Status
boolean_test(Printer *p, const BooleanTest *b)
{
    static const char *const words[] = {
        [AST_BOOL_TEST_TRUE] = " IS TRUE",       [AST_BOOL_TEST_NOT_TRUE] = " IS NOT TRUE",
        [AST_BOOL_TEST_FALSE] = " IS FALSE",     [AST_BOOL_TEST_NOT_FALSE] = " IS NOT FALSE",
        [AST_BOOL_TEST_UNKNOWN] = " IS UNKNOWN", [AST_BOOL_TEST_NOT_UNKNOWN] = " IS NOT UNKNOWN"};
    TRY(print(p, b->arg));
    text(p, words[b->kind]);
    return QN_OK;
}

Status
deparse_type_name(Ctx *ctx, const TypeName *t, StrBuf *out)
{
    Printer p = {.ctx = ctx, .out = out};
    if (t->setof || t->pct_type) return refuse(&p, &t->base);
    name_list(&p, &t->names);
    if (t->typmods.count > 0) {
        text(&p, "(");
        TRY(list(&p, &t->typmods, ","));
        text(&p, ")");
    }
    for (int i = 0; i < t->array_bounds.count; i++) text(&p, "[]");
    return QN_OK;
}

/* Interval modifiers are numbers with a meaning of their own, which its syntax does not take back: such casts are refused. */
static Status
cast(Printer *p, const TypeCast *c)
{
    const TypeName *t = AST_AS(TypeName, c->type);
    const char *last = t->names.count > 0 ? ast_str(t->names.items[t->names.count - 1]) : "";
    if (strcmp(last, "interval") == 0 && t->typmods.count > 0) return refuse(p, &c->base);
    text(p, "CAST(");
    TRY(print(p, c->arg));
    text(p, " AS ");
    TRY(deparse_type_name(p->ctx, t, p->out));
    text(p, ")");
    return QN_OK;
}

/* A node without parentheses around it. */
static Status
print_bare(Printer *p, const Ast *node)
{
    switch (node->tag) {
    case AST_A_Const: return constant(p, AST_AS(A_Const, node));
    case AST_ParamRef: strbuf_addf(p->out, "$%d", AST_AS(ParamRef, node)->number); return QN_OK;
    case AST_ColumnRef: name_list(p, &AST_AS(ColumnRef, node)->fields); return QN_OK;
    case AST_A_Expr: return expression(p, AST_AS(A_Expr, node));
    case AST_ConcatExpr: return list(p, &AST_AS(ConcatExpr, node)->args, " || ");
    case AST_A_BoolExpr: return boolean(p, AST_AS(A_BoolExpr, node));
    case AST_FuncCall: return call(p, AST_AS(FuncCall, node));
    case AST_NamedArgExpr:
        deparse_ident(p->out, AST_AS(NamedArgExpr, node)->name);
        text(p, " => ");
        return print(p, AST_AS(NamedArgExpr, node)->arg);
    case AST_A_Indirection: return indirection(p, AST_AS(A_Indirection, node));
    case AST_A_ArrayExpr: return in_parens(p, "ARRAY[", &AST_AS(A_ArrayExpr, node)->elements);
    case AST_A_RowExpr: return in_parens(p, "ROW(", &AST_AS(A_RowExpr, node)->args);
    case AST_TypeCast: return cast(p, AST_AS(TypeCast, node));
    case AST_CollateClause:
        TRY(print(p, AST_AS(CollateClause, node)->arg));
        text(p, " COLLATE ");
        name_list(p, &AST_AS(CollateClause, node)->name);
        return QN_OK;
    case AST_A_CaseExpr: return case_expr(p, AST_AS(A_CaseExpr, node));
    case AST_A_CoalesceExpr: return in_parens(p, "COALESCE(", &AST_AS(A_CoalesceExpr, node)->args);
    case AST_A_MinMaxExpr:
        return in_parens(p, AST_AS(A_MinMaxExpr, node)->is_least ? "LEAST(" : "GREATEST(",
                         &AST_AS(A_MinMaxExpr, node)->args);
    case AST_NullTest:
        TRY(print(p, AST_AS(NullTest, node)->arg));
        text(p, AST_AS(NullTest, node)->kind == AST_NULL_TEST_IS ? " IS NULL" : " IS NOT NULL");
        return QN_OK;
    case AST_BooleanTest: return boolean_test(p, AST_AS(BooleanTest, node));
    case AST_SqlValueFunction: return value_function(p, AST_AS(SqlValueFunction, node));
    default: return refuse(p, node);
    }
}

static bool
needs_parens(const Ast *node)
{
    switch (node->tag) {
    case AST_A_Expr: return AST_AS(A_Expr, node)->kind != AST_EXPR_NULLIF;
    case AST_A_Const: {
        const A_Const *c = AST_AS(A_Const, node);
        return c->kind == AST_CONST_INT && c->ival < 0;
    }
    case AST_ConcatExpr:
    case AST_A_BoolExpr:
    case AST_CollateClause:
    case AST_NullTest:
    case AST_BooleanTest: return true;
    default: return false;
    }
}

static Status
print_hooked(Printer *p, const Ast *node, bool parens)
{
    bool printed = false;
    TRY(ctx_check_depth(p->ctx));
    if (p->hook != NULL) TRY(p->hook->print(p->ctx, p->hook->arg, node, p->out, &printed));
    if (printed) return QN_OK;
    if (parens) text(p, "(");
    TRY(print_bare(p, node));
    if (parens) text(p, ")");
    return QN_OK;
}

static Status
print(Printer *p, const Ast *node)
{
    return print_hooked(p, node, needs_parens(node));
}

Status
deparse_expr(Ctx *ctx, const Ast *expr, const DeparseHook *hook, StrBuf *out)
{
    Printer p = {.ctx = ctx, .out = out, .hook = hook};
    return print_hooked(&p, expr, false);
}
