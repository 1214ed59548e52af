/* jsonb_make.c - kernels that make jsonb of SQL values. */
#include "types/array.h"
#include "types/json.h"
#include "types/jsonb.h"
#include "types/kernel.h"

static Status
finish(KernelCall *call, int row, JsonbBuilder *b)
{
    return jsonb_finish(b, &OUT(call, Str, row));
}

Status
fn_to_jsonb(KernelCall *call)
{
    ROWS (call, i) {
        Value v = vec_get(call->args[0], i);
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        TRY(jsonb_push_value(&b, &v));
        TRY(finish(call, i, &b));
    }
    return QN_OK;
}

Status
jsonb_push_value_key(JsonbBuilder *b, const Value *key)
{
    StrBuf text = strbuf_new(b->arena);
    TRY(json_key_text(b->ctx, &text, key));
    return jsonb_push_key(b, text.data != NULL ? text.data : "", text.nbytes);
}

Status
fn_jsonb_build_object(KernelCall *call)
{
    ROWS (call, i) {
        int n = call->nargs;
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        if (n % 2 != 0)
            return err_hint(call->ctx,
                            RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "argument list must have even number of elements"),
                            "The arguments of %s must consist of alternating keys and values.", "jsonb_build_object()");
        TRY(jsonb_begin(&b, JSONB_OBJECT));
        for (int a = 0; a < n; a += 2) {
            Value key = vec_get(call->args[a], i), v = vec_get(call->args[a + 1], i);
            if (key.is_null)
                return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "argument %d: key must not be null", a + 1);
            TRY(jsonb_push_value_key(&b, &key));
            TRY(jsonb_push_value(&b, &v));
        }
        TRY(jsonb_end(&b));
        TRY(finish(call, i, &b));
    }
    return QN_OK;
}

Status fn_jsonb_build_object_noargs(KernelCall *call) { return fn_jsonb_build_object(call); }

Status
fn_jsonb_build_array(KernelCall *call)
{
    ROWS (call, i) {
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        TRY(jsonb_begin(&b, JSONB_ARRAY));
        for (int a = 0; a < call->nargs; a++) {
            Value v = vec_get(call->args[a], i);
            TRY(jsonb_push_value(&b, &v));
        }
        TRY(jsonb_end(&b));
        TRY(finish(call, i, &b));
    }
    return QN_OK;
}

Status fn_jsonb_build_array_noargs(KernelCall *call) { return fn_jsonb_build_array(call); }

static Status
push_pair(JsonbBuilder *b, const Value *key, const Value *v)
{
    if (key->is_null)
        return RAISE(b->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key");
    TRY(jsonb_push_value_key(b, key));
    return v->is_null ? jsonb_push_null(b) : jsonb_push_str(b, &v->str);
}

Status
fn_jsonb_object(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView a;
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        array_view(&ARG(call, 0, Str, i), &a);
        TRY(json_object_shape(call->ctx, &a));
        TRY(jsonb_begin(&b, JSONB_OBJECT));
        for (uint32_t k = 0; k + 1 < a.nelems; k += 2) {
            Value key = array_element(&a, k), v = array_element(&a, k + 1);
            TRY(push_pair(&b, &key, &v));
        }
        TRY(jsonb_end(&b));
        TRY(finish(call, i, &b));
    }
    return QN_OK;
}

Status
fn_jsonb_object_two_arg(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView keys, values;
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        array_view(&ARG(call, 0, Str, i), &keys);
        array_view(&ARG(call, 1, Str, i), &values);
        TRY(json_object_shapes(call->ctx, &keys, &values));
        TRY(jsonb_begin(&b, JSONB_OBJECT));
        for (uint32_t k = 0; k < keys.nelems; k++) {
            Value key = array_element(&keys, k), v = array_element(&values, k);
            TRY(push_pair(&b, &key, &v));
        }
        TRY(jsonb_end(&b));
        TRY(finish(call, i, &b));
    }
    return QN_OK;
}
