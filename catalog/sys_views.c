/* sys_views.c - generators of what PostgreSQL defines as views: pg_tables, pg_stats, ..., information_schema. */
#include "catalog/define.h"
#include "catalog/sequence.h"
#include "catalog/systable.h"
#include "catalog/updatable.h"
#include <math.h>

/* ---- pg_catalog ---- */

static Status
tables_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    if (relation_base_kind(rel) != RELKIND_TABLE) return QN_OK;
    TRY(sys_row(r));
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    sys_text(r, CATALOG_ROLE_NAME);
    sys_null(r);
    sys_bool(r, rel->nindexes > 0);
    sys_bool(r, false);
    sys_bool(r, rel->nreferenced_by > 0);
    sys_bool(r, false);
    return QN_OK;
}

Status
sys_pg_tables(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, tables_row);
}

static Status
views_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    if (rel->kind != RELKIND_VIEW) return QN_OK;
    TRY(sys_row(r));
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    sys_text(r, CATALOG_ROLE_NAME);
    if (rel->view_sql != NULL) sys_printf(r, " %s;", rel->view_sql);
    else sys_null(r);
    return QN_OK;
}

Status
sys_pg_views(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, views_row);
}

static Status
matviews_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    if (rel->kind != RELKIND_MATVIEW) return QN_OK;
    TRY(sys_row(r));
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    sys_text(r, CATALOG_ROLE_NAME);
    sys_null(r);
    sys_bool(r, rel->nindexes > 0);
    sys_bool(r, !rel->unpopulated);
    sys_printf(r, " %s;", rel->view_sql);
    return QN_OK;
}

Status
sys_pg_matviews(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, matviews_row);
}

static Status
indexes_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const Relation *table;
    const char *def;
    if (relation_base_kind(rel) != RELKIND_INDEX) return QN_OK;
    TRY(catalog_relation_by_oid(ctx, rel->parent_oid, &table));
    if (table == NULL) return QN_OK;
    TRY(define_index(ctx, sys_arena(r), rel, &def));
    TRY(sys_row(r));
    sys_text(r, rel->schema);
    sys_text(r, table->name);
    sys_text(r, rel->name);
    sys_null(r);
    sys_text(r, def);
    return QN_OK;
}

Status
sys_pg_indexes(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, indexes_row);
}

static Status
sequences_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const SeqDef *s = rel->sequence;
    SequenceState state;
    if (s == NULL) return QN_OK;
    TRY(sequence_read(ctx, rel, &state));
    TRY(sys_row(r));
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    sys_text(r, CATALOG_ROLE_NAME);
    sys_oid(r, s->type);
    sys_int8(r, s->start);
    sys_int8(r, s->min);
    sys_int8(r, s->max);
    sys_int8(r, s->increment);
    sys_bool(r, s->cycle);
    sys_int8(r, s->cache);
    if (state.is_called)
        sys_int8(r, state.last_value);
    else
        sys_null(r);
    return QN_OK;
}

Status
sys_pg_sequences(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, sequences_row);
}

/* Values as the text of an array: {a,"b c"}. */
static Status
value_array(Ctx *ctx, SysRows *r, const Value *values, int n, const char **out)
{
    StrBuf b = strbuf_new(sys_arena(r)), one = strbuf_new(sys_arena(r));
    char *text;
    *out = NULL;
    if (n == 0) return QN_OK;
    strbuf_addc(&b, '{');
    for (int i = 0; i < n; i++) {
        one.nbytes = 0;
        TRY(value_out(ctx, &one, &values[i]));
        if (one.failed) return RAISE_OOM(ctx);
        bool quote = one.nbytes == 0 || ascii_casecmp(one.data, "null") == 0;
        for (size_t k = 0; k < one.nbytes && !quote; k++)
            quote = strchr("{},\"\\", one.data[k]) != NULL || ascii_is_space(one.data[k]);
        if (i > 0) strbuf_addc(&b, ',');
        if (quote) strbuf_addc(&b, '"');
        for (size_t k = 0; k < one.nbytes; k++) {
            if (one.data[k] == '"' || one.data[k] == '\\') strbuf_addc(&b, '\\');
            strbuf_addc(&b, one.data[k]);
        }
        if (quote) strbuf_addc(&b, '"');
    }
    strbuf_addc(&b, '}');
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
freq_array(Ctx *ctx, SysRows *r, const float *freqs, int n, const char **out)
{
    Value *values;
    TRY_ALLOC(ctx, values, ARENA_ARRAY(sys_arena(r), Value, n + 1));
    for (int i = 0; i < n; i++) values[i] = (Value){.type = TYPE_FLOAT4, .phys = PHYS_F32, .f32 = freqs[i]};
    return value_array(ctx, r, values, n, out);
}

static Status
stats_row(Ctx *ctx, SysRows *r, const Relation *rel, const char *relname, const char *column, const ColumnStats *s)
{
    const char *mcv, *freqs, *hist;
    TRY(value_array(ctx, r, s->mcv, s->nmcv, &mcv));
    TRY(freq_array(ctx, r, s->mcv_freq, s->nmcv, &freqs));
    TRY(value_array(ctx, r, s->hist, s->nhist, &hist));
    TRY(sys_row(r));
    sys_text(r, rel->schema);
    sys_text(r, relname);
    sys_text(r, column);
    sys_bool(r, false);
    sys_float4(r, s->null_frac);
    sys_int4(r, (int)(s->avg_width + 0.5));
    sys_float4(r, s->n_distinct);
    sys_text(r, mcv);
    sys_array(r, freqs);
    sys_text(r, hist);
    if (isnan(s->correlation))
        sys_null(r);
    else
        sys_float4(r, s->correlation);
    sys_skip(r, 3);
    return QN_OK;
}

static Status
stats_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    if (relation_base_kind(rel) == RELKIND_INDEX) return QN_OK; /* with its table */
    for (int i = 0; i < rel->ncols; i++)
        if (rel->cols[i].stats != NULL && !rel->cols[i].dropped)
            TRY(stats_row(ctx, r, rel, rel->name, rel->cols[i].name, rel->cols[i].stats));
    for (int i = 0; i < rel->nindexes; i++) {
        const IndexDef *ix = rel->indexes[i];
        for (int k = 0; ix->stats != NULL && k < ix->ncols; k++)
            if (ix->stats[k] != NULL) TRY(stats_row(ctx, r, rel, ix->name, ix->names[k], ix->stats[k]));
    }
    return QN_OK;
}

Status
sys_pg_stats(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, stats_rows);
}

/* ---- information_schema ---- */

static const char *
yes_no(bool v)
{
    return v ? "YES" : "NO";
}

static Status
database(Ctx *ctx, SysRows *r, const char **out)
{
    return catalog_database_name(ctx, sys_arena(r), out);
}

Status
sys_is_schemata(Ctx *ctx, SysRows *r)
{
    const char *db;
    CatObjList list;
    TRY(database(ctx, r, &db));
    TRY(catalog_all(ctx, sys_arena(r), OBJ_SCHEMA, &list));
    Status st = QN_OK;
    for (int i = -2; i < list.count && st == QN_OK; i++) {
        const char *name = i == -2   ? "pg_catalog"
                           : i == -1 ? "information_schema"
                                     : arena_strdup(sys_arena(r), list.items[i]->name);
        st = sys_row(r);
        if (st == QN_OK && name == NULL) st = RAISE_OOM(ctx);
        if (st != QN_OK) break;
        sys_text(r, db);
        sys_text(r, name);
        sys_text(r, CATALOG_ROLE_NAME);
        sys_skip(r, 4);
    }
    catobj_list_release(&list);
    return st;
}

static Status
is_tables_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const char *db;
    if (relation_base_kind(rel) != RELKIND_TABLE && rel->kind != RELKIND_VIEW) return QN_OK;
    bool insertable;
    TRY(view_is_updatable(ctx, sys_arena(r), rel, &insertable));
    TRY(database(ctx, r, &db));
    TRY(sys_row(r));
    sys_text(r, db);
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    sys_text(r, rel->persistence == 't' ? "LOCAL TEMPORARY" : relation_base_kind(rel) == RELKIND_TABLE ? "BASE TABLE" : "VIEW");
    sys_skip(r, 5);
    sys_text(r, yes_no(insertable));
    sys_text(r, "NO");
    sys_null(r);
    return QN_OK;
}

Status
sys_is_tables(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_tables_row);
}

static void
optional_int(SysRows *r, bool there, int v)
{
    if (there)
        sys_int4(r, v);
    else
        sys_null(r);
}

/* character_maximum_length .. datetime_precision */
static void
type_columns(SysRows *r, const Column *c)
{
    bool is_char = c->type == TYPE_VARCHAR || c->type == TYPE_BPCHAR;
    int bits = c->type == TYPE_INT2 ? 16 : c->type == TYPE_INT4 ? 32 : c->type == TYPE_INT8 ? 64
               : c->type == TYPE_FLOAT4 ? 24 : c->type == TYPE_FLOAT8 ? 53 : 0;
    bool is_integer = bits == 16 || bits == 32 || bits == 64;
    bool is_numeric = c->type == TYPE_NUMERIC, has_typmod = c->typmod >= 0;
    bool is_time = c->type == TYPE_TIMESTAMP || c->type == TYPE_TIMESTAMPTZ || c->type == TYPE_TIME ||
                   c->type == TYPE_INTERVAL;
    optional_int(r, is_char && has_typmod, c->typmod - 4);
    optional_int(r, is_char || c->type == TYPE_TEXT,
                 is_char && has_typmod ? (c->typmod - 4) * 4 : 1073741824);
    optional_int(r, bits != 0 || (is_numeric && has_typmod),
                 is_numeric ? numeric_typmod_precision(c->typmod) : bits);
    optional_int(r, bits != 0 || is_numeric, is_numeric ? 10 : 2);
    optional_int(r, is_integer || (is_numeric && has_typmod),
                 is_numeric ? numeric_typmod_scale(c->typmod) : 0);
    optional_int(r, is_time || c->type == TYPE_DATE, c->type == TYPE_DATE ? 0 : has_typmod ? c->typmod & 7 : 6);
}

static Status
is_columns_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const char *db;
    if (relation_base_kind(rel) != RELKIND_TABLE && rel->kind != RELKIND_VIEW) return QN_OK;
    TRY(database(ctx, r, &db));
    for (int i = 0; i < rel->ncols; i++) {
        const Column *c = &rel->cols[i];
        const TypeInfo *t = type_info(c->type);
        const char *dflt = NULL;
        if (c->dropped) continue;
        bool updatable;
        TRY(view_column_is_updatable(ctx, sys_arena(r), rel, i, &updatable));
        if (c->default_sql != NULL && c->identity == '\0' && c->generated == '\0')
            TRY(define_default(ctx, sys_arena(r), c->default_sql, c->type, &dflt));
        if (dflt != NULL) TRY(define_expr(ctx, sys_arena(r), dflt, &dflt));
        TRY(sys_row(r));
        sys_text(r, db);
        sys_text(r, rel->schema);
        sys_text(r, rel->name);
        sys_text(r, c->name);
        sys_int4(r, c->attnum);
        sys_text(r, dflt);
        sys_text(r, yes_no(!c->not_null));
        sys_text(r, t->elem_oid != 0 ? "ARRAY" : t->sql_name);
        type_columns(r, c);
        sys_skip(r, 11);
        sys_text(r, db);
        sys_text(r, "pg_catalog");
        sys_text(r, t->name);
        sys_skip(r, 4);
        sys_printf(r, "%d", c->attnum);
        sys_text(r, "NO");
        sys_text(r, yes_no(c->identity != '\0'));
        sys_text(r, c->identity == 'a' ? "ALWAYS" : c->identity == 'd' ? "BY DEFAULT" : NULL);
        sys_skip(r, 4);
        sys_text(r, "NO");
        sys_text(r, c->generated != '\0' ? "ALWAYS" : "NEVER");
        sys_text(r, c->generated != '\0' ? c->default_sql : NULL);
        sys_text(r, yes_no(updatable));
    }
    return QN_OK;
}

Status
sys_is_columns(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_columns_rows);
}

static Status
is_views_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const char *db;
    if (rel->kind != RELKIND_VIEW) return QN_OK;
    bool updatable;
    TRY(view_is_updatable(ctx, sys_arena(r), rel, &updatable));
    TRY(database(ctx, r, &db));
    TRY(sys_row(r));
    sys_text(r, db);
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    if (rel->view_sql != NULL) sys_printf(r, " %s;", rel->view_sql);
    else sys_null(r);
    sys_text(r, rel->view_check == 'c' ? "CASCADED" : rel->view_check == 'l' ? "LOCAL" : "NONE");
    sys_text(r, yes_no(updatable));
    sys_text(r, yes_no(updatable));
    for (int i = 0; i < 3; i++) sys_text(r, "NO");
    return QN_OK;
}

Status
sys_is_views(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_views_row);
}

static Status
is_sequences_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const SeqDef *s = rel->sequence;
    const char *db;
    if (s == NULL || s->is_identity) return QN_OK;
    TRY(database(ctx, r, &db));
    TRY(sys_row(r));
    sys_text(r, db);
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    sys_text(r, type_info(s->type)->sql_name);
    sys_int4(r, s->type == TYPE_INT2 ? 16 : s->type == TYPE_INT4 ? 32 : 64);
    sys_int4(r, 2);
    sys_int4(r, 0);
    sys_printf(r, "%lld", (long long)s->start);
    sys_printf(r, "%lld", (long long)s->min);
    sys_printf(r, "%lld", (long long)s->max);
    sys_printf(r, "%lld", (long long)s->increment);
    sys_text(r, yes_no(s->cycle));
    return QN_OK;
}

Status
sys_is_sequences(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_sequences_row);
}

static const char *
constraint_word(char kind)
{
    switch (kind) {
    case CONSTRAINT_CHECK: return "CHECK";
    case CONSTRAINT_PRIMARY: return "PRIMARY KEY";
    case CONSTRAINT_UNIQUE: return "UNIQUE";
    default: return "FOREIGN KEY";
    }
}

static Status
is_table_constraints_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const char *db;
    TRY(database(ctx, r, &db));
    for (int i = 0; i < rel->nconstraints; i++) {
        const RelConstraint *c = rel->constraints[i];
        TRY(sys_row(r));
        sys_text(r, db);
        sys_text(r, rel->schema);
        sys_text(r, c->name);
        sys_text(r, db);
        sys_text(r, rel->schema);
        sys_text(r, rel->name);
        sys_text(r, constraint_word(c->kind));
        sys_text(r, yes_no(c->deferrable));
        sys_text(r, yes_no(c->initially_deferred));
        sys_text(r, "YES");
        sys_text(r, c->kind == CONSTRAINT_UNIQUE ? "YES" : NULL);
    }
    return QN_OK;
}

Status
sys_is_table_constraints(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_table_constraints_rows);
}

/* Where a referenced column stands in the unique constraint's own list. */
static int
position_in_index(const Relation *ref, const RelConstraint *c, int i)
{
    const IndexDef *ix = ref != NULL ? relation_index_by_oid(ref, c->index_oid) : NULL;
    for (int k = 0; ix != NULL && k < ix->nkeys; k++)
        if (ix->attnums[k] == c->ref_attnums[i]) return k + 1;
    return i + 1;
}

static Status
is_key_column_usage_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const char *db;
    TRY(database(ctx, r, &db));
    for (int i = 0; i < rel->nconstraints; i++) {
        const RelConstraint *c = rel->constraints[i];
        const Relation *ref = NULL;
        bool foreign = c->kind == CONSTRAINT_FOREIGN;
        if (c->kind == CONSTRAINT_CHECK) continue;
        if (foreign) TRY(catalog_relation_by_oid(ctx, c->ref_rel_oid, &ref));
        for (int k = 0; k < c->nkeys; k++) {
            TRY(sys_row(r));
            sys_text(r, db);
            sys_text(r, rel->schema);
            sys_text(r, c->name);
            sys_text(r, db);
            sys_text(r, rel->schema);
            sys_text(r, rel->name);
            sys_text(r, rel->cols[c->attnums[k] - 1].name);
            sys_int4(r, k + 1);
            optional_int(r, foreign, foreign ? position_in_index(ref, c, k) : 0);
        }
    }
    return QN_OK;
}

Status
sys_is_key_column_usage(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_key_column_usage_rows);
}

/* Columns that a constraint is about; of a foreign key those it points at. */
static Status
is_constraint_column_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const char *db;
    TRY(database(ctx, r, &db));
    for (int i = 0; i < rel->nconstraints; i++) {
        const RelConstraint *c = rel->constraints[i];
        const Relation *at = rel;
        bool foreign = c->kind == CONSTRAINT_FOREIGN;
        if (foreign) TRY(catalog_relation_by_oid(ctx, c->ref_rel_oid, &at));
        for (int k = 0; at != NULL && k < c->nkeys; k++) {
            TRY(sys_row(r));
            sys_text(r, db);
            sys_text(r, at->schema);
            sys_text(r, at->name);
            sys_text(r, at->cols[(foreign ? c->ref_attnums : c->attnums)[k] - 1].name);
            sys_text(r, db);
            sys_text(r, rel->schema);
            sys_text(r, c->name);
        }
    }
    return QN_OK;
}

Status
sys_is_constraint_column_usage(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_constraint_column_rows);
}

Status
sys_is_catalog_name(Ctx *ctx, SysRows *r)
{
    const char *db;
    TRY(database(ctx, r, &db));
    TRY(sys_row(r));
    sys_text(r, db);
    return QN_OK;
}

static const char *
action_word(char a)
{
    switch (a) {
    case FK_RESTRICT: return "RESTRICT";
    case FK_CASCADE: return "CASCADE";
    case FK_SET_NULL: return "SET NULL";
    case FK_SET_DEFAULT: return "SET DEFAULT";
    default: return "NO ACTION";
    }
}

static Status
is_referential_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const char *db;
    TRY(database(ctx, r, &db));
    for (int i = 0; i < rel->nconstraints; i++) {
        const RelConstraint *c = rel->constraints[i];
        const Relation *ref;
        const IndexDef *ix;
        if (c->kind != CONSTRAINT_FOREIGN) continue;
        TRY(catalog_relation_by_oid(ctx, c->ref_rel_oid, &ref));
        ix = ref != NULL ? relation_index_by_oid(ref, c->index_oid) : NULL;
        TRY(sys_row(r));
        sys_text(r, db);
        sys_text(r, rel->schema);
        sys_text(r, c->name);
        sys_text(r, db);
        sys_text(r, ref != NULL ? ref->schema : NULL);
        sys_text(r, ix != NULL ? ix->name : NULL);
        sys_text(r, c->match == 'f' ? "FULL" : "NONE");
        sys_text(r, action_word(c->on_update));
        sys_text(r, action_word(c->on_delete));
    }
    return QN_OK;
}

Status
sys_is_referential_constraints(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_referential_rows);
}

static Status
is_check_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const char *db;
    TRY(database(ctx, r, &db));
    for (int i = 0; i < rel->nconstraints; i++) {
        const RelConstraint *c = rel->constraints[i];
        if (c->kind != CONSTRAINT_CHECK) continue;
        TRY(sys_row(r));
        sys_text(r, db);
        sys_text(r, rel->schema);
        sys_text(r, c->name);
        sys_printf(r, "(%s)", c->check_sql);
    }
    return QN_OK;
}

Status
sys_is_check_constraints(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, is_check_rows);
}
