/* depend.c - who depends on whom, and dropping.
 *
 * Dependents are found, not stored, but for what views and defaults use (CatObj.deps): a table's parts have it as parent, foreign
 * keys and owned sequences as parent2. A drop collects everything that has to go in one list, parts of what goes
 * (automatic) and dependents (cascaded), and only then changes anything. */
#include "catalog/catalog_priv.h"
#include "catalog/ddl.h"
#include "catalog/definition.h"
#include "catalog/routine.h"
#include "catalog/sequence.h"
#include "storage/index.h"
#include "storage/tablestats.h"

typedef struct DropItem {
    DropTarget t;
    bool cascaded;  /* not asked for, and not a part of what was */
    int because;    /* item it depends on */
} DropItem;

typedef struct DropList {
    Ctx *ctx;
    Arena *arena;
    ARRAY(DropItem) items;
    CatObjList views; /* all objects with dependencies: references held */
} DropList;

/* ---- describing ---- */

static const char *
relkind_word(char relkind)
{
    switch (relkind) {
    case RELKIND_VIEW: return "view";
    case RELKIND_MATVIEW: return "materialized view";
    case RELKIND_SEQUENCE: return "sequence";
    case RELKIND_INDEX:
    case RELKIND_PARTITIONED_INDEX: return "index";
    case RELKIND_COMPOSITE: return "composite type";
    default: return "table";
    }
}

/* "t", or "s.t" where the bare name would not find it. */
static Status
relation_name(Ctx *ctx, const CatObj *o, const char **out)
{
    if (catalog_relation_is_visible(ctx, o->oid)) {
        TRY_ALLOC(ctx, *out, arena_strdup(ctx->stmt_arena, o->name));
        return QN_OK;
    }
    const char *schema = catalog_schema_name(ctx, o->schema);
    TRY_ALLOC(ctx, *out,
              arena_printf(ctx->stmt_arena, "%s.%s", schema != NULL ? schema : "?", o->name));
    return QN_OK;
}

static Status
describe_column(Ctx *ctx, const CatObj *o, const DropTarget *t, const char *table, const char **out)
{
    RelDef *def;
    TRY(catobj_to_relation(ctx, ctx->stmt_arena, o, &def));
    const char *column = def->cols[t->attnum - 1].col.name;
    TRY_ALLOC(ctx, *out,
              arena_printf(ctx->stmt_arena, t->is_default ? "default value for column %s of %s %s"
                                                          : "column %s of %s %s",
                           column, relkind_word(o->relkind), table));
    return QN_OK;
}

/* "function f(integer,text)", with the schema where the path does not find it. */
static Status
describe_routine(Ctx *ctx, const CatObj *o, const char **out)
{
    const Routine *r;
    StrBuf b = strbuf_new(ctx->stmt_arena);
    char *text;
    TRY(catalog_routine(ctx, ctx->stmt_arena, o->oid, &r));
    if (r == NULL) return RAISE_INTERNAL(ctx, "function %u is gone", o->oid);
    strbuf_addz(&b, r->kind == ROUTINE_PROCEDURE ? "procedure " : "function ");
    if (!catalog_routine_is_visible(ctx, r)) strbuf_addf(&b, "%s.", r->schema);
    strbuf_addf(&b, "%s(", o->name);
    for (int i = 0; i < r->fn.nargs; i++) {
        const char *type;
        TRY(type_format(ctx, ctx->stmt_arena, r->args[i], -1, &type));
        strbuf_addf(&b, "%s%s", i > 0 ? "," : "", type);
    }
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
describe_object(Ctx *ctx, const CatObj *o, const DropTarget *t, const char **out)
{
    const char *name;
    if (o->kind == OBJ_ROUTINE) return describe_routine(ctx, o, out);
    if (o->kind == OBJ_DEFINED) {
        Definition *d;
        TRY(catobj_to_definition(ctx, ctx->stmt_arena, o, &d));
        return def_describe(ctx, ctx->stmt_arena, d, out);
    }
    if (o->kind == OBJ_SCHEMA) {
        TRY_ALLOC(ctx, *out, arena_printf(ctx->stmt_arena, "schema %s", o->name));
        return QN_OK;
    }
    if (o->kind == OBJ_TYPE || t->as_type || (o->relkind == RELKIND_COMPOSITE && t->attnum == 0)) {
        TRY(type_format(ctx, ctx->stmt_arena, o->kind == OBJ_TYPE ? o->oid : o->oid + 1, -1, &name));
        TRY_ALLOC(ctx, *out, arena_printf(ctx->stmt_arena, "type %s", name));
        return QN_OK;
    }
    if (o->kind == OBJ_CONSTRAINT) {
        CatObj *table = catalog_get(ctx, o->parent);
        if (table != NULL && table->kind == OBJ_TYPE) {
            catobj_unref(table);
            TRY_ALLOC(ctx, *out, arena_printf(ctx->stmt_arena, "constraint %s", o->name));
            return QN_OK;
        }
        Status st = table != NULL ? relation_name(ctx, table, &name)
                                  : RAISE_INTERNAL(ctx, "constraint %u has no table", o->oid);
        catobj_unref(table);
        TRY(st);
        TRY_ALLOC(ctx, *out,
                  arena_printf(ctx->stmt_arena, "constraint %s on table %s", o->name, name));
        return QN_OK;
    }
    TRY(relation_name(ctx, o, &name));
    if (t->attnum != 0) return describe_column(ctx, o, t, name, out);
    TRY_ALLOC(ctx, *out, arena_printf(ctx->stmt_arena, "%s %s", relkind_word(o->relkind), name));
    return QN_OK;
}

Status
ddl_describe(Ctx *ctx, const DropTarget *t, const char **out)
{
    CatObj *o = catalog_get(ctx, t->oid);
    if (o == NULL) return RAISE_INTERNAL(ctx, "object %u is gone", t->oid);
    Status st = describe_object(ctx, o, t, out);
    catobj_unref(o);
    return st;
}

/* ---- collecting ---- */

/* Whether target a goes when b goes, being it or a part of it. */
static bool
is_covered(const DropTarget *a, const DropTarget *b)
{
    if (a->oid != b->oid) return false;
    if (b->attnum == 0) return true;
    return a->attnum == b->attnum && (!b->is_default || a->is_default);
}

static Status
add(DropList *l, DropTarget t, bool cascaded, int because)
{
    for (int i = 0; i < l->items.count; i++)
        if (is_covered(&t, &l->items.items[i].t)) {
            /* A part of something that goes anyway is no cascade. */
            if (!cascaded) l->items.items[i].cascaded = l->items.items[i].cascaded && cascaded;
            return QN_OK;
        }
    return array_push(l->ctx, l->arena, &l->items,
                      ((DropItem){.t = t, .cascaded = cascaded, .because = because}));
}

/* Views that use the target, and defaults that use a sequence. */
static Status
add_users(DropList *l, int i)
{
    DropTarget t = l->items.items[i].t;
    for (int k = 0; k < l->views.count; k++) {
        const CatObj *o = l->views.items[k];
        for (int j = 0; j < o->ndeps; j++) {
            const ObjDep *dep = &o->deps[j];
            if (dep->ref != t.oid) continue;
            if (t.attnum != 0 && dep->ref_attnum != 0 && dep->ref_attnum != t.attnum) continue;
            /* What names the whole of a relation does not mind a column of it. */
            if (t.attnum != 0 && dep->ref_attnum == 0) continue;
            DropTarget user = {.kind = o->kind, .oid = o->oid, .attnum = dep->attnum,
                               .is_default = dep->attnum != 0};
            TRY(add(l, user, true, i));
        }
    }
    return QN_OK;
}

/* Foreign keys that rely on an index. */
static Status
add_relying_keys(DropList *l, int i, Oid table, Oid index)
{
    CatObjList list;
    Status st = QN_OK;
    TRY(catalog_children2(l->ctx, l->arena, table, OBJ_CONSTRAINT, &list));
    for (int k = 0; k < list.count && st == QN_OK; k++) {
        RelConstraint *c;
        st = catobj_to_constraint(l->ctx, l->arena, list.items[k], &c);
        if (st == QN_OK && c->index_oid == index)
            st = add(l, (DropTarget){.kind = OBJ_CONSTRAINT, .oid = c->oid}, true, i);
    }
    catobj_list_release(&list);
    return st;
}

/* A partition is a part of its table; other children are tables of their own. */
static Status
add_child_table(DropList *l, int i, const CatObj *o)
{
    InheritLink *link;
    TRY(catobj_to_inherit(l->ctx, l->arena, o, &link));
    return add(l, (DropTarget){.kind = OBJ_RELATION, .oid = link->child_oid}, link->bound == NULL, i);
}

static Status
add_table_parts(DropList *l, int i)
{
    Ctx *ctx = l->ctx;
    Oid oid = l->items.items[i].t.oid;
    CatObjList parts, others;
    Status st;
    TRY(catalog_children(ctx, l->arena, oid, 0, &parts));
    st = catalog_children2(ctx, l->arena, oid, 0, &others);
    for (int k = 0; st == QN_OK && k < parts.count; k++) {
        st = add(l, (DropTarget){.kind = parts.items[k]->kind, .oid = parts.items[k]->oid}, false, i);
        if (st == QN_OK && parts.items[k]->kind == OBJ_INHERIT) st = add_child_table(l, i, parts.items[k]);
    }
    for (int k = 0; st == QN_OK && k < others.count; k++) {
        const CatObj *o = others.items[k];
        /* A sequence goes with its owner; a foreign key of another table is that table's. */
        bool cascaded = o->kind == OBJ_CONSTRAINT && o->parent != oid;
        st = add(l, (DropTarget){.kind = o->kind, .oid = o->oid}, cascaded, i);
    }
    catobj_list_release(&parts);
    catobj_list_release(&others);
    return st;
}

static bool
mentions(const int *attnums, int n, int attnum)
{
    for (int i = 0; i < n; i++)
        if (attnums[i] == attnum) return true;
    return false;
}

/* What goes with a column: indexes and constraints on it, foreign keys that point at it, its sequence. */
static Status
add_column_parts(DropList *l, int i)
{
    Ctx *ctx = l->ctx;
    DropTarget t = l->items.items[i].t;
    CatObjList parts, others;
    Status st;
    if (t.is_default) return QN_OK;
    TRY(catalog_children(ctx, l->arena, t.oid, 0, &parts));
    st = catalog_children2(ctx, l->arena, t.oid, 0, &others);
    for (int k = 0; st == QN_OK && k < parts.count; k++) {
        const CatObj *o = parts.items[k];
        bool goes = false;
        if (o->kind == OBJ_INDEX) {
            IndexDef *ix;
            st = catobj_to_index(ctx, l->arena, o, &ix);
            goes = st == QN_OK && ix->constraint_oid == 0 && 
                   (mentions(ix->attnums, ix->ncols, t.attnum) || mentions(ix->uses, ix->nuses, t.attnum));
        } else if (o->kind == OBJ_CONSTRAINT) {
            RelConstraint *c;
            st = catobj_to_constraint(ctx, l->arena, o, &c);
            goes = st == QN_OK && mentions(c->attnums, c->nkeys, t.attnum);
        } else if (o->kind == OBJ_DEFINED && o->relkind == DEF_STATISTICS) {
            Definition *stats;
            st = catobj_to_definition(ctx, l->arena, o, &stats);
            for (int n = STX_COUNT; st == QN_OK && n < stats->nnums; n++) goes |= stats->nums[n] == t.attnum;
        }
        if (st == QN_OK && goes) st = add(l, (DropTarget){.kind = o->kind, .oid = o->oid}, false, i);
    }
    for (int k = 0; st == QN_OK && k < others.count; k++) {
        const CatObj *o = others.items[k];
        if (o->kind == OBJ_CONSTRAINT) {
            RelConstraint *c;
            st = catobj_to_constraint(ctx, l->arena, o, &c);
            if (st == QN_OK && mentions(c->ref_attnums, c->nkeys, t.attnum))
                st = add(l, (DropTarget){.kind = o->kind, .oid = o->oid}, o->parent != t.oid, i);
        } else if (o->kind == OBJ_RELATION) {
            RelDef *seq;
            st = catobj_to_relation(ctx, l->arena, o, &seq);
            if (st == QN_OK && seq->sequence != NULL && seq->sequence->owner_attnum == t.attnum)
                st = add(l, (DropTarget){.kind = o->kind, .oid = o->oid}, false, i);
        }
    }
    catobj_list_release(&parts);
    catobj_list_release(&others);
    return st;
}

/* The partitions' indexes or constraints that a partitioned table's stands for them. */
static Status
add_partitions_own(DropList *l, int i, Oid table, ObjKind kind)
{
    Oid oid = l->items.items[i].t.oid;
    CatObjList links;
    Status st = QN_OK;
    TRY(catalog_children(l->ctx, l->arena, table, OBJ_INHERIT, &links));
    for (int k = 0; k < links.count && st == QN_OK; k++) {
        CatObjList own;
        st = catalog_children(l->ctx, l->arena, links.items[k]->parent2, kind, &own);
        for (int n = 0; st == QN_OK && n < own.count; n++) {
            IndexDef *ix = NULL;
            RelConstraint *c = NULL;
            if (kind == OBJ_INDEX) st = catobj_to_index(l->ctx, l->arena, own.items[n], &ix);
            else st = catobj_to_constraint(l->ctx, l->arena, own.items[n], &c);
            if (st != QN_OK || (ix != NULL ? ix->parent_index : c->parent_constraint) != oid) continue;
            st = add(l, (DropTarget){.kind = kind, .oid = own.items[n]->oid}, false, i);
        }
        catobj_list_release(&own);
    }
    catobj_list_release(&links);
    return st;
}

static Status
add_index_parts(DropList *l, int i)
{
    CatObj *o = catalog_get(l->ctx, l->items.items[i].t.oid);
    if (o == NULL) return QN_OK;
    Oid table = o->parent;
    bool partitioned = o->relkind == RELKIND_PARTITIONED_INDEX;
    catobj_unref(o);
    return partitioned ? add_partitions_own(l, i, table, OBJ_INDEX) : QN_OK;
}

static Status
add_constraint_parts(DropList *l, int i)
{
    CatObj *o = catalog_get(l->ctx, l->items.items[i].t.oid);
    RelConstraint *c;
    if (o == NULL) return QN_OK;
    Status st = catobj_to_constraint(l->ctx, l->arena, o, &c);
    catobj_unref(o);
    TRY(st);
    if (c->kind != CONSTRAINT_CHECK) TRY(add_partitions_own(l, i, c->rel_oid, OBJ_CONSTRAINT));
    if (c->kind != CONSTRAINT_PRIMARY && c->kind != CONSTRAINT_UNIQUE) return QN_OK;
    TRY(add(l, (DropTarget){.kind = OBJ_INDEX, .oid = c->index_oid}, false, i));
    return add_relying_keys(l, i, c->rel_oid, c->index_oid);
}

/* What in the database has values of a type: columns, attributes, domains and ranges over it. Of a relation, its rows' type. */
static Status
add_type_users(DropList *l, int i, Oid type)
{
    CatObjList list;
    Status st = QN_OK;
    TRY(catalog_all(l->ctx, l->arena, 0, &list));
    for (int k = 0; st == QN_OK && k < list.count; k++) {
        const CatObj *o = list.items[k];
        if (o->kind == OBJ_TYPE && o->oid != type && o->parent != type) {
            TypeDef *def;
            st = catobj_to_type(l->ctx, l->arena, o, &def);
            if (st == QN_OK && (def->base == type || def->base == type + 1))
                st = add(l, (DropTarget){.kind = OBJ_TYPE, .oid = o->oid}, true, i);
        }
        if (o->kind != OBJ_RELATION) continue;
        RelDef *def;
        st = catobj_to_relation(l->ctx, l->arena, o, &def);
        for (int c = 0; st == QN_OK && c < def->ncols; c++) {
            Oid t = def->cols[c].col.type;
            if (def->cols[c].col.dropped || (t != type && t != type + 1)) continue;
            bool whole = o->relkind == RELKIND_VIEW || o->relkind == RELKIND_MATVIEW; /* a view's columns cannot go alone */
            st = add(l, (DropTarget){.kind = OBJ_RELATION, .oid = o->oid, .attnum = whole ? 0 : c + 1}, true, i);
        }
    }
    catobj_list_release(&list);
    return st;
}

static Status
add_type_parts(DropList *l, int i)
{
    Oid oid = l->items.items[i].t.oid;
    CatObjList parts;
    Status st = QN_OK;
    TRY(catalog_children(l->ctx, l->arena, oid, 0, &parts));
    for (int k = 0; st == QN_OK && k < parts.count; k++)
        st = add(l, (DropTarget){.kind = parts.items[k]->kind, .oid = parts.items[k]->oid}, false, i);
    catobj_list_release(&parts);
    TRY(st);
    return add_type_users(l, i, oid);
}

/* What lies in a schema of a kind that has no parts. */
static Status
add_named_contents(DropList *l, int i, ObjKind kind)
{
    Oid schema = l->items.items[i].t.oid;
    CatObjList list;
    Status st = QN_OK;
    TRY(catalog_all(l->ctx, l->arena, kind, &list));
    for (int k = 0; st == QN_OK && k < list.count; k++)
        if (list.items[k]->schema == schema)
            st = add(l, (DropTarget){.kind = kind, .oid = list.items[k]->oid}, true, i);
    catobj_list_release(&list);
    return st;
}

static Status
add_schema_contents(DropList *l, int i)
{
    Oid schema = l->items.items[i].t.oid;
    CatObjList list;
    Status st = QN_OK;
    TRY(catalog_all(l->ctx, l->arena, 0, &list));
    for (int k = 0; st == QN_OK && k < list.count; k++) {
        const CatObj *o = list.items[k];
        bool whole = (o->kind == OBJ_RELATION && o->parent2 == 0) || (o->kind == OBJ_TYPE && o->parent == 0);
        /* Owned sequences go with their tables, multiranges with their ranges. */
        if (o->schema == schema && whole) st = add(l, (DropTarget){.kind = o->kind, .oid = o->oid}, true, i);
    }
    catobj_list_release(&list);
    TRY(st);
    TRY(add_named_contents(l, i, OBJ_ROUTINE));
    return add_named_contents(l, i, OBJ_DEFINED);
}

/* The operator classes of a family go with it. */
static Status
add_members(DropList *l, int i)
{
    const Definition **classes;
    int n;
    TRY(catalog_definitions_under(l->ctx, l->arena, l->items.items[i].t.oid, DEF_OPCLASS, &classes, &n));
    for (int k = 0; k < n; k++) TRY(add(l, (DropTarget){.kind = OBJ_DEFINED, .oid = classes[k]->oid}, false, i));
    return QN_OK;
}

static Status
collect(DropList *l)
{
    for (int i = 0; i < l->items.count; i++) {
        DropTarget t = l->items.items[i].t;
        TRY(ctx_check_stop(l->ctx));
        switch (t.kind) {
        case OBJ_SCHEMA: TRY(add_schema_contents(l, i)); break;
        case OBJ_RELATION:
            if (t.attnum != 0)
                TRY(add_column_parts(l, i));
            else
                TRY(add_table_parts(l, i));
            TRY(add_users(l, i));
            if (t.attnum == 0) {
                l->items.items[i].t.as_type = true;
                TRY(add_type_users(l, i, t.oid + 1));
                l->items.items[i].t.as_type = false;
            }
            break;
        case OBJ_TYPE:
            TRY(add_type_parts(l, i));
            TRY(add_users(l, i));
            break;
        case OBJ_DEFINED:
            TRY(add_members(l, i));
            TRY(add_users(l, i));
            break;
        case OBJ_CONSTRAINT:
            TRY(add_constraint_parts(l, i));
            TRY(add_users(l, i));
            break;
        case OBJ_ROUTINE: TRY(add_users(l, i)); break;
        case OBJ_INDEX: TRY(add_index_parts(l, i)); break;
        case OBJ_INHERIT:
        case OBJ_STATS: break;
        }
    }
    return QN_OK;
}

/* ---- telling ---- */

/* Lines "x depends on y" (or "drop cascades to x") for the cascaded items. */
static Status
list_lines(DropList *l, bool cascading, const char **out, int *n_out)
{
    StrBuf b = strbuf_new(l->arena);
    int n = 0;
    for (int i = 0; i < l->items.count; i++) {
        const DropItem *item = &l->items.items[i];
        const char *what, *on;
        if (!item->cascaded) continue;
        TRY(ddl_describe(l->ctx, &item->t, &what));
        if (n++ > 0) strbuf_addc(&b, '\n');
        if (cascading) {
            strbuf_addf(&b, "drop cascades to %s", what);
        } else {
            TRY(ddl_describe(l->ctx, &l->items.items[item->because].t, &on));
            strbuf_addf(&b, "%s depends on %s", what, on);
        }
    }
    char *text = "";
    if (n > 0) TRY(strbuf_finish(l->ctx, &b, &text, NULL));
    *out = text;
    *n_out = n;
    return QN_OK;
}

static Status
tell(DropList *l, int ntargets, bool cascade)
{
    Ctx *ctx = l->ctx;
    const char *lines, *what;
    int n;
    TRY(list_lines(l, cascade, &lines, &n));
    if (n == 0) return QN_OK;
    if (cascade) {
        if (n == 1)
            ctx_notice(ctx, "NOTICE", QN_OK, "%s", lines);
        else
            ctx_notice(ctx, "NOTICE", QN_OK, "drop cascades to %d other objects\nDETAIL:  %s", n, lines);
        return QN_OK;
    }
    TRY(ddl_describe(ctx, &l->items.items[0].t, &what));
    Status st = ntargets == 1
                    ? RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST,
                            "cannot drop %s because other objects depend on it", what)
                    : RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST,
                            "cannot drop desired object(s) because other objects depend on them");
    st = err_detail(ctx, st, "%s", lines);
    return err_hint(ctx, st, "Use DROP ... CASCADE to drop the dependent objects too.");
}

/* ---- doing ---- */

static Status
lock_item(Ctx *ctx, const DropTarget *t)
{
    CatObj *o = catalog_get(ctx, t->oid);
    if (o == NULL) return QN_OK;
    Oid rel = t->kind == OBJ_RELATION ? t->oid : o->parent;
    Status st = QN_OK;
    if (t->kind == OBJ_SCHEMA)
        st = lock_acquire(ctx, (LockTag){.a = OID_PG_CATALOG, .b = t->oid, .kind = LOCK_OBJECT},
                          LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL);
    else if (t->kind == OBJ_TYPE)
        st = ddl_lock_type(ctx, t->oid);
    else if (rel != 0)
        st = lock_relation(ctx, rel, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL);
    if (st == QN_OK && (t->kind == OBJ_CONSTRAINT || t->kind == OBJ_INHERIT) && o->parent2 != 0)
        st = lock_relation(ctx, o->parent2, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL);
    catobj_unref(o);
    return st;
}

static Status
remove_default(Ctx *ctx, const DropTarget *t)
{
    RelDef *def;
    TRY(ddl_edit_relation(ctx, ctx->stmt_arena, t->oid, &def));
    def->cols[t->attnum - 1].col.default_sql = NULL;
    int n = 0;
    for (int i = 0; i < def->ndeps; i++)
        if (def->deps[i].attnum != t->attnum) def->deps[n++] = def->deps[i];
    def->ndeps = n;
    return ddl_put_relation(ctx, def);
}

static Status
remove_column(Ctx *ctx, const DropTarget *t)
{
    RelDef *def;
    TRY(remove_default(ctx, t));
    TRY(ddl_edit_relation(ctx, ctx->stmt_arena, t->oid, &def));
    ColDef *c = &def->cols[t->attnum - 1];
    TRY_ALLOC(ctx, c->col.name,
              arena_printf(ctx->stmt_arena, "........pg.dropped.%d........", t->attnum));
    c->col.dropped = true;
    c->col.not_null = false;
    c->col.identity = c->col.generated = '\0';
    c->comment = NULL;
    c->dropped_layout = ++def->layout;
    return ddl_put_relation(ctx, def);
}

static Status
remove_relation(Ctx *ctx, Oid oid)
{
    const Relation *rel;
    TRY(catalog_relation_by_oid(ctx, oid, &rel));
    if (rel == NULL) return QN_OK;
    if (rel->heap != NULL) TRY(heap_drop(ctx, rel->heap));
    if (rel->sequence != NULL) TRY(sequence_slot_drop(ctx, rel->sequence->slot));
    return catalog_remove(ctx, oid);
}

static Status
remove_index(Ctx *ctx, Oid oid)
{
    const Relation *rel;
    TRY(catalog_relation_by_oid(ctx, oid, &rel));
    if (rel == NULL) return QN_OK;
    const IndexDef *ix = rel->indexes[0];
    if (!ix->partitioned) {
        TRY(index_drop(ctx, ix->index, ix->rel_oid));
        table_stats_drop(index_table_stats(ix->index));
    }
    return catalog_remove(ctx, oid);
}

/* Comments on what goes. */
static Status
remove_comments(Ctx *ctx, const CatObj *o, const DropTarget *t)
{
    if (!catalog_has_definitions(ctx, DEF_COMMENT) || t->attnum != 0) return QN_OK;
    switch (o->kind) {
    case OBJ_RELATION:
        TRY(ddl_put_comment(ctx, CLASS_TYPE, o->oid + 1, 0, NULL));
        return ddl_put_comment(ctx, CLASS_CLASS, o->oid, 0, NULL);
    case OBJ_INDEX: return ddl_put_comment(ctx, CLASS_CLASS, o->oid, 0, NULL);
    case OBJ_TYPE: return ddl_put_comment(ctx, CLASS_TYPE, o->oid, 0, NULL);
    case OBJ_ROUTINE: return ddl_put_comment(ctx, CLASS_PROC, o->oid, 0, NULL);
    case OBJ_CONSTRAINT: return ddl_put_comment(ctx, CLASS_CONSTRAINT, o->oid, 0, NULL);
    case OBJ_SCHEMA: return ddl_put_comment(ctx, CLASS_NAMESPACE, o->oid, 0, NULL);
    case OBJ_DEFINED: return ddl_put_comment(ctx, def_class(o->relkind), o->oid, 0, NULL);
    default: return QN_OK;
    }
}

static Status
remove_item(Ctx *ctx, const DropTarget *t)
{
    CatObj *o = catalog_get(ctx, t->oid);
    if (o == NULL) return QN_OK; /* went with something else */
    Status st = remove_comments(ctx, o, t);
    catobj_unref(o);
    TRY(st);
    switch (t->kind) {
    case OBJ_RELATION:
        if (t->is_default) return remove_default(ctx, t);
        return t->attnum != 0 ? remove_column(ctx, t) : remove_relation(ctx, t->oid);
    case OBJ_INDEX: return remove_index(ctx, t->oid);
    case OBJ_SCHEMA:
    case OBJ_ROUTINE:
    case OBJ_DEFINED:
    case OBJ_CONSTRAINT:
    case OBJ_INHERIT:
    case OBJ_TYPE:
    case OBJ_STATS: return catalog_remove(ctx, t->oid);
    }
    return QN_OK;
}

/* An index that a constraint made goes with the constraint only. */
static Status
check_index_target(Ctx *ctx, const DropTarget *t)
{
    const Relation *rel;
    if (t->kind != OBJ_INDEX) return QN_OK;
    TRY(catalog_relation_by_oid(ctx, t->oid, &rel));
    if (rel == NULL) return QN_OK;
    if (rel->indexes[0]->parent_index != 0) {
        DropTarget p = {.kind = OBJ_INDEX, .oid = rel->indexes[0]->parent_index};
        const char *own, *whole;
        TRY(ddl_describe(ctx, t, &own));
        TRY(ddl_describe(ctx, &p, &whole));
        return err_hint(ctx, RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST, "cannot drop %s because %s requires it", own, whole),
                        "You can drop %s instead.", whole);
    }
    if (rel->indexes[0]->constraint_oid == 0) return QN_OK;
    DropTarget c = {.kind = OBJ_CONSTRAINT, .oid = rel->indexes[0]->constraint_oid};
    const char *index, *constraint;
    TRY(ddl_describe(ctx, t, &index));
    TRY(ddl_describe(ctx, &c, &constraint));
    return err_hint(ctx,
                    RAISE(ctx, ERR_DEPENDENT_OBJECTS_STILL_EXIST, "cannot drop %s because %s requires it",
                          index, constraint),
                    "You can drop %s instead.", constraint);
}

/* quiet: cascades without a word. */
static Status
drop(Ctx *ctx, const DropTarget *targets, int n, bool cascade, bool quiet)
{
    DropList l = {.ctx = ctx, .arena = ctx->stmt_arena};
    CatObjList all;
    Status st = QN_OK;

    for (int i = 0; i < n; i++) {
        TRY(check_index_target(ctx, &targets[i]));
        TRY(lock_item(ctx, &targets[i]));
    }
    TRY(catalog_all(ctx, l.arena, 0, &all));
    for (int i = 0; i < all.count && st == QN_OK; i++)
        if (all.items[i]->ndeps > 0) st = array_push(ctx, l.arena, &l.views, all.items[i]);
    TRY_GOTO(st);
    for (int i = 0; i < n; i++) TRY_GOTO(add(&l, targets[i], false, 0));
    TRY_GOTO(collect(&l));
    if (!quiet) TRY_GOTO(tell(&l, n, cascade));
    for (int i = 0; i < l.items.count; i++) TRY_GOTO(lock_item(ctx, &l.items.items[i].t));
    for (int i = l.items.count - 1; i >= 0; i--) TRY_GOTO(remove_item(ctx, &l.items.items[i].t));
done:
    catobj_list_release(&all);
    return st;
}

Status
ddl_drop(Ctx *ctx, const DropTarget *targets, int n, bool cascade)
{
    return drop(ctx, targets, n, cascade, false);
}

Status
ddl_drop_quietly(Ctx *ctx, const DropTarget *targets, int n)
{
    return drop(ctx, targets, n, true, true);
}

static bool
uses(const CatObj *o, Oid rel_oid, int attnum)
{
    for (int i = 0; i < o->ndeps; i++)
        if (o->deps[i].ref == rel_oid && (attnum == 0 || o->deps[i].ref_attnum == attnum)) return true;
    return false;
}

/* views: only those, materialized ones too. */
static Status
relations_using(Ctx *ctx, bool views, Oid rel_oid, int attnum, Oid **out, int *n_out)
{
    CatObjList all;
    Status st = QN_OK;
    int n = 0;
    TRY(catalog_all(ctx, ctx->stmt_arena, OBJ_RELATION, &all));
    TRY_ALLOC_GOTO(ctx, *out, ARENA_ARRAY(ctx->stmt_arena, Oid, all.count + 1));
    for (int i = 0; i < all.count; i++) {
        const CatObj *o = all.items[i];
        if (views && o->relkind != RELKIND_VIEW && o->relkind != RELKIND_MATVIEW) continue;
        if (uses(o, rel_oid, attnum)) (*out)[n++] = o->oid;
    }
    *n_out = n;
done:
    catobj_list_release(&all);
    return st;
}

Status
ddl_relations_using(Ctx *ctx, Oid rel_oid, Oid **out, int *n_out)
{
    return relations_using(ctx, false, rel_oid, 0, out, n_out);
}

Status
ddl_views_reading(Ctx *ctx, Oid rel_oid, Oid **out, int *n_out)
{
    return relations_using(ctx, true, rel_oid, 0, out, n_out);
}

Status
ddl_view_that_reads(Ctx *ctx, Oid rel_oid, int attnum, const char **out)
{
    Oid *views;
    int n;
    *out = NULL;
    TRY(relations_using(ctx, true, rel_oid, attnum, &views, &n));
    return n > 0 ? ddl_describe(ctx, &(DropTarget){.kind = OBJ_RELATION, .oid = views[0]}, out) : QN_OK;
}
