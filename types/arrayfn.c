/* arrayfn.c - kernels of arrays: comparison, containment, concatenation, search, shape, text, unnest, and
 * "x op ANY (array)". */
#include "types/arrayfn.h"
#include "types/array.h"
#include "types/kernel.h"
#include "types/textfn.h"
#include <stdio.h>

static ArrayView
arg_view(const KernelCall *call, int a, int row)
{
    ArrayView v;
    array_view(&ARG(call, a, Str, row), &v);
    return v;
}

static bool
is_null_arg(const KernelCall *call, int a, int row)
{
    return vec_is_null(call->args[a], row);
}

static Value
arg_value(const KernelCall *call, int a, int row)
{
    return vec_get(call->args[a], row);
}

static Oid
elem_type_of(const KernelCall *call, int array_arg, int elem_arg)
{
    const TypeInfo *t = type_info(call->args[array_arg]->type);
    if (t != NULL && t->elem_oid != 0) return t->elem_oid;
    return elem_arg >= 0 ? call->args[elem_arg]->type : TYPE_TEXT;
}

/* Comparison. */

#define ARRAY_COMPARE(NAME, EXPR)                                                                  \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            ArrayView a = arg_view(call, 0, i), b = arg_view(call, 1, i);                          \
            TRY(check_comparable(call->ctx, a.elem));                                              \
            OUT(call, uint8_t, i) = (EXPR);                                                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

static Status
check_comparable(Ctx *ctx, Oid elem)
{
    const TypeInfo *t = type_info(elem);
    if (t == NULL || t->cmp != NULL) return QN_OK;
    return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "could not identify an equality operator for type %s", t->sql_name);
}

ARRAY_COMPARE(array_eq, array_equal(&a, &b))
ARRAY_COMPARE(array_ne, !array_equal(&a, &b))
ARRAY_COMPARE(array_lt, array_compare(&a, &b) < 0)
ARRAY_COMPARE(array_le, array_compare(&a, &b) <= 0)
ARRAY_COMPARE(array_gt, array_compare(&a, &b) > 0)
ARRAY_COMPARE(array_ge, array_compare(&a, &b) >= 0)

Status
fn_btarraycmp(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView a = arg_view(call, 0, i), b = arg_view(call, 1, i);
        TRY(check_comparable(call->ctx, a.elem));
        OUT(call, int32_t, i) = array_compare(&a, &b);
    }
    return QN_OK;
}

/* Containment. Few elements are compared one by one, more through a set. */
enum { SET_FROM = 9 };

/* Whether all (or any) elements of `part` are in `whole`. NULL is in nothing. */
static Status
contain(KernelCall *call, const ArrayView *whole, const ArrayView *part, bool all, bool *out)
{
    ArraySet *set = NULL;
    TRY(check_comparable(call->ctx, whole->elem));
    if (whole->elem != part->elem)
        return RAISE(call->ctx, ERR_DATATYPE_MISMATCH, "cannot compare arrays of different element types");
    if (whole->nelems >= SET_FROM && part->nelems > 1)
        TRY(array_set_build(call->ctx, call->arena, whole, &set));
    *out = all;
    for (uint32_t i = 0; i < part->nelems; i++) {
        bool found = false;
        if (array_is_null(part, i)) {
            if (!all) continue;
            *out = false;
            return QN_OK;
        }
        if (set != NULL) {
            Value v = array_element(part, i);
            found = array_set_has(set, &v);
        } else {
            for (uint32_t j = 0; j < whole->nelems && !found; j++)
                found = !array_is_null(whole, j) && array_compare_elements(whole, j, part, i) == 0;
        }
        if (found != all) {
            *out = !all;
            return QN_OK;
        }
    }
    return QN_OK;
}

static Status
contain_kernel(KernelCall *call, int whole_arg, bool all)
{
    ROWS (call, i) {
        ArrayView whole = arg_view(call, whole_arg, i), part = arg_view(call, 1 - whole_arg, i);
        bool r = false;
        TRY(contain(call, &whole, &part, all, &r));
        OUT(call, uint8_t, i) = r;
    }
    return QN_OK;
}

Status fn_arraycontains(KernelCall *call) { return contain_kernel(call, 0, true); }
Status fn_arraycontained(KernelCall *call) { return contain_kernel(call, 1, true); }
Status fn_arrayoverlap(KernelCall *call) { return contain_kernel(call, 0, false); }

/* Putting together. */

static Status
extend(KernelCall *call, int array_arg, bool front)
{
    Oid elem = elem_type_of(call, array_arg, 1 - array_arg);
    ROWS (call, i) {
        ArrayBuilder b = array_builder(call->arena, elem);
        Value v = arg_value(call, 1 - array_arg, i);
        int32_t lower = 1, n;
        ArrayView a = {0};
        if (!is_null_arg(call, array_arg, i)) a = arg_view(call, array_arg, i);
        if (a.ndim > 1)
            return RAISE(call->ctx, ERR_DATA_EXCEPTION, "argument must be empty or one-dimensional array");
        if (a.ndim == 1) {
            lower = a.lbounds[0];
            if (!front && lower > INT32_MAX - a.dims[0] - 1)
                return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        }
        if (front) TRY(array_add(call->ctx, &b, &v));
        TRY(array_add_all(call->ctx, &b, &a, 0, a.nelems));
        if (!front) TRY(array_add(call->ctx, &b, &v));
        n = (int32_t)b.nelems;
        TRY(array_finish(call->ctx, &b, 1, &n, &lower, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status fn_array_append(KernelCall *call) { return extend(call, 0, false); }
Status fn_array_prepend(KernelCall *call) { return extend(call, 1, true); }

static Status
incompatible(KernelCall *call, const char *detail)
{
    return err_detail(call->ctx,
                      RAISE(call->ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "cannot concatenate incompatible arrays"), "%s",
                      detail);
}

static Status
concatenate(KernelCall *call, const ArrayView *a, const ArrayView *b, Str *out)
{
    ArrayBuilder builder = array_builder(call->arena, a->elem);
    int32_t dims[ARRAY_DIMS_MAX], lower[ARRAY_DIMS_MAX];
    const ArrayView *outer = a->ndim >= b->ndim ? a : b, *inner = outer == a ? b : a;
    int ndim = outer->ndim;
    memcpy(dims, outer->dims, sizeof(dims));
    memcpy(lower, outer->lbounds, sizeof(lower));
    if (a->ndim == b->ndim) {
        memcpy(lower, a->lbounds, sizeof(lower));
        memcpy(dims, a->dims, sizeof(dims));
        dims[0] = a->dims[0] + b->dims[0];
        for (int i = 1; i < ndim; i++)
            if (a->dims[i] != b->dims[i] || a->lbounds[i] != b->lbounds[i])
                return incompatible(call, "Arrays with differing element dimensions are not compatible for concatenation.");
    } else if (outer->ndim == inner->ndim + 1) {
        dims[0]++;
        for (int i = 0; i < inner->ndim; i++)
            if (inner->dims[i] != outer->dims[i + 1] || inner->lbounds[i] != outer->lbounds[i + 1])
                return incompatible(call, "Arrays with differing dimensions are not compatible for concatenation.");
    } else {
        char detail[128];
        snprintf(detail, sizeof(detail), "Arrays of %d and %d dimensions are not compatible for concatenation.",
                 a->ndim, b->ndim);
        return incompatible(call, detail);
    }
    TRY(array_add_all(call->ctx, &builder, a, 0, a->nelems));
    TRY(array_add_all(call->ctx, &builder, b, 0, b->nelems));
    return array_finish(call->ctx, &builder, ndim, dims, lower, out);
}

Status
fn_array_cat(KernelCall *call)
{
    ROWS (call, i) {
        bool null_a = is_null_arg(call, 0, i), null_b = is_null_arg(call, 1, i);
        if (null_a && null_b) {
            out_set_null(call, i);
            continue;
        }
        if (null_a || null_b) {
            OUT(call, Str, i) = ARG(call, null_a ? 1 : 0, Str, i);
            continue;
        }
        ArrayView a = arg_view(call, 0, i), b = arg_view(call, 1, i);
        if (a.ndim == 0 || b.ndim == 0)
            OUT(call, Str, i) = ARG(call, a.ndim == 0 ? 1 : 0, Str, i);
        else
            TRY(concatenate(call, &a, &b, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* Shape. */

Status
fn_array_ndims(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView a = arg_view(call, 0, i);
        if (a.ndim == 0)
            out_set_null(call, i);
        else
            OUT(call, int32_t, i) = a.ndim;
    }
    return QN_OK;
}

Status
fn_array_dims(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView a = arg_view(call, 0, i);
        StrBuf b = strbuf_new(call->arena);
        if (a.ndim == 0) {
            out_set_null(call, i);
            continue;
        }
        for (int d = 0; d < a.ndim; d++) strbuf_addf(&b, "[%d:%d]", a.lbounds[d], a.lbounds[d] + a.dims[d] - 1);
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

typedef enum ShapeOf { SHAPE_LOWER, SHAPE_UPPER, SHAPE_LENGTH } ShapeOf;

static Status
shape_kernel(KernelCall *call, ShapeOf what)
{
    ROWS (call, i) {
        ArrayView a = arg_view(call, 0, i);
        int32_t d = ARG(call, 1, int32_t, i);
        if (d < 1 || d > a.ndim) {
            out_set_null(call, i);
            continue;
        }
        int32_t lower = a.lbounds[d - 1], n = a.dims[d - 1];
        OUT(call, int32_t, i) = what == SHAPE_LOWER ? lower : what == SHAPE_UPPER ? lower + n - 1 : n;
    }
    return QN_OK;
}

Status fn_array_lower(KernelCall *call) { return shape_kernel(call, SHAPE_LOWER); }
Status fn_array_upper(KernelCall *call) { return shape_kernel(call, SHAPE_UPPER); }
Status fn_array_length(KernelCall *call) { return shape_kernel(call, SHAPE_LENGTH); }

Status
fn_array_cardinality(KernelCall *call)
{
    ROWS (call, i) OUT(call, int32_t, i) = (int32_t)arg_view(call, 0, i).nelems;
    return QN_OK;
}

/* Search. */

static bool
is_element(const ArrayView *a, uint32_t i, const Value *v)
{
    Value e = array_element(a, i);
    if (e.is_null || v->is_null) return e.is_null && v->is_null;
    const TypeInfo *t = type_info(a->elem);
    return t != NULL && t->cmp != NULL ? t->cmp(&e, v) == 0 : str_eq(&e.str, &v->str);
}

/* The value searched for, in the form elements have. */
static Status
needle_of(KernelCall *call, int a, int row, Value *out)
{
    Value v = arg_value(call, a, row);
    TRY(check_comparable(call->ctx, v.type));
    return value_default_form(call->ctx, call->arena, &v, out);
}

static Status
one_dimension(KernelCall *call, const ArrayView *a, const char *doing)
{
    if (a->ndim <= 1) return QN_OK;
    return RAISE(call->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s multidimensional arrays is not supported", doing);
}

Status
fn_array_position(KernelCall *call)
{
    ROWS (call, i) {
        Value v;
        int64_t start = INT32_MIN;
        bool found = false;
        if (is_null_arg(call, 0, i)) {
            out_set_null(call, i);
            continue;
        }
        ArrayView a = arg_view(call, 0, i);
        TRY(one_dimension(call, &a, "searching for elements in"));
        TRY(needle_of(call, 1, i, &v));
        if (call->nargs > 2) {
            if (is_null_arg(call, 2, i))
                return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "initial position must not be null");
            start = ARG(call, 2, int32_t, i);
        }
        for (uint32_t k = 0; k < a.nelems && !found; k++) {
            int64_t at = (int64_t)a.lbounds[0] + k;
            if (at < start || !is_element(&a, k, &v)) continue;
            OUT(call, int32_t, i) = (int32_t)at;
            found = true;
        }
        if (!found) out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_array_position_start(KernelCall *call) { return fn_array_position(call); }

Status
fn_array_positions(KernelCall *call)
{
    ROWS (call, i) {
        Value v;
        if (is_null_arg(call, 0, i)) {
            out_set_null(call, i);
            continue;
        }
        ArrayView a = arg_view(call, 0, i);
        ArrayBuilder b = array_builder(call->arena, TYPE_INT4);
        TRY(one_dimension(call, &a, "searching for elements in"));
        TRY(needle_of(call, 1, i, &v));
        for (uint32_t k = 0; k < a.nelems; k++) {
            Value at = value_i32(TYPE_INT4, a.lbounds[0] + (int32_t)k);
            if (is_element(&a, k, &v)) TRY(array_add(call->ctx, &b, &at));
        }
        TRY(array_finish_1d(call->ctx, &b, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status
fn_array_remove(KernelCall *call)
{
    ROWS (call, i) {
        Value v;
        if (is_null_arg(call, 0, i)) {
            out_set_null(call, i);
            continue;
        }
        ArrayView a = arg_view(call, 0, i);
        ArrayBuilder b = array_builder(call->arena, a.elem);
        TRY(one_dimension(call, &a, "removing elements from"));
        TRY(needle_of(call, 1, i, &v));
        for (uint32_t k = 0; k < a.nelems; k++)
            if (!is_element(&a, k, &v)) TRY(array_add_all(call->ctx, &b, &a, k, 1));
        int32_t n = (int32_t)b.nelems;
        TRY(array_finish(call->ctx, &b, a.ndim, &n, a.lbounds, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status
fn_array_replace(KernelCall *call)
{
    ROWS (call, i) {
        Value from, to = arg_value(call, 2, i);
        if (is_null_arg(call, 0, i)) {
            out_set_null(call, i);
            continue;
        }
        ArrayView a = arg_view(call, 0, i);
        ArrayBuilder b = array_builder(call->arena, a.elem);
        TRY(needle_of(call, 1, i, &from));
        for (uint32_t k = 0; k < a.nelems; k++) {
            if (is_element(&a, k, &from)) {
                TRY(array_add(call->ctx, &b, &to));
            } else {
                TRY(array_add_all(call->ctx, &b, &a, k, 1));
            }
        }
        TRY(array_finish(call->ctx, &b, a.ndim, a.dims, a.lbounds, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status
fn_trim_array(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView a = arg_view(call, 0, i);
        int32_t n = ARG(call, 1, int32_t, i), have = a.ndim > 0 ? a.dims[0] : 0;
        if (n < 0 || n > have)
            return RAISE(call->ctx, ERR_ARRAY_SUBSCRIPT_ERROR,
                         "number of elements to trim must be between 0 and %d", have);
        if (a.ndim == 0) {
            OUT(call, Str, i) = ARG(call, 0, Str, i);
            continue;
        }
        ArrayBuilder b = array_builder(call->arena, a.elem);
        int32_t dims[ARRAY_DIMS_MAX];
        memcpy(dims, a.dims, sizeof(dims));
        dims[0] -= n;
        TRY(array_add_all(call->ctx, &b, &a, 0, a.nelems / (uint32_t)have * (uint32_t)dims[0]));
        TRY(array_finish(call->ctx, &b, a.ndim, dims, NULL, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* array_fill(value, dimensions [, lower bounds]) */

static Status
read_bounds(KernelCall *call, int a, int row, const char *what, int *n_out, int32_t *out)
{
    if (is_null_arg(call, a, row))
        return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "dimension array or low bound array cannot be null");
    ArrayView v = arg_view(call, a, row);
    if (v.ndim > 1)
        return err_detail(call->ctx,
                          RAISE(call->ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"),
                          "%s array must be one dimensional.", what);
    if (v.nelems > ARRAY_DIMS_MAX)
        return RAISE(call->ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                     "number of array dimensions (%u) exceeds the maximum allowed (%d)", v.nelems, ARRAY_DIMS_MAX);
    for (uint32_t i = 0; i < v.nelems; i++) {
        Value e = array_element(&v, i);
        if (e.is_null)
            return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "dimension values cannot be null");
        out[i] = e.i32;
    }
    *n_out = (int)v.nelems;
    return QN_OK;
}

Status
fn_array_fill(KernelCall *call)
{
    ROWS (call, i) {
        int32_t dims[ARRAY_DIMS_MAX], lower[ARRAY_DIMS_MAX];
        int ndim, nlower;
        int64_t total = 1;
        Value v = arg_value(call, 0, i);
        TRY(read_bounds(call, 1, i, "Dimension", &ndim, dims));
        if (call->nargs > 2) {
            TRY(read_bounds(call, 2, i, "Low bound", &nlower, lower));
            if (nlower != ndim)
                return err_detail(call->ctx,
                                  RAISE(call->ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"),
                                  "Low bound array has different size than dimensions array.");
        }
        for (int d = 0; d < ndim; d++) {
            if (dims[d] < 0 || (total > 0 && dims[d] > ARRAY_ELEMS_MAX / total))
                return RAISE(call->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                             ARRAY_ELEMS_MAX);
            total *= dims[d];
        }
        if (ndim == 0) total = 0;
        ArrayBuilder b = array_builder(call->arena, v.type);
        for (int64_t k = 0; k < total; k++) TRY(array_add(call->ctx, &b, &v));
        TRY(array_finish(call->ctx, &b, ndim, dims, call->nargs > 2 ? lower : NULL, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status fn_array_fill_with_lower_bounds(KernelCall *call) { return fn_array_fill(call); }

/* Text. */

Status
fn_array_to_text(KernelCall *call)
{
    ROWS (call, i) {
        if (is_null_arg(call, 0, i) || is_null_arg(call, 1, i)) {
            out_set_null(call, i);
            continue;
        }
        ArrayView a = arg_view(call, 0, i);
        const Str *sep = &ARG(call, 1, Str, i);
        const Str *null_text = call->nargs > 2 && !is_null_arg(call, 2, i) ? &ARG(call, 2, Str, i) : NULL;
        StrBuf b = strbuf_new(call->arena);
        bool first = true;
        for (uint32_t k = 0; k < a.nelems; k++) {
            Value v = array_element(&a, k);
            if (v.is_null && null_text == NULL) continue;
            if (!first) strbuf_add(&b, str_data(sep), sep->len);
            first = false;
            if (v.is_null)
                strbuf_add(&b, str_data(null_text), null_text->len);
            else
                TRY(value_out(call->ctx, &b, &v));
        }
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status fn_array_to_text_null(KernelCall *call) { return fn_array_to_text(call); }

/* Set-returning: unnest, generate_subscripts, string_to_table. */

typedef struct Unnest {
    Str str; /* what view points into, when short */
    ArrayView view;
    uint32_t at;
} Unnest;

static Status
unnest_open(Ctx *ctx, Arena *arena, Str s, void **state_out)
{
    Unnest *u;
    TRY_ALLOC(ctx, u, ARENA_NEW(arena, Unnest));
    u->str = s;
    array_view(&u->str, &u->view);
    *state_out = u;
    return QN_OK;
}

Status
srf_array_unnest_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    (void)nargs, (void)arg_types;
    return unnest_open(ctx, arena, args[0].is_null ? array_empty(TYPE_INT4) : args[0].str, state_out);
}

Status
srf_array_unnest_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Unnest *u = state;
    int n = 0;
    (void)ctx, (void)arena;
    if (u->view.ndim > 0 && out[0]->phys != u->view.phys) vec_reset(out[0], u->view.phys);
    for (; n < BATCH_ROWS && u->at < u->view.nelems; n++, u->at++) {
        Value v = array_element(&u->view, u->at);
        if (v.is_null) {
            vec_set_null(out[0], n);
            memset((char *)out[0]->data + (size_t)n * phys_width[out[0]->phys], 0, phys_width[out[0]->phys]);
        } else {
            vec_put(out[0], n, &v);
        }
    }
    *n_out = n;
    return QN_OK;
}

typedef struct Subscripts {
    int64_t at, last;
    int step;
} Subscripts;

Status
srf_generate_subscripts_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types,
                             void **state_out)
{
    Subscripts *s;
    ArrayView a = {0};
    (void)arg_types;
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, Subscripts));
    *state_out = s;
    s->step = 1;
    s->at = 1; /* nothing: at is past last */
    if (args[0].is_null || args[1].is_null || (nargs > 2 && args[2].is_null)) return QN_OK;
    array_view(&args[0].str, &a);
    int32_t d = args[1].i32;
    if (d < 1 || d > a.ndim) return QN_OK;
    s->at = a.lbounds[d - 1];
    s->last = s->at + a.dims[d - 1] - 1;
    if (nargs > 2 && args[2].b) {
        int64_t first = s->at;
        s->at = s->last;
        s->last = first;
        s->step = -1;
    }
    return QN_OK;
}

Status
srf_generate_subscripts_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Subscripts *s = state;
    int32_t *rows = out[0]->data;
    int n = 0;
    (void)ctx, (void)arena;
    for (; n < BATCH_ROWS && (s->step > 0 ? s->at <= s->last : s->at >= s->last); s->at += s->step)
        rows[n++] = (int32_t)s->at;
    *n_out = n;
    return QN_OK;
}

Status
srf_generate_subscripts_nodir_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types,
                                   void **state_out)
{
    return srf_generate_subscripts_open(ctx, arena, args, nargs, arg_types, state_out);
}

Status
srf_generate_subscripts_nodir_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    return srf_generate_subscripts_next(ctx, state, arena, out, n_out);
}

Status
srf_text_to_table_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    Str parts = array_empty(TYPE_TEXT);
    (void)arg_types;
    if (!args[0].is_null) {
        ArrayBuilder b = array_builder(arena, TYPE_TEXT);
        const Str *null_text = nargs > 2 && !args[2].is_null ? &args[2].str : NULL;
        TRY(text_split(ctx, &b, &args[0].str, args[1].is_null ? NULL : &args[1].str, null_text));
        TRY(array_finish_1d(ctx, &b, &parts));
    }
    return unnest_open(ctx, arena, parts, state_out);
}

Status
srf_text_to_table_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    return srf_array_unnest_next(ctx, state, arena, out, n_out);
}

Status
srf_text_to_table_null_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types,
                            void **state_out)
{
    return srf_text_to_table_open(ctx, arena, args, nargs, arg_types, state_out);
}

Status
srf_text_to_table_null_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    return srf_array_unnest_next(ctx, state, arena, out, n_out);
}

/* x op ANY (array), x op ALL (array). */

/* Runs op on two constant or flat vectors; r gets bool rows and their validity. */
static Status
run_op(const ArrayOp *op, Vector *x, Vector *y, const uint16_t *sel, int n, Vector *r)
{
    Vector *args[2] = {x, y};
    Oid types[2] = {x->type, y->type};
    KernelCall call = {.ctx = op->ctx, .arena = op->arena, .fn = op->fn, .nargs = 2, .args = args, .out = r,
                       .sel = sel, .n = n, .arg_types = types, .out_typmod = -1, .collation = op->collation,
                       .state_arena = op->arena};
    return op->fn->kernel(&call);
}

static void
put_result(Vector *out, int row, bool value, bool unknown)
{
    ((uint8_t *)out->data)[row] = value;
    if (unknown) vec_set_null(out, row);
}

/* One row: the array's elements as a vector against a constant. */
static Status
any_row(const ArrayOp *op, const Vector *x, int row, const ArrayView *a, Vector *elems, Vector *r, Vector *out)
{
    Vector left;
    Value v = vec_get(x, row), room;
    bool unknown = false;
    uint16_t *sel = op->sel_room;
    vec_init(&left, x->type, (Phys)v.phys, &room.i128, NULL);
    left.own_data = &room.i128;
    left.own_bytes = sizeof(room.i128);
    vec_set_const(&left, &v);
    for (uint32_t from = 0; from < a->nelems; from += BATCH_ROWS) {
        int n = 0, m = (int)(a->nelems - from < BATCH_ROWS ? a->nelems - from : BATCH_ROWS);
        vec_reset(elems, (Phys)a->phys);
        vec_reset(r, PHYS_BOOL);
        for (int i = 0; i < m; i++) {
            Value e = array_element(a, from + (uint32_t)i);
            if (e.is_null) {
                unknown = true;
                continue;
            }
            vec_put(elems, i, &e);
            sel[n++] = (uint16_t)i;
        }
        TRY(run_op(op, &left, elems, sel, n, r));
        for (int k = 0; k < n; k++) {
            if (vec_is_null(r, sel[k])) {
                unknown = true;
            } else if ((((uint8_t *)r->data)[sel[k]] != 0) == op->any) {
                put_result(out, row, op->any, false);
                return QN_OK;
            }
        }
    }
    put_result(out, row, !op->any, unknown);
    return QN_OK;
}

/* A constant array: each element against all rows still undecided. */
static Status
any_column(const ArrayOp *op, Vector *x, const ArrayView *a, const uint16_t *rows, int n, Vector *r, Vector *out)
{
    uint16_t *left = op->sel_room;
    bool array_null = false;
    int nleft = 0;
    Vector elem;
    Value room;
    for (int k = 0; k < n; k++) {
        ((uint8_t *)out->data)[rows[k]] = !op->any;
        if (vec_is_null(x, rows[k]))
            vec_set_null(out, rows[k]);
        else
            left[nleft++] = rows[k];
    }
    for (uint32_t e = 0; e < a->nelems && nleft > 0; e++) {
        Value v = array_element(a, e);
        int keep = 0;
        if (v.is_null) {
            array_null = true;
            continue;
        }
        vec_init(&elem, a->elem, (Phys)v.phys, &room.i128, NULL);
        elem.own_data = &room.i128;
        elem.own_bytes = sizeof(room.i128);
        vec_set_const(&elem, &v);
        vec_reset(r, PHYS_BOOL);
        TRY(run_op(op, x, &elem, left, nleft, r));
        for (int k = 0; k < nleft; k++) {
            int row = left[k];
            if (vec_is_null(r, row)) {
                vec_set_null(out, row);
                left[keep++] = (uint16_t)row;
            } else if ((((uint8_t *)r->data)[row] != 0) == op->any) {
                ((uint8_t *)out->data)[row] = op->any;
                if (out->valid != NULL) bits_set(out->valid, (size_t)row);
            } else {
                left[keep++] = (uint16_t)row;
            }
        }
        nleft = keep;
    }
    if (array_null)
        for (int k = 0; k < nleft; k++) vec_set_null(out, left[k]);
    return QN_OK;
}

/* x = ANY (constant array), x <> ALL (constant array), through a set. */
static Status
any_set(const ArrayOp *op, const ArraySet *set, const Vector *x, const uint16_t *rows, int n, Vector *out)
{
    for (int k = 0; k < n; k++) {
        int row = rows[k];
        if (vec_is_null(x, row)) {
            put_result(out, row, false, true);
            continue;
        }
        Value v = vec_get(x, row);
        bool found = array_set_has(set, &v);
        put_result(out, row, found == op->any, !found && array_set_has_null(set));
    }
    return QN_OK;
}

Status
array_op_run(ArrayOp *op, Vector *x, const Vector *arrays, const uint16_t *sel, int n, Vector *out)
{
    Vector *r, *elems;
    uint16_t *rows;
    TRY_ALLOC(op->ctx, r, vec_create(op->arena, TYPE_BOOL, BATCH_ROWS));
    TRY_ALLOC(op->ctx, op->sel_room, ARENA_ARRAY(op->arena, uint16_t, BATCH_ROWS));
    TRY_ALLOC(op->ctx, rows, ARENA_ARRAY(op->arena, uint16_t, BATCH_ROWS));
    for (int k = 0; k < n; k++) rows[k] = sel != NULL ? sel[k] : (uint16_t)k;
    if (arrays->shape == VEC_CONST) {
        ArrayView a;
        if (vec_is_null(arrays, 0)) {
            for (int k = 0; k < n; k++) put_result(out, rows[k], false, true);
            return QN_OK;
        }
        array_view(arrays->data, &a);
        if (a.nelems == 0) {
            for (int k = 0; k < n; k++) put_result(out, rows[k], !op->any, false);
            return QN_OK;
        }
        if (op->hashable && a.nelems >= SET_FROM) {
            if (op->set == NULL) TRY(array_set_build(op->ctx, op->state_arena, &a, &op->set));
            return any_set(op, op->set, x, rows, n, out);
        }
        return any_column(op, x, &a, rows, n, r, out);
    }
    const TypeInfo *t = type_info(arrays->type);
    TRY_ALLOC(op->ctx, elems, vec_create(op->arena, t != NULL ? t->elem_oid : TYPE_TEXT, BATCH_ROWS));
    for (int k = 0; k < n; k++) {
        ArrayView a;
        int row = rows[k];
        if (vec_is_null(arrays, row)) {
            put_result(out, row, false, true);
            continue;
        }
        array_view((const Str *)arrays->data + vec_index(arrays, row), &a);
        if (a.nelems == 0)
            put_result(out, row, !op->any, false);
        else if (vec_is_null(x, row))
            put_result(out, row, false, true);
        else
            TRY(any_row(op, x, row, &a, elems, r, out));
    }
    return QN_OK;
}

enum { FN_FORMAT = 3539 };

/* A NULL array makes the result NULL, but for format(), where it is no arguments. */
Status
fn_call_variadic(KernelCall *call)
{
    int nplain = call->nargs - 1;
    ROWS (call, i) {
        ArrayView a = {0};
        KernelCall one = *call;
        Oid *types;
        uint16_t row = (uint16_t)i;
        if (!vec_is_null(call->args[nplain], i)) {
            array_view(&ARG(call, nplain, Str, i), &a);
        } else if (call->fn->oid != FN_FORMAT) {
            out_set_null(call, i);
            continue;
        }
        one.nargs = nplain + (int)a.nelems;
        one.sel = &row;
        one.n = 1;
        Vector *vecs;
        TRY_ALLOC(call->ctx, vecs, ARENA_ARRAY(call->arena, Vector, a.nelems + 1));
        TRY_ALLOC(call->ctx, one.args, ARENA_ARRAY(call->arena, Vector *, one.nargs + 1));
        TRY_ALLOC(call->ctx, types, ARENA_ARRAY(call->arena, Oid, one.nargs + 1));
        for (int k = 0; k < nplain; k++) {
            one.args[k] = call->args[k];
            types[k] = call->arg_types[k];
        }
        for (uint32_t k = 0; k < a.nelems; k++) {
            Value v = array_element(&a, k);
            Value *kept;
            TRY_ALLOC(call->ctx, kept, arena_memdup(call->arena, &v, sizeof(v)));
            Vector *vec = &vecs[k];
            uint64_t *valid;
            TRY_ALLOC(call->ctx, valid, ARENA_NEW(call->arena, uint64_t));
            vec_init(vec, a.elem, (Phys)a.phys, &kept->i128, v.is_null ? valid : NULL);
            vec->shape = VEC_CONST;
            one.args[nplain + (int)k] = vec;
            types[nplain + (int)k] = a.elem;
        }
        one.arg_types = types;
        TRY(call->fn->kernel(&one));
    }
    return QN_OK;
}

Status
fn_width_bucket_array(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView a = arg_view(call, 1, i);
        Value x = arg_value(call, 0, i);
        uint32_t lo = 0, hi = a.nelems;
        TRY(check_comparable(call->ctx, a.elem));
        if (a.ndim > 1) return RAISE(call->ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "thresholds must be one-dimensional array");
        if (a.nulls != NULL)
            for (uint32_t k = 0; k < a.nelems; k++)
                if (array_is_null(&a, k)) return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "thresholds array must not contain NULLs");
        while (lo < hi) {
            uint32_t mid = lo + (hi - lo) / 2;
            Value bound = array_element(&a, mid);
            if (type_info(a.elem)->cmp(&bound, &x) <= 0) lo = mid + 1;
            else hi = mid;
        }
        OUT(call, int32_t, i) = (int32_t)lo;
    }
    return QN_OK;
}
