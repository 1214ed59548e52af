/* lock_fn.c - functions about advisory locks and other sessions. */
#include "common/str.h"
#include "session/session.h"
#include "storage/activity.h"
#include "storage/lock.h"
#include "types/array.h"
#include "types/kernel.h"
#include <math.h>
#include <time.h>

/* ---- advisory locks ---- */

/* One key of 64 bits or two of 32: different spaces, as PostgreSQL's. */
static LockTag
advisory_tag(const KernelCall *call, int i)
{
    if (call->nargs == 1) return (LockTag){.a = (uint64_t)ARG(call, 0, int64_t, i), .b = 1, .kind = LOCK_ADVISORY};
    uint64_t high = (uint32_t)ARG(call, 0, int32_t, i), low = (uint32_t)ARG(call, 1, int32_t, i);
    return (LockTag){.a = high << 32 | low, .b = 2, .kind = LOCK_ADVISORY};
}

static Status
take(KernelCall *call, bool shared, bool session, LockWait wait)
{
    ROWS(call, i) {
        bool granted;
        TRY(lock_advisory(call->ctx, advisory_tag(call, i), shared, session, wait, &granted));
        if (wait == LOCK_TRY) OUT(call, uint8_t, i) = granted;
    }
    return QN_OK;
}

Status fn_pg_advisory_lock(KernelCall *call) { return take(call, false, true, LOCK_WAIT); }
Status fn_pg_advisory_lock_shared(KernelCall *call) { return take(call, true, true, LOCK_WAIT); }
Status fn_pg_try_advisory_lock(KernelCall *call) { return take(call, false, true, LOCK_TRY); }
Status fn_pg_try_advisory_lock_shared(KernelCall *call) { return take(call, true, true, LOCK_TRY); }
Status fn_pg_advisory_xact_lock(KernelCall *call) { return take(call, false, false, LOCK_WAIT); }
Status fn_pg_advisory_xact_lock_shared(KernelCall *call) { return take(call, true, false, LOCK_WAIT); }
Status fn_pg_try_advisory_xact_lock(KernelCall *call) { return take(call, false, false, LOCK_TRY); }
Status fn_pg_try_advisory_xact_lock_shared(KernelCall *call) { return take(call, true, false, LOCK_TRY); }

static Status
give(KernelCall *call, bool shared)
{
    ROWS(call, i) {
        bool held = lock_advisory_release(call->ctx, advisory_tag(call, i), shared);
        if (!held)
            ctx_notice(call->ctx, "WARNING", ERR_WARNING, "you don't own a lock of type %s",
                       lock_mode_name(shared ? LOCK_SHARE : LOCK_EXCLUSIVE));
        OUT(call, uint8_t, i) = held;
    }
    return QN_OK;
}

Status fn_pg_advisory_unlock(KernelCall *call) { return give(call, false); }
Status fn_pg_advisory_unlock_shared(KernelCall *call) { return give(call, true); }

Status
fn_pg_advisory_unlock_all(KernelCall *call)
{
    lock_advisory_release_all(call->ctx);
    return QN_OK;
}

/* ---- other sessions ---- */

static Status
tell(KernelCall *call, bool (*how)(Ctx *ctx, int pid))
{
    ROWS(call, i) {
        int pid = ARG(call, 0, int32_t, i);
        bool told = how(call->ctx, pid);
        if (!told) ctx_notice(call->ctx, "WARNING", ERR_WARNING, "PID %d is not a PostgreSQL backend process", pid);
        OUT(call, uint8_t, i) = told;
    }
    return QN_OK;
}

Status fn_pg_cancel_backend(KernelCall *call) { return tell(call, activity_cancel); }
Status fn_pg_terminate_backend(KernelCall *call) { return tell(call, activity_terminate); }

Status
fn_pg_blocking_pids(KernelCall *call)
{
    ROWS(call, i) {
        int *pids, n;
        TRY(lock_blockers(call->ctx, call->arena, ARG(call, 0, int32_t, i), &pids, &n));
        ArrayBuilder b = array_builder(call->arena, TYPE_INT4);
        for (int k = 0; k < n; k++) {
            Value v = {.type = TYPE_INT4, .phys = PHYS_I32, .i32 = pids[k]};
            TRY(array_add(call->ctx, &b, &v));
        }
        TRY(array_finish_1d(call->ctx, &b, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status
fn_pg_isolation_test_session_is_blocked(KernelCall *call)
{
    ROWS(call, i) {
        int *pids, n;
        ArrayView of;
        Str s = ARG(call, 1, Str, i);
        bool blocked = false;
        TRY(lock_blockers(call->ctx, call->arena, ARG(call, 0, int32_t, i), &pids, &n));
        array_view(&s, &of);
        for (uint32_t k = 0; k < of.nelems; k++)
            for (int p = 0; p < n; p++) blocked |= array_element(&of, k).i32 == pids[p];
        OUT(call, uint8_t, i) = blocked;
    }
    return QN_OK;
}

/* ---- time and transactions ---- */

enum { SLEEP_SLICE_US = 5000 }; /* how late an interrupt may be */

Status
fn_pg_sleep(KernelCall *call)
{
    ROWS(call, i) {
        double seconds = ARG(call, 0, double, i);
        if (isnan(seconds) || seconds <= 0) continue;
        double end = (double)ctx_now_us() + seconds * 1e6, left;
        while ((left = end - (double)ctx_now_us()) > 0) {
            long us = left < SLEEP_SLICE_US ? (long)left + 1 : SLEEP_SLICE_US;
            nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
            TRY(ctx_check_stop(call->ctx));
        }
    }
    return QN_OK;
}

Status
fn_txid_current(KernelCall *call)
{
    Xid xid;
    TRY(tx_assign_xid(call->ctx, &xid));
    ROWS(call, i) OUT(call, int64_t, i) = (int64_t)xid;
    return QN_OK;
}

Status
fn_txid_current_if_assigned(KernelCall *call)
{
    Xid xid = tx_top_xid(call->ctx->tx);
    ROWS(call, i) {
        if (xid == XID_NONE) out_set_null(call, i);
        else OUT(call, int64_t, i) = (int64_t)xid;
    }
    return QN_OK;
}
