/* ddl.c - dispatch of statements that change the catalog, and the small ones: DROP, CREATE SCHEMA, COMMENT. */
#include "session/ddl.h"
#include "common/settings.h"
#include "parser/deparse.h"

/* ---- opening ---- */

static const char *
wrong_kind(const char *kinds)
{
    if (strcmp(kinds, "r") == 0 || strcmp(kinds, "rp") == 0) return "is not a table";
    if (strcmp(kinds, "v") == 0) return "is not a view";
    if (strcmp(kinds, "m") == 0) return "is not a materialized view";
    if (strcmp(kinds, "S") == 0) return "is not a sequence";
    if (strcmp(kinds, "i") == 0 || strcmp(kinds, "iI") == 0) return "is not an index";
    return "is not a table or view";
}

Status
ddl_open(Ddl *d, const RangeVar *rv, LockMode mode, const char *kinds, bool missing_ok,
         const Relation **out)
{
    Ctx *ctx = d->ctx;
    *out = NULL;
    for (Oid last = INVALID_OID;;) {
        const Relation *rel;
        if (missing_ok)
            TRY(catalog_relation(ctx, rv->schema, rv->name, &rel));
        else
            TRY(catalog_relation_required(ctx, rv->schema, rv->name, 0, &rel));
        if (rel == NULL) {
            ctx_notice(ctx, "NOTICE", QN_OK, "relation \"%s\" does not exist, skipping", rv->name);
            return QN_OK;
        }
        if (strchr(kinds, rel->kind) == NULL)
            return RAISE(ctx, strcmp(kinds, "m") == 0 ? ERR_FEATURE_NOT_SUPPORTED : ERR_WRONG_OBJECT_TYPE, "\"%s\" %s", rel->name,
                         wrong_kind(kinds));
        if (rel->oid < OID_FIRST_USER)
            return RAISE(ctx, ERR_INSUFFICIENT_PRIVILEGE,
                         "permission denied: \"%s\" is a system catalog", rel->name);
        *out = rel;
        /* The name may have come to mean another relation while we waited for the lock. */
        if (rel->oid == last) return QN_OK;
        last = rel->oid;
        TRY(lock_relation(ctx, rel->oid, mode, LOCK_WAIT, rel->name));
    }
}

static Status
is_waited_for(Ctx *ctx, const Relation *rel, bool *out)
{
    *out = constraints_wait_for(ctx, rel->oid);
    TRY(ctx_check_depth(ctx));
    for (int i = 0; i < rel->nchildren && !*out && rel->kind == RELKIND_PARTITIONED; i++) {
        const Relation *part;
        TRY(catalog_relation_by_oid(ctx, rel->children[i]->child_oid, &part));
        if (part != NULL) TRY(is_waited_for(ctx, part, out));
    }
    return QN_OK;
}

Status
ddl_check_not_in_use(Ctx *ctx, const Relation *rel, const char *what)
{
    bool waited;
    TRY(is_waited_for(ctx, rel, &waited));
    if (!waited) return QN_OK;
    return RAISE(ctx, ERR_OBJECT_IN_USE, "cannot %s \"%s\" because it has pending trigger events", what, rel->name);
}

/* ---- DROP ---- */

static const char *
drop_word(AstObjectKind kind)
{
    switch (kind) {
    case AST_OBJECT_VIEW: return "view";
    case AST_OBJECT_MATVIEW: return "materialized view";
    case AST_OBJECT_INDEX: return "index";
    case AST_OBJECT_SEQUENCE: return "sequence";
    default: return "table";
    }
}

static char
drop_relkind(AstObjectKind kind)
{
    switch (kind) {
    case AST_OBJECT_VIEW: return RELKIND_VIEW;
    case AST_OBJECT_MATVIEW: return RELKIND_MATVIEW;
    case AST_OBJECT_INDEX: return RELKIND_INDEX;
    case AST_OBJECT_SEQUENCE: return RELKIND_SEQUENCE;
    default: return RELKIND_TABLE;
    }
}

static Status
raise_wrong_drop(Ddl *d, const Relation *rel, const char *word)
{
    Ctx *ctx = d->ctx;
    const char *what = rel->kind == RELKIND_VIEW ? "view" : rel->kind == RELKIND_MATVIEW ? "materialized view" : relation_base_kind(rel) == RELKIND_INDEX ? "index"
                       : rel->kind == RELKIND_SEQUENCE ? "sequence" : "table";
    Status st = RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not %s %s", rel->name,
                      strchr("aeiou", word[0]) != NULL ? "an" : "a", word);
    char upper[24];
    size_t n = strlen(what);
    for (size_t i = 0; i <= n; i++) upper[i] = ascii_upper(what[i]);
    return err_hint(ctx, st, "Use DROP %s to remove %s %s.", upper,
                    strchr("aeiou", what[0]) != NULL ? "an" : "a", what);
}

/* A qualified name (ListNode of StringNode) as schema and name. */
static void
split_name(const Ast *object, const char **schema, const char **name)
{
    const AstList *parts = &AST_AS(ListNode, object)->items;
    *name = ast_str(parts->items[parts->count - 1]);
    *schema = parts->count > 1 ? ast_str(parts->items[parts->count - 2]) : NULL;
}

static Status
missing_relation(Ddl *d, const DropStmt *s, const char *schema, const char *name)
{
    Ctx *ctx = d->ctx;
    const char *word = drop_word(s->kind);
    if (schema != NULL && catalog_schema_oid(ctx, schema) == INVALID_OID) {
        if (!s->missing_ok)
            return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
        ctx_notice(ctx, "NOTICE", QN_OK, "schema \"%s\" does not exist, skipping", schema);
        return QN_OK;
    }
    if (!s->missing_ok)
        return s->kind == AST_OBJECT_INDEX
                   ? RAISE(ctx, ERR_UNDEFINED_OBJECT, "%s \"%s\" does not exist", word, name)
                   : RAISE(ctx, ERR_UNDEFINED_TABLE, "%s \"%s\" does not exist", word, name);
    ctx_notice(ctx, "NOTICE", QN_OK, "%s \"%s\" does not exist, skipping", word, name);
    return QN_OK;
}

/* A foreign key to a partitioned table needs all its partitions: they can be detached, not dropped. */
static Status
check_referenced_part(Ctx *ctx, const Relation *rel, const DropStmt *s)
{
    const Relation *ref = rel;
    while (relation_bound(ref) != NULL && s->behavior != AST_DROP_CASCADE) {
        const Relation *from;
        TRY(catalog_relation_by_oid(ctx, ref->parents[0]->parent_oid, &ref));
        if (ref == NULL) return QN_OK;
        if (ref->nreferenced_by == 0) continue;
        const RelConstraint *c = ref->referenced_by[0];
        TRY(catalog_relation_by_oid(ctx, c->rel_oid, &from));
        Status st = RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST, "cannot drop table %s because other objects depend on it", rel->name);
        st = err_detail(ctx, st, "constraint %s on table %s depends on table %s", c->name, from != NULL ? from->name : "", rel->name);
        return err_hint(ctx, st, "Use DROP ... CASCADE to drop the dependent objects too.");
    }
    return QN_OK;
}

static Status
drop_relations(Ddl *d, const DropStmt *s)
{
    Ctx *ctx = d->ctx;
    DropTarget *targets;
    int n = 0;
    if (s->concurrent && s->objects.count != 1)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "DROP INDEX CONCURRENTLY does not support dropping multiple objects");
    if (s->concurrent && s->behavior == AST_DROP_CASCADE)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "DROP INDEX CONCURRENTLY does not support CASCADE");
    if (s->concurrent) TRY(session_prevent_block(d->s, "DROP INDEX CONCURRENTLY"));
    TRY_ALLOC(ctx, targets, ARENA_ARRAY(d->arena, DropTarget, s->objects.count));
    for (int i = 0; i < s->objects.count; i++) {
        const char *schema, *name;
        const Relation *rel;
        split_name(s->objects.items[i], &schema, &name);
        TRY(catalog_relation(ctx, schema, name, &rel));
        if (rel == NULL) {
            TRY(missing_relation(d, s, schema, name));
            continue;
        }
        if (relation_base_kind(rel) != drop_relkind(s->kind)) return raise_wrong_drop(d, rel, drop_word(s->kind));
        if (rel->oid < OID_FIRST_USER)
            return RAISE(ctx, ERR_INSUFFICIENT_PRIVILEGE,
                         "permission denied: \"%s\" is a system catalog", rel->name);
        if (s->concurrent && rel->kind == RELKIND_PARTITIONED_INDEX)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot drop partitioned index \"%s\" concurrently", rel->name);
        TRY(ddl_check_not_in_use(ctx, rel, "DROP TABLE"));
        TRY(check_referenced_part(ctx, rel, s));
        targets[n++] = (DropTarget){
            .kind = relation_base_kind(rel) == RELKIND_INDEX ? OBJ_INDEX : OBJ_RELATION, .oid = rel->oid};
    }
    return n > 0 ? ddl_drop(ctx, targets, n, s->behavior == AST_DROP_CASCADE) : QN_OK;
}

static Status
drop_schemas(Ddl *d, const DropStmt *s)
{
    Ctx *ctx = d->ctx;
    DropTarget *targets;
    int n = 0;
    TRY_ALLOC(ctx, targets, ARENA_ARRAY(d->arena, DropTarget, s->objects.count));
    for (int i = 0; i < s->objects.count; i++) {
        const Ast *o = s->objects.items[i];
        const char *schema, *name;
        if (ast_is(o, StringNode))
            name = ast_str(o);
        else
            split_name(o, &schema, &name);
        Oid oid = catalog_schema_oid(ctx, name);
        if (oid == OID_PG_CATALOG || oid == OID_INFORMATION_SCHEMA)
            return RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST,
                         "cannot drop schema %s because it is required by the database system", name);
        if (oid != INVALID_OID)
            targets[n++] = (DropTarget){.kind = OBJ_SCHEMA, .oid = oid};
        else if (s->missing_ok)
            ctx_notice(ctx, "NOTICE", QN_OK, "schema \"%s\" does not exist, skipping", name);
        else
            return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    }
    return n > 0 ? ddl_drop(ctx, targets, n, s->behavior == AST_DROP_CASCADE) : QN_OK;
}

static Status
run_drop(Ddl *d, const DropStmt *s)
{
    switch (s->kind) {
    case AST_OBJECT_TABLE:
    case AST_OBJECT_VIEW:
    case AST_OBJECT_MATVIEW:
    case AST_OBJECT_INDEX:
    case AST_OBJECT_SEQUENCE: return drop_relations(d, s);
    case AST_OBJECT_TYPE:
    case AST_OBJECT_DOMAIN: return ddl_drop_types(d, s);
    case AST_OBJECT_SCHEMA: return drop_schemas(d, s);
    case AST_OBJECT_FUNCTION:
    case AST_OBJECT_PROCEDURE:
    case AST_OBJECT_AGGREGATE:
    case AST_OBJECT_ROUTINE: return ddl_drop_routines(d, s);
    default: return ddl_drop_objects(d, s);
    }
}

/* ---- CREATE SCHEMA ---- */

/* The relation an element makes, or is for; NULL: there is none. */
static RangeVar *
element_target(Ast *e)
{
    switch (e->tag) {
    case AST_CreateStmt: return AST_AS(RangeVar, AST_AS(CreateStmt, e)->rel);
    case AST_ViewStmt: return AST_AS(RangeVar, AST_AS(ViewStmt, e)->rel);
    case AST_CreateSeqStmt: return AST_AS(RangeVar, AST_AS(CreateSeqStmt, e)->rel);
    case AST_IndexStmt: return AST_AS(RangeVar, AST_AS(IndexStmt, e)->rel);
    case AST_CreateTrigStmt: return AST_AS(RangeVar, AST_AS(CreateTrigStmt, e)->rel);
    default: return NULL;
    }
}

/* Sequences before tables before views before indexes, whatever the order they are written in. */
static int
element_rank(const Ast *e)
{
    return e->tag == AST_CreateSeqStmt ? 0 : e->tag == AST_CreateStmt ? 1 : e->tag == AST_ViewStmt ? 2 : e->tag == AST_IndexStmt ? 3 : 4;
}

static Status
run_element(Ddl *d, const char *schema, Ast *e)
{
    Ctx *ctx = d->ctx;
    Stmt *stmt;
    RangeVar *target = element_target(e);
    if (target != NULL && target->schema != NULL && strcmp(target->schema, schema) != 0)
        return RAISE(ctx, ERR_INVALID_SCHEMA_DEFINITION, "CREATE specifies a schema (%s) different from the one being created (%s)",
                     target->schema, schema);
    if (target != NULL) target->schema = schema;
    TRY(stmt_from_ast(d->s, d->sql, e, NULL, 0, &stmt));
    stmt->is_exclusive = stmt->is_nested = true;
    Status st = stmt_run(stmt, NULL, NULL);
    stmt_destroy(stmt);
    return st;
}

/* What CREATE SCHEMA makes besides: with the new schema first on the path. */
static Status
run_elements(Ddl *d, const char *schema, const AstList *elements)
{
    Ctx *ctx = d->ctx;
    StrBuf b = strbuf_new(d->arena);
    char *path;
    int mark = d->s->nundo;
    Status st = QN_OK;
    deparse_ident(&b, schema);
    strbuf_addf(&b, ", %s", ctx->settings->search_path);
    TRY(strbuf_finish(ctx, &b, &path, NULL));
    TRY(settings_set(d->s, "search_path", path, true));
    for (int rank = 0; rank <= 4 && st == QN_OK; rank++)
        for (int i = 0; i < elements->count && st == QN_OK; i++)
            if (element_rank(elements->items[i]) == rank) st = run_element(d, schema, elements->items[i]);
    settings_at_rollback(d->s, mark);
    return st;
}

static Status
run_create_schema(Ddl *d, const CreateSchemaStmt *s)
{
    Ctx *ctx = d->ctx;
    Oid oid;
    const char *name = s->name != NULL ? s->name : CATALOG_ROLE_NAME;
    if (strncmp(name, "pg_", 3) == 0)
        return err_detail(ctx, RAISE(ctx, ERR_RESERVED_NAME, "unacceptable schema name \"%s\"", name),
                          "The prefix \"pg_\" is reserved for system schemas.");
    TRY(ddl_lock_name(ctx, INVALID_OID, name));
    if (catalog_schema_oid(ctx, name) != INVALID_OID) {
        if (!s->if_not_exists)
            return RAISE(ctx, ERR_DUPLICATE_SCHEMA, "schema \"%s\" already exists", name);
        ctx_notice(ctx, "NOTICE", ERR_DUPLICATE_SCHEMA, "schema \"%s\" already exists, skipping", name);
        return QN_OK;
    }
    TRY(ddl_create_schema(ctx, name, &oid));
    return s->elements.count > 0 ? run_elements(d, name, &s->elements) : QN_OK;
}

/* ---- dispatch ---- */

Status
utility_ddl(Stmt *stmt, bool *handled_out)
{
    Ddl d = {.s = stmt->s, .ctx = &stmt->s->ctx, .arena = stmt->run_arena, .sql = stmt->sql, .stmt = stmt};
    const Ast *ast = stmt->ast;
    *handled_out = true;
    switch (ast->tag) {
    case AST_CreateStmt: return ddl_run_create(&d, AST_AS(CreateStmt, ast));
    case AST_IndexStmt: return ddl_run_index(&d, AST_AS(IndexStmt, ast));
    case AST_ViewStmt: return ddl_run_view(&d, AST_AS(ViewStmt, ast));
    case AST_CreateSeqStmt: return ddl_run_create_sequence(&d, AST_AS(CreateSeqStmt, ast));
    case AST_AlterSeqStmt: return ddl_run_alter_sequence(&d, AST_AS(AlterSeqStmt, ast));
    case AST_CreateEnumStmt: return ddl_run_create_enum(&d, AST_AS(CreateEnumStmt, ast));
    case AST_AlterEnumStmt: return ddl_run_alter_enum(&d, AST_AS(AlterEnumStmt, ast));
    case AST_CompositeTypeStmt: return ddl_run_create_composite(&d, AST_AS(CompositeTypeStmt, ast));
    case AST_CreateRangeStmt: return ddl_run_create_range(&d, AST_AS(CreateRangeStmt, ast));
    case AST_CreateDomainStmt: return ddl_run_create_domain(&d, AST_AS(CreateDomainStmt, ast));
    case AST_AlterDomainStmt: return ddl_run_alter_domain(&d, AST_AS(AlterDomainStmt, ast));
    case AST_CreateSchemaStmt: return run_create_schema(&d, AST_AS(CreateSchemaStmt, ast));
    case AST_DropStmt: return run_drop(&d, AST_AS(DropStmt, ast));
    case AST_CommentStmt: return ddl_run_comment(&d, AST_AS(CommentStmt, ast));
    case AST_AlterOwnerStmt: return ddl_run_owner(&d, AST_AS(AlterOwnerStmt, ast));
    case AST_AlterTableStmt:
        if (AST_AS(AlterTableStmt, ast)->kind == AST_OBJECT_TYPE) return ddl_run_alter_composite(&d, AST_AS(AlterTableStmt, ast));
        return ddl_run_alter_table(&d, AST_AS(AlterTableStmt, ast));
    case AST_DefineStmt:
        switch (AST_AS(DefineStmt, ast)->kind) {
        case AST_OBJECT_TYPE: return ddl_run_define_type(&d, AST_AS(DefineStmt, ast));
        case AST_OBJECT_AGGREGATE: return ddl_run_create_aggregate(&d, AST_AS(DefineStmt, ast));
        case AST_OBJECT_OPERATOR: return ddl_run_create_operator(&d, AST_AS(DefineStmt, ast));
        case AST_OBJECT_COLLATION: return ddl_run_create_collation(&d, AST_AS(DefineStmt, ast));
        default: *handled_out = false; return QN_OK;
        }
    case AST_AlterOperatorStmt: return ddl_run_alter_operator(&d, AST_AS(AlterOperatorStmt, ast));
    case AST_CreateOpFamilyStmt: return ddl_run_create_opfamily(&d, AST_AS(CreateOpFamilyStmt, ast));
    case AST_CreateOpClassStmt: return ddl_run_create_opclass(&d, AST_AS(CreateOpClassStmt, ast));
    case AST_AlterOpFamilyStmt: return ddl_run_alter_opfamily(&d, AST_AS(AlterOpFamilyStmt, ast));
    case AST_AlterTypeStmt: return ddl_run_alter_type(&d, AST_AS(AlterTypeStmt, ast));
    case AST_CreateStatsStmt: return ddl_run_create_statistics(&d, AST_AS(CreateStatsStmt, ast));
    case AST_AlterStatsStmt: return ddl_run_alter_statistics(&d, AST_AS(AlterStatsStmt, ast));
    case AST_CreateCastStmt: return ddl_run_create_cast(&d, AST_AS(CreateCastStmt, ast));
    case AST_RenameStmt:
        switch (AST_AS(RenameStmt, ast)->kind) {
        case AST_OBJECT_TYPE:
        case AST_OBJECT_DOMAIN:
        case AST_OBJECT_ATTRIBUTE:
        case AST_OBJECT_DOMCONSTRAINT: return ddl_run_rename_type(&d, AST_AS(RenameStmt, ast));
        default: return ddl_run_rename(&d, AST_AS(RenameStmt, ast));
        }
    case AST_AlterObjectSchemaStmt: {
        const AlterObjectSchemaStmt *s = AST_AS(AlterObjectSchemaStmt, ast);
        if (s->kind == AST_OBJECT_TYPE || s->kind == AST_OBJECT_DOMAIN) return ddl_run_move_type(&d, s);
        return ddl_run_set_schema(&d, s);
    }
    case AST_CreateFunctionStmt: return ddl_run_create_routine(&d, AST_AS(CreateFunctionStmt, ast));
    case AST_CreateTrigStmt: return ddl_run_trigger(&d, AST_AS(CreateTrigStmt, ast));
    case AST_AlterFunctionStmt: return ddl_run_alter_routine(&d, AST_AS(AlterFunctionStmt, ast));
    case AST_CallStmt: return ddl_run_call(&d, AST_AS(CallStmt, ast));
    case AST_RefreshMatViewStmt: return ddl_run_refresh(&d, AST_AS(RefreshMatViewStmt, ast));
    case AST_TruncateStmt: return ddl_run_truncate(&d, AST_AS(TruncateStmt, ast));
    case AST_ReindexStmt: return ddl_run_reindex(&d, AST_AS(ReindexStmt, ast));
    case AST_ClusterStmt: return ddl_run_cluster(&d, AST_AS(ClusterStmt, ast));
    case AST_VacuumStmt: return ddl_run_vacuum(&d, AST_AS(VacuumStmt, ast));
    case AST_CreateTableAsStmt: {
        const CreateTableAsStmt *c = AST_AS(CreateTableAsStmt, ast);
        return ddl_run_create_as(&d, c->query, AST_AS(IntoClause, c->into), c->if_not_exists, c->query_text);
    }
    case AST_SelectStmt: {
        const SelectStmt *q = AST_AS(SelectStmt, ast), *leaf = q;
        while (leaf->setop != AST_SETOP_NONE) leaf = AST_AS(SelectStmt, leaf->setop_args.items[0]);
        return ddl_run_create_as(&d, ast, AST_AS(IntoClause, leaf->into), false, NULL);
    }
    default: *handled_out = false; return QN_OK;
    }
}
