/* notice.c - messages and progress reports to the application. */
#include "session/session.h"
#include "common/str.h"

/* Ranks of client_min_messages' options, in their order: notice debug5 debug4 debug3 debug2 debug1 log warning error. */
static int
setting_rank(int option)
{
    static const int rank[] = {6, 0, 1, 2, 3, 4, 5, 7, 8};
    return rank[option];
}

static int
severity_rank(const char *severity)
{
    if (strcmp(severity, "WARNING") == 0) return 7;
    if (strcmp(severity, "NOTICE") == 0) return 6;
    if (strcmp(severity, "LOG") == 0) return 5;
    if (strncmp(severity, "DEBUG", 5) == 0) return 4;
    return 9; /* INFO is always sent */
}

void
session_notice(Ctx *ctx, const char *severity, Status code, const char *message)
{
    Session *s = session_of(ctx);
    if (s->notice == NULL || severity_rank(severity) < setting_rank(s->settings.client_min_messages))
        return;
    /* "successful completion" is what PostgreSQL sends with notices that have no code. */
    s->notice(s->notice_arg, severity, status_sqlstate(code), message);
}

/* Called between batches, by ctx_check_stop. Reports at most ten times a second. */
Status
session_tick(Ctx *ctx)
{
    Session *s = session_of(ctx);
    if (s->progress == NULL) return QN_OK;
    int64_t now = ctx_now_us();
    if (now < s->progress_next_us) return QN_OK;
    s->progress_next_us = now + 100000;
    double fraction = ctx->work_total > 0 ? (double)ctx->work_done / (double)ctx->work_total : -1;
    if (s->progress(s->progress_arg, fraction > 1 ? 1 : fraction) != 0)
        return RAISE(ctx, ERR_QUERY_CANCELED, "canceling statement due to user request");
    return QN_OK;
}
