/* ddl_object.c - objects of every kind by name: what DROP, COMMENT, ALTER ... RENAME and SET SCHEMA have in common. Relations, types,
 * schemas and routines have their own files; here are those that are Definitions (catalog/definition.h), and the names of
 * kinds of which nothing exists. */
#include "session/ddl_object.h"
#include "catalog/routine.h"
#include "planner/resolve.h"
#include "storage/db.h"
#include <stdarg.h>
#include <stdio.h>

enum { BUILTIN_CAST = 1 }; /* built-in casts have no oids: stands for any of them */

/* ---- what is missing ---- */

/* 42704 and its like, or a NOTICE. */
static Status missing(Ddl *d, bool missing_ok, Status code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static Status
missing(Ddl *d, bool missing_ok, Status code, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!missing_ok) return RAISE(d->ctx, code, "%s", text);
    ctx_notice(d->ctx, "NOTICE", QN_OK, "%s, skipping", text);
    return QN_OK;
}

const char *
ddl_object_word(AstObjectKind kind)
{
    switch (kind) {
    case AST_OBJECT_OPERATOR: return "operator";
    case AST_OBJECT_OPCLASS: return "operator class";
    case AST_OBJECT_OPFAMILY: return "operator family";
    case AST_OBJECT_COLLATION: return "collation";
    case AST_OBJECT_CONVERSION: return "conversion";
    case AST_OBJECT_STATISTIC_EXT: return "statistics object";
    case AST_OBJECT_TSPARSER: return "text search parser";
    case AST_OBJECT_TSDICTIONARY: return "text search dictionary";
    case AST_OBJECT_TSTEMPLATE: return "text search template";
    case AST_OBJECT_TSCONFIGURATION: return "text search configuration";
    case AST_OBJECT_LANGUAGE: return "language";
    case AST_OBJECT_EXTENSION: return "extension";
    case AST_OBJECT_ACCESS_METHOD: return "access method";
    case AST_OBJECT_EVENT_TRIGGER: return "event trigger";
    case AST_OBJECT_FDW: return "foreign-data wrapper";
    case AST_OBJECT_FOREIGN_SERVER: return "server";
    case AST_OBJECT_PUBLICATION: return "publication";
    case AST_OBJECT_SUBSCRIPTION: return "subscription";
    case AST_OBJECT_ROLE: return "role";
    case AST_OBJECT_DATABASE: return "database";
    case AST_OBJECT_TABLESPACE: return "tablespace";
    case AST_OBJECT_RULE: return "rule";
    case AST_OBJECT_TRIGGER: return "trigger";
    case AST_OBJECT_POLICY: return "policy";
    default: return "object";
    }
}

/* ---- names ---- */

/* The schemas to look in; *gone_out: the one named is not there (42704-like 3F000, or a NOTICE). */
static Status
name_path(Ddl *d, const AstList *names, bool missing_ok, Oid **path_out, int *n_out, const char **name_out, bool *gone_out)
{
    const char *schema = names->count > 1 ? ast_str(names->items[names->count - 2]) : NULL;
    *gone_out = false;
    *name_out = ast_str(names->items[names->count - 1]);
    if (schema == NULL) return catalog_search_path(d->ctx, d->arena, true, path_out, n_out);
    TRY_ALLOC(d->ctx, *path_out, ARENA_ARRAY(d->arena, Oid, 1));
    (*path_out)[0] = catalog_schema_oid(d->ctx, schema);
    *n_out = 1;
    *gone_out = (*path_out)[0] == INVALID_OID;
    return *gone_out ? missing(d, missing_ok, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema) : QN_OK;
}

static char
definition_kind(AstObjectKind kind)
{
    switch (kind) {
    case AST_OBJECT_OPERATOR: return DEF_OPERATOR;
    case AST_OBJECT_OPCLASS: return DEF_OPCLASS;
    case AST_OBJECT_OPFAMILY: return DEF_OPFAMILY;
    case AST_OBJECT_COLLATION: return DEF_COLLATION;
    case AST_OBJECT_STATISTIC_EXT: return DEF_STATISTICS;
    case AST_OBJECT_CAST: return DEF_CAST;
    default: return '\0';
    }
}

static void
set_definition(ObjectRef *out, const Definition *def)
{
    *out = (ObjectRef){.kind = OBJ_DEFINED, .oid = def->oid, .class_oid = def_class(def->kind), .def = def};
}

/* One found by its name alone. */
static Status
find_named(Ddl *d, AstObjectKind kind, const AstList *names, bool missing_ok, ObjectRef *out)
{
    Oid *path;
    int npath;
    const char *name;
    bool gone;
    char def_kind = definition_kind(kind);
    TRY(name_path(d, names, missing_ok, &path, &npath, &name, &gone));
    for (int i = 0; !gone && def_kind != '\0' && i < npath; i++) {
        const Definition **list;
        int n;
        TRY(catalog_definitions(d->ctx, d->arena, path[i], name, def_kind, &list, &n));
        if (n == 0) continue;
        set_definition(out, list[0]);
        return QN_OK;
    }
    if (gone) return QN_OK;
    if (kind != AST_OBJECT_COLLATION)
        return missing(d, missing_ok, ERR_UNDEFINED_OBJECT, "%s \"%s\" does not exist", ddl_object_word(kind), name);
    out->oid = collation_builtin(name);
    out->class_oid = CLASS_COLLATION;
    if (out->oid != INVALID_OID) return QN_OK;
    return missing_ok ? missing(d, true, QN_OK, "collation \"%s\" does not exist", name)
                      : RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "collation \"%s\" for encoding \"UTF8\" does not exist", name);
}

/* Those of no schema. */
static Status
find_plain(Ddl *d, AstObjectKind kind, const char *name, bool missing_ok, ObjectRef *out)
{
    switch (kind) {
    case AST_OBJECT_LANGUAGE:
        if (language_by_name(name) != NULL) *out = (ObjectRef){.oid = language_by_name(name)->oid, .class_oid = CLASS_LANGUAGE};
        break;
    case AST_OBJECT_ACCESS_METHOD: *out = (ObjectRef){.oid = def_method_oid(name), .class_oid = CLASS_AM}; break;
    case AST_OBJECT_ROLE:
        if (strcmp(name, CATALOG_ROLE_NAME) == 0) *out = (ObjectRef){.oid = OID_BOOTSTRAP_ROLE, .class_oid = CLASS_AUTHID};
        break;
    /* Whatever an application calls it, there is one. */
    case AST_OBJECT_DATABASE: *out = (ObjectRef){.oid = DATABASE_OID, .class_oid = CLASS_DATABASE}; break;
    default: break;
    }
    if (out->oid != INVALID_OID) return QN_OK;
    return missing(d, missing_ok, ERR_UNDEFINED_OBJECT, "%s \"%s\" does not exist", ddl_object_word(kind), name);
}

/* Rules, triggers, policies: the last name is theirs, those before it name the table. There are none of these. */
static Status
find_on_table(Ddl *d, AstObjectKind kind, const AstList *names, bool missing_ok)
{
    const Relation *rel;
    int n = names->count - 1;
    const char *schema = n > 1 ? ast_str(names->items[n - 2]) : NULL, *table = ast_str(names->items[n - 1]);
    if (schema != NULL && catalog_schema_oid(d->ctx, schema) == INVALID_OID)
        return missing(d, missing_ok, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
    TRY(catalog_relation(d->ctx, schema, table, &rel));
    if (rel == NULL)
        return missing(d, missing_ok, ERR_UNDEFINED_TABLE, schema != NULL ? "relation \"%s.%s\" does not exist" : "relation \"%s%s\" does not exist",
                       schema != NULL ? schema : "", table);
    return missing(d, missing_ok, ERR_UNDEFINED_OBJECT, "%s \"%s\" for %s \"%s\" does not exist", ddl_object_word(kind),
                   ast_str(names->items[n]), kind == AST_OBJECT_RULE ? "relation" : "table", table);
}

static Status
find_cast(Ddl *d, const AstList *types, bool missing_ok, ObjectRef *out)
{
    Oid pair[2];
    const char *name;
    const Definition **list;
    int n;
    for (int i = 0; i < 2; i++) {
        bool gone;
        TRY(ddl_named_type(d, types->items[i], missing_ok, &pair[i], &gone));
        if (gone) return QN_OK;
    }
    TRY(def_cast_name(d->ctx, d->arena, pair[0], pair[1], &name));
    TRY(catalog_definitions(d->ctx, d->arena, INVALID_OID, name, DEF_CAST, &list, &n));
    if (n > 0) {
        set_definition(out, list[0]);
        return QN_OK;
    }
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    const char *source = type_text(&ps, pair[0]), *target = type_text(&ps, pair[1]);
    if (cast_find(pair[0], pair[1]) != NULL) {
        *out = (ObjectRef){.oid = BUILTIN_CAST, .class_oid = CLASS_CAST};
        return QN_OK;
    }
    return missing(d, missing_ok, ERR_UNDEFINED_OBJECT, "cast from type %s to type %s does not exist", source, target);
}

static const char *
operator_text(Ddl *d, const ObjectWithArgs *o, const Oid *types)
{
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    StrBuf b = strbuf_new(d->arena);
    if (types[0] != INVALID_OID) strbuf_addf(&b, "%s ", type_text(&ps, types[0]));
    for (int i = 0; i < o->name.count; i++) strbuf_addf(&b, "%s%s", i > 0 ? "." : "", ast_str(o->name.items[i]));
    if (types[1] != INVALID_OID) strbuf_addf(&b, " %s", type_text(&ps, types[1]));
    return b.failed ? "?" : b.data;
}

static const Operator *
builtin_operator(const char *name, const Oid *types)
{
    int n;
    const Operator *const *ops = op_by_name(strcmp(name, "!=") == 0 ? "<>" : name, &n);
    for (int i = 0; ops != NULL && i < n; i++)
        if (ops[i]->left == types[0] && ops[i]->right == types[1]) return ops[i];
    return NULL;
}

static Status
find_operator_object(Ddl *d, const ObjectWithArgs *o, bool missing_ok, ObjectRef *out)
{
    Oid types[2] = {0}, *path;
    int npath;
    const char *name;
    bool gone;
    if (o->args.count < 2) return RAISE(d->ctx, ERR_SYNTAX_ERROR, "missing argument");
    for (int i = 0; i < 2; i++) {
        if (o->args.items[i] == NULL) continue;
        TRY(ddl_named_type(d, o->args.items[i], missing_ok, &types[i], &gone));
        if (gone) return QN_OK;
    }
    if (types[1] == INVALID_OID) return RAISE(d->ctx, ERR_SYNTAX_ERROR, "postfix operators are not supported");
    TRY(name_path(d, &o->name, missing_ok, &path, &npath, &name, &gone));
    if (gone) return QN_OK;
    for (int i = 0; i < npath; i++) {
        const Definition **list;
        int n;
        TRY(catalog_definitions(d->ctx, d->arena, path[i], name, DEF_OPERATOR, &list, &n));
        for (int k = 0; k < n; k++) {
            if (list[k]->nums[OPR_LEFT] != types[0] || list[k]->nums[OPR_RIGHT] != types[1]) continue;
            set_definition(out, list[k]);
            return QN_OK;
        }
        const Operator *op = path[i] == OID_PG_CATALOG ? builtin_operator(name, types) : NULL;
        if (op == NULL) continue;
        *out = (ObjectRef){.oid = op->oid, .class_oid = CLASS_OPERATOR};
        return QN_OK;
    }
    const char *text = operator_text(d, o, types);
    return missing_ok ? missing(d, true, QN_OK, "operator %s does not exist", text)
                      : RAISE(d->ctx, ERR_UNDEFINED_FUNCTION, "operator does not exist: %s", text);
}

/* Operator classes and families: the access method, then the name. */
static Status
find_of_method(Ddl *d, AstObjectKind kind, const AstList *list, bool missing_ok, ObjectRef *out)
{
    const char *method = ast_str(list->items[0]), *name;
    AstList names = {list->items + 1, list->count - 1, list->count - 1};
    Oid am = def_method_oid(method), *path;
    int npath;
    bool gone;
    if (am == INVALID_OID) return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "access method \"%s\" does not exist", method);
    TRY(name_path(d, &names, missing_ok, &path, &npath, &name, &gone));
    for (int i = 0; !gone && i < npath; i++) {
        const Definition **found;
        int n;
        TRY(catalog_definitions(d->ctx, d->arena, path[i], name, definition_kind(kind), &found, &n));
        for (int k = 0; k < n; k++) {
            if (found[k]->nums[0] != (int64_t)am) continue;
            set_definition(out, found[k]);
            return QN_OK;
        }
    }
    if (gone) return QN_OK;
    return missing(d, missing_ok, ERR_UNDEFINED_OBJECT, "%s \"%s\" does not exist for access method \"%s\"", ddl_object_word(kind), name, method);
}

static Status
find_transform(Ddl *d, const AstList *list, bool missing_ok)
{
    Oid type;
    bool gone;
    const char *language = ast_str(list->items[1]);
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    TRY(ddl_named_type(d, list->items[0], missing_ok, &type, &gone));
    if (gone) return QN_OK;
    if (language_by_name(language) == NULL)
        return missing(d, missing_ok, ERR_UNDEFINED_OBJECT, "language \"%s\" does not exist", language);
    return missing(d, missing_ok, ERR_UNDEFINED_OBJECT, "transform for type %s language \"%s\" does not exist", type_text(&ps, type), language);
}

Status
ddl_find_object(Ddl *d, AstObjectKind kind, const Ast *object, bool missing_ok, ObjectRef *out)
{
    *out = (ObjectRef){.kind = OBJ_DEFINED};
    switch (kind) {
    case AST_OBJECT_OPERATOR: return find_operator_object(d, AST_AS(ObjectWithArgs, object), missing_ok, out);
    case AST_OBJECT_CAST: return find_cast(d, &AST_AS(ListNode, object)->items, missing_ok, out);
    case AST_OBJECT_OPCLASS:
    case AST_OBJECT_OPFAMILY: return find_of_method(d, kind, &AST_AS(ListNode, object)->items, missing_ok, out);
    case AST_OBJECT_TRANSFORM: return find_transform(d, &AST_AS(ListNode, object)->items, missing_ok);
    case AST_OBJECT_RULE:
    case AST_OBJECT_TRIGGER:
    case AST_OBJECT_POLICY: return find_on_table(d, kind, &AST_AS(ListNode, object)->items, missing_ok);
    default: break;
    }
    if (ast_is(object, StringNode)) return find_plain(d, kind, ast_str(object), missing_ok, out);
    if (ast_is(object, ListNode)) return find_named(d, kind, &AST_AS(ListNode, object)->items, missing_ok, out);
    return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "objects of this kind are not supported");
}

/* ---- DROP ---- */

Status
ddl_drop_objects(Ddl *d, const DropStmt *s)
{
    Ctx *ctx = d->ctx;
    DropTarget *targets;
    int n = 0;
    TRY_ALLOC(ctx, targets, ARENA_ARRAY(d->arena, DropTarget, s->objects.count + 1));
    for (int i = 0; i < s->objects.count; i++) {
        ObjectRef ref;
        TRY(ddl_find_object(d, s->kind, s->objects.items[i], s->missing_ok, &ref));
        if (ref.oid == INVALID_OID) continue;
        if (ref.oid < OID_FIRST_USER)
            return RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST, "cannot drop %s because it is required by the database system",
                         ddl_object_word(s->kind));
        targets[n++] = (DropTarget){.kind = ref.kind, .oid = ref.oid};
    }
    return n > 0 ? ddl_drop(ctx, targets, n, s->behavior == AST_DROP_CASCADE) : QN_OK;
}

/* ---- COMMENT ---- */

static Status
find_constraint(Ddl *d, const CommentStmt *c, ObjectRef *out)
{
    const AstList *names = &AST_AS(ListNode, c->object)->items;
    const char *name = ast_str(names->items[names->count - 1]);
    const Relation *rel;
    int n = names->count - 1;
    RangeVar rv = {.base = {AST_RangeVar}, .name = ast_str(names->items[n - 1]), .schema = n > 1 ? ast_str(names->items[n - 2]) : NULL};
    TRY(ddl_open(d, &rv, LOCK_SHARE_UPDATE_EXCLUSIVE, "rpv", false, &rel));
    const RelConstraint *con = relation_constraint(rel, name);
    if (con == NULL) return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist", name, rel->name);
    *out = (ObjectRef){.oid = con->oid, .class_oid = CLASS_CONSTRAINT};
    return QN_OK;
}

static Status
find_domain_constraint(Ddl *d, const CommentStmt *c, ObjectRef *out)
{
    Ctx *ctx = d->ctx;
    const AstList *names = &AST_AS(ListNode, c->object)->items;
    const char *name = ast_str(names->items[names->count - 1]), *text;
    TypeDef *def;
    CatObjList list;
    /* The domain is given as a type or as a name. */
    const Ast *first = names->items[0];
    AstList plain = {names->items, names->count - 1, names->count - 1};
    TRY(ddl_open_type(d, ast_is(first, TypeName) ? &AST_AS(TypeName, first)->names : &plain, true, &def));
    TRY(ddl_objects_under(ctx, def->oid, OBJ_CONSTRAINT, &list));
    for (int i = 0; i < list.count; i++)
        if (strcmp(list.items[i]->name, name) == 0) *out = (ObjectRef){.oid = list.items[i]->oid, .class_oid = CLASS_CONSTRAINT};
    catobj_list_release(&list);
    if (out->oid != INVALID_OID) return QN_OK;
    TRY(type_format(ctx, d->arena, def->oid, -1, &text));
    return RAISE(ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" for domain %s does not exist", name, text);
}

static Status
find_commented(Ddl *d, const CommentStmt *c, ObjectRef *out)
{
    const Routine *r;
    Oid builtin, type;
    bool gone;
    *out = (ObjectRef){0};
    switch (c->kind) {
    case AST_OBJECT_FUNCTION:
    case AST_OBJECT_PROCEDURE:
    case AST_OBJECT_ROUTINE:
    case AST_OBJECT_AGGREGATE:
        TRY(ddl_find_any_routine(d, AST_AS(ObjectWithArgs, c->object), c->kind, &r, &builtin));
        *out = (ObjectRef){.oid = r != NULL ? r->fn.oid : builtin, .class_oid = CLASS_PROC};
        return QN_OK;
    case AST_OBJECT_TYPE:
    case AST_OBJECT_DOMAIN:
        TRY(ddl_named_type(d, c->object, false, &type, &gone));
        if (c->kind == AST_OBJECT_DOMAIN && type_kind(type) != TYPTYPE_DOMAIN) {
            PlanState ps = {.ctx = d->ctx, .arena = d->arena};
            return RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a domain", type_text(&ps, type));
        }
        *out = (ObjectRef){.oid = type, .class_oid = CLASS_TYPE};
        return QN_OK;
    case AST_OBJECT_SCHEMA: {
        const char *name = ast_is(c->object, StringNode) ? ast_str(c->object) : ast_str(AST_AS(ListNode, c->object)->items.items[0]);
        *out = (ObjectRef){.oid = catalog_schema_oid(d->ctx, name), .class_oid = CLASS_NAMESPACE};
        return out->oid != INVALID_OID ? QN_OK : RAISE(d->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    }
    case AST_OBJECT_TABCONSTRAINT: return find_constraint(d, c, out);
    case AST_OBJECT_DOMCONSTRAINT: return find_domain_constraint(d, c, out);
    case AST_OBJECT_LARGEOBJECT:
        return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "large object %lld does not exist", (long long)AST_AS(A_Const, c->object)->ival);
    default: return ddl_find_object(d, c->kind, c->object, false, out);
    }
}

static const char *
comment_kinds(AstObjectKind kind)
{
    switch (kind) {
    case AST_OBJECT_TABLE: return "rp";
    case AST_OBJECT_VIEW: return "v";
    case AST_OBJECT_MATVIEW: return "m";
    case AST_OBJECT_SEQUENCE: return "S";
    case AST_OBJECT_INDEX: return "iI";
    default: return "rpvmc";
    }
}

/* Relations and their columns keep comments themselves, but indexes. */
static Status
comment_relation(Ddl *d, const CommentStmt *c)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    bool is_column = c->kind == AST_OBJECT_COLUMN;
    const AstList *parts = &AST_AS(ListNode, c->object)->items;
    int n = parts->count - is_column;
    if (n < 1) return RAISE(ctx, ERR_SYNTAX_ERROR, "column name must be qualified");
    RangeVar rv = {.base = {AST_RangeVar}, .name = ast_str(parts->items[n - 1]), .schema = n > 1 ? ast_str(parts->items[n - 2]) : NULL};
    const Relation *rel;
    TRY(ddl_open(d, &rv, LOCK_SHARE_UPDATE_EXCLUSIVE, comment_kinds(c->kind), false, &rel));
    if (c->kind == AST_OBJECT_INDEX) return ddl_put_comment(ctx, CLASS_CLASS, rel->oid, 0, c->comment);
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    if (!is_column) {
        def->comment = c->comment;
        return ddl_put_relation(ctx, def);
    }
    const char *name = ast_str(parts->items[parts->count - 1]);
    const Column *col = relation_column(rel, name);
    if (col == NULL)
        return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name, rel->name);
    def->cols[col->attnum - 1].comment = c->comment;
    return ddl_put_relation(ctx, def);
}

Status
ddl_run_comment(Ddl *d, const CommentStmt *c)
{
    ObjectRef ref;
    switch (c->kind) {
    case AST_OBJECT_TABLE:
    case AST_OBJECT_VIEW:
    case AST_OBJECT_MATVIEW:
    case AST_OBJECT_SEQUENCE:
    case AST_OBJECT_INDEX:
    case AST_OBJECT_COLUMN: return comment_relation(d, c);
    default: break;
    }
    TRY(find_commented(d, c, &ref));
    return ref.oid != INVALID_OID ? ddl_put_comment(d->ctx, ref.class_oid, ref.oid, 0, c->comment) : QN_OK;
}

/* ---- RENAME, SET SCHEMA ---- */

/* Under its name and in its schema there is no other like it. */
static Status
check_free(Ddl *d, const Definition *def)
{
    const Definition **list;
    int n;
    const char *what;
    TRY(ddl_lock_name(d->ctx, def->schema_oid, def->name));
    TRY(catalog_definitions(d->ctx, d->arena, def->schema_oid, def->name, def->kind, &list, &n));
    for (int i = 0; i < n; i++) {
        bool same = list[i]->oid != def->oid;
        if (def->kind == DEF_OPERATOR)
            same &= list[i]->nums[OPR_LEFT] == def->nums[OPR_LEFT] && list[i]->nums[OPR_RIGHT] == def->nums[OPR_RIGHT];
        if (def->kind == DEF_OPCLASS || def->kind == DEF_OPFAMILY) same &= list[i]->nums[0] == def->nums[0];
        if (!same) continue;
        TRY(def_describe(d->ctx, d->arena, list[i], &what));
        return RAISE(d->ctx, ERR_DUPLICATE_OBJECT, "%s already exists in schema \"%s\"", what,
                     catalog_schema_name(d->ctx, def->schema_oid));
    }
    return QN_OK;
}

static Status
edit(Ddl *d, AstObjectKind kind, const Ast *object, bool missing_ok, Definition *out, bool *found_out)
{
    ObjectRef ref;
    TRY(ddl_find_object(d, kind, object, missing_ok, &ref));
    *found_out = ref.oid != INVALID_OID;
    if (!*found_out) return QN_OK;
    if (ref.def == NULL)
        return RAISE(d->ctx, ERR_INSUFFICIENT_PRIVILEGE, "must be owner of %s", ddl_object_word(kind));
    *out = *ref.def;
    return QN_OK;
}

Status
ddl_rename_object(Ddl *d, const RenameStmt *s)
{
    Definition def;
    bool found;
    TRY(edit(d, s->kind, s->object, s->missing_ok, &def, &found));
    if (!found) return QN_OK;
    def.name = s->newname;
    TRY(check_free(d, &def));
    return ddl_put_definition(d->ctx, &def);
}

Status
ddl_object_schema(Ddl *d, const AlterObjectSchemaStmt *s)
{
    Definition def;
    bool found;
    TRY(edit(d, s->kind, s->object, s->missing_ok, &def, &found));
    if (!found) return QN_OK;
    Oid schema = catalog_schema_oid(d->ctx, s->new_schema);
    if (schema == INVALID_OID) return RAISE(d->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", s->new_schema);
    if (schema == def.schema_oid) return QN_OK;
    def.schema_oid = schema;
    TRY(check_free(d, &def));
    return ddl_put_definition(d->ctx, &def);
}

/* ---- OWNER ---- */

Status
ddl_run_owner(Ddl *d, const AlterOwnerStmt *s)
{
    ObjectRef ref;
    const Routine *r;
    Oid oid;
    if (s->object == NULL) return QN_OK;
    switch (s->kind) {
    case AST_OBJECT_FUNCTION:
    case AST_OBJECT_PROCEDURE:
    case AST_OBJECT_ROUTINE:
    case AST_OBJECT_AGGREGATE: return ddl_find_any_routine(d, AST_AS(ObjectWithArgs, s->object), s->kind, &r, &oid);
    case AST_OBJECT_TYPE:
    case AST_OBJECT_DOMAIN: return ddl_find_type(d, &AST_AS(ListNode, s->object)->items, &oid);
    case AST_OBJECT_SCHEMA:
        return catalog_schema_oid(d->ctx, ast_str(s->object)) != INVALID_OID
                   ? QN_OK
                   : RAISE(d->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", ast_str(s->object));
    case AST_OBJECT_LARGEOBJECT: return QN_OK;
    default: return ddl_find_object(d, s->kind, s->object, false, &ref);
    }
}
