/* engine_sqlite.c - SQLite, in process. The library is loaded when asked for, so that building needs none. */
#include "bench/bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
enum { SQLITE_OK = 0, SQLITE_ROW = 100, SQLITE_DONE = 101 };

#define FUNCTIONS(F)                                                                               \
    F(int, open, (const char *, sqlite3 **))                                                       \
    F(int, close, (sqlite3 *))                                                                     \
    F(const char *, errmsg, (sqlite3 *))                                                           \
    F(const char *, libversion, (void))                                                            \
    F(int, prepare_v2, (sqlite3 *, const char *, int, sqlite3_stmt **, const char **))             \
    F(int, step, (sqlite3_stmt *))                                                                 \
    F(int, reset, (sqlite3_stmt *))                                                                \
    F(int, finalize, (sqlite3_stmt *))                                                             \
    F(int, bind_int64, (sqlite3_stmt *, int, int64_t))                                             \
    F(int, bind_text, (sqlite3_stmt *, int, const char *, int, void (*)(void *)))                  \
    F(int, busy_timeout, (sqlite3 *, int))                                                         \
    F(int, bind_null, (sqlite3_stmt *, int))                                                       \
    F(int, column_count, (sqlite3_stmt *))                                                         \
    F(int64_t, column_int64, (sqlite3_stmt *, int))                                                \
    F(const char *, column_text, (sqlite3_stmt *, int))

#define DECLARE(result, name, params) result(*name) params;
#define SYMBOL(result, name, params) "sqlite3_" #name,
static struct {
    FUNCTIONS(DECLARE)
} lite;
static const char *const symbols[] = {FUNCTIONS(SYMBOL)};

static const char *const pragmas[] = {"journal_mode=WAL", "cache_size=-1048576", "mmap_size=8589934592",
                                      "synchronous=OFF", "temp_store=MEMORY", "threads=0"};
enum { NPRAGMAS = sizeof pragmas / sizeof *pragmas, BUSY_MS = 60000 };
static const char *dir;
static sqlite3 *db;

static bool
complain_of(sqlite3 *conn, const char *what)
{
    fprintf(stderr, "SQLite: %s: %s\n", what, lite.errmsg(conn));
    return false;
}

static bool
complain(const char *what)
{
    return complain_of(db, what);
}

/* answer NULL: nobody asks. */
static bool
query_on(sqlite3 *conn, const char *sql, Answer *answer)
{
    sqlite3_stmt *stmt;
    int rc = lite.prepare_v2(conn, sql, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return complain_of(conn, sql);
    while ((rc = lite.step(stmt)) == SQLITE_ROW) {
        for (int c = 0; answer && c < lite.column_count(stmt); c++)
            answer_cell(answer, lite.column_text(stmt, c));
        if (answer)
            answer_end_row(answer);
    }
    bool ok = rc == SQLITE_DONE || complain_of(conn, sql);
    lite.finalize(stmt);
    return ok;
}

static bool
query(const char *sql, Answer *answer)
{
    return query_on(db, sql, answer);
}

static bool
connect_to(const char *file, sqlite3 **out)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.sqlite", dir, file);
    if (lite.open(path, out) != SQLITE_OK)
        return complain_of(*out, path);
    lite.busy_timeout(*out, BUSY_MS);
    for (int i = 0; i < NPRAGMAS; i++) {
        char sql[100];
        snprintf(sql, sizeof sql, "PRAGMA %s", pragmas[i]);
        if (!query_on(*out, sql, NULL))
            return false;
    }
    return true;
}

static bool
open_sqlite(const Options *o)
{
    if (!load_library(o->sqlite, symbols, sizeof symbols / sizeof *symbols, (void **)&lite))
        return false;
    static const char *const files[] = {DB_MAIN ".sqlite", DB_MAIN ".sqlite-wal", DB_MAIN ".sqlite-shm",
                                        "small.sqlite", "small.sqlite-wal", "small.sqlite-shm"};
    dir = o->dir;
    for (int i = 0; i < 6; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    return connect_to(DB_MAIN, &db);
}

static void
print_about(void)
{
    printf("SQLite %s: in process", lite.libversion());
    for (int i = 0; i < NPRAGMAS; i++)
        printf(", %s", pragmas[i]);
    printf("\n");
}

static bool
load(const Table *t, const char *csv)
{
    (void)csv; /* the rows are in memory: nothing is faster to insert from */
    char sql[400];
    int n = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", t->name);
    for (int c = 1; c < t->ncols; c++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, ",?");
    snprintf(sql + n, sizeof sql - (size_t)n, ")");
    sqlite3_stmt *stmt;
    Answer unused = {0};
    if (!query("BEGIN", &unused))
        return false;
    if (lite.prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return complain(sql);
    bool ok = true;
    for (long row = 0; row < t->nrows && ok; row++) {
        for (int c = 0; c < t->ncols; c++) {
            const Column *col = &t->cols[c];
            if (col->kind == COL_TEXT)
                lite.bind_text(stmt, c + 1, col->texts[row], -1, NULL);
            else if (col->ints[row] == INT64_MIN)
                lite.bind_null(stmt, c + 1);
            else
                lite.bind_int64(stmt, c + 1, col->ints[row]);
        }
        ok = lite.step(stmt) == SQLITE_DONE || complain(sql);
        lite.reset(stmt);
    }
    lite.finalize(stmt);
    return query(ok ? "COMMIT" : "ROLLBACK", &unused) && ok;
}

/* ---- connections of their own ---- */

typedef struct Prepared {
    sqlite3 *conn;
    sqlite3_stmt *stmt;
    int nparams;
} Prepared;

static bool
connect_sqlite(const char *file, bool durable, void **conn_out)
{
    sqlite3 *conn = NULL;
    bool ok = connect_to(file, &conn);
    *conn_out = conn;
    return ok && (!durable || query_on(conn, "PRAGMA synchronous=FULL", NULL));
}

static void
disconnect(void *conn)
{
    lite.close(conn);
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
    return lite.prepare_v2(conn, sql, -1, &p->stmt, NULL) == SQLITE_OK || complain_of(conn, sql);
}

static bool
run(void *stmt, const int64_t *args, int64_t *sum)
{
    const Prepared *p = stmt;
    int rc;
    for (int i = 0; i < p->nparams; i++)
        lite.bind_int64(p->stmt, i + 1, args[i]);
    while ((rc = lite.step(p->stmt)) == SQLITE_ROW)
        *sum += lite.column_int64(p->stmt, 0);
    lite.reset(p->stmt);
    return rc == SQLITE_DONE || complain_of(p->conn, "a prepared statement");
}

static void
drop(void *stmt)
{
    Prepared *p = stmt;
    lite.finalize(p->stmt);
    free(p);
}

static bool
statements(char *const *sql, long n, long ncheck, int64_t *sum)
{
    for (long i = 0; i < n; i++) {
        sqlite3_stmt *stmt;
        if (lite.prepare_v2(db, sql[i], -1, &stmt, NULL) != SQLITE_OK)
            return complain(sql[i]);
        int rc;
        while ((rc = lite.step(stmt)) == SQLITE_ROW)
            if (i < ncheck)
                *sum += lite.column_int64(stmt, 0);
        bool ok = rc == SQLITE_DONE || complain(sql[i]);
        lite.finalize(stmt);
        if (!ok)
            return false;
    }
    return true;
}

static void
close_sqlite(void)
{
    lite.close(db);
    db = NULL;
}

const Engine engine_sqlite = {
    .name = "SQLite",
    .copy_how = "prepared INSERT, one transaction, rows from memory",
    .dates_are_ints = true,
    .runs_max = 200000,
    .statements_max = 100000,
    .open = open_sqlite,
    .print_about = print_about,
    .query = query,
    .load = load,
    .statements = statements,
    .close = close_sqlite,
    .connect = connect_sqlite,
    .disconnect = disconnect,
    .prepare = prepare,
    .run = run,
    .drop = drop,
    .analyze = "ANALYZE",
    .type_names = {"INTEGER", "INTEGER", "INTEGER", "TEXT"},
};
