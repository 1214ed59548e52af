/* vectors.c - int2vector and oidvector: arrays of one dimension that count from 0 and read and print as numbers with blanks between. */
#include "types/array.h"
#include "types/type_io.h"

/* The numbers, each by the element type's input function. */
static Status
read_vector(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, Value *out)
{
    Oid elem = type_info(type)->elem_oid;
    ArrayBuilder b = array_builder(arena, elem);
    const char *p = text, *end = text + nbytes;
    int32_t lower = 0;
    Str s;
    for (;;) {
        Value v;
        while (p < end && ascii_is_space(*p)) p++;
        if (p == end) break;
        const char *start = p;
        while (p < end && !ascii_is_space(*p)) p++;
        TRY(value_in(ctx, arena, start, (size_t)(p - start), elem, -1, &v));
        TRY(array_add(ctx, &b, &v));
    }
    int32_t n = (int32_t)b.nelems;
    TRY(array_finish(ctx, &b, 1, &n, &lower, &s));
    *out = value_str(type, s);
    return QN_OK;
}

Status
int2vector_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)typmod;
    return read_vector(ctx, arena, text, nbytes, type, out);
}

Status
oidvector_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)typmod;
    return read_vector(ctx, arena, text, nbytes, type, out);
}

Status
int2vector_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    ArrayView a;
    array_view(&value->str, &a);
    for (uint32_t i = 0; i < a.nelems; i++) {
        Value v = array_element(&a, i);
        if (i > 0) strbuf_addc(b, ' ');
        TRY(value_out(ctx, b, &v));
    }
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
oidvector_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    return int2vector_out(ctx, b, value);
}
