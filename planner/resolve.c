/* resolve.c - which function or operator a name means: PostgreSQL's rules of candidates, preferred types,
 * unknown literals, variadic and polymorphic arguments (its manual, chapter "Type Conversion"). */
#include "planner/resolve.h"
#include "catalog/definition.h"
#include "parser/ast.h"
#include "types/range.h"

#define OPERATORS_MAX 160 /* of one name, without asking for memory */
#define MAX_CALL_ARGS 100 /* PostgreSQL's FUNC_MAX_ARGS */

/* One function (aggregate, window function, operator) that takes the number of arguments given. */
typedef struct Candidate {
    uint8_t kind; /* FuncKind; FUNC_NONE: an operator */
    const void *row;
    const Oid *args; /* one for each argument given */
    Oid result;
    int nvariadic; /* trailing arguments that go to the variadic parameter */
    Oid variadic_elem;
    int ndefaults;
    const int16_t *numbers; /* which input each argument is; NULL: in order */
    int path;               /* where along the search path its schema is */
    bool is_ambiguous;      /* another one of the schema fits the call as well */
} Candidate;

typedef struct CandidateList {
    Candidate *items;
    int count, cap;
    int path; /* of those that come now */
} CandidateList;

bool
coerce_possible(int n, const Oid *from, const Oid *to, CastContext context)
{
    bool generic = false;
    for (int i = 0; i < n; i++) {
        if (from[i] == to[i] || to[i] == TYPE_ANY) continue;
        if (type_is_polymorphic(to[i])) {
            generic = true;
            continue;
        }
        if (from[i] == TYPE_UNKNOWN) continue;
        if (coerce_path(to[i], from[i], context, NULL) != CASTPATH_NONE) continue;
        return false;
    }
    if (!generic) return true;
    Oid declared[MAX_CALL_ARGS];
    if (n > MAX_CALL_ARGS) return false;
    memcpy(declared, to, sizeof(Oid) * (size_t)n);
    return resolve_polymorphic(NULL, from, declared, n, 0, NULL) == QN_OK;
}

bool
coerce_possible_rows(PlanState *ps, int n, const Oid *from, const Oid *to, CastContext context)
{
    Oid as[MAX_CALL_ARGS];
    if (ps == NULL || n > MAX_CALL_ARGS) return coerce_possible(n, from, to, context);
    for (int i = 0; i < n; i++) as[i] = row_inherits(ps, from[i], to[i]) ? to[i] : from[i];
    return coerce_possible(n, as, to, context);
}

static Oid
elem_of(Oid type)
{
    const TypeInfo *t = type_info(type_base(type));
    return t != NULL ? t->elem_oid : 0;
}

static Oid
array_of(Oid type)
{
    const TypeInfo *t = type_info(type);
    return t != NULL ? t->array_oid : 0;
}

/* ---- choosing among candidates ---- */

static bool
same_args(const Oid *a, const Oid *b, int n)
{
    return memcmp(a, b, sizeof(Oid) * (size_t)n) == 0;
}

/* Keeps the candidates that score highest; all if none scores. */
static void
keep_best(CandidateList *list, const Oid *types, int nargs, const char *categories)
{
    int best = 0, kept = 0;
    for (int c = 0; c < list->count; c++) {
        int score = 0;
        for (int i = 0; i < nargs; i++) {
            if (types[i] == TYPE_UNKNOWN) continue;
            Oid t = list->items[c].args[i];
            if (t == types[i] || (categories != NULL && type_is_preferred(categories[i], t))) score++;
        }
        if (score > best || kept == 0) {
            best = score;
            list->items[0] = list->items[c];
            kept = 1;
        } else if (score == best) {
            list->items[kept++] = list->items[c];
        }
    }
    list->count = kept;
}

/* Decides a category for each unknown argument and strips candidates that do not take it. */
static void
keep_by_unknown_category(CandidateList *list, const Oid *types, int nargs)
{
    char category[MAX_CALL_ARGS];
    bool has_preferred[MAX_CALL_ARGS];
    for (int i = 0; i < nargs; i++) {
        bool conflict = false;
        category[i] = 0;
        has_preferred[i] = false;
        if (types[i] != TYPE_UNKNOWN) continue;
        for (int c = 0; c < list->count; c++) {
            const TypeInfo *t = type_info(list->items[c].args[i]);
            char cat = t != NULL ? t->category : TYPCAT_USER;
            bool preferred = t != NULL && t->preferred;
            if (category[i] == 0) {
                category[i] = cat;
                has_preferred[i] = preferred;
            } else if (cat == category[i]) {
                has_preferred[i] |= preferred;
            } else if (cat == TYPCAT_STRING) {
                category[i] = TYPCAT_STRING;
                has_preferred[i] = preferred;
            } else {
                conflict = true;
            }
        }
        if (conflict && category[i] != TYPCAT_STRING) return;
    }
    int kept = 0;
    for (int c = 0; c < list->count; c++) {
        bool keep = true;
        for (int i = 0; i < nargs && keep; i++) {
            if (types[i] != TYPE_UNKNOWN) continue;
            const TypeInfo *t = type_info(list->items[c].args[i]);
            if (t == NULL || t->category != category[i] || (has_preferred[i] && !t->preferred)) keep = false;
        }
        if (keep) {
            Candidate swap = list->items[kept];
            list->items[kept++] = list->items[c];
            list->items[c] = swap;
        }
    }
    if (kept > 0) list->count = kept;
}

/* Candidates that take the arguments by implicit casts. ps NULL: of operators, for which rows stay what they are. */
static void
keep_coercible(PlanState *ps, CandidateList *list, const Oid *types, int nargs)
{
    int kept = 0;
    for (int c = 0; c < list->count; c++)
        if (coerce_possible_rows(ps, nargs, types, list->items[c].args, CAST_IMPLICIT))
            list->items[kept++] = list->items[c];
    list->count = kept;
}

/* NULL: none of several is best. */
static const Candidate *
select_candidate(CandidateList *list, const Oid *types, int nargs)
{
    Oid known[MAX_CALL_ARGS];
    char categories[MAX_CALL_ARGS];
    int nunknown = 0;

    for (int i = 0; i < nargs; i++) {
        known[i] = type_base(types[i]);
        if (known[i] == TYPE_UNKNOWN) nunknown++;
        categories[i] = type_category(known[i]);
    }
    keep_best(list, known, nargs, NULL);
    if (list->count == 1) return &list->items[0];
    keep_best(list, known, nargs, categories);
    if (list->count == 1) return &list->items[0];
    if (nunknown == 0) return NULL;
    keep_by_unknown_category(list, known, nargs);
    if (list->count == 1) return &list->items[0];
    if (nunknown == nargs) return NULL;

    /* All known arguments of one type: take the unknown ones to be of it too. */
    Oid only = TYPE_UNKNOWN;
    for (int i = 0; i < nargs; i++) {
        if (known[i] == TYPE_UNKNOWN) continue;
        if (only == TYPE_UNKNOWN) only = known[i];
        else if (only != known[i]) return NULL;
    }
    for (int i = 0; i < nargs; i++) known[i] = only;
    const Candidate *found = NULL;
    for (int c = 0; c < list->count; c++) {
        if (!coerce_possible(nargs, known, list->items[c].args, CAST_IMPLICIT)) continue;
        if (found != NULL) return NULL;
        found = &list->items[c];
    }
    return found;
}

/* ---- functions ---- */

/* Two rows that look alike to this call: the first on the path, the one without variadic; else nobody can say. */
static Status
merge_candidate(PlanState *ps, CandidateList *list, Candidate *c, int nargs)
{
    c->path = list->path;
    for (int i = 0; i < list->count; i++) {
        Candidate *o = &list->items[i];
        if (!same_args(o->args, c->args, nargs)) continue;
        if (o->path != c->path) return QN_OK;
        if (o->nvariadic != 0 && c->nvariadic == 0) *o = *c;
        else if (o->nvariadic != 0 || c->nvariadic == 0) {
            /* Of built-in rows the one that needs no defaults is meant. */
            if (*(const Oid *)c->row >= OID_FIRST_USER) o->is_ambiguous = true;
            else if (o->ndefaults > c->ndefaults) *o = *c;
        }
        return QN_OK;
    }
    return array_push(ps->ctx, ps->arena, list, *c);
}

/* Adds a row of one of the tables if it takes nargs arguments. */
static Status
add_candidate(PlanState *ps, CandidateList *list, FuncKind kind, const void *row, const Oid *args, int row_nargs,
              int ndefaults, Oid result, bool is_variadic, int nargs, bool variadic_call)
{
    Candidate c = {.kind = (uint8_t)kind, .row = row, .args = args, .result = result};
    if (is_variadic && !variadic_call && nargs >= row_nargs) {
        Oid array = args[row_nargs - 1];
        Oid elem = array == TYPE_ANY ? TYPE_ANY
                   : array == TYPE_ANYARRAY ? TYPE_ANYELEMENT
                   : array == TYPE_ANYCOMPATIBLEARRAY ? TYPE_ANYCOMPATIBLE
                                                      : elem_of(array);
        Oid *expanded;
        TRY_ALLOC(ps->ctx, expanded, arena_alloc(ps->arena, sizeof(Oid) * (size_t)(nargs + 1)));
        memcpy(expanded, args, sizeof(Oid) * (size_t)(row_nargs - 1));
        for (int i = row_nargs - 1; i < nargs; i++) expanded[i] = elem;
        c.args = expanded;
        c.nvariadic = nargs - row_nargs + 1;
        c.variadic_elem = elem;
    } else if (is_variadic && !variadic_call) {
        return QN_OK;
    } else if (variadic_call && !is_variadic) {
        return QN_OK;
    } else if (nargs > row_nargs || nargs < row_nargs - ndefaults) {
        return QN_OK;
    } else {
        c.ndefaults = row_nargs - nargs;
    }
    return merge_candidate(ps, list, &c, nargs);
}

/* A function whose arguments have names: a user's or a built-in one. */
typedef struct NamedFn {
    const Routine *routine;
    const Function *fn;
    const FnArgs *names; /* of fn */
    bool all_params;     /* CALL: OUT parameters are arguments too */
} NamedFn;

static int
find_input(const NamedFn *f, int ninputs, const char *name)
{
    if (f->routine != NULL && !f->all_params) return routine_input(f->routine, name);
    for (int i = 0; f->routine != NULL && i < ninputs; i++)
        if (f->routine->params[i].name != NULL && strcmp(f->routine->params[i].name, name) == 0) return i;
    if (f->routine != NULL) return -1;
    for (int i = 0; i < ninputs; i++)
        if (f->names->names[i] != NULL && strcmp(f->names->names[i], name) == 0) return i;
    return -1;
}

static bool
has_default(const NamedFn *f, int input)
{
    const Routine *r = f->routine;
    if (r != NULL) return r->params[f->all_params ? input : routine_input_param(r, input)].default_sql != NULL;
    return input >= f->fn->nargs - f->fn->ndefaults;
}

/* Which input each argument is, the last nnamed given by name. *fits_out false: they do not fit f. */
static Status
number_arguments(PlanState *ps, const NamedFn *f, const Oid *inputs, int ninputs, int nargs, const char *const *arg_names,
                 int nnamed, Candidate *c, bool *fits_out)
{
    int16_t *numbers;
    Oid *args;
    bool given[MAX_CALL_ARGS] = {false};
    int npositional = nargs - nnamed;
    *fits_out = false;
    if (nargs > ninputs || ninputs > MAX_CALL_ARGS) return QN_OK;
    TRY_ALLOC(ps->ctx, numbers, ARENA_ARRAY(ps->arena, int16_t, nargs + 1));
    TRY_ALLOC(ps->ctx, args, ARENA_ARRAY(ps->arena, Oid, nargs + 1));
    for (int i = 0; i < nargs; i++) {
        int at = i < npositional ? i : find_input(f, ninputs, arg_names[i - npositional]);
        if (at < 0 || given[at]) return QN_OK;
        given[at] = true;
        numbers[i] = (int16_t)at;
        args[i] = inputs[at];
    }
    for (int i = 0; i < ninputs; i++)
        if (!given[i] && !has_default(f, i)) return QN_OK;
    c->numbers = numbers;
    c->args = args;
    c->ndefaults = ninputs - nargs;
    *fits_out = true;
    return QN_OK;
}

/* Procedures are called with their OUT parameters too. */
static Status
call_inputs(PlanState *ps, const Routine *r, const Oid **inputs_out, int *n_out)
{
    Oid *types;
    *inputs_out = r->args;
    *n_out = r->fn.nargs;
    if (r->kind != ROUTINE_PROCEDURE || !ps->in_call) return QN_OK;
    TRY_ALLOC(ps->ctx, types, ARENA_ARRAY(ps->arena, Oid, r->nparams + 1));
    for (int i = 0; i < r->nparams; i++) types[i] = r->params[i].type;
    *inputs_out = types;
    *n_out = r->nparams;
    return QN_OK;
}

/* Users' functions of one schema. */
static Status
gather_routines(PlanState *ps, Oid schema, const char *name, int nargs, bool variadic, const char *const *arg_names, int nnamed,
                CandidateList *list)
{
    const Routine **routines;
    int n;
    TRY(catalog_routines(ps->ctx, ps->arena, schema, name, &routines, &n));
    for (int i = 0; i < n; i++) {
        const Routine *r = routines[i];
        const Oid *inputs;
        int ninputs;
        TRY(call_inputs(ps, r, &inputs, &ninputs));
        FuncKind kind = r->kind == ROUTINE_AGGREGATE ? FUNC_AGG : FUNC_NORMAL;
        if (nnamed > 0) {
            Candidate c = {.kind = (uint8_t)kind, .row = &r->fn, .result = r->fn.result};
            bool fits;
            TRY(number_arguments(ps, &(NamedFn){.routine = r, .all_params = inputs != r->args}, inputs, ninputs, nargs, arg_names, nnamed, &c, &fits));
            if (fits) TRY(merge_candidate(ps, list, &c, nargs));
            continue;
        }
        TRY(add_candidate(ps, list, kind, &r->fn, inputs, ninputs, r->fn.ndefaults, r->fn.result,
                          (r->fn.flags & FN_VARIADIC) != 0, nargs, variadic));
    }
    return QN_OK;
}

/* Built-in functions that have the names of a call's arguments. */
static Status
gather_named_builtin(PlanState *ps, const char *name, int nargs, bool variadic, const char *const *arg_names, int nnamed,
                     CandidateList *list)
{
    int n;
    const Function *const *fns = fn_by_name(name, &n);
    for (int i = 0; fns != NULL && i < n; i++) {
        NamedFn f = {.fn = fns[i], .names = fn_args(fns[i]->oid)};
        Candidate c = {.kind = FUNC_NORMAL, .row = fns[i], .result = fns[i]->result};
        bool fits;
        if (f.names == NULL || ((fns[i]->flags & FN_VARIADIC) != 0) != variadic) continue;
        TRY(number_arguments(ps, &f, fns[i]->args, fns[i]->nargs, nargs, arg_names, nnamed, &c, &fits));
        if (fits) TRY(merge_candidate(ps, list, &c, nargs));
    }
    return QN_OK;
}

static Status
gather_builtin(PlanState *ps, const char *name, int nargs, bool variadic, CandidateList *list)
{
    int n;
    const Function *const *fns = fn_by_name(name, &n);
    for (int i = 0; fns != NULL && i < n; i++)
        TRY(add_candidate(ps, list, FUNC_NORMAL, fns[i], fns[i]->args, fns[i]->nargs, fns[i]->ndefaults, fns[i]->result,
                          fns[i]->flags & FN_VARIADIC, nargs, variadic));
    const Aggregate *const *aggs = agg_by_name(name, &n);
    for (int i = 0; aggs != NULL && i < n; i++)
        TRY(add_candidate(ps, list, FUNC_AGG, aggs[i], aggs[i]->args, aggs[i]->nargs, 0, aggs[i]->result,
                          aggs[i]->flags & FN_VARIADIC, nargs, variadic));
    const WindowFn *const *wins = winfn_by_name(name, &n);
    for (int i = 0; wins != NULL && i < n; i++)
        TRY(add_candidate(ps, list, FUNC_WINDOW, wins[i], wins[i]->args, wins[i]->nargs, 0, wins[i]->result, false, nargs,
                          variadic));
    return QN_OK;
}

/* Everything of the name that takes so many arguments, in the order of the path. Temporary schemas are not searched. */
static Status
gather_candidates(PlanState *ps, const char *schema, const char *name, int nargs, bool variadic, const char *const *arg_names,
                  int nnamed, CandidateList *list)
{
    Oid *path, one;
    int n = 1;
    if (schema == NULL) {
        TRY(catalog_search_path(ps->ctx, ps->arena, true, &path, &n));
    } else {
        one = catalog_schema_oid(ps->ctx, schema);
        path = &one;
        if (one == INVALID_OID)
            return RAISE(ps->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
    }
    for (int i = 0; i < n; i++) {
        list->path = i;
        if (path[i] == OID_PG_CATALOG) {
            TRY(nnamed == 0 ? gather_builtin(ps, name, nargs, variadic, list)
                            : gather_named_builtin(ps, name, nargs, variadic, arg_names, nnamed, list));
        } else if (schema != NULL || !catalog_is_temp_schema(ps->ctx, path[i], NULL)) {
            TRY(gather_routines(ps, path[i], name, nargs, variadic, arg_names, nnamed, list));
        }
    }
    return QN_OK;
}

Status
resolve_exact_routine(PlanState *ps, const char *schema, const char *name, const Oid *types, int nargs, const Routine **out)
{
    Oid *path, one;
    int n = 1;
    *out = NULL;
    if (schema == NULL) {
        TRY(catalog_search_path(ps->ctx, ps->arena, false, &path, &n));
    } else {
        one = catalog_schema_oid(ps->ctx, schema);
        path = &one;
        if (one == INVALID_OID)
            return RAISE(ps->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
    }
    for (int i = 0; i < n && *out == NULL; i++) {
        const Routine **list;
        int count;
        TRY(catalog_routines(ps->ctx, ps->arena, path[i], name, &list, &count));
        for (int k = 0; k < count; k++)
            if (list[k]->fn.nargs == nargs && same_args(list[k]->args, types, nargs)) *out = list[k];
    }
    return QN_OK;
}

/* f(x) with f the name of a type, where the cast costs nothing or goes by text. */
static Oid
function_style_cast(PlanState *ps, const char *schema, const char *name, Oid source)
{
    Oid target = catalog_type_by_name(ps->ctx, schema, name);
    if (target == 0) return 0;
    if (source == TYPE_UNKNOWN) return target;
    switch (coerce_path(target, source, CAST_EXPLICIT, NULL)) {
    case CASTPATH_RELABEL: return target;
    case CASTPATH_IO: return type_is_row(source) && type_category(target) == TYPCAT_STRING ? 0 : target;
    default: return 0;
    }
}

/* name(lower, upper) of a range type made by a user, and name(range, ...) of its multirange: the kernels of the built-in constructors
 * make whatever type their result has. */
static Status
range_constructor(PlanState *ps, const char *schema, const char *name, const Oid *types, int nargs, bool variadic, FuncMatch *out)
{
    enum { RANGE_TWO = 3840, RANGE_THREE = 3841, MULTIRANGE_NONE = 4280, MULTIRANGE_ONE = 4281, MULTIRANGE_MANY = 4282 };
    Oid type = catalog_type_by_name(ps->ctx, schema, name), want[3];
    char kind = type >= TYPE_FIRST_USER ? type_kind(type) : 0;
    if (kind == TYPTYPE_RANGE && (nargs == 2 || nargs == 3) && !variadic) {
        want[0] = want[1] = range_subtype(type);
        want[2] = TYPE_TEXT;
        out->fn = fn_by_oid(nargs == 2 ? RANGE_TWO : RANGE_THREE);
    } else if (kind == TYPTYPE_MULTIRANGE && nargs <= MAX_CALL_ARGS) {
        Oid range = multirange_range(type), array = array_of(range);
        out->fn = fn_by_oid(nargs == 0 ? MULTIRANGE_NONE : nargs == 1 && !variadic ? MULTIRANGE_ONE : MULTIRANGE_MANY);
        for (int i = 0; i < nargs; i++) {
            out->declared[i] = variadic ? array : range;
            if (!coerce_possible(1, &types[i], &out->declared[i], CAST_IMPLICIT)) return QN_OK;
        }
        out->nvariadic = nargs > 1 && !variadic ? nargs : 0;
        out->variadic_elem = out->nvariadic > 0 ? range : 0;
    } else {
        return QN_OK;
    }
    if (kind == TYPTYPE_RANGE) {
        if (!coerce_possible(nargs, types, want, CAST_IMPLICIT)) return QN_OK;
        memcpy(out->declared, want, sizeof(Oid) * (size_t)nargs);
    }
    out->kind = FUNC_NORMAL;
    out->nargs = nargs;
    out->result = type;
    return QN_OK;
}

Status
resolve_function(PlanState *ps, const char *schema, const char *name, const Oid *types, int nargs, bool variadic,
                 const char *const *arg_names, int nnamed, FuncMatch *out)
{
    CandidateList list = {0};
    const Candidate *best = NULL;

    out->kind = FUNC_NONE;
    out->cast_type = 0;
    out->routine = NULL;
    if (nargs > MAX_CALL_ARGS)
        return RAISE(ps->ctx, ERR_TOO_MANY_ARGUMENTS, "cannot pass more than %d arguments to a function", MAX_CALL_ARGS);
    TRY(gather_candidates(ps, schema, name, nargs, variadic, arg_names, nnamed, &list));
    for (int i = 0; i < list.count && best == NULL; i++)
        if (same_args(list.items[i].args, types, nargs)) best = &list.items[i];
    if (list.count == 0) {
        out->nvariadic = out->ndefaults = 0;
        out->variadic_elem = 0;
        TRY(range_constructor(ps, schema, name, types, nargs, variadic, out));
        if (out->kind != FUNC_NONE) return QN_OK;
    }
    if (best == NULL && nargs == 1 && !variadic && nnamed == 0) {
        out->cast_type = function_style_cast(ps, schema, name, types[0]);
        if (out->cast_type != 0) {
            out->kind = FUNC_COERCION;
            out->result = out->cast_type;
            return QN_OK;
        }
    }
    if (best == NULL && list.count > 0) {
        keep_coercible(ps, &list, types, nargs);
        if (list.count == 0) return QN_OK;
        best = list.count == 1 ? &list.items[0] : select_candidate(&list, types, nargs);
        if (best == NULL) {
            out->kind = FUNC_MULTIPLE;
            return QN_OK;
        }
    }
    if (best == NULL) return QN_OK;
    if (best->is_ambiguous) {
        out->kind = FUNC_MULTIPLE;
        return QN_OK;
    }
    out->kind = best->kind;
    out->fn = best->kind == FUNC_NORMAL ? best->row : NULL;
    /* Rows begin with their oid. A user's aggregate is made for the call: bind_user_aggregate. */
    bool is_user_agg = best->kind == FUNC_AGG && *(const Oid *)best->row >= OID_FIRST_USER;
    out->agg = best->kind == FUNC_AGG && !is_user_agg ? best->row : NULL;
    out->winfn = best->kind == FUNC_WINDOW ? best->row : NULL;
    out->nargs = nargs;
    out->nvariadic = best->nvariadic;
    out->variadic_elem = best->nvariadic > 0 && best->variadic_elem != TYPE_ANY ? best->variadic_elem : 0;
    if (out->variadic_elem == 0) out->nvariadic = 0;
    out->ndefaults = best->ndefaults;
    out->routine = is_user_agg ? (const Routine *)best->row : routine_of(out->fn);
    out->numbers = best->numbers;
    out->result = best->result;
    memcpy(out->declared, best->args, sizeof(Oid) * (size_t)nargs);
    if (out->routine != NULL && !is_user_agg) return QN_OK;
    TRY(resolve_polymorphic(ps, types, out->declared, nargs, best->result, &out->result));
    if (out->nvariadic > 0) out->variadic_elem = out->declared[nargs - 1];
    return QN_OK;
}

Status
function_signature(PlanState *ps, const char *name, const Oid *types, int nargs, const char **out)
{
    StrBuf b = strbuf_new(ps->arena);
    char *text;
    strbuf_addz(&b, name);
    strbuf_addc(&b, '(');
    for (int i = 0; i < nargs; i++) {
        if (i > 0) strbuf_addz(&b, ", ");
        strbuf_addz(&b, type_text(ps, types[i]));
    }
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(ps->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

/* ---- operators ---- */

static const Operator *
exact_operator(const Operator *const *ops, int n, Oid left, Oid right)
{
    for (int i = 0; i < n; i++)
        if (ops[i]->left == left && ops[i]->right == right) return ops[i];
    return NULL;
}

/* The operators of a name in sight: built-in ones and users', those of earlier schemas first. */
typedef struct OperatorList {
    const Operator *const *items;
    int n;
} OperatorList;

static bool
has_operator(const Operator *const *ops, int n, const Operator *op)
{
    return exact_operator(ops, n, op->left, op->right) != NULL;
}

static Status
gather_operators(PlanState *ps, const char *schema, const char *name, OperatorList *out)
{
    ARRAY(const Operator *) all = {0};
    Oid *path, one;
    int npath = 1;
    if (schema != NULL && strcmp(schema, "pg_catalog") == 0) schema = NULL, path = &one, one = OID_PG_CATALOG;
    else if (schema != NULL) path = &one, one = catalog_schema_oid(ps->ctx, schema);
    else TRY(catalog_search_path(ps->ctx, ps->arena, true, &path, &npath));
    if (path[0] == INVALID_OID) return RAISE(ps->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
    for (int i = 0; i < npath; i++) {
        const Definition **defs;
        int n = 0;
        const Operator *const *builtin = path[i] == OID_PG_CATALOG ? op_by_name(name, &n) : NULL;
        for (int k = 0; builtin != NULL && k < n; k++)
            if (!has_operator(all.items, all.count, builtin[k])) TRY(array_push(ps->ctx, ps->arena, &all, builtin[k]));
        if (path[i] == OID_PG_CATALOG) continue;
        TRY(catalog_definitions(ps->ctx, ps->arena, path[i], name, DEF_OPERATOR, &defs, &n));
        for (int k = 0; k < n; k++) {
            const Operator *op;
            TRY(def_operator(ps->ctx, ps->arena, defs[k], &op));
            if (!has_operator(all.items, all.count, op)) TRY(array_push(ps->ctx, ps->arena, &all, op));
        }
    }
    out->items = all.items;
    out->n = all.count;
    return QN_OK;
}

/* *multiple_out: there were several, none best. */
static const Operator *
choose_operator(Arena *arena, const OperatorList *in, Oid left, Oid right, bool *multiple_out)
{
    const Operator *const *ops = in->items;
    int n = in->n;
    *multiple_out = false;
    if (n == 0) return NULL;

    const Operator *op = NULL;
    if (left == TYPE_UNKNOWN && right != TYPE_UNKNOWN && right != 0) op = exact_operator(ops, n, right, right);
    else if (right == TYPE_UNKNOWN && left != TYPE_UNKNOWN && left != 0) op = exact_operator(ops, n, left, left);
    else op = exact_operator(ops, n, left, right);
    if (op != NULL) return op;

    /* Candidates take one or two arguments; a prefix operator has only the right one. */
    int nargs = left == 0 ? 1 : 2;
    Oid types[2] = {left == 0 ? right : left, right};
    Candidate local[OPERATORS_MAX];
    CandidateList list = {.items = local, .cap = OPERATORS_MAX};
    if (n > OPERATORS_MAX) {
        list.items = arena_alloc(arena, sizeof(Candidate) * (size_t)n);
        if (list.items == NULL) return NULL;
    }
    for (int i = 0; i < n; i++) {
        if ((ops[i]->left == 0) != (left == 0)) continue;
        /* left and right lie side by side in the row */
        const Oid *args = left == 0 ? &ops[i]->right : &ops[i]->left;
        list.items[list.count++] = (Candidate){.row = ops[i], .args = args};
    }
    keep_coercible(NULL, &list, types, nargs);
    if (list.count == 0) return NULL;
    const Candidate *best = list.count == 1 ? &list.items[0] : select_candidate(&list, types, nargs);
    *multiple_out = best == NULL;
    return best != NULL ? best->row : NULL;
}
_Static_assert(offsetof(Operator, right) == offsetof(Operator, left) + sizeof(Oid), "args of an operator are an array");

const Operator *
find_operator(const char *name, Oid left, Oid right)
{
    bool multiple;
    OperatorList list = {0};
    list.items = op_by_name(name, &list.n);
    if (list.items == NULL) return NULL;
    const Operator *op = exact_operator(list.items, list.n, left, right);
    if (op != NULL || list.n > OPERATORS_MAX) return op;
    return choose_operator(NULL, &list, left, right, &multiple);
}

Status
resolve_operator(PlanState *ps, const char *schema, const char *name, Oid left, Oid right, int loc, const Operator **out)
{
    bool multiple = false;
    OperatorList list = {0};
    if (strcmp(name, "!=") == 0) name = "<>";
    if (catalog_has_definitions(ps->ctx, DEF_OPERATOR)) {
        Status st = gather_operators(ps, schema, name, &list);
        if (st != QN_OK) return err_position(ps->ctx, st, loc);
    } else if (schema == NULL || strcmp(schema, "pg_catalog") == 0) {
        list.items = op_by_name(name, &list.n);
        if (list.items == NULL) list.n = 0;
    } else if (catalog_schema_oid(ps->ctx, schema) == INVALID_OID) {
        return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema), loc);
    }
    const Operator *op = choose_operator(ps->arena, &list, left, right, &multiple);
    *out = op;
    if (op != NULL) return QN_OK;

    const char *l = left != 0 ? type_text(ps, left) : "", *r = type_text(ps, right);
    const char *sp = left != 0 ? " " : "";
    const char *dot = schema != NULL ? "." : "";
    if (schema == NULL) schema = "";
    Status st;
    if (multiple) {
        st = RAISE(ps->ctx, ERR_AMBIGUOUS_FUNCTION, "operator is not unique: %s%s%s%s%s %s", l, sp, schema, dot, name, r);
        st = err_hint(ps->ctx, st, "Could not choose a best candidate operator. You might need to add explicit type casts.");
    } else {
        st = RAISE(ps->ctx, ERR_UNDEFINED_FUNCTION, "operator does not exist: %s%s%s%s%s %s", l, sp, schema, dot, name, r);
        st = err_hint(ps->ctx, st, left != 0 ? "No operator matches the given name and argument types. You might need to add explicit type casts."
                                        : "No operator matches the given name and argument type. You might need to add an explicit type cast.");
    }
    return err_position(ps->ctx, st, loc);
}

Status
make_op(PlanState *ps, const char *schema, const char *name, Expr *left, Expr *right, int loc, Expr **out)
{
    const Operator *op;
    Expr **args;
    FuncExpr *f;
    Oid declared[2], actual[2], result;
    int n = 0;

    TRY(resolve_operator(ps, schema, name, left != NULL ? left->type : 0, right->type, loc, &op));
    TRY_ALLOC(ps->ctx, args, arena_alloc(ps->arena, 2 * sizeof(Expr *)));
    if (left != NULL) args[n] = left, actual[n] = left->type, declared[n++] = op->left;
    args[n] = right, actual[n] = right->type, declared[n++] = op->right;
    TRY(resolve_polymorphic(ps, actual, declared, n, op->result, &result));
    TRY(coerce_arguments(ps, args, n, declared));
    const Function *fn = fn_by_oid(op->function);
    if (op->function >= OID_FIRST_USER) TRY(plan_routine(ps, op->oid, op->function, declared, n, &fn));
    if (fn == NULL) return err_position(ps->ctx, RAISE(ps->ctx, ERR_FEATURE_NOT_SUPPORTED, "operator %s is not supported yet", name), loc);
    TRY(make_func(ps, fn, args, n, result, loc, &f));
    f->op = op;
    *out = (Expr *)f;
    return QN_OK;
}

/* ---- names of types ---- */

static Status
typmod_error(PlanState *ps, int loc, const char *what)
{
    return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "%s", what), loc);
}

static Status
length_typmod(PlanState *ps, const char *type, int64_t n, int loc, int32_t *out)
{
    if (n < 1)
        return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "length for type %s must be at least 1", type), loc);
    if (n > 10485760)
        return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "length for type %s cannot exceed %d", type, 10485760), loc);
    *out = (int32_t)n + 4;
    return QN_OK;
}

static Status
type_modifiers(PlanState *ps, Oid type, const TypeName *t, int32_t *out)
{
    int64_t v[3] = {0};
    int n = t->typmods.count;
    for (int i = 0; i < n; i++) {
        const Ast *a = t->typmods.items[i];
        int sign = 1;
        if (ast_is(a, A_Expr) && ((const A_Expr *)a)->left == NULL &&
            strcmp(((const A_Expr *)a)->op, "-") == 0) {
            a = ((const A_Expr *)a)->right; /* numeric(5,-2) */
            sign = -1;
        }
        if (!ast_is(a, A_Const) || ((const A_Const *)a)->kind != AST_CONST_INT)
            return err_position(ps->ctx, RAISE(ps->ctx, ERR_SYNTAX_ERROR, "type modifiers must be simple constants or identifiers"), ast_location(a));
        if (i < 3) v[i] = sign * ((const A_Const *)a)->ival;
    }
    switch (type) {
    case TYPE_NUMERIC:
        if (n > 2) return typmod_error(ps, t->loc, "invalid NUMERIC type modifier");
        if (v[0] < 1 || v[0] > 1000)
            return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "NUMERIC precision %lld must be between 1 and %d", (long long)v[0], 1000), t->loc);
        if (v[1] < -1000 || v[1] > 1000)
            return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "NUMERIC scale %lld must be between %d and %d", (long long)v[1], -1000, 1000), t->loc);
        *out = numeric_typmod((int)v[0], n > 1 ? (int)v[1] : 0);
        return QN_OK;
    case TYPE_VARCHAR:
        if (n != 1) return typmod_error(ps, t->loc, "invalid type modifier");
        return length_typmod(ps, "varchar", v[0], t->loc, out);
    case TYPE_BIT:
    case TYPE_VARBIT: {
        const char *name = type == TYPE_BIT ? "bit" : "varbit";
        if (n != 1) return typmod_error(ps, t->loc, "invalid type modifier");
        if (v[0] < 1)
            return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "length for type %s must be at least 1", name), t->loc);
        if (v[0] > 83886080)
            return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "length for type %s cannot exceed %d", name, 83886080), t->loc);
        *out = (int32_t)v[0];
        return QN_OK;
    }
    case TYPE_BPCHAR:
        if (n != 1) return typmod_error(ps, t->loc, "invalid type modifier");
        return length_typmod(ps, "char", v[0], t->loc, out);
    case TYPE_TIME:
    case TYPE_TIMETZ:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ: {
        const char *name = type == TYPE_TIME || type == TYPE_TIMETZ ? "TIME" : "TIMESTAMP";
        const char *tz = type == TYPE_TIMESTAMPTZ || type == TYPE_TIMETZ ? " WITH TIME ZONE" : "";
        if (n != 1) return typmod_error(ps, t->loc, "invalid type modifier");
        if (v[0] < 0) {
            Status st = RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "%s(%lld)%s precision must not be negative", name, (long long)v[0], tz);
            return err_position(ps->ctx, st, t->loc);
        }
        if (v[0] > 6) {
            ctx_notice(ps->ctx, "WARNING", ERR_INVALID_PARAMETER_VALUE, "%s(%lld)%s precision reduced to maximum allowed, %d", name, (long long)v[0], tz, 6);
            v[0] = 6;
        }
        *out = (int32_t)v[0];
        return QN_OK;
    }
    case TYPE_INTERVAL:
        if (n == 1) {
            *out = v[0] == 0x7FFF ? -1 : (int32_t)((v[0] & 0x7FFF) << 16 | 0xFFFF);
            return QN_OK;
        }
        if (n != 2) return typmod_error(ps, t->loc, "invalid INTERVAL type modifier");
        if (v[1] < 0) return err_position(ps->ctx, RAISE(ps->ctx, ERR_INVALID_PARAMETER_VALUE, "INTERVAL(%lld) precision must not be negative", (long long)v[1]), t->loc);
        if (v[1] > 6) {
            ctx_notice(ps->ctx, "WARNING", ERR_INVALID_PARAMETER_VALUE, "INTERVAL(%lld) precision reduced to maximum allowed, %d", (long long)v[1], 6);
            v[1] = 6;
        }
        *out = (int32_t)((v[0] & 0x7FFF) << 16 | (v[1] & 0xFFFF));
        return QN_OK;
    default: {
        const TypeInfo *info = type_info(type);
        Status st = RAISE(ps->ctx, ERR_SYNTAX_ERROR, "type modifier is not allowed for type \"%s\"", info != NULL ? info->sql_name : "?");
        return err_position(ps->ctx, st, t->loc);
    }
    }
}

/* rel.column%TYPE: the type the column has now. */
static Status
column_type(PlanState *ps, const TypeName *t, Oid *type_out)
{
    int n = t->names.count;
    const Relation *rel;
    Status st;
    if (n < 2 || n > 4) {
        st = RAISE(ps->ctx, ERR_SYNTAX_ERROR, n < 2 ? "improper %%TYPE reference (too few dotted names): %s"
                                                    : "improper %%TYPE reference (too many dotted names): %s", ast_str(t->names.items[0]));
        return err_position(ps->ctx, st, t->loc);
    }
    const char *schema = n > 2 ? ast_str(t->names.items[n - 3]) : NULL, *table = ast_str(t->names.items[n - 2]);
    const char *name = ast_str(t->names.items[n - 1]);
    TRY(catalog_relation_required(ps->ctx, schema, table, t->loc, &rel));
    const Column *c = relation_column(rel, name);
    if (c == NULL) {
        st = RAISE(ps->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name, table);
        return err_position(ps->ctx, st, t->loc);
    }
    *type_out = c->type;
    ctx_notice(ps->ctx, "NOTICE", QN_OK, "type reference %s.%s%%TYPE converted to %s", table, name, type_text(ps, c->type));
    return QN_OK;
}

Status
resolve_type_name(PlanState *ps, const Ast *type_name, Oid *type_out, int32_t *typmod_out)
{
    const TypeName *t = AST_AS(TypeName, type_name);
    int n = t->names.count;
    const char *name = ast_str(t->names.items[n - 1]);
    const char *schema = n > 1 ? ast_str(t->names.items[n - 2]) : NULL;

    *typmod_out = -1;
    Oid type = 0;
    if (t->pct_type) TRY(column_type(ps, t, &type));
    else type = catalog_type_by_name(ps->ctx, schema, name);
    if (type == 0) {
        Status st;
        if (schema != NULL && catalog_schema_oid(ps->ctx, schema) == 0)
            st = RAISE(ps->ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", schema);
        else
            st = RAISE(ps->ctx, ERR_UNDEFINED_OBJECT, "type \"%s%s%s%s\" does not exist", schema != NULL ? schema : "",
                       schema != NULL ? "." : "", name, t->array_bounds.count > 0 ? "[]" : "");
        return err_position(ps->ctx, st, t->loc);
    }
    if (t->typmods.count > 0) TRY(type_modifiers(ps, type, t, typmod_out));
    if (t->array_bounds.count > 0) {
        Oid array = array_of(type);
        if (array == 0 && elem_of(type) != 0) array = type;
        if (array == 0)
            return err_position(ps->ctx, RAISE(ps->ctx, ERR_UNDEFINED_OBJECT, "could not find array type for data type %s", type_text(ps, type)), t->loc);
        type = array;
    }
    *type_out = type;
    return QN_OK;
}
