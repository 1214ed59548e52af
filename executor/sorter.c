/* sorter.c - see sorter.h. */
#include "executor/sorter.h"

#include "executor/spill.h"
#include "executor/vecutil.h"
#include <assert.h>

enum { FIRST_ENTRIES = 64, RADIX_MIN = 256, READ_BYTES = 128 * 1024, KEY_BLOCK_BYTES = 256 * 1024 };

typedef struct Entry {
    uint64_t head, next; /* first sixteen bytes of the key, as two numbers */
    char *row;
} Entry;

/* At the front of each row: the whole key where it does not fit the entry's head. */
typedef struct SortRow {
    const uint8_t *key;
    uint32_t key_bytes;
    uint32_t pad;
} SortRow;

typedef struct KeyBlock {
    struct KeyBlock *next;
    size_t used, cap;
    uint8_t data[];
} KeyBlock;

/* A sorted run in the file: records of key length, key, row, strings. */
typedef struct Run {
    int64_t at, end;   /* what is still unread in the file */
    char *buf;
    size_t have, pos, cap;
    bool has_record;
    const uint8_t *key;
    uint32_t key_bytes;
    const char *row;   /* of row_bytes, strings follow */
} Run;

struct Sorter {
    Ctx *ctx;
    Arena *arena;
    size_t limit;
    KeyFormat format;
    KeyColumn *cols;
    bool short_keys; /* every key fits into an entry */
    RowLayout layout;
    RowStore *rows, *other; /* other: what a top-N keeps when it drops the rest */
    KeyBlock *keys;
    size_t key_bytes_held;
    Entry *entries, *scratch;
    size_t nentries, cap, scratch_cap;
    int64_t count;
    int64_t bound;
    bool was_cut;    /* top-N: rows were dropped */
    bool has_cutoff; /* top-N: rows at or past the last entry are not wanted */
    Entry cutoff;
    bool is_sorted;
    size_t at;
    /* external */
    SpillFile *file;
    Run *runs;
    int64_t *run_at, *run_end;
    int nruns, runs_cap;
    bool is_merging;
    int *heap, nheap, heap_cap;
    char *out_rows;  /* copies of a batch's rows while merging */
    Arena *out_arena;
    int64_t spilled_bytes, peak_bytes;
    /* scratch of sorter_add */
    KeyRows key_rows;
    uint8_t *fixed;
    char **row_ptrs;
};

Status
sorter_new(Ctx *ctx, Arena *arena, int nkeys, const SorterKey *keys, int ncols, const Oid *types,
           size_t mem_limit, Sorter **out)
{
    Sorter *s;
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, Sorter));
    s->ctx = ctx;
    s->arena = arena;
    s->limit = mem_limit;
    TRY_ALLOC(ctx, s->cols, ARENA_ARRAY(arena, KeyColumn, nkeys + 1));
    for (int i = 0; i < nkeys; i++)
        TRY(key_column_init(ctx, &s->cols[i], keys[i].type, keys[i].typmod, keys[i].desc, keys[i].nulls_first, false));
    key_format_init(&s->format, s->cols, nkeys);
    s->short_keys = nkeys == 0 || (s->format.fixed_bytes > 0 && s->format.fixed_bytes <= 16);
    TRY(rowlayout_init(ctx, arena, &s->layout, ncols, types, s->short_keys ? 0 : sizeof(SortRow), 0));
    TRY(rowstore_new_layout(ctx, arena, &s->layout, 0, &s->rows));
    s->key_rows = key_rows_new(arena);
    TRY_ALLOC(ctx, s->row_ptrs, arena_alloc(arena, BATCH_ROWS * sizeof(char *)));
    if (s->format.fixed_bytes > 0)
        TRY_ALLOC(ctx, s->fixed, arena_alloc(arena, BATCH_ROWS * (size_t)s->format.fixed_bytes));
    *out = s;
    return QN_OK;
}

void
sorter_bound(Sorter *s, int64_t nrows)
{
    s->bound = nrows > 0 && nrows < INT32_MAX ? nrows : 0;
}

static void
free_keys(Sorter *s)
{
    for (KeyBlock *b = s->keys, *next; b != NULL; b = next) {
        next = b->next;
        mem_free(s->ctx->mem, b, sizeof(*b) + b->cap);
    }
    s->keys = NULL;
    s->key_bytes_held = 0;
}

static size_t
bytes_held(const Sorter *s)
{
    return rowstore_bytes(s->rows) + s->key_bytes_held + (s->nentries * 2) * sizeof(Entry);
}

static void
free_runs(Sorter *s)
{
    for (int i = 0; s->is_merging && i < s->nruns && i < s->heap_cap; i++) {
        mem_free(s->ctx->mem, s->runs[i].buf, s->runs[i].cap);
        s->runs[i].buf = NULL;
    }
    s->is_merging = false;
}

void
sorter_reset(Sorter *s)
{
    free_runs(s);
    s->nruns = 0;
    spill_close(s->file);
    s->file = NULL;
    rowstore_reset(s->rows);
    if (s->other != NULL) rowstore_reset(s->other);
    free_keys(s);
    if (s->cap > 65536) {
        mem_free(s->ctx->mem, s->entries, s->cap * sizeof(Entry));
        s->entries = NULL;
        s->cap = 0;
    }
    mem_free(s->ctx->mem, s->scratch, s->scratch_cap * sizeof(Entry));
    s->scratch = NULL;
    s->scratch_cap = 0;
    s->nentries = 0;
    s->count = 0;
    s->has_cutoff = s->is_sorted = false;
    s->at = 0;
}

void
sorter_free(Sorter *s)
{
    if (s == NULL) return;
    sorter_reset(s);
    mem_free(s->ctx->mem, s->entries, s->cap * sizeof(Entry));
    s->entries = NULL;
    s->cap = 0;
    rowstore_free(s->rows);
    rowstore_free(s->other);
    mem_free(s->ctx->mem, s->out_rows, (size_t)BATCH_ROWS * s->layout.row_bytes);
    s->out_rows = NULL;
}

int64_t
sorter_count(const Sorter *s)
{
    return s->count;
}

static uint64_t
head_of(const uint8_t *key, uint32_t nbytes)
{
    uint64_t v = 0;
    if (nbytes >= 8) {
        memcpy(&v, key, 8);
        return __builtin_bswap64(v);
    }
    for (uint32_t i = 0; i < nbytes; i++) v |= (uint64_t)key[i] << (56 - 8 * i);
    return v;
}

static inline Entry
entry_of(const uint8_t *key, uint32_t nbytes, char *row)
{
    return (Entry){head_of(key, nbytes), nbytes > 8 ? head_of(key + 8, nbytes - 8) : 0, row};
}

static const uint8_t *
keep_key(Sorter *s, const uint8_t *key, uint32_t nbytes)
{
    KeyBlock *b = s->keys;
    if (b == NULL || b->cap - b->used < nbytes) {
        size_t cap = b == NULL ? 4096 : b->cap * 2;
        if (cap > KEY_BLOCK_BYTES) cap = KEY_BLOCK_BYTES;
        if (cap < nbytes) cap = nbytes;
        KeyBlock *fresh = mem_alloc(s->ctx->mem, sizeof(*fresh) + cap);
        if (fresh == NULL) return NULL;
        fresh->next = b;
        fresh->used = 0;
        fresh->cap = cap;
        s->keys = b = fresh;
        s->key_bytes_held += sizeof(*fresh) + cap;
    }
    uint8_t *p = b->data + b->used;
    memcpy(p, key, nbytes);
    b->used += nbytes;
    return p;
}

static inline int
compare_tails(const Sorter *s, const Entry *a, const Entry *b)
{
    if (s->short_keys) return 0;
    const SortRow *x = (const SortRow *)a->row, *y = (const SortRow *)b->row;
    return key_compare(x->key, x->key_bytes, y->key, y->key_bytes);
}

static inline bool
entry_less(const Sorter *s, const Entry *a, const Entry *b)
{
    if (a->head != b->head) return a->head < b->head;
    return a->next != b->next ? a->next < b->next : compare_tails(s, a, b) < 0;
}

/* Stable merge sort; tails only where the heads are known to be equal. */
static void
merge_sort(const Sorter *s, Entry *e, Entry *tmp, size_t n)
{
    if (n <= 12) {
        for (size_t i = 1; i < n; i++) {
            Entry x = e[i];
            size_t j = i;
            for (; j > 0 && entry_less(s, &x, &e[j - 1]); j--) e[j] = e[j - 1];
            e[j] = x;
        }
        return;
    }
    size_t half = n / 2;
    merge_sort(s, e, tmp, half);
    merge_sort(s, e + half, tmp, n - half);
    if (!entry_less(s, &e[half], &e[half - 1])) return;
    memcpy(tmp, e, half * sizeof(*e));
    size_t i = 0, j = half, k = 0;
    while (i < half && j < n) e[k++] = entry_less(s, &e[j], &tmp[i]) ? e[j++] : tmp[i++];
    while (i < half) e[k++] = tmp[i++];
}

/* Least significant digit first over the bytes that differ; stable. Leaves the result in e. */
static void
radix_sort(Entry *e, Entry *tmp, size_t n)
{
    uint32_t counts[16][256];
    memset(counts, 0, sizeof(counts));
    uint64_t head = 0, next = 0; /* bits in which some entry differs from the first */
    for (size_t i = 1; i < n; i++) {
        head |= e[i].head ^ e[0].head;
        next |= e[i].next ^ e[0].next;
    }
    int digits[16], ndigits = 0;
    for (int d = 0; d < 16; d++)
        if (((d < 8 ? next : head) >> (8 * (d & 7)) & 255) != 0) digits[ndigits++] = d;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < ndigits; k++) {
            int d = digits[k];
            counts[k][(d < 8 ? e[i].next : e[i].head) >> (8 * (d & 7)) & 255]++;
        }
    }
    Entry *from = e, *to = tmp;
    for (int k = 0; k < ndigits; k++) {
        uint32_t *c = counts[k], sum = 0;
        int d = digits[k], shift = 8 * (d & 7);
        for (int b = 0; b < 256; b++) {
            uint32_t here = c[b];
            c[b] = sum;
            sum += here;
        }
        if (d < 8)
            for (size_t i = 0; i < n; i++) to[c[from[i].next >> shift & 255]++] = from[i];
        else
            for (size_t i = 0; i < n; i++) to[c[from[i].head >> shift & 255]++] = from[i];
        Entry *swap = from;
        from = to;
        to = swap;
    }
    if (from != e) memcpy(e, from, n * sizeof(*e));
}

static Status
sort_entries(Sorter *s)
{
    size_t n = s->nentries;
    Entry *e = s->entries;
    bool in_order = true;
    for (size_t i = 1; in_order && i < n; i++) in_order = !entry_less(s, &e[i], &e[i - 1]);
    if (in_order) return QN_OK;
    if (s->scratch_cap < n) {
        mem_free(s->ctx->mem, s->scratch, s->scratch_cap * sizeof(Entry));
        s->scratch_cap = 0;
        s->scratch = mem_alloc(s->ctx->mem, n * sizeof(Entry));
        if (s->scratch == NULL) return RAISE_OOM(s->ctx);
        s->scratch_cap = n;
    }
    if (n < RADIX_MIN || n > UINT32_MAX) {
        merge_sort(s, e, s->scratch, n);
        return QN_OK;
    }
    radix_sort(e, s->scratch, n);
    if (s->short_keys) return QN_OK;
    for (size_t i = 0; i < n;) {
        size_t j = i + 1;
        while (j < n && e[j].head == e[i].head && e[j].next == e[i].next) j++;
        if (j - i > 1) merge_sort(s, e + i, s->scratch, j - i);
        i = j;
    }
    return QN_OK;
}

/* Top-N: keeps the first `bound` rows in fresh memory. */
static Status
cut_to_bound(Sorter *s)
{
    s->was_cut = true;
    TRY(sort_entries(s));
    if (s->nentries > (size_t)s->bound) s->nentries = (size_t)s->bound;
    if (s->other == NULL) TRY(rowstore_new_layout(s->ctx, s->arena, &s->layout, 0, &s->other));
    KeyBlock *old_keys = s->keys;
    s->keys = NULL;
    s->key_bytes_held = 0;
    Status st = QN_OK;
    for (size_t i = 0; i < s->nentries; i++) {
        char *row;
        TRY_GOTO(rowstore_append_raw(s->other, s->entries[i].row, &row));
        if (!s->short_keys) {
            SortRow *r = (SortRow *)row;
            r->key = keep_key(s, r->key, r->key_bytes);
            if (r->key == NULL) {
                st = RAISE_OOM(s->ctx);
                goto done;
            }
        }
        s->entries[i].row = row;
    }
    RowStore *swap = s->rows;
    s->rows = s->other;
    s->other = swap;
    rowstore_reset(s->other);
    if (s->nentries == (size_t)s->bound && s->nentries > 0) {
        s->has_cutoff = true;
        s->cutoff = s->entries[s->nentries - 1];
    }
done:
    for (KeyBlock *b = old_keys, *next; b != NULL; b = next) {
        next = b->next;
        mem_free(s->ctx->mem, b, sizeof(*b) + b->cap);
    }
    return st;
}

static Status
write_run(Sorter *s)
{
    TRY(sort_entries(s));
    if (s->file == NULL) TRY(spill_open(s->ctx, &s->file));
    if (s->nruns == s->runs_cap) {
        int cap = s->runs_cap != 0 ? s->runs_cap * 2 : 16;
        int64_t *at, *end;
        TRY_ALLOC(s->ctx, at, ARENA_ARRAY(s->arena, int64_t, cap));
        TRY_ALLOC(s->ctx, end, ARENA_ARRAY(s->arena, int64_t, cap));
        if (s->nruns > 0) {
            memcpy(at, s->run_at, (size_t)s->nruns * sizeof(*at));
            memcpy(end, s->run_end, (size_t)s->nruns * sizeof(*end));
        }
        s->run_at = at;
        s->run_end = end;
        s->runs_cap = cap;
    }
    const RowLayout *l = &s->layout;
    s->run_at[s->nruns] = spill_bytes(s->file);
    for (size_t i = 0; i < s->nentries; i++) {
        char *row = s->entries[i].row;
        uint64_t head[2];
        const uint8_t *key = (const uint8_t *)head;
        uint32_t lens[2] = {sizeof(head), l->row_bytes};
        if (s->short_keys) {
            head[0] = __builtin_bswap64(s->entries[i].head);
            head[1] = __builtin_bswap64(s->entries[i].next);
        } else {
            key = ((SortRow *)row)->key;
            lens[0] = ((SortRow *)row)->key_bytes;
        }
        for (int v = 0; v < l->nvar; v++) {
            int c = l->var_cols[v];
            Value x = row_get(l, c, row);
            if (!x.is_null && x.phys == PHYS_STR && x.str.len > STR_INLINE_MAX) lens[1] += x.str.len;
        }
        TRY(spill_write(s->file, lens, sizeof(lens), NULL));
        TRY(spill_write(s->file, key, lens[0], NULL));
        TRY(spill_write(s->file, row, l->row_bytes, NULL));
        for (int v = 0; v < l->nvar; v++) {
            Value x = row_get(l, l->var_cols[v], row);
            if (!x.is_null && x.phys == PHYS_STR && x.str.len > STR_INLINE_MAX)
                TRY(spill_write(s->file, x.str.ptr, x.str.len, NULL));
        }
    }
    s->run_end[s->nruns++] = spill_bytes(s->file);
    s->nentries = 0;
    rowstore_reset(s->rows);
    free_keys(s);
    return QN_OK;
}

static Status
make_keys(Sorter *s, Vector *const *keys, const uint16_t *sel, int n)
{
    if (s->format.ncols == 0) return QN_OK;
    if (s->format.fixed_bytes > 0)
        return key_encode_fixed(s->ctx, &s->format, keys, sel, n, s->fixed, (size_t)s->format.fixed_bytes);
    return key_encode(s->ctx, &s->format, keys, sel, n, &s->key_rows);
}

static inline const uint8_t *
key_at(const Sorter *s, int k, uint32_t *nbytes)
{
    if (s->format.ncols == 0) {
        *nbytes = 0;
        return (const uint8_t *)"";
    }
    if (s->format.fixed_bytes > 0) {
        *nbytes = (uint32_t)s->format.fixed_bytes;
        return s->fixed + (size_t)k * (size_t)s->format.fixed_bytes;
    }
    return key_rows_get(&s->key_rows, k, nbytes);
}

static Status
grow_entries(Sorter *s, size_t n)
{
    if (s->nentries + n <= s->cap) return QN_OK;
    size_t cap = s->cap != 0 ? s->cap : FIRST_ENTRIES;
    while (cap < s->nentries + n) cap *= 2;
    Entry *e = mem_realloc(s->ctx->mem, s->entries, s->cap * sizeof(Entry), cap * sizeof(Entry));
    if (e == NULL) return RAISE_OOM(s->ctx);
    s->entries = e;
    s->cap = cap;
    return QN_OK;
}

Status
sorter_add(Sorter *s, Vector *const *keys, Vector *const *cols, const uint16_t *sel, int n)
{
    uint16_t kept[BATCH_ROWS], at[BATCH_ROWS];
    int m = 0;
    assert(!s->is_sorted);
    TRY(make_keys(s, keys, sel, n));
    s->count += n;
    bool all = !s->has_cutoff;
    if (!all) {
        for (int k = 0; k < n; k++) {
            uint32_t nbytes;
            const uint8_t *key = key_at(s, k, &nbytes);
            Entry x = entry_of(key, nbytes, NULL);
            bool same = x.head == s->cutoff.head && x.next == s->cutoff.next;
            bool want = x.head != s->cutoff.head ? x.head < s->cutoff.head : x.next < s->cutoff.next;
            if (same && !s->short_keys) {
                const SortRow *r = (const SortRow *)s->cutoff.row;
                want = key_compare(key, nbytes, r->key, r->key_bytes) < 0;
            }
            if (!want) continue;
            at[m] = (uint16_t)k;
            kept[m++] = (uint16_t)exec_row(sel, k);
        }
        if (m == 0) return QN_OK;
        sel = kept;
        n = m;
    }
    TRY(grow_entries(s, (size_t)n));
    TRY(rowstore_append_rows(s->rows, cols, sel, n, s->row_ptrs));
    for (int k = 0; k < n; k++) {
        uint32_t nbytes;
        const uint8_t *key = key_at(s, all ? k : at[k], &nbytes);
        char *row = s->row_ptrs[k];
        s->entries[s->nentries++] = entry_of(key, nbytes, row);
        if (s->short_keys) continue;
        SortRow *r = (SortRow *)row;
        TRY_ALLOC(s->ctx, r->key, keep_key(s, key, nbytes));
        r->key_bytes = nbytes;
    }
    int64_t held = (int64_t)bytes_held(s);
    if (held > s->peak_bytes) s->peak_bytes = held;
    if (s->bound > 0 && s->nentries >= (size_t)s->bound * 2 + 4 * BATCH_ROWS) TRY(cut_to_bound(s));
    if (s->limit != 0 && bytes_held(s) > s->limit) {
        if (s->bound > 0 && s->nruns == 0 && s->nentries > (size_t)s->bound) TRY(cut_to_bound(s));
        if (bytes_held(s) > s->limit) {
            TRY(write_run(s));
            s->bound = 0; /* the merge stops when its reader does */
            s->has_cutoff = false;
        }
    }
    return QN_OK;
}

/* More of the run's bytes, so that need of them lie together from pos on. */
static Status
refill(Sorter *s, Run *r, size_t need)
{
    if (r->have - r->pos >= need) return QN_OK;
    size_t rest = r->have - r->pos;
    if (need > r->cap) {
        size_t cap = r->cap != 0 ? r->cap : READ_BYTES;
        while (cap < need) cap *= 2;
        char *p = mem_alloc(s->ctx->mem, cap);
        if (p == NULL) return RAISE_OOM(s->ctx);
        if (rest > 0) memcpy(p, r->buf + r->pos, rest);
        mem_free(s->ctx->mem, r->buf, r->cap);
        r->buf = p;
        r->cap = cap;
    } else if (rest > 0) {
        memmove(r->buf, r->buf + r->pos, rest);
    }
    r->pos = 0;
    size_t more = r->cap - rest;
    if ((int64_t)more > r->end - r->at) more = (size_t)(r->end - r->at);
    TRY(spill_read(s->file, r->at, r->buf + rest, more));
    r->at += (int64_t)more;
    r->have = rest + more;
    return QN_OK;
}

static Status
read_record(Sorter *s, Run *r)
{
    r->has_record = false;
    if (r->pos == r->have && r->at == r->end) return QN_OK;
    uint32_t lens[2];
    TRY(refill(s, r, sizeof(lens)));
    memcpy(lens, r->buf + r->pos, sizeof(lens));
    TRY(refill(s, r, sizeof(lens) + lens[0] + lens[1]));
    r->key = (const uint8_t *)r->buf + r->pos + sizeof(lens);
    r->key_bytes = lens[0];
    r->row = r->buf + r->pos + sizeof(lens) + lens[0];
    r->pos += sizeof(lens) + lens[0] + lens[1];
    r->has_record = true;
    return QN_OK;
}

/* Run a before run b: by key, then by number, so that equal keys keep their order. */
static inline bool
run_less(const Sorter *s, int a, int b)
{
    const Run *x = &s->runs[a], *y = &s->runs[b];
    int c = key_compare(x->key, x->key_bytes, y->key, y->key_bytes);
    return c != 0 ? c < 0 : a < b;
}

static void
sift_down(Sorter *s, int i)
{
    int *h = s->heap;
    for (;;) {
        int l = 2 * i + 1, best = i;
        if (l < s->nheap && run_less(s, h[l], h[best])) best = l;
        if (l + 1 < s->nheap && run_less(s, h[l + 1], h[best])) best = l + 1;
        if (best == i) return;
        int t = h[i];
        h[i] = h[best];
        h[best] = t;
        i = best;
    }
}

static Status
begin_merge(Sorter *s)
{
    free_runs(s);
    if (s->nruns > s->heap_cap) {
        TRY_ALLOC(s->ctx, s->runs, ARENA_ARRAY(s->arena, Run, s->runs_cap));
        TRY_ALLOC(s->ctx, s->heap, ARENA_ARRAY(s->arena, int, s->runs_cap));
        s->heap_cap = s->runs_cap;
    }
    memset(s->runs, 0, (size_t)s->nruns * sizeof(Run));
    s->nheap = 0;
    for (int i = 0; i < s->nruns; i++) {
        s->runs[i].at = s->run_at[i];
        s->runs[i].end = s->run_end[i];
        TRY(read_record(s, &s->runs[i]));
        if (s->runs[i].has_record) s->heap[s->nheap++] = i;
    }
    for (int i = s->nheap / 2; i-- > 0;) sift_down(s, i);
    s->is_merging = true;
    if (s->out_arena == NULL) TRY_ALLOC(s->ctx, s->out_arena, arena_create(s->arena, "merge"));
    if (s->out_rows == NULL)
        TRY_ALLOC(s->ctx, s->out_rows, mem_alloc(s->ctx->mem, (size_t)BATCH_ROWS * s->layout.row_bytes));
    return QN_OK;
}

Status
sorter_finish(Sorter *s)
{
    if (s->nruns > 0) {
        if (s->nentries > 0) TRY(write_run(s));
        s->spilled_bytes = spill_bytes(s->file);
        s->is_sorted = true;
        return begin_merge(s);
    }
    if (s->bound > 0 && s->nentries > (size_t)s->bound) {
        s->was_cut = true;
        TRY(sort_entries(s));
        s->nentries = (size_t)s->bound;
    } else {
        TRY(sort_entries(s));
    }
    mem_free(s->ctx->mem, s->scratch, s->scratch_cap * sizeof(Entry));
    s->scratch = NULL;
    s->scratch_cap = 0;
    s->is_sorted = true;
    s->at = 0;
    return QN_OK;
}

Status
sorter_rewind(Sorter *s)
{
    s->at = 0;
    return s->nruns > 0 ? begin_merge(s) : QN_OK;
}

/* Copies the smallest record to row k of out_rows, its strings to the arena. */
static Status
take_record(Sorter *s, int k)
{
    const RowLayout *l = &s->layout;
    Run *r = &s->runs[s->heap[0]];
    char *row = s->out_rows + (size_t)k * l->row_bytes;
    memcpy(row, r->row, l->row_bytes);
    const char *bytes = r->row + l->row_bytes;
    for (int v = 0; v < l->nvar; v++) {
        int c = l->var_cols[v];
        Value x = row_get(l, c, row);
        if (x.is_null || x.phys != PHYS_STR || x.str.len <= STR_INLINE_MAX) continue;
        char *p = arena_memdup(s->out_arena, bytes, x.str.len);
        if (p == NULL) return RAISE_OOM(s->ctx);
        bytes += x.str.len;
        ((Str *)(row + l->cols[c].offset))->ptr = p;
    }
    s->row_ptrs[k] = row;
    TRY(read_record(s, r));
    if (!r->has_record) {
        mem_free(s->ctx->mem, r->buf, r->cap);
        r->buf = NULL;
        r->cap = 0;
        s->heap[0] = s->heap[--s->nheap];
    }
    sift_down(s, 0);
    return QN_OK;
}

Status
sorter_next(Sorter *s, int max, Batch *out, int *n_out)
{
    int n = 0;
    assert(s->is_sorted);
    if (max > BATCH_ROWS) max = BATCH_ROWS;
    if (s->nruns > 0) {
        arena_reset(s->out_arena);
        while (n < max && s->nheap > 0) TRY(take_record(s, n++));
    } else {
        while (n < max && s->at < s->nentries) s->row_ptrs[n++] = s->entries[s->at++].row;
        /* Rows lie in the order they came: ask for the next ones before they are needed. */
        for (int i = 0; i < n; i++) __builtin_prefetch(s->row_ptrs[i]);
    }
    *n_out = n;
    if (n == 0) return QN_OK;
    if (!exec_batch_reserve(out, n)) return RAISE_OOM(s->ctx);
    for (int c = 0; c < s->layout.ncols; c++)
        TRY(row_gather(s->ctx, out->arena, &s->layout, c, s->row_ptrs, n, out->cols[c]));
    out->nrows = out->nsel = n;
    out->sel = NULL;
    return QN_OK;
}

SorterStats
sorter_stats(const Sorter *s)
{
    SorterStats st;
    st.on_disk = s->nruns > 0;
    st.method = st.on_disk ? "external merge" : s->bound > 0 && s->was_cut ? "top-N heapsort" : "quicksort";
    st.kb = ((st.on_disk ? s->spilled_bytes : s->peak_bytes) + 1023) / 1024;
    return st;
}
