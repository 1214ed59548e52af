/* catalog.c - the shared map, overlays, publishing. See catalog.h for the rules, catalog_priv.h for the structures. */
#include "catalog/catalog_priv.h"
#include "catalog/definition.h"
#include "catalog/sequence.h"
#include "catalog/store.h"
#include "catalog/systable.h"
#include "catalog/usertype.h"
#include "common/hash.h"
#include "storage/db.h"
#include "storage/tx.h"
#include <assert.h>
#include <stdlib.h>

enum { FIRST_BUCKETS = 256 };

/* ---- hashing ---- */

static uint32_t
hash_oid(Oid oid)
{
    return (uint32_t)hash_u64(oid);
}

/* Constraints and statistics are not found by name. */
static bool
has_name(const CatObj *o)
{
    return o->kind == OBJ_SCHEMA || o->kind == OBJ_RELATION || o->kind == OBJ_INDEX || o->kind == OBJ_ROUTINE ||
           o->kind == OBJ_TYPE || o->kind == OBJ_DEFINED;
}

/* Schemas have a name space of their own; relations and indexes share one a schema, types and routines have others. */
static NameSpace
kind_name_space(ObjKind kind)
{
    switch (kind) {
    case OBJ_SCHEMA: return NAMES_SCHEMAS;
    case OBJ_TYPE: return NAMES_TYPES;
    case OBJ_ROUTINE: return NAMES_ROUTINES;
    case OBJ_DEFINED: return NAMES_DEFINED;
    default: return NAMES_RELATIONS;
    }
}

static NameSpace
name_space(const CatObj *o)
{
    return kind_name_space(o->kind);
}

static uint32_t
hash_name(NameSpace space, Oid schema, const char *name)
{
    uint64_t h = hash_bytes(name, strlen(name));
    return (uint32_t)hash_combine(h, space == NAMES_SCHEMAS ? 0 : (uint64_t)space << 32 | (schema + 1ull));
}

static bool
name_matches(const CatObj *o, NameSpace space, Oid schema, const char *name)
{
    return name_space(o) == space && (space == NAMES_SCHEMAS || o->schema == schema) && strcmp(o->name, name) == 0;
}

/* ---- the shared map; the latch is held by the caller ---- */

static CatSlot *
shared_find(const CatalogShared *s, Oid oid)
{
    CatSlot *p = s->by_oid[hash_oid(oid) & (s->nbuckets - 1)];
    while (p != NULL && p->obj->oid != oid) p = p->next_oid;
    return p;
}

CatObj *
catalog_loading_get(const CatalogShared *s, Oid oid)
{
    const CatSlot *slot = shared_find(s, oid);
    if (slot == NULL) return NULL;
    catobj_ref(slot->obj);
    return slot->obj;
}

static CatSlot *
shared_find_name(const CatalogShared *s, NameSpace space, Oid schema, const char *name)
{
    CatSlot *p = s->by_name[hash_name(space, schema, name) & (s->nbuckets - 1)];
    while (p != NULL && !name_matches(p->obj, space, schema, name)) p = p->next_name;
    return p;
}

static CatSlot **
name_bucket(CatalogShared *s, const CatObj *o)
{
    return &s->by_name[hash_name(name_space(o), o->schema, o->name) & (s->nbuckets - 1)];
}

static void
unlink_name(CatalogShared *s, CatSlot *slot)
{
    if (!has_name(slot->obj)) return;
    CatSlot **p = name_bucket(s, slot->obj);
    while (*p != slot) p = &(*p)->next_name;
    *p = slot->next_name;
}

static void
link_name(CatalogShared *s, CatSlot *slot)
{
    if (!has_name(slot->obj)) return;
    CatSlot **bucket = name_bucket(s, slot->obj);
    slot->next_name = *bucket;
    *bucket = slot;
}

static void
unlink_parents(CatSlot *slot)
{
    if (slot->parent_slot != NULL) {
        CatSlot **p = &slot->parent_slot->children;
        while (*p != slot) p = &(*p)->next_sibling;
        *p = slot->next_sibling;
        slot->parent_slot = NULL;
    }
    if (slot->parent2_slot != NULL) {
        CatSlot **p = &slot->parent2_slot->children2;
        while (*p != slot) p = &(*p)->next_sibling2;
        *p = slot->next_sibling2;
        slot->parent2_slot = NULL;
    }
}

static void
link_parents(CatalogShared *s, CatSlot *slot)
{
    CatSlot *parent = slot->obj->parent != 0 ? shared_find(s, slot->obj->parent) : NULL;
    if (parent != NULL) {
        slot->parent_slot = parent;
        slot->next_sibling = parent->children;
        parent->children = slot;
    }
    CatSlot *parent2 = slot->obj->parent2 != 0 ? shared_find(s, slot->obj->parent2) : NULL;
    if (parent2 != NULL) {
        slot->parent2_slot = parent2;
        slot->next_sibling2 = parent2->children2;
        parent2->children2 = slot;
    }
}

/* Doubles the tables when chains grow long. Going on without is only slower, so memory running out is no error. */
static void
grow(CatalogShared *s)
{
    if (s->nslots < 2 * s->nbuckets) return;
    uint32_t n = s->nbuckets * 4;
    CatSlot **by_oid = mem_zalloc(NULL, n * sizeof(CatSlot *));
    CatSlot **by_name = mem_zalloc(NULL, n * sizeof(CatSlot *));
    if (by_oid == NULL || by_name == NULL) {
        mem_free(NULL, by_oid, n * sizeof(CatSlot *));
        mem_free(NULL, by_name, n * sizeof(CatSlot *));
        return;
    }
    CatSlot **old_oid = s->by_oid, **old_name = s->by_name;
    uint32_t old_n = s->nbuckets;
    s->by_oid = by_oid;
    s->by_name = by_name;
    s->nbuckets = n;
    for (uint32_t i = 0; i < old_n; i++)
        for (CatSlot *p = old_oid[i], *next; p != NULL; p = next) {
            next = p->next_oid;
            CatSlot **bucket = &by_oid[hash_oid(p->obj->oid) & (n - 1)];
            p->next_oid = *bucket;
            *bucket = p;
            link_name(s, p);
        }
    mem_free(NULL, old_oid, old_n * sizeof(CatSlot *));
    mem_free(NULL, old_name, old_n * sizeof(CatSlot *));
}

/* Takes over the slot and its reference to the object. */
static void
note_defined(CatalogShared *s, const CatObj *o)
{
    if (o->kind == OBJ_DEFINED)
        atomic_fetch_or_explicit(&s->defined_kinds, 1ull << (o->relkind & 63), memory_order_relaxed);
}

static void
shared_insert(CatalogShared *s, CatSlot *slot)
{
    note_defined(s, slot->obj);
    CatSlot **bucket = &s->by_oid[hash_oid(slot->obj->oid) & (s->nbuckets - 1)];
    slot->next_oid = *bucket;
    *bucket = slot;
    link_name(s, slot);
    link_parents(s, slot);
    s->nslots++;
    grow(s);
}

static void
slot_free(Ctx *ctx, CatSlot *slot)
{
    if (slot == NULL) return;
    relation_unpin(ctx, atomic_load(&slot->built));
    catobj_unref(slot->obj);
    mem_free(NULL, slot, sizeof(*slot));
}

static void
shared_remove(Ctx *ctx, CatalogShared *s, CatSlot *slot)
{
    CatSlot **p = &s->by_oid[hash_oid(slot->obj->oid) & (s->nbuckets - 1)];
    while (*p != slot) p = &(*p)->next_oid;
    *p = slot->next_oid;
    unlink_name(s, slot);
    unlink_parents(slot);
    /* Children still in the lists are removed by the same commit; they must not look back. */
    for (CatSlot *c = slot->children; c != NULL; c = c->next_sibling) c->parent_slot = NULL;
    for (CatSlot *c = slot->children2; c != NULL; c = c->next_sibling2) c->parent2_slot = NULL;
    s->nslots--;
    slot_free(ctx, slot);
}

/* The object changed: same oid, perhaps another name or parent. Takes over the reference. */
static void
shared_replace(CatalogShared *s, CatSlot *slot, CatObj *now)
{
    unlink_name(s, slot);
    unlink_parents(slot);
    catobj_unref(slot->obj);
    slot->obj = now;
    link_name(s, slot);
    link_parents(s, slot);
}

uint64_t
catalog_next_version(CatalogShared *shared)
{
    return atomic_fetch_add(&shared->generation, 1) + 1;
}

/* ---- opening ---- */

static void
shared_destroy(void *p)
{
    CatalogShared *s = p;
    if (s == NULL) return;
    for (uint32_t i = 0; s->by_oid != NULL && i < s->nbuckets; i++)
        for (CatSlot *slot = s->by_oid[i], *next; slot != NULL; slot = next) {
            next = slot->next_oid;
            slot_free(NULL, slot);
        }
    mem_free(NULL, s->by_oid, s->nbuckets * sizeof(CatSlot *));
    mem_free(NULL, s->by_name, s->nbuckets * sizeof(CatSlot *));
    sequence_shared_destroy(s->sequences);
    type_set_destroy(s->types);
    arena_destroy(s->arena);
    rwlatch_destroy(&s->latch);
    mem_free(NULL, s, sizeof(*s));
}

/* The one of store_load: an object read from the heap. */
static Status
take_row(Ctx *ctx, void *arg, CatObj *obj)
{
    CatalogShared *s = arg;
    CatSlot *slot = mem_zalloc(NULL, sizeof(*slot));
    if (slot == NULL) {
        catobj_unref(obj);
        return RAISE_OOM(ctx);
    }
    slot->obj = obj;
    slot->version = catalog_next_version(s);
    shared_insert(s, slot);
    return QN_OK;
}

static void overlay_clear(Ctx *ctx, Overlay *ov);

/* Before anybody is attached: what a dead process left is dropped through a view of the catalog made for that. */
static Status
clean_up(Ctx *ctx, CatalogShared *s)
{
    Catalog c = {.shared = s};
    Status st;
    TRY(sequence_session_create(ctx, &c.sequences));
    ctx->catalog = &c;
    st = catalog_drop_stale_temp(ctx);
    overlay_clear(ctx, &c.ov);
    sequence_session_destroy(c.sequences);
    free(c.path_text);
    free(c.path);
    ctx->catalog = NULL;
    return st;
}

static Status
shared_create(Ctx *ctx, void **out)
{
    CatalogShared *s = mem_zalloc(NULL, sizeof(*s));
    Status st = QN_OK;
    if (s == NULL) return RAISE_OOM(ctx);
    rwlatch_init(&s->latch);
    s->nbuckets = FIRST_BUCKETS;
    s->by_oid = mem_zalloc(NULL, s->nbuckets * sizeof(CatSlot *));
    s->by_name = mem_zalloc(NULL, s->nbuckets * sizeof(CatSlot *));
    s->arena = arena_create(NULL, "catalog");
    if (s->by_oid == NULL || s->by_name == NULL || s->arena == NULL) {
        st = RAISE_OOM(ctx);
        goto done;
    }
    TRY_GOTO(type_set_create(ctx, &s->types));
    TRY_GOTO(sequence_shared_create(ctx, &s->sequences));
    TRY_GOTO(systable_build_relations(ctx, s));
    TRY_GOTO(store_load(ctx, s->arena, &s->heap, take_row, s));
    /* Parents may have come after their children. */
    for (uint32_t i = 0; i < s->nbuckets; i++)
        for (CatSlot *slot = s->by_oid[i]; slot != NULL; slot = slot->next_oid) {
            unlink_parents(slot);
            link_parents(s, slot);
        }
    TRY_GOTO(clean_up(ctx, s));
    TRY_GOTO(usertype_load_all(ctx, s));
    *out = s;
    return QN_OK;
done:
    shared_destroy(s);
    return st;
}

Status
catalog_attach(Ctx *ctx)
{
    assert(ctx->catalog == NULL);
    Catalog *c = mem_zalloc(NULL, sizeof(*c));
    if (c == NULL) return RAISE_OOM(ctx);
    void *shared;
    Status st = db_shared(ctx, shared_create, shared_destroy, &shared);
    if (st == QN_OK) st = sequence_session_create(ctx, &c->sequences);
    if (st != QN_OK) {
        mem_free(NULL, c, sizeof(*c));
        return st;
    }
    c->shared = shared;
    ctx->catalog = c;
    catalog_use_types(ctx);
    return QN_OK;
}

void
catalog_use_types(Ctx *ctx)
{
    type_set_use(ctx->catalog != NULL ? ctx->catalog->shared->types : NULL);
    cast_set_use(ctx->catalog != NULL ? catalog_casts(ctx) : NULL);
}

Heap *
catalog_heap(Ctx *ctx, uint32_t *root_page_out)
{
    Heap *heap = ctx->catalog->shared->heap;
    *root_page_out = heap_desc(heap)->root_page;
    return heap;
}

void
catalog_detach(Ctx *ctx)
{
    Catalog *c = ctx->catalog;
    if (c == NULL) return;
    sequence_flush(ctx);
    overlay_clear(ctx, &c->ov);
    sequence_session_destroy(c->sequences);
    arena_destroy(c->temp_arena);
    usertype_cache_free(c);
    cast_cache_free(c->cast_cache);
    cast_set_use(NULL);
    free(c->path_text);
    free(c->path);
    mem_free(NULL, c, sizeof(*c));
    ctx->catalog = NULL;
}

/* ---- the overlay ---- */

static OvEntry *
ov_find(const Overlay *ov, Oid oid)
{
    if (ov->entries.count == 0) return NULL;
    OvEntry *e = ov->by_oid[hash_oid(oid) % OV_BUCKETS];
    while (e != NULL && e->oid != oid) e = e->next_oid;
    return e;
}

static OvEntry **
ov_name_bucket(Overlay *ov, const CatObj *o)
{
    return &ov->by_name[hash_name(name_space(o), o->schema, o->name) % OV_BUCKETS];
}

static void
ov_unlink_name(Overlay *ov, OvEntry *e)
{
    if (!e->in_names) return;
    OvEntry **p = ov_name_bucket(ov, e->now);
    while (*p != e) p = &(*p)->next_name;
    *p = e->next_name;
    e->in_names = false;
}

static void
ov_link_name(Overlay *ov, OvEntry *e)
{
    if (!e->has_obj || e->now == NULL || !has_name(e->now)) return;
    OvEntry **bucket = ov_name_bucket(ov, e->now);
    e->next_name = *bucket;
    *bucket = e;
    e->in_names = true;
}

/* Everything that can fail of touching an oid: its entry, with the committed object as it is now. */
static Status
ov_entry(Ctx *ctx, Oid oid, OvEntry **out)
{
    Catalog *c = ctx->catalog;
    Overlay *ov = &c->ov;
    OvEntry *e = ov_find(ov, oid);
    if (e == NULL) {
        if (ov->arena == NULL) TRY_ALLOC(ctx, ov->arena, arena_create(NULL, "catalog changes"));
        TRY_ALLOC(ctx, e, ARENA_NEW(ov->arena, OvEntry));
        e->oid = oid;
        TRY(array_push(ctx, ov->arena, &ov->entries, e));
        OvEntry **bucket = &ov->by_oid[hash_oid(oid) % OV_BUCKETS];
        e->next_oid = *bucket;
        *bucket = e;
        rwlatch_shared(&c->shared->latch);
        CatSlot *slot = shared_find(c->shared, oid);
        if (slot != NULL) {
            e->base = slot->obj;
            catobj_ref(e->base);
            e->base_version = slot->version;
        }
        rwlatch_unlock(&c->shared->latch);
        e->version = e->base_version;
    }
    *out = e;
    return QN_OK;
}

/* What the transaction sees of the relation is no longer what it was. */
static void
ov_changed(Ctx *ctx, OvEntry *e)
{
    relation_unpin(ctx, e->built);
    e->built = NULL;
    e->version = catalog_next_version(ctx->catalog->shared);
}

static void
overlay_clear(Ctx *ctx, Overlay *ov)
{
    for (int i = 0; i < ov->entries.count; i++) {
        OvEntry *e = ov->entries.items[i];
        relation_unpin(ctx, e->built);
        catobj_unref(e->base);
        catobj_unref(e->now);
        mem_free(NULL, e->slot, e->slot != NULL ? sizeof(*e->slot) : 0);
    }
    for (int i = 0; i < ov->log.count; i++) catobj_unref(ov->log.items[i].was);
    arena_destroy(ov->arena);
    memset(ov, 0, sizeof(*ov));
}

/* Undoes the log down to mark. Parents of what changes back are stale as well. */
static void
overlay_undo(Ctx *ctx, int mark)
{
    Overlay *ov = &ctx->catalog->ov;
    if (mark == 0) {
        overlay_clear(ctx, ov);
        (void)catalog_next_version(ctx->catalog->shared); /* plans look again */
        return;
    }
    while (ov->log.count > mark) {
        OvUndo *u = &ov->log.items[--ov->log.count];
        OvEntry *e = u->entry;
        const CatObj *old = e->now != NULL ? e->now : e->base, *new = u->was;
        const CatObj *both[2] = {old, new};
        for (int i = 0; i < 2; i++) {
            if (both[i] == NULL) continue;
            OvEntry *p = ov_find(ov, both[i]->parent);
            if (p != NULL) ov_changed(ctx, p);
            p = ov_find(ov, both[i]->parent2);
            if (p != NULL) ov_changed(ctx, p);
        }
        ov_unlink_name(ov, e);
        catobj_unref(e->now);
        e->now = u->was;
        e->has_obj = u->had_obj;
        ov_link_name(ov, e);
        ov_changed(ctx, e);
    }
}

/* Makes the committed map what the overlay says. Everything it needs was allocated with the changes. */
static void
publish(Ctx *ctx)
{
    CatalogShared *s = ctx->catalog->shared;
    Overlay *ov = &ctx->catalog->ov;

    rwlatch_exclusive(&s->latch);
    for (int i = 0; i < ov->entries.count; i++) {
        OvEntry *e = ov->entries.items[i];
        if (!e->has_obj) continue;
        CatSlot *slot = shared_find(s, e->oid);
        if (e->now == NULL) {
            if (slot != NULL) shared_remove(ctx, s, slot);
        } else if (slot != NULL) {
            catobj_ref(e->now);
            shared_replace(s, slot, e->now);
        } else {
            catobj_ref(e->now);
            e->slot->obj = e->now;
            shared_insert(s, e->slot);
            e->slot = NULL;
        }
    }
    /* A parent made after its child (by oid it never is, but order in the log may be anything) has no list yet. */
    for (int i = 0; i < ov->entries.count; i++) {
        OvEntry *e = ov->entries.items[i];
        CatSlot *slot = shared_find(s, e->oid);
        if (slot == NULL) continue;
        if (e->has_obj) {
            unlink_parents(slot);
            link_parents(s, slot);
        }
        relation_unpin(ctx, atomic_load(&slot->built));
        atomic_store(&slot->built, NULL);
        if (slot->version == e->base_version) {
            /* Nobody else changed it meanwhile: what this transaction saw is what everybody sees now. */
            slot->version = e->version;
            atomic_store(&slot->built, e->built);
            e->built = NULL;
        } else {
            slot->version = catalog_next_version(s);
        }
    }
    (void)catalog_next_version(s);
    rwlatch_unlock(&s->latch);
    overlay_clear(ctx, ov);
}

/* tx hook: arg is the length of the log before the change it was registered for. */
static void
on_end(Ctx *ctx, void *arg, bool committed)
{
    Overlay *ov = &ctx->catalog->ov;
    int mark = (int)(intptr_t)arg;
    if (ov->log.count <= mark) { /* an earlier hook did it all */
        /* or the change failed before it was one, and has left entries */
        if (mark == 0) overlay_clear(ctx, ov);
    } else if (committed) {
        publish(ctx);
    } else {
        overlay_undo(ctx, mark);
    }
}

static Status
before_commit(Ctx *ctx, void *arg)
{
    (void)arg;
    Overlay *ov = &ctx->catalog->ov;
    if (ov->written == ov->log.count) return QN_OK;
    StoreChange *changes;
    int n = 0;
    TRY_ALLOC(ctx, changes, ARENA_ARRAY(ov->arena, StoreChange, ov->entries.count));
    for (int i = 0; i < ov->entries.count; i++) {
        OvEntry *e = ov->entries.items[i];
        if (!e->has_obj || (e->base == NULL && e->now == NULL)) continue;
        changes[n++] = (StoreChange){.was = e->base, .now = e->now};
    }
    TRY(store_write(ctx, ctx->catalog->shared->heap, changes, n));
    ov->written = ov->log.count;
    return QN_OK;
}

/* Entries of the relations that the object is part of. */
static Status
touch_parents(Ctx *ctx, const CatObj *o, OvEntry *out[2])
{
    out[0] = out[1] = NULL;
    if (o == NULL) return QN_OK;
    if (o->parent != 0) TRY(ov_entry(ctx, o->parent, &out[0]));
    if (o->parent2 != 0) TRY(ov_entry(ctx, o->parent2, &out[1]));
    return QN_OK;
}

/* now NULL: dropped. Takes over now's reference, also on failure. */
static Status
change(Ctx *ctx, Oid oid, CatObj *now)
{
    Overlay *ov = &ctx->catalog->ov;
    OvEntry *e, *parents[4];
    Status st;

    /* The hooks first: whatever is left of a change that fails below, they clear away. */
    TRY_GOTO(tx_before_commit(ctx, before_commit, NULL));
    TRY_GOTO(tx_on_end(ctx, on_end, (void *)(intptr_t)ov->log.count));
    TRY_GOTO(ov_entry(ctx, oid, &e));
    CatObj *was = e->has_obj ? e->now : e->base;
    assert(was != NULL || now != NULL);
    TRY_GOTO(touch_parents(ctx, was, parents));
    TRY_GOTO(touch_parents(ctx, now, parents + 2));
    if (now != NULL && e->base == NULL && e->slot == NULL)
        TRY_ALLOC_GOTO(ctx, e->slot, mem_zalloc(NULL, sizeof(CatSlot)));
    if (!array_reserve(ov->arena, &ov->log, 1)) {
        st = RAISE_OOM(ctx);
        goto done;
    }

    /* From here nothing fails. */
    ov_unlink_name(ov, e);
    ov->log.items[ov->log.count++] = (OvUndo){.entry = e, .had_obj = e->has_obj, .was = e->now};
    ov->written = 0;
    e->has_obj = true;
    e->now = now;
    ov_link_name(ov, e);
    ov_changed(ctx, e);
    for (int i = 0; i < 4; i++)
        if (parents[i] != NULL) ov_changed(ctx, parents[i]);
    return QN_OK;
done:
    catobj_unref(now);
    return st;
}

bool
catalog_has_definitions(Ctx *ctx, char kind)
{
    return ctx->catalog != NULL && (atomic_load_explicit(&ctx->catalog->shared->defined_kinds, memory_order_relaxed) >> (kind & 63) & 1) != 0;
}

Status
catalog_put(Ctx *ctx, CatObj *obj)
{
    note_defined(ctx->catalog->shared, obj);
    return change(ctx, obj->oid, obj);
}

Status
catalog_remove(Ctx *ctx, Oid oid)
{
    return change(ctx, oid, NULL);
}

Status
catalog_touch(Ctx *ctx, Oid rel_oid)
{
    CatObj *o = catalog_get(ctx, rel_oid);
    return o != NULL ? change(ctx, rel_oid, o) : QN_OK;
}

/* ---- objects as a session sees them ---- */

CatObj *
catalog_get(Ctx *ctx, Oid oid)
{
    Catalog *c = ctx->catalog;
    const OvEntry *e = ov_find(&c->ov, oid);
    CatObj *o = NULL;
    if (e != NULL && e->has_obj) {
        o = e->now;
        if (o != NULL) catobj_ref(o);
        return o;
    }
    rwlatch_shared(&c->shared->latch);
    const CatSlot *slot = shared_find(c->shared, oid);
    if (slot != NULL) {
        o = slot->obj;
        catobj_ref(o);
    }
    rwlatch_unlock(&c->shared->latch);
    return o;
}

CatObj *
catalog_get_before(Ctx *ctx, Oid oid)
{
    const OvEntry *e = ov_find(&ctx->catalog->ov, oid);
    if (e == NULL || !e->has_obj || e->base == NULL) return NULL;
    catobj_ref(e->base);
    return e->base;
}

CatObj *
catalog_get_by_name(Ctx *ctx, Oid schema, const char *name, NameSpace space)
{
    Catalog *c = ctx->catalog;
    if (c->ov.entries.count > 0) {
        const OvEntry *e = c->ov.by_name[hash_name(space, schema, name) % OV_BUCKETS];
        while (e != NULL && !name_matches(e->now, space, schema, name)) e = e->next_name;
        if (e != NULL) {
            catobj_ref(e->now);
            return e->now;
        }
    }
    CatObj *o = NULL;
    rwlatch_shared(&c->shared->latch);
    const CatSlot *slot = shared_find_name(c->shared, space, schema, name);
    if (slot != NULL) {
        /* Dropped or renamed by this transaction: not under this name any more. */
        const OvEntry *e = ov_find(&c->ov, slot->obj->oid);
        if (e == NULL || !e->has_obj) {
            o = slot->obj;
            catobj_ref(o);
        }
    }
    rwlatch_unlock(&c->shared->latch);
    return o;
}

static int
by_oid(const void *a, const void *b)
{
    Oid x = (*(CatObj *const *)a)->oid, y = (*(CatObj *const *)b)->oid;
    return (x > y) - (x < y);
}

static Status
list_add(Ctx *ctx, Arena *arena, CatObjList *list, CatObj *o)
{
    TRY(array_push(ctx, arena, list, o));
    catobj_ref(o);
    return QN_OK;
}

void
catobj_list_release(CatObjList *list)
{
    for (int i = 0; i < list->count; i++) catobj_unref(list->items[i]);
    list->count = 0;
}

typedef enum ListBy { LIST_CHILDREN, LIST_CHILDREN2, LIST_ALL } ListBy;

static bool
is_listed(const CatObj *o, ListBy by, Oid parent, ObjKind kind)
{
    if (kind != 0 && o->kind != kind) return false;
    return by == LIST_ALL || (by == LIST_CHILDREN ? o->parent : o->parent2) == parent;
}

/* The latch is held. Overlaid objects are left out here and come from the overlay. */
static Status
list_shared(Ctx *ctx, Arena *arena, ListBy by, Oid parent, ObjKind kind, CatObjList *out)
{
    Catalog *c = ctx->catalog;
    CatalogShared *s = c->shared;
    CatSlot *parent_slot = by != LIST_ALL ? shared_find(s, parent) : NULL;
    if (by == LIST_ALL) {
        for (uint32_t i = 0; i < s->nbuckets; i++)
            for (CatSlot *p = s->by_oid[i]; p != NULL; p = p->next_oid) {
                const OvEntry *e = ov_find(&c->ov, p->obj->oid);
                if ((e == NULL || !e->has_obj) && is_listed(p->obj, by, parent, kind))
                    TRY(list_add(ctx, arena, out, p->obj));
            }
        return QN_OK;
    }
    if (parent_slot == NULL) return QN_OK;
    CatSlot *p = by == LIST_CHILDREN ? parent_slot->children : parent_slot->children2;
    for (; p != NULL; p = by == LIST_CHILDREN ? p->next_sibling : p->next_sibling2) {
        const OvEntry *e = ov_find(&c->ov, p->obj->oid);
        if ((e == NULL || !e->has_obj) && is_listed(p->obj, by, parent, kind))
            TRY(list_add(ctx, arena, out, p->obj));
    }
    return QN_OK;
}

static Status
list_objects(Ctx *ctx, Arena *arena, ListBy by, Oid parent, ObjKind kind, bool latched,
             CatObjList *out)
{
    Catalog *c = ctx->catalog;
    memset(out, 0, sizeof(*out));
    if (!latched) rwlatch_shared(&c->shared->latch);
    Status st = list_shared(ctx, arena, by, parent, kind, out);
    if (!latched) rwlatch_unlock(&c->shared->latch);
    for (int i = 0; st == QN_OK && i < c->ov.entries.count; i++) {
        OvEntry *e = c->ov.entries.items[i];
        if (e->has_obj && e->now != NULL && is_listed(e->now, by, parent, kind))
            st = list_add(ctx, arena, out, e->now);
    }
    if (st != QN_OK) {
        catobj_list_release(out);
        return st;
    }
    if (out->count > 1) qsort(out->items, (size_t)out->count, sizeof(CatObj *), by_oid);
    return QN_OK;
}

Status
catalog_children(Ctx *ctx, Arena *arena, Oid parent, ObjKind kind, CatObjList *out)
{
    return list_objects(ctx, arena, LIST_CHILDREN, parent, kind, false, out);
}

Status
catalog_children2(Ctx *ctx, Arena *arena, Oid parent2, ObjKind kind, CatObjList *out)
{
    return list_objects(ctx, arena, LIST_CHILDREN2, parent2, kind, false, out);
}

Status
catalog_all(Ctx *ctx, Arena *arena, ObjKind kind, CatObjList *out)
{
    return list_objects(ctx, arena, LIST_ALL, INVALID_OID, kind, false, out);
}

Status
catalog_all_of_name(Ctx *ctx, Arena *arena, Oid schema, const char *name, ObjKind kind, CatObjList *out)
{
    Catalog *c = ctx->catalog;
    CatalogShared *s = c->shared;
    uint32_t h = hash_name(kind_name_space(kind), schema, name);
    Status st = QN_OK;
    memset(out, 0, sizeof(*out));
    rwlatch_shared(&s->latch);
    for (CatSlot *p = s->by_name[h & (s->nbuckets - 1)]; st == QN_OK && p != NULL; p = p->next_name) {
        if (p->obj->kind != kind || p->obj->schema != schema || strcmp(p->obj->name, name) != 0) continue;
        const OvEntry *e = ov_find(&c->ov, p->obj->oid);
        if (e == NULL || !e->has_obj) st = list_add(ctx, arena, out, p->obj);
    }
    rwlatch_unlock(&s->latch);
    for (OvEntry *e = c->ov.by_name[h % OV_BUCKETS]; st == QN_OK && e != NULL; e = e->next_name)
        if (e->now->kind == kind && e->now->schema == schema && strcmp(e->now->name, name) == 0)
            st = list_add(ctx, arena, out, e->now);
    if (st != QN_OK) {
        catobj_list_release(out);
        return st;
    }
    if (out->count > 1) qsort(out->items, (size_t)out->count, sizeof(CatObj *), by_oid);
    return QN_OK;
}

/* ---- relations ---- */

RelPins *
catalog_pins_use(Ctx *ctx, RelPins *pins)
{
    RelPins *before = ctx->catalog->pins;
    ctx->catalog->pins = pins;
    return before;
}

void
relpins_release(Ctx *ctx, RelPins *pins)
{
    for (int i = 0; i < pins->count; i++) relation_unpin(ctx, pins->items[i]);
    mem_free(NULL, pins->items, (size_t)pins->cap * sizeof(Relation *));
    *pins = (RelPins){0};
}

/* Hands a pin over to the statement's set, which keeps one a relation. */
static Status
keep_pin(Ctx *ctx, Relation *rel)
{
    RelPins *pins = ctx->catalog->pins;
    assert(pins != NULL);
    for (int i = 0; i < pins->count; i++)
        if (pins->items[i] == rel) {
            relation_unpin(ctx, rel);
            return QN_OK;
        }
    if (pins->count == pins->cap) {
        int cap = pins->cap != 0 ? pins->cap * 2 : 8;
        Relation **p = mem_realloc(NULL, pins->items, (size_t)pins->cap * sizeof(*p),
                                   (size_t)cap * sizeof(*p));
        if (p == NULL) {
            relation_unpin(ctx, rel);
            return RAISE_OOM(ctx);
        }
        pins->items = p;
        pins->cap = cap;
    }
    pins->items[pins->count++] = rel;
    return QN_OK;
}

/* Builds the relation as this session sees it. The latch is held shared. */
static Status
build(Ctx *ctx, const CatObj *obj, uint64_t version, Relation **out)
{
    Arena *arena = arena_create(NULL, "relation parts");
    if (arena == NULL) return RAISE_OOM(ctx);
    CatObjList children = {0}, referencing = {0};
    Status st;
    TRY_GOTO(list_objects(ctx, arena, LIST_CHILDREN, obj->oid, 0, true, &children));
    TRY_GOTO(list_objects(ctx, arena, LIST_CHILDREN2, obj->oid, 0, true, &referencing));
    const char *schema = NULL;
    const OvEntry *e = ov_find(&ctx->catalog->ov, obj->schema);
    const CatSlot *slot = shared_find(ctx->catalog->shared, obj->schema);
    if (e != NULL && e->has_obj && e->now != NULL)
        schema = e->now->name;
    else if (slot != NULL)
        schema = slot->obj->name;
    TRY_GOTO(relation_build(ctx, obj, version, &children, &referencing, schema, out));
done:
    catobj_list_release(&children);
    catobj_list_release(&referencing);
    arena_destroy(arena);
    return st;
}

static bool
is_relation(const CatObj *o)
{
    return o->kind == OBJ_RELATION || o->kind == OBJ_INDEX;
}

/* A relation the running transaction has touched. */
static Status
overlaid_relation(Ctx *ctx, OvEntry *e, Relation **out)
{
    CatalogShared *s = ctx->catalog->shared;
    Status st = QN_OK;
    *out = NULL;
    rwlatch_shared(&s->latch);
    const CatSlot *slot = shared_find(s, e->oid);
    uint64_t base_version = slot != NULL ? slot->version : 0;
    const CatObj *obj = e->has_obj ? e->now : slot != NULL ? slot->obj : NULL;
    if (obj != NULL && is_relation(obj)) {
        if (e->base_version != base_version) {
            /* Another transaction committed to it (two CREATE INDEX side by side). */
            e->base_version = base_version;
            ov_changed(ctx, e);
        }
        if (e->built == NULL) st = build(ctx, obj, e->version, &e->built);
        if (st == QN_OK) *out = relation_pin(e->built);
    }
    rwlatch_unlock(&s->latch);
    return st;
}

static Status
shared_relation(Ctx *ctx, Oid oid, Relation **out)
{
    CatalogShared *s = ctx->catalog->shared;
    Status st = QN_OK;
    *out = NULL;
    rwlatch_shared(&s->latch);
    CatSlot *slot = shared_find(s, oid);
    if (slot != NULL && is_relation(slot->obj)) {
        Relation *rel = atomic_load(&slot->built);
        if (rel == NULL) {
            st = build(ctx, slot->obj, slot->version, &rel);
            Relation *none = NULL;
            if (st == QN_OK && !atomic_compare_exchange_strong(&slot->built, &none, rel)) {
                relation_unpin(ctx, rel); /* somebody else was faster */
                rel = none;
            }
        }
        if (st == QN_OK) *out = relation_pin(rel);
    }
    rwlatch_unlock(&s->latch);
    return st;
}

static Relation *
sys_relation(const CatalogShared *s, Oid oid)
{
    for (int i = 0; i < s->nsys; i++)
        if (s->sys[i].oid == oid) return &s->sys[i];
    return NULL;
}

Status
catalog_relation_by_oid(Ctx *ctx, Oid oid, const Relation **out)
{
    Catalog *c = ctx->catalog;
    Relation *rel;
    *out = NULL;
    if (oid < OID_FIRST_USER) {
        *out = oid == OID_SOURCE && c->source_rel.oid == oid ? &c->source_rel
                                                             : sys_relation(c->shared, oid);
        return QN_OK;
    }
    OvEntry *e = ov_find(&c->ov, oid);
    if (e != NULL)
        TRY(overlaid_relation(ctx, e, &rel));
    else
        TRY(shared_relation(ctx, oid, &rel));
    if (rel != NULL) TRY(keep_pin(ctx, rel));
    *out = rel;
    return QN_OK;
}

uint64_t
catalog_relation_version(Ctx *ctx, Oid oid)
{
    Catalog *c = ctx->catalog;
    if (oid == OID_SOURCE) return c->source_rel.version;
    if (oid < OID_FIRST_USER) return sys_relation(c->shared, oid) != NULL ? 1 : 0;
    OvEntry *e = ov_find(&c->ov, oid);
    uint64_t version = 0;
    rwlatch_shared(&c->shared->latch);
    const CatSlot *slot = shared_find(c->shared, oid);
    if (slot != NULL) version = slot->version;
    if (e != NULL) {
        if (e->base_version != version) {
            e->base_version = version;
            ov_changed(ctx, e);
        }
        version = e->has_obj && e->now == NULL ? 0 : e->version;
    }
    rwlatch_unlock(&c->shared->latch);
    return version;
}

uint64_t
catalog_generation(Ctx *ctx)
{
    return atomic_load_explicit(&ctx->catalog->shared->generation, memory_order_acquire);
}

static Relation *
sys_relation_by_name(const CatalogShared *s, Oid schema, const char *name)
{
    if (schema == OID_PG_CATALOG && strncmp(name, "pg_", 3) != 0) return NULL; /* every statement asks */
    for (int i = 0; i < s->nsys; i++)
        if (s->sys[i].schema_oid == schema && strcmp(s->sys[i].name, name) == 0) return &s->sys[i];
    return NULL;
}

static Status
relation_in_schema(Ctx *ctx, Oid schema, const char *name, const Relation **out)
{
    *out = NULL;
    if (schema < OID_PUBLIC || schema == OID_INFORMATION_SCHEMA) {
        if (strcmp(name, CATALOG_SOURCE_NAME) == 0) return catalog_relation_by_oid(ctx, OID_SOURCE, out);
        *out = sys_relation_by_name(ctx->catalog->shared, schema, name);
        return QN_OK;
    }
    CatObj *o = catalog_get_by_name(ctx, schema, name, NAMES_RELATIONS);
    if (o == NULL) return QN_OK;
    Oid oid = o->oid;
    catobj_unref(o);
    return catalog_relation_by_oid(ctx, oid, out);
}

Status
catalog_relation(Ctx *ctx, const char *schema, const char *name, const Relation **out)
{
    *out = NULL;
    if (schema != NULL) {
        Oid oid = catalog_schema_oid(ctx, schema);
        return oid != INVALID_OID ? relation_in_schema(ctx, oid, name, out) : QN_OK;
    }
    TRY(catalog_path_refresh(ctx));
    Catalog *c = ctx->catalog;
    if (c->path_temp != INVALID_OID) {
        TRY(relation_in_schema(ctx, c->path_temp, name, out));
        if (*out != NULL) return QN_OK;
    }
    if (!c->path_has_pg_catalog) {
        TRY(relation_in_schema(ctx, OID_PG_CATALOG, name, out));
        if (*out != NULL) return QN_OK;
    }
    for (int i = 0; i < c->npath && *out == NULL; i++)
        TRY(relation_in_schema(ctx, c->path[i], name, out));
    return QN_OK;
}

Status
catalog_relation_required(Ctx *ctx, const char *schema, const char *name, int loc, const Relation **out)
{
    TRY(catalog_relation(ctx, schema, name, out));
    if (*out != NULL) return QN_OK;
    if (schema == NULL)
        return err_position(
            ctx, RAISE(ctx, ERR_UNDEFINED_TABLE, "relation \"%s\" does not exist", name), loc);
    return err_position(ctx,
                        RAISE(ctx, ERR_UNDEFINED_TABLE, "relation \"%s.%s\" does not exist", schema,
                              name),
                        loc);
}

bool
catalog_relation_is_visible(Ctx *ctx, Oid oid)
{
    const Relation *rel, *found;
    if (catalog_relation_by_oid(ctx, oid, &rel) != QN_OK || rel == NULL) return false;
    if (catalog_relation(ctx, NULL, rel->name, &found) != QN_OK || found == NULL) return false;
    return found->oid == oid;
}

Status
catalog_source_use(Ctx *ctx, const CatalogSource *source)
{
    Catalog *c = ctx->catalog;
    uint64_t version = catalog_next_version(c->shared); /* plans for an earlier source are void */
    memset(&c->source_rel, 0, sizeof(c->source_rel));
    if (source == NULL) return QN_OK;
    c->source = *source;
    c->source_rel = (Relation){.oid = OID_SOURCE, .version = version, .name = CATALOG_SOURCE_NAME,
                               .schema_oid = OID_PG_CATALOG, .schema = "pg_catalog", .kind = RELKIND_TABLE,
                               .persistence = 't', .ncols = source->ncols, .cols = source->cols,
                               .tuples = -1, .pages = -1, .systable = &systable_source};
    return QN_OK;
}
