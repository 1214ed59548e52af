/* ddl_type.c - CREATE, ALTER and DROP of types: enums, composite types, ranges, shells. Domains are in ddl_domain.c. */
#include "planner/resolve.h"
#include "session/ddl.h"
#include "types/function.h"

/* ---- names ---- */

Status
ddl_type_target(Ddl *d, const AstList *name, Oid *schema_out, const char **name_out)
{
    RangeVar rv = {.base = {AST_RangeVar}, .name = ast_str(name->items[name->count - 1]),
                   .schema = name->count > 1 ? ast_str(name->items[name->count - 2]) : NULL};
    char persistence = 'p';
    TRY(ddl_target_schema(d->ctx, &rv, schema_out, &persistence));
    *name_out = rv.name;
    return QN_OK;
}

static Status
put_type(Ctx *ctx, const TypeDef *def)
{
    TRY(ddl_put_type(ctx, def));
    return catalog_type_load(ctx, def->oid);
}

Status
ddl_find_type(Ddl *d, const AstList *name, Oid *oid_out)
{
    TypeName t = {.base = {AST_TypeName}, .names = *name};
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    int32_t typmod;
    return resolve_type_name(&ps, &t.base, oid_out, &typmod);
}

/* ---- enums ---- */

enum { ENUM_KEY_SHIFT = 40 }; /* between labels made together: so many may be put between two, at worst */

static Status
check_label(Ctx *ctx, const char *label)
{
    if (strlen(label) <= CATALOG_NAME_MAX) return QN_OK;
    return err_detail(ctx, RAISE(ctx, ERR_INVALID_NAME, "invalid enum label \"%s\"", label),
                      "Labels must be %d bytes or less.", CATALOG_NAME_MAX);
}

Status
ddl_run_create_enum(Ddl *d, const CreateEnumStmt *c)
{
    Ctx *ctx = d->ctx;
    TypeDef def = {.kind = TYPTYPE_ENUM, .nlabels = c->values.count, .typmod = -1};
    Oid label_oid = 0;
    TRY(ddl_type_target(d, &c->name, &def.schema_oid, &def.name));
    TRY(ddl_claim_type_name(ctx, def.schema_oid, def.name));
    TRY_ALLOC(ctx, def.labels, ARENA_ARRAY(d->arena, EnumLabel, c->values.count + 1));
    if (c->values.count > 0) TRY(ddl_new_oids(ctx, (uint32_t)c->values.count, &label_oid));
    for (int i = 0; i < c->values.count; i++) {
        const char *label = ast_str(c->values.items[i]);
        TRY(check_label(ctx, label));
        for (int k = 0; k < i; k++)
            if (strcmp(def.labels[k].name, label) == 0)
                return err_detail(ctx,
                                  RAISE(ctx, ERR_UNIQUE_VIOLATION,
                                        "duplicate key value violates unique constraint \"pg_enum_typid_label_index\""),
                                  "Key (enumtypid, enumlabel)=(%u, %s) already exists.", def.oid, label);
        def.labels[i] = (EnumLabel){.oid = label_oid + (Oid)i, .sort = (float)(i + 1),
                                    .key = ((int64_t)i + 1) << ENUM_KEY_SHIFT, .name = label};
    }
    TRY(ddl_new_oids(ctx, 2, &def.oid));
    return put_type(ctx, &def);
}

static int
find_label(const TypeDef *def, const char *name)
{
    for (int i = 0; i < def->nlabels; i++)
        if (strcmp(def->labels[i].name, name) == 0) return i;
    return -1;
}

/* A label's place among the others: before position at. */
static Status
place_label(Ctx *ctx, TypeDef *def, int at, EnumLabel *l)
{
    int n = def->nlabels;
    if (n == 0) {
        l->key = (int64_t)1 << ENUM_KEY_SHIFT;
        l->sort = 1;
        return QN_OK;
    }
    if (at == 0 || at == n) {
        const EnumLabel *edge = &def->labels[at == 0 ? 0 : n - 1];
        int64_t step = (int64_t)1 << ENUM_KEY_SHIFT;
        l->key = edge->key + (at == 0 ? -step : step);
        l->sort = edge->sort + (at == 0 ? -1.0f : 1.0f);
        return QN_OK;
    }
    const EnumLabel *a = &def->labels[at - 1], *b = &def->labels[at];
    l->key = a->key + (b->key - a->key) / 2;
    if (l->key == a->key)
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "too many values were added between \"%s\" and \"%s\"", a->name, b->name);
    l->sort = (float)(((double)a->sort + b->sort) / 2);
    if (l->sort == a->sort || l->sort == b->sort) { /* what is shown is numbered anew; keys stay */
        for (int i = 0; i < n; i++) def->labels[i].sort = (float)(i < at ? i + 1 : i + 2);
        l->sort = (float)(at + 1);
    }
    return QN_OK;
}

static Status
add_label(Ddl *d, TypeDef *def, const AlterEnumStmt *a)
{
    Ctx *ctx = d->ctx;
    int at = def->nlabels;
    EnumLabel l = {.name = a->new_value};
    TRY(check_label(ctx, a->new_value));
    if (find_label(def, a->new_value) >= 0) {
        if (!a->if_not_exists)
            return RAISE(ctx, ERR_DUPLICATE_OBJECT, "enum label \"%s\" already exists", a->new_value);
        ctx_notice(ctx, "NOTICE", ERR_DUPLICATE_OBJECT, "enum label \"%s\" already exists, skipping", a->new_value);
        return QN_OK;
    }
    if (a->neighbor != NULL) {
        at = find_label(def, a->neighbor);
        if (at < 0)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "\"%s\" is not an existing enum label", a->neighbor);
        at += a->after;
    }
    TRY(place_label(ctx, def, at, &l));
    TRY(ddl_new_oids(ctx, 1, &l.oid));
    memmove(def->labels + at + 1, def->labels + at, (size_t)(def->nlabels - at) * sizeof(EnumLabel));
    def->labels[at] = l;
    def->nlabels++;
    return put_type(ctx, def);
}

Status
ddl_run_alter_enum(Ddl *d, const AlterEnumStmt *a)
{
    Ctx *ctx = d->ctx;
    TypeDef *def;
    Oid oid;
    TRY(ddl_find_type(d, &a->name, &oid));
    if (type_kind(oid) != TYPTYPE_ENUM) {
        const char *name;
        TRY(type_format(ctx, d->arena, oid, -1, &name));
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "%s is not an enum", name);
    }
    TRY(ddl_lock_type(ctx, oid));
    TRY(ddl_edit_type(ctx, d->arena, oid, &def));
    if (a->old_value == NULL) return add_label(d, def, a);
    int at = find_label(def, a->old_value);
    if (at < 0) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "\"%s\" is not an existing enum label", a->old_value);
    if (find_label(def, a->new_value) >= 0)
        return RAISE(ctx, ERR_DUPLICATE_OBJECT, "enum label \"%s\" already exists", a->new_value);
    TRY(check_label(ctx, a->new_value));
    def->labels[at].name = a->new_value;
    return put_type(ctx, def);
}

/* ---- composite types ---- */

Status
ddl_run_create_composite(Ddl *d, const CompositeTypeStmt *c)
{
    Ctx *ctx = d->ctx;
    RelDef def = {.kind = RELKIND_COMPOSITE, .persistence = 'p', .layout = 1, .ncols = c->columns.count};
    bool skip;
    TRY(ddl_type_target(d, &c->name, &def.schema_oid, &def.name));
    TRY(ddl_claim_name(ctx, def.schema_oid, def.name, false, &skip));
    TRY_ALLOC(ctx, def.cols, ARENA_ARRAY(d->arena, ColDef, c->columns.count + 1));
    for (int i = 0; i < c->columns.count; i++) {
        const ColumnDef *cd = AST_AS(ColumnDef, c->columns.items[i]);
        ColumnExtra extra;
        TRY(ddl_make_column(d, def.name, cd, &def.cols[i], &extra));
        for (int k = 0; k < i; k++)
            if (strcmp(def.cols[k].col.name, cd->name) == 0)
                return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" specified more than once", cd->name);
        def.cols[i].col.attnum = i + 1;
        def.cols[i].added_layout = 1;
    }
    return ddl_create_table(ctx, &def);
}

static int
find_attribute(const RelDef *def, const char *name)
{
    for (int i = 0; i < def->ncols; i++)
        if (!def->cols[i].col.dropped && strcmp(def->cols[i].col.name, name) == 0) return i;
    return -1;
}

static Status
missing_attribute(Ddl *d, const RelDef *def, const AlterTableCmd *c)
{
    if (!c->missing_ok)
        return RAISE(d->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", c->name, def->name);
    ctx_notice(d->ctx, "NOTICE", QN_OK, "column \"%s\" of relation \"%s\" does not exist, skipping", c->name, def->name);
    return QN_OK;
}

static Status
alter_attribute(Ddl *d, RelDef *def, const AlterTableCmd *c)
{
    Ctx *ctx = d->ctx;
    ColumnExtra extra;
    int at;
    switch (c->kind) {
    case AST_AT_ADD_COLUMN: {
        const ColumnDef *cd = AST_AS(ColumnDef, c->def);
        if (find_attribute(def, cd->name) >= 0)
            return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists", cd->name, def->name);
        ColDef *col = &def->cols[def->ncols]; /* unpacking left room for one more */
        TRY(ddl_make_column(d, def->name, cd, col, &extra));
        if (ddl_type_uses(ctx, col->col.type, def->oid + 1))
            return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "composite type %s cannot be made a member of itself", def->name);
        col->col.attnum = ++def->ncols;
        col->added_layout = 1;
        return QN_OK;
    }
    case AST_AT_DROP_COLUMN:
        at = find_attribute(def, c->name);
        if (at < 0) return missing_attribute(d, def, c);
        TRY_ALLOC(ctx, def->cols[at].col.name, arena_printf(d->arena, "........pg.dropped.%d........", at + 1));
        def->cols[at].col.dropped = true;
        return QN_OK;
    case AST_AT_ALTER_COLUMN_TYPE: {
        const ColumnDef *cd = AST_AS(ColumnDef, c->def);
        ColDef col;
        ColumnDef named = *cd;
        named.name = c->name;
        at = find_attribute(def, c->name);
        if (at < 0) return missing_attribute(d, def, c);
        TRY(ddl_refuse_row_type_columns(ctx, def->oid, def->name, true));
        TRY(ddl_make_column(d, def->name, &named, &col, &extra));
        def->cols[at].col.type = col.col.type;
        def->cols[at].col.typmod = col.col.typmod;
        def->cols[at].col.collation = col.col.collation;
        return QN_OK;
    }
    case AST_AT_CHANGE_OWNER: return QN_OK;
    default: return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is a composite type", def->name);
    }
}

Status
ddl_run_alter_composite(Ddl *d, const AlterTableStmt *a)
{
    const RangeVar *rv = AST_AS(RangeVar, a->rel);
    const Relation *rel;
    TRY(catalog_relation(d->ctx, rv->schema, rv->name, &rel));
    if (rel == NULL)
        return RAISE(d->ctx, ERR_UNDEFINED_TABLE, "relation \"%s\" does not exist", rv->name);
    if (rel->kind != RELKIND_COMPOSITE)
        return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a composite type", rv->name);
    TRY(lock_relation(d->ctx, rel->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, rel->name));
    for (int i = 0; i < a->cmds.count; i++) {
        RelDef *def;
        TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
        TRY(alter_attribute(d, def, AST_AS(AlterTableCmd, a->cmds.items[i])));
        TRY(ddl_put_relation(d->ctx, def));
        TRY(ddl_alter_typed_tables(d, rel, AST_AS(AlterTableCmd, a->cmds.items[i])));
    }
    return QN_OK;
}

/* ---- shells, renaming, moving, dropping ---- */

/* A type with functions of its own: they would be C functions, which nobody can load; what is wrong without them is said first. */
static Status
define_base_type(Ddl *d, const DefineStmt *s, const TypeDef *def)
{
    Ctx *ctx = d->ctx;
    bool input = false, output = false;
    if (!ddl_type_exists(ctx, def->schema_oid, def->name)) {
        Status st = RAISE(ctx, ERR_DUPLICATE_OBJECT, "type \"%s\" does not exist", def->name);
        return err_hint(ctx, st, "Create the type as a shell type, then create its I/O functions, then do a full CREATE TYPE.");
    }
    for (int i = 0; i < s->definition.count; i++) {
        const DefElem *e = AST_AS(DefElem, s->definition.items[i]);
        input |= strcmp(e->name, "input") == 0;
        output |= strcmp(e->name, "output") == 0;
    }
    if (!input) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "type input function must be specified");
    if (!output) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "type output function must be specified");
    return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "types with functions of their own are not supported yet");
}

Status
ddl_run_alter_type(Ddl *d, const AlterTypeStmt *s)
{
    Ctx *ctx = d->ctx;
    const char *text;
    Oid oid;
    TRY(ddl_find_type(d, &s->name, &oid));
    if (type_info(oid) == NULL)
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type \"%s\" is only a shell", ast_str(s->name.items[s->name.count - 1]));
    TRY(type_format(ctx, d->arena, oid, -1, &text));
    if (type_kind(oid) != TYPTYPE_BASE) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "%s is not a base type", text);
    return RAISE(ctx, ERR_INSUFFICIENT_PRIVILEGE, "must be owner of type %s", text);
}

Status
ddl_run_define_type(Ddl *d, const DefineStmt *s)
{
    Ctx *ctx = d->ctx;
    TypeDef def = {.kind = TYPTYPE_PSEUDO, .typmod = -1};
    TRY(ddl_type_target(d, &s->name, &def.schema_oid, &def.name));
    if (s->definition.count > 0) return define_base_type(d, s, &def);
    TRY(ddl_claim_type_name(ctx, def.schema_oid, def.name));
    TRY(ddl_new_oids(ctx, 2, &def.oid));
    return put_type(ctx, &def);
}

/* The stored type of a name for a change: 42704; 42809 where it has to be a domain. */
Status
ddl_open_type(Ddl *d, const AstList *name, bool domain, TypeDef **out)
{
    Ctx *ctx = d->ctx;
    Oid oid;
    *out = NULL;
    TRY(ddl_find_type(d, name, &oid));
    if (domain && type_kind(oid) != TYPTYPE_DOMAIN) {
        const char *text;
        TRY(type_format(ctx, d->arena, oid, -1, &text));
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "%s is not a domain", text);
    }
    if (oid < OID_FIRST_USER)
        return RAISE(ctx, ERR_INSUFFICIENT_PRIVILEGE, "must be owner of type %s", ast_str(name->items[name->count - 1]));
    const TypeInfo *t = type_info(oid);
    if (t != NULL && t->elem_oid != 0) {
        const char *array, *elem;
        TRY(type_format(ctx, d->arena, oid, -1, &array));
        TRY(type_format(ctx, d->arena, t->elem_oid, -1, &elem));
        return err_hint(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot alter array type %s", array),
                        "You can alter type %s, which will alter the array type as well.", elem);
    }
    TRY(ddl_lock_type(ctx, oid));
    return ddl_edit_type(ctx, d->arena, oid, out);
}

/* A composite type is renamed and moved as a relation. */
static Status
composite_of(Ddl *d, const AstList *name, const Relation **out)
{
    Oid oid;
    TRY(ddl_find_type(d, name, &oid));
    Oid rel = catalog_type_relation(d->ctx, oid);
    *out = NULL;
    if (rel == INVALID_OID) return QN_OK;
    TRY(catalog_relation_by_oid(d->ctx, rel, out));
    if (*out == NULL || (*out)->kind == RELKIND_COMPOSITE) return QN_OK;
    const char *text;
    TRY(type_format(d->ctx, d->arena, oid, -1, &text));
    return err_hint(d->ctx, RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "%s is a table's row type", text), "Use ALTER TABLE instead.");
}

Status
ddl_run_rename_type(Ddl *d, const RenameStmt *s)
{
    Ctx *ctx = d->ctx;
    TypeDef *def;
    if (s->kind == AST_OBJECT_ATTRIBUTE) {
        const RangeVar *rv = AST_AS(RangeVar, s->rel);
        const Relation *rel;
        RelDef *rdef;
        TRY(catalog_relation_required(ctx, rv->schema, rv->name, 0, &rel));
        if (rel->kind != RELKIND_COMPOSITE)
            return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a composite type", rel->name);
        TRY(lock_relation(ctx, rel->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, rel->name));
        TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &rdef));
        int at = find_attribute(rdef, s->subname);
        if (at < 0) return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", s->subname);
        if (find_attribute(rdef, s->newname) >= 0)
            return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists", s->newname, rel->name);
        Oid *tables;
        int n;
        TRY(ddl_typed_tables(d, rel, s->behavior, &tables, &n));
        rdef->cols[at].col.name = s->newname;
        TRY(ddl_put_relation(ctx, rdef));
        for (int i = 0; i < n; i++) {
            TRY(catalog_relation_by_oid(ctx, tables[i], &rel));
            TRY(ddl_rename_column(d, rel, s));
        }
        return QN_OK;
    }
    const AstList *name = &AST_AS(ListNode, s->object)->items;
    const Relation *rel;
    TRY(composite_of(d, name, &rel));
    if (rel != NULL) {
        RelDef *rdef;
        bool skip;
        TRY(ddl_claim_name(ctx, rel->schema_oid, s->newname, false, &skip));
        TRY(lock_relation(ctx, rel->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, rel->name));
        TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &rdef));
        rdef->name = s->newname;
        TRY(ddl_put_relation(ctx, rdef));
        return catalog_type_load(ctx, catalog_row_type(rel));
    }
    TRY(ddl_open_type(d, name, s->kind == AST_OBJECT_DOMAIN, &def));
    if (s->kind == AST_OBJECT_DOMCONSTRAINT) return ddl_rename_domain_constraint(d, def, s);
    TRY(ddl_claim_type_name(ctx, def->schema_oid, s->newname));
    def->name = s->newname;
    return put_type(ctx, def);
}

Status
ddl_run_move_type(Ddl *d, const AlterObjectSchemaStmt *s)
{
    Ctx *ctx = d->ctx;
    const AstList *name = &AST_AS(ListNode, s->object)->items;
    const Relation *rel;
    TypeDef *def;
    RangeVar target = {.base = {AST_RangeVar}, .schema = s->new_schema};
    Oid schema;
    TRY(composite_of(d, name, &rel));
    target.name = rel != NULL ? rel->name : ast_str(name->items[name->count - 1]);
    char persistence = 'p';
    TRY(ddl_target_schema(ctx, &target, &schema, &persistence));
    if (rel != NULL) {
        RelDef *rdef;
        bool skip;
        if (rel->schema_oid == schema) return QN_OK;
        TRY(ddl_claim_name(ctx, schema, rel->name, false, &skip));
        TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &rdef));
        rdef->schema_oid = schema;
        return ddl_put_relation(ctx, rdef);
    }
    TRY(ddl_open_type(d, name, s->kind == AST_OBJECT_DOMAIN, &def));
    if (def->schema_oid == schema) return QN_OK;
    TRY(ddl_claim_type_name(ctx, schema, def->name));
    def->schema_oid = schema;
    return put_type(ctx, def);
}

/* A type that goes only with something else. */
static Status
refuse_drop(Ddl *d, Oid oid, Oid rel_oid)
{
    Ctx *ctx = d->ctx;
    const TypeInfo *t = type_info(oid);
    const char *text, *owner;
    TRY(type_format(ctx, d->arena, oid, -1, &text));
    if (oid < OID_FIRST_USER)
        return RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST,
                     "cannot drop type %s because it is required by the database system", text);
    if (rel_oid != INVALID_OID)
        TRY(ddl_describe(ctx, &(DropTarget){.kind = OBJ_RELATION, .oid = rel_oid}, &owner));
    else
        TRY(ddl_describe(ctx, &(DropTarget){.kind = OBJ_TYPE, .oid = t->made == TYPTYPE_MULTIRANGE ? t->subtype_oid : t->elem_oid}, &owner));
    return err_hint(ctx, RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST, "cannot drop type %s because %s requires it", text, owner),
                    "You can drop %s instead.", owner);
}

static Status
missing_type(Ddl *d, const DropStmt *s, const TypeName *t)
{
    Ctx *ctx = d->ctx;
    int n = t->names.count;
    const char *schema = n > 1 ? ast_str(t->names.items[n - 2]) : NULL;
    StrBuf b = strbuf_new(d->arena);
    char *text;
    for (int i = 0; i < n; i++) strbuf_addf(&b, "%s%s", i > 0 ? "." : "", ast_str(t->names.items[i]));
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    bool no_schema = schema != NULL && catalog_schema_oid(ctx, schema) == INVALID_OID;
    if (s->missing_ok) {
        if (no_schema) ctx_notice(ctx, "NOTICE", QN_OK, "schema \"%s\" does not exist, skipping", schema);
        else ctx_notice(ctx, "NOTICE", QN_OK, "type \"%s\" does not exist, skipping", text);
        return QN_OK;
    }
    if (no_schema) return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
    return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type \"%s\" does not exist", text);
}

Status
ddl_drop_types(Ddl *d, const DropStmt *s)
{
    Ctx *ctx = d->ctx;
    DropTarget *targets;
    int n = 0;
    TRY_ALLOC(ctx, targets, ARENA_ARRAY(d->arena, DropTarget, s->objects.count));
    for (int i = 0; i < s->objects.count; i++) {
        const TypeName *t = AST_AS(TypeName, s->objects.items[i]);
        int names = t->names.count;
        Oid oid = catalog_type_by_name(ctx, names > 1 ? ast_str(t->names.items[names - 2]) : NULL,
                                       ast_str(t->names.items[names - 1]));
        if (oid != INVALID_OID && t->array_bounds.count > 0) oid = type_info(oid) != NULL ? type_info(oid)->array_oid : INVALID_OID;
        if (oid == INVALID_OID) {
            TRY(missing_type(d, s, t));
            continue;
        }
        if (s->kind == AST_OBJECT_DOMAIN && type_kind(oid) != TYPTYPE_DOMAIN) {
            const char *text;
            TRY(type_format(ctx, d->arena, oid, -1, &text));
            return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a domain", text);
        }
        Oid rel_oid = catalog_type_relation(ctx, oid);
        const Relation *rel = NULL;
        if (rel_oid != INVALID_OID) TRY(catalog_relation_by_oid(ctx, rel_oid, &rel));
        bool composite = rel != NULL && rel->kind == RELKIND_COMPOSITE;
        const TypeInfo *info = type_info(oid);
        if (oid < OID_FIRST_USER || (rel != NULL && !composite) || (info != NULL && info->elem_oid != 0))
            return refuse_drop(d, oid, composite ? INVALID_OID : rel_oid);
        if (info != NULL && info->made == TYPTYPE_MULTIRANGE) return refuse_drop(d, oid, INVALID_OID);
        targets[n++] = composite ? (DropTarget){.kind = OBJ_RELATION, .oid = rel_oid}
                                 : (DropTarget){.kind = OBJ_TYPE, .oid = oid};
    }
    return n > 0 ? ddl_drop(ctx, targets, n, s->behavior == AST_DROP_CASCADE) : QN_OK;
}

/* ---- ranges ---- */

/* The multirange's name: "range" in the name becomes "multirange"; else "_multirange" is put behind. */
static Status
multirange_name(Ddl *d, const char *range, const char **out)
{
    const char *at = strstr(range, "range");
    StrBuf b = strbuf_new(d->arena);
    char *text;
    if (at != NULL) {
        strbuf_add(&b, range, (size_t)(at - range));
        strbuf_addf(&b, "multi%s", at);
    } else {
        strbuf_addf(&b, "%s_multirange", range);
    }
    TRY(strbuf_finish(d->ctx, &b, &text, NULL));
    if (strlen(text) > CATALOG_NAME_MAX) text[CATALOG_NAME_MAX] = '\0';
    *out = text;
    return QN_OK;
}

static const char *
def_name(const DefElem *e)
{
    if (e->arg == NULL) return NULL;
    if (ast_is(e->arg, TypeName)) {
        const AstList *names = &AST_AS(TypeName, e->arg)->names;
        return ast_str(names->items[names->count - 1]);
    }
    return ast_is(e->arg, StringNode) ? ast_str(e->arg) : NULL;
}

typedef struct RangeOptions {
    const TypeName *subtype;
    const AstList *multirange; /* qualified name */
    const char *subdiff;
} RangeOptions;

static Status
range_options(Ddl *d, const CreateRangeStmt *c, RangeOptions *o)
{
    Ctx *ctx = d->ctx;
    for (int i = 0; i < c->params.count; i++) {
        const DefElem *e = AST_AS(DefElem, c->params.items[i]);
        for (int k = 0; k < i; k++)
            if (strcmp(AST_AS(DefElem, c->params.items[k])->name, e->name) == 0)
                return err_position(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "conflicting or redundant options"), e->loc);
        if (strcmp(e->name, "subtype") == 0 && e->arg != NULL && ast_is(e->arg, TypeName)) {
            o->subtype = AST_AS(TypeName, e->arg);
        } else if (strcmp(e->name, "multirange_type_name") == 0 && e->arg != NULL && ast_is(e->arg, TypeName)) {
            o->multirange = &AST_AS(TypeName, e->arg)->names;
        } else if (strcmp(e->name, "subtype_diff") == 0) {
            o->subdiff = def_name(e);
        } else if (strcmp(e->name, "canonical") == 0) {
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "canonical functions of ranges are not supported yet");
        } else if (strcmp(e->name, "subtype_opclass") != 0 && strcmp(e->name, "collation") != 0) {
            return err_position(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "type attribute \"%s\" not recognized", e->name), e->loc);
        }
    }
    if (o->subtype == NULL) return RAISE(ctx, ERR_SYNTAX_ERROR, "type attribute \"subtype\" is required");
    return QN_OK;
}

/* float8(x, y) of that name. */
static Status
find_subdiff(Ddl *d, const char *name, Oid subtype, Oid *out)
{
    int n;
    const Function *const *fns = fn_by_name(name, &n);
    for (int i = 0; fns != NULL && i < n; i++)
        if (fns[i]->nargs == 2 && fns[i]->args[0] == subtype && fns[i]->args[1] == subtype) {
            if (fns[i]->result != TYPE_FLOAT8)
                return RAISE(d->ctx, ERR_INVALID_OBJECT_DEFINITION, "range subtype diff function %s must return type %s", name,
                             "double precision");
            *out = fns[i]->oid;
            return QN_OK;
        }
    const char *type;
    TRY(type_format(d->ctx, d->arena, subtype, -1, &type));
    return RAISE(d->ctx, ERR_UNDEFINED_FUNCTION, "function %s(%s, %s) does not exist", name, type, type);
}

Status
ddl_run_create_range(Ddl *d, const CreateRangeStmt *c)
{
    Ctx *ctx = d->ctx;
    PlanState ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql};
    TypeDef def = {.kind = TYPTYPE_RANGE, .typmod = -1}, multi = {.kind = TYPTYPE_MULTIRANGE, .typmod = -1};
    RangeOptions o = {0};
    TRY(ddl_type_target(d, &c->name, &def.schema_oid, &def.name));
    TRY(ddl_claim_type_name(ctx, def.schema_oid, def.name));
    TRY(range_options(d, c, &o));
    TRY(resolve_type_name(&ps, &o.subtype->base, &def.base, &def.typmod));
    const TypeInfo *sub = type_info(def.base);
    const char *subtype;
    TRY(type_format(ctx, d->arena, def.base, -1, &subtype));
    if (sub == NULL || type_kind(def.base) == TYPTYPE_PSEUDO)
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "range subtype cannot be %s", subtype);
    if (sub->cmp == NULL)
        return err_hint(ctx,
                        RAISE(ctx, ERR_UNDEFINED_OBJECT, "data type %s has no default operator class for access method \"%s\"", subtype,
                              "btree"),
                        "You must specify an operator class for the range type or define a default operator class for the subtype.");
    if (o.subdiff != NULL) TRY(find_subdiff(d, o.subdiff, def.base, &def.subdiff));
    def.collation = type_is_collatable(def.base) ? 100 : INVALID_OID;
    multi.schema_oid = def.schema_oid;
    if (o.multirange != NULL) TRY(ddl_type_target(d, o.multirange, &multi.schema_oid, &multi.name));
    else TRY(multirange_name(d, def.name, &multi.name));
    if (strcmp(multi.name, def.name) == 0 && multi.schema_oid == def.schema_oid)
        return RAISE(ctx, ERR_DUPLICATE_OBJECT, "type \"%s\" already exists", multi.name);
    Status st = ddl_claim_type_name(ctx, multi.schema_oid, multi.name);
    if (st != QN_OK && o.multirange == NULL) {
        st = err_detail(ctx, st, "Failed while creating a multirange type for type \"%s\".", def.name);
        st = err_hint(ctx, st, "You can manually specify a multirange type name using the \"multirange_type_name\" attribute.");
    }
    TRY(st);
    TRY(ddl_new_oids(ctx, 4, &def.oid)); /* the range, its array, the multirange, its array */
    multi.oid = def.oid + 2;
    multi.base = def.oid;
    TRY(put_type(ctx, &def));
    return put_type(ctx, &multi);
}
