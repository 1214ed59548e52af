/* jsonpath_exec.c - running SQL/JSON paths over jsonb.
 *
 * A path item is applied to a value and hands each result on to the accessor after it; the last one adds to the
 * list found. Without a list only whether there is a result counts, and the walk stops at the first. Errors that
 * the standard lets a path swallow are outcomes (OUT_ERROR) where they are not to be raised. */
#include "types/jsonpath_exec.h"
#include "types/numvar.h"
#include <math.h>
#include <stdio.h>

typedef enum Outcome { OUT_FOUND, OUT_NONE, OUT_ERROR } Outcome;
typedef enum Truth { NO, YES, UNKNOWN } Truth;

/* What .keyvalue() numbers objects by: the container they lie in and its number. */
typedef struct BaseObject {
    const char *p; /* NULL: a scalar */
    JsonbItem it;
    int64_t id;
} BaseObject;

typedef struct Exec {
    Ctx *ctx;
    Arena *arena;
    PathCache *cache;
    JsonbItem vars;
    bool has_vars;
    JsonbItem root, current;
    BaseObject base;
    int64_t last_id;
    int64_t array_size;   /* of the innermost subscript's array, -1 outside one */
    bool lax;
    bool forgives;        /* structural errors are no results */
    bool raises;          /* errors are raised, not outcomes */
    bool use_zone;
} Exec;

static Status exec_item(Exec *x, PathNode n, JsonbItem it, PathList *found, bool unwrap, Outcome *out);
static Status exec_bool(Exec *x, PathNode n, JsonbItem it, Truth *out);

/* An error of the path: raised, or the outcome. */
#define PATH_FAIL(x, out, ...)                                                                     \
    do {                                                                                           \
        *(out) = OUT_ERROR;                                                                        \
        return (x)->raises ? RAISE((x)->ctx, __VA_ARGS__) : QN_OK;                                 \
    } while (0)

/* The same for what lax mode overlooks. */
#define PATH_FAIL_STRUCTURE(x, out, ...)                                                           \
    do {                                                                                           \
        *(out) = OUT_NONE;                                                                         \
        if ((x)->forgives) return QN_OK;                                                           \
        PATH_FAIL(x, out, __VA_ARGS__);                                                            \
    } while (0)

static Status
list_add(Exec *x, PathList *list, JsonbItem it)
{
    return array_push(x->ctx, x->arena, list, it);
}

static BaseObject
set_base(Exec *x, JsonbItem it, int64_t id)
{
    BaseObject old = x->base;
    x->base = (BaseObject){.p = jsonb_is_container(it) && it.kind != JSONB_DATETIME ? it.p : NULL, .it = it, .id = id};
    return old;
}

static bool
has_next(PathNode n)
{
    return path_word(n, 0) != 0;
}

/* A result of n goes on to the accessor after it. */
static Status
exec_next(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    if (has_next(n)) return exec_item(x, path_child(n, 0), it, found, x->lax, out);
    *out = OUT_FOUND;
    return found != NULL ? list_add(x, found, it) : QN_OK;
}

static bool
is_done(Outcome out, const PathList *found)
{
    return out == OUT_ERROR || (out == OUT_FOUND && found == NULL);
}

static Status
make_number(Exec *x, NumVar *v, JsonbItem *out)
{
    NumWork w = {x->ctx, x->arena};
    Str s;
    char *copy;
    TRY(numvar_pack(&w, v, &s));
    TRY_ALLOC(x->ctx, copy, arena_memdup(x->arena, str_data(&s), s.len));
    *out = (JsonbItem){.kind = JSONB_NUMBER, .nbytes = s.len, .p = copy};
    return QN_OK;
}

static Status
make_int(Exec *x, int64_t v, JsonbItem *out)
{
    NumWork w = {x->ctx, x->arena};
    NumVar n;
    numvar_init(&n);
    TRY(numvar_from_i128(&w, v, 0, &n));
    numvar_strip(&n);
    return make_number(x, &n, out);
}

static Status
load_number(Exec *x, JsonbItem it, NumVar *out)
{
    NumWork w = {x->ctx, x->arena};
    Str s = str_make(it.p, it.nbytes);
    numvar_init(out);
    return numvar_from_str(&w, &s, out);
}

/* Parts of containers. */

/* The members or elements at levels first to last under it, each handed to n (at 0: to the list). */
static Status
exec_any(Exec *x, PathNode n, JsonbItem it, PathList *found, uint32_t level, uint32_t first, uint32_t last,
         bool forgive, bool unwrap, Outcome *out)
{
    TRY(ctx_check_depth(x->ctx));
    *out = OUT_NONE;
    if (level > last || !jsonb_is_container(it) || it.kind == JSONB_DATETIME) return QN_OK;
    uint32_t count = jsonb_count(it);
    for (uint32_t i = 0; i < count; i++) {
        JsonbItem v = it.kind == JSONB_ARRAY ? jsonb_element(it, i) : jsonb_member(it, i);
        bool leaf = first == JSONPATH_LAST && last == JSONPATH_LAST && !jsonb_is_container(v);
        if (level >= first || leaf) {
            if (n.at != 0) {
                bool saved = x->forgives;
                x->forgives |= forgive;
                TRY(exec_item(x, n, v, found, unwrap, out));
                x->forgives = saved;
                if (is_done(*out, found)) return QN_OK;
            } else {
                *out = OUT_FOUND;
                if (found == NULL) return QN_OK;
                TRY(list_add(x, found, v));
            }
        }
        if (level < last && jsonb_is_container(v)) {
            TRY(exec_any(x, n, v, found, level + 1, first, last, forgive, unwrap, out));
            if (is_done(*out, found)) return QN_OK;
        }
    }
    return QN_OK;
}

/* n applied to each element. */
static Status
exec_elements(Exec *x, PathNode n, JsonbItem array, PathList *found, bool unwrap, Outcome *out)
{
    return exec_any(x, n, array, found, 1, 1, 1, false, unwrap, out);
}

/* The results of n; in lax mode arrays among them give way to their elements. */
static Status
exec_operand(Exec *x, PathNode n, JsonbItem it, bool unwrap, PathList *found, Outcome *out)
{
    if (!unwrap || !x->lax) return exec_item(x, n, it, found, x->lax, out);
    PathList seq = {0};
    TRY(exec_item(x, n, it, &seq, true, out));
    if (*out == OUT_ERROR) return QN_OK;
    for (int i = 0; i < seq.count; i++) {
        Outcome ignored;
        if (seq.items[i].kind == JSONB_ARRAY)
            TRY(exec_elements(x, (PathNode){n.base, 0}, seq.items[i], found, false, &ignored));
        else
            TRY(list_add(x, found, seq.items[i]));
    }
    *out = OUT_FOUND;
    return QN_OK;
}

/* The same with errors as outcomes. */
static Status
exec_operand_quietly(Exec *x, PathNode n, JsonbItem it, bool unwrap, PathList *found, Outcome *out)
{
    bool saved = x->raises;
    x->raises = false;
    Status st = exec_operand(x, n, it, unwrap, found, out);
    x->raises = saved;
    return st;
}

static Status
exec_key(Exec *x, PathNode n, JsonbItem it, PathList *found, bool unwrap, Outcome *out)
{
    uint32_t nbytes;
    const char *key = path_text(n, 1, &nbytes);
    if (it.kind == JSONB_OBJECT) {
        JsonbItem v;
        if (jsonb_find(it, key, nbytes, &v, NULL)) return exec_next(x, n, v, found, out);
        PATH_FAIL_STRUCTURE(x, out, ERR_SQL_JSON_MEMBER_NOT_FOUND, "JSON object does not contain key \"%.*s\"", (int)nbytes, key);
    }
    if (unwrap && it.kind == JSONB_ARRAY) return exec_elements(x, n, it, found, false, out);
    PATH_FAIL_STRUCTURE(x, out, ERR_SQL_JSON_MEMBER_NOT_FOUND, "jsonpath member accessor can only be applied to an object");
}

static Status
exec_any_key(Exec *x, PathNode n, JsonbItem it, PathList *found, bool unwrap, Outcome *out)
{
    if (it.kind == JSONB_OBJECT) return exec_any(x, path_child(n, 0), it, found, 1, 1, 1, false, x->lax, out);
    if (unwrap && it.kind == JSONB_ARRAY) return exec_elements(x, n, it, found, false, out);
    PATH_FAIL_STRUCTURE(x, out, ERR_SQL_JSON_OBJECT_NOT_FOUND, "jsonpath wildcard member accessor can only be applied to an object");
}

static Status
exec_any_array(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    if (it.kind == JSONB_ARRAY) return exec_any(x, path_child(n, 0), it, found, 1, 1, 1, false, x->lax, out);
    if (x->lax) return exec_next(x, n, it, found, out);
    PATH_FAIL_STRUCTURE(x, out, ERR_SQL_JSON_ARRAY_NOT_FOUND, "jsonpath wildcard array accessor can only be applied to an array");
}

/* A subscript's value, cut off to an integer. */
static Status
array_index(Exec *x, PathNode n, JsonbItem it, int64_t *at, Outcome *out)
{
    PathList list = {0};
    NumVar v;
    int128 i;
    TRY(exec_item(x, n, it, &list, x->lax, out));
    if (*out == OUT_ERROR) return QN_OK;
    if (list.count != 1 || list.items[0].kind != JSONB_NUMBER)
        PATH_FAIL(x, out, ERR_INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is not a single numeric value");
    TRY(load_number(x, list.items[0], &v));
    numvar_trunc(&v, 0);
    numvar_strip(&v);
    if (!numvar_to_i128(&v, 0, &i) || i > INT32_MAX || i < INT32_MIN)
        PATH_FAIL(x, out, ERR_INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is out of integer range");
    *at = (int64_t)i;
    *out = OUT_FOUND;
    return QN_OK;
}

/* One subscript or range of them. */
static Status
exec_range(Exec *x, PathNode n, uint32_t which, JsonbItem it, PathList *found, Outcome *out)
{
    bool array = it.kind == JSONB_ARRAY;
    int64_t size = array ? jsonb_count(it) : 1, from, to;
    PathNode upper = path_child(n, 3 + 2 * which);
    TRY(array_index(x, path_child(n, 2 + 2 * which), it, &from, out));
    if (*out == OUT_ERROR) return QN_OK;
    to = from;
    if (upper.at != 0) TRY(array_index(x, upper, it, &to, out));
    if (*out == OUT_ERROR) return QN_OK;
    if (!x->forgives && (from < 0 || from > to || to >= size))
        PATH_FAIL(x, out, ERR_INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is out of bounds");
    if (from < 0) from = 0;
    if (to >= size) to = size - 1;
    *out = OUT_NONE;
    for (int64_t i = from; i <= to; i++) {
        TRY(exec_next(x, n, array ? jsonb_element(it, (uint32_t)i) : it, found, out));
        if (is_done(*out, found)) return QN_OK;
    }
    return QN_OK;
}

static Status
exec_subscripts(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    if (it.kind != JSONB_ARRAY && !x->lax)
        PATH_FAIL_STRUCTURE(x, out, ERR_SQL_JSON_ARRAY_NOT_FOUND, "jsonpath array accessor can only be applied to an array");
    int64_t saved = x->array_size;
    uint32_t count = path_word(n, 1);
    x->array_size = it.kind == JSONB_ARRAY ? jsonb_count(it) : 1;
    *out = OUT_NONE;
    for (uint32_t i = 0; i < count; i++) {
        TRY(exec_range(x, n, i, it, found, out));
        if (is_done(*out, found)) break;
    }
    x->array_size = saved;
    return QN_OK;
}

static Status
exec_levels(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    uint32_t first = path_word(n, 1), last = path_word(n, 2);
    *out = OUT_NONE;
    if (first == 0) { /* the value itself */
        bool saved = x->forgives;
        x->forgives = true;
        TRY(exec_next(x, n, it, found, out));
        x->forgives = saved;
        if (*out == OUT_FOUND && found == NULL) return QN_OK;
    }
    if (!jsonb_is_container(it)) return QN_OK;
    return exec_any(x, path_child(n, 0), it, found, 1, first, last, true, x->lax, out);
}

/* Arithmetic. */

/* Errors of the number (overflow, division by zero) become an outcome where they are not to be raised. */
static Status
forgive(Exec *x, Status st, Outcome *out)
{
    if (st == QN_OK || x->raises || st == ERR_OUT_OF_MEMORY || st == ERR_QUERY_CANCELED) return st;
    err_clear(&x->ctx->err);
    *out = OUT_ERROR;
    return QN_OK;
}

static Status
calculate(Exec *x, PathKind op, JsonbItem left, JsonbItem right, JsonbItem *result)
{
    NumWork w = {x->ctx, x->arena};
    NumVar a, b, r;
    TRY(load_number(x, left, &a));
    TRY(load_number(x, right, &b));
    numvar_init(&r);
    if ((op == PATH_DIV || op == PATH_MOD) && numvar_is_zero(&b))
        return RAISE(x->ctx, ERR_DIVISION_BY_ZERO, "division by zero");
    switch (op) {
    case PATH_ADD: TRY(numvar_add(&w, &a, &b, &r)); break;
    case PATH_SUB: TRY(numvar_sub(&w, &a, &b, &r)); break;
    case PATH_MUL: {
        int scale = a.dscale + b.dscale;
        TRY(numvar_mul(&w, &a, &b, scale > NUMERIC_DSCALE_MAX ? NUMERIC_DSCALE_MAX : scale, &r));
        break;
    }
    case PATH_DIV: TRY(numvar_div(&w, &a, &b, numvar_div_scale(&a, &b), true, &r)); break;
    default: TRY(numvar_mod(&w, &a, &b, &r)); break;
    }
    numvar_strip(&r);
    return make_number(x, &r, result);
}

static Status
exec_arithmetic(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    PathList left = {0}, right = {0};
    PathKind op = path_kind(n);
    JsonbItem result;
    TRY(exec_operand(x, path_child(n, 1), it, true, &left, out));
    if (*out == OUT_ERROR) return QN_OK;
    TRY(exec_operand(x, path_child(n, 2), it, true, &right, out));
    if (*out == OUT_ERROR) return QN_OK;
    if (left.count != 1 || left.items[0].kind != JSONB_NUMBER)
        PATH_FAIL(x, out, ERR_SINGLETON_SQL_JSON_ITEM_REQUIRED,
                  "left operand of jsonpath operator %s is not a single numeric value", path_name(op));
    if (right.count != 1 || right.items[0].kind != JSONB_NUMBER)
        PATH_FAIL(x, out, ERR_SINGLETON_SQL_JSON_ITEM_REQUIRED,
                  "right operand of jsonpath operator %s is not a single numeric value", path_name(op));
    *out = OUT_FOUND;
    TRY(forgive(x, calculate(x, op, left.items[0], right.items[0], &result), out));
    return *out == OUT_ERROR ? QN_OK : exec_next(x, n, result, found, out);
}

static Status
exec_sign(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    PathList list = {0};
    bool last = found == NULL && !has_next(n);
    Outcome result = OUT_NONE;
    TRY(exec_operand(x, path_child(n, 1), it, true, &list, out));
    if (*out == OUT_ERROR) return QN_OK;
    for (int i = 0; i < list.count; i++) {
        JsonbItem v = list.items[i];
        if (v.kind != JSONB_NUMBER) {
            if (last) continue;
            PATH_FAIL(x, out, ERR_SQL_JSON_NUMBER_NOT_FOUND, "operand of unary jsonpath operator %s is not a numeric value",
                      path_name(path_kind(n)));
        }
        if (path_kind(n) == PATH_MINUS) {
            NumVar a;
            TRY(load_number(x, v, &a));
            a.negative = !a.negative && !numvar_is_zero(&a);
            TRY(make_number(x, &a, &v));
        }
        TRY(exec_next(x, n, v, found, out));
        if (is_done(*out, found)) return QN_OK;
        if (*out == OUT_FOUND) result = OUT_FOUND;
    }
    *out = result;
    return QN_OK;
}

/* Methods. */

static Status
exec_rounding(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    NumWork w = {x->ctx, x->arena};
    NumVar v;
    PathKind kind = path_kind(n);
    if (it.kind != JSONB_NUMBER)
        PATH_FAIL(x, out, ERR_NON_NUMERIC_SQL_JSON_ITEM, "jsonpath item method .%s() can only be applied to a numeric value",
                  path_name(kind));
    TRY(load_number(x, it, &v));
    if (kind == PATH_ABS)
        v.negative = false;
    else if (kind == PATH_FLOOR)
        TRY(numvar_floor(&w, &v));
    else
        TRY(numvar_ceil(&w, &v));
    numvar_strip(&v);
    TRY(make_number(x, &v, &it));
    return exec_next(x, n, it, found, out);
}

/* The text as a finite double; false: it is none. */
static Status
read_double(Exec *x, const char *text, size_t nbytes, double *v, bool *ok)
{
    Value value;
    Status st = value_in(x->ctx, x->arena, text, nbytes, TYPE_FLOAT8, -1, &value);
    *ok = st == QN_OK && isfinite(value.f64);
    if (st == ERR_OUT_OF_MEMORY) return st;
    if (st != QN_OK) err_clear(&x->ctx->err);
    *v = *ok ? value.f64 : 0;
    return QN_OK;
}

static Status
exec_double(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    double v;
    bool ok;
    if (it.kind == JSONB_NUMBER) {
        StrBuf b = strbuf_new(x->arena);
        TRY(jsonb_add_text(x->ctx, &b, it));
        TRY(read_double(x, b.data, b.nbytes, &v, &ok));
        if (!ok)
            PATH_FAIL(x, out, ERR_NON_NUMERIC_SQL_JSON_ITEM,
                      "numeric argument of jsonpath item method .%s() is out of range for type double precision", "double");
    } else if (it.kind == JSONB_STRING) {
        char text[40];
        Value number;
        TRY(read_double(x, it.p, it.nbytes, &v, &ok));
        if (!ok)
            PATH_FAIL(x, out, ERR_NON_NUMERIC_SQL_JSON_ITEM,
                      "string argument of jsonpath item method .%s() is not a valid representation of a double precision number",
                      "double");
        int len = snprintf(text, sizeof(text), "%.15g", v);
        TRY(value_in(x->ctx, x->arena, text, (size_t)len, TYPE_NUMERIC, -1, &number));
        NumWork w = {x->ctx, x->arena};
        NumVar var;
        numvar_init(&var);
        TRY(numvar_from_value(&w, &number, &var));
        TRY(make_number(x, &var, &it));
    } else {
        PATH_FAIL(x, out, ERR_NON_NUMERIC_SQL_JSON_ITEM,
                  "jsonpath item method .%s() can only be applied to a string or numeric value", "double");
    }
    return exec_next(x, n, it, found, out);
}

static Status
exec_datetime(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    PathNode arg = path_child(n, 1);
    const char *template = NULL;
    uint32_t nbytes = 0;
    JsonbItem time;
    if (it.kind != JSONB_STRING)
        PATH_FAIL(x, out, ERR_INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
                  "jsonpath item method .%s() can only be applied to a string", "datetime");
    if (arg.at != 0) template = path_text(arg, 1, &nbytes);
    *out = OUT_FOUND;
    TRY(forgive(x, jsonpath_read_time(x->ctx, x->arena, it, template, nbytes, &time), out));
    return *out == OUT_ERROR ? QN_OK : exec_next(x, n, time, found, out);
}

static Status
make_pair(Exec *x, JsonbItem object, uint32_t i, JsonbItem id, JsonbItem *out)
{
    uint32_t nbytes;
    const char *key = jsonb_key(object, i, &nbytes);
    JsonbBuilder b = jsonb_builder(x->ctx, x->arena);
    Str *s;
    TRY_ALLOC(x->ctx, s, ARENA_NEW(x->arena, Str));
    TRY(jsonb_begin(&b, JSONB_OBJECT));
    TRY(jsonb_push_key(&b, "key", 3));
    TRY(jsonb_push_text(&b, key, nbytes));
    TRY(jsonb_push_key(&b, "value", 5));
    TRY(jsonb_push(&b, jsonb_member(object, i)));
    TRY(jsonb_push_key(&b, "id", 2));
    TRY(jsonb_push(&b, id));
    TRY(jsonb_end(&b));
    TRY(jsonb_finish(&b, s));
    *out = jsonb_root(s);
    return QN_OK;
}

static Status
exec_keyvalue(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    JsonbItem id;
    if (it.kind != JSONB_OBJECT)
        PATH_FAIL(x, out, ERR_SQL_JSON_OBJECT_NOT_FOUND, "jsonpath item method .%s() can only be applied to an object", "keyvalue");
    uint32_t count = jsonb_count(it);
    int64_t place = x->base.p != NULL ? jsonb_postgres_offset(x->base.it, it.p) : 0;
    TRY(make_int(x, place + x->base.id * 10000000000, &id));
    *out = OUT_NONE;
    for (uint32_t i = 0; i < count; i++) {
        JsonbItem pair;
        *out = OUT_FOUND;
        if (!has_next(n) && found == NULL) return QN_OK;
        TRY(make_pair(x, it, i, id, &pair));
        BaseObject saved = set_base(x, pair, x->last_id++);
        TRY(exec_next(x, n, pair, found, out));
        x->base = saved;
        if (is_done(*out, found)) return QN_OK;
    }
    return QN_OK;
}

static Status
exec_size(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    if (it.kind != JSONB_ARRAY && !x->lax)
        PATH_FAIL_STRUCTURE(x, out, ERR_SQL_JSON_ARRAY_NOT_FOUND, "jsonpath item method .%s() can only be applied to an array", "size");
    TRY(make_int(x, it.kind == JSONB_ARRAY ? jsonb_count(it) : 1, &it));
    return exec_next(x, n, it, found, out);
}

static Status
exec_method(Exec *x, PathNode n, JsonbItem it, PathList *found, bool unwrap, Outcome *out)
{
    PathKind kind = path_kind(n);
    if (kind == PATH_SIZE) return exec_size(x, n, it, found, out);
    if (kind == PATH_TYPE) {
        const char *name = it.kind == JSONB_DATETIME ? jsonpath_time_type(it) : jsonb_kind_name((JsonbKind)it.kind);
        it = (JsonbItem){.kind = JSONB_STRING, .nbytes = (uint32_t)strlen(name), .p = name};
        return exec_next(x, n, it, found, out);
    }
    if (unwrap && it.kind == JSONB_ARRAY) return exec_elements(x, n, it, found, false, out);
    switch (kind) {
    case PATH_DOUBLE: return exec_double(x, n, it, found, out);
    case PATH_DATETIME: return exec_datetime(x, n, it, found, out);
    case PATH_KEYVALUE: return exec_keyvalue(x, n, it, found, out);
    default: return exec_rounding(x, n, it, found, out);
    }
}

/* A literal's or variable's value. */
static Status
literal(Exec *x, PathNode n, JsonbItem *out)
{
    PathKind kind = path_kind(n);
    *out = (JsonbItem){.kind = kind == PATH_NULL ? JSONB_NULL : kind == PATH_TRUE ? JSONB_TRUE : JSONB_FALSE, .p = ""};
    if (kind == PATH_STRING || kind == PATH_NUMBER) {
        out->kind = kind == PATH_STRING ? JSONB_STRING : JSONB_NUMBER;
        out->p = path_text(n, 1, &out->nbytes);
    } else if (kind == PATH_VARIABLE) {
        uint32_t nbytes;
        const char *name = path_text(n, 1, &nbytes);
        if (!x->has_vars || !jsonb_find(x->vars, name, nbytes, out, NULL))
            return RAISE(x->ctx, ERR_UNDEFINED_OBJECT, "could not find jsonpath variable \"%.*s\"", (int)nbytes, name);
        (void)set_base(x, x->vars, 1);
    }
    return QN_OK;
}

static Status
exec_literal(Exec *x, PathNode n, PathList *found, Outcome *out)
{
    JsonbItem v;
    *out = OUT_FOUND;
    if (!has_next(n) && found == NULL) return QN_OK;
    BaseObject saved = x->base;
    TRY(literal(x, n, &v));
    Status st = exec_next(x, n, v, found, out);
    x->base = saved;
    return st;
}

/* A condition where a value is wanted. */
static Status
exec_truth(Exec *x, PathNode n, JsonbItem it, PathList *found, Outcome *out)
{
    Truth truth;
    TRY(exec_bool(x, n, it, &truth));
    *out = OUT_FOUND;
    if (!has_next(n) && found == NULL) return QN_OK;
    JsonbItem v = {.kind = truth == UNKNOWN ? JSONB_NULL : truth == YES ? JSONB_TRUE : JSONB_FALSE, .p = ""};
    return exec_next(x, n, v, found, out);
}

static Status
exec_filter(Exec *x, PathNode n, JsonbItem it, PathList *found, bool unwrap, Outcome *out)
{
    Truth truth;
    if (unwrap && it.kind == JSONB_ARRAY) return exec_elements(x, n, it, found, false, out);
    JsonbItem saved = x->current;
    x->current = it;
    Status st = exec_bool(x, path_child(n, 1), it, &truth);
    x->current = saved;
    TRY(st);
    *out = OUT_NONE;
    return truth == YES ? exec_next(x, n, it, found, out) : QN_OK;
}

/* unwrap: an array is stood in for by its elements where n wants no array. */
static Status
exec_item(Exec *x, PathNode n, JsonbItem it, PathList *found, bool unwrap, Outcome *out)
{
    PathKind kind = path_kind(n);
    TRY(ctx_check_depth(x->ctx));
    TRY(ctx_check_stop(x->ctx));
    if (path_is_predicate(kind)) return exec_truth(x, n, it, found, out);
    switch (kind) {
    case PATH_ROOT: {
        BaseObject saved = set_base(x, x->root, 0);
        Status st = exec_next(x, n, x->root, found, out);
        x->base = saved;
        return st;
    }
    case PATH_CURRENT: return exec_next(x, n, x->current, found, out);
    case PATH_KEY: return exec_key(x, n, it, found, unwrap, out);
    case PATH_ANY_KEY: return exec_any_key(x, n, it, found, unwrap, out);
    case PATH_ANY_ARRAY: return exec_any_array(x, n, it, found, out);
    case PATH_SUBSCRIPTS: return exec_subscripts(x, n, it, found, out);
    case PATH_ANY: return exec_levels(x, n, it, found, out);
    case PATH_FILTER: return exec_filter(x, n, it, found, unwrap, out);
    case PATH_LAST: {
        JsonbItem v;
        if (x->array_size < 0)
            return RAISE(x->ctx, ERR_INTERNAL_ERROR, "evaluating jsonpath LAST outside of array subscript");
        TRY(make_int(x, x->array_size - 1, &v));
        return exec_next(x, n, v, found, out);
    }
    case PATH_ADD: case PATH_SUB: case PATH_MUL: case PATH_DIV: case PATH_MOD: return exec_arithmetic(x, n, it, found, out);
    case PATH_PLUS: case PATH_MINUS: return exec_sign(x, n, it, found, out);
    case PATH_NULL: case PATH_TRUE: case PATH_FALSE: case PATH_STRING: case PATH_NUMBER:
    case PATH_VARIABLE: return exec_literal(x, n, found, out);
    default: return exec_method(x, n, it, found, unwrap, out);
    }
}

/* Conditions. */

static Status
compare(Exec *x, PathKind op, JsonbItem a, JsonbItem b, Truth *out)
{
    int c = 0;
    bool ok = true;
    *out = UNKNOWN;
    if (a.kind != b.kind && !(jsonb_is_bool(a) && jsonb_is_bool(b))) {
        if (a.kind == JSONB_NULL || b.kind == JSONB_NULL) *out = op == PATH_NE ? YES : NO;
        return QN_OK;
    }
    switch (a.kind) {
    case JSONB_NULL: break;
    case JSONB_FALSE:
    case JSONB_TRUE: c = (a.kind > b.kind) - (a.kind < b.kind); break;
    case JSONB_NUMBER:
    case JSONB_STRING: c = jsonb_compare(a, b); break;
    case JSONB_DATETIME: TRY(jsonpath_compare_times(x->ctx, x->use_zone, a, b, &c, &ok)); break;
    default: return QN_OK;
    }
    if (!ok) return QN_OK;
    bool yes = op == PATH_EQ ? c == 0 : op == PATH_NE ? c != 0 : op == PATH_LT ? c < 0 : op == PATH_GT ? c > 0 : op == PATH_LE ? c <= 0 : c >= 0;
    *out = yes ? YES : NO;
    return QN_OK;
}

/* The pattern of n, compiled once a path. */
static Status
pattern_of(Exec *x, PathNode n, Regex **out)
{
    PathCache *cache = x->cache;
    for (int i = 0; i < cache->count; i++)
        if (cache->items[i].at == n.at) {
            *out = cache->items[i].regex;
            return QN_OK;
        }
    uint32_t nbytes;
    const char *pattern = path_text(n, 3, &nbytes);
    char *copy;
    TRY_ALLOC(x->ctx, copy, arena_strndup(cache->arena, pattern, nbytes));
    TRY(regex_compile(x->ctx, cache->arena, copy, nbytes, path_regex_flags(path_word(n, 2)), out));
    return array_push(x->ctx, cache->arena, cache, ((PathPattern){n.at, *out}));
}

static Status
test_pair(Exec *x, PathNode n, JsonbItem a, JsonbItem b, Truth *out)
{
    PathKind kind = path_kind(n);
    *out = UNKNOWN;
    if (kind == PATH_LIKE_REGEX) {
        Regex *re;
        bool found;
        if (a.kind != JSONB_STRING) return QN_OK;
        TRY(pattern_of(x, n, &re));
        TRY(regex_match(x->ctx, re, a.p, a.nbytes, 0, NULL, 0, &found));
        *out = found ? YES : NO;
        return QN_OK;
    }
    if (kind == PATH_STARTS_WITH) {
        if (a.kind == JSONB_STRING && b.kind == JSONB_STRING)
            *out = a.nbytes >= b.nbytes && memcmp(a.p, b.p, b.nbytes) == 0 ? YES : NO;
        return QN_OK;
    }
    return compare(x, kind, a, b, out);
}

/* A comparison of all results of its operands: true where one pair is. Strict mode wants every pair to be
 * comparable, lax mode is content with the first that is true. */
static Status
exec_predicate(Exec *x, PathNode n, JsonbItem it, Truth *out)
{
    PathKind kind = path_kind(n);
    bool binary = kind != PATH_LIKE_REGEX, error = false, yes = false;
    PathList left = {0}, right = {0};
    Outcome result;
    *out = UNKNOWN;
    TRY(exec_operand_quietly(x, path_child(n, 1), it, true, &left, &result));
    if (result == OUT_ERROR) return QN_OK;
    if (binary) {
        TRY(exec_operand_quietly(x, path_child(n, 2), it, kind != PATH_STARTS_WITH, &right, &result));
        if (result == OUT_ERROR) return QN_OK;
    }
    for (int i = 0; i < left.count; i++)
        for (int k = 0; k < (binary ? right.count : 1); k++) {
            Truth t;
            TRY(test_pair(x, n, left.items[i], binary ? right.items[k] : left.items[i], &t));
            if (t == UNKNOWN) {
                if (!x->lax) return QN_OK;
                error = true;
            } else if (t == YES) {
                if (x->lax) {
                    *out = YES;
                    return QN_OK;
                }
                yes = true;
            }
        }
    *out = yes ? YES : error ? UNKNOWN : NO;
    return QN_OK;
}

static Status
exec_exists(Exec *x, PathNode n, JsonbItem it, Truth *out)
{
    Outcome result;
    PathList list = {0};
    /* Strict mode must see all values to know that there is no error. */
    TRY(exec_operand_quietly(x, path_child(n, 1), it, false, x->lax ? NULL : &list, &result));
    if (result == OUT_ERROR)
        *out = UNKNOWN;
    else
        *out = (x->lax ? result == OUT_FOUND : list.count > 0) ? YES : NO;
    return QN_OK;
}

static Status
exec_bool(Exec *x, PathNode n, JsonbItem it, Truth *out)
{
    Truth second;
    PathKind kind = path_kind(n);
    TRY(ctx_check_depth(x->ctx));
    switch (kind) {
    case PATH_AND:
    case PATH_OR: {
        Truth decides = kind == PATH_AND ? NO : YES;
        TRY(exec_bool(x, path_child(n, 1), it, out));
        if (*out == decides) return QN_OK;
        TRY(exec_bool(x, path_child(n, 2), it, &second));
        if (second == decides || second == UNKNOWN) *out = second;
        return QN_OK;
    }
    case PATH_NOT:
        TRY(exec_bool(x, path_child(n, 1), it, out));
        if (*out != UNKNOWN) *out = *out == YES ? NO : YES;
        return QN_OK;
    case PATH_IS_UNKNOWN:
        TRY(exec_bool(x, path_child(n, 1), it, out));
        *out = *out == UNKNOWN ? YES : NO;
        return QN_OK;
    case PATH_EXISTS: return exec_exists(x, n, it, out);
    default: return exec_predicate(x, n, it, out);
    }
}

/* From outside. */

Status
jsonpath_run(const PathRun *run, PathList *found, bool *exists_out, bool *error_out)
{
    PathNode root = {str_data(run->path), 1};
    Exec x = {.ctx = run->ctx, .arena = run->arena, .cache = run->cache, .array_size = -1, .use_zone = run->use_zone,
              .raises = !run->silent, .root = jsonb_root(run->target)};
    Outcome out;
    PathList all = {0};
    x.current = x.root;
    x.lax = x.forgives = root.base[0] != 0;
    x.has_vars = run->vars != NULL;
    x.last_id = x.has_vars ? 2 : 1;
    if (x.has_vars) {
        x.vars = jsonb_root(run->vars);
        if (x.vars.kind != JSONB_OBJECT)
            return err_detail(x.ctx, RAISE(x.ctx, ERR_INVALID_PARAMETER_VALUE, "\"vars\" argument is not an object"),
                              "Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.");
    }
    (void)set_base(&x, x.root, 0);
    bool collect = found == NULL && !x.lax; /* strict mode must see all values to know that there is no error */
    TRY(exec_item(&x, root, x.root, collect ? &all : found, x.lax, &out));
    *error_out = out == OUT_ERROR;
    *exists_out = collect ? all.count > 0 : out == OUT_FOUND;
    return QN_OK;
}
