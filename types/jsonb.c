/* jsonb.c - see jsonb.h: the parts of a value, order and equality, containment, text. */
#include "types/jsonb.h"
#include "common/hash.h"
#include "types/json.h"
#include "types/type_io.h"

#define END_MASK 0x1FFFFFFFu

static inline JsonbItem
item_of(uint32_t entry, const char *p, uint32_t nbytes)
{
    return (JsonbItem){.kind = (uint8_t)(entry >> 29), .nbytes = nbytes, .p = p};
}

JsonbItem
jsonb_root(const Str *s)
{
    const char *p = str_data(s);
    uint32_t head = jsonb_word(p, 0);
    if (head >> 29 >= JSONB_ARRAY) return item_of(head, p, s->len);
    return item_of(head, p + 4, s->len - 4);
}

JsonbItem
jsonb_element(JsonbItem a, uint32_t i)
{
    const char *entries = a.p + 4, *data = entries + (size_t)jsonb_count(a) * 4;
    uint32_t from = i == 0 ? 0 : jsonb_word(entries, i - 1) & END_MASK, entry = jsonb_word(entries, i);
    return item_of(entry, data + from, (entry & END_MASK) - from);
}

const char *
jsonb_key(JsonbItem o, uint32_t i, uint32_t *nbytes_out)
{
    const char *ends = o.p + 4, *data = ends + (size_t)jsonb_count(o) * 8;
    uint32_t from = i == 0 ? 0 : jsonb_word(ends, i - 1);
    *nbytes_out = jsonb_word(ends, i) - from;
    return data + from;
}

JsonbItem
jsonb_member(JsonbItem o, uint32_t i)
{
    /* The entries follow the keys' ends, and the values' bytes those of the keys: the end before the first
     * entry is where the values begin. */
    uint32_t n = jsonb_count(o);
    const char *ends = o.p + 4, *data = ends + (size_t)n * 8;
    uint32_t from = jsonb_word(ends, n + i - 1) & END_MASK, entry = jsonb_word(ends, n + i);
    return item_of(entry, data + from, (entry & END_MASK) - from);
}

static inline int
compare_keys(const char *a, size_t na, const char *b, size_t nb)
{
    if (na != nb) return na < nb ? -1 : 1;
    return memcmp(a, b, na);
}

bool
jsonb_find(JsonbItem o, const char *key, size_t nbytes, JsonbItem *out, uint32_t *at_out)
{
    uint32_t low = 0, high = jsonb_count(o);
    while (low < high) {
        uint32_t mid = low + (high - low) / 2, n;
        const char *p = jsonb_key(o, mid, &n);
        int c = compare_keys(p, n, key, nbytes);
        if (c == 0) {
            *out = jsonb_member(o, mid);
            if (at_out != NULL) *at_out = mid;
            return true;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

const char *
jsonb_kind_name(JsonbKind kind)
{
    static const char *const names[] = {"null", "string", "number", "boolean", "boolean", "array", "object"};
    return names[kind];
}

Status
jsonb_make(Ctx *ctx, Arena *arena, JsonbItem it, Str *out)
{
    char small[STR_INLINE_MAX], *p = small;
    uint32_t head = (uint32_t)it.kind << 29;
    if (jsonb_is_container(it)) {
        *out = str_make(it.p, it.nbytes);
        return QN_OK;
    }
    if (it.nbytes + 4 > sizeof(small)) TRY_ALLOC(ctx, p, arena_alloc(arena, (size_t)it.nbytes + 4));
    memcpy(p, &head, 4);
    if (it.nbytes != 0) memcpy(p + 4, it.p, it.nbytes);
    *out = str_make(p, (size_t)it.nbytes + 4);
    return QN_OK;
}

/* Order. */

static const uint8_t kind_rank[] = {[JSONB_NULL] = 0,  [JSONB_STRING] = 1, [JSONB_NUMBER] = 2, [JSONB_FALSE] = 3,
                                    [JSONB_TRUE] = 3, [JSONB_ARRAY] = 4,  [JSONB_OBJECT] = 5};

static int
compare_bytes(const char *a, uint32_t na, const char *b, uint32_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c != 0 ? c : (na > nb) - (na < nb);
}

/* Of equal rank. */
static int
compare_scalars(JsonbItem a, JsonbItem b)
{
    if (a.kind == JSONB_STRING) return compare_bytes(a.p, a.nbytes, b.p, b.nbytes);
    if (a.kind == JSONB_NUMBER) {
        Value x = jsonb_number(a), y = jsonb_number(b);
        return numeric_cmp(&x, &y);
    }
    return (a.kind > b.kind) - (a.kind < b.kind); /* false before true; null is null */
}

static int
compare_items(JsonbItem a, JsonbItem b)
{
    if (kind_rank[a.kind] != kind_rank[b.kind]) return kind_rank[a.kind] > kind_rank[b.kind] ? 1 : -1;
    if (!jsonb_is_container(a)) return compare_scalars(a, b);
    uint32_t n = jsonb_count(a), nb = jsonb_count(b);
    int c = (n > nb) - (n < nb);
    for (uint32_t i = 0; i < n && c == 0; i++) {
        if (a.kind == JSONB_ARRAY) {
            c = compare_items(jsonb_element(a, i), jsonb_element(b, i));
            continue;
        }
        uint32_t ka_bytes, kb_bytes;
        const char *ka = jsonb_key(a, i, &ka_bytes), *kb = jsonb_key(b, i, &kb_bytes);
        c = compare_bytes(ka, ka_bytes, kb, kb_bytes);
        if (c == 0) c = compare_items(jsonb_member(a, i), jsonb_member(b, i));
    }
    return c;
}

int
jsonb_compare(JsonbItem a, JsonbItem b)
{
    /* A bare scalar comes before every array but the empty one. */
    if (a.kind == JSONB_ARRAY && jsonb_count(a) == 0 && !jsonb_is_container(b)) return -1;
    if (b.kind == JSONB_ARRAY && jsonb_count(b) == 0 && !jsonb_is_container(a)) return 1;
    return compare_items(a, b);
}

bool
jsonb_scalar_equal(JsonbItem a, JsonbItem b)
{
    if (a.kind != b.kind) return false;
    if (a.nbytes == b.nbytes && memcmp(a.p, b.p, a.nbytes) == 0) return true;
    if (a.kind != JSONB_NUMBER) return false;
    Value x = jsonb_number(a), y = jsonb_number(b); /* 1.0 and 1.00 */
    return numeric_cmp(&x, &y) == 0;
}

bool
jsonb_equal(JsonbItem a, JsonbItem b)
{
    if (a.kind != b.kind) return false;
    if (!jsonb_is_container(a)) return jsonb_scalar_equal(a, b);
    if (a.nbytes == b.nbytes && memcmp(a.p, b.p, a.nbytes) == 0) return true;
    return compare_items(a, b) == 0;
}

uint64_t
jsonb_hash_item(JsonbItem it)
{
    uint64_t h = hash_u64(it.kind);
    if (it.kind == JSONB_NUMBER) {
        Value v = jsonb_number(it);
        return hash_combine(h, numeric_hash(&v));
    }
    if (it.kind == JSONB_STRING) return hash_combine(h, hash_bytes(it.p, it.nbytes));
    if (!jsonb_is_container(it)) return h;
    uint32_t n = jsonb_count(it);
    for (uint32_t i = 0; i < n; i++) {
        if (it.kind == JSONB_OBJECT) {
            uint32_t nbytes;
            const char *key = jsonb_key(it, i, &nbytes);
            h = hash_combine(h, hash_bytes(key, nbytes));
            h = hash_combine(h, jsonb_hash_item(jsonb_member(it, i)));
        } else {
            h = hash_combine(h, jsonb_hash_item(jsonb_element(it, i)));
        }
    }
    return h;
}

int
jsonb_cmp(const Value *a, const Value *b)
{
    return jsonb_compare(jsonb_root(&a->str), jsonb_root(&b->str));
}

uint64_t
jsonb_hash(const Value *v)
{
    return jsonb_hash_item(jsonb_root(&v->str));
}

/* Containment. */

static bool
array_has(JsonbItem array, JsonbItem it)
{
    uint32_t n = jsonb_count(array);
    for (uint32_t i = 0; i < n; i++) {
        JsonbItem e = jsonb_element(array, i);
        if (e.kind != it.kind) continue;
        if (jsonb_is_container(it) ? jsonb_contains_item(e, it, false) : jsonb_scalar_equal(e, it)) return true;
    }
    return false;
}

static bool
object_contains(JsonbItem a, JsonbItem b)
{
    uint32_t n = jsonb_count(b);
    if (n > jsonb_count(a)) return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t key_bytes;
        const char *key = jsonb_key(b, i, &key_bytes);
        JsonbItem mine, its = jsonb_member(b, i);
        if (!jsonb_find(a, key, key_bytes, &mine, NULL) || !jsonb_contains_item(mine, its, false)) return false;
    }
    return true;
}

bool
jsonb_contains_item(JsonbItem a, JsonbItem b, bool top)
{
    if (top && a.kind == JSONB_ARRAY && !jsonb_is_container(b)) return array_has(a, b);
    if (a.kind == JSONB_OBJECT) return b.kind == JSONB_OBJECT && object_contains(a, b);
    if (a.kind != JSONB_ARRAY) return jsonb_scalar_equal(a, b);
    if (b.kind != JSONB_ARRAY) return false;
    uint32_t n = jsonb_count(b);
    for (uint32_t i = 0; i < n; i++)
        if (!array_has(a, jsonb_element(b, i))) return false;
    return true;
}

/* Text. */

static void
add_text(StrBuf *b, JsonbItem it, Status *st, Ctx *ctx)
{
    if (it.kind == JSONB_STRING) {
        json_add_string(b, it.p, it.nbytes);
    } else if (it.kind == JSONB_NUMBER) {
        Value v = jsonb_number(it);
        if (*st == QN_OK) *st = numeric_out(ctx, b, &v);
    } else if (it.kind == JSONB_ARRAY) {
        uint32_t n = jsonb_count(it);
        strbuf_addc(b, '[');
        for (uint32_t i = 0; i < n; i++) {
            if (i > 0) strbuf_add(b, ", ", 2);
            add_text(b, jsonb_element(it, i), st, ctx);
        }
        strbuf_addc(b, ']');
    } else if (it.kind == JSONB_OBJECT) {
        uint32_t n = jsonb_count(it);
        strbuf_addc(b, '{');
        for (uint32_t i = 0; i < n; i++) {
            uint32_t key_bytes;
            const char *key = jsonb_key(it, i, &key_bytes);
            if (i > 0) strbuf_add(b, ", ", 2);
            json_add_string(b, key, key_bytes);
            strbuf_add(b, ": ", 2);
            add_text(b, jsonb_member(it, i), st, ctx);
        }
        strbuf_addc(b, '}');
    } else {
        strbuf_addz(b, it.kind == JSONB_NULL ? "null" : it.kind == JSONB_TRUE ? "true" : "false");
    }
}

Status
jsonb_add_text(Ctx *ctx, StrBuf *b, JsonbItem it)
{
    Status st = QN_OK;
    add_text(b, it, &st, ctx);
    TRY(st);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
jsonb_add_plain(Ctx *ctx, StrBuf *b, JsonbItem it)
{
    if (it.kind != JSONB_STRING) return jsonb_add_text(ctx, b, it);
    strbuf_add(b, it.p, it.nbytes);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
jsonb_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    Str s;
    (void)typmod;
    TRY(utf8_check(ctx, text, nbytes));
    JsonbBuilder b = jsonb_builder(ctx, arena);
    TRY(jsonb_push_json(&b, text, nbytes));
    TRY(jsonb_finish(&b, &s));
    *out = value_str(type, s);
    return QN_OK;
}

Status
jsonb_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    return jsonb_add_text(ctx, b, jsonb_root(&value->str));
}
