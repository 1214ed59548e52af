/* regex.c - parsing regular expressions into trees. How they are run: regex_run.c. */
#include "types/regex_priv.h"
#include <unicode/uchar.h>

typedef struct RegexParser {
    Ctx *ctx;
    Arena *arena;
    const char *p, *end;
    int flags;
    int ngroups, depth;
    bool in_look;
    bool closed[100]; /* groups that are complete: may be referred back to */
} RegexParser;

static Status
bad(RegexParser *ps, const char *why)
{
    return RAISE(ps->ctx, ERR_INVALID_REGULAR_EXPRESSION, "invalid regular expression: %s", why);
}

/* Classes of characters. */

static bool
in_class(uint32_t class, uint32_t c)
{
    UChar32 u = (UChar32)c;
    switch (class) {
    case CLASS_ALNUM: return u_isalnum(u);
    case CLASS_ALPHA: return u_isalpha(u);
    case CLASS_BLANK: return c == '\t' || (u_isblank(u) && c != 0xA0);
    case CLASS_CNTRL: return u_iscntrl(u);
    case CLASS_DIGIT: return c >= '0' && c <= '9';
    case CLASS_GRAPH: return u_isgraph(u);
    case CLASS_LOWER: return u_islower(u);
    case CLASS_PRINT: return u_isprint(u);
    case CLASS_PUNCT: return u_isgraph(u) && !u_isalnum(u);
    case CLASS_SPACE: return (c >= '\t' && c <= '\r') || (u_isspace(u) && c != 0xA0 && c != 0x2007 && c != 0x202F && c >= 0x20 && c != 0x85);
    case CLASS_UPPER: return u_isupper(u);
    case CLASS_XDIGIT: return c < 128 && u_isxdigit(u);
    default: return c == '_' || u_isalnum(u);
    }
}

bool
regex_is_word(uint32_t c)
{
    return in_class(CLASS_WORD, c);
}

static bool
listed(const CharSet *set, uint32_t c)
{
    for (int i = 0; i < set->nranges; i++)
        if (c >= set->ranges[i].lo && c <= set->ranges[i].hi) return true;
    for (uint32_t bit = 1; bit <= CLASS_WORD; bit <<= 1) {
        if ((set->classes & bit) && in_class(bit, c)) return true;
        if ((set->not_classes & bit) && !in_class(bit, c)) return true;
    }
    return false;
}

static bool
has_slow(const CharSet *set, uint32_t c)
{
    bool in = listed(set, c);
    if (!in && set->icase)
        in = listed(set, (uint32_t)u_tolower((UChar32)c)) || listed(set, (uint32_t)u_toupper((UChar32)c));
    if (set->negate) in = !in;
    return in && !(set->no_newline && c == '\n');
}

bool
regex_set_has(const CharSet *set, uint32_t c)
{
    if (c < 128) return set->ascii[c >> 6] >> (c & 63) & 1;
    return has_slow(set, c);
}

static Status
set_add(RegexParser *ps, CharSet *set, uint32_t lo, uint32_t hi)
{
    if (set->nranges == set->cap) {
        int cap = set->cap != 0 ? set->cap * 2 : 4;
        CharRange *p = arena_realloc(ps->arena, set->ranges, sizeof(CharRange) * (size_t)set->cap,
                                     sizeof(CharRange) * (size_t)cap);
        if (p == NULL) return RAISE_OOM(ps->ctx);
        set->ranges = p;
        set->cap = cap;
    }
    set->ranges[set->nranges++] = (CharRange){lo, hi};
    return QN_OK;
}

static void
set_finish(RegexParser *ps, CharSet *set)
{
    set->icase = (ps->flags & REGEX_ICASE) != 0;
    for (uint32_t c = 0; c < 128; c++)
        if (has_slow(set, c)) set->ascii[c >> 6] |= 1ull << (c & 63);
}

/* Nodes. */

static Status
node_new(RegexParser *ps, NodeKind kind, Node **out)
{
    TRY_ALLOC(ps->ctx, *out, ARENA_NEW(ps->arena, Node));
    (*out)->kind = (uint8_t)kind;
    return QN_OK;
}

static Status
set_new(RegexParser *ps, CharSet **out)
{
    TRY_ALLOC(ps->ctx, *out, ARENA_NEW(ps->arena, CharSet));
    return QN_OK;
}

static Status
node_char(RegexParser *ps, uint32_t c, Node **out)
{
    CharSet *set;
    TRY(set_new(ps, &set));
    TRY(set_add(ps, set, c, c));
    set_finish(ps, set);
    TRY(node_new(ps, NODE_SET, out));
    (*out)->set = set;
    return QN_OK;
}

static Status
node_class(RegexParser *ps, uint32_t class, bool negative, Node **out)
{
    CharSet *set;
    TRY(set_new(ps, &set));
    set->classes = class;
    set->negate = negative;
    set->no_newline = negative && (ps->flags & REGEX_NLSTOP);
    set_finish(ps, set);
    TRY(node_new(ps, NODE_SET, out));
    (*out)->set = set;
    return QN_OK;
}

static Status
node_any(RegexParser *ps, Node **out)
{
    CharSet *set;
    TRY(set_new(ps, &set));
    set->negate = true; /* of nothing */
    set->no_newline = (ps->flags & REGEX_NLSTOP) != 0;
    set_finish(ps, set);
    TRY(node_new(ps, NODE_SET, out));
    (*out)->set = set;
    return QN_OK;
}

static Status
node_assert(RegexParser *ps, AssertKind kind, Node **out)
{
    TRY(node_new(ps, NODE_ASSERT, out));
    (*out)->number = kind;
    return QN_OK;
}

static void
inherit(Node *n, const Node *child)
{
    n->has_group |= child->has_group;
    n->has_backref |= child->has_backref;
}

static Status
node_pair(RegexParser *ps, NodeKind kind, Node *left, Node *right, Node **out)
{
    TRY(node_new(ps, kind, out));
    (*out)->left = left;
    (*out)->right = right;
    inherit(*out, left);
    inherit(*out, right);
    if (kind == NODE_ALT)
        (*out)->preference = PREFER_LONGEST;
    else
        (*out)->preference = left->preference != PREFER_NONE ? left->preference : right->preference;
    return QN_OK;
}

/* Escapes. *p stands after the backslash. A character, or else a node. */

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static Status
hex_escape(RegexParser *ps, int ndigits, bool up_to, uint32_t *out)
{
    uint32_t v = 0;
    int n = 0;
    for (; n < ndigits && ps->p < ps->end && hex_digit(*ps->p) >= 0; n++, ps->p++) {
        if (v > 0x10FFFF) return bad(ps, "invalid escape \\ sequence");
        v = v << 4 | (uint32_t)hex_digit(*ps->p);
    }
    if (n == 0 || (!up_to && n < ndigits) || v > 0x10FFFF) return bad(ps, "invalid escape \\ sequence");
    *out = v;
    return QN_OK;
}

/* Escapes that stand for a character; *done false: it is none of them, nothing consumed. */
static Status
char_escape(RegexParser *ps, uint32_t *out, bool *done)
{
    char c = *ps->p++;
    *done = true;
    switch (c) {
    case 'a': *out = 7; return QN_OK;
    case 'b': *out = 8; return QN_OK;
    case 'B': *out = '\\'; return QN_OK;
    case 'e': *out = 27; return QN_OK;
    case 'f': *out = '\f'; return QN_OK;
    case 'n': *out = '\n'; return QN_OK;
    case 'r': *out = '\r'; return QN_OK;
    case 't': *out = '\t'; return QN_OK;
    case 'v': *out = '\v'; return QN_OK;
    case 'c':
        if (ps->p == ps->end) return bad(ps, "invalid escape \\ sequence");
        *out = (uint32_t)*ps->p++ & 31;
        return QN_OK;
    case 'u': return hex_escape(ps, 4, false, out);
    case 'U': return hex_escape(ps, 8, false, out);
    case 'x': return hex_escape(ps, 255, true, out);
    case '0': {
        uint32_t v = 0;
        for (int n = 0; n < 2 && ps->p < ps->end && *ps->p >= '0' && *ps->p <= '7'; n++)
            v = v << 3 | (uint32_t)(*ps->p++ - '0');
        *out = v;
        return QN_OK;
    }
    default: break;
    }
    if (!ascii_is_alpha(c) && !ascii_is_digit(c)) { /* any other character stands for itself */
        ps->p--;
        ps->p += utf8_decode(ps->p, ps->end, out);
        return QN_OK;
    }
    ps->p--;
    *done = false;
    return QN_OK;
}

static uint32_t
class_escape(char c)
{
    switch (c) {
    case 'd': case 'D': return CLASS_DIGIT;
    case 's': case 'S': return CLASS_SPACE;
    case 'w': case 'W': return CLASS_WORD;
    default: return 0;
    }
}

/* \1 .. \9, or more digits where that many groups are there; else octal. */
static Status
number_escape(RegexParser *ps, Node **out)
{
    const char *start = ps->p;
    int v = 0;
    while (ps->p < ps->end && ascii_is_digit(*ps->p) && v < 1000) v = v * 10 + (*ps->p++ - '0');
    if (ps->p - start == 1 || v <= ps->ngroups) {
        if (v > ps->ngroups || v >= 100 || !ps->closed[v] || ps->in_look)
            return bad(ps, "invalid backreference number");
        TRY(node_new(ps, NODE_BACKREF, out));
        (*out)->number = v;
        (*out)->has_backref = true;
        return QN_OK;
    }
    ps->p = start;
    uint32_t c = 0;
    for (int n = 0; n < 3 && ps->p < ps->end && *ps->p >= '0' && *ps->p <= '7'; n++)
        c = c << 3 | (uint32_t)(*ps->p++ - '0');
    if (ps->p == start || c > 255) return bad(ps, "invalid escape \\ sequence");
    return node_char(ps, c, out);
}

static Status
parse_escape(RegexParser *ps, Node **out)
{
    if (ps->p == ps->end) return bad(ps, "invalid escape \\ sequence");
    char c = *ps->p;
    uint32_t cp;
    bool done;
    if (ps->flags & REGEX_ERE) {
        ps->p += utf8_decode(ps->p, ps->end, &cp);
        return node_char(ps, cp, out);
    }
    if (c >= '1' && c <= '9') return number_escape(ps, out);
    if (class_escape(c) != 0) {
        ps->p++;
        return node_class(ps, class_escape(c), c >= 'A' && c <= 'Z', out);
    }
    switch (c) {
    case 'A': ps->p++; return node_assert(ps, ASSERT_TEXT_START, out);
    case 'Z': ps->p++; return node_assert(ps, ASSERT_TEXT_END, out);
    case 'm': ps->p++; return node_assert(ps, ASSERT_WORD_START, out);
    case 'M': ps->p++; return node_assert(ps, ASSERT_WORD_END, out);
    case 'y': ps->p++; return node_assert(ps, ASSERT_WORD_EDGE, out);
    case 'Y': ps->p++; return node_assert(ps, ASSERT_NOT_WORD_EDGE, out);
    default: break;
    }
    TRY(char_escape(ps, &cp, &done));
    if (!done) return bad(ps, "invalid escape \\ sequence");
    return node_char(ps, cp, out);
}

/* Bracket expressions. */

static const struct { const char *name; uint32_t class; } class_names[] = {
    {"alnum", CLASS_ALNUM}, {"alpha", CLASS_ALPHA}, {"blank", CLASS_BLANK}, {"cntrl", CLASS_CNTRL},
    {"digit", CLASS_DIGIT}, {"graph", CLASS_GRAPH}, {"lower", CLASS_LOWER}, {"print", CLASS_PRINT},
    {"punct", CLASS_PUNCT}, {"space", CLASS_SPACE}, {"upper", CLASS_UPPER}, {"word", CLASS_WORD},
    {"xdigit", CLASS_XDIGIT}};

/* [:name:], [.c.], [=c=]; *p after the inner bracket's second character. Gives a class or a character. */
static Status
bracket_name(RegexParser *ps, char kind, uint32_t *class_out, uint32_t *cp_out)
{
    const char *start = ps->p;
    while (ps->p + 1 < ps->end && !(ps->p[0] == kind && ps->p[1] == ']')) ps->p++;
    if (ps->p + 1 >= ps->end) return bad(ps, "brackets [] not balanced");
    size_t n = (size_t)(ps->p - start);
    ps->p += 2;
    *class_out = 0;
    if (kind == ':') {
        for (size_t i = 0; i < sizeof(class_names) / sizeof(class_names[0]); i++)
            if (strlen(class_names[i].name) == n && memcmp(class_names[i].name, start, n) == 0)
                *class_out = class_names[i].class;
        if (*class_out == 0) return bad(ps, "invalid character class");
        if ((ps->flags & REGEX_ICASE) && (*class_out == CLASS_LOWER || *class_out == CLASS_UPPER))
            *class_out = CLASS_ALPHA;
        return QN_OK;
    }
    if (n == 0 || (size_t)utf8_decode(start, ps->p, cp_out) != n) return bad(ps, "invalid collating element");
    return QN_OK;
}

/* One end of a range or a single member. *class_out not 0: a class, with *negative. */
static Status
bracket_member(RegexParser *ps, uint32_t *cp_out, uint32_t *class_out, bool *negative)
{
    *class_out = 0;
    *negative = false;
    if (*ps->p == '[' && ps->p + 1 < ps->end && (ps->p[1] == ':' || ps->p[1] == '.' || ps->p[1] == '=')) {
        char kind = ps->p[1];
        ps->p += 2;
        return bracket_name(ps, kind, class_out, cp_out);
    }
    if (*ps->p == '\\' && !(ps->flags & REGEX_ERE)) {
        bool done;
        if (++ps->p == ps->end) return bad(ps, "invalid escape \\ sequence");
        if (class_escape(*ps->p) != 0) {
            *class_out = class_escape(*ps->p);
            *negative = *ps->p >= 'A' && *ps->p <= 'Z';
            ps->p++;
            return QN_OK;
        }
        TRY(char_escape(ps, cp_out, &done));
        return done ? QN_OK : bad(ps, "invalid escape \\ sequence");
    }
    ps->p += utf8_decode(ps->p, ps->end, cp_out);
    return QN_OK;
}

static Status
parse_bracket(RegexParser *ps, Node **out)
{
    CharSet *set;
    bool first = true;
    if (ps->end - ps->p >= 6 && memcmp(ps->p, "[:<:]]", 6) == 0) {
        ps->p += 6;
        return node_assert(ps, ASSERT_WORD_START, out);
    }
    if (ps->end - ps->p >= 6 && memcmp(ps->p, "[:>:]]", 6) == 0) {
        ps->p += 6;
        return node_assert(ps, ASSERT_WORD_END, out);
    }
    TRY(set_new(ps, &set));
    if (ps->p < ps->end && *ps->p == '^') {
        set->negate = true;
        set->no_newline = (ps->flags & REGEX_NLSTOP) != 0;
        ps->p++;
    }
    for (;; first = false) {
        uint32_t lo, hi, class;
        bool negative;
        if (ps->p == ps->end) return bad(ps, "brackets [] not balanced");
        if (*ps->p == ']' && !first) break;
        TRY(bracket_member(ps, &lo, &class, &negative));
        if (class != 0) {
            if (negative)
                set->not_classes |= class;
            else
                set->classes |= class;
            continue;
        }
        hi = lo;
        if (ps->end - ps->p >= 2 && ps->p[0] == '-' && ps->p[1] != ']') {
            ps->p++;
            TRY(bracket_member(ps, &hi, &class, &negative));
            if (class != 0) return bad(ps, "invalid character range");
            if (lo > hi) return bad(ps, "invalid character range");
        }
        TRY(set_add(ps, set, lo, hi));
    }
    ps->p++;
    set_finish(ps, set);
    TRY(node_new(ps, NODE_SET, out));
    (*out)->set = set;
    return QN_OK;
}

/* The grammar: alternation of branches of quantified atoms. */

static Status parse_alternation(RegexParser *ps, Node **out);

/* In expanded syntax, white space and # comments; always, (?#...) comments. */
static Status
skip_blank(RegexParser *ps)
{
    while (ps->p < ps->end) {
        if ((ps->flags & REGEX_EXPANDED) && ascii_is_space(*ps->p)) {
            ps->p++;
        } else if ((ps->flags & REGEX_EXPANDED) && *ps->p == '#') {
            while (ps->p < ps->end && *ps->p != '\n') ps->p++;
        } else if (ps->end - ps->p >= 3 && memcmp(ps->p, "(?#", 3) == 0 && !(ps->flags & REGEX_ERE)) {
            while (ps->p < ps->end && *ps->p != ')') ps->p++;
            if (ps->p < ps->end) ps->p++;
        } else {
            break;
        }
    }
    return QN_OK;
}

static Status
close_paren(RegexParser *ps)
{
    if (ps->p == ps->end || *ps->p != ')') return bad(ps, "parentheses () not balanced");
    ps->p++;
    return QN_OK;
}

static Status
parse_look(RegexParser *ps, bool behind, bool negative, Node **out)
{
    bool outer = ps->in_look;
    TRY(node_new(ps, NODE_LOOK, out));
    (*out)->behind = behind;
    (*out)->negative = negative;
    ps->in_look = true; /* parentheses inside do not capture */
    TRY(parse_alternation(ps, &(*out)->left));
    ps->in_look = outer;
    return close_paren(ps);
}

static Status
parse_group(RegexParser *ps, Node **out)
{
    if (ps->depth++ > REGEX_DEPTH_MAX) return bad(ps, "regular expression is too complex");
    TRY(ctx_check_depth(ps->ctx));
    if (ps->end - ps->p >= 2 && *ps->p == '?' && !(ps->flags & REGEX_ERE)) {
        char c = ps->p[1], d = ps->end - ps->p >= 3 ? ps->p[2] : '\0';
        if (c == ':') {
            ps->p += 2;
            TRY(parse_alternation(ps, out));
            ps->depth--;
            TRY(close_paren(ps));
            if ((*out)->kind == NODE_ASSERT || (*out)->kind == NODE_LOOK) { /* in parentheses it may be repeated */
                Node *inner = *out, *empty;
                TRY(node_new(ps, NODE_EMPTY, &empty));
                return node_pair(ps, NODE_CAT, inner, empty, out);
            }
            return QN_OK;
        }
        if (c == '=' || c == '!') {
            ps->p += 2;
            ps->depth--;
            return parse_look(ps, false, c == '!', out);
        }
        if (c == '<' && (d == '=' || d == '!')) {
            ps->p += 3;
            ps->depth--;
            return parse_look(ps, true, d == '!', out);
        }
        return bad(ps, "quantifier operand invalid");
    }
    if (ps->in_look) {
        TRY(parse_alternation(ps, out));
        ps->depth--;
        return close_paren(ps);
    }
    int number = ++ps->ngroups;
    Node *inner;
    TRY(parse_alternation(ps, &inner));
    TRY(close_paren(ps));
    TRY(node_new(ps, NODE_GROUP, out));
    (*out)->left = inner;
    (*out)->number = number;
    (*out)->has_group = true;
    (*out)->has_backref = inner->has_backref;
    (*out)->preference = inner->preference;
    if (number < 100) ps->closed[number] = true;
    ps->depth--;
    return QN_OK;
}

static Status
parse_atom(RegexParser *ps, Node **out)
{
    char c = *ps->p;
    uint32_t cp;
    switch (c) {
    case '(': ps->p++; return parse_group(ps, out);
    case '[': ps->p++; return parse_bracket(ps, out);
    case '.': ps->p++; return node_any(ps, out);
    case '^':
        ps->p++;
        return node_assert(ps, ps->flags & REGEX_NLANCH ? ASSERT_LINE_START : ASSERT_TEXT_START, out);
    case '$':
        ps->p++;
        return node_assert(ps, ps->flags & REGEX_NLANCH ? ASSERT_LINE_END : ASSERT_TEXT_END, out);
    case '\\': ps->p++; return parse_escape(ps, out);
    case '*':
    case '+':
    case '?': return bad(ps, "quantifier operand invalid");
    case '{':
        if (ps->p + 1 < ps->end && ascii_is_digit(ps->p[1])) return bad(ps, "quantifier operand invalid");
        break;
    default: break;
    }
    ps->p += utf8_decode(ps->p, ps->end, &cp);
    return node_char(ps, cp, out);
}

static Status
parse_count(RegexParser *ps, int *out)
{
    int v = 0;
    while (ps->p < ps->end && ascii_is_digit(*ps->p)) {
        v = v * 10 + (*ps->p++ - '0');
        if (v > REPEAT_MAX) return bad(ps, "invalid repetition count(s)");
    }
    *out = v;
    return QN_OK;
}

/* A quantifier at *p, if there is one. */
static Status
parse_quantifier(RegexParser *ps, int *min, int *max, bool *greedy, bool *fixed, bool *found)
{
    *found = false;
    *fixed = false;
    if (ps->p == ps->end) return QN_OK;
    switch (*ps->p) {
    case '*': *min = 0, *max = REPEAT_INFINITE; ps->p++; break;
    case '+': *min = 1, *max = REPEAT_INFINITE; ps->p++; break;
    case '?': *min = 0, *max = 1; ps->p++; break;
    case '{':
        if (ps->p + 1 == ps->end || !ascii_is_digit(ps->p[1])) return QN_OK;
        ps->p++;
        TRY(parse_count(ps, min));
        *max = *min;
        *fixed = true; /* {m}: no preference of its own, unlike {m,m} */
        if (ps->p < ps->end && *ps->p == ',') {
            ps->p++;
            *fixed = false;
            *max = REPEAT_INFINITE;
            if (ps->p < ps->end && ascii_is_digit(*ps->p)) TRY(parse_count(ps, max));
        }
        if (ps->p == ps->end) return bad(ps, "braces {} not balanced");
        if (*ps->p != '}') return bad(ps, "invalid repetition count(s)");
        ps->p++;
        if (*max != REPEAT_INFINITE && *max < *min) return bad(ps, "invalid repetition count(s)");
        break;
    default: return QN_OK;
    }
    *found = true;
    *greedy = true;
    if (ps->p < ps->end && *ps->p == '?' && !(ps->flags & REGEX_ERE)) {
        ps->p++;
        *greedy = false;
    }
    return QN_OK;
}

static Status
parse_quantified(RegexParser *ps, Node **out)
{
    Node *atom, *n;
    int min = 0, max = 0;
    bool greedy = true, fixed, found;
    TRY(parse_atom(ps, &atom));
    TRY(skip_blank(ps));
    TRY(parse_quantifier(ps, &min, &max, &greedy, &fixed, &found));
    *out = atom;
    if (!found) return QN_OK;
    if (atom->kind == NODE_ASSERT || atom->kind == NODE_LOOK) return bad(ps, "quantifier operand invalid");
    TRY(node_new(ps, NODE_REPEAT, &n));
    n->left = atom;
    n->min = min;
    n->max = max;
    n->greedy = greedy;
    inherit(n, atom);
    n->preference = fixed ? atom->preference : greedy ? PREFER_LONGEST : PREFER_SHORTEST;
    *out = n;
    TRY(skip_blank(ps));
    TRY(parse_quantifier(ps, &min, &max, &greedy, &fixed, &found));
    return found ? bad(ps, "quantifier operand invalid") : QN_OK;
}

/* Parts are chained to the right, so that the recursion over a long branch can be a loop. */
static Status
parse_branch(RegexParser *ps, Node **out)
{
    Node *items[64];
    int n = 0;
    TRY(skip_blank(ps));
    while (ps->p < ps->end && *ps->p != '|' && *ps->p != ')') {
        if (n == 64) { /* the rest of a long branch hangs below these */
            Node *tail;
            TRY(ctx_check_depth(ps->ctx));
            TRY(parse_branch(ps, &tail));
            for (int i = n - 1; i >= 0; i--) TRY(node_pair(ps, NODE_CAT, items[i], tail, &tail));
            *out = tail;
            return QN_OK;
        }
        TRY(ctx_check_depth(ps->ctx));
        TRY(parse_quantified(ps, &items[n]));
        n++;
        TRY(skip_blank(ps));
    }
    if (n == 0) return node_new(ps, NODE_EMPTY, out);
    Node *tail = items[n - 1];
    for (int i = n - 2; i >= 0; i--) TRY(node_pair(ps, NODE_CAT, items[i], tail, &tail));
    *out = tail;
    return QN_OK;
}

static Status
parse_alternation(RegexParser *ps, Node **out)
{
    TRY(parse_branch(ps, out));
    while (ps->p < ps->end && *ps->p == '|') {
        Node *right, *left = *out;
        ps->p++;
        TRY(parse_branch(ps, &right));
        TRY(node_pair(ps, NODE_ALT, left, right, out));
    }
    return QN_OK;
}

/* Directors and embedded options at the very start: ***: ***= (?xyz) */
static Status
parse_prefix(RegexParser *ps)
{
    if (ps->end - ps->p >= 4 && memcmp(ps->p, "***=", 4) == 0) {
        ps->flags |= REGEX_QUOTE;
        ps->p += 4;
        return QN_OK;
    }
    if (ps->end - ps->p >= 4 && memcmp(ps->p, "***:", 4) == 0) {
        ps->flags &= ~REGEX_ERE;
        ps->p += 4;
    } else if (ps->end - ps->p >= 3 && memcmp(ps->p, "***", 3) == 0) {
        return bad(ps, "quantifier operand invalid");
    }
    if (ps->flags & REGEX_ERE) return QN_OK;
    if (ps->end - ps->p < 3 || ps->p[0] != '(' || ps->p[1] != '?' || !ascii_is_alpha(ps->p[2])) return QN_OK;
    for (ps->p += 2; ps->p < ps->end && *ps->p != ')'; ps->p++)
        switch (*ps->p) {
        case 'i': ps->flags |= REGEX_ICASE; break;
        case 'c': ps->flags &= ~REGEX_ICASE; break;
        case 'x': ps->flags |= REGEX_EXPANDED; break;
        case 't': ps->flags &= ~REGEX_EXPANDED; break;
        case 'n':
        case 'm': ps->flags |= REGEX_NLSTOP | REGEX_NLANCH; break;
        case 'p': ps->flags = (ps->flags | REGEX_NLSTOP) & ~REGEX_NLANCH; break;
        case 'w': ps->flags = (ps->flags | REGEX_NLANCH) & ~REGEX_NLSTOP; break;
        case 's': ps->flags &= ~(REGEX_NLSTOP | REGEX_NLANCH); break;
        case 'q': ps->flags |= REGEX_QUOTE; break;
        case 'e': ps->flags |= REGEX_ERE; break;
        default: return bad(ps, "invalid embedded option");
        }
    if (ps->p == ps->end) return bad(ps, "invalid embedded option");
    ps->p++;
    return QN_OK;
}

/* A literal pattern: each character stands for itself. */
static Status
parse_literal(RegexParser *ps, Node **out)
{
    TRY(node_new(ps, NODE_EMPTY, out));
    Node *tail = *out;
    const char *p = ps->end;
    while (p > ps->p) {
        uint32_t cp;
        Node *n;
        for (p--; p > ps->p && ((unsigned char)*p & 0xC0) == 0x80;) p--;
        utf8_decode(p, ps->end, &cp);
        TRY(node_char(ps, cp, &n));
        TRY(node_pair(ps, NODE_CAT, n, tail, &tail));
    }
    *out = tail;
    return QN_OK;
}

static bool
is_plain(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strchr("\\^$.[]|()?*+{}#", p[i]) != NULL) return false;
    return n > 0;
}

Status
regex_compile(Ctx *ctx, Arena *arena, const char *pattern, size_t nbytes, int flags, Regex **out)
{
    RegexParser ps = {.ctx = ctx, .arena = arena, .p = pattern, .end = pattern + nbytes, .flags = flags};
    Regex *re;
    TRY_ALLOC(ctx, re, ARENA_NEW(arena, Regex));
    re->arena = arena;
    TRY(parse_prefix(&ps));
    size_t rest = (size_t)(ps.end - ps.p);
    if (!(ps.flags & (REGEX_ICASE | REGEX_EXPANDED)) &&
        ((ps.flags & REGEX_QUOTE) ? rest > 0 : is_plain(ps.p, rest))) {
        re->is_literal = true;
        re->literal = ps.p;
        re->literal_bytes = rest;
        *out = re;
        return QN_OK;
    }
    if (ps.flags & REGEX_QUOTE) {
        TRY(parse_literal(&ps, &re->root));
    } else {
        TRY(parse_alternation(&ps, &re->root));
        if (ps.p < ps.end) return bad(&ps, "parentheses () not balanced");
    }
    re->ngroups = ps.ngroups;
    re->has_backref = re->root->has_backref;
    *out = re;
    return QN_OK;
}

int
regex_groups(const Regex *re)
{
    return re->ngroups;
}
