/* jsonpath.h - SQL/JSON path expressions, read once and kept as a tree in bytes that is run where it lies.
 *
 *     u8 mode: 1 lax, 0 strict | nodes, the first at byte 1
 *     node   u8 kind | u32 next: the accessor applied to its result, 0 none | what the kind says:
 *            text (strings, keys, variables), numbers     u32 length | bytes
 *            two operands                                  u32 left | u32 right
 *            one operand (0: none)                         u32 operand
 *            subscripts                                    u32 n | n times u32 from | u32 to (0: only from)
 *            ** {a to b}                                   u32 a | u32 b (JSONPATH_LAST: last)
 *            like_regex                                    u32 operand | u32 flags | u32 length | pattern
 *
 * Places of nodes count from the value's first byte. Nothing is aligned.
 */
#ifndef TYPES_JSONPATH_H
#define TYPES_JSONPATH_H

#include "types/jsonb.h"

typedef enum PathKind {
    PATH_NULL, PATH_STRING, PATH_NUMBER, PATH_TRUE, PATH_FALSE, PATH_ROOT, PATH_CURRENT, PATH_LAST, PATH_VARIABLE,
    PATH_KEY, PATH_ANY_KEY, PATH_ANY_ARRAY, PATH_SUBSCRIPTS, PATH_ANY, PATH_FILTER,
    PATH_AND, PATH_OR, PATH_NOT, PATH_IS_UNKNOWN, PATH_EQ, PATH_NE, PATH_LT, PATH_GT, PATH_LE, PATH_GE, PATH_EXISTS,
    PATH_STARTS_WITH, PATH_LIKE_REGEX,
    PATH_ADD, PATH_SUB, PATH_MUL, PATH_DIV, PATH_MOD, PATH_PLUS, PATH_MINUS,
    PATH_TYPE, PATH_SIZE, PATH_ABS, PATH_FLOOR, PATH_CEILING, PATH_DOUBLE, PATH_DATETIME, PATH_KEYVALUE
} PathKind;

enum { /* flags of like_regex; beside those of regex.h */
    PATH_REGEX_I = 1, PATH_REGEX_S = 2, PATH_REGEX_M = 4, PATH_REGEX_X = 8, PATH_REGEX_Q = 16
};

#define JSONPATH_LAST UINT32_MAX

static inline bool
path_is_predicate(PathKind k)
{
    return k >= PATH_AND && k <= PATH_LIKE_REGEX;
}

/* A node being looked at; the value's bytes must stay. */
typedef struct PathNode {
    const char *base; /* of the value */
    uint32_t at;
} PathNode;

static inline PathKind
path_kind(PathNode n)
{
    return (PathKind)(uint8_t)n.base[n.at];
}
/* The i-th word after the kind: word 0 is next. */
static inline uint32_t
path_word(PathNode n, uint32_t i)
{
    return jsonb_word(n.base + n.at + 1, i);
}
static inline PathNode
path_child(PathNode n, uint32_t i) /* the node word i names; at 0: none */
{
    return (PathNode){n.base, path_word(n, i)};
}
static inline const char *
path_text(PathNode n, uint32_t word, uint32_t *nbytes_out) /* word holds the length */
{
    *nbytes_out = path_word(n, word);
    return n.base + n.at + 1 + (size_t)(word + 1) * 4;
}
const char *path_name(PathKind k); /* operators and methods, as written */
/* regex.h's flags of like_regex's. */
int path_regex_flags(uint32_t flags);

#endif
