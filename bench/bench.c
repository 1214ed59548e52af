/* bench.c - Quern beside SQLite, DuckDB and PostgreSQL: the same rows, the same questions, in one run.
 *
 *     bench --dir DIR [--rows N] [--runs N] [--only TEXT] [--cpu] [--sqlite LIB] [--duckdb LIB] [--libpq LIB]
 *           [--pg CONNINFO]
 *
 * Engines take turns within a line, so that what else the machine does falls on all alike; a figure is the
 * median of the runs. A peer that is not there is left out. The exit status is 1 when an engine failed or answers
 * differ, not when a target is missed. bench/run.sh prepares the peers and calls this. */
#include "bench/bench.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ENGINES_MAX = 4, RUNS_MAX = 25, QUERN = 0 };
enum { PARTS = 10000, TREE_NODES = 1000000, COPY_ROWS_MAX = 1000000, CHECKED = 1000 };

typedef enum LineKind { LINE_QUERY, LINE_COPY, LINE_OLTP, LINE_STATEMENTS } LineKind;

/* Targets: how many times as fast as the peer Quern is to be; 0 for none. */
typedef struct Line {
    const char *name;
    LineKind kind;
    double of_sqlite, of_duckdb, of_best;
    const char *sql; /* D(1994-01-01) is a date */
    OltpOp oltp;
} Line;

static const Line lines[] = {
    {"filtered sum", LINE_QUERY, 20, 0.3, 0,
     .sql = "SELECT count(*), sum(l_extendedprice * l_discount) FROM lineitem WHERE l_shipdate >= D(1994-01-01)"
     " AND l_shipdate < D(1995-01-01) AND l_discount BETWEEN 5 AND 7 AND l_quantity < 24"},
    {"GROUP BY, 4 groups", LINE_QUERY, 20, 0.3, 0,
     .sql = "SELECT l_returnflag, l_linestatus, count(*), sum(l_quantity), sum(l_extendedprice),"
     " sum(l_extendedprice * (100 - l_discount)), avg(l_quantity), min(l_extendedprice), max(l_tax)"
     " FROM lineitem WHERE l_shipdate <= D(1998-09-02) GROUP BY l_returnflag, l_linestatus"
     " ORDER BY l_returnflag, l_linestatus"},
    {"hash join with 10,000", LINE_QUERY, 15, 0.3, 0,
     .sql = "SELECT count(*), sum(l_extendedprice), sum(p_retailprice), max(p_size)"
     " FROM lineitem JOIN part ON l_partkey = p_partkey"},
    {"full sort", LINE_QUERY, 6, 0, 0,
     .sql = "SELECT l_extendedprice, l_partkey, l_id FROM lineitem ORDER BY l_extendedprice, l_partkey, l_id"
     " LIMIT 10 OFFSET ROWS_MINUS_10"},
    {"running sum", LINE_QUERY, 5, 0, 0,
     .sql = "SELECT count(*), sum(s), max(s) FROM (SELECT sum(l_extendedprice)"
     " OVER (PARTITION BY l_partkey ORDER BY l_shipdate, l_id) AS s FROM lineitem) AS t"},
    {"recursive walk", LINE_QUERY, 0, 0, 1,
     .sql = "WITH RECURSIVE walk(id, depth) AS (SELECT id, 0 FROM tree WHERE parent IS NULL UNION ALL"
     " SELECT tree.id, walk.depth + 1 FROM walk JOIN tree ON tree.parent = walk.id)"
     " SELECT count(*), max(depth), sum(depth), sum(id) FROM walk"},
    {"COPY in", LINE_COPY, 1, 0, 0, .sql = NULL},
    {"distinct statements", LINE_STATEMENTS, 1, 0, 0, .sql = NULL},
    {"point SELECT, prepared", LINE_OLTP, 3, 0, 0, .oltp = OLTP_POINT},
    {"range of 100, prepared", LINE_OLTP, 2, 0, 0, .oltp = OLTP_RANGE},
    {"open, SELECT 1, close", LINE_OLTP, 0.5, 0, 0, .oltp = OLTP_OPEN},
    {"UPDATE by key", LINE_OLTP, 2, 0, 0, .oltp = OLTP_UPDATE},
    {"INSERT", LINE_OLTP, 1, 0, 0, .oltp = OLTP_INSERT},
    {"INSERT, durable", LINE_OLTP, 1, 0, 0, .oltp = OLTP_INSERT_DURABLE},
    {"INSERT, durable, 8 thr", LINE_OLTP, 3, 0, 0, .oltp = OLTP_INSERT_THREADS},
    {"INSERT, 1000 a commit", LINE_OLTP, 2, 0, 0, .oltp = OLTP_BATCH},
    {"same, 100 a statement", LINE_OLTP, 2, 0, 0, .oltp = OLTP_BATCH_ROWS},
    {"2 threads mixed", LINE_OLTP, 3, 0, 0, .oltp = OLTP_MIXED},
    {"mixed, durable", LINE_OLTP, 3, 0, 0, .oltp = OLTP_MIXED_DURABLE},
};
enum { NLINES = sizeof lines / sizeof *lines };

static Options options = {
    .sqlite = "libsqlite3.so.0", .duckdb = "libduckdb.so", .libpq = "libpq.so.5"};
static long nrows = 5000000;
static int nruns = 5;
static clockid_t timer = CLOCK_MONOTONIC;

static const Engine *engines[ENGINES_MAX];
static int nengines;
static int nfaults;

static Table lineitem, lineitem_copy, item, part, tree;
static char copy_csv[4096];
static char **statements;

/* ---- answers ---- */

void
answer_clear(Answer *a)
{
    free(a->text);
    *a = (Answer){0};
}

static void
answer_bytes(Answer *a, const char *bytes, size_t n)
{
    if (a->nbytes + n + 1 > a->cap) {
        a->cap = (a->nbytes + n + 1) * 2;
        a->text = realloc(a->text, a->cap);
        if (!a->text) {
            fprintf(stderr, "bench: out of memory\n");
            exit(1);
        }
    }
    memcpy(a->text + a->nbytes, bytes, n);
    a->nbytes += n;
    a->text[a->nbytes] = '\0';
}

void
answer_cell(Answer *a, const char *text)
{
    answer_bytes(a, text ? text : "NULL", text ? strlen(text) : 4);
    answer_bytes(a, "|", 1);
}

void
answer_end_row(Answer *a)
{
    answer_bytes(a, "\n", 1);
}

/* Cells are equal as texts or, an average being a numeric here and a double there, as numbers to nine digits. */
static bool
answers_agree(const Answer *a, const Answer *b)
{
    const char *p = a->text ? a->text : "", *q = b->text ? b->text : "";
    while (*p && *q) {
        size_t n = strcspn(p, "|\n"), m = strcspn(q, "|\n");
        if (p[n] != q[m])
            return false;
        if (n != m || memcmp(p, q, n) != 0) {
            char *pend, *qend;
            double x = strtod(p, &pend), y = strtod(q, &qend);
            if (pend != p + n || qend != q + m || fabs(x - y) > 1e-9 * fabs(x))
                return false;
        }
        p += n + (p[n] != '\0');
        q += m + (q[m] != '\0');
    }
    return *p == *q;
}

/* ---- engines ---- */

bool
load_library(const char *path, const char *const *symbols, int n, void **into)
{
    void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        fprintf(stderr, "%s\n", dlerror());
        return false;
    }
    for (int i = 0; i < n; i++) {
        into[i] = dlsym(lib, symbols[i]);
        if (!into[i]) {
            fprintf(stderr, "%s has no %s\n", path, symbols[i]);
            return false;
        }
    }
    return true;
}

/* sql in the engine's words. */
static void
translate(const Engine *e, const char *sql, char *out, size_t cap)
{
    size_t n = 0;
    while (*sql && n + 40 < cap) {
        int year, month, day;
        if (sscanf(sql, "D(%4d-%2d-%2d)", &year, &month, &day) == 3) {
            if (e->dates_are_ints) {
                struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
                n += (size_t)snprintf(out + n, cap - n, "%ld", (long)(timegm(&tm) / 86400));
            } else {
                n += (size_t)snprintf(out + n, cap - n, "DATE '%04d-%02d-%02d'", year, month, day);
            }
            sql += strlen("D(1994-01-01)");
        } else if (strncmp(sql, "ROWS_MINUS_10", 13) == 0) {
            n += (size_t)snprintf(out + n, cap - n, "%ld", nrows - 10);
            sql += 13;
        } else {
            out[n++] = *sql++;
        }
    }
    out[n] = '\0';
}

static bool
run_sql(const Engine *e, const char *sql)
{
    Answer unused = {0};
    bool ok = e->query(sql, &unused);
    answer_clear(&unused);
    return ok;
}

static bool
create_table(const Engine *e, const Table *t)
{
    char sql[1000];
    int n = snprintf(sql, sizeof sql, "CREATE TABLE %s (", t->name);
    for (int c = 0; c < t->ncols; c++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, "%s%s %s%s", c ? ", " : "", t->cols[c].name,
                      e->type_names[t->cols[c].kind], c ? "" : " PRIMARY KEY");
    snprintf(sql + n, sizeof sql - (size_t)n, ")");
    return run_sql(e, sql);
}

static double
now(void)
{
    struct timespec t;
    clock_gettime(timer, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool
load_tables(const Engine *e)
{
    const Table *tables[] = {&lineitem, &part, &tree};
    double start = now();
    for (int i = 0; i < 3; i++) {
        char csv[4096];
        snprintf(csv, sizeof csv, "%s/%s.csv", options.dir, tables[i]->name);
        if (!create_table(e, tables[i]) || !e->load(tables[i], csv))
            return false;
    }
    if (!create_table(e, &item) || !e->load(&item, copy_csv))
        return false;
    if (!run_sql(e, "CREATE INDEX tree_parent ON tree (parent)") || !run_sql(e, e->analyze))
        return false;
    fprintf(stderr, "%s: loaded in %.1f s\n", e->name, now() - start);
    return true;
}

/* An engine that cannot open is not there; one that cannot load is at fault, and left out as well. */
static void
add_engine(const Engine *e)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", e->name);
    if (!e->open(&options)) {
        printf("%s: SKIPPED, it could not be opened (see above)\n", e->name);
        nfaults += e == &engine_quern;
        return;
    }
    fprintf(stderr, "opened\n");
    e->print_about();
    if (!load_tables(e)) {
        printf("%s: SKIPPED, its tables could not be loaded (see above)\n", e->name);
        nfaults++;
        e->close();
        return;
    }
    engines[nengines++] = e;
}

/* ---- measuring ---- */

typedef struct Measure {
    double seconds[RUNS_MAX];
    double median;   /* of one operation, for lines that have many; 0: it failed */
    Answer answer;
} Measure;

static int
compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static long
operations(const Line *line, const Engine *e)
{
    return line->kind == LINE_STATEMENTS ? e->statements_max
           : line->kind == LINE_COPY ? lineitem_copy.nrows
                                     : 1;
}

/* One run; the answer is kept. */
static bool
run_line(const Line *line, const Engine *e, double *seconds, Answer *answer)
{
    char sql[2000];
    int64_t sum = 0;
    bool ok;
    answer_clear(answer);
    if (line->sql)
        translate(e, line->sql, sql, sizeof sql);
    if (line->kind == LINE_COPY
        && !(run_sql(e, "DROP TABLE IF EXISTS lineitem_copy") && create_table(e, &lineitem_copy)))
        return false;
    double start = now();
    switch (line->kind) {
    case LINE_QUERY:
        ok = e->query(sql, answer);
        break;
    case LINE_COPY:
        ok = e->load(&lineitem_copy, copy_csv);
        break;
    case LINE_OLTP:
        return line->oltp < OLTP_UPDATE ? oltp_run(line->oltp, e, now, seconds, answer)
                                        : oltp_write_run(line->oltp, e, now, seconds, answer);
    default:
        ok = e->statements(statements, e->statements_max, CHECKED, &sum);
    }
    *seconds = (now() - start) / (double)operations(line, e);
    if (ok && line->kind == LINE_COPY) {
        ok = e->query("SELECT count(*), sum(l_extendedprice), max(l_comment) FROM lineitem_copy", answer);
    } else if (ok && line->kind != LINE_QUERY) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)sum);
        answer_cell(answer, text);
        answer_end_row(answer);
    }
    return ok;
}

static void
check_answers(const Line *line, Measure *m)
{
    for (int i = 0; i < nengines; i++) {
        if (m[i].median == 0 || m[QUERN].median == 0 || answers_agree(&m[QUERN].answer, &m[i].answer))
            continue;
        nfaults++;
        fprintf(stderr, "%s: ANSWERS DIFFER\n%s:\n%s%s:\n%s", line->name, engines[QUERN]->name,
                m[QUERN].answer.text, engines[i]->name, m[i].answer.text);
    }
}

static void
measure_line(const Line *line, Measure *m)
{
    memset(m, 0, sizeof *m * ENGINES_MAX);
    bool failed[ENGINES_MAX] = {false};
    for (int run = 0; run < nruns; run++)
        for (int i = 0; i < nengines; i++)
            if (!failed[i])
                failed[i] = !run_line(line, engines[i], &m[i].seconds[run], &m[i].answer);
    for (int i = 0; i < nengines; i++) {
        nfaults += failed[i];
        if (failed[i])
            continue;
        qsort(m[i].seconds, (size_t)nruns, sizeof *m[i].seconds, compare_doubles);
        m[i].median = m[i].seconds[nruns / 2];
    }
    check_answers(line, m);
    for (int i = 0; i < nengines; i++)
        answer_clear(&m[i].answer);
}

/* ---- the table ---- */

static int
find_engine(const Engine *e)
{
    for (int i = 0; i < nengines; i++)
        if (engines[i] == e)
            return i;
    return -1;
}

static void
print_header(void)
{
    printf("\n%-24s", "line");
    for (int i = 0; i < nengines; i++)
        printf(" %14s", engines[i]->name);
    for (int i = 1; i < nengines; i++)
        printf("  x %-10s", engines[i]->name);
    printf("  target\n");
    fflush(stdout);
}

static void
print_figure(const Line *line, double median)
{
    if (median == 0)
        printf(" %14s", "failed");
    else if (line->kind == LINE_QUERY)
        printf(" %11.1f ms", median * 1e3);
    else
        printf(" %11.1f k/s", 1e-3 / median);
}

/* "met", "near" to two thirds of the target, "SHORT" below, in the order of the targets. */
static void
print_target(const char *of, double target, double ratio)
{
    if (target == 0)
        return;
    printf("  %g x %s: %s", target, of,
           ratio == 0            ? "not measured"
           : ratio >= target     ? "met"
           : ratio * 3 >= target * 2 ? "near"
                                 : "SHORT");
}

static void
print_line(const Line *line, const Measure *m)
{
    double ratios[ENGINES_MAX] = {0}, best = 0;
    printf("%-24s", line->name);
    for (int i = 0; i < nengines; i++)
        print_figure(line, m[i].median);
    for (int i = 1; i < nengines; i++) {
        if (m[QUERN].median > 0)
            ratios[i] = m[i].median / m[QUERN].median;
        printf("  %-12.2f", ratios[i]);
        if (ratios[i] > 0 && (best == 0 || ratios[i] < best))
            best = ratios[i];
    }
    int sqlite = find_engine(&engine_sqlite), duckdb = find_engine(&engine_duckdb);
    print_target("SQLite", line->of_sqlite, sqlite > 0 ? ratios[sqlite] : 0);
    print_target("DuckDB", line->of_duckdb, duckdb > 0 ? ratios[duckdb] : 0);
    print_target("best peer", line->of_best, best);
    printf("\n");
    fflush(stdout);
}

/* ---- the run ---- */

static bool
write_csv(const Table *t, char *path, size_t cap)
{
    snprintf(path, cap, "%s/%s.csv", options.dir, t->name);
    if (gen_write_csv(t, path))
        return true;
    perror(path);
    return false;
}

static bool
generate(void)
{
    char path[4096];
    gen_lineitem(&lineitem, nrows, PARTS);
    gen_part(&part, PARTS);
    gen_tree(&tree, TREE_NODES);
    lineitem_copy = lineitem;
    lineitem_copy.name = "lineitem_copy";
    if (lineitem_copy.nrows > COPY_ROWS_MAX)
        lineitem_copy.nrows = COPY_ROWS_MAX;
    item = lineitem_copy; /* for short statements that write */
    item.name = "item";
    statements = gen_statements(engine_quern.statements_max, PARTS);
    oltp_init(nrows);
    oltp_write_init(item.nrows);
    return write_csv(&lineitem, path, sizeof path) && write_csv(&part, path, sizeof path)
           && write_csv(&tree, path, sizeof path) && write_csv(&lineitem_copy, copy_csv, sizeof copy_csv);
}

static int
usage(void)
{
    fprintf(stderr, "usage: bench --dir DIR [--rows N (10000 or more)] [--runs N (1 to %d)] [--only TEXT] [--cpu]\n"
                    "             [--sqlite LIB] [--duckdb LIB] [--libpq LIB] [--pg CONNINFO]\n", RUNS_MAX);
    return 2;
}

/* Reads arguments into options and the settings above; false when they make no sense. */
static bool
read_arguments(int argc, char **argv, const char **only)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--cpu") == 0) {
            timer = CLOCK_PROCESS_CPUTIME_ID;
            continue;
        }
        if (++i == argc)
            return false;
        if (strcmp(name, "--dir") == 0)
            options.dir = argv[i];
        else if (strcmp(name, "--rows") == 0)
            nrows = atol(argv[i]);
        else if (strcmp(name, "--runs") == 0)
            nruns = atoi(argv[i]);
        else if (strcmp(name, "--only") == 0)
            *only = argv[i];
        else if (strcmp(name, "--sqlite") == 0)
            options.sqlite = argv[i];
        else if (strcmp(name, "--duckdb") == 0)
            options.duckdb = argv[i];
        else if (strcmp(name, "--libpq") == 0)
            options.libpq = argv[i];
        else if (strcmp(name, "--pg") == 0)
            options.pg_conninfo = argv[i];
        else
            return false;
    }
    return options.dir && nrows >= PARTS && nruns >= 1 && nruns <= RUNS_MAX;
}

int
main(int argc, char **argv)
{
    const char *only = "";
    if (!read_arguments(argc, argv, &only))
        return usage();
    if (!generate())
        return 1;
    printf("%ld rows of lineitem, %d of part, %d of tree, COPY of %ld; median of %d, %s\n", nrows, PARTS,
           TREE_NODES, lineitem_copy.nrows, nruns,
           timer == CLOCK_MONOTONIC ? "elapsed time" : "processor time of this process (PostgreSQL's is not in it)");
    add_engine(&engine_quern);
    if (nengines == 0)
        return 1;
    add_engine(&engine_sqlite);
    add_engine(&engine_duckdb);
    add_engine(&engine_postgres);
    for (int i = 0; i < nengines; i++)
        printf("%s: COPY in is %s; %ld short statements, %ld distinct ones\n", engines[i]->name,
               engines[i]->copy_how, engines[i]->runs_max, engines[i]->statements_max);
    double load[1] = {0};
    if (getloadavg(load, 1) == 1)
        printf("load average before measuring: %.1f on %ld processors\n", load[0], sysconf(_SC_NPROCESSORS_ONLN));
    print_header();
    for (int i = 0; i < NLINES; i++) {
        Measure measures[ENGINES_MAX];
        if (!strstr(lines[i].name, only))
            continue;
        measure_line(&lines[i], measures);
        print_line(&lines[i], measures);
    }
    for (int i = 0; i < nengines; i++)
        engines[i]->close();
    return nfaults > 0;
}
