/* sessions_test.c - sessions that wait for, see, cancel and end each other: deadlocks, timeouts, pg_stat_activity, pg_terminate_backend. */
#include "include/quern.h"
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Fixture {
    char dir[32], file[48];
    quern *a, *b, *c;
} Fixture;

static int
setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/quern-sessions-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->file, sizeof(f->file), "%s/db", f->dir);
    assert_int_equal(quern_open(f->file, &f->a), QUERN_OK);
    assert_int_equal(quern_open(f->file, &f->b), QUERN_OK);
    assert_int_equal(quern_open(f->file, &f->c), QUERN_OK);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;
    quern_close(f->a);
    quern_close(f->b);
    quern_close(f->c);
    unlink(f->file);
    rmdir(f->dir);
    free(f);
    return 0;
}

static void
run(quern *db, const char *sql)
{
    if (quern_exec(db, sql, NULL, NULL) != QUERN_OK) fail_msg("%s: %s %s", sql, quern_sqlstate(db), quern_errmsg(db));
}

static void
fails(quern *db, const char *sql, const char *state, const char *message)
{
    assert_int_not_equal(quern_exec(db, sql, NULL, NULL), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), state);
    assert_string_equal(quern_errmsg(db), message);
}

static int
keep_value(void *arg, int n, const char **values, const char **names)
{
    (void)n, (void)names;
    snprintf(arg, 128, "%s", values[0] != NULL ? values[0] : "NULL");
    return 0;
}

static void
gives(quern *db, const char *sql, const char *expected)
{
    char value[128] = "no row";
    if (quern_exec(db, sql, keep_value, value) != QUERN_OK) fail_msg("%s: %s", sql, quern_errmsg(db));
    assert_string_equal(value, expected);
}

static int
pid_of(quern *db)
{
    char value[128];
    assert_int_equal(quern_exec(db, "SELECT pg_backend_pid()", keep_value, value), QUERN_OK);
    return atoi(value);
}

static void
sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* ---- a statement on a thread of its own ---- */

typedef struct Job {
    quern *db;
    const char *sql;
    int code;
    pthread_t thread;
} Job;

static void *
job_main(void *arg)
{
    Job *j = arg;
    j->code = quern_exec(j->db, j->sql, NULL, NULL);
    return NULL;
}

static void
start(Job *j, quern *db, const char *sql)
{
    *j = (Job){.db = db, .sql = sql};
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 8 << 20);
    assert_int_equal(pthread_create(&j->thread, &attr, job_main, j), 0);
    pthread_attr_destroy(&attr);
}

static void
finish(Job *j, const char *state)
{
    pthread_join(j->thread, NULL);
    assert_string_equal(j->code == QUERN_OK ? "00000" : quern_sqlstate(j->db), state);
}

/* Until query gives t, ten seconds at most. */
static void
wait_until(quern *db, const char *query)
{
    char value[128] = "";
    for (int i = 0; i < 2000 && strcmp(value, "t") != 0; i++) {
        assert_int_equal(quern_exec(db, query, keep_value, value), QUERN_OK);
        if (strcmp(value, "t") != 0) sleep_ms(5);
    }
    assert_string_equal(value, "t");
}

/* ---- */

static void
test_a_deadlock_has_one_victim_and_says_who_waited_for_whom(void **state)
{
    Fixture *f = *state;
    char wait[200], detail[600];
    Job job;
    int a = pid_of(f->a), b = pid_of(f->b);
    run(f->c, "CREATE TABLE x (i int); CREATE TABLE y (i int)");
    run(f->a, "SET deadlock_timeout = '10min'");
    run(f->b, "SET deadlock_timeout = '10ms'");
    run(f->a, "BEGIN; LOCK TABLE x");
    run(f->b, "BEGIN; LOCK TABLE y");
    start(&job, f->a, "LOCK TABLE y IN SHARE MODE");
    snprintf(wait, sizeof(wait), "SELECT pg_blocking_pids(%d) = ARRAY[%d]", a, b);
    wait_until(f->c, wait);
    snprintf(wait, sizeof(wait), "SELECT pg_isolation_test_session_is_blocked(%d, ARRAY[%d])", a, b);
    gives(f->c, wait, "t");
    snprintf(wait, sizeof(wait), "SELECT wait_event_type || ' ' || wait_event FROM pg_stat_activity WHERE pid = %d", a);
    gives(f->c, wait, "Lock relation");
    gives(f->c, "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'", "1");
    fails(f->b, "LOCK TABLE x", "40P01", "deadlock detected");
    char x[128], y[128];
    assert_int_equal(quern_exec(f->c, "SELECT 'x'::regclass::oid", keep_value, x), QUERN_OK);
    assert_int_equal(quern_exec(f->c, "SELECT 'y'::regclass::oid", keep_value, y), QUERN_OK);
    snprintf(detail, sizeof(detail),
             "Process %d waits for AccessExclusiveLock on relation %s of database 5; blocked by process %d.\n"
             "Process %d waits for ShareLock on relation %s of database 5; blocked by process %d.",
             b, x, a, a, y, b);
    finish(&job, "00000");
    run(f->b, "ROLLBACK");
    run(f->a, "ROLLBACK");
    run(f->b, "BEGIN; LOCK TABLE y");
    run(f->a, "BEGIN; LOCK TABLE x");
    start(&job, f->a, "LOCK TABLE y IN SHARE MODE");
    snprintf(wait, sizeof(wait), "SELECT pg_blocking_pids(%d) = ARRAY[%d]", a, b);
    wait_until(f->c, wait);
    assert_int_not_equal(quern_exec(f->b, "LOCK TABLE x", NULL, NULL), QUERN_OK);
    assert_string_equal(quern_errdetail(f->b), detail);
    finish(&job, "00000");
}

static void
test_waits_end_by_timeouts_and_interrupts(void **state)
{
    Fixture *f = *state;
    char sql[100];
    Job job;
    int a = pid_of(f->a), b = pid_of(f->b);
    run(f->a, "CREATE TABLE x (i int)");
    run(f->a, "BEGIN; LOCK TABLE x");
    run(f->b, "SET lock_timeout = 20");
    fails(f->b, "SELECT * FROM x", "55P03", "canceling statement due to lock timeout");
    run(f->b, "RESET lock_timeout; SET statement_timeout = 20");
    fails(f->b, "SELECT * FROM x", "57014", "canceling statement due to statement timeout");
    run(f->b, "RESET statement_timeout");
    start(&job, f->b, "SELECT * FROM x");
    snprintf(sql, sizeof(sql), "SELECT pg_blocking_pids(%d) = ARRAY[%d]", b, a);
    wait_until(f->c, sql);
    snprintf(sql, sizeof(sql), "SELECT pg_cancel_backend(%d)", b);
    gives(f->c, sql, "t");
    finish(&job, "57014");
    assert_string_equal(quern_errmsg(f->b), "canceling statement due to user request");
    gives(f->c, "SELECT pg_cancel_backend(999)", "f");
    /* One that came while nothing ran is void. */
    quern_interrupt(f->b);
    gives(f->b, "SELECT 1", "1");
}

static void
test_idle_transactions_are_ended_and_give_up_their_locks(void **state)
{
    Fixture *f = *state;
    run(f->a, "CREATE TABLE x (i int)");
    run(f->a, "SET idle_in_transaction_session_timeout = '50ms'");
    gives(f->a, "SELECT 1", "1");
    sleep_ms(120);
    gives(f->a, "SELECT 1", "1"); /* idle, but in no transaction */
    run(f->a, "BEGIN; LOCK TABLE x; SELECT pg_advisory_lock(7)");
    gives(f->a, "SELECT pg_sleep(0.12)", ""); /* at work */
    run(f->b, "SET lock_timeout = '10s'; BEGIN; LOCK TABLE x; SELECT pg_advisory_lock(7); ROLLBACK");
    fails(f->a, "SELECT 1", "25P03", "terminating connection due to idle-in-transaction timeout");
    fails(f->a, "ROLLBACK", "25P03", "terminating connection due to idle-in-transaction timeout");
    run(f->b, "SET idle_session_timeout = '30ms'");
    sleep_ms(150);
    fails(f->b, "SELECT 1", "57P05", "terminating connection due to idle-session timeout");
}

static void
test_sessions_are_seen_and_ended_by_others(void **state)
{
    Fixture *f = *state;
    char sql[200];
    Job job;
    int a = pid_of(f->a), b = pid_of(f->b);
    run(f->a, "SET application_name = 'one'; BEGIN; CREATE TABLE x (i int)");
    snprintf(sql, sizeof(sql), "SELECT application_name || ' | ' || state || ' | ' || query FROM pg_stat_activity WHERE pid = %d", a);
    gives(f->c, sql, "one | idle in transaction |  CREATE TABLE x (i int)");
    gives(f->c, "SELECT state || ' ' || (query LIKE '%pg_stat_activity%')::int FROM pg_stat_activity WHERE pid = pg_backend_pid()", "active 1");
    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", a);
    gives(f->c, sql, "t");
    gives(f->c, "SELECT count(*) FROM pg_locks WHERE relation IS NOT NULL AND pid <> pg_backend_pid()", "0");
    fails(f->a, "COMMIT", "57P01", "terminating connection due to administrator command");
    gives(f->c, "SELECT count(*) FROM pg_class WHERE relname = 'x'", "0");
    start(&job, f->b, "SELECT count(*) FROM generate_series(1, 1000000000000)");
    snprintf(sql, sizeof(sql), "SELECT state = 'active' AND query LIKE '%%generate%%' FROM pg_stat_activity WHERE pid = %d", b);
    wait_until(f->c, sql);
    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", b);
    gives(f->c, sql, "t");
    finish(&job, "57P01");
    fails(f->b, "SELECT 1", "57P01", "terminating connection due to administrator command");
}

static void
test_rows_being_read_are_not_pulled_away(void **state)
{
    Fixture *f = *state;
    char sql[100];
    quern_stmt *stmt;
    int a = pid_of(f->a);
    run(f->a, "CREATE TABLE x AS SELECT 'a text longer than what lies in a value ' || i AS t FROM generate_series(1, 5000) i");
    assert_int_equal(quern_prepare(f->a, "SELECT t FROM x", -1, &stmt, NULL), QUERN_OK);
    assert_int_equal(quern_step(stmt), QUERN_ROW);
    const char *text = quern_column_text(stmt, 0);
    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", a);
    gives(f->c, sql, "t");
    assert_string_equal(text, "a text longer than what lies in a value 1");
    int code;
    while ((code = quern_step(stmt)) == QUERN_ROW) continue;
    assert_string_equal(quern_sqlstate(f->a), "57P01");
    quern_finalize(stmt);
    fails(f->a, "SELECT 1", "57P01", "terminating connection due to administrator command");
}

/* b's statement waits for a's, which has moved the row into another partition and then commits: no change of b's gets lost without a word. */
static void
test_a_row_that_has_left_its_partition_is_not_taken_for_deleted(void **state)
{
    static const char *const waiting[] = {
        "UPDATE t SET b = 'second' WHERE a = 1",
        "DELETE FROM t WHERE a = 1",
        "SELECT * FROM t WHERE a = 1 FOR UPDATE",
        "MERGE INTO t USING (VALUES (1)) v(k) ON t.a = v.k WHEN MATCHED THEN UPDATE SET b = 'merged' WHEN NOT MATCHED THEN INSERT VALUES (1, 'lost')",
        "UPDATE t SET a = 2 WHERE a = 1",
    };
    Fixture *f = *state;
    run(f->a, "CREATE TABLE t (a int, b text) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); "
              "CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2)");
    for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
        for (int rolled_back = 0; rolled_back < 2; rolled_back++) {
            char sql[128];
            Job job;
            run(f->a, "TRUNCATE t; INSERT INTO t VALUES (1, 'first')");
            run(f->a, "BEGIN; UPDATE t SET a = 2");
            snprintf(sql, sizeof(sql), "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %d", pid_of(f->b));
            start(&job, f->b, waiting[i]);
            wait_until(f->c, sql);
            run(f->a, rolled_back ? "ROLLBACK" : "COMMIT");
            finish(&job, rolled_back ? "00000" : "40001");
            if (!rolled_back) gives(f->c, "SELECT string_agg(a || b, ',') FROM t", "2first");
        }
    }
}

static void
test_an_interrupted_detach_is_finalized(void **state)
{
    Fixture *f = *state;
    char sql[128];
    Job job;
    run(f->a, "CREATE TABLE t (a int) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); "
              "CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); INSERT INTO t VALUES (1), (2)");
    run(f->a, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t");
    snprintf(sql, sizeof(sql), "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %d", pid_of(f->b));
    start(&job, f->b, "ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY");
    wait_until(f->c, sql);
    gives(f->a, "SELECT string_agg(a::text, ',' ORDER BY a) FROM t", "1,2"); /* the older snapshot still has it */
    gives(f->c, "SELECT string_agg(a::text, ',' ORDER BY a) FROM t", "2");
    quern_interrupt(f->b);
    finish(&job, "57014");
    fails(f->c, "ALTER TABLE t DETACH PARTITION t2 CONCURRENTLY", "55000",
          "partition \"t1\" already pending detach in partitioned table \"public.t\"");
    gives(f->c, "SELECT count(*) FROM pg_inherits WHERE inhdetachpending", "1");
    fails(f->c, "INSERT INTO t1 VALUES (2)", "23514", "new row for relation \"t1\" violates check constraint \"t1_a_check\"");
    run(f->a, "COMMIT");
    gives(f->a, "SELECT string_agg(a::text, ',' ORDER BY a) FROM t", "2");
    fails(f->c, "ALTER TABLE t DETACH PARTITION t1", "55000", "cannot detach partition \"t1\"");
    run(f->c, "ALTER TABLE t DETACH PARTITION t1 FINALIZE");
    gives(f->c, "SELECT count(*) FROM pg_inherits", "1");
    gives(f->c, "SELECT a::text FROM t1", "1");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_deadlock_has_one_victim_and_says_who_waited_for_whom),
        TEST(test_waits_end_by_timeouts_and_interrupts),
        TEST(test_idle_transactions_are_ended_and_give_up_their_locks),
        TEST(test_sessions_are_seen_and_ended_by_others),
        TEST(test_rows_being_read_are_not_pulled_away),
        TEST(test_a_row_that_has_left_its_partition_is_not_taken_for_deleted),
        TEST(test_an_interrupted_detach_is_finalized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
