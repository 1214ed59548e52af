/* macaddr.c - macaddr and macaddr8. Both are numbers: macaddr the 48 bits, macaddr8 the 64 with the highest turned over, so that
 * the order of int64 is the order of addresses. */
#include "types/kernel.h"
#include <stdio.h>

static inline int64_t
mac8_value(uint64_t bits)
{
    return (int64_t)(bits ^ UINT64_C(1) << 63);
}

static inline uint64_t
mac8_bits(int64_t v)
{
    return (uint64_t)v ^ UINT64_C(1) << 63;
}

/* ---- text ---- */

/* Six numbers in one of the forms that are taken; false: none fits. */
static bool
scan_six(const char *text, unsigned o[6])
{
    static const char *const forms[] = {"%x:%x:%x:%x:%x:%x%1s",       "%x-%x-%x-%x-%x-%x%1s",       "%2x%2x%2x:%2x%2x%2x%1s", "%2x%2x%2x-%2x%2x%2x%1s",
                                        "%2x%2x.%2x%2x.%2x%2x%1s", "%2x%2x-%2x%2x-%2x%2x%1s", "%2x%2x%2x%2x%2x%2x%1s"};
    char junk[2];
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (sscanf(text, forms[i], &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], junk) == 6) return true;
    return false;
}

Status
macaddr_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    unsigned o[6];
    char *copy;
    uint64_t v = 0;
    (void)typmod;
    TRY_ALLOC(ctx, copy, arena_strndup(arena, text, nbytes));
    if (!scan_six(copy, o))
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%s\"", "macaddr", copy);
    for (int i = 0; i < 6; i++) {
        if (o[i] > 255)
            return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "invalid octet value in \"macaddr\" value: \"%s\"", copy);
        v = v << 8 | o[i];
    }
    *out = value_i64(type, (int64_t)v);
    return QN_OK;
}

static void
add_octets(StrBuf *b, uint64_t v, int n)
{
    for (int i = n - 1; i >= 0; i--) strbuf_addf(b, "%02x%s", (unsigned)(v >> (8 * i) & 255), i > 0 ? ":" : "");
}

Status
macaddr_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    add_octets(b, (uint64_t)value->i64, 6);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Six octets get ff:fe between them: the form of an EUI-48 address in EUI-64. */
static uint64_t
widen(uint64_t six)
{
    return (six & UINT64_C(0xFFFFFF000000)) << 16 | UINT64_C(0xFFFE000000) | (six & 0xFFFFFF);
}

/* Six or eight octets of two digits, with one kind of separator between any two of them. */
static bool
parse_eight(const char *p, const char *end, uint64_t *out)
{
    char separator = '\0';
    int n = 0;
    uint64_t v = 0;
    while (p < end && ascii_is_space(*p)) p++;
    while (end > p && ascii_is_space(end[-1])) end--;
    while (p < end) {
        if (end - p < 2 || n == 8) return false;
        int hi = hex_digit(p[0]), lo = hex_digit(p[1]);
        if (hi < 0 || lo < 0) return false;
        v = v << 8 | (uint64_t)(hi << 4 | lo);
        n++;
        p += 2;
        if (p < end && (*p == ':' || *p == '-' || *p == '.')) {
            if (separator != '\0' && *p != separator) return false;
            separator = *p++;
            if (p == end) return false;
        }
    }
    if (n == 6) v = widen(v);
    *out = v;
    return n == 6 || n == 8;
}

Status
macaddr8_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    uint64_t v;
    (void)arena, (void)typmod;
    if (!parse_eight(text, text + nbytes, &v))
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"", "macaddr8", (int)nbytes, text);
    *out = value_i64(type, mac8_value(v));
    return QN_OK;
}

Status
macaddr8_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    add_octets(b, mac8_bits(value->i64), 8);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* ---- kernels ---- */

UNARY_KERNEL(macaddr_not, int64_t, int64_t, ~x &INT64_C(0xFFFFFFFFFFFF))
BINARY_KERNEL(macaddr_and, int64_t, int64_t, int64_t, x &y)
BINARY_KERNEL(macaddr_or, int64_t, int64_t, int64_t, x | y)
UNARY_KERNEL(macaddr_trunc, int64_t, int64_t, x & ~INT64_C(0xFFFFFF))
UNARY_KERNEL(macaddr8_not, int64_t, int64_t, mac8_value(~mac8_bits(x)))
BINARY_KERNEL(macaddr8_and, int64_t, int64_t, int64_t, mac8_value(mac8_bits(x) & mac8_bits(y)))
BINARY_KERNEL(macaddr8_or, int64_t, int64_t, int64_t, mac8_value(mac8_bits(x) | mac8_bits(y)))
UNARY_KERNEL(macaddr8_trunc, int64_t, int64_t, mac8_value(mac8_bits(x) & ~UINT64_C(0xFFFFFFFFFF)))
UNARY_KERNEL(macaddr8_set7bit, int64_t, int64_t, mac8_value(mac8_bits(x) | UINT64_C(2) << 56))
UNARY_KERNEL(macaddrtomacaddr8, int64_t, int64_t, mac8_value(widen((uint64_t)x)))

Status
fn_macaddr8tomacaddr(KernelCall *call)
{
    ROWS (call, i) {
        uint64_t v = mac8_bits(ARG(call, 0, int64_t, i));
        if ((v >> 24 & 0xFFFF) != 0xFFFE)
            return err_hint(call->ctx, RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "macaddr8 data out of range to convert to macaddr"),
                            "Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example "
                            "xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.");
        OUT(call, int64_t, i) = (int64_t)((v >> 40) << 24 | (v & 0xFFFFFF));
    }
    return QN_OK;
}
