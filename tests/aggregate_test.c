/* aggregate_test.c - aggregates against PostgreSQL's recorded results
 * (tests/data/aggregate_cases.txt: function, type oid, values, second argument's values or -,
 * result; tabs between), by every way rows can reach a state: all at once, grouped, split and
 * combined, spilled and read back, and added to be taken out again. */
#include "types/function.h"
#include "types/numeric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_ROWS 48

typedef struct Case {
    char *fn, *values[2], *want;
    Oid type;
    int line;
} Case;

typedef struct Input {
    const Aggregate *agg;
    Oid types[2];
    int nargs, nrows;
    Value rows[2][MAX_ROWS];
} Input;

static const Aggregate *
find_aggregate(const char *name, int nargs, Oid type)
{
    int n;
    const Aggregate *const *all = agg_by_name(name, &n);
    const Aggregate *any = NULL;
    for (int i = 0; i < n; i++) {
        if (all[i]->nargs != nargs) continue;
        if (all[i]->args[0] == type) return all[i];
        if (all[i]->args[0] == TYPE_ANY || all[i]->args[0] == TYPE_ANYNONARRAY) any = all[i];
    }
    if (any == NULL) fail_msg("no aggregate %s of type %u", name, type);
    return any;
}

static void
read_column(Ctx *ctx, Arena *arena, char *text, Oid type, Value *out, int *n)
{
    *n = 0;
    if (strcmp(text, "@") == 0) return; /* no rows */
    for (char *word; text != NULL && (word = strsep(&text, ",")) != NULL;) {
        assert_true(*n < MAX_ROWS);
        if (strcmp(word, "NULL") == 0)
            out[*n] = value_null(type);
        else
            assert_int_equal(value_in(ctx, arena, word, strlen(word), type, -1, &out[*n]), QN_OK);
        (*n)++;
    }
}

/* Rows from .. to as a vector, numerics in a form all share; at BATCH_ROWS most. */
static Vector *
column(Ctx *ctx, Arena *arena, const Input *in, int arg, int from, int to)
{
    Vector *v = vec_create(arena, in->types[arg], BATCH_ROWS);
    bool one_form = true;
    const Value *first = NULL;
    for (int i = from; i < to; i++) {
        const Value *x = &in->rows[arg][i];
        if (x->is_null) continue;
        if (first == NULL) first = x;
        one_form &= x->phys == first->phys && x->scale == first->scale;
    }
    if (first != NULL) {
        vec_reset(v, one_form ? (Phys)first->phys : PHYS_STR);
        v->scale = one_form ? first->scale : 0;
    }
    for (int i = from; i < to; i++) {
        Value x = in->rows[arg][i];
        if (!x.is_null && in->types[arg] == TYPE_NUMERIC && !one_form)
            assert_int_equal(numeric_value_convert(ctx, arena, &x, PHYS_STR, 0, &x), QN_OK);
        vec_put(v, i - from, &x);
    }
    return v;
}

typedef Status (*Feed)(AggCall *call, const Aggregate *agg, char *state);

static Status
feed_one(AggCall *call, const Aggregate *agg, char *state)
{
    return agg->update_one(call, state);
}

static Status
feed_grouped(AggCall *call, const Aggregate *agg, char *state)
{
    char *states[BATCH_ROWS];
    for (int i = 0; i < BATCH_ROWS; i++) states[i] = state - 8;
    return agg->update(call, states, 8);
}

static Status
feed_removed(AggCall *call, const Aggregate *agg, char *state)
{
    return agg->remove_one(call, state);
}

/* Feeds rows from .. to, in batches, leaving out those with a NULL where the aggregate is strict.
 */
static Status
feed(Ctx *ctx, Arena *arena, const Input *in, int from, int to, char *state, Feed how)
{
    for (int start = from; start < to; start += BATCH_ROWS) {
        int end = start + BATCH_ROWS < to ? start + BATCH_ROWS : to;
        Vector *args[2] = {0};
        uint16_t sel[BATCH_ROWS];
        AggCall call = {
            .ctx = ctx, .arena = arena, .nargs = in->nargs, .args = args, .arg_types = in->types};
        bool nulls = false;
        for (int a = 0; a < in->nargs; a++) args[a] = column(ctx, arena, in, a, start, end);
        for (int i = 0; i < end - start; i++) {
            bool null = false;
            for (int a = 0; a < in->nargs; a++) null |= vec_is_null(args[a], i);
            nulls |= null;
            if (!null || (in->agg->flags & FN_STRICT) == 0) sel[call.n++] = (uint16_t)i;
        }
        if (nulls)
            call.sel = sel; /* without NULLs the kernels' loops over whole vectors are tried */
        if (call.n > 0) {
            Status st = how(&call, in->agg, state);
            if (st != QN_OK) return st;
        }
    }
    return QN_OK;
}

static char *
new_state(Ctx *ctx, Arena *arena, const Aggregate *agg)
{
    AggCall call = {.ctx = ctx, .arena = arena};
    char *room = arena_zalloc(arena, agg->state_bytes + 16);
    char *state = room + 8; /* 8-byte aligned and no more */
    if (agg->init != NULL) assert_int_equal(agg->init(&call, state), QN_OK);
    return state;
}

static void
check(const Case *c, Ctx *ctx, Arena *arena, const Input *in, char *state, Status st,
      const char *how)
{
    AggCall call = {.ctx = ctx, .arena = arena, .arg_types = in->types};
    Value v;
    char *got = "NULL";
    size_t nbytes;
    if (st == QN_OK) st = in->agg->final(&call, state, arena, &v);
    if (st != QN_OK) {
        got = arena_printf(arena, "!%s", status_sqlstate(st));
        err_clear(&ctx->err);
    } else if (!v.is_null) {
        StrBuf b = strbuf_new(arena);
        if (v.type == TYPE_BOOL) {
            strbuf_addz(&b, v.b ? "true" : "false");
        } else {
            assert_int_equal(value_out(ctx, &b, &v), QN_OK);
        }
        assert_int_equal(strbuf_finish(ctx, &b, &got, &nbytes), QN_OK);
        if (nbytes == 0) got = "";
    }
    if (strcmp(got, c->want) != 0)
        fail_msg("line %d: %s(type %u) %s: got %s, want %s", c->line, c->fn, c->type, how, got,
                 c->want);
}

static void
run_case(const Case *c)
{
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    Input in = {.types = {c->type, c->type}, .nargs = strcmp(c->values[1], "-") == 0 ? 1 : 2};
    for (int a = 0; a < in.nargs; a++)
        read_column(&ctx, arena, c->values[a], c->type, in.rows[a], &in.nrows);
    in.agg = find_aggregate(c->fn, in.nargs, c->type);
    char *state = new_state(&ctx, arena, in.agg);
    Status st = feed(&ctx, arena, &in, 0, in.nrows, state, feed_one);
    check(c, &ctx, arena, &in, state, st, "all to one state");
    state = new_state(&ctx, arena, in.agg);
    st = feed(&ctx, arena, &in, 0, in.nrows, state, feed_grouped);
    check(c, &ctx, arena, &in, state, st, "by states");
    AggCall call = {.ctx = &ctx, .arena = arena, .arg_types = in.types};
    if (in.agg->combine != NULL && !in.agg->inexact_combine) {
        char *other = new_state(&ctx, arena, in.agg);
        state = new_state(&ctx, arena, in.agg);
        st = feed(&ctx, arena, &in, 0, in.nrows / 3, state, feed_one);
        if (st == QN_OK) st = feed(&ctx, arena, &in, in.nrows / 3, in.nrows, other, feed_one);
        if (st == QN_OK) st = in.agg->combine(&call, state, other);
        check(c, &ctx, arena, &in, state, st, "combined");
    }
    if (in.agg->serialise != NULL && c->want[0] != '!') {
        StrBuf b = strbuf_new(arena);
        state = new_state(&ctx, arena, in.agg);
        assert_int_equal(feed(&ctx, arena, &in, 0, in.nrows / 2, state, feed_one), QN_OK);
        assert_int_equal(in.agg->serialise(&call, state, &b), QN_OK);
        state = new_state(&ctx, arena, in.agg);
        assert_int_equal(in.agg->deserialise(&call, b.data, b.nbytes, state), QN_OK);
        st = feed(&ctx, arena, &in, in.nrows / 2, in.nrows, state, feed_one);
        check(c, &ctx, arena, &in, state, st, "spilled");
    }
    if (in.agg->remove_one != NULL) {
        state = new_state(&ctx, arena, in.agg);
        st = feed(&ctx, arena, &in, 0, in.nrows, state, feed_one);
        if (st == QN_OK) st = feed(&ctx, arena, &in, 0, in.nrows / 2, state, feed_grouped);
        if (st == QN_OK) st = feed(&ctx, arena, &in, 0, in.nrows / 2, state, feed_removed);
        check(c, &ctx, arena, &in, state, st, "added and removed");
    }
    arena_destroy(arena);
}

static void
test_results_are_postgres_however_rows_arrive(void **state)
{
    (void)state;
    FILE *in = fopen("tests/data/aggregate_cases.txt", "r");
    char line[4096];
    int n = 0;
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        char *rest = line;
        Case c = {.line = ++n};
        line[strcspn(line, "\n")] = '\0';
        c.fn = strsep(&rest, "\t");
        c.type = (Oid)atoi(strsep(&rest, "\t"));
        c.values[0] = strsep(&rest, "\t");
        c.values[1] = strsep(&rest, "\t");
        c.want = rest;
        run_case(&c);
    }
    fclose(in);
    assert_true(n > 400);
}

static void
test_count_star_counts_rows(void **state)
{
    (void)state;
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    const Aggregate *agg = agg_by_oid(2803);
    AggCall call = {.ctx = &ctx, .arena = arena, .n = 3};
    char *s = new_state(&ctx, arena, agg);
    Value v;
    assert_int_equal(agg->update_one(&call, s), QN_OK);
    assert_int_equal(agg->final(&call, s, arena, &v), QN_OK);
    assert_int_equal(v.i64, 3);
    arena_destroy(arena);
}

/* The direct argument comes with final, the aggregated values in order with update. */
static void
test_percentiles_and_mode_of_ordered_input(void **state)
{
    (void)state;
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "test");
    static const double values[] = {1, 2, 2};
    static const struct {
        Oid oid;
        double fraction, want;
    } cases[] = {{3974, 0.25, 1.5}, {3974, 1, 2}, {3972, 0.3, 1}, {3972, 0.34, 2}, {3984, 0, 2}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        const Aggregate *agg = agg_by_oid(cases[c].oid);
        Vector *v = vec_create(arena, TYPE_FLOAT8, BATCH_ROWS),
               *p = vec_create(arena, TYPE_FLOAT8, BATCH_ROWS);
        Value fraction = {.type = TYPE_FLOAT8, .phys = PHYS_F64, .f64 = cases[c].fraction}, out;
        Oid types[2] = {TYPE_FLOAT8, TYPE_FLOAT8};
        for (int i = 0; i < 3; i++) ((double *)v->data)[i] = values[i];
        vec_set_const(p, &fraction);
        AggCall call = {
            .ctx = &ctx, .arena = arena, .nargs = 1, .args = &v, .n = 3, .arg_types = types};
        char *s = new_state(&ctx, arena, agg);
        assert_int_equal(agg->update_one(&call, s), QN_OK);
        call.args = &p;
        assert_int_equal(agg->final(&call, s, arena, &out), QN_OK);
        assert_true(out.f64 == cases[c].want);
    }
    arena_destroy(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_are_postgres_however_rows_arrive),
        cmocka_unit_test(test_count_star_counts_rows),
        cmocka_unit_test(test_percentiles_and_mode_of_ordered_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
