/* fuzz_file.c - malformed database files: always an error or a right read, never a crash.
 *
 * An input is a list of changes to a file that is well-formed: page, offset, value, four bytes each way, whose checksums are then made good, or
 * not. So what lies behind the checksums is reached. */
#include "common/crc32c.h"
#include "session/session.h"
#include "storage/file_fault.h"
#include "storage/page.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static FaultFs *good;
static uint64_t good_bytes;

static int
ignore_row(void *arg, int n, const char **values, const char **names)
{
    (void)arg, (void)n, (void)values, (void)names;
    return 0;
}

static quern *
open_on(FaultFs *fs)
{
    quern_config config;
    Session *s;
    quern_config_init(&config);
    config.no_background = 1;
    config.page_size = PAGE_BYTES_MIN;
    config.cache_size = 4 << 20;
    config.settings = "statement_timeout=500ms";
    (void)!(session_open("f.db", &config, fault_fs_ops(fs), &s) == QN_OK);
    return (quern *)s;
}

static void
make_good(void)
{
    good = fault_fs_create();
    quern *db = open_on(good);
    if (quern_exec(db,
                   "SET statement_timeout = 0;"
                   "CREATE TABLE a (id int PRIMARY KEY, t text, n numeric(10,2), j json);"
                   "CREATE INDEX a_n ON a (n DESC) INCLUDE (id);"
                   "INSERT INTO a SELECT g, md5(g::text), g / 7.0, '[1]' FROM generate_series(1, 200) g;"
                   "INSERT INTO a VALUES (1000, (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 800) g), 1, NULL);"
                   "UPDATE a SET n = n + 1 WHERE id % 3 = 0; DELETE FROM a WHERE id % 10 = 0;"
                   "CREATE TABLE b (id serial PRIMARY KEY, a int REFERENCES a); INSERT INTO b (a) SELECT 1 FROM generate_series(1, 50)",
                   NULL, NULL) != QUERN_OK)
        abort();
    quern_close(db);
    (void)fault_fs_bytes(good, "f.db", &good_bytes);
}

typedef struct Change { uint8_t page, how; uint16_t offset; uint32_t value; } Change;

static void
apply(uint8_t *bytes, const Change *c, const uint8_t *id)
{
    uint32_t n = (uint32_t)(good_bytes / PAGE_BYTES_MIN), page = c->page % n;
    uint8_t *p = bytes + (size_t)page * PAGE_BYTES_MIN;
    uint32_t width = 1u << (c->how & 3), offset = c->offset % PAGE_BYTES_MIN;
    if (width > 4) width = 4;
    if (offset + width > PAGE_BYTES_MIN) offset = PAGE_BYTES_MIN - width;
    memcpy(p + offset, &c->value, width);
    if ((c->how & 0x80) != 0) return; /* the checksum shows it */
    if (page >= PAGE_NO_META) {
        page_set_crc(p, PAGE_BYTES_MIN, page, crc32c(0, id, 16));
    } else {
        DbHeader *h = (DbHeader *)p;
        h->crc = 0;
        h->crc = crc32c(0, p, PAGE_BYTES_MIN);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    static const char *const work[] = {
        "SELECT * FROM a ORDER BY id", "SELECT count(*) FROM a WHERE n > 8 AND t > '8'", "SELECT * FROM a JOIN b ON b.a = a.id WHERE a.id < 5",
        "SELECT * FROM quern_check()", "INSERT INTO a SELECT g, 'new' FROM generate_series(2000, 2100) g", "UPDATE a SET n = 0 WHERE id < 20",
        "DELETE FROM a WHERE id > 100", "INSERT INTO b (a) VALUES (2)", "VACUUM", "ANALYZE", "CREATE TABLE c AS SELECT * FROM a",
        "DROP TABLE b", "CHECKPOINT"};
    if (good == NULL) make_good();
    FaultFs *fs = fault_fs_clone(good);
    uint64_t n;
    uint8_t *bytes = (uint8_t *)(uintptr_t)fault_fs_bytes(fs, "f.db", &n);
    uint8_t id[16];
    memcpy(id, ((const DbHeader *)bytes)->id, sizeof(id));
    for (size_t at = 0; at + sizeof(Change) <= nbytes && at < 16 * sizeof(Change); at += sizeof(Change)) {
        Change c;
        memcpy(&c, data + at, sizeof(c));
        apply(bytes, &c, id);
    }
    quern *db = open_on(fs);
    for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++) (void)quern_exec(db, work[i], ignore_row, NULL);
    quern_close(db);
    fault_fs_destroy(fs);
    return 0;
}
