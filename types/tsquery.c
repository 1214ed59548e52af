/* tsquery.c - see ts.h: queries, their text form and tree, order. */
#include "types/ts.h"
#include "common/hash.h"
#include "types/tsquery_tree.h"
#include "types/type_io.h"

/* ---- layout ---- */

TsQuery
tsquery_view(const Str *s)
{
    const char *p = str_data(s);
    TsQuery q = {0};
    memcpy(&q.n, p, 4);
    q.items = p + 4;
    q.text = q.items + (size_t)q.n * sizeof(TsItem);
    return q;
}

uint32_t
tsquery_varsize(const TsQuery *q)
{
    uint32_t size = 8 + 12 * q->n;
    for (uint32_t i = 0; i < q->n; i++) {
        TsItem it = tsquery_item(q, i);
        if (it.kind == TS_VALUE) size += it.b + 1;
    }
    return size;
}

Status
ts_node(Ctx *ctx, Arena *arena, TsKind kind, TsNode *left, TsNode *right, uint32_t distance, TsNode **out)
{
    TRY_ALLOC(ctx, *out, ARENA_NEW(arena, TsNode));
    **out = (TsNode){.kind = (uint8_t)kind, .left = left, .right = right, .distance = distance};
    return QN_OK;
}

typedef ARRAY(TsItem) Items;

static Status
pack_node(Ctx *ctx, Arena *arena, const TsNode *n, Items *items, StrBuf *text)
{
    TsItem it = {.kind = n->kind, .weights = n->weights, .prefix = n->prefix, .a = (uint32_t)text->nbytes, .b = n->nbytes};
    int at = items->count;
    TRY(ctx_check_depth(ctx));
    if (n->kind != TS_VALUE) it.a = 1, it.b = n->distance;
    TRY(array_push(ctx, arena, items, it));
    if (n->kind == TS_VALUE) {
        strbuf_add(text, n->text, n->nbytes);
        return QN_OK;
    }
    TRY(pack_node(ctx, arena, n->right, items, text));
    if (n->left == NULL) return QN_OK;
    items->items[at].a = (uint32_t)(items->count - at);
    return pack_node(ctx, arena, n->left, items, text);
}

Status
tsquery_pack(Ctx *ctx, Arena *arena, const TsNode *root, Str *out)
{
    Items items = {0};
    StrBuf text = strbuf_new(arena), whole = strbuf_new(arena);
    char *bytes;
    size_t nbytes;
    if (root != NULL) TRY(pack_node(ctx, arena, root, &items, &text));
    uint32_t n = (uint32_t)items.count;
    if (text.nbytes > TS_TEXT_MAX) return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "tsquery is too large");
    strbuf_add(&whole, (const char *)&n, 4);
    if (n > 0) strbuf_add(&whole, (const char *)items.items, (size_t)n * sizeof(TsItem));
    if (text.nbytes > 0) strbuf_add(&whole, text.data, text.nbytes);
    if (text.failed) return RAISE_OOM(ctx);
    TRY(strbuf_finish(ctx, &whole, &bytes, &nbytes));
    *out = str_make(bytes, nbytes);
    return QN_OK;
}

static Status
unpack_node(Ctx *ctx, Arena *arena, const TsQuery *q, uint32_t i, TsNode **out)
{
    TsItem it = tsquery_item(q, i);
    TsNode *n;
    TRY(ctx_check_depth(ctx));
    TRY(ts_node(ctx, arena, (TsKind)it.kind, NULL, NULL, it.b, &n));
    *out = n;
    if (it.kind == TS_VALUE) {
        n->distance = 0;
        n->weights = it.weights;
        n->prefix = it.prefix;
        n->text = q->text + it.a;
        n->nbytes = it.b;
        return QN_OK;
    }
    if (it.kind != TS_NOT) TRY(unpack_node(ctx, arena, q, i + it.a, &n->left));
    return unpack_node(ctx, arena, q, i + 1, &n->right);
}

Status
tsquery_unpack(Ctx *ctx, Arena *arena, const TsQuery *q, TsNode **out)
{
    *out = NULL;
    return q->n > 0 ? unpack_node(ctx, arena, q, 0, out) : QN_OK;
}

/* ---- reading ---- */

typedef struct Reader {
    Ctx *ctx;
    Arena *arena;
    TsReader text;
    TsSyntax syntax;
    TsMakeValue make;
    void *arg;
} Reader;

static Status
raise_syntax(const Reader *r)
{
    return RAISE(r->ctx, ERR_SYNTAX_ERROR, "syntax error in tsquery: \"%.*s\"", (int)r->text.nall, r->text.all);
}

static Status
raise_no_operand(const Reader *r)
{
    return RAISE(r->ctx, ERR_SYNTAX_ERROR, "no operand in tsquery: \"%.*s\"", (int)r->text.nall, r->text.all);
}

static void
skip_space(Reader *r)
{
    while (r->text.at < r->text.end && ascii_is_space(*r->text.at)) r->text.at++;
}

/* ":*AB" after a word. */
static void
read_weights(Reader *r, int *weights, bool *prefix)
{
    *weights = 0;
    *prefix = false;
    if (r->text.at == r->text.end || *r->text.at != ':') return;
    for (r->text.at++; r->text.at < r->text.end; r->text.at++) {
        char c = ascii_upper(*r->text.at);
        if (c == '*')
            *prefix = true;
        else if (c >= 'A' && c <= 'D')
            *weights |= 1 << (3 - (c - 'A'));
        else
            return;
    }
}

static Status
make_value(Reader *r, TsWord *w, int weights, bool prefix, TsNode **out)
{
    return r->make(r->ctx, r->arena, r->arg, w, weights, prefix, out);
}

static Status read_binary(Reader *r, int priority, TsNode **out);

static Status
read_operand(Reader *r, TsNode **out)
{
    TsWord w;
    bool found, prefix;
    int weights;
    TRY(ctx_check_depth(r->ctx));
    skip_space(r);
    if (r->text.at == r->text.end) return raise_no_operand(r);
    switch (*r->text.at) {
    case '!': {
        TsNode *operand;
        r->text.at++;
        TRY(read_operand(r, &operand));
        return ts_node(r->ctx, r->arena, TS_NOT, NULL, operand, 0, out);
    }
    case '(':
        r->text.at++;
        TRY(read_binary(r, 1, out));
        skip_space(r);
        if (r->text.at == r->text.end || *r->text.at != ')') return raise_syntax(r);
        r->text.at++;
        return QN_OK;
    case ':':
    case '&':
    case '|':
    case ')': return raise_syntax(r);
    default: break;
    }
    TRY(ts_read_word(r->ctx, r->arena, &r->text, &w, &found));
    read_weights(r, &weights, &prefix);
    return make_value(r, &w, weights, prefix, out);
}

/* "<->" or "<12>". */
static Status
read_distance(Reader *r, uint32_t *distance_out, bool *found_out)
{
    const char *p = r->text.at + 1;
    *found_out = false;
    *distance_out = 1;
    if (p < r->text.end && *p == '-') {
        p++;
    } else {
        const char *digits = p;
        uint32_t d = 0;
        for (; p < r->text.end && ascii_is_digit(*p); p++)
            if (d <= TS_DISTANCE_MAX) d = d * 10 + (uint32_t)(*p - '0');
        if (p == digits) return QN_OK;
        if (d > TS_DISTANCE_MAX)
            return RAISE(r->ctx, ERR_INVALID_PARAMETER_VALUE, "distance in phrase operator must be an integer value between zero and %d inclusive",
                         TS_DISTANCE_MAX);
        *distance_out = d;
    }
    if (p == r->text.end || *p != '>' || p + 1 == r->text.end) return QN_OK;
    r->text.at = p + 1;
    *found_out = true;
    return QN_OK;
}

enum { PRIORITY_OR = 1, PRIORITY_AND, PRIORITY_PHRASE };

/* The operator that follows, if it binds at least as tightly as asked for; it is taken then. kind 0: none. */
static Status
read_operator(Reader *r, int priority, TsKind *kind, uint32_t *distance)
{
    bool found;
    *kind = (TsKind)0;
    *distance = 0;
    skip_space(r);
    if (r->text.at == r->text.end || *r->text.at == ')') return QN_OK;
    const char *before = r->text.at;
    switch (*r->text.at) {
    case '|':
        if (priority > PRIORITY_OR) return QN_OK;
        r->text.at++;
        *kind = TS_OR;
        return QN_OK;
    case '&':
        if (priority > PRIORITY_AND) return QN_OK;
        r->text.at++;
        *kind = TS_AND;
        return QN_OK;
    case '<':
        TRY(read_distance(r, distance, &found));
        if (!found) return raise_syntax(r);
        if (priority > PRIORITY_PHRASE) {
            r->text.at = before;
            return QN_OK;
        }
        *kind = TS_PHRASE;
        return QN_OK;
    default: return raise_syntax(r);
    }
}

static Status
read_binary(Reader *r, int priority, TsNode **out)
{
    TsNode *left, *right;
    TRY(ctx_check_depth(r->ctx));
    TRY(read_operand(r, &left));
    for (;;) {
        TsKind kind;
        uint32_t distance;
        TRY(read_operator(r, priority, &kind, &distance));
        if (kind == 0) break;
        int own = kind == TS_OR ? PRIORITY_OR : kind == TS_AND ? PRIORITY_AND : PRIORITY_PHRASE;
        TRY(read_binary(r, own + 1, &right));
        TRY(ts_node(r->ctx, r->arena, kind, left, right, distance, &left));
    }
    *out = left;
    return QN_OK;
}

/* ---- the way people write in search boxes ---- */

static bool
is_word_char(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

/* "or" as a word of its own, with something after it. */
static bool
take_or(Reader *r)
{
    const char *p = r->text.at;
    if (r->text.end - p < 2 || ascii_ncasecmp(p, "or", 2) != 0) return false;
    p += 2;
    if (p == r->text.end || is_word_char(*p)) return false;
    while (p < r->text.end && ascii_is_space(*p)) p++;
    if (p == r->text.end) return false;
    r->text.at += 2;
    return true;
}

/* *out NULL: the end. */
static Status
read_web_operand(Reader *r, TsNode **out)
{
    TsWord w = {0};
    bool found;
    TRY(ctx_check_depth(r->ctx));
    *out = NULL;
    for (; r->text.at < r->text.end; r->text.at++) {
        char c = *r->text.at;
        if (c == '-') {
            TsNode *operand;
            r->text.at++;
            TRY(read_web_operand(r, &operand));
            if (operand == NULL) TRY(ts_node(r->ctx, r->arena, (TsKind)TS_STOP, NULL, NULL, 0, &operand));
            return ts_node(r->ctx, r->arena, TS_NOT, NULL, operand, 0, out);
        }
        if (c == '"') {
            const char *close = memchr(r->text.at + 1, '"', (size_t)(r->text.end - r->text.at - 1)), *end = close != NULL ? close : r->text.end;
            w = (TsWord){.text = r->text.at + 1, .nbytes = (uint32_t)(end - r->text.at - 1)};
            r->text.at = close != NULL ? close + 1 : end;
            return make_value(r, &w, 0, false, out);
        }
        if (ascii_is_space(c) || ts_is_operator(c)) continue;
        TRY(ts_read_word(r->ctx, r->arena, &r->text, &w, &found));
        return make_value(r, &w, 0, false, out);
    }
    return QN_OK;
}

static Status
read_web(Reader *r, TsNode **out)
{
    TsNode *all = NULL, *group = NULL;
    TRY(read_web_operand(r, &group));
    while (group != NULL) {
        TsNode *next;
        while (r->text.at < r->text.end && (ascii_is_space(*r->text.at) || ts_is_operator(*r->text.at))) r->text.at++;
        if (r->text.at == r->text.end) break;
        bool is_or = take_or(r);
        TRY(read_web_operand(r, &next));
        if (next == NULL) TRY(ts_node(r->ctx, r->arena, (TsKind)TS_STOP, NULL, NULL, 0, &next));
        if (!is_or) {
            TRY(ts_node(r->ctx, r->arena, TS_AND, group, next, 0, &group));
            continue;
        }
        if (all == NULL)
            all = group;
        else
            TRY(ts_node(r->ctx, r->arena, TS_OR, all, group, 0, &all));
        group = next;
    }
    if (all != NULL && group != NULL) TRY(ts_node(r->ctx, r->arena, TS_OR, all, group, 0, &all));
    *out = all != NULL ? all : group;
    return QN_OK;
}

Status
tsquery_parse(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, TsSyntax syntax, TsMakeValue make, void *arg, TsNode **out)
{
    Reader r = {.ctx = ctx, .arena = arena, .syntax = syntax, .make = make, .arg = arg,
                .text = {.at = text, .end = text + nbytes, .all = text, .nall = nbytes, .is_query = true, .is_web = syntax == TS_SYNTAX_WEB}};
    *out = NULL;
    if (syntax == TS_SYNTAX_PLAIN) {
        TsWord w = {.text = text, .nbytes = (uint32_t)nbytes};
        return nbytes > 0 ? make_value(&r, &w, 0, false, out) : QN_OK;
    }
    if (syntax == TS_SYNTAX_WEB) return read_web(&r, out);
    skip_space(&r);
    if (r.text.at == r.text.end) return QN_OK;
    TRY(read_binary(&r, PRIORITY_OR, out));
    skip_space(&r);
    return r.text.at == r.text.end ? QN_OK : raise_syntax(&r);
}

/* ---- stop words ---- */

/* What the words taken out on a node's left and right add to the distances of the phrases around it. */
typedef struct Gaps {
    uint32_t left, right;
} Gaps;

static uint32_t
larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static Status
clean_node(Ctx *ctx, TsNode **slot, Gaps *gaps)
{
    TsNode *n = *slot;
    Gaps l, r;
    TRY(ctx_check_depth(ctx));
    *gaps = (Gaps){0, 0};
    if (n->kind == TS_STOP) *slot = NULL;
    if (n->kind == TS_STOP || n->kind == TS_VALUE) return QN_OK;
    if (n->kind == TS_NOT) {
        TRY(clean_node(ctx, &n->right, &r));
        if (n->right == NULL) *slot = NULL;
        return QN_OK;
    }
    TRY(clean_node(ctx, &n->left, &l));
    TRY(clean_node(ctx, &n->right, &r));
    bool phrase = n->kind == TS_PHRASE;
    if (n->left == NULL && n->right == NULL) {
        *slot = NULL;
        gaps->left = gaps->right = phrase ? l.left + n->distance + r.left : larger(l.left, r.left);
    } else if (n->left == NULL) {
        *slot = n->right;
        *gaps = (Gaps){phrase ? l.left + n->distance + r.left : r.left, r.right};
    } else if (n->right == NULL) {
        *slot = n->left;
        *gaps = (Gaps){l.left, phrase ? l.right + n->distance + r.right : l.right};
    } else if (phrase) {
        n->distance += l.right + r.left;
        *gaps = (Gaps){l.left, r.right};
    }
    return QN_OK;
}

Status
ts_clean(Ctx *ctx, TsNode **root)
{
    Gaps gaps;
    if (*root == NULL) return QN_OK;
    TRY(clean_node(ctx, root, &gaps));
    if (*root == NULL)
        ctx_notice(ctx, "NOTICE", QN_OK, "text-search query contains only stop words or doesn't contain lexemes, ignored");
    return QN_OK;
}

/* ---- the type ---- */

static Status
value_as_is(Ctx *ctx, Arena *arena, void *arg, const TsWord *w, int weights, bool prefix, TsNode **out)
{
    (void)arg;
    if (w->nbytes > TS_LEXEME_MAX) return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "word is too long in tsquery: \"%.*s\"", (int)w->nbytes, w->text);
    TRY(ts_node(ctx, arena, TS_VALUE, NULL, NULL, 0, out));
    (*out)->text = w->text;
    (*out)->nbytes = w->nbytes;
    (*out)->weights = (uint8_t)weights;
    (*out)->prefix = prefix;
    return QN_OK;
}

Status
tsquery_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    TsNode *root;
    (void)typmod;
    TRY(tsquery_parse(ctx, arena, text, nbytes, TS_SYNTAX_FULL, value_as_is, NULL, &root));
    if (root == NULL) ctx_notice(ctx, "NOTICE", QN_OK, "text-search query doesn't contain lexemes: \"%.*s\"", (int)nbytes, text);
    *out = value_str(type, str_make("", 0));
    return tsquery_pack(ctx, arena, root, &out->str);
}

static void
print_value(StrBuf *b, const TsQuery *q, const TsItem *it)
{
    const char *p = q->text + it->a;
    strbuf_addc(b, '\'');
    for (uint32_t k = 0; k < it->b; k++) {
        if (p[k] == '\'' || p[k] == '\\') strbuf_addc(b, p[k]);
        strbuf_addc(b, p[k]);
    }
    strbuf_addc(b, '\'');
    if (!it->prefix && it->weights == 0) return;
    strbuf_addc(b, ':');
    if (it->prefix) strbuf_addc(b, '*');
    for (int w = 3; w >= 0; w--)
        if ((it->weights >> w & 1) != 0) strbuf_addc(b, "DCBA"[w]);
}

/* right_of_phrase: a phrase there needs parentheses, for it groups to the left. */
static Status
print_node(Ctx *ctx, StrBuf *b, const TsQuery *q, uint32_t i, int outer, bool right_of_phrase)
{
    TsItem it = tsquery_item(q, i);
    TRY(ctx_check_depth(ctx));
    if (it.kind == TS_VALUE) {
        print_value(b, q, &it);
        return QN_OK;
    }
    int own = it.kind == TS_NOT ? 4 : it.kind == TS_PHRASE ? 3 : it.kind == TS_AND ? 2 : 1;
    bool parens = own < outer || (it.kind == TS_PHRASE && right_of_phrase);
    if (parens) strbuf_addz(b, "( ");
    if (it.kind == TS_NOT) {
        strbuf_addc(b, '!');
        TRY(print_node(ctx, b, q, i + 1, own, false));
    } else {
        TRY(print_node(ctx, b, q, i + it.a, own, false));
        if (it.kind == TS_AND) strbuf_addz(b, " & ");
        else if (it.kind == TS_OR) strbuf_addz(b, " | ");
        else if (it.b == 1) strbuf_addz(b, " <-> ");
        else strbuf_addf(b, " <%u> ", it.b);
        TRY(print_node(ctx, b, q, i + 1, own, it.kind == TS_PHRASE));
    }
    if (parens) strbuf_addz(b, " )");
    return QN_OK;
}

Status
tsquery_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    TsQuery q = tsquery_view(&value->str);
    return q.n > 0 ? print_node(ctx, b, &q, 0, 0, false) : QN_OK;
}

/* ---- order ---- */

/* CRC-32 taken from the high end with the table of the low end: what PostgreSQL orders a query's words by. */
uint32_t
ts_word_crc(const char *p, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        uint32_t t = ((crc >> 24) ^ (unsigned char)p[i]) & 0xFF;
        for (int k = 0; k < 8; k++) t = (t & 1) != 0 ? 0xEDB88320u ^ (t >> 1) : t >> 1;
        crc = t ^ (crc << 8);
    }
    return ~crc;
}

/* Orders nodes as compared from the root: kinds (values after operators), then what kind of operator, then operands. */
static int
kind_rank(int kind)
{
    static const int rank[] = {[TS_VALUE] = 0, [TS_NOT] = 1, [TS_AND] = 2, [TS_OR] = 3, [TS_PHRASE] = 4};
    return rank[kind];
}

int
ts_compare_values(const char *a, uint32_t na, const char *b, uint32_t nb)
{
    int32_t x = (int32_t)ts_word_crc(a, na), y = (int32_t)ts_word_crc(b, nb);
    if (x != y) return x > y ? -1 : 1;
    return ts_compare_text(a, na, b, nb);
}

static int
compare_items(const TsQuery *p, uint32_t i, const TsQuery *q, uint32_t j)
{
    TsItem a = tsquery_item(p, i), b = tsquery_item(q, j);
    bool va = a.kind == TS_VALUE, vb = b.kind == TS_VALUE;
    if (va != vb) return va ? 1 : -1;
    if (va) return ts_compare_values(p->text + a.a, a.b, q->text + b.a, b.b);
    if (a.kind != b.kind) return kind_rank(a.kind) > kind_rank(b.kind) ? -1 : 1;
    int c = compare_items(p, i + 1, q, j + 1);
    if (c == 0 && a.kind != TS_NOT) c = compare_items(p, i + a.a, q, j + b.a);
    if (c == 0 && a.kind == TS_PHRASE && a.b != b.b) c = a.b > b.b ? -1 : 1;
    return c;
}

int
tsquery_cmp(const Value *a, const Value *b)
{
    TsQuery p = tsquery_view(&a->str), q = tsquery_view(&b->str);
    if (p.n != q.n) return p.n < q.n ? -1 : 1;
    uint32_t np = tsquery_varsize(&p), nq = tsquery_varsize(&q);
    if (np != nq) return np < nq ? -1 : 1;
    return p.n > 0 ? compare_items(&p, 0, &q, 0) : 0;
}

uint64_t
tsquery_hash(const Value *v)
{
    TsQuery q = tsquery_view(&v->str);
    uint64_t h = q.n;
    for (uint32_t i = 0; i < q.n; i++) {
        TsItem it = tsquery_item(&q, i);
        h = h * 31 + it.kind;
        if (it.kind == TS_VALUE) h ^= hash_bytes(q.text + it.a, it.b);
    }
    return h;
}

static void
add_be32(StrBuf *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    strbuf_add(b, (const char *)&v, 4);
}

/* As tsquery_cmp compares: items in the order they are stored, which is the order of the comparison, but for distances. */
void
tsquery_key(const Value *value, StrBuf *b)
{
    TsQuery q = tsquery_view(&value->str);
    add_be32(b, q.n);
    add_be32(b, tsquery_varsize(&q));
    for (uint32_t i = 0; i < q.n; i++) {
        TsItem it = tsquery_item(&q, i);
        strbuf_addc(b, it.kind == TS_VALUE ? 9 : (char)(8 - kind_rank(it.kind)));
        if (it.kind != TS_VALUE) continue;
        add_be32(b, ~(ts_word_crc(q.text + it.a, it.b) ^ 0x80000000u));
        strbuf_add(b, q.text + it.a, it.b);
        strbuf_addc(b, 0);
    }
    for (uint32_t i = 0; i < q.n; i++) {
        TsItem it = tsquery_item(&q, i);
        if (it.kind == TS_PHRASE) add_be32(b, ~it.b);
    }
}
