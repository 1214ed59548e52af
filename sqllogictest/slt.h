/* slt.h - a sqllogictest file as records, an engine to run them on, and the comparison of the two.
 *
 * The dialect is the classic one (statement, query, skipif, onlyif, halt, hash-threshold) with what PostgreSQL needs:
 * SQLSTATEs after `statement error`, connection, reconnect, include, copyin, copyout, and comment lines as tags.
 */
#ifndef SQLLOGICTEST_SLT_H
#define SQLLOGICTEST_SLT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum SltKind { SLT_STATEMENT, SLT_QUERY, SLT_COPYIN, SLT_COPYOUT, SLT_RECONNECT, SLT_INCLUDE, SLT_HALT,
                       SLT_HASH_THRESHOLD } SltKind;
typedef enum SltSort { SLT_NOSORT, SLT_ROWSORT, SLT_VALUESORT } SltSort;

typedef struct SltRecord {
    SltKind kind;
    int line;            /* of the record's first line in the file */
    char *sql;           /* include: the file */
    bool expect_error;
    char *error;         /* SQLSTATE, "SQLSTATE: text", or a regular expression; NULL: any error */
    char *types;         /* query: I, R, T a column */
    SltSort sort;
    char *label;         /* NULL: none */
    char **lines;        /* expected values or lines */
    int nlines;
    char *data;          /* copyin: what to send */
    char *connection;    /* NULL: the default one */
    char *feature;       /* of the record; "" if none */
    bool setup;          /* runs, is not counted */
    bool skip;           /* skipif/onlyif say so */
    long number;         /* hash-threshold */
} SltRecord;

typedef struct SltFile {
    char *path;
    char *text;   /* the records point into it, */
    char **lines; /* and into this */
    SltRecord *records;
    int count, cap;
} SltFile;

/* false with a message on standard error when the file cannot be read or parsed. engines: names that skipif takes as ours
 * ("quern" and "postgresql"); onlyif takes engine alone. */
bool slt_read(const char *path, const char *engine, SltFile *out);
void slt_free(SltFile *f);
/* Records that count. */
int slt_counted(const SltRecord *r);

/* What running a record gave. */
typedef struct SltResult {
    bool failed;
    char sqlstate[6];
    char *message;
    int ncols;    /* 0: no result set */
    char **cells; /* nrows * ncols; NULL: SQL NULL */
    size_t nrows, cells_cap;
    bool is_copy; /* cells holds one line a row */
} SltResult;
void slt_result_reset(SltResult *r);
/* Adds a row of ncols (is_copy: one) cells, copied; NULL: SQL NULL. */
bool slt_result_add(SltResult *r, const char *const *cells);
void slt_result_error(SltResult *r, const char *sqlstate, const char *message);

typedef struct SltEngine SltEngine;
typedef struct SltSession SltSession;
struct SltEngine {
    const char *name;
    /* A fresh database for one file, whose sessions begin with these settings ("name=value;..."; NULL: none). NULL with a
     * message on standard error. */
    void *(*create)(const char *target, const char *file, const char *settings);
    void (*destroy)(void *db);
    SltSession *(*connect)(void *db);
    void (*disconnect)(SltSession *s);
    /* Runs a record's SQL, several statements as one simple query; want_rows: the last result is read. */
    void (*run)(SltSession *s, const char *sql, const char *copy_data, bool want_rows, SltResult *out);
};
extern const SltEngine slt_quern, slt_postgres;

/* NULL when the result is as expected, else why not (malloc). threshold: values beyond which a hash stands. */
char *slt_check(const SltRecord *r, const SltResult *got, long threshold, char **got_text);
void slt_md5(const void *data, size_t nbytes, char hex[33]);

#endif
