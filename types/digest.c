/* digest.c - md5, SHA-2, and encode/decode between bytes and text. */
#include "types/kernel.h"
#include "types/textfn.h"
#include "types/textops.h"

static inline uint32_t rol32(uint32_t v, int n) { return v << n | v >> (32 - n); }
static inline uint32_t ror32(uint32_t v, int n) { return v >> n | v << (32 - n); }
static inline uint64_t ror64(uint64_t v, int n) { return v >> n | v << (64 - n); }

/* The sine table of RFC 1321: floor(2^32 * |sin(i + 1)|). */
static const uint32_t md5_k[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void
md5_block(uint32_t h[4], const unsigned char *p)
{
    static const uint8_t shift[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t w[16], a = h[0], b = h[1], c = h[2], d = h[3];
    memcpy(w, p, 64); /* little-endian, as are the machines we run on */
    for (int i = 0; i < 64; i++) {
        uint32_t f;
        int g;
        switch (i / 16) {
        case 0: f = (b & c) | (~b & d), g = i; break;
        case 1: f = (d & b) | (~d & c), g = (5 * i + 1) & 15; break;
        case 2: f = b ^ c ^ d, g = (3 * i + 5) & 15; break;
        default: f = c ^ (b | ~d), g = (7 * i) & 15; break;
        }
        f += a + md5_k[i] + w[g];
        a = d;
        d = c;
        c = b;
        b += rol32(f, shift[i / 16][i & 3]);
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void
sha256_block(uint32_t h[8], const unsigned char *p)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++, p += 4)
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = ror32(w[i - 15], 7) ^ ror32(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = ror32(w[i - 2], 17) ^ ror32(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, h, sizeof(v));
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = ror32(v[4], 6) ^ ror32(v[4], 11) ^ ror32(v[4], 25);
        uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha256_k[i] + w[i];
        uint32_t s0 = ror32(v[0], 2) ^ ror32(v[0], 13) ^ ror32(v[0], 22);
        uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

static const uint64_t sha512_k[80] = {
#include "types/sha512_k.def"
};

static void
sha512_block(uint64_t h[8], const unsigned char *p)
{
    uint64_t w[80], v[8];
    for (int i = 0; i < 16; i++, p += 8) {
        w[i] = 0;
        for (int j = 0; j < 8; j++) w[i] = w[i] << 8 | p[j];
    }
    for (int i = 16; i < 80; i++) {
        uint64_t s0 = ror64(w[i - 15], 1) ^ ror64(w[i - 15], 8) ^ w[i - 15] >> 7;
        uint64_t s1 = ror64(w[i - 2], 19) ^ ror64(w[i - 2], 61) ^ w[i - 2] >> 6;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, h, sizeof(v));
    for (int i = 0; i < 80; i++) {
        uint64_t s1 = ror64(v[4], 14) ^ ror64(v[4], 18) ^ ror64(v[4], 41);
        uint64_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha512_k[i] + w[i];
        uint64_t s0 = ror64(v[0], 28) ^ ror64(v[0], 34) ^ ror64(v[0], 39);
        uint64_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

/* A digest: whole blocks, then the padded tail. */
typedef enum DigestKind { MD5, SHA224, SHA256, SHA384, SHA512 } DigestKind;

static const uint8_t digest_bytes[] = {16, 28, 32, 48, 64};

static void
digest(DigestKind kind, const char *data, size_t nbytes, unsigned char *out)
{
    static const uint32_t init_md5[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    static const uint32_t init_224[8] = {0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
                                         0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4};
    static const uint32_t init_256[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static const uint64_t init_384[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
                                         0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
                                         0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
    static const uint64_t init_512[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                         0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                         0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    union { uint32_t w32[8]; uint64_t w64[8]; } h;
    size_t block = kind >= SHA384 ? 128 : 64, length_bytes = block / 8;
    unsigned char tail[256];
    memset(&h, 0, sizeof(h));
    if (kind == MD5) memcpy(h.w32, init_md5, sizeof(init_md5));
    if (kind == SHA224) memcpy(h.w32, init_224, sizeof(init_224));
    if (kind == SHA256) memcpy(h.w32, init_256, sizeof(init_256));
    if (kind == SHA384) memcpy(h.w64, init_384, sizeof(init_384));
    if (kind == SHA512) memcpy(h.w64, init_512, sizeof(init_512));
    size_t whole = nbytes / block * block, rest = nbytes - whole;
    size_t tail_bytes = rest + 1 + length_bytes <= block ? block : 2 * block;
    memset(tail, 0, sizeof(tail));
    if (rest > 0) memcpy(tail, data + whole, rest);
    tail[rest] = 0x80;
    uint64_t bits = (uint64_t)nbytes * 8;
    for (int i = 0; i < 8; i++) {
        size_t at = kind == MD5 ? tail_bytes - 8 + (size_t)i : tail_bytes - 1 - (size_t)i;
        tail[at] = (unsigned char)(bits >> (8 * i));
    }
    for (size_t i = 0; i < whole + tail_bytes; i += block) {
        const unsigned char *p = i < whole ? (const unsigned char *)data + i : tail + (i - whole);
        if (kind == MD5)
            md5_block(h.w32, p);
        else if (kind <= SHA256)
            sha256_block(h.w32, p);
        else
            sha512_block(h.w64, p);
    }
    for (size_t i = 0; i < digest_bytes[kind]; i++) {
        if (kind == MD5)
            out[i] = (unsigned char)(h.w32[i / 4] >> (8 * (i & 3)));
        else if (kind <= SHA256)
            out[i] = (unsigned char)(h.w32[i / 4] >> (24 - 8 * (i & 3)));
        else
            out[i] = (unsigned char)(h.w64[i / 8] >> (56 - 8 * (i & 7)));
    }
}

static Status
digest_kernel(KernelCall *call, DigestKind kind)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        unsigned char out[64];
        digest(kind, str_data(s), s->len, out);
        if (kind == MD5) {
            StrBuf b = strbuf_new(call->arena);
            bytea_add_hex(&b, (const char *)out, 16);
            TRY(out_text(call, i, &b));
        } else {
            TRY(str_copy(call->ctx, call->arena, (const char *)out, digest_bytes[kind], &OUT(call, Str, i)));
        }
    }
    return QN_OK;
}

Status fn_md5_text(KernelCall *call) { return digest_kernel(call, MD5); }
Status fn_md5_bytea(KernelCall *call) { return digest_kernel(call, MD5); }
Status fn_sha224_bytea(KernelCall *call) { return digest_kernel(call, SHA224); }
Status fn_sha256_bytea(KernelCall *call) { return digest_kernel(call, SHA256); }
Status fn_sha384_bytea(KernelCall *call) { return digest_kernel(call, SHA384); }
Status fn_sha512_bytea(KernelCall *call) { return digest_kernel(call, SHA512); }

/* encode and decode. */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
add_base64(StrBuf *b, const char *data, size_t nbytes)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t column = 0;
    for (size_t i = 0; i < nbytes; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        if (i + 1 < nbytes) v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < nbytes) v |= p[i + 2];
        char q[4] = {base64_digits[v >> 18], base64_digits[v >> 12 & 63], '=', '='};
        if (column == 76) {
            strbuf_addc(b, '\n');
            column = 0;
        }
        if (i + 1 < nbytes) q[2] = base64_digits[v >> 6 & 63];
        if (i + 2 < nbytes) q[3] = base64_digits[v & 63];
        strbuf_add(b, q, 4);
        column += 4;
    }
}

static Status
parse_base64(KernelCall *call, const char *p, const char *end, StrBuf *b)
{
    uint32_t v = 0;
    int pos = 0, pads = 0;
    for (; p < end; p++) {
        uint32_t d = 0;
        if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') continue;
        if (*p == '=') {
            if (pads == 0) {
                if (pos < 2)
                    return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                                 "unexpected \"=\" while decoding base64 sequence");
                pads = pos == 2 ? 1 : 2;
            }
        } else {
            const char *at = memchr(base64_digits, *p, 64);
            if (at == NULL || pads > 0)
                return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                             "invalid symbol \"%.*s\" found while decoding base64 sequence",
                             utf8_char_bytes((unsigned char)*p), p);
            d = (uint32_t)(at - base64_digits);
        }
        v = v << 6 | d;
        if (++pos == 4) {
            strbuf_addc(b, (char)(v >> 16));
            if (pads == 0 || pads > 1) strbuf_addc(b, (char)(v >> 8));
            if (pads == 0) strbuf_addc(b, (char)v);
            v = 0;
            pos = 0;
        }
    }
    if (pos != 0)
        return err_hint(call->ctx, RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid base64 end sequence"),
                        "Input data is missing padding, is truncated, or is otherwise corrupted.");
    return QN_OK;
}

static bool
is_name(const Str *s, const char *name)
{
    return s->len == strlen(name) && ascii_ncasecmp(str_data(s), name, s->len) == 0;
}

static Status
unknown_encoding(KernelCall *call, const Str *name)
{
    return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized encoding: \"%.*s\"", (int)name->len,
                 str_data(name));
}

Status
fn_binary_encode(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i), *name = &ARG(call, 1, Str, i);
        StrBuf b = strbuf_new(call->arena);
        if (is_name(name, "hex")) {
            bytea_add_hex(&b, str_data(s), s->len);
        } else if (is_name(name, "base64")) {
            add_base64(&b, str_data(s), s->len);
        } else if (is_name(name, "escape")) { /* unlike output: only NUL and bytes past ASCII */
            for (uint32_t k = 0; k < s->len; k++) {
                unsigned char c = (unsigned char)str_data(s)[k];
                if (c == '\\')
                    strbuf_add(&b, "\\\\", 2);
                else if (c == 0 || c >= 0x80)
                    strbuf_addf(&b, "\\%03o", c);
                else
                    strbuf_addc(&b, (char)c);
            }
        } else {
            return unknown_encoding(call, name);
        }
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status
fn_binary_decode(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i), *name = &ARG(call, 1, Str, i);
        StrBuf b = strbuf_new(call->arena);
        if (is_name(name, "hex")) {
            strbuf_add(&b, "\\x", 2);
            strbuf_add(&b, str_data(s), s->len);
            if (b.failed) return RAISE_OOM(call->ctx);
            TRY(bytea_parse(call->ctx, call->arena, b.data, b.nbytes, &OUT(call, Str, i)));
        } else if (is_name(name, "base64")) {
            TRY(parse_base64(call, str_data(s), str_data(s) + s->len, &b));
            TRY(out_text(call, i, &b));
        } else if (is_name(name, "escape")) {
            TRY(bytea_parse(call->ctx, call->arena, str_data(s), s->len, &OUT(call, Str, i)));
        } else {
            return unknown_encoding(call, name);
        }
    }
    return QN_OK;
}

/* Bytes and bits of a bytea. */

static Status
bad_index(KernelCall *call, int64_t index, int64_t last)
{
    return RAISE(call->ctx, ERR_ARRAY_SUBSCRIPT_ERROR, "index %lld out of valid range, 0..%lld",
                 (long long)index, (long long)last);
}

Status
fn_byteaGetByte(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        int32_t at = ARG(call, 1, int32_t, i);
        if (at < 0 || (uint32_t)at >= s->len) return bad_index(call, at, (int64_t)s->len - 1);
        OUT(call, int32_t, i) = (unsigned char)str_data(s)[at];
    }
    return QN_OK;
}

Status
fn_byteaSetByte(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        int32_t at = ARG(call, 1, int32_t, i);
        if (at < 0 || (uint32_t)at >= s->len) return bad_index(call, at, (int64_t)s->len - 1);
        char *p;
        TRY_ALLOC(call->ctx, p, arena_memdup(call->arena, str_data(s), s->len));
        p[at] = (char)ARG(call, 2, int32_t, i);
        OUT(call, Str, i) = str_make(p, s->len);
    }
    return QN_OK;
}

Status
fn_byteaGetBit(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        int64_t at = ARG(call, 1, int64_t, i);
        if (at < 0 || at >= (int64_t)s->len * 8) return bad_index(call, at, (int64_t)s->len * 8 - 1);
        OUT(call, int32_t, i) = str_data(s)[at / 8] >> (at % 8) & 1;
    }
    return QN_OK;
}

Status
fn_byteaSetBit(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        int64_t at = ARG(call, 1, int64_t, i);
        int32_t bit = ARG(call, 2, int32_t, i);
        if (at < 0 || at >= (int64_t)s->len * 8) return bad_index(call, at, (int64_t)s->len * 8 - 1);
        if (bit != 0 && bit != 1)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
        char *p;
        TRY_ALLOC(call->ctx, p, arena_memdup(call->arena, str_data(s), s->len));
        p[at / 8] = (char)((p[at / 8] & ~(1 << (at % 8))) | bit << (at % 8));
        OUT(call, Str, i) = str_make(p, s->len);
    }
    return QN_OK;
}

Status
fn_bytea_bit_count(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        int64_t n = 0;
        for (uint32_t k = 0; k < s->len; k++) n += __builtin_popcount((unsigned char)str_data(s)[k]);
        OUT(call, int64_t, i) = n;
    }
    return QN_OK;
}

/* convert_to, convert_from: UTF-8 is the only encoding there is. */

static Status
check_utf8_name(KernelCall *call, const Str *name, const char *which)
{
    char key[16];
    size_t n = 0;
    const char *p = str_data(name);
    for (uint32_t i = 0; i < name->len && n < sizeof(key) - 1; i++)
        if (ascii_is_alpha(p[i]) || ascii_is_digit(p[i])) key[n++] = ascii_lower(p[i]);
    key[n] = '\0';
    if (strcmp(key, "utf8") == 0 || strcmp(key, "unicode") == 0) return QN_OK;
    return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid %s encoding name \"%.*s\"", which,
                 (int)name->len, p);
}

Status
fn_pg_convert_to(KernelCall *call)
{
    ROWS (call, i) {
        TRY(check_utf8_name(call, &ARG(call, 1, Str, i), "destination"));
        OUT(call, Str, i) = ARG(call, 0, Str, i);
    }
    return QN_OK;
}

Status
fn_pg_convert_from(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        TRY(check_utf8_name(call, &ARG(call, 1, Str, i), "source"));
        TRY(utf8_check(call->ctx, str_data(s), s->len));
        OUT(call, Str, i) = *s;
    }
    return QN_OK;
}
