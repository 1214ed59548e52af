/* prepared.c - PREPARE, EXECUTE, DEALLOCATE. */
#include "catalog/systable.h"
#include "planner/resolve.h"
#include "session/stmt.h"
#include <stdlib.h>

Status
prepared_find(Session *s, const char *name, Prepared **out)
{
    for (Prepared *p = s->prepared; p != NULL; p = p->next)
        if (strcmp(p->name, name) == 0) {
            *out = p;
            return QN_OK;
        }
    return RAISE(&s->ctx, ERR_INVALID_SQL_STATEMENT_NAME, "prepared statement \"%s\" does not exist", name);
}

static bool
is_there(const Session *s, const char *name)
{
    for (const Prepared *p = s->prepared; p != NULL; p = p->next)
        if (strcmp(p->name, name) == 0) return true;
    return false;
}

Status
prepared_create(Session *s, const PrepareStmt *p, const char *sql)
{
    Ctx *ctx = &s->ctx;
    Oid *types = NULL;
    Stmt *stmt = NULL;
    Prepared *entry = NULL;
    Status st;
    PlanState ps = {.ctx = ctx, .arena = ctx->stmt_arena, .sql = sql};
    if (is_there(s, p->name))
        return RAISE(ctx, ERR_DUPLICATE_PSTATEMENT, "prepared statement \"%s\" already exists", p->name);
    if (!ast_is_plannable(p->query))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "utility statements cannot be prepared");
    TRY_ALLOC(ctx, types, ARENA_ARRAY(ctx->stmt_arena, Oid, p->types.count + 1));
    for (int i = 0; i < p->types.count; i++) {
        int32_t typmod;
        TRY(resolve_type_name(&ps, p->types.items[i], &types[i], &typmod));
    }
    TRY_GOTO(stmt_from_ast(s, sql, p->query, types, p->types.count, &stmt));
    stmt->fixed_result = true;
    TRY_GOTO(stmt_plan_held(stmt));
    entry = mem_should_fail() ? NULL : calloc(1, sizeof(*entry));
    char *name = entry == NULL || mem_should_fail() ? NULL : strdup(p->name);
    if (name == NULL) {
        free(entry);
        st = RAISE_OOM(ctx);
        goto done;
    }
    *entry = (Prepared){.next = s->prepared, .name = name, .stmt = stmt,
                        .prepared_us = session_wall_us()};
    s->prepared = entry;
    return QN_OK;
done:
    stmt_destroy(stmt);
    return st;
}

static void
forget(Prepared *p)
{
    stmt_destroy(p->stmt);
    free(p->name);
    free(p);
}

void
prepared_forget_all(Session *s)
{
    for (Prepared *p = s->prepared, *next; p != NULL; p = next) {
        next = p->next;
        forget(p);
    }
    s->prepared = NULL;
}

Status
prepared_forget(Session *s, const char *name)
{
    Prepared *p;
    if (name == NULL) {
        prepared_forget_all(s);
        return QN_OK;
    }
    TRY(prepared_find(s, name, &p));
    Prepared **at = &s->prepared;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    forget(p);
    return QN_OK;
}

/* ---- pg_prepared_statements ---- */

static const char *
type_array(SysRows *r, Ctx *ctx, const Plan *plan)
{
    StrBuf b = strbuf_new(sys_arena(r));
    strbuf_addc(&b, '{');
    for (int i = 0; i < plan->nparams; i++) {
        const char *name;
        if (type_format(ctx, sys_arena(r), plan->param_types[i], -1, &name) != QN_OK) return NULL;
        strbuf_addf(&b, "%s\"%s\"", i > 0 ? "," : "", name);
    }
    strbuf_addc(&b, '}');
    return b.failed ? NULL : b.data;
}

Status
sys_pg_prepared_statements(Ctx *ctx, SysRows *r)
{
    for (const Prepared *p = session_of(ctx)->prepared; p != NULL; p = p->next) {
        TRY(sys_row(r));
        sys_text(r, p->name);
        sys_text(r, p->stmt->sql);
        sys_time(r, p->prepared_us);
        sys_array(r, p->stmt->plan != NULL ? type_array(r, ctx, p->stmt->plan) : NULL);
        sys_bool(r, true);
        sys_skip(r, 2);
    }
    return QN_OK;
}
