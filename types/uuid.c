/* uuid.c - uuid: in, out, compare, hash. */
#include "common/hash.h"
#include "types/type.h"

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* 32 hex digits, a hyphen allowed after each group of four, braces allowed around all. */
static bool
parse(const char *s, size_t nbytes, Uuid *out)
{
    const char *end = s + nbytes;
    bool brace = s < end && *s == '{';
    s += brace;
    for (int i = 0; i < 16; i++) {
        if (end - s < 2) return false;
        int hi = hex_digit(s[0]), lo = hex_digit(s[1]);
        if (hi < 0 || lo < 0) return false;
        out->bytes[i] = (uint8_t)(hi << 4 | lo);
        s += 2;
        if (s < end && *s == '-' && (i & 1) != 0 && i < 15) s++;
    }
    if (brace) {
        if (s == end || *s != '}') return false;
        s++;
    }
    return s == end;
}

Status
uuid_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)arena, (void)typmod;
    *out = value_null(type);
    out->is_null = false;
    out->phys = PHYS_UUID;
    if (!parse(text, nbytes, &out->uuid))
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION,
                     "invalid input syntax for type %s: \"%.*s\"", "uuid", (int)nbytes, text);
    return QN_OK;
}

Status
uuid_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    static const char digits[] = "0123456789abcdef";
    char buf[36], *q = buf;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *q++ = '-';
        *q++ = digits[value->uuid.bytes[i] >> 4];
        *q++ = digits[value->uuid.bytes[i] & 15];
    }
    strbuf_add(b, buf, sizeof(buf));
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

int
uuid_cmp(const Value *a, const Value *b)
{
    int c = memcmp(a->uuid.bytes, b->uuid.bytes, 16);
    return (c > 0) - (c < 0);
}

uint64_t
uuid_hash(const Value *v)
{
    uint64_t lo, hi;
    memcpy(&lo, v->uuid.bytes, 8);
    memcpy(&hi, v->uuid.bytes + 8, 8);
    return hash_combine(hash_u64(lo), hi);
}
