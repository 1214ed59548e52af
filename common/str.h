/* str.h - byte strings: views, builders, UTF-8.
 *
 * Text inside the engine is UTF-8, checked where it comes in, and is not NUL-terminated unless a name
 * says so. A StrBuf grows in an arena; after an allocation failed it stays failed and strbuf_finish
 * reports it, so that builders need one check.
 */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include "common/arena.h"
#include "common/status.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct StrBuf {
    Arena *arena;
    char *data; /* NUL-terminated whenever nbytes > 0 was appended by these functions */
    size_t nbytes, cap;
    bool failed;
} StrBuf;

static inline StrBuf
strbuf_new(Arena *arena)
{
    return (StrBuf){.arena = arena};
}
/* Empty again, for another use; what failed in the last one is forgotten. */
static inline void
strbuf_reset(StrBuf *b)
{
    b->nbytes = 0;
    b->failed = false;
}
bool strbuf_reserve(StrBuf *b, size_t more); /* room for more bytes and a NUL; false: failed */
void strbuf_add(StrBuf *b, const char *s, size_t nbytes);
void strbuf_addz(StrBuf *b, const char *s);
void strbuf_addc(StrBuf *b, char c);
void strbuf_addv(StrBuf *b, const char *fmt, va_list ap);
void strbuf_addf(StrBuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* 53200 if any append failed; else the text, NUL-terminated, in the arena. */
Status strbuf_finish(Ctx *ctx, StrBuf *b, char **text_out, size_t *nbytes_out);

/* Length in bytes of the character that starts with byte c, 1 for a byte that starts none. */
static inline int
utf8_char_bytes(unsigned char c)
{
    if (c < 0x80) return 1;
    if (c < 0xC2) return 1;
    if (c < 0xE0) return 2;
    if (c < 0xF0) return 3;
    return c < 0xF5 ? 4 : 1;
}
/* Characters in valid UTF-8. */
size_t utf8_count(const char *s, size_t nbytes);
/* Byte offset of character nchars (0-based), or nbytes when there are fewer. */
size_t utf8_offset(const char *s, size_t nbytes, size_t nchars);
/* Decodes one character of valid UTF-8; returns its length in bytes. */
int utf8_decode(const char *s, const char *end, uint32_t *cp_out);
int utf8_encode(uint32_t cp, char out[4]); /* 0 for surrogates and values past 0x10FFFF */
/* Offset of the first byte that is not valid UTF-8 (or is NUL), -1 if all is well. */
ptrdiff_t utf8_invalid_at(const char *s, size_t nbytes);
/* 22021 with PostgreSQL's text for input that is not UTF-8 or holds NUL. */
Status utf8_check(Ctx *ctx, const char *s, size_t nbytes);
/* Columns on a terminal (wide and combining characters), for shells and tables. */
int utf8_width(const char *s, size_t nbytes);

/* ASCII only, whatever the locale. */
static inline char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static inline char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 32) : c; }
static inline bool ascii_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool ascii_is_alpha(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static inline bool
ascii_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
int ascii_casecmp(const char *a, const char *b);
int ascii_ncasecmp(const char *a, const char *b, size_t n);

#endif
