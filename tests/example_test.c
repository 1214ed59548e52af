/* example_test.c - every example in the tables of functions and aggregates is executed and must
 * print what the manual says it does. */
#include "quern.h"
#include "types/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int
run_example(quern *db, const char *name, const char *example, const char *want)
{
    char sql[4096];
    const char *got = NULL;
    quern_stmt *stmt = NULL;
    bool same = false;
    if (example == NULL || example[0] == '\0') return 0;
    snprintf(sql, sizeof(sql), "SELECT %s", example);
    if (quern_prepare(db, sql, -1, &stmt, NULL) == QUERN_OK && quern_step(stmt) == QUERN_ROW) {
        got = quern_column_text(stmt, 0);
        same = strcmp(got != NULL ? got : "", want) == 0;
    }
    if (!same)
        print_error("%s: SELECT %s\n  want %s\n  got  %s\n", name, example, want,
                    got != NULL ? got : quern_errmsg(db));
    quern_finalize(stmt);
    return same ? 0 : 1;
}

static void
test_every_example_prints_its_result(void **state)
{
    quern *db;
    int failed = 0;
    (void)state;
    assert_int_equal(quern_open(":memory:", &db), QUERN_OK);
    for (int i = 0; i < fn_count(); i++)
        failed += run_example(db, fn_at(i)->name, fn_at(i)->example, fn_at(i)->example_result);
    for (int i = 0; i < agg_count(); i++)
        failed += run_example(db, agg_at(i)->name, agg_at(i)->example, agg_at(i)->example_result);
    assert_int_equal(quern_close(db), QUERN_OK);
    assert_int_equal(failed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_example_prints_its_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
