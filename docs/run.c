/* run.c - examples are run while they are printed; see docs.h. */
#include "docs/docs.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
docs_fault(Docs *d, const char *who, const char *what)
{
    fprintf(stderr, "docs: %s: %s\n", who, what);
    d->nfaults++;
}

/* A code span's fence is one backtick more than the longest run inside; a line feed would end a list item. */
void
docs_code(FILE *out, const char *text)
{
    int longest = 0, run = 0;
    for (const char *p = text; *p != '\0'; p++) {
        run = *p == '`' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    for (int i = 0; i <= longest; i++) fputc('`', out);
    if (longest > 0) fputc(' ', out);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\n')
            fputs("⏎", out);
        else
            fputc(*p, out);
    }
    if (longest > 0) fputc(' ', out);
    for (int i = 0; i <= longest; i++) fputc('`', out);
}

static bool
is_statement(const char *text)
{
    static const char *const words[] = {"SELECT ", "SHOW ", "WITH "};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncasecmp(text, words[i], strlen(words[i])) == 0) return true;
    return false;
}

/* One value as the runner's files have it: a line, bytes outside ASCII as @. */
static void
slt_value(FILE *out, const char *text)
{
    if (text == NULL)
        fputs("NULL", out);
    else if (*text == '\0')
        fputs("(empty)", out);
    else
        for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
            fputc(*p < 32 || *p > 126 ? '@' : *p, out);
    fputc('\n', out);
}

static void
print_row(Docs *d, quern_stmt *stmt, int ncols, int row)
{
    char line[4096];
    size_t at = 0;
    line[0] = '\0';
    for (int c = 0; c < ncols; c++) {
        const char *text = quern_column_text(stmt, c);
        at += (size_t)snprintf(line + at, at < sizeof(line) ? sizeof(line) - at : 0, "%s%s", c > 0 ? " | " : "",
                               text != NULL ? text : "NULL");
        if (at >= sizeof(line)) at = sizeof(line) - 1;
        if (d->slt != NULL) slt_value(d->slt, text);
    }
    fputs(row == 0 ? " → " : ", ", d->out);
    if (line[0] == '\0')
        fputs("(empty)", d->out);
    else
        docs_code(d->out, line);
}

void
docs_example(Docs *d, const char *who, const char *example, const char *want)
{
    char sql[2048];
    quern_stmt *stmt;
    int nrows = 0, ncols, rc;
    snprintf(sql, sizeof(sql), "%s%s", is_statement(example) ? "" : "SELECT ", example);
    d->nexamples++;
    docs_code(d->out, example);
    if (quern_prepare(d->db, sql, -1, &stmt, NULL) != QUERN_OK) {
        docs_fault(d, who, quern_errmsg(d->db));
        fprintf(stderr, "    %s\n", sql);
        return;
    }
    ncols = quern_column_count(stmt);
    if (d->slt != NULL) {
        fprintf(d->slt, "\n# %s\nquery ", who);
        for (int c = 0; c < ncols; c++) fputc('T', d->slt);
        fprintf(d->slt, " nosort\n%s\n----\n", sql);
    }
    while ((rc = quern_step(stmt)) == QUERN_ROW) {
        const char *text = ncols > 0 ? quern_column_text(stmt, 0) : NULL;
        if (nrows == 0 && want != NULL && want[0] != '\0' && strcmp(text != NULL ? text : "NULL", want) != 0) {
            docs_fault(d, who, "gives something else than its row says");
            fprintf(stderr, "    %s\n    want %s\n    got  %s\n", sql, want, text != NULL ? text : "NULL");
        }
        print_row(d, stmt, ncols, nrows++);
    }
    if (rc != QUERN_DONE) {
        docs_fault(d, who, quern_errmsg(d->db));
        fprintf(stderr, "    %s\n", sql);
    } else if (nrows == 0)
        fputs(" → no rows", d->out);
    quern_finalize(stmt);
}

bool
docs_open(Docs *d)
{
    FILE *f = fopen("docs/setup.sql", "r");
    char text[8192];
    size_t n;
    quern_config config;
    quern_config_init(&config);
    config.cache_size = (uint64_t)256 << 20; /* not by the machine's memory */
    if (f == NULL || quern_open_config(":memory:", &config, &d->db) != QUERN_OK) return false;
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    if (quern_exec(d->db, text, NULL, NULL) != QUERN_OK) {
        docs_fault(d, "setup.sql", quern_errmsg(d->db));
        return false;
    }
    if (d->slt != NULL)
        for (char *s = text, *end; (end = strstr(s, ";\n")) != NULL; s = end + 2) {
            *end = '\0';
            fprintf(d->slt, "\nstatement ok\n%s\n", s);
        }
    return true;
}
