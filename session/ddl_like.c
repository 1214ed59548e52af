/* ddl_like.c - CREATE TABLE t (LIKE other INCLUDING ...): copies of another table's columns, constraints and indexes. */
#include "session/ddl.h"

/* The sequence behind an identity column. */
static Status
identity_options(Ddl *d, const Relation *rel, const Column *c, const SeqDef **out)
{
    Oid *list;
    int n;
    TRY(ddl_owned_sequences(d->ctx, rel->oid, &list, &n));
    for (int i = 0; i < n; i++) {
        RelDef *def;
        TRY(ddl_edit_relation(d->ctx, d->arena, list[i], &def));
        if (def->sequence->is_identity && def->sequence->owner_attnum == c->attnum) *out = def->sequence;
    }
    return QN_OK;
}

static Status
like_column(NewTable *t, const Relation *rel, const Column *c, const char *comment, unsigned options, int loc)
{
    ColDef col = {.col = *c, .missing = value_null(c->type)};
    ColumnExtra extra = {0};
    bool merged;
    bool keep = c->generated != '\0' ? (options & AST_LIKE_GENERATED) != 0 : c->identity == '\0' && (options & AST_LIKE_DEFAULTS) != 0;
    col.col.stats = NULL;
    col.col.inherited_only = false;
    col.col.inh_count = 0;
    col.comment = comment;
    if (!keep) col.col.default_sql = NULL;
    if (!keep) col.col.generated = '\0';
    if (options & AST_LIKE_IDENTITY && c->identity != '\0') TRY(identity_options(t->d, rel, c, &extra.like_identity));
    else col.col.identity = '\0';
    TRY(ddl_inherit_merge_column(t, &col, &extra, &merged));
    return merged ? QN_OK : ddl_push_column(t, &col, &extra, loc);
}

Status
ddl_like_columns(NewTable *t, const TableLikeClause *like)
{
    Ctx *ctx = t->d->ctx;
    const RangeVar *rv = AST_AS(RangeVar, like->rel);
    const Relation *rel;
    RelDef *def = NULL;
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, rv->loc, &rel));
    if (rel->kind == RELKIND_SEQUENCE || relation_base_kind(rel) == RELKIND_INDEX)
        return err_detail(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "relation \"%s\" is invalid in LIKE clause", rel->name),
                          "This operation is not supported for %s.", rel->kind == RELKIND_SEQUENCE ? "sequences" : "indexes");
    TRY(lock_relation(ctx, rel->oid, LOCK_ACCESS_SHARE, LOCK_WAIT, rel->name));
    if (like->options & AST_LIKE_COMMENTS && rel->oid >= OID_FIRST_USER) TRY(ddl_edit_relation(ctx, t->d->arena, rel->oid, &def));
    for (int i = 0; i < rel->ncols; i++)
        if (!rel->cols[i].dropped)
            TRY(like_column(t, rel, &rel->cols[i], def != NULL ? def->cols[i].comment : NULL, like->options, rv->loc));
    LikeSource source = {.rel = rel, .options = like->options};
    return array_push(ctx, t->d->arena, &t->likes, source);
}

static Status
like_check(Ddl *d, const Relation *from, const RelConstraint *k, const Relation *to)
{
    RelConstraint c = *k;
    int *attnums;
    if (relation_constraint(to, k->name) != NULL) return ddl_merge_check(d, to, relation_constraint(to, k->name), k, true, to->nparents > 0);
    TRY_ALLOC(d->ctx, attnums, ARENA_ARRAY(d->arena, int, k->nkeys + 1));
    for (int i = 0; i < k->nkeys; i++) attnums[i] = relation_column(to, from->cols[k->attnums[i] - 1].name)->attnum;
    c.oid = INVALID_OID;
    c.rel_oid = to->oid;
    c.attnums = attnums;
    c.validated = true;
    c.inherited_only = false;
    c.inh_count = 0;
    return ddl_create_constraint(d->ctx, &c);
}

Status
ddl_like_finish(NewTable *t)
{
    Ddl *d = t->d;
    const Relation *to;
    for (int i = 0; i < t->likes.count; i++) {
        const Relation *from = t->likes.items[i].rel;
        unsigned options = t->likes.items[i].options;
        for (int k = 0; options & AST_LIKE_CONSTRAINTS && k < from->nconstraints; k++) {
            TRY(catalog_relation_by_oid(d->ctx, t->def->oid, &to));
            if (from->constraints[k]->kind == CONSTRAINT_CHECK) TRY(like_check(d, from, from->constraints[k], to));
        }
        for (int k = 0; options & AST_LIKE_INDEXES && k < from->nindexes; k++) {
            TRY(catalog_relation_by_oid(d->ctx, t->def->oid, &to));
            TRY(ddl_copy_index(d, from, from->indexes[k], to, false));
        }
        if ((options & AST_LIKE_STATISTICS) == 0) continue;
        TRY(catalog_relation_by_oid(d->ctx, t->def->oid, &to));
        TRY(ddl_copy_statistics(d, from, to));
    }
    return QN_OK;
}
