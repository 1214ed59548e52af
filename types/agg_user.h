/* agg_user.h - aggregates that users made: a state of an SQL type, functions that step it and make the result of it.
 *
 * A UserAgg begins with an Aggregate, which is what plans and the executor see; the functions are kernels called a row at a time, so
 * a user's SQL function serves as well as a built-in one. Made by the binder for the types of one call.
 *
 * Where the state is internal, the functions are parts of a built-in aggregate: it is taken instead (agg_made_of).
 */
#ifndef TYPES_AGG_USER_H
#define TYPES_AGG_USER_H

#include "types/function.h"

/* What an aggregate is made of: pg_aggregate's columns. Functions and types are oids, 0: none. */
typedef struct AggParts {
    Oid agg;
    int16_t ndirect;
    Oid step, final, combine, serial, deserial, moving_step, moving_inverse, moving_final;
    bool final_extra, moving_final_extra;
    char final_modify, moving_final_modify; /* 'r', 's', 'w' */
    Oid sort_op;
    Oid state_type;
    int32_t state_space;
    Oid moving_state_type;
    int32_t moving_state_space;
    const char *init, *moving_init; /* as text; NULL: none */
} AggParts;

const AggParts *agg_parts(Oid builtin); /* NULL: none */
/* The built-in aggregate with this internal state, step and final function; NULL: there is none. */
const Aggregate *agg_made_of(Oid step, Oid final);

typedef struct UserAgg {
    Aggregate agg; /* first */
    const Function *step, *inverse, *final; /* inverse: only of moving ones; final NULL: the state is the result */
    bool final_extra;  /* final gets a NULL for each aggregated argument too */
    Oid state_type;    /* polymorphic ones resolved */
    const Oid *step_types;  /* [1 + arguments] what step and inverse are called with */
    const Oid *final_types; /* the same of final: state, direct arguments, and with final_extra the aggregated ones */
    int nfinal;
    Value init; /* is_null: none */
} UserAgg;

/* Fills in what agg does: the functions are set. */
void useragg_finish(UserAgg *u);
static inline bool
agg_is_user(const Aggregate *a)
{
    return a->oid >= 16384;
}
/* Whether two aggregates with the same update keep the same state for the same rows. */
bool agg_same_steps(const Aggregate *a, const Aggregate *b);

#endif
