/* resolve.h - PostgreSQL's rules of types: which function or operator a name and its arguments mean, when
 * and how a value becomes another type, which type a set of values has in common.
 *
 * An argument of type UNKNOWN is a quoted literal, NULL or a parameter whose type is not known yet; coercing
 * one decides it. None of these functions looks at names of columns or tables.
 */
#ifndef PLANNER_RESOLVE_H
#define PLANNER_RESOLVE_H

#include "planner/logical.h"

/* Cases of a recursive dispatch stay out of its frame. */
enum { TYPE_FIRST_USER = 16384 };
#define NOINLINE __attribute__((noinline))

typedef enum CoercePath {
    CASTPATH_NONE,    /* there is no such cast in this context */
    CASTPATH_RELABEL, /* the same bytes serve */
    CASTPATH_FUNC,    /* a cast function */
    CASTPATH_ARRAY,   /* element by element */
    CASTPATH_ROW,     /* field by field: only ROW(...) can be */
    CASTPATH_IO       /* out of the one, in of the other */
} CoercePath;

char type_category(Oid type); /* TYPCAT_ */
bool type_is_preferred(char category, Oid type);
bool type_is_polymorphic(Oid type);
bool type_is_compatible_family(Oid type); /* anycompatible, anycompatiblearray, ... */
bool type_is_range_family(Oid type);      /* anyrange, anycompatiblemultirange, ... */
bool type_is_collatable(Oid type);
const char *type_text(PlanState *ps, Oid type); /* as format_type prints it, for error texts */

CoercePath coerce_path(Oid target, Oid source, CastContext context, const Function **fn_out);
bool coerce_possible(int n, const Oid *from, const Oid *to, CastContext context);
/* source and target are row types, of a table and of one it inherits from. */
bool row_inherits(PlanState *ps, Oid source, Oid target);
/* coerce_possible where rows of a table may also be those of one it inherits from. */
bool coerce_possible_rows(PlanState *ps, int n, const Oid *from, const Oid *to, CastContext context);

/* e as target with typmod (-1: any length). *out is NULL when there is no cast in this context. Errors: those
 * of the type's input function for literals. loc -1: that of e. */
Status coerce_to_target(PlanState *ps, Expr *e, Oid target, int32_t typmod, CastContext context,
                        CoerceKind kind, int loc, Expr **out);
/* As coerce_to_target, but a missing cast is an internal error: the caller has asked coerce_possible. */
Status coerce_type(PlanState *ps, Expr *e, Oid target, int32_t typmod, CastContext context, CoerceKind kind,
                   int loc, Expr **out);
/* 42804 `argument of WHERE must be type boolean, not type integer`. */
Status coerce_to_boolean(PlanState *ps, Expr **slot, const char *construct);
Status coerce_to_bigint(PlanState *ps, Expr **slot, const char *construct); /* LIMIT, OFFSET */
/* To a common type that select_common_type gave. 42846 `CASE could not convert type x to y`. */
Status coerce_to_common(PlanState *ps, Expr **slot, Oid type, const char *construct);

/* UNION/CASE rules over n expressions; 42804 `CASE types integer and text cannot be matched`. construct NULL: *type_out is
 * 0 instead of an error. which_out (or NULL): the expression that decided. */
Status select_common_type(PlanState *ps, Expr *const *exprs, int n, const char *construct, Oid *type_out,
                          Expr **which_out);
int32_t select_common_typmod(Expr *const *exprs, int n, Oid type);

/* What a function name means. */
typedef enum FuncKind { FUNC_NONE, FUNC_MULTIPLE, FUNC_NORMAL, FUNC_AGG, FUNC_WINDOW, FUNC_COERCION } FuncKind;

typedef struct FuncMatch {
    FuncKind kind;
    const Function *fn;
    const Aggregate *agg;
    const WindowFn *winfn;
    Oid cast_type;         /* FUNC_COERCION: f(x) is a cast */
    int nargs;             /* declared, variadic ones expanded */
    Oid declared[100];     /* of each, polymorphic types resolved */
    Oid result;
    int nvariadic;         /* > 0: so many trailing arguments are gathered in one array of type variadic_elem */
    Oid variadic_elem;     /* 0 with VARIADIC "any": passed one by one */
    int ndefaults;         /* trailing arguments left out */
    /* A user's function, fn is its: its polymorphic types are still as declared (bind_routine.c). Or a user's aggregate. */
    const Routine *routine;
    const int16_t *numbers; /* which of the inputs each argument is; NULL: in order */
} FuncMatch;

/* Finds the function of a name for arguments of these types. variadic: the last argument was given as VARIADIC
 * array. arg_names: of the last nnamed ones. kind FUNC_NONE or FUNC_MULTIPLE is no error here; 3F000 for a schema that
 * is not there. */
Status resolve_function(PlanState *ps, const char *schema, const char *name, const Oid *types, int nargs,
                        bool variadic, const char *const *arg_names, int nnamed, FuncMatch *out);
/* The user's function found by name and exactly these types (inputs), in schema or along the path; NULL if there is none. */
Status resolve_exact_routine(PlanState *ps, const char *schema, const char *name, const Oid *types, int nargs,
                             const Routine **out);
/* 42883 or 42725 with PostgreSQL's text and hint, unless kind is the NULL-safe lookup's. left 0: prefix. */
Status resolve_operator(PlanState *ps, const char *schema, const char *name, Oid left, Oid right, int loc,
                        const Operator **out);
/* The same, NULL where there is none (or no best one). */
const Operator *find_operator(const char *name, Oid left, Oid right);
/* `foo(integer, text)` */
Status function_signature(PlanState *ps, const char *name, const Oid *types, int nargs, const char **out);

/* Replaces polymorphic declared types by what the actual ones make of them and gives the result type; 42804, 42P18. */
Status resolve_polymorphic(PlanState *ps, const Oid *actual, Oid *declared, int n, Oid result, Oid *result_out);

/* The call of a binary or prefix operator, arguments coerced. */
Status make_op(PlanState *ps, const char *schema, const char *name, Expr *left, Expr *right, int loc, Expr **out);
/* The user's function behind an operator or cast (user: its oid), called with arguments of these types: what the plan depends on. */
Status plan_routine(PlanState *ps, Oid user, Oid fn, const Oid *types, int n, const Function **out);
/* Coerces args[i] from its type to declared[i]. */
Status coerce_arguments(PlanState *ps, Expr **args, int n, const Oid *declared);

/* Domains and rows (bind_domain.c). arg is of the domain's base type already. */
Status coerce_to_domain(PlanState *ps, Expr *arg, Oid domain, CoerceKind kind, int loc, Expr **out);
bool type_has_domains(Oid type);
/* e holds values read as the type's base: checks the domains in them. */
Status check_domains(PlanState *ps, Expr *e, Oid type, CoerceKind kind, int loc, Expr **out);
/* ROW(...) as a composite type, field by field. */
Status coerce_row(PlanState *ps, Expr *e, Oid target, CastContext context, CoerceKind kind, int loc, Expr **out);
Status plan_needs_type(PlanState *ps, Oid oid, uint64_t version);

Expr *make_const(PlanState *ps, const Value *v, int32_t typmod, int loc); /* NULL: memory is out */
Expr *make_bool_const(PlanState *ps, bool v);
Expr *make_int_const(PlanState *ps, int32_t v);
Expr *make_null_const(PlanState *ps, Oid type, int32_t typmod);
Status make_bool(PlanState *ps, BoolKind kind, Expr **args, int n, int loc, Expr **out); /* n 1: args[0] */
Status make_func(PlanState *ps, const Function *fn, Expr **args, int n, Oid type, int loc, FuncExpr **out);

/* Types. */
struct Ast;
/* Of a TypeName: 42704 `type "x" does not exist`; typmod from its modifiers, arrays, interval fields. */
Status resolve_type_name(PlanState *ps, const struct Ast *type_name, Oid *type_out, int32_t *typmod_out);

#endif
