/* space_test.c - room that is given back: updates under a steady load, old snapshots, wide values, VACUUM FULL, CLUSTER, empty tables; what
 * is seen stays what it was. */
#include "include/quern.h"
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[256];

static quern *
open_db(int no_background, const char *settings)
{
    quern *db;
    quern_config c;
    quern_config_init(&c);
    c.no_background = no_background;
    c.settings = settings;
    if (quern_open_config(path, &c, &db) != QUERN_OK) fail_msg("%s", quern_errmsg(db));
    return db;
}

static void
run(quern *db, const char *sql)
{
    if (quern_exec(db, sql, NULL, NULL) != QUERN_OK) fail_msg("%s: %s %s", sql, quern_sqlstate(db), quern_errmsg(db));
}

static int64_t
value(quern *db, const char *sql)
{
    quern_stmt *s;
    if (quern_prepare(db, sql, -1, &s, NULL) != QUERN_OK || quern_step(s) != QUERN_ROW)
        fail_msg("%s: %s", sql, quern_errmsg(db));
    int64_t v = quern_column_int64(s, 0);
    quern_finalize(s);
    return v;
}

static void
assert_sound(quern *db)
{
    assert_int_equal(value(db, "SELECT count(*) FROM quern_check()"), 0);
}

static int64_t
file_bytes(void)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static int
remove_files(void **state)
{
    char wal[300];
    (void)state;
    snprintf(wal, sizeof(wal), "%s-wal", path);
    unlink(path);
    unlink(wal);
    return 0;
}

/* Updates by key, each in a transaction of its own; every tenth changes an indexed column. */
static void
update_rows(quern *db, int rows, int updates, bool wait_for_vacuum)
{
    quern_stmt *plain, *moving;
    uint64_t seed = 1;
    if (quern_prepare(db, "UPDATE t SET n = n + 1, note = $2 WHERE id = $1", -1, &plain, NULL) != QUERN_OK ||
        quern_prepare(db, "UPDATE t SET n = n + 1, note = $2, branch = branch + 1 WHERE id = $1", -1, &moving, NULL) != QUERN_OK)
        fail_msg("%s", quern_errmsg(db));
    for (int i = 0; i < updates; i++) {
        char note[64];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        quern_stmt *s = i % 10 == 0 ? moving : plain;
        snprintf(note, sizeof(note), "update %d of the test, which says little", i);
        quern_bind_int64(s, 1, 1 + (int64_t)((seed >> 33) % (uint64_t)rows));
        quern_bind_text(s, 2, note, -1);
        if (quern_step(s) != QUERN_DONE) fail_msg("%s", quern_errmsg(db));
        quern_reset(s);
        /* A machine that has no time for its other thread is not what is tested. */
        for (int k = 0; wait_for_vacuum && i % 1000 == 0 && k < 1000; k++) {
            if (value(db, "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 't'") < rows / 2) break;
            usleep(10 * 1000);
        }
    }
    quern_finalize(plain);
    quern_finalize(moving);
}

static void
load(quern *db, int rows)
{
    char sql[200];
    run(db, "SET synchronous_commit = off");
    run(db, "CREATE TABLE t(id int PRIMARY KEY, branch int, n bigint, note text); CREATE INDEX t_branch ON t(branch)");
    snprintf(sql, sizeof(sql), "INSERT INTO t SELECT i, i %% 100, 0, repeat('x', 40) FROM generate_series(1, %d) i", rows);
    run(db, sql);
}

static void
steady(int no_background)
{
    enum { ROWS = 20000, UPDATES = 80000 };
    quern *db = open_db(no_background, "autovacuum_naptime=1");
    load(db, ROWS);
    run(db, "VACUUM t");
    run(db, "CHECKPOINT");
    int64_t live = value(db, "SELECT pg_total_relation_size('t')"), before = file_bytes();
    update_rows(db, ROWS, UPDATES, !no_background);
    /* What came since the last look may wait for the next. */
    assert_in_range(value(db, "SELECT pg_total_relation_size('t')"), 0, 2 * live + (1 << 20));
    run(db, "CHECKPOINT");
    assert_in_range(file_bytes(), 0, 2 * before + (1 << 20));
    assert_int_equal(value(db, "SELECT count(*) FROM t"), ROWS);
    assert_int_equal(value(db, "SELECT sum(n) FROM t"), UPDATES);
    assert_true(value(db, "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relname = 't'") > 0);
    assert_true(value(db, "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 't'") > UPDATES / 4);
    assert_int_equal(value(db, "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 't'"), UPDATES);
    assert_sound(db);
    quern_close(db);
}

/* Pages full of what nobody sees any more get room again from whoever reads them, by scan or by key; not while somebody sees it. */
static void
test_readers_prune_the_full_pages_they_pass(void **state)
{
    (void)state;
    quern *db = open_db(1, "autovacuum=off"), *old = open_db(1, "autovacuum=off");
    load(db, 5000);
    run(db, "CREATE TABLE plain AS SELECT * FROM t");
    run(old, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    run(db, "DELETE FROM plain WHERE id % 2 = 0");
    const char *dead = "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'plain'";
    assert_int_equal(value(old, "SELECT count(*) FROM plain"), 5000);
    assert_int_equal(value(db, "SELECT count(*) FROM plain"), 2500);
    assert_int_equal(value(db, dead), 2500);
    run(old, "COMMIT");
    quern_close(old);
    assert_int_equal(value(db, "SELECT count(*) FROM plain"), 2500);
    assert_in_range(value(db, dead), 0, 100); /* the last page is not full */
    run(db, "CREATE TABLE half(id int PRIMARY KEY, n int) WITH (fillfactor = 50); INSERT INTO half SELECT i, 0 FROM generate_series(1, 5000) i;"
            "UPDATE half SET n = 1; SET enable_seqscan = off");
    dead = "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'half'";
    assert_in_range(value(db, dead), 4900, 5000); /* new versions beside the old ones, up to the last byte */
    for (int i = 1; i <= 5000; i += 100) {
        char sql[80];
        snprintf(sql, sizeof(sql), "SELECT n FROM half WHERE id = %d", i);
        assert_int_equal(value(db, sql), 1);
    }
    assert_in_range(value(db, dead), 0, 200);
    assert_sound(db);
    quern_close(db);
}

static void
test_steady_updates_keep_the_file_within_twice_its_size(void **state)
{
    (void)state;
    steady(0);
}

static void
test_without_threads_commits_do_the_vacuuming(void **state)
{
    (void)state;
    steady(1);
}

/* What lies between an old snapshot and the present goes: the few rows that change need not more than a few pages. */
static void
test_an_old_snapshot_holds_back_only_what_it_sees(void **state)
{
    (void)state;
    enum { ROWS = 2000, UPDATES = 30000 };
    quern *db = open_db(1, "autovacuum=off"), *old = open_db(1, NULL);
    load(db, ROWS);
    run(db, "VACUUM t");
    int64_t live = value(db, "SELECT pg_relation_size('t')");
    run(old, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_int_equal(value(old, "SELECT sum(n) FROM t"), 0);
    quern_stmt *s;
    assert_int_equal(quern_prepare(db, "UPDATE t SET n = n + 1 WHERE id = $1", -1, &s, NULL), QUERN_OK);
    for (int i = 0; i < UPDATES; i++) {
        quern_bind_int64(s, 1, 1 + i % 20);
        if (quern_step(s) != QUERN_DONE) fail_msg("%s", quern_errmsg(db));
        quern_reset(s);
    }
    quern_finalize(s);
    assert_in_range(value(db, "SELECT pg_relation_size('t')"), 0, 3 * live);
    assert_int_equal(value(old, "SELECT sum(n) FROM t"), 0);
    assert_int_equal(value(old, "SELECT n FROM t WHERE id = 7"), 0);
    assert_int_equal(value(old, "SELECT count(*) FROM t"), ROWS);
    run(old, "COMMIT");
    assert_int_equal(value(old, "SELECT sum(n) FROM t"), UPDATES);
    assert_sound(db);
    quern_close(old);
    quern_close(db);
}

static void
test_an_unchanged_wide_value_is_shared_by_versions(void **state)
{
    (void)state;
    quern *db = open_db(1, "autovacuum=off");
    run(db, "SET synchronous_commit = off; CREATE TABLE w(id int PRIMARY KEY, n int, doc text)");
    run(db, "INSERT INTO w SELECT i, 0, (SELECT string_agg(md5((i * 1000 + k)::text), '') FROM generate_series(1, 1500) k)"
            " FROM generate_series(1, 20) i");
    int64_t sum = value(db, "SELECT sum(length(doc) + ascii(substr(doc, 30000, 1))) FROM w");
    int64_t before = value(db, "SELECT pg_table_size('w')");
    for (int i = 0; i < 50; i++) run(db, "UPDATE w SET n = n + 1");
    assert_in_range(value(db, "SELECT pg_table_size('w')"), before, before + 64 * 1024);
    /* Changed ones are written anew, and the old ones' room is used again after VACUUM. */
    for (int i = 0; i < 10; i++) {
        run(db, "UPDATE w SET doc = doc || 'x'");
        run(db, "UPDATE w SET doc = substr(doc, 1, 48000)");
        run(db, "BEGIN; UPDATE w SET doc = upper(doc); DELETE FROM w WHERE id < 5; ROLLBACK");
        run(db, "VACUUM w");
    }
    assert_in_range(value(db, "SELECT pg_table_size('w')"), before, 6 * before);
    assert_int_equal(value(db, "SELECT sum(length(doc) + ascii(substr(doc, 30000, 1))) FROM w"), sum);
    run(db, "DELETE FROM w");
    run(db, "VACUUM w");
    assert_int_equal(value(db, "SELECT pg_relation_size('w')"), 0);
    assert_sound(db);
    quern_close(db);
}

static void
test_vacuum_full_shrinks_the_file_and_keeps_what_old_snapshots_see(void **state)
{
    (void)state;
    enum { ROWS = 40000 };
    quern *db = open_db(1, "autovacuum=off"), *old = open_db(1, NULL);
    run(db, "CREATE TABLE other(a int)");
    load(db, ROWS);
    run(old, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_int_equal(value(old, "SELECT count(*) FROM other"), 0);
    run(db, "DELETE FROM t WHERE id % 10 <> 0");
    run(db, "UPDATE t SET n = 5 WHERE id % 100 = 0");
    run(db, "VACUUM FULL t");
    assert_int_equal(value(db, "SELECT count(*) FROM t WHERE n = 5"), ROWS / 100);
    assert_int_equal(value(old, "SELECT count(*) FROM t"), ROWS);
    assert_int_equal(value(old, "SELECT count(*) FROM t WHERE n = 0"), ROWS);
    assert_int_equal(value(old, "SELECT id FROM t WHERE id = 33"), 33);
    assert_int_equal(value(old, "SELECT count(*) FROM t WHERE branch = 1"), ROWS / 100);
    run(old, "COMMIT");
    assert_int_equal(value(old, "SELECT count(*) FROM t"), ROWS / 10);
    run(db, "CHECKPOINT");
    int64_t before = file_bytes();
    run(db, "VACUUM FULL t");
    run(db, "VACUUM FULL t");
    run(db, "CHECKPOINT");
    assert_true(file_bytes() < before / 2);
    assert_int_equal(value(db, "SELECT count(*) FROM t WHERE id > 0"), ROWS / 10);
    run(db, "CLUSTER t USING t_branch");
    assert_int_equal(value(db, "SELECT count(*) FROM (SELECT branch, lag(branch) OVER () AS b FROM t) q WHERE b > branch"), 0);
    assert_sound(db);
    quern_close(old);
    quern_close(db);
}

static void
test_an_emptied_table_and_its_index_give_their_room_back(void **state)
{
    (void)state;
    enum { ROWS = 60000 };
    quern *db = open_db(1, "autovacuum=off");
    load(db, ROWS);
    run(db, "VACUUM t");
    run(db, "CHECKPOINT");
    int64_t full = file_bytes(), index = value(db, "SELECT pg_indexes_size('t')");
    run(db, "DELETE FROM t");
    run(db, "VACUUM t");
    run(db, "CHECKPOINT");
    assert_int_equal(value(db, "SELECT pg_relation_size('t')"), 0);
    assert_true(file_bytes() < full);
    /* A queue: rows come at one end and go at the other. */
    for (int i = 0; i < 12; i++) {
        char sql[200];
        snprintf(sql, sizeof(sql), "INSERT INTO t SELECT i, i, 0, repeat('x', 40) FROM generate_series(%d, %d) i", i * 10000, i * 10000 + 9999);
        run(db, sql);
        snprintf(sql, sizeof(sql), "DELETE FROM t WHERE id < %d", i * 10000 - 5000);
        run(db, sql);
        run(db, "VACUUM t");
    }
    assert_in_range(value(db, "SELECT pg_indexes_size('t')"), 0, index + (1 << 20));
    assert_in_range(value(db, "SELECT pg_relation_size('t')"), 0, full);
    assert_int_equal(value(db, "SELECT count(*) FROM t WHERE id >= 0"), 15000);
    assert_sound(db);
    quern_close(db);
}

typedef struct Progress {
    int calls;
    double last;
    bool goes_back;
} Progress;

static int
note_progress(void *arg, double fraction)
{
    Progress *p = arg;
    p->calls++;
    p->goes_back |= fraction < p->last || fraction > 1;
    p->last = fraction;
    return 0;
}

/* How far VACUUM, VACUUM FULL and CREATE INDEX are is known, and only grows. */
static void
test_maintenance_tells_how_far_it_is(void **state)
{
    static const char *const statements[] = {"CREATE INDEX t_note ON t(note, n)", "VACUUM (FREEZE) t", "VACUUM FULL t"};
    (void)state;
    quern *db = open_db(1, "autovacuum=off");
    load(db, 100000);
    for (int i = 0; i < 3; i++) {
        Progress p = {0};
        quern_progress(db, note_progress, &p);
        run(db, statements[i]);
        quern_progress(db, NULL, NULL);
        assert_false(p.goes_back);
        assert_true(p.calls == 0 || p.last > 0); /* in a tenth of a second it may all be done */
    }
    quern_close(db);
}

/* A small table is not left to the next look that comes anyway. */
static void
test_a_small_table_is_vacuumed_soon(void **state)
{
    (void)state;
    quern *db = open_db(0, "autovacuum_naptime=60");
    run(db, "CREATE TABLE t(id int PRIMARY KEY, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 500) i; DELETE FROM t WHERE id > 200");
    const char *counted = "SELECT reltuples FROM pg_class WHERE relname = 't'"; /* the last thing that is done */
    for (int i = 0; i < 1000 && value(db, counted) < 0; i++) usleep(20 * 1000);
    assert_int_equal(value(db, counted), 200);
    assert_int_equal(value(db, "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relname = 't'"), 1);
    assert_int_equal(value(db, "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 't'"), 0);
    quern_close(db);
}

int
main(void)
{
    snprintf(path, sizeof(path), "/tmp/quern-space-%d.db", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_steady_updates_keep_the_file_within_twice_its_size, remove_files),
        cmocka_unit_test_teardown(test_without_threads_commits_do_the_vacuuming, remove_files),
        cmocka_unit_test_teardown(test_an_old_snapshot_holds_back_only_what_it_sees, remove_files),
        cmocka_unit_test_teardown(test_readers_prune_the_full_pages_they_pass, remove_files),
        cmocka_unit_test_teardown(test_maintenance_tells_how_far_it_is, remove_files),
        cmocka_unit_test_teardown(test_a_small_table_is_vacuumed_soon, remove_files),
        cmocka_unit_test_teardown(test_an_unchanged_wide_value_is_shared_by_versions, remove_files),
        cmocka_unit_test_teardown(test_vacuum_full_shrinks_the_file_and_keeps_what_old_snapshots_see, remove_files),
        cmocka_unit_test_teardown(test_an_emptied_table_and_its_index_give_their_room_back, remove_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
