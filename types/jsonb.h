/* jsonb.h - jsonb: a JSON document as bytes that are used where they lie.
 *
 *     value   u32 head: kind << 29 | number of elements or members | what the kind says:
 *     scalar  its bytes, to the end of the value: UTF-8 text, a numeric in variable form, or none
 *     array   u32 entry[n]: kind << 29 | end of the element's bytes | the bytes
 *     object  u32 key end[n] | u32 entry[n]: as an array's, of the members' values | keys | the values' bytes
 *
 * Ends count from the first byte after the entries, so that any element is reached in one step and any key
 * by binary search: keys are unique and sorted by length, then bytes, as PostgreSQL keeps them. An element
 * that is an array or object is a value of its own, head included: it is handed out as a view. A scalar
 * inside a container has no head, its kind is in the entry. Nothing is aligned. Numbers keep their digits
 * and display scale.
 *
 * No value nests deeper than JSONB_DEPTH_MAX (54001), so that what walks one may recurse.
 */
#ifndef TYPES_JSONB_H
#define TYPES_JSONB_H

#include "common/array.h"
#include "types/type.h"

enum {
    JSONB_DEPTH_MAX = 2000,
    JSONB_SIZE_MAX = 0x0FFFFFFF /* of a container's elements, and their number; 54000 */
};

typedef enum JsonbKind {
    JSONB_NULL, JSONB_STRING, JSONB_NUMBER, JSONB_FALSE, JSONB_TRUE, JSONB_ARRAY, JSONB_OBJECT
} JsonbKind;

/* One value inside another, or a whole one: a view. */
typedef struct JsonbItem {
    uint8_t kind; /* JsonbKind */
    uint32_t nbytes;
    const char *p; /* a scalar's bytes; a container from its head on */
} JsonbItem;

static inline uint32_t
jsonb_word(const char *p, uint32_t i)
{
    uint32_t w;
    memcpy(&w, p + (size_t)i * 4, 4);
    return w;
}
static inline bool
jsonb_is_container(JsonbItem it)
{
    return it.kind >= JSONB_ARRAY;
}
static inline bool
jsonb_is_bool(JsonbItem it)
{
    return it.kind == JSONB_TRUE || it.kind == JSONB_FALSE;
}
static inline uint32_t
jsonb_count(JsonbItem it) /* elements or members; of a container */
{
    return jsonb_word(it.p, 0) & 0x1FFFFFFF;
}

/* s must stay where it is while the item is used. */
JsonbItem jsonb_root(const Str *s);
JsonbItem jsonb_element(JsonbItem array, uint32_t i);
JsonbItem jsonb_member(JsonbItem object, uint32_t i);
const char *jsonb_key(JsonbItem object, uint32_t i, uint32_t *nbytes_out);
/* The member of a key; false: there is none. at_out (or NULL): its number. */
bool jsonb_find(JsonbItem object, const char *key, size_t nbytes, JsonbItem *out, uint32_t *at_out);
static inline Value
jsonb_number(JsonbItem it) /* a view */
{
    Value v = value_null(1700);
    v.is_null = false;
    v.phys = PHYS_STR;
    v.str = str_make(it.p, it.nbytes);
    return v;
}
const char *jsonb_kind_name(JsonbKind kind); /* as jsonb_typeof */

/* The item as a value of its own: a view where it is one, else in the arena. */
Status jsonb_make(Ctx *ctx, Arena *arena, JsonbItem it, Str *out);

/* PostgreSQL's order: containers before scalars by kind, then by number of parts. */
int jsonb_compare(JsonbItem a, JsonbItem b);
bool jsonb_equal(JsonbItem a, JsonbItem b);
bool jsonb_scalar_equal(JsonbItem a, JsonbItem b);
uint64_t jsonb_hash_item(JsonbItem it);
/* a @> b. top: of whole values, where an array may contain a bare scalar. */
bool jsonb_contains_item(JsonbItem a, JsonbItem b, bool top);

Status jsonb_add_text(Ctx *ctx, StrBuf *b, JsonbItem it);
/* A string's own text, a number's digits, true or false; JSON for the rest. */
Status jsonb_add_plain(Ctx *ctx, StrBuf *b, JsonbItem it);

/* Building: values are added in the order of the text; containers are sorted and laid out at the end. What was
 * added stays where it is until jsonb_finish. */
typedef struct JsonbNode JsonbNode;
struct JsonbNode {
    JsonbItem item;     /* nbytes is right for containers being built too; p NULL for these */
    JsonbNode *parts;   /* of a container being built */
    uint32_t nparts;
    uint32_t key_bytes; /* of a member */
    const char *key;
};

typedef struct JsonbOpen {
    uint8_t kind;
    uint32_t key_bytes;
    const char *key; /* under which it hangs itself */
    int first;       /* of its parts on the stack */
} JsonbOpen;

typedef struct JsonbBuilder {
    Ctx *ctx;
    Arena *arena;
    ARRAY(JsonbNode) nodes; /* parts of the open containers, those of the innermost last */
    ARRAY(JsonbOpen) open;
    const char *key; /* of the next value */
    uint32_t key_bytes;
} JsonbBuilder;

JsonbBuilder jsonb_builder(Ctx *ctx, Arena *arena);
Status jsonb_begin(JsonbBuilder *b, JsonbKind kind);
Status jsonb_end(JsonbBuilder *b); /* of repeated keys the last counts */
Status jsonb_push_key(JsonbBuilder *b, const char *key, size_t nbytes);
Status jsonb_push(JsonbBuilder *b, JsonbItem it);
Status jsonb_push_null(JsonbBuilder *b);
Status jsonb_push_bool(JsonbBuilder *b, bool v);
Status jsonb_push_text(JsonbBuilder *b, const char *p, size_t nbytes); /* not copied */
Status jsonb_push_str(JsonbBuilder *b, const Str *s);                  /* short ones are copied */
Status jsonb_push_number(JsonbBuilder *b, const Value *numeric);       /* copied */
/* Elements of an array, members of an object, into the container at hand. */
Status jsonb_push_parts(JsonbBuilder *b, JsonbItem container);
/* The value, in the builder's arena. */
Status jsonb_finish(JsonbBuilder *b, Str *out);

/* Adds the value of a JSON text; 22P02, 22P05, 54001. The text stays where it is until jsonb_finish. */
Status jsonb_push_json(JsonbBuilder *b, const char *text, size_t nbytes);
/* Adds any SQL value, as to_jsonb does; v may be NULL. */
Status jsonb_push_value(JsonbBuilder *b, const Value *v);
/* Any scalar as the key of the next value; 22023 for what is none. v is not NULL. */
Status jsonb_push_value_key(JsonbBuilder *b, const Value *v);

/* Where the container that begins at p would lie in base by PostgreSQL's layout; 0: it is base, or not in it. */
int64_t jsonb_postgres_offset(JsonbItem base, const char *p);
/* A path step as an element's number. */
bool jsonb_path_index(const Str *step, int32_t *out);

#endif
