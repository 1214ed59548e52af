/* gin_class.c - see gin_class.h: keys and nodes; the classes of arrays and tsvector. */
#include "storage/gin_class.h"

#include "storage/keycodec.h"
#include "types/array.h"
#include "types/ts.h"
#include <stdlib.h>

/* ---- keys ---- */

GinKeys
gin_keys(Arena *arena, int column)
{
    return (GinKeys){.arena = arena, .column = (uint8_t)column, .bytes = strbuf_new(arena)};
}

void
gin_keys_reset(GinKeys *keys)
{
    keys->bytes.nbytes = 0;
    keys->ends.count = 0;
}

void
gin_key_begin(GinKeys *keys, GinCategory category)
{
    strbuf_addc(&keys->bytes, (char)keys->column);
    strbuf_addc(&keys->bytes, (char)category);
}

Status
gin_key_end(Ctx *ctx, GinKeys *keys)
{
    if (keys->bytes.failed) return RAISE_OOM(ctx);
    return array_push(ctx, keys->arena, &keys->ends, (uint32_t)keys->bytes.nbytes);
}

GinKey
gin_keys_get(const GinKeys *keys, int i)
{
    uint32_t from = i > 0 ? keys->ends.items[i - 1] : 0;
    return (GinKey){(const uint8_t *)keys->bytes.data + from, keys->ends.items[i] - from};
}

static Status
add_bare(Ctx *ctx, GinKeys *keys, GinCategory category)
{
    gin_key_begin(keys, category);
    return gin_key_end(ctx, keys);
}

static int
compare_keys(const void *x, const void *y)
{
    const GinKey *a = x, *b = y;
    return key_compare(a->bytes, a->nbytes, b->bytes, b->nbytes);
}

/* Sorts the keys and takes out what comes twice. */
static Status
sort_keys(Ctx *ctx, GinKeys *keys)
{
    const int n = keys->ends.count;
    GinKey *views;
    char *bytes;
    size_t at = 0;
    int to = 0;
    if (n < 2) return QN_OK;
    TRY_ALLOC(ctx, views, ARENA_ARRAY(keys->arena, GinKey, n));
    TRY_ALLOC(ctx, bytes, arena_memdup(keys->arena, keys->bytes.data, keys->bytes.nbytes));
    for (int i = 0; i < n; i++) {
        views[i] = gin_keys_get(keys, i);
        views[i].bytes = (const uint8_t *)bytes + (views[i].bytes - (const uint8_t *)keys->bytes.data);
    }
    qsort(views, (size_t)n, sizeof(GinKey), compare_keys);
    for (int i = 0; i < n; i++) {
        if (i > 0 && compare_keys(&views[i - 1], &views[i]) == 0) continue;
        memcpy(keys->bytes.data + at, views[i].bytes, views[i].nbytes);
        at += views[i].nbytes;
        keys->ends.items[to++] = (uint32_t)at;
    }
    keys->bytes.nbytes = at;
    keys->ends.count = to;
    return QN_OK;
}

Status
gin_extract(Ctx *ctx, const GinClass *class, GinKeys *keys, const Value *v)
{
    if (v->is_null) return add_bare(ctx, keys, GIN_NULL_ITEM);
    TRY(class->extract(ctx, keys, v));
    if (keys->ends.count == 0) return add_bare(ctx, keys, GIN_EMPTY_ITEM);
    return sort_keys(ctx, keys);
}

/* ---- nodes ---- */

Status
gin_leaf(Ctx *ctx, GinKeys *keys, GinNodeKind kind, GinNode **out)
{
    GinNode *node;
    GinKey key = gin_keys_get(keys, keys->ends.count - 1);
    TRY_ALLOC(ctx, node, ARENA_NEW(keys->arena, GinNode));
    node->kind = kind;
    TRY_ALLOC(ctx, node->key.bytes, arena_memdup(keys->arena, key.bytes, key.nbytes));
    node->key.nbytes = key.nbytes;
    *out = node;
    return QN_OK;
}

Status
gin_group(Ctx *ctx, GinKeys *keys, int need, int most, GinNode **out)
{
    GinNode *node;
    TRY_ALLOC(ctx, node, ARENA_NEW(keys->arena, GinNode));
    TRY_ALLOC(ctx, node->items, ARENA_ARRAY(keys->arena, GinNode *, most + 1));
    node->kind = GIN_ATLEAST;
    node->need = need;
    *out = node;
    return QN_OK;
}

void
gin_group_add(GinNode *group, GinNode *item)
{
    if (item != NULL) group->items[group->n++] = item;
}

/* "All of" gets its number; all of nothing is every row. */
static GinNode *
close_groups(GinNode *node)
{
    int n = 0;
    if (node == NULL || node->kind != GIN_ATLEAST) return node;
    for (int i = 0; i < node->n; i++) {
        GinNode *item = close_groups(node->items[i]);
        if (item != NULL) node->items[n++] = item;
        else if (node->need != 0) return NULL; /* at least one of: every row is one of them */
    }
    node->n = n;
    if (node->need == 0 && n == 0) return NULL;
    if (node->need == 0) node->need = n;
    return node;
}

/* Every row whose value is not NULL. */
static Status
every_row(Ctx *ctx, GinKeys *keys, GinNode **out)
{
    static const GinCategory categories[] = {GIN_KEY_NORMAL, GIN_KEY_NULL, GIN_EMPTY_ITEM};
    TRY(gin_group(ctx, keys, 1, 3, out));
    for (int i = 0; i < 3; i++) {
        GinNode *leaf;
        TRY(add_bare(ctx, keys, categories[i]));
        TRY(gin_leaf(ctx, keys, categories[i] == GIN_KEY_NORMAL ? GIN_PREFIX : GIN_KEY, &leaf));
        gin_group_add(*out, leaf);
    }
    return QN_OK;
}

Status
gin_query(Ctx *ctx, const GinClass *class, GinKeys *keys, Oid op, const Value *v, GinNode **out, bool *recheck_out)
{
    *recheck_out = false;
    if (v->is_null) return gin_group(ctx, keys, 1, 0, out);
    TRY(class->query(ctx, keys, op, v, out, recheck_out));
    *out = close_groups(*out);
    return *out == NULL ? every_row(ctx, keys, out) : QN_OK;
}

/* ---- arrays ---- */

enum { OP_ARRAY_OVERLAPS = 2750, OP_ARRAY_CONTAINS = 2751, OP_ARRAY_CONTAINED = 2752, OP_ARRAY_EQ = 1070 };

static Status
add_element(Ctx *ctx, GinKeys *keys, const KeyColumn *c, const Value *v)
{
    if (v->is_null) return add_bare(ctx, keys, GIN_KEY_NULL);
    gin_key_begin(keys, GIN_KEY_NORMAL);
    TRY(key_encode_value(ctx, c, v, &keys->bytes, NULL));
    return gin_key_end(ctx, keys);
}

static Status
array_extract(Ctx *ctx, GinKeys *keys, const Value *v)
{
    ArrayView a;
    KeyColumn c;
    array_view(&v->str, &a);
    if (a.nelems != 0) TRY(key_column_init(ctx, &c, a.elem, -1, false, false, true));
    for (uint32_t i = 0; i < a.nelems; i++) {
        Value e = array_element(&a, i);
        TRY(add_element(ctx, keys, &c, &e));
    }
    return QN_OK;
}

static Status
array_query(Ctx *ctx, GinKeys *keys, Oid op, const Value *v, GinNode **out, bool *recheck_out)
{
    ArrayView a;
    KeyColumn c;
    GinNode *leaf;
    array_view(&v->str, &a);
    if (a.nelems != 0) TRY(key_column_init(ctx, &c, a.elem, -1, false, false, true));
    TRY(gin_group(ctx, keys, op == OP_ARRAY_CONTAINS || op == OP_ARRAY_EQ ? 0 : 1, (int)a.nelems + 2, out));
    *recheck_out = op == OP_ARRAY_CONTAINED || op == OP_ARRAY_EQ;
    for (uint32_t i = 0; i < a.nelems; i++) {
        Value e = array_element(&a, i);
        if (e.is_null && op != OP_ARRAY_EQ) {
            if (op != OP_ARRAY_CONTAINS) continue; /* equal to nothing */
            return gin_group(ctx, keys, 1, 0, out);
        }
        TRY(add_element(ctx, keys, &c, &e));
        TRY(gin_leaf(ctx, keys, GIN_KEY, &leaf));
        gin_group_add(*out, leaf);
    }
    if (op == OP_ARRAY_CONTAINED || (op == OP_ARRAY_EQ && a.nelems == 0)) {
        TRY(add_bare(ctx, keys, GIN_EMPTY_ITEM));
        TRY(gin_leaf(ctx, keys, GIN_KEY, &leaf));
        gin_group_add(*out, leaf);
    }
    return QN_OK;
}

const GinClass gin_array_ops = {10064, array_extract, array_query};

/* ---- tsvector ---- */

static Status
add_lexeme(Ctx *ctx, GinKeys *keys, const char *text, uint32_t nbytes, bool prefix)
{
    gin_key_begin(keys, GIN_KEY_NORMAL);
    strbuf_add(&keys->bytes, text, nbytes);
    if (!prefix) strbuf_addc(&keys->bytes, 0);
    return gin_key_end(ctx, keys);
}

static Status
tsvector_extract(Ctx *ctx, GinKeys *keys, const Value *v)
{
    TsVector t = tsvector_view(&v->str);
    for (uint32_t i = 0; i < t.n; i++) {
        TsLexeme lexeme = tsvector_lexeme(&t, i);
        TRY(add_lexeme(ctx, keys, lexeme.text, lexeme.nbytes, false));
    }
    return QN_OK;
}

/* The search for a query's item; NULL: every row. What it says for sure is lost under NOT, in phrases and by weights. */
static Status
ts_node_of(Ctx *ctx, GinKeys *keys, const TsQuery *q, uint32_t at, GinNode **out, bool *recheck)
{
    TsItem it = tsquery_item(q, at);
    TRY(ctx_check_depth(ctx));
    *out = NULL;
    if (it.kind == TS_VALUE) {
        *recheck |= it.weights != 0;
        TRY(add_lexeme(ctx, keys, q->text + it.a, it.b, it.prefix != 0));
        return gin_leaf(ctx, keys, it.prefix != 0 ? GIN_PREFIX : GIN_KEY, out);
    }
    if (it.kind == TS_NOT) {
        *recheck = true;
        return QN_OK;
    }
    GinNode *right, *left;
    *recheck |= it.kind == TS_PHRASE;
    TRY(ts_node_of(ctx, keys, q, at + 1, &right, recheck));
    TRY(ts_node_of(ctx, keys, q, at + it.a, &left, recheck));
    if (it.kind == TS_OR && (left == NULL || right == NULL)) return QN_OK;
    TRY(gin_group(ctx, keys, it.kind == TS_OR ? 1 : 0, 2, out));
    gin_group_add(*out, left);
    gin_group_add(*out, right);
    return QN_OK;
}

static Status
tsvector_query(Ctx *ctx, GinKeys *keys, Oid op, const Value *v, GinNode **out, bool *recheck_out)
{
    TsQuery q = tsquery_view(&v->str);
    (void)op;
    if (q.n == 0) return gin_group(ctx, keys, 1, 0, out); /* the empty query matches nothing */
    return ts_node_of(ctx, keys, &q, 0, out, recheck_out);
}

const GinClass gin_tsvector_ops = {10073, tsvector_extract, tsvector_query};

/* ---- the table ---- */

static const GinClass *const classes[] = {&gin_array_ops, &gin_jsonb_ops, &gin_jsonb_path_ops, &gin_tsvector_ops};

const GinClass *
gin_class_find(Oid opclass)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (classes[i]->oid == opclass) return classes[i];
    return NULL;
}
