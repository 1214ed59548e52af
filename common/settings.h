/* settings.h - the values of a session's settings, one field a row of settings.def.
 *
 * A session owns a Settings; everyone else reads it through ctx->settings. Strings are owned by the session
 * and replaced, never edited, so a pointer read by the session's own thread stays valid for the statement.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include "common/ctx.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum DateStyle { DATESTYLE_ISO, DATESTYLE_SQL, DATESTYLE_POSTGRES, DATESTYLE_GERMAN } DateStyle;
typedef enum DateOrder { DATEORDER_MDY, DATEORDER_DMY, DATEORDER_YMD } DateOrder;
typedef enum IntervalStyle { INTERVALSTYLE_POSTGRES, INTERVALSTYLE_POSTGRES_VERBOSE,
                             INTERVALSTYLE_SQL_STANDARD, INTERVALSTYLE_ISO_8601 } IntervalStyle;

typedef struct Settings {
#define SETTING_BOOL(name, field, dflt, context, doc) bool field;
#define SETTING_INT(name, field, dflt, min, max, unit, context, doc) int field;
#define SETTING_REAL(name, field, dflt, min, max, context, doc) double field;
#define SETTING_STR(name, field, dflt, context, doc) const char *field;
#define SETTING_ENUM(name, field, dflt, options, context, doc) int field;
#include "common/settings.def"
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_REAL
#undef SETTING_STR
#undef SETTING_ENUM
    /* Derived from the texts above by session/settings.c. */
    int date_style;                   /* DateStyle */
    int date_order;                   /* DateOrder */
    const struct TimeZone *timezone_info; /* types/timezone.h; NULL means UTC */
} Settings;

typedef enum SettingKind { SETTING_KIND_BOOL, SETTING_KIND_INT, SETTING_KIND_REAL, SETTING_KIND_STR,
                           SETTING_KIND_ENUM } SettingKind;
typedef enum SettingContext { SETTING_USER, SETTING_TRANSACTION, SETTING_INSTANCE, SETTING_INTERNAL } SettingContext;
typedef enum SettingUnit { SETTING_UNIT_NONE, SETTING_UNIT_KB, SETTING_UNIT_8KB, SETTING_UNIT_MB, SETTING_UNIT_MS,
                           SETTING_UNIT_S, SETTING_UNIT_MIN } SettingUnit;

/* A value of any setting; which member counts follows from the setting's kind. */
typedef union SettingValue {
    bool b;
    int i; /* SETTING_KIND_ENUM: position in the options */
    double d;
    const char *s;
} SettingValue;

/* A row of settings.def. */
typedef struct SettingInfo {
    const char *name;
    SettingKind kind;
    SettingContext context;
    size_t offset; /* of the field in Settings */
    SettingValue dflt;
    double min, max; /* SETTING_KIND_INT, SETTING_KIND_REAL */
    SettingUnit unit;
    const char *options; /* SETTING_KIND_ENUM: "a|b|c" */
    const char *doc;
} SettingInfo;

int setting_count(void);
const SettingInfo *setting_at(int i);
const SettingInfo *setting_find(const char *name); /* whatever its case; NULL if there is none */
void settings_init(Settings *settings);            /* all defaults; no field owns anything */
SettingValue setting_get(const Settings *settings, const SettingInfo *info);
void setting_put(Settings *settings, const SettingInfo *info, SettingValue value);
/* Text as in SET, units included. Strings are taken as they are: value_out->s is text. 22023. */
Status setting_parse(Ctx *ctx, const SettingInfo *info, const char *text, SettingValue *value_out);
/* As SHOW prints it, in the largest unit that divides the number; plain: as pg_settings does, in the base unit. */
Status setting_format(Ctx *ctx, Arena *arena, const SettingInfo *info, SettingValue value, bool plain,
                      const char **text_out);
const char *setting_unit_name(SettingUnit unit); /* "kB"; NULL for none */
/* The i-th option of an enum setting, NULL past the last. In the arena. */
const char *setting_option(Arena *arena, const SettingInfo *info, int i);

#endif
