/* ddl_rename.c - ALTER ... RENAME, ALTER ... SET SCHEMA: names, and the stored texts that hold them. */
#include "parser/deparse.h"
#include "session/ddl_alter.h"

/* ---- columns ---- */

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
    TRY(alter_parse_expr(d, *text, &expr));
    TRY(deparse_expr(d->ctx, expr, &hook, &b));
    TRY(strbuf_finish(d->ctx, &b, &out, NULL));
    *text = out;
    return QN_OK;
}

/* Expressions and predicates of indexes; the table has the new name already. */
static Status
rename_in_indexes(Ddl *d, const Relation *rel, const ColumnRename *r)
{
    const Relation *now;
    TRY(catalog_relation_by_oid(d->ctx, rel->oid, &now));
    for (int i = 0; i < rel->nindexes; i++) {
        IndexDef ix = *rel->indexes[i];
        const char **exprs;
        if (index_is_plain(&ix)) continue;
        TRY_ALLOC(d->ctx, exprs, arena_memdup(d->arena, ix.exprs, (size_t)ix.ncols * sizeof(char *)));
        for (int k = 0; k < ix.ncols; k++) TRY(rename_in(d, r, &exprs[k]));
        ix.exprs = exprs;
        TRY(rename_in(d, r, &ix.predicate));
        TRY(ddl_rebind_index(d, now, &ix));
        TRY(ddl_put_index(d->ctx, rel->schema_oid, &ix));
    }
    return QN_OK;
}

static Status
put_column_name(Ddl *d, const Relation *rel, const Column *col, const char *name)
{
    Ctx *ctx = d->ctx;
    ColumnRename r = {.from = col->name, .to = name};
    Renaming renaming = {.oid = rel->oid, .attnum = col->attnum, .old_name = col->name, .name = name};
    ViewEdits views;
    RelDef *def;
    TRY(ddl_edit_views(d, &renaming, &views));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->cols[col->attnum - 1].col.name = name;
    for (int i = 0; i < def->ncols; i++)
        if (def->cols[i].col.generated != '\0') TRY(rename_in(d, &r, &def->cols[i].col.default_sql));
    if (def->partition_key != NULL) {
        const char **exprs = (const char **)def->partition_key->exprs; /* unpacked for us alone */
        for (int i = 0; i < def->partition_key->nkeys; i++) TRY(rename_in(d, &r, &exprs[i]));
    }
    TRY(ddl_put_relation(ctx, def));
    TRY(rename_in_indexes(d, rel, &r));
    for (int i = 0; i < rel->nconstraints; i++) {
        RelConstraint c = *rel->constraints[i];
        if (c.kind != CONSTRAINT_CHECK) continue;
        TRY(rename_in(d, &r, &c.check_sql));
        TRY(ddl_create_constraint(ctx, &c));
    }
    return ddl_put_views(d, &views);
}

/* How many of the table's parents are among these. */
static int
parents_among(const Relation *rel, const Relation *root, const Relation *const *family, int n)
{
    int count = 0;
    for (int i = 0; i < rel->nparents; i++) {
        count += rel->parents[i]->parent_oid == root->oid;
        for (int k = 0; k < n; k++) count += rel->parents[i]->parent_oid == family[k]->oid;
    }
    return count;
}

/* nparents: tables that hand the column down and rename it too. */
static Status
check_rename(Ddl *d, const Relation *rel, const RenameStmt *s, int nparents)
{
    Ctx *ctx = d->ctx;
    const Column *col = relation_column(rel, s->subname);
    if (col == NULL && ddl_is_system_column(s->subname))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot rename system column \"%s\"", s->subname);
    if (col == NULL) return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", s->subname);
    if (col->inh_count > nparents) return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot rename inherited column \"%s\"", s->subname);
    if (ddl_is_system_column(s->newname))
        return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column name \"%s\" conflicts with a system column name", s->newname);
    if (relation_column(rel, s->newname) != NULL)
        return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists", s->newname, rel->name);
    return QN_OK;
}

static Status
rename_column(Ddl *d, const Relation *rel, const RenameStmt *s, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const Relation **family;
    int n;
    TRY(ddl_children(d, rel, true, &family, &n));
    if (!how.recurse && n > 0 && relation_column(rel, s->subname) != NULL)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "inherited column \"%s\" must be renamed in child tables too", s->subname);
    TRY(check_rename(d, rel, s, 0));
    for (int i = 0; i < n; i++) TRY(check_rename(d, family[i], s, parents_among(family[i], rel, family, n)));
    for (int i = -1; i < n; i++) {
        const Relation *at;
        TRY(catalog_relation_by_oid(ctx, i < 0 ? rel->oid : family[i]->oid, &at));
        TRY(put_column_name(d, at, relation_column(at, s->subname), s->newname));
    }
    return QN_OK;
}

Status
ddl_rename_column(Ddl *d, const Relation *rel, const RenameStmt *s)
{
    return rename_column(d, rel, s, (AlterHow){.recurse = true, .of_type = true});
}

/* ---- constraints ---- */

static Status
put_constraint_name(Ddl *d, const Relation *rel, const RelConstraint *k, const char *name)
{
    Ctx *ctx = d->ctx;
    RelConstraint c = *k;
    c.name = name;
    if (c.kind == CONSTRAINT_PRIMARY || c.kind == CONSTRAINT_UNIQUE) {
        bool skip;
        TRY(ddl_claim_name(ctx, rel->schema_oid, name, false, &skip));
        IndexDef ix = *relation_index_by_oid(rel, c.index_oid);
        ix.name = name;
        TRY(ddl_put_index(ctx, rel->schema_oid, &ix));
    }
    return ddl_create_constraint(ctx, &c);
}

static Status
rename_constraint(Ddl *d, const Relation *rel, const RenameStmt *s, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const RelConstraint *k = relation_constraint(rel, s->subname);
    const Relation **list;
    int n;
    if (k == NULL)
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist", s->subname, rel->name);
    if (relation_constraint(rel, s->newname) != NULL)
        return RAISE(ctx, ERR_DUPLICATE_OBJECT, "constraint \"%s\" for relation \"%s\" already exists", s->newname, rel->name);
    if (k->kind != CONSTRAINT_CHECK || k->no_inherit) return put_constraint_name(d, rel, k, s->newname);
    TRY(ddl_children(d, rel, true, &list, &n));
    if (!how.recurse && n > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "inherited constraint \"%s\" must be renamed in child tables too", s->subname);
    if (k->inh_count > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot rename inherited constraint \"%s\"", s->subname);
    TRY(put_constraint_name(d, rel, k, s->newname));
    for (int i = 0; i < n; i++) {
        const RelConstraint *c = relation_constraint(list[i], s->subname);
        if (c != NULL && c->kind == CONSTRAINT_CHECK && c->inh_count > 0) TRY(put_constraint_name(d, list[i], c, s->newname));
    }
    return QN_OK;
}

/* ---- relations ---- */

static Status
rename_index(Ddl *d, const Relation *rel, const char *name)
{
    Ctx *ctx = d->ctx;
    IndexDef ix = *rel->indexes[0];
    const Relation *table;
    ix.name = name;
    TRY(ddl_put_index(ctx, rel->schema_oid, &ix));
    if (ix.constraint_oid == 0) return QN_OK;
    TRY(catalog_relation_by_oid(ctx, ix.rel_oid, &table));
    for (int i = 0; i < table->nconstraints; i++) {
        RelConstraint c = *table->constraints[i];
        if (c.oid != ix.constraint_oid) continue;
        c.name = name;
        return ddl_create_constraint(ctx, &c);
    }
    return QN_OK;
}

static Status
rename_relation(Ddl *d, const Relation *rel, const char *name)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    ViewEdits views;
    bool skip;
    Renaming r = {.oid = rel->oid, .old_name = rel->name, .name = name};
    TRY(ddl_claim_name(ctx, rel->schema_oid, name, false, &skip));
    if (rel->kind == RELKIND_INDEX || rel->kind == RELKIND_PARTITIONED_INDEX) return rename_index(d, rel, name);
    TRY(ddl_edit_views(d, &r, &views));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->name = name;
    TRY(ddl_put_relation(ctx, def));
    return ddl_put_views(d, &views);
}

static const char *
kinds_of(AstObjectKind kind)
{
    switch (kind) {
    case AST_OBJECT_INDEX: return "iI";
    case AST_OBJECT_SEQUENCE: return "S";
    case AST_OBJECT_VIEW: return "v";
    case AST_OBJECT_MATVIEW: return "m";
    default: return "rpvSiIm";
    }
}

Status
ddl_run_rename(Ddl *d, const RenameStmt *s)
{
    const Relation *rel;
    if (ddl_is_routine_kind(s->kind))
        return ddl_rename_routine(d, s);
    bool part = s->kind == AST_OBJECT_COLUMN || s->kind == AST_OBJECT_TABCONSTRAINT;
    AstObjectKind kind = part ? s->relation_kind : s->kind;
    if (kind == AST_OBJECT_SCHEMA) return ddl_rename_schema(d, s);
    if (s->rel == NULL) return ddl_rename_object(d, s);
    const RangeVar *rv = AST_AS(RangeVar, s->rel);
    AlterHow how = {.recurse = !rv->only};
    /* ALTER INDEX and ALTER TABLE rename each other's. */
    TRY(ddl_open(d, rv, LOCK_ACCESS_EXCLUSIVE, !part && kind == AST_OBJECT_INDEX ? "rpvSiI" : kinds_of(kind), s->missing_ok, &rel));
    if (rel == NULL) return QN_OK;
    if (s->kind == AST_OBJECT_COLUMN && rel->of_type != INVALID_OID)
        return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "cannot rename column of typed table");
    if (s->kind == AST_OBJECT_COLUMN) return rename_column(d, rel, s, how);
    if (s->kind == AST_OBJECT_TABCONSTRAINT) return rename_constraint(d, rel, s, how);
    return rename_relation(d, rel, s->newname);
}

/* ---- SET SCHEMA ---- */

static Status
move_relation(Ddl *d, const Relation *rel, Oid schema)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    bool skip;
    TRY(ddl_claim_name(ctx, schema, rel->name, false, &skip));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->schema_oid = schema;
    TRY(ddl_put_relation(ctx, def));
    for (int i = 0; i < rel->nindexes; i++) TRY(ddl_put_index(ctx, schema, rel->indexes[i]));
    return QN_OK;
}

Status
ddl_run_set_schema(Ddl *d, const AlterObjectSchemaStmt *s)
{
    Ctx *ctx = d->ctx;
    const Relation *rel;
    ViewEdits views;
    Oid schema, *owned;
    int nowned;
    if (ddl_is_routine_kind(s->kind))
        return ddl_routine_schema(d, s);
    if (s->rel == NULL) return ddl_object_schema(d, s);
    TRY(ddl_open(d, AST_AS(RangeVar, s->rel), LOCK_ACCESS_EXCLUSIVE, kinds_of(s->kind), s->missing_ok, &rel));
    if (rel == NULL) return QN_OK;
    schema = catalog_schema_oid(ctx, s->new_schema);
    if (schema == INVALID_OID) return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", s->new_schema);
    if (rel->kind == RELKIND_INDEX || rel->kind == RELKIND_PARTITIONED_INDEX)
        return err_hint(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot change schema of index \"%s\"", rel->name),
                        "Change the schema of the table instead.");
    if (rel->sequence != NULL && rel->sequence->owner_oid != INVALID_OID)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot move an owned sequence into another schema");
    if (schema == rel->schema_oid) return QN_OK;
    Renaming r = {.oid = rel->oid, .old_name = rel->name, .name = rel->name, .schema = s->new_schema};
    TRY(ddl_edit_views(d, &r, &views));
    TRY(move_relation(d, rel, schema));
    TRY(ddl_owned_sequences(ctx, rel->oid, &owned, &nowned));
    for (int i = 0; i < nowned; i++) {
        const Relation *seq;
        TRY(catalog_relation_by_oid(ctx, owned[i], &seq));
        TRY(move_relation(d, seq, schema));
    }
    return ddl_put_views(d, &views);
}
