/* heap_filter.c - conditions of a scan checked on a page's arrays, before any row is copied.
 *
 * The comparisons are those of the executor's selection kernels (types/kernel.h), given vectors
 * that point into the page. */
#include "storage/heap_priv.h"

/* Makes v the column's values on the page, row i of it slot i + 1. False: they have to be read. */
static bool
view_column(const Heap *heap, const HeapPage *p, int col, Vector *v)
{
    if (col >= p->ncols || p->cols[col].phys == PHYS_NONE) return false;
    const uint8_t flags = p->cols[col].flags;
    const bool nulls = (flags & HCOL_NULLS) != 0;
    if ((flags & HCOL_NAN) != 0 || (nulls && p->valid_stride % sizeof(uint64_t) != 0)) return false;
    vec_init(v, heap->layout->cols[col].type, (Phys)p->cols[col].phys, heap_values(p, col),
             nulls ? (uint64_t *)heap_valid(p, col) : NULL);
    v->scale = heap->layout->cols[col].scale;
    return true;
}

static int
compare(const HeapFilter *f, const Vector *column, const uint16_t *sel, int n, uint16_t *out)
{
    return f->value_first ? f->compare(f->value, column, sel, n, out)
                          : f->compare(column, f->value, sel, n, out);
}

/* The same for a column that does not lie on the page as kernels need it; slots are numbers. */
static Status
filter_read(Ctx *ctx, HeapFilterRun *run, const HeapFilter *f, const PageRef *ref, uint16_t *slots,
            int *n)
{
    const Heap *heap = run->heap;
    HeapStrings strings = {.arena = run->strings, .copy = true};
    uint16_t pass[BATCH_ROWS];
    int kept = 0;
    if (run->column == NULL)
        TRY_ALLOC(ctx, run->column, vec_create(run->arena, TYPE_NUMERIC, BATCH_ROWS));
    for (int at = 0; at < *n; at += BATCH_ROWS) {
        int m = *n - at < BATCH_ROWS ? *n - at : BATCH_ROWS;
        bool nan = heap_page_has_nan(heap_page(ref), &f->column, 1);
        run->column->type = heap->layout->cols[f->column].type;
        heap_reset_vectors(heap, &f->column, 1, &run->column, nan);
        TRY(heap_read_column(ctx, heap, ref, f->column, slots + at, m, false, run->column, 0,
                             &strings));
        m = compare(f, run->column, NULL, m, pass);
        for (int i = 0; i < m; i++) slots[kept++] = slots[at + pass[i]];
    }
    *n = kept;
    return QN_OK;
}

/* Numbers 1.. to positions 0.. and back. */
static void
shift_slots(uint16_t *slots, int n, int by)
{
    for (int i = 0; i < n; i++) slots[i] = (uint16_t)(slots[i] + by);
}

Status
heap_filter_slots(Ctx *ctx, HeapFilterRun *run, const PageRef *ref, uint16_t *slots, int *n_inout,
                  bool *all_inout)
{
    const HeapPage *p = heap_page(ref);
    int n = *n_inout;
    bool all = *all_inout, numbers = true; /* numbers: slots counts from 1 */
    for (int i = 0; i < run->nfilters && n > 0; i++) {
        const HeapFilter *f = &run->filters[i];
        Vector v;
        bool in_place = view_column(run->heap, p, f->column, &v);
        if (all && !in_place) {
            for (int k = 0; k < n; k++) slots[k] = (uint16_t)k;
            all = numbers = false;
        }
        if (!all && in_place == numbers) {
            shift_slots(slots, n, in_place ? -1 : 1);
            numbers = !in_place;
        }
        if (in_place) {
            int before = n;
            n = compare(f, &v, all ? NULL : slots, n, slots);
            numbers = all && n == before;
            all = numbers;
        } else {
            TRY(filter_read(ctx, run, f, ref, slots, &n));
        }
    }
    if (!all && !numbers) shift_slots(slots, n, 1);
    *n_inout = n;
    *all_inout = all;
    return QN_OK;
}

void
heap_filter_prefetch(const HeapFilterRun *run, const HeapPage *like, const void *next)
{
    enum { LINE = 64 };
    const char *base = next;
    uint32_t head = sizeof(HeapPage) + sizeof(HeapColumn) * like->ncols;
    for (uint32_t at = 0; at < head; at += LINE) __builtin_prefetch(base + at);
    for (int i = 0; i < run->nfilters; i++) {
        int c = run->filters[i].column;
        if (c >= like->ncols) continue;
        uint32_t at = like->cols[c].values;
        uint32_t end = at + heap_phys_bytes(like->cols[c].phys) * like->nslots;
        for (; at < end; at += LINE) __builtin_prefetch(base + at);
    }
}

void
heap_prefetch_rows(const HeapPage *p, const int *columns, int ncolumns, const uint16_t *slots, int n)
{
    for (int i = 0; i < ncolumns; i++) {
        int c = columns[i];
        if (c < 0 || c >= p->ncols) continue;
        const char *values = heap_values(p, c);
        size_t width = heap_phys_bytes(p->cols[c].phys);
        for (int k = 0; k < n; k++) __builtin_prefetch(values + width * (slots[k] - 1u));
    }
}
