/* ast.h - the raw syntax tree. The structs come from ast.def; this header gives them to the compiler
 * and declares what works on every one of them.
 *
 * A tree lives in the arena it was parsed into and points to nothing outside it. It is not changed once
 * parse_sql has returned it. Every struct starts with an Ast, whose tag says which struct it is.
 */
#ifndef PARSER_AST_H
#define PARSER_AST_H

#include "common/arena.h"
#include "common/ctx.h"
#include "common/status.h"
#include "common/str.h"
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define V(name) name,
#define ENUM(T, values)                                                                            \
    typedef enum T { values } T;
#include "parser/ast.def"
#undef V

typedef enum AstTag {
    AST_NONE,
#define AST(T, fields) AST_##T,
#include "parser/ast.def"
    AST_TAG_COUNT
} AstTag;

typedef struct Ast {
    AstTag tag;
} Ast;

typedef struct AstList {
    Ast **items;
    int count, cap;
} AstList;

#define F_VAL(type, f) type f;
#define F_ENUM(type, f) type f;
#define F_STR(f) const char *f;
#define F_NODE(f) Ast *f;
#define F_LIST(f) AstList f;
#define F_LOC(f) int f;
#define F_LOCS(f, list) int *f;
#define AST(T, fields)                                                                             \
    typedef struct T {                                                                             \
        Ast base;                                                                                  \
        fields                                                                                     \
    } T;
#include "parser/ast.def"
#undef F_VAL
#undef F_ENUM
#undef F_STR
#undef F_NODE
#undef F_LIST
#undef F_LOC
#undef F_LOCS

typedef enum AstTableLikeOption {
    AST_LIKE_COMMENTS = 1 << 0,
    AST_LIKE_COMPRESSION = 1 << 1,
    AST_LIKE_CONSTRAINTS = 1 << 2,
    AST_LIKE_DEFAULTS = 1 << 3,
    AST_LIKE_GENERATED = 1 << 4,
    AST_LIKE_IDENTITY = 1 << 5,
    AST_LIKE_INDEXES = 1 << 6,
    AST_LIKE_STATISTICS = 1 << 7,
    AST_LIKE_STORAGE = 1 << 8,
    AST_LIKE_ALL = 0x7FFFFFFF
} AstTableLikeOption;

/* Downcast; the tag is asserted. NULL stays NULL. */
#define AST_AS(T, node) ((T *)ast_check((node), AST_##T))
/* A new zeroed node, NULL when memory is out. */
#define AST_NEW(arena, T) ((T *)ast_alloc((arena), AST_##T, sizeof(T)))
#define ast_is(node, T) ((node) != NULL && ((const Ast *)(node))->tag == AST_##T)

static inline void *
ast_check(const void *node, AstTag tag)
{
    assert(node == NULL || ((const Ast *)node)->tag == tag);
    (void)tag;
    return (void *)node;
}
static inline void *
ast_alloc(Arena *arena, AstTag tag, size_t nbytes)
{
    Ast *n = arena_zalloc(arena, nbytes);
    if (n != NULL) n->tag = tag;
    return n;
}

/* When and on what a trigger fires: PostgreSQL's TRIGGER_TYPE bits. */
enum {
    TRIGGER_BEFORE = 1 << 1,
    TRIGGER_INSERT = 1 << 2,
    TRIGGER_DELETE = 1 << 3,
    TRIGGER_UPDATE = 1 << 4,
    TRIGGER_TRUNCATE = 1 << 5,
    TRIGGER_INSTEAD = 1 << 6,
    TRIGGER_AFTER = 0
};

const char *ast_tag_name(AstTag tag); /* "SelectStmt" */
/* Where the node starts or what it points at (byte offset + 1): its first F_LOC field, else that of its
 * leftmost child that has one, else 0. */
int ast_location(const Ast *node);

/* 53200 and, past the stack limit, 54001. NULL copies to NULL. */
Status ast_copy(Ctx *ctx, Arena *arena, const Ast *node, Ast **copy_out);
/* Structural equality; positions do not count. 54001 past the stack limit. */
Status ast_equal(Ctx *ctx, const Ast *a, const Ast *b, bool *equal_out);
/* {SelectStmt :targets ({ResTarget ...})}: fields that are zero, NULL or empty are left out, positions too
 * unless asked for. For tests and the debugger. */
Status ast_print(Ctx *ctx, StrBuf *out, const Ast *node, bool with_locations);

/* Calls fn on each child of node (not on node itself), in the order of ast.def; NULL children are skipped.
 * A walker calls ast_walk(ctx, node, walker, arg) to go down. Stops at the first error. */
typedef Status (*AstWalker)(Ctx *ctx, Ast *node, void *arg);
Status ast_walk(Ctx *ctx, Ast *node, AstWalker fn, void *arg);

/* The string of a StringNode. */
static inline const char *
ast_str(const Ast *node)
{
    return AST_AS(StringNode, node)->str;
}
/* Appends; 53200. */
Status ast_list_push(Ctx *ctx, Arena *arena, AstList *list, Ast *item);

#endif
