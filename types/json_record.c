/* json_record.c - rows of JSON objects: json_populate_record, json_to_record, their sets, and the same of jsonb.
 *
 * Each attribute takes the member of its name, converted by its type: scalars by their input functions from the
 * member's text, arrays and composite types part by part. */
#include "types/array.h"
#include "types/json.h"
#include "types/jsonb.h"
#include "types/kernel.h"
#include "types/record.h"

/* A JSON value, as text or as jsonb. */
typedef struct JValue {
    bool is_text;
    const char *p, *end; /* text, without white space around it */
    JsonbItem it;
} JValue;

typedef struct Fill {
    Ctx *ctx;
    Arena *arena;
    const char *function; /* for errors */
    const char *column;
} Fill;

static JValue
text_value(const char *p, const char *end)
{
    p = json_space(p, end);
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n' || end[-1] == '\r')) end--;
    return (JValue){.is_text = true, .p = p, .end = end};
}

static JValue
whole_value(const Value *v)
{
    if (v->type == TYPE_JSONB) return (JValue){.it = jsonb_root(&v->str)};
    return text_value(str_data(&v->str), str_data(&v->str) + v->str.len);
}

static JsonbKind
kind_of(JValue v)
{
    if (!v.is_text) return (JsonbKind)v.it.kind;
    switch (*v.p) {
    case '{': return JSONB_OBJECT;
    case '[': return JSONB_ARRAY;
    case '"': return JSONB_STRING;
    case 't': return JSONB_TRUE;
    case 'f': return JSONB_FALSE;
    case 'n': return JSONB_NULL;
    default: return JSONB_NUMBER;
    }
}

static bool
find_member(JValue object, const char *key, JValue *out)
{
    size_t nbytes = strlen(key);
    *out = (JValue){0};
    if (!object.is_text) return jsonb_find(object.it, key, nbytes, &out->it, NULL);
    bool found = false;
    JsonIter it = json_iter(object.p, object.end);
    while (json_next(&it))
        if (json_string_is(it.key, it.key_end, key, nbytes)) {
            *out = text_value(it.value, it.value_end);
            found = true;
        }
    return found;
}

/* Elements of an array, one after the other. */
typedef struct Elements {
    JValue array;
    JsonIter it;
    uint32_t at;
} Elements;

static Elements
elements_of(JValue array)
{
    Elements e = {.array = array};
    if (array.is_text) e.it = json_iter(array.p, array.end);
    return e;
}

static bool
next_element(Elements *e, JValue *out)
{
    if (e->array.is_text) {
        if (!json_next(&e->it)) return false;
        *out = text_value(e->it.value, e->it.value_end);
        return true;
    }
    if (e->at == jsonb_count(e->array.it)) return false;
    *out = (JValue){.it = jsonb_element(e->array.it, e->at++)};
    return true;
}

static Status fill_field(Fill *f, Oid type, int32_t typmod, JValue v, bool missing, const Value *otherwise, Value *out);

static Status
fill_scalar(Fill *f, Oid type, int32_t typmod, JValue v, Value *out)
{
    StrBuf b = strbuf_new(f->arena);
    bool is_json = type == TYPE_JSON || type == TYPE_JSONB;
    if (v.is_text && kind_of(v) == JSONB_STRING) {
        StrBuf text = strbuf_new(f->arena);
        TRY(json_unescape(f->ctx, &text, v.p, v.end));
        if (is_json)
            json_add_string(&b, text.data != NULL ? text.data : "", text.nbytes);
        else
            b = text;
    } else if (v.is_text) {
        strbuf_add(&b, v.p, (size_t)(v.end - v.p));
    } else if (is_json) {
        TRY(jsonb_add_text(f->ctx, &b, v.it));
    } else {
        TRY(jsonb_add_plain(f->ctx, &b, v.it));
    }
    if (b.failed) return RAISE_OOM(f->ctx);
    return value_in(f->ctx, f->arena, b.data != NULL ? b.data : "", b.nbytes, type, typmod, out);
}

/* Arrays: how many dimensions there are shows at the first element that is no array. */
typedef struct FillArray {
    Fill *f;
    ArrayBuilder b;
    Oid elem;
    int32_t typmod;
    int ndim; /* 0: not known yet */
    int32_t dims[ARRAY_DIMS_MAX], sizes[ARRAY_DIMS_MAX]; /* dims -1: not known yet */
} FillArray;

static Status
raise_expected_array(FillArray *a, int ndim)
{
    Status st = RAISE(a->f->ctx, ERR_INVALID_TEXT_REPRESENTATION, "expected JSON array");
    const char *column = a->f->column;
    if (ndim <= 0) return column != NULL ? err_hint(a->f->ctx, st, "See the value of key \"%s\".", column) : st;
    StrBuf b = strbuf_new(a->f->arena);
    char *text;
    for (int i = 0; i < ndim; i++) strbuf_addf(&b, "[%d]", a->sizes[i]);
    TRY(strbuf_finish(a->f->ctx, &b, &text, NULL));
    if (column == NULL) return err_hint(a->f->ctx, st, "See the array element %s.", text);
    return err_hint(a->f->ctx, st, "See the array element %s of key \"%s\".", text, column);
}

static Status
set_ndim(FillArray *a, int ndim)
{
    if (ndim > ARRAY_DIMS_MAX)
        return RAISE(a->f->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                     ndim, ARRAY_DIMS_MAX);
    a->ndim = ndim;
    for (int i = 0; i < ndim; i++) a->dims[i] = -1;
    return QN_OK;
}

/* A sub-array of dimension `dim` has ended. */
static Status
end_dimension(FillArray *a, int dim)
{
    int32_t n = a->sizes[dim];
    if (a->dims[dim] == -1) a->dims[dim] = n;
    if (a->dims[dim] != n)
        return err_detail(a->f->ctx, RAISE(a->f->ctx, ERR_INVALID_TEXT_REPRESENTATION, "malformed JSON array"),
                          "Multidimensional arrays must have sub-arrays with matching dimensions.");
    a->sizes[dim] = 0;
    a->sizes[dim - 1]++;
    return QN_OK;
}

/* The elements of v, which is at dimension ndim, counted from 1. */
static Status
fill_dimension(FillArray *a, JValue v, int ndim)
{
    JValue e;
    Elements it;
    TRY(ctx_check_depth(a->f->ctx));
    if (kind_of(v) != JSONB_ARRAY) return raise_expected_array(a, ndim - 1);
    it = elements_of(v);
    bool more = next_element(&it, &e);
    if (a->ndim == 0 && (!more || kind_of(e) != JSONB_ARRAY)) TRY(set_ndim(a, ndim));
    for (; more; more = next_element(&it, &e)) {
        if (a->ndim > 0 && ndim >= a->ndim) {
            Value value;
            TRY(fill_field(a->f, a->elem, a->typmod, e, false, NULL, &value));
            TRY(value.is_null ? array_add_null(a->f->ctx, &a->b) : array_add(a->f->ctx, &a->b, &value));
            a->sizes[ndim - 1]++;
        } else {
            TRY(fill_dimension(a, e, ndim + 1));
            TRY(end_dimension(a, ndim));
        }
    }
    return QN_OK;
}

static Status
fill_array(Fill *f, Oid type, int32_t typmod, JValue v, Value *out)
{
    Oid elem = type_info(type)->elem_oid;
    FillArray a = {.f = f, .elem = elem, .typmod = typmod, .b = array_builder(f->arena, type_base(elem))};
    Str s;
    TRY(fill_dimension(&a, v, 1));
    a.dims[0] = a.sizes[0];
    TRY(array_finish(f->ctx, &a.b, a.ndim, a.dims, NULL, &s));
    *out = value_str(type, s);
    return QN_OK;
}

static Status
raise_no_object(Fill *f, JValue v, const char *function)
{
    return RAISE(f->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot call %s on %s", function,
                 kind_of(v) == JSONB_ARRAY ? "an array" : "a scalar");
}

/* The fields of a row from the members of an object; old (or NULL): the values of those that have none. */
static Status
fill_row(Fill *f, const TypeShape *shape, JValue object, const Value *old, Value *fields)
{
    for (int i = 0; i < shape->n; i++) {
        JValue v;
        Oid base = type_base(shape->types[i]);
        fields[i] = old != NULL ? old[i] : value_null(base);
        if (shape->names[i] == NULL) continue;
        bool found = find_member(object, shape->names[i], &v);
        if (!found && old != NULL) continue;
        const char *outer = f->column;
        f->column = shape->names[i];
        TRY(fill_field(f, shape->types[i], shape->typmods[i], v, !found, old != NULL ? &old[i] : NULL, &fields[i]));
        f->column = outer;
        fields[i].type = base;
    }
    return QN_OK;
}

static Status
row_fields(Fill *f, const Value *row, int n, Value **out)
{
    *out = NULL;
    if (row == NULL || row->is_null) return QN_OK;
    TRY_ALLOC(f->ctx, *out, ARENA_ARRAY(f->arena, Value, n + 1));
    for (int i = 0; i < n; i++)
        (*out)[i] = i < record_count(&row->str) ? record_field(&row->str, i) : value_null(TYPE_TEXT);
    return QN_OK;
}

static Status
fill_composite(Fill *f, Oid type, JValue v, const Value *otherwise, Value *out)
{
    TypeShape shape;
    Value *fields, *old, kept;
    Str s;
    if (kind_of(v) != JSONB_OBJECT) return raise_no_object(f, v, "populate_composite");
    TRY(record_shape(f->ctx, f->arena, type, &shape));
    if (otherwise != NULL && !otherwise->is_null) TRY(value_copy(f->ctx, f->arena, otherwise, &kept));
    TRY(row_fields(f, otherwise != NULL && !otherwise->is_null ? &kept : NULL, shape.n, &old));
    TRY_ALLOC(f->ctx, fields, ARENA_ARRAY(f->arena, Value, shape.n + 1));
    TRY(fill_row(f, &shape, v, old, fields));
    TRY(record_make(f->ctx, f->arena, fields, shape.n, &s));
    *out = value_str(type, s);
    return QN_OK;
}

static Status
fill_field(Fill *f, Oid type, int32_t typmod, JValue v, bool missing, const Value *otherwise, Value *out)
{
    int32_t base_typmod = typmod;
    Oid base = type_base_typmod(type, &base_typmod);
    const TypeInfo *t = type_info(base);
    TRY(ctx_check_depth(f->ctx));
    if (missing || kind_of(v) == JSONB_NULL)
        *out = value_null(base);
    else if (kind_of(v) != JSONB_STRING && t != NULL && t->elem_oid != 0)
        TRY(fill_array(f, base, base_typmod, v, out));
    else if (kind_of(v) != JSONB_STRING && type_kind(base) == TYPTYPE_COMPOSITE)
        TRY(fill_composite(f, base, v, otherwise, out));
    else
        TRY(fill_scalar(f, base, base_typmod, v, out));
    return base != type ? type_check_domain(f->ctx, type, out) : QN_OK;
}

/* What a row record has in place of a type's attributes. */
static Status
shape_of_record(Ctx *ctx, Arena *arena, const Value *row, TypeShape *out)
{
    int n = record_count(&row->str);
    out->n = n;
    TRY_ALLOC(ctx, out->names, ARENA_ARRAY(arena, const char *, n + 1));
    TRY_ALLOC(ctx, out->types, ARENA_ARRAY(arena, Oid, n + 1));
    TRY_ALLOC(ctx, out->typmods, ARENA_ARRAY(arena, int32_t, n + 1));
    for (int i = 0; i < n; i++) {
        const char *name;
        size_t nbytes;
        out->types[i] = record_field(&row->str, i).type;
        out->typmods[i] = -1;
        TRY_ALLOC(ctx, out->names[i], record_field_name(&row->str, i, &name, &nbytes) ? arena_strndup(arena, name, nbytes)
                                                                                      : arena_printf(arena, "f%d", i + 1));
    }
    return QN_OK;
}

static Status
raise_no_row_type(Ctx *ctx, const char *function, bool has_row)
{
    Status st = RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "could not determine row type for result of %s", function);
    if (!has_row) return err_hint(ctx, st, "Call the function in the FROM clause using a column definition list.");
    return err_hint(ctx, st, "Provide a non-null record argument, or call the function in the FROM clause using a "
                             "column definition list.");
}

/* json_populate_record outside of FROM, or without a column definition list. */
static Status
populate_kernel(KernelCall *call, const char *function)
{
    Oid type = call->arg_types[0];
    ROWS (call, i) {
        Value row = vec_get(call->args[0], i), json = vec_get(call->args[1], i);
        Fill f = {.ctx = call->ctx, .arena = call->arena, .function = function};
        TypeShape shape;
        Value *fields, *old;
        if (json.is_null) {
            if (row.is_null)
                out_set_null(call, i);
            else
                OUT(call, Str, i) = row.str;
            continue;
        }
        if (!type_is_row(type))
            return RAISE(call->ctx, ERR_DATATYPE_MISMATCH, "first argument of %s must be a row type", function);
        if (type_base(type) != TYPE_RECORD)
            TRY(record_shape(call->ctx, call->arena, type_base(type), &shape));
        else if (!row.is_null)
            TRY(shape_of_record(call->ctx, call->arena, &row, &shape));
        else
            return raise_no_row_type(call->ctx, function, true);
        JValue v = whole_value(&json);
        if (kind_of(v) != JSONB_OBJECT) return raise_no_object(&f, v, function);
        TRY(row_fields(&f, &row, shape.n, &old));
        TRY_ALLOC(call->ctx, fields, ARENA_ARRAY(call->arena, Value, shape.n + 1));
        TRY(fill_row(&f, &shape, v, old, fields));
        bool named = type_base(type) == TYPE_RECORD;
        TRY(record_make_named(call->ctx, call->arena, fields, named ? shape.names : NULL, shape.n, &OUT(call, Str, i)));
        if (type_base(type) != type) {
            Value out = value_str(type_base(type), OUT(call, Str, i));
            TRY(type_check_domain(call->ctx, type, &out));
        }
    }
    return QN_OK;
}

Status fn_json_populate_record(KernelCall *call) { return populate_kernel(call, "json_populate_record"); }
Status fn_jsonb_populate_record(KernelCall *call) { return populate_kernel(call, "jsonb_populate_record"); }
Status fn_json_to_record(KernelCall *call) { return raise_no_row_type(call->ctx, "json_to_record", false); }
Status fn_jsonb_to_record(KernelCall *call) { return raise_no_row_type(call->ctx, "jsonb_to_record", false); }

/* In FROM, and the sets. */

typedef struct Rows {
    Fill f;
    TypeShape shape;
    Value row;       /* what populate was given: values of members that lack; NULL of record: none */
    Value *old;
    JValue json;
    Value json_value;
    Elements elements;
    Oid domain; /* the rows' type if it is one over a composite type, else 0 */
    bool set, done, is_null;
} Rows;

/* What the rows are made of: the row given, or what the query expects. */
static Status
settle_shape(Ctx *ctx, Arena *arena, Rows *r, SetCallArgs *call, bool has_row)
{
    Oid type = has_row ? call->arg_types[0] : TYPE_RECORD;
    if (!type_is_row(type))
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "first argument of %s must be a row type", r->f.function);
    if (type_base(type) != type) r->domain = type;
    if (type_base(type) != TYPE_RECORD) {
        TRY(record_shape(ctx, arena, type_base(type), &r->shape));
    } else if (!r->row.is_null) {
        TRY(shape_of_record(ctx, arena, &r->row, &r->shape));
    } else {
        if (call->col_names == NULL) return raise_no_row_type(ctx, r->f.function, has_row);
        r->shape = (TypeShape){.n = call->ncols, .names = (const char **)call->col_names, .types = (Oid *)call->col_types,
                               .typmods = (int32_t *)call->col_typmods};
        return QN_OK;
    }
    int n = 0; /* without dropped attributes */
    Oid *types;
    const char **names;
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, r->shape.n + 1));
    TRY_ALLOC(ctx, names, ARENA_ARRAY(arena, const char *, r->shape.n + 1));
    for (int i = 0; i < r->shape.n; i++) {
        if (r->shape.names[i] == NULL) continue;
        names[n] = r->shape.names[i];
        types[n++] = r->shape.types[i];
    }
    call->ncols = n;
    call->col_types = types;
    call->col_names = names;
    return QN_OK;
}

static Status
rows_start(Ctx *ctx, Arena *arena, SetCallArgs *call, const char *function, bool has_row, bool set, void **state_out)
{
    Rows *r;
    TRY_ALLOC(ctx, r, ARENA_NEW(arena, Rows));
    *state_out = r;
    r->f = (Fill){.ctx = ctx, .arena = arena, .function = function};
    r->set = set;
    r->row = has_row ? call->args[0] : value_null(TYPE_RECORD);
    r->json_value = call->args[has_row];
    TRY(settle_shape(ctx, arena, r, call, has_row));
    TRY(row_fields(&r->f, &r->row, r->shape.n, &r->old));
    r->is_null = r->json_value.is_null;
    if (r->is_null) {
        r->done = set; /* no rows; else the row as given */
        return QN_OK;
    }
    r->json = whole_value(&r->json_value);
    if (!set) return kind_of(r->json) == JSONB_OBJECT ? QN_OK : raise_no_object(&r->f, r->json, function);
    if (kind_of(r->json) != JSONB_ARRAY) {
        if (kind_of(r->json) == JSONB_OBJECT) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot call %s on an object", function);
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot call %s on a scalar", function);
    }
    r->elements = elements_of(r->json);
    return QN_OK;
}

static Status
put_row(Ctx *ctx, Rows *r, JValue v, Arena *arena, Vector **out, int row)
{
    Value *fields;
    int col = 0;
    r->f.ctx = ctx;
    r->f.arena = arena;
    TRY_ALLOC(ctx, fields, ARENA_ARRAY(arena, Value, r->shape.n + 1));
    if (r->is_null) {
        for (int i = 0; i < r->shape.n; i++) fields[i] = r->old != NULL ? r->old[i] : value_null(type_base(r->shape.types[i]));
    } else {
        TRY(fill_row(&r->f, &r->shape, v, r->old, fields));
    }
    if (r->domain != 0) {
        Value whole = value_null(type_base(r->domain));
        whole.is_null = false;
        whole.phys = PHYS_STR;
        TRY(record_make(ctx, arena, fields, r->shape.n, &whole.str));
        TRY(type_check_domain(ctx, r->domain, &whole));
    }
    for (int i = 0; i < r->shape.n; i++) {
        if (r->shape.names[i] == NULL) continue;
        TRY(value_default_form(ctx, arena, &fields[i], &fields[i]));
        if (fields[i].is_null)
            vec_set_null(out[col], row);
        else
            vec_put(out[col], row, &fields[i]);
        if (fields[i].is_null && out[col]->phys == PHYS_STR) ((Str *)out[col]->data)[row] = str_make("", 0);
        col++;
    }
    return QN_OK;
}

static Status
rows_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Rows *r = state;
    JValue v = r->json;
    *n_out = 0;
    if (r->done) return QN_OK;
    if (!r->set) {
        r->done = true;
        TRY(put_row(ctx, r, v, arena, out, 0));
        *n_out = 1;
        return QN_OK;
    }
    for (int n = 0; n < BATCH_ROWS && next_element(&r->elements, &v); n++) {
        if (kind_of(v) != JSONB_OBJECT)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "argument of %s must be an array of objects", r->f.function);
        TRY(put_row(ctx, r, v, arena, out, n));
        *n_out = n + 1;
    }
    return QN_OK;
}

#define ROWS_OF(NAME, HAS_ROW, SET)                                                                \
    Status srf_##NAME##_start(Ctx *ctx, Arena *arena, SetCallArgs *call, void **state_out)         \
    {                                                                                              \
        return rows_start(ctx, arena, call, #NAME, HAS_ROW, SET, state_out);                       \
    }                                                                                              \
    Status srf_##NAME##_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)        \
    {                                                                                              \
        return rows_next(ctx, state, arena, out, n_out);                                           \
    }
ROWS_OF(json_populate_record, true, false)
ROWS_OF(jsonb_populate_record, true, false)
ROWS_OF(json_populate_recordset, true, true)
ROWS_OF(jsonb_populate_recordset, true, true)
ROWS_OF(json_to_record, false, false)
ROWS_OF(jsonb_to_record, false, false)
ROWS_OF(json_to_recordset, false, true)
ROWS_OF(jsonb_to_recordset, false, true)
