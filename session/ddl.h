/* ddl.h - the statements that change the catalog, as the session runs them. Private to session/. */
#ifndef SESSION_DDL_H
#define SESSION_DDL_H

#include "catalog/ddl.h"
#include "planner/planner.h"
#include "session/utility.h"
#include "storage/keycodec.h"

/* A statement at work. */
typedef struct Ddl {
    Session *s;
    Ctx *ctx;
    Arena *arena; /* of the run */
    const char *sql;
    Stmt *stmt;
} Ddl;

/* Opens and locks a relation for a change; kinds: the relkinds allowed, as a string. 42P01, 42809 with PostgreSQL's text. *out NULL with
 * missing_ok, after the NOTICE `relation "x" does not exist, skipping`. */
Status ddl_open(Ddl *d, const RangeVar *rv, LockMode mode, const char *kinds, bool missing_ok,
                const Relation **out);

/* 55006 while deferred constraints have yet to look at rows of the table. what: "ALTER TABLE". */
Status ddl_check_not_in_use(Ctx *ctx, const Relation *rel, const char *what);

/* A LIKE clause at work. */
typedef struct LikeSource {
    const Relation *rel;
    unsigned options; /* AstTableLikeOption */
} LikeSource;

/* A table being made. Columns of parents come first, then its own. */
typedef struct NewTable {
    Ddl *d;
    RelDef *def;
    struct ColumnExtra *extras; /* parallel to def->cols */
    int cols_cap;
    ARRAY(const Constraint *) constraints; /* its own */
    ARRAY(int) attnums; /* parallel: the column each was written at, 0: the table */
    ARRAY(const Relation *) parents;
    ARRAY(RelConstraint) inherited; /* CHECK constraints of parents */
    const PartitionBound *bound;    /* PARTITION OF */
    ARRAY(LikeSource) likes;
} NewTable;

/* ddl_table.c */
Status ddl_run_create(Ddl *d, const CreateStmt *c);
Status ddl_find_collation(Ddl *d, const AstList *names, int loc, Oid *out); /* 42704 */
bool ddl_is_system_column(const char *name); /* ctid, xmin, ... */
/* ON COMMIT of a table of this persistence (42P16), and noting it when the table is there. */
Status ddl_check_on_commit(Ddl *d, AstOnCommit on_commit, char persistence);
Status ddl_set_on_commit(Ddl *d, AstOnCommit on_commit, Oid rel_oid);
/* An expression's stored text: columns as they are, sequences by oid. */
Status ddl_expr_text(Ddl *d, const Ast *expr, const char **out);
/* Fills in a column from its definition; serial and identity are left in the outputs. */
typedef struct ColumnExtra {
    const ColumnDef *ast;
    Oid serial;                     /* integer type of the sequence; 0: none */
    const Constraint *identity, *dflt, *generated;
    bool default_conflict;          /* parents disagree about the default */
    const SeqDef *like_identity;    /* LIKE INCLUDING IDENTITY: the other table's sequence */
} ColumnExtra;
Status ddl_make_column(Ddl *d, const char *table, const ColumnDef *c, ColDef *out, ColumnExtra *extra);
/* NOT NULL, DEFAULT, identity and generation of a column whose type is known. */
Status ddl_column_constraints(Ddl *d, const char *table, const ColumnDef *c, ColDef *out, ColumnExtra *extra);
/* The default of a column whose table is there already (or is about to be): sequences are made. */
Status ddl_column_default(Ddl *d, RelDef *rel, ColDef *col, const ColumnExtra *extra);
/* Constraints of a table that exists: CHECK, PRIMARY KEY, UNIQUE, FOREIGN KEY. attnum: the column it was written at, or 0. is_new: the table
 * is empty and nobody sees it. */
Status ddl_add_constraint(Ddl *d, const Relation *rel, const Constraint *c, int attnum, bool is_new);
/* 42804 when the columns of a foreign key cannot be compared. */
Status ddl_check_foreign_types(Ddl *d, const Relation *rel, const Relation *ref, const RelConstraint *def);
/* A CHECK constraint of that name is there: whether it is this one (a NOTICE says that they are one from here on). is_local: it is
 * declared at rel itself, else a parent hands it down. 42710, 42P17. */
/* A CHECK without a name of its own, which all rows are known to satisfy. */
Status ddl_add_known_check(Ddl *d, const Relation *rel, const char *condition);
Status ddl_merge_check(Ddl *d, const Relation *rel, const RelConstraint *old, const RelConstraint *def, bool is_local,
                       bool allow);

Status ddl_push_column(NewTable *t, const ColDef *col, const ColumnExtra *extra, int loc);

/* ddl_inherit.c */
/* CREATE TABLE ... INHERITS: the parents' columns and CHECK constraints, merged. */
Status ddl_inherit_begin(NewTable *t, const AstList *parents);
/* CREATE TABLE ... PARTITION OF: the same with the one parent; and what it says of a column, without a type. */
Status ddl_partition_begin(NewTable *t, const RangeVar *parent);
Status ddl_partition_column(NewTable *t, const ColumnDef *c);
/* The table's own definition of a column that parents have. *merged_out false: they have none of that name. */
Status ddl_inherit_merge_column(NewTable *t, const ColDef *col, const ColumnExtra *extra, bool *merged_out);
/* 42611 for defaults of parents that differ and were not replaced. */
Status ddl_inherit_settle(NewTable *t);
/* Once the table is in the catalog: links and inherited constraints. */
Status ddl_inherit_finish(NewTable *t);
/* ALTER TABLE ... INHERIT and NO INHERIT. */
Status ddl_add_parent(Ddl *d, const Relation *rel, const RangeVar *parent);
Status ddl_drop_parent(Ddl *d, const Relation *rel, const RangeVar *parent);
/* The same for tables that are open and locked; bound: the child becomes a partition. */
Status ddl_adopt(Ddl *d, const Relation *child, const Relation *parent, const PartitionBound *bound);
Status ddl_disown(Ddl *d, const Relation *child, const Relation *parent);
/* The tables that inherit from rel, directly (all false) or at all, locked; by levels, oids ascending in each. */
Status ddl_children(Ddl *d, const Relation *rel, bool all, const Relation ***out, int *n_out);

/* ddl_partition.c */
Status ddl_partition_key(Ddl *d, const Relation *rel, const PartitionSpec *spec, PartitionKey **out);
/* FOR VALUES of a partition `name` that is to come; 42P17 where it overlaps another. */
Status ddl_partition_bound(Ddl *d, const Relation *parent, const char *name, const PartitionBoundSpec *s, PartitionBound **out);
/* 23514 when rows of the default partition belong to the new one. */
Status ddl_check_default_partition(Ddl *d, const Relation *parent, const PartitionBound *bound);
/* 0A000 unless the key holds every column of the partition key. what: "PRIMARY KEY". */
Status ddl_check_partitioned_key(Ddl *d, const Relation *rel, const int *attnums, int n, const char *what);
/* The partition gets what the parent has: an index (or one of its own becomes it), a foreign key, all of them. */
Status ddl_partition_index(Ddl *d, const Relation *parent, const IndexDef *parent_ix, const Relation *child);
Status ddl_partition_foreign(Ddl *d, const Relation *parent, const RelConstraint *p, const Relation *child);
Status ddl_partition_take_over(Ddl *d, const Relation *parent, Oid child_oid);

/* A copy of a table's index, with its constraint, for another table that has the columns; part: child is a partition of it. */
Status ddl_copy_index(Ddl *d, const Relation *from, const IndexDef *from_ix, const Relation *to, bool part);

/* ddl_like.c: the columns, and once the table is in the catalog, the rest. */
Status ddl_like_columns(NewTable *t, const TableLikeClause *like);
Status ddl_like_finish(NewTable *t);

/* ddl_typed.c */
/* CREATE TABLE ... OF: the attributes as columns, to be merged with options; settle when that is done. */
Status ddl_typed_begin(NewTable *t, const TypeName *name);
void ddl_typed_settle(NewTable *t);
/* The tables of a composite type, locked; 2BP01 when there are any and behavior is not CASCADE. */
Status ddl_typed_tables(Ddl *d, const Relation *type, AstDropBehavior behavior, Oid **out, int *n_out);
/* ADD, DROP or ALTER ATTRIBUTE of the type, on its tables. */
Status ddl_alter_typed_tables(Ddl *d, const Relation *type, const AlterTableCmd *c);
/* A column of a table (with ALTER ... RENAME's checks) gets another name. */
Status ddl_rename_column(Ddl *d, const Relation *rel, const RenameStmt *s);

/* ddl_rewrite.c */
/* The rows of rel as def has them: values[i] (over the old row; NULL: as it is) for each column; def goes into the catalog, indexes are built again. */
Status ddl_rewrite_table(Ddl *d, const Relation *rel, RelDef *def, const Ast *const *values);

/* ddl_validate.c: does what is in the table hold? 23514, 23502, 23503. */
Status ddl_validate_check(Ddl *d, const Relation *rel, const RelConstraint *c);
Status ddl_validate_not_null(Ddl *d, const Relation *rel, const char *column);
Status ddl_validate_foreign(Ddl *d, const Relation *rel, const Relation *ref, const RelConstraint *c);
/* A table that a foreign key is about to refer to, with its partitions: nobody deletes from them meanwhile, and who does later knows of the key. */
Status ddl_lock_referenced(Ddl *d, Oid oid);
/* 23503 when rows of part, which is to leave ref or a partition of it, are referenced through foreign key c to ref. */
Status ddl_validate_detach(Ddl *d, const Relation *part, const Relation *ref, const RelConstraint *c);

/* ddl_index.c */
Status ddl_run_index(Ddl *d, const IndexStmt *i);
/* The columns of an index in the making: what def points to, to be written. */
typedef struct IndexColumns {
    int *attnums;
    const char **names, **exprs;
    Oid *types, *collations, *opclasses;
    int32_t *typmods;
    bool *desc, *nulls_first;
} IndexColumns;
Status ddl_index_alloc(Ddl *d, int nkeys, int ncols, IndexColumns *c, IndexDef *def); /* 54011 */
/* Column i is that of the table. */
void ddl_index_take_column(IndexColumns *c, int i, const Column *col);
/* 42704 `data type x has no default operator class` where keys of the type cannot be ordered. */
Status ddl_check_index_type(Ctx *ctx, const char *method, Oid type);
/* Makes def's columns, expressions and predicate what their attributes and texts mean for rel as it is now. */
Status ddl_rebind_index(Ddl *d, const Relation *rel, IndexDef *def);
/* Fills an index that was just created from its table. 23505 with PostgreSQL's detail. */
Status ddl_build_index(Ddl *d, const Relation *rel, Oid index_oid);

/* ddl_view.c */
Status ddl_run_view(Ddl *d, const ViewStmt *v);
/* WITH (check_option = ...): 'l', 'c'. Others of PostgreSQL's are taken. */
Status ddl_view_options(Ddl *d, const AstList *options, char *check_out);
/* 0A000 for a view with a check option that cannot be written. */
Status ddl_check_checkable(Ddl *d, Oid view_oid);
/* view_text: of a materialized view; else NULL. */
Status ddl_run_create_as(Ddl *d, const Ast *query, const IntoClause *into, bool if_not_exists, const char *view_text);
Status ddl_run_refresh(Ddl *d, const RefreshMatViewStmt *s);

/* ddl_type.c, ddl_domain.c */
Status ddl_run_create_enum(Ddl *d, const CreateEnumStmt *c);
Status ddl_run_alter_enum(Ddl *d, const AlterEnumStmt *a);
Status ddl_run_create_composite(Ddl *d, const CompositeTypeStmt *c);
Status ddl_run_alter_composite(Ddl *d, const AlterTableStmt *a);
Status ddl_run_create_range(Ddl *d, const CreateRangeStmt *c);
Status ddl_run_define_type(Ddl *d, const DefineStmt *s);
Status ddl_run_rename_type(Ddl *d, const RenameStmt *s); /* types, domains, attributes, constraints of domains */
Status ddl_run_move_type(Ddl *d, const AlterObjectSchemaStmt *s);
Status ddl_drop_types(Ddl *d, const DropStmt *s);
Status ddl_run_create_domain(Ddl *d, const CreateDomainStmt *c);
Status ddl_run_alter_domain(Ddl *d, const AlterDomainStmt *a);
Status ddl_rename_domain_constraint(Ddl *d, const TypeDef *def, const RenameStmt *s);
/* Where a new type goes, from its qualified name; the type of a name that is there. */
Status ddl_type_target(Ddl *d, const AstList *name, Oid *schema_out, const char **name_out);
Status ddl_find_type(Ddl *d, const AstList *name, Oid *oid_out);
Status ddl_run_alter_type(Ddl *d, const AlterTypeStmt *s);
/* A stored type, locked, to change; domain: it has to be one. */
Status ddl_open_type(Ddl *d, const AstList *name, bool domain, TypeDef **out);

/* ddl_view_text.c */
/* The query's text with every star written out. */
Status ddl_expand_stars(Ddl *d, const char *text, const QueryUses *uses, const char **out);
/* A relation or (attnum) a column of it gets another name, or another schema. */
typedef struct Renaming {
    Oid oid;
    int attnum;
    const char *old_name, *name;
    const char *schema; /* the new one, if it changes */
} Renaming;
typedef struct ViewEdits {
    ARRAY(RelDef *) views;
} ViewEdits;
/* Before the catalog changes: the texts of the views that name it as they must be; after: into the catalog. */
Status ddl_edit_views(Ddl *d, const Renaming *r, ViewEdits *out);
Status ddl_put_views(Ddl *d, const ViewEdits *edits);

/* ddl_alter.c, ddl_rename.c */
Status ddl_run_alter_table(Ddl *d, const AlterTableStmt *a);
Status ddl_run_rename(Ddl *d, const RenameStmt *r);
Status ddl_run_set_schema(Ddl *d, const AlterObjectSchemaStmt *s);

/* ddl_maintain.c */
Status ddl_run_truncate(Ddl *d, const TruncateStmt *t);

/* ddl_vacuum.c */
Status ddl_run_vacuum(Ddl *d, const VacuumStmt *v);
Status ddl_run_reindex(Ddl *d, const ReindexStmt *s);
Status ddl_run_cluster(Ddl *d, const ClusterStmt *c);
/* A new heap and new indexes; the old ones go when the transaction commits. */
Status ddl_empty_table(Ctx *ctx, const Relation *rel);
/* An empty index in place of the one that is there; what is built or rewritten from here on fills it. */
Status ddl_empty_index(Ctx *ctx, const Relation *rel, const IndexDef *index);
/* Temporary tables that the transaction's commit empties or drops. */
Status ddl_at_commit(Ctx *ctx);

/* ddl_sequence.c */
Status ddl_run_create_sequence(Ddl *d, const CreateSeqStmt *c);
Status ddl_run_alter_sequence(Ddl *d, const AlterSeqStmt *a);
/* ALTER SEQUENCE's options on a sequence's definition, which goes into the catalog. */
Status ddl_change_sequence(Ddl *d, RelDef *def, const AstList *options);

/* ddl_define.c: values of a definition (name = value, ...): as text, as a qualified name, as a number. 42601 without one. */
Status ddl_opt_text(Ddl *d, const DefElem *e, const char **out);
Status ddl_opt_names(Ddl *d, const DefElem *e, const AstList **out);
Status ddl_opt_int(Ddl *d, const DefElem *e, int32_t *out);

/* ddl_object.c: operators, casts, collations and other kinds without a file of their own */
Status ddl_drop_objects(Ddl *d, const DropStmt *s);
Status ddl_run_comment(Ddl *d, const CommentStmt *c);
Status ddl_rename_object(Ddl *d, const RenameStmt *s);
Status ddl_object_schema(Ddl *d, const AlterObjectSchemaStmt *s);
Status ddl_run_owner(Ddl *d, const AlterOwnerStmt *s);

/* ddl_operator.c, ddl_cast.c, ddl_collation.c */
Status ddl_run_create_operator(Ddl *d, const DefineStmt *s);
Status ddl_run_alter_operator(Ddl *d, const AlterOperatorStmt *s);
Status ddl_run_create_opfamily(Ddl *d, const CreateOpFamilyStmt *s);
Status ddl_run_create_opclass(Ddl *d, const CreateOpClassStmt *s);
Status ddl_run_alter_opfamily(Ddl *d, const AlterOpFamilyStmt *s);
Status ddl_run_create_cast(Ddl *d, const CreateCastStmt *s);
Status ddl_run_create_collation(Ddl *d, const DefineStmt *s);

/* ddl_statistics.c */
Status ddl_run_create_statistics(Ddl *d, const CreateStatsStmt *s);
Status ddl_run_alter_statistics(Ddl *d, const AlterStatsStmt *s);
Status ddl_copy_statistics(Ddl *d, const Relation *from, const Relation *to); /* LIKE: those on columns that to has */

/* ddl_schema.c */
Status ddl_rename_schema(Ddl *d, const RenameStmt *s);

/* ddl_aggregate.c */
Status ddl_run_create_aggregate(Ddl *d, const DefineStmt *s);

/* ddl_routine.c: functions and procedures */
static inline bool
ddl_is_routine_kind(AstObjectKind kind)
{
    return kind == AST_OBJECT_FUNCTION || kind == AST_OBJECT_PROCEDURE || kind == AST_OBJECT_ROUTINE || kind == AST_OBJECT_AGGREGATE;
}
/* Schema and name of one to be made. */
Status ddl_routine_target(Ddl *d, const AstList *names, Oid *schema_out, const char **name_out);
/* The one in its schema with its name and arguments, NULL: there is none. */
Status ddl_find_same_routine(Ddl *d, const struct Routine *r, const struct Routine **out);
struct Routine;
Status ddl_run_create_routine(Ddl *d, const CreateFunctionStmt *s);
Status ddl_run_alter_routine(Ddl *d, const AlterFunctionStmt *s);
Status ddl_run_trigger(Ddl *d, const CreateTrigStmt *s);
Status ddl_drop_routines(Ddl *d, const DropStmt *s);
Status ddl_rename_routine(Ddl *d, const RenameStmt *s);
Status ddl_routine_schema(Ddl *d, const AlterObjectSchemaStmt *s);
Status ddl_run_call(Ddl *d, const CallStmt *c);
/* A function by name and argument types, or by name alone. 42883, 42725, 42809; *out NULL with missing_ok, after a NOTICE. */
Status ddl_find_any_routine(Ddl *d, const ObjectWithArgs *o, AstObjectKind kind, const struct Routine **out, Oid *builtin_out);
/* A type by name; with missing_ok *gone_out, after a NOTICE, instead of 42704 or 3F000. */
Status ddl_named_type(Ddl *d, const Ast *name, bool missing_ok, Oid *out, bool *gone_out);
Status ddl_find_routine(Ddl *d, const ObjectWithArgs *o, AstObjectKind kind, bool missing_ok, const struct Routine **out);

/* Runs SQL of our own inside the statement: checks of new constraints. row may be NULL. */
Status ddl_query(Ddl *d, const char *sql, Status (*row)(Stmt *stmt, void *arg), void *arg);
Status ddl_query_any(Ddl *d, const char *sql, bool *any_out); /* does it give a row? */

#endif
