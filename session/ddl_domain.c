/* ddl_domain.c - CREATE and ALTER DOMAIN: base type, default, constraints, and whether columns keep a new one. */
#include "parser/deparse.h"
#include "planner/planner.h"
#include "planner/resolve.h"
#include "session/ddl_alter.h"

static Status
at(Ctx *ctx, int loc, Status st)
{
    return err_position(ctx, st, loc);
}

/* ---- what may be said of a domain ---- */

static const char *
refused_kind(AstConstraintKind kind)
{
    switch (kind) {
    case AST_CONSTR_UNIQUE: return "unique";
    case AST_CONSTR_PRIMARY: return "primary key";
    case AST_CONSTR_EXCLUSION: return "exclusion";
    case AST_CONSTR_FOREIGN: return "foreign key";
    default: return NULL;
    }
}

static Status
set_default(Ddl *d, TypeDef *def, const Ast *expr)
{
    Expr *e;
    def->default_sql = NULL;
    if (expr == NULL || (ast_is(expr, A_Const) && AST_AS(A_Const, expr)->kind == AST_CONST_NULL)) return QN_OK;
    TRY(plan_expression(d->ctx, d->arena, d->sql, expr, NULL, def->base, def->typmod, &e));
    return ddl_expr_text(d, expr, &def->default_sql);
}

/* The CHECK is bound once to see that it can be, and kept as text over VALUE. */
static Status
make_check(Ddl *d, const TypeDef *def, const Constraint *k, RelConstraint *out)
{
    Ctx *ctx = d->ctx;
    Expr *e;
    if (k->no_inherit)
        return at(ctx, k->loc, RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "check constraints for domains cannot be marked NO INHERIT"));
    *out = (RelConstraint){.kind = CONSTRAINT_CHECK, .rel_oid = def->oid, .name = k->name, .validated = !k->not_valid};
    TRY(plan_domain_check(ctx, d->arena, d->sql, k->expr, def->base, def->typmod, &e));
    TRY(ddl_expr_text(d, k->expr, &out->check_sql));
    return QN_OK;
}

static Status
name_check(Ddl *d, const TypeDef *def, RelConstraint *c)
{
    CatObjList list;
    bool taken = false;
    if (c->name == NULL) return ddl_choose_name(d->ctx, def->schema_oid, def->oid, def->name, NULL, "check", &c->name);
    TRY(ddl_objects_under(d->ctx, def->oid, OBJ_CONSTRAINT, &list));
    for (int i = 0; i < list.count; i++) taken |= strcmp(list.items[i]->name, c->name) == 0;
    catobj_list_release(&list);
    if (!taken) return QN_OK;
    return RAISE(d->ctx, ERR_DUPLICATE_OBJECT, "constraint \"%s\" for domain \"%s\" already exists", c->name, def->name);
}

/* ---- CREATE DOMAIN ---- */

static Status
base_of(Ddl *d, const CreateDomainStmt *c, TypeDef *def)
{
    Ctx *ctx = d->ctx;
    PlanState ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql};
    const UserType *over;
    TRY(resolve_type_name(&ps, c->type, &def->base, &def->typmod));
    if (type_kind(def->base) == TYPTYPE_PSEUDO || type_info(def->base) == NULL) {
        const TypeName *t = AST_AS(TypeName, c->type);
        return at(ctx, t->loc, RAISE(ctx, ERR_DATATYPE_MISMATCH, "\"%s\" is not a valid base type for a domain",
                                     ast_str(t->names.items[t->names.count - 1])));
    }
    def->collation = type_is_collatable(def->base) ? 100 : INVALID_OID;
    if (c->collate != NULL && def->collation == INVALID_OID) {
        const char *text;
        TRY(type_format(ctx, d->arena, def->base, -1, &text));
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "collations are not supported by type %s", text);
    }
    TRY(catalog_user_type(ctx, def->base, &over));
    if (over != NULL && over->kind == TYPTYPE_DOMAIN) def->default_sql = over->default_sql;
    return QN_OK;
}

/* All but the CHECKs. */
static Status
read_constraints(Ddl *d, const CreateDomainStmt *c, TypeDef *def)
{
    Ctx *ctx = d->ctx;
    bool null = false, not_null = false, has_default = false;
    for (int i = 0; i < c->constraints.count; i++) {
        const Constraint *k = AST_AS(Constraint, c->constraints.items[i]);
        switch (k->kind) {
        case AST_CONSTR_DEFAULT:
            if (has_default) return at(ctx, k->loc, RAISE(ctx, ERR_SYNTAX_ERROR, "multiple default expressions"));
            has_default = true;
            TRY(set_default(d, def, k->expr));
            break;
        case AST_CONSTR_NOT_NULL:
            if (null) return at(ctx, k->loc, RAISE(ctx, ERR_SYNTAX_ERROR, "conflicting NULL/NOT NULL constraints"));
            not_null = true;
            break;
        case AST_CONSTR_NULL:
            if (not_null) return at(ctx, k->loc, RAISE(ctx, ERR_SYNTAX_ERROR, "conflicting NULL/NOT NULL constraints"));
            null = true;
            break;
        case AST_CONSTR_CHECK: break;
        default: {
            const char *what = refused_kind(k->kind);
            if (what != NULL) return at(ctx, k->loc, RAISE(ctx, ERR_SYNTAX_ERROR, "%s constraints not possible for domains", what));
            return at(ctx, k->loc, RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "specifying constraint deferrability not supported for domains"));
        }
        }
    }
    def->not_null = not_null;
    return QN_OK;
}

Status
ddl_run_create_domain(Ddl *d, const CreateDomainStmt *c)
{
    Ctx *ctx = d->ctx;
    TypeDef def = {.kind = TYPTYPE_DOMAIN, .typmod = -1};
    TRY(ddl_type_target(d, &c->name, &def.schema_oid, &def.name));
    TRY(ddl_claim_type_name(ctx, def.schema_oid, def.name));
    TRY(base_of(d, c, &def));
    TRY(read_constraints(d, c, &def));
    TRY(ddl_new_oids(ctx, 2, &def.oid));
    TRY(ddl_put_type(ctx, &def));
    TRY(catalog_type_load(ctx, def.oid));
    for (int i = 0; i < c->constraints.count; i++) {
        const Constraint *k = AST_AS(Constraint, c->constraints.items[i]);
        RelConstraint check;
        if (k->kind != AST_CONSTR_CHECK) continue;
        TRY(make_check(d, &def, k, &check));
        TRY(name_check(d, &def, &check));
        TRY(ddl_create_constraint(ctx, &check));
    }
    return QN_OK;
}

/* ---- do the columns there are keep it? ---- */

typedef struct ValueName {
    const char *column;
} ValueName;

/* VALUE is the column. */
static Status
print_value(Ctx *ctx, void *arg, const Ast *node, StrBuf *out, bool *printed_out)
{
    (void)ctx;
    if (!ast_is(node, ColumnRef)) return QN_OK;
    const AstList *f = &AST_AS(ColumnRef, node)->fields;
    if (f->count != 1 || !ast_is(f->items[0], StringNode) || strcmp(ast_str(f->items[0]), "value") != 0) return QN_OK;
    deparse_ident(out, ((const ValueName *)arg)->column);
    *printed_out = true;
    return QN_OK;
}

/* Columns whose type is the domain, or a domain over it; others that hold it somewhere inside cannot be looked at. */
static bool
is_over(Ctx *ctx, Oid type, Oid domain)
{
    for (;;) {
        const UserType *t;
        if (type == domain) return true;
        if (catalog_user_type(ctx, type, &t) != QN_OK || t == NULL || t->kind != TYPTYPE_DOMAIN) return false;
        type = t->base;
    }
}

static Status
check_column(Ddl *d, const TypeDef *def, const Relation *rel, const Column *col, const Ast *check)
{
    Ctx *ctx = d->ctx;
    StrBuf b = strbuf_new(d->arena);
    ValueName name = {.column = col->name};
    DeparseHook hook = {.print = print_value, .arg = &name};
    char *sql;
    bool violated;
    if (!is_over(ctx, col->type, def->oid)) return QN_OK;
    strbuf_addz(&b, "SELECT 1 FROM ONLY ");
    deparse_ident(&b, rel->schema);
    strbuf_addc(&b, '.');
    deparse_ident(&b, rel->name);
    strbuf_addz(&b, " WHERE ");
    if (check != NULL) {
        strbuf_addz(&b, "NOT (");
        TRY(deparse_expr(ctx, check, &hook, &b));
        strbuf_addz(&b, ")");
    } else {
        deparse_ident(&b, col->name);
        strbuf_addz(&b, " IS NULL");
    }
    strbuf_addz(&b, " LIMIT 1");
    TRY(strbuf_finish(ctx, &b, &sql, NULL));
    TRY(ddl_query_any(d, sql, &violated));
    if (!violated) return QN_OK;
    if (check == NULL)
        return RAISE(ctx, ERR_NOT_NULL_VIOLATION, "column \"%s\" of table \"%s\" contains null values", col->name, rel->name);
    return RAISE(ctx, ERR_CHECK_VIOLATION, "column \"%s\" of table \"%s\" contains values that violate the new constraint",
                 col->name, rel->name);
}

/* What holds the domain somewhere inside is refused before anything is read. */
static Status
refuse_holder(Ddl *d, const TypeDef *def, const Relation *rel, const Column *col)
{
    Ctx *ctx = d->ctx;
    if (is_over(ctx, col->type, def->oid) || !ddl_type_uses(ctx, col->type, def->oid)) return QN_OK;
    return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot alter type \"%s\" because column \"%s.%s\" uses it", def->name,
                 rel->name, col->name);
}

/* check NULL: NOT NULL. */
static Status
validate(Ddl *d, const TypeDef *def, const Ast *check)
{
    Oid *tables;
    int n;
    TRY(ddl_all_tables(d->ctx, &tables, &n));
    for (int i = 0; i < 2 * n; i++) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(d->ctx, tables[i % n], &rel));
        for (int k = 0; rel != NULL && k < rel->ncols; k++) {
            if (rel->cols[k].dropped || rel->cols[k].type < OID_FIRST_USER) continue;
            if (i < n) TRY(refuse_holder(d, def, rel, &rel->cols[k]));
            else TRY(check_column(d, def, rel, &rel->cols[k], check));
        }
    }
    return QN_OK;
}

/* ---- ALTER DOMAIN ---- */

static Status
find_constraint(Ddl *d, const TypeDef *def, const char *name, RelConstraint **out)
{
    CatObjList list;
    Status st = QN_OK;
    *out = NULL;
    TRY(ddl_objects_under(d->ctx, def->oid, OBJ_CONSTRAINT, &list));
    for (int i = 0; i < list.count && st == QN_OK; i++)
        if (strcmp(list.items[i]->name, name) == 0) st = catobj_to_constraint(d->ctx, d->arena, list.items[i], out);
    catobj_list_release(&list);
    return st;
}

static Status
missing_constraint(Ddl *d, const TypeDef *def, const char *name)
{
    return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" of domain \"%s\" does not exist", name, def->name);
}

static Status
add_constraint(Ddl *d, const TypeDef *def, const Constraint *k)
{
    Ctx *ctx = d->ctx;
    RelConstraint check;
    const char *what = refused_kind(k->kind);
    if (what != NULL) return at(ctx, k->loc, RAISE(ctx, ERR_SYNTAX_ERROR, "%s constraints not possible for domains", what));
    if (k->kind != AST_CONSTR_CHECK) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "this constraint is not possible for domains");
    TRY(make_check(d, def, k, &check));
    TRY(name_check(d, def, &check));
    if (check.validated) TRY(validate(d, def, k->expr));
    return ddl_create_constraint(ctx, &check);
}

static Status
drop_constraint(Ddl *d, const TypeDef *def, const AlterDomainStmt *a)
{
    RelConstraint *c;
    TRY(find_constraint(d, def, a->constraint, &c));
    if (c != NULL) {
        DropTarget t = {.kind = OBJ_CONSTRAINT, .oid = c->oid};
        return ddl_drop(d->ctx, &t, 1, a->behavior == AST_DROP_CASCADE);
    }
    if (!a->missing_ok) return missing_constraint(d, def, a->constraint);
    ctx_notice(d->ctx, "NOTICE", QN_OK, "constraint \"%s\" of domain \"%s\" does not exist, skipping", a->constraint, def->name);
    return QN_OK;
}

static Status
validate_constraint(Ddl *d, const TypeDef *def, const AlterDomainStmt *a)
{
    RelConstraint *c;
    Ast *check;
    TRY(find_constraint(d, def, a->constraint, &c));
    if (c == NULL) return missing_constraint(d, def, a->constraint);
    if (c->validated) return QN_OK;
    TRY(alter_parse_expr(d, c->check_sql, &check));
    TRY(validate(d, def, check));
    c->validated = true;
    return ddl_create_constraint(d->ctx, c);
}

Status
ddl_run_alter_domain(Ddl *d, const AlterDomainStmt *a)
{
    TypeDef *def;
    TRY(ddl_open_type(d, &a->name, true, &def));
    if (strcmp(a->action, "add constraint") == 0) return add_constraint(d, def, AST_AS(Constraint, a->def));
    if (strcmp(a->action, "drop constraint") == 0) return drop_constraint(d, def, a);
    if (strcmp(a->action, "validate constraint") == 0) return validate_constraint(d, def, a);
    if (strcmp(a->action, "set not null") == 0) {
        if (!def->not_null) TRY(validate(d, def, NULL));
        def->not_null = true;
    } else if (strcmp(a->action, "drop not null") == 0) {
        def->not_null = false;
    } else {
        TRY(set_default(d, def, a->def));
    }
    return ddl_put_type(d->ctx, def);
}

Status
ddl_rename_domain_constraint(Ddl *d, const TypeDef *def, const RenameStmt *s)
{
    RelConstraint *c, *other;
    TRY(find_constraint(d, def, s->subname, &c));
    if (c == NULL)
        return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" for domain %s does not exist", s->subname, def->name);
    TRY(find_constraint(d, def, s->newname, &other));
    if (other != NULL)
        return RAISE(d->ctx, ERR_DUPLICATE_OBJECT, "constraint \"%s\" for domain %s already exists", s->newname, def->name);
    c->name = s->newname;
    return ddl_create_constraint(d->ctx, c);
}
