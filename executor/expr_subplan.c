/* expr_subplan.c - subqueries inside expressions: EXISTS, scalar, ARRAY, ANY, ALL, row comparison.
 *
 * A correlated one runs once a row, its arguments put into exec params. An uncorrelated scalar, EXISTS or ARRAY runs
 * once in a run of the statement. ANY and ALL evaluate their test over whole batches of the subquery's rows, the outer row as constants;
 * a hashed ANY builds a hash table of the (uncorrelated) rows once and probes it with batches. */
#include "executor/expr_priv.h"

#include "executor/hashtable.h"
#include <assert.h>

typedef struct SubState {
    const SubPlanExpr *expr;
    SubplanState *sp;
    bool uncorrelated;
    DepSet changed;      /* what setting the arguments changes */
    uint64_t run;        /* of the value or hash table */
    Arena *value_arena;  /* of the value */
    Value value;
    /* ANY, ALL, ROWCMP: the test over a constant outer row and a batch of the subquery's rows. */
    ExprProg *test;
    Batch *outer_row;    /* CONST columns, those the test reads */
    int *outer_regs;     /* registers of the enclosing program with their values */
    Batch *read;         /* rows read back from the store */
    /* hashed ANY */
    HashTable table;
    RowStore *rows;
    bool has_null_rows;  /* some row of the subquery has a NULL */
    ExprProg *cmp;       /* the test over one outer row and rows with NULLs */
    uint64_t *hashes;
    char **found;
    uint16_t *sel;
} SubState;

/* The outer row of a join's condition has two sides. The test sees one: the inner side's columns follow the outer's
 * (INPUT_INNER are the subquery's columns there). */
typedef struct OneSide {
    int nouter; /* columns of the outer side that are read */
    bool move, has_inner;
} OneSide;

static Status
one_side(Ctx *ctx, Expr **slot, void *arg)
{
    OneSide *o = arg;
    ColumnRefExpr *c = (ColumnRefExpr *)*slot;
    if (c->base.tag == EXPR_ColumnRef) {
        if (c->rel == INPUT_INNER) {
            o->has_inner = true;
            if (!o->move) return QN_OK;
            c->rel = INPUT_OUTER;
            c->col += o->nouter;
        } else if (!o->move && c->col + 1 > o->nouter) {
            o->nouter = c->col + 1;
        }
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, one_side, arg);
}

/* Columns of the outer row that the test reads: each is computed by the enclosing program and handed in as CONST. */
static Status
collect_outer(ExprProg *p, SubState *st, int slot, int nouter)
{
    ExprProg *t = st->test;
    int ncols = 0;
    for (int i = 0; i < t->nloads; i++)
        if (t->loads[i].rel == INPUT_OUTER && t->loads[i].col + 1 > ncols) ncols = t->loads[i].col + 1;
    TRY_ALLOC(p->ctx, st->outer_row, batch_create(p->arena, ncols));
    TRY_ALLOC(p->ctx, st->outer_regs, ARENA_ARRAY(p->arena, int, ncols + 1));
    for (int i = 0; i < ncols; i++) st->outer_regs[i] = -1;
    for (int i = 0; i < t->nloads; i++) {
        const Load *l = &t->loads[i];
        if (l->rel != INPUT_OUTER) continue;
        ColumnRefExpr ref = {.base = {.tag = EXPR_ColumnRef}, .rel = INPUT_OUTER, .col = l->col};
        if (l->col >= nouter) {
            ref.rel = INPUT_INNER;
            ref.col -= nouter;
        }
        TRY(expr_compile_value(p, &ref.base, slot, &st->outer_regs[l->col]));
        TRY_ALLOC(p->ctx, st->outer_row->cols[l->col], ARENA_NEW(p->arena, Vector));
    }
    return QN_OK;
}

Status
expr_compile_subplan(ExprProg *p, const SubPlanExpr *e, int slot, int *reg_out)
{
    Ctx *ctx = p->ctx;
    SubState *st;
    Step *s;
    int nargs = e->args.count + e->hash_left.count, *regs;
    TRY_ALLOC(ctx, st, ARENA_NEW(p->arena, SubState));
    st->expr = e;
    TRY(exec_subplan(p->exec, e->plan, &st->sp));
    p->exec->has_effects |= st->sp->has_effects;
    st->uncorrelated = !p->exec->plan->subplan_info[e->plan].correlated && e->args.count == 0;
    p->deps |= st->sp->root->deps;
    TRY_ALLOC(ctx, regs, ARENA_ARRAY(p->arena, int, nargs + 1));
    for (int i = 0; i < e->args.count; i++) {
        TRY(expr_compile_value(p, e->args.items[i], slot, &regs[i]));
        st->changed |= dep_param(e->param_ids[i]);
    }
    if (e->hashed)
        for (int i = 0; i < e->hash_left.count; i++)
            TRY(expr_compile_value(p, e->hash_left.items[i], slot, &regs[e->args.count + i]));
    if (e->test != NULL) {
        TRY(expr_prog_new(p->exec, &st->test));
        st->test->param_map = e->col_params;
        st->test->nparam_map = e->ncol_params;
        TRY_ALLOC(ctx, st->test->results, ARENA_NEW(p->arena, int));
        st->test->nresults = 1;
        Expr *test = e->test;
        OneSide side = {0};
        TRY(one_side(ctx, &test, &side));
        if (side.has_inner) {
            side.move = true;
            TRY_ALLOC(ctx, test, expr_copy(p->arena, test));
            TRY(one_side(ctx, &test, &side));
        }
        TRY(expr_compile_value(st->test, test, 0, &st->test->results[0]));
        p->deps |= st->test->deps;
        TRY(collect_outer(p, st, slot, side.nouter));
    }
    TRY(expr_new_reg(p, e->base.type, reg_out));
    TRY(expr_emit_step(p, STEP_SUBPLAN, slot, *reg_out, regs, nargs, &s));
    s->state = st;
    s->expr = &e->base;
    return QN_OK;
}

void
expr_close_subplan(Step *s)
{
    SubState *st = s->state;
    if (st == NULL) return;
    hashtable_free(&st->table);
    rowstore_free(st->rows);
    expr_prog_close(st->test);
}

/* Starts the subquery for one row. */
static Status
start(ExprProg *p, Step *s, SubState *st, int row)
{
    const SubPlanExpr *e = st->expr;
    for (int i = 0; i < e->args.count; i++) {
        Value v = vec_get(p->regs[s->args[i]], row);
        exec_set_param(p->exec, e->param_ids[i], &v);
    }
    DepSet changed = st->changed;
    if (st->sp->run != p->exec->run) {
        changed |= DEP_RUN;
        st->sp->run = p->exec->run;
    }
    return exec_rescan(st->sp->root, changed);
}

static Status
too_many_rows(Ctx *ctx)
{
    return RAISE(ctx, ERR_CARDINALITY_VIOLATION,
                 "more than one row returned by a subquery used as an expression");
}

static Status
step_single(ExprProg *p, Step *s, SubState *st, Slot *slot)
{
    Vector *dst = p->regs[s->dst];
    if (st->uncorrelated) {
        if (st->run != p->exec->run) {
            if (st->value_arena == NULL) TRY_ALLOC(p->ctx, st->value_arena, arena_create(p->arena, "subplan"));
            else arena_reset(st->value_arena);
            TRY(start(p, s, st, 0));
            TRY(exec_single_value(p->exec, st->sp->root, st->expr->kind, st->expr->base.type, st->value_arena,
                                  &st->value));
            st->run = p->exec->run;
        }
        Value v = st->value;
        v.type = dst->type;
        vec_set_const(dst, &v);
        return QN_OK;
    }
    Arena *arena;
    bool filled = false;
    TRY_ALLOC(p->ctx, arena, expr_batch_arena(p));
    vec_reset(dst, type_phys(dst->type, -1));
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        Value v;
        TRY(start(p, s, st, i));
        TRY(exec_single_value(p->exec, st->sp->root, st->expr->kind, st->expr->base.type, arena, &v));
        v.type = dst->type;
        if (!v.is_null && dst->type == TYPE_NUMERIC && filled &&
            (v.phys != dst->phys || (v.phys != PHYS_STR && v.scale != dst->scale))) {
            TRY(exec_numeric_vec_to_str(p->ctx, arena, dst, NULL, p->cap));
            TRY(exec_numeric_to_str(p->ctx, arena, &v));
            v.scale = 0;
        }
        if (v.is_null) {
            vec_set_null(dst, i);
            memset((char *)dst->data + (size_t)i * phys_width[dst->phys], 0, phys_width[dst->phys]);
            continue;
        }
        if (!filled) {
            dst->phys = v.phys;
            dst->scale = v.scale;
            filled = true;
        }
        v.scale = dst->scale;
        vec_put(dst, i, &v);
    }
    return QN_OK;
}

static void
set_outer_row(ExprProg *p, SubState *st, int row)
{
    for (int c = 0; c < st->outer_row->ncols; c++) {
        Vector *to = st->outer_row->cols[c];
        if (to == NULL) continue;
        const Vector *from = p->regs[st->outer_regs[c]];
        const Vector *src = from->shape == VEC_DICT ? from->dict : from;
        static const uint64_t none = 0;
        *to = *src;
        to->shape = VEC_CONST;
        to->data = (char *)src->data + (size_t)vec_index(from, row) * phys_width[src->phys];
        to->valid = vec_is_null(from, row) ? (uint64_t *)(uintptr_t)&none : NULL;
    }
}

/* ANY/ALL over one batch of the subquery's rows: whether it is decided, and whether some comparison was unknown. */
static Status
test_batch(SubState *st, Batch *b, bool all, bool *decided, bool *unknown)
{
    TRY(expr_run(st->test, st->outer_row, b, b->sel, b->nsel, b->nrows));
    const Vector *r = expr_result(st->test, 0);
    for (int k = 0; k < b->nsel && !*decided; k++) {
        int i = batch_row(b, k);
        if (vec_is_null(r, i)) *unknown = true;
        else if ((((const uint8_t *)r->data)[vec_index(r, i)] != 0) != all) *decided = true;
    }
    return QN_OK;
}

/* Runs the rows of the subquery past the test; an uncorrelated one is kept and read again. */
static Status
run_test(ExprProg *p, Step *s, SubState *st, int row, bool all, bool *decided, bool *unknown)
{
    SubplanState *sp = st->sp;
    Batch *b;
    set_outer_row(p, st, row);
    if (!st->uncorrelated) {
        TRY(start(p, s, st, row));
        for (;;) {
            TRY(exec_next(sp->root, &b));
            if (b == NULL || *decided) return QN_OK;
            TRY(test_batch(st, b, all, decided, unknown));
        }
    }
    if (st->read == NULL) {
        int n;
        Oid *types;
        TRY_ALLOC(p->ctx, types, exec_output_types(p->arena, sp->root->plan, &n));
        TRY_ALLOC(p->ctx, st->read, exec_batch_new(p->arena, n, types));
    }
    for (int64_t at = 0; !*decided;) {
        if (sp->store == NULL || at >= rowstore_count(sp->store) || !sp->is_started) {
            if (sp->is_started && sp->is_done) break;
            TRY(exec_subplan_read(p->exec, sp));
            continue;
        }
        int n;
        TRY(rowstore_read(sp->store, at, BATCH_ROWS, st->read, &n));
        at += n;
        TRY(test_batch(st, st->read, all, decided, unknown));
    }
    return QN_OK;
}

static Status
step_any_all(ExprProg *p, Step *s, SubState *st, Slot *slot)
{
    bool all = st->expr->kind == SUBPLAN_ALL;
    Vector *dst = p->regs[s->dst];
    vec_reset(dst, PHYS_BOOL);
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        bool decided = false, unknown = false;
        TRY(run_test(p, s, st, i, all, &decided, &unknown));
        ((uint8_t *)dst->data)[i] = decided ? !all : all;
        if (!decided && unknown) {
            vec_set_null(dst, i);
            ((uint8_t *)dst->data)[i] = 0;
        } else if (dst->valid != NULL) {
            bits_set(dst->valid, (size_t)i);
        }
    }
    return QN_OK;
}

/* (a, b) = (SELECT ...): one row at most. */
static Status
step_rowcmp(ExprProg *p, Step *s, SubState *st, Slot *slot)
{
    Vector *dst = p->regs[s->dst];
    vec_reset(dst, PHYS_BOOL);
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        Batch *b;
        bool null = true, value = false;
        TRY(start(p, s, st, i));
        set_outer_row(p, st, i);
        TRY(exec_next(st->sp->root, &b));
        if (b != NULL) {
            if (b->nsel > 1) return too_many_rows(p->ctx);
            TRY(expr_run(st->test, st->outer_row, b, b->sel, b->nsel, b->nrows));
            Value v = vec_get(expr_result(st->test, 0), batch_row(b, 0));
            null = v.is_null;
            value = !null && v.b;
            TRY(exec_next(st->sp->root, &b));
            if (b != NULL) return too_many_rows(p->ctx);
        }
        ((uint8_t *)dst->data)[i] = value;
        if (null) vec_set_null(dst, i);
    }
    return QN_OK;
}

static Status
build_hash(ExprProg *p, Step *s, SubState *st)
{
    Ctx *ctx = p->ctx;
    int n = st->expr->hash_left.count;
    if (st->rows == NULL) {
        int ncols;
        Oid *types;
        RowLayout l;
        TRY_ALLOC(ctx, types, exec_output_types(p->arena, st->sp->root->plan, &ncols));
        TRY(rowlayout_init(ctx, p->arena, &l, n, types, sizeof(HashRow), 0));
        TRY(rowstore_new_layout(ctx, p->arena, &l, 0, &st->rows));
        TRY(hashtable_init(ctx, p->arena, &st->table, st->rows, n));
        TRY_ALLOC(ctx, st->hashes, arena_alloc(p->arena, BATCH_ROWS * sizeof(uint64_t)));
        TRY_ALLOC(ctx, st->found, arena_alloc(p->arena, BATCH_ROWS * sizeof(char *)));
        TRY_ALLOC(ctx, st->sel, arena_alloc(p->arena, BATCH_ROWS * sizeof(uint16_t)));
        TRY_ALLOC(ctx, st->read, exec_batch_new(p->arena, n, types));
    }
    hashtable_reset(&st->table);
    rowstore_reset(st->rows);
    st->has_null_rows = false;
    TRY(start(p, s, st, 0));
    for (;;) {
        Batch *b;
        TRY(exec_next(st->sp->root, &b));
        if (b == NULL) break;
        for (int c = 0; c < n; c++) /* rows that count: a NULL that a filter took out decides nothing */
            for (int k = 0; k < b->nsel && b->cols[c]->valid != NULL && !st->has_null_rows; k++)
                st->has_null_rows = vec_is_null(b->cols[c], batch_row(b, k));
        TRY(keys_hash(ctx, b->cols, n, b->sel, b->nsel, st->hashes));
        TRY(hashtable_find(&st->table, b->cols, b->sel, b->nsel, st->hashes, true, st->found, NULL, NULL));
    }
    st->run = p->exec->run;
    return QN_OK;
}

/* The slow road for a row with NULLs, or when rows of the subquery have some: unknown if a comparison is. */
static Status
test_all_rows(ExprProg *p, SubState *st, int row, bool *decided, bool *unknown)
{
    set_outer_row(p, st, row);
    for (int64_t at = 0; at < rowstore_count(st->rows) && !*decided;) {
        int n;
        TRY(rowstore_read(st->rows, at, BATCH_ROWS, st->read, &n));
        at += n;
        TRY(test_batch(st, st->read, false, decided, unknown));
    }
    return QN_OK;
}

static EXEC_NOINLINE Status
step_hashed(ExprProg *p, Step *s, SubState *st, Slot *slot)
{
    const SubPlanExpr *e = st->expr;
    int nkeys = e->hash_left.count;
    Vector *keys[FN_MAX_ARGS + 20], *dst = p->regs[s->dst];
    if (nkeys > FN_MAX_ARGS + 20) return step_any_all(p, s, st, slot);
    if (st->run != p->exec->run) TRY(build_hash(p, s, st));
    vec_reset(dst, PHYS_BOOL);
    uint8_t *d = dst->data;
    bool empty = rowstore_count(st->rows) == 0;
    for (int i = 0; i < nkeys; i++) keys[i] = p->regs[s->args[e->args.count + i]];
    for (int k = 0; k < slot->n; k++) d[exec_row(slot->sel, k)] = 0;
    if (empty || slot->n == 0) return QN_OK;
    int n = keys_drop_nulls(keys, nkeys, slot->sel, slot->n, st->sel);
    TRY(keys_hash(p->ctx, keys, nkeys, st->sel, n, st->hashes));
    TRY(hashtable_find(&st->table, keys, st->sel, n, st->hashes, false, st->found, NULL, NULL));
    for (int k = 0; k < n; k++) d[st->sel[k]] = st->found[k] != NULL;
    if (n == slot->n && !st->has_null_rows) return QN_OK;
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        if (d[i]) continue;
        bool left_null = false, decided = false, unknown = false;
        for (int c = 0; c < nkeys; c++) left_null |= vec_is_null(keys[c], i);
        if (!left_null && !st->has_null_rows) continue;
        if (nkeys == 1) unknown = true;
        else TRY(test_all_rows(p, st, i, &decided, &unknown));
        if (decided) d[i] = 1;
        else if (unknown) vec_set_null(dst, i);
    }
    return QN_OK;
}

Status
expr_step_subplan(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    SubState *st = s->state;
    (void)nrows;
    if (slot->n == 0) {
        vec_reset(p->regs[s->dst], type_phys(p->regs[s->dst]->type, -1));
        return QN_OK;
    }
    switch (st->expr->kind) {
    case SUBPLAN_EXISTS:
    case SUBPLAN_SCALAR:
    case SUBPLAN_ARRAY: return step_single(p, s, st, slot);
    case SUBPLAN_ANY:
        if (st->expr->hashed && st->expr->hash_left.count > 0) return step_hashed(p, s, st, slot);
        return step_any_all(p, s, st, slot);
    case SUBPLAN_ALL: return step_any_all(p, s, st, slot);
    case SUBPLAN_ROWCMP: return step_rowcmp(p, s, st, slot);
    }
    return QN_OK;
}
