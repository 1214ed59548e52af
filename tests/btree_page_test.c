/* btree_page_test.c - pages of an index as they come from a file: what a good checksum does not show. */
#include "storage/btree_priv.h"
#include "tests/storage_test.h"

static void
test_a_page_whose_entries_lie_outside_it_is_not_valid(void **state)
{
    enum { BYTES = 8192 };
    static uint64_t room[BYTES / 8];
    BtreePage *p = (BtreePage *)room;
    Entry open = btree_entry_of(NULL, 0, NULL, 0);
    (void)state;
    assert_true(btree_layout_is_valid(p, BYTES)); /* taken and not filled yet */
    btree_page_init(p, BYTES, 0, false, &open, NULL, PAGE_NONE, PAGE_NONE);
    for (int i = 0; i < 100; i++) {
        uint8_t key[20] = {(uint8_t)i};
        Entry e = btree_entry_of(key, sizeof(key), NULL, 0);
        btree_page_insert(p, BYTES, i, &e);
    }
    assert_true(btree_layout_is_valid(p, BYTES));
    BtreePage good = *p;
    BtreeSlot slot = p->slots[50];
    p->slots[50].offset = BYTES - 19;
    assert_false(btree_layout_is_valid(p, BYTES));
    p->slots[50] = (BtreeSlot){.offset = slot.offset, .nbytes = 3, .head = slot.head};
    assert_false(btree_layout_is_valid(p, BYTES)); /* no room for a tid */
    p->slots[50] = slot;
    p->nslots = 1500;
    assert_false(btree_layout_is_valid(p, BYTES));
    *p = good;
    p->prefix_bytes = 9;
    assert_false(btree_layout_is_valid(p, BYTES)); /* longer than the low key */
    *p = good;
    p->flags |= BTREE_PAYLOAD;
    p->slots[99].offset = BYTES - 20;
    assert_false(btree_layout_is_valid(p, BYTES));
    *p = good;
    /* Each within the page, all together more than it can hold. */
    for (int i = 0; i < p->nslots; i++) p->slots[i] = (BtreeSlot){.offset = (uint16_t)p->data_begin, .nbytes = 1000};
    assert_false(btree_layout_is_valid(p, BYTES));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_whose_entries_lie_outside_it_is_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
