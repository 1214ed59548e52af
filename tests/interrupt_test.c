/* interrupt_test.c - how soon quern_interrupt ends a statement, over many shapes of statement: each would run for minutes, is interrupted after a
 * moment, and must be back with 57014. Prints the times; `interrupt_test NAME` runs the shapes whose name contains NAME. */
#include "include/quern.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* The bound is of builds that people use: under the sanitizers large copies take many times as long. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { START_MS = 60, LATE_MS = 5000, IS_SANITIZED = 1 };
#else
enum { START_MS = 60, LATE_MS = 500, IS_SANITIZED = 0 };
#endif

typedef struct Shape {
    const char *name, *before, *sql;
    int flags;
} Shape;

enum {
    HELD = 1,    /* another session holds what it waits for */
    MEMMEM = 2,  /* the sanitizers look at all of memmem's text in every call: quadratic work that is not ours */
};

static const Shape shapes[] = {
    {"function scan", "", "SELECT count(*) FROM generate_series(1, 1000000000000)", 0},
    {"nested loop", "SET enable_hashjoin = off; SET enable_mergejoin = off", "SELECT sum(a.i + b.i) FROM t a, t b WHERE a.i + b.i < 0", 0},
    {"hash join", "", "SELECT count(*) FROM t a JOIN t b USING (k) JOIN t c USING (k)", 0},
    {"merge join", "SET enable_hashjoin = off; SET enable_nestloop = off", "SELECT count(*) FROM t a JOIN t b ON a.k = b.k JOIN t c ON b.k = c.k", 0},
    {"full join", "", "SELECT count(*) FROM t a FULL JOIN t b ON a.k = b.k", 0},
    {"semi join", "", "SELECT count(*) FROM t a, t b WHERE EXISTS (SELECT 1 FROM t c WHERE c.i = a.i + b.i)", 0},
    {"not in", "", "SELECT count(*) FROM generate_series(1, 1000000000) g WHERE g NOT IN (SELECT i FROM t)", 0},
    {"correlated subquery", "", "SELECT sum((SELECT max(b.i) FROM t b WHERE b.k <> a.i)) FROM t a", 0},
    {"lateral", "", "SELECT count(*) FROM t a, LATERAL (SELECT b.i FROM t b WHERE b.i > a.i ORDER BY b.s LIMIT 3) x", 0},
    {"sort of texts", "", "SELECT m FROM (SELECT md5(g::text) m FROM generate_series(1, 100000000) g) x ORDER BY m OFFSET 99999999", 0},
    {"sort of integers", "", "SELECT g FROM generate_series(1, 1000000000) g ORDER BY -g OFFSET 999999999", 0},
    {"sort, many keys", "", "SELECT a.i FROM t a, t b ORDER BY a.s, b.s, a.i DESC OFFSET 1000000000", 0},
    {"distinct", "", "SELECT count(*) FROM (SELECT DISTINCT g % 100000007 FROM generate_series(1, 10000000000) g) x", 0},
    {"hash aggregate", "", "SELECT count(*) FROM (SELECT g, sum(g) FROM generate_series(1, 1000000000) g GROUP BY g) x", 0},
    {"sorted aggregate", "SET enable_hashagg = off", "SELECT count(*) FROM (SELECT g, sum(g) FROM generate_series(1, 1000000000) g GROUP BY g) x", 0},
    {"plain aggregate", "", "SELECT sum(a.i), avg(b.i), max(a.s) FROM t a, t b", 0},
    {"ordered aggregate", "", "SELECT length(string_agg(a.s, ',' ORDER BY a.s)) FROM t a, t b", 0},
    {"array_agg", "", "SELECT array_length(array_agg(g), 1) FROM generate_series(1, 1000000000) g", 0},
    {"percentile", "", "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a.i) FROM t a, t b", 0},
    {"window", "", "SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY a.s) r FROM t a, t b) x", 0},
    {"window frame", "", "SELECT max(r) FROM (SELECT sum(i) OVER (ORDER BY i ROWS BETWEEN 50000 PRECEDING AND 50000 FOLLOWING EXCLUDE TIES) r FROM t) x, "
                         "generate_series(1, 1000000)", 0},
    {"window by range", "", "SELECT max(r) FROM (SELECT max(s) OVER (ORDER BY i RANGE BETWEEN 90000 PRECEDING AND 90000 FOLLOWING EXCLUDE CURRENT ROW) r FROM t) x, "
                            "generate_series(1, 1000000)", 0},
    {"recursive", "", "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r", 0},
    {"recursive, distinct", "", "WITH RECURSIVE r(n) AS (SELECT 1::int8 UNION SELECT n + 1 FROM r) SELECT count(*) FROM r", 0},
    {"recursive join", "", "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT t.k FROM r JOIN t ON t.k <> r.n) SELECT count(*) FROM r", 0},
    {"except", "", "SELECT count(*) FROM (SELECT g FROM generate_series(1, 1000000000) g EXCEPT SELECT i FROM t) x", 0},
    {"intersect all", "", "SELECT count(*) FROM (SELECT g FROM generate_series(1, 1000000000) g INTERSECT ALL SELECT g FROM generate_series(1, 1000000000) g) x", 0},
    {"union", "", "SELECT count(*) FROM (SELECT g FROM generate_series(1, 1000000000) g UNION SELECT -g FROM generate_series(1, 1000000000) g) x", 0},
    {"offset", "", "SELECT 1 FROM t a, t b OFFSET 100000000000", 0},
    {"regex", "", "SELECT count(*) FROM t a, t b WHERE (a.s || b.s) ~ '(x+x+)+y.*[0-9]{3,}z$'", 0},
    {"one long regex", "", "SELECT repeat('ab', 20000000) ~ '(a|ab)*(bb|aa)c'", 0},
    {"regexp_replace", "", "SELECT length(regexp_replace(repeat('ab ', 20000000), '(\\w+)\\s', '\\1-', 'g'))", 0},
    {"like", "", "SELECT count(*) FROM t a, t b WHERE a.s || b.s LIKE '%1%2%3%4%x'", 0},
    {"replace", "", "SELECT length(replace(repeat('ab', 50000000), 'a', 'bb'))", MEMMEM},
    {"numeric power", "", "SELECT sum(exp(a.i::numeric / 7777)) FROM t a, t b", 0},
    {"factorial", "", "SELECT length(factorial(32000)::text)", 0},
    {"numeric sum", "", "SELECT sum(a.i::numeric * 1.000001 / (b.i + 1)) FROM t a, t b", 0},
    {"jsonb", "", "SELECT count(*) FROM t a, t b WHERE jsonb_build_object('a', a.i, 'b', b.s)->>'b' = 'x'", 0},
    {"format and dates", "", "SELECT count(*) FROM t a, t b WHERE to_char(timestamp '2000-01-01' + a.i * interval '1 hour', 'Day DD Month') > b.s", 0},
    {"create index", "", "CREATE INDEX ON big (s, i)", 0},
    {"create unique index", "", "CREATE UNIQUE INDEX ON big (i, s)", 0},
    {"insert select", "", "INSERT INTO u SELECT g, g::text FROM generate_series(1, 1000000000) g", 0},
    {"insert values with key", "", "INSERT INTO keyed SELECT g FROM generate_series(1, 1000000000) g", 0},
    {"on conflict", "", "INSERT INTO keyed SELECT g % 10 FROM generate_series(1, 1000000000) g ON CONFLICT DO NOTHING", 0},
    {"update", "", "UPDATE big SET s = s || 'x', i = i + 1", 0},
    {"delete with returning", "", "DELETE FROM big RETURNING *", 0},
    {"cascade", "", "DELETE FROM tree WHERE id = 1", 0},
    {"foreign key check", "", "INSERT INTO leaf SELECT 1 FROM generate_series(1, 1000000000)", 0},
    {"create table as", "", "CREATE TABLE made AS SELECT g, md5(g::text) FROM generate_series(1, 1000000000) g", 0},
    {"alter type", "", "ALTER TABLE big ALTER i TYPE numeric", 0},
    {"add check", "", "ALTER TABLE big ADD CHECK (md5(s || i) <> 'x')", 0},
    {"analyze", "SET default_statistics_target = 1000", "ANALYZE big", 0},
    {"vacuum", "", "VACUUM churned", 0},
    {"copy from", "", "COPY u FROM STDIN", 0},
    {"copy to", "", "COPY (SELECT a.s, b.s FROM t a, t b) TO STDOUT", 0},
    {"sleep", "", "SELECT pg_sleep(60)", 0},
    {"table lock", "", "LOCK TABLE held", HELD},
    {"row lock", "", "SELECT * FROM held FOR UPDATE", HELD},
    {"row update", "", "UPDATE held SET b = 2", HELD},
    {"unique key", "", "INSERT INTO held VALUES (2, 2)", HELD},
    {"advisory lock", "", "SELECT pg_advisory_lock(1)", HELD},
};
enum { NSHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static const char *only;

typedef struct Run {
    quern *db;
    const char *sql;
    int code;
    char state[6];
    double end_ms;
    volatile int done;
} Run;

static double
now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static int
endless_rows(void *arg, char *buf, size_t cap, size_t *n)
{
    (void)arg;
    size_t at = 0;
    while (at + 8 < cap) {
        memcpy(buf + at, "1\tabcd\n", 7);
        at += 7;
    }
    *n = at;
    return 0;
}

static int
swallow(void *arg, const char *data, size_t n)
{
    (void)arg, (void)data, (void)n;
    return 0;
}

static void *
run_thread(void *arg)
{
    Run *r = arg;
    r->code = quern_exec(r->db, r->sql, NULL, NULL);
    r->end_ms = now_ms();
    memcpy(r->state, quern_sqlstate(r->db), 6);
    __atomic_store_n(&r->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void
must(quern *db, const char *sql)
{
    int code = quern_exec(db, sql, NULL, NULL);
    if (code != QUERN_OK) print_error("%s: %s %s\n", sql, quern_sqlstate(db), quern_errmsg(db));
    assert_int_equal(code, QUERN_OK);
}

/* Milliseconds from the interrupt to the end; -1: it had ended by itself. */
static double
interrupt_one(quern *db, const Shape *s)
{
    Run r = {.db = db, .sql = s->sql};
    pthread_t thread;
    pthread_attr_t attr;
    char before[512];
    snprintf(before, sizeof(before), "RESET ALL; SET work_mem = '16MB'; %s", s->before);
    must(db, before);
    must(db, "BEGIN");
    if (strncmp(s->sql, "VACUUM", 6) == 0) must(db, "COMMIT");
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 8 << 20);
    assert_int_equal(pthread_create(&thread, &attr, run_thread, &r), 0);
    pthread_attr_destroy(&attr);
    sleep_ms(START_MS);
    double start = now_ms();
    quern_interrupt(db);
    pthread_join(thread, NULL);
    (void)quern_exec(db, "ROLLBACK", NULL, NULL);
    if (r.code == QUERN_OK || r.end_ms < start) return -1;
    if (strcmp(r.state, "57014") != 0) print_error("%s: %s %s\n", s->name, r.state, quern_errmsg(db));
    assert_string_equal(r.state, "57014");
    return r.end_ms - start;
}

static void
make_tables(quern *db)
{
    must(db, "CREATE TABLE t AS SELECT i, i % 3 AS k, 'row ' || i AS s FROM generate_series(1, 20000) i");
    must(db, "CREATE TABLE big AS SELECT i, md5(i::text) AS s FROM generate_series(1, 400000) i");
    must(db, "CREATE TABLE churned (i int PRIMARY KEY, s text)");
    must(db, "INSERT INTO churned SELECT i, i::text FROM generate_series(1, 300000) i");
    must(db, "DELETE FROM churned WHERE i % 3 = 0");
    must(db, "CREATE TABLE u (i int, s text)");
    must(db, "CREATE TABLE keyed (i int8 PRIMARY KEY)");
    must(db, "CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree ON DELETE CASCADE)");
    must(db, "INSERT INTO tree SELECT i, nullif(i / 2, 0) FROM generate_series(1, 3000) i");
    must(db, "CREATE TABLE leaf (id int REFERENCES tree)");
    must(db, "CREATE TABLE held (a int PRIMARY KEY, b int)");
    must(db, "INSERT INTO held VALUES (1, 1)");
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
test_every_shape_ends_soon(void **state)
{
    (void)state;
    quern *db, *other;
    double times[NSHAPES];
    int n = 0, quick = 0;
    char path[] = "/tmp/quern-interrupt-XXXXXX";
    char file[64];
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof(file), "%s/db", path);
    assert_int_equal(quern_open(file, &db), QUERN_OK);
    assert_int_equal(quern_open(file, &other), QUERN_OK);
    quern_copy_source(db, endless_rows, NULL);
    quern_copy_sink(db, swallow, NULL);
    must(db, "SET synchronous_commit = off");
    make_tables(db);
    must(other, "BEGIN; LOCK TABLE held IN ROW EXCLUSIVE MODE; UPDATE held SET b = 3; INSERT INTO held VALUES (2, 2); "
                "SELECT pg_advisory_lock(1)");
    for (int i = 0; i < NSHAPES; i++) {
        if (only != NULL && strstr(shapes[i].name, only) == NULL) continue;
        if (IS_SANITIZED && (shapes[i].flags & MEMMEM) != 0) continue;
        double ms = interrupt_one(db, &shapes[i]);
        if (ms < 0) {
            print_message("  %-24s ended by itself\n", shapes[i].name);
            quick++;
            continue;
        }
        if (ms > 20 || only != NULL) print_message("  %-24s %7.1f ms\n", shapes[i].name, ms);
        times[n++] = ms;
    }
    must(db, "SELECT 1 / (count(*) = 20000)::int FROM t");
    quern_close(other);
    quern_close(db);
    unlink(file);
    rmdir(path);
    if (n == 0) return;
    qsort(times, (size_t)n, sizeof(times[0]), by_value);
    print_message("  %d shapes: median %.1f ms, p90 %.1f ms, max %.1f ms; %d ended by themselves\n", n, times[n / 2], times[n * 9 / 10],
                  times[n - 1], quick);
    assert_true(times[n - 1] < LATE_MS);
}

int
main(int argc, char **argv)
{
    only = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_shape_ends_soon)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
