/* sys_sessions.c - generators of pg_locks and pg_stat_activity: what sessions hold, wait for and do. */
#include "catalog/systable.h"
#include "storage/activity.h"
#include "storage/db.h"
#include "storage/lock.h"
#include "storage/ssi.h"
#include <stdio.h>

static const char *const lock_kinds[] = {[LOCK_RELATION] = "relation", [LOCK_OBJECT] = "object",
                                         [LOCK_TUPLE] = "tuple", [LOCK_ROW_QUEUE] = "tuple", [LOCK_ADVISORY] = "advisory",
                                         [LOCK_TRANSACTION] = "transactionid", [LOCK_VIRTUALXID] = "virtualxid"};

/* The columns from relation to objsubid, by kind. */
static void
lock_target(SysRows *r, LockTag tag)
{
    bool of_relation = tag.kind == LOCK_RELATION || tag.kind == LOCK_TUPLE || tag.kind == LOCK_ROW_QUEUE;
    if (of_relation) sys_oid(r, (Oid)tag.a);
    else sys_null(r);
    if (tag.kind == LOCK_TUPLE || tag.kind == LOCK_ROW_QUEUE) {
        sys_int4(r, (int)(tag.b >> 16));
        sys_int2(r, (int)(tag.b & 0xFFFF));
    } else {
        sys_skip(r, 2);
    }
    if (tag.kind == LOCK_VIRTUALXID) sys_printf(r, "%d/%u", (int)tag.a, (unsigned)tag.b);
    else sys_null(r);
    if (tag.kind == LOCK_TRANSACTION) sys_oid(r, (Oid)tag.a);
    else sys_null(r);
    if (tag.kind != LOCK_OBJECT && tag.kind != LOCK_ADVISORY) {
        sys_skip(r, 3);
        return;
    }
    bool advisory = tag.kind == LOCK_ADVISORY;
    sys_oid(r, (Oid)(advisory ? tag.a >> 32 : tag.a));
    sys_oid(r, (Oid)(advisory ? tag.a : tag.b));
    sys_int2(r, advisory ? (int)tag.b : 0);
}

/* What serializable transactions have read. */
static Status
siread_locks(Ctx *ctx, SysRows *r)
{
    SsiLockRow *rows;
    int n;
    TRY(ssi_list(ctx, sys_arena(r), &rows, &n));
    for (int i = 0; i < n; i++) {
        const SsiLockRow *l = &rows[i];
        const char *holder;
        bool page = l->page != SSI_PAGE_ALL, row = l->slot != SSI_SLOT_NONE;
        TRY_ALLOC(ctx, holder, arena_printf(sys_arena(r), "%d/%u", l->pid, l->ntx));
        TRY(sys_row(r));
        sys_text(r, row ? "tuple" : page ? "page" : "relation");
        sys_oid(r, DATABASE_OID);
        sys_oid(r, (Oid)l->rel);
        if (page) sys_int4(r, (int)l->page);
        else sys_null(r);
        if (row) sys_int2(r, (int)l->slot);
        else sys_null(r);
        sys_skip(r, 5);
        sys_text(r, l->pid != 0 ? holder : NULL);
        if (l->pid != 0) sys_int4(r, l->pid);
        else sys_null(r);
        sys_text(r, "SIReadLock");
        sys_bool(r, true);
        sys_bool(r, false);
        sys_null(r);
    }
    return QN_OK;
}

Status
sys_pg_locks(Ctx *ctx, SysRows *r)
{
    LockRow *rows;
    int n;
    TRY(lock_list(ctx, sys_arena(r), &rows, &n));
    for (int i = 0; i < n; i++) {
        const LockRow *l = &rows[i];
        const char *holder;
        TRY_ALLOC(ctx, holder, arena_printf(sys_arena(r), "%d/%u", l->pid, l->ntx));
        TRY(sys_row(r));
        sys_text(r, lock_kinds[l->tag.kind]);
        if (l->tag.kind == LOCK_TRANSACTION || l->tag.kind == LOCK_VIRTUALXID) sys_null(r);
        else sys_oid(r, DATABASE_OID);
        lock_target(r, l->tag);
        sys_text(r, holder);
        sys_int4(r, l->pid);
        sys_text(r, lock_mode_name(l->mode));
        sys_bool(r, l->granted);
        sys_bool(r, l->fast_path);
        sys_null(r);
    }
    return siread_locks(ctx, r);
}

/* What a session or thread waits for: two columns. */
static void
wait_event(SysRows *r, const ActivityRow *a)
{
    bool idle = a->is_session && a->state != ACTIVITY_ACTIVE;
    sys_text(r, a->waits ? "Lock" : idle ? "Client" : NULL);
    sys_text(r, a->waits ? lock_kinds[a->wait_kind] : idle ? "ClientRead" : NULL);
}

Status
sys_pg_stat_activity(Ctx *ctx, SysRows *r)
{
    static const char *const states[] = {[ACTIVITY_IDLE] = "idle", [ACTIVITY_ACTIVE] = "active",
                                         [ACTIVITY_IN_TX] = "idle in transaction",
                                         [ACTIVITY_FAILED_TX] = "idle in transaction (aborted)"};
    ActivityRow *rows;
    const char *db;
    int n;
    TRY(catalog_database_name(ctx, sys_arena(r), &db));
    TRY(activity_list(ctx, sys_arena(r), &rows, &n));
    for (int i = 0; i < n; i++) {
        const ActivityRow *a = &rows[i];
        TRY(sys_row(r));
        sys_oid(r, DATABASE_OID);
        sys_text(r, db);
        sys_int4(r, a->pid);
        sys_null(r);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
        sys_text(r, CATALOG_ROLE_NAME);
        sys_text(r, a->application);
        sys_skip(r, 3);
        sys_time(r, a->backend_start_us);
        sys_time(r, a->tx_start_us);
        sys_time(r, a->query_start_us);
        sys_time(r, a->state_change_us);
        wait_event(r, a);
        sys_text(r, a->is_session ? states[a->state] : NULL);
        if (a->xid != 0) sys_oid(r, (Oid)a->xid);
        else sys_null(r);
        sys_skip(r, 2);
        sys_text(r, a->is_session ? a->query : "");
        sys_text(r, a->is_session ? "client backend" : "background worker");
    }
    return QN_OK;
}
