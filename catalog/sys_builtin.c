/* sys_builtin.c - generators over the built-in tables: types, functions, operators, casts, settings, and what there is one of. */
#include "catalog/collation.h"
#include "catalog/definition.h"
#include "catalog/routine.h"
#include "catalog/systable.h"
#include "common/settings.h"
#include "storage/db.h"
#include "storage/index.h"
#include "types/agg_user.h"
#include "types/opclass.h"

enum { ENCODING_UTF8 = 6, OID_TABLESPACE = 1663 };

/* Relations of which nothing exists yet. */
Status
sys_none(Ctx *ctx, SysRows *r)
{
    (void)ctx, (void)r;
    return QN_OK;
}

static const char *
oid_array(SysRows *r, const Oid *items, int n)
{
    StrBuf b = strbuf_new(sys_arena(r));
    strbuf_addc(&b, '{');
    for (int i = 0; i < n; i++) strbuf_addf(&b, "%s%u", i > 0 ? "," : "", items[i]);
    strbuf_addc(&b, '}');
    return b.failed ? NULL : b.data;
}

static void
proc_columns(SysRows *r, Oid oid, const char *name, char kind, uint32_t flags, int nargs, int ndefaults,
             const Oid *args, Oid result, const char *src)
{
    bool variadic = (flags & FN_VARIADIC) != 0 && nargs > 0;
    sys_oid(r, oid);
    sys_text(r, name);
    sys_oid(r, OID_PG_CATALOG);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_oid(r, OID_LANGUAGE_INTERNAL);
    sys_float4(r, 1);
    sys_float4(r, (flags & FN_SRF) != 0 ? 1000 : 0);
    sys_oid(r, variadic ? TYPE_ANY : 0);
    sys_oid(r, 0);
    sys_char(r, kind);
    sys_bool(r, false);
    sys_bool(r, (flags & FN_LEAKPROOF) != 0);
    sys_bool(r, (flags & FN_STRICT) != 0);
    sys_bool(r, (flags & FN_SRF) != 0);
    sys_char(r, flags & FN_IMMUTABLE ? 'i' : flags & FN_STABLE ? 's' : 'v');
    sys_char(r, 's');
    sys_int2(r, nargs);
    sys_int2(r, ndefaults);
    sys_oid(r, result);
    sys_array(r, oid_array(r, args, nargs));
    sys_skip(r, 5);
    sys_text(r, src);
    sys_skip(r, 4);
}

/* "{i,o}", "{a,NULL}": one item a parameter, of those that is asked for; NULL when there is nothing to tell. */
static const char *
param_array(SysRows *r, const Routine *f, char what)
{
    StrBuf b = strbuf_new(sys_arena(r));
    bool any = false;
    for (int i = 0; i < f->nparams; i++) {
        const RoutineParam *p = &f->params[i];
        any |= what == 'n' ? p->name != NULL : p->mode != 'i' && (what == 'm' || p->mode != 'v');
        strbuf_addc(&b, i > 0 ? ',' : '{');
        if (what == 't') strbuf_addf(&b, "%u", p->type);
        if (what == 'm') strbuf_addc(&b, p->mode);
        if (what == 'n') strbuf_addf(&b, "\"%s\"", p->name != NULL ? p->name : "");
    }
    strbuf_addc(&b, '}');
    return b.failed || !any ? NULL : b.data;
}

static void
put_array(SysRows *r, const char *text)
{
    if (text == NULL)
        sys_null(r);
    else
        sys_array(r, text);
}

static const char *
config_array(SysRows *r, const Routine *f)
{
    StrBuf b = strbuf_new(sys_arena(r));
    if (f->nconfig == 0) return NULL;
    for (int i = 0; i + 1 < f->nconfig; i += 2)
        strbuf_addf(&b, "%c\"%s=%s\"", i > 0 ? ',' : '{', f->config[i], f->config[i + 1]);
    strbuf_addc(&b, '}');
    return b.failed ? NULL : b.data;
}

static Oid
variadic_type(const Routine *f)
{
    for (int i = 0; i < f->nparams; i++) {
        if (f->params[i].mode != 'v') continue;
        const TypeInfo *t = type_info(f->params[i].type);
        return t->oid == TYPE_ANYARRAY ? TYPE_ANYELEMENT : t->elem_oid != 0 ? t->elem_oid : TYPE_ANY;
    }
    return INVALID_OID;
}

static void
routine_columns(SysRows *r, const Routine *f)
{
    bool is_sql_body = f->is_atomic;
    sys_oid(r, f->fn.oid);
    sys_text(r, f->fn.name);
    sys_oid(r, f->schema_oid);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_oid(r, f->language->oid);
    sys_float4(r, f->cost);
    sys_float4(r, f->rows);
    sys_oid(r, variadic_type(f));
    sys_oid(r, 0);
    sys_char(r, f->kind);
    sys_bool(r, f->security_definer);
    sys_bool(r, f->leakproof);
    sys_bool(r, f->strict);
    sys_bool(r, f->returns_set);
    sys_char(r, f->volatility);
    sys_char(r, f->parallel);
    sys_int2(r, f->fn.nargs);
    sys_int2(r, f->fn.ndefaults);
    sys_oid(r, f->fn.result);
    sys_array(r, oid_array(r, f->args, f->fn.nargs));
    const char *modes = param_array(r, f, 'm');
    put_array(r, modes != NULL ? param_array(r, f, 't') : NULL);
    put_array(r, modes);
    put_array(r, param_array(r, f, 'n'));
    StrBuf defaults = strbuf_new(sys_arena(r));
    for (int i = 0; i < f->nparams; i++)
        if (f->params[i].default_sql != NULL)
            strbuf_addf(&defaults, "%s%s", defaults.nbytes > 0 ? ", " : "", f->params[i].default_sql);
    sys_text(r, defaults.nbytes > 0 && !defaults.failed ? defaults.data : NULL);
    sys_null(r);
    sys_text(r, is_sql_body ? "" : f->body);
    sys_null(r);
    sys_text(r, is_sql_body ? f->body : NULL);
    put_array(r, config_array(r, f));
    sys_null(r);
}

Status
sys_pg_proc(Ctx *ctx, SysRows *r)
{
    const Routine **routines;
    int n;
    TRY(catalog_all_routines(ctx, sys_arena(r), &routines, &n));
    for (int i = 0; i < n; i++) {
        TRY(sys_row(r));
        routine_columns(r, routines[i]);
    }
    for (int i = 0; i < fn_count(); i++) {
        const Function *f = fn_at(i);
        TRY(sys_row(r));
        proc_columns(r, f->oid, f->name, 'f', f->flags, f->nargs, f->ndefaults, f->args, f->result, f->src);
    }
    for (int i = 0; i < agg_count(); i++) {
        const Aggregate *a = agg_at(i);
        TRY(sys_row(r));
        proc_columns(r, a->oid, a->name, 'a', (a->flags & FN_VARIADIC) | FN_IMMUTABLE, a->nargs, 0, a->args,
                     a->result, "aggregate_dummy");
    }
    for (int i = 0; i < winfn_count(); i++) {
        const WindowFn *w = winfn_at(i);
        TRY(sys_row(r));
        proc_columns(r, w->oid, w->name, 'w', FN_IMMUTABLE, w->nargs, 0, w->args, w->result, w->name);
    }
    return QN_OK;
}

static void
parts_columns(SysRows *r, Oid oid, char kind, const AggParts *p)
{
    const Oid fns[] = {p->step, p->final, p->combine, p->serial, p->deserial, p->moving_step, p->moving_inverse, p->moving_final};
    sys_oid(r, oid);
    sys_char(r, kind);
    sys_int2(r, p->ndirect);
    for (size_t k = 0; k < sizeof(fns) / sizeof(fns[0]); k++) sys_oid(r, fns[k]);
    sys_bool(r, p->final_extra);
    sys_bool(r, p->moving_final_extra);
    sys_char(r, p->final_modify);
    sys_char(r, p->moving_final_modify);
    sys_oid(r, p->sort_op);
    sys_oid(r, p->state_type);
    sys_int4(r, p->state_space);
    sys_oid(r, p->moving_state_type);
    sys_int4(r, p->moving_state_space);
    if (p->init != NULL) sys_text(r, p->init); else sys_null(r);
    if (p->moving_init != NULL) sys_text(r, p->moving_init); else sys_null(r);
}

Status
sys_pg_aggregate(Ctx *ctx, SysRows *r)
{
    const Routine **list;
    int n;
    for (int i = 0; i < agg_count(); i++) {
        const AggParts *p = agg_parts(agg_at(i)->oid);
        if (p == NULL) continue;
        TRY(sys_row(r));
        parts_columns(r, agg_at(i)->oid, agg_at(i)->kind, p);
    }
    TRY(catalog_all_routines(ctx, sys_arena(r), &list, &n));
    for (int i = 0; i < n; i++) {
        if (list[i]->kind != ROUTINE_AGGREGATE) continue;
        TRY(sys_row(r));
        parts_columns(r, list[i]->fn.oid, list[i]->agg_kind, list[i]->parts);
    }
    return QN_OK;
}

static void
operator_columns(SysRows *r, const Operator *o, Oid schema, const int64_t *nums)
{
    sys_oid(r, o->oid);
    sys_text(r, o->name);
    sys_oid(r, schema);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_char(r, o->left != 0 ? 'b' : 'l');
    sys_bool(r, nums != NULL ? nums[OPR_MERGES] != 0 : o->can_merge);
    sys_bool(r, nums != NULL ? nums[OPR_HASHES] != 0 : o->can_hash);
    sys_oid(r, o->left);
    sys_oid(r, o->right);
    sys_oid(r, o->result);
    sys_oid(r, nums != NULL ? (Oid)nums[OPR_COMMUTATOR] : o->commutator);
    sys_oid(r, nums != NULL ? (Oid)nums[OPR_NEGATOR] : o->negator);
    sys_oid(r, o->function);
    sys_oid(r, nums != NULL ? (Oid)nums[OPR_RESTRICT] : 0);
    sys_oid(r, nums != NULL ? (Oid)nums[OPR_JOIN] : 0);
}

Status
sys_pg_operator(Ctx *ctx, SysRows *r)
{
    const Definition **list;
    int n;
    for (int i = 0; i < op_count(); i++) {
        TRY(sys_row(r));
        operator_columns(r, op_at(i), OID_PG_CATALOG, NULL);
    }
    TRY(catalog_all_definitions(ctx, sys_arena(r), DEF_OPERATOR, &list, &n));
    for (int i = 0; i < n; i++) {
        const Operator *o;
        TRY(def_operator(ctx, sys_arena(r), list[i], &o));
        TRY(sys_row(r));
        operator_columns(r, o, list[i]->schema_oid, list[i]->nums);
    }
    return QN_OK;
}

Status
sys_pg_cast(Ctx *ctx, SysRows *r)
{
    const Definition **list;
    int n;
    for (int i = 0; i < cast_count(); i++) {
        const Cast *c = cast_at(i);
        TRY(sys_row(r));
        sys_oid(r, (Oid)(10000 + i));
        sys_oid(r, c->source);
        sys_oid(r, c->target);
        sys_oid(r, c->function);
        sys_char(r, (char)c->context);
        sys_char(r, (char)c->method);
    }
    TRY(catalog_all_definitions(ctx, sys_arena(r), DEF_CAST, &list, &n));
    for (int i = 0; i < n; i++) {
        const int64_t *v = list[i]->nums;
        TRY(sys_row(r));
        sys_oid(r, list[i]->oid);
        for (int k = CST_SOURCE; k <= CST_FUNCTION; k++) sys_oid(r, (Oid)v[k]);
        sys_char(r, (char)v[CST_CONTEXT]);
        sys_char(r, (char)v[CST_METHOD]);
    }
    return QN_OK;
}

/* pg_statistic_ext */
Status
sys_pg_statistic_ext(Ctx *ctx, SysRows *r)
{
    const Definition **list;
    int n;
    TRY(catalog_all_definitions(ctx, sys_arena(r), DEF_STATISTICS, &list, &n));
    for (int i = 0; i < n; i++) {
        const Definition *d = list[i];
        StrBuf keys = strbuf_new(sys_arena(r)), kinds = strbuf_new(sys_arena(r)), exprs = strbuf_new(sys_arena(r));
        for (int k = STX_COUNT; k < d->nnums; k++) strbuf_addf(&keys, "%s%d", k > STX_COUNT ? " " : "", (int)d->nums[k]);
        for (const char *p = d->texts[STX_KINDS]; *p != '\0'; p++) strbuf_addf(&kinds, "%c%c", p > d->texts[STX_KINDS] ? ',' : '{', *p);
        strbuf_addc(&kinds, '}');
        for (int k = STX_NTEXTS; k < d->ntexts; k++) strbuf_addf(&exprs, "%s%s", k > STX_NTEXTS ? ", " : "", d->texts[k]);
        TRY(sys_row(r));
        sys_oid(r, d->oid);
        sys_oid(r, d->parent);
        sys_text(r, d->name);
        sys_oid(r, d->schema_oid);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
        sys_int4(r, (int)d->nums[STX_TARGET]);
        put_array(r, keys.failed ? NULL : d->nnums > STX_COUNT ? keys.data : "");
        put_array(r, kinds.failed ? NULL : kinds.data);
        if (d->ntexts > STX_NTEXTS) sys_text(r, exprs.failed ? NULL : exprs.data); else sys_null(r);
    }
    return QN_OK;
}

Status
sys_pg_am(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    for (int i = -1; i < INDEX_KIND_COUNT; i++) {
        const IndexKindInfo *k = i >= 0 ? index_kind_info((IndexKind)i) : NULL;
        TRY(sys_row(r));
        sys_oid(r, k != NULL ? k->oid : 2);
        sys_text(r, k != NULL ? k->name : "heap");
        sys_oid(r, 0);
        sys_char(r, k != NULL ? 'i' : 't');
    }
    return QN_OK;
}

Status
sys_pg_opclass(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    for (int i = 0; i < opclass_count; i++) {
        const OpClass *c = &opclasses[i];
        TRY(sys_row(r));
        sys_oid(r, c->oid);
        sys_oid(r, c->method);
        sys_text(r, c->name);
        sys_oid(r, OID_PG_CATALOG);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
        sys_oid(r, c->family);
        sys_oid(r, c->type);
        sys_bool(r, c->is_default);
        sys_oid(r, 0);
    }
    return QN_OK;
}

/* A family is in the table with each of its classes. */
static bool
is_first_of_family(int i)
{
    for (int k = 0; k < i; k++)
        if (opclasses[k].family == opclasses[i].family) return false;
    return true;
}

Status
sys_pg_opfamily(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    for (int i = 0; i < opclass_count; i++) {
        if (!is_first_of_family(i)) continue;
        TRY(sys_row(r));
        sys_oid(r, opclasses[i].family);
        sys_oid(r, opclasses[i].method);
        sys_text(r, opclasses[i].family_name);
        sys_oid(r, OID_PG_CATALOG);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
    }
    return QN_OK;
}

Status
sys_pg_database(Ctx *ctx, SysRows *r)
{
    const char *name;
    TRY(catalog_database_name(ctx, sys_arena(r), &name));
    TRY(sys_row(r));
    sys_oid(r, DATABASE_OID);
    sys_text(r, name);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_int4(r, ENCODING_UTF8);
    sys_char(r, 'c');
    sys_bool(r, false);
    sys_bool(r, true);
    sys_int4(r, -1);
    sys_oid(r, 0);
    sys_oid(r, 0);
    sys_oid(r, OID_TABLESPACE);
    sys_text(r, "C.UTF-8");
    sys_text(r, "C.UTF-8");
    sys_skip(r, 3);
    return QN_OK;
}

Status
sys_pg_tablespace(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    TRY(sys_row(r));
    sys_oid(r, OID_TABLESPACE);
    sys_text(r, "pg_default");
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_skip(r, 2);
    return QN_OK;
}

static void
collation_columns(SysRows *r, Oid oid, const char *name, Oid schema, char provider, bool deterministic, int encoding,
                  const char *collate, const char *ctype)
{
    sys_oid(r, oid);
    sys_text(r, name);
    sys_oid(r, schema);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_char(r, provider);
    sys_bool(r, deterministic);
    sys_int4(r, encoding);
    sys_text(r, collate);
    sys_text(r, ctype);
    sys_skip(r, 2);
}

Status
sys_pg_collation(Ctx *ctx, SysRows *r)
{
    const Definition **list;
    int n;
    for (int i = 0; collation_at(i) != NULL; i++) {
        const Collation *c = collation_at(i);
        TRY(sys_row(r));
        collation_columns(r, c->oid, c->name, OID_PG_CATALOG, c->provider, true, c->encoding, c->locale, c->locale);
    }
    TRY(catalog_all_definitions(ctx, sys_arena(r), DEF_COLLATION, &list, &n));
    for (int i = 0; i < n; i++) {
        const Definition *d = list[i];
        TRY(sys_row(r));
        collation_columns(r, d->oid, d->name, d->schema_oid, (char)d->nums[COL_PROVIDER], d->nums[COL_DETERMINISTIC] != 0, ENCODING_UTF8,
                          d->texts[COL_COLLATE], d->texts[COL_CTYPE]);
    }
    return QN_OK;
}

Status
sys_pg_language(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    for (int k = 0; language_at(k) != NULL; k++) {
        TRY(sys_row(r));
        sys_oid(r, language_at(k)->oid);
        sys_text(r, language_at(k)->name);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
        sys_bool(r, false);
        sys_bool(r, language_at(k)->is_inlined);
        for (int i = 0; i < 3; i++) sys_oid(r, 0);
        sys_null(r);
    }
    return QN_OK;
}

Status
sys_pg_roles(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    TRY(sys_row(r));
    sys_text(r, CATALOG_ROLE_NAME);
    for (int i = 0; i < 6; i++) sys_bool(r, true);
    sys_int4(r, -1);
    sys_text(r, "********");
    sys_null(r);
    sys_bool(r, true);
    sys_null(r);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    return QN_OK;
}

Status
sys_pg_authid(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    TRY(sys_row(r));
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    sys_text(r, CATALOG_ROLE_NAME);
    for (int i = 0; i < 7; i++) sys_bool(r, true);
    sys_int4(r, -1);
    sys_skip(r, 2);
    return QN_OK;
}

Status
sys_pg_user(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    TRY(sys_row(r));
    sys_text(r, CATALOG_ROLE_NAME);
    sys_oid(r, OID_BOOTSTRAP_ROLE);
    for (int i = 0; i < 4; i++) sys_bool(r, true);
    sys_text(r, "********");
    sys_skip(r, 2);
    return QN_OK;
}

/* "{a,b}" of an enum setting's options. */
static const char *
option_array(SysRows *r, const SettingInfo *info)
{
    StrBuf b = strbuf_new(sys_arena(r));
    const char *o;
    if (info->kind != SETTING_KIND_ENUM) return NULL;
    strbuf_addc(&b, '{');
    for (int i = 0; (o = setting_option(sys_arena(r), info, i)) != NULL; i++)
        strbuf_addf(&b, "%s\"%s\"", i > 0 ? "," : "", o);
    strbuf_addc(&b, '}');
    return b.failed ? NULL : b.data;
}

Status
sys_pg_settings(Ctx *ctx, SysRows *r)
{
    static const char *const types[] = {"bool", "integer", "real", "string", "enum"};
    static const char *const contexts[] = {"user", "postmaster", "internal"};
    Arena *arena = sys_arena(r);
    for (int i = 0; i < setting_count(); i++) {
        const SettingInfo *info = setting_at(i);
        const char *now, *boot;
        bool is_number = info->kind == SETTING_KIND_INT || info->kind == SETTING_KIND_REAL;
        TRY(setting_format(ctx, arena, info, setting_get(ctx->settings, info), true, &now));
        TRY(setting_format(ctx, arena, info, info->dflt, true, &boot));
        TRY(sys_row(r));
        sys_text(r, info->name);
        sys_text(r, now);
        sys_text(r, setting_unit_name(info->unit));
        sys_text(r, "Quern");
        sys_text(r, info->doc);
        sys_null(r);
        sys_text(r, contexts[info->context]);
        sys_text(r, types[info->kind]);
        sys_text(r, strcmp(now, boot) == 0 ? "default" : "session");
        if (is_number) sys_printf(r, "%.15g", info->min);
        else sys_null(r);
        if (is_number) sys_printf(r, "%.15g", info->max);
        else sys_null(r);
        sys_array(r, option_array(r, info));
        sys_text(r, boot);
        sys_text(r, boot);
        sys_skip(r, 2);
        sys_bool(r, false);
    }
    return QN_OK;
}
