/* lock_test.c - lock modes, queues, deadlocks, timeouts, interrupts. Each session that waits has a thread of its own. */
#include "tests/storage_util.h"
#include "common/settings.h"
#include "common/thread.h"
#include <unistd.h>

enum { OID = 20000 };

typedef struct Session {
    Ctx ctx;
    Settings settings;
    _Atomic uint32_t stop;
    /* What its thread is to do, and did. */
    LockTag tag;
    LockMode mode;
    Xid wait_xid;
    Status result;
    _Atomic bool done;
    Thread *thread;
} Session;

#define ADVISORY(key) ((LockTag){.a = (key), .b = 1, .kind = LOCK_ADVISORY})

static FaultFs *fs;

static void
session_open(Session *s)
{
    memset(s, 0, sizeof(*s));
    open_db(&s->ctx, fs, "l.db");
    s->ctx.settings = &s->settings;
    s->ctx.stop = &s->stop;
    begin(&s->ctx);
}

static void
session_close(Session *s)
{
    tx_rollback(&s->ctx);
    close_db(&s->ctx);
}

static void
wait_body(void *arg)
{
    Session *s = arg;
    s->result = s->wait_xid != 0 ? tx_wait_for(&s->ctx, s->wait_xid)
                                 : lock_acquire(&s->ctx, s->tag, s->mode, LOCK_WAIT, NULL);
    if (s->result == ERR_T_R_DEADLOCK_DETECTED) tx_rollback(&s->ctx); /* so that the others get on */
    atomic_store(&s->done, true);
}

static void
start_wait(Session *s)
{
    atomic_store(&s->done, false);
    Ctx quiet = {0};
    OK(&quiet, thread_create(&quiet, "waiter", wait_body, s, &s->thread));
}

static void
start_lock(Session *s, LockTag tag, LockMode mode)
{
    s->tag = tag;
    s->mode = mode;
    s->wait_xid = 0;
    start_wait(s);
}

static void
start_xid_wait(Session *s, Xid xid)
{
    s->wait_xid = xid;
    start_wait(s);
}

static void
expect_waiting(Session *s)
{
    usleep(15 * 1000);
    assert_false(atomic_load(&s->done));
}

static Status
end_wait(Session *s)
{
    thread_join(s->thread);
    return s->result;
}

static LockTag
relation(uint64_t oid)
{
    return (LockTag){.a = oid, .kind = LOCK_RELATION};
}

static bool
try_lock(Session *s, LockTag tag, LockMode mode)
{
    bool granted;
    OK(&s->ctx, lock_acquire(&s->ctx, tag, mode, LOCK_TRY, &granted));
    return granted;
}

/* PostgreSQL's conflict table, written out again as its manual shows it. */
static void
test_modes_conflict_as_postgres_says(void **state)
{
    (void)state;
    static const char *const rows[8] = {".......x", "......xx", "....xxxx", "...xxxxx",
                                        "..xx.xxx", "..xxxxxx", ".xxxxxxx", "xxxxxxxx"};
    fs = fault_fs_create();
    for (int kind = 0; kind < 2; kind++)
        for (int held = 1; held < LOCK_MODE_COUNT; held++)
            for (int want = 1; want < LOCK_MODE_COUNT; want++) {
                Session a, b;
                LockTag tag = {.a = OID, .kind = kind == 0 ? LOCK_RELATION : LOCK_OBJECT};
                session_open(&a);
                session_open(&b);
                assert_true(try_lock(&a, tag, (LockMode)held));
                assert_true(try_lock(&a, tag, (LockMode)want)); /* never against oneself */
                tx_rollback(&a.ctx);
                begin(&a.ctx);
                assert_true(try_lock(&a, tag, (LockMode)held));
                assert_int_equal(try_lock(&b, tag, (LockMode)want), rows[held - 1][want - 1] == '.');
                assert_true(lock_is_held(&a.ctx, tag, (LockMode)held));
                session_close(&a);
                assert_true(try_lock(&b, tag, (LockMode)want));
                session_close(&b);
            }
    fault_fs_destroy(fs);
}

static void
test_waiters_are_served_in_order(void **state)
{
    (void)state;
    Session a, b, c, d;
    fs = fault_fs_create();
    session_open(&a);
    session_open(&b);
    session_open(&c);
    session_open(&d);
    assert_true(try_lock(&a, relation(OID), LOCK_ACCESS_SHARE));
    start_lock(&b, relation(OID), LOCK_ACCESS_EXCLUSIVE);
    expect_waiting(&b);
    start_lock(&c, relation(OID), LOCK_ACCESS_SHARE); /* behind b, though a would let it */
    expect_waiting(&c);
    assert_false(try_lock(&d, relation(OID), LOCK_ACCESS_SHARE));
    assert_true(try_lock(&a, relation(OID), LOCK_ROW_EXCLUSIVE)); /* b waits for a anyway */
    tx_rollback(&a.ctx);
    OK(&b.ctx, end_wait(&b));
    expect_waiting(&c);
    tx_rollback(&b.ctx);
    OK(&c.ctx, end_wait(&c));
    session_close(&d);
    session_close(&c);
    session_close(&b);
    session_close(&a);
    fault_fs_destroy(fs);
}

static void
test_savepoint_lets_go_of_later_locks(void **state)
{
    (void)state;
    Session a, b;
    fs = fault_fs_create();
    session_open(&a);
    session_open(&b);
    assert_true(try_lock(&a, relation(OID), LOCK_ROW_EXCLUSIVE));
    OK(&a.ctx, tx_savepoint(&a.ctx, "s"));
    assert_true(try_lock(&a, relation(OID + 1), LOCK_ACCESS_EXCLUSIVE));
    assert_true(try_lock(&a, relation(OID + 2), LOCK_ROW_EXCLUSIVE));
    OK(&a.ctx, tx_rollback_to(&a.ctx, "s"));
    assert_true(try_lock(&b, relation(OID + 1), LOCK_ACCESS_SHARE));
    assert_true(try_lock(&b, relation(OID + 2), LOCK_ACCESS_EXCLUSIVE));
    assert_false(try_lock(&b, relation(OID), LOCK_ACCESS_EXCLUSIVE));
    FAILS(&b.ctx, ERR_LOCK_NOT_AVAILABLE, lock_relation(&b.ctx, OID, LOCK_SHARE, LOCK_NOWAIT, "t"));
    session_close(&b);
    session_close(&a);
    fault_fs_destroy(fs);
}

static void
test_more_relations_than_fast_slots(void **state)
{
    (void)state;
    Session a, b;
    fs = fault_fs_create();
    session_open(&a);
    session_open(&b);
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t i = 0; i < 100; i++) assert_true(try_lock(&a, relation(OID + i), LOCK_ACCESS_SHARE));
    for (uint64_t i = 0; i < 100; i++) assert_false(try_lock(&b, relation(OID + i), LOCK_ACCESS_EXCLUSIVE));
    Arena *arena = arena_create(NULL, "test");
    LockRow *rows;
    int n;
    OK(&a.ctx, lock_list(&a.ctx, arena, &rows, &n));
    assert_int_equal(n, 100);
    arena_destroy(arena);
    tx_rollback(&a.ctx);
    for (uint64_t i = 0; i < 100; i++) assert_true(try_lock(&b, relation(OID + i), LOCK_ACCESS_EXCLUSIVE));
    session_close(&b);
    session_close(&a);
    fault_fs_destroy(fs);
}

static void
test_deadlock_has_one_victim(void **state)
{
    (void)state;
    Session s[3];
    fs = fault_fs_create();
    for (int i = 0; i < 3; i++) session_open(&s[i]);
    for (int i = 0; i < 3; i++) assert_true(try_lock(&s[i], relation(OID + (uint64_t)i), LOCK_EXCLUSIVE));
    for (int i = 0; i < 3; i++) start_lock(&s[i], relation(OID + (uint64_t)((i + 1) % 3)), LOCK_EXCLUSIVE);
    int victims = 0;
    for (int ended = 0; ended < 3;) {
        for (int i = 0; i < 3; i++) {
            if (s[i].thread == NULL || !atomic_load(&s[i].done)) continue;
            Status st = end_wait(&s[i]);
            s[i].thread = NULL;
            ended++;
            if (st != QN_OK) {
                victims++;
                assert_int_equal(st, ERR_T_R_DEADLOCK_DETECTED);
                assert_non_null(strstr(s[i].ctx.err.detail, "blocked by process"));
                err_clear(&s[i].ctx.err);
            }
            tx_rollback(&s[i].ctx);
        }
        usleep(1000);
    }
    assert_int_equal(victims, 1);
    for (int i = 0; i < 3; i++) session_close(&s[i]);
    fault_fs_destroy(fs);
}

static void
test_waits_for_xids(void **state)
{
    (void)state;
    Session a, b;
    Xid xa, xb, xs;
    fs = fault_fs_create();
    session_open(&a);
    session_open(&b);
    OK(&a.ctx, tx_write_xid(&a.ctx, &xa));
    start_xid_wait(&b, xa);
    expect_waiting(&b);
    OK(&a.ctx, tx_commit(&a.ctx));
    OK(&b.ctx, end_wait(&b));
    assert_int_equal(xid_status(&b.ctx, xa, NULL), XID_COMMITTED);
    /* Rolling back to a savepoint is enough. */
    begin(&a.ctx);
    OK(&a.ctx, tx_write_xid(&a.ctx, &xa));
    OK(&a.ctx, tx_savepoint(&a.ctx, "s"));
    OK(&a.ctx, tx_write_xid(&a.ctx, &xs));
    start_xid_wait(&b, xs);
    expect_waiting(&b);
    OK(&a.ctx, tx_rollback_to(&a.ctx, "s"));
    OK(&b.ctx, end_wait(&b));
    /* A circle through an xid and a lock. */
    OK(&b.ctx, tx_write_xid(&b.ctx, &xb));
    assert_true(try_lock(&a, relation(OID), LOCK_EXCLUSIVE));
    start_lock(&b, relation(OID), LOCK_EXCLUSIVE);
    expect_waiting(&b);
    Status st = tx_wait_for(&a.ctx, xb);
    if (st == QN_OK) {
        assert_int_equal(end_wait(&b), ERR_T_R_DEADLOCK_DETECTED);
    } else {
        assert_int_equal(st, ERR_T_R_DEADLOCK_DETECTED);
        tx_rollback(&a.ctx);
        OK(&b.ctx, end_wait(&b));
    }
    err_clear(&a.ctx.err);
    err_clear(&b.ctx.err);
    session_close(&a);
    session_close(&b);
    fault_fs_destroy(fs);
}

static void
test_waits_end_by_timeout_and_interrupt(void **state)
{
    (void)state;
    Session a, b;
    fs = fault_fs_create();
    session_open(&a);
    session_open(&b);
    assert_true(try_lock(&a, relation(OID), LOCK_EXCLUSIVE));
    b.settings.lock_timeout = 30;
    int64_t start = ctx_now_us();
    FAILS(&b.ctx, ERR_LOCK_NOT_AVAILABLE, lock_relation(&b.ctx, OID, LOCK_SHARE, LOCK_WAIT, "t"));
    assert_in_range(ctx_now_us() - start, 30 * 1000, 500 * 1000);
    b.settings.lock_timeout = 0;
    start_lock(&b, relation(OID), LOCK_SHARE);
    expect_waiting(&b);
    start = ctx_now_us();
    atomic_store(&b.stop, STOP_CANCEL);
    assert_int_equal(end_wait(&b), ERR_QUERY_CANCELED);
    assert_true(ctx_now_us() - start < 100 * 1000);
    atomic_store(&b.stop, 0);
    err_clear(&b.ctx.err);
    session_close(&a);
    assert_true(try_lock(&b, relation(OID), LOCK_SHARE)); /* nothing was left in the queue */
    session_close(&b);
    fault_fs_destroy(fs);
}

static void
test_advisory_locks_of_sessions_outlive_transactions(void **state)
{
    (void)state;
    Session a, b;
    bool granted;
    fs = fault_fs_create();
    session_open(&a);
    session_open(&b);
    OK(&a.ctx, lock_advisory(&a.ctx, ADVISORY(2), false, true, LOCK_WAIT, &granted));
    OK(&a.ctx, lock_advisory(&a.ctx, ADVISORY(2), false, true, LOCK_WAIT, &granted));
    OK(&a.ctx, lock_advisory(&a.ctx, ADVISORY(3), true, false, LOCK_WAIT, &granted));
    tx_rollback(&a.ctx);
    OK(&b.ctx, lock_advisory(&b.ctx, ADVISORY(3), false, false, LOCK_TRY, &granted));
    assert_true(granted);
    OK(&b.ctx, lock_advisory(&b.ctx, ADVISORY(2), true, false, LOCK_TRY, &granted));
    assert_false(granted);
    assert_true(lock_advisory_release(&a.ctx, ADVISORY(2), false));
    OK(&b.ctx, lock_advisory(&b.ctx, ADVISORY(2), true, false, LOCK_TRY, &granted));
    assert_false(granted);
    assert_true(lock_advisory_release(&a.ctx, ADVISORY(2), false));
    assert_false(lock_advisory_release(&a.ctx, ADVISORY(2), false));
    OK(&b.ctx, lock_advisory(&b.ctx, ADVISORY(2), true, false, LOCK_TRY, &granted));
    assert_true(granted);
    session_close(&b);
    session_close(&a);
    fault_fs_destroy(fs);
}

/* Eight threads take random locks on a few relations, weak and strong; a counter guarded by EXCLUSIVE must not be torn. */
static int64_t guarded[4];
static _Atomic int deadlocks;

static void
torture_body(void *arg)
{
    Session *s = arg;
    unsigned seed = (unsigned)s->wait_xid;
    for (int i = 0; i < 300; i++) {
        int locks = (int)(rand_r(&seed) % 3) + 1;
        Status st = QN_OK;
        for (int k = 0; k < locks && st == QN_OK; k++) {
            uint64_t oid = rand_r(&seed) % 4;
            LockMode mode = rand_r(&seed) % 2 != 0 ? LOCK_EXCLUSIVE
                                                  : (LockMode)(rand_r(&seed) % 3 + LOCK_ACCESS_SHARE);
            st = lock_acquire(&s->ctx, relation(OID + oid), mode, LOCK_WAIT, NULL);
            if (st == QN_OK && mode == LOCK_EXCLUSIVE) guarded[oid]++;
        }
        if (st != QN_OK) {
            if (st == ERR_T_R_DEADLOCK_DETECTED) atomic_fetch_add(&deadlocks, 1);
            else s->result = st;
            err_clear(&s->ctx.err);
        }
        tx_rollback(&s->ctx);
        st = tx_begin(&s->ctx, TX_READ_COMMITTED, false);
        if (st != QN_OK) s->result = st;
    }
}

static void
test_eight_threads(void **state)
{
    (void)state;
    static Session s[8];
    fs = fault_fs_create();
    for (int i = 0; i < 8; i++) {
        session_open(&s[i]);
        s[i].wait_xid = (Xid)i + 1;
    }
    for (int i = 0; i < 8; i++) OK(&s[i].ctx, thread_create(&s[i].ctx, "t", torture_body, &s[i], &s[i].thread));
    for (int i = 0; i < 8; i++) thread_join(s[i].thread);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(s[i].result, QN_OK);
        session_close(&s[i]);
    }
    fault_fs_destroy(fs);
}

/* ---- stress: what is granted never conflicts ---- */

enum { STRESS_THREADS = 16, STRESS_TAGS = 6, STRESS_MS = 1500 };

/* How many hold each mode of a tag, as the threads believe. */
static _Atomic int believed[STRESS_TAGS][LOCK_MODE_COUNT];
static _Atomic long granted_count, deadlock_count, refused_count, broken_count;
static _Atomic bool stress_over;

typedef struct Held {
    int tag;
    LockMode mode;
} Held;

static LockTag
stress_tag(int i)
{
    if (i < 3) return (LockTag){.a = OID + (uint64_t)i, .kind = LOCK_RELATION};
    if (i < 5) return (LockTag){.a = OID, .b = (uint64_t)i, .kind = LOCK_TUPLE};
    return ADVISORY((uint64_t)i);
}

static void
believe(const Held *held, int n, int by)
{
    for (int i = 0; i < n; i++) atomic_fetch_add(&believed[held[i].tag][held[i].mode], by);
}

/* Nobody else may hold what conflicts with the lock just taken; own holds are taken off. */
static void
look_for_conflicts(const Held *held, int n)
{
    const Held *last = &held[n - 1];
    for (int m = 1; m < LOCK_MODE_COUNT; m++) {
        if (!lock_modes_conflict(last->mode, (LockMode)m)) continue;
        int mine = 0;
        for (int i = 0; i < n; i++) mine += held[i].tag == last->tag && held[i].mode == (LockMode)m;
        if (atomic_load(&believed[last->tag][m]) > mine) atomic_fetch_add(&broken_count, 1);
    }
}

static void
stress_body(void *arg)
{
    Session *s = arg;
    Ctx *ctx = &s->ctx;
    uint64_t seed = s->wait_xid * 0x9E3779B97F4A7C15ull;
    while (!atomic_load(&stress_over)) {
        Held held[4];
        int n = 0;
        Status st = QN_OK;
        for (int step = 0; step < 4 && st == QN_OK; step++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            int tag = (int)(seed >> 33) % STRESS_TAGS;
            LockMode mode = (LockMode)(1 + (seed >> 45) % (LOCK_MODE_COUNT - 1));
            LockWait wait = (seed >> 55) % 4 == 0 ? LOCK_TRY : LOCK_WAIT;
            bool granted = false;
            st = lock_acquire(ctx, stress_tag(tag), mode, wait, &granted);
            if (st != QN_OK || !granted) {
                atomic_fetch_add(st == QN_OK ? &refused_count : &deadlock_count, 1);
                continue;
            }
            held[n++] = (Held){tag, mode};
            believe(&held[n - 1], 1, 1);
            look_for_conflicts(held, n);
            atomic_fetch_add(&granted_count, 1);
        }
        if (st != QN_OK && st != ERR_T_R_DEADLOCK_DETECTED) s->result = st;
        err_clear(&ctx->err);
        believe(held, n, -1);
        tx_rollback(ctx);
        st = tx_begin(ctx, TX_READ_COMMITTED, false);
        if (st != QN_OK) s->result = st;
    }
}

static void
test_sixteen_threads_never_hold_what_conflicts(void **state)
{
    (void)state;
    static Session s[STRESS_THREADS];
    fs = fault_fs_create();
    for (int i = 0; i < STRESS_THREADS; i++) {
        session_open(&s[i]);
        s[i].settings.deadlock_timeout = 1;
        s[i].wait_xid = (Xid)i + 1;
    }
    for (int i = 0; i < STRESS_THREADS; i++)
        OK(&s[i].ctx, thread_create(&s[i].ctx, "stress", stress_body, &s[i], &s[i].thread));
    usleep(STRESS_MS * 1000);
    atomic_store(&stress_over, true);
    for (int i = 0; i < STRESS_THREADS; i++) thread_join(s[i].thread);
    for (int i = 0; i < STRESS_THREADS; i++) {
        assert_int_equal(s[i].result, QN_OK);
        session_close(&s[i]);
    }
    fault_fs_destroy(fs);
    print_message("  %ld granted, %ld refused, %ld deadlocks\n", atomic_load(&granted_count), atomic_load(&refused_count),
                  atomic_load(&deadlock_count));
    assert_int_equal(atomic_load(&broken_count), 0);
    assert_true(atomic_load(&granted_count) > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes_conflict_as_postgres_says),
        cmocka_unit_test(test_waiters_are_served_in_order),
        cmocka_unit_test(test_savepoint_lets_go_of_later_locks),
        cmocka_unit_test(test_more_relations_than_fast_slots),
        cmocka_unit_test(test_deadlock_has_one_victim),
        cmocka_unit_test(test_waits_for_xids),
        cmocka_unit_test(test_waits_end_by_timeout_and_interrupt),
        cmocka_unit_test(test_advisory_locks_of_sessions_outlive_transactions),
        cmocka_unit_test(test_eight_threads),
        cmocka_unit_test(test_sixteen_threads_never_hold_what_conflicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
