/* oltp.c - lines of many short prepared statements: each is written once, over the connections every engine has. The tables are
 * lineitem, which nobody writes to, and item, its first rows up to a million. */
#include "bench/bench.h"
#include <stdio.h>
#include <stdlib.h>

enum { CHECKED = 200, RANGE_ROWS = 100, OPENS_MAX = 500, ARGS_MAX = 8 };

/* One statement run again and again on one connection. */
typedef struct Repeat {
    const char *sql;
    int nparams;
} Repeat;

static const Repeat repeats[] = {
    [OLTP_POINT] = {"SELECT l_extendedprice, l_shipmode FROM lineitem WHERE l_id = $1", 1},
    [OLTP_RANGE] = {"SELECT l_extendedprice FROM lineitem WHERE l_id BETWEEN $1 AND $2", 2},
};

static int64_t *keys; /* of lineitem */

void
oltp_init(long rows)
{
    keys = gen_keys(engine_quern.runs_max, rows);
}

static void
answer_sum(Answer *answer, int64_t sum)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)sum);
    answer_cell(answer, text);
    answer_end_row(answer);
}

/* Arguments of run number i. */
static void
arguments(OltpOp op, long i, int64_t *args)
{
    args[0] = keys[i];
    if (op == OLTP_RANGE) args[1] = keys[i] + RANGE_ROWS - 1;
}

static bool
run_repeat(OltpOp op, const Engine *e, double (*now)(void), double *seconds, Answer *answer)
{
    const Repeat *r = &repeats[op];
    long n = op == OLTP_RANGE ? e->runs_max / 10 : e->runs_max;
    int64_t args[ARGS_MAX], sum = 0;
    void *conn = NULL, *stmt = NULL;
    bool ok = e->connect(DB_MAIN, false, &conn) && e->prepare(conn, r->sql, r->nparams, &stmt);
    double start = now();
    for (long i = 0; i < n && ok; i++) {
        arguments(op, i, args);
        ok = e->run(stmt, args, &sum);
        if (i == (n < CHECKED ? n : CHECKED) - 1)
            answer_sum(answer, sum);
    }
    *seconds = (now() - start) / (double)n;
    if (stmt)
        e->drop(stmt);
    if (conn)
        e->disconnect(conn);
    return ok;
}

/* What a program pays that asks one question: of a small database that is there and that nobody has open. */
static bool
run_open(const Engine *e, double (*now)(void), double *seconds, Answer *answer)
{
    long n = e->runs_max < OPENS_MAX ? e->runs_max : OPENS_MAX;
    int64_t sum = 0;
    bool ok = true;
    double start = 0;
    for (long i = -1; i < n && ok; i++) {
        if (i == 0)
            start = now(); /* the first makes the file */
        void *conn = NULL, *stmt = NULL;
        ok = e->connect("small", false, &conn) && e->prepare(conn, "SELECT 1", 0, &stmt) && e->run(stmt, NULL, &sum);
        if (stmt)
            e->drop(stmt);
        if (conn)
            e->disconnect(conn);
        if (i < 0)
            answer_sum(answer, sum);
    }
    *seconds = (now() - start) / (double)n;
    return ok;
}

bool
oltp_run(OltpOp op, const Engine *e, double (*now)(void), double *seconds, Answer *answer)
{
    return op == OLTP_OPEN ? run_open(e, now, seconds, answer) : run_repeat(op, e, now, seconds, answer);
}
