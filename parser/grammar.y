// grammar.y - the grammar, in the order of the manual: the machine, lists of words, statements, queries,
// expressions, types, names. Rules and precedences follow PostgreSQL's, which is LALR(1) without
// conflicts; lemon refuses any. Where PostgreSQL's lexer looks one token ahead, parse_next_token does.
//
// An action makes nodes with MK or calls one function of parse.c. A NULL below means that an error has
// been raised already: parse_run stops after the token, so nobody looks at the result.

%name           Parse
%token_prefix   TK_
%token_type     {Token}
%extra_context  {ParseCtx *pc}
%default_type   {Ast *}
%stack_size     0
%start_symbol   input

%include {
#include "parser/parse_priv.h"
#include <stddef.h>

// An error ends the parse; nothing is skipped.
#define YYNOERRORRECOVERY 1
#define Parse_ENGINEALWAYSONSTACK 1
// The parser's stack: the first block is in parse_run, later ones are counted heap memory.
#define realloc(old, nbytes) stack_grow(p->pc, (old), (nbytes))
#define malloc(nbytes)       stack_grow(p->pc, NULL, (nbytes))
#define free(block)          stack_free(pParser->pc, (block))
static void *stack_grow(ParseCtx *pc, void *old, size_t nbytes);
static void stack_free(ParseCtx *pc, void *block);

#define L1(item)       pc_list1(pc, (item))
#define L2(a, b)       pc_list2(pc, (a), (b))
#define PUSH(list, x)  pc_push(pc, (list), (x))
#define NONE_LIST      ((AstList){0})
#define SYS(name, loc) pc_system_call(pc, (name), NONE_LIST, (loc))
#define DEF(name, arg, loc) pc_def(pc, (name), (arg), (loc))
#define STR(token)     pc_str(pc, (token))
}

%code {
enum { STACK_FIRST_BYTES = 6400, STACK_ENTRIES_MAX = 60000 };

/* NULL after raising: 54001 past the limit on nesting, 53200. */
static void *
stack_grow(ParseCtx *pc, void *old, size_t nbytes)
{
    if (old == NULL && nbytes <= STACK_FIRST_BYTES) return pc->first_stack;
    if (nbytes > STACK_ENTRIES_MAX * sizeof(yyStackEntry)) {
        pc->st = ctx_stack_overflow(pc->ctx);
        return NULL;
    }
    void *block = pc->stack == NULL ? mem_alloc(pc->ctx->mem, nbytes)
                                    : mem_realloc(pc->ctx->mem, pc->stack, pc->stack_bytes, nbytes);
    if (block == NULL) {
        pc->st = RAISE_OOM(pc->ctx);
        return NULL;
    }
    if (pc->stack == NULL) memcpy(block, pc->first_stack, STACK_FIRST_BYTES);
    pc->stack = block;
    pc->stack_bytes = nbytes;
    return block;
}

static void
stack_free(ParseCtx *pc, void *block)
{
    (void)block;
    mem_free(pc->ctx->mem, pc->stack, pc->stack_bytes);
}

bool
parse_is_unreserved(int kind)
{
    return kind > 0 && kind < (int)(sizeof(yyFallback) / sizeof(yyFallback[0])) && yyFallback[kind] == TK_IDENT;
}

Status
parse_run(ParseCtx *pc)
{
    _Alignas(16) char first[STACK_FIRST_BYTES];
    yyParser parser;
    int kind;

    static_assert(sizeof(yyStackEntry) * 100 <= STACK_FIRST_BYTES, "lemon asks for 100 entries first");
    pc->first_stack = first;
    ParseInit(&parser, pc);
    do {
        Status st = parse_next_token(pc, &kind, &pc->token);
        if (st != QN_OK) {
            pc->st = st;
            break;
        }
        Parse(&parser, kind, pc->token);
        /* stmt ';' alone on the stack: the statement ends here, whatever follows. */
        if (kind == TK_SEMI && pc->st == QN_OK && parser.yytos - parser.yystack == 2) {
            Parse(&parser, 0, pc->token);
            break;
        }
    } while (kind != 0 && pc->st == QN_OK);
    ParseFinalize(&parser);
    return pc->st;
}
}

%syntax_error   { pc_syntax_error(pc, TOKEN); }
%parse_failure  { if (pc->st == QN_OK) pc_syntax_error(pc, pc->token); }
%stack_overflow { if (pc->st == QN_OK) pc->st = ctx_stack_overflow(pc->ctx); }

// ---- words ----

// Unreserved words are names wherever the grammar does not expect them as words.
%fallback IDENT
    ABORT ABSOLUTE ACCESS ACTION ADD ADMIN AFTER AGGREGATE ALSO ALTER ALWAYS ASENSITIVE
    ASSERTION ASSIGNMENT AT ATOMIC ATTACH ATTRIBUTE BACKWARD BEFORE BEGIN BREADTH BY CACHE CALL
    CALLED CASCADE CASCADED CATALOG CHAIN CHARACTERISTICS CHECKPOINT CLASS CLOSE CLUSTER COLUMNS
    COMMENT COMMENTS COMMIT COMMITTED COMPRESSION CONFIGURATION CONFLICT CONNECTION CONSTRAINTS
    CONTENT CONTINUE CONVERSION COPY COST CSV CUBE CURRENT CURSOR CYCLE DATA DATABASE DAY
    DEALLOCATE DECLARE DEFAULTS DEFERRED DEFINER DELETE DELIMITER DELIMITERS DEPENDS DEPTH
    DETACH DICTIONARY DISABLE DISCARD DOCUMENT DOMAIN DOUBLE DROP EACH ENABLE ENCODING ENCRYPTED
    ENUM ESCAPE EVENT EXCLUDE EXCLUDING EXCLUSIVE EXECUTE EXPLAIN EXPRESSION EXTENSION EXTERNAL
    FAMILY FILTER FINALIZE FIRST FOLLOWING FORCE FORWARD FUNCTION FUNCTIONS GENERATED GLOBAL
    GRANTED GROUPS HANDLER HEADER HOLD HOUR IDENTITY IF IMMEDIATE IMMUTABLE IMPLICIT IMPORT
    INCLUDE INCLUDING INCREMENT INDEX INDEXES INHERIT INHERITS INLINE INPUT INSENSITIVE INSERT
    INSTEAD INVOKER ISOLATION KEY LABEL LANGUAGE LARGE LAST LEAKPROOF LEVEL LISTEN LOAD LOCAL
    LOCATION LOCK LOCKED LOGGED MAPPING MATCH MATCHED MATERIALIZED MAXVALUE MERGE METHOD MINUTE
    MINVALUE MODE MONTH MOVE NAME NAMES NEW NEXT NFC NFD NFKC NFKD NO NORMALIZED NOTHING NOTIFY
    NOWAIT NULLS OBJECT OF OFF OIDS OLD OPERATOR OPTION OPTIONS ORDINALITY OTHERS OVER
    OVERRIDING OWNED OWNER PARALLEL PARAMETER PARSER PARTIAL PARTITION PASSING PASSWORD PLANS
    POLICY PRECEDING PREPARE PREPARED PRESERVE PRIOR PRIVILEGES PROCEDURAL PROCEDURE PROCEDURES
    PROGRAM PUBLICATION QUOTE RANGE READ REASSIGN RECHECK RECURSIVE REF REFERENCING REFRESH
    REINDEX RELATIVE RELEASE RENAME REPEATABLE REPLACE REPLICA RESET RESTART RESTRICT RETURN
    RETURNS REVOKE ROLE ROLLBACK ROLLUP ROUTINE ROUTINES ROWS RULE SAVEPOINT SCHEMA SCHEMAS
    SCROLL SEARCH SECOND SECURITY SEQUENCE SEQUENCES SERIALIZABLE SERVER SESSION SET SETS SHARE
    SHOW SIMPLE SKIP SNAPSHOT SQL STABLE STANDALONE START STATEMENT STATISTICS STDIN STDOUT
    STORAGE STORED STRICT STRIP SUBSCRIPTION SUPPORT SYSID SYSTEM TABLES TABLESPACE TEMP
    TEMPLATE TEMPORARY TEXT TIES TRANSACTION TRANSFORM TRIGGER TRUNCATE TRUSTED TYPE TYPES
    UESCAPE UNBOUNDED UNCOMMITTED UNENCRYPTED UNKNOWN UNLISTEN UNLOGGED UNTIL UPDATE VACUUM
    VALID VALIDATE VALIDATOR VALUE VARYING VERSION VIEW VIEWS VOLATILE WHITESPACE WITHIN WITHOUT
    WORK WRAPPER WRITE XML YEAR YES ZONE.

%token ICONST FCONST SCONST USCONST UIDENT BCONST XCONST PARAM OP TYPECAST DOT_DOT COLON_EQUALS
    EQUALS_GREATER LE GE NE NOT_LA NULLS_LA WITH_LA.

// ---- precedence, lowest first ----

%left     UNION EXCEPT.
%left     INTERSECT.
%left     OR.
%left     AND.
%right    NOT.
%nonassoc IS ISNULL NOTNULL.
%nonassoc LT GT EQ LE GE NE.
%nonassoc BETWEEN IN LIKE ILIKE SIMILAR NOT_LA.
%nonassoc ESCAPE.
%nonassoc UNBOUNDED.
%nonassoc IDENT PARTITION RANGE ROWS GROUPS PRECEDING FOLLOWING CUBE ROLLUP.
%left     OP OPERATOR.
%left     PLUS MINUS.
%left     STAR SLASH PERCENT.
%left     CARET.
%left     AT.
%left     COLLATE.
%right    UMINUS.
%left     LB RB.
%left     LP RP.
%left     TYPECAST.
%left     DOT.
%left     JOIN CROSS LEFT FULL RIGHT INNER NATURAL.

// ---- a statement ----

input ::= toplevel_stmt(S).                 { pc->result = S; }
input ::= toplevel_stmt(S) SEMI.            { pc->result = S; }
toplevel_stmt ::= stmt.
toplevel_stmt ::= transaction_word_stmt.    // BEGIN and END are other things in a function's body
stmt(A) ::= .                               { A = NULL; }
stmt ::= select_stmt.
stmt ::= insert_stmt.
stmt ::= update_stmt.
stmt ::= delete_stmt.
stmt ::= create_stmt.
stmt ::= create_as_stmt.
stmt ::= index_stmt.
stmt ::= view_stmt.
stmt ::= create_seq_stmt.
stmt ::= alter_seq_stmt.
stmt ::= create_schema_stmt.
stmt ::= drop_stmt.
stmt ::= truncate_stmt.
stmt ::= transaction_stmt.
stmt ::= variable_set_stmt.
stmt ::= variable_reset_stmt.
stmt ::= variable_show_stmt.
stmt ::= explain_stmt.
stmt ::= vacuum_stmt.
stmt ::= analyze_stmt.
stmt ::= copy_stmt.
stmt ::= prepare_stmt.
stmt ::= execute_stmt.
stmt ::= deallocate_stmt.
stmt ::= comment_stmt.
stmt ::= merge_stmt.
stmt ::= alter_table_stmt.
stmt ::= create_mat_view_stmt.
stmt ::= refresh_mat_view_stmt.
stmt ::= declare_cursor_stmt.
stmt ::= fetch_stmt.
stmt ::= close_portal_stmt.
stmt ::= lock_stmt.
stmt ::= constraints_set_stmt.
stmt ::= discard_stmt.
stmt ::= checkpoint_stmt.
stmt ::= load_stmt.
stmt ::= notify_stmt.
stmt ::= listen_stmt.
stmt ::= unlisten_stmt.
stmt ::= cluster_stmt.
stmt ::= reindex_stmt.
stmt ::= alter_system_stmt.
stmt ::= define_stmt.
stmt ::= alter_enum_stmt.
stmt ::= alter_type_stmt.
stmt ::= create_domain_stmt.
stmt ::= alter_domain_stmt.
stmt ::= create_function_stmt.
stmt ::= alter_function_stmt.
stmt ::= call_stmt.
stmt ::= do_stmt.
stmt ::= create_cast_stmt.
stmt ::= drop_more_stmt.
stmt ::= reassign_owned_stmt.
stmt ::= sec_label_stmt.
stmt ::= create_trig_stmt.
stmt ::= create_event_trig_stmt.
stmt ::= alter_event_trig_stmt.
stmt ::= rule_stmt.
stmt ::= create_policy_stmt.
stmt ::= alter_policy_stmt.
stmt ::= create_stats_stmt.
stmt ::= alter_stats_stmt.
stmt ::= rename_stmt.
stmt ::= alter_object_schema_stmt.
stmt ::= alter_owner_stmt.
stmt ::= alter_depends_stmt.
stmt ::= alter_operator_stmt.
stmt ::= grant_stmt.
stmt ::= revoke_stmt.
stmt ::= alter_default_privileges_stmt.
stmt ::= role_stmt.
stmt ::= extension_stmt.
stmt ::= opclass_stmt.
stmt ::= conversion_stmt.
stmt ::= language_stmt.
stmt ::= transform_stmt.
stmt ::= access_method_stmt.
stmt ::= foreign_stmt.
stmt ::= publication_stmt.
stmt ::= subscription_stmt.
stmt ::= database_stmt.
stmt ::= tablespace_stmt.
stmt ::= collation_stmt.
stmt ::= text_search_stmt.

// ---- SELECT ----

select_stmt ::= select_no_parens. [UMINUS]
select_stmt ::= select_with_parens. [UMINUS]

select_with_parens(A) ::= LP(T) select_no_parens(S) RP.   { A = pc_parens(S, T); }
select_with_parens(A) ::= LP(T) select_with_parens(S) RP. { A = pc_parens(S, T); }

select_no_parens ::= simple_select.
select_no_parens(A) ::= select_clause(S) sort_clause(O).
    { A = pc_select_options(pc, S, O, NONE_LIST, (ParseLimit){0}, NULL); }
select_no_parens(A) ::= select_clause(S) opt_sort_clause(O) for_locking_clause(F) opt_select_limit(L).
    { A = pc_select_options(pc, S, O, F, L, NULL); }
select_no_parens(A) ::= select_clause(S) opt_sort_clause(O) select_limit(L) opt_for_locking_clause(F).
    { A = pc_select_options(pc, S, O, F, L, NULL); }
select_no_parens(A) ::= with_clause(W) select_clause(S).
    { A = pc_select_options(pc, S, NONE_LIST, NONE_LIST, (ParseLimit){0}, W); }
select_no_parens(A) ::= with_clause(W) select_clause(S) sort_clause(O).
    { A = pc_select_options(pc, S, O, NONE_LIST, (ParseLimit){0}, W); }
select_no_parens(A) ::= with_clause(W) select_clause(S) opt_sort_clause(O) for_locking_clause(F) opt_select_limit(L).
    { A = pc_select_options(pc, S, O, F, L, W); }
select_no_parens(A) ::= with_clause(W) select_clause(S) opt_sort_clause(O) select_limit(L) opt_for_locking_clause(F).
    { A = pc_select_options(pc, S, O, F, L, W); }

select_clause ::= simple_select.
select_clause ::= select_with_parens.

simple_select(A) ::= SELECT(T) opt_all_clause opt_target_list(L) into_clause(I) from_clause(F) where_clause(W)
                     group_clause(G) having_clause(H) window_clause(N).
    { A = MK(SelectStmt, .targets = L, .into = I, .from = F, .where = W, .group_by = G.list,
             .group_distinct = G.distinct, .having = H, .windows = N, .loc = T.loc); }
simple_select(A) ::= SELECT(T) distinct_clause(D) target_list(L) into_clause(I) from_clause(F) where_clause(W)
                     group_clause(G) having_clause(H) window_clause(N).
    { A = MK(SelectStmt, .distinct = true, .distinct_on = D, .targets = L, .into = I, .from = F, .where = W,
             .group_by = G.list, .group_distinct = G.distinct, .having = H, .windows = N, .loc = T.loc); }
simple_select ::= values_clause.
simple_select(A) ::= TABLE(T) relation_expr(R).
    { A = MK(SelectStmt, .targets = L1(MK(ResTarget, .value = MK(ColumnRef, .fields = L1(MK(A_Star, .loc = T.loc)),
             .loc = T.loc), .loc = T.loc)), .from = L1(R), .loc = T.loc); }
simple_select(A) ::= select_clause(L) UNION(T) set_quantifier(Q) select_clause(R).
    { A = pc_setop(pc, AST_SETOP_UNION, Q, L, R, T.loc); }
simple_select(A) ::= select_clause(L) INTERSECT(T) set_quantifier(Q) select_clause(R).
    { A = pc_setop(pc, AST_SETOP_INTERSECT, Q, L, R, T.loc); }
simple_select(A) ::= select_clause(L) EXCEPT(T) set_quantifier(Q) select_clause(R).
    { A = pc_setop(pc, AST_SETOP_EXCEPT, Q, L, R, T.loc); }

%type set_quantifier {bool}
set_quantifier(A) ::= ALL.                  { A = true; }
set_quantifier(A) ::= DISTINCT.             { A = false; }
set_quantifier(A) ::= .                     { A = false; }

opt_all_clause ::= ALL.
opt_all_clause ::= .
%type distinct_clause {AstList}
distinct_clause(A) ::= DISTINCT.            { A = NONE_LIST; }
distinct_clause(A) ::= DISTINCT ON LP expr_list(L) RP. { A = L; }

%type values_clause {Ast *}
values_clause(A) ::= VALUES(T) LP expr_list(L) RP.
    { A = MK(SelectStmt, .values = L1(MK(ListNode, .items = L, .loc = T.loc)), .loc = T.loc); }
values_clause(A) ::= values_clause(A) COMMA(T) LP expr_list(L) RP.
    { if (A != NULL) ((SelectStmt *)A)->values = PUSH(((SelectStmt *)A)->values, MK(ListNode, .items = L, .loc = T.loc)); }

into_clause(A) ::= .                        { A = NULL; }
into_clause(A) ::= INTO opt_temp_table_name(R). { A = MK(IntoClause, .rel = R); }
opt_temp_table_name(A) ::= TEMPORARY opt_table qualified_name(R).
    { A = R; if (R != NULL) ((RangeVar *)R)->persistence = AST_REL_TEMP; }
opt_temp_table_name(A) ::= TEMP opt_table qualified_name(R).
    { A = R; if (R != NULL) ((RangeVar *)R)->persistence = AST_REL_TEMP; }
opt_temp_table_name(A) ::= LOCAL TEMPORARY opt_table qualified_name(R).
    { A = R; if (R != NULL) ((RangeVar *)R)->persistence = AST_REL_TEMP; }
opt_temp_table_name(A) ::= LOCAL TEMP opt_table qualified_name(R).
    { A = R; if (R != NULL) ((RangeVar *)R)->persistence = AST_REL_TEMP; }
opt_temp_table_name(A) ::= GLOBAL TEMPORARY opt_table qualified_name(R).
    { A = R; if (R != NULL) ((RangeVar *)R)->persistence = AST_REL_TEMP; }
opt_temp_table_name(A) ::= GLOBAL TEMP opt_table qualified_name(R).
    { A = R; if (R != NULL) ((RangeVar *)R)->persistence = AST_REL_TEMP; }
opt_temp_table_name(A) ::= UNLOGGED opt_table qualified_name(R).
    { A = R; if (R != NULL) ((RangeVar *)R)->persistence = AST_REL_UNLOGGED; }
opt_temp_table_name(A) ::= TABLE qualified_name(R). { A = R; }
opt_temp_table_name ::= qualified_name.
opt_table ::= TABLE.
opt_table ::= .

%type opt_target_list {AstList}
%type target_list {AstList}
opt_target_list ::= target_list.
opt_target_list(A) ::= .                    { A = NONE_LIST; }
target_list(A) ::= target_el(E).            { A = L1(E); }
target_list(A) ::= target_list(A) COMMA target_el(E). { A = PUSH(A, E); }
target_el(A) ::= a_expr(E) AS col_label(N). { A = MK(ResTarget, .name = N.str, .value = E, .loc = ast_location(E)); }
target_el(A) ::= a_expr(E) bare_label(N).   { A = MK(ResTarget, .name = N.str, .value = E, .loc = ast_location(E)); }
target_el(A) ::= a_expr(E).                 { A = MK(ResTarget, .value = E, .loc = ast_location(E)); }
target_el(A) ::= STAR(T).
    { A = MK(ResTarget, .value = MK(ColumnRef, .fields = L1(MK(A_Star, .loc = T.loc)), .loc = T.loc), .loc = T.loc); }

// ---- WITH ----

with_clause(A) ::= WITH(T) cte_list(L).           { A = MK(WithClause, .ctes = L, .loc = T.loc); }
with_clause(A) ::= WITH_LA(T) cte_list(L).        { A = MK(WithClause, .ctes = L, .loc = T.loc); }
with_clause(A) ::= WITH(T) RECURSIVE cte_list(L). { A = MK(WithClause, .recursive = true, .ctes = L, .loc = T.loc); }
opt_with_clause ::= with_clause.
opt_with_clause(A) ::= .                          { A = NULL; }
%type cte_list {AstList}
cte_list(A) ::= common_table_expr(E).             { A = L1(E); }
cte_list(A) ::= cte_list(A) COMMA common_table_expr(E). { A = PUSH(A, E); }
common_table_expr(A) ::= col_id(N) opt_name_list(C) AS opt_materialized(M) LP preparable_stmt(Q) RP
                         opt_search_clause(S) opt_cycle_clause(Y).
    { A = MK(CommonTableExpr, .name = N.str, .columns = C, .materialized = M, .query = Q, .search = S, .cycle = Y,
             .loc = N.loc); }
%type opt_materialized {AstCteMaterialize}
opt_materialized(A) ::= MATERIALIZED.             { A = AST_CTE_ALWAYS; }
opt_materialized(A) ::= NOT MATERIALIZED.         { A = AST_CTE_NEVER; }
opt_materialized(A) ::= .                         { A = AST_CTE_DEFAULT; }
opt_search_clause(A) ::= SEARCH(T) DEPTH FIRST BY column_list(L) SET col_id(N).
    { A = MK(CteSearchClause, .columns = L, .seq_column = N.str, .loc = T.loc); }
opt_search_clause(A) ::= SEARCH(T) BREADTH FIRST BY column_list(L) SET col_id(N).
    { A = MK(CteSearchClause, .columns = L, .breadth_first = true, .seq_column = N.str, .loc = T.loc); }
opt_search_clause(A) ::= .                        { A = NULL; }
opt_cycle_clause(A) ::= CYCLE(T) column_list(L) SET col_id(M) TO aexpr_const(V) DEFAULT aexpr_const(D) USING col_id(P).
    { A = MK(CteCycleClause, .columns = L, .mark_column = M.str, .mark_value = V, .mark_default = D,
             .path_column = P.str, .loc = T.loc); }
opt_cycle_clause(A) ::= CYCLE(T) column_list(L) SET col_id(M) USING col_id(P).
    { A = MK(CteCycleClause, .columns = L, .mark_column = M.str, .path_column = P.str, .loc = T.loc); }
opt_cycle_clause(A) ::= .                         { A = NULL; }
preparable_stmt ::= select_stmt.
preparable_stmt ::= insert_stmt.
preparable_stmt ::= update_stmt.
preparable_stmt ::= delete_stmt.
preparable_stmt ::= merge_stmt.

// ---- ORDER BY, LIMIT, FOR UPDATE ----

%type opt_sort_clause {AstList}
%type sort_clause {AstList}
%type sortby_list {AstList}
opt_sort_clause ::= sort_clause.
opt_sort_clause(A) ::= .                          { A = NONE_LIST; }
sort_clause(A) ::= ORDER BY sortby_list(L).       { A = L; }
sortby_list(A) ::= sortby(E).                     { A = L1(E); }
sortby_list(A) ::= sortby_list(A) COMMA sortby(E). { A = PUSH(A, E); }
sortby(A) ::= a_expr(E) USING(T) qual_all_op(O) opt_nulls_order(N).
    { A = pc_sort_using(pc, E, O, N, T.loc); }
sortby(A) ::= a_expr(E) opt_asc_desc(D) opt_nulls_order(N).
    { A = MK(SortBy, .expr = E, .dir = D, .nulls = N, .loc = ast_location(E)); }
%type opt_asc_desc {AstSortDir}
opt_asc_desc(A) ::= ASC.                          { A = AST_SORT_ASC; }
opt_asc_desc(A) ::= DESC.                         { A = AST_SORT_DESC; }
opt_asc_desc(A) ::= .                             { A = AST_SORT_DEFAULT; }
%type opt_nulls_order {AstSortNulls}
opt_nulls_order(A) ::= NULLS_LA FIRST.            { A = AST_NULLS_FIRST; }
opt_nulls_order(A) ::= NULLS_LA LAST.             { A = AST_NULLS_LAST; }
opt_nulls_order(A) ::= .                          { A = AST_NULLS_DEFAULT; }

%type select_limit {ParseLimit}
%type opt_select_limit {ParseLimit}
%type limit_clause {ParseLimit}
opt_select_limit ::= select_limit.
opt_select_limit(A) ::= .                         { A = (ParseLimit){0}; }
select_limit(A) ::= limit_clause(L) offset_clause(O). { A = L; A.offset = O; }
select_limit(A) ::= offset_clause(O) limit_clause(L). { A = L; A.offset = O; }
select_limit ::= limit_clause.
select_limit(A) ::= offset_clause(O).             { A = (ParseLimit){.offset = O}; }
limit_clause(A) ::= LIMIT select_limit_value(V).  { A = (ParseLimit){.limit = V}; }
limit_clause(A) ::= LIMIT(T) select_limit_value COMMA a_expr.
    {
        A = (ParseLimit){0};
        pc_fail_hint(pc, T.loc, ERR_SYNTAX_ERROR, "LIMIT #,# syntax is not supported", "Use separate LIMIT and OFFSET clauses.");
    }
limit_clause(A) ::= FETCH first_or_next select_fetch_value(V) row_or_rows ONLY. { A = (ParseLimit){.limit = V}; }
limit_clause(A) ::= FETCH first_or_next select_fetch_value(V) row_or_rows WITH TIES.
    { A = (ParseLimit){.limit = V, .kind = AST_LIMIT_WITH_TIES}; }
limit_clause(A) ::= FETCH first_or_next(T) row_or_rows ONLY. { A = (ParseLimit){.limit = pc_int_value(pc, 1, T.loc)}; }
limit_clause(A) ::= FETCH first_or_next(T) row_or_rows WITH TIES.
    { A = (ParseLimit){.limit = pc_int_value(pc, 1, T.loc), .kind = AST_LIMIT_WITH_TIES}; }
offset_clause(A) ::= OFFSET a_expr(E).            { A = E; }
offset_clause(A) ::= OFFSET select_fetch_value(E) row_or_rows. { A = E; }
select_limit_value ::= a_expr.
select_limit_value(A) ::= ALL(T).                 { A = pc_null(pc, T.loc); }
select_fetch_value ::= c_expr.
select_fetch_value(A) ::= PLUS i_or_f_const(E).   { A = E; }
select_fetch_value(A) ::= MINUS(T) i_or_f_const(E). { A = pc_negate(pc, E, T.loc); }
i_or_f_const(A) ::= ICONST(T).                    { A = pc_int_const(pc, T); }
i_or_f_const(A) ::= FCONST(T).                    { A = pc_numeric_const(pc, T); }
row_or_rows ::= ROW.
row_or_rows ::= ROWS.
%type first_or_next {Token}
first_or_next(A) ::= FIRST(T).               { A = T; }
first_or_next(A) ::= NEXT(T).               { A = T; }

%type opt_for_locking_clause {AstList}
%type for_locking_clause {AstList}
%type for_locking_items {AstList}
opt_for_locking_clause ::= for_locking_clause.
opt_for_locking_clause(A) ::= .                   { A = NONE_LIST; }
for_locking_clause ::= for_locking_items.
for_locking_clause(A) ::= FOR READ ONLY.          { A = NONE_LIST; }
for_locking_items(A) ::= for_locking_item(E).     { A = L1(E); }
for_locking_items(A) ::= for_locking_items(A) for_locking_item(E). { A = PUSH(A, E); }
for_locking_item(A) ::= for_locking_strength(S) locked_rels_list(L) opt_nowait_or_skip(W).
    { A = MK(LockingClause, .rels = L, .strength = S, .wait = W); }
%type for_locking_strength {AstLockStrength}
for_locking_strength(A) ::= FOR UPDATE.           { A = AST_LOCK_FOR_UPDATE; }
for_locking_strength(A) ::= FOR NO KEY UPDATE.    { A = AST_LOCK_FOR_NO_KEY_UPDATE; }
for_locking_strength(A) ::= FOR SHARE.            { A = AST_LOCK_FOR_SHARE; }
for_locking_strength(A) ::= FOR KEY SHARE.        { A = AST_LOCK_FOR_KEY_SHARE; }
%type locked_rels_list {AstList}
locked_rels_list(A) ::= OF qualified_name_list(L). { A = L; }
locked_rels_list(A) ::= .                         { A = NONE_LIST; }
%type opt_nowait_or_skip {AstLockWait}
opt_nowait_or_skip(A) ::= NOWAIT.                 { A = AST_LOCK_NOWAIT; }
opt_nowait_or_skip(A) ::= SKIP LOCKED.            { A = AST_LOCK_SKIP; }
opt_nowait_or_skip(A) ::= .                       { A = AST_LOCK_BLOCK; }

// ---- FROM ----

%type from_clause {AstList}
%type from_list {AstList}
from_clause(A) ::= FROM from_list(L).             { A = L; }
from_clause(A) ::= .                              { A = NONE_LIST; }
from_list(A) ::= table_ref(E).                    { A = L1(E); }
from_list(A) ::= from_list(A) COMMA table_ref(E). { A = PUSH(A, E); }

table_ref(A) ::= relation_expr(R) opt_alias_clause(L). { A = pc_relation_alias(R, L); }
table_ref(A) ::= relation_expr(R) opt_alias_clause(L) tablesample_clause(S).
    { A = S; if (S != NULL) ((RangeTableSample *)S)->rel = pc_relation_alias(R, L); }
table_ref(A) ::= func_table(F) func_alias_clause(L). { A = pc_from_function(F, L, false); }
table_ref(A) ::= LATERAL func_table(F) func_alias_clause(L). { A = pc_from_function(F, L, true); }
table_ref(A) ::= xmltable(X) opt_alias_clause(L).
    { A = X; if (X != NULL) ((RangeTableFunc *)X)->alias = L; }
table_ref(A) ::= LATERAL xmltable(X) opt_alias_clause(L).
    { A = X; if (X != NULL) ((RangeTableFunc *)X)->alias = L, ((RangeTableFunc *)X)->lateral = true; }
table_ref(A) ::= select_with_parens(S) opt_alias_clause(L). { A = pc_from_subselect(pc, S, L, false); }
table_ref(A) ::= LATERAL select_with_parens(S) opt_alias_clause(L). { A = pc_from_subselect(pc, S, L, true); }
table_ref ::= joined_table.
table_ref(A) ::= LP joined_table(J) RP alias_clause(L). { A = J; if (J != NULL) ((JoinExpr *)J)->alias = L; }

joined_table(A) ::= LP joined_table(J) RP.        { A = J; }
joined_table(A) ::= table_ref(L) CROSS(T) JOIN table_ref(R).
    { A = MK(JoinExpr, .kind = AST_JOIN_INNER, .left = L, .right = R, .loc = T.loc); }
joined_table(A) ::= table_ref(L) join_type(K) JOIN(T) table_ref(R) join_qual(Q).
    { A = pc_join(pc, K, L, R, Q, T.loc); }
joined_table(A) ::= table_ref(L) JOIN(T) table_ref(R) join_qual(Q).
    { A = pc_join(pc, AST_JOIN_INNER, L, R, Q, T.loc); }
joined_table(A) ::= table_ref(L) NATURAL(T) join_type(K) JOIN table_ref(R).
    { A = MK(JoinExpr, .kind = K, .natural = true, .left = L, .right = R, .loc = T.loc); }
joined_table(A) ::= table_ref(L) NATURAL(T) JOIN table_ref(R).
    { A = MK(JoinExpr, .natural = true, .left = L, .right = R, .loc = T.loc); }
%type join_type {AstJoinKind}
join_type(A) ::= FULL opt_outer.                  { A = AST_JOIN_FULL; }
join_type(A) ::= LEFT opt_outer.                  { A = AST_JOIN_LEFT; }
join_type(A) ::= RIGHT opt_outer.                 { A = AST_JOIN_RIGHT; }
join_type(A) ::= INNER.                           { A = AST_JOIN_INNER; }
opt_outer ::= OUTER.
opt_outer ::= .
// USING comes as a JoinExpr that holds only the columns and their alias.
join_qual(A) ::= USING LP name_list(L) RP opt_using_alias(N). { A = MK(JoinExpr, .using_columns = L, .using_alias = N); }
join_qual(A) ::= ON a_expr(E).                    { A = E; }
opt_using_alias(A) ::= AS col_id(N).              { A = MK(Alias, .name = N.str); }
opt_using_alias(A) ::= .                          { A = NULL; }

alias_clause(A) ::= AS col_id(N) LP name_list(L) RP. { A = MK(Alias, .name = N.str, .columns = L); }
alias_clause(A) ::= AS col_id(N).                 { A = MK(Alias, .name = N.str); }
alias_clause(A) ::= col_id(N) LP name_list(L) RP. { A = MK(Alias, .name = N.str, .columns = L); }
alias_clause(A) ::= col_id(N).                    { A = MK(Alias, .name = N.str); }
opt_alias_clause ::= alias_clause.
opt_alias_clause(A) ::= .                         { A = NULL; }
%type func_alias_clause {ParseAlias}
func_alias_clause(A) ::= alias_clause(L).         { A = (ParseAlias){.alias = L}; }
func_alias_clause(A) ::= AS LP table_func_element_list(C) RP. { A = (ParseAlias){.coldefs = C}; }
func_alias_clause(A) ::= AS col_id(N) LP table_func_element_list(C) RP.
    { A = (ParseAlias){.alias = MK(Alias, .name = N.str), .coldefs = C}; }
func_alias_clause(A) ::= col_id(N) LP table_func_element_list(C) RP.
    { A = (ParseAlias){.alias = MK(Alias, .name = N.str), .coldefs = C}; }
func_alias_clause(A) ::= .                        { A = (ParseAlias){0}; }
%type table_func_element_list {AstList}
table_func_element_list(A) ::= table_func_element(E). { A = L1(E); }
table_func_element_list(A) ::= table_func_element_list(A) COMMA table_func_element(E). { A = PUSH(A, E); }
table_func_element(A) ::= col_id(N) typename(T) opt_collate_clause(C).
    { A = MK(ColumnDef, .name = N.str, .type = T, .collate = C, .loc = N.loc); }

relation_expr ::= qualified_name.
relation_expr(A) ::= qualified_name(R) STAR.      { A = R; }
relation_expr(A) ::= ONLY qualified_name(R).      { A = R; if (R != NULL) ((RangeVar *)R)->only = true; }
relation_expr(A) ::= ONLY LP qualified_name(R) RP. { A = R; if (R != NULL) ((RangeVar *)R)->only = true; }
%type relation_expr_list {AstList}
relation_expr_list(A) ::= relation_expr(E).       { A = L1(E); }
relation_expr_list(A) ::= relation_expr_list(A) COMMA relation_expr(E). { A = PUSH(A, E); }
relation_expr_opt_alias ::= relation_expr. [UMINUS]
relation_expr_opt_alias(A) ::= relation_expr(R) col_id(N).
    { A = pc_relation_alias(R, MK(Alias, .name = N.str)); }
relation_expr_opt_alias(A) ::= relation_expr(R) AS col_id(N).
    { A = pc_relation_alias(R, MK(Alias, .name = N.str)); }

tablesample_clause(A) ::= TABLESAMPLE(T) func_name(N) LP expr_list(L) RP opt_repeatable_clause(R).
    { A = MK(RangeTableSample, .method = N, .args = L, .repeatable = R, .loc = T.loc); }
opt_repeatable_clause(A) ::= REPEATABLE LP a_expr(E) RP. { A = E; }
opt_repeatable_clause(A) ::= .                    { A = NULL; }

func_table(A) ::= func_expr_windowless(F) opt_ordinality(O).
    { A = MK(RangeFunction, .functions = L1(MK(RangeFunctionItem, .func = F)), .ordinality = O, .loc = ast_location(F)); }
func_table(A) ::= ROWS(T) FROM LP rowsfrom_list(L) RP opt_ordinality(O).
    { A = MK(RangeFunction, .functions = L, .ordinality = O, .is_rows_from = true, .loc = T.loc); }
%type rowsfrom_list {AstList}
rowsfrom_list(A) ::= rowsfrom_item(E).            { A = L1(E); }
rowsfrom_list(A) ::= rowsfrom_list(A) COMMA rowsfrom_item(E). { A = PUSH(A, E); }
rowsfrom_item(A) ::= func_expr_windowless(F) opt_col_def_list(C). { A = MK(RangeFunctionItem, .func = F, .coldefs = C); }
%type opt_col_def_list {AstList}
opt_col_def_list(A) ::= AS LP table_func_element_list(L) RP. { A = L; }
opt_col_def_list(A) ::= .                         { A = NONE_LIST; }
%type opt_ordinality {bool}
opt_ordinality(A) ::= WITH_LA ORDINALITY.         { A = true; }
opt_ordinality(A) ::= .                           { A = false; }

xmltable(A) ::= XMLTABLE(T) LP c_expr(R) xmlexists_argument(D) COLUMNS xmltable_columns(L) RP.
    { A = MK(RangeTableFunc, .row_expr = R, .document = D, .columns = L, .loc = T.loc); }
xmltable(A) ::= XMLTABLE(T) LP XMLNAMESPACES LP xml_namespaces(N) RP COMMA c_expr(R) xmlexists_argument(D)
                COLUMNS xmltable_columns(L) RP.
    { A = MK(RangeTableFunc, .namespaces = N, .row_expr = R, .document = D, .columns = L, .loc = T.loc); }
%type xmltable_columns {AstList}
xmltable_columns(A) ::= xmltable_column(E).       { A = L1(E); }
xmltable_columns(A) ::= xmltable_columns(A) COMMA xmltable_column(E). { A = PUSH(A, E); }
xmltable_column(A) ::= col_id(N) typename(T) xmltable_options(O).
    { A = O; if (O != NULL) ((RangeTableFuncCol *)O)->name = N.str, ((RangeTableFuncCol *)O)->type = T,
      ((RangeTableFuncCol *)O)->loc = N.loc; }
xmltable_column(A) ::= col_id(N) FOR ORDINALITY.
    { A = MK(RangeTableFuncCol, .name = N.str, .for_ordinality = true, .loc = N.loc); }
xmltable_options(A) ::= .                         { A = MK(RangeTableFuncCol, .name = NULL); }
xmltable_options(A) ::= xmltable_options(A) IDENT(N) b_expr(E). { pc_xmltable_path(pc, A, N, E); }
xmltable_options(A) ::= xmltable_options(A) DEFAULT b_expr(E). { if (A != NULL) ((RangeTableFuncCol *)A)->default_value = E; }
xmltable_options(A) ::= xmltable_options(A) NOT NULL. { if (A != NULL) ((RangeTableFuncCol *)A)->not_null = true; }
xmltable_options ::= xmltable_options NULL.
%type xml_namespaces {AstList}
xml_namespaces(A) ::= xml_namespace(E).           { A = L1(E); }
xml_namespaces(A) ::= xml_namespaces(A) COMMA xml_namespace(E). { A = PUSH(A, E); }
xml_namespace(A) ::= b_expr(E) AS col_label(N).   { A = MK(ResTarget, .name = N.str, .value = E, .loc = N.loc); }
xml_namespace(A) ::= DEFAULT(T) b_expr(E).        { A = MK(ResTarget, .value = E, .loc = T.loc); }

// ---- WHERE, GROUP BY, HAVING, WINDOW ----

where_clause(A) ::= WHERE a_expr(E).              { A = E; }
where_clause(A) ::= .                             { A = NULL; }
where_or_current_clause(A) ::= WHERE a_expr(E).   { A = E; }
where_or_current_clause(A) ::= WHERE CURRENT(T) OF col_id(N). { A = MK(CurrentOfExpr, .cursor = N.str, .loc = T.loc); }
where_or_current_clause(A) ::= .                  { A = NULL; }

%type group_clause {ParseGroup}
group_clause(A) ::= GROUP BY set_quantifier_group(D) group_by_list(L). { A = (ParseGroup){L, D}; }
group_clause(A) ::= .                             { A = (ParseGroup){0}; }
%type set_quantifier_group {bool}
set_quantifier_group(A) ::= ALL.                  { A = false; }
set_quantifier_group(A) ::= DISTINCT.             { A = true; }
set_quantifier_group(A) ::= .                     { A = false; }
%type group_by_list {AstList}
group_by_list(A) ::= group_by_item(E).            { A = L1(E); }
group_by_list(A) ::= group_by_list(A) COMMA group_by_item(E). { A = PUSH(A, E); }
group_by_item ::= a_expr.
group_by_item(A) ::= LP(T) RP.                    { A = MK(GroupingSet, .kind = AST_GROUPING_EMPTY, .loc = T.loc); }
group_by_item(A) ::= CUBE(T) LP expr_list(L) RP.  { A = MK(GroupingSet, .kind = AST_GROUPING_CUBE, .content = L, .loc = T.loc); }
group_by_item(A) ::= ROLLUP(T) LP expr_list(L) RP. { A = MK(GroupingSet, .kind = AST_GROUPING_ROLLUP, .content = L, .loc = T.loc); }
group_by_item(A) ::= GROUPING(T) SETS LP group_by_list(L) RP.
    { A = MK(GroupingSet, .kind = AST_GROUPING_SETS, .content = L, .loc = T.loc); }
having_clause(A) ::= HAVING a_expr(E).            { A = E; }
having_clause(A) ::= .                            { A = NULL; }

%type window_clause {AstList}
%type window_definition_list {AstList}
window_clause(A) ::= WINDOW window_definition_list(L). { A = L; }
window_clause(A) ::= .                            { A = NONE_LIST; }
window_definition_list(A) ::= window_definition(E). { A = L1(E); }
window_definition_list(A) ::= window_definition_list(A) COMMA window_definition(E). { A = PUSH(A, E); }
window_definition(A) ::= col_id(N) AS window_specification(W).
    { A = W; if (W != NULL) ((WindowDef *)W)->name = N.str; }
over_clause(A) ::= OVER window_specification(W).  { A = W; }
over_clause(A) ::= OVER col_id(N).                { A = MK(WindowDef, .name = N.str, .loc = N.loc); }
over_clause(A) ::= .                              { A = NULL; }
// No empty nonterminal before PARTITION, RANGE, ROWS and GROUPS: they would be names there.
window_specification(A) ::= LP(T) window_rest(W) RP. { A = pc_window_at(W, (Token){0}, T.loc); }
window_specification(A) ::= LP(T) col_id(N) window_rest(W) RP. { A = pc_window_at(W, N, T.loc); }
window_rest(A) ::= .                              { A = pc_window(pc, NONE_LIST, NONE_LIST, NULL); }
window_rest(A) ::= partition_clause(P) opt_sort_clause(O) opt_frame_clause(F). { A = pc_window(pc, P, O, F); }
window_rest(A) ::= sort_clause(O) opt_frame_clause(F). { A = pc_window(pc, NONE_LIST, O, F); }
window_rest(A) ::= frame_clause(F).               { A = pc_window(pc, NONE_LIST, NONE_LIST, F); }
%type partition_clause {AstList}
partition_clause(A) ::= PARTITION BY expr_list(L). { A = L; }
// A frame is a WindowDef that has only the frame's fields.
frame_clause(A) ::= frame_mode(M) frame_extent(F) opt_window_exclusion(X). { A = pc_frame(M, F, X); }
opt_frame_clause ::= frame_clause.
opt_frame_clause(A) ::= .                         { A = NULL; }
%type frame_mode {AstFrameMode}
frame_mode(A) ::= RANGE.                          { A = AST_FRAME_RANGE; }
frame_mode(A) ::= ROWS.                           { A = AST_FRAME_ROWS; }
frame_mode(A) ::= GROUPS.                         { A = AST_FRAME_GROUPS; }
frame_extent(A) ::= frame_bound(B).               { A = pc_frame_extent(pc, B, NULL); }
frame_extent(A) ::= BETWEEN frame_bound(B) AND frame_bound(E). { A = pc_frame_extent(pc, B, E); }
frame_bound(A) ::= UNBOUNDED(T) PRECEDING.        { A = MK(WindowDef, .start = AST_BOUND_UNBOUNDED_PRECEDING, .loc = T.loc); }
frame_bound(A) ::= UNBOUNDED(T) FOLLOWING.        { A = MK(WindowDef, .start = AST_BOUND_UNBOUNDED_FOLLOWING, .loc = T.loc); }
frame_bound(A) ::= CURRENT(T) ROW.                { A = MK(WindowDef, .start = AST_BOUND_CURRENT_ROW, .loc = T.loc); }
frame_bound(A) ::= a_expr(E) PRECEDING.
    { A = MK(WindowDef, .start = AST_BOUND_OFFSET_PRECEDING, .start_offset = E, .loc = ast_location(E)); }
frame_bound(A) ::= a_expr(E) FOLLOWING.
    { A = MK(WindowDef, .start = AST_BOUND_OFFSET_FOLLOWING, .start_offset = E, .loc = ast_location(E)); }
%type opt_window_exclusion {AstFrameExclude}
opt_window_exclusion(A) ::= EXCLUDE CURRENT ROW.  { A = AST_EXCLUDE_CURRENT_ROW; }
opt_window_exclusion(A) ::= EXCLUDE GROUP.        { A = AST_EXCLUDE_GROUP; }
opt_window_exclusion(A) ::= EXCLUDE TIES.         { A = AST_EXCLUDE_TIES; }
opt_window_exclusion(A) ::= EXCLUDE NO OTHERS.    { A = AST_EXCLUDE_NONE; }
opt_window_exclusion(A) ::= .                     { A = AST_EXCLUDE_NONE; }

// ---- INSERT, UPDATE, DELETE ----

insert_stmt(A) ::= opt_with_clause(W) INSERT INTO insert_target(T) insert_rest(I) opt_on_conflict(C) returning_clause(R).
    {
        A = I;
        if (I != NULL) {
            InsertStmt *s = (InsertStmt *)I;
            s->with = W, s->rel = T, s->on_conflict = C, s->returning = R;
        }
    }
insert_target ::= qualified_name.
insert_target(A) ::= qualified_name(R) AS col_id(N). { A = pc_relation_alias(R, MK(Alias, .name = N.str)); }
insert_rest(A) ::= select_stmt(S).                { A = MK(InsertStmt, .select = S); }
insert_rest(A) ::= OVERRIDING override_kind(O) VALUE select_stmt(S). { A = MK(InsertStmt, .overriding = O, .select = S); }
insert_rest(A) ::= LP insert_column_list(L) RP select_stmt(S). { A = MK(InsertStmt, .columns = L, .select = S); }
insert_rest(A) ::= LP insert_column_list(L) RP OVERRIDING override_kind(O) VALUE select_stmt(S).
    { A = MK(InsertStmt, .columns = L, .overriding = O, .select = S); }
insert_rest(A) ::= DEFAULT VALUES.                { A = MK(InsertStmt, .select = NULL); }
%type override_kind {AstOverridingKind}
override_kind(A) ::= USER.                        { A = AST_OVERRIDING_USER; }
override_kind(A) ::= SYSTEM.                      { A = AST_OVERRIDING_SYSTEM; }
%type insert_column_list {AstList}
insert_column_list(A) ::= insert_column_item(E).  { A = L1(E); }
insert_column_list(A) ::= insert_column_list(A) COMMA insert_column_item(E). { A = PUSH(A, E); }
insert_column_item(A) ::= col_id(N) opt_indirection(P).
    { A = MK(ResTarget, .name = N.str, .path = pc_check_path(pc, P), .loc = N.loc); }

opt_on_conflict(A) ::= ON(T) CONFLICT opt_conf_expr(I) DO UPDATE SET set_clause_list(L) where_clause(W).
    { A = MK(OnConflictClause, .action = AST_CONFLICT_UPDATE, .infer = I, .targets = L, .where = W, .loc = T.loc); }
opt_on_conflict(A) ::= ON(T) CONFLICT opt_conf_expr(I) DO NOTHING.
    { A = MK(OnConflictClause, .action = AST_CONFLICT_NOTHING, .infer = I, .loc = T.loc); }
opt_on_conflict(A) ::= .                          { A = NULL; }
opt_conf_expr(A) ::= LP(T) index_params(L) RP where_clause(W). { A = MK(InferClause, .elems = L, .where = W, .loc = T.loc); }
opt_conf_expr(A) ::= ON(T) CONSTRAINT name(N).    { A = MK(InferClause, .constraint = N.str, .loc = T.loc); }
opt_conf_expr(A) ::= .                            { A = NULL; }
%type returning_clause {AstList}
returning_clause(A) ::= RETURNING target_list(L). { A = L; }
returning_clause(A) ::= .                         { A = NONE_LIST; }

// SET after the table is no alias: it is shifted, not looked at.
update_target(A) ::= UPDATE relation_expr(R) SET. { A = R; }
update_target(A) ::= UPDATE relation_expr(R) col_id(N) SET. { A = pc_relation_alias(R, MK(Alias, .name = N.str)); }
update_target(A) ::= UPDATE relation_expr(R) AS col_id(N) SET. { A = pc_relation_alias(R, MK(Alias, .name = N.str)); }
update_stmt(A) ::= opt_with_clause(W) update_target(T) set_clause_list(L) from_clause(F)
                   where_or_current_clause(C) returning_clause(R).
    { A = MK(UpdateStmt, .with = W, .rel = T, .targets = L, .from = F, .where = C, .returning = R); }
%type set_clause_list {AstList}
set_clause_list ::= set_clause.
set_clause_list(A) ::= set_clause_list(A) COMMA set_clause(L). { A = pc_concat(pc, A, L); }
%type set_clause {AstList}
set_clause(A) ::= set_target(E) EQ a_expr(V).     { if (E != NULL) ((ResTarget *)E)->value = V; A = L1(E); }
set_clause(A) ::= LP set_target_list(L) RP EQ a_expr(V). { A = pc_multi_assign(pc, L, V); }
set_target(A) ::= col_id(N) opt_indirection(P).
    { A = MK(ResTarget, .name = N.str, .path = pc_check_path(pc, P), .loc = N.loc); }
%type set_target_list {AstList}
set_target_list(A) ::= set_target(E).             { A = L1(E); }
set_target_list(A) ::= set_target_list(A) COMMA set_target(E). { A = PUSH(A, E); }

delete_stmt(A) ::= opt_with_clause(W) DELETE FROM relation_expr_opt_alias(T) using_clause(U)
                   where_or_current_clause(C) returning_clause(R).
    { A = MK(DeleteStmt, .with = W, .rel = T, .using_rels = U, .where = C, .returning = R); }
%type using_clause {AstList}
using_clause(A) ::= USING from_list(L).           { A = L; }
using_clause(A) ::= .                             { A = NONE_LIST; }

// ---- expressions ----

%type expr_list {AstList}
expr_list(A) ::= a_expr(E).                       { A = L1(E); }
expr_list(A) ::= expr_list(A) COMMA a_expr(E).    { A = PUSH(A, E); }

a_expr ::= c_expr.
a_expr(A) ::= a_expr(E) TYPECAST(T) typename(N).  { A = pc_cast(pc, E, N, T.loc); }
a_expr(A) ::= a_expr(E) COLLATE(T) any_name(N).   { A = MK(CollateClause, .arg = E, .name = N, .loc = T.loc); }
a_expr(A) ::= a_expr(E) AT(T) TIME ZONE a_expr(Z). [AT]
    { A = pc_system_call(pc, "timezone", L2(Z, E), T.loc); }
a_expr(A) ::= PLUS(T) a_expr(E). [UMINUS]         { A = pc_op(pc, "+", NULL, E, T.loc); }
a_expr(A) ::= MINUS(T) a_expr(E). [UMINUS]        { A = pc_op(pc, "-", NULL, E, T.loc); }
a_expr(A) ::= a_expr(L) PLUS(T) a_expr(R).  { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) MINUS(T) a_expr(R).  { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) STAR(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) SLASH(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) PERCENT(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) CARET(T) a_expr(R).       { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) LT(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) GT(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) EQ(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) LE(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) GE(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) NE(T) a_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
a_expr(A) ::= a_expr(L) qual_op(O) a_expr(R). [OP] { A = pc_binary(pc, O, L, R); }
a_expr(A) ::= qual_op(O) a_expr(R). [OP]          { A = pc_binary(pc, O, NULL, R); }
a_expr(A) ::= a_expr(L) AND(T) a_expr(R).         { A = pc_and_or(pc, AST_BOOL_AND, L, R, T.loc); }
a_expr(A) ::= a_expr(L) OR(T) a_expr(R).          { A = pc_and_or(pc, AST_BOOL_OR, L, R, T.loc); }
a_expr(A) ::= NOT(T) a_expr(E).                   { A = pc_not(pc, E, T.loc); }
a_expr(A) ::= NOT_LA(T) a_expr(E). [NOT]          { A = pc_not(pc, E, T.loc); }
a_expr(A) ::= a_expr(L) LIKE(T) a_expr(R). [LIKE] { A = pc_like(pc, AST_EXPR_LIKE, "~~", L, R, NULL, T.loc); }
a_expr(A) ::= a_expr(L) LIKE(T) a_expr(R) ESCAPE a_expr(C). [LIKE]
    { A = pc_like(pc, AST_EXPR_LIKE, "~~", L, R, C, T.loc); }
a_expr(A) ::= a_expr(L) NOT_LA(T) LIKE a_expr(R). [NOT_LA] { A = pc_like(pc, AST_EXPR_LIKE, "!~~", L, R, NULL, T.loc); }
a_expr(A) ::= a_expr(L) NOT_LA(T) LIKE a_expr(R) ESCAPE a_expr(C). [NOT_LA]
    { A = pc_like(pc, AST_EXPR_LIKE, "!~~", L, R, C, T.loc); }
a_expr(A) ::= a_expr(L) ILIKE(T) a_expr(R). [ILIKE] { A = pc_like(pc, AST_EXPR_ILIKE, "~~*", L, R, NULL, T.loc); }
a_expr(A) ::= a_expr(L) ILIKE(T) a_expr(R) ESCAPE a_expr(C). [ILIKE]
    { A = pc_like(pc, AST_EXPR_ILIKE, "~~*", L, R, C, T.loc); }
a_expr(A) ::= a_expr(L) NOT_LA(T) ILIKE a_expr(R). [NOT_LA] { A = pc_like(pc, AST_EXPR_ILIKE, "!~~*", L, R, NULL, T.loc); }
a_expr(A) ::= a_expr(L) NOT_LA(T) ILIKE a_expr(R) ESCAPE a_expr(C). [NOT_LA]
    { A = pc_like(pc, AST_EXPR_ILIKE, "!~~*", L, R, C, T.loc); }
a_expr(A) ::= a_expr(L) SIMILAR(T) TO a_expr(R). [SIMILAR] { A = pc_similar(pc, "~", L, R, NULL, T.loc); }
a_expr(A) ::= a_expr(L) SIMILAR(T) TO a_expr(R) ESCAPE a_expr(C). [SIMILAR] { A = pc_similar(pc, "~", L, R, C, T.loc); }
a_expr(A) ::= a_expr(L) NOT_LA(T) SIMILAR TO a_expr(R). [NOT_LA] { A = pc_similar(pc, "!~", L, R, NULL, T.loc); }
a_expr(A) ::= a_expr(L) NOT_LA(T) SIMILAR TO a_expr(R) ESCAPE a_expr(C). [NOT_LA]
    { A = pc_similar(pc, "!~", L, R, C, T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NULL. [IS]          { A = MK(NullTest, .kind = AST_NULL_TEST_IS, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(E) ISNULL(T).                { A = MK(NullTest, .kind = AST_NULL_TEST_IS, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NOT NULL. [IS]      { A = MK(NullTest, .kind = AST_NULL_TEST_IS_NOT, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(E) NOTNULL(T).               { A = MK(NullTest, .kind = AST_NULL_TEST_IS_NOT, .arg = E, .loc = T.loc); }
a_expr(A) ::= row(L) OVERLAPS(T) row(R).          { A = pc_overlaps(pc, L, R, T.loc); }
a_expr(A) ::= a_expr(E) IS(T) TRUE. [IS]          { A = MK(BooleanTest, .kind = AST_BOOL_TEST_TRUE, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NOT TRUE. [IS]      { A = MK(BooleanTest, .kind = AST_BOOL_TEST_NOT_TRUE, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(E) IS(T) FALSE. [IS]         { A = MK(BooleanTest, .kind = AST_BOOL_TEST_FALSE, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NOT FALSE. [IS]     { A = MK(BooleanTest, .kind = AST_BOOL_TEST_NOT_FALSE, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(E) IS(T) UNKNOWN. [IS]       { A = MK(BooleanTest, .kind = AST_BOOL_TEST_UNKNOWN, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NOT UNKNOWN. [IS]   { A = MK(BooleanTest, .kind = AST_BOOL_TEST_NOT_UNKNOWN, .arg = E, .loc = T.loc); }
a_expr(A) ::= a_expr(L) IS(T) DISTINCT FROM a_expr(R). [IS] { A = pc_expr(pc, AST_EXPR_DISTINCT, "=", L, R, T.loc); }
a_expr(A) ::= a_expr(L) IS(T) NOT DISTINCT FROM a_expr(R). [IS] { A = pc_expr(pc, AST_EXPR_NOT_DISTINCT, "=", L, R, T.loc); }
a_expr(A) ::= a_expr(E) BETWEEN(T) opt_asymmetric b_expr(L) AND a_expr(H). [BETWEEN]
    { A = pc_between(pc, AST_EXPR_BETWEEN, "BETWEEN", E, L, H, T.loc); }
a_expr(A) ::= a_expr(E) NOT_LA(T) BETWEEN opt_asymmetric b_expr(L) AND a_expr(H). [NOT_LA]
    { A = pc_between(pc, AST_EXPR_NOT_BETWEEN, "NOT BETWEEN", E, L, H, T.loc); }
a_expr(A) ::= a_expr(E) BETWEEN(T) SYMMETRIC b_expr(L) AND a_expr(H). [BETWEEN]
    { A = pc_between(pc, AST_EXPR_BETWEEN_SYM, "BETWEEN SYMMETRIC", E, L, H, T.loc); }
a_expr(A) ::= a_expr(E) NOT_LA(T) BETWEEN SYMMETRIC b_expr(L) AND a_expr(H). [NOT_LA]
    { A = pc_between(pc, AST_EXPR_NOT_BETWEEN_SYM, "NOT BETWEEN SYMMETRIC", E, L, H, T.loc); }
a_expr(A) ::= a_expr(E) IN(T) in_expr(I).         { A = pc_in(pc, E, I, false, T.loc); }
a_expr(A) ::= a_expr(E) NOT_LA(T) IN in_expr(I). [NOT_LA] { A = pc_in(pc, E, I, true, T.loc); }
a_expr(A) ::= a_expr(E) subquery_op(O) sub_type(K) select_with_parens(S). [OP]
    { A = pc_quantified(pc, E, O, K, S, NULL); }
a_expr(A) ::= a_expr(E) subquery_op(O) sub_type(K) LP a_expr(R) RP. [OP]
    { A = pc_quantified(pc, E, O, K, NULL, R); }
a_expr(A) ::= UNIQUE(T) opt_unique_null_treatment select_with_parens(S).
    { A = S; pc_fail(pc, T.loc, ERR_FEATURE_NOT_SUPPORTED, "UNIQUE predicate is not yet implemented"); }
a_expr(A) ::= a_expr(E) IS(T) DOCUMENT. [IS]      { A = MK(XmlExpr, .kind = "is document", .args = L1(E), .loc = T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NOT DOCUMENT. [IS]
    { A = pc_not(pc, MK(XmlExpr, .kind = "is document", .args = L1(E), .loc = T.loc), T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NORMALIZED. [IS]    { A = pc_system_call(pc, "is_normalized", L1(E), T.loc); }
a_expr(A) ::= a_expr(E) IS(T) unicode_normal_form(F) NORMALIZED. [IS]
    { A = pc_system_call(pc, "is_normalized", L2(E, F), T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NOT NORMALIZED. [IS]
    { A = pc_not(pc, pc_system_call(pc, "is_normalized", L1(E), T.loc), T.loc); }
a_expr(A) ::= a_expr(E) IS(T) NOT unicode_normal_form(F) NORMALIZED. [IS]
    { A = pc_not(pc, pc_system_call(pc, "is_normalized", L2(E, F), T.loc), T.loc); }
a_expr(A) ::= DEFAULT(T).                         { A = MK(SetToDefault, .loc = T.loc); }
opt_asymmetric ::= ASYMMETRIC.
opt_asymmetric ::= .
%type opt_unique_null_treatment {bool}
opt_unique_null_treatment(A) ::= NULLS NOT DISTINCT. { A = true; }
opt_unique_null_treatment(A) ::= NULLS DISTINCT.  { A = false; }
opt_unique_null_treatment(A) ::= .                { A = false; }
unicode_normal_form(A) ::= NFC(T).  { A = pc_stringz(pc, pc_upper(pc, T), T.loc); }
unicode_normal_form(A) ::= NFD(T).  { A = pc_stringz(pc, pc_upper(pc, T), T.loc); }
unicode_normal_form(A) ::= NFKC(T).  { A = pc_stringz(pc, pc_upper(pc, T), T.loc); }
unicode_normal_form(A) ::= NFKD(T).  { A = pc_stringz(pc, pc_upper(pc, T), T.loc); }

// What may stand where AND or IN would be ambiguous.
b_expr ::= c_expr.
b_expr(A) ::= b_expr(E) TYPECAST(T) typename(N).  { A = pc_cast(pc, E, N, T.loc); }
b_expr(A) ::= PLUS(T) b_expr(E). [UMINUS]         { A = pc_op(pc, "+", NULL, E, T.loc); }
b_expr(A) ::= MINUS(T) b_expr(E). [UMINUS]        { A = pc_op(pc, "-", NULL, E, T.loc); }
b_expr(A) ::= b_expr(L) PLUS(T) b_expr(R).  { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) MINUS(T) b_expr(R).  { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) STAR(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) SLASH(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) PERCENT(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) CARET(T) b_expr(R).       { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) LT(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) GT(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) EQ(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) LE(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) GE(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) NE(T) b_expr(R). { A = pc_op(pc, T.str, L, R, T.loc); }
b_expr(A) ::= b_expr(L) qual_op(O) b_expr(R). [OP] { A = pc_binary(pc, O, L, R); }
b_expr(A) ::= qual_op(O) b_expr(R). [OP]          { A = pc_binary(pc, O, NULL, R); }
b_expr(A) ::= b_expr(L) IS(T) DISTINCT FROM b_expr(R). [IS] { A = pc_expr(pc, AST_EXPR_DISTINCT, "=", L, R, T.loc); }
b_expr(A) ::= b_expr(L) IS(T) NOT DISTINCT FROM b_expr(R). [IS] { A = pc_expr(pc, AST_EXPR_NOT_DISTINCT, "=", L, R, T.loc); }
b_expr(A) ::= b_expr(E) IS(T) DOCUMENT. [IS]      { A = MK(XmlExpr, .kind = "is document", .args = L1(E), .loc = T.loc); }
b_expr(A) ::= b_expr(E) IS(T) NOT DOCUMENT. [IS]
    { A = pc_not(pc, MK(XmlExpr, .kind = "is document", .args = L1(E), .loc = T.loc), T.loc); }

c_expr ::= columnref.
c_expr ::= aexpr_const.
c_expr(A) ::= PARAM(T) opt_indirection(P).        { A = pc_indirection(pc, pc_param(pc, T), P); }
c_expr(A) ::= LP a_expr(E) RP opt_indirection(P). { A = pc_indirection(pc, E, P); }
c_expr ::= case_expr.
c_expr ::= func_expr.
c_expr(A) ::= select_with_parens(S). [UMINUS]     { A = MK(SubLink, .kind = AST_SUBLINK_EXPR, .select = S, .loc = ast_location(S)); }
c_expr(A) ::= select_with_parens(S) indirection(P).
    { A = pc_indirection(pc, MK(SubLink, .kind = AST_SUBLINK_EXPR, .select = S, .loc = ast_location(S)), P); }
c_expr(A) ::= EXISTS(T) select_with_parens(S).    { A = MK(SubLink, .kind = AST_SUBLINK_EXISTS, .select = S, .loc = T.loc); }
c_expr(A) ::= ARRAY(T) select_with_parens(S).     { A = MK(SubLink, .kind = AST_SUBLINK_ARRAY, .select = S, .loc = T.loc); }
c_expr(A) ::= ARRAY(T) array_expr(E).             { A = E; if (E != NULL) ((A_ArrayExpr *)E)->loc = T.loc; }
c_expr(A) ::= explicit_row(R).                    { A = R; }
c_expr(A) ::= implicit_row(R).                    { A = R; }
c_expr(A) ::= GROUPING(T) LP expr_list(L) RP.     { A = MK(GroupingFunc, .args = L, .loc = T.loc); }

// One column in the select list: its place is the opening parenthesis.
row ::= explicit_row.
row ::= implicit_row.
explicit_row(A) ::= ROW(T) LP expr_list(L) RP.    { A = MK(A_RowExpr, .args = L, .explicit_row = true, .loc = T.loc); }
explicit_row(A) ::= ROW(T) LP RP.                 { A = MK(A_RowExpr, .explicit_row = true, .loc = T.loc); }
implicit_row(A) ::= LP(T) expr_list(L) COMMA a_expr(E) RP. { A = MK(A_RowExpr, .args = PUSH(L, E), .loc = T.loc); }

%type sub_type {AstSubLinkKind}
sub_type(A) ::= ANY.                              { A = AST_SUBLINK_ANY; }
sub_type(A) ::= SOME.                             { A = AST_SUBLINK_ANY; }
sub_type(A) ::= ALL.                              { A = AST_SUBLINK_ALL; }
%type all_op {Token}
all_op ::= OP.
all_op ::= math_op.
%type math_op {Token}
math_op(A) ::= PLUS(T). { A = T; }
math_op(A) ::= MINUS(T). { A = T; }
math_op(A) ::= STAR(T). { A = T; }
math_op(A) ::= SLASH(T). { A = T; }
math_op(A) ::= PERCENT(T). { A = T; }
math_op(A) ::= CARET(T). { A = T; }
math_op(A) ::= LT(T). { A = T; }
math_op(A) ::= GT(T). { A = T; }
math_op(A) ::= EQ(T). { A = T; }
math_op(A) ::= LE(T). { A = T; }
math_op(A) ::= GE(T). { A = T; }
math_op(A) ::= NE(T). { A = T; }
// Operators come as an A_Expr without operands.
qual_op(A) ::= OP(T).                             { A = MK(A_Expr, .op = T.str, .loc = T.loc); }
qual_op(A) ::= OPERATOR(T) LP any_operator(O) RP. { A = pc_qualified_op(pc, O, T.loc); }
qual_all_op(A) ::= all_op(T).                     { A = MK(A_Expr, .op = T.str, .loc = T.loc); }
qual_all_op(A) ::= OPERATOR(T) LP any_operator(O) RP. { A = pc_qualified_op(pc, O, T.loc); }
subquery_op(A) ::= all_op(T).                     { A = MK(A_Expr, .op = T.str, .loc = T.loc); }
subquery_op(A) ::= OPERATOR(T) LP any_operator(O) RP. { A = pc_qualified_op(pc, O, T.loc); }
subquery_op(A) ::= LIKE(T).                       { A = MK(A_Expr, .op = "~~", .loc = T.loc); }
subquery_op(A) ::= NOT_LA(T) LIKE.                { A = MK(A_Expr, .op = "!~~", .loc = T.loc); }
subquery_op(A) ::= ILIKE(T).                      { A = MK(A_Expr, .op = "~~*", .loc = T.loc); }
subquery_op(A) ::= NOT_LA(T) ILIKE.               { A = MK(A_Expr, .op = "!~~*", .loc = T.loc); }
%type any_operator {AstList}
any_operator(A) ::= all_op(T).                    { A = L1(STR(T)); }
any_operator(A) ::= col_id(N) DOT any_operator(O). { A = pc_prepend(pc, STR(N), O); }

array_expr(A) ::= LB(T) expr_list(L) RB.          { A = MK(A_ArrayExpr, .elements = L, .loc = T.loc); }
array_expr(A) ::= LB(T) array_expr_list(L) RB.    { A = MK(A_ArrayExpr, .elements = L, .loc = T.loc); }
array_expr(A) ::= LB(T) RB.                       { A = MK(A_ArrayExpr, .loc = T.loc); }
%type array_expr_list {AstList}
array_expr_list(A) ::= array_expr(E).             { A = L1(E); }
array_expr_list(A) ::= array_expr_list(A) COMMA array_expr(E). { A = PUSH(A, E); }

// IN (list) comes as a ListNode.
in_expr ::= select_with_parens.
in_expr(A) ::= LP(T) expr_list(L) RP.             { A = MK(ListNode, .items = L, .loc = T.loc); }

case_expr(A) ::= CASE(T) case_arg(E) when_clause_list(L) case_default(D) END.
    { A = MK(A_CaseExpr, .arg = E, .whens = L, .else_result = D, .loc = T.loc); }
%type when_clause_list {AstList}
when_clause_list(A) ::= when_clause(E).           { A = L1(E); }
when_clause_list(A) ::= when_clause_list(A) when_clause(E). { A = PUSH(A, E); }
when_clause(A) ::= WHEN(T) a_expr(C) THEN a_expr(R). { A = MK(CaseWhen, .condition = C, .result = R, .loc = T.loc); }
case_default(A) ::= ELSE a_expr(E).               { A = E; }
case_default(A) ::= .                             { A = NULL; }
case_arg ::= a_expr.
case_arg(A) ::= .                                 { A = NULL; }

columnref(A) ::= col_id(N).                       { A = pc_column(pc, N, NONE_LIST); }
columnref(A) ::= col_id(N) indirection(P).        { A = pc_column(pc, N, P); }
%type indirection {AstList}
%type opt_indirection {AstList}
indirection(A) ::= indirection_el(E).             { A = L1(E); }
indirection(A) ::= indirection(A) indirection_el(E). { A = PUSH(A, E); }
opt_indirection(A) ::= .                          { A = NONE_LIST; }
opt_indirection(A) ::= opt_indirection(A) indirection_el(E). { A = PUSH(A, E); }
indirection_el(A) ::= DOT attr_name(N).           { A = STR(N); }
indirection_el(A) ::= DOT STAR(T).                { A = MK(A_Star, .loc = T.loc); }
indirection_el(A) ::= LB(T) a_expr(E) RB.         { A = MK(A_Indices, .upper = E, .loc = T.loc); }
indirection_el(A) ::= LB(T) opt_slice_bound(L) COLON opt_slice_bound(U) RB.
    { A = MK(A_Indices, .is_slice = true, .lower = L, .upper = U, .loc = T.loc); }
opt_slice_bound ::= a_expr.
opt_slice_bound(A) ::= .                          { A = NULL; }

// ---- function calls ----

func_expr(A) ::= func_application(F) within_group_clause(W) filter_clause(C) over_clause(O).
    { A = pc_func_finish(pc, F, W, C, O); }
func_expr ::= func_expr_common_subexpr.
func_expr_windowless ::= func_application.
func_expr_windowless ::= func_expr_common_subexpr.

func_application(A) ::= func_name(N) LP RP.       { A = pc_func(pc, N, NONE_LIST, NONE_LIST, 0); }
func_application(A) ::= func_name(N) LP func_arg_list(L) opt_sort_clause(O) RP. { A = pc_func(pc, N, L, O, 0); }
func_application(A) ::= func_name(N) LP VARIADIC func_arg_expr(E) opt_sort_clause(O) RP.
    { A = pc_func(pc, N, L1(E), O, CALL_VARIADIC); }
func_application(A) ::= func_name(N) LP func_arg_list(L) COMMA VARIADIC func_arg_expr(E) opt_sort_clause(O) RP.
    { A = pc_func(pc, N, PUSH(L, E), O, CALL_VARIADIC); }
func_application(A) ::= func_name(N) LP ALL func_arg_list(L) opt_sort_clause(O) RP. { A = pc_func(pc, N, L, O, 0); }
func_application(A) ::= func_name(N) LP DISTINCT func_arg_list(L) opt_sort_clause(O) RP.
    { A = pc_func(pc, N, L, O, CALL_DISTINCT); }
func_application(A) ::= func_name(N) LP STAR RP.  { A = pc_func(pc, N, NONE_LIST, NONE_LIST, CALL_STAR); }
%type func_arg_list {AstList}
func_arg_list(A) ::= func_arg_expr(E).            { A = L1(E); }
func_arg_list(A) ::= func_arg_list(A) COMMA func_arg_expr(E). { A = PUSH(A, E); }
func_arg_expr ::= a_expr.
func_arg_expr(A) ::= type_function_name(N) COLON_EQUALS a_expr(E). { A = MK(NamedArgExpr, .name = N.str, .arg = E, .loc = N.loc); }
func_arg_expr(A) ::= type_function_name(N) EQUALS_GREATER a_expr(E). { A = MK(NamedArgExpr, .name = N.str, .arg = E, .loc = N.loc); }
// WITHIN GROUP comes as a ListNode.
within_group_clause(A) ::= WITHIN(T) GROUP LP sort_clause(L) RP. { A = MK(ListNode, .items = L, .loc = T.loc); }
within_group_clause(A) ::= .                      { A = NULL; }
filter_clause(A) ::= FILTER LP WHERE a_expr(E) RP. { A = E; }
filter_clause(A) ::= .                            { A = NULL; }

func_expr_common_subexpr(A) ::= COLLATION(T) FOR LP a_expr(E) RP. { A = pc_system_call(pc, "pg_collation_for", L1(E), T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_DATE(T).  { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_DATE, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_TIME(T).  { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_TIME, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_TIME(T) LP ICONST(N) RP.
    { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_TIME, .precision = pc_int(pc, N), .loc = T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_TIMESTAMP(T).
    { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_TIMESTAMP, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_TIMESTAMP(T) LP ICONST(N) RP.
    { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_TIMESTAMP, .precision = pc_int(pc, N), .loc = T.loc); }
func_expr_common_subexpr(A) ::= LOCALTIME(T).     { A = MK(SqlValueFunction, .op = AST_SQLVALUE_LOCALTIME, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= LOCALTIME(T) LP ICONST(N) RP.
    { A = MK(SqlValueFunction, .op = AST_SQLVALUE_LOCALTIME, .precision = pc_int(pc, N), .loc = T.loc); }
func_expr_common_subexpr(A) ::= LOCALTIMESTAMP(T).
    { A = MK(SqlValueFunction, .op = AST_SQLVALUE_LOCALTIMESTAMP, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= LOCALTIMESTAMP(T) LP ICONST(N) RP.
    { A = MK(SqlValueFunction, .op = AST_SQLVALUE_LOCALTIMESTAMP, .precision = pc_int(pc, N), .loc = T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_ROLE(T).  { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_ROLE, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_USER(T).  { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_USER, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= SESSION_USER(T).  { A = MK(SqlValueFunction, .op = AST_SQLVALUE_SESSION_USER, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= USER(T).          { A = MK(SqlValueFunction, .op = AST_SQLVALUE_USER, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_CATALOG(T). { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_CATALOG, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= CURRENT_SCHEMA(T). { A = MK(SqlValueFunction, .op = AST_SQLVALUE_CURRENT_SCHEMA, .precision = -1, .loc = T.loc); }
func_expr_common_subexpr(A) ::= CAST(T) LP a_expr(E) AS typename(N) RP. { A = pc_cast(pc, E, N, T.loc); }
func_expr_common_subexpr(A) ::= EXTRACT(T) LP extract_arg(F) FROM a_expr(E) RP.
    { A = pc_system_call(pc, "extract", L2(pc_string(pc, F), E), T.loc); }
func_expr_common_subexpr(A) ::= NORMALIZE(T) LP a_expr(E) RP. { A = pc_system_call(pc, "normalize", L1(E), T.loc); }
func_expr_common_subexpr(A) ::= NORMALIZE(T) LP a_expr(E) COMMA unicode_normal_form(F) RP.
    { A = pc_system_call(pc, "normalize", L2(E, F), T.loc); }
func_expr_common_subexpr(A) ::= OVERLAY(T) LP a_expr(E) PLACING a_expr(P) FROM a_expr(F) FOR a_expr(N) RP.
    { A = pc_system_call(pc, "overlay", PUSH(PUSH(L2(E, P), F), N), T.loc); }
func_expr_common_subexpr(A) ::= OVERLAY(T) LP a_expr(E) PLACING a_expr(P) FROM a_expr(F) RP.
    { A = pc_system_call(pc, "overlay", PUSH(L2(E, P), F), T.loc); }
func_expr_common_subexpr(A) ::= OVERLAY(T) LP opt_func_arg_list(L) RP. { A = pc_word_call(pc, "overlay", L, T.loc); }
func_expr_common_subexpr(A) ::= POSITION(T) LP b_expr(E) IN b_expr(S) RP.
    { A = pc_system_call(pc, "position", L2(S, E), T.loc); }
func_expr_common_subexpr(A) ::= SUBSTRING(T) LP a_expr(E) FROM a_expr(F) FOR a_expr(N) RP.
    { A = pc_system_call(pc, "substring", PUSH(L2(E, F), N), T.loc); }
func_expr_common_subexpr(A) ::= SUBSTRING(T) LP a_expr(E) FOR a_expr(N) FROM a_expr(F) RP.
    { A = pc_system_call(pc, "substring", PUSH(L2(E, F), N), T.loc); }
func_expr_common_subexpr(A) ::= SUBSTRING(T) LP a_expr(E) FROM a_expr(F) RP.
    { A = pc_system_call(pc, "substring", L2(E, F), T.loc); }
func_expr_common_subexpr(A) ::= SUBSTRING(T) LP a_expr(E) FOR a_expr(N) RP.
    { A = pc_substring_for(pc, E, N, T.loc); }
func_expr_common_subexpr(A) ::= SUBSTRING(T) LP a_expr(E) SIMILAR a_expr(P) ESCAPE a_expr(C) RP.
    { A = pc_system_call(pc, "substring", PUSH(L2(E, P), C), T.loc); }
func_expr_common_subexpr(A) ::= SUBSTRING(T) LP opt_func_arg_list(L) RP. { A = pc_word_call(pc, "substring", L, T.loc); }
func_expr_common_subexpr(A) ::= TREAT(T) LP a_expr(E) AS typename(N) RP. { A = pc_treat(pc, E, N, T.loc); }
func_expr_common_subexpr(A) ::= TRIM(T) LP BOTH trim_list(L) RP. { A = pc_system_call(pc, "btrim", L, T.loc); }
func_expr_common_subexpr(A) ::= TRIM(T) LP LEADING trim_list(L) RP. { A = pc_system_call(pc, "ltrim", L, T.loc); }
func_expr_common_subexpr(A) ::= TRIM(T) LP TRAILING trim_list(L) RP. { A = pc_system_call(pc, "rtrim", L, T.loc); }
func_expr_common_subexpr(A) ::= TRIM(T) LP trim_list(L) RP. { A = pc_system_call(pc, "btrim", L, T.loc); }
func_expr_common_subexpr(A) ::= NULLIF(T) LP a_expr(L) COMMA a_expr(R) RP. { A = pc_expr(pc, AST_EXPR_NULLIF, "=", L, R, T.loc); }
func_expr_common_subexpr(A) ::= COALESCE(T) LP expr_list(L) RP. { A = MK(A_CoalesceExpr, .args = L, .loc = T.loc); }
func_expr_common_subexpr(A) ::= GREATEST(T) LP expr_list(L) RP. { A = MK(A_MinMaxExpr, .args = L, .loc = T.loc); }
func_expr_common_subexpr(A) ::= LEAST(T) LP expr_list(L) RP. { A = MK(A_MinMaxExpr, .is_least = true, .args = L, .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLCONCAT(T) LP expr_list(L) RP. { A = MK(XmlExpr, .kind = "xmlconcat", .args = L, .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLELEMENT(T) LP NAME col_label(N) RP. { A = MK(XmlExpr, .kind = "xmlelement", .name = N.str, .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLELEMENT(T) LP NAME col_label(N) COMMA xml_attributes(X) RP.
    { A = MK(XmlExpr, .kind = "xmlelement", .name = N.str, .named_args = X, .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLELEMENT(T) LP NAME col_label(N) COMMA expr_list(L) RP.
    { A = MK(XmlExpr, .kind = "xmlelement", .name = N.str, .args = L, .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLELEMENT(T) LP NAME col_label(N) COMMA xml_attributes(X) COMMA expr_list(L) RP.
    { A = MK(XmlExpr, .kind = "xmlelement", .name = N.str, .named_args = X, .args = L, .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLEXISTS(T) LP c_expr(E) xmlexists_argument(D) RP.
    { A = pc_system_call(pc, "xmlexists", L2(E, D), T.loc); }
func_expr_common_subexpr(A) ::= XMLFOREST(T) LP xml_attribute_list(L) RP.
    { A = MK(XmlExpr, .kind = "xmlforest", .named_args = L, .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLPARSE(T) LP document_or_content(D) a_expr(E) xml_whitespace_option(W) RP.
    { A = MK(XmlExpr, .kind = "xmlparse", .name = D.str, .args = L2(E, pc_bool(pc, W, T.loc)), .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLPI(T) LP NAME col_label(N) RP. { A = MK(XmlExpr, .kind = "xmlpi", .name = N.str, .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLPI(T) LP NAME col_label(N) COMMA a_expr(E) RP.
    { A = MK(XmlExpr, .kind = "xmlpi", .name = N.str, .args = L1(E), .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLROOT(T) LP a_expr(E) COMMA xml_root_version(V) opt_xml_root_standalone(S) RP.
    { A = MK(XmlExpr, .kind = "xmlroot", .args = PUSH(L2(E, V), S), .loc = T.loc); }
func_expr_common_subexpr(A) ::= XMLSERIALIZE(T) LP document_or_content(D) a_expr(E) AS simple_typename(N) RP.
    { A = MK(XmlExpr, .kind = "xmlserialize", .name = D.str, .args = L1(E), .type = N, .loc = T.loc); }
xml_root_version(A) ::= VERSION a_expr(E).        { A = E; }
xml_root_version(A) ::= VERSION(T) NO VALUE.      { A = pc_null(pc, T.loc); }
opt_xml_root_standalone(A) ::= COMMA STANDALONE(T) YES. { A = pc_stringz(pc, "yes", T.loc); }
opt_xml_root_standalone(A) ::= COMMA STANDALONE(T) NO. { A = pc_stringz(pc, "no", T.loc); }
opt_xml_root_standalone(A) ::= COMMA STANDALONE(T) NO VALUE. { A = pc_stringz(pc, "no value", T.loc); }
opt_xml_root_standalone(A) ::= .                  { A = pc_null(pc, 0); }
%type xml_attributes {AstList}
xml_attributes(A) ::= XMLATTRIBUTES LP xml_attribute_list(L) RP. { A = L; }
%type xml_attribute_list {AstList}
xml_attribute_list(A) ::= xml_attribute_el(E).    { A = L1(E); }
xml_attribute_list(A) ::= xml_attribute_list(A) COMMA xml_attribute_el(E). { A = PUSH(A, E); }
xml_attribute_el(A) ::= a_expr(E) AS col_label(N). { A = MK(ResTarget, .name = N.str, .value = E, .loc = ast_location(E)); }
xml_attribute_el(A) ::= a_expr(E).                { A = MK(ResTarget, .value = E, .loc = ast_location(E)); }
%type document_or_content {Token}
document_or_content(A) ::= DOCUMENT(T).   { A = T; }
document_or_content(A) ::= CONTENT(T).   { A = T; }
%type xml_whitespace_option {bool}
xml_whitespace_option(A) ::= PRESERVE WHITESPACE. { A = true; }
xml_whitespace_option(A) ::= STRIP WHITESPACE.    { A = false; }
xml_whitespace_option(A) ::= .                    { A = false; }
xmlexists_argument(A) ::= PASSING c_expr(E).      { A = E; }
xmlexists_argument(A) ::= PASSING c_expr(E) xml_passing_mech. { A = E; }
xmlexists_argument(A) ::= PASSING xml_passing_mech c_expr(E). { A = E; }
xmlexists_argument(A) ::= PASSING xml_passing_mech c_expr(E) xml_passing_mech. { A = E; }
xml_passing_mech ::= BY REF.
xml_passing_mech ::= BY VALUE.

%type extract_arg {Token}
extract_arg(A) ::= IDENT(T).                      { A = pc_no_keyword(pc, T); }
extract_arg(A) ::= YEAR(T). { A = T; }
extract_arg(A) ::= MONTH(T). { A = T; }
extract_arg(A) ::= DAY(T). { A = T; }
extract_arg(A) ::= HOUR(T). { A = T; }
extract_arg(A) ::= MINUTE(T). { A = T; }
extract_arg(A) ::= SECOND(T). { A = T; }
extract_arg(A) ::= SCONST(T). { A = T; }
%type opt_func_arg_list {AstList}
opt_func_arg_list ::= func_arg_list.
opt_func_arg_list(A) ::= .                        { A = NONE_LIST; }
%type trim_list {AstList}
trim_list(A) ::= a_expr(E) FROM expr_list(L).     { A = PUSH(L, E); }
trim_list(A) ::= FROM expr_list(L).               { A = L; }
trim_list ::= expr_list.

// ---- constants ----

aexpr_const(A) ::= ICONST(T).                     { A = pc_int_const(pc, T); }
aexpr_const(A) ::= FCONST(T).                     { A = pc_numeric_const(pc, T); }
aexpr_const(A) ::= SCONST(T).                     { A = pc_string(pc, T); }
aexpr_const(A) ::= BCONST(T).              { A = MK(A_Const, .kind = AST_CONST_BITS, .str = T.str, .loc = T.loc); }
aexpr_const(A) ::= XCONST(T).              { A = MK(A_Const, .kind = AST_CONST_BITS, .str = T.str, .loc = T.loc); }
aexpr_const(A) ::= func_name(N) SCONST(S).        { A = pc_func_type_const(pc, N, NONE_LIST, NONE_LIST, S); }
aexpr_const(A) ::= func_name(N) LP func_arg_list(L) opt_sort_clause(O) RP SCONST(S). { A = pc_func_type_const(pc, N, L, O, S); }
aexpr_const(A) ::= const_typename(T) SCONST(S).   { A = pc_cast(pc, pc_string(pc, S), T, ast_location(T)); }
aexpr_const(A) ::= INTERVAL(I) SCONST(S) opt_interval(M).
    { A = pc_cast(pc, pc_string(pc, S), pc_type(pc, "interval", M, I.loc), I.loc); }
aexpr_const(A) ::= INTERVAL(I) LP ICONST(P) RP SCONST(S).
    { A = pc_cast(pc, pc_string(pc, S), pc_type(pc, "interval", pc_interval_precision(pc, INTERVAL_ALL, P), I.loc), I.loc); }
aexpr_const(A) ::= TRUE(T).                       { A = pc_bool(pc, true, T.loc); }
aexpr_const(A) ::= FALSE(T).                      { A = pc_bool(pc, false, T.loc); }
aexpr_const(A) ::= NULL(T).                       { A = pc_null(pc, T.loc); }

numeric_only ::= i_or_f_const.
numeric_only(A) ::= PLUS i_or_f_const(E).         { A = E; }
numeric_only(A) ::= MINUS(T) i_or_f_const(E).     { A = pc_negate(pc, E, T.loc); }

// ---- types ----

typename(A) ::= simple_typename(T) opt_array_bounds(B). { A = pc_type_array(T, B, false); }
typename(A) ::= SETOF simple_typename(T) opt_array_bounds(B). { A = pc_type_array(T, B, true); }
typename(A) ::= simple_typename(T) ARRAY LB(P) ICONST(N) RB.
    { A = pc_type_array(T, L1(pc_int_value(pc, pc_int(pc, N), P.loc)), false); }
typename(A) ::= SETOF simple_typename(T) ARRAY LB(P) ICONST(N) RB.
    { A = pc_type_array(T, L1(pc_int_value(pc, pc_int(pc, N), P.loc)), true); }
typename(A) ::= simple_typename(T) ARRAY(P).      { A = pc_type_array(T, L1(pc_int_value(pc, -1, P.loc)), false); }
typename(A) ::= SETOF simple_typename(T) ARRAY(P). { A = pc_type_array(T, L1(pc_int_value(pc, -1, P.loc)), true); }
%type opt_array_bounds {AstList}
opt_array_bounds(A) ::= opt_array_bounds(A) LB(T) RB. { A = PUSH(A, pc_int_value(pc, -1, T.loc)); }
opt_array_bounds(A) ::= opt_array_bounds(A) LB ICONST(N) RB. { A = PUSH(A, pc_int_value(pc, pc_int(pc, N), N.loc)); }
opt_array_bounds(A) ::= .                         { A = NONE_LIST; }
simple_typename ::= generic_type.
simple_typename ::= numeric_type.
simple_typename(A) ::= bit_type(T).               { A = pc_type_length_one(pc, T); }
simple_typename(A) ::= character_type(T).         { A = pc_type_length_one(pc, T); }
simple_typename ::= const_datetime.
simple_typename(A) ::= INTERVAL(T) opt_interval(M). { A = pc_type(pc, "interval", M, T.loc); }
simple_typename(A) ::= INTERVAL(T) LP ICONST(N) RP. { A = pc_type(pc, "interval", pc_interval_precision(pc, INTERVAL_ALL, N), T.loc); }
const_typename ::= numeric_type.
const_typename ::= bit_type.
const_typename ::= character_type.
const_typename ::= const_datetime.

generic_type(A) ::= type_function_name(N) opt_type_modifiers(M).
    { A = MK(TypeName, .names = L1(STR(N)), .typmods = M, .loc = N.loc); }
generic_type(A) ::= type_function_name(N) attrs(P) opt_type_modifiers(M).
    { A = MK(TypeName, .names = pc_prepend(pc, STR(N), P), .typmods = M, .loc = N.loc); }
%type opt_type_modifiers {AstList}
opt_type_modifiers(A) ::= LP expr_list(L) RP.     { A = L; }
opt_type_modifiers(A) ::= .                       { A = NONE_LIST; }

numeric_type(A) ::= INT(T).               { A = pc_type(pc, "int4", NONE_LIST, T.loc); }
numeric_type(A) ::= INTEGER(T).               { A = pc_type(pc, "int4", NONE_LIST, T.loc); }
numeric_type(A) ::= SMALLINT(T).                  { A = pc_type(pc, "int2", NONE_LIST, T.loc); }
numeric_type(A) ::= BIGINT(T).                    { A = pc_type(pc, "int8", NONE_LIST, T.loc); }
numeric_type(A) ::= REAL(T).                      { A = pc_type(pc, "float4", NONE_LIST, T.loc); }
numeric_type(A) ::= FLOAT(T).                     { A = pc_type(pc, "float8", NONE_LIST, T.loc); }
numeric_type(A) ::= FLOAT(T) LP ICONST(N) RP.     { A = pc_float_type(pc, N, T.loc); }
numeric_type(A) ::= DOUBLE(T) PRECISION.          { A = pc_type(pc, "float8", NONE_LIST, T.loc); }
numeric_type(A) ::= DECIMAL(T) opt_type_modifiers(M). { A = pc_type(pc, "numeric", M, T.loc); }
numeric_type(A) ::= DEC(T) opt_type_modifiers(M). { A = pc_type(pc, "numeric", M, T.loc); }
numeric_type(A) ::= NUMERIC(T) opt_type_modifiers(M). { A = pc_type(pc, "numeric", M, T.loc); }
numeric_type(A) ::= BOOLEAN(T).                   { A = pc_type(pc, "bool", NONE_LIST, T.loc); }
bit_type(A) ::= BIT(T) VARYING LP expr_list(M) RP. { A = pc_type(pc, "varbit", M, T.loc); }
bit_type(A) ::= BIT(T) VARYING.                   { A = pc_type(pc, "varbit", NONE_LIST, T.loc); }
bit_type(A) ::= BIT(T) LP expr_list(M) RP.        { A = pc_type(pc, "bit", M, T.loc); }
bit_type(A) ::= BIT(T).                           { A = pc_type(pc, "bit", NONE_LIST, T.loc); }
character_type(A) ::= character(T) LP ICONST(N) RP. { A = pc_type(pc, T.str, L1(pc_int_const(pc, N)), T.loc); }
character_type(A) ::= character(T).               { A = pc_type(pc, T.str, NONE_LIST, T.loc); }
// Its text is the type's name.
%type character {Token}
character(A) ::= CHARACTER(T) opt_varying(V). { A = T; A.str = V ? "varchar" : "bpchar"; }
character(A) ::= CHAR(T) opt_varying(V). { A = T; A.str = V ? "varchar" : "bpchar"; }
character(A) ::= NCHAR(T) opt_varying(V). { A = T; A.str = V ? "varchar" : "bpchar"; }
character(A) ::= VARCHAR(T).                      { A = T; A.str = "varchar"; }
character(A) ::= NATIONAL(T) CHARACTER opt_varying(V). { A = T; A.str = V ? "varchar" : "bpchar"; }
character(A) ::= NATIONAL(T) CHAR opt_varying(V). { A = T; A.str = V ? "varchar" : "bpchar"; }
%type opt_varying {bool}
opt_varying(A) ::= VARYING.                       { A = true; }
opt_varying(A) ::= .                              { A = false; }
const_datetime(A) ::= TIMESTAMP(T) LP ICONST(N) RP opt_timezone(Z).
    { A = pc_type(pc, Z ? "timestamptz" : "timestamp", L1(pc_int_const(pc, N)), T.loc); }
const_datetime(A) ::= TIMESTAMP(T) opt_timezone(Z). { A = pc_type(pc, Z ? "timestamptz" : "timestamp", NONE_LIST, T.loc); }
const_datetime(A) ::= TIME(T) LP ICONST(N) RP opt_timezone(Z).
    { A = pc_type(pc, Z ? "timetz" : "time", L1(pc_int_const(pc, N)), T.loc); }
const_datetime(A) ::= TIME(T) opt_timezone(Z).    { A = pc_type(pc, Z ? "timetz" : "time", NONE_LIST, T.loc); }
%type opt_timezone {bool}
opt_timezone(A) ::= WITH_LA TIME ZONE.            { A = true; }
opt_timezone(A) ::= WITHOUT TIME ZONE.            { A = false; }
opt_timezone(A) ::= .                             { A = false; }
%type opt_interval {AstList}
opt_interval(A) ::= YEAR(T).                      { A = pc_interval(pc, INTERVAL_YEAR, T); }
opt_interval(A) ::= MONTH(T).                     { A = pc_interval(pc, INTERVAL_MONTH, T); }
opt_interval(A) ::= DAY(T).                       { A = pc_interval(pc, INTERVAL_DAY, T); }
opt_interval(A) ::= HOUR(T).                      { A = pc_interval(pc, INTERVAL_HOUR, T); }
opt_interval(A) ::= MINUTE(T).                    { A = pc_interval(pc, INTERVAL_MINUTE, T); }
opt_interval ::= interval_second.
opt_interval(A) ::= YEAR(T) TO MONTH.             { A = pc_interval(pc, INTERVAL_YEAR | INTERVAL_MONTH, T); }
opt_interval(A) ::= DAY(T) TO HOUR.               { A = pc_interval(pc, INTERVAL_DAY | INTERVAL_HOUR, T); }
opt_interval(A) ::= DAY(T) TO MINUTE.             { A = pc_interval(pc, INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE, T); }
opt_interval(A) ::= DAY TO interval_second(L).
    { A = pc_interval_add(L, INTERVAL_DAY | INTERVAL_HOUR | INTERVAL_MINUTE); }
opt_interval(A) ::= HOUR(T) TO MINUTE.            { A = pc_interval(pc, INTERVAL_HOUR | INTERVAL_MINUTE, T); }
opt_interval(A) ::= HOUR TO interval_second(L).   { A = pc_interval_add(L, INTERVAL_HOUR | INTERVAL_MINUTE); }
opt_interval(A) ::= MINUTE TO interval_second(L). { A = pc_interval_add(L, INTERVAL_MINUTE); }
opt_interval(A) ::= .                             { A = NONE_LIST; }
%type interval_second {AstList}
interval_second(A) ::= SECOND(T).                 { A = pc_interval(pc, INTERVAL_SECOND, T); }
interval_second(A) ::= SECOND LP ICONST(N) RP.    { A = pc_interval_precision(pc, INTERVAL_SECOND, N); }

// ---- names ----

%type col_id {Token}
col_id ::= IDENT.
col_id(A) ::= col_name_word(T).                   { A = T; }
%type type_function_name {Token}
type_function_name ::= IDENT.
type_function_name(A) ::= type_func_word(T).      { A = T; }
%type col_label {Token}
col_label ::= IDENT.
col_label(A) ::= col_name_word(T).                { A = T; }
col_label(A) ::= type_func_word(T).               { A = T; }
col_label(A) ::= reserved_word(T).                { A = T; }
%type bare_label {Token}
bare_label(A) ::= IDENT(T).                       { A = T; if (T.needs_as) pc_syntax_error(pc, T); }
bare_label(A) ::= bare_word(T).                   { A = T; }
%type non_reserved_word {Token}
non_reserved_word ::= IDENT.
non_reserved_word(A) ::= col_name_word(T).        { A = T; }
non_reserved_word(A) ::= type_func_word(T).       { A = T; }
%type name {Token}
name ::= col_id.
%type attr_name {Token}
attr_name ::= col_label.
%type name_list {AstList}
name_list(A) ::= name(N).                         { A = L1(STR(N)); }
name_list(A) ::= name_list(A) COMMA name(N).      { A = PUSH(A, STR(N)); }
%type opt_name_list {AstList}
opt_name_list(A) ::= LP name_list(L) RP.          { A = L; }
opt_name_list(A) ::= .                            { A = NONE_LIST; }
%type column_list {AstList}
column_list ::= name_list.
%type opt_column_list {AstList}
opt_column_list ::= opt_name_list.
%type attrs {AstList}
attrs(A) ::= DOT attr_name(N).                    { A = L1(STR(N)); }
attrs(A) ::= attrs(A) DOT attr_name(N).           { A = PUSH(A, STR(N)); }
%type any_name {AstList}
any_name(A) ::= col_id(N).                        { A = L1(STR(N)); }
any_name(A) ::= col_id(N) attrs(P).               { A = pc_prepend(pc, STR(N), P); }
// Each name is a ListNode.
%type any_name_list {AstList}
any_name_list(A) ::= any_name(N).                 { A = L1(MK(ListNode, .items = N, .loc = pc_loc(N))); }
any_name_list(A) ::= any_name_list(A) COMMA any_name(N). { A = PUSH(A, MK(ListNode, .items = N, .loc = pc_loc(N))); }
%type func_name {AstList}
func_name(A) ::= type_function_name(N).           { A = L1(STR(N)); }
func_name(A) ::= col_id(N) indirection(P).        { A = pc_check_names(pc, pc_prepend(pc, STR(N), P)); }
qualified_name(A) ::= col_id(N).                  { A = MK(RangeVar, .name = N.str, .loc = N.loc); }
qualified_name(A) ::= col_id(N) indirection(P).   { A = pc_range_var(pc, N, P); }
%type qualified_name_list {AstList}
qualified_name_list(A) ::= qualified_name(E).     { A = L1(E); }
qualified_name_list(A) ::= qualified_name_list(A) COMMA qualified_name(E). { A = PUSH(A, E); }
opt_collate_clause(A) ::= COLLATE(T) any_name(N). { A = MK(CollateClause, .name = N, .loc = T.loc); }
opt_collate_clause(A) ::= .                       { A = NULL; }
role_spec(A) ::= non_reserved_word(N).            { A = pc_role(pc, N); }
role_spec(A) ::= CURRENT_ROLE(T).                 { A = MK(RoleSpec, .kind = AST_ROLE_CURRENT_ROLE, .loc = T.loc); }
role_spec(A) ::= CURRENT_USER(T).                 { A = MK(RoleSpec, .kind = AST_ROLE_CURRENT_USER, .loc = T.loc); }
role_spec(A) ::= SESSION_USER(T).                 { A = MK(RoleSpec, .kind = AST_ROLE_SESSION_USER, .loc = T.loc); }

// ---- CREATE TABLE ----

create_stmt(A) ::= CREATE opt_temp(P) TABLE opt_if_not_exists(I) qualified_name(R) LP opt_table_element_list(E) RP
                   opt_inherit(H) opt_partition_spec(S) opt_access_method(M) opt_with(O) on_commit_option(C) opt_tablespace(T).
    { A = MK(CreateStmt, .rel = pc_persistence(R, P), .elements = E, .inherits = H, .partition_spec = S,
             .access_method = M, .options = O, .on_commit = C, .tablespace = T, .if_not_exists = I); }
create_stmt(A) ::= CREATE opt_temp(P) TABLE opt_if_not_exists(I) qualified_name(R) OF any_name(N) opt_typed_table_element_list(E)
                   opt_partition_spec(S) opt_access_method(M) opt_with(O) on_commit_option(C) opt_tablespace(T).
    { A = MK(CreateStmt, .rel = pc_persistence(R, P), .elements = E, .of_type = MK(TypeName, .names = N, .loc = pc_loc(N)),
             .partition_spec = S, .access_method = M, .options = O, .on_commit = C, .tablespace = T, .if_not_exists = I); }
create_stmt(A) ::= CREATE opt_temp(P) TABLE opt_if_not_exists(I) qualified_name(R) PARTITION OF qualified_name(Q)
                   opt_typed_table_element_list(E) partition_bound_spec(B) opt_partition_spec(S) opt_access_method(M)
                   opt_with(O) on_commit_option(C) opt_tablespace(T).
    { A = MK(CreateStmt, .rel = pc_persistence(R, P), .elements = E, .inherits = L1(Q), .partition_bound = B,
             .partition_spec = S, .access_method = M, .options = O, .on_commit = C, .tablespace = T, .if_not_exists = I); }
%type opt_temp {AstRelPersistence}
opt_temp(A) ::= TEMPORARY.                   { A = AST_REL_TEMP; }
opt_temp(A) ::= TEMP.                   { A = AST_REL_TEMP; }
opt_temp(A) ::= LOCAL TEMPORARY.             { A = AST_REL_TEMP; }
opt_temp(A) ::= LOCAL TEMP.             { A = AST_REL_TEMP; }
opt_temp(A) ::= GLOBAL TEMPORARY.
    { A = AST_REL_TEMP; ctx_notice(pc->ctx, "WARNING", QN_OK, "GLOBAL is deprecated in temporary table creation"); }
opt_temp(A) ::= GLOBAL TEMP.
    { A = AST_REL_TEMP; ctx_notice(pc->ctx, "WARNING", QN_OK, "GLOBAL is deprecated in temporary table creation"); }
opt_temp(A) ::= UNLOGGED.                         { A = AST_REL_UNLOGGED; }
opt_temp(A) ::= .                                 { A = AST_REL_PERMANENT; }
%type opt_if_not_exists {bool}
opt_if_not_exists(A) ::= IF NOT EXISTS.           { A = true; }
opt_if_not_exists(A) ::= .                        { A = false; }
%type opt_if_exists {bool}
opt_if_exists(A) ::= IF EXISTS.                   { A = true; }
opt_if_exists(A) ::= .                            { A = false; }
%type opt_table_element_list {AstList}
%type table_element_list {AstList}
opt_table_element_list ::= table_element_list.
opt_table_element_list(A) ::= .                   { A = NONE_LIST; }
table_element_list(A) ::= table_element(E).       { A = L1(E); }
table_element_list(A) ::= table_element_list(A) COMMA table_element(E). { A = PUSH(A, E); }
table_element ::= column_def.
table_element ::= table_like_clause.
table_element ::= table_constraint.
%type opt_typed_table_element_list {AstList}
%type typed_table_element_list {AstList}
opt_typed_table_element_list(A) ::= LP typed_table_element_list(L) RP. { A = L; }
opt_typed_table_element_list(A) ::= .             { A = NONE_LIST; }
typed_table_element_list(A) ::= typed_table_element(E). { A = L1(E); }
typed_table_element_list(A) ::= typed_table_element_list(A) COMMA typed_table_element(E). { A = PUSH(A, E); }
typed_table_element(A) ::= col_id(N) col_qual_list(Q). { A = pc_column_def(pc, MK(ColumnDef, .name = N.str, .loc = N.loc), Q); }
typed_table_element(A) ::= col_id(N) WITH OPTIONS col_qual_list(Q).
    { A = pc_column_def(pc, MK(ColumnDef, .name = N.str, .loc = N.loc), Q); }
typed_table_element ::= table_constraint.

column_def(A) ::= col_id(N) typename(T) opt_column_compression(C) create_generic_options(O) col_qual_list(Q).
    { A = pc_column_def(pc, MK(ColumnDef, .name = N.str, .type = T, .compression = C, .fdw_options = O, .loc = N.loc), Q); }
%type opt_column_compression {const char *}
opt_column_compression(A) ::= COMPRESSION col_id(N). { A = N.str; }
opt_column_compression(A) ::= COMPRESSION DEFAULT. { A = "default"; }
opt_column_compression(A) ::= .                   { A = NULL; }
// Constraint and CollateClause; an A_Const holds the ATTR_ bits of the constraint before it.
%type col_qual_list {AstList}
col_qual_list(A) ::= col_qual_list(A) col_constraint(E). { A = PUSH(A, E); }
col_qual_list(A) ::= .                            { A = NONE_LIST; }
col_constraint(A) ::= CONSTRAINT(T) name(N) col_constraint_elem(E). { A = pc_name_constraint(E, N.str, T.loc); }
col_constraint ::= col_constraint_elem.
col_constraint(A) ::= constraint_attr(B).         { A = pc_int_value(pc, B.nbytes, B.loc); }
col_constraint(A) ::= COLLATE(T) any_name(N).     { A = MK(CollateClause, .name = N, .loc = T.loc); }
col_constraint_elem(A) ::= NOT(T) NULL.           { A = MK(Constraint, .kind = AST_CONSTR_NOT_NULL, .loc = T.loc); }
col_constraint_elem(A) ::= NULL(T).               { A = MK(Constraint, .kind = AST_CONSTR_NULL, .loc = T.loc); }
col_constraint_elem(A) ::= UNIQUE(T) opt_unique_null_treatment(U) opt_definition(D) opt_cons_tablespace(S).
    { A = MK(Constraint, .kind = AST_CONSTR_UNIQUE, .nulls_not_distinct = U, .options = D, .index_tablespace = S, .loc = T.loc); }
col_constraint_elem(A) ::= PRIMARY(T) KEY opt_definition(D) opt_cons_tablespace(S).
    { A = MK(Constraint, .kind = AST_CONSTR_PRIMARY, .options = D, .index_tablespace = S, .loc = T.loc); }
col_constraint_elem(A) ::= CHECK(T) LP a_expr(E) RP opt_no_inherit(N).
    { A = MK(Constraint, .kind = AST_CONSTR_CHECK, .expr = E, .no_inherit = N, .loc = T.loc); }
col_constraint_elem(A) ::= DEFAULT(T) b_expr(E).  { A = MK(Constraint, .kind = AST_CONSTR_DEFAULT, .expr = E, .loc = T.loc); }
col_constraint_elem(A) ::= GENERATED(T) generated_when(W) AS IDENTITY opt_parenthesized_seq_options(O).
    { A = MK(Constraint, .kind = AST_CONSTR_IDENTITY, .generated_when = W, .options = O, .loc = T.loc); }
col_constraint_elem(A) ::= GENERATED(T) generated_when(W) AS LP a_expr(E) RP STORED.
    { A = pc_generated(pc, W, E, T.loc); }
col_constraint_elem(A) ::= REFERENCES(T) qualified_name(R) opt_column_list(C) key_match(M) key_actions(K).
    { A = MK(Constraint, .kind = AST_CONSTR_FOREIGN, .pk_table = R, .pk_columns = C, .match = M, .on_update = K.on_update,
             .on_delete = K.on_delete, .on_delete_columns = K.on_delete_columns, .loc = T.loc); }
%type generated_when {AstGeneratedWhen}
generated_when(A) ::= ALWAYS.                     { A = AST_GENERATED_ALWAYS; }
generated_when(A) ::= BY DEFAULT.                 { A = AST_GENERATED_BY_DEFAULT; }
%type opt_no_inherit {bool}
opt_no_inherit(A) ::= NO INHERIT.                 { A = true; }
opt_no_inherit(A) ::= .                           { A = false; }
%type opt_parenthesized_seq_options {AstList}
opt_parenthesized_seq_options(A) ::= LP seq_opt_list(L) RP. { A = L; }
opt_parenthesized_seq_options(A) ::= .            { A = NONE_LIST; }
// The bit travels in nbytes.
%type constraint_attr {Token}
constraint_attr(A) ::= DEFERRABLE(T).             { A = T; A.nbytes = ATTR_DEFERRABLE; }
constraint_attr(A) ::= NOT(T) DEFERRABLE.         { A = T; A.nbytes = ATTR_NOT_DEFERRABLE; }
constraint_attr(A) ::= INITIALLY(T) DEFERRED.     { A = T; A.nbytes = ATTR_INITIALLY_DEFERRED; }
constraint_attr(A) ::= INITIALLY(T) IMMEDIATE.    { A = T; A.nbytes = ATTR_INITIALLY_IMMEDIATE; }

table_constraint(A) ::= CONSTRAINT(T) name(N) constraint_elem(E). { A = pc_name_constraint(E, N.str, T.loc); }
table_constraint ::= constraint_elem.
constraint_elem(A) ::= CHECK(T) LP a_expr(E) RP constraint_attribute_spec(S).
    { A = pc_constraint_attrs(pc, MK(Constraint, .kind = AST_CONSTR_CHECK, .expr = E, .loc = T.loc), S, "CHECK",
                              ATTR_NOT_VALID | ATTR_NO_INHERIT); }
constraint_elem(A) ::= UNIQUE(T) opt_unique_null_treatment(U) LP column_list(L) RP opt_c_include(I) opt_definition(D)
                       opt_cons_tablespace(P) constraint_attribute_spec(S).
    { A = pc_constraint_attrs(pc, MK(Constraint, .kind = AST_CONSTR_UNIQUE, .nulls_not_distinct = U, .keys = L, .including = I,
             .options = D, .index_tablespace = P, .loc = T.loc), S, "UNIQUE", ATTR_DEFERRING); }
constraint_elem(A) ::= UNIQUE(T) existing_index(N) constraint_attribute_spec(S).
    { A = pc_constraint_attrs(pc, MK(Constraint, .kind = AST_CONSTR_UNIQUE, .index_name = N.str, .loc = T.loc), S, "UNIQUE",
                              ATTR_DEFERRING); }
constraint_elem(A) ::= PRIMARY(T) KEY LP column_list(L) RP opt_c_include(I) opt_definition(D) opt_cons_tablespace(P)
                       constraint_attribute_spec(S).
    { A = pc_constraint_attrs(pc, MK(Constraint, .kind = AST_CONSTR_PRIMARY, .keys = L, .including = I, .options = D,
             .index_tablespace = P, .loc = T.loc), S, "PRIMARY KEY", ATTR_DEFERRING); }
constraint_elem(A) ::= PRIMARY(T) KEY existing_index(N) constraint_attribute_spec(S).
    { A = pc_constraint_attrs(pc, MK(Constraint, .kind = AST_CONSTR_PRIMARY, .index_name = N.str, .loc = T.loc), S,
                              "PRIMARY KEY", ATTR_DEFERRING); }
constraint_elem(A) ::= EXCLUDE(T) access_method_clause(M) LP exclusion_constraint_list(L) RP opt_c_include(I)
                       opt_definition(D) opt_cons_tablespace(P) opt_where_parens(W) constraint_attribute_spec(S).
    { A = pc_constraint_attrs(pc, MK(Constraint, .kind = AST_CONSTR_EXCLUSION, .access_method = M, .exclusions = L,
             .including = I, .options = D, .index_tablespace = P, .where = W, .loc = T.loc), S, "EXCLUDE", ATTR_DEFERRING); }
constraint_elem(A) ::= FOREIGN(T) KEY LP column_list(L) RP REFERENCES qualified_name(R) opt_column_list(C) key_match(M)
                       key_actions(K) constraint_attribute_spec(S).
    { A = pc_constraint_attrs(pc, MK(Constraint, .kind = AST_CONSTR_FOREIGN, .keys = L, .pk_table = R, .pk_columns = C,
             .match = M, .on_update = K.on_update, .on_delete = K.on_delete, .on_delete_columns = K.on_delete_columns,
             .loc = T.loc), S, "FOREIGN KEY", ATTR_DEFERRING | ATTR_NOT_VALID); }
%type existing_index {Token}
existing_index(A) ::= USING INDEX name(N).        { A = N; }
%type opt_c_include {AstList}
opt_c_include(A) ::= INCLUDE LP column_list(L) RP. { A = L; }
opt_c_include(A) ::= .                            { A = NONE_LIST; }
%type access_method_clause {const char *}
access_method_clause(A) ::= USING name(N).        { A = N.str; }
access_method_clause(A) ::= .                     { A = "btree"; }
%type exclusion_constraint_list {AstList}
exclusion_constraint_list(A) ::= exclusion_constraint_elem(E). { A = L1(E); }
exclusion_constraint_list(A) ::= exclusion_constraint_list(A) COMMA exclusion_constraint_elem(E). { A = PUSH(A, E); }
exclusion_constraint_elem(A) ::= index_elem(I) WITH(T) any_operator(O).
    { A = MK(ListNode, .items = L2(I, MK(ListNode, .items = O, .loc = T.loc)), .loc = T.loc); }
exclusion_constraint_elem(A) ::= index_elem(I) WITH(T) OPERATOR LP any_operator(O) RP.
    { A = MK(ListNode, .items = L2(I, MK(ListNode, .items = O, .loc = T.loc)), .loc = T.loc); }
opt_where_parens(A) ::= WHERE LP a_expr(E) RP.    { A = E; }
opt_where_parens(A) ::= .                         { A = NULL; }
%type constraint_attribute_spec {Token}
constraint_attribute_spec(A) ::= .                { A = (Token){0}; }
constraint_attribute_spec(A) ::= constraint_attribute_spec(A) constraint_attribute_elem(B). { A = pc_attr(pc, A, B); }
%type constraint_attribute_elem {Token}
constraint_attribute_elem ::= constraint_attr.
constraint_attribute_elem(A) ::= NOT(T) VALID.    { A = T; A.nbytes = ATTR_NOT_VALID; }
constraint_attribute_elem(A) ::= NO(T) INHERIT.   { A = T; A.nbytes = ATTR_NO_INHERIT; }
%type key_match {AstFkMatch}
key_match(A) ::= MATCH FULL.                      { A = AST_FK_MATCH_FULL; }
key_match(A) ::= MATCH(T) PARTIAL.
    { A = AST_FK_MATCH_PARTIAL; pc_fail(pc, T.loc, ERR_FEATURE_NOT_SUPPORTED, "MATCH PARTIAL not yet implemented"); }
key_match(A) ::= MATCH SIMPLE.                    { A = AST_FK_MATCH_SIMPLE; }
key_match(A) ::= .                                { A = AST_FK_MATCH_SIMPLE; }
%type key_actions {ParseFk}
key_actions(A) ::= key_update(U).                 { A = (ParseFk){.on_update = U.on_update}; }
key_actions(A) ::= key_delete(D).                 { A = D; }
key_actions(A) ::= key_update(U) key_delete(D).   { A = D; A.on_update = U.on_update; }
key_actions(A) ::= key_delete(D) key_update(U).   { A = D; A.on_update = U.on_update; }
key_actions(A) ::= .                              { A = (ParseFk){0}; }
%type key_update {ParseFk}
key_update(A) ::= ON(T) UPDATE key_action(K).
    {
        A = (ParseFk){.on_update = K.on_delete};
        if (K.on_delete_columns.count > 0)
            pc_fail(pc, T.loc, ERR_FEATURE_NOT_SUPPORTED, "a column list with SET NULL is only supported for ON DELETE actions");
    }
%type key_delete {ParseFk}
key_delete(A) ::= ON DELETE key_action(K).        { A = K; }
%type key_action {ParseFk}
key_action(A) ::= NO ACTION.                      { A = (ParseFk){.on_delete = AST_FK_NO_ACTION}; }
key_action(A) ::= RESTRICT.                       { A = (ParseFk){.on_delete = AST_FK_RESTRICT}; }
key_action(A) ::= CASCADE.                        { A = (ParseFk){.on_delete = AST_FK_CASCADE}; }
key_action(A) ::= SET NULL opt_column_list(L).    { A = (ParseFk){.on_delete = AST_FK_SET_NULL, .on_delete_columns = L}; }
key_action(A) ::= SET DEFAULT opt_column_list(L). { A = (ParseFk){.on_delete = AST_FK_SET_DEFAULT, .on_delete_columns = L}; }

table_like_clause(A) ::= LIKE qualified_name(R) table_like_options(O). { A = MK(TableLikeClause, .rel = R, .options = O); }
%type table_like_options {unsigned}
table_like_options(A) ::= table_like_options(A) INCLUDING table_like_option(O). { A |= O; }
table_like_options(A) ::= table_like_options(A) EXCLUDING table_like_option(O). { A &= ~O; }
table_like_options(A) ::= .                       { A = 0; }
%type table_like_option {unsigned}
table_like_option(A) ::= COMMENTS.                { A = AST_LIKE_COMMENTS; }
table_like_option(A) ::= COMPRESSION.             { A = AST_LIKE_COMPRESSION; }
table_like_option(A) ::= CONSTRAINTS.             { A = AST_LIKE_CONSTRAINTS; }
table_like_option(A) ::= DEFAULTS.                { A = AST_LIKE_DEFAULTS; }
table_like_option(A) ::= IDENTITY.                { A = AST_LIKE_IDENTITY; }
table_like_option(A) ::= GENERATED.               { A = AST_LIKE_GENERATED; }
table_like_option(A) ::= INDEXES.                 { A = AST_LIKE_INDEXES; }
table_like_option(A) ::= STATISTICS.              { A = AST_LIKE_STATISTICS; }
table_like_option(A) ::= STORAGE.                 { A = AST_LIKE_STORAGE; }
table_like_option(A) ::= ALL.                     { A = AST_LIKE_ALL; }

%type opt_inherit {AstList}
opt_inherit(A) ::= INHERITS LP qualified_name_list(L) RP. { A = L; }
opt_inherit(A) ::= .                              { A = NONE_LIST; }
opt_partition_spec ::= partition_spec.
opt_partition_spec(A) ::= .                       { A = NULL; }
partition_spec(A) ::= PARTITION(T) BY col_id(N) LP part_params(L) RP.
    { A = MK(PartitionSpec, .strategy = N.str, .params = L, .loc = T.loc); }
%type part_params {AstList}
part_params(A) ::= part_elem(E).                  { A = L1(E); }
part_params(A) ::= part_params(A) COMMA part_elem(E). { A = PUSH(A, E); }
part_elem(A) ::= col_id(N) opt_collate(C) opt_class(O).
    { A = MK(PartitionElem, .name = N.str, .collation = C, .opclass = O, .loc = N.loc); }
part_elem(A) ::= func_expr_windowless(E) opt_collate(C) opt_class(O).
    { A = MK(PartitionElem, .expr = E, .collation = C, .opclass = O, .loc = ast_location(E)); }
part_elem(A) ::= LP(T) a_expr(E) RP opt_collate(C) opt_class(O).
    { A = MK(PartitionElem, .expr = E, .collation = C, .opclass = O, .loc = T.loc); }
partition_bound_spec(A) ::= FOR VALUES(T) WITH LP hash_partbound(L) RP. { A = pc_hash_bound(pc, L, T.loc); }
partition_bound_spec(A) ::= FOR VALUES(T) IN LP expr_list(L) RP.
    { A = MK(PartitionBoundSpec, .kind = AST_PARTITION_LIST, .values = L, .loc = T.loc); }
partition_bound_spec(A) ::= FOR VALUES(T) FROM LP expr_list(L) RP TO LP expr_list(U) RP.
    { A = MK(PartitionBoundSpec, .kind = AST_PARTITION_RANGE, .lower = L, .upper = U, .loc = T.loc); }
partition_bound_spec(A) ::= DEFAULT(T).           { A = MK(PartitionBoundSpec, .kind = AST_PARTITION_DEFAULT, .loc = T.loc); }
%type hash_partbound {AstList}
hash_partbound(A) ::= hash_partbound_elem(E).     { A = L1(E); }
hash_partbound(A) ::= hash_partbound(A) COMMA hash_partbound_elem(E). { A = PUSH(A, E); }
hash_partbound_elem(A) ::= non_reserved_word(N) ICONST(V). { A = DEF(N.str, pc_int_const(pc, V), N.loc); }

%type opt_access_method {const char *}
opt_access_method(A) ::= USING name(N).           { A = N.str; }
opt_access_method(A) ::= .                        { A = NULL; }
%type opt_with {AstList}
opt_with(A) ::= WITH reloptions(L).               { A = L; }
opt_with(A) ::= WITHOUT OIDS.                     { A = NONE_LIST; }
opt_with(A) ::= .                                 { A = NONE_LIST; }
%type on_commit_option {AstOnCommit}
on_commit_option(A) ::= ON COMMIT DROP.           { A = AST_ONCOMMIT_DROP; }
on_commit_option(A) ::= ON COMMIT DELETE ROWS.    { A = AST_ONCOMMIT_DELETE_ROWS; }
on_commit_option(A) ::= ON COMMIT PRESERVE ROWS.  { A = AST_ONCOMMIT_PRESERVE_ROWS; }
on_commit_option(A) ::= .                         { A = AST_ONCOMMIT_NONE; }
%type opt_tablespace {const char *}
opt_tablespace(A) ::= TABLESPACE name(N).         { A = N.str; }
opt_tablespace(A) ::= .                           { A = NULL; }
%type opt_cons_tablespace {const char *}
opt_cons_tablespace(A) ::= USING INDEX TABLESPACE name(N). { A = N.str; }
opt_cons_tablespace(A) ::= .                      { A = NULL; }
%type opt_definition {AstList}
opt_definition(A) ::= WITH definition(L).         { A = L; }
opt_definition(A) ::= .                           { A = NONE_LIST; }
%type definition {AstList}
definition(A) ::= LP def_list(L) RP.              { A = L; }
%type def_list {AstList}
def_list(A) ::= def_elem(E).                      { A = L1(E); }
def_list(A) ::= def_list(A) COMMA def_elem(E).    { A = PUSH(A, E); }
def_elem(A) ::= col_label(N) EQ def_arg(E).       { A = DEF(N.str, E, N.loc); }
def_elem(A) ::= col_label(N).                     { A = DEF(N.str, NULL, N.loc); }
def_arg ::= func_type.
def_arg(A) ::= reserved_word(T).                  { A = STR(T); }
def_arg(A) ::= qual_all_op(O).                    { A = pc_op_names(pc, O); }
def_arg ::= numeric_only.
def_arg(A) ::= SCONST(T).                         { A = STR(T); }
def_arg(A) ::= NONE(T).                           { A = STR(T); }
func_type ::= typename.
func_type(A) ::= type_function_name(N) attrs(P) PERCENT TYPE.
    { A = MK(TypeName, .names = pc_prepend(pc, STR(N), P), .pct_type = true, .loc = N.loc); }
func_type(A) ::= SETOF type_function_name(N) attrs(P) PERCENT TYPE.
    { A = MK(TypeName, .names = pc_prepend(pc, STR(N), P), .pct_type = true, .setof = true, .loc = N.loc); }
%type reloptions {AstList}
reloptions(A) ::= LP reloption_list(L) RP.        { A = L; }
%type opt_reloptions {AstList}
opt_reloptions(A) ::= WITH reloptions(L).         { A = L; }
opt_reloptions(A) ::= .                           { A = NONE_LIST; }
%type reloption_list {AstList}
reloption_list(A) ::= reloption_elem(E).          { A = L1(E); }
reloption_list(A) ::= reloption_list(A) COMMA reloption_elem(E). { A = PUSH(A, E); }
reloption_elem ::= def_elem.
reloption_elem(A) ::= col_label(S) DOT col_label(N) EQ def_arg(E). { A = MK(DefElem, .ns = S.str, .name = N.str, .arg = E, .loc = S.loc); }
reloption_elem(A) ::= col_label(S) DOT col_label(N). { A = MK(DefElem, .ns = S.str, .name = N.str, .loc = S.loc); }
%type create_generic_options {AstList}
create_generic_options(A) ::= OPTIONS LP generic_option_list(L) RP. { A = L; }
create_generic_options(A) ::= .                   { A = NONE_LIST; }
%type generic_option_list {AstList}
generic_option_list(A) ::= generic_option_elem(E). { A = L1(E); }
generic_option_list(A) ::= generic_option_list(A) COMMA generic_option_elem(E). { A = PUSH(A, E); }
generic_option_elem(A) ::= col_label(N) SCONST(V). { A = DEF(N.str, STR(V), N.loc); }

create_as_stmt(A) ::= CREATE opt_temp(P) TABLE opt_if_not_exists(I) create_as_target(T) AS select_stmt(S) opt_with_data(D).
    { A = pc_create_as(pc, T, P, S, D, I); }
create_as_stmt(A) ::= CREATE opt_temp(P) TABLE opt_if_not_exists(I) create_as_target(T) AS EXECUTE name(N) execute_param_clause(L)
                      opt_with_data(D).
    { A = pc_create_as(pc, T, P, MK(ExecuteStmt, .name = N.str, .params = L), D, I); }
create_as_target(A) ::= qualified_name(R) opt_column_list(C) opt_access_method(M) opt_with(O) on_commit_option(K) opt_tablespace(T).
    { A = MK(IntoClause, .rel = R, .columns = C, .access_method = M, .options = O, .on_commit = K, .tablespace = T); }
%type opt_with_data {bool}
opt_with_data(A) ::= WITH DATA.                   { A = true; }
opt_with_data(A) ::= WITH NO DATA.                { A = false; }
opt_with_data(A) ::= .                            { A = true; }

// ---- CREATE INDEX, VIEW, SEQUENCE, SCHEMA ----

index_stmt(A) ::= CREATE opt_unique(U) INDEX opt_concurrently(C) opt_single_name(N) ON relation_expr(R) access_method_clause(M)
                  LP index_params(L) RP opt_include(I) opt_unique_null_treatment(D) opt_reloptions(O) opt_tablespace(T) where_clause(W).
    { A = MK(IndexStmt, .unique = U, .concurrent = C, .name = N, .rel = R, .access_method = M, .params = L, .including = I,
             .nulls_not_distinct = D, .options = O, .tablespace = T, .where = W); }
index_stmt(A) ::= CREATE opt_unique(U) INDEX opt_concurrently(C) IF NOT EXISTS name(N) ON relation_expr(R) access_method_clause(M)
                  LP index_params(L) RP opt_include(I) opt_unique_null_treatment(D) opt_reloptions(O) opt_tablespace(T) where_clause(W).
    { A = MK(IndexStmt, .unique = U, .concurrent = C, .name = N.str, .rel = R, .access_method = M, .params = L, .including = I,
             .nulls_not_distinct = D, .options = O, .tablespace = T, .where = W, .if_not_exists = true); }
%type opt_unique {bool}
opt_unique(A) ::= UNIQUE.                         { A = true; }
opt_unique(A) ::= .                               { A = false; }
%type opt_concurrently {bool}
opt_concurrently(A) ::= CONCURRENTLY.             { A = true; }
opt_concurrently(A) ::= .                         { A = false; }
%type opt_single_name {const char *}
opt_single_name(A) ::= col_id(N).                 { A = N.str; }
opt_single_name(A) ::= .                          { A = NULL; }
%type index_params {AstList}
index_params(A) ::= index_elem(E).                { A = L1(E); }
index_params(A) ::= index_params(A) COMMA index_elem(E). { A = PUSH(A, E); }
index_elem(A) ::= col_id(N) index_elem_options(O).
    { A = O; if (O != NULL) ((IndexElem *)O)->name = N.str, ((IndexElem *)O)->loc = N.loc; }
index_elem(A) ::= func_expr_windowless(E) index_elem_options(O).
    { A = O; if (O != NULL) ((IndexElem *)O)->expr = E, ((IndexElem *)O)->loc = ast_location(E); }
index_elem(A) ::= LP(T) a_expr(E) RP index_elem_options(O).
    { A = O; if (O != NULL) ((IndexElem *)O)->expr = E, ((IndexElem *)O)->loc = T.loc; }
index_elem_options(A) ::= opt_collate(C) opt_class(K) opt_asc_desc(D) opt_nulls_order(N).
    { A = MK(IndexElem, .collation = C, .opclass = K, .dir = D, .nulls = N); }
index_elem_options(A) ::= opt_collate(C) any_name(K) reloptions(O) opt_asc_desc(D) opt_nulls_order(N).
    { A = MK(IndexElem, .collation = C, .opclass = K, .opclass_options = O, .dir = D, .nulls = N); }
%type opt_collate {AstList}
opt_collate(A) ::= COLLATE any_name(N).           { A = N; }
opt_collate(A) ::= .                              { A = NONE_LIST; }
%type opt_class {AstList}
opt_class ::= any_name.
opt_class(A) ::= .                                { A = NONE_LIST; }
%type opt_include {AstList}
opt_include(A) ::= INCLUDE LP index_including_params(L) RP. { A = L; }
opt_include(A) ::= .                              { A = NONE_LIST; }
%type index_including_params {AstList}
index_including_params(A) ::= index_elem(E).      { A = L1(E); }
index_including_params(A) ::= index_including_params(A) COMMA index_elem(E). { A = PUSH(A, E); }

view_stmt(A) ::= CREATE opt_temp(P) VIEW qualified_name(R) opt_column_list(C) opt_reloptions(O) AS(T) select_stmt(S)
                 text_end(E) opt_check_option(K).
    { A = MK(ViewStmt, .rel = pc_persistence(R, P), .columns = C, .options = O, .query = S, .check = K,
             .query_text = pc_source_text(pc, T.loc + 2, E)); }
view_stmt(A) ::= CREATE OR REPLACE opt_temp(P) VIEW qualified_name(R) opt_column_list(C) opt_reloptions(O) AS(T) select_stmt(S)
                 text_end(E) opt_check_option(K).
    { A = MK(ViewStmt, .rel = pc_persistence(R, P), .columns = C, .options = O, .query = S, .check = K, .replace = true,
             .query_text = pc_source_text(pc, T.loc + 2, E)); }
view_stmt(A) ::= CREATE opt_temp(P) RECURSIVE VIEW qualified_name(R) LP column_list(C) RP opt_reloptions(O) AS(T) select_stmt(S)
                 text_end(E) opt_check_option(K).
    { A = pc_recursive_view(pc, pc_persistence(R, P), C, O, S, K, false, pc_source_text(pc, T.loc + 2, E)); }
view_stmt(A) ::= CREATE OR REPLACE opt_temp(P) RECURSIVE VIEW qualified_name(R) LP column_list(C) RP opt_reloptions(O) AS(T)
                 select_stmt(S) text_end(E) opt_check_option(K).
    { A = pc_recursive_view(pc, pc_persistence(R, P), C, O, S, K, true, pc_source_text(pc, T.loc + 2, E)); }
%type opt_check_option {AstViewCheck}
opt_check_option(A) ::= WITH CHECK OPTION.        { A = AST_VIEW_CHECK_CASCADED; }
opt_check_option(A) ::= WITH CASCADED CHECK OPTION. { A = AST_VIEW_CHECK_CASCADED; }
opt_check_option(A) ::= WITH LOCAL CHECK OPTION.  { A = AST_VIEW_CHECK_LOCAL; }
opt_check_option(A) ::= .                         { A = AST_VIEW_CHECK_NONE; }
// Where the token starts that closes what stands before.
%type text_end {int}
text_end(A) ::= .                                 { A = pc->token.loc; }

create_seq_stmt(A) ::= CREATE opt_temp(P) SEQUENCE opt_if_not_exists(I) qualified_name(R) opt_seq_opt_list(O).
    { A = MK(CreateSeqStmt, .rel = pc_persistence(R, P), .options = O, .if_not_exists = I); }
alter_seq_stmt(A) ::= ALTER SEQUENCE opt_if_exists(I) qualified_name(R) seq_opt_list(O).
    { A = MK(AlterSeqStmt, .rel = R, .options = O, .missing_ok = I); }
%type opt_seq_opt_list {AstList}
opt_seq_opt_list ::= seq_opt_list.
opt_seq_opt_list(A) ::= .                         { A = NONE_LIST; }
%type seq_opt_list {AstList}
seq_opt_list(A) ::= seq_opt_elem(E).              { A = L1(E); }
seq_opt_list(A) ::= seq_opt_list(A) seq_opt_elem(E). { A = PUSH(A, E); }
seq_opt_elem(A) ::= AS(T) simple_typename(N).     { A = DEF("as", N, T.loc); }
seq_opt_elem(A) ::= CACHE(T) numeric_only(N).     { A = DEF("cache", N, T.loc); }
seq_opt_elem(A) ::= CYCLE(T).                     { A = DEF("cycle", pc_bool(pc, true, T.loc), T.loc); }
seq_opt_elem(A) ::= NO(T) CYCLE.                  { A = DEF("cycle", pc_bool(pc, false, T.loc), T.loc); }
seq_opt_elem(A) ::= INCREMENT(T) opt_by numeric_only(N). { A = DEF("increment", N, T.loc); }
seq_opt_elem(A) ::= MAXVALUE(T) numeric_only(N).  { A = DEF("maxvalue", N, T.loc); }
seq_opt_elem(A) ::= MINVALUE(T) numeric_only(N).  { A = DEF("minvalue", N, T.loc); }
seq_opt_elem(A) ::= NO(T) MAXVALUE.               { A = DEF("maxvalue", NULL, T.loc); }
seq_opt_elem(A) ::= NO(T) MINVALUE.               { A = DEF("minvalue", NULL, T.loc); }
seq_opt_elem(A) ::= OWNED(T) BY any_name(N).      { A = DEF("owned_by", MK(ListNode, .items = N, .loc = pc_loc(N)), T.loc); }
seq_opt_elem(A) ::= SEQUENCE(T) NAME any_name(N). { A = DEF("sequence_name", MK(ListNode, .items = N, .loc = pc_loc(N)), T.loc); }
seq_opt_elem(A) ::= START(T) opt_with_word numeric_only(N). { A = DEF("start", N, T.loc); }
seq_opt_elem(A) ::= RESTART(T).                   { A = DEF("restart", NULL, T.loc); }
seq_opt_elem(A) ::= RESTART(T) opt_with_word numeric_only(N). { A = DEF("restart", N, T.loc); }
opt_by ::= BY.
opt_by ::= .
opt_with_word ::= WITH.
opt_with_word ::= WITH_LA.
opt_with_word ::= .

create_schema_stmt(A) ::= CREATE SCHEMA opt_if_not_exists(I) opt_single_name(N) AUTHORIZATION role_spec(R) opt_schema_elt_list(L).
    { A = MK(CreateSchemaStmt, .name = N, .auth_role = R, .elements = L, .if_not_exists = I); }
create_schema_stmt(A) ::= CREATE SCHEMA opt_if_not_exists(I) col_id(N) opt_schema_elt_list(L).
    { A = MK(CreateSchemaStmt, .name = N.str, .elements = L, .if_not_exists = I); }
%type opt_schema_elt_list {AstList}
opt_schema_elt_list(A) ::= opt_schema_elt_list(A) schema_stmt(E). { A = PUSH(A, E); }
opt_schema_elt_list(A) ::= .                      { A = NONE_LIST; }
schema_stmt ::= create_stmt.
schema_stmt ::= index_stmt.
schema_stmt ::= create_seq_stmt.
schema_stmt ::= view_stmt.
schema_stmt ::= create_trig_stmt.
schema_stmt ::= grant_stmt.

// ---- DROP, TRUNCATE, COMMENT ----

drop_stmt(A) ::= DROP object_type_any_name(K) opt_if_exists(I) any_name_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = K, .objects = L, .missing_ok = I, .behavior = B); }
drop_stmt(A) ::= DROP drop_type_name(K) opt_if_exists(I) name_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = K, .objects = L, .missing_ok = I, .behavior = B); }
drop_stmt(A) ::= DROP object_type_name_on_any_name(K) opt_if_exists(I) name(N) ON any_name(T) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = K, .objects = L1(MK(ListNode, .items = PUSH(T, STR(N)), .loc = N.loc)), .missing_ok = I, .behavior = B); }
drop_stmt(A) ::= DROP TYPE opt_if_exists(I) type_name_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_TYPE, .objects = L, .missing_ok = I, .behavior = B); }
drop_stmt(A) ::= DROP DOMAIN opt_if_exists(I) type_name_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_DOMAIN, .objects = L, .missing_ok = I, .behavior = B); }
drop_stmt(A) ::= DROP INDEX CONCURRENTLY opt_if_exists(I) any_name_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_INDEX, .objects = L, .missing_ok = I, .behavior = B, .concurrent = true); }
%type type_name_list {AstList}
type_name_list(A) ::= typename(E).                { A = L1(E); }
type_name_list(A) ::= type_name_list(A) COMMA typename(E). { A = PUSH(A, E); }
%type opt_drop_behavior {AstDropBehavior}
opt_drop_behavior(A) ::= CASCADE.                 { A = AST_DROP_CASCADE; }
opt_drop_behavior(A) ::= RESTRICT.                { A = AST_DROP_RESTRICT; }
opt_drop_behavior(A) ::= .                        { A = AST_DROP_RESTRICT; }
// Kinds named by a qualified name, by one word, and by a word ON a table.
%type object_type_any_name {AstObjectKind}
object_type_any_name(A) ::= TABLE.                { A = AST_OBJECT_TABLE; }
object_type_any_name(A) ::= SEQUENCE.             { A = AST_OBJECT_SEQUENCE; }
object_type_any_name(A) ::= VIEW.                 { A = AST_OBJECT_VIEW; }
object_type_any_name(A) ::= MATERIALIZED VIEW.    { A = AST_OBJECT_MATVIEW; }
object_type_any_name(A) ::= INDEX.                { A = AST_OBJECT_INDEX; }
object_type_any_name(A) ::= FOREIGN TABLE.        { A = AST_OBJECT_FOREIGN_TABLE; }
object_type_any_name(A) ::= COLLATION.            { A = AST_OBJECT_COLLATION; }
object_type_any_name(A) ::= CONVERSION.           { A = AST_OBJECT_CONVERSION; }
object_type_any_name(A) ::= STATISTICS.           { A = AST_OBJECT_STATISTIC_EXT; }
object_type_any_name(A) ::= TEXT SEARCH PARSER.   { A = AST_OBJECT_TSPARSER; }
object_type_any_name(A) ::= TEXT SEARCH DICTIONARY. { A = AST_OBJECT_TSDICTIONARY; }
object_type_any_name(A) ::= TEXT SEARCH TEMPLATE. { A = AST_OBJECT_TSTEMPLATE; }
object_type_any_name(A) ::= TEXT SEARCH CONFIGURATION. { A = AST_OBJECT_TSCONFIGURATION; }
%type object_type_name {AstObjectKind}
object_type_name ::= drop_type_name.
object_type_name(A) ::= DATABASE.                 { A = AST_OBJECT_DATABASE; }
object_type_name(A) ::= ROLE.                     { A = AST_OBJECT_ROLE; }
object_type_name(A) ::= SUBSCRIPTION.             { A = AST_OBJECT_SUBSCRIPTION; }
object_type_name(A) ::= TABLESPACE.               { A = AST_OBJECT_TABLESPACE; }
%type drop_type_name {AstObjectKind}
drop_type_name(A) ::= ACCESS METHOD.              { A = AST_OBJECT_ACCESS_METHOD; }
drop_type_name(A) ::= EVENT TRIGGER.              { A = AST_OBJECT_EVENT_TRIGGER; }
drop_type_name(A) ::= EXTENSION.                  { A = AST_OBJECT_EXTENSION; }
drop_type_name(A) ::= FOREIGN DATA WRAPPER.       { A = AST_OBJECT_FDW; }
drop_type_name(A) ::= opt_procedural LANGUAGE.    { A = AST_OBJECT_LANGUAGE; }
drop_type_name(A) ::= PUBLICATION.                { A = AST_OBJECT_PUBLICATION; }
drop_type_name(A) ::= SCHEMA.                     { A = AST_OBJECT_SCHEMA; }
drop_type_name(A) ::= SERVER.                     { A = AST_OBJECT_FOREIGN_SERVER; }
opt_procedural ::= PROCEDURAL.
opt_procedural ::= .
%type object_type_name_on_any_name {AstObjectKind}
object_type_name_on_any_name(A) ::= POLICY.       { A = AST_OBJECT_POLICY; }
object_type_name_on_any_name(A) ::= RULE.         { A = AST_OBJECT_RULE; }
object_type_name_on_any_name(A) ::= TRIGGER.      { A = AST_OBJECT_TRIGGER; }

truncate_stmt(A) ::= TRUNCATE opt_table relation_expr_list(L) opt_restart_seqs(R) opt_drop_behavior(B).
    { A = MK(TruncateStmt, .rels = L, .restart_seqs = R, .behavior = B); }
%type opt_restart_seqs {bool}
opt_restart_seqs(A) ::= CONTINUE IDENTITY.        { A = false; }
opt_restart_seqs(A) ::= RESTART IDENTITY.         { A = true; }
opt_restart_seqs(A) ::= .                         { A = false; }

comment_stmt(A) ::= COMMENT ON object_type_any_name(K) any_name(N) IS comment_text(C).
    { A = MK(CommentStmt, .kind = K, .object = MK(ListNode, .items = N, .loc = pc_loc(N)), .comment = C); }
comment_stmt(A) ::= COMMENT ON COLUMN any_name(N) IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_COLUMN, .object = MK(ListNode, .items = N, .loc = pc_loc(N)), .comment = C); }
comment_stmt(A) ::= COMMENT ON object_type_name(K) name(N) IS comment_text(C).
    { A = MK(CommentStmt, .kind = K, .object = STR(N), .comment = C); }
comment_stmt(A) ::= COMMENT ON TYPE typename(N) IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_TYPE, .object = N, .comment = C); }
comment_stmt(A) ::= COMMENT ON DOMAIN typename(N) IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_DOMAIN, .object = N, .comment = C); }
comment_stmt(A) ::= COMMENT ON CONSTRAINT name(N) ON any_name(T) IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_TABCONSTRAINT, .object = MK(ListNode, .items = PUSH(T, STR(N)), .loc = N.loc), .comment = C); }
comment_stmt(A) ::= COMMENT ON CONSTRAINT name(N) ON DOMAIN any_name(T) IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_DOMCONSTRAINT, .object = MK(ListNode, .items = PUSH(T, STR(N)), .loc = N.loc), .comment = C); }
comment_stmt(A) ::= COMMENT ON object_type_name_on_any_name(K) name(N) ON any_name(T) IS comment_text(C).
    { A = MK(CommentStmt, .kind = K, .object = MK(ListNode, .items = PUSH(T, STR(N)), .loc = N.loc), .comment = C); }
%type comment_text {const char *}
comment_text(A) ::= SCONST(T).                    { A = T.str; }
comment_text(A) ::= NULL.                         { A = NULL; }

// ---- transactions and settings ----

transaction_stmt(A) ::= ABORT opt_transaction opt_transaction_chain(C). { A = MK(TransactionStmt, .kind = AST_TRANS_ROLLBACK, .chain = C); }
transaction_word_stmt(A) ::= BEGIN opt_transaction transaction_mode_list_or_empty(M). { A = MK(TransactionStmt, .kind = AST_TRANS_BEGIN, .modes = M); }
transaction_stmt(A) ::= START TRANSACTION transaction_mode_list_or_empty(M). { A = MK(TransactionStmt, .kind = AST_TRANS_START, .modes = M); }
transaction_stmt(A) ::= COMMIT opt_transaction opt_transaction_chain(C). { A = MK(TransactionStmt, .kind = AST_TRANS_COMMIT, .chain = C); }
transaction_word_stmt(A) ::= END opt_transaction opt_transaction_chain(C). { A = MK(TransactionStmt, .kind = AST_TRANS_COMMIT, .chain = C); }
transaction_stmt(A) ::= ROLLBACK opt_transaction opt_transaction_chain(C). { A = MK(TransactionStmt, .kind = AST_TRANS_ROLLBACK, .chain = C); }
transaction_stmt(A) ::= SAVEPOINT col_id(N).      { A = MK(TransactionStmt, .kind = AST_TRANS_SAVEPOINT, .savepoint = N.str); }
transaction_stmt(A) ::= RELEASE SAVEPOINT col_id(N). { A = MK(TransactionStmt, .kind = AST_TRANS_RELEASE, .savepoint = N.str); }
transaction_stmt(A) ::= RELEASE SAVEPOINT(N).     { A = MK(TransactionStmt, .kind = AST_TRANS_RELEASE, .savepoint = N.str); }
transaction_stmt(A) ::= RELEASE col_id(N).        { A = MK(TransactionStmt, .kind = AST_TRANS_RELEASE, .savepoint = N.str); }
transaction_stmt(A) ::= ROLLBACK opt_transaction TO SAVEPOINT col_id(N). { A = MK(TransactionStmt, .kind = AST_TRANS_ROLLBACK_TO, .savepoint = N.str); }
transaction_stmt(A) ::= ROLLBACK opt_transaction TO SAVEPOINT(N). { A = MK(TransactionStmt, .kind = AST_TRANS_ROLLBACK_TO, .savepoint = N.str); }
transaction_stmt(A) ::= ROLLBACK opt_transaction TO col_id(N). { A = MK(TransactionStmt, .kind = AST_TRANS_ROLLBACK_TO, .savepoint = N.str); }
transaction_stmt(A) ::= PREPARE TRANSACTION SCONST(G). { A = MK(TransactionStmt, .kind = AST_TRANS_PREPARE, .gid = G.str); }
transaction_stmt(A) ::= COMMIT PREPARED SCONST(G). { A = MK(TransactionStmt, .kind = AST_TRANS_COMMIT_PREPARED, .gid = G.str); }
transaction_stmt(A) ::= ROLLBACK PREPARED SCONST(G). { A = MK(TransactionStmt, .kind = AST_TRANS_ROLLBACK_PREPARED, .gid = G.str); }
opt_transaction ::= WORK.
opt_transaction ::= TRANSACTION.
opt_transaction ::= .
%type opt_transaction_chain {bool}
opt_transaction_chain(A) ::= AND CHAIN.           { A = true; }
opt_transaction_chain(A) ::= AND NO CHAIN.        { A = false; }
opt_transaction_chain(A) ::= .                    { A = false; }
transaction_mode_item(A) ::= ISOLATION(T) LEVEL iso_level(L). { A = DEF("transaction_isolation", pc_stringz(pc, L.str, L.loc), T.loc); }
transaction_mode_item(A) ::= READ(T) ONLY.        { A = DEF("transaction_read_only", pc_bool(pc, true, T.loc), T.loc); }
transaction_mode_item(A) ::= READ(T) WRITE.       { A = DEF("transaction_read_only", pc_bool(pc, false, T.loc), T.loc); }
transaction_mode_item(A) ::= DEFERRABLE(T).       { A = DEF("transaction_deferrable", pc_bool(pc, true, T.loc), T.loc); }
transaction_mode_item(A) ::= NOT(T) DEFERRABLE.   { A = DEF("transaction_deferrable", pc_bool(pc, false, T.loc), T.loc); }
%type iso_level {Token}
iso_level(A) ::= READ(T) UNCOMMITTED.             { A = T; A.str = "read uncommitted"; }
iso_level(A) ::= READ(T) COMMITTED.               { A = T; A.str = "read committed"; }
iso_level(A) ::= REPEATABLE(T) READ.              { A = T; A.str = "repeatable read"; }
iso_level(A) ::= SERIALIZABLE(T).                 { A = T; A.str = "serializable"; }
%type transaction_mode_list {AstList}
transaction_mode_list(A) ::= transaction_mode_item(E). { A = L1(E); }
transaction_mode_list(A) ::= transaction_mode_list(A) COMMA transaction_mode_item(E). { A = PUSH(A, E); }
transaction_mode_list(A) ::= transaction_mode_list(A) transaction_mode_item(E). { A = PUSH(A, E); }
%type transaction_mode_list_or_empty {AstList}
transaction_mode_list_or_empty ::= transaction_mode_list.
transaction_mode_list_or_empty(A) ::= .           { A = NONE_LIST; }

variable_set_stmt(A) ::= SET set_rest(S).         { A = S; }
variable_set_stmt(A) ::= SET LOCAL set_rest(S).   { A = S; if (S != NULL) ((VariableSetStmt *)S)->is_local = true; }
variable_set_stmt(A) ::= SET SESSION set_rest(S). { A = S; }
set_rest(A) ::= TRANSACTION(T) transaction_mode_list(M).
    { A = MK(VariableSetStmt, .kind = AST_VAR_SET_MULTI, .name = "TRANSACTION", .args = M, .loc = T.loc); }
set_rest(A) ::= SESSION(T) CHARACTERISTICS AS TRANSACTION transaction_mode_list(M).
    { A = MK(VariableSetStmt, .kind = AST_VAR_SET_MULTI, .name = "SESSION CHARACTERISTICS", .args = M, .loc = T.loc); }
set_rest ::= set_rest_more.
generic_set(A) ::= var_name(N) TO var_list(L).    { A = MK(VariableSetStmt, .name = N.str, .args = L, .loc = N.loc); }
generic_set(A) ::= var_name(N) EQ var_list(L).    { A = MK(VariableSetStmt, .name = N.str, .args = L, .loc = N.loc); }
generic_set(A) ::= var_name(N) TO DEFAULT.        { A = MK(VariableSetStmt, .kind = AST_VAR_SET_DEFAULT, .name = N.str, .loc = N.loc); }
generic_set(A) ::= var_name(N) EQ DEFAULT.        { A = MK(VariableSetStmt, .kind = AST_VAR_SET_DEFAULT, .name = N.str, .loc = N.loc); }
set_rest_more ::= generic_set.
set_rest_more(A) ::= var_name(N) FROM CURRENT.    { A = MK(VariableSetStmt, .kind = AST_VAR_SET_CURRENT, .name = N.str, .loc = N.loc); }
set_rest_more(A) ::= TIME(T) ZONE zone_value(V).
    { A = V != NULL ? MK(VariableSetStmt, .name = "timezone", .args = L1(V), .loc = T.loc)
                    : MK(VariableSetStmt, .kind = AST_VAR_SET_DEFAULT, .name = "timezone", .loc = T.loc); }
set_rest_more(A) ::= CATALOG(T) SCONST.
    { A = NULL; pc_fail(pc, T.loc, ERR_FEATURE_NOT_SUPPORTED, "current database cannot be changed"); }
set_rest_more(A) ::= SCHEMA(T) SCONST(V).         { A = MK(VariableSetStmt, .name = "search_path", .args = L1(pc_string(pc, V)), .loc = T.loc); }
set_rest_more(A) ::= NAMES(T) opt_encoding(V).
    { A = V.str != NULL ? MK(VariableSetStmt, .name = "client_encoding", .args = L1(pc_string(pc, V)), .loc = T.loc)
                        : MK(VariableSetStmt, .kind = AST_VAR_SET_DEFAULT, .name = "client_encoding", .loc = T.loc); }
set_rest_more(A) ::= ROLE(T) non_reserved_word_or_sconst(V).
    { A = MK(VariableSetStmt, .name = "role", .args = L1(pc_string(pc, V)), .loc = T.loc); }
set_rest_more(A) ::= SESSION(T) AUTHORIZATION non_reserved_word_or_sconst(V).
    { A = MK(VariableSetStmt, .name = "session_authorization", .args = L1(pc_string(pc, V)), .loc = T.loc); }
set_rest_more(A) ::= SESSION(T) AUTHORIZATION DEFAULT.
    { A = MK(VariableSetStmt, .kind = AST_VAR_SET_DEFAULT, .name = "session_authorization", .loc = T.loc); }
set_rest_more(A) ::= XML(T) OPTION document_or_content(D).
    { A = MK(VariableSetStmt, .name = "xmloption", .args = L1(pc_string(pc, D)), .loc = T.loc); }
set_rest_more(A) ::= TRANSACTION(T) SNAPSHOT SCONST(V).
    { A = MK(VariableSetStmt, .kind = AST_VAR_SET_MULTI, .name = "TRANSACTION SNAPSHOT", .args = L1(pc_string(pc, V)), .loc = T.loc); }
%type var_name {Token}
var_name ::= col_id.
var_name(A) ::= var_name(A) DOT col_id(N).        { A.str = pc_dotted(pc, A.str, N.str); }
%type var_list {AstList}
var_list(A) ::= var_value(E).                     { A = L1(E); }
var_list(A) ::= var_list(A) COMMA var_value(E).   { A = PUSH(A, E); }
var_value(A) ::= opt_boolean_or_string(T).        { A = pc_string(pc, T); }
var_value ::= numeric_only.
%type opt_boolean_or_string {Token}
opt_boolean_or_string(A) ::= TRUE(T).    { A = T; }
opt_boolean_or_string(A) ::= FALSE(T).    { A = T; }
opt_boolean_or_string(A) ::= ON(T).    { A = T; }
opt_boolean_or_string ::= non_reserved_word_or_sconst.
%type non_reserved_word_or_sconst {Token}
non_reserved_word_or_sconst ::= non_reserved_word.
non_reserved_word_or_sconst(A) ::= SCONST(T).     { A = T; }
zone_value(A) ::= SCONST(T).                      { A = pc_string(pc, T); }
zone_value(A) ::= IDENT(T).                       { A = pc_string(pc, pc_no_keyword(pc, T)); }
zone_value(A) ::= INTERVAL(I) SCONST(S) opt_interval(M).
    { A = pc_cast(pc, pc_string(pc, S), pc_type(pc, "interval", M, I.loc), I.loc); }
zone_value(A) ::= INTERVAL(I) LP ICONST(P) RP SCONST(S).
    { A = pc_cast(pc, pc_string(pc, S), pc_type(pc, "interval", pc_interval_precision(pc, INTERVAL_ALL, P), I.loc), I.loc); }
zone_value ::= numeric_only.
zone_value(A) ::= DEFAULT.                        { A = NULL; }
zone_value(A) ::= LOCAL.                          { A = NULL; }
%type opt_encoding {Token}
opt_encoding(A) ::= SCONST(T).                    { A = T; }
opt_encoding(A) ::= DEFAULT.                      { A = (Token){0}; }
opt_encoding(A) ::= .                             { A = (Token){0}; }

variable_reset_stmt(A) ::= RESET(T) reset_rest(N).
    { A = pc_reset(pc, N, T.loc); }
%type reset_rest {Token}
reset_rest ::= var_name.
reset_rest(A) ::= ALL.                            { A = (Token){0}; }
reset_rest(A) ::= TIME(T) ZONE.                   { A = T; A.str = "timezone"; }
reset_rest(A) ::= TRANSACTION(T) ISOLATION LEVEL. { A = T; A.str = "transaction_isolation"; }
reset_rest(A) ::= SESSION(T) AUTHORIZATION.       { A = T; A.str = "session_authorization"; }
variable_show_stmt(A) ::= SHOW var_name(N).       { A = MK(VariableShowStmt, .name = N.str); }
variable_show_stmt(A) ::= SHOW TIME ZONE.         { A = MK(VariableShowStmt, .name = "timezone"); }
variable_show_stmt(A) ::= SHOW TRANSACTION ISOLATION LEVEL. { A = MK(VariableShowStmt, .name = "transaction_isolation"); }
variable_show_stmt(A) ::= SHOW SESSION AUTHORIZATION. { A = MK(VariableShowStmt, .name = "session_authorization"); }
variable_show_stmt(A) ::= SHOW ALL.               { A = MK(VariableShowStmt, .name = "all"); }

// ---- EXPLAIN, VACUUM, ANALYZE, COPY, PREPARE ----

explain_stmt(A) ::= EXPLAIN explainable_stmt(Q).  { A = MK(ExplainStmt, .query = Q); }
explain_stmt(A) ::= EXPLAIN analyze_word(T) opt_verbose(V) explainable_stmt(Q).
    { A = MK(ExplainStmt, .query = Q, .options = pc_flags(pc, L1(DEF("analyze", NULL, T.loc)), V, "verbose")); }
explain_stmt(A) ::= EXPLAIN VERBOSE(T) explainable_stmt(Q). { A = MK(ExplainStmt, .query = Q, .options = L1(DEF("verbose", NULL, T.loc))); }
explain_stmt(A) ::= EXPLAIN LP utility_option_list(L) RP explainable_stmt(Q). { A = MK(ExplainStmt, .query = Q, .options = L); }
explainable_stmt ::= preparable_stmt.
explainable_stmt ::= create_as_stmt.
explainable_stmt ::= execute_stmt.
explainable_stmt ::= create_mat_view_stmt.
explainable_stmt ::= refresh_mat_view_stmt.
explainable_stmt ::= declare_cursor_stmt.
%type analyze_word {Token}
analyze_word(A) ::= ANALYZE(T).           { A = T; A.str = "analyze"; }
analyze_word(A) ::= ANALYSE(T).           { A = T; A.str = "analyze"; }
%type opt_verbose {Token}
opt_verbose(A) ::= VERBOSE(T).                    { A = T; }
opt_verbose(A) ::= .                              { A = (Token){0}; }
%type utility_option_list {AstList}
utility_option_list(A) ::= utility_option_elem(E). { A = L1(E); }
utility_option_list(A) ::= utility_option_list(A) COMMA utility_option_elem(E). { A = PUSH(A, E); }
utility_option_elem(A) ::= utility_option_name(N) utility_option_arg(V). { A = DEF(N.str, V, N.loc); }
%type utility_option_name {Token}
utility_option_name ::= non_reserved_word.
utility_option_name ::= analyze_word.
utility_option_arg(A) ::= opt_boolean_or_string(T). { A = STR(T); }
utility_option_arg ::= numeric_only.
utility_option_arg(A) ::= .                       { A = NULL; }

vacuum_stmt(A) ::= VACUUM opt_full(F) opt_freeze(Z) opt_verbose(V) opt_analyze(N) opt_vacuum_relation_list(L).
    { A = MK(VacuumStmt, .options = pc_flags(pc, pc_flags(pc, pc_flags(pc, pc_flags(pc, NONE_LIST, F, "full"), Z, "freeze"),
             V, "verbose"), N, "analyze"), .rels = L, .is_vacuum = true); }
vacuum_stmt(A) ::= VACUUM LP utility_option_list(O) RP opt_vacuum_relation_list(L).
    { A = MK(VacuumStmt, .options = O, .rels = L, .is_vacuum = true); }
vacuum_stmt(A) ::= VACUUM INTO SCONST(P). { A = MK(VacuumStmt, .into = P.str, .is_vacuum = true); } // ours: a copy, tightly packed
analyze_stmt(A) ::= analyze_word opt_verbose(V) opt_vacuum_relation_list(L).
    { A = MK(VacuumStmt, .options = pc_flags(pc, NONE_LIST, V, "verbose"), .rels = L); }
analyze_stmt(A) ::= analyze_word LP utility_option_list(O) RP opt_vacuum_relation_list(L).
    { A = MK(VacuumStmt, .options = O, .rels = L); }
%type opt_full {Token}
opt_full(A) ::= FULL(T).                          { A = T; }
opt_full(A) ::= .                                 { A = (Token){0}; }
%type opt_freeze {Token}
opt_freeze(A) ::= FREEZE(T).                      { A = T; }
opt_freeze(A) ::= .                               { A = (Token){0}; }
%type opt_analyze {Token}
opt_analyze ::= analyze_word.
opt_analyze(A) ::= .                              { A = (Token){0}; }
%type opt_vacuum_relation_list {AstList}
%type vacuum_relation_list {AstList}
opt_vacuum_relation_list ::= vacuum_relation_list.
opt_vacuum_relation_list(A) ::= .                 { A = NONE_LIST; }
vacuum_relation_list(A) ::= vacuum_relation(E).   { A = L1(E); }
vacuum_relation_list(A) ::= vacuum_relation_list(A) COMMA vacuum_relation(E). { A = PUSH(A, E); }
vacuum_relation(A) ::= qualified_name(R) opt_name_list(C). { A = MK(VacuumRelation, .rel = R, .columns = C); }

copy_stmt(A) ::= COPY(K) opt_binary(B) qualified_name(R) opt_column_list(C) copy_from(F) opt_program(P) copy_file_name(N)
                 copy_delimiter(D) opt_with_word copy_options(O) where_clause(W).
    { A = pc_copy(pc, MK(CopyStmt, .rel = R, .columns = C, .is_from = F, .is_program = P, .filename = N, .where = W, .loc = K.loc),
                  B, D, O); }
copy_stmt(A) ::= COPY(K) LP preparable_stmt(Q) RP TO opt_program(P) copy_file_name(N) opt_with_word copy_options(O).
    { A = pc_copy(pc, MK(CopyStmt, .query = Q, .is_program = P, .filename = N, .loc = K.loc), NULL, NULL, O); }
%type copy_from {bool}
copy_from(A) ::= FROM.                            { A = true; }
copy_from(A) ::= TO.                              { A = false; }
%type opt_program {bool}
opt_program(A) ::= PROGRAM.                       { A = true; }
opt_program(A) ::= .                              { A = false; }
%type copy_file_name {const char *}
copy_file_name(A) ::= SCONST(T).                  { A = T.str; }
copy_file_name(A) ::= STDIN.                      { A = NULL; }
copy_file_name(A) ::= STDOUT.                     { A = NULL; }
opt_binary(A) ::= BINARY(T).                      { A = DEF("format", pc_strz(pc, "binary", T.loc), T.loc); }
opt_binary(A) ::= .                               { A = NULL; }
copy_delimiter(A) ::= opt_using DELIMITERS(T) SCONST(V). { A = DEF("delimiter", STR(V), T.loc); }
copy_delimiter(A) ::= .                           { A = NULL; }
opt_using ::= USING.
opt_using ::= .
%type copy_options {AstList}
copy_options ::= copy_opt_list.
copy_options(A) ::= LP copy_generic_opt_list(L) RP. { A = L; }
%type copy_opt_list {AstList}
copy_opt_list(A) ::= copy_opt_list(A) copy_opt_item(E). { A = PUSH(A, E); }
copy_opt_list(A) ::= .                            { A = NONE_LIST; }
copy_opt_item(A) ::= BINARY(T).                   { A = DEF("format", pc_strz(pc, "binary", T.loc), T.loc); }
copy_opt_item(A) ::= FREEZE(T).                   { A = DEF("freeze", pc_bool(pc, true, T.loc), T.loc); }
copy_opt_item(A) ::= DELIMITER(T) opt_as SCONST(V). { A = DEF("delimiter", STR(V), T.loc); }
copy_opt_item(A) ::= NULL(T) opt_as SCONST(V).    { A = DEF("null", STR(V), T.loc); }
copy_opt_item(A) ::= CSV(T).                      { A = DEF("format", pc_strz(pc, "csv", T.loc), T.loc); }
copy_opt_item(A) ::= HEADER(T).                   { A = DEF("header", pc_bool(pc, true, T.loc), T.loc); }
copy_opt_item(A) ::= QUOTE(T) opt_as SCONST(V).   { A = DEF("quote", STR(V), T.loc); }
copy_opt_item(A) ::= ESCAPE(T) opt_as SCONST(V).  { A = DEF("escape", STR(V), T.loc); }
copy_opt_item(A) ::= FORCE(T) QUOTE column_list(L). { A = DEF("force_quote", MK(ListNode, .items = L, .loc = pc_loc(L)), T.loc); }
copy_opt_item(A) ::= FORCE(T) QUOTE STAR(S).      { A = DEF("force_quote", MK(A_Star, .loc = S.loc), T.loc); }
copy_opt_item(A) ::= FORCE(T) NOT NULL column_list(L). { A = DEF("force_not_null", MK(ListNode, .items = L, .loc = pc_loc(L)), T.loc); }
copy_opt_item(A) ::= FORCE(T) NULL column_list(L). { A = DEF("force_null", MK(ListNode, .items = L, .loc = pc_loc(L)), T.loc); }
copy_opt_item(A) ::= ENCODING(T) SCONST(V).       { A = DEF("encoding", STR(V), T.loc); }
opt_as ::= AS.
opt_as ::= .
%type copy_generic_opt_list {AstList}
copy_generic_opt_list(A) ::= copy_generic_opt_elem(E). { A = L1(E); }
copy_generic_opt_list(A) ::= copy_generic_opt_list(A) COMMA copy_generic_opt_elem(E). { A = PUSH(A, E); }
copy_generic_opt_elem(A) ::= col_label(N) copy_generic_opt_arg(V). { A = DEF(N.str, V, N.loc); }
copy_generic_opt_arg(A) ::= opt_boolean_or_string(T). { A = STR(T); }
copy_generic_opt_arg ::= numeric_only.
copy_generic_opt_arg(A) ::= STAR(T).              { A = MK(A_Star, .loc = T.loc); }
copy_generic_opt_arg(A) ::= LP(T) copy_generic_opt_arg_list(L) RP. { A = MK(ListNode, .items = L, .loc = T.loc); }
copy_generic_opt_arg(A) ::= .                     { A = NULL; }
%type copy_generic_opt_arg_list {AstList}
copy_generic_opt_arg_list(A) ::= opt_boolean_or_string(T). { A = L1(STR(T)); }
copy_generic_opt_arg_list(A) ::= copy_generic_opt_arg_list(A) COMMA opt_boolean_or_string(T). { A = PUSH(A, STR(T)); }

prepare_stmt(A) ::= PREPARE name(N) prep_type_clause(T) AS preparable_stmt(Q).
    { A = MK(PrepareStmt, .name = N.str, .types = T, .query = Q); }
%type prep_type_clause {AstList}
prep_type_clause(A) ::= LP type_list(L) RP.       { A = L; }
prep_type_clause(A) ::= .                         { A = NONE_LIST; }
%type type_list {AstList}
type_list(A) ::= typename(E).                     { A = L1(E); }
type_list(A) ::= type_list(A) COMMA typename(E).  { A = PUSH(A, E); }
execute_stmt(A) ::= EXECUTE name(N) execute_param_clause(L). { A = MK(ExecuteStmt, .name = N.str, .params = L); }
%type execute_param_clause {AstList}
execute_param_clause(A) ::= LP expr_list(L) RP.   { A = L; }
execute_param_clause(A) ::= .                     { A = NONE_LIST; }
deallocate_stmt(A) ::= DEALLOCATE opt_prepare name(N). { A = MK(DeallocateStmt, .name = N.str); }
deallocate_stmt(A) ::= DEALLOCATE opt_prepare ALL. { A = MK(DeallocateStmt, .name = NULL); }
opt_prepare ::= PREPARE.
opt_prepare ::= .

// ---- MERGE ----

merge_stmt(A) ::= opt_with_clause(W) MERGE INTO relation_expr_opt_alias(R) USING table_ref(S) ON a_expr(C) merge_when_list(L).
    { A = MK(MergeStmt, .with = W, .rel = R, .source = S, .on = C, .whens = L); }
%type merge_when_list {AstList}
merge_when_list(A) ::= merge_when_clause(E).      { A = L1(E); }
merge_when_list(A) ::= merge_when_list(A) merge_when_clause(E). { A = PUSH(A, E); }
merge_when_clause(A) ::= WHEN(T) MATCHED opt_merge_when_condition(C) THEN merge_update(M).
    { A = pc_merge_when(M, true, C, T.loc); }
merge_when_clause(A) ::= WHEN(T) MATCHED opt_merge_when_condition(C) THEN DELETE.
    { A = MK(MergeWhenClause, .matched = true, .command = AST_CMD_DELETE, .condition = C, .loc = T.loc); }
merge_when_clause(A) ::= WHEN(T) NOT MATCHED opt_merge_when_condition(C) THEN merge_insert(M).
    { A = pc_merge_when(M, false, C, T.loc); }
merge_when_clause(A) ::= WHEN(T) MATCHED opt_merge_when_condition(C) THEN DO NOTHING.
    { A = MK(MergeWhenClause, .matched = true, .condition = C, .loc = T.loc); }
merge_when_clause(A) ::= WHEN(T) NOT MATCHED opt_merge_when_condition(C) THEN DO NOTHING.
    { A = MK(MergeWhenClause, .condition = C, .loc = T.loc); }
opt_merge_when_condition(A) ::= AND a_expr(E).    { A = E; }
opt_merge_when_condition(A) ::= .                 { A = NULL; }
merge_update(A) ::= UPDATE SET set_clause_list(L). { A = MK(MergeWhenClause, .command = AST_CMD_UPDATE, .targets = L); }
merge_insert(A) ::= INSERT merge_values(V).       { A = MK(MergeWhenClause, .command = AST_CMD_INSERT, .values = V); }
merge_insert(A) ::= INSERT OVERRIDING override_kind(O) VALUE merge_values(V).
    { A = MK(MergeWhenClause, .command = AST_CMD_INSERT, .overriding = O, .values = V); }
merge_insert(A) ::= INSERT LP insert_column_list(L) RP merge_values(V).
    { A = MK(MergeWhenClause, .command = AST_CMD_INSERT, .targets = L, .values = V); }
merge_insert(A) ::= INSERT LP insert_column_list(L) RP OVERRIDING override_kind(O) VALUE merge_values(V).
    { A = MK(MergeWhenClause, .command = AST_CMD_INSERT, .targets = L, .overriding = O, .values = V); }
merge_insert(A) ::= INSERT DEFAULT VALUES.        { A = MK(MergeWhenClause, .command = AST_CMD_INSERT); }
%type merge_values {AstList}
merge_values(A) ::= VALUES LP expr_list(L) RP.    { A = L; }

// ---- ALTER TABLE and its like ----

alter_table_stmt(A) ::= ALTER TABLE opt_if_exists(I) relation_expr(R) alter_table_cmds(L).
    { A = MK(AlterTableStmt, .rel = R, .cmds = L, .kind = AST_OBJECT_TABLE, .missing_ok = I); }
alter_table_stmt(A) ::= ALTER TABLE opt_if_exists(I) relation_expr(R) partition_cmd(C).
    { A = MK(AlterTableStmt, .rel = R, .cmds = L1(C), .kind = AST_OBJECT_TABLE, .missing_ok = I); }
alter_table_stmt(A) ::= ALTER TABLE ALL IN TABLESPACE name(F) opt_owned_by(O) SET TABLESPACE name(T) opt_nowait(N).
    { A = MK(AlterTableMoveAllStmt, .from = F.str, .kind = AST_OBJECT_TABLE, .roles = O, .to = T.str, .nowait = N); }
alter_table_stmt(A) ::= ALTER INDEX opt_if_exists(I) qualified_name(R) alter_table_cmds(L).
    { A = MK(AlterTableStmt, .rel = R, .cmds = L, .kind = AST_OBJECT_INDEX, .missing_ok = I); }
alter_table_stmt(A) ::= ALTER INDEX opt_if_exists qualified_name(R) ATTACH(T) PARTITION qualified_name(P).
    { A = MK(AlterTableStmt, .rel = R, .cmds = L1(MK(AlterTableCmd, .kind = AST_AT_ATTACH_PARTITION,
             .def = MK(PartitionCmd, .rel = P), .loc = T.loc)), .kind = AST_OBJECT_INDEX); }
alter_table_stmt(A) ::= ALTER INDEX ALL IN TABLESPACE name(F) opt_owned_by(O) SET TABLESPACE name(T) opt_nowait(N).
    { A = MK(AlterTableMoveAllStmt, .from = F.str, .kind = AST_OBJECT_INDEX, .roles = O, .to = T.str, .nowait = N); }
alter_table_stmt(A) ::= ALTER SEQUENCE opt_if_exists(I) qualified_name(R) alter_table_cmds(L).
    { A = MK(AlterTableStmt, .rel = R, .cmds = L, .kind = AST_OBJECT_SEQUENCE, .missing_ok = I); }
alter_table_stmt(A) ::= ALTER VIEW opt_if_exists(I) qualified_name(R) alter_table_cmds(L).
    { A = MK(AlterTableStmt, .rel = R, .cmds = L, .kind = AST_OBJECT_VIEW, .missing_ok = I); }
alter_table_stmt(A) ::= ALTER MATERIALIZED VIEW opt_if_exists(I) qualified_name(R) alter_table_cmds(L).
    { A = MK(AlterTableStmt, .rel = R, .cmds = L, .kind = AST_OBJECT_MATVIEW, .missing_ok = I); }
alter_table_stmt(A) ::= ALTER MATERIALIZED VIEW ALL IN TABLESPACE name(F) opt_owned_by(O) SET TABLESPACE name(T) opt_nowait(N).
    { A = MK(AlterTableMoveAllStmt, .from = F.str, .kind = AST_OBJECT_MATVIEW, .roles = O, .to = T.str, .nowait = N); }
alter_table_stmt(A) ::= ALTER FOREIGN TABLE opt_if_exists(I) relation_expr(R) alter_table_cmds(L).
    { A = MK(AlterTableStmt, .rel = R, .cmds = L, .kind = AST_OBJECT_FOREIGN_TABLE, .missing_ok = I); }
%type opt_owned_by {AstList}
opt_owned_by(A) ::= OWNED BY role_list(L).        { A = L; }
opt_owned_by(A) ::= .                             { A = NONE_LIST; }
%type opt_nowait {bool}
opt_nowait(A) ::= NOWAIT.                         { A = true; }
opt_nowait(A) ::= .                               { A = false; }
%type role_list {AstList}
role_list(A) ::= role_spec(E).                    { A = L1(E); }
role_list(A) ::= role_list(A) COMMA role_spec(E). { A = PUSH(A, E); }
%type alter_table_cmds {AstList}
alter_table_cmds(A) ::= alter_table_cmd(E).       { A = L1(E); }
alter_table_cmds(A) ::= alter_table_cmds(A) COMMA alter_table_cmd(E). { A = PUSH(A, E); }

partition_cmd(A) ::= ATTACH(T) PARTITION qualified_name(R) partition_bound_spec(B).
    { A = MK(AlterTableCmd, .kind = AST_AT_ATTACH_PARTITION, .def = MK(PartitionCmd, .rel = R, .bound = B), .loc = T.loc); }
partition_cmd(A) ::= DETACH(T) PARTITION qualified_name(R) opt_concurrently(C).
    { A = MK(AlterTableCmd, .kind = AST_AT_DETACH_PARTITION, .def = MK(PartitionCmd, .rel = R, .concurrent = C), .loc = T.loc); }
partition_cmd(A) ::= DETACH(T) PARTITION qualified_name(R) FINALIZE.
    { A = MK(AlterTableCmd, .kind = AST_AT_DETACH_PARTITION_FINALIZE, .def = MK(PartitionCmd, .rel = R), .loc = T.loc); }

alter_table_cmd(A) ::= ADD(T) opt_column opt_if_not_exists(I) column_def(D).
    { A = MK(AlterTableCmd, .kind = AST_AT_ADD_COLUMN, .def = D, .missing_ok = I, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) alter_column_default(E).
    { A = MK(AlterTableCmd, .kind = AST_AT_COLUMN_DEFAULT, .name = N.str, .def = E, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) DROP NOT NULL.
    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_NOT_NULL, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) SET NOT NULL.
    { A = MK(AlterTableCmd, .kind = AST_AT_SET_NOT_NULL, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) DROP EXPRESSION opt_if_exists(I).
    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_EXPRESSION, .name = N.str, .missing_ok = I, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) SET STATISTICS numeric_only(V).
    { A = MK(AlterTableCmd, .kind = AST_AT_SET_STATISTICS, .name = N.str, .def = V, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column ICONST(N) SET STATISTICS numeric_only(V).
    { A = MK(AlterTableCmd, .kind = AST_AT_SET_STATISTICS, .number = pc_int(pc, N), .def = V, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) SET reloptions(O).
    { A = MK(AlterTableCmd, .kind = AST_AT_SET_OPTIONS, .name = N.str, .options = O, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) RESET reloptions(O).
    { A = MK(AlterTableCmd, .kind = AST_AT_RESET_OPTIONS, .name = N.str, .options = O, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) SET STORAGE col_id(S).
    { A = MK(AlterTableCmd, .kind = AST_AT_SET_STORAGE, .name = N.str, .def = STR(S), .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) SET COMPRESSION col_id(S).
    { A = MK(AlterTableCmd, .kind = AST_AT_SET_COMPRESSION, .name = N.str, .def = STR(S), .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) SET COMPRESSION DEFAULT(S).
    { A = MK(AlterTableCmd, .kind = AST_AT_SET_COMPRESSION, .name = N.str, .def = STR(S), .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) ADD GENERATED(G) generated_when(W) AS IDENTITY opt_parenthesized_seq_options(O).
    { A = MK(AlterTableCmd, .kind = AST_AT_ADD_IDENTITY, .name = N.str, .def = MK(Constraint, .kind = AST_CONSTR_IDENTITY,
             .generated_when = W, .options = O, .loc = G.loc), .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) alter_identity_column_option_list(L).
    { A = MK(AlterTableCmd, .kind = AST_AT_SET_IDENTITY, .name = N.str, .options = L, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) DROP IDENTITY opt_if_exists(I).
    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_IDENTITY, .name = N.str, .missing_ok = I, .loc = T.loc); }
alter_table_cmd(A) ::= DROP(T) opt_column IF EXISTS col_id(N) opt_drop_behavior(B).
    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_COLUMN, .name = N.str, .behavior = B, .missing_ok = true, .loc = T.loc); }
alter_table_cmd(A) ::= DROP(T) opt_column col_id(N) opt_drop_behavior(B).
    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_COLUMN, .name = N.str, .behavior = B, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) opt_set_data TYPE typename(Y) opt_collate_clause(C) alter_using(U).
    { A = MK(AlterTableCmd, .kind = AST_AT_ALTER_COLUMN_TYPE, .name = N.str, .def = pc_alter_type(pc, N, Y, C, U), .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) opt_column col_id(N) alter_generic_options(O).
    { A = MK(AlterTableCmd, .kind = AST_AT_ALTER_COLUMN_GENERIC_OPTIONS, .name = N.str, .options = O, .loc = T.loc); }
alter_table_cmd(A) ::= ADD(T) table_constraint(C).
    { A = MK(AlterTableCmd, .kind = AST_AT_ADD_CONSTRAINT, .def = C, .loc = T.loc); }
alter_table_cmd(A) ::= ALTER(T) CONSTRAINT name(N) constraint_attribute_spec(S).
    { A = MK(AlterTableCmd, .kind = AST_AT_ALTER_CONSTRAINT, .name = N.str, .def = pc_constraint_attrs(pc, MK(Constraint,
             .kind = AST_CONSTR_FOREIGN, .name = N.str, .loc = T.loc), S, "ALTER CONSTRAINT statement", ATTR_DEFERRING), .loc = T.loc); }
alter_table_cmd(A) ::= VALIDATE(T) CONSTRAINT name(N).
    { A = MK(AlterTableCmd, .kind = AST_AT_VALIDATE_CONSTRAINT, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= DROP(T) CONSTRAINT IF EXISTS name(N) opt_drop_behavior(B).
    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_CONSTRAINT, .name = N.str, .behavior = B, .missing_ok = true, .loc = T.loc); }
alter_table_cmd(A) ::= DROP(T) CONSTRAINT name(N) opt_drop_behavior(B).
    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_CONSTRAINT, .name = N.str, .behavior = B, .loc = T.loc); }
alter_table_cmd(A) ::= SET(T) WITHOUT OIDS.       { A = MK(AlterTableCmd, .kind = AST_AT_DROP_OIDS, .loc = T.loc); }
alter_table_cmd(A) ::= CLUSTER(T) ON name(N).     { A = MK(AlterTableCmd, .kind = AST_AT_CLUSTER_ON, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= SET(T) WITHOUT CLUSTER.    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_CLUSTER, .loc = T.loc); }
alter_table_cmd(A) ::= SET(T) LOGGED.             { A = MK(AlterTableCmd, .kind = AST_AT_SET_LOGGED, .loc = T.loc); }
alter_table_cmd(A) ::= SET(T) UNLOGGED.           { A = MK(AlterTableCmd, .kind = AST_AT_SET_UNLOGGED, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) TRIGGER name(N). { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_TRIG, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) ALWAYS TRIGGER name(N). { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_ALWAYS_TRIG, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) REPLICA TRIGGER name(N). { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_REPLICA_TRIG, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) TRIGGER ALL.     { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_TRIG_ALL, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) TRIGGER USER.    { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_TRIG_USER, .loc = T.loc); }
alter_table_cmd(A) ::= DISABLE(T) TRIGGER name(N). { A = MK(AlterTableCmd, .kind = AST_AT_DISABLE_TRIG, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= DISABLE(T) TRIGGER ALL.    { A = MK(AlterTableCmd, .kind = AST_AT_DISABLE_TRIG_ALL, .loc = T.loc); }
alter_table_cmd(A) ::= DISABLE(T) TRIGGER USER.   { A = MK(AlterTableCmd, .kind = AST_AT_DISABLE_TRIG_USER, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) RULE name(N).    { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_RULE, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) ALWAYS RULE name(N). { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_ALWAYS_RULE, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) REPLICA RULE name(N). { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_REPLICA_RULE, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= DISABLE(T) RULE name(N).   { A = MK(AlterTableCmd, .kind = AST_AT_DISABLE_RULE, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= INHERIT(T) qualified_name(R). { A = MK(AlterTableCmd, .kind = AST_AT_ADD_INHERIT, .def = R, .loc = T.loc); }
alter_table_cmd(A) ::= NO(T) INHERIT qualified_name(R). { A = MK(AlterTableCmd, .kind = AST_AT_DROP_INHERIT, .def = R, .loc = T.loc); }
alter_table_cmd(A) ::= OF(T) any_name(N).
    { A = MK(AlterTableCmd, .kind = AST_AT_ADD_OF, .def = MK(TypeName, .names = N, .loc = pc_loc(N)), .loc = T.loc); }
alter_table_cmd(A) ::= NOT(T) OF.                 { A = MK(AlterTableCmd, .kind = AST_AT_DROP_OF, .loc = T.loc); }
alter_table_cmd(A) ::= OWNER(T) TO role_spec(R).  { A = MK(AlterTableCmd, .kind = AST_AT_CHANGE_OWNER, .new_owner = R, .loc = T.loc); }
alter_table_cmd(A) ::= SET(T) ACCESS METHOD name(N). { A = MK(AlterTableCmd, .kind = AST_AT_SET_ACCESS_METHOD, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= SET(T) TABLESPACE name(N). { A = MK(AlterTableCmd, .kind = AST_AT_SET_TABLESPACE, .name = N.str, .loc = T.loc); }
alter_table_cmd(A) ::= SET(T) reloptions(O).      { A = MK(AlterTableCmd, .kind = AST_AT_SET_RELOPTIONS, .options = O, .loc = T.loc); }
alter_table_cmd(A) ::= RESET(T) reloptions(O).    { A = MK(AlterTableCmd, .kind = AST_AT_RESET_RELOPTIONS, .options = O, .loc = T.loc); }
alter_table_cmd(A) ::= REPLICA(T) IDENTITY replica_identity(R).
    { A = MK(AlterTableCmd, .kind = AST_AT_REPLICA_IDENTITY, .def = R, .loc = T.loc); }
alter_table_cmd(A) ::= ENABLE(T) ROW LEVEL SECURITY. { A = MK(AlterTableCmd, .kind = AST_AT_ENABLE_ROW_SECURITY, .loc = T.loc); }
alter_table_cmd(A) ::= DISABLE(T) ROW LEVEL SECURITY. { A = MK(AlterTableCmd, .kind = AST_AT_DISABLE_ROW_SECURITY, .loc = T.loc); }
alter_table_cmd(A) ::= FORCE(T) ROW LEVEL SECURITY. { A = MK(AlterTableCmd, .kind = AST_AT_FORCE_ROW_SECURITY, .loc = T.loc); }
alter_table_cmd(A) ::= NO(T) FORCE ROW LEVEL SECURITY. { A = MK(AlterTableCmd, .kind = AST_AT_NO_FORCE_ROW_SECURITY, .loc = T.loc); }
alter_table_cmd(A) ::= alter_generic_options(O).  { A = MK(AlterTableCmd, .kind = AST_AT_GENERIC_OPTIONS, .options = O); }
opt_column ::= COLUMN.
opt_column ::= .
opt_set_data ::= SET DATA.
opt_set_data ::= .
alter_column_default(A) ::= SET DEFAULT a_expr(E). { A = E; }
alter_column_default(A) ::= DROP DEFAULT.         { A = NULL; }
alter_using(A) ::= USING a_expr(E).               { A = E; }
alter_using(A) ::= .                              { A = NULL; }
replica_identity(A) ::= NOTHING.                  { A = MK(ReplicaIdentityStmt, .identity_kind = 'n'); }
replica_identity(A) ::= FULL.                     { A = MK(ReplicaIdentityStmt, .identity_kind = 'f'); }
replica_identity(A) ::= DEFAULT.                  { A = MK(ReplicaIdentityStmt, .identity_kind = 'd'); }
replica_identity(A) ::= USING INDEX name(N).      { A = MK(ReplicaIdentityStmt, .identity_kind = 'i', .name = N.str); }
%type alter_identity_column_option_list {AstList}
alter_identity_column_option_list(A) ::= alter_identity_column_option(E). { A = L1(E); }
alter_identity_column_option_list(A) ::= alter_identity_column_option_list(A) alter_identity_column_option(E). { A = PUSH(A, E); }
alter_identity_column_option(A) ::= RESTART(T).   { A = DEF("restart", NULL, T.loc); }
alter_identity_column_option(A) ::= RESTART(T) opt_with_word numeric_only(N). { A = DEF("restart", N, T.loc); }
alter_identity_column_option(A) ::= SET seq_opt_elem(E). { A = E; }
alter_identity_column_option(A) ::= SET GENERATED(T) generated_when(W). { A = DEF("generated", pc_int_value(pc, W, T.loc), T.loc); }
%type alter_generic_options {AstList}
alter_generic_options(A) ::= OPTIONS LP alter_generic_option_list(L) RP. { A = L; }
%type alter_generic_option_list {AstList}
alter_generic_option_list(A) ::= alter_generic_option_elem(E). { A = L1(E); }
alter_generic_option_list(A) ::= alter_generic_option_list(A) COMMA alter_generic_option_elem(E). { A = PUSH(A, E); }
alter_generic_option_elem ::= generic_option_elem.
alter_generic_option_elem(A) ::= SET(T) col_label(N) SCONST(V).
    { A = MK(DefElem, .name = N.str, .arg = STR(V), .action = AST_DEFELEM_SET, .loc = T.loc); }
alter_generic_option_elem(A) ::= ADD(T) col_label(N) SCONST(V).
    { A = MK(DefElem, .name = N.str, .arg = STR(V), .action = AST_DEFELEM_ADD, .loc = T.loc); }
alter_generic_option_elem(A) ::= DROP(T) col_label(N).
    { A = MK(DefElem, .name = N.str, .action = AST_DEFELEM_DROP, .loc = T.loc); }

// ALTER TYPE ... on composite types.
alter_table_stmt(A) ::= ALTER TYPE any_name(N) alter_type_cmds(L).
    { A = MK(AlterTableStmt, .rel = pc_range_var_names(pc, N), .cmds = L, .kind = AST_OBJECT_TYPE); }
%type alter_type_cmds {AstList}
alter_type_cmds(A) ::= alter_type_cmd(E).         { A = L1(E); }
alter_type_cmds(A) ::= alter_type_cmds(A) COMMA alter_type_cmd(E). { A = PUSH(A, E); }
alter_type_cmd(A) ::= ADD(T) ATTRIBUTE table_func_element(D) opt_drop_behavior(B).
    { A = MK(AlterTableCmd, .kind = AST_AT_ADD_COLUMN, .def = D, .behavior = B, .loc = T.loc); }
alter_type_cmd(A) ::= DROP(T) ATTRIBUTE opt_if_exists(I) col_id(N) opt_drop_behavior(B).
    { A = MK(AlterTableCmd, .kind = AST_AT_DROP_COLUMN, .name = N.str, .behavior = B, .missing_ok = I, .loc = T.loc); }
alter_type_cmd(A) ::= ALTER(T) ATTRIBUTE col_id(N) opt_set_data TYPE typename(Y) opt_collate_clause(C) opt_drop_behavior(B).
    { A = MK(AlterTableCmd, .kind = AST_AT_ALTER_COLUMN_TYPE, .name = N.str, .def = pc_alter_type(pc, N, Y, C, NULL), .behavior = B,
             .loc = T.loc); }

// ---- materialized views, cursors, LOCK, other utilities ----

create_mat_view_stmt(A) ::= CREATE opt_no_log(U) MATERIALIZED VIEW opt_if_not_exists(I) create_mv_target(T) AS(K) select_stmt(S)
                          text_end(E) opt_with_data(D).
    { A = pc_create_matview(pc_create_as(pc, T, U, S, D, I), pc_source_text(pc, K.loc + 2, E)); }
%type opt_no_log {AstRelPersistence}
opt_no_log(A) ::= UNLOGGED.                       { A = AST_REL_UNLOGGED; }
opt_no_log(A) ::= .                               { A = AST_REL_PERMANENT; }
create_mv_target(A) ::= qualified_name(R) opt_column_list(C) opt_access_method(M) opt_reloptions(O) opt_tablespace(T).
    { A = MK(IntoClause, .rel = R, .columns = C, .access_method = M, .options = O, .tablespace = T); }
refresh_mat_view_stmt(A) ::= REFRESH MATERIALIZED VIEW opt_concurrently(C) qualified_name(R) opt_with_data(D).
    { A = MK(RefreshMatViewStmt, .rel = R, .concurrent = C, .skip_data = !D); }

declare_cursor_stmt(A) ::= DECLARE name(N) cursor_options(O) CURSOR opt_hold(H) FOR select_stmt(S).
    { A = pc_cursor(pc, N.str, O, H, S); }
// BINARY, SCROLL, NO SCROLL, INSENSITIVE, ASENSITIVE as DefElem.
%type cursor_options {AstList}
cursor_options(A) ::= .                           { A = NONE_LIST; }
cursor_options(A) ::= cursor_options(A) NO(T) SCROLL. { A = PUSH(A, DEF("no scroll", NULL, T.loc)); }
cursor_options(A) ::= cursor_options(A) SCROLL(T). { A = PUSH(A, DEF("scroll", NULL, T.loc)); }
cursor_options(A) ::= cursor_options(A) BINARY(T). { A = PUSH(A, DEF("binary", NULL, T.loc)); }
cursor_options(A) ::= cursor_options(A) ASENSITIVE(T). { A = PUSH(A, DEF("asensitive", NULL, T.loc)); }
cursor_options(A) ::= cursor_options(A) INSENSITIVE(T). { A = PUSH(A, DEF("insensitive", NULL, T.loc)); }
%type opt_hold {bool}
opt_hold(A) ::= WITH HOLD.                        { A = true; }
opt_hold(A) ::= WITHOUT HOLD.                     { A = false; }
opt_hold(A) ::= .                                 { A = false; }
fetch_stmt(A) ::= FETCH fetch_args(F).            { A = F; }
fetch_stmt(A) ::= MOVE fetch_args(F).             { A = F; if (F != NULL) ((FetchStmt *)F)->is_move = true; }
fetch_args(A) ::= name(N).                        { A = MK(FetchStmt, .count = 1, .cursor = N.str); }
fetch_args(A) ::= from_in name(N).                { A = MK(FetchStmt, .count = 1, .cursor = N.str); }
fetch_args(A) ::= NEXT opt_from_in name(N).       { A = MK(FetchStmt, .count = 1, .cursor = N.str); }
fetch_args(A) ::= PRIOR opt_from_in name(N).      { A = MK(FetchStmt, .direction = AST_FETCH_BACKWARD, .count = 1, .cursor = N.str); }
fetch_args(A) ::= FIRST opt_from_in name(N).      { A = MK(FetchStmt, .direction = AST_FETCH_ABSOLUTE, .count = 1, .cursor = N.str); }
fetch_args(A) ::= LAST opt_from_in name(N).       { A = MK(FetchStmt, .direction = AST_FETCH_ABSOLUTE, .count = -1, .cursor = N.str); }
fetch_args(A) ::= ABSOLUTE signed_iconst(C) opt_from_in name(N).
    { A = MK(FetchStmt, .direction = AST_FETCH_ABSOLUTE, .count = C, .cursor = N.str); }
fetch_args(A) ::= RELATIVE signed_iconst(C) opt_from_in name(N).
    { A = MK(FetchStmt, .direction = AST_FETCH_RELATIVE, .count = C, .cursor = N.str); }
fetch_args(A) ::= signed_iconst(C) opt_from_in name(N). { A = MK(FetchStmt, .count = C, .cursor = N.str); }
fetch_args(A) ::= ALL opt_from_in name(N).        { A = MK(FetchStmt, .count = INT64_MAX, .cursor = N.str); }
fetch_args(A) ::= FORWARD opt_from_in name(N).    { A = MK(FetchStmt, .count = 1, .cursor = N.str); }
fetch_args(A) ::= FORWARD signed_iconst(C) opt_from_in name(N). { A = MK(FetchStmt, .count = C, .cursor = N.str); }
fetch_args(A) ::= FORWARD ALL opt_from_in name(N). { A = MK(FetchStmt, .count = INT64_MAX, .cursor = N.str); }
fetch_args(A) ::= BACKWARD opt_from_in name(N).   { A = MK(FetchStmt, .direction = AST_FETCH_BACKWARD, .count = 1, .cursor = N.str); }
fetch_args(A) ::= BACKWARD signed_iconst(C) opt_from_in name(N).
    { A = MK(FetchStmt, .direction = AST_FETCH_BACKWARD, .count = C, .cursor = N.str); }
fetch_args(A) ::= BACKWARD ALL opt_from_in name(N).
    { A = MK(FetchStmt, .direction = AST_FETCH_BACKWARD, .count = INT64_MAX, .cursor = N.str); }
from_in ::= FROM.
from_in ::= IN.
opt_from_in ::= from_in.
opt_from_in ::= .
%type signed_iconst {int}
signed_iconst(A) ::= ICONST(T).                   { A = pc_int(pc, T); }
signed_iconst(A) ::= PLUS ICONST(T).              { A = pc_int(pc, T); }
signed_iconst(A) ::= MINUS ICONST(T).             { A = -pc_int(pc, T); }
close_portal_stmt(A) ::= CLOSE name(N).           { A = MK(ClosePortalStmt, .name = N.str); }
close_portal_stmt(A) ::= CLOSE ALL.               { A = MK(ClosePortalStmt, .name = NULL); }

lock_stmt(A) ::= LOCK opt_table relation_expr_list(L) opt_lock(M) opt_nowait(N). { A = MK(LockStmt, .rels = L, .mode = M, .nowait = N); }
%type opt_lock {int}
opt_lock(A) ::= IN lock_type(M) MODE.             { A = M; }
opt_lock(A) ::= .                                 { A = 8; }
%type lock_type {int}
lock_type(A) ::= ACCESS SHARE.                    { A = 1; }
lock_type(A) ::= ROW SHARE.                       { A = 2; }
lock_type(A) ::= ROW EXCLUSIVE.                   { A = 3; }
lock_type(A) ::= SHARE UPDATE EXCLUSIVE.          { A = 4; }
lock_type(A) ::= SHARE.                           { A = 5; }
lock_type(A) ::= SHARE ROW EXCLUSIVE.             { A = 6; }
lock_type(A) ::= EXCLUSIVE.                       { A = 7; }
lock_type(A) ::= ACCESS EXCLUSIVE.                { A = 8; }
constraints_set_stmt(A) ::= SET CONSTRAINTS ALL constraints_set_mode(M). { A = MK(ConstraintsSetStmt, .deferred = M); }
constraints_set_stmt(A) ::= SET CONSTRAINTS qualified_name_list(L) constraints_set_mode(M).
    { A = MK(ConstraintsSetStmt, .constraints = L, .deferred = M); }
%type constraints_set_mode {bool}
constraints_set_mode(A) ::= DEFERRED.             { A = true; }
constraints_set_mode(A) ::= IMMEDIATE.            { A = false; }
discard_stmt(A) ::= DISCARD ALL.                  { A = MK(DiscardStmt, .kind = AST_DISCARD_ALL); }
discard_stmt(A) ::= DISCARD TEMPORARY.       { A = MK(DiscardStmt, .kind = AST_DISCARD_TEMP); }
discard_stmt(A) ::= DISCARD TEMP.       { A = MK(DiscardStmt, .kind = AST_DISCARD_TEMP); }
discard_stmt(A) ::= DISCARD PLANS.                { A = MK(DiscardStmt, .kind = AST_DISCARD_PLANS); }
discard_stmt(A) ::= DISCARD SEQUENCES.            { A = MK(DiscardStmt, .kind = AST_DISCARD_SEQUENCES); }
checkpoint_stmt(A) ::= CHECKPOINT.                { A = MK(CheckPointStmt, .unused = 0); }
load_stmt(A) ::= LOAD SCONST(F).                  { A = MK(LoadStmt, .filename = F.str); }
notify_stmt(A) ::= NOTIFY col_id(N).              { A = MK(NotifyStmt, .channel = N.str); }
notify_stmt(A) ::= NOTIFY col_id(N) COMMA SCONST(P). { A = MK(NotifyStmt, .channel = N.str, .payload = P.str); }
listen_stmt(A) ::= LISTEN col_id(N).              { A = MK(ListenStmt, .channel = N.str); }
unlisten_stmt(A) ::= UNLISTEN col_id(N).          { A = MK(UnlistenStmt, .channel = N.str); }
unlisten_stmt(A) ::= UNLISTEN STAR.               { A = MK(UnlistenStmt, .channel = NULL); }
cluster_stmt(A) ::= CLUSTER opt_verbose(V) qualified_name(R) cluster_index(I).
    { A = MK(ClusterStmt, .rel = R, .index_name = I, .params = pc_flags(pc, NONE_LIST, V, "verbose")); }
cluster_stmt(A) ::= CLUSTER LP utility_option_list(L) RP qualified_name(R) cluster_index(I).
    { A = MK(ClusterStmt, .rel = R, .index_name = I, .params = L); }
cluster_stmt(A) ::= CLUSTER opt_verbose(V).       { A = MK(ClusterStmt, .params = pc_flags(pc, NONE_LIST, V, "verbose")); }
cluster_stmt(A) ::= CLUSTER opt_verbose(V) name(I) ON qualified_name(R).
    { A = MK(ClusterStmt, .rel = R, .index_name = I.str, .params = pc_flags(pc, NONE_LIST, V, "verbose")); }
%type cluster_index {const char *}
cluster_index(A) ::= USING name(N).               { A = N.str; }
cluster_index(A) ::= .                            { A = NULL; }
reindex_stmt(A) ::= REINDEX reindex_options(O) INDEX opt_concurrently(C) qualified_name(R).
    { A = pc_reindex(pc, AST_REINDEX_INDEX, R, NULL, O, C); }
reindex_stmt(A) ::= REINDEX reindex_options(O) TABLE opt_concurrently(C) qualified_name(R).
    { A = pc_reindex(pc, AST_REINDEX_TABLE, R, NULL, O, C); }
reindex_stmt(A) ::= REINDEX reindex_options(O) SCHEMA opt_concurrently(C) name(N). { A = pc_reindex(pc, AST_REINDEX_SCHEMA, NULL, N.str, O, C); }
reindex_stmt(A) ::= REINDEX reindex_options(O) SYSTEM opt_concurrently(C) opt_single_name(N).
    { A = pc_reindex(pc, AST_REINDEX_SYSTEM, NULL, N, O, C); }
reindex_stmt(A) ::= REINDEX reindex_options(O) DATABASE opt_concurrently(C) opt_single_name(N).
    { A = pc_reindex(pc, AST_REINDEX_DATABASE, NULL, N, O, C); }
%type reindex_options {AstList}
reindex_options(A) ::= LP utility_option_list(L) RP. { A = L; }
reindex_options(A) ::= .                          { A = NONE_LIST; }
alter_system_stmt(A) ::= ALTER SYSTEM SET generic_set(S). { A = MK(AlterSystemStmt, .set = S); }
alter_system_stmt(A) ::= ALTER SYSTEM RESET(T) reset_rest(N).
    { A = MK(AlterSystemStmt, .set = pc_reset(pc, N, T.loc)); }

// ---- types and domains ----

define_stmt(A) ::= CREATE opt_or_replace(R) AGGREGATE func_name(N) aggr_args(G) definition(D).
    { A = MK(DefineStmt, .kind = AST_OBJECT_AGGREGATE, .replace = R, .name = N, .args = G, .definition = D); }
define_stmt(A) ::= CREATE opt_or_replace(R) AGGREGATE func_name(N) LP old_aggr_list(D) RP.
    { A = MK(DefineStmt, .kind = AST_OBJECT_AGGREGATE, .old_style = true, .replace = R, .name = N, .definition = D); }
define_stmt(A) ::= CREATE OPERATOR any_operator(N) definition(D). { A = MK(DefineStmt, .kind = AST_OBJECT_OPERATOR, .name = N, .definition = D); }
define_stmt(A) ::= CREATE TYPE any_name(N) definition(D). { A = MK(DefineStmt, .kind = AST_OBJECT_TYPE, .name = N, .definition = D); }
define_stmt(A) ::= CREATE TYPE any_name(N).       { A = MK(DefineStmt, .kind = AST_OBJECT_TYPE, .name = N); }
define_stmt(A) ::= CREATE TYPE any_name(N) AS LP RP. { A = MK(CompositeTypeStmt, .name = N); }
define_stmt(A) ::= CREATE TYPE any_name(N) AS LP table_func_element_list(L) RP. { A = MK(CompositeTypeStmt, .name = N, .columns = L); }
define_stmt(A) ::= CREATE TYPE any_name(N) AS ENUM LP RP. { A = MK(CreateEnumStmt, .name = N); }
define_stmt(A) ::= CREATE TYPE any_name(N) AS ENUM LP enum_val_list(L) RP. { A = MK(CreateEnumStmt, .name = N, .values = L); }
define_stmt(A) ::= CREATE TYPE any_name(N) AS RANGE definition(D). { A = MK(CreateRangeStmt, .name = N, .params = D); }
define_stmt(A) ::= CREATE TEXT SEARCH PARSER any_name(N) definition(D). { A = MK(DefineStmt, .kind = AST_OBJECT_TSPARSER, .name = N, .definition = D); }
define_stmt(A) ::= CREATE TEXT SEARCH DICTIONARY any_name(N) definition(D). { A = MK(DefineStmt, .kind = AST_OBJECT_TSDICTIONARY, .name = N, .definition = D); }
define_stmt(A) ::= CREATE TEXT SEARCH TEMPLATE any_name(N) definition(D). { A = MK(DefineStmt, .kind = AST_OBJECT_TSTEMPLATE, .name = N, .definition = D); }
define_stmt(A) ::= CREATE TEXT SEARCH CONFIGURATION any_name(N) definition(D).
    { A = MK(DefineStmt, .kind = AST_OBJECT_TSCONFIGURATION, .name = N, .definition = D); }
define_stmt(A) ::= CREATE COLLATION opt_if_not_exists(I) any_name(N) definition(D).
    { A = MK(DefineStmt, .kind = AST_OBJECT_COLLATION, .name = N, .definition = D, .if_not_exists = I); }
define_stmt(A) ::= CREATE COLLATION opt_if_not_exists(I) any_name(N) FROM(T) any_name(F).
    { A = MK(DefineStmt, .kind = AST_OBJECT_COLLATION, .name = N, .definition = L1(DEF("from", MK(ListNode, .items = F, .loc = pc_loc(F)), T.loc)),
             .if_not_exists = I); }
%type opt_or_replace {bool}
opt_or_replace(A) ::= OR REPLACE.                 { A = true; }
opt_or_replace(A) ::= .                           { A = false; }
%type enum_val_list {AstList}
enum_val_list(A) ::= SCONST(T).                   { A = L1(STR(T)); }
enum_val_list(A) ::= enum_val_list(A) COMMA SCONST(T). { A = PUSH(A, STR(T)); }
// FunctionParameter; after ORDER BY a ListNode of them. `*`: an A_Star.
%type aggr_args {AstList}
aggr_args(A) ::= LP STAR(T) RP.                   { A = L1(MK(A_Star, .loc = T.loc)); }
aggr_args(A) ::= LP aggr_args_list(L) RP.         { A = L; }
aggr_args(A) ::= LP ORDER(T) BY aggr_args_list(L) RP. { A = L1(MK(ListNode, .items = L, .loc = T.loc)); }
aggr_args(A) ::= LP aggr_args_list(L) ORDER(T) BY aggr_args_list(O) RP. { A = PUSH(L, MK(ListNode, .items = O, .loc = T.loc)); }
%type aggr_args_list {AstList}
aggr_args_list(A) ::= func_arg(E).                { A = L1(E); }
aggr_args_list(A) ::= aggr_args_list(A) COMMA func_arg(E). { A = PUSH(A, E); }
%type old_aggr_list {AstList}
old_aggr_list(A) ::= old_aggr_elem(E).            { A = L1(E); }
old_aggr_list(A) ::= old_aggr_list(A) COMMA old_aggr_elem(E). { A = PUSH(A, E); }
old_aggr_elem(A) ::= IDENT(N) EQ def_arg(V).      { A = DEF(pc_no_keyword(pc, N).str, V, N.loc); }
alter_enum_stmt(A) ::= ALTER TYPE any_name(N) ADD VALUE opt_if_not_exists(I) SCONST(V).
    { A = MK(AlterEnumStmt, .name = N, .new_value = V.str, .after = true, .if_not_exists = I); }
alter_enum_stmt(A) ::= ALTER TYPE any_name(N) ADD VALUE opt_if_not_exists(I) SCONST(V) BEFORE SCONST(B).
    { A = MK(AlterEnumStmt, .name = N, .new_value = V.str, .neighbor = B.str, .if_not_exists = I); }
alter_enum_stmt(A) ::= ALTER TYPE any_name(N) ADD VALUE opt_if_not_exists(I) SCONST(V) AFTER SCONST(B).
    { A = MK(AlterEnumStmt, .name = N, .new_value = V.str, .neighbor = B.str, .after = true, .if_not_exists = I); }
alter_enum_stmt(A) ::= ALTER TYPE any_name(N) RENAME VALUE SCONST(O) TO SCONST(V).
    { A = MK(AlterEnumStmt, .name = N, .old_value = O.str, .new_value = V.str); }
alter_type_stmt(A) ::= ALTER TYPE any_name(N) SET LP operator_def_list(L) RP. { A = MK(AlterTypeStmt, .name = N, .options = L); }

create_domain_stmt(A) ::= CREATE DOMAIN any_name(N) opt_as typename(T) col_qual_list(Q).
    { A = pc_domain(pc, N, T, Q); }
alter_domain_stmt(A) ::= ALTER DOMAIN any_name(N) alter_column_default(E).
    { A = MK(AlterDomainStmt, .action = E != NULL ? "set default" : "drop default", .name = N, .def = E); }
alter_domain_stmt(A) ::= ALTER DOMAIN any_name(N) DROP NOT NULL. { A = MK(AlterDomainStmt, .action = "drop not null", .name = N); }
alter_domain_stmt(A) ::= ALTER DOMAIN any_name(N) SET NOT NULL. { A = MK(AlterDomainStmt, .action = "set not null", .name = N); }
alter_domain_stmt(A) ::= ALTER DOMAIN any_name(N) ADD table_constraint(C). { A = MK(AlterDomainStmt, .action = "add constraint", .name = N, .def = C); }
alter_domain_stmt(A) ::= ALTER DOMAIN any_name(N) DROP CONSTRAINT opt_if_exists(I) name(C) opt_drop_behavior(B).
    { A = MK(AlterDomainStmt, .action = "drop constraint", .name = N, .constraint = C.str, .behavior = B, .missing_ok = I); }
alter_domain_stmt(A) ::= ALTER DOMAIN any_name(N) VALIDATE CONSTRAINT name(C).
    { A = MK(AlterDomainStmt, .action = "validate constraint", .name = N, .constraint = C.str); }

// ---- functions ----

create_function_stmt(A) ::= CREATE opt_or_replace(R) FUNCTION func_name(N) func_args_with_defaults(P) RETURNS func_type(T)
                            opt_createfunc_opt_list(O) opt_routine_body(B).
    { A = MK(CreateFunctionStmt, .replace = R, .name = N, .params = P, .return_type = T, .options = O, .sql_body = B); }
create_function_stmt(A) ::= CREATE opt_or_replace(R) FUNCTION func_name(N) func_args_with_defaults(P) RETURNS TABLE(T)
                            LP table_func_column_list(C) RP opt_createfunc_opt_list(O) opt_routine_body(B).
    { A = pc_function_table(pc, MK(CreateFunctionStmt, .replace = R, .name = N, .params = P, .options = O, .sql_body = B), C, T.loc); }
create_function_stmt(A) ::= CREATE opt_or_replace(R) FUNCTION func_name(N) func_args_with_defaults(P)
                            opt_createfunc_opt_list(O) opt_routine_body(B).
    { A = MK(CreateFunctionStmt, .replace = R, .name = N, .params = P, .options = O, .sql_body = B); }
create_function_stmt(A) ::= CREATE opt_or_replace(R) PROCEDURE func_name(N) func_args_with_defaults(P)
                            opt_createfunc_opt_list(O) opt_routine_body(B).
    { A = MK(CreateFunctionStmt, .is_procedure = true, .replace = R, .name = N, .params = P, .options = O, .sql_body = B); }
%type func_args {AstList}
func_args(A) ::= LP func_args_list(L) RP.         { A = L; }
func_args(A) ::= LP RP.                           { A = NONE_LIST; }
%type func_args_list {AstList}
func_args_list(A) ::= func_arg(E).                { A = L1(E); }
func_args_list(A) ::= func_args_list(A) COMMA func_arg(E). { A = PUSH(A, E); }
%type func_args_with_defaults {AstList}
func_args_with_defaults(A) ::= LP func_args_with_defaults_list(L) RP. { A = L; }
func_args_with_defaults(A) ::= LP RP.             { A = NONE_LIST; }
%type func_args_with_defaults_list {AstList}
func_args_with_defaults_list(A) ::= func_arg_with_default(E). { A = L1(E); }
func_args_with_defaults_list(A) ::= func_args_with_defaults_list(A) COMMA func_arg_with_default(E). { A = PUSH(A, E); }
func_arg_with_default ::= func_arg.
func_arg_with_default(A) ::= func_arg(A) DEFAULT a_expr(E). { if (A != NULL) ((FunctionParameter *)A)->default_value = E; }
func_arg_with_default(A) ::= func_arg(A) EQ a_expr(E). { if (A != NULL) ((FunctionParameter *)A)->default_value = E; }
func_arg(A) ::= arg_class(M) type_function_name(N) func_type(T).
    { A = MK(FunctionParameter, .name = N.str, .type = T, .mode = M, .loc = N.loc); }
func_arg(A) ::= type_function_name(N) arg_class(M) func_type(T).
    { A = MK(FunctionParameter, .name = N.str, .type = T, .mode = M, .loc = N.loc); }
func_arg(A) ::= type_function_name(N) func_type(T). { A = MK(FunctionParameter, .name = N.str, .type = T, .loc = N.loc); }
func_arg(A) ::= arg_class(M) func_type(T).        { A = MK(FunctionParameter, .type = T, .mode = M, .loc = ast_location(T)); }
func_arg(A) ::= func_type(T).                     { A = MK(FunctionParameter, .type = T, .loc = ast_location(T)); }
%type arg_class {AstParamMode}
arg_class(A) ::= IN.                              { A = AST_PARAM_IN; }
arg_class(A) ::= OUT.                             { A = AST_PARAM_OUT; }
arg_class(A) ::= INOUT.                           { A = AST_PARAM_INOUT; }
arg_class(A) ::= IN OUT.                          { A = AST_PARAM_INOUT; }
arg_class(A) ::= VARIADIC.                        { A = AST_PARAM_VARIADIC; }
%type table_func_column_list {AstList}
table_func_column_list(A) ::= table_func_column(E). { A = L1(E); }
table_func_column_list(A) ::= table_func_column_list(A) COMMA table_func_column(E). { A = PUSH(A, E); }
table_func_column(A) ::= type_function_name(N) func_type(T).
    { A = MK(FunctionParameter, .name = N.str, .type = T, .mode = AST_PARAM_TABLE, .loc = N.loc); }
%type opt_createfunc_opt_list {AstList}
opt_createfunc_opt_list ::= createfunc_opt_list.
opt_createfunc_opt_list(A) ::= .                  { A = NONE_LIST; }
%type createfunc_opt_list {AstList}
createfunc_opt_list(A) ::= createfunc_opt_item(E). { A = L1(E); }
createfunc_opt_list(A) ::= createfunc_opt_list(A) createfunc_opt_item(E). { A = PUSH(A, E); }
createfunc_opt_item(A) ::= AS(T) SCONST(S).       { A = DEF("as", MK(ListNode, .items = L1(STR(S)), .loc = S.loc), T.loc); }
createfunc_opt_item(A) ::= AS(T) SCONST(S) COMMA SCONST(U).
    { A = DEF("as", MK(ListNode, .items = L2(STR(S), STR(U)), .loc = S.loc), T.loc); }
createfunc_opt_item(A) ::= LANGUAGE(T) non_reserved_word_or_sconst(N). { A = DEF("language", STR(N), T.loc); }
createfunc_opt_item(A) ::= TRANSFORM(T) transform_type_list(L). { A = DEF("transform", MK(ListNode, .items = L, .loc = T.loc), T.loc); }
createfunc_opt_item(A) ::= WINDOW(T).             { A = DEF("window", pc_bool(pc, true, T.loc), T.loc); }
createfunc_opt_item ::= common_func_opt_item.
%type transform_type_list {AstList}
transform_type_list(A) ::= FOR TYPE typename(E).  { A = L1(E); }
transform_type_list(A) ::= transform_type_list(A) COMMA FOR TYPE typename(E). { A = PUSH(A, E); }
common_func_opt_item(A) ::= CALLED(T) ON NULL INPUT. { A = DEF("strict", pc_bool(pc, false, T.loc), T.loc); }
common_func_opt_item(A) ::= RETURNS(T) NULL ON NULL INPUT. { A = DEF("strict", pc_bool(pc, true, T.loc), T.loc); }
common_func_opt_item(A) ::= STRICT(T).            { A = DEF("strict", pc_bool(pc, true, T.loc), T.loc); }
common_func_opt_item(A) ::= IMMUTABLE(T). { A = DEF("volatility", STR(T), T.loc); }
common_func_opt_item(A) ::= STABLE(T). { A = DEF("volatility", STR(T), T.loc); }
common_func_opt_item(A) ::= VOLATILE(T). { A = DEF("volatility", STR(T), T.loc); }
common_func_opt_item(A) ::= EXTERNAL(T) SECURITY DEFINER. { A = DEF("security", pc_bool(pc, true, T.loc), T.loc); }
common_func_opt_item(A) ::= EXTERNAL(T) SECURITY INVOKER. { A = DEF("security", pc_bool(pc, false, T.loc), T.loc); }
common_func_opt_item(A) ::= SECURITY(T) DEFINER.  { A = DEF("security", pc_bool(pc, true, T.loc), T.loc); }
common_func_opt_item(A) ::= SECURITY(T) INVOKER.  { A = DEF("security", pc_bool(pc, false, T.loc), T.loc); }
common_func_opt_item(A) ::= LEAKPROOF(T).         { A = DEF("leakproof", pc_bool(pc, true, T.loc), T.loc); }
common_func_opt_item(A) ::= NOT(T) LEAKPROOF.     { A = DEF("leakproof", pc_bool(pc, false, T.loc), T.loc); }
common_func_opt_item(A) ::= COST(T) numeric_only(N). { A = DEF("cost", N, T.loc); }
common_func_opt_item(A) ::= ROWS(T) numeric_only(N). { A = DEF("rows", N, T.loc); }
common_func_opt_item(A) ::= SUPPORT(T) any_name(N). { A = DEF("support", MK(ListNode, .items = N, .loc = pc_loc(N)), T.loc); }
common_func_opt_item(A) ::= SET(T) set_rest_more(S). { A = DEF("set", S, T.loc); }
common_func_opt_item(A) ::= RESET(T) reset_rest(N). { A = DEF("set", pc_reset(pc, N, T.loc), T.loc); }
common_func_opt_item(A) ::= PARALLEL(T) col_id(N). { A = DEF("parallel", STR(N), T.loc); }
opt_routine_body ::= return_stmt.
opt_routine_body(A) ::= BEGIN(T) ATOMIC routine_body_stmt_list(L) END. { A = MK(ListNode, .items = L, .loc = T.loc); }
opt_routine_body(A) ::= .                         { A = NULL; }
%type routine_body_stmt_list {AstList}
routine_body_stmt_list(A) ::= routine_body_stmt_list(A) routine_body_stmt(E) SEMI. { if (E != NULL) A = PUSH(A, E); }
routine_body_stmt_list(A) ::= .                   { A = NONE_LIST; }
routine_body_stmt ::= stmt.
routine_body_stmt ::= return_stmt.
return_stmt(A) ::= RETURN(T) a_expr(E).           { A = MK(ReturnStmt, .value = E, .loc = T.loc); }
alter_function_stmt(A) ::= ALTER FUNCTION function_with_argtypes(F) alterfunc_opt_list(L) opt_restrict.
    { A = MK(AlterFunctionStmt, .kind = AST_OBJECT_FUNCTION, .func = F, .actions = L); }
alter_function_stmt(A) ::= ALTER PROCEDURE function_with_argtypes(F) alterfunc_opt_list(L) opt_restrict.
    { A = MK(AlterFunctionStmt, .kind = AST_OBJECT_PROCEDURE, .func = F, .actions = L); }
alter_function_stmt(A) ::= ALTER ROUTINE function_with_argtypes(F) alterfunc_opt_list(L) opt_restrict.
    { A = MK(AlterFunctionStmt, .kind = AST_OBJECT_ROUTINE, .func = F, .actions = L); }
%type alterfunc_opt_list {AstList}
alterfunc_opt_list(A) ::= common_func_opt_item(E). { A = L1(E); }
alterfunc_opt_list(A) ::= alterfunc_opt_list(A) common_func_opt_item(E). { A = PUSH(A, E); }
opt_restrict ::= RESTRICT.
opt_restrict ::= .
call_stmt(A) ::= CALL func_application(F).        { A = MK(CallStmt, .func = F); }
do_stmt(A) ::= DO do_args(L).                     { A = MK(DoStmt, .args = L); }
%type do_args {AstList}
do_args(A) ::= do_arg(E).                         { A = L1(E); }
do_args(A) ::= do_args(A) do_arg(E).              { A = PUSH(A, E); }
do_arg(A) ::= SCONST(S).                          { A = DEF("as", STR(S), S.loc); }
do_arg(A) ::= LANGUAGE(T) non_reserved_word_or_sconst(N). { A = DEF("language", STR(N), T.loc); }

function_with_argtypes(A) ::= func_name(N) func_args(P). { A = pc_object_with_params(pc, N, P); }
function_with_argtypes(A) ::= type_func_word(N).  { A = MK(ObjectWithArgs, .name = L1(STR(N)), .args_unspecified = true); }
function_with_argtypes(A) ::= col_id(N).          { A = MK(ObjectWithArgs, .name = L1(STR(N)), .args_unspecified = true); }
function_with_argtypes(A) ::= col_id(N) indirection(P).
    { A = MK(ObjectWithArgs, .name = pc_check_names(pc, pc_prepend(pc, STR(N), P)), .args_unspecified = true); }
%type function_with_argtypes_list {AstList}
function_with_argtypes_list(A) ::= function_with_argtypes(E). { A = L1(E); }
function_with_argtypes_list(A) ::= function_with_argtypes_list(A) COMMA function_with_argtypes(E). { A = PUSH(A, E); }
aggregate_with_argtypes(A) ::= func_name(N) aggr_args(P). { A = pc_object_with_params(pc, N, P); }
%type aggregate_with_argtypes_list {AstList}
aggregate_with_argtypes_list(A) ::= aggregate_with_argtypes(E). { A = L1(E); }
aggregate_with_argtypes_list(A) ::= aggregate_with_argtypes_list(A) COMMA aggregate_with_argtypes(E). { A = PUSH(A, E); }
operator_with_argtypes(A) ::= any_operator(N) oper_argtypes(L). { A = MK(ObjectWithArgs, .name = N, .args = L); }
%type operator_with_argtypes_list {AstList}
operator_with_argtypes_list(A) ::= operator_with_argtypes(E). { A = L1(E); }
operator_with_argtypes_list(A) ::= operator_with_argtypes_list(A) COMMA operator_with_argtypes(E). { A = PUSH(A, E); }
%type oper_argtypes {AstList}
oper_argtypes(A) ::= LP typename RP(T).
    { A = NONE_LIST; pc_fail_hint(pc, T.loc, ERR_SYNTAX_ERROR, "missing argument", "Use NONE to denote the missing argument of a unary operator."); }
oper_argtypes(A) ::= LP typename(L) COMMA typename(R) RP. { A = L2(L, R); }
oper_argtypes(A) ::= LP NONE COMMA typename(R) RP. { A = L2(NULL, R); }
oper_argtypes(A) ::= LP typename(L) COMMA NONE RP. { A = L2(L, NULL); }

create_cast_stmt(A) ::= CREATE CAST LP typename(S) AS typename(T) RP WITH FUNCTION function_with_argtypes(F) cast_context(C).
    { A = MK(CreateCastStmt, .source = S, .target = T, .func = F, .context = C); }
create_cast_stmt(A) ::= CREATE CAST LP typename(S) AS typename(T) RP WITHOUT FUNCTION cast_context(C).
    { A = MK(CreateCastStmt, .source = S, .target = T, .context = C); }
create_cast_stmt(A) ::= CREATE CAST LP typename(S) AS typename(T) RP WITH INOUT cast_context(C).
    { A = MK(CreateCastStmt, .source = S, .target = T, .context = C, .inout = true); }
%type cast_context {AstCastContext}
cast_context(A) ::= AS IMPLICIT.                  { A = AST_CAST_IMPLICIT; }
cast_context(A) ::= AS ASSIGNMENT.                { A = AST_CAST_ASSIGNMENT; }
cast_context(A) ::= .                             { A = AST_CAST_EXPLICIT; }

drop_more_stmt(A) ::= DROP FUNCTION opt_if_exists(I) function_with_argtypes_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_FUNCTION, .objects = L, .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP PROCEDURE opt_if_exists(I) function_with_argtypes_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_PROCEDURE, .objects = L, .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP ROUTINE opt_if_exists(I) function_with_argtypes_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_ROUTINE, .objects = L, .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP AGGREGATE opt_if_exists(I) aggregate_with_argtypes_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_AGGREGATE, .objects = L, .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP OPERATOR opt_if_exists(I) operator_with_argtypes_list(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_OPERATOR, .objects = L, .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP CAST(T) opt_if_exists(I) LP typename(S) AS typename(R) RP opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_CAST, .objects = L1(MK(ListNode, .items = L2(S, R), .loc = T.loc)), .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP OPERATOR CLASS opt_if_exists(I) any_name(N) USING name(M) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_OPCLASS, .objects = L1(MK(ListNode, .items = pc_prepend(pc, STR(M), N), .loc = M.loc)), .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP OPERATOR FAMILY opt_if_exists(I) any_name(N) USING name(M) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_OPFAMILY, .objects = L1(MK(ListNode, .items = pc_prepend(pc, STR(M), N), .loc = M.loc)), .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP TRANSFORM(T) opt_if_exists(I) FOR typename(N) LANGUAGE name(L) opt_drop_behavior(B).
    { A = MK(DropStmt, .kind = AST_OBJECT_TRANSFORM, .objects = L1(MK(ListNode, .items = L2(N, STR(L)), .loc = T.loc)), .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP OWNED BY role_list(L) opt_drop_behavior(B). { A = MK(DropOwnedStmt, .roles = L, .behavior = B); }
drop_more_stmt(A) ::= DROP ROLE opt_if_exists(I) role_list(L). { A = MK(DropRoleStmt, .roles = L, .missing_ok = I); }
drop_more_stmt(A) ::= DROP USER opt_if_exists(I) role_list(L). { A = MK(DropRoleStmt, .roles = L, .missing_ok = I); }
drop_more_stmt(A) ::= DROP GROUP opt_if_exists(I) role_list(L). { A = MK(DropRoleStmt, .roles = L, .missing_ok = I); }
drop_more_stmt(A) ::= DROP DATABASE opt_if_exists(I) name(N). { A = MK(DropdbStmt, .name = N.str, .missing_ok = I); }
drop_more_stmt(A) ::= DROP DATABASE opt_if_exists(I) name(N) opt_with_word LP drop_option_list(L) RP.
    { A = MK(DropdbStmt, .name = N.str, .missing_ok = I, .options = L); }
drop_more_stmt(A) ::= DROP TABLESPACE opt_if_exists(I) name(N). { A = MK(DropTableSpaceStmt, .name = N.str, .missing_ok = I); }
drop_more_stmt(A) ::= DROP SUBSCRIPTION opt_if_exists(I) name(N) opt_drop_behavior(B).
    { A = MK(DropSubscriptionStmt, .name = N.str, .missing_ok = I, .behavior = B); }
drop_more_stmt(A) ::= DROP USER MAPPING opt_if_exists(I) FOR auth_ident(U) SERVER name(S).
    { A = MK(DropUserMappingStmt, .user = U, .server = S.str, .missing_ok = I); }
%type drop_option_list {AstList}
drop_option_list(A) ::= FORCE(T).                 { A = L1(DEF("force", NULL, T.loc)); }
drop_option_list(A) ::= drop_option_list(A) COMMA FORCE(T). { A = PUSH(A, DEF("force", NULL, T.loc)); }
auth_ident ::= role_spec.
auth_ident(A) ::= USER(T).                        { A = MK(RoleSpec, .kind = AST_ROLE_CURRENT_USER, .loc = T.loc); }
reassign_owned_stmt(A) ::= REASSIGN OWNED BY role_list(L) TO role_spec(R). { A = MK(ReassignOwnedStmt, .roles = L, .new_role = R); }

comment_stmt(A) ::= COMMENT ON AGGREGATE aggregate_with_argtypes(N) IS comment_text(C). { A = MK(CommentStmt, .kind = AST_OBJECT_AGGREGATE, .object = N, .comment = C); }
comment_stmt(A) ::= COMMENT ON FUNCTION function_with_argtypes(N) IS comment_text(C). { A = MK(CommentStmt, .kind = AST_OBJECT_FUNCTION, .object = N, .comment = C); }
comment_stmt(A) ::= COMMENT ON PROCEDURE function_with_argtypes(N) IS comment_text(C). { A = MK(CommentStmt, .kind = AST_OBJECT_PROCEDURE, .object = N, .comment = C); }
comment_stmt(A) ::= COMMENT ON ROUTINE function_with_argtypes(N) IS comment_text(C). { A = MK(CommentStmt, .kind = AST_OBJECT_ROUTINE, .object = N, .comment = C); }
comment_stmt(A) ::= COMMENT ON OPERATOR operator_with_argtypes(N) IS comment_text(C). { A = MK(CommentStmt, .kind = AST_OBJECT_OPERATOR, .object = N, .comment = C); }
comment_stmt(A) ::= COMMENT ON OPERATOR CLASS any_name(N) USING name(M) IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_OPCLASS, .object = MK(ListNode, .items = pc_prepend(pc, STR(M), N), .loc = M.loc), .comment = C); }
comment_stmt(A) ::= COMMENT ON OPERATOR FAMILY any_name(N) USING name(M) IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_OPFAMILY, .object = MK(ListNode, .items = pc_prepend(pc, STR(M), N), .loc = M.loc), .comment = C); }
comment_stmt(A) ::= COMMENT ON LARGE OBJECT numeric_only(N) IS comment_text(C). { A = MK(CommentStmt, .kind = AST_OBJECT_LARGEOBJECT, .object = N, .comment = C); }
comment_stmt(A) ::= COMMENT ON CAST(T) LP typename(S) AS typename(R) RP IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_CAST, .object = MK(ListNode, .items = L2(S, R), .loc = T.loc), .comment = C); }
comment_stmt(A) ::= COMMENT ON TRANSFORM(T) FOR typename(S) LANGUAGE name(N) IS comment_text(C).
    { A = MK(CommentStmt, .kind = AST_OBJECT_TRANSFORM, .object = MK(ListNode, .items = L2(S, STR(N)), .loc = T.loc), .comment = C); }

sec_label_stmt(A) ::= SECURITY LABEL opt_provider(P) ON object_type_any_name(K) any_name(N) IS comment_text(C).
    { A = MK(SecLabelStmt, .kind = K, .object = MK(ListNode, .items = N, .loc = pc_loc(N)), .provider = P, .label = C); }
sec_label_stmt(A) ::= SECURITY LABEL opt_provider(P) ON COLUMN any_name(N) IS comment_text(C).
    { A = MK(SecLabelStmt, .kind = AST_OBJECT_COLUMN, .object = MK(ListNode, .items = N, .loc = pc_loc(N)), .provider = P, .label = C); }
sec_label_stmt(A) ::= SECURITY LABEL opt_provider(P) ON object_type_name(K) name(N) IS comment_text(C).
    { A = MK(SecLabelStmt, .kind = K, .object = STR(N), .provider = P, .label = C); }
sec_label_stmt(A) ::= SECURITY LABEL opt_provider(P) ON TYPE typename(N) IS comment_text(C).
    { A = MK(SecLabelStmt, .kind = AST_OBJECT_TYPE, .object = N, .provider = P, .label = C); }
sec_label_stmt(A) ::= SECURITY LABEL opt_provider(P) ON DOMAIN typename(N) IS comment_text(C).
    { A = MK(SecLabelStmt, .kind = AST_OBJECT_DOMAIN, .object = N, .provider = P, .label = C); }
sec_label_stmt(A) ::= SECURITY LABEL opt_provider(P) ON FUNCTION function_with_argtypes(N) IS comment_text(C).
    { A = MK(SecLabelStmt, .kind = AST_OBJECT_FUNCTION, .object = N, .provider = P, .label = C); }
%type opt_provider {const char *}
opt_provider(A) ::= FOR non_reserved_word_or_sconst(N). { A = N.str; }
opt_provider(A) ::= .                             { A = NULL; }

// ---- triggers, rules, policies, statistics ----

create_trig_stmt(A) ::= CREATE opt_or_replace(R) TRIGGER name(N) trigger_timing(G) trigger_events(E) ON qualified_name(T)
                        trigger_referencing(F) trigger_for_spec(S) trigger_when(W) EXECUTE function_or_procedure func_name(U)
                        LP trigger_func_args(L) RP.
    { A = pc_trigger(E, MK(CreateTrigStmt, .replace = R, .name = N.str, .rel = T, .func = U, .args = L, .row = S, .timing = G,
             .when = W, .transitions = F)); }
create_trig_stmt(A) ::= CREATE opt_or_replace(R) CONSTRAINT TRIGGER name(N) AFTER trigger_events(E) ON qualified_name(T)
                        opt_constr_from_table(C) constraint_attribute_spec(K) FOR EACH ROW trigger_when(W) EXECUTE
                        function_or_procedure func_name(U) LP trigger_func_args(L) RP.
    { A = pc_trigger(E, MK(CreateTrigStmt, .replace = R, .is_constraint = true, .name = N.str, .rel = T, .func = U, .args = L,
             .row = true, .when = W, .constraint_rel = C, .deferrable = (K.nbytes & (ATTR_DEFERRABLE | ATTR_INITIALLY_DEFERRED)) != 0,
             .initially_deferred = (K.nbytes & ATTR_INITIALLY_DEFERRED) != 0)); }
%type trigger_timing {int}
trigger_timing(A) ::= BEFORE.                     { A = TRIGGER_BEFORE; }
trigger_timing(A) ::= AFTER.                      { A = TRIGGER_AFTER; }
trigger_timing(A) ::= INSTEAD OF.                 { A = TRIGGER_INSTEAD; }
// A CreateTrigStmt with events and columns alone.
trigger_events ::= trigger_one_event.
trigger_events(A) ::= trigger_events(A) OR trigger_one_event(E). { A = pc_trigger_event(pc, A, E); }
trigger_one_event(A) ::= INSERT.                  { A = MK(CreateTrigStmt, .events = TRIGGER_INSERT); }
trigger_one_event(A) ::= DELETE.                  { A = MK(CreateTrigStmt, .events = TRIGGER_DELETE); }
trigger_one_event(A) ::= UPDATE.                  { A = MK(CreateTrigStmt, .events = TRIGGER_UPDATE); }
trigger_one_event(A) ::= UPDATE OF column_list(L). { A = MK(CreateTrigStmt, .events = TRIGGER_UPDATE, .columns = L); }
trigger_one_event(A) ::= TRUNCATE.                { A = MK(CreateTrigStmt, .events = TRIGGER_TRUNCATE); }
%type trigger_referencing {AstList}
trigger_referencing(A) ::= REFERENCING trigger_transitions(L). { A = L; }
trigger_referencing(A) ::= .                      { A = NONE_LIST; }
%type trigger_transitions {AstList}
trigger_transitions(A) ::= trigger_transition(E). { A = L1(E); }
trigger_transitions(A) ::= trigger_transitions(A) trigger_transition(E). { A = PUSH(A, E); }
trigger_transition(A) ::= transition_new(W) transition_table(T) opt_as col_id(N).
    { A = MK(TriggerTransition, .name = N.str, .is_new = W, .is_table = T); }
%type transition_new {bool}
transition_new(A) ::= NEW.                        { A = true; }
transition_new(A) ::= OLD.                        { A = false; }
%type transition_table {bool}
transition_table(A) ::= TABLE.                    { A = true; }
transition_table(A) ::= ROW.                      { A = false; }
%type trigger_for_spec {bool}
trigger_for_spec(A) ::= FOR opt_each ROW.         { A = true; }
trigger_for_spec(A) ::= FOR opt_each STATEMENT.   { A = false; }
trigger_for_spec(A) ::= .                         { A = false; }
opt_each ::= EACH.
opt_each ::= .
trigger_when(A) ::= WHEN LP a_expr(E) RP.         { A = E; }
trigger_when(A) ::= .                             { A = NULL; }
function_or_procedure ::= FUNCTION.
function_or_procedure ::= PROCEDURE.
%type trigger_func_args {AstList}
trigger_func_args(A) ::= trigger_func_arg(E).     { A = L1(E); }
trigger_func_args(A) ::= trigger_func_args(A) COMMA trigger_func_arg(E). { A = PUSH(A, E); }
trigger_func_args(A) ::= .                        { A = NONE_LIST; }
trigger_func_arg(A) ::= ICONST(T).  { A = STR(T); }
trigger_func_arg(A) ::= FCONST(T).  { A = STR(T); }
trigger_func_arg(A) ::= SCONST(T).  { A = STR(T); }
trigger_func_arg(A) ::= col_label(T).             { A = STR(T); }
opt_constr_from_table(A) ::= FROM qualified_name(R). { A = R; }
opt_constr_from_table(A) ::= .                    { A = NULL; }
create_event_trig_stmt(A) ::= CREATE EVENT TRIGGER name(N) ON col_label(E) EXECUTE function_or_procedure func_name(F) LP RP.
    { A = MK(CreateEventTrigStmt, .name = N.str, .event = E.str, .func = F); }
create_event_trig_stmt(A) ::= CREATE EVENT TRIGGER name(N) ON col_label(E) WHEN event_trigger_when_list(W) EXECUTE
                              function_or_procedure func_name(F) LP RP.
    { A = MK(CreateEventTrigStmt, .name = N.str, .event = E.str, .when = W, .func = F); }
%type event_trigger_when_list {AstList}
event_trigger_when_list(A) ::= event_trigger_when_item(E). { A = L1(E); }
event_trigger_when_list(A) ::= event_trigger_when_list(A) AND event_trigger_when_item(E). { A = PUSH(A, E); }
event_trigger_when_item(A) ::= col_id(N) IN LP enum_val_list(L) RP. { A = DEF(N.str, MK(ListNode, .items = L, .loc = pc_loc(L)), N.loc); }
alter_event_trig_stmt(A) ::= ALTER EVENT TRIGGER name(N) enable_trigger(E). { A = MK(AlterEventTrigStmt, .name = N.str, .enabled = E); }
%type enable_trigger {const char *}
enable_trigger(A) ::= ENABLE.                     { A = "enable"; }
enable_trigger(A) ::= ENABLE REPLICA.             { A = "enable replica"; }
enable_trigger(A) ::= ENABLE ALWAYS.              { A = "enable always"; }
enable_trigger(A) ::= DISABLE.                    { A = "disable"; }

rule_stmt(A) ::= CREATE opt_or_replace(R) RULE name(N) AS ON rule_event(E) TO qualified_name(T) where_clause(W) DO
                 opt_instead(I) rule_action_list(L).
    { A = MK(RuleStmt, .rel = T, .name = N.str, .where = W, .event = E, .instead = I, .actions = L, .replace = R); }
%type rule_event {AstCmdKind}
rule_event(A) ::= SELECT.                         { A = AST_CMD_SELECT; }
rule_event(A) ::= UPDATE.                         { A = AST_CMD_UPDATE; }
rule_event(A) ::= DELETE.                         { A = AST_CMD_DELETE; }
rule_event(A) ::= INSERT.                         { A = AST_CMD_INSERT; }
%type opt_instead {bool}
opt_instead(A) ::= INSTEAD.                       { A = true; }
opt_instead(A) ::= ALSO.                          { A = false; }
opt_instead(A) ::= .                              { A = false; }
%type rule_action_list {AstList}
rule_action_list(A) ::= NOTHING.                  { A = NONE_LIST; }
rule_action_list(A) ::= rule_action_stmt(E).      { A = L1(E); }
rule_action_list(A) ::= LP rule_action_multi(L) RP. { A = L; }
%type rule_action_multi {AstList}
rule_action_multi(A) ::= rule_action_multi(A) SEMI rule_action_stmt_or_empty(E). { if (E != NULL) A = PUSH(A, E); }
rule_action_multi(A) ::= rule_action_stmt_or_empty(E). { A = E != NULL ? L1(E) : NONE_LIST; }
rule_action_stmt_or_empty ::= rule_action_stmt.
rule_action_stmt_or_empty(A) ::= .                { A = NULL; }
rule_action_stmt ::= select_stmt.
rule_action_stmt ::= insert_stmt.
rule_action_stmt ::= update_stmt.
rule_action_stmt ::= delete_stmt.
rule_action_stmt ::= notify_stmt.

create_policy_stmt(A) ::= CREATE POLICY name(N) ON qualified_name(T) policy_permissive(P) policy_for(C) policy_to(R)
                          policy_using(Q) policy_with_check(W).
    { A = MK(CreatePolicyStmt, .name = N.str, .rel = T, .permissive = P, .command = C, .roles = R, .qual = Q, .with_check = W); }
alter_policy_stmt(A) ::= ALTER POLICY name(N) ON qualified_name(T) policy_to(R) policy_using(Q) policy_with_check(W).
    { A = MK(AlterPolicyStmt, .name = N.str, .rel = T, .roles = R, .qual = Q, .with_check = W); }
%type policy_permissive {bool}
policy_permissive(A) ::= AS IDENT(T).             { A = pc_policy_permissive(pc, T); }
policy_permissive(A) ::= .                        { A = true; }
%type policy_for {const char *}
policy_for(A) ::= FOR ALL(T). { A = T.str; }
policy_for(A) ::= FOR SELECT(T). { A = T.str; }
policy_for(A) ::= FOR INSERT(T). { A = T.str; }
policy_for(A) ::= FOR UPDATE(T). { A = T.str; }
policy_for(A) ::= FOR DELETE(T). { A = T.str; }
policy_for(A) ::= .                               { A = "all"; }
%type policy_to {AstList}
policy_to(A) ::= TO role_list(L).                 { A = L; }
policy_to(A) ::= .                                { A = NONE_LIST; }
policy_using(A) ::= USING LP a_expr(E) RP.        { A = E; }
policy_using(A) ::= .                             { A = NULL; }
policy_with_check(A) ::= WITH CHECK LP a_expr(E) RP. { A = E; }
policy_with_check(A) ::= .                        { A = NULL; }

create_stats_stmt(A) ::= CREATE STATISTICS opt_if_not_exists(I) any_name(N) opt_name_list(K) ON stats_params(P) FROM from_list(F).
    { A = MK(CreateStatsStmt, .name = N, .kinds = K, .exprs = P, .rels = F, .if_not_exists = I); }
%type stats_params {AstList}
stats_params(A) ::= stats_param(E).               { A = L1(E); }
stats_params(A) ::= stats_params(A) COMMA stats_param(E). { A = PUSH(A, E); }
stats_param(A) ::= col_id(N).                     { A = pc_column(pc, N, NONE_LIST); }
stats_param ::= func_expr_windowless.
stats_param(A) ::= LP a_expr(E) RP.               { A = E; }
alter_stats_stmt(A) ::= ALTER STATISTICS opt_if_exists(I) any_name(N) SET STATISTICS signed_iconst(V).
    { A = MK(AlterStatsStmt, .name = N, .target = V, .missing_ok = I); }

// ---- RENAME, SET SCHEMA, OWNER, DEPENDS ----

rename_stmt(A) ::= ALTER TABLE opt_if_exists(I) relation_expr(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_TABLE, .rel = R, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER SEQUENCE opt_if_exists(I) qualified_name(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_SEQUENCE, .rel = R, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER VIEW opt_if_exists(I) qualified_name(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_VIEW, .rel = R, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER MATERIALIZED VIEW opt_if_exists(I) qualified_name(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_MATVIEW, .rel = R, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER INDEX opt_if_exists(I) qualified_name(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_INDEX, .rel = R, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER FOREIGN TABLE opt_if_exists(I) relation_expr(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_FOREIGN_TABLE, .rel = R, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER TABLE opt_if_exists(I) relation_expr(R) RENAME opt_column name(O) TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_COLUMN, .relation_kind = AST_OBJECT_TABLE, .rel = R, .subname = O.str, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER VIEW opt_if_exists(I) qualified_name(R) RENAME opt_column name(O) TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_COLUMN, .relation_kind = AST_OBJECT_VIEW, .rel = R, .subname = O.str, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER MATERIALIZED VIEW opt_if_exists(I) qualified_name(R) RENAME opt_column name(O) TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_COLUMN, .relation_kind = AST_OBJECT_MATVIEW, .rel = R, .subname = O.str, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER FOREIGN TABLE opt_if_exists(I) relation_expr(R) RENAME opt_column name(O) TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_COLUMN, .relation_kind = AST_OBJECT_FOREIGN_TABLE, .rel = R, .subname = O.str, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER TABLE opt_if_exists(I) relation_expr(R) RENAME CONSTRAINT name(O) TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_TABCONSTRAINT, .relation_kind = AST_OBJECT_TABLE, .rel = R, .subname = O.str, .newname = N.str, .missing_ok = I); }
rename_stmt(A) ::= ALTER POLICY name(O) ON qualified_name(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_POLICY, .rel = R, .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER RULE name(O) ON qualified_name(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_RULE, .rel = R, .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER TRIGGER name(O) ON qualified_name(R) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_TRIGGER, .rel = R, .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER DATABASE name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_DATABASE, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER ROLE name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_ROLE, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER USER name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_ROLE, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER GROUP name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_ROLE, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER SUBSCRIPTION name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_SUBSCRIPTION, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER TABLESPACE name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_TABLESPACE, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER EVENT TRIGGER name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_EVENT_TRIGGER, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER FOREIGN DATA WRAPPER name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_FDW, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER opt_procedural LANGUAGE name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_LANGUAGE, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER PUBLICATION name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_PUBLICATION, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER SCHEMA name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_SCHEMA, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER SERVER name(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_FOREIGN_SERVER, .object = STR(O), .subname = O.str, .newname = N.str); }
rename_stmt(A) ::= ALTER COLLATION any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_COLLATION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER CONVERSION any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_CONVERSION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER DOMAIN any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_DOMAIN, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER TYPE any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_TYPE, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER STATISTICS opt_if_exists any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_STATISTIC_EXT, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER TEXT SEARCH PARSER any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_TSPARSER, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER TEXT SEARCH DICTIONARY any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_TSDICTIONARY, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER TEXT SEARCH TEMPLATE any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_TSTEMPLATE, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER TEXT SEARCH CONFIGURATION any_name(O) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_TSCONFIGURATION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .newname = N.str); }
rename_stmt(A) ::= ALTER FUNCTION function_with_argtypes(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_FUNCTION, .object = O, .newname = N.str); }
rename_stmt(A) ::= ALTER PROCEDURE function_with_argtypes(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_PROCEDURE, .object = O, .newname = N.str); }
rename_stmt(A) ::= ALTER ROUTINE function_with_argtypes(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_ROUTINE, .object = O, .newname = N.str); }
rename_stmt(A) ::= ALTER AGGREGATE aggregate_with_argtypes(O) RENAME TO name(N). { A = MK(RenameStmt, .kind = AST_OBJECT_AGGREGATE, .object = O, .newname = N.str); }
rename_stmt(A) ::= ALTER OPERATOR CLASS any_name(O) USING name(M) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_OPCLASS, .object = MK(ListNode, .items = pc_prepend(pc, STR(M), O), .loc = M.loc), .newname = N.str); }
rename_stmt(A) ::= ALTER OPERATOR FAMILY any_name(O) USING name(M) RENAME TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_OPFAMILY, .object = MK(ListNode, .items = pc_prepend(pc, STR(M), O), .loc = M.loc), .newname = N.str); }
rename_stmt(A) ::= ALTER DOMAIN any_name(O) RENAME CONSTRAINT name(C) TO name(N).
    { A = MK(RenameStmt, .kind = AST_OBJECT_DOMCONSTRAINT, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .subname = C.str, .newname = N.str); }
rename_stmt(A) ::= ALTER TYPE any_name(O) RENAME ATTRIBUTE name(C) TO name(N) opt_drop_behavior(B).
    { A = MK(RenameStmt, .kind = AST_OBJECT_ATTRIBUTE, .relation_kind = AST_OBJECT_TYPE, .rel = pc_range_var_names(pc, O), .subname = C.str,
             .newname = N.str, .behavior = B); }

alter_object_schema_stmt(A) ::= ALTER TABLE opt_if_exists(I) relation_expr(R) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_TABLE, .rel = R, .new_schema = N.str, .missing_ok = I); }
alter_object_schema_stmt(A) ::= ALTER SEQUENCE opt_if_exists(I) qualified_name(R) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_SEQUENCE, .rel = R, .new_schema = N.str, .missing_ok = I); }
alter_object_schema_stmt(A) ::= ALTER VIEW opt_if_exists(I) qualified_name(R) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_VIEW, .rel = R, .new_schema = N.str, .missing_ok = I); }
alter_object_schema_stmt(A) ::= ALTER MATERIALIZED VIEW opt_if_exists(I) qualified_name(R) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_MATVIEW, .rel = R, .new_schema = N.str, .missing_ok = I); }
alter_object_schema_stmt(A) ::= ALTER FOREIGN TABLE opt_if_exists(I) relation_expr(R) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_FOREIGN_TABLE, .rel = R, .new_schema = N.str, .missing_ok = I); }
alter_object_schema_stmt(A) ::= ALTER COLLATION any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_COLLATION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER CONVERSION any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_CONVERSION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER DOMAIN any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_DOMAIN, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER TYPE any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_TYPE, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER STATISTICS opt_if_exists any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_STATISTIC_EXT, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER TEXT SEARCH PARSER any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_TSPARSER, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER TEXT SEARCH DICTIONARY any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_TSDICTIONARY, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER TEXT SEARCH TEMPLATE any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_TSTEMPLATE, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER TEXT SEARCH CONFIGURATION any_name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_TSCONFIGURATION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER FUNCTION function_with_argtypes(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_FUNCTION, .object = O, .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER PROCEDURE function_with_argtypes(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_PROCEDURE, .object = O, .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER ROUTINE function_with_argtypes(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_ROUTINE, .object = O, .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER AGGREGATE aggregate_with_argtypes(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_AGGREGATE, .object = O, .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER OPERATOR operator_with_argtypes(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_OPERATOR, .object = O, .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER OPERATOR CLASS any_name(O) USING name(M) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_OPCLASS, .object = MK(ListNode, .items = pc_prepend(pc, STR(M), O), .loc = M.loc), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER OPERATOR FAMILY any_name(O) USING name(M) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_OPFAMILY, .object = MK(ListNode, .items = pc_prepend(pc, STR(M), O), .loc = M.loc), .new_schema = N.str); }
alter_object_schema_stmt(A) ::= ALTER EXTENSION name(O) SET SCHEMA name(N).
    { A = MK(AlterObjectSchemaStmt, .kind = AST_OBJECT_EXTENSION, .object = STR(O), .new_schema = N.str); }

alter_owner_stmt(A) ::= ALTER DATABASE name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_DATABASE, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER ROLE name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_ROLE, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER USER name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_ROLE, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER GROUP name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_ROLE, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER SUBSCRIPTION name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_SUBSCRIPTION, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER TABLESPACE name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_TABLESPACE, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER EVENT TRIGGER name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_EVENT_TRIGGER, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER FOREIGN DATA WRAPPER name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_FDW, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER opt_procedural LANGUAGE name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_LANGUAGE, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER PUBLICATION name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_PUBLICATION, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER SCHEMA name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_SCHEMA, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER SERVER name(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_FOREIGN_SERVER, .object = STR(O), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER COLLATION any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_COLLATION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER CONVERSION any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_CONVERSION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER DOMAIN any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_DOMAIN, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER TYPE any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_TYPE, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER STATISTICS opt_if_exists any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_STATISTIC_EXT, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER TEXT SEARCH PARSER any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_TSPARSER, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER TEXT SEARCH DICTIONARY any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_TSDICTIONARY, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER TEXT SEARCH TEMPLATE any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_TSTEMPLATE, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER TEXT SEARCH CONFIGURATION any_name(O) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_TSCONFIGURATION, .object = MK(ListNode, .items = O, .loc = pc_loc(O)), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER FUNCTION function_with_argtypes(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_FUNCTION, .object = O, .new_owner = R); }
alter_owner_stmt(A) ::= ALTER PROCEDURE function_with_argtypes(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_PROCEDURE, .object = O, .new_owner = R); }
alter_owner_stmt(A) ::= ALTER ROUTINE function_with_argtypes(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_ROUTINE, .object = O, .new_owner = R); }
alter_owner_stmt(A) ::= ALTER AGGREGATE aggregate_with_argtypes(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_AGGREGATE, .object = O, .new_owner = R); }
alter_owner_stmt(A) ::= ALTER OPERATOR operator_with_argtypes(O) OWNER TO role_spec(R). { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_OPERATOR, .object = O, .new_owner = R); }
alter_owner_stmt(A) ::= ALTER OPERATOR CLASS any_name(O) USING name(M) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_OPCLASS, .object = MK(ListNode, .items = pc_prepend(pc, STR(M), O), .loc = M.loc), .new_owner = R); }
alter_owner_stmt(A) ::= ALTER OPERATOR FAMILY any_name(O) USING name(M) OWNER TO role_spec(R).
    { A = MK(AlterOwnerStmt, .kind = AST_OBJECT_OPFAMILY, .object = MK(ListNode, .items = pc_prepend(pc, STR(M), O), .loc = M.loc), .new_owner = R); }
alter_depends_stmt(A) ::= ALTER FUNCTION function_with_argtypes(O) opt_no(D) DEPENDS ON EXTENSION name(N).
    { A = MK(AlterObjectDependsStmt, .kind = AST_OBJECT_FUNCTION, .object = O, .extension = N.str, .remove = D); }
alter_depends_stmt(A) ::= ALTER PROCEDURE function_with_argtypes(O) opt_no(D) DEPENDS ON EXTENSION name(N).
    { A = MK(AlterObjectDependsStmt, .kind = AST_OBJECT_PROCEDURE, .object = O, .extension = N.str, .remove = D); }
alter_depends_stmt(A) ::= ALTER ROUTINE function_with_argtypes(O) opt_no(D) DEPENDS ON EXTENSION name(N).
    { A = MK(AlterObjectDependsStmt, .kind = AST_OBJECT_ROUTINE, .object = O, .extension = N.str, .remove = D); }
alter_depends_stmt(A) ::= ALTER TRIGGER name(O) ON qualified_name(R) opt_no(D) DEPENDS ON EXTENSION name(N).
    { A = MK(AlterObjectDependsStmt, .kind = AST_OBJECT_TRIGGER, .rel = R, .object = STR(O), .extension = N.str, .remove = D); }
alter_depends_stmt(A) ::= ALTER MATERIALIZED VIEW opt_if_exists qualified_name(R) opt_no(D) DEPENDS ON EXTENSION name(N).
    { A = MK(AlterObjectDependsStmt, .kind = AST_OBJECT_MATVIEW, .rel = R, .extension = N.str, .remove = D); }
alter_depends_stmt(A) ::= ALTER INDEX opt_if_exists qualified_name(R) opt_no(D) DEPENDS ON EXTENSION name(N).
    { A = MK(AlterObjectDependsStmt, .kind = AST_OBJECT_INDEX, .rel = R, .extension = N.str, .remove = D); }
%type opt_no {bool}
opt_no(A) ::= NO.                                 { A = true; }
opt_no(A) ::= .                                   { A = false; }
alter_operator_stmt(A) ::= ALTER OPERATOR operator_with_argtypes(O) SET LP operator_def_list(L) RP. { A = MK(AlterOperatorStmt, .op = O, .options = L); }
%type operator_def_list {AstList}
operator_def_list(A) ::= operator_def_elem(E).    { A = L1(E); }
operator_def_list(A) ::= operator_def_list(A) COMMA operator_def_elem(E). { A = PUSH(A, E); }
operator_def_elem(A) ::= col_label(N) EQ NONE.    { A = DEF(N.str, NULL, N.loc); }
operator_def_elem(A) ::= col_label(N) EQ operator_def_arg(V). { A = DEF(N.str, V, N.loc); }
operator_def_arg ::= func_type.
operator_def_arg(A) ::= reserved_word(T).         { A = STR(T); }
operator_def_arg(A) ::= qual_all_op(O).           { A = pc_op_names(pc, O); }
operator_def_arg ::= numeric_only.
operator_def_arg(A) ::= SCONST(T).                { A = STR(T); }

// ---- privileges and roles ----

grant_stmt(A) ::= GRANT privileges(P) ON privilege_target(T) TO grantee_list(L) opt_grant_option(O) opt_granted_by(B).
    { A = pc_grant(T, true, P, L, O, B, AST_DROP_RESTRICT); }
revoke_stmt(A) ::= REVOKE privileges(P) ON privilege_target(T) FROM grantee_list(L) opt_granted_by(B) opt_drop_behavior(D).
    { A = pc_grant(T, false, P, L, false, B, D); }
revoke_stmt(A) ::= REVOKE GRANT OPTION FOR privileges(P) ON privilege_target(T) FROM grantee_list(L) opt_granted_by(B) opt_drop_behavior(D).
    { A = pc_grant(T, false, P, L, true, B, D); }
grant_stmt(A) ::= GRANT privilege_list(P) TO role_list(L) opt_admin_option(O) opt_granted_by(B).
    { A = MK(GrantRoleStmt, .granted = P, .grantees = L, .is_grant = true, .admin_option = O, .grantor = B); }
revoke_stmt(A) ::= REVOKE privilege_list(P) FROM role_list(L) opt_granted_by(B) opt_drop_behavior(D).
    { A = MK(GrantRoleStmt, .granted = P, .grantees = L, .grantor = B, .behavior = D); }
revoke_stmt(A) ::= REVOKE ADMIN OPTION FOR privilege_list(P) FROM role_list(L) opt_granted_by(B) opt_drop_behavior(D).
    { A = MK(GrantRoleStmt, .granted = P, .grantees = L, .admin_option = true, .grantor = B, .behavior = D); }
%type privileges {AstList}
privileges ::= privilege_list.
privileges(A) ::= ALL.                            { A = NONE_LIST; }
privileges(A) ::= ALL PRIVILEGES.                 { A = NONE_LIST; }
privileges(A) ::= ALL LP column_list(L) RP.       { A = L1(MK(AccessPriv, .columns = L)); }
privileges(A) ::= ALL PRIVILEGES LP column_list(L) RP. { A = L1(MK(AccessPriv, .columns = L)); }
%type privilege_list {AstList}
privilege_list(A) ::= privilege(E).               { A = L1(E); }
privilege_list(A) ::= privilege_list(A) COMMA privilege(E). { A = PUSH(A, E); }
privilege(A) ::= SELECT(T) opt_column_list(L). { A = MK(AccessPriv, .name = T.str, .columns = L); }
privilege(A) ::= REFERENCES(T) opt_column_list(L). { A = MK(AccessPriv, .name = T.str, .columns = L); }
privilege(A) ::= CREATE(T) opt_column_list(L). { A = MK(AccessPriv, .name = T.str, .columns = L); }
privilege(A) ::= ALTER SYSTEM.                    { A = MK(AccessPriv, .name = "alter system"); }
privilege(A) ::= col_id(T) opt_column_list(L).    { A = MK(AccessPriv, .name = T.str, .columns = L); }
// A GrantStmt with target, kind and objects alone.
privilege_target(A) ::= qualified_name_list(L).   { A = MK(GrantStmt, .kind = AST_OBJECT_TABLE, .objects = L); }
privilege_target(A) ::= TABLE qualified_name_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_TABLE, .objects = L); }
privilege_target(A) ::= SEQUENCE qualified_name_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_SEQUENCE, .objects = L); }
privilege_target(A) ::= FOREIGN DATA WRAPPER name_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_FDW, .objects = L); }
privilege_target(A) ::= FOREIGN SERVER name_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_FOREIGN_SERVER, .objects = L); }
privilege_target(A) ::= FUNCTION function_with_argtypes_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_FUNCTION, .objects = L); }
privilege_target(A) ::= PROCEDURE function_with_argtypes_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_PROCEDURE, .objects = L); }
privilege_target(A) ::= ROUTINE function_with_argtypes_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_ROUTINE, .objects = L); }
privilege_target(A) ::= DATABASE name_list(L).    { A = MK(GrantStmt, .kind = AST_OBJECT_DATABASE, .objects = L); }
privilege_target(A) ::= DOMAIN any_name_list(L).  { A = MK(GrantStmt, .kind = AST_OBJECT_DOMAIN, .objects = L); }
privilege_target(A) ::= LANGUAGE name_list(L).    { A = MK(GrantStmt, .kind = AST_OBJECT_LANGUAGE, .objects = L); }
privilege_target(A) ::= LARGE OBJECT numeric_only_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_LARGEOBJECT, .objects = L); }
privilege_target(A) ::= PARAMETER parameter_name_list(L). { A = MK(GrantStmt, .kind = AST_OBJECT_PARAMETER, .objects = L); }
privilege_target(A) ::= SCHEMA name_list(L).      { A = MK(GrantStmt, .kind = AST_OBJECT_SCHEMA, .objects = L); }
privilege_target(A) ::= TABLESPACE name_list(L).  { A = MK(GrantStmt, .kind = AST_OBJECT_TABLESPACE, .objects = L); }
privilege_target(A) ::= TYPE any_name_list(L).    { A = MK(GrantStmt, .kind = AST_OBJECT_TYPE, .objects = L); }
privilege_target(A) ::= ALL TABLES IN SCHEMA name_list(L). { A = MK(GrantStmt, .target = AST_GRANT_ALL_IN_SCHEMA, .kind = AST_OBJECT_TABLE, .objects = L); }
privilege_target(A) ::= ALL SEQUENCES IN SCHEMA name_list(L). { A = MK(GrantStmt, .target = AST_GRANT_ALL_IN_SCHEMA, .kind = AST_OBJECT_SEQUENCE, .objects = L); }
privilege_target(A) ::= ALL FUNCTIONS IN SCHEMA name_list(L). { A = MK(GrantStmt, .target = AST_GRANT_ALL_IN_SCHEMA, .kind = AST_OBJECT_FUNCTION, .objects = L); }
privilege_target(A) ::= ALL PROCEDURES IN SCHEMA name_list(L). { A = MK(GrantStmt, .target = AST_GRANT_ALL_IN_SCHEMA, .kind = AST_OBJECT_PROCEDURE, .objects = L); }
privilege_target(A) ::= ALL ROUTINES IN SCHEMA name_list(L). { A = MK(GrantStmt, .target = AST_GRANT_ALL_IN_SCHEMA, .kind = AST_OBJECT_ROUTINE, .objects = L); }
%type numeric_only_list {AstList}
numeric_only_list(A) ::= numeric_only(E).         { A = L1(E); }
numeric_only_list(A) ::= numeric_only_list(A) COMMA numeric_only(E). { A = PUSH(A, E); }
%type parameter_name_list {AstList}
parameter_name_list(A) ::= var_name(N).           { A = L1(STR(N)); }
parameter_name_list(A) ::= parameter_name_list(A) COMMA var_name(N). { A = PUSH(A, STR(N)); }
%type grantee_list {AstList}
grantee_list(A) ::= grantee(E).                   { A = L1(E); }
grantee_list(A) ::= grantee_list(A) COMMA grantee(E). { A = PUSH(A, E); }
grantee ::= role_spec.
grantee(A) ::= GROUP role_spec(R).                { A = R; }
%type opt_grant_option {bool}
opt_grant_option(A) ::= WITH GRANT OPTION.        { A = true; }
opt_grant_option(A) ::= .                         { A = false; }
%type opt_admin_option {bool}
opt_admin_option(A) ::= WITH ADMIN OPTION.        { A = true; }
opt_admin_option(A) ::= .                         { A = false; }
opt_granted_by(A) ::= GRANTED BY role_spec(R).    { A = R; }
opt_granted_by(A) ::= .                           { A = NULL; }
alter_default_privileges_stmt(A) ::= ALTER DEFAULT PRIVILEGES def_acl_option_list(O) def_acl_action(G).
    { A = MK(AlterDefaultPrivilegesStmt, .options = O, .action = G); }
%type def_acl_option_list {AstList}
def_acl_option_list(A) ::= def_acl_option_list(A) def_acl_option(E). { A = PUSH(A, E); }
def_acl_option_list(A) ::= .                      { A = NONE_LIST; }
def_acl_option(A) ::= IN(T) SCHEMA name_list(L).  { A = DEF("schemas", MK(ListNode, .items = L, .loc = T.loc), T.loc); }
def_acl_option(A) ::= FOR(T) ROLE role_list(L).   { A = DEF("roles", MK(ListNode, .items = L, .loc = T.loc), T.loc); }
def_acl_option(A) ::= FOR(T) USER role_list(L).   { A = DEF("roles", MK(ListNode, .items = L, .loc = T.loc), T.loc); }
def_acl_action(A) ::= GRANT privileges(P) ON def_acl_target(K) TO grantee_list(L) opt_grant_option(O).
    { A = MK(GrantStmt, .is_grant = true, .target = AST_GRANT_DEFAULTS, .kind = K, .privileges = P, .grantees = L, .grant_option = O); }
def_acl_action(A) ::= REVOKE privileges(P) ON def_acl_target(K) FROM grantee_list(L) opt_drop_behavior(B).
    { A = MK(GrantStmt, .target = AST_GRANT_DEFAULTS, .kind = K, .privileges = P, .grantees = L, .behavior = B); }
def_acl_action(A) ::= REVOKE GRANT OPTION FOR privileges(P) ON def_acl_target(K) FROM grantee_list(L) opt_drop_behavior(B).
    { A = MK(GrantStmt, .target = AST_GRANT_DEFAULTS, .kind = K, .privileges = P, .grantees = L, .grant_option = true, .behavior = B); }
%type def_acl_target {AstObjectKind}
def_acl_target(A) ::= TABLES.                     { A = AST_OBJECT_TABLE; }
def_acl_target(A) ::= FUNCTIONS.         { A = AST_OBJECT_FUNCTION; }
def_acl_target(A) ::= ROUTINES.         { A = AST_OBJECT_FUNCTION; }
def_acl_target(A) ::= SEQUENCES.                  { A = AST_OBJECT_SEQUENCE; }
def_acl_target(A) ::= TYPES.                      { A = AST_OBJECT_TYPE; }
def_acl_target(A) ::= SCHEMAS.                    { A = AST_OBJECT_SCHEMA; }

role_stmt(A) ::= CREATE ROLE(T) non_reserved_word(N) opt_with_word opt_role_list(L).
    { A = MK(CreateRoleStmt, .kind = T.str, .name = N.str, .options = L); }
role_stmt(A) ::= CREATE USER(T) non_reserved_word(N) opt_with_word opt_role_list(L).
    { A = MK(CreateRoleStmt, .kind = T.str, .name = N.str, .options = L); }
role_stmt(A) ::= CREATE GROUP(T) non_reserved_word(N) opt_with_word opt_role_list(L).
    { A = MK(CreateRoleStmt, .kind = T.str, .name = N.str, .options = L); }
role_stmt(A) ::= ALTER ROLE role_spec(R) opt_with_word alter_role_list(L). { A = MK(AlterRoleStmt, .role = R, .options = L); }
role_stmt(A) ::= ALTER USER role_spec(R) opt_with_word alter_role_list(L). { A = MK(AlterRoleStmt, .role = R, .options = L); }
role_stmt(A) ::= ALTER GROUP role_spec(R) ADD(T) USER role_list(L).
    { A = MK(AlterRoleStmt, .role = R, .action = 1, .options = L1(DEF("rolemembers", MK(ListNode, .items = L, .loc = T.loc), T.loc))); }
role_stmt(A) ::= ALTER GROUP role_spec(R) DROP(T) USER role_list(L).
    { A = MK(AlterRoleStmt, .role = R, .action = -1, .options = L1(DEF("rolemembers", MK(ListNode, .items = L, .loc = T.loc), T.loc))); }
role_stmt(A) ::= ALTER ROLE role_spec(R) opt_in_database(D) set_reset_clause(S). { A = MK(AlterRoleSetStmt, .role = R, .database = D, .set = S); }
role_stmt(A) ::= ALTER USER role_spec(R) opt_in_database(D) set_reset_clause(S). { A = MK(AlterRoleSetStmt, .role = R, .database = D, .set = S); }
role_stmt(A) ::= ALTER ROLE ALL opt_in_database(D) set_reset_clause(S). { A = MK(AlterRoleSetStmt, .database = D, .set = S); }
role_stmt(A) ::= ALTER USER ALL opt_in_database(D) set_reset_clause(S). { A = MK(AlterRoleSetStmt, .database = D, .set = S); }
%type opt_in_database {const char *}
opt_in_database(A) ::= IN DATABASE name(N).       { A = N.str; }
opt_in_database(A) ::= .                          { A = NULL; }
set_reset_clause(A) ::= SET set_rest(S).          { A = S; }
set_reset_clause ::= variable_reset_stmt.
%type opt_role_list {AstList}
opt_role_list(A) ::= opt_role_list(A) create_role_elem(E). { A = PUSH(A, E); }
opt_role_list(A) ::= .                            { A = NONE_LIST; }
%type alter_role_list {AstList}
alter_role_list(A) ::= alter_role_list(A) alter_role_elem(E). { A = PUSH(A, E); }
alter_role_list(A) ::= .                          { A = NONE_LIST; }
alter_role_elem(A) ::= PASSWORD(T) SCONST(V).     { A = DEF("password", STR(V), T.loc); }
alter_role_elem(A) ::= PASSWORD(T) NULL.          { A = DEF("password", NULL, T.loc); }
alter_role_elem(A) ::= ENCRYPTED(T) PASSWORD SCONST(V). { A = DEF("password", STR(V), T.loc); }
alter_role_elem(A) ::= INHERIT(T).                { A = DEF("inherit", pc_bool(pc, true, T.loc), T.loc); }
alter_role_elem(A) ::= CONNECTION(T) LIMIT signed_iconst(V). { A = DEF("connectionlimit", pc_int_value(pc, V, T.loc), T.loc); }
alter_role_elem(A) ::= VALID(T) UNTIL SCONST(V).  { A = DEF("validuntil", STR(V), T.loc); }
alter_role_elem(A) ::= USER(T) role_list(L).      { A = DEF("rolemembers", MK(ListNode, .items = L, .loc = T.loc), T.loc); }
alter_role_elem(A) ::= IDENT(T).                  { A = pc_role_option(pc, T); }
create_role_elem ::= alter_role_elem.
create_role_elem(A) ::= SYSID(T) ICONST(V).       { A = DEF("sysid", pc_int_const(pc, V), T.loc); }
create_role_elem(A) ::= ADMIN(T) role_list(L).    { A = DEF("adminmembers", MK(ListNode, .items = L, .loc = T.loc), T.loc); }
create_role_elem(A) ::= ROLE(T) role_list(L).     { A = DEF("rolemembers", MK(ListNode, .items = L, .loc = T.loc), T.loc); }
create_role_elem(A) ::= IN(T) ROLE role_list(L). { A = DEF("addroleto", MK(ListNode, .items = L, .loc = T.loc), T.loc); }
create_role_elem(A) ::= IN(T) GROUP role_list(L). { A = DEF("addroleto", MK(ListNode, .items = L, .loc = T.loc), T.loc); }

// ---- extensions, operator classes, languages, access methods ----

extension_stmt(A) ::= CREATE EXTENSION opt_if_not_exists(I) name(N) opt_with_word create_extension_opts(L).
    { A = MK(CreateExtensionStmt, .name = N.str, .if_not_exists = I, .options = L); }
%type create_extension_opts {AstList}
create_extension_opts(A) ::= create_extension_opts(A) create_extension_opt(E). { A = PUSH(A, E); }
create_extension_opts(A) ::= .                    { A = NONE_LIST; }
create_extension_opt(A) ::= SCHEMA(T) name(N).    { A = DEF("schema", STR(N), T.loc); }
create_extension_opt(A) ::= VERSION(T) non_reserved_word_or_sconst(N). { A = DEF("new_version", STR(N), T.loc); }
create_extension_opt(A) ::= CASCADE(T).           { A = DEF("cascade", pc_bool(pc, true, T.loc), T.loc); }
extension_stmt(A) ::= ALTER EXTENSION name(N) UPDATE. { A = MK(AlterExtensionStmt, .name = N.str); }
extension_stmt(A) ::= ALTER EXTENSION name(N) UPDATE TO(T) non_reserved_word_or_sconst(V).
    { A = MK(AlterExtensionStmt, .name = N.str, .options = L1(DEF("new_version", STR(V), T.loc))); }
extension_stmt(A) ::= ALTER EXTENSION name(N) add_drop(D) object_type_any_name(K) any_name(O).
    { A = MK(AlterExtensionContentsStmt, .name = N.str, .add = D, .kind = K, .object = MK(ListNode, .items = O, .loc = pc_loc(O))); }
extension_stmt(A) ::= ALTER EXTENSION name(N) add_drop(D) FUNCTION function_with_argtypes(O).
    { A = MK(AlterExtensionContentsStmt, .name = N.str, .add = D, .kind = AST_OBJECT_FUNCTION, .object = O); }
extension_stmt(A) ::= ALTER EXTENSION name(N) add_drop(D) TYPE typename(O).
    { A = MK(AlterExtensionContentsStmt, .name = N.str, .add = D, .kind = AST_OBJECT_TYPE, .object = O); }
%type add_drop {bool}
add_drop(A) ::= ADD.                              { A = true; }
add_drop(A) ::= DROP.                             { A = false; }

opclass_stmt(A) ::= CREATE OPERATOR CLASS any_name(N) opt_default(D) FOR TYPE typename(T) USING name(M) opt_opfamily(F) AS opclass_item_list(L).
    { A = MK(CreateOpClassStmt, .name = N, .family = F, .access_method = M.str, .type = T, .items = L, .is_default = D); }
opclass_stmt(A) ::= CREATE OPERATOR FAMILY any_name(N) USING name(M). { A = MK(CreateOpFamilyStmt, .name = N, .access_method = M.str); }
opclass_stmt(A) ::= ALTER OPERATOR FAMILY any_name(N) USING name(M) ADD opclass_item_list(L).
    { A = MK(AlterOpFamilyStmt, .name = N, .access_method = M.str, .items = L); }
opclass_stmt(A) ::= ALTER OPERATOR FAMILY any_name(N) USING name(M) DROP opclass_drop_list(L).
    { A = MK(AlterOpFamilyStmt, .name = N, .access_method = M.str, .is_drop = true, .items = L); }
%type opt_default {bool}
opt_default(A) ::= DEFAULT.                       { A = true; }
opt_default(A) ::= .                              { A = false; }
%type opt_opfamily {AstList}
opt_opfamily(A) ::= FAMILY any_name(N).           { A = N; }
opt_opfamily(A) ::= .                             { A = NONE_LIST; }
%type opclass_item_list {AstList}
opclass_item_list(A) ::= opclass_item(E).         { A = L1(E); }
opclass_item_list(A) ::= opclass_item_list(A) COMMA opclass_item(E). { A = PUSH(A, E); }
opclass_item(A) ::= OPERATOR ICONST(I) any_operator(N) opclass_purpose(P) opt_recheck.
    { A = MK(CreateOpClassItem, .kind = 1, .name = MK(ObjectWithArgs, .name = N), .number = pc_int(pc, I), .order_family = P); }
opclass_item(A) ::= OPERATOR ICONST(I) operator_with_argtypes(N) opclass_purpose(P) opt_recheck.
    { A = MK(CreateOpClassItem, .kind = 1, .name = N, .number = pc_int(pc, I), .order_family = P); }
opclass_item(A) ::= FUNCTION ICONST(I) function_with_argtypes(N). { A = MK(CreateOpClassItem, .kind = 2, .name = N, .number = pc_int(pc, I)); }
opclass_item(A) ::= FUNCTION ICONST(I) LP type_list(L) RP function_with_argtypes(N).
    { A = MK(CreateOpClassItem, .kind = 2, .name = N, .number = pc_int(pc, I), .class_args = L); }
opclass_item(A) ::= STORAGE typename(T).          { A = MK(CreateOpClassItem, .kind = 3, .stored_type = T); }
%type opclass_purpose {AstList}
opclass_purpose(A) ::= FOR SEARCH.                { A = NONE_LIST; }
opclass_purpose(A) ::= FOR ORDER BY any_name(N).  { A = N; }
opclass_purpose(A) ::= .                          { A = NONE_LIST; }
opt_recheck ::= RECHECK.
opt_recheck ::= .
%type opclass_drop_list {AstList}
opclass_drop_list(A) ::= opclass_drop(E).         { A = L1(E); }
opclass_drop_list(A) ::= opclass_drop_list(A) COMMA opclass_drop(E). { A = PUSH(A, E); }
opclass_drop(A) ::= OPERATOR ICONST(I) LP type_list(L) RP. { A = MK(CreateOpClassItem, .kind = 1, .number = pc_int(pc, I), .class_args = L); }
opclass_drop(A) ::= FUNCTION ICONST(I) LP type_list(L) RP. { A = MK(CreateOpClassItem, .kind = 2, .number = pc_int(pc, I), .class_args = L); }

conversion_stmt(A) ::= CREATE opt_default(D) CONVERSION any_name(N) FOR SCONST(F) TO SCONST(T) FROM any_name(U).
    { A = MK(CreateConversionStmt, .name = N, .from_encoding = F.str, .to_encoding = T.str, .func = U, .is_default = D); }
language_stmt(A) ::= CREATE opt_or_replace(R) opt_trusted(T) opt_procedural LANGUAGE name(N).
    { A = MK(CreatePLangStmt, .name = N.str, .replace = R, .trusted = T); }
language_stmt(A) ::= CREATE opt_or_replace(R) opt_trusted(T) opt_procedural LANGUAGE name(N) HANDLER any_name(H) opt_inline_handler(I) opt_validator(V).
    { A = MK(CreatePLangStmt, .name = N.str, .replace = R, .trusted = T, .handler = H, .inline_handler = I, .validator = V); }
%type opt_trusted {bool}
opt_trusted(A) ::= TRUSTED.                       { A = true; }
opt_trusted(A) ::= .                              { A = false; }
%type opt_inline_handler {AstList}
opt_inline_handler(A) ::= INLINE any_name(N).     { A = N; }
opt_inline_handler(A) ::= .                       { A = NONE_LIST; }
%type opt_validator {AstList}
opt_validator(A) ::= VALIDATOR any_name(N).       { A = N; }
opt_validator(A) ::= NO VALIDATOR.                { A = NONE_LIST; }
opt_validator(A) ::= .                            { A = NONE_LIST; }
transform_stmt(A) ::= CREATE opt_or_replace(R) TRANSFORM FOR typename(T) LANGUAGE name(L) LP transform_element_list(E) RP.
    { A = pc_transform(pc, R, T, L.str, E); }
%type transform_element_list {AstList}
transform_element_list(A) ::= transform_element(E). { A = L1(E); }
transform_element_list(A) ::= transform_element_list(A) COMMA transform_element(E). { A = PUSH(A, E); }
transform_element(A) ::= FROM(T) SQL WITH FUNCTION function_with_argtypes(F). { A = DEF("from", F, T.loc); }
transform_element(A) ::= TO(T) SQL WITH FUNCTION function_with_argtypes(F). { A = DEF("to", F, T.loc); }
access_method_stmt(A) ::= CREATE ACCESS METHOD name(N) TYPE INDEX HANDLER any_name(H). { A = MK(CreateAmStmt, .name = N.str, .handler = H, .am_type = "index"); }
access_method_stmt(A) ::= CREATE ACCESS METHOD name(N) TYPE TABLE HANDLER any_name(H). { A = MK(CreateAmStmt, .name = N.str, .handler = H, .am_type = "table"); }

// ---- foreign data, publications, subscriptions ----

foreign_stmt(A) ::= CREATE FOREIGN DATA WRAPPER name(N) fdw_options(F) create_generic_options(O).
    { A = MK(CreateFdwStmt, .name = N.str, .func_options = F, .options = O); }
foreign_stmt(A) ::= ALTER FOREIGN DATA WRAPPER name(N) fdw_options(F) alter_generic_options(O).
    { A = MK(AlterFdwStmt, .name = N.str, .func_options = F, .options = O); }
foreign_stmt(A) ::= ALTER FOREIGN DATA WRAPPER name(N) fdw_option_list(F). { A = MK(AlterFdwStmt, .name = N.str, .func_options = F); }
%type fdw_options {AstList}
fdw_options ::= fdw_option_list.
fdw_options(A) ::= .                              { A = NONE_LIST; }
%type fdw_option_list {AstList}
fdw_option_list(A) ::= fdw_option(E).             { A = L1(E); }
fdw_option_list(A) ::= fdw_option_list(A) fdw_option(E). { A = PUSH(A, E); }
fdw_option(A) ::= HANDLER(T) any_name(N).         { A = DEF("handler", MK(ListNode, .items = N, .loc = pc_loc(N)), T.loc); }
fdw_option(A) ::= NO HANDLER(T).                  { A = DEF("handler", NULL, T.loc); }
fdw_option(A) ::= VALIDATOR(T) any_name(N).       { A = DEF("validator", MK(ListNode, .items = N, .loc = pc_loc(N)), T.loc); }
fdw_option(A) ::= NO VALIDATOR(T).                { A = DEF("validator", NULL, T.loc); }
foreign_stmt(A) ::= CREATE SERVER opt_if_not_exists(I) name(N) opt_server_type(T) opt_server_version(V) FOREIGN DATA WRAPPER name(W) create_generic_options(O).
    { A = MK(CreateForeignServerStmt, .name = N.str, .server_type = T, .version = V, .fdw = W.str, .options = O, .if_not_exists = I); }
foreign_stmt(A) ::= ALTER SERVER name(N) server_version(V) alter_generic_options(O).
    { A = MK(AlterForeignServerStmt, .name = N.str, .version = V, .options = O, .has_version = true); }
foreign_stmt(A) ::= ALTER SERVER name(N) server_version(V). { A = MK(AlterForeignServerStmt, .name = N.str, .version = V, .has_version = true); }
foreign_stmt(A) ::= ALTER SERVER name(N) alter_generic_options(O). { A = MK(AlterForeignServerStmt, .name = N.str, .options = O); }
%type opt_server_type {const char *}
opt_server_type(A) ::= TYPE SCONST(T).            { A = T.str; }
opt_server_type(A) ::= .                          { A = NULL; }
%type server_version {const char *}
server_version(A) ::= VERSION SCONST(T).          { A = T.str; }
server_version(A) ::= VERSION NULL.               { A = NULL; }
%type opt_server_version {const char *}
opt_server_version ::= server_version.
opt_server_version(A) ::= .                       { A = NULL; }
foreign_stmt(A) ::= CREATE USER MAPPING opt_if_not_exists(I) FOR auth_ident(U) SERVER name(S) create_generic_options(O).
    { A = MK(CreateUserMappingStmt, .user = U, .server = S.str, .if_not_exists = I, .options = O); }
foreign_stmt(A) ::= ALTER USER MAPPING FOR auth_ident(U) SERVER name(S) alter_generic_options(O).
    { A = MK(AlterUserMappingStmt, .user = U, .server = S.str, .options = O); }
foreign_stmt(A) ::= CREATE FOREIGN TABLE opt_if_not_exists(I) qualified_name(R) LP opt_table_element_list(E) RP opt_inherit(H) SERVER name(S) create_generic_options(O).
    { A = MK(CreateStmt, .rel = R, .elements = E, .inherits = H, .if_not_exists = I, .foreign_server = S.str, .foreign_options = O); }
foreign_stmt(A) ::= CREATE FOREIGN TABLE opt_if_not_exists(I) qualified_name(R) PARTITION OF qualified_name(P) opt_typed_table_element_list(E)
                    partition_bound_spec(B) SERVER name(S) create_generic_options(O).
    { A = MK(CreateStmt, .rel = R, .elements = E, .inherits = L1(P), .partition_bound = B, .if_not_exists = I, .foreign_server = S.str, .foreign_options = O); }
foreign_stmt(A) ::= IMPORT FOREIGN SCHEMA name(R) import_qualification(Q) FROM SERVER name(S) INTO name(L) create_generic_options(O).
    { A = pc_import(Q, R.str, S.str, L.str, O); }
// An ImportForeignSchemaStmt with list_type and rels alone.
import_qualification(A) ::= LIMIT TO LP relation_expr_list(L) RP. { A = MK(ImportForeignSchemaStmt, .list_type = "limit to", .rels = L); }
import_qualification(A) ::= EXCEPT LP relation_expr_list(L) RP. { A = MK(ImportForeignSchemaStmt, .list_type = "except", .rels = L); }
import_qualification(A) ::= .                     { A = MK(ImportForeignSchemaStmt, .list_type = "all"); }

publication_stmt(A) ::= CREATE PUBLICATION name(N) opt_definition(D). { A = MK(CreatePublicationStmt, .name = N.str, .options = D); }
publication_stmt(A) ::= CREATE PUBLICATION name(N) FOR ALL TABLES opt_definition(D). { A = MK(CreatePublicationStmt, .name = N.str, .options = D, .all_tables = true); }
publication_stmt(A) ::= CREATE PUBLICATION name(N) FOR pub_obj_list(L) opt_definition(D). { A = MK(CreatePublicationStmt, .name = N.str, .options = D, .objects = L); }
publication_stmt(A) ::= ALTER PUBLICATION name(N) SET definition(D). { A = MK(AlterPublicationStmt, .name = N.str, .options = D); }
publication_stmt(A) ::= ALTER PUBLICATION name(N) ADD pub_obj_list(L). { A = MK(AlterPublicationStmt, .name = N.str, .action = AST_DEFELEM_ADD, .objects = L); }
publication_stmt(A) ::= ALTER PUBLICATION name(N) SET pub_obj_list(L). { A = MK(AlterPublicationStmt, .name = N.str, .action = AST_DEFELEM_SET, .objects = L); }
publication_stmt(A) ::= ALTER PUBLICATION name(N) DROP pub_obj_list(L). { A = MK(AlterPublicationStmt, .name = N.str, .action = AST_DEFELEM_DROP, .objects = L); }
%type pub_obj_list {AstList}
pub_obj_list(A) ::= pub_obj(E).                   { A = L1(E); }
pub_obj_list(A) ::= pub_obj_list(A) COMMA pub_obj(E). { A = PUSH(A, E); }
pub_obj(A) ::= TABLE(T) relation_expr(R) opt_column_list(C) opt_where_parens(W).
    { A = MK(PublicationObj, .kind = "table", .rel = R, .columns = C, .where = W, .loc = T.loc); }
pub_obj(A) ::= TABLES(T) IN SCHEMA col_id(N).     { A = MK(PublicationObj, .kind = "tables in schema", .name = N.str, .loc = T.loc); }
pub_obj(A) ::= TABLES(T) IN SCHEMA CURRENT_SCHEMA. { A = MK(PublicationObj, .kind = "tables in current schema", .loc = T.loc); }
pub_obj(A) ::= relation_expr(R) opt_column_list(C) opt_where_parens(W).
    { A = MK(PublicationObj, .kind = "continuation", .rel = R, .columns = C, .where = W, .loc = ast_location(R)); }
pub_obj(A) ::= CURRENT_SCHEMA(T).                 { A = MK(PublicationObj, .kind = "continuation", .loc = T.loc); }
subscription_stmt(A) ::= CREATE SUBSCRIPTION name(N) CONNECTION SCONST(C) PUBLICATION name_list(P) opt_definition(D).
    { A = MK(CreateSubscriptionStmt, .name = N.str, .conninfo = C.str, .publications = P, .options = D); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) SET definition(D). { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "set", .options = D); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) CONNECTION SCONST(C). { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "connection", .conninfo = C.str); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) REFRESH PUBLICATION opt_definition(D). { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "refresh", .options = D); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) ADD PUBLICATION name_list(P) opt_definition(D).
    { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "add publication", .publications = P, .options = D); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) DROP PUBLICATION name_list(P) opt_definition(D).
    { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "drop publication", .publications = P, .options = D); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) SET PUBLICATION name_list(P) opt_definition(D).
    { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "set publication", .publications = P, .options = D); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) ENABLE. { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "enable"); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) DISABLE. { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "disable"); }
subscription_stmt(A) ::= ALTER SUBSCRIPTION name(N) SKIP definition(D). { A = MK(AlterSubscriptionStmt, .name = N.str, .action = "skip", .options = D); }

// ---- databases, tablespaces, collations, text search ----

database_stmt(A) ::= CREATE DATABASE name(N) opt_with_word createdb_opts(L). { A = MK(CreatedbStmt, .name = N.str, .options = L); }
database_stmt(A) ::= ALTER DATABASE name(N) WITH createdb_opts(L). { A = MK(AlterDatabaseStmt, .name = N.str, .options = L); }
database_stmt(A) ::= ALTER DATABASE name(N) createdb_opt_list(L). { A = MK(AlterDatabaseStmt, .name = N.str, .options = L); }
database_stmt(A) ::= ALTER DATABASE name(N) SET TABLESPACE(T) name(S).
    { A = MK(AlterDatabaseStmt, .name = N.str, .options = L1(DEF("tablespace", STR(S), T.loc))); }
database_stmt(A) ::= ALTER DATABASE name(N) REFRESH COLLATION VERSION. { A = MK(AlterDatabaseStmt, .name = N.str, .refresh_collation = true); }
database_stmt(A) ::= ALTER DATABASE name(N) set_reset_clause(S). { A = MK(AlterDatabaseSetStmt, .name = N.str, .set = S); }
%type createdb_opts {AstList}
createdb_opts ::= createdb_opt_list.
createdb_opts(A) ::= .                            { A = NONE_LIST; }
%type createdb_opt_list {AstList}
createdb_opt_list(A) ::= createdb_opt(E).         { A = L1(E); }
createdb_opt_list(A) ::= createdb_opt_list(A) createdb_opt(E). { A = PUSH(A, E); }
createdb_opt(A) ::= createdb_opt_name(N) opt_equal numeric_only(V). { A = DEF(N.str, V, N.loc); }
createdb_opt(A) ::= createdb_opt_name(N) opt_equal opt_boolean_or_string(V). { A = DEF(N.str, STR(V), N.loc); }
createdb_opt(A) ::= createdb_opt_name(N) opt_equal DEFAULT. { A = DEF(N.str, NULL, N.loc); }
%type createdb_opt_name {Token}
createdb_opt_name ::= IDENT.
createdb_opt_name(A) ::= CONNECTION(T) LIMIT.     { A = T; A.str = "connection_limit"; }
opt_equal ::= EQ.
opt_equal ::= .
tablespace_stmt(A) ::= CREATE TABLESPACE name(N) opt_tablespace_owner(O) LOCATION SCONST(L) opt_reloptions(R).
    { A = MK(CreateTableSpaceStmt, .name = N.str, .owner = O, .location = L.str, .options = R); }
tablespace_stmt(A) ::= ALTER TABLESPACE name(N) SET reloptions(R). { A = MK(AlterTableSpaceOptionsStmt, .name = N.str, .options = R); }
tablespace_stmt(A) ::= ALTER TABLESPACE name(N) RESET reloptions(R). { A = MK(AlterTableSpaceOptionsStmt, .name = N.str, .options = R, .is_reset = true); }
opt_tablespace_owner(A) ::= OWNER role_spec(R).   { A = R; }
opt_tablespace_owner(A) ::= .                     { A = NULL; }
collation_stmt(A) ::= ALTER COLLATION any_name(N) REFRESH VERSION. { A = MK(AlterCollationStmt, .name = N); }
text_search_stmt(A) ::= ALTER TEXT SEARCH DICTIONARY any_name(N) definition(D). { A = MK(AlterTsDictionaryStmt, .name = N, .options = D); }
text_search_stmt(A) ::= ALTER TEXT SEARCH CONFIGURATION any_name(N) ADD MAPPING FOR name_list(T) with_words any_name_list(D).
    { A = MK(AlterTsConfigurationStmt, .action = "add mapping", .name = N, .tokens = T, .dicts = D); }
text_search_stmt(A) ::= ALTER TEXT SEARCH CONFIGURATION any_name(N) ALTER MAPPING FOR name_list(T) with_words any_name_list(D).
    { A = MK(AlterTsConfigurationStmt, .action = "alter mapping", .name = N, .tokens = T, .dicts = D, .override = true); }
text_search_stmt(A) ::= ALTER TEXT SEARCH CONFIGURATION any_name(N) ALTER MAPPING REPLACE any_name(O) with_words any_name(D).
    { A = MK(AlterTsConfigurationStmt, .action = "replace dict", .name = N, .replace = true,
             .dicts = L2(MK(ListNode, .items = O, .loc = pc_loc(O)), MK(ListNode, .items = D, .loc = pc_loc(D)))); }
text_search_stmt(A) ::= ALTER TEXT SEARCH CONFIGURATION any_name(N) ALTER MAPPING FOR name_list(T) REPLACE any_name(O) with_words any_name(D).
    { A = MK(AlterTsConfigurationStmt, .action = "replace dict for", .name = N, .tokens = T, .replace = true,
             .dicts = L2(MK(ListNode, .items = O, .loc = pc_loc(O)), MK(ListNode, .items = D, .loc = pc_loc(D)))); }
text_search_stmt(A) ::= ALTER TEXT SEARCH CONFIGURATION any_name(N) DROP MAPPING opt_if_exists(I) FOR name_list(T).
    { A = MK(AlterTsConfigurationStmt, .action = "drop mapping", .name = N, .tokens = T, .missing_ok = I); }
with_words ::= WITH.
with_words ::= WITH_LA.

// ---- the other classes of words, as in keywords.def ----

// Names, but not of functions or types.
%type col_name_word {Token}
col_name_word ::= BETWEEN.          col_name_word ::= BIGINT.
col_name_word ::= BIT.              col_name_word ::= BOOLEAN.
col_name_word ::= CHAR.             col_name_word ::= CHARACTER.
col_name_word ::= COALESCE.         col_name_word ::= DEC.
col_name_word ::= DECIMAL.          col_name_word ::= EXISTS.
col_name_word ::= EXTRACT.          col_name_word ::= FLOAT.
col_name_word ::= GREATEST.         col_name_word ::= GROUPING.
col_name_word ::= INOUT.            col_name_word ::= INT.
col_name_word ::= INTEGER.          col_name_word ::= INTERVAL.
col_name_word ::= LEAST.            col_name_word ::= NATIONAL.
col_name_word ::= NCHAR.            col_name_word ::= NONE.
col_name_word ::= NORMALIZE.        col_name_word ::= NULLIF.
col_name_word ::= NUMERIC.          col_name_word ::= OUT.
col_name_word ::= OVERLAY.          col_name_word ::= POSITION.
col_name_word ::= PRECISION.        col_name_word ::= REAL.
col_name_word ::= ROW.              col_name_word ::= SETOF.
col_name_word ::= SMALLINT.         col_name_word ::= SUBSTRING.
col_name_word ::= TIME.             col_name_word ::= TIMESTAMP.
col_name_word ::= TREAT.            col_name_word ::= TRIM.
col_name_word ::= VALUES.           col_name_word ::= VARCHAR.
col_name_word ::= XMLATTRIBUTES.    col_name_word ::= XMLCONCAT.
col_name_word ::= XMLELEMENT.       col_name_word ::= XMLEXISTS.
col_name_word ::= XMLFOREST.        col_name_word ::= XMLNAMESPACES.
col_name_word ::= XMLPARSE.         col_name_word ::= XMLPI.
col_name_word ::= XMLROOT.          col_name_word ::= XMLSERIALIZE.
col_name_word ::= XMLTABLE.

// Functions and types only.
%type type_func_word {Token}
type_func_word ::= AUTHORIZATION.   type_func_word ::= BINARY.
type_func_word ::= COLLATION.       type_func_word ::= CONCURRENTLY.
type_func_word ::= CROSS.           type_func_word ::= CURRENT_SCHEMA.
type_func_word ::= FREEZE.          type_func_word ::= FULL.
type_func_word ::= ILIKE.           type_func_word ::= INNER.
type_func_word ::= IS.              type_func_word ::= ISNULL.
type_func_word ::= JOIN.            type_func_word ::= LEFT.
type_func_word ::= LIKE.            type_func_word ::= NATURAL.
type_func_word ::= NOTNULL.         type_func_word ::= OUTER.
type_func_word ::= OVERLAPS.        type_func_word ::= RIGHT.
type_func_word ::= SIMILAR.         type_func_word ::= TABLESAMPLE.
type_func_word ::= VERBOSE.

// Only labels after AS and names after a dot.
%type reserved_word {Token}
reserved_word ::= ALL.              reserved_word ::= ANALYSE.
reserved_word ::= ANALYZE.          reserved_word ::= AND.
reserved_word ::= ANY.              reserved_word ::= ARRAY.
reserved_word ::= AS.               reserved_word ::= ASC.
reserved_word ::= ASYMMETRIC.       reserved_word ::= BOTH.
reserved_word ::= CASE.             reserved_word ::= CAST.
reserved_word ::= CHECK.            reserved_word ::= COLLATE.
reserved_word ::= COLUMN.           reserved_word ::= CONSTRAINT.
reserved_word ::= CREATE.           reserved_word ::= CURRENT_CATALOG.
reserved_word ::= CURRENT_DATE.     reserved_word ::= CURRENT_ROLE.
reserved_word ::= CURRENT_TIME.     reserved_word ::= CURRENT_TIMESTAMP.
reserved_word ::= CURRENT_USER.     reserved_word ::= DEFAULT.
reserved_word ::= DEFERRABLE.       reserved_word ::= DESC.
reserved_word ::= DISTINCT.         reserved_word ::= DO.
reserved_word ::= ELSE.             reserved_word ::= END.
reserved_word ::= EXCEPT.           reserved_word ::= FALSE.
reserved_word ::= FETCH.            reserved_word ::= FOR.
reserved_word ::= FOREIGN.          reserved_word ::= FROM.
reserved_word ::= GRANT.            reserved_word ::= GROUP.
reserved_word ::= HAVING.           reserved_word ::= IN.
reserved_word ::= INITIALLY.        reserved_word ::= INTERSECT.
reserved_word ::= INTO.             reserved_word ::= LATERAL.
reserved_word ::= LEADING.          reserved_word ::= LIMIT.
reserved_word ::= LOCALTIME.        reserved_word ::= LOCALTIMESTAMP.
reserved_word ::= NOT.              reserved_word ::= NULL.
reserved_word ::= OFFSET.           reserved_word ::= ON.
reserved_word ::= ONLY.             reserved_word ::= OR.
reserved_word ::= ORDER.            reserved_word ::= PLACING.
reserved_word ::= PRIMARY.          reserved_word ::= REFERENCES.
reserved_word ::= RETURNING.        reserved_word ::= SELECT.
reserved_word ::= SESSION_USER.     reserved_word ::= SOME.
reserved_word ::= SYMMETRIC.        reserved_word ::= TABLE.
reserved_word ::= THEN.             reserved_word ::= TO.
reserved_word ::= TRAILING.         reserved_word ::= TRUE.
reserved_word ::= UNION.            reserved_word ::= UNIQUE.
reserved_word ::= USER.             reserved_word ::= USING.
reserved_word ::= VARIADIC.         reserved_word ::= WHEN.
reserved_word ::= WHERE.            reserved_word ::= WINDOW.
reserved_word ::= WITH.

// Those of the three that may be a column label without AS.
%type bare_word {Token}
bare_word ::= ALL.                  bare_word ::= ANALYSE.
bare_word ::= ANALYZE.              bare_word ::= AND.
bare_word ::= ANY.                  bare_word ::= ASC.
bare_word ::= ASYMMETRIC.           bare_word ::= AUTHORIZATION.
bare_word ::= BETWEEN.              bare_word ::= BIGINT.
bare_word ::= BINARY.               bare_word ::= BIT.
bare_word ::= BOOLEAN.              bare_word ::= BOTH.
bare_word ::= CASE.                 bare_word ::= CAST.
bare_word ::= CHECK.                bare_word ::= COALESCE.
bare_word ::= COLLATE.              bare_word ::= COLLATION.
bare_word ::= COLUMN.               bare_word ::= CONCURRENTLY.
bare_word ::= CONSTRAINT.           bare_word ::= CROSS.
bare_word ::= CURRENT_CATALOG.      bare_word ::= CURRENT_DATE.
bare_word ::= CURRENT_ROLE.         bare_word ::= CURRENT_SCHEMA.
bare_word ::= CURRENT_TIME.         bare_word ::= CURRENT_TIMESTAMP.
bare_word ::= CURRENT_USER.         bare_word ::= DEC.
bare_word ::= DECIMAL.              bare_word ::= DEFAULT.
bare_word ::= DEFERRABLE.           bare_word ::= DESC.
bare_word ::= DISTINCT.             bare_word ::= DO.
bare_word ::= ELSE.                 bare_word ::= END.
bare_word ::= EXISTS.               bare_word ::= EXTRACT.
bare_word ::= FALSE.                bare_word ::= FLOAT.
bare_word ::= FOREIGN.              bare_word ::= FREEZE.
bare_word ::= FULL.                 bare_word ::= GREATEST.
bare_word ::= GROUPING.             bare_word ::= ILIKE.
bare_word ::= IN.                   bare_word ::= INITIALLY.
bare_word ::= INNER.                bare_word ::= INOUT.
bare_word ::= INT.                  bare_word ::= INTEGER.
bare_word ::= INTERVAL.             bare_word ::= IS.
bare_word ::= JOIN.                 bare_word ::= LATERAL.
bare_word ::= LEADING.              bare_word ::= LEAST.
bare_word ::= LEFT.                 bare_word ::= LIKE.
bare_word ::= LOCALTIME.            bare_word ::= LOCALTIMESTAMP.
bare_word ::= NATIONAL.             bare_word ::= NATURAL.
bare_word ::= NCHAR.                bare_word ::= NONE.
bare_word ::= NORMALIZE.            bare_word ::= NOT.
bare_word ::= NULL.                 bare_word ::= NULLIF.
bare_word ::= NUMERIC.              bare_word ::= ONLY.
bare_word ::= OR.                   bare_word ::= OUT.
bare_word ::= OUTER.                bare_word ::= OVERLAY.
bare_word ::= PLACING.              bare_word ::= POSITION.
bare_word ::= PRIMARY.              bare_word ::= REAL.
bare_word ::= REFERENCES.           bare_word ::= RIGHT.
bare_word ::= ROW.                  bare_word ::= SELECT.
bare_word ::= SESSION_USER.         bare_word ::= SETOF.
bare_word ::= SIMILAR.              bare_word ::= SMALLINT.
bare_word ::= SOME.                 bare_word ::= SUBSTRING.
bare_word ::= SYMMETRIC.            bare_word ::= TABLE.
bare_word ::= TABLESAMPLE.          bare_word ::= THEN.
bare_word ::= TIME.                 bare_word ::= TIMESTAMP.
bare_word ::= TRAILING.             bare_word ::= TREAT.
bare_word ::= TRIM.                 bare_word ::= TRUE.
bare_word ::= UNIQUE.               bare_word ::= USER.
bare_word ::= USING.                bare_word ::= VALUES.
bare_word ::= VARCHAR.              bare_word ::= VARIADIC.
bare_word ::= VERBOSE.              bare_word ::= WHEN.
bare_word ::= XMLATTRIBUTES.        bare_word ::= XMLCONCAT.
bare_word ::= XMLELEMENT.           bare_word ::= XMLEXISTS.
bare_word ::= XMLFOREST.            bare_word ::= XMLNAMESPACES.
bare_word ::= XMLPARSE.             bare_word ::= XMLPI.
bare_word ::= XMLROOT.              bare_word ::= XMLSERIALIZE.
bare_word ::= XMLTABLE.
