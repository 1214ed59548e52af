/* bench.h - what the benchmark asks of an engine, and the data it is asked over. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- data (gen.c) ---- */

typedef enum ColumnKind { COL_INT, COL_BIGINT, COL_DATE, COL_TEXT } ColumnKind;

/* One of ints and texts is set. A date is days since 1970-01-01. Texts hold no comma, quote or line end. */
typedef struct Column {
    const char *name;
    ColumnKind kind;
    int64_t *ints; /* NULLs are INT64_MIN */
    const char **texts;
} Column;

enum { COLUMNS_MAX = 16 };

typedef struct Table {
    const char *name;
    long nrows;
    int ncols;
    Column cols[COLUMNS_MAX]; /* the first is the primary key */
} Table;

/* The same rows for the same numbers, on every machine. Memory is never given back: it lives as long as the run. */
void gen_lineitem(Table *t, long nrows, long nparts);
void gen_part(Table *t, long nrows);
void gen_tree(Table *t, long nrows);
int64_t *gen_keys(long n, long key_max);         /* each in 1 .. key_max */
char **gen_statements(long n, long nparts);      /* distinct SELECT texts of one integer column */
bool gen_write_csv(const Table *t, const char *path); /* false: errno says why */

/* ---- engines ---- */

/* What a query returned: its rows as text, columns ended by '|', rows by '\n'. */
typedef struct Answer {
    char *text;
    size_t nbytes, cap;
} Answer;

void answer_clear(Answer *a);
void answer_cell(Answer *a, const char *text); /* NULL for NULL */
void answer_end_row(Answer *a);

typedef struct Options {
    const char *dir;       /* where database files go */
    const char *sqlite;    /* the libraries of the peers */
    const char *duckdb;
    const char *libpq;
    const char *pg_conninfo; /* NULL: no PostgreSQL */
} Options;

/* Every function that can fail prints its reason to stderr and returns false. */
typedef struct Engine {
    const char *name;
    const char *copy_how;  /* how load brings rows in */
    bool dates_are_ints;   /* has no dates: days since 1970 instead */
    long runs_max;         /* how many short prepared statements and distinct ones it gets: rates are compared, */
    long statements_max;   /* and the slow ones need not run for minutes */

    bool (*open)(const Options *o);      /* false without a word on stderr is not allowed: say what is missing */
    void (*print_about)(void);           /* its version and every setting made, on stdout */
    bool (*query)(const char *sql, Answer *answer);
    bool (*load)(const Table *t, const char *csv); /* into the existing, empty table; all in one transaction */
    /* Prepares, runs and drops each text. *sum: of the first column of the first ncheck texts' rows. */
    bool (*statements)(char *const *sql, long n, long ncheck, int64_t *sum);
    void (*close)(void);
    /* Connections of their own, for oltp.c; each is used by one thread. file: DB_MAIN, which is open, or another, made when it is not
     * there. durable: commits wait for the disk. */
    bool (*connect)(const char *file, bool durable, void **conn_out);
    void (*disconnect)(void *conn);
    /* Parameters are bigints, $1 to $nparams. */
    bool (*prepare)(void *conn, const char *sql, int nparams, void **stmt_out);
    /* Runs it to the end. *sum grows by the first column, an integer, of each row. */
    bool (*run)(void *stmt, const int64_t *args, int64_t *sum);
    void (*drop)(void *stmt);
    const char *analyze;
    const char *type_names[4]; /* by ColumnKind */
} Engine;

#define DB_MAIN "bench"

extern const Engine engine_quern, engine_sqlite, engine_duckdb, engine_postgres;

/* ---- short statements (oltp.c) ---- */

typedef enum OltpOp {
    OLTP_POINT, OLTP_RANGE, OLTP_OPEN,
    OLTP_UPDATE, OLTP_INSERT, OLTP_INSERT_DURABLE, OLTP_INSERT_THREADS, /* from here on they write: oltp_write.c */
    OLTP_BATCH, OLTP_BATCH_ROWS, OLTP_MIXED, OLTP_MIXED_DURABLE,
} OltpOp;

void oltp_init(long rows); /* of lineitem */
void oltp_write_init(long item_rows);
/* One run: seconds an operation, and an answer of the first ones, so that engines that run fewer can be compared. */
bool oltp_run(OltpOp op, const Engine *e, double (*now)(void), double *seconds, Answer *answer);
bool oltp_write_run(OltpOp op, const Engine *e, double (*now)(void), double *seconds, Answer *answer);

/* dlopen and the symbols named; false with a line on stderr. into: an array of function pointers in their order. */
bool load_library(const char *path, const char *const *symbols, int n, void **into);

#endif
