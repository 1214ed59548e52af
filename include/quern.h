/* quern.h - Quern, an SQL database in your process. PostgreSQL's dialect, one file a database.
 *
 *     quern *db;
 *     quern_stmt *stmt;
 *     if (quern_open("shop.db", &db) != QUERN_OK) die(quern_errmsg(db));
 *     quern_prepare(db, "SELECT name, price FROM item WHERE id = $1", -1, &stmt, NULL);
 *     quern_bind_int64(stmt, 1, 42);
 *     while (quern_step(stmt) == QUERN_ROW)
 *         printf("%s %s\n", quern_column_text(stmt, 0), quern_column_text(stmt, 1));
 *     quern_finalize(stmt);
 *     quern_close(db);
 *
 * Results. Functions that can fail return QUERN_OK (0), QUERN_ROW, QUERN_DONE or an error, which is any
 * other value. The error's text, SQLSTATE and position are read from the connection with quern_errmsg and its sisters;
 * they describe the last call on it that failed. The numbers of errors are not stable; SQLSTATEs are.
 *
 * Threads. A connection, its statements and its appenders are used by one thread at a time. Different connections
 * (to the same file or to others) may be used by different threads with no lock of yours. Only quern_interrupt may be
 * called from any thread at any time. Callbacks run on the thread that made the call, and must not use the
 * connection that called them, except to read its errors.
 *
 * Lifetimes. Text and bytes you pass in are copied. A pointer handed out lives as long as is said with the function
 * that gives it, and belongs to the library: never free it.
 *
 * Misuse. NULL for a connection or statement makes functions return QUERN_MISUSE (or NULL, or 0), as do column and
 * parameter numbers out of range. Nothing in here aborts or exits the process.
 *
 * Forking. A connection does not survive fork(): in the child every call on it fails.
 */
#ifndef QUERN_H
#define QUERN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define QUERN_API __attribute__((visibility("default")))
#else
#define QUERN_API
#endif

typedef struct quern quern;                   /* a connection */
typedef struct quern_stmt quern_stmt;         /* a prepared statement */
typedef struct quern_appender quern_appender; /* a bulk load in progress */

#define QUERN_OK 0
#define QUERN_MISUSE 1  /* a NULL handle, a number out of range, a closed object */
#define QUERN_ROW 100   /* quern_step: a row can be read */
#define QUERN_DONE 101  /* quern_step: the statement has finished */

/* ---- Opening and closing ---- */

/* Zero, or what quern_config_init sets, means the default. */
typedef struct quern_config {
    size_t struct_size;    /* sizeof(quern_config): set by quern_config_init */
    uint32_t page_size;    /* bytes, 8192 to 65536, a power of two; for a new file only. Default 16384 */
    uint64_t cache_size;   /* bytes of memory for pages; for ":memory:" the most the database may hold */
    int read_only;         /* no writes; several processes may read when none writes */
    int must_exist;        /* fail instead of making the file */
    int no_background;     /* no checkpoint or vacuum threads: they happen when you ask for them */
    const char *settings;  /* "work_mem=64MB;TimeZone=Europe/Vienna": as if SET at once, and what RESET goes back to; NULL for none;
                            * max_wal_size and checkpoint_timeout can be given here only */
    int salvage;           /* for quern_recover: reads what is left of a damaged database, and writes nothing to it */
    int (*progress)(void *arg, double fraction); /* as quern_progress, from the start: opening after a crash may take a while */
    void *progress_arg;
} quern_config;
QUERN_API void quern_config_init(quern_config *config);

/* Opens the database file, making it if it is not there. ":memory:" (or an empty path) is a new database that lives
 * in memory until its connection is closed. Opening the same file again in this process gives another
 * connection to the same database. *out is set even on failure, unless memory is out (then it is NULL), so that
 * it can be asked for the message; close it in any case. Errors: 58P01 and 58030 for the file system's, 55006 when
 * another process has the file, XX001 when it is damaged, 0A000 when it was written by a newer version. */
QUERN_API int quern_open(const char *path, quern **out);
QUERN_API int quern_open_config(const char *path, const quern_config *config, quern **out);

/* Rolls back what is uncommitted, ends the connection's statements and appenders (their handles are dead from
 * then on), and frees it. The last connection to a database writes it back and removes its log. NULL is fine.
 * An error reports that closing was not clean; the connection is gone nevertheless and no committed data is lost. */
QUERN_API int quern_close(quern *db);

/* ---- Running SQL ---- */

/* Runs any number of statements, separated by semicolons, as PostgreSQL's simple query: outside a transaction
 * block they are one transaction; the first error ends the run. row, if not NULL, is called for each row of each result;
 * values are texts, NULL for NULL, valid during the call; a non-zero return stops the run with 57014. */
QUERN_API int quern_exec(quern *db, const char *sql,
                         int (*row)(void *arg, int n, const char **values, const char **names), void *arg);

/* Prepares the first statement of sql. nbytes: its length, -1: up to the NUL. *out is NULL when there is
 * none (only white space and comments). *tail, if tail is not NULL, is where the next statement starts, a pointer into
 * sql. Parameters are $1, $2, ...; their types are inferred from where they stand. A statement survives changes
 * of what it refers to: it is planned again, or its next step fails with a clear error. */
QUERN_API int quern_prepare(quern *db, const char *sql, int nbytes, quern_stmt **out, const char **tail);

/* Values of parameters, numbered from 1; to run with one that was never bound is an error (42P02). Any type may be bound to any parameter: it is
 * converted to the parameter's type as text input or an assignment would; what cannot be fails at quern_step. Binding a
 * statement that is being stepped is QUERN_MISUSE: reset it first. Text is UTF-8; nbytes -1: up to the NUL. */
QUERN_API int quern_bind_null(quern_stmt *stmt, int i);
QUERN_API int quern_bind_bool(quern_stmt *stmt, int i, int value);
QUERN_API int quern_bind_int32(quern_stmt *stmt, int i, int32_t value);
QUERN_API int quern_bind_int64(quern_stmt *stmt, int i, int64_t value);
QUERN_API int quern_bind_double(quern_stmt *stmt, int i, double value);
QUERN_API int quern_bind_text(quern_stmt *stmt, int i, const char *text, int nbytes);
QUERN_API int quern_bind_bytes(quern_stmt *stmt, int i, const void *data, size_t nbytes);
QUERN_API int quern_bind_vector(quern_stmt *stmt, int i, const float *values, int dim);
QUERN_API int quern_bind_count(quern_stmt *stmt);           /* how many parameters there are */
QUERN_API uint32_t quern_bind_type(quern_stmt *stmt, int i); /* type OID of parameter i, 0 if unknown */
QUERN_API int quern_clear_bindings(quern_stmt *stmt);        /* all are bound to NULL */

/* Runs the statement to its next row. QUERN_ROW: columns can be read. QUERN_DONE: finished, its transaction
 * committed if it was its own. After DONE or an error the next step starts it again, as after quern_reset. INSERT, UPDATE and DELETE
 * have finished their work when their first RETURNING row is handed out. A statement that a ROLLBACK ended gives 24000,
 * one that a COMMIT ended 34000. */
QUERN_API int quern_step(quern_stmt *stmt);
/* Ends a run; an unfinished one outside a transaction block commits. Bindings stay. */
QUERN_API int quern_reset(quern_stmt *stmt);
/* Frees the statement, ending a run as quern_reset does. NULL is fine. */
QUERN_API int quern_finalize(quern_stmt *stmt);
QUERN_API const char *quern_sql(quern_stmt *stmt); /* its text; lives as long as the statement */

/* ---- Reading results ---- */

/* Columns count from 0. Names and types are known from quern_prepare on; names live until the statement is planned
 * again or finalized. A utility statement without a result has no columns. */
QUERN_API int quern_column_count(quern_stmt *stmt);
QUERN_API const char *quern_column_name(quern_stmt *stmt, int c);
QUERN_API uint32_t quern_column_type(quern_stmt *stmt, int c); /* PostgreSQL's type OID */
QUERN_API int quern_column_typmod(quern_stmt *stmt, int c);    /* PostgreSQL's type modifier, -1 if none */

/* The value in the current row. The numeric forms convert: what is no number gives 0, what is too large the nearest value.
 * Pointers live until the next quern_step, quern_reset or quern_finalize of the statement. */
QUERN_API int quern_column_is_null(quern_stmt *stmt, int c);
QUERN_API int64_t quern_column_int64(quern_stmt *stmt, int c);
QUERN_API double quern_column_double(quern_stmt *stmt, int c);
QUERN_API int quern_column_bool(quern_stmt *stmt, int c);
/* PostgreSQL's text form, UTF-8 with a NUL at the end; NULL for NULL (and when memory is out: quern_errmsg). */
QUERN_API const char *quern_column_text(quern_stmt *stmt, int c);
/* bytea's bytes; of other types the bytes of the text form, which may be shorter to get than quern_column_text's. *n is their number. */
QUERN_API const void *quern_column_bytes(quern_stmt *stmt, int c, size_t *n);
/* The elements of a vector; NULL for other types. *dim is their number. */
QUERN_API const float *quern_column_vector(quern_stmt *stmt, int c, int *dim);

/* Of the last run that finished: rows inserted, updated, deleted, or returned; -1 where there is no such number. */
QUERN_API int64_t quern_affected_rows(quern_stmt *stmt);
/* PostgreSQL's command tag, "INSERT 0 3"; "" before the first run has finished. Lives until the next step or finalize. */
QUERN_API const char *quern_command_tag(quern_stmt *stmt);

/* ---- Errors ---- */

/* About the last call on the connection that failed. Texts live until its next call that can fail.
 * quern_errmsg(NULL) is "out of memory". Detail, hint and context are NULL when there is none. */
QUERN_API const char *quern_errmsg(quern *db);
QUERN_API const char *quern_sqlstate(quern *db); /* five characters; "00000" when nothing has failed yet */
QUERN_API const char *quern_errdetail(quern *db);
QUERN_API const char *quern_errhint(quern *db);
QUERN_API const char *quern_errcontext(quern *db); /* "COPY t, line 3, column x" */
QUERN_API int quern_errposition(quern *db);        /* 1-based character in the text given, or 0 */

/* ---- The connection ---- */

/* 'I' outside a transaction block, 'T' inside one, 'E' inside a failed one. */
QUERN_API char quern_transaction_status(quern *db);

/* Makes what the connection is doing stop soon with 57014; nothing happens when it is idle. From any thread, while the
 * connection is open. */
QUERN_API void quern_interrupt(quern *db);

/* cb is called some times a second while a statement runs, with the fraction done (0 to 1, or -1 when nobody
 * knows); a non-zero return stops the statement with 57014. NULL: none. */
QUERN_API void quern_progress(quern *db, int (*cb)(void *arg, double fraction), void *arg);

/* cb gets what PostgreSQL sends as NoticeResponse: severity is "NOTICE", "WARNING", "INFO"; further lines of message start
 * with "DETAIL:  " or "HINT:  ". Texts live during the call. NULL: notices are dropped. */
QUERN_API void quern_notice(quern *db,
                            void (*cb)(void *arg, const char *severity, const char *sqlstate,
                                       const char *message),
                            void *arg);

/* COPY ... FROM STDIN reads through source, which fills buf with up to cap bytes and sets *n, to 0 at the end of the
 * data. COPY ... TO STDOUT writes through sink. A non-zero return of either fails the statement with 57014. Without
 * one, such a COPY is an error. */
QUERN_API void quern_copy_source(quern *db, int (*source)(void *arg, char *buf, size_t cap, size_t *n),
                                 void *arg);
QUERN_API void quern_copy_sink(quern *db, int (*sink)(void *arg, const char *data, size_t n), void *arg);

/* ---- Bulk load ---- */

/* The fast way in. schema NULL: along search_path. Give a value for each column in order, then quern_appender_end_row; columns
 * left out at the end of a row take their defaults. Values are converted as quern_bind_* does. All rows
 * become visible together at quern_appender_close (or with the transaction block around it); after an error only
 * closing is possible, which then fails too and loads nothing. Constraints and indexes are kept. */
QUERN_API int quern_appender_open(quern *db, const char *schema, const char *table, quern_appender **out);
QUERN_API int quern_append_null(quern_appender *app);
QUERN_API int quern_append_default(quern_appender *app);
QUERN_API int quern_append_bool(quern_appender *app, int value);
QUERN_API int quern_append_int32(quern_appender *app, int32_t value);
QUERN_API int quern_append_int64(quern_appender *app, int64_t value);
QUERN_API int quern_append_double(quern_appender *app, double value);
QUERN_API int quern_append_text(quern_appender *app, const char *text, int nbytes);
QUERN_API int quern_append_bytes(quern_appender *app, const void *data, size_t nbytes);
QUERN_API int quern_append_vector(quern_appender *app, const float *values, int dim);
QUERN_API int quern_appender_end_row(quern_appender *app);
QUERN_API int quern_appender_close(quern_appender *app); /* frees it in any case; NULL is fine */

/* ---- Whole databases ---- */

/* Makes a copy of the database at path, a new file, as of some moment during the call, while other connections go on reading and writing; 58P02
 * if there is such a file. quern_progress is told how far it is; when it stops the copy (57014), or on any other error, nothing
 * is left of it. A transaction that is open on this connection is not in it. */
QUERN_API int quern_backup(quern *db, const char *path);

/* Copies everything that can be read of a damaged database, opened with quern_config.salvage, into a new file, and reports what cannot:
 * object is a table, index, ... or "file"; page -1 where none is known. The texts live during the call. */
QUERN_API int quern_recover(quern *db, const char *path,
                            void (*report)(void *arg, const char *object, int64_t page, const char *text), void *arg);

/* ---- The library ---- */

QUERN_API const char *quern_version(void); /* "0.1.0"; lives for ever */

#ifdef __cplusplus
}
#endif

#endif
