/* ssi_test.c - SERIALIZABLE below SQL: which edges make whom fail, what becomes of SIREAD locks, and that memory of the past is bounded. */
#include "tests/storage_util.h"
#include "storage/instance.h"
#include "storage/ssi.h"

enum { REL = 20000, INDEX = 20001 };

typedef struct Trio {
    FaultFs *fs;
    Ctx a, b, c;
} Trio;

static void
trio_open(Trio *t)
{
    t->fs = fault_fs_create();
    open_db(&t->a, t->fs, "t.db");
    open_db(&t->b, t->fs, "t.db");
    open_db(&t->c, t->fs, "t.db");
}

static void
trio_close(Trio *t)
{
    close_db(&t->a);
    close_db(&t->b);
    close_db(&t->c);
    fault_fs_destroy(t->fs);
}

static void
start(Ctx *ctx, bool read_only)
{
    OK(ctx, tx_begin(ctx, TX_SERIALIZABLE, read_only));
    OK(ctx, tx_command_begin(ctx));
}

static Status
read_row(Ctx *ctx, PageNo page, uint32_t slot)
{
    return ssi_note_read(ctx, ctx->snapshot, REL, page, slot);
}

static Status
write_row(Ctx *ctx, PageNo page, uint32_t slot, Xid *xid_out)
{
    TRY(tx_write_xid(ctx, xid_out));
    return ssi_note_write(ctx, REL, page, slot);
}

static int
nlocks(Ctx *ctx, SsiLockRow *first_out)
{
    Arena *arena = arena_create(NULL, "locks");
    SsiLockRow *rows;
    int n;
    OK(ctx, ssi_list(ctx, arena, &rows, &n));
    if (n > 0 && first_out != NULL) *first_out = rows[0];
    arena_destroy(arena);
    return n;
}

static void
test_one_edge_fails_nobody(void **state)
{
    (void)state;
    Trio t;
    Xid xid;
    trio_open(&t);
    start(&t.a, false);
    start(&t.b, false);
    OK(&t.a, read_row(&t.a, 1, 1));
    OK(&t.b, write_row(&t.b, 1, 1, &xid));
    OK(&t.b, tx_commit(&t.b));
    OK(&t.a, ssi_note_unseen(&t.a, t.a.snapshot, xid));
    OK(&t.a, write_row(&t.a, 2, 1, &xid));
    OK(&t.a, tx_commit(&t.a));
    trio_close(&t);
}

static void
test_the_pivot_fails_once_the_last_has_committed(void **state)
{
    (void)state;
    Trio t;
    Xid xid;
    trio_open(&t);
    start(&t.a, false);
    start(&t.b, false);
    start(&t.c, false);
    /* a -> b -> c */
    OK(&t.a, read_row(&t.a, 1, 1));
    OK(&t.b, read_row(&t.b, 2, 1));
    OK(&t.c, write_row(&t.c, 2, 1, &xid));
    OK(&t.b, write_row(&t.b, 1, 1, &xid));
    OK(&t.c, tx_commit(&t.c));
    FAILS(&t.b, ERR_T_R_SERIALIZATION_FAILURE, tx_commit(&t.b));
    OK(&t.a, tx_commit(&t.a));
    trio_close(&t);
}

static void
test_the_reader_fails_where_the_pivot_has_committed(void **state)
{
    (void)state;
    Trio t;
    Xid xc, xb;
    trio_open(&t);
    start(&t.a, false);
    start(&t.b, false);
    start(&t.c, false);
    OK(&t.b, read_row(&t.b, 2, 1));
    OK(&t.c, write_row(&t.c, 2, 1, &xc));
    OK(&t.c, tx_commit(&t.c));
    OK(&t.b, write_row(&t.b, 1, 1, &xb));
    OK(&t.b, tx_commit(&t.b));
    FAILS(&t.a, ERR_T_R_SERIALIZATION_FAILURE, ssi_note_unseen(&t.a, t.a.snapshot, xb));
    tx_rollback(&t.a);
    trio_close(&t);
}

static void
test_what_was_rolled_back_does_not_count(void **state)
{
    (void)state;
    Trio t;
    Xid xid;
    trio_open(&t);
    start(&t.a, false);
    start(&t.b, false);
    start(&t.c, false);
    OK(&t.a, read_row(&t.a, 1, 1));
    OK(&t.b, read_row(&t.b, 2, 1));
    OK(&t.c, write_row(&t.c, 2, 1, &xid));
    OK(&t.b, write_row(&t.b, 1, 1, &xid));
    tx_rollback(&t.a);
    OK(&t.c, tx_commit(&t.c));
    OK(&t.b, tx_commit(&t.b));
    trio_close(&t);
}

static void
test_many_locks_become_a_coarser_one(void **state)
{
    (void)state;
    Trio t;
    SsiLockRow row = {0};
    trio_open(&t);
    start(&t.a, false);
    for (uint32_t slot = 1; slot <= 3; slot++) OK(&t.a, read_row(&t.a, 7, slot));
    assert_int_equal(nlocks(&t.a, &row), 1);
    assert_int_equal(row.page, 7);
    assert_int_equal(row.slot, SSI_SLOT_NONE);
    OK(&t.a, read_row(&t.a, 7, 9)); /* covered */
    assert_int_equal(nlocks(&t.a, NULL), 1);
    for (PageNo page = 100; page < 160; page++) OK(&t.a, read_row(&t.a, page, 1));
    assert_int_equal(nlocks(&t.a, &row), 1);
    assert_int_equal(row.page, SSI_PAGE_ALL);
    tx_rollback(&t.a);
    assert_int_equal(nlocks(&t.a, NULL), 0);
    trio_close(&t);
}

static void
test_a_split_takes_locks_along(void **state)
{
    (void)state;
    Trio t;
    Xid xid;
    trio_open(&t);
    start(&t.a, false);
    start(&t.b, false);
    OK(&t.a, ssi_note_read(&t.a, t.a.snapshot, INDEX, 3, SSI_SLOT_NONE));
    ssi_page_split(&t.a, INDEX, 3, 4);
    assert_int_equal(nlocks(&t.a, NULL), 2);
    OK(&t.b, read_row(&t.b, 1, 1));
    OK(&t.b, tx_write_xid(&t.b, &xid));
    OK(&t.b, ssi_note_write(&t.b, INDEX, 4, SSI_SLOT_NONE)); /* a -> b */
    OK(&t.a, write_row(&t.a, 1, 1, &xid));                   /* b -> a */
    OK(&t.a, tx_commit(&t.a));
    FAILS(&t.b, ERR_T_R_SERIALIZATION_FAILURE, tx_commit(&t.b));
    trio_close(&t);
}

static void
test_locks_of_a_dropped_index_hold_for_the_table(void **state)
{
    (void)state;
    Trio t;
    SsiLockRow row = {0};
    trio_open(&t);
    start(&t.a, false);
    OK(&t.a, ssi_note_read(&t.a, t.a.snapshot, INDEX, 3, SSI_SLOT_NONE));
    OK(&t.a, ssi_note_read(&t.a, t.a.snapshot, INDEX, 9, SSI_SLOT_NONE));
    ssi_move_locks(&t.a, INDEX, REL);
    assert_int_equal(nlocks(&t.a, &row), 1);
    assert_int_equal(row.rel, REL);
    assert_int_equal(row.page, SSI_PAGE_ALL);
    tx_rollback(&t.a);
    trio_close(&t);
}

static void
test_locks_stay_while_somebody_runs_who_ran_beside(void **state)
{
    (void)state;
    Trio t;
    Xid xid;
    trio_open(&t);
    start(&t.a, false);
    start(&t.b, false);
    OK(&t.a, read_row(&t.a, 1, 1));
    OK(&t.a, write_row(&t.a, 5, 1, &xid));
    OK(&t.a, tx_commit(&t.a));
    assert_int_equal(nlocks(&t.b, NULL), 1);
    start(&t.c, false); /* began after a: of no account */
    OK(&t.b, tx_commit(&t.b));
    assert_int_equal(nlocks(&t.c, NULL), 0);
    OK(&t.c, tx_commit(&t.c));
    trio_close(&t);
}

static void
test_a_reader_nobody_can_harm_is_let_go(void **state)
{
    (void)state;
    Trio t;
    Xid xid;
    trio_open(&t);
    start(&t.a, true); /* nobody writes: safe from the start */
    OK(&t.a, read_row(&t.a, 1, 1));
    assert_int_equal(nlocks(&t.a, NULL), 0);
    OK(&t.a, tx_commit(&t.a));
    start(&t.b, false);
    start(&t.a, true);
    OK(&t.a, read_row(&t.a, 1, 1));
    assert_int_equal(nlocks(&t.a, NULL), 1);
    OK(&t.b, write_row(&t.b, 2, 1, &xid));
    OK(&t.b, tx_commit(&t.b)); /* without an edge to one that committed before a began */
    assert_int_equal(nlocks(&t.a, NULL), 0);
    OK(&t.a, read_row(&t.a, 1, 1));
    assert_int_equal(nlocks(&t.a, NULL), 0);
    OK(&t.a, tx_commit(&t.a));
    trio_close(&t);
}

/* While a runs nothing can be forgotten; what is too much is merged, and still tells on a. */
static void
test_the_past_is_bounded_and_counts(void **state)
{
    (void)state;
    enum { MANY = 6000 };
    Trio t;
    Xid first = 0, xid = 0;
    trio_open(&t);
    start(&t.a, false);
    for (int i = 0; i < MANY; i++) {
        start(&t.b, false);
        OK(&t.b, read_row(&t.b, (PageNo)(100 + i % 50), 1));
        OK(&t.b, write_row(&t.b, (PageNo)(1000 + i), 1, &xid));
        if (i == 0) first = xid;
        OK(&t.b, tx_commit(&t.b));
    }
    assert_true(nlocks(&t.a, NULL) < MANY);
    /* Met in a row, the first of them may have been anything. */
    start(&t.c, false);
    OK(&t.c, ssi_note_unseen(&t.c, t.c.snapshot, first)); /* c sees it */
    OK(&t.c, tx_commit(&t.c));
    FAILS(&t.a, ERR_T_R_SERIALIZATION_FAILURE, ssi_note_unseen(&t.a, t.a.snapshot, first));
    tx_rollback(&t.a);
    assert_int_equal(nlocks(&t.b, NULL), 0);
    /* The same by a lock of theirs: somebody merged -> a -> the last. */
    start(&t.a, false);
    for (int i = 0; i < MANY; i++) {
        start(&t.b, false);
        if (i == 0) OK(&t.b, read_row(&t.b, 1, 1));
        OK(&t.b, write_row(&t.b, (PageNo)(1000 + i), 1, &xid));
        OK(&t.b, tx_commit(&t.b));
    }
    OK(&t.a, write_row(&t.a, 1, 1, &first));
    FAILS(&t.a, ERR_T_R_SERIALIZATION_FAILURE, ssi_note_unseen(&t.a, t.a.snapshot, xid));
    tx_rollback(&t.a);
    assert_int_equal(nlocks(&t.b, NULL), 0);
    trio_close(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_edge_fails_nobody),
        cmocka_unit_test(test_the_pivot_fails_once_the_last_has_committed),
        cmocka_unit_test(test_the_reader_fails_where_the_pivot_has_committed),
        cmocka_unit_test(test_what_was_rolled_back_does_not_count),
        cmocka_unit_test(test_many_locks_become_a_coarser_one),
        cmocka_unit_test(test_a_split_takes_locks_along),
        cmocka_unit_test(test_locks_of_a_dropped_index_hold_for_the_table),
        cmocka_unit_test(test_locks_stay_while_somebody_runs_who_ran_beside),
        cmocka_unit_test(test_a_reader_nobody_can_harm_is_let_go),
        cmocka_unit_test(test_the_past_is_bounded_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
