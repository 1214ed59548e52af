/* sys_relations.c - generators of what describes relations: pg_namespace, pg_class, pg_attribute, and a sequence's own row.
 *
 * Built-in relations come first, in the order of systables.def, then the stored ones by oid. */
#include "catalog/definition.h"
#include "catalog/define.h"
#include "catalog/partition.h"
#include "catalog/reloptions.h"
#include "catalog/sequence.h"
#include "catalog/systable.h"
#include "storage/index.h"
#include "types/opclass.h"

/* Stored ones are pinned by the statement. */
Status
sys_each_relation(Ctx *ctx, SysRows *r, Status (*fn)(Ctx *ctx, SysRows *r, const Relation *rel))
{
    CatalogShared *s = ctx->catalog->shared;
    for (int i = 0; i < s->nsys; i++) TRY(fn(ctx, r, &s->sys[i]));
    for (int pass = 0; pass < 2; pass++) {
        CatObjList list;
        TRY(catalog_all(ctx, sys_arena(r), pass == 0 ? OBJ_RELATION : OBJ_INDEX, &list));
        Status st = QN_OK;
        for (int i = 0; i < list.count && st == QN_OK; i++) {
            const Relation *rel;
            st = catalog_relation_by_oid(ctx, list.items[i]->oid, &rel);
            if (st == QN_OK && rel != NULL) st = fn(ctx, r, rel);
        }
        catobj_list_release(&list);
        TRY(st);
    }
    return QN_OK;
}

Status
sys_pg_namespace(Ctx *ctx, SysRows *r)
{
    static const struct { Oid oid; const char *name; } builtin[] = {
        {OID_PG_CATALOG, "pg_catalog"}, {OID_INFORMATION_SCHEMA, "information_schema"}};
    for (int i = 0; i < 2; i++) {
        TRY(sys_row(r));
        sys_oid(r, builtin[i].oid);
        sys_text(r, builtin[i].name);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
        sys_null(r);
    }
    CatObjList list;
    TRY(catalog_all(ctx, sys_arena(r), OBJ_SCHEMA, &list));
    Status st = QN_OK;
    for (int i = 0; i < list.count && st == QN_OK; i++) {
        st = sys_row(r);
        if (st != QN_OK) break;
        sys_oid(r, list.items[i]->oid);
        sys_printf(r, "%s", list.items[i]->name);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
        sys_null(r);
    }
    catobj_list_release(&list);
    return st;
}

enum { OID_AM_HEAP = 2 };

static bool
is_index(const Relation *rel)
{
    return rel->kind == RELKIND_INDEX || rel->kind == RELKIND_PARTITIONED_INDEX;
}

static Oid
access_method(const Relation *rel)
{
    if (relation_has_heap(rel->kind)) return OID_AM_HEAP;
    return is_index(rel) ? index_kind_find(rel->indexes[0]->method)->oid : 0;
}

static int
count_checks(const Relation *rel)
{
    int n = 0;
    for (int i = 0; i < rel->nconstraints; i++) n += rel->constraints[i]->kind == CONSTRAINT_CHECK;
    return n;
}

static bool
has_foreign_keys(const Relation *rel)
{
    for (int i = 0; i < rel->nconstraints; i++)
        if (rel->constraints[i]->kind == CONSTRAINT_FOREIGN) return true;
    return rel->nreferenced_by > 0;
}

/* {"name=value",...} */
static char *
option_array(SysRows *r, const char *options)
{
    StrBuf b = strbuf_new(sys_arena(r));
    size_t n;
    const char *option;
    if (options == NULL) return NULL;
    for (int k = 0; (option = reloption_at(options, k, &n)) != NULL; k++) strbuf_addf(&b, "%s%.*s", k > 0 ? "," : "{", (int)n, option);
    strbuf_addc(&b, '}');
    return b.failed ? NULL : b.data;
}

/* What is known of an index is kept with its table. */
static Status
index_sizes(Ctx *ctx, const Relation *index, double *tuples_out, double *pages_out)
{
    const Relation *table;
    TRY(catalog_relation_by_oid(ctx, index->parent_oid, &table));
    const IndexDef *ix = table != NULL ? relation_index_by_oid(table, index->oid) : NULL;
    bool counted = ix != NULL && ix->pages >= 0, is_whole = index->kind == RELKIND_PARTITIONED_INDEX;
    *tuples_out = counted ? ix->tuples : 0;
    *pages_out = counted ? ix->pages : is_whole ? 0 : 1; /* one page, as it was made */
    return QN_OK;
}

static Status
class_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    bool index = is_index(rel);
    const char *bound = NULL;
    if (relation_bound(rel) != NULL) TRY(partition_bound_sql(ctx, sys_arena(r), relation_bound(rel), &bound));
    double tuples = rel->tuples, pages = rel->pages;
    if (index) TRY(index_sizes(ctx, rel, &tuples, &pages));
    TRY(sys_row(r));
    sys_oid(r, rel->oid);
    sys_text(r, rel->name);
    sys_oid(r, rel->schema_oid);
    sys_oid(r, 0);
    sys_oid(r, rel->of_type);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_oid(r, access_method(rel));
    sys_oid(r, rel->root_page);
    sys_oid(r, 0);
    sys_int4(r, pages > 0 ? (int)pages : 0);
    sys_float4(r, relation_has_heap(rel->kind) || index ? tuples : 0);
    sys_int4(r, !index && rel->visible_pages > 0 ? (int)rel->visible_pages : 0);
    sys_oid(r, 0);
    sys_bool(r, !index && rel->nindexes > 0);
    sys_bool(r, false);
    sys_char(r, rel->persistence);
    sys_char(r, rel->kind);
    sys_int2(r, rel->ncols);
    sys_int2(r, count_checks(rel));
    sys_bool(r, rel->kind == RELKIND_VIEW || rel->kind == RELKIND_MATVIEW);
    sys_bool(r, has_foreign_keys(rel));
    sys_bool(r, rel->nchildren > 0);
    sys_bool(r, false);
    sys_bool(r, false);
    sys_bool(r, !rel->unpopulated);
    sys_char(r, relation_has_heap(rel->kind) || rel->kind == RELKIND_PARTITIONED ? 'd' : 'n');
    sys_bool(r, relation_bound(rel) != NULL || (index && rel->indexes[0]->parent_index != 0));
    sys_oid(r, 0);
    sys_oid(r, 0);
    sys_oid(r, 0);
    sys_null(r);
    sys_array(r, option_array(r, rel->options));
    sys_text(r, bound);
    return QN_OK;
}

Status
sys_pg_class(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, class_row);
}

static Status
attribute_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    for (int i = 0; i < rel->ncols; i++) {
        const Column *c = &rel->cols[i];
        const TypeInfo *t = type_info(c->type);
        bool is_fixed = t->typlen > 0 && t->typlen <= 8;
        TRY(sys_row(r));
        sys_oid(r, rel->oid);
        sys_text(r, c->name);
        sys_oid(r, c->dropped ? 0 : c->type);
        sys_int4(r, -1);
        sys_int2(r, t->typlen);
        sys_int2(r, c->attnum);
        sys_int4(r, t->elem_oid != 0 ? 1 : 0);
        sys_int4(r, -1);
        sys_int4(r, c->typmod);
        sys_bool(r, is_fixed);
        sys_char(r, t->typlen == 1 ? 'c' : t->typlen == 2 ? 's' : t->typlen == 8 ? 'd' : 'i');
        sys_char(r, t->typlen >= 0 ? 'p' : t->oid == TYPE_NUMERIC || t->oid == TYPE_INET || t->oid == TYPE_CIDR ? 'm' : 'x');
        sys_char(r, '\0');
        sys_bool(r, c->not_null);
        sys_bool(r, c->default_sql != NULL);
        sys_bool(r, false);
        sys_char(r, c->identity);
        sys_char(r, c->generated);
        sys_bool(r, c->dropped);
        sys_bool(r, !c->inherited_only);
        sys_int4(r, c->inh_count);
        sys_oid(r, c->collation);
        for (int k = 0; k < 4; k++) sys_null(r);
    }
    return QN_OK;
}

Status
sys_pg_attribute(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, attribute_rows);
}

/* ---- what belongs to relations ---- */

static Status
attrdef_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    for (int i = 0; i < rel->ncols; i++) {
        const char *text;
        if (rel->cols[i].default_sql == NULL) continue;
        TRY(define_default(ctx, sys_arena(r), rel->cols[i].default_sql, rel->cols[i].type, &text));
        TRY(sys_row(r));
        sys_oid(r, rel->oid);
        sys_oid(r, rel->oid);
        sys_int2(r, i + 1);
        sys_text(r, text);
    }
    return QN_OK;
}

Status
sys_pg_attrdef(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, attrdef_rows);
}

/* "{1,2}" */
static const char *
int_array(SysRows *r, const int *items, int n)
{
    StrBuf b = strbuf_new(sys_arena(r));
    strbuf_addc(&b, '{');
    for (int i = 0; i < n; i++) strbuf_addf(&b, "%s%d", i > 0 ? "," : "", items[i]);
    strbuf_addc(&b, '}');
    return b.failed ? NULL : b.data;
}

/* "lower(b), (a + 1)"; NULL: none. */
static const char *
index_exprs(SysRows *r, const IndexDef *ix)
{
    StrBuf b = strbuf_new(sys_arena(r));
    for (int i = 0; i < ix->nkeys; i++)
        if (ix->exprs[i] != NULL) strbuf_addf(&b, "%s%s", b.nbytes > 0 ? ", " : "", ix->exprs[i]);
    return b.nbytes == 0 || b.failed ? NULL : b.data;
}

static Status
index_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const Relation *table;
    if (!is_index(rel)) return QN_OK;
    const IndexDef *ix = rel->indexes[0];
    int collations[64] = {0}, options[64] = {0}, classes[64] = {0};
    Oid am = index_kind_find(ix->method)->oid;
    int n = ix->ncols < 64 ? ix->ncols : 64;
    const RelConstraint *c = NULL;
    if (ix->constraint_oid != 0) TRY(define_find_constraint(ctx, sys_arena(r), ix->constraint_oid, &c));
    for (int i = 0; i < n; i++) {
        collations[i] = (int)ix->collations[i];
        const OpClass *class = i >= ix->nkeys ? NULL : ix->opclasses[i] != 0 ? opclass_by_oid(ix->opclasses[i]) : opclass_default(am, ix->types[i]);
        classes[i] = class != NULL ? (int)class->oid : 0;
        if (i < ix->nkeys) options[i] = ix->desc[i] | ix->nulls_first[i] << 1;
    }
    TRY(catalog_relation_by_oid(ctx, ix->rel_oid, &table));
    TRY(sys_row(r));
    sys_oid(r, ix->oid);
    sys_oid(r, ix->rel_oid);
    sys_int2(r, ix->ncols);
    sys_int2(r, ix->nkeys);
    sys_bool(r, ix->unique);
    sys_bool(r, ix->nulls_not_distinct);
    sys_bool(r, ix->primary);
    sys_bool(r, false);
    sys_bool(r, c == NULL || !c->deferrable);
    sys_bool(r, table != NULL && table->clustered_oid == ix->oid);
    sys_bool(r, ix->valid);
    sys_bool(r, false);
    sys_bool(r, true);
    sys_bool(r, true);
    sys_bool(r, false);
    sys_array(r, int_array(r, ix->attnums, n));
    sys_array(r, int_array(r, collations, n));
    sys_array(r, int_array(r, classes, ix->nkeys));
    sys_array(r, int_array(r, options, ix->nkeys));
    sys_text(r, index_exprs(r, ix));
    sys_text(r, ix->predicate);
    return QN_OK;
}

Status
sys_pg_index(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, index_row);
}

/* Of a relation or of a domain: one of the oids is 0. */
static Status
constraint_row(SysRows *r, const RelConstraint *c, Oid schema, Oid rel, Oid domain)
{
    bool foreign = c->kind == CONSTRAINT_FOREIGN;
    TRY(sys_row(r));
    sys_oid(r, c->oid);
    sys_text(r, c->name);
    sys_oid(r, schema);
    sys_char(r, c->kind);
    sys_bool(r, c->deferrable);
    sys_bool(r, c->initially_deferred);
    sys_bool(r, c->validated);
    sys_oid(r, rel);
    sys_oid(r, domain);
    sys_oid(r, c->index_oid);
    sys_oid(r, c->parent_constraint);
    sys_oid(r, c->ref_rel_oid);
    sys_char(r, foreign ? c->on_update : ' ');
    sys_char(r, foreign ? c->on_delete : ' ');
    sys_char(r, foreign ? c->match : ' ');
    sys_bool(r, !c->inherited_only);
    sys_int4(r, c->inh_count);
    sys_bool(r, c->no_inherit || c->kind != CONSTRAINT_CHECK);
    sys_array(r, int_array(r, c->attnums, c->nkeys));
    sys_array(r, foreign ? int_array(r, c->ref_attnums, c->nkeys) : NULL);
    sys_skip(r, 3);
    sys_array(r, c->nset > 0 ? int_array(r, c->set_attnums, c->nset) : NULL);
    sys_null(r);
    sys_text(r, c->check_sql);
    return QN_OK;
}

static Status
constraint_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    for (int i = 0; i < rel->nconstraints; i++) TRY(constraint_row(r, rel->constraints[i], rel->schema_oid, rel->oid, 0));
    return QN_OK;
}

Status
sys_pg_constraint(Ctx *ctx, SysRows *r)
{
    const UserType *const *types;
    int n;
    TRY(catalog_all_user_types(ctx, sys_arena(r), &types, &n));
    for (int i = 0; i < n; i++)
        for (int k = 0; k < types[i]->nconstraints; k++)
            TRY(constraint_row(r, types[i]->constraints[k], types[i]->schema_oid, 0, types[i]->oid));
    return sys_each_relation(ctx, r, constraint_rows);
}

static Status
inherit_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    if (is_index(rel) && rel->indexes[0]->parent_index != 0) {
        TRY(sys_row(r));
        sys_oid(r, rel->oid);
        sys_oid(r, rel->indexes[0]->parent_index);
        sys_int4(r, 1);
        sys_bool(r, false);
    }
    for (int i = 0; i < rel->nparents; i++) {
        TRY(sys_row(r));
        sys_oid(r, rel->oid);
        sys_oid(r, rel->parents[i]->parent_oid);
        sys_int4(r, rel->parents[i]->seq);
        sys_bool(r, rel->parents[i]->detach_xid != 0);
    }
    return QN_OK;
}

Status
sys_pg_inherits(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, inherit_rows);
}

static Status
partitioned_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    const PartitionKey *k = rel->partition_key;
    const PartitionDesc *d = rel->partitions;
    int collations[64] = {0}, zeros[64] = {0};
    const char *exprs = NULL;
    (void)ctx;
    if (k == NULL) return QN_OK;
    for (int i = 0; i < k->nkeys && i < 64; i++) {
        collations[i] = (int)k->collations[i];
        if (k->exprs[i] != NULL && exprs == NULL) exprs = k->exprs[i];
    }
    TRY(sys_row(r));
    sys_oid(r, rel->oid);
    sys_char(r, k->strategy);
    sys_int2(r, k->nkeys);
    sys_oid(r, d->default_part >= 0 ? d->parts[d->default_part]->child_oid : 0);
    sys_array(r, int_array(r, k->attnums, k->nkeys));
    sys_array(r, int_array(r, zeros, k->nkeys));
    sys_array(r, int_array(r, collations, k->nkeys));
    sys_text(r, exprs);
    return QN_OK;
}

Status
sys_pg_partitioned_table(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, partitioned_row);
}

static Status
sequence_def_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    const SeqDef *s = rel->sequence;
    if (s == NULL) return QN_OK;
    TRY(sys_row(r));
    sys_oid(r, rel->oid);
    sys_oid(r, s->type);
    sys_int8(r, s->start);
    sys_int8(r, s->increment);
    sys_int8(r, s->max);
    sys_int8(r, s->min);
    sys_int8(r, s->cache);
    sys_bool(r, s->cycle);
    return QN_OK;
}

Status
sys_pg_sequence(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, sequence_def_row);
}

static Status
description_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    RelDef *def;
    if (rel->oid < OID_FIRST_USER || is_index(rel)) return QN_OK;
    CatObj *o = catalog_get(ctx, rel->oid);
    if (o == NULL) return QN_OK;
    Status st = catobj_to_relation(ctx, sys_arena(r), o, &def);
    catobj_unref(o);
    TRY(st);
    for (int i = 0; i <= def->ncols; i++) {
        const char *text = i == 0 ? def->comment : def->cols[i - 1].comment;
        if (text == NULL) continue;
        TRY(sys_row(r));
        sys_oid(r, rel->oid);
        sys_oid(r, 1259);
        sys_int4(r, i);
        sys_text(r, text);
    }
    return QN_OK;
}

/* What the manual says of built-in functions. */
static Status
builtin_description(SysRows *r, Oid oid)
{
    TRY(sys_row(r));
    sys_oid(r, oid);
    sys_oid(r, CLASS_PROC);
    sys_int4(r, 0);
    sys_text(r, define_builtin_doc(oid));
    return QN_OK;
}

Status
sys_pg_description(Ctx *ctx, SysRows *r)
{
    const Definition **list;
    int n;
    TRY(sys_each_relation(ctx, r, description_rows));
    TRY(catalog_all_definitions(ctx, sys_arena(r), DEF_COMMENT, &list, &n));
    for (int i = 0; i < n; i++) {
        TRY(sys_row(r));
        sys_oid(r, (Oid)list[i]->nums[CMT_OBJECT]);
        sys_oid(r, (Oid)list[i]->nums[CMT_CLASS]);
        sys_int4(r, (int)list[i]->nums[CMT_SUBID]);
        sys_text(r, list[i]->texts[0]);
    }
    for (int i = 0; i < fn_count(); i++) TRY(builtin_description(r, fn_at(i)->oid));
    for (int i = 0; i < agg_count(); i++) TRY(builtin_description(r, agg_at(i)->oid));
    for (int i = 0; i < winfn_count(); i++) TRY(builtin_description(r, winfn_at(i)->oid));
    return QN_OK;
}

/* SELECT * FROM a_sequence. */
static Status
sequence_row(Ctx *ctx, SysRows *r)
{
    SequenceState state;
    TRY(sequence_read(ctx, sys_scanned(r), &state));
    TRY(sys_row(r));
    sys_int8(r, state.last_value);
    sys_int8(r, state.log_count);
    sys_bool(r, state.is_called);
    return QN_OK;
}

static const SysColumn sequence_cols[] = {
    {"last_value", TYPE_INT8}, {"log_cnt", TYPE_INT8}, {"is_called", TYPE_BOOL}};
const SysTable systable_sequence = {0, 0, RELKIND_SEQUENCE, "sequence", 3, sequence_cols, sequence_row};
