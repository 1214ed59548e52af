/* json_test.c - json functions against PostgreSQL's recorded results; random text is refused or walks cleanly. */
#include "tests/cases.h"
#include "types/json.h"

static void
test_functions_give_postgresqls_results(void **state)
{
    (void)state;
    run_cases("tests/data/json_fn_cases.txt", case_call, 120);
}

/* Every part of a checked text is itself a checked text, and the walk ends where the text does. */
static void
walk(CaseRun *run, const char *p, const char *end)
{
    JsonIter it = json_iter(p, end);
    while (json_next(&it)) {
        assert_int_equal(json_check(&run->ctx, it.value, (size_t)(it.value_end - it.value)), QN_OK);
        if (it.is_object) {
            assert_true(it.key[0] == '"' && it.key_end[-1] == '"');
            assert_true(it.key_end <= it.value);
        }
        walk(run, it.value, it.value_end);
    }
}

static void
test_random_text_is_refused_or_walks(void **state)
{
    static const char *const pieces[] = {"{", "}", "[", "]", ",", ":", "\"a\"", "\"\\u00e4\"", "1", "-2.5e3", "true",
                                         "null", " ", "\n", "\"\\\"\"", "{}", "[]", "\"b\":", "[1,", "\\", "\xC3\xA4"};
    CaseRun run;
    uint64_t seed = 4;
    int accepted = 0;
    (void)state;
    case_run_init(&run);
    for (int i = 0; i < 50000; i++) {
        char *text;
        char buf[128];
        size_t n = case_random_text(&seed, pieces, (int)(sizeof(pieces) / sizeof(pieces[0])), buf, sizeof(buf));
        text = malloc(n + 1); /* its own block, so that reading past its end is seen */
        assert_non_null(text);
        memcpy(text, buf, n);
        if (json_check(&run.ctx, text, n) == QN_OK) {
            accepted++;
            walk(&run, text, text + n);
            assert_ptr_equal(json_space(json_skip_value(json_space(text, text + n), text + n), text + n), text + n);
        } else {
            err_clear(&run.ctx.err);
        }
        free(text);
    }
    assert_true(accepted > 500);
    arena_destroy(run.arena);
}

static void
test_nesting_has_a_limit(void **state)
{
    static char text[20001];
    CaseRun run;
    (void)state;
    case_run_init(&run);
    memset(text, '[', 10000);
    memset(text + 10000, ']', 10000);
    assert_int_equal(json_check(&run.ctx, text, 20000), ERR_STATEMENT_TOO_COMPLEX);
    err_clear(&run.ctx.err);
    assert_int_equal(json_check(&run.ctx, text + 9000, 2000), QN_OK);
    arena_destroy(run.arena);
}

/* Each allocation of each case fails once: 53200 and nothing else, then the right answer. */
static void
test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    run_cases_starving("tests/data/json_fn_cases.txt", case_call, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_give_postgresqls_results),
        cmocka_unit_test(test_random_text_is_refused_or_walks),
        cmocka_unit_test(test_nesting_has_a_limit),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
