/* usertypes.c - the types made in a database, as type_info answers for them. See type.h.
 *
 * An open-addressing table by oid that only grows: a reader loads the table and then a slot, both atomically, and never sees less
 * than what was there before. A table outgrown and an entry replaced stay in the arena until the instance closes,
 * because somebody may be reading them. */
#include "types/usertypes.h"
#include "common/hash.h"
#include "common/thread.h"
#include <stdatomic.h>

enum { FIRST_SLOTS = 64 };

typedef struct TypeTable {
    uint32_t mask;
    _Atomic(const TypeInfo *) slots[];
} TypeTable;

struct TypeSet {
    Mutex mutex; /* of writers */
    Arena *arena;
    _Atomic(TypeTable *) table;
    uint32_t count;
};

static _Thread_local TypeSet *in_use;

void
type_set_use(TypeSet *set)
{
    in_use = set;
}

static uint32_t
first_slot(const TypeTable *t, Oid oid)
{
    return (uint32_t)hash_u64(oid) & t->mask;
}

const TypeInfo *
type_set_find(Oid oid)
{
    if (in_use == NULL || oid < TYPE_FIRST_MADE) return NULL;
    TypeTable *t = atomic_load_explicit(&in_use->table, memory_order_acquire);
    for (uint32_t i = first_slot(t, oid);; i = (i + 1) & t->mask) {
        const TypeInfo *info = atomic_load_explicit(&t->slots[i], memory_order_acquire);
        if (info == NULL || info->oid == oid) return info;
    }
}

static TypeTable *
table_new(Arena *arena, uint32_t nslots)
{
    TypeTable *t = arena_zalloc(arena, sizeof(TypeTable) + nslots * sizeof(t->slots[0]));
    if (t != NULL) t->mask = nslots - 1;
    return t;
}

/* True: the oid was not there before. */
static bool
table_put(TypeTable *t, const TypeInfo *info)
{
    uint32_t i = first_slot(t, info->oid);
    const TypeInfo *there;
    while ((there = atomic_load_explicit(&t->slots[i], memory_order_relaxed)) != NULL && there->oid != info->oid)
        i = (i + 1) & t->mask;
    atomic_store_explicit(&t->slots[i], info, memory_order_release);
    return there == NULL;
}

Status
type_set_create(Ctx *ctx, TypeSet **out)
{
    Arena *arena = arena_create(NULL, "types of a database");
    if (arena == NULL) return RAISE_OOM(ctx);
    TypeSet *set = ARENA_NEW(arena, TypeSet);
    TypeTable *t = set != NULL ? table_new(arena, FIRST_SLOTS) : NULL;
    if (t == NULL) {
        arena_destroy(arena);
        return RAISE_OOM(ctx);
    }
    set->arena = arena;
    mutex_init(&set->mutex);
    atomic_init(&set->table, t);
    *out = set;
    return QN_OK;
}

void
type_set_destroy(TypeSet *set)
{
    if (set == NULL) return;
    if (in_use == set) in_use = NULL;
    mutex_destroy(&set->mutex);
    arena_destroy(set->arena);
}

static bool
same_entry(const TypeInfo *a, const TypeInfo *b)
{
    return a->made == b->made && a->array_oid == b->array_oid && a->elem_oid == b->elem_oid && a->base_oid == b->base_oid &&
           a->base_typmod == b->base_typmod && a->subtype_oid == b->subtype_oid && strcmp(a->name, b->name) == 0;
}

static Status
put_copy(Ctx *ctx, TypeSet *set, const TypeInfo *info)
{
    TypeInfo *copy;
    TypeTable *t = atomic_load(&set->table);
    TRY_ALLOC(ctx, copy, arena_memdup(set->arena, info, sizeof(*info)));
    TRY_ALLOC(ctx, copy->name, arena_strdup(set->arena, info->name));
    TRY_ALLOC(ctx, copy->sql_name, arena_strdup(set->arena, info->sql_name));
    if (set->count * 2 > t->mask) {
        TypeTable *bigger;
        TRY_ALLOC(ctx, bigger, table_new(set->arena, (t->mask + 1) * 2));
        for (uint32_t i = 0; i <= t->mask; i++) {
            const TypeInfo *there = atomic_load_explicit(&t->slots[i], memory_order_relaxed);
            if (there != NULL) table_put(bigger, there);
        }
        atomic_store_explicit(&set->table, bigger, memory_order_release);
        t = bigger;
    }
    set->count += table_put(t, copy);
    return QN_OK;
}

Status
type_set_put(Ctx *ctx, TypeSet *set, const TypeInfo *info)
{
    Status st = QN_OK;
    mutex_lock(&set->mutex);
    TypeTable *t = atomic_load(&set->table);
    uint32_t i = first_slot(t, info->oid);
    const TypeInfo *there;
    while ((there = atomic_load_explicit(&t->slots[i], memory_order_relaxed)) != NULL && there->oid != info->oid)
        i = (i + 1) & t->mask;
    if (there == NULL || !same_entry(there, info)) st = put_copy(ctx, set, info);
    mutex_unlock(&set->mutex);
    return st;
}
