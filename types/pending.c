/* pending.c - types whose own file is still to come: their in and out functions say so (0A000). A file
 * that brings a type takes its lines out here; the linker complains if it forgets. */
#include "types/type_io.h"
#include <assert.h>

#define IN(in_fn)                                                                                 \
    Status in_fn(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, \
                Value *out)                                                                        \
    {                                                                                              \
        (void)arena, (void)text, (void)nbytes, (void)typmod, (void)out;                            \
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "type %s is not supported yet",               \
                     type_info(type)->name);                                                       \
    }
#define OUT(out_fn)                                                                                \
    Status out_fn(Ctx *ctx, StrBuf *b, const Value *value)                                           \
    {                                                                                              \
        (void)b;                                                                                   \
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "type %s is not supported yet",               \
                     type_info(value->type)->name);                                                \
    }
/* No value of the type can come to be, so none is compared or hashed. */
#define CMP(name)                                                                                  \
    int name(const Value *a, const Value *b)                                                       \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        assert(!"compare of a type without values");                                               \
        return 0;                                                                                  \
    }
#define HASH(name)                                                                                 \
    uint64_t name(const Value *v)                                                                  \
    {                                                                                              \
        (void)v;                                                                                   \
        assert(!"hash of a type without values");                                                  \
        return 0;                                                                                  \
    }

IN(regproc_in)
IN(regclass_in)
IN(regtype_in)
IN(regnamespace_in)
OUT(regproc_out)
OUT(regclass_out)
OUT(regtype_out)
OUT(regnamespace_out)
