/* interval.c - interval: reading (verbose, SQL standard and ISO 8601 forms), printing in the four styles,
 * typmods, compare and hash. */
#include "common/hash.h"
#include "common/settings.h"
#include "types/datetime.h"
#include "types/float_text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Parts seen; a part may be given once. */
enum {
    S_MICROSECOND = 1 << 0, S_MILLISECOND = 1 << 1, S_SECOND = 1 << 2, S_MINUTE = 1 << 3, S_HOUR = 1 << 4,
    S_DAY = 1 << 5, S_WEEK = 1 << 6, S_MONTH = 1 << 7, S_YEAR = 1 << 8, S_DECADE = 1 << 9,
    S_CENTURY = 1 << 10, S_MILLENNIUM = 1 << 11,
    S_ALL_SECONDS = S_SECOND | S_MILLISECOND | S_MICROSECOND,
    S_TIME = S_HOUR | S_MINUTE | S_ALL_SECONDS
};

typedef struct UnitWord {
    char text[11];
    uint8_t unit;
} UnitWord;

/* Sorted; ten characters count. Those from UNIT_FIRST_FIELD on are for extract only. */
static const UnitWord unit_words[] = {
    {"ago", UNIT_AGO},          {"at", UNIT_IGNORE},        {"c", UNIT_CENTURY},         {"cent", UNIT_CENTURY},
    {"centuries", UNIT_CENTURY}, {"century", UNIT_CENTURY}, {"d", UNIT_DAY},             {"day", UNIT_DAY},
    {"days", UNIT_DAY},         {"dec", UNIT_DECADE},       {"decade", UNIT_DECADE},     {"decades", UNIT_DECADE},
    {"decs", UNIT_DECADE},     {"dow", UNIT_DOW},           {"doy", UNIT_DOY},           {"epoch", UNIT_EPOCH},
          {"h", UNIT_HOUR},           {"hour", UNIT_HOUR},         {"hours", UNIT_HOUR},
    {"hr", UNIT_HOUR},          {"hrs", UNIT_HOUR},         {"isodow", UNIT_ISODOW},  {"isoyear", UNIT_ISOYEAR}, {"j", UNIT_JULIAN}, {"jd", UNIT_JULIAN}, {"julian", UNIT_JULIAN}, {"m", UNIT_MINUTE},         {"microsecon", UNIT_MICROSECOND},
    {"mil", UNIT_MILLENNIUM},   {"millennia", UNIT_MILLENNIUM}, {"millennium", UNIT_MILLENNIUM},
    {"millisecon", UNIT_MILLISECOND}, {"mils", UNIT_MILLENNIUM}, {"min", UNIT_MINUTE},   {"mins", UNIT_MINUTE},
    {"minute", UNIT_MINUTE},    {"minutes", UNIT_MINUTE},   {"mon", UNIT_MONTH},         {"mons", UNIT_MONTH},
    {"month", UNIT_MONTH},      {"months", UNIT_MONTH},     {"ms", UNIT_MILLISECOND},    {"msec", UNIT_MILLISECOND},
    {"mseconds", UNIT_MILLISECOND}, {"msecs", UNIT_MILLISECOND}, {"on", UNIT_IGNORE},    {"qtr", UNIT_QUARTER},
    {"quarter", UNIT_QUARTER},  {"s", UNIT_SECOND},         {"sec", UNIT_SECOND},        {"second", UNIT_SECOND},
    {"seconds", UNIT_SECOND},   {"secs", UNIT_SECOND},      {"timezone", UNIT_TIMEZONE}, {"timezone_h", UNIT_TIMEZONE_HOUR}, {"timezone_m", UNIT_TIMEZONE_MINUTE},    {"us", UNIT_MICROSECOND},
    {"usec", UNIT_MICROSECOND}, {"usecond", UNIT_MICROSECOND}, {"useconds", UNIT_MICROSECOND},
    {"usecs", UNIT_MICROSECOND}, {"w", UNIT_WEEK},          {"week", UNIT_WEEK},         {"weeks", UNIT_WEEK},
    {"y", UNIT_YEAR},           {"year", UNIT_YEAR},        {"years", UNIT_YEAR},        {"yr", UNIT_YEAR},
    {"yrs", UNIT_YEAR},
};

DateUnit
datetime_find_unit(const char *s)
{
    size_t lo = 0, hi = sizeof(unit_words) / sizeof(unit_words[0]);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strncmp(s, unit_words[mid].text, 10);
        if (c == 0) return (DateUnit)unit_words[mid].unit;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return UNIT_NONE;
}

/* While reading, every part is wide; narrowed at the end. */
typedef struct Parts {
    int64_t years, months, days, us;
    int seen;
} Parts;

static bool
add_scaled(int64_t *to, int64_t v, int64_t scale)
{
    return !__builtin_mul_overflow(v, scale, &v) && !__builtin_add_overflow(*to, v, to);
}

static bool
add_int_scaled(int64_t *to, int64_t v, int64_t scale)
{
    return add_scaled(to, v, scale) && *to >= INT32_MIN && *to <= INT32_MAX;
}

/* fraction of a unit of scale µs, rounded half away from zero. */
static bool
add_fraction_us(Parts *p, double fraction, int64_t scale)
{
    if (fraction == 0) return true;
    double us = fraction * (double)scale;
    int64_t whole = (int64_t)us;
    us -= (double)whole;
    if (us > 0.5)
        whole++;
    else if (us < -0.5)
        whole--;
    return !__builtin_add_overflow(p->us, whole, &p->us);
}

static bool
add_fraction_days(Parts *p, double fraction, int scale)
{
    if (fraction == 0) return true;
    fraction *= scale;
    int whole = (int)fraction;
    p->days += whole;
    if (p->days > INT32_MAX || p->days < INT32_MIN) return false;
    return add_fraction_us(p, fraction - whole, USECS_PER_DAY);
}

static bool
add_fraction_years(Parts *p, double fraction, int scale)
{
    p->months += (int)rint(fraction * scale * MONTHS_PER_YEAR);
    return p->months <= INT32_MAX && p->months >= INT32_MIN;
}

/* value + fraction of a unit. */
static bool
add_unit(Parts *p, DateUnit unit, int64_t v, double f, int *mask)
{
    switch (unit) {
    case UNIT_MICROSECOND:
        *mask = S_MICROSECOND;
        return add_scaled(&p->us, v, 1) && add_fraction_us(p, f, 1);
    case UNIT_MILLISECOND:
        *mask = S_MILLISECOND;
        return add_scaled(&p->us, v, 1000) && add_fraction_us(p, f, 1000);
    case UNIT_SECOND:
        *mask = f == 0 ? S_SECOND : S_ALL_SECONDS;
        return add_scaled(&p->us, v, USECS_PER_SEC) && add_fraction_us(p, f, USECS_PER_SEC);
    case UNIT_MINUTE:
        *mask = S_MINUTE;
        return add_scaled(&p->us, v, USECS_PER_MINUTE) && add_fraction_us(p, f, USECS_PER_MINUTE);
    case UNIT_HOUR:
        *mask = S_HOUR;
        return add_scaled(&p->us, v, USECS_PER_HOUR) && add_fraction_us(p, f, USECS_PER_HOUR);
    case UNIT_DAY:
        *mask = S_DAY;
        return add_int_scaled(&p->days, v, 1) && add_fraction_us(p, f, USECS_PER_DAY);
    case UNIT_WEEK:
        *mask = S_WEEK;
        return add_int_scaled(&p->days, v, 7) && add_fraction_days(p, f, 7);
    case UNIT_MONTH:
        *mask = S_MONTH;
        return add_int_scaled(&p->months, v, 1) && add_fraction_days(p, f, DAYS_PER_MONTH);
    case UNIT_YEAR:
        *mask = S_YEAR;
        return add_int_scaled(&p->years, v, 1) && add_fraction_years(p, f, 1);
    case UNIT_DECADE:
        *mask = S_DECADE;
        return add_int_scaled(&p->years, v, 10) && add_fraction_years(p, f, 10);
    case UNIT_CENTURY:
        *mask = S_CENTURY;
        return add_int_scaled(&p->years, v, 100) && add_fraction_years(p, f, 100);
    case UNIT_MILLENNIUM:
        *mask = S_MILLENNIUM;
        return add_int_scaled(&p->years, v, 1000) && add_fraction_years(p, f, 1000);
    default: return false;
    }
}

/* hh:mm[:ss[.f]]; with fields MINUTE TO SECOND two numbers are mm:ss, and mm:ss.f always is. */
static DtError
parse_clock(Parts *p, const char *s, int fields, int *mask)
{
    int64_t h, m, sec = 0;
    double f = 0;
    *mask = S_TIME;
    if (!datetime_number(&s, true, &h)) return DT_OVERFLOW;
    if (*s != ':') return DT_BAD_FORMAT;
    s++;
    if (!datetime_number(&s, false, &m)) return DT_OVERFLOW;
    if (*s == '\0') {
        if (fields == (INTERVAL_FIELD_MINUTE | INTERVAL_FIELD_SECOND)) sec = m, m = h, h = 0;
    } else if (*s == '.') {
        f = datetime_fraction(&s);
        sec = m, m = h, h = 0;
    } else if (*s == ':') {
        s++;
        if (!datetime_number(&s, false, &sec)) return DT_OVERFLOW;
        if (*s == '.') f = datetime_fraction(&s);
    } else {
        return DT_BAD_FORMAT;
    }
    if (*s != '\0') return DT_BAD_FORMAT;
    if (h < 0 || m < 0 || m > 59 || sec < 0 || sec > 60) return DT_OVERFLOW;
    int64_t us = 0;
    if (!add_scaled(&us, h, USECS_PER_HOUR) || !add_scaled(&us, m, USECS_PER_MINUTE) ||
        !add_scaled(&us, sec, USECS_PER_SEC) || !add_scaled(&us, (int64_t)rint(f * 1e6), 1) ||
        !add_scaled(&p->us, us, 1))
        return DT_OVERFLOW;
    return DT_OK;
}

/* What a number without a unit counts, by the typmod's rightmost field. */
static DateUnit
default_unit(int fields)
{
    if (fields == INTERVAL_FULL_RANGE) return UNIT_SECOND;
    if (fields & INTERVAL_FIELD_SECOND) return UNIT_SECOND;
    if (fields & INTERVAL_FIELD_MINUTE) return UNIT_MINUTE;
    if (fields & INTERVAL_FIELD_HOUR) return UNIT_HOUR;
    if (fields & INTERVAL_FIELD_DAY) return UNIT_DAY;
    if (fields & INTERVAL_FIELD_MONTH) return UNIT_MONTH;
    if (fields & INTERVAL_FIELD_YEAR) return UNIT_YEAR;
    return UNIT_SECOND;
}

static DtError
parse_quantity(Parts *p, const char *str, DateUnit *unit, int fields, bool negate, int *mask)
{
    const char *s = str;
    int64_t v;
    double f = 0;
    bool negative = *str == '-';
    if (*unit == UNIT_NONE) *unit = default_unit(fields);
    if (!datetime_number(&s, true, &v)) return DT_OVERFLOW;
    if (*s == '-') { /* SQL's years-months */
        int64_t months;
        s++;
        if (!datetime_number(&s, false, &months) || months >= MONTHS_PER_YEAR) return DT_OVERFLOW;
        if (*s != '\0') return DT_BAD_FORMAT;
        *unit = UNIT_MONTH;
        if (negative) months = -months;
        if (__builtin_mul_overflow(v, MONTHS_PER_YEAR, &v) || __builtin_add_overflow(v, months, &v))
            return DT_OVERFLOW;
    } else if (*s == '.') {
        f = datetime_fraction(&s);
        if (*s != '\0') return DT_BAD_FORMAT;
        if (negative) f = -f;
    } else if (*s != '\0') {
        return DT_BAD_FORMAT;
    }
    if (negate) {
        if (v > 0) v = -v;
        if (f > 0) f = -f;
    }
    if (*unit == UNIT_QUARTER || *unit == UNIT_AGO) return DT_BAD_FORMAT;
    if (!add_unit(p, *unit, v, f, mask)) return DT_OVERFLOW;
    if (*unit == UNIT_HOUR) *unit = UNIT_DAY; /* "1 2:03": what stands before the time is days */
    return DT_OK;
}

static bool
negate_parts(Parts *p)
{
    int64_t zero = 0;
    return !__builtin_sub_overflow(zero, p->us, &p->us) && !__builtin_sub_overflow(zero, p->days, &p->days) &&
           !__builtin_sub_overflow(zero, p->months, &p->months) &&
           !__builtin_sub_overflow(zero, p->years, &p->years) && p->months <= INT32_MAX && p->days <= INT32_MAX;
}

static DtError
parse_verbose(Ctx *ctx, const char *text, size_t nbytes, int fields, Parts *p)
{
    DtFields f;
    DateUnit unit = UNIT_NONE;
    bool ago = false, force_negative = false;
    DtError e = datetime_split(text, nbytes, &f);
    if (e != DT_OK) return e;
    if (ctx->settings != NULL && ctx->settings->interval_style == INTERVALSTYLE_SQL_STANDARD && f.n > 0 &&
        f.str[0][0] == '-') {
        force_negative = true; /* a leading minus holds for all, unless another sign appears */
        for (int i = 1; i < f.n; i++)
            if (f.str[i][0] == '-' || f.str[i][0] == '+') force_negative = false;
    }
    /* From the right, so that units are known before their numbers. */
    for (int i = f.n - 1; i >= 0; i--) {
        int mask = 0;
        char *s = f.str[i];
        switch ((DtFieldKind)f.kind[i]) {
        case DTF_TIME: {
            int64_t before = p->us;
            p->us = 0;
            if ((e = parse_clock(p, s, fields, &mask)) != DT_OK) return e;
            if (force_negative && p->us > 0) p->us = -p->us;
            if (__builtin_add_overflow(p->us, before, &p->us)) return DT_OVERFLOW;
            unit = UNIT_DAY;
            break;
        }
        case DTF_TZ:
            if (strchr(s + 1, ':') != NULL) {
                Parts clock = {0};
                if (parse_clock(&clock, s + 1, fields, &mask) == DT_OK) {
                    if (*s == '-' || (force_negative && clock.us > 0)) clock.us = -clock.us;
                    if (__builtin_add_overflow(p->us, clock.us, &p->us)) return DT_OVERFLOW;
                    unit = UNIT_DAY;
                            break;
                }
                mask = 0;
            }
            /* fallthrough */
        case DTF_DATE:
        case DTF_NUMBER:
            if ((e = parse_quantity(p, s, &unit, fields, force_negative, &mask)) != DT_OK) return e;
            break;
        case DTF_STRING:
        case DTF_SPECIAL: {
            DateUnit u = datetime_find_unit(s);
            if (u == UNIT_IGNORE) continue;
            if (u == UNIT_NONE || u >= UNIT_FIRST_FIELD) return DT_BAD_FORMAT;
            if (u == UNIT_AGO) {
                ago = true;
                unit = UNIT_AGO;
                continue;
            }
            unit = u;
            break;
        }
        }
        if (mask & p->seen) return DT_BAD_FORMAT;
        p->seen |= mask;
    }
    if (p->seen == 0) return DT_BAD_FORMAT;
    return ago && !negate_parts(p) ? DT_INTERVAL_OVERFLOW : DT_OK;
}

/* A number of the ISO form: whole part and fraction, both with the number's sign. */
static DtError
iso_number(const char **s, const char *end, int64_t *v, double *f)
{
    double value;
    const char *stop;
    if (*s == end || !(ascii_is_digit(**s) || **s == '-' || **s == '.')) return DT_BAD_FORMAT;
    if (float8_parse(*s, (size_t)(end - *s), &value, &stop) != FLOAT_OK || stop == *s) return DT_BAD_FORMAT;
    if (!(value >= -1e15 && value <= 1e15)) return DT_OVERFLOW;
    *v = (int64_t)value;
    *f = value - (double)*v;
    *s = stop;
    return DT_OK;
}

/* The part of ISO's alternative form that is made of numbers alone: yyyy-mm-dd, yyyymmdd, hh:mm:ss, hhmmss. */
static DtError
iso_packed(Parts *p, const char *digits, int64_t v, double f, const char **s, const char *end, bool time)
{
    int mask;
    char sep = time ? ':' : '-';
    int64_t part[3] = {v, 0, 0};
    double fraction[3] = {f, 0, 0};
    int n = 1;
    if (*s < end && **s == sep) {
        while (n < 3 && *s < end && **s == sep) {
            (*s)++;
            DtError e = iso_number(s, end, &part[n], &fraction[n]);
            if (e != DT_OK) return e;
            n++;
        }
    } else {
        size_t len = 0;
        if (*digits == '-' || *digits == '+') digits++;
        while (digits + len < end && ascii_is_digit(digits[len])) len++;
        int64_t unit = v < 0 ? -1 : 1, a = v * unit;
        if (!time && len == 8) {
            part[0] = unit * (a / 10000), part[1] = unit * (a / 100 % 100), part[2] = unit * (a % 100);
            fraction[0] = 0, fraction[2] = f;
            n = 3;
        } else if (time && len == 6) {
            part[0] = unit * (a / 10000), part[1] = unit * (a / 100 % 100), part[2] = unit * (a % 100);
            fraction[0] = 0, fraction[2] = f;
            n = 3;
        }
    }
    static const DateUnit date_units[3] = {UNIT_YEAR, UNIT_MONTH, UNIT_DAY}, time_units[3] = {UNIT_HOUR, UNIT_MINUTE, UNIT_SECOND};
    for (int i = 0; i < n; i++)
        if (!add_unit(p, time ? time_units[i] : date_units[i], part[i], fraction[i], &mask))
            return DT_OVERFLOW;
    return DT_OK;
}

/* P[nY][nM][nW][nD][T[nH][nM][nS]], and P[date][Ttime] in digits. */
static DtError
parse_iso(const char *s, size_t nbytes, Parts *p)
{
    const char *end = s + nbytes;
    bool time = false, any = false;
    int seen = 0;
    *p = (Parts){0};
    if (nbytes < 2 || *s++ != 'P') return DT_BAD_FORMAT;
    while (s < end) {
        int64_t v;
        double f;
        int mask = 0;
        if (*s == 'T') {
            if (time) return DT_BAD_FORMAT;
            time = true;
            any = false;
            s++;
            continue;
        }
        const char *start = s;
        DtError e = iso_number(&s, end, &v, &f);
        if (e != DT_OK) return e;
        char unit = s < end ? *s : '\0';
        if (unit == '\0' || unit == 'T' || unit == '-' || unit == ':') {
            if (any) return DT_BAD_FORMAT;
            if ((e = iso_packed(p, start, v, f, &s, end, time)) != DT_OK) return e;
            if (s < end && *s != 'T') return DT_BAD_FORMAT;
            any = true;
            continue;
        }
        s++;
        any = true;
        DateUnit u = UNIT_NONE;
        if (!time)
            u = unit == 'Y' ? UNIT_YEAR : unit == 'M' ? UNIT_MONTH : unit == 'W' ? UNIT_WEEK : unit == 'D' ? UNIT_DAY : UNIT_NONE;
        else
            u = unit == 'H' ? UNIT_HOUR : unit == 'M' ? UNIT_MINUTE : unit == 'S' ? UNIT_SECOND : UNIT_NONE;
        if (u == UNIT_NONE) return DT_BAD_FORMAT;
        if (!add_unit(p, u, v, f, &mask)) return DT_OVERFLOW;
        if (mask & seen & ~(S_SECOND)) return DT_BAD_FORMAT;
        seen |= mask;
    }
    return DT_OK;
}

Status
interval_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, Interval *out)
{
    Parts p = {0};
    DtError e = parse_verbose(ctx, text, nbytes, interval_typmod_fields(typmod), &p);
    if (e == DT_BAD_FORMAT) e = parse_iso(text, nbytes, &p);
    if (e == DT_OVERFLOW) e = DT_INTERVAL_OVERFLOW;
    if (e != DT_OK) return datetime_raise(ctx, e, text, nbytes, "interval");
    p.months += p.years * MONTHS_PER_YEAR;
    if (p.months > INT32_MAX || p.months < INT32_MIN || p.days > INT32_MAX || p.days < INT32_MIN)
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
    *out = (Interval){.us = p.us, .days = (int32_t)p.days, .months = (int32_t)p.months};
    return interval_fit_typmod(ctx, out, typmod);
}

/* Drops what is finer than the typmod's last field; coarser parts stay. */
Status
interval_fit_typmod(Ctx *ctx, Interval *iv, int32_t typmod)
{
    static const int64_t scale_of[7] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    if (typmod < 0) return QN_OK;
    int fields = interval_typmod_fields(typmod), precision = interval_typmod_precision(typmod);
    if (fields != INTERVAL_FULL_RANGE && !(fields & INTERVAL_FIELD_SECOND)) {
        if (fields & INTERVAL_FIELD_MINUTE) {
            iv->us = iv->us / USECS_PER_MINUTE * USECS_PER_MINUTE;
        } else if (fields & INTERVAL_FIELD_HOUR) {
            iv->us = iv->us / USECS_PER_HOUR * USECS_PER_HOUR;
        } else {
            iv->us = 0;
            if (!(fields & INTERVAL_FIELD_DAY)) {
                iv->days = 0;
                if (!(fields & INTERVAL_FIELD_MONTH)) iv->months = iv->months / 12 * 12;
            }
        }
    }
    if (precision != INTERVAL_FULL_PRECISION && precision < 6) {
        int64_t scale = scale_of[precision], half = scale / 2;
        if (__builtin_add_overflow(iv->us, iv->us >= 0 ? half : -half, &iv->us))
            return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "interval out of range");
        iv->us -= iv->us % scale;
    }
    return QN_OK;
}

/* Output. The parts as shown: years, months, days, hours, minutes, seconds, µs; signs go through time. */
typedef struct Shown {
    int years, months;
    int64_t days, hours;
    int minutes, seconds, us;
} Shown;

static Shown
shown_of(const Interval *iv)
{
    Shown s;
    int64_t t = iv->us;
    s.years = iv->months / 12;
    s.months = iv->months % 12;
    s.days = iv->days;
    s.hours = t / USECS_PER_HOUR;
    t %= USECS_PER_HOUR;
    s.minutes = (int)(t / USECS_PER_MINUTE);
    t %= USECS_PER_MINUTE;
    s.seconds = (int)(t / USECS_PER_SEC);
    s.us = (int)(t % USECS_PER_SEC);
    return s;
}

static void
add_seconds(StrBuf *b, int seconds, int us, bool two_digits)
{
    strbuf_addf(b, two_digits ? "%02d" : "%d", abs(seconds));
    if (us != 0) {
        char buf[8];
        int n = snprintf(buf, sizeof(buf), "%06d", abs(us));
        while (n > 0 && buf[n - 1] == '0') n--;
        strbuf_addf(b, ".%.*s", n, buf);
    }
}

static void
add_postgres_part(StrBuf *b, int64_t v, const char *unit, bool *first, bool *negative)
{
    if (v == 0) return;
    strbuf_addf(b, "%s%s%lld %s%s", *first ? "" : " ", *negative && v > 0 ? "+" : "", (long long)v, unit,
                v != 1 ? "s" : "");
    *negative = v < 0;
    *first = false;
}

static void
add_postgres(StrBuf *b, const Shown *s)
{
    bool first = true, negative = false;
    add_postgres_part(b, s->years, "year", &first, &negative);
    add_postgres_part(b, s->months, "mon", &first, &negative);
    add_postgres_part(b, s->days, "day", &first, &negative);
    if (first || s->hours != 0 || s->minutes != 0 || s->seconds != 0 || s->us != 0) {
        bool minus = s->hours < 0 || s->minutes < 0 || s->seconds < 0 || s->us < 0;
        strbuf_addf(b, "%s%s%02lld:%02d:", first ? "" : " ", minus ? "-" : negative ? "+" : "",
                    llabs((long long)s->hours), abs(s->minutes));
        add_seconds(b, s->seconds, s->us, true);
    }
}

static void
add_verbose_part(StrBuf *b, int64_t v, const char *unit, bool *first, bool *ago)
{
    if (v == 0) return;
    if (*first) {
        *ago = v < 0;
        v = v < 0 ? -v : v;
    } else if (*ago) {
        v = -v;
    }
    strbuf_addf(b, " %lld %s%s", (long long)v, unit, v == 1 ? "" : "s");
    *first = false;
}

static void
add_verbose(StrBuf *b, const Shown *s)
{
    bool first = true, ago = false;
    strbuf_addc(b, '@');
    add_verbose_part(b, s->years, "year", &first, &ago);
    add_verbose_part(b, s->months, "mon", &first, &ago);
    add_verbose_part(b, s->days, "day", &first, &ago);
    add_verbose_part(b, s->hours, "hour", &first, &ago);
    add_verbose_part(b, s->minutes, "min", &first, &ago);
    if (s->seconds != 0 || s->us != 0) {
        strbuf_addc(b, ' ');
        if (s->seconds < 0 || s->us < 0) {
            if (first)
                ago = true;
            else if (!ago)
                strbuf_addc(b, '-');
        } else if (ago) {
            strbuf_addc(b, '-');
        }
        add_seconds(b, s->seconds, s->us, false);
        strbuf_addf(b, " sec%s", abs(s->seconds) != 1 || s->us != 0 ? "s" : "");
        first = false;
    }
    if (first) strbuf_addz(b, " 0");
    if (ago) strbuf_addz(b, " ago");
}

static void
add_sql_standard(StrBuf *b, Shown s)
{
    bool negative = s.years < 0 || s.months < 0 || s.days < 0 || s.hours < 0 || s.minutes < 0 ||
                    s.seconds < 0 || s.us < 0;
    bool positive = s.years > 0 || s.months > 0 || s.days > 0 || s.hours > 0 || s.minutes > 0 ||
                    s.seconds > 0 || s.us > 0;
    bool has_months = s.years != 0 || s.months != 0;
    bool has_time = s.hours != 0 || s.minutes != 0 || s.seconds != 0 || s.us != 0;
    bool has_days = s.days != 0;
    bool standard = !(negative && positive) && !(has_months && (has_days || has_time));
    if (negative && standard) {
        strbuf_addc(b, '-');
        s.years = -s.years, s.months = -s.months, s.days = -s.days, s.hours = -s.hours;
        s.minutes = -s.minutes, s.seconds = -s.seconds, s.us = -s.us;
    }
    if (!negative && !positive) {
        strbuf_addc(b, '0');
    } else if (!standard) { /* every sign is written */
        char month_sign = s.years < 0 || s.months < 0 ? '-' : '+';
        char day_sign = s.days < 0 ? '-' : '+';
        char time_sign = s.hours < 0 || s.minutes < 0 || s.seconds < 0 || s.us < 0 ? '-' : '+';
        strbuf_addf(b, "%c%d-%d %c%lld %c%lld:%02d:", month_sign, abs(s.years), abs(s.months), day_sign,
                    llabs((long long)s.days), time_sign, llabs((long long)s.hours), abs(s.minutes));
        add_seconds(b, s.seconds, s.us, true);
    } else if (has_months) {
        strbuf_addf(b, "%d-%d", s.years, s.months);
    } else {
        if (has_days) strbuf_addf(b, "%lld ", (long long)s.days);
        strbuf_addf(b, "%lld:%02d:", (long long)s.hours, s.minutes);
        add_seconds(b, s.seconds, s.us, true);
    }
}

static void
add_iso_part(StrBuf *b, int64_t v, char unit)
{
    if (v != 0) strbuf_addf(b, "%lld%c", (long long)v, unit);
}

static void
add_iso(StrBuf *b, const Shown *s)
{
    bool has_time = s->hours != 0 || s->minutes != 0 || s->seconds != 0 || s->us != 0;
    if (!has_time && s->years == 0 && s->months == 0 && s->days == 0) {
        strbuf_addz(b, "PT0S");
        return;
    }
    strbuf_addc(b, 'P');
    add_iso_part(b, s->years, 'Y');
    add_iso_part(b, s->months, 'M');
    add_iso_part(b, s->days, 'D');
    if (!has_time) return;
    strbuf_addc(b, 'T');
    add_iso_part(b, s->hours, 'H');
    add_iso_part(b, s->minutes, 'M');
    if (s->seconds != 0 || s->us != 0) {
        if (s->seconds < 0 || s->us < 0) strbuf_addc(b, '-');
        add_seconds(b, s->seconds, s->us, false);
        strbuf_addc(b, 'S');
    }
}

void
interval_add_text(StrBuf *b, const Interval *iv, int style)
{
    Shown s = shown_of(iv);
    switch (style) {
    case INTERVALSTYLE_SQL_STANDARD: add_sql_standard(b, s); break;
    case INTERVALSTYLE_ISO_8601: add_iso(b, &s); break;
    case INTERVALSTYLE_POSTGRES_VERBOSE: add_verbose(b, &s); break;
    default: add_postgres(b, &s); break;
    }
}

Status
interval_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
            Value *out)
{
    Interval iv;
    (void)arena, (void)type;
    TRY(interval_parse(ctx, text, nbytes, typmod, &iv));
    *out = value_interval(iv);
    return QN_OK;
}

Status
interval_out(Ctx *ctx, StrBuf *b, const Value *value)
{
    interval_add_text(b, &value->interval, ctx->settings != NULL ? ctx->settings->interval_style : 0);
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

int
interval_cmp(const Value *a, const Value *b)
{
    int128 x = interval_span(&a->interval), y = interval_span(&b->interval);
    return (x > y) - (x < y);
}

uint64_t
interval_hash(const Value *v)
{
    int128 span = interval_span(&v->interval);
    return hash_combine(hash_u64((uint64_t)span), (uint64_t)(span >> 64));
}
