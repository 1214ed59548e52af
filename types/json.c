/* json.c - see json.h: the checker, which is jsonb's reader too, the cursor, in and out. */
#include "types/json.h"
#include "common/bits.h"
#include "types/jsonb.h"
#include "types/numeric.h"

typedef enum Tok {
    TOK_STRING, TOK_NUMBER, TOK_WORD, TOK_OBJECT, TOK_OBJECT_END, TOK_ARRAY, TOK_ARRAY_END, TOK_COMMA,
    TOK_COLON, TOK_END
} Tok;

typedef struct Lexer {
    Ctx *ctx;
    const char *p, *end;
    const char *line_start;
    int line;
    const char *tok, *tok_end;
    Tok kind;
} Lexer;

/* Adds which line, and up to 50 bytes of it that end with the offending token. */
static Status
add_context(Lexer *lx, Status st)
{
    const char *from = lx->line_start, *to = lx->tok_end;
    while (to - from >= 50) from += utf8_char_bytes((unsigned char)*from);
    if (from - lx->line_start <= 3) from = lx->line_start;
    bool more = lx->kind != TOK_END && to < lx->end && *to != '\n' && *to != '\r';
    return err_context(lx->ctx, st, "JSON data, line %d: %s%.*s%s", lx->line,
                       from > lx->line_start ? "..." : "", (int)(to - from), from, more ? "..." : "");
}

static Status
raise(Lexer *lx)
{
    return RAISE(lx->ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s", "json");
}

static Status
bad_token(Lexer *lx, const char *tok_end)
{
    lx->tok_end = tok_end;
    lx->kind = TOK_WORD;
    return add_context(lx, err_detail(lx->ctx, raise(lx), "Token \"%.*s\" is invalid.",
                                      (int)(tok_end - lx->tok), lx->tok));
}

/* The token is none that may stand here. what: "Expected ..." up to the comma. */
static Status
unexpected(Lexer *lx, const char *what)
{
    if (lx->kind == TOK_END)
        return add_context(lx, err_detail(lx->ctx, raise(lx), "The input string ended unexpectedly."));
    return add_context(lx, err_detail(lx->ctx, raise(lx), "%s, but found \"%.*s\".", what,
                                      (int)(lx->tok_end - lx->tok), lx->tok));
}

static bool
is_word_char(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_' || (unsigned char)c >= 0x80;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static Status
lex_string(Lexer *lx)
{
    const char *p = lx->tok + 1;
    for (;; p++) {
        if (p >= lx->end) return bad_token(lx, lx->end);
        unsigned char c = (unsigned char)*p;
        if (c == '"') break;
        if (c < 0x20) {
            lx->tok_end = p;
            lx->kind = TOK_STRING;
            return add_context(lx, err_detail(lx->ctx, raise(lx),
                                              "Character with value 0x%02x must be escaped.", c));
        }
        if (c != '\\') continue;
        if (++p >= lx->end) return bad_token(lx, lx->end);
        if (*p == 'u') {
            for (int i = 0; i < 4; i++) {
                if (++p >= lx->end) return bad_token(lx, lx->end);
                if (hex_digit(*p) < 0) {
                    int n = utf8_char_bytes((unsigned char)*p);
                    lx->tok_end = lx->end - p < n ? lx->end : p + n;
                    lx->kind = TOK_STRING;
                    return add_context(lx,
                                       err_detail(lx->ctx, raise(lx), "\"\\u\" must be followed by four "
                                                                      "hexadecimal digits."));
                }
            }
        } else if (strchr("\"\\/bfnrt", *p) == NULL) {
            int n = utf8_char_bytes((unsigned char)*p);
            lx->tok_end = lx->end - p < n ? lx->end : p + n;
            lx->kind = TOK_STRING;
            return add_context(lx, err_detail(lx->ctx, raise(lx), "Escape sequence \"\\%.*s\" is invalid.",
                                              (int)(lx->tok_end - p), p));
        }
    }
    lx->tok_end = p + 1;
    lx->kind = TOK_STRING;
    return QN_OK;
}

static Status
lex_number(Lexer *lx)
{
    const char *p = lx->tok, *end = lx->end;
    bool ok = true;
    if (*p == '-') p++;
    if (p < end && *p == '0')
        p++;
    else if (p < end && ascii_is_digit(*p))
        while (p < end && ascii_is_digit(*p)) p++;
    else
        ok = false;
    if (p < end && *p == '.') {
        p++;
        if (p == end || !ascii_is_digit(*p)) ok = false;
        while (p < end && ascii_is_digit(*p)) p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (p == end || !ascii_is_digit(*p)) ok = false;
        while (p < end && ascii_is_digit(*p)) p++;
    }
    while (p < end && is_word_char(*p)) {
        ok = false;
        p++;
    }
    lx->kind = TOK_NUMBER;
    lx->tok_end = p;
    return ok ? QN_OK : bad_token(lx, p);
}

static Status
lex_word(Lexer *lx)
{
    const char *p = lx->tok;
    while (p < lx->end && is_word_char(*p)) p++;
    if (p == lx->tok) return bad_token(lx, p + 1);
    size_t n = (size_t)(p - lx->tok);
    lx->tok_end = p;
    lx->kind = TOK_WORD;
    if ((n == 4 && (memcmp(lx->tok, "true", 4) == 0 || memcmp(lx->tok, "null", 4) == 0)) ||
        (n == 5 && memcmp(lx->tok, "false", 5) == 0))
        return QN_OK;
    return bad_token(lx, p);
}

static Status
lex(Lexer *lx)
{
    const char *p = lx->p;
    Status st = QN_OK;
    for (; p < lx->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'); p++)
        if (*p == '\n') {
            lx->line++;
            lx->line_start = p + 1;
        }
    lx->tok = p;
    lx->tok_end = p + 1;
    if (p == lx->end) {
        lx->kind = TOK_END;
        lx->tok_end = p;
        lx->p = p;
        return QN_OK;
    }
    switch (*p) {
    case '{': lx->kind = TOK_OBJECT; break;
    case '}': lx->kind = TOK_OBJECT_END; break;
    case '[': lx->kind = TOK_ARRAY; break;
    case ']': lx->kind = TOK_ARRAY_END; break;
    case ',': lx->kind = TOK_COMMA; break;
    case ':': lx->kind = TOK_COLON; break;
    case '"': st = lex_string(lx); break;
    case '-':
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9': st = lex_number(lx); break;
    default: st = lex_word(lx); break;
    }
    lx->p = lx->tok_end;
    return st;
}

/* The string token's text; a view where nothing is escaped. */
static Status
token_text(Lexer *lx, Arena *arena, const char **text_out, size_t *nbytes_out)
{
    const char *p = lx->tok + 1, *end = lx->tok_end - 1;
    *text_out = p;
    *nbytes_out = (size_t)(end - p);
    if (memchr(p, '\\', (size_t)(end - p)) == NULL) return QN_OK;
    StrBuf b = strbuf_new(arena);
    Status st = json_unescape(lx->ctx, &b, lx->tok, lx->tok_end);
    if (st != QN_OK) return add_context(lx, st);
    *text_out = b.data != NULL ? b.data : "";
    *nbytes_out = b.nbytes;
    return QN_OK;
}

/* Label of an object's member: the string at hand, then the colon; leaves the token after it. */
static Status
read_label(Lexer *lx, const char *expected, JsonbBuilder *b)
{
    if (lx->kind != TOK_STRING) return unexpected(lx, expected);
    if (b != NULL) {
        const char *key;
        size_t nbytes;
        TRY(token_text(lx, b->arena, &key, &nbytes));
        TRY(jsonb_push_key(b, key, nbytes));
    }
    TRY(lex(lx));
    if (lx->kind != TOK_COLON) return unexpected(lx, "Expected \":\"");
    return lex(lx);
}

static Status
push_number(Lexer *lx, JsonbBuilder *b)
{
    size_t nbytes = (size_t)(lx->tok_end - lx->tok);
    int64_t v = 0;
    Value number;
    if (nbytes <= 18 && lx->tok[0] != '-') {
        size_t i = 0;
        for (; i < nbytes && ascii_is_digit(lx->tok[i]); i++) v = v * 10 + (lx->tok[i] - '0');
        if (i == nbytes) {
            number = numeric_value_int(v, 0);
            return jsonb_push_number(b, &number);
        }
    }
    TRY(value_in(lx->ctx, b->arena, lx->tok, nbytes, TYPE_NUMERIC, -1, &number));
    return jsonb_push_number(b, &number);
}

static Status
push_scalar(Lexer *lx, JsonbBuilder *b)
{
    const char *text;
    size_t nbytes;
    if (lx->kind == TOK_NUMBER) return push_number(lx, b);
    if (lx->kind == TOK_WORD) return *lx->tok == 'n' ? jsonb_push_null(b) : jsonb_push_bool(b, *lx->tok == 't');
    TRY(token_text(lx, b->arena, &text, &nbytes));
    return jsonb_push_text(b, text, nbytes);
}

/* b NULL: only checks. */
static Status
read_json(Ctx *ctx, const char *text, size_t nbytes, JsonbBuilder *b)
{
    Lexer lx = {.ctx = ctx, .p = text, .end = text + nbytes, .line_start = text, .line = 1};
    uint64_t is_object[BITS_WORDS(JSON_DEPTH_MAX)];
    int depth = 0;
    TRY(lex(&lx));
    for (;;) {
        /* A value starts here. */
        if (lx.kind == TOK_OBJECT || lx.kind == TOK_ARRAY) {
            bool object = lx.kind == TOK_OBJECT;
            if (depth == JSON_DEPTH_MAX) return ctx_stack_overflow(ctx);
            bits_put(is_object, (size_t)depth++, object);
            if (b != NULL) TRY(jsonb_begin(b, object ? JSONB_OBJECT : JSONB_ARRAY));
            TRY(lex(&lx));
            if (lx.kind != (object ? TOK_OBJECT_END : TOK_ARRAY_END)) {
                if (object) TRY(read_label(&lx, "Expected string or \"}\"", b));
                continue;
            }
            depth--;
            if (b != NULL) TRY(jsonb_end(b));
        } else if (lx.kind != TOK_STRING && lx.kind != TOK_NUMBER && lx.kind != TOK_WORD) {
            return unexpected(&lx, "Expected JSON value");
        } else if (b != NULL) {
            TRY(push_scalar(&lx, b));
        }
        /* A value has ended: go on with what holds it. */
        for (;;) {
            TRY(lex(&lx));
            if (depth == 0)
                return lx.kind == TOK_END ? QN_OK : unexpected(&lx, "Expected end of input");
            bool object = bits_get(is_object, (size_t)depth - 1);
            if (lx.kind == (object ? TOK_OBJECT_END : TOK_ARRAY_END)) {
                depth--;
                if (b != NULL) TRY(jsonb_end(b));
                continue;
            }
            if (lx.kind != TOK_COMMA)
                return unexpected(&lx, object ? "Expected \",\" or \"}\"" : "Expected \",\" or \"]\"");
            TRY(lex(&lx));
            if (object) TRY(read_label(&lx, "Expected string", b));
            break;
        }
    }
}

Status
json_check(Ctx *ctx, const char *text, size_t nbytes)
{
    return read_json(ctx, text, nbytes, NULL);
}

Status
jsonb_push_json(JsonbBuilder *b, const char *text, size_t nbytes)
{
    return read_json(b->ctx, text, nbytes, b);
}

const char *
json_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) p++;
    return p;
}

const char *
json_skip_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '"') return p + 1;
        if (*p == '\\') p++;
    }
    return end;
}

const char *
json_skip_value(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        switch (*p) {
        case '{':
        case '[': depth++, p++; break;
        case '}':
        case ']':
            p++;
            depth--;
            break;
        case '"': p = json_skip_string(p, end); break;
        case ',': case ':': case ' ': case '\t': case '\n': case '\r': p++; continue;
        default:
            while (p < end && strchr(",:]} \t\n\r", *p) == NULL) p++;
            break;
        }
        if (depth <= 0) return p;
    }
    return end;
}

JsonIter
json_iter(const char *text, const char *end)
{
    JsonIter it = {.p = json_space(text, end), .end = end};
    it.done = it.p == end || (*it.p != '{' && *it.p != '[');
    it.is_object = !it.done && *it.p == '{';
    it.p++;
    return it;
}

bool
json_next(JsonIter *it)
{
    if (it->done) return false;
    const char *p = json_space(it->p, it->end);
    if (p < it->end && *p == ',') p = json_space(p + 1, it->end);
    if (p >= it->end || *p == '}' || *p == ']') {
        it->done = true;
        return false;
    }
    if (it->is_object) {
        it->key = p;
        it->key_end = p = json_skip_string(p, it->end);
        p = json_space(p, it->end);
        p = json_space(p + 1, it->end);
    }
    it->value = p;
    it->value_end = it->p = json_skip_value(p, it->end);
    return true;
}

static uint32_t
hex4(const char *p)
{
    return (uint32_t)(hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 | hex_digit(p[3]));
}

static Status
raise_surrogate(Ctx *ctx, const char *detail)
{
    return err_detail(ctx, RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s",
                                 "json"), "%s", detail);
}

/* One \u escape, or a pair of surrogates; *p is after the u and moves past the digits. */
static Status
unescape_u(Ctx *ctx, StrBuf *b, const char **p, const char *end)
{
    uint32_t cp = hex4(*p);
    char buf[4];
    *p += 4;
    if (cp == 0)
        return err_detail(ctx, RAISE(ctx, ERR_UNTRANSLATABLE_CHARACTER,
                                     "unsupported Unicode escape sequence"),
                          "\\u0000 cannot be converted to text.");
    if (cp >= 0xDC00 && cp < 0xE000)
        return raise_surrogate(ctx, "Unicode low surrogate must follow a high surrogate.");
    if (cp >= 0xD800 && cp < 0xDC00) {
        if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
            return raise_surrogate(ctx, "Unicode low surrogate must follow a high surrogate.");
        uint32_t lo = hex4(*p + 2);
        if (lo >= 0xD800 && lo < 0xDC00)
            return raise_surrogate(ctx, "Unicode high surrogate must not follow a high surrogate.");
        if (lo < 0xDC00 || lo >= 0xE000)
            return raise_surrogate(ctx, "Unicode low surrogate must follow a high surrogate.");
        *p += 6;
        cp = 0x10000 + ((cp - 0xD800) << 10) + (lo - 0xDC00);
    }
    strbuf_add(b, buf, (size_t)utf8_encode(cp, buf));
    return QN_OK;
}

Status
json_unescape(Ctx *ctx, StrBuf *b, const char *p, const char *end)
{
    p++, end--;
    while (p < end) {
        const char *stop = memchr(p, '\\', (size_t)(end - p));
        if (stop == NULL) stop = end;
        strbuf_add(b, p, (size_t)(stop - p));
        p = stop;
        if (p == end) break;
        p += 2;
        switch (p[-1]) {
        case 'b': strbuf_addc(b, '\b'); break;
        case 'f': strbuf_addc(b, '\f'); break;
        case 'n': strbuf_addc(b, '\n'); break;
        case 'r': strbuf_addc(b, '\r'); break;
        case 't': strbuf_addc(b, '\t'); break;
        case 'u': TRY(unescape_u(ctx, b, &p, end)); break;
        default: strbuf_addc(b, p[-1]); break;
        }
    }
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

bool
json_string_is(const char *p, const char *end, const char *text, size_t nbytes)
{
    const char *t = text, *t_end = text + nbytes;
    p++, end--;
    if (memchr(p, '\\', (size_t)(end - p)) == NULL)
        return (size_t)(end - p) == nbytes && memcmp(p, text, nbytes) == 0;
    while (p < end) {
        char buf[4];
        int n = 1;
        buf[0] = *p++;
        if (buf[0] == '\\') {
            char c = *p++;
            buf[0] = c == 'b' ? '\b' : c == 'f' ? '\f' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
            if (c == 'u') {
                uint32_t cp = hex4(p);
                p += 4;
                if (cp >= 0xD800 && cp < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
                    cp = 0x10000 + ((cp - 0xD800) << 10) + (hex4(p + 2) - 0xDC00);
                    p += 6;
                }
                n = utf8_encode(cp, buf);
                if (n == 0) return false;
            }
        }
        if (t_end - t < n || memcmp(t, buf, (size_t)n) != 0) return false;
        t += n;
    }
    return t == t_end;
}

void
json_add_string(StrBuf *b, const char *s, size_t nbytes)
{
    const char *end = s + nbytes;
    strbuf_addc(b, '"');
    while (s < end) {
        const char *p = s;
        while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\') p++;
        strbuf_add(b, s, (size_t)(p - s));
        if (p == end) break;
        switch (*p) {
        case '"': strbuf_add(b, "\\\"", 2); break;
        case '\\': strbuf_add(b, "\\\\", 2); break;
        case '\b': strbuf_add(b, "\\b", 2); break;
        case '\f': strbuf_add(b, "\\f", 2); break;
        case '\n': strbuf_add(b, "\\n", 2); break;
        case '\r': strbuf_add(b, "\\r", 2); break;
        case '\t': strbuf_add(b, "\\t", 2); break;
        default: strbuf_addf(b, "\\u%04x", (unsigned char)*p); break;
        }
        s = p + 1;
    }
    strbuf_addc(b, '"');
}

Status
json_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    Str s;
    (void)typmod;
    TRY(utf8_check(ctx, text, nbytes));
    TRY(json_check(ctx, text, nbytes));
    TRY(str_copy(ctx, arena, text, nbytes, &s));
    *out = value_str(type, s);
    return QN_OK;
}

Status
json_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    strbuf_add(b, str_data(&value->str), value->str.len);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}
