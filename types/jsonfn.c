/* jsonfn.c - kernels of json: access, taking apart, building from SQL values. */
#include "common/settings.h"
#include "types/array.h"
#include "types/datetime.h"
#include "types/json.h"
#include "types/json_each.h"
#include "types/kernel.h"
#include "types/record.h"
#include "types/textfn.h"
#include <stdio.h>

/* A place in a json text. */
typedef struct Span {
    const char *p, *end;
} Span;

static Span
span_of(const Str *s)
{
    const char *p = str_data(s), *end = p + s->len;
    p = json_space(p, end);
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n' || end[-1] == '\r')) end--;
    return (Span){p, end};
}

static bool is_object(Span s) { return s.p < s.end && *s.p == '{'; }
static bool is_array(Span s) { return s.p < s.end && *s.p == '['; }
static bool is_json_null(Span s) { return s.end - s.p == 4 && *s.p == 'n'; }

/* The value of a key; of a repeated key the last one counts. */
static bool
find_field(Span s, const char *key, size_t nbytes, Span *out)
{
    bool found = false;
    JsonIter it = json_iter(s.p, s.end);
    if (!it.is_object) return false;
    while (json_next(&it))
        if (json_string_is(it.key, it.key_end, key, nbytes)) {
            *out = (Span){it.value, it.value_end};
            found = true;
        }
    return found;
}

static int
count_elements(Span s)
{
    int n = 0;
    JsonIter it = json_iter(s.p, s.end);
    while (json_next(&it)) n++;
    return n;
}

/* Element i, counted from 0, from the end when negative. */
static bool
find_element(Span s, int64_t i, Span *out)
{
    JsonIter it = json_iter(s.p, s.end);
    if (it.done || it.is_object) return false;
    if (i < 0 && (i += count_elements(s)) < 0) return false;
    while (json_next(&it))
        if (i-- == 0) {
            *out = (Span){it.value, it.value_end};
            return true;
        }
    return false;
}

/* Text may hold escapes that stand for no character; whoever looks into it is told, as in PostgreSQL. */
static Status
check_escapes(Ctx *ctx, Arena *arena, Span s)
{
    if (s.end <= s.p || memmem(s.p, (size_t)(s.end - s.p), "\\u", 2) == NULL) return QN_OK;
    StrBuf scratch = strbuf_new(arena);
    for (const char *p = s.p; p < s.end;) {
        if (*p != '"') {
            p++;
            continue;
        }
        const char *end = json_skip_string(p, s.end);
        scratch.nbytes = 0;
        TRY(json_unescape(ctx, &scratch, p, end));
        p = end;
    }
    return QN_OK;
}

/* The span as json, or as text: strings unquoted, JSON null NULL. */
static Status
put_span(KernelCall *call, int row, Span s, bool as_text)
{
    if (as_text && is_json_null(s)) {
        out_set_null(call, row);
        return QN_OK;
    }
    if (as_text && *s.p == '"') {
        StrBuf b = strbuf_new(call->arena);
        TRY(json_unescape(call->ctx, &b, s.p, s.end));
        return out_text(call, row, &b);
    }
    return str_copy(call->ctx, call->arena, s.p, (size_t)(s.end - s.p), &OUT(call, Str, row));
}

static Status
field_kernel(KernelCall *call, bool as_text)
{
    ROWS (call, i) {
        Str json = ARG(call, 0, Str, i), key = ARG(call, 1, Str, i);
        Span v;
        TRY(check_escapes(call->ctx, call->arena, span_of(&json)));
        if (find_field(span_of(&json), str_data(&key), key.len, &v))
            TRY(put_span(call, i, v, as_text));
        else
            out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_json_object_field(KernelCall *call) { return field_kernel(call, false); }
Status fn_json_object_field_text(KernelCall *call) { return field_kernel(call, true); }

static Status
element_kernel(KernelCall *call, bool as_text)
{
    ROWS (call, i) {
        Str json = ARG(call, 0, Str, i);
        Span v;
        TRY(check_escapes(call->ctx, call->arena, span_of(&json)));
        if (find_element(span_of(&json), ARG(call, 1, int32_t, i), &v))
            TRY(put_span(call, i, v, as_text));
        else
            out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_json_array_element(KernelCall *call) { return element_kernel(call, false); }
Status fn_json_array_element_text(KernelCall *call) { return element_kernel(call, true); }

/* One step of a path: a key, or the number of an element. */
static bool
path_step(Span *s, const char *step, size_t nbytes)
{
    if (is_object(*s)) return find_field(*s, step, nbytes, s);
    if (!is_array(*s) || nbytes == 0 || nbytes > 11) return false;
    int64_t v = 0;
    size_t i = step[0] == '-';
    if (i == nbytes) return false;
    for (; i < nbytes; i++) {
        if (!ascii_is_digit(step[i])) return false;
        v = v * 10 + (step[i] - '0');
    }
    if (v > INT32_MAX) return false;
    return find_element(*s, step[0] == '-' ? -v : v, s);
}

/* The path comes as one array of text, or as texts. */
static Status
path_kernel(KernelCall *call, bool as_text)
{
    ROWS (call, i) {
        Str json = ARG(call, 0, Str, i);
        Span s = span_of(&json);
        bool found = true;
        TRY(check_escapes(call->ctx, call->arena, s));
        const TypeInfo *t = type_info(call->args[1]->type);
        if (t != NULL && t->elem_oid != 0) {
            ArrayView path;
            array_view(&ARG(call, 1, Str, i), &path);
            for (uint32_t k = 0; k < path.nelems && found; k++) {
                Value step = array_element(&path, k);
                found = !step.is_null && path_step(&s, str_data(&step.str), step.str.len);
            }
        } else {
            for (int a = 1; a < call->nargs && found; a++) {
                const Str *step = &ARG(call, a, Str, i);
                found = path_step(&s, str_data(step), step->len);
            }
        }
        if (found)
            TRY(put_span(call, i, s, as_text));
        else
            out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_json_extract_path(KernelCall *call) { return path_kernel(call, false); }
Status fn_json_extract_path_text(KernelCall *call) { return path_kernel(call, true); }

Status
fn_json_typeof(KernelCall *call)
{
    ROWS (call, i) {
        Span s = span_of(&ARG(call, 0, Str, i));
        const char *name = *s.p == '{'   ? "object"
                           : *s.p == '[' ? "array"
                           : *s.p == '"' ? "string"
                           : *s.p == 't' || *s.p == 'f' ? "boolean"
                           : *s.p == 'n' ? "null"
                                         : "number";
        OUT(call, Str, i) = str_make(name, strlen(name));
    }
    return QN_OK;
}

Status
fn_json_array_length(KernelCall *call)
{
    ROWS (call, i) {
        Span s = span_of(&ARG(call, 0, Str, i));
        if (!is_array(s))
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot get array length of a %s",
                         is_object(s) ? "non-array" : "scalar");
        OUT(call, int32_t, i) = count_elements(s);
    }
    return QN_OK;
}

/* Writes s without the members that are null, and without white space. */
static Status
add_stripped(Ctx *ctx, StrBuf *b, Span s)
{
    TRY(ctx_check_depth(ctx));
    if (*s.p == '"') {
        StrBuf text = strbuf_new(b->arena);
        TRY(json_unescape(ctx, &text, s.p, s.end));
        json_add_string(b, text.data != NULL ? text.data : "", text.nbytes);
        return b->failed ? RAISE_OOM(ctx) : QN_OK;
    }
    if (!is_object(s) && !is_array(s)) {
        strbuf_add(b, s.p, (size_t)(s.end - s.p));
        return b->failed ? RAISE_OOM(ctx) : QN_OK;
    }
    JsonIter it = json_iter(s.p, s.end);
    bool first = true;
    strbuf_addc(b, it.is_object ? '{' : '[');
    while (json_next(&it)) {
        Span v = {it.value, it.value_end};
        if (it.is_object && is_json_null(v)) continue;
        if (!first) strbuf_addc(b, ',');
        first = false;
        if (it.is_object) {
            TRY(add_stripped(ctx, b, (Span){it.key, it.key_end}));
            strbuf_addc(b, ':');
        }
        TRY(add_stripped(ctx, b, v));
    }
    strbuf_addc(b, it.is_object ? '}' : ']');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
fn_json_strip_nulls(KernelCall *call)
{
    ROWS (call, i) {
        Str json = ARG(call, 0, Str, i);
        StrBuf b = strbuf_new(call->arena);
        TRY(add_stripped(call->ctx, &b, span_of(&json)));
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

/* From SQL values. */

static Status
add_array(Ctx *ctx, StrBuf *b, const ArrayView *a, int dim, uint32_t *at, bool pretty)
{
    strbuf_addc(b, '[');
    for (int32_t i = 0; i < (a->ndim > 0 ? a->dims[dim] : 0); i++) {
        if (i > 0) strbuf_addz(b, pretty ? ",\n " : ",");
        if (dim + 1 < a->ndim) {
            TRY(add_array(ctx, b, a, dim + 1, at, false));
        } else {
            Value v = array_element(a, (*at)++);
            TRY(json_add_value(ctx, b, &v, false));
        }
    }
    strbuf_addc(b, ']');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
json_row_fields(Ctx *ctx, Arena *arena, const Value *row, JsonField **out, int *n_out)
{
    RecordReader r;
    int kept = 0;
    TRY(record_read(ctx, arena, row, &r));
    TRY_ALLOC(ctx, *out, ARENA_ARRAY(arena, JsonField, r.n + 1));
    for (int i = 0; i < r.n; i++) {
        JsonField *f = &(*out)[kept];
        char *room;
        TRY_ALLOC(ctx, room, arena_alloc(arena, 16));
        kept += record_column(&r, i, room, &f->name, &f->name_bytes, &f->value);
    }
    *n_out = kept;
    return QN_OK;
}

static Status
add_record(Ctx *ctx, StrBuf *b, const Value *row, bool pretty)
{
    JsonField *fields;
    int n;
    TRY(json_row_fields(ctx, b->arena, row, &fields, &n));
    strbuf_addc(b, '{');
    for (int i = 0; i < n; i++) {
        if (i > 0) strbuf_addz(b, pretty ? ",\n " : ",");
        json_add_string(b, fields[i].name, fields[i].name_bytes);
        strbuf_addc(b, ':');
        TRY(json_add_value(ctx, b, &fields[i].value, false));
    }
    strbuf_addc(b, '}');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* NaN and the infinities are no JSON numbers. */
static bool
is_json_number(const char *s, size_t n)
{
    return n > 0 && (ascii_is_digit(s[n - 1])) && (ascii_is_digit(s[0]) || (s[0] == '-' && n > 1 && ascii_is_digit(s[1])));
}

Status
json_scalar_text(Ctx *ctx, StrBuf *b, const Value *v, bool *is_number_out)
{
    size_t start = b->nbytes;
    bool number = false;
    switch (v->type) {
    case TYPE_BOOL: strbuf_addz(b, v->b ? "true" : "false"); break;
    case TYPE_DATE: date_add_text(b, v->i32, DATESTYLE_ISO, DATEORDER_MDY); break;
    case TYPE_TIMESTAMP: timestamp_add_text(b, v->i64, DATESTYLE_ISO, DATEORDER_MDY, true); break;
    case TYPE_TIMESTAMPTZ:
        timestamptz_add_text(b, session_timezone(ctx), v->i64, DATESTYLE_ISO, DATEORDER_MDY, true);
        break;
    case TYPE_INT2: case TYPE_INT4: case TYPE_INT8: case TYPE_NUMERIC: case TYPE_FLOAT4: case TYPE_FLOAT8: number = true; /* FALLTHROUGH */
    default: TRY(value_out(ctx, b, v)); break;
    }
    if (b->failed) return RAISE_OOM(ctx);
    *is_number_out = number && b->nbytes > start && is_json_number(b->data + start, b->nbytes - start);
    return QN_OK;
}

Status
json_add_value(Ctx *ctx, StrBuf *b, const Value *v, bool pretty)
{
    TRY(ctx_check_depth(ctx));
    if (v->is_null) {
        strbuf_addz(b, "null");
        return b->failed ? RAISE_OOM(ctx) : QN_OK;
    }
    const TypeInfo *t = type_info(v->type);
    if (t != NULL && t->elem_oid != 0) {
        ArrayView a;
        uint32_t at = 0;
        array_view(&v->str, &a);
        return add_array(ctx, b, &a, 0, &at, pretty);
    }
    if (type_is_row(v->type)) return add_record(ctx, b, v, pretty);
    StrBuf text = strbuf_new(b->arena);
    bool bare = false;
    switch (v->type) {
    case TYPE_JSON: strbuf_add(b, str_data(&v->str), v->str.len); return b->failed ? RAISE_OOM(ctx) : QN_OK;
    case TYPE_JSONB: return value_out(ctx, b, v);
    default: TRY(json_scalar_text(ctx, &text, v, &bare)); break;
    }
    if (bare || v->type == TYPE_BOOL)
        strbuf_add(b, text.data, text.nbytes);
    else
        json_add_string(b, text.data != NULL ? text.data : "", text.nbytes);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

static Status
to_json_kernel(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        Value v = vec_get(call->args[0], i);
        bool pretty = call->nargs > 1 && ARG(call, 1, uint8_t, i) != 0;
        TRY(json_add_value(call->ctx, &b, &v, pretty));
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status fn_to_json(KernelCall *call) { return to_json_kernel(call); }
Status fn_row_to_json(KernelCall *call) { return to_json_kernel(call); }
Status fn_row_to_json_pretty(KernelCall *call) { return to_json_kernel(call); }
Status fn_array_to_json(KernelCall *call) { return to_json_kernel(call); }
Status fn_array_to_json_pretty(KernelCall *call) { return to_json_kernel(call); }

Status
json_key_text(Ctx *ctx, StrBuf *b, const Value *v)
{
    const TypeInfo *t = type_info(v->type);
    bool number;
    if (v->type == TYPE_JSON || v->type == TYPE_JSONB || type_is_row(v->type) || (t != NULL && t->elem_oid != 0))
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "key value must be scalar, not array, composite, or json");
    return json_scalar_text(ctx, b, v, &number);
}

Status
json_add_key(Ctx *ctx, StrBuf *b, const Value *v)
{
    StrBuf text = strbuf_new(b->arena);
    TRY(json_key_text(ctx, &text, v));
    json_add_string(b, text.data != NULL ? text.data : "", text.nbytes);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
fn_json_build_object(KernelCall *call)
{
    ROWS (call, i) {
        int n = call->nargs;
        StrBuf b = strbuf_new(call->arena);
        if (n % 2 != 0)
            return err_hint(call->ctx,
                            RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "argument list must have even number of elements"),
                            "The arguments of %s must consist of alternating keys and values.", "json_build_object()");
        strbuf_addc(&b, '{');
        for (int a = 0; a < n; a += 2) {
            Value key = vec_get(call->args[a], i), v = vec_get(call->args[a + 1], i);
            if (a > 0) strbuf_addz(&b, ", ");
            if (key.is_null)
                return err_hint(call->ctx,
                                RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "argument %d cannot be null", a + 1),
                                "Object keys should be text.");
            TRY(json_add_key(call->ctx, &b, &key));
            strbuf_addz(&b, " : ");
            TRY(json_add_value(call->ctx, &b, &v, false));
        }
        strbuf_addc(&b, '}');
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status fn_json_build_object_noargs(KernelCall *call) { return fn_json_build_object(call); }

Status
fn_json_build_array(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        strbuf_addc(&b, '[');
        for (int a = 0; a < call->nargs; a++) {
            Value v = vec_get(call->args[a], i);
            if (a > 0) strbuf_addz(&b, ", ");
            TRY(json_add_value(call->ctx, &b, &v, false));
        }
        strbuf_addc(&b, ']');
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status fn_json_build_array_noargs(KernelCall *call) { return fn_json_build_array(call); }

/* json_object: from one array of alternating keys and values, or pairs, or two arrays. */

static Status
add_pair(KernelCall *call, StrBuf *b, bool first, const Value *key, const Value *v)
{
    if (key->is_null)
        return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key");
    if (!first) strbuf_addz(b, ", ");
    json_add_string(b, str_data(&key->str), key->str.len);
    strbuf_addz(b, " : ");
    if (v->is_null)
        strbuf_addz(b, "null");
    else
        json_add_string(b, str_data(&v->str), v->str.len);
    return b->failed ? RAISE_OOM(call->ctx) : QN_OK;
}

Status
json_object_shape(Ctx *ctx, const ArrayView *a)
{
    if (a->ndim == 1 && a->nelems % 2 != 0)
        return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "array must have even number of elements");
    if (a->ndim == 2 && a->dims[1] != 2)
        return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "array must have two columns");
    if (a->ndim > 2) return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
    return QN_OK;
}

Status
json_object_shapes(Ctx *ctx, const ArrayView *keys, const ArrayView *values)
{
    if (keys->ndim > 1 || values->ndim > 1)
        return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
    if (keys->nelems != values->nelems)
        return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "mismatched array dimensions");
    return QN_OK;
}

Status
fn_json_object(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView a;
        StrBuf b = strbuf_new(call->arena);
        array_view(&ARG(call, 0, Str, i), &a);
        TRY(json_object_shape(call->ctx, &a));
        strbuf_addc(&b, '{');
        for (uint32_t k = 0; k + 1 < a.nelems; k += 2) {
            Value key = array_element(&a, k), v = array_element(&a, k + 1);
            TRY(add_pair(call, &b, k == 0, &key, &v));
        }
        strbuf_addc(&b, '}');
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status
fn_json_object_two_arg(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView keys, values;
        StrBuf b = strbuf_new(call->arena);
        array_view(&ARG(call, 0, Str, i), &keys);
        array_view(&ARG(call, 1, Str, i), &values);
        TRY(json_object_shapes(call->ctx, &keys, &values));
        strbuf_addc(&b, '{');
        for (uint32_t k = 0; k < keys.nelems; k++) {
            Value key = array_element(&keys, k), v = array_element(&values, k);
            TRY(add_pair(call, &b, k == 0, &key, &v));
        }
        strbuf_addc(&b, '}');
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

/* Set-returning. */

typedef struct Each {
    Str json;
    JsonIter it;
    EachKind kind;
} Each;

static Status
each_open(Ctx *ctx, Arena *arena, const Value *args, EachKind kind, const char *name, void **state_out)
{
    Each *e;
    TRY_ALLOC(ctx, e, ARENA_NEW(arena, Each));
    *state_out = e;
    e->kind = kind;
    e->it.done = true;
    if (args[0].is_null) return QN_OK;
    e->json = args[0].str;
    Span s = span_of(&e->json);
    TRY(check_escapes(ctx, arena, s));
    bool scalar = !is_object(s) && !is_array(s);
    if (kind <= EACH_ELEMENT_TEXT) {
        if (!is_array(s))
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot call %s on a %s", name,
                         scalar ? "scalar" : "non-array");
    } else if (kind == EACH_KEY) {
        if (!is_object(s))
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot call %s on %s", name,
                         scalar ? "a scalar" : "an array");
    } else if (!is_object(s)) {
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot deconstruct %s",
                     scalar ? "a scalar" : "an array as an object");
    }
    e->it = json_iter(s.p, s.end);
    return QN_OK;
}

static Status
put_text(Ctx *ctx, Arena *arena, Vector *out, int row, const char *p, const char *end, bool as_text)
{
    Str *slot = (Str *)out->data + row;
    *slot = str_make("", 0);
    if (as_text && end - p == 4 && *p == 'n') {
        vec_set_null(out, row);
        return QN_OK;
    }
    if (as_text && *p == '"') {
        StrBuf b = strbuf_new(arena);
        TRY(json_unescape(ctx, &b, p, end));
        *slot = str_make(b.data != NULL ? b.data : "", b.nbytes);
        return QN_OK;
    }
    return str_copy(ctx, arena, p, (size_t)(end - p), slot);
}

static Status
each_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Each *e = state;
    int n = 0;
    bool as_text = each_as_text(e->kind);
    bool with_key = e->kind >= EACH_MEMBER;
    for (; n < BATCH_ROWS && json_next(&e->it); n++) {
        if (with_key) TRY(put_text(ctx, arena, out[0], n, e->it.key, e->it.key_end, true));
        if (e->kind != EACH_KEY)
            TRY(put_text(ctx, arena, out[with_key], n, e->it.value, e->it.value_end, as_text));
    }
    *n_out = n;
    return QN_OK;
}

EACH_FAMILY(json, TYPE_JSON)
