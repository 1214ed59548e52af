/* ddl_constraint.c - adding CHECK, PRIMARY KEY, UNIQUE and FOREIGN KEY constraints to a table that is in the catalog. */
#include "parser/deparse.h"
#include "planner/planner.h"
#include "planner/resolve.h"
#include "session/ddl_alter.h"

static Status
at(Ctx *ctx, int loc, Status st)
{
    return err_position(ctx, st, loc);
}

/* ---- names ---- */

/* "a_b": the columns a name is made of. */
static Status
column_part(Ddl *d, const Relation *rel, const int *attnums, int n, const char **out)
{
    StrBuf b = strbuf_new(d->arena);
    char *text;
    for (int i = 0; i < n; i++)
        strbuf_addf(&b, "%s%s", i > 0 ? "_" : "", rel->cols[attnums[i] - 1].name);
    TRY(strbuf_finish(d->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
constraint_name(Ddl *d, const Relation *rel, const Constraint *c, const int *attnums, int n,
                const char *label, bool is_new, const char **out)
{
    if (c->name != NULL) {
        bool taken = relation_constraint(rel, c->name) != NULL;
        if (taken && is_new && c->kind == AST_CONSTR_CHECK)
            return RAISE(d->ctx, ERR_DUPLICATE_OBJECT, "check constraint \"%s\" already exists", c->name);
        if (taken)
            return RAISE(d->ctx, ERR_DUPLICATE_OBJECT,
                         "constraint \"%s\" for relation \"%s\" already exists", c->name, rel->name);
        *out = c->name;
        return QN_OK;
    }
    const char *part = NULL;
    if (n > 0) TRY(column_part(d, rel, attnums, n, &part));
    return ddl_choose_name(d->ctx, rel->schema_oid, rel->oid, rel->name, part, label, out);
}

/* ---- columns ---- */

/* Key columns by name, in the arena; written at a column: that one. */
static Status
key_columns(Ddl *d, const Relation *rel, const Constraint *c, int attnum, const char *what, int **out,
            int *n_out)
{
    Ctx *ctx = d->ctx;
    int *list, n = 0;
    TRY_ALLOC(ctx, list, ARENA_ARRAY(d->arena, int, c->keys.count + 1));
    if (attnum != 0) list[n++] = attnum;
    for (int i = 0; attnum == 0 && i < c->keys.count; i++) {
        const char *name = ast_str(c->keys.items[i]);
        const Column *col = relation_column(rel, name);
        if (col == NULL && c->kind == AST_CONSTR_FOREIGN)
            return RAISE(ctx, ERR_UNDEFINED_COLUMN,
                         "column \"%s\" referenced in foreign key constraint does not exist", name);
        if (col == NULL)
            return at(ctx, c->loc,
                      RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" named in key does not exist", name));
        for (int k = 0; k < n; k++)
            if (list[k] == col->attnum && c->kind != AST_CONSTR_FOREIGN)
                return at(ctx, c->loc,
                          RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" appears twice in %s constraint",
                                name, what));
        list[n++] = col->attnum;
    }
    *out = list;
    *n_out = n;
    return QN_OK;
}

typedef struct ColumnsSeen {
    const Relation *rel;
    int *attnums;
    int n;
} ColumnsSeen;

static Status
see_columns(Ctx *ctx, Ast *node, void *arg)
{
    ColumnsSeen *s = arg;
    if (ast_is(node, ColumnRef)) {
        const AstList *f = &AST_AS(ColumnRef, node)->fields;
        const Ast *last = f->items[f->count - 1];
        const Column *c = ast_is(last, StringNode) ? relation_column(s->rel, ast_str(last)) : NULL;
        if (c == NULL && ast_is(last, StringNode) && ddl_is_system_column(ast_str(last)) && strcmp(ast_str(last), "tableoid") != 0)
            return at(ctx, AST_AS(ColumnRef, node)->loc,
                      RAISE(ctx, ERR_INVALID_COLUMN_REFERENCE,
                            "system column \"%s\" reference in check constraint is invalid", ast_str(last)));
        for (int i = 0; c != NULL && i < s->n; i++)
            if (s->attnums[i] == c->attnum) c = NULL;
        if (c != NULL) s->attnums[s->n++] = c->attnum;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return ast_walk(ctx, node, see_columns, arg);
}

/* ---- CHECK ---- */

static Status
raise_merge(Ddl *d, const RelConstraint *c, const char *with, const Relation *rel)
{
    return RAISE(d->ctx, ERR_INVALID_OBJECT_DEFINITION, "constraint \"%s\" conflicts with %s constraint on relation \"%s\"",
                 c->name, with, rel->name);
}

Status
ddl_merge_check(Ddl *d, const Relation *rel, const RelConstraint *old, const RelConstraint *def, bool is_local,
                bool allow)
{
    Ctx *ctx = d->ctx;
    RelConstraint c = *old;
    bool same = old->kind == CONSTRAINT_CHECK && strcmp(old->check_sql, def->check_sql) == 0;
    /* A constraint that is only inherited may be declared as well: the two orders of adding it end alike. */
    allow = allow || (is_local && old->inherited_only && relation_bound(rel) == NULL);
    if (!same || !allow)
        return RAISE(ctx, ERR_DUPLICATE_OBJECT, "constraint \"%s\" for relation \"%s\" already exists", old->name,
                     rel->name);
    if (old->no_inherit) return raise_merge(d, old, "non-inherited", rel);
    if (old->inh_count > 0 && def->no_inherit) return raise_merge(d, old, "inherited", rel);
    if (def->validated && !old->validated) return raise_merge(d, old, "NOT VALID", rel);
    ctx_notice(ctx, "NOTICE", QN_OK, "merging constraint \"%s\" with inherited definition", old->name);
    if (relation_bound(rel) != NULL) {
        c.inh_count = 1;
        c.inherited_only = true;
    } else if (is_local) {
        c.inherited_only = false;
    } else {
        c.inh_count++;
    }
    return ddl_create_constraint(ctx, &c);
}

static Status
add_check(Ddl *d, const Relation *rel, const Constraint *c, bool is_new)
{
    Ctx *ctx = d->ctx;
    RelConstraint def = {.kind = CONSTRAINT_CHECK, .rel_oid = rel->oid, .validated = !c->not_valid,
                         .no_inherit = c->no_inherit};
    Expr *e;
    ColumnsSeen seen = {.rel = rel};
    PlanState ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql};
    TRY(plan_expression(ctx, d->arena, d->sql, c->expr, rel, 0, -1, &e));
    TRY(coerce_to_boolean(&ps, &e, "CHECK"));
    TRY_ALLOC(ctx, seen.attnums, ARENA_ARRAY(d->arena, int, rel->ncols + 1));
    TRY(see_columns(ctx, c->expr, &seen));
    def.attnums = seen.attnums;
    def.nkeys = seen.n;
    TRY(ddl_expr_text(d, c->expr, &def.check_sql));
    const RelConstraint *old = c->name != NULL ? relation_constraint(rel, c->name) : NULL;
    if (old != NULL && is_new && old->inh_count > 0) {
        def.name = c->name;
        return ddl_merge_check(d, rel, old, &def, true, true);
    }
    TRY(constraint_name(d, rel, c, seen.attnums, seen.n == 1 ? 1 : 0, "check", is_new, &def.name));
    TRY(ddl_create_constraint(ctx, &def));
    if (is_new || c->not_valid || rel->heap == NULL) return QN_OK;
    return ddl_validate_check(d, rel, &def);
}

Status
ddl_add_known_check(Ddl *d, const Relation *rel, const char *condition)
{
    Constraint c = {.kind = AST_CONSTR_CHECK};
    TRY(alter_parse_expr(d, condition, &c.expr));
    return add_check(d, rel, &c, true);
}

/* ---- PRIMARY KEY, UNIQUE ---- */

static Status
key_index(Ddl *d, const Relation *rel, const int *attnums, int nkeys, const AstList *including,
          IndexDef *def)
{
    Ctx *ctx = d->ctx;
    int n = nkeys + including->count;
    IndexColumns columns;
    def->rel_oid = rel->oid;
    def->method = "btree";
    TRY(ddl_index_alloc(d, nkeys, n, &columns, def));
    for (int i = 0; i < n; i++) {
        const Column *c;
        if (i < nkeys) {
            c = &rel->cols[attnums[i] - 1];
            TRY(ddl_check_index_type(ctx, def->method, c->type));
        } else {
            const char *name = ast_str(including->items[i - nkeys]);
            c = relation_column(rel, name);
            if (c == NULL)
                return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" named in key does not exist", name);
        }
        ddl_index_take_column(&columns, i, c);
    }
    def->valid = true;
    def->unique = true;
    return QN_OK;
}

/* ALTER TABLE ADD PRIMARY KEY: the columns become NOT NULL. */
static Status
require_not_null(Ddl *d, const Relation *rel, const int *attnums, int n, bool is_new)
{
    bool changed = false;
    RelDef *def;
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    for (int i = 0; i < n; i++) {
        ColDef *c = &def->cols[attnums[i] - 1];
        if (c->col.not_null) continue;
        c->col.not_null = changed = true;
        if (!is_new && rel->heap != NULL) TRY(ddl_validate_not_null(d, rel, c->col.name));
    }
    return changed ? ddl_put_relation(d->ctx, def) : QN_OK;
}

static bool
has_own_collation(const Relation *rel, const IndexDef *ix, int i)
{
    return ix->attnums[i] == 0 || ix->collations[i] == rel->cols[ix->attnums[i] - 1].collation;
}

static Status
find_key_index(Ddl *d, const Relation *rel, const Constraint *c, const IndexDef **out)
{
    Ctx *ctx = d->ctx;
    const Relation *index;
    const char *what = c->kind == AST_CONSTR_PRIMARY ? "primary key" : "unique constraint";
    TRY(catalog_relation(ctx, rel->schema, c->index_name, &index));
    if (index == NULL) return at(ctx, c->loc, RAISE(ctx, ERR_UNDEFINED_OBJECT, "index \"%s\" does not exist", c->index_name));
    if (relation_base_kind(index) != RELKIND_INDEX) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not an index", c->index_name);
    const IndexDef *ix = relation_index_by_oid(rel, index->oid);
    if (ix != NULL && ix->constraint_oid != 0)
        return at(ctx, c->loc, RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "index \"%s\" is already associated with a constraint", ix->name));
    if (ix == NULL)
        return at(ctx, c->loc, RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "index \"%s\" does not belong to table \"%s\"", c->index_name, rel->name));
    Status bad = QN_OK;
    bool has_expr = false, ordered = false;
    for (int i = 0; i < ix->ncols; i++) has_expr |= ix->attnums[i] == 0;
    for (int i = 0; i < ix->nkeys; i++) ordered |= ix->desc[i] || ix->nulls_first[i] || ix->opclasses[i] != 0 || !has_own_collation(rel, ix, i);
    if (!ix->unique) bad = RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a unique index", ix->name);
    else if (has_expr) bad = RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "index \"%s\" contains expressions", ix->name);
    else if (ix->predicate != NULL) bad = RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is a partial index", ix->name);
    else if (ordered) bad = RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "index \"%s\" column number 1 does not have default sorting behavior", ix->name);
    *out = ix;
    if (bad == QN_OK) return QN_OK;
    return at(ctx, c->loc, err_detail(ctx, bad, "Cannot create a %s using such an index.", what));
}

/* ADD CONSTRAINT ... USING INDEX: the index is there, and takes the constraint's name. */
static Status
adopt_index(Ddl *d, const Relation *rel, const Constraint *c)
{
    Ctx *ctx = d->ctx;
    bool primary = c->kind == AST_CONSTR_PRIMARY;
    const IndexDef *old;
    RelConstraint def = {.kind = primary ? CONSTRAINT_PRIMARY : CONSTRAINT_UNIQUE, .rel_oid = rel->oid, .deferrable = c->deferrable,
                         .initially_deferred = c->initially_deferred, .validated = true};
    if (rel->kind == RELKIND_PARTITIONED)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables");
    TRY(find_key_index(d, rel, c, &old));
    if (primary && rel->primary != NULL)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "multiple primary keys for table \"%s\" are not allowed", rel->name);
    if (primary) TRY(require_not_null(d, rel, old->attnums, old->nkeys, false));
    IndexDef ix = *old;
    ix.primary = primary;
    def.name = c->name != NULL ? c->name : old->name;
    if (strcmp(def.name, old->name) != 0) {
        bool skip;
        TRY(ddl_claim_name(ctx, rel->schema_oid, def.name, false, &skip));
        ctx_notice(ctx, "NOTICE", QN_OK, "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to \"%s\"", old->name, def.name);
        ix.name = def.name;
    }
    TRY(ddl_new_oid(ctx, &def.oid));
    ix.constraint_oid = def.oid;
    def.index_oid = ix.oid;
    def.nkeys = ix.nkeys;
    def.attnums = ix.attnums;
    TRY(ddl_put_index(ctx, rel->schema_oid, &ix));
    return ddl_create_constraint(ctx, &def);
}

static Status
add_key(Ddl *d, const Relation *rel, const Constraint *c, int attnum, bool is_new)
{
    Ctx *ctx = d->ctx;
    bool primary = c->kind == AST_CONSTR_PRIMARY;
    int *attnums, n;
    IndexDef ix = {.primary = primary, .nulls_not_distinct = c->nulls_not_distinct};
    RelConstraint def = {.kind = primary ? CONSTRAINT_PRIMARY : CONSTRAINT_UNIQUE, .rel_oid = rel->oid,
                         .deferrable = c->deferrable, .initially_deferred = c->initially_deferred,
                         .validated = true};
    if (c->index_name != NULL) return adopt_index(d, rel, c);
    if (primary && rel->primary != NULL)
        return at(ctx, c->loc,
                  RAISE(ctx, ERR_INVALID_TABLE_DEFINITION,
                        "multiple primary keys for table \"%s\" are not allowed", rel->name));
    TRY(key_columns(d, rel, c, attnum, primary ? "primary key" : "unique", &attnums, &n));
    TRY(ddl_check_partitioned_key(d, rel, attnums, n, primary ? "PRIMARY KEY" : "UNIQUE"));
    TRY(key_index(d, rel, attnums, n, &c->including, &ix));
    ix.partitioned = rel->kind == RELKIND_PARTITIONED;
    if (primary) TRY(require_not_null(d, rel, attnums, n, is_new));
    if (primary && c->name == NULL)
        TRY(ddl_choose_name(ctx, rel->schema_oid, rel->oid, rel->name, NULL, "pkey", &def.name));
    else
        TRY(constraint_name(d, rel, c, ix.attnums, ix.ncols, "key", is_new, &def.name));
    if (c->name != NULL) {
        bool skip;
        TRY(ddl_claim_name(ctx, rel->schema_oid, def.name, false, &skip));
    }
    TRY(ddl_new_oid(ctx, &def.oid));
    ix.name = def.name;
    ix.constraint_oid = def.oid;
    TRY(ddl_create_index(ctx, rel->schema_oid, &ix));
    def.index_oid = ix.oid;
    def.nkeys = n;
    def.attnums = attnums;
    TRY(ddl_create_constraint(ctx, &def));
    if (is_new) return QN_OK;
    TRY(catalog_relation_by_oid(ctx, rel->oid, &rel));
    return ddl_build_index(d, rel, ix.oid);
}

/* ---- FOREIGN KEY ---- */

static char
action_letter(AstFkAction a)
{
    static const char letters[] = {[AST_FK_NO_ACTION] = FK_NO_ACTION, [AST_FK_RESTRICT] = FK_RESTRICT,
                                   [AST_FK_CASCADE] = FK_CASCADE, [AST_FK_SET_NULL] = FK_SET_NULL,
                                   [AST_FK_SET_DEFAULT] = FK_SET_DEFAULT};
    return letters[a];
}

/* The referenced columns: as written, or the primary key's. */
static Status
referenced_columns(Ddl *d, const Relation *ref, const Constraint *c, int **out, int *n_out)
{
    Ctx *ctx = d->ctx;
    int *list, n = 0;
    if (c->pk_columns.count == 0) {
        if (ref->primary == NULL)
            return RAISE(ctx, ERR_UNDEFINED_OBJECT, "there is no primary key for referenced table \"%s\"",
                         ref->name);
        *out = (int *)ref->primary->attnums; /* read only from here on */
        *n_out = ref->primary->nkeys;
        return QN_OK;
    }
    TRY_ALLOC(ctx, list, ARENA_ARRAY(d->arena, int, c->pk_columns.count));
    for (int i = 0; i < c->pk_columns.count; i++) {
        const char *name = ast_str(c->pk_columns.items[i]);
        const Column *col = relation_column(ref, name);
        if (col == NULL)
            return RAISE(ctx, ERR_UNDEFINED_COLUMN,
                         "column \"%s\" referenced in foreign key constraint does not exist", name);
        list[n++] = col->attnum;
    }
    *out = list;
    *n_out = n;
    return QN_OK;
}

/* A unique index on exactly these columns, in any order. */
static const IndexDef *
matching_index(const Relation *ref, const int *attnums, int n)
{
    for (int i = 0; i < ref->nindexes; i++) {
        const IndexDef *ix = ref->indexes[i];
        if (!ix->unique || ix->nkeys != n || ix->predicate != NULL) continue;
        int found = 0;
        for (int k = 0; k < n; k++)
            for (int j = 0; j < n; j++)
                if (ix->attnums[j] == attnums[k]) {
                    found++;
                    break;
                }
        if (found == n) return ix;
    }
    return NULL;
}

Status
ddl_check_foreign_types(Ddl *d, const Relation *rel, const Relation *ref, const RelConstraint *def)
{
    Ctx *ctx = d->ctx;
    for (int i = 0; i < def->nkeys; i++) {
        const Column *a = &rel->cols[def->attnums[i] - 1], *b = &ref->cols[def->ref_attnums[i] - 1];
        /* Equality of exactly these types, or the referencing value becomes one of the referenced type by itself. */
        const Operator *eq = find_operator("=", b->type, a->type);
        if (eq != NULL && eq->left == b->type && eq->right == a->type) continue;
        if (eq != NULL && coerce_possible(1, &a->type, &b->type, CAST_IMPLICIT)) continue;
        const char *ta, *tb;
        TRY(type_format(ctx, d->arena, a->type, -1, &ta));
        TRY(type_format(ctx, d->arena, b->type, -1, &tb));
        return err_detail(ctx,
                          RAISE(ctx, ERR_DATATYPE_MISMATCH,
                                "foreign key constraint \"%s\" cannot be implemented", def->name),
                          "Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.", a->name,
                          b->name, ta, tb);
    }
    return QN_OK;
}

static Status
set_columns(Ddl *d, const Relation *rel, const Constraint *c, RelConstraint *def)
{
    Ctx *ctx = d->ctx;
    int *list;
    if (c->on_delete_columns.count == 0) return QN_OK;
    TRY_ALLOC(ctx, list, ARENA_ARRAY(d->arena, int, c->on_delete_columns.count));
    for (int i = 0; i < c->on_delete_columns.count; i++) {
        const char *name = ast_str(c->on_delete_columns.items[i]);
        const Column *col = relation_column(rel, name);
        bool is_key = false;
        for (int k = 0; col != NULL && k < def->nkeys; k++) is_key |= def->attnums[k] == col->attnum;
        if (col == NULL)
            return RAISE(ctx, ERR_UNDEFINED_COLUMN,
                         "column \"%s\" referenced in foreign key constraint does not exist", name);
        if (!is_key)
            return RAISE(ctx, ERR_INVALID_COLUMN_REFERENCE,
                         "column \"%s\" referenced in ON DELETE SET action must be part of foreign key",
                         name);
        list[i] = col->attnum;
    }
    def->nset = c->on_delete_columns.count;
    def->set_attnums = list;
    return QN_OK;
}

static const char *
persistence_word(char persistence)
{
    return persistence == 't' ? "temporary" : persistence == 'u' ? "unlogged" : "permanent";
}

/* Plans that write partitions of the table are made anew, so that they note what foreign keys to it want to know. */
static Status
renew_partitions(Ddl *d, const Relation *ref)
{
    const Relation **parts;
    int n;
    if (ref->kind != RELKIND_PARTITIONED) return QN_OK;
    TRY(ddl_children(d, ref, true, &parts, &n));
    for (int i = 0; i < n; i++) {
        RelDef *def;
        if (parts[i]->oid == ref->oid) continue;
        TRY(lock_relation(d->ctx, parts[i]->oid, LOCK_SHARE_ROW_EXCLUSIVE, LOCK_WAIT, parts[i]->name));
        TRY(ddl_edit_relation(d->ctx, d->arena, parts[i]->oid, &def));
        TRY(ddl_put_relation(d->ctx, def));
    }
    return QN_OK;
}

Status
ddl_lock_referenced(Ddl *d, Oid oid)
{
    const Relation *ref;
    TRY(lock_relation(d->ctx, oid, LOCK_SHARE_ROW_EXCLUSIVE, LOCK_WAIT, NULL));
    TRY(catalog_relation_by_oid(d->ctx, oid, &ref));
    return ref != NULL ? renew_partitions(d, ref) : QN_OK;
}

static Status
add_foreign(Ddl *d, const Relation *rel, const Constraint *c, int attnum, bool is_new)
{
    Ctx *ctx = d->ctx;
    const RangeVar *rv = AST_AS(RangeVar, c->pk_table);
    const Relation *ref;
    int *attnums, *ref_attnums, n, nref;
    RelConstraint def = {.kind = CONSTRAINT_FOREIGN, .rel_oid = rel->oid, .deferrable = c->deferrable,
                         .initially_deferred = c->initially_deferred, .validated = !c->not_valid,
                         .on_update = action_letter(c->on_update),
                         .on_delete = action_letter(c->on_delete),
                         .match = c->match == AST_FK_MATCH_FULL ? 'f' : 's'};
    if (c->match == AST_FK_MATCH_PARTIAL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "MATCH PARTIAL not yet implemented");
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, rv->loc, &ref));
    if ((ref->kind != RELKIND_TABLE && ref->kind != RELKIND_PARTITIONED) || ref->oid < OID_FIRST_USER)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "referenced relation \"%s\" is not a table", ref->name);
    if (rel->kind == RELKIND_PARTITIONED && c->not_valid)
        return err_detail(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE,
                                     "cannot add NOT VALID foreign key on partitioned table \"%s\" referencing relation \"%s\"", rel->name,
                                     ref->name),
                          "This feature is not yet supported on partitioned tables.");
    if (rel->persistence != ref->persistence && (rel->persistence == 't' || ref->persistence != 'p'))
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "constraints on %s tables may reference only %s tables",
                     persistence_word(rel->persistence),
                     rel->persistence == 'u' ? "permanent or unlogged" : persistence_word(rel->persistence));
    TRY(lock_relation(ctx, ref->oid, LOCK_SHARE_ROW_EXCLUSIVE, LOCK_WAIT, ref->name));
    TRY(catalog_relation_by_oid(ctx, ref->oid, &ref));
    TRY(key_columns(d, rel, c, attnum, "foreign key", &attnums, &n));
    TRY(referenced_columns(d, ref, c, &ref_attnums, &nref));
    if (n != nref)
        return RAISE(ctx, ERR_INVALID_FOREIGN_KEY,
                     "number of referencing and referenced columns for foreign key disagree");
    const IndexDef *ix = matching_index(ref, ref_attnums, nref);
    if (ix != NULL && ix->deferrable)
        return RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "cannot use a deferrable unique constraint for referenced table \"%s\"", ref->name);
    if (ix == NULL)
        return RAISE(ctx, ERR_INVALID_FOREIGN_KEY,
                     "there is no unique constraint matching given keys for referenced table \"%s\"",
                     ref->name);
    def.ref_rel_oid = ref->oid;
    def.index_oid = ix->oid;
    def.nkeys = n;
    def.attnums = attnums;
    def.ref_attnums = ref_attnums;
    TRY(constraint_name(d, rel, c, attnums, n, "fkey", is_new, &def.name));
    TRY(ddl_check_foreign_types(d, rel, ref, &def));
    TRY(set_columns(d, rel, c, &def));
    TRY(ddl_create_constraint(ctx, &def));
    TRY(renew_partitions(d, ref));
    if (rel->kind == RELKIND_PARTITIONED) {
        const Relation **parts;
        TRY(ddl_children(d, rel, false, &parts, &n));
        for (int i = 0; i < n; i++) TRY(ddl_partition_foreign(d, rel, &def, parts[i]));
        return QN_OK;
    }
    if (is_new || c->not_valid) return QN_OK;
    return ddl_validate_foreign(d, rel, ref, &def);
}

Status
ddl_add_constraint(Ddl *d, const Relation *rel, const Constraint *c, int attnum, bool is_new)
{
    switch (c->kind) {
    case AST_CONSTR_CHECK: return add_check(d, rel, c, is_new);
    case AST_CONSTR_PRIMARY:
    case AST_CONSTR_UNIQUE: return add_key(d, rel, c, attnum, is_new);
    case AST_CONSTR_FOREIGN: return add_foreign(d, rel, c, attnum, is_new);
    case AST_CONSTR_EXCLUSION:
        return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "exclusion constraints are not supported yet");
    default: return QN_OK;
    }
}
