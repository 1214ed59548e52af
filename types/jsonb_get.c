/* jsonb_get.c - kernels that read jsonb: access by key, element and path, existence, containment, comparison,
 * casts, and taking apart into rows. A container taken out is a view on the one it came from. */
#include "common/hash.h"
#include "types/array.h"
#include "types/json.h"
#include "types/json_each.h"
#include "types/jsonb.h"
#include "types/kernel.h"
#include "types/textfn.h"

static inline JsonbItem
root_of(const KernelCall *call, int arg, int row)
{
    return jsonb_root(&ARG(call, arg, Str, row));
}

/* Element i, from the end if negative. A bare scalar counts as an array of one, as in PostgreSQL. */
static bool
find_element(JsonbItem it, int64_t i, bool top, JsonbItem *out)
{
    if (it.kind != JSONB_ARRAY) {
        *out = it;
        return top && !jsonb_is_container(it) && (i == 0 || i == -1);
    }
    uint32_t n = jsonb_count(it);
    if (i < 0) i += n;
    if (i < 0 || i >= n) return false;
    *out = jsonb_element(it, (uint32_t)i);
    return true;
}

static Status
put_item(KernelCall *call, int row, JsonbItem it, bool as_text)
{
    Str *out = &OUT(call, Str, row);
    if (!as_text) return jsonb_make(call->ctx, call->arena, it, out);
    if (it.kind == JSONB_NULL) {
        out_set_null(call, row);
        return QN_OK;
    }
    if (it.kind == JSONB_STRING) {
        *out = str_make(it.p, it.nbytes);
        return QN_OK;
    }
    StrBuf b = strbuf_new(call->arena);
    TRY(jsonb_add_text(call->ctx, &b, it));
    return out_text(call, row, &b);
}

static Status
field_kernel(KernelCall *call, bool as_text)
{
    ROWS (call, i) {
        const Str *key = &ARG(call, 1, Str, i);
        JsonbItem it = root_of(call, 0, i), v;
        if (it.kind == JSONB_OBJECT && jsonb_find(it, str_data(key), key->len, &v, NULL))
            TRY(put_item(call, i, v, as_text));
        else
            out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_jsonb_object_field(KernelCall *call) { return field_kernel(call, false); }
Status fn_jsonb_object_field_text(KernelCall *call) { return field_kernel(call, true); }

static Status
element_kernel(KernelCall *call, bool as_text)
{
    ROWS (call, i) {
        JsonbItem v;
        if (find_element(root_of(call, 0, i), ARG(call, 1, int32_t, i), true, &v))
            TRY(put_item(call, i, v, as_text));
        else
            out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_jsonb_array_element(KernelCall *call) { return element_kernel(call, false); }
Status fn_jsonb_array_element_text(KernelCall *call) { return element_kernel(call, true); }

/* One step of a path: a key, or the number of an element. */
static bool
path_step(JsonbItem *it, const Str *step)
{
    int32_t i;
    if (it->kind == JSONB_OBJECT) return jsonb_find(*it, str_data(step), step->len, it, NULL);
    return it->kind == JSONB_ARRAY && jsonb_path_index(step, &i) && find_element(*it, i, false, it);
}

/* The path comes as one array of text, or as texts. */
static bool
walk_path(const KernelCall *call, int row, JsonbItem *it)
{
    const TypeInfo *t = type_info(call->args[1]->type);
    if (t != NULL && t->elem_oid != 0) {
        ArrayView path;
        array_view(&ARG(call, 1, Str, row), &path);
        for (uint32_t k = 0; k < path.nelems; k++) {
            Value step = array_element(&path, k);
            if (step.is_null || !path_step(it, &step.str)) return false;
        }
        return true;
    }
    for (int a = 1; a < call->nargs; a++)
        if (!path_step(it, &ARG(call, a, Str, row))) return false;
    return true;
}

static Status
path_kernel(KernelCall *call, bool as_text)
{
    ROWS (call, i) {
        JsonbItem it = root_of(call, 0, i);
        if (walk_path(call, i, &it))
            TRY(put_item(call, i, it, as_text));
        else
            out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_jsonb_extract_path(KernelCall *call) { return path_kernel(call, false); }
Status fn_jsonb_extract_path_text(KernelCall *call) { return path_kernel(call, true); }

/* A key of an object, a string in an array, or the string itself. */
static bool
has_key(JsonbItem it, const char *key, size_t nbytes)
{
    JsonbItem v;
    if (it.kind == JSONB_OBJECT) return jsonb_find(it, key, nbytes, &v, NULL);
    if (it.kind == JSONB_STRING) return it.nbytes == nbytes && memcmp(it.p, key, nbytes) == 0;
    if (it.kind != JSONB_ARRAY) return false;
    uint32_t n = jsonb_count(it);
    for (uint32_t i = 0; i < n; i++) {
        v = jsonb_element(it, i);
        if (v.kind == JSONB_STRING && v.nbytes == nbytes && memcmp(v.p, key, nbytes) == 0) return true;
    }
    return false;
}

Status
fn_jsonb_exists(KernelCall *call)
{
    ROWS (call, i) {
        const Str *key = &ARG(call, 1, Str, i);
        OUT(call, uint8_t, i) = has_key(root_of(call, 0, i), str_data(key), key->len);
    }
    return QN_OK;
}

static Status
exists_kernel(KernelCall *call, bool all)
{
    ROWS (call, i) {
        ArrayView keys;
        JsonbItem it = root_of(call, 0, i);
        bool result = all;
        array_view(&ARG(call, 1, Str, i), &keys);
        for (uint32_t k = 0; k < keys.nelems && result == all; k++) {
            Value key = array_element(&keys, k);
            if (!key.is_null) result = has_key(it, str_data(&key.str), key.str.len);
        }
        OUT(call, uint8_t, i) = result;
    }
    return QN_OK;
}

Status fn_jsonb_exists_any(KernelCall *call) { return exists_kernel(call, false); }
Status fn_jsonb_exists_all(KernelCall *call) { return exists_kernel(call, true); }

#define ITEMS_KERNEL(NAME, EXPR)                                                                   \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            JsonbItem x = root_of(call, 0, i), y = root_of(call, 1, i);                            \
            OUT(call, uint8_t, i) = (EXPR);                                                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
ITEMS_KERNEL(jsonb_contains, jsonb_contains_item(x, y, true))
ITEMS_KERNEL(jsonb_contained, jsonb_contains_item(y, x, true))
ITEMS_KERNEL(jsonb_eq, jsonb_equal(x, y))
ITEMS_KERNEL(jsonb_ne, !jsonb_equal(x, y))
ITEMS_KERNEL(jsonb_lt, jsonb_compare(x, y) < 0)
ITEMS_KERNEL(jsonb_le, jsonb_compare(x, y) <= 0)
ITEMS_KERNEL(jsonb_gt, jsonb_compare(x, y) > 0)
ITEMS_KERNEL(jsonb_ge, jsonb_compare(x, y) >= 0)

Status
fn_jsonb_cmp(KernelCall *call)
{
    ROWS (call, i) {
        int c = jsonb_compare(root_of(call, 0, i), root_of(call, 1, i));
        OUT(call, int32_t, i) = (c > 0) - (c < 0);
    }
    return QN_OK;
}

Status
fn_jsonb_hash(KernelCall *call)
{
    ROWS (call, i) OUT(call, int32_t, i) = (int32_t)jsonb_hash_item(root_of(call, 0, i));
    return QN_OK;
}

/* With seed 0 the low half is jsonb_hash's. */
Status
fn_jsonb_hash_extended(KernelCall *call)
{
    ROWS (call, i) {
        uint64_t h = jsonb_hash_item(root_of(call, 0, i)), seed = (uint64_t)ARG(call, 1, int64_t, i);
        OUT(call, int64_t, i) = (int64_t)(seed == 0 ? h : hash_combine(h, seed));
    }
    return QN_OK;
}

Status
fn_jsonb_typeof(KernelCall *call)
{
    ROWS (call, i) {
        const char *name = jsonb_kind_name(root_of(call, 0, i).kind);
        OUT(call, Str, i) = str_make(name, strlen(name));
    }
    return QN_OK;
}

Status
fn_jsonb_array_length(KernelCall *call)
{
    ROWS (call, i) {
        JsonbItem it = root_of(call, 0, i);
        if (it.kind != JSONB_ARRAY)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot get array length of a %s",
                         it.kind == JSONB_OBJECT ? "non-array" : "scalar");
        OUT(call, int32_t, i) = (int32_t)jsonb_count(it);
    }
    return QN_OK;
}

/* Four blanks a level. */

static void
add_line(StrBuf *b, int level)
{
    strbuf_addc(b, '\n');
    for (int i = 0; i < level; i++) strbuf_add(b, "    ", 4);
}

static Status
add_pretty(Ctx *ctx, StrBuf *b, JsonbItem it, int level)
{
    if (!jsonb_is_container(it)) return jsonb_add_text(ctx, b, it);
    uint32_t n = jsonb_count(it);
    bool object = it.kind == JSONB_OBJECT;
    strbuf_addc(b, object ? '{' : '[');
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) strbuf_addc(b, ',');
        add_line(b, level + 1);
        if (object) {
            uint32_t nbytes;
            const char *key = jsonb_key(it, i, &nbytes);
            json_add_string(b, key, nbytes);
            strbuf_add(b, ": ", 2);
        }
        TRY(add_pretty(ctx, b, object ? jsonb_member(it, i) : jsonb_element(it, i), level + 1));
    }
    add_line(b, level);
    strbuf_addc(b, object ? '}' : ']');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
fn_jsonb_pretty(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        TRY(add_pretty(call->ctx, &b, root_of(call, 0, i), 0));
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

/* Casts. */

static Status
raise_cast(Ctx *ctx, JsonbItem it, const char *type)
{
    static const char *const names[] = {"null", "string", "numeric", "boolean", "boolean", "array or object", "array or object"};
    return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot cast jsonb %s to type %s", names[it.kind], type);
}

Status
fn_jsonb_bool(KernelCall *call)
{
    ROWS (call, i) {
        JsonbItem it = root_of(call, 0, i);
        if (!jsonb_is_bool(it)) return raise_cast(call->ctx, it, "boolean");
        OUT(call, uint8_t, i) = it.kind == JSONB_TRUE;
    }
    return QN_OK;
}

/* The rows' numbers as views. */
static Status
numbers_of(KernelCall *call, Str *out, const char *type)
{
    ROWS (call, i) {
        JsonbItem it = root_of(call, 0, i);
        if (it.kind != JSONB_NUMBER) return raise_cast(call->ctx, it, type);
        out[i] = str_make(it.p, it.nbytes);
    }
    return QN_OK;
}

Status
fn_jsonb_numeric(KernelCall *call)
{
    out_set_form(call, PHYS_STR, 0);
    return numbers_of(call, call->out->data, "numeric");
}

/* Through numeric's own cast. */
static Status
cast_kernel(KernelCall *call, Oid cast, const char *type)
{
    Str numbers[BATCH_ROWS] = {{{0}}};
    Vector arg, *args = &arg;
    KernelCall inner = *call;
    TRY(numbers_of(call, numbers, type));
    vec_init(&arg, TYPE_NUMERIC, PHYS_STR, numbers, NULL);
    inner.args = &args;
    inner.fn = fn_by_oid(cast);
    return inner.fn->kernel(&inner);
}

Status fn_jsonb_int2(KernelCall *call) { return cast_kernel(call, 1783, "smallint"); }
Status fn_jsonb_int4(KernelCall *call) { return cast_kernel(call, 1744, "integer"); }
Status fn_jsonb_int8(KernelCall *call) { return cast_kernel(call, 1779, "bigint"); }
Status fn_jsonb_float4(KernelCall *call) { return cast_kernel(call, 1745, "real"); }
Status fn_jsonb_float8(KernelCall *call) { return cast_kernel(call, 1746, "double precision"); }

/* Set-returning. */

typedef struct Each {
    Str json;
    JsonbItem it;
    uint32_t at, n;
    EachKind kind;
} Each;

static Status
each_open(Ctx *ctx, Arena *arena, const Value *args, EachKind kind, const char *name, void **state_out)
{
    Each *e;
    TRY_ALLOC(ctx, e, ARENA_NEW(arena, Each));
    *state_out = e;
    e->kind = kind;
    if (args[0].is_null) return QN_OK;
    e->json = args[0].str;
    e->it = jsonb_root(&e->json);
    if (kind <= EACH_ELEMENT_TEXT) {
        if (e->it.kind != JSONB_ARRAY)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot extract elements from %s",
                         e->it.kind == JSONB_OBJECT ? "an object" : "a scalar");
    } else if (e->it.kind != JSONB_OBJECT) {
        if (kind == EACH_KEY)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot call %s on %s", name,
                         e->it.kind == JSONB_ARRAY ? "an array" : "a scalar");
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot call %s on a non-object", name);
    }
    e->n = jsonb_count(e->it);
    return QN_OK;
}

static Status
put_value(Ctx *ctx, Arena *arena, Vector *out, int row, JsonbItem it, bool as_text)
{
    Str *slot = (Str *)out->data + row;
    *slot = str_make("", 0);
    if (!as_text) return jsonb_make(ctx, arena, it, slot);
    if (it.kind == JSONB_NULL) {
        vec_set_null(out, row);
        return QN_OK;
    }
    if (it.kind == JSONB_STRING) {
        *slot = str_make(it.p, it.nbytes);
        return QN_OK;
    }
    StrBuf b = strbuf_new(arena);
    TRY(jsonb_add_text(ctx, &b, it));
    *slot = str_make(b.data, b.nbytes);
    return QN_OK;
}

static Status
each_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Each *e = state;
    int n = 0;
    bool as_text = each_as_text(e->kind);
    bool with_key = e->kind >= EACH_MEMBER;
    for (; n < BATCH_ROWS && e->at < e->n; n++, e->at++) {
        if (with_key) {
            uint32_t nbytes;
            const char *key = jsonb_key(e->it, e->at, &nbytes);
            ((Str *)out[0]->data)[n] = str_make(key, nbytes);
        }
        if (e->kind == EACH_KEY) continue;
        JsonbItem v = with_key ? jsonb_member(e->it, e->at) : jsonb_element(e->it, e->at);
        TRY(put_value(ctx, arena, out[with_key], n, v, as_text));
    }
    *n_out = n;
    return QN_OK;
}

EACH_FAMILY(jsonb, TYPE_JSONB)
