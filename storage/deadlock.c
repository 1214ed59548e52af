/* deadlock.c - who waits for whom, and whether that is a circle.
 *
 * A connection waits for one thing: an xid, which its owner must end, or a lock, which those who hold a conflicting mode must give up
 * (hard) and, in order of the queue, those who wait ahead with one (soft). The graph is searched from the connection that asks, under the
 * lock table's mutex, without recursion: every connection is visited once, and check_from leads back.
 *
 * A circle with a soft edge may be undone by letting the one behind pass. All ways to do so are tried, a few deep; when one leaves no circle, the
 * queues stay in that order. Otherwise the victim is the connection that looks: the one whose wait has lasted longest without having looked.
 */
#include "storage/instance.h"
#include <stdio.h>

enum { MOVES_MAX = 8 }; /* queues put into another order for one circle */

/* A waiter that was let past another. */
typedef struct Move {
    LockEntry *entry;
    DbConn *waiter;
    DbConn *before;  /* whom it stood behind; to put it back */
} Move;

typedef struct SoftEdge {
    DbConn *waiter, *ahead;
} SoftEdge;

typedef struct Search {
    Db *db;
    DbConn *start;
    DbConn *stack[CONNS_MAX];
    int depth;
    bool found;
    Move moves[MOVES_MAX];
    int nmoves;
} Search;

/* ---- the graph ---- */

bool
lock_next_blocker(Db *db, DbConn *conn, LockBlocker *b)
{
    LockEntry *e = conn->wait_entry;
    if (b->stage == 0) {
        b->stage = 1;
        b->hold = e != NULL ? e->holds : NULL;
        b->waiter = e != NULL ? e->waiters : NULL;
        b->is_soft = false;
        if (conn->wait_xid != XID_NONE && db->conns[conn->wait_slot] != conn &&
            xidmap_state(&db->xids, conn->wait_xid) == (XID_STATE_RUNNING | (uint64_t)conn->wait_slot)) {
            b->conn = db->conns[conn->wait_slot];
            if (b->conn != NULL) return true;
        }
    }
    while (b->hold != NULL) {
        LockHold *h = b->hold;
        b->hold = h->entry_next;
        b->conn = h->conn;
        if (h->conn != conn && lock_modes_conflict(conn->wait_mode, h->mode)) return true;
    }
    b->is_soft = true;
    while (b->waiter != NULL && b->waiter != conn) {
        b->conn = b->waiter;
        b->waiter = b->waiter->wait_next;
        if (lock_modes_conflict(conn->wait_mode, b->conn->wait_mode)) return true;
    }
    return false;
}

static void
visit_blockers(Search *s, DbConn *conn)
{
    LockBlocker b = {0};
    while (!s->found && lock_next_blocker(s->db, conn, &b)) {
        DbConn *to = b.conn;
        bool is_start = to == s->start;
        if (!is_start && to->check_stamp == s->db->locks.check_stamp) continue;
        to->check_stamp = s->db->locks.check_stamp;
        to->check_from = conn;
        to->check_soft = b.is_soft;
        s->found = is_start;
        if (!is_start) s->stack[s->depth++] = to;
    }
}

/* Whether start waits for itself; check_from then leads around the circle. */
static bool
find_circle(Search *s, DbConn *start)
{
    s->start = start;
    s->depth = 0;
    s->found = false;
    s->db->locks.check_stamp++;
    visit_blockers(s, start);
    while (!s->found && s->depth > 0) visit_blockers(s, s->stack[--s->depth]);
    return s->found;
}

/* ---- another order ---- */

/* Takes the waiter out of its queue and puts it before another (NULL: at the end). *behind_out: whom it stood before. */
static void
move_waiter(LockEntry *e, DbConn *waiter, DbConn *before, DbConn **behind_out)
{
    DbConn **at = &e->waiters;
    while (*at != waiter) at = &(*at)->wait_next;
    *behind_out = waiter->wait_next;
    *at = waiter->wait_next;
    for (at = &e->waiters; *at != before;) at = &(*at)->wait_next;
    waiter->wait_next = before;
    *at = waiter;
}

static int
soft_edges(DbConn *start, SoftEdge *edges)
{
    int n = 0;
    DbConn *to = start;
    do {
        if (to->check_soft && n < MOVES_MAX) edges[n++] = (SoftEdge){to->check_from, to};
        to = to->check_from;
    } while (to != start);
    return n;
}

/* The first connection with a circle: the one that asked, or one in a queue that was changed. */
static DbConn *
find_caught(Search *s, DbConn *asking)
{
    if (find_circle(s, asking)) return asking;
    for (int i = 0; i < s->nmoves; i++)
        for (DbConn *w = s->moves[i].entry->waiters; w != NULL; w = w->wait_next)
            if (find_circle(s, w)) return w;
    return NULL;
}

/* Tries to do without circles by moving waiters; false leaves the queues as they were. Recursion is bounded by MOVES_MAX. */
static bool
resolve(Search *s, DbConn *asking)
{
    SoftEdge edges[MOVES_MAX];
    DbConn *caught = find_caught(s, asking);
    if (caught == NULL) return true;
    int n = soft_edges(caught, edges);
    if (s->nmoves == MOVES_MAX) return false;
    for (int i = 0; i < n; i++) {
        Move *m = &s->moves[s->nmoves];
        *m = (Move){.entry = edges[i].waiter->wait_entry, .waiter = edges[i].waiter};
        move_waiter(m->entry, m->waiter, edges[i].ahead, &m->before);
        s->nmoves++;
        if (resolve(s, asking)) return true;
        s->nmoves--;
        DbConn *ignored;
        move_waiter(m->entry, m->waiter, m->before, &ignored);
    }
    return false;
}

/* ---- the error ---- */

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
        snprintf(to, nbytes, "%s on relation %llu of database %d", mode, (unsigned long long)tag->a, DATABASE_OID);
        break;
    case LOCK_TUPLE:
    case LOCK_ROW_QUEUE:
        snprintf(to, nbytes, "%s on tuple (%llu,%llu) of relation %llu of database %d", mode,
                 (unsigned long long)tag->b >> 16, (unsigned long long)tag->b & 0xFFFF, (unsigned long long)tag->a,
                 DATABASE_OID);
        break;
    case LOCK_OBJECT:
        snprintf(to, nbytes, "%s on object %llu of class %llu of database %d", mode, (unsigned long long)tag->b,
                 (unsigned long long)tag->a, DATABASE_OID);
        break;
    case LOCK_ADVISORY:
        snprintf(to, nbytes, "%s on advisory lock [%d,%u,%u,%u]", mode, DATABASE_OID, (unsigned)(tag->a >> 32),
                 (unsigned)tag->a, (unsigned)tag->b);
        break;
    case LOCK_TRANSACTION:
    case LOCK_VIRTUALXID: break; /* not in the table */
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
                                                  from->slot + 1, wait, to->slot + 1, text[0] != '\0' ? "\n" : "", text);
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
    *s = (Search){.db = db};
    rwlatch_shared(&db->conns_latch);
    Status st = QN_OK;
    if (resolve(s, ctx->conn)) {
        for (int i = 0; i < s->nmoves; i++) lock_serve_queue(s->moves[i].entry);
    } else {
        (void)find_circle(s, ctx->conn); /* again: trying has overwritten the way around */
        st = raise_deadlock(ctx, ctx->conn);
    }
    rwlatch_unlock(&db->conns_latch);
    mem_free(NULL, s, sizeof(*s));
    return st;
}
