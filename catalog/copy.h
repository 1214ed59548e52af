/* copy.h - the objects of one database made anew in another, oids and all. */
#ifndef CATALOG_COPY_H
#define CATALOG_COPY_H

#include "catalog/check.h"

/* Makes every object that from sees in to's running transaction, with empty heaps, indexes and counters; temporary ones are left out. An object
 * that cannot be unpacked is reported to lost, or, where that is NULL, an error. Oids given from then on in to are above those copied. */
Status catalog_copy(Ctx *from, Ctx *to, Arena *arena, CheckSink *lost);

#endif
