/* type_test.c - the table of types: lookup, forms by typmod, names. */
#include "types/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_rows_are_found_and_consistent(void **state)
{
    (void)state;
    for (int i = 0; i < type_count(); i++) {
        const TypeInfo *t = type_at(i);
        assert_ptr_equal(type_info(t->oid), t);
        assert_ptr_equal(type_by_name(t->name), t);
        if (t->array_oid != 0) assert_int_equal(type_info(t->array_oid)->elem_oid, t->oid);
        bool is_vector = t->oid == TYPE_INT2VECTOR || t->oid == TYPE_OIDVECTOR; /* have elements and are not the array over them */
        if (t->elem_oid != 0 && !is_vector) assert_int_equal(type_info(t->elem_oid)->array_oid, t->oid);
        assert_int_equal(t->cmp == NULL, t->hash == NULL);
        if (t->category != TYPCAT_PSEUDO) assert_int_not_equal(t->phys, PHYS_NONE);
    }
    assert_null(type_info(0));
    assert_null(type_info(15));
    assert_null(type_info(4000000000u));
    assert_null(type_by_name("no_such_type"));
}

static void
test_numeric_form_depends_on_typmod(void **state)
{
    (void)state;
    assert_int_equal(type_phys(TYPE_NUMERIC, -1), PHYS_STR);
    assert_int_equal(type_phys(TYPE_NUMERIC, numeric_typmod(18, 4)), PHYS_I64);
    assert_int_equal(type_phys(TYPE_NUMERIC, numeric_typmod(19, 4)), PHYS_I128);
    assert_int_equal(type_phys(TYPE_NUMERIC, numeric_typmod(39, 4)), PHYS_STR);
    assert_int_equal(type_phys(TYPE_NUMERIC, numeric_typmod(5, -2)), PHYS_STR);
    assert_int_equal(numeric_typmod_scale(numeric_typmod(5, -2)), -2);
    assert_int_equal(numeric_typmod_precision(numeric_typmod(1000, 1000)), 1000);
}

static void
check_format(Oid type, int32_t typmod, const char *want)
{
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    const char *text;
    assert_int_equal(type_format(&ctx, arena, type, typmod, &text), QN_OK);
    assert_string_equal(text, want);
    arena_destroy(arena);
}

static void
test_types_format_as_sql_writes_them(void **state)
{
    (void)state;
    check_format(TYPE_INT4, -1, "integer");
    check_format(TYPE_NUMERIC, numeric_typmod(10, 2), "numeric(10,2)");
    check_format(TYPE_NUMERIC, numeric_typmod(2, -3), "numeric(2,-3)");
    check_format(TYPE_VARCHAR, 24, "character varying(20)");
    check_format(TYPE_BPCHAR, 5, "character(1)");
    check_format(TYPE_TIMESTAMPTZ, 3, "timestamp(3) with time zone");
    check_format(TYPE_INT4_ARRAY, -1, "integer[]");
    check_format(TYPE_NUMERIC_ARRAY, numeric_typmod(10, 2), "numeric(10,2)[]");
    check_format(TYPE_INTERVAL, (1 << 3 | 1 << 10) << 16 | 0xFFFF, "interval day to hour");
    check_format(TYPE_INTERVAL, 0x7FFF << 16 | 3, "interval(3)");
    check_format(999999, -1, "???");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_found_and_consistent),
        cmocka_unit_test(test_numeric_form_depends_on_typmod),
        cmocka_unit_test(test_types_format_as_sql_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
