/* record.c - see record.h. */
#include "types/record.h"
#include "common/hash.h"
#include "types/array.h"
#include "types/type_io.h"
#include <stdio.h>

#define NULL_BIT 0x80000000u

static uint32_t
get_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

#define NAMES_BIT 0x80000000u

int
record_count(const Str *s)
{
    return s->len < 4 ? 0 : (int)(get_u32(str_data(s)) & ~NAMES_BIT);
}

/* Where the names' ends begin, NULL if there are none; *data_out: where the fields' bytes begin. */
static const char *
names_of(const char *p, const char **data_out)
{
    uint32_t n = get_u32(p);
    const char *after = p + 4 + (size_t)(n & ~NAMES_BIT) * 8;
    *data_out = after;
    if ((n & NAMES_BIT) == 0 || n == NAMES_BIT) return NULL;
    n &= ~NAMES_BIT;
    *data_out = after + (size_t)n * 4 + get_u32(after + (size_t)(n - 1) * 4);
    return after;
}

bool
record_field_name(const Str *s, int i, const char **name_out, size_t *nbytes_out)
{
    const char *data, *ends = names_of(str_data(s), &data);
    if (ends == NULL) return false;
    uint32_t from = i == 0 ? 0 : get_u32(ends + (size_t)(i - 1) * 4);
    *name_out = ends + (size_t)record_count(s) * 4 + from;
    *nbytes_out = get_u32(ends + (size_t)i * 4) - from;
    return true;
}

Value
record_field(const Str *s, int i)
{
    const char *p = str_data(s), *head = p + 4 + (size_t)i * 8, *data;
    uint32_t from = i == 0 ? 0 : get_u32(head - 4) & ~NULL_BIT, end = get_u32(head + 4);
    Value v = value_null(get_u32(head));
    if (end & NULL_BIT) return v;
    v.is_null = false;
    v.phys = (uint8_t)type_phys(v.type, -1);
    names_of(p, &data);
    if (v.phys == PHYS_STR)
        v.str = str_make(data + from, end - from);
    else
        memcpy(&v.i128, data + from, phys_width[v.phys]);
    return v;
}

Status
record_make_named(Ctx *ctx, Arena *arena, const Value *fields, const char *const *names, int nfields, Str *out)
{
    StrBuf b = strbuf_new(arena), data = strbuf_new(arena);
    uint32_t n = (uint32_t)nfields | (names != NULL ? NAMES_BIT : 0), name_end = 0;
    char *text;
    size_t nbytes;
    strbuf_add(&b, (const char *)&n, 4);
    for (int i = 0; i < nfields; i++) {
        Value v;
        TRY(value_default_form(ctx, arena, &fields[i], &v));
        if (!v.is_null && v.phys == PHYS_STR)
            strbuf_add(&data, str_data(&v.str), v.str.len);
        else if (!v.is_null)
            strbuf_add(&data, (const char *)&v.i128, phys_width[v.phys]);
        if (data.nbytes >= NULL_BIT / 2)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "row is too big");
        uint32_t end = (uint32_t)data.nbytes | (v.is_null ? NULL_BIT : 0);
        strbuf_add(&b, (const char *)&v.type, 4);
        strbuf_add(&b, (const char *)&end, 4);
    }
    for (int i = 0; names != NULL && i < nfields; i++) {
        name_end += (uint32_t)strlen(names[i]);
        strbuf_add(&b, (const char *)&name_end, 4);
    }
    for (int i = 0; names != NULL && i < nfields; i++) strbuf_addz(&b, names[i]);
    if (data.failed) return RAISE_OOM(ctx);
    if (data.nbytes != 0) strbuf_add(&b, data.data, data.nbytes);
    TRY(strbuf_finish(ctx, &b, &text, &nbytes));
    *out = str_make(text, nbytes);
    return QN_OK;
}

Status
record_make(Ctx *ctx, Arena *arena, const Value *fields, int nfields, Str *out)
{
    return record_make_named(ctx, arena, fields, NULL, nfields, out);
}

Status
record_read(Ctx *ctx, Arena *arena, const Value *v, RecordReader *out)
{
    const TypeInfo *t = type_info(v->type);
    *out = (RecordReader){.s = &v->str, .n = record_count(&v->str)};
    if (t == NULL || t->shape == NULL) return QN_OK;
    TRY(t->shape(ctx, arena, t, &out->shape));
    out->has_shape = true;
    out->n = out->shape.n;
    return QN_OK;
}

bool
record_column(const RecordReader *r, int i, char *room, const char **name_out, size_t *nbytes_out, Value *out)
{
    if (r->has_shape) {
        if (r->shape.names[i] == NULL) return false;
        *name_out = r->shape.names[i];
        *nbytes_out = strlen(r->shape.names[i]);
    } else if (!record_field_name(r->s, i, name_out, nbytes_out)) {
        *nbytes_out = (size_t)snprintf(room, 16, "f%d", i + 1);
        *name_out = room;
    }
    *out = i < record_count(r->s) ? record_field(r->s, i) : value_null(type_base(r->shape.types[i]));
    return true;
}

int
record_compare(const Str *a, const Str *b)
{
    int na = record_count(a), nb = record_count(b);
    for (int i = 0; i < na && i < nb; i++) {
        Value x = record_field(a, i), y = record_field(b, i);
        if (x.is_null || y.is_null) {
            if (x.is_null != y.is_null) return x.is_null ? 1 : -1;
            continue;
        }
        const TypeInfo *t = type_info(x.type);
        int c;
        if (x.type != y.type)
            c = x.type < y.type ? -1 : 1;
        else if (t != NULL && t->cmp != NULL)
            c = t->cmp(&x, &y);
        else
            c = str_cmp(&x.str, &y.str);
        if (c != 0) return c < 0 ? -1 : 1;
    }
    return (na > nb) - (na < nb);
}

int
record_cmp(const Value *a, const Value *b)
{
    return record_compare(&a->str, &b->str);
}

uint64_t
record_hash(const Value *v)
{
    int n = record_count(&v->str);
    uint64_t h = hash_u64((uint64_t)n);
    for (int i = 0; i < n; i++) {
        Value f = record_field(&v->str, i);
        const TypeInfo *t = type_info(f.type);
        h = hash_combine(h, f.is_null                      ? HASH_NULL
                            : t != NULL && t->hash != NULL ? t->hash(&f)
                                                           : hash_bytes(str_data(&f.str), f.str.len));
    }
    return h;
}

/* ---- text form: (field,field) ---- */

Status
record_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)arena, (void)text, (void)nbytes, (void)type, (void)typmod, (void)out;
    return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "input of anonymous composite types is not implemented");
}

static bool
needs_quotes(const char *s, size_t nbytes)
{
    if (nbytes == 0) return true;
    for (size_t i = 0; i < nbytes; i++)
        if (s[i] == '"' || s[i] == '\\' || s[i] == '(' || s[i] == ')' || s[i] == ',' || ascii_is_space(s[i]))
            return true;
    return false;
}

/* v as a field of the text form; room is working space. */
static Status
add_field(Ctx *ctx, StrBuf *b, StrBuf *room, const Value *v)
{
    if (v->is_null) return QN_OK;
    room->nbytes = 0;
    TRY(value_out(ctx, room, v));
    if (!strbuf_reserve(room, 0)) return RAISE_OOM(ctx);
    if (!needs_quotes(room->data, room->nbytes)) {
        strbuf_add(b, room->data, room->nbytes);
        return QN_OK;
    }
    strbuf_addc(b, '"');
    for (size_t j = 0; j < room->nbytes; j++) {
        if (room->data[j] == '"' || room->data[j] == '\\') strbuf_addc(b, room->data[j]);
        strbuf_addc(b, room->data[j]);
    }
    strbuf_addc(b, '"');
    return QN_OK;
}

Status
record_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    int n = record_count(&value->str);
    StrBuf room = strbuf_new(b->arena);
    TRY(ctx_check_depth(ctx));
    strbuf_addc(b, '(');
    for (int i = 0; i < n; i++) {
        Value v = record_field(&value->str, i);
        if (i > 0) strbuf_addc(b, ',');
        TRY(add_field(ctx, b, &room, &v));
    }
    strbuf_addc(b, ')');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* A value holds a field for each attribute its type had when it was made, dropped ones included. */
Status
composite_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    StrBuf room = strbuf_new(b->arena);
    RecordReader r;
    bool first = true;
    TRY(ctx_check_depth(ctx));
    TRY(record_read(ctx, b->arena, value, &r));
    strbuf_addc(b, '(');
    for (int i = 0; i < r.n; i++) {
        char name_room[16];
        const char *name;
        size_t nbytes;
        Value v;
        if (!record_column(&r, i, name_room, &name, &nbytes, &v)) continue;
        if (!first) strbuf_addc(b, ',');
        first = false;
        TRY(add_field(ctx, b, &room, &v));
    }
    strbuf_addc(b, ')');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
record_shape(Ctx *ctx, Arena *arena, Oid type, TypeShape *out)
{
    const TypeInfo *t = type_info(type);
    if (t == NULL || t->shape == NULL)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "type %s is not composite", t != NULL ? t->sql_name : "???");
    return t->shape(ctx, arena, t, out);
}

typedef struct RecordText {
    Ctx *ctx;
    const char *text, *p, *end;
} RecordText;

static Status
malformed(RecordText *r, const char *detail)
{
    Status st = RAISE(r->ctx, ERR_INVALID_TEXT_REPRESENTATION, "malformed record literal: \"%.*s\"",
                      (int)(r->end - r->text), r->text);
    return err_detail(r->ctx, st, "%s", detail);
}

/* One field's text, up to the comma or parenthesis after it. */
static Status
read_field(RecordText *r, StrBuf *out, bool *is_null_out)
{
    bool quoted = false, any = false;
    out->nbytes = 0;
    for (; r->p < r->end; r->p++) {
        char c = *r->p;
        if (!quoted && (c == ',' || c == ')')) break;
        any = true;
        if (c == '\\') {
            if (++r->p == r->end) return malformed(r, "Unexpected end of input.");
            strbuf_addc(out, *r->p);
        } else if (c == '"' && quoted && r->p + 1 < r->end && r->p[1] == '"') {
            strbuf_addc(out, *++r->p);
        } else if (c == '"') {
            quoted = !quoted;
        } else {
            strbuf_addc(out, c);
        }
    }
    *is_null_out = !any;
    if (r->p == r->end) return malformed(r, "Unexpected end of input.");
    return out->failed || !strbuf_reserve(out, 0) ? RAISE_OOM(r->ctx) : QN_OK;
}

static void
skip_space(RecordText *r)
{
    while (r->p < r->end && ascii_is_space(*r->p)) r->p++;
}

/* A field of a composite type that has been read is one of its domain. */
static Status
check_field(Ctx *ctx, Oid type, const Value *v)
{
    return type_kind(type) == TYPTYPE_DOMAIN ? type_check_domain(ctx, type, v) : QN_OK;
}

Status
composite_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    RecordText r = {.ctx = ctx, .text = text, .p = text, .end = text + nbytes};
    StrBuf room = strbuf_new(arena);
    TypeShape shape;
    Value *fields;
    Str s;
    bool first = true;
    (void)typmod;
    TRY(ctx_check_depth(ctx));
    TRY(record_shape(ctx, arena, type, &shape));
    TRY_ALLOC(ctx, fields, ARENA_ARRAY(arena, Value, shape.n + 1));
    skip_space(&r);
    if (r.p == r.end || *r.p++ != '(') return malformed(&r, "Missing left parenthesis.");
    for (int i = 0; i < shape.n; i++) {
        bool is_null;
        fields[i] = value_null(type_base(shape.types[i]));
        if (shape.names[i] == NULL) continue;
        if (!first) {
            if (r.p == r.end || *r.p != ',') return malformed(&r, "Too few columns.");
            r.p++;
        }
        first = false;
        TRY(read_field(&r, &room, &is_null));
        if (!is_null) TRY(value_in(ctx, arena, room.data, room.nbytes, shape.types[i], shape.typmods[i], &fields[i]));
        TRY(check_field(ctx, shape.types[i], &fields[i]));
    }
    if (r.p == r.end) return malformed(&r, "Unexpected end of input.");
    if (*r.p++ != ')') return malformed(&r, "Too many columns.");
    skip_space(&r);
    if (r.p != r.end) return malformed(&r, "Junk after right parenthesis.");
    TRY(record_make(ctx, arena, fields, shape.n, &s));
    *out = value_str(type, s);
    return QN_OK;
}

Status
composite_make(Ctx *ctx, Arena *arena, Oid type, const Value *fields, Str *out)
{
    TypeShape shape;
    Value *all;
    int at = 0;
    TRY(record_shape(ctx, arena, type, &shape));
    TRY_ALLOC(ctx, all, ARENA_ARRAY(arena, Value, shape.n + 1));
    for (int i = 0; i < shape.n; i++)
        all[i] = shape.names[i] != NULL ? fields[at++] : value_null(type_base(shape.types[i]));
    return record_make(ctx, arena, all, shape.n, out);
}

/* Numbers as unsigned words, everything else as bytes, shorter first: an order of the stored form alone. */
static int
image_compare_field(const Value *a, const Value *b)
{
    if (a->phys == PHYS_STR) return str_cmp(&a->str, &b->str);
    size_t n = phys_width[a->phys];
    if (n > 8) {
        int c = memcmp(&a->i128, &b->i128, n);
        return (c > 0) - (c < 0);
    }
    uint64_t x = 0, y = 0;
    switch (a->phys) {
    case PHYS_I16: x = (uint64_t)(int64_t)a->i16, y = (uint64_t)(int64_t)b->i16; break;
    case PHYS_I32: x = (uint64_t)(int64_t)a->i32, y = (uint64_t)(int64_t)b->i32; break;
    default: memcpy(&x, &a->i64, n), memcpy(&y, &b->i64, n); break;
    }
    return (x > y) - (x < y);
}

int
record_image_compare(const Str *a, const Str *b)
{
    int na = record_count(a), nb = record_count(b);
    for (int i = 0; i < na && i < nb; i++) {
        Value x = record_field(a, i), y = record_field(b, i);
        int c = x.is_null || y.is_null ? (int)x.is_null - (int)y.is_null : image_compare_field(&x, &y);
        if (c != 0) return c;
    }
    return (na > nb) - (na < nb);
}
