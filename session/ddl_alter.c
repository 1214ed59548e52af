/* ddl_alter.c - ALTER TABLE: the order of its commands, and those that change little or nothing here. */
#include "session/ddl_alter.h"
#include "storage/index.h"
#include "catalog/reloptions.h"

#include "parser/deparse.h"
#include "parser/parse.h"
#include <strings.h>

/* ---- what commands share ---- */

Status
alter_find_column(Ddl *d, const Relation *rel, const char *name, const char *verb, const Column **out)
{
    *out = relation_column(rel, name);
    if (*out != NULL) return QN_OK;
    if (ddl_is_system_column(name)) return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot %s system column \"%s\"", verb, name);
    return RAISE(d->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name, rel->name);
}

Status
alter_children(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterFn fn)
{
    const Relation **list;
    int n;
    TRY(ctx_check_depth(d->ctx));
    TRY(ddl_children(d, rel, false, &list, &n));
    for (int i = 0; i < n; i++) {
        const Relation *child;
        TRY(catalog_relation_by_oid(d->ctx, list[i]->oid, &child));
        if (child != NULL) TRY(fn(d, child, c, (AlterHow){.recurse = true, .recursing = true}));
    }
    return QN_OK;
}

Status
alter_parse_expr(Ddl *d, const char *text, Ast **out)
{
    StrBuf b = strbuf_new(d->arena);
    char *sql;
    size_t nbytes, consumed;
    Ast *stmt;
    strbuf_addf(&b, "SELECT %s", text);
    TRY(strbuf_finish(d->ctx, &b, &sql, &nbytes));
    TRY(parse_sql(d->ctx, d->arena, sql, nbytes, &stmt, &consumed));
    *out = AST_AS(ResTarget, AST_AS(SelectStmt, stmt)->targets.items[0])->value;
    return QN_OK;
}

typedef struct Mention {
    const char *column;
    bool found;
} Mention;

static Status
find_mention(Ctx *ctx, Ast *node, void *arg)
{
    Mention *m = arg;
    if (ast_is(node, ColumnRef)) {
        const AstList *f = &AST_AS(ColumnRef, node)->fields;
        const Ast *last = f->items[f->count - 1];
        m->found |= ast_is(last, StringNode) && strcmp(ast_str(last), m->column) == 0;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return ast_walk(ctx, node, find_mention, arg);
}

Status
alter_mentions(Ddl *d, const char *text, const char *column, bool *out)
{
    Mention m = {.column = column};
    Ast *e;
    TRY(alter_parse_expr(d, text, &e));
    TRY(find_mention(d->ctx, e, &m));
    *out = m.found;
    return QN_OK;
}

Status
alter_refuse_partition_key(Ddl *d, const Relation *rel, const Column *col, const char *verb)
{
    const PartitionKey *k = rel->partition_key;
    for (int i = 0; k != NULL && i < k->nkeys; i++) {
        bool uses = k->attnums[i] == col->attnum;
        if (k->exprs[i] != NULL) TRY(alter_mentions(d, k->exprs[i], col->name, &uses));
        if (uses)
            return RAISE(d->ctx, ERR_INVALID_TABLE_DEFINITION, "cannot %s column \"%s\" because it is part of the partition key of relation \"%s\"",
                         verb, col->name, rel->name);
    }
    return QN_OK;
}

static Status
see_row(Stmt *stmt, void *arg)
{
    (void)stmt;
    *(bool *)arg = true;
    return QN_OK;
}

Status
alter_has_rows(Ddl *d, const Relation *rel, bool *out)
{
    StrBuf b = strbuf_new(d->arena);
    char *sql;
    *out = false;
    if (rel->heap == NULL) return QN_OK;
    strbuf_addz(&b, "SELECT 1 FROM ONLY ");
    deparse_ident(&b, rel->schema);
    strbuf_addc(&b, '.');
    deparse_ident(&b, rel->name);
    strbuf_addz(&b, " LIMIT 1");
    TRY(strbuf_finish(d->ctx, &b, &sql, NULL));
    return ddl_query(d, sql, see_row, out);
}

/* ---- commands that leave no trace, but for what they refuse ---- */

static Status
check_column(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    const Column *col;
    (void)how;
    if (c->name == NULL) return QN_OK; /* an index's column by number */
    return alter_find_column(d, rel, c->name, "alter", &col);
}

static Status
set_storage(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    static const char *const kinds[] = {"plain", "external", "extended", "main"};
    const Column *col;
    const char *kind = ast_str(c->def);
    bool known = false;
    (void)how;
    for (int i = 0; i < 4; i++) known |= strcasecmp(kind, kinds[i]) == 0;
    if (!known) return RAISE(d->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid storage type \"%s\"", kind);
    TRY(alter_find_column(d, rel, c->name, "alter", &col));
    if (type_info(col->type)->typlen < 0 || strcasecmp(kind, "plain") == 0) return QN_OK;
    return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "column data type %s can only have storage PLAIN", type_info(col->type)->sql_name);
}

static Status
cluster_on(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    RelDef *def;
    Oid oid = INVALID_OID;
    (void)how;
    for (int i = 0; c->kind == AST_AT_CLUSTER_ON && i < rel->nindexes; i++)
        if (strcmp(rel->indexes[i]->name, c->name) == 0) {
            if (!index_kind_find(rel->indexes[i]->method)->is_ordered)
                return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED,
                             "cannot cluster on index \"%s\" because access method does not support clustering", c->name);
            oid = rel->indexes[i]->oid;
        }
    if (c->kind == AST_AT_CLUSTER_ON && oid == INVALID_OID)
        return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "index \"%s\" for table \"%s\" does not exist", c->name, rel->name);
    if (rel->clustered_oid == oid) return QN_OK;
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    def->clustered_oid = oid;
    return ddl_put_relation(d->ctx, def);
}

/* WITH CHECK OPTION said otherwise. */
static Status
set_view_options(Ddl *d, const Relation *rel, const AlterTableCmd *c)
{
    RelDef *def;
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    if (c->kind == AST_AT_SET_RELOPTIONS) {
        TRY(ddl_view_options(d, &c->options, &def->view_check));
    } else {
        for (int i = 0; i < c->options.count; i++)
            if (strcmp(AST_AS(DefElem, c->options.items[i])->name, "check_option") == 0) def->view_check = 0;
    }
    TRY(ddl_put_relation(d->ctx, def));
    return ddl_check_checkable(d, rel->oid);
}

static Status
set_reloptions(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    RelDef *def;
    (void)how;
    if (rel->kind == RELKIND_VIEW) return set_view_options(d, rel, c);
    if (rel->kind != RELKIND_TABLE) return QN_OK; /* an index's are taken, and mean nothing yet */
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    TRY(reloptions_change(d->ctx, d->arena, def->options, &c->options, c->kind == AST_AT_RESET_RELOPTIONS, &def->options));
    return ddl_put_relation(d->ctx, def);
}

static Status
check_owner(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    const RoleSpec *r = AST_AS(RoleSpec, c->new_owner);
    (void)rel;
    (void)how;
    if (r->kind != AST_ROLE_NAME || strcmp(r->name, CATALOG_ROLE_NAME) == 0) return QN_OK;
    return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "role \"%s\" does not exist", r->name);
}

static Status
set_tablespace(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    (void)rel;
    (void)how;
    if (strcmp(c->name, "pg_default") == 0) return QN_OK;
    return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "tablespace \"%s\" does not exist", c->name);
}

/* Triggers and rules do not exist: those of a name are missing, all of them are none. */
static Status
missing_trigger(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    (void)how;
    if (c->name == NULL) return QN_OK;
    return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "trigger \"%s\" for table \"%s\" does not exist", c->name, rel->name);
}

static Status
missing_rule(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    (void)how;
    return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "rule \"%s\" for relation \"%s\" does not exist", c->name, rel->name);
}

static Status
accept(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    (void)d;
    (void)rel;
    (void)c;
    (void)how;
    return QN_OK;
}

/* A permanent table may not refer to an unlogged one. */
static Status
set_persistence(Ddl *d, const Relation *rel, char to)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    const char *word = to == 'u' ? "unlogged" : "logged";
    if (rel->persistence == 't')
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot change logged status of table \"%s\" because it is temporary", rel->name);
    if (rel->persistence == to) return QN_OK;
    for (int i = 0; i < (to == 'u' ? rel->nreferenced_by : rel->nconstraints); i++) {
        const RelConstraint *c = to == 'u' ? rel->referenced_by[i] : rel->constraints[i];
        const Relation *other;
        if (c->kind != CONSTRAINT_FOREIGN) continue;
        TRY(catalog_relation_by_oid(ctx, to == 'u' ? c->rel_oid : c->ref_rel_oid, &other));
        if (other == NULL || other->oid == rel->oid || other->persistence == to) continue;
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "could not change table \"%s\" to %s because it references %s table \"%s\"", rel->name, word,
                     to == 'u' ? "logged" : "unlogged", other->name);
    }
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    def->persistence = to;
    return ddl_put_relation(ctx, def);
}

static Status
set_logged(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    (void)how;
    return set_persistence(d, rel, c->kind == AST_AT_SET_UNLOGGED ? 'u' : 'p');
}

/* ---- inheritance ---- */

static Status
inherit(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    (void)how;
    return ddl_add_parent(d, rel, AST_AS(RangeVar, c->def));
}

static Status
no_inherit(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    (void)how;
    return ddl_drop_parent(d, rel, AST_AS(RangeVar, c->def));
}

/* ---- the statement ---- */

/* PostgreSQL's passes: what is dropped makes room, types change before what is built on them; but USING may still read a column that goes. */
typedef enum AlterPass { PASS_DROP, PASS_TYPE, PASS_DROP_COLUMN, PASS_ADD_COLUMN, PASS_COLUMN, PASS_ADD_INDEX, PASS_ADD_CONSTRAINT, PASS_MISC, PASS_COUNT } AlterPass;

typedef struct AlterCommand {
    AstAlterTableKind kind;
    AlterPass pass;
    const char *kinds; /* relkinds it works on */
    const char *word;  /* in errors */
    AlterFn run;
} AlterCommand;

static const AlterCommand commands[] = {
    {AST_AT_ADD_COLUMN, PASS_ADD_COLUMN, "rpc", "ADD COLUMN", alter_add_column},
    {AST_AT_DROP_COLUMN, PASS_DROP_COLUMN, "rpc", "DROP COLUMN", alter_drop_column},
    {AST_AT_COLUMN_DEFAULT, PASS_COLUMN, "rpv", "ALTER COLUMN ... SET DEFAULT", alter_column_default},
    {AST_AT_DROP_NOT_NULL, PASS_DROP, "rp", "ALTER COLUMN ... DROP NOT NULL", alter_drop_not_null},
    {AST_AT_SET_NOT_NULL, PASS_COLUMN, "rp", "ALTER COLUMN ... SET NOT NULL", alter_set_not_null},
    {AST_AT_DROP_EXPRESSION, PASS_DROP, "rp", "ALTER COLUMN ... DROP EXPRESSION", alter_drop_expression},
    {AST_AT_SET_STATISTICS, PASS_MISC, "rpmiI", "ALTER COLUMN ... SET STATISTICS", check_column},
    {AST_AT_SET_OPTIONS, PASS_MISC, "rpm", "ALTER COLUMN ... SET", check_column},
    {AST_AT_RESET_OPTIONS, PASS_MISC, "rpm", "ALTER COLUMN ... RESET", check_column},
    {AST_AT_SET_STORAGE, PASS_MISC, "rpm", "ALTER COLUMN ... SET STORAGE", set_storage},
    {AST_AT_SET_COMPRESSION, PASS_MISC, "rpm", "ALTER COLUMN ... SET COMPRESSION", check_column},
    {AST_AT_ADD_IDENTITY, PASS_COLUMN, "rpv", "ALTER COLUMN ... ADD IDENTITY", alter_add_identity},
    {AST_AT_SET_IDENTITY, PASS_COLUMN, "rpv", "ALTER COLUMN ... SET", alter_set_identity},
    {AST_AT_DROP_IDENTITY, PASS_DROP, "rpv", "ALTER COLUMN ... DROP IDENTITY", alter_drop_identity},
    {AST_AT_ALTER_COLUMN_TYPE, PASS_TYPE, "rpc", "ALTER COLUMN ... SET DATA TYPE", NULL},
    {AST_AT_ADD_CONSTRAINT, PASS_ADD_CONSTRAINT, "rp", "ADD CONSTRAINT", alter_add_constraint},
    {AST_AT_ALTER_CONSTRAINT, PASS_MISC, "rp", "ALTER CONSTRAINT", alter_alter_constraint},
    {AST_AT_VALIDATE_CONSTRAINT, PASS_MISC, "rp", "VALIDATE CONSTRAINT", alter_validate_constraint},
    {AST_AT_DROP_CONSTRAINT, PASS_DROP, "rp", "DROP CONSTRAINT", alter_drop_constraint},
    {AST_AT_CLUSTER_ON, PASS_MISC, "rm", "CLUSTER ON", cluster_on},
    {AST_AT_DROP_CLUSTER, PASS_MISC, "rm", "SET WITHOUT CLUSTER", cluster_on},
    {AST_AT_SET_LOGGED, PASS_MISC, "rS", "SET LOGGED", set_logged},
    {AST_AT_SET_UNLOGGED, PASS_MISC, "rS", "SET UNLOGGED", set_logged},
    {AST_AT_DROP_OIDS, PASS_DROP, "r", "SET WITHOUT OIDS", accept},
    {AST_AT_ENABLE_TRIG, PASS_MISC, "rp", "ENABLE TRIGGER", missing_trigger},
    {AST_AT_ENABLE_ALWAYS_TRIG, PASS_MISC, "rp", "ENABLE ALWAYS TRIGGER", missing_trigger},
    {AST_AT_ENABLE_REPLICA_TRIG, PASS_MISC, "rp", "ENABLE REPLICA TRIGGER", missing_trigger},
    {AST_AT_ENABLE_TRIG_ALL, PASS_MISC, "rp", "ENABLE TRIGGER ALL", accept},
    {AST_AT_ENABLE_TRIG_USER, PASS_MISC, "rp", "ENABLE TRIGGER USER", accept},
    {AST_AT_DISABLE_TRIG, PASS_MISC, "rp", "DISABLE TRIGGER", missing_trigger},
    {AST_AT_DISABLE_TRIG_ALL, PASS_MISC, "rp", "DISABLE TRIGGER ALL", accept},
    {AST_AT_DISABLE_TRIG_USER, PASS_MISC, "rp", "DISABLE TRIGGER USER", accept},
    {AST_AT_ENABLE_RULE, PASS_MISC, "rp", "ENABLE RULE", missing_rule},
    {AST_AT_ENABLE_ALWAYS_RULE, PASS_MISC, "rp", "ENABLE ALWAYS RULE", missing_rule},
    {AST_AT_ENABLE_REPLICA_RULE, PASS_MISC, "rp", "ENABLE REPLICA RULE", missing_rule},
    {AST_AT_DISABLE_RULE, PASS_MISC, "rp", "DISABLE RULE", missing_rule},
    {AST_AT_ADD_INHERIT, PASS_MISC, "rp", "INHERIT", inherit},
    {AST_AT_DROP_INHERIT, PASS_MISC, "rp", "NO INHERIT", no_inherit},
    {AST_AT_ATTACH_PARTITION, PASS_MISC, "rpI", "ATTACH PARTITION", alter_attach_partition},
    {AST_AT_DETACH_PARTITION, PASS_MISC, "rp", "DETACH PARTITION", alter_detach_partition},
    {AST_AT_DETACH_PARTITION_FINALIZE, PASS_MISC, "rp", "DETACH PARTITION ... FINALIZE", alter_finalize_detach},
    {AST_AT_ADD_OF, PASS_MISC, "r", "OF", alter_add_of},
    {AST_AT_DROP_OF, PASS_MISC, "r", "NOT OF", alter_drop_of},
    {AST_AT_CHANGE_OWNER, PASS_MISC, "rpvmSic", "OWNER TO", check_owner},
    {AST_AT_SET_TABLESPACE, PASS_MISC, "rpmi", "SET TABLESPACE", set_tablespace},
    {AST_AT_SET_RELOPTIONS, PASS_MISC, "rpvmi", "SET", set_reloptions},
    {AST_AT_RESET_RELOPTIONS, PASS_MISC, "rpvmi", "RESET", set_reloptions},
    {AST_AT_REPLICA_IDENTITY, PASS_MISC, "rpm", "REPLICA IDENTITY", accept},
};

static const AlterCommand *
find_command(AstAlterTableKind kind)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (commands[i].kind == kind) return &commands[i];
    return NULL;
}

/* CHECK, then keys, then what refers to keys. */
static AlterPass
pass_of(const AlterTableCmd *c)
{
    if (c->kind == AST_AT_COLUMN_DEFAULT && c->def == NULL) return PASS_DROP;
    if (c->kind != AST_AT_ADD_CONSTRAINT) return find_command(c->kind)->pass;
    switch (AST_AS(Constraint, c->def)->kind) {
    case AST_CONSTR_FOREIGN: return PASS_ADD_CONSTRAINT;
    case AST_CONSTR_CHECK: return PASS_COLUMN;
    default: return PASS_ADD_INDEX;
    }
}

static Status
check_command(Ddl *d, const Relation *rel, const AlterTableCmd *c)
{
    static const struct { char kind; const char *plural; } kinds[] = {
        {RELKIND_TABLE, "tables"}, {RELKIND_VIEW, "views"}, {RELKIND_INDEX, "indexes"}, {RELKIND_SEQUENCE, "sequences"},
        {RELKIND_PARTITIONED, "partitioned tables"}, {RELKIND_PARTITIONED_INDEX, "partitioned indexes"}, {RELKIND_COMPOSITE, "composite types"}};
    const AlterCommand *how = find_command(c->kind);
    if (how == NULL) return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "this form of ALTER TABLE is not supported yet");
    if (strchr(how->kinds, rel->kind) != NULL) return QN_OK;
    Status st = RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "ALTER action %s cannot be performed on relation \"%s\"", how->word, rel->name);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].kind == rel->kind) st = err_detail(d->ctx, st, "This operation is not supported for %s.", kinds[i].plural);
    return st;
}

/* What a command needs of the table, as PostgreSQL has it: readers stay where they see nothing of the change. */
static LockMode
command_lock_mode(const AlterTableCmd *cmd)
{
    switch (cmd->kind) {
    case AST_AT_SET_STATISTICS:
    case AST_AT_SET_OPTIONS:
    case AST_AT_RESET_OPTIONS:
    case AST_AT_SET_RELOPTIONS:
    case AST_AT_RESET_RELOPTIONS:
    case AST_AT_CLUSTER_ON:
    case AST_AT_DROP_CLUSTER:
    case AST_AT_ATTACH_PARTITION:
    case AST_AT_DETACH_PARTITION_FINALIZE:
    case AST_AT_VALIDATE_CONSTRAINT: return LOCK_SHARE_UPDATE_EXCLUSIVE;
    case AST_AT_ENABLE_TRIG:
    case AST_AT_ENABLE_ALWAYS_TRIG:
    case AST_AT_ENABLE_REPLICA_TRIG:
    case AST_AT_ENABLE_TRIG_ALL:
    case AST_AT_ENABLE_TRIG_USER:
    case AST_AT_DISABLE_TRIG:
    case AST_AT_DISABLE_TRIG_ALL:
    case AST_AT_DISABLE_TRIG_USER: return LOCK_SHARE_ROW_EXCLUSIVE;
    case AST_AT_DETACH_PARTITION: return AST_AS(PartitionCmd, cmd->def)->concurrent ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE;
    case AST_AT_ADD_CONSTRAINT:
        return ast_is(cmd->def, Constraint) && AST_AS(Constraint, cmd->def)->kind == AST_CONSTR_FOREIGN
                   ? LOCK_SHARE_ROW_EXCLUSIVE
                   : LOCK_ACCESS_EXCLUSIVE;
    default: return LOCK_ACCESS_EXCLUSIVE;
    }
}

static LockMode
alter_lock_mode(const AlterTableStmt *a)
{
    LockMode mode = LOCK_SHARE_UPDATE_EXCLUSIVE;
    for (int i = 0; i < a->cmds.count; i++) {
        LockMode one = command_lock_mode(AST_AS(AlterTableCmd, a->cmds.items[i]));
        if (one > mode) mode = one;
    }
    return mode;
}

Status
ddl_run_alter_table(Ddl *d, const AlterTableStmt *a)
{
    const Relation *rel;
    const RangeVar *rv = AST_AS(RangeVar, a->rel);
    const char *kinds = a->kind == AST_OBJECT_VIEW ? "v" : a->kind == AST_OBJECT_INDEX ? "iI" : a->kind == AST_OBJECT_SEQUENCE ? "S" : "rpviIS";
    AlterHow how = {.recurse = !rv->only};
    TRY(ddl_open(d, rv, alter_lock_mode(a), kinds, a->missing_ok, &rel));
    if (rel == NULL) return QN_OK;
    TRY(ddl_check_not_in_use(d->ctx, rel, "ALTER TABLE"));
    Oid oid = rel->oid;
    for (int i = 0; i < a->cmds.count; i++) TRY(check_command(d, rel, AST_AS(AlterTableCmd, a->cmds.items[i])));
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        if (pass == PASS_TYPE) {
            TRY(catalog_relation_by_oid(d->ctx, oid, &rel));
            TRY(alter_types(d, rel, a, how));
            continue;
        }
        for (int i = 0; i < a->cmds.count; i++) {
            const AlterTableCmd *c = AST_AS(AlterTableCmd, a->cmds.items[i]);
            if ((int)pass_of(c) != pass) continue;
            TRY(catalog_relation_by_oid(d->ctx, oid, &rel));
            TRY(find_command(c->kind)->run(d, rel, c, how));
        }
    }
    return QN_OK;
}
