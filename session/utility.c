/* utility.c - what is not planned: the dispatch, and the statements too small for a file of their own. */
#include "session/utility.h"
#include "session/cursor.h"
#include "catalog/ddl.h"
#include "storage/db.h"
#include "storage/lock.h"
#include <stdio.h>

/* ---- names ---- */

static const char *
object_word(AstObjectKind kind)
{
    switch (kind) {
    case AST_OBJECT_TABLE: return "TABLE";
    case AST_OBJECT_VIEW: return "VIEW";
    case AST_OBJECT_MATVIEW: return "MATERIALIZED VIEW";
    case AST_OBJECT_INDEX: return "INDEX";
    case AST_OBJECT_SEQUENCE: return "SEQUENCE";
    case AST_OBJECT_SCHEMA: return "SCHEMA";
    case AST_OBJECT_TYPE: return "TYPE";
    case AST_OBJECT_DOMAIN: return "DOMAIN";
    case AST_OBJECT_FUNCTION: return "FUNCTION";
    case AST_OBJECT_PROCEDURE: return "PROCEDURE";
    case AST_OBJECT_ROUTINE: return "ROUTINE";
    case AST_OBJECT_AGGREGATE: return "AGGREGATE";
    case AST_OBJECT_OPERATOR: return "OPERATOR";
    case AST_OBJECT_COLLATION: return "COLLATION";
    case AST_OBJECT_TRIGGER: return "TRIGGER";
    case AST_OBJECT_RULE: return "RULE";
    case AST_OBJECT_EXTENSION: return "EXTENSION";
    case AST_OBJECT_POLICY: return "POLICY";
    case AST_OBJECT_STATISTIC_EXT: return "STATISTICS";
    case AST_OBJECT_FOREIGN_TABLE: return "FOREIGN TABLE";
    case AST_OBJECT_DATABASE: return "DATABASE";
    case AST_OBJECT_CAST: return "CAST";
    case AST_OBJECT_CONVERSION: return "CONVERSION";
    case AST_OBJECT_OPCLASS: return "OPERATOR CLASS";
    case AST_OBJECT_OPFAMILY: return "OPERATOR FAMILY";
    case AST_OBJECT_LANGUAGE: return "LANGUAGE";
    case AST_OBJECT_TSPARSER: return "TEXT SEARCH PARSER";
    case AST_OBJECT_TSDICTIONARY: return "TEXT SEARCH DICTIONARY";
    case AST_OBJECT_TSTEMPLATE: return "TEXT SEARCH TEMPLATE";
    case AST_OBJECT_TSCONFIGURATION: return "TEXT SEARCH CONFIGURATION";
    case AST_OBJECT_TRANSFORM: return "TRANSFORM";
    case AST_OBJECT_ACCESS_METHOD: return "ACCESS METHOD";
    case AST_OBJECT_FDW: return "FOREIGN DATA WRAPPER";
    case AST_OBJECT_FOREIGN_SERVER: return "SERVER";
    case AST_OBJECT_EVENT_TRIGGER: return "EVENT TRIGGER";
    case AST_OBJECT_PUBLICATION: return "PUBLICATION";
    case AST_OBJECT_SUBSCRIPTION: return "SUBSCRIPTION";
    case AST_OBJECT_ROLE: return "ROLE";
    default: return "OBJECT";
    }
}

/* Tags and error names of statements whose name does not depend on what is in them. */
static const struct {
    AstTag tag;
    const char *name;
} names[] = {
    {AST_CreateStmt, "CREATE TABLE"},
    {AST_IndexStmt, "CREATE INDEX"},
    {AST_ViewStmt, "CREATE VIEW"},
    {AST_CreateSeqStmt, "CREATE SEQUENCE"},
    {AST_AlterSeqStmt, "ALTER SEQUENCE"},
    {AST_CreateSchemaStmt, "CREATE SCHEMA"},
    {AST_TruncateStmt, "TRUNCATE TABLE"},
    {AST_CommentStmt, "COMMENT"},
    {AST_ExplainStmt, "EXPLAIN"},
    {AST_CopyStmt, "COPY"},
    {AST_PrepareStmt, "PREPARE"},
    {AST_ExecuteStmt, "EXECUTE"},
    {AST_VariableShowStmt, "SHOW"},
    {AST_VariableSetStmt, "SET"},
    {AST_LockStmt, "LOCK TABLE"},
    {AST_CheckPointStmt, "CHECKPOINT"},
    {AST_ConstraintsSetStmt, "SET CONSTRAINTS"},
    {AST_CreateEnumStmt, "CREATE TYPE"},
    {AST_CompositeTypeStmt, "CREATE TYPE"},
    {AST_CreateRangeStmt, "CREATE TYPE"},
    {AST_CreateDomainStmt, "CREATE DOMAIN"},
    {AST_AlterEnumStmt, "ALTER TYPE"},
    {AST_AlterDomainStmt, "ALTER DOMAIN"},
    {AST_CreateFunctionStmt, "CREATE FUNCTION"},
    {AST_CreateTrigStmt, "CREATE TRIGGER"},
    {AST_CreateExtensionStmt, "CREATE EXTENSION"},
    {AST_DoStmt, "DO"},
    {AST_AlterFunctionStmt, "ALTER FUNCTION"},
    {AST_CreateCastStmt, "CREATE CAST"},
    {AST_CreateOpClassStmt, "CREATE OPERATOR CLASS"},
    {AST_CreateOpFamilyStmt, "CREATE OPERATOR FAMILY"},
    {AST_AlterOpFamilyStmt, "ALTER OPERATOR FAMILY"},
    {AST_AlterOperatorStmt, "ALTER OPERATOR"},
    {AST_AlterTypeStmt, "ALTER TYPE"},
    {AST_CreateStatsStmt, "CREATE STATISTICS"},
    {AST_AlterStatsStmt, "ALTER STATISTICS"},
    {AST_RuleStmt, "CREATE RULE"},
    {AST_CallStmt, "CALL"},
    {AST_GrantStmt, "GRANT"},
    {AST_DeclareCursorStmt, "DECLARE CURSOR"},
    {AST_FetchStmt, "FETCH"},
    {AST_ClosePortalStmt, "CLOSE CURSOR"},
    {AST_ReindexStmt, "REINDEX"},
    {AST_ClusterStmt, "CLUSTER"},
    {AST_RefreshMatViewStmt, "REFRESH MATERIALIZED VIEW"},
    {AST_ListenStmt, "LISTEN"},
    {AST_NotifyStmt, "NOTIFY"},
    {AST_UnlistenStmt, "UNLISTEN"},
};

const char *
utility_command_name(const Ast *ast)
{
    static _Thread_local char buf[48];
    const char *verb = NULL, *object = NULL;
    switch (ast->tag) {
    case AST_DefineStmt: verb = "CREATE", object = object_word(AST_AS(DefineStmt, ast)->kind); break;
    case AST_DropStmt: verb = "DROP", object = object_word(AST_AS(DropStmt, ast)->kind); break;
    case AST_AlterTableStmt: verb = "ALTER", object = object_word(AST_AS(AlterTableStmt, ast)->kind); break;
    case AST_AlterObjectSchemaStmt:
        verb = "ALTER", object = object_word(AST_AS(AlterObjectSchemaStmt, ast)->kind);
        break;
    case AST_AlterOwnerStmt: verb = "ALTER", object = object_word(AST_AS(AlterOwnerStmt, ast)->kind); break;
    case AST_RenameStmt: {
        const RenameStmt *r = AST_AS(RenameStmt, ast);
        bool part = r->kind == AST_OBJECT_COLUMN || r->kind == AST_OBJECT_TABCONSTRAINT;
        verb = "ALTER", object = object_word(part ? r->relation_kind : r->kind);
        if (part && strcmp(object, "OBJECT") == 0) object = "TABLE";
        break;
    }
    case AST_CreateTableAsStmt:
        return AST_AS(CreateTableAsStmt, ast)->is_matview ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS";
    case AST_SelectStmt: return "SELECT INTO";
    case AST_VacuumStmt: return AST_AS(VacuumStmt, ast)->is_vacuum ? "VACUUM" : "ANALYZE";
    case AST_DeallocateStmt: return AST_AS(DeallocateStmt, ast)->name == NULL ? "DEALLOCATE ALL" : "DEALLOCATE";
    case AST_DiscardStmt: {
        static const char *const kinds[] = {"DISCARD ALL", "DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP"};
        return kinds[AST_AS(DiscardStmt, ast)->kind];
    }
    default:
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (names[i].tag == ast->tag) return names[i].name;
        return ast_tag_name(ast->tag);
    }
    snprintf(buf, sizeof(buf), "%s %s", verb, object);
    return buf;
}

/* ---- results ---- */

Status
utility_columns(Stmt *stmt, int n, const char *const *names_in, const Oid *types)
{
    Ctx *ctx = &stmt->s->ctx;
    UtilResult *r = &stmt->result;
    TRY_ALLOC(ctx, r->names, ARENA_ARRAY(stmt->arena, const char *, n));
    TRY_ALLOC(ctx, r->types, ARENA_ARRAY(stmt->arena, Oid, n));
    for (int i = 0; i < n; i++) {
        TRY_ALLOC(ctx, r->names[i], arena_strdup(stmt->arena, names_in[i]));
        r->types[i] = types != NULL ? types[i] : TYPE_TEXT;
    }
    r->ncols = n;
    return QN_OK;
}

/* Room for one more row of the result. */
static Status
new_row(Stmt *stmt, Value **row_out)
{
    Ctx *ctx = &stmt->s->ctx;
    UtilResult *r = &stmt->result;
    Arena *arena = stmt->run_arena;
    if (r->nrows == 0) r->cap = 0, r->rows = NULL;
    if (r->nrows == r->cap) {
        int cap = r->cap != 0 ? r->cap * 2 : 16;
        Value **p;
        TRY_ALLOC(ctx, p, arena_realloc(arena, r->rows, (size_t)r->cap * sizeof(*p),
                                        (size_t)cap * sizeof(*p)));
        r->rows = p;
        r->cap = cap;
    }
    TRY_ALLOC(ctx, *row_out, ARENA_ARRAY(arena, Value, r->ncols));
    r->rows[r->nrows++] = *row_out;
    return QN_OK;
}

Status
utility_emit_values(Stmt *stmt, const Value *values)
{
    Value *row;
    TRY(new_row(stmt, &row));
    for (int i = 0; i < stmt->result.ncols; i++) TRY(value_copy(&stmt->s->ctx, stmt->run_arena, &values[i], &row[i]));
    return QN_OK;
}

Status
utility_emit(Stmt *stmt, const char *const *values)
{
    Ctx *ctx = &stmt->s->ctx;
    UtilResult *r = &stmt->result;
    Arena *arena = stmt->run_arena;
    Value *row;
    TRY(new_row(stmt, &row));
    for (int i = 0; i < r->ncols; i++) {
        row[i] = value_null(r->types[i]);
        if (values[i] == NULL) continue;
        size_t n = strlen(values[i]);
        char *copy;
        TRY_ALLOC(ctx, copy, arena_strndup(arena, values[i], n));
        row[i].is_null = false;
        row[i].phys = PHYS_STR;
        row[i].str = str_make(copy, n);
    }
    return QN_OK;
}

/* SHOW's column is named as the setting is spelled in the table. */
static const char *
show_name(const char *name)
{
    const SettingInfo *info = setting_find(name);
    return info != NULL ? info->name : name;
}

Status
utility_describe(Stmt *stmt)
{
    switch (stmt->ast->tag) {
    case AST_VariableShowStmt: {
        static const char *const all[] = {"name", "setting", "description"};
        const char *name = AST_AS(VariableShowStmt, stmt->ast)->name;
        if (ascii_casecmp(name, "all") == 0) return utility_columns(stmt, 3, all, NULL);
        const char *one = show_name(name);
        return utility_columns(stmt, 1, &one, NULL);
    }
    case AST_FetchStmt: return cursor_describe(stmt, AST_AS(FetchStmt, stmt->ast));
    case AST_CallStmt: return ddl_describe_call(stmt, AST_AS(CallStmt, stmt->ast));
    case AST_ExplainStmt: return utility_explain_describe(stmt, AST_AS(ExplainStmt, stmt->ast));
    case AST_ExecuteStmt: {
        /* Of a name that is there already; if not, the step says so. */
        const char *name = AST_AS(ExecuteStmt, stmt->ast)->name;
        Prepared *p = stmt->s->prepared;
        while (p != NULL && strcmp(p->name, name) != 0) p = p->next;
        const Plan *plan = p != NULL ? p->stmt->plan : NULL;
        if (plan == NULL || plan->ncols == 0) return QN_OK;
        return utility_columns(stmt, plan->ncols, plan->col_names, plan->col_types);
    }
    default: return QN_OK;
    }
}

/* ---- statements ---- */

static Status
run_show(Stmt *stmt, const VariableShowStmt *v)
{
    Session *s = stmt->s;
    const char *row[3];
    if (ascii_casecmp(v->name, "all") != 0) {
        TRY(settings_show(s, stmt->run_arena, v->name, false, &row[0]));
        return utility_emit(stmt, row);
    }
    for (int i = 0; i < setting_count(); i++) {
        row[0] = setting_at(i)->name;
        row[2] = setting_at(i)->doc;
        TRY(settings_show(s, stmt->run_arena, row[0], false, &row[1]));
        TRY(utility_emit(stmt, row));
    }
    return QN_OK;
}

static Status
check_argument_count(Ctx *ctx, const ExecuteStmt *e, const Stmt *target)
{
    int wanted = target->plan->nparams;
    if (e->params.count == wanted) return QN_OK;
    Status st = RAISE(ctx, ERR_SYNTAX_ERROR, "wrong number of parameters for prepared statement \"%s\"", e->name);
    return err_detail(ctx, st, "Expected %d parameters but got %d.", wanted, e->params.count);
}

/* Values of EXECUTE's arguments: a plan of one row, made of them. */
Status
utility_execute_args(Stmt *stmt, const ExecuteStmt *e, Stmt *target)
{
    Ctx *ctx = &stmt->s->ctx;
    Arena *arena = stmt->run_arena;
    Plan *plan;
    Exec *exec;
    Batch *b;
    TRY(check_argument_count(ctx, e, target));
    if (e->params.count == 0) return QN_OK;
    TRY(plan_arguments(ctx, arena, stmt->sql, &e->params, target->plan->param_types, &plan));
    TRY(exec_build(ctx, arena, plan, 0, &exec));
    Status st = exec_start(exec, NULL, 0);
    if (st == QN_OK) st = exec_fetch(exec, &b);
    for (int i = 0; st == QN_OK && i < plan->ncols; i++) {
        Value v = vec_get(b->cols[i], batch_row(b, 0));
        v.type = target->plan->param_types[i];
        st = stmt_bind(target, i + 1, &v);
    }
    exec_destroy(exec);
    return st;
}

static Status
run_execute(Stmt *stmt, const ExecuteStmt *e)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    Prepared *p;
    TRY(prepared_find(s, e->name, &p));
    Stmt *target = p->stmt;
    TRY(stmt_plan(target));
    if (target->state == STMT_RUNNING)
        return RAISE(ctx, ERR_OBJECT_IN_USE, "prepared statement \"%s\" is being executed", e->name);
    TRY(utility_execute_args(stmt, e, target));
    target->is_exclusive = stmt->is_exclusive;
    stmt->inner = target;
    return QN_OK;
}

static Status
cannot_lock(Ctx *ctx, const Relation *rel)
{
    const char *kind = rel->kind == RELKIND_SEQUENCE    ? "sequences"
                       : rel->kind == RELKIND_INDEX     ? "indexes"
                       : rel->kind == RELKIND_COMPOSITE ? "composite types"
                                                        : "this kind of relation";
    return err_detail(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot lock relation \"%s\"", rel->name),
                      "This operation is not supported for %s.", kind);
}

static Status
lock_one(Ctx *ctx, const LockStmt *l, const Relation *rel)
{
    if (rel->oid < OID_FIRST_USER) return QN_OK; /* nobody changes the built-in ones */
    return lock_relation(ctx, rel->oid, (LockMode)l->mode, l->nowait ? LOCK_NOWAIT : LOCK_WAIT, rel->name);
}

/* Everything a view reads is locked with it: what a plan of SELECT from it depends on. */
static Status
lock_view(Stmt *stmt, const LockStmt *l, const RangeVar *rv)
{
    Ctx *ctx = &stmt->s->ctx;
    Arena *arena = stmt->run_arena;
    SelectStmt *q;
    Plan *plan;
    TRY_ALLOC(ctx, q, AST_NEW(arena, SelectStmt));
    TRY(ast_list_push(ctx, arena, &q->from, (Ast *)rv));
    TRY(plan_statement(ctx, arena, stmt->sql, (Ast *)q, NULL, 0, &plan));
    for (int i = 0; i < plan->ndeps; i++) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(ctx, plan->deps[i].oid, &rel));
        if (rel != NULL) TRY(lock_one(ctx, l, rel));
    }
    return QN_OK;
}

static Status
run_lock(Stmt *stmt, const LockStmt *l)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    TRY(session_require_block(s, "LOCK TABLE"));
    for (int i = 0; i < l->rels.count; i++) {
        const RangeVar *rv = AST_AS(RangeVar, l->rels.items[i]);
        const Relation *rel;
        TRY(catalog_relation_required(ctx, rv->schema, rv->name, rv->loc, &rel));
        if (rel->kind == RELKIND_VIEW && rel->oid >= OID_FIRST_USER) {
            TRY(lock_view(stmt, l, rv));
        } else {
            if (rel->kind != RELKIND_TABLE && rel->kind != RELKIND_VIEW) return cannot_lock(ctx, rel);
            TRY(lock_one(ctx, l, rel));
        }
    }
    return QN_OK;
}

static Status
run_discard(Stmt *stmt, const DiscardStmt *d)
{
    Session *s = stmt->s;
    if (d->kind == AST_DISCARD_ALL) {
        TRY(session_prevent_block(s, "DISCARD ALL"));
        TRY(settings_reset_all(s));
        prepared_forget_all(s);
        TRY(cursor_close(s, NULL));
        lock_advisory_release_all(&s->ctx);
    }
    if (d->kind == AST_DISCARD_ALL || d->kind == AST_DISCARD_TEMP) TRY(ddl_drop_temp(&s->ctx));
    if (d->kind == AST_DISCARD_ALL || d->kind == AST_DISCARD_SEQUENCES) catalog_forget_sequences(&s->ctx);
    return QN_OK;
}

/* Those that are done in a call; *handled_out false for others. */
static Status
run_small(Stmt *stmt, bool *handled_out)
{
    Session *s = stmt->s;
    const Ast *ast = stmt->ast;
    *handled_out = true;
    switch (ast->tag) {
    case AST_VariableShowStmt: return run_show(stmt, AST_AS(VariableShowStmt, ast));
    case AST_PrepareStmt: return prepared_create(s, AST_AS(PrepareStmt, ast), stmt->sql);
    case AST_ExecuteStmt: return run_execute(stmt, AST_AS(ExecuteStmt, ast));
    case AST_DeallocateStmt: return prepared_forget(s, AST_AS(DeallocateStmt, ast)->name);
    case AST_DeclareCursorStmt: return cursor_declare(stmt, AST_AS(DeclareCursorStmt, ast));
    case AST_FetchStmt: return cursor_fetch(stmt, AST_AS(FetchStmt, ast));
    case AST_ClosePortalStmt: return cursor_close(s, AST_AS(ClosePortalStmt, ast)->name);
    case AST_LockStmt: return run_lock(stmt, AST_AS(LockStmt, ast));
    case AST_DiscardStmt: return run_discard(stmt, AST_AS(DiscardStmt, ast));
    case AST_CheckPointStmt: return db_checkpoint(&s->ctx);
    case AST_ExplainStmt: return utility_explain(stmt, AST_AS(ExplainStmt, ast));
    case AST_CopyStmt: return utility_copy(stmt, AST_AS(CopyStmt, ast));
    /* There is one role, which owns everything and may do anything. */
    case AST_GrantStmt: return QN_OK;
    case AST_ConstraintsSetStmt: return utility_set_constraints(stmt, AST_AS(ConstraintsSetStmt, ast));
    default: *handled_out = false; return QN_OK;
    }
}

/* What a read-only transaction may do: nothing that others could see afterwards. Maintenance changes no row; COPY and what EXECUTE and
 * EXPLAIN run look for themselves. */
static bool
is_read_only(const Ast *ast)
{
    switch (ast->tag) {
    case AST_VariableShowStmt:
    case AST_PrepareStmt:
    case AST_ExecuteStmt:
    case AST_DeallocateStmt:
    case AST_DeclareCursorStmt:
    case AST_FetchStmt:
    case AST_ClosePortalStmt:
    case AST_LockStmt:
    case AST_DiscardStmt:
    case AST_CheckPointStmt:
    case AST_ConstraintsSetStmt:
    case AST_ListenStmt:
    case AST_UnlistenStmt:
    case AST_NotifyStmt:
    case AST_LoadStmt:
    case AST_DoStmt:
    case AST_CallStmt:
    case AST_ExplainStmt:
    case AST_CopyStmt:
    case AST_VacuumStmt:
    case AST_ClusterStmt:
    case AST_ReindexStmt: return true;
    default: return false;
    }
}

static bool
is_maintenance(const Ast *ast)
{
    return ast->tag == AST_VacuumStmt || ast->tag == AST_ClusterStmt || ast->tag == AST_ReindexStmt;
}

static Status
dispatch(Stmt *stmt)
{
    Ctx *ctx = &stmt->s->ctx;
    bool handled;
    if (tx_is_read_only(ctx->tx)) {
        if (!is_read_only(stmt->ast))
            return RAISE(ctx, ERR_READ_ONLY_SQL_TRANSACTION, "cannot execute %s in a read-only transaction",
                         utility_command_name(stmt->ast));
        if (is_maintenance(stmt->ast)) tx_set_modes(ctx, tx_isolation(ctx->tx), false);
    }
    TRY(run_small(stmt, &handled));
    if (!handled) TRY(utility_ddl(stmt, &handled));
    if (!handled)
        return RAISE(&stmt->s->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s is not supported yet",
                     utility_command_name(stmt->ast));
    return QN_OK;
}

/* Whether SET TRANSACTION may still follow: the statement looks at nothing through a snapshot. */
static bool
is_before_queries(const Ast *ast)
{
    return ast->tag == AST_LockStmt || ast->tag == AST_VariableShowStmt || ast->tag == AST_ConstraintsSetStmt ||
           ast->tag == AST_CheckPointStmt;
}

Status
utility_run(Stmt *stmt)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    const char *tag = NULL;
    stmt->affected = -1;
    stmt->tag[0] = '\0';
    if (stmt->ast->tag == AST_TransactionStmt) {
        TRY(session_transaction(s, AST_AS(TransactionStmt, stmt->ast), &tag));
        snprintf(stmt->tag, sizeof(stmt->tag), "%s", tag);
        return QN_OK;
    }
    if (!stmt->is_nested) TRY(session_begin_statement(s));
    if (stmt->ast->tag == AST_VariableSetStmt) {
        /* Before the first snapshot: SET TRANSACTION. */
        TRY(settings_run_set(s, AST_AS(VariableSetStmt, stmt->ast), &tag));
        snprintf(stmt->tag, sizeof(stmt->tag), "%s", tag);
        return QN_OK;
    }
    if (stmt->is_nested) {
        TRY(tx_command_nest(ctx, &stmt->nest));
        stmt->has_nest = true;
    } else {
        TRY(tx_command_begin(ctx));
        stmt->has_command = true;
    }
    if (!is_before_queries(stmt->ast)) s->has_queried = true;
    if (stmt->tag[0] == '\0') snprintf(stmt->tag, sizeof(stmt->tag), "%s", utility_command_name(stmt->ast));
    Status st = dispatch(stmt);
    session_apply_modes(s); /* maintenance writes in read-only transactions too */
    TRY(st);
    if (stmt->has_command && ctx->tx != NULL) tx_command_end(ctx);
    stmt->has_command = false;
    return QN_OK;
}
