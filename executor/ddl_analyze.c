/* ddl_analyze.c - statistics by sampling.
 *
 * A column's sampled values are sorted; one pass over the runs of equal values gives the number of distinct ones, the most common ones and
 * the correlation of value order with row order; what is not most common is cut into equally filled buckets. The number of distinct values
 * in the table is the estimate of Haas and Stokes (1998), "Duj1"; a value counts as most common when its frequency in the sample is
 * significantly above that of the others (two standard deviations of the hypergeometric distribution), as in PostgreSQL.
 */
#include "executor/ddl_analyze.h"
#include "common/hash.h"
#include "common/settings.h"
#include "executor/indexform.h"
#include "executor/vecutil.h"
#include "storage/heap.h"
#include "storage/index.h"
#include <math.h>
#include <stdlib.h>

enum {
    ROWS_PER_TARGET = 300, /* Chaudhuri, Motwani, Narasayya (1998): enough for a histogram of so many buckets */
    WIDE_BYTES = 1024      /* wider values are counted, and kept out of the lists */
};

typedef struct Item {
    Value value;
    int row; /* position in the sample, which is in table order */
} Item;

typedef struct Run {
    int first, count; /* in the sorted items */
} Run;

typedef struct ColumnSample {
    Ctx *ctx;
    Arena *arena;
    const Column *col;
    TypeCmp cmp;
    Item *items; /* not null, not too wide */
    int nitems;
    int nrows, nnulls, nwide;
    double total_width;
    double table_rows;
    Run *runs; /* one a distinct value, ascending */
    int nruns, nmultiple;
    ColumnStats *stats;
} ColumnSample;

/* ---- gathering ---- */

static double
value_width(const Value *v)
{
    return v->phys == PHYS_STR ? (double)v->str.len + 1 : (double)phys_width[v->phys];
}

static Status
gather(ColumnSample *s, const HeapSample *sample, int c)
{
    TRY_ALLOC(s->ctx, s->items, ARENA_ARRAY(s->arena, Item, sample->nrows + 1));
    for (int b = 0; b < sample->nbatches; b++) {
        const Batch *batch = sample->batches[b];
        TRY(ctx_check_stop(s->ctx));
        for (int i = 0; i < batch->nsel; i++, s->nrows++) {
            Value v = vec_get(batch->cols[c], batch_row(batch, i));
            if (v.is_null) {
                s->nnulls++;
                continue;
            }
            double width = value_width(&v);
            s->total_width += width;
            if (width > WIDE_BYTES)
                s->nwide++;
            else
                s->items[s->nitems++] = (Item){.value = v, .row = s->nrows};
        }
    }
    return QN_OK;
}

static int
compare_items(const void *a, const void *b, void *arg)
{
    const Item *x = a, *y = b;
    TypeCmp cmp = *(TypeCmp *)arg;
    int c = cmp(&x->value, &y->value);
    return c != 0 ? c : (x->row > y->row) - (x->row < y->row);
}

static Status
find_runs(ColumnSample *s)
{
    qsort_r(s->items, (size_t)s->nitems, sizeof(Item), compare_items, &s->cmp);
    TRY_ALLOC(s->ctx, s->runs, ARENA_ARRAY(s->arena, Run, s->nitems + 1));
    for (int i = 0; i < s->nitems; i++) {
        Run *last = s->nruns > 0 ? &s->runs[s->nruns - 1] : NULL;
        if (last != NULL && s->cmp(&s->items[last->first].value, &s->items[i].value) == 0) {
            if (++last->count == 2) s->nmultiple++;
        } else {
            s->runs[s->nruns++] = (Run){.first = i, .count = 1};
        }
    }
    return QN_OK;
}

/* ---- estimating ---- */

static double
estimate_distinct(const ColumnSample *s)
{
    double nonnull = s->nrows - s->nnulls, total = s->table_rows, d = s->nruns + s->nwide;
    double once = d - s->nmultiple;
    if (s->nmultiple == 0) return -1.0 * (1.0 - s->stats->null_frac);
    if (s->nwide == 0 && s->nmultiple == s->nruns) return s->nruns;
    /* Duj1, NULLs left out of sample and table. */
    double table_nonnull = total * (1.0 - s->stats->null_frac), estimate = 0;
    if (table_nonnull > 0) {
        double denominator = (nonnull - once) + once * nonnull / table_nonnull;
        estimate = denominator > 0 ? nonnull * d / denominator : d;
    }
    if (estimate < d) estimate = d;
    if (estimate > table_nonnull) estimate = table_nonnull;
    return floor(estimate + 0.5);
}

static double
correlation(const ColumnSample *s)
{
    double n = s->nitems, sum_xy = 0;
    if (s->nitems < 2) return NAN;
    if (s->nruns == 1) return 1;
    for (int i = 0; i < s->nitems; i++) sum_xy += (double)i * s->items[i].row;
    double sum_x = 0, sum_xx = 0;
    for (int i = 0; i < s->nitems; i++) {
        double row = s->items[i].row;
        sum_x += row;
        sum_xx += row * row;
    }
    double mean_i = (n - 1) / 2, mean_x = sum_x / n;
    double var_i = (n * n - 1) / 12, var_x = sum_xx / n - mean_x * mean_x;
    if (var_x <= 0) return NAN;
    return (sum_xy / n - mean_i * mean_x) / sqrt(var_i * var_x);
}

static int
by_count(const void *a, const void *b)
{
    const Run *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* How many of the most common runs (by count, descending) are common beyond doubt. */
static int
significant(const ColumnSample *s, const Run *common, int n, double distinct)
{
    double sample = s->nrows, total = s->table_rows, sum = 0;
    if (sample >= total || total <= 1) return n;
    for (int i = 0; i < n - 1; i++) sum += common[i].count;
    while (n > 0) {
        /* What a value outside the list would have. */
        double rest = 1.0 - sum / sample - s->stats->null_frac, others = distinct - (n - 1);
        rest = rest < 0 ? 0 : rest > 1 ? 1 : rest;
        if (others > 1) rest /= others;
        double k = total * common[n - 1].count / sample;
        double variance = sample * k * (total - k) * (total - sample) / (total * total * (total - 1));
        if (common[n - 1].count > rest * sample + 2 * sqrt(variance) + 0.5) break;
        if (--n > 0) sum -= common[n - 1].count;
    }
    return n;
}

static Status
make_common(ColumnSample *s, int target, bool *is_common)
{
    Ctx *ctx = s->ctx;
    Run *common;
    Value *values;
    float *freqs;
    int n = 0;
    double distinct = s->stats->n_distinct;
    if (distinct < 0) distinct = -distinct * s->table_rows;
    TRY_ALLOC(ctx, common, arena_memdup(s->arena, s->runs, (size_t)(s->nruns + 1) * sizeof(Run)));
    qsort(common, (size_t)s->nruns, sizeof(Run), by_count);
    /* Few values, all seen: the list is complete. */
    if (s->nwide == 0 && s->stats->n_distinct > 0 && s->nruns <= target) {
        n = s->nruns;
    } else {
        while (n < s->nruns && n < target && common[n].count > 1) n++;
        n = significant(s, common, n, distinct);
    }
    TRY_ALLOC(ctx, values, ARENA_ARRAY(s->arena, Value, n + 1));
    TRY_ALLOC(ctx, freqs, ARENA_ARRAY(s->arena, float, n + 1));
    for (int i = 0; i < n; i++) {
        values[i] = s->items[common[i].first].value;
        freqs[i] = (float)((double)common[i].count / s->nrows);
        is_common[common[i].first] = true;
    }
    s->stats->nmcv = n;
    s->stats->mcv = values;
    s->stats->mcv_freq = freqs;
    return QN_OK;
}

static Status
make_histogram(ColumnSample *s, int target, const bool *is_common)
{
    int *rest, n = 0, distinct = 0;
    Value *bounds;
    TRY_ALLOC(s->ctx, rest, ARENA_ARRAY(s->arena, int, s->nitems + 1));
    for (int r = 0; r < s->nruns; r++) {
        if (is_common[s->runs[r].first]) continue;
        distinct++;
        for (int i = 0; i < s->runs[r].count; i++) rest[n++] = s->runs[r].first + i;
    }
    int nbounds = distinct < target + 1 ? distinct : target + 1;
    if (nbounds < 2) return QN_OK;
    TRY_ALLOC(s->ctx, bounds, ARENA_ARRAY(s->arena, Value, nbounds));
    for (int i = 0; i < nbounds; i++)
        bounds[i] = s->items[rest[(int64_t)i * (n - 1) / (nbounds - 1)]].value;
    s->stats->nhist = nbounds;
    s->stats->hist = bounds;
    return QN_OK;
}

static Status
analyze_column(ColumnSample *s, int target)
{
    bool *is_common;
    TRY_ALLOC(s->ctx, s->stats, ARENA_NEW(s->arena, ColumnStats));
    s->stats->correlation = NAN;
    s->stats->null_frac = s->nrows > 0 ? (double)s->nnulls / s->nrows : 0;
    int nonnull = s->nrows - s->nnulls;
    s->stats->avg_width = nonnull > 0 ? s->total_width / nonnull : 0;
    if (nonnull == 0 || s->cmp == NULL) return QN_OK;
    TRY(find_runs(s));
    s->stats->n_distinct = estimate_distinct(s);
    /* A number that grows with the table is kept as a fraction of it. */
    if (s->stats->n_distinct > 0.1 * s->table_rows && s->table_rows > 0)
        s->stats->n_distinct = -(s->stats->n_distinct / s->table_rows);
    s->stats->correlation = correlation(s);
    TRY_ALLOC(s->ctx, is_common, ARENA_ARRAY(s->arena, bool, s->nitems + 1));
    TRY(make_common(s, target, is_common));
    return make_histogram(s, target, is_common);
}

/* The form's column of its rows, to keep: numerics in one form. */
static Status
copy_values(Ctx *ctx, Arena *arena, const IndexForm *f, int col, Vector *out)
{
    if (!vec_reserve(arena, out, f->n)) return RAISE_OOM(ctx);
    for (int i = 0; i < f->n; i++) {
        Value v = vec_get(f->cols[col], indexform_row(f, i)), copy;
        TRY(value_copy(ctx, arena, &v, &copy));
        TRY(exec_vec_put(ctx, arena, out, i, &copy));
    }
    return QN_OK;
}

/* The sample as rows of one computed column of an index. */
static Status
computed_sample(IndexForm *f, const int *columns, const HeapSample *from, Arena *arena, int col, HeapSample *out)
{
    Ctx *ctx = f->ctx;
    *out = *from;
    TRY_ALLOC(ctx, out->batches, ARENA_ARRAY(arena, Batch *, from->nbatches + 1));
    for (int b = 0; b < from->nbatches; b++) {
        Batch rows = *from->batches[b], *mine;
        for (int i = 0; columns[i] >= 0; i++) f->row->cols[columns[i]] = rows.cols[i];
        rows.cols = f->row->cols;
        TRY(indexform_rows(f, &rows));
        TRY_ALLOC(ctx, mine, batch_create(arena, 1));
        TRY_ALLOC(ctx, mine->cols[0], vec_new(arena, f->def->types[col]));
        if (f->n > 0) TRY(copy_values(ctx, arena, f, col, mine->cols[0]));
        mine->nrows = mine->nsel = f->n;
        out->batches[b] = mine;
    }
    return QN_OK;
}

/* Statistics of what an index computes. columns: those of the sample, then -1. */
static Status
analyze_expressions(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *ix, const HeapSample *sample, const int *columns,
                    int target, struct StatsIndex *out)
{
    IndexForm *f = NULL;
    Status st;
    TRY_ALLOC(ctx, out->cols, ARENA_ARRAY(arena, ColumnStats *, ix->ncols));
    out->ncols = ix->ncols;
    TRY_GOTO(indexform_open(ctx, arena, rel, ix, &f));
    for (int k = 0; k < ix->nkeys; k++) {
        HeapSample mine;
        if (ix->attnums[k] != 0) continue;
        ColumnSample s = {.ctx = ctx, .arena = arena, .cmp = type_info(ix->types[k])->cmp, .table_rows = sample->stats.rows};
        TRY_GOTO(computed_sample(f, columns, sample, arena, k, &mine));
        TRY_GOTO(gather(&s, &mine, 0));
        TRY_GOTO(analyze_column(&s, target));
        if (s.nrows > 0) out->cols[k] = s.stats;
    }
    st = QN_OK;
done:
    indexform_close(f);
    return st;
}

static bool
has_expressions(const IndexDef *ix)
{
    for (int k = 0; k < ix->nkeys; k++)
        if (ix->attnums[k] == 0) return true;
    return false;
}

static Status
analyze_indexes(Ctx *ctx, Arena *arena, const Relation *rel, const HeapSample *sample, const int *columns, int target, StatsDef *def)
{
    TRY_ALLOC(ctx, def->indexes, arena_zalloc(arena, (size_t)(rel->nindexes + 1) * sizeof(def->indexes[0])));
    for (int i = 0; i < rel->nindexes; i++) {
        IndexStats stats;
        TRY(index_stats(ctx, rel->indexes[i]->index, &stats));
        def->indexes[i].oid = rel->indexes[i]->oid;
        def->indexes[i].tuples = rel->indexes[i]->predicate != NULL ? stats.entries : def->tuples;
        def->indexes[i].pages = stats.pages;
        if (has_expressions(rel->indexes[i]))
            TRY(analyze_expressions(ctx, arena, rel, rel->indexes[i], sample, columns, target, &def->indexes[i]));
    }
    def->nindexes = rel->nindexes;
    return QN_OK;
}

Status
analyze_relation(Ctx *ctx, Arena *arena, const Relation *rel, StatsDef **out)
{
    int target = ctx->settings->default_statistics_target, ncols = 0;
    int *columns;
    HeapSample sample;
    StatsDef *def;
    TRY_ALLOC(ctx, def, ARENA_NEW(arena, StatsDef));
    TRY_ALLOC(ctx, columns, ARENA_ARRAY(arena, int, rel->ncols + 1));
    for (int i = 0; i < rel->ncols; i++)
        if (!rel->cols[i].dropped) columns[ncols++] = i;
    /* The same table gives the same sample while nothing changes it: tests can rely on it. */
    TRY(heap_sample(ctx, arena, rel->heap, ctx->snapshot, columns, ncols, (int64_t)target * ROWS_PER_TARGET,
                    hash_u64(rel->oid), &sample));
    def->rel_oid = rel->oid;
    def->tuples = sample.stats.rows;
    def->pages = sample.stats.pages;
    def->visible_pages = sample.stats.all_visible_pages;
    def->ncols = rel->ncols;
    TRY_ALLOC(ctx, def->cols, ARENA_ARRAY(arena, ColumnStats *, rel->ncols + 1));
    for (int i = 0; i < ncols; i++) {
        const Column *col = &rel->cols[columns[i]];
        ColumnSample s = {.ctx = ctx, .arena = arena, .col = col, .cmp = type_info(col->type)->cmp,
                          .table_rows = sample.stats.rows};
        TRY(gather(&s, &sample, i));
        TRY(analyze_column(&s, target));
        if (s.nrows > 0) def->cols[columns[i]] = s.stats;
    }
    columns[ncols] = -1;
    TRY(analyze_indexes(ctx, arena, rel, &sample, columns, target, def));
    *out = def;
    return QN_OK;
}
