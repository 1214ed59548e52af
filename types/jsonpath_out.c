/* jsonpath_out.c - printing SQL/JSON path expressions, with brackets where PostgreSQL puts them. */
#include "types/json.h"
#include "types/jsonpath.h"
#include "types/type_io.h"

const char *
path_name(PathKind k)
{
    static const char *const names[] = {
        [PATH_AND] = "&&", [PATH_OR] = "||", [PATH_EQ] = "==", [PATH_NE] = "!=", [PATH_LT] = "<", [PATH_GT] = ">",
        [PATH_LE] = "<=", [PATH_GE] = ">=", [PATH_STARTS_WITH] = "starts with", [PATH_ADD] = "+", [PATH_SUB] = "-",
        [PATH_MUL] = "*", [PATH_DIV] = "/", [PATH_MOD] = "%", [PATH_PLUS] = "+", [PATH_MINUS] = "-", [PATH_TYPE] = "type",
        [PATH_SIZE] = "size", [PATH_ABS] = "abs", [PATH_FLOOR] = "floor", [PATH_CEILING] = "ceiling",
        [PATH_DOUBLE] = "double", [PATH_DATETIME] = "datetime", [PATH_KEYVALUE] = "keyvalue",
    };
    return names[k];
}

static int
priority(PathKind k)
{
    switch (k) {
    case PATH_OR: return 0;
    case PATH_AND: return 1;
    case PATH_EQ: case PATH_NE: case PATH_LT: case PATH_GT: case PATH_LE: case PATH_GE: case PATH_STARTS_WITH: return 2;
    case PATH_ADD: case PATH_SUB: return 3;
    case PATH_MUL: case PATH_DIV: case PATH_MOD: return 4;
    case PATH_PLUS: case PATH_MINUS: return 5;
    default: return 6;
    }
}

static Status add_node(Ctx *ctx, StrBuf *b, PathNode n, bool in_key, bool brackets);

/* An operand, in brackets where it binds no tighter than n. */
static Status
add_operand(Ctx *ctx, StrBuf *b, PathNode n, uint32_t word)
{
    PathNode arg = path_child(n, word);
    return add_node(ctx, b, arg, false, priority(path_kind(arg)) <= priority(path_kind(n)));
}

static void
add_any(StrBuf *b, uint32_t from, uint32_t to)
{
    if (from == 0 && to == JSONPATH_LAST)
        strbuf_addz(b, "**");
    else if (from == to && to == JSONPATH_LAST)
        strbuf_addz(b, "**{last}");
    else if (from == to)
        strbuf_addf(b, "**{%u}", from);
    else if (from == JSONPATH_LAST)
        strbuf_addf(b, "**{last to %u}", to);
    else if (to == JSONPATH_LAST)
        strbuf_addf(b, "**{%u to last}", from);
    else
        strbuf_addf(b, "**{%u to %u}", from, to);
}

static Status
add_subscripts(Ctx *ctx, StrBuf *b, PathNode n)
{
    strbuf_addc(b, '[');
    for (uint32_t i = 0; i < path_word(n, 1); i++) {
        PathNode to = path_child(n, 3 + 2 * i);
        if (i > 0) strbuf_addc(b, ',');
        TRY(add_node(ctx, b, path_child(n, 2 + 2 * i), false, false));
        if (to.at == 0) continue;
        strbuf_addz(b, " to ");
        TRY(add_node(ctx, b, to, false, false));
    }
    strbuf_addc(b, ']');
    return QN_OK;
}

/* What stands between open and close. */
static Status
add_wrapped(Ctx *ctx, StrBuf *b, PathNode n, const char *open, const char *close)
{
    strbuf_addz(b, open);
    if (path_child(n, 1).at != 0) TRY(add_node(ctx, b, path_child(n, 1), false, false));
    strbuf_addz(b, close);
    return QN_OK;
}

static Status
add_regex(Ctx *ctx, StrBuf *b, PathNode n, bool brackets)
{
    uint32_t nbytes, flags = path_word(n, 2);
    const char *pattern = path_text(n, 3, &nbytes);
    if (brackets) strbuf_addc(b, '(');
    TRY(add_operand(ctx, b, n, 1));
    strbuf_addz(b, " like_regex ");
    json_add_string(b, pattern, nbytes);
    if (flags != 0) {
        strbuf_addz(b, " flag \"");
        for (int i = 0; i < 5; i++)
            if (flags & 1u << i) strbuf_addc(b, "ismxq"[i]);
        strbuf_addc(b, '"');
    }
    if (brackets) strbuf_addc(b, ')');
    return QN_OK;
}

static Status
add_one(Ctx *ctx, StrBuf *b, PathNode n, bool in_key, bool brackets)
{
    PathKind k = path_kind(n);
    uint32_t nbytes;
    const char *text;
    switch (k) {
    case PATH_NULL: strbuf_addz(b, "null"); break;
    case PATH_TRUE: strbuf_addz(b, "true"); break;
    case PATH_FALSE: strbuf_addz(b, "false"); break;
    case PATH_ROOT: strbuf_addc(b, '$'); break;
    case PATH_CURRENT: strbuf_addc(b, '@'); break;
    case PATH_LAST: strbuf_addz(b, "last"); break;
    case PATH_NUMBER: {
        bool next = path_word(n, 0) != 0;
        text = path_text(n, 1, &nbytes);
        if (next) strbuf_addc(b, '(');
        TRY(jsonb_add_text(ctx, b, (JsonbItem){.kind = JSONB_NUMBER, .nbytes = nbytes, .p = text}));
        if (next) strbuf_addc(b, ')');
        break;
    }
    case PATH_KEY:
    case PATH_VARIABLE:
    case PATH_STRING:
        text = path_text(n, 1, &nbytes);
        if (k == PATH_KEY && in_key) strbuf_addc(b, '.');
        if (k == PATH_VARIABLE) strbuf_addc(b, '$');
        json_add_string(b, text, nbytes);
        break;
    case PATH_ANY_KEY: strbuf_addz(b, in_key ? ".*" : "*"); break;
    case PATH_ANY_ARRAY: strbuf_addz(b, "[*]"); break;
    case PATH_SUBSCRIPTS: return add_subscripts(ctx, b, n);
    case PATH_ANY:
        if (in_key) strbuf_addc(b, '.');
        add_any(b, path_word(n, 1), path_word(n, 2));
        break;
    case PATH_FILTER: return add_wrapped(ctx, b, n, "?(", ")");
    case PATH_NOT: return add_wrapped(ctx, b, n, "!(", ")");
    case PATH_IS_UNKNOWN: return add_wrapped(ctx, b, n, "(", ") is unknown");
    case PATH_EXISTS: return add_wrapped(ctx, b, n, "exists (", ")");
    case PATH_LIKE_REGEX: return add_regex(ctx, b, n, brackets);
    case PATH_PLUS:
    case PATH_MINUS:
        if (brackets) strbuf_addc(b, '(');
        strbuf_addz(b, path_name(k));
        TRY(add_operand(ctx, b, n, 1));
        if (brackets) strbuf_addc(b, ')');
        break;
    case PATH_DATETIME: return add_wrapped(ctx, b, n, ".datetime(", ")");
    case PATH_TYPE: case PATH_SIZE: case PATH_ABS: case PATH_FLOOR: case PATH_CEILING: case PATH_DOUBLE:
    case PATH_KEYVALUE: strbuf_addf(b, ".%s()", path_name(k)); break;
    default:
        if (brackets) strbuf_addc(b, '(');
        TRY(add_operand(ctx, b, n, 1));
        strbuf_addf(b, " %s ", path_name(k));
        TRY(add_operand(ctx, b, n, 2));
        if (brackets) strbuf_addc(b, ')');
        break;
    }
    return QN_OK;
}

static Status
add_node(Ctx *ctx, StrBuf *b, PathNode n, bool in_key, bool brackets)
{
    TRY(ctx_check_depth(ctx));
    for (;;) {
        TRY(add_one(ctx, b, n, in_key, brackets));
        n = path_child(n, 0);
        if (n.at == 0) return b->failed ? RAISE_OOM(ctx) : QN_OK;
        in_key = brackets = true;
    }
}

Status
jsonpath_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    PathNode root = {str_data(&value->str), 1};
    if (root.base[0] == 0) strbuf_addz(b, "strict ");
    return add_node(ctx, b, root, false, true);
}
