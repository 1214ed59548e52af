/* array.h - growable arrays by macro, in an arena.
 *
 *     ARRAY(Expr *) list = {0};
 *     TRY(array_push(ctx, arena, &list, e));   // list.items[0 .. list.count)
 */
#ifndef COMMON_ARRAY_H
#define COMMON_ARRAY_H

#include "common/arena.h"
#include "common/ctx.h"

#define ARRAY(T)                                                                                   \
    struct {                                                                                       \
        T *items;                                                                                  \
        int count, cap;                                                                            \
    }

/* Room for n more items; false when memory is out. */
static inline bool
array_grow(Arena *arena, void **items, int *cap, int count, int n, size_t item_bytes)
{
    if (*cap - count >= n) return true;
    int new_cap = *cap != 0 ? *cap * 2 : 8;
    while (new_cap - count < n) new_cap *= 2;
    void *p = arena_realloc(arena, *items, (size_t)*cap * item_bytes, (size_t)new_cap * item_bytes);
    if (p == NULL) return false;
    *items = p;
    *cap = new_cap;
    return true;
}

#define array_reserve(arena, a, n)                                                                 \
    array_grow((arena), (void **)&(a)->items, &(a)->cap, (a)->count, (n), sizeof(*(a)->items))
#define array_push(ctx, arena, a, value)                                                           \
    (array_reserve((arena), (a), 1) ? ((a)->items[(a)->count++] = (value), QN_OK) : RAISE_OOM(ctx))

#endif
