/* regtypes.c - regclass, regtype, regnamespace, regproc: oids that read and print as names. */
#include "catalog/catalog_priv.h"
#include "catalog/definition.h"
#include "catalog/routine.h"
#include "parser/deparse.h"
#include "types/function.h"
#include "types/type_io.h"

static bool
is_number(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!ascii_is_digit(p[i])) return false;
    return n > 0;
}

/* Digits, or "-" for none. */
static Status
number_in(Ctx *ctx, const char *text, size_t nbytes, Oid type, Value *out, bool *done_out)
{
    uint64_t v = 0;
    *done_out = false;
    *out = (Value){.type = type, .phys = PHYS_I32};
    if (nbytes == 1 && text[0] == '-') {
        *done_out = true;
        return QN_OK;
    }
    if (!is_number(text, nbytes)) return QN_OK;
    for (size_t i = 0; i < nbytes && v <= UINT32_MAX; i++) v = v * 10 + (uint64_t)(text[i] - '0');
    if (v > UINT32_MAX)
        return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value \"%.*s\" is out of range for type oid",
                     (int)nbytes, text);
    out->i32 = (int32_t)(uint32_t)v;
    *done_out = true;
    return QN_OK;
}

/* Splits a.b with PostgreSQL's rules for quotes and case. */
static Status
split_names(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, const char **names, int *n_out)
{
    const char *p = text, *end = text + nbytes;
    int n = 0;
    for (;;) {
        char *name, *q;
        TRY_ALLOC(ctx, name, arena_alloc(arena, nbytes + 1));
        q = name;
        while (p < end && ascii_is_space(*p)) p++;
        if (p < end && *p == '"') {
            for (p++; p < end; p++) {
                if (*p == '"' && (p + 1 == end || p[1] != '"')) break;
                if (*p == '"') p++;
                *q++ = *p;
            }
            if (p == end) return RAISE(ctx, ERR_INVALID_NAME, "invalid name syntax");
            p++;
        } else {
            while (p < end && *p != '.' && !ascii_is_space(*p)) *q++ = ascii_lower(*p++);
        }
        *q = '\0';
        if (q == name || n == 3) return RAISE(ctx, ERR_INVALID_NAME, "invalid name syntax");
        names[n++] = name;
        while (p < end && ascii_is_space(*p)) p++;
        if (p == end) break;
        if (*p++ != '.') return RAISE(ctx, ERR_INVALID_NAME, "invalid name syntax");
    }
    *n_out = n;
    return QN_OK;
}

Status
catalog_regclass(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, bool missing_ok, Oid *out)
{
    const char *names[3];
    int n;
    const Relation *rel;
    TRY(split_names(ctx, arena, text, nbytes, names, &n));
    const char *schema = n > 1 ? names[n - 2] : NULL;
    if (missing_ok)
        TRY(catalog_relation(ctx, schema, names[n - 1], &rel));
    else
        TRY(catalog_relation_required(ctx, schema, names[n - 1], 0, &rel));
    *out = rel != NULL ? rel->oid : INVALID_OID;
    return QN_OK;
}

static Status
need_catalog(Ctx *ctx)
{
    if (ctx->catalog == NULL) return RAISE_INTERNAL(ctx, "there is no catalog to look names up in");
    return QN_OK;
}

Status
regclass_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    bool done;
    Oid oid;
    (void)typmod;
    TRY(number_in(ctx, text, nbytes, type, out, &done));
    if (done) return QN_OK;
    TRY(need_catalog(ctx));
    TRY(catalog_regclass(ctx, arena, text, nbytes, false, &oid));
    out->i32 = (int32_t)oid;
    return QN_OK;
}

static void
put_oid(StrBuf *b, Oid oid)
{
    if (oid == INVALID_OID)
        strbuf_addc(b, '-');
    else
        strbuf_addf(b, "%u", oid);
}

Status
regclass_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    Oid oid = (Oid)value->i32;
    const Relation *rel = NULL;
    if (oid != INVALID_OID && ctx->catalog != NULL) TRY(catalog_relation_by_oid(ctx, oid, &rel));
    if (rel == NULL) {
        put_oid(b, oid);
        return QN_OK;
    }
    if (!catalog_relation_is_visible(ctx, oid)) {
        deparse_ident(b, rel->schema);
        strbuf_addc(b, '.');
    }
    deparse_ident(b, rel->name);
    return QN_OK;
}

Status
regnamespace_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
                Value *out)
{
    bool done;
    const char *names[3];
    int n;
    (void)typmod;
    TRY(number_in(ctx, text, nbytes, type, out, &done));
    if (done) return QN_OK;
    TRY(need_catalog(ctx));
    TRY(split_names(ctx, arena, text, nbytes, names, &n));
    Oid oid = n == 1 ? catalog_schema_oid(ctx, names[0]) : INVALID_OID;
    if (oid == INVALID_OID)
        return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", names[0]);
    out->i32 = (int32_t)oid;
    return QN_OK;
}

Status
regnamespace_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    Oid oid = (Oid)value->i32;
    const char *name = oid != INVALID_OID && ctx->catalog != NULL ? catalog_schema_name(ctx, oid) : NULL;
    if (name != NULL)
        deparse_ident(b, name);
    else
        put_oid(b, oid);
    return QN_OK;
}

/* By typname or by the name SQL gives it: int4, integer, character varying, integer[]. */
static Oid
find_type(const char *name)
{
    const TypeInfo *t = type_by_name(name);
    for (int i = 0; t == NULL && i < type_count(); i++)
        if (strcmp(type_at(i)->sql_name, name) == 0) t = type_at(i);
    static const struct { const char *alias; Oid type; } aliases[] = {
        {"int", TYPE_INT4}, {"decimal", TYPE_NUMERIC}, {"float", TYPE_FLOAT8}, {"dec", TYPE_NUMERIC},
        {"timestamp", TYPE_TIMESTAMP}, {"time", TYPE_TIME}, {"char", TYPE_BPCHAR}};
    for (size_t i = 0; t == NULL && i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strcmp(aliases[i].alias, name) == 0) return aliases[i].type;
    return t != NULL ? t->oid : INVALID_OID;
}

/* A type of the catalog, or with [] behind it its array. */
static Status
find_stored_type(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid *out)
{
    const char *names[3];
    int n;
    bool array = nbytes > 2 && memcmp(text + nbytes - 2, "[]", 2) == 0;
    TRY(split_names(ctx, arena, text, array ? nbytes - 2 : nbytes, names, &n));
    *out = catalog_type_by_name(ctx, n > 1 ? names[n - 2] : NULL, names[n - 1]);
    const TypeInfo *t = type_info(*out);
    if (array) *out = t != NULL ? t->array_oid : INVALID_OID;
    return QN_OK;
}

Status
regtype_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    bool done;
    char *name;
    (void)typmod;
    TRY(number_in(ctx, text, nbytes, type, out, &done));
    if (done) return QN_OK;
    TRY_ALLOC(ctx, name, arena_strndup(arena, text, nbytes));
    for (char *p = name; *p != '\0'; p++) *p = ascii_lower(*p);
    const char *bare = strncmp(name, "pg_catalog.", 11) == 0 ? name + 11 : name;
    Oid oid = find_type(bare);
    if (oid == INVALID_OID && ctx->catalog != NULL) TRY(find_stored_type(ctx, arena, text, nbytes, &oid));
    if (oid == INVALID_OID) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "type \"%s\" does not exist", bare);
    out->i32 = (int32_t)oid;
    return QN_OK;
}

Status
regtype_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    Oid oid = (Oid)value->i32;
    TRY(catalog_type_load(ctx, oid));
    const TypeInfo *t = type_info(oid);
    if (t == NULL)
        put_oid(b, oid);
    else if (t->format != NULL)
        return t->format(ctx, t, b);
    else
        strbuf_addz(b, t->sql_name);
    return QN_OK;
}

/* ---- functions ---- */

/* Functions, aggregates and window functions of a name along the path, or in a schema: how many, and one of them. */
typedef struct NamedRoutines {
    int n;
    Oid oid;
} NamedRoutines;

static void
add_builtin(const char *name, NamedRoutines *out)
{
    int n;
    const Function *const *fns = fn_by_name(name, &n);
    if (fns != NULL) out->oid = fns[0]->oid, out->n += n;
    const Aggregate *const *aggs = agg_by_name(name, &n);
    if (aggs != NULL) out->oid = aggs[0]->oid, out->n += n;
    const WindowFn *const *wins = winfn_by_name(name, &n);
    if (wins != NULL) out->oid = wins[0]->oid, out->n += n;
}

/* As many are there as the first schema that has any has. */
static Status
find_routines(Ctx *ctx, Arena *arena, const char *schema, const char *name, NamedRoutines *out)
{
    Oid *path, one = OID_PG_CATALOG;
    int npath = 1;
    *out = (NamedRoutines){0};
    path = &one;
    if (schema != NULL && ctx->catalog != NULL) one = catalog_schema_oid(ctx, schema);
    if (schema == NULL && ctx->catalog != NULL) TRY(catalog_search_path(ctx, arena, true, &path, &npath));
    for (int i = 0; i < npath; i++) {
        const Routine **list;
        int n = 0;
        if (path[i] == OID_PG_CATALOG) add_builtin(name, out);
        else if (ctx->catalog != NULL) TRY(catalog_routines(ctx, arena, path[i], name, &list, &n));
        if (n > 0) out->oid = list[0]->fn.oid, out->n += n;
    }
    return QN_OK;
}

static Status
routine_by_name(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, bool missing_ok, Oid *out)
{
    const char *names[3];
    int n;
    NamedRoutines found;
    *out = INVALID_OID;
    TRY(split_names(ctx, arena, text, nbytes, names, &n));
    TRY(find_routines(ctx, arena, n > 1 ? names[n - 2] : NULL, names[n - 1], &found));
    if (found.n == 1) *out = found.oid;
    if (found.n == 1 || missing_ok) return QN_OK;
    if (found.n > 1) return RAISE(ctx, ERR_AMBIGUOUS_FUNCTION, "more than one function named \"%s\"", names[n - 1]);
    return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "function \"%.*s\" does not exist", (int)nbytes, text);
}

Status
regproc_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    bool done;
    Oid oid;
    (void)typmod;
    TRY(number_in(ctx, text, nbytes, type, out, &done));
    if (done) return QN_OK;
    TRY(routine_by_name(ctx, arena, text, nbytes, false, &oid));
    out->i32 = (int32_t)oid;
    return QN_OK;
}

/* The name and argument types of a function, aggregate or window function; NULL name: there is none. */
typedef struct RoutineName {
    const char *schema, *name;
    const Oid *args;
    int nargs;
} RoutineName;

static Status
routine_name(Ctx *ctx, Oid oid, RoutineName *out)
{
    const Function *fn = fn_by_oid(oid);
    const Aggregate *agg = agg_by_oid(oid);
    const WindowFn *win = winfn_by_oid(oid);
    const Routine *r = NULL;
    *out = (RoutineName){.schema = "pg_catalog"};
    if (fn == NULL && ctx->catalog != NULL) TRY(catalog_routine(ctx, ctx->stmt_arena, oid, &r));
    if (r != NULL) *out = (RoutineName){r->schema, r->fn.name, r->args, r->fn.nargs};
    else if (fn != NULL) *out = (RoutineName){"pg_catalog", fn->name, fn->args, fn->nargs};
    else if (agg != NULL) *out = (RoutineName){"pg_catalog", agg->name, agg->args, agg->nargs};
    else if (win != NULL) *out = (RoutineName){"pg_catalog", win->name, win->args, win->nargs};
    return QN_OK;
}

Status
regproc_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    RoutineName r;
    NamedRoutines found;
    TRY(routine_name(ctx, (Oid)value->i32, &r));
    if (r.name == NULL) {
        put_oid(b, (Oid)value->i32);
        return QN_OK;
    }
    TRY(find_routines(ctx, ctx->stmt_arena, NULL, r.name, &found));
    if (found.n != 1 || found.oid != (Oid)value->i32) { /* the bare name would not find it */
        deparse_ident(b, r.schema);
        strbuf_addc(b, '.');
    }
    deparse_ident(b, r.name);
    return QN_OK;
}
