/* datetime.h - date, time, timestamp, timestamptz and interval: their arithmetic base, text forms, parsing.
 *
 *   date         int32_t days since 2000-01-01 (proleptic Gregorian); DATE_INFINITY and its negative
 *   time         int64_t µs since midnight, 0 .. 24:00:00 inclusive
 *   timestamp    int64_t µs since 2000-01-01 00:00 on the local calendar
 *   timestamptz  int64_t µs since 2000-01-01 00:00 UTC
 *   interval     months, days, µs: three parts that are not converted into each other
 * Infinity of timestamps is INT64_MAX, -infinity INT64_MIN. Years are astronomical inside (0 is 1 BC).
 */
#ifndef TYPES_DATETIME_H
#define TYPES_DATETIME_H

#include "types/timezone.h"
#include "types/type.h"

#define USECS_PER_SEC INT64_C(1000000)
#define USECS_PER_MINUTE (60 * USECS_PER_SEC)
#define USECS_PER_HOUR (3600 * USECS_PER_SEC)
#define USECS_PER_DAY (86400 * USECS_PER_SEC)
enum { MONTHS_PER_YEAR = 12, DAYS_PER_MONTH = 30, SECS_PER_DAY = 86400 };

#define DATE_INFINITY INT32_MAX
#define DATE_MINUS_INFINITY INT32_MIN
#define TIMESTAMP_INFINITY INT64_MAX
#define TIMESTAMP_MINUS_INFINITY INT64_MIN
#define DATE_IS_FINITE(d) ((d) != DATE_INFINITY && (d) != DATE_MINUS_INFINITY)
#define TIMESTAMP_IS_FINITE(t) ((t) != TIMESTAMP_INFINITY && (t) != TIMESTAMP_MINUS_INFINITY)

#define EPOCH_JULIAN 2451545                         /* Julian day of 2000-01-01 */
#define DATE_MIN (-EPOCH_JULIAN)                     /* 4714-11-24 BC */
#define DATE_END (2147483494 - EPOCH_JULIAN)         /* first day out of range: 5874898-01-01 */
#define TIMESTAMP_MIN INT64_C(-211813488000000000)
#define TIMESTAMP_END INT64_C(9223371331200000000)   /* 294277-01-01 */
#define UNIX_EPOCH_SECS INT64_C(946684800)           /* 2000-01-01 as Unix time */
#define DATE_IS_VALID(d) ((d) >= DATE_MIN && (d) < DATE_END)
#define TIMESTAMP_IS_VALID(t) ((t) >= TIMESTAMP_MIN && (t) < TIMESTAMP_END)

typedef struct DateTime {
    int year, month, day; /* astronomical year; 1..12; 1..31 */
    int hour, minute, second;
    int us; /* of the second */
} DateTime;

/* The calendar. Results of days_from_civil may lie outside the range of date. */
int64_t days_from_civil(int64_t year, int month, int day); /* since 2000-01-01 */
void civil_from_days(int64_t days, int *year, int *month, int *day);
int days_in_month(int year, int month);
static inline bool
is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
static inline int /* 0 is Sunday */
weekday_of(int64_t days)
{
    return (int)(((days + 6) % 7 + 7) % 7);
}
/* ISO 8601 week (1..53) and the year it belongs to; first day of a week of a year. */
int iso_week_of(int year, int month, int day, int *iso_year_out);
int64_t iso_week_start(int iso_year, int week);
static inline int64_t
floor_div(int64_t a, int64_t b) /* b > 0 */
{
    return a / b - (a % b < 0);
}

void datetime_from_timestamp(int64_t us, DateTime *out); /* finite */
bool datetime_to_timestamp(const DateTime *dt, int64_t *out); /* false: out of range */

/* Zones. tz NULL: UTC. */
const TimeZone *session_timezone(Ctx *ctx);
int32_t zone_offset_at(const TimeZone *tz, int64_t timestamptz, const char **abbrev_out);
bool timestamp_to_timestamptz(const TimeZone *tz, int64_t timestamp, int64_t *out); /* false: range */
int64_t timestamptz_to_timestamp(const TimeZone *tz, int64_t timestamptz);
/* A zone as SQL names it in AT TIME ZONE and SET: full name, abbreviation or POSIX form. Exactly one of zone
 * and offset is filled: *zone_out NULL means the constant offset. 22023. */
typedef struct ZoneSpec {
    const TimeZone *zone;
    int32_t offset;      /* zone NULL */
    const char *abbrev;  /* not NULL: this abbreviation in zone, wherever it meant something there */
    size_t abbrev_bytes;
} ZoneSpec;
Status zone_spec_parse(Ctx *ctx, const char *name, size_t nbytes, ZoneSpec *out);
int32_t zone_spec_offset_local(const ZoneSpec *spec, int64_t timestamp);
int32_t zone_spec_offset_at(const ZoneSpec *spec, int64_t timestamptz);

/* The clock, as timestamptz. */
int64_t clock_timestamptz(void);
int64_t ctx_tx_start(Ctx *ctx);
int64_t ctx_stmt_start(Ctx *ctx);

/* Input. */
Status date_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t *out);
Status time_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, int64_t *out);
Status timestamp_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, int64_t *out);
Status timestamptz_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, int64_t *out);
Status interval_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, Interval *out);

/* Output. style and order as in common/settings.h; iso_t: an ISO form with T, as JSON wants it. */
void date_add_text(StrBuf *b, int32_t date, int style, int order);
void time_add_text(StrBuf *b, int64_t us);
void timestamp_add_text(StrBuf *b, int64_t timestamp, int style, int order, bool iso_t);
void timestamptz_add_text(StrBuf *b, const TimeZone *tz, int64_t t, int style, int order, bool iso_t);
void interval_add_text(StrBuf *b, const Interval *iv, int style);

/* What a template's fields make of a text, exact in its separators: zoned or not, a date, a time or both. */
typedef enum TemplateTimeKind { TEMPLATE_DATE, TEMPLATE_TIME, TEMPLATE_TIMETZ, TEMPLATE_TIMESTAMP, TEMPLATE_TIMESTAMPTZ } TemplateTimeKind;
typedef struct TemplateTime {
    uint8_t kind;
    int32_t zone; /* seconds east of UTC */
    int64_t v;    /* days; or microseconds: of the day, in local time, or of the instant */
} TemplateTime;
/* 22007, 22008. */
Status datetime_read_template(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, const char *template,
                              size_t template_bytes, TemplateTime *out);

/* Rounds to a typmod's precision (-1: none). 22008 where rounding leaves the range. */
int64_t time_round(int64_t us, int32_t typmod);
Status timestamp_round(Ctx *ctx, int64_t *us, int32_t typmod);
Status interval_fit_typmod(Ctx *ctx, Interval *iv, int32_t typmod);

/* Interval typmods: precision in the low half (0xFFFF: full), set of fields above. */
enum {
    INTERVAL_FIELD_MONTH = 1 << 1,
    INTERVAL_FIELD_YEAR = 1 << 2,
    INTERVAL_FIELD_DAY = 1 << 3,
    INTERVAL_FIELD_HOUR = 1 << 10,
    INTERVAL_FIELD_MINUTE = 1 << 11,
    INTERVAL_FIELD_SECOND = 1 << 12,
    INTERVAL_FULL_RANGE = 0x7FFF,
    INTERVAL_FULL_PRECISION = 0xFFFF
};
static inline int interval_typmod_fields(int32_t t) { return t >= 0 ? t >> 16 & 0x7FFF : INTERVAL_FULL_RANGE; }
static inline int interval_typmod_precision(int32_t t) { return t >= 0 ? t & 0xFFFF : INTERVAL_FULL_PRECISION; }

/* The interval as one number, with 30-day months and 24-hour days: its order and equality. */
static inline int128
interval_span(const Interval *iv)
{
    return (int128)iv->us + ((int128)iv->months * DAYS_PER_MONTH + iv->days) * USECS_PER_DAY;
}

static inline Value
value_interval(Interval iv)
{
    Value v = value_null(TYPE_INTERVAL);
    v.is_null = false;
    v.phys = PHYS_INTERVAL;
    v.interval = iv;
    return v;
}

/* Names, for input, output and to_char. */
extern const char *const month_names[12];   /* "January" */
extern const char *const weekday_names[7];  /* "Sunday" */

/* Units of intervals and fields of extract and date_trunc. */
typedef enum DateUnit {
    UNIT_NONE, UNIT_MICROSECOND, UNIT_MILLISECOND, UNIT_SECOND, UNIT_MINUTE, UNIT_HOUR, UNIT_DAY, UNIT_WEEK,
    UNIT_MONTH, UNIT_QUARTER, UNIT_YEAR, UNIT_DECADE, UNIT_CENTURY, UNIT_MILLENNIUM, UNIT_AGO, UNIT_IGNORE,
    UNIT_FIRST_FIELD, /* from here on: for extract only */
    UNIT_EPOCH = UNIT_FIRST_FIELD, UNIT_DOW, UNIT_ISODOW, UNIT_DOY, UNIT_ISOYEAR, UNIT_JULIAN, UNIT_TIMEZONE,
    UNIT_TIMEZONE_HOUR, UNIT_TIMEZONE_MINUTE
} DateUnit;
DateUnit datetime_find_unit(const char *s); /* lower case, NUL-terminated; ten characters count */

/* Arithmetic. Months first (the day stays within the month), then days, then time; timestamptz counts months
 * and days in the zone's local time. 22008. */
Status timestamp_add_interval(Ctx *ctx, int64_t t, const Interval *iv, int64_t *out);
Status timestamptz_add_interval(Ctx *ctx, const TimeZone *tz, int64_t t, const Interval *iv, int64_t *out);
Status interval_negate(Ctx *ctx, const Interval *iv, Interval *out);
/* iv times factor, or divided by it (which is not 0). 22008. */
Status interval_scale_by(Ctx *ctx, const Interval *iv, double factor, bool divide, Interval *out);
Status date_to_timestamp(Ctx *ctx, int32_t date, int64_t *out);

/* What the parsers report; turned into PostgreSQL's errors by datetime_raise. */
typedef enum DtError { DT_OK, DT_BAD_FORMAT, DT_OVERFLOW, DT_MD_OVERFLOW, DT_INTERVAL_OVERFLOW,
                       DT_TZ_OVERFLOW, DT_RAISED } DtError;
Status datetime_raise(Ctx *ctx, DtError e, const char *text, size_t nbytes, const char *type_name);

/* Pieces shared by the date and the interval parser (datetime_in.c). */
enum { DT_FIELDS_MAX = 25, DT_TEXT_MAX = 256 };
typedef enum DtFieldKind { DTF_NUMBER, DTF_STRING, DTF_DATE, DTF_TIME, DTF_TZ, DTF_SPECIAL } DtFieldKind;
typedef struct DtFields {
    int n;
    uint8_t kind[DT_FIELDS_MAX];
    char *str[DT_FIELDS_MAX]; /* lower case, NUL-terminated, in buf */
    char buf[DT_TEXT_MAX];
} DtFields;
DtError datetime_split(const char *text, size_t nbytes, DtFields *f);
/* Digits after the point at *s -> fraction of one; advances. "." alone is zero. */
double datetime_fraction(const char **s);
/* Decimal digits at *s (a sign allowed when sign_ok); false: out of int64's range. */
bool datetime_number(const char **s, bool sign_ok, int64_t *out);

#endif
