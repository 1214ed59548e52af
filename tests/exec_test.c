/* exec_test.c - plan nodes on plans made by hand: what does not need SQL or storage. */
#include "tests/exec_util.h"

static void
test_filter_and_projection_take_only_rows_that_pass(void **state)
{
    Fixture *f = *state;
    PlanNode *v = numbers(f, 5000, 7, 0);
    v->project = true;
    v->targets.count = 0;
    add(f, &v->targets, call(f, "int8pl", col(f, INPUT_OUTER, 0, TYPE_INT8), lit(f, 100, TYPE_INT8)));
    add(f, &v->filter, call(f, "int8lt", col(f, INPUT_OUTER, 0, TYPE_INT8), lit(f, 3, TYPE_INT8)));
    assert_string_equal(run(f, v), "100\n101\n102\n");
}

static void
test_case_guards_its_branches(void **state)
{
    Fixture *f = *state;
    PlanNode *v = numbers(f, 4, 3, 0);
    CaseExpr *e = EXPR_NEW(f->arena, Case, TYPE_INT8, -1, 0);
    Expr *zero = call(f, "int8eq", col(f, INPUT_OUTER, 0, TYPE_INT8), lit(f, 0, TYPE_INT8));
    add(f, &e->whens, zero);
    add(f, &e->thens, lit(f, -1, TYPE_INT8));
    e->otherwise = call(f, "int8div", lit(f, 12, TYPE_INT8), col(f, INPUT_OUTER, 0, TYPE_INT8));
    v->project = true;
    v->targets.count = 0;
    add(f, &v->targets, &e->base);
    assert_string_equal(run(f, v), "-1\n12\n6\n4\n");
}

static void
test_or_filter_keeps_order_and_null_is_not_true(void **state)
{
    Fixture *f = *state;
    PlanNode *v = numbers(f, 10, 5, 4);
    BoolExpr *e = EXPR_NEW(f->arena, Bool, TYPE_BOOL, -1, 0);
    e->kind = BOOL_OR;
    add(f, &e->args, call(f, "int4eq", col(f, INPUT_OUTER, 1, TYPE_INT4), lit(f, 3, TYPE_INT4)));
    add(f, &e->args, call(f, "int8eq", col(f, INPUT_OUTER, 0, TYPE_INT8), lit(f, 1, TYPE_INT8)));
    add(f, &v->filter, &e->base);
    v->project = true;
    v->targets.count = 1;
    assert_string_equal(run(f, v), "1\n3\n");
}

static PlanNode *
sort_of(Fixture *f, PlanNode *in, int c, bool desc)
{
    SortPlan *s = NODE_NEW(f, Sort, in, NULL);
    pass_columns(f, &s->base, in, INPUT_OUTER);
    SortKey k = {.expr = col(f, INPUT_OUTER, c, in->targets.items[c]->type), .desc = desc, .nulls_first = desc};
    assert_int_equal(array_push(&f->ctx, f->arena, &s->keys, k), QN_OK);
    return &s->base;
}

static PlanNode *
limit_of(Fixture *f, PlanNode *in, int64_t n, int64_t offset)
{
    LimitPlan *l = NODE_NEW(f, Limit, in, NULL);
    pass_columns(f, &l->base, in, INPUT_OUTER);
    l->limit = lit(f, n, TYPE_INT8);
    l->offset = lit(f, offset, TYPE_INT8);
    return &l->base;
}

static void
test_sort_is_stable_with_limit_and_without(void **state)
{
    Fixture *f = *state;
    char *all = run(f, sort_of(f, numbers(f, 5000, 7, 0), 1, false));
    char *top = run(f, limit_of(f, sort_of(f, numbers(f, 5000, 7, 0), 1, false), 3, 1));
    const char *want = "0|0|a rather long text 0\n7|0|a rather long text 0\n14|0|a rather long text 0\n21|0|a rather long text 0\n";
    assert_memory_equal(all, want, strlen(want));
    assert_string_equal(top, want + strlen("0|0|a rather long text 0\n"));
    char *desc = run(f, limit_of(f, sort_of(f, numbers(f, 5000, 7, 0), 0, true), 2, 0));
    assert_string_equal(desc, "4999|1|a rather long text 1\n4998|0|a rather long text 0\n");
}

static void
test_sort_spills_and_gives_the_same(void **state)
{
    Fixture *f = *state;
    char *big = run(f, sort_of(f, numbers(f, 20000, 999, 13), 2, true));
    f->settings.work_mem = 64;
    char *small = run(f, sort_of(f, numbers(f, 20000, 999, 13), 2, true));
    assert_string_equal(big, small);
    assert_int_equal(count_lines(big), 20000);
}

static AggregatePlan *
count_by(Fixture *f, PlanNode *in, int key, AggStrategy strategy)
{
    AggregatePlan *a = NODE_NEW(f, Aggregate, in, NULL);
    int n;
    a->strategy = strategy;
    if (key >= 0) {
        add(f, &a->keys, col(f, INPUT_OUTER, key, in->targets.items[key]->type));
        add(f, &a->base.targets, col(f, INPUT_OUTER, 0, in->targets.items[key]->type));
    }
    a->aggs = ARENA_ARRAY(f->arena, AggSpec, 2);
    a->naggs = 1;
    a->aggs[0].agg = agg_by_name("count", &n)[0];
    for (int i = 0; i < n; i++)
        if (agg_by_name("count", &n)[i]->nargs == 0) a->aggs[0].agg = agg_by_name("count", &n)[i];
    a->aggs[0].star = true;
    a->aggs[0].type = TYPE_INT8;
    a->aggs[0].typmod = -1;
    add(f, &a->base.targets, col(f, INPUT_OUTER, key >= 0, TYPE_INT8));
    return a;
}

static void
test_aggregate_hashed_equals_sorted_and_spills(void **state)
{
    int n;
    Fixture *f = *state;
    if (agg_by_name("count", &n) == NULL) skip();
    char *hashed = sorted(f, run(f, &count_by(f, numbers(f, 20000, 3000, 11), 2, AGG_HASHED)->base));
    PlanNode *in = sort_of(f, numbers(f, 20000, 3000, 11), 2, false);
    char *runs = sorted(f, run(f, &count_by(f, in, 2, AGG_SORTED)->base));
    f->settings.work_mem = 64;
    char *spilled = sorted(f, run(f, &count_by(f, numbers(f, 20000, 3000, 11), 2, AGG_HASHED)->base));
    assert_string_equal(hashed, runs);
    assert_string_equal(hashed, spilled);
    assert_int_equal(count_lines(hashed), 3000);
    PlanNode *none = numbers(f, 0, 1, 0);
    assert_string_equal(run(f, &count_by(f, none, -1, AGG_PLAIN)->base), "0\n");
    assert_string_equal(run(f, &count_by(f, numbers(f, 5000, 7, 0), -1, AGG_PLAIN)->base), "5000\n");
}

static PlanNode *
join_of(Fixture *f, JoinType type, PlanNode *outer, PlanNode *inner)
{
    HashPlan *h = NODE_NEW(f, Hash, inner, NULL);
    pass_columns(f, &h->base, inner, INPUT_OUTER);
    HashJoinPlan *j = NODE_NEW(f, HashJoin, outer, &h->base);
    j->jointype = type;
    j->base.project = true;
    add(f, &j->outer_keys, col(f, INPUT_OUTER, 1, TYPE_INT4));
    add(f, &j->inner_keys, col(f, INPUT_INNER, 1, TYPE_INT4));
    add(f, &j->base.targets, col(f, INPUT_OUTER, 0, TYPE_INT8));
    if (type != JOIN_SEMI && type != JOIN_ANTI) {
        add(f, &j->base.targets, col(f, INPUT_INNER, 0, TYPE_INT8));
        add(f, &j->base.targets, col(f, INPUT_INNER, 2, TYPE_TEXT));
    }
    return &j->base;
}

static void
test_hash_join_types_count_rows(void **state)
{
    Fixture *f = *state;

    for (int work_mem = 4096; work_mem >= 64; work_mem -= 4032) {
        f->settings.work_mem = work_mem;
        char *inner = run(f, join_of(f, JOIN_INNER, numbers(f, 3000, 100, 4), numbers(f, 300, 50, 7)));
        int matches = 0, outer_hits = 0, inner_hits = 0;
        bool inner_hit[300] = {false};
        for (int i = 0; i < 3000; i++) {
            int hits = 0;
            for (int j = 0; j < 300; j++) {
                if (i % 4 == 0 || j % 7 == 0 || i % 100 != j % 50) continue;
                hits++;
                inner_hit[j] = true;
            }
            matches += hits;
            outer_hits += hits > 0;
        }
        for (int j = 0; j < 300; j++) inner_hits += inner_hit[j];
        assert_int_equal(count_lines(inner), matches);
        char *left = run(f, join_of(f, JOIN_LEFT, numbers(f, 3000, 100, 4), numbers(f, 300, 50, 7)));
        assert_int_equal(count_lines(left), matches + 3000 - outer_hits);
        char *right = run(f, join_of(f, JOIN_RIGHT, numbers(f, 3000, 100, 4), numbers(f, 300, 50, 7)));
        assert_int_equal(count_lines(right), matches + 300 - inner_hits);
        char *full = run(f, join_of(f, JOIN_FULL, numbers(f, 3000, 100, 4), numbers(f, 300, 50, 7)));
        assert_int_equal(count_lines(full), matches + 3000 - outer_hits + 300 - inner_hits);
        char *semi = run(f, join_of(f, JOIN_SEMI, numbers(f, 3000, 100, 4), numbers(f, 300, 50, 7)));
        assert_int_equal(count_lines(semi), outer_hits);
        char *anti = run(f, join_of(f, JOIN_ANTI, numbers(f, 3000, 100, 4), numbers(f, 300, 50, 7)));
        assert_int_equal(count_lines(anti), 3000 - outer_hits);
    }
}

static SortKeyList
one_key(Fixture *f, int rel, int c, Oid type)
{
    SortKeyList l = {0};
    SortKey k = {.expr = col(f, rel, c, type)};
    assert_int_equal(array_push(&f->ctx, f->arena, &l, k), QN_OK);
    return l;
}

/* The same join by sorting. */
static PlanNode *
merge_of(Fixture *f, JoinType type, PlanNode *outer, PlanNode *inner)
{
    PlanNode *hash = join_of(f, type, outer, inner);
    MergeJoinPlan *j = NODE_NEW(f, MergeJoin, sort_of(f, outer, 1, false), sort_of(f, inner, 1, false));
    j->jointype = type;
    j->base.project = true;
    j->base.targets = hash->targets;
    j->outer_keys = one_key(f, INPUT_OUTER, 1, TYPE_INT4);
    j->inner_keys = one_key(f, INPUT_INNER, 1, TYPE_INT4);
    return &j->base;
}

/* And by looping over a materialised inner side. */
static PlanNode *
loop_of(Fixture *f, JoinType type, PlanNode *outer, PlanNode *inner)
{
    PlanNode *hash = join_of(f, type, outer, inner);
    MaterializePlan *m = NODE_NEW(f, Materialize, inner, NULL);
    pass_columns(f, &m->base, inner, INPUT_OUTER);
    NestLoopPlan *j = NODE_NEW(f, NestLoop, outer, &m->base);
    j->jointype = type;
    j->base.project = true;
    j->base.targets = hash->targets;
    add(f, &j->join_cond, call(f, "int4eq", col(f, INPUT_OUTER, 1, TYPE_INT4), col(f, INPUT_INNER, 1, TYPE_INT4)));
    return &j->base;
}

static void
test_join_methods_agree(void **state)
{
    Fixture *f = *state;
    static const JoinType types[] = {JOIN_INNER, JOIN_LEFT, JOIN_SEMI, JOIN_ANTI, JOIN_RIGHT, JOIN_FULL};
    static const int sizes[][2] = {{0, 10}, {10, 0}, {1, 1}, {700, 90}, {3000, 2500}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t t = 0; t < 6; t++) {
            int no = sizes[i][0], ni = sizes[i][1];
            char *hash = sorted(f, run(f, join_of(f, types[t], numbers(f, no, 100, 4), numbers(f, ni, 130, 7))));
            char *merge = sorted(f, run(f, merge_of(f, types[t], numbers(f, no, 100, 4), numbers(f, ni, 130, 7))));
            assert_string_equal(hash, merge);
            if (t >= 4) continue;
            char *loop = sorted(f, run(f, loop_of(f, types[t], numbers(f, no, 100, 4), numbers(f, ni, 130, 7))));
            assert_string_equal(hash, loop);
        }
    }
}

static const Aggregate *
agg_of(const char *name, Oid arg)
{
    int n;
    const Aggregate *const *a = agg_by_name(name, &n);
    for (int i = 0; i < n; i++)
        if (a[i]->nargs == (arg != 0) && (arg == 0 || a[i]->args[0] == arg)) return a[i];
    fail_msg("no aggregate %s", name);
    return NULL;
}

static PlanNode *
window_of(Fixture *f, PlanNode *in, FrameMode mode, FrameBound start, int64_t before, FrameBound end, int64_t after, FrameExclude exclude)
{
    WindowAggPlan *w = NODE_NEW(f, WindowAgg, in, NULL);
    int nfns = 2, nwin;
    w->order = one_key(f, INPUT_OUTER, 0, TYPE_INT8);
    add(f, &w->partition, col(f, INPUT_OUTER, 1, TYPE_INT4));
    w->frame = (WindowFrame){.mode = mode, .start = start, .end = end, .exclude = exclude};
    w->frame.start_offset = start == BOUND_PRECEDING ? lit(f, before, TYPE_INT8) : NULL;
    w->frame.end_offset = end == BOUND_FOLLOWING ? lit(f, after, TYPE_INT8) : NULL;
    if (mode == FRAME_RANGE) {
        w->frame.range_add = ((FuncExpr *)call(f, "int8pl", lit(f, 0, TYPE_INT8), lit(f, 0, TYPE_INT8)))->fn;
        w->frame.range_sub = ((FuncExpr *)call(f, "int8mi", lit(f, 0, TYPE_INT8), lit(f, 0, TYPE_INT8)))->fn;
    }
    w->fns = ARENA_ARRAY(f->arena, WindowSpec, 2);
    w->nfns = nfns;
    w->fns[0] = (WindowSpec){.fn = winfn_by_name("row_number", &nwin)[0], .type = TYPE_INT8, .typmod = -1};
    w->fns[1] = (WindowSpec){.agg = agg_of("sum", TYPE_INT8), .type = TYPE_NUMERIC, .typmod = -1};
    add(f, &w->fns[1].args, col(f, INPUT_OUTER, 0, TYPE_INT8));
    w->base.project = true;
    add(f, &w->base.targets, col(f, INPUT_OUTER, 1, TYPE_INT4));
    add(f, &w->base.targets, col(f, INPUT_OUTER, 0, TYPE_INT8));
    add(f, &w->base.targets, col(f, INPUT_OUTER, 3, TYPE_INT8));
    add(f, &w->base.targets, col(f, INPUT_OUTER, 4, TYPE_NUMERIC));
    return &w->base;
}

/* What window_of must give, by definition; rows (i % groups, i). ROWS, and RANGE over i, which steps by groups. */
static char *
expected_windows(Fixture *f, int n, int groups, bool range, bool unbounded, int64_t before, int64_t after, FrameExclude exclude)
{
    StrBuf b = strbuf_new(f->arena);
    strbuf_addz(&b, "");
    for (int g = 0; g < groups; g++) {
        int number = 0;
        for (int i = g; i < n; i += groups) {
            int64_t sum = 0;
            int count = 0;
            for (int j = g; j < n; j += groups) {
                int64_t d = range ? j - i : (j - i) / groups;
                bool in = (unbounded || d >= -before) && d <= after && !(exclude != EXCLUDE_NONE && j == i);
                if (exclude == EXCLUDE_TIES && j == i) in = true;
                if (in) sum += j, count++;
            }
            strbuf_addf(&b, "%d|%d|%d|", g, i, ++number);
            if (count > 0) strbuf_addf(&b, "%lld\n", (long long)sum);
            else strbuf_addz(&b, "-\n");
        }
    }
    return b.data;
}

static void
test_window_frames(void **state)
{
    Fixture *f = *state;
    static const int sizes[][2] = {{1, 1}, {100, 7}, {5000, 1}, {7000, 3}, {3000, 3000}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int n = sizes[i][0], g = sizes[i][1];
        for (int work_mem = 4096; work_mem >= 64; work_mem -= 4032) {
            f->settings.work_mem = work_mem;
            PlanNode *in = sort_of(f, numbers(f, n, g, 0), 1, false);
            char *running = run(f, window_of(f, in, FRAME_ROWS, BOUND_UNBOUNDED_PRECEDING, 0, BOUND_CURRENT_ROW, 0, EXCLUDE_NONE));
            assert_string_equal(running, expected_windows(f, n, g, false, true, 0, 0, EXCLUDE_NONE));
            in = sort_of(f, numbers(f, n, g, 0), 1, false);
            char *moving = run(f, window_of(f, in, FRAME_ROWS, BOUND_PRECEDING, 3, BOUND_FOLLOWING, 2, EXCLUDE_NONE));
            assert_string_equal(moving, expected_windows(f, n, g, false, false, 3, 2, EXCLUDE_NONE));
            in = sort_of(f, numbers(f, n, g, 0), 1, false);
            char *range = run(f, window_of(f, in, FRAME_RANGE, BOUND_PRECEDING, 10, BOUND_FOLLOWING, 4, EXCLUDE_NONE));
            assert_string_equal(range, expected_windows(f, n, g, true, false, 10, 4, EXCLUDE_NONE));
            in = sort_of(f, numbers(f, n, g, 0), 1, false);
            char *groups = run(f, window_of(f, in, FRAME_GROUPS, BOUND_PRECEDING, 2, BOUND_FOLLOWING, 1, EXCLUDE_CURRENT_ROW));
            assert_string_equal(groups, expected_windows(f, n, g, false, false, 2, 1, EXCLUDE_CURRENT_ROW));
        }
    }
}

/* 1, 2, ... 1000 by a recursion that adds one, then the seed of two equal rows with UNION. */
static void
test_recursion_ends_and_drops_repeats(void **state)
{
    Fixture *f = *state;
    for (int distinct = 0; distinct < 2; distinct++) {
        ValuesScanPlan *seed = NODE_NEW(f, ValuesScan, NULL, NULL);
        seed->nrows = 2;
        seed->ncols = 1;
        seed->rows = ARENA_ARRAY(f->arena, ExprList, 2);
        add(f, &seed->rows[0], lit(f, 1, TYPE_INT8));
        add(f, &seed->rows[1], lit(f, 1, TYPE_INT8));
        add(f, &seed->base.targets, col(f, INPUT_OUTER, 0, TYPE_INT8));
        WorkTableScanPlan *w = NODE_NEW(f, WorkTableScan, NULL, NULL);
        w->base.project = true;
        add(f, &w->base.targets, call(f, "int8pl", col(f, INPUT_OUTER, 0, TYPE_INT8), lit(f, 1, TYPE_INT8)));
        add(f, &w->base.filter, call(f, "int8lt", col(f, INPUT_OUTER, 0, TYPE_INT8), lit(f, 1000, TYPE_INT8)));
        RecursiveUnionPlan *r = NODE_NEW(f, RecursiveUnion, &seed->base, &w->base);
        r->distinct = distinct;
        add(f, &r->base.targets, col(f, INPUT_OUTER, 0, TYPE_INT8));
        char *text = run(f, &r->base);
        assert_int_equal(count_lines(text), distinct ? 1000 : 2000);
        assert_memory_equal(text, distinct ? "1\n2\n3\n" : "1\n1\n2\n2\n", 6);
    }
}

static void
test_set_operations_count_copies(void **state)
{
    Fixture *f = *state;
    /* Keys 0..9 ten times each on the left, 5..14 three times each on the right. */
    static const struct { SetOpKind kind; bool all; int rows; } cases[] = {
        {SETOP_INTERSECT, false, 5}, {SETOP_INTERSECT, true, 15}, {SETOP_EXCEPT, false, 5}, {SETOP_EXCEPT, true, 85},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        PlanNode *l = numbers(f, 100, 10, 0), *r = numbers(f, 30, 10, 0);
        PlanNode *sides[2] = {l, r};
        for (int k = 0; k < 2; k++) {
            sides[k]->project = true;
            sides[k]->targets.count = 0;
            Expr *e = col(f, INPUT_OUTER, 1, TYPE_INT4);
            add(f, &sides[k]->targets, k == 0 ? call(f, "int4pl", e, lit(f, 0, TYPE_INT4)) : call(f, "int4pl", e, lit(f, 5, TYPE_INT4)));
        }
        SetOpPlan *s = NODE_NEW(f, SetOp, l, r);
        s->kind = cases[i].kind;
        s->all = cases[i].all;
        add(f, &s->base.targets, col(f, INPUT_OUTER, 0, TYPE_INT4));
        assert_int_equal(count_lines(run(f, &s->base)), cases[i].rows);
    }
}

/* A second run of a prepared plan takes no memory. */
static void
test_second_run_allocates_nothing(void **state)
{
    Fixture *f = *state;
    PlanNode *v = numbers(f, 50, 7, 0);
    add(f, &v->filter, call(f, "int8lt", col(f, INPUT_OUTER, 0, TYPE_INT8), lit(f, 30, TYPE_INT8)));
    PlanNode *root = limit_of(f, sort_of(f, v, 0, true), 5, 0);
    Plan *plan = ARENA_NEW(f->arena, Plan);
    plan->root = root;
    plan->nnodes = f->nnodes;
    Exec *e;
    assert_int_equal(exec_build(&f->ctx, f->arena, plan, 0, &e), QN_OK);
    size_t bytes = 0;
    int64_t blocks = 0;
    for (int i = 0; i < 4; i++) {
        Batch *b;
        assert_int_equal(exec_start(e, NULL, 0), QN_OK);
        do assert_int_equal(exec_fetch(e, &b), QN_OK);
        while (b != NULL);
        exec_stop(e);
        if (i >= 2) {
            assert_int_equal(arena_bytes(e->arena), bytes);
            assert_int_equal(mem_live_blocks(), blocks);
        }
        bytes = arena_bytes(e->arena);
        blocks = mem_live_blocks();
    }
    exec_destroy(e);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_filter_and_projection_take_only_rows_that_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(test_case_guards_its_branches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_or_filter_keeps_order_and_null_is_not_true, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sort_is_stable_with_limit_and_without, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sort_spills_and_gives_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aggregate_hashed_equals_sorted_and_spills, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hash_join_types_count_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_join_methods_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_window_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recursion_ends_and_drops_repeats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_operations_count_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_run_allocates_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
