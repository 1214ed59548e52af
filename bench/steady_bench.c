/* steady_bench.c - a steady load of single-row UPDATEs on one table: does the file stay as long as it was, and do they stay as fast?
 *
 *     steady_bench FILE [--rows N] [--updates N] [--threads N] [--indexed PERCENT] [--sync] [--no-background]
 *
 * Every update is a prepared statement in a transaction of its own, by key, the keys drawn at random; PERCENT of them change an indexed
 * column as well, so that they cannot stay on their page. Prints a line a tenth of the run: rate, median, 99th percentile, length of file
 * and log; then what the targets ask for: the file's greatest length over its length after the load, and the 99th percentile of the last
 * tenth over that of the first. */
#include "quern.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TENTHS = 10, BUCKETS = 1 << 16 };

typedef struct Options {
    const char *path;
    long rows, updates;
    int threads, indexed, sync, no_background;
} Options;

static Options options = {.rows = 100000, .updates = 10000000, .threads = 1, .indexed = 10};

/* Latencies of a tenth, in steps of 100 ns up to 6.5 ms; what took longer is in the last one. */
typedef struct Worker {
    pthread_t thread;
    uint64_t seed;
    long n;
    uint32_t counts[BUCKETS];
} Worker;

static double
now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t
next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

static void
die(quern *db, const char *what)
{
    fprintf(stderr, "steady_bench: %s: %s %s\n", what, quern_sqlstate(db), quern_errmsg(db));
    exit(2);
}

static quern *
connect_db(void)
{
    quern *db;
    quern_config c;
    quern_config_init(&c);
    c.no_background = options.no_background;
    if (quern_open_config(options.path, &c, &db) != QUERN_OK) die(db, "open");
    return db;
}

static void
run(quern *db, const char *sql)
{
    if (quern_exec(db, sql, NULL, NULL) != QUERN_OK) die(db, sql);
}

static quern_stmt *
prepare(quern *db, const char *sql)
{
    quern_stmt *s;
    if (quern_prepare(db, sql, -1, &s, NULL) != QUERN_OK) die(db, sql);
    return s;
}

static void *
work(void *arg)
{
    Worker *w = arg;
    quern *db = connect_db();
    run(db, options.sync ? "SET synchronous_commit = on" : "SET synchronous_commit = off");
    quern_stmt *plain = prepare(db, "UPDATE account SET balance = balance + $2, note = $3 WHERE id = $1");
    quern_stmt *moving = prepare(db, "UPDATE account SET branch = $2, balance = balance + 1, note = $3 WHERE id = $1");
    for (long i = 0; i < w->n; i++) {
        char note[80];
        uint64_t r = next_random(&w->seed);
        int64_t id = 1 + (int64_t)(r % (uint64_t)options.rows);
        quern_stmt *s = (int)(r >> 40 & 0xFFFF) % 100 < options.indexed ? moving : plain;
        snprintf(note, sizeof(note), "changed to %llx in step %ld", (unsigned long long)r, i);
        quern_bind_int64(s, 1, id);
        quern_bind_int64(s, 2, (int64_t)(r >> 20 & 0xFF));
        quern_bind_text(s, 3, note, -1);
        double start = now();
        if (quern_step(s) != QUERN_DONE) die(db, "update");
        double us = (now() - start) * 1e7;
        w->counts[us < BUCKETS - 1 ? (int)us : BUCKETS - 1]++;
        quern_reset(s);
    }
    quern_finalize(plain);
    quern_finalize(moving);
    quern_close(db);
    return NULL;
}

static double
megabytes(const char *suffix)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof(path), "%s%s", options.path, suffix);
    return stat(path, &st) == 0 ? (double)st.st_size / 1048576 : 0;
}

/* In microseconds, over all workers. */
static double
percentile(const Worker *workers, double part)
{
    uint64_t total = 0, sum = 0;
    for (int w = 0; w < options.threads; w++)
        for (int i = 0; i < BUCKETS; i++) total += workers[w].counts[i];
    for (int i = 0; i < BUCKETS; i++) {
        for (int w = 0; w < options.threads; w++) sum += workers[w].counts[i];
        if ((double)sum >= part * (double)total) return i / 10.0;
    }
    return BUCKETS / 10.0;
}

static void
load(quern *db)
{
    char sql[256];
    run(db, "CREATE TABLE account(id bigint PRIMARY KEY, branch bigint, balance bigint, note text)");
    run(db, "CREATE INDEX account_branch ON account(branch)");
    snprintf(sql, sizeof(sql), "INSERT INTO account SELECT i, i %% 1000, 0, repeat('n', 40) FROM generate_series(1, %ld) i",
             options.rows);
    run(db, sql);
    run(db, "VACUUM ANALYZE account");
    run(db, "CHECKPOINT");
}

static int
print_row(void *arg, int n, const char **values, const char **names)
{
    (void)arg;
    for (int i = 0; i < n; i++) printf("%s %s%s", names[i], values[i] != NULL ? values[i] : "-", i + 1 < n ? ", " : "\n");
    return 0;
}

static void
parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(a, "--sync") == 0) options.sync = 1;
        else if (strcmp(a, "--no-background") == 0) options.no_background = 1;
        else if (a[0] != '-') options.path = a;
        else if (strcmp(a, "--rows") == 0) options.rows = atol(v), i++;
        else if (strcmp(a, "--updates") == 0) options.updates = atol(v), i++;
        else if (strcmp(a, "--threads") == 0) options.threads = atoi(v), i++;
        else if (strcmp(a, "--indexed") == 0) options.indexed = atoi(v), i++;
        else options.path = NULL, i = argc;
    }
    if (options.path == NULL || options.threads < 1 || options.rows < 1) {
        fprintf(stderr, "usage: steady_bench FILE [--rows N] [--updates N] [--threads N] [--indexed PERCENT] [--sync] [--no-background]\n");
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    double first_p99 = 0, last_p99 = 0, greatest = 0;
    parse(argc, argv);
    unlink(options.path);
    quern *db = connect_db();
    load(db);
    double live = megabytes("");
    Worker *workers = calloc((size_t)options.threads, sizeof(*workers));
    printf("%ld rows, %ld updates, %d%% of them of an indexed column, %d threads, synchronous_commit %s; the file is %.1f MB\n",
           options.rows, options.updates, options.indexed, options.threads, options.sync ? "on" : "off", live);
    printf("%6s %10s %9s %9s %9s %9s\n", "tenth", "updates/s", "p50 us", "p99 us", "file MB", "log MB");
    for (int t = 0; t < TENTHS; t++) {
        double start = now();
        for (int i = 0; i < options.threads; i++) {
            memset(workers[i].counts, 0, sizeof(workers[i].counts));
            workers[i].seed = (uint64_t)(t * 1000 + i + 1) * 7919;
            workers[i].n = options.updates / TENTHS / options.threads;
            pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        }
        for (int i = 0; i < options.threads; i++) pthread_join(workers[i].thread, NULL);
        double seconds = now() - start, file = megabytes("");
        double p99 = percentile(workers, 0.99);
        if (t == 0) first_p99 = p99;
        last_p99 = p99;
        if (file > greatest) greatest = file;
        printf("%6d %10.0f %9.1f %9.1f %9.1f %9.1f\n", t + 1, (double)options.updates / TENTHS / seconds,
               percentile(workers, 0.5), p99, file, megabytes("-wal"));
        fflush(stdout);
    }
    printf("file: %.2f times its length after the load (target: 2); p99: %.2f times that of the first tenth (target: 1.5)\n",
           greatest / live, last_p99 / first_p99);
    quern_exec(db, "SELECT n_tup_upd, n_tup_hot_upd, n_live_tup, n_dead_tup, autovacuum_count, autoanalyze_count"
                   " FROM pg_stat_user_tables WHERE relname = 'account'", print_row, NULL);
    free(workers);
    quern_close(db);
    return 0;
}
