/* usertypes.h - what type.c asks of usertypes.c. */
#ifndef TYPES_USERTYPES_H
#define TYPES_USERTYPES_H

#include "types/type.h"

enum { TYPE_FIRST_MADE = 16384 }; /* smaller oids are rows of types.def */

/* In the thread's set; NULL if it is not there. */
const TypeInfo *type_set_find(Oid oid);

#endif
