/* datetime_test.c - dates and times against PostgreSQL's recorded results; random input never crashes, and
 * what is accepted is printed and read back as the same value. */
#include "tests/cases.h"

static void
test_values_read_and_print_as_in_postgresql(void **state)
{
    (void)state;
    run_cases("tests/data/datetime_io_cases.txt", case_io, 500);
}

static void
test_functions_give_postgresqls_results(void **state)
{
    (void)state;
    run_cases("tests/data/datetime_fn_cases.txt", case_call, 400);
}

static void
test_random_input_is_refused_or_reads_back(void **state)
{
    static const char *const pieces[] = {
        "2001", "-", "02", "/", "29", " ", "12:34:56", ".789", ":", "T", "Z", "BC", "jan", "dec", "monday", "now",
        "infinity", "epoch", "+05:30", "-08", "PST", "Europe/Paris", "J2451187", "P1Y2M", "1 day", "2 mons", "ago",
        "99999999999", "allballs", "24:00:00", "0", "pm", "am", "y2001", "m02", "d03", "\xC3\xA4", ".", "1e5", "@"};
    static const Oid types[] = {TYPE_DATE, TYPE_TIME, TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ, TYPE_INTERVAL};
    CaseRun run;
    uint64_t seed = 20240229;
    (void)state;
    case_run_init(&run);
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < 20000; i++) {
        char buf[200];
        size_t n = case_random_text(&seed, pieces, (int)(sizeof(pieces) / sizeof(pieces[0])), buf, sizeof(buf));
        Oid type = types[case_random(&seed) % 5];
        Value v, again;
        StrBuf b = strbuf_new(run.arena);
        run.settings.date_order = (int)(case_random(&seed) % 3);
        Status st = value_in(&run.ctx, run.arena, buf, n, type, -1, &v);
        if (st != QN_OK) {
            const char *class = status_sqlstate(st);
            assert_memory_equal(class, "22", 2);
            err_clear(&run.ctx.err);
        } else {
            assert_int_equal(value_out(&run.ctx, &b, &v), QN_OK);
            st = value_in(&run.ctx, run.arena, b.data, b.nbytes, type, -1, &again);
            if (st != QN_OK) fail_msg("\"%s\" printed as \"%s\": %s", buf, b.data, run.ctx.err.message);
            if (type_info(type)->cmp(&v, &again) != 0) fail_msg("\"%s\" printed as \"%s\"", buf, b.data);
        }
        arena_reset(run.arena);
    }
    arena_destroy(run.arena);
}

static void
test_days_of_the_calendar_go_both_ways(void **state)
{
    int y = -4714, m = 11, d = 24;
    (void)state;
    assert_int_equal(days_from_civil(2000, 1, 1), 0);
    assert_int_equal(days_from_civil(-4713, 11, 24), -EPOCH_JULIAN);
    for (int64_t day = -EPOCH_JULIAN; day < 4000000; day += 37) {
        civil_from_days(day, &y, &m, &d);
        assert_true(m >= 1 && m <= 12 && d >= 1 && d <= days_in_month(y, m));
        assert_int_equal(days_from_civil(y, m, d), day);
    }
}

static void
test_local_times_around_a_change_of_the_clock(void **state)
{
    CaseRun run;
    const TimeZone *tz;
    (void)state;
    case_run_init(&run);
    assert_int_equal(timezone_find(&run.ctx, "america/new_york", 16, &tz), QN_OK);
    assert_string_equal(timezone_name(tz), "America/New_York");
    /* Every hour of two years: an instant's local time leads back to it, but for the hour shown twice. */
    int differ = 0;
    for (int64_t t = 1262304000; t < 1262304000 + 2 * 365 * 86400; t += 3600) {
        int32_t offset = timezone_offset_at(tz, t, NULL, NULL);
        differ += timezone_offset_local(tz, t + offset) != offset;
    }
    assert_int_equal(differ, 2);
    arena_destroy(run.arena);
}

/* Each allocation of each case fails once: 53200 and nothing else, then the right answer. */
static void
test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    run_cases_starving("tests/data/datetime_io_cases.txt", case_io, 100);
    run_cases_starving("tests/data/datetime_fn_cases.txt", case_call, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_read_and_print_as_in_postgresql),
        cmocka_unit_test(test_functions_give_postgresqls_results),
        cmocka_unit_test(test_random_input_is_refused_or_reads_back),
        cmocka_unit_test(test_days_of_the_calendar_go_both_ways),
        cmocka_unit_test(test_local_times_around_a_change_of_the_clock),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
