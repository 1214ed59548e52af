/* ddl_index.c - CREATE INDEX. */
#include "executor/ddl_index.h"
#include "planner/resolve.h"
#include "session/ddl.h"

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
    return index_fill(ctx, rel, def, &rows);
}

/* The column of one element, or what is refused. */
static Status
element_column(Ddl *d, const Relation *rel, const IndexElem *e, const Column **out)
{
    Ctx *ctx = d->ctx;
    if (e->expr != NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "indexes on expressions are not supported yet");
    *out = relation_column(rel, e->name);
    if (*out == NULL)
        return err_position(ctx, RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", e->name),
                            0);
    return QN_OK;
}

static Status
fill_columns(Ddl *d, const Relation *rel, const IndexStmt *s, IndexDef *def)
{
    Ctx *ctx = d->ctx;
    int n = s->params.count + s->including.count;
    int *attnums;
    const char **exprs;
    Oid *types, *collations;
    int32_t *typmods;
    bool *desc, *nulls_first;
    if (s->params.count > KEY_MAX_INDEX_COLUMNS)
        return RAISE(ctx, ERR_TOO_MANY_COLUMNS, "cannot use more than %d columns in an index",
                     KEY_MAX_INDEX_COLUMNS);
    TRY_ALLOC(ctx, attnums, ARENA_ARRAY(d->arena, int, n));
    TRY_ALLOC(ctx, exprs, ARENA_ARRAY(d->arena, const char *, n));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(d->arena, Oid, n));
    TRY_ALLOC(ctx, collations, ARENA_ARRAY(d->arena, Oid, n));
    TRY_ALLOC(ctx, typmods, ARENA_ARRAY(d->arena, int32_t, n));
    TRY_ALLOC(ctx, desc, ARENA_ARRAY(d->arena, bool, n));
    TRY_ALLOC(ctx, nulls_first, ARENA_ARRAY(d->arena, bool, n));
    for (int i = 0; i < n; i++) {
        bool is_key = i < s->params.count;
        const IndexElem *e = AST_AS(IndexElem, is_key ? s->params.items[i]
                                                      : s->including.items[i - s->params.count]);
        const Column *c;
        TRY(element_column(d, rel, e, &c));
        if (is_key && !key_type_is_orderable(c->type))
            return err_hint(
                ctx,
                RAISE(ctx, ERR_UNDEFINED_OBJECT,
                      "data type %s has no default operator class for access method \"btree\"",
                      type_info(c->type)->sql_name),
                "You must specify an operator class for the index or define a default operator "
                "class for the data type.");
        attnums[i] = c->attnum;
        types[i] = c->type;
        typmods[i] = c->typmod;
        collations[i] = c->collation;
        desc[i] = e->dir == AST_SORT_DESC;
        nulls_first[i] = e->nulls == AST_NULLS_FIRST || (e->nulls == AST_NULLS_DEFAULT && desc[i]);
    }
    def->nkeys = s->params.count;
    def->ncols = n;
    def->attnums = attnums;
    def->exprs = exprs;
    def->types = types;
    def->typmods = typmods;
    def->collations = collations;
    def->desc = desc;
    def->nulls_first = nulls_first;
    return QN_OK;
}

/* t_a_b_idx: the columns, INCLUDE's too. */
static Status
default_name(Ddl *d, const Relation *rel, const IndexDef *def, const char **out)
{
    StrBuf b = strbuf_new(d->arena);
    char *part;
    for (int i = 0; i < def->ncols; i++)
        strbuf_addf(&b, "%s%s", i > 0 ? "_" : "", rel->cols[def->attnums[i] - 1].name);
    TRY(strbuf_finish(d->ctx, &b, &part, NULL));
    return ddl_choose_name(d->ctx, rel->schema_oid, INVALID_OID, rel->name, part, "idx", out);
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
    if (s->access_method != NULL && strcmp(s->access_method, "btree") != 0) {
        static const char *const later[] = {"hash", "gin", "gist", "brin", "spgist", "hnsw", "ivfflat"};
        for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
            if (strcmp(later[i], s->access_method) == 0)
                return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "access method \"%s\" is not supported yet",
                             s->access_method);
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "access method \"%s\" does not exist", s->access_method);
    }
    if (s->where != NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "partial indexes are not supported yet");
    TRY(ddl_open(d, AST_AS(RangeVar, s->rel), LOCK_SHARE, "rpm", false, &rel));
    if (s->name != NULL) TRY(ddl_claim_name(ctx, rel->schema_oid, s->name, s->if_not_exists, &skip));
    if (skip) return QN_OK;
    TRY(fill_columns(d, rel, s, &def));
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
