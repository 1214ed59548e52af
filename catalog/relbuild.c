/* relbuild.c - a Relation out of its objects: the relation's own, its indexes, constraints and statistics, and the foreign keys
 * that point at it. The result owns an arena and shares nothing. */
#include "catalog/catalog_priv.h"
#include "catalog/ddl.h"
#include "catalog/partition.h"
#include "catalog/reloptions.h"
#include "catalog/systable.h"
#include "common/bits.h"
#include "storage/index.h"
#include "types/opclass.h"
#include <stdlib.h>

Relation *
relation_pin(Relation *rel)
{
    atomic_fetch_add_explicit(&rel->pins, 1, memory_order_relaxed);
    return rel;
}

/* ctx NULL: the instance is closing, and its handles with it. */
static void
relation_free(Ctx *ctx, Relation *rel)
{
    if (ctx != NULL) {
        heap_close(ctx, rel->heap);
        for (int i = 0; i < rel->nindexes; i++)
            if (!rel->indexes[i]->partitioned) index_close(ctx, rel->indexes[i]->index);
    }
    arena_destroy(rel->arena);
}

void
relation_unpin(Ctx *ctx, Relation *rel)
{
    if (rel == NULL || rel->oid < OID_FIRST_USER) return;
    if (atomic_fetch_sub_explicit(&rel->pins, 1, memory_order_acq_rel) == 1) relation_free(ctx, rel);
}

static Phys
column_phys(Oid type, int32_t typmod, int16_t *scale_out)
{
    type = type_base_typmod(type, &typmod);
    Phys phys = type_phys(type, typmod);
    *scale_out = type == TYPE_NUMERIC && phys != PHYS_STR ? (int16_t)numeric_typmod_scale(typmod) : 0;
    return phys;
}

/* What rows written under layout id look like. */
static Status
build_layout(Ctx *ctx, Arena *arena, const RelDef *def, int id, Layout **out)
{
    Layout *l;
    LayoutColumn *cols;
    TRY_ALLOC(ctx, l, ARENA_NEW(arena, Layout));
    TRY_ALLOC(ctx, cols, ARENA_ARRAY(arena, LayoutColumn, def->ncols + 1));
    int n = 0;
    for (; n < def->ncols && def->cols[n].added_layout <= id; n++) {
        const ColDef *c = &def->cols[n];
        LayoutColumn *lc = &cols[n];
        lc->typmod = c->col.typmod;
        lc->type = type_base_typmod(c->col.type, &lc->typmod);
        lc->phys = (uint8_t)column_phys(c->col.type, c->col.typmod, &lc->scale);
        if (c->dropped_layout != 0 && c->dropped_layout <= id) lc->phys = PHYS_NONE;
        lc->has_missing = !c->missing.is_null;
        lc->missing = c->missing;
    }
    *l = (Layout){.id = (uint32_t)id, .ncols = n, .cols = cols};
    *out = l;
    return QN_OK;
}

/* Columns of the indexes that foreign keys may point to. */
static Status
key_columns(Ctx *ctx, const Relation *rel, int ncols, uint64_t **out)
{
    *out = NULL;
    for (int i = 0; i < rel->nindexes; i++) {
        const IndexDef *ix = rel->indexes[i];
        if (!ix->unique || !index_is_plain(ix)) continue;
        if (*out == NULL) TRY_ALLOC(ctx, *out, ARENA_ARRAY(rel->arena, uint64_t, (ncols + 63) / 64));
        for (int k = 0; k < ix->nkeys; k++) bits_set(*out, (size_t)ix->attnums[k] - 1);
    }
    return QN_OK;
}

static Status
open_heap(Ctx *ctx, Relation *rel, const RelDef *def)
{
    Arena *arena = rel->arena;
    const Layout **layouts;
    uint64_t *indexed = NULL, *keys;
    HeapDesc *desc;
    TRY_ALLOC(ctx, desc, ARENA_NEW(arena, HeapDesc));
    TRY_ALLOC(ctx, layouts, ARENA_ARRAY(arena, const Layout *, def->layout));
    for (int i = 0; i < def->layout; i++) {
        Layout *l;
        TRY(build_layout(ctx, arena, def, i + 1, &l));
        layouts[i] = l;
    }
    if (rel->nindexes > 0) {
        TRY_ALLOC(ctx, indexed, ARENA_ARRAY(arena, uint64_t, (def->ncols + 63) / 64));
        for (int i = 0; i < rel->nindexes; i++) {
            const IndexDef *ix = rel->indexes[i];
            for (int k = 0; k < ix->ncols; k++)
                if (ix->attnums[k] > 0) bits_set(indexed, (size_t)ix->attnums[k] - 1);
            for (int k = 0; k < ix->nuses; k++) bits_set(indexed, (size_t)ix->uses[k] - 1);
        }
    }
    TRY(key_columns(ctx, rel, def->ncols, &keys));
    *desc = (HeapDesc){.relid = rel->oid, .root_page = def->root_page, .name = rel->name,
                       .layouts = layouts, .nlayouts = def->layout, .indexed = indexed, .keys = keys,
                       .fillfactor = (int)reloption_number(rel, "fillfactor", 100), .since_lsn = def->root_lsn};
    return heap_open(ctx, arena, desc, &rel->heap);
}

Status
ddl_open_heap(Ctx *ctx, Arena *arena, const RelDef *def, struct Heap **out)
{
    Relation rel = {.oid = def->oid, .name = def->name, .arena = arena, .options = def->options};
    TRY(open_heap(ctx, &rel, def));
    *out = rel.heap;
    return QN_OK;
}

/* A hash index keeps the hash of its column. */
static Status
hash_desc(Ctx *ctx, IndexDesc *d, KeyColumn *key, Oid *type, uint8_t *phys, int16_t *scale)
{
    d->hashed_type = *type;
    *type = TYPE_INT8;
    *phys = PHYS_I64;
    *scale = 0;
    return key_column_init(ctx, key, TYPE_INT8, -1, false, false, false);
}

/* The operator class of each key column, the default one where none is named. */
static Status
index_opclasses(Ctx *ctx, Arena *arena, const IndexDef *def, const IndexKindInfo *kind, const Oid **out)
{
    Oid *list;
    TRY_ALLOC(ctx, list, ARENA_ARRAY(arena, Oid, def->nkeys));
    for (int i = 0; i < def->nkeys; i++) {
        const OpClass *c = opclass_default(kind->oid, def->types[i]);
        list[i] = def->opclasses[i] != INVALID_OID ? def->opclasses[i] : c != NULL ? c->oid : INVALID_OID;
    }
    *out = list;
    return QN_OK;
}

static Status
open_index(Ctx *ctx, Arena *arena, IndexDef *def)
{
    const IndexKindInfo *kind = index_kind_find(def->method);
    if (kind == NULL) return RAISE(ctx, ERR_DATA_CORRUPTED, "index \"%s\" has an unknown access method", def->name);
    IndexDesc *desc;
    KeyColumn *keys;
    uint8_t *phys;
    int16_t *scales;
    Oid *types;
    TRY_ALLOC(ctx, desc, ARENA_NEW(arena, IndexDesc));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, def->ncols));
    for (int i = 0; i < def->ncols; i++) types[i] = type_base(def->types[i]);
    TRY_ALLOC(ctx, keys, ARENA_ARRAY(arena, KeyColumn, def->nkeys));
    TRY_ALLOC(ctx, phys, ARENA_ARRAY(arena, uint8_t, def->ncols));
    TRY_ALLOC(ctx, scales, ARENA_ARRAY(arena, int16_t, def->ncols));
    /* A primary key's columns cannot become nullable while it exists, so its keys need no null byte. */
    for (int i = 0; i < def->nkeys && kind->is_ordered; i++)
        TRY(key_column_init(ctx, &keys[i], def->types[i], def->typmods[i], def->desc[i],
                            def->nulls_first[i], def->primary));
    for (int i = 0; i < def->ncols; i++)
        phys[i] = (uint8_t)column_phys(def->types[i], def->typmods[i], &scales[i]);
    *desc = (IndexDesc){.relid = def->oid, .root_page = def->root_page, .name = def->name,
                        .kind = kind->kind, .unique = def->unique,
                        .nulls_not_distinct = def->nulls_not_distinct, .nkeys = def->nkeys,
                        .ncols = def->ncols, .keys = keys, .types = types, .phys = phys,
                        .scales = scales};
    if (kind->kind == INDEX_GIN) {
        desc->no_pending = !reloption_bool_in(def->options, "fastupdate", true);
        desc->pending_limit = (uint32_t)reloption_number_in(def->options, "gin_pending_list_limit", 0) * 1024;
        TRY(index_opclasses(ctx, arena, def, kind, &desc->opclasses));
    }
    if (kind->kind == INDEX_HASH) TRY(hash_desc(ctx, desc, keys, types, phys, scales));
    return index_open(ctx, arena, desc, &def->index);
}

static int
count_kind(const CatObjList *list, ObjKind kind)
{
    int n = 0;
    for (int i = 0; i < list->count; i++) n += list->items[i]->kind == kind;
    return n;
}

static Status
add_indexes(Ctx *ctx, Relation *rel, const CatObjList *children)
{
    const IndexDef **list;
    int n = 0;
    TRY_ALLOC(ctx, list, ARENA_ARRAY(rel->arena, const IndexDef *, count_kind(children, OBJ_INDEX) + 1));
    rel->indexes = list;
    for (int i = 0; i < children->count; i++) {
        if (children->items[i]->kind != OBJ_INDEX) continue;
        IndexDef *ix;
        TRY(catobj_to_index(ctx, rel->arena, children->items[i], &ix));
        if (!ix->partitioned) TRY(open_index(ctx, rel->arena, ix));
        if (ix->primary) rel->primary = ix;
        list[n++] = ix;
        rel->nindexes = n; /* opened so far: closed again if the next one fails */
    }
    return QN_OK;
}

static Status
constraint_list(Ctx *ctx, Relation *rel, const CatObjList *from, const RelConstraint *const **out,
                int *n_out)
{
    const RelConstraint **list;
    int n = 0;
    TRY_ALLOC(ctx, list,
              ARENA_ARRAY(rel->arena, const RelConstraint *, count_kind(from, OBJ_CONSTRAINT) + 1));
    for (int i = 0; i < from->count; i++) {
        if (from->items[i]->kind != OBJ_CONSTRAINT) continue;
        RelConstraint *c;
        TRY(catobj_to_constraint(ctx, rel->arena, from->items[i], &c));
        list[n++] = c;
    }
    *out = list;
    *n_out = n;
    return QN_OK;
}

static void
note_deferrable(Relation *rel)
{
    for (int i = 0; i < rel->nindexes; i++)
        for (int k = 0; k < rel->nconstraints; k++)
            if (rel->constraints[k]->deferrable && rel->constraints[k]->oid == rel->indexes[i]->constraint_oid)
                ((IndexDef *)rel->indexes[i])->deferrable = true; /* ours until the relation is handed out */
}

static int
by_seq(const void *a, const void *b)
{
    const InheritLink *x = *(InheritLink *const *)a, *y = *(InheritLink *const *)b;
    return x->seq - y->seq;
}

static int
by_child(const void *a, const void *b)
{
    const InheritLink *x = *(InheritLink *const *)a, *y = *(InheritLink *const *)b;
    return (x->child_oid > y->child_oid) - (x->child_oid < y->child_oid);
}

static Status
link_list(Ctx *ctx, Relation *rel, const CatObjList *from, int (*order)(const void *, const void *),
          const InheritLink *const **out, int *n_out)
{
    InheritLink **list;
    int n = 0, count = count_kind(from, OBJ_INHERIT);
    if (count == 0) return QN_OK;
    TRY_ALLOC(ctx, list, ARENA_ARRAY(rel->arena, InheritLink *, count));
    for (int i = 0; i < from->count; i++)
        if (from->items[i]->kind == OBJ_INHERIT)
            TRY(catobj_to_inherit(ctx, rel->arena, from->items[i], &list[n++]));
    qsort(list, (size_t)n, sizeof(*list), order);
    *out = (const InheritLink *const *)list;
    *n_out = n;
    return QN_OK;
}

static Status
add_stats(Ctx *ctx, Relation *rel, Column *cols, const CatObjList *children)
{
    for (int i = 0; i < children->count; i++) {
        if (children->items[i]->kind != OBJ_STATS) continue;
        StatsDef *s;
        TRY(catobj_to_stats(ctx, rel->arena, children->items[i], &s));
        rel->tuples = s->tuples;
        rel->pages = s->pages;
        rel->visible_pages = s->visible_pages;
        for (int c = 0; c < s->ncols && c < rel->ncols; c++)
            if (!cols[c].dropped) cols[c].stats = s->cols[c];
        for (int k = 0; k < s->nindexes; k++)
            for (int j = 0; j < rel->nindexes; j++)
                if (rel->indexes[j]->oid == s->indexes[k].oid) {
                    /* Ours until the relation is handed out. */
                    ((IndexDef *)rel->indexes[j])->tuples = s->indexes[k].tuples;
                    ((IndexDef *)rel->indexes[j])->pages = s->indexes[k].pages;
                    if (s->indexes[k].ncols == rel->indexes[j]->ncols)
                        ((IndexDef *)rel->indexes[j])->stats = (const ColumnStats *const *)s->indexes[k].cols;
                }
    }
    return QN_OK;
}

static Status
build_table(Ctx *ctx, Relation *rel, const CatObj *obj, const CatObjList *children,
            const CatObjList *referencing)
{
    RelDef *def;
    Column *cols;
    TRY(catobj_to_relation(ctx, rel->arena, obj, &def));
    rel->kind = def->kind;
    rel->persistence = def->persistence;
    rel->ncols = def->ncols;
    TRY_ALLOC(ctx, cols, ARENA_ARRAY(rel->arena, Column, def->ncols + 1));
    for (int i = 0; i < def->ncols; i++) cols[i] = def->cols[i].col;
    rel->cols = cols;
    rel->root_page = def->root_page;
    rel->view_sql = def->view_sql;
    rel->view_path = def->view_path;
    rel->view_check = def->view_check;
    rel->unpopulated = def->unpopulated;
    rel->comment = def->comment;
    rel->options = def->options;
    rel->clustered_oid = def->clustered_oid;
    rel->sequence = def->sequence;
    TRY(add_indexes(ctx, rel, children));
    TRY(constraint_list(ctx, rel, children, &rel->constraints, &rel->nconstraints));
    TRY(constraint_list(ctx, rel, referencing, &rel->referenced_by, &rel->nreferenced_by));
    note_deferrable(rel);
    TRY(link_list(ctx, rel, referencing, by_seq, &rel->parents, &rel->nparents));
    TRY(link_list(ctx, rel, children, by_child, &rel->children, &rel->nchildren));
    rel->of_type = def->of_type;
    rel->partition_key = def->partition_key;
    if (def->partition_key != NULL) TRY(partition_descs_build(ctx, rel->arena, rel));
    TRY(add_stats(ctx, rel, cols, children));
    if (def->kind == RELKIND_SEQUENCE) TRY(systable_set_sequence(ctx, rel));
    return relation_has_heap(def->kind) ? open_heap(ctx, rel, def) : QN_OK;
}

/* An index by its own name: its columns, for \d and pg_attribute. */
static Status
build_index(Ctx *ctx, Relation *rel, const CatObj *obj)
{
    IndexDef *def;
    Column *cols;
    TRY(catobj_to_index(ctx, rel->arena, obj, &def));
    if (!def->partitioned) TRY(open_index(ctx, rel->arena, def));
    TRY_ALLOC(ctx, cols, ARENA_ARRAY(rel->arena, Column, def->ncols));
    for (int i = 0; i < def->ncols; i++) {
        cols[i] = (Column){.attnum = i + 1, .type = def->types[i], .typmod = def->typmods[i],
                           .collation = def->collations[i], .name = def->names[i]};
    }
    rel->kind = def->partitioned ? RELKIND_PARTITIONED_INDEX : RELKIND_INDEX;
    rel->persistence = strncmp(rel->schema, "pg_temp_", 8) == 0 ? 't' : 'p';
    rel->parent_oid = obj->parent;
    rel->ncols = def->ncols;
    rel->cols = cols;
    rel->root_page = def->root_page;
    const IndexDef **list;
    TRY_ALLOC(ctx, list, ARENA_ARRAY(rel->arena, const IndexDef *, 1));
    list[0] = def;
    rel->indexes = list;
    rel->nindexes = 1;
    return QN_OK;
}

Status
relation_build(Ctx *ctx, const CatObj *obj, uint64_t version, const CatObjList *children,
               const CatObjList *referencing, const char *schema, Relation **out)
{
    Arena *arena = arena_create(NULL, "relation");
    if (arena == NULL) return RAISE_OOM(ctx);
    Relation *rel = ARENA_NEW(arena, Relation);
    Status st = QN_OK;
    if (rel == NULL) {
        st = RAISE_OOM(ctx);
        goto done;
    }
    rel->arena = arena;
    rel->oid = obj->oid;
    rel->version = version;
    rel->schema_oid = obj->schema;
    rel->tuples = rel->pages = rel->visible_pages = -1;
    atomic_init(&rel->pins, 1);
    TRY_ALLOC_GOTO(ctx, rel->name, arena_strdup(arena, obj->name));
    TRY_ALLOC_GOTO(ctx, rel->schema, arena_strdup(arena, schema != NULL ? schema : ""));
    if (obj->kind == OBJ_INDEX)
        TRY_GOTO(build_index(ctx, rel, obj));
    else
        TRY_GOTO(build_table(ctx, rel, obj, children, referencing));
    *out = rel;
    return QN_OK;
done:
    if (rel != NULL)
        relation_free(ctx, rel);
    else
        arena_destroy(arena);
    return st;
}

const Column *
relation_column(const Relation *rel, const char *name)
{
    for (int i = 0; i < rel->ncols; i++)
        if (!rel->cols[i].dropped && strcmp(rel->cols[i].name, name) == 0) return &rel->cols[i];
    return NULL;
}

const IndexDef *
relation_index_by_oid(const Relation *rel, Oid oid)
{
    for (int i = 0; i < rel->nindexes; i++)
        if (rel->indexes[i]->oid == oid) return rel->indexes[i];
    return NULL;
}

const PartitionBound *
relation_bound(const Relation *rel)
{
    return rel->nparents == 1 ? rel->parents[0]->bound : NULL;
}

const RelConstraint *
relation_constraint(const Relation *rel, const char *name)
{
    for (int i = 0; i < rel->nconstraints; i++)
        if (strcmp(rel->constraints[i]->name, name) == 0) return rel->constraints[i];
    return NULL;
}
