/* kill.c - a process in which several sessions write is killed at a random moment, over and over; after each kill the database is opened and
 * compared with what must be there.
 *
 * Each writer owns a range of ids and runs transactions numbered 1, 2, ... whose operations follow from the seed, the writer and the
 * number; the last operation stores the number in the writer's marker row. So the marker says which transactions are in the file, and the
 * whole table follows from it. The numbers a writer has begun and been told to be committed are in memory shared with the parent,
 * which survives the kill. One writer commits with synchronous_commit = off: what it was told may be lost, but no half of it stays. */
#include "tests/torture/torture.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITERS = 4, ASYNC_WRITER = 2, IDS = 120, OPS_MAX = 8 };

typedef struct Shared {
    _Atomic int64_t begun[WRITERS], acknowledged[WRITERS];
    _Atomic int ready;
} Shared;

static Shared *shared;
static uint64_t model_seed;
static char path[300];

/* ---- the model: what a writer's rows are after its first n transactions ---- */

typedef struct State { int64_t version[IDS]; } State; /* 0: no row */
typedef struct Op { int id; bool removes; } Op;
typedef struct Plan {
    int nops;
    Op ops[OPS_MAX];
    bool rolls_back;
    int undone_from; /* operations from here on are in a savepoint that is rolled back; nops: none */
} Plan;

static State model[WRITERS];
static int64_t in_model[WRITERS];

static Plan
plan_of(int writer, int64_t number)
{
    uint64_t s = model_seed * 31 + (uint64_t)writer * 1000003 + (uint64_t)number * 7919;
    Plan p = {.nops = 1 + pick(&s, OPS_MAX)};
    for (int i = 0; i < p.nops; i++) p.ops[i] = (Op){pick(&s, IDS), pick(&s, 4) == 0};
    p.rolls_back = pick(&s, 8) == 0;
    p.undone_from = pick(&s, 5) == 0 ? pick(&s, p.nops) : p.nops;
    return p;
}

static void
apply(State *state, int writer, int64_t number)
{
    Plan p = plan_of(writer, number);
    if (p.rolls_back) return;
    for (int i = 0; i < p.undone_from; i++) state->version[p.ops[i].id] = p.ops[i].removes ? 0 : number;
}

/* The text that goes with (id, version): as SQL for both sides of the comparison. */
#define BODY(id, version) \
    "CASE WHEN (" id " * 7919 + " version " * 104729) % 97 = 0" \
    " THEN (SELECT string_agg(md5((g + " version ")::text), '') FROM generate_series(1, 700) g)" \
    " ELSE repeat('x', ((" id " + " version ") % 120)::int) END"

static quern *
open_db(void)
{
    quern *db;
    quern_config config;
    quern_config_init(&config);
    config.cache_size = 2 << 20;
    config.settings = "max_wal_size=2MB";
    if (quern_open_config(path, &config, &db) != QUERN_OK) die("opening %s: %s: %s", path, quern_sqlstate(db), quern_errmsg(db));
    return db;
}

/* ---- the process that is killed ---- */

static void
put(quern_stmt *stmt, int id, int64_t version)
{
    quern_bind_int32(stmt, 1, id);
    quern_bind_int64(stmt, 2, version);
    if (quern_step(stmt) != QUERN_DONE) die("put of id %d failed", id);
}

static void *
write_forever(void *arg)
{
    int w = (int)(intptr_t)arg;
    quern *db = open_db();
    quern_stmt *put_row, *remove_row;
    if (quern_prepare(db,
                      "INSERT INTO kept SELECT $1::int, $2::bigint, " BODY("$1::int::bigint", "$2::bigint")
                      " ON CONFLICT (id) DO UPDATE SET version = excluded.version, body = excluded.body",
                      -1, &put_row, NULL) != QUERN_OK ||
        quern_prepare(db, "DELETE FROM kept WHERE id = $1::int", -1, &remove_row, NULL) != QUERN_OK)
        die("prepare: %s", quern_errmsg(db));
    if (w == ASYNC_WRITER) must(db, "SET synchronous_commit = off");
    int64_t number = atomic_load(&shared->begun[w]);
    atomic_fetch_add(&shared->ready, 1);
    for (;;) {
        Plan p = plan_of(w, ++number);
        int base = w * (IDS + 1);
        must(db, "BEGIN");
        for (int i = 0; i < p.nops; i++) {
            int id = base + 1 + p.ops[i].id;
            if (i == p.undone_from) must(db, "SAVEPOINT s");
            if (!p.ops[i].removes) {
                put(put_row, id, number);
                continue;
            }
            quern_bind_int32(remove_row, 1, id);
            if (quern_step(remove_row) != QUERN_DONE) die("delete of id %d: %s", id, quern_errmsg(db));
        }
        if (p.undone_from < p.nops) must(db, "ROLLBACK TO s");
        if (p.rolls_back) {
            must(db, "ROLLBACK");
            continue; /* the marker stays; the number is spent */
        }
        put(put_row, base, number);
        atomic_store(&shared->begun[w], number);
        must(db, "COMMIT");
        atomic_store(&shared->acknowledged[w], number);
        if (w == 0 && number % 64 == 0) must(db, "VACUUM kept");
        if (w == 1 && number % 100 == 0) must(db, "CHECKPOINT");
    }
    return NULL;
}

static void
child_writes(void)
{
    pthread_t t;
    for (int w = 1; w < WRITERS; w++)
        if (pthread_create(&t, NULL, write_forever, (void *)(intptr_t)w) != 0) abort();
    write_forever((void *)0);
}

static void
child_recovers(void)
{
    open_db();
    for (;;) pause();
}

/* Runs body in a child and kills it after wait_us; a child that ends by itself has failed. */
static void
run_and_kill(void (*body)(void), int64_t wait_us, bool wait_ready)
{
    int status;
    atomic_store(&shared->ready, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(3);
    }
    if (pid < 0) abort();
    bool gone = false;
    while (wait_ready && !gone && atomic_load(&shared->ready) < WRITERS) {
        gone = waitpid(pid, &status, WNOHANG) == pid;
        usleep(200);
    }
    usleep((useconds_t)wait_us);
    if (!gone) {
        kill(pid, SIGKILL);
        gone = waitpid(pid, &status, 0) == pid;
    }
    if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) die("the process ended by itself, status %d", status);
}

/* ---- comparing ---- */

typedef struct Found { int64_t version[WRITERS * (IDS + 1)]; } Found;

static int
see_row(void *arg, int n, const char **values, const char **names)
{
    Found *f = arg;
    int id = atoi(values[0]);
    (void)n, (void)names;
    if (id < 0 || id >= WRITERS * (IDS + 1) || f->version[id] != 0) die("a row of id %d is too much", id);
    if (strcmp(values[2], "t") != 0) die("row %d, version %s, is not what was written", id, values[1]);
    f->version[id] = atoll(values[1]);
    return 0;
}

static void
verify_writer(int w, const Found *found)
{
    int64_t marker = found->version[w * (IDS + 1)];
    int64_t acknowledged = atomic_load(&shared->acknowledged[w]), begun = atomic_load(&shared->begun[w]);
    if (marker > begun || (w != ASYNC_WRITER && marker < acknowledged))
        die("writer %d: transaction %lld is the last in the file, %lld was acknowledged, %lld begun", w, (long long)marker,
            (long long)acknowledged, (long long)begun);
    /* What an earlier crash kept cannot go any more. */
    if (marker < in_model[w]) die("writer %d: back from %lld to %lld", w, (long long)in_model[w], (long long)marker);
    while (in_model[w] < marker) apply(&model[w], w, ++in_model[w]);
    for (int i = 0; i < IDS; i++) {
        int id = w * (IDS + 1) + 1 + i;
        if (found->version[id] != model[w].version[i])
            die("writer %d after transaction %lld: id %d has version %lld, not %lld", w, (long long)marker, id, (long long)found->version[id],
                (long long)model[w].version[i]);
    }
    atomic_store(&shared->begun[w], marker);
    atomic_store(&shared->acknowledged[w], marker);
}

/* Opens, compares with the model, closes. Afterwards begun and acknowledged are what the file holds. */
static void
verify(void)
{
    static Found found;
    quern *db = open_db();
    must(db, "CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY, version bigint, body text)");
    must(db, "CREATE INDEX IF NOT EXISTS kept_version ON kept (version)");
    memset(&found, 0, sizeof(found));
    if (quern_exec(db, "SELECT id, version, body = " BODY("id::bigint", "version") " FROM kept", see_row, &found) != QUERN_OK)
        die("reading: %s: %s", quern_sqlstate(db), quern_errmsg(db));
    for (int w = 0; w < WRITERS; w++) verify_writer(w, &found);
    check_clean(db);
    if (quern_close(db) != QUERN_OK) die("closing fails");
}

static void
remove_files(void)
{
    char wal[320];
    snprintf(wal, sizeof(wal), "%s-wal", path);
    unlink(path);
    unlink(wal);
}

void
kill_step(uint64_t *seed, int kills)
{
    if (shared == NULL) {
        const char *dir = getenv("TMPDIR");
        snprintf(path, sizeof(path), "%s/quern_torture_%d", dir != NULL ? dir : "/tmp", (int)getpid());
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED) abort();
        model_seed = rnd(seed);
    }
    doing("kills");
    for (int i = 0; i < kills; i++) {
        /* Every other process lives in a world where calls are interrupted and come back short. */
        system_disturb(rnd(seed), pick(seed, 2) == 0 ? 5 + pick(seed, 20) : 0);
        verify();
        run_and_kill(child_writes, pick(seed, 60000), pick(seed, 8) != 0);
        while (pick(seed, 3) == 0) run_and_kill(child_recovers, pick(seed, 5000), false);
        verify();
        system_disturb(0, 0);
        tally.kills++;
    }
    memset(model, 0, sizeof(model));
    memset(in_model, 0, sizeof(in_model));
    memset(shared, 0, sizeof(*shared));
    model_seed = rnd(seed);
    remove_files();
}
