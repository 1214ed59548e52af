/* cost.c - what a plan costs, in PostgreSQL's parameters and, as far as the mechanisms are alike, its formulas
 * (src/backend/optimizer/path/costsize.c describes them), so that plans of nearly equal cost resolve as there.
 *
 * Pages are counted in PostgreSQL's 8 KiB, whatever the page size of the file. */
#include "common/settings.h"
#include "planner/opt.h"
#include <math.h>

#define PAGE_BYTES 8192.0

void
cost_seqscan(const Settings *s, double pages, double tuples, int nquals, Cost *out)
{
    out->startup = 0;
    out->total = pages * s->seq_page_cost + tuples * (s->cpu_tuple_cost + nquals * s->cpu_operator_cost);
    if (!s->enable_seqscan) out->total += 1e10, out->startup += 1e10;
}

/* Mackert and Lohman, "Index scans using a finite LRU buffer" (TODS 14:3, 1989): pages fetched when tuples
 * are spread over pages. */
static double
pages_fetched(double tuples, double pages, double cache_pages)
{
    double T = pages > 1 ? pages : 1;
    if (T <= cache_pages) {
        double n = 2 * T * tuples / (2 * T + tuples);
        return n < T ? ceil(n) : T;
    }
    double lim = 2 * T * cache_pages / (2 * T - cache_pages);
    if (tuples <= lim) return ceil(2 * T * tuples / (2 * T + tuples));
    return ceil(cache_pages + (tuples - lim) * (T - cache_pages) / T);
}

void
cost_index(const Settings *s, double heap_pages, double heap_tuples, double index_pages, int height, double sel,
           double correlation, int nquals, int nindex_quals, bool index_only, double all_visible, double loops, Cost *out)
{
    double tuples = fmax(1, rint(sel * heap_tuples));
    double ipages = fmax(1, ceil(sel * index_pages));
    double cache = s->effective_cache_size;

    /* The index itself. */
    double io = loops > 1 ? pages_fetched(ipages * loops, index_pages, cache) / loops * s->random_page_cost
                          : ipages * s->random_page_cost;
    double descent = 0;
    if (height >= 0) descent = (heap_tuples > 1 ? ceil(log2(heap_tuples)) * s->cpu_operator_cost : 0) + (height + 1) * 50.0 * s->cpu_operator_cost;
    double cpu = tuples * (s->cpu_index_tuple_cost + nindex_quals * s->cpu_operator_cost);
    out->startup = descent;

    /* The heap: between every tuple on its own page and pages in order, by correlation squared. */
    double max_io, min_io;
    if (loops > 1) {
        double fetched = pages_fetched(tuples * loops, heap_pages, cache);
        if (index_only) fetched = ceil(fetched * (1 - all_visible));
        max_io = fetched * s->random_page_cost / loops;
        fetched = pages_fetched(ceil(sel * heap_pages) * loops, heap_pages, cache);
        if (index_only) fetched = ceil(fetched * (1 - all_visible));
        min_io = fetched * s->random_page_cost / loops;
    } else {
        double fetched = pages_fetched(tuples, heap_pages, cache);
        if (index_only) fetched = ceil(fetched * (1 - all_visible));
        max_io = fetched * s->random_page_cost;
        fetched = ceil(sel * heap_pages);
        if (index_only) fetched = ceil(fetched * (1 - all_visible));
        min_io = fetched > 0 ? s->random_page_cost + (fetched - 1) * s->seq_page_cost : 0;
    }
    double c2 = correlation * correlation;
    double heap_io = max_io + c2 * (min_io - max_io);
    double heap_cpu = tuples * (s->cpu_tuple_cost + nquals * s->cpu_operator_cost);
    out->total = out->startup + io + cpu + heap_io + heap_cpu;
    if (index_only ? !s->enable_indexonlyscan : !s->enable_indexscan) out->startup += 1e10, out->total += 1e10;
}

/* A descent and the pages of its lists for each condition. */
void
cost_bitmap_index(const Settings *s, double heap_tuples, double index_pages, int nquals, double sel, Cost *out)
{
    double tuples = fmax(1, rint(sel * heap_tuples));
    double pages = nquals * 2 + ceil(sel * index_pages);
    out->startup = 0;
    out->total = pages * s->random_page_cost + tuples * s->cpu_index_tuple_cost + nquals * 100 * s->cpu_operator_cost;
}

/* A page costs between a random and a sequential one, by the share of the table that is read. */
void
cost_bitmap_heap(const Settings *s, const Cost *bitmap, double heap_pages, double heap_tuples, double sel, int nquals, Cost *out)
{
    double tuples = fmax(1, rint(sel * heap_tuples)), all = fmax(1, heap_pages);
    double pages = fmin(all, 2 * all * tuples / (2 * all + tuples));
    double page_cost = pages >= 2 ? s->random_page_cost - (s->random_page_cost - s->seq_page_cost) * sqrt(pages / all) : s->random_page_cost;
    out->startup = bitmap->total;
    out->total = out->startup + ceil(pages) * page_cost + tuples * (s->cpu_tuple_cost + nquals * s->cpu_operator_cost);
    if (!s->enable_bitmapscan) out->startup += 1e10, out->total += 1e10;
}

void
cost_sort(const Settings *s, const Cost *in, double rows, int width, double bound, Cost *out)
{
    double n = fmax(rows, 2);
    double cmp = 2 * s->cpu_operator_cost;
    double bytes = n * (width + 24.0), mem = (double)s->work_mem * 1024;
    double cost = in->total;

    if (bound > 0 && bound * 2 < n && bound * (width + 24.0) < mem) {
        cost += cmp * n * log2(2 * fmax(bound, 1));
    } else {
        cost += cmp * n * log2(n);
        if (bytes > mem) {
            double npages = ceil(bytes / PAGE_BYTES), nruns = bytes / mem;
            double order = fmax(6, mem / (PAGE_BYTES * 33)); /* runs merged at once */
            double passes = nruns > order ? ceil(log(nruns) / log(order)) : 1;
            cost += 2 * npages * passes * (s->seq_page_cost * 0.75 + s->random_page_cost * 0.25);
        }
    }
    if (!s->enable_sort) cost += 1e10;
    out->startup = cost;
    out->total = cost + s->cpu_operator_cost * n;
}

void
cost_agg(const Settings *s, const Cost *in, double rows, double groups, int nkeys, int naggs, bool hashed, int width,
         Cost *out)
{
    double per_row = (nkeys + naggs) * s->cpu_operator_cost;
    if (nkeys == 0) {
        out->startup = in->total + rows * per_row;
        out->total = out->startup + s->cpu_tuple_cost + naggs * s->cpu_operator_cost;
    } else if (hashed) {
        out->startup = in->total + rows * per_row;
        out->total = out->startup + groups * (s->cpu_tuple_cost + naggs * s->cpu_operator_cost);
        double bytes = groups * (width + 64.0 + 16.0 * naggs), mem = (double)s->work_mem * 1024 * 2;
        if (bytes > mem) {
            double pages = rows * (width + 24.0) / PAGE_BYTES;
            out->startup += pages * s->seq_page_cost;
            out->total += 2 * pages * s->seq_page_cost;
        }
        if (!s->enable_hashagg) out->startup += 1e10, out->total += 1e10;
    } else {
        out->startup = in->startup;
        out->total = in->total + rows * per_row + groups * (s->cpu_tuple_cost + naggs * s->cpu_operator_cost);
    }
}

void
cost_nestloop(const Settings *s, const Cost *outer, double outer_rows, const Cost *inner, const Cost *rescan,
              double inner_rows, double out_rows, int nquals, bool semi, Cost *out)
{
    double n = fmax(outer_rows, 1);
    double inner_run = rescan->total;
    double pairs = n * inner_rows;
    if (semi) { /* stops at the first match: half of the inner on average where there is one */
        double matched = out_rows < n ? out_rows : n;
        pairs = matched * inner_rows * 0.5 + (n - matched) * inner_rows;
        inner_run = rescan->startup + (rescan->total - rescan->startup) * fmax(0.05, pairs / fmax(1, n * inner_rows));
    }
    out->startup = outer->startup + inner->startup;
    out->total = outer->total + inner->total + (n - 1) * inner_run +
                 pairs * (s->cpu_tuple_cost + nquals * s->cpu_operator_cost);
    if (!s->enable_nestloop) out->startup += 1e10, out->total += 1e10;
}

void
cost_hashjoin(const Settings *s, const Cost *outer, double outer_rows, int outer_width, const Cost *inner,
              double inner_rows, int inner_width, int nkeys, double out_rows, int nquals, Cost *out)
{
    double startup = outer->startup + inner->total +
                     inner_rows * (s->cpu_operator_cost * nkeys + s->cpu_tuple_cost);
    double run = outer->total - outer->startup + s->cpu_operator_cost * nkeys * outer_rows;
    double bytes = inner_rows * (inner_width + 24.0), mem = (double)s->work_mem * 1024 * 2;
    if (bytes > mem) {
        double inner_pages = ceil(bytes / PAGE_BYTES), outer_pages = ceil(outer_rows * (outer_width + 24.0) / PAGE_BYTES);
        startup += s->seq_page_cost * inner_pages;
        run += s->seq_page_cost * (inner_pages + 2 * outer_pages);
    }
    run += outer_rows * 0.5 * s->cpu_operator_cost * nkeys; /* collisions */
    run += out_rows * (s->cpu_tuple_cost + nquals * s->cpu_operator_cost);
    out->startup = startup;
    out->total = startup + run;
    if (!s->enable_hashjoin) out->startup += 1e10, out->total += 1e10;
}

void
cost_mergejoin(const Settings *s, const Cost *outer, double outer_rows, const Cost *inner, double inner_rows, int nkeys,
               double out_rows, int nquals, Cost *out)
{
    out->startup = outer->startup + inner->startup;
    out->total = outer->total + inner->total + (outer_rows + inner_rows) * s->cpu_operator_cost * nkeys +
                 out_rows * (s->cpu_tuple_cost + nquals * s->cpu_operator_cost);
    if (!s->enable_mergejoin) out->startup += 1e10, out->total += 1e10;
}
