/* ddl_alter_column.c - ALTER TABLE's commands on columns, but for their types. */
#include "session/ddl_alter.h"

#include "catalog/sequence.h"
#include "planner/planner.h"
#include "planner/rewrite.h"
#include "types/numeric.h"

/* ---- ADD COLUMN ---- */

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

/* What rows that are there already show in a new column: the default's value now. */
static Status
missing_value(Ddl *d, ColDef *col)
{
    Ctx *ctx = d->ctx;
    FirstValue dv = {.arena = d->arena, .value = value_null(col->col.type)};
    StrBuf b = strbuf_new(d->arena);
    const char *type;
    char *sql;
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

/* Whether each row needs a value of its own. */
static Status
must_rewrite(Ddl *d, const Relation *rel, const ColDef *col, const Ast **value_out)
{
    Expr *e;
    Ast *ast;
    bool is_volatile;
    *value_out = NULL;
    if (col->col.default_sql == NULL) return QN_OK;
    TRY(alter_parse_expr(d, col->col.default_sql, &ast));
    TRY(plan_expression(d->ctx, d->arena, d->sql, ast, col->col.generated != '\0' ? rel : NULL, 0, -1, &e));
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    TRY(expr_volatile(ps.ctx, e, &is_volatile));
    if (is_volatile || col->col.generated != '\0') *value_out = ast;
    return QN_OK;
}

static Status
check_generated(Ddl *d, const Relation *rel, const ColumnExtra *extra, ColDef *col)
{
    Expr *e;
    if (extra->generated == NULL) return QN_OK;
    TRY(plan_expression(d->ctx, d->arena, d->sql, extra->generated->expr, rel, col->col.type, col->col.typmod, &e));
    TRY(ddl_expr_text(d, extra->generated->expr, &col->col.default_sql));
    col->col.generated = 's';
    return QN_OK;
}

/* The child has the column already: it is the parent's too from here on. */
static Status
merge_into_child(Ddl *d, const Relation *rel, const Column *have, const ColDef *col)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    if (have->type != col->col.type || have->typmod != col->col.typmod)
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "child table \"%s\" has different type for column \"%s\"", rel->name, have->name);
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->cols[have->attnum - 1].col.inh_count++;
    ctx_notice(ctx, "NOTICE", QN_OK, "merging definition of column \"%s\" for child \"%s\"", have->name, rel->name);
    return ddl_put_relation(ctx, def);
}

static Status
store_column(Ddl *d, const Relation *rel, RelDef *def, ColDef *col)
{
    Ctx *ctx = d->ctx;
    const Ast **values;
    bool rows;
    TRY_ALLOC(ctx, values, ARENA_ARRAY(d->arena, const Ast *, def->ncols + 2));
    TRY(alter_has_rows(d, rel, &rows));
    if (rows) TRY(must_rewrite(d, rel, col, &values[def->ncols]));
    bool rewrite = values[def->ncols] != NULL;
    if (rows && !rewrite && col->col.default_sql != NULL) TRY(missing_value(d, col));
    if (rows && !rewrite && col->col.not_null && col->missing.is_null)
        return RAISE(ctx, ERR_NOT_NULL_VIOLATION, "column \"%s\" of relation \"%s\" contains null values", col->col.name, rel->name);
    col->added_layout = ++def->layout;
    def->cols[def->ncols++] = *col; /* unpacking left room for one more */
    if (!rewrite) return ddl_put_relation(ctx, def);
    TRY(ddl_rewrite_table(d, rel, def, values));
    if (!col->col.not_null) return QN_OK;
    TRY(catalog_relation_by_oid(ctx, rel->oid, &rel));
    return ddl_validate_not_null(d, rel, col->col.name);
}

static Status
check_add_column(Ddl *d, const Relation *rel, const AlterTableCmd *c, const ColumnExtra *extra, AlterHow how, bool *skip_out)
{
    Ctx *ctx = d->ctx;
    const char *name = AST_AS(ColumnDef, c->def)->name;
    *skip_out = false;
    if (rel->of_type != INVALID_OID && !how.of_type && !how.recursing) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot add column to typed table");
    if (relation_bound(rel) != NULL && !how.recursing) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot add column to a partition");
    if (relation_column(rel, name) != NULL && !how.recursing) {
        if (!c->missing_ok)
            return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists", name, rel->name);
        ctx_notice(ctx, "NOTICE", ERR_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists, skipping", name, rel->name);
        *skip_out = true;
        return QN_OK;
    }
    if (extra->identity != NULL && how.recurse && rel->nchildren > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot recursively add identity column to table that has child tables");
    if (!how.recurse && rel->nchildren > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "column must be added to child tables too");
    if (rel->ncols == CATALOG_MAX_COLUMNS)
        return RAISE(ctx, ERR_TOO_MANY_COLUMNS, "tables can have at most %d columns", CATALOG_MAX_COLUMNS);
    return QN_OK;
}

Status
alter_add_column(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const ColumnDef *ast = AST_AS(ColumnDef, c->def);
    RelDef *def;
    ColDef col;
    ColumnExtra extra;
    bool skip, rows;
    Oid oid = rel->oid;
    TRY(ddl_make_column(d, rel->name, ast, &col, &extra));
    TRY(check_add_column(d, rel, c, &extra, how, &skip));
    if (skip) return QN_OK;
    const Column *have = relation_column(rel, ast->name);
    if (have != NULL) {
        TRY(merge_into_child(d, rel, have, &col)); /* its own children have it from it */
        return QN_OK;
    }
    TRY(ddl_edit_relation(ctx, d->arena, oid, &def));
    col.col.attnum = def->ncols + 1;
    col.col.inherited_only = how.recursing;
    col.col.inh_count = how.recursing;
    TRY(ddl_column_default(d, def, &col, &extra));
    TRY(check_generated(d, rel, &extra, &col));
    if (col.col.default_sql != NULL) TRY(ddl_refuse_row_type_columns(ctx, oid, rel->name, false));
    TRY(store_column(d, rel, def, &col));
    TRY(catalog_relation_by_oid(ctx, oid, &rel));
    TRY(alter_has_rows(d, rel, &rows));
    TRY(alter_children(d, rel, c, alter_add_column));
    if (how.recursing) return QN_OK; /* a CHECK comes down from the parent's; others are not inherited */
    for (int i = 0; i < ast->constraints.count; i++) {
        const Constraint *k = AST_AS(Constraint, ast->constraints.items[i]);
        TRY(catalog_relation_by_oid(ctx, oid, &rel));
        if (k->kind == AST_CONSTR_CHECK) {
            AlterTableCmd add = {.base = {AST_AlterTableCmd}, .kind = AST_AT_ADD_CONSTRAINT, .def = (Ast *)k};
            TRY(alter_add_constraint(d, rel, &add, how));
        } else {
            TRY(ddl_add_constraint(d, rel, k, col.col.attnum, !rows));
        }
    }
    return QN_OK;
}

/* ---- DROP COLUMN ---- */

typedef struct Drops {
    DropTarget *items;
    int count, cap;
} Drops;

/* The column of rel goes; of its children's, those they have from it alone. */
static Status
collect_drops(Ddl *d, const Relation *rel, const Column *col, bool recurse, Drops *out)
{
    Ctx *ctx = d->ctx;
    const Relation **list;
    int n;
    TRY(ctx_check_depth(ctx));
    TRY(alter_refuse_partition_key(d, rel, col, "drop"));
    TRY(array_push(ctx, d->arena, out, ((DropTarget){.kind = OBJ_RELATION, .oid = rel->oid, .attnum = col->attnum})));
    TRY(ddl_children(d, rel, false, &list, &n));
    for (int i = 0; i < n; i++) {
        const Column *c = relation_column(list[i], col->name);
        RelDef *def;
        if (c == NULL || c->inh_count == 0) continue;
        if (recurse && c->inh_count == 1 && c->inherited_only) {
            TRY(collect_drops(d, list[i], c, recurse, out));
            continue;
        }
        TRY(ddl_edit_relation(ctx, d->arena, list[i]->oid, &def));
        Column *k = &def->cols[c->attnum - 1].col;
        k->inh_count--;
        if (!recurse) k->inherited_only = false;
        TRY(ddl_put_relation(ctx, def));
    }
    return QN_OK;
}

Status
alter_drop_column(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const Column *col = relation_column(rel, c->name);
    Drops drops = {0};
    if (rel->of_type != INVALID_OID && !how.of_type) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot drop column from typed table");
    if (col == NULL && c->missing_ok && !ddl_is_system_column(c->name)) {
        ctx_notice(ctx, "NOTICE", QN_OK, "column \"%s\" of relation \"%s\" does not exist, skipping", c->name, rel->name);
        return QN_OK;
    }
    TRY(alter_find_column(d, rel, c->name, "drop", &col));
    if (col->inh_count > 0) return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot drop inherited column \"%s\"", col->name);
    if (rel->kind == RELKIND_PARTITIONED && rel->nchildren > 0 && !how.recurse)
        return err_hint(ctx, RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot drop column from only the partitioned table when partitions exist"),
                        "Do not specify the ONLY keyword.");
    TRY(collect_drops(d, rel, col, how.recurse, &drops));
    return ddl_drop(ctx, drops.items, drops.count, c->behavior == AST_DROP_CASCADE);
}

/* ---- defaults ---- */

static Status
raise_identity(Ddl *d, const Relation *rel, const Column *col, const char *hint)
{
    Status st = RAISE(d->ctx, ERR_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is an identity column", col->name, rel->name);
    return hint != NULL ? err_hint(d->ctx, st, "%s", hint) : st;
}

Status
alter_column_default(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    const Column *col;
    RelDef *def;
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    if (col->identity != '\0')
        return raise_identity(d, rel, col, c->def == NULL ? "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead." : NULL);
    if (col->generated != '\0') {
        Status st = RAISE(d->ctx, ERR_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is a generated column", col->name, rel->name);
        return c->def == NULL ? err_hint(d->ctx, st, "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.") : st;
    }
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    ColDef *cd = &def->cols[col->attnum - 1];
    int n = 0;
    for (int i = 0; i < def->ndeps; i++)
        if (def->deps[i].attnum != col->attnum || rel->kind == RELKIND_VIEW) def->deps[n++] = def->deps[i];
    def->ndeps = n;
    cd->col.default_sql = NULL;
    if (c->def != NULL) {
        Constraint k = {.base = {AST_Constraint}, .kind = AST_CONSTR_DEFAULT, .expr = c->def};
        ColumnExtra extra = {.dflt = &k};
        TRY(ddl_column_default(d, def, cd, &extra));
    }
    TRY(ddl_put_relation(d->ctx, def));
    return how.recurse ? alter_children(d, rel, c, alter_column_default) : QN_OK;
}

/* ---- NOT NULL ---- */

static Status
put_not_null(Ddl *d, const Relation *rel, const Column *col, bool on)
{
    RelDef *def;
    if (col->not_null == on) return QN_OK;
    if (on) TRY(ddl_validate_not_null(d, rel, col->name));
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    def->cols[col->attnum - 1].col.not_null = on;
    return ddl_put_relation(d->ctx, def);
}

Status
alter_set_not_null(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    const Column *col;
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    TRY(put_not_null(d, rel, col, true));
    if (how.recurse) return alter_children(d, rel, c, alter_set_not_null);
    for (int i = 0; rel->kind == RELKIND_PARTITIONED && i < rel->nchildren; i++) {
        const Relation *child;
        TRY(catalog_relation_by_oid(d->ctx, rel->children[i]->child_oid, &child));
        const Column *k = child != NULL ? relation_column(child, c->name) : NULL;
        if (k == NULL || k->not_null) continue;
        Status st = RAISE(d->ctx, ERR_INVALID_TABLE_DEFINITION, "constraint must be added to child tables too");
        st = err_detail(d->ctx, st, "Column \"%s\" of relation \"%s\" is not already NOT NULL.", k->name, child->name);
        return err_hint(d->ctx, st, "Do not specify the ONLY keyword.");
    }
    return QN_OK;
}

Status
alter_drop_not_null(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const Column *col;
    if (rel->kind == RELKIND_PARTITIONED && rel->nchildren > 0 && !how.recurse)
        return err_hint(ctx, RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot remove constraint from only the partitioned table when partitions exist"),
                        "Do not specify the ONLY keyword.");
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    if (col->identity != '\0') return raise_identity(d, rel, col, NULL);
    for (int i = 0; rel->primary != NULL && i < rel->primary->nkeys; i++)
        if (rel->primary->attnums[i] == col->attnum)
            return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "column \"%s\" is in a primary key", col->name);
    if (relation_bound(rel) != NULL && !how.recursing) {
        const Relation *parent;
        TRY(catalog_relation_by_oid(ctx, rel->parents[0]->parent_oid, &parent));
        const Column *p = relation_column(parent, c->name);
        if (p != NULL && p->not_null)
            return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "column \"%s\" is marked NOT NULL in parent table", col->name);
    }
    TRY(put_not_null(d, rel, col, false));
    return how.recurse ? alter_children(d, rel, c, alter_drop_not_null) : QN_OK;
}

/* ---- DROP EXPRESSION ---- */

Status
alter_drop_expression(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const Column *col;
    RelDef *def;
    if (!how.recurse && rel->nchildren > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "ALTER TABLE / DROP EXPRESSION must be applied to child tables too");
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    if (!how.recursing && col->inh_count > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot drop generation expression from inherited column");
    if (col->generated == '\0') {
        if (!c->missing_ok)
            return RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "column \"%s\" of relation \"%s\" is not a stored generated column",
                         col->name, rel->name);
        ctx_notice(ctx, "NOTICE", QN_OK, "column \"%s\" of relation \"%s\" is not a stored generated column, skipping", col->name, rel->name);
        return QN_OK;
    }
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->cols[col->attnum - 1].col.generated = '\0';
    def->cols[col->attnum - 1].col.default_sql = NULL;
    TRY(ddl_put_relation(ctx, def));
    return alter_children(d, rel, c, alter_drop_expression);
}

/* ---- identity ---- */

static Status
raise_state(Ddl *d, const Relation *rel, const Column *col, const char *what)
{
    return RAISE(d->ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "column \"%s\" of relation \"%s\" %s", col->name, rel->name, what);
}

Status
alter_add_identity(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const Column *col;
    const Constraint *k = AST_AS(Constraint, c->def);
    ColumnExtra extra = {.identity = k};
    RelDef *def;
    (void)how;
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    if (col->type != TYPE_INT2 && col->type != TYPE_INT4 && col->type != TYPE_INT8)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "identity column type must be smallint, integer, or bigint");
    if (!col->not_null) return raise_state(d, rel, col, "must be declared NOT NULL before identity can be added");
    if (col->identity != '\0') return raise_state(d, rel, col, "is already an identity column");
    if (col->default_sql != NULL) return raise_state(d, rel, col, "already has a default value");
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    ColDef *cd = &def->cols[col->attnum - 1];
    TRY(ddl_column_default(d, def, cd, &extra));
    cd->col.identity = k->generated_when == AST_GENERATED_ALWAYS ? 'a' : 'd';
    return ddl_put_relation(ctx, def);
}

/* The sequence behind an identity column. */
static Status
identity_sequence(Ddl *d, const Relation *rel, const Column *col, RelDef **out)
{
    Oid *list;
    int n;
    TRY(ddl_owned_sequences(d->ctx, rel->oid, &list, &n));
    for (int i = 0; i < n; i++) {
        TRY(ddl_edit_relation(d->ctx, d->arena, list[i], out));
        if ((*out)->sequence->is_identity && (*out)->sequence->owner_attnum == col->attnum) return QN_OK;
    }
    return RAISE_INTERNAL(d->ctx, "identity column \"%s\" has no sequence", col->name);
}

Status
alter_set_identity(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const Column *col;
    const DefElem *generated = NULL;
    AstList options = {0};
    RelDef *def, *seq;
    (void)how;
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    if (col->identity == '\0') return raise_state(d, rel, col, "is not an identity column");
    for (int i = 0; i < c->options.count; i++) {
        DefElem *o = AST_AS(DefElem, c->options.items[i]);
        if (strcmp(o->name, "generated") != 0) {
            TRY(ast_list_push(ctx, d->arena, &options, &o->base));
            continue;
        }
        if (generated != NULL) return err_position(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "conflicting or redundant options"), o->loc);
        generated = o;
    }
    if (options.count > 0) {
        TRY(identity_sequence(d, rel, col, &seq));
        TRY(ddl_change_sequence(d, seq, &options));
    }
    if (generated == NULL) return QN_OK;
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->cols[col->attnum - 1].col.identity = AST_AS(A_Const, generated->arg)->ival == AST_GENERATED_ALWAYS ? 'a' : 'd';
    return ddl_put_relation(ctx, def);
}

Status
alter_drop_identity(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const Column *col;
    RelDef *def, *seq;
    (void)how;
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    if (col->identity == '\0') {
        if (!c->missing_ok) return raise_state(d, rel, col, "is not an identity column");
        ctx_notice(ctx, "NOTICE", QN_OK, "column \"%s\" of relation \"%s\" is not an identity column, skipping", col->name, rel->name);
        return QN_OK;
    }
    TRY(identity_sequence(d, rel, col, &seq));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->cols[col->attnum - 1].col.identity = '\0';
    def->cols[col->attnum - 1].col.default_sql = NULL;
    int n = 0;
    for (int i = 0; i < def->ndeps; i++)
        if (def->deps[i].attnum != col->attnum) def->deps[n++] = def->deps[i];
    def->ndeps = n;
    TRY(ddl_put_relation(ctx, def));
    DropTarget t = {.kind = OBJ_RELATION, .oid = seq->oid};
    return ddl_drop(ctx, &t, 1, false);
}
