/* ddl_vacuum.c - VACUUM, ANALYZE and CLUSTER as statements: their options, which tables, a transaction for each. What is done to a
 * table is in session/maintain.c. */
#include "common/array.h"
#include "session/copydb.h"
#include "session/ddl.h"
#include "session/maintain.h"

/* ---- options ---- */

static Status
option_parallel(Ddl *d, const DefElem *o, MaintainOptions *out)
{
    if (o->arg == NULL)
        return err_position(d->ctx, RAISE(d->ctx, ERR_SYNTAX_ERROR, "parallel option requires a value between 0 and 1024"), o->loc);
    const A_Const *c = ast_is(o->arg, A_Const) ? AST_AS(A_Const, o->arg) : NULL;
    if (c == NULL || c->str != NULL) 
        return RAISE(d->ctx, ERR_SYNTAX_ERROR, "%s requires an integer value", o->name);
    if (c->ival < 0 || c->ival > 1024)
        return err_position(d->ctx,
                            RAISE(d->ctx, ERR_SYNTAX_ERROR, "parallel workers for vacuum must be between 0 and 1024"), o->loc);
    out->parallel = (int)c->ival; /* taken, and done by one */
    return QN_OK;
}

static Status
option_index_cleanup(Ddl *d, const DefElem *o, MaintainOptions *out)
{
    const char *word = option_text(o);
    bool on;
    if (word != NULL && strcasecmp(word, "auto") == 0) {
        out->index_cleanup = MAINTAIN_AUTO;
        return QN_OK;
    }
    TRY(option_bool(d->ctx, o, &on));
    out->index_cleanup = on ? MAINTAIN_ON : MAINTAIN_OFF;
    return QN_OK;
}

static Status
read_option(Ddl *d, const VacuumStmt *v, const DefElem *o, MaintainOptions *out)
{
    struct { const char *name; bool *to; } flags[] = {
        {"verbose", &out->verbose}, {"skip_locked", &out->skip_locked}, {"analyze", &out->analyze},
        {"full", &out->full}, {"freeze", &out->freeze}, {"disable_page_skipping", &out->every_page},
        {"process_toast", &out->process_toast},
    };
    size_t n = v->is_vacuum ? sizeof(flags) / sizeof(flags[0]) : 2;
    for (size_t i = 0; i < n; i++)
        if (strcmp(o->name, flags[i].name) == 0) return option_bool(d->ctx, o, flags[i].to);
    if (v->is_vacuum && strcmp(o->name, "index_cleanup") == 0) return option_index_cleanup(d, o, out);
    if (v->is_vacuum && strcmp(o->name, "parallel") == 0) return option_parallel(d, o, out);
    if (v->is_vacuum && strcmp(o->name, "truncate") == 0) {
        bool on;
        TRY(option_bool(d->ctx, o, &on));
        out->truncate = on ? MAINTAIN_ON : MAINTAIN_OFF;
        return QN_OK;
    }
    return err_position(d->ctx,
                        RAISE(d->ctx, ERR_SYNTAX_ERROR, "unrecognized %s option \"%s\"", v->is_vacuum ? "VACUUM" : "ANALYZE",
                              o->name),
                        o->loc);
}

static Status
check_options(Ddl *d, const VacuumStmt *v, const MaintainOptions *o)
{
    Ctx *ctx = d->ctx;
    if (o->full && o->parallel > 0)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "VACUUM FULL cannot be performed in parallel");
    for (int i = 0; v->is_vacuum && !o->analyze && i < v->rels.count; i++)
        if (AST_AS(VacuumRelation, v->rels.items[i])->columns.count > 0)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "ANALYZE option must be specified when a column list is provided");
    if (o->full && o->every_page)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL");
    if (o->full && !o->process_toast)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "PROCESS_TOAST required with VACUUM FULL");
    return QN_OK;
}

/* ---- tables ---- */

typedef struct Target {
    Oid oid;
    const VacuumRelation *named; /* NULL: the statement names none */
} Target;

typedef struct Targets {
    Target *items;
    int n, cap;
} Targets;

static Status
add_target(Ddl *d, Targets *t, Oid oid, const VacuumRelation *named)
{
    if (!array_grow(d->arena, (void **)&t->items, &t->cap, t->n, 1, sizeof(Target))) return RAISE_OOM(d->ctx);
    t->items[t->n++] = (Target){oid, named};
    return QN_OK;
}

static Status
add_partitions(Ddl *d, Targets *t, const Relation *rel, const VacuumRelation *named)
{
    TRY(ctx_check_depth(d->ctx));
    for (int i = 0; i < rel->nchildren; i++) {
        const Relation *part;
        TRY(catalog_relation_by_oid(d->ctx, rel->children[i]->child_oid, &part));
        if (part == NULL) continue;
        if (part->kind == RELKIND_PARTITIONED) TRY(add_partitions(d, t, part, named));
        else TRY(add_target(d, t, part->oid, named));
    }
    return QN_OK;
}

static Status
check_columns(Ddl *d, const Relation *rel, const VacuumRelation *r)
{
    for (int k = 0; k < r->columns.count; k++) {
        const char *name = ast_str(r->columns.items[k]);
        if (relation_column(rel, name) == NULL)
            return RAISE(d->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name, rel->name);
        for (int i = 0; i < k; i++)
            if (strcmp(ast_str(r->columns.items[i]), name) == 0)
                return RAISE(d->ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" appears more than once", name,
                             rel->name);
    }
    return QN_OK;
}

/* Names are looked up before anything is done. */
static Status
find_targets(Ddl *d, const VacuumStmt *v, const MaintainOptions *o, Targets *t)
{
    Ctx *ctx = d->ctx;
    if (v->rels.count == 0) {
        Oid *list;
        int n;
        TRY(ddl_all_tables(ctx, &list, &n));
        for (int i = 0; i < n; i++) TRY(add_target(d, t, list[i], NULL));
        return QN_OK;
    }
    for (int i = 0; i < v->rels.count; i++) {
        const VacuumRelation *r = AST_AS(VacuumRelation, v->rels.items[i]);
        const RangeVar *rv = AST_AS(RangeVar, r->rel);
        const Relation *rel;
        TRY(catalog_relation_required(ctx, rv->schema, rv->name, rv->loc, &rel));
        if (rel->kind == RELKIND_TABLE && rel->heap == NULL) continue; /* rows that come from the program: nothing to do */
        if (rel->kind == RELKIND_PARTITIONED) {
            TRY(add_partitions(d, t, rel, r));
            continue;
        }
        if (!relation_has_heap(rel->kind)) {
            ctx_notice(ctx, "WARNING", QN_OK, "skipping \"%s\" --- cannot %s non-tables or special system tables", rel->name,
                       o->vacuum ? "vacuum" : "analyze");
            continue;
        }
        TRY(add_target(d, t, rel->oid, r));
    }
    return QN_OK;
}

/* One table, locked as it must be; *rel_out NULL: it has gone, or is locked and the statement skips those. */
static Status
open_target(Ddl *d, const Target *t, const MaintainOptions *o, LockMode mode, const Relation **rel_out)
{
    Ctx *ctx = d->ctx;
    bool granted = true;
    *rel_out = NULL;
    TRY(lock_acquire(ctx, lock_relation_tag(t->oid), mode, o->skip_locked ? LOCK_TRY : LOCK_WAIT, &granted));
    if (!granted) {
        if (t->named != NULL)
            ctx_notice(ctx, "WARNING", ERR_LOCK_NOT_AVAILABLE, "skipping %s of \"%s\" --- lock not available",
                       o->vacuum ? "vacuum" : "analyze", AST_AS(RangeVar, t->named->rel)->name);
        return QN_OK;
    }
    TRY(catalog_relation_by_oid(ctx, t->oid, rel_out));
    if (*rel_out != NULL && (*rel_out)->heap == NULL) *rel_out = NULL;
    return QN_OK;
}

static Status
run_target(Ddl *d, const Target *t, const MaintainOptions *o)
{
    const Relation *rel;
    LockMode mode = o->full ? LOCK_ACCESS_EXCLUSIVE : LOCK_SHARE_UPDATE_EXCLUSIVE;
    if (o->vacuum) {
        /* Each table in a transaction of its own, so that what one holds is let go before the next, and without a snapshot. */
        TRY(session_next_transaction(d->s));
        TRY(open_target(d, t, o, mode, &rel));
        if (rel == NULL) return QN_OK;
        TRY(o->full ? maintain_rewrite(d, rel, NULL, o) : maintain_vacuum(d->ctx, d->arena, rel, o));
        if (o->analyze) TRY(session_next_transaction(d->s));
    }
    if (!o->analyze) return QN_OK;
    TRY(open_target(d, t, o, LOCK_SHARE_UPDATE_EXCLUSIVE, &rel));
    if (rel == NULL) return QN_OK;
    if (t->named != NULL) TRY(check_columns(d, rel, t->named));
    MaintainOptions own = *o;
    if (t->named != NULL) own.columns = &t->named->columns;
    return maintain_analyze(d->ctx, d->arena, rel, &own);
}

/* How many pages there are to go through, over all tables. */
static Status
expect_targets(Ddl *d, const Targets *t, const MaintainOptions *o)
{
    Ctx *ctx = d->ctx;
    int64_t total = 0;
    for (int i = 0; i < t->n; i++) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(ctx, t->items[i].oid, &rel));
        if (rel == NULL) continue;
        ctx->work_total = 0;
        TRY(maintain_expect(ctx, rel, o->full ? 2 + MAINTAIN_INDEX_PASSES * rel->nindexes : 1));
        total += ctx->work_total;
    }
    ctx->work_total = total;
    return QN_OK;
}

Status
ddl_run_vacuum(Ddl *d, const VacuumStmt *v)
{
    MaintainOptions o = {.vacuum = v->is_vacuum, .analyze = !v->is_vacuum, .process_toast = true};
    Targets t = {0};
    for (int i = 0; i < v->options.count; i++) TRY(read_option(d, v, AST_AS(DefElem, v->options.items[i]), &o));
    TRY(check_options(d, v, &o));
    if (o.vacuum) TRY(session_prevent_block(d->s, "VACUUM"));
    if (v->into != NULL) return session_vacuum_into(d->s, v->into);
    TRY(find_targets(d, v, &o, &t));
    TRY(expect_targets(d, &t, &o));
    for (int i = 0; i < t.n; i++) TRY(run_target(d, &t.items[i], &o));
    if (!o.vacuum) return QN_OK;
    TRY(session_next_transaction(d->s));
    return maintain_database(d->ctx, d->arena);
}

/* ---- CLUSTER ---- */

static Status
cluster_index(Ddl *d, const Relation *rel, const char *name, const IndexDef **out)
{
    Ctx *ctx = d->ctx;
    *out = NULL;
    for (int i = 0; i < rel->nindexes; i++) {
        const IndexDef *ix = rel->indexes[i];
        if (name != NULL ? strcmp(ix->name, name) == 0 : ix->oid == rel->clustered_oid) *out = ix;
    }
    if (*out == NULL && name == NULL)
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "there is no previously clustered index for table \"%s\"", rel->name);
    if (*out == NULL)
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "index \"%s\" for table \"%s\" does not exist", name, rel->name);
    if (!index_kind_find((*out)->method)->is_ordered)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot cluster on index \"%s\" because access method does not support clustering",
                     (*out)->name);
    if ((*out)->predicate != NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot cluster on partial index \"%s\"", (*out)->name);
    return QN_OK;
}

static Status
cluster_all(Ddl *d, const MaintainOptions *o)
{
    Oid *list;
    int n;
    TRY(ddl_all_tables(d->ctx, &list, &n));
    for (int i = 0; i < n; i++) {
        const Relation *rel;
        const IndexDef *ix;
        TRY(catalog_relation_by_oid(d->ctx, list[i], &rel));
        if (rel == NULL || rel->clustered_oid == INVALID_OID) continue;
        TRY(session_next_transaction(d->s));
        TRY(open_target(d, &(Target){.oid = list[i]}, o, LOCK_ACCESS_EXCLUSIVE, &rel));
        if (rel == NULL || rel->clustered_oid == INVALID_OID) continue;
        TRY(cluster_index(d, rel, NULL, &ix));
        TRY(maintain_rewrite(d, rel, ix, o));
    }
    return QN_OK;
}

Status
ddl_run_cluster(Ddl *d, const ClusterStmt *c)
{
    MaintainOptions o = {.full = true};
    const Relation *rel;
    const IndexDef *ix;
    for (int i = 0; i < c->params.count; i++) {
        const DefElem *e = AST_AS(DefElem, c->params.items[i]);
        if (strcmp(e->name, "verbose") != 0)
            return err_position(d->ctx, RAISE(d->ctx, ERR_SYNTAX_ERROR, "unrecognized CLUSTER option \"%s\"", e->name), e->loc);
        TRY(option_bool(d->ctx, e, &o.verbose));
    }
    if (c->rel == NULL) {
        TRY(session_prevent_block(d->s, "CLUSTER"));
        return cluster_all(d, &o);
    }
    TRY(ddl_open(d, AST_AS(RangeVar, c->rel), LOCK_ACCESS_EXCLUSIVE, "r", false, &rel));
    TRY(cluster_index(d, rel, c->index_name, &ix));
    if (rel->clustered_oid != ix->oid) {
        RelDef *def;
        TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
        def->clustered_oid = ix->oid;
        TRY(ddl_put_relation(d->ctx, def));
        TRY(catalog_relation_by_oid(d->ctx, rel->oid, &rel));
        TRY(cluster_index(d, rel, c->index_name, &ix));
    }
    return maintain_rewrite(d, rel, ix, &o);
}
