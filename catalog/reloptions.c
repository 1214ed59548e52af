/* reloptions.c - see reloptions.h. */
#include "catalog/reloptions.h"
#include <errno.h>
#include <stdlib.h>

typedef enum OptionKind { OPTION_BOOL, OPTION_INT, OPTION_REAL, OPTION_ON_OFF_AUTO } OptionKind;

typedef struct OptionInfo {
    const char *name;
    OptionKind kind;
    double min, max;
    const char *min_text, *max_text;
} OptionInfo;

#define INT(name, lo, hi) {name, OPTION_INT, lo, hi, #lo, #hi}
#define REAL(name, lo, hi) {name, OPTION_REAL, lo, hi, #lo ".000000", #hi ".000000"}
#define BOOL(name) {name, OPTION_BOOL, 0, 0, NULL, NULL}

static const OptionInfo known[] = {
    INT("fillfactor", 10, 100),
    INT("toast_tuple_target", 128, 8160),
    INT("parallel_workers", 0, 1024),
    BOOL("user_catalog_table"),
    BOOL("autovacuum_enabled"),
    INT("autovacuum_vacuum_threshold", 0, 2147483647),
    INT("autovacuum_vacuum_insert_threshold", -1, 2147483647),
    INT("autovacuum_analyze_threshold", 0, 2147483647),
    INT("autovacuum_vacuum_cost_limit", 1, 10000),
    REAL("autovacuum_vacuum_cost_delay", 0, 100),
    INT("autovacuum_freeze_min_age", 0, 1000000000),
    INT("autovacuum_freeze_max_age", 100000, 2000000000),
    INT("autovacuum_freeze_table_age", 0, 2000000000),
    INT("autovacuum_multixact_freeze_min_age", 0, 1000000000),
    INT("autovacuum_multixact_freeze_max_age", 10000, 2000000000),
    INT("autovacuum_multixact_freeze_table_age", 0, 2000000000),
    INT("log_autovacuum_min_duration", -1, 2147483647),
    REAL("autovacuum_vacuum_scale_factor", 0, 100),
    REAL("autovacuum_vacuum_insert_scale_factor", 0, 100),
    REAL("autovacuum_analyze_scale_factor", 0, 100),
    {"vacuum_index_cleanup", OPTION_ON_OFF_AUTO, 0, 0, NULL, NULL},
    BOOL("vacuum_truncate"),
    BOOL("deduplicate_items"),
    BOOL("fastupdate"),
    INT("gin_pending_list_limit", 64, 2147483647),
};

static const OptionInfo *
find_known(const char *name)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0) return &known[i];
    return NULL;
}

/* ---- values ---- */

static int
parse_bool(const char *text)
{
    static const char *const off[] = {"false", "off", "no", "0"}, *const on[] = {"true", "on", "yes", "1"};
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(text, off[i]) == 0) return 0;
        if (strcasecmp(text, on[i]) == 0) return 1;
    }
    return -1;
}

static Status
check_number(Ctx *ctx, const OptionInfo *o, const char *text)
{
    char *end;
    errno = 0;
    double v = o->kind == OPTION_INT ? (double)strtoll(text, &end, 10) : strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid value for %s option \"%s\": %s",
                     o->kind == OPTION_INT ? "integer" : "floating point", o->name, text);
    if (v >= o->min && v <= o->max) return QN_OK;
    return err_detail(ctx, RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "value %s out of bounds for option \"%s\"", text, o->name),
                      "Valid values are between \"%s\" and \"%s\".", o->min_text, o->max_text);
}

static Status
check_value(Ctx *ctx, const OptionInfo *o, const char *text)
{
    switch (o->kind) {
    case OPTION_INT:
    case OPTION_REAL: return check_number(ctx, o, text);
    case OPTION_ON_OFF_AUTO:
        if (strcasecmp(text, "auto") == 0 || parse_bool(text) >= 0) return QN_OK;
        return err_detail(ctx,
                          RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid value for enum option \"%s\": %s", o->name, text),
                          "Valid values are \"on\", \"off\", and \"auto\".");
    default:
        if (parse_bool(text) >= 0) return QN_OK;
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid value for boolean option \"%s\": %s", o->name, text);
    }
}

static Status
value_text(Ctx *ctx, Arena *arena, const DefElem *e, const char **out)
{
    *out = "true";
    if (e->arg == NULL) return QN_OK;
    if (ast_is(e->arg, StringNode)) {
        *out = ast_str(e->arg);
    } else if (ast_is(e->arg, A_Const) && AST_AS(A_Const, e->arg)->str != NULL) {
        *out = AST_AS(A_Const, e->arg)->str;
    } else if (ast_is(e->arg, TypeName)) { /* an unquoted word reads as one */
        const AstList *names = &AST_AS(TypeName, e->arg)->names;
        *out = ast_str(names->items[names->count - 1]);
    } else if (ast_is(e->arg, A_Const)) {
        TRY_ALLOC(ctx, *out, arena_printf(arena, "%lld", (long long)AST_AS(A_Const, e->arg)->ival));
    }
    return QN_OK;
}

/* ---- the text ---- */

/* The value of a name in a list of lines; its length in *n_out, NULL if there is none. */
static const char *
find_value(const char *options, const char *name, size_t *n_out)
{
    size_t n = strlen(name);
    for (const char *line = options; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (length > n && memcmp(line, name, n) == 0 && line[n] == '=') {
            *n_out = length - n - 1;
            return line + n + 1;
        }
        line += length + (line[length] == '\n');
    }
    return NULL;
}

static bool
is_named(const AstList *list, const char *line, size_t nbytes)
{
    for (int i = 0; i < list->count; i++) {
        const DefElem *e = AST_AS(DefElem, list->items[i]);
        size_t n = strlen(e->name);
        if (e->ns == NULL && n < nbytes && line[n] == '=' && memcmp(line, e->name, n) == 0) return true;
    }
    return false;
}

static Status
check_element(Ctx *ctx, Arena *arena, const AstList *list, int at, bool reset, const char **value_out)
{
    const DefElem *e = AST_AS(DefElem, list->items[at]);
    const OptionInfo *o = find_known(e->name);
    if (e->ns != NULL && strcmp(e->ns, "toast") != 0)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized parameter namespace \"%s\"", e->ns);
    if (o == NULL) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"", e->name);
    for (int i = 0; i < at; i++) {
        const DefElem *before = AST_AS(DefElem, list->items[i]);
        if (strcmp(before->name, e->name) == 0 && (before->ns == NULL) == (e->ns == NULL))
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "parameter \"%s\" specified more than once", e->name);
    }
    if (reset && e->arg != NULL)
        return RAISE(ctx, ERR_SYNTAX_ERROR, "RESET must not include values for parameters");
    TRY(value_text(ctx, arena, e, value_out));
    return reset ? QN_OK : check_value(ctx, o, *value_out);
}

Status
reloptions_change(Ctx *ctx, Arena *arena, const char *before, const AstList *list, bool reset, const char **out)
{
    StrBuf b = strbuf_new(arena);
    char *text;
    for (const char *line = before; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (!is_named(list, line, length)) {
            strbuf_add(&b, line, length);
            strbuf_addc(&b, '\n');
        }
        line += length + (line[length] == '\n');
    }
    for (int i = 0; i < list->count; i++) {
        const char *value;
        const DefElem *e = AST_AS(DefElem, list->items[i]);
        if (e->ns == NULL && !reset && before == NULL && strcmp(e->name, "oids") == 0) { /* what old dumps say */
            TRY(value_text(ctx, arena, e, &value));
            if (ascii_casecmp(value, "false") != 0 && ascii_casecmp(value, "off") != 0 && strcmp(value, "0") != 0)
                return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "tables declared WITH OIDS are not supported");
            continue;
        }
        TRY(check_element(ctx, arena, list, i, reset, &value));
        /* There is no separate table for wide values: its parameters are taken and not kept. */
        if (!reset && e->ns == NULL) strbuf_addf(&b, "%s=%s\n", e->name, value);
    }
    if (b.nbytes > 0) b.nbytes--;
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text[0] != '\0' ? text : NULL;
    return QN_OK;
}

const char *
reloption_at(const char *options, int k, size_t *n_out)
{
    const char *line = options;
    for (; line != NULL && *line != '\0'; k--) {
        *n_out = strcspn(line, "\n");
        if (k == 0) return line;
        line += *n_out + (line[*n_out] == '\n');
    }
    return NULL;
}

bool
reloption_bool_in(const char *options, const char *name, bool dflt)
{
    char text[8];
    size_t n;
    const char *value = find_value(options, name, &n);
    if (value == NULL || n >= sizeof(text)) return dflt;
    memcpy(text, value, n);
    text[n] = '\0';
    int v = parse_bool(text);
    return v >= 0 ? v != 0 : dflt;
}

bool
reloption_bool(const Relation *rel, const char *name, bool dflt)
{
    return reloption_bool_in(rel->options, name, dflt);
}

double
reloption_number_in(const char *options, const char *name, double dflt)
{
    size_t n;
    const char *value = find_value(options, name, &n);
    return value != NULL ? strtod(value, NULL) : dflt;
}

double
reloption_number(const Relation *rel, const char *name, double dflt)
{
    return reloption_number_in(rel->options, name, dflt);
}
