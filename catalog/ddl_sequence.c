/* ddl_sequence.c - the options of CREATE and ALTER SEQUENCE. */
#include "catalog/ddl.h"

static void
type_bounds(Oid type, int64_t *min, int64_t *max)
{
    *min = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
    *max = type == TYPE_INT2 ? INT16_MAX : type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

Status
ddl_sequence_defaults(SeqDef *def, Oid type)
{
    int64_t min;
    memset(def, 0, sizeof(*def));
    def->type = type;
    def->start = 1;
    def->increment = 1;
    def->min = 1;
    type_bounds(type, &min, &def->max);
    def->cache = 1;
    return QN_OK;
}

static Status
option_int(Ctx *ctx, const DefElem *d, int64_t *out)
{
    const Ast *a = d->arg;
    if (ast_is(a, A_Const)) {
        const A_Const *c = AST_AS(A_Const, a);
        if (c->kind == AST_CONST_INT) {
            *out = c->ival;
            return QN_OK;
        }
        if (c->kind == AST_CONST_NUMERIC || c->kind == AST_CONST_STRING) {
            Value v;
            TRY(value_in(ctx, ctx->stmt_arena, c->str, strlen(c->str), TYPE_INT8, -1, &v));
            *out = v.i64;
            return QN_OK;
        }
    }
    return RAISE(ctx, ERR_SYNTAX_ERROR, "%s requires a numeric value", d->name);
}

static bool
option_bool(const DefElem *d)
{
    return !ast_is(d->arg, A_Const) || AST_AS(A_Const, d->arg)->ival != 0;
}

typedef struct Given {
    const DefElem *as, *increment, *min, *max, *start, *restart, *cache, *cycle, *owned;
} Given;

static Status
collect(Ctx *ctx, const AstList *options, Given *g)
{
    memset(g, 0, sizeof(*g));
    for (int i = 0; i < options->count; i++) {
        const DefElem *d = AST_AS(DefElem, options->items[i]);
        const DefElem **slot = strcmp(d->name, "as") == 0          ? &g->as
                               : strcmp(d->name, "increment") == 0 ? &g->increment
                               : strcmp(d->name, "minvalue") == 0  ? &g->min
                               : strcmp(d->name, "maxvalue") == 0  ? &g->max
                               : strcmp(d->name, "start") == 0     ? &g->start
                               : strcmp(d->name, "restart") == 0   ? &g->restart
                               : strcmp(d->name, "cache") == 0     ? &g->cache
                               : strcmp(d->name, "cycle") == 0     ? &g->cycle
                               : strcmp(d->name, "owned_by") == 0  ? &g->owned
                                                                   : NULL;
        if (slot == NULL) {
            if (strcmp(d->name, "sequence_name") == 0) continue; /* CREATE TABLE's doing */
            return RAISE_INTERNAL(ctx, "unknown sequence option \"%s\"", d->name);
        }
        if (*slot != NULL)
            return err_position(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "conflicting or redundant options"), d->loc);
        *slot = d;
    }
    return QN_OK;
}

static Status
set_type(Ctx *ctx, const DefElem *d, SeqDef *def)
{
    const TypeName *t = AST_AS(TypeName, d->arg);
    const char *name = ast_str(t->names.items[t->names.count - 1]);
    Oid type = strcmp(name, "int2") == 0   ? TYPE_INT2
               : strcmp(name, "int4") == 0 ? TYPE_INT4
               : strcmp(name, "int8") == 0 ? TYPE_INT8
                                           : INVALID_OID;
    if (type == INVALID_OID)
        return err_position(ctx,
                            RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                                  "sequence type must be smallint, integer, or bigint"),
                            d->loc);
    def->type = type;
    return QN_OK;
}

static Status
set_bounds(Ctx *ctx, const Given *g, bool is_new, Oid old_type, SeqDef *def)
{
    int64_t low, high, old_low, old_high;
    type_bounds(def->type, &low, &high);
    type_bounds(old_type, &old_low, &old_high);
    bool up = def->increment > 0;
    /* A new type moves bounds that were the old one's own. */
    bool reset_max = is_new || (g->as != NULL && def->max == (up ? old_high : -1));
    bool reset_min = is_new || (g->as != NULL && def->min == (up ? 1 : old_low));
    if (g->max != NULL && g->max->arg != NULL)
        TRY(option_int(ctx, g->max, &def->max));
    else if (g->max != NULL || reset_max)
        def->max = up ? high : -1;
    if (g->min != NULL && g->min->arg != NULL)
        TRY(option_int(ctx, g->min, &def->min));
    else if (g->min != NULL || reset_min)
        def->min = up ? 1 : low;
    const char *type = type_info(def->type)->sql_name;
    if (def->max > high || def->max < low)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                     "MAXVALUE (%lld) is out of range for sequence data type %s", (long long)def->max, type);
    if (def->min > high || def->min < low)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                     "MINVALUE (%lld) is out of range for sequence data type %s", (long long)def->min, type);
    if (def->min >= def->max)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "MINVALUE (%lld) must be less than MAXVALUE (%lld)",
                     (long long)def->min, (long long)def->max);
    return QN_OK;
}

static Status
check_within(Ctx *ctx, const SeqDef *def, const char *what, int64_t v)
{
    if (v < def->min)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "%s value (%lld) cannot be less than MINVALUE (%lld)",
                     what, (long long)v, (long long)def->min);
    if (v > def->max)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                     "%s value (%lld) cannot be greater than MAXVALUE (%lld)", what, (long long)v,
                     (long long)def->max);
    return QN_OK;
}

Status
ddl_sequence_options(Ctx *ctx, const AstList *options, bool is_new, SeqDef *def, bool *restart_out,
                     int64_t *restart_value_out, const AstList **owned_by_out)
{
    Given g;
    Oid old_type = def->type;
    *restart_out = false;
    *owned_by_out = NULL;
    TRY(collect(ctx, options, &g));
    if (g.as != NULL) TRY(set_type(ctx, g.as, def));
    if (g.cycle != NULL) def->cycle = option_bool(g.cycle);
    if (g.increment != NULL) {
        TRY(option_int(ctx, g.increment, &def->increment));
        if (def->increment == 0)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "INCREMENT must not be zero");
    }
    TRY(set_bounds(ctx, &g, is_new, old_type, def));
    if (g.start != NULL)
        TRY(option_int(ctx, g.start, &def->start));
    else if (is_new)
        def->start = def->increment > 0 ? def->min : def->max;
    TRY(check_within(ctx, def, "START", def->start));
    if (g.restart != NULL) {
        *restart_out = true;
        *restart_value_out = def->start;
        if (g.restart->arg != NULL) TRY(option_int(ctx, g.restart, restart_value_out));
        TRY(check_within(ctx, def, "RESTART", *restart_value_out));
    }
    if (g.cache != NULL) {
        TRY(option_int(ctx, g.cache, &def->cache));
        if (def->cache <= 0)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "CACHE (%lld) must be greater than zero",
                         (long long)def->cache);
    }
    if (g.owned != NULL) *owned_by_out = &AST_AS(ListNode, g.owned->arg)->items;
    return QN_OK;
}
