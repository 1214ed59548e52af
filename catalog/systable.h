/* systable.h - the relations of pg_catalog and information_schema, whose rows are made on demand. Private to catalog/.
 *
 * A row of systables.def names the relation, its columns and a generator. The generator walks the built-in .def tables and what is
 * stored, and emits rows column by column, in the order of the columns:
 *
 *     TRY(sys_row(r));  sys_oid(r, 11);  sys_name(r, "pg_catalog"); ...
 *
 * Emitting cannot fail: what runs out of memory is reported by the next sys_row. Values of columns nobody asked for are
 * dropped at once.
 */
#ifndef CATALOG_SYSTABLE_H
#define CATALOG_SYSTABLE_H

#include "catalog/catalog_priv.h"

typedef struct SysColumn {
    const char *name;
    Oid type;
} SysColumn;

typedef struct SysRows SysRows;

struct SysTable {
    Oid oid;
    Oid schema;
    char relkind; /* as pg_class shows it: tables and views */
    const char *name;
    int ncols;
    const SysColumn *cols;
    Status (*rows)(Ctx *ctx, SysRows *r);
};

int systable_count(void);
const SysTable *systable_at(int i);
/* The relation of one row that reading a sequence gives; its generator reads r's relation. */
extern const SysTable systable_sequence;

/* Rows of a CatalogSource: handed on, not kept. */
extern const SysTable systable_source;
Status systable_set_sequence(Ctx *ctx, Relation *rel);

Arena *sys_arena(SysRows *r); /* for texts that the generator builds */
const Relation *sys_scanned(SysRows *r);
Status sys_row(SysRows *r);   /* starts a row; the one before must be complete */
void sys_null(SysRows *r);
void sys_skip(SysRows *r, int n); /* n columns NULL */
/* Calls fn for every relation there is: built-in ones, stored ones, indexes. */
Status sys_each_relation(Ctx *ctx, SysRows *r, Status (*fn)(Ctx *ctx, SysRows *r, const Relation *rel));
void sys_bool(SysRows *r, bool v);
void sys_char(SysRows *r, char v);
void sys_int2(SysRows *r, int v);
void sys_int4(SysRows *r, int v);
void sys_int8(SysRows *r, int64_t v);
void sys_time(SysRows *r, int64_t us); /* timestamptz; 0: NULL */
void sys_float4(SysRows *r, double v);
void sys_oid(SysRows *r, Oid v);
/* name or text, whichever the column is; NULL is NULL. The text must outlive the scan or be the arena's. */
void sys_text(SysRows *r, const char *v);
/* A text made for the row. */
void sys_printf(SysRows *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An array column out of its text form: "{1,2}". */
void sys_array(SysRows *r, const char *v);

#endif
