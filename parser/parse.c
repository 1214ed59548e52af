/* parse.c - drives lexer and grammar over one statement; the grammar's actions. */
#include "grammar.h"
#include "parser/parse_priv.h"
#include <limits.h>
#include <string.h>

Status
parse_sql(Ctx *ctx, Arena *arena, const char *sql, size_t nbytes, Ast **stmt_out, size_t *consumed_out)
{
    *stmt_out = NULL;
    *consumed_out = 0;
    if (nbytes > INT_MAX / 2) return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "statement is too long");
    ParseCtx pc = {.ctx = ctx, .arena = arena};
    pc.lexer = (Lexer){.ctx = ctx, .arena = arena, .start = sql, .cursor = sql, .limit = sql + nbytes};
    TRY(parse_run(&pc));
    *stmt_out = pc.result;
    *consumed_out = (size_t)(pc.lexer.cursor - sql);
    return QN_OK;
}

/* ---- tokens as the grammar sees them ---- */

static Status
peek(ParseCtx *pc, int *kind_out)
{
    if (!pc->has_next) {
        TRY(lexer_next(&pc->lexer, &pc->next_kind, &pc->next));
        pc->has_next = true;
    }
    *kind_out = pc->next_kind;
    return QN_OK;
}

/* U&'..' and U&".." with the UESCAPE that may follow. */
static Status
unescape(ParseCtx *pc, int *kind, Token *tok)
{
    Lexer *lx = &pc->lexer;
    char escape = '\\';
    int next;
    TRY(peek(pc, &next));
    if (next == TK_UESCAPE) {
        Token text;
        TRY(lexer_next(lx, &next, &text));
        const char *at = lx->start + text.loc - 1, *end = at + text.nbytes;
        if (next != TK_SCONST) return lexer_error(lx, at, end, "UESCAPE must be followed by a simple string literal");
        char c = text.str[0];
        bool is_hex = ascii_is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
        if (c == '\0' || text.str[1] != '\0' || is_hex || strchr("+'\"", c) != NULL || ascii_is_space(c))
            return lexer_error(lx, at, end, "invalid Unicode escape character");
        escape = c;
        tok->nbytes = (unsigned)(end - (lx->start + tok->loc - 1));
        pc->has_next = false;
    }
    TRY(lexer_unescape(lx, tok->str, escape, tok->loc, &tok->str));
    if (*kind == TK_UIDENT) TRY(lexer_truncate_name(lx, tok->str, &tok->str));
    *kind = *kind == TK_UIDENT ? TK_IDENT : TK_SCONST;
    return QN_OK;
}

/* Words that begin something only before certain tokens and are names before others. The grammar prefers a
 * word over a name wherever both fit; this table gives the name its due. 0 ends a list. */
static const struct {
    short word, before[6];
} word_only_before[] = {
    {TK_AT, {TK_TIME}},
    {TK_CUBE, {TK_LP}},
    {TK_CURRENT, {TK_ROW, TK_OF}},
    {TK_DOUBLE, {TK_PRECISION}},
    {TK_EXCLUDE, {TK_LP, TK_USING, TK_CURRENT, TK_GROUP, TK_TIES, TK_NO}},
    {TK_IF, {TK_EXISTS, TK_NOT}},
    {TK_ROLLUP, {TK_LP}},
    {TK_UNBOUNDED, {TK_PRECEDING, TK_FOLLOWING}},
};

static bool
is_listed(int word)
{
    for (size_t i = 0; i < sizeof(word_only_before) / sizeof(word_only_before[0]); i++)
        if (word_only_before[i].word == word) return true;
    return false;
}

static bool
is_name_before(int word, int next)
{
    /* What goes on with a dot is a name; so are SET's special words before =, and WITH RECURSIVE's before AS. */
    if (next == TK_DOT) return true;
    if (next == TK_EQ)
        return word == TK_ROLE || word == TK_SCHEMA || word == TK_SESSION || word == TK_NAMES || word == TK_CATALOG ||
               word == TK_TRANSACTION || word == TK_XML || word == TK_LOCAL || is_listed(word);
    if (word == TK_RECURSIVE && (next == TK_AS || next == TK_LP)) return true;
    if (word == TK_OPERATOR)
        return next == TK_COMMA || next == TK_FROM || next == TK_AS || next == TK_RP || next == TK_SEMI || next == 0;
    for (size_t i = 0; i < sizeof(word_only_before) / sizeof(word_only_before[0]); i++) {
        if (word_only_before[i].word != word) continue;
        for (int k = 0; k < 6 && word_only_before[i].before[k] != 0; k++)
            if (word_only_before[i].before[k] == next) return false;
        return true;
    }
    return false;
}

Status
parse_next_token(ParseCtx *pc, int *kind, Token *tok)
{
    int next;
    if (pc->has_next) {
        *kind = pc->next_kind;
        *tok = pc->next;
        pc->has_next = false;
    } else {
        TRY(lexer_next(&pc->lexer, kind, tok));
    }
    switch (*kind) {
    case TK_NOT:
        TRY(peek(pc, &next));
        if (next == TK_BETWEEN || next == TK_IN || next == TK_LIKE || next == TK_ILIKE || next == TK_SIMILAR)
            *kind = TK_NOT_LA;
        break;
    case TK_NULLS:
        TRY(peek(pc, &next));
        if (next == TK_FIRST || next == TK_LAST) *kind = TK_NULLS_LA;
        break;
    case TK_WITH:
        TRY(peek(pc, &next));
        if (next == TK_TIME || next == TK_ORDINALITY) *kind = TK_WITH_LA;
        break;
    case TK_USCONST:
    case TK_UIDENT: return unescape(pc, kind, tok);
    default:
        if (!parse_is_unreserved(*kind)) break;
        TRY(peek(pc, &next));
        if (is_name_before(*kind, next)) *kind = TK_IDENT;
        break;
    }
    return QN_OK;
}

/* ---- errors ---- */

void
pc_fail(ParseCtx *pc, int loc, Status code, const char *msg)
{
    if (pc->st == QN_OK) pc->st = err_position(pc->ctx, RAISE(pc->ctx, code, "%s", msg), loc);
}

void
pc_fail_hint(ParseCtx *pc, int loc, Status code, const char *msg, const char *hint)
{
    if (pc->st != QN_OK) return;
    pc_fail(pc, loc, code, msg);
    pc->st = err_hint(pc->ctx, pc->st, "%s", hint);
}

static void *
out_of_memory(ParseCtx *pc)
{
    if (pc->st == QN_OK) pc->st = RAISE_OOM(pc->ctx);
    return NULL;
}

/* `msg at or near "..."` */
void
pc_fail_near(ParseCtx *pc, Token tok, const char *msg)
{
    const char *at = pc->lexer.start + tok.loc - 1;
    if (pc->st == QN_OK) pc->st = lexer_error(&pc->lexer, at, at + tok.nbytes, msg);
}

void
pc_syntax_error(ParseCtx *pc, Token tok)
{
    pc_fail_near(pc, tok, "syntax error");
}

/* The grammar's IDENT is any unreserved word; here no word will do. */
Token
pc_no_keyword(ParseCtx *pc, Token tok)
{
    const Keyword *k = keyword_find(tok.str, strlen(tok.str));
    if (k != NULL && k->text == tok.str) pc_syntax_error(pc, tok);
    return tok;
}

/* ---- nodes and lists ---- */

void *
pc_node(ParseCtx *pc, const void *node, size_t nbytes)
{
    void *p = arena_memdup(pc->arena, node, nbytes);
    return p != NULL ? p : out_of_memory(pc);
}

AstList
pc_push(ParseCtx *pc, AstList list, Ast *item)
{
    if (list.count < list.cap) {
        list.items[list.count++] = item;
        return list;
    }
    int cap = list.cap == 0 ? 2 : list.cap * 2;
    void *p = arena_realloc(pc->arena, list.items, sizeof(Ast *) * (size_t)list.cap, sizeof(Ast *) * (size_t)cap);
    if (p == NULL) {
        out_of_memory(pc);
        return list;
    }
    list.items = p;
    list.cap = cap;
    list.items[list.count++] = item;
    return list;
}

AstList
pc_list1(ParseCtx *pc, Ast *item)
{
    return pc_push(pc, (AstList){0}, item);
}

AstList
pc_list2(ParseCtx *pc, Ast *a, Ast *b)
{
    return pc_push(pc, pc_push(pc, (AstList){0}, a), b);
}

AstList
pc_concat(ParseCtx *pc, AstList a, AstList b)
{
    for (int i = 0; i < b.count; i++) a = pc_push(pc, a, b.items[i]);
    return a;
}

AstList
pc_prepend(ParseCtx *pc, Ast *item, AstList list)
{
    list = pc_push(pc, list, item);
    if (list.count < 2) return list;
    memmove(list.items + 1, list.items, sizeof(Ast *) * (size_t)(list.count - 1));
    list.items[0] = item;
    return list;
}

int
pc_loc(AstList list)
{
    return list.count > 0 ? ast_location(list.items[0]) : 0;
}

Ast *
pc_str(ParseCtx *pc, Token tok)
{
    return MK(StringNode, .str = tok.str, .loc = tok.loc);
}

Ast *
pc_strz(ParseCtx *pc, const char *s, int loc)
{
    return MK(StringNode, .str = s, .loc = loc);
}

static AstList
system_name(ParseCtx *pc, const char *name, int loc)
{
    return pc_list2(pc, pc_strz(pc, "pg_catalog", loc), pc_strz(pc, name, loc));
}

Ast *
pc_def(ParseCtx *pc, const char *name, Ast *arg, int loc)
{
    return MK(DefElem, .name = name, .arg = arg, .loc = loc);
}

/* A word that is there or not, as an option without value. */
AstList
pc_flags(ParseCtx *pc, AstList list, Token word, const char *name)
{
    return word.str == NULL ? list : pc_push(pc, list, pc_def(pc, name, NULL, word.loc));
}

const char *
pc_dotted(ParseCtx *pc, const char *a, const char *b)
{
    const char *s = arena_printf(pc->arena, "%s.%s", a, b);
    return s != NULL ? s : out_of_memory(pc);
}

const char *
pc_upper(ParseCtx *pc, Token tok)
{
    char *s = arena_strdup(pc->arena, tok.str);
    if (s == NULL) return out_of_memory(pc);
    for (char *p = s; *p != '\0'; p++) *p = ascii_upper(*p);
    return s;
}

/* The source from byte `from` (0-based) up to position `end` (1-based), without the blanks around it. */
const char *
pc_source_text(ParseCtx *pc, int from, int end)
{
    const char *p = pc->lexer.start + from - 1, *q = pc->lexer.start + end - 1;
    while (p < q && ascii_is_space(*p)) p++;
    while (q > p && ascii_is_space(q[-1])) q--;
    const char *s = arena_strndup(pc->arena, p, (size_t)(q - p));
    return s != NULL ? s : out_of_memory(pc);
}

/* ---- constants ---- */

Ast *
pc_int_value(ParseCtx *pc, int64_t v, int loc)
{
    return MK(A_Const, .kind = AST_CONST_INT, .ival = v, .loc = loc);
}

Ast *
pc_int_const(ParseCtx *pc, Token tok)
{
    int64_t v = 0;
    for (const char *p = tok.str; *p != '\0'; p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v)) return pc_numeric_const(pc, tok);
    return pc_int_value(pc, v, tok.loc);
}

Ast *
pc_numeric_const(ParseCtx *pc, Token tok)
{
    return MK(A_Const, .kind = AST_CONST_NUMERIC, .str = tok.str, .loc = tok.loc);
}

int
pc_int(ParseCtx *pc, Token tok)
{
    int64_t v = 0;
    for (const char *p = tok.str; *p != '\0' && v <= INT_MAX; p++) v = v * 10 + (*p - '0');
    if (v <= INT_MAX) return (int)v;
    pc_syntax_error(pc, tok);
    return 0;
}

Ast *
pc_string(ParseCtx *pc, Token tok)
{
    return pc_stringz(pc, tok.str, tok.loc);
}

Ast *
pc_stringz(ParseCtx *pc, const char *s, int loc)
{
    return MK(A_Const, .kind = AST_CONST_STRING, .str = s, .loc = loc);
}

Ast *
pc_bool(ParseCtx *pc, bool v, int loc)
{
    return MK(A_Const, .kind = AST_CONST_BOOL, .ival = v, .loc = loc);
}

Ast *
pc_null(ParseCtx *pc, int loc)
{
    return MK(A_Const, .kind = AST_CONST_NULL, .loc = loc);
}

Ast *
pc_negate(ParseCtx *pc, Ast *constant, int loc)
{
    if (constant == NULL) return NULL;
    A_Const *c = AST_AS(A_Const, constant);
    c->loc = loc;
    if (c->kind == AST_CONST_INT) {
        c->ival = -c->ival;
    } else if (strcmp(c->str, "9223372036854775808") == 0) {
        c->kind = AST_CONST_INT;
        c->ival = INT64_MIN;
        c->str = NULL;
    } else {
        c->str = arena_printf(pc->arena, "-%s", c->str);
        if (c->str == NULL) return out_of_memory(pc);
    }
    return constant;
}

Ast *
pc_param(ParseCtx *pc, Token tok)
{
    const char *digits = pc->lexer.start + tok.loc; /* behind the $ */
    int64_t v = 0;
    for (unsigned i = 0; i + 1 < tok.nbytes && v <= INT_MAX; i++) v = v * 10 + (digits[i] - '0');
    if (v > INT_MAX) v = 0;
    return MK(ParamRef, .number = (int)v, .loc = tok.loc);
}

/* ---- expressions ---- */

Ast *
pc_expr(ParseCtx *pc, AstExprKind kind, const char *op, Ast *l, Ast *r, int loc)
{
    return MK(A_Expr, .kind = kind, .op = op, .left = l, .right = r, .loc = loc);
}

Ast *
pc_op(ParseCtx *pc, const char *op, Ast *l, Ast *r, int loc)
{
    return MK(A_Expr, .op = op, .left = l, .right = r, .loc = loc);
}

static Ast *
concat(ParseCtx *pc, Ast *l, Ast *r, int loc)
{
    ConcatExpr *c;
    if (!ast_is(l, ConcatExpr)) {
        int *locs = arena_alloc(pc->arena, sizeof(int) * 2);
        if (locs == NULL) return out_of_memory(pc);
        locs[0] = loc;
        return MK(ConcatExpr, .args = pc_list2(pc, l, r), .locs = locs, .loc = loc);
    }
    c = AST_AS(ConcatExpr, l);
    int old_cap = c->args.cap;
    c->args = pc_push(pc, c->args, r);
    if (c->args.cap != old_cap) {
        c->locs = arena_realloc(pc->arena, c->locs, sizeof(int) * (size_t)old_cap, sizeof(int) * (size_t)c->args.cap);
        if (c->locs == NULL) return out_of_memory(pc);
    }
    c->locs[c->args.count - 2] = loc;
    return l;
}

Ast *
pc_binary(ParseCtx *pc, Ast *op, Ast *l, Ast *r)
{
    if (op == NULL || r == NULL) return NULL;
    A_Expr *e = AST_AS(A_Expr, op);
    if (l != NULL && e->op_schema.count == 0 && strcmp(e->op, "||") == 0) return concat(pc, l, r, e->loc);
    e->left = l;
    e->right = r;
    return op;
}

Ast *
pc_qualified_op(ParseCtx *pc, AstList names, int loc)
{
    if (names.count == 0) return NULL;
    const char *op = ast_str(names.items[names.count - 1]);
    names.count--;
    return MK(A_Expr, .op = op, .op_schema = names, .loc = loc);
}

/* The operator as a qualified name. */
Ast *
pc_op_names(ParseCtx *pc, Ast *op)
{
    if (op == NULL) return NULL;
    A_Expr *e = AST_AS(A_Expr, op);
    return MK(ListNode, .items = pc_push(pc, e->op_schema, pc_strz(pc, e->op, e->loc)), .loc = e->loc);
}

Ast *
pc_and_or(ParseCtx *pc, AstBoolOp op, Ast *l, Ast *r, int loc)
{
    if (ast_is(l, A_BoolExpr) && AST_AS(A_BoolExpr, l)->op == op) {
        A_BoolExpr *b = AST_AS(A_BoolExpr, l);
        b->args = pc_push(pc, b->args, r);
        return l;
    }
    return MK(A_BoolExpr, .op = op, .args = pc_list2(pc, l, r), .loc = loc);
}

Ast *
pc_not(ParseCtx *pc, Ast *arg, int loc)
{
    return MK(A_BoolExpr, .op = AST_BOOL_NOT, .args = pc_list1(pc, arg), .loc = loc);
}

Ast *
pc_like(ParseCtx *pc, AstExprKind kind, const char *op, Ast *l, Ast *r, Ast *escape, int loc)
{
    if (escape != NULL) r = pc_system_call(pc, "like_escape", pc_list2(pc, r, escape), loc);
    return pc_expr(pc, kind, op, l, r, loc);
}

Ast *
pc_similar(ParseCtx *pc, const char *op, Ast *l, Ast *r, Ast *escape, int loc)
{
    AstList args = escape != NULL ? pc_list2(pc, r, escape) : pc_list1(pc, r);
    return pc_expr(pc, AST_EXPR_SIMILAR, op, l, pc_system_call(pc, "similar_to_escape", args, loc), loc);
}

Ast *
pc_in(ParseCtx *pc, Ast *left, Ast *in, bool negated, int loc)
{
    if (in == NULL) return NULL;
    if (ast_is(in, ListNode)) return pc_expr(pc, AST_EXPR_IN, negated ? "<>" : "=", left, in, loc);
    Ast *link = MK(SubLink, .kind = AST_SUBLINK_ANY, .test = left, .select = in, .loc = loc);
    return negated ? pc_not(pc, link, loc) : link;
}

Ast *
pc_between(ParseCtx *pc, AstExprKind kind, const char *op, Ast *x, Ast *lo, Ast *hi, int loc)
{
    return pc_expr(pc, kind, op, x, MK(ListNode, .items = pc_list2(pc, lo, hi), .loc = loc), loc);
}

/* left op ANY (select) or (array). */
Ast *
pc_quantified(ParseCtx *pc, Ast *left, Ast *op, AstSubLinkKind kind, Ast *select, Ast *array)
{
    if (op == NULL) return NULL;
    A_Expr *e = AST_AS(A_Expr, op);
    if (select != NULL)
        return MK(SubLink, .kind = kind, .test = left, .op = e->op, .op_schema = e->op_schema, .select = select, .loc = e->loc);
    e->kind = kind == AST_SUBLINK_ALL ? AST_EXPR_OP_ALL : AST_EXPR_OP_ANY;
    e->left = left;
    e->right = array;
    return op;
}

/* f(...) of pg_catalog, written in a syntax of its own. */
Ast *
pc_system_call(ParseCtx *pc, const char *name, AstList args, int loc)
{
    return MK(FuncCall, .name = system_name(pc, name, loc), .args = args, .sql_syntax = true, .loc = loc);
}

/* A call whose name is a word of the grammar. */
Ast *
pc_word_call(ParseCtx *pc, const char *name, AstList args, int loc)
{
    return MK(FuncCall, .name = pc_list1(pc, pc_strz(pc, name, loc)), .args = args, .loc = loc);
}

Ast *
pc_func(ParseCtx *pc, AstList name, AstList args, AstList order, int flags)
{
    return MK(FuncCall, .name = name, .args = args, .agg_order = order, .variadic = (flags & CALL_VARIADIC) != 0,
              .agg_distinct = (flags & CALL_DISTINCT) != 0, .agg_star = (flags & CALL_STAR) != 0, .loc = pc_loc(name));
}

Ast *
pc_func_finish(ParseCtx *pc, Ast *call, Ast *within, Ast *filter, Ast *over)
{
    if (call == NULL) return NULL;
    FuncCall *f = AST_AS(FuncCall, call);
    if (within != NULL) {
        ListNode *order = AST_AS(ListNode, within);
        if (f->agg_order.count > 0)
            pc_fail(pc, order->loc, ERR_SYNTAX_ERROR, "cannot use multiple ORDER BY clauses with WITHIN GROUP");
        if (f->agg_distinct) pc_fail(pc, order->loc, ERR_SYNTAX_ERROR, "cannot use DISTINCT with WITHIN GROUP");
        if (f->variadic) pc_fail(pc, order->loc, ERR_SYNTAX_ERROR, "cannot use VARIADIC with WITHIN GROUP");
        f->agg_order = order->items;
        f->agg_within_group = true;
    }
    f->agg_filter = filter;
    f->over = over;
    return call;
}

Ast *
pc_overlaps(ParseCtx *pc, Ast *l, Ast *r, int loc)
{
    if (l == NULL || r == NULL) return NULL;
    A_RowExpr *a = AST_AS(A_RowExpr, l), *b = AST_AS(A_RowExpr, r);
    if (a->args.count != 2)
        pc_fail(pc, loc, ERR_SYNTAX_ERROR, "wrong number of parameters on left side of OVERLAPS expression");
    if (b->args.count != 2)
        pc_fail(pc, loc, ERR_SYNTAX_ERROR, "wrong number of parameters on right side of OVERLAPS expression");
    return pc_system_call(pc, "overlaps", pc_concat(pc, a->args, b->args), loc);
}

/* substring(e FOR n): from 1, and n is an integer. */
Ast *
pc_substring_for(ParseCtx *pc, Ast *e, Ast *n, int loc)
{
    Ast *length = pc_cast(pc, n, pc_type(pc, "int4", (AstList){0}, 0), 0);
    AstList args = pc_push(pc, pc_list2(pc, e, pc_int_value(pc, 1, 0)), length);
    return pc_system_call(pc, "substring", args, loc);
}

/* TREAT(e AS type) calls the function of the type's name. */
Ast *
pc_treat(ParseCtx *pc, Ast *e, Ast *type, int loc)
{
    if (type == NULL) return NULL;
    AstList names = AST_AS(TypeName, type)->names;
    return pc_system_call(pc, ast_str(names.items[names.count - 1]), pc_list1(pc, e), loc);
}

Ast *
pc_indirection(ParseCtx *pc, Ast *arg, AstList path)
{
    if (path.count == 0) return arg;
    path = pc_check_path(pc, path);
    return MK(A_Indirection, .arg = arg, .path = path, .loc = ast_location(arg));
}

/* Names up to the first subscript are the reference, the rest is a path into its value. */
Ast *
pc_column(ParseCtx *pc, Token name, AstList path)
{
    AstList fields = pc_list1(pc, pc_str(pc, name));
    int n = 0;
    path = pc_check_path(pc, path);
    while (n < path.count && !ast_is(path.items[n], A_Indices)) fields = pc_push(pc, fields, path.items[n++]);
    Ast *ref = MK(ColumnRef, .fields = fields, .loc = name.loc);
    if (n == path.count) return ref;
    AstList rest = {path.items + n, path.count - n, path.count - n};
    return MK(A_Indirection, .arg = ref, .path = rest, .loc = name.loc);
}

Ast *
pc_cast(ParseCtx *pc, Ast *arg, Ast *type, int loc)
{
    return MK(TypeCast, .arg = arg, .type = type, .loc = loc);
}

/* name 'text' and name(typmods) 'text'. */
Ast *
pc_func_type_const(ParseCtx *pc, AstList name, AstList args, AstList order, Token text)
{
    int loc = pc_loc(name);
    for (int i = 0; i < args.count; i++)
        if (ast_is(args.items[i], NamedArgExpr))
            pc_fail(pc, ast_location(args.items[i]), ERR_SYNTAX_ERROR, "type modifier cannot have parameter name");
    if (order.count > 0) pc_fail(pc, ast_location(order.items[0]), ERR_SYNTAX_ERROR, "type modifier cannot have ORDER BY");
    return pc_cast(pc, pc_string(pc, text), MK(TypeName, .names = name, .typmods = args, .loc = loc), loc);
}

/* ---- types ---- */

Ast *
pc_type(ParseCtx *pc, const char *name, AstList typmods, int loc)
{
    return MK(TypeName, .names = system_name(pc, name, loc), .typmods = typmods, .loc = loc);
}

Ast *
pc_type_array(Ast *type, AstList bounds, bool setof)
{
    if (type == NULL) return NULL;
    AST_AS(TypeName, type)->array_bounds = bounds;
    AST_AS(TypeName, type)->setof = setof;
    return type;
}

/* CHAR and BIT without length are of length 1; as the type of a literal they take what it has. */
Ast *
pc_type_length_one(ParseCtx *pc, Ast *type)
{
    if (type == NULL) return NULL;
    TypeName *t = AST_AS(TypeName, type);
    const char *name = ast_str(t->names.items[t->names.count - 1]);
    if (t->typmods.count == 0 && (strcmp(name, "bpchar") == 0 || strcmp(name, "bit") == 0))
        t->typmods = pc_list1(pc, pc_int_value(pc, 1, 0));
    return type;
}

Ast *
pc_float_type(ParseCtx *pc, Token precision, int loc)
{
    int n = pc_int(pc, precision);
    if (n < 1) pc_fail(pc, precision.loc, ERR_INVALID_PARAMETER_VALUE, "precision for type float must be at least 1 bit");
    if (n > 53) pc_fail(pc, precision.loc, ERR_INVALID_PARAMETER_VALUE, "precision for type float must be less than 54 bits");
    return pc_type(pc, n <= 24 ? "float4" : "float8", (AstList){0}, loc);
}

AstList
pc_interval(ParseCtx *pc, int mask, Token tok)
{
    return pc_list1(pc, pc_int_value(pc, mask, tok.loc));
}

AstList
pc_interval_precision(ParseCtx *pc, int mask, Token precision)
{
    return pc_list2(pc, pc_int_value(pc, mask, precision.loc), pc_int_const(pc, precision));
}

/* Adds fields to the mask of SECOND or SECOND(n). */
AstList
pc_interval_add(AstList second, int mask)
{
    if (second.count > 0 && second.items[0] != NULL) AST_AS(A_Const, second.items[0])->ival |= mask;
    return second;
}

AstList
pc_check_names(ParseCtx *pc, AstList names)
{
    for (int i = 0; i < names.count; i++)
        if (names.items[i] != NULL && !ast_is(names.items[i], StringNode)) pc_syntax_error(pc, pc->token);
    return pc->st == QN_OK ? names : (AstList){0};
}

AstList
pc_check_path(ParseCtx *pc, AstList path)
{
    for (int i = 0; i + 1 < path.count; i++)
        if (ast_is(path.items[i], A_Star)) pc_fail_near(pc, pc->token, "improper use of \"*\"");
    return path;
}

/* ---- FROM ---- */

Ast *
pc_range_var(ParseCtx *pc, Token name, AstList path)
{
    path = pc_check_names(pc, path);
    switch (path.count) {
    case 0: return NULL;
    case 1: return MK(RangeVar, .schema = name.str, .name = ast_str(path.items[0]), .loc = name.loc);
    case 2:
        return MK(RangeVar, .catalog = name.str, .schema = ast_str(path.items[0]), .name = ast_str(path.items[1]),
                  .loc = name.loc);
    default: break;
    }
    StrBuf b = strbuf_new(pc->arena);
    char *text;
    strbuf_addz(&b, name.str);
    for (int i = 0; i < path.count; i++) strbuf_addf(&b, ".%s", ast_str(path.items[i]));
    Status st = strbuf_finish(pc->ctx, &b, &text, NULL);
    if (st == QN_OK)
        st = err_position(pc->ctx,
                          RAISE(pc->ctx, ERR_SYNTAX_ERROR, "improper qualified name (too many dotted names): %s", text),
                          name.loc);
    if (pc->st == QN_OK) pc->st = st;
    return NULL;
}

Ast *
pc_persistence(Ast *rel, AstRelPersistence persistence)
{
    if (rel != NULL) AST_AS(RangeVar, rel)->persistence = persistence;
    return rel;
}

Ast *
pc_relation_alias(Ast *rel, Ast *alias)
{
    if (rel != NULL) AST_AS(RangeVar, rel)->alias = alias;
    return rel;
}

Ast *
pc_from_subselect(ParseCtx *pc, Ast *select, Ast *alias, bool lateral)
{
    if (select == NULL) return NULL;
    int loc = ast_location(select);
    if (alias == NULL) {
        if (AST_AS(SelectStmt, select)->values.count > 0)
            pc_fail_hint(pc, loc, ERR_SYNTAX_ERROR, "VALUES in FROM must have an alias",
                         "For example, FROM (VALUES ...) [AS] foo.");
        else
            pc_fail_hint(pc, loc, ERR_SYNTAX_ERROR, "subquery in FROM must have an alias",
                         "For example, FROM (SELECT ...) [AS] foo.");
    }
    return MK(RangeSubselect, .lateral = lateral, .select = select, .alias = alias, .loc = loc);
}

Ast *
pc_from_function(Ast *func_table, ParseAlias alias, bool lateral)
{
    if (func_table == NULL) return NULL;
    RangeFunction *f = AST_AS(RangeFunction, func_table);
    f->lateral = lateral;
    f->alias = alias.alias;
    f->coldefs = alias.coldefs;
    return func_table;
}

/* qual: the condition of ON, or a JoinExpr that holds what USING says. */
Ast *
pc_join(ParseCtx *pc, AstJoinKind kind, Ast *l, Ast *r, Ast *qual, int loc)
{
    if (ast_is(qual, JoinExpr)) {
        JoinExpr *j = AST_AS(JoinExpr, qual);
        j->kind = kind;
        j->left = l;
        j->right = r;
        j->loc = loc;
        return qual;
    }
    return MK(JoinExpr, .kind = kind, .left = l, .right = r, .on = qual, .loc = loc);
}

/* ---- SELECT ---- */

static bool
is_bare_setop(const SelectStmt *s, AstSetOpKind op, bool all)
{
    return s->setop == op && s->setop_all == all && !s->parens && s->with == NULL && s->order_by.count == 0 &&
           s->limit == NULL && s->offset == NULL && s->locking.count == 0;
}

Ast *
pc_setop(ParseCtx *pc, AstSetOpKind op, bool all, Ast *l, Ast *r, int loc)
{
    if (l == NULL || r == NULL) return NULL;
    SelectStmt *s = AST_AS(SelectStmt, l);
    if (!is_bare_setop(s, op, all)) {
        int *locs = arena_alloc(pc->arena, sizeof(int) * 2);
        if (locs == NULL) return out_of_memory(pc);
        locs[0] = loc;
        return MK(SelectStmt, .setop = op, .setop_all = all, .setop_args = pc_list2(pc, l, r), .setop_locs = locs,
                  .loc = s->loc);
    }
    int old_cap = s->setop_args.cap;
    s->setop_args = pc_push(pc, s->setop_args, r);
    if (s->setop_args.cap != old_cap) {
        s->setop_locs = arena_realloc(pc->arena, s->setop_locs, sizeof(int) * (size_t)old_cap,
                                      sizeof(int) * (size_t)s->setop_args.cap);
        if (s->setop_locs == NULL) return out_of_memory(pc);
    }
    s->setop_locs[s->setop_args.count - 2] = loc;
    return l;
}

Ast *
pc_parens(Ast *select, Token paren)
{
    if (select == NULL) return NULL;
    AST_AS(SelectStmt, select)->parens = true;
    AST_AS(SelectStmt, select)->loc = paren.loc; /* where errors about the subquery point */
    return select;
}

/* Adds ORDER BY, locking, LIMIT and WITH to a query, which may have some already: (SELECT .. LIMIT 1) LIMIT 2. */
Ast *
pc_select_options(ParseCtx *pc, Ast *select, AstList sort, AstList locking, ParseLimit limit, Ast *with)
{
    if (select == NULL) return NULL;
    SelectStmt *s = AST_AS(SelectStmt, select);
    if (sort.count > 0) {
        if (s->order_by.count > 0)
            pc_fail(pc, pc_loc(sort), ERR_SYNTAX_ERROR, "multiple ORDER BY clauses not allowed");
        s->order_by = sort;
    }
    s->locking = pc_concat(pc, s->locking, locking);
    if (limit.offset != NULL) {
        if (s->offset != NULL)
            pc_fail(pc, ast_location(limit.offset), ERR_SYNTAX_ERROR, "multiple OFFSET clauses not allowed");
        s->offset = limit.offset;
    }
    if (limit.limit != NULL) {
        if (s->limit != NULL)
            pc_fail(pc, ast_location(limit.limit), ERR_SYNTAX_ERROR, "multiple LIMIT clauses not allowed");
        s->limit = limit.limit;
        s->limit_kind = limit.kind;
        if (limit.kind == AST_LIMIT_WITH_TIES) {
            if (s->order_by.count == 0)
                pc_fail(pc, 0, ERR_SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause");
            for (int i = 0; i < s->locking.count; i++)
                if (s->locking.items[i] != NULL && AST_AS(LockingClause, s->locking.items[i])->wait == AST_LOCK_SKIP)
                    pc_fail(pc, 0, ERR_SYNTAX_ERROR, "SKIP LOCKED and WITH TIES options cannot be used together");
        }
    }
    if (with != NULL) {
        if (s->with != NULL) pc_fail(pc, ast_location(with), ERR_SYNTAX_ERROR, "multiple WITH clauses not allowed");
        s->with = with;
    }
    return select;
}

Ast *
pc_sort_using(ParseCtx *pc, Ast *expr, Ast *op, AstSortNulls nulls, int loc)
{
    if (op == NULL) return NULL;
    A_Expr *o = AST_AS(A_Expr, op);
    return MK(SortBy, .expr = expr, .dir = AST_SORT_USING, .nulls = nulls, .using_op = o->op,
              .using_schema = o->op_schema, .loc = loc);
}

/* (a, b) = source */
AstList
pc_multi_assign(ParseCtx *pc, AstList targets, Ast *source)
{
    for (int i = 0; i < targets.count; i++) {
        if (targets.items[i] == NULL) continue;
        AST_AS(ResTarget, targets.items[i])->value =
            MK(MultiAssignRef, .source = source, .column = i + 1, .ncolumns = targets.count);
    }
    return targets;
}

/* end NULL: CURRENT ROW. */
Ast *
pc_frame_extent(ParseCtx *pc, Ast *start, Ast *end)
{
    if (start == NULL) return NULL;
    WindowDef *s = AST_AS(WindowDef, start), *e = AST_AS(WindowDef, end);
    AstFrameBound last = e != NULL ? e->start : AST_BOUND_CURRENT_ROW;
    int end_loc = e != NULL ? e->loc : s->loc;
    if (s->start == AST_BOUND_UNBOUNDED_FOLLOWING)
        pc_fail(pc, s->loc, ERR_WINDOWING_ERROR, "frame start cannot be UNBOUNDED FOLLOWING");
    if (last == AST_BOUND_UNBOUNDED_PRECEDING)
        pc_fail(pc, end_loc, ERR_WINDOWING_ERROR, "frame end cannot be UNBOUNDED PRECEDING");
    if (e == NULL && s->start == AST_BOUND_OFFSET_FOLLOWING)
        pc_fail(pc, s->loc, ERR_WINDOWING_ERROR, "frame starting from following row cannot end with current row");
    if (s->start == AST_BOUND_CURRENT_ROW && last == AST_BOUND_OFFSET_PRECEDING)
        pc_fail(pc, end_loc, ERR_WINDOWING_ERROR, "frame starting from current row cannot have preceding rows");
    if (s->start == AST_BOUND_OFFSET_FOLLOWING && (last == AST_BOUND_OFFSET_PRECEDING || last == AST_BOUND_CURRENT_ROW))
        pc_fail(pc, end_loc, ERR_WINDOWING_ERROR, "frame starting from following row cannot have preceding rows");
    s->end = last;
    s->end_offset = e != NULL ? e->start_offset : NULL;
    s->between = e != NULL;
    return start;
}

Ast *
pc_frame(AstFrameMode mode, Ast *frame, AstFrameExclude exclude)
{
    if (frame == NULL) return NULL;
    AST_AS(WindowDef, frame)->mode = mode;
    AST_AS(WindowDef, frame)->exclude = exclude;
    return frame;
}

/* frame: a WindowDef with the frame alone, or NULL. */
Ast *
pc_window(ParseCtx *pc, AstList partition, AstList order, Ast *frame)
{
    Ast *w = frame != NULL ? frame
                           : MK(WindowDef, .start = AST_BOUND_UNBOUNDED_PRECEDING, .end = AST_BOUND_CURRENT_ROW);
    if (w == NULL) return NULL;
    WindowDef *d = AST_AS(WindowDef, w);
    d->partition_by = partition;
    d->order_by = order;
    return w;
}

Ast *
pc_window_at(Ast *window, Token ref, int loc)
{
    if (window == NULL) return NULL;
    AST_AS(WindowDef, window)->ref_name = ref.str;
    AST_AS(WindowDef, window)->loc = loc;
    return window;
}

void
pc_xmltable_path(ParseCtx *pc, Ast *column, Token word, Ast *expr)
{
    if (column == NULL) return;
    RangeTableFuncCol *c = AST_AS(RangeTableFuncCol, column);
    if (strcmp(word.str, "path") != 0) {
        pc_fail(pc, word.loc, ERR_SYNTAX_ERROR, "unrecognized column option");
        return;
    }
    if (c->path != NULL) pc_fail(pc, word.loc, ERR_SYNTAX_ERROR, "only one PATH value per column is allowed");
    c->path = expr;
}

/* ---- CREATE TABLE and its like ---- */

/* Adds a bit of `more` (in nbytes) to those of `have`. */
Token
pc_attr(ParseCtx *pc, Token have, Token more)
{
    unsigned bits = have.nbytes | more.nbytes;
    if ((bits & ATTR_DEFERRABLE && bits & ATTR_NOT_DEFERRABLE) ||
        (bits & ATTR_INITIALLY_DEFERRED && bits & ATTR_INITIALLY_IMMEDIATE))
        pc_fail(pc, more.loc, ERR_SYNTAX_ERROR, "conflicting constraint properties");
    if (bits & ATTR_NOT_DEFERRABLE && bits & ATTR_INITIALLY_DEFERRED)
        pc_fail(pc, more.loc, ERR_SYNTAX_ERROR, "constraint declared INITIALLY DEFERRED must be DEFERRABLE");
    return (Token){.loc = have.loc != 0 ? have.loc : more.loc, .nbytes = bits};
}

static void
cannot_mark(ParseCtx *pc, int loc, const char *kind, const char *what)
{
    if (pc->st != QN_OK) return;
    Status st = RAISE(pc->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s constraints cannot be marked %s", kind, what);
    pc->st = err_position(pc->ctx, st, loc);
}

Ast *
pc_constraint_attrs(ParseCtx *pc, Ast *constraint, Token attrs, const char *kind, int allowed)
{
    unsigned bits = attrs.nbytes;
    if (constraint == NULL) return NULL;
    Constraint *c = AST_AS(Constraint, constraint);
    if (bits & (ATTR_DEFERRABLE | ATTR_INITIALLY_DEFERRED) && !(allowed & ATTR_DEFERRABLE))
        cannot_mark(pc, attrs.loc, kind, "DEFERRABLE");
    if (bits & ATTR_NOT_VALID && !(allowed & ATTR_NOT_VALID)) cannot_mark(pc, attrs.loc, kind, "NOT VALID");
    if (bits & ATTR_NO_INHERIT && !(allowed & ATTR_NO_INHERIT)) cannot_mark(pc, attrs.loc, kind, "NO INHERIT");
    c->deferrable = (bits & (ATTR_DEFERRABLE | ATTR_INITIALLY_DEFERRED)) != 0;
    c->initially_deferred = (bits & ATTR_INITIALLY_DEFERRED) != 0;
    c->not_valid = (bits & ATTR_NOT_VALID) != 0;
    c->no_inherit = (bits & ATTR_NO_INHERIT) != 0;
    return constraint;
}

Ast *
pc_name_constraint(Ast *constraint, const char *name, int loc)
{
    if (constraint == NULL) return NULL;
    AST_AS(Constraint, constraint)->name = name;
    AST_AS(Constraint, constraint)->loc = loc;
    return constraint;
}

Ast *
pc_generated(ParseCtx *pc, AstGeneratedWhen when, Ast *expr, int loc)
{
    if (when != AST_GENERATED_ALWAYS)
        pc_fail(pc, loc, ERR_SYNTAX_ERROR, "for a generated column, GENERATED ALWAYS must be specified");
    return MK(Constraint, .kind = AST_CONSTR_GENERATED, .generated_when = when, .expr = expr, .loc = loc);
}

/* DEFERRABLE and the like belong to the constraint before them. */
static void
apply_attr(ParseCtx *pc, Constraint *last, Token *have, const A_Const *attr)
{
    bool takes = last != NULL && (last->kind == AST_CONSTR_PRIMARY || last->kind == AST_CONSTR_UNIQUE ||
                                  last->kind == AST_CONSTR_EXCLUSION || last->kind == AST_CONSTR_FOREIGN);
    if (!takes) {
        const char *word = attr->ival == ATTR_DEFERRABLE           ? "misplaced DEFERRABLE clause"
                           : attr->ival == ATTR_NOT_DEFERRABLE     ? "misplaced NOT DEFERRABLE clause"
                           : attr->ival == ATTR_INITIALLY_DEFERRED ? "misplaced INITIALLY DEFERRED clause"
                                                                   : "misplaced INITIALLY IMMEDIATE clause";
        pc_fail(pc, attr->loc, ERR_SYNTAX_ERROR, word);
        return;
    }
    *have = pc_attr(pc, *have, (Token){.loc = attr->loc, .nbytes = (unsigned)attr->ival});
    pc_constraint_attrs(pc, &last->base, *have, "", ATTR_DEFERRING);
}

/* Sorts what followed a column's type into constraints and collation. */
AstList
pc_split_qualifiers(ParseCtx *pc, AstList qualifiers, Ast **collate)
{
    AstList constraints = {0};
    Constraint *last = NULL;
    Token attrs = {0};
    for (int i = 0; i < qualifiers.count; i++) {
        Ast *q = qualifiers.items[i];
        if (q == NULL) continue;
        if (ast_is(q, CollateClause)) {
            if (*collate != NULL)
                pc_fail(pc, ast_location(q), ERR_SYNTAX_ERROR, "multiple COLLATE clauses not allowed");
            *collate = q;
        } else if (ast_is(q, A_Const)) {
            apply_attr(pc, last, &attrs, AST_AS(A_Const, q));
        } else {
            last = AST_AS(Constraint, q);
            attrs = (Token){0};
            constraints = pc_push(pc, constraints, q);
        }
    }
    return constraints;
}

Ast *
pc_column_def(ParseCtx *pc, Ast *def, AstList qualifiers)
{
    if (def == NULL) return NULL;
    ColumnDef *d = AST_AS(ColumnDef, def);
    d->constraints = pc_split_qualifiers(pc, qualifiers, &d->collate);
    return def;
}

Ast *
pc_hash_bound(ParseCtx *pc, AstList defs, int loc)
{
    int modulus = -1, remainder = -1;
    for (int i = 0; i < defs.count; i++) {
        if (defs.items[i] == NULL) return NULL;
        DefElem *d = AST_AS(DefElem, defs.items[i]);
        const A_Const *c = AST_AS(A_Const, d->arg);
        bool is_modulus = strcmp(d->name, "modulus") == 0;
        int *slot = is_modulus ? &modulus : &remainder;
        if (!is_modulus && strcmp(d->name, "remainder") != 0) {
            if (pc->st == QN_OK)
                pc->st = err_position(pc->ctx,
                                      RAISE(pc->ctx, ERR_SYNTAX_ERROR,
                                            "unrecognized hash partition bound specification \"%s\"", d->name),
                                      d->loc);
            return NULL;
        }
        if (*slot != -1)
            pc_fail(pc, d->loc, ERR_DUPLICATE_OBJECT,
                    is_modulus ? "modulus for hash partition provided more than once"
                               : "remainder for hash partition provided more than once");
        *slot = c != NULL ? (int)c->ival : 0;
    }
    if (modulus == -1) pc_fail(pc, 0, ERR_SYNTAX_ERROR, "modulus for hash partition must be specified");
    if (remainder == -1) pc_fail(pc, 0, ERR_SYNTAX_ERROR, "remainder for hash partition must be specified");
    return MK(PartitionBoundSpec, .kind = AST_PARTITION_HASH, .modulus = modulus, .remainder = remainder, .loc = loc);
}

Ast *
pc_create_as(ParseCtx *pc, Ast *into, AstRelPersistence persistence, Ast *query, bool with_data, bool if_not_exists)
{
    if (into == NULL) return NULL;
    IntoClause *i = AST_AS(IntoClause, into);
    pc_persistence(i->rel, persistence);
    i->skip_data = !with_data;
    return MK(CreateTableAsStmt, .query = query, .into = into, .if_not_exists = if_not_exists);
}

Ast *
pc_create_matview(Ast *stmt, const char *text)
{
    if (stmt == NULL) return NULL;
    CreateTableAsStmt *c = AST_AS(CreateTableAsStmt, stmt);
    c->is_matview = true;
    c->query_text = text;
    return stmt;
}

/* CREATE RECURSIVE VIEW v (a, b) AS q: a view of WITH RECURSIVE v (a, b) AS (q) SELECT a, b FROM v. */
Ast *
pc_recursive_view(ParseCtx *pc, Ast *rel, AstList columns, AstList options, Ast *query, AstViewCheck check, bool replace,
                  const char *text)
{
    if (rel == NULL || query == NULL || text == NULL) return NULL;
    const char *name = AST_AS(RangeVar, rel)->name;
    if (check != AST_VIEW_CHECK_NONE)
        pc_fail(pc, 0, ERR_FEATURE_NOT_SUPPORTED, "WITH CHECK OPTION not supported on recursive views");
    AstList targets = {0};
    StrBuf b = strbuf_new(pc->arena);
    char *sql;
    for (int i = 0; i < columns.count; i++) {
        if (columns.items[i] == NULL) return NULL;
        const char *column = ast_str(columns.items[i]);
        strbuf_addz(&b, i > 0 ? ", " : "");
        parse_quote_name(&b, column);
        Ast *ref = MK(ColumnRef, .fields = pc_list1(pc, columns.items[i]));
        targets = pc_push(pc, targets, MK(ResTarget, .name = column, .value = ref));
    }
    StrBuf v = strbuf_new(pc->arena), list;
    if (strbuf_finish(pc->ctx, &b, &sql, NULL) != QN_OK) return out_of_memory(pc);
    list = strbuf_new(pc->arena);
    parse_quote_name(&v, name);
    char *quoted;
    if (strbuf_finish(pc->ctx, &v, &quoted, NULL) != QN_OK) return out_of_memory(pc);
    strbuf_addf(&list, "WITH RECURSIVE %s (%s) AS (%s) SELECT %s FROM %s", quoted, sql, text, sql, quoted);
    if (strbuf_finish(pc->ctx, &list, &sql, NULL) != QN_OK) return out_of_memory(pc);
    Ast *cte = MK(CommonTableExpr, .name = name, .columns = columns, .query = query);
    Ast *with = MK(WithClause, .recursive = true, .ctes = pc_list1(pc, cte));
    Ast *select = MK(SelectStmt, .with = with, .targets = targets, .from = pc_list1(pc, MK(RangeVar, .name = name)));
    return MK(ViewStmt, .rel = rel, .columns = columns, .query = select, .replace = replace, .recursive = true,
              .options = options, .query_text = sql);
}

void
parse_quote_name(StrBuf *b, const char *name)
{
    strbuf_addc(b, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"') strbuf_addc(b, '"');
        strbuf_addc(b, *name);
    }
    strbuf_addc(b, '"');
}

/* ---- COPY, roles ---- */

/* The options in the order written: BINARY, DELIMITERS, the rest. */
Ast *
pc_copy(ParseCtx *pc, Ast *copy, Ast *binary, Ast *delimiter, AstList options)
{
    if (copy == NULL) return NULL;
    CopyStmt *c = AST_AS(CopyStmt, copy);
    if (binary != NULL) c->options = pc_push(pc, c->options, binary);
    if (delimiter != NULL) c->options = pc_push(pc, c->options, delimiter);
    c->options = pc_concat(pc, c->options, options);
    if (!c->is_from && c->where != NULL)
        pc_fail(pc, 0, ERR_SYNTAX_ERROR, "WHERE clause not allowed with COPY TO");
    if (c->is_program && c->filename == NULL) pc_fail(pc, 0, ERR_SYNTAX_ERROR, "STDIN/STDOUT not allowed with PROGRAM");
    return copy;
}

Ast *
pc_role(ParseCtx *pc, Token name)
{
    if (strcmp(name.str, "public") == 0) return MK(RoleSpec, .kind = AST_ROLE_PUBLIC, .loc = name.loc);
    if (strcmp(name.str, "none") == 0) pc_fail(pc, name.loc, ERR_RESERVED_NAME, "role name \"none\" is reserved");
    return MK(RoleSpec, .kind = AST_ROLE_NAME, .name = name.str, .loc = name.loc);
}
