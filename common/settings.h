/* settings.h - the values of a session's settings, one field a row of settings.def.
 *
 * A session owns a Settings; everyone else reads it through ctx->settings. Strings are owned by the session
 * and replaced, never edited, so a pointer read by the session's own thread stays valid for the statement.
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

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

#endif
