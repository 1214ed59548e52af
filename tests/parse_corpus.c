/* parse_corpus.c - parses the SQL of sqllogictest files: records that must succeed, and syntax errors in
 * PostgreSQL's words.
 *     parse_corpus [-t] [-q] FILE...     -t: SQL from stdin, print its tree    -q: only the counts */
#include "parser/parse.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Count {
    long statements, bytes, failed;
} Count;

/* Parses all statements of sql; false and a line on stdout where one does not. */
static bool
parse_all(Ctx *ctx, Arena *arena, const char *sql, size_t nbytes, const char *where, bool quiet, Count *count)
{
    for (size_t at = 0; at < nbytes;) {
        Ast *stmt;
        size_t consumed;
        arena_reset(arena);
        Status st = parse_sql(ctx, arena, sql + at, nbytes - at, &stmt, &consumed);
        count->statements++;
        if (st != QN_OK) {
            if (!quiet)
                printf("%s: %s: %s (at %d)\n    %.*s\n", where, status_sqlstate(st), ctx->err.message, ctx->err.position,
                       (int)(nbytes > 300 ? 300 : nbytes), sql);
            err_clear(&ctx->err);
            count->failed++;
            return false;
        }
        at += consumed;
    }
    count->bytes += (long)nbytes;
    return true;
}

static bool
starts(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

/* A syntax error must be found, in these words. */
static void
check_error(Ctx *ctx, Arena *arena, const char *sql, size_t nbytes, const char *where, char *expected, Count *count)
{
    Status st = QN_OK;
    size_t consumed;
    Ast *stmt;
    expected[strcspn(expected, "\n")] = '\0';
    count->statements++;
    for (size_t at = 0; at < nbytes && st == QN_OK; at += consumed)
        st = parse_sql(ctx, arena, sql + at, nbytes - at, &stmt, &consumed);
    if (st == QN_OK || strcmp(ctx->err.message, expected) != 0) {
        printf("%s: expected: %s\n%s: found: %s\n    %.*s\n", where, expected, where,
               st == QN_OK ? "no error" : ctx->err.message, (int)(nbytes > 300 ? 300 : nbytes), sql);
        count->failed++;
    }
    err_clear(&ctx->err);
}

static void
run_file(Ctx *ctx, Arena *arena, const char *path, bool quiet, Count *count)
{
    FILE *f = fopen(path, "r");
    char *line = NULL, *sql = NULL, *expected = NULL, where[600];
    size_t cap = 0, sql_bytes = 0, sql_cap = 0;
    ssize_t n;
    int number = 0, start = 0;
    bool in_sql = false, wanted = false, skip = false;

    if (f == NULL) {
        perror(path);
        exit(1);
    }
    for (;;) {
        n = getline(&line, &cap, f);
        number++;
        if (n > 1 && line[n - 2] == '\r') strcpy(line + n-- - 2, "\n");
        bool ends = n <= 0 || line[0] == '\n' || (in_sql && starts(line, "----"));
        if (in_sql && ends) {
            snprintf(where, sizeof(where), "%s:%d", path, start);
            if (expected != NULL)
                check_error(ctx, arena, sql, sql_bytes, where, expected, count);
            else if (wanted && !skip)
                parse_all(ctx, arena, sql, sql_bytes, where, quiet, count);
            free(expected);
            expected = NULL;
            in_sql = wanted = skip = false;
            sql_bytes = 0;
        }
        if (n <= 0) break;
        if (in_sql) {
            if (sql_bytes + (size_t)n > sql_cap) sql = realloc(sql, sql_cap = (sql_bytes + (size_t)n) * 2);
            memcpy(sql + sql_bytes, line, (size_t)n);
            sql_bytes += (size_t)n;
        } else if (starts(line, "skipif")) {
            skip |= strstr(line, "quern") != NULL || strstr(line, "postgresql") != NULL;
        } else if (starts(line, "onlyif")) {
            skip |= strstr(line, "quern") == NULL;
        } else if (starts(line, "statement") || starts(line, "query") || starts(line, "copyin") || starts(line, "copyout")) {
            in_sql = true;
            wanted = strstr(line, "error") == NULL;
            if (starts(line, "statement error 42601: syntax error at or near") && !skip) expected = strdup(line + 23);
            start = number;
        } else if (line[0] == '\n') {
            skip = false;
        }
    }
    free(line);
    free(sql);
    fclose(f);
}

int
main(int argc, char **argv)
{
    Ctx ctx = {0};
    Arena *arena = arena_create(NULL, "corpus");
    Count count = {0};
    bool quiet = false;
    if (argc > 1 && strcmp(argv[1], "-t") == 0) {
        static char sql[1 << 20];
        size_t n = fread(sql, 1, sizeof(sql), stdin);
        Ast *stmt;
        size_t consumed;
        for (size_t at = 0; at < n; at += consumed) {
            Status st = parse_sql(&ctx, arena, sql + at, n - at, &stmt, &consumed);
            if (st != QN_OK) {
                printf("%s: %s (at %d)\n", status_sqlstate(st), ctx.err.message, ctx.err.position);
                err_clear(&ctx.err);
                return 1;
            }
            StrBuf b = strbuf_new(arena);
            char *text;
            if (ast_print(&ctx, &b, stmt, true) == QN_OK && strbuf_finish(&ctx, &b, &text, NULL) == QN_OK) puts(text);
        }
        return 0;
    }
    clock_t t = clock();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-q") == 0)
            quiet = true;
        else
            run_file(&ctx, arena, argv[i], quiet, &count);
    }
    printf("%ld statements, %ld failed, %.2f us each\n", count.statements, count.failed,
           (double)(clock() - t) * 1e6 / CLOCKS_PER_SEC / (double)(count.statements + (count.statements == 0)));
    arena_destroy(arena);
    return count.failed > 0;
}
