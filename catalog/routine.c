/* routine.c - see routine.h. Objects of kind OBJ_ROUTINE as Routines, found by name and by oid; the languages. */
#include "catalog/routine.h"
#include "catalog/catalog_priv.h"
#include "catalog/ddl.h"
#include "types/record.h"

/* ---- languages ---- */

#define LANGUAGE(oid, name, kernel, rows, validate, is_inlined)                                    \
    Status validate(Ctx *ctx, const Routine *r);
#include "catalog/languages.def"
#undef LANGUAGE
Status fn_sql_routine(KernelCall *call);
extern const SetFunction sql_routine_rows;

static const Language languages[] = {
#define LANGUAGE(...) {__VA_ARGS__},
#include "catalog/languages.def"
#undef LANGUAGE
};

const Language *
language_at(int i)
{
    return (size_t)i < sizeof(languages) / sizeof(languages[0]) ? &languages[i] : NULL;
}

const Language *
language_by_name(const char *name)
{
    for (int i = 0; language_at(i) != NULL; i++)
        if (strcmp(languages[i].name, name) == 0) return &languages[i];
    return NULL;
}

const Language *
language_by_oid(Oid oid)
{
    for (int i = 0; language_at(i) != NULL; i++)
        if (languages[i].oid == oid) return &languages[i];
    return NULL;
}

/* ---- making ---- */

static bool
is_input(const RoutineParam *p)
{
    return p->mode == 'i' || p->mode == 'b' || p->mode == 'v';
}

static bool
is_output(const RoutineParam *p)
{
    return p->mode == 'o' || p->mode == 'b' || p->mode == 't';
}

int
routine_input_param(const Routine *r, int i)
{
    for (int k = 0; k < r->nparams; k++)
        if (is_input(&r->params[k]) && i-- == 0) return k;
    return -1;
}

int
routine_input(const Routine *r, const char *name)
{
    int at = 0;
    for (int k = 0; k < r->nparams; k++) {
        if (!is_input(&r->params[k])) continue;
        if (r->params[k].name != NULL && strcmp(r->params[k].name, name) == 0) return at;
        at++;
    }
    return -1;
}

const char *
routine_result_name(const Routine *r)
{
    for (int i = 0; r->ncols == 0 && i < r->nparams; i++)
        if (is_output(&r->params[i])) return r->params[i].name;
    return NULL;
}

/* The attributes of a composite type as they are now. */
static Status
set_attributes(Ctx *ctx, Arena *arena, Routine *r)
{
    TypeShape shape;
    const char **names;
    Oid *types;
    int32_t *typmods;
    int *fields;
    TRY(record_shape(ctx, arena, type_base(r->fn.result), &shape));
    TRY_ALLOC(ctx, names, ARENA_ARRAY(arena, const char *, shape.n + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, shape.n + 1));
    TRY_ALLOC(ctx, fields, ARENA_ARRAY(arena, int, shape.n + 1));
    TRY_ALLOC(ctx, typmods, ARENA_ARRAY(arena, int32_t, shape.n + 1));
    for (int i = 0; i < shape.n; i++) {
        if (shape.names[i] == NULL) continue;
        fields[r->ncols] = i;
        names[r->ncols] = shape.names[i];
        typmods[r->ncols] = shape.typmods[i];
        types[r->ncols++] = shape.types[i];
    }
    r->col_names = names;
    r->col_types = types;
    r->col_typmods = typmods;
    r->col_fields = fields;
    r->nfields = shape.n;
    return QN_OK;
}

Status
routine_row(Ctx *ctx, Arena *arena, const Routine *r, const Value *columns, Value *out)
{
    Value *fields;
    *out = value_null(r->fn.result);
    out->is_null = false;
    out->phys = PHYS_STR;
    if (r->col_fields == NULL) return record_make_named(ctx, arena, columns, r->col_names, r->ncols, &out->str);
    TRY_ALLOC(ctx, fields, ARENA_ARRAY(arena, Value, r->nfields + 1));
    for (int i = 0; i < r->nfields; i++) fields[i] = value_null(TYPE_INT4);
    for (int i = 0; i < r->ncols; i++) fields[r->col_fields[i]] = columns[i];
    return record_make(ctx, arena, fields, r->nfields, &out->str);
}

static Status
set_columns(Ctx *ctx, Arena *arena, Routine *r)
{
    int n = 0;
    const char **names;
    Oid *types;
    for (int i = 0; i < r->nparams; i++) n += is_output(&r->params[i]);
    r->ncols = 0;
    if (n < 2 && type_is_row(r->fn.result) && r->fn.result != TYPE_RECORD) return set_attributes(ctx, arena, r);
    /* One output is the value itself, but of a procedure, which always answers with a row. */
    if (n < (r->kind == ROUTINE_PROCEDURE ? 1 : 2)) return QN_OK;
    TRY_ALLOC(ctx, names, ARENA_ARRAY(arena, const char *, n));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, n));
    for (int i = 0; i < r->nparams; i++) {
        if (!is_output(&r->params[i])) continue;
        names[r->ncols] = r->params[i].name;
        if (names[r->ncols] == NULL || names[r->ncols][0] == '\0')
            TRY_ALLOC(ctx, names[r->ncols], arena_printf(arena, "column%d", r->ncols + 1));
        types[r->ncols++] = r->params[i].type;
    }
    r->col_names = names;
    r->col_types = types;
    return QN_OK;
}

/* LANGUAGE internal: the built-in function of that source name. */
static const Function *
builtin_of(const char *src)
{
    for (int i = 0; i < fn_count(); i++)
        if (fn_at(i)->kernel != NULL && strcmp(fn_at(i)->src, src) == 0) return fn_at(i);
    return NULL;
}

static void
set_calls(Routine *r)
{
    r->fn.kernel = r->returns_set ? NULL : r->language->call;
    r->fn.set = NULL;
    const Function *builtin = r->language->oid == OID_LANGUAGE_INTERNAL ? builtin_of(r->body) : NULL;
    if (builtin != NULL) {
        r->fn.kernel = builtin->kernel;
        r->fn.flags |= builtin->flags & FN_STRICT; /* its kernel relies on that */
    }
    if (!r->returns_set || r->language->rows == NULL) return;
    r->set = *r->language->rows;
    r->set.oid = r->fn.oid;
    r->set.rows = r->rows;
    r->set.ncols = r->ncols;
    r->set.col_names = r->ncols > 0 ? r->col_names : NULL;
    r->set.col_types = r->ncols > 0 ? r->col_types : NULL;
    r->fn.set = &r->set;
}

Status
routine_finish(Ctx *ctx, Arena *arena, Routine *r)
{
    Oid *args;
    int n = 0, ndefaults = 0;
    TRY_ALLOC(ctx, args, ARENA_ARRAY(arena, Oid, r->nparams + 1));
    r->fn.flags = 0;
    for (int i = 0; i < r->nparams; i++) {
        const RoutineParam *p = &r->params[i];
        if (!is_input(p)) continue;
        if (n < FN_MAX_ARGS) r->fn.args[n] = p->type;
        args[n++] = p->type;
        ndefaults += p->default_sql != NULL;
        if (p->mode == 'v') r->fn.flags |= FN_VARIADIC;
    }
    r->args = args;
    r->fn.nargs = (int16_t)n;
    r->fn.ndefaults = (int16_t)ndefaults;
    r->fn.src = r->body;
    if (r->strict) r->fn.flags |= FN_STRICT;
    if (r->volatility == 'i') r->fn.flags |= FN_IMMUTABLE;
    if (r->volatility == 's') r->fn.flags |= FN_STABLE;
    if (r->returns_set) r->fn.flags |= FN_SRF;
    TRY(set_columns(ctx, arena, r));
    set_calls(r);
    return QN_OK;
}

Status
routine_specialise(Ctx *ctx, Arena *arena, const Routine *r, const Oid *args, const Oid *col_types, Oid result,
                   const Routine **out)
{
    Routine *copy;
    TRY_ALLOC(ctx, copy, arena_memdup(arena, r, sizeof(*r)));
    TRY_ALLOC(ctx, copy->args, arena_memdup(arena, args, sizeof(Oid) * (size_t)(r->fn.nargs + 1)));
    for (int i = 0; i < r->fn.nargs && i < FN_MAX_ARGS; i++) copy->fn.args[i] = args[i];
    if (r->ncols > 0)
        TRY_ALLOC(ctx, copy->col_types, arena_memdup(arena, col_types, sizeof(Oid) * (size_t)r->ncols));
    copy->fn.result = result;
    if (r->ncols == 0 && result != r->fn.result && type_is_row(result) && result != TYPE_RECORD)
        TRY(set_attributes(ctx, arena, copy)); /* anyelement is a row this time */
    set_calls(copy);
    *out = copy;
    return QN_OK;
}

Status
routine_with_columns(Ctx *ctx, Arena *arena, const Routine *r, int ncols, const char *const *names, const Oid *types,
                     const Routine **out)
{
    Routine *copy;
    TRY_ALLOC(ctx, copy, arena_memdup(arena, r, sizeof(*r)));
    TRY_ALLOC(ctx, copy->col_names, arena_memdup(arena, names, sizeof(char *) * (size_t)ncols));
    TRY_ALLOC(ctx, copy->col_types, arena_memdup(arena, types, sizeof(Oid) * (size_t)ncols));
    copy->ncols = ncols;
    set_calls(copy);
    *out = copy;
    return QN_OK;
}

/* ---- looking up ---- */

static Status
unpack(Ctx *ctx, Arena *arena, const CatObj *o, const Routine **out)
{
    Routine *r;
    TRY(catobj_to_routine(ctx, arena, o, &r));
    r->version = catalog_relation_version(ctx, o->oid);
    r->schema = catalog_schema_name(ctx, o->schema);
    TRY_ALLOC(ctx, r->schema, arena_strdup(arena, r->schema != NULL ? r->schema : ""));
    TRY(routine_finish(ctx, arena, r));
    *out = r;
    return QN_OK;
}

static Status
unpack_list(Ctx *ctx, Arena *arena, CatObjList *list, const Routine ***out, int *n_out)
{
    Status st = QN_OK;
    const Routine **rs = ARENA_ARRAY(arena, const Routine *, list->count + 1);
    if (rs == NULL) st = RAISE_OOM(ctx);
    for (int i = 0; st == QN_OK && i < list->count; i++) st = unpack(ctx, arena, list->items[i], &rs[i]);
    *n_out = list->count;
    *out = rs;
    catobj_list_release(list);
    return st;
}

Status
catalog_routines(Ctx *ctx, Arena *arena, Oid schema, const char *name, const Routine ***out, int *n_out)
{
    CatObjList list;
    *n_out = 0;
    TRY(catalog_all_of_name(ctx, arena, schema, name, OBJ_ROUTINE, &list));
    return list.count > 0 ? unpack_list(ctx, arena, &list, out, n_out) : QN_OK;
}

Status
catalog_all_routines(Ctx *ctx, Arena *arena, const Routine ***out, int *n_out)
{
    CatObjList list;
    TRY(catalog_all(ctx, arena, OBJ_ROUTINE, &list));
    return unpack_list(ctx, arena, &list, out, n_out);
}

Status
catalog_routine(Ctx *ctx, Arena *arena, Oid oid, const Routine **out)
{
    CatObj *o = oid >= OID_FIRST_USER ? catalog_get(ctx, oid) : NULL;
    *out = NULL;
    if (o == NULL) return QN_OK;
    Status st = o->kind == OBJ_ROUTINE ? unpack(ctx, arena, o, out) : QN_OK;
    catobj_unref(o);
    return st;
}

bool
catalog_routine_is_visible(Ctx *ctx, const Routine *r)
{
    Oid *path;
    int n;
    if (catalog_search_path(ctx, ctx->stmt_arena, true, &path, &n) != QN_OK) return false;
    for (int i = 0; i < n; i++) {
        const Routine **list;
        int count;
        if (path[i] == r->schema_oid) return true;
        if (catalog_routines(ctx, ctx->stmt_arena, path[i], r->fn.name, &list, &count) != QN_OK) return false;
        for (int k = 0; k < count; k++) /* one of an earlier schema hides it */
            if (list[k]->fn.nargs == r->fn.nargs &&
                memcmp(list[k]->args, r->args, sizeof(Oid) * (size_t)r->fn.nargs) == 0)
                return false;
    }
    return false;
}

Status
ddl_put_routine(Ctx *ctx, const Routine *r)
{
    CatObj *o;
    TRY(catobj_from_routine(ctx, r, &o));
    return catalog_put(ctx, o);
}
