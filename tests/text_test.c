/* text_test.c - text and bytea functions against PostgreSQL's recorded results; LIKE against a plain matcher. */
#include "tests/cases.h"
#include "types/like.h"

static void
test_values_read_and_print_as_in_postgresql(void **state)
{
    (void)state;
    run_cases("tests/data/value_io_cases.txt", case_io, 120);
}

static void
test_functions_give_postgresqls_results(void **state)
{
    (void)state;
    run_cases("tests/data/text_fn_cases.txt", case_call, 400);
}

/* LIKE by its definition, for comparison. */
static bool
plain_like(const char *p, const char *s)
{
    if (*p == '\0') return *s == '\0';
    if (*p == '%') return plain_like(p + 1, s) || (*s != '\0' && plain_like(p, s + 1));
    if (*s == '\0') return false;
    return (*p == '_' || *p == *s) && plain_like(p + 1, s + 1);
}

static void
test_like_agrees_with_its_definition(void **state)
{
    static const char *const pattern_pieces[] = {"a", "b", "%", "_", "ab", "ba", "%%", "_%"};
    static const char *const text_pieces[] = {"a", "b", "ab", "ba", "aab"};
    CaseRun run;
    uint64_t seed = 7;
    (void)state;
    case_run_init(&run);
    for (int i = 0; i < 20000; i++) {
        char pattern[64], text[64];
        LikePattern *lp;
        size_t n = case_random_text(&seed, pattern_pieces, 8, pattern, sizeof(pattern));
        size_t m = case_random_text(&seed, text_pieces, 5, text, sizeof(text));
        Str p = str_make(pattern, n);
        assert_int_equal(like_compile(&run.ctx, run.arena, &p, LIKE_TEXT, &lp), QN_OK);
        if (like_matches(lp, text, m) != plain_like(pattern, text)) fail_msg("'%s' LIKE '%s'", text, pattern);
        arena_reset(run.arena);
    }
    arena_destroy(run.arena);
}

static void
test_input_that_is_not_utf8_is_refused(void **state)
{
    static const char *const bad[] = {"\xC3", "a\xFF", "\xED\xA0\x80", "\xC0\x80"};
    CaseRun run;
    Value v;
    (void)state;
    case_run_init(&run);
    for (int i = 0; i < 4; i++) {
        Status st = value_in(&run.ctx, run.arena, bad[i], strlen(bad[i]), TYPE_TEXT, -1, &v);
        assert_int_equal(st, ERR_CHARACTER_NOT_IN_REPERTOIRE);
        err_clear(&run.ctx.err);
    }
    arena_destroy(run.arena);
}

/* Each allocation of each case fails once: 53200 and nothing else, then the right answer. */
static void
test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    run_cases_starving("tests/data/value_io_cases.txt", case_io, 100);
    run_cases_starving("tests/data/text_fn_cases.txt", case_call, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_read_and_print_as_in_postgresql),
        cmocka_unit_test(test_functions_give_postgresqls_results),
        cmocka_unit_test(test_like_agrees_with_its_definition),
        cmocka_unit_test(test_input_that_is_not_utf8_is_refused),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
