/* gin_jsonb.c - the inverted index's classes for jsonb.
 *
 * jsonb_ops: every member's key and every scalar. Strings that are elements of arrays count as keys, as they do for ?.
 * jsonb_path_ops: every scalar together with the keys that lead to it, as a checksum; smaller and sharper, for @> and paths to constants.
 * Neither knows how values nest, so that rows are always looked at again. */
#include "storage/gin_class.h"

#include "common/crc32c.h"
#include "storage/keycodec_priv.h"
#include "types/array.h"
#include "types/jsonb.h"
#include "types/jsonpath.h"

enum {
    OP_CONTAINS = 3246, OP_EXISTS = 3247, OP_EXISTS_ANY = 3248, OP_EXISTS_ALL = 3249, OP_PATH_EXISTS = 4012, OP_PATH_MATCH = 4013
};

/* The first byte of an element; text that is long is its checksum. */
enum { PART_KEY = 1, PART_NULL, PART_BOOL, PART_NUMBER, PART_STRING, PART_LONG = 0x10, TEXT_MAX = 120 };

static void
add_text(GinKeys *keys, char part, const char *text, uint32_t nbytes)
{
    if (nbytes > TEXT_MAX) {
        uint32_t crc = crc32c(0, text, nbytes);
        strbuf_addc(&keys->bytes, (char)(part | PART_LONG));
        strbuf_add(&keys->bytes, (const char *)&crc, sizeof(crc));
        return;
    }
    strbuf_addc(&keys->bytes, part);
    strbuf_add(&keys->bytes, text, nbytes);
    strbuf_addc(&keys->bytes, 0);
}

static Status
add_key(Ctx *ctx, GinKeys *keys, const char *text, uint32_t nbytes)
{
    gin_key_begin(keys, GIN_KEY_NORMAL);
    add_text(keys, PART_KEY, text, nbytes);
    return gin_key_end(ctx, keys);
}

static Status
add_scalar(Ctx *ctx, GinKeys *keys, JsonbItem it, bool as_key)
{
    gin_key_begin(keys, GIN_KEY_NORMAL);
    if (it.kind == JSONB_STRING) {
        add_text(keys, as_key ? PART_KEY : PART_STRING, it.p, it.nbytes);
    } else if (it.kind == JSONB_NUMBER) {
        Value v = jsonb_number(it);
        strbuf_addc(&keys->bytes, PART_NUMBER);
        TRY(key_put_numeric_str(ctx, &keys->bytes, &v));
    } else if (jsonb_is_bool(it)) {
        strbuf_addc(&keys->bytes, PART_BOOL);
        strbuf_addc(&keys->bytes, it.kind == JSONB_TRUE);
    } else {
        strbuf_addc(&keys->bytes, PART_NULL);
    }
    return gin_key_end(ctx, keys);
}

/* Depth is bounded by JSONB_DEPTH_MAX. */
static Status
add_parts(Ctx *ctx, GinKeys *keys, JsonbItem it)
{
    for (uint32_t i = 0; i < jsonb_count(it); i++) {
        bool is_array = it.kind == JSONB_ARRAY;
        JsonbItem part = is_array ? jsonb_element(it, i) : jsonb_member(it, i);
        if (!is_array) {
            uint32_t nbytes;
            const char *key = jsonb_key(it, i, &nbytes);
            TRY(add_key(ctx, keys, key, nbytes));
        }
        TRY(jsonb_is_container(part) ? add_parts(ctx, keys, part) : add_scalar(ctx, keys, part, is_array));
    }
    return QN_OK;
}

/* A whole value that is a scalar counts as an element, as it does for ? and @>. */
static Status
jsonb_extract(Ctx *ctx, GinKeys *keys, const Value *v)
{
    JsonbItem root = jsonb_root(&v->str);
    return jsonb_is_container(root) ? add_parts(ctx, keys, root) : add_scalar(ctx, keys, root, true);
}

/* All keys there are by now, or one of them. */
static Status
group_keys(Ctx *ctx, GinKeys *keys, int need, GinNode **out)
{
    const int n = keys->ends.count;
    TRY(gin_group(ctx, keys, need, n, out));
    for (int i = 0; i < n; i++) {
        GinKey key = gin_keys_get(keys, i);
        GinNode *leaf;
        TRY_ALLOC(ctx, leaf, ARENA_NEW(keys->arena, GinNode));
        TRY_ALLOC(ctx, leaf->key.bytes, arena_memdup(keys->arena, key.bytes, key.nbytes));
        leaf->key.nbytes = key.nbytes;
        gin_group_add(*out, leaf);
    }
    return QN_OK;
}

/* ?| and ?&: NULLs are passed over. */
static Status
add_names(Ctx *ctx, GinKeys *keys, const Str *array)
{
    ArrayView a;
    array_view(array, &a);
    for (uint32_t i = 0; i < a.nelems; i++) {
        Value e = array_element(&a, i);
        if (!e.is_null) TRY(add_key(ctx, keys, str_data(&e.str), e.str.len));
    }
    return QN_OK;
}

/* ---- paths ---- */

/* What leads to the values a path gives: for jsonb_ops its keys, for jsonb_path_ops the checksum of all of them, if they are known. */
typedef struct PathQuery {
    Ctx *ctx;
    GinKeys *keys;
    bool by_path;
} PathQuery;

typedef struct Where {
    uint32_t crc;
    bool known;
} Where;

static uint32_t
crc_key(uint32_t crc, const char *key, uint32_t nbytes)
{
    return crc32c(crc32c(crc, key, nbytes), "", 1);
}

static Status predicate_node(PathQuery *q, PathNode n, Where at, GinNode **out);

static Status
leaf_of_key(PathQuery *q, const char *text, uint32_t nbytes, GinNode **out)
{
    TRY(add_key(q->ctx, q->keys, text, nbytes));
    return gin_leaf(q->ctx, q->keys, GIN_KEY, out);
}

/* The accessors from n on: what must be there for them to give anything; *at is where they lead. */
static Status
path_node(PathQuery *q, PathNode n, Where *at, GinNode *all, int room)
{
    for (; n.at != 0 && all->n < room; n = path_child(n, 0)) {
        PathKind kind = path_kind(n);
        GinNode *item = NULL;
        if (kind == PATH_KEY) {
            uint32_t nbytes;
            const char *text = path_text(n, 1, &nbytes);
            at->crc = crc_key(at->crc, text, nbytes);
            if (!q->by_path) TRY(leaf_of_key(q, text, nbytes, &item));
        } else if (kind == PATH_FILTER) {
            TRY(predicate_node(q, path_child(n, 1), *at, &item));
        } else if (kind == PATH_ANY || kind == PATH_ANY_KEY) {
            at->known = false;
        } else if (kind != PATH_ROOT && kind != PATH_CURRENT && kind != PATH_ANY_ARRAY && kind != PATH_SUBSCRIPTS) {
            at->known = false; /* a method, arithmetic: what comes after is not in the document */
            return QN_OK;
        }
        gin_group_add(all, item);
    }
    if (n.at != 0) at->known = false;
    return QN_OK;
}

static bool
is_path(PathNode n)
{
    return path_kind(n) == PATH_ROOT || path_kind(n) == PATH_CURRENT;
}

/* A scalar that stands in the path; nothing is done with it. */
static bool
is_constant(PathNode n, JsonbItem *out)
{
    PathKind kind = path_kind(n);
    if (path_word(n, 0) != 0) return false;
    *out = (JsonbItem){.kind = JSONB_NULL, .p = ""};
    if (kind == PATH_TRUE) out->kind = JSONB_TRUE;
    if (kind == PATH_FALSE) out->kind = JSONB_FALSE;
    if (kind == PATH_STRING) out->kind = JSONB_STRING;
    if (kind == PATH_NUMBER) out->kind = JSONB_NUMBER;
    if (kind == PATH_STRING || kind == PATH_NUMBER) out->p = path_text(n, 1, &out->nbytes);
    return kind <= PATH_FALSE;
}

/* The checksum of a scalar at the end of a path. */
static Status
add_path(Ctx *ctx, GinKeys *keys, uint32_t crc, JsonbItem it)
{
    StrBuf canonical = strbuf_new(keys->arena);
    char kind = (char)it.kind;
    crc = crc32c(crc, &kind, 1);
    if (it.kind == JSONB_NUMBER) {
        Value v = jsonb_number(it);
        TRY(key_put_numeric_str(ctx, &canonical, &v));
        if (canonical.failed) return RAISE_OOM(ctx);
        crc = crc32c(crc, canonical.data, canonical.nbytes);
    } else if (it.kind == JSONB_STRING) {
        crc = crc32c(crc, it.p, it.nbytes);
    }
    gin_key_begin(keys, GIN_KEY_NORMAL);
    strbuf_add(&keys->bytes, (const char *)&crc, sizeof(crc));
    return gin_key_end(ctx, keys);
}

/* A value that equals the constant: a string may be a member or an element. */
static Status
constant_node(PathQuery *q, JsonbItem it, Where at, GinNode **out)
{
    GinNode *leaf;
    if (q->by_path) {
        if (!at.known) return QN_OK;
        TRY(add_path(q->ctx, q->keys, at.crc, it));
        return gin_leaf(q->ctx, q->keys, GIN_KEY, out);
    }
    TRY(gin_group(q->ctx, q->keys, 1, 2, out));
    for (int as_key = 0; as_key < (it.kind == JSONB_STRING ? 2 : 1); as_key++) {
        TRY(add_scalar(q->ctx, q->keys, it, as_key != 0));
        TRY(gin_leaf(q->ctx, q->keys, GIN_KEY, &leaf));
        gin_group_add(*out, leaf);
    }
    return QN_OK;
}

enum { PATH_ITEMS = 64 }; /* more accessors than that say nothing more */

/* A comparison, starts with, like_regex: its paths must give something, and = with a constant that constant. at: of @. */
static Status
operand_nodes(PathQuery *q, PathNode n, Where at, GinNode **out)
{
    PathKind kind = path_kind(n);
    JsonbItem constant;
    TRY(gin_group(q->ctx, q->keys, 0, 2 * PATH_ITEMS + 2, out));
    int nsides = kind == PATH_LIKE_REGEX ? 1 : 2;
    for (int side = 1; side <= nsides; side++) {
        PathNode operand = path_child(n, (uint32_t)side), other = path_child(n, (uint32_t)(3 - side));
        Where end = path_kind(operand) == PATH_ROOT ? (Where){0, true} : at;
        GinNode *item = NULL;
        if (!is_path(operand)) continue;
        TRY(path_node(q, operand, &end, *out, (*out)->n + PATH_ITEMS));
        if (kind == PATH_EQ && is_constant(other, &constant)) TRY(constant_node(q, constant, end, &item));
        gin_group_add(*out, item);
    }
    return QN_OK;
}

static Status
predicate_node(PathQuery *q, PathNode n, Where at, GinNode **out)
{
    PathKind kind = path_kind(n);
    GinNode *left, *right;
    TRY(ctx_check_depth(q->ctx));
    *out = NULL;
    if (path_word(n, 0) != 0) return QN_OK; /* something is asked of its result */
    switch (kind) {
    case PATH_AND:
    case PATH_OR:
        TRY(predicate_node(q, path_child(n, 1), at, &left));
        TRY(predicate_node(q, path_child(n, 2), at, &right));
        if (kind == PATH_OR && (left == NULL || right == NULL)) return QN_OK;
        TRY(gin_group(q->ctx, q->keys, kind == PATH_OR ? 1 : 0, 2, out));
        gin_group_add(*out, left);
        gin_group_add(*out, right);
        return QN_OK;
    case PATH_EQ:
    case PATH_LT:
    case PATH_GT:
    case PATH_LE:
    case PATH_GE:
    case PATH_STARTS_WITH:
    case PATH_LIKE_REGEX:
        return operand_nodes(q, n, at, out);
    case PATH_EXISTS: {
        PathNode path = path_child(n, 1);
        if (!is_path(path)) return QN_OK;
        if (path_kind(path) == PATH_ROOT) at = (Where){0, true};
        TRY(gin_group(q->ctx, q->keys, 0, PATH_ITEMS, out));
        return path_node(q, path, &at, *out, PATH_ITEMS);
    }
    default:
        return QN_OK; /* !, is unknown, !=: nothing that must be there */
    }
}

static Status
path_query(Ctx *ctx, GinKeys *keys, Oid op, const Value *v, bool by_path, GinNode **out)
{
    PathQuery q = {ctx, keys, by_path};
    PathNode root = {str_data(&v->str), 1};
    Where at = {0, true};
    *out = NULL;
    if (op == OP_PATH_MATCH) return path_is_predicate(path_kind(root)) ? predicate_node(&q, root, at, out) : QN_OK;
    if (!is_path(root)) return QN_OK;
    TRY(gin_group(ctx, keys, 0, PATH_ITEMS, out));
    return path_node(&q, root, &at, *out, PATH_ITEMS);
}

/* ---- jsonb_ops ---- */

static Status
jsonb_query(Ctx *ctx, GinKeys *keys, Oid op, const Value *v, GinNode **out, bool *recheck_out)
{
    *recheck_out = true;
    switch (op) {
    case OP_CONTAINS:
        TRY(jsonb_extract(ctx, keys, v));
        return group_keys(ctx, keys, 0, out);
    case OP_EXISTS:
        TRY(add_key(ctx, keys, str_data(&v->str), v->str.len));
        return group_keys(ctx, keys, 0, out);
    case OP_EXISTS_ANY:
    case OP_EXISTS_ALL:
        TRY(add_names(ctx, keys, &v->str));
        return group_keys(ctx, keys, op == OP_EXISTS_ANY ? 1 : 0, out);
    default:
        return path_query(ctx, keys, op, v, false, out);
    }
}

const GinClass gin_jsonb_ops = {10090, jsonb_extract, jsonb_query};

/* ---- jsonb_path_ops ---- */

static Status
add_paths(Ctx *ctx, GinKeys *keys, JsonbItem it, uint32_t crc)
{
    if (!jsonb_is_container(it)) return add_path(ctx, keys, crc, it);
    for (uint32_t i = 0; i < jsonb_count(it); i++) {
        uint32_t nbytes;
        if (it.kind == JSONB_ARRAY) {
            TRY(add_paths(ctx, keys, jsonb_element(it, i), crc));
            continue;
        }
        const char *key = jsonb_key(it, i, &nbytes);
        TRY(add_paths(ctx, keys, jsonb_member(it, i), crc_key(crc, key, nbytes)));
    }
    return QN_OK;
}

static Status
path_extract(Ctx *ctx, GinKeys *keys, const Value *v)
{
    return add_paths(ctx, keys, jsonb_root(&v->str), 0);
}

static Status
path_ops_query(Ctx *ctx, GinKeys *keys, Oid op, const Value *v, GinNode **out, bool *recheck_out)
{
    *recheck_out = true;
    if (op != OP_CONTAINS) return path_query(ctx, keys, op, v, true, out);
    TRY(path_extract(ctx, keys, v));
    return group_keys(ctx, keys, 0, out);
}

const GinClass gin_jsonb_path_ops = {10091, path_extract, path_ops_query};
