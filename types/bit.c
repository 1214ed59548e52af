/* bit.c - bit and bit varying: bits packed from the left, eight a byte, the rest of the last byte zero; behind them one byte that says
 * how many bits of the last byte count (1 to 8; 0: there are none). Fixed and varying length are the same bytes. */
#include "types/agg.h"
#include "common/hash.h"
#include <stdio.h>

typedef struct BitView {
    const uint8_t *p;
    int64_t nbits;
} BitView;

enum { BITS_MAX = 83886080 };

static BitView
view(const Str *s)
{
    const uint8_t *p = (const uint8_t *)str_data(s);
    return (BitView){p, s->len < 2 ? 0 : ((int64_t)s->len - 2) * 8 + p[s->len - 1]};
}

static bool
get_bit(BitView v, int64_t i)
{
    return (v.p[i >> 3] >> (7 - (i & 7)) & 1) != 0;
}

/* Zeroed room for nbits in the arena, its count in place. */
static Status
make(Ctx *ctx, Arena *arena, int64_t nbits, uint8_t **bytes_out, size_t *nbytes_out)
{
    size_t n = (size_t)(nbits + 7) / 8;
    if (nbits > BITS_MAX * INT64_C(8)) return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "bit string length exceeds the maximum allowed (%d)", BITS_MAX);
    TRY_ALLOC(ctx, *bytes_out, arena_zalloc(arena, n + 1));
    (*bytes_out)[n] = nbits == 0 ? 0 : (uint8_t)((nbits - 1) % 8 + 1);
    *nbytes_out = n + 1;
    return QN_OK;
}

static void
set_bit(uint8_t *p, int64_t i, bool on)
{
    uint8_t mask = (uint8_t)(1 << (7 - (i & 7)));
    p[i >> 3] = (uint8_t)(on ? p[i >> 3] | mask : p[i >> 3] & ~mask);
}

static void
copy_bits(uint8_t *to, int64_t at, BitView from, int64_t start, int64_t n)
{
    if ((at & 7) == 0 && (start & 7) == 0) { /* whole bytes first */
        memcpy(to + (at >> 3), from.p + (start >> 3), (size_t)(n >> 3));
        int64_t done = n & ~INT64_C(7);
        at += done, start += done, n -= done;
    }
    for (int64_t i = 0; i < n; i++) set_bit(to, at + i, get_bit(from, start + i));
}

/* ---- text ---- */

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static Status
read_bits(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Str *out, int64_t *nbits_out)
{
    bool hex = nbytes > 0 && (text[0] == 'x' || text[0] == 'X'), marked = hex || (nbytes > 0 && (text[0] == 'b' || text[0] == 'B'));
    uint8_t *p;
    size_t room;
    text += marked;
    nbytes -= marked;
    int64_t nbits = (int64_t)nbytes * (hex ? 4 : 1);
    TRY(make(ctx, arena, nbits, &p, &room));
    for (size_t i = 0; i < nbytes; i++) {
        int d = hex ? hex_digit(text[i]) : text[i] == '0' || text[i] == '1' ? text[i] - '0' : -1;
        if (d < 0)
            return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "\"%.*s\" is not a valid %s digit", (int)utf8_char_bytes((unsigned char)text[i]),
                         text + i, hex ? "hexadecimal" : "binary");
        if (hex) p[i >> 1] = (uint8_t)(p[i >> 1] | d << (i & 1 ? 0 : 4));
        else if (d) set_bit(p, (int64_t)i, true);
    }
    *out = str_make((char *)p, room);
    *nbits_out = nbits;
    return QN_OK;
}

Status
bit_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    Str s;
    int64_t nbits;
    TRY(read_bits(ctx, arena, text, nbytes, &s, &nbits));
    if (typmod > 0 && nbits != typmod)
        return RAISE(ctx, ERR_STRING_DATA_LENGTH_MISMATCH, "bit string length %lld does not match type bit(%d)", (long long)nbits, typmod);
    *out = value_str(type, s);
    return QN_OK;
}

Status
varbit_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    Str s;
    int64_t nbits;
    TRY(read_bits(ctx, arena, text, nbytes, &s, &nbits));
    if (typmod > 0 && nbits > typmod)
        return RAISE(ctx, ERR_STRING_DATA_RIGHT_TRUNCATION, "bit string too long for type bit varying(%d)", typmod);
    *out = value_str(type, s);
    return QN_OK;
}

Status
bit_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    BitView v = view(&value->str);
    if (!strbuf_reserve(b, (size_t)v.nbits)) return RAISE_OOM(ctx);
    for (int64_t i = 0; i < v.nbits; i++) strbuf_addc(b, get_bit(v, i) ? '1' : '0');
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* By bits from the left; of two that agree as far as the shorter goes, the shorter comes first. */
static int
compare(const Str *a, const Str *b)
{
    BitView x = view(a), y = view(b);
    size_t nx = (size_t)(x.nbits + 7) / 8, ny = (size_t)(y.nbits + 7) / 8;
    int c = memcmp(x.p, y.p, nx < ny ? nx : ny);
    return c != 0 ? c : (x.nbits > y.nbits) - (x.nbits < y.nbits);
}

int
bit_cmp(const Value *a, const Value *b)
{
    return compare(&a->str, &b->str);
}

uint64_t
bit_hash(const Value *v)
{
    return hash_bytes(str_data(&v->str), v->str.len);
}

void
bit_key(const Value *v, StrBuf *b)
{
    const char *p = str_data(&v->str);
    for (uint32_t i = 0; i + 1 < v->str.len; i++) {
        strbuf_addc(b, p[i]);
        if (p[i] == 0) strbuf_addc(b, (char)0xFF);
    }
    strbuf_add(b, "\0\0", 2);
    strbuf_addc(b, v->str.len > 0 ? p[v->str.len - 1] : 0);
}

ORDER_KERNELS(bit, Str, compare(&x, &y))

/* ---- kernels ---- */

/* Room for the result of row i. */
static Status
out_bits(KernelCall *call, int i, int64_t nbits, uint8_t **p)
{
    size_t room;
    TRY(make(call->ctx, call->arena, nbits, p, &room));
    OUT(call, Str, i) = str_make((char *)*p, room); /* short ones are copied: see out_done */
    return QN_OK;
}

/* The bits are in place: a short value is inside the view, and is taken again. */
static void
out_done(KernelCall *call, int i, const uint8_t *p)
{
    OUT(call, Str, i) = str_make((const char *)p, OUT(call, Str, i).len);
}

#define BIT_LOGIC(NAME, VERB, OP)                                                                  \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            BitView a = view(&ARG(call, 0, Str, i)), b = view(&ARG(call, 1, Str, i));              \
            uint8_t *p;                                                                            \
            if (a.nbits != b.nbits)                                                                \
                return RAISE(call->ctx, ERR_STRING_DATA_LENGTH_MISMATCH, "cannot " VERB " bit strings of different sizes"); \
            TRY(out_bits(call, i, a.nbits, &p));                                                   \
            for (int64_t k = 0; k < (a.nbits + 7) / 8; k++) p[k] = (uint8_t)(a.p[k] OP b.p[k]);    \
            out_done(call, i, p);                                                                  \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
BIT_LOGIC(bit_and, "AND", &)
BIT_LOGIC(bit_or, "OR", |)
BIT_LOGIC(bitxor, "XOR", ^)

Status
fn_bitnot(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        uint8_t *p;
        TRY(out_bits(call, i, a.nbits, &p));
        for (int64_t k = 0; k < a.nbits; k++) set_bit(p, k, !get_bit(a, k));
        out_done(call, i, p);
    }
    return QN_OK;
}

static Status
shift(KernelCall *call, bool left)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        int64_t by = ARG(call, 1, int32_t, i);
        uint8_t *p;
        if (!left) by = -by;
        TRY(out_bits(call, i, a.nbits, &p));
        if (by >= 0 && by < a.nbits) copy_bits(p, 0, a, by, a.nbits - by);
        if (by < 0 && -by < a.nbits) copy_bits(p, -by, a, 0, a.nbits + by);
        out_done(call, i, p);
    }
    return QN_OK;
}

Status fn_bitshiftleft(KernelCall *call) { return shift(call, true); }
Status fn_bitshiftright(KernelCall *call) { return shift(call, false); }

Status
fn_bitcat(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i)), b = view(&ARG(call, 1, Str, i));
        uint8_t *p;
        TRY(out_bits(call, i, a.nbits + b.nbits, &p));
        copy_bits(p, 0, a, 0, a.nbits);
        copy_bits(p, a.nbits, b, 0, b.nbits);
        out_done(call, i, p);
    }
    return QN_OK;
}

/* Bits from (1-based) on, n of them or (n < 0 with no_len) all. */
static Status
substring(KernelCall *call, int i, BitView a, int64_t from, int64_t n, bool no_len)
{
    uint8_t *p;
    int64_t end = a.nbits + 1;
    if (!no_len) {
        if (n < 0) return RAISE(call->ctx, ERR_SUBSTRING_ERROR, "negative substring length not allowed");
        if (from + n < end) end = from + n;
    }
    if (from < 1) from = 1;
    int64_t len = end > from ? end - from : 0;
    TRY(out_bits(call, i, len, &p));
    if (len > 0) copy_bits(p, 0, a, from - 1, len);
    out_done(call, i, p);
    return QN_OK;
}

Status
fn_bitsubstr(KernelCall *call)
{
    ROWS (call, i) TRY(substring(call, i, view(&ARG(call, 0, Str, i)), ARG(call, 1, int32_t, i), ARG(call, 2, int32_t, i), false));
    return QN_OK;
}

Status
fn_bitsubstr_no_len(KernelCall *call)
{
    ROWS (call, i) TRY(substring(call, i, view(&ARG(call, 0, Str, i)), ARG(call, 1, int32_t, i), 0, true));
    return QN_OK;
}

static Status
overlay(KernelCall *call, bool with_len)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i)), b = view(&ARG(call, 1, Str, i));
        int64_t from = ARG(call, 2, int32_t, i), n = with_len ? ARG(call, 3, int32_t, i) : b.nbits;
        uint8_t *p;
        if (from <= 0) return RAISE(call->ctx, ERR_SUBSTRING_ERROR, "negative substring length not allowed");
        int64_t head = from - 1 < a.nbits ? from - 1 : a.nbits, tail = from - 1 + n;
        if (tail < 0) tail = 0;
        int64_t rest = tail < a.nbits ? a.nbits - tail : 0;
        TRY(out_bits(call, i, head + b.nbits + rest, &p));
        copy_bits(p, 0, a, 0, head);
        copy_bits(p, head, b, 0, b.nbits);
        if (rest > 0) copy_bits(p, head + b.nbits, a, tail, rest);
        out_done(call, i, p);
    }
    return QN_OK;
}

Status fn_bitoverlay(KernelCall *call) { return overlay(call, true); }
Status fn_bitoverlay_no_len(KernelCall *call) { return overlay(call, false); }

Status
fn_bitlength(KernelCall *call)
{
    ROWS (call, i) OUT(call, int32_t, i) = (int32_t)view(&ARG(call, 0, Str, i)).nbits;
    return QN_OK;
}

Status
fn_bitoctetlength(KernelCall *call)
{
    ROWS (call, i) OUT(call, int32_t, i) = (int32_t)((view(&ARG(call, 0, Str, i)).nbits + 7) / 8);
    return QN_OK;
}

Status
fn_bit_bit_count(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        int64_t n = 0;
        for (int64_t k = 0; k < (a.nbits + 7) / 8; k++) n += __builtin_popcount(a.p[k]);
        OUT(call, int64_t, i) = n;
    }
    return QN_OK;
}

Status
fn_bitposition(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i)), b = view(&ARG(call, 1, Str, i));
        int32_t found = b.nbits == 0 ? 1 : 0;
        for (int64_t at = 0; found == 0 && at + b.nbits <= a.nbits; at++) {
            int64_t k = 0;
            while (k < b.nbits && get_bit(a, at + k) == get_bit(b, k)) k++;
            if (k == b.nbits) found = (int32_t)at + 1;
        }
        OUT(call, int32_t, i) = a.nbits == 0 ? 0 : found;
    }
    return QN_OK;
}

static Status
check_index(Ctx *ctx, BitView a, int64_t n)
{
    if (n >= 0 && n < a.nbits) return QN_OK;
    return RAISE(ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "bit index %lld out of valid range (0..%lld)", (long long)n, (long long)a.nbits - 1);
}

Status
fn_bitgetbit(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        int64_t n = ARG(call, 1, int32_t, i);
        TRY(check_index(call->ctx, a, n));
        OUT(call, int32_t, i) = get_bit(a, n);
    }
    return QN_OK;
}

Status
fn_bitsetbit(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        int64_t n = ARG(call, 1, int32_t, i);
        int32_t bit = ARG(call, 2, int32_t, i);
        uint8_t *p;
        TRY(check_index(call->ctx, a, n));
        if (bit != 0 && bit != 1) return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
        TRY(out_bits(call, i, a.nbits, &p));
        copy_bits(p, 0, a, 0, a.nbits);
        set_bit(p, n, bit != 0);
        out_done(call, i, p);
    }
    return QN_OK;
}

/* ---- conversions ---- */

static Status
from_int(KernelCall *call, int i, int64_t v, int width, int32_t typmod)
{
    int64_t nbits = typmod > 0 ? typmod : 1;
    uint8_t *p;
    (void)width;
    TRY(out_bits(call, i, nbits, &p));
    for (int64_t k = 0; k < nbits; k++) {
        int64_t at = nbits - 1 - k; /* bit k of the number; past 63 the sign */
        set_bit(p, at, (v >> (k < 63 ? k : 63) & 1) != 0);
    }
    out_done(call, i, p);
    return QN_OK;
}

Status
fn_bitfromint4(KernelCall *call)
{
    ROWS (call, i) TRY(from_int(call, i, ARG(call, 0, int32_t, i), 32, ARG(call, 1, int32_t, i)));
    return QN_OK;
}

Status
fn_bitfromint8(KernelCall *call)
{
    ROWS (call, i) TRY(from_int(call, i, ARG(call, 0, int64_t, i), 64, ARG(call, 1, int32_t, i)));
    return QN_OK;
}

static uint64_t
to_int(BitView a)
{
    uint64_t v = 0;
    for (int64_t k = 0; k < a.nbits; k++) v = v << 1 | get_bit(a, k);
    return v;
}

Status
fn_bittoint4(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        if (a.nbits > 32) return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        OUT(call, int32_t, i) = (int32_t)(uint32_t)to_int(a);
    }
    return QN_OK;
}

Status
fn_bittoint8(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        if (a.nbits > 64) return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range");
        OUT(call, int64_t, i) = (int64_t)to_int(a);
    }
    return QN_OK;
}

/* To a length: only a written cast pads or cuts. */
Status
fn_bit(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        int64_t want = ARG(call, 1, int32_t, i);
        uint8_t *p;
        OUT(call, Str, i) = ARG(call, 0, Str, i);
        if (want <= 0 || want == a.nbits) continue;
        if (ARG(call, 2, uint8_t, i) == 0)
            return RAISE(call->ctx, ERR_STRING_DATA_LENGTH_MISMATCH, "bit string length %lld does not match type bit(%lld)",
                         (long long)a.nbits, (long long)want);
        TRY(out_bits(call, i, want, &p));
        copy_bits(p, 0, a, 0, want < a.nbits ? want : a.nbits);
        out_done(call, i, p);
    }
    return QN_OK;
}

Status
fn_varbit(KernelCall *call)
{
    ROWS (call, i) {
        BitView a = view(&ARG(call, 0, Str, i));
        int64_t want = ARG(call, 1, int32_t, i);
        uint8_t *p;
        OUT(call, Str, i) = ARG(call, 0, Str, i);
        if (want <= 0 || a.nbits <= want) continue;
        if (ARG(call, 2, uint8_t, i) == 0)
            return RAISE(call->ctx, ERR_STRING_DATA_RIGHT_TRUNCATION, "bit string too long for type bit varying(%lld)", (long long)want);
        TRY(out_bits(call, i, want, &p));
        copy_bits(p, 0, a, 0, want);
        out_done(call, i, p);
    }
    return QN_OK;
}

/* ---- bit_and, bit_or, bit_xor: the bits so far in the states' arena ---- */

typedef struct BitState {
    int64_t seen;
    char *bytes;
    int64_t nbytes;
} BitState;

#define BIT_AGG(NAME, VERB, OP)                                                                    \
    static Status NAME##_fold(AggCall *call, BitState *s, int i)                                   \
    {                                                                                              \
        const Str *x = &ARG(call, 0, Str, i);                                                      \
        if (!s->seen) {                                                                            \
            TRY_ALLOC(call->ctx, s->bytes, arena_memdup(call->arena, str_data(x), x->len));        \
            agg_grew(call, x->len);                                                                \
            s->nbytes = x->len;                                                                    \
            s->seen = 1;                                                                           \
            return QN_OK;                                                                          \
        }                                                                                          \
        const char *p = str_data(x);                                                               \
        if (x->len != s->nbytes || p[x->len - 1] != s->bytes[x->len - 1])                          \
            return RAISE(call->ctx, ERR_STRING_DATA_LENGTH_MISMATCH, "cannot " VERB " bit strings of different sizes"); \
        for (uint32_t k = 0; k + 1 < x->len; k++) s->bytes[k] = (char)(s->bytes[k] OP p[k]);       \
        return QN_OK;                                                                              \
    }                                                                                              \
    AGG_FOLD(NAME, BitState, NAME##_fold)                                                          \
    const AggOps aggops_##NAME = {.state_bytes = sizeof(BitState), .update = NAME##_update,        \
                                  .update_one = NAME##_update_one, .final = bits_final};

static Status
bits_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    const BitState *s = state;
    *out = value_null(TYPE_BIT);
    if (!s->seen) return QN_OK;
    *out = value_str(TYPE_BIT, (Str){0});
    return str_copy(call->ctx, arena, s->bytes, (size_t)s->nbytes, &out->str);
}

BIT_AGG(bit_bit_and, "AND", &)
BIT_AGG(bit_bit_or, "OR", |)
BIT_AGG(bit_bit_xor, "XOR", ^)
