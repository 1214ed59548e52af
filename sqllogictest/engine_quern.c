/* engine_quern.c - records run on Quern, in this process, through quern.h. */
#include "quern.h"
#include "sqllogictest/slt.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct SltSession {
    quern *db;
    const char *copy_in;
    size_t copy_left;
    char *copy_out;
    size_t copy_bytes;
    bool copied_out;
};

typedef struct QuernDb {
    char dir[64];
    char path[96];
    const char *settings;
} QuernDb;

static void *
create(const char *target, const char *file, const char *settings)
{
    (void)file;
    QuernDb *db = calloc(1, sizeof(*db));
    if (db == NULL) return NULL;
    db->settings = settings;
    if (target != NULL && strcmp(target, ":memory:") == 0) {
        snprintf(db->path, sizeof(db->path), ":memory:");
        return db;
    }
    snprintf(db->dir, sizeof(db->dir), "/tmp/quern_slt_XXXXXX");
    if (mkdtemp(db->dir) == NULL) {
        perror(db->dir);
        free(db);
        return NULL;
    }
    snprintf(db->path, sizeof(db->path), "%s/db", db->dir);
    return db;
}

static void
destroy(void *arg)
{
    QuernDb *db = arg;
    char wal[128];
    if (db->dir[0] != '\0') {
        snprintf(wal, sizeof(wal), "%s-wal", db->path);
        unlink(wal);
        unlink(db->path);
        rmdir(db->dir);
    }
    free(db);
}

static int
copy_source(void *arg, char *buf, size_t cap, size_t *n)
{
    SltSession *s = arg;
    *n = s->copy_left < cap ? s->copy_left : cap;
    if (*n > 0) memcpy(buf, s->copy_in, *n);
    s->copy_in += *n;
    s->copy_left -= *n;
    return QUERN_OK;
}

static int
copy_sink(void *arg, const char *data, size_t n)
{
    SltSession *s = arg;
    char *more = realloc(s->copy_out, s->copy_bytes + n + 1);
    if (more == NULL) return 1;
    s->copied_out = true;
    s->copy_out = more;
    memcpy(more + s->copy_bytes, data, n);
    s->copy_bytes += n;
    more[s->copy_bytes] = '\0';
    return QUERN_OK;
}

static SltSession *
connect_db(void *arg)
{
    QuernDb *db = arg;
    SltSession *s = calloc(1, sizeof(*s));
    if (s == NULL) return NULL;
    quern_config config;
    quern_config_init(&config);
    config.settings = db->settings;
    if (quern_open_config(db->path, &config, &s->db) != QUERN_OK) {
        fprintf(stderr, "cannot open %s: %s\n", db->path, quern_errmsg(s->db));
        quern_close(s->db);
        free(s);
        return NULL;
    }
    quern_copy_source(s->db, copy_source, s);
    quern_copy_sink(s->db, copy_sink, s);
    return s;
}

static void
disconnect(SltSession *s)
{
    quern_close(s->db);
    free(s->copy_out);
    free(s);
}

static void
set_error(SltSession *s, SltResult *out)
{
    slt_result_error(out, quern_sqlstate(s->db), quern_errmsg(s->db));
}

/* Steps to the end; rows go to out, which is emptied first. */
static bool
run_statement(SltSession *s, quern_stmt *stmt, SltResult *out)
{
    int rc = QUERN_DONE, n = quern_column_count(stmt);
    const char **cells = calloc((size_t)n + 1, sizeof(char *));
    slt_result_reset(out);
    out->ncols = n;
    while (cells != NULL && (rc = quern_step(stmt)) == QUERN_ROW) {
        for (int c = 0; c < n; c++) cells[c] = quern_column_text(stmt, c);
        slt_result_add(out, cells);
    }
    free(cells);
    if (rc == QUERN_DONE) return true;
    set_error(s, out);
    return false;
}

static void
take_copy_lines(SltSession *s, SltResult *out)
{
    slt_result_reset(out);
    out->is_copy = true;
    for (char *line = s->copy_out; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end = '\0';
        slt_result_add(out, (const char *const[]){line});
        if (end == NULL) break;
        line = end + 1;
    }
}

static void
run(SltSession *s, const char *sql, const char *copy_data, bool want_rows, SltResult *out)
{
    quern_stmt *stmt;
    const char *tail;
    s->copy_in = copy_data != NULL ? copy_data : "";
    s->copy_left = strlen(s->copy_in);
    s->copy_bytes = 0;
    s->copied_out = false;
    slt_result_reset(out);
    if (quern_prepare(s->db, sql, -1, &stmt, &tail) != QUERN_OK) {
        set_error(s, out);
        return;
    }
    while (tail != NULL && (*tail == ' ' || *tail == '\n' || *tail == ';' || *tail == '\t')) tail++;
    bool several = tail != NULL && *tail != '\0';
    if (several && !want_rows) {
        quern_finalize(stmt);
        if (quern_exec(s->db, sql, NULL, NULL) != QUERN_OK) set_error(s, out);
        return;
    }
    for (;;) {
        bool ok = stmt == NULL || run_statement(s, stmt, out);
        quern_finalize(stmt);
        if (!ok) return;
        if (tail == NULL || *tail == '\0') break;
        if (quern_prepare(s->db, tail, -1, &stmt, &tail) != QUERN_OK) {
            set_error(s, out);
            return;
        }
    }
    if (s->copied_out) take_copy_lines(s, out);
}

const SltEngine slt_quern = {"quern", create, destroy, connect_db, disconnect, run};
