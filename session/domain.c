/* domain.c - the checks of a domain for a value that no expression makes (Ctx.check_domain). */
#include "executor/exec.h"
#include "planner/planner.h"
#include "session/session.h"

Status
session_check_domain(Ctx *ctx, uint32_t domain, const void *value)
{
    Arena *arena = arena_create(NULL, "domain check");
    Exec *exec = NULL;
    Plan *plan;
    Batch *b;
    Status st;
    if (arena == NULL) return RAISE_OOM(ctx);
    TRY_GOTO(plan_domain_value(ctx, arena, domain, value, &plan));
    TRY_GOTO(exec_build(ctx, arena, plan, 0, &exec));
    TRY_GOTO(exec_start(exec, NULL, 0));
    TRY_GOTO(exec_fetch(exec, &b));
done:
    if (exec != NULL) exec_destroy(exec);
    arena_destroy(arena);
    return st;
}
