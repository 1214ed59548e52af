/* ddl_inherit.c - table inheritance: what a new table takes over from its parents, and making or cutting the bond later. */
#include "session/ddl.h"

/* ---- the family ---- */

static Status
add_family(Ddl *d, const Relation *rel, const Relation **list, int *n)
{
    for (int i = 0; i < rel->nchildren; i++) {
        const Relation *child;
        Oid oid = rel->children[i]->child_oid;
        bool there = false;
        for (int k = 0; k < *n; k++) there |= list[k]->oid == oid;
        if (there) continue;
        TRY(lock_relation(d->ctx, oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL));
        TRY(catalog_relation_by_oid(d->ctx, oid, &child));
        if (child != NULL) list[(*n)++] = child;
    }
    return QN_OK;
}

Status
ddl_children(Ddl *d, const Relation *rel, bool all, const Relation ***out, int *n_out)
{
    const Relation **list;
    int n = 0, cap = rel->nchildren;
    TRY_ALLOC(d->ctx, list, ARENA_ARRAY(d->arena, const Relation *, cap + 1));
    TRY(add_family(d, rel, list, &n));
    for (int i = 0; all && i < n; i++) {
        if (list[i]->nchildren == 0) continue;
        const Relation **longer;
        cap += list[i]->nchildren;
        TRY_ALLOC(d->ctx, longer, ARENA_ARRAY(d->arena, const Relation *, cap + 1));
        memcpy(longer, list, (size_t)n * sizeof(*list));
        list = longer;
        TRY(add_family(d, list[i], list, &n));
    }
    *out = list;
    *n_out = n;
    return QN_OK;
}

/* ---- columns of a new table ---- */

static int
find_new_column(const NewTable *t, const char *name)
{
    for (int i = 0; i < t->def->ncols; i++)
        if (strcmp(t->def->cols[i].col.name, name) == 0) return i;
    return -1;
}

static Status
check_same_type(NewTable *t, const Column *a, const Column *b, const char *what)
{
    Ctx *ctx = t->d->ctx;
    const char *ta, *tb;
    if (a->type == b->type && a->typmod == b->typmod) return QN_OK;
    TRY(type_format(ctx, t->d->arena, a->type, a->typmod, &ta));
    TRY(type_format(ctx, t->d->arena, b->type, b->typmod, &tb));
    return err_detail(ctx, RAISE(ctx, ERR_DATATYPE_MISMATCH, "%s \"%s\" has a type conflict", what, a->name), "%s versus %s", ta, tb);
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A second parent has a column that the first one brought. */
static Status
merge_parents(NewTable *t, int i, const Column *c)
{
    Ctx *ctx = t->d->ctx;
    Column *have = &t->def->cols[i].col;
    ctx_notice(ctx, "NOTICE", QN_OK, "merging multiple inherited definitions of column \"%s\"", c->name);
    TRY(check_same_type(t, have, c, "inherited column"));
    if (have->collation != c->collation)
        return RAISE(ctx, ERR_COLLATION_MISMATCH, "inherited column \"%s\" has a collation conflict", c->name);
    if (have->generated != c->generated)
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "inherited column \"%s\" has a generation conflict", c->name);
    have->inh_count++;
    have->not_null |= c->not_null;
    if (c->default_sql == NULL || c->identity != '\0') return QN_OK;
    if (have->default_sql == NULL) have->default_sql = c->default_sql;
    else if (!same_text(have->default_sql, c->default_sql)) t->extras[i].default_conflict = true;
    return QN_OK;
}

static Status
take_columns(NewTable *t, const Relation *parent)
{
    for (int i = 0; i < parent->ncols; i++) {
        const Column *c = &parent->cols[i];
        if (c->dropped) continue;
        int at = find_new_column(t, c->name);
        if (at >= 0) {
            TRY(merge_parents(t, at, c));
            continue;
        }
        ColDef col = {.col = *c, .missing = value_null(c->type)};
        ColumnExtra extra = {0};
        col.col.stats = NULL;
        col.col.inherited_only = true;
        col.col.inh_count = 1;
        if (c->identity != '\0') col.col.default_sql = NULL; /* the sequence stays the parent's own */
        col.col.identity = '\0';
        TRY(ddl_push_column(t, &col, &extra, 0));
    }
    return QN_OK;
}

Status
ddl_inherit_merge_column(NewTable *t, const ColDef *col, const ColumnExtra *extra, bool *merged_out)
{
    Ctx *ctx = t->d->ctx;
    const Column *c = &col->col;
    int i = find_new_column(t, c->name);
    *merged_out = i >= 0 && t->def->cols[i].col.inherited_only;
    if (!*merged_out) return QN_OK;
    Column *have = &t->def->cols[i].col;
    if (extra->ast == NULL || extra->ast->type != NULL)
        ctx_notice(ctx, "NOTICE", QN_OK, "merging column \"%s\" with inherited definition", c->name);
    have->inherited_only = false;
    TRY(check_same_type(t, have, c, "column"));
    if (have->collation != c->collation)
        return RAISE(ctx, ERR_COLLATION_MISMATCH, "column \"%s\" has a collation conflict", c->name);
    if (have->generated != '\0' && extra->generated != NULL)
        return err_hint(ctx, RAISE(ctx, ERR_INVALID_COLUMN_DEFINITION, "child column \"%s\" specifies generation expression", c->name),
                        "Omit the generation expression in the definition of the child table column to inherit the generation "
                        "expression from the parent table.");
    if (have->generated != '\0' && extra->dflt != NULL)
        return RAISE(ctx, ERR_INVALID_COLUMN_DEFINITION, "column \"%s\" inherits from generated column but specifies default", c->name);
    if (have->generated != '\0' && extra->identity != NULL)
        return RAISE(ctx, ERR_INVALID_COLUMN_DEFINITION, "column \"%s\" inherits from generated column but specifies identity", c->name);
    have->not_null |= c->not_null;
    have->identity = c->identity;
    ColumnExtra *e = &t->extras[i];
    bool conflict = e->default_conflict && extra->dflt == NULL && extra->generated == NULL;
    if (extra->generated != NULL) have->default_sql = NULL;
    *e = *extra;
    e->default_conflict = conflict;
    return QN_OK;
}

/* ---- constraints of a new table ---- */

static Status
take_checks(NewTable *t, const Relation *parent)
{
    Ctx *ctx = t->d->ctx;
    for (int i = 0; i < parent->nconstraints; i++) {
        const RelConstraint *c = parent->constraints[i];
        RelConstraint *have = NULL;
        if (c->kind != CONSTRAINT_CHECK || c->no_inherit) continue;
        for (int k = 0; k < t->inherited.count && have == NULL; k++)
            if (strcmp(t->inherited.items[k].name, c->name) == 0) have = &t->inherited.items[k];
        if (have != NULL && strcmp(have->check_sql, c->check_sql) != 0)
            return RAISE(ctx, ERR_DUPLICATE_OBJECT,
                         "check constraint name \"%s\" appears multiple times but with different expressions", c->name);
        if (have != NULL) {
            have->inh_count++;
            continue;
        }
        RelConstraint copy = *c;
        int *attnums;
        TRY_ALLOC(ctx, attnums, ARENA_ARRAY(t->d->arena, int, c->nkeys + 1));
        for (int k = 0; k < c->nkeys; k++) attnums[k] = find_new_column(t, parent->cols[c->attnums[k] - 1].name) + 1;
        copy.oid = INVALID_OID;
        copy.attnums = attnums;
        copy.inherited_only = true;
        copy.inh_count = 1;
        copy.validated = true;
        TRY(array_push(ctx, t->d->arena, &t->inherited, copy));
    }
    return QN_OK;
}

/* ---- CREATE TABLE ... INHERITS ---- */

static Status
open_parent(Ddl *d, const RangeVar *rv, LockMode mode, const Relation **out)
{
    Ctx *ctx = d->ctx;
    const Relation *r;
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, 0, &r));
    TRY(lock_relation(ctx, r->oid, mode, LOCK_WAIT, r->name));
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, 0, out));
    r = *out;
    if (r->kind == RELKIND_PARTITIONED)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot inherit from partitioned table \"%s\"", r->name);
    if (relation_bound(r) != NULL)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot inherit from partition \"%s\"", r->name);
    if (r->kind != RELKIND_TABLE)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "inherited relation \"%s\" is not a table or foreign table", r->name);
    if (r->oid < OID_FIRST_USER)
        return RAISE(ctx, ERR_INSUFFICIENT_PRIVILEGE, "permission denied: \"%s\" is a system catalog", r->name);
    return QN_OK;
}

Status
ddl_inherit_begin(NewTable *t, const AstList *parents)
{
    Ctx *ctx = t->d->ctx;
    for (int i = 0; i < parents->count; i++) {
        const Relation *r;
        TRY(open_parent(t->d, AST_AS(RangeVar, parents->items[i]), LOCK_SHARE_UPDATE_EXCLUSIVE, &r));
        if (r->persistence == 't' && t->def->persistence != 't')
            return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot inherit from temporary relation \"%s\"", r->name);
        for (int k = 0; k < t->parents.count; k++)
            if (t->parents.items[k]->oid == r->oid)
                return RAISE(ctx, ERR_DUPLICATE_TABLE, "relation \"%s\" would be inherited from more than once", r->name);
        TRY(array_push(ctx, t->d->arena, &t->parents, r));
    }
    for (int i = 0; i < t->parents.count; i++) TRY(take_columns(t, t->parents.items[i]));
    for (int i = 0; i < t->parents.count; i++) TRY(take_checks(t, t->parents.items[i]));
    return QN_OK;
}

Status
ddl_partition_begin(NewTable *t, const RangeVar *parent)
{
    Ctx *ctx = t->d->ctx;
    const Relation *r;
    TRY(catalog_relation_required(ctx, parent->schema, parent->name, 0, &r));
    TRY(lock_relation(ctx, r->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, r->name));
    TRY(catalog_relation_required(ctx, parent->schema, parent->name, 0, &r));
    if (r->kind != RELKIND_PARTITIONED) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "\"%s\" is not partitioned", r->name);
    if ((r->persistence == 't') != (t->def->persistence == 't'))
        return r->persistence == 't'
                   ? RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot create a permanent relation as partition of temporary relation \"%s\"", r->name)
                   : RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot create a temporary relation as partition of permanent relation \"%s\"", r->name);
    TRY(array_push(ctx, t->d->arena, &t->parents, r));
    TRY(take_columns(t, r));
    return take_checks(t, r);
}

Status
ddl_partition_column(NewTable *t, const ColumnDef *c)
{
    Ctx *ctx = t->d->ctx;
    int i = find_new_column(t, c->name);
    if (i < 0) return err_position(ctx, RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", c->name), c->loc);
    ColDef col = t->def->cols[i];
    ColumnExtra extra = {.ast = c};
    if (t->extras[i].ast != NULL)
        return err_position(ctx, RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" specified more than once", c->name), c->loc);
    bool not_null = col.col.not_null;
    TRY(ddl_column_constraints(t->d, t->def->name, c, &col, &extra));
    col.col.not_null |= not_null;
    bool merged;
    TRY(ddl_inherit_merge_column(t, &col, &extra, &merged));
    t->def->cols[i].col.inherited_only = true; /* a partition's columns are its table's */
    return QN_OK;
}

Status
ddl_inherit_settle(NewTable *t)
{
    for (int i = 0; i < t->def->ncols; i++)
        if (t->extras[i].default_conflict)
            return err_hint(t->d->ctx,
                            RAISE(t->d->ctx, ERR_INVALID_COLUMN_DEFINITION, "column \"%s\" inherits conflicting default values",
                                  t->def->cols[i].col.name),
                            "To resolve the conflict, specify a default explicitly.");
    return QN_OK;
}

Status
ddl_inherit_finish(NewTable *t)
{
    Ctx *ctx = t->d->ctx;
    for (int i = 0; i < t->parents.count; i++) {
        InheritLink link = {.parent_oid = t->parents.items[i]->oid, .child_oid = t->def->oid, .seq = i + 1, .bound = t->bound};
        TRY(ddl_put_inherit(ctx, &link));
    }
    for (int i = 0; i < t->inherited.count; i++) {
        t->inherited.items[i].rel_oid = t->def->oid;
        TRY(ddl_create_constraint(ctx, &t->inherited.items[i]));
    }
    return QN_OK;
}

/* ---- ALTER TABLE ... [NO] INHERIT ---- */

/* The child has each of the parent's columns, alike, and counts it as inherited from here on. */
static Status
adopt_columns(Ddl *d, const Relation *child, const Relation *parent)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    TRY(ddl_edit_relation(ctx, d->arena, child->oid, &def));
    for (int i = 0; i < parent->ncols; i++) {
        const Column *p = &parent->cols[i];
        if (p->dropped) continue;
        const Column *c = relation_column(child, p->name);
        if (c == NULL) return RAISE(ctx, ERR_DATATYPE_MISMATCH, "child table is missing column \"%s\"", p->name);
        if (c->type != p->type || c->typmod != p->typmod)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "child table \"%s\" has different type for column \"%s\"", child->name, p->name);
        if (c->collation != p->collation)
            return RAISE(ctx, ERR_COLLATION_MISMATCH, "child table \"%s\" has different collation for column \"%s\"", child->name, p->name);
        if (p->not_null && !c->not_null)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "column \"%s\" in child table must be marked NOT NULL", p->name);
        if (p->generated != '\0' && c->generated == '\0')
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "column \"%s\" in child table must be a generated column", p->name);
        if (c->generated != '\0' && p->generated != '\0' && strcmp(c->default_sql, p->default_sql) != 0)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "column \"%s\" in child table has a conflicting generation expression", p->name);
        def->cols[c->attnum - 1].col.inh_count++;
        if (parent->kind == RELKIND_PARTITIONED) def->cols[c->attnum - 1].col.inherited_only = true;
    }
    return ddl_put_relation(ctx, def);
}

static Status
adopt_checks(Ddl *d, const Relation *child, const Relation *parent)
{
    Ctx *ctx = d->ctx;
    for (int i = 0; i < parent->nconstraints; i++) {
        const RelConstraint *p = parent->constraints[i];
        if (p->kind != CONSTRAINT_CHECK || p->no_inherit) continue;
        const RelConstraint *c = relation_constraint(child, p->name);
        if (c == NULL || c->kind != CONSTRAINT_CHECK)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "child table is missing constraint \"%s\"", p->name);
        if (strcmp(c->check_sql, p->check_sql) != 0)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "child table \"%s\" has different definition for check constraint \"%s\"",
                         child->name, p->name);
        if (c->no_inherit)
            return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "constraint \"%s\" conflicts with non-inherited constraint on child table \"%s\"",
                         p->name, child->name);
        if (p->validated && !c->validated)
            return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "constraint \"%s\" conflicts with NOT VALID constraint on child table \"%s\"",
                         p->name, child->name);
        RelConstraint own = *c;
        own.inh_count++;
        if (parent->kind == RELKIND_PARTITIONED) own.inherited_only = true;
        TRY(ddl_create_constraint(ctx, &own));
    }
    return QN_OK;
}

Status
ddl_adopt(Ddl *d, const Relation *child, const Relation *parent, const PartitionBound *bound)
{
    Ctx *ctx = d->ctx;
    const Relation **family;
    int n;
    for (int i = 0; i < child->nparents; i++)
        if (child->parents[i]->parent_oid == parent->oid)
            return RAISE(ctx, ERR_DUPLICATE_TABLE, "relation \"%s\" would be inherited from more than once", parent->name);
    TRY(ddl_children(d, child, true, &family, &n));
    bool circular = parent->oid == child->oid;
    for (int i = 0; i < n; i++) circular |= family[i]->oid == parent->oid;
    if (circular)
        return err_detail(ctx, RAISE(ctx, ERR_DUPLICATE_TABLE, "circular inheritance not allowed"), "\"%s\" is already a child of \"%s\".",
                          parent->name, child->name);
    TRY(adopt_columns(d, child, parent));
    TRY(adopt_checks(d, child, parent));
    InheritLink link = {.parent_oid = parent->oid, .child_oid = child->oid, .seq = 1, .bound = bound};
    for (int i = 0; i < child->nparents; i++)
        if (child->parents[i]->seq >= link.seq) link.seq = child->parents[i]->seq + 1;
    return ddl_put_inherit(ctx, &link);
}

Status
ddl_add_parent(Ddl *d, const Relation *rel, const RangeVar *parent)
{
    Ctx *ctx = d->ctx;
    const Relation *p;
    if (relation_bound(rel) != NULL)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot change inheritance of a partition");
    if (rel->kind == RELKIND_PARTITIONED)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot change inheritance of partitioned table");
    if (rel->of_type != INVALID_OID) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot change inheritance of typed table");
    TRY(open_parent(d, parent, LOCK_ACCESS_EXCLUSIVE, &p));
    if (p->persistence == 't' && rel->persistence != 't')
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot inherit from temporary relation \"%s\"", p->name);
    return ddl_adopt(d, rel, p, NULL);
}

/* What was inherited becomes the table's own. */
static Status
release(Ddl *d, const Relation *child, const Relation *parent)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    TRY(ddl_edit_relation(ctx, d->arena, child->oid, &def));
    for (int i = 0; i < def->ncols; i++) {
        Column *c = &def->cols[i].col;
        if (c->dropped || c->inh_count == 0 || relation_column(parent, c->name) == NULL) continue;
        if (--c->inh_count == 0) c->inherited_only = false;
    }
    TRY(ddl_put_relation(ctx, def));
    for (int i = 0; i < child->nconstraints; i++) {
        RelConstraint c = *child->constraints[i];
        const RelConstraint *p = relation_constraint(parent, c.name);
        if (c.kind != CONSTRAINT_CHECK || c.inh_count == 0 || p == NULL || p->kind != CONSTRAINT_CHECK || p->no_inherit) continue;
        if (--c.inh_count == 0) c.inherited_only = false;
        TRY(ddl_create_constraint(ctx, &c));
    }
    return QN_OK;
}

Status
ddl_disown(Ddl *d, const Relation *child, const Relation *parent)
{
    for (int i = 0; i < child->nparents; i++) {
        if (child->parents[i]->parent_oid != parent->oid) continue;
        DropTarget link = {.kind = OBJ_INHERIT, .oid = child->parents[i]->oid};
        TRY(release(d, child, parent));
        return ddl_drop(d->ctx, &link, 1, false);
    }
    return RAISE(d->ctx, ERR_UNDEFINED_TABLE, "relation \"%s\" is not a parent of relation \"%s\"", parent->name, child->name);
}

Status
ddl_drop_parent(Ddl *d, const Relation *rel, const RangeVar *parent)
{
    const Relation *p;
    if (relation_bound(rel) != NULL)
        return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "cannot change inheritance of a partition");
    TRY(catalog_relation_required(d->ctx, parent->schema, parent->name, 0, &p));
    TRY(lock_relation(d->ctx, p->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, p->name));
    return ddl_disown(d, rel, p);
}
