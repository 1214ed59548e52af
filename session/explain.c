/* explain.c - EXPLAIN. */
#include "session/utility.h"

Status
utility_explain_describe(Stmt *stmt, const ExplainStmt *e)
{
    (void)stmt, (void)e;
    return QN_OK;
}

Status
utility_explain(Stmt *stmt, const ExplainStmt *e)
{
    (void)e;
    return RAISE(&stmt->s->ctx, ERR_FEATURE_NOT_SUPPORTED, "EXPLAIN is not supported yet");
}
