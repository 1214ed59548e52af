/* ddl.h - changing the catalog: the rows that make and unmake objects, names and dependencies. What plans or scans (defaults, CHECK, index
 * builds) is done by the session around these calls.
 *
 * Every call works in the running transaction. Callers hold ACCESS EXCLUSIVE (or what PostgreSQL takes) on relations they change.
 * Parsed statements are read, never kept. Texts given are copied when an object is put.
 */
#ifndef CATALOG_DDL_H
#define CATALOG_DDL_H

#include "catalog/catobj.h"
#include "parser/ast.h"
#include "storage/lock.h"

/* ---- names ---- */
Status ddl_new_oid(Ctx *ctx, Oid *oid_out);
/* Neighbours: a relation's row type and the array over it have the oids after its own, a stored type's array the next one. */
Status ddl_new_oids(Ctx *ctx, uint32_t n, Oid *first_out);
Status ddl_new_relation_oid(Ctx *ctx, Oid *oid_out);
/* Where a new relation goes (rv's schema, the first of the path, the session's temporary one) and how long it lives: 'p', 'u', 't'.
 * 3F000, 42501, 42P16. */
Status ddl_target_schema(Ctx *ctx, const RangeVar *rv, Oid *schema_out, char *persistence_out);
/* Keeps others from making something of this name until the transaction ends. */
Status ddl_lock_name(Ctx *ctx, Oid schema, const char *name);
bool ddl_relation_exists(Ctx *ctx, Oid schema, const char *name);
/* Locks the name and raises 42P07 `relation "x" already exists` (or says so and sets *skip_out). */
Status ddl_claim_name(Ctx *ctx, Oid schema, const char *name, bool if_not_exists, bool *skip_out);
/* PostgreSQL's implicit names: name1_name2_label, shortened to fit, numbered until it is free among relations (and, with rel_oid, the
 * table's constraints). name2 may be NULL. In the statement's arena; locked. */
Status ddl_choose_name(Ctx *ctx, Oid schema, Oid rel_oid, const char *name1, const char *name2,
                       const char *label, const char **out);

/* ---- objects ---- */
/* An object's definition to change, in the arena; XX000 if it is gone. */
Status ddl_edit_relation(Ctx *ctx, Arena *arena, Oid oid, RelDef **out);
Status ddl_put_relation(Ctx *ctx, const RelDef *def);
/* Makes the storage and the rows. def->oid is set if 0. */
Status ddl_create_table(Ctx *ctx, RelDef *def);
Status ddl_create_index(Ctx *ctx, Oid schema, IndexDef *def);
Status ddl_put_index(Ctx *ctx, Oid schema, const IndexDef *def);
Status ddl_create_constraint(Ctx *ctx, RelConstraint *def);
Status ddl_put_inherit(Ctx *ctx, InheritLink *def);
Status ddl_create_schema(Ctx *ctx, const char *name, Oid *oid_out);
Status ddl_put_schema(Ctx *ctx, Oid oid, const char *name); /* under a new name */
/* All of a kind, in the statement's arena; catobj_list_release. */
Status ddl_all_objects(Ctx *ctx, ObjKind kind, CatObjList *out);
/* A default's text that takes the next value of a sequence. */
Status ddl_nextval_sql(Ctx *ctx, Oid seq_oid, const char **out);

/* ---- sequences ---- */
Status ddl_sequence_defaults(SeqDef *def, Oid type); /* as CREATE SEQUENCE without options */
/* CREATE (is_new) or ALTER: options over def. *restart_out: a new counter is needed, starting at *restart_value_out. Errors 22023, 42601 as PostgreSQL's. */
Status ddl_sequence_options(Ctx *ctx, const AstList *options, bool is_new, SeqDef *def, bool *restart_out,
                            int64_t *restart_value_out, const AstList **owned_by_out);
Status ddl_create_sequence(Ctx *ctx, RelDef *def); /* def->sequence is complete but for the slot */

/* ---- temporary objects (temp.c) ---- */
Status ddl_temp_schema(Ctx *ctx, Oid *schema_out); /* the session's; made if it is not there */
/* ON COMMIT DROP, or DELETE ROWS, of a temporary table. */
Status ddl_note_on_commit(Ctx *ctx, Oid rel_oid, bool drop);
/* Before a commit: does what was noted; empty is called with the tables to be emptied. */
Status ddl_on_commit(Ctx *ctx, Status (*empty)(Ctx *ctx, const Oid *tables, int n));
Status ddl_drop_temp(Ctx *ctx); /* everything temporary of this session */

/* ---- types (ddl_type.c) ---- */
bool ddl_type_exists(Ctx *ctx, Oid schema, const char *name); /* a stored type, not a relation's rows */
/* Locks the name; 42710 `type "x" already exists`. */
Status ddl_claim_type_name(Ctx *ctx, Oid schema, const char *name);
Status ddl_put_type(Ctx *ctx, const TypeDef *def);
Status ddl_edit_type(Ctx *ctx, Arena *arena, Oid oid, TypeDef **out);
Status ddl_lock_type(Ctx *ctx, Oid oid); /* against others who change it */
/* Whether values of type hold values of other: it is that type, a domain, array or range over it, or has an attribute that does. */
bool ddl_type_uses(Ctx *ctx, Oid type, Oid other);
/* 0A000 `cannot alter table "x" because column "t.c" uses its row type` where a table stores rows of this relation. */
Status ddl_refuse_row_type_columns(Ctx *ctx, Oid rel_oid, const char *name, bool is_type);
/* Objects whose parent it is, in the statement's arena; catobj_list_release. */
Status ddl_objects_under(Ctx *ctx, Oid parent, ObjKind kind, CatObjList *out);

/* ---- dropping ---- */
/* What to drop: a relation, a schema, a function, one column or constraint of a table. */
typedef struct DropTarget {
    ObjKind kind;
    Oid oid;
    int attnum;      /* OBJ_RELATION: that column alone; 0: all of it */
    bool is_default; /* with attnum: the column's default alone */
    bool as_type;    /* for ddl_describe: the type of the relation's rows */
} DropTarget;
/* Drops them and, with cascade, what depends on them (NOTICE "drop cascades to ..."); without, 2BP01 with PostgreSQL's detail. Locks what it
 * drops. */
Status ddl_drop(Ctx *ctx, const DropTarget *targets, int n, bool cascade);
/* The same with cascade and no notice: temporary objects whose time is over. */
Status ddl_drop_quietly(Ctx *ctx, const DropTarget *targets, int n);
/* Relations with the relation among their dependencies, in the statement's arena. */
Status ddl_relations_using(Ctx *ctx, Oid rel_oid, Oid **out, int *n_out);
/* The views that name the relation, in the statement's arena; the first that reads the column, as "view v", or NULL. */
Status ddl_views_reading(Ctx *ctx, Oid rel_oid, Oid **out, int *n_out);
Status ddl_view_that_reads(Ctx *ctx, Oid rel_oid, int attnum, const char **out);
/* "table t", "column a of table t", "view s.v": as PostgreSQL describes objects. In the arena. */
Status ddl_describe(Ctx *ctx, const DropTarget *t, const char **out);

/* Sequences owned by a table's columns; all tables, all sequences of the user. In the statement's arena. */
Status ddl_owned_sequences(Ctx *ctx, Oid rel_oid, Oid **out, int *n_out);
Status ddl_all_tables(Ctx *ctx, Oid **out, int *n_out);
Status ddl_all_sequences(Ctx *ctx, Oid **out, int *n_out);

/* Statistics of a table, replacing what was there. */
Status ddl_put_stats(Ctx *ctx, StatsDef *def);
/* NULL: none yet. */
Status ddl_get_stats(Ctx *ctx, Arena *arena, Oid rel_oid, StatsDef **out);
Status ddl_forget_stats(Ctx *ctx, Oid rel_oid);
/* The heap of a definition that is not in the catalog (yet); the caller closes it. */
Status ddl_open_heap(Ctx *ctx, Arena *arena, const RelDef *def, struct Heap **out);

#endif
