/* lexer.re - SQL text to tokens, by PostgreSQL's rules. re2c matches what is regular; strings, nested
 * comments and dollar quotes are opened by a rule and finished by a function below. */
#include "grammar.h"
#include "common/settings.h"
#include "parser/parse_priv.h"
#include <limits.h>
#include <string.h>

enum { NAME_BYTES_MAX = 63 };

static Status
error_at(Lexer *lx, const char *from, Status code, const char *msg)
{
    return err_position(lx->ctx, RAISE(lx->ctx, code, "%s", msg), (int)(from - lx->start) + 1);
}

Status
lexer_error(Lexer *lx, const char *from, const char *to, const char *msg)
{
    Status st;
    if (from >= lx->limit)
        st = RAISE(lx->ctx, ERR_SYNTAX_ERROR, "%s at end of input", msg);
    else
        st = RAISE(lx->ctx, ERR_SYNTAX_ERROR, "%s at or near \"%.*s\"", msg, (int)(to - from), from);
    return err_position(lx->ctx, st, (int)(from - lx->start) + 1);
}

Status
lexer_truncate_name(Lexer *lx, const char *s, const char **out)
{
    size_t nbytes = strlen(s), keep = NAME_BYTES_MAX;
    *out = s;
    if (nbytes <= NAME_BYTES_MAX) return QN_OK;
    while (keep > 0 && ((unsigned char)s[keep] & 0xC0) == 0x80) keep--;
    TRY_ALLOC(lx->ctx, *out, arena_strndup(lx->arena, s, keep));
    ctx_notice(lx->ctx, "NOTICE", ERR_NAME_TOO_LONG, "identifier \"%s\" will be truncated to \"%s\"", s, *out);
    return QN_OK;
}

/* ---- comments and dollar quotes ---- */

/* p stands behind the opening; NULL: not closed. */
static const char *
skip_comment(const char *p, const char *limit)
{
    for (int depth = 1; depth > 0;) {
        if (limit - p < 2) return NULL;
        if (p[0] == '/' && p[1] == '*')
            depth++, p += 2;
        else if (p[0] == '*' && p[1] == '/')
            depth--, p += 2;
        else
            p++;
    }
    return p;
}

/* p stands behind the opening tag; the end of the closing one, NULL: not closed. */
static const char *
find_dollar_end(const char *p, const char *limit, const char *tag, size_t tag_bytes)
{
    const char *end = memmem(p, (size_t)(limit - p), tag, tag_bytes);
    return end == NULL ? NULL : end + tag_bytes;
}

/* ---- strings ---- */

/* Where a string goes on after its closing quote: blanks with a newline among them, then a quote. NULL: it
 * does not. */
static const char *
find_continuation(const char *p, const char *limit)
{
    bool newline = false;
    while (p < limit) {
        if (*p == '\n' || *p == '\r')
            newline = true, p++;
        else if (ascii_is_space(*p))
            p++;
        else if (*p == '-' && limit - p > 1 && p[1] == '-')
            while (p < limit && *p != '\n' && *p != '\r') p++;
        else
            break;
    }
    return newline && p < limit && *p == '\'' ? p + 1 : NULL;
}

static Status
escape_error(Lexer *lx, const char *at, Status code, const char *msg, const char *hint)
{
    Status st = RAISE(lx->ctx, code, "%s", msg);
    if (hint != NULL) st = err_hint(lx->ctx, st, "%s", hint);
    return err_position(lx->ctx, st, (int)(at - lx->start) + 1);
}

static bool
read_hex(const char **p, const char *limit, int min, int max, uint32_t *out)
{
    int n = 0;
    uint32_t v = 0;
    for (; n < max && *p < limit; n++, (*p)++) {
        char c = **p;
        if (ascii_is_digit(c))
            v = v * 16 + (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v * 16 + (uint32_t)((c | 32) - 'a' + 10);
        else
            break;
    }
    *out = v;
    return n >= min;
}

static bool is_high_surrogate(uint32_t c) { return c >= 0xD800 && c <= 0xDBFF; }
static bool is_low_surrogate(uint32_t c) { return c >= 0xDC00 && c <= 0xDFFF; }

/* Adds c, joining surrogate halves through *high. */
static Status
add_code_point(Lexer *lx, StrBuf *b, uint32_t c, uint32_t *high, const char *at)
{
    char bytes[4];
    if (*high != 0) {
        if (!is_low_surrogate(c)) return escape_error(lx, at, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair", NULL);
        c = 0x10000 + ((*high - 0xD800) << 10) + (c - 0xDC00);
        *high = 0;
    } else if (is_high_surrogate(c)) {
        *high = c;
        return QN_OK;
    } else if (is_low_surrogate(c)) {
        return escape_error(lx, at, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair", NULL);
    }
    int n = c == 0 ? 0 : utf8_encode(c, bytes);
    if (n == 0) return escape_error(lx, at, ERR_SYNTAX_ERROR, "invalid Unicode escape value", NULL);
    strbuf_add(b, bytes, (size_t)n);
    return QN_OK;
}

/* One backslash escape of an E'' string; *p stands behind the backslash. */
static Status
read_escape(Lexer *lx, StrBuf *b, const char **p, uint32_t *high, bool *raw_out)
{
    const char *at = *p - 1;
    char c = *(*p)++;
    uint32_t v;
    if (*high != 0 && c != 'u' && c != 'U')
        return escape_error(lx, at, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair", NULL);
    switch (c) {
    case 'b': strbuf_addc(b, '\b'); return QN_OK;
    case 'f': strbuf_addc(b, '\f'); return QN_OK;
    case 'n': strbuf_addc(b, '\n'); return QN_OK;
    case 'r': strbuf_addc(b, '\r'); return QN_OK;
    case 't': strbuf_addc(b, '\t'); return QN_OK;
    case 'u':
    case 'U':
        if (!read_hex(p, lx->limit, c == 'u' ? 4 : 8, c == 'u' ? 4 : 8, &v))
            return escape_error(lx, at, ERR_INVALID_ESCAPE_SEQUENCE, "invalid Unicode escape",
                                "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.");
        return add_code_point(lx, b, v, high, at);
    case 'x':
        if (!read_hex(p, lx->limit, 1, 2, &v)) break;
        *raw_out = true;
        strbuf_addc(b, (char)v);
        return QN_OK;
    default:
        if (c < '0' || c > '7') break;
        v = (uint32_t)(c - '0');
        for (int i = 0; i < 2 && *p < lx->limit && **p >= '0' && **p <= '7'; i++) v = v * 8 + (uint32_t)(*(*p)++ - '0');
        *raw_out = true;
        strbuf_addc(b, (char)v);
        return QN_OK;
    }
    strbuf_addc(b, c);
    return QN_OK;
}

/* Whether backslashes in '...' are ordinary characters. */
static bool
conforming(const Lexer *lx)
{
    return lx->ctx->settings == NULL || lx->ctx->settings->standard_conforming_strings;
}

static Status
unsafe_unicode(Lexer *lx, const char *start)
{
    Status st = RAISE(lx->ctx, ERR_FEATURE_NOT_SUPPORTED, "unsafe use of string constant with Unicode escapes");
    st = err_detail(lx->ctx, st,
                    "String constants with Unicode escapes cannot be used when standard_conforming_strings is off.");
    return err_position(lx->ctx, st, (int)(start - lx->start) + 1);
}

/* The string whose first quote ends at p; start is the token's. quote is ' or ". */
static Status
read_string(Lexer *lx, const char *start, const char *p, char quote, bool escapes, const char **text_out,
            const char **end_out)
{
    const char *limit = lx->limit, *end, *more;
    const char *unterminated = quote == '"' ? "unterminated quoted identifier" : "unterminated quoted string";
    if (!escapes) { /* the usual string: no quote inside, nothing after */
        end = memchr(p, quote, (size_t)(limit - p));
        if (end == NULL) return lexer_error(lx, start, limit, unterminated);
        bool is_plain = (end + 1 == limit || end[1] != quote) &&
                        (quote == '"' || find_continuation(end + 1, limit) == NULL);
        if (is_plain) {
            TRY_ALLOC(lx->ctx, *text_out, arena_strndup(lx->arena, p, (size_t)(end - p)));
            *end_out = end + 1;
            return memchr(p, 0, (size_t)(end - p)) == NULL ? QN_OK : utf8_check(lx->ctx, p, (size_t)(end - p));
        }
    }
    StrBuf b = strbuf_new(lx->arena);
    uint32_t high = 0;
    bool raw = false;
    for (;;) {
        if (p >= limit) return lexer_error(lx, start, limit, unterminated);
        if (escapes && *p == '\\' && p + 1 < limit) {
            p++;
            TRY(read_escape(lx, &b, &p, &high, &raw));
            continue;
        }
        if (high != 0) return escape_error(lx, p, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair", NULL);
        if (*p != quote) {
            strbuf_addc(&b, *p++);
        } else if (p + 1 < limit && p[1] == quote) {
            strbuf_addc(&b, quote);
            p += 2;
        } else if (quote == '\'' && (more = find_continuation(p + 1, limit)) != NULL) {
            p = more;
        } else {
            break;
        }
    }
    char *text;
    size_t nbytes;
    TRY(strbuf_finish(lx->ctx, &b, &text, &nbytes));
    *text_out = text;
    *end_out = p + 1;
    return raw || memchr(text, 0, nbytes) != NULL ? utf8_check(lx->ctx, text, nbytes) : QN_OK;
}

Status
lexer_unescape(Lexer *lx, const char *s, char escape, int loc, const char **out)
{
    const char *limit = s + strlen(s), *source = lx->start + loc - 1;
    StrBuf b = strbuf_new(lx->arena);
    uint32_t high = 0, v;
    while (s < limit) {
        if (*s != escape) {
            if (high != 0) break;
            strbuf_addc(&b, *s++);
            continue;
        }
        if (s + 1 < limit && s[1] == escape) {
            if (high != 0) break;
            strbuf_addc(&b, escape);
            s += 2;
            continue;
        }
        bool is_long = s + 1 < limit && s[1] == '+';
        s += is_long ? 2 : 1;
        if (!read_hex(&s, limit, is_long ? 6 : 4, is_long ? 6 : 4, &v))
            return escape_error(lx, source, ERR_SYNTAX_ERROR, "invalid Unicode escape",
                                "Unicode escapes must be \\XXXX or \\+XXXXXX.");
        TRY(add_code_point(lx, &b, v, &high, source));
    }
    if (high != 0) return escape_error(lx, source, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair", NULL);
    char *text;
    TRY(strbuf_finish(lx->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

/* B'101' and X'1F': the kind's letter and the digits. */
static Status
read_bits(Lexer *lx, const char *start, const char *p, Token *tok, const char **end_out)
{
    bool is_hex = (*start | 32) == 'x';
    const char *text;
    char *bits;
    const char *close = memchr(p, '\'', (size_t)(lx->limit - p));
    if (close == NULL)
        return lexer_error(lx, start, lx->limit,
                           is_hex ? "unterminated hexadecimal string literal" : "unterminated bit string literal");
    TRY(read_string(lx, start, p, '\'', false, &text, end_out));
    TRY_ALLOC(lx->ctx, bits, arena_alloc(lx->arena, strlen(text) + 2));
    bits[0] = is_hex ? 'x' : 'b';
    strcpy(bits + 1, text);
    tok->str = bits;
    return QN_OK;
}

/* ---- names, numbers, operators ---- */

static Status
read_name(Lexer *lx, const char *start, const char *end, int *kind, Token *tok)
{
    size_t nbytes = (size_t)(end - start);
    char *name;
    *kind = TK_IDENT;
    TRY_ALLOC(lx->ctx, name, arena_alloc(lx->arena, nbytes + 1));
    for (size_t i = 0; i < nbytes; i++) name[i] = ascii_lower(start[i]);
    name[nbytes] = '\0';
    tok->str = name;
    const Keyword *k = keyword_find(name, nbytes);
    if (k != NULL) {
        *kind = k->token;
        tok->str = k->text;
        tok->needs_as = !k->is_bare_label;
        return QN_OK;
    }
    return nbytes > NAME_BYTES_MAX ? lexer_truncate_name(lx, name, &tok->str) : QN_OK;
}

/* Digits without _; 0x, 0o and 0b become decimal. */
static Status
read_number(Lexer *lx, const char *start, const char *end, Token *tok)
{
    char *text;
    size_t n = 0, nbytes = (size_t)(end - start);
    TRY_ALLOC(lx->ctx, text, arena_alloc(lx->arena, nbytes * 2 + 2));
    int letter = nbytes > 2 && start[0] == '0' ? start[1] | 32 : 0;
    int bits = letter == 'x' ? 4 : letter == 'o' ? 3 : letter == 'b' ? 1 : 0;
    tok->str = text;
    if (bits == 0) {
        for (const char *p = start; p < end; p++)
            if (*p != '_') text[n++] = *p;
        text[n] = '\0';
        return QN_OK;
    }
    unsigned __int128 v = 0;
    for (const char *p = start + 2; p < end; p++) {
        if (*p == '_') continue;
        unsigned digit = ascii_is_digit(*p) ? (unsigned)(*p - '0') : (unsigned)((*p | 32) - 'a' + 10);
        if (v >> (128 - bits) != 0)
            return error_at(lx, start, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer literal is too long");
        v = v << bits | digit;
    }
    char digits[40];
    do {
        digits[n++] = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v != 0);
    if (n > nbytes * 2) n = nbytes * 2;
    for (size_t i = 0; i < n; i++) text[i] = digits[n - 1 - i];
    text[n] = '\0';
    return QN_OK;
}

/* How much of a run of operator characters is one operator: it ends before a comment; + and - end a longer
 * one only where it holds a character that standard SQL does not use in operators. */
static size_t
operator_bytes(const char *start, size_t nbytes)
{
    for (size_t i = 0; i + 1 < nbytes; i++) {
        if ((start[i] == '/' && start[i + 1] == '*') || (start[i] == '-' && start[i + 1] == '-')) {
            nbytes = i;
            break;
        }
    }
    if (nbytes > 1 && (start[nbytes - 1] == '+' || start[nbytes - 1] == '-')) {
        for (size_t i = 0; i + 1 < nbytes; i++)
            if (strchr("~!@#^&|`?%", start[i]) != NULL) return nbytes;
        while (nbytes > 1 && (start[nbytes - 1] == '+' || start[nbytes - 1] == '-')) nbytes--;
    }
    return nbytes;
}

static int
operator_kind(const char *s, size_t nbytes)
{
    if (nbytes == 1) {
        switch (*s) {
        case '+': return TK_PLUS;
        case '-': return TK_MINUS;
        case '*': return TK_STAR;
        case '/': return TK_SLASH;
        case '%': return TK_PERCENT;
        case '^': return TK_CARET;
        case '<': return TK_LT;
        case '>': return TK_GT;
        case '=': return TK_EQ;
        default: return TK_OP;
        }
    }
    if (nbytes == 2) {
        if (s[0] == '=' && s[1] == '>') return TK_EQUALS_GREATER;
        if (s[0] == '>' && s[1] == '=') return TK_GE;
        if (s[0] == '<' && s[1] == '=') return TK_LE;
        if (s[0] == '<' && s[1] == '>') return TK_NE;
        if (s[0] == '!' && s[1] == '=') return TK_NE;
    }
    return TK_OP;
}

static Status
read_operator(Lexer *lx, const char *start, const char **end, int *kind, Token *tok)
{
    size_t nbytes = operator_bytes(start, (size_t)(*end - start));
    *end = start + nbytes;
    if (nbytes > NAME_BYTES_MAX) return lexer_error(lx, start, *end, "operator too long");
    *kind = operator_kind(start, nbytes);
    if (*kind == TK_NE)
        tok->str = "<>";
    else
        TRY_ALLOC(lx->ctx, tok->str, arena_strndup(lx->arena, start, nbytes));
    return QN_OK;
}

#define EMIT(k)                                                                                    \
    do {                                                                                           \
        *kind = (k);                                                                               \
        goto emit;                                                                                 \
    } while (0)

/* The text has no sentinel: reading at the limit gives 0. */
#define YYPEEK() (p < limit ? (unsigned char)*p : 0)
#define YYSKIP() (void)p++
#define YYBACKUP() (void)(mark = p)
#define YYRESTORE() (void)(p = mark)

Status
lexer_next(Lexer *lx, int *kind, Token *tok)
{
    const char *mark, *start, *limit = lx->limit, *p = lx->cursor, *end;
    tok->str = NULL;
    tok->needs_as = 0;
again:
    start = p;
    /*!re2c
    re2c:define:YYCTYPE  = "unsigned char";
    re2c:flags:input = custom;
    re2c:yyfill:enable   = 0;

    space     = [ \t\r\n\f\v];
    start     = [A-Za-z_\x80-\xff];
    ident     = start [A-Za-z0-9_$\x80-\xff]*;
    tag       = start [A-Za-z0-9_\x80-\xff]*;
    digits    = [0-9] ("_"? [0-9])*;
    hexes     = "0" [xX] ("_"? [0-9A-Fa-f])+;
    octals    = "0" [oO] ("_"? [0-7])+;
    bits      = "0" [bB] ("_"? [01])+;
    decimal   = digits "." digits? | "." digits;
    real      = (digits | decimal) [Ee] [-+]? digits;
    op        = [-~!@#^&|`?+*/%<>=];

    space+                    { goto again; }
    "--" [^\n\r\x00]*         { goto again; }
    "/*" op*                  {
        end = skip_comment(start + 2, limit);
        if (end == NULL) return lexer_error(lx, start, limit, "unterminated /* comment");
        p = end;
        goto again;
    }

    ident                     {
        TRY(read_name(lx, start, p, kind, tok));
        goto emit;
    }

    digits                    {
        TRY(read_number(lx, start, p, tok));
        EMIT(TK_ICONST);
    }
    hexes | octals | bits     {
        TRY(read_number(lx, start, p, tok));
        EMIT(TK_ICONST);
    }
    digits ".."               {
        p -= 2;
        TRY(read_number(lx, start, p, tok));
        EMIT(TK_ICONST);
    }
    decimal | real            {
        TRY(read_number(lx, start, p, tok));
        EMIT(TK_FCONST);
    }
    "0" [xX] "_"?             { return lexer_error(lx, start, p, "invalid hexadecimal integer"); }
    "0" [oO] "_"?             { return lexer_error(lx, start, p, "invalid octal integer"); }
    "0" [bB] "_"?             { return lexer_error(lx, start, p, "invalid binary integer"); }
    (digits | hexes | octals | bits | decimal | real) ident |
    (digits | decimal) [Ee] [-+]?
                              { return lexer_error(lx, start, p, "trailing junk after numeric literal"); }

    "$" [0-9]+                { EMIT(TK_PARAM); }
    "$" [0-9]+ ident          { return lexer_error(lx, start, p, "trailing junk after parameter"); }
    "$" tag? "$"              {
        end = find_dollar_end(p, limit, start, (size_t)(p - start));
        if (end == NULL) return lexer_error(lx, start, limit, "unterminated dollar-quoted string");
        TRY_ALLOC(lx->ctx, tok->str, arena_strndup(lx->arena, p, (size_t)(end - p) - (size_t)(p - start)));
        p = end;
        EMIT(TK_SCONST);
    }

    "'"                       {
        TRY(read_string(lx, start, p, '\'', !conforming(lx), &tok->str, &p));
        EMIT(TK_SCONST);
    }
    [eE] "'"                  {
        TRY(read_string(lx, start, p, '\'', true, &tok->str, &p));
        EMIT(TK_SCONST);
    }
    [uU] "&'"                 {
        if (!conforming(lx)) return unsafe_unicode(lx, start);
        TRY(read_string(lx, start, p, '\'', false, &tok->str, &p));
        EMIT(TK_USCONST);
    }
    [bBxX] "'"                {
        TRY(read_bits(lx, start, p, tok, &p));
        EMIT((*start | 32) == 'x' ? TK_XCONST : TK_BCONST);
    }
    [nN] "'"                  {
        p = start + 1;
        tok->str = "nchar";
        EMIT(TK_NCHAR);
    }
    "\""                      {
        TRY(read_string(lx, start, p, '"', false, &tok->str, &p));
        if (*tok->str == '\0') return lexer_error(lx, start, p, "zero-length delimited identifier");
        TRY(lexer_truncate_name(lx, tok->str, &tok->str));
        EMIT(TK_IDENT);
    }
    [uU] "&\""                {
        TRY(read_string(lx, start, p, '"', false, &tok->str, &p));
        if (*tok->str == '\0') return lexer_error(lx, start, p, "zero-length delimited identifier");
        EMIT(TK_UIDENT);
    }

    "::"                      { EMIT(TK_TYPECAST); }
    ":="                      { EMIT(TK_COLON_EQUALS); }
    ".."                      { EMIT(TK_DOT_DOT); }
    ","                       { EMIT(TK_COMMA); }
    "("                       { EMIT(TK_LP); }
    ")"                       { EMIT(TK_RP); }
    "["                       { EMIT(TK_LB); }
    "]"                       { EMIT(TK_RB); }
    "."                       { EMIT(TK_DOT); }
    ";"                       { EMIT(TK_SEMI); }
    ":"                       { EMIT(TK_COLON); }
    op+                       {
        TRY(read_operator(lx, start, &p, kind, tok));
        goto emit;
    }

    "\x00"                    {
        if (start >= limit) {
            p = limit;
            EMIT(0);
        }
        return utf8_check(lx->ctx, start, 1);
    }
    *                         { return lexer_error(lx, start, p, "syntax error"); }
    */
emit:
    tok->loc = (int)(start - lx->start) + 1;
    tok->nbytes = (unsigned)(p - start);
    lx->cursor = p;
    return QN_OK;
}
