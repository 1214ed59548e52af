/* settings.c - the table of settings, and their text forms. See settings.h. */
#include "common/settings.h"
#include "common/str.h"
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

static const SettingInfo table[] = {
#define UNIT(u) SETTING_UNIT_##u
#define SETTING_BOOL(n, f, d, c, t)                                                                \
    {n, SETTING_KIND_BOOL, SETTING_##c, offsetof(Settings, f), {.b = d}, 0, 0, 0, NULL, t},
#define SETTING_INT(n, f, d, lo, hi, u, c, t)                                                      \
    {n, SETTING_KIND_INT, SETTING_##c, offsetof(Settings, f), {.i = d}, lo, hi, UNIT(u), NULL, t},
#define SETTING_REAL(n, f, v, lo, hi, c, t)                                                        \
    {n, SETTING_KIND_REAL, SETTING_##c, offsetof(Settings, f), {.d = v}, lo, hi, 0, NULL, t},
#define SETTING_STR(n, f, d, c, t)                                                                 \
    {n, SETTING_KIND_STR, SETTING_##c, offsetof(Settings, f), {.s = d}, 0, 0, 0, NULL, t},
#define SETTING_ENUM(n, f, d, o, c, t)                                                             \
    {n, SETTING_KIND_ENUM, SETTING_##c, offsetof(Settings, f), {.i = d}, 0, 0, 0, o, t},
#include "common/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_REAL
#undef SETTING_STR
#undef SETTING_ENUM
};

int
setting_count(void)
{
    return (int)(sizeof(table) / sizeof(table[0]));
}

const SettingInfo *
setting_at(int i)
{
    return &table[i];
}

const SettingInfo *
setting_find(const char *name)
{
    for (int i = 0; i < setting_count(); i++)
        if (ascii_casecmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

SettingValue
setting_get(const Settings *settings, const SettingInfo *info)
{
    const char *field = (const char *)settings + info->offset;
    SettingValue v = {0};
    switch (info->kind) {
    case SETTING_KIND_BOOL: v.b = *(const bool *)field; break;
    case SETTING_KIND_INT:
    case SETTING_KIND_ENUM: v.i = *(const int *)field; break;
    case SETTING_KIND_REAL: v.d = *(const double *)field; break;
    case SETTING_KIND_STR: v.s = *(const char *const *)field; break;
    }
    return v;
}

void
setting_put(Settings *settings, const SettingInfo *info, SettingValue value)
{
    char *field = (char *)settings + info->offset;
    switch (info->kind) {
    case SETTING_KIND_BOOL: *(bool *)field = value.b; break;
    case SETTING_KIND_INT:
    case SETTING_KIND_ENUM: *(int *)field = value.i; break;
    case SETTING_KIND_REAL: *(double *)field = value.d; break;
    case SETTING_KIND_STR: *(const char **)field = value.s; break;
    }
}

void
settings_init(Settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    for (int i = 0; i < setting_count(); i++) setting_put(settings, &table[i], table[i].dflt);
    settings->date_style = DATESTYLE_ISO;
    settings->date_order = DATEORDER_MDY;
}

/* Units of a family in ascending size; factor is in the family's smallest. */
typedef struct Unit {
    const char *name;
    double factor;
} Unit;

static const Unit memory_units[] = {{"B", 1},
                                    {"kB", 1024.0},
                                    {"MB", 1024.0 * 1024},
                                    {"GB", 1024.0 * 1024 * 1024},
                                    {"TB", 1024.0 * 1024 * 1024 * 1024}};
static const Unit time_units[] = {{"us", 1},   {"ms", 1e3},     {"s", 1e6},
                                  {"min", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}};

static const Unit *
units_of(SettingUnit unit, int *n_out)
{
    if (unit == SETTING_UNIT_KB || unit == SETTING_UNIT_8KB || unit == SETTING_UNIT_MB) {
        *n_out = 5;
        return memory_units;
    }
    *n_out = 6;
    return time_units;
}

/* How many of the family's smallest unit one step of the setting is. */
static double
base_factor(SettingUnit unit)
{
    switch (unit) {
    case SETTING_UNIT_NONE: return 1;
    case SETTING_UNIT_KB: return 1024;
    case SETTING_UNIT_8KB: return 8192;
    case SETTING_UNIT_MB: return 1024.0 * 1024;
    case SETTING_UNIT_MS: return 1e3;
    case SETTING_UNIT_S: return 1e6;
    case SETTING_UNIT_MIN: return 6e7;
    }
    return 1;
}

const char *
setting_unit_name(SettingUnit unit)
{
    static const char *const names[] = {NULL, "kB", "8kB", "MB", "ms", "s", "min"};
    return names[unit];
}

static Status
bad_value(Ctx *ctx, const SettingInfo *info, const char *text)
{
    return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": \"%s\"",
                 info->name, text);
}

static Status
bad_unit(Ctx *ctx, const SettingInfo *info, const char *text)
{
    Status st = bad_value(ctx, info, text);
    if (info->unit == SETTING_UNIT_KB || info->unit == SETTING_UNIT_8KB || info->unit == SETTING_UNIT_MB)
        return err_hint(ctx, st, "Valid units for this parameter are \"B\", \"kB\", \"MB\", "
                                 "\"GB\", and \"TB\".");
    return err_hint(ctx, st, "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", "
                             "\"h\", and \"d\".");
}

/* A decimal number, whatever the host's locale; NULL if there is none at text, else what follows it. */
static const char *
scan_number(const char *text, double *out)
{
    const char *p = text;
    while (ascii_is_space(*p)) p++;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    double v = 0;
    int digits = 0, exponent = 0;
    for (; ascii_is_digit(*p); p++, digits++) v = v * 10 + (*p - '0');
    if (*p == '.')
        for (p++; ascii_is_digit(*p); p++, digits++, exponent--) v = v * 10 + (*p - '0');
    if (digits == 0) return NULL;
    if ((*p == 'e' || *p == 'E') &&
        (ascii_is_digit(p[1]) || ((p[1] == '-' || p[1] == '+') && ascii_is_digit(p[2])))) {
        int sign = p[1] == '-' ? -1 : 1, e = 0;
        for (p += ascii_is_digit(p[1]) ? 1 : 2; ascii_is_digit(*p); p++)
            if (e < 10000) e = e * 10 + (*p - '0');
        exponent += sign * e;
    }
    v = exponent < 0 ? v / pow(10, -exponent) : v * pow(10, exponent);
    *out = negative ? -v : v;
    return p;
}

/* A number, white space, and a unit where the setting has one; the result is in the setting's base unit. */
static Status
parse_number(Ctx *ctx, const SettingInfo *info, const char *text, double *out)
{
    double v;
    const char *end = scan_number(text, &v);
    if (end == NULL) return bad_value(ctx, info, text);
    while (ascii_is_space(*end)) end++;
    if (*end != '\0') {
        if (info->unit == SETTING_UNIT_NONE) return bad_value(ctx, info, text);
        char name[8];
        size_t n = 0;
        while (end[n] != '\0' && !ascii_is_space(end[n]) && n < sizeof(name) - 1) n++;
        memcpy(name, end, n);
        name[n] = '\0';
        const char *rest = end + n;
        while (ascii_is_space(*rest)) rest++;
        int nunits;
        const Unit *units = units_of(info->unit, &nunits), *found = NULL;
        for (int i = 0; i < nunits; i++)
            if (strcmp(units[i].name, name) == 0) found = &units[i];
        if (found == NULL || *rest != '\0') return bad_unit(ctx, info, text);
        v = v * found->factor / base_factor(info->unit);
    }
    *out = v;
    return QN_OK;
}

static Status
parse_int(Ctx *ctx, const SettingInfo *info, const char *text, int *out)
{
    double v;
    TRY(parse_number(ctx, info, text, &v));
    v = rint(v);
    if (v > 2147483647.0 || v < -2147483648.0)
        return err_hint(ctx, bad_value(ctx, info, text), "Value exceeds integer range.");
    if (v < info->min || v > info->max) {
        const char *unit = setting_unit_name(info->unit);
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                     "%d%s%s is outside the valid range for parameter \"%s\" (%d .. %d)", (int)v,
                     unit != NULL ? " " : "", unit != NULL ? unit : "", info->name, (int)info->min,
                     (int)info->max);
    }
    *out = (int)v;
    return QN_OK;
}

static Status
parse_real(Ctx *ctx, const SettingInfo *info, const char *text, double *out)
{
    double v;
    TRY(parse_number(ctx, info, text, &v));
    if (v < info->min || v > info->max)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                     "%g is outside the valid range for parameter \"%s\" (%g .. %g)", v, info->name,
                     info->min, info->max);
    *out = v;
    return QN_OK;
}

/* PostgreSQL's words for a boolean, any unambiguous prefix of them. */
static bool
parse_bool(const char *text, bool *out)
{
    size_t n = strlen(text);
    if (n == 0) return false;
    static const struct {
        const char *word;
        size_t min;
        bool value;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (n >= words[i].min && n <= strlen(words[i].word) &&
            ascii_ncasecmp(text, words[i].word, n) == 0) {
            *out = words[i].value;
            return true;
        }
    return false;
}

/* The i-th of "a|b|c": its start and length; NULL past the last. */
static const char *
option(const char *options, int i, size_t *n_out)
{
    const char *p = options;
    for (; i > 0; i--) {
        p = strchr(p, '|');
        if (p == NULL) return NULL;
        p++;
    }
    *n_out = strcspn(p, "|");
    return p;
}

const char *
setting_option(Arena *arena, const SettingInfo *info, int i)
{
    size_t n;
    const char *p = option(info->options, i, &n);
    return p != NULL ? arena_strndup(arena, p, n) : NULL;
}

static bool
find_option(const SettingInfo *info, const char *text, int *out)
{
    size_t n;
    const char *p;
    for (int i = 0; (p = option(info->options, i, &n)) != NULL; i++)
        if (strlen(text) == n && ascii_ncasecmp(p, text, n) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static Status
parse_enum(Ctx *ctx, const SettingInfo *info, const char *text, int *out)
{
    size_t n;
    const char *p;
    bool flag;
    if (find_option(info, text, out)) return QN_OK;
    /* Where on and off are among the options, the other words for them go too. */
    if (parse_bool(text, &flag) && find_option(info, flag ? "on" : "off", out)) return QN_OK;
    /* "Available values: a, b, c." without an arena: options are short literals. */
    char list[256];
    size_t used = 0;
    for (int i = 0; (p = option(info->options, i, &n)) != NULL; i++) {
        int k = snprintf(list + used, sizeof(list) - used, "%s%.*s", i > 0 ? ", " : "", (int)n, p);
        if (k < 0 || (size_t)k >= sizeof(list) - used) break;
        used += (size_t)k;
    }
    return err_hint(ctx, bad_value(ctx, info, text), "Available values: %s.", list);
}

Status
setting_parse(Ctx *ctx, const SettingInfo *info, const char *text, SettingValue *value_out)
{
    switch (info->kind) {
    case SETTING_KIND_BOOL:
        if (!parse_bool(text, &value_out->b))
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                         "parameter \"%s\" requires a Boolean value", info->name);
        return QN_OK;
    case SETTING_KIND_INT: return parse_int(ctx, info, text, &value_out->i);
    case SETTING_KIND_REAL: return parse_real(ctx, info, text, &value_out->d);
    case SETTING_KIND_ENUM: return parse_enum(ctx, info, text, &value_out->i);
    case SETTING_KIND_STR: value_out->s = text; return QN_OK;
    }
    return RAISE_INTERNAL(ctx, "unknown kind of setting %d", (int)info->kind);
}

/* The largest unit that the value is a whole number of. */
static char *
format_unit(Arena *arena, const SettingInfo *info, int value)
{
    if (info->unit == SETTING_UNIT_NONE || value <= 0) return arena_printf(arena, "%d", value);
    int n;
    const Unit *units = units_of(info->unit, &n);
    double total = (double)value * base_factor(info->unit);
    for (int i = n - 1; i >= 0; i--)
        if (fmod(total, units[i].factor) == 0)
            return arena_printf(arena, "%.0f%s", total / units[i].factor, units[i].name);
    return arena_printf(arena, "%d%s", value, setting_unit_name(info->unit));
}

/* %g with a point whatever the host's locale has. */
static const char *
format_real(Arena *arena, double value)
{
    char *text = arena_printf(arena, "%g", value);
    char *comma = text != NULL ? strchr(text, ',') : NULL;
    if (comma != NULL) *comma = '.';
    return text;
}

Status
setting_format(Ctx *ctx, Arena *arena, const SettingInfo *info, SettingValue value, bool plain,
               const char **text_out)
{
    const char *text = NULL;
    switch (info->kind) {
    case SETTING_KIND_BOOL: text = value.b ? "on" : "off"; break;
    case SETTING_KIND_INT:
        text = plain ? arena_printf(arena, "%d", value.i) : format_unit(arena, info, value.i);
        break;
    case SETTING_KIND_REAL: text = format_real(arena, value.d); break;
    case SETTING_KIND_STR: text = value.s; break;
    case SETTING_KIND_ENUM: text = setting_option(arena, info, value.i); break;
    }
    if (text == NULL) return RAISE_OOM(ctx);
    *text_out = text;
    return QN_OK;
}
