/* engine_postgres.c - records run on a PostgreSQL server, so that it is the oracle. libpq is loaded when asked for, and is no
 * dependency of the build. */
#include "sqllogictest/slt.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct PGconn PGconn;
typedef struct PGresult PGresult;
enum { CONNECTION_OK = 0, PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2, PGRES_COPY_OUT = 3, PGRES_COPY_IN = 4,
       PGRES_FATAL_ERROR = 7, PG_DIAG_SQLSTATE = 'C', PG_DIAG_MESSAGE_PRIMARY = 'M' };

static struct {
    PGconn *(*connectdb)(const char *);
    int (*status)(const PGconn *);
    char *(*error_message)(const PGconn *);
    void (*finish)(PGconn *);
    int (*send_query)(PGconn *, const char *);
    PGresult *(*get_result)(PGconn *);
    int (*result_status)(const PGresult *);
    char *(*error_field)(const PGresult *, int);
    int (*ntuples)(const PGresult *);
    int (*nfields)(const PGresult *);
    char *(*getvalue)(const PGresult *, int, int);
    int (*getisnull)(const PGresult *, int, int);
    void (*clear)(PGresult *);
    int (*put_copy_data)(PGconn *, const char *, int);
    int (*put_copy_end)(PGconn *, const char *);
    int (*get_copy_data)(PGconn *, char **, int);
    void (*freemem)(void *);
    void *(*set_notice)(PGconn *, void (*)(void *, const char *), void *);
} pq;

static bool
load(void)
{
    if (pq.connectdb != NULL) return true;
    void *lib = dlopen("libpq.so.5", RTLD_NOW);
    if (lib == NULL) {
        fprintf(stderr, "--dsn needs libpq: %s\n", dlerror());
        return false;
    }
    const struct {
        void *slot;
        const char *name;
    } symbols[] = {
        {&pq.status, "PQstatus"},           {&pq.error_message, "PQerrorMessage"}, {&pq.finish, "PQfinish"},
        {&pq.send_query, "PQsendQuery"},    {&pq.get_result, "PQgetResult"},       {&pq.result_status, "PQresultStatus"},
        {&pq.error_field, "PQresultErrorField"}, {&pq.ntuples, "PQntuples"},       {&pq.nfields, "PQnfields"},
        {&pq.getvalue, "PQgetvalue"},       {&pq.getisnull, "PQgetisnull"},        {&pq.clear, "PQclear"},
        {&pq.put_copy_data, "PQputCopyData"}, {&pq.put_copy_end, "PQputCopyEnd"},  {&pq.get_copy_data, "PQgetCopyData"},
        {&pq.freemem, "PQfreemem"},         {&pq.set_notice, "PQsetNoticeProcessor"}, {&pq.connectdb, "PQconnectdb"},
    };
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *f = dlsym(lib, symbols[i].name);
        if (f == NULL) {
            fprintf(stderr, "libpq has no %s\n", symbols[i].name);
            return false;
        }
        memcpy(symbols[i].slot, &f, sizeof(f));
    }
    return true;
}

struct SltSession {
    PGconn *conn;
};

typedef struct PgDb {
    char *dsn, *admin;
    char name[64];
} PgDb;

static void
quiet(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static PGconn *
open_conn(const char *dsn)
{
    PGconn *c = pq.connectdb(dsn);
    if (pq.status(c) == CONNECTION_OK) {
        pq.set_notice(c, quiet, NULL);
        return c;
    }
    fprintf(stderr, "%s", pq.error_message(c));
    pq.finish(c);
    return NULL;
}

static bool
simple(const char *dsn, const char *sql)
{
    PGconn *c = open_conn(dsn);
    bool ok = c != NULL && pq.send_query(c, sql) != 0;
    for (PGresult *r; ok && (r = pq.get_result(c)) != NULL; pq.clear(r))
        if (pq.result_status(r) >= PGRES_FATAL_ERROR) fprintf(stderr, "%s", pq.error_message(c));
    if (c != NULL) pq.finish(c);
    return ok;
}

static void *
create(const char *target, const char *file, const char *settings)
{
    (void)settings; /* the server's are as its owner wants them */
    if (!load()) return NULL;
    PgDb *db = calloc(1, sizeof(*db));
    unsigned h = 5381;
    char sql[256];
    if (db == NULL) return NULL;
    for (const char *p = file; *p != '\0'; p++) h = h * 33 + (unsigned char)*p;
    snprintf(db->name, sizeof(db->name), "slt_%08x", h);
    db->admin = strdup(target);
    if (asprintf(&db->dsn, "%s dbname=%s", target, db->name) < 0) return NULL;
    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", db->name);
    simple(db->admin, sql);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'", db->name);
    if (!simple(db->admin, sql)) return NULL;
    return db;
}

static void
destroy(void *arg)
{
    PgDb *db = arg;
    char sql[256];
    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", db->name);
    simple(db->admin, sql);
    free(db->dsn);
    free(db->admin);
    free(db);
}

static SltSession *
connect_db(void *arg)
{
    SltSession *s = calloc(1, sizeof(*s));
    if (s != NULL) s->conn = open_conn(((PgDb *)arg)->dsn);
    if (s == NULL || s->conn != NULL) return s;
    free(s);
    return NULL;
}

static void
disconnect(SltSession *s)
{
    pq.finish(s->conn);
    free(s);
}

static void
take_rows(PGresult *r, SltResult *out)
{
    int n = pq.nfields(r);
    const char **cells = calloc((size_t)n + 1, sizeof(char *));
    slt_result_reset(out);
    out->ncols = n;
    for (int i = 0; cells != NULL && i < pq.ntuples(r); i++) {
        for (int c = 0; c < n; c++) cells[c] = pq.getisnull(r, i, c) ? NULL : pq.getvalue(r, i, c);
        slt_result_add(out, cells);
    }
    free(cells);
}

static void
take_copy(PGconn *c, SltResult *out)
{
    char *line;
    int n;
    slt_result_reset(out);
    out->is_copy = true;
    while ((n = pq.get_copy_data(c, &line, 0)) > 0) {
        if (line[n - 1] == '\n') line[n - 1] = '\0';
        slt_result_add(out, (const char *const[]){line});
        pq.freemem(line);
    }
}

static void
run(SltSession *s, const char *sql, const char *copy_data, bool want_rows, SltResult *out)
{
    (void)want_rows;
    slt_result_reset(out);
    if (pq.send_query(s->conn, sql) == 0) {
        slt_result_error(out, "08006", pq.error_message(s->conn));
        return;
    }
    for (PGresult *r; (r = pq.get_result(s->conn)) != NULL; pq.clear(r)) {
        switch (pq.result_status(r)) {
        case PGRES_TUPLES_OK: take_rows(r, out); break;
        case PGRES_COMMAND_OK:
            if (!out->is_copy) slt_result_reset(out);
            break;
        case PGRES_COPY_OUT: take_copy(s->conn, out); break;
        case PGRES_COPY_IN:
            if (copy_data != NULL) pq.put_copy_data(s->conn, copy_data, (int)strlen(copy_data));
            pq.put_copy_end(s->conn, copy_data != NULL ? NULL : "no data");
            break;
        default: slt_result_error(out, pq.error_field(r, PG_DIAG_SQLSTATE), pq.error_field(r, PG_DIAG_MESSAGE_PRIMARY));
        }
    }
}

const SltEngine slt_postgres = {"postgresql", create, destroy, connect_db, disconnect, run};
