/* ddl_maintain.c - TRUNCATE. */
#include "catalog/sequence.h"
#include "executor/ddl_index.h"
#include "session/ddl.h"
#include "storage/heap.h"
#include "storage/index.h"

/* ---- TRUNCATE ---- */

typedef struct Truncation {
    const Relation **rels;
    int n, cap;
} Truncation;

static Status
add_table(Ddl *d, Truncation *t, const Relation *rel)
{
    for (int i = 0; i < t->n; i++)
        if (t->rels[i]->oid == rel->oid) return QN_OK;
    if (t->n == t->cap) {
        int cap = t->cap != 0 ? t->cap * 2 : 8;
        const Relation **p;
        TRY_ALLOC(d->ctx, p, ARENA_ARRAY(d->arena, const Relation *, cap));
        if (t->n > 0) memcpy(p, t->rels, (size_t)t->n * sizeof(*p));
        t->rels = p;
        t->cap = cap;
    }
    t->rels[t->n++] = rel;
    return QN_OK;
}

/* Tables whose foreign keys point at those being emptied: emptied too with CASCADE, else they must be in the list. */
static Status
add_referencing(Ddl *d, Truncation *t, bool cascade)
{
    Ctx *ctx = d->ctx;
    for (int i = 0; i < t->n; i++)
        for (int k = 0; k < t->rels[i]->nreferenced_by; k++) {
            Oid oid = t->rels[i]->referenced_by[k]->rel_oid;
            const Relation *rel;
            bool listed = false;
            for (int j = 0; j < t->n; j++) listed |= t->rels[j]->oid == oid;
            if (listed) continue;
            TRY(catalog_relation_by_oid(ctx, oid, &rel));
            if (rel == NULL) continue;
            if (!cascade) {
                Status st = RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                                  "cannot truncate a table referenced in a foreign key constraint");
                st = err_detail(ctx, st, "Table \"%s\" references \"%s\".", rel->name, t->rels[i]->name);
                return err_hint(ctx, st, "Truncate table \"%s\" at the same time, or use TRUNCATE ... CASCADE.",
                                rel->name);
            }
            ctx_notice(ctx, "NOTICE", QN_OK, "truncate cascades to table \"%s\"", rel->name);
            TRY(lock_relation(ctx, oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, rel->name));
            TRY(catalog_relation_by_oid(ctx, oid, &rel));
            TRY(add_table(d, t, rel));
        }
    return QN_OK;
}

static Status
restart_sequences(Ddl *d, const Relation *rel)
{
    Ctx *ctx = d->ctx;
    Oid *list;
    int n;
    TRY(ddl_owned_sequences(ctx, rel->oid, &list, &n));
    for (int i = 0; i < n; i++) {
        RelDef *def;
        TRY(ddl_edit_relation(ctx, d->arena, list[i], &def));
        TRY(sequence_slot_drop(ctx, def->sequence->slot));
        TRY(sequence_slot_new(ctx, def->oid, def->sequence->start, &def->sequence->slot));
        TRY(ddl_put_relation(ctx, def));
    }
    return QN_OK;
}

Status
ddl_empty_index(Ctx *ctx, const Relation *rel, const IndexDef *index)
{
    IndexDef ix = *index;
    if (ix.partitioned) return QN_OK;
    TRY(index_drop(ctx, ix.index, rel->oid));
    return ddl_create_index(ctx, rel->schema_oid, &ix);
}

/* What an empty table had is not known of the rows to come; what is known of its columns may still be true. */
static Status
forget_sizes(Ctx *ctx, const Relation *rel)
{
    StatsDef *def;
    TRY(ddl_get_stats(ctx, ctx->stmt_arena, rel->oid, &def));
    if (def == NULL) return QN_OK;
    def->tuples = def->pages = def->visible_pages = -1;
    for (int i = 0; i < def->nindexes; i++) def->indexes[i].tuples = def->indexes[i].pages = -1;
    return ddl_put_stats(ctx, def);
}

/* A new heap and new indexes; the old ones go when the transaction commits. */
Status
ddl_empty_table(Ctx *ctx, const Relation *rel)
{
    RelDef *def;
    TRY(ddl_edit_relation(ctx, ctx->stmt_arena, rel->oid, &def));
    TRY(heap_truncate(ctx, rel->heap, &def->root_page));
    TRY(ddl_put_relation(ctx, def));
    for (int i = 0; i < rel->nindexes; i++) TRY(ddl_empty_index(ctx, rel, rel->indexes[i]));
    return forget_sizes(ctx, rel);
}

Status
ddl_run_truncate(Ddl *d, const TruncateStmt *s)
{
    Truncation t = {0};
    for (int i = 0; i < s->rels.count; i++) {
        const RangeVar *rv = AST_AS(RangeVar, s->rels.items[i]);
        const Relation *rel, **family;
        int n = 0;
        TRY(ddl_open(d, rv, LOCK_ACCESS_EXCLUSIVE, "rp", false, &rel));
        if (rv->only && rel->kind == RELKIND_PARTITIONED)
            return err_hint(d->ctx, RAISE(d->ctx, ERR_WRONG_OBJECT_TYPE, "cannot truncate only a partitioned table"),
                            "Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions directly.");
        TRY(ddl_check_not_in_use(d->ctx, rel, "TRUNCATE"));
        TRY(add_table(d, &t, rel));
        if (!rv->only) TRY(ddl_children(d, rel, true, &family, &n));
        for (int k = 0; k < n; k++) {
            if (catalog_is_other_temp(d->ctx, family[k])) continue;
            TRY(ddl_check_not_in_use(d->ctx, family[k], "TRUNCATE"));
            TRY(add_table(d, &t, family[k]));
        }
    }
    TRY(add_referencing(d, &t, s->behavior == AST_DROP_CASCADE));
    for (int i = 0; i < t.n; i++) {
        if (s->restart_seqs) TRY(restart_sequences(d, t.rels[i]));
        if (t.rels[i]->heap != NULL) TRY(ddl_empty_table(d->ctx, t.rels[i]));
    }
    return QN_OK;
}

/* Those that hold no page are empty: most commits touch none of them. */
static Status
empty_temporary(Ctx *ctx, const Oid *tables, int n)
{
    for (int i = 0; i < n; i++) {
        const Relation *rel;
        uint32_t pages;
        TRY(catalog_relation_by_oid(ctx, tables[i], &rel));
        if (rel == NULL) continue;
        TRY(heap_page_count(ctx, rel->heap, &pages));
        if (pages == 0) continue;
        for (int k = 0; k < rel->nreferenced_by; k++) {
            Oid other = rel->referenced_by[k]->rel_oid;
            bool listed = false;
            const Relation *ref;
            for (int j = 0; j < n; j++) listed |= tables[j] == other;
            TRY(catalog_relation_by_oid(ctx, other, &ref));
            if (listed || ref == NULL) continue;
            Status st = RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "unsupported ON COMMIT and foreign key combination");
            return err_detail(ctx, st, "Table \"%s\" references \"%s\", but they do not have the same ON COMMIT setting.",
                              ref->name, rel->name);
        }
        TRY(lock_relation(ctx, rel->oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, rel->name));
        TRY(ddl_empty_table(ctx, rel));
    }
    return QN_OK;
}

Status
ddl_at_commit(Ctx *ctx)
{
    return ddl_on_commit(ctx, empty_temporary);
}
