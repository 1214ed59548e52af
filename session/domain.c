/* domain.c - the checks of domains for values that no expression makes (Ctx.check_domain): a field of a row that is read from
 * text, a member of a JSON document. Each domain's plan is kept, for there are many values. */
#include "executor/exec.h"
#include "planner/planner.h"
#include "session/session.h"

typedef struct DomainCheck DomainCheck;
struct DomainCheck {
    DomainCheck *next;
    Oid domain;
    uint64_t generation; /* of the catalog it was planned for */
    Arena *arena;        /* holds this too */
    RelPins pins;
    Exec *exec;
    bool is_running;
};

static void
check_free(Session *s, DomainCheck *c)
{
    if (c->exec != NULL) exec_destroy(c->exec);
    relpins_release(&s->ctx, &c->pins);
    arena_destroy(c->arena);
}

void
domain_forget_all(Session *s)
{
    while (s->domain_checks != NULL) {
        DomainCheck *c = s->domain_checks;
        s->domain_checks = c->next;
        check_free(s, c);
    }
}

static Status
check_plan(Session *s, DomainCheck *c)
{
    Ctx *ctx = &s->ctx;
    Plan *plan;
    RelPins *pins = catalog_pins_use(ctx, &c->pins);
    Arena *before = ctx->stmt_arena;
    ctx->stmt_arena = c->arena;
    Status st = plan_domain_value(ctx, c->arena, c->domain, &plan);
    if (st == QN_OK) st = exec_build(ctx, c->arena, plan, 0, &c->exec);
    ctx->stmt_arena = before;
    catalog_pins_use(ctx, pins);
    return st;
}

static Status
check_new(Session *s, Oid domain, uint64_t generation, DomainCheck **out)
{
    Arena *arena = arena_create_account(NULL, "domain check", &s->mem);
    if (arena == NULL) return RAISE_OOM(&s->ctx);
    DomainCheck *c = ARENA_NEW(arena, DomainCheck);
    if (c == NULL) {
        arena_destroy(arena);
        return RAISE_OOM(&s->ctx);
    }
    c->domain = domain;
    c->generation = generation;
    c->arena = arena;
    Status st = check_plan(s, c);
    if (st != QN_OK) {
        check_free(s, c);
        return st;
    }
    c->next = s->domain_checks;
    s->domain_checks = c;
    *out = c;
    return QN_OK;
}

/* One that is at work is not taken again: a check may call a function that reads such a value. */
static DomainCheck *
check_find(Session *s, Oid domain, uint64_t generation)
{
    for (DomainCheck **p = &s->domain_checks; *p != NULL;) {
        DomainCheck *c = *p;
        if (c->generation != generation && !c->is_running) {
            *p = c->next;
            check_free(s, c);
            continue;
        }
        if (c->domain == domain && c->generation == generation && !c->is_running) return c;
        p = &c->next;
    }
    return NULL;
}

Status
session_check_domain(Ctx *ctx, uint32_t domain, const void *value)
{
    Session *s = session_of(ctx);
    uint64_t generation = catalog_generation(ctx);
    DomainCheck *c = check_find(s, domain, generation);
    Batch *b;
    if (c == NULL) TRY(check_new(s, domain, generation, &c));
    c->is_running = true;
    Status st = exec_start(c->exec, value, 1);
    if (st == QN_OK) st = exec_fetch(c->exec, &b);
    exec_stop(c->exec);
    c->is_running = false;
    return st;
}
