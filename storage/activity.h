/* activity.h - what each connection is doing, for others to see, and to be ended by others.
 *
 * A connection is held while a call of its owner works with it. Between calls it is free, and then another thread may claim it to end
 * what it left open: the watch, when it has been idle for too long in a transaction, and pg_terminate_backend. The owner's next call waits for a
 * claim to be over; what it finds is ctx->end_session's business.
 *
 * Texts and times are words that readers copy without a lock (a count before and after says whether they changed meanwhile), so that noting a
 * statement costs a few stores.
 */
#ifndef STORAGE_ACTIVITY_H
#define STORAGE_ACTIVITY_H

#include "common/ctx.h"
#include "storage/lock.h"

typedef enum ActivityState { ACTIVITY_IDLE, ACTIVITY_ACTIVE, ACTIVITY_IN_TX, ACTIVITY_FAILED_TX } ActivityState;

/* For the owner. */
void activity_hold(Ctx *ctx);
/* deadline_us: CLOCK_MONOTONIC µs at which the watch ends the session, why, unless it works again; 0: never. */
void activity_free(Ctx *ctx, int64_t deadline_us, Status why);
/* serial: another one means another text. */
void activity_query(Ctx *ctx, uint64_t serial, const char *sql, size_t nbytes, int64_t start_us);
void activity_state(Ctx *ctx, ActivityState state, int64_t tx_start_us);
void activity_application(Ctx *ctx, const char *name);

/* For others. pid: as pg_backend_pid gives it. */
bool activity_cancel(Ctx *ctx, int pid);    /* false: no session has that pid */
bool activity_terminate(Ctx *ctx, int pid); /* one that is at work ends with its statement */

enum { ACTIVITY_QUERY_BYTES = 1024, ACTIVITY_NAME_BYTES = 64 };

typedef struct ActivityRow {
    int pid;
    bool is_session;      /* else a thread of the instance */
    ActivityState state;
    char query[ACTIVITY_QUERY_BYTES], application[ACTIVITY_NAME_BYTES];
    int64_t backend_start_us, tx_start_us, query_start_us, state_change_us; /* timestamptz; 0: none */
    uint64_t xid;         /* 0: none */
    bool waits;
    LockKind wait_kind;   /* with waits; LOCK_TRANSACTION for an xid */
} ActivityRow;
/* A copy in the arena. */
Status activity_list(Ctx *ctx, Arena *arena, ActivityRow **rows_out, int *n_out);

/* Pids of those who keep pid from the lock it waits for, in the arena. */
Status lock_blockers(Ctx *ctx, Arena *arena, int pid, int **pids_out, int *n_out);

#endif
