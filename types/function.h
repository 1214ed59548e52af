/* function.h - built-in functions, operators, casts and aggregates: their tables and how they are called.
 *
 * Every function is one row of functions_*.def: PostgreSQL's oid, name, argument and result types, and a
 * kernel that computes a whole batch. Kernel symbols are fn_<prosrc>, PostgreSQL's prosrc
 * where it has one (int4pl -> fn_int4pl). Operators and casts name their function by oid.
 *
 * A kernel is given args of the types its row declares (pseudo-types: see arg_types); the binder has put
 * the casts in.
 *
 * A kernel computes rows sel[0..n) (positions; sel NULL: 0..n-1) of out from args. out is FLAT with own
 * buffers of out's default form. Of a STRICT function no selected row has a NULL argument, and NULL rows of
 * the result are already marked; others look for themselves. Args come FLAT or CONST (never DICT unless
 * the row says FN_DICT). A kernel raises for the first selected row that fails and returns. Strings it
 * makes go to call->arena, which lives as long as out.
 *
 * numeric: an argument vector has any of the three forms (type.h), and a kernel that gives numeric chooses
 * the form and scale of out. How kernels are written: kernel.h.
 */
#ifndef TYPES_FUNCTION_H
#define TYPES_FUNCTION_H

#include "types/batch.h"

#define FN_MAX_ARGS 12

typedef struct Function Function;

typedef struct KernelCall {
    Ctx *ctx;
    Arena *arena; /* strings of out */
    const Function *fn;
    int nargs;
    Vector **args;
    Vector *out;
    const uint16_t *sel;
    int n;
    const Oid *arg_types; /* actual types (polymorphic and variadic functions) */
    int32_t out_typmod;   /* target typmod where the call is a length coercion, else -1 */
    Oid collation;
    void **state;       /* of this call site, NULL at first: compiled patterns and the like */
    Arena *state_arena; /* lives as long as the call site */
} KernelCall;

typedef Status (*Kernel)(KernelCall *call);

enum {                        /* Function.flags */
    FN_STRICT = 1,            /* NULL in, NULL out, kernel not called for the row */
    FN_IMMUTABLE = 2,         /* may be folded */
    FN_STABLE = 4,            /* same within a statement (neither: volatile) */
    FN_VARIADIC = 8,          /* last argument repeats: args[nargs-1] is its array or "any" type */
    FN_SRF = 16,              /* returns a set: see SetFunction */
    FN_NO_ERROR = 32,         /* the kernel never fails: may run on rows nobody selected, NULL rows too */
    FN_DICT = 64,             /* takes DICT args */
    FN_LEAKPROOF = FN_NO_ERROR
};

struct Function {
    Oid oid;
    const char *name;
    const char *src; /* kernel's name without fn_: pg_proc.prosrc */
    Kernel kernel;   /* NULL: SRFs, and what the binder or executor treats itself (FN_SPECIAL rows) */
    Oid result;
    int16_t nargs;
    int16_t ndefaults; /* trailing arguments that may be left out; see functions.def and fn_args */
    Oid args[FN_MAX_ARGS];
    uint32_t flags;
    const char *example, *example_result; /* SQL expression and its text; NULL: none */
    const char *doc;                      /* one sentence for the manual */
    const struct SetFunction *set;        /* of a user's function that returns a set; see fn_set */
};

const Function *fn_by_oid(Oid oid); /* NULL if there is none */
/* What computes a call. variadic: the last argument was given as VARIADIC array, whose elements a VARIADIC "any"
 * function takes one by one. */
Kernel fn_kernel(const Function *fn, bool variadic);
/* Names of a function's arguments, where it has any, and the text of the values of those that may be left out, the
 * last ones; NULL: none. Rows without a text here see fewer arguments (FUNCD). */
typedef struct FnArgs {
    Oid oid;
    const char *names[FN_MAX_ARGS];
    const char *defaults[FN_MAX_ARGS];
} FnArgs;
const FnArgs *fn_args(Oid oid);
/* All functions of a name: *n_out rows, contiguous in an index; NULL if none. */
const Function *const *fn_by_name(const char *name, int *n_out);
int fn_count(void);
const Function *fn_at(int i);

#define OID_FN_CURRENT_OF 13001u /* pg_current_of: what WHERE CURRENT OF is made of */

/* A comparison as a filter: writes to out those rows of sel[0..n) (NULL: 0..n-1), ascending, for which the
 * function is true, and returns how many. Rows with a NULL argument do not pass. a and b are FLAT or CONST;
 * out has room for n positions and may be sel itself. Cannot fail. */
typedef int (*SelKernel)(const Vector *a, const Vector *b, const uint16_t *sel, int n, uint16_t *out);
/* The selection kernel of a function's row (selkernels.def); NULL: filter by the bool vector. */
SelKernel fn_sel_kernel(const Function *fn);

/* Which selectivity estimate a comparison takes (pg_operator.oprrest). */
typedef enum SelKind { SEL_NONE, SEL_EQ, SEL_NE, SEL_LT, SEL_LE, SEL_GT, SEL_GE, SEL_LIKE, SEL_NLIKE,
                       SEL_CONTAINS, SEL_MATCH } SelKind;

typedef struct Operator {
    Oid oid;
    const char *name;
    Oid left, right; /* left 0: prefix operator */
    Oid result;
    Oid function; /* fn_by_oid */
    Oid commutator, negator; /* 0: none */
    uint8_t sel;             /* SelKind */
    bool can_hash, can_merge;
} Operator;

const Operator *op_by_oid(Oid oid);
const Operator *const *op_by_name(const char *name, int *n_out);
int op_count(void);
const Operator *op_at(int i);
/* The type's own =, <, > ... operator for equal operand types; 0 if none. Binary-coercible types (varchar) give text's. */
Oid op_for_type(Oid type, SelKind kind);

typedef enum CastContext { CAST_IMPLICIT = 'i', CAST_ASSIGNMENT = 'a', CAST_EXPLICIT = 'e' } CastContext;
typedef enum CastMethod { CAST_FUNCTION = 'f', CAST_BINARY = 'b', CAST_INOUT = 'i' } CastMethod;

typedef struct Cast {
    Oid source, target;
    Oid function; /* CAST_FUNCTION */
    uint8_t context, method;
} Cast;

/* Casts that users made, in one database; function may be a user's then. */
typedef struct CastSet {
    int n;
    const Cast *items;
} CastSet;
void cast_set_use(const CastSet *set); /* what cast_find knows in this thread beside the table; NULL: nothing */
const Cast *cast_find(Oid source, Oid target); /* NULL: none listed (I/O casts are the binder's rule) */
int cast_count(void);
const Cast *cast_at(int i);

/* What a row of aggregates.def names: how the states of one aggregate are kept. See Aggregate, which takes
 * these fields over. */
typedef struct AggCall AggCall;
typedef struct AggOrder {
    bool desc, nulls_first;
} AggOrder;
typedef struct AggOps {
    size_t state_bytes;
    bool plain_state, inexact_combine;
    Status (*init)(AggCall *call, void *state);
    Status (*update)(AggCall *call, char **states, size_t offset);
    Status (*update_one)(AggCall *call, void *state);
    Status (*remove_one)(AggCall *call, void *state);
    Status (*combine)(AggCall *call, void *into, const void *from);
    Status (*final)(AggCall *call, const void *state, Arena *arena, Value *out);
    Status (*serialise)(AggCall *call, const void *state, StrBuf *b);
    Status (*deserialise)(AggCall *call, const char *data, size_t nbytes, void *state);
} AggOps;

/* Aggregates. The state of one group is state_bytes of 8-byte aligned memory, zeroed, then init.
 * What it points to lies in the arena given. */
struct AggCall {
    Ctx *ctx;
    Arena *arena;        /* lives as long as the states */
    int nargs;
    Vector **args;       /* FLAT or CONST */
    const uint16_t *sel; /* rows to feed: those that pass FILTER and, for strict ones, have no NULL */
    int n;
    const Oid *arg_types;    /* of the aggregated arguments, in final too; direct ones are left out */
    const AggOrder *order;   /* hypothetical sets: how each aggregated argument is ordered; else NULL */
    int32_t arg_typmod;  /* of the first argument, -1 if none */
    Oid collation;
    struct MemAccount *account;
    const struct Aggregate *agg; /* the aggregate; */
    Arena *site_arena;   /* lives as long as the call site, as does */
    void *site;          /* what it keeps there, NULL at first (agg_user.c) */
    bool must_restart;   /* out, of remove_one: it could not, aggregate the frame anew */
    size_t *grown_bytes; /* add here what states took from the arena or heap, so that callers can spill */
};

typedef struct Aggregate {
    Oid oid;
    const char *name;
    Oid result;
    int16_t nargs;
    Oid args[FN_MAX_ARGS];
    uint32_t flags; /* FN_STRICT: rows with a NULL argument are skipped; FN_VARIADIC */
    char kind;      /* 'n' normal, 'o' ordered set, 'h' hypothetical set */
    size_t state_bytes;
    Status (*init)(AggCall *call, void *state); /* NULL: zeroed is right */
    /* Row i goes to the state at states[i] + offset: states is indexed by row position, as vectors are, so
     * that one array serves every aggregate of a node whatever rows each skips. */
    Status (*update)(AggCall *call, char **states, size_t offset);
    /* All rows go to one state. Same answers as update; the fast path of ungrouped aggregates and frames. */
    Status (*update_one)(AggCall *call, void *state);
    /* Takes rows out again (moving frames); NULL: cannot. Must give exactly what recomputing gives. */
    Status (*remove_one)(AggCall *call, void *state);
    Status (*combine)(AggCall *call, void *into, const void *from); /* NULL: no partial aggregation */
    /* combine rounds otherwise than update in input order would (floats): not for frames, and for parallel plans
     * only where the session allows it. */
    bool inexact_combine;
    /* Result as PostgreSQL's; the value's strings lie in the arena given. For ordered sets rows were fed in
     * the ORDER BY's order with the aggregated arguments alone, and here call->args are the direct arguments, CONST. */
    Status (*final)(AggCall *call, const void *state, Arena *arena, Value *out);
    /* States that are plain bytes (no pointers) may be spilled as they are; others give serialise/deserialise. */
    bool plain_state;
    Status (*serialise)(AggCall *call, const void *state, StrBuf *b);
    Status (*deserialise)(AggCall *call, const char *data, size_t nbytes, void *state);
    const char *example, *example_result, *doc;
} Aggregate;

const Aggregate *agg_by_oid(Oid oid);
const Aggregate *const *agg_by_name(const char *name, int *n_out);
int agg_count(void);
const Aggregate *agg_at(int i);

/* Window functions that are not aggregates: what executor/window.c computes itself. */
typedef enum WindowFnKind { WINFN_ROW_NUMBER, WINFN_RANK, WINFN_DENSE_RANK, WINFN_PERCENT_RANK,
                            WINFN_CUME_DIST, WINFN_NTILE, WINFN_LAG, WINFN_LEAD, WINFN_FIRST_VALUE,
                            WINFN_LAST_VALUE, WINFN_NTH_VALUE } WindowFnKind;
typedef struct WindowFn {
    Oid oid;
    const char *name;
    WindowFnKind kind;
    Oid result;
    int16_t nargs;
    Oid args[4];
    const char *doc;
} WindowFn;
const WindowFn *winfn_by_oid(Oid oid);
const WindowFn *const *winfn_by_name(const char *name, int *n_out);
int winfn_count(void);
const WindowFn *winfn_at(int i);

/* One call of a set-returning function whose rows depend on the call. */
typedef struct SetCallArgs {
    const Function *fn;
    const Value *args;
    int nargs;
    const Oid *arg_types;
    /* What the query expects (col_names NULL: it does not say); out: what the rows are made of. */
    int ncols;
    const Oid *col_types;
    const char *const *col_names;
    const int32_t *col_typmods;
} SetCallArgs;

/* Set-returning functions: open with one row of argument values, then batches until *n_out is 0. The
 * function's row is in functions_srf.def with FN_SRF; ncols and column names for those that return records. */
typedef struct SetFunction {
    Oid oid;
    int ncols;
    const char *const *col_names; /* NULL: the function's name */
    const Oid *col_types;         /* NULL: the (resolved) result type */
    /* In place of open; end (or NULL) is called for every state. */
    Status (*start)(Ctx *ctx, Arena *arena, SetCallArgs *call, void **state_out);
    void (*end)(void *state);
    Status (*open)(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out);
    /* Fills up to BATCH_ROWS rows of out[0..ncols), reset by the caller; strings go to the arena. */
    Status (*next)(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out);
    double rows; /* planner's guess */
} SetFunction;
const SetFunction *setfn_by_oid(Oid oid);
static inline const SetFunction *
fn_set(const Function *fn) /* NULL: it returns no set */
{
    return fn->set != NULL ? fn->set : setfn_by_oid(fn->oid);
}

#endif
