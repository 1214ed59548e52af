/* routine.h - functions and procedures that users made.
 *
 * A Routine begins with a Function, which is what resolution, plans and the executor see; its kernel and set function are
 * those of its language (languages.def), so that calling one is like calling a built-in function. routine_of goes the
 * other way.
 *
 * Routines are unpacked into an arena and belong to it; they never change. A plan that uses one lists its oid and version.
 */
#ifndef CATALOG_ROUTINE_H
#define CATALOG_ROUTINE_H

#include "catalog/catalog.h"
#include "types/function.h"

typedef struct Routine Routine;

/* One row of languages.def. What a NULL stands for is not there. */
typedef struct Language {
    Oid oid;
    const char *name;
    Kernel call;             /* one value a row */
    const SetFunction *rows; /* RETURNS SETOF, TABLE */
    /* CREATE FUNCTION: is the body sound? With check_function_bodies off, not asked. */
    Status (*validate)(Ctx *ctx, const Routine *r);
    bool is_inlined; /* the planner may put a simple body in the call's place */
} Language;

const Language *language_by_name(const char *name); /* NULL: none */
const Language *language_by_oid(Oid oid);
const Language *language_at(int i); /* NULL past the last */

#define OID_LANGUAGE_INTERNAL 12u
#define ROUTINE_FUNCTION 'f'
#define ROUTINE_PROCEDURE 'p'
#define ROUTINE_AGGREGATE 'a'

typedef struct RoutineParam {
    const char *name; /* NULL: none */
    Oid type;
    char mode; /* pg_proc.proargmodes: 'i' in, 'o' out, 'b' in and out, 'v' variadic, 't' column of TABLE */
    const char *default_sql; /* NULL: none */
} RoutineParam;

struct Routine {
    Function fn; /* first. fn.nargs counts those of a call; fn.args holds the first FN_MAX_ARGS of them */
    uint64_t version;
    Oid schema_oid;
    const char *schema;
    const Language *language;
    char kind;     /* ROUTINE_ */
    const Oid *args; /* [fn.nargs] input types, in order */
    int nparams;
    const RoutineParam *params;
    bool returns_set;
    bool is_atomic;   /* body is RETURN ... or BEGIN ATOMIC ... END, its names those of path */
    const char *body; /* pg_proc.prosrc */
    const char *path; /* is_atomic: search_path when it was made */
    char volatility;  /* 'i', 's', 'v' */
    char parallel;    /* 'u', 'r', 's' */
    bool strict, leakproof, security_definer;
    double cost, rows;
    int nconfig;
    const char *const *config; /* SET clauses, name and value in turn */
    const char *comment;
    int ndeps;
    const struct ObjDep *deps;
    char agg_kind;                /* ROUTINE_AGGREGATE: 'n' normal, 'o' ordered set, 'h' hypothetical set */
    const struct AggParts *parts; /* the same: what it is made of (types/agg_user.h) */
    /* Columns of a row it gives: OUT parameters or those of TABLE where there are several, attributes of a composite type; ncols 0:
     * one value. */
    int ncols;
    const char *const *col_names; /* "columnN" where they have none */
    const Oid *col_types;
    const int32_t *col_typmods;   /* of attributes; NULL: none has one */
    int nfields;                  /* of the record that a row is: attributes that have been dropped are NULL in it */
    const int *col_fields;        /* [ncols] which field each column is; NULL: in order */
    SetFunction set; /* returns_set: of the language, with the columns of this one */
};

static inline const Routine *
routine_of(const Function *fn) /* NULL: built in */
{
    return fn != NULL && fn->oid >= OID_FIRST_USER ? (const Routine *)(const void *)fn : NULL;
}

/* Routines of a name in a schema, in the arena, ascending by oid. */
Status catalog_routines(Ctx *ctx, Arena *arena, Oid schema, const char *name, const Routine ***out, int *n_out);
/* *out NULL: there is none of this oid. */
Status catalog_routine(Ctx *ctx, Arena *arena, Oid oid, const Routine **out);
Status catalog_all_routines(Ctx *ctx, Arena *arena, const Routine ***out, int *n_out);
/* The parameter's position among those of a call, by name; -1: none. */
int routine_input(const Routine *r, const char *name);
/* The columns' values as one record. In the arena. */
Status routine_row(Ctx *ctx, Arena *arena, const Routine *r, const Value *columns, Value *out);
/* The name of its only OUT parameter or column of TABLE; NULL: none. */
const char *routine_result_name(const Routine *r);
/* Parameter number of input i. */
int routine_input_param(const Routine *r, int i);
/* Sets args, columns and what fn says of the call from params, result and flags. */
Status routine_finish(Ctx *ctx, Arena *arena, Routine *r);
/* A copy whose polymorphic types have been replaced: args and col_types in place of its own, result of the call. */
Status routine_specialise(Ctx *ctx, Arena *arena, const Routine *r, const Oid *args, const Oid *col_types, Oid result,
                          const Routine **out);
/* A copy, of one that returns record, whose rows have the columns that the query says. */
Status routine_with_columns(Ctx *ctx, Arena *arena, const Routine *r, int ncols, const char *const *names, const Oid *types,
                            const Routine **out);
bool catalog_routine_is_visible(Ctx *ctx, const Routine *r);

/* ---- changing ---- */
Status ddl_put_routine(Ctx *ctx, const Routine *r); /* fn.oid set */

#endif
