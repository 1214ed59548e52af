/* opclass.c - see opclass.h. */
#include "types/opclass.h"
#include <string.h>

const OpClass opclasses[] = {
#define OPCLASS(oid, name, method, family, family_name, type, is_default)                          \
    {oid, name, AM_OID_##method, family, family_name, TYPE_##type, is_default},
#include "types/opclasses.def"
#undef OPCLASS
};
const int opclass_count = sizeof(opclasses) / sizeof(opclasses[0]);

const OpClass *
opclass_by_oid(Oid oid)
{
    for (int i = 0; i < opclass_count; i++)
        if (opclasses[i].oid == oid) return &opclasses[i];
    return NULL;
}

const OpClass *
opclass_find(Oid method, const char *name)
{
    for (int i = 0; i < opclass_count; i++)
        if (opclasses[i].method == method && strcmp(opclasses[i].name, name) == 0) return &opclasses[i];
    return NULL;
}

/* What stands for values of the type in the table. */
static bool
is_kind_of(Oid type, Oid pseudo)
{
    const TypeInfo *t = type_info(type);
    if (t == NULL) return false;
    switch (pseudo) {
    case TYPE_ANYARRAY: return t->category == TYPCAT_ARRAY;
    case TYPE_ANYENUM: return type_kind(type) == TYPTYPE_ENUM;
    case TYPE_ANYRANGE: return type_kind(type) == TYPTYPE_RANGE;
    case TYPE_ANYMULTIRANGE: return type_kind(type) == TYPTYPE_MULTIRANGE;
    case TYPE_RECORD: return type_is_row(type);
    case TYPE_TEXT: return type == TYPE_VARCHAR;
    case TYPE_BPCHAR: return type == TYPE_TEXT || type == TYPE_VARCHAR; /* the same bytes */
    case TYPE_INET: return type == TYPE_CIDR;
    default: return false;
    }
}

bool
opclass_takes(const OpClass *c, Oid type)
{
    type = type_base(type);
    return c->type == type || is_kind_of(type, c->type);
}

const OpClass *
opclass_default(Oid method, Oid type)
{
    const OpClass *found = NULL;
    type = type_base(type);
    for (int i = 0; i < opclass_count; i++) {
        const OpClass *c = &opclasses[i];
        if (c->method != method || !c->is_default) continue;
        if (c->type == type) return c;
        if (is_kind_of(type, c->type)) found = c;
    }
    return found;
}

bool
opclass_answers(const OpClass *c, Oid op)
{
    static const struct { Oid family, op; } rows[] = {
#define FAMILYOP(family, strategy, op) {family, op},
#include "types/familyops.def"
#undef FAMILYOP
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].family == c->family && rows[i].op == op) return true;
    return false;
}
