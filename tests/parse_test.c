/* parse_test.c - lexer and grammar: trees, errors and their places, limits, memory, words. */
#include "grammar.h"
#include "parser/keyword.h"
#include "parser/parse.h"
#include "parser/parse_priv.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Case {
    const char *sql, *tree;
} Case;

static char notice_text[400];

static void
take_notice(Ctx *ctx, const char *severity, Status code, const char *message)
{
    (void)ctx, (void)severity;
    snprintf(notice_text, sizeof(notice_text), "%s %s", status_sqlstate(code), message);
}

static char *
tree_of(Arena *arena, const char *sql)
{
    Ctx ctx = {.notice = take_notice};
    Ast *stmt, *copy;
    size_t consumed, nbytes;
    bool equal;
    char *text;
    Status st = parse_sql(&ctx, arena, sql, strlen(sql), &stmt, &consumed);
    if (st != QN_OK) {
        text = arena_printf(arena, "%s %s @%d", status_sqlstate(st), ctx.err.message, ctx.err.position);
        err_clear(&ctx.err);
        return text;
    }
    StrBuf b = strbuf_new(arena);
    assert_int_equal(ast_print(&ctx, &b, stmt, false), QN_OK);
    assert_int_equal(strbuf_finish(&ctx, &b, &text, &nbytes), QN_OK);
    assert_int_equal(ast_copy(&ctx, arena, stmt, &copy), QN_OK);
    assert_int_equal(ast_equal(&ctx, stmt, copy, &equal), QN_OK);
    assert_true(equal);
    return text;
}

static void
check_cases(const Case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        Arena *arena = arena_create(NULL, "test");
        char *found = tree_of(arena, cases[i].sql);
        if (strcmp(found, cases[i].tree) != 0) print_error("for: %s\n", cases[i].sql);
        assert_string_equal(found, cases[i].tree);
        arena_destroy(arena);
    }
    assert_int_equal(mem_live_blocks(), 0);
}
#define CHECK(cases) check_cases((cases), sizeof(cases) / sizeof((cases)[0]))

/* Wraps an expression's tree the way SELECT shows it. */
#define SELECT_OF(tree) "{SelectStmt :targets ({ResTarget :value " tree "})}"
#define COL(name) "{ColumnRef :fields ({StringNode :str \"" name "\"})}"
#define INT(n) "{A_Const :kind CONST_INT :ival " #n "}"
#define STRING(s) "{A_Const :kind CONST_STRING :str \"" s "\"}"
#define SYSTYPE(t) "{TypeName :names ({StringNode :str \"pg_catalog\"} {StringNode :str \"" t "\"})"

static void
test_trees(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"", "NULL"},
        {" -- nothing\n ;", "NULL"},
        {"SELECT a, b FROM t WHERE id = 7",
         "{SelectStmt :targets ({ResTarget :value " COL("a") "} {ResTarget :value " COL("b") "}) :from ({RangeVar :name \"t\"})"
         " :where {A_Expr :op \"=\" :left " COL("id") " :right " INT(7) "}}"},
        {"SELECT a || b || c", SELECT_OF("{ConcatExpr :args (" COL("a") " " COL("b") " " COL("c") ")}")},
        {"SELECT a OR b OR c AND d",
         SELECT_OF("{A_BoolExpr :op BOOL_OR :args (" COL("a") " " COL("b") " {A_BoolExpr :args (" COL("c") " " COL("d") ")})}")},
        {"SELECT NOT a = b", SELECT_OF("{A_BoolExpr :op BOOL_NOT :args ({A_Expr :op \"=\" :left " COL("a") " :right " COL("b") "})}")},
        {"SELECT -a ^ b", SELECT_OF("{A_Expr :op \"^\" :left {A_Expr :op \"-\" :right " COL("a") "} :right " COL("b") "}")},
        {"SELECT a + b * c <= d",
         SELECT_OF("{A_Expr :op \"<=\" :left {A_Expr :op \"+\" :left " COL("a") " :right {A_Expr :op \"*\" :left " COL("b")
                   " :right " COL("c") "}} :right " COL("d") "}")},
        {"SELECT a -> b = c ->> d",
         SELECT_OF("{A_Expr :op \"=\" :left {A_Expr :op \"->\" :left " COL("a") " :right " COL("b")
                   "} :right {A_Expr :op \"->>\" :left " COL("c") " :right " COL("d") "}}")},
        {"SELECT a IS NULL IS TRUE", SELECT_OF("{BooleanTest :arg {NullTest :arg " COL("a") "}}")},
        {"SELECT a NOT IN (1)", SELECT_OF("{A_Expr :kind EXPR_IN :op \"<>\" :left " COL("a") " :right {ListNode :items (" INT(1) ")}}")},
        {"SELECT a::int", SELECT_OF("{TypeCast :arg " COL("a") " :type " SYSTYPE("int4") "}}")},
        {"SELECT interval '1' day", SELECT_OF("{TypeCast :arg " STRING("1") " :type " SYSTYPE("interval") " :typmods (" INT(8) ")}}")},
        {"SELECT f(x => 1)",
         SELECT_OF("{FuncCall :name ({StringNode :str \"f\"}) :args ({NamedArgExpr :name \"x\" :arg " INT(1) "})}")},
        {"SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3",
         "{SelectStmt :setop SETOP_UNION :setop_all 1 :setop_args (" SELECT_OF(INT(1)) " " SELECT_OF(INT(2)) " " SELECT_OF(INT(3)) ")}"},
        {"UPDATE t SET a = 1", "{UpdateStmt :rel {RangeVar :name \"t\"} :targets ({ResTarget :name \"a\" :value " INT(1) "})}"},
        {"CREATE VIEW v AS SELECT 1  WITH CHECK OPTION",
         "{ViewStmt :rel {RangeVar :name \"v\"} :query " SELECT_OF(INT(1)) " :check VIEW_CHECK_CASCADED :query_text \"SELECT 1\"}"},
        {"DROP TABLE IF EXISTS s.t CASCADE",
         "{DropStmt :objects ({ListNode :items ({StringNode :str \"s\"} {StringNode :str \"t\"})}) :behavior DROP_CASCADE :missing_ok 1}"},
    };
    CHECK(cases);
}

static void
test_literals(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"SELECT 'it''s' \n 'so'", SELECT_OF(STRING("it'sso"))},
        {"SELECT 'a' -- between\n 'b'", SELECT_OF(STRING("ab"))},
        {"SELECT E'a\\x41\\u00e9\\101'", SELECT_OF(STRING("aA\xc3\xa9""A"))},
        {"SELECT $$it's$$", SELECT_OF(STRING("it's"))},
        {"SELECT $a$ $b$ $$ $a$", SELECT_OF(STRING(" $b$ $$ "))},
        {"SELECT U&'d!0061t' UESCAPE '!'", SELECT_OF(STRING("dat"))},
        {"SELECT U&\"\\0061\"", SELECT_OF(COL("a"))},
        {"SELECT B'101'", SELECT_OF("{A_Const :kind CONST_BITS :str \"b101\"}")},
        {"SELECT X'1F'", SELECT_OF("{A_Const :kind CONST_BITS :str \"x1F\"}")},
        {"SELECT 0x1F", SELECT_OF(INT(31))},
        {"SELECT 0o17", SELECT_OF(INT(15))},
        {"SELECT 0b101", SELECT_OF(INT(5))},
        {"SELECT 1_000", SELECT_OF(INT(1000))},
        {"SELECT 9223372036854775807", SELECT_OF(INT(9223372036854775807))},
        {"SELECT 9223372036854775808", SELECT_OF("{A_Const :kind CONST_NUMERIC :str \"9223372036854775808\"}")},
        {"SELECT 1.5e3", SELECT_OF("{A_Const :kind CONST_NUMERIC :str \"1.5e3\"}")},
        {"SELECT $12", SELECT_OF("{ParamRef :number 12}")},
        {"SELECT /* a /* b */ c */ \"A b\"", SELECT_OF(COL("A b"))},
        {"SELECT 1--2\n", SELECT_OF(INT(1))},
        {"SELECT 1 +/* */-2", SELECT_OF("{A_Expr :op \"+\" :left " INT(1) " :right {A_Expr :op \"-\" :right " INT(2) "}}")},
        {"SELECT 1 @-2", SELECT_OF("{A_Expr :op \"@-\" :left " INT(1) " :right " INT(2) "}")},
        {"SELECT 1 =-2", SELECT_OF("{A_Expr :op \"=\" :left " INT(1) " :right {A_Expr :op \"-\" :right " INT(2) "}}")},
    };
    CHECK(cases);
}

static void
test_errors_name_the_place(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"SELECT a FROM 3", "42601 syntax error at or near \"3\" @15"},
        {"SELECT a, (b", "42601 syntax error at end of input @13"},
        {"SELECT 1 FROM", "42601 syntax error at end of input @14"},
        {"SELECT 12abc", "42601 trailing junk after numeric literal at or near \"12abc\" @8"},
        {"SELECT 'abc", "42601 unterminated quoted string at or near \"'abc\" @8"},
        {"SELECT \"abc", "42601 unterminated quoted identifier at or near \"\"abc\" @8"},
        {"SELECT \"\"", "42601 zero-length delimited identifier at or near \"\"\"\" @8"},
        {"SELECT $a$ x", "42601 unterminated dollar-quoted string at or near \"$a$ x\" @8"},
        {"SELECT /* x", "42601 unterminated /* comment at or near \"/* x\" @8"},
        {"SELECT a < b < c", "42601 syntax error at or near \"<\" @14"},
        {"SELECT 1 year", "42601 syntax error at or near \"year\" @10"},
        {"SELECT a, b, ?", "42601 syntax error at end of input @15"},
        {"FROBNICATE", "42601 syntax error at or near \"FROBNICATE\" @1"},
        {"SELECT * FROM (SELECT 1) LIMIT 1, 2", "42601 subquery in FROM must have an alias @15"},
        {"SELECT E'\\u00'", "22025 invalid Unicode escape @10"},
        {"SELECT f.*.x", "42601 improper use of \"*\" at end of input @13"},
        {"SELECT * FROM a.b.c.d", "42601 improper qualified name (too many dotted names): a.b.c.d @15"},
        {"CREATE TABLE t (a int CHECK (a > 0) DEFERRABLE)", "42601 misplaced DEFERRABLE clause @37"},
        {"SELECT sum(a) OVER (ROWS UNBOUNDED FOLLOWING)", "42P20 frame start cannot be UNBOUNDED FOLLOWING @26"},
    };
    CHECK(cases);
}

/* A word of the grammar is a name wherever nothing else is meant. */
static void
test_words_are_names(void **state)
{
    (void)state;
    static const char *const sql[] = {
        "SELECT value, key, name, type, year, month, at, double, if, current, set, exclude, rollup, operator FROM data",
        "SELECT 1 at, 2 AS select, 3 \"select\", 4 value", "SELECT a AS year, b.year, b.select FROM t b",
        "CREATE TABLE set (exclude int, if text, double double precision, key int)", "DROP TABLE if",
        "WITH recursive AS (SELECT 1) SELECT * FROM recursive", "SELECT partition, range FROM t WINDOW w AS (PARTITION BY range)",
        "SELECT count(*) OVER (ROWS 1 PRECEDING), count(*) OVER (w RANGE UNBOUNDED PRECEDING) FROM t",
        "UPDATE t SET set = 1", "UPDATE t SET current = 1 WHERE current = 2", "SELECT left('a', 1), right('b', 1), char_length('c')",
        "SELECT t.user FROM t", "SET role = 'x'", "SELECT f(value => 1, key := 2)", "INSERT INTO t values (1)",
    };
    for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
        Arena *arena = arena_create(NULL, "test");
        char *found = tree_of(arena, sql[i]);
        if (found[0] != '{') print_error("%s: %s\n", sql[i], found);
        assert_int_equal(found[0], '{');
        arena_destroy(arena);
    }
}

static void
test_keywords_and_grammar_agree(void **state)
{
    (void)state;
    const Keyword *k, *last = NULL;
    for (int i = 0; (k = keyword_at(i)) != NULL; i++, last = k) {
        assert_ptr_equal(keyword_find(k->text, strlen(k->text)), k);
        if (last != NULL) assert_true(strcmp(last->text, k->text) < 0);
        assert_int_equal(parse_is_unreserved(k->token), k->class == KEYWORD_UNRESERVED);
        /* As a column, a function, and a label without AS. */
        char sql[100];
        Arena *arena = arena_create(NULL, "test");
        snprintf(sql, sizeof(sql), "CREATE TABLE t (%s.x int)", k->text); /* a name never stands so */
        assert_int_equal(tree_of(arena, sql)[0], '4');
        snprintf(sql, sizeof(sql), "DROP VIEW s.%s, t", k->text);
        assert_int_equal(tree_of(arena, sql)[0], '{');
        snprintf(sql, sizeof(sql), "DROP VIEW %s", k->text);
        bool is_name = k->class == KEYWORD_UNRESERVED || k->class == KEYWORD_COL_NAME;
        assert_int_equal(tree_of(arena, sql)[0] == '{', is_name);
        snprintf(sql, sizeof(sql), "SELECT 1 %s", k->text);
        bool is_label = tree_of(arena, sql)[0] == '{';
        if (strcmp(k->text, "isnull") != 0 && strcmp(k->text, "notnull") != 0) /* operators, too */
            assert_int_equal(is_label, k->is_bare_label);
        snprintf(sql, sizeof(sql), "SELECT 1 AS %s", k->text);
        assert_int_equal(tree_of(arena, sql)[0], '{');
        arena_destroy(arena);
    }
    assert_null(keyword_find("selects", 7));
    assert_null(keyword_find("zzz", 3));
}

static void
test_long_names_are_cut_with_a_notice(void **state)
{
    (void)state;
    Arena *arena = arena_create(NULL, "test");
    char sql[200] = "SELECT ";
    memset(sql + 7, 'a', 70);
    notice_text[0] = '\0';
    assert_int_equal(tree_of(arena, sql)[0], '{');
    assert_memory_equal(notice_text, "42622 identifier \"aaa", 21);
    arena_destroy(arena);
}

static void
test_one_statement_a_call(void **state)
{
    (void)state;
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    const char *sql = "SELECT 1; CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); \n";
    size_t n = strlen(sql), consumed;
    Ast *stmt;
    assert_int_equal(parse_sql(&ctx, arena, sql, n, &stmt, &consumed), QN_OK);
    assert_int_equal(consumed, 9);
    assert_int_equal(parse_sql(&ctx, arena, sql + 9, n - 9, &stmt, &consumed), QN_OK);
    assert_true(ast_is(stmt, RuleStmt));
    assert_int_equal(9 + consumed, n - 2);
    assert_int_equal(parse_sql(&ctx, arena, sql + n - 2, 2, &stmt, &consumed), QN_OK);
    assert_null(stmt);
    assert_int_equal(consumed, 2);
    arena_destroy(arena);
}

/* prefix, open n times, middle, close n times */
static Status
parse_nested(const char *prefix, const char *open, const char *middle, const char *close, int n)
{
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    StrBuf b = strbuf_new(arena);
    Ast *stmt;
    size_t consumed;
    strbuf_addz(&b, prefix);
    for (int i = 0; i < n; i++) strbuf_addz(&b, open);
    strbuf_addz(&b, middle);
    for (int i = 0; i < n; i++) strbuf_addz(&b, close);
    Status st = parse_sql(&ctx, arena, b.data, b.nbytes, &stmt, &consumed);
    err_clear(&ctx.err);
    arena_destroy(arena);
    return st;
}

static void
test_nesting(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *open, *middle, *close;
    } c[] = {{"SELECT ", "(", "1", ")"},
             {"SELECT ", "(SELECT ", "1", ")"},
             {"SELECT ", "CASE WHEN true THEN ", "1", " END"},
             {"SELECT ", "f(", "1", ")"},
             {"SELECT ", "ARRAY[", "1", "]"},
             {"SELECT ", "NOT ", "true", ""},
             {"SELECT ", "- ", "1", ""},
             {"SELECT ", "ROW(1, ", "1", ")"},
             {"SELECT * FROM ", "(SELECT * FROM ", "t", ") x"},
             {"SELECT * FROM ", "(", "a JOIN b ON true", " JOIN c ON true)"},
             {"", "WITH x AS (", "SELECT 1", ") SELECT 1"},
             {"SELECT 1 WHERE ", "EXISTS (SELECT 1 WHERE ", "true", ")"}};
    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        if (parse_nested(c[i].prefix, c[i].open, c[i].middle, c[i].close, 1000) != QN_OK) print_error("%s\n", c[i].open);
        assert_int_equal(parse_nested(c[i].prefix, c[i].open, c[i].middle, c[i].close, 1000), QN_OK);
        assert_int_equal(parse_nested(c[i].prefix, c[i].open, c[i].middle, c[i].close, 100000), ERR_STATEMENT_TOO_COMPLEX);
    }
    assert_int_equal(mem_live_blocks(), 0);
}

static void
test_long_lists_are_flat(void **state)
{
    (void)state;
    assert_int_equal(parse_nested("SELECT true", " AND true", "", "", 10000), QN_OK);
    assert_int_equal(parse_nested("SELECT true", " OR true", "", "", 10000), QN_OK);
    assert_int_equal(parse_nested("SELECT 'a'", " || 'a'", "", "", 10000), QN_OK);
    assert_int_equal(parse_nested("SELECT 1", " UNION ALL SELECT 1", "", "", 10000), QN_OK);
    assert_int_equal(parse_nested("SELECT 1", ", 1", "", "", 10000), QN_OK);
    assert_int_equal(parse_nested("VALUES (1)", ", (1)", "", "", 10000), QN_OK);
}

#define TEN(s) s s s s s s s s s s

static void
test_out_of_memory_everywhere(void **state)
{
    (void)state;
    static const char *const sql[] = {
        "WITH x AS (SELECT a || b || c AS y FROM s.t WHERE a IN (1, 2) AND b LIKE 'x' ESCAPE '!' ORDER BY 1 DESC LIMIT 3)"
        " SELECT sum(y) OVER (PARTITION BY z ROWS 1 PRECEDING), CASE WHEN y THEN 1 END, E'\\n', U&'\\0041' FROM x JOIN z USING (a)"
        " UNION SELECT 1 UNION SELECT 2 UNION SELECT 3",
        "CREATE TABLE t (a int PRIMARY KEY DEFERRABLE, b varchar(3) DEFAULT 'x' COLLATE \"C\", CHECK (a > 0),"
        " FOREIGN KEY (a) REFERENCES q ON DELETE SET NULL) PARTITION BY RANGE (a)",
        "CREATE RECURSIVE VIEW v (a, b) AS SELECT 1, 2", "ALTER TABLE t ALTER a TYPE int USING b + 1, ADD CONSTRAINT c UNIQUE (a)",
        "CREATE OR REPLACE FUNCTION f(a int, OUT b text) RETURNS SETOF text LANGUAGE sql AS 'x'",
        "SELECT " TEN("((((((((((((") "1" TEN("))))))))))))"), /* the stack moves to the heap */
    };
    for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
        for (int64_t n = 0;; n++) {
            Ctx ctx = {0};
            Ast *stmt;
            size_t consumed;
            Arena *arena = arena_create(NULL, "test");
            mem_fail_after(n, false);
            Status st = parse_sql(&ctx, arena, sql[i], strlen(sql[i]), &stmt, &consumed);
            mem_fail_after(-1, false);
            if (st != QN_OK && st != ERR_OUT_OF_MEMORY) print_error("%s: %s\n", sql[i], ctx.err.message);
            err_clear(&ctx.err);
            arena_destroy(arena);
            assert_int_equal(mem_live_blocks(), 0);
            if (st == QN_OK) break;
            assert_int_equal(st, ERR_OUT_OF_MEMORY);
            assert_true(n < 10000);
        }
    }
}

/* Any prefix of a text is a statement or an error with a place in it, and never read past its end. */
static void
test_prefixes(void **state)
{
    (void)state;
    const char *sql = "WITH x AS (SELECT E'\\u0041', $a$ b $a$, U&'x' UESCAPE '!', 0x1F, 1.5e-3 FROM t /* c /* d */ */ WHERE a NOT IN (1))"
                      " SELECT \"q\"\"r\" -- end\n FROM x";
    for (size_t n = 0; n <= strlen(sql); n++) {
        Ctx ctx = {0};
        Ast *stmt;
        size_t consumed;
        Arena *arena = arena_create(NULL, "test");
        char *copy = malloc(n + (n == 0));
        memcpy(copy, sql, n);
        if (parse_sql(&ctx, arena, copy, n, &stmt, &consumed) != QN_OK) {
            assert_true(ctx.err.position >= 1 && (size_t)ctx.err.position <= n + 1);
            err_clear(&ctx.err);
        }
        free(copy);
        arena_destroy(arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_errors_name_the_place),
        cmocka_unit_test(test_words_are_names),
        cmocka_unit_test(test_keywords_and_grammar_agree),
        cmocka_unit_test(test_long_names_are_cut_with_a_notice),
        cmocka_unit_test(test_one_statement_a_call),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_long_lists_are_flat),
        cmocka_unit_test(test_out_of_memory_everywhere),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
