/* catalog_priv.h - the shared map, the overlay of uncommitted changes, and how both are changed. Private to catalog/.
 *
 * CatalogShared, one an instance: every committed object by oid, by name and by parent; built Relations are cached in
 * their slot. Under a read-write latch: shared for lookups, exclusive to publish a commit.
 *
 * Overlay, one a session: what its transaction has changed, by oid and by name, with a log of what each change
 * replaced, so that rolling back to a savepoint undoes the tail of the log. The rows are written once, in tx_commit's
 * before-commit hook: uncommitted DDL never touches the catalog's heap, and however often an
 * object changes in a transaction, one row is written.
 *
 * Life of a change: catalog_put / catalog_remove -> overlay -> (commit) catalog_write_rows -> commit record ->
 * publish -> locks go; or (rollback) undo. */
#ifndef CATALOG_CATALOG_PRIV_H
#define CATALOG_CATALOG_PRIV_H

#include "catalog/catalog.h"
#include "catalog/catobj.h"
#include "common/thread.h"
#include "storage/heap.h"

typedef struct CatSlot {
    CatObj *obj; /* one reference */
    struct CatSlot *next_oid, *next_name;
    struct CatSlot *children, *next_sibling;   /* objects whose parent is this one */
    struct CatSlot *children2, *next_sibling2; /* whose parent2 is this one */
    struct CatSlot *parent_slot, *parent2_slot; /* in whose lists this one is; NULL: in none */
    uint64_t version;            /* of what can be a Relation */
    _Atomic(Relation *) built;   /* one pin; NULL: not asked for since it changed */
} CatSlot;

typedef struct CatalogShared {
    RwLatch latch;
    _Atomic uint64_t generation; /* last version given out */
    CatSlot **by_oid, **by_name; /* chained; nbuckets is a power of two */
    uint32_t nbuckets, nslots;
    Arena *arena;   /* the heap's handle, built-in relations */
    Heap *heap;
    Relation *sys;  /* relations of systables.def, in its order */
    int nsys;
    struct SequenceShared *sequences; /* catalog/sequence.c */
    TypeSet *types;                   /* what type_info knows in this instance */
    _Atomic uint64_t defined_kinds;   /* kinds of Definitions there ever were: a bit a letter */
} CatalogShared;

/* One oid the transaction has changed, or (has_obj false) a relation that something of its changed. */
typedef struct OvEntry {
    Oid oid;
    bool has_obj;
    CatObj *base; /* the committed object when first changed, one reference; NULL: new */
    CatObj *now;  /* with has_obj: the object, one reference; NULL: dropped */
    CatSlot *slot; /* allocated ahead, so that publishing cannot fail; NULL when not needed */
    uint64_t version;      /* of the relation as this transaction sees it */
    uint64_t base_version; /* of the committed relation when built was made */
    Relation *built;       /* one pin */
    struct OvEntry *next_oid, *next_name;
    bool in_names;
} OvEntry;

typedef struct OvUndo {
    OvEntry *entry;
    bool had_obj;
    CatObj *was; /* one reference */
} OvUndo;

enum { OV_BUCKETS = 256 };

typedef struct Overlay {
    Arena *arena; /* entries and log; NULL until the first change */
    OvEntry *by_oid[OV_BUCKETS], *by_name[OV_BUCKETS];
    ARRAY(OvEntry *) entries;
    ARRAY(OvUndo) log;
    int written; /* length of the log when rows were written; -1: not yet */
} Overlay;

/* A temporary table that its transactions' ends empty or drop. */
typedef struct OnCommit {
    Oid rel_oid;
    bool drop;
} OnCommit;

struct Catalog {
    CatalogShared *shared;
    RelPins *pins;
    Overlay ov;
    /* search_path as resolved last */
    char *path_text;
    uint64_t path_generation;
    Oid *path;
    int npath, path_cap;
    bool path_has_pg_catalog; /* named explicitly */
    Oid path_temp; /* the session's temporary schema where the path does not name it: searched first; 0: none */
    bool path_makes_temp; /* pg_temp comes first: new relations are temporary */
    Arena *temp_arena; /* of on_commit */
    ARRAY(OnCommit) on_commit;
    struct SequenceSession *sequences; /* catalog/sequence.c */
    struct TypeCache *type_cache;      /* catalog/usertype.c */
    struct CastCache *cast_cache;      /* catalog/definition.c; NULL: none yet */
    /* catalog_source_use */
    CatalogSource source;
    Relation source_rel; /* oid 0: none is set */
};

enum { OID_SOURCE = 9999 };

/* The casts users made, as this session sees them; NULL: none. */
const struct CastSet *catalog_casts(Ctx *ctx);
void cast_cache_free(struct CastCache *c);

/* The object as this session sees it, with a reference to give back; NULL if there is none. */
CatObj *catalog_get(Ctx *ctx, Oid oid);
/* The object as it was before this transaction changed it, with a reference; NULL: the transaction made it, or did not touch it. */
CatObj *catalog_get_before(Ctx *ctx, Oid oid);
typedef enum NameSpace { NAMES_RELATIONS, NAMES_SCHEMAS, NAMES_TYPES, NAMES_ROUTINES, NAMES_DEFINED } NameSpace;
CatObj *catalog_get_by_name(Ctx *ctx, Oid schema, const char *name, NameSpace space);
/* All objects, or those of a parent (parent2), ascending by oid, with references held by the arena's caller: give them back
 * with catobj_list_release. kind 0: any. */
Status catalog_children(Ctx *ctx, Arena *arena, Oid parent, ObjKind kind, CatObjList *out);
Status catalog_children2(Ctx *ctx, Arena *arena, Oid parent2, ObjKind kind, CatObjList *out);
Status catalog_all(Ctx *ctx, Arena *arena, ObjKind kind, CatObjList *out);
/* Those of a kind and name in a schema: routines, of which several may share a name. */
Status catalog_all_of_name(Ctx *ctx, Arena *arena, Oid schema, const char *name, ObjKind kind, CatObjList *out);

/* Changes, in the running transaction. put takes over the reference, in every case. */
Status catalog_put(Ctx *ctx, CatObj *obj);
Status catalog_remove(Ctx *ctx, Oid oid);
/* Gives the relation a new version though none of its rows changed. */
Status catalog_touch(Ctx *ctx, Oid rel_oid);
uint64_t catalog_next_version(CatalogShared *shared);

/* Makes a Relation with one pin out of its objects. Called with the latch held shared or not at all. */
Status relation_build(Ctx *ctx, const CatObj *obj, uint64_t version, const CatObjList *children,
                      const CatObjList *referencing, const char *schema, Relation **out);
void relation_unpin(Ctx *ctx, Relation *rel); /* NULL is fine; ctx NULL: at the instance's end */
Relation *relation_pin(Relation *rel);

/* Everything stored is told to shared->types; called once, before anybody can look. */
Status usertype_load_all(Ctx *ctx, CatalogShared *shared);
void usertype_cache_free(Catalog *c);

/* A name as regclass reads it. 42P01 unless missing_ok, then INVALID_OID. */
Status catalog_regclass(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, bool missing_ok, Oid *out);
/* Makes catalog->path what search_path says now. */
Status catalog_path_refresh(Ctx *ctx);
/* Drops what sessions of a process that died left behind. Nobody else uses the catalog yet. */
Status catalog_drop_stale_temp(Ctx *ctx);
Status systable_build_relations(Ctx *ctx, CatalogShared *shared);

#endif
