/* fk.c - the referenced side of foreign keys: what happens to rows that point at keys a statement deleted or changed. NO ACTION and RESTRICT look
 * for such rows (23503); CASCADE, SET NULL and SET DEFAULT change them. Both with SQL of our own, planned through ctx->plan_query and run for one key
 * after the other; what it writes is noted like what any statement writes. */
#include "common/array.h"
#include "executor/constraints.h"
#include "executor/exec.h"
#include "executor/keys.h"
#include "executor/modify.h"
#include "storage/heap.h"
#include "storage/lock.h"
#include "storage/snapshot.h"
#include "storage/tx.h"

/* The statements of one constraint: the one that looks, and what the action does on DELETE and on UPDATE. */
typedef enum FkSql { FK_SQL_LOOK, FK_SQL_DELETE, FK_SQL_UPDATE, FK_SQL_COUNT } FkSql;

typedef struct FkPlans {
    Oid constraint_oid;
    Exec *exec[FK_SQL_COUNT]; /* NULL: not needed yet */
} FkPlans;

struct FkActions {
    Ctx *ctx;
    Arena *arena;
    ARRAY(FkPlans) plans;
};

FkActions *
fk_actions_new(Ctx *ctx)
{
    Arena *arena = arena_create(NULL, "foreign keys");
    FkActions *a = arena != NULL ? ARENA_NEW(arena, FkActions) : NULL;
    if (a == NULL) {
        arena_destroy(arena);
        return NULL;
    }
    a->ctx = ctx;
    a->arena = arena;
    return a;
}

void
fk_actions_free(FkActions *a)
{
    if (a == NULL) return;
    for (int i = 0; i < a->plans.count; i++)
        for (int k = 0; k < FK_SQL_COUNT; k++) exec_destroy(a->plans.items[i].exec[k]);
    arena_destroy(a->arena);
}

/* ---- statements ---- */

static void
add_name(StrBuf *b, const char *name)
{
    strbuf_addc(b, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"') strbuf_addc(b, '"');
        strbuf_addc(b, *name);
    }
    strbuf_addc(b, '"');
}

static void
add_table(StrBuf *b, const char *verb, const Relation *r)
{
    strbuf_addz(b, verb);
    strbuf_addz(b, r->kind == RELKIND_PARTITIONED ? " " : " ONLY ");
    add_name(b, r->schema);
    strbuf_addc(b, '.');
    add_name(b, r->name);
}

/* "$3::int8": a parameter of the referenced column's type, so that the operator is the constraint's. */
static Status
add_param(Ctx *ctx, Arena *arena, StrBuf *b, const Relation *ref, int attnum, int number)
{
    const char *type;
    TRY(type_format(ctx, arena, ref->cols[attnum - 1].type, -1, &type));
    strbuf_addf(b, "$%d::%s", number, type);
    return QN_OK;
}

/* SET of an action: CASCADE takes the new key from the parameters after the old one's. */
static Status
add_set(Ctx *ctx, Arena *arena, StrBuf *b, const RelConstraint *c, const Relation *r, const Relation *ref, char action, bool is_delete)
{
    bool some = action != FK_CASCADE && is_delete && c->nset > 0;
    int n = some ? c->nset : c->nkeys;
    strbuf_addz(b, " SET ");
    for (int k = 0; k < n; k++) {
        if (k > 0) strbuf_addz(b, ", ");
        add_name(b, r->cols[(some ? c->set_attnums[k] : c->attnums[k]) - 1].name);
        strbuf_addz(b, action == FK_CASCADE ? " = " : action == FK_SET_NULL ? " = NULL" : " = DEFAULT");
        if (action == FK_CASCADE) TRY(add_param(ctx, arena, b, ref, c->ref_attnums[k], c->nkeys + k + 1));
    }
    return QN_OK;
}

static Status
write_sql(Ctx *ctx, Arena *arena, const RelConstraint *c, const Relation *r, const Relation *ref, FkSql which, char **sql_out,
          size_t *n_out)
{
    StrBuf b = strbuf_new(arena);
    char action = which == FK_SQL_DELETE ? c->on_delete : c->on_update;
    if (which == FK_SQL_LOOK) {
        add_table(&b, "SELECT tableoid, ctid FROM", r);
    } else if (which == FK_SQL_DELETE && action == FK_CASCADE) {
        add_table(&b, "DELETE FROM", r);
    } else {
        add_table(&b, "UPDATE", r);
        TRY(add_set(ctx, arena, &b, c, r, ref, action, which == FK_SQL_DELETE));
    }
    for (int k = 0; k < c->nkeys; k++) {
        strbuf_addz(&b, k > 0 ? " AND " : " WHERE ");
        add_name(&b, r->cols[c->attnums[k] - 1].name);
        strbuf_addz(&b, " = ");
        TRY(add_param(ctx, arena, &b, ref, c->ref_attnums[k], k + 1));
    }
    return strbuf_finish(ctx, &b, sql_out, n_out);
}

static Status
make_exec(FkActions *a, const RelConstraint *c, const Relation *r, const Relation *ref, FkSql which, Exec **out)
{
    Ctx *ctx = a->ctx;
    char *sql;
    size_t n;
    void *planned;
    if (ctx->plan_query == NULL) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "foreign key actions need a session");
    TRY(write_sql(ctx, a->arena, c, r, ref, which, &sql, &n));
    Arena *before = ctx->stmt_arena;
    ctx->stmt_arena = a->arena;
    Status st = ctx->plan_query(ctx, sql, n, &planned);
    ctx->stmt_arena = before;
    TRY(st);
    const Plan *p = planned;
    for (int i = 0; i < p->ndeps; i++)
        if (p->deps[i].lock_mode != LOCK_NONE)
            TRY(lock_relation(ctx, p->deps[i].oid, (LockMode)p->deps[i].lock_mode, LOCK_WAIT, NULL));
    return exec_build(ctx, a->arena, p, 0, out);
}

static Status
exec_of(FkActions *a, const RelConstraint *c, const Relation *r, const Relation *ref, FkSql which, Exec **out)
{
    FkPlans *found = NULL;
    for (int i = 0; i < a->plans.count && found == NULL; i++)
        if (a->plans.items[i].constraint_oid == c->oid) found = &a->plans.items[i];
    if (found == NULL) {
        FkPlans none = {.constraint_oid = c->oid};
        TRY(array_push(a->ctx, a->arena, &a->plans, none));
        found = &a->plans.items[a->plans.count - 1];
    }
    if (found->exec[which] != NULL && found->exec[which]->is_broken) {
        exec_destroy(found->exec[which]);
        found->exec[which] = NULL;
    }
    if (found->exec[which] == NULL) TRY(make_exec(a, c, r, ref, which, &found->exec[which]));
    *out = found->exec[which];
    return QN_OK;
}

/* ---- one key ---- */

typedef struct FkRun {
    Ctx *ctx;
    Arena *arena;        /* of one key */
    FkActions *actions;
    const Due *due;
    const RelConstraint *c;
    const Relation *ref, *r; /* where keys went; where the rows are that have them */
    char action;
    bool is_delete;
    bool fixed_snapshot; /* above READ COMMITTED: rows may have come that the transaction does not see */
    Value *key;          /* old, then new */
} FkRun;

/* Rows that refer to the key are for the transaction to change only if it sees them. */
static Status
crosscheck(FkRun *f, const Batch *b)
{
    Ctx *ctx = f->ctx;
    for (int i = 0; i < b->nsel; i++) {
        const Relation *r;
        bool unseen = false;
        Value table = vec_get(b->cols[0], batch_row(b, i)), tid = vec_get(b->cols[1], batch_row(b, i));
        TRY(catalog_relation_by_oid(ctx, (Oid)table.i32, &r));
        if (r != NULL && r->heap != NULL) TRY(heap_row_is_unseen(ctx, r->heap, tid.i64, &unseen));
        if (unseen) return RAISE(ctx, ERR_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    }
    return QN_OK;
}

/* Runs a statement over the key; rows it gave or changed. The first row is enough where only one is wanted. own: the transaction's snapshot, which is
 * to see the rows; NULL: does not matter. */
static Status
run_sql(FkRun *f, FkSql which, bool one, struct Snapshot *own, int64_t *nrows_out)
{
    Exec *e;
    Batch *b;
    int64_t n = 0;
    TRY(exec_of(f->actions, f->c, f->r, f->ref, which, &e));
    TRY(exec_start(e, f->key, e->plan->nparams));
    Status st = exec_fetch(e, &b);
    while (st == QN_OK && b != NULL) {
        struct Snapshot *latest = f->ctx->snapshot;
        n += b->nsel;
        if (one) break;
        if (own != NULL) {
            f->ctx->snapshot = own;
            st = crosscheck(f, b);
            f->ctx->snapshot = latest;
        }
        if (st == QN_OK) st = exec_fetch(e, &b);
    }
    if (st == QN_OK && e->plan->is_dml) n = e->rows_affected;
    exec_stop(e);
    *nrows_out = n;
    return st;
}

/* The same with the newest snapshot there is, whatever the isolation level: a row that the transaction cannot see refers to the key all the same,
 * and one that only it sees does not. The command's own rows stay unseen. is_checked: 40001 for rows that the transaction does not see. */
static Status
run_latest(FkRun *f, FkSql which, bool one, bool is_checked, int64_t *nrows_out)
{
    Ctx *ctx = f->ctx;
    struct Snapshot *own = ctx->snapshot;
    Snapshot latest;
    if (!f->fixed_snapshot) return run_sql(f, which, one, NULL, nrows_out);
    TRY(tx_snapshot_latest(ctx, &latest));
    latest.cmd_xid = own->cmd_xid;
    ctx->snapshot = &latest;
    Status st = run_sql(f, which, one, is_checked ? own : NULL, nrows_out);
    ctx->snapshot = own;
    tx_snapshot_drop(ctx, &latest);
    return st;
}

static Status
still_referenced(FkRun *f)
{
    Ctx *ctx = f->ctx;
    const RelConstraint *c = f->c;
    Vector *cols[KEY_MAX_INDEX_COLUMNS];
    const char *key;
    for (int k = 0; k < c->nkeys; k++) {
        TRY_ALLOC(ctx, cols[k], vec_new(f->arena, f->key[k].type));
        if (!vec_reserve(f->arena, cols[k], 1)) return RAISE_OOM(ctx);
        vec_set_const(cols[k], &f->key[k]);
    }
    TRY(modify_key_text(ctx, f->arena, f->ref, c->ref_attnums, cols, c->nkeys, 0, &key));
    Status st = RAISE(ctx, ERR_FOREIGN_KEY_VIOLATION,
                      "update or delete on table \"%s\" violates foreign key constraint \"%s\" on table \"%s\"", f->due->rel->name, c->name,
                      f->r->name);
    return err_detail(ctx, st, "Key %s is still referenced from table \"%s\".", key, f->r->name);
}

/* Is there a row with the old key again? */
static Status
key_is_back(FkRun *f, bool *out)
{
    const RelConstraint *c = f->c;
    const IndexDef *ix = relation_index_by_oid(f->ref, c->index_oid);
    Vector *cols[KEY_MAX_INDEX_COLUMNS];
    FkTarget *targets;
    int ntargets;
    *out = false;
    if (ix == NULL) return QN_OK;
    for (int k = 0; k < ix->nkeys; k++)
        for (int j = 0; j < c->nkeys; j++) {
            if (c->ref_attnums[j] != ix->attnums[k]) continue;
            TRY_ALLOC(f->ctx, cols[k], vec_new(f->arena, ix->types[k]));
            if (!vec_reserve(f->arena, cols[k], 1)) return RAISE_OOM(f->ctx);
            vec_set_const(cols[k], &f->key[j]);
        }
    TRY(fk_targets(f->ctx, f->arena, f->ref, c->index_oid, &targets, &ntargets));
    for (int i = 0; i < ntargets && !*out; i++) {
        Tid conflict = TID_NONE;
        int n = 0;
        TRY(index_insert_batch(f->ctx, targets[i].ix->index, targets[i].rel->heap, cols, NULL, 1, NULL, INDEX_CHECK_KEY, &conflict, &n));
        *out = n > 0;
    }
    return QN_OK;
}

static Status
check_unreferenced(FkRun *f)
{
    int64_t n;
    bool back = false;
    if (f->action != FK_RESTRICT) TRY(key_is_back(f, &back));
    if (back) return QN_OK;
    TRY(run_latest(f, FK_SQL_LOOK, true, false, &n));
    return n > 0 ? still_referenced(f) : QN_OK;
}

/* CASCADE and its like change all rows there are; if the transaction does not see one of them, it has to be run again. */
static Status
change_referencing(FkRun *f)
{
    int64_t n = 1;
    if (f->fixed_snapshot) TRY(run_latest(f, FK_SQL_LOOK, false, true, &n));
    if (n > 0) TRY(run_latest(f, f->is_delete ? FK_SQL_DELETE : FK_SQL_UPDATE, false, false, &n));
    if (f->action != FK_SET_DEFAULT) return QN_OK;
    TRY(tx_command_begin(f->ctx)); /* a default that is the old key has changed nothing */
    return check_unreferenced(f);
}

static Status
run_key(FkRun *f, char *row, const RowLayout *l)
{
    for (int k = 0; k < l->ncols; k++) {
        Value v = row_get(l, k, row);
        v.type = l->cols[k].type;
        TRY(value_copy(f->ctx, f->arena, &v, &f->key[k]));
    }
    if (f->action == FK_NO_ACTION || f->action == FK_RESTRICT) return check_unreferenced(f);
    TRY(tx_command_begin(f->ctx)); /* sees what the keys before did */
    return change_referencing(f);
}

Status
fk_run_due(Ctx *ctx, Arena *arena, const Due *due, FkActions *actions)
{
    const RelConstraint *c = due->c;
    Value key[2 * KEY_MAX_INDEX_COLUMNS];
    FkRun f = {.ctx = ctx, .actions = actions, .due = due, .c = c, .key = key,
               .is_delete = due->kind == DUE_DELETED};
    f.action = f.is_delete ? c->on_delete : c->on_update;
    f.fixed_snapshot = tx_isolation(ctx->tx) != TX_READ_COMMITTED;
    TRY(catalog_relation_by_oid(ctx, c->rel_oid, &f.r));
    TRY(catalog_relation_by_oid(ctx, c->ref_rel_oid, &f.ref)); /* due->rel, or what that is a partition of */
    if (f.r == NULL || f.ref == NULL) return QN_OK;
    TRY_ALLOC(ctx, f.arena, arena_create(arena, "key"));
    TRY(tx_command_begin(ctx));
    for (int64_t i = 0; i < rowstore_count(due->rows); i++) {
        char *row;
        TRY(ctx_check_stop(ctx));
        arena_reset(f.arena);
        TRY(rowstore_row(due->rows, i, &row));
        TRY(run_key(&f, row, rowstore_layout(due->rows)));
    }
    return QN_OK;
}
