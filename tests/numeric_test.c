/* numeric_test.c - numeric against PostgreSQL's recorded results (tests/data/numeric_cases.txt:
 * function | first argument | second argument or typmod | result, NULL, or !SQLSTATE message /
 * detail), each case in every form its arguments can take; and what only the inside shows: forms,
 * hashes, views, conversions. */
#include "types/function.h"
#include "types/numeric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct Case {
    char *fn, *a, *b, *want;
    int line;
} Case;

static void
render(Ctx *ctx, Arena *arena, Status st, const Value *v, char *out, size_t cap)
{
    if (st != QN_OK) {
        snprintf(out, cap, "!%s %s%s%s", status_sqlstate(st), ctx->err.message,
                 ctx->err.detail != NULL ? " / " : "",
                 ctx->err.detail != NULL ? ctx->err.detail : "");
        err_clear(&ctx->err);
        return;
    }
    if (v->is_null) {
        snprintf(out, cap, "NULL");
        return;
    }
    StrBuf b = strbuf_new(arena);
    char *text;
    size_t nbytes;
    if (v->type == TYPE_BOOL) { /* recorded as cast to text */
        snprintf(out, cap, "%s", v->b ? "true" : "false");
        return;
    }
    assert_int_equal(value_out(ctx, &b, v), QN_OK);
    assert_int_equal(strbuf_finish(ctx, &b, &text, &nbytes), QN_OK);
    snprintf(out, cap, "%s", text);
}

static const Function *
find(const char *src)
{
    for (int i = 0; i < fn_count(); i++)
        if (strcmp(fn_at(i)->src, src) == 0) return fn_at(i);
    fail_msg("no function with kernel %s", src);
    return NULL;
}

/* Form 0: as read; 1: the variable form; 2: 128-bit, where it fits. */
static bool
read_arg(Ctx *ctx, Arena *arena, const char *text, Oid type, int form, Value *out)
{
    assert_int_equal(value_in(ctx, arena, text, strlen(text), type, -1, out), QN_OK);
    if (type != TYPE_NUMERIC || form == 0) return true;
    if (form == 2 && out->phys == PHYS_STR) return false;
    assert_int_equal(
        numeric_value_convert(ctx, arena, out, form == 1 ? PHYS_STR : PHYS_I128, out->scale, out),
        QN_OK);
    return true;
}

static Vector *
vector_of(Arena *arena, const Value *v, bool constant)
{
    Vector *vec = vec_create(arena, v->type, BATCH_ROWS);
    if (constant) {
        vec_set_const(vec, v);
        return vec;
    }
    vec_reset(vec, (Phys)v->phys);
    vec->scale = v->scale;
    vec_put(vec, 0, v);
    vec_put(vec, 1, v);
    return vec;
}

static void
run_case(const Case *c, int form_a, int form_b, bool const_a, bool const_b)
{
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    Value args[2], result;
    char got[1024];
    Status st = QN_OK;
    if (strcmp(c->fn, "in") == 0) {
        st = value_in(&ctx, arena, c->a, strlen(c->a), TYPE_NUMERIC, -1, &result);
    } else {
        bool typmod = strcmp(c->fn, "typmod") == 0;
        const Function *f = find(typmod ? "numeric" : c->fn);
        Vector *vecs[2], *out = vec_create(arena, f->result, BATCH_ROWS);
        KernelCall call = {.ctx = &ctx,
                           .arena = arena,
                           .fn = f,
                           .nargs = typmod ? 1 : f->nargs,
                           .args = vecs,
                           .out = out,
                           .n = 1,
                           .out_typmod = -1};
        if (!read_arg(&ctx, arena, c->a, f->args[0], form_a, &args[0])) goto done;
        vecs[0] = vector_of(arena, &args[0], const_a);
        if (typmod) {
            char *end;
            int precision = (int)strtol(c->b, &end, 10);
            call.out_typmod = numeric_typmod(precision, (int)strtol(end + 1, NULL, 10));
        } else if (f->nargs == 2) {
            if (!read_arg(&ctx, arena, c->b, f->args[1], form_b, &args[1])) goto done;
            vecs[1] = vector_of(arena, &args[1], const_b);
        }
        st = f->kernel(&call);
        if (st == QN_OK) result = vec_get(out, 0);
    }
    render(&ctx, arena, st, &result, got, sizeof(got));
    if (strcmp(got, c->want) != 0)
        fail_msg("line %d: %s(%s, %s) forms %d %d const %d %d: got %s, want %s", c->line, c->fn,
                 c->a, c->b, form_a, form_b, const_a, const_b, got, c->want);
done:
    arena_destroy(arena);
}

static void
run_file(const char *path, int ncases_min)
{
    FILE *in = fopen(path, "r");
    char line[2048];
    int n = 0;
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        char *rest = line;
        Case c = {.line = ++n};
        line[strcspn(line, "\n")] = '\0';
        c.fn = strsep(&rest, "|");
        c.a = strsep(&rest, "|");
        c.b = strsep(&rest, "|");
        c.want = rest;
        for (int form = 0; form < 9; form++) {
            if (form > 0 && strcmp(c.fn, "in") == 0) break;
            run_case(&c, form / 3, form % 3, false, false);
            if (form == 0) {
                run_case(&c, 0, 0, true, false);
                run_case(&c, 0, 0, false, true);
            }
        }
    }
    fclose(in);
    assert_true(n > ncases_min);
}

static void
test_results_are_postgres_in_every_form(void **state)
{
    (void)state;
    run_file("tests/data/numeric_cases.txt", 3000);
}

static void
test_number_pictures_are_postgres(void **state)
{
    (void)state;
    run_file("tests/data/to_char_num_cases.txt", 500);
}

static void
test_integer_and_float_functions_are_postgres(void **state)
{
    (void)state;
    run_file("tests/data/math_cases.txt", 1000);
}

static Value
parse(Ctx *ctx, Arena *arena, const char *text)
{
    Value v;
    assert_int_equal(value_in(ctx, arena, text, strlen(text), TYPE_NUMERIC, -1, &v), QN_OK);
    return v;
}

static void
test_equal_values_hash_and_view_alike_in_every_form(void **state)
{
    (void)state;
    static const char *const same[][3] = {
        {"1.5", "1.50", "1.500000000000000000000000"},
        {"0", "0.00", "-0.0"},
        {"-120000", "-120000.0", "-120000.0000000000000000000000000000001"},
        {"10000", "1e4", "10000.000"},
        {"NaN", "nan", "NAN"}};
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        for (int j = 0; j < 3; j++) {
            Value a = parse(&ctx, arena, same[i][0]), b = parse(&ctx, arena, same[i][j]), c;
            assert_int_equal(numeric_value_convert(&ctx, arena, &b, PHYS_STR, 0, &c), QN_OK);
            const TypeInfo *t = type_info(TYPE_NUMERIC);
            bool equal = i != 2 || j != 2;
            assert_int_equal(t->cmp(&a, &b) == 0, equal);
            assert_int_equal(t->cmp(&b, &c), 0);
            assert_int_equal(t->hash(&b), t->hash(&c));
            if (equal) assert_int_equal(t->hash(&a), t->hash(&b));
        }
    arena_destroy(arena);
}

static void
test_literals_take_the_narrowest_form(void **state)
{
    (void)state;
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    Value v = parse(&ctx, arena, "12.50");
    assert_int_equal(v.phys, PHYS_I64);
    assert_int_equal(v.i64, 1250);
    assert_int_equal(v.scale, 2);
    assert_int_equal(parse(&ctx, arena, "12345678901234567890.5").phys, PHYS_I128);
    assert_int_equal(parse(&ctx, arena, "1e60").phys, PHYS_STR);
    arena_destroy(arena);
}

static void
test_integer_forms_refuse_what_they_cannot_hold(void **state)
{
    (void)state;
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    Value v = parse(&ctx, arena, "1.25"), out;
    assert_int_equal(numeric_value_convert(&ctx, arena, &v, PHYS_I64, 1, &out),
                     ERR_NUMERIC_VALUE_OUT_OF_RANGE);
    err_clear(&ctx.err);
    v = parse(&ctx, arena, "NaN");
    assert_int_equal(numeric_value_convert(&ctx, arena, &v, PHYS_I64, 1, &out),
                     ERR_FEATURE_NOT_SUPPORTED);
    err_clear(&ctx.err);
    arena_destroy(arena);
}

/* A batch in which one row overflows int64 comes out whole in the wider form. */
static void
test_overflow_widens_the_batch(void **state)
{
    (void)state;
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    Vector *a = vec_create(arena, TYPE_NUMERIC, BATCH_ROWS),
           *out = vec_create(arena, TYPE_NUMERIC, BATCH_ROWS);
    Vector *args[2] = {a, a};
    vec_reset(a, PHYS_I64);
    a->scale = 2;
    ((int64_t *)a->data)[0] = 150;
    ((int64_t *)a->data)[1] = INT64_MAX;
    KernelCall call = {.ctx = &ctx,
                       .arena = arena,
                       .fn = find("numeric_add"),
                       .nargs = 2,
                       .args = args,
                       .out = out,
                       .n = 2};
    assert_int_equal(call.fn->kernel(&call), QN_OK);
    assert_int_equal(out->phys, PHYS_I128);
    assert_int_equal(out->scale, 2);
    assert_true(((int128 *)out->data)[0] == 300);
    assert_true(((int128 *)out->data)[1] == (int128)INT64_MAX * 2);
    arena_destroy(arena);
}

/* Fail the first allocation, then the second, ... until the call succeeds. */
static void
test_out_of_memory_is_an_error_everywhere(void **state)
{
    static const char *const calls[][3] = {
        {"numeric_exp", "123.456", NULL},
        {"numeric_power", "1.0001", "2500.5"},
        {"numeric_ln", "1e200", NULL},
        {"numeric_mul", "1e150", "1.000000000000000000000000000000000001"},
        {"numeric_div", "1e150", "3.3e-70"},
        {"numeric_to_char", "1234.5", "FM999G999D99"}};
    (void)state;
    for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
        int64_t live = mem_live_blocks();
        for (int64_t n = 0;; n++) {
            Ctx ctx = {0};
            Arena *arena = arena_create(NULL, "test");
            const Function *f = find(calls[c][0]);
            Vector *args[2], *out = vec_create(arena, f->result, BATCH_ROWS);
            KernelCall call = {.ctx = &ctx,
                               .arena = arena,
                               .fn = f,
                               .nargs = f->nargs,
                               .args = args,
                               .out = out,
                               .n = 1};
            for (int i = 0; i < f->nargs; i++) {
                Value v;
                read_arg(&ctx, arena, calls[c][i + 1], f->args[i], 0, &v);
                args[i] = vector_of(arena, &v, false);
            }
            mem_fail_after(n, false);
            Status st = f->kernel(&call);
            mem_fail_after(-1, false);
            if (st != QN_OK) assert_string_equal(status_sqlstate(st), "53200");
            err_clear(&ctx.err);
            arena_destroy(arena);
            assert_int_equal(mem_live_blocks(), live);
            if (st == QN_OK) break;
            assert_true(n < 100000);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_are_postgres_in_every_form),
        cmocka_unit_test(test_integer_and_float_functions_are_postgres),
        cmocka_unit_test(test_number_pictures_are_postgres),
        cmocka_unit_test(test_equal_values_hash_and_view_alike_in_every_form),
        cmocka_unit_test(test_literals_take_the_narrowest_form),
        cmocka_unit_test(test_integer_forms_refuse_what_they_cannot_hold),
        cmocka_unit_test(test_overflow_widens_the_batch),
        cmocka_unit_test(test_out_of_memory_is_an_error_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
