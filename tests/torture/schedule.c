/* schedule.c - writers, checkpoints and vacuum in an order that a seed decides, and a loss of power at one of its points.
 *
 * Of the threads one runs at a time; at each sched_point (common/sched.h) the seed says who goes on. A thread that waits for another's mutex
 * does not come to its next point: after a moment the turn goes to another, so that nothing hangs. At a point chosen by the seed the files
 * fail for good, every thread ends, and unsynced writes are lost and torn. Afterwards each writer's rows must be those of its first m
 * transactions, m between those acknowledged and those begun, and the counter that all change the sum of them. */
#include "tests/torture/torture.h"
#include "common/sched.h"
#include <pthread.h>
#include <time.h>

enum { WRITERS = 3, THREADS = WRITERS + 2, ROUNDS = 14, PATIENCE_US = 2000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static bool waits[THREADS], ended[THREADS];
static int running;       /* whose turn it is */
static long switches, crash_at;
static uint64_t order;    /* random state */
static FaultFs *files;
static long begun[WRITERS], acknowledged[WRITERS];
static _Thread_local int self = -1;

/* With mutex: gives the turn to one of those who wait for it. */
static void
choose(void)
{
    int n = 0;
    for (int i = 0; i < THREADS; i++) n += waits[i];
    if (n == 0) return;
    n = pick(&order, n);
    for (int i = 0; i < THREADS; i++)
        if (waits[i] && n-- == 0) running = i;
    if (++switches == crash_at) fault_fs_fail(files, FAULT_ANY, 0, EIO, -1);
    pthread_cond_broadcast(&turn);
}

static void
wait_for_turn(void)
{
    waits[self] = true;
    choose();
    while (running != self) {
        struct timespec until;
        long before = switches;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PATIENCE_US * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&turn, &mutex, &until);
        /* Nobody has come to a point for a while: who has the turn waits for something of ours. */
        if (running != self && switches == before) choose();
    }
    waits[self] = false;
}

static void
at_point(const char *point)
{
    (void)point;
    if (self < 0) return;
    pthread_mutex_lock(&mutex);
    wait_for_turn();
    pthread_mutex_unlock(&mutex);
}

static bool
run(quern *db, const char *sql)
{
    if (quern_exec(db, sql, NULL, NULL) == QUERN_OK) return true;
    const char *state = quern_sqlstate(db);
    bool again = strncmp(state, "40", 2) == 0;
    if (!again && !is_system_error(state)) die("%s: %s: %s", sql, state, quern_errmsg(db));
    if (quern_transaction_status(db) != 'I') (void)quern_exec(db, "ROLLBACK", NULL, NULL);
    return false;
}

static void
write_rounds(quern *db, int w)
{
    char sql[400];
    for (int n = 1; n <= ROUNDS; n++) {
        begun[w] = n;
        snprintf(sql, sizeof(sql),
                 "BEGIN; INSERT INTO row_of VALUES (%d, %d, repeat(md5('%d'), %d)); UPDATE total SET n = n + 1; COMMIT", w, n, n, n % 5 == 0 ? 70 : 20 + n);
        if (!run(db, sql)) return;
        acknowledged[w] = n;
    }
}

static void *
thread_main(void *arg)
{
    self = (int)(intptr_t)arg;
    quern *db = NULL;
    pthread_mutex_lock(&mutex);
    wait_for_turn();
    pthread_mutex_unlock(&mutex);
    db = open_on(files);
    if (db != NULL && self < WRITERS) write_rounds(db, self);
    for (int i = 0; db != NULL && self >= WRITERS && i < ROUNDS; i++)
        if (!run(db, self == WRITERS ? "CHECKPOINT" : "VACUUM row_of")) break;
    quern_close(db);
    pthread_mutex_lock(&mutex);
    ended[self] = true;
    choose();
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void
verify(void)
{
    long long sum = 0;
    fault_fs_fail(files, 0, -1, 0, 1);
    quern *db = open_on(files);
    if (db == NULL) die("the database does not open");
    for (int w = 0; w < WRITERS; w++) {
        char sql[200];
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM row_of WHERE writer = %d", w);
        long long m = ask(db, sql);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM row_of WHERE writer = %d AND number BETWEEN 1 AND %lld AND length(t) %% 32 = 0", w, m);
        if (ask(db, sql) != m) die("writer %d: rows are missing in between", w);
        if (m < acknowledged[w] || m > begun[w])
            die("writer %d: %lld transactions are there, %ld were acknowledged, %ld begun", w, m, acknowledged[w], begun[w]);
        sum += m;
    }
    if (ask(db, "SELECT n FROM total") != sum) die("the counter is %lld, not %lld", ask(db, "SELECT n FROM total"), sum);
    check_clean(db);
    quern_close(db);
}

static void
one_schedule(FaultFs *base, uint64_t seed)
{
    pthread_t threads[THREADS];
    doing("schedule %llu", (unsigned long long)seed);
    files = fault_fs_clone(base);
    order = seed;
    switches = 0;
    crash_at = pick(&order, 6) == 0 ? -1 : 1 + pick(&order, 500);
    running = -1;
    for (int i = 0; i < THREADS; i++) waits[i] = ended[i] = false;
    memset(begun, 0, sizeof(begun));
    memset(acknowledged, 0, sizeof(acknowledged));
    atomic_store(&sched_listener, at_point);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, thread_main, (void *)(intptr_t)i) != 0) abort();
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    atomic_store(&sched_listener, NULL);
    fault_fs_power_loss(files, seed);
    verify();
    fault_fs_destroy(files);
    tally.schedules++;
    tally.switches += switches;
}

void
schedule_step(uint64_t *seed, int schedules)
{
    FaultFs *base = fault_fs_create();
    quern *db = open_on(base);
    must(db, "CREATE TABLE row_of (writer int, number int, t text, PRIMARY KEY (writer, number))");
    must(db, "CREATE INDEX row_of_t ON row_of (t)");
    must(db, "CREATE TABLE total (n int)");
    must(db, "INSERT INTO total VALUES (0)");
    must(db, "INSERT INTO row_of SELECT 9, g, repeat('x', 64) FROM generate_series(1, 400) g");
    must(db, "DELETE FROM row_of WHERE number % 2 = 0");
    quern_close(db);
    for (int i = 0; i < schedules; i++) one_schedule(base, rnd(seed));
    fault_fs_destroy(base);
}
