/* modroute.c - which partition a new row belongs to: partition keys are computed a batch at a time, the rest is a search in bounds. */
#include "executor/modify_priv.h"

#include "catalog/define.h"
#include "catalog/partition.h"
#include "executor/vecutil.h"

typedef struct RouteStep {
    const PartitionStep *plan;
    ExprProg *keys;
} RouteStep;

struct Router {
    RouteStep *steps, *above;
    int nsteps, nabove;
    int32_t *target; /* [BATCH_ROWS] by row: where it goes; ~step while on its way */
};

static Status
open_steps(ModifyState *s, const PartitionStep *plans, int n, RouteStep **out)
{
    ExecNode *node = &s->base;
    TRY_ALLOC(node->ctx, *out, ARENA_ARRAY(node->arena, RouteStep, n + 1));
    for (int i = 0; i < n; i++) {
        (*out)[i].plan = &plans[i];
        TRY(expr_compile(node->exec, &plans[i].keys, &node->deps, &(*out)[i].keys));
    }
    return QN_OK;
}

Status
router_open(ModifyState *s)
{
    ExecNode *node = &s->base;
    Router *r;
    if (s->plan->nsteps == 0 && s->plan->nabove == 0) return QN_OK;
    TRY_ALLOC(node->ctx, r, ARENA_NEW(node->arena, Router));
    s->router = r;
    TRY_ALLOC(node->ctx, r->target, arena_alloc(node->arena, BATCH_ROWS * sizeof(int32_t)));
    TRY(open_steps(s, s->plan->steps, s->plan->nsteps, &r->steps));
    r->nsteps = s->plan->nsteps;
    TRY(open_steps(s, s->plan->above, s->plan->nabove, &r->above));
    r->nabove = s->plan->nabove;
    return QN_OK;
}

void
router_close(Router *r)
{
    if (r == NULL) return;
    for (int i = 0; i < r->nsteps; i++) expr_prog_close(r->steps[i].keys);
    for (int i = 0; i < r->nabove; i++) expr_prog_close(r->above[i].keys);
}

static void
key_values(const RouteStep *step, int row, Value *out)
{
    for (int i = 0; i < step->plan->keys.count; i++) {
        out[i] = vec_get(expr_result(step->keys, i), row);
        out[i].type = step->plan->rel->partition_key->types[i];
    }
}

/* "(a, b) = (1, x)" of the row that has no place. */
static Status
raise_no_partition(ModifyState *s, const RouteStep *step, const Value *keys)
{
    Ctx *ctx = s->base.ctx;
    const Relation *rel = step->plan->rel;
    StrBuf b = strbuf_new(s->tmp);
    const char *columns;
    char *text;
    TRY(partition_key_sql(ctx, s->tmp, rel, &columns));
    for (int i = 0; i < step->plan->keys.count; i++) {
        if (i > 0) strbuf_addz(&b, ", ");
        if (keys[i].is_null) strbuf_addz(&b, "null");
        else TRY(value_out(ctx, &b, &keys[i]));
    }
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    Status st = RAISE(ctx, ERR_CHECK_VIOLATION, "no partition of relation \"%s\" found for row", rel->name);
    return err_detail(ctx, st, "Partition key of the failing row contains %s = (%s).", strchr(columns, '('), text);
}

/* Rows sel[0..n) take this step, and those it sends further the next ones. */
static Status
take_step(ModifyState *s, int at, Batch *rows, const uint16_t *sel, int n)
{
    Router *r = s->router;
    const RouteStep *step = &r->steps[at];
    Value keys[KEY_MAX_INDEX_COLUMNS];
    uint16_t *further;
    int nfurther = 0;
    TRY(ctx_check_depth(s->base.ctx));
    TRY(expr_run(step->keys, rows, rows, sel, n, rows->nrows));
    TRY_ALLOC(s->base.ctx, further, arena_alloc(s->tmp, (size_t)(n + 1) * sizeof(uint16_t)));
    for (int k = 0; k < n; k++) {
        key_values(step, sel[k], keys);
        int part = partition_find(step->plan->rel->partitions, keys);
        if (part < 0) return raise_no_partition(s, step, keys);
        r->target[sel[k]] = step->plan->next[part];
        if (r->target[sel[k]] < 0) further[nfurther++] = sel[k];
    }
    while (nfurther > 0) {
        int next = ~r->target[further[0]], kept = 0, m = 0;
        uint16_t *mine;
        TRY_ALLOC(s->base.ctx, mine, arena_alloc(s->tmp, (size_t)nfurther * sizeof(uint16_t)));
        for (int k = 0; k < nfurther; k++) {
            if (~r->target[further[k]] == next) mine[m++] = further[k];
            else further[kept++] = further[k];
        }
        nfurther = kept;
        TRY(take_step(s, next, rows, mine, m));
    }
    return QN_OK;
}

Status
router_find(ModifyState *s, Batch *rows, const int32_t **target_out)
{
    uint16_t *sel;
    TRY_ALLOC(s->base.ctx, sel, arena_alloc(s->tmp, (size_t)(rows->nsel + 1) * sizeof(uint16_t)));
    for (int k = 0; k < rows->nsel; k++) sel[k] = (uint16_t)batch_row(rows, k);
    *target_out = s->router->target;
    return take_step(s, 0, rows, sel, rows->nsel);
}

Status
router_check(ModifyState *s, Batch *rows)
{
    Router *r = s->router;
    Value keys[KEY_MAX_INDEX_COLUMNS];
    for (int i = 0; r != NULL && i < r->nabove; i++) {
        const RouteStep *step = &r->above[i];
        TRY(expr_run(step->keys, rows, rows, rows->sel, rows->nsel, rows->nrows));
        for (int k = 0; k < rows->nsel; k++) {
            int row = batch_row(rows, k);
            key_values(step, row, keys);
            if (partition_find(step->plan->rel->partitions, keys) == step->plan->part) continue;
            ModTable t = {.ctx = s->base.ctx, .tmp = s->tmp, .rel = s->plan->rel};
            const char *text;
            TRY(modtable_row_text(&t, rows, row, &text));
            Status st = RAISE(s->base.ctx, ERR_CHECK_VIOLATION, "new row for relation \"%s\" violates partition constraint", s->plan->rel->name);
            return err_detail(s->base.ctx, st, "Failing row contains %s.", text);
        }
    }
    return QN_OK;
}
