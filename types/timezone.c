/* timezone.c - see timezone.h. The file format is RFC 8536's TZif, versions 2 to 4. */
#include "types/timezone.h"
#include "common/str.h"
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONEINFO_DIR "/usr/share/zoneinfo"

enum {
    ZONE_NAME_MAX = 255,
    ZONE_FILE_MAX = 1 << 20, /* bytes; the largest in the database is below 4 KB */
    ABBREV_MAX = 15,
    DAY_SECS = 86400,
    TYPES_MAX = 256
};

typedef struct ZoneType {
    int32_t offset;
    bool dst;
    char abbrev[ABBREV_MAX + 1];
} ZoneType;

/* When daylight saving starts or ends within a year (POSIX 8.3). */
typedef struct RuleDate {
    char kind; /* 'M' month.week.day, 'J' day 1-365 without 29 February, '0' day 0-365 */
    int day, week, month;
    int32_t secs; /* after local midnight */
} RuleDate;

typedef struct Rule {
    bool present, has_dst;
    ZoneType std, dst;
    RuleDate start, end;
} Rule;

struct TimeZone {
    TimeZone *next;
    int ntrans, ntypes;
    int64_t *trans;    /* ascending */
    uint8_t *trans_type;
    ZoneType *types;
    Rule rule; /* in force after the last transition */
    char *name;
};

static char utc_name[] = "UTC";
static const TimeZone utc_zone = {.rule = {.present = true, .std = {.abbrev = "UTC"}}, .name = utc_name};
const TimeZone *const timezone_utc = &utc_zone;

static pthread_mutex_t zones_mutex = PTHREAD_MUTEX_INITIALIZER;
static TimeZone *zones; /* guarded by zones_mutex; entries are immutable */

const char *
timezone_name(const TimeZone *tz)
{
    return tz->name;
}

bool
timezone_is_fixed(const TimeZone *tz)
{
    return tz->ntrans == 0 && !tz->rule.has_dst;
}

/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar. */
static int64_t
days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t
year_of(int64_t t)
{
    int64_t days = t / DAY_SECS - (t % DAY_SECS < 0) + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    return yoe + era * 400 + (doy >= 306); /* the computed year starts on 1 March */
}

static bool
is_leap(int64_t y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Local time (as seconds since 1970 of the local calendar) at which the rule date falls in year y. */
static int64_t
rule_time(const RuleDate *r, int64_t y)
{
    int64_t day;
    if (r->kind == 'M') {
        int64_t first = days_from_civil(y, r->month, 1);
        int64_t next = r->month == 12 ? days_from_civil(y + 1, 1, 1) : days_from_civil(y, r->month + 1, 1);
        int weekday = (int)(((first + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
        day = first + (r->day - weekday + 7) % 7 + 7 * (r->week - 1);
        while (day >= next) day -= 7;
    } else {
        day = days_from_civil(y, 1, 1) + r->day;
        if (r->kind == 'J') day += (is_leap(y) && r->day >= 60) ? 0 : -1;
    }
    return day * DAY_SECS + r->secs;
}

static const ZoneType *
rule_type_at(const Rule *rule, int64_t t)
{
    if (!rule->has_dst) return &rule->std;
    int64_t y = year_of(t + rule->std.offset);
    int64_t start = rule_time(&rule->start, y) - rule->std.offset;
    int64_t end = rule_time(&rule->end, y) - rule->dst.offset;
    bool dst = start < end ? t >= start && t < end : !(t >= end && t < start);
    return dst ? &rule->dst : &rule->std;
}

/* The type before the first transition: the first one that is standard time. */
static const ZoneType *
first_type(const TimeZone *tz)
{
    for (int i = 0; i < tz->ntypes; i++)
        if (!tz->types[i].dst) return &tz->types[i];
    return tz->ntypes > 0 ? &tz->types[0] : &tz->rule.std;
}

/* Number of transitions at or before t. */
static int
transitions_until(const TimeZone *tz, int64_t t)
{
    int lo = 0, hi = tz->ntrans;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (tz->trans[mid] <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const ZoneType *
type_at(const TimeZone *tz, int64_t t)
{
    int n = transitions_until(tz, t);
    if (n == tz->ntrans && tz->rule.present) return rule_type_at(&tz->rule, t);
    if (n == 0) return first_type(tz);
    return &tz->types[tz->trans_type[n - 1]];
}

int32_t
timezone_offset_at(const TimeZone *tz, int64_t utc, const char **abbrev_out, bool *dst_out)
{
    const ZoneType *type = type_at(tz, utc);
    if (abbrev_out != NULL) *abbrev_out = type->abbrev;
    if (dst_out != NULL) *dst_out = type->dst;
    return type->offset;
}

/* The first change after t; false if there is none. */
static bool
next_change(const TimeZone *tz, int64_t t, int64_t *at_out)
{
    int n = transitions_until(tz, t);
    if (n < tz->ntrans) {
        *at_out = tz->trans[n];
        return true;
    }
    const Rule *rule = &tz->rule;
    if (!rule->present || !rule->has_dst) return false;
    int64_t y = year_of(t + rule->std.offset);
    int64_t best = INT64_MAX;
    for (int64_t i = y - 1; i <= y + 1; i++) {
        int64_t start = rule_time(&rule->start, i) - rule->std.offset;
        int64_t end = rule_time(&rule->end, i) - rule->dst.offset;
        if (start > t && start < best) best = start;
        if (end > t && end < best) best = end;
    }
    *at_out = best;
    return best != INT64_MAX;
}

int32_t
timezone_offset_local(const TimeZone *tz, int64_t local)
{
    int64_t change;
    int32_t before = type_at(tz, local - DAY_SECS)->offset;
    if (!next_change(tz, local - DAY_SECS, &change)) return before;
    int32_t after = type_at(tz, change)->offset;
    int64_t with_before = local - before, with_after = local - after;
    if (with_before < change && with_after < change) return before;
    if (with_before >= change && with_after >= change) {
        /* A second change within the day is beyond what one step sees; none is in the database after
         * 1970 that the offset at the instant itself does not settle. */
        int32_t now = type_at(tz, with_after)->offset;
        return now == after ? after : type_at(tz, local - now)->offset;
    }
    return with_before > with_after ? before : after;
}

/* Reading POSIX specifications. Each parser advances *s and returns false on bad text. */

static bool
parse_abbrev(const char **s, char *out)
{
    const char *p = *s;
    size_t n = 0;
    if (*p == '<') {
        for (p++; *p != '\0' && *p != '>'; p++)
            if (n++ >= ABBREV_MAX) return false;
        if (*p != '>') return false;
        memcpy(out, p - n, n);
        p++;
    } else {
        while (ascii_is_alpha(*p)) {
            p++;
            if (n++ >= ABBREV_MAX) return false;
        }
        memcpy(out, p - n, n);
    }
    out[n] = '\0';
    *s = p;
    return n > 0;
}

static bool
parse_int(const char **s, int max, int *out)
{
    int v = 0;
    if (!ascii_is_digit(**s)) return false;
    for (; ascii_is_digit(**s); (*s)++) {
        v = v * 10 + (**s - '0');
        if (v > max) return false;
    }
    *out = v;
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool
parse_hms(const char **s, int max_hours, int32_t *out)
{
    int sign = 1, h, m = 0, sec = 0;
    if (**s == '-' || **s == '+') sign = *(*s)++ == '-' ? -1 : 1;
    if (!parse_int(s, max_hours, &h)) return false;
    if (**s == ':') {
        (*s)++;
        if (!parse_int(s, 59, &m)) return false;
        if (**s == ':') {
            (*s)++;
            if (!parse_int(s, 59, &sec)) return false;
        }
    }
    *out = sign * (h * 3600 + m * 60 + sec);
    return true;
}

static bool
parse_rule_date(const char **s, RuleDate *r)
{
    r->secs = 2 * 3600;
    if (**s == 'M') {
        (*s)++;
        r->kind = 'M';
        if (!parse_int(s, 12, &r->month) || r->month < 1 || *(*s)++ != '.') return false;
        if (!parse_int(s, 5, &r->week) || r->week < 1 || *(*s)++ != '.') return false;
        if (!parse_int(s, 6, &r->day)) return false;
    } else if (**s == 'J') {
        (*s)++;
        r->kind = 'J';
        if (!parse_int(s, 365, &r->day) || r->day < 1) return false;
    } else {
        r->kind = '0';
        if (!parse_int(s, 365, &r->day)) return false;
    }
    if (**s == '/') {
        (*s)++;
        return parse_hms(s, 167, &r->secs);
    }
    return true;
}

static bool
parse_rule(const char *s, Rule *rule)
{
    int32_t west;
    memset(rule, 0, sizeof(*rule));
    bool unnamed = *s == '+' || *s == '-' || ascii_is_digit(*s); /* "+3": an offset without a name */
    if ((!unnamed && !parse_abbrev(&s, rule->std.abbrev)) || !parse_hms(&s, 167, &west)) return false;
    rule->std.offset = -west;
    rule->present = true;
    if (*s == '\0') return true;
    if (!parse_abbrev(&s, rule->dst.abbrev)) return false;
    rule->has_dst = true;
    rule->dst.dst = true;
    rule->dst.offset = rule->std.offset + 3600;
    if (*s != '\0' && *s != ',') {
        if (!parse_hms(&s, 167, &west)) return false;
        rule->dst.offset = -west;
    }
    if (*s == '\0') s = ",M3.2.0,M11.1.0"; /* what tz code assumes where no rule is given */
    if (*s++ != ',' || !parse_rule_date(&s, &rule->start)) return false;
    if (*s++ != ',' || !parse_rule_date(&s, &rule->end)) return false;
    return *s == '\0';
}

/* Reading TZif files: bytes from disk are checked, a bad file is a zone that does not exist. */

static int64_t
be(const unsigned char *p, int nbytes)
{
    uint64_t v = (p[0] & 0x80) ? UINT64_MAX : 0;
    for (int i = 0; i < nbytes; i++) v = v << 8 | p[i];
    return (int64_t)v;
}

typedef struct TzHeader {
    int64_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
} TzHeader;

static bool
read_header(const unsigned char *p, const unsigned char *end, TzHeader *h)
{
    if (end - p < 44 || memcmp(p, "TZif", 4) != 0) return false;
    h->isutcnt = be(p + 20, 4);
    h->isstdcnt = be(p + 24, 4);
    h->leapcnt = be(p + 28, 4);
    h->timecnt = be(p + 32, 4);
    h->typecnt = be(p + 36, 4);
    h->charcnt = be(p + 40, 4);
    return h->isutcnt >= 0 && h->isstdcnt >= 0 && h->leapcnt >= 0 && h->timecnt >= 0 &&
           h->typecnt > 0 && h->typecnt <= TYPES_MAX && h->charcnt >= 0 &&
           h->timecnt < ZONE_FILE_MAX && h->charcnt < ZONE_FILE_MAX && h->leapcnt < ZONE_FILE_MAX;
}

static int64_t
data_bytes(const TzHeader *h, int time_bytes)
{
    return h->timecnt * (time_bytes + 1) + h->typecnt * 6 + h->charcnt +
           h->leapcnt * (time_bytes + 4) + h->isstdcnt + h->isutcnt;
}

static bool
read_types(TimeZone *tz, const unsigned char *p, const char *chars, int64_t charcnt)
{
    for (int i = 0; i < tz->ntypes; i++, p += 6) {
        ZoneType *type = &tz->types[i];
        int64_t at = p[5];
        type->offset = (int32_t)be(p, 4);
        type->dst = p[4] != 0;
        if (at >= charcnt || type->offset < -7 * DAY_SECS || type->offset > 7 * DAY_SECS) return false;
        size_t n = strnlen(chars + at, (size_t)(charcnt - at));
        if (n > ABBREV_MAX) n = ABBREV_MAX;
        memcpy(type->abbrev, chars + at, n);
    }
    return true;
}

/* Fills tz from a file's bytes; false: not a zone, or memory is out (*oom). */
static bool
read_tzif(TimeZone *tz, const unsigned char *p, size_t nbytes, bool *oom)
{
    const unsigned char *end = p + nbytes;
    TzHeader h;
    int time_bytes = 4;
    if (!read_header(p, end, &h)) return false;
    if (p[4] >= '2') { /* a second, 64-bit block follows the first */
        int64_t skip = 44 + data_bytes(&h, 4);
        if (skip > end - p) return false;
        p += skip;
        time_bytes = 8;
        if (!read_header(p, end, &h)) return false;
    }
    p += 44;
    if (data_bytes(&h, time_bytes) > end - p) return false;
    tz->ntrans = (int)h.timecnt;
    tz->ntypes = (int)h.typecnt;
    tz->trans = malloc(sizeof(int64_t) * (size_t)(h.timecnt + 1));
    tz->trans_type = malloc((size_t)h.timecnt + 1);
    tz->types = calloc((size_t)h.typecnt, sizeof(ZoneType));
    if (tz->trans == NULL || tz->trans_type == NULL || tz->types == NULL) {
        *oom = true;
        return false;
    }
    for (int i = 0; i < tz->ntrans; i++) {
        tz->trans[i] = be(p + (size_t)i * (size_t)time_bytes, time_bytes);
        if (i > 0 && tz->trans[i] <= tz->trans[i - 1]) return false;
        tz->trans_type[i] = p[h.timecnt * time_bytes + i];
        if (tz->trans_type[i] >= h.typecnt) return false;
    }
    const unsigned char *types = p + h.timecnt * (time_bytes + 1);
    if (!read_types(tz, types, (const char *)types + h.typecnt * 6, h.charcnt)) return false;
    p += data_bytes(&h, time_bytes);
    if (time_bytes == 8 && end - p >= 2 && *p == '\n') { /* footer: a POSIX rule between newlines */
        char text[128];
        const unsigned char *nl = memchr(p + 1, '\n', (size_t)(end - p - 1));
        size_t n = nl != NULL ? (size_t)(nl - p - 1) : 0;
        if (n > 0 && n < sizeof(text)) {
            memcpy(text, p + 1, n);
            text[n] = '\0';
            if (!parse_rule(text, &tz->rule)) tz->rule.present = false;
        }
    }
    return true;
}

static void
free_zone(TimeZone *tz)
{
    if (tz == NULL) return;
    free(tz->trans);
    free(tz->trans_type);
    free(tz->types);
    free(tz);
}

/* Replaces the part [from, ...) of path by the entry of that directory that equals it but for case. */
static bool
fix_case(char *path, size_t from)
{
    char dir[PATH_MAX];
    bool found = false;
    memcpy(dir, path, from - 1);
    dir[from - 1] = '\0';
    DIR *d = opendir(dir);
    if (d == NULL) return false;
    for (struct dirent *e; !found && (e = readdir(d)) != NULL;)
        if (ascii_casecmp(e->d_name, path + from) == 0) {
            memcpy(path + from, e->d_name, strlen(e->d_name));
            found = true;
        }
    closedir(d);
    return found;
}

/* The file of a zone; path gets the database's spelling of the name. */
static bool
resolve_path(const char *name, char *path, size_t size)
{
    size_t used = (size_t)snprintf(path, size, "%s", ZONEINFO_DIR);
    struct stat st;
    while (*name != '\0') {
        size_t n = strcspn(name, "/");
        if (n == 0 || name[0] == '.' || used + n + 2 > size) return false;
        path[used++] = '/';
        memcpy(path + used, name, n);
        path[used + n] = '\0';
        if (stat(path, &st) != 0 && !fix_case(path, used)) return false;
        used += n;
        name += n;
        if (*name == '/' && *++name == '\0') return false;
    }
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= ZONE_FILE_MAX;
}

static unsigned char *
read_file(const char *path, size_t *nbytes_out)
{
    unsigned char *buf = malloc(ZONE_FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    if (buf != NULL && fd >= 0) {
        for (ssize_t n; used < ZONE_FILE_MAX && (n = read(fd, buf + used, ZONE_FILE_MAX - used)) > 0;)
            used += (size_t)n;
    }
    if (fd >= 0) close(fd);
    *nbytes_out = used;
    return buf;
}

/* A new zone for name, not yet in the table. *out NULL: no such zone. */
static Status
load_zone(Ctx *ctx, const char *name, TimeZone **out)
{
    char path[PATH_MAX];
    bool in_file = resolve_path(name, path, sizeof(path));
    const char *spelled = in_file ? path + sizeof(ZONEINFO_DIR) : name;
    Rule rule;
    *out = NULL;
    if (!in_file && !parse_rule(name, &rule)) return QN_OK;
    TimeZone *tz = mem_should_fail() ? NULL : calloc(1, sizeof(*tz) + strlen(spelled) + 1);
    if (tz == NULL) return RAISE_OOM(ctx);
    tz->name = (char *)(tz + 1);
    memcpy(tz->name, spelled, strlen(spelled) + 1);
    if (!in_file) {
        tz->rule = rule;
        *out = tz;
        return QN_OK;
    }
    size_t nbytes;
    bool oom = false;
    unsigned char *buf = read_file(path, &nbytes);
    bool ok = buf != NULL && read_tzif(tz, buf, nbytes, &oom);
    oom |= buf == NULL;
    free(buf);
    if (ok) {
        *out = tz;
    } else {
        free_zone(tz);
        if (oom) return RAISE_OOM(ctx);
    }
    return QN_OK;
}

static TimeZone *
find_loaded(const char *name)
{
    for (TimeZone *tz = zones; tz != NULL; tz = tz->next)
        if (ascii_casecmp(tz->name, name) == 0) return tz;
    return NULL;
}

Status
timezone_find(Ctx *ctx, const char *name, size_t nbytes, const TimeZone **out)
{
    char buf[ZONE_NAME_MAX + 1];
    *out = NULL;
    if (nbytes == 0 || nbytes > ZONE_NAME_MAX || memchr(name, '\0', nbytes) != NULL) return QN_OK;
    memcpy(buf, name, nbytes);
    buf[nbytes] = '\0';
    if (ascii_casecmp(buf, "UTC") == 0) {
        *out = timezone_utc;
        return QN_OK;
    }
    pthread_mutex_lock(&zones_mutex);
    TimeZone *tz = find_loaded(buf);
    pthread_mutex_unlock(&zones_mutex);
    if (tz == NULL) {
        TimeZone *fresh;
        TRY(load_zone(ctx, buf, &fresh));
        if (fresh == NULL) return QN_OK;
        pthread_mutex_lock(&zones_mutex);
        tz = find_loaded(fresh->name); /* another thread may have been first */
        if (tz == NULL) {
            tz = fresh;
            tz->next = zones;
            zones = tz;
            fresh = NULL;
        }
        pthread_mutex_unlock(&zones_mutex);
        free_zone(fresh);
    }
    *out = tz;
    return QN_OK;
}

Status
timezone_fixed(Ctx *ctx, int32_t offset, const TimeZone **out)
{
    char text[32], name[80];
    int32_t a = offset < 0 ? -offset : offset;
    int n = snprintf(text, sizeof(text), "%02d", a / 3600);
    if (a % 3600 != 0) n += snprintf(text + n, sizeof(text) - (size_t)n, ":%02d", a / 60 % 60);
    if (a % 60 != 0) snprintf(text + n, sizeof(text) - (size_t)n, ":%02d", a % 60);
    n = snprintf(name, sizeof(name), "<%c%s>%c%s", offset < 0 ? '-' : '+', text,
                 offset < 0 ? '+' : '-', text);
    return timezone_find(ctx, name, (size_t)n, out);
}

typedef struct Abbrev {
    const char *name;
    int32_t offset;
    bool dst;
    const char *zone;
} Abbrev;

static const Abbrev abbrevs[] = {
#define ABBREV(name, offset, dst) {name, offset, dst, NULL},
#define ABBREV_ZONE(name, zone) {name, 0, false, zone},
#include "types/timezone_abbrevs.def"
#undef ABBREV
#undef ABBREV_ZONE
};

enum { NABBREVS = sizeof(abbrevs) / sizeof(abbrevs[0]) };

int
timezone_abbrev_count(void)
{
    return NABBREVS;
}

const char *
timezone_abbrev_at(int i, int32_t *offset_out, bool *dst_out, const char **zone_out)
{
    *offset_out = abbrevs[i].offset;
    *dst_out = abbrevs[i].dst;
    *zone_out = abbrevs[i].zone;
    return abbrevs[i].name;
}

bool
timezone_abbrev(Ctx *ctx, const char *abbrev, size_t nbytes, int32_t *offset_out, bool *dst_out,
                const TimeZone **zone_out)
{
    char key[ABBREV_MAX + 1];
    if (nbytes == 0 || nbytes > ABBREV_MAX) return false;
    for (size_t i = 0; i < nbytes; i++) key[i] = ascii_lower(abbrev[i]);
    key[nbytes] = '\0';
    int lo = 0, hi = NABBREVS;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2, c = strcmp(abbrevs[mid].name, key);
        if (c == 0) {
            const Abbrev *a = &abbrevs[mid];
            *offset_out = a->offset;
            *dst_out = a->dst;
            *zone_out = NULL;
            if (a->zone == NULL) return true;
            Status st = timezone_find(ctx, a->zone, strlen(a->zone), zone_out);
            return st == QN_OK && *zone_out != NULL;
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

static bool
is_abbrev(const ZoneType *type, const char *abbrev, size_t nbytes)
{
    return strlen(type->abbrev) == nbytes && ascii_ncasecmp(type->abbrev, abbrev, nbytes) == 0;
}

bool
timezone_abbrev_in(const TimeZone *tz, const char *abbrev, size_t nbytes, int64_t utc,
                   int32_t *offset_out, bool *dst_out)
{
    const ZoneType *found = NULL;
    int at = transitions_until(tz, utc);
    if (at == tz->ntrans && tz->rule.present) {
        if (is_abbrev(&tz->rule.std, abbrev, nbytes))
            found = &tz->rule.std;
        else if (tz->rule.has_dst && is_abbrev(&tz->rule.dst, abbrev, nbytes))
            found = &tz->rule.dst;
    }
    for (int i = at - 1; i >= 0 && found == NULL; i--)
        if (is_abbrev(&tz->types[tz->trans_type[i]], abbrev, nbytes)) found = &tz->types[tz->trans_type[i]];
    if (found == NULL && tz->ntypes > 0 && is_abbrev(first_type(tz), abbrev, nbytes))
        found = first_type(tz);
    for (int i = at; i < tz->ntrans && found == NULL; i++)
        if (is_abbrev(&tz->types[tz->trans_type[i]], abbrev, nbytes)) found = &tz->types[tz->trans_type[i]];
    if (found == NULL) return false;
    *offset_out = found->offset;
    *dst_out = found->dst;
    return true;
}

static Status
list_dir(Ctx *ctx, char *path, size_t used, int depth,
         Status (*f)(Ctx *ctx, const char *name, void *arg), void *arg)
{
    Status st = QN_OK;
    DIR *d = opendir(path);
    if (d == NULL) return QN_OK;
    for (struct dirent *e; st == QN_OK && (e = readdir(d)) != NULL;) {
        struct stat info;
        size_t n = strlen(e->d_name);
        if (e->d_name[0] == '.' || used + n + 2 > PATH_MAX) continue;
        path[used] = '/';
        memcpy(path + used + 1, e->d_name, n + 1);
        if (stat(path, &info) != 0) continue;
        if (S_ISDIR(info.st_mode)) {
            if (depth < 4) st = list_dir(ctx, path, used + 1 + n, depth + 1, f, arg);
        } else {
            char magic[4];
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            bool is_zone = fd >= 0 && read(fd, magic, 4) == 4 && memcmp(magic, "TZif", 4) == 0;
            if (fd >= 0) close(fd);
            if (is_zone) st = f(ctx, path + sizeof(ZONEINFO_DIR), arg);
        }
    }
    closedir(d);
    path[used] = '\0';
    return st;
}

Status
timezone_list(Ctx *ctx, Status (*f)(Ctx *ctx, const char *name, void *arg), void *arg)
{
    char path[PATH_MAX] = ZONEINFO_DIR;
    return list_dir(ctx, path, strlen(path), 0, f, arg);
}
