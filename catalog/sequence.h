/* sequence.h - the counters of sequences: nextval and its sisters.
 *
 * What CREATE SEQUENCE said is a catalog object (SeqDef) and transactional. The counter is not: it lives in a slot of the
 * database's counter relation (storage/counter.h) and in memory, shared by all sessions. The slot is written a few
 * dozen values ahead, so that most calls touch memory only; after a crash the values in between are skipped, after a clean close they are
 * not. ALTER SEQUENCE ... RESTART, being transactional, gives the sequence a new slot.
 *
 * Threads: any. Relations given are of kind RELKIND_SEQUENCE and pinned. */
#ifndef CATALOG_SEQUENCE_H
#define CATALOG_SEQUENCE_H

#include "catalog/catalog.h"

typedef struct SequenceShared SequenceShared;
typedef struct SequenceSession SequenceSession;

/* n values, ascending in the order they were taken. 2200H when they are used up, 25006 in a read-only transaction. */
Status sequence_next(Ctx *ctx, const Relation *seq, int n, int64_t *out);
/* What this session got last: 55000 if nothing yet. */
Status sequence_current(Ctx *ctx, const Relation *seq, int64_t *out);
Status sequence_last(Ctx *ctx, int64_t *out);
Status sequence_set(Ctx *ctx, const Relation *seq, int64_t value, bool is_called);
typedef struct SequenceState {
    int64_t last_value;
    int64_t log_count; /* values that may be given before the slot is written again */
    bool is_called;
} SequenceState;
Status sequence_read(Ctx *ctx, const Relation *seq, SequenceState *out);

/* A slot for a new sequence (or a restarted one), whose first value is start. Given back if the transaction, or the
 * savepoint, is rolled back. */
Status sequence_slot_new(Ctx *ctx, Oid seq_oid, int64_t start, uint32_t *slot_out);
/* Gives the slot back when the transaction commits. */
Status sequence_slot_drop(Ctx *ctx, uint32_t slot);

/* For catalog.c. */
Status sequence_shared_create(Ctx *ctx, SequenceShared **out);
void sequence_shared_destroy(SequenceShared *s);
Status sequence_session_create(Ctx *ctx, SequenceSession **out);
void sequence_session_destroy(SequenceSession *s);
/* Writes slots as they are, so that a clean close skips no values. */
void sequence_flush(Ctx *ctx);
Status sequence_make_store(Ctx *ctx); /* in a new database, in the running transaction */

#endif
