/* describe_fn.c - SQL functions that describe functions, and those with which dumps and drivers ask about what there is little of. */
#include "catalog/catalog_priv.h"
#include "catalog/define.h"
#include "catalog/partition.h"
#include "catalog/routine.h"
#include "common/array.h"
#include "parser/deparse.h"
#include "parser/keyword.h"
#include "types/array.h"
#include "types/kernel.h"
#include "types/ts.h"
#include <stdio.h>

enum { ENCODING_UTF8 = 6 };

static Status
put_buf(KernelCall *call, int row, StrBuf *b)
{
    char *text;
    size_t n;
    TRY(strbuf_finish(call->ctx, b, &text, &n));
    OUT(call, Str, row) = str_make(text, n);
    return QN_OK;
}

/* ---- arguments and results ---- */

/* What pg_proc has a row of, told the same way whichever table it is from. */
typedef struct Signature {
    int nparams;
    const char *const *names; /* NULL, or of each parameter */
    const Oid *types;
    const char *modes; /* NULL: all in */
    const char *const *defaults;
    Oid result;
    bool returns_set, is_procedure, returns_table;
} Signature;

static Status
routine_signature(Ctx *ctx, Arena *arena, const Routine *f, Signature *out)
{
    const char **names, **defaults;
    Oid *types;
    char *modes;
    TRY_ALLOC(ctx, names, ARENA_ARRAY(arena, const char *, f->nparams + 1));
    TRY_ALLOC(ctx, defaults, ARENA_ARRAY(arena, const char *, f->nparams + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(arena, Oid, f->nparams + 1));
    TRY_ALLOC(ctx, modes, ARENA_ARRAY(arena, char, f->nparams + 1));
    *out = (Signature){f->nparams, names, types, modes, defaults, f->fn.result, f->returns_set, f->kind == ROUTINE_PROCEDURE, false};
    for (int i = 0; i < f->nparams; i++) {
        names[i] = f->params[i].name;
        types[i] = f->params[i].type;
        modes[i] = f->params[i].mode;
        defaults[i] = f->params[i].default_sql;
        out->returns_table |= modes[i] == 't';
    }
    return QN_OK;
}

static Status
builtin_signature(Ctx *ctx, Arena *arena, const Function *f, Signature *out)
{
    const FnArgs *args = fn_args(f->oid);
    char *modes;
    TRY_ALLOC(ctx, modes, ARENA_ARRAY(arena, char, f->nargs + 1));
    memset(modes, 'i', (size_t)f->nargs);
    if ((f->flags & FN_VARIADIC) != 0 && f->nargs > 0) modes[f->nargs - 1] = 'v';
    *out = (Signature){.nparams = f->nargs, .types = f->args, .modes = modes, .result = f->result, .returns_set = (f->flags & FN_SRF) != 0};
    if (args != NULL) out->names = args->names;
    return QN_OK;
}

/* *found_out false: the oid is no function's. */
static Status
find_signature(Ctx *ctx, Arena *arena, Oid oid, Signature *out, bool *found_out)
{
    const Function *f = fn_by_oid(oid);
    const Aggregate *a;
    const WindowFn *w;
    *found_out = true;
    if (f != NULL) return builtin_signature(ctx, arena, f, out);
    if ((a = agg_by_oid(oid)) != NULL) {
        *out = (Signature){.nparams = a->nargs, .types = a->args, .result = a->result};
        return QN_OK;
    }
    if ((w = winfn_by_oid(oid)) != NULL) {
        *out = (Signature){.nparams = w->nargs, .types = w->args, .result = w->result};
        return QN_OK;
    }
    const Routine *r = NULL;
    if (oid >= OID_FIRST_USER) TRY(catalog_routine(ctx, arena, oid, &r));
    if (r != NULL) return routine_signature(ctx, arena, r, out);
    *found_out = false;
    return QN_OK;
}

static Status
add_type(Ctx *ctx, Arena *arena, StrBuf *b, Oid type)
{
    const char *text;
    TRY(type_format(ctx, arena, type, -1, &text));
    strbuf_addz(b, text);
    return QN_OK;
}

/* The parameters of a call, or (table) the columns of TABLE. identity: as in DROP FUNCTION, without defaults. */
static Status
add_parameters(Ctx *ctx, Arena *arena, StrBuf *b, const Signature *s, bool table, bool identity)
{
    const char *comma = "";
    for (int i = 0; i < s->nparams; i++) {
        char mode = s->modes != NULL ? s->modes[i] : 'i';
        if ((mode == 't') != table) continue;
        strbuf_addz(b, comma);
        comma = ", ";
        if (mode == 'o') strbuf_addz(b, "OUT ");
        if (mode == 'b') strbuf_addz(b, "INOUT ");
        if (mode == 'v') strbuf_addz(b, "VARIADIC ");
        if (mode == 'i' && s->is_procedure) strbuf_addz(b, "IN ");
        if (s->names != NULL && s->names[i] != NULL && s->names[i][0] != '\0') {
            deparse_ident(b, s->names[i]);
            strbuf_addc(b, ' ');
        }
        TRY(add_type(ctx, arena, b, s->types[i]));
        if (!identity && s->defaults != NULL && s->defaults[i] != NULL) {
            const char *text;
            TRY(define_default(ctx, arena, s->defaults[i], s->types[i], &text));
            strbuf_addf(b, " DEFAULT %s", text);
        }
    }
    return QN_OK;
}

static Status
add_result(Ctx *ctx, Arena *arena, StrBuf *b, const Signature *s)
{
    if (s->returns_table) {
        strbuf_addz(b, "TABLE(");
        TRY(add_parameters(ctx, arena, b, s, true, false));
        strbuf_addc(b, ')');
        return QN_OK;
    }
    if (s->returns_set) strbuf_addz(b, "SETOF ");
    return add_type(ctx, arena, b, s->result);
}

typedef enum SignaturePart { PART_ARGUMENTS, PART_IDENTITY, PART_RESULT } SignaturePart;

static Status
signature_part(KernelCall *call, SignaturePart part)
{
    ROWS(call, i) {
        Signature s;
        bool found;
        StrBuf b = strbuf_new(call->arena);
        TRY(find_signature(call->ctx, call->arena, (Oid)ARG(call, 0, int32_t, i), &s, &found));
        if (!found || (part == PART_RESULT && s.is_procedure)) {
            out_set_null(call, i);
            continue;
        }
        if (part == PART_RESULT)
            TRY(add_result(call->ctx, call->arena, &b, &s));
        else
            TRY(add_parameters(call->ctx, call->arena, &b, &s, false, part == PART_IDENTITY));
        TRY(put_buf(call, i, &b));
    }
    return QN_OK;
}

Status
fn_pg_get_function_arguments(KernelCall *call)
{
    return signature_part(call, PART_ARGUMENTS);
}

Status
fn_pg_get_function_identity_arguments(KernelCall *call)
{
    return signature_part(call, PART_IDENTITY);
}

Status
fn_pg_get_function_result(KernelCall *call)
{
    return signature_part(call, PART_RESULT);
}

/* ---- CREATE FUNCTION ---- */

/* The line between LANGUAGE and the body: what differs from what is taken when nothing is said. */
static void
add_properties(StrBuf *b, const Routine *f)
{
    size_t before = b->nbytes;
    if (f->volatility == 'i') strbuf_addz(b, " IMMUTABLE");
    if (f->volatility == 's') strbuf_addz(b, " STABLE");
    if (f->parallel == 's') strbuf_addz(b, " PARALLEL SAFE");
    if (f->parallel == 'r') strbuf_addz(b, " PARALLEL RESTRICTED");
    if (f->strict) strbuf_addz(b, " STRICT");
    if (f->security_definer) strbuf_addz(b, " SECURITY DEFINER");
    if (f->leakproof) strbuf_addz(b, " LEAKPROOF");
    if (f->cost != 100) strbuf_addf(b, " COST %g", f->cost);
    if (f->returns_set && f->rows != 1000) strbuf_addf(b, " ROWS %g", f->rows);
    if (b->nbytes > before) strbuf_addc(b, '\n');
    for (int i = 0; i + 1 < f->nconfig; i += 2) strbuf_addf(b, " SET %s TO '%s'\n", f->config[i], f->config[i + 1]);
}

/* $function$body$function$, with as many x as it takes for the mark not to be in the body. */
static void
add_dollar_body(StrBuf *b, const char *body, bool is_procedure)
{
    char mark[64];
    snprintf(mark, sizeof(mark), "$%s", is_procedure ? "procedure" : "function");
    while (strstr(body, mark) != NULL && strlen(mark) < sizeof(mark) - 3) strcat(mark, "x");
    strbuf_addf(b, "AS %s$%s%s$\n", mark, body, mark);
}

static Status
add_definition(Ctx *ctx, Arena *arena, StrBuf *b, const Routine *f)
{
    Signature s;
    TRY(routine_signature(ctx, arena, f, &s));
    strbuf_addf(b, "CREATE OR REPLACE %s ", s.is_procedure ? "PROCEDURE" : "FUNCTION");
    deparse_ident(b, f->schema);
    strbuf_addc(b, '.');
    deparse_ident(b, f->fn.name);
    strbuf_addc(b, '(');
    TRY(add_parameters(ctx, arena, b, &s, false, false));
    strbuf_addz(b, ")\n");
    if (!s.is_procedure) {
        strbuf_addz(b, " RETURNS ");
        TRY(add_result(ctx, arena, b, &s));
        strbuf_addc(b, '\n');
    }
    strbuf_addf(b, " LANGUAGE %s\n", f->language->name);
    add_properties(b, f);
    if (f->is_atomic)
        strbuf_addf(b, "%s\n", f->body);
    else
        add_dollar_body(b, f->body, s.is_procedure);
    return QN_OK;
}

Status
fn_pg_get_functiondef(KernelCall *call)
{
    ROWS(call, i) {
        const Routine *f = NULL;
        Oid oid = (Oid)ARG(call, 0, int32_t, i);
        StrBuf b = strbuf_new(call->arena);
        if (agg_by_oid(oid) != NULL)
            return RAISE(call->ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is an aggregate function", agg_by_oid(oid)->name);
        if (oid >= OID_FIRST_USER) TRY(catalog_routine(call->ctx, call->arena, oid, &f));
        if (f == NULL) { /* built-in ones have no text of their own */
            out_set_null(call, i);
            continue;
        }
        TRY(add_definition(call->ctx, call->arena, &b, f));
        TRY(put_buf(call, i, &b));
    }
    return QN_OK;
}

/* ---- what there is one of, or none ---- */

Status
fn_PG_encoding_to_char(KernelCall *call)
{
    ROWS(call, i) {
        const char *name = ARG(call, 0, int32_t, i) == ENCODING_UTF8 ? "UTF8" : ARG(call, 0, int32_t, i) == 0 ? "SQL_ASCII" : "";
        OUT(call, Str, i) = str_make(name, strlen(name));
    }
    return QN_OK;
}

Status
fn_PG_char_to_encoding(KernelCall *call)
{
    ROWS(call, i) {
        Str s = ARG(call, 0, Str, i);
        bool is_utf8 = (s.len == 4 && ascii_ncasecmp(str_data(&s), "utf8", 4) == 0) || (s.len == 5 && ascii_ncasecmp(str_data(&s), "utf-8", 5) == 0);
        OUT(call, int32_t, i) = is_utf8 ? ENCODING_UTF8 : -1;
    }
    return QN_OK;
}

Status
fn_pg_is_in_recovery(KernelCall *call)
{
    ROWS(call, i) OUT(call, uint8_t, i) = false;
    return QN_OK;
}

/* Both tablespaces are the database's own place. */
Status
fn_pg_tablespace_location(KernelCall *call)
{
    ROWS(call, i) OUT(call, Str, i) = str_make("", 0);
    return QN_OK;
}

/* An operator of the system's is always seen; pg_catalog is first in every path. */
Status
fn_pg_operator_is_visible(KernelCall *call)
{
    ROWS(call, i) {
        if (op_by_oid((Oid)ARG(call, 0, int32_t, i)) == NULL)
            out_set_null(call, i);
        else
            OUT(call, uint8_t, i) = true;
    }
    return QN_OK;
}

/* The built-in configurations and dictionaries are all in pg_catalog. */
#define TS_VISIBLE_FN(NAME, FIND)                                                                  \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS(call, i) {                                                                            \
            if (FIND((Oid)ARG(call, 0, int32_t, i)) == NULL)                                       \
                out_set_null(call, i);                                                             \
            else                                                                                   \
                OUT(call, uint8_t, i) = true;                                                      \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
TS_VISIBLE_FN(pg_ts_config_is_visible, ts_config_by_oid)
TS_VISIBLE_FN(pg_ts_dict_is_visible, ts_dict_by_oid)

/* Of kinds of objects that do not exist: NULL, as for any oid that is none. */
#define NONE_FN(NAME)                                                                              \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS(call, i) out_set_null(call, i);                                                       \
        return QN_OK;                                                                              \
    }
NONE_FN(pg_get_triggerdef)
NONE_FN(pg_get_triggerdef_ext)
NONE_FN(pg_get_ruledef)
NONE_FN(pg_get_ruledef_ext)
NONE_FN(pg_get_statisticsobjdef)
NONE_FN(pg_get_statisticsobjdef_columns)
NONE_FN(pg_statistics_obj_is_visible)
NONE_FN(pg_conversion_is_visible)
NONE_FN(shobj_description)

/* The primary key, unless REPLICA IDENTITY would say otherwise. */
Status
fn_pg_get_replica_identity_index(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(call->ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel == NULL || rel->primary == NULL)
            out_set_null(call, i);
        else
            OUT(call, int32_t, i) = (int32_t)rel->primary->oid;
    }
    return QN_OK;
}

/* ---- sets ---- */

typedef struct Countdown {
    int next;
} Countdown;

Status
srf_pg_get_keywords_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    (void)args, (void)nargs, (void)arg_types;
    TRY_ALLOC(ctx, *state_out, ARENA_NEW(arena, Countdown));
    return QN_OK;
}

const char *const srf_pg_get_keywords_names[] = {"word", "catcode", "barelabel", "catdesc", "baredesc"};
const Oid srf_pg_get_keywords_types[] = {TYPE_TEXT, TYPE_CHAR, TYPE_BOOL, TYPE_TEXT, TYPE_TEXT};

static void
put_str(Vector *v, int row, const char *text)
{
    ((Str *)v->data)[row] = str_make(text, strlen(text));
}

Status
srf_pg_get_keywords_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    static const char *const codes[] = {"U", "C", "T", "R"};
    static const char *const texts[] = {"unreserved", "unreserved (cannot be function or type name)", "reserved (can be function or type name)",
                                        "reserved"};
    Countdown *c = state;
    const Keyword *k;
    int n = 0;
    (void)ctx, (void)arena;
    for (; n < BATCH_ROWS && (k = keyword_at(c->next)) != NULL; c->next++, n++) {
        put_str(out[0], n, k->text);
        put_str(out[1], n, codes[k->class]);
        ((uint8_t *)out[2]->data)[n] = k->is_bare_label;
        put_str(out[3], n, texts[k->class]);
        put_str(out[4], n, k->is_bare_label ? "can be bare label" : "requires AS");
    }
    *n_out = n;
    return QN_OK;
}

/* Relations in order, handed out as rows. */
typedef struct RelationList {
    ARRAY(const Relation *) items;
    int next;
} RelationList;

static bool
takes_part(const Relation *rel)
{
    return rel != NULL && (rel->partition_key != NULL || relation_bound(rel) != NULL);
}

const char *const srf_pg_partition_ancestors_names[] = {"relid"};
const Oid srf_pg_partition_ancestors_types[] = {TYPE_REGCLASS};

Status
srf_pg_partition_ancestors_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    RelationList *l;
    const Relation *rel = NULL;
    (void)nargs, (void)arg_types;
    TRY_ALLOC(ctx, l, ARENA_NEW(arena, RelationList));
    *state_out = l;
    if (!args[0].is_null) TRY(catalog_relation_by_oid(ctx, (Oid)args[0].i32, &rel));
    if (!takes_part(rel)) return QN_OK;
    for (;;) {
        TRY(array_push(ctx, arena, &l->items, rel));
        if (relation_bound(rel) == NULL) return QN_OK;
        TRY(catalog_relation_by_oid(ctx, rel->parents[0]->parent_oid, &rel));
    }
}

Status
srf_pg_partition_ancestors_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    RelationList *l = state;
    int n = 0;
    (void)ctx, (void)arena;
    for (; n < BATCH_ROWS && l->next < l->items.count; n++) ((int32_t *)out[0]->data)[n] = (int32_t)l->items.items[l->next++]->oid;
    *n_out = n;
    return QN_OK;
}

typedef struct OptionList {
    ARRAY(Str) items;
    int next;
} OptionList;

const char *const srf_pg_options_to_table_names[] = {"option_name", "option_value"};
const Oid srf_pg_options_to_table_types[] = {TYPE_TEXT, TYPE_TEXT};

Status
srf_pg_options_to_table_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    OptionList *l;
    (void)nargs, (void)arg_types;
    TRY_ALLOC(ctx, l, ARENA_NEW(arena, OptionList));
    *state_out = l;
    if (args[0].is_null) return QN_OK;
    ArrayView a;
    array_view(&args[0].str, &a);
    for (uint32_t i = 0; i < a.nelems; i++) {
        Str s;
        Value v = array_element(&a, i);
        if (array_is_null(&a, i)) continue;
        TRY(str_copy(ctx, arena, str_data(&v.str), v.str.len, &s));
        TRY(array_push(ctx, arena, &l->items, s));
    }
    return QN_OK;
}

/* "name=value"; without the sign the value is NULL. */
Status
srf_pg_options_to_table_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    OptionList *l = state;
    int n = 0;
    for (; n < BATCH_ROWS && l->next < l->items.count; n++) {
        const Str *s = &l->items.items[l->next++];
        const char *p = str_data(s), *eq = memchr(p, '=', s->len);
        size_t name = eq != NULL ? (size_t)(eq - p) : s->len;
        TRY(str_copy(ctx, arena, p, name, &((Str *)out[0]->data)[n]));
        if (eq == NULL)
            vec_set_null(out[1], n);
        else
            TRY(str_copy(ctx, arena, eq + 1, s->len - name - 1, &((Str *)out[1]->data)[n]));
    }
    *n_out = n;
    return QN_OK;
}

/* ---- privileges: there is one role, which holds all of them ---- */

/* The default privileges of a kind of object, as acl items: to everyone, then to the owner. */
static const struct {
    char kind;
    const char *everyone, *owner;
} default_acls[] = {{'r', NULL, "arwdDxt"}, {'s', NULL, "rwU"}, {'d', "Tc", "CTc"}, {'f', "X", "X"}, {'l', "U", "U"},  {'L', NULL, "rw"},
                    {'n', NULL, "UC"},      {'p', NULL, "sA"},  {'t', NULL, "C"},  {'F', NULL, "U"}, {'S', NULL, "U"}, {'T', "U", "U"}};

Status
fn_acldefault_sql(KernelCall *call)
{
    ROWS(call, i) {
        Str kind = ARG(call, 0, Str, i);
        ArrayBuilder b = array_builder(call->arena, TYPE_TEXT);
        for (size_t k = 0; k < sizeof(default_acls) / sizeof(default_acls[0]); k++) {
            char text[64];
            Str s;
            Value v;
            if (kind.len != 1 || default_acls[k].kind != *str_data(&kind)) continue;
            if (default_acls[k].everyone != NULL) {
                int n = snprintf(text, sizeof(text), "=%s/%s", default_acls[k].everyone, CATALOG_ROLE_NAME);
                TRY(str_copy(call->ctx, call->arena, text, (size_t)n, &s));
                v = value_str(TYPE_TEXT, s);
                TRY(array_add(call->ctx, &b, &v));
            }
            int n = snprintf(text, sizeof(text), "%s=%s/%s", CATALOG_ROLE_NAME, default_acls[k].owner, CATALOG_ROLE_NAME);
            TRY(str_copy(call->ctx, call->arena, text, (size_t)n, &s));
            v = value_str(TYPE_TEXT, s);
            TRY(array_add(call->ctx, &b, &v));
        }
        TRY(array_finish_1d(call->ctx, &b, &OUT(call, Str, i)));
    }
    return QN_OK;
}

static Status
holds_all(KernelCall *call)
{
    ROWS(call, i) OUT(call, uint8_t, i) = true;
    return QN_OK;
}

/* A relation named by text must exist (42P01). */
Status
fn_has_table_privilege_name(KernelCall *call)
{
    int at = call->nargs - 2;
    ROWS(call, i) {
        Str s = ARG(call, at, Str, i);
        Oid oid;
        TRY(catalog_regclass(call->ctx, call->arena, str_data(&s), s.len, false, &oid));
    }
    return holds_all(call);
}

Status
fn_has_table_privilege_name_name(KernelCall *call)
{
    return fn_has_table_privilege_name(call);
}

#define HOLDS_ALL(NAME)                                                                            \
    Status fn_##NAME(KernelCall *call) { return holds_all(call); }
HOLDS_ALL(has_table_privilege_id)
HOLDS_ALL(has_schema_privilege_name)
HOLDS_ALL(has_schema_privilege_id)
HOLDS_ALL(has_schema_privilege_name_name)
HOLDS_ALL(has_database_privilege_name)
HOLDS_ALL(has_database_privilege_id)
HOLDS_ALL(has_database_privilege_name_name)
HOLDS_ALL(pg_has_role_name)
HOLDS_ALL(pg_has_role_id)

/* Ordinary and partitioned tables that outlive the session. */
Status
fn_pg_relation_is_publishable(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(call->ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel == NULL)
            out_set_null(call, i);
        else
            OUT(call, uint8_t, i) =
                rel->systable == NULL && rel->persistence == 'p' && (rel->kind == RELKIND_TABLE || rel->kind == RELKIND_PARTITIONED);
    }
    return QN_OK;
}

/* The body of a function written with RETURN or BEGIN ATOMIC. */
Status
fn_pg_get_function_sqlbody(KernelCall *call)
{
    ROWS(call, i) {
        const Routine *f = NULL;
        Oid oid = (Oid)ARG(call, 0, int32_t, i);
        if (oid >= OID_FIRST_USER) TRY(catalog_routine(call->ctx, call->arena, oid, &f));
        if (f == NULL || !f->is_atomic)
            out_set_null(call, i);
        else
            OUT(call, Str, i) = str_make(f->body, strlen(f->body));
    }
    return QN_OK;
}
