/* convert.c - values bound by the application to values of a parameter's or column's type. */
#include "session/stmt.h"

static Status
out_of_range(Ctx *ctx, Oid type)
{
    return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type_info(type)->sql_name);
}

static bool
as_int64(const Value *v, int64_t *out)
{
    switch (v->type) {
    case TYPE_INT2: *out = v->i16; return true;
    case TYPE_INT4: *out = v->i32; return true;
    case TYPE_INT8: *out = v->i64; return true;
    case TYPE_OID: *out = (uint32_t)v->i32; return true;
    default: return false;
    }
}

/* Between integers and to floats, the common cases, without going through text. False: not one of them. */
static Status
convert_integer(Ctx *ctx, int64_t i, Oid type, Value *out, bool *done_out)
{
    *done_out = true;
    *out = (Value){.type = type};
    switch (type) {
    case TYPE_INT8:
        out->phys = PHYS_I64;
        out->i64 = i;
        return QN_OK;
    case TYPE_INT4:
        if (i != (int32_t)i) return out_of_range(ctx, type);
        out->phys = PHYS_I32;
        out->i32 = (int32_t)i;
        return QN_OK;
    case TYPE_INT2:
        if (i != (int16_t)i) return out_of_range(ctx, type);
        out->phys = PHYS_I16;
        out->i16 = (int16_t)i;
        return QN_OK;
    case TYPE_FLOAT8:
        out->phys = PHYS_F64;
        out->f64 = (double)i;
        return QN_OK;
    case TYPE_FLOAT4:
        out->phys = PHYS_F32;
        out->f32 = (float)i;
        return QN_OK;
    default: *done_out = false; return QN_OK;
    }
}

Status
value_convert(Ctx *ctx, Arena *arena, const Value *v, Oid type, int32_t typmod, Value *out)
{
    int64_t i;
    if (v->is_null || v->type == INVALID_OID) {
        *out = value_null(type);
        return QN_OK;
    }
    if (v->type == type && typmod == -1) {
        *out = *v;
        return QN_OK;
    }
    if (typmod == -1 && as_int64(v, &i)) {
        bool done;
        TRY(convert_integer(ctx, i, type, out, &done));
        if (done) return QN_OK;
    }
    const Str *text = NULL;
    StrBuf b = strbuf_new(arena);
    if (v->type == TYPE_TEXT || v->type == TYPE_UNKNOWN) {
        text = &v->str;
        if (typmod == -1 && (type == TYPE_TEXT || type == TYPE_VARCHAR)) {
            *out = *v;
            out->type = type;
            return QN_OK;
        }
        return value_in(ctx, arena, str_data(text), text->len, type, typmod, out);
    }
    TRY(value_out(ctx, &b, v));
    char *data;
    size_t nbytes;
    TRY(strbuf_finish(ctx, &b, &data, &nbytes));
    return value_in(ctx, arena, data, nbytes, type, typmod, out);
}
