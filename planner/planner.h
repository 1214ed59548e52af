/* planner.h - from a parsed statement to a plan: what session calls. */
#ifndef PLANNER_PLANNER_H
#define PLANNER_PLANNER_H

#include "common/array.h"
#include "parser/ast.h"
#include "planner/plan.h"

/* A function's body as its statements see it: parameters by number, name and function.name; and, of the statement that gives the
 * function's result, what that must be. */
typedef struct FuncEnv {
    const char *name;
    int nparams;
    const char *const *param_names; /* NULL items: none */
    const Oid *param_types;
    bool is_result;
    Oid result;           /* of one value; VOID: whatever the statement gives is dropped */
    int ncols;            /* > 0: columns of a row; 0 with RECORD: any */
    const Oid *col_types;
    const int32_t *col_typmods; /* NULL: none has one */
} FuncEnv;

/* As plan_statement, inside a function. 42P13 when its output cannot be the function's result. */
Status plan_body_statement(Ctx *ctx, Arena *arena, const char *sql, const Ast *stmt, const FuncEnv *env, Plan **out);

/* The call of CALL: which procedure, and its arguments as a plan of one row. */
struct Routine;
Status plan_call(Ctx *ctx, Arena *arena, const char *sql, const Ast *call, const FuncEnv *env,
                 const struct Routine **procedure_out, Plan **args_out); /* env: of the body it stands in; NULL: none */

/* Plans SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE (and the query inside CTAS, EXPLAIN, ...). param_types are the
 * declared types of $1.. (0: to be inferred); Plan.param_types holds the result. The plan lives in arena. */
Status plan_statement(Ctx *ctx, Arena *arena, const char *sql, const Ast *stmt, const Oid *param_types,
                      int nparams, Plan **out);

/* A SELECT whose outputs become values of these types, by assignment rules: what a table's rows turn into. */
Status plan_select_as(Ctx *ctx, Arena *arena, const char *sql, const Ast *select, const Oid *types,
                      const int32_t *typmods, Plan **out);

/* The arguments of EXECUTE as a plan of one row, coerced by assignment rules to the parameters' types. 42804. */
Status plan_arguments(Ctx *ctx, Arena *arena, const char *sql, const AstList *args, const Oid *types, Plan **out);

/* What a query refers to. Positions are bytes in its text, from 1; 0: not written out. */
typedef struct ColumnUse {
    Oid oid;    /* a table or view */
    int attnum; /* 0: named in FROM */
    int loc;
} ColumnUse;
typedef struct StarUse {
    int loc;          /* of * or t.* in a target list */
    const char *text; /* the columns it means */
} StarUse;
typedef struct QueryUses {
    ARRAY(ColumnUse) uses;
    ARRAY(StarUse) stars;
} QueryUses;
Status plan_uses(Ctx *ctx, Arena *arena, const char *sql, const Ast *stmt, QueryUses *out);

/* One expression without FROM, as in DEFAULT, CHECK, index expressions: columns are those of rel (may be NULL),
 * as ColumnRef (INPUT_OUTER, attribute position); coerced by assignment rules to type unless it is 0. */
Status plan_expression(Ctx *ctx, Arena *arena, const char *sql, const Ast *expr, const Relation *rel, Oid type,
                       int32_t typmod, Expr **out);

/* The element of a new index, or its predicate. ref: as the catalog keeps it, text of the bound expression; uses: the attributes it reads, those of
 * rel. 42P17 unless immutable, and what else may not stand in an index. */
typedef struct IndexElemExpr {
    const Expr *expr;
    const char *text;
    int *uses, nuses;
    Oid *needs; /* users' functions it calls */
    int nneeds;
} IndexElemExpr;
Status plan_index_elem(Ctx *ctx, Arena *arena, const char *sql, const Ast *ast, const Relation *rel, bool is_predicate,
                       IndexElemExpr *out);

/* What an output column that is this expression is called; dflt: where nothing in it has a name. */
const char *plan_column_name(const Ast *expr, const char *dflt);

/* The expressions and the predicate of an index over its table's row, as ctx->plan_index gives them. */
Status plan_index_exprs(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *ix, IndexExprs *out);

/* A row with v, of the domain's base type, as a value of the domain. */
Status plan_domain_value(Ctx *ctx, Arena *arena, Oid domain, Plan **out);

/* The CHECK of a domain over this type, in which VALUE is the value. */
Status plan_domain_check(Ctx *ctx, Arena *arena, const char *sql, const Ast *expr, Oid type, int32_t typmod, Expr **out);

#endif
