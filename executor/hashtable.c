/* hashtable.c - see hashtable.h. */
#include "executor/hashtable.h"

#include "executor/vecutil.h"
#include <assert.h>

enum { FIRST_SLOTS = 64 };

Status
hashtable_init(Ctx *ctx, Arena *arena, HashTable *t, RowStore *rows, int nkeys)
{
    memset(t, 0, sizeof(*t));
    t->ctx = ctx;
    t->rows = rows;
    t->layout = rowstore_layout(rows);
    t->nkeys = nkeys;
    assert(t->layout->head_bytes >= sizeof(HashRow));
    TRY_ALLOC(ctx, t->cand, arena_alloc(arena, BATCH_ROWS * sizeof(char *)));
    TRY_ALLOC(ctx, t->idx, arena_alloc(arena, (BATCH_ROWS + 1) * sizeof(uint16_t)));
    TRY_ALLOC(ctx, t->fresh, arena_alloc(arena, (BATCH_ROWS + 1) * sizeof(uint16_t)));
    TRY_ALLOC(ctx, t->miss, arena_alloc(arena, (BATCH_ROWS + 1) * sizeof(uint16_t)));
    return QN_OK;
}

static inline void
link_row(HashTable *t, char *row, uint64_t hash)
{
    HashRow *h = (HashRow *)row;
    uint64_t *slot = &t->slots[hash & t->mask];
    h->hash = hash;
    h->next = HT_PTR(*slot);
    *slot = (*slot & ~0xFFFFFFFFFFFFull) | HT_TAG(hash) | (uint64_t)(uintptr_t)row;
}

static Status
resize(HashTable *t, size_t nslots)
{
    uint64_t *slots = mem_zalloc(t->ctx->mem, nslots * sizeof(uint64_t));
    if (slots == NULL) return RAISE_OOM(t->ctx);
    uint64_t *old = t->slots;
    size_t nold = t->nslots;
    t->slots = slots;
    t->nslots = nslots;
    t->mask = nslots - 1;
    for (size_t i = 0; i < nold; i++) {
        for (char *row = HT_PTR(old[i]), *next; row != NULL; row = next) {
            next = ((HashRow *)row)->next;
            link_row(t, row, ((HashRow *)row)->hash);
        }
    }
    mem_free(t->ctx->mem, old, nold * sizeof(uint64_t));
    return QN_OK;
}

static Status
make_room(HashTable *t, int64_t rows)
{
    if (t->slots != NULL && rows <= (int64_t)t->nslots) return QN_OK;
    size_t n = t->nslots != 0 ? t->nslots : FIRST_SLOTS;
    while ((int64_t)n < rows + rows / 2) n *= 2;
    return resize(t, n);
}

/* One row against everything in its chain: after a collision of whole hashes. */
static Status
find_slow(HashTable *t, Vector *const *keys, const uint16_t *sel, int k, uint64_t hash, bool insert,
          char **row_out, bool *fresh_out)
{
    uint16_t one = (uint16_t)k;
    *fresh_out = false;
    for (char *row = HT_PTR(t->slots[hash & t->mask]); row != NULL; row = ((HashRow *)row)->next) {
        if (((HashRow *)row)->hash != hash) continue;
        t->cand[k] = row;
        one = (uint16_t)k;
        if (keys_match(t->layout, keys, t->nkeys, sel, t->cand, &one, 1, NULL, NULL) == 1) {
            *row_out = row;
            return QN_OK;
        }
    }
    *row_out = NULL;
    if (!insert) return QN_OK;
    char *row = rowstore_alloc_row(t->rows);
    if (row == NULL) return t->ctx->err.code;
    uint16_t pos = (uint16_t)exec_row(sel, k);
    TRY(rowstore_put_rows(t->rows, &row, keys, t->nkeys, &pos, 1));
    link_row(t, row, hash);
    t->count++;
    *row_out = row;
    *fresh_out = true;
    return QN_OK;
}

Status
hashtable_find(HashTable *t, Vector *const *keys, const uint16_t *sel, int n, const uint64_t *hashes,
               bool insert, char **rows_out, uint16_t *fresh_out, int *nfresh_out)
{
    int ncand = 0, nfresh = 0, nmiss = 0;
    if (nfresh_out != NULL) *nfresh_out = 0;
    if (insert) TRY(make_room(t, t->count + n));
    else if (t->slots == NULL) {
        memset(rows_out, 0, (size_t)n * sizeof(char *));
        return QN_OK;
    }
    if (t->nslots > 16384)
        for (int k = 0; k < n; k++) __builtin_prefetch(&t->slots[hashes[k] & t->mask]);
    for (int k = 0; k < n; k++) {
        uint64_t h = hashes[k];
        char *row = hashtable_head(t, h);
        while (row != NULL && ((HashRow *)row)->hash != h) row = ((HashRow *)row)->next;
        if (row == NULL && insert) {
            row = rowstore_alloc_row(t->rows);
            if (row == NULL) return t->ctx->err.code;
            link_row(t, row, h);
            t->fresh[nfresh++] = (uint16_t)k;
        } else if (row != NULL) {
            t->idx[ncand++] = (uint16_t)k;
        }
        t->cand[k] = row;
        rows_out[k] = row;
    }
    if (nfresh > 0) { /* their keys, before anything is compared with them */
        char *fresh_rows[BATCH_ROWS];
        uint16_t pos[BATCH_ROWS];
        for (int j = 0; j < nfresh; j++) {
            fresh_rows[j] = rows_out[t->fresh[j]];
            pos[j] = (uint16_t)exec_row(sel, t->fresh[j]);
        }
        TRY(rowstore_put_rows(t->rows, fresh_rows, keys, t->nkeys, pos, nfresh));
        t->count += nfresh;
    }
    if (ncand > 0) (void)keys_match(t->layout, keys, t->nkeys, sel, t->cand, t->idx, ncand, t->miss, &nmiss);
    for (int j = 0; j < nmiss; j++) {
        int k = t->miss[j];
        bool is_fresh;
        TRY(find_slow(t, keys, sel, k, hashes[k], insert, &rows_out[k], &is_fresh));
        if (is_fresh) t->fresh[nfresh++] = (uint16_t)k;
    }
    if (fresh_out != NULL) {
        memcpy(fresh_out, t->fresh, (size_t)nfresh * sizeof(uint16_t));
        *nfresh_out = nfresh;
    }
    return QN_OK;
}

Status
hashtable_build(HashTable *t)
{
    int64_t n = rowstore_count(t->rows);
    size_t slots = FIRST_SLOTS;
    while ((int64_t)slots < n + n / 2) slots *= 2;
    if (t->slots == NULL || t->nslots < slots) {
        mem_free(t->ctx->mem, t->slots, t->nslots * sizeof(uint64_t));
        t->slots = NULL;
        t->nslots = 0;
        TRY(resize(t, slots));
    } else {
        memset(t->slots, 0, t->nslots * sizeof(uint64_t));
    }
    /* From the last row to the first, so that chains are in the order of the input. */
    for (int64_t end = n; end > 0;) {
        char *row;
        TRY(rowstore_row(t->rows, --end, &row));
        link_row(t, row, ((HashRow *)row)->hash);
    }
    t->count = n;
    return QN_OK;
}

size_t
hashtable_bytes(const HashTable *t)
{
    return t->nslots * sizeof(uint64_t);
}

void
hashtable_reset(HashTable *t)
{
    if (t->nslots > 65536) {
        hashtable_free(t);
    } else if (t->slots != NULL) {
        memset(t->slots, 0, t->nslots * sizeof(uint64_t));
    }
    t->count = 0;
}

void
hashtable_free(HashTable *t)
{
    if (t->ctx != NULL) mem_free(t->ctx->mem, t->slots, t->nslots * sizeof(uint64_t));
    t->slots = NULL;
    t->nslots = 0;
    t->mask = 0;
    t->count = 0;
}
