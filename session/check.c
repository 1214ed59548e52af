/* check.c - quern_check(): the whole database verified, a row for each fault.
 *
 * Writers are kept out of one table after another; nothing else is. Constraints are verified by the queries that ALTER TABLE ... ADD
 * CONSTRAINT verifies them with. */
#include "catalog/check.h"
#include "common/array.h"
#include "executor/check_rel.h"
#include "session/ddl.h"
#include "storage/db.h"
#include "types/function.h"

typedef struct Fault { const char *object, *text; int64_t page; } Fault;

typedef struct Checker {
    CheckSink sink; /* first */
    Ctx *ctx;
    Arena *arena;
    ARRAY(Fault) faults;
    int at;         /* the next to hand out */
    const PageNo *roots;
    const char **names; /* of roots */
    int nroots;
    Status failed;  /* of a report that could not be kept */
} Checker;

static Status
note(CheckSink *sink, const char *object, int64_t page, const char *text)
{
    Checker *c = (Checker *)sink;
    Fault f = {.page = page};
    TRY_ALLOC(c->ctx, f.object, arena_strdup(c->arena, object));
    TRY_ALLOC(c->ctx, f.text, arena_strdup(c->arena, text));
    return array_push(c->ctx, c->arena, &c->faults, f);
}

static void
note_storage(void *arg, PageNo root, PageNo page, const char *text)
{
    Checker *c = arg;
    const char *object = "file";
    for (int i = 0; i < c->nroots; i++)
        if (root != PAGE_NONE && c->roots[i] == root) object = c->names[i];
    if (c->failed == QN_OK) c->failed = note(&c->sink, object, page, text);
}

/* Pages and who owns them. What DDL commits meanwhile would look like pages that belong to nothing: then again. */
static Status
check_storage(Checker *c)
{
    enum { TRIES = 10 };
    Ctx *ctx = c->ctx;
    for (int i = 0;; i++) {
        PageNo *roots;
        uint64_t generation = catalog_generation(ctx);
        int nfaults = c->faults.count;
        TRY(catalog_roots(ctx, c->arena, &roots, &c->names, &c->nroots));
        c->roots = roots;
        Status st = db_check(ctx, roots, c->nroots, note_storage, c);
        TRY(c->failed);
        if (st != QN_OK && st != ERR_DATA_CORRUPTED) return st;
        err_clear(&ctx->err);
        if (st == QN_OK || i == TRIES || catalog_generation(ctx) == generation) return QN_OK;
        c->faults.count = nfaults;
    }
}

static Status
check_constraint(Ddl *d, const Relation *rel, const RelConstraint *con)
{
    const Relation *ref;
    if (!con->validated) return QN_OK;
    switch (con->kind) {
    case CONSTRAINT_CHECK: return ddl_validate_check(d, rel, con);
    case CONSTRAINT_FOREIGN:
        TRY(catalog_relation_by_oid(d->ctx, con->ref_rel_oid, &ref));
        return ref != NULL ? ddl_validate_foreign(d, rel, ref, con) : QN_OK;
    default: return QN_OK; /* their indexes are checked */
    }
}

/* Whether an error is a finding: damage met on the way, or a constraint that does not hold. */
static bool
is_finding(Status st)
{
    return is_damage(st) || st == ERR_CHECK_VIOLATION || st == ERR_FOREIGN_KEY_VIOLATION || st == ERR_NOT_NULL_VIOLATION;
}

static Status
check_constraints(Checker *c, Ddl *d, const Relation *rel)
{
    for (int i = 0; i < rel->nconstraints; i++) {
        Status st = check_constraint(d, rel, rel->constraints[i]);
        if (is_finding(st)) st = check_report_error(d->ctx, &c->sink, rel->constraints[i]->name);
        TRY(st);
    }
    for (int i = 0; i < rel->ncols; i++) {
        if (!rel->cols[i].not_null || rel->cols[i].dropped) continue;
        Status st = ddl_validate_not_null(d, rel, rel->cols[i].name);
        if (is_finding(st)) st = check_report_error(d->ctx, &c->sink, rel->name);
        TRY(st);
    }
    return QN_OK;
}

static Status
check_tables(Checker *c, Ddl *d)
{
    Ctx *ctx = c->ctx;
    Oid *tables;
    int n;
    TRY(ddl_all_tables(ctx, &tables, &n));
    for (int i = 0; i < n; i++) {
        const Relation *rel;
        TRY(lock_relation(ctx, tables[i], LOCK_SHARE, LOCK_WAIT, NULL));
        Status st = catalog_relation_by_oid(ctx, tables[i], &rel);
        if (is_damage(st)) {
            TRY(check_report_error(ctx, &c->sink, "catalog"));
            continue;
        }
        TRY(st);
        if (rel == NULL || rel->heap == NULL) continue;
        TRY(check_relation(ctx, c->arena, rel, &c->sink));
        TRY(check_constraints(c, d, rel));
    }
    return QN_OK;
}

/* Rows of other sessions' running transactions are in nobody's way: what they hold is not visible, and their pages are owned. */
Status
srf_quern_check_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    Checker *c;
    Session *s = session_of(ctx);
    struct Snapshot *before = ctx->snapshot;
    (void)args, (void)nargs, (void)arg_types;
    TRY_ALLOC(ctx, c, ARENA_NEW(arena, Checker));
    c->sink.report = note;
    c->ctx = ctx;
    c->arena = arena;
    *state_out = c;
    Ddl d = {.s = s, .ctx = ctx, .arena = arena, .sql = "", .stmt = s->running};
    Status st = catalog_check(ctx, arena, &c->sink);
    if (st == QN_OK) st = check_tables(c, &d);
    if (st == QN_OK) st = check_storage(c);
    if (ctx->snapshot != before) { /* the queries above began commands of their own */
        if (s->running != NULL && !s->running->has_command) tx_command_end(ctx);
        ctx->snapshot = before;
    }
    return st;
}

Status
srf_quern_check_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Checker *c = state;
    int n = 0;
    for (; n < BATCH_ROWS && c->at < c->faults.count; n++, c->at++) {
        const Fault *f = &c->faults.items[c->at];
        TRY(str_copy(ctx, arena, f->object, strlen(f->object), (Str *)out[0]->data + n));
        if (f->page == CHECK_NO_PAGE) vec_set_null(out[1], n);
        else ((int64_t *)out[1]->data)[n] = f->page;
        TRY(str_copy(ctx, arena, f->text, strlen(f->text), (Str *)out[2]->data + n));
    }
    *n_out = n;
    return QN_OK;
}

const char *const srf_quern_check_names[] = {"object", "page", "fault"};
const Oid srf_quern_check_types[] = {TYPE_TEXT, TYPE_INT8, TYPE_TEXT};
