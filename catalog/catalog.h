/* catalog.h - what exists: relations, columns, indexes, constraints, sequences, schemas, statistics.
 *
 * One row of the catalog's own heap describes one object (catalog_store.c); the rows are ordinary MVCC rows, so
 * rollback, savepoints and recovery need nothing of their own. All rows are read once at open into a map in memory
 * shared by the sessions of an instance; a transaction's uncommitted DDL is an overlay of its
 * session, laid over that map. A lookup sees the latest commit plus its own transaction's changes.
 *
 * Relation objects are immutable once they have been handed out. A change makes a new object with a new version;
 * old ones live as long as somebody has them pinned. Versions are unique in a process run and never come back, so
 * equal (oid, version) means equal in everything. What changes a relation's version: any DDL on it, on its
 * indexes and constraints, foreign keys that point at it, and ANALYZE.
 *
 * How a plan stays right: it lists (oid, version). Before each run the session locks the relations and then
 * compares; DDL holds ACCESS EXCLUSIVE until its commit is published, so after locking nothing can
 * change. catalog_generation() changes whenever anything does: while it stands still no comparison is needed.
 *
 * Pins: catalog_relation*() pins what it returns into the context's current RelPins (catalog_pins_use), which the
 * session makes a statement's; binder, planner and executor release nothing.
 *
 * Threads: the shared map is behind a read-write latch that is held for a lookup only. Relations may be read
 * by any thread as long as somebody's pin holds.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "types/type.h"

typedef struct Catalog Catalog;   /* a session's view of its instance; ctx->catalog */
typedef struct Relation Relation;
typedef struct IndexDef IndexDef;
typedef struct RelConstraint RelConstraint;
typedef struct PartitionDesc PartitionDesc; /* catalog/partition.h */
typedef struct SysTable SysTable; /* catalog/systable.h: a row of systables.def */
struct Heap;                      /* storage/heap.h */
struct Index;                     /* storage/index.h */

#define OID_PG_CATALOG 11u
#define OID_PUBLIC 2200u
#define OID_INFORMATION_SCHEMA 13000u
#define OID_BOOTSTRAP_ROLE 10u  /* the only role there is */
#define OID_FIRST_USER 16384u   /* smaller ones are rows of .def tables */
#define CATALOG_MAX_COLUMNS 1600
#define CATALOG_NAME_MAX 63     /* bytes; the parser has cut longer names already */
#define CATALOG_ROLE_NAME "postgres"

/* PostgreSQL's letters (pg_class.relkind). */
#define RELKIND_TABLE 'r'
#define RELKIND_INDEX 'i'
#define RELKIND_VIEW 'v'
#define RELKIND_SEQUENCE 'S'
#define RELKIND_COMPOSITE 'c'
#define RELKIND_MATVIEW 'm'           /* a view whose rows are kept: a heap beside view_sql */
#define RELKIND_PARTITIONED 'p'       /* a table whose rows are in its partitions: no heap */
#define RELKIND_PARTITIONED_INDEX 'I' /* its index: stands for those of the partitions, has no storage */

/* Statistics of one column as ANALYZE left them; the meaning of each field is pg_stats'. Values have the
 * column's type and any form of it. */
typedef struct ColumnStats {
    double null_frac;
    double avg_width;   /* bytes, of those not null */
    double n_distinct;  /* > 0: a count; < 0: minus the fraction of rows; 0: unknown */
    double correlation; /* -1 .. 1, of value order with physical order; NAN: unknown */
    int nmcv;
    const Value *mcv;   /* most common first */
    const float *mcv_freq; /* fraction of all rows, NULLs included */
    int nhist;             /* 0, or at least 2 */
    const Value *hist;     /* bounds of equally filled buckets over what is neither NULL nor in mcv, ascending */
} ColumnStats;

typedef struct Column {
    int attnum;       /* 1-based: position in Relation.cols plus 1 */
    const char *name; /* dropped ones: "........pg.dropped.N........" */
    Oid type;         /* of a dropped column too, for the layout */
    int32_t typmod;
    Oid collation;  /* 0 for types without */
    bool not_null;  /* declared, or by the primary key, or by identity */
    bool dropped;
    char identity;  /* 0; 'a' GENERATED ALWAYS, 'd' BY DEFAULT AS IDENTITY */
    char generated; /* 0; 's' GENERATED ALWAYS AS (default_sql) STORED */
    /* SQL text of the default expression without DEFAULT, NULL if there is none; of identity columns too
     * (nextval). Relations in it are given by oid ('16390'::regclass), so that renaming them changes nothing. Bind it as
     * an expression without columns (generated: over this relation's columns), coerced to the column by assignment. */
    const char *default_sql;
    const ColumnStats *stats; /* NULL: not analysed */
    bool inherited_only; /* not declared here, parents have it: pg_attribute.attislocal is false */
    int inh_count;       /* parents that have it */
} Column;

struct IndexDef {
    Oid oid;
    const char *name;
    Oid rel_oid;
    int nkeys;            /* key columns come first, */
    int ncols;            /* then those of INCLUDE */
    const int *attnums;   /* [ncols]; 0: an expression */
    const char *const *names; /* [ncols] of its own columns, as pg_attribute has them */
    const char *const *exprs; /* [ncols] SQL text over the relation's columns where attnums[i] is 0, else NULL */
    int nuses;            /* attributes that expressions and the predicate read */
    const int *uses;
    int nneeds;           /* users' functions that these call */
    const Oid *needs;
    const Oid *types;     /* [ncols] */
    const int32_t *typmods;
    const Oid *collations;
    const Oid *opclasses; /* [nkeys] rows of opclasses.def; 0: the type's default */
    const bool *desc, *nulls_first; /* [nkeys] */
    bool unique, primary;
    bool deferrable; /* unique, but within a transaction duplicates may stand: no proof of anything */
    bool nulls_not_distinct;
    bool valid; /* false: being built; kept up to date by writers, not used by readers */
    const char *method;     /* "btree" */
    const char *predicate;  /* SQL text over the relation's columns; NULL: all rows */
    Oid constraint_oid;     /* the PRIMARY KEY or UNIQUE constraint it enforces, else 0 */
    bool partitioned;       /* of a partitioned table: no storage, index is NULL */
    Oid parent_index;       /* of a partition: the partitioned index it stands for; else 0 */
    uint32_t root_page;
    struct Index *index;    /* open handle, lives as long as the Relation */
    double tuples, pages;   /* as of the last ANALYZE, VACUUM or build; -1 unknown */
    const char *options;    /* storage parameters (reloptions.h); NULL: none */
    const ColumnStats *const *stats; /* [ncols] of expressions; NULL: not analysed */
};

/* Every row is in it, and its columns are the table's: nothing has to be computed. */
static inline bool
index_is_plain(const IndexDef *ix)
{
    for (int k = 0; k < ix->nkeys; k++)
        if (ix->attnums[k] == 0) return false;
    return ix->predicate == NULL;
}

#define CONSTRAINT_CHECK 'c'
#define CONSTRAINT_PRIMARY 'p'
#define CONSTRAINT_UNIQUE 'u'
#define CONSTRAINT_FOREIGN 'f'
#define FK_NO_ACTION 'a'
#define FK_RESTRICT 'r'
#define FK_CASCADE 'c'
#define FK_SET_NULL 'n'
#define FK_SET_DEFAULT 'd'

struct RelConstraint {
    Oid oid;
    const char *name;
    char kind;    /* CONSTRAINT_ */
    Oid rel_oid;  /* the table it belongs to; foreign key: the referencing one */
    bool deferrable, initially_deferred;
    bool validated, no_inherit;
    bool inherited_only;    /* conislocal is false */
    int inh_count;
    Oid parent_constraint;  /* of a partition: the partitioned table's it stands for; else 0 */
    int nkeys;              /* check: the columns it mentions */
    const int *attnums;     /* of rel_oid */
    const char *check_sql;  /* SQL text over the relation's columns */
    Oid index_oid;          /* primary, unique: the index; foreign: the referenced table's unique index */
    /* foreign keys */
    Oid ref_rel_oid;
    const int *ref_attnums; /* [nkeys] of ref_rel_oid, pairwise with attnums */
    char on_update, on_delete; /* FK_ */
    char match;                /* 's' simple, 'f' full */
    int nset;                  /* SET NULL/DEFAULT (columns): those; 0: all keys */
    const int *set_attnums;
};

/* How a partitioned table's rows find their partition. */
typedef struct PartitionKey {
    char strategy; /* PARTITION_ */
    int nkeys;
    const int *attnums;       /* 0: an expression */
    const char *const *exprs; /* [nkeys] SQL text over the relation's columns where attnums[i] is 0, else NULL */
    const Oid *types;
    const int32_t *typmods;
    const Oid *collations;
} PartitionKey;
#define PARTITION_LIST 'l'
#define PARTITION_RANGE 'r'
#define PARTITION_HASH 'h'
#define PARTITION_DEFAULT 'd' /* PartitionBound.kind alone */

/* FOR VALUES of one partition. Values have the key columns' types. */
typedef struct PartitionBound {
    char kind; /* PARTITION_ */
    int modulus, remainder;
    int nvalues;          /* list: of them; range: 2 * nkeys, the lower bound's, then the upper's */
    const Value *values;
    const int8_t *infinite; /* range: -1 MINVALUE, 1 MAXVALUE, 0: the value */
} PartitionBound;

/* One row of pg_inherits: a parent and a child. Belongs to both relations. */
typedef struct InheritLink {
    Oid oid, parent_oid, child_oid;
    int seq;                     /* among the child's parents, from 1 */
    const PartitionBound *bound; /* the child is a partition; NULL: ordinary inheritance */
    uint64_t detach_xid;         /* DETACH CONCURRENTLY began in that transaction and is not through; 0: it did not */
} InheritLink;

/* What CREATE SEQUENCE said. The counter itself is in catalog/sequence.h: nextval is no DDL. */
typedef struct SeqDef {
    Oid type; /* int2, int4, int8 */
    int64_t start, increment, min, max, cache;
    bool cycle;
    Oid owner_oid; /* OWNED BY: dropped with that column; 0: nobody's */
    int owner_attnum;
    bool is_identity;
    uint32_t slot; /* of its counter */
} SeqDef;

struct Relation {
    Oid oid;
    uint64_t version;
    const char *name;
    Oid schema_oid;
    const char *schema;
    Oid parent_oid;  /* RELKIND_INDEX: its table */
    char kind;       /* RELKIND_ */
    char persistence; /* 'p'; 't' temporary */
    int ncols;       /* dropped ones included */
    const Column *cols;
    int nindexes;
    const IndexDef *const *indexes; /* by oid: in the order they were made */
    int nconstraints;
    const RelConstraint *const *constraints; /* by oid; checks are evaluated in order of name */
    int nreferenced_by;
    const RelConstraint *const *referenced_by; /* foreign keys that point here */
    const IndexDef *primary;                   /* NULL: none */
    int nparents, nchildren;
    const InheritLink *const *parents;  /* by seq */
    const InheritLink *const *children; /* by the child's oid */
    Oid of_type;                        /* CREATE TABLE ... OF: the composite type; else 0 */
    const PartitionKey *partition_key;  /* RELKIND_PARTITIONED */
    const PartitionDesc *partitions;    /* the same; without those that are being detached */
    const PartitionDesc *all_partitions; /* and with them: the same object where there are none */
    /* tables */
    uint32_t root_page;  /* changes when TRUNCATE or a rewrite gives it a new heap */
    struct Heap *heap;   /* open handle, lives as long as this object; NULL for what has none */
    double tuples, pages, visible_pages; /* as of the last ANALYZE, VACUUM or index build; -1: never */
    const char *options;  /* storage parameters (reloptions.h); NULL: none */
    Oid clustered_oid;    /* the index CLUSTER takes when none is named; 0: none */
    /* views */
    const char *view_sql; /* the SELECT; column names are cols[].name. Bind it with search_path as stored here: */
    const char *view_path; /* search_path at CREATE VIEW */
    char view_check; /* WITH CHECK OPTION: 'l' LOCAL, 'c' CASCADED, 0 none */
    bool unpopulated; /* a materialized view WITH NO DATA */
    /* pg_catalog and information_schema */
    const SysTable *systable; /* rows are made by catalog_scan_*; NULL: an ordinary relation */
    const SeqDef *sequence; /* kind RELKIND_SEQUENCE */
    const char *comment;
    Arena *arena;        /* all of the above but the handles */
    _Atomic int pins;
};

/* Gives ctx its catalog; the first session of an instance reads it from the file (or makes it, in a new one). No
 * transaction may be running. Detach before db_close. */
Status catalog_attach(Ctx *ctx);
void catalog_detach(Ctx *ctx); /* without one: nothing */
/* The heap of the catalog's own objects, for VACUUM, and its root. */
struct Heap *catalog_heap(Ctx *ctx, uint32_t *root_page_out);

/* Makes type_info answer for this session's database in this thread. */
void catalog_use_types(Ctx *ctx);

/* Pins of one statement or plan. Zero-initialised is empty; heap blocks, freed by relpins_release. */
typedef struct RelPins {
    Relation **items;
    int count, cap;
} RelPins;
/* Makes pins the place where lookups of this session pin; returns the one before. NULL is not allowed while
 * something looks up. */
RelPins *catalog_pins_use(Ctx *ctx, RelPins *pins);
void relpins_release(Ctx *ctx, RelPins *pins);

/* Lookups. schema NULL: along search_path (pg_catalog first unless named). *out is NULL when there is none, which is
 * no error; the _required form raises 42P01 `relation "x" does not exist` at byte position loc (0: none). */
Status catalog_relation(Ctx *ctx, const char *schema, const char *name, const Relation **out);
Status catalog_relation_required(Ctx *ctx, const char *schema, const char *name, int loc,
                                 const Relation **out);
Status catalog_relation_by_oid(Ctx *ctx, Oid oid, const Relation **out);
/* 0 when the relation is gone. */
uint64_t catalog_relation_version(Ctx *ctx, Oid oid);
/* Differs from every earlier value after any change that this session could see. One load; call it after locking. */
uint64_t catalog_generation(Ctx *ctx);

/* RELKIND_TABLE and RELKIND_INDEX for partitioned ones too. */
static inline char
relation_base_kind(const Relation *rel)
{
    return rel->kind == RELKIND_PARTITIONED ? RELKIND_TABLE : rel->kind == RELKIND_PARTITIONED_INDEX ? RELKIND_INDEX : rel->kind;
}
/* It has a heap of its own. */
static inline bool
relation_has_heap(char kind)
{
    return kind == RELKIND_TABLE || kind == RELKIND_MATVIEW;
}
/* Column of a name; NULL if there is none (dropped ones have no name). System columns are not in here. */
const Column *relation_column(const Relation *rel, const char *name);
const IndexDef *relation_index_by_oid(const Relation *rel, Oid oid);
const RelConstraint *relation_constraint(const Relation *rel, const char *name);
/* The FOR VALUES of a relation that is a partition; NULL if it is none. */
const PartitionBound *relation_bound(const Relation *rel);

/* The name the database goes by, in the arena. */
Status catalog_database_name(Ctx *ctx, Arena *arena, const char **out);
/* Schemas: INVALID_OID if there is none; the name of an oid or NULL, valid for the statement. */
Oid catalog_schema_oid(Ctx *ctx, const char *name);
const char *catalog_schema_name(Ctx *ctx, Oid oid);
/* The schemas of search_path that exist, pg_catalog where it is implied included when implicit is set. */
Status catalog_search_path(Ctx *ctx, Arena *arena, bool implicit, Oid **schemas_out, int *n_out);
/* Where CREATE puts an object without a schema: 3F000 `no schema has been selected to create in`. */
Status catalog_creation_schema(Ctx *ctx, Oid *schema_out);
/* The session's schema of temporary objects; INVALID_OID before it has any. */
Oid catalog_temp_schema(Ctx *ctx);
/* Whether a schema is some session's temporary one; *ours_out (or NULL): this session's. */
bool catalog_is_temp_schema(Ctx *ctx, Oid schema, bool *ours_out);
/* A temporary relation of another session: its rows are that session's alone, even where it inherits from a table of all. */
bool catalog_is_other_temp(Ctx *ctx, const Relation *rel);
/* Whether the relation is found by its bare name. */
bool catalog_relation_is_visible(Ctx *ctx, Oid oid);

/* What currval and lastval remember: DISCARD SEQUENCES. */
void catalog_forget_sequences(Ctx *ctx);

/* ---- types ----
 *
 * What the database adds to types.def: enums, domains and ranges are objects of their own, whose array types have the next oid; a
 * table, view or composite type has a row type (its oid + 1) and an array over that (+ 2), found by the relation's name. What
 * is looked up here is known to type_info from then on. */
typedef struct EnumLabel {
    Oid oid;     /* of its row in pg_enum */
    float sort;  /* pg_enum.enumsortorder */
    int64_t key; /* what a value of the type holds: ordered as the labels are, and never changed */
    const char *name;
} EnumLabel;

typedef struct UserType {
    Oid oid;
    uint64_t version;
    const char *name, *schema;
    Oid schema_oid;
    char kind; /* TYPTYPE_ENUM, _DOMAIN, _RANGE, _MULTIRANGE */
    int nlabels;
    const EnumLabel *labels; /* ascending */
    Oid base;                /* domain: what it is over, perhaps a domain; range: subtype; multirange: range */
    int32_t typmod;          /* of base */
    Oid collation;
    bool not_null;
    const char *default_sql;
    int nconstraints;
    const RelConstraint *const *constraints; /* CHECKs over VALUE, by name */
    Oid subdiff, canonical;
    const char *comment;
    Arena *arena;
} UserType;

/* Types by schema and typname ("int4", "_text" for arrays); schema NULL: along the path. INVALID_OID if there is none. */
Oid catalog_type_by_name(Ctx *ctx, const char *schema, const char *name);
/* *out NULL: it is none of the kinds above. Valid to the end of the statement. */
Status catalog_user_type(Ctx *ctx, Oid oid, const UserType **out);
/* Makes type_info know the type and what it is made of; nothing for oids that are no type. */
Status catalog_type_load(Ctx *ctx, Oid oid);
/* The relation whose rows have this type, INVALID_OID if it is no composite; and the type of a relation's rows. */
Oid catalog_type_relation(Ctx *ctx, Oid type);
Oid catalog_row_type(const Relation *rel); /* INVALID_OID: it has none */
bool catalog_type_is_visible(Ctx *ctx, Oid oid);
/* Objects of the stored kinds, ascending by oid, in the arena. */
Status catalog_all_user_types(Ctx *ctx, Arena *arena, const UserType *const **out, int *n_out);

/* Rows of a catalog relation (rel->systable). cols: attribute positions wanted, 0-based; the batch has ncols columns in that
 * order and is valid until the next call; *out NULL at the end. The rows are those of the moment of
 * catalog_scan_open. Memory is the arena's; there is nothing to close. */
typedef struct CatalogScan CatalogScan;
struct Batch;
Status catalog_scan_open(Ctx *ctx, Arena *arena, const Relation *rel, const int *cols, int ncols,
                         CatalogScan **scan_out);
Status catalog_scan_next(Ctx *ctx, CatalogScan *scan, struct Batch **out);
Status catalog_scan_rewind(Ctx *ctx, CatalogScan *scan); /* the same rows again */

/* A relation that exists for one statement of this session, its rows handed in batch by batch: what COPY and the appender insert
 * from. It is found as pg_catalog."*source*" while it is set, and cannot be rewound. next's batches have all the
 * relation's columns and live until its next call; *out NULL at the end. The caller keeps the struct; NULL: none. */
typedef struct CatalogSource {
    const char *name;
    int ncols;
    const Column *cols;
    Status (*next)(Ctx *ctx, void *arg, struct Batch **out);
    void *arg;
} CatalogSource;
#define CATALOG_SOURCE_NAME "*source*"
Status catalog_source_use(Ctx *ctx, const CatalogSource *source);

#endif
