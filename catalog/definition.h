/* definition.h - objects that are a name and what it stands for: operators, casts, collations, operator classes and families,
 * extended statistics, and comments on what has no place for one.
 *
 * They share one stored form, a Definition: some numbers (mostly oids) and some texts, whose meaning depends on the kind and is listed
 * here. Several of a kind may have one name (operators). Definitions are unpacked into an arena and never change.
 */
#ifndef CATALOG_DEFINITION_H
#define CATALOG_DEFINITION_H

#include "catalog/catobj.h"
#include "types/function.h"

/* Definition.kind */
#define DEF_OPERATOR 'o'
#define DEF_CAST 'a'      /* no schema; its name is that of def_cast_name */
#define DEF_COLLATION 'c'
#define DEF_OPFAMILY 'f'
#define DEF_OPCLASS 'k'
#define DEF_STATISTICS 's' /* parent: its table */
#define DEF_COMMENT 'C'    /* no schema; its name is made of what it is about */

/* Which number is what. */
enum { OPR_LEFT, OPR_RIGHT, OPR_RESULT, OPR_FUNCTION, OPR_COMMUTATOR, OPR_NEGATOR, OPR_RESTRICT, OPR_JOIN, OPR_HASHES, OPR_MERGES, OPR_COUNT };
enum { CST_SOURCE, CST_TARGET, CST_FUNCTION, CST_CONTEXT, CST_METHOD, CST_COUNT };
enum { COL_PROVIDER, COL_DETERMINISTIC, COL_BASE, COL_COUNT };      /* base: the built-in collation it orders like */
enum { COL_COLLATE, COL_CTYPE, COL_LOCALE, COL_NTEXTS };            /* texts of a collation */
enum { OPF_METHOD, OPF_COUNT };                                     /* then its members */
enum { OPC_METHOD, OPC_FAMILY, OPC_TYPE, OPC_STORAGE, OPC_DEFAULT, OPC_COUNT };
enum { MEMBER_KIND, MEMBER_NUMBER, MEMBER_LEFT, MEMBER_RIGHT, MEMBER_OID, MEMBER_CLASS, MEMBER_COUNT }; /* kind 1 operator, 2 function */
enum { STX_TARGET, STX_COUNT };                                     /* then the columns' attnums */
enum { STX_KINDS, STX_NTEXTS };                                     /* then the expressions */
enum { CMT_CLASS, CMT_OBJECT, CMT_SUBID, CMT_COUNT };

/* Oids of catalogs that objects are rows of (pg_description.classoid, pg_depend.classid). */
enum { CLASS_CLASS = 1259, CLASS_PROC = 1255, CLASS_TYPE = 1247, CLASS_NAMESPACE = 2615, CLASS_CONSTRAINT = 2606, CLASS_OPERATOR = 2617,
       CLASS_OPCLASS = 2616, CLASS_OPFAMILY = 2753, CLASS_CAST = 2605, CLASS_COLLATION = 3456, CLASS_STATISTICS = 3381,
       CLASS_LANGUAGE = 2612, CLASS_AM = 2601, CLASS_DATABASE = 1262, CLASS_AUTHID = 1260 };

typedef struct Definition {
    Oid oid, schema_oid, parent;
    uint64_t version;
    char kind; /* DEF_ */
    const char *name;
    int nnums;
    const int64_t *nums;
    int ntexts;
    const char *const *texts; /* NULL items: none */
    int ndeps;
    const ObjDep *deps;
} Definition;

Status catobj_from_definition(Ctx *ctx, const Definition *d, CatObj **out);
Status catobj_to_definition(Ctx *ctx, Arena *arena, const CatObj *o, Definition **out);

/* Those of a kind with a name in a schema, ascending by oid. */
Status catalog_definitions(Ctx *ctx, Arena *arena, Oid schema, const char *name, char kind, const Definition ***out, int *n_out);
Status catalog_all_definitions(Ctx *ctx, Arena *arena, char kind, const Definition ***out, int *n_out);
/* Those whose parent an object is. */
Status catalog_definitions_under(Ctx *ctx, Arena *arena, Oid parent, char kind, const Definition ***out, int *n_out);
Status catalog_definition(Ctx *ctx, Arena *arena, Oid oid, const Definition **out); /* *out NULL: there is none */
/* Whether the database may have any of a kind: while it has none, nothing need be looked up. */
bool catalog_has_definitions(Ctx *ctx, char kind);
Status ddl_put_definition(Ctx *ctx, Definition *d); /* a new oid if it has none */

/* The comment on an object, NULL if there is none; and setting it, NULL takes it away. */
Status catalog_comment(Ctx *ctx, Arena *arena, Oid class_oid, Oid oid, int subid, const char **out);
Status ddl_put_comment(Ctx *ctx, Oid class_oid, Oid oid, int subid, const char *text);

/* PostgreSQL's access methods for indexes, whether or not there are such indexes here; 0 for other names. */
Oid def_method_oid(const char *name);
const char *def_method_name(Oid oid);
Oid def_class(char kind); /* the catalog that definitions of a kind are rows of */
Status def_cast_name(Ctx *ctx, Arena *arena, Oid source, Oid target, const char **out);
/* An operator as resolution sees it; its commutator and negator are left out where they are no built-in ones. */
Status def_operator(Ctx *ctx, Arena *arena, const Definition *d, const Operator **out);
/* "operator ===(integer,integer)", "collation c", as PostgreSQL describes them. */
Status def_describe(Ctx *ctx, Arena *arena, const Definition *d, const char **out);

#endif
