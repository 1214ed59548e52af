/* datetime_in.c - reading dates and times in every form PostgreSQL documents (its appendix B).
 *
 * Text is first split into fields by shape alone (datetime_split); then each field is given a meaning by
 * what it looks like and by which parts of the date are known already. A bit mask holds the parts seen, and
 * a part seen twice is an error. Values are checked at the end, when all of them are known. */
#include "types/timetz.h"
#include "common/settings.h"
#include <math.h>
#include <stdlib.h>

/* Parts seen. */
enum {
    M_MONTH = 1 << 0,
    M_YEAR = 1 << 1,
    M_DAY = 1 << 2,
    M_DATE = M_MONTH | M_YEAR | M_DAY,
    M_HOUR = 1 << 3,
    M_MINUTE = 1 << 4,
    M_SECOND = 1 << 5,
    M_TIME = M_HOUR | M_MINUTE | M_SECOND,
    M_TZ = 1 << 6,
    M_DTZ = 1 << 7,
    M_DOY = 1 << 8,
    M_AMPM = 1 << 9,
    M_ERA = 1 << 10,
    M_WEEKDAY = 1 << 11,
    M_RESERVED = 1 << 12
};

/* What a word means. */
typedef enum WordKind {
    W_NONE,
    W_IGNORE,
    W_MONTH,
    W_WEEKDAY,
    W_AMPM,
    W_ERA,
    W_DST,
    W_UNIT,
    W_T,
    W_NOW,
    W_TODAY,
    W_TOMORROW,
    W_YESTERDAY,
    W_EPOCH,
    W_INFINITY,
    W_MINUS_INFINITY,
    W_ALLBALLS
} WordKind;

/* What a unit word, or the T of ISO times, says the next number is. */
enum { NEXT_ANY, NEXT_YEAR, NEXT_MONTH, NEXT_DAY, NEXT_HOUR, NEXT_MINUTE, NEXT_SECOND, NEXT_JULIAN, NEXT_TIME };

typedef struct Word {
    char text[11];
    uint8_t kind;
    int16_t value;
} Word;

/* Sorted. Ten characters of a word count, as in PostgreSQL. */
static const Word words[] = {
    {"-infinity", W_MINUS_INFINITY, 0},
    {"ad", W_ERA, 0},
    {"allballs", W_ALLBALLS, 0},
    {"am", W_AMPM, 0},
    {"apr", W_MONTH, 4},
    {"april", W_MONTH, 4},
    {"at", W_IGNORE, 0},
    {"aug", W_MONTH, 8},
    {"august", W_MONTH, 8},
    {"bc", W_ERA, 1},
    {"d", W_UNIT, NEXT_DAY},
    {"dec", W_MONTH, 12},
    {"december", W_MONTH, 12},
    {"dst", W_DST, 0},
    {"epoch", W_EPOCH, 0},
    {"feb", W_MONTH, 2},
    {"february", W_MONTH, 2},
    {"fri", W_WEEKDAY, 5},
    {"friday", W_WEEKDAY, 5},
    {"h", W_UNIT, NEXT_HOUR},
    {"infinity", W_INFINITY, 0},
    {"j", W_UNIT, NEXT_JULIAN},
    {"jan", W_MONTH, 1},
    {"january", W_MONTH, 1},
    {"jd", W_UNIT, NEXT_JULIAN},
    {"jul", W_MONTH, 7},
    {"julian", W_UNIT, NEXT_JULIAN},
    {"july", W_MONTH, 7},
    {"jun", W_MONTH, 6},
    {"june", W_MONTH, 6},
    {"m", W_UNIT, NEXT_MONTH},
    {"mar", W_MONTH, 3},
    {"march", W_MONTH, 3},
    {"may", W_MONTH, 5},
    {"mm", W_UNIT, NEXT_MINUTE},
    {"mon", W_WEEKDAY, 1},
    {"monday", W_WEEKDAY, 1},
    {"nov", W_MONTH, 11},
    {"november", W_MONTH, 11},
    {"now", W_NOW, 0},
    {"oct", W_MONTH, 10},
    {"october", W_MONTH, 10},
    {"on", W_IGNORE, 0},
    {"pm", W_AMPM, 1},
    {"s", W_UNIT, NEXT_SECOND},
    {"sat", W_WEEKDAY, 6},
    {"saturday", W_WEEKDAY, 6},
    {"sep", W_MONTH, 9},
    {"sept", W_MONTH, 9},
    {"september", W_MONTH, 9},
    {"sun", W_WEEKDAY, 0},
    {"sunday", W_WEEKDAY, 0},
    {"t", W_T, NEXT_TIME},
    {"thu", W_WEEKDAY, 4},
    {"thur", W_WEEKDAY, 4},
    {"thurs", W_WEEKDAY, 4},
    {"thursday", W_WEEKDAY, 4},
    {"today", W_TODAY, 0},
    {"tomorrow", W_TOMORROW, 0},
    {"tue", W_WEEKDAY, 2},
    {"tues", W_WEEKDAY, 2},
    {"tuesday", W_WEEKDAY, 2},
    {"wed", W_WEEKDAY, 3},
    {"wednesday", W_WEEKDAY, 3},
    {"weds", W_WEEKDAY, 3},
    {"y", W_UNIT, NEXT_YEAR},
    {"yesterday", W_YESTERDAY, 0},
};

static const Word *
find_word(const char *s)
{
    size_t lo = 0, hi = sizeof(words) / sizeof(words[0]);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strncmp(s, words[mid].text, 10);
        if (c == 0) return &words[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

Status
datetime_raise(Ctx *ctx, DtError e, const char *text, size_t nbytes, const char *type_name)
{
    int n = nbytes > INT32_MAX ? INT32_MAX : (int)nbytes;
    switch (e) {
    case DT_OK: return QN_OK;
    case DT_RAISED: return ctx->err.code;
    case DT_OVERFLOW:
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"%.*s\"", n,
                     text);
    case DT_MD_OVERFLOW:
        return err_hint(ctx,
                        RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW,
                              "date/time field value out of range: \"%.*s\"", n, text),
                        "Perhaps you need a different \"datestyle\" setting.");
    case DT_INTERVAL_OVERFLOW:
        return RAISE(ctx, ERR_INTERVAL_FIELD_OVERFLOW, "interval field value out of range: \"%.*s\"", n,
                     text);
    case DT_TZ_OVERFLOW:
        return RAISE(ctx, ERR_INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                     "time zone displacement out of range: \"%.*s\"", n, text);
    case DT_BAD_FORMAT: break;
    }
    return RAISE(ctx, ERR_INVALID_DATETIME_FORMAT, "invalid input syntax for type %s: \"%.*s\"",
                 type_name, n, text);
}

static bool is_alnum(char c) { return ascii_is_alpha(c) || ascii_is_digit(c); }

static bool
is_punct(char c)
{
    return c > ' ' && c < 0x7F && !is_alnum(c);
}

/* Writing cursor of datetime_split: copies characters of a field, lower-cased. */
typedef struct Splitter {
    const char *p, *end;
    char *q, *limit;
    bool full;
} Splitter;

static char peek(const Splitter *s) { return s->p < s->end ? *s->p : '\0'; }

static void
take(Splitter *s)
{
    if (s->q >= s->limit)
        s->full = true;
    else
        *s->q++ = ascii_lower(*s->p);
    s->p++;
}

static void
take_digits(Splitter *s)
{
    while (ascii_is_digit(peek(s))) take(s);
}

static void
take_set(Splitter *s, const char *more, bool alpha)
{
    for (char c; (c = peek(s)) != '\0';) {
        if (!(ascii_is_digit(c) || (alpha && ascii_is_alpha(c)) || strchr(more, c) != NULL)) break;
        take(s);
    }
}

/* A field that starts with a digit: time, date or number. */
static DtFieldKind
split_number(Splitter *s)
{
    take_digits(s);
    if (peek(s) == ':') {
        take_set(s, ":.", false);
        return DTF_TIME;
    }
    char delim = peek(s);
    if (delim != '-' && delim != '/' && delim != '.') return DTF_NUMBER;
    take(s);
    if (!ascii_is_digit(peek(s))) {
        /* A month name may be inside. */
        for (char c; (c = peek(s)) != '\0' && (is_alnum(c) || c == delim);) take(s);
        return DTF_DATE;
    }
    DtFieldKind kind = delim == '.' ? DTF_NUMBER : DTF_DATE;
    take_digits(s);
    if (peek(s) == delim) {
        kind = DTF_DATE;
        for (char c; (c = peek(s)) != '\0' && (ascii_is_digit(c) || c == delim);) take(s);
    }
    return kind;
}

static DtFieldKind
split_word(Splitter *s, const char *start)
{
    while (ascii_is_alpha(peek(s))) take(s);
    char c = peek(s);
    bool is_date = c == '-' || c == '/' || c == '.';
    if (c == '+' || ascii_is_digit(c)) {
        /* "pst8pdt" or "gmt+8", unless the letters are a word of their own: "jan8", "t040506". */
        if (s->q < s->limit) {
            *s->q = '\0';
            is_date = find_word(start) == NULL;
        }
    }
    if (!is_date) return DTF_STRING;
    do take(s);
    while ((c = peek(s)) != '\0' && (is_alnum(c) || strchr("+-/_.:", c) != NULL));
    return DTF_DATE;
}

DtError
datetime_split(const char *text, size_t nbytes, DtFields *f)
{
    Splitter s = {.p = text, .end = text + nbytes, .q = f->buf, .limit = f->buf + DT_TEXT_MAX - 1};
    f->n = 0;
    while (s.p < s.end) {
        char c = *s.p;
        if (ascii_is_space(c)) {
            s.p++;
            continue;
        }
        if (f->n == DT_FIELDS_MAX) return DT_BAD_FORMAT;
        char *start = s.q;
        DtFieldKind kind;
        if (ascii_is_digit(c)) {
            kind = split_number(&s);
        } else if (c == '.') {
            take(&s);
            take_digits(&s);
            kind = DTF_NUMBER;
        } else if (ascii_is_alpha(c)) {
            kind = split_word(&s, start);
        } else if (c == '+' || c == '-') {
            take(&s);
            while (ascii_is_space(peek(&s))) s.p++;
            if (ascii_is_digit(peek(&s))) {
                kind = DTF_TZ;
                take_set(&s, ":.-", false);
            } else if (ascii_is_alpha(peek(&s))) {
                kind = DTF_SPECIAL;
                while (ascii_is_alpha(peek(&s))) take(&s);
            } else {
                return DT_BAD_FORMAT;
            }
        } else if (is_punct(c)) {
            s.p++;
            continue;
        } else {
            return DT_BAD_FORMAT;
        }
        if (s.full || s.q >= s.limit) return DT_BAD_FORMAT;
        *s.q++ = '\0';
        f->str[f->n] = start;
        f->kind[f->n++] = (uint8_t)kind;
    }
    return DT_OK;
}

double
datetime_fraction(const char **s)
{
    static const double pow10[19] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                     1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    int64_t v = 0;
    int n = 0;
    const char *p = *s;
    if (*p == '.') p++;
    for (; ascii_is_digit(*p); p++)
        if (n < 18) {
            v = v * 10 + (*p - '0');
            n++;
        }
    *s = p;
    return (double)v / pow10[n];
}

bool
datetime_number(const char **s, bool sign_ok, int64_t *out)
{
    const char *p = *s;
    bool negative = false;
    int64_t v = 0;
    if (sign_ok && (*p == '-' || *p == '+')) negative = *p++ == '-';
    for (; ascii_is_digit(*p); p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *p - '0', &v)) return false;
    *s = p;
    if (negative) {
        *out = v;
        return true;
    }
    return !__builtin_sub_overflow((int64_t)0, v, out);
}

/* A number that fits int. */
static bool
parse_int(const char **s, int *out)
{
    int64_t v;
    if (!datetime_number(s, true, &v) || v > INT32_MAX || v < INT32_MIN) return false;
    *out = (int)v;
    return true;
}

typedef struct Parser {
    Ctx *ctx;
    int order; /* DateOrder */
    bool time_only;
    int seen;
    DateTime dt;
    int64_t fsec_us; /* 0 .. 1000000, after rounding */
    int yday;
    bool text_month, two_digit_year, bc, julian;
    int ampm;          /* -1 none, 0 am, 1 pm */
    bool dst;          /* "MET DST": an hour on top of the zone before it */
    int next;          /* NEXT_ */
    WordKind special;  /* W_EPOCH, W_INFINITY, W_MINUS_INFINITY, or W_NONE */
    bool has_offset;
    int32_t offset;
    const TimeZone *zone; /* named zone, offset depends on the time */
    const char *zone_abbrev;
} Parser;

static int64_t
fraction_us(const char **s)
{
    return (int64_t)rint(datetime_fraction(s) * 1e6);
}

/* +hh, +hhmm, +hh:mm[:ss] */
static DtError
parse_offset(const char *s, int32_t *out)
{
    char sign = *s;
    const char *start = s + 1;
    int hour, minute = 0, second = 0;
    if (sign != '+' && sign != '-') return DT_BAD_FORMAT;
    s = start;
    if (!ascii_is_digit(*s)) return DT_BAD_FORMAT;
    if (!parse_int(&s, &hour)) return DT_TZ_OVERFLOW;
    if (*s == ':') {
        s++;
        if (!parse_int(&s, &minute)) return DT_TZ_OVERFLOW;
        if (*s == ':') {
            s++;
            if (!parse_int(&s, &second)) return DT_TZ_OVERFLOW;
        }
    } else if (*s == '\0' && s - start > 2) {
        minute = hour % 100;
        hour /= 100;
    }
    if (hour < 0 || hour > 15 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return DT_TZ_OVERFLOW;
    *out = (hour * 60 + minute) * 60 + second;
    if (sign == '-') *out = -*out;
    return *s == '\0' ? DT_OK : DT_BAD_FORMAT;
}

static DtError
parse_clock(Parser *p, const char *s, int *mask)
{
    int h, m, sec = 0;
    int64_t us = 0;
    *mask = M_TIME;
    if (!parse_int(&s, &h)) return DT_OVERFLOW;
    if (*s != ':') return DT_BAD_FORMAT;
    s++;
    if (!parse_int(&s, &m)) return DT_OVERFLOW;
    if (*s == '.') { /* mm:ss.fff */
        us = fraction_us(&s);
        sec = m, m = h, h = 0;
    } else if (*s == ':') {
        s++;
        if (!parse_int(&s, &sec)) return DT_OVERFLOW;
        if (*s == '.') us = fraction_us(&s);
    }
    if (*s != '\0') return DT_BAD_FORMAT;
    if (h < 0 || m < 0 || m > 59 || sec < 0 || sec > 60 || us < 0 || us > USECS_PER_SEC)
        return DT_OVERFLOW;
    p->dt.hour = h;
    p->dt.minute = m;
    p->dt.second = sec;
    p->fsec_us = us;
    return DT_OK;
}

static int
two_digits(const char *s)
{
    return (s[0] - '0') * 10 + (s[1] - '0');
}

/* Run-together digits: yyyymmdd, yymmdd, hhmmss, hhmm. s may be cut at its decimal point. */
static DtError
parse_packed(Parser *p, char *s, int seen, int *mask)
{
    char *point = strchr(s, '.');
    if (point != NULL) {
        const char *t = point;
        p->fsec_us = fraction_us(&t);
        if (*t != '\0') return DT_BAD_FORMAT;
        *point = '\0';
    }
    size_t len = strlen(s);
    for (size_t i = 0; i < len; i++)
        if (!ascii_is_digit(s[i])) return DT_BAD_FORMAT;
    if (point == NULL && (seen & M_DATE) != M_DATE && len >= 6) {
        *mask = M_DATE;
        p->dt.day = two_digits(s + len - 2);
        p->dt.month = two_digits(s + len - 4);
        s[len - 4] = '\0';
        const char *t = s;
        if (!parse_int(&t, &p->dt.year)) return DT_OVERFLOW;
        if (len - 4 == 2) p->two_digit_year = true;
        return DT_OK;
    }
    if ((seen & M_TIME) == M_TIME || (len != 6 && len != 4)) return DT_BAD_FORMAT;
    *mask = M_TIME;
    p->dt.hour = two_digits(s);
    p->dt.minute = two_digits(s + 2);
    p->dt.second = len == 6 ? two_digits(s + 4) : 0;
    return DT_OK;
}

/* One number of a date: which part it is depends on those seen and on the order setting. */
static DtError
parse_number(Parser *p, char *str, int seen, int *mask)
{
    const char *s = str;
    size_t len = strlen(str);
    int v;
    if (!parse_int(&s, &v)) return DT_OVERFLOW;
    if (s == str) return DT_BAD_FORMAT;
    if (*s == '.') {
        if (s - str > 2) return parse_packed(p, str, seen | M_DATE, mask);
        p->fsec_us = fraction_us(&s);
    }
    if (*s != '\0') return DT_BAD_FORMAT;
    if (len == 3 && (seen & M_DATE) == M_YEAR && v >= 1 && v <= 366) {
        *mask = M_DOY | M_MONTH | M_DAY;
        p->yday = v;
        return DT_OK;
    }
    switch (seen & M_DATE) {
    case 0:
        *mask = len >= 3 || p->order == DATEORDER_YMD ? M_YEAR
                : p->order == DATEORDER_DMY           ? M_DAY
                                                      : M_MONTH;
        break;
    case M_YEAR: *mask = M_MONTH; break;
    case M_MONTH:
        *mask = p->text_month && (len >= 3 || p->order == DATEORDER_YMD) ? M_YEAR : M_DAY;
        break;
    case M_YEAR | M_MONTH:
        if (p->text_month && len >= 3 && p->two_digit_year) {
            /* DD-MON-YYYY under YMD: what was taken for the year is the day. */
            *mask = M_DAY;
            p->dt.day = p->dt.year;
            p->dt.year = v;
            p->two_digit_year = false;
            return DT_OK;
        }
        *mask = M_DAY;
        break;
    case M_DAY: *mask = M_MONTH; break;
    case M_MONTH | M_DAY: *mask = M_YEAR; break;
    case M_DATE: return parse_packed(p, str, seen, mask);
    default: return DT_BAD_FORMAT;
    }
    if (*mask == M_YEAR) {
        p->dt.year = v;
        p->two_digit_year = len <= 2;
    } else if (*mask == M_MONTH) {
        p->dt.month = v;
    } else {
        p->dt.day = v;
    }
    return DT_OK;
}

/* A date with separators; a month name is looked for first, it settles the rest. */
static DtError
parse_date_parts(Parser *p, char *s, int seen, int *mask)
{
    char *part[DT_FIELDS_MAX];
    int n = 0, all = 0;
    while (*s != '\0' && n < DT_FIELDS_MAX) {
        while (*s != '\0' && !is_alnum(*s)) s++;
        if (*s == '\0') return DT_BAD_FORMAT; /* a trailing separator */
        part[n++] = s;
        if (ascii_is_digit(*s))
            while (ascii_is_digit(*s)) s++;
        else
            while (ascii_is_alpha(*s)) s++;
        if (*s != '\0') *s++ = '\0'; /* a letter that follows digits is lost, as in PostgreSQL */
    }
    for (int i = 0; i < n; i++) {
        if (!ascii_is_alpha(part[i][0])) continue;
        const Word *w = find_word(part[i]);
        if (w != NULL && w->kind == W_IGNORE) continue;
        if (w == NULL || w->kind != W_MONTH) return DT_BAD_FORMAT;
        if ((seen | all) & M_MONTH) return DT_BAD_FORMAT;
        p->dt.month = w->value;
        p->text_month = true;
        all |= M_MONTH;
        part[i] = NULL;
    }
    for (int i = 0; i < n; i++) {
        int m = 0;
        if (part[i] == NULL || ascii_is_alpha(part[i][0])) continue;
        DtError e = parse_number(p, part[i], seen | all, &m);
        if (e != DT_OK) return e;
        if ((seen | all) & m) return DT_BAD_FORMAT;
        all |= m;
    }
    *mask = all;
    if (((seen | all) & ~(M_DOY | M_TZ)) != M_DATE) return DT_BAD_FORMAT;
    return DT_OK;
}

/* A month name counts for the field it stands in. */
static DtError
parse_date_field(Parser *p, char *s, int seen, int *mask)
{
    bool text_month = p->text_month;
    p->text_month = false;
    DtError e = parse_date_parts(p, s, seen, mask);
    p->text_month = text_month;
    return e;
}

static DtError
find_zone(Parser *p, const char *s, bool must)
{
    const TimeZone *zone;
    if (timezone_find(p->ctx, s, strlen(s), &zone) != QN_OK) return DT_RAISED;
    if (zone == NULL) {
        if (!must) return DT_BAD_FORMAT;
        (void)RAISE(p->ctx, ERR_INVALID_PARAMETER_VALUE, "time zone \"%s\" not recognized", s);
        return DT_RAISED;
    }
    p->zone = zone;
    p->zone_abbrev = NULL;
    return DT_OK;
}

/* A date-shaped field after the date: a zone name with punctuation, or hhmmss-zz. */
static DtError
parse_zone_or_packed(Parser *p, char *s, int *mask)
{
    if (!ascii_is_digit(*s) && p->next == NEXT_ANY) {
        *mask = M_TZ;
        return find_zone(p, s, true);
    }
    if (p->next != NEXT_ANY && p->next != NEXT_TIME) return DT_BAD_FORMAT;
    p->next = NEXT_ANY;
    if ((p->seen & M_TIME) == M_TIME) return DT_BAD_FORMAT;
    char *sign = strchr(s, '-');
    if (sign == NULL) return DT_BAD_FORMAT;
    DtError e = parse_offset(sign, &p->offset);
    if (e != DT_OK) return e;
    p->has_offset = true;
    *sign = '\0';
    e = parse_packed(p, s, p->seen | (p->time_only ? M_DATE : 0), mask);
    *mask |= M_TZ;
    return e;
}

/* A number that a unit letter announced: y2001m12d27h04m05s06.789, J2451187, T040506. */
static DtError
parse_labelled(Parser *p, char *str, int *mask)
{
    const char *s = str;
    int v, next = p->next;
    p->next = NEXT_ANY;
    if (next == NEXT_TIME) {
        DtError e = parse_packed(p, str, p->seen | M_DATE, mask);
        return e != DT_OK ? e : *mask == M_TIME ? DT_OK : DT_BAD_FORMAT;
    }
    if (!parse_int(&s, &v)) return DT_OVERFLOW;
    if (*s != '\0' && *s != '.') return DT_BAD_FORMAT;
    if (*s == '.' && next != NEXT_JULIAN && next != NEXT_SECOND) return DT_BAD_FORMAT;
    switch (next) {
    case NEXT_YEAR: p->dt.year = v, *mask = M_YEAR; break;
    case NEXT_MONTH:
        /* An m after the hour is the minute. */
        if ((p->seen & M_MONTH) != 0 && (p->seen & M_HOUR) != 0)
            p->dt.minute = v, *mask = M_MINUTE;
        else
            p->dt.month = v, *mask = M_MONTH;
        break;
    case NEXT_DAY: p->dt.day = v, *mask = M_DAY; break;
    case NEXT_HOUR: p->dt.hour = v, *mask = M_HOUR; break;
    case NEXT_MINUTE: p->dt.minute = v, *mask = M_MINUTE; break;
    case NEXT_SECOND:
        p->dt.second = v, *mask = M_SECOND;
        if (*s == '.') {
            p->fsec_us = fraction_us(&s);
            if (*s != '\0') return DT_BAD_FORMAT;
        }
        break;
    case NEXT_JULIAN:
        if (v < 0) return DT_OVERFLOW;
        *mask = M_DATE;
        civil_from_days((int64_t)v - EPOCH_JULIAN, &p->dt.year, &p->dt.month, &p->dt.day);
        p->julian = true;
        if (*s == '.') { /* a fraction of a day is the time */
            int64_t us = (int64_t)(datetime_fraction(&s) * (double)USECS_PER_DAY);
            if (*s != '\0') return DT_BAD_FORMAT;
            *mask |= M_TIME;
            p->dt.hour = (int)(us / USECS_PER_HOUR);
            p->dt.minute = (int)(us / USECS_PER_MINUTE % 60);
            p->dt.second = (int)(us / USECS_PER_SEC % 60);
            p->fsec_us = us % USECS_PER_SEC;
        }
        break;
    }
    return DT_OK;
}

static DtError
parse_number_field(Parser *p, const DtFields *f, int i, int *mask)
{
    char *s = f->str[i];
    size_t len = strlen(s);
    char *point = strchr(s, '.');
    if (p->next != NEXT_ANY) return parse_labelled(p, s, mask);
    if (p->time_only) {
        if (point != NULL) {
            if (i == 0 && f->n >= 2 && f->kind[f->n - 1] == DTF_DATE)
                return parse_date_field(p, s, p->seen, mask);
            if (point - s > 2) return parse_packed(p, s, p->seen | M_DATE, mask);
            return DT_BAD_FORMAT;
        }
        if (len > 4) return parse_packed(p, s, p->seen | M_DATE, mask);
        return parse_number(p, s, p->seen | M_DATE, mask);
    }
    if (point != NULL && (p->seen & M_DATE) == 0) return parse_date_field(p, s, p->seen, mask);
    if (point != NULL && point - s > 2) return parse_packed(p, s, p->seen, mask);
    if (len >= 6 && ((p->seen & M_DATE) == 0 || (p->seen & M_TIME) == 0))
        return parse_packed(p, s, p->seen, mask);
    return parse_number(p, s, p->seen, mask);
}

static void
set_day(Parser *p, int64_t days)
{
    civil_from_days(days, &p->dt.year, &p->dt.month, &p->dt.day);
}

static DtError
parse_now_word(Parser *p, WordKind kind, int *mask)
{
    const TimeZone *tz = session_timezone(p->ctx);
    int64_t now = ctx_tx_start(p->ctx);
    int32_t offset = zone_offset_at(tz, now, NULL);
    int64_t local = now + offset * USECS_PER_SEC;
    int64_t days = floor_div(local, USECS_PER_DAY);
    switch (kind) {
    case W_NOW:
        datetime_from_timestamp(local, &p->dt);
        p->fsec_us = p->dt.us;
        p->offset = offset;
        p->has_offset = true;
        *mask = p->time_only ? M_TIME : M_DATE | M_TIME | M_TZ;
        return DT_OK;
    case W_YESTERDAY: set_day(p, days - 1); break;
    case W_TODAY: set_day(p, days); break;
    default: set_day(p, days + 1); break;
    }
    if (p->time_only) return DT_BAD_FORMAT;
    *mask = M_DATE;
    return DT_OK;
}

/* The T between date and time counts only where a time follows. */
static DtError
parse_iso_t(Parser *p, const DtFields *f, int i)
{
    if (!p->time_only && (p->seen & M_DATE) != M_DATE) return DT_BAD_FORMAT;
    if (i + 1 >= f->n || (f->kind[i + 1] != DTF_NUMBER && f->kind[i + 1] != DTF_TIME &&
                          f->kind[i + 1] != DTF_DATE))
        return DT_BAD_FORMAT;
    p->next = NEXT_TIME;
    return DT_OK;
}

static DtError
parse_word_field(Parser *p, const DtFields *f, int i, int *mask)
{
    const char *s = f->str[i];
    int32_t offset;
    bool dst;
    const TimeZone *zone;
    /* Zone abbreviations come first. */
    if (timezone_abbrev(p->ctx, s, strlen(s), &offset, &dst, &zone)) {
        *mask = dst && zone == NULL ? M_TZ | M_DTZ : M_TZ;
        p->offset = offset;
        p->has_offset = zone == NULL;
        p->zone = zone;
        p->zone_abbrev = zone != NULL ? s : NULL;
        return DT_OK;
    }
    if (p->ctx->err.code != QN_OK) return DT_RAISED; /* memory ran out over the zone */
    const Word *w = find_word(s);
    if (p->time_only && w != NULL && (w->kind == W_MONTH || w->kind == W_WEEKDAY)) return DT_BAD_FORMAT;
    if (w == NULL) {
        *mask = M_TZ;
        return find_zone(p, s, false);
    }
    switch ((WordKind)w->kind) {
    case W_MONTH:
        if ((p->seen & M_MONTH) && !p->text_month && !(p->seen & M_DAY) && p->dt.month >= 1 &&
            p->dt.month <= 31) { /* the number before was the day */
            p->dt.day = p->dt.month;
            *mask = M_DAY;
        } else {
            *mask = M_MONTH;
        }
        p->text_month = true;
        p->dt.month = w->value;
        return DT_OK;
    case W_IGNORE: return DT_OK;
    case W_WEEKDAY: *mask = M_WEEKDAY; return DT_OK;
    case W_AMPM: *mask = M_AMPM, p->ampm = w->value; return DT_OK;
    case W_ERA: *mask = M_ERA, p->bc = w->value == 1; return DT_OK;
    case W_DST:
        *mask = M_DTZ;
        if (!p->has_offset && p->zone == NULL) p->has_offset = true, p->offset = 0;
        p->dst = true;
        return DT_OK;
    case W_UNIT: p->next = w->value; return DT_OK;
    case W_T: return parse_iso_t(p, f, i);
    case W_NOW:
    case W_TODAY:
    case W_TOMORROW:
    case W_YESTERDAY: return parse_now_word(p, (WordKind)w->kind, mask);
    case W_ALLBALLS:
        *mask = M_TIME | M_TZ;
        p->dt.hour = p->dt.minute = p->dt.second = 0;
        p->fsec_us = 0;
        p->has_offset = true;
        p->offset = 0;
        return DT_OK;
    case W_EPOCH:
    case W_INFINITY:
    case W_MINUS_INFINITY:
        if (p->time_only) return DT_BAD_FORMAT;
        *mask = M_DATE | M_TIME | M_TZ;
        p->special = (WordKind)w->kind;
        return DT_OK;
    case W_NONE: break;
    }
    return DT_BAD_FORMAT;
}

static bool
time_overflows(const Parser *p)
{
    int64_t us = ((int64_t)p->dt.hour * 60 + p->dt.minute) * USECS_PER_MINUTE +
                 (int64_t)p->dt.second * USECS_PER_SEC + p->fsec_us;
    return p->dt.hour < 0 || p->dt.hour > 24 || p->dt.minute > 59 || p->dt.second > 60 || us > USECS_PER_DAY;
}

static DtError
parse_field(Parser *p, const DtFields *f, int i, int *mask)
{
    char *s = f->str[i];
    DtError e;
    switch ((DtFieldKind)f->kind[i]) {
    case DTF_DATE:
        if (p->time_only) {
            if (i == 0 && f->n >= 2 && (f->kind[f->n - 1] == DTF_DATE || f->kind[1] == DTF_TIME))
                return parse_date_field(p, s, p->seen, mask);
            return parse_zone_or_packed(p, s, mask);
        }
        if (p->next == NEXT_JULIAN) { /* J with a zone: J2452271-08 */
            const char *t = s;
            int v;
            if (!parse_int(&t, &v)) return DT_OVERFLOW;
            if (v < 0) return DT_OVERFLOW;
            set_day(p, (int64_t)v - EPOCH_JULIAN);
            p->julian = true;
            p->next = NEXT_ANY;
            if ((e = parse_offset(t, &p->offset)) != DT_OK) return e;
            p->has_offset = true;
            *mask = M_DATE | M_TIME | M_TZ;
            p->dt.hour = p->dt.minute = p->dt.second = 0;
            return DT_OK;
        }
        if (p->next != NEXT_ANY || (p->seen & (M_MONTH | M_DAY)) == (M_MONTH | M_DAY))
            return parse_zone_or_packed(p, s, mask);
        return parse_date_field(p, s, p->seen, mask);
    case DTF_TIME:
        if (p->next != NEXT_ANY && p->next != NEXT_TIME) return DT_BAD_FORMAT;
        p->next = NEXT_ANY;
        if ((e = parse_clock(p, s, mask)) != DT_OK) return e;
        return !p->time_only && time_overflows(p) ? DT_OVERFLOW : DT_OK;
    case DTF_TZ:
        if ((e = parse_offset(s, &p->offset)) != DT_OK) return e;
        p->has_offset = true;
        *mask = M_TZ;
        return DT_OK;
    case DTF_NUMBER: return parse_number_field(p, f, i, mask);
    case DTF_STRING:
    case DTF_SPECIAL: return parse_word_field(p, f, i, mask);
    }
    return DT_BAD_FORMAT;
}

static DtError
check_date(Parser *p)
{
    DateTime *dt = &p->dt;
    if (p->seen & M_YEAR && !p->julian) {
        if (p->bc) {
            if (dt->year <= 0) return DT_OVERFLOW;
            dt->year = 1 - dt->year;
        } else if (p->two_digit_year) {
            if (dt->year < 0) return DT_OVERFLOW;
            if (dt->year < 70)
                dt->year += 2000;
            else if (dt->year < 100)
                dt->year += 1900;
        } else if (dt->year <= 0) {
            return DT_OVERFLOW;
        }
    }
    if (p->seen & M_DOY) {
        int y = dt->year;
        civil_from_days(days_from_civil(y, 1, 1) + p->yday - 1, &dt->year, &dt->month, &dt->day);
    }
    if (p->seen & M_MONTH && (dt->month < 1 || dt->month > 12)) return DT_MD_OVERFLOW;
    if (p->seen & M_DAY && (dt->day < 1 || dt->day > 31)) return DT_MD_OVERFLOW;
    if ((p->seen & M_DATE) == M_DATE && dt->day > days_in_month(dt->year, dt->month)) return DT_OVERFLOW;
    return DT_OK;
}

/* The moment a zone's offset is asked for, in local time: as far as the text says it; a time alone is today's. */
static int64_t
local_moment(const Parser *p)
{
    int64_t local;
    if (p->time_only && (p->seen & M_DATE) != M_DATE) return timestamptz_to_timestamp(session_timezone(p->ctx), ctx_tx_start(p->ctx));
    return datetime_to_timestamp(&p->dt, &local) ? local : 0;
}

/* An abbreviation lies in the fields, which end with parse_all: its offset is found before that. */
static void
settle_abbrev(Parser *p)
{
    if (p->zone_abbrev == NULL) return;
    ZoneSpec spec = {.zone = p->zone, .abbrev = p->zone_abbrev, .abbrev_bytes = strlen(p->zone_abbrev)};
    p->offset = zone_spec_offset_local(&spec, local_moment(p));
    p->has_offset = true;
    p->zone = NULL;
    p->zone_abbrev = NULL;
}

static DtError
parse_all(Parser *p, const char *text, size_t nbytes)
{
    DtFields f;
    DtError e = datetime_split(text, nbytes, &f);
    if (e != DT_OK) return e;
    if (f.n == 0) return DT_BAD_FORMAT;
    for (int i = 0; i < f.n; i++) {
        int mask = 0;
        if ((e = parse_field(p, &f, i, &mask)) != DT_OK) return e;
        if (mask & p->seen) return DT_BAD_FORMAT;
        p->seen |= mask;
    }
    if (p->special != W_NONE) return DT_OK;
    if ((e = check_date(p)) != DT_OK) return e;
    if (p->ampm >= 0) {
        if (p->dt.hour > 12) return DT_OVERFLOW;
        if (p->ampm == 0 && p->dt.hour == 12)
            p->dt.hour = 0;
        else if (p->ampm == 1 && p->dt.hour != 12)
            p->dt.hour += 12;
    }
    if (p->time_only) {
        if (time_overflows(p)) return DT_OVERFLOW;
        if ((p->seen & M_TIME) != M_TIME) return DT_BAD_FORMAT;
        /* A zone's offset depends on the date. */
        bool needs_date = p->zone != NULL && p->zone_abbrev == NULL && !timezone_is_fixed(p->zone);
        settle_abbrev(p);
        return needs_date && (p->seen & M_DATE) != M_DATE ? DT_BAD_FORMAT : DT_OK;
    }
    if ((p->seen & M_DATE) != M_DATE) return DT_BAD_FORMAT;
    p->dt.us = 0;
    settle_abbrev(p);
    if (p->dst) {
        if (p->zone != NULL || (p->seen & M_TZ) == 0) return DT_BAD_FORMAT;
        p->offset += 3600;
    }
    return DT_OK;
}

static Parser
parser_new(Ctx *ctx, bool time_only)
{
    return (Parser){.ctx = ctx,
                    .order = ctx->settings != NULL ? ctx->settings->date_order : DATEORDER_MDY,
                    .time_only = time_only,
                    .ampm = -1};
}

Status
date_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t *out)
{
    Parser p = parser_new(ctx, false);
    DtError e = parse_all(&p, text, nbytes);
    if (e != DT_OK) return datetime_raise(ctx, e, text, nbytes, "date");
    if (p.special == W_EPOCH)
        *out = (int32_t)(-UNIX_EPOCH_SECS / SECS_PER_DAY);
    else if (p.special == W_INFINITY)
        *out = DATE_INFINITY;
    else if (p.special == W_MINUS_INFINITY)
        *out = DATE_MINUS_INFINITY;
    else {
        int64_t days = days_from_civil(p.dt.year, p.dt.month, p.dt.day);
        if (!DATE_IS_VALID(days))
            return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date out of range: \"%.*s\"", (int)nbytes,
                         text);
        *out = (int32_t)days;
    }
    return QN_OK;
}

Status
time_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, int64_t *out)
{
    Parser p = parser_new(ctx, true);
    DtError e = parse_all(&p, text, nbytes);
    if (e != DT_OK) return datetime_raise(ctx, e, text, nbytes, "time");
    *out = ((int64_t)p.dt.hour * 60 + p.dt.minute) * USECS_PER_MINUTE +
           (int64_t)p.dt.second * USECS_PER_SEC + p.fsec_us;
    *out = time_round(*out, typmod);
    return QN_OK;
}

/* The local time the parser read, or the special value. */
static Status
finish_timestamp(Ctx *ctx, Parser *p, const char *text, size_t nbytes, int64_t *out, bool *special)
{
    *special = true;
    switch (p->special) {
    case W_EPOCH: *out = -UNIX_EPOCH_SECS * USECS_PER_SEC; return QN_OK;
    case W_INFINITY: *out = TIMESTAMP_INFINITY; return QN_OK;
    case W_MINUS_INFINITY: *out = TIMESTAMP_MINUS_INFINITY; return QN_OK;
    default: break;
    }
    *special = false;
    int64_t t = 0;
    bool ok = true;
    int64_t days = days_from_civil(p->dt.year, p->dt.month, p->dt.day);
    int64_t time = ((int64_t)p->dt.hour * 60 + p->dt.minute) * USECS_PER_MINUTE +
                   (int64_t)p->dt.second * USECS_PER_SEC + p->fsec_us;
    ok = !__builtin_mul_overflow(days, USECS_PER_DAY, &t) && !__builtin_add_overflow(t, time, &t);
    /* With a zone the range is checked after conversion. */
    if (!ok)
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%.*s\"", (int)nbytes,
                     text);
    *out = t;
    return QN_OK;
}

Status
timetz_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, TimeTz *out)
{
    Parser p = parser_new(ctx, true);
    DtError e = parse_all(&p, text, nbytes);
    if (e != DT_OK) return datetime_raise(ctx, e, text, nbytes, "time with time zone");
    int32_t east = p.offset;
    if (!p.has_offset) {
        const TimeZone *tz = p.zone != NULL ? p.zone : session_timezone(ctx);
        east = timezone_offset_local(tz, floor_div(local_moment(&p), USECS_PER_SEC) + UNIX_EPOCH_SECS);
    } else if (p.dst) {
        east += 3600;
    }
    out->us = ((int64_t)p.dt.hour * 60 + p.dt.minute) * USECS_PER_MINUTE + (int64_t)p.dt.second * USECS_PER_SEC + p.fsec_us;
    out->us = time_round(out->us, typmod);
    out->west = -east;
    return QN_OK;
}

Status
timestamp_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, int64_t *out)
{
    Parser p = parser_new(ctx, false);
    bool special;
    DtError e = parse_all(&p, text, nbytes);
    if (e != DT_OK) return datetime_raise(ctx, e, text, nbytes, "timestamp");
    TRY(finish_timestamp(ctx, &p, text, nbytes, out, &special));
    if (!special && !TIMESTAMP_IS_VALID(*out))
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%.*s\"", (int)nbytes,
                     text);
    return timestamp_round(ctx, out, typmod);
}

Status
timestamptz_parse(Ctx *ctx, const char *text, size_t nbytes, int32_t typmod, int64_t *out)
{
    Parser p = parser_new(ctx, false);
    bool special;
    DtError e = parse_all(&p, text, nbytes);
    if (e != DT_OK) return datetime_raise(ctx, e, text, nbytes, "timestamp with time zone");
    TRY(finish_timestamp(ctx, &p, text, nbytes, out, &special));
    if (!special) {
        int32_t offset = p.offset;
        if (!p.has_offset) {
            const TimeZone *tz = p.zone != NULL ? p.zone : session_timezone(ctx);
            offset = timezone_offset_local(tz, floor_div(*out, USECS_PER_SEC) + UNIX_EPOCH_SECS);
        }
        if (__builtin_sub_overflow(*out, offset * USECS_PER_SEC, out) || !TIMESTAMP_IS_VALID(*out))
            return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%.*s\"",
                         (int)nbytes, text);
    }
    return timestamp_round(ctx, out, typmod);
}
