/* tx_test.c - who sees what: xids, snapshots, savepoints, hooks, relations made and dropped. */
#include "tests/storage_util.h"
#include "common/thread.h"
#include "storage/instance.h"
#include <sys/wait.h>

static void
attach(Ctx *ctx, FaultFs *fs)
{
    open_db(ctx, fs, "t.db");
}

static Xid
write_xid(Ctx *ctx)
{
    Xid xid = 0;
    OK(ctx, tx_write_xid(ctx, &xid));
    return xid;
}

static bool
sees(Ctx *ctx, Xid xid)
{
    return xid_visible(ctx->snapshot, xid);
}

static void
next_command(Ctx *ctx)
{
    tx_command_end(ctx);
    OK(ctx, tx_command_begin(ctx));
}

static void
test_own_writes_are_seen_by_later_commands_only(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx a;
    attach(&a, fs);
    begin(&a);
    Xid first = write_xid(&a);
    assert_int_equal(write_xid(&a), first); /* one xid a command */
    assert_false(sees(&a, first));
    next_command(&a);
    assert_true(sees(&a, first));
    next_command(&a);
    Xid second = write_xid(&a);
    assert_true(second > first);
    assert_false(sees(&a, second));
    next_command(&a);
    assert_true(sees(&a, second));
    tx_command_end(&a);
    OK(&a, tx_commit(&a));
    close_db(&a);
    fault_fs_destroy(fs);
}

static void
test_read_only_transactions_take_no_xid(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx a;
    attach(&a, fs);
    Xid next = atomic_load(&a.db->xids.next);
    for (int i = 0; i < 10; i++) {
        begin(&a);
        tx_command_end(&a);
        OK(&a, tx_commit(&a));
    }
    assert_int_equal(atomic_load(&a.db->xids.next), next);
    OK(&a, tx_begin(&a, TX_READ_COMMITTED, true));
    FAILS(&a, ERR_ACTIVE_SQL_TRANSACTION, tx_begin(&a, TX_READ_COMMITTED, true));
    tx_rollback(&a);
    close_db(&a);
    fault_fs_destroy(fs);
}

static void
test_isolation_levels_differ_in_when_they_look(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx writer, rc, rr;
    attach(&writer, fs);
    attach(&rc, fs);
    attach(&rr, fs);
    begin(&rc);
    OK(&rr, tx_begin(&rr, TX_REPEATABLE_READ, false));
    OK(&rr, tx_command_begin(&rr));

    begin(&writer);
    Xid xid = write_xid(&writer);
    assert_false(sees(&rc, xid));
    next_command(&rc);
    assert_false(sees(&rc, xid)); /* not committed */
    assert_int_equal(xid_status(&rc, xid, NULL), XID_RUNNING);
    assert_int_equal(xid_status(&writer, xid, NULL), XID_OWN);
    OK(&writer, tx_commit(&writer));
    assert_int_equal(xid_status(&rc, xid, NULL), XID_COMMITTED);
    assert_false(sees(&rc, xid)); /* the statement's snapshot stays */
    next_command(&rc);
    next_command(&rr);
    assert_true(sees(&rc, xid));
    assert_false(sees(&rr, xid));
    TxHorizon h;
    tx_horizon(&rc, &h);
    assert_false(xid_settled(&rc, &h, xid)); /* rr does not see it */
    OK(&rr, tx_commit(&rr));
    begin(&rr);
    assert_true(sees(&rr, xid));
    tx_rollback(&rr);
    tx_rollback(&rc);
    tx_horizon(&rc, &h);
    assert_true(xid_settled(&rc, &h, xid));
    close_db(&rr);
    close_db(&rc);
    close_db(&writer);
    fault_fs_destroy(fs);
}

static void
test_rollback_to_savepoint_aborts_only_what_followed(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx a, b;
    attach(&a, fs);
    attach(&b, fs);
    begin(&a);
    Xid x1 = write_xid(&a);
    OK(&a, tx_savepoint(&a, "s"));
    Xid x2 = write_xid(&a);
    assert_true(x2 > x1); /* the savepoint lies between */
    OK(&a, tx_savepoint(&a, "t"));
    Xid x3 = write_xid(&a);
    FAILS(&a, ERR_S_E_INVALID_SPECIFICATION, tx_release(&a, "nope"));
    OK(&a, tx_rollback_to(&a, "s"));
    FAILS(&a, ERR_S_E_INVALID_SPECIFICATION, tx_rollback_to(&a, "t"));
    assert_int_equal(xid_status(&b, x2, NULL), XID_ABORTED);
    assert_int_equal(xid_status(&b, x3, NULL), XID_ABORTED);
    assert_true(tx_owns(&a, x1));
    assert_false(tx_owns(&a, x2));
    Xid x4 = write_xid(&a);
    assert_true(x4 > x3);
    next_command(&a);
    assert_true(sees(&a, x1));
    assert_false(sees(&a, x2));
    assert_false(sees(&a, x3));
    assert_true(sees(&a, x4));
    OK(&a, tx_rollback_to(&a, "s")); /* it is still there */
    OK(&a, tx_release(&a, "s"));
    OK(&a, tx_commit(&a));
    begin(&b);
    assert_true(sees(&b, x1));
    assert_false(sees(&b, x2));
    assert_false(sees(&b, x3));
    assert_false(sees(&b, x4));
    tx_rollback(&b);
    close_db(&b);
    crash_db(&a, fs, false, 0);
    attach(&a, fs); /* and so says the log */
    begin(&a);
    assert_true(sees(&a, x1));
    assert_false(sees(&a, x2));
    assert_false(sees(&a, x3));
    assert_false(sees(&a, x4));
    assert_true(write_xid(&a) > x4);
    tx_rollback(&a);
    close_db(&a);
    fault_fs_destroy(fs);
}

/* Random transactions against a model, through crashes, checkpoints and clean closes. */
static void
test_outcomes_survive_whatever_happens(void **state)
{
    (void)state;
    enum { ROUNDS = 400, MOST = 4000 };
    static Xid xids[MOST];
    static bool committed[MOST];
    int n = 0;
    FaultFs *fs = fault_fs_create();
    Ctx a;
    srand(7);
    attach(&a, fs);
    for (int round = 0; round < ROUNDS; round++) {
        int first = n, commands = rand() % 4 + 1;
        begin(&a);
        for (int c = 0; c < commands; c++) {
            if (rand() % 4 == 0) OK(&a, tx_savepoint(&a, "s"));
            xids[n] = write_xid(&a);
            /* An xid of which nothing reached the disk may be taken again after a loss of power. */
            for (int i = 0; i < n; i++) {
                if (xids[i] != xids[n]) continue;
                assert_false(committed[i]);
                xids[i] = XID_NONE;
                committed[i] = true;
            }
            committed[n++] = true;
            if (rand() % 6 == 0 && a.tx->nsavepoints > 0) {
                Xid boundary = a.tx->savepoints[a.tx->nsavepoints - 1].boundary;
                OK(&a, tx_rollback_to(&a, "s"));
                for (int i = first; i < n; i++)
                    if (xids[i] >= boundary) committed[i] = false;
            }
            next_command(&a);
        }
        int end = rand() % 10;
        if (end < 6) {
            OK(&a, tx_commit(&a));
        } else {
            for (int i = first; i < n; i++) committed[i] = false;
            if (end < 9) {
                tx_rollback(&a);
            } else {
                /* Some of it may be in the log. */
                if (rand() % 2 == 0) OK(&a, wal_flush(&a, wal_insert_lsn(&a)));
                crash_db(&a, fs, rand() % 2 == 0, (uint64_t)round);
                attach(&a, fs);
            }
        }
        if (rand() % 20 == 0) OK(&a, db_checkpoint(&a));
        if (rand() % 25 == 0) {
            close_db(&a);
            attach(&a, fs);
        }
        if (round % 20 != 0) continue;
        begin(&a);
        for (int i = 0; i < n; i++)
            if (sees(&a, xids[i]) != committed[i]) fail_msg("round %d: xid %d", round, (int)xids[i]);
        tx_rollback(&a);
    }
    close_db(&a);
    fault_fs_destroy(fs);
}

static void
test_an_old_snapshot_outlives_trimming(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx a, old;
    Snapshot kept;
    static Xid before[200], after[2000];
    attach(&a, fs);
    attach(&old, fs);
    for (int i = 0; i < 200; i++) {
        begin(&a);
        before[i] = write_xid(&a);
        if (i % 3 == 0) tx_rollback(&a);
        else OK(&a, tx_commit(&a));
    }
    OK(&old, tx_snapshot_latest(&old, &kept));
    for (int i = 0; i < 2000; i++) {
        begin(&a);
        after[i] = write_xid(&a);
        if (i % 3 == 0) tx_rollback(&a);
        else OK(&a, tx_commit(&a));
        if (i % 100 == 0) OK(&a, tx_clean(&a, false));
    }
    for (int i = 0; i < 200; i++) assert_int_equal(xid_visible(&kept, before[i]), i % 3 != 0);
    for (int i = 0; i < 2000; i++) assert_false(xid_visible(&kept, after[i]));
    tx_snapshot_drop(&old, &kept);
    tx_snapshot_drop(&old, &kept);
    OK(&a, tx_clean(&a, false));
    begin(&a);
    assert_true(atomic_load(&a.db->xids.base) > after[1999]);
    for (int i = 0; i < 2000; i++) assert_int_equal(sees(&a, after[i]), i % 3 != 0);
    tx_rollback(&a);
    close_db(&old);
    close_db(&a);
    fault_fs_destroy(fs);
}

/* More aborted xids than the header has room for: they go on in list pages. */
static void
test_many_aborted_xids_survive_closing(void **state)
{
    (void)state;
    enum { N = 5000 };
    static Xid xids[N];
    FaultFs *fs = fault_fs_create();
    Ctx a;
    attach(&a, fs);
    for (int i = 0; i < N; i++) {
        begin(&a);
        xids[i] = write_xid(&a);
        if (i % 2 == 0) tx_rollback(&a);
        else OK(&a, tx_commit(&a));
    }
    for (int pass = 0; pass < 3; pass++) {
        if (pass == 0) {
            close_db(&a);
        } else {
            OK(&a, db_checkpoint(&a));
            crash_db(&a, fs, pass == 2, 3);
        }
        attach(&a, fs);
        OK(&a, db_check(&a, NULL, 0, NULL, NULL));
        begin(&a);
        for (int i = 0; i < N; i++) assert_int_equal(sees(&a, xids[i]), i % 2 == 1);
        write_xid(&a);
        OK(&a, tx_commit(&a));
    }
    close_db(&a);
    fault_fs_destroy(fs);
}

/* So many ranges of own xids that they take several records. */
static void
test_a_commit_of_many_ranges_is_one_commit(void **state)
{
    (void)state;
    enum { N = 20000 };
    static Xid mine[N], theirs[N];
    FaultFs *fs = fault_fs_create();
    for (int crash = 0; crash < 2; crash++) {
        Ctx a, b;
        attach(&a, fs);
        attach(&b, fs);
        begin(&a);
        begin(&b);
        for (int i = 0; i < N; i++) {
            mine[i] = write_xid(&a);
            theirs[i] = write_xid(&b);
            next_command(&a);
            next_command(&b);
        }
        assert_true(a.tx->xids.count > 10000);
        OK(&a, tx_commit(&a));
        tx_rollback(&b);
        close_db(&b);
        if (crash != 0) crash_db(&a, fs, true, 1);
        else close_db(&a);
        attach(&a, fs);
        begin(&a);
        for (int i = 0; i < N; i++) {
            assert_true(sees(&a, mine[i]));
            assert_false(sees(&a, theirs[i]));
        }
        tx_rollback(&a);
        close_db(&a);
    }
    fault_fs_destroy(fs);
}

static int hook_log[10], hook_count;
static void
hook(Ctx *ctx, void *arg, bool committed)
{
    (void)ctx;
    hook_log[hook_count++] = (int)(intptr_t)arg * (committed ? 1 : -1);
}
static Status
refuse(Ctx *ctx, void *arg)
{
    (void)arg;
    return RAISE(ctx, ERR_FOREIGN_KEY_VIOLATION, "no");
}

static void
test_hooks_run_at_the_end_of_what_they_belong_to(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx a;
    attach(&a, fs);
    hook_count = 0;
    begin(&a);
    OK(&a, tx_on_end(&a, hook, (void *)1));
    OK(&a, tx_savepoint(&a, "s"));
    OK(&a, tx_on_end(&a, hook, (void *)2));
    OK(&a, tx_before_commit(&a, refuse, NULL)); /* gone with the savepoint */
    OK(&a, tx_rollback_to(&a, "s"));
    assert_int_equal(hook_count, 1);
    assert_int_equal(hook_log[0], -2);
    OK(&a, tx_on_end(&a, hook, (void *)3));
    OK(&a, tx_commit(&a));
    assert_int_equal(hook_count, 3);
    assert_int_equal(hook_log[1], 1);
    assert_int_equal(hook_log[2], 3);
    begin(&a);
    Xid xid = write_xid(&a);
    OK(&a, tx_before_commit(&a, refuse, NULL));
    FAILS(&a, ERR_FOREIGN_KEY_VIOLATION, tx_commit(&a));
    assert_null(a.tx);
    assert_int_equal(xid_status(&a, xid, NULL), XID_ABORTED);
    close_db(&a);
    fault_fs_destroy(fs);
}

static PageNo
make_rel(Ctx *ctx, int npages)
{
    PageNo root, page;
    Rel *rel;
    OK(ctx, rel_create(ctx, REL_OTHER, 4, &root));
    OK(ctx, rel_open(ctx, root, &rel));
    for (int i = 0; i < npages; i++) OK(ctx, put_page(ctx, rel, 1, &page));
    rel_close(ctx, rel);
    return root;
}

static void
test_pages_of_dropped_and_undone_relations_come_back(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx a, old;
    PageNo root, kept, value;
    uint64_t v;
    attach(&a, fs);
    attach(&old, fs);
    begin(&a);
    kept = make_rel(&a, 3);
    OK(&a, tx_commit(&a));
    for (int i = 0; i < 30; i++) { /* rolled back, as a whole or to a savepoint */
        begin(&a);
        if (i % 2 == 0) OK(&a, tx_savepoint(&a, "s"));
        make_rel(&a, 20);
        if (i % 2 == 0) OK(&a, tx_rollback_to(&a, "s"));
        if (i % 2 == 0) OK(&a, tx_commit(&a));
        else tx_rollback(&a);
    }
    OK(&a, db_check(&a, &kept, 1, NULL, NULL));
    assert_true(db_file_bytes(&a) < 200 * 16384);
    begin(&a);
    root = make_rel(&a, 20);
    OK(&a, tx_commit(&a));
    /* Dropped, but an older snapshot can still read it. */
    OK(&old, tx_begin(&old, TX_REPEATABLE_READ, true));
    OK(&old, tx_command_begin(&old));
    begin(&a);
    OK(&a, rel_drop(&a, root));
    OK(&a, tx_commit(&a));
    OK(&a, tx_clean(&a, false));
    PageNo both[2] = {kept, root};
    OK(&old, get_page(&old, root + 1, &v));
    OK(&a, db_check(&a, &kept, 1, NULL, NULL)); /* those on the way out count as owned */
    tx_rollback(&old);
    OK(&a, tx_clean(&a, false));
    OK(&a, db_check(&a, &kept, 1, NULL, NULL));
    FAILS(&a, ERR_DATA_CORRUPTED, db_check(&a, both, 2, NULL, NULL));
    /* A drop whose pages are not freed yet, through a crash. */
    begin(&a);
    root = make_rel(&a, 200);
    OK(&a, tx_commit(&a));
    OK(&old, tx_begin(&old, TX_REPEATABLE_READ, true));
    OK(&old, tx_command_begin(&old));
    begin(&a);
    OK(&a, rel_drop(&a, root));
    OK(&a, tx_commit(&a));
    OK(&a, db_checkpoint(&a));
    tx_rollback(&old);
    close_db(&old);
    crash_db(&a, fs, false, 0);
    attach(&a, fs);
    OK(&a, db_check(&a, &kept, 1, NULL, NULL));
    OK(&a, db_root_get(&a, 0, &value));
    close_db(&a);
    fault_fs_destroy(fs);
}

static void
test_oids_are_never_given_twice(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    uint32_t last = 16383;
    for (int i = 0; i < 20; i++) {
        Ctx a;
        uint32_t first;
        attach(&a, fs);
        for (int k = 0; k < 300; k++) {
            OK(&a, db_next_oid(&a, 7, &first));
            assert_true(first > last);
            last = first + 6;
        }
        OK(&a, wal_flush(&a, wal_insert_lsn(&a)));
        if (i % 3 == 0) close_db(&a);
        else crash_db(&a, fs, i % 3 == 1, (uint64_t)i);
    }
    assert_true(last < 16384 + 20 * 300 * 7 + 20 * 2 * 2048);
    fault_fs_destroy(fs);
}

static void
test_in_memory_database(void **state)
{
    (void)state;
    Ctx a;
    DbOptions o = {.cache_bytes = 2 << 20};
    Rel *rel;
    PageNo root, page;
    Status st = QN_OK;
    memset(&a, 0, sizeof(a));
    OK(&a, db_open(&a, ":memory:", &o));
    begin(&a);
    OK(&a, rel_create(&a, REL_OTHER, 0, &root));
    OK(&a, rel_open(&a, root, &rel));
    for (int i = 0; i < 1000 && st == QN_OK; i++) st = put_page(&a, rel, 3, &page);
    FAILS(&a, ERR_OUT_OF_MEMORY, st); /* cache_size is its limit */
    rel_close(&a, rel);
    tx_rollback(&a);
    begin(&a); /* and there is room again */
    make_rel(&a, 50);
    OK(&a, tx_commit(&a));
    close_db(&a);
}

static void
test_two_connections_share_the_instance_and_processes_do_not(void **state)
{
    (void)state;
    Ctx a, b;
    char path[] = "/tmp/quern_tx_test_XXXXXX";
    int fd = mkstemp(path);
    char wal[64];
    close(fd);
    snprintf(wal, sizeof(wal), "%s-wal", path);
    open_db(&a, NULL, path);
    open_db(&b, NULL, path);
    assert_ptr_equal(a.db, b.db);
    pid_t pid = fork();
    if (pid == 0) {
        Ctx c;
        DbOptions o = {.no_threads = true};
        memset(&c, 0, sizeof(c));
        /* Neither the parent's instance nor a second one of its own. */
        bool ok = db_usable(&a) == ERR_OBJECT_NOT_IN_PREREQUISITE_STATE;
        ok = ok && db_open(&c, path, &o) != QN_OK;
        _exit(ok ? 0 : 1);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    close_db(&b);
    begin(&a);
    write_xid(&a);
    OK(&a, tx_commit(&a));
    close_db(&a);
    assert_int_not_equal(access(wal, F_OK), 0);
    unlink(path);
}

/* A disk whose syncs take their time, and from some moment on fail. */
static _Atomic int syncs, syncs_running, syncs_most;
static _Atomic bool syncs_fail;

static Status
slow_sync(Ctx *ctx, File *f)
{
    int running = atomic_fetch_add(&syncs_running, 1) + 1, most = atomic_load(&syncs_most);
    while (most < running && !atomic_compare_exchange_weak(&syncs_most, &most, running)) {}
    usleep(2000);
    Status st = atomic_load(&syncs_fail) ? file_error(ctx, EIO, "synchronize", f->path) : FILE_SYSTEM.sync(ctx, f);
    atomic_fetch_sub(&syncs_running, 1);
    atomic_fetch_add(&syncs, 1);
    return st;
}

typedef struct Committer {
    Ctx ctx;
    Thread *thread;
    int ncommits, nfailed, nunseen; /* unseen: the next snapshot lacks what has been committed */
} Committer;

static void
commit_body(void *arg)
{
    enum { COMMITS = 40 };
    Committer *c = arg;
    for (int i = 0; i < COMMITS; i++) {
        Xid xid;
        Status st = tx_begin(&c->ctx, TX_READ_COMMITTED, false);
        if (st == QN_OK) st = tx_command_begin(&c->ctx);
        if (st == QN_OK) st = tx_write_xid(&c->ctx, &xid);
        if (st == QN_OK) st = tx_commit(&c->ctx);
        if (st == QN_OK) c->ncommits++;
        else c->nfailed++;
        tx_rollback(&c->ctx);
        err_clear(&c->ctx.err);
        if (st != QN_OK) continue;
        if (tx_begin(&c->ctx, TX_READ_COMMITTED, true) != QN_OK || tx_command_begin(&c->ctx) != QN_OK) c->nfailed++;
        else c->nunseen += !sees(&c->ctx, xid);
        tx_rollback(&c->ctx);
        err_clear(&c->ctx.err);
    }
}

static void
test_commits_gather_while_two_syncs_run(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    char path[] = "/tmp/quern-sync-XXXXXX";
    FileOps slow = FILE_SYSTEM;
    DbOptions o = {.file = &slow, .cache_bytes = 4 << 20, .no_threads = true};
    Committer c[THREADS] = {0};
    close(mkstemp(path));
    unlink(path);
    slow.sync = slow_sync;
    for (int i = 0; i < THREADS; i++) OK(&c[i].ctx, db_open(&c[i].ctx, path, &o));
    for (int failing = 0; failing < 2; failing++) {
        int ncommits = 0, nfailed = 0;
        atomic_store(&syncs_fail, failing != 0);
        atomic_store(&syncs, 0);
        atomic_store(&syncs_most, 0);
        for (int i = 0; i < THREADS; i++) {
            c[i].ncommits = c[i].nfailed = 0;
            OK(&c[i].ctx, thread_create(&c[i].ctx, "commit", commit_body, &c[i], &c[i].thread));
        }
        for (int i = 0; i < THREADS; i++) {
            thread_join(c[i].thread);
            ncommits += c[i].ncommits;
            nfailed += c[i].nfailed;
            assert_int_equal(c[i].nunseen, 0);
        }
        assert_in_range(atomic_load(&syncs_most), 1, 2);
        if (failing == 0) {
            assert_int_equal(nfailed, 0);
            assert_in_range(atomic_load(&syncs), 1, ncommits / 2);
        } else {
            assert_int_equal(ncommits, 0); /* nobody is told that a commit is safe which is not */
        }
    }
    for (int i = 0; i < THREADS; i++) {
        (void)!(db_close(&c[i].ctx) == QN_OK);
        err_clear(&c[i].ctx.err);
    }
    unlink(path);
    char wal[64];
    snprintf(wal, sizeof(wal), "%s-wal", path);
    unlink(wal);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_writes_are_seen_by_later_commands_only),
        cmocka_unit_test(test_read_only_transactions_take_no_xid),
        cmocka_unit_test(test_isolation_levels_differ_in_when_they_look),
        cmocka_unit_test(test_rollback_to_savepoint_aborts_only_what_followed),
        cmocka_unit_test(test_outcomes_survive_whatever_happens),
        cmocka_unit_test(test_an_old_snapshot_outlives_trimming),
        cmocka_unit_test(test_many_aborted_xids_survive_closing),
        cmocka_unit_test(test_a_commit_of_many_ranges_is_one_commit),
        cmocka_unit_test(test_hooks_run_at_the_end_of_what_they_belong_to),
        cmocka_unit_test(test_pages_of_dropped_and_undone_relations_come_back),
        cmocka_unit_test(test_oids_are_never_given_twice),
        cmocka_unit_test(test_in_memory_database),
        cmocka_unit_test(test_commits_gather_while_two_syncs_run),
        cmocka_unit_test(test_two_connections_share_the_instance_and_processes_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
