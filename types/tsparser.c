/* tsparser.c - text into tokens, as PostgreSQL's default parser cuts it.
 *
 * At each place the ways a token may go on are tried in a fixed order and the first that comes to an end wins: addresses before files
 * before hyphenated words before plain words. What no way can begin with is blank.
 */
#include "types/ts.h"
#include <unicode/uchar.h>

const char *const ts_token_alias[TSTOK_COUNT] = {
    NULL, "asciiword", "word", "numword", "email", "url", "host", "sfloat", "version", "hword_numpart", "hword_part", "hword_asciipart",
    "blank", "tag", "protocol", "numhword", "asciihword", "hword", "url_path", "file", "float", "int", "uint", "entity"};
const char *const ts_token_description[TSTOK_COUNT] = {
    NULL, "Word, all ASCII", "Word, all letters", "Word, letters and digits", "Email address", "URL", "Host", "Scientific notation",
    "Version number", "Hyphenated word part, letters and digits", "Hyphenated word part, all letters", "Hyphenated word part, all ASCII",
    "Space symbols", "XML tag", "Protocol head", "Hyphenated word, letters and digits", "Hyphenated word, all ASCII",
    "Hyphenated word, all letters", "URL path", "File or path name", "Decimal notation", "Signed integer", "Unsigned integer", "XML entity"};

static bool
is_ascii_alnum(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* A letter, or a mark that goes on top of one (only inside words). */
static bool
is_letter(const char *p, const char *end, bool inside, int *nbytes_out)
{
    uint32_t cp;
    *nbytes_out = utf8_decode(p, end, &cp);
    if (cp < 0x80) return ascii_is_alpha((char)cp);
    if (u_isalnum((UChar32)cp)) return true;
    int8_t type = u_charType((UChar32)cp);
    return type == U_LETTER_NUMBER || type == U_OTHER_NUMBER ? u_isUAlphabetic((UChar32)cp)
                                                             : inside && (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_COMBINING_SPACING_MARK);
}

/* ---- words ---- */

typedef struct Word {
    const char *end;
    bool has_digit, has_other; /* letters outside ASCII */
} Word;

/* Letters and digits; false: none. */
static bool
scan_word(const char *p, const char *end, Word *w)
{
    const char *start = p;
    *w = (Word){0};
    while (p < end) {
        int n = 1;
        if (ascii_is_digit(*p))
            w->has_digit = true;
        else if (!is_letter(p, end, p > start, &n))
            break;
        w->has_other |= n > 1;
        p += n;
    }
    w->end = p;
    return p > start;
}

static bool
is_number(const char *p, const Word *w)
{
    for (; p < w->end; p++)
        if (!ascii_is_digit(*p)) return false;
    return true;
}

/* A word that goes on after hyphens; NULL: it does not. Parts are no numbers. */
static const char *
scan_compound(const char *p, const char *end, Word *all)
{
    Word w;
    const char *last = NULL;
    if (!scan_word(p, end, all)) return NULL;
    if (is_number(p, all)) return NULL;
    for (const char *q = all->end; q < end && *q == '-'; q = w.end) {
        if (!scan_word(q + 1, end, &w) || is_number(q + 1, &w)) break;
        all->has_digit |= w.has_digit;
        all->has_other |= w.has_other;
        last = w.end;
    }
    return last;
}

/* ---- hosts, addresses, paths ---- */

/* Labels of ASCII letters, digits, and - and _ between them; the last is of two letters or more. NULL: none. From the longest down. */
static const char *
scan_host(const char *p, const char *end)
{
    const char *q = p, *found = NULL, *label = p;
    bool letters = true;
    int ndots = 0;
    if (p == end || !is_ascii_alnum(*p)) return NULL;
    for (;; q++) {
        bool inside = q < end && is_ascii_alnum(*q);
        if (!inside && ndots > 0 && letters && q - label >= 2) found = q;
        if (q == end) break;
        if (inside) {
            letters &= ascii_is_alpha(*q);
            continue;
        }
        if ((*q != '.' && *q != '-' && *q != '_') || q + 1 == end || !is_ascii_alnum(q[1])) break;
        if (*q == '.') {
            ndots++;
            label = q + 1;
            letters = true;
        } else {
            letters = false;
        }
    }
    return found;
}

static const char *
scan_port(const char *p, const char *end)
{
    const char *q = p + 1;
    if (p == end || *p != ':') return p;
    while (q < end && ascii_is_digit(*q)) q++;
    return q > p + 1 ? q : p;
}

static bool
is_url_char(char c)
{
    return (unsigned char)c > 0x20 && (unsigned char)c < 0x7F && strchr("\"<>\\^`{|}", c) == NULL;
}

/* What stands before the @ of an address, then a host. *run_out: how far what may be either was read. */
static const char *
scan_email(const char *p, const char *end, const char **run_out)
{
    const char *q = p;
    *run_out = p;
    if (p == end || !is_ascii_alnum(*p)) return NULL;
    while (q < end && (is_ascii_alnum(*q) || ((*q == '.' || *q == '-' || *q == '_') && q + 1 < end && is_ascii_alnum(q[1])))) q++;
    *run_out = q;
    return q < end && *q == '@' ? scan_host(q + 1, end) : NULL;
}

static bool
is_path_char(char c)
{
    return is_ascii_alnum(c) || c == '_' || c == '-';
}

/* After a slash; NULL: no file goes on there. */
static const char *
scan_path(const char *p, const char *end)
{
    const char *last = NULL;
    while (p < end) {
        if (is_ascii_alnum(*p) || *p == '_' || (*p == '-' && last != NULL)) {
            last = ++p;
        } else if (*p == '/' && last != NULL && p + 1 < end && (is_ascii_alnum(p[1]) || p[1] == '_' || p[1] == '.' || p[1] == '~')) {
            p++;
        } else if (*p == '~' && p + 1 < end && is_ascii_alnum(p[1])) {
            p++;
        } else if (*p == '.' && p + 1 < end && (is_path_char(p[1]) || (p[1] == '.' && p + 2 < end && p[2] == '/') || (p[1] == '/' && last == NULL))) {
            p += p[1] == '.' ? 2 : 1;
        } else {
            break;
        }
    }
    return last;
}

/* A file's name: a word with slashes or dots inside (q is where it ends), or one that begins with a slash, ./, ../ or ~/. NULL: none. */
static const char *
scan_file(const char *p, const char *q, const char *end)
{
    if (*p == '/') return scan_path(p + 1, end);
    if (*p == '~') return p + 1 < end ? scan_path(p[1] == '/' ? p + 2 : p + 1, end) : NULL;
    if (*p == '.') {
        q = p + 1 < end && p[1] == '.' ? p + 2 : p + 1;
        return q < end && *q == '/' ? scan_path(q + 1, end) : NULL;
    }
    if (q == end || q == p || (*q != '/' && *q != '.')) return NULL;
    if (q + 1 == end || !(is_ascii_alnum(q[1]) || q[1] == '_' || (*q == '/' && q[1] == '.'))) return NULL;
    return scan_path(q + 1, end);
}

/* ---- numbers ---- */

static const char *
digits(const char *p, const char *end)
{
    while (p < end && ascii_is_digit(*p)) p++;
    return p;
}

/* p at an e: past the exponent, or NULL. */
static const char *
scan_exponent(const char *p, const char *end)
{
    const char *q = p + 1;
    if (p == end || (*p != 'e' && *p != 'E')) return NULL;
    if (q < end && (*q == '+' || *q == '-')) q++;
    const char *r = digits(q, end);
    return r > q ? r : NULL;
}

/* p at a digit, after a sign or not. */
static const char *
scan_number(const char *p, const char *end, bool is_signed, TsToken *type)
{
    const char *q = digits(p, end), *e;
    int ndots = 0;
    *type = is_signed ? TSTOK_INT : TSTOK_UINT;
    while (q + 1 < end && *q == '.' && ascii_is_digit(q[1]) && (ndots == 0 || !is_signed)) {
        q = digits(q + 1, end);
        ndots++;
    }
    if (ndots == 1) *type = TSTOK_FLOAT;
    if (ndots > 1) *type = TSTOK_VERSION;
    if (ndots < 2 && (e = scan_exponent(q, end)) != NULL) {
        *type = TSTOK_SFLOAT;
        q = e;
    }
    return q;
}

/* ---- markup ---- */

static const char *
scan_comment(const char *p, const char *end) /* after <!-- */
{
    for (; end - p >= 3; p++)
        if (memcmp(p, "-->", 3) == 0) return p + 3;
    return NULL;
}

static const char *
scan_tag(TsParser *ps, const char *p)
{
    const char *end = ps->end;
    p++;
    if (end - p >= 3 && memcmp(p, "!--", 3) == 0) {
        const char *q = ps->no_comment_end ? NULL : scan_comment(p + 3, end);
        ps->no_comment_end = q == NULL;
        return q;
    }
    if (end - p >= 2 && p[0] == '!' && ascii_lower(p[1]) == 'd')
        p++;
    else if (p < end && (*p == '/' || *p == '?'))
        p++;
    if (p == end || !(ascii_is_alpha(*p) || *p == '_' || *p == ':')) return NULL;
    for (; p < end; p++) {
        char c = *p;
        if (c == '>') return p + 1;
        if (c == '\'' || c == '"') {
            const char *close = memchr(p + 1, c, (size_t)(end - p - 1));
            if (close == NULL) return NULL;
            p = close;
        } else if (!is_ascii_alnum(c) && !ascii_is_space(c) && strchr("=-_#/:.&?%~", c) == NULL && (unsigned char)c < 0x80) {
            return NULL;
        }
    }
    return NULL;
}

static bool
is_hex(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static const char *
scan_entity(const char *p, const char *end)
{
    const char *q = p + 1;
    if (q == end) return NULL;
    if (*q == '#') {
        bool hex = ++q < end && ascii_lower(*q) == 'x';
        const char *start = q += hex;
        while (q < end && (hex ? is_hex(*q) : ascii_is_digit(*q))) q++;
        return q > start && q < end && *q == ';' ? q + 1 : NULL;
    }
    if (!ascii_is_alpha(*q) && *q != '_' && *q != ':') return NULL;
    while (q < end && (is_ascii_alnum(*q) || strchr("_:.-", *q) != NULL)) q++;
    return q < end && *q == ';' ? q + 1 : NULL;
}

/* ---- the next token ---- */

/* A token that begins with a letter or digit of ASCII and is more than a word; NULL: none. parts of a URL follow it as tokens of their own. */
static const char *
scan_address(TsParser *ps, const char *p, TsToken *type)
{
    const char *end = ps->end, *q, *run;
    bool may_be = p >= ps->plain_until; /* else this was read before, and is part of neither address nor host */
    if (may_be && (q = scan_email(p, end, &run)) != NULL) {
        *type = TSTOK_EMAIL;
        return q;
    }
    if (may_be && (q = scan_host(p, end)) != NULL) {
        const char *host_end = q = scan_port(q, end);
        *type = TSTOK_HOST;
        if (q + 1 >= end || *q != '/' || !is_url_char(q[1])) return q;
        while (q < end && is_url_char(*q)) q++;
        ps->url = p;
        ps->host_end = host_end;
        ps->url_end = q;
        *type = TSTOK_URL;
        return q;
    }
    if (may_be && (run == end || *run != '@')) ps->plain_until = run;
    for (q = p; q < end && ascii_is_alpha(*q);) q++;
    if (q > p && end - q >= 3 && memcmp(q, "://", 3) == 0) {
        *type = TSTOK_PROTOCOL;
        return q + 3;
    }
    return NULL;
}

static const char *
file_token(const char *p, const char *word_end, const char *end, TsToken *type)
{
    const char *q = scan_file(p, word_end, end);
    *type = TSTOK_FILE;
    if (q != NULL && q + 1 < end && *q == '?' && is_url_char(q[1])) {
        while (q < end && is_url_char(*q)) q++;
        *type = TSTOK_URL_PATH;
    }
    return q;
}

static TsToken
word_type(const Word *w, TsToken ascii, TsToken word, TsToken num)
{
    return w->has_digit ? num : w->has_other ? word : ascii;
}

static const char *
word_token(TsParser *ps, const char *p, TsToken *type)
{
    Word w;
    const char *q;
    TsToken number;
    if (ascii_is_digit(*p) && (q = scan_exponent(digits(p, ps->end), ps->end)) != NULL) { /* before addresses: 1e5a@b.org */
        *type = TSTOK_SFLOAT;
        return q;
    }
    if (is_ascii_alnum(*p) && (q = scan_address(ps, p, type)) != NULL) return q;
    if (!scan_word(p, ps->end, &w)) return NULL;
    if (ascii_is_digit(*p)) {
        q = scan_number(p, ps->end, false, type);
        const char *f = *type == TSTOK_UINT && q == w.end && q < ps->end && *q == '/' ? file_token(p, q, ps->end, &number) : NULL;
        if (f != NULL) {
            *type = number;
            return f;
        }
        if (*type != TSTOK_UINT || q == w.end) return q;
    }
    if ((!w.has_other || w.has_digit) && (q = file_token(p, w.end, ps->end, &number)) != NULL && q > w.end) {
        *type = number;
        return q;
    }
    if ((q = scan_compound(p, ps->end, &w)) != NULL) {
        *type = word_type(&w, TSTOK_ASCIIHWORD, TSTOK_HWORD, TSTOK_NUMHWORD);
        ps->compound_end = q;
        ps->part = p;
        return q;
    }
    *type = word_type(&w, TSTOK_ASCIIWORD, TSTOK_WORD, TSTOK_NUMWORD);
    return w.end;
}

/* A token other than blank; NULL: p begins none. */
static const char *
token_at(TsParser *ps, const char *p, TsToken *type)
{
    const char *end = ps->end;
    switch (*p) {
    case '<':
        *type = TSTOK_TAG;
        return scan_tag(ps, p);
    case '&':
        *type = TSTOK_ENTITY;
        return scan_entity(p, end);
    case '-':
    case '+':
        if (p + 1 == end || !ascii_is_digit(p[1])) return NULL;
        scan_number(p + 1, end, false, type);
        return *type == TSTOK_VERSION ? NULL : scan_number(p + 1, end, true, type); /* a version has no sign */
    case '/':
    case '~':
    case '.': return file_token(p, p, end, type);
    default: return word_token(ps, p, type);
    }
}

/* Parts of the hyphenated word just given, and the hyphens between them. */
static bool
next_part(TsParser *ps, TsToken *type, const char **text, size_t *nbytes)
{
    Word w;
    const char *p = ps->part;
    *text = p;
    if (p == ps->compound_end) {
        ps->compound_end = NULL;
        if (p + 1 >= ps->end || *p != '-' || !is_ascii_alnum(p[1])) return false;
        *type = TSTOK_BLANK; /* a hyphen before what is no part: a number */
        *nbytes = 1;
        ps->at = p + 1;
        return true;
    }
    if (*p == '-') {
        *type = TSTOK_BLANK;
        *nbytes = 1;
        ps->part++;
        return true;
    }
    scan_word(p, ps->compound_end, &w);
    *type = word_type(&w, TSTOK_HWORD_ASCIIPART, TSTOK_HWORD_PART, TSTOK_HWORD_NUMPART);
    *nbytes = (size_t)(w.end - p);
    ps->part = w.end;
    return true;
}

/* Host and path of the URL just given. */
static bool
next_of_url(TsParser *ps, TsToken *type, const char **text, size_t *nbytes)
{
    if (ps->url == NULL) return false;
    *text = ps->url;
    if (ps->host_end != NULL) {
        *type = TSTOK_HOST;
        *nbytes = (size_t)(ps->host_end - ps->url);
        ps->url = ps->host_end;
        ps->host_end = NULL;
        return true;
    }
    *type = TSTOK_URL_PATH;
    *nbytes = (size_t)(ps->url_end - ps->url);
    ps->url = NULL;
    return true;
}

/* What stands between <script> or <style> and its end is no text: where that end is, from the opening tag on. NULL: another tag. */
static const char *
raw_end(const char *tag, const char *p, const char *end)
{
    static const char *const names[] = {"script", "style"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);
        if ((size_t)(p - tag) < n + 2 || ascii_ncasecmp(tag + 1, names[i], n) != 0 || is_ascii_alnum(tag[n + 1])) continue;
        for (; p < end; p++)
            if ((size_t)(end - p) > n + 2 && p[0] == '<' && p[1] == '/' && ascii_ncasecmp(p + 2, names[i], n) == 0) break;
        return p;
    }
    return NULL;
}

bool
ts_next_token(TsParser *ps, TsToken *type, const char **text, size_t *nbytes)
{
    if (ps->compound_end != NULL && next_part(ps, type, text, nbytes)) return true;
    if (next_of_url(ps, type, text, nbytes)) return true;
    if (ps->at == ps->end) return false;
    const char *p = ps->at, *q = NULL, *raw = ps->raw_end;
    ps->raw_end = NULL;
    if (raw != NULL && raw > p) {
        *type = TSTOK_BLANK;
        q = raw;
    } else if ((q = token_at(ps, p, type)) != NULL) {
        if (*type == TSTOK_TAG) ps->raw_end = raw_end(p, q, ps->end);
    } else { /* blank up to where a token may begin */
        int n = utf8_char_bytes((unsigned char)*p);
        *type = TSTOK_BLANK;
        for (q = p + n; q < ps->end; q += n)
            if (strchr("<-+&/", *q) != NULL || ascii_is_digit(*q) || is_letter(q, ps->end, false, &n)) break;
        ps->compound_end = NULL;
        ps->url = NULL;
    }
    *text = p;
    *nbytes = (size_t)(q - p);
    ps->at = q;
    return true;
}
