/* function_test.c - the tables of functions, operators, casts and aggregates: found, consistent
 * with each other and among themselves; and the kernels of the integers on every shape. */
#include "types/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool
same_args(const Oid *a, const Oid *b, int n)
{
    return memcmp(a, b, (size_t)n * sizeof(Oid)) == 0;
}

static void
test_functions_are_found_and_signatures_unique(void **state)
{
    (void)state;
    for (int i = 0; i < fn_count(); i++) {
        const Function *f = fn_at(i);
        int n, seen = 0;
        const Function *const *same = fn_by_name(f->name, &n);
        assert_ptr_equal(fn_by_oid(f->oid), f);
        for (int j = 0; j < n; j++) {
            assert_string_equal(same[j]->name, f->name);
            if (same[j] == f)
                seen++;
            else if (same[j]->nargs == f->nargs && same_args(same[j]->args, f->args, f->nargs))
                fail_msg("functions %u and %u (%s) have one signature", f->oid, same[j]->oid,
                         f->name);
        }
        assert_int_equal(seen, 1);
        assert_non_null(type_info(f->result));
        for (int j = 0; j < f->nargs; j++) assert_non_null(type_info(f->args[j]));
        if (f->doc[0] == '\0')
            fail_msg("function %s (%u) has no sentence for the manual", f->name, f->oid);
        assert_true((f->flags & (FN_IMMUTABLE | FN_STABLE)) != (FN_IMMUTABLE | FN_STABLE));
        if ((f->flags & FN_SRF) != 0) assert_non_null(setfn_by_oid(f->oid));
    }
    int n;
    assert_null(fn_by_name("no_such_function", &n));
    assert_int_equal(n, 0);
}

static void
test_operators_point_at_functions_commutators_and_negators(void **state)
{
    (void)state;
    for (int i = 0; i < op_count(); i++) {
        const Operator *o = op_at(i);
        const Function *f = fn_by_oid(o->function);
        assert_ptr_equal(op_by_oid(o->oid), o);
        if (f == NULL) fail_msg("operator %u (%s): no function %u", o->oid, o->name, o->function);
        assert_int_equal(f->result, o->result);
        assert_int_equal(f->nargs, o->left == 0 ? 1 : 2);
        if (o->left != 0) assert_int_equal(f->args[0], o->left);
        if (!(o->right == TYPE_INT4 && f->args[f->nargs - 1] == TYPE_XID))
            assert_int_equal(f->args[f->nargs - 1], o->right);
        if (o->commutator != 0) {
            const Operator *c = op_by_oid(o->commutator);
            if (c == NULL || c->commutator != o->oid)
                fail_msg("commutator of %u (%s) does not point back", o->oid, o->name);
            assert_int_equal(c->left, o->right);
            assert_int_equal(c->right, o->left);
        }
        if (o->negator != 0) {
            const Operator *c = op_by_oid(o->negator);
            if (c == NULL || c->negator != o->oid)
                fail_msg("negator of %u (%s) does not point back", o->oid, o->name);
            assert_int_equal(c->left, o->left);
            assert_int_equal(c->right, o->right);
        }
        if (o->can_hash || o->can_merge) assert_int_equal(o->sel, SEL_EQ);
        int n;
        const Operator *const *same = op_by_name(o->name, &n);
        for (int j = 0; j < n; j++)
            if (same[j] != o && same[j]->left == o->left && same[j]->right == o->right)
                fail_msg("operators %u and %u (%s) have one signature", o->oid, same[j]->oid,
                         o->name);
    }
}

static void
test_casts_resolve(void **state)
{
    (void)state;
    for (int i = 0; i < cast_count(); i++) {
        const Cast *c = cast_at(i);
        assert_ptr_equal(cast_find(c->source, c->target), c);
        assert_non_null(strchr("iae", c->context));
        assert_int_equal(c->method == CAST_FUNCTION, c->function != 0);
        if (c->function == 0) {
            if (c->method == CAST_BINARY)
                assert_int_equal(type_info(c->source)->phys, type_info(c->target)->phys);
            continue;
        }
        const Function *f = fn_by_oid(c->function);
        if (f == NULL)
            fail_msg("cast from %u to %u: no function %u", c->source, c->target, c->function);
        assert_true(f->nargs >= 1);
        assert_int_equal(type_info(f->args[0])->phys, type_info(c->source)->phys);
        assert_int_equal(type_info(f->result)->phys, type_info(c->target)->phys);
    }
    assert_null(cast_find(TYPE_BOOL, TYPE_UUID));
}

static void
test_aggregates_and_window_functions_are_found(void **state)
{
    (void)state;
    for (int i = 0; i < agg_count(); i++) {
        const Aggregate *a = agg_at(i);
        int n, seen = 0;
        const Aggregate *const *same = agg_by_name(a->name, &n);
        assert_ptr_equal(agg_by_oid(a->oid), a);
        assert_null(fn_by_oid(a->oid));
        for (int j = 0; j < n; j++) {
            if (same[j] == a)
                seen++;
            else if (same[j]->nargs == a->nargs && same_args(same[j]->args, a->args, a->nargs))
                fail_msg("aggregates %u and %u (%s) have one signature", a->oid, same[j]->oid,
                         a->name);
        }
        assert_int_equal(seen, 1);
        assert_true(a->state_bytes > 0 && a->state_bytes % 8 == 0);
        assert_non_null(a->update);
        assert_non_null(a->update_one);
        assert_non_null(a->final);
        assert_true(a->plain_state || (a->serialise != NULL) == (a->deserialise != NULL));
        if (a->doc[0] == '\0')
            fail_msg("aggregate %s (%u) has no sentence for the manual", a->name, a->oid);
    }
    for (int i = 0; i < winfn_count(); i++) {
        int n;
        assert_ptr_equal(winfn_by_oid(winfn_at(i)->oid), winfn_at(i));
        assert_non_null(winfn_by_name(winfn_at(i)->name, &n));
    }
}

static void
test_every_comparable_type_has_its_operators(void **state)
{
    (void)state;
    static const Oid types[] = {TYPE_BOOL,   TYPE_INT2, TYPE_INT4, TYPE_INT8,    TYPE_FLOAT4,
                                TYPE_FLOAT8, TYPE_OID,  TYPE_TID,  TYPE_REGCLASS};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        for (SelKind k = SEL_EQ; k <= SEL_GE; k++) {
            const Operator *o = op_by_oid(op_for_type(types[i], k));
            assert_non_null(o);
            if (o->sel != SEL_NONE) assert_int_equal(o->sel, k);
            assert_non_null(fn_sel_kernel(fn_by_oid(o->function)));
        }
}

/* Runs a binary function over int4 arguments of the shapes given, with and without a selection. */
static Vector *
run(Ctx *ctx, Arena *arena, const char *name, Oid result, Vector *a, Vector *b, const uint16_t *sel,
    int n, Status want)
{
    int nfns;
    const Function *const *f = fn_by_name(name, &nfns);
    assert_int_equal(nfns, 1);
    Vector *args[2] = {a, b}, *out = vec_create(arena, result, BATCH_ROWS);
    KernelCall call = {.ctx = ctx,
                       .arena = arena,
                       .fn = f[0],
                       .nargs = 2,
                       .args = args,
                       .out = out,
                       .sel = sel,
                       .n = n};
    assert_int_equal(f[0]->kernel(&call), want);
    return out;
}

static Vector *
int4_vector(Arena *arena, int from, int step)
{
    Vector *v = vec_create(arena, TYPE_INT4, BATCH_ROWS);
    for (int i = 0; i < BATCH_ROWS; i++) ((int32_t *)v->data)[i] = from + i * step;
    return v;
}

static Vector *
int4_const(Arena *arena, int x)
{
    Vector *v = vec_create(arena, TYPE_INT4, BATCH_ROWS);
    Value c = value_i32(TYPE_INT4, x);
    vec_set_const(v, &c);
    return v;
}

static void
test_kernels_agree_over_shapes_and_selections(void **state)
{
    (void)state;
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    Vector *args[2][2] = {{int4_vector(arena, -700, 3), int4_const(arena, 12345)},
                          {int4_vector(arena, 900, -1), int4_const(arena, -7)}};
    uint16_t sel[BATCH_ROWS];
    int nsel = 0;
    for (int i = 0; i < BATCH_ROWS; i += 3) sel[nsel++] = (uint16_t)i;
    for (int s = 0; s < 8; s++) {
        Vector *a = args[0][s & 1], *b = args[1][s >> 1 & 1];
        const uint16_t *rows = (s & 4) != 0 ? sel : NULL;
        int n = rows != NULL ? nsel : BATCH_ROWS;
        Vector *sum = run(&ctx, arena, "int4pl", TYPE_INT4, a, b, rows, n, QN_OK);
        Vector *product = run(&ctx, arena, "int4mul", TYPE_INT4, a, b, rows, n, QN_OK);
        Vector *less = run(&ctx, arena, "int4lt", TYPE_BOOL, a, b, rows, n, QN_OK);
        uint16_t passed[BATCH_ROWS];
        int nfns, npassed = fn_sel_kernel(fn_by_name("int4lt", &nfns)[0])(a, b, rows, n, passed),
                  at = 0;
        for (int k = 0; k < n; k++) {
            int i = rows != NULL ? rows[k] : k;
            int32_t x = vec_get(a, i).i32, y = vec_get(b, i).i32;
            assert_int_equal(vec_get(sum, i).i32, x + y);
            assert_int_equal(vec_get(product, i).i32, x * y);
            assert_int_equal(vec_get(less, i).b, x < y);
            if (x < y) assert_int_equal(passed[at++], i);
        }
        assert_int_equal(npassed, at);
    }
    arena_destroy(arena);
}

static void
test_selection_kernels_pass_no_null(void **state)
{
    (void)state;
    Arena *arena = arena_create(NULL, "test");
    Vector *a = int4_vector(arena, 0, 1), *b = int4_const(arena, 100000);
    uint16_t out[BATCH_ROWS];
    int n;
    vec_set_null(a, 1);
    SelKernel lt = fn_sel_kernel(fn_by_name("int4lt", &n)[0]);
    assert_int_equal(lt(a, b, NULL, BATCH_ROWS, out), BATCH_ROWS - 1);
    assert_int_equal(out[1], 2);
    Value null = value_null(TYPE_INT4);
    vec_set_const(b, &null);
    assert_int_equal(lt(a, b, NULL, BATCH_ROWS, out), 0);
    arena_destroy(arena);
}

static void
check_error(const char *fn, int32_t x, int32_t y, Status want, const char *message)
{
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    run(&ctx, arena, fn, TYPE_INT4, int4_const(arena, x), int4_const(arena, y), NULL, 1, want);
    if (want != QN_OK) assert_string_equal(ctx.err.message, message);
    err_clear(&ctx.err);
    arena_destroy(arena);
}

static void
test_integer_faults_raise(void **state)
{
    (void)state;
    check_error("int4pl", INT32_MAX, 1, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    check_error("int4mi", INT32_MIN, 1, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    check_error("int4mul", 65536, 65536, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    check_error("int4div", 1, 0, ERR_DIVISION_BY_ZERO, "division by zero");
    check_error("int4div", INT32_MIN, -1, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    check_error("int4mod", 5, 0, ERR_DIVISION_BY_ZERO, "division by zero");
    check_error("int4mod", INT32_MIN, -1, QN_OK, NULL);
    check_error("int4pl", INT32_MAX, 0, QN_OK, NULL);
}

/* The terms of a series over int8 or numeric, as text joined by blanks; "!SQLSTATE" for an error.
 */
static void
check_series(Oid fn, Oid type, const char *a, const char *b, const char *c, const char *want)
{
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    const SetFunction *f = setfn_by_oid(fn);
    const char *texts[3] = {a, b, c};
    Value args[3];
    void *series;
    StrBuf got = strbuf_new(arena);
    int nargs = c != NULL ? 3 : 2, n;
    for (int i = 0; i < nargs; i++)
        assert_int_equal(value_in(&ctx, arena, texts[i], strlen(texts[i]), type, -1, &args[i]),
                         QN_OK);
    Status st = f->open(&ctx, arena, args, nargs, NULL, &series);
    Vector *out = vec_create(arena, type, BATCH_ROWS);
    if (st != QN_OK) strbuf_addf(&got, "!%s", status_sqlstate(st));
    for (n = 1; st == QN_OK && n > 0;) {
        vec_reset(out, type_info(type)->phys);
        st = f->next(&ctx, series, arena, &out, &n);
        assert_int_equal(st, QN_OK);
        for (int i = 0; i < n && got.nbytes < 60; i++) {
            Value v = vec_get(out, i);
            if (got.nbytes > 0) strbuf_addc(&got, ' ');
            assert_int_equal(value_out(&ctx, &got, &v), QN_OK);
        }
    }
    assert_string_equal(got.nbytes > 0 ? got.data : "", want);
    err_clear(&ctx.err);
    arena_destroy(arena);
}

static void
test_series_end_where_postgres_ends_them(void **state)
{
    (void)state;
    check_series(1068, TYPE_INT8, "1", "10", "3", "1 4 7 10");
    check_series(1068, TYPE_INT8, "5", "1", "-2", "5 3 1");
    check_series(1069, TYPE_INT8, "2", "1", NULL, "");
    check_series(1068, TYPE_INT8, "1", "5", "0", "!22023");
    check_series(1069, TYPE_INT8, "9223372036854775806", "9223372036854775807", NULL,
                 "9223372036854775806 9223372036854775807");
    check_series(1068, TYPE_INT8, "-9223372036854775808", "9223372036854775807",
                 "9223372036854775807", "-9223372036854775808 -1 9223372036854775806");
    check_series(3259, TYPE_NUMERIC, "1.0", "3", "0.5", "1.0 1.5 2.0 2.5 3.0");
    check_series(3259, TYPE_NUMERIC, "1", "2", "0.5", "1 1.5 2.0");
    check_series(3260, TYPE_NUMERIC, "1.5", "3", NULL, "1.5 2.5");
    check_series(3260, TYPE_NUMERIC, "1", "NaN", NULL, "!22023");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_are_found_and_signatures_unique),
        cmocka_unit_test(test_operators_point_at_functions_commutators_and_negators),
        cmocka_unit_test(test_casts_resolve),
        cmocka_unit_test(test_aggregates_and_window_functions_are_found),
        cmocka_unit_test(test_every_comparable_type_has_its_operators),
        cmocka_unit_test(test_kernels_agree_over_shapes_and_selections),
        cmocka_unit_test(test_selection_kernels_pass_no_null),
        cmocka_unit_test(test_integer_faults_raise),
        cmocka_unit_test(test_series_end_where_postgres_ends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
