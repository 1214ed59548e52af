/* ddl_alter.h - the commands of ALTER TABLE. Private to ddl_alter*.c and ddl_rename.c.
 *
 * A command is run on one table; where it goes on to the tables that inherit from it, it says so itself. recursing: the command comes from
 * a parent. recurse: children are meant too (no ONLY). */
#ifndef SESSION_DDL_ALTER_H
#define SESSION_DDL_ALTER_H

#include "session/ddl.h"

typedef struct AlterHow {
    bool recurse, recursing;
    bool of_type; /* the command is on the type of a typed table */
} AlterHow;

typedef Status (*AlterFn)(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);

/* 42703, 0A000 for system columns: "alter", "drop", "rename". */
Status alter_find_column(Ddl *d, const Relation *rel, const char *name, const char *verb, const Column **out);
/* The command on rel's direct children, each as they are when their turn comes. */
Status alter_children(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterFn fn);
/* Whether the table holds rows. */
Status alter_has_rows(Ddl *d, const Relation *rel, bool *out);
/* Stored text as a tree. */
Status alter_parse_expr(Ddl *d, const char *text, Ast **out);
/* Whether a stored expression over rel mentions the column. */
Status alter_mentions(Ddl *d, const char *text, const char *column, bool *out);

/* 42P16 for a column that rows are placed by. verb: "drop", "alter". */
Status alter_refuse_partition_key(Ddl *d, const Relation *rel, const Column *col, const char *verb);

/* ddl_alter_column.c */
Status alter_add_column(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_drop_column(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_column_default(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_set_not_null(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_drop_not_null(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_drop_expression(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_add_identity(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_set_identity(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_drop_identity(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);

/* ddl_alter_type.c: all ALTER COLUMN TYPE of a statement at once, each USING over the rows as they were. */
Status alter_types(Ddl *d, const Relation *rel, const AlterTableStmt *a, AlterHow how);

/* ddl_alter_constraint.c */
Status alter_add_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_drop_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_validate_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_alter_constraint(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);

/* ddl_typed.c */
Status alter_add_of(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_drop_of(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);

/* ddl_partition.c */
Status alter_attach_partition(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_detach_partition(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);
Status alter_finalize_detach(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how);

#endif
