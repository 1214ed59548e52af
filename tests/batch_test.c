/* batch_test.c - vectors and batches: shapes, NULLs, gathering, selections. */
#include "types/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static Value
int4(int32_t i)
{
    Value v = value_null(TYPE_INT4);
    v.is_null = false;
    v.phys = PHYS_I32;
    v.i32 = i;
    return v;
}

static void
test_put_and_get_with_nulls(void **state)
{
    (void)state;
    Arena *arena = arena_create(NULL, "test");
    Vector *v = vec_create(arena, TYPE_INT4, BATCH_ROWS);
    for (int i = 0; i < BATCH_ROWS; i++) {
        Value x = i % 3 == 1 ? value_null(TYPE_INT4) : int4(i);
        vec_put(v, i, &x);
    }
    for (int i = 0; i < BATCH_ROWS; i++) {
        Value x = vec_get(v, i);
        assert_int_equal(x.is_null, i % 3 == 1);
        if (!x.is_null) assert_int_equal(x.i32, i);
    }
    assert_int_equal((uintptr_t)v->data % 64, 0);
    arena_destroy(arena);
}

static void
test_every_shape_flattens_and_gathers_alike(void **state)
{
    (void)state;
    Arena *arena = arena_create(NULL, "test");
    Vector *flat = vec_create(arena, TYPE_TEXT, BATCH_ROWS),
           *dict = vec_create(arena, TYPE_TEXT, BATCH_ROWS);
    Vector *out = vec_create(arena, TYPE_TEXT, BATCH_ROWS);
    static const char *const words[] = {"short", "longer than twelve bytes", ""};
    uint32_t *codes = arena_alloc(arena, BATCH_ROWS * sizeof(uint32_t));
    for (int i = 0; i < 3; i++) ((Str *)flat->data)[i] = str_make(words[i], strlen(words[i]));
    dict->shape = VEC_DICT;
    dict->dict = flat;
    dict->dict_count = 3;
    dict->codes = codes;
    for (int i = 0; i < BATCH_ROWS; i++) codes[i] = (uint32_t)(i * 7 % 3);
    if (BATCH_ROWS > 2) vec_set_null(dict, 2);

    uint16_t sel[BATCH_ROWS];
    int n = 0;
    for (int i = 0; i < BATCH_ROWS; i += 2) sel[n++] = (uint16_t)i;
    vec_flatten(dict, sel, n, out);
    assert_int_equal(out->shape, VEC_FLAT);
    for (int k = 0; k < n; k++) {
        Value x = vec_get(out, sel[k]), y = vec_get(dict, sel[k]);
        assert_int_equal(x.is_null, y.is_null);
        if (!x.is_null) assert_true(str_eq(&x.str, &y.str));
    }
    vec_gather(dict, sel, n, out);
    for (int k = 0; k < n; k++) {
        Value x = vec_get(out, k), y = vec_get(dict, sel[k]);
        assert_int_equal(x.is_null, y.is_null);
        if (!x.is_null) assert_true(str_eq(&x.str, &y.str));
    }
    Value c = int4(42);
    Vector *k = vec_create(arena, TYPE_INT4, BATCH_ROWS),
           *ko = vec_create(arena, TYPE_INT4, BATCH_ROWS);
    vec_set_const(k, &c);
    vec_gather(k, sel, n, ko);
    assert_int_equal(vec_get(ko, n - 1).i32, 42);
    c = value_null(TYPE_INT4);
    vec_set_const(k, &c);
    assert_true(vec_is_null(k, 5));
    vec_flatten(k, NULL, n, ko);
    assert_true(vec_is_null(ko, n - 1));
    arena_destroy(arena);
}

static void
test_batch_keep_cuts_either_end(void **state)
{
    (void)state;
    Arena *arena = arena_create(NULL, "test");
    Ctx ctx = {0};
    Oid types[] = {TYPE_INT4};
    Batch *b = batch_create_types(arena, 1, types);
    for (int i = 0; i < 3; i++) {
        Value x = int4(i);
        vec_put(b->cols[0], i, &x);
    }
    b->nrows = b->nsel = 3;
    assert_int_equal(batch_keep(&ctx, b, 1, 2), QN_OK);
    batch_verify(b);
    assert_int_equal(b->nsel, 2);
    assert_int_equal(batch_row(b, 0), 1);
    assert_int_equal(batch_keep(&ctx, b, 1, 1), QN_OK);
    assert_int_equal(batch_row(b, 0), 2);
    batch_verify(b);
    arena_destroy(arena);
}

static void
test_str_compares_like_memcmp(void **state)
{
    (void)state;
    static const char *const s[] = {
        "",     "a", "ab", "abcd", "abcda", "abcdefghijkl", "abcdefghijklm", "abcdefghijkln",
        "\xff", "b"};
    for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++)
        for (size_t j = 0; j < sizeof(s) / sizeof(s[0]); j++) {
            Str a = str_make(s[i], strlen(s[i])), b = str_make(s[j], strlen(s[j]));
            int want = strcmp(s[i], s[j]), got = str_cmp(&a, &b);
            assert_int_equal((want > 0) - (want < 0), (got > 0) - (got < 0));
            assert_int_equal(want == 0, str_eq(&a, &b));
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get_with_nulls),
        cmocka_unit_test(test_every_shape_flattens_and_gathers_alike),
        cmocka_unit_test(test_batch_keep_cuts_either_end),
        cmocka_unit_test(test_str_compares_like_memcmp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
