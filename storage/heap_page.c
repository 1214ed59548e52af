/* heap_page.c - work on the bytes of a heap page: laying it out, putting rows in, reading columns
 * out, and the form rows have in the log. The page layout is drawn in heap_format.h. Nothing here
 * latches or logs. */
#include "storage/heap_priv.h"
#include "types/numeric.h"

#include "storage/keycodec.h"

#define ALIGN_UP(n, a) (((uint32_t)(n) + (uint32_t)(a)-1) & ~((uint32_t)(a)-1))

/* ---- layout of a page ---- */

bool
heap_page_format(HeapPage *p, uint32_t page_bytes, uint32_t layout, const uint8_t *phys, int ncols,
                 uint32_t capacity, Xid xid_base)
{
    uint32_t valid_stride = capacity < 64 ? (capacity + 7) / 8 : ALIGN_UP((capacity + 7) / 8, 8);
    uint32_t at = ALIGN_UP(sizeof(HeapPage) + sizeof(HeapColumn) * (uint32_t)ncols, 8);
    uint32_t arrays = at, valid, end = page_bytes - HEAP_PAD;
    HeapColumn *cols = p->cols;

    if (at >= end || capacity > HEAP_SLOTS_MAX) return false;
    at += capacity * HEAP_SLOT_BYTES;
    valid = at = ALIGN_UP(at, 8);
    at += valid_stride * (uint32_t)ncols;
    for (uint32_t width = 16; width != 0; width >>= 1) {
        bool aligned = false;
        for (int c = 0; c < ncols; c++) {
            if (heap_phys_bytes(phys[c]) != width) continue;
            if (!aligned) at = ALIGN_UP(at, width);
            aligned = true;
            if (at + width * capacity > end) return false;
            cols[c] = (HeapColumn){.values = (uint16_t)at, .phys = phys[c]};
            at += width * capacity;
        }
    }
    if (at > end) return false;
    for (int c = 0; c < ncols; c++)
        if (phys[c] == PHYS_NONE) cols[c] = (HeapColumn){.phys = PHYS_NONE};
    p->page.flags &= (uint8_t)~PAGE_FLAG_BLANK;
    p->xid_base = xid_base;
    p->layout = layout;
    p->ncols = (uint16_t)ncols;
    p->capacity = (uint16_t)capacity;
    p->nslots = p->nfree = p->nspecial = p->nended = 0;
    p->xmin_min = p->xmin_max = 0;
    p->var_begin = end;
    p->var_dead = 0;
    p->valid = valid;
    p->valid_stride = (uint16_t)valid_stride;
    p->arrays = (uint16_t)arrays;
    p->fixed_end = at;
    p->xmax_min = 0;
    p->page.gap_begin = (uint16_t)at;
    p->page.gap_bytes = (uint16_t)(end - at);
    return true;
}

/* Whether a page of that many slots has room for them, arrays and var_avg bytes each. */
static bool
capacity_fits(const Heap *heap, uint32_t capacity, uint32_t var_avg)
{
    uint32_t ncols = (uint32_t)heap->layout->ncols;
    uint32_t stride = capacity < 64 ? (capacity + 7) / 8 : ALIGN_UP((capacity + 7) / 8, 8);
    uint64_t need = ALIGN_UP(sizeof(HeapPage) + sizeof(HeapColumn) * ncols, 8) + 8 + 32 + HEAP_PAD;
    need += (uint64_t)capacity * (heap->slot_bytes + var_avg) + (uint64_t)stride * ncols;
    return need <= heap->page_bytes;
}

uint32_t
heap_page_capacity(const Heap *heap, uint32_t var_avg)
{
    uint32_t low = 1, high = HEAP_SLOTS_MAX;
    while (low < high) {
        uint32_t mid = (low + high + 1) / 2;
        if (capacity_fits(heap, mid, var_avg))
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

Status
heap_page_check(Ctx *ctx, const Heap *heap, const PageRef *ref)
{
    const HeapPage *p = heap_page(ref);
    TRY(page_check(ctx, ref, heap->desc.root_page, PAGE_HEAP));
    if (heap_page_is_blank(p)) return QN_OK;
    bool ok = p->nslots <= p->capacity && p->capacity <= HEAP_SLOTS_MAX &&
              p->fixed_end <= p->var_begin && p->var_begin <= heap->page_bytes - HEAP_PAD &&
              p->arrays >= sizeof(HeapPage) + sizeof(HeapColumn) * p->ncols &&
              p->arrays + p->capacity * (uint32_t)HEAP_SLOT_BYTES <= p->valid &&
              p->valid + (uint32_t)p->valid_stride * p->ncols <= p->fixed_end &&
              p->valid_stride * 8u >= p->capacity;
    for (int c = 0; ok && c < p->ncols; c++)
        ok = p->cols[c].phys < PHYS_COUNT &&
             p->cols[c].values + heap_phys_bytes(p->cols[c].phys) * p->capacity <= p->fixed_end;
    if (!ok)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid page %u of relation \"%s\"", ref->number,
                     heap->desc.name);
    return QN_OK;
}

/* What is left of a page's slots or bytes when the reserve of all it has is taken off. */
static uint32_t
less_reserve(const Heap *heap, uint32_t left, uint32_t all)
{
    uint32_t kept = all * (uint32_t)heap->reserve / 100;
    return left > kept ? left - kept : 0;
}

uint32_t
heap_page_free_bytes(const Heap *heap, const HeapPage *p)
{
    if (heap_page_is_blank(p)) return heap->page_bytes - PAGE_BODY;
    uint32_t slots = less_reserve(heap, (uint32_t)(p->capacity - p->nslots + p->nfree), p->capacity);
    uint32_t left = less_reserve(heap, p->var_begin - p->fixed_end, heap->page_bytes - HEAP_PAD - p->fixed_end);
    return slots == 0 ? 0 : slots * heap->slot_bytes + left;
}

/* ---- rows on their way in ---- */

static Status
scratch_arena(Ctx *ctx, HeapRows *rows)
{
    if (rows->arena == NULL) TRY_ALLOC(ctx, rows->arena, arena_create(NULL, "heap rows"));
    return QN_OK;
}

/* A numeric vector in another form than the column's, as the column stores it: NaN is the smallest
 * integer. */
static Status
convert_numeric(Ctx *ctx, const LayoutColumn *c, const Vector *v, HeapRows *rows, Vector **out)
{
    int nrows = 0;
    for (int i = 0; i < rows->n; i++) {
        int row = rows->sel != NULL ? rows->sel[i] : i;
        if (row >= nrows) nrows = row + 1;
    }
    Vector *to;
    TRY_ALLOC(ctx, to, vec_create(rows->arena, c->type, nrows < 1 ? 1 : nrows));
    if (c->phys == PHYS_STR) {
        /* An unconstrained column keeps every display scale: the variable form. */
        *out = to;
        return numeric_vec_convert(ctx, rows->arena, v, rows->sel, rows->n, PHYS_STR, 0, to);
    }
    vec_reset(to, (Phys)c->phys);
    to->scale = c->scale;
    for (int i = 0; i < rows->n; i++) {
        int row = rows->sel != NULL ? rows->sel[i] : i;
        if (vec_is_null(v, row)) {
            vec_set_null(to, row);
            continue;
        }
        Value val = vec_get(v, row);
        int128 u;
        bool nan;
        TRY(key_numeric_to_scale(ctx, &val, c->phys == PHYS_I128, c->scale, &u, &nan));
        if (c->phys == PHYS_I64)
            ((int64_t *)to->data)[row] = nan ? INT64_MIN : (int64_t)u;
        else
            ((int128 *)to->data)[row] = nan ? INT128_MIN : u;
    }
    *out = to;
    return QN_OK;
}

static Status
convert_columns(Ctx *ctx, const Heap *heap, HeapRows *rows)
{
    Vector **own = NULL;
    for (int c = 0; c < rows->ncols; c++) {
        const LayoutColumn *lc = &heap->layout->cols[c];
        const Vector *v = rows->cols[c];
        if (v == NULL || lc->phys == PHYS_NONE) continue;
        bool numeric = lc->type == TYPE_NUMERIC && lc->phys != PHYS_STR;
        if (v->phys == lc->phys && (!numeric || v->scale == lc->scale)) continue;
        if (lc->type != TYPE_NUMERIC)
            return RAISE_INTERNAL(ctx,
                                  "column %d of relation \"%s\" is given values of another form",
                                  c + 1, heap->desc.name);
        TRY(scratch_arena(ctx, rows));
        if (own == NULL) {
            TRY_ALLOC(
                ctx, own,
                arena_memdup(rows->arena, rows->cols, sizeof(Vector *) * (size_t)rows->ncols));
            rows->cols = own;
        }
        TRY(convert_numeric(ctx, lc, v, rows, &own[c]));
    }
    return QN_OK;
}

static inline const Str *
row_str(const Vector *v, int row)
{
    const Str *src = v->shape == VEC_DICT ? v->dict->data : v->data;
    return &src[vec_index(v, row)];
}

/* The value of column col in row i is at ref. */
static Status
note_out(Ctx *ctx, HeapRows *rows, int col, int i, const OverflowRef *ref)
{
    uint32_t nbytes = row_str(rows->cols[col], rows->sel != NULL ? rows->sel[i] : i)->len;
    TRY(scratch_arena(ctx, rows));
    if (rows->overflow == NULL)
        TRY_ALLOC(ctx, rows->overflow, ARENA_ARRAY(rows->arena, OverflowRef *, rows->ncols));
    if (rows->overflow[col] == NULL)
        TRY_ALLOC(ctx, rows->overflow[col], ARENA_ARRAY(rows->arena, OverflowRef, rows->n));
    rows->overflow[col][i] = *ref;
    rows->var_bytes[i] += (uint32_t)sizeof(OverflowRef) - nbytes;
    return QN_OK;
}

static Status
move_out(Ctx *ctx, Heap *heap, HeapRows *rows, int col, int i)
{
    const Str *s = row_str(rows->cols[col], rows->sel != NULL ? rows->sel[i] : i);
    OverflowRef ref;
    TRY(overflow_write(ctx, heap->rel, str_data(s), s->len, &ref));
    return note_out(ctx, rows, col, i, &ref);
}

bool
heap_slot_overflow(const HeapPage *p, uint32_t slot, int col, OverflowRef *out)
{
    if (p->cols[col].phys != PHYS_STR || (p->cols[col].flags & HCOL_OVERFLOW) == 0 ||
        !heap_valid_get(heap_valid(p, col), slot - 1))
        return false;
    VarRef r = ((const VarRef *)heap_values(p, col))[slot - 1];
    if (r.nbytes != VAR_OVERFLOW) return false;
    memcpy(out, (const uint8_t *)p + r.offset, sizeof(*out));
    return true;
}

/* Takes over what the old version of row i has on overflow pages in columns that stay as they were. Its page is latched. */
static Status
share_row(Ctx *ctx, const Heap *heap, const HeapPage *p, HeapRows *rows, int i)
{
    uint32_t slot = tid_slot(rows->old[i]);
    if (heap_page_is_blank(p) || slot == 0 || slot > p->nslots ||
        (heap_flags(p)[slot - 1] & SLOT_STATE) != SLOT_NORMAL)
        return QN_OK; /* it will be found gone */
    for (int c = 0; c < rows->ncols && c < p->ncols; c++) {
        OverflowRef ref;
        if (bits_get(rows->changed, (size_t)c) || heap->phys[c] != PHYS_STR || rows->cols[c] == NULL ||
            !heap_slot_overflow(p, slot, c, &ref))
            continue;
        TRY(note_out(ctx, rows, c, i, &ref));
    }
    return QN_OK;
}

static Status
share_rows(Ctx *ctx, const Heap *heap, HeapRows *rows)
{
    for (int i = 0; i < rows->n;) {
        PageRef page = PAGE_REF_NONE;
        PageNo number = tid_page(rows->old[i]);
        TRY(page_fix(ctx, number, FIX_SHARED, &page));
        Status st = heap_page_check(ctx, heap, &page);
        for (; st == QN_OK && i < rows->n && tid_page(rows->old[i]) == number; i++)
            st = share_row(ctx, heap, heap_page(&page), rows, i);
        page_unfix(&page);
        TRY(st);
    }
    return QN_OK;
}

/* Sends a row's values to overflow pages, the widest first, until it fits a page of its own. */
static Status
shrink_row(Ctx *ctx, Heap *heap, HeapRows *rows, int i, uint32_t room)
{
    int row = rows->sel != NULL ? rows->sel[i] : i;
    while (rows->var_bytes[i] > room) {
        int widest = -1;
        uint32_t most = sizeof(OverflowRef);
        for (int c = 0; c < rows->ncols; c++) {
            const Vector *v = rows->cols[c];
            if (heap->phys[c] != PHYS_STR || v == NULL || vec_is_null(v, row) || heap_row_is_out(rows, c, i))
                continue;
            uint32_t nbytes = row_str(v, row)->len;
            if (nbytes > most) most = nbytes, widest = c;
        }
        if (widest < 0)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                         "row is too big: size %u, maximum size %u",
                         rows->var_bytes[i] + heap->slot_bytes, room + heap->slot_bytes);
        TRY(move_out(ctx, heap, rows, widest, i));
    }
    return QN_OK;
}

/* Variable bytes of each row, and what goes out of line. */
static Status
measure_rows(Ctx *ctx, Heap *heap, HeapRows *rows)
{
    uint8_t widths = 0; /* bit 0: some value is wider than a page takes */
    uint32_t room = 0, most = 0;
    memset(rows->var_bytes, 0, sizeof(uint32_t) * (size_t)rows->n);
    for (int c = 0; c < rows->ncols; c++) {
        const Vector *v = rows->cols[c];
        if (heap->phys[c] != PHYS_STR || v == NULL) continue;
        const Str *src = v->shape == VEC_DICT ? v->dict->data : v->data;
        for (int i = 0; i < rows->n; i++) {
            int row = rows->sel != NULL ? rows->sel[i] : i;
            if (v->valid != NULL && vec_is_null(v, row)) continue;
            uint32_t nbytes = src[vec_index(v, row)].len;
            widths |= nbytes > heap->value_max;
            rows->var_bytes[i] += nbytes;
        }
    }
    for (int i = 0; i < rows->n; i++)
        if (rows->var_bytes[i] > most) most = rows->var_bytes[i];
    bool wide = widths != 0 || !capacity_fits(heap, 1, most);
    if (wide && rows->changed != NULL) TRY(share_rows(ctx, heap, rows));
    if (widths != 0)
        for (int c = 0; c < rows->ncols; c++) {
            const Vector *v = rows->cols[c];
            if (heap->phys[c] != PHYS_STR || v == NULL) continue;
            for (int i = 0; i < rows->n; i++) {
                int row = rows->sel != NULL ? rows->sel[i] : i;
                if (!vec_is_null(v, row) && row_str(v, row)->len > heap->value_max &&
                    !heap_row_is_out(rows, c, i))
                    TRY(move_out(ctx, heap, rows, c, i));
            }
        }
    if (!wide) return QN_OK;
    while (capacity_fits(heap, 1, room + 64)) room += 64;
    for (int i = 0; i < rows->n; i++) TRY(shrink_row(ctx, heap, rows, i, room));
    return QN_OK;
}

Status
heap_rows_begin(Ctx *ctx, Heap *heap, const Batch *batch, const Tid *old, const uint64_t *changed,
                HeapRows *rows)
{
    rows->n = batch->nsel;
    rows->ncols = heap->layout->ncols;
    rows->sel = batch->sel;
    rows->cols = batch->cols;
    rows->var_bytes = NULL;
    rows->overflow = NULL;
    rows->arena = NULL;
    rows->old = old;
    rows->changed = changed;
    if (batch->ncols != rows->ncols)
        return RAISE_INTERNAL(ctx, "relation \"%s\" has %d columns, the rows %d", heap->desc.name,
                              rows->ncols, batch->ncols);
    if (!capacity_fits(heap, 1, 0))
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "row is too big: size %u, maximum size %u",
                     heap->slot_bytes, heap->page_bytes);
    TRY(convert_columns(ctx, heap, rows));
    if (heap->nvar > 0) {
        rows->var_bytes = rows->var_space;
        if (rows->n > BATCH_ROWS) {
            TRY(scratch_arena(ctx, rows));
            TRY_ALLOC(ctx, rows->var_bytes, ARENA_ARRAY(rows->arena, uint32_t, rows->n));
        }
        TRY(measure_rows(ctx, heap, rows));
    }
    return QN_OK;
}

void
heap_rows_end(HeapRows *rows)
{
    arena_destroy(rows->arena);
    rows->arena = NULL;
}

int
heap_page_room(const Heap *heap, const HeapPage *p, const HeapRows *rows, RowRange range, bool reuse, bool own)
{
    if (heap_page_is_blank(p) || p->layout != heap->layout->id) return 0;
    uint32_t slots = (uint32_t)(p->capacity - p->nslots) + (reuse ? p->nfree : 0u), left = p->var_begin - p->fixed_end;
    const bool is_empty = p->nslots == p->nfree;
    if (slots == 0) return 0;
    if (!own) {
        slots = less_reserve(heap, slots, p->capacity);
        left = less_reserve(heap, left, heap->page_bytes - HEAP_PAD - p->fixed_end);
    }
    int n = range.n, fit = 0;
    if ((uint32_t)n > slots) n = (int)slots;
    if (rows->var_bytes == NULL) fit = n;
    for (; fit < n; fit++) {
        uint32_t need = rows->var_bytes[range.ids != NULL ? range.ids[fit] : range.from + fit];
        if (need > left) break;
        left -= need;
    }
    /* The first row on a page may be as wide as that. */
    if (fit == 0 && !own && heap->reserve > 0 && is_empty) return heap_page_room(heap, p, rows, (RowRange){range.ids, range.from, 1}, reuse, true);
    return fit;
}

void
heap_page_take_slots(HeapPage *p, int n, uint16_t *slots)
{
    int k = 0;
    if (p->capacity - p->nslots < n) {
        const uint16_t *flags = heap_flags(p);
        for (int s = 0; s < p->nslots && k < n && p->nfree > 0; s++)
            if ((flags[s] & SLOT_STATE) == SLOT_UNUSED) {
                slots[k++] = (uint16_t)(s + 1);
                p->nfree--;
                p->nspecial--;
            }
    }
    while (k < n) slots[k++] = ++p->nslots;
}

/* ---- putting values in ---- */

#define PUT_FIXED(T)                                                                               \
    do {                                                                                           \
        T *to = values;                                                                            \
        const T *src = v->shape == VEC_DICT ? v->dict->data : v->data;                             \
        for (int i = 0; i < n; i++) {                                                              \
            int row = rowids != NULL ? rowids[i] : from + i;                                       \
            if (rows->sel != NULL) row = rows->sel[row];                                           \
            to[slots[i] - 1] = src[vec_index(v, row)];                                             \
        }                                                                                          \
    } while (0)

static void
put_fixed(const HeapRows *rows, const Vector *v, uint8_t phys, void *values, int from,
          const int *rowids, int n, const uint16_t *slots)
{
    bool in_line = v->shape == VEC_FLAT && rows->sel == NULL && rowids == NULL &&
                   slots[n - 1] - slots[0] == n - 1;
    if (in_line) {
        size_t w = phys_width[phys];
        memcpy((char *)values + w * (size_t)(slots[0] - 1),
               (const char *)v->data + w * (size_t)from, w * (size_t)n);
        return;
    }
    switch (phys_width[phys]) {
    case 1:
        PUT_FIXED(uint8_t);
        break;
    case 2:
        PUT_FIXED(uint16_t);
        break;
    case 4:
        PUT_FIXED(uint32_t);
        break;
    case 8:
        PUT_FIXED(uint64_t);
        break;
    default:
        PUT_FIXED(Uuid);
        break;
    }
}

static VarRef
put_bytes(HeapPage *p, const void *data, uint32_t nbytes)
{
    if (nbytes == 0) return (VarRef){0, 0};
    p->var_begin -= nbytes;
    memcpy((uint8_t *)p + p->var_begin, data, nbytes);
    return (VarRef){(uint16_t)p->var_begin, (uint16_t)nbytes};
}

static void
put_var(HeapPage *p, const HeapRows *rows, int col, const Vector *v, int from, const int *rowids,
        int n, const uint16_t *slots)
{
    VarRef *refs = heap_values(p, col);
    for (int i = 0; i < n; i++) {
        int id = rowids != NULL ? rowids[i] : from + i;
        int row = rows->sel != NULL ? rows->sel[id] : id;
        VarRef *ref = &refs[slots[i] - 1];
        if (v->valid != NULL && vec_is_null(v, row)) {
            *ref = (VarRef){0, 0};
        } else if (heap_row_is_out(rows, col, id)) {
            *ref = put_bytes(p, &rows->overflow[col][id], sizeof(OverflowRef));
            ref->nbytes = VAR_OVERFLOW;
            p->cols[col].flags |= HCOL_OVERFLOW;
        } else {
            const Str *s = row_str(v, row);
            *ref = put_bytes(p, str_data(s), s->len);
        }
    }
}

/* Sets the validity bits of the slots; v NULL: all NULL. */
static void
put_valid(HeapPage *p, const HeapRows *rows, int col, const Vector *v, int from, const int *rowids,
          int n, const uint16_t *slots)
{
    uint8_t *valid = heap_valid(p, col);
    if (v != NULL && v->valid == NULL) {
        for (int i = 0; i < n; i++) heap_valid_put(valid, slots[i] - 1u, true);
        return;
    }
    bool nulls = false;
    for (int i = 0; i < n; i++) {
        int row = rowids != NULL ? rowids[i] : from + i;
        if (rows->sel != NULL) row = rows->sel[row];
        bool ok = v != NULL && !vec_is_null(v, row);
        heap_valid_put(valid, slots[i] - 1u, ok);
        nulls |= !ok;
    }
    if (nulls) p->cols[col].flags |= HCOL_NULLS;
}

static bool
holds_nan(const HeapPage *p, int col, const uint16_t *slots, int n)
{
    bool nan = false;
    if (p->cols[col].phys == PHYS_I64) {
        const int64_t *values = heap_values(p, col);
        for (int i = 0; i < n; i++) nan |= values[slots[i] - 1] == INT64_MIN;
    } else if (p->cols[col].phys == PHYS_I128) {
        const int128 *values = heap_values(p, col);
        for (int i = 0; i < n; i++) nan |= values[slots[i] - 1] == INT128_MIN;
    }
    return nan;
}

/* The part of a tuple beside its columns. */
static void
start_tuples(HeapPage *p, const uint16_t *slots, int n, const uint16_t *flags, uint16_t flag,
             uint32_t xmin)
{
    uint32_t *xmins = heap_xmins(p), *xmaxs = heap_xmaxs(p), *next_pages = heap_next_pages(p);
    uint16_t *next_slots = heap_next_slots(p), *all = heap_flags(p);
    for (int i = 0; i < n; i++) {
        int s = slots[i] - 1;
        xmins[s] = xmin;
        xmaxs[s] = 0;
        next_pages[s] = 0;
        next_slots[s] = 0;
        all[s] = flags != NULL ? flags[i] : flag;
    }
    if (p->xmin_max == 0 || xmin < p->xmin_min) p->xmin_min = xmin;
    if (xmin > p->xmin_max) p->xmin_max = xmin;
    p->page.gap_bytes = (uint16_t)(p->var_begin - p->fixed_end);
}

void
heap_page_put(const Heap *heap, HeapPage *p, const HeapRows *rows, int from, const int *rowids,
              int n, const uint16_t *slots, uint16_t flags, uint32_t xmin)
{
    if (n == 0) return;
    for (int c = 0; c < p->ncols; c++) {
        const Vector *v = rows->cols[c];
        if (p->cols[c].phys == PHYS_NONE) continue;
        put_valid(p, rows, c, v, from, rowids, n, slots);
        if (p->cols[c].phys == PHYS_STR) {
            if (v != NULL) {
                put_var(p, rows, c, v, from, rowids, n, slots);
            } else {
                VarRef *refs = heap_values(p, c);
                for (int i = 0; i < n; i++) refs[slots[i] - 1] = (VarRef){0, 0};
            }
            continue;
        }
        if (v != NULL)
            put_fixed(rows, v, p->cols[c].phys, heap_values(p, c), from, rowids, n, slots);
        if (v != NULL && heap->layout->cols[c].type == TYPE_NUMERIC && holds_nan(p, c, slots, n))
            p->cols[c].flags |= HCOL_NAN;
    }
    start_tuples(p, slots, n, NULL, flags, xmin);
}

/* ---- rows in the log ----
 *
 *     slots[n] u16 | flags[n] u16 | for each stored column:
 *         its flags, u8 | with HCOL_NULLS (n + 7) / 8 bytes of validity |
 *         fixed width: the values; variable: nbytes[n] u16, then the bytes
 */

static inline uint8_t *
pack_bytes(uint8_t *out, const void *data, size_t nbytes)
{
    memcpy(out, data, nbytes);
    return out + nbytes;
}

size_t
heap_page_pack(const HeapPage *p, const uint16_t *slots, int n, uint8_t *out)
{
    uint8_t *o = pack_bytes(out, slots, 2 * (size_t)n);
    for (int i = 0; i < n; i++) o = pack_bytes(o, &heap_flags(p)[slots[i] - 1], 2);
    bool in_line = slots[n - 1] - slots[0] == n - 1;
    for (int c = 0; c < p->ncols; c++) {
        const HeapColumn *col = &p->cols[c];
        if (col->phys == PHYS_NONE) continue;
        *o++ = col->flags;
        if ((col->flags & HCOL_NULLS) != 0) {
            const uint8_t *valid = heap_valid(p, c);
            memset(o, 0, ((size_t)n + 7) / 8);
            for (int i = 0; i < n; i++)
                heap_valid_put(o, (uint32_t)i, heap_valid_get(valid, slots[i] - 1u));
            o += ((size_t)n + 7) / 8;
        }
        if (col->phys == PHYS_STR) {
            const VarRef *refs = heap_values(p, c);
            for (int i = 0; i < n; i++) o = pack_bytes(o, &refs[slots[i] - 1].nbytes, 2);
            for (int i = 0; i < n; i++) {
                VarRef r = refs[slots[i] - 1];
                o = pack_bytes(o, (const uint8_t *)p + r.offset,
                               r.nbytes == VAR_OVERFLOW ? sizeof(OverflowRef) : r.nbytes);
            }
            continue;
        }
        size_t w = phys_width[col->phys];
        const uint8_t *values = heap_values(p, c);
        if (in_line)
            o = pack_bytes(o, values + w * (size_t)(slots[0] - 1), w * (size_t)n);
        else
            for (int i = 0; i < n; i++) o = pack_bytes(o, values + w * (size_t)(slots[i] - 1), w);
    }
    return (size_t)(o - out);
}

size_t
heap_pack_bound(const Heap *heap, const HeapRows *rows, int from, const int *rowids, int n)
{
    size_t ncols = (size_t)heap->layout->ncols;
    size_t bytes = (size_t)n * heap->slot_bytes + ncols * (((size_t)n + 7) / 8 + 1);
    if (rows->var_bytes != NULL)
        for (int i = 0; i < n; i++) bytes += rows->var_bytes[rowids != NULL ? rowids[i] : from + i];
    return bytes;
}

/* Takes nbytes from the record; NULL when it has fewer. */
static const uint8_t *
unpack_bytes(const uint8_t **in, const uint8_t *end, size_t nbytes)
{
    const uint8_t *at = *in;
    if ((size_t)(end - at) < nbytes) return NULL;
    *in = at + nbytes;
    return at;
}

static bool
unpack_column(HeapPage *p, int c, const uint8_t **in, const uint8_t *end, const uint16_t *slots,
              int n)
{
    HeapColumn *col = &p->cols[c];
    const uint8_t *flags = unpack_bytes(in, end, 1), *bits = NULL, *src;
    if (flags == NULL) return false;
    col->flags |= *flags;
    if ((*flags & HCOL_NULLS) != 0 && (bits = unpack_bytes(in, end, ((size_t)n + 7) / 8)) == NULL)
        return false;
    uint8_t *valid = heap_valid(p, c);
    for (int i = 0; i < n; i++)
        heap_valid_put(valid, slots[i] - 1u, bits == NULL || heap_valid_get(bits, (uint32_t)i));
    if (col->phys != PHYS_STR) {
        size_t w = phys_width[col->phys];
        uint8_t *values = heap_values(p, c);
        if ((src = unpack_bytes(in, end, w * (size_t)n)) == NULL) return false;
        for (int i = 0; i < n; i++)
            memcpy(values + w * (size_t)(slots[i] - 1), src + w * (size_t)i, w);
        return true;
    }
    const uint8_t *lens = unpack_bytes(in, end, 2 * (size_t)n);
    VarRef *refs = heap_values(p, c);
    if (lens == NULL) return false;
    for (int i = 0; i < n; i++) {
        uint16_t nbytes;
        memcpy(&nbytes, lens + 2 * (size_t)i, 2);
        uint32_t stored = nbytes == VAR_OVERFLOW ? sizeof(OverflowRef) : nbytes;
        if ((src = unpack_bytes(in, end, stored)) == NULL) return false;
        if (stored > p->var_begin - p->fixed_end) return false;
        refs[slots[i] - 1] = put_bytes(p, src, stored);
        if (nbytes == VAR_OVERFLOW) refs[slots[i] - 1].nbytes = VAR_OVERFLOW;
    }
    return true;
}

Status
heap_page_unpack(Ctx *ctx, HeapPage *p, uint32_t page_bytes, const uint8_t *in, size_t nbytes,
                 int n, uint32_t xmin)
{
    const uint8_t *end = in + nbytes;
    uint16_t slots[HEAP_SLOTS_MAX], flags[HEAP_SLOTS_MAX];
    bool ok = n > 0 && n <= p->capacity && nbytes >= 4 * (size_t)n &&
              p->fixed_end <= p->var_begin && p->var_begin <= page_bytes;
    if (ok) {
        memcpy(slots, in, 2 * (size_t)n);
        memcpy(flags, in + 2 * (size_t)n, 2 * (size_t)n);
        in += 4 * (size_t)n;
        for (int i = 0; ok && i < n; i++) {
            ok = slots[i] >= 1 && slots[i] <= p->capacity;
            if (!ok) break;
            if (slots[i] <= p->nslots) {
                p->nfree--;
                p->nspecial--;
            } else {
                p->nslots = slots[i];
            }
        }
    }
    for (int c = 0; ok && c < p->ncols; c++)
        if (p->cols[c].phys != PHYS_NONE) ok = unpack_column(p, c, &in, end, slots, n);
    if (!ok)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the heap page it names");
    start_tuples(p, slots, n, flags, 0, xmin);
    return QN_OK;
}

void
heap_slot_end(HeapPage *p, uint16_t slot, uint32_t xmax, uint16_t how, PageNo next_page,
              uint16_t next_slot)
{
    uint16_t *flags = &heap_flags(p)[slot - 1];
    if (heap_xmaxs(p)[slot - 1] == 0) p->nended++;
    if (p->xmax_min == 0 || xmax < p->xmax_min) p->xmax_min = xmax;
    heap_xmaxs(p)[slot - 1] = xmax;
    heap_next_pages(p)[slot - 1] = next_page;
    heap_next_slots(p)[slot - 1] = next_slot;
    *flags = (uint16_t)((*flags & ~(SLOT_ENDED_DELETE | SLOT_ENDED_KEY | SLOT_HOT_NEXT | SLOT_SKIPS)) | how);
}

bool
heap_row_equals(const Heap *heap, const HeapPage *p, uint16_t slot, const HeapRows *rows, int i,
                const uint64_t *columns)
{
    int row = rows->sel != NULL ? rows->sel[i] : i;
    if (p->layout != heap->layout->id) return false;
    for (int c = 0; c < p->ncols; c++) {
        if (!bits_get(columns, (size_t)c) || p->cols[c].phys == PHYS_NONE) continue;
        const Vector *v = rows->cols[c];
        bool old_null = !heap_valid_get(heap_valid(p, c), slot - 1u);
        bool new_null = v == NULL || vec_is_null(v, row);
        if (old_null != new_null) return false;
        if (old_null) continue;
        if (p->cols[c].phys == PHYS_STR) {
            VarRef r = ((const VarRef *)heap_values(p, c))[slot - 1];
            const Str *s = row_str(v, row);
            OverflowRef ref;
            if (heap_row_is_out(rows, c, i) && heap_slot_overflow(p, slot, c, &ref) &&
                ref.first == rows->overflow[c][i].first)
                continue; /* shared */
            if (r.nbytes != s->len || r.nbytes == VAR_OVERFLOW) return false;
            if (memcmp((const uint8_t *)p + r.offset, str_data(s), r.nbytes) != 0) return false;
        } else {
            size_t w = phys_width[p->cols[c].phys];
            const char *src = v->shape == VEC_DICT ? v->dict->data : v->data;
            if (memcmp((const char *)heap_values(p, c) + w * (slot - 1u),
                       src + w * vec_index(v, row), w) != 0)
                return false;
        }
    }
    return true;
}

/* ---- reading columns ---- */

bool
heap_page_has_nan(const HeapPage *p, const int *columns, int ncolumns)
{
    for (int i = 0; i < ncolumns; i++)
        if (columns[i] >= 0 && columns[i] < p->ncols && (p->cols[columns[i]].flags & HCOL_NAN) != 0)
            return true;
    return false;
}

/* The validity of rows at.. of out: bitmap started at the first NULL. */
static void
read_valid(const HeapPage *p, int col, const uint16_t *slots, int n, Vector *out, int at)
{
    if ((p->cols[col].flags & HCOL_NULLS) == 0) return; /* bits from at on are still set */
    const uint8_t *valid = heap_valid(p, col);
    for (int i = 0; i < n; i++)
        if (!heap_valid_get(valid, slots[i] - 1u)) vec_set_null(out, at + i);
}

#define READ_GATHER(T)                                                                             \
    do {                                                                                           \
        const T *src = values;                                                                     \
        T *to = (T *)out->data + at;                                                               \
        for (int i = 0; i < n; i++) to[i] = src[slots[i] - 1];                                     \
    } while (0)

static void
read_fixed(const HeapPage *p, int col, const uint16_t *slots, int n, bool dense, Vector *out,
           int at)
{
    const void *values = heap_values(p, col);
    size_t w = phys_width[p->cols[col].phys];
    if (dense) {
        memcpy((char *)out->data + w * (size_t)at, (const char *)values + w * (slots[0] - 1u),
               w * (size_t)n);
        return;
    }
    switch (w) {
    case 1:
        READ_GATHER(uint8_t);
        break;
    case 2:
        READ_GATHER(uint16_t);
        break;
    case 4:
        READ_GATHER(uint32_t);
        break;
    case 8:
        READ_GATHER(uint64_t);
        break;
    default:
        READ_GATHER(Uuid);
        break;
    }
}

/* Makes *out a view on bytes of the page; HEAP_PAD makes the 12 bytes at p readable. Put together
 * in registers and stored as two words: smaller stores would keep readers of the Str waiting. */
static inline void
put_view(Str *out, const uint8_t *p, uint32_t nbytes)
{
    uint64_t first, words[2];
    uint32_t rest;
    memcpy(&first, p, 8);
    if (nbytes <= STR_INLINE_MAX) {
        memcpy(&rest, p + 8, 4);
        uint64_t mask = nbytes >= 8 ? ~0ull : (1ull << 8 * nbytes) - 1;
        uint64_t mask_rest = nbytes <= 8 ? 0 : (1ull << 8 * (nbytes - 8)) - 1;
        first &= mask;
        words[1] = first >> 32 | (rest & mask_rest) << 32;
    } else {
        words[1] = (uint64_t)(uintptr_t)p;
    }
    words[0] = nbytes | first << 32;
    memcpy(out, words, sizeof(words));
}

static Status
read_overflow(Ctx *ctx, const Heap *heap, const HeapPage *p, VarRef r, Arena *arena, Str *out)
{
    OverflowRef ref;
    char *data;
    memcpy(&ref, (const uint8_t *)p + r.offset, sizeof(ref));
    TRY_ALLOC(ctx, data, arena_alloc(arena, ref.nbytes != 0 ? ref.nbytes : 1));
    TRY(overflow_read(ctx, heap->desc.root_page, &ref, data));
    *out = str_make(data, ref.nbytes);
    return QN_OK;
}

static Status
read_var(Ctx *ctx, const Heap *heap, const PageRef *page, int col, const uint16_t *slots, int n,
         Vector *out, int at, HeapStrings *strings)
{
    const HeapPage *p = heap_page(page);
    const VarRef *refs = heap_values(p, col);
    const uint8_t *base = (const uint8_t *)p;
    const uint32_t end = heap->page_bytes - HEAP_PAD;
    const bool overflow = (p->cols[col].flags & HCOL_OVERFLOW) != 0;
    Str *to = (Str *)out->data + at;
    bool bad = false, wide = false;
    for (int i = 0; i < n; i++) {
        VarRef r = refs[slots[i] - 1];
        if (overflow && r.nbytes == VAR_OVERFLOW && r.offset + sizeof(OverflowRef) <= end) {
            TRY(read_overflow(ctx, heap, p, r, strings->arena, &to[i]));
            continue;
        }
        bool out_of_page = (uint32_t)r.offset + r.nbytes > end;
        bad |= out_of_page;
        if (out_of_page) r.nbytes = 0, r.offset = 0;
        put_view(&to[i], base + r.offset, r.nbytes);
        if (r.nbytes > STR_INLINE_MAX) {
            wide = true;
            if (strings->copy) {
                char *copy;
                TRY_ALLOC(ctx, copy, arena_alloc(strings->arena, r.nbytes));
                memcpy(copy, to[i].ptr, r.nbytes);
                to[i].ptr = copy;
            }
        }
    }
    strings->pinned |= wide && !strings->copy;
    if (bad)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "value outside page %u of relation \"%s\"",
                     page->number, heap->desc.name);
    return QN_OK;
}

/* A fixed-width numeric column in variable form. */
static Status
read_numeric(Ctx *ctx, const HeapPage *p, int col, int scale, const uint16_t *slots, int n,
             Vector *out, int at, Arena *arena)
{
    bool wide = p->cols[col].phys == PHYS_I128;
    for (int i = 0; i < n; i++) {
        int s = slots[i] - 1;
        Str *to = (Str *)out->data + at + i;
        int128 u = wide ? ((const int128 *)heap_values(p, col))[s]
                        : ((const int64_t *)heap_values(p, col))[s];
        if (!heap_valid_get(heap_valid(p, col), (uint32_t)s))
            memset(to, 0, sizeof(*to));
        else
            TRY(key_numeric_str(ctx, arena, u, scale, u == (wide ? INT128_MIN : INT64_MIN), to));
    }
    return QN_OK;
}

static void
read_system(const Heap *heap, const PageRef *page, int col, const uint16_t *slots, int n,
            Vector *out, int at)
{
    const HeapPage *p = heap_page(page);
    uint32_t *to = (uint32_t *)out->data + at;
    switch (col) {
    case HEAP_COL_CTID:
        for (int i = 0; i < n; i++) ((Tid *)out->data)[at + i] = tid_make(page->number, slots[i]);
        break;
    case HEAP_COL_ROOT: {
        uint16_t roots[HEAP_SLOTS_MAX + 1];
        heap_chain_roots(p, roots);
        for (int i = 0; i < n; i++)
            ((Tid *)out->data)[at + i] = tid_make(page->number, roots[slots[i]]);
        break;
    }
    case HEAP_COL_XMIN:
        for (int i = 0; i < n; i++) to[i] = (uint32_t)heap_xid(p, heap_xmins(p)[slots[i] - 1]);
        break;
    case HEAP_COL_XMAX:
        for (int i = 0; i < n; i++) to[i] = (uint32_t)heap_xid(p, heap_xmaxs(p)[slots[i] - 1]);
        break;
    case HEAP_COL_TABLEOID:
        for (int i = 0; i < n; i++) to[i] = heap->desc.relid;
        break;
    default:
        memset(to, 0, sizeof(*to) * (size_t)n);
        break;
    }
}

/* Rows written before the column was added. */
static Status
fill_missing(Ctx *ctx, const Heap *heap, int col, int n, Vector *out, int at)
{
    const LayoutColumn *c = &heap->layout->cols[col];
    size_t w = phys_width[out->phys];
    bool null = !c->has_missing || c->missing.is_null;
    if (!null &&
        (c->missing.phys != out->phys ||
         (c->type == TYPE_NUMERIC && out->phys != PHYS_STR && c->missing.scale != out->scale)))
        return RAISE_INTERNAL(ctx, "missing value of column %d of relation \"%s\" has another form",
                              col + 1, heap->desc.name);
    for (int i = 0; i < n; i++) {
        char *to = (char *)out->data + w * (size_t)(at + i);
        if (null) {
            vec_set_null(out, at + i);
            if (out->phys == PHYS_STR) memset(to, 0, w);
        } else {
            memcpy(to, &c->missing.b, w);
        }
    }
    return QN_OK;
}

Status
heap_read_column(Ctx *ctx, const Heap *heap, const PageRef *ref, int col, const uint16_t *slots,
                 int n, bool dense, Vector *out, int at, HeapStrings *strings)
{
    const HeapPage *p = heap_page(ref);
    if (n == 0) return QN_OK;
    if (col < 0) {
        read_system(heap, ref, col, slots, n, out, at);
        return QN_OK;
    }
    if (col >= p->ncols || p->cols[col].phys == PHYS_NONE)
        return fill_missing(ctx, heap, col, n, out, at);
    if (p->cols[col].phys == PHYS_STR)
        TRY(read_var(ctx, heap, ref, col, slots, n, out, at, strings));
    else if (out->phys == PHYS_STR)
        TRY(read_numeric(ctx, p, col, heap->layout->cols[col].scale, slots, n, out, at,
                         strings->arena));
    else
        read_fixed(p, col, slots, n, dense, out, at);
    read_valid(p, col, slots, n, out, at);
    return QN_OK;
}

static Oid
column_type(const Heap *heap, int col)
{
    if (col >= 0) return heap->layout->cols[col].type;
    return col == HEAP_COL_CTID || col == HEAP_COL_ROOT ? TYPE_TID
           : col == HEAP_COL_TABLEOID                   ? TYPE_OID
                                                        : TYPE_XID;
}

Status
heap_make_vectors(Ctx *ctx, Arena *arena, const Heap *heap, const int *columns, int ncolumns,
                  int nrows, Vector **out)
{
    for (int i = 0; i < ncolumns; i++) {
        if (columns[i] >= heap->layout->ncols || columns[i] < HEAP_COL_ROOT)
            return RAISE_INTERNAL(ctx, "relation \"%s\" has no column %d", heap->desc.name,
                                  columns[i] + 1);
        TRY_ALLOC(ctx, out[i], vec_new(arena, column_type(heap, columns[i])));
        if (!vec_reserve(arena, out[i], nrows)) return RAISE_OOM(ctx);
    }
    return QN_OK;
}

void
heap_reset_vectors(const Heap *heap, const int *columns, int ncolumns, Vector **vecs, bool nan)
{
    for (int i = 0; i < ncolumns; i++) {
        if (columns[i] < 0) {
            bool is_tid = columns[i] == HEAP_COL_CTID || columns[i] == HEAP_COL_ROOT;
            vec_reset(vecs[i], is_tid ? PHYS_I64 : PHYS_I32);
            continue;
        }
        const LayoutColumn *c = &heap->layout->cols[columns[i]];
        bool variable = nan && c->type == TYPE_NUMERIC;
        vec_reset(vecs[i], variable ? PHYS_STR : c->phys == PHYS_NONE ? PHYS_STR : (Phys)c->phys);
        vecs[i]->scale = variable ? 0 : c->scale;
    }
}
