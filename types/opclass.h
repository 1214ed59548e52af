/* opclass.h - operator classes: which types an access method takes, and under which names. */
#ifndef TYPES_OPCLASS_H
#define TYPES_OPCLASS_H

#include "types/type.h"

#define AM_OID_BTREE 403u
#define AM_OID_HASH 405u
#define AM_OID_GIN 2742u

typedef struct OpClass {
    Oid oid;
    const char *name;
    Oid method; /* AM_OID_ */
    Oid family;
    const char *family_name;
    Oid type; /* also ANYARRAY and its like */
    bool is_default;
} OpClass;

extern const OpClass opclasses[];
extern const int opclass_count;

const OpClass *opclass_by_oid(Oid oid);                       /* NULL: none */
const OpClass *opclass_find(Oid method, const char *name);    /* NULL: none */
const OpClass *opclass_default(Oid method, Oid type);         /* NULL: the type has none */
bool opclass_takes(const OpClass *c, Oid type);
/* Whether an index of the class finds the rows for which column op value holds; classes with rows in familyops.def. */
bool opclass_answers(const OpClass *c, Oid op);

#endif
