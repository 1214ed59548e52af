/* expr.h - bound expressions: every name resolved, every operator a function, every type known.
 *
 * The binder makes them, rewrites copy them, the executor compiles them to programs (executor/expr.h);
 * EXPLAIN prints them back. Structs come from expr.def (STYLE: nodes without triplicates). Read-only once
 * a plan is built; all in the statement's arena.
 *
 * Columns. In logical plans a ColumnRef names (rel, col): rel is the query-wide number of the relation that
 * produces it, col its 0-based column (negative: SCANCOL_*). In physical plans rel is which input of the node
 * (INPUT_*) and col the position in that input's output.
 */
#ifndef PLANNER_EXPR_H
#define PLANNER_EXPR_H

#include "types/function.h"

typedef enum ExprTag {
    EXPR_NONE,
#define EXPR(T, fields) EXPR_##T,
#include "planner/expr.def"
#undef EXPR
    EXPR_TAG_COUNT
} ExprTag;

typedef struct Expr {
    uint8_t tag; /* ExprTag */
    Oid type;
    int32_t typmod;
    Oid collation;
    int loc; /* byte offset + 1 in the statement, 0 unknown; ignored by equal */
} Expr;

typedef struct ExprList {
    Expr **items;
    int count, cap;
} ExprList;

enum { INPUT_OUTER = 0, INPUT_INNER = 1 }; /* ColumnRef.rel in physical plans */

typedef enum BoolKind { BOOL_AND, BOOL_OR, BOOL_NOT } BoolKind;
typedef enum BoolTestKind { IS_TRUE, IS_NOT_TRUE, IS_FALSE, IS_NOT_FALSE, IS_UNKNOWN, IS_NOT_UNKNOWN } BoolTestKind;
typedef enum ParamKind {
    PARAM_EXTERN, /* $1: id is 1-based */
    PARAM_EXEC    /* a slot of the running query: correlation values, uncorrelated subplan results */
} ParamKind;
typedef enum SubPlanKind { SUBPLAN_EXISTS, SUBPLAN_SCALAR, SUBPLAN_ANY, SUBPLAN_ALL, SUBPLAN_ARRAY,
                           SUBPLAN_ROWCMP } SubPlanKind;
typedef enum CoerceKind { COERCE_EXPLICIT, COERCE_IMPLICIT, COERCE_SQL_SYNTAX } CoerceKind; /* how to print it */

/* A sort key over an expression list or a node's input. */
typedef struct SortKey {
    Expr *expr;
    bool desc, nulls_first;
    Oid lt_op; /* the ordering operator */
} SortKey;

typedef struct SortKeyList {
    SortKey *items;
    int count, cap;
} SortKeyList;

#define E_VAL(type, f) type f;
#define E_EXPR(f) Expr *f;
#define E_LIST(f) ExprList f;
#define E_SORT(f) SortKeyList f;
#define E_PTR(type, f) type f;
#define E_VALUE(f) Value f;
#define E_NAME(f) const char *f;
#define E_FORM(type, f) type f;
#define EXPR(T, fields)                                                                            \
    typedef struct T##Expr {                                                                       \
        Expr base;                                                                                 \
        fields                                                                                     \
    } T##Expr;
#include "planner/expr.def"
#undef EXPR
#undef E_VAL
#undef E_EXPR
#undef E_LIST
#undef E_SORT
#undef E_PTR
#undef E_VALUE
#undef E_NAME
#undef E_FORM

/* Deep copy into arena; NULL when memory is out. A SubPlan's query is shared, not copied. */
Expr *expr_copy(Arena *arena, const Expr *e);
bool expr_equal(const Expr *a, const Expr *b); /* loc ignored */
uint64_t expr_hash(const Expr *e);
/* Calls fn on each child slot (so that it can replace it); stops at the first error. Does not recurse. */
typedef Status (*ExprWalkFn)(Ctx *ctx, Expr **slot, void *arg);
Status expr_children(Ctx *ctx, Expr *e, ExprWalkFn fn, void *arg);
/* Where the expression begins: of operators the leftmost operand. */
int expr_location(const Expr *e);
size_t expr_bytes(ExprTag tag); /* size of the struct */
const char *expr_tag_name(ExprTag tag);
bool value_equal_bits(const Value *a, const Value *b); /* same type, form and bytes; NULL equals NULL */
/* New zeroed node of a tag; NULL when memory is out. */
Expr *expr_new(Arena *arena, ExprTag tag, Oid type, int32_t typmod, int loc);
#define EXPR_NEW(arena, T, type, typmod, loc) ((T##Expr *)expr_new((arena), EXPR_##T, (type), (typmod), (loc)))

#endif
