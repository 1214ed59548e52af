/* store.h - the catalog's heap: reading all objects at open, writing a transaction's changes. Private to catalog/. */
#ifndef CATALOG_STORE_H
#define CATALOG_STORE_H

#include "catalog/catobj.h"
#include "storage/heap.h"

/* Opens the heap, making it in a new database, and hands every object to take, which gets its reference. Runs a
 * transaction of its own. */
Status store_load(Ctx *ctx, Arena *arena, Heap **heap_out,
                  Status (*take)(Ctx *ctx, void *arg, CatObj *obj), void *arg);

/* was NULL: a new object, now NULL: a dropped one. now->tid is set. */
typedef struct StoreChange {
    const CatObj *was;
    CatObj *now;
} StoreChange;
/* Writes the rows, as one command of the running transaction. */
Status store_write(Ctx *ctx, Heap *heap, const StoreChange *changes, int n);

#endif
