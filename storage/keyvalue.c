/* keyvalue.c - one value of any type as ascending bytes. The encodings are described in keycodec.h. */
#include "storage/keycodec_priv.h"

#include "types/array.h"
#include "types/jsonb.h"
#include "types/range.h"
#include "types/record.h"

static void
put_bytea(StrBuf *b, const char *p, size_t nbytes)
{
    const char *end = p + nbytes, *z;
    while ((z = memchr(p, 0, (size_t)(end - p))) != NULL) {
        strbuf_add(b, p, (size_t)(z - p));
        strbuf_add(b, "\x00\xFF", 2);
        p = z + 1;
    }
    strbuf_add(b, p, (size_t)(end - p));
    strbuf_add(b, "\x00\x00", 2);
}

static void
put_u32(StrBuf *b, uint32_t k)
{
    k = __builtin_bswap32(k);
    strbuf_add(b, (const char *)&k, 4);
}

/* One element of an array or field of a record. */
static Status
put_element(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b)
{
    strbuf_addc(b, v->is_null ? 3 : 2);
    return v->is_null ? QN_OK : key_put_value(ctx, c, v, b, NULL);
}

/* Elements first, then what tells apart arrays of equal elements: dimensions and lower bounds. */
static Status
put_array(Ctx *ctx, const Str *s, StrBuf *b)
{
    ArrayView a;
    KeyColumn c;
    array_view(s, &a);
    if (a.nelems != 0) TRY(key_column_init(ctx, &c, a.elem, -1, false, false, true));
    for (uint32_t i = 0; i < a.nelems; i++) {
        Value v = array_element(&a, i);
        TRY(put_element(ctx, &c, &v, b));
    }
    strbuf_addc(b, 1);
    strbuf_addc(b, (char)a.ndim);
    for (int i = 0; i < a.ndim; i++) put_u32(b, (uint32_t)a.dims[i] ^ 0x80000000u);
    for (int i = 0; i < a.ndim; i++) put_u32(b, (uint32_t)a.lbounds[i] ^ 0x80000000u);
    return QN_OK;
}

static Status
put_record(Ctx *ctx, const Str *s, StrBuf *b)
{
    TRY(ctx_check_depth(ctx));
    for (int i = 0; i < record_count(s); i++) {
        Value v = record_field(s, i);
        KeyColumn c;
        TRY(key_column_init(ctx, &c, v.type, -1, false, false, true));
        TRY(put_element(ctx, &c, &v, b));
    }
    strbuf_addc(b, 1);
    return QN_OK;
}

static Status
put_jsonb(Ctx *ctx, JsonbItem it, StrBuf *b)
{
    static const char marks[] = {[JSONB_NULL] = 1,  [JSONB_STRING] = JSONB_KEY_STRING,
                                 [JSONB_NUMBER] = JSONB_KEY_NUMBER,
                                 [JSONB_FALSE] = 4, [JSONB_TRUE] = 5,
                                 [JSONB_ARRAY] = JSONB_KEY_ARRAY,
                                 [JSONB_OBJECT] = JSONB_KEY_OBJECT};
    strbuf_addc(b, marks[it.kind]);
    if (it.kind == JSONB_STRING) {
        strbuf_add(b, it.p, it.nbytes);
        strbuf_addc(b, 0);
    } else if (it.kind == JSONB_NUMBER) {
        Value v = jsonb_number(it);
        return key_put_numeric_str(ctx, b, &v);
    } else if (jsonb_is_container(it)) {
        uint32_t n = jsonb_count(it);
        put_u32(b, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t key_bytes;
            if (it.kind == JSONB_ARRAY) {
                TRY(put_jsonb(ctx, jsonb_element(it, i), b));
                continue;
            }
            const char *key = jsonb_key(it, i, &key_bytes);
            strbuf_addc(b, JSONB_KEY_STRING);
            strbuf_add(b, key, key_bytes);
            strbuf_addc(b, 0);
            TRY(put_jsonb(ctx, jsonb_member(it, i), b));
        }
    }
    return QN_OK;
}

/* A bound: what has none comes before (lower) or after (upper) every value; then the value, then inclusive before exclusive of lower
 * bounds and after of upper ones. */
static Status
put_bound(Ctx *ctx, const RangeBound *bound, StrBuf *b)
{
    KeyColumn c;
    strbuf_addc(b, (char)(!bound->infinite ? 1 : bound->lower ? 0 : 2));
    if (bound->infinite) return QN_OK;
    TRY(key_column_init(ctx, &c, bound->value.type, -1, false, false, true));
    TRY(key_put_value(ctx, &c, &bound->value, b, NULL));
    strbuf_addc(b, bound->inclusive != bound->lower);
    return QN_OK;
}

static Status
put_range(Ctx *ctx, const Range *r, StrBuf *b)
{
    TRY(ctx_check_depth(ctx));
    strbuf_addc(b, !r->empty);
    if (r->empty) return QN_OK;
    TRY(put_bound(ctx, &r->lower, b));
    return put_bound(ctx, &r->upper, b);
}

static Status
put_multirange(Ctx *ctx, const Str *s, StrBuf *b)
{
    Multirange m;
    TRY(multirange_view(ctx, b->arena, s, &m));
    for (int i = 0; i < m.n; i++) {
        strbuf_addc(b, 2);
        TRY(put_range(ctx, &m.items[i], b));
    }
    strbuf_addc(b, 1);
    return QN_OK;
}

/* Records, ranges and multiranges, and types with keys of their own: made of values of other types, so their bytes are put between bytea's marks and have an end
 * that can be found without knowing what is in them. */
static Status
put_nested(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b)
{
    StrBuf inner = strbuf_new(b->arena);
    Range r;
    if (c->enc == KEY_RECORD) {
        TRY(put_record(ctx, &v->str, &inner));
    } else if (c->enc == KEY_RANGE) {
        range_view(&v->str, &r);
        TRY(put_range(ctx, &r, &inner));
    } else if (c->enc == KEY_OWN) {
        type_key(c->type)(v, &inner);
    } else {
        TRY(put_multirange(ctx, &v->str, &inner));
    }
    if (inner.failed) return RAISE_OOM(ctx);
    for (size_t i = 0; i < inner.nbytes; i++) {
        strbuf_addc(b, inner.data[i]);
        if (inner.data[i] == 0) strbuf_addc(b, (char)0xFF);
    }
    strbuf_add(b, "\0\0", 2);
    return QN_OK;
}

/* The value's bytes, ascending, without null byte. */
static Status
put_ascending(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b, bool *inexact)
{
    if (c->enc == KEY_I64 || c->enc == KEY_I32) { /* most lookups are by these */
        uint64_t k = c->enc == KEY_I64 ? (uint64_t)v->i64 ^ 1ull << 63 : (uint64_t)((uint32_t)v->i32 ^ 1u << 31) << 32;
        k = __builtin_bswap64(k);
        strbuf_add(b, (const char *)&k, key_enc_width[c->enc]);
        return QN_OK;
    }
    if (c->enc < KEY_FIXED_COUNT) {
        uint8_t bytes[16];
        KeyColumn asc = *c;
        Value copy = *v;
        asc.desc = false;
        asc.not_null = true;
        if (c->enc == KEY_NUM64 || c->enc == KEY_I128) {
            int128 u;
            TRY(key_numeric_floor(ctx, c, v, &u, inexact));
            copy.phys = c->enc == KEY_NUM64 ? PHYS_I64 : PHYS_I128;
            copy.scale = c->scale;
            if (c->enc == KEY_NUM64)
                copy.i64 = (int64_t)u;
            else
                copy.i128 = u;
        }
        Vector vec = {.type = v->type,
                      .phys = copy.phys,
                      .shape = VEC_CONST,
                      .scale = copy.scale,
                      .data = &copy.b};
        KeyDest d = {.base = bytes, .stride = 16};
        TRY(key_write_fixed(ctx, &asc, &vec, NULL, 1, &d));
        strbuf_add(b, (const char *)bytes, key_enc_width[c->enc]);
        return QN_OK;
    }
    switch ((KeyEnc)c->enc) {
    case KEY_TEXT:
        strbuf_add(b, str_data(&v->str), v->str.len);
        strbuf_addc(b, 0);
        return QN_OK;
    case KEY_BPCHAR:
        strbuf_add(b, str_data(&v->str), key_bpchar_bytes(&v->str));
        strbuf_addc(b, 0);
        return QN_OK;
    case KEY_BYTEA:
        put_bytea(b, str_data(&v->str), v->str.len);
        return QN_OK;
    case KEY_NUMERIC:
        if (v->phys == PHYS_STR) return key_put_numeric_str(ctx, b, v);
        key_put_numeric_int(b, v->phys == PHYS_I64 ? v->i64 : v->i128, v->scale);
        return QN_OK;
    case KEY_ARRAY:
        return put_array(ctx, &v->str, b);
    case KEY_RECORD:
    case KEY_RANGE:
    case KEY_MULTIRANGE:
    case KEY_OWN:
        return put_nested(ctx, c, v, b);
    case KEY_JSONB: {
        JsonbItem root = jsonb_root(&v->str);
        if (root.kind != JSONB_ARRAY || jsonb_count(root) != 0) return put_jsonb(ctx, root, b);
        strbuf_addc(b, 0);
        return QN_OK;
    }
    default:
        return RAISE_INTERNAL(ctx, "key column of no known encoding");
    }
}

Status
key_put_value(Ctx *ctx, const KeyColumn *c, const Value *v, StrBuf *b, bool *inexact)
{
    size_t start = b->nbytes;
    TRY(put_ascending(ctx, c, v, b, inexact));
    if (c->desc && !b->failed)
        for (size_t i = start; i < b->nbytes; i++) b->data[i] = (char)~b->data[i];
    return QN_OK;
}

Status
key_encode_value(Ctx *ctx, const KeyColumn *c, const Value *value, StrBuf *out, bool *inexact_out)
{
    static const char zeros[16];
    if (value->is_null) {
        if (c->not_null) return RAISE_INTERNAL(ctx, "NULL in a key column that has none");
        strbuf_addc(out, (char)key_null_mark(c));
        if (c->enc < KEY_FIXED_COUNT) strbuf_add(out, zeros, key_enc_width[c->enc]);
    } else {
        if (!c->not_null) strbuf_addc(out, 1);
        TRY(key_put_value(ctx, c, value, out, inexact_out));
    }
    return out->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
key_encode_values(Ctx *ctx, const KeyFormat *fmt, const Value *values, int nvalues, StrBuf *out,
                  bool *inexact_out)
{
    for (int i = 0; i < nvalues; i++)
        TRY(key_encode_value(ctx, &fmt->cols[i], &values[i], out, inexact_out));
    return QN_OK;
}
