/* str.c - see str.h. */
#include "common/str.h"
#include "common/ctx.h"
#include <stdarg.h>
#include <stdio.h>

bool
strbuf_reserve(StrBuf *b, size_t more)
{
    if (b->failed) return false;
    if (b->cap - b->nbytes > more) return true;
    size_t cap = b->cap != 0 ? b->cap : 64;
    while (cap - b->nbytes <= more) {
        if (cap > SIZE_MAX / 4) {
            b->failed = true;
            return false;
        }
        cap *= 2;
    }
    char *data = arena_realloc(b->arena, b->data, b->cap, cap);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void
strbuf_add(StrBuf *b, const char *s, size_t nbytes)
{
    if (!strbuf_reserve(b, nbytes)) return;
    if (nbytes != 0) memcpy(b->data + b->nbytes, s, nbytes);
    b->nbytes += nbytes;
    b->data[b->nbytes] = '\0';
}

void
strbuf_addz(StrBuf *b, const char *s)
{
    strbuf_add(b, s, strlen(s));
}

void
strbuf_addc(StrBuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void
strbuf_addv(StrBuf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && strbuf_reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->nbytes, (size_t)n + 1, fmt, again);
        b->nbytes += (size_t)n;
    }
    va_end(again);
}

void
strbuf_addf(StrBuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_addv(b, fmt, ap);
    va_end(ap);
}

Status
strbuf_finish(Ctx *ctx, StrBuf *b, char **text_out, size_t *nbytes_out)
{
    if (!strbuf_reserve(b, 0)) return RAISE_OOM(ctx);
    b->data[b->nbytes] = '\0';
    *text_out = b->data;
    if (nbytes_out != NULL) *nbytes_out = b->nbytes;
    return QN_OK;
}

size_t
utf8_count(const char *s, size_t nbytes)
{
    size_t n = 0;
    for (size_t i = 0; i < nbytes; i++) n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

size_t
utf8_offset(const char *s, size_t nbytes, size_t nchars)
{
    size_t i = 0;
    while (i < nbytes && nchars > 0) {
        i += (size_t)utf8_char_bytes((unsigned char)s[i]);
        nchars--;
    }
    return i < nbytes ? i : nbytes;
}

int
utf8_decode(const char *s, const char *end, uint32_t *cp_out)
{
    const unsigned char *p = (const unsigned char *)s;
    int n = utf8_char_bytes(p[0]);
    if (n == 1 || end - s < n) {
        *cp_out = p[0];
        return 1;
    }
    if (n == 2)
        *cp_out = (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    else if (n == 3)
        *cp_out = (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    else
        *cp_out = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
                  (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    return n;
}

int
utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        if (cp >= 0xD800 && cp < 0xE000) return 0;
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    if (cp > 0x10FFFF) return 0;
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/* Length of a valid, non-NUL character at s, 0 if it is none (RFC 3629: no overlong forms, no
 * surrogates, nothing past U+10FFFF). */
static int
valid_char(const unsigned char *s, size_t left)
{
    unsigned char c = s[0];
    if (c < 0x80) return c != 0;
    int n = utf8_char_bytes(c);
    if (n == 1 || left < (size_t)n) return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if (c == 0xE0 && s[1] < 0xA0) return 0;
    if (c == 0xED && s[1] > 0x9F) return 0;
    if (c == 0xF0 && s[1] < 0x90) return 0;
    if (c == 0xF4 && s[1] > 0x8F) return 0;
    return n;
}

ptrdiff_t
utf8_invalid_at(const char *s, size_t nbytes)
{
    size_t i = 0;
    while (i < nbytes) {
        uint64_t w;
        if (nbytes - i >= 8) { /* eight ASCII bytes without NUL at once */
            memcpy(&w, s + i, 8);
            if ((w & 0x8080808080808080ull) == 0 &&
                ((w - 0x0101010101010101ull) & ~w & 0x8080808080808080ull) == 0) {
                i += 8;
                continue;
            }
        }
        int n = valid_char((const unsigned char *)s + i, nbytes - i);
        if (n == 0) return (ptrdiff_t)i;
        i += (size_t)n;
    }
    return -1;
}

Status
utf8_check(Ctx *ctx, const char *s, size_t nbytes)
{
    ptrdiff_t at = utf8_invalid_at(s, nbytes);
    if (at < 0) return QN_OK;
    const unsigned char *p = (const unsigned char *)s + at;
    size_t n = (size_t)utf8_char_bytes(p[0]), left = nbytes - (size_t)at;
    char hex[4 * 5 + 1];
    size_t used = 0;
    if (n > left) n = left;
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(hex + used, sizeof(hex) - used, i > 0 ? " 0x%02x" : "0x%02x", p[i]);
    return RAISE(ctx, ERR_CHARACTER_NOT_IN_REPERTOIRE,
                 "invalid byte sequence for encoding \"UTF8\": %s", hex);
}

static int
cp_width(uint32_t cp)
{
    if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0)) return 0;
    if ((cp >= 0x300 && cp <= 0x36F) || (cp >= 0x200B && cp <= 0x200F) ||
        (cp >= 0x20D0 && cp <= 0x20FF) || (cp >= 0xFE00 && cp <= 0xFE0F))
        return 0;
    if ((cp >= 0x1100 && cp <= 0x115F) || (cp >= 0x2E80 && cp <= 0x303E) ||
        (cp >= 0x3041 && cp <= 0xA4CF) || (cp >= 0xAC00 && cp <= 0xD7A3) ||
        (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0xFE30 && cp <= 0xFE6F) ||
        (cp >= 0xFF00 && cp <= 0xFF60) || (cp >= 0xFFE0 && cp <= 0xFFE6) ||
        (cp >= 0x1F300 && cp <= 0x1F64F) || (cp >= 0x1F900 && cp <= 0x1F9FF) ||
        (cp >= 0x20000 && cp <= 0x3FFFD))
        return 2;
    return 1;
}

int
utf8_width(const char *s, size_t nbytes)
{
    const char *end = s + nbytes;
    int width = 0;
    while (s < end) {
        uint32_t cp;
        s += utf8_decode(s, end, &cp);
        width += cp_width(cp);
    }
    return width;
}

int
ascii_casecmp(const char *a, const char *b)
{
    for (;; a++, b++) {
        unsigned char x = (unsigned char)ascii_lower(*a), y = (unsigned char)ascii_lower(*b);
        if (x != y || x == 0) return (int)x - (int)y;
    }
}

int
ascii_ncasecmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; a++, b++, n--) {
        unsigned char x = (unsigned char)ascii_lower(*a), y = (unsigned char)ascii_lower(*b);
        if (x != y || x == 0) return (int)x - (int)y;
    }
    return 0;
}
