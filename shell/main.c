/* main.c - the quern command: options, input, statements. */
#include "shell/shell.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static Shell *the_shell; /* for the signal handler alone */

double
shell_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
on_interrupt(int sig)
{
    (void)sig;
    if (the_shell != NULL && the_shell->running) quern_interrupt(the_shell->db);
    else if (the_shell != NULL && !the_shell->interactive) _exit(130);
}

/* ---- variables ---- */

const char *
shell_variable(Shell *sh, const char *name)
{
    for (Variable *v = sh->variables; v != NULL; v = v->next)
        if (strcmp(v->name, name) == 0) return v->value;
    return NULL;
}

void
shell_set(Shell *sh, const char *name, const char *value)
{
    Variable *v = sh->variables;
    while (v != NULL && strcmp(v->name, name) != 0) v = v->next;
    if (v == NULL) {
        v = calloc(1, sizeof(*v));
        if (v == NULL) return;
        v->name = strdup(name);
        v->next = sh->variables;
        sh->variables = v;
    }
    free(v->value);
    v->value = strdup(value);
    bool on = strcmp(value, "off") != 0 && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
    if (strcmp(name, "ON_ERROR_STOP") == 0) sh->on_error_stop = on;
    if (strcmp(name, "QUIET") == 0) sh->quiet = on;
    if (strcmp(name, "ECHO") == 0) sh->echo_all = strcmp(value, "all") == 0;
}

/* ---- errors and notices ---- */

/* The line the error is in, with a caret under its character, as psql shows it. */
static void
print_position(const char *sql, int position)
{
    const char *p = sql, *line = sql;
    int number = 1;
    for (int i = 1; i < position && *p != '\0'; i++) {
        if (*p == '\n') {
            line = p + 1;
            number++;
        }
        p++;
        while ((*p & 0xC0) == 0x80) p++;
    }
    size_t n = strcspn(line, "\n");
    int before = fprintf(stderr, "LINE %d: ", number);
    for (size_t i = 0; i < n; i++) fputc(line[i] == '\t' ? ' ' : line[i], stderr);
    fprintf(stderr, "\n%*s^\n", before + text_width(line, (size_t)(p - line)), "");
}

void
shell_error(Shell *sh, const char *sql)
{
    fprintf(stderr, "ERROR:  %s\n", quern_errmsg(sh->db));
    int position = quern_errposition(sh->db);
    if (position > 0 && sql != NULL) print_position(sql, position);
    if (quern_errdetail(sh->db) != NULL) fprintf(stderr, "DETAIL:  %s\n", quern_errdetail(sh->db));
    if (quern_errhint(sh->db) != NULL) fprintf(stderr, "HINT:  %s\n", quern_errhint(sh->db));
    if (quern_errcontext(sh->db) != NULL) fprintf(stderr, "CONTEXT:  %s\n", quern_errcontext(sh->db));
}

static void
on_notice(void *arg, const char *severity, const char *sqlstate, const char *message)
{
    (void)arg;
    (void)sqlstate;
    fprintf(stderr, "%s:  %s\n", severity, message);
}

/* After a second a bar on the terminal; erased when the statement ends. */
static int
on_progress(void *arg, double fraction)
{
    Shell *sh = arg;
    enum { WIDTH = 40 };
    if (!isatty(STDERR_FILENO) || shell_now() - sh->started < 1) return 0;
    if (fraction < 0) fraction = 0;
    if (fraction > 1) fraction = 1;
    fputs("\r[", stderr);
    for (int i = 0; i < WIDTH; i++) fputs(i < (int)(fraction * WIDTH) ? "█" : " ", stderr);
    sh->progress_width = WIDTH + 10;
    fprintf(stderr, "] %3.0f %%", fraction * 100);
    return 0;
}

static void
erase_progress(Shell *sh)
{
    if (sh->progress_width == 0) return;
    fprintf(stderr, "\r%*s\r", sh->progress_width, "");
    sh->progress_width = 0;
}

/* ---- COPY ---- */

static int
copy_source(void *arg, char *buf, size_t cap, size_t *n)
{
    Shell *sh = arg;
    size_t used = 0;
    *n = 0;
    if (sh->copy_in == NULL) return QUERN_OK;
    bool script = sh->copy_in == stdin || sh->depth > 0;
    /* Line by line: a line of \. ends the data where it stands in a script. */
    while (used + 8192 < cap) {
        if (fgets(buf + used, (int)(cap - used), sh->copy_in) == NULL) break;
        if (script && strcmp(buf + used, "\\.\n") == 0) {
            if (used == 0) sh->copy_in = NULL;
            else ungetc('\n', sh->copy_in), ungetc('.', sh->copy_in), ungetc('\\', sh->copy_in);
            break;
        }
        used += strlen(buf + used);
        if (isatty(fileno(sh->copy_in))) break;
    }
    *n = used;
    return QUERN_OK;
}

static int
copy_sink(void *arg, const char *data, size_t n)
{
    Shell *sh = arg;
    FILE *out = sh->copy_out != NULL ? sh->copy_out : sh->out;
    return fwrite(data, 1, n, out) == n ? QUERN_OK : 1;
}

/* ---- statements ---- */

static bool
is_numeric_type(uint32_t oid)
{
    switch (oid) {
    case 20: case 21: case 23: case 26: case 28: case 700: case 701: case 790: case 1700: return true;
    default: return false;
    }
}

static void
describe(quern_stmt *stmt, Table *t)
{
    t->ncols = quern_column_count(stmt);
    t->names = calloc((size_t)t->ncols + 1, sizeof(char *));
    t->right = calloc((size_t)t->ncols + 1, sizeof(bool));
    for (int c = 0; t->names != NULL && t->right != NULL && c < t->ncols; c++) {
        t->names[c] = strdup(quern_column_name(stmt, c));
        t->right[c] = is_numeric_type(quern_column_type(stmt, c));
    }
}

static int
read_rows(quern_stmt *stmt, Table *t)
{
    int rc;
    while ((rc = quern_step(stmt)) == QUERN_ROW) {
        char **cells = calloc((size_t)t->ncols + 1, sizeof(char *));
        for (int c = 0; cells != NULL && c < t->ncols; c++) {
            const char *s = quern_column_text(stmt, c);
            cells[c] = s != NULL ? strdup(s) : NULL;
        }
        if (cells != NULL) table_add_row(t, cells);
    }
    return rc;
}

static void
print_timing(Shell *sh, double seconds)
{
    double ms = seconds * 1000;
    if (ms < 1000) fprintf(sh->out, "Time: %.3f ms\n", ms);
    else if (ms < 60000) fprintf(sh->out, "Time: %.3f ms (00:%06.3f)\n", ms, ms / 1000);
    else fprintf(sh->out, "Time: %.3f ms (%02d:%06.3f)\n", ms, (int)(ms / 60000), ms / 1000 - 60 * (int)(ms / 60000));
}

bool
shell_run_sql(Shell *sh, const char *sql)
{
    quern_stmt *stmt = NULL;
    const char *tail;
    bool ok = true;
    if (sh->echo_all) fprintf(sh->out, "%s\n", sql);
    sh->started = shell_now();
    sh->running = 1;
    if (quern_prepare(sh->db, sql, -1, &stmt, &tail) != QUERN_OK) {
        ok = false;
    } else if (stmt != NULL) {
        Table t = {0};
        describe(stmt, &t);
        ok = read_rows(stmt, &t) == QUERN_DONE;
        sh->running = 0;
        erase_progress(sh);
        if (ok && t.ncols > 0) table_print(sh, &t);
        const char *tag = ok ? quern_command_tag(stmt) : "";
        if (ok && !sh->quiet && *tag != '\0' && (t.ncols == 0 || strncmp(tag, "INSERT", 6) == 0 || strncmp(tag, "UPDATE", 6) == 0 || strncmp(tag, "DELETE", 6) == 0))
            fprintf(sh->out, "%s\n", tag);
        table_free(&t);
    }
    sh->running = 0;
    erase_progress(sh);
    if (!ok) {
        fflush(sh->out);
        shell_error(sh, sql);
        sh->failed = true;
    }
    quern_finalize(stmt);
    if (ok && sh->timing) print_timing(sh, shell_now() - sh->started);
    fflush(sh->out);
    return ok;
}

bool
shell_fetch(Shell *sh, const char *sql, Table *out)
{
    quern_stmt *stmt;
    *out = (Table){0};
    bool ok = quern_prepare(sh->db, sql, -1, &stmt, NULL) == QUERN_OK;
    if (ok) {
        describe(stmt, out);
        ok = read_rows(stmt, out) == QUERN_DONE;
        quern_finalize(stmt);
    }
    if (!ok) {
        shell_error(sh, sql);
        table_free(out);
    }
    return ok;
}

/* ---- input ---- */

/* Where the scanner of statements stands between lines. */
typedef struct Scan {
    char quote;       /* ' or " inside one */
    bool escapes;     /* E'' */
    char dollar[72];  /* $tag$ inside one */
    int comment;      /* depth of nested comments */
    int parens;
    char words[5];    /* first letters of the first words: CREATE OR REPLACE FUNCTION */
    int nwords;
    int begins;       /* BEGIN ATOMIC and CASE not yet ended, in a function's body */
    bool blank;       /* nothing but white space and comments so far */
} Scan;

typedef struct Input {
    char *text; /* the statement being gathered */
    size_t nbytes, cap;
    Scan scan;
} Input;

static void
input_add(Input *in, const char *s, size_t n)
{
    if (in->nbytes + n + 1 > in->cap) {
        size_t cap = (in->nbytes + n + 1) * 2;
        char *more = realloc(in->text, cap);
        if (more == NULL) {
            fprintf(stderr, "out of memory\n");
            exit(2);
        }
        in->text = more;
        in->cap = cap;
    }
    memcpy(in->text + in->nbytes, s, n);
    in->nbytes += n;
    in->text[in->nbytes] = '\0';
}

static void
input_clear(Input *in)
{
    in->nbytes = 0;
    if (in->text != NULL) in->text[0] = '\0';
    in->scan = (Scan){.blank = true};
}

static bool
is_ident(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

/* :name, :'name' and :"name" of a variable that is set. Returns bytes taken, 0 if it is none. */
static size_t
expand_variable(Shell *sh, Input *in, const char *s, char before)
{
    char quote = s[1] == '\'' || s[1] == '"' ? s[1] : '\0', name[128];
    size_t i = quote != '\0' ? 2 : 1, n = 0;
    if (before == ':' || s[1] == ':' || s[1] == '=') return 0;
    while (is_ident(s[i]) && n < sizeof(name) - 1) name[n++] = s[i++];
    name[n] = '\0';
    if (n == 0 || (quote != '\0' && s[i] != quote)) return 0;
    const char *value = shell_variable(sh, name);
    if (value == NULL) return 0;
    if (quote != '\0') {
        input_add(in, &quote, 1);
        for (const char *v = value; *v != '\0'; v++) {
            if (*v == quote) input_add(in, v, 1);
            input_add(in, v, 1);
        }
        input_add(in, &quote, 1);
        return i + 1;
    }
    input_add(in, value, strlen(value));
    return i;
}

/* Notes a word; gives its length. In CREATE FUNCTION a semicolon between BEGIN and END ends no statement. */
static size_t
note_word(Scan *x, const char *s)
{
    size_t n = 1;
    while (is_ident(s[n])) n++;
#define IS_WORD(w) (n == sizeof(w) - 1 && strncasecmp(s, w, n) == 0)
    if (x->nwords < 4) {
        bool known = IS_WORD("create") || IS_WORD("or") || IS_WORD("replace") || IS_WORD("function") || IS_WORD("procedure");
        x->words[x->nwords++] = known ? (char)(*s | 0x20) : '?';
    }
    const char *w = x->words;
    const char kind = strncmp(w, "cor", 3) == 0 ? w[3] : w[0] == 'c' ? w[1] : '\0';
    if ((kind != 'f' && kind != 'p') || x->parens > 0) return n;
    if (IS_WORD("begin") || (IS_WORD("case") && x->begins > 0)) x->begins++;
    if (IS_WORD("end") && x->begins > 0) x->begins--;
#undef IS_WORD
    return n;
}

/* Takes characters of one line up to the end of a statement or the line. Returns where it stopped; *complete: a statement is. A
 * backslash command stops it too. */
static const char *
scan_line(Shell *sh, Input *in, const char *s, bool *complete)
{
    Scan *x = &in->scan;
    *complete = false;
    while (*s != '\0') {
        char before = in->nbytes > 0 ? in->text[in->nbytes - 1] : '\0';
        size_t take = 1;
        if (x->quote != '\0') {
            if (x->escapes && *s == '\\' && s[1] != '\0') take = 2;
            else if (*s == x->quote) x->quote = '\0', x->escapes = false;
        } else if (x->dollar[0] != '\0') {
            size_t n = strlen(x->dollar);
            if (strncmp(s, x->dollar, n) == 0) {
                take = n;
                x->dollar[0] = '\0';
            }
        } else if (x->comment > 0) {
            if (s[0] == '*' && s[1] == '/') take = 2, x->comment--;
            else if (s[0] == '/' && s[1] == '*') take = 2, x->comment++;
        } else if (s[0] == '-' && s[1] == '-') {
            take = strcspn(s, "\n");
            input_add(in, s, take);
            s += take;
            continue;
        } else if (s[0] == '/' && s[1] == '*') {
            take = 2;
            x->comment++;
        } else if (*s == '\'' || *s == '"') {
            x->quote = *s;
            x->escapes = *s == '\'' && (before == 'E' || before == 'e') && (in->nbytes < 2 || !is_ident(in->text[in->nbytes - 2]));
            x->blank = false;
        } else if (*s == '$' && !is_ident(before)) {
            size_t n = 1;
            while (is_ident(s[n])) n++;
            if (s[n] == '$' && !(s[1] >= '0' && s[1] <= '9') && n + 1 < sizeof(x->dollar)) {
                take = n + 1;
                memcpy(x->dollar, s, take);
                x->dollar[take] = '\0';
            }
            x->blank = false;
        } else if (*s == ':') {
            size_t used = expand_variable(sh, in, s, before);
            x->blank = false;
            if (used > 0) {
                s += used;
                continue;
            }
        } else if (*s == '\\') {
            return s;
        } else if (*s == ';' && x->parens == 0 && x->begins == 0) {
            input_add(in, s, 1);
            *complete = true;
            return s + 1;
        } else {
            if (*s == '(') x->parens++;
            if (*s == ')' && x->parens > 0) x->parens--;
            if (is_ident(*s) && !is_ident(before)) take = note_word(x, s);
            if (*s != ' ' && *s != '\t' && *s != '\n' && *s != '\r') x->blank = false;
        }
        input_add(in, s, take);
        s += take;
    }
    return s;
}

static bool
go_on(const Shell *sh, bool ok)
{
    return !sh->quit && (ok || !sh->on_error_stop);
}

/* Runs what is complete in a line; false: stop. */
static bool
take_line(Shell *sh, Input *in, char *line)
{
    const char *s = line;
    while (*s != '\0') {
        bool complete;
        s = scan_line(sh, in, s, &complete);
        if (complete) {
            if (sh->interactive) edit_remember(in->text);
            bool ok = in->scan.blank || shell_run_sql(sh, in->text);
            input_clear(in);
            if (!go_on(sh, ok)) return false;
        } else if (*s == '\\') {
            if (s[1] == 'g' || s[1] == ';') { /* \g: as a semicolon */
                bool expanded = sh->expanded;
                if (s[2] == 'x') sh->expanded = true;
                bool ok = in->scan.blank || shell_run_sql(sh, in->text);
                sh->expanded = expanded;
                input_clear(in);
                return go_on(sh, ok);
            }
            bool ok = meta_command(sh, (char *)s);
            if (s[1] == 'r') input_clear(in);
            return go_on(sh, ok);
        }
    }
    return true;
}

bool
shell_run_stream(Shell *sh, FILE *f)
{
    Input in = {0};
    bool ok = true;
    char *line = NULL;
    size_t cap = 0;
    input_clear(&in);
    while (ok) {
        bool terminal = sh->interactive && f == stdin;
        if (terminal) {
            char prompt[64];
            char status = quern_transaction_status(sh->db);
            char kind = in.scan.quote != '\0' ? in.scan.quote : in.scan.dollar[0] != '\0' ? '$' : in.scan.comment > 0 ? '*' : in.scan.parens > 0 ? '(' : in.scan.blank ? '=' : '-';
            snprintf(prompt, sizeof(prompt), "quern%c%s> ", kind, status == 'T' ? "*" : status == 'E' ? "!" : "");
            free(line);
            line = edit_line(sh, prompt);
            if (line == NULL) break;
        } else {
            ssize_t n = getline(&line, &cap, f);
            if (n < 0) break;
            if (n > 0 && line[n - 1] == '\n') line[n - 1] = '\0';
        }
        sh->copy_in = f;
        ok = take_line(sh, &in, line);
        if (ok && !(in.scan.blank && in.nbytes == 0)) input_add(&in, "\n", 1);
        if (in.scan.blank && in.scan.comment == 0) input_clear(&in);
    }
    if (ok && !in.scan.blank && !sh->quit) ok = go_on(sh, shell_run_sql(sh, in.text)); /* the last one needs no semicolon */
    free(line);
    free(in.text);
    return ok;
}

bool
shell_run_file(Shell *sh, const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        sh->failed = true;
        return !sh->on_error_stop;
    }
    bool interactive = sh->interactive, ok = sh->depth < 50;
    if (ok) {
        sh->interactive = false;
        sh->depth++;
        ok = shell_run_stream(sh, f);
        sh->depth--;
        sh->interactive = interactive;
    } else {
        fprintf(stderr, "%s: included too deeply\n", path);
    }
    if (f != stdin) fclose(f);
    return ok;
}

/* ---- options ---- */

typedef struct Action {
    bool is_file;
    const char *text;
} Action;

static int
usage(FILE *out)
{
    fputs("usage: quern [options] [database [sql]]\n"
          "  -c SQL        run one command and exit\n"
          "  -f FILE       run a file and exit; - is standard input\n"
          "  -A            unaligned output         -t   rows only\n"
          "  -F SEP        field separator          -x   expanded output\n"
          "  -q            no command tags          -1   all in one transaction\n"
          "  -v NAME=VALUE set a variable (ON_ERROR_STOP=1: stop at the first error, exit status 3)\n"
          "  -csv -json -markdown -box -line        output formats\n"
          "  --check FILE  verify a database: every page, index and constraint\n"
          "  --recover FILE NEW  copy what can be read of a damaged database into a new file\n"
          "  --version     print the version\n"
          "Without a database everything is kept in memory.\n",
          out);
    return out == stdout ? 0 : 2;
}

static bool
format_word(Shell *sh, const char *a)
{
    static const struct {
        const char *word;
        Format format;
    } words[] = {{"-csv", FORMAT_CSV}, {"--csv", FORMAT_CSV}, {"-json", FORMAT_JSON}, {"--json", FORMAT_JSON}, {"-markdown", FORMAT_MARKDOWN},
                 {"-box", FORMAT_BOX}, {"-line", FORMAT_LINE}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(a, words[i].word) != 0) continue;
        sh->format = words[i].format;
        return true;
    }
    return false;
}

/* Letters of one argument; *arg_out is where the value of the last one stands. False: unknown. */
static bool
letters(Shell *sh, int argc, char **argv, int *i, Action *actions, int *nactions)
{
    for (const char *p = argv[*i] + 1; *p != '\0'; p++) {
        switch (*p) {
        case 'A': sh->format = FORMAT_UNALIGNED; continue;
        case 't': sh->tuples_only = true; continue;
        case 'x': sh->expanded = true; continue;
        case 'q': sh->quiet = true; continue;
        case '1': sh->single_transaction = true; continue;
        case 'a': sh->echo_all = true; continue;
        case 'X': case 'w': continue;
        default: break;
        }
        if (strchr("cfFvP", *p) == NULL) return false;
        const char *value = p[1] != '\0' ? p + 1 : *i + 1 < argc ? argv[++*i] : NULL;
        if (value == NULL) return false;
        if (*p == 'F') sh->separator = value;
        if (*p == 'c' || *p == 'f') actions[(*nactions)++] = (Action){*p == 'f', value};
        if (*p == 'v') {
            char *name = strdup(value), *eq = strchr(name, '=');
            if (eq != NULL) *eq++ = '\0';
            shell_set(sh, name, eq != NULL ? eq : "");
            free(name);
        }
        return true;
    }
    return true;
}

/* All statements and commands of one -c, each by itself. */
static bool
run_command(Shell *sh, const char *text)
{
    if (text[0] == '\\') {
        char *copy = strdup(text);
        bool ok = meta_command(sh, copy);
        free(copy);
        return ok;
    }
    Input in = {0};
    input_clear(&in);
    const char *s = text;
    bool ok = true;
    while (ok && *s != '\0') {
        bool complete;
        s = scan_line(sh, &in, s, &complete);
        if (*s == '\\' && !complete) {
            input_add(&in, s++, 1);
            continue;
        }
        if (!in.scan.blank) ok = shell_run_sql(sh, in.text);
        input_clear(&in);
    }
    free(in.text);
    return ok;
}

static bool
run_actions(Shell *sh, const Action *actions, int nactions)
{
    bool ok = true;
    if (sh->single_transaction) ok = quern_exec(sh->db, "BEGIN", NULL, NULL) == QUERN_OK;
    for (int i = 0; ok && i < nactions && !sh->quit; i++) {
        sh->copy_in = stdin;
        bool done = actions[i].is_file ? shell_run_file(sh, actions[i].text) : run_command(sh, actions[i].text);
        ok = done || !sh->on_error_stop;
    }
    if (sh->single_transaction) quern_exec(sh->db, sh->failed ? "ROLLBACK" : "COMMIT", NULL, NULL);
    return ok;
}

int
main(int argc, char **argv)
{
    static Shell shell = {.separator = "|", .null_text = ""};
    Shell *sh = &shell;
    Action *actions = calloc((size_t)argc + 1, sizeof(Action));
    int nactions = 0, npositional = 0;
    const char *positional[2] = {":memory:", NULL};
    sh->out = stdout;
    for (int i = 1; i < argc && actions != NULL; i++) {
        const char *a = argv[i];
        if (strcmp(a, "--help") == 0) return usage(stdout);
        if (strcmp(a, "--check") == 0) return i + 2 == argc ? shell_check(argv[i + 1]) : usage(stderr);
        if (strcmp(a, "--recover") == 0) return i + 3 == argc ? shell_recover(argv[i + 1], argv[i + 2]) : usage(stderr);
        if (strcmp(a, "--version") == 0) {
            printf("quern %s\n", quern_version());
            return 0;
        }
        if (a[0] != '-' || a[1] == '\0') {
            if (npositional == 2) return usage(stderr);
            positional[npositional++] = a;
        } else if (!format_word(sh, a) && !letters(sh, argc, argv, &i, actions, &nactions)) {
            fprintf(stderr, "quern: unknown option %s\n", a);
            return usage(stderr);
        }
    }
    if (actions != NULL && positional[1] != NULL) actions[nactions++] = (Action){false, positional[1]};
    sh->path = positional[0];
    if (quern_open(sh->path, &sh->db) != QUERN_OK) {
        fprintf(stderr, "quern: %s\n", quern_errmsg(sh->db));
        quern_close(sh->db);
        return 2;
    }
    the_shell = sh;
    signal(SIGINT, on_interrupt);
    quern_notice(sh->db, on_notice, sh);
    quern_copy_source(sh->db, copy_source, sh);
    quern_copy_sink(sh->db, copy_sink, sh);
    quern_progress(sh->db, on_progress, sh);
    sh->interactive = nactions == 0 && isatty(STDIN_FILENO);
    bool ok;
    if (nactions > 0) {
        ok = run_actions(sh, actions, nactions);
    } else {
        if (sh->interactive) {
            printf("quern %s. Type \\? for help.\n", quern_version());
            edit_open(sh);
        }
        ok = shell_run_stream(sh, stdin);
        if (sh->interactive) edit_close(sh);
    }
    the_shell = NULL;
    int status = sh->failed && sh->on_error_stop ? 3 : sh->failed || !ok ? 1 : 0;
    if (sh->interactive) status = 0;
    if (fflush(sh->out) != 0 || ferror(sh->out)) {
        perror("quern: output");
        status = 1;
    }
    quern_close(sh->db);
    free(actions);
    return status;
}
