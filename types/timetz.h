/* timetz.h - time with time zone: 16 bytes in the order of its values, so that what holds for uuid (form, comparison, keys, hashes)
 * holds for it: the moment in UTC as µs of a day, then the zone as seconds west, both big-endian with the sign turned over. */
#ifndef TYPES_TIMETZ_H
#define TYPES_TIMETZ_H

#include "types/datetime.h"

typedef struct TimeTz {
    int64_t us;   /* local time of day */
    int32_t west; /* seconds west of UTC */
} TimeTz;

Uuid timetz_pack(TimeTz t);
TimeTz timetz_unpack(const Uuid *u);
Status timetz_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out);
Status timetz_out(Ctx *ctx, StrBuf *b, const Value *value);
/* datetime_in.c: 22007, 22008. */
Status timetz_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, TimeTz *out);

#endif
