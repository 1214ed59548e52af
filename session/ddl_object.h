/* ddl_object.h - objects of any kind by name. Private to session/. */
#ifndef SESSION_DDL_OBJECT_H
#define SESSION_DDL_OBJECT_H

#include "catalog/collation.h"
#include "catalog/definition.h"
#include "session/ddl.h"

/* An object found by name; oid 0: there is none, which has been said. Built-in ones have no def. */
typedef struct ObjectRef {
    ObjKind kind;
    Oid oid, class_oid; /* class_oid: CLASS_, the catalog it is a row of */
    const Definition *def;
} ObjectRef;

/* Kinds without a file of their own: operators, casts, collations, ... object: as DROP has it. 42704, 42883, 3F000; with missing_ok a NOTICE. */
Status ddl_find_object(Ddl *d, AstObjectKind kind, const Ast *object, bool missing_ok, ObjectRef *out);
/* "operator class": for messages. */
const char *ddl_object_word(AstObjectKind kind);

#endif
