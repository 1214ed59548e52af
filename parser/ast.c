#include "parser/ast.h"
#include <inttypes.h>
#include <string.h>

/* Room for one more item; arena_realloc extends the newest list in place. */
Status
ast_list_push(Ctx *ctx, Arena *arena, AstList *list, Ast *item)
{
    if (list->count == list->cap) {
        int cap = list->cap == 0 ? 4 : list->cap * 2;
        Ast **items;
        TRY_ALLOC(ctx, items,
                  arena_realloc(arena, list->items, (size_t)list->cap * sizeof(Ast *),
                                (size_t)cap * sizeof(Ast *)));
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = item;
    return QN_OK;
}

const char *
ast_tag_name(AstTag tag)
{
    static const char *const names[AST_TAG_COUNT] = {
#define AST(T, fields) [AST_##T] = #T,
#include "parser/ast.def"
    };
    return tag > AST_NONE && tag < AST_TAG_COUNT ? names[tag] : "?";
}

static bool
str_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* ---- copy ---- */

static Status
copy_str(Ctx *ctx, Arena *arena, const char *from, const char **to)
{
    if (from != NULL) TRY_ALLOC(ctx, *to, arena_strdup(arena, from));
    return QN_OK;
}

static Status
copy_list(Ctx *ctx, Arena *arena, const AstList *from, AstList *to)
{
    *to = (AstList){0};
    if (from->count == 0) return QN_OK;
    TRY_ALLOC(ctx, to->items, ARENA_ARRAY(arena, Ast *, from->count));
    to->count = to->cap = from->count;
    for (int i = 0; i < from->count; i++)
        TRY(ast_copy(ctx, arena, from->items[i], &to->items[i]));
    return QN_OK;
}

static Status
copy_locs(Ctx *ctx, Arena *arena, const int *from, int count, int **to)
{
    if (from != NULL && count > 1)
        TRY_ALLOC(ctx, *to, arena_memdup(arena, from, (size_t)(count - 1) * sizeof(int)));
    return QN_OK;
}

#define F_VAL(type, f)
#define F_ENUM(type, f)
#define F_LOC(f)
#define F_STR(f) TRY(copy_str(ctx, arena, from->f, &to->f));
#define F_NODE(f) TRY(ast_copy(ctx, arena, from->f, &to->f));
#define F_LIST(f) TRY(copy_list(ctx, arena, &from->f, &to->f));
#define F_LOCS(f, list) TRY(copy_locs(ctx, arena, from->f, from->list.count, &to->f));
#define AST(T, fields)                                                                             \
    static Status copy_##T(Ctx *ctx, Arena *arena, const Ast *node, Ast **copy_out)                \
    {                                                                                              \
        const T *from = (const T *)node;                                                           \
        T *to;                                                                                     \
        TRY_ALLOC(ctx, to, arena_memdup(arena, from, sizeof(T)));                                  \
        fields *copy_out = &to->base;                                                              \
        return QN_OK;                                                                              \
    }
#include "parser/ast.def"
#undef F_VAL
#undef F_ENUM
#undef F_LOC
#undef F_STR
#undef F_NODE
#undef F_LIST
#undef F_LOCS

Status
ast_copy(Ctx *ctx, Arena *arena, const Ast *node, Ast **copy_out)
{
    static Status (*const table[AST_TAG_COUNT])(Ctx *, Arena *, const Ast *, Ast **) = {
#define AST(T, fields) [AST_##T] = copy_##T,
#include "parser/ast.def"
    };
    *copy_out = NULL;
    if (node == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    return table[node->tag](ctx, arena, node, copy_out);
}

/* ---- equal ---- */

static Status
equal_list(Ctx *ctx, const AstList *a, const AstList *b, bool *equal_out)
{
    *equal_out = a->count == b->count;
    for (int i = 0; i < a->count && *equal_out; i++)
        TRY(ast_equal(ctx, a->items[i], b->items[i], equal_out));
    return QN_OK;
}

#define UNLESS_EQUAL_RETURN                                                                        \
    if (!*equal_out) return QN_OK;
#define F_VAL(type, f)                                                                             \
    *equal_out = a->f == b->f;                                                                     \
    UNLESS_EQUAL_RETURN
#define F_ENUM(type, f) F_VAL(type, f)
#define F_STR(f)                                                                                   \
    *equal_out = str_equal(a->f, b->f);                                                            \
    UNLESS_EQUAL_RETURN
#define F_NODE(f)                                                                                  \
    TRY(ast_equal(ctx, a->f, b->f, equal_out));                                                    \
    UNLESS_EQUAL_RETURN
#define F_LIST(f)                                                                                  \
    TRY(equal_list(ctx, &a->f, &b->f, equal_out));                                                 \
    UNLESS_EQUAL_RETURN
#define F_LOC(f)
#define F_LOCS(f, list)
#define AST(T, fields)                                                                             \
    static Status equal_##T(Ctx *ctx, const Ast *x, const Ast *y, bool *equal_out)                 \
    {                                                                                              \
        const T *a = (const T *)x, *b = (const T *)y;                                              \
        (void)ctx, (void)a, (void)b;                                                               \
        *equal_out = true;                                                                         \
        fields return QN_OK;                                                                       \
    }
#include "parser/ast.def"
#undef UNLESS_EQUAL_RETURN
#undef F_VAL
#undef F_ENUM
#undef F_LOC
#undef F_STR
#undef F_NODE
#undef F_LIST
#undef F_LOCS

Status
ast_equal(Ctx *ctx, const Ast *a, const Ast *b, bool *equal_out)
{
    static Status (*const table[AST_TAG_COUNT])(Ctx *, const Ast *, const Ast *, bool *) = {
#define AST(T, fields) [AST_##T] = equal_##T,
#include "parser/ast.def"
    };
    *equal_out = a == b;
    if (a == b || a == NULL || b == NULL || a->tag != b->tag) return QN_OK;
    TRY(ctx_check_depth(ctx));
    return table[a->tag](ctx, a, b, equal_out);
}

/* ---- print ---- */

typedef struct Printer {
    Ctx *ctx;
    StrBuf *out;
    bool with_locations;
} Printer;

#define V(name) #name,
#define ENUM(T, values) static const char *const names_##T[] = {values};
#include "parser/ast.def"
#undef V

static void
print_quoted(StrBuf *out, const char *s)
{
    strbuf_addc(out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') strbuf_addc(out, '\\');
        if (*s == '\n')
            strbuf_addz(out, "\\n");
        else
            strbuf_addc(out, *s);
    }
    strbuf_addc(out, '"');
}

static Status
print_list(Printer *p, const AstList *list)
{
    strbuf_addc(p->out, '(');
    for (int i = 0; i < list->count; i++) {
        if (i > 0) strbuf_addc(p->out, ' ');
        TRY(ast_print(p->ctx, p->out, list->items[i], p->with_locations));
    }
    strbuf_addc(p->out, ')');
    return QN_OK;
}

#define F_VAL(type, f)                                                                             \
    if (n->f != 0) strbuf_addf(p->out, " :" #f " %" PRId64, (int64_t)n->f);
#define F_ENUM(type, f)                                                                            \
    if (n->f != 0) strbuf_addf(p->out, " :" #f " %s", names_##type[n->f] + 4);
#define F_LOC(f)                                                                                   \
    if (p->with_locations && n->f != 0) strbuf_addf(p->out, " @%d", n->f);
#define F_STR(f)                                                                                   \
    if (n->f != NULL) {                                                                            \
        strbuf_addz(p->out, " :" #f " ");                                                          \
        print_quoted(p->out, n->f);                                                                \
    }
#define F_NODE(f)                                                                                  \
    if (n->f != NULL) {                                                                            \
        strbuf_addz(p->out, " :" #f " ");                                                          \
        TRY(ast_print(p->ctx, p->out, n->f, p->with_locations));                                   \
    }
#define F_LIST(f)                                                                                  \
    if (n->f.count > 0) {                                                                          \
        strbuf_addz(p->out, " :" #f " ");                                                          \
        TRY(print_list(p, &n->f));                                                                 \
    }
#define F_LOCS(f, list)
#define AST(T, fields)                                                                             \
    static Status print_##T(Printer *p, const Ast *node)                                           \
    {                                                                                              \
        const T *n = (const T *)node;                                                              \
        strbuf_addz(p->out, "{" #T);                                                               \
        fields strbuf_addc(p->out, '}');                                                           \
        (void)n;                                                                                   \
        return QN_OK;                                                                              \
    }
#include "parser/ast.def"
#undef F_VAL
#undef F_ENUM
#undef F_LOC
#undef F_STR
#undef F_NODE
#undef F_LIST
#undef F_LOCS

Status
ast_print(Ctx *ctx, StrBuf *out, const Ast *node, bool with_locations)
{
    static Status (*const table[AST_TAG_COUNT])(Printer *, const Ast *) = {
#define AST(T, fields) [AST_##T] = print_##T,
#include "parser/ast.def"
    };
    Printer p = {.ctx = ctx, .out = out, .with_locations = with_locations};
    if (node == NULL) {
        strbuf_addz(out, "NULL");
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return table[node->tag](&p, node);
}

/* ---- walk ---- */

static Status
walk_list(Ctx *ctx, const AstList *list, AstWalker fn, void *arg)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i] != NULL) TRY(fn(ctx, list->items[i], arg));
    return QN_OK;
}

#define F_VAL(type, f)
#define F_ENUM(type, f)
#define F_LOC(f)
#define F_STR(f)
#define F_NODE(f)                                                                                  \
    if (n->f != NULL) TRY(fn(ctx, n->f, arg));
#define F_LIST(f) TRY(walk_list(ctx, &n->f, fn, arg));
#define F_LOCS(f, list)
#define AST(T, fields)                                                                             \
    static Status walk_##T(Ctx *ctx, Ast *node, AstWalker fn, void *arg)                           \
    {                                                                                              \
        T *n = (T *)node;                                                                          \
        (void)ctx, (void)n, (void)fn, (void)arg;                                                   \
        fields return QN_OK;                                                                       \
    }
#include "parser/ast.def"
#undef F_VAL
#undef F_ENUM
#undef F_LOC
#undef F_STR
#undef F_NODE
#undef F_LIST
#undef F_LOCS

Status
ast_walk(Ctx *ctx, Ast *node, AstWalker fn, void *arg)
{
    static Status (*const table[AST_TAG_COUNT])(Ctx *, Ast *, AstWalker, void *) = {
#define AST(T, fields) [AST_##T] = walk_##T,
#include "parser/ast.def"
    };
    if (node == NULL) return QN_OK;
    TRY(ctx_check_depth(ctx));
    return table[node->tag](ctx, node, fn, arg);
}

/* ---- location ---- */

static int
list_location(const AstList *list)
{
    int loc = 0;
    for (int i = 0; i < list->count && loc == 0; i++) loc = ast_location(list->items[i]);
    return loc;
}

#define F_VAL(type, f)
#define F_ENUM(type, f)
#define F_STR(f)
#define F_LOC(f)                                                                                   \
    if (n->f != 0) return n->f;
#define F_NODE(f)
#define F_LIST(f)
#define F_LOCS(f, list)
#define AST(T, fields)                                                                             \
    static int own_location_##T(const Ast *node)                                                   \
    {                                                                                              \
        const T *n = (const T *)node;                                                              \
        (void)n;                                                                                   \
        fields return 0;                                                                           \
    }
#include "parser/ast.def"
#undef F_NODE
#undef F_LIST
#undef F_LOC

#define F_LOC(f)
#define F_NODE(f)                                                                                  \
    if (loc == 0 && n->f != NULL) loc = ast_location(n->f);
#define F_LIST(f)                                                                                  \
    if (loc == 0) loc = list_location(&n->f);
#define AST(T, fields)                                                                             \
    static int child_location_##T(const Ast *node)                                                 \
    {                                                                                              \
        const T *n = (const T *)node;                                                              \
        int loc = 0;                                                                               \
        (void)n;                                                                                   \
        fields return loc;                                                                         \
    }
#include "parser/ast.def"
#undef F_VAL
#undef F_ENUM
#undef F_LOC
#undef F_STR
#undef F_NODE
#undef F_LIST
#undef F_LOCS

int
ast_location(const Ast *node)
{
    static int (*const own[AST_TAG_COUNT])(const Ast *) = {
#define AST(T, fields) [AST_##T] = own_location_##T,
#include "parser/ast.def"
    };
    static int (*const child[AST_TAG_COUNT])(const Ast *) = {
#define AST(T, fields) [AST_##T] = child_location_##T,
#include "parser/ast.def"
    };
    if (node == NULL) return 0;
    int loc = own[node->tag](node);
    return loc != 0 ? loc : child[node->tag](node);
}
