/* ddl_typed.c - typed tables: CREATE TABLE ... OF type, ALTER TABLE ... OF, and the tables that follow when the type's attributes change. */
#include "session/ddl_alter.h"

static Status
composite_relation(Ddl *d, const TypeName *name, Oid *type_out, const Relation **out)
{
    TRY(ddl_find_type(d, &name->names, type_out));
    Oid rel = catalog_type_relation(d->ctx, *type_out);
    *out = NULL;
    if (rel != INVALID_OID) TRY(catalog_relation_by_oid(d->ctx, rel, out));
    if (*out != NULL && (*out)->kind == RELKIND_COMPOSITE) return QN_OK;
    const char *text;
    TRY(type_format(d->ctx, d->arena, *type_out, -1, &text));
    return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "type %s is not a composite type", text);
}

/* The table goes when the type goes. */
static Status
add_type_dep(Ddl *d, RelDef *def, Oid rel)
{
    ObjDep *deps;
    TRY_ALLOC(d->ctx, deps, ARENA_ARRAY(d->arena, ObjDep, def->ndeps + 1));
    if (def->ndeps > 0) memcpy(deps, def->deps, (size_t)def->ndeps * sizeof(ObjDep));
    deps[def->ndeps++] = (ObjDep){.ref = rel};
    def->deps = deps;
    return QN_OK;
}

/* ---- CREATE TABLE ... OF ---- */

Status
ddl_typed_begin(NewTable *t, const TypeName *name)
{
    const Relation *type;
    TRY(composite_relation(t->d, name, &t->def->of_type, &type));
    for (int i = 0; i < type->ncols; i++) {
        ColumnExtra extra = {0};
        if (type->cols[i].dropped) continue;
        ColDef col = {.col = type->cols[i], .missing = value_null(type->cols[i].type)};
        col.col.inherited_only = true; /* until its options have been merged in */
        TRY(ddl_push_column(t, &col, &extra, 0));
    }
    return add_type_dep(t->d, t->def, type->oid);
}

void
ddl_typed_settle(NewTable *t)
{
    for (int i = 0; i < t->def->ncols; i++) t->def->cols[i].col.inherited_only = false;
}

/* ---- ALTER TABLE ... OF, NOT OF ---- */

/* The table has the type's attributes, in order, and nothing else. */
static Status
check_shape(Ddl *d, const Relation *rel, const Relation *type)
{
    Ctx *ctx = d->ctx;
    int at = 0;
    for (int i = 0; i < type->ncols; i++) {
        const Column *a = &type->cols[i];
        if (a->dropped) continue;
        while (at < rel->ncols && rel->cols[at].dropped) at++;
        if (at == rel->ncols) return RAISE(ctx, ERR_DATATYPE_MISMATCH, "table is missing column \"%s\"", a->name);
        const Column *c = &rel->cols[at++];
        if (strcmp(c->name, a->name) != 0)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "table has column \"%s\" where type requires \"%s\"", c->name, a->name);
        if (c->type != a->type || c->typmod != a->typmod || c->collation != a->collation)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "table \"%s\" has different type for column \"%s\"", rel->name, a->name);
    }
    while (at < rel->ncols && rel->cols[at].dropped) at++;
    if (at < rel->ncols) return RAISE(ctx, ERR_DATATYPE_MISMATCH, "table has extra column \"%s\"", rel->cols[at].name);
    return QN_OK;
}

static void
drop_type_dep(RelDef *def)
{
    int n = 0;
    for (int i = 0; i < def->ndeps; i++)
        if (def->deps[i].attnum != 0) def->deps[n++] = def->deps[i];
    def->ndeps = n;
    def->of_type = INVALID_OID;
}

Status
alter_add_of(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    const Relation *type;
    RelDef *def;
    Oid oid;
    (void)how;
    TRY(composite_relation(d, AST_AS(TypeName, c->def), &oid, &type));
    if (rel->nparents > 0) return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "typed tables cannot inherit");
    TRY(check_shape(d, rel, type));
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    drop_type_dep(def);
    def->of_type = oid;
    TRY(add_type_dep(d, def, type->oid));
    return ddl_put_relation(d->ctx, def);
}

Status
alter_drop_of(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    RelDef *def;
    (void)c;
    (void)how;
    if (rel->of_type == INVALID_OID) return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a typed table", rel->name);
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    drop_type_dep(def);
    return ddl_put_relation(d->ctx, def);
}

/* ---- the tables of a type ---- */

Status
ddl_typed_tables(Ddl *d, const Relation *type, AstDropBehavior behavior, Oid **out, int *n_out)
{
    Oid *all;
    int n, kept = 0;
    TRY(ddl_relations_using(d->ctx, type->oid, &all, &n));
    for (int i = 0; i < n; i++) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(d->ctx, all[i], &rel));
        if (rel->of_type == INVALID_OID || catalog_type_relation(d->ctx, rel->of_type) != type->oid) continue;
        TRY(lock_relation(d->ctx, rel->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, rel->name));
        all[kept++] = rel->oid;
    }
    *out = all;
    *n_out = kept;
    if (kept == 0 || behavior == AST_DROP_CASCADE) return QN_OK;
    return err_hint(d->ctx, RAISE(d->ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST, "cannot alter type \"%s\" because it is the type of a typed table", type->name),
                    "Use ALTER ... CASCADE to alter the typed tables too.");
}

Status
ddl_alter_typed_tables(Ddl *d, const Relation *type, const AlterTableCmd *c)
{
    Oid *tables;
    int n;
    AlterTableCmd cmd = *c;
    Ast *one = &cmd.base;
    AlterTableStmt stmt = {.base = {AST_AlterTableStmt}, .cmds = {.items = &one, .count = 1, .cap = 1}};
    AlterHow how = {.recurse = true, .of_type = true};
    TRY(ddl_typed_tables(d, type, c->behavior, &tables, &n));
    for (int i = 0; i < n; i++) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(d->ctx, tables[i], &rel));
        if (c->kind == AST_AT_ADD_COLUMN) TRY(alter_add_column(d, rel, c, how));
        if (c->kind == AST_AT_DROP_COLUMN) TRY(alter_drop_column(d, rel, c, how));
        if (c->kind == AST_AT_ALTER_COLUMN_TYPE) TRY(alter_types(d, rel, &stmt, how));
    }
    return QN_OK;
}
