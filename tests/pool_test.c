/* pool_test.c - the buffer pool: latches, pins, eviction, prefetch, checksums, eight threads on a small pool. */
#include "tests/storage_util.h"
#include "common/crc32c.h"
#include "common/thread.h"

static void
open_small(Ctx *ctx, FaultFs *fs)
{
    DbOptions o = {.file = fault_fs_ops(fs), .cache_bytes = 1 << 20, .no_threads = true}; /* 64 pages */
    memset(ctx, 0, sizeof(*ctx));
    OK(ctx, db_open(ctx, "p.db", &o));
}

static PageNo
fill(Ctx *ctx, int n, PageNo *pages)
{
    PageNo root;
    Rel *rel;
    begin(ctx);
    OK(ctx, rel_create(ctx, REL_OTHER, 0, &root));
    OK(ctx, rel_open(ctx, root, &rel));
    for (int i = 0; i < n; i++) OK(ctx, put_page(ctx, rel, (uint64_t)i, &pages[i]));
    rel_close(ctx, rel);
    OK(ctx, tx_commit(ctx));
    return root;
}

static void
test_crc32c_matches_the_table(void **state)
{
    (void)state;
    static uint8_t bytes[70000];
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (uint8_t)(i * 31 + (i >> 8));
    for (size_t n = 0; n < 65600; n += 1 + n / 7)
        assert_int_equal(crc32c((uint32_t)n, bytes + n % 9, n), crc32c_table((uint32_t)n, bytes + n % 9, n));
    assert_int_equal(crc32c(crc32c(0, bytes, 777), bytes + 777, 5000), crc32c(0, bytes, 5777));
}

static void
test_more_pages_than_memory(void **state)
{
    (void)state;
    enum { N = 500 };
    static PageNo pages[N];
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PoolStats stats;
    uint64_t value;

    open_small(&ctx, fs);
    PageNo root = fill(&ctx, N, pages);
    for (int pass = 0; pass < 3; pass++)
        for (int i = 0; i < N; i++) {
            OK(&ctx, get_page(&ctx, pages[i], &value));
            assert_int_equal(value, i);
        }
    pool_stats(ctx.pool, &stats);
    assert_true(stats.resident <= 64);
    assert_true(stats.evictions > N);
    OK(&ctx, db_check(&ctx, &root, 1, NULL, NULL));
    close_db(&ctx);
    open_small(&ctx, fs);
    for (int i = 0; i < N; i++) {
        OK(&ctx, get_page(&ctx, pages[i], &value));
        assert_int_equal(value, i);
    }
    assert_true(ctx.io->read >= N);
    close_db(&ctx);
    fault_fs_destroy(fs);
}

static void
test_fixed_pages_are_not_evicted(void **state)
{
    (void)state;
    enum { N = 300 };
    static PageNo pages[N];
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PageRef held[20], one = PAGE_REF_NONE;
    uint64_t value;

    open_small(&ctx, fs);
    fill(&ctx, N, pages);
    for (int i = 0; i < 20; i++) OK(&ctx, page_fix(&ctx, pages[i], FIX_PIN, &held[i]));
    for (int i = 0; i < N; i++) OK(&ctx, get_page(&ctx, pages[i], &value));
    uint64_t read = ctx.io->read;
    for (int i = 0; i < 20; i++) {
        memcpy(&value, held[i].ptr + PAGE_BODY, 8);
        assert_int_equal(value, i);
        OK(&ctx, get_page(&ctx, pages[i], &value));
    }
    assert_int_equal(ctx.io->read, read);
    assert_int_equal(pool_held(ctx.pool), 20);
    for (int i = 0; i < 20; i++) page_unfix(&held[i]);
    page_unfix(&held[0]); /* twice is fine */
    page_unfix(&one);
    close_db(&ctx);
    fault_fs_destroy(fs);
}

static void
test_latches(void **state)
{
    (void)state;
    PageNo pages[3];
    FaultFs *fs = fault_fs_create();
    Ctx a, b;
    PageRef x = PAGE_REF_NONE, y = PAGE_REF_NONE, z = PAGE_REF_NONE;

    open_small(&a, fs);
    open_small(&b, fs);
    fill(&a, 3, pages);
    OK(&a, page_fix(&a, pages[0], FIX_SHARED, &x));
    assert_true(page_try_fix(&b, pages[0], FIX_SHARED, &y));
    assert_false(page_try_fix(&b, pages[0], FIX_EXCLUSIVE, &z));
    page_unlatch(&x); /* shared to pin */
    assert_false(page_try_exclusive(&x));
    page_unfix(&y);
    assert_true(page_try_exclusive(&x));
    assert_true(page_is_alone(&x));
    assert_false(page_try_fix(&b, pages[0], FIX_SHARED, &y));
    page_unlatch(&x);
    OK(&b, page_fix(&b, pages[0], FIX_PIN, &y));
    page_latch(&x, FIX_EXCLUSIVE);
    assert_false(page_is_alone(&x)); /* b has a pin: no pruning */
    page_unfix(&y);
    assert_true(page_is_alone(&x));
    page_unfix(&x);

    OK(&a, page_peek(&a, pages[1], &x));
    assert_true(page_validate(&x));
#if OPTIMISTIC_READS
    OK(&b, page_fix(&b, pages[1], FIX_EXCLUSIVE, &y));
    assert_false(page_validate(&x));
    page_unfix(&y);
    assert_false(page_validate(&x));
    assert_false(page_upgrade(&x, FIX_SHARED));
    OK(&a, page_peek(&a, pages[1], &x));
    OK(&b, page_fix(&b, pages[1], FIX_SHARED, &y)); /* readers do not disturb */
    assert_true(page_validate(&x));
    assert_false(page_upgrade(&x, FIX_EXCLUSIVE));
    page_unfix(&y);
    OK(&a, page_peek(&a, pages[1], &x));
#endif
    assert_true(page_upgrade(&x, FIX_EXCLUSIVE));
    page_unfix(&x);
    assert_int_equal(pool_held(a.pool), 0);
    FAILS(&a, ERR_DATA_CORRUPTED, page_fix(&a, 0, FIX_SHARED, &x));
    close_db(&b);
    close_db(&a);
    fault_fs_destroy(fs);
}

static void
test_prefetch_reads_runs(void **state)
{
    (void)state;
    enum { N = 200 };
    static PageNo pages[N];
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    uint64_t value;

    open_small(&ctx, fs);
    fill(&ctx, N, pages);
    close_db(&ctx);
    open_small(&ctx, fs);
    OK(&ctx, get_page(&ctx, pages[N - 1], &value));
    int64_t calls = fault_fs_calls(fs, FAULT_READ);
    uint64_t read = ctx.io->read;
    pool_prefetch(&ctx, pages[150], 8);
    assert_int_equal(fault_fs_calls(fs, FAULT_READ) - calls, 1);
    assert_int_equal(ctx.io->read - read, 8);
    for (int i = 150; i < 158; i++) OK(&ctx, get_page(&ctx, pages[i], &value));
    assert_int_equal(ctx.io->read - read, 8);
    pool_prefetch(&ctx, pages[0], 1000000); /* more than there is, and than fits */
    pool_prefetch(&ctx, 4000000, 10);
    pool_prefetch(&ctx, UINT32_MAX, 10);
    OK(&ctx, get_page(&ctx, pages[0], &value));
    close_db(&ctx);
    fault_fs_destroy(fs);
}

static void
test_every_flipped_bit_is_found(void **state)
{
    (void)state;
    PageNo pages[2];
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    uint64_t value;

    open_small(&ctx, fs);
    fill(&ctx, 2, pages);
    close_db(&ctx);
    for (uint64_t bit = 0; bit < 16384 * 8; bit += bit < 40 * 8 ? 1 : 997) {
        uint64_t at = (uint64_t)pages[1] * 16384 * 8 + bit;
        fault_fs_flip(fs, "p.db", at);
        open_small(&ctx, fs);
        Status st = get_page(&ctx, pages[1], &value);
        assert_int_equal(st, ERR_DATA_CORRUPTED);
        assert_non_null(strstr(ctx.err.message, "invalid page in block"));
        err_clear(&ctx.err);
        OK(&ctx, get_page(&ctx, pages[0], &value));
        close_db(&ctx);
        fault_fs_flip(fs, "p.db", at);
    }
    open_small(&ctx, fs);
    OK(&ctx, get_page(&ctx, pages[1], &value));
    close_db(&ctx);
    /* The header has two copies: damage to one is survived. */
    for (uint64_t bit = 0; bit < 128 * 8; bit += 5) {
        for (uint64_t copy = 0; copy < 2; copy++) {
            fault_fs_flip(fs, "p.db", copy * 16384 * 8 + bit);
            open_small(&ctx, fs);
            OK(&ctx, db_close(&ctx));
            fault_fs_flip(fs, "p.db", copy * 16384 * 8 + bit);
            open_small(&ctx, fs);
            OK(&ctx, db_close(&ctx));
        }
    }
    fault_fs_destroy(fs);
}

static void
test_damaged_or_foreign_files_are_refused(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    const FileOps *ops = fault_fs_ops(fs);
    Ctx ctx = {0};
    DbOptions o = {.file = ops, .no_threads = true}, must = o, sized = o;
    File *f;
    char text[100000];

    memset(text, 'x', sizeof(text));
    OK(&ctx, ops->open(&ctx, ops, "text", FILE_CREATE, &f));
    OK(&ctx, ops->write(&ctx, f, text, sizeof(text), 0));
    file_close(f);
    FAILS(&ctx, ERR_DATA_CORRUPTED, db_open(&ctx, "text", &o));
    must.must_exist = true;
    FAILS(&ctx, ERR_UNDEFINED_FILE, db_open(&ctx, "nowhere", &must));
    sized.page_bytes = 10000;
    FAILS(&ctx, ERR_INVALID_PARAMETER_VALUE, db_open(&ctx, "new", &sized));
    for (uint32_t bytes = PAGE_BYTES_MIN; bytes <= PAGE_BYTES_MAX; bytes *= 2) {
        char path[20];
        PageNo pages[10];
        uint64_t value;
        snprintf(path, sizeof(path), "s%u", bytes);
        sized.page_bytes = bytes;
        OK(&ctx, db_open(&ctx, path, &sized));
        PageNo root = fill(&ctx, 10, pages);
        close_db(&ctx);
        OK(&ctx, db_open(&ctx, path, &o)); /* the file knows its page size */
        assert_int_equal(db_page_bytes(&ctx), bytes);
        OK(&ctx, get_page(&ctx, pages[9], &value));
        OK(&ctx, db_check(&ctx, &root, 1, NULL, NULL));
        close_db(&ctx);
    }
    fault_fs_destroy(fs);
}

static void
test_zones_and_free_space(void **state)
{
    (void)state;
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    PageNo root, page, found;
    Rel *rel;
    RelRun *run = malloc(sizeof(*run));
    bool more;

    open_small(&ctx, fs);
    begin(&ctx);
    OK(&ctx, rel_create(&ctx, REL_HEAP, 3, &root));
    OK(&ctx, rel_open(&ctx, root, &rel));
    for (int i = 0; i < 600; i++) {
        OK(&ctx, put_page(&ctx, rel, 1, &page));
        MapSlot slot;
        PageRef map = PAGE_REF_NONE;
        WalLog log;
        ZoneRange r[3] = {{i, i}, {INT64_MAX, INT64_MIN}, {-i, i}};
        OK(&ctx, rel_map_slot(&ctx, rel, page, &slot));
        OK(&ctx, page_fix(&ctx, slot.map, FIX_EXCLUSIVE, &map));
        assert_true(map_zone_would_widen(map.ptr, 16384, slot.extent, 7, r));
        PageRef *pages[1] = {&map};
        OK(&ctx, wal_begin(&ctx, pages, 1, 0, &log));
        map_zone_widen(map.ptr, 16384, slot.extent, 7, r);
        if (i == 300) map_zone_clear(map.ptr, 16384, slot.extent, 4);
        log.force_image = 1;
        wal_finish(&log, WAL_IMAGES, 0);
        assert_false(map_zone_would_widen(map.ptr, 16384, slot.extent, 7, r));
        page_unfix(&map);
    }
    assert_true(rel_page_count(rel) >= 600 && rel_page_count(rel) <= 800);
    uint32_t ordinal = 0, used = 0;
    for (;;) {
        OK(&ctx, rel_run_at(&ctx, rel, ordinal, run, &more));
        if (!more) break;
        assert_int_equal(run->ordinal, ordinal);
        uint32_t here = 0;
        for (uint32_t i = 0; i < run->npages; i++) here += (run->entries[i] & MAP_USED) != 0;
        if (here > 0) {
            assert_int_equal(run->zones[0].min, used);
            assert_int_equal(run->zones[0].max, used + here - 1);
            assert_int_equal(run->zone_valid, used <= 300 && 300 < used + here ? 3 : 7);
        }
        assert_true(run->zones[1].min > run->zones[1].max);
        used += here;
        ordinal += run->npages;
    }
    assert_int_equal(used, 600);
    OK(&ctx, rel_find_space(&ctx, rel, 100, &found));
    assert_int_equal(found, PAGE_NONE);
    rel_note_space(&ctx, rel, page, 5000);
    OK(&ctx, rel_find_space(&ctx, rel, 6000, &found));
    assert_int_equal(found, PAGE_NONE);
    OK(&ctx, rel_find_space(&ctx, rel, 4000, &found));
    assert_int_equal(found, page);
    rel_note_space(&ctx, rel, page, 0);
    OK(&ctx, rel_find_space(&ctx, rel, 4000, &found));
    assert_int_equal(found, PAGE_NONE);
    /* A run for a long value, and a page unlinked and used again. */
    PageNo first, again;
    OK(&ctx, rel_run_new(&ctx, rel, 100, &first));
    OK(&ctx, rel_run_new(&ctx, rel, 100, &again));
    assert_true(again >= first + 100 || first >= again + 100);
    PageRef ref = PAGE_REF_NONE;
    OK(&ctx, page_fix(&ctx, page, FIX_EXCLUSIVE, &ref));
    RelUnlink u;
    WalLog log;
    OK(&ctx, rel_unlink_begin(&ctx, rel, page, &u));
    OK(&ctx, wal_begin(&ctx, (PageRef *[]){&ref, &u.map}, 2, 0, &log));
    rel_unlink_apply(&u, &ref);
    log.force_image = 3;
    wal_finish(&log, WAL_IMAGES, 0);
    rel_unlink_end(&u);
    page_unfix(&ref);
    OK(&ctx, tx_commit(&ctx));
    begin(&ctx);
    PageNo reused = PAGE_NONE;
    for (int i = 0; i < 400 && reused != page; i++) OK(&ctx, put_page(&ctx, rel, 9, &reused));
    assert_int_equal(reused, page);
    OK(&ctx, tx_commit(&ctx));
    rel_close(&ctx, rel);
    close_db(&ctx);
    open_small(&ctx, fs);
    OK(&ctx, rel_open(&ctx, root, &rel));
    begin(&ctx);
    OK(&ctx, put_page(&ctx, rel, 3, &page));
    OK(&ctx, tx_commit(&ctx));
    rel_close(&ctx, rel);
    close_db(&ctx);
    free(run);
    fault_fs_destroy(fs);
}

/* Eight threads on a pool far too small: transfers between counters on pages keep their sum. */
enum { THREADS = 8, ACCOUNTS = 200, TRANSFERS = 400 };
typedef struct Worker { FaultFs *fs; unsigned seed; const PageNo *pages; Status result; Thread *thread; } Worker;

static Status
transfer(Ctx *ctx, PageNo from, PageNo to, int64_t amount)
{
    PageRef a = PAGE_REF_NONE, b = PAGE_REF_NONE;
    WalLog log;
    int64_t x, y;
    Xid xid;
    Status st;
    bool swap = from > to; /* latch order */
    TRY(tx_write_xid(ctx, &xid));
    TRY_GOTO(page_fix(ctx, swap ? to : from, FIX_EXCLUSIVE, &a));
    TRY_GOTO(page_fix(ctx, swap ? from : to, FIX_EXCLUSIVE, &b));
    PageRef *pages[2] = {&a, &b};
    TRY_GOTO(wal_begin(ctx, pages, 2, 0, &log));
    if (swap) amount = -amount;
    memcpy(&x, a.ptr + PAGE_BODY, 8);
    memcpy(&y, b.ptr + PAGE_BODY, 8);
    x -= amount;
    y += amount;
    memcpy(a.ptr + PAGE_BODY, &x, 8);
    memcpy(b.ptr + PAGE_BODY, &y, 8);
    log.force_image = 3;
    wal_finish(&log, WAL_IMAGES, 0);
done:
    page_unfix(&a);
    page_unfix(&b);
    return st;
}

static Status
work(Ctx *ctx, Worker *w)
{
    for (int i = 0; i < TRANSFERS; i++) {
        PageNo from = w->pages[rand_r(&w->seed) % ACCOUNTS], to = w->pages[rand_r(&w->seed) % ACCOUNTS];
        PageRef ref = PAGE_REF_NONE;
        TRY(tx_begin(ctx, TX_READ_COMMITTED, false));
        TRY(tx_command_begin(ctx));
        if (from != to) TRY(transfer(ctx, from, to, rand_r(&w->seed) % 100));
        for (int k = 0; k < 5; k++) {
            TRY(page_peek(ctx, w->pages[rand_r(&w->seed) % ACCOUNTS], &ref));
            bool valid = page_validate(&ref);
            page_unfix(&ref);
            (void)valid;
        }
        if (i % 50 == 0) pool_prefetch(ctx, w->pages[rand_r(&w->seed) % ACCOUNTS], 8);
        if (i % 100 == 7) TRY(db_checkpoint(ctx));
        if (i % 7 == 0) tx_rollback(ctx);
        else TRY(tx_commit(ctx));
    }
    return QN_OK;
}

static void
worker_body(void *arg)
{
    Worker *w = arg;
    Ctx ctx = {0};
    DbOptions o = {.file = fault_fs_ops(w->fs)};
    w->result = db_open(&ctx, "p.db", &o);
    if (w->result == QN_OK) w->result = work(&ctx, w);
    if (w->result != QN_OK) fprintf(stderr, "worker: %s\n", ctx.err.message);
    err_clear(&ctx.err);
    if (db_close(&ctx) != QN_OK) err_clear(&ctx.err);
}

static void
test_eight_threads_on_a_small_pool(void **state)
{
    (void)state;
    static PageNo pages[ACCOUNTS];
    Worker w[THREADS];
    FaultFs *fs = fault_fs_create();
    Ctx ctx;
    DbOptions o = {.file = fault_fs_ops(fs), .cache_bytes = 1 << 20, .wal_bytes_max = 4 << 20};

    memset(&ctx, 0, sizeof(ctx));
    OK(&ctx, db_open(&ctx, "p.db", &o));
    PageNo root = fill(&ctx, ACCOUNTS, pages);
    for (int i = 0; i < ACCOUNTS; i++) OK(&ctx, set_page(&ctx, pages[i], 1000));
    for (int i = 0; i < THREADS; i++) {
        w[i] = (Worker){.fs = fs, .seed = (unsigned)i + 1, .pages = pages};
        OK(&ctx, thread_create(&ctx, "worker", worker_body, &w[i], &w[i].thread));
    }
    for (int i = 0; i < THREADS; i++) {
        thread_join(w[i].thread);
        assert_int_equal(w[i].result, QN_OK);
    }
    int64_t sum = 0, value;
    for (int pass = 0; pass < 2; pass++, sum = 0) {
        for (int i = 0; i < ACCOUNTS; i++) {
            PageRef ref = PAGE_REF_NONE;
            OK(&ctx, page_fix(&ctx, pages[i], FIX_SHARED, &ref));
            memcpy(&value, ref.ptr + PAGE_BODY, 8);
            sum += value;
            page_unfix(&ref);
        }
        assert_int_equal(sum, 1000 * ACCOUNTS);
        OK(&ctx, db_check(&ctx, &root, 1, NULL, NULL));
        close_db(&ctx);
        if (pass == 0) OK(&ctx, db_open(&ctx, "p.db", &o));
    }
    fault_fs_destroy(fs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c_matches_the_table),
        cmocka_unit_test(test_more_pages_than_memory),
        cmocka_unit_test(test_fixed_pages_are_not_evicted),
        cmocka_unit_test(test_latches),
        cmocka_unit_test(test_prefetch_reads_runs),
        cmocka_unit_test(test_every_flipped_bit_is_found),
        cmocka_unit_test(test_damaged_or_foreign_files_are_refused),
        cmocka_unit_test(test_zones_and_free_space),
        cmocka_unit_test(test_eight_threads_on_a_small_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
