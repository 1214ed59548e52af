/* isolation_corpus.c - replays histories of several sessions and compares each step with what PostgreSQL 15 did.
 *     isolation_corpus [--jobs N] [--show N] [--wait-ms N] [--summary FILE] FILE.json|FOLDER...
 *
 * A file holds a specification: setup and teardown, sessions with named steps, and permutations of the steps, each with the outcome of every
 * step: ok, rows, or an error's SQLSTATE; whether it waited, and the position of the step that let it go on. A session is a thread with a
 * connection of its own. A step that has not come back after wait-ms, and of which pg_stat_activity says that it waits for a lock, waits (so
 * does one that is neither for WAITS_ANYWAY times as long: it sleeps). A permutation passes if every step has its outcome; when
 * deadlocks and timeouts come is not compared. Each permutation has a fresh database. */
#include "quern.h"
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SESSIONS_MAX = 16, STEPS_MAX = 64, HANG_MS = 8000, WAITS_ANYWAY = 20 };

static int show = 0, wait_ms_default = 150;

static void *
must(void *p)
{
    if (p != NULL) return p;
    fprintf(stderr, "out of memory\n");
    exit(2);
}

/* ---- JSON, as much of it as the files use ---- */

typedef enum JsonKind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;
typedef struct Json {
    JsonKind kind;
    double number;      /* and bool */
    char *str;
    int n;
    struct Json *items; /* of arrays and objects */
    char **keys;        /* of objects */
} Json;

static void
skip_space(const char **p)
{
    while (**p == ' ' || **p == '\n' || **p == '\t' || **p == '\r') (*p)++;
}

static char *
put_utf8(char *to, unsigned c)
{
    if (c < 0x80) *to++ = (char)c;
    else if (c < 0x800) *to++ = (char)(0xC0 | c >> 6), *to++ = (char)(0x80 | (c & 0x3F));
    else *to++ = (char)(0xE0 | c >> 12), *to++ = (char)(0x80 | (c >> 6 & 0x3F)), *to++ = (char)(0x80 | (c & 0x3F));
    return to;
}

static char *
json_string(const char **p)
{
    const char *end = ++*p;
    while (*end != '"') end += *end == '\\' ? 2 : 1;
    char *out = must(malloc((size_t)(end - *p) + 1)), *to = out;
    for (; *p < end; (*p)++) {
        if (**p != '\\') {
            *to++ = **p;
            continue;
        }
        (*p)++;
        switch (**p) {
        case 'n': *to++ = '\n'; break;
        case 't': *to++ = '\t'; break;
        case 'r': *to++ = '\r'; break;
        case 'u': {
            char hex[5] = {(*p)[1], (*p)[2], (*p)[3], (*p)[4], '\0'};
            to = put_utf8(to, (unsigned)strtoul(hex, NULL, 16));
            *p += 4;
            break;
        }
        default: *to++ = **p;
        }
    }
    *to = '\0';
    *p = end + 1;
    return out;
}

static Json
json_value(const char **p)
{
    Json v = {0};
    skip_space(p);
    if (**p == '"') {
        v.kind = JSON_STRING;
        v.str = json_string(p);
    } else if (**p == '[' || **p == '{') {
        char close = **p == '[' ? ']' : '}';
        v.kind = close == ']' ? JSON_ARRAY : JSON_OBJECT;
        for ((*p)++, skip_space(p); **p != close; skip_space(p)) {
            v.items = must(realloc(v.items, (size_t)(v.n + 1) * sizeof(Json)));
            v.keys = must(realloc(v.keys, (size_t)(v.n + 1) * sizeof(char *)));
            v.keys[v.n] = NULL;
            if (close == '}') {
                v.keys[v.n] = json_string(p);
                skip_space(p);
                (*p)++; /* the colon */
            }
            v.items[v.n] = json_value(p);
            v.n++;
            skip_space(p);
            if (**p == ',') (*p)++;
        }
        (*p)++;
    } else if (**p == 't' || **p == 'f') {
        v.kind = JSON_BOOL;
        v.number = **p == 't';
        *p += **p == 't' ? 4 : 5;
    } else if (**p == 'n') {
        *p += 4;
    } else {
        char *end;
        v.kind = JSON_NUMBER;
        v.number = strtod(*p, &end);
        *p = end;
    }
    return v;
}

static const Json *
json_get(const Json *o, const char *key)
{
    for (int i = 0; i < o->n; i++)
        if (strcmp(o->keys[i], key) == 0) return &o->items[i];
    return NULL;
}

static void
json_free(Json *v)
{
    for (int i = 0; i < v->n; i++) {
        json_free(&v->items[i]);
        free(v->keys[i]);
    }
    free(v->items);
    free(v->keys);
    free(v->str);
}

/* ---- running SQL ---- */

typedef struct Result {
    char sqlstate[6]; /* "": no error */
    bool has_rows;
    int nrows;
    char **rows;      /* each with a newline behind every value */
    char message[200];
} Result;

static void
result_free(Result *r)
{
    for (int i = 0; i < r->nrows; i++) free(r->rows[i]);
    free(r->rows);
    *r = (Result){0};
}

/* A value as the files hold it: NULL, (empty), and @ for every byte that is not plain. */
static void
add_value(char **row, size_t *n, const char *value)
{
    const char *text = value == NULL ? "NULL" : value[0] == '\0' ? "(empty)" : value;
    size_t nbytes = strlen(text);
    *row = must(realloc(*row, *n + nbytes + 2));
    for (size_t i = 0; i < nbytes; i++) (*row)[(*n)++] = text[i] >= 32 && text[i] < 127 ? text[i] : '@';
    (*row)[(*n)++] = '\n';
    (*row)[*n] = '\0';
}

static int
fetch_rows(quern_stmt *st, Result *r)
{
    int code, ncols = quern_column_count(st);
    if (ncols > 0) {
        result_free(r);
        r->has_rows = true;
    }
    while ((code = quern_step(st)) == QUERN_ROW) {
        char *row = must(calloc(1, 1));
        size_t n = 0;
        for (int c = 0; c < ncols; c++) add_value(&row, &n, quern_column_text(st, c));
        r->rows = must(realloc(r->rows, (size_t)(r->nrows + 1) * sizeof(char *)));
        r->rows[r->nrows++] = row;
    }
    return code;
}

/* Statement by statement; ends with the first error. The rows are those of the last that gave any. */
static void
run_sql(quern *db, const char *sql, Result *r)
{
    *r = (Result){0};
    while (*sql != '\0') {
        quern_stmt *st = NULL;
        const char *tail = NULL;
        int code = quern_prepare(db, sql, -1, &st, &tail);
        if (code == QUERN_OK && st != NULL) code = fetch_rows(st, r);
        else if (code == QUERN_OK) code = QUERN_DONE;
        if (code != QUERN_DONE) {
            result_free(r);
            snprintf(r->sqlstate, sizeof(r->sqlstate), "%s", quern_sqlstate(db));
            snprintf(r->message, sizeof(r->message), "%s", quern_errmsg(db));
        }
        if (st != NULL) quern_finalize(st);
        if (r->sqlstate[0] != '\0' || tail == NULL || tail <= sql) return;
        sql = tail;
    }
}

/* ---- sessions ---- */

typedef struct Session {
    const Json *spec;
    quern *db;
    char pid[16]; /* as pg_stat_activity has it */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    const char *sql;  /* to be run; NULL: nothing */
    bool busy, stop;
    Result result;
    int step;         /* at work on, -1: none */
    bool is_waiting;
} Session;

static void *
session_main(void *arg)
{
    Session *s = arg;
    pthread_mutex_lock(&s->mutex);
    for (;;) {
        while (s->sql == NULL && !s->stop) pthread_cond_wait(&s->cond, &s->mutex);
        if (s->stop) break;
        const char *sql = s->sql;
        s->sql = NULL;
        pthread_mutex_unlock(&s->mutex);
        Result r;
        run_sql(s->db, sql, &r);
        pthread_mutex_lock(&s->mutex);
        s->result = r;
        s->busy = false;
        pthread_cond_broadcast(&s->cond);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

static void
launch(Session *s, const char *sql, int step)
{
    pthread_mutex_lock(&s->mutex);
    s->sql = sql;
    s->step = step;
    s->busy = true;
    pthread_cond_broadcast(&s->cond);
    pthread_mutex_unlock(&s->mutex);
}

/* Whether the session has come back within that time. */
static bool
comes_back(Session *s, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&s->mutex);
    while (s->busy && pthread_cond_timedwait(&s->cond, &s->mutex, &until) != ETIMEDOUT) {}
    bool back = !s->busy;
    pthread_mutex_unlock(&s->mutex);
    return back;
}

/* ---- one permutation ---- */

typedef struct Outcome {
    Result result;
    bool waited;
    int done_after;
} Outcome;

typedef struct Run {
    const Json *spec;
    quern *control;
    Session sessions[SESSIONS_MAX];
    int nsessions, wait_ms;
    const Json *steps;
    Outcome out[STEPS_MAX];
    char why[400];
} Run;

static Session *
step_owner(Run *run, const char *name, const char **sql_out)
{
    for (int i = 0; i < run->nsessions; i++) {
        const Json *sql = json_get(json_get(run->sessions[i].spec, "steps"), name);
        if (sql == NULL) continue;
        *sql_out = sql->str;
        return &run->sessions[i];
    }
    fprintf(stderr, "no step %s\n", name);
    exit(2);
}

static int
compare_rows(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
collect(Run *run, Session *s, int after)
{
    const char *sql;
    Outcome *o = &run->out[s->step];
    step_owner(run, run->steps->items[s->step].str, &sql);
    o->result = s->result;
    s->result = (Result){0};
    if (strcasestr(sql, "order by") == NULL && o->result.nrows > 1)
        qsort(o->result.rows, (size_t)o->result.nrows, sizeof(char *), compare_rows);
    o->waited = s->is_waiting;
    o->done_after = after;
    s->is_waiting = false;
    s->step = -1;
}

/* The first value of the first row, as text. */
static void
query_text(quern *db, const char *sql, char *out, size_t nbytes)
{
    Result r;
    run_sql(db, sql, &r);
    snprintf(out, nbytes, "%s", r.nrows > 0 ? r.rows[0] : "");
    result_free(&r);
}

static bool
waits_for_lock(Run *run, const Session *s)
{
    char sql[160], answer[8];
    snprintf(sql, sizeof(sql), "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", s->pid);
    query_text(run->control, sql, answer, sizeof(answer));
    return answer[0] != '\0';
}

/* Comes back, or is found to wait: on a busy machine a step that waits for nothing may take its time. */
static bool
ends_or_waits(Run *run, Session *s)
{
    for (int i = 0; i < WAITS_ANYWAY; i++) {
        if (comes_back(s, run->wait_ms)) return true;
        if (waits_for_lock(run, s)) return comes_back(s, 0);
    }
    return false;
}

static bool
run_steps(Run *run)
{
    for (int i = 0; i < run->steps->n; i++) {
        const char *sql;
        Session *s = step_owner(run, run->steps->items[i].str, &sql);
        if (s->step >= 0) {
            if (!comes_back(s, HANG_MS)) {
                snprintf(run->why, sizeof(run->why), "step %d (%s): its session does not come back", i, run->steps->items[i].str);
                return false;
            }
            collect(run, s, i - 1);
        }
        launch(s, sql, i);
        if (ends_or_waits(run, s)) collect(run, s, i);
        else s->is_waiting = true;
        for (int k = 0; k < run->nsessions; k++) {
            Session *w = &run->sessions[k];
            if (w != s && w->is_waiting && ends_or_waits(run, w)) collect(run, w, i);
        }
        if (s->is_waiting && comes_back(s, 0)) collect(run, s, i);
    }
    for (int k = 0; k < run->nsessions; k++) {
        Session *w = &run->sessions[k];
        if (w->step < 0) continue;
        if (!comes_back(w, HANG_MS)) {
            snprintf(run->why, sizeof(run->why), "step %d (%s) does not come back", w->step, run->steps->items[w->step].str);
            return false;
        }
        collect(run, w, run->steps->n - 1);
    }
    return true;
}

static bool
differs(char *why, size_t nbytes, int step, const Json *want, const Outcome *got)
{
    const char *kind = json_get(want, "outcome")->str;
    const Json *state = json_get(want, "sqlstate"), *rows = json_get(want, "rows");
    const char *found = got->result.sqlstate[0] != '\0' ? "error" : got->result.has_rows ? "rows" : "ok";
    if (strcmp(kind, found) != 0 || (state != NULL && state->str != NULL && strcmp(state->str, got->result.sqlstate) != 0)) {
        snprintf(why, nbytes, "step %d: %s %s %s, want %s %s", step, found, got->result.sqlstate, got->result.message, kind,
                 state != NULL && state->str != NULL ? state->str : "");
        return true;
    }
    if (rows == NULL || rows->kind != JSON_ARRAY) return false;
    bool same = rows->n == got->result.nrows;
    for (int i = 0; i < rows->n && same; i++) {
        char *row = must(calloc(1, 1));
        size_t n = 0;
        for (int c = 0; c < rows->items[i].n; c++) add_value(&row, &n, rows->items[i].items[c].str);
        same = strcmp(row, got->result.rows[i]) == 0;
        if (!same) snprintf(why, nbytes, "step %d: row %d is %s, want %s", step, i, got->result.rows[i], row);
        free(row);
    }
    if (rows->n != got->result.nrows) snprintf(why, nbytes, "step %d: %d rows, want %d", step, got->result.nrows, rows->n);
    return !same;
}

static const char *
json_state(const Json *outcome)
{
    const Json *s = json_get(outcome, "sqlstate");
    return s != NULL && s->str != NULL ? s->str : "";
}

/* Who waits, and until when, unless deadlocks and timeouts decide that. */
static bool
waits_differ(char *why, size_t nbytes, int step, const Json *want, const Outcome *got)
{
    const Json *waits = json_get(want, "waits"), *after = json_get(want, "done_after");
    const char *state = json_state(want);
    if (strcmp(state, "40P01") == 0 || strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0) return false;
    if (waits != NULL && waits->kind == JSON_NULL) return false;
    bool should = waits != NULL && waits->number != 0;
    if (should != got->waited) {
        snprintf(why, nbytes, "step %d: %s, want that it %s", step, got->waited ? "waits" : "does not wait", should ? "waits" : "does not");
        return true;
    }
    if (should && after != NULL && (int)after->number != got->done_after) {
        snprintf(why, nbytes, "step %d: done after step %d, want %d", step, got->done_after, (int)after->number);
        return true;
    }
    return false;
}

static bool
compare(Run *run, const Json *expect)
{
    bool deadlock = false;
    for (int i = 0; i < expect->n; i++) deadlock |= strcmp(json_state(&expect->items[i]), "40P01") == 0;
    for (int i = 0; i < expect->n; i++) {
        if (differs(run->why, sizeof(run->why), i, &expect->items[i], &run->out[i])) return false;
        if (!deadlock && waits_differ(run->why, sizeof(run->why), i, &expect->items[i], &run->out[i])) return false;
    }
    return true;
}

/* A step of the frame around the permutation; false with why if it fails. */
static bool
run_frame(Run *run, quern *db, const char *sql, const char *what)
{
    Result r;
    run_sql(db, sql, &r);
    if (r.sqlstate[0] != '\0') snprintf(run->why, sizeof(run->why), "%s: %s %s", what, r.sqlstate, r.message);
    bool ok = r.sqlstate[0] == '\0';
    result_free(&r);
    return ok;
}

static bool
start_sessions(Run *run, const char *path)
{
    const Json *list = json_get(run->spec, "sessions");
    for (int i = 0; i < list->n; i++) {
        Session *s = &run->sessions[i];
        *s = (Session){.spec = &list->items[i], .step = -1};
        pthread_mutex_init(&s->mutex, NULL);
        pthread_cond_init(&s->cond, NULL);
        if (quern_open(path, &s->db) != QUERN_OK) return false;
        query_text(s->db, "SELECT pg_backend_pid()", s->pid, sizeof(s->pid));
        pthread_create(&s->thread, NULL, session_main, s);
        run->nsessions = i + 1;
    }
    for (int i = 0; i < run->nsessions; i++) {
        const Json *setup = json_get(run->sessions[i].spec, "setup");
        if (setup != NULL && setup->str != NULL && !run_frame(run, run->sessions[i].db, setup->str, "session's setup")) return false;
    }
    return true;
}

static void
end_sessions(Run *run, bool teardown)
{
    for (int i = 0; i < run->nsessions; i++) {
        Session *s = &run->sessions[i];
        for (int k = 0; k < 100 && !comes_back(s, 20); k++) quern_interrupt(s->db);
        const Json *sql = json_get(s->spec, "teardown");
        Result r = {0};
        if (teardown && sql != NULL && sql->str != NULL) run_sql(s->db, sql->str, &r);
        result_free(&r);
        pthread_mutex_lock(&s->mutex);
        s->stop = true;
        pthread_cond_broadcast(&s->cond);
        pthread_mutex_unlock(&s->mutex);
        pthread_join(s->thread, NULL);
        result_free(&s->result);
        quern_close(s->db);
    }
}

static bool
run_permutation(Run *run, const Json *spec, const Json *permutation, const char *dir)
{
    char path[600], wal[700];
    const Json *setup = json_get(spec, "setup"), *wait = json_get(spec, "wait_ms");
    quern *control;
    *run = (Run){.spec = spec, .steps = json_get(permutation, "steps"), .wait_ms = wait_ms_default};
    if (wait != NULL && wait->number > run->wait_ms) run->wait_ms = (int)wait->number;
    snprintf(path, sizeof(path), "%s/db", dir);
    snprintf(wal, sizeof(wal), "%s/db-wal", dir);
    unlink(path);
    unlink(wal);
    if (quern_open(path, &control) != QUERN_OK) {
        snprintf(run->why, sizeof(run->why), "open: %s", quern_errmsg(control));
        return false;
    }
    run->control = control;
    bool ok = true;
    for (int i = 0; i < setup->n && ok; i++) ok = run_frame(run, control, setup->items[i].str, "setup");
    if (ok) {
        ok = start_sessions(run, path) && run_steps(run) && compare(run, json_get(permutation, "expect"));
        end_sessions(run, ok);
    }
    for (int i = 0; i < run->steps->n; i++) result_free(&run->out[i].result);
    quern_close(control);
    return ok;
}

/* ---- files ---- */

typedef struct Work {
    char **paths;
    int npaths, next;
    int *passed, *failed;
    pthread_mutex_t mutex;
} Work;

static char *
read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *text = must(malloc((size_t)n + 1));
    text[fread(text, 1, (size_t)n, f)] = '\0';
    fclose(f);
    return text;
}

static void
run_file(Work *work, int at)
{
    char dir[] = "/tmp/quern_isolation_XXXXXX", path[600];
    char *text = read_file(work->paths[at]);
    const char *p = text;
    Json spec = json_value(&p);
    const Json *permutations = json_get(&spec, "permutations");
    Run *run = must(malloc(sizeof(*run)));
    int shown = 0;
    if (mkdtemp(dir) == NULL) {
        perror(dir);
        exit(2);
    }
    for (int i = 0; i < permutations->n; i++) {
        if (run_permutation(run, &spec, &permutations->items[i], dir)) {
            work->passed[at]++;
            continue;
        }
        work->failed[at]++;
        if (shown++ < show) printf("%s: permutation %d: %s\n", work->paths[at], i, run->why);
    }
    printf("%-70s %4d passed, %4d failed\n", work->paths[at], work->passed[at], work->failed[at]);
    fflush(stdout);
    snprintf(path, sizeof(path), "%s/db", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/db-wal", dir);
    unlink(path);
    rmdir(dir);
    free(run);
    json_free(&spec);
    free(text);
}

static void *
worker(void *arg)
{
    Work *work = arg;
    for (;;) {
        pthread_mutex_lock(&work->mutex);
        int at = work->next++;
        pthread_mutex_unlock(&work->mutex);
        if (at >= work->npaths) return NULL;
        run_file(work, at);
    }
}

static void
add_path(Work *work, const char *path)
{
    work->paths = must(realloc(work->paths, (size_t)(work->npaths + 1) * sizeof(char *)));
    work->paths[work->npaths++] = must(strdup(path));
}

static void
add_paths(Work *work, const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        add_path(work, path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char full[600];
        const char *dot = strrchr(names[i]->d_name, '.');
        snprintf(full, sizeof(full), "%s/%s", path, names[i]->d_name);
        if (dot != NULL && strcmp(dot, ".json") == 0) add_path(work, full);
        free(names[i]);
    }
    free(names);
}

static int
usage(void)
{
    fprintf(stderr, "usage: isolation_corpus [--jobs N] [--show N] [--wait-ms N] [--summary FILE] FILE.json|FOLDER...\n");
    return 2;
}

int
main(int argc, char **argv)
{
    Work work = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    const char *summary = NULL;
    int jobs = 2, passed = 0, failed = 0;
    pthread_t threads[64];
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--jobs") == 0 && has_value) jobs = atoi(argv[++i]);
        else if (strcmp(argv[i], "--show") == 0 && has_value) show = atoi(argv[++i]);
        else if (strcmp(argv[i], "--wait-ms") == 0 && has_value) wait_ms_default = atoi(argv[++i]);
        else if (strcmp(argv[i], "--summary") == 0 && has_value) summary = argv[++i];
        else if (argv[i][0] == '-') return usage();
        else add_paths(&work, argv[i]);
    }
    if (work.npaths == 0) return usage();
    if (jobs < 1 || jobs > 64) jobs = 2;
    work.passed = must(calloc((size_t)work.npaths, sizeof(int)));
    work.failed = must(calloc((size_t)work.npaths, sizeof(int)));
    for (int i = 0; i < jobs; i++) pthread_create(&threads[i], NULL, worker, &work);
    for (int i = 0; i < jobs; i++) pthread_join(threads[i], NULL);
    FILE *f = summary != NULL ? fopen(summary, "w") : NULL;
    for (int i = 0; i < work.npaths; i++) {
        passed += work.passed[i];
        failed += work.failed[i];
        if (f != NULL) fprintf(f, "%s %d %d\n", work.paths[i], work.passed[i], work.failed[i]);
        free(work.paths[i]);
    }
    if (f != NULL) fclose(f);
    printf("%d passed, %d failed\n", passed, failed);
    free(work.paths);
    free(work.passed);
    free(work.failed);
    return failed > 0;
}
