/* inet.h - network addresses, unpacked. For inet.c and inet_text.c. */
#ifndef TYPES_INET_H
#define TYPES_INET_H

#include "types/type.h"

typedef struct Inet {
    int family; /* 4 or 6 */
    int bits;   /* of the mask */
    int nbytes; /* 4 or 16 */
    uint8_t addr[16];
} Inet;

static inline int
inet_bytes(int family)
{
    return family == 4 ? 4 : 16;
}
Inet inet_view(const Str *s);
Status inet_pack(Ctx *ctx, Arena *arena, const Inet *v, Str *out);
void inet_clear_host(Inet *v);       /* the bits behind the mask */
bool inet_has_host(const Inet *v);   /* whether any of them is set */

Status inet_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out);
Status cidr_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out);
Status inet_out(Ctx *ctx, StrBuf *b, const Value *value);
Status cidr_out(Ctx *ctx, StrBuf *b, const Value *value);

#endif
