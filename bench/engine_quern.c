/* engine_quern.c - Quern, through its public header as any caller. */
#include "bench/bench.h"
#include "quern.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char settings[] = "synchronous_commit=off;work_mem=1GB";
static const char settings_durable[] = "synchronous_commit=on;work_mem=1GB";
enum { CACHE_GB = 4 };
static const char *dir;
static quern *db;

static bool
complain_of(quern *conn, const char *what)
{
    fprintf(stderr, "Quern: %s: %s %s\n", what, quern_sqlstate(conn), quern_errmsg(conn));
    return false;
}

static bool
complain(const char *what)
{
    return complain_of(db, what);
}

static bool
connect_to(const char *file, const char *with, quern **out)
{
    char path[4096];
    quern_config config;
    snprintf(path, sizeof path, "%s/%s.quern", dir, file);
    quern_config_init(&config);
    config.cache_size = (uint64_t)CACHE_GB << 30;
    config.settings = with;
    return quern_open_config(path, &config, out) == QUERN_OK || complain_of(*out, path);
}

static bool
open_quern(const Options *o)
{
    static const char *const files[] = {DB_MAIN ".quern", DB_MAIN ".quern-wal", "small.quern", "small.quern-wal"};
    dir = o->dir;
    for (int i = 0; i < 4; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    return connect_to(DB_MAIN, settings, &db);
}

static void
print_about(void)
{
    printf("Quern %s: in process, cache %d GB, %s\n", quern_version(), CACHE_GB, settings);
}

static bool
query(const char *sql, Answer *answer)
{
    quern_stmt *stmt;
    int rc = quern_prepare(db, sql, -1, &stmt, NULL);
    if (rc != QUERN_OK)
        return complain(sql);
    while ((rc = quern_step(stmt)) == QUERN_ROW) {
        for (int c = 0; c < quern_column_count(stmt); c++)
            answer_cell(answer, quern_column_text(stmt, c));
        answer_end_row(answer);
    }
    bool ok = rc == QUERN_DONE || complain(sql);
    quern_finalize(stmt);
    return ok;
}

static bool
load(const Table *t, const char *csv)
{
    char sql[4200];
    snprintf(sql, sizeof sql, "COPY %s FROM '%s' (FORMAT csv)", t->name, csv);
    return quern_exec(db, sql, NULL, NULL) == QUERN_OK || complain(sql);
}

/* ---- connections of their own ---- */

typedef struct Prepared {
    quern *conn;
    quern_stmt *stmt;
    int nparams;
} Prepared;

static bool
connect_quern(const char *file, bool durable, void **conn_out)
{
    quern *conn;
    bool ok = connect_to(file, durable ? settings_durable : settings, &conn);
    *conn_out = conn;
    return ok;
}

static void
disconnect(void *conn)
{
    quern_close(conn);
}

static bool
prepare(void *conn, const char *sql, int nparams, void **stmt_out)
{
    Prepared *p = calloc(1, sizeof *p);
    *stmt_out = p;
    if (!p)
        return false;
    p->conn = conn;
    p->nparams = nparams;
    return quern_prepare(conn, sql, -1, &p->stmt, NULL) == QUERN_OK || complain_of(conn, sql);
}

static bool
run(void *stmt, const int64_t *args, int64_t *sum)
{
    const Prepared *p = stmt;
    int rc;
    for (int i = 0; i < p->nparams; i++)
        quern_bind_int64(p->stmt, i + 1, args[i]);
    while ((rc = quern_step(p->stmt)) == QUERN_ROW)
        *sum += quern_column_int64(p->stmt, 0);
    return rc == QUERN_DONE || complain_of(p->conn, quern_sql(p->stmt));
}

static void
drop(void *stmt)
{
    Prepared *p = stmt;
    quern_finalize(p->stmt);
    free(p);
}

static bool
statements(char *const *sql, long n, long ncheck, int64_t *sum)
{
    for (long i = 0; i < n; i++) {
        quern_stmt *stmt;
        if (quern_prepare(db, sql[i], -1, &stmt, NULL) != QUERN_OK)
            return complain(sql[i]);
        int rc;
        while ((rc = quern_step(stmt)) == QUERN_ROW)
            if (i < ncheck)
                *sum += quern_column_int64(stmt, 0);
        bool ok = rc == QUERN_DONE || complain(sql[i]);
        quern_finalize(stmt);
        if (!ok)
            return false;
    }
    return true;
}

static void
close_quern(void)
{
    quern_close(db);
    db = NULL;
}

const Engine engine_quern = {
    .name = "Quern",
    .copy_how = "COPY from a CSV file",
    .runs_max = 200000,
    .statements_max = 100000,
    .open = open_quern,
    .print_about = print_about,
    .query = query,
    .load = load,
    .statements = statements,
    .close = close_quern,
    .connect = connect_quern,
    .disconnect = disconnect,
    .prepare = prepare,
    .run = run,
    .drop = drop,
    .analyze = "ANALYZE",
    .type_names = {"integer", "bigint", "date", "text"},
};
