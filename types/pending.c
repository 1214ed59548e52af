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

IN(bytea_in)
IN(char_in)
IN(name_in)
IN(regproc_in)
IN(text_in)
IN(json_in)
IN(bpchar_in)
IN(varchar_in)
IN(date_in)
IN(time_in)
IN(timestamp_in)
IN(timestamptz_in)
IN(interval_in)
IN(numeric_in)
IN(regclass_in)
IN(regtype_in)
IN(record_in)
IN(uuid_in)
IN(regnamespace_in)
IN(array_in)
OUT(bytea_out)
OUT(char_out)
OUT(name_out)
OUT(regproc_out)
OUT(text_out)
OUT(json_out)
OUT(bpchar_out)
OUT(varchar_out)
OUT(date_out)
OUT(time_out)
OUT(timestamp_out)
OUT(timestamptz_out)
OUT(interval_out)
OUT(numeric_out)
OUT(regclass_out)
OUT(regtype_out)
OUT(record_out)
OUT(uuid_out)
OUT(regnamespace_out)
OUT(array_out)
CMP(bytea_cmp)
CMP(text_cmp)
CMP(bpchar_cmp)
CMP(interval_cmp)
CMP(numeric_cmp)
CMP(record_cmp)
CMP(uuid_cmp)
CMP(array_cmp)
HASH(bytea_hash)
HASH(text_hash)
HASH(bpchar_hash)
HASH(interval_hash)
HASH(numeric_hash)
HASH(record_hash)
HASH(uuid_hash)
HASH(array_hash)
