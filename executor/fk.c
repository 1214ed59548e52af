/* fk.c - see fk.h. */
#include "executor/fk.h"

#include "executor/keys.h"
#include "executor/vecutil.h"
#include "storage/index.h"
#include "storage/lock.h"
#include "storage/tx.h"

Status
fk_open(FkActions *f, Ctx *ctx, Arena *arena, const Relation *rel)
{
    f->ctx = ctx;
    f->arena = arena;
    f->rel = rel;
    TRY_ALLOC(ctx, f->pending, ARENA_ARRAY(arena, FkPending, rel->nreferenced_by + 1));
    for (int i = 0; i < rel->nreferenced_by; i++) {
        const RelConstraint *c = rel->referenced_by[i];
        Oid *types;
        TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, 2 * c->nkeys));
        for (int k = 0; k < c->nkeys; k++)
            types[k] = types[c->nkeys + k] = rel->cols[c->ref_attnums[k] - 1].type;
        TRY(rowstore_new(ctx, arena, c->nkeys, types, (size_t)16 << 20, &f->pending[i].deleted));
        TRY(rowstore_new(ctx, arena, 2 * c->nkeys, types, (size_t)16 << 20, &f->pending[i].updated));
    }
    return QN_OK;
}

bool
fk_wants_rows(const FkActions *f)
{
    return f->rel->nreferenced_by > 0;
}

/* Rows whose keys hold no NULL: only those can be referenced. */
static int
whole_keys(Vector *const *cols, int n, const Batch *b, uint16_t *sel)
{
    return keys_drop_nulls(cols, n, b->sel, b->nsel, sel);
}

Status
fk_note_delete(FkActions *f, const Batch *old)
{
    uint16_t sel[BATCH_ROWS];
    Vector *cols[KEY_MAX_INDEX_COLUMNS];
    for (int i = 0; i < f->rel->nreferenced_by; i++) {
        const RelConstraint *c = f->rel->referenced_by[i];
        for (int k = 0; k < c->nkeys; k++) cols[k] = old->cols[c->ref_attnums[k] - 1];
        int n = whole_keys(cols, c->nkeys, old, sel);
        if (n > 0) TRY(rowstore_append_rows(f->pending[i].deleted, cols, sel, n, NULL));
    }
    return QN_OK;
}

Status
fk_note_update(FkActions *f, const Batch *old, const Batch *fresh, const uint64_t *changed)
{
    uint16_t sel[BATCH_ROWS];
    Vector *cols[2 * KEY_MAX_INDEX_COLUMNS];
    for (int i = 0; i < f->rel->nreferenced_by; i++) {
        const RelConstraint *c = f->rel->referenced_by[i];
        bool touched = false;
        for (int k = 0; k < c->nkeys; k++) {
            int attr = c->ref_attnums[k] - 1;
            cols[k] = old->cols[attr];
            cols[c->nkeys + k] = fresh->cols[attr];
            touched |= bits_get(changed, (size_t)attr);
        }
        if (!touched) continue;
        int n = whole_keys(cols, c->nkeys, fresh->nsel > 0 ? fresh : old, sel), m = 0;
        for (int r = 0; r < n; r++) {
            bool same = true;
            for (int k = 0; k < c->nkeys; k++) same &= keys_equal_rows(cols[k], sel[r], cols[c->nkeys + k], sel[r]);
            sel[m] = sel[r];
            m += !same;
        }
        if (m > 0) TRY(rowstore_append_rows(f->pending[i].updated, cols, sel, m, NULL));
    }
    return QN_OK;
}

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

/* WHERE key = $from, ... */
static void
add_where(StrBuf *b, const RelConstraint *c, const Relation *r, int from)
{
    strbuf_addz(b, " WHERE ");
    for (int k = 0; k < c->nkeys; k++) {
        if (k > 0) strbuf_addz(b, " AND ");
        add_name(b, r->cols[c->attnums[k] - 1].name);
        strbuf_addf(b, " = $%d", from + k);
    }
}

/* The statement for one key: $1.. the old key, then (CASCADE on update) the new one. */
static Status
action_sql(FkActions *f, const RelConstraint *c, const Relation *r, bool is_delete, char action, char **sql_out, size_t *n_out)
{
    StrBuf b = strbuf_new(f->arena);
    bool check = action == FK_NO_ACTION || action == FK_RESTRICT;
    if (check) strbuf_addz(&b, "SELECT 1 FROM ");
    else if (is_delete && action == FK_CASCADE) strbuf_addz(&b, "DELETE FROM ");
    else strbuf_addz(&b, "UPDATE ");
    add_name(&b, r->schema);
    strbuf_addc(&b, '.');
    add_name(&b, r->name);
    if (!check && !(is_delete && action == FK_CASCADE)) {
        strbuf_addz(&b, " SET ");
        int n = action != FK_CASCADE && c->nset > 0 ? c->nset : c->nkeys;
        for (int k = 0; k < n; k++) {
            int att = action != FK_CASCADE && c->nset > 0 ? c->set_attnums[k] : c->attnums[k];
            if (k > 0) strbuf_addz(&b, ", ");
            add_name(&b, r->cols[att - 1].name);
            if (action == FK_CASCADE) strbuf_addf(&b, " = $%d", c->nkeys + k + 1);
            else strbuf_addz(&b, action == FK_SET_NULL ? " = NULL" : " = DEFAULT");
        }
    }
    add_where(&b, c, r, 1);
    if (check) strbuf_addz(&b, " LIMIT 1");
    return strbuf_finish(f->ctx, &b, sql_out, n_out);
}

/* The value as the parameter's type. */
static Status
param_value(FkActions *f, Arena *arena, const Value *v, Oid type, Value *out)
{
    *out = *v;
    if (v->is_null || v->type == type) return QN_OK;
    StrBuf b = strbuf_new(arena);
    TRY(value_out(f->ctx, &b, v));
    return value_in(f->ctx, arena, b.data, b.nbytes, type, -1, out);
}

static Status
still_referenced(FkActions *f, const RelConstraint *c, const Relation *r, const Value *key)
{
    StrBuf b = strbuf_new(f->arena);
    char *text;
    size_t n;
    strbuf_addc(&b, '(');
    for (int k = 0; k < c->nkeys; k++) strbuf_addf(&b, "%s%s", k > 0 ? ", " : "", f->rel->cols[c->ref_attnums[k] - 1].name);
    strbuf_addz(&b, ")=(");
    for (int k = 0; k < c->nkeys; k++) {
        if (k > 0) strbuf_addz(&b, ", ");
        TRY(value_out(f->ctx, &b, &key[k]));
    }
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(f->ctx, &b, &text, &n));
    Status st = RAISE(f->ctx, ERR_FOREIGN_KEY_VIOLATION,
                      "update or delete on table \"%s\" violates foreign key constraint \"%s\" on table \"%s\"", f->rel->name,
                      c->name, r->name);
    return err_detail(f->ctx, st, "Key %s is still referenced from table \"%s\".", text, r->name);
}

/* NO ACTION: is there a row with the key again? */
static Status
key_is_back(FkActions *f, const RelConstraint *c, RowStore *rows, int64_t at, bool *out)
{
    const IndexDef *ix = relation_index_by_oid(f->rel, c->index_oid);
    const RowLayout *l = rowstore_layout(rows);
    Vector *cols[KEY_MAX_INDEX_COLUMNS];
    char *row;
    int64_t none = 0, conflict = 0;
    int n = 0;
    *out = false;
    if (ix == NULL) return QN_OK;
    TRY(rowstore_row(rows, at, &row));
    for (int k = 0; k < ix->nkeys; k++) {
        for (int j = 0; j < c->nkeys; j++) {
            if (c->ref_attnums[j] != ix->attnums[k]) continue;
            TRY_ALLOC(f->ctx, cols[k], vec_new(f->arena, ix->types[k]));
            if (!vec_reserve(f->arena, cols[k], 1)) return RAISE_OOM(f->ctx);
            TRY(row_gather(f->ctx, f->arena, l, j, &row, 1, cols[k]));
        }
    }
    TRY(index_insert_batch(f->ctx, ix->index, f->rel->heap, cols, NULL, 1, &none, INDEX_CHECK_ONLY, &conflict, &n));
    *out = n > 0;
    return QN_OK;
}

static Status
run_keys(FkActions *f, Exec *e, const RelConstraint *c, const Relation *r, RowStore *rows, bool is_delete, char action, Arena *arena)
{
    const RowLayout *l = rowstore_layout(rows);
    bool check = action == FK_NO_ACTION || action == FK_RESTRICT;
    for (int64_t i = 0; i < rowstore_count(rows); i++) {
        Value key[2 * KEY_MAX_INDEX_COLUMNS], params[2 * KEY_MAX_INDEX_COLUMNS];
        char *row;
        arena_reset(arena);
        if (action == FK_NO_ACTION) {
            bool back;
            TRY(key_is_back(f, c, rows, i, &back));
            if (back) continue;
        }
        TRY(rowstore_row(rows, i, &row));
        for (int k = 0; k < l->ncols; k++) {
            Value v = row_get(l, k, row);
            TRY(value_copy(f->ctx, arena, &v, &key[k]));
        }
        for (int k = 0; k < e->plan->nparams; k++) TRY(param_value(f, arena, &key[k], e->plan->param_types[k], &params[k]));
        Batch *b;
        TRY(exec_start(e, params, e->plan->nparams));
        TRY(exec_fetch(e, &b));
        bool found = b != NULL;
        while (b != NULL && !check) TRY(exec_fetch(e, &b));
        exec_stop(e);
        if (check && found) return still_referenced(f, c, r, key);
    }
    (void)is_delete;
    return QN_OK;
}

static Status
run_action(FkActions *f, const RelConstraint *c, RowStore *rows, bool is_delete)
{
    Ctx *ctx = f->ctx;
    const Relation *r;
    char action = is_delete ? c->on_delete : c->on_update, *sql;
    size_t n;
    void *plan;
    Status st;
    if (rowstore_count(rows) == 0) return QN_OK;
    TRY(catalog_relation_by_oid(ctx, c->rel_oid, &r));
    if (r == NULL) return QN_OK;
    if (ctx->plan_query == NULL) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "foreign key actions need a session");
    TRY(action_sql(f, c, r, is_delete, action, &sql, &n));
    if (!f->has_kept) {
        TRY(tx_snapshot_keep(ctx, ctx->snapshot, &f->kept));
        f->has_kept = true;
    }
    TRY(tx_command_begin(ctx));
    Arena *arena = arena_create(f->arena, "foreign key");
    Exec *e = NULL;
    TRY_ALLOC_GOTO(ctx, arena, arena);
    TRY_GOTO(ctx->plan_query(ctx, sql, n, &plan));
    const Plan *p = plan;
    for (int i = 0; i < p->ndeps; i++)
        if (p->deps[i].lock_mode != LOCK_NONE) TRY_GOTO(lock_relation(ctx, p->deps[i].oid, (LockMode)p->deps[i].lock_mode, LOCK_WAIT, NULL));
    TRY_GOTO(exec_build(ctx, f->arena, p, 0, &e));
    TRY_GOTO(run_keys(f, e, c, r, rows, is_delete, action, arena));
done:
    exec_destroy(e);
    arena_destroy(arena);
    ctx->snapshot = &f->kept;
    return st;
}

Status
fk_run(FkActions *f)
{
    for (int i = 0; i < f->rel->nreferenced_by; i++) {
        TRY(run_action(f, f->rel->referenced_by[i], f->pending[i].deleted, true));
        TRY(run_action(f, f->rel->referenced_by[i], f->pending[i].updated, false));
    }
    return QN_OK;
}

void
fk_reset(FkActions *f)
{
    for (int i = 0; f->pending != NULL && i < f->rel->nreferenced_by; i++) {
        if (f->pending[i].deleted != NULL) rowstore_reset(f->pending[i].deleted);
        if (f->pending[i].updated != NULL) rowstore_reset(f->pending[i].updated);
    }
    if (f->has_kept) {
        if (f->ctx->snapshot == &f->kept) f->ctx->snapshot = NULL;
        tx_snapshot_drop(f->ctx, &f->kept);
        f->has_kept = false;
    }
}

void
fk_close(FkActions *f)
{
    if (f->ctx != NULL) fk_reset(f);
    for (int i = 0; f->pending != NULL && i < f->rel->nreferenced_by; i++) {
        rowstore_free(f->pending[i].deleted);
        rowstore_free(f->pending[i].updated);
    }
}
