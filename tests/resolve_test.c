/* resolve_test.c - which operator or function a name means: every expectation is PostgreSQL's answer. */
#include "planner/resolve.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

typedef struct Fixture {
    Ctx ctx;
    PlanState ps;
} Fixture;

static void
start(Fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->ps.ctx = &f->ctx;
    f->ps.arena = arena_create(NULL, "resolve_test");
    assert_non_null(f->ps.arena);
}

static void
stop(Fixture *f)
{
    err_clear(&f->ctx.err);
    arena_destroy(f->ps.arena);
}

static Oid
type_of(const char *name)
{
    if (name == NULL) return 0;
    const TypeInfo *t = type_by_name(name);
    assert_non_null(t);
    return t->oid;
}

static void
test_operators(void **state)
{
    static const struct { const char *op, *left, *right, *result; } cases[] = {
        {"+", "int4", "int4", "integer"},       {"+", "int2", "int8", "bigint"},
        {"+", "int4", "unknown", "integer"},    {"+", "unknown", "numeric", "numeric"},
        {"+", "int4", "float4", "double precision"}, {"+", "int4", "numeric", "numeric"},
        {"+", "int8", "float4", "double precision"}, {"+", "numeric", "float8", "double precision"},
        {"+", "text", "int4", "42883"},         {"+", "bool", "bool", "42883"},
        {"-", NULL, "int4", "integer"},         {"-", NULL, "unknown", "42725"},
        {"=", "int4", "int8", "boolean"},       {"=", "unknown", "unknown", "boolean"},
        {"=", "int4", "text", "42883"},         {"=", "varchar", "text", "boolean"},
        {"=", "bpchar", "varchar", "boolean"},  {"=", "bool", "int4", "42883"},
        {"||", "text", "int4", "text"},         {"||", "unknown", "unknown", "text"},
        {"||", "int4", "int4", "42883"},        {"~~", "varchar", "unknown", "boolean"},
        {"~~", "int4", "text", "42883"},        {"#!", "int4", "int4", "42883"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Fixture f;
        const Operator *op;
        start(&f);
        Status st = resolve_operator(&f.ps, NULL, cases[i].op, type_of(cases[i].left), type_of(cases[i].right), 5, &op);
        const char *got = st == QN_OK ? type_text(&f.ps, op->result) : status_sqlstate(st);
        if (strcmp(got, cases[i].result) != 0) fail_msg("%s %s %s: got %s, want %s", cases[i].left, cases[i].op, cases[i].right, got, cases[i].result);
        if (st != QN_OK) {
            assert_int_equal(f.ctx.err.position, 5);
            assert_non_null(f.ctx.err.hint);
        }
        stop(&f);
    }
}

static void
test_functions(void **state)
{
    static const struct { const char *name; int n; const char *args[3]; const char *result; } cases[] = {
        {"abs", 1, {"int2"}, "smallint"},         {"abs", 1, {"unknown"}, "double precision"},
        {"round", 1, {"numeric"}, "numeric"},     {"round", 1, {"int4"}, "double precision"},
        {"round", 2, {"numeric", "int4"}, "numeric"}, {"round", 2, {"float8", "int4"}, "42883"},
        {"upper", 1, {"varchar"}, "text"},        {"upper", 1, {"int4"}, "42883"},
        {"length", 1, {"unknown"}, "integer"},    {"substr", 2, {"unknown", "int4"}, "text"},
        {"sqrt", 1, {"int4"}, "double precision"}, {"text", 1, {"int4"}, "text"},
        {"int4", 1, {"unknown"}, "integer"},      {"nosuch", 1, {"int4"}, "none"},
        {"concat", 3, {"int4", "text", "unknown"}, "text"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Fixture f;
        FuncMatch m;
        Oid args[3];
        start(&f);
        for (int k = 0; k < cases[i].n; k++) args[k] = type_of(cases[i].args[k]);
        Status st = resolve_function(&f.ps, NULL, cases[i].name, args, cases[i].n, false, NULL, 0, &m);
        const char *got = st != QN_OK ? status_sqlstate(st) : m.kind == FUNC_NONE ? "none" : m.kind == FUNC_MULTIPLE ? "many" : type_text(&f.ps, m.result);
        if (strcmp(cases[i].result, "42883") == 0 && strcmp(got, "none") == 0) got = "42883";
        if (strcmp(got, cases[i].result) != 0) fail_msg("%s(%s): got %s, want %s", cases[i].name, cases[i].args[0], got, cases[i].result);
        stop(&f);
    }
}

static void
test_polymorphic_types(void **state)
{
    Fixture f;
    Oid result;
    (void)state;
    start(&f);
    Oid actual[2] = {TYPE_INT4_ARRAY, TYPE_UNKNOWN}, declared[2] = {TYPE_ANYARRAY, TYPE_ANYELEMENT};
    assert_int_equal(resolve_polymorphic(&f.ps, actual, declared, 2, TYPE_ANYARRAY, &result), QN_OK);
    assert_int_equal(result, TYPE_INT4_ARRAY);
    assert_int_equal(declared[1], TYPE_INT4);

    Oid compatible[2] = {TYPE_INT4_ARRAY, TYPE_NUMERIC}, d2[2] = {TYPE_ANYCOMPATIBLEARRAY, TYPE_ANYCOMPATIBLE};
    assert_int_equal(resolve_polymorphic(&f.ps, compatible, d2, 2, TYPE_ANYCOMPATIBLEARRAY, &result), QN_OK);
    assert_int_equal(result, TYPE_NUMERIC_ARRAY);

    Oid unlike[2] = {TYPE_INT4_ARRAY, TYPE_TEXT}, d3[2] = {TYPE_ANYARRAY, TYPE_ANYELEMENT};
    Status st = resolve_polymorphic(&f.ps, unlike, d3, 2, TYPE_ANYARRAY, &result);
    assert_string_equal(status_sqlstate(st), "42804");
    stop(&f);
}

static void
test_literals_are_read_when_coerced(void **state)
{
    Fixture f;
    Expr *e, *out;
    (void)state;
    start(&f);
    Value v = value_str(TYPE_UNKNOWN, str_make("42", 2));
    e = make_const(&f.ps, &v, -1, 9);
    assert_int_equal(coerce_to_target(&f.ps, e, TYPE_INT4, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &out), QN_OK);
    assert_int_equal(((ConstExpr *)out)->value.i32, 42);
    v = value_str(TYPE_UNKNOWN, str_make("x", 1));
    e = make_const(&f.ps, &v, -1, 9);
    Status st = coerce_to_target(&f.ps, e, TYPE_INT4, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &out);
    assert_string_equal(status_sqlstate(st), "22P02");
    assert_int_equal(f.ctx.err.position, 9);
    stop(&f);
}

static void
test_common_type(void **state)
{
    static const struct { const char *a, *b, *result; } cases[] = {
        {"int4", "int8", "bigint"}, {"int8", "int4", "bigint"}, {"int4", "numeric", "numeric"}, {"numeric", "float4", "real"},
        {"unknown", "int4", "integer"}, {"unknown", "unknown", "text"}, {"date", "timestamptz", "timestamp with time zone"},
        {"int4", "text", "42804"}, {"varchar", "text", "character varying"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Fixture f;
        Oid type;
        start(&f);
        Expr *pair[2] = {make_null_const(&f.ps, type_of(cases[i].a), -1), make_null_const(&f.ps, type_of(cases[i].b), -1)};
        Status st = select_common_type(&f.ps, pair, 2, "UNION", &type, NULL);
        const char *got = st == QN_OK ? type_text(&f.ps, type) : status_sqlstate(st);
        if (strcmp(got, cases[i].result) != 0) fail_msg("%s, %s: got %s, want %s", cases[i].a, cases[i].b, got, cases[i].result);
        stop(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_polymorphic_types),
        cmocka_unit_test(test_literals_are_read_when_coerced),
        cmocka_unit_test(test_common_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
