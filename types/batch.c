/* batch.c - see batch.h. */
#include "types/batch.h"

#include <assert.h>

#define VEC_ALIGN 64u /* a cache line, and the widest SIMD register */

static void *
align_up(void *p)
{
    return (void *)(((uintptr_t)p + VEC_ALIGN - 1) & ~(uintptr_t)(VEC_ALIGN - 1));
}

Vector *
vec_create(Arena *arena, Oid type, int nrows)
{
    type = type_base(type);
    Phys phys = type_phys(type, -1);
    size_t rows = nrows > BATCH_ROWS ? (size_t)nrows : BATCH_ROWS;
    size_t data_bytes = rows * (phys_width[phys] != 0 ? phys_width[phys] : 1);
    size_t valid_bytes = BITS_WORDS(rows) * sizeof(uint64_t);
    Vector *v = ARENA_NEW(arena, Vector);
    char *room = arena_zalloc(arena, data_bytes + valid_bytes + VEC_ALIGN);
    if (v == NULL || room == NULL) return NULL;
    v->type = type;
    v->own_data = align_up(room);
    v->own_valid = (uint64_t *)(void *)((char *)v->own_data + ((data_bytes + 7) & ~(size_t)7));
    v->own_bytes = (uint32_t)data_bytes;
    vec_reset(v, phys);
    return v;
}

Vector *
vec_new(Arena *arena, Oid type)
{
    Vector *v = ARENA_NEW(arena, Vector);
    if (v == NULL) return NULL;
    v->own_valid = arena_zalloc(arena, BITS_WORDS(BATCH_ROWS) * sizeof(uint64_t));
    if (v->own_valid == NULL) return NULL;
    v->type = type;
    v->phys = (uint8_t)type_phys(type, -1);
    return v;
}

static int
round_cap(int nrows)
{
    int cap = 16;
    while (cap < nrows) cap *= 2;
    if (cap > BATCH_ROWS) cap = BATCH_ROWS;
    return cap < nrows ? nrows : cap;
}

bool
vec_reserve(Arena *arena, Vector *v, int nrows)
{
    uint32_t w = phys_width[type_phys(v->type, -1)];
    if (w == 0) w = 1;
    uint32_t need = (uint32_t)round_cap(nrows) * w;
    if (v->own_data != NULL && v->own_bytes >= (uint32_t)nrows * w) return true;
    char *room = arena_alloc(arena, need + VEC_ALIGN);
    if (room == NULL) return false;
    char *data = align_up(room);
    if (v->own_data != NULL) memcpy(data, v->own_data, v->own_bytes);
    memset(data + v->own_bytes, 0, need - v->own_bytes);
    if (v->data == v->own_data) v->data = data;
    v->own_data = data;
    v->own_bytes = need;
    return true;
}

void
vec_init(Vector *v, Oid type, Phys phys, void *data, uint64_t *valid)
{
    memset(v, 0, sizeof(*v));
    v->type = type_base(type);
    v->phys = (uint8_t)phys;
    v->data = data;
    v->valid = valid;
}

void
vec_reset(Vector *v, Phys phys)
{
    assert(v->own_data != NULL);
    assert(phys_width[phys] <= 16);
    v->phys = (uint8_t)phys;
    v->shape = VEC_FLAT;
    v->scale = 0;
    v->data = v->own_data;
    v->valid = NULL;
    v->codes = NULL;
    v->dict = NULL;
    v->dict_count = 0;
}

static void
store(void *data, size_t i, Phys phys, const Value *value)
{
    switch (phys) {
    case PHYS_NONE:
        break;
    case PHYS_BOOL:
        ((uint8_t *)data)[i] = value->b;
        break;
    case PHYS_I16:
        ((int16_t *)data)[i] = value->i16;
        break;
    case PHYS_I32:
        ((int32_t *)data)[i] = value->i32;
        break;
    case PHYS_I64:
        ((int64_t *)data)[i] = value->i64;
        break;
    case PHYS_F32:
        ((float *)data)[i] = value->f32;
        break;
    case PHYS_F64:
        ((double *)data)[i] = value->f64;
        break;
    case PHYS_I128:
        ((int128 *)data)[i] = value->i128;
        break;
    case PHYS_INTERVAL:
        ((Interval *)data)[i] = value->interval;
        break;
    case PHYS_UUID:
        ((Uuid *)data)[i] = value->uuid;
        break;
    case PHYS_STR:
        ((Str *)data)[i] = value->str;
        break;
    case PHYS_COUNT:
        assert(false);
    }
}

static void
load(const void *data, size_t i, Phys phys, Value *out)
{
    switch (phys) {
    case PHYS_NONE:
        break;
    case PHYS_BOOL:
        out->b = ((const uint8_t *)data)[i] != 0;
        break;
    case PHYS_I16:
        out->i16 = ((const int16_t *)data)[i];
        break;
    case PHYS_I32:
        out->i32 = ((const int32_t *)data)[i];
        break;
    case PHYS_I64:
        out->i64 = ((const int64_t *)data)[i];
        break;
    case PHYS_F32:
        out->f32 = ((const float *)data)[i];
        break;
    case PHYS_F64:
        out->f64 = ((const double *)data)[i];
        break;
    case PHYS_I128:
        out->i128 = ((const int128 *)data)[i];
        break;
    case PHYS_INTERVAL:
        out->interval = ((const Interval *)data)[i];
        break;
    case PHYS_UUID:
        out->uuid = ((const Uuid *)data)[i];
        break;
    case PHYS_STR:
        out->str = ((const Str *)data)[i];
        break;
    case PHYS_COUNT:
        assert(false);
    }
}

void
vec_set_const(Vector *v, const Value *value)
{
    vec_reset(v, value->is_null && v->type == value->type ? type_phys(v->type, -1)
                                                          : (Phys)value->phys);
    v->shape = VEC_CONST;
    v->scale = value->is_null ? 0 : value->scale;
    if (value->is_null) {
        v->valid = v->own_valid;
        v->valid[0] = 0;
        memset(v->data, 0, phys_width[v->phys]);
    } else {
        store(v->data, 0, v->phys, value);
    }
}

Value
vec_get(const Vector *v, int row)
{
    Value out;
    memset(&out, 0, sizeof(out));
    out.type = v->type;
    if (vec_is_null(v, row)) {
        out.is_null = true;
        return out;
    }
    const Vector *d = v->shape == VEC_DICT ? v->dict : v;
    out.phys = d->phys;
    out.scale = d->scale;
    load(d->data, vec_index(v, row), d->phys, &out);
    return out;
}

void
vec_put(Vector *v, int row, const Value *value)
{
    assert(v->shape == VEC_FLAT);
    if (value->is_null) {
        vec_set_null(v, row);
        if (v->phys == PHYS_STR) memset((Str *)v->data + row, 0, sizeof(Str));
        return;
    }
    assert(value->phys == v->phys && value->scale == v->scale);
    if (v->valid != NULL) bits_set(v->valid, (size_t)row);
    store(v->data, (size_t)row, v->phys, value);
}

#define MOVE(T, FROM, TO)                                                                          \
    for (int k = 0; k < n; k++) {                                                                  \
        int i = sel != NULL ? sel[k] : k;                                                          \
        ((T *)out->data)[TO] = ((const T *)src->data)[FROM];                                       \
    }                                                                                              \
    break;

/* Values in classes of width: the compiler makes plain loads and stores of each. */
#define MOVE_BY_WIDTH(FROM, TO)                                                                    \
    switch (phys_width[src->phys]) {                                                               \
    case 1:                                                                                        \
        MOVE(uint8_t, FROM, TO)                                                                    \
    case 2:                                                                                        \
        MOVE(uint16_t, FROM, TO)                                                                   \
    case 4:                                                                                        \
        MOVE(uint32_t, FROM, TO)                                                                   \
    case 8:                                                                                        \
        MOVE(uint64_t, FROM, TO)                                                                   \
    case 16:                                                                                       \
        MOVE(Uuid, FROM, TO)                                                                       \
    default:                                                                                       \
        break;                                                                                     \
    }

void
vec_flatten(const Vector *v, const uint16_t *sel, int n, Vector *out)
{
    const Vector *src = v->shape == VEC_DICT ? v->dict : v;
    vec_reset(out, src->phys);
    out->scale = src->scale;
    if (v->shape == VEC_CONST && vec_is_null(v, 0)) {
        out->valid = out->own_valid;
        bits_fill(out->valid, BATCH_ROWS, false);
        if (out->phys == PHYS_STR)
            for (int k = 0; k < n; k++)
                memset((Str *)out->data + (sel != NULL ? sel[k] : k), 0, sizeof(Str));
        return;
    }
    if (v->shape != VEC_CONST && v->valid != NULL) {
        int last = n == 0 ? 0 : sel != NULL ? sel[n - 1] + 1 : n;
        out->valid = out->own_valid;
        memcpy(out->valid, v->valid, BITS_WORDS(last) * sizeof(uint64_t));
    }
    if (v->shape == VEC_FLAT && sel == NULL) {
        memcpy(out->data, v->data, (size_t)n * phys_width[v->phys]);
        return;
    }
    switch (v->shape) {
    case VEC_FLAT:
        MOVE_BY_WIDTH(i, i) break;
    case VEC_CONST:
        MOVE_BY_WIDTH(0, i) break;
    default:
        MOVE_BY_WIDTH(v->codes[i], i)
    }
}

void
vec_gather(const Vector *v, const uint16_t *sel, int n, Vector *out)
{
    const Vector *src = v->shape == VEC_DICT ? v->dict : v;
    if (v->shape == VEC_CONST) {
        vec_flatten(v, NULL, n, out);
        return;
    }
    vec_reset(out, src->phys);
    out->scale = src->scale;
    if (v->valid != NULL) {
        out->valid = out->own_valid;
        for (int k = 0; k < n; k += 64) {
            uint64_t word = 0;
            int end = n - k < 64 ? n - k : 64;
            for (int j = 0; j < end; j++)
                word |= (uint64_t)bits_get(v->valid, sel != NULL ? sel[k + j] : (size_t)(k + j))
                        << j;
            out->valid[k >> 6] = word;
        }
    }
    if (v->shape == VEC_FLAT) {
        MOVE_BY_WIDTH(i, k)
    } else {
        MOVE_BY_WIDTH(v->codes[i], k)
    }
}

Batch *
batch_create(Arena *arena, int ncols)
{
    Batch *b = ARENA_NEW(arena, Batch);
    if (b == NULL) return NULL;
    b->arena = arena;
    b->ncols = ncols;
    b->cols = ARENA_ARRAY(arena, Vector *, ncols + 1);
    return b->cols != NULL ? b : NULL;
}

Batch *
batch_create_types(Arena *arena, int ncols, const Oid *types)
{
    Batch *b = batch_create(arena, ncols);
    if (b == NULL) return NULL;
    for (int i = 0; i < ncols; i++) {
        b->cols[i] = vec_create(arena, types[i], BATCH_ROWS);
        if (b->cols[i] == NULL) return NULL;
    }
    return b;
}

Status
batch_keep(Ctx *ctx, Batch *b, int from, int n)
{
    assert(from >= 0 && n >= 0 && from + n <= b->nsel);
    if (b->sel != NULL) {
        b->sel += from; /* a selection is only read, so a part of it serves */
        b->nsel = n;
        return QN_OK;
    }
    if (from == 0) {
        b->nrows = b->nsel = n;
        return QN_OK;
    }
    if (b->own_sel == NULL)
        TRY_ALLOC(ctx, b->own_sel, arena_alloc(b->arena, BATCH_ROWS * sizeof(uint16_t)));
    for (int i = 0; i < n; i++) b->own_sel[i] = (uint16_t)(from + i);
    b->sel = b->own_sel;
    b->nsel = n;
    return QN_OK;
}

#ifdef NDEBUG
void
batch_verify(const Batch *b)
{
    (void)b;
}
#else
static void
verify_str(const Str *s)
{
    if (s->len > STR_INLINE_MAX) {
        assert(s->ptr != NULL);
        assert(memcmp(s->prefix, s->ptr, 4) == 0);
    } else {
        for (uint32_t i = s->len; i < STR_INLINE_MAX; i++) assert(s->inl[i] == 0);
    }
}

static void
verify_vector(const Batch *b, const Vector *v)
{
    const Vector *d = v->shape == VEC_DICT ? v->dict : v;
    assert(d->shape != VEC_DICT && d->phys < PHYS_COUNT);
    if (v->shape == VEC_DICT) assert(d->shape == VEC_FLAT && d->valid == NULL);
    for (int i = 0; i < b->nsel; i++) {
        int row = batch_row(b, i);
        if (vec_is_null(v, row)) continue;
        if (v->shape == VEC_DICT) assert(v->codes[row] < (uint32_t)v->dict_count);
        uint32_t at = vec_index(v, row);
        if (d->phys == PHYS_STR) verify_str((const Str *)d->data + at);
        if (d->phys == PHYS_BOOL) assert(((const uint8_t *)d->data)[at] <= 1);
    }
}

void
batch_verify(const Batch *b)
{
    assert(b->nrows >= 0 && b->nrows <= BATCH_ROWS && b->nsel > 0 && b->nsel <= b->nrows);
    if (b->sel == NULL) assert(b->nsel == b->nrows);
    for (int i = 0; b->sel != NULL && i < b->nsel; i++) {
        assert(b->sel[i] < b->nrows);
        if (i > 0) assert(b->sel[i] > b->sel[i - 1]);
    }
    for (int c = 0; c < b->ncols; c++)
        if (b->cols[c] != NULL) verify_vector(b, b->cols[c]);
}
#endif
