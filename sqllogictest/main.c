/* main.c - the sqllogictest command: runs files side by side, a process and a fresh database each, so that a crash costs one
 * file; reports by file and by feature.
 *
 * A child marks each record's outcome in memory it shares with the parent; what it did not reach has failed. */
#include "sqllogictest/slt.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Options {
    const SltEngine *engine;
    const char *target, *prelude, *summary;
    char *settings; /* what the prelude sets: as with settings given to connect, RESET goes back to them */
    int jobs, timeout_s, show;
    bool verbose;
} Options;

typedef struct Job {
    char *path;
    SltFile file;
    unsigned char *outcome; /* a byte a record: 0 not reached, 1 passed, 2 failed */
    size_t outcome_bytes;
    pid_t pid;
    char log[40];
    double started, seconds;
    int passed, failed, status;
    bool bad;
} Job;

typedef struct Jobs {
    Job *items;
    int count, cap;
} Jobs;

static double
now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
add_file(Jobs *jobs, const char *path)
{
    if (jobs->count == jobs->cap) {
        jobs->cap = jobs->cap != 0 ? jobs->cap * 2 : 64;
        jobs->items = realloc(jobs->items, sizeof(Job) * (size_t)jobs->cap);
        if (jobs->items == NULL) exit(2);
    }
    jobs->items[jobs->count++] = (Job){.path = strdup(path)};
}

static bool
ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static bool
add_path(Jobs *jobs, const char *path, bool top)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        if (top || ends_with(path, ".slt") || ends_with(path, ".test")) add_file(jobs, path);
        return true;
    }
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    bool ok = n >= 0;
    for (int i = 0; i < n; i++) {
        char *sub;
        if (names[i]->d_name[0] != '.' && asprintf(&sub, "%s/%s", path, names[i]->d_name) >= 0) {
            ok = add_path(jobs, sub, false) && ok;
            free(sub);
        }
        free(names[i]);
    }
    free(names);
    return ok;
}

/* ---- one file, in the child ---- */

typedef struct Connection {
    char *name;
    SltSession *session;
} Connection;

typedef struct Run {
    const Options *opt;
    Job *job;
    void *db;
    SltSession *session;
    Connection others[64];
    int nothers, shown;
    long threshold;
    struct {
        char *label, *text;
    } labels[4096];
    int nlabels;
} Run;

static void run_include(Run *r, SltSession *s, const char *path);

/* SET name TO 'value' of the prelude as name=value. */
static char *
prelude_settings(const Options *opt)
{
    SltFile f;
    char *list = calloc(1, 1);
    size_t nbytes = 0;
    if (list == NULL || !slt_read(opt->prelude, opt->engine->name, &f)) exit(3);
    for (int i = 0; i < f.count; i++) {
        char name[64], value[128];
        if (f.records[i].kind != SLT_STATEMENT || sscanf(f.records[i].sql, "SET %63s TO '%127[^';]'", name, value) != 2) continue;
        char *more = realloc(list, nbytes + strlen(name) + strlen(value) + 3);
        if (more == NULL) exit(3);
        list = more;
        nbytes += (size_t)sprintf(list + nbytes, "%s=%s;", name, value);
    }
    slt_free(&f);
    return list;
}

static SltSession *
open_session(Run *r)
{
    SltSession *s = r->opt->engine->connect(r->db);
    if (s == NULL) exit(3);
    if (r->opt->prelude != NULL) run_include(r, s, r->opt->prelude);
    return s;
}

static SltSession *
session_named(Run *r, const char *name)
{
    if (name == NULL) return r->session;
    for (int i = 0; i < r->nothers; i++)
        if (strcmp(r->others[i].name, name) == 0) return r->others[i].session;
    if (r->nothers == 64) exit(3);
    r->others[r->nothers] = (Connection){strdup(name), open_session(r)};
    return r->others[r->nothers++].session;
}

static void
run_include(Run *r, SltSession *s, const char *path)
{
    SltFile f;
    SltResult result = {0};
    if (!slt_read(path, r->opt->engine->name, &f)) exit(3);
    for (int i = 0; i < f.count; i++) {
        const SltRecord *rec = &f.records[i];
        if (rec->skip || rec->kind > SLT_COPYOUT) continue;
        r->opt->engine->run(s, rec->sql, rec->data, rec->kind == SLT_QUERY, &result);
        if (result.failed && !rec->expect_error) printf("%s:%d: included: %s: %s\n", path, rec->line, result.sqlstate, result.message);
    }
    slt_result_reset(&result);
    slt_free(&f);
}

/* An include's path is relative to the file's folder or to one above it. */
static char *
find_include(const char *file, const char *name)
{
    char *dir = strdup(file), *path = NULL;
    for (int up = 0; up < 8 && dir != NULL; up++) {
        char *slash = strrchr(dir, '/');
        if (slash != NULL) *slash = '\0';
        else strcpy(dir, ".");
        if (asprintf(&path, "%s/%s", dir, name) < 0) break;
        if (access(path, R_OK) == 0) break;
        free(path);
        path = NULL;
        if (slash == NULL) break;
    }
    free(dir);
    return path != NULL ? path : strdup(name);
}

/* Queries with one label give one result. */
static char *
check_label(Run *r, const SltRecord *rec, char *text)
{
    for (int i = 0; i < r->nlabels; i++) {
        if (strcmp(r->labels[i].label, rec->label) != 0) continue;
        char *why = strcmp(r->labels[i].text, text) != 0 ? strdup("differs from an earlier result of the same label") : NULL;
        free(text);
        return why;
    }
    if (r->nlabels < 4096) {
        r->labels[r->nlabels].label = rec->label;
        r->labels[r->nlabels++].text = text;
    } else {
        free(text);
    }
    return NULL;
}

static void
run_record(Run *r, int i, SltResult *result)
{
    SltRecord *rec = &r->job->file.records[i];
    char *text = NULL;
    SltSession *s = session_named(r, rec->connection);
    r->opt->engine->run(s, rec->sql, rec->kind == SLT_COPYIN ? rec->data : NULL, rec->kind == SLT_QUERY, result);
    bool labelled = rec->label != NULL && rec->kind == SLT_QUERY;
    char *why = slt_check(rec, result, r->threshold, labelled ? &text : NULL);
    if (labelled && text != NULL) {
        char *differs = check_label(r, rec, text);
        if (why == NULL) why = differs;
        else free(differs);
    }
    r->job->outcome[i] = why == NULL ? 1 : 2;
    if (why != NULL && !rec->setup && (r->opt->show < 0 || r->shown < r->opt->show)) {
        r->shown++;
        printf("%s:%d: %s\n    %.400s\n", r->job->path, rec->line, why, rec->sql);
        fflush(stdout);
    }
    free(why);
}

static void
run_file(const Options *opt, Job *job)
{
    static Run r;
    SltResult result = {0};
    r.opt = opt;
    r.job = job;
    r.threshold = 0;
    r.db = opt->engine->create(opt->target, job->path, opt->settings);
    if (r.db == NULL) exit(3);
    r.session = open_session(&r);
    for (int i = 0; i < job->file.count; i++) {
        SltRecord *rec = &job->file.records[i];
        if (rec->skip) continue;
        switch (rec->kind) {
        case SLT_HALT: i = job->file.count; break;
        case SLT_HASH_THRESHOLD: r.threshold = rec->number; break;
        case SLT_RECONNECT:
            opt->engine->disconnect(r.session);
            r.session = open_session(&r);
            break;
        case SLT_INCLUDE: {
            char *path = find_include(job->path, rec->sql);
            SltSession *s = opt->engine->connect(r.db);
            if (s == NULL) exit(3);
            run_include(&r, s, path);
            opt->engine->disconnect(s);
            opt->engine->disconnect(r.session);
            r.session = open_session(&r);
            free(path);
            break;
        }
        default: run_record(&r, i, &result);
        }
    }
    slt_result_reset(&result);
    for (int i = 0; i < r.nothers; i++) opt->engine->disconnect(r.others[i].session);
    opt->engine->disconnect(r.session);
    opt->engine->destroy(r.db);
    for (int i = 0; i < r.nothers; i++) free(r.others[i].name);
    for (int i = 0; i < r.nlabels; i++) free(r.labels[i].text);
    exit(0);
}

/* ---- the pool ---- */

static bool
start_job(const Options *opt, Job *job)
{
    if (!slt_read(job->path, opt->engine->name, &job->file)) return false;
    job->outcome_bytes = (size_t)job->file.count + 1;
    job->outcome = mmap(NULL, job->outcome_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    strcpy(job->log, "/tmp/sltlog_XXXXXX");
    int fd = mkstemp(job->log);
    if (job->outcome == MAP_FAILED || fd < 0) return false;
    job->started = now();
    fflush(NULL);
    job->pid = fork();
    if (job->pid == 0) {
        dup2(fd, 1);
        run_file(opt, job);
    }
    close(fd);
    return job->pid > 0;
}

typedef struct Feature {
    const char *name;
    int passed, failed;
} Feature;

typedef struct Totals {
    int passed, failed;
    Feature features[512];
    int nfeatures;
} Totals;

static void
count_feature(Totals *t, const char *name, bool passed)
{
    int i = 0;
    if (name == NULL || *name == '\0') return;
    while (i < t->nfeatures && strcmp(t->features[i].name, name) != 0) i++;
    if (i == t->nfeatures) {
        if (i == 512) return;
        t->features[t->nfeatures++].name = strdup(name);
    }
    if (passed) t->features[i].passed++;
    else t->features[i].failed++;
}

static void
print_log(const Job *job)
{
    FILE *f = fopen(job->log, "r");
    char buf[4096];
    size_t n;
    while (f != NULL && (n = fread(buf, 1, sizeof(buf), f)) > 0) fwrite(buf, 1, n, stdout);
    if (f != NULL) fclose(f);
    unlink(job->log);
}

static void
finish_job(Job *job, Totals *t)
{
    job->seconds = now() - job->started;
    bool halted = false;
    for (int i = 0; i < job->file.count; i++) {
        const SltRecord *rec = &job->file.records[i];
        halted |= rec->kind == SLT_HALT && !rec->skip;
        if (!slt_counted(rec) || halted) continue;
        bool ok = job->outcome[i] == 1;
        if (ok) job->passed++;
        else job->failed++;
        count_feature(t, rec->feature, ok);
    }
    t->passed += job->passed;
    t->failed += job->failed;
    print_log(job);
    printf("%-50s %7d / %-7d %6.1fs", job->path, job->passed, job->passed + job->failed, job->seconds);
    if (WIFSIGNALED(job->status)) printf("  (ended by signal %d)", WTERMSIG(job->status));
    else if (WEXITSTATUS(job->status) != 0) printf("  (ended with status %d)", WEXITSTATUS(job->status));
    printf("\n");
    fflush(stdout);
    munmap(job->outcome, job->outcome_bytes);
    slt_free(&job->file);
}

static Job *
job_of(Jobs *jobs, pid_t pid)
{
    for (int i = 0; i < jobs->count; i++)
        if (jobs->items[i].pid == pid) return &jobs->items[i];
    return NULL;
}

static void
run_jobs(const Options *opt, Jobs *jobs, Totals *t)
{
    int next = 0, running = 0;
    while (next < jobs->count || running > 0) {
        while (next < jobs->count && running < opt->jobs) {
            Job *job = &jobs->items[next++];
            if (start_job(opt, job)) running++;
            else t->failed++, job->bad = true;
        }
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0) {
            for (int i = 0; i < next; i++)
                if (jobs->items[i].pid > 0 && now() - jobs->items[i].started > opt->timeout_s) kill(jobs->items[i].pid, SIGKILL);
            usleep(2000);
            continue;
        }
        Job *job = job_of(jobs, pid);
        if (job == NULL) continue;
        job->status = status;
        job->pid = 0;
        running--;
        finish_job(job, t);
    }
}

static int
usage(void)
{
    fprintf(stderr, "usage: sqllogictest [-j N] [--dsn CONNINFO] [--memory] [--prelude FILE] [--timeout SECONDS] [--show N]\n"
                    "                    [--summary FILE] FILE-or-DIR...\n"
                    "  -j N          files side by side (default 1)\n"
                    "  --dsn         run on a PostgreSQL server instead of Quern\n"
                    "  --memory      databases in memory\n"
                    "  --prelude     records run, uncounted, in every new session\n"
                    "  --timeout     seconds a file may take (default 600)\n"
                    "  --show N      failures printed of each file (default all)\n"
                    "  --summary     write a line \"FILE PASSED FAILED\" a file\n");
    return 2;
}

int
main(int argc, char **argv)
{
    Options opt = {.engine = &slt_quern, .jobs = 1, .timeout_s = 600, .show = -1};
    Jobs jobs = {0};
    static Totals totals;
    bool ok = true;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        bool more = i + 1 < argc;
        if (strcmp(a, "-j") == 0 && more) opt.jobs = atoi(argv[++i]);
        else if (strncmp(a, "-j", 2) == 0 && a[2] != '\0') opt.jobs = atoi(a + 2);
        else if (strcmp(a, "--dsn") == 0 && more) opt.engine = &slt_postgres, opt.target = argv[++i];
        else if (strcmp(a, "--memory") == 0) opt.target = ":memory:";
        else if (strcmp(a, "--prelude") == 0 && more) opt.prelude = argv[++i];
        else if (strcmp(a, "--timeout") == 0 && more) opt.timeout_s = atoi(argv[++i]);
        else if (strcmp(a, "--show") == 0 && more) opt.show = atoi(argv[++i]);
        else if (strcmp(a, "--summary") == 0 && more) opt.summary = argv[++i];
        else if (a[0] == '-') return usage();
        else ok = add_path(&jobs, a, true) && ok;
    }
    if (jobs.count == 0) return usage();
    if (opt.prelude != NULL) opt.settings = prelude_settings(&opt);
    if (opt.jobs < 1) opt.jobs = 1;
    run_jobs(&opt, &jobs, &totals);
    if (opt.summary != NULL) {
        FILE *f = fopen(opt.summary, "w");
        for (int i = 0; f != NULL && i < jobs.count; i++) fprintf(f, "%s %d %d\n", jobs.items[i].path, jobs.items[i].passed, jobs.items[i].failed);
        if (f == NULL || fclose(f) != 0) {
            perror(opt.summary);
            ok = false;
        }
    }
    if (totals.nfeatures > 0) printf("\nby feature\n");
    for (int i = 0; i < totals.nfeatures; i++)
        printf("  %-40s %7d / %d\n", totals.features[i].name, totals.features[i].passed, totals.features[i].passed + totals.features[i].failed);
    printf("\n%d passed, %d failed\n", totals.passed, totals.failed);
    for (int i = 0; i < jobs.count; i++) free(jobs.items[i].path);
    free(jobs.items);
    return ok && totals.failed == 0 ? 0 : 1;
}
