/* regex_test.c - regular expressions against PostgreSQL's recorded results; random ones end in reasonable time. */
#include "tests/cases.h"
#include "types/regex.h"

static void
test_functions_give_postgresqls_results(void **state)
{
    (void)state;
    run_cases("tests/data/regex_fn_cases.txt", case_call, 250);
}

static void
test_random_expressions_raise_or_answer_alike(void **state)
{
    static const char *const pieces[] = {"a", "b", "(", ")", "*", "+", "?", "|", "[", "]", "^", "$", ".", "{2}", "{1,3}",
                                         "\\1", "\\d", "\\w", "\\y", "(?:", "(?=", "(?!", "(?<=", "[^a]", "[[:alpha:]]",
                                         "*?", "-", "\\", "\xC3\xA4", "x"};
    static const char *const texts[] = {"a", "b", "ab", "x", "\xC3\xA4", "1", " ", "aab"};
    CaseRun run;
    uint64_t seed = 99;
    int compiled = 0;
    (void)state;
    case_run_init(&run);
    for (int i = 0; i < 20000; i++) {
        char pattern[128], text[128];
        Regex *re;
        RegexSpan spans[10];
        bool found;
        size_t n = case_random_text(&seed, pieces, (int)(sizeof(pieces) / sizeof(pieces[0])), pattern, sizeof(pattern));
        size_t m = case_random_text(&seed, texts, 8, text, sizeof(text));
        Status st = regex_compile(&run.ctx, run.arena, pattern, n, (int)(case_random(&seed) % 16), &re);
        if (st == QN_OK) {
            compiled++;
            st = regex_match(&run.ctx, re, text, m, 0, spans, 10, &found);
            assert_int_equal(st, QN_OK);
            bool again; /* the yes-or-no question is answered by another automaton */
            assert_int_equal(regex_match(&run.ctx, re, text, m, 0, NULL, 0, &again), QN_OK);
            if (again != found) fail_msg("/%s/ in \"%s\": %d, then %d", pattern, text, found, again);
            for (int g = 0; found && g < 10; g++) {
                assert_true(spans[g].from <= spans[g].to && spans[g].to <= (ptrdiff_t)m);
                if (spans[g].from >= 0 && g > 0 && strstr(pattern, "(?") == NULL)
                    assert_true(spans[g].from >= spans[0].from && spans[g].to <= spans[0].to);
            }
        } else {
            if (st != ERR_INVALID_REGULAR_EXPRESSION) fail_msg("%s: %s", pattern, run.ctx.err.message);
            err_clear(&run.ctx.err);
        }
        arena_reset(run.arena);
    }
    assert_true(compiled > 1000);
    arena_destroy(run.arena);
}

static void
test_nested_repetition_takes_polynomial_time(void **state)
{
    static const char *const patterns[] = {"^(a*)*$", "^(a|a)*$", "^(a+)+b$", "^(a?){25}a{25}$", "(a*)(a*)(a*)b"};
    CaseRun run;
    char text[2001];
    (void)state;
    case_run_init(&run);
    memset(text, 'a', 2000);
    for (int i = 0; i < 5; i++) {
        Regex *re;
        RegexSpan spans[4];
        bool found;
        int64_t start = ctx_now_us();
        assert_int_equal(regex_compile(&run.ctx, run.arena, patterns[i], strlen(patterns[i]), 0, &re), QN_OK);
        assert_int_equal(regex_match(&run.ctx, re, text, i == 3 ? 30 : 2000, 0, spans, 4, &found), QN_OK);
        assert_true(ctx_now_us() - start < 20 * 1000000);
    }
    arena_destroy(run.arena);
}

static void
test_deep_nesting_is_an_error(void **state)
{
    CaseRun run;
    static char pattern[200001];
    Regex *re;
    (void)state;
    case_run_init(&run);
    memset(pattern, '(', 100000);
    Status st = regex_compile(&run.ctx, run.arena, pattern, 100000, 0, &re);
    assert_true(st == ERR_INVALID_REGULAR_EXPRESSION || st == ERR_STATEMENT_TOO_COMPLEX);
    err_clear(&run.ctx.err);
    arena_destroy(run.arena);
}

/* Each allocation of each case fails once: 53200 and nothing else, then the right answer. */
static void
test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    run_cases_starving("tests/data/regex_fn_cases.txt", case_call, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_give_postgresqls_results),
        cmocka_unit_test(test_random_expressions_raise_or_answer_alike),
        cmocka_unit_test(test_nested_repetition_takes_polynomial_time),
        cmocka_unit_test(test_deep_nesting_is_an_error),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
