/* sys_ts.c - the relations of text search: parsers, templates, dictionaries, configurations. */
#include "catalog/systable.h"
#include "types/ts.h"

enum { OID_PARSER = 3722, OID_TEMPLATE_SIMPLE = 3727, OID_TEMPLATE_SNOWBALL = 13150, OID_TEMPLATE_PAIRS = 13700 };

Status
sys_pg_ts_parser(Ctx *ctx, SysRows *r)
{
    (void)ctx;
    TRY(sys_row(r));
    sys_oid(r, OID_PARSER);
    sys_text(r, "default");
    sys_oid(r, OID_PG_CATALOG);
    for (int i = 0; i < 5; i++) sys_oid(r, 0);
    return QN_OK;
}

Status
sys_pg_ts_template(Ctx *ctx, SysRows *r)
{
    static const struct {
        Oid oid;
        const char *name;
    } templates[] = {{OID_TEMPLATE_SIMPLE, "simple"}, {OID_TEMPLATE_SNOWBALL, "snowball"}, {OID_TEMPLATE_PAIRS, "pairs"}};
    (void)ctx;
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
        TRY(sys_row(r));
        sys_oid(r, templates[i].oid);
        sys_text(r, templates[i].name);
        sys_oid(r, OID_PG_CATALOG);
        sys_oid(r, 0);
        sys_oid(r, 0);
    }
    return QN_OK;
}

Status
sys_pg_ts_dict(Ctx *ctx, SysRows *r)
{
    const TsDict *d;
    (void)ctx;
    for (int i = 0; (d = ts_dict_at(i)) != NULL; i++) {
        const char *options = NULL;
        if (d->language != NULL)
            options = arena_printf(sys_arena(r), d->has_stopwords ? "language = '%s', stopwords = '%s'" : "language = '%s'", d->language, d->language);
        TRY(sys_row(r));
        sys_oid(r, d->oid);
        sys_text(r, d->name);
        sys_oid(r, OID_PG_CATALOG);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
        sys_oid(r, d->is_korean ? OID_TEMPLATE_PAIRS : d->language != NULL ? OID_TEMPLATE_SNOWBALL : OID_TEMPLATE_SIMPLE);
        sys_text(r, options);
    }
    return QN_OK;
}

Status
sys_pg_ts_config(Ctx *ctx, SysRows *r)
{
    const TsConfig *c;
    (void)ctx;
    for (int i = 0; (c = ts_config_at(i)) != NULL; i++) {
        TRY(sys_row(r));
        sys_oid(r, c->oid);
        sys_text(r, c->name);
        sys_oid(r, OID_PG_CATALOG);
        sys_oid(r, OID_BOOTSTRAP_ROLE);
        sys_oid(r, OID_PARSER);
    }
    return QN_OK;
}

Status
sys_pg_ts_config_map(Ctx *ctx, SysRows *r)
{
    const TsConfig *c;
    (void)ctx;
    for (int i = 0; (c = ts_config_at(i)) != NULL; i++)
        for (int t = 1; t < TSTOK_COUNT; t++) {
            const TsDict *d = ts_config_dict(c, (TsToken)t);
            if (d == NULL) continue;
            TRY(sys_row(r));
            sys_oid(r, c->oid);
            sys_int4(r, t);
            sys_int4(r, 1);
            sys_oid(r, d->oid);
        }
    return QN_OK;
}
