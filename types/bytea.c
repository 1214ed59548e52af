/* bytea.c - bytea: in, out, compare, hash. Text forms are \x hex and the older escape form. */
#include "common/hash.h"
#include "common/settings.h"
#include "types/textops.h"
#include "types/type.h"

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static Status
parse_hex(Ctx *ctx, Arena *arena, const char *s, size_t nbytes, Str *out)
{
    char *buf;
    size_t n = 0;
    TRY_ALLOC(ctx, buf, arena_alloc(arena, nbytes / 2 + 1));
    for (size_t i = 0; i < nbytes;) {
        if (ascii_is_space(s[i])) {
            i++;
            continue;
        }
        int hi = hex_digit(s[i]);
        if (hi < 0)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid hexadecimal digit: \"%.*s\"",
                         utf8_char_bytes((unsigned char)s[i]), s + i);
        if (i + 1 == nbytes)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                         "invalid hexadecimal data: odd number of digits");
        int lo = hex_digit(s[i + 1]);
        if (lo < 0)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid hexadecimal digit: \"%.*s\"",
                         utf8_char_bytes((unsigned char)s[i + 1]), s + i + 1);
        buf[n++] = (char)(hi << 4 | lo);
        i += 2;
    }
    *out = str_make(buf, n);
    return QN_OK;
}

Status
bytea_parse(Ctx *ctx, Arena *arena, const char *s, size_t nbytes, Str *out)
{
    if (nbytes >= 2 && s[0] == '\\' && s[1] == 'x') return parse_hex(ctx, arena, s + 2, nbytes - 2, out);
    char *buf;
    size_t n = 0;
    TRY_ALLOC(ctx, buf, arena_alloc(arena, nbytes + 1));
    for (size_t i = 0; i < nbytes; i++) {
        if (s[i] != '\\') {
            buf[n++] = s[i];
        } else if (i + 1 < nbytes && s[i + 1] == '\\') {
            buf[n++] = '\\';
            i++;
        } else if (i + 3 < nbytes && s[i + 1] >= '0' && s[i + 1] <= '3' && s[i + 2] >= '0' &&
                   s[i + 2] <= '7' && s[i + 3] >= '0' && s[i + 3] <= '7') {
            buf[n++] = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
            i += 3;
        } else {
            return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s",
                         "bytea");
        }
    }
    *out = str_make(buf, n);
    return QN_OK;
}

Status
bytea_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
         Value *out)
{
    Str s;
    (void)typmod;
    TRY(bytea_parse(ctx, arena, text, nbytes, &s));
    *out = value_str(type, s);
    return QN_OK;
}

void
bytea_add_hex(StrBuf *b, const char *data, size_t nbytes)
{
    static const char digits[] = "0123456789abcdef";
    if (!strbuf_reserve(b, nbytes * 2)) return;
    char *q = b->data + b->nbytes;
    for (size_t i = 0; i < nbytes; i++) {
        *q++ = digits[(unsigned char)data[i] >> 4];
        *q++ = digits[(unsigned char)data[i] & 15];
    }
    *q = '\0';
    b->nbytes += nbytes * 2;
}

void
bytea_add_escape(StrBuf *b, const char *data, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c == '\\')
            strbuf_add(b, "\\\\", 2);
        else if (c < 0x20 || c > 0x7E)
            strbuf_addf(b, "\\%03o", c);
        else
            strbuf_addc(b, (char)c);
    }
}

Status
bytea_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    const char *p = str_data(&value->str);
    if (ctx->settings != NULL && ctx->settings->bytea_output == 1) {
        bytea_add_escape(b, p, value->str.len);
    } else {
        strbuf_add(b, "\\x", 2);
        bytea_add_hex(b, p, value->str.len);
    }
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

int
bytea_cmp(const Value *a, const Value *b)
{
    return str_cmp(&a->str, &b->str);
}

uint64_t
bytea_hash(const Value *v)
{
    return hash_bytes(str_data(&v->str), v->str.len);
}
