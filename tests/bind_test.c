/* bind_test.c - SQL text to logical trees and errors, over a small database in memory. The trees are those after
 * the rewrites; the errors are PostgreSQL's, with its SQLSTATE, position and hint. */
#include "parser/parse.h"
#include "planner/logical.h"
#include "session/session.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

static const char setup_sql[] = "CREATE TABLE t (a int PRIMARY KEY, b text, c numeric, d date);"
                                "CREATE TABLE u (a int, x bigint, y varchar);"
                                "CREATE TABLE o (id int PRIMARY KEY DEFAULT 1+2, v bigint CHECK (v > 0), s text);"
                                "CREATE VIEW v AS SELECT a, b FROM t WHERE a > 10;";
static quern *db;
static RelPins pins;

static int
open_database(void **state)
{
    (void)state;
    if (quern_open(":memory:", &db) != QUERN_OK) return 1;
    return quern_exec(db, setup_sql, NULL, NULL) != QUERN_OK;
}

static int
close_database(void **state)
{
    (void)state;
    return quern_close(db) != QUERN_OK;
}

/* ---- the tests ---- */

static Status
bind_text(Ctx *ctx, Arena *arena, const char *sql, PlanState *ps, Query **q)
{
    Ast *stmt;
    size_t consumed;
    memset(ps, 0, sizeof(*ps));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    TRY(parse_sql(ctx, arena, sql, strlen(sql), &stmt, &consumed));
    TRY(bind_statement(ps, stmt, q));
    return passes_run(ps, *q);
}

static Status
bind(Ctx *ctx, Arena *arena, const char *sql, PlanState *ps, Query **q)
{
    RelPins *before = catalog_pins_use(ctx, &pins);
    Arena *saved = ctx->stmt_arena;
    ctx->stmt_arena = arena;
    Status st = bind_text(ctx, arena, sql, ps, q);
    ctx->stmt_arena = saved;
    catalog_pins_use(ctx, before);
    relpins_release(ctx, &pins);
    return st;
}

/* The connection's context is its first member. */
static Ctx *
db_ctx(void)
{
    Ctx *ctx = &((Session *)db)->ctx;
    char here;
    ctx->stack_base = &here;
    ctx->stack_limit = 480 * 1024;
    return ctx;
}

static void
test_trees(void **state)
{
    static const struct { const char *sql, *tree; } cases[] = {
        {"SELECT a, b FROM t WHERE a = 7",
         "out: 1.a, 1.b\n"
         "Filter (1.a = 7)\n"
         "  Get#1 t"},
        {"SELECT 1+1, 'x', a*2 AS z FROM t ORDER BY z, a LIMIT 3",
         "out: 2.?column?, 2.?column?, 2.z\n"
         "Limit '3':int8 offset -\n"
         "  Sort 2.z, 2.3\n"
         "    Project#2 2, 'x':text, (1.a * 2), 1.a\n"
         "      Get#1 t"},
        {"SELECT * FROM t JOIN u USING (a) WHERE x > 3",
         "out: 1.a, 1.b, 1.c, 1.d, 2.x, 2.y\n"
         "Join inner (1.a = 2.a)\n"
         "  Get#1 t\n"
         "  Filter (2.x > 3)\n"
         "    Get#2 u"},
        {"SELECT t.a, count(*), sum(x) FROM t LEFT JOIN u ON t.a = u.a WHERE u.x > 1 GROUP BY t.a, b HAVING count(*) > 1 ORDER BY 2 DESC",
         "out: 3.a, 3.count, 3.sum\n"
         "Sort 3.count desc\n"
         "  Filter (3.count > 1)\n"
         "    Aggregate#3 by (1.a, 1.b) count(*), sum(2.x)\n"
         "      Join inner (1.a = 2.a)\n"
         "        Get#1 t\n"
         "        Filter (2.x > 1)\n"
         "          Get#2 u"},
        {"SELECT b, a FROM t GROUP BY a",
         "out: 2.b, 2.a\n"
         "Aggregate#2 by (1.a, 1.b) \n"
         "  Get#1 t"},
        {"SELECT * FROM v WHERE b = 'x'",
         "out: 1.a, 1.b\n"
         "Filter (1.a > 10) and (1.b = 'x':text)\n"
         "  Get#1 t"},
        {"SELECT a FROM t WHERE a IN (1,2,3) AND EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND x = 3)",
         "out: 1.a\n"
         "Join semi (2.a = 1.a)\n"
         "  Filter (1.a = any( '{1,2,3}':_int4))\n"
         "    Get#1 t\n"
         "  Filter (2.x = 3)\n"
         "    Get#2 u"},
        {"SELECT a FROM t WHERE a IN (SELECT a FROM u) AND a NOT IN (SELECT x FROM u)",
         "out: 1.a\n"
         "Join semi (1.a = 2.a)\n"
         "  Filter (not ANY((1.a = @1:int8), \n"
         "      out: 3.x\n"
         "      Get#3 u\n"
         "))\n"
         "    Get#1 t\n"
         "  Get#2 u"},
        {"SELECT a FROM t WHERE NOT exists(SELECT 1 FROM u WHERE u.a = t.a)",
         "out: 1.a\n"
         "Join anti (2.a = 1.a)\n"
         "  Get#1 t\n"
         "  Get#2 u"},
        {"SELECT a, (SELECT count(*) FROM u WHERE u.a = t.a AND x > 3) FROM t",
         "out: 1.a, coalesce(3.1, '0':int8)\n"
         "Join left (3.a = 1.a)\n"
         "  Get#1 t\n"
         "  Aggregate#3 by (2.a) count(*)\n"
         "    Filter (2.x > 3)\n"
         "      Get#2 u"},
        {"SELECT x, (SELECT max(c) FROM t WHERE t.a = u.a) FROM u",
         "out: 1.x, SCALAR(\n"
         "    out: 3.max\n"
         "    Aggregate#3 by () max(2.c)\n"
         "      Filter (2.a = 1.a)\n"
         "        Get#2 t\n"
         ")\n"
         "Get#1 u"},
        {"SELECT * FROM t FULL JOIN u USING (a) ORDER BY a",
         "out: 3.a, 3.b, 3.c, 3.d, 3.x, 3.y\n"
         "Sort 3.a\n"
         "  Project#3 coalesce(1.a, 2.a), 1.b, 1.c, 1.d, 2.x, 2.y\n"
         "    Join full (1.a = 2.a)\n"
         "      Get#1 t\n"
         "      Get#2 u"},
        {"SELECT * FROM t RIGHT JOIN u ON t.a = u.a WHERE t.b = 'x'",
         "out: 1.a, 1.b, 1.c, 1.d, 2.a, 2.x, 2.y\n"
         "Join inner (1.a = 2.a)\n"
         "  Filter (1.b = 'x':text)\n"
         "    Get#1 t\n"
         "  Get#2 u"},
        {"SELECT * FROM t FULL JOIN u ON t.a = u.a WHERE t.b = 'x'",
         "out: 1.a, 1.b, 1.c, 1.d, 2.a, 2.x, 2.y\n"
         "Join left (1.a = 2.a)\n"
         "  Filter (1.b = 'x':text)\n"
         "    Get#1 t\n"
         "  Get#2 u"},
        {"SELECT * FROM t LEFT JOIN LATERAL (SELECT x FROM u WHERE u.a = t.a LIMIT 1) s ON true",
         "out: 1.a, 1.b, 1.c, 1.d, 2.x\n"
         "Join left lateral \n"
         "  Get#1 t\n"
         "  Limit '1':int8 offset -\n"
         "    Filter (2.a = 1.a)\n"
         "      Get#2 u"},
        {"SELECT s.k FROM t LEFT JOIN (SELECT 1 AS k, a FROM u) s ON s.a = t.a",
         "out: 3.k\n"
         "Join left (3.a = 1.a)\n"
         "  Get#1 t\n"
         "  Project#3 1, 2.a\n"
         "    Get#2 u"},
        {"SELECT sum(count(*)) OVER (), b FROM t GROUP BY b",
         "out: 3.sum, 2.b\n"
         "Window#3 partition () order () sum(2.count)\n"
         "  Aggregate#2 by (1.b) count(*)\n"
         "    Get#1 t"},
        {"SELECT row_number() OVER (PARTITION BY b ORDER BY a), rank() OVER w FROM t WINDOW w AS (ORDER BY c DESC)",
         "out: 2.row_number, 3.rank\n"
         "Window#3 partition () order (1.c desc) rank()\n"
         "  Window#2 partition (1.b) order (1.a) row_number()\n"
         "    Get#1 t"},
        {"SELECT (SELECT max(t.a) FROM u) FROM t",
         "out: SCALAR(\n"
         "    out: 3.max\n"
         "    Get#2 u\n"
         ")\n"
         "Aggregate#3 by () max(1.a)\n"
         "  Get#1 t"},
        {"SELECT grouping(a), a, b, count(*) FROM t GROUP BY ROLLUP (a, b)",
         "out: case 2.3 when (test = 0) then 0 when (test = 1) then 0 else 1 end, 2.a, 2.b, 2.count\n"
         "Aggregate#2 by (1.a, 1.b) sets 3 count(*)\n"
         "  Get#1 t"},
        {"SELECT DISTINCT ON (b) b, a FROM t ORDER BY b, a DESC",
         "out: 2.b, 2.a\n"
         "Distinct on 2.b\n"
         "  Sort 2.b, 2.a desc\n"
         "    Project#2 1.b, 1.a\n"
         "      Get#1 t"},
        {"SELECT a FROM t UNION SELECT x FROM u ORDER BY 1",
         "out: 3.a\n"
         "Sort 3.a\n"
         "  Distinct 3.a\n"
         "    SetOp#3 union all (1.a::int8) (2.x)\n"
         "      Get#1 t\n"
         "      Get#2 u"},
        {"SELECT a FROM t EXCEPT SELECT a FROM u INTERSECT SELECT 1",
         "out: 4.a\n"
         "SetOp#4 except (1.a) (3.a)\n"
         "  Get#1 t\n"
         "  SetOp#3 intersect (2.a) (1)\n"
         "    Get#2 u\n"
         "    OneRow"},
        {"SELECT a FROM (SELECT a, count(*) n FROM u GROUP BY a) s WHERE a = 3 AND n > 1",
         "out: 2.a\n"
         "Filter (2.count > 1)\n"
         "  Aggregate#2 by (1.a) count(*)\n"
         "    Filter (1.a = 3)\n"
         "      Get#1 u"},
        {"SELECT * FROM (SELECT a FROM t UNION ALL SELECT x FROM u) s WHERE a > 5",
         "out: 3.a\n"
         "SetOp#3 union all (1.a::int8) (2.x)\n"
         "  Filter (1.a::int8 > 5)\n"
         "    Get#1 t\n"
         "  Filter (2.x > 5)\n"
         "    Get#2 u"},
        {"SELECT * FROM (SELECT a, row_number() OVER (PARTITION BY b) rn, b FROM t) s WHERE b = 'k' AND rn = 1",
         "out: 1.a, 2.row_number, 1.b\n"
         "Filter (2.row_number = 1)\n"
         "  Window#2 partition (1.b) order () row_number()\n"
         "    Filter (1.b = 'k':text)\n"
         "      Get#1 t"},
        {"SELECT t.a, s.n FROM t JOIN (SELECT a, count(*) AS n FROM u GROUP BY a) s ON s.a = t.a WHERE t.a = 5",
         "out: 1.a, 3.count\n"
         "Join inner (3.a = 1.a)\n"
         "  Filter (1.a = 5)\n"
         "    Get#1 t\n"
         "  Aggregate#3 by (2.a) count(*)\n"
         "    Filter (2.a = 5)\n"
         "      Get#2 u"},
        {"SELECT a FROM t WHERE (a = 1 AND b = 'x') OR (a = 1 AND b = 'y')",
         "out: 1.a\n"
         "Filter (1.a = 1) and ((1.b = 'x':text) or (1.b = 'y':text))\n"
         "  Get#1 t"},
        {"SELECT a FROM t WHERE NOT (a = 1 OR b = 'x')",
         "out: 1.a\n"
         "Filter (1.a <> 1) and (1.b <> 'x':text)\n"
         "  Get#1 t"},
        {"SELECT generate_series(1, 3), a FROM t ORDER BY a",
         "out: 2.generate_series, 1.a\n"
         "ProjectSet#2 generate_series(1, 3)\n"
         "  Sort 1.a\n"
         "    Get#1 t"},
        {"SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b']) WITH ORDINALITY AS z(i, s, n)",
         "out: 1.i, 1.s, 1.n\n"
         "Function#1 unnest('{1,2}':_int4), unnest('{a,b}':_text)"},
        {"WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n+1 FROM r WHERE n < 10) SELECT sum(n) FROM r",
         "out: 5.sum\n"
         "Aggregate#5 by () sum(4.n)\n"
         "  CteRef#4 r"},
        {"WITH q AS (SELECT a, b FROM t) SELECT * FROM q WHERE a = 1",
         "out: 1.a, 1.b\n"
         "Filter (1.a = 1)\n"
         "  Get#1 t"},
        {"WITH q AS (SELECT a FROM t) SELECT * FROM q q1, q q2",
         "out: 2.a, 3.a\n"
         "Join inner \n"
         "  CteRef#2 q\n"
         "  CteRef#3 q"},
        {"INSERT INTO o (v, s) VALUES (1, 'a'), (2, 3)",
         "out: \n"
         "Modify#2 insert o 3, 3.v, 3.s check((2.v > 0))\n"
         "  Values#3 ('1':int8, 'a':text) ('2':int8, '3':text)"},
        {"INSERT INTO o VALUES (1, 2, 'a') ON CONFLICT (id) DO UPDATE SET v = excluded.v + o.v WHERE o.v < 5 RETURNING id, v*2",
         "out: 2.id, (2.v * 2)\n"
         "Modify#2 insert o 1, '2':int8, 'a':text check((2.v > 0)) conflict set (3.v + 2.v) where (2.v < 5)\n"
         "  OneRow"},
        {"UPDATE o SET v = v + 1, s = DEFAULT FROM u WHERE u.a = o.id RETURNING o.*, u.x",
         "out: 2.id, 2.v, 2.s, 3.x\n"
         "Modify#2 update o 1.ctid, (1.v + 1), NULL:text check((2.v > 0))\n"
         "  Join inner (3.a = 1.id)\n"
         "    Get#1 o\n"
         "    Get#3 u"},
        {"DELETE FROM o WHERE id IN (SELECT a FROM u)",
         "out: \n"
         "Modify#2 delete o 1.ctid\n"
         "  Join semi (1.id = 3.a)\n"
         "    Get#1 o\n"
         "    Get#3 u"},
        {"SELECT $1 + a, $2 FROM t WHERE b = $3",
         "out: ($1:int4 + 1.a), $2:text\n"
         "Filter (1.b = $3:text)\n"
         "  Get#1 t"},
        {"SELECT CASE WHEN a = 1 THEN 'x' ELSE b END, coalesce(a, 0), nullif(a, 3), greatest(a, 1.5) FROM t",
         "out: case when (1.a = 1) then 'x':text else 1.b end, coalesce(1.a, 0), (1.a nullif 3), greatest(1.a::numeric, '1.5':numeric)\n"
         "Get#1 t"},
        {"SELECT (a, b) < (1, 'x'), a IS DISTINCT FROM 1, b IS NOT DISTINCT FROM NULL FROM t",
         "out: row(1.a, 1.b) < row(1, 'x':text), (1.a is distinct from 1), 1.b is null\n"
         "Get#1 t"},
        {"SELECT array_agg(a ORDER BY b DESC), count(DISTINCT b) FILTER (WHERE a > 1), string_agg(b, ',') FROM t",
         "out: 2.array_agg, 2.count, 2.string_agg\n"
         "Aggregate#2 by () array_agg(1.a order by 1.b desc), count(distinct 1.b) filter (1.a > 1), string_agg(1.b, ',':text)\n"
         "  Get#1 t"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Ctx *ctx = db_ctx();
        PlanState ps;
        Query *q;
        Arena *arena = arena_create(NULL, "bind_test");
        if (bind(ctx, arena, cases[i].sql, &ps, &q) != QN_OK) fail_msg("%s: %s", cases[i].sql, ctx->err.message);
        StrBuf b = strbuf_new(arena);
        assert_int_equal(query_print(&ps, &b, q), QN_OK);
        while (b.nbytes > 0 && b.data[b.nbytes - 1] == '\n') b.data[--b.nbytes] = '\0';
        if (strcmp(b.data, cases[i].tree) != 0) fail_msg("%s\ngot:\n%s\nwant:\n%s", cases[i].sql, b.data, cases[i].tree);
        arena_destroy(arena);
    }
}

static void
test_errors(void **state)
{
    static const struct { const char *sql, *sqlstate; int position; const char *message, *hint; } cases[] = {
        {"SELECT b FROM t GROUP BY c", "42803", 8,
         "column \"t.b\" must appear in the GROUP BY clause or be used in an aggregate function", NULL},
        {"SELECT b, (SELECT t.c) FROM t GROUP BY b", "42803", 19,
         "subquery uses ungrouped column \"t.c\" from outer query", NULL},
        {"SELECT nope FROM t", "42703", 8,
         "column \"nope\" does not exist", NULL},
        {"SELECT t.nope FROM t", "42703", 8,
         "column t.nope does not exist", NULL},
        {"SELECT aa FROM t", "42703", 8,
         "column \"aa\" does not exist", "Perhaps you meant to reference the column \"t.a\"."},
        {"SELECT a FROM t, u", "42702", 8,
         "column reference \"a\" is ambiguous", NULL},
        {"SELECT z.a FROM t", "42P01", 8,
         "missing FROM-clause entry for table \"z\"", NULL},
        {"SELECT t.a FROM t AS y", "42P01", 8,
         "invalid reference to FROM-clause entry for table \"t\"", "Perhaps you meant to reference the table alias \"y\"."},
        {"SELECT a FROM nosuch", "42P01", 15,
         "relation \"nosuch\" does not exist", NULL},
        {"SELECT a + b FROM t", "42883", 10,
         "operator does not exist: integer + text", "No operator matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT foo(a) FROM t", "42883", 8,
         "function foo(integer) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT a FROM t WHERE count(*) > 1", "42803", 23,
         "aggregate functions are not allowed in WHERE", NULL},
        {"SELECT rank() FROM t", "42809", 8,
         "window function rank requires an OVER clause", NULL},
        {"SELECT sum(sum(a)) FROM t", "42803", 12,
         "aggregate function calls cannot be nested", NULL},
        {"SELECT count(rank() OVER ()) FROM t", "42803", 14,
         "aggregate function calls cannot contain window function calls", NULL},
        {"SELECT sum(a) OVER nosuch FROM t", "42704", 20,
         "window \"nosuch\" does not exist", NULL},
        {"SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t", "0A000", 46,
         "RANGE with offset PRECEDING/FOLLOWING is not supported for column type text", NULL},
        {"SELECT a FROM t LIMIT a", "42P10", 23,
         "argument of LIMIT must not contain variables", NULL},
        {"SELECT a FROM t ORDER BY 3", "42P10", 26,
         "ORDER BY position 3 is not in select list", NULL},
        {"SELECT a, b AS a FROM t ORDER BY a", "42702", 34,
         "ORDER BY \"a\" is ambiguous", NULL},
        {"SELECT DISTINCT a FROM t ORDER BY b", "42P10", 35,
         "for SELECT DISTINCT, ORDER BY expressions must appear in select list", NULL},
        {"SELECT DISTINCT ON (a) a, b FROM t ORDER BY b", "42P10", 21,
         "SELECT DISTINCT ON expressions must match initial ORDER BY expressions", NULL},
        {"SELECT a FROM t WHERE a + 1", "42804", 23,
         "argument of WHERE must be type boolean, not type integer", NULL},
        {"SELECT coalesce(a, b) FROM t", "42804", 20,
         "COALESCE types integer and text cannot be matched", NULL},
        {"SELECT c::date FROM t", "42846", 9,
         "cannot cast type numeric to date", NULL},
        {"SELECT a::nosuch FROM t", "42704", 11,
         "type \"nosuch\" does not exist", NULL},
        {"SELECT 1 UNION SELECT 'x'", "22P02", 23,
         "invalid input syntax for type integer: \"x\"", NULL},
        {"SELECT 1, 2 UNION SELECT 3", "42601", 26,
         "each UNION query must have the same number of columns", NULL},
        {"SELECT a FROM t UNION SELECT a FROM u ORDER BY a + 1", "0A000", 48,
         "invalid UNION/INTERSECT/EXCEPT ORDER BY clause", "Add the expression/function to every SELECT, or move the UNION into a FROM clause."},
        {"SELECT string_agg(DISTINCT b, ',' ORDER BY a) FROM t", "42P10", 44,
         "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list", NULL},
        {"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n+1.5 FROM r) SELECT * FROM r", "42804", 29,
         "recursive query \"r\" column 1 has type integer in non-recursive term but type numeric overall", "Cast the output of the non-recursive term to the correct type."},
        {"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r WHERE n IN (SELECT n FROM r)) SELECT * FROM r", "42P19", 88,
         "recursive reference to query \"r\" must not appear within a subquery", NULL},
        {"WITH RECURSIVE r AS (SELECT n FROM r) SELECT * FROM r", "42P19", 16,
         "recursive query \"r\" does not have the form non-recursive-term UNION [ALL] recursive-term", NULL},
        {"WITH q(z) AS (SELECT 1), q AS (SELECT 2) SELECT 1", "42712", 26,
         "WITH query name \"q\" specified more than once", NULL},
        {"INSERT INTO o (id, nope) VALUES (1, 2)", "42703", 20,
         "column \"nope\" of relation \"o\" does not exist", NULL},
        {"INSERT INTO o VALUES (1,2,3,4)", "42601", 29,
         "INSERT has more expressions than target columns", NULL},
        {"INSERT INTO o (id, v) VALUES (1)", "42601", 20,
         "INSERT has more target columns than expressions", NULL},
        {"INSERT INTO o SELECT a, b FROM t", "42804", 25,
         "column \"v\" is of type bigint but expression is of type text", "You will need to rewrite or cast the expression."},
        {"INSERT INTO o VALUES (1,1,'x') ON CONFLICT (v) DO NOTHING", "42P10", 0,
         "there is no unique or exclusion constraint matching the ON CONFLICT specification", NULL},
        {"UPDATE o SET nope = 1", "42703", 14,
         "column \"nope\" of relation \"o\" does not exist", NULL},
        {"UPDATE o SET v = 'x' || s", "42804", 18,
         "column \"v\" is of type bigint but expression is of type text", "You will need to rewrite or cast the expression."},
        {"UPDATE o SET v = 1, v = 2", "42601", 0,
         "multiple assignments to same column \"v\"", NULL},
        {"SELECT a FROM t WHERE a = 'x'", "22P02", 27,
         "invalid input syntax for type integer: \"x\"", NULL},
        {"SELECT a FROM t WHERE d = 'notadate'", "22007", 27,
         "invalid input syntax for type date: \"notadate\"", NULL},
        {"SELECT count(*) FROM t ORDER BY a", "42803", 33,
         "column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function", NULL},
        {"SELECT a, count(*) FROM t", "42803", 8,
         "column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function", NULL},
        {"SELECT * FROM t GROUP BY b", "42803", 8,
         "column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function", NULL},
        {"SELECT t.a FROM t JOIN u USING (nope)", "42703", 0,
         "column \"nope\" specified in USING clause does not exist in left table", NULL},
        {"SELECT t.a FROM t JOIN u USING (a, a)", "42701", 0,
         "column name \"a\" appears more than once in USING clause", NULL},
        {"SELECT 1 FROM t JOIN t ON true", "42712", 0,
         "table name \"t\" specified more than once", NULL},
        {"SELECT 1 FROM t, t", "42712", 0,
         "table name \"t\" specified more than once", NULL},
        {"SELECT 1 FROM t JOIN u ON t.a = v.a", "42P01", 33,
         "missing FROM-clause entry for table \"v\"", NULL},
        {"SELECT 1 FROM t JOIN u ON count(*) > 1", "42803", 27,
         "aggregate functions are not allowed in JOIN conditions", NULL},
        {"SELECT 1 FROM t WHERE row_number() OVER () = 1", "42P20", 23,
         "window functions are not allowed in WHERE", NULL},
        {"SELECT 1 FROM t WHERE generate_series(1,2) = 1", "0A000", 23,
         "set-returning functions are not allowed in WHERE", NULL},
        {"SELECT CASE WHEN true THEN generate_series(1,2) END", "0A000", 28,
         "set-returning functions are not allowed in CASE", "You might be able to move the set-returning function into a LATERAL FROM item."},
        {"SELECT coalesce(generate_series(1,2), 1)", "0A000", 17,
         "set-returning functions are not allowed in COALESCE", "You might be able to move the set-returning function into a LATERAL FROM item."},
        {"SELECT a FROM t HAVING b = 'x'", "42803", 8,
         "column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function", NULL},
        {"SELECT a FROM t GROUP BY 5", "42P10", 26,
         "GROUP BY position 5 is not in select list", NULL},
        {"SELECT a FROM t GROUP BY count(*)", "42803", 26,
         "aggregate functions are not allowed in GROUP BY", NULL},
        {"SELECT a FROM t ORDER BY 'x'", "42601", 26,
         "non-integer constant in ORDER BY", NULL},
        {"SELECT a FROM t LIMIT 'x'", "22P02", 23,
         "invalid input syntax for type bigint: \"x\"", NULL},
        {"SELECT a FROM t LIMIT count(*)", "42803", 23,
         "aggregate functions are not allowed in LIMIT", NULL},
        {"SELECT (SELECT a, b FROM t)", "42601", 8,
         "subquery must return only one column", NULL},
        {"SELECT a FROM t WHERE a IN (SELECT a, b FROM t)", "42601", 25,
         "subquery has too many columns", NULL},
        {"SELECT a FROM t WHERE (a, b) IN (SELECT a FROM t)", "42601", 30,
         "subquery has too few columns", NULL},
        {"SELECT a FROM t WHERE (a, b) = (1, 2, 3)", "42601", 30,
         "unequal number of entries in row expressions", NULL},
        {"SELECT a FROM t WHERE a = ALL (1)", "42809", 25,
         "op ANY/ALL (array) requires array on right side", NULL},
        {"SELECT a FROM t WHERE (a, b) < (SELECT 1, 2)", "42883", 30,
         "operator does not exist: text < integer", "No operator matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT abs('x')", "22P02", 12,
         "invalid input syntax for type double precision: \"x\"", NULL},
        {"SELECT abs(1, 2)", "42883", 8,
         "function abs(integer, integer) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT length(5)", "42883", 8,
         "function length(integer) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT sum(b) FROM t", "42883", 8,
         "function sum(text) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT sum(DISTINCT a, b) FROM t", "42883", 8,
         "function sum(integer, text) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT count() FROM t", "42809", 8,
         "count(*) must be used to call a parameterless aggregate function", NULL},
        {"SELECT lower(*) FROM t", "42883", 8,
         "function lower() does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT lower(DISTINCT b) FROM t", "42809", 8,
         "DISTINCT specified, but lower is not an aggregate function", NULL},
        {"SELECT lower(b) OVER () FROM t", "42809", 8,
         "OVER specified, but lower is not a window function nor an aggregate function", NULL},
        {"SELECT lower(b) FILTER (WHERE true) FROM t", "42809", 8,
         "FILTER specified, but lower is not an aggregate function", NULL},
        {"SELECT lag(a) FILTER (WHERE true) OVER () FROM t", "0A000", 8,
         "FILTER is not implemented for non-aggregate window functions", NULL},
        {"SELECT count(DISTINCT a) OVER () FROM t", "0A000", 8,
         "DISTINCT is not implemented for window functions", NULL},
        {"SELECT percentile_cont(0.5) FROM t", "42883", 8,
         "function percentile_cont(numeric) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT sum(a) WITHIN GROUP (ORDER BY a) FROM t", "42883", 8,
         "function sum(integer, integer) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT sum(a) OVER w FROM t WINDOW w AS (), w AS ()", "42P20", 50,
         "window \"w\" is already defined", NULL},
        {"SELECT sum(a) OVER (w PARTITION BY b) FROM t WINDOW w AS ()", "42P20", 20,
         "cannot override PARTITION BY clause of window \"w\"", NULL},
        {"SELECT sum(a) OVER (w ORDER BY b) FROM t WINDOW w AS (ORDER BY a)", "42P20", 20,
         "cannot override ORDER BY clause of window \"w\"", NULL},
        {"SELECT sum(a) OVER (w) FROM t WINDOW w AS (ORDER BY a ROWS UNBOUNDED PRECEDING)", "42P20", 20,
         "cannot copy window \"w\" because it has a frame clause", "Omit the parentheses in this OVER clause."},
        {"SELECT sum(a) OVER (ORDER BY a, b RANGE 1 PRECEDING) FROM t", "42P20", 20,
         "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column", NULL},
        {"SELECT sum(a) OVER (ROWS a PRECEDING) FROM t", "42P10", 26,
         "argument of ROWS must not contain variables", NULL},
        {"SELECT sum(a) OVER (GROUPS 1 PRECEDING) FROM t", "42P20", 20,
         "GROUPS mode requires an ORDER BY clause", NULL},
        {"SELECT sum(rank() OVER ()) OVER () FROM t", "42P20", 12,
         "window function calls cannot be nested", NULL},
        {"SELECT rank() OVER (ORDER BY rank() OVER ()) FROM t", "42P20", 30,
         "window functions are not allowed in window definitions", NULL},
        {"SELECT a FROM t UNION SELECT b FROM t", "42804", 30,
         "UNION types integer and text cannot be matched", NULL},
        {"SELECT a FROM t UNION SELECT a, b FROM t", "42601", 30,
         "each UNION query must have the same number of columns", NULL},
        {"SELECT a AS x, b AS x FROM t ORDER BY x", "42702", 39,
         "ORDER BY \"x\" is ambiguous", NULL},
        {"VALUES (1, 2), (3)", "42601", 17,
         "VALUES lists must all be the same length", NULL},
        {"VALUES (1), ('x')", "22P02", 14,
         "invalid input syntax for type integer: \"x\"", NULL},
        {"INSERT INTO o VALUES (1, 'x')", "22P02", 26,
         "invalid input syntax for type bigint: \"x\"", NULL},
        {"INSERT INTO o (id, id) VALUES (1, 1)", "42701", 20,
         "column \"id\" specified more than once", NULL},
        {"INSERT INTO o VALUES (a, 1)", "42703", 23,
         "column \"a\" does not exist", NULL},
        {"INSERT INTO o SELECT 1, 2, 3, 4", "42601", 31,
         "INSERT has more expressions than target columns", NULL},
        {"INSERT INTO o SELECT 1, 'x'", "22P02", 25,
         "invalid input syntax for type bigint: \"x\"", NULL},
        {"INSERT INTO o VALUES (1, count(*))", "42803", 26,
         "aggregate functions are not allowed in VALUES", NULL},
        {"INSERT INTO nosuch VALUES (1)", "42P01", 13,
         "relation \"nosuch\" does not exist", NULL},
        {"INSERT INTO o VALUES (1,2,'c') RETURNING nope", "42703", 42,
         "column \"nope\" does not exist", NULL},
        {"INSERT INTO o VALUES (1,2,'c') RETURNING count(*)", "42803", 42,
         "aggregate functions are not allowed in RETURNING", NULL},
        {"INSERT INTO o VALUES (1,2,'c') ON CONFLICT (id) DO UPDATE SET v = nope", "42703", 67,
         "column \"nope\" does not exist", NULL},
        {"INSERT INTO o VALUES (1,2,'c') ON CONFLICT (id) DO UPDATE SET v = id", "42702", 67,
         "column reference \"id\" is ambiguous", NULL},
        {"INSERT INTO o VALUES (1,2,'c') ON CONFLICT (id) DO UPDATE SET s = v", "42702", 67,
         "column reference \"v\" is ambiguous", NULL},
        {"UPDATE o SET v = count(*)", "42803", 18,
         "aggregate functions are not allowed in UPDATE", NULL},
        {"UPDATE o SET v = u.x", "42P01", 18,
         "missing FROM-clause entry for table \"u\"", NULL},
        {"UPDATE o SET id = s", "42804", 19,
         "column \"id\" is of type integer but expression is of type text", "You will need to rewrite or cast the expression."},
        {"UPDATE o SET (v, s) = (1, 2, 3)", "42601", 23,
         "number of columns does not match number of values", NULL},
        {"UPDATE o SET v = (SELECT 1, 2)", "42601", 18,
         "subquery must return only one column", NULL},
        {"UPDATE o SET v = v FROM o", "42712", 0,
         "table name \"o\" specified more than once", NULL},
        {"DELETE FROM o WHERE nope = 1", "42703", 21,
         "column \"nope\" does not exist", NULL},
        {"DELETE FROM o USING o", "42712", 0,
         "table name \"o\" specified more than once", NULL},
        {"WITH q AS (SELECT 1) SELECT * FROM nosuch", "42P01", 36,
         "relation \"nosuch\" does not exist", NULL},
        {"WITH q AS (SELECT 1 AS x) SELECT y FROM q", "42703", 34,
         "column \"y\" does not exist", NULL},
        {"SELECT * FROM (WITH z AS (DELETE FROM o RETURNING id) SELECT * FROM z) y", "0A000", 21,
         "WITH clause containing a data-modifying statement must be at the top level", NULL},
        {"SELECT * FROM generate_series(1, 2) AS g(a, b)", "42P10", 0,
         "table \"g\" has 1 columns available but 2 columns specified", NULL},
        {"SELECT * FROM (SELECT 1) AS s(a, b)", "42P10", 0,
         "table \"s\" has 1 columns available but 2 columns specified", NULL},
        {"SELECT * FROM nosuch(1)", "42883", 15,
         "function nosuch(integer) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT * FROM t, generate_series(1, u.a) g, u", "42P01", 37,
         "missing FROM-clause entry for table \"u\"", NULL},
        {"SELECT * FROM t, (SELECT t.a) s", "42P01", 26,
         "invalid reference to FROM-clause entry for table \"t\"", "There is an entry for table \"t\", but it cannot be referenced from this part of the query."},
        {"SELECT * FROM u RIGHT JOIN LATERAL (SELECT u.a) s ON true", "42P10", 44,
         "invalid reference to FROM-clause entry for table \"u\"", NULL},
        {"SELECT nullif(a, b) FROM t", "42883", 8,
         "operator does not exist: integer = text", "No operator matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT a || c FROM t", "42883", 10,
         "operator does not exist: integer || numeric", "No operator matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT a IS TRUE FROM t", "42804", 8,
         "argument of IS TRUE must be type boolean, not type integer", NULL},
        {"SELECT NOT a FROM t", "42804", 12,
         "argument of NOT must be type boolean, not type integer", NULL},
        {"SELECT a AND true FROM t", "42804", 8,
         "argument of AND must be type boolean, not type integer", NULL},
        {"SELECT -b FROM t", "42883", 8,
         "operator does not exist: - text", "No operator matches the given name and argument type. You might need to add an explicit type cast."},
        {"SELECT ARRAY[1, 'x']", "22P02", 17,
         "invalid input syntax for type integer: \"x\"", NULL},
        {"SELECT ARRAY[a, b] FROM t", "42804", 17,
         "ARRAY types integer and text cannot be matched", NULL},
        {"SELECT a[1] FROM t", "42804", 8,
         "cannot subscript type integer because it does not support subscripting", NULL},
        {"SELECT (ARRAY[1,2])['x']", "22P02", 21,
         "invalid input syntax for type integer: \"x\"", NULL},
        {"SELECT CAST(a AS date) FROM t", "42846", 8,
         "cannot cast type integer to date", NULL},
        {"SELECT a::numeric(2000) FROM t", "22023", 11,
         "NUMERIC precision 2000 must be between 1 and 1000", NULL},
        {"SELECT a::varchar(0) FROM t", "22023", 11,
         "length for type varchar must be at least 1", NULL},
        {"SELECT grouping(a) FROM t", "42803", 17,
         "arguments to GROUPING must be grouping expressions of the associated query level", NULL},
        {"SELECT grouping(b) FROM t GROUP BY a", "42803", 17,
         "arguments to GROUPING must be grouping expressions of the associated query level", NULL},
        {"SELECT a FROM t WHERE grouping(a) = 1", "42803", 23,
         "grouping operations are not allowed in WHERE", NULL},
        {"SELECT max(a) FROM t WHERE a = max(a)", "42803", 32,
         "aggregate functions are not allowed in WHERE", NULL},
        {"SELECT a FROM t t1 WHERE exists (SELECT max(t1.a) FROM u)", "42803", 41,
         "aggregate functions are not allowed in WHERE", NULL},
        {"SELECT DISTINCT ON (nope) a FROM t", "42703", 21,
         "column \"nope\" does not exist", NULL},
        {"SELECT foo.t.a FROM t", "42P01", 8,
         "invalid reference to FROM-clause entry for table \"t\"", "There is an entry for table \"t\", but it cannot be referenced from this part of the query."},
        {"SELECT a.b FROM t", "42P01", 8,
         "missing FROM-clause entry for table \"a\"", NULL},
        {"SELECT t.* FROM u", "42P01", 8,
         "missing FROM-clause entry for table \"t\"", NULL},
        {"SELECT u.* FROM t", "42P01", 8,
         "missing FROM-clause entry for table \"u\"", NULL},
        {"SELECT *", "42601", 8,
         "SELECT * with no tables specified is not valid", NULL},
        {"SELECT * FROM t ORDER BY z", "42703", 26,
         "column \"z\" does not exist", NULL},
        {"SELECT lenght(b) FROM t", "42883", 8,
         "function lenght(text) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT bb, aaa FROM t", "42703", 8,
         "column \"bb\" does not exist", "Perhaps you meant to reference the column \"t.b\"."},
        {"SELECT u.y FROM u WHERE u.z = 1", "42703", 25,
         "column u.z does not exist", NULL},
        {"SELECT 1 + true", "42883", 10,
         "operator does not exist: integer + boolean", "No operator matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT 'a' + 'b'", "42725", 12,
         "operator is not unique: unknown + unknown", "Could not choose a best candidate operator. You might need to add explicit type casts."},
        {"SELECT 1 = 'x'", "22P02", 12,
         "invalid input syntax for type integer: \"x\"", NULL},
        {"SELECT date '2020-01-01' + 'x'", "42725", 26,
         "operator is not unique: date + unknown", "Could not choose a best candidate operator. You might need to add explicit type casts."},
        {"SELECT a BETWEEN 'x' AND 5 FROM t", "22P02", 18,
         "invalid input syntax for type integer: \"x\"", NULL},
        {"SELECT a IN (1, 'x') FROM t", "22P02", 17,
         "invalid input syntax for type integer: \"x\"", NULL},
        {"SELECT a LIKE 'x' FROM t", "42883", 10,
         "operator does not exist: integer ~~ unknown", "No operator matches the given name and argument types. You might need to add explicit type casts."},
        {"SELECT string_agg(a, ',') FROM t", "42883", 8,
         "function string_agg(integer, unknown) does not exist", "No function matches the given name and argument types. You might need to add explicit type casts."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Ctx *ctx = db_ctx();
        PlanState ps;
        Query *q;
        Arena *arena = arena_create(NULL, "bind_test");
        Status st = bind(ctx, arena, cases[i].sql, &ps, &q);
        if (st == QN_OK) fail_msg("%s: no error", cases[i].sql);
        if (strcmp(status_sqlstate(st), cases[i].sqlstate) != 0 || strcmp(ctx->err.message, cases[i].message) != 0 ||
            ctx->err.position != cases[i].position)
            fail_msg("%s: got %s %s at %d", cases[i].sql, status_sqlstate(st), ctx->err.message, ctx->err.position);
        if (cases[i].hint != NULL) assert_string_equal(ctx->err.hint, cases[i].hint);
        else assert_null(ctx->err.hint);
        err_clear(&ctx->err);
        arena_destroy(arena);
    }
}

/* ---- depth and length ---- */

typedef struct Deep {
    const char *before, *open, *middle, *close, *after;
} Deep;

static char *
nested_sql(const Deep *d, int depth)
{
    size_t nbytes = strlen(d->before) + strlen(d->middle) + strlen(d->after) + (size_t)depth * (strlen(d->open) + strlen(d->close)) + 1;
    char *sql = malloc(nbytes), *p = sql;
    p = stpcpy(p, d->before);
    for (int i = 0; i < depth; i++) p = stpcpy(p, d->open);
    p = stpcpy(p, d->middle);
    for (int i = 0; i < depth; i++) p = stpcpy(p, d->close);
    stpcpy(p, d->after);
    return sql;
}

static Status
bind_nested(const Deep *d, int depth)
{
    Ctx *ctx = db_ctx();
    PlanState ps;
    Query *q;
    char *sql = nested_sql(d, depth);
    Arena *arena = arena_create(NULL, "bind_test");
    Status st = bind(ctx, arena, sql, &ps, &q);
    err_clear(&ctx->err);
    arena_destroy(arena);
    free(sql);
    return st;
}

static const Deep deep[] = {
    {"SELECT ", "abs(", "a", ")", " FROM t"},
    {"SELECT ", "CASE WHEN a = 1 THEN ", "a", " END", " FROM t"},
    {"SELECT ", "NOT ", "a = 1", "", " FROM t"},
    {"SELECT ", "(", "1", ")", ""},
    {"SELECT * FROM ", "(SELECT * FROM ", "t", ") s", ""},
};

static void *
run_deep(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
        Status st = bind_nested(&deep[i], 200);
        if (st != QN_OK) return (void *)"a depth of 200 is refused";
        st = bind_nested(&deep[i], 20000);
        if (st != QN_OK && st != ERR_STATEMENT_TOO_COMPLEX) return (void *)"a depth of 20000 is not 54001";
    }
    return NULL;
}

static void
test_depth_is_bounded(void **state)
{
    pthread_attr_t attr;
    pthread_t thread;
    void *result;
    (void)state;
    assert_int_equal(pthread_attr_init(&attr), 0);
    /* The limit is ctx->stack_limit; the thread has more, since ThreadSanitizer keeps its own data there. */
    assert_int_equal(pthread_attr_setstacksize(&attr, 4 * 1024 * 1024), 0);
    assert_int_equal(pthread_create(&thread, &attr, run_deep, NULL), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    if (result != NULL) fail_msg("%s", (const char *)result);
}

static void
test_long_lists_stay_flat(void **state)
{
    static const Deep lists[] = {
        {"SELECT a FROM t WHERE a IN (0", ", 7", "", "", ")"},
        {"SELECT a FROM t WHERE a = 0", " OR a = 7", "", "", ""},
        {"SELECT a FROM t WHERE a = 0", " AND a <> 7", "", "", ""},
        {"SELECT b", " || b", "", "", " FROM t"},
        {"SELECT 1", " UNION ALL SELECT 2", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) assert_int_equal(bind_nested(&lists[i], 10000), QN_OK);
}

/* Fail the first allocation, then the second, ... until the statement is bound. */
static void
test_out_of_memory_everywhere(void **state)
{
    static const char sql[] = "WITH q AS (SELECT a, count(*) AS n FROM t WHERE b LIKE 'x%' GROUP BY a) SELECT q.a, CASE WHEN n > 1 THEN n + 1 "
                              "END FROM q JOIN u USING (a) WHERE x IN (1, 2, 3) AND EXISTS (SELECT 1 FROM o WHERE o.id = u.a) ORDER BY 1 LIMIT 3";
    (void)state;
    for (int64_t n = 0;; n++) {
        Ctx *ctx = db_ctx();
        PlanState ps;
        Query *q;
        Arena *arena = arena_create(NULL, "bind_test");
        assert_non_null(arena);
        mem_fail_after(n, false);
        Status st = bind(ctx, arena, sql, &ps, &q);
        mem_fail_after(-1, false);
        err_clear(&ctx->err);
        arena_destroy(arena);
        if (st == QN_OK) break;
        assert_string_equal(status_sqlstate(st), "53200");
        assert_true(n < 100000);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_long_lists_stay_flat),
        cmocka_unit_test(test_out_of_memory_everywhere),
    };
    return cmocka_run_group_tests(tests, open_database, close_database);
}
