/* deadlock.c - who waits for whom, and whether that is a circle.
 *
 * A connection waits for one thing: an xid, which its owner must end, or a lock, which those who hold a conflicting mode must give up
 * and, in order of the queue, those who wait ahead with one. The graph is searched from the connection that asks, under the lock
 * table's mutex, without recursion: every connection is visited once, and check_from leads back.
 *
 * The victim is the connection that looks: the one whose wait has lasted longest without having looked.
 */
#include "storage/instance.h"
#include <stdio.h>

/* Calls visit for everyone conn waits for; a connection is marked with the stamp when it is put on the stack. */
typedef struct Search {
    Db *db;
    DbConn *start;
    DbConn *stack[CONNS_MAX];
    int depth;
    uint32_t stamp;
    bool found;
} Search;

static void
visit(Search *s, DbConn *from, DbConn *to)
{
    if (s->found || to == NULL || to == from) return;
    if (to == s->start) {
        s->found = true;
        to->check_from = from;
        return;
    }
    if (to->check_stamp == s->stamp) return;
    to->check_stamp = s->stamp;
    to->check_from = from;
    s->stack[s->depth++] = to;
}

static void
visit_blockers(Search *s, DbConn *conn)
{
    if (conn->wait_xid != XID_NONE) {
        bool runs = xidmap_state(&s->db->xids, conn->wait_xid) ==
                    (XID_STATE_RUNNING | (uint64_t)conn->wait_slot);
        if (runs) visit(s, conn, s->db->conns[conn->wait_slot]);
    }
    LockEntry *e = conn->wait_entry;
    if (e == NULL) return;
    for (LockHold *h = e->holds; h != NULL; h = h->entry_next)
        if (lock_modes_conflict(conn->wait_mode, h->mode)) visit(s, conn, h->conn);
    for (DbConn *w = e->waiters; w != NULL && w != conn; w = w->wait_next)
        if (lock_modes_conflict(conn->wait_mode, w->wait_mode)) visit(s, conn, w);
}

static void
describe_wait(const DbConn *conn, char *to, size_t nbytes)
{
    if (conn->wait_xid != XID_NONE) {
        snprintf(to, nbytes, "ShareLock on transaction %llu", (unsigned long long)conn->wait_xid);
        return;
    }
    const LockTag *tag = &conn->wait_entry->tag;
    const char *mode = lock_mode_name(conn->wait_mode);
    switch (tag->kind) {
    case LOCK_RELATION:
        snprintf(to, nbytes, "%s on relation %llu", mode, (unsigned long long)tag->a);
        break;
    case LOCK_TUPLE:
        snprintf(to, nbytes, "%s on tuple (%llu,%llu) of relation %llu", mode,
                 (unsigned long long)tag->b >> 16, (unsigned long long)tag->b & 0xFFFF,
                 (unsigned long long)tag->a);
        break;
    case LOCK_OBJECT:
        snprintf(to, nbytes, "%s on object %llu of class %llu", mode, (unsigned long long)tag->b,
                 (unsigned long long)tag->a);
        break;
    case LOCK_ADVISORY:
        snprintf(to, nbytes, "%s on advisory lock [%llu,%llu]", mode, (unsigned long long)tag->a,
                 (unsigned long long)tag->b);
        break;
    }
}

/* The error, with a line for each wait in the circle. check_from leads backwards, so the lines are put together from the end. */
static Status
raise_deadlock(Ctx *ctx, DbConn *start)
{
    Arena *arena = arena_create(NULL, "deadlock");
    const char *text = "";
    DbConn *to = start;
    int lines = 0;

    do {
        DbConn *from = to->check_from;
        char wait[160];
        describe_wait(from, wait, sizeof(wait));
        char *line = arena == NULL ? NULL
                                   : arena_printf(arena, "Process %d waits for %s; blocked by process %d.%s%s",
                                                  from->slot, wait, to->slot, text[0] != '\0' ? "\n" : "", text);
        if (line != NULL) text = line;
        to = from;
    } while (to != start && ++lines < CONNS_MAX);
    Status st = RAISE(ctx, ERR_T_R_DEADLOCK_DETECTED, "deadlock detected");
    if (text[0] != '\0') st = err_detail(ctx, st, "%s", text);
    arena_destroy(arena);
    return st;
}

Status
deadlock_check(Ctx *ctx)
{
    Db *db = ctx->db;
    Search *s;

    TRY_ALLOC(ctx, s, mem_alloc(NULL, sizeof(*s)));
    *s = (Search){.db = db, .start = ctx->conn, .stamp = ++db->locks.check_stamp};
    rwlatch_shared(&db->conns_latch);
    visit_blockers(s, ctx->conn);
    while (!s->found && s->depth > 0) visit_blockers(s, s->stack[--s->depth]);
    Status st = s->found ? raise_deadlock(ctx, ctx->conn) : QN_OK;
    rwlatch_unlock(&db->conns_latch);
    mem_free(NULL, s, sizeof(*s));
    return st;
}
