/* engine_duckdb.c - DuckDB, in process, through its C API. The library is loaded when asked for. */
#include "bench/bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void *duckdb_handle; /* databases, connections and prepared statements are all pointers */
typedef struct duckdb_result {
    uint64_t unused_counts[3];
    void *unused_columns;
    char *unused_error;
    void *internal;
} duckdb_result;
typedef uint64_t idx_t;
enum { DUCKDB_OK = 0 };

#define FUNCTIONS(F)                                                                               \
    F(int, open, (const char *, duckdb_handle *))                                                  \
    F(void, close, (duckdb_handle *))                                                              \
    F(int, connect, (duckdb_handle, duckdb_handle *))                                              \
    F(void, disconnect, (duckdb_handle *))                                                         \
    F(const char *, library_version, (void))                                                       \
    F(int, query, (duckdb_handle, const char *, duckdb_result *))                                  \
    F(const char *, result_error, (duckdb_result *))                                               \
    F(void, destroy_result, (duckdb_result *))                                                     \
    F(idx_t, row_count, (duckdb_result *))                                                         \
    F(idx_t, column_count, (duckdb_result *))                                                      \
    F(char *, value_varchar, (duckdb_result *, idx_t, idx_t))                                      \
    F(int64_t, value_int64, (duckdb_result *, idx_t, idx_t))                                       \
    F(void, free, (void *))                                                                        \
    F(int, prepare, (duckdb_handle, const char *, duckdb_handle *))                                \
    F(const char *, prepare_error, (duckdb_handle))                                                \
    F(int, bind_int64, (duckdb_handle, idx_t, int64_t))                                            \
    F(int, execute_prepared, (duckdb_handle, duckdb_result *))                                     \
    F(void, destroy_prepare, (duckdb_handle *))

#define DECLARE(result, name, params) result(*name) params;
#define SYMBOL(result, name, params) "duckdb_" #name,
static struct {
    FUNCTIONS(DECLARE)
} duck;
static const char *const symbols[] = {FUNCTIONS(SYMBOL)};

static const char settings[] = "SET threads=2; SET memory_limit='8GB'";
static duckdb_handle db, connection;
static const char *dir;

static bool
complain(const char *what, const char *reason)
{
    fprintf(stderr, "DuckDB: %s: %s\n", what, reason ? reason : "no reason given");
    return false;
}

static bool
query(const char *sql, Answer *answer)
{
    duckdb_result r;
    bool ok = duck.query(connection, sql, &r) == DUCKDB_OK || complain(sql, duck.result_error(&r));
    idx_t nrows = ok ? duck.row_count(&r) : 0, ncols = ok ? duck.column_count(&r) : 0;
    for (idx_t row = 0; row < nrows; row++) {
        for (idx_t c = 0; c < ncols; c++) {
            char *text = duck.value_varchar(&r, c, row);
            answer_cell(answer, text);
            duck.free(text);
        }
        answer_end_row(answer);
    }
    duck.destroy_result(&r);
    return ok;
}

static bool
open_duckdb(const Options *o)
{
    if (!load_library(o->duckdb, symbols, sizeof symbols / sizeof *symbols, (void **)&duck))
        return false;
    char path[4096], wal[4104];
    dir = o->dir;
    snprintf(path, sizeof path, "%s/bench.duckdb", o->dir);
    snprintf(wal, sizeof wal, "%s.wal", path);
    unlink(path);
    unlink(wal);
    snprintf(path, sizeof path, "%s/small.duckdb", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/" DB_MAIN ".duckdb", dir);
    if (duck.open(path, &db) != DUCKDB_OK || duck.connect(db, &connection) != DUCKDB_OK)
        return complain(path, "cannot open");
    Answer unused = {0};
    bool ok = query(settings, &unused);
    answer_clear(&unused);
    return ok;
}

static void
print_about(void)
{
    printf("DuckDB %s: in process, %s; synchronous as it always is\n", duck.library_version(), settings);
}

static bool
load(const Table *t, const char *csv)
{
    char sql[4200];
    Answer answer = {0};
    snprintf(sql, sizeof sql, "COPY %s FROM '%s' (FORMAT csv, HEADER false)", t->name, csv);
    bool ok = query(sql, &answer);
    answer_clear(&answer);
    return ok;
}

/* ---- connections of their own ---- */

typedef struct Connection {
    duckdb_handle db, connection; /* db NULL: that of DB_MAIN */
} Connection;

typedef struct Prepared {
    duckdb_handle stmt;
    int nparams;
} Prepared;

static bool
connect_duckdb(const char *file, bool durable, void **conn_out)
{
    (void)durable; /* it always is */
    Connection *c = calloc(1, sizeof *c);
    *conn_out = c;
    if (!c)
        return false;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.duckdb", dir, file);
    if (strcmp(file, DB_MAIN) != 0 && duck.open(path, &c->db) != DUCKDB_OK)
        return complain(path, "cannot open");
    return duck.connect(c->db ? c->db : db, &c->connection) == DUCKDB_OK || complain(path, "cannot connect");
}

static void
disconnect(void *conn)
{
    Connection *c = conn;
    duck.disconnect(&c->connection);
    if (c->db)
        duck.close(&c->db);
    free(c);
}

static bool
prepare(void *conn, const char *sql, int nparams, void **stmt_out)
{
    const Connection *c = conn;
    Prepared *p = calloc(1, sizeof *p);
    *stmt_out = p;
    if (!p)
        return false;
    p->nparams = nparams;
    return duck.prepare(c->connection, sql, &p->stmt) == DUCKDB_OK || complain(sql, duck.prepare_error(p->stmt));
}

static bool
run(void *stmt, const int64_t *args, int64_t *sum)
{
    const Prepared *p = stmt;
    duckdb_result r;
    for (int i = 0; i < p->nparams; i++)
        duck.bind_int64(p->stmt, (idx_t)i + 1, args[i]);
    bool ok =
        duck.execute_prepared(p->stmt, &r) == DUCKDB_OK || complain("a prepared statement", duck.result_error(&r));
    idx_t nrows = ok ? duck.row_count(&r) : 0;
    for (idx_t row = 0; row < nrows; row++)
        *sum += duck.value_int64(&r, 0, row);
    duck.destroy_result(&r);
    return ok;
}

static void
drop(void *stmt)
{
    Prepared *p = stmt;
    duck.destroy_prepare(&p->stmt);
    free(p);
}

static bool
statements(char *const *sql, long n, long ncheck, int64_t *sum)
{
    bool ok = true;
    for (long i = 0; i < n && ok; i++) {
        duckdb_result r;
        ok = duck.query(connection, sql[i], &r) == DUCKDB_OK || complain(sql[i], duck.result_error(&r));
        idx_t nrows = ok && i < ncheck ? duck.row_count(&r) : 0;
        for (idx_t row = 0; row < nrows; row++)
            *sum += duck.value_int64(&r, 0, row);
        duck.destroy_result(&r);
    }
    return ok;
}

static void
close_duckdb(void)
{
    duck.disconnect(&connection);
    duck.close(&db);
}

const Engine engine_duckdb = {
    .name = "DuckDB",
    .copy_how = "COPY from a CSV file",
    .runs_max = 2000,
    .statements_max = 1000,
    .open = open_duckdb,
    .print_about = print_about,
    .query = query,
    .load = load,
    .statements = statements,
    .close = close_duckdb,
    .connect = connect_duckdb,
    .disconnect = disconnect,
    .prepare = prepare,
    .run = run,
    .drop = drop,
    .analyze = "ANALYZE",
    .type_names = {"integer", "bigint", "date", "varchar"},
};
