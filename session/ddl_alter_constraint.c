/* ddl_alter_constraint.c - ALTER TABLE's commands on constraints. */
#include "session/ddl_alter.h"

/* ---- ADD ---- */

/* The parent's CHECK on a child: a constraint of its own that only a parent declares. */
static Status
hand_down(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    const Constraint *k = AST_AS(Constraint, c->def);
    const RelConstraint *old = relation_constraint(rel, k->name);
    bool rows;
    (void)how;
    RelConstraint def = {.validated = !k->not_valid};
    if (old != NULL) {
        TRY(ddl_expr_text(d, k->expr, &def.check_sql));
        return ddl_merge_check(d, rel, old, &def, false, true); /* its own children have it from it */
    }
    TRY(alter_has_rows(d, rel, &rows));
    TRY(ddl_add_constraint(d, rel, k, 0, !rows));
    TRY(catalog_relation_by_oid(d->ctx, rel->oid, &rel));
    RelConstraint made = *relation_constraint(rel, k->name);
    made.inherited_only = true;
    made.inh_count = 1;
    TRY(ddl_create_constraint(d->ctx, &made));
    return alter_children(d, rel, c, hand_down);
}

Status
alter_add_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const Constraint *k = AST_AS(Constraint, c->def);
    bool rows;
    if (k->no_inherit && rel->kind == RELKIND_PARTITIONED)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot add NO INHERIT constraint to partitioned table \"%s\"", rel->name);
    if (k->kind == AST_CONSTR_FOREIGN && rel->kind == RELKIND_PARTITIONED && !how.recurse)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot use ONLY for foreign key on partitioned table \"%s\" referencing relation \"%s\"",
                     rel->name, AST_AS(RangeVar, k->pk_table)->name);
    if (k->kind != AST_CONSTR_CHECK || k->no_inherit) {
        TRY(alter_has_rows(d, rel, &rows));
        return ddl_add_constraint(d, rel, k, 0, !rows);
    }
    if (!how.recurse && rel->nchildren > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "constraint must be added to child tables too");
    const RelConstraint *old = k->name != NULL ? relation_constraint(rel, k->name) : NULL;
    if (old != NULL && old->inherited_only) {
        RelConstraint def = {.validated = !k->not_valid};
        TRY(ddl_expr_text(d, k->expr, &def.check_sql));
        return ddl_merge_check(d, rel, old, &def, true, false);
    }
    TRY(alter_has_rows(d, rel, &rows));
    int before = rel->nconstraints;
    TRY(ddl_add_constraint(d, rel, k, 0, !rows));
    if (rel->nchildren == 0) return QN_OK;
    /* The name was chosen; the children get the same. Oids ascend: the new one is the last. */
    TRY(catalog_relation_by_oid(ctx, rel->oid, &rel));
    if (rel->nconstraints != before + 1) return RAISE_INTERNAL(ctx, "constraint was not added to \"%s\"", rel->name);
    Constraint named = *k;
    named.name = rel->constraints[before]->name;
    AlterTableCmd down = *c;
    down.def = &named.base;
    return alter_children(d, rel, &down, hand_down);
}

/* ---- DROP ---- */

typedef struct Drops {
    DropTarget *items;
    int count, cap;
} Drops;

static Status
collect_drops(Ddl *d, const Relation *rel, const RelConstraint *k, bool recurse, Drops *out)
{
    Ctx *ctx = d->ctx;
    const Relation **list;
    int n;
    TRY(ctx_check_depth(ctx));
    TRY(array_push(ctx, d->arena, out, ((DropTarget){.kind = OBJ_CONSTRAINT, .oid = k->oid})));
    if (k->kind != CONSTRAINT_CHECK || k->no_inherit) return QN_OK;
    TRY(ddl_children(d, rel, false, &list, &n));
    for (int i = 0; i < n; i++) {
        const RelConstraint *c = relation_constraint(list[i], k->name);
        if (c == NULL || c->kind != CONSTRAINT_CHECK || c->inh_count == 0) continue;
        if (recurse && c->inh_count == 1 && c->inherited_only) {
            TRY(collect_drops(d, list[i], c, recurse, out));
            continue;
        }
        RelConstraint kept = *c;
        kept.inh_count--;
        if (!recurse) kept.inherited_only = false;
        TRY(ddl_create_constraint(ctx, &kept));
    }
    return QN_OK;
}

static Status
raise_missing(Ddl *d, const Relation *rel, const char *name)
{
    return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" of relation \"%s\" does not exist", name, rel->name);
}

Status
alter_drop_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const RelConstraint *k = relation_constraint(rel, c->name);
    Drops drops = {0};
    if (k == NULL) {
        if (!c->missing_ok) return raise_missing(d, rel, c->name);
        ctx_notice(ctx, "NOTICE", QN_OK, "constraint \"%s\" of relation \"%s\" does not exist, skipping", c->name, rel->name);
        return QN_OK;
    }
    if (k->inh_count > 0 || k->parent_constraint != 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot drop inherited constraint \"%s\" of relation \"%s\"", k->name, rel->name);
    if (rel->kind == RELKIND_PARTITIONED && rel->nchildren > 0 && !how.recurse && k->kind == CONSTRAINT_CHECK)
        return err_hint(ctx, RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot remove constraint from only the partitioned table when partitions exist"),
                        "Do not specify the ONLY keyword.");
    TRY(collect_drops(d, rel, k, how.recurse, &drops));
    return ddl_drop(ctx, drops.items, drops.count, c->behavior == AST_DROP_CASCADE);
}

/* ---- VALIDATE ---- */

Status
alter_validate_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const RelConstraint *k = relation_constraint(rel, c->name);
    if (k == NULL) return raise_missing(d, rel, c->name);
    if (k->kind != CONSTRAINT_CHECK && k->kind != CONSTRAINT_FOREIGN)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "constraint \"%s\" of relation \"%s\" is not a foreign key or check constraint", c->name, rel->name);
    if (k->validated) return QN_OK;
    bool goes_down = k->kind == CONSTRAINT_CHECK && !k->no_inherit;
    if (goes_down && !how.recurse && rel->nchildren > 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "constraint must be validated on child tables too");
    if (goes_down) TRY(alter_children(d, rel, c, alter_validate_constraint));
    if (k->kind == CONSTRAINT_CHECK) {
        if (rel->heap != NULL) TRY(ddl_validate_check(d, rel, k));
    } else {
        const Relation *ref;
        TRY(catalog_relation_by_oid(ctx, k->ref_rel_oid, &ref));
        TRY(ddl_validate_foreign(d, rel, ref, k));
    }
    RelConstraint done = *k;
    done.validated = true;
    return ddl_create_constraint(ctx, &done);
}

/* ---- ALTER ---- */

Status
alter_alter_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    const Constraint *to = AST_AS(Constraint, c->def);
    const RelConstraint *k = relation_constraint(rel, c->name);
    (void)how;
    if (k == NULL) return raise_missing(d, rel, c->name);
    if (k->kind != CONSTRAINT_FOREIGN)
        return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "constraint \"%s\" of relation \"%s\" is not a foreign key constraint", c->name, rel->name);
    RelConstraint changed = *k;
    changed.deferrable = to->deferrable;
    changed.initially_deferred = to->initially_deferred;
    return ddl_create_constraint(d->ctx, &changed);
}
