/* api_test.c - quern.h as a caller uses it: results, errors, transactions, open statements, bulk loads, memory. */
#include "common/arena.h"
#include "include/quern.h"
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static quern *
open_memory(void)
{
    quern *db;
    if (quern_open(":memory:", &db) != QUERN_OK) fail_msg("%s", quern_errmsg(db));
    return db;
}

static void
run(quern *db, const char *sql)
{
    if (quern_exec(db, sql, NULL, NULL) != QUERN_OK)
        fail_msg("%s: %s %s", sql, quern_sqlstate(db), quern_errmsg(db));
}

static void
fails(quern *db, const char *sql, const char *sqlstate)
{
    assert_int_not_equal(quern_exec(db, sql, NULL, NULL), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), sqlstate);
}

static quern_stmt *
prepare(quern *db, const char *sql)
{
    quern_stmt *s;
    if (quern_prepare(db, sql, -1, &s, NULL) != QUERN_OK) fail_msg("%s: %s", sql, quern_errmsg(db));
    return s;
}

/* The one value of a query, as text. */
static void
assert_value(quern *db, const char *sql, const char *expected)
{
    quern_stmt *s = prepare(db, sql);
    if (quern_step(s) != QUERN_ROW) fail_msg("%s: no row: %s", sql, quern_errmsg(db));
    const char *text = quern_column_text(s, 0);
    assert_string_equal(text != NULL ? text : "NULL", expected);
    assert_int_equal(quern_finalize(s), QUERN_OK);
}

static void
test_misuse_is_reported_not_crashed(void **state)
{
    (void)state;
    quern_stmt *s;
    assert_int_equal(quern_close(NULL), QUERN_OK);
    assert_int_equal(quern_exec(NULL, "SELECT 1", NULL, NULL), QUERN_MISUSE);
    assert_int_equal(quern_prepare(NULL, "SELECT 1", -1, &s, NULL), QUERN_MISUSE);
    assert_null(s);
    assert_int_equal(quern_step(NULL), QUERN_MISUSE);
    assert_int_equal(quern_finalize(NULL), QUERN_OK);
    assert_string_equal(quern_errmsg(NULL), "out of memory");
    assert_int_equal(quern_column_count(NULL), 0);
    assert_null(quern_column_text(NULL, 0));
    quern *db = open_memory();
    s = prepare(db, "SELECT 1");
    assert_null(quern_column_text(s, 0)); /* not stepped */
    assert_int_equal(quern_bind_int32(s, 1, 1), QUERN_MISUSE);
    assert_int_equal(quern_step(s), QUERN_ROW);
    assert_null(quern_column_text(s, 1));
    assert_null(quern_column_name(s, -1));
    assert_int_equal(quern_finalize(s), QUERN_OK);
    assert_int_equal(quern_close(db), QUERN_OK);
}

static void
test_opening_what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    quern *db;
    assert_int_not_equal(quern_open("/nonexistent/directory/file.db", &db), QUERN_OK);
    assert_non_null(db);
    assert_int_not_equal(strlen(quern_errmsg(db)), 0);
    quern_stmt *s;
    assert_int_not_equal(quern_prepare(db, "SELECT 1", -1, &s, NULL), QUERN_OK);
    quern_close(db);
}

static void
test_columns_give_every_form_of_a_value(void **state)
{
    (void)state;
    quern *db = open_memory();
    quern_stmt *s = prepare(db, "SELECT 42 AS i, 2.5 AS n, 'text' AS t, true AS b, null AS x, 'q'::text AS q");
    assert_int_equal(quern_column_count(s), 6);
    assert_string_equal(quern_column_name(s, 0), "i");
    assert_int_equal(quern_column_type(s, 0), 23);
    assert_int_equal(quern_column_type(s, 1), 1700);
    assert_int_equal(quern_column_type(s, 3), 16);
    assert_int_equal(quern_step(s), QUERN_ROW);
    assert_int_equal(quern_column_int64(s, 0), 42);
    assert_string_equal(quern_column_text(s, 0), "42");
    assert_true(quern_column_double(s, 1) == 2.5);
    assert_string_equal(quern_column_text(s, 1), "2.5");
    assert_string_equal(quern_column_text(s, 2), "text");
    assert_int_equal(quern_column_bool(s, 3), 1);
    assert_string_equal(quern_column_text(s, 3), "t");
    assert_true(quern_column_is_null(s, 4));
    assert_null(quern_column_text(s, 4));
    size_t n;
    assert_memory_equal(quern_column_bytes(s, 5, &n), "q", 1);
    assert_int_equal(n, 1);
    assert_int_equal(quern_step(s), QUERN_DONE);
    assert_string_equal(quern_command_tag(s), "SELECT 1");
    assert_int_equal(quern_affected_rows(s), 1);
    quern_finalize(s);
    quern_close(db);
}

static void
test_prepare_hands_out_the_tail_and_nothing_for_nothing(void **state)
{
    (void)state;
    quern *db = open_memory();
    const char *sql = " ; SELECT 1; SELECT 2", *tail;
    quern_stmt *s;
    assert_int_equal(quern_prepare(db, sql, -1, &s, &tail), QUERN_OK);
    assert_non_null(s);
    assert_string_equal(tail, " SELECT 2");
    quern_finalize(s);
    assert_int_equal(quern_prepare(db, "  ", -1, &s, &tail), QUERN_OK);
    assert_null(s);
    quern_close(db);
}

static void
test_error_positions_count_characters_from_the_start_of_the_text(void **state)
{
    (void)state;
    quern *db = open_memory();
    quern_stmt *s;
    assert_int_not_equal(quern_prepare(db, "SELECT 'äöü', nosuch", -1, &s, NULL), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "42703");
    assert_int_equal(quern_errposition(db), 15);
    fails(db, "SELECT 1; SELECT nosuch", "42703");
    assert_int_equal(quern_errposition(db), 18);
    quern_close(db);
}

static void
test_any_value_binds_to_any_parameter_it_converts_to(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int, b text, c numeric(10,2), d date)");
    quern_stmt *s = prepare(db, "INSERT INTO t VALUES ($1, $2, $3, $4)");
    assert_int_equal(quern_bind_count(s), 4);
    assert_int_equal(quern_bind_type(s, 1), 23);
    assert_int_equal(quern_bind_text(s, 1, "7", -1), QUERN_OK);
    assert_int_equal(quern_bind_int64(s, 2, 123456789012), QUERN_OK);
    assert_int_equal(quern_bind_double(s, 3, 1.5), QUERN_OK);
    assert_int_equal(quern_bind_text(s, 4, "2024-02-29", -1), QUERN_OK);
    assert_int_equal(quern_step(s), QUERN_DONE);
    assert_string_equal(quern_command_tag(s), "INSERT 0 1");
    assert_int_equal(quern_bind_int64(s, 1, 99999999999), QUERN_OK);
    assert_int_not_equal(quern_step(s), QUERN_DONE);
    assert_string_equal(quern_sqlstate(db), "22003");
    assert_int_equal(quern_clear_bindings(s), QUERN_OK);
    assert_int_equal(quern_step(s), QUERN_DONE);
    quern_finalize(s);
    assert_value(db, "SELECT b FROM t WHERE a = 7", "123456789012");
    assert_value(db, "SELECT count(*) FROM t WHERE a IS NULL", "1");
    quern_close(db);
}

static void
test_exec_is_one_transaction(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int PRIMARY KEY)");
    fails(db, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)", "23505");
    assert_value(db, "SELECT count(*) FROM t", "0");
    run(db, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)");
    assert_value(db, "SELECT count(*) FROM t", "2");
    fails(db, "INSERT INTO t VALUES (3); COMMIT; INSERT INTO t VALUES (1)", "23505");
    assert_value(db, "SELECT count(*) FROM t", "3");
    quern_close(db);
}

static int
count_row(void *arg, int n, const char **values, const char **names)
{
    int *count = arg;
    assert_int_equal(n, 1);
    assert_string_equal(names[0], "a");
    assert_non_null(values[0]);
    return ++*count == 2;
}

static int
count_empty_row(void *arg, int n, const char **values, const char **names)
{
    assert_int_equal(n, 0);
    assert_non_null(values);
    assert_non_null(names);
    *(int *)arg += 1;
    return 0;
}

static void
test_rows_without_columns_are_given_to_the_row_callback(void **state)
{
    quern *db = open_memory();
    int count = 0;
    (void)state;
    assert_int_equal(quern_exec(db, "SELECT FROM generate_series(1, 3)", count_empty_row, &count), QUERN_OK);
    assert_int_equal(count, 3);
    assert_value(db, "SELECT jsonb_object('{}', '{}')", "{}");
    quern_close(db);
}

static void
test_exec_stops_when_the_row_callback_says_so(void **state)
{
    (void)state;
    quern *db = open_memory();
    int count = 0;
    run(db, "CREATE TABLE t (a int)");
    run(db, "INSERT INTO t VALUES (1), (2), (3)");
    assert_int_not_equal(quern_exec(db, "SELECT a FROM t", count_row, &count), QUERN_OK);
    assert_int_equal(count, 2);
    assert_string_equal(quern_sqlstate(db), "57014");
    quern_close(db);
}

static void
test_an_error_fails_the_block_until_rollback(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int)");
    run(db, "BEGIN");
    assert_int_equal(quern_transaction_status(db), 'T');
    run(db, "INSERT INTO t VALUES (1)");
    fails(db, "SELECT nosuch", "42703");
    assert_int_equal(quern_transaction_status(db), 'E');
    fails(db, "SELECT 1", "25P02");
    run(db, "COMMIT");
    assert_int_equal(quern_transaction_status(db), 'I');
    assert_value(db, "SELECT count(*) FROM t", "0");
    quern_close(db);
}

static void
test_savepoint_rescues_a_failed_block(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int)");
    run(db, "BEGIN");
    run(db, "INSERT INTO t VALUES (1)");
    run(db, "SAVEPOINT s");
    fails(db, "INSERT INTO t VALUES ('x')", "22P02");
    run(db, "ROLLBACK TO s");
    run(db, "INSERT INTO t VALUES (2)");
    fails(db, "ROLLBACK TO nosuch", "3B001");
    run(db, "ROLLBACK TO s");
    run(db, "COMMIT");
    assert_value(db, "SELECT count(*) FROM t", "1");
    quern_close(db);
}

static void
test_settings_follow_their_transaction(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "SET work_mem = '2MB'");
    assert_value(db, "SHOW work_mem", "2MB");
    run(db, "BEGIN");
    run(db, "SET work_mem = '3MB'");
    run(db, "ROLLBACK");
    assert_value(db, "SHOW work_mem", "2MB");
    run(db, "BEGIN");
    run(db, "SET LOCAL work_mem = '4MB'");
    assert_value(db, "SHOW work_mem", "4MB");
    run(db, "COMMIT");
    assert_value(db, "SHOW work_mem", "2MB");
    run(db, "BEGIN");
    run(db, "SET work_mem = '5MB'");
    run(db, "SET LOCAL work_mem = '6MB'");
    run(db, "COMMIT");
    assert_value(db, "SHOW work_mem", "5MB");
    run(db, "RESET work_mem");
    assert_value(db, "SHOW work_mem", "64MB");
    fails(db, "SET work_mem = 'much'", "22023");
    fails(db, "SET nosuch = 1", "42704");
    fails(db, "SET server_version = 'x'", "55P02");
    quern_close(db);
}

static void
test_open_statements_read_on_while_others_commit(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int)");
    run(db, "INSERT INTO t SELECT g FROM generate_series(1, 5000) g");
    quern_stmt *s = prepare(db, "SELECT a FROM t");
    quern_stmt *ins = prepare(db, "INSERT INTO t VALUES ($1)");
    int rows = 0;
    while (quern_step(s) == QUERN_ROW) {
        if (rows++ % 1000 != 0) continue;
        quern_bind_int32(ins, 1, 10000 + rows);
        assert_int_equal(quern_step(ins), QUERN_DONE);
    }
    assert_int_equal(rows, 5000); /* its snapshot is older than what was inserted */
    assert_value(db, "SELECT count(*) FROM t", "5005");
    quern_finalize(s);
    quern_finalize(ins);
    quern_close(db);
}

static void
test_rollback_and_commit_end_open_statements(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int)");
    run(db, "INSERT INTO t VALUES (1), (2)");
    quern_stmt *s = prepare(db, "SELECT a FROM t");
    run(db, "BEGIN");
    assert_int_equal(quern_step(s), QUERN_ROW);
    run(db, "ROLLBACK");
    assert_int_not_equal(quern_step(s), QUERN_ROW);
    assert_string_equal(quern_sqlstate(db), "24000");
    run(db, "BEGIN");
    assert_int_equal(quern_step(s), QUERN_ROW); /* starts again */
    run(db, "COMMIT");
    assert_int_not_equal(quern_step(s), QUERN_ROW);
    assert_string_equal(quern_sqlstate(db), "34000");
    quern_finalize(s);
    quern_close(db);
}

static void
test_returning_statement_has_done_its_work_at_the_first_row(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int)");
    quern_stmt *s = prepare(db, "INSERT INTO t VALUES (1), (2), (3) RETURNING a");
    assert_int_equal(quern_step(s), QUERN_ROW);
    assert_int_equal(quern_reset(s), QUERN_OK);
    assert_value(db, "SELECT count(*) FROM t", "3");
    quern_finalize(s);
    quern_close(db);
}

static void
test_prepared_statement_survives_schema_changes(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int, b text)");
    run(db, "INSERT INTO t VALUES (1, 'x')");
    quern_stmt *s = prepare(db, "SELECT * FROM t");
    assert_int_equal(quern_step(s), QUERN_ROW);
    quern_reset(s);
    run(db, "DROP TABLE t; CREATE TABLE t (a int, b text, c int); INSERT INTO t VALUES (1, 'x', 5)");
    assert_int_equal(quern_step(s), QUERN_ROW);
    assert_int_equal(quern_column_count(s), 3);
    assert_string_equal(quern_column_text(s, 2), "5");
    quern_reset(s);
    run(db, "DROP TABLE t");
    assert_int_not_equal(quern_step(s), QUERN_ROW);
    assert_string_equal(quern_sqlstate(db), "42P01");
    run(db, "CREATE TABLE t (z int)");
    assert_int_equal(quern_step(s), QUERN_DONE);
    quern_finalize(s);
    quern_close(db);
}

static void
test_second_run_of_a_statement_allocates_nothing(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int PRIMARY KEY, b text)");
    run(db, "INSERT INTO t VALUES (1, 'one'), (2, 'two')");
    quern_stmt *s = prepare(db, "SELECT b FROM t WHERE a = $1");
    for (int i = 0; i < 2; i++) {
        quern_bind_int32(s, 1, 1);
        assert_int_equal(quern_step(s), QUERN_ROW);
        (void)quern_column_text(s, 0);
        assert_int_equal(quern_step(s), QUERN_DONE);
    }
    quern_bind_int32(s, 1, 2);
    mem_fail_after(0, true);
    int first = quern_step(s);
    const char *text = quern_column_text(s, 0);
    char copy[8] = "";
    if (text != NULL) snprintf(copy, sizeof(copy), "%s", text);
    int second = quern_step(s);
    mem_fail_after(-1, false);
    assert_int_equal(first, QUERN_ROW);
    assert_string_equal(copy, "two");
    assert_int_equal(second, QUERN_DONE);
    quern_finalize(s);
    quern_close(db);
}

/* Fails the n-th allocation of opening, making, filling and reading a table, for every n until all goes well. */
static void
test_running_out_of_memory_anywhere_is_an_error(void **state)
{
    (void)state;
    int64_t before = mem_live_blocks();
    for (int64_t n = 0;; n += 7) {
        quern *db;
        bool ok = true;
        mem_fail_after(n, false);
        int code = quern_open(":memory:", &db);
        if (code != QUERN_OK) {
            ok = false;
            if (db != NULL) assert_string_equal(quern_sqlstate(db), "53200");
        }
        static const char *const sqls[] = {"CREATE TABLE t (a int PRIMARY KEY, b text)",
                                           "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
                                           "SELECT count(*) FROM t WHERE a > 1"};
        for (int i = 0; i < 3 && ok; i++) {
            code = quern_exec(db, sqls[i], NULL, NULL);
            if (code != QUERN_OK) {
                ok = false;
                assert_string_equal(quern_sqlstate(db), "53200");
            }
        }
        mem_fail_after(-1, false);
        quern_close(db);
        assert_int_equal(mem_live_blocks(), before);
        if (ok) break;
        assert_true(n < 100000);
    }
}

typedef struct Source {
    const char *text;
    size_t at, step;
} Source;

static int
read_source(void *arg, char *buf, size_t cap, size_t *n)
{
    Source *s = arg;
    size_t left = strlen(s->text) - s->at;
    *n = left < s->step ? left : s->step;
    if (*n > cap) *n = cap;
    memcpy(buf, s->text + s->at, *n);
    s->at += *n;
    return 0;
}

typedef struct Sink {
    char text[4096];
    size_t n;
} Sink;

static int
write_sink(void *arg, const char *data, size_t n)
{
    Sink *s = arg;
    assert_true(s->n + n < sizeof(s->text));
    memcpy(s->text + s->n, data, n);
    s->n += n;
    s->text[s->n] = '\0';
    return 0;
}

static void
copy_in(quern *db, const char *sql, const char *text, size_t step)
{
    Source src = {.text = text, .step = step};
    quern_copy_source(db, read_source, &src);
    run(db, sql);
    quern_copy_source(db, NULL, NULL);
}

static void
assert_copy_out(quern *db, const char *sql, const char *expected)
{
    Sink sink = {.n = 0};
    quern_copy_sink(db, write_sink, &sink);
    run(db, sql);
    quern_copy_sink(db, NULL, NULL);
    assert_string_equal(sink.text, expected);
}

static void
test_copy_reads_back_what_it_wrote(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int, b text, c numeric(10,2), d date)");
    const char *text = "1\tplain\t1.50\t2024-01-31\n"
                       "2\ttab\\there\\\\\\n\t-0.01\t1999-12-31\n"
                       "\\N\t\\N\t\\N\t\\N\n";
    for (size_t step = 1; step < 40; step += 13) {
        run(db, "TRUNCATE t");
        copy_in(db, "COPY t FROM stdin", text, step);
        assert_copy_out(db, "COPY t TO stdout", text);
    }
    const char *csv = "a,b,c,d\n1,\"say \"\"hi\"\", you\",1.50,2024-01-31\n2,\"two\nlines\",0.00,\n,\"\",,\n";
    for (size_t step = 1; step < 40; step += 13) {
        run(db, "TRUNCATE t");
        copy_in(db, "COPY t FROM stdin WITH (FORMAT csv, HEADER)", csv, step);
        assert_copy_out(db, "COPY t TO stdout WITH (FORMAT csv, HEADER)", csv);
    }
    quern_close(db);
}

static void
test_copy_errors_name_line_and_column(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int, b text)");
    Source src = {.text = "1\tx\n2\ty\nz\tw\n", .step = 100};
    quern_copy_source(db, read_source, &src);
    fails(db, "COPY t FROM stdin", "22P02");
    assert_string_equal(quern_errcontext(db), "COPY t, line 3, column a: \"z\"");
    src = (Source){.text = "1\tx\n2\n", .step = 100};
    fails(db, "COPY t FROM stdin", "22P04");
    assert_string_equal(quern_errmsg(db), "missing data for column \"b\"");
    assert_string_equal(quern_errcontext(db), "COPY t, line 2: \"2\"");
    src = (Source){.text = "1\tx\ty\n", .step = 100};
    fails(db, "COPY t FROM stdin", "22P04");
    assert_string_equal(quern_errmsg(db), "extra data after last expected column");
    assert_value(db, "SELECT count(*) FROM t", "0");
    quern_close(db);
}

static void
test_appender_loads_all_rows_or_none(void **state)
{
    (void)state;
    quern *db = open_memory();
    run(db, "CREATE TABLE t (a int PRIMARY KEY, b text, c int DEFAULT 7)");
    quern_appender *app;
    assert_int_equal(quern_appender_open(db, NULL, "t", &app), QUERN_OK);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(quern_append_int32(app, i), QUERN_OK);
        assert_int_equal(quern_append_text(app, "a text that is not short", -1), QUERN_OK);
        assert_int_equal(quern_appender_end_row(app), QUERN_OK);
    }
    assert_int_equal(quern_appender_close(app), QUERN_OK);
    assert_value(db, "SELECT count(*) FROM t", "5000");
    assert_value(db, "SELECT sum(c) FROM t", "35000");
    assert_int_equal(quern_appender_open(db, NULL, "t", &app), QUERN_OK);
    quern_append_int32(app, 6000);
    assert_int_equal(quern_appender_end_row(app), QUERN_OK);
    quern_append_int32(app, 1);
    assert_int_equal(quern_appender_end_row(app), QUERN_OK);
    assert_int_not_equal(quern_appender_close(app), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "23505");
    assert_value(db, "SELECT count(*) FROM t", "5000");
    assert_int_not_equal(quern_appender_open(db, NULL, "nosuch", &app), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "42P01");
    quern_close(db);
}

static void
keep_notice(void *arg, const char *severity, const char *sqlstate, const char *message)
{
    snprintf(arg, 200, "%s %s %s", severity, sqlstate, message);
}

static void
test_notices_reach_the_callback(void **state)
{
    (void)state;
    quern *db = open_memory();
    char text[200] = "";
    quern_notice(db, keep_notice, text);
    run(db, "COMMIT");
    assert_string_equal(text, "WARNING 25P01 there is no transaction in progress");
    run(db, "DROP TABLE IF EXISTS nosuch");
    assert_string_equal(text, "NOTICE 00000 table \"nosuch\" does not exist, skipping");
    text[0] = '\0';
    run(db, "SET client_min_messages = 'warning'");
    run(db, "DROP TABLE IF EXISTS nosuch");
    assert_string_equal(text, "");
    quern_close(db);
}

static int
stop_at_once(void *arg, double fraction)
{
    assert_true(fraction >= -1 && fraction <= 1);
    ++*(int *)arg;
    return 1;
}

static void
test_progress_callback_can_stop_a_statement(void **state)
{
    (void)state;
    quern *db = open_memory();
    int calls = 0;
    quern_progress(db, stop_at_once, &calls);
    fails(db, "SELECT sum(g) FROM generate_series(1, 1000000000) g", "57014");
    assert_int_equal(calls, 1);
    quern_progress(db, NULL, NULL);
    run(db, "SET statement_timeout = '20ms'");
    fails(db, "SELECT sum(g) FROM generate_series(1, 1000000000) g", "57014");
    quern_close(db);
}

static void
test_two_connections_share_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/api_test_XXXXXX";
    close(mkstemp(path));
    unlink(path);
    quern *a, *b;
    assert_int_equal(quern_open(path, &a), QUERN_OK);
    assert_int_equal(quern_open(path, &b), QUERN_OK);
    run(a, "CREATE TABLE t (a int)");
    run(a, "BEGIN");
    run(a, "INSERT INTO t VALUES (1)");
    assert_value(b, "SELECT count(*) FROM t", "0");
    run(a, "COMMIT");
    assert_value(b, "SELECT count(*) FROM t", "1");
    assert_int_equal(quern_close(a), QUERN_OK);
    assert_int_equal(quern_close(b), QUERN_OK);
    assert_int_equal(quern_open(path, &a), QUERN_OK);
    assert_value(a, "SELECT a FROM t", "1");
    assert_int_equal(quern_close(a), QUERN_OK);
    unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misuse_is_reported_not_crashed),
        cmocka_unit_test(test_opening_what_cannot_be_opened_says_why),
        cmocka_unit_test(test_columns_give_every_form_of_a_value),
        cmocka_unit_test(test_prepare_hands_out_the_tail_and_nothing_for_nothing),
        cmocka_unit_test(test_error_positions_count_characters_from_the_start_of_the_text),
        cmocka_unit_test(test_any_value_binds_to_any_parameter_it_converts_to),
        cmocka_unit_test(test_exec_is_one_transaction),
        cmocka_unit_test(test_rows_without_columns_are_given_to_the_row_callback),
        cmocka_unit_test(test_exec_stops_when_the_row_callback_says_so),
        cmocka_unit_test(test_an_error_fails_the_block_until_rollback),
        cmocka_unit_test(test_savepoint_rescues_a_failed_block),
        cmocka_unit_test(test_settings_follow_their_transaction),
        cmocka_unit_test(test_open_statements_read_on_while_others_commit),
        cmocka_unit_test(test_rollback_and_commit_end_open_statements),
        cmocka_unit_test(test_returning_statement_has_done_its_work_at_the_first_row),
        cmocka_unit_test(test_prepared_statement_survives_schema_changes),
        cmocka_unit_test(test_second_run_of_a_statement_allocates_nothing),
        cmocka_unit_test(test_running_out_of_memory_anywhere_is_an_error),
        cmocka_unit_test(test_copy_reads_back_what_it_wrote),
        cmocka_unit_test(test_copy_errors_name_line_and_column),
        cmocka_unit_test(test_appender_loads_all_rows_or_none),
        cmocka_unit_test(test_notices_reach_the_callback),
        cmocka_unit_test(test_progress_callback_can_stop_a_statement),
        cmocka_unit_test(test_two_connections_share_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
