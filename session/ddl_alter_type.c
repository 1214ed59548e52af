/* ddl_alter_type.c - ALTER COLUMN ... TYPE: new types for columns, their rows written anew, and what must not depend on them. */
#include "session/ddl_alter.h"

#include "planner/planner.h"
#include "planner/resolve.h"

static Status
refuse_generated_users(Ddl *d, const Relation *rel, const Column *col)
{
    for (int i = 0; i < rel->ncols; i++) {
        const Column *g = &rel->cols[i];
        bool uses;
        if (g->dropped || g->generated == '\0' || g == col) continue;
        TRY(alter_mentions(d, g->default_sql, col->name, &uses));
        if (uses)
            return err_detail(d->ctx, RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot alter type of a column used by a generated column"),
                              "Column \"%s\" is used by generated column \"%s\".", col->name, g->name);
    }
    return QN_OK;
}

static Status
refuse_view_users(Ddl *d, const Relation *rel, const Column *col)
{
    const char *view;
    TRY(ddl_view_that_reads(d->ctx, rel->oid, col->attnum, &view));
    if (view == NULL) return QN_OK;
    return err_detail(d->ctx, RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot alter type of a column used by a view or rule"),
                      "rule _RETURN on %s depends on column \"%s\"", view, col->name);
}

static Status
column_as_ast(Ddl *d, const char *name, Ast **out)
{
    ColumnRef *ref;
    StringNode *s;
    TRY_ALLOC(d->ctx, ref, AST_NEW(d->arena, ColumnRef));
    TRY_ALLOC(d->ctx, s, AST_NEW(d->arena, StringNode));
    s->str = name;
    TRY(ast_list_push(d->ctx, d->arena, &ref->fields, &s->base));
    *out = &ref->base;
    return QN_OK;
}

/* The value of the column in its new type: USING, or the old one. */
static Status
new_value(Ddl *d, const Relation *rel, const Column *col, const ColumnDef *ast, Oid type, Ast **out)
{
    Ctx *ctx = d->ctx;
    const Ast *using = ast->constraints.count > 0 ? AST_AS(Constraint, ast->constraints.items[0])->expr : NULL;
    const char *name = type_info(type)->sql_name;
    Expr *e;
    if (using != NULL && col->generated != '\0')
        return err_detail(ctx, RAISE(ctx, ERR_INVALID_COLUMN_DEFINITION, "cannot specify USING when altering type of generated column"),
                          "Column \"%s\" is a generated column.", col->name);
    *out = (Ast *)using;
    if (using == NULL) TRY(column_as_ast(d, col->name, out));
    TRY(plan_expression(ctx, d->arena, d->sql, *out, rel, 0, -1, &e));
    if (coerce_possible(1, &e->type, &type, CAST_ASSIGNMENT)) return QN_OK;
    if (using != NULL)
        return err_hint(ctx, RAISE(ctx, ERR_DATATYPE_MISMATCH, "result of USING clause for column \"%s\" cannot be cast automatically to type %s",
                                   col->name, name), "You might need to add an explicit cast.");
    return err_hint(ctx, RAISE(ctx, ERR_DATATYPE_MISMATCH, "column \"%s\" cannot be cast automatically to type %s", col->name, name),
                    "You might need to specify \"USING %s::%s\".", col->name, name);
}

/* A default must become the new type by itself. */
static Status
check_default(Ddl *d, const Column *col, Oid type)
{
    Ast *ast;
    Expr *e;
    if (col->default_sql == NULL || col->generated != '\0') return QN_OK;
    TRY(alter_parse_expr(d, col->default_sql, &ast));
    TRY(plan_expression(d->ctx, d->arena, d->sql, ast, NULL, 0, -1, &e));
    Oid from = col->type; /* it is stored as one of the old type */
    if (e->type == type || coerce_possible(1, &from, &type, CAST_ASSIGNMENT)) return QN_OK;
    return RAISE(d->ctx, ERR_DATATYPE_MISMATCH, "default for column \"%s\" cannot be cast automatically to type %s", col->name,
                 type_info(type)->sql_name);
}

static Status
change_identity_sequence(Ddl *d, const Relation *rel, const Column *col, Oid type)
{
    Oid *list;
    int n;
    if (col->identity == '\0' || type == col->type) return QN_OK;
    if (type != TYPE_INT2 && type != TYPE_INT4 && type != TYPE_INT8)
        return RAISE(d->ctx, ERR_INVALID_PARAMETER_VALUE, "identity column type must be smallint, integer, or bigint");
    TRY(ddl_owned_sequences(d->ctx, rel->oid, &list, &n));
    for (int i = 0; i < n; i++) {
        RelDef *seq;
        TRY(ddl_edit_relation(d->ctx, d->arena, list[i], &seq));
        SeqDef *s = seq->sequence, old, fresh;
        if (!s->is_identity || s->owner_attnum != col->attnum) continue;
        TRY(ddl_sequence_defaults(&old, s->type));
        TRY(ddl_sequence_defaults(&fresh, type));
        if (s->max == old.max) s->max = fresh.max;
        if (s->min == old.min) s->min = fresh.min;
        s->type = type;
        TRY(ddl_put_relation(d->ctx, seq));
    }
    return QN_OK;
}

static Status
change_column(Ddl *d, const Relation *rel, const AlterTableCmd *c, RelDef *def, const Ast **values, bool recursing)
{
    Ctx *ctx = d->ctx;
    const ColumnDef *ast = AST_AS(ColumnDef, c->def);
    const Column *col;
    ColDef made;
    ColumnExtra extra;
    ColumnDef plain = {.base = {AST_ColumnDef}, .name = c->name, .type = ast->type, .collate = ast->collate};
    Ast *value;
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    if (!recursing && col->inh_count > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot alter inherited column \"%s\"", col->name);
    TRY(alter_refuse_partition_key(d, rel, col, "alter"));
    TRY(ddl_make_column(d, rel->name, &plain, &made, &extra));
    TRY(new_value(d, rel, col, ast, made.col.type, &value));
    TRY(refuse_generated_users(d, rel, col));
    TRY(refuse_view_users(d, rel, col));
    TRY(check_default(d, col, made.col.type));
    TRY(change_identity_sequence(d, rel, col, made.col.type));
    if (values[col->attnum - 1] != NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot alter type of column \"%s\" twice", col->name);
    values[col->attnum - 1] = value;
    Column *to = &def->cols[col->attnum - 1].col;
    to->type = made.col.type;
    to->typmod = made.col.typmod;
    to->collation = made.col.collation;
    return QN_OK;
}

/* What was promised about the old values must hold for the new ones. */
static Status
check_again(Ddl *d, const Relation *rel, const Ast *const *values)
{
    for (int i = 0; i < rel->nconstraints; i++) {
        const RelConstraint *c = rel->constraints[i];
        bool touched = false;
        for (int k = 0; k < c->nkeys; k++) touched |= values[c->attnums[k] - 1] != NULL;
        if (!touched) continue;
        if (c->kind == CONSTRAINT_CHECK && c->validated) TRY(ddl_validate_check(d, rel, c));
        if (c->kind != CONSTRAINT_FOREIGN) continue;
        const Relation *ref;
        TRY(catalog_relation_by_oid(d->ctx, c->ref_rel_oid, &ref));
        TRY(ddl_check_foreign_types(d, rel, ref, c));
        if (c->validated) TRY(ddl_validate_foreign(d, rel, ref, c));
    }
    for (int i = 0; i < rel->nreferenced_by; i++) {
        const RelConstraint *c = rel->referenced_by[i];
        const Relation *other;
        TRY(catalog_relation_by_oid(d->ctx, c->rel_oid, &other));
        TRY(ddl_check_foreign_types(d, other, rel, c));
    }
    return QN_OK;
}

static Status
change_table(Ddl *d, const Relation *rel, const AlterTableStmt *a, bool recursing)
{
    RelDef *def;
    const Ast **values;
    Oid oid = rel->oid;
    TRY(ddl_refuse_row_type_columns(d->ctx, oid, rel->name, false));
    TRY(ddl_edit_relation(d->ctx, d->arena, oid, &def));
    TRY_ALLOC(d->ctx, values, ARENA_ARRAY(d->arena, const Ast *, def->ncols + 1));
    for (int i = 0; i < a->cmds.count; i++) {
        const AlterTableCmd *c = AST_AS(AlterTableCmd, a->cmds.items[i]);
        if (c->kind == AST_AT_ALTER_COLUMN_TYPE) TRY(change_column(d, rel, c, def, values, recursing));
    }
    if (rel->heap == NULL) TRY(ddl_put_relation(d->ctx, def));
    else TRY(ddl_rewrite_table(d, rel, def, values));
    TRY(catalog_relation_by_oid(d->ctx, oid, &rel));
    return check_again(d, rel, values);
}

/* A column that a table outside the family hands down as well cannot change here alone. */
static Status
check_other_parents(Ddl *d, const Relation *child, const char *name, const Relation *root, const Relation *const *family, int n)
{
    const Column *c = relation_column(child, name);
    int inside = 0;
    for (int i = 0; i < child->nparents; i++) {
        Oid parent = child->parents[i]->parent_oid;
        inside += parent == root->oid;
        for (int k = 0; k < n; k++) inside += parent == family[k]->oid;
    }
    if (c == NULL || c->inh_count <= inside) return QN_OK;
    return RAISE(d->ctx, ERR_INVALID_TABLE_DEFINITION, "cannot alter inherited column \"%s\" of relation \"%s\"", name, child->name);
}

Status
alter_types(Ddl *d, const Relation *rel, const AlterTableStmt *a, AlterHow how)
{
    const Relation **family;
    const char *name = NULL;
    int n;
    for (int i = 0; i < a->cmds.count && name == NULL; i++) {
        const AlterTableCmd *c = AST_AS(AlterTableCmd, a->cmds.items[i]);
        if (c->kind == AST_AT_ALTER_COLUMN_TYPE) name = c->name;
    }
    if (name == NULL) return QN_OK;
    if (rel->of_type != INVALID_OID && !how.of_type) return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "cannot alter column type of typed table");
    TRY(ddl_children(d, rel, true, &family, &n));
    if (n > 0 && !how.recurse)
        return RAISE(d->ctx, ERR_INVALID_TABLE_DEFINITION, "type of inherited column \"%s\" must be changed in child tables too", name);
    for (int i = 0; i < n; i++) TRY(check_other_parents(d, family[i], name, rel, family, n));
    TRY(change_table(d, rel, a, false));
    for (int i = 0; i < n; i++) TRY(change_table(d, family[i], a, true));
    return QN_OK;
}
