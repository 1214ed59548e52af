/* enum_fn.c - enum_first, enum_last, enum_range. Which enum is meant is the declared type of the argument, whatever its value. */
#include "catalog/usertype.h"
#include "types/array.h"
#include "types/kernel.h"

static Status
enum_of(KernelCall *call, const UserType **out)
{
    TRY(catalog_user_type(call->ctx, type_base(call->arg_types[0]), out));
    if (*out == NULL || (*out)->kind != TYPTYPE_ENUM)
        return RAISE(call->ctx, ERR_FEATURE_NOT_SUPPORTED, "could not determine actual enum type");
    if ((*out)->nlabels == 0)
        return RAISE(call->ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "enum %s contains no values", (*out)->name);
    return QN_OK;
}

static Status
edge(KernelCall *call, bool last)
{
    const UserType *t;
    TRY(enum_of(call, &t));
    const EnumLabel *l = &t->labels[last ? t->nlabels - 1 : 0];
    TRY(enum_check_label(call->ctx, t, l));
    ROWS (call, i) OUT(call, int64_t, i) = l->key;
    return QN_OK;
}

Status
fn_enum_first(KernelCall *call)
{
    return edge(call, false);
}

Status
fn_enum_last(KernelCall *call)
{
    return edge(call, true);
}

/* Labels whose keys lie between the two, as an array. */
static Status
label_array(KernelCall *call, const UserType *t, int64_t from, int64_t to, Str *out)
{
    ArrayBuilder b = array_builder(call->arena, t->oid);
    for (int i = 0; i < t->nlabels; i++) {
        Value v = value_i64(t->oid, t->labels[i].key);
        if (v.i64 < from || v.i64 > to) continue;
        TRY(enum_check_label(call->ctx, t, &t->labels[i]));
        TRY(array_add(call->ctx, &b, &v));
    }
    return array_finish_1d(call->ctx, &b, out);
}

Status
fn_enum_range_all(KernelCall *call)
{
    const UserType *t;
    TRY(enum_of(call, &t));
    ROWS (call, i) TRY(label_array(call, t, INT64_MIN, INT64_MAX, &OUT(call, Str, i)));
    return QN_OK;
}

Status
fn_enum_range_bounds(KernelCall *call)
{
    const UserType *t;
    TRY(enum_of(call, &t));
    ROWS (call, i) {
        int64_t from = vec_is_null(call->args[0], i) ? INT64_MIN : ARG(call, 0, int64_t, i);
        int64_t to = vec_is_null(call->args[1], i) ? INT64_MAX : ARG(call, 1, int64_t, i);
        TRY(label_array(call, t, from, to, &OUT(call, Str, i)));
    }
    return QN_OK;
}
