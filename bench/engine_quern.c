/* engine_quern.c - Quern, through its public header as any caller. */
#include "bench/bench.h"
#include "quern.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char settings[] = "synchronous_commit=off;work_mem=1GB";
enum { CACHE_GB = 4 };
static quern *db;

static bool
complain(const char *what)
{
    fprintf(stderr, "Quern: %s: %s %s\n", what, quern_sqlstate(db), quern_errmsg(db));
    return false;
}

static bool
open_quern(const Options *o)
{
    char path[4096], wal[4104];
    snprintf(path, sizeof path, "%s/bench.quern", o->dir);
    snprintf(wal, sizeof wal, "%s-wal", path);
    unlink(path);
    unlink(wal);
    quern_config config;
    quern_config_init(&config);
    config.cache_size = (uint64_t)CACHE_GB << 30;
    config.settings = settings;
    return quern_open_config(path, &config, &db) == QUERN_OK || complain(path);
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

static bool
points(const char *sql, const int64_t *keys, long n, long ncheck, int64_t *sum)
{
    quern_stmt *stmt;
    if (quern_prepare(db, sql, -1, &stmt, NULL) != QUERN_OK)
        return complain(sql);
    bool ok = true;
    for (long i = 0; i < n && ok; i++) {
        quern_bind_int64(stmt, 1, keys[i]);
        int rc = quern_step(stmt);
        if (rc == QUERN_ROW && i < ncheck)
            *sum += quern_column_int64(stmt, 0);
        ok = rc == QUERN_ROW || complain(sql);
        quern_reset(stmt);
    }
    quern_finalize(stmt);
    return ok;
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
    .points_max = 200000,
    .statements_max = 100000,
    .open = open_quern,
    .print_about = print_about,
    .query = query,
    .load = load,
    .points = points,
    .statements = statements,
    .close = close_quern,
    .analyze = "ANALYZE",
    .type_names = {"integer", "bigint", "date", "text"},
};
