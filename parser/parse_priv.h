/* parse_priv.h - what lexer, grammar and actions share. Only files of parser/ include it.
 *
 * The parser's actions never stop half way: an action that fails (memory, a rule of the language that
 * the grammar cannot state) raises into the context's slot, sets pc->st and returns NULL or an empty
 * list. Every action bears NULL from the ones below; parse_sql looks at pc->st after each token.
 */
#ifndef PARSER_PARSE_PRIV_H
#define PARSER_PARSE_PRIV_H

#include "parser/ast.h"
#include "parser/keyword.h"
#include "parser/parse.h"

/* One token. str is NUL-terminated text in the arena or a keyword's own: names in lower case and
 * truncated, strings without quotes and escapes, numbers as written without _. */
typedef struct Token {
    const char *str;
    int loc;              /* byte offset + 1 */
    unsigned nbytes : 31; /* of the source text, for error messages */
    unsigned needs_as : 1; /* a keyword that is a column label only after AS */
} Token;

typedef struct Lexer {
    Ctx *ctx;
    Arena *arena;
    const char *start, *cursor, *limit;
} Lexer;

/* The next token's kind (TK_..., 0 at the end) and value. Errors as in parse_sql. */
Status lexer_next(Lexer *lx, int *kind_out, Token *tok_out);
/* 42601 `msg at or near "..."` with the text from..to, or `msg at end of input`. */
Status lexer_error(Lexer *lx, const char *from, const char *to, const char *msg);
/* Decodes \XXXX and \+XXXXXX of a U& literal. loc: of the literal. */
Status lexer_unescape(Lexer *lx, const char *s, char escape, int loc, const char **out);
/* Cuts a name at 63 bytes with NOTICE 42622. */
Status lexer_truncate_name(Lexer *lx, const char *s, const char **out);

typedef struct ParseCtx {
    Ctx *ctx;
    Arena *arena;
    Lexer lexer;
    Status st; /* the first error; the parse stops after the token that raised it */
    Ast *result;
    /* One token read ahead by parse_next_token. */
    bool has_next;
    int next_kind;
    Token next;
    Token token; /* the last one given to the grammar */
    /* The parser's stack: its first block and, once that is full, the heap block in its place. */
    void *first_stack, *stack;
    size_t stack_bytes;
} ParseCtx;

/* What the grammar sees: tokens of the lexer, with words split that one token of lookahead tells apart. */
Status parse_next_token(ParseCtx *pc, int *kind_out, Token *tok_out);
/* Is the token a word that may be a name? (grammar.y) */
bool parse_is_unreserved(int kind);
/* Runs the grammar over one statement (grammar.y). */
Status parse_run(ParseCtx *pc);

/* ---- values of nonterminals that are not nodes: at most three words ---- */

typedef struct ParseLimit {
    Ast *offset, *limit;
    AstLimitKind kind;
} ParseLimit;
typedef struct ParseGroup {
    AstList list;
    bool distinct;
} ParseGroup;
typedef struct ParseAlias {
    Ast *alias;
    AstList coldefs;
} ParseAlias;
typedef struct ParseFk {
    AstFkAction on_update, on_delete;
    AstList on_delete_columns;
} ParseFk;

/* ---- actions (parse.c) ---- */

/* Copies a node made on the stack into the arena. */
void *pc_node(ParseCtx *pc, const void *node, size_t nbytes);
#define MK(T, ...) ((Ast *)pc_node(pc, &(T){.base = {AST_##T}, __VA_ARGS__}, sizeof(T)))

/* Flags of pc_func. */
enum { CALL_VARIADIC = 1, CALL_DISTINCT = 2, CALL_STAR = 4 };
/* What may follow a constraint. */
enum {
    ATTR_DEFERRABLE = 1,
    ATTR_NOT_DEFERRABLE = 2,
    ATTR_INITIALLY_DEFERRED = 4,
    ATTR_INITIALLY_IMMEDIATE = 8,
    ATTR_NOT_VALID = 16,
    ATTR_NO_INHERIT = 32,
    ATTR_DEFERRING = 15
};
/* Fields of an interval type: the mask in its modifiers. */
enum {
    INTERVAL_MONTH = 1 << 1,
    INTERVAL_YEAR = 1 << 2,
    INTERVAL_DAY = 1 << 3,
    INTERVAL_HOUR = 1 << 10,
    INTERVAL_MINUTE = 1 << 11,
    INTERVAL_SECOND = 1 << 12,
    INTERVAL_ALL = 0x7FFF
};

/* Raise, set pc->st. */
void pc_fail(ParseCtx *pc, int loc, Status code, const char *msg);
void pc_fail_hint(ParseCtx *pc, int loc, Status code, const char *msg, const char *hint);
void pc_fail_near(ParseCtx *pc, Token tok, const char *msg);
void pc_syntax_error(ParseCtx *pc, Token tok);
Token pc_no_keyword(ParseCtx *pc, Token tok);

AstList pc_push(ParseCtx *pc, AstList list, Ast *item);
AstList pc_list1(ParseCtx *pc, Ast *item);
AstList pc_list2(ParseCtx *pc, Ast *a, Ast *b);
AstList pc_concat(ParseCtx *pc, AstList a, AstList b);
AstList pc_prepend(ParseCtx *pc, Ast *item, AstList list);
int pc_loc(AstList list);
Ast *pc_str(ParseCtx *pc, Token tok);
Ast *pc_strz(ParseCtx *pc, const char *s, int loc);
Ast *pc_def(ParseCtx *pc, const char *name, Ast *arg, int loc);
AstList pc_flags(ParseCtx *pc, AstList list, Token word, const char *name);
const char *pc_dotted(ParseCtx *pc, const char *a, const char *b);
const char *pc_upper(ParseCtx *pc, Token tok);
const char *pc_source_text(ParseCtx *pc, int from, int end);
Ast *pc_int_value(ParseCtx *pc, int64_t v, int loc);
Ast *pc_int_const(ParseCtx *pc, Token tok);
Ast *pc_numeric_const(ParseCtx *pc, Token tok);
int pc_int(ParseCtx *pc, Token tok);
Ast *pc_string(ParseCtx *pc, Token tok);
Ast *pc_stringz(ParseCtx *pc, const char *s, int loc);
Ast *pc_bool(ParseCtx *pc, bool v, int loc);
Ast *pc_null(ParseCtx *pc, int loc);
Ast *pc_negate(ParseCtx *pc, Ast *constant, int loc);
Ast *pc_param(ParseCtx *pc, Token tok);
Ast *pc_expr(ParseCtx *pc, AstExprKind kind, const char *op, Ast *l, Ast *r, int loc);
Ast *pc_op(ParseCtx *pc, const char *op, Ast *l, Ast *r, int loc);
Ast *pc_binary(ParseCtx *pc, Ast *op, Ast *l, Ast *r);
Ast *pc_qualified_op(ParseCtx *pc, AstList names, int loc);
Ast *pc_op_names(ParseCtx *pc, Ast *op);
Ast *pc_and_or(ParseCtx *pc, AstBoolOp op, Ast *l, Ast *r, int loc);
Ast *pc_not(ParseCtx *pc, Ast *arg, int loc);
Ast *pc_like(ParseCtx *pc, AstExprKind kind, const char *op, Ast *l, Ast *r, Ast *escape, int loc);
Ast *pc_similar(ParseCtx *pc, const char *op, Ast *l, Ast *r, Ast *escape, int loc);
Ast *pc_in(ParseCtx *pc, Ast *left, Ast *in, bool negated, int loc);
Ast *pc_between(ParseCtx *pc, AstExprKind kind, const char *op, Ast *x, Ast *lo, Ast *hi, int loc);
Ast *pc_quantified(ParseCtx *pc, Ast *left, Ast *op, AstSubLinkKind kind, Ast *select, Ast *array);
Ast *pc_system_call(ParseCtx *pc, const char *name, AstList args, int loc);
Ast *pc_word_call(ParseCtx *pc, const char *name, AstList args, int loc);
Ast *pc_func(ParseCtx *pc, AstList name, AstList args, AstList order, int flags);
Ast *pc_func_finish(ParseCtx *pc, Ast *call, Ast *within, Ast *filter, Ast *over);
Ast *pc_overlaps(ParseCtx *pc, Ast *l, Ast *r, int loc);
Ast *pc_substring_for(ParseCtx *pc, Ast *e, Ast *n, int loc);
Ast *pc_treat(ParseCtx *pc, Ast *e, Ast *type, int loc);
Ast *pc_indirection(ParseCtx *pc, Ast *arg, AstList path);
Ast *pc_column(ParseCtx *pc, Token name, AstList path);
Ast *pc_cast(ParseCtx *pc, Ast *arg, Ast *type, int loc);
Ast *pc_func_type_const(ParseCtx *pc, AstList name, AstList args, AstList order, Token text);
Ast *pc_type(ParseCtx *pc, const char *name, AstList typmods, int loc);
Ast *pc_type_array(Ast *type, AstList bounds, bool setof);
Ast *pc_type_length_one(ParseCtx *pc, Ast *type);
Ast *pc_float_type(ParseCtx *pc, Token precision, int loc);
AstList pc_interval(ParseCtx *pc, int mask, Token tok);
AstList pc_interval_precision(ParseCtx *pc, int mask, Token precision);
AstList pc_interval_add(AstList second, int mask);
AstList pc_check_names(ParseCtx *pc, AstList names);
AstList pc_check_path(ParseCtx *pc, AstList path);
Ast *pc_range_var(ParseCtx *pc, Token name, AstList path);
Ast *pc_persistence(Ast *rel, AstRelPersistence persistence);
Ast *pc_relation_alias(Ast *rel, Ast *alias);
Ast *pc_from_subselect(ParseCtx *pc, Ast *select, Ast *alias, bool lateral);
Ast *pc_from_function(Ast *func_table, ParseAlias alias, bool lateral);
Ast *pc_join(ParseCtx *pc, AstJoinKind kind, Ast *l, Ast *r, Ast *qual, int loc);
Ast *pc_setop(ParseCtx *pc, AstSetOpKind op, bool all, Ast *l, Ast *r, int loc);
Ast *pc_parens(Ast *select, Token paren);
Ast *pc_select_options(ParseCtx *pc, Ast *select, AstList sort, AstList locking,
    ParseLimit limit, Ast *with);
Ast *pc_sort_using(ParseCtx *pc, Ast *expr, Ast *op, AstSortNulls nulls, int loc);
AstList pc_multi_assign(ParseCtx *pc, AstList targets, Ast *source);
Ast *pc_frame_extent(ParseCtx *pc, Ast *start, Ast *end);
Ast *pc_frame(AstFrameMode mode, Ast *frame, AstFrameExclude exclude);
Ast *pc_window(ParseCtx *pc, AstList partition, AstList order, Ast *frame);
Ast *pc_window_at(Ast *window, Token ref, int loc);
void pc_xmltable_path(ParseCtx *pc, Ast *column, Token word, Ast *expr);
Token pc_attr(ParseCtx *pc, Token have, Token more);
Ast *pc_constraint_attrs(ParseCtx *pc, Ast *constraint, Token attrs, const char *kind, int allowed);
Ast *pc_name_constraint(Ast *constraint, const char *name, int loc);
Ast *pc_generated(ParseCtx *pc, AstGeneratedWhen when, Ast *expr, int loc);
AstList pc_split_qualifiers(ParseCtx *pc, AstList qualifiers, Ast **collate);
Ast *pc_column_def(ParseCtx *pc, Ast *def, AstList qualifiers);
Ast *pc_hash_bound(ParseCtx *pc, AstList defs, int loc);
Ast *pc_create_as(ParseCtx *pc, Ast *into, AstRelPersistence persistence, Ast *query,
    bool with_data, bool if_not_exists);
Ast *pc_create_matview(Ast *stmt, const char *text);
Ast *pc_recursive_view(ParseCtx *pc, Ast *rel, AstList columns, AstList options, Ast *query,
    AstViewCheck check, bool replace, const char *text);
void parse_quote_name(StrBuf *b, const char *name);
Ast *pc_copy(ParseCtx *pc, Ast *copy, Ast *binary, Ast *delimiter, AstList options);
Ast *pc_role(ParseCtx *pc, Token name);
Ast *pc_merge_when(Ast *when, bool matched, Ast *condition, int loc);
Ast *pc_alter_type(ParseCtx *pc, Token name, Ast *type, Ast *collate, Ast *using_expr);
Ast *pc_range_var_names(ParseCtx *pc, AstList names);
Ast *pc_cursor(ParseCtx *pc, const char *name, AstList options, bool hold, Ast *query);
Ast *pc_reindex(ParseCtx *pc, AstReindexKind kind, Ast *rel, const char *name, AstList params,
    bool concurrently);
Ast *pc_reset(ParseCtx *pc, Token name, int loc);
Ast *pc_domain(ParseCtx *pc, AstList name, Ast *type, AstList qualifiers);
Ast *pc_function_table(ParseCtx *pc, Ast *function, AstList columns, int loc);
Ast *pc_object_with_params(ParseCtx *pc, AstList name, AstList params);
Ast *pc_transform(ParseCtx *pc, bool replace, Ast *type, const char *lang, AstList elements);
Ast *pc_trigger(Ast *events, Ast *trigger);
Ast *pc_trigger_event(ParseCtx *pc, Ast *events, Ast *event);
bool pc_policy_permissive(ParseCtx *pc, Token word);
Ast *pc_grant(Ast *target, bool is_grant, AstList privileges, AstList grantees, bool option,
    Ast *grantor, AstDropBehavior behavior);
Ast *pc_role_option(ParseCtx *pc, Token word);
Ast *pc_import(Ast *import, const char *remote, const char *server, const char *local,
    AstList options);

#endif
