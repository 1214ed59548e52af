/* check.c - see check.h. */
#include "catalog/check.h"
#include "catalog/catalog_priv.h"
#include "storage/db.h"
#include <stdarg.h>
#include <stdio.h>

Status
check_report(Ctx *ctx, CheckSink *sink, const char *object, int64_t page, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    (void)ctx;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return sink->report(sink, object, page, text);
}

Status
check_report_error(Ctx *ctx, CheckSink *sink, const char *object)
{
    Err err = {0};
    err_move(&err, &ctx->err);
    Status st = check_report(ctx, sink, object, CHECK_NO_PAGE, "%s", err.message);
    err_clear(&err);
    return st;
}

/* ---- objects ---- */

typedef struct CatCheck {
    Ctx *ctx;
    Arena *arena;
    CheckSink *sink;
    const CatObj *obj;
} CatCheck;

/* oid 0: nothing is referred to. */
static Status
needs(CatCheck *c, Oid oid, ObjKind kind, const char *what)
{
    if (oid == INVALID_OID) return QN_OK;
    if (oid < OID_FIRST_USER && oid != OID_PUBLIC) return QN_OK; /* a row of a .def table */
    CatObj *o = catalog_get(c->ctx, oid);
    bool ok = o != NULL && o->kind == kind;
    catobj_unref(o);
    if (ok) return QN_OK;
    return check_report(c->ctx, c->sink, c->obj->name, CHECK_NO_PAGE, "its %s, object %u, does not exist", what, oid);
}

static Status
unpack(CatCheck *c)
{
    const CatObj *o = c->obj;
    RelDef *rel;
    IndexDef *index;
    RelConstraint *constraint;
    StatsDef *stats;
    switch (o->kind) {
    case OBJ_RELATION:
        TRY(catobj_to_relation(c->ctx, c->arena, o, &rel));
        if (rel->sequence != NULL) TRY(needs(c, rel->sequence->owner_oid, OBJ_RELATION, "owner"));
        return QN_OK;
    case OBJ_INDEX: return catobj_to_index(c->ctx, c->arena, o, &index);
    case OBJ_CONSTRAINT:
        TRY(catobj_to_constraint(c->ctx, c->arena, o, &constraint));
        TRY(needs(c, constraint->ref_rel_oid, OBJ_RELATION, "referenced table"));
        return needs(c, constraint->index_oid, OBJ_INDEX, "index");
    case OBJ_STATS: return catobj_to_stats(c->ctx, c->arena, o, &stats);
    default: return QN_OK;
    }
}

static Status
check_object(CatCheck *c)
{
    const CatObj *o = c->obj;
    TRY(needs(c, o->schema, OBJ_SCHEMA, "schema"));
    if (o->kind == OBJ_INDEX || o->kind == OBJ_CONSTRAINT || o->kind == OBJ_STATS)
        TRY(needs(c, o->parent, OBJ_RELATION, "table"));
    for (int i = 0; i < o->ndeps; i++) {
        CatObj *ref = catalog_get(c->ctx, o->deps[i].ref);
        bool ok = ref != NULL || o->deps[i].ref < OID_FIRST_USER;
        catobj_unref(ref);
        if (!ok)
            TRY(check_report(c->ctx, c->sink, o->name, CHECK_NO_PAGE, "object %u, which it depends on, does not exist",
                             o->deps[i].ref));
    }
    Status st = unpack(c);
    return st == ERR_DATA_CORRUPTED ? check_report_error(c->ctx, c->sink, o->name) : st;
}

Status
catalog_check(Ctx *ctx, Arena *arena, CheckSink *sink)
{
    CatObjList list;
    CatCheck c = {.ctx = ctx, .sink = sink};
    Status st = QN_OK;
    TRY_ALLOC(ctx, c.arena, arena_create(arena, "catalog check"));
    TRY_GOTO(catalog_all(ctx, arena, (ObjKind)0, &list));
    for (int i = 0; i < list.count && st == QN_OK; i++) {
        c.obj = list.items[i];
        arena_reset(c.arena);
        st = check_object(&c);
    }
    catobj_list_release(&list);
done:
    arena_destroy(c.arena);
    return st;
}

/* ---- roots ---- */

static Status
root_of(Ctx *ctx, Arena *arena, const CatObj *o, PageNo *out)
{
    *out = PAGE_NONE;
    if (o->kind == OBJ_RELATION) {
        RelDef *def;
        TRY(catobj_to_relation(ctx, arena, o, &def));
        *out = def->root_page;
    } else if (o->kind == OBJ_INDEX) {
        IndexDef *def;
        TRY(catobj_to_index(ctx, arena, o, &def));
        *out = def->root_page;
    }
    return QN_OK;
}

Status
catalog_roots(Ctx *ctx, Arena *arena, PageNo **roots_out, const char ***names_out, int *n_out)
{
    CatObjList list;
    int n = 0;
    Status st;
    TRY(catalog_all(ctx, arena, (ObjKind)0, &list));
    TRY_ALLOC_GOTO(ctx, *roots_out, ARENA_ARRAY(arena, PageNo, list.count + DB_ROOTS_MAX));
    TRY_ALLOC_GOTO(ctx, *names_out, ARENA_ARRAY(arena, const char *, list.count + DB_ROOTS_MAX));
    st = QN_OK;
    for (int slot = 0; slot < DB_ROOTS_MAX; slot++) {
        TRY_GOTO(db_root_get(ctx, slot, &(*roots_out)[n]));
        (*names_out)[n] = "catalog";
        n += (*roots_out)[n] != PAGE_NONE;
    }
    for (int i = 0; i < list.count; i++) {
        st = root_of(ctx, arena, list.items[i], &(*roots_out)[n]);
        if (st == ERR_DATA_CORRUPTED) err_clear(&ctx->err); /* catalog_check reports it */
        else TRY_GOTO(st);
        TRY_ALLOC_GOTO(ctx, (*names_out)[n], arena_strdup(arena, list.items[i]->name));
        st = QN_OK;
        n += (*roots_out)[n] != PAGE_NONE;
    }
    *n_out = n;
done:
    catobj_list_release(&list);
    return st;
}
