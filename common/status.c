/* status.c - see status.h and ctx.h. */
#include "common/status.h"
#include "common/ctx.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    char sqlstate[6];
    const char *name;
} table[] = {
#define ERR(sym, state, name) [ERR_##sym - STATUS_FIRST_ERROR - 1] = {state, name},
#include "common/errcodes.def"
#undef ERR
};

static char oom_text[] = "out of memory";

const char *
status_sqlstate(Status st)
{
    if (st == QN_OK) return "00000";
    if (st <= STATUS_FIRST_ERROR || st >= STATUS_COUNT) return "XX000";
    return table[st - STATUS_FIRST_ERROR - 1].sqlstate;
}

const char *
status_condition(Status st)
{
    if (st == QN_OK) return "successful_completion";
    if (st <= STATUS_FIRST_ERROR || st >= STATUS_COUNT) return "internal_error";
    return table[st - STATUS_FIRST_ERROR - 1].name;
}

Status
status_from_sqlstate(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].sqlstate, sqlstate) == 0) return (Status)(STATUS_FIRST_ERROR + 1 + i);
    return QN_OK;
}

/* NULL when memory is out. */
static char *
format(const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *p = n >= 0 && !mem_should_fail() ? malloc((size_t)n + 1) : NULL;
    if (p != NULL) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

Status
err_raise(Ctx *ctx, const char *file, int line, Status st, const char *fmt, ...)
{
    assert(ctx->nofail == 0);
    assert(st != QN_OK);
    if (ctx->err.code != QN_OK) return ctx->err.code;
    va_list ap;
    va_start(ap, fmt);
    char *message = format(fmt, ap);
    va_end(ap);
    if (message == NULL) return err_oom(ctx, file, line);
    ctx->err = (Err){.code = st, .file = file, .line = line, .message = message};
    return st;
}

Status
err_oom(Ctx *ctx, const char *file, int line)
{
    assert(ctx->nofail == 0);
    if (ctx->err.code != QN_OK) return ctx->err.code;
    ctx->err = (Err){.code = ERR_OUT_OF_MEMORY, .file = file, .line = line, .message = oom_text};
    return ERR_OUT_OF_MEMORY;
}

Status
err_position(Ctx *ctx, Status st, int position)
{
    if (ctx->err.code != QN_OK && ctx->err.position == 0) ctx->err.position = position;
    return st;
}

Status
err_detail(Ctx *ctx, Status st, const char *fmt, ...)
{
    if (ctx->err.code == QN_OK || ctx->err.detail != NULL) return st;
    va_list ap;
    va_start(ap, fmt);
    ctx->err.detail = format(fmt, ap);
    va_end(ap);
    return st;
}

Status
err_hint(Ctx *ctx, Status st, const char *fmt, ...)
{
    if (ctx->err.code == QN_OK || ctx->err.hint != NULL) return st;
    va_list ap;
    va_start(ap, fmt);
    ctx->err.hint = format(fmt, ap);
    va_end(ap);
    return st;
}

Status
err_context(Ctx *ctx, Status st, const char *fmt, ...)
{
    if (ctx->err.code == QN_OK) return st;
    va_list ap;
    va_start(ap, fmt);
    char *line = format(fmt, ap);
    va_end(ap);
    if (line == NULL || ctx->err.context == NULL) {
        if (ctx->err.context == NULL) ctx->err.context = line;
        return st;
    }
    size_t n = strlen(ctx->err.context), m = strlen(line);
    char *both = realloc(ctx->err.context, n + m + 2);
    if (both != NULL) {
        both[n] = '\n';
        memcpy(both + n + 1, line, m + 1);
        ctx->err.context = both;
    }
    free(line);
    return st;
}

void
err_clear(Err *err)
{
    if (err->code == QN_OK && err->message == NULL) return;
    if (err->message != oom_text) free(err->message);
    free(err->detail);
    free(err->hint);
    free(err->context);
    *err = (Err){0};
}

void
err_move(Err *to, Err *from)
{
    err_clear(to);
    *to = *from;
    *from = (Err){0};
}

int64_t
ctx_now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

Status
ctx_check_stop_slow(Ctx *ctx)
{
    uint32_t stop = ctx->stop != NULL ? atomic_load(ctx->stop) : 0;
    if (stop & STOP_SHUTDOWN)
        return RAISE(ctx, ERR_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
    if (stop & STOP_CANCEL)
        return RAISE(ctx, ERR_QUERY_CANCELED, "canceling statement due to user request");
    if ((stop & STOP_TIMEOUT) || (ctx->deadline_us != 0 && ctx_now_us() >= ctx->deadline_us))
        return RAISE(ctx, ERR_QUERY_CANCELED, "canceling statement due to statement timeout");
    return ctx->tick != NULL ? ctx->tick(ctx) : QN_OK;
}

Status
ctx_stack_overflow(Ctx *ctx)
{
    return RAISE(ctx, ERR_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
}

void
ctx_notice(Ctx *ctx, const char *severity, Status code, const char *fmt, ...)
{
    if (ctx->notice == NULL) return;
    va_list ap;
    va_start(ap, fmt);
    char *text = format(fmt, ap);
    va_end(ap);
    if (text != NULL) ctx->notice(ctx, severity, code, text);
    free(text);
}
