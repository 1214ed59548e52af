/* vecutil.c - see vecutil.h. */
#include "executor/vecutil.h"

#include "types/numeric.h"
#include <assert.h>

Batch *
exec_batch_new(Arena *arena, int ncols, const Oid *types)
{
    Batch *b = batch_create(arena, ncols);
    if (b == NULL) return NULL;
    for (int i = 0; i < ncols; i++)
        if ((b->cols[i] = vec_new(arena, types[i])) == NULL) return NULL;
    return b;
}

bool
exec_batch_reserve(Batch *b, int nrows)
{
    for (int i = 0; i < b->ncols; i++)
        if (!vec_reserve(b->arena, b->cols[i], nrows)) return false;
    return true;
}

Status
exec_numeric_to_str(Ctx *ctx, Arena *arena, Value *v)
{
    if (v->is_null || v->phys == PHYS_STR) return QN_OK;
    Value in = *v;
    return numeric_value_convert(ctx, arena, &in, PHYS_STR, 0, v);
}

Status
exec_numeric_vec_to_str(Ctx *ctx, Arena *arena, Vector *v, const uint16_t *sel, int n)
{
    if (v->phys == PHYS_STR) return QN_OK;
    assert(v->data == v->own_data);
    /* Wider values are written from the end, so that they overwrite only what has been read. */
    Str *out = v->own_data;
    for (int k = n - 1; k >= 0; k--) {
        int i = exec_row(sel, k);
        Value x = vec_get(v, i);
        if (x.is_null) {
            memset(&out[i], 0, sizeof(Str));
            continue;
        }
        TRY(exec_numeric_to_str(ctx, arena, &x));
        out[i] = x.str;
    }
    v->phys = PHYS_STR;
    v->scale = 0;
    return QN_OK;
}

Status
exec_vec_put(Ctx *ctx, Arena *arena, Vector *v, int row, const Value *value)
{
    if (value->is_null) {
        if (row == 0) vec_reset(v, type_phys(v->type, -1));
        vec_put(v, row, value);
        return QN_OK;
    }
    if (v->type != TYPE_NUMERIC) {
        if (row == 0) vec_reset(v, (Phys)value->phys);
        vec_put(v, row, value);
        return QN_OK;
    }
    bool all_null = row > 0 && v->valid != NULL && bits_count(v->valid, (size_t)row) == 0;
    if (row == 0) {
        vec_reset(v, (Phys)value->phys);
        v->scale = value->scale;
    } else if (all_null) {
        memset(v->own_data, 0, v->own_bytes);
        v->phys = value->phys;
        v->scale = value->scale;
    }
    if (v->phys == value->phys && (v->phys == PHYS_STR || v->scale == value->scale)) {
        Value x = *value;
        x.scale = v->scale;
        vec_put(v, row, &x);
        return QN_OK;
    }
    Value x = *value;
    TRY(exec_numeric_vec_to_str(ctx, arena, v, NULL, row));
    TRY(exec_numeric_to_str(ctx, arena, &x));
    x.scale = 0;
    vec_put(v, row, &x);
    return QN_OK;
}

#define MOVE(T)                                                                                    \
    do {                                                                                           \
        const T *s_ = src->data;                                                                   \
        T *d_ = dst->data;                                                                         \
        if (is_const)                                                                              \
            for (int k = 0; k < n; k++) d_[exec_row(sel, k)] = s_[0];                              \
        else                                                                                       \
            for (int k = 0; k < n; k++) {                                                          \
                int i = exec_row(sel, k);                                                          \
                d_[i] = s_[i];                                                                     \
            }                                                                                      \
    } while (0)

Status
exec_vec_move(Ctx *ctx, Arena *arena, Vector *dst, const Vector *src, const uint16_t *sel, int n,
              bool *filled, int nrows)
{
    bool is_const = src->shape == VEC_CONST;
    assert(src->shape != VEC_DICT);
    if (n == 0) return QN_OK;
    if (is_const && vec_is_null(src, 0)) {
        for (int k = 0; k < n; k++) {
            int i = exec_row(sel, k);
            vec_set_null(dst, i);
            if (dst->phys == PHYS_STR) memset((Str *)dst->data + i, 0, sizeof(Str));
        }
        return QN_OK;
    }
    if (!*filled) {
        dst->phys = src->phys;
        dst->scale = src->scale;
        *filled = true;
    }
    if (dst->type == TYPE_NUMERIC &&
        (dst->phys != src->phys || (dst->phys != PHYS_STR && dst->scale != src->scale))) {
        /* Forms differ: what is there and what comes go to variable form. Unfilled rows are converted along, which is
         * harmless for integers. */
        TRY(exec_numeric_vec_to_str(ctx, arena, dst, NULL, nrows));
        for (int k = 0; k < n; k++) {
            int i = exec_row(sel, k);
            Value x = vec_get(src, i);
            TRY(exec_numeric_to_str(ctx, arena, &x));
            x.scale = 0;
            vec_put(dst, i, &x);
        }
        return QN_OK;
    }
    switch (phys_width[src->phys]) {
    case 1: MOVE(uint8_t); break;
    case 2: MOVE(uint16_t); break;
    case 4: MOVE(uint32_t); break;
    case 8: MOVE(uint64_t); break;
    case 16: MOVE(Uuid); break;
    default: break;
    }
    if (!is_const && src->valid != NULL) {
        for (int k = 0; k < n; k++) {
            int i = exec_row(sel, k);
            if (!bits_get(src->valid, (size_t)i)) vec_set_null(dst, i);
            else if (dst->valid != NULL) bits_set(dst->valid, (size_t)i);
        }
    } else if (dst->valid != NULL) {
        for (int k = 0; k < n; k++) bits_set(dst->valid, (size_t)exec_row(sel, k));
    }
    return QN_OK;
}

int
exec_sel_minus(const uint16_t *a, int na, const uint16_t *b, int nb, uint16_t *out)
{
    int n = 0, j = 0;
    for (int k = 0; k < na; k++) {
        int i = exec_row(a, k);
        if (j < nb && b[j] == i) j++;
        else out[n++] = (uint16_t)i;
    }
    return n;
}

int
exec_sel_merge(const uint16_t *a, int na, const uint16_t *b, int nb, uint16_t *out)
{
    int i = 0, j = 0, n = 0;
    while (i < na && j < nb) out[n++] = a[i] < b[j] ? a[i++] : b[j++];
    while (i < na) out[n++] = a[i++];
    while (j < nb) out[n++] = b[j++];
    return n;
}

#define APPEND(T)                                                                                  \
    do {                                                                                           \
        const T *s_ = from->data;                                                                  \
        T *d_ = (T *)dst->data + at;                                                               \
        for (int k = 0; k < n; k++) d_[k] = s_[vec_index(src, exec_row(sel, k))];                  \
    } while (0)

Status
exec_vec_append(Ctx *ctx, Arena *arena, Vector *dst, int at, const Vector *src, const uint16_t *sel, int n)
{
    const Vector *from = src->shape == VEC_DICT ? src->dict : src;
    bool const_null = src->shape == VEC_CONST && vec_is_null(src, 0);
    bool numeric = dst->type == TYPE_NUMERIC;
    if (at == 0) {
        vec_reset(dst, const_null ? type_phys(dst->type, -1) : (Phys)from->phys);
        dst->scale = const_null ? 0 : from->scale;
    }
    if (const_null ||
        (numeric && (dst->phys != from->phys || (dst->phys != PHYS_STR && dst->scale != from->scale)))) {
        for (int k = 0; k < n; k++) {
            Value v = vec_get(src, exec_row(sel, k));
            v.type = dst->type;
            TRY(value_copy(ctx, arena, &v, &v));
            TRY(exec_vec_put(ctx, arena, dst, at + k, &v));
        }
        return QN_OK;
    }
    if (src->valid != NULL || dst->valid != NULL) {
        for (int k = 0; k < n; k++) {
            if (vec_is_null(src, exec_row(sel, k))) vec_set_null(dst, at + k);
            else if (dst->valid != NULL) bits_set(dst->valid, (size_t)(at + k));
        }
    }
    switch (phys_width[from->phys]) {
    case 1: APPEND(uint8_t); break;
    case 2: APPEND(uint16_t); break;
    case 4: APPEND(uint32_t); break;
    case 8: APPEND(uint64_t); break;
    case 16: APPEND(Uuid); break;
    default: break;
    }
    if (from->phys != PHYS_STR) return QN_OK;
    Str *strs = (Str *)dst->data + at;
    for (int k = 0; k < n; k++) {
        if (strs[k].len <= STR_INLINE_MAX) continue;
        if (vec_is_null(dst, at + k)) {
            memset(&strs[k], 0, sizeof(Str));
            continue;
        }
        TRY_ALLOC(ctx, strs[k].ptr, arena_memdup(arena, strs[k].ptr, strs[k].len));
    }
    return QN_OK;
}
