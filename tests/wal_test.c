/* wal_test.c - the log and recovery: what was committed is there after a crash, whatever the crash did. */
#include "tests/storage_util.h"

static void
test_new_file_is_small_and_reopens(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    uint64_t nbytes;

    open_db(&ctx, fs, "a.db");
    close_db(&ctx);
    assert_non_null(fault_fs_bytes(fs, "a.db", &nbytes));
    assert_true(nbytes <= 256 * 1024);
    assert_null(fault_fs_bytes(fs, "a.db-wal", &nbytes));
    open_db(&ctx, fs, "a.db");
    close_db(&ctx);
    fault_fs_destroy(fs);
}

static PageNo
make_rel(Ctx *ctx, int npages, PageNo *pages_out)
{
    PageNo root;
    Rel *rel;
    begin(ctx);
    OK(ctx, rel_create(ctx, REL_OTHER, 0, &root));
    OK(ctx, rel_open(ctx, root, &rel));
    for (int i = 0; i < npages; i++) OK(ctx, put_page(ctx, rel, 1000 + (uint64_t)i, &pages_out[i]));
    rel_close(ctx, rel);
    OK(ctx, db_root_set(ctx, 7, root));
    tx_command_end(ctx);
    OK(ctx, tx_commit(ctx));
    return root;
}

static void
expect_pages(Ctx *ctx, PageNo root, int npages, const PageNo *pages, uint64_t base)
{
    PageNo got;
    uint64_t value;
    OK(ctx, db_root_get(ctx, 7, &got));
    assert_int_equal(got, root);
    for (int i = 0; i < npages; i++) {
        OK(ctx, get_page(ctx, pages[i], &value));
        assert_int_equal(value, base + (uint64_t)i);
    }
}

static void
test_committed_pages_survive_a_kill(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PageNo pages[40], root;

    open_db(&ctx, fs, "a.db");
    root = make_rel(&ctx, 40, pages);
    crash_db(&ctx, fs, false, 0);
    open_db(&ctx, fs, "a.db");
    expect_pages(&ctx, root, 40, pages, 1000);
    close_db(&ctx);
    open_db(&ctx, fs, "a.db");
    expect_pages(&ctx, root, 40, pages, 1000);
    close_db(&ctx);
    fault_fs_destroy(fs);
}

static void
test_uncommitted_relation_is_freed_by_recovery(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PageNo pages[40], root, again, other[40];
    Rel *rel;

    open_db(&ctx, fs, "a.db");
    root = make_rel(&ctx, 2, pages);
    begin(&ctx);
    OK(&ctx, rel_create(&ctx, REL_OTHER, 0, &again));
    OK(&ctx, rel_open(&ctx, again, &rel));
    for (int i = 0; i < 40; i++) OK(&ctx, put_page(&ctx, rel, 5, &other[i]));
    rel_close(&ctx, rel);
    OK(&ctx, db_root_set(&ctx, 7, again));
    OK(&ctx, wal_flush(&ctx, wal_insert_lsn(&ctx)));
    crash_db(&ctx, fs, false, 0);
    open_db(&ctx, fs, "a.db");
    expect_pages(&ctx, root, 2, pages, 1000);
    OK(&ctx, db_check(&ctx, &root, 1, NULL, NULL));
    close_db(&ctx);
    fault_fs_destroy(fs);
}

/* Every pair of a commit and a power loss: pages written by it are all there or, if it was not acknowledged, all or none. */
static void
test_power_loss_keeps_acknowledged_commits(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        FaultFs *fs = fault_fs_create();
        Ctx ctx;
        PageNo pages[20], root;
        uint64_t value;

        open_db(&ctx, fs, "a.db");
        root = make_rel(&ctx, 20, pages);
        for (uint64_t round = 1; round <= 10; round++) {
            begin(&ctx);
            for (int i = 0; i < 20; i++) OK(&ctx, set_page(&ctx, pages[i], round * 100 + (uint64_t)i));
            OK(&ctx, db_root_set(&ctx, 8, (PageNo)round)); /* gives the transaction an xid */
            if (seed % 10 == round) break;                 /* not committed; images may be replayed all the same */
            OK(&ctx, tx_commit(&ctx));
            if (seed % 3 == 0 && round == 5) OK(&ctx, db_checkpoint(&ctx));
        }
        PageNo last = seed % 10 == 0 ? 10 : (PageNo)(seed % 10) - 1, got;
        crash_db(&ctx, fs, true, seed);
        open_db(&ctx, fs, "a.db");
        OK(&ctx, db_root_get(&ctx, 8, &got));
        assert_int_equal(got, last);
        for (int i = 0; i < 20; i++) {
            OK(&ctx, get_page(&ctx, pages[i], &value)); /* whole, if not which */
            if (last == 10) assert_int_equal(value, 1000 + i);
        }
        OK(&ctx, db_root_get(&ctx, 7, &got));
        assert_int_equal(got, root);
        OK(&ctx, db_check(&ctx, &root, 1, NULL, NULL));
        close_db(&ctx);
        fault_fs_destroy(fs);
    }
}

static void
test_torn_tail_ends_the_log(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PageNo pages[3], got;
    uint64_t nbytes;

    open_db(&ctx, fs, "a.db");
    make_rel(&ctx, 3, pages);
    Lsn before = wal_insert_lsn(&ctx);
    begin(&ctx);
    OK(&ctx, db_root_set(&ctx, 8, 77));
    OK(&ctx, tx_commit(&ctx));
    crash_db(&ctx, fs, false, 0);
    /* The last record begins in the first segment at the position of its LSN. */
    fault_fs_bytes(fs, "a.db-wal", &nbytes);
    uint64_t at = WAL_BLOCK + WAL_BLOCK + before % WAL_SEGMENT_BODY;
    assert_true(at < nbytes);
    assert_true(fault_fs_flip(fs, "a.db-wal", (at + 60) * 8));
    open_db(&ctx, fs, "a.db");
    OK(&ctx, db_root_get(&ctx, 8, &got));
    assert_int_equal(got, PAGE_NONE);
    OK(&ctx, db_root_get(&ctx, 7, &got));
    assert_int_not_equal(got, PAGE_NONE);
    close_db(&ctx);
    fault_fs_destroy(fs);
}

static void
test_many_crashes_in_a_row(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PageNo got;

    for (PageNo i = 1; i <= 50; i++) {
        open_db(&ctx, fs, "a.db");
        OK(&ctx, db_root_get(&ctx, 8, &got));
        assert_int_equal(got, i - 1);
        begin(&ctx);
        OK(&ctx, db_root_set(&ctx, 8, i));
        OK(&ctx, tx_commit(&ctx));
        begin(&ctx);
        OK(&ctx, db_root_set(&ctx, 8, 9999));
        crash_db(&ctx, fs, i % 2 == 0, i);
    }
    open_db(&ctx, fs, "a.db");
    close_db(&ctx);
    fault_fs_destroy(fs);
}

/* A log of another database under the same name, and an old one of the same database, change nothing. */
static void
test_foreign_log_is_not_replayed(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    const FileOps *ops = fault_fs_ops(fs);
    Ctx ctx, quiet = {0};
    PageNo got;

    open_db(&ctx, fs, "b.db");
    begin(&ctx);
    OK(&ctx, db_root_set(&ctx, 8, 5));
    OK(&ctx, tx_commit(&ctx));
    crash_db(&ctx, fs, false, 0);
    OK(&quiet, ops->rename(&quiet, ops, "b.db-wal", "a.db-wal"));
    open_db(&ctx, fs, "a.db");
    OK(&ctx, db_root_get(&ctx, 8, &got));
    assert_int_equal(got, PAGE_NONE);
    close_db(&ctx);
    /* b has lost its log: it was written to, but its pages never were, so its header still stands alone. */
    open_db(&ctx, fs, "b.db");
    OK(&ctx, db_root_get(&ctx, 8, &got));
    assert_int_equal(got, PAGE_NONE);
    begin(&ctx);
    OK(&ctx, db_root_set(&ctx, 8, 6));
    OK(&ctx, tx_commit(&ctx));
    OK(&ctx, db_checkpoint(&ctx));
    crash_db(&ctx, fs, false, 0);
    OK(&quiet, ops->unlink(&quiet, ops, "b.db-wal"));
    DbOptions o = {.file = ops, .no_threads = true};
    memset(&ctx, 0, sizeof(ctx));
    FAILS(&ctx, ERR_DATA_CORRUPTED, db_open(&ctx, "b.db", &o));
    fault_fs_destroy(fs);
}

static void
test_log_is_reused_after_checkpoints(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PageNo pages[64];
    uint64_t nbytes, value, *noise = malloc(1 << 20);

    open_db(&ctx, fs, "a.db");
    make_rel(&ctx, 64, pages);
    for (uint64_t round = 1; round <= 30; round++) {
        begin(&ctx);
        for (int i = 0; i < 64; i++) OK(&ctx, set_page(&ctx, pages[i], round * 0x9E3779B97F4A7C15ull + (uint64_t)i));
        OK(&ctx, db_root_set(&ctx, 8, (PageNo)round));
        OK(&ctx, tx_commit(&ctx));
        OK(&ctx, db_checkpoint(&ctx));
    }
    fault_fs_bytes(fs, "a.db-wal", &nbytes);
    assert_true(nbytes < 16 << 20);
    crash_db(&ctx, fs, false, 0);
    open_db(&ctx, fs, "a.db");
    OK(&ctx, get_page(&ctx, pages[5], &value));
    assert_int_equal(value, 30 * 0x9E3779B97F4A7C15ull + 5);
    close_db(&ctx);
    free(noise);
    fault_fs_destroy(fs);
}

/* Fails the n-th call, for every n: an error with an SQLSTATE, or success; and the file is whole afterwards. */
static void
fault_at_every_call(unsigned kinds, int errnum, bool sticky)
{
    for (int64_t n = 0;; n++) {
        FaultFs *fs = fault_fs_create();
        Ctx ctx;
        PageNo pages[30], root, got, acknowledged = 0;
        bool failed = false;

        open_db(&ctx, fs, "a.db");
        root = make_rel(&ctx, 30, pages);
        fault_fs_fail(fs, kinds, n, errnum, sticky ? -1 : 1);
        for (PageNo round = 1; round <= 6 && !failed; round++) {
            Status st = tx_begin(&ctx, TX_READ_COMMITTED, false);
            if (st == QN_OK) st = tx_command_begin(&ctx);
            for (int i = 0; i < 30 && st == QN_OK; i++) st = set_page(&ctx, pages[i], round);
            if (st == QN_OK) st = db_root_set(&ctx, 8, round);
            if (st == QN_OK) st = tx_commit(&ctx);
            else tx_rollback(&ctx);
            if (st == QN_OK) acknowledged = round;
            if (st == QN_OK && round % 2 == 0) st = db_checkpoint(&ctx);
            failed = st != QN_OK;
            err_clear(&ctx.err);
        }
        if (!failed) failed = fault_fs_calls(fs, kinds) == 0;
        Status st = db_close(&ctx);
        failed = failed || st != QN_OK;
        err_clear(&ctx.err);
        fault_fs_fail(fs, 0, -1, 0, 1);
        fault_fs_power_loss(fs, (uint64_t)n);
        open_db(&ctx, fs, "a.db");
        OK(&ctx, db_root_get(&ctx, 8, &got));
        assert_true(got >= acknowledged && got <= 6);
        OK(&ctx, db_check(&ctx, &root, 1, NULL, NULL));
        close_db(&ctx);
        fault_fs_destroy(fs);
        if (!failed) break;
        assert_true(n < 5000);
    }
}

static void
test_every_write_may_fail(void **state)
{
    (void)state;
    fault_at_every_call(FAULT_WRITE, ENOSPC, false);
    fault_at_every_call(FAULT_WRITE, EIO, true);
}

static void
test_every_sync_may_fail(void **state)
{
    (void)state;
    fault_at_every_call(FAULT_SYNC, EIO, false);
    fault_at_every_call(FAULT_SYNC, EIO, true);
}

static void
test_every_other_call_may_fail(void **state)
{
    (void)state;
    fault_at_every_call(FAULT_READ | FAULT_OPEN | FAULT_ALLOCATE | FAULT_OTHER, EIO, true);
}

static void
test_opening_for_reading_only(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    DbOptions o = {.file = fault_fs_ops(fs), .read_only = true};
    Ctx ctx, other = {0};
    PageNo pages[5], root;
    uint64_t value;
    Xid xid;

    open_db(&ctx, fs, "a.db");
    root = make_rel(&ctx, 5, pages);
    close_db(&ctx);
    int64_t writes = fault_fs_calls(fs, FAULT_WRITE | FAULT_ALLOCATE);
    OK(&ctx, db_open(&ctx, "a.db", &o));
    expect_pages(&ctx, root, 5, pages, 1000);
    OK(&ctx, tx_begin(&ctx, TX_READ_COMMITTED, false));
    FAILS(&ctx, ERR_READ_ONLY_SQL_TRANSACTION, tx_write_xid(&ctx, &xid));
    tx_rollback(&ctx);
    DbOptions rw = {.file = fault_fs_ops(fs)};
    FAILS(&other, ERR_OBJECT_IN_USE, db_open(&other, "a.db", &rw)); /* not beside a reader */
    close_db(&ctx);
    assert_int_equal(fault_fs_calls(fs, FAULT_WRITE | FAULT_ALLOCATE), writes);
    FAILS(&ctx, ERR_UNDEFINED_FILE, db_open(&ctx, "b.db", &o));
    /* A log to replay needs writing. */
    open_db(&ctx, fs, "a.db");
    OK(&ctx, set_page(&ctx, pages[0], 5));
    OK(&ctx, wal_flush(&ctx, wal_insert_lsn(&ctx)));
    crash_db(&ctx, fs, false, 0);
    FAILS(&ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, db_open(&ctx, "a.db", &o));
    open_db(&ctx, fs, "a.db");
    OK(&ctx, get_page(&ctx, pages[0], &value));
    assert_int_equal(value, 5);
    close_db(&ctx);
    fault_fs_destroy(fs);
}

static Status
small_life(Ctx *ctx, FaultFs *fs, PageNo *acknowledged)
{
    DbOptions o = {.file = fault_fs_ops(fs), .cache_bytes = 1 << 20, .no_threads = true};
    PageNo root, page;
    Rel *rel = NULL;
    Status st = QN_OK;

    memset(ctx, 0, sizeof(*ctx));
    TRY(db_open(ctx, "a.db", &o));
    for (PageNo round = 1; round <= 3 && st == QN_OK; round++) {
        st = tx_begin(ctx, TX_READ_COMMITTED, false);
        if (st == QN_OK) st = tx_command_begin(ctx);
        if (st == QN_OK) st = lock_relation(ctx, 20000, LOCK_EXCLUSIVE, LOCK_WAIT, "t");
        if (st == QN_OK) st = tx_savepoint(ctx, "s");
        if (st == QN_OK) st = rel_create(ctx, REL_OTHER, 2, &root);
        if (st == QN_OK) st = rel_open(ctx, root, &rel);
        for (int i = 0; i < 12 && st == QN_OK; i++) st = put_page(ctx, rel, round, &page);
        rel_close(ctx, rel);
        rel = NULL;
        if (st == QN_OK && round == 2) st = tx_rollback_to(ctx, "s");
        if (st == QN_OK && round == 3) st = rel_drop(ctx, root);
        if (st == QN_OK) st = db_root_set(ctx, 8, round);
        tx_command_end(ctx);
        if (st == QN_OK) st = tx_commit(ctx);
        else tx_rollback(ctx);
        if (st == QN_OK) *acknowledged = round;
        if (st == QN_OK && round == 2) st = db_checkpoint(ctx);
    }
    return st;
}

/* Fails the first allocation, then the second, ... until all goes well: an error, no leak, and the file is whole. */
static void
test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (int sticky = 0; sticky < 2; sticky++) {
        for (int64_t n = 0;; n++) {
            FaultFs *fs = fault_fs_create();
            Ctx ctx;
            PageNo acknowledged = 0, got;
            mem_fail_after(n, sticky != 0);
            Status st = small_life(&ctx, fs, &acknowledged);
            Status closed = db_close(&ctx);
            bool failed = st != QN_OK || closed != QN_OK;
            mem_fail_after(-1, false);
            if (st != QN_OK) assert_int_equal(st, ERR_OUT_OF_MEMORY);
            err_clear(&ctx.err);
            if (mem_live_blocks() != 0) fail_msg("allocation %d: %d blocks are left", (int)n, (int)mem_live_blocks());
            open_db(&ctx, fs, "a.db");
            OK(&ctx, db_root_get(&ctx, 8, &got));
            assert_true(got >= acknowledged);
            close_db(&ctx);
            fault_fs_destroy(fs);
            if (!failed && n > 100) break;
            assert_true(n < 3000);
        }
    }
}

static void
test_failed_sync_refuses_all_later_work(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PageNo pages[3], got;

    open_db(&ctx, fs, "a.db");
    make_rel(&ctx, 3, pages);
    begin(&ctx);
    OK(&ctx, db_root_set(&ctx, 8, 1));
    fault_fs_fail(fs, FAULT_SYNC, 0, EIO, 1);
    FAILS(&ctx, ERR_IO_ERROR, tx_commit(&ctx));
    FAILS(&ctx, ERR_IO_ERROR, tx_begin(&ctx, TX_READ_COMMITTED, false));
    FAILS(&ctx, ERR_IO_ERROR, db_usable(&ctx));
    FAILS(&ctx, ERR_IO_ERROR, db_close(&ctx));
    open_db(&ctx, fs, "a.db");
    OK(&ctx, db_root_get(&ctx, 8, &got));
    assert_true(got == 0 || got == 1);
    close_db(&ctx);
    fault_fs_destroy(fs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_file_is_small_and_reopens),
        cmocka_unit_test(test_committed_pages_survive_a_kill),
        cmocka_unit_test(test_uncommitted_relation_is_freed_by_recovery),
        cmocka_unit_test(test_power_loss_keeps_acknowledged_commits),
        cmocka_unit_test(test_torn_tail_ends_the_log),
        cmocka_unit_test(test_many_crashes_in_a_row),
        cmocka_unit_test(test_foreign_log_is_not_replayed),
        cmocka_unit_test(test_log_is_reused_after_checkpoints),
        cmocka_unit_test(test_every_write_may_fail),
        cmocka_unit_test(test_every_sync_may_fail),
        cmocka_unit_test(test_every_other_call_may_fail),
        cmocka_unit_test(test_opening_for_reading_only),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_failed_sync_refuses_all_later_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
