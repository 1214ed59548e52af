/* fuzz_sql.c - the whole path of a statement over any text: rows or an error, nothing internal, and a database that is whole afterwards. What
 * reads or writes other files is left out. */
#include "quern.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static bool
contains(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (; *text != '\0'; text++)
        if (strncasecmp(text, word, n) == 0) return true;
    return false;
}

static int
read_row(void *arg, int n, const char **values, const char **names)
{
    size_t *total = arg;
    for (int i = 0; i < n; i++) *total += strlen(names[i]) + (values[i] != NULL ? strlen(values[i]) : 0);
    return *total > 4 << 20; /* enough */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    quern *db;
    quern_config config;
    size_t total = 0;
    char *sql = malloc(nbytes + 1);
    memcpy(sql, data, nbytes);
    sql[nbytes] = '\0';
    if (contains(sql, "copy") || contains(sql, "into '") || contains(sql, "pg_sleep")) {
        free(sql);
        return 0;
    }
    quern_config_init(&config);
    config.no_background = 1;
    config.cache_size = 64 << 20;
    config.settings = "work_mem=1MB;lock_timeout=100ms";
    if (quern_open_config(":memory:", &config, &db) != QUERN_OK) abort();
    if (quern_exec(db,
                   "CREATE TABLE t (a int PRIMARY KEY, b text, c numeric(10,2), d timestamp, e int[]);"
                   "INSERT INTO t SELECT g, md5(g::text), g / 3.0, timestamp '2024-01-01' + g * interval '1 day', ARRAY[g, g + 1] FROM generate_series(1, 50) g;"
                   "CREATE TABLE u (a int REFERENCES t ON DELETE CASCADE, j json); INSERT INTO u VALUES (1, '{\"k\": [1, null]}');"
                   "CREATE INDEX u_a ON u (a); CREATE VIEW v AS SELECT a, count(*) FROM u GROUP BY a; SET statement_timeout = '300ms'",
                   NULL, NULL) != QUERN_OK)
        abort();
    if (quern_exec(db, sql, read_row, &total) != QUERN_OK && strcmp(quern_sqlstate(db), "XX000") == 0) {
        fprintf(stderr, "XX000: %s\n%s\n", quern_errmsg(db), sql);
        abort();
    }
    if (quern_transaction_status(db) != 'I') quern_exec(db, "ROLLBACK", NULL, NULL);
    quern_close(db);
    free(sql);
    return 0;
}
