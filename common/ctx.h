/* ctx.h - what every internal function is handed: the error slot, where memory comes from, whose
 * transaction it is, and whether to stop.
 *
 * One Ctx a thread: a session has one, each worker and background thread has its own. The pointers
 * to higher layers are opaque here; each is set by the layer that owns it.
 */
#ifndef COMMON_CTX_H
#define COMMON_CTX_H

#include "common/arena.h"
#include "common/status.h"
#include <stdatomic.h>
#include <stddef.h>

struct Db;       /* storage/db.h: the open instance */
struct DbConn;   /* storage/db.h: this thread's place in it */
struct Pool;     /* storage/pool.h */
struct IoStats;  /* storage/pool.h: pages touched by this thread */
struct Tx;       /* storage/tx.h: the running transaction, NULL outside one */
struct Snapshot; /* storage/snapshot.h: what the running statement sees */
struct Catalog;  /* catalog/catalog.h */
struct ConstraintQueue;
struct Session;  /* session/session.h; NULL on background threads */
struct Settings; /* common/settings.h: this session's values, never NULL once a session runs */

struct Ctx {
    Err err;
    struct Db *db;
    struct DbConn *conn;  /* db, conn, pool and io are set by db_open and db_worker_attach */
    struct Pool *pool;
    struct IoStats *io;
    struct Tx *tx;
    struct Snapshot *snapshot;
    struct Catalog *catalog;
    struct ConstraintQueue *constraints; /* executor/constraints.h: what the transaction's constraints wait for; NULL: nothing */
    struct Session *session;
    const struct Settings *settings;
    Arena *stmt_arena;  /* text, tree and plan of the statement at hand */
    MemAccount *mem;    /* what this query may still take; NULL: no limit */
    /* Non-zero: stop at the next check. Bits of CtxStop; set from any thread. */
    _Atomic uint32_t *stop;
    /* Wall clock as timestamptz (µs since 2000-01-01 UTC): what now() and statement_timestamp() give. Set by
     * session; 0: not set, the clock is read. */
    int64_t temp_bytes; /* of temporary files open now, for temp_file_limit */
    int64_t tx_start_us, stmt_start_us;
    /* CLOCK_MONOTONIC µs of statement_timeout; 0: none, and no tick; INT64_MAX: none, but a tick. */
    int64_t deadline_us;
    Status (*tick)(Ctx *ctx);    /* called with each check while deadline_us is not 0; NULL: nothing to do */
    /* How far the statement is, for the application's progress callback: set by what knows it; total 0: nobody does. */
    int64_t work_done, work_total;
    const char *stack_base;      /* address near the base of this thread's stack use */
    size_t stack_limit;          /* bytes below stack_base that recursion may use; 0: no check */
    /* Ends what the session has open, why: called by another thread that has claimed it (storage/activity.h). Set by session. */
    void (*end_session)(Ctx *ctx, Status why);
    /* Where execution needs planning (SQL functions, views on the fly); set by session. */
    Status (*plan_query)(Ctx *ctx, const char *sql, size_t nbytes, void **plan_out);
    /* What an index computes of rows (planner/plan.h: IndexExprs), in the arena; rel and index are catalog/catalog.h's. Set by session. */
    Status (*plan_index)(Ctx *ctx, Arena *arena, const void *rel, const void *index, void *out);
    /* A value of a domain's base type that was not made by an expression: 23502, 23514. Set by session. */
    Status (*check_domain)(Ctx *ctx, uint32_t domain, const void *value);
    /* A notice to the client; set by session, may be NULL. */
    void (*notice)(Ctx *ctx, const char *severity, Status code, const char *message);
    uint64_t random[2]; /* state of random(); zeros: not seeded yet */
    int nofail; /* depth of no-fail sections; RAISE inside one asserts */
};

typedef enum CtxStop { STOP_CANCEL = 1, STOP_TIMEOUT = 2, STOP_SHUTDOWN = 4 } CtxStop;

/* Raises 57014 when the statement is to stop. Called at batch boundaries and in waits. */
Status ctx_check_stop_slow(Ctx *ctx);
static inline Status
ctx_check_stop(Ctx *ctx)
{
    if (__builtin_expect((ctx->stop != NULL &&
                          atomic_load_explicit(ctx->stop, memory_order_relaxed) != 0) ||
                             ctx->deadline_us != 0, 0))
        return ctx_check_stop_slow(ctx);
    return QN_OK;
}

/* The same for loops over one large value: looks each time about CTX_WORK_STEP units (bytes, simple steps) are done. *work starts at 0. */
enum { CTX_WORK_STEP = 1 << 18 };
static inline Status
ctx_count_work(Ctx *ctx, uint64_t *work, uint64_t units)
{
    *work += units;
    if (__builtin_expect(*work < CTX_WORK_STEP, 1)) return QN_OK;
    *work = 0;
    return ctx_check_stop(ctx);
}

/* Guards recursion over user input: 54001 when the stack in use nears the limit. */
Status ctx_stack_overflow(Ctx *ctx) __attribute__((cold));
static inline Status
ctx_check_depth(Ctx *ctx)
{
    char here;
    if (ctx->stack_limit == 0) return QN_OK;
    ptrdiff_t used = ctx->stack_base - &here;
    if (used < 0) used = -used;
    if (__builtin_expect((size_t)used > ctx->stack_limit, 0)) return ctx_stack_overflow(ctx);
    return QN_OK;
}

/* A notice in printf form; dropped where nobody listens. severity: "NOTICE", "WARNING", "INFO". */
void ctx_notice(Ctx *ctx, const char *severity, Status code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

int64_t ctx_now_us(void); /* CLOCK_MONOTONIC in µs */

#define NOFAIL_BEGIN(ctx) ((ctx)->nofail++)
#define NOFAIL_END(ctx) ((ctx)->nofail--)

#endif
