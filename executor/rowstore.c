/* rowstore.c - see rowstore.h. */
#include "executor/rowstore.h"

#include "executor/spill.h"
#include "executor/vecutil.h"
#include <assert.h>

enum { FIRST_ROWS = 16, CHUNK_BYTES = 256 * 1024, STR_BLOCK_MIN = 1024, STR_BLOCK_MAX = 256 * 1024, MAX_LOADED = 16 };

/* A numeric's slot. */
typedef struct NumSlot {
    char value[16];
    uint8_t phys;
    uint8_t pad;
    int16_t scale;
    uint32_t pad2;
} NumSlot;

typedef struct StrBlock {
    struct StrBlock *next;
    size_t used, cap;
    char data[];
} StrBlock;

typedef struct RowChunk {
    char *rows; /* NULL: only in the file */
    int nrows, cap;
    int64_t first;
    StrBlock *strs;
    size_t str_bytes; /* of strings, as written to the file */
    int64_t file_offset; /* -1: not in the file */
    uint64_t used_at;
} RowChunk;

struct RowStore {
    Ctx *ctx;
    Arena *arena;
    MemAccount *account;
    RowLayout layout;
    RowChunk *chunks;
    int nchunks, chunks_cap;
    int64_t nrows;
    size_t bytes, limit;
    SpillFile *file;
    int nloaded; /* chunks that are in the file and in memory */
    uint64_t clock;
    int hint; /* chunk read last */
};

static uint32_t
slot_bytes(const RowCol *c)
{
    return c->is_numeric ? (uint32_t)sizeof(NumSlot) : phys_width[c->phys];
}

Status
rowlayout_init(Ctx *ctx, Arena *arena, RowLayout *l, int ncols, const Oid *types, uint32_t head_bytes,
               uint32_t tail_bytes)
{
    memset(l, 0, sizeof(*l));
    l->ncols = ncols;
    TRY_ALLOC(ctx, l->cols, ARENA_ARRAY(arena, RowCol, ncols + 1));
    TRY_ALLOC(ctx, l->var_cols, ARENA_ARRAY(arena, int, ncols + 1));
    l->head_bytes = head_bytes;
    uint32_t at = head_bytes;
    for (int i = 0; i < ncols; i++) {
        RowCol *c = &l->cols[i];
        c->type = types[i];
        c->phys = (uint8_t)type_phys(types[i], -1);
        c->is_numeric = types[i] == TYPE_NUMERIC;
        if (c->phys == PHYS_STR) l->var_cols[l->nvar++] = i;
    }
    /* Widest first, so that everything is aligned without gaps. */
    at = (at + 7) & ~7u;
    static const uint8_t widths[] = {24, 16, 8, 4, 2, 1};
    for (size_t w = 0; w < sizeof(widths); w++) {
        for (int i = 0; i < ncols; i++) {
            if (slot_bytes(&l->cols[i]) != widths[w]) continue;
            l->cols[i].offset = at;
            at += widths[w];
        }
    }
    l->nulls_offset = at;
    at += (uint32_t)(ncols + 7) / 8;
    l->tail_offset = (at + 15) & ~15u;
    l->row_bytes = tail_bytes > 0 ? (l->tail_offset + tail_bytes + 15) & ~15u : (at + 7) & ~7u;
    if (l->row_bytes == 0) l->row_bytes = 8;
    return QN_OK;
}

Status
rowstore_new_layout(Ctx *ctx, Arena *arena, const RowLayout *layout, size_t mem_limit, RowStore **out)
{
    RowStore *s;
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, RowStore));
    s->ctx = ctx;
    s->arena = arena;
    s->account = ctx->mem;
    s->layout = *layout;
    s->limit = mem_limit;
    *out = s;
    return QN_OK;
}

Status
rowstore_new(Ctx *ctx, Arena *arena, int ncols, const Oid *types, size_t mem_limit, RowStore **out)
{
    RowLayout l;
    TRY(rowlayout_init(ctx, arena, &l, ncols, types, 0, 0));
    return rowstore_new_layout(ctx, arena, &l, mem_limit, out);
}

const RowLayout *
rowstore_layout(const RowStore *s)
{
    return &s->layout;
}

int64_t
rowstore_count(const RowStore *s)
{
    return s->nrows;
}

size_t
rowstore_bytes(const RowStore *s)
{
    return s->bytes;
}

int64_t
rowstore_spilled(const RowStore *s)
{
    return s->file != NULL ? spill_bytes(s->file) : 0;
}

static void
free_strs(RowStore *s, RowChunk *c)
{
    for (StrBlock *b = c->strs, *next; b != NULL; b = next) {
        next = b->next;
        s->bytes -= sizeof(*b) + b->cap;
        mem_free(s->account, b, sizeof(*b) + b->cap);
    }
    c->strs = NULL;
}

static void
free_rows(RowStore *s, RowChunk *c)
{
    free_strs(s, c);
    if (c->rows == NULL) return;
    size_t nbytes = (size_t)c->cap * s->layout.row_bytes;
    s->bytes -= nbytes;
    mem_free(s->account, c->rows, nbytes);
    c->rows = NULL;
}

void
rowstore_reset(RowStore *s)
{
    s->nrows = 0;
    s->hint = 0;
    s->nloaded = 0;
    for (int i = s->nchunks - 1; i >= 1; i--) free_rows(s, &s->chunks[i]);
    if (s->nchunks > 0) {
        RowChunk *c = &s->chunks[0];
        free_strs(s, c);
        c->nrows = 0;
        c->str_bytes = 0;
        c->file_offset = -1;
        s->nchunks = c->rows != NULL ? 1 : 0;
    }
    spill_close(s->file);
    s->file = NULL;
}

void
rowstore_free(RowStore *s)
{
    if (s == NULL) return;
    for (int i = 0; i < s->nchunks; i++) free_rows(s, &s->chunks[i]);
    s->nchunks = 0;
    s->nrows = 0;
    spill_close(s->file);
    s->file = NULL;
}

static char *
str_room(RowStore *s, RowChunk *c, size_t nbytes)
{
    StrBlock *b = c->strs;
    if (b == NULL || b->cap - b->used < nbytes) {
        size_t cap = b == NULL ? STR_BLOCK_MIN : b->cap * 2;
        if (cap > STR_BLOCK_MAX) cap = STR_BLOCK_MAX;
        if (cap < nbytes) cap = nbytes;
        StrBlock *fresh = mem_alloc(s->account, sizeof(*fresh) + cap);
        if (fresh == NULL) return NULL;
        s->bytes += sizeof(*fresh) + cap;
        fresh->used = 0;
        fresh->cap = cap;
        fresh->next = b;
        c->strs = b = fresh;
    }
    char *p = b->data + b->used;
    b->used += nbytes;
    c->str_bytes += nbytes;
    return p;
}

/* The bytes a row points to, if any: the address of the Str. */
static Str *
row_str(const RowLayout *l, int c, char *row)
{
    if (row_is_null(l, c, row)) return NULL;
    char *slot = row + l->cols[c].offset;
    if (l->cols[c].is_numeric && ((NumSlot *)slot)->phys != PHYS_STR) return NULL;
    Str *str = (Str *)slot;
    return str->len > STR_INLINE_MAX ? str : NULL;
}

/* Writes a chunk: its rows, then its strings in the order of rows and columns. */
static Status
write_chunk(RowStore *s, RowChunk *c)
{
    const RowLayout *l = &s->layout;
    if (c->file_offset >= 0) return QN_OK;
    if (s->file == NULL) TRY(spill_open(s->ctx, &s->file));
    int64_t at;
    TRY(spill_write(s->file, c->rows, (size_t)c->nrows * l->row_bytes, &at));
    for (int r = 0; r < c->nrows && l->nvar > 0; r++) {
        char *row = c->rows + (size_t)r * l->row_bytes;
        for (int v = 0; v < l->nvar; v++) {
            const Str *str = row_str(l, l->var_cols[v], row);
            if (str != NULL) TRY(spill_write(s->file, str->ptr, str->len, NULL));
        }
    }
    c->file_offset = at;
    return QN_OK;
}

static Status
load_chunk(RowStore *s, RowChunk *c)
{
    const RowLayout *l = &s->layout;
    size_t nbytes = (size_t)c->nrows * l->row_bytes;
    if (s->nloaded >= MAX_LOADED) {
        RowChunk *oldest = NULL;
        for (int i = 0; i < s->nchunks; i++) {
            RowChunk *o = &s->chunks[i];
            if (o->rows != NULL && o->file_offset >= 0 && (oldest == NULL || o->used_at < oldest->used_at))
                oldest = o;
        }
        if (oldest != NULL) {
            free_rows(s, oldest);
            s->nloaded--;
        }
    }
    c->cap = c->nrows;
    TRY_ALLOC(s->ctx, c->rows, mem_alloc(s->account, nbytes));
    s->bytes += nbytes;
    s->nloaded++;
    TRY(spill_read(s->file, c->file_offset, c->rows, nbytes));
    if (c->str_bytes == 0) return QN_OK;
    StrBlock *b;
    TRY_ALLOC(s->ctx, b, mem_alloc(s->account, sizeof(*b) + c->str_bytes));
    s->bytes += sizeof(*b) + c->str_bytes;
    b->next = NULL;
    b->used = b->cap = c->str_bytes;
    c->strs = b;
    TRY(spill_read(s->file, c->file_offset + (int64_t)nbytes, b->data, c->str_bytes));
    char *p = b->data;
    for (int r = 0; r < c->nrows; r++) {
        char *row = c->rows + (size_t)r * l->row_bytes;
        for (int v = 0; v < l->nvar; v++) {
            Str *str = row_str(l, l->var_cols[v], row);
            if (str == NULL) continue;
            str->ptr = p;
            p += str->len;
        }
    }
    return QN_OK;
}

Status
rowstore_flush(RowStore *s)
{
    for (int i = 0; i < s->nchunks; i++) {
        RowChunk *c = &s->chunks[i];
        if (c->rows == NULL) continue;
        bool was_loaded = c->file_offset >= 0;
        TRY(write_chunk(s, c));
        free_rows(s, c);
        if (was_loaded) s->nloaded--;
    }
    return QN_OK;
}

/* A chunk with room for at least one more row. */
static Status
open_chunk(RowStore *s, RowChunk **out)
{
    const RowLayout *l = &s->layout;
    RowChunk *last = s->nchunks > 0 ? &s->chunks[s->nchunks - 1] : NULL;
    if (last != NULL && last->rows != NULL && last->file_offset < 0 && last->nrows < last->cap) {
        *out = last;
        return QN_OK;
    }
    if (s->limit != 0 && s->bytes > s->limit) TRY(rowstore_flush(s));
    if (s->nchunks == s->chunks_cap) {
        int cap = s->chunks_cap != 0 ? s->chunks_cap * 2 : 4;
        RowChunk *p;
        TRY_ALLOC(s->ctx, p, arena_realloc(s->arena, s->chunks, (size_t)s->chunks_cap * sizeof(*p),
                                           (size_t)cap * sizeof(*p)));
        s->chunks = p;
        s->chunks_cap = cap;
    }
    int rows = FIRST_ROWS;
    if (last != NULL) rows = last->cap > (1 << 20) ? last->cap : last->cap * 2;
    int most = (int)(CHUNK_BYTES / l->row_bytes);
    if (most < FIRST_ROWS) most = FIRST_ROWS;
    if (rows > most) rows = most;
    RowChunk *c = &s->chunks[s->nchunks];
    memset(c, 0, sizeof(*c));
    size_t nbytes = (size_t)rows * l->row_bytes;
    TRY_ALLOC(s->ctx, c->rows, mem_alloc(s->account, nbytes));
    s->bytes += nbytes;
    c->cap = rows;
    c->first = s->nrows;
    c->file_offset = -1;
    s->nchunks++;
    *out = c;
    return QN_OK;
}

#define PUT(T)                                                                                     \
    do {                                                                                           \
        const T *d_ = src->data;                                                                   \
        for (int k = 0; k < n; k++) {                                                              \
            int i = exec_row(sel, k);                                                              \
            *(T *)(rows[k] + off) = d_[codes != NULL ? codes[i] : (uint32_t)(i & mask)];           \
        }                                                                                          \
    } while (0)

static Status
put_strs(RowStore *s, RowChunk *chunk, const Vector *v, const Vector *src, const uint16_t *sel, int n,
         char *const *rows, uint32_t off)
{
    const Str *d = src->data;
    for (int k = 0; k < n; k++) {
        int i = exec_row(sel, k);
        Str str = d[vec_index(v, i)];
        if (str.len > STR_INLINE_MAX) {
            if (vec_is_null(v, i)) {
                memset(&str, 0, sizeof(str));
            } else {
                char *p = str_room(s, chunk, str.len);
                if (p == NULL) return RAISE_OOM(s->ctx);
                memcpy(p, str.ptr, str.len);
                str.ptr = p;
            }
        }
        memcpy(rows[k] + off, &str, sizeof(str));
    }
    return QN_OK;
}

/* Numerics: the form travels with each value. */
static Status
put_numerics(RowStore *s, RowChunk *chunk, const Vector *v, const Vector *src, const uint16_t *sel, int n,
             char *const *rows, uint32_t off)
{
    if (src->phys == PHYS_STR) {
        TRY(put_strs(s, chunk, v, src, sel, n, rows, off));
    } else {
        uint32_t w = phys_width[src->phys];
        for (int k = 0; k < n; k++) {
            const char *at = (const char *)src->data + (size_t)vec_index(v, exec_row(sel, k)) * w;
            if (w == 8) memcpy(rows[k] + off, at, 8);
            else memcpy(rows[k] + off, at, 16);
        }
    }
    for (int k = 0; k < n; k++) {
        NumSlot *slot = (NumSlot *)(rows[k] + off);
        slot->phys = src->phys;
        slot->pad = 0;
        slot->scale = src->scale;
        slot->pad2 = 0;
    }
    return QN_OK;
}

/* Rows sel[0..n) of v to column c of rows[0..n), whose NULL bits are clear. */
static Status
put_column(RowStore *s, RowChunk *chunk, int c, const Vector *v, const uint16_t *sel, int n, char *const *rows)
{
    const RowLayout *l = &s->layout;
    const RowCol *col = &l->cols[c];
    const Vector *src = v->shape == VEC_DICT ? v->dict : v;
    const uint32_t *codes = v->shape == VEC_DICT ? v->codes : NULL;
    int mask = v->shape == VEC_CONST ? 0 : -1;
    uint32_t off = col->offset;
    if (v->shape == VEC_CONST && vec_is_null(v, 0)) {
        for (int k = 0; k < n; k++) memset(rows[k] + off, 0, slot_bytes(col));
    } else if (col->is_numeric) {
        TRY(put_numerics(s, chunk, v, src, sel, n, rows, off));
    } else {
        assert(phys_width[src->phys] == phys_width[col->phys]);
        switch (col->phys) {
        case PHYS_BOOL: PUT(uint8_t); break;
        case PHYS_I16: PUT(uint16_t); break;
        case PHYS_I32:
        case PHYS_F32: PUT(uint32_t); break;
        case PHYS_I64:
        case PHYS_F64: PUT(uint64_t); break;
        case PHYS_STR: TRY(put_strs(s, chunk, v, src, sel, n, rows, off)); break;
        case PHYS_NONE: break;
        default:
            for (int k = 0; k < n; k++)
                memcpy(rows[k] + off, (const char *)src->data + (size_t)vec_index(v, exec_row(sel, k)) * 16, 16);
        }
    }
    if (v->valid == NULL) return QN_OK;
    uint32_t byte = l->nulls_offset + (uint32_t)(c >> 3);
    for (int k = 0; k < n; k++)
        ((uint8_t *)rows[k])[byte] |= (uint8_t)(vec_is_null(v, exec_row(sel, k)) << (c & 7));
    return QN_OK;
}

Status
rowstore_put_rows(RowStore *s, char *const *rows, Vector *const *cols, int ncols, const uint16_t *sel, int n)
{
    if (n == 0) return QN_OK;
    RowChunk *chunk = &s->chunks[s->nchunks - 1];
    for (int i = 0; i < ncols; i++) TRY(put_column(s, chunk, i, cols[i], sel, n, rows));
    return QN_OK;
}

char *
rowstore_alloc_row(RowStore *s)
{
    RowChunk *c = s->nchunks > 0 ? &s->chunks[s->nchunks - 1] : NULL;
    if (c == NULL || c->rows == NULL || c->file_offset >= 0 || c->nrows == c->cap)
        if (open_chunk(s, &c) != QN_OK) return NULL;
    char *row = c->rows + (size_t)c->nrows * s->layout.row_bytes;
    memset(row, 0, s->layout.row_bytes);
    c->nrows++;
    s->nrows++;
    return row;
}

Status
rowstore_append_rows(RowStore *s, Vector *const *cols, const uint16_t *sel, int n, char **rows_out)
{
    const RowLayout *l = &s->layout;
    char *room[BATCH_ROWS], **rows = rows_out != NULL ? rows_out : room;
    uint16_t dense[BATCH_ROWS];
    for (int from = 0; from < n;) {
        RowChunk *c;
        TRY(open_chunk(s, &c));
        int m = c->cap - c->nrows;
        if (m > n - from) m = n - from;
        char *base = c->rows + (size_t)c->nrows * l->row_bytes;
        for (int k = 0; k < m; k++) rows[from + k] = base + (size_t)k * l->row_bytes;
        if (l->head_bytes != 0 || l->tail_offset < l->row_bytes) {
            memset(base, 0, (size_t)m * l->row_bytes);
        } else {
            uint32_t nulls = (uint32_t)(l->ncols + 7) / 8;
            for (int k = 0; k < m; k++) memset(base + (size_t)k * l->row_bytes + l->nulls_offset, 0, nulls);
        }
        const uint16_t *part = sel != NULL ? sel + from : NULL;
        if (sel == NULL && from > 0) {
            for (int k = 0; k < m; k++) dense[k] = (uint16_t)(from + k);
            part = dense;
        }
        for (int i = 0; i < l->ncols; i++) TRY(put_column(s, c, i, cols[i], part, m, rows + from));
        c->nrows += m;
        s->nrows += m;
        from += m;
    }
    return QN_OK;
}

Status
rowstore_append(RowStore *s, const Batch *b)
{
    assert(b->ncols >= s->layout.ncols);
    return rowstore_append_rows(s, b->cols, b->sel, b->nsel, NULL);
}

Status
rowstore_append_raw(RowStore *s, const char *row, char **row_out)
{
    const RowLayout *l = &s->layout;
    RowChunk *c;
    TRY(open_chunk(s, &c));
    char *to = c->rows + (size_t)c->nrows * l->row_bytes;
    memcpy(to, row, l->row_bytes);
    for (int v = 0; v < l->nvar; v++) {
        Str *str = row_str(l, l->var_cols[v], to);
        if (str == NULL) continue;
        char *p = str_room(s, c, str->len);
        if (p == NULL) return RAISE_OOM(s->ctx);
        memcpy(p, str->ptr, str->len);
        str->ptr = p;
    }
    c->nrows++;
    s->nrows++;
    if (row_out != NULL) *row_out = to;
    return QN_OK;
}

/* The chunk that holds a row, in memory. */
static Status
find_chunk(RowStore *s, int64_t number, RowChunk **out)
{
    int i = s->hint;
    if (i >= s->nchunks || number < s->chunks[i].first) i = -1;
    else if (number >= s->chunks[i].first + s->chunks[i].nrows) {
        i++;
        if (i >= s->nchunks || number >= s->chunks[i].first + s->chunks[i].nrows) i = -1;
    }
    if (i < 0) {
        int lo = 0, hi = s->nchunks - 1;
        while (lo < hi) {
            int mid = (lo + hi + 1) / 2;
            if (s->chunks[mid].first <= number) lo = mid;
            else hi = mid - 1;
        }
        i = lo;
    }
    RowChunk *c = &s->chunks[i];
    s->hint = i;
    if (c->rows == NULL) TRY(load_chunk(s, c));
    c->used_at = ++s->clock;
    *out = c;
    return QN_OK;
}

Status
rowstore_row(RowStore *s, int64_t number, char **row_out)
{
    RowChunk *c;
    assert(number >= 0 && number < s->nrows);
    TRY(find_chunk(s, number, &c));
    *row_out = c->rows + (size_t)(number - c->first) * s->layout.row_bytes;
    return QN_OK;
}

Status
rowstore_run(RowStore *s, int64_t from, char **row_out, int *n_out)
{
    RowChunk *c;
    *n_out = 0;
    if (from >= s->nrows) return QN_OK;
    TRY(find_chunk(s, from, &c));
    *row_out = c->rows + (size_t)(from - c->first) * s->layout.row_bytes;
    *n_out = (int)(c->first + c->nrows - from);
    return QN_OK;
}

Status
rowstore_read(RowStore *s, int64_t from, int max, Batch *out, int *n_out)
{
    const RowLayout *l = &s->layout;
    char *rows[BATCH_ROWS], *base;
    int n;
    TRY(rowstore_run(s, from, &base, &n));
    if (n > max) n = max;
    if (n > BATCH_ROWS) n = BATCH_ROWS;
    *n_out = n;
    if (n == 0) return QN_OK;
    for (int i = 0; i < n; i++) rows[i] = base + (size_t)i * l->row_bytes;
    if (!exec_batch_reserve(out, n)) return RAISE_OOM(s->ctx);
    for (int c = 0; c < l->ncols && c < out->ncols; c++)
        TRY(row_gather(s->ctx, out->arena, l, c, rows, n, out->cols[c]));
    out->nrows = out->nsel = n;
    out->sel = NULL;
    return QN_OK;
}

#define GATHER(T)                                                                                  \
    do {                                                                                           \
        T *d_ = out->data;                                                                         \
        if (at == NULL) {                                                                          \
            for (int i = 0; i < n; i++)                                                            \
                if (rows[i] != NULL) d_[i] = *(const T *)(rows[i] + off);                          \
        } else {                                                                                   \
            for (int i = 0; i < n; i++)                                                            \
                if (rows[i] != NULL) d_[at[i]] = *(const T *)(rows[i] + off);                      \
        }                                                                                          \
    } while (0)

static Status
gather_numerics(Ctx *ctx, Arena *arena, const RowLayout *l, int c, char *const *rows, const uint16_t *at, int n,
                Vector *out)
{
    uint32_t off = l->cols[c].offset;
    const NumSlot *first = NULL;
    bool same = true;
    for (int i = 0; i < n; i++) {
        if (rows[i] == NULL || row_is_null(l, c, rows[i])) continue;
        const NumSlot *slot = (const NumSlot *)(rows[i] + off);
        if (first == NULL) first = slot;
        same &= slot->phys == first->phys && (slot->phys == PHYS_STR || slot->scale == first->scale);
    }
    if (first == NULL) return QN_OK;
    if (same) {
        out->phys = first->phys;
        out->scale = first->phys == PHYS_STR ? 0 : first->scale;
        if (first->phys == PHYS_I64) GATHER(int64_t);
        else GATHER(Uuid);
        return QN_OK;
    }
    for (int i = 0; i < n; i++) {
        Value v = rows[i] != NULL ? row_get(l, c, rows[i]) : value_null(TYPE_NUMERIC);
        TRY(exec_numeric_to_str(ctx, arena, &v));
        if (!v.is_null) ((Str *)out->data)[exec_row(at, i)] = v.str;
    }
    return QN_OK;
}

Status
row_gather_at(Ctx *ctx, Arena *arena, const RowLayout *l, int c, char *const *rows, const uint16_t *at, int n,
              Vector *out)
{
    const RowCol *col = &l->cols[c];
    uint32_t off = col->offset;
    vec_reset(out, (Phys)col->phys);
    uint32_t byte = l->nulls_offset + (uint32_t)(c >> 3);
    for (int i = 0; i < n; i++) {
        if (rows[i] != NULL && (((const uint8_t *)rows[i])[byte] >> (c & 7) & 1) == 0) continue;
        vec_set_null(out, exec_row(at, i));
        if (col->phys == PHYS_STR) memset((Str *)out->data + exec_row(at, i), 0, sizeof(Str));
    }
    if (col->is_numeric) return gather_numerics(ctx, arena, l, c, rows, at, n, out);
    switch (col->phys) {
    case PHYS_BOOL: GATHER(uint8_t); break;
    case PHYS_I16: GATHER(uint16_t); break;
    case PHYS_I32:
    case PHYS_F32: GATHER(uint32_t); break;
    case PHYS_I64:
    case PHYS_F64: GATHER(uint64_t); break;
    case PHYS_NONE: break;
    default: GATHER(Uuid);
    }
    return QN_OK;
}

Status
row_gather(Ctx *ctx, Arena *arena, const RowLayout *l, int c, char *const *rows, int n, Vector *out)
{
    return row_gather_at(ctx, arena, l, c, rows, NULL, n, out);
}

Value
row_get(const RowLayout *l, int c, const char *row)
{
    const RowCol *col = &l->cols[c];
    const char *at = row + col->offset;
    Value v = value_null(col->type);
    if (row_is_null(l, c, row)) return v;
    v.is_null = false;
    v.phys = col->phys;
    if (col->is_numeric) {
        v.phys = ((const NumSlot *)at)->phys;
        v.scale = ((const NumSlot *)at)->scale;
    }
    memcpy(&v.i128, at, phys_width[v.phys]);
    return v;
}
