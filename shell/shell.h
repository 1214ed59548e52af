/* shell.h - the quern command: what its files share.
 *
 * main.c reads options and input and runs statements; table.c prints results; meta.c does backslash commands, describe.c those that
 * show what there is; edit.c is the terminal, tools.c what is done to whole files. It uses quern.h and nothing else of ours, like any application.
 */
#ifndef SHELL_SHELL_H
#define SHELL_SHELL_H

#include "quern.h"
#include <stdbool.h>
#include <stdio.h>

typedef enum Format { FORMAT_ALIGNED, FORMAT_UNALIGNED, FORMAT_CSV, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_BOX, FORMAT_LINE } Format;

typedef struct Variable {
    struct Variable *next;
    char *name, *value;
} Variable;

typedef struct Shell {
    quern *db;
    const char *path;
    Format format;
    bool tuples_only, expanded, quiet, timing, interactive, on_error_stop, single_transaction, echo_all;
    const char *separator; /* of unaligned output */
    const char *null_text;
    FILE *out;             /* \o */
    bool out_is_pipe;
    Variable *variables;
    bool failed, quit;     /* some statement failed; \q */
    int depth;             /* of \i */
    FILE *copy_in;         /* where COPY FROM STDIN reads: the script, or a file of \copy */
    FILE *copy_out;
    volatile int running;  /* a statement is: ^C interrupts it */
    int progress_width;    /* columns of the progress bar now shown */
    double started;        /* of the running statement */
} Shell;

/* A result as text, all rows. */
typedef struct Table {
    int ncols;
    char **names;
    bool *right;  /* numbers: aligned to the right */
    char ***rows; /* NULL cells are SQL NULL */
    long nrows, cap;
    const char *title;  /* NULL: none */
    const char *footer; /* NULL: "(n rows)" */
} Table;

/* main.c */
bool shell_run_sql(Shell *sh, const char *sql);      /* one statement; prints its result; false when it failed */
bool shell_run_stream(Shell *sh, FILE *in);          /* statements and commands up to the end; false: stop (ON_ERROR_STOP) */
bool shell_run_file(Shell *sh, const char *path);
bool shell_fetch(Shell *sh, const char *sql, Table *out); /* quietly; prints the error */
void shell_error(Shell *sh, const char *sql);        /* prints the last error as psql does */
const char *shell_variable(Shell *sh, const char *name);
void shell_set(Shell *sh, const char *name, const char *value);
double shell_now(void);

/* table.c */
void table_add_row(Table *t, char **cells); /* takes the cells */
void table_free(Table *t);
void table_print(Shell *sh, const Table *t);
int text_width(const char *s, size_t nbytes); /* columns on a terminal */

/* meta.c: line starts with a backslash. false: stop */
bool meta_command(Shell *sh, char *line);

/* describe.c: \d and its family (cmd without the backslash), \sf and \sv. pattern NULL: none */
bool describe_command(Shell *sh, const char *cmd, const char *pattern);
bool describe_source(Shell *sh, const char *cmd, const char *name);

/* tools.c: exit status of the process */
int shell_check(const char *path);
int shell_recover(const char *path, const char *to);

/* edit.c */
bool edit_open(Shell *sh);
void edit_close(Shell *sh);
/* The next line without its newline (malloc), NULL at the end. */
char *edit_line(Shell *sh, const char *prompt);
void edit_remember(const char *statement);

#endif
