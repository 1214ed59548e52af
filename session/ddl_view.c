/* ddl_view.c - CREATE VIEW, and tables made of queries: CREATE TABLE AS, SELECT INTO.
 *
 * A view keeps its query's text and the search_path it was made with; the binder parses and binds it anew wherever the view is used. What
 * the query reads is noted as dependencies, so that nothing it needs is dropped from under it. */
#include "catalog/reloptions.h"
#include "catalog/updatable.h"
#include "common/settings.h"
#include "parser/deparse.h"
#include "parser/parse.h"
#include "planner/resolve.h"
#include "session/ddl.h"
#include <stdio.h>

/* Plans the query to learn its columns and what it reads. */
static Status
plan_query(Ddl *d, const Ast *query, const Plan **out)
{
    Plan *plan;
    TRY(plan_statement(d->ctx, d->arena, d->sql, query, NULL, 0, &plan));
    if (plan->nparams > 0)
        return RAISE(d->ctx, ERR_UNDEFINED_PARAMETER, "there is no parameter $1");
    *out = plan;
    return QN_OK;
}

/* A column of each output, renamed by the list if there is one. */
static Status
output_columns(Ddl *d, const Plan *plan, const AstList *names, const char *too_many, RelDef *def)
{
    Ctx *ctx = d->ctx;
    if (names->count > plan->ncols) return RAISE(ctx, ERR_SYNTAX_ERROR, "%s", too_many);
    TRY_ALLOC(ctx, def->cols, ARENA_ARRAY(d->arena, ColDef, plan->ncols + 1));
    for (int i = 0; i < plan->ncols; i++) {
        ColDef *c = &def->cols[i];
        c->col.attnum = i + 1;
        c->col.name = i < names->count ? ast_str(names->items[i]) : plan->col_names[i];
        c->col.type = plan->col_types[i] == TYPE_UNKNOWN ? TYPE_TEXT : plan->col_types[i];
        c->col.typmod = plan->col_typmods[i];
        c->added_layout = 1;
        c->missing = value_null(c->col.type);
        const TypeInfo *t = type_info(c->col.type);
        if (t->category == TYPCAT_PSEUDO)
            return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "column \"%s\" has pseudo-type %s", c->col.name,
                         t->sql_name);
        c->col.collation = type_is_collatable(t->elem_oid != 0 ? t->elem_oid : c->col.type) ? 100 : 0;
        for (int k = 0; k < i; k++)
            if (strcmp(def->cols[k].col.name, c->col.name) == 0)
                return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                             c->col.name);
    }
    def->ncols = plan->ncols;
    return QN_OK;
}

/* The relations and columns that the query names; and its text with each star written out, so that later columns are not in it. */
static Status
note_dependencies(Ddl *d, const ViewStmt *v, RelDef *def)
{
    Ctx *ctx = d->ctx;
    QueryUses uses;
    Ast *query;
    size_t consumed;
    int n = 0;
    TRY(parse_sql(ctx, d->arena, v->query_text, strlen(v->query_text), &query, &consumed)); /* positions are in this text */
    TRY(plan_uses(ctx, d->arena, v->query_text, query, &uses));
    TRY_ALLOC(ctx, def->deps, ARENA_ARRAY(d->arena, ObjDep, uses.uses.count + 1));
    for (int i = 0; i < uses.uses.count; i++) {
        const ColumnUse *u = &uses.uses.items[i];
        bool seen = u->oid < OID_FIRST_USER;
        for (int k = 0; k < n && !seen; k++) seen = def->deps[k].ref == u->oid && def->deps[k].ref_attnum == u->attnum;
        if (!seen) def->deps[n++] = (ObjDep){.ref = u->oid, .ref_attnum = u->attnum};
    }
    def->ndeps = n;
    return ddl_expand_stars(d, v->query_text, &uses, &def->view_sql);
}

/* OR REPLACE keeps the columns there are and may add some behind. */
static Status
check_replace(Ddl *d, const Relation *old, const RelDef *def)
{
    Ctx *ctx = d->ctx;
    if (old->kind != RELKIND_VIEW)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a view", old->name);
    if (def->ncols < old->ncols)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot drop columns from view");
    for (int i = 0; i < old->ncols; i++) {
        const Column *a = &old->cols[i], *b = &def->cols[i].col;
        if (strcmp(a->name, b->name) != 0)
            return err_hint(ctx,
                            RAISE(ctx, ERR_INVALID_TABLE_DEFINITION,
                                  "cannot change name of view column \"%s\" to \"%s\"", a->name, b->name),
                            "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.");
        if (a->type != b->type || a->typmod != b->typmod) {
            const char *ta, *tb;
            TRY(type_format(ctx, d->arena, a->type, a->typmod, &ta));
            TRY(type_format(ctx, d->arena, b->type, b->typmod, &tb));
            return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION,
                         "cannot change data type of view column \"%s\" from %s to %s", a->name, ta, tb);
        }
    }
    return QN_OK;
}

/* A view of something temporary is temporary. */
static Status
view_schema(Ddl *d, const RangeVar *rv, const Plan *plan, RelDef *def)
{
    Ctx *ctx = d->ctx;
    RangeVar temp = *rv;
    for (int i = 0; i < plan->ndeps && rv->persistence == AST_REL_PERMANENT; i++) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(ctx, plan->deps[i].oid, &rel));
        if (rel != NULL && rel->oid >= OID_FIRST_USER && rel->persistence == 't') temp.persistence = AST_REL_TEMP;
    }
    TRY(ddl_target_schema(ctx, &temp, &def->schema_oid, &def->persistence));
    if (temp.persistence != rv->persistence)
        ctx_notice(ctx, "NOTICE", QN_OK, "view \"%s\" will be a temporary view", rv->name);
    return QN_OK;
}

Status
ddl_view_options(Ddl *d, const AstList *options, char *out)
{
    for (int i = 0; i < options->count; i++) {
        const DefElem *e = AST_AS(DefElem, options->items[i]);
        bool flag;
        if (strcmp(e->name, "check_option") == 0) {
            const char *text = option_text(e);
            *out = text != NULL && ascii_casecmp(text, "local") == 0 ? 'l' : text != NULL && ascii_casecmp(text, "cascaded") == 0 ? 'c' : 0;
            if (*out != 0) continue;
            Status st = RAISE(d->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid value for enum option \"check_option\": %s", text != NULL ? text : "true");
            return err_detail(d->ctx, st, "Valid values are \"local\" and \"cascaded\".");
        }
        if (strcmp(e->name, "security_barrier") != 0 && strcmp(e->name, "security_invoker") != 0)
            return RAISE(d->ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"", e->name);
        TRY(option_bool(d->ctx, e, &flag)); /* there is one role, which may read everything */
    }
    return QN_OK;
}

Status
ddl_check_checkable(Ddl *d, Oid oid)
{
    const Relation *rel;
    ViewForm f;
    TRY(catalog_relation_by_oid(d->ctx, oid, &rel));
    if (rel->view_check == 0) return QN_OK;
    TRY(view_form(d->ctx, d->arena, rel, &f));
    if (f.why_not == NULL) return QN_OK;
    return err_hint(d->ctx,
                    RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED,
                          "WITH CHECK OPTION is supported only on automatically updatable views"),
                    "%s", f.why_not);
}

Status
ddl_run_view(Ddl *d, const ViewStmt *v)
{
    Ctx *ctx = d->ctx;
    const RangeVar *rv = AST_AS(RangeVar, v->rel);
    const Relation *old = NULL;
    const Plan *plan;
    RelDef def = {.name = rv->name, .kind = RELKIND_VIEW, .view_sql = v->query_text,
                  .view_path = ctx->settings->search_path};
    def.view_check = v->check == AST_VIEW_CHECK_LOCAL ? 'l' : v->check == AST_VIEW_CHECK_CASCADED ? 'c' : 0;
    TRY(ddl_view_options(d, &v->options, &def.view_check));
    if (ast_with_modifies(v->query))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "views must not contain data-modifying statements in WITH");
    TRY(plan_query(d, v->query, &plan));
    TRY(view_schema(d, rv, plan, &def));
    TRY(output_columns(d, plan, &v->columns,
                       "CREATE VIEW specifies more column names than columns", &def));
    TRY(note_dependencies(d, v, &def));
    TRY(ddl_lock_name(ctx, def.schema_oid, def.name));
    if (ddl_relation_exists(ctx, def.schema_oid, def.name)) {
        if (!v->replace)
            return RAISE(ctx, ERR_DUPLICATE_TABLE, "relation \"%s\" already exists", def.name);
        TRY(catalog_relation(ctx, catalog_schema_name(ctx, def.schema_oid), def.name, &old));
        TRY(check_replace(d, old, &def));
        TRY(lock_relation(ctx, old->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, old->name));
        def.oid = old->oid;
        def.layout = 1;
        for (int i = 0; i < old->ncols; i++) def.cols[i].col.default_sql = old->cols[i].default_sql;
        TRY(ddl_put_relation(ctx, &def));
    } else {
        TRY(ddl_create_table(ctx, &def));
    }
    return ddl_check_checkable(d, def.oid);
}

/* ---- CREATE TABLE AS ---- */

/* INSERT INTO the new table from the same query: a tree of our own around it. SELECT INTO's clause is taken out of a copy. */
static Status
fill_table(Ddl *d, const char *schema, const char *name, const Ast *query, const ExecuteStmt *execute, int64_t *rows_out)
{
    Ctx *ctx = d->ctx;
    InsertStmt *ins;
    RangeVar *target;
    Ast *copy;
    Stmt *stmt;
    TRY(ast_copy(ctx, d->arena, query, &copy));
    if (ast_is(copy, SelectStmt)) {
        SelectStmt *leaf = AST_AS(SelectStmt, copy);
        while (leaf->setop != AST_SETOP_NONE) leaf = AST_AS(SelectStmt, leaf->setop_args.items[0]);
        leaf->into = NULL;
    }
    TRY_ALLOC(ctx, ins, AST_NEW(d->arena, InsertStmt));
    TRY_ALLOC(ctx, target, AST_NEW(d->arena, RangeVar));
    target->schema = schema;
    target->name = name;
    ins->rel = &target->base;
    ins->select = copy;
    if (ast_with_modifies(copy)) { /* stays at the top */
        ins->with = AST_AS(SelectStmt, copy)->with;
        AST_AS(SelectStmt, copy)->with = NULL;
    }
    Prepared *p = NULL;
    if (execute != NULL) TRY(prepared_find(d->s, execute->name, &p));
    TRY(stmt_from_ast(d->s, p != NULL ? p->stmt->sql : d->sql, &ins->base, p != NULL ? p->stmt->declared : NULL,
                      p != NULL ? p->stmt->ndeclared : 0, &stmt));
    stmt->is_exclusive = true;
    Status st = p != NULL ? stmt_plan(stmt) : QN_OK;
    if (st == QN_OK && p != NULL) st = utility_execute_args(d->stmt, execute, stmt);
    if (st == QN_OK) st = stmt_run(stmt, NULL, NULL);
    *rows_out = stmt->affected;
    stmt_destroy(stmt);
    TRY(st);
    return tx_command_begin(ctx);
}

/* The query behind CREATE TABLE AS EXECUTE. */
static Status
prepared_query(Ddl *d, const ExecuteStmt *e, const Ast **query_out, const Plan **plan_out)
{
    Prepared *p;
    TRY(prepared_find(d->s, e->name, &p));
    if (!ast_is(p->stmt->ast, SelectStmt))
        return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "prepared statement is not a SELECT");
    TRY(stmt_plan(p->stmt));
    *query_out = p->stmt->ast;
    *plan_out = p->stmt->plan;
    return QN_OK;
}

/* The table that was just made and filled is a materialized view. */
static Status
become_matview(Ddl *d, const RelDef *table, const char *text, bool unpopulated)
{
    RelDef *def;
    ViewStmt view = {.query_text = text};
    TRY(ddl_edit_relation(d->ctx, d->arena, table->oid, &def));
    def->kind = RELKIND_MATVIEW;
    def->view_sql = text;
    def->view_path = d->ctx->settings->search_path;
    def->unpopulated = unpopulated;
    TRY(note_dependencies(d, &view, def));
    return ddl_put_relation(d->ctx, def);
}

/* ---- REFRESH ---- */

static bool
tells_rows_apart(const IndexDef *ix)
{
    bool plain = ix->unique && ix->valid && ix->predicate == NULL;
    for (int k = 0; plain && k < ix->nkeys; k++) plain = ix->attnums[k] > 0;
    return plain;
}

/* CONCURRENTLY tells rows apart by a unique index. */
static Status
check_concurrently(Ddl *d, const Relation *rel, const RefreshMatViewStmt *s)
{
    Ctx *ctx = d->ctx;
    if (rel->unpopulated)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     "CONCURRENTLY cannot be used when the materialized view is not populated");
    if (s->skip_data)
        return RAISE(ctx, ERR_SYNTAX_ERROR, "REFRESH options %s and %s cannot be used together", "CONCURRENTLY", "WITH NO DATA");
    for (int i = 0; i < rel->nindexes; i++)
        if (tells_rows_apart(rel->indexes[i])) return QN_OK;
    return err_hint(ctx,
                    RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot refresh materialized view \"%s.%s\" concurrently",
                          rel->schema, rel->name),
                    "Create a unique index with no WHERE clause on one or more columns of the materialized view.");
}

/* " new.a = old.a AND ..." over the columns of the unique indexes that CONCURRENTLY may go by, then that the rows are the same. */
static void
put_same_row(const Relation *rel, StrBuf *b)
{
    for (int i = 0; i < rel->nindexes; i++) {
        const IndexDef *ix = rel->indexes[i];
        if (!tells_rows_apart(ix)) continue;
        for (int k = 0; k < ix->nkeys; k++) {
            const char *name = rel->cols[ix->attnums[k] - 1].name;
            strbuf_addz(b, "new.");
            deparse_ident(b, name);
            strbuf_addz(b, " = old.");
            deparse_ident(b, name);
            strbuf_addz(b, " AND ");
        }
    }
    strbuf_addz(b, "new OPERATOR(pg_catalog.*=) old");
}

static void
put_new_rows(const Relation *rel, StrBuf *b)
{
    bool first = true;
    strbuf_addz(b, "WITH new(");
    for (int i = 0; i < rel->ncols; i++) {
        if (rel->cols[i].dropped) continue;
        if (!first) strbuf_addz(b, ", ");
        first = false;
        deparse_ident(b, rel->cols[i].name);
    }
    strbuf_addf(b, ") AS MATERIALIZED (\n%s\n)", rel->view_sql);
}

static void
put_name(const Relation *rel, StrBuf *b)
{
    deparse_ident(b, rel->schema);
    strbuf_addc(b, '.');
    deparse_ident(b, rel->name);
}

/* Readers keep the rows they see, and rows that stay as they are are not touched: what is gone is deleted, then what is new comes in. */
static Status
exchange_rows(Ddl *d, const Relation *rel)
{
    Ctx *ctx = d->ctx;
    StrBuf b = strbuf_new(d->arena);
    bool twice;
    char *text;
    put_new_rows(rel, &b);
    strbuf_addz(&b, ", twice AS MATERIALIZED (SELECT 1 FROM new WHERE new IS NOT NULL GROUP BY new HAVING pg_catalog.count(*) > 1 LIMIT 1)"
                    ", gone AS (DELETE FROM ");
    put_name(rel, &b);
    strbuf_addz(&b, " old WHERE NOT EXISTS (SELECT FROM new WHERE ");
    put_same_row(rel, &b);
    strbuf_addz(&b, ") RETURNING 1), come AS (INSERT INTO ");
    put_name(rel, &b);
    strbuf_addz(&b, " SELECT new.* FROM new WHERE NOT EXISTS (SELECT FROM twice) AND (SELECT pg_catalog.count(*) FROM gone) >= 0"
                    " AND NOT EXISTS (SELECT FROM ");
    put_name(rel, &b);
    strbuf_addz(&b, " old WHERE ");
    put_same_row(rel, &b);
    strbuf_addz(&b, ")) SELECT 1 FROM twice");
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    TRY(ddl_query_any(d, text, &twice));
    if (!twice) return QN_OK;
    return RAISE(ctx, ERR_CARDINALITY_VIOLATION, "new data for materialized view \"%s\" contains duplicate rows without any null columns",
                 rel->name);
}

/* With the query as a table's, which may be written; afterwards it is a view again. */
static Status
refill(Ddl *d, const Relation *rel, bool concurrent)
{
    Ctx *ctx = d->ctx;
    const char *sql = rel->view_sql;
    size_t consumed;
    int64_t rows;
    Ast *query;
    int mark = d->s->nundo;
    TRY(parse_sql(ctx, d->arena, sql, strlen(sql), &query, &consumed));
    if (rel->view_path != NULL) TRY(settings_set(d->s, "search_path", rel->view_path, true));
    Status st = concurrent ? exchange_rows(d, rel) : fill_table(d, rel->schema, rel->name, query, NULL, &rows);
    settings_at_rollback(d->s, mark);
    return st;
}

Status
ddl_run_refresh(Ddl *d, const RefreshMatViewStmt *s)
{
    Ctx *ctx = d->ctx;
    const Relation *rel;
    RelDef *def;
    TRY(ddl_open(d, AST_AS(RangeVar, s->rel), s->concurrent ? LOCK_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE, "m", false, &rel));
    if (s->concurrent) TRY(check_concurrently(d, rel, s));
    if (!s->concurrent) TRY(ddl_empty_table(ctx, rel));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->unpopulated = s->skip_data;
    def->kind = RELKIND_TABLE;
    TRY(ddl_put_relation(ctx, def));
    if (!s->skip_data) TRY(refill(d, rel, s->concurrent));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->kind = RELKIND_MATVIEW;
    return ddl_put_relation(ctx, def);
}

Status
ddl_run_create_as(Ddl *d, const Ast *query, const IntoClause *into, bool if_not_exists, const char *view_text)
{
    Ctx *ctx = d->ctx;
    const RangeVar *rv = AST_AS(RangeVar, into->rel);
    RelDef def = {.name = rv->name, .kind = RELKIND_TABLE, .layout = 1};
    const Plan *plan;
    bool skip;
    int64_t rows = 0;
    const ExecuteStmt *execute = ast_is(query, ExecuteStmt) ? AST_AS(ExecuteStmt, query) : NULL;
    if (execute != NULL) TRY(prepared_query(d, execute, &query, &plan));
    if (view_text != NULL && ast_with_modifies(query))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "materialized views must not use data-modifying statements in WITH");
    Ast *plain = (Ast *)query;
    TRY(ddl_target_schema(ctx, rv, &def.schema_oid, &def.persistence));
    TRY(ddl_check_on_commit(d, into->on_commit, def.persistence));
    TRY(reloptions_change(ctx, d->arena, NULL, &into->options, false, &def.options));
    TRY(ddl_claim_name(ctx, def.schema_oid, def.name, if_not_exists, &skip));
    if (skip) return QN_OK;
    if (!ast_is_plannable(query)) {
        TRY(ast_copy(ctx, d->arena, query, &plain));
        SelectStmt *leaf = AST_AS(SelectStmt, plain);
        while (leaf->setop != AST_SETOP_NONE) leaf = AST_AS(SelectStmt, leaf->setop_args.items[0]);
        leaf->into = NULL;
    }
    if (execute == NULL) TRY(plan_query(d, plain, &plan));
    TRY(output_columns(d, plan, &into->columns, "too many column names were specified", &def));
    TRY(ddl_create_table(ctx, &def));
    TRY(ddl_set_on_commit(d, into->on_commit, def.oid));
    if (!into->skip_data) TRY(fill_table(d, catalog_schema_name(ctx, def.schema_oid), rv->name, plain, execute, &rows));
    d->stmt->affected = rows;
    if (view_text != NULL) TRY(become_matview(d, &def, view_text, into->skip_data));
    if (into->skip_data && view_text != NULL)
        snprintf(d->stmt->tag, sizeof(d->stmt->tag), "CREATE MATERIALIZED VIEW");
    else if (into->skip_data)
        snprintf(d->stmt->tag, sizeof(d->stmt->tag), "CREATE TABLE AS");
    else
        snprintf(d->stmt->tag, sizeof(d->stmt->tag), "SELECT %lld", (long long)rows);
    return QN_OK;
}
