/* storage_util.h - what the storage tests share: connections on files in memory that can crash, pages with numbers on them. */
#ifndef TESTS_STORAGE_UTIL_H
#define TESTS_STORAGE_UTIL_H

#include "storage/db.h"
#include "storage/extent.h"
#include "storage/file_fault.h"
#include "storage/lock.h"
#include "storage/tx.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define UNUSED __attribute__((unused))

/* Passes, or shows the error. */
#define OK(ctx, expr)                                                                              \
    do {                                                                                           \
        Status ok_ = (expr);                                                                       \
        if (ok_ != QN_OK)                                                                          \
            fail_msg("%s: %s: %s", #expr, status_sqlstate(ok_),                                    \
                     (ctx)->err.message != NULL ? (ctx)->err.message : "");                        \
    } while (0)

/* Fails with this code; the slot is cleared. */
#define FAILS(ctx, code, expr)                                                                     \
    do {                                                                                           \
        Status fails_ = (expr);                                                                    \
        if (fails_ != (code))                                                                      \
            fail_msg("%s: %s: %s", #expr, status_sqlstate(fails_),                                 \
                     (ctx)->err.message != NULL ? (ctx)->err.message : "no error");                \
        err_clear(&(ctx)->err);                                                                    \
    } while (0)

static UNUSED void
open_db(Ctx *ctx, FaultFs *fs, const char *path)
{
    DbOptions o = {.file = fs != NULL ? fault_fs_ops(fs) : NULL, .cache_bytes = 4 << 20, .no_threads = true};
    memset(ctx, 0, sizeof(*ctx));
    OK(ctx, db_open(ctx, path, &o));
}

static UNUSED void
close_db(Ctx *ctx)
{
    assert_int_equal(pool_held(ctx->pool), 0);
    OK(ctx, db_close(ctx));
    err_clear(&ctx->err);
}

/* The process dies: what it had in memory is gone. The Ctx is closed, and says nothing to the files. */
static UNUSED void
crash_db(Ctx *ctx, FaultFs *fs, bool power_loss, uint64_t seed)
{
    if (power_loss) fault_fs_power_loss(fs, seed);
    else fault_fs_kill(fs);
    (void)!(db_close(ctx) == QN_OK);
    err_clear(&ctx->err);
}

static UNUSED void
begin(Ctx *ctx)
{
    OK(ctx, tx_begin(ctx, TX_READ_COMMITTED, false));
    OK(ctx, tx_command_begin(ctx));
}

/* A page of the relation that holds this number, logged as an image. */
static UNUSED Status
put_page(Ctx *ctx, Rel *rel, uint64_t number, PageNo *page_out)
{
    PageRef page = PAGE_REF_NONE;
    Status st;
    TRY(rel_page_new(ctx, rel, PAGE_OVERFLOW, PAGE_NONE, &page));
    WalLog log;
    PageRef *pages[1] = {&page};
    TRY_GOTO(wal_begin(ctx, pages, 1, 0, &log));
    page_header(&page)->flags = 0;
    for (uint32_t at = PAGE_BODY; at < db_page_bytes(ctx); at += 8) memcpy(page.ptr + at, &number, 8);
    log.force_image = 1;
    wal_finish(&log, WAL_IMAGES, 0);
    *page_out = page.number;
done:
    page_unfix(&page);
    return st;
}

static UNUSED Status
set_page(Ctx *ctx, PageNo number, uint64_t value)
{
    PageRef page = PAGE_REF_NONE;
    WalLog log;
    Status st;
    TRY(page_fix(ctx, number, FIX_EXCLUSIVE, &page));
    PageRef *pages[1] = {&page};
    TRY_GOTO(wal_begin(ctx, pages, 1, 0, &log));
    for (uint32_t at = PAGE_BODY; at < db_page_bytes(ctx); at += 8) memcpy(page.ptr + at, &value, 8);
    log.force_image = 1;
    wal_finish(&log, WAL_IMAGES, 0);
done:
    page_unfix(&page);
    return st;
}

static UNUSED Status
get_page(Ctx *ctx, PageNo number, uint64_t *value_out)
{
    PageRef page = PAGE_REF_NONE;
    uint64_t last;
    TRY(page_fix(ctx, number, FIX_SHARED, &page));
    memcpy(value_out, page.ptr + PAGE_BODY, 8);
    memcpy(&last, page.ptr + db_page_bytes(ctx) - 8, 8);
    page_unfix(&page);
    return last == *value_out ? QN_OK : RAISE(ctx, ERR_DATA_CORRUPTED, "page %u is half of two versions", number);
}

#endif
