/* type.c - see type.h. The table is constant; lookup by oid is one load. Types made in a database are in usertypes.c. */
#include "types/type.h"

#include "types/type_io.h"
#include "types/usertypes.h"

#define TYPEKEY(SYM, fn) void fn(const Value *v, StrBuf *b);
#include "types/typekeys.def"
#undef TYPEKEY
#include <assert.h>

const uint8_t phys_width[PHYS_COUNT] = {
    [PHYS_BOOL] = 1, [PHYS_I16] = 2,   [PHYS_I32] = 4,       [PHYS_I64] = 8,   [PHYS_F32] = 4,
    [PHYS_F64] = 8,  [PHYS_I128] = 16, [PHYS_INTERVAL] = 16, [PHYS_UUID] = 16, [PHYS_STR] = 16,
};

#define no_cmp NULL
#define no_hash NULL
static const TypeInfo types[] = {
#define TYPE(oid_, SYM, name_, sql, phys_, len, cat, pref, arr, elem, rev, in_, out_, cmp_, hash_) \
    {.oid = oid_,         .name = name_,     .sql_name = sql,    .phys = PHYS_##phys_,             \
     .category = cat,     .preferred = pref, .typlen = len,      .array_oid = arr,                 \
     .elem_oid = elem,    .reversible_key = rev, .in = in_,      .out = out_,                      \
     .cmp = cmp_,         .hash = hash_},
#include "types/types.def"
#undef TYPE
};
#undef no_cmp
#undef no_hash

enum {
#define TYPE(oid, SYM, ...) ROW_##SYM,
#include "types/types.def"
#undef TYPE
    NTYPES
};

/* Row number plus 1, by oid; a repeated oid is a compiler warning. */
static const uint16_t row_of[] = {
#define TYPE(oid, SYM, ...) [oid] = ROW_##SYM + 1,
#include "types/types.def"
#undef TYPE
};
_Static_assert(NTYPES < 65535, "row_of holds 16 bits");

const TypeInfo *
type_info(Oid oid)
{
    if (oid >= sizeof(row_of)) return type_set_find(oid);
    return row_of[oid] != 0 ? &types[row_of[oid] - 1] : NULL;
}

char
type_kind(Oid type)
{
    const TypeInfo *t = type_info(type);
    if (t == NULL) return TYPTYPE_BASE;
    if (t->made != 0) return t->made;
    if (t->category == TYPCAT_PSEUDO) return TYPTYPE_PSEUDO;
    if (t->category == TYPCAT_RANGE) return t->out == range_out ? TYPTYPE_RANGE : TYPTYPE_MULTIRANGE;
    return TYPTYPE_BASE;
}

Oid
type_plain(Oid type)
{
    const TypeInfo *t = type_info(type_base(type));
    if (type < TYPE_FIRST_MADE || t == NULL || t->elem_oid == 0) return type_base(type);
    const TypeInfo *elem = type_info(type_plain(t->elem_oid));
    return elem != NULL && elem->array_oid != 0 ? elem->array_oid : t->oid;
}

bool
type_is_row(Oid type)
{
    type = type_base(type);
    return type == TYPE_RECORD || type_kind(type) == TYPTYPE_COMPOSITE;
}

Oid
type_base_typmod(Oid type, int32_t *typmod)
{
    if (type < TYPE_FIRST_MADE) return type;
    const TypeInfo *t = type_info(type);
    if (t == NULL || t->base_oid == 0) return type;
    *typmod = t->base_typmod;
    return t->base_oid;
}

Oid
type_base(Oid type)
{
    int32_t typmod;
    return type_base_typmod(type, &typmod);
}

Status
type_check_domain(Ctx *ctx, Oid domain, const Value *v)
{
    return ctx->check_domain != NULL ? ctx->check_domain(ctx, domain, v) : QN_OK;
}

const TypeInfo *
type_by_name(const char *name)
{
    for (int i = 0; i < NTYPES; i++)
        if (strcmp(types[i].name, name) == 0) return &types[i];
    return NULL;
}

int
type_count(void)
{
    return NTYPES;
}

const TypeInfo *
type_at(int i)
{
    assert(i >= 0 && i < NTYPES);
    return &types[i];
}

Phys
type_phys(Oid type, int32_t typmod)
{
    type = type_base_typmod(type, &typmod);
    if (type == TYPE_NUMERIC && typmod >= 4) {
        int precision = numeric_typmod_precision(typmod), scale = numeric_typmod_scale(typmod);
        if (scale < 0 || scale > 38 || precision > 38) return PHYS_STR;
        return precision <= 18 ? PHYS_I64 : PHYS_I128;
    }
    const TypeInfo *t = type_info(type);
    return t != NULL ? t->phys : PHYS_STR; /* a user's type, composite or enum, is bytes */
}

/* Bits of an interval's typmod: which fields it keeps. */
static const struct {
    int mask;
    const char *text;
} interval_fields[] = {
    {1 << 2, " year"},
    {1 << 1, " month"},
    {1 << 3, " day"},
    {1 << 10, " hour"},
    {1 << 11, " minute"},
    {1 << 12, " second"},
    {1 << 2 | 1 << 1, " year to month"},
    {1 << 3 | 1 << 10, " day to hour"},
    {1 << 3 | 1 << 10 | 1 << 11, " day to minute"},
    {1 << 3 | 1 << 10 | 1 << 11 | 1 << 12, " day to second"},
    {1 << 10 | 1 << 11, " hour to minute"},
    {1 << 10 | 1 << 11 | 1 << 12, " hour to second"},
    {1 << 11 | 1 << 12, " minute to second"},
};

static void
format_interval(StrBuf *b, int32_t typmod)
{
    int range = typmod >> 16 & 0x7FFF, precision = typmod & 0xFFFF;
    strbuf_addz(b, "interval");
    for (size_t i = 0; i < sizeof(interval_fields) / sizeof(interval_fields[0]); i++)
        if (interval_fields[i].mask == range) strbuf_addz(b, interval_fields[i].text);
    if (precision != 0xFFFF) strbuf_addf(b, "(%d)", precision);
}

static void
format_scalar(StrBuf *b, const TypeInfo *t, int32_t typmod)
{
    if (typmod < 0) {
        strbuf_addz(b, t->sql_name);
        return;
    }
    switch (t->oid) {
    case TYPE_NUMERIC:
        strbuf_addf(b, "numeric(%d,%d)", numeric_typmod_precision(typmod),
                    numeric_typmod_scale(typmod));
        break;
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
        strbuf_addf(b, "%s(%d)", t->sql_name, typmod - 4);
        break;
    case TYPE_BIT:
    case TYPE_VARBIT: strbuf_addf(b, "%s(%d)", t->sql_name, typmod); break;
    case TYPE_TIME:
        strbuf_addf(b, "time(%d) without time zone", typmod);
        break;
    case TYPE_TIMETZ: strbuf_addf(b, "time(%d) with time zone", typmod); break;
    case TYPE_TIMESTAMP:
        strbuf_addf(b, "timestamp(%d) without time zone", typmod);
        break;
    case TYPE_TIMESTAMPTZ:
        strbuf_addf(b, "timestamp(%d) with time zone", typmod);
        break;
    case TYPE_INTERVAL:
        format_interval(b, typmod);
        break;
    default:
        strbuf_addz(b, t->sql_name);
    }
}

Status
type_format(Ctx *ctx, Arena *arena, Oid type, int32_t typmod, const char **out)
{
    StrBuf b = strbuf_new(arena);
    const TypeInfo *t = type_info(type);
    char *text;
    size_t nbytes;
    if (t == NULL) {
        strbuf_addz(&b, "???"); /* as PostgreSQL shows a type that is gone */
    } else if (t->format != NULL) {
        TRY(t->format(ctx, t, &b));
    } else if (t->elem_oid != 0 && typmod >= 0) {
        format_scalar(&b, type_info(t->elem_oid), typmod);
        strbuf_addz(&b, "[]");
    } else {
        format_scalar(&b, t, typmod);
    }
    TRY(strbuf_finish(ctx, &b, &text, &nbytes));
    *out = text;
    return QN_OK;
}

Status
value_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
         Value *out)
{
    const TypeInfo *t = type_info(type);
    if (t == NULL) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type with OID %u does not exist", type);
    if (t->base_oid != 0) { /* what the domain asks for is checked by expressions */
        type = t->base_oid;
        t = type_info(type);
    }
    TRY(t->in(ctx, arena, text, nbytes, type, typmod, out));
    assert(out->type == type);
    return QN_OK;
}

Status
value_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    const TypeInfo *t = type_info(v->type);
    assert(!v->is_null);
    if (t == NULL)
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type with OID %u does not exist", v->type);
    if (t->base_oid == 0) return t->out(ctx, b, v);
    Value base = *v;
    base.type = t->base_oid;
    return t->out(ctx, b, &base);
}

Status
value_copy(Ctx *ctx, Arena *arena, const Value *v, Value *out)
{
    *out = *v;
    if (!v->is_null && v->phys == PHYS_STR && v->str.len > STR_INLINE_MAX)
        TRY_ALLOC(ctx, out->str.ptr, arena_memdup(arena, v->str.ptr, v->str.len));
    return QN_OK;
}

TypeKey
type_key(Oid type)
{
    switch (type) {
#define TYPEKEY(SYM, fn)                                                                           \
    case TYPE_##SYM: return fn;
#include "types/typekeys.def"
#undef TYPEKEY
    default: return NULL;
    }
}

Status
pseudo_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
          Value *out)
{
    (void)arena, (void)text, (void)nbytes, (void)typmod, (void)out;
    return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot accept a value of type %s",
                 type_info(type)->name);
}

Status
pseudo_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    if (value->type == TYPE_VOID) return QN_OK; /* prints as the empty string */
    (void)b;
    return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot display a value of type %s",
                 type_info(value->type)->name);
}
