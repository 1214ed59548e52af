/* textops.h - rules of the text types that more than one file needs: lengths, blanks, quoting. */
#ifndef TYPES_TEXTOPS_H
#define TYPES_TEXTOPS_H

#include "types/type.h"

/* s without trailing blanks: what counts of a char(n). */
static inline Str
str_trim_blanks(Str s)
{
    const char *p = str_data(&s);
    uint32_t n = s.len;
    if (n == 0 || p[n - 1] != ' ') return s;
    while (n > 0 && p[n - 1] == ' ') n--;
    return str_make(p, n);
}

/* The length coercions; typmod is length + 4, less than 4: none. An explicit cast truncates where
 * assignment raises 22001; blanks past the limit always go. The result may be a view on s: s must
 * outlive it even where s is inline (inline views are copied, so that holds by itself). */
Status text_fit_varchar(Ctx *ctx, Str s, int32_t typmod, bool is_explicit, Str *out);
Status text_fit_bpchar(Ctx *ctx, Arena *arena, Str s, int32_t typmod, bool is_explicit, Str *out);
/* Names hold 63 bytes; longer ones are cut at a character. */
Str text_fit_name(Str s);

/* Appends an SQL identifier, quoted where it has to be. */
void text_add_ident(StrBuf *b, const char *s, size_t nbytes);
/* Appends an SQL string literal; E'' form where the text has a backslash. */
void text_add_literal(StrBuf *b, const char *s, size_t nbytes);

/* bytea in text form, by the setting bytea_output; and back (22P02). */
Status bytea_parse(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Str *out);
void bytea_add_hex(StrBuf *b, const char *data, size_t nbytes);
void bytea_add_escape(StrBuf *b, const char *data, size_t nbytes);

#endif
