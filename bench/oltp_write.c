/* oltp_write.c - lines of short statements that write: prepared, by key, on one connection a thread. Updates go to item, inserts to
 * a table that each run makes anew. The threads start together and the clock runs until the last has done its part. */
#include "bench/bench.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 8, CHECKED = 200, BATCH = 1000, STATEMENT_ROWS = 100 };

/* What a thread does, ten operations in turn: u update, i insert, s select by key. */
static const char only_updates[] = "uuuuuuuuuu", only_inserts[] = "iiiiiiiiii", mixed[] = "susususisu";

typedef struct Work {
    const char *ops;
    int nthreads;
    bool durable;
    bool peers_best;  /* peers are run with 1, 2, 4 and 8 threads, and the best counts */
    int batch;        /* operations a transaction; 0: each its own */
    int statement_rows; /* rows an INSERT has, 0: one */
    int part;         /* of the runs an engine gets: one in so many */
} Work;

static const Work works[] = {
    [OLTP_UPDATE] = {only_updates, 1, .part = 1},
    [OLTP_INSERT] = {only_inserts, 1, .part = 1},
    [OLTP_INSERT_DURABLE] = {only_inserts, 1, .durable = true, .part = 50},
    [OLTP_INSERT_THREADS] = {only_inserts, THREADS_MAX, .durable = true, .peers_best = true, .part = 50},
    [OLTP_BATCH] = {only_inserts, 1, .batch = BATCH, .part = 1},
    [OLTP_BATCH_ROWS] = {only_inserts, 1, .batch = BATCH, .statement_rows = STATEMENT_ROWS, .part = 1},
    [OLTP_MIXED] = {mixed, 2, .part = 1},
    [OLTP_MIXED_DURABLE] = {mixed, 2, .durable = true, .part = 50},
};

static int64_t *keys; /* of item */
static long nkeys;

void
oltp_write_init(long item_rows)
{
    nkeys = engine_quern.runs_max;
    keys = gen_keys(nkeys, item_rows);
}

/* One thread's part. */
typedef struct Part {
    const Engine *e;
    const Work *work;
    long from, to;  /* operations; their numbers are keys of inserts, too */
    pthread_barrier_t *barrier;
    void *conn, *update, *insert, *select, *begin, *commit;
    int64_t sum;
    bool ok;
} Part;

static const char update_sql[] = "UPDATE item SET l_quantity = $2 WHERE l_id = $1";
static const char select_sql[] = "SELECT l_extendedprice FROM item WHERE l_id = $1";

/* Types are the engine's own names: a bigint key would cost SQLite a second tree. */
static bool
make_entry(const Engine *e, Answer *answer)
{
    const char *small = e->type_names[COL_INT], *big = e->type_names[COL_BIGINT], *text = e->type_names[COL_TEXT];
    char sql[300];
    snprintf(sql, sizeof sql, "CREATE TABLE entry (id %s PRIMARY KEY, part %s, quantity %s, price %s, mode %s, note %s)", big, small, small, big,
             text, text);
    return e->query("DROP TABLE IF EXISTS entry", answer) && e->query(sql, answer);
}

/* "INSERT INTO entry VALUES ($1, ...), ..." with one parameter a row. */
static void
insert_text(int rows, char *sql, size_t cap)
{
    size_t n = (size_t)snprintf(sql, cap, "INSERT INTO entry VALUES");
    for (int i = 1; i <= rows; i++)
        n += (size_t)snprintf(sql + n, cap - n, "%s ($%d, 1, 2, 3, 'RAIL', 'inserted')", i > 1 ? "," : "", i);
}

static bool
open_part(Part *p)
{
    const Engine *e = p->e;
    char insert_sql[STATEMENT_ROWS * 48 + 64];
    int rows = p->work->statement_rows > 0 ? p->work->statement_rows : 1;
    insert_text(rows, insert_sql, sizeof insert_sql);
    return e->connect(DB_MAIN, p->work->durable, &p->conn) && e->prepare(p->conn, update_sql, 2, &p->update)
           && e->prepare(p->conn, insert_sql, rows, &p->insert) && e->prepare(p->conn, select_sql, 1, &p->select)
           && e->prepare(p->conn, "BEGIN", 0, &p->begin) && e->prepare(p->conn, "COMMIT", 0, &p->commit);
}

static void
close_part(Part *p)
{
    void *stmts[] = {p->update, p->insert, p->select, p->begin, p->commit};
    for (int i = 0; i < 5; i++)
        if (stmts[i])
            p->e->drop(stmts[i]);
    if (p->conn)
        p->e->disconnect(p->conn);
}

static bool
insert_rows(Part *p, long i)
{
    int64_t args[STATEMENT_ROWS];
    int rows = p->work->statement_rows;
    if (rows == 0)
        return p->e->run(p->insert, (int64_t[]){i + 1}, &p->sum);
    if ((i + 1) % rows != 0)
        return true; /* the last of a statement's rows takes the others along */
    for (int k = 0; k < rows; k++)
        args[k] = i + 2 - rows + k;
    return p->e->run(p->insert, args, &p->sum);
}

static bool
one_op(Part *p, long i)
{
    switch (p->work->ops[i % 10]) {
    case 'u': return p->e->run(p->update, (int64_t[]){keys[i], i % 50}, &p->sum);
    case 's': return p->e->run(p->select, &keys[i], &p->sum);
    default: return insert_rows(p, i);
    }
}

static void *
run_part(void *arg)
{
    Part *p = arg;
    const int batch = p->work->batch;
    pthread_barrier_wait(p->barrier);
    for (long i = p->from; i < p->to && p->ok; i++) {
        if (batch > 0 && i % batch == 0)
            p->ok = p->e->run(p->begin, NULL, &p->sum);
        p->ok = p->ok && one_op(p, i);
        if (batch > 0 && (i + 1) % batch == 0)
            p->ok = p->ok && p->e->run(p->commit, NULL, &p->sum);
    }
    pthread_barrier_wait(p->barrier);
    return NULL;
}

/* All of it by so many threads: seconds an operation. */
static bool
run_threads(const Engine *e, const Work *work, int nthreads, double (*now)(void), double *seconds)
{
    Part parts[THREADS_MAX] = {0};
    pthread_t threads[THREADS_MAX];
    pthread_barrier_t barrier;
    long n = e->runs_max / work->part / (nthreads * BATCH) * (nthreads * BATCH);
    bool ok = true;
    if (n == 0)
        n = (long)nthreads * BATCH;
    pthread_barrier_init(&barrier, NULL, (unsigned)nthreads + 1);
    for (int t = 0; t < nthreads; t++) {
        parts[t] = (Part){.e = e, .work = work, .from = n / nthreads * t, .to = n / nthreads * (t + 1), .barrier = &barrier, .ok = true};
        ok = open_part(&parts[t]) && ok;
    }
    for (int t = 0; t < nthreads; t++)
        parts[t].ok = ok; /* none runs where one cannot */
    for (int t = 0; t < nthreads; t++)
        if (pthread_create(&threads[t], NULL, run_part, &parts[t]) != 0)
            abort();
    pthread_barrier_wait(&barrier);
    double start = now();
    pthread_barrier_wait(&barrier);
    *seconds = (now() - start) / (double)n;
    for (int t = 0; t < nthreads; t++) {
        pthread_join(threads[t], NULL);
        ok = ok && parts[t].ok;
        close_part(&parts[t]);
    }
    pthread_barrier_destroy(&barrier);
    return ok;
}

/* What every engine has done, however many operations it got. */
static bool
check(const Engine *e, const Work *work, Answer *answer)
{
    char sql[200];
    answer_clear(answer);
    snprintf(sql, sizeof sql, "SELECT count(*), sum(id), sum(price) FROM entry WHERE id <= %d", CHECKED);
    if (!e->query(sql, answer))
        return false;
    for (long i = 0; i < CHECKED && work->ops == only_updates; i++) {
        bool again = false; /* a later update of the row counts */
        for (long k = i + 1; k < e->runs_max && !again; k++)
            again = keys[k] == keys[i];
        snprintf(sql, sizeof sql, "SELECT l_quantity - %ld FROM item WHERE l_id = %lld", i % 50, (long long)keys[i]);
        if (!again && !e->query(sql, answer))
            return false;
        if (again) {
            answer_cell(answer, "0");
            answer_end_row(answer);
        }
    }
    return true;
}

bool
oltp_write_run(OltpOp op, const Engine *e, double (*now)(void), double *seconds, Answer *answer)
{
    const Work *work = &works[op];
    const bool many = work->peers_best && e != &engine_quern;
    *seconds = 0;
    for (int nthreads = many ? 1 : work->nthreads; nthreads <= work->nthreads; nthreads *= 2) {
        double s;
        if (!make_entry(e, answer) || !run_threads(e, work, nthreads, now, &s))
            return false;
        if (*seconds == 0 || s < *seconds)
            *seconds = s;
    }
    return check(e, work, answer);
}
