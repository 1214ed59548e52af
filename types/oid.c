/* oid.c - oid, xid and tid: text, order. oid and xid are unsigned 32-bit numbers in PHYS_I32; a tid
 * is its page times 2^16 plus its slot in PHYS_I64. */
#include "types/kernel.h"
#include "types/type_io.h"

#include "common/hash.h"

/* As strtoul takes it: a sign, decimal or 0x or 0 octal. A negative number must fit an int and
 * counts from 2^32 down. */
static Status
parse_u32(Ctx *ctx, const char *text, size_t nbytes, const char *name, uint32_t *out)
{
    const char *p = text, *end = text + nbytes;
    bool negative = false, overflow = false, any = false;
    unsigned base = 10;
    uint64_t v = 0;
    while (p < end && ascii_is_space(*p)) p++;
    if (p < end && (*p == '-' || *p == '+')) negative = *p++ == '-';
    if (strcmp(name, "xid") == 0 && p < end && *p == '0') {
        base = end - p > 2 && (p[1] | 32) == 'x' ? 16 : 8;
        if (base == 16) p += 2;
    }
    for (; p < end; p++, any = true) {
        unsigned digit = ascii_is_digit(*p)   ? (unsigned)(*p - '0')
                         : ascii_is_alpha(*p) ? (unsigned)((*p | 32) - 'a' + 10)
                                              : 99;
        if (digit >= base) break;
        v = v * base + digit;
        overflow |= v > UINT32_MAX;
        if (overflow) v = 0;
    }
    while (p < end && ascii_is_space(*p)) p++;
    if (!any || p != end)
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION,
                     "invalid input syntax for type %s: \"%.*s\"", name, (int)nbytes, text);
    if (overflow || (negative && v > (uint64_t)INT32_MAX + 1))
        return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE,
                     "value \"%.*s\" is out of range for type %s", (int)nbytes, text, name);
    *out = negative ? 0 - (uint32_t)v : (uint32_t)v;
    return QN_OK;
}

static Status
u32_in(Ctx *ctx, const char *text, size_t nbytes, Oid type, const char *name, Value *out)
{
    uint32_t v;
    TRY(parse_u32(ctx, text, nbytes, name, &v));
    *out = value_i32(type, (int32_t)v);
    return QN_OK;
}

Status
oid_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
       Value *out)
{
    (void)arena, (void)typmod;
    return u32_in(ctx, text, nbytes, type, "oid", out);
}

Status
xid_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
       Value *out)
{
    (void)arena, (void)typmod;
    return u32_in(ctx, text, nbytes, type, "xid", out);
}

Status
oid_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    char text[40];
    (void)ctx;
    strbuf_add(b, text, (size_t)num_format_i64((uint32_t)v->i32, text));
    return QN_OK;
}

Status
xid_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    return oid_out(ctx, b, v);
}

int
oid_cmp(const Value *a, const Value *b)
{
    return ((uint32_t)a->i32 > (uint32_t)b->i32) - ((uint32_t)a->i32 < (uint32_t)b->i32);
}

/* By value, as bigint hashes it: oid = bigint goes by int8eq after a cast. */
uint64_t
oid_hash(const Value *v)
{
    return hash_u64((uint32_t)v->i32);
}

/* "(page,slot)". */
Status
tid_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
       Value *out)
{
    uint64_t part[2] = {0, 0};
    static const uint64_t limit[2] = {UINT32_MAX, UINT16_MAX};
    const char *p = text, *end = text + nbytes;
    (void)arena, (void)typmod;
    for (int i = 0; i < 2; i++) {
        while (p < end && ascii_is_space(*p)) p++;
        if (p == end || *p++ != (i == 0 ? '(' : ',')) goto malformed;
        if (p == end || !ascii_is_digit(*p)) goto malformed;
        for (; p < end && ascii_is_digit(*p); p++) {
            part[i] = part[i] * 10 + (uint64_t)(*p - '0');
            if (part[i] > limit[i]) goto malformed;
        }
    }
    if (p == end || *p++ != ')') goto malformed;
    *out = value_i64(type, (int64_t)(part[0] << 16 | part[1]));
    return QN_OK;
malformed:
    return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION,
                 "invalid input syntax for type tid: \"%.*s\"", (int)nbytes, text);
}

Status
tid_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    (void)ctx;
    strbuf_addf(b, "(%u,%u)", (unsigned)((uint64_t)v->i64 >> 16), (unsigned)(v->i64 & 0xFFFF));
    return QN_OK;
}

COMPARE_SIX(oid, uint32_t, uint32_t, uint32_t)
COMPARE_SIX(tid, int64_t, int64_t, int64_t)
COMPARE_KERNEL(xideq, uint32_t, uint32_t, x == y)
COMPARE_KERNEL(xidneq, uint32_t, uint32_t, x != y)
BINARY_KERNEL(btoidcmp, uint32_t, uint32_t, int32_t, (x > y) - (x < y))
BINARY_KERNEL(bttidcmp, int64_t, int64_t, int32_t, (x > y) - (x < y))
BINARY_KERNEL(oidlarger, uint32_t, uint32_t, uint32_t, x > y ? x : y)
BINARY_KERNEL(oidsmaller, uint32_t, uint32_t, uint32_t, x < y ? x : y)
BINARY_KERNEL(tidlarger, int64_t, int64_t, int64_t, x > y ? x : y)
BINARY_KERNEL(tidsmaller, int64_t, int64_t, int64_t, x < y ? x : y)
