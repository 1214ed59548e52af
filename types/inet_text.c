/* inet_text.c - text forms of inet and cidr: reading both families, printing whole addresses and cidr's short form. */
#include "types/inet.h"
#include "types/kernel.h"

typedef struct AddrText {
    const char *p, *end;
} AddrText;

/* Decimal digits; false: none, or more than max. */
static bool
read_number(AddrText *t, int max, int *out)
{
    int v = 0;
    const char *start = t->p;
    for (; t->p < t->end && ascii_is_digit(*t->p); t->p++) {
        v = v * 10 + (*t->p - '0');
        if (v > max) return false;
    }
    *out = v;
    return t->p > start;
}

/* "/n" at the end; without it *out is -1. */
static bool
read_mask(AddrText *t, int max, int *out)
{
    *out = -1;
    if (t->p == t->end) return true;
    if (*t->p++ != '/') return false;
    return read_number(t, max, out) && t->p == t->end;
}

/* The mask of a network of which only so many octets were written: by its class. */
static int
class_bits(const Inet *v, int octets)
{
    int first = v->addr[0], bits = first >= 240 ? 32 : first >= 224 ? 8 : first >= 192 ? 24 : first >= 128 ? 16 : 8;
    if (bits < octets * 8) bits = octets * 8;
    return bits == 8 && first == 224 ? 4 : bits;
}

static bool
read_v4(AddrText *t, bool cidr, Inet *out)
{
    int octets = 0, n, mask;
    do {
        if (octets == 4 || !read_number(t, 255, &n)) return false;
        out->addr[octets++] = (uint8_t)n;
    } while (t->p < t->end && *t->p == '.' && t->p++ != NULL);
    if (!read_mask(t, 32, &mask)) return false;
    if (mask < 0) {
        if (!cidr && octets < 4) return false;
        mask = octets == 4 && !cidr ? 32 : cidr ? class_bits(out, octets) : 32;
    }
    if (!cidr && mask / 8 > octets) return false;
    out->bits = mask;
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* a.b.c.d as the last four bytes of an IPv6 address. */
static bool
read_tail_v4(AddrText *t, uint8_t *to)
{
    for (int i = 0; i < 4; i++) {
        int n;
        if (i > 0 && (t->p == t->end || *t->p++ != '.')) return false;
        if (!read_number(t, 255, &n)) return false;
        to[i] = (uint8_t)n;
    }
    return true;
}

static bool
read_v6(AddrText *t, Inet *out)
{
    uint8_t bytes[16] = {0};
    int n = 0, gap = -1, mask;
    if (t->end - t->p >= 2 && t->p[0] == ':' && t->p[1] == ':') gap = 0, t->p += 2;
    else if (t->p < t->end && *t->p == ':') return false;
    while (t->p < t->end && *t->p != '/') {
        const char *word = t->p;
        int v = 0, digits = 0;
        if (n == 16) return false;
        for (; t->p < t->end && hex_digit(*t->p) >= 0 && digits < 5; t->p++, digits++) v = v << 4 | hex_digit(*t->p);
        if (t->p < t->end && *t->p == '.') {
            t->p = word;
            if (n > 12 || !read_tail_v4(t, bytes + n)) return false;
            n += 4;
            break;
        }
        if (digits == 0 || digits > 4) return false;
        bytes[n++] = (uint8_t)(v >> 8);
        bytes[n++] = (uint8_t)v;
        if (t->p == t->end || *t->p == '/') break;
        if (*t->p++ != ':') return false;
        if (t->p < t->end && *t->p == ':') {
            if (gap >= 0) return false;
            gap = n;
            t->p++;
        } else if (t->p == t->end || *t->p == '/') {
            return false; /* ends with one colon */
        }
    }
    if (gap < 0 ? n != 16 : n >= 16) return false;
    if (gap < 0) gap = n;
    memcpy(out->addr, bytes, (size_t)gap);
    memset(out->addr + gap, 0, (size_t)(16 - n));
    memcpy(out->addr + gap + (16 - n), bytes + gap, (size_t)(n - gap));
    if (!read_mask(t, 128, &mask)) return false;
    out->bits = mask < 0 ? 128 : mask;
    return true;
}

static Status
read_address(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, bool cidr, Value *out)
{
    AddrText t = {text, text + nbytes};
    Inet v = {.family = memchr(text, ':', nbytes) != NULL ? 6 : 4};
    Str s;
    v.nbytes = inet_bytes(v.family);
    if (!(v.family == 4 ? read_v4(&t, cidr, &v) : read_v6(&t, &v)))
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"", cidr ? "cidr" : "inet",
                     (int)nbytes, text);
    if (cidr && inet_has_host(&v))
        return err_detail(ctx, RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid cidr value: \"%.*s\"", (int)nbytes, text),
                          "Value has bits set to right of mask.");
    TRY(inet_pack(ctx, arena, &v, &s));
    *out = value_str(type, s);
    return QN_OK;
}

Status
inet_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)typmod;
    return read_address(ctx, arena, text, nbytes, type, false, out);
}

Status
cidr_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)typmod;
    return read_address(ctx, arena, text, nbytes, type, true, out);
}

/* ---- printing ---- */

/* The longest run of zero words, at least two of them; *len_out 0: there is none. */
static int
longest_zeros(const uint16_t *w, int n, int *len_out)
{
    int best = -1, best_len = 1;
    for (int i = 0; i < n; i++) {
        int len = 0;
        while (i + len < n && w[i + len] == 0) len++;
        if (len > best_len) best = i, best_len = len;
        i += len;
    }
    *len_out = best >= 0 ? best_len : 0;
    return best;
}

static void
words_of(const Inet *v, uint16_t *w)
{
    for (int i = 0; i < 8; i++) w[i] = (uint16_t)(v->addr[2 * i] << 8 | v->addr[2 * i + 1]);
}

static void
add_v6(StrBuf *b, const Inet *v)
{
    uint16_t w[8];
    int len;
    words_of(v, w);
    int at = longest_zeros(w, 8, &len);
    for (int i = 0; i < 8; i++) {
        if (len > 0 && i >= at && i < at + len) {
            if (i == at) strbuf_addc(b, ':');
            continue;
        }
        if (i > 0) strbuf_addc(b, ':');
        bool v4 = i == 6 && at == 0 && (len == 6 || (len == 7 && w[7] != 1) || (len == 5 && w[5] == 0xFFFF));
        if (v4) {
            strbuf_addf(b, "%d.%d.%d.%d", v->addr[12], v->addr[13], v->addr[14], v->addr[15]);
            return;
        }
        strbuf_addf(b, "%x", w[i]);
    }
    if (len > 0 && at + len == 8) strbuf_addc(b, ':');
}

static void
add_address(StrBuf *b, const Inet *v)
{
    if (v->family == 4) strbuf_addf(b, "%d.%d.%d.%d", v->addr[0], v->addr[1], v->addr[2], v->addr[3]);
    else add_v6(b, v);
}

static void
add_with_mask(StrBuf *b, const Inet *v, bool always)
{
    add_address(b, v);
    if (always || v->bits != 8 * v->nbytes) strbuf_addf(b, "/%d", v->bits);
}

Status
inet_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    Inet v = inet_view(&value->str);
    add_with_mask(b, &v, false);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
cidr_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    Inet v = inet_view(&value->str);
    add_with_mask(b, &v, true);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* Only the octets that the mask covers. */
static void
add_short_v4(StrBuf *b, const Inet *v)
{
    int octets = (v->bits + 7) / 8;
    if (octets == 0) strbuf_addc(b, '0');
    for (int i = 0; i < octets; i++) strbuf_addf(b, "%s%d", i > 0 ? "." : "", v->addr[i]);
}

/* Only the words that the mask covers, at least two; the run of zeros among them is left out. */
static void
add_short_v6(StrBuf *b, const Inet *v)
{
    uint16_t w[8];
    int len, n = (v->bits + 15) / 16;
    if (n == 0) {
        strbuf_addz(b, "::");
        return;
    }
    if (n == 1) n = 2;
    words_of(v, w);
    int at = -1;
    len = 0;
    for (int i = 0; i < n; i++) {
        int run = 0;
        while (i + run < n && w[i + run] == 0) run++;
        if (run > len) at = i, len = run;
        i += run;
    }
    size_t start = b->nbytes;
    for (int i = 0; i < n; i++) {
        if (len > 0 && i >= at && i < at + len) {
            if (i == at) strbuf_addc(b, ':');
            if (i == n - 1) strbuf_addc(b, ':');
            continue;
        }
        if (b->nbytes > start) strbuf_addc(b, ':');
        if (i == 6 && at == 0 && (len == 6 || (len == 5 && w[5] == 0xFFFF))) {
            strbuf_addf(b, "%d.%d.%d", v->addr[12], v->addr[13], v->addr[14]);
            if (n == 8 && v->bits > 120) strbuf_addf(b, ".%d", v->addr[15]);
            return;
        }
        strbuf_addf(b, "%x", w[i]);
    }
}

#define INET_TEXT(NAME, PRINT)                                                                     \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            Inet v = inet_view(&ARG(call, 0, Str, i));                                             \
            StrBuf b = strbuf_new(call->arena);                                                    \
            char *text;                                                                            \
            size_t nbytes;                                                                         \
            PRINT;                                                                                 \
            TRY(strbuf_finish(call->ctx, &b, &text, &nbytes));                                     \
            OUT(call, Str, i) = str_make(text, nbytes);                                            \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
INET_TEXT(network_host, add_address(&b, &v))
INET_TEXT(network_show, add_with_mask(&b, &v, true))
INET_TEXT(inet_abbrev, add_with_mask(&b, &v, false))
INET_TEXT(cidr_abbrev, (v.family == 4 ? add_short_v4 : add_short_v6)(&b, &v); strbuf_addf(&b, "/%d", v.bits))
