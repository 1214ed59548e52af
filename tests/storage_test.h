/* storage_test.h - what the tests of heap and index share: a database in a temporary directory,
 * tables of random rows, and a model to compare with. */
#ifndef TESTS_STORAGE_TEST_H
#define TESTS_STORAGE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "storage/db.h"
#include "storage/heap.h"
#include "storage/index.h"
#include "storage/tx.h"

static inline uint64_t
rnd(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}
static inline int
pick(uint64_t *state, int n)
{
    return (int)(rnd(state) % (uint64_t)n);
}

static inline uint64_t
test_seed(void)
{
    const char *seed = getenv("QUERN_TEST_SEED");
    uint64_t s = seed != NULL ? strtoull(seed, NULL, 0) : 20240607;
    printf("seed %llu\n", (unsigned long long)s);
    return s;
}

/* Stops the test with the error's text. */
#define OK(ctx, expr)                                                                              \
    do {                                                                                           \
        Status ok_ = (expr);                                                                       \
        if (ok_ != QN_OK) {                                                                        \
            fprintf(stderr, "%s:%d: %s: %s %s\n", __FILE__, __LINE__, #expr, status_sqlstate(ok_), \
                    (ctx)->err.message != NULL ? (ctx)->err.message : "");                         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline void
temp_path(char *out, size_t nbytes, const char *name)
{
    const char *dir = getenv("TMPDIR");
    snprintf(out, nbytes, "%s/quern_%s_%d", dir != NULL ? dir : "/tmp", name, (int)getpid());
}

static inline void
remove_db(const char *path)
{
    char wal[600];
    snprintf(wal, sizeof(wal), "%s-wal", path);
    unlink(path);
    unlink(wal);
}

static inline void
copy_file(const char *from, const char *to)
{
    char buf[65536];
    size_t n;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (in == NULL || out == NULL) abort();
    while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
        if (fwrite(buf, 1, n, out) != n) abort();
    fclose(in);
    fclose(out);
}

/* The files of an open database as a crash would leave them. */
static inline void
copy_db(const char *from, const char *to)
{
    char a[600], b[600];
    copy_file(from, to);
    snprintf(a, sizeof(a), "%s-wal", from);
    snprintf(b, sizeof(b), "%s-wal", to);
    copy_file(a, b);
}

static inline void
begin(Ctx *ctx)
{
    OK(ctx, tx_begin(ctx, TX_READ_COMMITTED, false));
    OK(ctx, tx_command_begin(ctx));
}
static inline void
commit(Ctx *ctx)
{
    tx_command_end(ctx);
    OK(ctx, tx_commit(ctx));
}
static inline void
rollback(Ctx *ctx)
{
    tx_command_end(ctx);
    tx_rollback(ctx);
}
/* The next command of the transaction: it sees what the ones before did. */
static inline void
next_command(Ctx *ctx)
{
    tx_command_end(ctx);
    OK(ctx, tx_command_begin(ctx));
}

/* A layout from types; numeric gets typmod (10,2). */
typedef struct TestLayout {
    Layout layout;
    LayoutColumn cols[16];
} TestLayout;

static inline void
make_layout(TestLayout *l, uint32_t id, const Oid *types, int ncols)
{
    memset(l, 0, sizeof(*l));
    for (int i = 0; i < ncols; i++) {
        int32_t typmod = types[i] == TYPE_NUMERIC ? numeric_typmod(10, 2) : -1;
        l->cols[i] = (LayoutColumn){.type = types[i],
                                    .typmod = typmod,
                                    .phys = (uint8_t)type_phys(types[i], typmod),
                                    .scale = types[i] == TYPE_NUMERIC ? 2 : 0};
    }
    l->layout = (Layout){.id = id, .ncols = ncols, .cols = l->cols};
}

#endif
