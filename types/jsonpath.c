/* jsonpath.c - the type jsonpath: reading its expressions, from tokens through a tree to the bytes of jsonpath.h. */
#include "types/jsonpath.h"
#include "types/array.h"
#include "types/json.h"
#include "types/regex.h"
#include "types/type_io.h"

/* Tokens. */

typedef enum Tok {
    TOK_END, TOK_WORD, TOK_STRING, TOK_VARIABLE, TOK_NUMBER, TOK_INT, TOK_AND, TOK_OR, TOK_NOT, TOK_ANY, TOK_EQ, TOK_NE,
    TOK_LT, TOK_LE, TOK_GT, TOK_GE, TOK_CHAR,
    /* words with a meaning */
    TOK_IS, TOK_TO, TOK_ABS, TOK_LAX, TOK_FLAG, TOK_LAST, TOK_NULL, TOK_SIZE, TOK_TRUE, TOK_TYPE, TOK_WITH, TOK_FALSE,
    TOK_FLOOR, TOK_DOUBLE, TOK_EXISTS, TOK_STARTS, TOK_STRICT, TOK_CEILING, TOK_UNKNOWN, TOK_DATETIME, TOK_KEYVALUE,
    TOK_LIKE_REGEX
} Tok;

static const struct Word {
    const char *text;
    uint8_t tok;
    bool exact; /* only in lower case */
} words[] = {
    {"is", TOK_IS, false}, {"to", TOK_TO, false}, {"abs", TOK_ABS, false}, {"lax", TOK_LAX, false},
    {"flag", TOK_FLAG, false}, {"last", TOK_LAST, false}, {"null", TOK_NULL, true}, {"size", TOK_SIZE, false},
    {"true", TOK_TRUE, true}, {"type", TOK_TYPE, false}, {"with", TOK_WITH, false}, {"false", TOK_FALSE, true},
    {"floor", TOK_FLOOR, false}, {"double", TOK_DOUBLE, false}, {"exists", TOK_EXISTS, false},
    {"starts", TOK_STARTS, false}, {"strict", TOK_STRICT, false}, {"ceiling", TOK_CEILING, false},
    {"unknown", TOK_UNKNOWN, false}, {"datetime", TOK_DATETIME, false}, {"keyvalue", TOK_KEYVALUE, false},
    {"like_regex", TOK_LIKE_REGEX, false},
};

typedef struct Node Node;
struct Node {
    uint8_t kind; /* PathKind */
    Node *next;
    Node *left, *right; /* operands; of subscripts from and to */
    Node *more;         /* the next subscript */
    const char *text;   /* of strings, keys, variables, patterns; a number as written */
    uint32_t nbytes;
    uint32_t a, b;      /* levels of **; flags of like_regex; 1: a negative number; how many subscripts */
};

typedef struct Parser {
    Ctx *ctx;
    Arena *arena;
    const char *p, *end;
    const char *tok;     /* where the token at hand begins; it ends at p */
    Tok kind;
    char c;              /* TOK_CHAR */
    const char *text;    /* of words, strings, variables, numbers */
    size_t nbytes;
} Parser;

static Status
raise_at(Parser *s, const char *message)
{
    if (s->kind == TOK_END && s->tok == s->end)
        return RAISE(s->ctx, ERR_SYNTAX_ERROR, "%s at end of jsonpath input", message);
    return RAISE(s->ctx, ERR_SYNTAX_ERROR, "%s at or near \"%.*s\" of jsonpath input", message, (int)(s->p - s->tok), s->tok);
}

static Status
syntax_error(Parser *s)
{
    return raise_at(s, "syntax error");
}

static Status
raise_invalid(Parser *s, const char *detail)
{
    return err_detail(s->ctx, RAISE(s->ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s", "jsonpath"),
                      "%s", detail);
}

static bool
is_other(char c)
{
    return c != '\0' && strchr("?%$.[]{}()|&!=<>@#,*:-+/\\\" \t\n\r\f", c) == NULL;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
at(const Parser *s, const char *q, char c)
{
    return q < s->end && *q == c;
}

/* \uXXXX, \u{X...}; s->p is after the u. */
static Status
read_unicode(Parser *s, uint32_t *cp)
{
    int n = 0, max = 4;
    bool braces = at(s, s->p, '{');
    *cp = 0;
    if (braces) s->p++, max = 6;
    for (; n < max && s->p < s->end && hex_value(*s->p) >= 0; n++) *cp = *cp << 4 | (uint32_t)hex_value(*s->p++);
    if (n == 0 || (!braces && n < 4) || (braces && !at(s, s->p, '}'))) return raise_at(s, "invalid Unicode escape sequence");
    s->p += braces;
    return QN_OK;
}

static Status
add_unicode(Parser *s, StrBuf *b)
{
    uint32_t cp, low;
    char buf[4];
    TRY(read_unicode(s, &cp));
    if (cp >= 0xD800 && cp < 0xDC00) {
        if (!at(s, s->p, '\\') || !at(s, s->p + 1, 'u'))
            return raise_invalid(s, "Unicode low surrogate must follow a high surrogate.");
        s->p += 2;
        TRY(read_unicode(s, &low));
        if (low >= 0xD800 && low < 0xDC00)
            return raise_invalid(s, "Unicode high surrogate must not follow a high surrogate.");
        if (low < 0xDC00 || low >= 0xE000)
            return raise_invalid(s, "Unicode low surrogate must follow a high surrogate.");
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
    } else if (cp >= 0xDC00 && cp < 0xE000) {
        return raise_invalid(s, "Unicode low surrogate must follow a high surrogate.");
    }
    if (cp == 0)
        return err_detail(s->ctx, RAISE(s->ctx, ERR_UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence"),
                          "\\u0000 cannot be converted to text.");
    int n = utf8_encode(cp, buf);
    if (n == 0) return raise_at(s, "invalid Unicode escape sequence");
    strbuf_add(b, buf, (size_t)n);
    return QN_OK;
}

/* s->p is at the backslash. */
static Status
add_escape(Parser *s, StrBuf *b)
{
    if (++s->p >= s->end) return raise_at(s, "unexpected end after backslash");
    char c = *s->p++;
    switch (c) {
    case 'b': strbuf_addc(b, '\b'); break;
    case 'f': strbuf_addc(b, '\f'); break;
    case 'n': strbuf_addc(b, '\n'); break;
    case 'r': strbuf_addc(b, '\r'); break;
    case 't': strbuf_addc(b, '\t'); break;
    case 'v': strbuf_addc(b, '\v'); break;
    case 'u': return add_unicode(s, b);
    case 'x': {
        char buf[4];
        if (s->end - s->p < 2 || hex_value(s->p[0]) < 0 || hex_value(s->p[1]) < 0)
            return raise_at(s, "invalid hexadecimal character sequence");
        uint32_t cp = (uint32_t)(hex_value(s->p[0]) << 4 | hex_value(s->p[1]));
        s->p += 2;
        if (cp == 0)
            return err_detail(s->ctx, RAISE(s->ctx, ERR_UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence"),
                              "\\u0000 cannot be converted to text.");
        strbuf_add(b, buf, (size_t)utf8_encode(cp, buf));
        break;
    }
    default: strbuf_addc(b, c); break;
    }
    return QN_OK;
}

static Status
finish_text(Parser *s, StrBuf *b)
{
    char *text;
    TRY(strbuf_finish(s->ctx, b, &text, &s->nbytes));
    s->text = text;
    return QN_OK;
}

/* s->p is after the opening quote. */
static Status
lex_quoted(Parser *s, Tok kind)
{
    StrBuf b = strbuf_new(s->arena);
    for (;;) {
        if (s->p >= s->end) return raise_at(s, "unterminated quoted string");
        if (*s->p == '"') break;
        if (*s->p == '\\') {
            TRY(add_escape(s, &b));
            continue;
        }
        strbuf_addc(&b, *s->p++);
    }
    s->p++;
    s->kind = kind;
    return finish_text(s, &b);
}

static Status
lex_word(Parser *s)
{
    StrBuf b = strbuf_new(s->arena);
    while (s->p < s->end) {
        if (*s->p == '\\') {
            TRY(add_escape(s, &b));
        } else if (is_other(*s->p)) {
            strbuf_addc(&b, *s->p++);
        } else {
            break;
        }
    }
    s->kind = TOK_WORD;
    TRY(finish_text(s, &b));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct Word *w = &words[i];
        if (strlen(w->text) != s->nbytes || ascii_ncasecmp(w->text, s->text, s->nbytes) != 0) continue;
        if (!w->exact || memcmp(w->text, s->text, s->nbytes) == 0) s->kind = (Tok)w->tok;
    }
    return QN_OK;
}

static const char *
skip_digits(const Parser *s, const char *q)
{
    while (q < s->end && ascii_is_digit(*q)) q++;
    return q;
}

/* An integer has no leading zero; a point may end a number. */
static Status
lex_number(Parser *s)
{
    const char *q = s->tok;
    s->kind = TOK_INT;
    if (*q == '0')
        q++;
    else
        q = skip_digits(s, q);
    if (at(s, q, '.')) {
        s->kind = TOK_NUMBER;
        q = skip_digits(s, q + 1);
    }
    if (q < s->end && (*q == 'e' || *q == 'E')) {
        bool sign = at(s, q + 1, '+') || at(s, q + 1, '-');
        const char *digits = skip_digits(s, q + 1 + sign);
        if (digits > q + 1 + sign) {
            s->kind = TOK_NUMBER;
            q = digits;
        } else if (sign) {
            s->p = q + 2;
            return raise_at(s, "invalid numeric literal");
        }
    }
    s->p = q;
    if (q < s->end && is_other(*q)) {
        s->p = q + utf8_char_bytes((unsigned char)*q);
        return raise_at(s, "trailing junk after numeric literal");
    }
    s->text = s->tok;
    s->nbytes = (size_t)(q - s->tok);
    return QN_OK;
}

static Status
skip_blank(Parser *s)
{
    for (;;) {
        while (s->p < s->end && is_blank(*s->p)) s->p++;
        if (!at(s, s->p, '/') || !at(s, s->p + 1, '*')) return QN_OK;
        s->tok = s->p;
        for (s->p += 2;; s->p++) {
            if (s->p + 1 >= s->end) {
                s->p = s->tok = s->end;
                s->kind = TOK_END;
                return raise_at(s, "unexpected end of comment");
            }
            if (s->p[0] == '*' && s->p[1] == '/') break;
        }
        s->p += 2;
    }
}

static bool
take_two(Parser *s, const char *two, Tok kind)
{
    if (*s->p != two[0] || !at(s, s->p + 1, two[1])) return false;
    s->p += 2;
    s->kind = kind;
    return true;
}

static Status
next_token(Parser *s)
{
    TRY(skip_blank(s));
    s->tok = s->p;
    if (s->p == s->end) {
        s->kind = TOK_END;
        return QN_OK;
    }
    char c = *s->p;
    if (ascii_is_digit(c) || (c == '.' && s->p + 1 < s->end && ascii_is_digit(s->p[1]))) return lex_number(s);
    if (c == '"') {
        s->p++;
        return lex_quoted(s, TOK_STRING);
    }
    if (c == '$' && at(s, s->p + 1, '"')) {
        s->p += 2;
        return lex_quoted(s, TOK_VARIABLE);
    }
    if (c == '$' && s->p + 1 < s->end && is_other(s->p[1])) {
        const char *q = ++s->p;
        while (s->p < s->end && is_other(*s->p)) s->p++;
        s->text = q;
        s->nbytes = (size_t)(s->p - q);
        s->kind = TOK_VARIABLE;
        return QN_OK;
    }
    if (is_other(c) || c == '\\') return lex_word(s);
    if (take_two(s, "&&", TOK_AND) || take_two(s, "||", TOK_OR) || take_two(s, "**", TOK_ANY) || take_two(s, "==", TOK_EQ) ||
        take_two(s, "<>", TOK_NE) || take_two(s, "!=", TOK_NE) || take_two(s, "<=", TOK_LE) || take_two(s, ">=", TOK_GE))
        return QN_OK;
    s->p++;
    s->c = c;
    s->kind = c == '!' ? TOK_NOT : c == '<' ? TOK_LT : c == '>' ? TOK_GT : TOK_CHAR;
    return QN_OK;
}

static bool
is_char(const Parser *s, char c)
{
    return s->kind == TOK_CHAR && s->c == c;
}

static Status
expect_char(Parser *s, char c)
{
    return is_char(s, c) ? next_token(s) : syntax_error(s);
}

static Status
expect(Parser *s, Tok kind)
{
    return s->kind == kind ? next_token(s) : syntax_error(s);
}

/* Trees. */

static Status
new_node(Parser *s, PathKind kind, Node *left, Node *right, Node **out)
{
    TRY_ALLOC(s->ctx, *out, ARENA_NEW(s->arena, Node));
    (*out)->kind = (uint8_t)kind;
    (*out)->left = left;
    (*out)->right = right;
    return QN_OK;
}

/* With the text of the token at hand, which is used up. */
static Status
text_node(Parser *s, PathKind kind, Node **out)
{
    TRY(new_node(s, kind, NULL, NULL, out));
    (*out)->text = s->text;
    (*out)->nbytes = (uint32_t)s->nbytes;
    return next_token(s);
}

static Status parse_or(Parser *s, Node **out);
static Status parse_expr(Parser *s, Node **out);

static bool
is_predicate(const Node *n)
{
    return path_is_predicate((PathKind)n->kind) && n->next == NULL;
}

static Status
parse_predicate(Parser *s, Node **out)
{
    TRY(parse_or(s, out));
    return is_predicate(*out) ? QN_OK : syntax_error(s);
}

static Status
parse_arg_expr(Parser *s, Node **out)
{
    TRY(parse_or(s, out));
    return is_predicate(*out) ? syntax_error(s) : QN_OK;
}

static Status
parse_subscripts(Parser *s, Node **out)
{
    Node *list, **tail = &list;
    TRY(new_node(s, PATH_SUBSCRIPTS, NULL, NULL, &list));
    *out = list;
    for (;;) {
        Node *from, *to = NULL;
        TRY(parse_arg_expr(s, &from));
        if (s->kind == TOK_TO) {
            TRY(next_token(s));
            TRY(parse_arg_expr(s, &to));
        }
        if (tail != &list) TRY(new_node(s, PATH_SUBSCRIPTS, NULL, NULL, tail));
        (*tail)->left = from;
        (*tail)->right = to;
        tail = &(*tail)->more;
        (*out)->a++;
        if (!is_char(s, ',')) return expect_char(s, ']');
        TRY(next_token(s));
    }
}

static Status
parse_level(Parser *s, uint32_t *out)
{
    if (s->kind == TOK_LAST) {
        *out = JSONPATH_LAST;
    } else if (s->kind == TOK_INT) {
        uint64_t v = 0;
        for (size_t i = 0; i < s->nbytes && v <= INT32_MAX; i++) v = v * 10 + (uint64_t)(s->text[i] - '0');
        if (v > INT32_MAX) {
            char *text;
            TRY_ALLOC(s->ctx, text, arena_strndup(s->arena, s->text, s->nbytes));
            return RAISE(s->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value \"%s\" is out of range for type %s", text, "integer");
        }
        *out = (uint32_t)v;
    } else {
        return syntax_error(s);
    }
    return next_token(s);
}

/* After .** */
static Status
parse_any(Parser *s, Node **out)
{
    TRY(new_node(s, PATH_ANY, NULL, NULL, out));
    (*out)->b = JSONPATH_LAST;
    if (!is_char(s, '{')) return QN_OK;
    TRY(next_token(s));
    TRY(parse_level(s, &(*out)->a));
    (*out)->b = (*out)->a;
    if (s->kind == TOK_TO) {
        TRY(next_token(s));
        TRY(parse_level(s, &(*out)->b));
    }
    return expect_char(s, '}');
}

static PathKind
method_of(Tok kind)
{
    switch (kind) {
    case TOK_ABS: return PATH_ABS;
    case TOK_SIZE: return PATH_SIZE;
    case TOK_TYPE: return PATH_TYPE;
    case TOK_FLOOR: return PATH_FLOOR;
    case TOK_DOUBLE: return PATH_DOUBLE;
    case TOK_CEILING: return PATH_CEILING;
    case TOK_KEYVALUE: return PATH_KEYVALUE;
    case TOK_DATETIME: return PATH_DATETIME;
    default: return PATH_NULL;
    }
}

/* After the point: a key, which may be any word, or a method. */
static Status
parse_member(Parser *s, Node **out)
{
    if (is_char(s, '*')) {
        TRY(new_node(s, PATH_ANY_KEY, NULL, NULL, out));
        return next_token(s);
    }
    if (s->kind == TOK_ANY) {
        TRY(next_token(s));
        return parse_any(s, out);
    }
    if (s->kind != TOK_WORD && s->kind != TOK_STRING && s->kind < TOK_IS) return syntax_error(s);
    PathKind method = method_of(s->kind);
    TRY(text_node(s, PATH_KEY, out));
    if (!is_char(s, '(')) return QN_OK;
    if (method == PATH_NULL) return syntax_error(s);
    (*out)->kind = (uint8_t)method;
    (*out)->text = NULL;
    TRY(next_token(s));
    if (method == PATH_DATETIME && s->kind == TOK_STRING) TRY(text_node(s, PATH_STRING, &(*out)->left));
    return expect_char(s, ')');
}

/* One accessor; *out NULL: none stands here. */
static Status
parse_accessor(Parser *s, Node **out)
{
    *out = NULL;
    if (is_char(s, '.')) {
        TRY(next_token(s));
        return parse_member(s, out);
    }
    if (is_char(s, '[')) {
        TRY(next_token(s));
        if (!is_char(s, '*')) return parse_subscripts(s, out);
        TRY(next_token(s));
        TRY(new_node(s, PATH_ANY_ARRAY, NULL, NULL, out));
        return expect_char(s, ']');
    }
    if (is_char(s, '?')) {
        Node *condition;
        TRY(next_token(s));
        TRY(expect_char(s, '('));
        TRY(parse_predicate(s, &condition));
        TRY(new_node(s, PATH_FILTER, condition, NULL, out));
        return expect_char(s, ')');
    }
    return QN_OK;
}

static Status
parse_primary(Parser *s, Node **out)
{
    switch (s->kind) {
    case TOK_STRING: return text_node(s, PATH_STRING, out);
    case TOK_VARIABLE: return text_node(s, PATH_VARIABLE, out);
    case TOK_NUMBER:
    case TOK_INT: return text_node(s, PATH_NUMBER, out);
    case TOK_NULL: TRY(new_node(s, PATH_NULL, NULL, NULL, out)); break;
    case TOK_TRUE: TRY(new_node(s, PATH_TRUE, NULL, NULL, out)); break;
    case TOK_FALSE: TRY(new_node(s, PATH_FALSE, NULL, NULL, out)); break;
    case TOK_LAST: TRY(new_node(s, PATH_LAST, NULL, NULL, out)); break;
    default:
        if (is_char(s, '$'))
            TRY(new_node(s, PATH_ROOT, NULL, NULL, out));
        else if (is_char(s, '@'))
            TRY(new_node(s, PATH_CURRENT, NULL, NULL, out));
        else
            return syntax_error(s);
    }
    return next_token(s);
}

/* "(...) is unknown" */
static Status
parse_is_unknown(Parser *s, Node **out)
{
    TRY(next_token(s));
    TRY(expect(s, TOK_UNKNOWN));
    return new_node(s, PATH_IS_UNKNOWN, *out, NULL, out);
}

/* A primary or something in parentheses, with its accessors. */
static Status
parse_chain(Parser *s, Node **out)
{
    TRY(ctx_check_depth(s->ctx));
    if (s->kind == TOK_EXISTS) {
        Node *arg;
        TRY(next_token(s));
        TRY(expect_char(s, '('));
        TRY(parse_arg_expr(s, &arg));
        TRY(new_node(s, PATH_EXISTS, arg, NULL, out));
        return expect_char(s, ')');
    }
    if (is_char(s, '(')) {
        TRY(next_token(s));
        TRY(parse_or(s, out));
        TRY(expect_char(s, ')'));
        if (s->kind == TOK_IS && is_predicate(*out)) return parse_is_unknown(s, out);
    } else {
        TRY(parse_primary(s, out));
    }
    Node *last = *out, *op;
    while (last->next != NULL) last = last->next;
    for (;;) {
        TRY(parse_accessor(s, &op));
        if (op == NULL) return QN_OK;
        last->next = op;
        last = op;
    }
}

static Status
parse_unary(Parser *s, Node **out)
{
    TRY(ctx_check_depth(s->ctx));
    if (!is_char(s, '+') && !is_char(s, '-')) return parse_chain(s, out);
    bool minus = s->c == '-';
    Node *arg;
    TRY(next_token(s));
    TRY(parse_unary(s, &arg));
    if (is_predicate(arg)) return syntax_error(s);
    if (arg->kind != PATH_NUMBER || arg->next != NULL) return new_node(s, minus ? PATH_MINUS : PATH_PLUS, arg, NULL, out);
    *out = arg;
    arg->a ^= minus;
    return QN_OK;
}

static bool
arithmetic_op(const Parser *s, int level, PathKind *out)
{
    if (s->kind != TOK_CHAR) return false;
    switch (s->c) {
    case '+': *out = PATH_ADD; return level == 0;
    case '-': *out = PATH_SUB; return level == 0;
    case '*': *out = PATH_MUL; return level == 1;
    case '/': *out = PATH_DIV; return level == 1;
    case '%': *out = PATH_MOD; return level == 1;
    default: return false;
    }
}

/* level 0: + and -, 1: * / and % */
static Status
parse_arithmetic(Parser *s, int level, Node **out)
{
    PathKind kind;
    TRY(level == 0 ? parse_arithmetic(s, 1, out) : parse_unary(s, out));
    while (arithmetic_op(s, level, &kind)) {
        Node *right;
        if (is_predicate(*out)) return syntax_error(s);
        TRY(next_token(s));
        TRY(level == 0 ? parse_arithmetic(s, 1, &right) : parse_unary(s, &right));
        if (is_predicate(right)) return syntax_error(s);
        TRY(new_node(s, kind, *out, right, out));
    }
    return QN_OK;
}

static Status
parse_expr(Parser *s, Node **out)
{
    return parse_arithmetic(s, 0, out);
}

int
path_regex_flags(uint32_t flags)
{
    int out = flags & PATH_REGEX_I ? REGEX_ICASE : 0;
    if (flags & PATH_REGEX_Q) return out | REGEX_QUOTE;
    if (!(flags & PATH_REGEX_S)) out |= REGEX_NLSTOP;
    if (flags & PATH_REGEX_M) out |= REGEX_NLANCH;
    return out;
}

/* After like_regex. */
static Status
parse_regex(Parser *s, Node *arg, Node **out)
{
    static const char letters[] = "ismxq";
    Regex *re;
    if (s->kind != TOK_STRING) return syntax_error(s);
    TRY(text_node(s, PATH_LIKE_REGEX, out));
    (*out)->left = arg;
    if (s->kind == TOK_FLAG) {
        TRY(next_token(s));
        if (s->kind != TOK_STRING) return syntax_error(s);
        for (size_t i = 0; i < s->nbytes; i++) {
            const char *letter = strchr(letters, s->text[i]);
            if (letter == NULL)
                return err_detail(s->ctx,
                                  RAISE(s->ctx, ERR_SYNTAX_ERROR, "invalid input syntax for type %s", "jsonpath"),
                                  "Unrecognized flag character \"%.*s\" in LIKE_REGEX predicate.",
                                  utf8_char_bytes((unsigned char)s->text[i]), s->text + i);
            (*out)->a |= 1u << (letter - letters);
        }
        TRY(next_token(s));
    }
    if (((*out)->a & (PATH_REGEX_X | PATH_REGEX_Q)) == PATH_REGEX_X)
        return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "XQuery \"x\" flag (expanded regular expressions) is not implemented");
    return regex_compile(s->ctx, s->arena, (*out)->text, (*out)->nbytes, path_regex_flags((*out)->a), &re);
}

static PathKind
comparison_of(Tok kind)
{
    switch (kind) {
    case TOK_EQ: return PATH_EQ;
    case TOK_NE: return PATH_NE;
    case TOK_LT: return PATH_LT;
    case TOK_GT: return PATH_GT;
    case TOK_LE: return PATH_LE;
    case TOK_GE: return PATH_GE;
    default: return PATH_NULL;
    }
}

static Status
parse_comparison(Parser *s, Node **out)
{
    if (s->kind == TOK_NOT) { /* of something in parentheses, or exists */
        Node *arg;
        TRY(next_token(s));
        bool exists = s->kind == TOK_EXISTS;
        if (exists) {
            TRY(parse_chain(s, &arg));
        } else {
            TRY(expect_char(s, '('));
            TRY(parse_predicate(s, &arg));
            TRY(expect_char(s, ')'));
        }
        return new_node(s, PATH_NOT, arg, NULL, out);
    }
    TRY(parse_expr(s, out));
    PathKind kind = comparison_of(s->kind);
    if (kind == PATH_NULL && s->kind != TOK_STARTS && s->kind != TOK_LIKE_REGEX) return QN_OK;
    if (is_predicate(*out)) return syntax_error(s);
    Tok tok = s->kind;
    TRY(next_token(s));
    if (tok == TOK_LIKE_REGEX) return parse_regex(s, *out, out);
    Node *right;
    if (tok == TOK_STARTS) {
        TRY(expect(s, TOK_WITH));
        if (s->kind != TOK_STRING && s->kind != TOK_VARIABLE) return syntax_error(s);
        TRY(text_node(s, s->kind == TOK_STRING ? PATH_STRING : PATH_VARIABLE, &right));
        return new_node(s, PATH_STARTS_WITH, *out, right, out);
    }
    TRY(parse_expr(s, &right));
    if (is_predicate(right)) return syntax_error(s);
    return new_node(s, kind, *out, right, out);
}

static Status
parse_logic(Parser *s, bool or, Node **out)
{
    TRY(or ? parse_logic(s, false, out) : parse_comparison(s, out));
    while (s->kind == (or ? TOK_OR : TOK_AND)) {
        Node *right;
        if (!is_predicate(*out)) return syntax_error(s);
        TRY(next_token(s));
        TRY(or ? parse_logic(s, false, &right) : parse_comparison(s, &right));
        if (!is_predicate(right)) return syntax_error(s);
        TRY(new_node(s, or ? PATH_OR : PATH_AND, *out, right, out));
    }
    return QN_OK;
}

static Status
parse_or(Parser *s, Node **out)
{
    TRY(ctx_check_depth(s->ctx));
    return parse_logic(s, true, out);
}

/* Trees to bytes. */

static void
add_word(StrBuf *b, uint32_t w)
{
    strbuf_add(b, (const char *)&w, 4);
}

static void
set_word(StrBuf *b, size_t at, uint32_t w)
{
    if (!b->failed) memcpy(b->data + at, &w, 4);
}

/* Where a node may stand: inside a filter, inside a subscript. */
typedef struct Place {
    bool in_filter, in_subscript;
} Place;

static Status write_node(Ctx *ctx, StrBuf *b, const Node *n, Place where, uint32_t *at_out);

/* The child goes to the end; its place to the word at `slot`. */
static Status
write_child(Ctx *ctx, StrBuf *b, const Node *child, Place where, size_t slot)
{
    uint32_t at;
    if (child == NULL) return QN_OK;
    TRY(write_node(ctx, b, child, where, &at));
    set_word(b, slot, at);
    return QN_OK;
}

static Status
write_subscripts(Ctx *ctx, StrBuf *b, const Node *n, Place where)
{
    size_t slot = b->nbytes + 4;
    add_word(b, n->a);
    for (uint32_t i = 0; i < n->a * 2; i++) add_word(b, 0);
    where.in_subscript = true;
    for (const Node *sub = n; sub != NULL; sub = sub->more, slot += 8) {
        TRY(write_child(ctx, b, sub->left, where, slot));
        TRY(write_child(ctx, b, sub->right, where, slot + 4));
    }
    return QN_OK;
}

static Status
write_number(Ctx *ctx, StrBuf *b, const Node *n)
{
    StrBuf text = strbuf_new(b->arena);
    Value v;
    if (n->a) strbuf_addc(&text, '-');
    strbuf_add(&text, n->text, n->nbytes);
    if (text.failed) return RAISE_OOM(ctx);
    TRY(value_in(ctx, b->arena, text.data, text.nbytes, TYPE_NUMERIC, -1, &v));
    TRY(value_default_form(ctx, b->arena, &v, &v));
    add_word(b, v.str.len);
    strbuf_add(b, str_data(&v.str), v.str.len);
    return QN_OK;
}

static Status
write_one(Ctx *ctx, StrBuf *b, const Node *n, Place where)
{
    size_t slot = b->nbytes;
    switch ((PathKind)n->kind) {
    case PATH_CURRENT:
        if (!where.in_filter) return RAISE(ctx, ERR_SYNTAX_ERROR, "@ is not allowed in root expressions");
        return QN_OK;
    case PATH_LAST:
        if (!where.in_subscript) return RAISE(ctx, ERR_SYNTAX_ERROR, "LAST is allowed only in array subscripts");
        return QN_OK;
    case PATH_NUMBER: return write_number(ctx, b, n);
    case PATH_STRING:
    case PATH_VARIABLE:
    case PATH_KEY:
        add_word(b, n->nbytes);
        strbuf_add(b, n->text, n->nbytes);
        return QN_OK;
    case PATH_SUBSCRIPTS: return write_subscripts(ctx, b, n, where);
    case PATH_ANY:
        add_word(b, n->a);
        add_word(b, n->b);
        return QN_OK;
    case PATH_LIKE_REGEX:
        add_word(b, 0);
        add_word(b, n->a);
        add_word(b, n->nbytes);
        strbuf_add(b, n->text, n->nbytes);
        return write_child(ctx, b, n->left, where, slot);
    case PATH_FILTER: where.in_filter = true; /* FALLTHROUGH */
    default:
        add_word(b, 0);
        add_word(b, 0);
        TRY(write_child(ctx, b, n->left, where, slot));
        return write_child(ctx, b, n->right, where, slot + 4);
    }
}

static Status
write_node(Ctx *ctx, StrBuf *b, const Node *n, Place where, uint32_t *at_out)
{
    TRY(ctx_check_depth(ctx));
    *at_out = (uint32_t)b->nbytes;
    for (;;) {
        size_t start = b->nbytes;
        strbuf_addc(b, (char)n->kind);
        add_word(b, 0);
        TRY(write_one(ctx, b, n, where));
        n = n->next;
        if (n == NULL) return b->failed ? RAISE_OOM(ctx) : QN_OK;
        set_word(b, start + 1, (uint32_t)b->nbytes);
    }
}

Status
jsonpath_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    Parser s = {.ctx = ctx, .arena = arena, .p = text, .end = text + nbytes};
    StrBuf b = strbuf_new(arena);
    Node *root;
    uint32_t at;
    char *bytes;
    bool strict;
    (void)typmod;
    TRY(utf8_check(ctx, text, nbytes));
    TRY(next_token(&s));
    if (s.kind == TOK_END)
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"", "jsonpath",
                     (int)nbytes, text);
    strict = s.kind == TOK_STRICT;
    if (strict || s.kind == TOK_LAX) TRY(next_token(&s));
    TRY(parse_or(&s, &root));
    if (s.kind != TOK_END) return syntax_error(&s);
    strbuf_addc(&b, !strict);
    TRY(write_node(ctx, &b, root, (Place){false, false}, &at));
    TRY(strbuf_finish(ctx, &b, &bytes, &nbytes));
    *out = value_str(type, str_make(bytes, nbytes));
    return QN_OK;
}
