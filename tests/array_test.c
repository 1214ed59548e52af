/* array_test.c - array functions against PostgreSQL's recorded results; subscripts, sets, ANY and ALL. */
#include "tests/cases.h"
#include "types/arrayfn.h"
#include "types/record.h"

static void
test_functions_give_postgresqls_results(void **state)
{
    (void)state;
    run_cases("tests/data/array_fn_cases.txt", case_call, 180);
}

static Str
array_of(CaseRun *run, const char *text, Oid elem)
{
    Str s;
    assert_int_equal(array_parse(&run->ctx, run->arena, text, strlen(text), elem, -1, &s), QN_OK);
    return s;
}

static void
expect(CaseRun *run, const Str *s, const char *want)
{
    ArrayView a;
    StrBuf b = strbuf_new(run->arena);
    array_view(s, &a);
    assert_int_equal(array_add_text(&run->ctx, &b, &a), QN_OK);
    assert_string_equal(b.data, want);
}

static void
test_subscripts_and_slices(void **state)
{
    static const bool yes[2] = {true, true}, no[2] = {false, false};
    CaseRun run;
    ArrayView a;
    Value v;
    Str out;
    (void)state;
    case_run_init(&run);
    Str s = array_of(&run, "{{1,2,3},{4,5,6}}", TYPE_INT4);
    array_view(&s, &a);
    assert_true(array_get(&a, 2, (int32_t[]){2, 3}, &v));
    assert_int_equal(v.i32, 6);
    assert_false(array_get(&a, 1, (int32_t[]){1}, &v));
    assert_false(array_get(&a, 2, (int32_t[]){3, 1}, &v));
    assert_int_equal(array_slice(&run.ctx, run.arena, &a, 2, (int32_t[]){1, 2}, yes, (int32_t[]){2, 3}, yes, &out), QN_OK);
    expect(&run, &out, "{{2,3},{5,6}}");
    assert_int_equal(array_slice(&run.ctx, run.arena, &a, 1, (int32_t[]){2}, yes, (int32_t[]){9}, no, &out), QN_OK);
    expect(&run, &out, "{{4,5,6}}");
    assert_int_equal(array_slice(&run.ctx, run.arena, &a, 2, (int32_t[]){5, 1}, yes, (int32_t[]){9, 1}, yes, &out), QN_OK);
    expect(&run, &out, "{}");
    arena_destroy(run.arena);
}

static void
test_assignment_extends_and_fills_gaps(void **state)
{
    static const bool yes[1] = {true};
    CaseRun run;
    ArrayView a, src;
    Str out;
    Value seven = value_i32(TYPE_INT4, 7);
    (void)state;
    case_run_init(&run);
    Str s = array_of(&run, "{1,2}", TYPE_INT4), t = array_of(&run, "{8,9}", TYPE_INT4);
    array_view(&s, &a);
    array_view(&t, &src);
    assert_int_equal(array_set(&run.ctx, run.arena, &a, TYPE_INT4, 1, (int32_t[]){5}, &seven, &out), QN_OK);
    expect(&run, &out, "{1,2,NULL,NULL,7}");
    assert_int_equal(array_set(&run.ctx, run.arena, &a, TYPE_INT4, 1, (int32_t[]){-1}, &seven, &out), QN_OK);
    expect(&run, &out, "[-1:2]={7,NULL,1,2}");
    assert_int_equal(array_set(&run.ctx, run.arena, NULL, TYPE_INT4, 2, (int32_t[]){3, 4}, &seven, &out), QN_OK);
    expect(&run, &out, "[3:3][4:4]={{7}}");
    assert_int_equal(array_set_slice(&run.ctx, run.arena, &a, TYPE_INT4, 1, (int32_t[]){2}, yes, (int32_t[]){3}, yes,
                                     &src, &out), QN_OK);
    expect(&run, &out, "{1,8,9}");
    assert_int_equal(array_set_slice(&run.ctx, run.arena, &a, TYPE_INT4, 1, (int32_t[]){2}, yes, (int32_t[]){4}, yes,
                                     &src, &out), ERR_ARRAY_SUBSCRIPT_ERROR);
    assert_string_equal(run.ctx.err.message, "source array too small");
    err_clear(&run.ctx.err);
    arena_destroy(run.arena);
}

/* x = ANY (array) by each of its ways gives one answer. */
static void
check_any(CaseRun *run, const char *array, bool any, bool hashable, const char *op, const char *want)
{
    int n;
    const Function *const *f = fn_by_name(op, &n);
    assert_int_equal(n, 1);
    Vector *x = vec_create(run->arena, TYPE_INT4, BATCH_ROWS);
    Vector *arr = vec_create(run->arena, TYPE_INT4_ARRAY, BATCH_ROWS);
    Vector *out = vec_create(run->arena, TYPE_BOOL, BATCH_ROWS);
    vec_reset(x, PHYS_I32);
    for (int i = 0; i < 3; i++) ((int32_t *)x->data)[i] = i + 1;
    vec_set_null(x, 2);
    Value v = value_str(TYPE_INT4_ARRAY, array_of(run, array, TYPE_INT4));
    for (int way = 0; way < 3; way++) { /* constant array, set, array a row */
        char got[4] = {0};
        if (way == 1 && !hashable) continue;
        if (way < 2) {
            vec_set_const(arr, &v);
        } else {
            vec_reset(arr, PHYS_STR);
            for (int i = 0; i < 3; i++) vec_put(arr, i, &v);
        }
        vec_reset(out, PHYS_BOOL);
        ArrayOp site = {.ctx = &run->ctx, .arena = run->arena, .state_arena = run->arena, .fn = f[0], .any = any,
                        .hashable = way == 1};
        assert_int_equal(array_op_run(&site, x, arr, NULL, 3, out), QN_OK);
        for (int i = 0; i < 3; i++)
            got[i] = vec_is_null(out, i) ? '?' : ((uint8_t *)out->data)[i] ? 't' : 'f';
        assert_string_equal(got, want);
    }
}

static void
test_any_and_all(void **state)
{
    CaseRun run;
    (void)state;
    if (BATCH_ROWS < 3) return;
    case_run_init(&run);
    check_any(&run, "{2,5}", true, true, "int4eq", "ft?");
    check_any(&run, "{2,NULL}", true, true, "int4eq", "?t?");
    check_any(&run, "{2,3,4,5,6,7,8,9,10,11}", true, true, "int4eq", "ft?");
    check_any(&run, "{2,3,4,5,6,7,8,9,10,NULL}", true, true, "int4eq", "?t?");
    check_any(&run, "{2,3,4,5,6,7,8,9,10,11}", false, true, "int4ne", "tf?");
    check_any(&run, "{}", true, true, "int4eq", "fff");
    check_any(&run, "{}", false, false, "int4eq", "ttt");
    check_any(&run, "{2,5}", false, false, "int4lt", "tf?");
    check_any(&run, "{2,5,NULL}", false, false, "int4lt", "?f?");
    check_any(&run, "{2,5}", true, false, "int4ge", "ft?");
    arena_destroy(run.arena);
}

static void
test_records_print_compare_and_keep_names(void **state)
{
    static const char *const names[3] = {"id", "label", "none"};
    CaseRun run;
    Str r, plain;
    StrBuf b;
    const char *name;
    size_t nbytes;
    (void)state;
    case_run_init(&run);
    b = strbuf_new(run.arena);
    Value fields[3] = {value_i32(TYPE_INT4, 7), value_str(TYPE_TEXT, str_make("a \"b\",", 6)), value_null(TYPE_DATE)};
    assert_int_equal(record_make_named(&run.ctx, run.arena, fields, names, 3, &r), QN_OK);
    assert_int_equal(record_make(&run.ctx, run.arena, fields, 3, &plain), QN_OK);
    Value v = value_str(TYPE_RECORD, r);
    assert_int_equal(value_out(&run.ctx, &b, &v), QN_OK);
    assert_string_equal(b.data, "(7,\"a \"\"b\"\",\",)");
    assert_int_equal(record_compare(&r, &plain), 0);
    assert_true(record_field_name(&r, 1, &name, &nbytes));
    assert_int_equal(nbytes, 5);
    assert_memory_equal(name, "label", 5);
    assert_false(record_field_name(&plain, 1, &name, &nbytes));
    fields[0].i32 = 8;
    assert_int_equal(record_make(&run.ctx, run.arena, fields, 3, &plain), QN_OK);
    assert_true(record_compare(&r, &plain) < 0);
    arena_destroy(run.arena);
}

/* Each allocation of each case fails once: 53200 and nothing else, then the right answer. */
static void
test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    run_cases_starving("tests/data/array_fn_cases.txt", case_call, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_give_postgresqls_results),
        cmocka_unit_test(test_subscripts_and_slices),
        cmocka_unit_test(test_assignment_extends_and_fills_gaps),
        cmocka_unit_test(test_any_and_all),
        cmocka_unit_test(test_records_print_compare_and_keep_names),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
