/* ddl_collation.c - CREATE COLLATION: of locales that order by bytes, there being no others; ALTER COLLATION ... REFRESH VERSION. */
#include "session/ddl_object.h"

/* A collation being made. */
typedef struct CollWork {
    const char *locale, *collate, *ctype, *provider;
    const AstList *from;
    bool deterministic, has_deterministic;
} CollWork;

static Status
read_option(Ddl *d, CollWork *w, const DefElem *e)
{
    static const char *const names[] = {"from", "locale", "lc_collate", "lc_ctype", "provider", "version"};
    const char *version;
    const char **to[] = {NULL, &w->locale, &w->collate, &w->ctype, &w->provider, &version};
    if (strcmp(e->name, "deterministic") == 0) {
        if (w->has_deterministic) return err_position(d->ctx, RAISE(d->ctx, ERR_SYNTAX_ERROR, "conflicting or redundant options"), e->loc);
        w->has_deterministic = true;
        return option_bool(d->ctx, e, &w->deterministic);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], e->name) != 0) continue;
        if (i == 0) return ddl_opt_names(d, e, &w->from);
        if (*to[i] != NULL && i != 5) return err_position(d->ctx, RAISE(d->ctx, ERR_SYNTAX_ERROR, "conflicting or redundant options"), e->loc);
        return ddl_opt_text(d, e, to[i]);
    }
    return err_position(d->ctx, RAISE(d->ctx, ERR_SYNTAX_ERROR, "collation attribute \"%s\" not recognized", e->name), e->loc);
}

/* What FROM copies. */
static Status
copy_from(Ddl *d, CollWork *w)
{
    Oid oid;
    const Definition *def;
    TRY(ddl_find_collation(d, w->from, 0, &oid));
    const Collation *c = collation_by_oid(oid);
    if (oid == OID_COLLATION_DEFAULT) return RAISE(d->ctx, ERR_INVALID_OBJECT_DEFINITION, "collation \"default\" cannot be copied");
    if (c != NULL) {
        w->collate = w->ctype = c->locale;
        return QN_OK;
    }
    TRY(catalog_definition(d->ctx, d->arena, oid, &def));
    w->collate = def->texts[COL_COLLATE];
    w->ctype = def->texts[COL_CTYPE];
    w->deterministic = def->nums[COL_DETERMINISTIC] != 0;
    return QN_OK;
}

static Status
settle_locale(Ddl *d, CollWork *w)
{
    Ctx *ctx = d->ctx;
    bool is_icu = w->provider != NULL && ascii_casecmp(w->provider, "icu") == 0;
    if (w->provider != NULL && !is_icu && ascii_casecmp(w->provider, "libc") != 0)
        return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "unrecognized collation provider: %s", w->provider);
    if (w->locale != NULL && (w->collate != NULL || w->ctype != NULL))
        return err_detail(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "conflicting or redundant options"),
                          "LOCALE cannot be specified together with LC_COLLATE or LC_CTYPE.");
    if (w->locale != NULL) w->collate = w->ctype = w->locale;
    if (is_icu) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "ICU is not supported in this build");
    if (w->collate == NULL) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "parameter \"lc_collate\" must be specified");
    if (w->ctype == NULL) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "parameter \"lc_ctype\" must be specified");
    if (w->has_deterministic && !w->deterministic)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "nondeterministic collations not supported with this provider");
    const char *bad = !collation_is_bytes(w->collate) ? w->collate : !collation_is_bytes(w->ctype) ? w->ctype : NULL;
    if (bad == NULL) return QN_OK;
    return err_detail(ctx, RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "could not create locale \"%s\": No such file or directory", bad),
                      "The operating system could not find any locale data for the locale name \"%s\".", bad);
}

Status
ddl_run_create_collation(Ddl *d, const DefineStmt *s)
{
    Ctx *ctx = d->ctx;
    CollWork w = {.deterministic = true};
    Definition def = {.kind = DEF_COLLATION};
    const Definition **same;
    int n;
    TRY(ddl_routine_target(d, &s->name, &def.schema_oid, &def.name));
    for (int i = 0; i < s->definition.count; i++) TRY(read_option(d, &w, AST_AS(DefElem, s->definition.items[i])));
    if (w.from != NULL && s->definition.count > 1)
        return err_detail(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "conflicting or redundant options"),
                          "FROM cannot be specified together with any other options.");
    TRY(w.from != NULL ? copy_from(d, &w) : settle_locale(d, &w));
    TRY(ddl_lock_name(ctx, def.schema_oid, def.name));
    TRY(catalog_definitions(ctx, d->arena, def.schema_oid, def.name, DEF_COLLATION, &same, &n));
    if (n > 0) {
        if (!s->if_not_exists)
            return RAISE(ctx, ERR_DUPLICATE_OBJECT, "collation \"%s\" for encoding \"UTF8\" already exists", def.name);
        ctx_notice(ctx, "NOTICE", ERR_DUPLICATE_OBJECT, "collation \"%s\" for encoding \"UTF8\" already exists, skipping", def.name);
        return QN_OK;
    }
    const int64_t nums[COL_COUNT] = {'c', w.deterministic, INVALID_OID};
    const char *texts[COL_NTEXTS] = {w.collate, w.ctype, NULL};
    def.nums = nums;
    def.nnums = COL_COUNT;
    def.texts = texts;
    def.ntexts = COL_NTEXTS;
    return ddl_put_definition(ctx, &def);
}
