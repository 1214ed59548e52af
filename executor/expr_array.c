/* expr_array.c - steps over arrays and records: ANY/ALL, constructors, subscripts, element conversion, fields. */
#include "executor/expr_priv.h"

#include "types/array.h"
#include "types/record.h"
#include <assert.h>

enum { SET_MIN_ELEMS = 9 }; /* shorter constant lists are compared one by one; PostgreSQL's threshold */

/* What an ANY/ALL step keeps between runs: the elements of the array it saw last. */
typedef struct ArrayOpState {
    Str array;       /* the one unpacked; kept by address and bytes */
    char *bytes;
    Vector **elems;  /* CONST, one an element */
    void **states;   /* what the operator keeps for each, a compiled pattern say; in arena */
    int nelems, cap;
    bool has_null;
    ArraySet *set;   /* NULL: compare one by one */
    Arena *arena;    /* of the set; NULL until needed */
    Vector *elem;    /* CONST, for arrays that differ by row */
    Vector *left;    /* CONST, likewise */
} ArrayOpState;

static void
put_null(Vector *v, int row)
{
    vec_set_null(v, row);
    memset((char *)v->data + (size_t)row * phys_width[v->phys], 0, phys_width[v->phys]);
}

static Status
const_vector(ExprProg *p, Oid type, Vector **out)
{
    TRY_ALLOC(p->ctx, *out, vec_new(p->arena, type));
    if (!vec_reserve(p->arena, *out, 1)) return RAISE_OOM(p->ctx);
    return QN_OK;
}

static Status
op_state(ExprProg *p, Step *s, ArrayOpState **out)
{
    if (s->state == NULL) TRY_ALLOC(p->ctx, s->state, ARENA_NEW(p->arena, ArrayOpState));
    *out = s->state;
    return QN_OK;
}

/* Is the operator the equality that ArraySet has? */
static bool
is_plain_equality(const Step *s, Oid elem)
{
    const ArrayOpExpr *e = (const ArrayOpExpr *)s->expr;
    const TypeInfo *t = type_info(elem);
    return e->op != NULL && e->op->sel == SEL_EQ && e->op->left == e->op->right && t != NULL && t->hash != NULL &&
           !s->flag && e->left->type == elem;
}

static Status
unpack(ExprProg *p, Step *s, ArrayOpState *st, const Str *array)
{
    if (st->bytes != NULL && st->array.len == array->len && memcmp(st->bytes, str_data(array), array->len) == 0)
        return QN_OK;
    if (st->arena == NULL) TRY_ALLOC(p->ctx, st->arena, arena_create(p->arena, "any"));
    else arena_reset(st->arena);
    st->set = NULL;
    st->bytes = NULL;
    char *bytes;
    TRY_ALLOC(p->ctx, bytes, arena_strndup(st->arena, str_data(array), array->len));
    st->array = str_make(bytes, array->len);
    ArrayView view;
    array_view(&st->array, &view);
    st->nelems = 0;
    st->has_null = false;
    TRY_ALLOC(p->ctx, st->states, ARENA_ARRAY(st->arena, void *, view.nelems + 1));
    if (view.nelems >= SET_MIN_ELEMS && is_plain_equality(s, view.elem)) {
        TRY(array_set_build(p->ctx, st->arena, &view, &st->set));
        st->has_null = array_set_has_null(st->set);
        st->nelems = (int)view.nelems;
        st->bytes = bytes;
        return QN_OK;
    }
    if ((int)view.nelems > st->cap) {
        Vector **more;
        TRY_ALLOC(p->ctx, more, ARENA_ARRAY(p->arena, Vector *, view.nelems));
        if (st->cap > 0) memcpy(more, st->elems, (size_t)st->cap * sizeof(*more));
        for (int i = st->cap; i < (int)view.nelems; i++) TRY(const_vector(p, s->call->arg_types[1], &more[i]));
        st->elems = more;
        st->cap = (int)view.nelems;
    }
    for (uint32_t i = 0; i < view.nelems; i++) {
        Value v = array_element(&view, i);
        if (v.is_null) {
            st->has_null = true;
            continue;
        }
        Vector *e = st->elems[st->nelems++];
        v.type = e->type;
        vec_set_const(e, &v);
    }
    st->bytes = bytes;
    return QN_OK;
}

/* One array for all rows: element by element over the rows not decided yet. */
static Status
any_of_const(ExprProg *p, Step *s, ArrayOpState *st, Slot *slot, const Vector *left, Vector *dst)
{
    uint8_t *d = dst->data;
    bool all = s->flag;
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        d[i] = all;
    }
    if (st->set != NULL) {
        for (int k = 0; k < slot->n; k++) {
            int i = exec_row(slot->sel, k);
            Value v = vec_get(left, i);
            if (v.is_null) {
                put_null(dst, i);
                continue;
            }
            d[i] = array_set_has(st->set, &v);
            if (!d[i] && st->has_null) put_null(dst, i);
        }
        return QN_OK;
    }
    /* Rows whose left side is NULL: unknown, unless there are no elements at all. */
    Slot *open = &p->slots[s->slot2];
    int n = 0;
    bool any_elems = st->nelems > 0 || st->has_null;
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        if (vec_is_null(left, i)) {
            if (any_elems) put_null(dst, i);
        } else {
            open->buf[n++] = (uint16_t)i;
        }
    }
    Vector *scratch = p->regs[s->id];
    KernelCall *call = s->call;
    for (int e = 0; e < st->nelems && n > 0; e++) {
        vec_reset(scratch, PHYS_BOOL);
        call->args[0] = (Vector *)left;
        call->args[1] = st->elems[e];
        call->state = &st->states[e];
        call->state_arena = st->arena;
        call->out = scratch;
        TRY_ALLOC(p->ctx, call->arena, expr_batch_arena(p));
        bool is_const = left->shape == VEC_CONST;
        call->sel = is_const ? NULL : open->buf;
        call->n = is_const ? 1 : n;
        TRY(s->fn->kernel(call));
        const uint8_t *r = scratch->data;
        int m = 0;
        for (int k = 0; k < n; k++) {
            int i = open->buf[k], at = is_const ? 0 : i;
            if (scratch->valid != NULL && !bits_get(scratch->valid, (size_t)at)) {
                put_null(dst, i); /* undecided: a later element may settle it */
                open->buf[m++] = (uint16_t)i;
            } else if ((r[at] != 0) != all) {
                d[i] = !all;
                if (dst->valid != NULL) bits_set(dst->valid, (size_t)i);
            } else {
                open->buf[m++] = (uint16_t)i;
            }
        }
        n = m;
    }
    if (st->has_null)
        for (int k = 0; k < n; k++) put_null(dst, open->buf[k]);
    return QN_OK;
}

Status
expr_step_array_op(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    ArrayOpState *st;
    Vector *left = p->regs[s->args[0]], *array = p->regs[s->args[1]], *dst = p->regs[s->dst];
    (void)nrows;
    TRY(op_state(p, s, &st));
    vec_reset(dst, PHYS_BOOL);
    if (slot->n == 0) return QN_OK;
    if (array->shape == VEC_CONST) {
        if (vec_is_null(array, 0)) {
            for (int k = 0; k < slot->n; k++) put_null(dst, exec_row(slot->sel, k));
            return QN_OK;
        }
        TRY(unpack(p, s, st, (const Str *)array->data));
        return any_of_const(p, s, st, slot, left, dst);
    }
    /* An array a row: row by row through the same code. */
    for (int k = 0; k < slot->n; k++) {
        uint16_t i = (uint16_t)exec_row(slot->sel, k);
        if (vec_is_null(array, i)) {
            put_null(dst, i);
            continue;
        }
        Slot one = {&i, 1, NULL};
        TRY(unpack(p, s, st, (const Str *)array->data + vec_index(array, i)));
        TRY(any_of_const(p, s, st, &one, left, dst));
    }
    return QN_OK;
}

/* Elements that are arrays make an array of one more dimension. */
static Status
make_multi_dim(ExprProg *p, const Step *s, int row, Oid elem, Arena *arena, Str *out)
{
    ArrayBuilder b = array_builder(arena, elem);
    int32_t dims[ARRAY_DIMS_MAX] = {0}, lbounds[ARRAY_DIMS_MAX];
    int ndim = 0, count = 0;
    for (int j = 0; j < s->nargs; j++) {
        Value v = vec_get(p->regs[s->args[j]], row);
        ArrayView a = {0};
        if (!v.is_null) array_view(&v.str, &a);
        if (v.is_null || a.ndim == 0) {
            if (ndim != 0)
                return RAISE(p->ctx, ERR_ARRAY_SUBSCRIPT_ERROR,
                             "multidimensional arrays must have array expressions with matching dimensions");
            continue;
        }
        if (count == 0) {
            if (j > 0 || a.ndim >= ARRAY_DIMS_MAX)
                return j > 0 ? RAISE(p->ctx, ERR_ARRAY_SUBSCRIPT_ERROR,
                                     "multidimensional arrays must have array expressions with matching dimensions")
                             : RAISE(p->ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                                     "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                                     a.ndim + 1, ARRAY_DIMS_MAX);
            ndim = a.ndim + 1;
            for (int x = 0; x < a.ndim; x++) {
                dims[x + 1] = a.dims[x];
                lbounds[x + 1] = a.lbounds[x];
            }
            lbounds[0] = 1;
        } else {
            bool same = a.ndim + 1 == ndim;
            for (int x = 0; same && x < a.ndim; x++) same = a.dims[x] == dims[x + 1] && a.lbounds[x] == lbounds[x + 1];
            if (!same)
                return RAISE(p->ctx, ERR_ARRAY_SUBSCRIPT_ERROR,
                             "multidimensional arrays must have array expressions with matching dimensions");
        }
        TRY(array_add_all(p->ctx, &b, &a, 0, a.nelems));
        count++;
    }
    dims[0] = count;
    return array_finish(p->ctx, &b, ndim, dims, lbounds, out);
}

Status
expr_step_array(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    const ArrayExpr *e = (const ArrayExpr *)s->expr;
    Vector *dst = p->regs[s->dst];
    Arena *arena;
    (void)nrows;
    TRY_ALLOC(p->ctx, arena, expr_batch_arena(p));
    vec_reset(dst, PHYS_STR);
    bool all_const = slot->n > 0;
    for (int j = 0; j < s->nargs; j++) all_const &= p->regs[s->args[j]]->shape == VEC_CONST;
    int n = all_const ? 1 : slot->n;
    for (int k = 0; k < n; k++) {
        int i = all_const ? 0 : exec_row(slot->sel, k);
        Str *out = (Str *)dst->data + i;
        if (e->multi_dim) {
            TRY(make_multi_dim(p, s, i, e->elem_type, arena, out));
            continue;
        }
        ArrayBuilder b = array_builder(arena, e->elem_type);
        for (int j = 0; j < s->nargs; j++) {
            Value v = vec_get(p->regs[s->args[j]], i);
            v.type = type_base(e->elem_type);
            TRY(array_add(p->ctx, &b, &v));
        }
        TRY(array_finish_1d(p->ctx, &b, out));
    }
    if (all_const) dst->shape = VEC_CONST;
    return QN_OK;
}

/* A subscript's value; false where it is NULL. */
static bool
subscript_at(ExprProg *p, int reg, int row, int32_t *out)
{
    Value v = vec_get(p->regs[reg], row);
    *out = v.is_null ? 0 : v.phys == PHYS_I64 ? (int32_t)v.i64 : v.phys == PHYS_I16 ? v.i16 : v.i32;
    return !v.is_null;
}

Status
expr_step_subscript(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    Vector *dst = p->regs[s->dst];
    const Vector *base = p->regs[s->args[0]];
    int nsubs = (s->nargs - 1) / 2;
    Arena *arena;
    (void)nrows;
    TRY_ALLOC(p->ctx, arena, expr_batch_arena(p));
    if (nsubs > ARRAY_DIMS_MAX)
        return RAISE(p->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                     nsubs, ARRAY_DIMS_MAX);
    vec_reset(dst, type_phys(dst->type, -1));
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        int32_t lower[ARRAY_DIMS_MAX], upper[ARRAY_DIMS_MAX];
        bool has_lower[ARRAY_DIMS_MAX], has_upper[ARRAY_DIMS_MAX], null = vec_is_null(base, i);
        for (int x = 0; x < nsubs && !null; x++) {
            has_lower[x] = s->args[1 + 2 * x] >= 0;
            has_upper[x] = s->args[2 + 2 * x] >= 0;
            if (has_lower[x] && !subscript_at(p, s->args[1 + 2 * x], i, &lower[x])) null = true;
            if (has_upper[x] && !subscript_at(p, s->args[2 + 2 * x], i, &upper[x])) null = true;
        }
        if (null) {
            put_null(dst, i);
            continue;
        }
        ArrayView a;
        const Str *str = (const Str *)base->data + vec_index(base, i);
        array_view(str, &a);
        if (s->flag) {
            /* Without a colon a slice's subscript n means 1:n. */
            const SubscriptExpr *e = (const SubscriptExpr *)s->expr;
            for (int x = 0; x < nsubs; x++) {
                if (x >= e->lowers.count) {
                    has_lower[x] = true;
                    lower[x] = 1;
                }
            }
            TRY(array_slice(p->ctx, arena, &a, nsubs, lower, has_lower, upper, has_upper, (Str *)dst->data + i));
            continue;
        }
        Value v;
        if (!array_get(&a, nsubs, upper, &v) || v.is_null) put_null(dst, i);
        else vec_put(dst, i, &v);
    }
    return QN_OK;
}

/* One row's array with the part replaced. */
static Status
array_set_row(ExprProg *p, const Step *s, int i, Arena *arena, Oid elem, Str *out, bool *keep_out)
{
    int nsubs = (s->nargs - 2) / 2;
    int32_t lower[ARRAY_DIMS_MAX], upper[ARRAY_DIMS_MAX];
    bool has_lower[ARRAY_DIMS_MAX], has_upper[ARRAY_DIMS_MAX];
    Value old = vec_get(p->regs[s->args[0]], i), v = vec_get(p->regs[s->args[1]], i);
    ArrayView view = {0}, src;
    *keep_out = false;
    for (int x = 0; x < nsubs; x++) {
        int lo = s->args[2 + 2 * x], hi = s->args[3 + 2 * x];
        has_lower[x] = lo >= 0;
        has_upper[x] = hi >= 0;
        if ((lo >= 0 && !subscript_at(p, lo, i, &lower[x])) || (hi >= 0 && !subscript_at(p, hi, i, &upper[x])))
            return RAISE(p->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "array subscript in assignment must not be null");
    }
    if (!old.is_null) array_view(&old.str, &view);
    if (!s->flag) {
        v.type = type_base(elem);
        return array_set(p->ctx, arena, old.is_null ? NULL : &view, elem, nsubs, upper, &v, out);
    }
    *keep_out = v.is_null; /* nothing is put into a slice */
    if (v.is_null) return QN_OK;
    array_view(&v.str, &src);
    return array_set_slice(p->ctx, arena, old.is_null ? NULL : &view, elem, nsubs, lower, has_lower, upper, has_upper, &src, out);
}

Status
expr_step_array_set(ExprProg *p, Step *s, Slot *slot)
{
    Vector *dst = p->regs[s->dst];
    const Vector *base = p->regs[s->args[0]];
    Oid elem = type_info(type_base(s->expr->type))->elem_oid;
    Arena *arena;
    TRY_ALLOC(p->ctx, arena, expr_batch_arena(p));
    if ((s->nargs - 2) / 2 > ARRAY_DIMS_MAX)
        return RAISE(p->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                     (s->nargs - 2) / 2, ARRAY_DIMS_MAX);
    vec_reset(dst, PHYS_STR);
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        bool keep;
        TRY(array_set_row(p, s, i, arena, elem, (Str *)dst->data + i, &keep));
        if (!keep) continue;
        if (vec_is_null(base, i)) put_null(dst, i);
        else ((Str *)dst->data)[i] = ((const Str *)base->data)[vec_index(base, i)];
    }
    return QN_OK;
}

Status
expr_step_field_set(ExprProg *p, Step *s, Slot *slot)
{
    Vector *dst = p->regs[s->dst];
    TypeShape shape;
    Value *fields;
    Arena *arena;
    TRY_ALLOC(p->ctx, arena, expr_batch_arena(p));
    TRY(record_shape(p->ctx, arena, type_base(s->expr->type), &shape));
    TRY_ALLOC(p->ctx, fields, ARENA_ARRAY(arena, Value, shape.n + 1));
    vec_reset(dst, PHYS_STR);
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        Value old = vec_get(p->regs[s->args[0]], i);
        for (int f = 0; f < shape.n; f++) {
            bool there = !old.is_null && f < record_count(&old.str);
            fields[f] = there ? record_field(&old.str, f) : value_null(type_base(shape.types[f]));
        }
        fields[s->id] = vec_get(p->regs[s->args[1]], i);
        fields[s->id].type = type_base(shape.types[s->id]);
        TRY(record_make(p->ctx, arena, fields, shape.n, (Str *)dst->data + i));
    }
    return QN_OK;
}

Status
expr_step_array_coerce(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    ExprProg *elem = s->state;
    const TypeInfo *target = type_info(s->expr->type);
    Vector *dst = p->regs[s->dst];
    const Vector *src = p->regs[s->args[0]];
    Arena *arena;
    (void)nrows;
    TRY_ALLOC(p->ctx, arena, expr_batch_arena(p));
    vec_reset(dst, PHYS_STR);
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        if (vec_is_null(src, i)) {
            put_null(dst, i);
            continue;
        }
        ArrayView a;
        array_view((const Str *)src->data + vec_index(src, i), &a);
        ArrayBuilder b = array_builder(arena, target->elem_oid);
        Batch *in = batch_create_types(arena, 1, &a.elem);
        if (in == NULL) return RAISE_OOM(p->ctx);
        for (uint32_t from = 0; from < a.nelems;) {
            int n = a.nelems - from < BATCH_ROWS ? (int)(a.nelems - from) : BATCH_ROWS;
            vec_reset(in->cols[0], type_phys(a.elem, -1));
            for (int r = 0; r < n; r++) {
                Value v = array_element(&a, from + (uint32_t)r);
                TRY(exec_vec_put(p->ctx, arena, in->cols[0], r, &v));
            }
            TRY(expr_run(elem, in, NULL, NULL, n, n));
            for (int r = 0; r < n; r++) {
                Value v = vec_get(expr_result(elem, 0), r);
                v.type = type_base(target->elem_oid);
                TRY(array_add(p->ctx, &b, &v));
            }
            from += (uint32_t)n;
        }
        TRY(array_finish(p->ctx, &b, a.ndim, a.dims, a.lbounds, (Str *)dst->data + i));
    }
    return QN_OK;
}

Status
expr_step_row(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    Vector *dst = p->regs[s->dst];
    Arena *arena;
    Value *fields;
    (void)nrows;
    TRY_ALLOC(p->ctx, arena, expr_batch_arena(p));
    TRY_ALLOC(p->ctx, fields, ARENA_ARRAY(arena, Value, s->nargs + 1));
    const RowExpr *e = (const RowExpr *)s->expr;
    /* A composite type knows its names. */
    const char *const *names = type_base(e->base.type) == TYPE_RECORD ? e->names : NULL;
    int n = e->fields.count;
    const Vector *present = s->nargs > n ? p->regs[s->args[n]] : NULL;
    vec_reset(dst, PHYS_STR);
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        if (present != NULL && vec_is_null(present, i)) {
            vec_set_null(dst, i);
            ((Str *)dst->data)[i] = str_make("", 0);
            continue;
        }
        for (int j = 0; j < n; j++) {
            fields[j] = vec_get(p->regs[s->args[j]], i);
            fields[j].type = type_base(e->fields.items[j]->type);
        }
        TRY(record_make_named(p->ctx, arena, fields, names, n, (Str *)dst->data + i));
    }
    return QN_OK;
}

/* A field of a record; as STEP_NULLTEST, whether all fields are (not) NULL. */
Status
expr_step_field(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    Vector *dst = p->regs[s->dst];
    const Vector *src = p->regs[s->args[0]];
    (void)nrows;
    vec_reset(dst, type_phys(dst->type, -1));
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        bool null = vec_is_null(src, i);
        const Str *rec = null ? NULL : (const Str *)src->data + vec_index(src, i);
        if (s->op == STEP_NULLTEST) {
            bool all = true;
            for (int f = 0; rec != NULL && f < record_count(rec); f++)
                all &= record_field(rec, f).is_null != s->flag;
            ((uint8_t *)dst->data)[i] = rec == NULL ? !s->flag : all;
            continue;
        }
        Value v = null || s->id >= record_count(rec) ? value_null(dst->type) : record_field(rec, s->id);
        if (v.is_null) put_null(dst, i);
        else vec_put(dst, i, &v);
    }
    return QN_OK;
}
