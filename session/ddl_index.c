/* ddl_index.c - CREATE INDEX: what an index is to be, and building it. */
#include "executor/ddl_index.h"
#include "catalog/reloptions.h"
#include "planner/resolve.h"
#include "session/ddl_alter.h"
#include "session/maintain.h"
#include "storage/index.h"
#include "types/opclass.h"

Status
ddl_build_index(Ddl *d, const Relation *rel, Oid index_oid)
{
    Ctx *ctx = d->ctx;
    const IndexDef *def = relation_index_by_oid(rel, index_oid);
    int64_t rows;
    if (def == NULL) return RAISE_INTERNAL(ctx, "index %u is not in its table", index_oid);
    if (def->partitioned) {
        const Relation **parts;
        int n;
        TRY(ddl_children(d, rel, false, &parts, &n));
        for (int i = 0; i < n; i++) TRY(ddl_partition_index(d, rel, def, parts[i]));
        return QN_OK;
    }
    TRY(tx_command_begin(ctx)); /* sees what this transaction has put in the table */
    TRY(maintain_expect(ctx, rel, MAINTAIN_INDEX_PASSES));
    TRY(index_fill(ctx, rel, def, &rows));
    if (rows == 0) return QN_OK; /* an empty table is one nobody has counted yet */
    return maintain_note_sizes(ctx, d->arena, rel, def->predicate != NULL ? -1 : (double)rows, false);
}

/* ---- the columns of an index ---- */

Status
ddl_index_alloc(Ddl *d, int nkeys, int ncols, IndexColumns *c, IndexDef *def)
{
    Ctx *ctx = d->ctx;
    if (ncols > KEY_MAX_INDEX_COLUMNS)
        return RAISE(ctx, ERR_TOO_MANY_COLUMNS, "cannot use more than %d columns in an index", KEY_MAX_INDEX_COLUMNS);
    TRY_ALLOC(ctx, c->attnums, ARENA_ARRAY(d->arena, int, ncols + 1));
    TRY_ALLOC(ctx, c->names, ARENA_ARRAY(d->arena, const char *, ncols + 1));
    TRY_ALLOC(ctx, c->exprs, ARENA_ARRAY(d->arena, const char *, ncols + 1));
    TRY_ALLOC(ctx, c->types, ARENA_ARRAY(d->arena, Oid, ncols + 1));
    TRY_ALLOC(ctx, c->typmods, ARENA_ARRAY(d->arena, int32_t, ncols + 1));
    TRY_ALLOC(ctx, c->collations, ARENA_ARRAY(d->arena, Oid, ncols + 1));
    TRY_ALLOC(ctx, c->opclasses, ARENA_ARRAY(d->arena, Oid, ncols + 1));
    TRY_ALLOC(ctx, c->desc, ARENA_ARRAY(d->arena, bool, ncols + 1));
    TRY_ALLOC(ctx, c->nulls_first, ARENA_ARRAY(d->arena, bool, ncols + 1));
    def->nkeys = nkeys;
    def->ncols = ncols;
    def->attnums = c->attnums;
    def->names = c->names;
    def->exprs = c->exprs;
    def->types = c->types;
    def->typmods = c->typmods;
    def->collations = c->collations;
    def->opclasses = c->opclasses;
    def->desc = c->desc;
    def->nulls_first = c->nulls_first;
    return QN_OK;
}

void
ddl_index_take_column(IndexColumns *c, int i, const Column *col)
{
    c->attnums[i] = col->attnum;
    c->names[i] = col->name;
    c->types[i] = col->type;
    c->typmods[i] = col->typmod;
    c->collations[i] = col->collation;
}

Status
ddl_check_index_type(Ctx *ctx, const char *method, Oid type)
{
    const IndexKindInfo *kind = index_kind_find(method);
    bool can = kind->is_ordered || opclass_default(kind->oid, type) != NULL;
    if (kind->kind == INDEX_HASH) can &= type_info(type_base(type))->hash != NULL;
    else if (kind->is_ordered || type_info(type_base(type))->elem_oid != 0) can &= key_type_is_orderable(type);
    if (type != TYPE_UNKNOWN && can) return QN_OK;
    return err_hint(ctx,
                    RAISE(ctx, ERR_UNDEFINED_OBJECT, "data type %s has no default operator class for access method \"%s\"",
                          type_info(type)->sql_name, method),
                    "You must specify an operator class for the index or define a default operator class for the data type.");
}

static Status
add_needs(Ddl *d, IndexDef *def, const IndexElemExpr *e)
{
    Oid *all;
    int n = def->nneeds;
    TRY_ALLOC(d->ctx, all, ARENA_ARRAY(d->arena, Oid, n + e->nneeds + 1));
    for (int i = 0; i < n; i++) all[i] = def->needs[i];
    for (int i = 0; i < e->nneeds; i++) {
        bool seen = false;
        for (int k = 0; k < n && !seen; k++) seen = all[k] == e->needs[i];
        if (!seen) all[n++] = e->needs[i];
    }
    def->needs = all;
    def->nneeds = n;
    return QN_OK;
}

/* The attributes that expressions and the predicate read, ascending; the functions they call. */
static Status
add_uses(Ddl *d, IndexDef *def, const IndexElemExpr *e)
{
    int *all, n = 0, a = 0, b = 0;
    TRY(add_needs(d, def, e));
    TRY_ALLOC(d->ctx, all, ARENA_ARRAY(d->arena, int, def->nuses + e->nuses + 1));
    while (a < def->nuses || b < e->nuses) {
        int x = a < def->nuses ? def->uses[a] : INT32_MAX, y = b < e->nuses ? e->uses[b] : INT32_MAX;
        all[n++] = x < y ? x : y;
        a += x <= y;
        b += y <= x;
    }
    def->uses = all;
    def->nuses = n;
    return QN_OK;
}

static Status
bind_column(Ddl *d, const Relation *rel, const char *sql, const Ast *ast, int i, IndexColumns *c, IndexDef *def)
{
    Ctx *ctx = d->ctx;
    IndexElemExpr e;
    TRY(plan_index_elem(ctx, d->arena, sql, ast, rel, false, &e));
    if (type_info(e.expr->type)->category == TYPCAT_PSEUDO && e.expr->type != TYPE_UNKNOWN)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "column \"%s\" has pseudo-type %s", c->names[i], type_info(e.expr->type)->sql_name);
    c->attnums[i] = 0;
    c->exprs[i] = e.text;
    c->types[i] = e.expr->type;
    c->typmods[i] = e.expr->typmod;
    c->collations[i] = type_is_collatable(type_base(e.expr->type)) ? 100 : INVALID_OID; /* "default" */
    return add_uses(d, def, &e);
}

static Status
bind_predicate(Ddl *d, const Relation *rel, const char *sql, const Ast *ast, IndexDef *def)
{
    IndexElemExpr e;
    TRY(plan_index_elem(d->ctx, d->arena, sql, ast, rel, true, &e));
    def->predicate = e.text;
    return add_uses(d, def, &e);
}

Status
ddl_rebind_index(Ddl *d, const Relation *rel, IndexDef *def)
{
    const IndexDef old = *def;
    IndexColumns c;
    Ast *ast;
    TRY(ddl_index_alloc(d, old.nkeys, old.ncols, &c, def));
    def->nuses = def->nneeds = 0;
    for (int i = 0; i < old.ncols; i++) {
        if (old.attnums[i] != 0) {
            ddl_index_take_column(&c, i, &rel->cols[old.attnums[i] - 1]);
            c.collations[i] = old.types[i] == c.types[i] ? old.collations[i] : c.collations[i];
        }
        c.names[i] = old.names[i];
        if (i < old.nkeys) {
            c.desc[i] = old.desc[i];
            c.nulls_first[i] = old.nulls_first[i];
            c.opclasses[i] = old.opclasses[i];
        }
        if (old.exprs[i] != NULL) {
            TRY(alter_parse_expr(d, old.exprs[i], &ast));
            TRY(bind_column(d, rel, "", ast, i, &c, def));
        }
        if (i < old.nkeys) TRY(ddl_check_index_type(d->ctx, def->method, c.types[i]));
    }
    if (old.predicate == NULL) return QN_OK;
    TRY(alter_parse_expr(d, old.predicate, &ast));
    return bind_predicate(d, rel, "", ast, def);
}

/* A name that no earlier column has: "expr", "expr1". */
static Status
column_name(Ddl *d, const IndexElem *e, const IndexColumns *c, int i)
{
    const char *base = e->name != NULL ? e->name : plan_column_name(e->expr, "expr"), *name = base;
    for (int n = 1, k = 0; k < i;) {
        if (strcmp(c->names[k], name) != 0) {
            k++;
            continue;
        }
        TRY_ALLOC(d->ctx, name, arena_printf(d->arena, "%.*s%d", CATALOG_NAME_MAX - 10, base, n++));
        k = 0;
    }
    c->names[i] = name;
    return QN_OK;
}

/* "(a)" means the column. */
static const char *
bare_column(const IndexElem *e)
{
    if (e->name != NULL) return e->name;
    const Ast *a = e->expr;
    if (ast_is(a, CollateClause)) a = AST_AS(CollateClause, a)->arg;
    if (!ast_is(a, ColumnRef) || AST_AS(ColumnRef, a)->fields.count != 1) return NULL;
    const Ast *last = AST_AS(ColumnRef, a)->fields.items[0];
    return ast_is(last, StringNode) ? ast_str(last) : NULL;
}

/* The class that an element names; 0 where it is the type's default. */
static Status
find_opclass(Ddl *d, const char *method, const IndexElem *e, Oid type, Oid *out)
{
    Ctx *ctx = d->ctx;
    const char *name = ast_str(e->opclass.items[e->opclass.count - 1]);
    Oid am = index_kind_find(method)->oid;
    const OpClass *c = opclass_find(am, name);
    if (c == NULL) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "operator class \"%s\" does not exist for access method \"%s\"", name, method);
    if (!opclass_takes(c, type))
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "operator class \"%s\" does not accept data type %s", name, type_info(type)->sql_name);
    *out = c == opclass_default(am, type) ? INVALID_OID : c->oid;
    return QN_OK;
}

static Status
key_element(Ddl *d, const Relation *rel, const IndexElem *e, int i, IndexColumns *c, IndexDef *def)
{
    Ctx *ctx = d->ctx;
    const char *bare = bare_column(e);
    const Column *col = bare != NULL ? relation_column(rel, bare) : NULL;
    bool is_row = bare != NULL && e->name == NULL && col == NULL && strcmp(bare, rel->name) == 0;
    TRY(column_name(d, e, c, i));
    if (col != NULL) {
        const char *name = c->names[i];
        ddl_index_take_column(c, i, col);
        c->names[i] = name;
    } else if (bare != NULL && ddl_is_system_column(bare)) {
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "index creation on system columns is not supported");
    } else if (bare != NULL && !is_row) {
        return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", bare);
    } else {
        TRY(bind_column(d, rel, d->sql, e->expr, i, c, def));
    }
    if (e->collation.count > 0) {
        if (c->collations[i] == INVALID_OID)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH, "collations are not supported by type %s", type_info(c->types[i])->sql_name);
        TRY(ddl_find_collation(d, &e->collation, e->loc, &c->collations[i]));
    }
    if (e->opclass.count > 0) TRY(find_opclass(d, def->method, e, c->types[i], &c->opclasses[i]));
    TRY(ddl_check_index_type(ctx, def->method, c->types[i]));
    const IndexKindInfo *kind = index_kind_find(def->method);
    if (!kind->is_ordered && e->dir != AST_SORT_DEFAULT)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "access method \"%s\" does not support ASC/DESC options", def->method);
    if (!kind->is_ordered && e->nulls != AST_NULLS_DEFAULT)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "access method \"%s\" does not support NULLS FIRST/LAST options", def->method);
    c->desc[i] = e->dir == AST_SORT_DESC;
    c->nulls_first[i] = e->nulls == AST_NULLS_FIRST || (e->nulls == AST_NULLS_DEFAULT && c->desc[i]);
    return QN_OK;
}

static Status
included_element(Ddl *d, const Relation *rel, const IndexElem *e, int i, IndexColumns *c)
{
    Ctx *ctx = d->ctx;
    const char *wrong = e->collation.count > 0              ? "a collation"
                        : e->opclass.count > 0              ? "an operator class"
                        : e->dir != AST_SORT_DEFAULT        ? "ASC/DESC options"
                        : e->nulls != AST_NULLS_DEFAULT     ? "NULLS FIRST/LAST options"
                                                            : NULL;
    if (wrong != NULL) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "including column does not support %s", wrong);
    const char *bare = bare_column(e);
    if (bare == NULL) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "expressions are not supported in included columns");
    const Column *col = relation_column(rel, bare);
    if (col == NULL && ddl_is_system_column(bare))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "index creation on system columns is not supported");
    if (col == NULL) return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", bare);
    TRY(column_name(d, e, c, i));
    const char *name = c->names[i];
    ddl_index_take_column(c, i, col);
    c->names[i] = name;
    return QN_OK;
}

static Status
fill_columns(Ddl *d, const Relation *rel, const IndexStmt *s, IndexDef *def)
{
    IndexColumns c;
    int nkeys = s->params.count, n = nkeys + s->including.count;
    TRY(ddl_index_alloc(d, nkeys, n, &c, def));
    for (int i = 0; i < n; i++) {
        if (i < nkeys) TRY(key_element(d, rel, AST_AS(IndexElem, s->params.items[i]), i, &c, def));
        else TRY(included_element(d, rel, AST_AS(IndexElem, s->including.items[i - nkeys]), i, &c));
    }
    return QN_OK;
}

/* t_a_b_idx: the index's columns, INCLUDE's too. */
static Status
default_name(Ddl *d, const Relation *rel, const IndexDef *def, const char **out)
{
    StrBuf b = strbuf_new(d->arena);
    char *part;
    for (int i = 0; i < def->ncols; i++) strbuf_addf(&b, "%s%s", i > 0 ? "_" : "", def->names[i]);
    TRY(strbuf_finish(d->ctx, &b, &part, NULL));
    return ddl_choose_name(d->ctx, rel->schema_oid, INVALID_OID, rel->name, part, "idx", out);
}

/* The access method, and whether it can do what is asked for. */
static Status
check_method(Ctx *ctx, const IndexStmt *s, const char **out)
{
    static const char *const later[] = {"brin", "hnsw", "ivfflat"}, *const never[] = {"gist", "spgist"};
    const char *name = s->access_method != NULL ? s->access_method : "btree";
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
        if (strcmp(later[i], name) == 0) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "access method \"%s\" is not supported yet", name);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (strcmp(never[i], name) == 0) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "access method \"%s\" is not part of this engine", name);
    const IndexKindInfo *kind = index_kind_find(name);
    if (kind == NULL) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "access method \"%s\" does not exist", name);
    const char *lacks = s->unique && !kind->can_unique                          ? "unique indexes"
                        : s->including.count > 0 && !kind->can_include          ? "included columns"
                        : s->params.count > 1 && !kind->can_multicolumn         ? "multicolumn indexes"
                                                                                : NULL;
    if (lacks != NULL) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "access method \"%s\" does not support %s", name, lacks);
    *out = kind->name;
    return QN_OK;
}

Status
ddl_run_index(Ddl *d, const IndexStmt *s)
{
    Ctx *ctx = d->ctx;
    const Relation *rel;
    IndexDef def = {.method = "btree", .unique = s->unique, .valid = true,
                    .nulls_not_distinct = s->nulls_not_distinct, .tuples = -1, .pages = -1};
    bool skip = false;
    if (s->concurrent) TRY(session_prevent_block(d->s, "CREATE INDEX CONCURRENTLY"));
    TRY(check_method(ctx, s, &def.method));
    TRY(ddl_open(d, AST_AS(RangeVar, s->rel), LOCK_SHARE, "rpm", false, &rel));
    if (s->name != NULL) TRY(ddl_claim_name(ctx, rel->schema_oid, s->name, s->if_not_exists, &skip));
    if (skip) return QN_OK;
    if (s->where != NULL) TRY(bind_predicate(d, rel, d->sql, s->where, &def));
    TRY(fill_columns(d, rel, s, &def));
    TRY(reloptions_change(ctx, d->arena, NULL, &s->options, false, &def.options));
    if (s->unique) TRY(ddl_check_partitioned_key(d, rel, def.attnums, def.nkeys, "UNIQUE"));
    def.partitioned = rel->kind == RELKIND_PARTITIONED;
    def.rel_oid = rel->oid;
    def.name = s->name;
    if (def.name == NULL) TRY(default_name(d, rel, &def, &def.name));
    TRY(ddl_create_index(ctx, rel->schema_oid, &def));
    TRY(catalog_relation_by_oid(ctx, rel->oid, &rel));
    if (def.partitioned && AST_AS(RangeVar, s->rel)->only) return QN_OK; /* ATTACH PARTITION may complete it */
    return ddl_build_index(d, rel, def.oid);
}
