/* engine_postgres.c - a PostgreSQL server over a socket. libpq is loaded when asked for. */
#include "bench/bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct PGconn PGconn;
typedef struct PGresult PGresult;
enum { CONNECTION_OK = 0, COMMAND_OK = 1, TUPLES_OK = 2, COPY_IN = 4 };

#define FUNCTIONS(F)                                                                               \
    F(PGconn *, connectdb, (const char *))                                                         \
    F(int, status, (const PGconn *))                                                               \
    F(void, finish, (PGconn *))                                                                    \
    F(char *, errorMessage, (const PGconn *))                                                      \
    F(PGresult *, exec, (PGconn *, const char *))                                                  \
    F(PGresult *, prepare, (PGconn *, const char *, const char *, int, const unsigned *))          \
    F(PGresult *, execPrepared, (PGconn *, const char *, int, const char *const *, const int *,    \
                                 const int *, int))                                                \
    F(int, resultStatus, (const PGresult *))                                                       \
    F(void, clear, (PGresult *))                                                                   \
    F(int, ntuples, (const PGresult *))                                                            \
    F(int, nfields, (const PGresult *))                                                            \
    F(char *, getvalue, (const PGresult *, int, int))                                              \
    F(int, getisnull, (const PGresult *, int, int))                                                \
    F(PGresult *, getResult, (PGconn *))                                                           \
    F(int, putCopyData, (PGconn *, const char *, int))                                             \
    F(int, putCopyEnd, (PGconn *, const char *))

#define DECLARE(result, name, params) result(*name) params;
#define SYMBOL(result, name, params) "PQ" #name,
static struct {
    FUNCTIONS(DECLARE)
} pq;
static const char *const symbols[] = {FUNCTIONS(SYMBOL)};

static PGconn *conn;
static const char *conninfo;

static bool
complain_of(PGconn *c, const char *what)
{
    fprintf(stderr, "PostgreSQL: %s: %s", what, pq.errorMessage(c));
    return false;
}

static bool
complain(const char *what)
{
    return complain_of(conn, what);
}

static bool
finish_result_of(PGconn *c, PGresult *r, const char *sql, int status)
{
    bool ok = pq.resultStatus(r) == status || complain_of(c, sql);
    pq.clear(r);
    return ok;
}

static bool
finish_result(PGresult *r, const char *sql, int status)
{
    return finish_result_of(conn, r, sql, status);
}

static bool
query(const char *sql, Answer *answer)
{
    PGresult *r = pq.exec(conn, sql);
    int status = pq.resultStatus(r);
    if (status != TUPLES_OK)
        return finish_result(r, sql, COMMAND_OK);
    for (int row = 0; row < pq.ntuples(r); row++) {
        for (int c = 0; c < pq.nfields(r); c++)
            answer_cell(answer, pq.getisnull(r, row, c) ? NULL : pq.getvalue(r, row, c));
        answer_end_row(answer);
    }
    pq.clear(r);
    return true;
}

static bool
open_postgres(const Options *o)
{
    if (!o->pg_conninfo) {
        fprintf(stderr, "no server was named\n");
        return false;
    }
    if (!load_library(o->libpq, symbols, sizeof symbols / sizeof *symbols, (void **)&pq))
        return false;
    conninfo = o->pg_conninfo;
    conn = pq.connectdb(conninfo);
    if (pq.status(conn) != CONNECTION_OK)
        return complain(o->pg_conninfo);
    /* A second run on the same server starts from nothing, as with the engines whose files are removed. */
    return finish_result(pq.exec(conn, "SET client_min_messages = warning; DROP TABLE IF EXISTS"
                                       " lineitem, lineitem_copy, item, part, tree"),
                         "DROP TABLE", COMMAND_OK);
}

static void
print_about(void)
{
    static const char *const shown[] = {"shared_buffers",   "jit",      "synchronous_commit",
                                        "fsync",            "work_mem", "maintenance_work_mem",
                                        "max_wal_size",     "autovacuum",
                                        "max_parallel_workers_per_gather"};
    PGresult *r = pq.exec(conn, "SHOW server_version");
    printf("PostgreSQL %s: server, Unix socket", pq.getvalue(r, 0, 0));
    pq.clear(r);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        char sql[100];
        snprintf(sql, sizeof sql, "SHOW %s", shown[i]);
        r = pq.exec(conn, sql);
        printf(", %s=%s", shown[i], pq.getvalue(r, 0, 0));
        pq.clear(r);
    }
    printf("\n");
}

static bool
load(const Table *t, const char *csv)
{
    char sql[200], buf[65536];
    snprintf(sql, sizeof sql, "COPY %s FROM STDIN (FORMAT csv)", t->name);
    FILE *f = fopen(csv, "r");
    if (!f) {
        perror(csv);
        return false;
    }
    bool ok = finish_result(pq.exec(conn, sql), sql, COPY_IN);
    size_t n;
    while (ok && (n = fread(buf, 1, sizeof buf, f)) > 0)
        ok = pq.putCopyData(conn, buf, (int)n) == 1 || complain(sql);
    fclose(f);
    if (!ok)
        return false;
    pq.putCopyEnd(conn, NULL);
    for (PGresult *r; (r = pq.getResult(conn));)
        ok = finish_result(r, sql, COMMAND_OK) && ok;
    return ok;
}

/* ---- connections of their own ---- */

enum { PARAMS_MAX = 100 };

typedef struct Prepared {
    PGconn *conn;
    char name[24];
    int nparams;
} Prepared;

/* The server has one database. */
static bool
connect_postgres(const char *file, bool durable, void **conn_out)
{
    (void)file;
    PGconn *c = *conn_out = pq.connectdb(conninfo);
    if (pq.status(c) != CONNECTION_OK)
        return complain_of(c, conninfo);
    PGresult *r = pq.exec(c, durable ? "SET synchronous_commit = on" : "SET synchronous_commit = off");
    return finish_result_of(c, r, "SET", COMMAND_OK);
}

static void
disconnect(void *c)
{
    pq.finish(c);
}

static bool
prepare(void *c, const char *sql, int nparams, void **stmt_out)
{
    Prepared *p = calloc(1, sizeof *p);
    *stmt_out = p;
    if (!p)
        return false;
    p->conn = c;
    p->nparams = nparams;
    snprintf(p->name, sizeof p->name, "s%llx", (unsigned long long)(uintptr_t)p);
    return finish_result_of(c, pq.prepare(c, p->name, sql, 0, NULL), sql, COMMAND_OK);
}

static bool
run(void *stmt, const int64_t *args, int64_t *sum)
{
    const Prepared *p = stmt;
    char texts[PARAMS_MAX][24];
    const char *values[PARAMS_MAX];
    for (int i = 0; i < p->nparams; i++) {
        snprintf(texts[i], sizeof texts[i], "%lld", (long long)args[i]);
        values[i] = texts[i];
    }
    PGresult *r = pq.execPrepared(p->conn, p->name, p->nparams, values, NULL, NULL, 0);
    int status = pq.resultStatus(r);
    for (int row = 0; status == TUPLES_OK && row < pq.ntuples(r); row++)
        *sum += atoll(pq.getvalue(r, row, 0));
    return finish_result_of(p->conn, r, p->name, status == TUPLES_OK ? TUPLES_OK : COMMAND_OK);
}

static void
drop(void *stmt)
{
    free(stmt); /* the server's part goes with the connection */
}

static bool
statements(char *const *sql, long n, long ncheck, int64_t *sum)
{
    bool ok = true;
    for (long i = 0; i < n && ok; i++) {
        PGresult *r = pq.exec(conn, sql[i]);
        for (int row = 0; i < ncheck && row < pq.ntuples(r); row++)
            *sum += atoll(pq.getvalue(r, row, 0));
        ok = finish_result(r, sql[i], TUPLES_OK);
    }
    return ok;
}

static void
close_postgres(void)
{
    pq.finish(conn);
    conn = NULL;
}

const Engine engine_postgres = {
    .name = "PostgreSQL",
    .copy_how = "COPY from STDIN, CSV",
    .runs_max = 20000,
    .statements_max = 10000,
    .open = open_postgres,
    .print_about = print_about,
    .query = query,
    .load = load,
    .statements = statements,
    .close = close_postgres,
    .connect = connect_postgres,
    .disconnect = disconnect,
    .prepare = prepare,
    .run = run,
    .drop = drop,
    .analyze = "VACUUM ANALYZE",
    .type_names = {"integer", "bigint", "date", "text"},
};
