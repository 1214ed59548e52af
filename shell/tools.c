/* tools.c - quern --check and quern --recover: whole databases as files. */
#include "shell/shell.h"
#include <string.h>

static int
show_fault(void *arg, int n, const char **values, const char **names)
{
    (void)n, (void)names;
    if (values[1] != NULL) printf("%s, page %s: %s\n", values[0], values[1], values[2]);
    else printf("%s: %s\n", values[0], values[2]);
    *(long *)arg += 1;
    return 0;
}

static int
open_for_check(const char *path, quern **out)
{
    quern_config config;
    quern_config_init(&config);
    config.must_exist = 1;
    config.read_only = 1;
    int code = quern_open_config(path, &config, out);
    if (code == QUERN_OK || strcmp(quern_sqlstate(*out), "55000") != 0) return code;
    /* It was not closed: it is the file with its log, and that is replayed. */
    quern_close(*out);
    config.read_only = 0;
    return quern_open_config(path, &config, out);
}

int
shell_check(const char *path)
{
    quern *db;
    long faults = 0;
    if (open_for_check(path, &db) != QUERN_OK || quern_exec(db, "SELECT * FROM quern_check()", show_fault, &faults) != QUERN_OK) {
        fflush(stdout);
        fprintf(stderr, "quern: %s\n", quern_errmsg(db));
        if (quern_errdetail(db) != NULL) fprintf(stderr, "DETAIL:  %s\n", quern_errdetail(db));
        quern_close(db);
        return 1;
    }
    if (faults == 0) printf("%s: no faults\n", path);
    else printf("%s: %ld fault%s\n", path, faults, faults == 1 ? "" : "s");
    quern_close(db);
    return faults == 0 ? 0 : 1;
}

static void
show_lost(void *arg, const char *object, int64_t page, const char *text)
{
    if (page >= 0) printf("lost: %s, page %lld: %s\n", object, (long long)page, text);
    else printf("lost: %s: %s\n", object, text);
    *(long *)arg += 1;
}

int
shell_recover(const char *path, const char *to)
{
    quern_config config;
    quern *db;
    long losses = 0;
    quern_config_init(&config);
    config.must_exist = 1;
    /* The log first, if it can be replayed: without it the last transactions are lost. */
    if (quern_open_config(path, &config, &db) != QUERN_OK) printf("opening it as it is fails: %s\n", quern_errmsg(db));
    quern_close(db);
    config.salvage = 1;
    int status = 1;
    if (quern_open_config(path, &config, &db) == QUERN_OK && quern_recover(db, to, show_lost, &losses) == QUERN_OK) {
        printf("%s: %s\n", to, losses == 0 ? "everything was readable" : "all else was copied");
        status = 0;
    } else {
        fflush(stdout);
        fprintf(stderr, "quern: %s\n", quern_errmsg(db));
    }
    quern_close(db);
    return status;
}
