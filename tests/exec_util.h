/* exec_util.h - plans made by hand and run, for the executor's tests. */
#ifndef TESTS_EXEC_UTIL_H
#define TESTS_EXEC_UTIL_H

#include "common/array.h"
#include "common/settings.h"
#include "executor/exec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef UNUSED
#define UNUSED __attribute__((unused))
#endif

typedef struct Fixture {
    Ctx ctx;
    Settings settings;
    Arena *arena;
    int nnodes;
} Fixture;

static UNUSED int
setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));
    f->settings.work_mem = 4096;
    f->settings.temp_file_limit = -1;
    f->ctx.settings = &f->settings;
    f->arena = arena_create(NULL, "test");
    *state = f;
    return 0;
}

static UNUSED int
teardown(void **state)
{
    Fixture *f = *state;
    err_clear(&f->ctx.err);
    arena_destroy(f->arena);
    assert_int_equal(mem_live_blocks(), 0);
    free(f);
    return 0;
}

static UNUSED void
add(Fixture *f, ExprList *l, Expr *e)
{
    assert_int_equal(array_push(&f->ctx, f->arena, l, e), QN_OK);
}

static UNUSED Expr *
col(Fixture *f, int rel, int c, Oid type)
{
    ColumnRefExpr *e = EXPR_NEW(f->arena, ColumnRef, type, -1, 0);
    e->rel = rel;
    e->col = c;
    return &e->base;
}

static UNUSED Expr *
lit(Fixture *f, int64_t v, Oid type)
{
    ConstExpr *e = EXPR_NEW(f->arena, Const, type, -1, 0);
    e->value = type == TYPE_INT4 ? value_i32(type, (int32_t)v) : value_i64(type, v);
    return &e->base;
}

static UNUSED Expr *
text(Fixture *f, const char *s)
{
    ConstExpr *e = EXPR_NEW(f->arena, Const, TYPE_TEXT, -1, 0);
    e->value = s == NULL ? value_null(TYPE_TEXT) : value_str(TYPE_TEXT, str_make(s, strlen(s)));
    return &e->base;
}

static UNUSED Expr *
null_of(Fixture *f, Oid type)
{
    ConstExpr *e = EXPR_NEW(f->arena, Const, type, -1, 0);
    e->value = value_null(type);
    return &e->base;
}

/* A call of the built-in function of a name whose argument types fit. */
static UNUSED Expr *
call(Fixture *f, const char *name, Expr *a, Expr *b)
{
    int n;
    const Function *const *fns = fn_by_name(name, &n);
    for (int i = 0; i < n; i++) {
        if (fns[i]->nargs != (b != NULL) + 1 || fns[i]->args[0] != a->type) continue;
        if (b != NULL && fns[i]->args[1] != b->type) continue;
        FuncExpr *e = EXPR_NEW(f->arena, Func, fns[i]->result, -1, 0);
        e->fn = fns[i];
        add(f, &e->args, a);
        if (b != NULL) add(f, &e->args, b);
        return &e->base;
    }
    fail_msg("no function %s", name);
    return NULL;
}

static UNUSED void *
node(Fixture *f, size_t size, PlanTag tag, PlanNode *outer, PlanNode *inner)
{
    PlanNode *n = arena_zalloc(f->arena, size);
    n->tag = (uint8_t)tag;
    n->outer = outer;
    n->inner = inner;
    n->id = f->nnodes++;
    return n;
}
#define NODE_NEW(f, T, outer, inner) ((T##Plan *)node((f), sizeof(T##Plan), PLAN_##T, (outer), (inner)))

static UNUSED void
pass_columns(Fixture *f, PlanNode *n, const PlanNode *from, int rel)
{
    for (int i = 0; i < from->targets.count; i++) add(f, &n->targets, col(f, rel, i, from->targets.items[i]->type));
}

/* Rows (i, i % groups, text of i % groups) for i in 0..n-1 as a Values node; every nullth key is NULL. */
static UNUSED PlanNode *
numbers(Fixture *f, int n, int groups, int nullth)
{
    ValuesScanPlan *v = NODE_NEW(f, ValuesScan, NULL, NULL);
    v->nrows = n;
    v->ncols = 3;
    v->rows = ARENA_ARRAY(f->arena, ExprList, n + 1);
    for (int i = 0; i < n; i++) {
        add(f, &v->rows[i], lit(f, i, TYPE_INT8));
        bool null = nullth > 0 && i % nullth == 0;
        add(f, &v->rows[i], null ? null_of(f, TYPE_INT4) : lit(f, i % groups, TYPE_INT4));
        add(f, &v->rows[i], text(f, arena_printf(f->arena, "a rather long text %d", i % groups)));
    }
    add(f, &v->base.targets, col(f, INPUT_OUTER, 0, TYPE_INT8));
    add(f, &v->base.targets, col(f, INPUT_OUTER, 1, TYPE_INT4));
    add(f, &v->base.targets, col(f, INPUT_OUTER, 2, TYPE_TEXT));
    return &v->base;
}

/* Runs the plan and gives its rows as text, a line each; twice, to see that a second run gives the same. */
static UNUSED char *
run(Fixture *f, PlanNode *root)
{
    Plan *plan = ARENA_NEW(f->arena, Plan);
    Exec *e;
    char *text = NULL;
    plan->root = root;
    plan->nnodes = f->nnodes;
    plan->ncols = root->targets.count;
    Status st = exec_build(&f->ctx, f->arena, plan, 0, &e);
    if (st != QN_OK) fail_msg("%s", f->ctx.err.message);
    for (int round = 0; round < 2; round++) {
        StrBuf b = strbuf_new(f->arena);
        strbuf_addz(&b, "");
        assert_int_equal(exec_start(e, NULL, 0), QN_OK);
        for (;;) {
            Batch *batch;
            st = exec_fetch(e, &batch);
            if (st != QN_OK) fail_msg("%s", f->ctx.err.message);
            if (batch == NULL) break;
            for (int k = 0; k < batch->nsel; k++) {
                for (int c = 0; c < root->targets.count; c++) {
                    Value v = vec_get(batch->cols[c], batch_row(batch, k));
                    if (c > 0) strbuf_addc(&b, '|');
                    if (v.is_null) strbuf_addz(&b, "-");
                    else assert_int_equal(value_out(&f->ctx, &b, &v), QN_OK);
                }
                strbuf_addc(&b, '\n');
            }
        }
        exec_stop(e);
        char *again;
        size_t n;
        assert_int_equal(strbuf_finish(&f->ctx, &b, &again, &n), QN_OK);
        if (text != NULL) assert_string_equal(text, again);
        text = again;
    }
    exec_destroy(e);
    return text;
}

static UNUSED int
compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines in order, for nodes that promise none. */
static UNUSED char *
sorted(Fixture *f, char *text)
{
    int n = 0, at = 0;
    for (char *p = text; *p != '\0'; p++) n += *p == '\n';
    char **lines = ARENA_ARRAY(f->arena, char *, n + 1);
    char *copy = arena_strdup(f->arena, text), *save = NULL;
    for (char *l = strtok_r(copy, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save)) lines[at++] = l;
    qsort(lines, (size_t)at, sizeof(char *), compare_lines);
    StrBuf b = strbuf_new(f->arena);
    strbuf_addz(&b, "");
    for (int i = 0; i < at; i++) strbuf_addf(&b, "%s\n", lines[i]);
    return b.data != NULL ? b.data : "";
}

static UNUSED int
count_lines(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

#endif
