/* regtypes.c - regclass, regtype, regnamespace, regproc: oids that read and print as names. */
#include "catalog/catalog_priv.h"
#include "catalog/collation.h"
#include "catalog/definition.h"
#include "catalog/routine.h"
#include "parser/deparse.h"
#include "types/kernel.h"
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

/* ---- with arguments: regprocedure, regoperator ---- */

enum { SIGNATURE_ARGS_MAX = 100 };

/* name(type, type): what stands before the parenthesis, and the types; NONE is 0. */
typedef struct Signature {
    const char *name;
    size_t name_bytes;
    Oid args[SIGNATURE_ARGS_MAX];
    int nargs;
} Signature;

static Status
type_by_text(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid *out)
{
    Value v;
    while (nbytes > 0 && ascii_is_space(*text)) text++, nbytes--;
    while (nbytes > 0 && ascii_is_space(text[nbytes - 1])) nbytes--;
    *out = INVALID_OID;
    if (nbytes == 4 && ascii_casecmp(arena_strndup(arena, text, nbytes), "none") == 0) return QN_OK;
    TRY(regtype_in(ctx, arena, text, nbytes, TYPE_REGTYPE, -1, &v));
    *out = (Oid)v.i32;
    return QN_OK;
}

static Status
read_signature(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Signature *out)
{
    const char *open = memchr(text, '(', nbytes), *end = text + nbytes;
    *out = (Signature){.name = text};
    if (open == NULL) return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "expected a left parenthesis");
    while (end > open && ascii_is_space(end[-1])) end--;
    if (end[-1] != ')') return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "expected a right parenthesis");
    end--;
    out->name_bytes = (size_t)(open - text);
    while (out->name_bytes > 0 && ascii_is_space(text[out->name_bytes - 1])) out->name_bytes--;
    const char *p = open + 1;
    while (p < end && ascii_is_space(*p)) p++;
    for (int depth = 0; p < end;) {
        const char *from = p;
        for (; p < end && (depth > 0 || *p != ','); p++) depth += (*p == '(') - (*p == ')');
        if (out->nargs == SIGNATURE_ARGS_MAX) return RAISE(ctx, ERR_TOO_MANY_ARGUMENTS, "too many arguments");
        TRY(type_by_text(ctx, arena, from, (size_t)(p - from), &out->args[out->nargs++]));
        if (p < end && ++p == end) return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "expected a type name");
    }
    return QN_OK;
}

static bool
same_args(const Signature *s, const Oid *args, int nargs)
{
    return s->nargs == nargs && memcmp(s->args, args, sizeof(Oid) * (size_t)nargs) == 0;
}

static Oid
builtin_routine(const Signature *s, const char *name)
{
    int n;
    const Function *const *fns = fn_by_name(name, &n);
    for (int i = 0; fns != NULL && i < n; i++)
        if (same_args(s, fns[i]->args, fns[i]->nargs)) return fns[i]->oid;
    const Aggregate *const *aggs = agg_by_name(name, &n);
    for (int i = 0; aggs != NULL && i < n; i++)
        if (same_args(s, aggs[i]->args, aggs[i]->nargs)) return aggs[i]->oid;
    const WindowFn *const *wins = winfn_by_name(name, &n);
    for (int i = 0; wins != NULL && i < n; i++)
        if (same_args(s, wins[i]->args, wins[i]->nargs)) return wins[i]->oid;
    return INVALID_OID;
}

/* The schemas to look in: the one named, or the path. */
static Status
schemas_of(Ctx *ctx, Arena *arena, const char *schema, Oid **path, int *npath)
{
    if (schema == NULL && ctx->catalog != NULL) return catalog_search_path(ctx, arena, true, path, npath);
    TRY_ALLOC(ctx, *path, ARENA_ARRAY(arena, Oid, 1));
    (*path)[0] = schema != NULL && ctx->catalog != NULL ? catalog_schema_oid(ctx, schema) : OID_PG_CATALOG;
    *npath = 1;
    return QN_OK;
}

Status
regprocedure_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    bool done;
    Signature s;
    const char *names[3];
    Oid *path, found = INVALID_OID;
    int n, npath;
    (void)typmod;
    TRY(number_in(ctx, text, nbytes, type, out, &done));
    if (done) return QN_OK;
    TRY(read_signature(ctx, arena, text, nbytes, &s));
    TRY(split_names(ctx, arena, s.name, s.name_bytes, names, &n));
    TRY(schemas_of(ctx, arena, n > 1 ? names[n - 2] : NULL, &path, &npath));
    for (int i = 0; i < npath && found == INVALID_OID; i++) {
        const Routine **list;
        int count = 0;
        if (path[i] == OID_PG_CATALOG) found = builtin_routine(&s, names[n - 1]);
        else if (ctx->catalog != NULL) TRY(catalog_routines(ctx, arena, path[i], names[n - 1], &list, &count));
        for (int k = 0; k < count; k++)
            if (same_args(&s, list[k]->args, list[k]->fn.nargs)) found = list[k]->fn.oid;
    }
    if (found == INVALID_OID) return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "function \"%.*s\" does not exist", (int)nbytes, text);
    out->i32 = (int32_t)found;
    return QN_OK;
}

static Status
add_args(Ctx *ctx, StrBuf *b, const Oid *args, int nargs)
{
    strbuf_addc(b, '(');
    for (int i = 0; i < nargs; i++) {
        const char *text = "NONE";
        if (args[i] != INVALID_OID) TRY(type_format(ctx, ctx->stmt_arena, args[i], -1, &text));
        strbuf_addf(b, "%s%s", i > 0 ? "," : "", text);
    }
    strbuf_addc(b, ')');
    return QN_OK;
}

static bool
on_path(Ctx *ctx, const char *schema)
{
    Oid *path, oid = ctx->catalog != NULL ? catalog_schema_oid(ctx, schema) : INVALID_OID;
    int n;
    if (ctx->catalog == NULL || catalog_search_path(ctx, ctx->stmt_arena, true, &path, &n) != QN_OK) return true;
    for (int i = 0; i < n; i++)
        if (path[i] == oid) return true;
    return false;
}

Status
regprocedure_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    RoutineName r;
    TRY(routine_name(ctx, (Oid)value->i32, &r));
    if (r.name == NULL) {
        put_oid(b, (Oid)value->i32);
        return QN_OK;
    }
    if (!on_path(ctx, r.schema)) {
        deparse_ident(b, r.schema);
        strbuf_addc(b, '.');
    }
    deparse_ident(b, r.name);
    return add_args(ctx, b, r.args, r.nargs);
}

/* ---- operators ---- */

/* Operators of a name, in a schema or along the path; args NULL: all of them. How many, and one of them. */
static Status
find_operators(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, const Signature *s, NamedRoutines *out)
{
    const char *dot = memchr(text, '.', nbytes), *name, *names[3] = {NULL};
    Oid *path;
    int n = 0, npath;
    *out = (NamedRoutines){0};
    if (dot != NULL) TRY(split_names(ctx, arena, text, (size_t)(dot - text), names, &n));
    const char *from = dot != NULL ? dot + 1 : text;
    TRY_ALLOC(ctx, name, arena_strndup(arena, from, (size_t)(text + nbytes - from)));
    if (strcmp(name, "!=") == 0) name = "<>";
    TRY(schemas_of(ctx, arena, names[0], &path, &npath));
    for (int i = 0; i < npath; i++) {
        const Definition **list;
        int count = 0;
        const Operator *const *ops = path[i] == OID_PG_CATALOG ? op_by_name(name, &count) : NULL;
        for (int k = 0; ops != NULL && k < count; k++) {
            if (s != NULL && !same_args(s, &ops[k]->left, 2)) continue;
            out->oid = ops[k]->oid;
            out->n++;
        }
        count = 0;
        if (path[i] != OID_PG_CATALOG && catalog_has_definitions(ctx, DEF_OPERATOR))
            TRY(catalog_definitions(ctx, arena, path[i], name, DEF_OPERATOR, &list, &count));
        for (int k = 0; k < count; k++) {
            const Oid args[2] = {(Oid)list[k]->nums[OPR_LEFT], (Oid)list[k]->nums[OPR_RIGHT]};
            if (s != NULL && !same_args(s, args, 2)) continue;
            out->oid = list[k]->oid;
            out->n++;
        }
    }
    return QN_OK;
}

Status
regoper_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    bool done;
    NamedRoutines found;
    (void)typmod;
    *out = (Value){.type = type, .phys = PHYS_I32};
    if (nbytes == 1 && text[0] == '0') return QN_OK; /* "-" is an operator here */
    if (nbytes != 1 || text[0] != '-') {
        TRY(number_in(ctx, text, nbytes, type, out, &done));
        if (done) return QN_OK;
    }
    TRY(find_operators(ctx, arena, text, nbytes, NULL, &found));
    if (found.n == 0) return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "operator does not exist: %.*s", (int)nbytes, text);
    if (found.n > 1) return RAISE(ctx, ERR_AMBIGUOUS_FUNCTION, "more than one operator named %.*s", (int)nbytes, text);
    out->i32 = (int32_t)found.oid;
    return QN_OK;
}

Status
regoperator_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    bool done;
    Signature s;
    NamedRoutines found;
    (void)typmod;
    *out = (Value){.type = type, .phys = PHYS_I32};
    TRY(number_in(ctx, text, nbytes, type, out, &done));
    if (done) return QN_OK;
    TRY(read_signature(ctx, arena, text, nbytes, &s));
    if (s.nargs == 1)
        return err_hint(ctx, RAISE(ctx, ERR_UNDEFINED_PARAMETER, "missing argument"), "Use NONE to denote the missing argument of a unary operator.");
    if (s.nargs > 2) return RAISE(ctx, ERR_TOO_MANY_ARGUMENTS, "too many arguments");
    TRY(find_operators(ctx, arena, s.name, s.name_bytes, &s, &found));
    if (found.n == 0) return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "operator does not exist: %.*s", (int)nbytes, text);
    out->i32 = (int32_t)found.oid;
    return QN_OK;
}

static Status
operator_out(Ctx *ctx, StrBuf *b, Oid oid, bool with_args)
{
    const Operator *op = op_by_oid(oid);
    const Definition *def = NULL;
    const char *schema = "pg_catalog";
    if (op == NULL && ctx->catalog != NULL) TRY(catalog_definition(ctx, ctx->stmt_arena, oid, &def));
    if (def != NULL && def->kind == DEF_OPERATOR) {
        TRY(def_operator(ctx, ctx->stmt_arena, def, &op));
        schema = catalog_schema_name(ctx, def->schema_oid);
    }
    if (op == NULL) {
        if (oid == INVALID_OID) strbuf_addc(b, '0');
        else strbuf_addf(b, "%u", oid);
        return QN_OK;
    }
    NamedRoutines found = {.n = 1};
    if (!with_args) TRY(find_operators(ctx, ctx->stmt_arena, op->name, strlen(op->name), NULL, &found));
    if (found.n != 1 || !on_path(ctx, schema)) {
        deparse_ident(b, schema);
        strbuf_addc(b, '.');
    }
    strbuf_addz(b, op->name);
    return with_args ? add_args(ctx, b, (const Oid[]){op->left, op->right}, 2) : QN_OK;
}

Status
regoper_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    return operator_out(ctx, b, (Oid)value->i32, false);
}

Status
regoperator_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    return operator_out(ctx, b, (Oid)value->i32, true);
}

/* ---- roles and collations ---- */

Status
regrole_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    bool done;
    const char *names[3];
    int n;
    (void)typmod;
    TRY(number_in(ctx, text, nbytes, type, out, &done));
    if (done) return QN_OK;
    TRY(split_names(ctx, arena, text, nbytes, names, &n));
    if (n > 1) return RAISE(ctx, ERR_INVALID_NAME, "invalid name syntax");
    if (strcmp(names[0], CATALOG_ROLE_NAME) != 0) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "role \"%s\" does not exist", names[0]);
    out->i32 = OID_BOOTSTRAP_ROLE;
    return QN_OK;
}

Status
regrole_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    (void)ctx;
    if ((Oid)value->i32 == OID_BOOTSTRAP_ROLE) deparse_ident(b, CATALOG_ROLE_NAME);
    else put_oid(b, (Oid)value->i32);
    return QN_OK;
}

Status
regcollation_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out)
{
    bool done;
    const char *names[3];
    int n;
    Oid oid;
    (void)typmod;
    TRY(number_in(ctx, text, nbytes, type, out, &done));
    if (done) return QN_OK;
    TRY(need_catalog(ctx));
    TRY(split_names(ctx, arena, text, nbytes, names, &n));
    TRY(catalog_find_collation(ctx, arena, n > 1 ? names[n - 2] : NULL, names[n - 1], &oid));
    if (oid == INVALID_OID)
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "collation \"%s\" for encoding \"UTF8\" does not exist", names[n - 1]);
    out->i32 = (int32_t)oid;
    return QN_OK;
}

Status
regcollation_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    const char *name = NULL;
    if (ctx->catalog != NULL) TRY(catalog_collation_name(ctx, ctx->stmt_arena, (Oid)value->i32, &name));
    if (name != NULL) strbuf_addz(b, name);
    else put_oid(b, (Oid)value->i32);
    return QN_OK;
}

/* ---- to_regproc and the like ---- */

/* As the cast from text, but NULL where there is no such object (or more than one). */
Status
fn_to_reg(KernelCall *call)
{
    static const Status absent[] = {ERR_UNDEFINED_FUNCTION, ERR_AMBIGUOUS_FUNCTION, ERR_UNDEFINED_OBJECT, ERR_INVALID_SCHEMA_NAME,
                                    ERR_UNDEFINED_TABLE};
    ROWS(call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        Value v;
        bool is_absent = false;
        Status st = value_in(call->ctx, call->arena, str_data(s), s->len, call->fn->result, -1, &v);
        for (size_t k = 0; k < sizeof(absent) / sizeof(absent[0]); k++) is_absent |= st == absent[k];
        /* A type among the arguments has to be there. */
        bool has_args = call->fn->result == TYPE_REGPROCEDURE || call->fn->result == TYPE_REGOPERATOR;
        if (is_absent && !(has_args && st == ERR_UNDEFINED_OBJECT)) {
            err_clear(&call->ctx->err);
            out_set_null(call, i);
            continue;
        }
        TRY(st);
        vec_put(call->out, i, &v);
    }
    return QN_OK;
}
