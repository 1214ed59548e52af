/* ddl_alter.c - ALTER TABLE, and renaming. Commands of one statement are done in order. */
#include "parser/deparse.h"
#include "parser/parse.h"
#include "planner/planner.h"
#include "session/ddl.h"
#include "types/numeric.h"

static Status
find_column(Ddl *d, const Relation *rel, const char *name, const Column **out)
{
    *out = relation_column(rel, name);
    if (*out != NULL) return QN_OK;
    return RAISE(d->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name,
                 rel->name);
}

/* ---- columns ---- */

static Status
parse_expr(Ddl *d, const char *text, Ast **out)
{
    StrBuf b = strbuf_new(d->arena);
    char *sql;
    size_t nbytes, consumed;
    Ast *stmt;
    strbuf_addf(&b, "SELECT %s", text);
    TRY(strbuf_finish(d->ctx, &b, &sql, &nbytes));
    TRY(parse_sql(d->ctx, d->arena, sql, nbytes, &stmt, &consumed));
    *out = AST_AS(ResTarget, AST_AS(SelectStmt, stmt)->targets.items[0])->value;
    return QN_OK;
}

typedef struct FirstValue {
    Arena *arena;
    Value value;
} FirstValue;

static Status
keep_value(Stmt *stmt, void *arg)
{
    FirstValue *dv = arg;
    Value v;
    if (!stmt_value(stmt, 0, &v)) return QN_OK;
    return value_copy(&stmt->s->ctx, dv->arena, &v, &dv->value);
}

/* What rows that are there already show in a new column: the default's value now. Volatile defaults need a rewrite. */
static Status
missing_value(Ddl *d, ColDef *col)
{
    Ctx *ctx = d->ctx;
    FirstValue dv = {.arena = d->arena, .value = value_null(col->col.type)};
    StrBuf b = strbuf_new(d->arena);
    const char *type;
    char *sql;
    if (strstr(col->col.default_sql, "nextval(") != NULL || strstr(col->col.default_sql, "random(") != NULL ||
        strstr(col->col.default_sql, "gen_random_uuid(") != NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     "adding a column with a volatile default to a table with rows is not supported yet");
    TRY(type_format(ctx, d->arena, col->col.type, col->col.typmod, &type));
    strbuf_addf(&b, "SELECT CAST((%s) AS %s)", col->col.default_sql, type);
    TRY(strbuf_finish(ctx, &b, &sql, NULL));
    TRY(ddl_query(d, sql, keep_value, &dv));
    col->missing = dv.value;
    if (dv.value.is_null || col->col.type != TYPE_NUMERIC) return QN_OK;
    /* In the form the column's pages have. */
    Phys phys = type_phys(TYPE_NUMERIC, col->col.typmod);
    int scale = phys != PHYS_STR ? numeric_typmod_scale(col->col.typmod) : 0;
    return numeric_value_convert(ctx, d->arena, &dv.value, phys, scale, &col->missing);
}

static Status
has_rows(Ddl *d, const Relation *rel, bool *out)
{
    StrBuf b = strbuf_new(d->arena);
    FirstValue v = {.arena = d->arena, .value = value_null(TYPE_BOOL)};
    char *sql;
    strbuf_addz(&b, "SELECT EXISTS (SELECT 1 FROM ONLY ");
    deparse_ident(&b, rel->schema);
    strbuf_addc(&b, '.');
    deparse_ident(&b, rel->name);
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(d->ctx, &b, &sql, NULL));
    TRY(ddl_query(d, sql, keep_value, &v));
    *out = !v.value.is_null && v.value.b;
    return QN_OK;
}

static Status
add_column(Ddl *d, const Relation *rel, const AlterTableCmd *c)
{
    Ctx *ctx = d->ctx;
    const ColumnDef *ast = AST_AS(ColumnDef, c->def);
    RelDef *def;
    ColDef col;
    ColumnExtra extra;
    bool rows;
    if (relation_column(rel, ast->name) != NULL) {
        if (!c->missing_ok)
            return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists",
                         ast->name, rel->name);
        ctx_notice(ctx, "NOTICE", ERR_DUPLICATE_COLUMN,
                   "column \"%s\" of relation \"%s\" already exists, skipping", ast->name, rel->name);
        return QN_OK;
    }
    if (rel->ncols == CATALOG_MAX_COLUMNS)
        return RAISE(ctx, ERR_TOO_MANY_COLUMNS, "tables can have at most %d columns", CATALOG_MAX_COLUMNS);
    TRY(ddl_make_column(d, rel->name, ast, &col, &extra));
    TRY(has_rows(d, rel, &rows));
    if (extra.generated != NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "adding a generated column is not supported yet");
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    col.col.attnum = def->ncols + 1;
    TRY(ddl_column_default(d, def, &col, &extra));
    if (rows && col.col.default_sql != NULL) TRY(missing_value(d, &col));
    if (rows && col.col.not_null && col.missing.is_null)
        return RAISE(ctx, ERR_NOT_NULL_VIOLATION, "column \"%s\" of relation \"%s\" contains null values",
                     col.col.name, rel->name);
    col.added_layout = ++def->layout;
    def->cols[def->ncols++] = col; /* unpacking left room for one more */
    TRY(ddl_put_relation(ctx, def));
    for (int i = 0; i < ast->constraints.count; i++) {
        const Constraint *k = AST_AS(Constraint, ast->constraints.items[i]);
        TRY(catalog_relation_by_oid(ctx, rel->oid, &rel));
        TRY(ddl_add_constraint(d, rel, k, col.col.attnum, !rows));
    }
    return QN_OK;
}

static Status
drop_column(Ddl *d, const Relation *rel, const AlterTableCmd *c)
{
    Ctx *ctx = d->ctx;
    const Column *col = relation_column(rel, c->name);
    if (col == NULL && c->missing_ok) {
        ctx_notice(ctx, "NOTICE", QN_OK, "column \"%s\" of relation \"%s\" does not exist, skipping", c->name,
                   rel->name);
        return QN_OK;
    }
    TRY(find_column(d, rel, c->name, &col));
    DropTarget t = {.kind = OBJ_RELATION, .oid = rel->oid, .attnum = col->attnum};
    return ddl_drop(ctx, &t, 1, c->behavior == AST_DROP_CASCADE);
}

static Status
column_default(Ddl *d, const Relation *rel, const AlterTableCmd *c)
{
    const Column *col;
    RelDef *def;
    TRY(find_column(d, rel, c->name, &col));
    if (col->identity != '\0')
        return RAISE(d->ctx, ERR_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is an identity column",
                     col->name, rel->name);
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    ColDef *cd = &def->cols[col->attnum - 1];
    int n = 0;
    for (int i = 0; i < def->ndeps; i++)
        if (def->deps[i].attnum != col->attnum) def->deps[n++] = def->deps[i];
    def->ndeps = n;
    cd->col.default_sql = NULL;
    if (c->def != NULL) {
        Constraint k = {.base = {AST_Constraint}, .kind = AST_CONSTR_DEFAULT, .expr = c->def};
        ColumnExtra extra = {.dflt = &k};
        TRY(ddl_column_default(d, def, cd, &extra));
    }
    return ddl_put_relation(d->ctx, def);
}

static Status
set_not_null(Ddl *d, const Relation *rel, const AlterTableCmd *c, bool on)
{
    const Column *col;
    RelDef *def;
    TRY(find_column(d, rel, c->name, &col));
    if (!on && col->identity != '\0')
        return RAISE(d->ctx, ERR_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is an identity column",
                     col->name, rel->name);
    for (int i = 0; !on && rel->primary != NULL && i < rel->primary->nkeys; i++)
        if (rel->primary->attnums[i] == col->attnum)
            return RAISE(d->ctx, ERR_INVALID_TABLE_DEFINITION, "column \"%s\" is in a primary key", col->name);
    if (on && !col->not_null) TRY(ddl_validate_not_null(d, rel, col->name));
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    def->cols[col->attnum - 1].col.not_null = on;
    return ddl_put_relation(d->ctx, def);
}

static Status
drop_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c)
{
    Ctx *ctx = d->ctx;
    const RelConstraint *k = relation_constraint(rel, c->name);
    if (k == NULL) {
        if (!c->missing_ok)
            return RAISE(ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" of relation \"%s\" does not exist",
                         c->name, rel->name);
        ctx_notice(ctx, "NOTICE", QN_OK, "constraint \"%s\" of relation \"%s\" does not exist, skipping",
                   c->name, rel->name);
        return QN_OK;
    }
    DropTarget t = {.kind = OBJ_CONSTRAINT, .oid = k->oid};
    return ddl_drop(ctx, &t, 1, c->behavior == AST_DROP_CASCADE);
}

static Status
run_command(Ddl *d, const Relation *rel, const AlterTableCmd *c)
{
    bool rows = true;
    switch (c->kind) {
    case AST_AT_ADD_COLUMN: return add_column(d, rel, c);
    case AST_AT_DROP_COLUMN: return drop_column(d, rel, c);
    case AST_AT_COLUMN_DEFAULT: return column_default(d, rel, c);
    case AST_AT_SET_NOT_NULL: return set_not_null(d, rel, c, true);
    case AST_AT_DROP_NOT_NULL: return set_not_null(d, rel, c, false);
    case AST_AT_ADD_CONSTRAINT:
        TRY(has_rows(d, rel, &rows));
        return ddl_add_constraint(d, rel, AST_AS(Constraint, c->def), 0, !rows);
    case AST_AT_DROP_CONSTRAINT: return drop_constraint(d, rel, c);
    /* Storage parameters, statistics targets and owners change nothing here. */
    case AST_AT_SET_RELOPTIONS:
    case AST_AT_RESET_RELOPTIONS:
    case AST_AT_SET_STATISTICS:
    case AST_AT_SET_STORAGE:
    case AST_AT_SET_COMPRESSION:
    case AST_AT_SET_OPTIONS:
    case AST_AT_RESET_OPTIONS:
    case AST_AT_CHANGE_OWNER:
    case AST_AT_CLUSTER_ON:
    case AST_AT_DROP_CLUSTER:
    case AST_AT_REPLICA_IDENTITY: return QN_OK;
    default:
        return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "this form of ALTER TABLE is not supported yet");
    }
}

Status
ddl_run_alter_table(Ddl *d, const AlterTableStmt *a)
{
    const Relation *rel;
    const char *kinds = a->kind == AST_OBJECT_VIEW ? "v" : a->kind == AST_OBJECT_INDEX ? "i"
                        : a->kind == AST_OBJECT_SEQUENCE ? "S" : "r";
    TRY(ddl_open(d, AST_AS(RangeVar, a->rel), LOCK_ACCESS_EXCLUSIVE, kinds, a->missing_ok, &rel));
    if (rel == NULL) return QN_OK;
    Oid oid = rel->oid;
    for (int i = 0; i < a->cmds.count; i++) {
        TRY(catalog_relation_by_oid(d->ctx, oid, &rel));
        TRY(run_command(d, rel, AST_AS(AlterTableCmd, a->cmds.items[i])));
    }
    return QN_OK;
}

/* ---- renaming ---- */

typedef struct ColumnRename {
    const char *from, *to;
} ColumnRename;

static Status
print_renamed(Ctx *ctx, void *arg, const Ast *node, StrBuf *out, bool *printed_out)
{
    const ColumnRename *r = arg;
    (void)ctx;
    if (!ast_is(node, ColumnRef)) return QN_OK;
    const AstList *f = &AST_AS(ColumnRef, node)->fields;
    const Ast *last = f->items[f->count - 1];
    if (!ast_is(last, StringNode) || strcmp(ast_str(last), r->from) != 0) return QN_OK;
    deparse_ident(out, r->to);
    *printed_out = true;
    return QN_OK;
}

/* A stored expression over the table, with the column's new name. */
static Status
rename_in(Ddl *d, const ColumnRename *r, const char **text)
{
    if (*text == NULL) return QN_OK;
    DeparseHook hook = {.print = print_renamed, .arg = (void *)r};
    StrBuf b = strbuf_new(d->arena);
    Ast *expr;
    char *out;
    TRY(parse_expr(d, *text, &expr));
    TRY(deparse_expr(d->ctx, expr, &hook, &b));
    TRY(strbuf_finish(d->ctx, &b, &out, NULL));
    *text = out;
    return QN_OK;
}

static Status
rename_column(Ddl *d, const Relation *rel, const RenameStmt *s)
{
    Ctx *ctx = d->ctx;
    const Column *col;
    RelDef *def;
    ColumnRename r = {.from = s->subname, .to = s->newname};
    col = relation_column(rel, s->subname);
    if (col == NULL)
        return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", s->subname);
    if (relation_column(rel, s->newname) != NULL)
        return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists",
                     s->newname, rel->name);
    TRY(ddl_refuse_views(ctx, rel->oid, "rename a column of"));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->cols[col->attnum - 1].col.name = s->newname;
    for (int i = 0; i < def->ncols; i++)
        if (def->cols[i].col.generated != '\0') TRY(rename_in(d, &r, &def->cols[i].col.default_sql));
    TRY(ddl_put_relation(ctx, def));
    for (int i = 0; i < rel->nconstraints; i++) {
        RelConstraint c = *rel->constraints[i];
        if (c.kind != CONSTRAINT_CHECK) continue;
        TRY(rename_in(d, &r, &c.check_sql));
        TRY(ddl_create_constraint(ctx, &c));
    }
    return QN_OK;
}

static Status
rename_constraint(Ddl *d, const Relation *rel, const RenameStmt *s)
{
    Ctx *ctx = d->ctx;
    const RelConstraint *k = relation_constraint(rel, s->subname);
    if (k == NULL)
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist",
                     s->subname, rel->name);
    if (relation_constraint(rel, s->newname) != NULL)
        return RAISE(ctx, ERR_DUPLICATE_OBJECT, "constraint \"%s\" for relation \"%s\" already exists",
                     s->newname, rel->name);
    RelConstraint c = *k;
    c.name = s->newname;
    if (c.kind == CONSTRAINT_PRIMARY || c.kind == CONSTRAINT_UNIQUE) {
        bool skip;
        const IndexDef *old = relation_index_by_oid(rel, c.index_oid);
        TRY(ddl_claim_name(ctx, rel->schema_oid, s->newname, false, &skip));
        IndexDef ix = *old;
        ix.name = s->newname;
        TRY(ddl_put_index(ctx, rel->schema_oid, &ix));
    }
    return ddl_create_constraint(ctx, &c);
}

static Status
rename_relation(Ddl *d, const Relation *rel, const char *name)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    bool skip;
    TRY(ddl_claim_name(ctx, rel->schema_oid, name, false, &skip));
    if (rel->kind == RELKIND_INDEX) {
        IndexDef ix = *rel->indexes[0];
        ix.name = name;
        TRY(ddl_put_index(ctx, rel->schema_oid, &ix));
        if (ix.constraint_oid == 0) return QN_OK;
        const Relation *table;
        TRY(catalog_relation_by_oid(ctx, ix.rel_oid, &table));
        for (int i = 0; i < table->nconstraints; i++)
            if (table->constraints[i]->oid == ix.constraint_oid) {
                RelConstraint c = *table->constraints[i];
                c.name = name;
                return ddl_create_constraint(ctx, &c);
            }
        return QN_OK;
    }
    TRY(ddl_refuse_views(ctx, rel->oid, "rename"));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->name = name;
    return ddl_put_relation(ctx, def);
}

Status
ddl_run_rename(Ddl *d, const RenameStmt *s)
{
    const Relation *rel;
    bool part = s->kind == AST_OBJECT_COLUMN || s->kind == AST_OBJECT_TABCONSTRAINT;
    AstObjectKind kind = part ? s->relation_kind : s->kind;
    if (kind == AST_OBJECT_SCHEMA || s->rel == NULL)
        return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "renaming this kind of object is not supported yet");
    const char *kinds = kind == AST_OBJECT_INDEX ? "i" : kind == AST_OBJECT_SEQUENCE ? "S"
                        : kind == AST_OBJECT_VIEW ? "v" : "rvSi";
    TRY(ddl_open(d, AST_AS(RangeVar, s->rel), LOCK_ACCESS_EXCLUSIVE, kinds, s->missing_ok, &rel));
    if (rel == NULL) return QN_OK;
    if (s->kind == AST_OBJECT_COLUMN) return rename_column(d, rel, s);
    if (s->kind == AST_OBJECT_TABCONSTRAINT) return rename_constraint(d, rel, s);
    return rename_relation(d, rel, s->newname);
}
