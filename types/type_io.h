/* type_io.h - the in, out, compare and hash functions that types.def names, declared from it. Each is
 * defined in its type's own file; callers elsewhere go through value_in, value_out and TypeInfo. */
#ifndef TYPES_TYPE_IO_H
#define TYPES_TYPE_IO_H

#include "types/type.h"

#define TYPE(oid, SYM, name, sql, phys, len, cat, pref, arr, elem, rev, in, out, cmp, hash)        \
    Status in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,   \
              Value *out_value);                                                                   \
    Status out(Ctx *ctx, StrBuf *b, const Value *value);                                           \
    int cmp(const Value *a, const Value *b);                                                       \
    uint64_t hash(const Value *v);
#include "types/types.def"
#undef TYPE

#endif
