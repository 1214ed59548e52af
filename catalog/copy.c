/* copy.c - see copy.h. Objects without storage are copied as they are packed, whatever their kind. */
#include "catalog/copy.h"
#include "catalog/catalog_priv.h"
#include "catalog/ddl.h"
#include "storage/db.h"

typedef struct CatCopy {
    Ctx *from, *to;
    Arena *arena;   /* of one object */
    CheckSink *lost;
    Oid *left_out;  /* relations that are not copied: nor are their parts */
    int nleft_out;
    Oid highest;
} CatCopy;

static bool
is_left_out(const CatCopy *c, Oid oid)
{
    for (int i = 0; i < c->nleft_out; i++)
        if (c->left_out[i] == oid) return true;
    return false;
}

static Status
copy_packed(CatCopy *c, const CatObj *o)
{
    CatObj *copy;
    TRY(catobj_from_row(c->to, o->oid, o->kind, o->parent, o->parent2, o->schema, o->name, strlen(o->name), o->body,
                        o->body_bytes, 0, &copy));
    return catalog_put(c->to, copy);
}

/* Unpacked in from's context, so that damage is told there; made in to's. */
static Status
copy_object(CatCopy *c, const CatObj *o)
{
    RelDef *rel;
    IndexDef *index;
    switch (o->kind) {
    case OBJ_RELATION:
        TRY(catobj_to_relation(c->from, c->arena, o, &rel));
        if (rel->kind == RELKIND_SEQUENCE) return ddl_create_sequence(c->to, rel);
        if (rel->root_page == PAGE_NONE) return copy_packed(c, o);
        return ddl_create_table(c->to, rel);
    case OBJ_INDEX:
        TRY(catobj_to_index(c->from, c->arena, o, &index));
        return ddl_create_index(c->to, o->schema, index);
    default: return copy_packed(c, o);
    }
}

static Status
copy_one(CatCopy *c, const CatObj *o)
{
    CatObj *there = catalog_get(c->to, o->oid);
    bool is_there = there != NULL;
    catobj_unref(there);
    if (is_there || is_left_out(c, o->parent) || is_left_out(c, o->parent2)) return QN_OK;
    if (o->oid > c->highest) c->highest = o->oid;
    if (catalog_is_temp_schema(c->from, o->kind == OBJ_SCHEMA ? o->oid : o->schema, NULL)) {
        c->left_out[c->nleft_out++] = o->oid;
        return QN_OK;
    }
    Status st = copy_object(c, o);
    if (st == QN_OK || c->from->err.code == QN_OK || c->lost == NULL) {
        if (st != QN_OK && c->from->err.code == QN_OK) err_move(&c->from->err, &c->to->err);
        return st;
    }
    c->left_out[c->nleft_out++] = o->oid;
    return check_report_error(c->from, c->lost, o->name);
}

Status
catalog_copy(Ctx *from, Ctx *to, Arena *arena, CheckSink *lost)
{
    CatCopy c = {.from = from, .to = to, .lost = lost};
    CatObjList list;
    Oid first;
    Status st;
    TRY(catalog_all(from, arena, (ObjKind)0, &list));
    TRY_ALLOC_GOTO(from, c.left_out, ARENA_ARRAY(arena, Oid, list.count + 1));
    TRY_ALLOC_GOTO(from, c.arena, arena_create(arena, "object copy"));
    for (int i = 0; i < list.count; i++) {
        arena_reset(c.arena);
        TRY_GOTO(copy_one(&c, list.items[i]));
    }
    st = db_next_oid(to, 1, &first);
    if (st == QN_OK && c.highest >= first) st = db_next_oid(to, c.highest - first + 1, &first);
    if (st != QN_OK) err_move(&from->err, &to->err);
done:
    catobj_list_release(&list);
    return st;
}
