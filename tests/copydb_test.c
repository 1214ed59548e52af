/* copydb_test.c - whole databases: backups of one in use, VACUUM INTO, recovery of what a damaged file still holds, and how long the log gets. */
#include "quern.h"
#include "storage/format.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[200], path[256], copy[256];

static void
exec_ok(quern *db, const char *sql)
{
    if (quern_exec(db, sql, NULL, NULL) != QUERN_OK) fail_msg("%s: %s: %s", sql, quern_sqlstate(db), quern_errmsg(db));
}

static int
take_text(void *arg, int n, const char **values, const char **names)
{
    (void)n, (void)names;
    snprintf(arg, 100, "%s", values[0] != NULL ? values[0] : "NULL");
    return 0;
}

static const char *
ask(quern *db, const char *sql)
{
    static char text[100];
    text[0] = '\0';
    if (quern_exec(db, sql, take_text, text) != QUERN_OK) fail_msg("%s: %s: %s", sql, quern_sqlstate(db), quern_errmsg(db));
    return text;
}

static quern *
open_with(const char *file, const char *settings, int no_background, int salvage)
{
    quern *db;
    quern_config config;
    quern_config_init(&config);
    config.settings = settings;
    config.no_background = no_background;
    config.salvage = salvage;
    if (quern_open_config(file, &config, &db) != QUERN_OK) fail_msg("open %s: %s", file, quern_errmsg(db));
    return db;
}

static void
close_ok(quern *db)
{
    assert_int_equal(quern_close(db), QUERN_OK);
}

static long
file_bytes(const char *file)
{
    struct stat st;
    return stat(file, &st) == 0 ? (long)st.st_size : -1;
}

static void
assert_clean(const char *file)
{
    quern *db = open_with(file, NULL, 1, 0);
    assert_string_equal(ask(db, "SELECT count(*) FROM quern_check()"), "0");
    close_ok(db);
}

static int
make_files(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(dir, sizeof(dir), "%s/quern_copy_XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL) return -1;
    snprintf(path, sizeof(path), "%s/a.db", dir);
    snprintf(copy, sizeof(copy), "%s/b.db", dir);
    return 0;
}

static int
remove_files(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof(command), "rm -r '%s'", dir);
    return system(command);
}

/* ---- backup ---- */

enum { WRITERS = 2 };
static _Atomic long acknowledged[WRITERS];
static _Atomic bool stop;

/* Rows come in pairs, each pair a transaction. */
static void *
write_pairs(void *arg)
{
    int w = (int)(intptr_t)arg;
    quern *db = open_with(path, NULL, 0, 0);
    char sql[300];
    for (long n = 1; !atomic_load(&stop); n++) {
        snprintf(sql, sizeof(sql), "BEGIN; INSERT INTO pair%d VALUES (%ld, repeat('x', %ld)); INSERT INTO pair%d VALUES (%ld, 'second'); COMMIT",
                 w, 2 * n, n % 3000, w, 2 * n + 1);
        exec_ok(db, sql);
        atomic_store(&acknowledged[w], n);
    }
    close_ok(db);
    return NULL;
}

static void
test_backup_of_a_database_in_use_is_of_one_moment(void **state)
{
    pthread_t threads[WRITERS];
    (void)state;
    quern *db = open_with(path, "max_wal_size=4MB", 0, 0);
    atomic_store(&stop, false);
    for (int w = 0; w < WRITERS; w++) {
        exec_ok(db, w == 0 ? "CREATE TABLE pair0 (id int PRIMARY KEY, t text)" : "CREATE TABLE pair1 (id int PRIMARY KEY, t text)");
        if (pthread_create(&threads[w], NULL, write_pairs, (void *)(intptr_t)w) != 0) abort();
    }
    for (int i = 0; i < 5; i++) {
        long before[WRITERS];
        usleep(50000);
        for (int w = 0; w < WRITERS; w++) before[w] = atomic_load(&acknowledged[w]);
        if (quern_backup(db, copy) != QUERN_OK) fail_msg("backup: %s", quern_errmsg(db));
        assert_clean(copy);
        quern *b = open_with(copy, NULL, 1, 0);
        for (int w = 0; w < WRITERS; w++) {
            char sql[100];
            snprintf(sql, sizeof(sql), "SELECT count(*) FROM pair%d", w);
            long rows = atol(ask(b, sql));
            assert_int_equal(rows % 2, 0);
            assert_in_range(rows / 2, before[w], atomic_load(&acknowledged[w]) + 1);
        }
        close_ok(b);
        assert_int_equal(file_bytes(copy) % 16384, 0);
        unlink(copy);
    }
    atomic_store(&stop, true);
    for (int w = 0; w < WRITERS; w++) pthread_join(threads[w], NULL);
    close_ok(db);
    assert_clean(path);
}

typedef struct Watched { int calls, stop_after; double last; } Watched;

static int
watch(void *arg, double fraction)
{
    Watched *w = arg;
    assert_true(fraction >= w->last && fraction <= 1);
    w->last = fraction;
    return ++w->calls == w->stop_after;
}

static void
test_backup_refuses_an_existing_file(void **state)
{
    (void)state;
    quern *db = open_with(path, NULL, 1, 0);
    exec_ok(db, "CREATE TABLE t (id int)");
    assert_int_equal(quern_backup(db, copy), QUERN_OK);
    assert_int_not_equal(quern_backup(db, copy), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "58P02");
    assert_int_not_equal(quern_exec(db, "VACUUM INTO '/tmp/no/such/directory/x'", NULL, NULL), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "58P01");
    close_ok(db);
}

static void
test_backup_stopped_by_its_progress_leaves_nothing(void **state)
{
    (void)state;
    Watched w = {.stop_after = 1};
    char part[300];
    quern *db = open_with(path, NULL, 1, 0);
    exec_ok(db, "CREATE TABLE t AS SELECT g, repeat('x', 3000) FROM generate_series(1, 2000) g");
    quern_progress(db, watch, &w);
    assert_int_not_equal(quern_backup(db, copy), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "57014");
    assert_int_equal(file_bytes(copy), -1);
    snprintf(part, sizeof(part), "%s.part", copy);
    assert_int_equal(file_bytes(part), -1);
    assert_true(w.last >= 0);
    quern_progress(db, NULL, NULL);
    assert_int_equal(quern_backup(db, copy), QUERN_OK);
    close_ok(db);
}

static void
fill_memory(quern *db)
{
    exec_ok(db, "CREATE TABLE a (id serial PRIMARY KEY, t text, n numeric(10,2) DEFAULT 5 CHECK (n > 0))");
    exec_ok(db, "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE)");
    exec_ok(db, "CREATE VIEW v AS SELECT t, count(*) FROM a GROUP BY t");
    exec_ok(db, "INSERT INTO a (t, n) SELECT 'row ' || g % 10, g FROM generate_series(1, 3000) g");
    exec_ok(db, "INSERT INTO a (t) VALUES ((SELECT string_agg(md5(g::text), '') FROM generate_series(1, 2000) g))");
    exec_ok(db, "INSERT INTO b SELECT g, g FROM generate_series(1, 500) g");
    exec_ok(db, "DELETE FROM a WHERE id % 3 = 0");
    exec_ok(db, "ALTER TABLE b ADD COLUMN c text DEFAULT 'late'");
}

static const char all_of_a[] = "SELECT md5(string_agg(a::text, ',' ORDER BY id)) FROM a";

static void
test_copy_of_a_database_in_memory_is_the_same(void **state)
{
    char want[100];
    (void)state;
    quern *db = open_with(":memory:", NULL, 0, 0);
    fill_memory(db);
    strcpy(want, ask(db, all_of_a));
    assert_int_equal(quern_backup(db, copy), QUERN_OK);
    close_ok(db);
    assert_clean(copy);
    db = open_with(copy, NULL, 0, 0);
    assert_string_equal(ask(db, all_of_a), want);
    assert_string_equal(ask(db, "SELECT count(*) FROM b WHERE c = 'late'"), "334");
    assert_string_equal(ask(db, "SELECT count(*) FROM v"), "11");
    assert_string_equal(ask(db, "INSERT INTO a (t) VALUES ('next') RETURNING id"), "3002");
    assert_int_not_equal(quern_exec(db, "INSERT INTO b VALUES (1000, 3)", NULL, NULL), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "23503");
    exec_ok(db, "CREATE TABLE c (id serial)"); /* oids go on above those copied */
    close_ok(db);
    assert_clean(copy);
}

static void
test_vacuum_into_packs_tightly(void **state)
{
    char sql[400], want[100];
    (void)state;
    quern *db = open_with(path, NULL, 0, 0);
    fill_memory(db);
    for (int i = 0; i < 10; i++) exec_ok(db, "UPDATE a SET n = n + 1, t = t || 'y'");
    strcpy(want, ask(db, all_of_a));
    snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", copy);
    exec_ok(db, sql);
    exec_ok(db, "CHECKPOINT");
    assert_true(file_bytes(copy) < file_bytes(path) / 2);
    close_ok(db);
    assert_clean(copy);
    db = open_with(copy, NULL, 0, 0);
    assert_string_equal(ask(db, all_of_a), want);
    close_ok(db);
}

/* ---- recovery of damaged files ---- */

typedef struct Lost { int n; bool named_table; } Lost;

static void
note_lost(void *arg, const char *object, int64_t page, const char *text)
{
    Lost *l = arg;
    l->n++;
    if (strcmp(object, "a") == 0 && page >= 0) l->named_table = true;
    assert_true(text[0] != '\0');
}

/* Flips a bit in the last page that belongs to relation root and has this type. */
static void
damage(PageType type, uint32_t root)
{
    FILE *f = fopen(path, "r+b");
    PageHeader h;
    long found = -1;
    for (long at = 0; fseek(f, at, SEEK_SET) == 0 && fread(&h, sizeof(h), 1, f) == 1; at += 16384)
        if (at >= PAGE_NO_FIRST * 16384 && h.type == type && h.rel == root) found = at;
    assert_true(found >= 0);
    fseek(f, found + 9000, SEEK_SET);
    int c = fgetc(f);
    fseek(f, found + 9000, SEEK_SET);
    fputc(c ^ 16, f);
    fclose(f);
}

static void
test_a_damaged_page_costs_its_rows_only(void **state)
{
    (void)state;
    Lost lost = {0};
    quern *db = open_with(path, NULL, 1, 0);
    exec_ok(db, "CREATE TABLE a (id int PRIMARY KEY, t text)");
    exec_ok(db, "CREATE TABLE b (id int PRIMARY KEY)");
    exec_ok(db, "INSERT INTO a SELECT g, repeat('x', 500) FROM generate_series(1, 1000) g");
    exec_ok(db, "INSERT INTO b SELECT * FROM generate_series(1, 1000)");
    close_ok(db);
    /* The first user's table is the third relation made. */
    PageHeader h;
    uint32_t root = 0;
    FILE *f = fopen(path, "rb");
    for (uint32_t page = PAGE_NO_FIRST + 2; root == 0 && fseek(f, (long)page * 16384, SEEK_SET) == 0 && fread(&h, sizeof(h), 1, f) == 1; page++)
        if (h.type == PAGE_MAP && h.rel == page) root = page;
    fclose(f);
    damage(PAGE_HEAP, root);

    db = open_with(path, NULL, 1, 0);
    assert_int_not_equal(quern_exec(db, "SELECT sum(length(t)) FROM a", NULL, NULL), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "XX001");
    assert_string_equal(ask(db, "SELECT count(*) FROM b"), "1000");
    assert_string_equal(ask(db, "SELECT length(t) FROM a WHERE id = 1"), "500");
    assert_int_not_equal(atoi(ask(db, "SELECT count(*) FROM quern_check() WHERE object = 'a' AND page IS NOT NULL")), 0);
    close_ok(db);

    db = open_with(path, NULL, 1, 1);
    assert_int_equal(quern_recover(db, copy, note_lost, &lost), QUERN_OK);
    assert_true(lost.named_table);
    close_ok(db);
    assert_clean(copy);
    db = open_with(copy, NULL, 1, 0);
    long rows = atol(ask(db, "SELECT count(*) FROM a"));
    assert_in_range(rows, 900, 999);
    assert_string_equal(ask(db, "SELECT count(*) FROM b"), "1000");
    close_ok(db);
}

/* A table's pages are found by what they say of themselves; what was freed, dropped or emptied before does not come back. */
static void
test_a_damaged_map_page_costs_no_rows(void **state)
{
    (void)state;
    Lost lost = {0};
    quern *db = open_with(path, NULL, 1, 0);
    exec_ok(db, "CREATE TABLE gone (id int PRIMARY KEY, t text)");
    exec_ok(db, "INSERT INTO gone SELECT g, repeat('y', 500) FROM generate_series(1, 3000) g; CHECKPOINT");
    exec_ok(db, "DROP TABLE gone; CHECKPOINT");
    exec_ok(db, "CREATE TABLE a (id int PRIMARY KEY, t text)");
    exec_ok(db, "INSERT INTO a SELECT g, repeat('x', 500) FROM generate_series(1, 2000) g");
    exec_ok(db, "INSERT INTO a SELECT g, string_agg(md5(k::text), '') FROM generate_series(2001, 2003) g, generate_series(1, 3000) k GROUP BY g");
    exec_ok(db, "CREATE TABLE b AS SELECT * FROM generate_series(1, 1000) AS id");
    exec_ok(db, "UPDATE a SET t = t || '!' WHERE id <= 100");
    long length = atol(ask(db, "SELECT sum(length(t)) FROM a"));
    uint32_t roots[2];
    roots[0] = (uint32_t)atol(ask(db, "SELECT relfilenode FROM pg_class WHERE relname = 'a'"));
    roots[1] = (uint32_t)atol(ask(db, "SELECT relfilenode FROM pg_class WHERE relname = 'a_pkey'"));
    close_ok(db);
    damage(PAGE_MAP, roots[0]);
    damage(PAGE_MAP, roots[1]);

    db = open_with(path, NULL, 1, 1);
    assert_int_equal(quern_recover(db, copy, note_lost, &lost), QUERN_OK);
    assert_true(lost.named_table);
    close_ok(db);
    assert_clean(copy);
    db = open_with(copy, NULL, 1, 0);
    assert_string_equal(ask(db, "SELECT count(*) FROM a"), "2003");
    assert_int_equal(atol(ask(db, "SELECT sum(length(t)) FROM a")), length);
    assert_string_equal(ask(db, "SELECT count(*) FROM b"), "1000");
    assert_string_equal(ask(db, "SELECT left(t, 3) FROM a WHERE id = 1000"), "xxx");
    close_ok(db);
}

static void
test_a_lost_meta_page_is_no_loss(void **state)
{
    (void)state;
    Lost lost = {0};
    quern *db = open_with(path, NULL, 1, 0);
    fill_memory(db);
    close_ok(db);
    FILE *f = fopen(path, "r+b");
    fseek(f, PAGE_NO_META * 16384 + 40, SEEK_SET);
    fputs("garbage", f);
    fclose(f);
    assert_int_not_equal(quern_open(path, &db), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "XX001");
    quern_close(db);
    db = open_with(path, NULL, 1, 1);
    assert_int_equal(quern_recover(db, copy, note_lost, &lost), QUERN_OK);
    assert_true(lost.n > 0);
    close_ok(db);
    assert_clean(copy);
    db = open_with(copy, NULL, 1, 0);
    assert_string_equal(ask(db, "SELECT count(*) FROM a"), "2001");
    close_ok(db);
}

/* ---- the log ---- */

static void
fill_log(quern *db, int megabytes)
{
    for (int i = 0; i < megabytes; i++)
        exec_ok(db, "UPDATE big SET t = md5(t) || repeat('y', 900) WHERE id % 2 = 0");
}

static void
log_stays_short(int no_background)
{
    char wal[300];
    quern *db = open_with(path, "max_wal_size=8MB", no_background, 0);
    assert_string_equal(ask(db, "SHOW max_wal_size"), "8MB");
    exec_ok(db, "CREATE TABLE big (id int PRIMARY KEY, t text)");
    exec_ok(db, "INSERT INTO big SELECT g, repeat('x', 1000) FROM generate_series(1, 2000) g");
    fill_log(db, 60);
    snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_true(file_bytes(wal) > 0);
    if (file_bytes(wal) > 24 << 20) fail_msg("the log has %ld bytes", file_bytes(wal));
    close_ok(db);
    assert_int_equal(file_bytes(wal), -1);
    assert_clean(path);
}

static void
test_checkpoints_keep_the_log_short(void **state)
{
    (void)state;
    log_stays_short(0);
}

static void
test_commits_keep_the_log_short_without_threads(void **state)
{
    (void)state;
    log_stays_short(1);
}

static void
test_a_checkpoint_comes_with_time(void **state)
{
    (void)state;
    quern *db = open_with(path, "checkpoint_timeout=1", 0, 0);
    exec_ok(db, "CREATE TABLE t AS SELECT generate_series(1, 1000)");
    long before = file_bytes(path);
    for (int i = 0; i < 60 && file_bytes(path) == before; i++) usleep(100000);
    usleep(300000);
    /* What has reached the file without the log's help is seen by whoever opens the file alone. */
    char command[600];
    snprintf(command, sizeof(command), "cp '%s' '%s'", path, copy);
    assert_int_equal(system(command), 0);
    quern *c;
    quern_config config;
    quern_config_init(&config);
    config.salvage = 1;
    if (quern_open_config(copy, &config, &c) != QUERN_OK) fail_msg("%s", quern_errmsg(c));
    assert_string_equal(ask(c, "SELECT count(*) FROM t"), "1000");
    quern_close(c);
    close_ok(db);
}

/* ---- several processes ---- */

/* What a process made for it meets on opening: 0 it reads, 1 it is told that this one has the file, 2 anything else. */
static int
open_as_other(const char *file, int read_only, const char *holder)
{
    quern *db;
    quern_config config;
    quern_config_init(&config);
    config.read_only = read_only;
    if (quern_open_config(file, &config, &db) == QUERN_OK) {
        int code = quern_exec(db, "SELECT count(*) FROM t", NULL, NULL);
        quern_close(db);
        return code == QUERN_OK ? 0 : 2;
    }
    bool named = strcmp(quern_sqlstate(db), "55006") == 0 && quern_errdetail(db) != NULL && strstr(quern_errdetail(db), holder) != NULL;
    fprintf(stderr, "%s: %s\n", quern_errmsg(db), quern_errdetail(db));
    quern_close(db);
    return named ? 1 : 2;
}

static const char *program; /* this one, as it was started */

static int
open_in_child(int read_only)
{
    char command[600];
    snprintf(command, sizeof(command), "'%s' '%s' %d 'The process is %d'", program, path, read_only, (int)getpid());
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_readers_share_a_file_and_whoever_is_refused_learns_who_has_it(void **state)
{
    (void)state;
    quern *db = open_with(path, NULL, 1, 0), *second;
    quern_config config;
    exec_ok(db, "CREATE TABLE t (id int)");
    assert_int_equal(open_in_child(0), 1);
    assert_int_equal(open_in_child(1), 1);
    second = open_with(path, NULL, 1, 0); /* another connection takes nothing away */
    close_ok(second);
    assert_int_equal(open_in_child(1), 1);
    close_ok(db);
    assert_int_equal(open_in_child(0), 0);
    quern_config_init(&config);
    config.read_only = 1;
    if (quern_open_config(path, &config, &db) != QUERN_OK) fail_msg("%s", quern_errmsg(db));
    assert_int_equal(open_in_child(1), 0);
    assert_int_equal(open_in_child(0), 1);
    assert_int_not_equal(quern_exec(db, "INSERT INTO t VALUES (1)", NULL, NULL), QUERN_OK);
    assert_string_equal(quern_sqlstate(db), "25006");
    close_ok(db);
}

static void
test_a_foreign_file_is_refused_and_not_touched(void **state)
{
    (void)state;
    static const char text[] = "This is no database, but somebody's notes.\n";
    char back[100] = "";
    quern *db;
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    assert_int_not_equal(quern_open(path, &db), QUERN_OK);
    assert_non_null(strstr(quern_errmsg(db), "is not a Quern database"));
    quern_close(db);
    f = fopen(path, "r");
    assert_int_equal(fread(back, 1, sizeof(back) - 1, f), strlen(text));
    fclose(f);
    assert_string_equal(back, text);
    char wal[300];
    snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_int_equal(file_bytes(wal), -1);
}

int
main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 4) return open_as_other(argv[1], atoi(argv[2]), argv[3]);
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_files, remove_files)
    const struct CMUnitTest tests[] = {
        TEST(test_backup_of_a_database_in_use_is_of_one_moment),
        TEST(test_backup_refuses_an_existing_file),
        TEST(test_backup_stopped_by_its_progress_leaves_nothing),
        TEST(test_copy_of_a_database_in_memory_is_the_same),
        TEST(test_vacuum_into_packs_tightly),
        TEST(test_a_damaged_page_costs_its_rows_only),
        TEST(test_a_damaged_map_page_costs_no_rows),
        TEST(test_a_lost_meta_page_is_no_loss),
        TEST(test_checkpoints_keep_the_log_short),
        TEST(test_commits_keep_the_log_short_without_threads),
        TEST(test_a_checkpoint_comes_with_time),
        TEST(test_readers_share_a_file_and_whoever_is_refused_learns_who_has_it),
        TEST(test_a_foreign_file_is_refused_and_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
