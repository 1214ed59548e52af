/* settings.c - SET, RESET, SHOW, with PostgreSQL's transactional rules.
 *
 * Each SET logs what was there before. Rolling back (to a savepoint) undoes the log from its end; committing drops it, but what was SET
 * LOCAL goes back first: to the value before the last run of SET LOCALs of that setting.
 *
 * Names with a dot that are no setting are custom ones: any text, kept for the application. */
#include "common/settings.h"
#include "common/str.h"
#include "session/session.h"
#include "storage/activity.h"
#include "types/timezone.h"
#include <stdio.h>
#include <stdlib.h>

static int
row_of(const SettingInfo *info)
{
    return (int)(info - setting_at(0));
}

/* Fields that are worked out from texts. Texts were checked when they were set, so what fails here is memory, and then the old
 * meaning stays. */
static void
parse_date_style(const char *text, int *style, int *order, const char **bad_out)
{
    *bad_out = NULL;
    while (*text != '\0') {
        char word[32];
        size_t n = 0;
        while (ascii_is_space(*text) || *text == ',') text++;
        while (*text != '\0' && *text != ',' && !ascii_is_space(*text)) {
            if (n + 1 < sizeof(word)) word[n++] = ascii_lower(*text);
            text++;
        }
        word[n] = '\0';
        if (n == 0) continue;
        if (strcmp(word, "iso") == 0)
            *style = DATESTYLE_ISO;
        else if (strcmp(word, "sql") == 0)
            *style = DATESTYLE_SQL;
        else if (strncmp(word, "postgres", 8) == 0)
            *style = DATESTYLE_POSTGRES;
        else if (strcmp(word, "german") == 0) {
            *style = DATESTYLE_GERMAN;
            *order = DATEORDER_DMY;
        } else if (strcmp(word, "ymd") == 0)
            *order = DATEORDER_YMD;
        else if (strcmp(word, "dmy") == 0 || strncmp(word, "euro", 4) == 0)
            *order = DATEORDER_DMY;
        else if (strcmp(word, "mdy") == 0 || strcmp(word, "us") == 0 || strncmp(word, "noneuro", 7) == 0)
            *order = DATEORDER_MDY;
        else if (strcmp(word, "default") == 0) {
            *style = DATESTYLE_ISO;
            *order = DATEORDER_MDY;
        } else {
            *bad_out = text - n;
            return;
        }
    }
}

/* Offsets in hours ("5", "-3.5") are zones too. */
static Status
find_zone(Ctx *ctx, const char *text, const TimeZone **out)
{
    char *end;
    double hours = strtod(text, &end);
    *out = NULL;
    if (end != text && *end == '\0') {
        if (hours < -168 || hours > 168) return QN_OK;
        return timezone_fixed(ctx, (int32_t)(hours * 3600), out);
    }
    if (ascii_casecmp(text, "local") == 0 || ascii_casecmp(text, "default") == 0) text = "UTC";
    return timezone_find(ctx, text, strlen(text), out);
}

static void
derive(Session *s)
{
    const char *bad;
    parse_date_style(s->settings.date_style_text, &s->settings.date_style, &s->settings.date_order, &bad);
    const TimeZone *zone;
    if (find_zone(&s->ctx, s->settings.timezone, &zone) == QN_OK && zone != NULL)
        s->settings.timezone_info = zone;
    else
        err_clear(&s->ctx.err);
    if (s->is_open) activity_application(&s->ctx, s->settings.application_name);
    s->settings_generation++;
}

/* ---- values ---- */

/* Puts a value in place; owned says whether its string (if it is one) now belongs to the settings. The string there before is the
 * caller's. */
static void
put(Session *s, const SettingInfo *info, SettingValue value, bool owned)
{
    setting_put(&s->settings, info, value);
    if (info->kind == SETTING_KIND_STR) s->setting_owned[row_of(info)] = owned;
}

static void
free_current(Session *s, const SettingInfo *info)
{
    if (info->kind == SETTING_KIND_STR && s->setting_owned[row_of(info)])
        free((char *)setting_get(&s->settings, info).s);
}

static CustomSetting *
find_custom(Session *s, const char *name)
{
    for (int i = 0; i < s->ncustom; i++)
        if (ascii_casecmp(s->custom[i].name, name) == 0) return &s->custom[i];
    return NULL;
}

static void
undo_one(Session *s, SettingUndo *u)
{
    if (u->info != NULL) {
        free_current(s, u->info);
        put(s, u->info, u->before, u->is_owned);
    } else {
        CustomSetting *c = find_custom(s, u->custom);
        free(c->value);
        c->value = (char *)u->before.s;
    }
    u->is_owned = false; /* handed over */
    u->before.s = NULL;
}

static void
forget_one(SettingUndo *u)
{
    if (u->is_owned) free((char *)u->before.s);
    free(u->custom);
}

static Status
log_room(Session *s)
{
    if (s->nundo < s->undo_cap) return QN_OK;
    int cap = s->undo_cap != 0 ? s->undo_cap * 2 : 8;
    SettingUndo *p = mem_should_fail() ? NULL : realloc(s->undo, (size_t)cap * sizeof(*p));
    if (p == NULL) return RAISE_OOM(&s->ctx);
    s->undo = p;
    s->undo_cap = cap;
    return QN_OK;
}

/* Of the running transaction: no plan depends on it. */
static bool
is_mode(const SettingInfo *info)
{
    return info != NULL && info->context == SETTING_TRANSACTION;
}

void
settings_at_rollback(Session *s, int mark)
{
    bool changed = false;
    while (s->nundo > mark) {
        SettingUndo *u = &s->undo[--s->nundo];
        changed |= !is_mode(u->info);
        undo_one(s, u);
        forget_one(u);
    }
    session_apply_modes(s);
    if (changed) derive(s);
}

static bool
same_setting(const SettingUndo *a, const SettingUndo *b)
{
    if (a->info != NULL || b->info != NULL) return a->info == b->info;
    return ascii_casecmp(a->custom, b->custom) == 0;
}

void
settings_at_commit(Session *s)
{
    bool changed = false;
    if (s->nundo == 0) return;
    for (int i = s->nundo - 1; i >= 0; i--) {
        SettingUndo *u = &s->undo[i];
        if (!u->is_local) continue;
        bool set_later = false; /* a SET after it has the last word */
        for (int k = i + 1; k < s->nundo && !set_later; k++)
            set_later = !s->undo[k].is_local && same_setting(&s->undo[k], u);
        if (set_later) continue;
        changed |= !is_mode(u->info);
        undo_one(s, u);
    }
    for (int i = 0; i < s->nundo; i++) forget_one(&s->undo[i]);
    s->nundo = 0;
    if (changed) derive(s);
}

Status
settings_session_init(Session *s)
{
    TRY_ALLOC(&s->ctx, s->setting_owned, ARENA_ARRAY(s->arena, bool, setting_count()));
    derive(s);
    return QN_OK;
}

void
settings_session_free(Session *s)
{
    for (int i = 0; i < s->nundo; i++) forget_one(&s->undo[i]);
    free(s->undo);
    if (s->setting_owned != NULL)
        for (int i = 0; i < setting_count(); i++) free_current(s, setting_at(i));
    for (int i = 0; i < s->ncustom; i++) {
        free(s->custom[i].name);
        free(s->custom[i].value);
    }
    free(s->custom);
}

/* ---- checks of texts ---- */

static Status
bad_text(Session *s, const SettingInfo *info, const char *text)
{
    return RAISE(&s->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": \"%s\"",
                 info->name, text);
}

/* Names separated by commas, each plain or in double quotes. */
static bool
is_name_list(const char *p)
{
    for (;;) {
        while (ascii_is_space(*p)) p++;
        if (*p == '"') {
            const char *start = ++p;
            while (*p != '\0' && (*p != '"' || p[1] == '"')) p += *p == '"' ? 2 : 1;
            if (*p == '\0' || p == start) return false;
            p++;
        } else {
            const char *start = p;
            while (*p != '\0' && *p != ',' && !ascii_is_space(*p) && *p != '"') p++;
            if (p == start) return false;
        }
        while (ascii_is_space(*p)) p++;
        if (*p == '\0') return true;
        if (*p++ != ',') return false;
    }
}

/* Whether every word of a list separated by commas is among those of "a|b|c"; *bad_out: the first that is not. */
static bool
are_words(const char *p, const char *words, Str *bad_out)
{
    for (;;) {
        while (ascii_is_space(*p) || *p == ',') p++;
        if (*p == '\0') return true;
        size_t n = strcspn(p, ", \t\n"), k;
        const char *w = words;
        while ((k = strcspn(w, "|")) != n || ascii_ncasecmp(w, p, n) != 0) {
            if (w[k] == '\0') {
                *bad_out = str_make(p, n);
                return false;
            }
            w += k + 1;
        }
        p += n;
    }
}

static Status
bad_word(Session *s, const SettingInfo *info, const char *text, Str word)
{
    return err_detail(&s->ctx, bad_text(s, info, text), "Unrecognized key word: \"%.*s\".", (int)word.len,
                      str_data(&word));
}

/* DateStyle is kept in full; a style or an order that is not said stays. */
static Status
check_date_style(Session *s, const SettingInfo *info, const char *text, char *buf, size_t nbytes)
{
    static const char *const styles[] = {"ISO", "SQL", "Postgres", "German"};
    static const char *const orders[] = {"MDY", "DMY", "YMD"};
    int style = s->settings.date_style, order = s->settings.date_order;
    const char *bad;
    parse_date_style(text, &style, &order, &bad);
    if (bad != NULL) return bad_word(s, info, text, str_make(bad, strcspn(bad, ", \t\n")));
    snprintf(buf, nbytes, "%s, %s", styles[style], orders[order]);
    return QN_OK;
}

/* Text settings with one of a few values. */
static const struct {
    const char *name, *words;
    const char *kind; /* what does not exist if it is another; NULL: just an invalid value */
    bool is_list;
} words_of[] = {
    {"role", "none|" CATALOG_ROLE_NAME, "role", false},
    {"session_authorization", CATALOG_ROLE_NAME, "role", false},
    {"client_encoding", "utf8|utf-8|unicode", NULL, false},
    {"lc_messages", "C|POSIX|C.UTF-8|C.utf8", NULL, false},
    {"lc_monetary", "C|POSIX|C.UTF-8|C.utf8", NULL, false},
    {"lc_numeric", "C|POSIX|C.UTF-8|C.utf8", NULL, false},
    {"lc_time", "C|POSIX|C.UTF-8|C.utf8", NULL, false},
    {"timezone_abbreviations", "Default", NULL, false},
    {"default_text_search_config", "pg_catalog.english|pg_catalog.simple|english|simple", NULL, false},
    {"default_tablespace", "pg_default", NULL, false},
    {"temp_tablespaces", "pg_default", "tablespace", true},
    {"restrict_nonsystem_relation_kind", "view|foreign-table", NULL, true},
};

static Status
check_words(Session *s, const SettingInfo *info, const char *text)
{
    Str bad;
    for (size_t i = 0; i < sizeof(words_of) / sizeof(words_of[0]); i++) {
        if (strcmp(words_of[i].name, info->name) != 0 || are_words(text, words_of[i].words, &bad)) continue;
        if (words_of[i].kind != NULL)
            return RAISE(&s->ctx, ERR_INVALID_PARAMETER_VALUE, "%s \"%s\" does not exist", words_of[i].kind, text);
        return words_of[i].is_list ? bad_word(s, info, text, bad) : bad_text(s, info, text);
    }
    return QN_OK;
}

/* Checks a text setting and gives the form that is kept, a new string. */
static Status
check_text(Session *s, const SettingInfo *info, const char *text, char **out)
{
    Ctx *ctx = &s->ctx;
    char buf[64];
    TRY(check_words(s, info, text));
    if (strcmp(info->name, "DateStyle") == 0) {
        TRY(check_date_style(s, info, text, buf, sizeof(buf)));
        text = buf;
    } else if (strcmp(info->name, "TimeZone") == 0) {
        const TimeZone *zone;
        TRY(find_zone(ctx, text, &zone));
        if (zone == NULL) return bad_text(s, info, text);
        text = timezone_name(zone);
    } else if (strcmp(info->name, "client_encoding") == 0) {
        text = "UTF8";
    } else if (strcmp(info->name, "search_path") == 0) {
        if (*text != '\0' && !is_name_list(text))
            return err_detail(ctx, bad_text(s, info, text), "List syntax is invalid.");
    }
    *out = mem_should_fail() ? NULL : strdup(text);
    return *out != NULL ? QN_OK : RAISE_OOM(ctx);
}

/* ---- SET ---- */

static Status
unknown_setting(Session *s, const char *name)
{
    return RAISE(&s->ctx, ERR_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"", name);
}

static Status
set_custom(Session *s, const char *name, const char *text, bool is_local)
{
    Ctx *ctx = &s->ctx;
    TRY(log_room(s));
    CustomSetting *c = find_custom(s, name);
    if (c == NULL) {
        if (s->ncustom == s->custom_cap) {
            int cap = s->custom_cap != 0 ? s->custom_cap * 2 : 4;
            CustomSetting *p = mem_should_fail() ? NULL : realloc(s->custom, (size_t)cap * sizeof(*p));
            if (p == NULL) return RAISE_OOM(ctx);
            s->custom = p;
            s->custom_cap = cap;
        }
        char *copy = mem_should_fail() ? NULL : strdup(name);
        if (copy == NULL) return RAISE_OOM(ctx);
        s->custom[s->ncustom] = (CustomSetting){.name = copy};
        c = &s->custom[s->ncustom++];
    }
    char *custom = mem_should_fail() ? NULL : strdup(name);
    char *value = text == NULL || mem_should_fail() ? NULL : strdup(text);
    if (custom == NULL || (text != NULL && value == NULL)) {
        free(custom);
        free(value);
        return RAISE_OOM(ctx);
    }
    s->undo[s->nundo++] = (SettingUndo){.custom = custom, .before = {.s = c->value},
                                        .is_owned = c->value != NULL, .is_local = is_local};
    c->value = value;
    return QN_OK;
}

static Status
check_changeable(Session *s, const SettingInfo *info)
{
    if (info->context == SETTING_INTERNAL)
        return RAISE(&s->ctx, ERR_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be changed",
                     info->name);
    if (info->context == SETTING_INSTANCE && !s->is_opening)
        return RAISE(&s->ctx, ERR_CANT_CHANGE_RUNTIME_PARAM,
                     "parameter \"%s\" cannot be changed without restarting the server", info->name);
    return QN_OK;
}

/* What the session was opened with; NULL: nothing was said. */
static const char *
given_value(const Session *s, const SettingInfo *info)
{
    for (int i = s->ngiven - 1; i >= 0; i--)
        if (setting_find(s->given[2 * i]) == info) return s->given[2 * i + 1];
    return NULL;
}

Status
settings_set(Session *s, const char *name, const char *text, bool is_local)
{
    const SettingInfo *info = setting_find(name);
    SettingValue value;
    if (info == NULL)
        return strchr(name, '.') != NULL ? set_custom(s, name, text, is_local) : unknown_setting(s, name);
    TRY(check_changeable(s, info));
    TRY(log_room(s));
    bool owned = false;
    if (text == NULL) text = given_value(s, info);
    if (text == NULL) {
        value = info->dflt;
    } else if (info->kind == SETTING_KIND_STR) {
        char *copy;
        TRY(check_text(s, info, text, &copy));
        value.s = copy;
        owned = true;
    } else {
        TRY(setting_parse(&s->ctx, info, text, &value));
    }
    if (is_mode(info)) TRY(session_check_mode(s, info, value));
    s->undo[s->nundo++] = (SettingUndo){
        .info = info,
        .before = setting_get(&s->settings, info),
        .is_owned = info->kind == SETTING_KIND_STR && s->setting_owned[row_of(info)],
        .is_local = is_local || is_mode(info)};
    put(s, info, value, owned);
    if (is_mode(info))
        session_apply_modes(s);
    else
        derive(s);
    return QN_OK;
}

Status
settings_reset_all(Session *s)
{
    for (int i = 0; i < setting_count(); i++)
        if (setting_at(i)->context == SETTING_USER) TRY(settings_set(s, setting_at(i)->name, NULL, false));
    for (int i = 0; i < s->ncustom; i++) TRY(set_custom(s, s->custom[i].name, NULL, false));
    return QN_OK;
}

/* One argument of SET as text. */
static Status
argument_text(Session *s, const Ast *arg, const char **out)
{
    if (ast_is(arg, StringNode)) {
        *out = ast_str(arg);
        return QN_OK;
    }
    if (ast_is(arg, TypeCast)) arg = AST_AS(TypeCast, arg)->arg; /* SET TIME ZONE INTERVAL '...' */
    if (!ast_is(arg, A_Const))
        return RAISE(&s->ctx, ERR_SYNTAX_ERROR, "invalid value in SET");
    const A_Const *c = AST_AS(A_Const, arg);
    switch (c->kind) {
    case AST_CONST_BOOL: *out = c->ival != 0 ? "true" : "false"; return QN_OK;
    case AST_CONST_INT:
        TRY_ALLOC(&s->ctx, *out, arena_printf(s->ctx.stmt_arena, "%lld", (long long)c->ival));
        return QN_OK;
    default: *out = c->str != NULL ? c->str : ""; return QN_OK;
    }
}

static bool
needs_quotes(const char *name)
{
    if (!((*name >= 'a' && *name <= 'z') || *name == '_')) return true;
    for (const char *p = name; *p != '\0'; p++)
        if (!((*p >= 'a' && *p <= 'z') || ascii_is_digit(*p) || *p == '_')) return true;
    return false;
}

static void
add_name(StrBuf *b, const char *name)
{
    if (!needs_quotes(name)) {
        strbuf_addz(b, name);
        return;
    }
    strbuf_addc(b, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"') strbuf_addc(b, '"');
        strbuf_addc(b, *name);
    }
    strbuf_addc(b, '"');
}

static bool
takes_list(const char *name)
{
    for (size_t i = 0; i < sizeof(words_of) / sizeof(words_of[0]); i++)
        if (words_of[i].is_list && ascii_casecmp(words_of[i].name, name) == 0) return true;
    return ascii_casecmp(name, "DateStyle") == 0;
}

Status
settings_text(Session *s, const VariableSetStmt *stmt, const char **out)
{
    bool is_names = ascii_casecmp(stmt->name, "search_path") == 0;
    bool is_list = is_names || takes_list(stmt->name);
    if (stmt->args.count > 1 && !is_list)
        return RAISE(&s->ctx, ERR_INVALID_PARAMETER_VALUE, "SET %s takes only one argument", stmt->name);
    StrBuf b = strbuf_new(s->ctx.stmt_arena);
    for (int i = 0; i < stmt->args.count; i++) {
        const char *text;
        TRY(argument_text(s, stmt->args.items[i], &text));
        if (i > 0) strbuf_addz(&b, ", ");
        if (is_names)
            add_name(&b, text);
        else
            strbuf_addz(&b, text);
    }
    char *text;
    TRY(strbuf_finish(&s->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

Status
settings_run_set(Session *s, const VariableSetStmt *stmt, const char **tag_out)
{
    Ctx *ctx = &s->ctx;
    *tag_out = stmt->kind == AST_VAR_RESET || stmt->kind == AST_VAR_RESET_ALL ? "RESET" : "SET";
    if (stmt->is_local && (s->block == BLOCK_NONE || s->block == BLOCK_IMPLICIT) &&
        stmt->kind != AST_VAR_SET_MULTI)
        ctx_notice(ctx, "WARNING", ERR_NO_ACTIVE_SQL_TRANSACTION,
                   "SET LOCAL can only be used in transaction blocks");
    switch (stmt->kind) {
    case AST_VAR_SET_VALUE: {
        const char *text;
        TRY(settings_text(s, stmt, &text));
        return settings_set(s, stmt->name, text, stmt->is_local);
    }
    case AST_VAR_SET_DEFAULT:
    case AST_VAR_RESET: return settings_set(s, stmt->name, NULL, stmt->is_local);
    case AST_VAR_SET_CURRENT: {
        const char *text;
        TRY(settings_show(s, ctx->stmt_arena, stmt->name, false, &text));
        return settings_set(s, stmt->name, text, stmt->is_local);
    }
    case AST_VAR_RESET_ALL: return settings_reset_all(s);
    case AST_VAR_SET_MULTI:
        if (ascii_casecmp(stmt->name, "TRANSACTION") == 0)
            return session_set_modes(s, &stmt->args, false);
        if (ascii_casecmp(stmt->name, "SESSION CHARACTERISTICS") == 0)
            return session_set_modes(s, &stmt->args, true);
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "SET %s is not supported yet", stmt->name);
    }
    return RAISE_INTERNAL(ctx, "unknown kind of SET %d", (int)stmt->kind);
}

/* ---- SHOW ---- */

Status
settings_show(Session *s, Arena *arena, const char *name, bool missing_ok, const char **out)
{
    const SettingInfo *info = setting_find(name);
    if (info != NULL)
        return setting_format(&s->ctx, arena, info, setting_get(&s->settings, info), false, out);
    const CustomSetting *c = find_custom(s, name);
    if (c != NULL && c->value != NULL) {
        TRY_ALLOC(&s->ctx, *out, arena_strdup(arena, c->value));
        return QN_OK;
    }
    *out = NULL;
    return missing_ok ? QN_OK : unknown_setting(s, name);
}
