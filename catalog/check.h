/* check.h - verifying the catalog, and where the findings of any check go. */
#ifndef CATALOG_CHECK_H
#define CATALOG_CHECK_H

#include "catalog/catalog.h"
#include "storage/format.h"

#define CHECK_NO_PAGE ((int64_t)-1)

/* Receives faults: object is a name for people, page CHECK_NO_PAGE where none is known. */
typedef struct CheckSink {
    Status (*report)(struct CheckSink *sink, const char *object, int64_t page, const char *text);
} CheckSink;

/* A fault in printf form. */
Status check_report(Ctx *ctx, CheckSink *sink, const char *object, int64_t page, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The error in the context's slot as a fault; the slot is empty afterwards. */
Status check_report_error(Ctx *ctx, CheckSink *sink, const char *object);

/* Every object unpacks, and what it refers to is there. */
Status catalog_check(Ctx *ctx, Arena *arena, CheckSink *sink);
/* The roots of everything the catalog knows, its own storage included, as one array in the arena; names, where they have one, beside it. */
Status catalog_roots(Ctx *ctx, Arena *arena, PageNo **roots_out, const char ***names_out, int *n_out);

#endif
