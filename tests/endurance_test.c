/* endurance_test.c - sixteen threads at one database for as long as is asked: do memory and file stay as they are, and is what must hold still so?
 *     endurance_test [SECONDS [SEED]]
 *
 * Each thread does what the dice say: moves money (the sum stays), rows through a queue (their number stays), rolls back, fails, makes and drops
 * tables and indexes, reads in long snapshots, connects anew. Of an hour or of minutes the last two thirds must not take more memory or file than
 * the first third ended with, but for some slack; of the few seconds among the suites only the rest is asked. */
#include "quern.h"
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS = 16,
    ACCOUNTS = 2000,
    QUEUE = 3000,
    LONG_SECONDS = 60,       /* from here on growth is judged */
    HEAP_SLACK = 4 << 10,    /* KB */
    RSS_SLACK = 64 << 10,    /* the allocator's pools, one a thread, fill up, and so does the cache of pages */
    FILE_SLACK = 16 << 10,
};

typedef struct Worker {
    pthread_t thread;
    int number;
    uint64_t seed;
    quern *db;
    long done, conflicts;
} Worker;

static char path[256];
static _Atomic bool is_over, has_failed;

static uint64_t
dice(Worker *w, uint64_t sides)
{
    uint64_t z = (w->seed += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return (z ^ z >> 31) % sides;
}

static void
complain(quern *db, const char *what)
{
    fprintf(stderr, "endurance_test: %s: %s %s\n", what, quern_sqlstate(db), quern_errmsg(db));
    atomic_store(&has_failed, true);
    atomic_store(&is_over, true);
}

/* What sessions that do as they like may meet: conflicts, deadlocks, timeouts, and what another one has made or dropped first. */
static bool
is_expected(const char *state)
{
    static const char *const states[] = {"40001", "40P01", "55P03", "57014", "42P01", "42P07", "42710", "42704", "23505", "22012", "25P02"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strcmp(state, states[i]) == 0) return true;
    return false;
}

static bool
run(Worker *w, const char *sql)
{
    if (quern_exec(w->db, sql, NULL, NULL) == QUERN_OK) {
        w->done++;
        return true;
    }
    if (!is_expected(quern_sqlstate(w->db))) complain(w->db, sql);
    w->conflicts++;
    quern_exec(w->db, "ROLLBACK", NULL, NULL);
    return false;
}

static void
connect_worker(Worker *w)
{
    quern_close(w->db);
    if (quern_open(path, &w->db) != QUERN_OK) complain(w->db, "open");
    else run(w, "SET synchronous_commit = off; SET lock_timeout = '200ms'; SET work_mem = '1MB'");
}

static void
move_money(Worker *w)
{
    char sql[400];
    static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
    int from = (int)dice(w, ACCOUNTS), to = (int)dice(w, ACCOUNTS), much = (int)dice(w, 100);
    snprintf(sql, sizeof(sql),
             "BEGIN ISOLATION LEVEL %s; UPDATE account SET balance = balance - %d, note = repeat('n', %d) WHERE id = %d;"
             "UPDATE account SET balance = balance + %d WHERE id = %d; %s",
             levels[dice(w, 3)], much, (int)dice(w, 200), from, much, to, dice(w, 5) == 0 ? "ROLLBACK" : "COMMIT");
    run(w, sql);
}

static void
move_queue(Worker *w)
{
    char sql[400];
    snprintf(sql, sizeof(sql),
             "WITH gone AS (DELETE FROM queue WHERE id = (SELECT id FROM queue ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING 1)"
             " INSERT INTO queue(what) SELECT repeat('%c', %d) FROM gone",
             (char)('a' + dice(w, 26)), (int)dice(w, 3000));
    run(w, sql);
}

static void
change_schema(Worker *w)
{
    char sql[500];
    int n = (int)dice(w, 8);
    snprintf(sql, sizeof(sql),
             "CREATE TABLE made_%d(id int PRIMARY KEY, t text); INSERT INTO made_%d SELECT i, repeat('m', 100) FROM generate_series(1, 300) i;"
             "CREATE INDEX made_%d_t ON made_%d(t); DROP TABLE made_%d", n, n, n, n, n);
    run(w, dice(w, 4) == 0 ? "CREATE TEMP TABLE mine(a int); INSERT INTO mine SELECT generate_series(1, 500); DROP TABLE mine" : sql);
}

static void
read_along(Worker *w)
{
    static const char *const queries[] = {
        "SELECT branch, sum(balance) FROM account GROUP BY branch ORDER BY 2",
        "SELECT count(*) FROM queue q JOIN account a ON a.id = q.id % 2000",
        "SELECT 1 / (id - id) FROM account LIMIT 1",
        "SELECT * FROM account ORDER BY note, id",
        "SELECT count(DISTINCT note) FROM account",
        ("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM account; SAVEPOINT a; UPDATE account SET balance = balance WHERE id = 1;"
        "ROLLBACK TO a; SELECT sum(balance) FROM account; COMMIT"),
    };
    run(w, queries[dice(w, sizeof(queries) / sizeof(queries[0]))]);
}

static void
read_prepared(Worker *w)
{
    quern_stmt *s;
    if (quern_prepare(w->db, "SELECT balance FROM account WHERE id = $1", -1, &s, NULL) != QUERN_OK) return complain(w->db, "prepare");
    for (int i = 0; i < 20; i++) {
        quern_bind_int64(s, 1, (int64_t)dice(w, ACCOUNTS));
        if (quern_step(s) != QUERN_ROW) complain(w->db, "read by key");
        quern_reset(s);
    }
    quern_finalize(s);
    w->done += 20;
}

static void *
work(void *arg)
{
    Worker *w = arg;
    connect_worker(w);
    while (!atomic_load(&is_over)) {
        switch (dice(w, 40)) {
        case 0: change_schema(w); break;
        case 1: connect_worker(w); break;
        case 2: case 3: read_along(w); break;
        case 4: case 5: case 6: read_prepared(w); break;
        default: if (dice(w, 3) == 0) move_queue(w); else move_money(w);
        }
    }
    quern_close(w->db);
    return NULL;
}

static int64_t
value(quern *db, const char *sql)
{
    quern_stmt *s;
    int64_t v = -1;
    if (quern_prepare(db, sql, -1, &s, NULL) != QUERN_OK || quern_step(s) != QUERN_ROW) complain(db, sql);
    else v = quern_column_int64(s, 0);
    quern_finalize(s);
    return v;
}

static long
rss_kb(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL) return 0;
    if (fscanf(f, "%ld %ld", &pages, &resident) != 2) resident = 0;
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Allocated and not given back; the instance's cache of pages is not among it. */
static long
heap_kb(void)
{
    return (long)(mallinfo2().uordblks / 1024);
}

static long
file_kb(void)
{
    struct stat st;
    return stat(path, &st) == 0 ? (long)(st.st_size / 1024) : 0;
}

static void
check(const char *what, bool ok)
{
    if (ok) return;
    fprintf(stderr, "endurance_test: %s\n", what);
    atomic_store(&has_failed, true);
}

/* Thirty looks; what the last ones see may not be more than what the first third ended with. */
static void
watch(int seconds)
{
    enum { LOOKS = 30 };
    long rss = 0, heap = 0, file = 0;
    for (int i = 1; i <= LOOKS && !atomic_load(&is_over); i++) {
        struct timespec rest = {.tv_sec = seconds / LOOKS, .tv_nsec = (long)(seconds % LOOKS) * 1000000000L / LOOKS};
        nanosleep(&rest, NULL);
        if (i <= LOOKS / 3 && heap_kb() > heap) heap = heap_kb();
        if (i == LOOKS / 3) rss = rss_kb(), file = file_kb();
        if (seconds < LONG_SECONDS) continue;
        printf("%5d s: %7ld KB of memory, %7ld KB of it in use by the heap, %7ld KB of file\n", i * seconds / LOOKS, rss_kb(), heap_kb(), file_kb());
        fflush(stdout);
    }
    if (seconds < LONG_SECONDS) return;
    check("the heap grows", heap_kb() <= heap + heap / 4 + HEAP_SLACK);
    check("memory grows", rss_kb() <= rss + rss / 8 + RSS_SLACK);
    check("the file grows", file_kb() <= file + file / 4 + FILE_SLACK);
}

int
main(int argc, char **argv)
{
    const int seconds = argc > 1 ? atoi(argv[1]) : 3;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    static Worker workers[THREADS];
    quern *db;
    char wal[300];
    snprintf(path, sizeof(path), "/tmp/quern-endurance-%d.db", (int)getpid());
    if (quern_open(path, &db) != QUERN_OK) return fprintf(stderr, "%s\n", quern_errmsg(db)), 1;
    if (quern_exec(db, "CREATE TABLE account(id int PRIMARY KEY, branch int, balance bigint, note text); CREATE INDEX account_note ON account(note);"
                       "INSERT INTO account SELECT i, i % 10, 1000, 'new' FROM generate_series(0, 1999) i;"
                       "CREATE TABLE queue(id bigserial PRIMARY KEY, what text);"
                       "INSERT INTO queue(what) SELECT repeat('q', i % 3000) FROM generate_series(1, 3000) i", NULL, NULL) != QUERN_OK)
        complain(db, "load");
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (Worker){.number = i, .seed = seed * 1000 + (uint64_t)i};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    watch(seconds);
    atomic_store(&is_over, true);
    long done = 0, conflicts = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        done += workers[i].done;
        conflicts += workers[i].conflicts;
    }
    check("money was made or lost", value(db, "SELECT sum(balance) FROM account") == (int64_t)ACCOUNTS * 1000);
    check("rows came or went", value(db, "SELECT count(*) FROM account") == ACCOUNTS && value(db, "SELECT count(*) FROM queue") == QUEUE);
    check("the database is not sound", value(db, "SELECT count(*) FROM quern_check()") == 0);
    check("tables were left behind", value(db, "SELECT count(*) FROM pg_class WHERE relname LIKE 'made%' OR relname = 'mine'") == 0);
    check("it does not close", quern_close(db) == QUERN_OK);
    printf("%d threads, %d s, seed %llu: %ld statements done, %ld failed as they may\n", THREADS, seconds, (unsigned long long)seed, done, conflicts);
    unlink(path);
    snprintf(wal, sizeof(wal), "%s-wal", path);
    unlink(wal);
    return atomic_load(&has_failed);
}
