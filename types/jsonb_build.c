/* jsonb_build.c - making jsonb values: a stack of the parts of the containers that are open, laid out at the end.
 *
 * A part may be a whole document already built, which is then copied as bytes: changing one member of an
 * object costs one copy of the rest. */
#include "common/settings.h"
#include "types/array.h"
#include "types/datetime.h"
#include "types/json.h"
#include "types/jsonb.h"
#include "types/numvar.h"
#include <stdlib.h>

JsonbBuilder
jsonb_builder(Ctx *ctx, Arena *arena)
{
    return (JsonbBuilder){.ctx = ctx, .arena = arena};
}

Status
jsonb_begin(JsonbBuilder *b, JsonbKind kind)
{
    if (b->open.count >= JSONB_DEPTH_MAX) return ctx_stack_overflow(b->ctx);
    TRY(array_push(b->ctx, b->arena, &b->open,
                   ((JsonbOpen){.kind = (uint8_t)kind, .key = b->key, .key_bytes = b->key_bytes, .first = b->nodes.count})));
    b->key = NULL;
    return QN_OK;
}

static Status
push_node(JsonbBuilder *b, JsonbNode node)
{
    node.key = b->key;
    node.key_bytes = b->key_bytes;
    b->key = NULL;
    return array_push(b->ctx, b->arena, &b->nodes, node);
}

/* Length first; of equal keys the later one first, so that it is the one kept. */
static int
compare_parts(const void *x, const void *y)
{
    const JsonbNode *a = *(const JsonbNode *const *)x, *b = *(const JsonbNode *const *)y;
    if (a->key_bytes != b->key_bytes) return a->key_bytes < b->key_bytes ? -1 : 1;
    int c = memcmp(a->key, b->key, a->key_bytes);
    return c != 0 ? c : (a < b) - (a > b);
}

static bool
keys_ascend(const JsonbNode *parts, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const JsonbNode *a = &parts[i - 1], *b = &parts[i];
        if (a->key_bytes > b->key_bytes) return false;
        if (a->key_bytes == b->key_bytes && memcmp(a->key, b->key, a->key_bytes) >= 0) return false;
    }
    return true;
}

/* Sorts n members and drops those repeated; the rest is written to out. */
static Status
sort_members(JsonbBuilder *b, JsonbNode *parts, uint32_t n, JsonbNode *out, uint32_t *n_out)
{
    if (keys_ascend(parts, n)) {
        if (n > 0) memcpy(out, parts, sizeof(*parts) * n);
        *n_out = n;
        return QN_OK;
    }
    const JsonbNode **order;
    TRY_ALLOC(b->ctx, order, arena_alloc(b->arena, sizeof(JsonbNode *) * n));
    for (uint32_t i = 0; i < n; i++) order[i] = &parts[i];
    qsort(order, n, sizeof(*order), compare_parts);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        const JsonbNode *p = order[i];
        if (kept > 0 && out[kept - 1].key_bytes == p->key_bytes &&
            memcmp(out[kept - 1].key, p->key, p->key_bytes) == 0)
            continue;
        out[kept++] = *p;
    }
    *n_out = kept;
    return QN_OK;
}

Status
jsonb_end(JsonbBuilder *b)
{
    JsonbOpen open = b->open.items[--b->open.count];
    JsonbNode *parts, node = {.item.kind = open.kind};
    bool object = open.kind == JSONB_OBJECT;
    uint32_t n = (uint32_t)(b->nodes.count - open.first);
    const char *what = object ? "object" : "array";
    TRY_ALLOC(b->ctx, parts, arena_alloc(b->arena, sizeof(JsonbNode) * (n + 1)));
    if (n > 0 && object)
        TRY(sort_members(b, b->nodes.items + open.first, n, parts, &n));
    else if (n > 0)
        memcpy(parts, b->nodes.items + open.first, sizeof(JsonbNode) * n);
    if (n > JSONB_SIZE_MAX)
        return RAISE(b->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "number of jsonb %s exceeds the maximum allowed (%d)",
                     object ? "object pairs" : "array elements", JSONB_SIZE_MAX);
    uint64_t nbytes = 4 + (uint64_t)n * (object ? 8 : 4);
    for (uint32_t i = 0; i < n; i++) nbytes += parts[i].item.nbytes + (object ? parts[i].key_bytes : 0);
    if (nbytes > JSONB_SIZE_MAX)
        return RAISE(b->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "total size of jsonb %s elements exceeds the maximum of %d bytes",
                     what, JSONB_SIZE_MAX);
    node.item.nbytes = (uint32_t)nbytes;
    node.parts = parts;
    node.nparts = n;
    b->nodes.count = open.first;
    b->key = open.key;
    b->key_bytes = open.key_bytes;
    return push_node(b, node);
}

/* How deep a container nests, as far as limit. A level takes at least 8 bytes, so small ones need no look. */
static int
container_depth(JsonbItem it, int limit)
{
    int deepest = 0;
    if (!jsonb_is_container(it)) return 0;
    if (it.nbytes / 8 + 1 < (uint32_t)limit) return 1;
    if (limit <= 1) return 1;
    uint32_t n = jsonb_count(it);
    for (uint32_t i = 0; i < n && deepest < limit - 1; i++) {
        int d = container_depth(it.kind == JSONB_ARRAY ? jsonb_element(it, i) : jsonb_member(it, i), limit - 1);
        if (d > deepest) deepest = d;
    }
    return deepest + 1;
}

Status
jsonb_push(JsonbBuilder *b, JsonbItem it)
{
    int room = JSONB_DEPTH_MAX - b->open.count;
    if (jsonb_is_container(it) && container_depth(it, room + 1) > room) return ctx_stack_overflow(b->ctx);
    return push_node(b, (JsonbNode){.item = it});
}

Status
jsonb_push_null(JsonbBuilder *b)
{
    return push_node(b, (JsonbNode){.item = {.kind = JSONB_NULL, .p = ""}});
}

Status
jsonb_push_bool(JsonbBuilder *b, bool v)
{
    return push_node(b, (JsonbNode){.item = {.kind = v ? JSONB_TRUE : JSONB_FALSE, .p = ""}});
}

Status
jsonb_push_text(JsonbBuilder *b, const char *p, size_t nbytes)
{
    if (nbytes > JSONB_SIZE_MAX)
        return err_detail(b->ctx,
                          RAISE(b->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "string too long to represent as jsonb string"),
                          "Due to an implementation restriction, jsonb strings cannot exceed %d bytes.", JSONB_SIZE_MAX);
    return push_node(b, (JsonbNode){.item = {.kind = JSONB_STRING, .nbytes = (uint32_t)nbytes, .p = p}});
}

Status
jsonb_push_str(JsonbBuilder *b, const Str *s)
{
    const char *p = str_data(s);
    if (s->len <= STR_INLINE_MAX) TRY_ALLOC(b->ctx, p, arena_memdup(b->arena, p, STR_INLINE_MAX));
    return jsonb_push_text(b, p, s->len);
}

Status
jsonb_push_number(JsonbBuilder *b, const Value *numeric)
{
    Value v;
    const char *p;
    TRY(value_default_form(b->ctx, b->arena, numeric, &v));
    TRY_ALLOC(b->ctx, p, arena_memdup(b->arena, str_data(&v.str), v.str.len));
    return push_node(b, (JsonbNode){.item = {.kind = JSONB_NUMBER, .nbytes = v.str.len, .p = p}});
}

Status
jsonb_push_key(JsonbBuilder *b, const char *key, size_t nbytes)
{
    if (nbytes > JSONB_SIZE_MAX) return jsonb_push_text(b, key, nbytes); /* raises */
    b->key = key;
    b->key_bytes = (uint32_t)nbytes;
    return QN_OK;
}

Status
jsonb_push_parts(JsonbBuilder *b, JsonbItem c)
{
    uint32_t n = jsonb_count(c);
    for (uint32_t i = 0; i < n; i++) {
        if (c.kind == JSONB_OBJECT) {
            uint32_t nbytes;
            const char *key = jsonb_key(c, i, &nbytes);
            TRY(jsonb_push_key(b, key, nbytes));
            TRY(jsonb_push(b, jsonb_member(c, i)));
        } else {
            TRY(jsonb_push(b, jsonb_element(c, i)));
        }
    }
    return QN_OK;
}

static inline void
put_word(char *p, uint32_t i, uint32_t w)
{
    memcpy(p + (size_t)i * 4, &w, 4);
}

/* Writes the item's nbytes to p. */
static void
write_node(const JsonbNode *node, char *p)
{
    if (node->parts == NULL) {
        if (node->item.nbytes != 0) memcpy(p, node->item.p, node->item.nbytes);
        return;
    }
    uint32_t n = node->nparts, end = 0;
    char *entries = p + 4, *data;
    put_word(p, 0, (uint32_t)node->item.kind << 29 | n);
    if (node->item.kind == JSONB_OBJECT) {
        data = entries + (size_t)n * 8;
        for (uint32_t i = 0; i < n; i++) {
            memcpy(data + end, node->parts[i].key, node->parts[i].key_bytes);
            put_word(entries, i, end += node->parts[i].key_bytes);
        }
        entries += (size_t)n * 4;
    } else {
        data = entries + (size_t)n * 4;
    }
    for (uint32_t i = 0; i < n; i++) {
        const JsonbNode *part = &node->parts[i];
        write_node(part, data + end);
        end += part->item.nbytes;
        put_word(entries, i, (uint32_t)part->item.kind << 29 | end);
    }
}

Status
jsonb_finish(JsonbBuilder *b, Str *out)
{
    const JsonbNode *node = &b->nodes.items[0];
    char *p;
    if (!jsonb_is_container(node->item)) return jsonb_make(b->ctx, b->arena, node->item, out);
    TRY_ALLOC(b->ctx, p, arena_alloc(b->arena, node->item.nbytes));
    write_node(node, p);
    *out = str_make(p, node->item.nbytes);
    return QN_OK;
}

/* From SQL values. */

static Status
push_array(JsonbBuilder *b, const ArrayView *a, int dim, uint32_t *at)
{
    TRY(jsonb_begin(b, JSONB_ARRAY));
    for (int32_t i = 0; i < (a->ndim > 0 ? a->dims[dim] : 0); i++) {
        if (dim + 1 < a->ndim) {
            TRY(push_array(b, a, dim + 1, at));
        } else {
            Value v = array_element(a, (*at)++);
            TRY(jsonb_push_value(b, &v));
        }
    }
    return jsonb_end(b);
}

static Status
push_record(JsonbBuilder *b, const Value *row)
{
    JsonField *fields;
    int n;
    TRY(json_row_fields(b->ctx, b->arena, row, &fields, &n));
    TRY(jsonb_begin(b, JSONB_OBJECT));
    for (int i = 0; i < n; i++) {
        TRY(jsonb_push_key(b, fields[i].name, fields[i].name_bytes));
        TRY(jsonb_push_value(b, &fields[i].value));
    }
    return jsonb_end(b);
}

/* v's text as a JSON number, or as a string where it is none (NaN, infinities). */
static Status
push_scalar(JsonbBuilder *b, const Value *v)
{
    StrBuf text = strbuf_new(b->arena);
    bool number;
    TRY(json_scalar_text(b->ctx, &text, v, &number));
    if (number) {
        Value n;
        TRY(value_in(b->ctx, b->arena, text.data, text.nbytes, TYPE_NUMERIC, -1, &n));
        return jsonb_push_number(b, &n);
    }
    return jsonb_push_text(b, text.data != NULL ? text.data : "", text.nbytes);
}

Status
jsonb_push_value(JsonbBuilder *b, const Value *v)
{
    TRY(ctx_check_depth(b->ctx));
    if (v->is_null) return jsonb_push_null(b);
    const TypeInfo *t = type_info(v->type);
    if (t != NULL && t->elem_oid != 0) {
        ArrayView a;
        uint32_t at = 0;
        array_view(&v->str, &a);
        return push_array(b, &a, 0, &at);
    }
    if (type_is_row(v->type)) return push_record(b, v);
    switch (v->type) {
    case TYPE_BOOL: return jsonb_push_bool(b, v->b);
    case TYPE_TEXT:
    case TYPE_VARCHAR: return jsonb_push_str(b, &v->str);
    case TYPE_JSONB:
    case TYPE_JSON: {
        Str copy; /* views on it must outlast v, which may hold the bytes itself */
        char *p;
        TRY_ALLOC(b->ctx, p, arena_alloc(b->arena, STR_INLINE_MAX));
        const char *data = str_data(&v->str);
        if (v->str.len <= STR_INLINE_MAX) data = memcpy(p, data, v->str.len);
        if (v->type == TYPE_JSON) return jsonb_push_json(b, data, v->str.len);
        copy = v->str;
        JsonbItem it = jsonb_root(&copy);
        it.p = data + (it.p - str_data(&copy));
        return jsonb_push(b, it);
    }
    case TYPE_NUMERIC:
        if (v->phys != PHYS_STR) return jsonb_push_number(b, v);
        return push_scalar(b, v);
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8: {
        Value n = numeric_value_int(v->type == TYPE_INT2 ? v->i16 : v->type == TYPE_INT4 ? v->i32 : v->i64, 0);
        return jsonb_push_number(b, &n);
    }
    default: return type_is_row(v->type) ? push_record(b, v) : push_scalar(b, v);
    }
}
