/* function.c - see function.h. The rows are constant tables made from the .def files; by oid they
 * are reached through constant index tables, by name (and casts by their pair of types) through
 * small hash indexes that are built on first use. */
#include "types/function.h"

#include "common/hash.h"
#include "types/kernel.h"
#include <assert.h>
#include <pthread.h>

/* Counting a parenthesised list of up to 12 types; (NONE) has none. */
#define TYPE_NONE 0
#define PICK13(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, X, ...) X
#define COUNT_OF(...) PICK13(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define FIRST_(a, ...) TYPE_##a
#define FIRST_OF(...) FIRST_(__VA_ARGS__, )
#define NARGS(...) (COUNT_OF(__VA_ARGS__) - (FIRST_OF(__VA_ARGS__) == 0))
#define T1(a) TYPE_##a
#define T2(a, ...) TYPE_##a, T1(__VA_ARGS__)
#define T3(a, ...) TYPE_##a, T2(__VA_ARGS__)
#define T4(a, ...) TYPE_##a, T3(__VA_ARGS__)
#define T5(a, ...) TYPE_##a, T4(__VA_ARGS__)
#define T6(a, ...) TYPE_##a, T5(__VA_ARGS__)
#define T7(a, ...) TYPE_##a, T6(__VA_ARGS__)
#define T8(a, ...) TYPE_##a, T7(__VA_ARGS__)
#define T9(a, ...) TYPE_##a, T8(__VA_ARGS__)
#define T10(a, ...) TYPE_##a, T9(__VA_ARGS__)
#define T11(a, ...) TYPE_##a, T10(__VA_ARGS__)
#define T12(a, ...) TYPE_##a, T11(__VA_ARGS__)
#define TYPES_OF(...)                                                                              \
    PICK13(__VA_ARGS__, T12, T11, T10, T9, T8, T7, T6, T5, T4, T3, T2, T1, )(__VA_ARGS__)

#define OID_LIMIT 16384 /* built-in objects have smaller ones */

/* Names in a table, by hash bucket; rows of one name are neighbours, in table order. */
typedef struct RowHead { /* how every row struct begins */
    Oid oid;
    const char *name;
} RowHead;

typedef struct NameIndex {
    uint32_t mask;
    uint16_t *start; /* mask + 2 entries: where each bucket begins in rows */
    const RowHead **rows;
    uint16_t *same; /* of the first row of each name: how many have it */
} NameIndex;

static void
name_index_build(NameIndex *index, const void *table, size_t row_bytes, int nrows)
{
#define ROW(i) ((const RowHead *)(const void *)((const char *)table + (size_t)(i)*row_bytes))
    uint16_t *start = index->start;
    for (int i = 0; i < nrows; i++)
        start[(hash_bytes(ROW(i)->name, strlen(ROW(i)->name)) & index->mask) + 1]++;
    for (uint32_t b = 0; b <= index->mask; b++) start[b + 1] = (uint16_t)(start[b + 1] + start[b]);
    for (int i = nrows - 1; i >= 0;
         i--) { /* backwards, so that buckets fill from the end in table order */
        uint32_t b = (uint32_t)(hash_bytes(ROW(i)->name, strlen(ROW(i)->name)) & index->mask);
        uint16_t at = --start[b + 1];
        index->rows[at] = ROW(i);
    }
    /* start[b + 1] is now where bucket b begins: shift back, so that start[b] is. */
    for (uint32_t b = 0; b <= index->mask; b++) start[b] = start[b + 1];
    start[index->mask + 1] = (uint16_t)nrows;
    for (uint32_t b = 0; b <= index->mask; b++)
        for (int i = start[b] + 1; i < start[b + 1];
             i++) { /* insertion sort: stable, buckets are short */
            const RowHead *row = index->rows[i];
            int j = i;
            for (; j > start[b] && strcmp(index->rows[j - 1]->name, row->name) > 0; j--)
                index->rows[j] = index->rows[j - 1];
            index->rows[j] = row;
        }
    for (int i = 0, j; i < nrows; i = j) {
        for (j = i + 1; j < nrows && strcmp(index->rows[j]->name, index->rows[i]->name) == 0;) j++;
        index->same[i] = (uint16_t)(j - i);
    }
#undef ROW
}

static const void *
name_index_find(const NameIndex *index, const char *name, int *n_out)
{
    uint32_t b = (uint32_t)(hash_bytes(name, strlen(name)) & index->mask);
    int i = index->start[b], end = index->start[b + 1];
    while (i < end && strcmp(index->rows[i]->name, name) != 0) i += index->same[i];
    *n_out = i < end ? index->same[i] : 0;
    return i < end ? &index->rows[i] : NULL;
}

/* Functions. */

#define SPECIAL(oid, name, src, ...)
#define FUNC(oid, name, src, ...) FUNC_DECLARE(src)
#define FUNCD(ndefaults, oid, name, src, ...) FUNC_DECLARE(src)
#define SRF(oid, name, src, ...)
#define SRFD(ndefaults, oid, name, src, ...)
#define SRFR(ncols, oid, name, src, ...)
#define SRFS(nd, oid, name, src, ...)
#define FUNCS(nd, oid, name, src, ...) FUNC_DECLARE(src)
#include "types/functions.def"
#undef SPECIAL
#undef FUNC
#undef FUNCD
#undef SRF
#undef SRFD
#undef SRFR
#undef SRFS
#undef FUNCS

static const Function functions[] = {
#define ROW(nd, kernel, oid, name, src, result, args, flags, ex, ex_result, doc)                   \
    {oid,   name, #src,      kernel, TYPE_##result, NARGS args, nd, {TYPES_OF args},               \
     flags, ex,   ex_result, doc,    NULL},
#define SPECIAL(oid, name, src, ...) ROW(0, NULL, oid, name, src, __VA_ARGS__)
#define FUNC(oid, name, src, ...) ROW(0, fn_##src, oid, name, src, __VA_ARGS__)
#define FUNCD(nd, oid, name, src, ...) ROW(nd, fn_##src, oid, name, src, __VA_ARGS__)
#define SRF(oid, name, src, result, args, flags, rows, ex, ex_result, doc)                         \
    ROW(0, NULL, oid, name, src, result, args, (flags) | FN_SRF, ex, ex_result, doc)
#define SRFD(nd, oid, name, src, result, args, flags, rows, ex, ex_result, doc)                    \
    ROW(nd, NULL, oid, name, src, result, args, (flags) | FN_SRF, ex, ex_result, doc)
#define SRFR(ncols, oid, name, src, result, args, flags, rows, ex, ex_result, doc)                 \
    ROW(0, NULL, oid, name, src, result, args, (flags) | FN_SRF, ex, ex_result, doc)
#define SRFS(nd, oid, name, src, result, args, flags, rows, ex, ex_result, doc)                    \
    ROW(nd, NULL, oid, name, src, result, args, (flags) | FN_SRF, ex, ex_result, doc)
#define FUNCS(nd, oid, name, src, result, args, flags, rows, ex, ex_result, doc)                   \
    ROW(nd, fn_##src, oid, name, src, result, args, flags, ex, ex_result, doc)
#include "types/functions.def"
#undef SPECIAL
#undef FUNC
#undef FUNCD
#undef SRF
#undef SRFD
#undef SRFR
#undef SRFS
#undef FUNCS
#undef ROW
    {0} /* the tables may still be empty */
};

enum {
#define SPECIAL(oid, ...) FUNCTION_##oid,
#define FUNC(oid, ...) FUNCTION_##oid,
#define FUNCD(nd, oid, ...) FUNCTION_##oid,
#define SRF(oid, ...) FUNCTION_##oid,
#define SRFD(nd, oid, ...) FUNCTION_##oid,
#define SRFR(ncols, oid, ...) FUNCTION_##oid,
#define SRFS(nd, oid, ...) FUNCTION_##oid,
#define FUNCS(nd, oid, ...) FUNCTION_##oid,
#include "types/functions.def"
#undef SPECIAL
#undef FUNC
#undef FUNCD
#undef SRF
#undef SRFD
#undef SRFR
#undef SRFS
#undef FUNCS
    NFUNCTIONS
};

static const uint16_t function_of[OID_LIMIT] = {
    /* row plus 1 by oid; a repeated oid is a compiler warning */
#define SPECIAL(oid, ...) [oid] = FUNCTION_##oid + 1,
#define FUNC(oid, ...) [oid] = FUNCTION_##oid + 1,
#define FUNCD(nd, oid, ...) [oid] = FUNCTION_##oid + 1,
#define SRF(oid, ...) [oid] = FUNCTION_##oid + 1,
#define SRFD(nd, oid, ...) [oid] = FUNCTION_##oid + 1,
#define SRFR(ncols, oid, ...) [oid] = FUNCTION_##oid + 1,
#define SRFS(nd, oid, ...) [oid] = FUNCTION_##oid + 1,
#define FUNCS(nd, oid, ...) [oid] = FUNCTION_##oid + 1,
#include "types/functions.def"
#undef SPECIAL
#undef FUNC
#undef FUNCD
#undef SRF
#undef SRFD
#undef SRFR
#undef SRFS
#undef FUNCS
};

#define SELKERNEL(oid, name) SEL_DECLARE(name)
#include "types/selkernels.def"
#undef SELKERNEL

static const SelKernel sel_kernels[NFUNCTIONS + 1] = {
#define SELKERNEL(oid, name) [FUNCTION_##oid] = sel_##name,
#include "types/selkernels.def"
#undef SELKERNEL
};

/* Set-returning functions: open and next are srf_<src>_open and srf_<src>_next; those that return
 * records have their columns in srf_<src>_names and srf_<src>_types. */
#define SPECIAL(...)
#define FUNC(...)
#define FUNCD(...)
#define SRF(oid, name, src, ...)                                                                   \
    Status srf_##src##_open(Ctx *, Arena *, const Value *, int, const Oid *, void **);             \
    Status srf_##src##_next(Ctx *, void *, Arena *, Vector **, int *);
#define SRFD(nd, oid, name, src, ...) SRF(oid, name, src)
#define SRFR(ncols, oid, name, src, ...)                                                           \
    SRF(oid, name, src) extern const char *const srf_##src##_names[];                              \
    extern const Oid srf_##src##_types[];
#define SRFS(nd, oid, name, src, ...)                                                              \
    Status srf_##src##_start(Ctx *, Arena *, SetCallArgs *, void **);                              \
    Status srf_##src##_next(Ctx *, void *, Arena *, Vector **, int *);
#define FUNCS(nd, oid, name, src, ...) SRFS(nd, oid, name, src)
#include "types/functions_srf.def"
#undef SRF
#undef SRFD
#undef SRFR
#undef SRFS
#undef FUNCS

static const SetFunction set_functions[] = {
#define SRF(oid, name, src, result, args, flags, rows, ...)                                        \
    {oid, 1, NULL, NULL, NULL, NULL, srf_##src##_open, srf_##src##_next, rows},
#define SRFD(nd, ...) SRF(__VA_ARGS__)
#define SRFR(ncols, oid, name, src, result, args, flags, rows, ...)                                \
    {oid, ncols, srf_##src##_names, srf_##src##_types, NULL, NULL, srf_##src##_open, srf_##src##_next, rows},
#define SRFS(nd, oid, name, src, result, args, flags, rows, ...)                                   \
    {oid, 0, NULL, NULL, srf_##src##_start, NULL, NULL, srf_##src##_next, rows},
#define FUNCS(...) SRFS(__VA_ARGS__)
#include "types/functions_srf.def"
#undef SRF
#undef SRFD
#undef SRFR
#undef SRFS
#undef FUNCS
#undef FUNC
#undef FUNCD
#undef SPECIAL
    {0}};

/* Operators. */

static const Operator operators[] = {
#define OPER(oid, name, left, right, result, function, commutator, negator, sel, hash, merge)      \
    {oid,        name,    TYPE_##left, TYPE_##right, TYPE_##result, function,                      \
     commutator, negator, SEL_##sel,   hash,         merge},
#include "types/operators.def"
#undef OPER
    {0}};

enum {
#define OPER(oid, ...) OPERATOR_##oid,
#include "types/operators.def"
#undef OPER
    NOPERATORS
};

static const uint16_t operator_of[OID_LIMIT] = {
#define OPER(oid, ...) [oid] = OPERATOR_##oid + 1,
#include "types/operators.def"
#undef OPER
};

/* Casts. */

static const Cast casts[] = {
#define CAST(source, target, function, method, context)                                            \
    {TYPE_##source, TYPE_##target, function, context, method},
#include "types/casts.def"
#undef CAST
    {0}};
#define NCASTS ((int)(sizeof(casts) / sizeof(casts[0])) - 1)
#define CAST_SLOTS 1024 /* a power of two, several times NCASTS */

/* Aggregates: the constant part of the rows, and the rows completed with their ops. */

#define AGG(oid, name, result, args, flags, kind, ops, ...) extern const AggOps aggops_##ops;
#include "types/aggregates.def"
#undef AGG

static Aggregate aggregates[] = {
#define AGG(oid_, name_, result_, args_, flags_, kind_, ops, ex, ex_result, doc_)                  \
    {.oid = oid_,                                                                                  \
     .name = name_,                                                                                \
     .result = TYPE_##result_,                                                                     \
     .nargs = NARGS args_,                                                                         \
     .args = {TYPES_OF args_},                                                                     \
     .flags = flags_,                                                                              \
     .kind = kind_,                                                                                \
     .example = ex,                                                                                \
     .example_result = ex_result,                                                                  \
     .doc = doc_},
#include "types/aggregates.def"
#undef AGG
    {0}};

static const AggOps *const agg_ops[] = {
#define AGG(oid, name, result, args, flags, kind, ops, ...) &aggops_##ops,
#include "types/aggregates.def"
#undef AGG
    NULL};

enum {
#define AGG(oid, ...) AGGREGATE_##oid,
#include "types/aggregates.def"
#undef AGG
    NAGGREGATES
};

static const uint16_t aggregate_of[OID_LIMIT] = {
#define AGG(oid, ...) [oid] = AGGREGATE_##oid + 1,
#include "types/aggregates.def"
#undef AGG
};

/* Window functions. */

static const WindowFn winfns[] = {
#define WINFN(oid, name, kind, result, args, doc)                                                  \
    {oid, name, WINFN_##kind, TYPE_##result, NARGS args, {TYPES_OF args}, doc},
#include "types/windowfns.def"
#undef WINFN
    {0}};
#define NWINFNS ((int)(sizeof(winfns) / sizeof(winfns[0])) - 1)

/* Indexes, built once a process. */

#define NAME_BUCKETS 4096
#define FEW_BUCKETS 256

static uint16_t fn_start[NAME_BUCKETS + 1], op_start[FEW_BUCKETS + 1], agg_start[FEW_BUCKETS + 1],
    winfn_start[FEW_BUCKETS + 1];
static const RowHead *fn_rows[NFUNCTIONS + 1], *op_rows[NOPERATORS + 1], *agg_rows[NAGGREGATES + 1],
    *winfn_rows[sizeof(winfns) / sizeof(winfns[0])];
static uint16_t fn_same[NFUNCTIONS + 1], op_same[NOPERATORS + 1], agg_same[NAGGREGATES + 1],
    winfn_same[sizeof(winfns) / sizeof(winfns[0])];
static NameIndex fn_names = {NAME_BUCKETS - 1, fn_start, fn_rows, fn_same},
                 op_names = {FEW_BUCKETS - 1, op_start, op_rows, op_same},
                 agg_names = {FEW_BUCKETS - 1, agg_start, agg_rows, agg_same},
                 winfn_names = {FEW_BUCKETS - 1, winfn_start, winfn_rows, winfn_same};
static uint16_t comparison_of[SEL_GE + 1][OID_LIMIT]; /* row plus 1 of the operator on that type */
static uint16_t cast_slots[CAST_SLOTS]; /* row plus 1 */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t
cast_slot(Oid source, Oid target)
{
    return (uint32_t)hash_u64((uint64_t)source << 32 | target) & (CAST_SLOTS - 1);
}

static const char *const comparison_names[] = {[SEL_EQ] = "=",  [SEL_NE] = "<>", [SEL_LT] = "<",
                                               [SEL_LE] = "<=", [SEL_GT] = ">",  [SEL_GE] = ">="};

static void
build(void)
{
    _Static_assert(sizeof(casts) / sizeof(casts[0]) * 2 < CAST_SLOTS, "cast_slots needs room");
    for (int i = 0; i < NAGGREGATES; i++) {
        Aggregate *a = &aggregates[i];
        const AggOps *ops = agg_ops[i];
        a->state_bytes = ops->state_bytes;
        a->plain_state = ops->plain_state;
        a->inexact_combine = ops->inexact_combine;
        a->init = ops->init;
        a->update = ops->update;
        a->update_one = ops->update_one;
        a->remove_one = ops->remove_one;
        a->combine = ops->combine;
        a->final = ops->final;
        a->serialise = ops->serialise;
        a->deserialise = ops->deserialise;
    }
    name_index_build(&fn_names, functions, sizeof(functions[0]), NFUNCTIONS);
    name_index_build(&op_names, operators, sizeof(operators[0]), NOPERATORS);
    name_index_build(&agg_names, aggregates, sizeof(aggregates[0]), NAGGREGATES);
    name_index_build(&winfn_names, winfns, sizeof(winfns[0]), NWINFNS);
    for (int i = 0; i < NOPERATORS; i++) {
        const Operator *o = &operators[i];
        for (int kind = SEL_EQ; o->left == o->right && kind <= SEL_GE; kind++)
            if (strcmp(o->name, comparison_names[kind]) == 0)
                comparison_of[kind][o->left] = (uint16_t)(i + 1);
    }
    for (int i = 0; i < NCASTS; i++) {
        uint32_t s = cast_slot(casts[i].source, casts[i].target);
        while (cast_slots[s] != 0) s = (s + 1) & (CAST_SLOTS - 1);
        cast_slots[s] = (uint16_t)(i + 1);
    }
}

const Function *
fn_by_oid(Oid oid)
{
    return oid < OID_LIMIT && function_of[oid] != 0 ? &functions[function_of[oid] - 1] : NULL;
}

static const FnArgs fnargs[] = {
#define LIST(...) {__VA_ARGS__}
#define FNARGS(oid, names, defaults) {oid, LIST names, LIST defaults},
#include "types/fnargs.def"
#undef FNARGS
#undef LIST
};

const FnArgs *
fn_args(Oid oid)
{
    int low = 0, high = (int)(sizeof(fnargs) / sizeof(fnargs[0])) - 1;
    while (low <= high) {
        int mid = (low + high) / 2;
        if (fnargs[mid].oid == oid) return &fnargs[mid];
        if (fnargs[mid].oid < oid)
            low = mid + 1;
        else
            high = mid - 1;
    }
    return NULL;
}

Kernel
fn_kernel(const Function *fn, bool variadic)
{
    return variadic && fn->nargs > 0 && fn->args[fn->nargs - 1] == TYPE_ANY ? fn_call_variadic : fn->kernel;
}

const Function *const *
fn_by_name(const char *name, int *n_out)
{
    pthread_once(&once, build);
    return name_index_find(&fn_names, name, n_out);
}

int
fn_count(void)
{
    return NFUNCTIONS;
}

const Function *
fn_at(int i)
{
    assert(i >= 0 && i < NFUNCTIONS);
    return &functions[i];
}

SelKernel
fn_sel_kernel(const Function *fn)
{
    assert(fn >= functions && fn < functions + NFUNCTIONS);
    return sel_kernels[fn - functions];
}

const SetFunction *
setfn_by_oid(Oid oid)
{
    for (const SetFunction *f = set_functions; f->oid != 0; f++) /* a few dozen, once a plan */
        if (f->oid == oid) return f;
    return NULL;
}

const Operator *
op_by_oid(Oid oid)
{
    return oid < OID_LIMIT && operator_of[oid] != 0 ? &operators[operator_of[oid] - 1] : NULL;
}

const Operator *const *
op_by_name(const char *name, int *n_out)
{
    pthread_once(&once, build);
    return name_index_find(&op_names, name, n_out);
}

int
op_count(void)
{
    return NOPERATORS;
}

const Operator *
op_at(int i)
{
    assert(i >= 0 && i < NOPERATORS);
    return &operators[i];
}

static Oid
own_operator(Oid type, SelKind kind)
{
    uint16_t row = type < OID_LIMIT ? comparison_of[kind][type] : 0;
    return row != 0 ? operators[row - 1].oid : 0;
}

Oid
op_for_type(Oid type, SelKind kind)
{
    assert(kind >= SEL_EQ && kind <= SEL_GE);
    type = type_base(type);
    pthread_once(&once, build);
    Oid oid = own_operator(type, kind);
    const TypeInfo *t = type_info(type);
    if (oid != 0 || t == NULL) return oid;
    if (t->elem_oid != 0) return own_operator(TYPE_ANYARRAY, kind);
    switch (type_kind(type)) {
    case TYPTYPE_ENUM: return own_operator(TYPE_ANYENUM, kind);
    case TYPTYPE_RANGE: return own_operator(TYPE_ANYRANGE, kind);
    case TYPTYPE_MULTIRANGE: return own_operator(TYPE_ANYMULTIRANGE, kind);
    case TYPTYPE_COMPOSITE: return own_operator(TYPE_RECORD, kind);
    default: break;
    }
    for (int i = 0; i < NCASTS && oid == 0; i++)
        if (casts[i].source == type && casts[i].method == CAST_BINARY &&
            casts[i].context == CAST_IMPLICIT)
            oid = own_operator(casts[i].target, kind);
    return oid;
}

static _Thread_local const CastSet *user_casts;

void
cast_set_use(const CastSet *set)
{
    user_casts = set;
}

const Cast *
cast_find(Oid source, Oid target)
{
    pthread_once(&once, build);
    for (uint32_t s = cast_slot(source, target); cast_slots[s] != 0;
         s = (s + 1) & (CAST_SLOTS - 1)) {
        const Cast *c = &casts[cast_slots[s] - 1];
        if (c->source == source && c->target == target) return c;
    }
    for (int i = 0; user_casts != NULL && i < user_casts->n; i++)
        if (user_casts->items[i].source == source && user_casts->items[i].target == target) return &user_casts->items[i];
    return NULL;
}

int
cast_count(void)
{
    return NCASTS;
}

const Cast *
cast_at(int i)
{
    assert(i >= 0 && i < NCASTS);
    return &casts[i];
}

const Aggregate *
agg_by_oid(Oid oid)
{
    pthread_once(&once, build);
    return oid < OID_LIMIT && aggregate_of[oid] != 0 ? &aggregates[aggregate_of[oid] - 1] : NULL;
}

const Aggregate *const *
agg_by_name(const char *name, int *n_out)
{
    pthread_once(&once, build);
    return name_index_find(&agg_names, name, n_out);
}

int
agg_count(void)
{
    return NAGGREGATES;
}

const Aggregate *
agg_at(int i)
{
    assert(i >= 0 && i < NAGGREGATES);
    pthread_once(&once, build);
    return &aggregates[i];
}

const WindowFn *
winfn_by_oid(Oid oid)
{
    for (int i = 0; i < NWINFNS; i++)
        if (winfns[i].oid == oid) return &winfns[i];
    return NULL;
}

const WindowFn *const *
winfn_by_name(const char *name, int *n_out)
{
    pthread_once(&once, build);
    return name_index_find(&winfn_names, name, n_out);
}

int
winfn_count(void)
{
    return NWINFNS;
}

const WindowFn *
winfn_at(int i)
{
    assert(i >= 0 && i < NWINFNS);
    return &winfns[i];
}
