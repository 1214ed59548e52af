/* inet.c - inet and cidr: one byte the family (4, 6), one the mask's length, then the 4 or 16 bytes of the address. A cidr has no bits
 * behind its mask; else the two are the same. Text forms are in inet_text.c. */
#include "types/inet.h"
#include "common/hash.h"
#include "types/kernel.h"

Inet
inet_view(const Str *s)
{
    Inet v = {0};
    const uint8_t *p = (const uint8_t *)str_data(s);
    v.family = p[0];
    v.bits = p[1];
    v.nbytes = inet_bytes(v.family);
    memcpy(v.addr, p + 2, (size_t)v.nbytes);
    return v;
}

Status
inet_pack(Ctx *ctx, Arena *arena, const Inet *v, Str *out)
{
    char bytes[18] = {(char)v->family, (char)v->bits};
    memcpy(bytes + 2, v->addr, (size_t)v->nbytes);
    return str_copy(ctx, arena, bytes, 2 + (size_t)v->nbytes, out);
}

void
inet_clear_host(Inet *v)
{
    for (int i = 0; i < v->nbytes; i++) {
        int keep = v->bits - 8 * i;
        if (keep <= 0) v->addr[i] = 0;
        else if (keep < 8) v->addr[i] = (uint8_t)(v->addr[i] & (0xFF << (8 - keep)));
    }
}

bool
inet_has_host(const Inet *v)
{
    Inet net = *v;
    inet_clear_host(&net);
    return memcmp(net.addr, v->addr, (size_t)v->nbytes) != 0;
}

/* The first n bits. */
static int
compare_bits(const Inet *a, const Inet *b, int n)
{
    int c = memcmp(a->addr, b->addr, (size_t)(n / 8));
    if (c != 0 || n % 8 == 0) return c;
    int shift = 8 - n % 8, x = a->addr[n / 8] >> shift, y = b->addr[n / 8] >> shift;
    return x - y;
}

/* By family, then by the part both masks cover, the mask, the rest. */
static int
compare(const Str *s, const Str *t)
{
    Inet a = inet_view(s), b = inet_view(t);
    if (a.family != b.family) return a.family < b.family ? -1 : 1;
    int c = compare_bits(&a, &b, a.bits < b.bits ? a.bits : b.bits);
    if (c == 0) c = a.bits - b.bits;
    if (c == 0) c = memcmp(a.addr, b.addr, (size_t)a.nbytes);
    return (c > 0) - (c < 0);
}

int
inet_cmp(const Value *a, const Value *b)
{
    return compare(&a->str, &b->str);
}

uint64_t
inet_hash(const Value *v)
{
    return hash_bytes(str_data(&v->str), v->str.len);
}

void
inet_key(const Value *value, StrBuf *b)
{
    Inet v = inet_view(&value->str), net = v;
    inet_clear_host(&net);
    strbuf_addc(b, (char)v.family);
    strbuf_add(b, (const char *)net.addr, (size_t)v.nbytes);
    strbuf_addc(b, (char)v.bits);
    strbuf_add(b, (const char *)v.addr, (size_t)v.nbytes);
}

ORDER_KERNELS(network_, Str, compare(&x, &y))

BINARY_KERNEL(network_larger, Str, Str, Str, compare(&x, &y) > 0 ? x : y)
BINARY_KERNEL(network_smaller, Str, Str, Str, compare(&x, &y) < 0 ? x : y)

/* ---- networks in networks ---- */

static bool
lies_in(const Str *s, const Str *t, bool strictly)
{
    Inet a = inet_view(s), b = inet_view(t);
    if (a.family != b.family || (strictly ? a.bits <= b.bits : a.bits < b.bits)) return false;
    return compare_bits(&a, &b, b.bits) == 0;
}

static bool
overlaps(const Str *s, const Str *t)
{
    return lies_in(s, t, false) || lies_in(t, s, false);
}

BINARY_KERNEL(network_sub, Str, Str, uint8_t, lies_in(&x, &y, true))
BINARY_KERNEL(network_subeq, Str, Str, uint8_t, lies_in(&x, &y, false))
BINARY_KERNEL(network_sup, Str, Str, uint8_t, lies_in(&y, &x, true))
BINARY_KERNEL(network_supeq, Str, Str, uint8_t, lies_in(&y, &x, false))
BINARY_KERNEL(network_overlap, Str, Str, uint8_t, overlaps(&x, &y))

/* ---- parts ---- */

#define INET_PART(NAME, EDIT)                                                                      \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            Inet v = inet_view(&ARG(call, 0, Str, i));                                             \
            EDIT;                                                                                  \
            TRY(inet_pack(call->ctx, call->arena, &v, &OUT(call, Str, i)));                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

/* The mask (ones up to its length) or what it leaves out. */
static void
mask_of(Inet *v, bool host)
{
    memset(v->addr, 0xFF, sizeof(v->addr));
    inet_clear_host(v);
    for (int i = 0; host && i < v->nbytes; i++) v->addr[i] = (uint8_t)~v->addr[i];
    v->bits = 8 * v->nbytes;
}

static void
fill_host(Inet *v)
{
    Inet mask = *v;
    mask_of(&mask, true);
    for (int i = 0; i < v->nbytes; i++) v->addr[i] |= mask.addr[i];
}

INET_PART(network_network, inet_clear_host(&v))
INET_PART(inet_to_cidr, inet_clear_host(&v))
INET_PART(network_netmask, mask_of(&v, false))
INET_PART(network_hostmask, mask_of(&v, true))
INET_PART(network_broadcast, fill_host(&v))
INET_PART(inetnot, for (int k = 0; k < v.nbytes; k++) v.addr[k] = (uint8_t)~v.addr[k])

Status
fn_network_masklen(KernelCall *call)
{
    ROWS (call, i) OUT(call, int32_t, i) = inet_view(&ARG(call, 0, Str, i)).bits;
    return QN_OK;
}

Status
fn_network_family(KernelCall *call)
{
    ROWS (call, i) OUT(call, int32_t, i) = inet_view(&ARG(call, 0, Str, i)).family;
    return QN_OK;
}

Status
fn_inet_same_family(KernelCall *call)
{
    ROWS (call, i) OUT(call, uint8_t, i) = inet_view(&ARG(call, 0, Str, i)).family == inet_view(&ARG(call, 1, Str, i)).family;
    return QN_OK;
}

static Status
set_masklen(KernelCall *call, bool clear)
{
    ROWS (call, i) {
        Inet v = inet_view(&ARG(call, 0, Str, i));
        int32_t bits = ARG(call, 1, int32_t, i);
        if (bits == -1) bits = 8 * v.nbytes;
        if (bits < 0 || bits > 8 * v.nbytes) return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid mask length: %d", bits);
        v.bits = bits;
        if (clear) inet_clear_host(&v);
        TRY(inet_pack(call->ctx, call->arena, &v, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status fn_inet_set_masklen(KernelCall *call) { return set_masklen(call, false); }
Status fn_cidr_set_masklen(KernelCall *call) { return set_masklen(call, true); }

Status
fn_inet_merge(KernelCall *call)
{
    ROWS (call, i) {
        Inet a = inet_view(&ARG(call, 0, Str, i)), b = inet_view(&ARG(call, 1, Str, i));
        if (a.family != b.family)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot merge addresses from different families");
        int bits = 0, most = a.bits < b.bits ? a.bits : b.bits;
        while (bits < most && compare_bits(&a, &b, bits + 1) == 0) bits++;
        a.bits = bits;
        inet_clear_host(&a);
        TRY(inet_pack(call->ctx, call->arena, &a, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* ---- arithmetic ---- */

#define INET_LOGIC(NAME, VERB, OP)                                                                 \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            Inet a = inet_view(&ARG(call, 0, Str, i)), b = inet_view(&ARG(call, 1, Str, i));       \
            if (a.family != b.family)                                                              \
                return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot " VERB " inet values of different sizes"); \
            for (int k = 0; k < a.nbytes; k++) a.addr[k] = (uint8_t)(a.addr[k] OP b.addr[k]);      \
            if (b.bits > a.bits) a.bits = b.bits;                                                  \
            TRY(inet_pack(call->ctx, call->arena, &a, &OUT(call, Str, i)));                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
INET_LOGIC(inetand, "AND", &)
INET_LOGIC(inetor, "OR", |)

/* The address as a number, plus n; 22003 past either end. */
static Status
add_number(KernelCall *call, int i, const Str *s, int64_t n)
{
    Inet v = inet_view(s);
    int carry = 0;
    for (int k = v.nbytes - 1, byte = 0; k >= 0; k--, byte++) {
        int digit = byte < 8 ? (int)((uint64_t)n >> (8 * byte) & 255) : n < 0 ? 255 : 0;
        int sum = v.addr[k] + digit + carry;
        v.addr[k] = (uint8_t)sum;
        carry = sum >> 8;
    }
    bool fits = v.nbytes == 16 ? (n < 0) == (carry == 1) || n == 0
                               : n >= -INT64_C(0xFFFFFFFF) && n <= INT64_C(0xFFFFFFFF) && (n < 0 ? carry == 1 : carry == 0);
    if (n >= 0 && carry != 0) fits = false;
    if (!fits) return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "result is out of range");
    return inet_pack(call->ctx, call->arena, &v, &OUT(call, Str, i));
}

Status
fn_inetpl(KernelCall *call)
{
    ROWS (call, i) TRY(add_number(call, i, &ARG(call, 0, Str, i), ARG(call, 1, int64_t, i)));
    return QN_OK;
}

Status
fn_int8pl_inet(KernelCall *call)
{
    ROWS (call, i) TRY(add_number(call, i, &ARG(call, 1, Str, i), ARG(call, 0, int64_t, i)));
    return QN_OK;
}

Status
fn_inetmi_int8(KernelCall *call)
{
    ROWS (call, i) TRY(add_number(call, i, &ARG(call, 0, Str, i), (int64_t)(0 - (uint64_t)ARG(call, 1, int64_t, i))));
    return QN_OK;
}

Status
fn_inetmi(KernelCall *call)
{
    ROWS (call, i) {
        Inet a = inet_view(&ARG(call, 0, Str, i)), b = inet_view(&ARG(call, 1, Str, i));
        if (a.family != b.family)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot subtract inet values of different sizes");
        uint128 d, ua = 0, ub = 0;
        for (int k = 0; k < a.nbytes; k++) ua = ua << 8 | a.addr[k], ub = ub << 8 | b.addr[k];
        d = ua >= ub ? ua - ub : ub - ua;
        if (d > (uint128)INT64_MAX + (ua < ub)) return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "result is out of range");
        OUT(call, int64_t, i) = (int64_t)(ua >= ub ? (uint64_t)d : 0 - (uint64_t)d);
    }
    return QN_OK;
}
