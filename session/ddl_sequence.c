/* ddl_sequence.c - CREATE SEQUENCE, ALTER SEQUENCE. */
#include "catalog/sequence.h"
#include "session/ddl.h"

/* OWNED BY t.a, or NONE. */
static Status
set_owner(Ddl *d, const AstList *owned, SeqDef *def)
{
    Ctx *ctx = d->ctx;
    if (owned == NULL) return QN_OK;
    int n = owned->count;
    if (n == 1) {
        if (strcmp(ast_str(owned->items[0]), "none") != 0)
            return err_hint(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "invalid OWNED BY option"),
                            "Specify OWNED BY table.column or OWNED BY NONE.");
        def->owner_oid = INVALID_OID;
        def->owner_attnum = 0;
        return QN_OK;
    }
    const Relation *rel;
    const char *column = ast_str(owned->items[n - 1]);
    TRY(catalog_relation_required(ctx, n > 2 ? ast_str(owned->items[n - 3]) : NULL,
                                  ast_str(owned->items[n - 2]), 0, &rel));
    const Column *c = relation_column(rel, column);
    if (c == NULL)
        return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", column,
                     rel->name);
    def->owner_oid = rel->oid;
    def->owner_attnum = c->attnum;
    return QN_OK;
}

Status
ddl_run_create_sequence(Ddl *d, const CreateSeqStmt *c)
{
    Ctx *ctx = d->ctx;
    const RangeVar *rv = AST_AS(RangeVar, c->rel);
    RelDef rel = {.name = rv->name};
    SeqDef def;
    bool skip, restart;
    int64_t value;
    const AstList *owned;
    TRY(ddl_target_schema(ctx, rv, &rel.schema_oid, &rel.persistence));
    TRY(ddl_claim_name(ctx, rel.schema_oid, rel.name, c->if_not_exists, &skip));
    if (skip) return QN_OK;
    TRY(ddl_sequence_defaults(&def, TYPE_INT8));
    TRY(ddl_sequence_options(ctx, &c->options, true, &def, &restart, &value, &owned));
    TRY(set_owner(d, owned, &def));
    rel.sequence = &def;
    return ddl_create_sequence(ctx, &rel);
}

Status
ddl_change_sequence(Ddl *d, RelDef *def, const AstList *options)
{
    Ctx *ctx = d->ctx;
    const Relation *rel;
    bool restart;
    int64_t value;
    const AstList *owned;
    SequenceState state;
    const SeqDef *s = def->sequence;
    TRY(catalog_relation_by_oid(ctx, def->oid, &rel));
    TRY(ddl_sequence_options(ctx, options, false, def->sequence, &restart, &value, &owned));
    if (owned != NULL && s->is_identity) {
        const Relation *table;
        TRY(catalog_relation_by_oid(ctx, s->owner_oid, &table));
        Status st = RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot change ownership of identity sequence");
        return err_detail(ctx, st, "Sequence \"%s\" is linked to table \"%s\".", def->name, table != NULL ? table->name : "?");
    }
    TRY(set_owner(d, owned, def->sequence));
    TRY(sequence_read(ctx, rel, &state));
    if (!restart && (state.last_value < s->min || state.last_value > s->max))
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "RESTART value (%lld) cannot be %s than M%sVALUE (%lld)",
                     (long long)state.last_value, state.last_value < s->min ? "less" : "greater",
                     state.last_value < s->min ? "IN" : "AX", (long long)(state.last_value < s->min ? s->min : s->max));
    if (restart) {
        /* A new counter, so that rolling back brings the old one back. */
        TRY(sequence_slot_drop(ctx, def->sequence->slot));
        TRY(sequence_slot_new(ctx, rel->oid, value, &def->sequence->slot));
    }
    return ddl_put_relation(ctx, def);
}

Status
ddl_run_alter_sequence(Ddl *d, const AlterSeqStmt *a)
{
    const Relation *rel;
    RelDef *def;
    TRY(ddl_open(d, AST_AS(RangeVar, a->rel), LOCK_SHARE_ROW_EXCLUSIVE, "S", a->missing_ok, &rel));
    if (rel == NULL) return QN_OK;
    TRY(ddl_edit_relation(d->ctx, d->arena, rel->oid, &def));
    return ddl_change_sequence(d, def, &a->options);
}
