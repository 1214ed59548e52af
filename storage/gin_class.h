/* gin_class.h - operator classes of the inverted index: what parts a value has, and which parts an operator asks for.
 *
 * A class is a row of gin_classes: a function that adds a value's entry keys, and one that turns a condition "column op constant" into a
 * tree of keys. That tree may say yes too often, never too seldom; recheck says whether rows are to be looked at again. */
#ifndef STORAGE_GIN_CLASS_H
#define STORAGE_GIN_CLASS_H

#include "common/array.h"
#include "storage/gin.h"

/* Entry keys being made, one after the other. */
typedef struct GinKeys {
    Arena *arena;
    uint8_t column; /* of the index, from 1: the first byte of each */
    StrBuf bytes;
    ARRAY(uint32_t) ends;
} GinKeys;

GinKeys gin_keys(Arena *arena, int column);
/* Forgets the keys; keeps the room. */
void gin_keys_reset(GinKeys *keys);
/* A key's parts are added to keys->bytes between these two. */
void gin_key_begin(GinKeys *keys, GinCategory category);
Status gin_key_end(Ctx *ctx, GinKeys *keys);
/* Key i: a view until the next one is added. */
GinKey gin_keys_get(const GinKeys *keys, int i);

typedef struct GinClass {
    Oid oid; /* in types/opclasses.def */
    /* v is not NULL. Repeats are taken out later. */
    Status (*extract)(Ctx *ctx, GinKeys *keys, const Value *v);
    /* column op v, one of familyops.def, v not NULL; keys is room for the keys' bytes. *out NULL: every row that is not NULL. */
    Status (*query)(Ctx *ctx, GinKeys *keys, Oid op, const Value *v, GinNode **out, bool *recheck_out);
} GinClass;

extern const GinClass gin_array_ops, gin_jsonb_ops, gin_jsonb_path_ops, gin_tsvector_ops;

/* Of a row of types/opclasses.def; NULL: none. */
const GinClass *gin_class_find(Oid opclass);

/* Entry keys of a value, which may be NULL: sorted, each once, a placeholder where it has none. */
Status gin_extract(Ctx *ctx, const GinClass *class, GinKeys *keys, const Value *v);
/* The search for a condition; the tree lives in keys' arena. v may be NULL: nothing matches. */
Status gin_query(Ctx *ctx, const GinClass *class, GinKeys *keys, Oid op, const Value *v, GinNode **out, bool *recheck_out);

/* ---- for classes: nodes, in the keys' arena ---- */

/* The newest key as a leaf; copied. */
Status gin_leaf(Ctx *ctx, GinKeys *keys, GinNodeKind kind, GinNode **out);
/* An empty "at least need of", for most items at the most. need 0: all. */
Status gin_group(Ctx *ctx, GinKeys *keys, int need, int most, GinNode **out);
/* Adds an item. NULL is every row: of "all of" it is left out. */
void gin_group_add(GinNode *group, GinNode *item);

#endif
