/* history_test.c - what concurrent transactions see of each other is what their isolation level allows (history.h).
 *     history_test [transactions [seed]]     of each level; 3,000 without arguments */
#include "include/quern.h"
#include "tests/history.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS = 8,
    OPS_MAX = 5,
    KEYS_AT_ONCE = 8,   /* lists in use; the window moves on, so that lists stay short */
    TXS_A_KEY = 24,
    STATEMENTS = 6,
};

static int ntransactions = 3000;
static uint64_t seed = 1;

/* ---- the checker ---- */

typedef struct Made {
    History h;
    int values;
} Made;

/* Adds a transaction: ops are "a0 1" (append 1 to list 0), "r0 1 2" (list 0 read as 1, 2), separated by commas. */
static void
made_tx(Made *m, const char *ops, bool committed, int64_t begin, int64_t end)
{
    m->h.txs = history_must(realloc(m->h.txs, (size_t)(m->h.n + 1) * sizeof(HistoryTx)));
    HistoryTx *tx = &m->h.txs[m->h.n++];
    *tx = (HistoryTx){.committed = committed, .begin_ns = begin, .end_ns = end};
    for (const char *p = ops; *p != '\0';) {
        tx->ops = history_must(realloc(tx->ops, (size_t)(tx->nops + 1) * sizeof(HistoryOp)));
        HistoryOp *op = &tx->ops[tx->nops++];
        char *at;
        *op = (HistoryOp){.key = (int)strtol(p + 1, &at, 10)};
        if (*p == 'a') op->value = (int)strtol(at, &at, 10);
        op->list = *p == 'a' ? NULL : history_must(calloc(8, sizeof(int)));
        while (*p == 'r' && *at == ' ') op->list[op->n++] = (int)strtol(at, &at, 10);
        p = *at == ',' ? at + 1 : at;
    }
    m->h.nkeys = 4;
    m->h.nvalues = 9;
}

static HistoryAnomalies
made_check(Made *m)
{
    HistoryAnomalies a = history_check(&m->h);
    history_free(&m->h);
    return a;
}

static void
test_a_serial_history_has_no_anomaly(void **state)
{
    (void)state;
    Made m = {0};
    made_tx(&m, "a0 1,a1 2", true, 1, 2);
    made_tx(&m, "r0 1,a0 3,r0 1 3", true, 3, 4);
    made_tx(&m, "r0 1 3,r1 2", true, 5, 6);
    HistoryAnomalies a = made_check(&m), none = {0};
    assert_memory_equal(&a, &none, sizeof(a));
}

static void
test_each_anomaly_is_told_from_the_others(void **state)
{
    (void)state;
    Made m = {0};
    /* G0: the two appended in different order to two lists. */
    made_tx(&m, "a0 1,a1 2", true, 1, 2);
    made_tx(&m, "a0 3,a1 4", true, 1, 2);
    made_tx(&m, "r0 1 3,r1 4 2", true, 3, 4);
    assert_int_equal(made_check(&m).g0, 1);
    m = (Made){0};
    made_tx(&m, "a0 1", false, 1, 2);
    made_tx(&m, "r0 1", true, 1, 2);
    assert_int_equal(made_check(&m).g1a, 1);
    m = (Made){0};
    made_tx(&m, "a0 1,a0 2", true, 1, 2);
    made_tx(&m, "r0 1", true, 1, 2);
    made_tx(&m, "r0 1 2", true, 3, 4);
    assert_int_equal(made_check(&m).g1b, 1);
    m = (Made){0};
    made_tx(&m, "a0 1,r1 2", true, 1, 2);
    made_tx(&m, "a1 2,r0 1", true, 1, 2);
    HistoryAnomalies a = made_check(&m);
    assert_int_equal(a.g0, 0);
    assert_int_equal(a.g1c, 1);
    /* G-single: one list read before, the other after the same transaction. */
    m = (Made){0};
    made_tx(&m, "a0 1,a1 2", true, 1, 2);
    made_tx(&m, "r0,r1 2", true, 1, 3);
    made_tx(&m, "r0 1,r1 2", true, 4, 5);
    a = made_check(&m);
    assert_int_equal(a.g1c, 0);
    assert_int_equal(a.nonadjacent, 1);
    /* Write skew: two rw in a row, and no other cycle. */
    m = (Made){0};
    made_tx(&m, "r0,a1 1", true, 1, 3);
    made_tx(&m, "r1,a0 2", true, 2, 4);
    made_tx(&m, "r0 2,r1 1", true, 5, 6);
    a = made_check(&m);
    assert_int_equal(a.nonadjacent, 0);
    assert_int_equal(a.g2, 1);
    /* Serializable, but not in the order of time. */
    m = (Made){0};
    made_tx(&m, "a0 1", true, 1, 2);
    made_tx(&m, "r0", true, 3, 4);
    made_tx(&m, "r0 1", true, 5, 6);
    a = made_check(&m);
    assert_int_equal(a.g2, 0);
    assert_int_equal(a.realtime, 1);
    /* An append that a later one has overwritten. */
    m = (Made){0};
    made_tx(&m, "a0 1", true, 1, 2);
    made_tx(&m, "a0 2", true, 1, 2);
    made_tx(&m, "r0 2", true, 3, 4);
    assert_int_equal(made_check(&m).lost, 1);
}

/* ---- the workload ---- */

typedef struct Client {
    struct Load *load;
    pthread_t thread;
    uint64_t random;
    quern *db;
    quern_stmt *append, *change, *join, *read, *lock, *range;
    HistoryTx *txs;
    int n, cap;
} Client;

typedef struct Load {
    const char *level;
    char path[64];
    _Atomic int committed, next_value;
    int want;
    _Atomic bool failed;
    Client clients[THREADS];
} Load;

static int64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint32_t
draw(Client *c, uint32_t below)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return (uint32_t)(c->random >> 32) % below;
}

static int
key_now(Client *c)
{
    return atomic_load(&c->load->committed) / TXS_A_KEY + (int)draw(c, KEYS_AT_ONCE);
}

static HistoryOp *
new_op(HistoryTx *tx, int key)
{
    tx->ops = history_must(realloc(tx->ops, (size_t)(tx->nops + 1) * sizeof(HistoryOp)));
    tx->ops[tx->nops] = (HistoryOp){.key = key};
    return &tx->ops[tx->nops++];
}

/* " 12 7 ..." */
static void
take_list(HistoryOp *op, const char *text)
{
    int cap = 0;
    for (char *end; text != NULL && *text == ' '; text = end) {
        if (op->n == cap) op->list = history_must(realloc(op->list, (size_t)(cap = cap * 2 + 8) * sizeof(int)));
        op->list[op->n++] = (int)strtol(text, &end, 10);
    }
}

static int
run_append(Client *c, HistoryTx *tx)
{
    HistoryOp *op = new_op(tx, key_now(c));
    char text[16];
    op->value = atomic_fetch_add(&c->load->next_value, 1) + 1;
    snprintf(text, sizeof(text), " %d", op->value);
    /* Even lists have been there from the start. */
    quern_stmt *st = op->key % 2 != 0 ? c->append : draw(c, 2) == 0 ? c->join : c->change;
    quern_bind_int32(st, 1, op->key);
    quern_bind_text(st, 2, text, -1);
    int code = quern_step(st);
    quern_reset(st);
    return code == QUERN_DONE ? QUERN_OK : code;
}

static int
run_read(Client *c, HistoryTx *tx, quern_stmt *st)
{
    HistoryOp *op = new_op(tx, key_now(c));
    quern_bind_int32(st, 1, op->key);
    int code = quern_step(st);
    if (code == QUERN_ROW) {
        take_list(op, quern_column_text(st, 0));
        code = quern_step(st);
    }
    quern_reset(st);
    return code == QUERN_DONE ? QUERN_OK : code;
}

/* A range of lists at once; those that are not there are empty. */
static int
run_range(Client *c, HistoryTx *tx)
{
    enum { SPAN = 3 };
    const int from = key_now(c), first = tx->nops;
    int code;
    for (int i = 0; i < SPAN; i++) new_op(tx, from + i);
    quern_bind_int32(c->range, 1, from);
    quern_bind_int32(c->range, 2, from + SPAN - 1);
    while ((code = quern_step(c->range)) == QUERN_ROW)
        take_list(&tx->ops[first + (int)quern_column_int64(c->range, 0) - from], quern_column_text(c->range, 1));
    quern_reset(c->range);
    return code == QUERN_DONE ? QUERN_OK : code;
}

/* One transaction; false ends the client: an error that no level has. */
static bool
run_tx(Client *c, HistoryTx *tx)
{
    char begin[80];
    *tx = (HistoryTx){.begin_ns = now_ns()};
    const bool read_only = draw(c, 6) == 0;
    snprintf(begin, sizeof(begin), "BEGIN ISOLATION LEVEL %s%s", c->load->level, read_only ? " READ ONLY" : "");
    int code = quern_exec(c->db, begin, NULL, NULL);
    for (int i = 0, n = 1 + (int)draw(c, OPS_MAX); i < n && code == QUERN_OK; i++) {
        uint32_t what = draw(c, 5);
        if (what < 2 && !read_only) code = run_append(c, tx);
        else if (what < 4) code = run_read(c, tx, !read_only && draw(c, 4) == 0 ? c->lock : c->read);
        else code = run_range(c, tx);
        if (draw(c, 3) == 0) usleep(draw(c, 100));
    }
    if (code == QUERN_OK && draw(c, 20) == 0) {
        quern_exec(c->db, "ROLLBACK", NULL, NULL);
        return true;
    }
    if (code == QUERN_OK) code = quern_exec(c->db, "COMMIT", NULL, NULL);
    tx->end_ns = now_ns();
    tx->committed = code == QUERN_OK;
    if (code == QUERN_OK) return true;
    const char *sqlstate = quern_sqlstate(c->db);
    bool expected = strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0;
    if (!expected) fprintf(stderr, "%s: %s: %s\n", c->load->level, sqlstate, quern_errmsg(c->db));
    quern_exec(c->db, "ROLLBACK", NULL, NULL);
    return expected;
}

static bool
client_open(Client *c)
{
    static const char *const sql[STATEMENTS] = {
        "INSERT INTO lists VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = lists.v || excluded.v",
        "UPDATE lists SET v = v || $2 WHERE k = $1",
        "UPDATE lists SET v = lists.v || $2 FROM lists other WHERE lists.k = $1 AND other.k = lists.k",
        "SELECT v FROM lists WHERE k = $1", "SELECT v FROM lists WHERE k = $1 FOR UPDATE",
        "SELECT k, v FROM lists WHERE k BETWEEN $1 AND $2"};
    quern_stmt **st[STATEMENTS] = {&c->append, &c->change, &c->join, &c->read, &c->lock, &c->range};
    if (quern_open(c->load->path, &c->db) != QUERN_OK) return false;
    if (quern_exec(c->db, "SET synchronous_commit = off; SET deadlock_timeout = '5ms'", NULL, NULL) != QUERN_OK) return false;
    for (int i = 0; i < STATEMENTS; i++)
        if (quern_prepare(c->db, sql[i], -1, st[i], NULL) != QUERN_OK) return false;
    return true;
}

static void *
client_main(void *arg)
{
    Client *c = arg;
    if (!client_open(c)) atomic_store(&c->load->failed, true);
    while (atomic_load(&c->load->committed) < c->load->want && !atomic_load(&c->load->failed)) {
        if (c->n == c->cap) c->txs = history_must(realloc(c->txs, (size_t)(c->cap = c->cap * 2 + 64) * sizeof(HistoryTx)));
        HistoryTx *tx = &c->txs[c->n++];
        if (!run_tx(c, tx)) atomic_store(&c->load->failed, true);
        if (tx->committed) atomic_fetch_add(&c->load->committed, 1);
    }
    quern_stmt *st[STATEMENTS] = {c->append, c->change, c->join, c->read, c->lock, c->range};
    for (int i = 0; i < STATEMENTS; i++) quern_finalize(st[i]);
    quern_close(c->db);
    return NULL;
}

/* The last state of all lists, as one more transaction. */
static void
read_all(Load *load, quern *db, HistoryTx *tx, int nkeys)
{
    quern_stmt *st;
    *tx = (HistoryTx){.begin_ns = now_ns(), .committed = true};
    for (int k = 0; k < nkeys; k++) new_op(tx, k);
    assert_int_equal(quern_prepare(db, "SELECT k, v FROM lists", -1, &st, NULL), QUERN_OK);
    while (quern_step(st) == QUERN_ROW) take_list(&tx->ops[quern_column_int64(st, 0)], quern_column_text(st, 1));
    quern_finalize(st);
    tx->end_ns = now_ns();
    (void)load;
}

static HistoryAnomalies
run_load(const char *level)
{
    Load *load = history_must(calloc(1, sizeof(*load)));
    History h = {0};
    char sql[200], wal[80];
    quern *db;
    load->level = level;
    load->want = ntransactions;
    snprintf(load->path, sizeof(load->path), "/tmp/quern_history_%d", (int)getpid());
    snprintf(wal, sizeof(wal), "%s-wal", load->path);
    unlink(load->path);
    unlink(wal);
    h.nkeys = ntransactions / TXS_A_KEY + KEYS_AT_ONCE + THREADS + 4;
    assert_int_equal(quern_open(load->path, &db), QUERN_OK);
    snprintf(sql, sizeof(sql), "CREATE TABLE lists (k int PRIMARY KEY, v text); "
             "INSERT INTO lists SELECT g, '' FROM generate_series(0, %d, 2) g", h.nkeys);
    assert_int_equal(quern_exec(db, sql, NULL, NULL), QUERN_OK);
    for (int i = 0; i < THREADS; i++) {
        load->clients[i] = (Client){.load = load, .random = (seed + (uint64_t)i) * 0x9E3779B97F4A7C15ull | 1};
        pthread_create(&load->clients[i].thread, NULL, client_main, &load->clients[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(load->clients[i].thread, NULL);
    int aborted = 0;
    for (int i = 0; i < THREADS; i++) {
        Client *c = &load->clients[i];
        h.txs = history_must(realloc(h.txs, (size_t)(h.n + c->n + 1) * sizeof(HistoryTx)));
        if (c->n > 0) memcpy(h.txs + h.n, c->txs, (size_t)c->n * sizeof(HistoryTx));
        for (int k = 0; k < c->n; k++) aborted += !c->txs[k].committed;
        h.n += c->n;
        free(c->txs);
    }
    read_all(load, db, &h.txs[h.n++], h.nkeys);
    h.nvalues = atomic_load(&load->next_value);
    assert_false(atomic_load(&load->failed));
    HistoryAnomalies a = history_check(&h);
    printf("%s: %d transactions, %d not committed; g0 %d g1a %d g1b %d g1c %d, without two rw in a row %d, g2 %d, in time %d, incompatible %d, "
           "lost %d\n", level, h.n, aborted, a.g0, a.g1a, a.g1b, a.g1c, a.nonadjacent, a.g2, a.realtime, a.incompatible, a.lost);
    history_free(&h);
    quern_close(db);
    unlink(load->path);
    unlink(wal);
    free(load);
    return a;
}

static void
assert_none_of_read_committed(const HistoryAnomalies *a)
{
    assert_int_equal(a->g0, 0);
    assert_int_equal(a->g1a, 0);
    assert_int_equal(a->g1b, 0);
    assert_int_equal(a->g1c, 0);
    assert_int_equal(a->incompatible, 0);
    assert_int_equal(a->lost, 0);
}

static void
test_read_committed_shows_what_it_may_and_no_more(void **state)
{
    (void)state;
    HistoryAnomalies a = run_load("READ COMMITTED");
    assert_none_of_read_committed(&a);
    assert_true(a.nonadjacent > 0); /* G-single: so the check above could have failed */
}

static void
test_repeatable_read_shows_write_skew_and_no_more(void **state)
{
    (void)state;
    HistoryAnomalies a = run_load("REPEATABLE READ");
    assert_none_of_read_committed(&a);
    assert_int_equal(a.nonadjacent, 0);
    assert_true(a.g2 > 0);
}

static void
test_serializable_transactions_have_an_order_in_time(void **state)
{
    (void)state;
    HistoryAnomalies a = run_load("SERIALIZABLE");
    assert_none_of_read_committed(&a);
    assert_int_equal(a.nonadjacent, 0);
    assert_int_equal(a.g2, 0);
    assert_int_equal(a.realtime, 0);
}

int
main(int argc, char **argv)
{
    if (argc > 1) ntransactions = atoi(argv[1]);
    if (argc > 2) seed = strtoull(argv[2], NULL, 10);
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_serial_history_has_no_anomaly),
        cmocka_unit_test(test_each_anomaly_is_told_from_the_others),
        cmocka_unit_test(test_read_committed_shows_what_it_may_and_no_more),
        cmocka_unit_test(test_repeatable_read_shows_write_skew_and_no_more),
        cmocka_unit_test(test_serializable_transactions_have_an_order_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
