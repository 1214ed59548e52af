/* catobj.h - catalog objects as they are stored: one row of the catalog's heap each. Private to catalog/.
 *
 * A CatObj is a row in memory: the columns that lookups and dependencies need, and the body, which is everything else in
 * the form of the writers below. Bodies start with a version byte, so that fields can be added at their end.
 * CatObjs are immutable and counted. The *Def structs are bodies unpacked for reading or changing, in an arena.
 */
#ifndef CATALOG_CATOBJ_H
#define CATALOG_CATOBJ_H

#include "catalog/catalog.h"
#include "common/array.h"
#include <stdatomic.h>

/* What a row describes (column kind of the catalog's heap); never renumbered. */
typedef enum ObjKind {
    OBJ_SCHEMA = 1,
    OBJ_RELATION = 2,   /* tables, views, sequences */
    OBJ_INDEX = 3,      /* parent: its table */
    OBJ_CONSTRAINT = 4, /* parent: its table; parent2: the referenced table of a foreign key */
    OBJ_STATS = 5,      /* parent: its table; what ANALYZE found */
    OBJ_INHERIT = 6,    /* parent: the parent table; parent2: the child */
    OBJ_TYPE = 7,       /* enums, domains, ranges; multiranges, whose parent is their range. Its array type has the next oid */
    OBJ_DEFINED = 11,   /* operators, casts, collations, ...: see definition.h; several may share a name */
    OBJ_ROUTINE = 10,   /* functions and procedures; several may share a name */
} ObjKind;

/* "column attnum of this object (0: all of it) needs column ref_attnum (0: all) of object ref". For views, and for
 * defaults that name sequences. What an index or constraint needs of its table is in its own fields. */
typedef struct ObjDep {
    int attnum;
    Oid ref;
    int ref_attnum;
} ObjDep;

typedef struct CatObj {
    Oid oid;
    ObjKind kind;
    char relkind; /* OBJ_RELATION: RELKIND_; OBJ_INDEX: RELKIND_INDEX; OBJ_CONSTRAINT: CONSTRAINT_; OBJ_TYPE: TYPTYPE_;
                  * OBJ_DEFINED: DEF_; else 0 */
    Oid schema;   /* OBJ_RELATION, OBJ_INDEX, OBJ_TYPE */
    Oid parent, parent2;
    const char *name;
    int ndeps;
    const ObjDep *deps;
    const uint8_t *body;
    uint32_t body_bytes;
    int64_t tid; /* of its row; 0 while none is written. Set by the session that owns the object's overlay entry. */
    _Atomic int refs;
} CatObj;

typedef struct CatObjList {
    CatObj **items;
    int count, cap;
} CatObjList;
void catobj_list_release(CatObjList *list); /* the references it holds */

void catobj_ref(CatObj *o);
void catobj_unref(CatObj *o); /* NULL is fine */

/* A column as stored: what the Column says, and since which layout it is there. */
typedef struct ColDef {
    Column col;         /* stats unused */
    int added_layout;   /* first layout that has it */
    int dropped_layout; /* first layout without it, 0: none */
    Value missing;      /* what rows of older layouts show; is_null: NULL */
    const char *comment;
} ColDef;

typedef struct RelDef {
    Oid oid, schema_oid;
    const char *name;
    char kind, persistence;
    uint32_t root_page;
    uint64_t root_lsn;    /* its pages are younger than that: for recovery of damaged files */
    uint64_t edited_lsn;  /* not stored: when work on the definition began, and what root_page was then */
    uint32_t edited_root;
    int ncols;
    ColDef *cols;
    int layout; /* the current one's id, from 1 */
    const char *view_sql, *view_path;
    char view_check;
    bool unpopulated;
    const char *comment;
    const char *options; /* catalog/reloptions.h */
    Oid clustered_oid;
    SeqDef *sequence;
    PartitionKey *partition_key;
    Oid of_type;
    int ndeps;
    ObjDep *deps;
} RelDef;

/* A type as stored. Its CHECK constraints, if it is a domain, are OBJ_CONSTRAINT with it as parent. */
typedef struct TypeDef {
    Oid oid, schema_oid;
    const char *name;
    char kind; /* TYPTYPE_ENUM, _DOMAIN, _RANGE, _MULTIRANGE; TYPTYPE_PSEUDO: a shell, only its name is taken */
    int nlabels;
    EnumLabel *labels; /* ascending by key */
    Oid base;          /* domain: what it is over, perhaps a domain; range: subtype; multirange: its range */
    int32_t typmod;
    Oid collation;
    bool not_null;
    const char *default_sql;
    Oid subdiff, canonical; /* range: functions, 0: none */
    const char *comment;
    int ndeps;
    ObjDep *deps;
} TypeDef;

typedef struct StatsDef {
    Oid oid, rel_oid;
    double tuples, pages, visible_pages; /* -1: not known */
    int ncols; /* entries in cols, by attnum - 1 */
    ColumnStats **cols; /* NULL: none */
    int nindexes;
    struct StatsIndex {
        Oid oid;
        double tuples, pages;
        int ncols; /* of the index, where it has expressions; else 0 */
        ColumnStats **cols; /* of expressions; NULL: none */
    } *indexes;
} StatsDef;

/* Packing: a new CatObj with one reference, tid 0. 53200. */
Status catobj_from_schema(Ctx *ctx, Oid oid, const char *name, CatObj **out);
Status catobj_from_relation(Ctx *ctx, const RelDef *def, CatObj **out);
Status catobj_from_index(Ctx *ctx, const IndexDef *def, Oid schema_oid, CatObj **out);
Status catobj_from_constraint(Ctx *ctx, const RelConstraint *def, CatObj **out);
Status catobj_from_inherit(Ctx *ctx, const InheritLink *def, CatObj **out);
Status catobj_from_stats(Ctx *ctx, const StatsDef *def, CatObj **out);
struct Routine;
Status catobj_from_routine(Ctx *ctx, const struct Routine *r, CatObj **out);
Status catobj_from_type(Ctx *ctx, const TypeDef *def, CatObj **out);
/* From a row of the heap. XX001 for a body that cannot be. */
Status catobj_from_row(Ctx *ctx, Oid oid, ObjKind kind, Oid parent, Oid parent2, Oid schema, const char *name,
                       size_t name_bytes, const uint8_t *body, size_t body_bytes, int64_t tid,
                       CatObj **out);
/* Unpacking; everything is copied to the arena. XX001, 53200. */
Status catobj_to_relation(Ctx *ctx, Arena *arena, const CatObj *o, RelDef **out);
Status catobj_to_index(Ctx *ctx, Arena *arena, const CatObj *o, IndexDef **out); /* handle and sizes unset */
Status catobj_to_constraint(Ctx *ctx, Arena *arena, const CatObj *o, RelConstraint **out);
Status catobj_to_inherit(Ctx *ctx, Arena *arena, const CatObj *o, InheritLink **out);
Status catobj_to_stats(Ctx *ctx, Arena *arena, const CatObj *o, StatsDef **out);
Status catobj_to_routine(Ctx *ctx, Arena *arena, const CatObj *o, struct Routine **out); /* as stored: see routine_finish */
Status catobj_to_type(Ctx *ctx, Arena *arena, const CatObj *o, TypeDef **out);

#endif
