/* counter.h - numbers that are kept outside of transactions: the state of sequences.
 *
 * A relation of pages with 16-byte slots. Setting a slot is one log record and no transaction's: it stays when
 * the one that asked rolls back, and it is durable when any later commit is. Slots are numbered from 0 and say which object
 * owns them; an owner that is gone leaves a slot to be used again.
 *
 * Threads: any; one slot is set by one thread at a time (its owner's mutex).
 */
#ifndef STORAGE_COUNTER_H
#define STORAGE_COUNTER_H

#include "storage/wal.h"

typedef struct Counter {
    uint32_t owner; /* oid; 0: free */
    uint32_t flags; /* the owner's */
    int64_t value;
} Counter;

/* Makes an empty counter relation in the running transaction. */
Status counter_create(Ctx *ctx, PageNo *root_out);
/* All slots there are, in an array in the arena. XX001. */
Status counter_read_all(Ctx *ctx, Arena *arena, PageNo root, Counter **out, uint32_t *n_out);
/* Adds a page of free slots: *first_out is the number of its first, *n_out how many. */
Status counter_extend(Ctx *ctx, PageNo root, uint32_t *first_out, uint32_t *n_out);
Status counter_set(Ctx *ctx, PageNo root, uint32_t slot, const Counter *value);

Status counter_redo_set(Ctx *ctx, const WalRecord *rec, RedoPage *pages);
void counter_describe(const WalRecord *rec, StrBuf *out);

#endif
