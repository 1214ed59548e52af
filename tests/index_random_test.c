/* index_random_test.c - every kind of index against sequential scans: random rows, changes and conditions, the answers of both compared.
 *
 * QUERN_SEED and QUERN_ROUNDS (of some twenty comparisons each) repeat a run or lengthen it. */
#include "include/quern.h"
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed;

static uint32_t
draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static int
keep_text(void *arg, int ncols, const char **values, const char **names)
{
    char *out = arg;
    (void)names;
    for (int i = 0; i < ncols; i++) {
        strncat(out, values[i] != NULL ? values[i] : "null", 100);
        strcat(out, ";");
    }
    return 0;
}

static void
run(quern *db, const char *sql, char *out)
{
    if (out != NULL) out[0] = '\0';
    if (quern_exec(db, sql, out != NULL ? keep_text : NULL, out) != QUERN_OK)
        fail_msg("%s: %s %s", sql, quern_sqlstate(db), quern_errmsg(db));
}

/* A condition over t(id, a, b, c, d), into out. */
static void
condition(char *out, size_t n)
{
    static const char *const ops[] = {"=", "<", "<=", ">", ">=", "<>"};
    switch (draw(14)) {
    case 0: snprintf(out, n, "a %s %u", ops[draw(6)], draw(60)); break;
    case 1: snprintf(out, n, "a = %u AND b %s 't%u'", draw(60), ops[draw(6)], draw(40)); break;
    case 2: snprintf(out, n, "b = 't%u'", draw(40)); break;
    case 3: snprintf(out, n, "b IN ('t%u', 't%u') AND a < %u", draw(40), draw(40), draw(60)); break;
    case 4: snprintf(out, n, "lower(b) = 't%u'", draw(40)); break;
    case 5: snprintf(out, n, "a * 2 BETWEEN %u AND %u", draw(60), draw(120)); break;
    case 6: snprintf(out, n, "a > %u AND c = %u.5", 20 + draw(20), draw(30)); break;
    case 7: snprintf(out, n, "c = %u.50", draw(30)); break;
    case 8: snprintf(out, n, "c IS NULL AND a %s %u", ops[draw(6)], draw(60)); break;
    case 9: snprintf(out, n, "d AND a = %u", draw(60)); break;
    case 10: snprintf(out, n, "c IN (%u.5, %u, NULL)", draw(30), draw(30)); break;
    case 11: snprintf(out, n, "a IS NOT NULL AND b IS NOT NULL AND lower(b) > 't%u'", draw(40)); break;
    case 12: snprintf(out, n, "(a = %u OR a = %u) AND c > %u", 30 + draw(30), 30 + draw(30), draw(30)); break;
    default: snprintf(out, n, "a = %u::bigint AND c < %u", draw(60), draw(30)); break;
    }
}

static void
compare(quern *db)
{
    char cond[300], sql[500], by_index[400], by_scan[400];
    condition(cond, sizeof(cond));
    snprintf(sql, sizeof(sql), "SELECT count(*), sum(id), min(b), max(c) FROM t WHERE %s", cond);
    run(db, "SET enable_seqscan = off", NULL);
    run(db, sql, by_index);
    run(db, "SET enable_seqscan = on; SET enable_indexscan = off; SET enable_indexonlyscan = off", NULL);
    run(db, sql, by_scan);
    run(db, "RESET enable_indexscan; RESET enable_indexonlyscan", NULL);
    if (strcmp(by_index, by_scan) != 0) fail_msg("%s: by index %s, by scan %s", cond, by_index, by_scan);
}

static void
change(quern *db)
{
    char sql[400], cond[300];
    condition(cond, sizeof(cond));
    switch (draw(7)) {
    case 0:
    case 1:
        snprintf(sql, sizeof(sql),
                 "INSERT INTO t SELECT 100000 + %u + g, nullif(g %% 61, 60), 'T' || g %% 41, nullif(g %% 31, 30) + 0.5, g %% 3 = 0 "
                 "FROM generate_series(1, %u) g", draw(10000), 1 + draw(100));
        break;
    case 2: snprintf(sql, sizeof(sql), "UPDATE t SET a = a + %u WHERE id %% 17 = %u", draw(9), draw(17)); break;
    case 3: snprintf(sql, sizeof(sql), "UPDATE t SET b = 't%u', c = c + 1 WHERE %s", draw(40), cond); break;
    case 4: snprintf(sql, sizeof(sql), "UPDATE t SET d = NOT d, c = nullif(c, %u.5) WHERE id %% 13 = %u", draw(30), draw(13)); break;
    case 5: snprintf(sql, sizeof(sql), "DELETE FROM t WHERE id %% 29 = %u", draw(29)); break;
    default: snprintf(sql, sizeof(sql), "UPDATE t SET a = %u WHERE a = %u", draw(60), draw(60)); break;
    }
    bool undone = draw(5) == 0;
    run(db, "BEGIN", NULL);
    run(db, sql, NULL);
    if (undone && draw(2) == 0) compare(db);
    run(db, undone ? "ROLLBACK" : "COMMIT", NULL);
    if (draw(6) == 0) run(db, "VACUUM t", NULL);
    if (draw(20) == 0) run(db, "REINDEX TABLE t", NULL);
    if (draw(10) == 0) run(db, "ANALYZE t", NULL);
}

static void
test_indexes_answer_as_scans_do(void **state)
{
    static const char *const indexes[] = {
        "CREATE INDEX ON t (a, b DESC)", "CREATE INDEX ON t USING hash (b)", "CREATE INDEX ON t USING hash (c)",
        "CREATE INDEX ON t (lower(b))", "CREATE INDEX ON t ((a * 2))", "CREATE INDEX ON t (c) WHERE a > 20",
        "CREATE INDEX ON t (c NULLS FIRST, a) INCLUDE (b)", "CREATE INDEX ON t (a) WHERE d",
        "CREATE INDEX ON t USING hash (lower(b)) WHERE b IS NOT NULL",
    };
    quern *db;
    char faults[4000];
    const char *given = getenv("QUERN_SEED"), *times = getenv("QUERN_ROUNDS");
    int rounds = times != NULL ? atoi(times) : 40;
    (void)state;
    seed = given != NULL ? strtoull(given, NULL, 10) : 20240611;
    print_message("seed %llu\n", (unsigned long long)seed);
    if (quern_open(":memory:", &db) != QUERN_OK) fail_msg("%s", quern_errmsg(db));
    run(db, "CREATE TABLE t (id int, a int, b text, c numeric, d bool)", NULL);
    run(db, "INSERT INTO t SELECT g, nullif(g % 59, 58), 't' || g % 40, nullif(g % 31, 30) + 0.5, g % 2 = 0 FROM generate_series(1, 1500) g", NULL);
    for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
        run(db, indexes[i], NULL);
        for (int k = 0; k < 5; k++) change(db);
        for (int k = 0; k < 20; k++) compare(db);
    }
    for (int r = 0; r < rounds; r++) {
        change(db);
        for (int k = 0; k < 20; k++) compare(db);
    }
    run(db, "SELECT * FROM quern_check()", faults);
    assert_string_equal(faults, "");
    quern_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_indexes_answer_as_scans_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
