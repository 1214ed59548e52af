/* jsonb_edit.c - kernels that make a changed jsonb of another: ||, -, #-, jsonb_set, jsonb_insert and assignment
 * to a subscript, jsonb_strip_nulls. What does not change is copied as bytes. */
#include "types/array.h"
#include "types/jsonb.h"
#include "types/kernel.h"
#include <limits.h>

static Status
finish(KernelCall *call, int row, JsonbBuilder *b)
{
    return jsonb_finish(b, &OUT(call, Str, row));
}

bool
jsonb_path_index(const Str *step, int32_t *out)
{
    const char *p = str_data(step), *end = p + step->len;
    int64_t v = 0;
    bool negative = false;
    while (p < end && ascii_is_space(*p)) p++;
    if (p < end && (*p == '-' || *p == '+')) negative = *p++ == '-';
    if (p == end) return false;
    for (; p < end; p++) {
        if (!ascii_is_digit(*p)) return false;
        v = v * 10 + (*p - '0');
        if (v > (int64_t)INT32_MAX + 1) return false;
    }
    if (negative) v = -v;
    if (v > INT32_MAX) return false;
    *out = (int32_t)v;
    return true;
}

/* A container's parts, or a scalar as the one element. */
static Status
push_as_parts(JsonbBuilder *b, JsonbItem it, bool whole)
{
    return whole || !jsonb_is_container(it) ? jsonb_push(b, it) : jsonb_push_parts(b, it);
}

Status
fn_jsonb_concat(KernelCall *call)
{
    ROWS (call, i) {
        const Str *left = &ARG(call, 0, Str, i), *right = &ARG(call, 1, Str, i);
        JsonbItem x = jsonb_root(left), y = jsonb_root(right);
        if (x.kind == y.kind && jsonb_is_container(x) && (jsonb_count(x) == 0 || jsonb_count(y) == 0)) {
            OUT(call, Str, i) = jsonb_count(x) == 0 ? *right : *left;
            continue;
        }
        bool objects = x.kind == JSONB_OBJECT && y.kind == JSONB_OBJECT;
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        TRY(jsonb_begin(&b, objects ? JSONB_OBJECT : JSONB_ARRAY));
        TRY(push_as_parts(&b, x, x.kind == JSONB_OBJECT && !objects));
        TRY(push_as_parts(&b, y, y.kind == JSONB_OBJECT && !objects));
        TRY(jsonb_end(&b));
        TRY(finish(call, i, &b));
    }
    return QN_OK;
}

static Status
raise_scalar(Ctx *ctx, const char *what)
{
    return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "cannot %s scalar", what);
}

/* Pushes the container without the parts dropped[]: bit i set. */
static Status
push_kept(JsonbBuilder *b, JsonbItem it, const uint64_t *dropped)
{
    uint32_t n = jsonb_count(it);
    TRY(jsonb_begin(b, it.kind));
    for (uint32_t i = 0; i < n; i++) {
        if (bits_get(dropped, i)) continue;
        if (it.kind == JSONB_ARRAY) {
            TRY(jsonb_push(b, jsonb_element(it, i)));
            continue;
        }
        uint32_t nbytes;
        const char *key = jsonb_key(it, i, &nbytes);
        TRY(jsonb_push_key(b, key, nbytes));
        TRY(jsonb_push(b, jsonb_member(it, i)));
    }
    return jsonb_end(b);
}

/* Marks the member of a key, or the strings in an array that are equal to it. */
static void
mark_key(JsonbItem it, const Str *key, uint64_t *dropped)
{
    JsonbItem v;
    uint32_t at;
    if (it.kind == JSONB_OBJECT) {
        if (jsonb_find(it, str_data(key), key->len, &v, &at)) bits_put(dropped, at, true);
        return;
    }
    for (at = 0; at < jsonb_count(it); at++) {
        v = jsonb_element(it, at);
        if (v.kind == JSONB_STRING && v.nbytes == key->len && memcmp(v.p, str_data(key), v.nbytes) == 0)
            bits_put(dropped, at, true);
    }
}

/* jsonb - text, jsonb - text[]. */
static Status
delete_keys(KernelCall *call, int row, const ArrayView *keys, const Str *key)
{
    const Str *in = &ARG(call, 0, Str, row);
    JsonbItem it = jsonb_root(in);
    uint64_t *dropped;
    if (!jsonb_is_container(it)) return raise_scalar(call->ctx, "delete from");
    OUT(call, Str, row) = *in;
    if (jsonb_count(it) == 0 || (keys != NULL && keys->nelems == 0)) return QN_OK;
    TRY_ALLOC(call->ctx, dropped, ARENA_ARRAY(call->arena, uint64_t, BITS_WORDS(jsonb_count(it))));
    if (key != NULL) mark_key(it, key, dropped);
    for (uint32_t k = 0; keys != NULL && k < keys->nelems; k++) {
        Value v = array_element(keys, k);
        if (!v.is_null) mark_key(it, &v.str, dropped);
    }
    JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
    TRY(push_kept(&b, it, dropped));
    return finish(call, row, &b);
}

Status
fn_jsonb_delete(KernelCall *call)
{
    ROWS (call, i) TRY(delete_keys(call, i, NULL, &ARG(call, 1, Str, i)));
    return QN_OK;
}

static Status
raise_dimensions(Ctx *ctx)
{
    return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
}

Status
fn_jsonb_delete_array(KernelCall *call)
{
    ROWS (call, i) {
        ArrayView keys;
        array_view(&ARG(call, 1, Str, i), &keys);
        if (keys.ndim > 1) return raise_dimensions(call->ctx);
        TRY(delete_keys(call, i, &keys, NULL));
    }
    return QN_OK;
}

Status
fn_jsonb_delete_idx(KernelCall *call)
{
    ROWS (call, i) {
        const Str *in = &ARG(call, 0, Str, i);
        JsonbItem it = jsonb_root(in);
        int64_t at = ARG(call, 1, int32_t, i);
        uint64_t *dropped;
        if (!jsonb_is_container(it)) return raise_scalar(call->ctx, "delete from");
        if (it.kind == JSONB_OBJECT)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot delete from object using integer index");
        uint32_t n = jsonb_count(it);
        if (at < 0) at += n;
        OUT(call, Str, i) = *in;
        if (at < 0 || at >= n) continue;
        TRY_ALLOC(call->ctx, dropped, ARENA_ARRAY(call->arena, uint64_t, BITS_WORDS(n)));
        bits_put(dropped, (size_t)at, true);
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        TRY(push_kept(&b, it, dropped));
        TRY(finish(call, i, &b));
    }
    return QN_OK;
}

/* Paths. */

enum { /* what is done at the end of a path */
    PATH_CREATE = 1,       /* sets; adds what is not there */
    PATH_DELETE = 2,
    PATH_REPLACE = 4,      /* sets only what is there */
    PATH_INSERT_BEFORE = 8,
    PATH_INSERT_AFTER = 16,
    PATH_FILL_GAPS = 32,   /* assignment to a subscript: makes the containers and elements in between */
    PATH_ADDS = PATH_CREATE | PATH_INSERT_BEFORE | PATH_INSERT_AFTER
};

typedef struct PathEdit {
    JsonbBuilder *b;
    Ctx *ctx;
    const Value *path; /* of text */
    int nsteps;
    JsonbItem value;   /* not for PATH_DELETE */
    int op;
} PathEdit;

static Status edit_item(PathEdit *e, JsonbItem it, int level);

static Status
push_nulls(PathEdit *e, int64_t n)
{
    for (; n > 0; n--) TRY(jsonb_push_null(e->b));
    return QN_OK;
}

static Status
push_step_key(PathEdit *e, int level)
{
    const Str *step = &e->path[level].str;
    return jsonb_push_key(e->b, str_data(step), step->len);
}

/* The value inside new containers for the steps after level. */
static Status
push_chain(PathEdit *e, int level)
{
    int made = 0;
    for (int i = level + 1; i < e->nsteps; i++, made++) {
        int32_t at;
        bool array = jsonb_path_index(&e->path[i].str, &at);
        TRY(jsonb_begin(e->b, array ? JSONB_ARRAY : JSONB_OBJECT));
        if (array)
            TRY(push_nulls(e, at));
        else
            TRY(push_step_key(e, i));
    }
    TRY(jsonb_push(e->b, e->value));
    for (; made > 0; made--) TRY(jsonb_end(e->b));
    return QN_OK;
}

static Status
edit_object(PathEdit *e, JsonbItem it, int level)
{
    const Str *step = &e->path[level].str;
    bool last = level == e->nsteps - 1;
    uint32_t n = jsonb_count(it), at = n;
    JsonbItem old;
    bool found = jsonb_find(it, str_data(step), step->len, &old, &at);
    if (found && last && (e->op & (PATH_INSERT_BEFORE | PATH_INSERT_AFTER)) != 0)
        return err_hint(e->ctx, RAISE(e->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot replace existing key"),
                        "Try using the function jsonb_set to replace key value.");
    TRY(jsonb_begin(e->b, JSONB_OBJECT));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t nbytes;
        const char *key = jsonb_key(it, i, &nbytes);
        if (found && i == at && last && (e->op & PATH_DELETE) != 0) continue;
        TRY(jsonb_push_key(e->b, key, nbytes));
        if (!found || i != at)
            TRY(jsonb_push(e->b, jsonb_member(it, i)));
        else if (last)
            TRY(jsonb_push(e->b, e->value));
        else
            TRY(edit_item(e, old, level + 1));
    }
    if (!found && last && (e->op & PATH_ADDS) != 0) {
        TRY(push_step_key(e, level));
        TRY(jsonb_push(e->b, e->value));
    } else if (!found && !last && (e->op & PATH_FILL_GAPS) != 0) {
        TRY(push_step_key(e, level));
        TRY(push_chain(e, level));
    }
    return jsonb_end(e->b);
}

/* At the element the path ends at. */
static Status
edit_element(PathEdit *e, JsonbItem old)
{
    if ((e->op & (PATH_INSERT_BEFORE | PATH_CREATE)) != 0) TRY(jsonb_push(e->b, e->value));
    if ((e->op & (PATH_INSERT_AFTER | PATH_INSERT_BEFORE)) != 0) TRY(jsonb_push(e->b, old));
    if ((e->op & (PATH_INSERT_AFTER | PATH_REPLACE)) != 0) TRY(jsonb_push(e->b, e->value));
    return QN_OK;
}

static Status
edit_array(PathEdit *e, JsonbItem it, int level)
{
    const Str *step = &e->path[level].str;
    bool last = level == e->nsteps - 1, adds = (e->op & PATH_ADDS) != 0, fills = (e->op & PATH_FILL_GAPS) != 0;
    int64_t n = jsonb_count(it);
    int32_t given;
    if (!jsonb_path_index(step, &given))
        return RAISE(e->ctx, ERR_INVALID_TEXT_REPRESENTATION, "path element at position %d is not an integer: \"%.*s\"",
                     level + 1, (int)step->len, str_data(step));
    int64_t at = given < 0 ? given + n : given;
    if (at < 0 && fills)
        return RAISE(e->ctx, ERR_INVALID_PARAMETER_VALUE, "path element at position %d is out of range: %d", level + 1, given);
    if (!fills && at > n) at = n;
    TRY(jsonb_begin(e->b, JSONB_ARRAY));
    if (at < 0 && last && adds) TRY(jsonb_push(e->b, e->value));
    for (int64_t i = 0; i < n; i++) {
        JsonbItem old = jsonb_element(it, (uint32_t)i);
        if (i != at)
            TRY(jsonb_push(e->b, old));
        else if (last)
            TRY(edit_element(e, old));
        else
            TRY(edit_item(e, old, level + 1));
    }
    if (at >= n && ((last && adds) || fills)) {
        if (fills) TRY(push_nulls(e, at - n));
        if (last)
            TRY(jsonb_push(e->b, e->value));
        else
            TRY(push_chain(e, level));
    }
    return jsonb_end(e->b);
}

static Status
edit_item(PathEdit *e, JsonbItem it, int level)
{
    if (e->path[level].is_null)
        return RAISE(e->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "path element at position %d is null", level + 1);
    if (it.kind == JSONB_OBJECT) return edit_object(e, it, level);
    if (it.kind == JSONB_ARRAY) return edit_array(e, it, level);
    if ((e->op & PATH_FILL_GAPS) != 0)
        return err_detail(e->ctx, RAISE(e->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot replace existing key"),
                          "The path assumes key is a composite object, but it is a scalar value.");
    return jsonb_push(e->b, it);
}

/* The value of in changed at a path given as an array of text. */
static Status
edit_path(KernelCall *call, const Str *in, const Str *path, const Str *value, int op, Str *out)
{
    ArrayView a;
    Value *steps;
    JsonbItem it = jsonb_root(in);
    array_view(path, &a);
    if (a.ndim > 1) return raise_dimensions(call->ctx);
    if (!jsonb_is_container(it)) return raise_scalar(call->ctx, op == PATH_DELETE ? "delete path in" : "set path in");
    *out = *in;
    if (a.nelems == 0 || (jsonb_count(it) == 0 && (op & PATH_ADDS) == 0)) return QN_OK;
    TRY_ALLOC(call->ctx, steps, ARENA_ARRAY(call->arena, Value, a.nelems));
    for (uint32_t i = 0; i < a.nelems; i++) steps[i] = array_element(&a, i);
    JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
    PathEdit e = {.b = &b, .ctx = call->ctx, .path = steps, .nsteps = (int)a.nelems, .op = op};
    if (value != NULL) e.value = jsonb_root(value);
    TRY(edit_item(&e, it, 0));
    return jsonb_finish(&b, out);
}

Status
fn_jsonb_set(KernelCall *call)
{
    ROWS (call, i)
        TRY(edit_path(call, &ARG(call, 0, Str, i), &ARG(call, 1, Str, i), &ARG(call, 2, Str, i),
                      ARG(call, 3, uint8_t, i) ? PATH_CREATE : PATH_REPLACE, &OUT(call, Str, i)));
    return QN_OK;
}

Status
fn_jsonb_insert(KernelCall *call)
{
    ROWS (call, i)
        TRY(edit_path(call, &ARG(call, 0, Str, i), &ARG(call, 1, Str, i), &ARG(call, 2, Str, i),
                      ARG(call, 3, uint8_t, i) ? PATH_INSERT_AFTER : PATH_INSERT_BEFORE, &OUT(call, Str, i)));
    return QN_OK;
}

Status
fn_jsonb_delete_path(KernelCall *call)
{
    ROWS (call, i)
        TRY(edit_path(call, &ARG(call, 0, Str, i), &ARG(call, 1, Str, i), NULL, PATH_DELETE, &OUT(call, Str, i)));
    return QN_OK;
}

static bool
text_is(const Str *s, const char *word)
{
    return s->len == strlen(word) && memcmp(str_data(s), word, s->len) == 0;
}

/* jsonb_set_lax where the new value is NULL. */
static Status
set_null(KernelCall *call, int row)
{
    static const Str null_value = {.len = 4}; /* JSONB_NULL's head is 0 */
    const Str *in = &ARG(call, 0, Str, row), *path = &ARG(call, 1, Str, row);
    Str how = ARG(call, 4, Str, row), *out = &OUT(call, Str, row);
    if (text_is(&how, "raise_exception")) {
        Status st = RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "JSON value must not be null");
        st = err_detail(call->ctx, st, "Exception was raised because null_value_treatment is \"raise_exception\".");
        return err_hint(call->ctx, st,
                        "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.");
    }
    if (text_is(&how, "use_json_null"))
        return edit_path(call, in, path, &null_value, ARG(call, 3, uint8_t, row) ? PATH_CREATE : PATH_REPLACE, out);
    if (text_is(&how, "delete_key")) return edit_path(call, in, path, NULL, PATH_DELETE, out);
    *out = *in;
    if (text_is(&how, "return_target")) return QN_OK;
    return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                 "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"");
}

Status
fn_jsonb_set_lax(KernelCall *call)
{
    ROWS (call, i) {
        bool null = vec_is_null(call->args[0], i) || vec_is_null(call->args[1], i) ||
                    vec_is_null(call->args[3], i);
        if (null) {
            out_set_null(call, i);
            continue;
        }
        if (vec_is_null(call->args[4], i))
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                         "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"");
        if (vec_is_null(call->args[2], i))
            TRY(set_null(call, i));
        else
            TRY(edit_path(call, &ARG(call, 0, Str, i), &ARG(call, 1, Str, i), &ARG(call, 2, Str, i),
                          ARG(call, 3, uint8_t, i) ? PATH_CREATE : PATH_REPLACE, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* old[path] = value, as an assignment to subscripts: containers on the way are made where they lack. */
static Status
assign(KernelCall *call, int row)
{
    static const Str json_null = {.len = 4}; /* JSONB_NULL's head is 0 */
    uint32_t head = (uint32_t)(ARG(call, 3, uint8_t, row) ? JSONB_ARRAY : JSONB_OBJECT) << 29;
    Str nothing = str_make((const char *)&head, 4);
    const Str *old = vec_is_null(call->args[0], row) ? &nothing : &ARG(call, 0, Str, row);
    const Str *value = vec_is_null(call->args[2], row) ? &json_null : &ARG(call, 2, Str, row);
    ArrayView path;
    Value *steps;
    array_view(&ARG(call, 1, Str, row), &path);
    TRY_ALLOC(call->ctx, steps, ARENA_ARRAY(call->arena, Value, path.nelems + 1));
    for (uint32_t i = 0; i < path.nelems; i++) {
        steps[i] = array_element(&path, i);
        if (steps[i].is_null)
            return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "jsonb subscript in assignment must not be null");
    }
    JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
    PathEdit e = {.b = &b, .ctx = call->ctx, .path = steps, .nsteps = (int)path.nelems, .value = jsonb_root(value),
                  .op = PATH_CREATE | PATH_FILL_GAPS};
    TRY(edit_item(&e, jsonb_root(old), 0));
    return finish(call, row, &b);
}

Status
fn_jsonb_assign(KernelCall *call)
{
    ROWS (call, i) TRY(assign(call, i));
    return QN_OK;
}

/* Members that are null. */

static Status
push_stripped(JsonbBuilder *b, JsonbItem it)
{
    if (!jsonb_is_container(it)) return jsonb_push(b, it);
    uint32_t n = jsonb_count(it);
    TRY(jsonb_begin(b, it.kind));
    for (uint32_t i = 0; i < n; i++) {
        if (it.kind == JSONB_ARRAY) {
            TRY(push_stripped(b, jsonb_element(it, i)));
            continue;
        }
        JsonbItem v = jsonb_member(it, i);
        uint32_t nbytes;
        const char *key = jsonb_key(it, i, &nbytes);
        if (v.kind == JSONB_NULL) continue;
        TRY(jsonb_push_key(b, key, nbytes));
        TRY(push_stripped(b, v));
    }
    return jsonb_end(b);
}

Status
fn_jsonb_strip_nulls(KernelCall *call)
{
    ROWS (call, i) {
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        TRY(push_stripped(&b, jsonb_root(&ARG(call, 0, Str, i))));
        TRY(finish(call, i, &b));
    }
    return QN_OK;
}
