/* text.c - text, varchar, char(n), name, "char": in, out, compare, hash, and the length rules.
 *
 * All are views on UTF-8 bytes. char(n) keeps the blanks it was padded with, and comparison and hash
 * look past them, so that equal values hash equal whatever their declared length. */
#include "common/hash.h"
#include "types/textops.h"
#include "types/type.h"

enum { NAME_BYTES_MAX = 63 };

Status
text_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    Str s;
    (void)typmod;
    TRY(utf8_check(ctx, text, nbytes));
    TRY(str_copy(ctx, arena, text, nbytes, &s));
    *out = value_str(type, s);
    return QN_OK;
}

Status
text_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    strbuf_add(b, str_data(&value->str), value->str.len);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

int
text_cmp(const Value *a, const Value *b)
{
    return str_cmp(&a->str, &b->str);
}

uint64_t
text_hash(const Value *v)
{
    return hash_bytes(str_data(&v->str), v->str.len);
}

Status
text_fit_varchar(Ctx *ctx, Str s, int32_t typmod, bool is_explicit, Str *out)
{
    *out = s;
    if (typmod < 4) return QN_OK;
    size_t nchars = (size_t)(typmod - 4);
    if (s.len <= nchars) return QN_OK; /* a character has at least a byte */
    const char *p = str_data(&s);
    size_t keep = utf8_offset(p, s.len, nchars);
    if (keep == s.len) return QN_OK;
    if (!is_explicit)
        for (size_t i = keep; i < s.len; i++)
            if (p[i] != ' ')
                return RAISE(ctx, ERR_STRING_DATA_RIGHT_TRUNCATION,
                             "value too long for type character varying(%zu)", nchars);
    *out = str_make(p, keep);
    return QN_OK;
}

Status
text_fit_bpchar(Ctx *ctx, Arena *arena, Str s, int32_t typmod, bool is_explicit, Str *out)
{
    *out = s;
    if (typmod < 4) return QN_OK;
    size_t want = (size_t)(typmod - 4);
    const char *p = str_data(&s);
    size_t have = utf8_count(p, s.len);
    if (have == want) return QN_OK;
    if (have > want) {
        size_t keep = utf8_offset(p, s.len, want);
        if (!is_explicit)
            for (size_t i = keep; i < s.len; i++)
                if (p[i] != ' ')
                    return RAISE(ctx, ERR_STRING_DATA_RIGHT_TRUNCATION,
                                 "value too long for type character(%zu)", want);
        *out = str_make(p, keep);
        return QN_OK;
    }
    size_t nbytes = s.len + (want - have);
    char *q;
    TRY_ALLOC(ctx, q, arena_alloc(arena, nbytes + 1));
    memcpy(q, p, s.len);
    memset(q + s.len, ' ', want - have);
    *out = str_make(q, nbytes);
    return QN_OK;
}

Status
varchar_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
           Value *out)
{
    TRY(text_in(ctx, arena, text, nbytes, type, -1, out));
    Str s = out->str;
    TRY(text_fit_varchar(ctx, s, typmod, false, &out->str));
    return QN_OK;
}

Status
varchar_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    return text_out(ctx, b, value);
}

Status
bpchar_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
          Value *out)
{
    TRY(text_in(ctx, arena, text, nbytes, type, -1, out));
    Str s = out->str;
    TRY(text_fit_bpchar(ctx, arena, s, typmod, false, &out->str));
    return QN_OK;
}

Status
bpchar_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    return text_out(ctx, b, value);
}

int
bpchar_cmp(const Value *a, const Value *b)
{
    Str x = str_trim_blanks(a->str), y = str_trim_blanks(b->str);
    return str_cmp(&x, &y);
}

uint64_t
bpchar_hash(const Value *v)
{
    Str s = str_trim_blanks(v->str);
    return hash_bytes(str_data(&s), s.len);
}

Str
text_fit_name(Str s)
{
    if (s.len <= NAME_BYTES_MAX) return s;
    const char *p = str_data(&s);
    size_t n = NAME_BYTES_MAX;
    while (n > 0 && ((unsigned char)p[n] & 0xC0) == 0x80) n--;
    return str_make(p, n);
}

Status
name_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    TRY(text_in(ctx, arena, text, nbytes, type, typmod, out));
    out->str = text_fit_name(out->str);
    return QN_OK;
}

Status
name_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    return text_out(ctx, b, value);
}

/* "char" is one byte; 0 is the empty string. Bytes past ASCII have the form \ooo, so that output stays
 * UTF-8. */
Status
char_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    (void)ctx, (void)arena, (void)typmod;
    char c = nbytes > 0 ? text[0] : '\0';
    if (nbytes == 4 && c == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
        text[2] <= '7' && text[3] >= '0' && text[3] <= '7')
        c = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
    *out = value_str(type, str_make(&c, c != '\0'));
    return QN_OK;
}

Status
char_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    if (value->str.len > 0) {
        unsigned char c = (unsigned char)value->str.inl[0];
        if (c >= 0x80)
            strbuf_addf(b, "\\%03o", c);
        else
            strbuf_addc(b, (char)c);
    }
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}
