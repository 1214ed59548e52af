/* hashtable.h - rows of a RowStore found by key.
 *
 * An array of slots, each the head of a chain of rows; a row's head holds its hash and the next row of the chain. The
 * sixteen upper bits of a slot are a filter over the chain's hashes, so that most misses touch only the slot. Key
 * columns are the first ones of the layout, whose head_bytes are sizeof(HashRow).
 */
#ifndef EXECUTOR_HASHTABLE_H
#define EXECUTOR_HASHTABLE_H

#include "executor/keys.h"

typedef struct HashRow {
    uint64_t hash;
    char *next;
} HashRow;

typedef struct HashTable {
    Ctx *ctx;
    RowStore *rows; /* never spills */
    const RowLayout *layout;
    int nkeys;
    uint64_t *slots;
    uint64_t mask; /* slots - 1 */
    size_t nslots;
    int64_t count;
    /* Scratch of one call; made once. */
    char **cand;
    uint16_t *idx, *fresh, *miss;
} HashTable;

#define HT_PTR(slot) ((char *)(uintptr_t)((slot) & 0xFFFFFFFFFFFFull))
#define HT_TAG(hash) (1ull << (48 + ((hash) >> 60)))

/* rows stays the caller's. */
Status hashtable_init(Ctx *ctx, Arena *arena, HashTable *t, RowStore *rows, int nkeys);
/* For each of rows sel[0..n) the table's row with its key, made if there is none (rest of the row zero): rows_out[k]. The k
 * of new ones are in fresh_out[0..*nfresh_out) (NULL: not wanted). insert false: rows_out[k] is NULL where there is none. */
Status hashtable_find(HashTable *t, Vector *const *keys, const uint16_t *sel, int n, const uint64_t *hashes,
                      bool insert, char **rows_out, uint16_t *fresh_out, int *nfresh_out);
/* Enters all rows of the store, whose hashes are set; duplicates stay chained. */
Status hashtable_build(HashTable *t);
size_t hashtable_bytes(const HashTable *t);
void hashtable_reset(HashTable *t); /* empty; the caller resets the rows */
void hashtable_free(HashTable *t);

/* The chain that may hold a hash, NULL if none does. */
static inline char *
hashtable_head(const HashTable *t, uint64_t hash)
{
    uint64_t slot = t->slots[hash & t->mask];
    return (slot & HT_TAG(hash)) != 0 ? HT_PTR(slot) : NULL;
}

#endif
