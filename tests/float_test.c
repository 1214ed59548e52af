/* float_test.c - floats as text against PostgreSQL's recorded output (tests/data/float_text.txt:
 * width, bits in hex, text), and arithmetic on the edges. */
#include "types/float_text.h"
#include "types/type.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void
test_text_is_postgres_and_reads_back(void **state)
{
    (void)state;
    FILE *in = fopen("tests/data/float_text.txt", "r");
    assert_non_null(in);
    int width, nlines = 0;
    uint64_t bits;
    char want[64], got[FLOAT_TEXT_MAX + 1];
    const char *end;
    while (fscanf(in, "%d %" SCNx64 " %63s", &width, &bits, want) == 3) {
        if (width == 8) {
            double v, back;
            memcpy(&v, &bits, sizeof(v));
            got[float8_format(v, got)] = '\0';
            assert_string_equal(got, want);
            assert_int_equal(float8_parse(got, strlen(got), &back, &end), FLOAT_OK);
            assert_memory_equal(&v, &back, sizeof(v));
        } else {
            float v, back;
            uint32_t low = (uint32_t)bits;
            memcpy(&v, &low, sizeof(v));
            got[float4_format(v, got)] = '\0';
            assert_string_equal(got, want);
            assert_int_equal(float4_parse(got, strlen(got), &back, &end), FLOAT_OK);
            assert_memory_equal(&v, &back, sizeof(v));
        }
        nlines++;
    }
    fclose(in);
    assert_true(nlines > 1000);
}

static void
check_in(const char *text, const char *sqlstate, const char *message)
{
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    Value v;
    Status st = value_in(&ctx, arena, text, strlen(text), TYPE_FLOAT8, -1, &v);
    assert_string_equal(status_sqlstate(st), sqlstate);
    if (st != QN_OK) assert_string_equal(ctx.err.message, message);
    err_clear(&ctx.err);
    arena_destroy(arena);
}

static void
test_input_takes_and_refuses_what_postgres_does(void **state)
{
    (void)state;
    check_in("  1.5  ", "00000", NULL);
    check_in("-Infinity", "00000", NULL);
    check_in("nan", "00000", NULL);
    check_in(".5e3", "00000", NULL);
    check_in("", "22P02", "invalid input syntax for type double precision: \"\"");
    check_in("1.5 x", "22P02", "invalid input syntax for type double precision: \"1.5 x\"");
    check_in("1e", "22P02", "invalid input syntax for type double precision: \"1e\"");
    check_in("1e400", "22003", "\"1e400\" is out of range for type double precision");
    check_in("1e-400", "22003", "\"1e-400\" is out of range for type double precision");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_postgres_and_reads_back),
        cmocka_unit_test(test_input_takes_and_refuses_what_postgres_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
